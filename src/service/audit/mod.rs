//! 検査・点検: planned, done with what was found, and the next one from the due day.

mod many;
mod year;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::case::Case;
use super::{App, Call, Failure, Page, Paged};
use crate::db::audit::{AuditRow, Done, FindingRow, InSight};
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::audit::{AuditKind, next_due};
use crate::domain::id::{AuditId, ContractId, EngagementId, FindingId, of};
use crate::domain::input::FieldError;
use crate::input;
use crate::ledger::entry::{salt_hash, salted};
use crate::text_enum;

pub use crate::db::audit::AuditState;
pub use many::{AuditsAt, ManyAudits, ManyPreview, Standing, at_contracts, plan_many, preview_many};
pub use year::{AuditQuery, AuditYearView, AuditYears, YearAuditView, count, find, of_year};

text_enum! {
    /// How an audit ended.
    pub enum AuditResult {
        /// 指摘なし
        Pass = "pass",
        /// 指摘あり
        Findings = "findings",
    }
}

input! {
    /// An audit to be planned.
    pub struct AuditInput {
        kind: AuditKind => word::<AuditKind>(),
        /// None: the prime.
        engagement_id: Option<EngagementId> => optional(id::<of::Engagement>()),
        due_on: NaiveDate => day(),
        /// Repeats every so many months, counted from the due day.
        every_months: Option<i32> => optional(small(1, 120)),
        auditor: Option<String> => optional(text(0, 200)),
        /// 予告なし: told to no vendor before it is done.
        unannounced: bool => or(flag(), false),
    }
}

input! {
    /// 指摘.
    pub struct FindingInput {
        text: String => prose(1, 10_000),
        severity: String => crate::domain::input::text(1, 50),
        due_on: NaiveDate => day(),
    }
}

input! {
    /// How an audit ended.
    pub struct CompletionInput {
        done_on: NaiveDate => day(),
        result: AuditResult => word::<AuditResult>(),
        note: Option<String> => optional(prose(0, 10_000)),
        findings: Vec<FindingInput> => list(nested::<FindingInput>(), 200),
    }
    check |it, errors| {
        errors.extend(check_findings(it.done_on, it.result, &it.findings));
    }
}

input! {
    /// 訂正 of a result that was recorded wrongly: what is right, as a whole.
    pub struct CorrectionInput {
        done_on: NaiveDate => day(),
        result: AuditResult => word::<AuditResult>(),
        note: Option<String> => optional(prose(0, 10_000)),
        /// Those that stand; of those recorded before, the others are withdrawn.
        findings: Vec<FindingInput> => list(nested::<FindingInput>(), 200),
        /// Told to everyone who sees the audit.
        reason: String => prose(1, 1_000),
    }
    check |it, errors| {
        errors.extend(check_findings(it.done_on, it.result, &it.findings));
    }
}

fn check_findings(done_on: NaiveDate, result: AuditResult, findings: &[FindingInput]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match (result, findings.is_empty()) {
        (AuditResult::Pass, false) => errors.push(FieldError::new(
            "/findings",
            "contradiction",
            "結果が「指摘なし」のときは、指摘を入力しないでください。",
        )),
        (AuditResult::Findings, true) => {
            errors.push(FieldError::new("/findings", "required", "指摘を1件以上入力してください。"));
        }
        _ => {}
    }
    for (place, finding) in findings.iter().enumerate() {
        if finding.due_on < done_on {
            errors.push(FieldError::new(
                format!("/findings/{place}/due_on"),
                "before_audit",
                "改善の期限は、検査を行った日以降の日を入力してください。",
            ));
        }
    }
    errors
}

