//! Many contracts with what exports say of a day: names, terms, terminations, officers, and when alerts stood.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::facts::TermsColumns;
use super::schema::{
    alerts, contract_officers, contract_terminations, contract_terms, contracts, ledger_entries,
    ledger_names, organizations, users,
};
use super::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::chain::ChainFacts;
use crate::domain::contract::{Stamp, Termination, TermsFact};
use crate::domain::id::{AlertId, ContractId, OrganizationId};

/// A contract, with its own facts by all that is known.
#[derive(Debug, Clone)]
pub struct ContractHistory {
    pub id: ContractId,
    pub agency_name: String,
    pub number: String,
    pub vendor_name: String,
    pub vendor_corporate_number: Option<String>,
    /// The business day of registration.
    pub learned_on: NaiveDate,
    /// Terms and terminations; nothing of the chain below.
    pub facts: ChainFacts,
    /// Names of the responsible officers, each from a day on, in the order in which they were recorded.
    pub officers: Vec<(NaiveDate, String)>,
    /// Opened, and resolved if it was.
    pub alerts: Vec<(NaiveDate, Option<NaiveDate>)>,
}

type Head = (ContractId, OrganizationId, String, OrganizationId, String, Option<String>, NaiveDate);

/// Contracts in scope of an agency or of the program whose registration stands, newest first; none for others, who
/// have no exports.
pub fn contracts(
    conn: &mut Conn,
    scope: Scope,
    after: Option<ContractId>,
    rows: i64,
) -> Result<Vec<ContractHistory>, DbError> {
    let mut query = contracts::table
        .inner_join(organizations::table.on(organizations::id.eq(contracts::vendor_id)))
        .filter(contracts::voided_on.is_null())
        .order(contracts::id.desc())
        .limit(rows)
        .select((
            contracts::id,
            contracts::agency_id,
            contracts::number,
            contracts::vendor_id,
            organizations::name,
            organizations::corporate_number,
            contracts::learned_on,
        ))
        .into_boxed();
    match scope {
        Scope::Agency(id) => query = query.filter(contracts::agency_id.eq(id)),
        Scope::Program => {}
        Scope::Overseer | Scope::Vendor(_) | Scope::Nothing => return Ok(Vec::new()),
    }
    if let Some(after) = after {
        query = query.filter(contracts::id.lt(after));
    }
    let heads: Vec<Head> = query.load(conn)?;
    let ids: Vec<ContractId> = heads.iter().map(|head| head.0).collect();
    let agencies: Vec<OrganizationId> = heads.iter().map(|head| head.1).collect();
    let agencies: HashMap<OrganizationId, String> = organizations::table
        .filter(organizations::id.eq_any(agencies))
        .select((organizations::id, organizations::name))
        .load::<(OrganizationId, String)>(conn)?
        .into_iter()
        .collect();
    let mut terms = terms(conn, &ids)?;
    let mut terminations = terminations(conn, &ids)?;
    let mut officers = officers(conn, &ids)?;
    let mut alerts = alerts(conn, &ids)?;
    Ok(heads
        .into_iter()
        .map(|(id, agency_id, number, _, vendor_name, vendor_corporate_number, learned_on)| ContractHistory {
            id,
            agency_name: agencies.get(&agency_id).cloned().unwrap_or_default(),
            number,
            vendor_name,
            vendor_corporate_number,
            learned_on,
            facts: ChainFacts {
                contract_id: id,
                agency_id,
                terms: terms.remove(&id).unwrap_or_default(),
                terminations: terminations.remove(&id).unwrap_or_default(),
                engagements: Vec::new(),
                applications: Vec::new(),
                consents: Vec::new(),
                revocations: Vec::new(),
                statements: Vec::new(),
                retractions: Vec::new(),
                merges: Vec::new(),
            },
            officers: officers.remove(&id).unwrap_or_default(),
            alerts: alerts.remove(&id).unwrap_or_default(),
        })
        .collect())
}

