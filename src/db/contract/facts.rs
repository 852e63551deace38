//! The facts of a contract's own: terms, terminations, responsible officers; and the projection rebuilt from them.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::super::facts::TermsColumns;
use super::super::schema::{
    contract_officers, contract_terminations, contract_terms, contracts, engagements, user_roles, users,
};
use super::super::tx::Recorded;
use super::super::types::{directly, to_json};
use super::super::{Conn, DbError, Tx};
use super::ContractHead;
use crate::domain::access::Role;
use crate::domain::chain::ChainFacts;
use crate::domain::contract::{Stamp, Terms, TermsFact, TermsKind};
use crate::domain::id::{ContractId, EngagementId, Id, OrganizationId, UserId};
use crate::domain::projection::{self, Handover, search_key};

/// Terms as they were recorded. The first by stamp is the registration.
#[derive(Debug, Clone)]
pub struct TermsRow {
    pub fact: TermsFact,
    pub kind: TermsKind,
    /// The place in the ledger of the terms that are taken back or corrected.
    pub answers: Option<i64>,
    /// None: of the registration and of a change of department.
    pub reason: Option<String>,
}

fn stamp_of(seq: i64, at: NaiveDateTime) -> Stamp {
    Stamp { seq, at: at.and_utc() }
}

/// Terms about to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewTerms<'a> {
    pub effective_on: NaiveDate,
    pub kind: TermsKind,
    /// None: of the registration and of a change of department.
    pub reason: Option<&'a str>,
    /// The place in the ledger of the terms that are taken back or corrected.
    pub answers: Option<i64>,
    pub terms: &'a Terms,
}