input! {
    /// 是正確認 of an audit's findings, or its withdrawal.
    pub struct ConfirmationInput {
        /// Of the audit, and not withdrawn.
        finding_ids: Vec<FindingId> => list(id::<of::Finding>(), 200),
        /// The day on which they were seen to be put right; left out with `withdrawn`.
        confirmed_on: Option<NaiveDate> => optional(day()),
        /// What was seen, or why it is taken back; shown to the vendor too.
        note: Option<String> => optional(prose(0, 10_000)),
        /// What was recorded is taken back: they are 未確認 again.
        withdrawn: bool => or(flag(), false),
    }
    check |it, errors| {
        if it.finding_ids.is_empty() {
            errors.push(FieldError::new("/finding_ids", "required", "是正を確認した指摘を選んでください。"));
        }
        match (it.withdrawn, it.confirmed_on) {
            (true, Some(_)) => errors.push(FieldError::new(
                "/confirmed_on",
                "contradiction",
                "確認を取り消すときは、確認した日を空欄にしてください。",
            )),
            (false, None) => {
                errors.push(FieldError::new("/confirmed_on", "required", "是正を確認した日を入力してください。"));
            }
            _ => {}
        }
        if it.withdrawn && it.note.as_deref().is_none_or(str::is_empty) {
            errors.push(FieldError::new("/note", "required", "取り消す理由を入力してください。"));
        }
    }
}

input! {
    /// 検査の取消し, of what was planned by mistake.
    pub struct CancellationInput {
        /// Told to everyone who sees the audit.
        reason: String => prose(1, 1_000),
    }
}

/// An audit, planned, done or cancelled.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditView {
    pub id: AuditId,
    pub contract_id: ContractId,
    pub engagement_id: Option<EngagementId>,
    pub kind: AuditKind,
    pub due_on: NaiveDate,
    /// Of an unannounced one for the agency's side only.
    pub every_months: Option<i32>,
    /// 予告なし; shown to the agency's side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unannounced: Option<bool>,
    /// Shown to the agency's side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auditor: Option<String>,
    pub done_on: Option<NaiveDate>,
    pub result: Option<AuditResult>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    pub findings: Vec<FindingView>,
    pub cancelled_on: Option<NaiveDate>,
    pub cancellation_reason: Option<String>,
    /// Day and reason of the last 訂正 of the result; what stood before is in the ledger.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub corrected_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub correction_reason: Option<String>,
    pub planned_at: DateTime<Utc>,
    /// The next of the series, once this one is done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_due_on: Option<NaiveDate>,
}

/// A finding as recorded.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FindingView {
    pub id: FindingId,
    pub text: String,
    pub severity: String,
    pub due_on: NaiveDate,
    /// 是正確認: the day on which it was seen to be put right; null: 未確認.
    pub confirmed_on: Option<NaiveDate>,
    /// What was seen.
    pub confirmation: Option<String>,
}

/// Plans an audit.
pub fn plan(app: &App, call: &Call, contract: ContractId, given: &AuditInput) -> Result<AuditView, Failure> {
    app.act_on_contract(call, contract, |tx| plan_in(tx, call, contract, given))
}

/// As [`plan`], within a transaction.
fn plan_in(
    tx: &mut Tx<'_>,
    call: &Call,
    contract: ContractId,
    given: &AuditInput,
) -> Result<AuditView, Failure> {
    let case = Case::open(tx.conn, call.scope(), contract)?;
    let known = case.facts.chain.now();
    if let Some(id) = given.engagement_id {
        case.engagement(&known, id)
            .map_err(|_| Failure::field("/engagement_id", "unknown", "この契約の体制にありません。"))?;
    }
    if known.terms().is_some_and(|terms| given.due_on < terms.starts_on) {
        return Err(Failure::field("/due_on", "before_contract", "契約の開始日以降の日を入力してください。"));
    }
    let id: AuditId = tx.new_id();
    let mut row = AuditRow {
        id,
        contract_id: contract,
        engagement_id: given.engagement_id,
        series_id: id.cast(),
        place: 1,
        kind: given.kind,
        first_due_on: given.due_on,
        due_on: given.due_on,
        every_months: given.every_months,
        unannounced: given.unannounced,
        auditor: given.auditor.clone(),
        salt: given.auditor.as_ref().map(|_| tx.sources.token()),
        recorded_at: NaiveDateTime::default(),
    };
    schedule(tx, &mut row, None)?;
    one(tx.conn, row, true)
}

/// Writes a planned audit and its entry, in which the auditor's name is hashed: it is a person's.
fn schedule(tx: &mut Tx<'_>, row: &mut AuditRow, after: Option<AuditId>) -> Result<(), DbError> {
    let auditor = row.auditor.as_deref().zip(row.salt.as_deref());
    let payload = json!({
        "audit_id": row.id, "after": after, "kind": row.kind, "engagement_id": row.engagement_id,
        "due_on": row.due_on, "every_months": row.every_months, "unannounced": row.unannounced,
        "auditor_hash": auditor.map(|(name, salt)| salted(salt, name)),
        "salt_hash": row.salt.as_deref().map(salt_hash),
    });
    let stamp = tx.record("audit.planned", row.id, &payload)?.stamp;
    row.recorded_at = stamp.at.naive_utc();
    db::audit::add(tx, row, stamp)
}

