//! Audits as planned and done, with the findings recorded.

mod finding;
mod year;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

pub use finding::{ListedFinding, OpenFindings, count_open_findings, open_findings};
pub use year::{AuditFilter, AuditState, ListedAudit, count, list};

use super::schema::{audit_cancellations, audit_completions, audits, engagements, findings, organizations};
use super::tx::Recorded;
use super::{Conn, DbError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::contract::Stamp;
use crate::domain::id::{AuditId, ContractId, EngagementId, FindingId, SubjectId, UserId};

/// An audit as planned.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audits)]
pub struct AuditRow {
    pub id: AuditId,
    pub contract_id: ContractId,
    pub engagement_id: Option<EngagementId>,
    pub series_id: SubjectId,
    pub place: i32,
    pub kind: AuditKind,
    pub first_due_on: NaiveDate,
    pub due_on: NaiveDate,
    pub every_months: Option<i32>,
    /// 予告なし: told to no vendor before it is done.
    pub unannounced: bool,
    pub auditor: Option<String>,
    /// Goes before the auditor's name where it is hashed for the ledger.
    pub salt: Option<String>,
    pub recorded_at: NaiveDateTime,
}

/// How an audit ended.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_completions)]
pub struct CompletionRow {
    pub id: SubjectId,
    pub audit_id: AuditId,
    pub done_on: NaiveDate,
    pub result: String,
    pub note: Option<String>,
    /// The business day on which it was last corrected.
    pub corrected_on: Option<NaiveDate>,
    /// Why.
    pub correction: Option<String>,
}

/// A plan withdrawn.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_cancellations)]
pub struct CancellationRow {
    pub audit_id: AuditId,
    pub cancelled_on: NaiveDate,
    pub reason: String,
}

/// What became of audits.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    pub done: Vec<CompletionRow>,
    /// In the order in which they were recorded.
    pub findings: Vec<FindingRow>,
    pub cancelled: Vec<CancellationRow>,
}

/// A finding as recorded.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = findings)]
pub struct FindingRow {
    pub id: FindingId,
    pub audit_id: AuditId,
    pub text: String,
    pub severity: String,
    /// 改善の期限
    pub due_on: NaiveDate,
    /// 是正確認: the day on which it was seen to be put right; None: 未確認.
    pub confirmed_on: Option<NaiveDate>,
    /// What was seen.
    pub confirmation: Option<String>,
}

