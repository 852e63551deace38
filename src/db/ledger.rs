//! The ledger as stored: entries by chain or by what they name, in scope; and every row of it, as it stands, for
//! verification.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{engagements, ledger_chains, ledger_entries, ledger_names};
use super::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::contract::Instant;
use crate::domain::id::{ContractId, EngagementId, EntryId, OrganizationId, SubjectId, UserId};
use crate::ledger::entry::Entry;

#[derive(Queryable, Selectable)]
#[diesel(table_name = ledger_entries)]
struct EntryRow {
    id: EntryId,
    chain_id: SubjectId,
    organization_id: OrganizationId,
    seq: i64,
    at: NaiveDateTime,
    actor_id: Option<UserId>,
    actor_organization_id: Option<OrganizationId>,
    action: String,
    subject_id: SubjectId,
    payload: String,
    prev_hash: String,
    hash: String,
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        Self {
            id: row.id,
            chain_id: row.chain_id,
            organization_id: row.organization_id,
            seq: row.seq,
            at: row.at.and_utc(),
            actor_id: row.actor_id,
            actor_organization_id: row.actor_organization_id,
            action: row.action,
            subject_id: row.subject_id,
            payload: row.payload,
            prev_hash: row.prev_hash,
            hash: row.hash,
        }
    }
}

/// How often someone has done something on a chain since then, of its last thousand entries.
pub fn lately(
    conn: &mut Conn,
    chain_id: SubjectId,
    actor: UserId,
    action: &str,
    since: Instant,
) -> Result<usize, DbError> {
    let last: Vec<(NaiveDateTime, Option<UserId>, String)> = ledger_entries::table
        .filter(ledger_entries::chain_id.eq(chain_id))
        .order(ledger_entries::seq.desc())
        .select((ledger_entries::at, ledger_entries::actor_id, ledger_entries::action))
        .limit(1000)
        .load(conn)?;
    let counts = |(at, by, done): &(NaiveDateTime, Option<UserId>, String)| {
        *at > since.naive_utc() && *by == Some(actor) && done == action
    };
    Ok(last.iter().filter(|entry| counts(entry)).count())
}

/// Whether a chain exists and can be read in the scope: an agency reads its contracts' chains and its own, a vendor
/// those of contracts on which it stands or stood and its own, an overseer all.
pub fn can_read_chain(conn: &mut Conn, scope: Scope, chain_id: SubjectId) -> Result<bool, DbError> {
    let of: Option<OrganizationId> =
        ledger_chains::table.find(chain_id).select(ledger_chains::organization_id).first(conn).optional()?;
    let Some(of) = of else { return Ok(false) };
    Ok(match scope {
        Scope::Overseer | Scope::Program => true,
        Scope::Agency(me) => of == me,
        Scope::Vendor(me) => chain_id == me.cast() || stands_on(conn, me, chain_id.cast())?,
        Scope::Nothing => false,
    })
}

fn stands_on(conn: &mut Conn, vendor: OrganizationId, contract: ContractId) -> Result<bool, DbError> {
    let places = engagements::table
        .filter(engagements::vendor_id.eq(vendor))
        .filter(engagements::contract_id.eq(contract));
    Ok(diesel::select(diesel::dsl::exists(places)).get_result(conn)?)
}