/// Records that an audit was done, with its findings; the next one is scheduled from the due day, however late this
/// one was.
pub fn complete(app: &App, call: &Call, id: AuditId, given: &CompletionInput) -> Result<AuditView, Failure> {
    let contract = app.db.read_one::<_, DbError>(|conn| db::audit::find(conn, id))?.contract_id;
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        check_day(&case, given.done_on, tx.today)?;
        let row = still_open(tx.conn, id)?;
        let findings: Vec<FindingRow> = given
            .findings
            .iter()
            .map(|f| FindingRow { id: tx.new_id(), audit_id: id, text: f.text.clone(), severity: f.severity.clone(), due_on: f.due_on, confirmed_on: None, confirmation: None })
            .collect();
        let payload = json!({
            "audit_id": id, "engagement_id": row.engagement_id, "done_on": given.done_on, "result": given.result, "note": given.note,
            "findings": findings.iter().map(|f| json!({"finding_id": f.id, "text": f.text, "severity": f.severity, "due_on": f.due_on})).collect::<Vec<_>>(),
        });
        let recorded = tx.record("audit.completed", id, &payload)?;
        let done = Done { done_on: given.done_on, result: given.result.as_str(), note: given.note.as_deref() };
        db::audit::complete(tx, &row, done, call.actor.user_id, &recorded)?;
        for (place, finding) in (1..).zip(&findings) {
            db::audit::add_finding(tx, contract, place, finding, recorded.stamp)?;
        }
        let next = row.every_months.and_then(|months| next_due(row.first_due_on, months, row.due_on));
        if let Some(due_on) = next {
            let mut next = AuditRow { id: tx.new_id(), due_on, place: row.place + 1, ..row.clone() };
            schedule(tx, &mut next, Some(id))?;
        }
        Ok(AuditView { next_due_on: next, ..one(tx.conn, row, true)? })
    })
}

/// Refuses a day on which the audit can't have been done.
fn check_day(case: &Case, done_on: NaiveDate, today: NaiveDate) -> Result<(), Failure> {
    let earliest = case.facts.chain.now().terms().map(|terms| terms.signed_on.min(terms.starts_on));
    if let Some(earliest) = earliest.filter(|earliest| done_on < *earliest) {
        let message = format!("検査を行った日は、契約日（{earliest}）以降の日を入力してください。");
        return Err(Failure::field("/done_on", "before_contract", message));
    }
    if done_on > today {
        let message = "検査を行った日は、今日までの日を入力してください。";
        return Err(Failure::field("/done_on", "future", message));
    }
    Ok(())
}