fn by_contract<T>(rows: impl IntoIterator<Item = (ContractId, T)>) -> HashMap<ContractId, Vec<T>> {
    let mut found: HashMap<ContractId, Vec<T>> = HashMap::new();
    for (id, row) in rows {
        found.entry(id).or_default().push(row);
    }
    found
}

fn stamp(seq: i64, at: NaiveDateTime) -> Stamp {
    Stamp { seq, at: at.and_utc() }
}

fn terms(conn: &mut Conn, ids: &[ContractId]) -> Result<HashMap<ContractId, Vec<TermsFact>>, DbError> {
    use contract_terms as t;
    let rows: Vec<(ContractId, TermsColumns)> = t::table
        .filter(t::contract_id.eq_any(ids))
        .select((t::contract_id, TermsColumns::as_select()))
        .load(conn)?;
    let fact = |(id, terms): (_, TermsColumns)| Ok((id, terms.fact()?));
    Ok(by_contract(rows.into_iter().map(fact).collect::<Result<Vec<_>, DbError>>()?))
}

fn terminations(
    conn: &mut Conn,
    ids: &[ContractId],
) -> Result<HashMap<ContractId, Vec<Termination>>, DbError> {
    use contract_terminations as t;
    let rows: Vec<(ContractId, NaiveDate, i64, NaiveDateTime)> = t::table
        .filter(t::contract_id.eq_any(ids))
        .select((t::contract_id, t::effective_on, t::seq, t::recorded_at))
        .load(conn)?;
    let fact = |(id, effective_on, seq, at)| (id, Termination { effective_on, stamp: stamp(seq, at) });
    Ok(by_contract(rows.into_iter().map(fact)))
}

fn officers(
    conn: &mut Conn,
    ids: &[ContractId],
) -> Result<HashMap<ContractId, Vec<(NaiveDate, String)>>, DbError> {
    use contract_officers as o;
    let rows: Vec<(ContractId, NaiveDate, String)> = o::table
        .inner_join(users::table.on(users::id.eq(o::officer_id)))
        .filter(o::contract_id.eq_any(ids))
        .filter(o::withdrawn_on.is_null())
        .order(o::seq)
        .select((o::contract_id, o::starts_on, users::name))
        .load(conn)?;
    Ok(by_contract(rows.into_iter().map(|(id, from, name)| (id, (from, name)))))
}

type Stood = (NaiveDate, Option<NaiveDate>);

fn alerts(conn: &mut Conn, ids: &[ContractId]) -> Result<HashMap<ContractId, Vec<Stood>>, DbError> {
    let rows: Vec<(Option<ContractId>, NaiveDate, Option<NaiveDate>)> = alerts::table
        .filter(alerts::contract_id.eq_any(ids.iter().copied().map(Some).collect::<Vec<_>>()))
        .select((alerts::contract_id, alerts::opened_on, alerts::resolved_on))
        .load(conn)?;
    Ok(by_contract(rows.into_iter().filter_map(|(id, opened, resolved)| Some((id?, (opened, resolved))))))
}

/// When someone first took up these alerts, by the ledger; the rows were in scope.
pub fn taken_up(conn: &mut Conn, ids: &[AlertId]) -> Result<HashMap<AlertId, NaiveDateTime>, DbError> {
    let rows: Vec<(AlertId, NaiveDateTime)> = ledger_names::table
        .inner_join(ledger_entries::table.on(ledger_entries::id.eq(ledger_names::entry_id)))
        .filter(ledger_names::subject_id.eq_any(ids.iter().map(ToString::to_string).collect::<Vec<_>>()))
        .filter(ledger_entries::action.eq_any(["alert.acknowledged", "alert.measured", "alert.assessed"]))
        .select((ledger_entries::subject_id, ledger_entries::at))
        .load(conn)?;
    let mut first = HashMap::new();
    for (id, at) in rows {
        let earliest = first.entry(id).or_insert(at);
        *earliest = at.min(*earliest);
    }
    Ok(first)
}