/// Plans an audit.
pub fn add(tx: &mut Tx<'_>, row: &AuditRow, stamp: Stamp) -> Result<(), DbError> {
    diesel::insert_into(audits::table)
        .values((
            audits::id.eq(row.id),
            audits::contract_id.eq(row.contract_id),
            audits::agency_id.eq(tx.organization_id),
            audits::engagement_id.eq(row.engagement_id),
            audits::series_id.eq(row.series_id),
            audits::place.eq(row.place),
            audits::kind.eq(row.kind),
            audits::first_due_on.eq(row.first_due_on),
            audits::due_on.eq(row.due_on),
            audits::every_months.eq(row.every_months),
            audits::unannounced.eq(row.unannounced),
            audits::auditor.eq(row.auditor.as_deref()),
            audits::salt.eq(row.salt.as_deref()),
            audits::planned_by.eq(tx.author.map(|author| author.user_id)),
            audits::seq.eq(stamp.seq),
            audits::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// What an audit found.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    pub done_on: NaiveDate,
    pub result: &'a str,
    pub note: Option<&'a str>,
}

/// Records that an audit was done; a second time is not unique.
pub fn complete(
    tx: &mut Tx<'_>,
    audit: &AuditRow,
    done: Done<'_>,
    by: UserId,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    diesel::insert_into(audit_completions::table)
        .values((
            audit_completions::id.eq(recorded.row_id()),
            audit_completions::audit_id.eq(audit.id),
            audit_completions::contract_id.eq(audit.contract_id),
            audit_completions::agency_id.eq(tx.organization_id),
            audit_completions::done_on.eq(done.done_on),
            audit_completions::result.eq(done.result),
            audit_completions::note.eq(done.note),
            audit_completions::completed_by.eq(by),
            audit_completions::seq.eq(stamp.seq),
            audit_completions::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Puts what is right in the place of what was recorded; the caller writes the entry, which has both.
pub fn correct(tx: &mut Tx<'_>, completion: SubjectId, done: Done<'_>, reason: &str) -> Result<(), DbError> {
    diesel::update(audit_completions::table.filter(audit_completions::id.eq(completion)))
        .set((
            audit_completions::done_on.eq(done.done_on),
            audit_completions::result.eq(done.result),
            audit_completions::note.eq(done.note),
            audit_completions::corrected_on.eq(tx.today),
            audit_completions::correction.eq(reason),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Takes findings back by a correction.
pub fn withdraw_findings(tx: &mut Tx<'_>, ids: &[FindingId]) -> Result<(), DbError> {
    diesel::update(findings::table.filter(findings::id.eq_any(ids.to_vec())))
        .set(findings::withdrawn_on.eq(tx.today))
        .execute(tx.conn)?;
    Ok(())
}

/// Records that findings were seen to be put right, or, where no day is given, takes that back.
pub fn confirm_findings(
    tx: &mut Tx<'_>,
    ids: &[FindingId],
    day: Option<NaiveDate>,
    words: Option<&str>,
    by: UserId,
) -> Result<(), DbError> {
    diesel::update(findings::table.filter(findings::id.eq_any(ids.to_vec())))
        .set((
            findings::confirmed_on.eq(day),
            findings::confirmation.eq(words.filter(|_| day.is_some())),
            findings::confirmed_by.eq(day.map(|_| by)),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// How many findings an audit has or had.
pub fn count_findings(conn: &mut Conn, audit: AuditId) -> Result<i64, DbError> {
    Ok(findings::table.filter(findings::audit_id.eq(audit)).count().get_result(conn)?)
}

/// Records that an audit's plan was withdrawn; a second time is not unique.
pub fn cancel(
    tx: &mut Tx<'_>,
    audit: &AuditRow,
    reason: &str,
    by: UserId,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    diesel::insert_into(audit_cancellations::table)
        .values((
            audit_cancellations::id.eq(recorded.row_id()),
            audit_cancellations::audit_id.eq(audit.id),
            audit_cancellations::contract_id.eq(audit.contract_id),
            audit_cancellations::agency_id.eq(tx.organization_id),
            audit_cancellations::cancelled_on.eq(tx.today),
            audit_cancellations::reason.eq(reason),
            audit_cancellations::cancelled_by.eq(by),
            audit_cancellations::seq.eq(stamp.seq),
            audit_cancellations::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Records a finding.
pub fn add_finding(
    tx: &mut Tx<'_>,
    contract: ContractId,
    place: i32,
    row: &FindingRow,
    stamp: Stamp,
) -> Result<(), DbError> {
    diesel::insert_into(findings::table)
        .values((
            findings::id.eq(row.id),
            findings::audit_id.eq(row.audit_id),
            findings::contract_id.eq(contract),
            findings::agency_id.eq(tx.organization_id),
            findings::place.eq(place),
            findings::text.eq(&row.text),
            findings::severity.eq(&row.severity),
            findings::due_on.eq(row.due_on),
            findings::seq.eq(stamp.seq),
            findings::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// One audit. The caller settles whether it may.
pub fn find(conn: &mut Conn, id: AuditId) -> Result<AuditRow, DbError> {
    Ok(audits::table.find(id).select(AuditRow::as_select()).first(conn)?)
}

/// What of a contract's audits a vendor may know of: of unannounced ones those that are done.
#[derive(Debug)]
pub struct InSight {
    /// Its places and those below them.
    pub places: Vec<EngagementId>,
    /// Whether it is the prime: an audit that names no engagement is the prime's.
    pub is_prime: bool,
}

/// Audits of a contract by id, newest first, of at most `rows`.
pub fn of_contract(
    conn: &mut Conn,
    contract: ContractId,
    in_sight: Option<&InSight>,
    after: Option<AuditId>,
    rows: i64,
) -> Result<Vec<AuditRow>, DbError> {
    let mut query = audits::table.filter(audits::contract_id.eq(contract)).into_boxed();
    if let Some(InSight { places, is_prime }) = in_sight {
        let of_a_place = audits::engagement_id.eq_any(places.iter().copied().map(Some).collect::<Vec<_>>());
        query = if *is_prime {
            query.filter(of_a_place.or(audits::engagement_id.is_null()))
        } else {
            query.filter(of_a_place)
        };
        let done = audit_completions::table.filter(audit_completions::audit_id.eq(audits::id));
        query = query.filter(audits::unannounced.eq(false).or(diesel::dsl::exists(done)));
    }
    if let Some(after) = after {
        query = query.filter(audits::id.lt(after));
    }
    Ok(query.order(audits::id.desc()).limit(rows).select(AuditRow::as_select()).load(conn)?)
}

/// What became of the given audits.
pub fn outcomes(conn: &mut Conn, ids: &[AuditId]) -> Result<Outcomes, DbError> {
    let done = audit_completions::table
        .filter(audit_completions::audit_id.eq_any(ids))
        .select(CompletionRow::as_select())
        .load(conn)?;
    let findings = findings::table
        .filter(findings::audit_id.eq_any(ids))
        .filter(findings::withdrawn_on.is_null())
        .order(findings::place)
        .select(FindingRow::as_select())
        .load(conn)?;
    let cancelled = audit_cancellations::table
        .filter(audit_cancellations::audit_id.eq_any(ids))
        .select(CancellationRow::as_select())
        .load(conn)?;
    Ok(Outcomes { done, findings, cancelled })
}

/// Audits of several contracts, each contract's by due day.
pub fn of_contracts(conn: &mut Conn, contracts: &[ContractId]) -> Result<Vec<AuditRow>, DbError> {
    Ok(audits::table
        .filter(audits::contract_id.eq_any(contracts.to_vec()))
        .order((audits::contract_id.desc(), audits::due_on, audits::id))
        .select(AuditRow::as_select())
        .load(conn)?)
}

/// Whose places they are.
pub fn vendor_names(
    conn: &mut Conn,
    places: &[EngagementId],
) -> Result<Vec<(EngagementId, String)>, DbError> {
    Ok(engagements::table
        .inner_join(organizations::table.on(organizations::id.eq(engagements::vendor_id)))
        .filter(engagements::id.eq_any(places.to_vec()))
        .select((engagements::id, organizations::name))
        .load(conn)?)
}