/// Corrects what was recorded of an audit that is done: its day, result, remarks and findings. The entry has what stood
/// before; the series goes on from the due day, as it did.
pub fn correct(app: &App, call: &Call, id: AuditId, given: &CorrectionInput) -> Result<AuditView, Failure> {
    let contract = app.db.read_one::<_, DbError>(|conn| db::audit::find(conn, id))?.contract_id;
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        check_day(&case, given.done_on, tx.today)?;
        let outcomes = db::audit::outcomes(tx.conn, &[id])?;
        let Some(before) = outcomes.done.first() else {
            let message = "訂正できるのは、結果を記録した検査だけです。";
            return Err(Failure::conflict("not_done", message));
        };
        let (stay, withdrawn): (Vec<&FindingRow>, Vec<&FindingRow>) =
            outcomes.findings.iter().partition(|row| given.findings.iter().any(|said| is_said(row, said)));
        let withdrawn: Vec<FindingId> = withdrawn.iter().map(|row| row.id).collect();
        let first = db::audit::count_findings(tx.conn, id)? + 1;
        let new = given.findings.iter().filter(|said| !stay.iter().any(|row| is_said(row, said)));
        let new: Vec<(i32, FindingRow)> = (i32::try_from(first).unwrap_or(i32::MAX)..)
            .zip(new)
            .map(|(place, said)| {
                let FindingInput { text, severity, due_on } = said.clone();
                let (confirmed_on, confirmation) = (None, None);
                (place, FindingRow { id: tx.new_id(), audit_id: id, text, severity, due_on, confirmed_on, confirmation })
            })
            .collect();
        let is_same = before.done_on == given.done_on
            && before.result == given.result.as_str()
            && before.note.as_deref().unwrap_or_default() == given.note.as_deref().unwrap_or_default();
        if is_same && withdrawn.is_empty() && new.is_empty() {
            return Err(Failure::conflict("unchanged", "記録されている結果と同じです。訂正するところがありません。"));
        }
        let row = db::audit::find(tx.conn, id)?;
        let payload = json!({
            "audit_id": id, "completion_id": before.id, "engagement_id": row.engagement_id, "done_on": given.done_on,
            "result": given.result, "note": given.note, "reason": given.reason,
            "before": {"done_on": before.done_on, "result": before.result, "note": before.note}, "withdrawn": withdrawn,
            "findings": new.iter().map(|(place, f)| json!({
                "finding_id": f.id, "place": place, "text": f.text, "severity": f.severity, "due_on": f.due_on,
            })).collect::<Vec<_>>(),
        });
        let recorded = tx.record("audit.corrected", id, &payload)?;
        let done = Done { done_on: given.done_on, result: given.result.as_str(), note: given.note.as_deref() };
        db::audit::correct(tx, before.id, done, &given.reason)?;
        db::audit::withdraw_findings(tx, &withdrawn)?;
        for (place, finding) in &new {
            db::audit::add_finding(tx, contract, *place, finding, recorded.stamp)?;
        }
        one(tx.conn, row, true)
    })
}

/// Records that findings were seen to be put right (是正確認), or takes back what was recorded by mistake.
pub fn confirm(app: &App, call: &Call, id: AuditId, given: &ConfirmationInput) -> Result<AuditView, Failure> {
    let contract = app.db.read_one::<_, DbError>(|conn| db::audit::find(conn, id))?.contract_id;
    app.act_on_contract(call, contract, |tx| {
        Case::open(tx.conn, call.scope(), contract)?;
        let row = db::audit::find(tx.conn, id)?;
        let outcomes = db::audit::outcomes(tx.conn, &[id])?;
        let Some(done) = outcomes.done.first() else {
            return Err(Failure::conflict("not_done", "是正を確認できるのは、結果を記録した検査の指摘だけです。"));
        };
        let unknown = given.finding_ids.iter().enumerate();
        let unknown = unknown.filter(|(_, id)| !outcomes.findings.iter().any(|finding| finding.id == **id));
        let unknown = unknown.map(|(place, _)| {
            let pointer = format!("/finding_ids/{place}");
            FieldError::new(pointer, "unknown", "この検査の指摘ではないか、取り下げられています。")
        });
        Failure::unless_empty(unknown.collect())?;
        if let Some(day) = given.confirmed_on {
            if day < done.done_on {
                let message = format!("検査を行った日（{}）以降の日を入力してください。", done.done_on);
                return Err(Failure::field("/confirmed_on", "before_audit", message));
            }
            if day > tx.today {
                return Err(Failure::field("/confirmed_on", "future", "今日までの日を入力してください。"));
            }
        }
        let named = outcomes.findings.iter().filter(|finding| given.finding_ids.contains(&finding.id));
        let before: Vec<_> = named
            .map(|f| json!({"finding_id": f.id, "confirmed_on": f.confirmed_on, "confirmation": f.confirmation}))
            .collect();
        let payload = json!({
            "audit_id": id, "engagement_id": row.engagement_id, "finding_ids": given.finding_ids,
            "confirmed_on": given.confirmed_on, "note": given.note, "before": before,
        });
        tx.record("audit.findings_confirmed", id, &payload)?;
        let (day, words, by) = (given.confirmed_on, given.note.as_deref(), call.actor.user_id);
        db::audit::confirm_findings(tx, &given.finding_ids, day, words, by)?;
        one(tx.conn, row, true)
    })
}

/// Whether a finding is recorded as it is said now.
fn is_said(row: &FindingRow, said: &FindingInput) -> bool {
    row.text == said.text && row.severity == said.severity && row.due_on == said.due_on
}