/// A chain's entries in order, those after `after`. The caller has settled that the chain can be read.
pub fn of_chain(conn: &mut Conn, chain_id: SubjectId, after: i64, limit: i64) -> Result<Vec<Entry>, DbError> {
    let rows: Vec<EntryRow> = ledger_entries::table
        .filter(ledger_entries::chain_id.eq(chain_id))
        .filter(ledger_entries::seq.gt(after))
        .order(ledger_entries::seq)
        .limit(limit)
        .select(EntryRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// A chain's entries from the last, those before `before`. The caller has settled that the chain can be read.
pub fn of_chain_backwards(
    conn: &mut Conn,
    chain_id: SubjectId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let mut query = ledger_entries::table
        .filter(ledger_entries::chain_id.eq(chain_id))
        .order(ledger_entries::seq.desc())
        .limit(limit)
        .select(EntryRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(ledger_entries::seq.lt(before));
    }
    let rows: Vec<EntryRow> = query.load(conn)?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// The entries of a chain before `before` whose act, one of `actions`, was on the subject, the last first. The caller has
/// settled that the chain can be read.
pub fn of_subject_backwards(
    conn: &mut Conn,
    chain_id: SubjectId,
    subject: SubjectId,
    actions: &[&str],
    before: i64,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let rows: Vec<EntryRow> = ledger_entries::table
        .filter(ledger_entries::chain_id.eq(chain_id))
        .filter(ledger_entries::seq.lt(before))
        .filter(ledger_entries::subject_id.eq(subject))
        .filter(ledger_entries::action.eq_any(actions))
        .order(ledger_entries::seq.desc())
        .limit(limit)
        .select(EntryRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// The entries that name a subject, by time, in the scope's chains. What of them a vendor may read in full is for
/// the caller to say.
pub fn naming(
    conn: &mut Conn,
    scope: Scope,
    subject: SubjectId,
    after: Option<(Instant, EntryId)>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let mut query = ledger_entries::table
        .inner_join(ledger_names::table.on(ledger_names::entry_id.eq(ledger_entries::id)))
        .filter(ledger_names::subject_id.eq(subject))
        .order((ledger_entries::at, ledger_entries::id))
        .limit(limit)
        .select(EntryRow::as_select())
        .into_boxed();
    match scope {
        Scope::Overseer | Scope::Program => {}
        Scope::Agency(me) => query = query.filter(ledger_entries::organization_id.eq(me)),
        Scope::Vendor(me) => {
            let chains =
                engagements::table.filter(engagements::vendor_id.eq(me)).select(engagements::contract_id);
            let own: SubjectId = me.cast();
            query =
                query.filter(ledger_entries::chain_id.eq_any(chains).or(ledger_entries::chain_id.eq(own)));
        }
        Scope::Nothing => return Ok(Vec::new()),
    }
    if let Some((at, id)) = after {
        let at = at.naive_utc();
        query = query
            .filter(ledger_entries::at.gt(at).or(ledger_entries::at.eq(at).and(ledger_entries::id.gt(id))));
    }
    Ok(query.load(conn)?.into_iter().map(Entry::from).collect())
}

/// An entry by id. The caller settles who may read it.
pub fn entry(conn: &mut Conn, id: EntryId) -> Result<Entry, DbError> {
    let row: EntryRow = ledger_entries::table.find(id).select(EntryRow::as_select()).first(conn)?;
    Ok(row.into())
}

/// The entry with which an application was filed.
pub fn filing(conn: &mut Conn, application: SubjectId) -> Result<EntryId, DbError> {
    Ok(ledger_entries::table
        .inner_join(ledger_names::table.on(ledger_names::entry_id.eq(ledger_entries::id)))
        .filter(ledger_names::subject_id.eq(application).and(ledger_entries::action.eq("application.filed")))
        .select(ledger_entries::id)
        .first(conn)?)
}

/// What the entries name.
pub fn names_of(
    conn: &mut Conn,
    entries: &[EntryId],
) -> Result<HashMap<EntryId, HashSet<SubjectId>>, DbError> {
    let rows: Vec<(EntryId, SubjectId)> = ledger_names::table
        .filter(ledger_names::entry_id.eq_any(entries.to_vec()))
        .select((ledger_names::entry_id, ledger_names::subject_id))
        .load(conn)?;
    let mut names: HashMap<EntryId, HashSet<SubjectId>> = HashMap::new();
    for (entry, subject) in rows {
        names.entry(entry).or_default().insert(subject);
    }
    Ok(names)
}

/// A place on a chain: what settles whose branch it is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub contract_id: ContractId,
    pub id: EngagementId,
    pub parent_id: Option<EngagementId>,
    pub vendor_id: OrganizationId,
}

/// Every place on the contracts' chains.
pub fn places(conn: &mut Conn, contracts: &[ContractId]) -> Result<Vec<Place>, DbError> {
    let rows: Vec<(ContractId, EngagementId, Option<EngagementId>, OrganizationId)> = engagements::table
        .filter(engagements::contract_id.eq_any(contracts.to_vec()))
        .select((engagements::contract_id, engagements::id, engagements::parent_id, engagements::vendor_id))
        .load(conn)?;
    let place = |(contract_id, id, parent_id, vendor_id)| Place { contract_id, id, parent_id, vendor_id };
    Ok(rows.into_iter().map(place).collect())
}

/// The payloads of a chain's entries with that action.
pub fn payloads(conn: &mut Conn, chain_id: Option<SubjectId>, action: &str) -> Result<Vec<String>, DbError> {
    let mut query = ledger_entries::table
        .filter(ledger_entries::action.eq(action.to_owned()))
        .select(ledger_entries::payload)
        .into_boxed();
    if let Some(chain_id) = chain_id {
        query = query.filter(ledger_entries::chain_id.eq(chain_id));
    }
    Ok(query.load(conn)?)
}

/// The entries of registration and change of organizations, by organization, each in the order of its chain.
pub fn of_organizations(conn: &mut Conn, ids: &[SubjectId]) -> Result<HashMap<String, Vec<Entry>>, DbError> {
    let rows: Vec<EntryRow> = ledger_entries::table
        .inner_join(ledger_names::table.on(ledger_names::entry_id.eq(ledger_entries::id)))
        .filter(ledger_names::subject_id.eq_any(ids.to_vec()))
        .filter(ledger_entries::subject_id.eq(ledger_names::subject_id))
        .filter(ledger_entries::action.eq_any(["organization.registered", "organization.changed"]))
        .order((ledger_entries::chain_id, ledger_entries::seq))
        .select(EntryRow::as_select())
        .load(conn)?;
    let mut of: HashMap<String, Vec<Entry>> = HashMap::new();
    for row in rows {
        of.entry(row.subject_id.to_string()).or_default().push(row.into());
    }
    Ok(of)
}