/// Adds terms.
pub fn add_terms(
    tx: &mut Tx<'_>,
    contract: ContractId,
    new: &NewTerms<'_>,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    directly!(tx.conn, |own| diesel::insert_into(contract_terms::table)
        .values((
            contract_terms::id.eq(recorded.row_id()),
            contract_terms::contract_id.eq(contract),
            contract_terms::agency_id.eq(tx.organization_id),
            contract_terms::effective_on.eq(new.effective_on),
            contract_terms::kind.eq(new.kind),
            contract_terms::answers.eq(new.answers),
            contract_terms::reason.eq(new.reason),
            contract_terms::body.eq(to_json(new.terms)?),
            contract_terms::seq.eq(stamp.seq),
            contract_terms::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(own))?;
    Ok(())
}

/// Adds a termination: `effective_on` is the first day on which the contract no longer runs.
pub fn add_termination(
    tx: &mut Tx<'_>,
    contract: ContractId,
    effective_on: NaiveDate,
    reason: &str,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    diesel::insert_into(contract_terminations::table)
        .values((
            contract_terminations::id.eq(recorded.row_id()),
            contract_terminations::contract_id.eq(contract),
            contract_terminations::agency_id.eq(tx.organization_id),
            contract_terminations::effective_on.eq(effective_on),
            contract_terminations::reason.eq(reason),
            contract_terminations::seq.eq(stamp.seq),
            contract_terminations::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Makes the person the responsible officer from a day on.
pub fn add_officer(
    tx: &mut Tx<'_>,
    contract: ContractId,
    officer: UserId,
    starts_on: NaiveDate,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    directly!(tx.conn, |own| diesel::insert_into(contract_officers::table)
        .values((
            contract_officers::id.eq(recorded.row_id()),
            contract_officers::contract_id.eq(contract),
            contract_officers::agency_id.eq(tx.organization_id),
            contract_officers::officer_id.eq(officer),
            contract_officers::starts_on.eq(starts_on),
            contract_officers::seq.eq(stamp.seq),
            contract_officers::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(own))?;
    Ok(())
}

/// Puts the prime at tier 1.
pub fn add_prime(
    tx: &mut Tx<'_>,
    contract: ContractId,
    engagement: EngagementId,
    vendor: OrganizationId,
    stamp: Stamp,
) -> Result<(), DbError> {
    directly!(tx.conn, |own| diesel::insert_into(engagements::table)
        .values((
            engagements::id.eq(engagement),
            engagements::contract_id.eq(contract),
            engagements::agency_id.eq(tx.organization_id),
            engagements::vendor_id.eq(vendor),
            engagements::tier.eq(1),
            engagements::seq.eq(stamp.seq),
            engagements::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(own))?;
    Ok(())
}

/// All terms of a contract that was found in scope, by stamp.
pub fn terms(conn: &mut Conn, contract: ContractId) -> Result<Vec<TermsRow>, DbError> {
    type Row = (TermsColumns, TermsKind, Option<i64>, Option<String>);
    let rows: Vec<Row> = contract_terms::table
        .filter(contract_terms::contract_id.eq(contract))
        .order(contract_terms::seq)
        .select((
            TermsColumns::as_select(),
            contract_terms::kind,
            contract_terms::answers,
            contract_terms::reason,
        ))
        .load(conn)?;
    let row =
        |(terms, kind, answers, reason): Row| Ok(TermsRow { fact: terms.fact()?, kind, answers, reason });
    rows.into_iter().map(row).collect()
}

/// A handover as recorded.
#[derive(Debug, Clone)]
pub struct HandoverRow {
    pub id: Id<()>,
    pub handover: Handover,
    /// When it was taken back, before it began.
    pub withdrawn_on: Option<NaiveDate>,
}

/// The handovers of a contract that was found in scope, by stamp, those taken back too; the first is the registering
/// officer's.
pub fn handover_rows(conn: &mut Conn, contract: ContractId) -> Result<Vec<HandoverRow>, DbError> {
    type Columns = (Id<()>, UserId, NaiveDate, Option<NaiveDate>, i64, NaiveDateTime);
    let rows: Vec<Columns> = contract_officers::table
        .filter(contract_officers::contract_id.eq(contract))
        .order(contract_officers::seq)
        .select((
            contract_officers::id,
            contract_officers::officer_id,
            contract_officers::starts_on,
            contract_officers::withdrawn_on,
            contract_officers::seq,
            contract_officers::recorded_at,
        ))
        .load(conn)?;
    let row = |(id, officer_id, starts_on, withdrawn_on, seq, at)| HandoverRow {
        id,
        handover: Handover { officer_id, starts_on, stamp: stamp_of(seq, at) },
        withdrawn_on,
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Takes a handover back that was found.
pub fn withdraw_handover(conn: &mut Conn, id: Id<()>, on: NaiveDate) -> Result<(), DbError> {
    diesel::update(contract_officers::table.find(id))
        .set(contract_officers::withdrawn_on.eq(on))
        .execute(conn)?;
    Ok(())
}

/// The handovers of a contract that was found in scope, by stamp; the first is the registering officer's.
pub fn handovers(conn: &mut Conn, contract: ContractId) -> Result<Vec<Handover>, DbError> {
    let stand = handover_rows(conn, contract)?.into_iter().filter(|row| row.withdrawn_on.is_none());
    Ok(stand.map(|row| row.handover).collect())
}

/// The responsible officer on a day: the latest handover that has begun. None: imported and not yet handed to anyone.
pub fn officer_on(conn: &mut Conn, contract: ContractId, day: NaiveDate) -> Result<Option<UserId>, DbError> {
    Ok(projection::officer_on(&handovers(conn, contract)?, day))
}

/// The contract's own facts, without its chain: for the period and the terms in force.
pub fn facts(conn: &mut Conn, contract: ContractId, agency: OrganizationId) -> Result<ChainFacts, DbError> {
    Ok(ChainFacts {
        terms: super::super::facts::terms(conn, contract)?,
        terminations: super::super::facts::terminations(conn, contract)?,
        ..ChainFacts::empty(contract, agency)
    })
}

pub(super) fn without_terms(id: ContractId) -> DbError {
    DbError::BrokenRow(format!("contract {id} without terms"))
}

/// Whether the person is an active officer of the agency.
pub fn is_officer(
    conn: &mut Conn,
    agency: OrganizationId,
    user: UserId,
    today: NaiveDate,
) -> Result<bool, DbError> {
    let found = users::table
        .inner_join(user_roles::table.on(user_roles::user_id.eq(users::id)))
        .filter(users::id.eq(user).and(users::organization_id.eq(agency)).and(users::active.eq(true)))
        .filter(users::expires_on.is_null().or(users::expires_on.ge(today)))
        .filter(user_roles::role.eq(Role::Officer));
    Ok(found.select(users::id).first::<UserId>(conn).optional()?.is_some())
}

/// Rebuilds the projection of a contract from its facts, as of `today`; `touch` raises its version where nothing
/// else does. Answers with the version it then has; None: it stood so already.
pub fn reproject(
    conn: &mut Conn,
    id: ContractId,
    today: NaiveDate,
    touch: bool,
) -> Result<Option<i64>, DbError> {
    let (before, key_before): (ContractHead, String) =
        contracts::table.find(id).select((ContractHead::as_select(), contracts::search_key)).first(conn)?;
    let facts = facts(conn, id, before.agency_id)?;
    let handovers = handovers(conn, id)?;
    let now = projection::project(&facts, &handovers, today).ok_or_else(|| without_terms(id))?;
    let mut after = before.clone();
    after.officer_id = now.officer_id;
    after.fiscal_year = now.terms.fiscal_year;
    after.amount_yen = now.terms.amount_yen;
    after.entrusts_data = now.terms.entrusts_data();
    after.starts_on = now.starts_on;
    after.last_day = now.last_day;
    let key = search_key(&after.number, &now.terms.title);
    after.title = now.terms.title;
    after.department = now.terms.department;
    let changed = after != before || key != key_before;
    if !changed && !touch {
        return Ok(None);
    }
    diesel::update(contracts::table.find(id))
        .set((
            contracts::officer_id.eq(after.officer_id),
            contracts::title.eq(after.title),
            contracts::fiscal_year.eq(after.fiscal_year),
            contracts::amount_yen.eq(after.amount_yen),
            contracts::entrusts_data.eq(after.entrusts_data),
            contracts::starts_on.eq(after.starts_on),
            contracts::last_day.eq(after.last_day),
            contracts::department.eq(after.department),
            contracts::search_key.eq(key),
            contracts::version.eq(before.version + 1),
        ))
        .execute(conn)?;
    Ok(Some(before.version + 1))
}