/// Cancels an audit that was planned by mistake: it is due no more, and no further one of its series follows.
pub fn cancel(app: &App, call: &Call, id: AuditId, given: &CancellationInput) -> Result<AuditView, Failure> {
    let contract = app.db.read_one::<_, DbError>(|conn| db::audit::find(conn, id))?.contract_id;
    app.act_on_contract(call, contract, |tx| {
        Case::open(tx.conn, call.scope(), contract)?;
        let row = still_open(tx.conn, id)?;
        let payload = json!({
            "audit_id": id, "engagement_id": row.engagement_id, "reason": given.reason, "unannounced": row.unannounced,
        });
        let recorded = tx.record("audit.cancelled", id, &payload)?;
        db::audit::cancel(tx, &row, &given.reason, call.actor.user_id, &recorded)?;
        one(tx.conn, row, true)
    })
}

/// The audit, while it is neither done nor cancelled.
fn still_open(conn: &mut Conn, id: AuditId) -> Result<AuditRow, Failure> {
    let outcomes = db::audit::outcomes(conn, &[id])?;
    if !outcomes.done.is_empty() {
        return Err(Failure::conflict("done", "この検査は、すでに完了しています。"));
    }
    if !outcomes.cancelled.is_empty() {
        return Err(Failure::conflict("cancelled", "この検査の計画は、すでに取り消されています。"));
    }
    Ok(db::audit::find(conn, id)?)
}

/// Audits of a contract: all for the agency's side, those of its branch for a vendor.
pub fn list(app: &App, call: &Call, contract: ContractId, page: &Page) -> Result<Paged<AuditView>, Failure> {
    app.db.read(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        let is_prime = case.vendor() == Some(case.facts.prime_id);
        let in_sight = case.places_in_sight().map(|places| InSight { places, is_prime });
        let rows = db::audit::of_contract(conn, contract, in_sight.as_ref(), page.after_id()?, page.rows())?;
        let views = views(conn, rows, case.is_agency_side())?;
        Ok(Paged::cut(page, views, |view| view.id.to_string(), |view| view))
    })
}

fn one(conn: &mut Conn, row: AuditRow, agency_side: bool) -> Result<AuditView, Failure> {
    views(conn, vec![row], agency_side)?.into_iter().next().ok_or(Failure::NotFound)
}

fn views(conn: &mut Conn, rows: Vec<AuditRow>, agency_side: bool) -> Result<Vec<AuditView>, Failure> {
    let ids: Vec<AuditId> = rows.iter().map(|row| row.id).collect();
    let became = db::audit::outcomes(conn, &ids)?;
    rows.into_iter()
        .map(|row| {
            let outcome = became.done.iter().find(|done| done.audit_id == row.id);
            let result = outcome.map(|o| o.result.parse()).transpose().map_err(Failure::Internal)?;
            let findings = became.findings.iter().filter(|f| f.audit_id == row.id);
            let cancelled = became.cancelled.iter().find(|cancelled| cancelled.audit_id == row.id);
            Ok(AuditView {
                id: row.id,
                contract_id: row.contract_id,
                engagement_id: row.engagement_id,
                kind: row.kind,
                due_on: row.due_on,
                // When an unannounced one comes again is not for a vendor to know.
                every_months: row.every_months.filter(|_| agency_side || !row.unannounced),
                unannounced: agency_side.then_some(row.unannounced),
                auditor: row.auditor.filter(|_| agency_side),
                done_on: outcome.map(|o| o.done_on),
                result,
                note: outcome.and_then(|o| o.note.clone()).filter(|_| agency_side),
                findings: findings
                    .map(|f| FindingView {
                        id: f.id,
                        text: f.text.clone(),
                        severity: f.severity.clone(),
                        due_on: f.due_on,
                        confirmed_on: f.confirmed_on,
                        confirmation: f.confirmation.clone(),
                    })
                    .collect(),
                cancelled_on: cancelled.map(|c| c.cancelled_on),
                cancellation_reason: cancelled.map(|c| c.reason.clone()),
                corrected_on: outcome.and_then(|o| o.corrected_on),
                correction_reason: outcome.and_then(|o| o.correction.clone()),
                planned_at: row.recorded_at.and_utc(),
                next_due_on: None,
            })
        })
        .collect()
}
