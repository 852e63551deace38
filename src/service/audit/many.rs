//! One audit planned for many contracts at once: of the prime of each.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{AuditInput, plan_in};
use crate::db::{self, Conn, DbError};
use crate::domain::audit::AuditKind;
use crate::domain::id::{AuditId, ContractId, of};
use crate::domain::input::FieldError;
use crate::input;
use crate::service::{App, Call, Failure, idempotency};

/// Contracts of one act.
const MOST: usize = 1_000;

input! {
    /// The same audit of the primes of these contracts.
    pub struct ManyAudits {
        contract_ids: Vec<ContractId> => list(id::<of::Contract>(), MOST),
        plan: AuditInput => flattened::<AuditInput>(),
    }
    check |it, errors| {
        if it.contract_ids.is_empty() {
            errors.push(FieldError::new("/contract_ids", "required", "検査を計画する契約を選んでください。"));
        }
        if it.plan.engagement_id.is_some() {
            let message = "まとめて計画できるのは、受託者の検査だけです。";
            errors.push(FieldError::new("/engagement_id", "not_allowed", message));
        }
    }
}

/// What becomes of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Planned,
    /// An audit of that kind and day waits already; none is added.
    There,
    /// The day lies after the contract's last: whoever plans it should know.
    AfterTheEnd,
}

/// A contract that the act names.
#[derive(Debug, Clone)]
pub struct ManyPreview {
    pub id: ContractId,
    pub number: String,
    pub title: String,
    pub standing: Standing,
    /// Due days of the audits of that kind that wait already for another day, the soonest first.
    pub others: Vec<NaiveDate>,
}

/// The prime's audits of a contract.
#[derive(Debug, Clone, Default)]
pub struct AuditsAt {
    /// Still to be done: kind and due day, the soonest first.
    pub planned: Vec<(AuditKind, NaiveDate)>,
    /// The last that was done: kind and day.
    pub last: Option<(AuditKind, NaiveDate)>,
}

/// What of audits is planned and done at the primes of these contracts, which the caller found in a list of its own.
pub fn at_contracts(app: &App, ids: &[ContractId]) -> Result<HashMap<ContractId, AuditsAt>, Failure> {
    Ok(app.db.read::<_, DbError>(|conn| audits_at(conn, ids))?)
}

fn audits_at(conn: &mut Conn, contracts: &[ContractId]) -> Result<HashMap<ContractId, AuditsAt>, DbError> {
    let mut rows = db::audit::of_contracts(conn, contracts)?;
    rows.retain(|row| row.engagement_id.is_none());
    let ids: Vec<AuditId> = rows.iter().map(|row| row.id).collect();
    let outcomes = db::audit::outcomes(conn, &ids)?;
    let done: HashMap<AuditId, NaiveDate> =
        outcomes.done.iter().map(|row| (row.audit_id, row.done_on)).collect();
    let cancelled: HashSet<AuditId> = outcomes.cancelled.iter().map(|row| row.audit_id).collect();
    let mut found: HashMap<ContractId, AuditsAt> = HashMap::new();
    for row in rows {
        let at = found.entry(row.contract_id).or_default();
        match done.get(&row.id) {
            Some(day) if at.last.is_none_or(|(_, last)| last < *day) => at.last = Some((row.kind, *day)),
            Some(_) => {}
            None if cancelled.contains(&row.id) => {}
            None => at.planned.push((row.kind, row.due_on)),
        }
    }
    Ok(found)
}

/// What an act set out to do; kept as its answer, without `left` once it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    planned: usize,
    left: Vec<ContractId>,
}

/// What [`plan_many`] would do; refuses what it would refuse.
pub fn preview_many(app: &App, call: &Call, given: &ManyAudits) -> Result<Vec<ManyPreview>, Failure> {
    app.db.read(|conn| looked_at(conn, call, given))
}

/// Plans the audit for each contract that has none like it: which they are is settled first, then one transaction a
/// contract. The same request again, after a crash in between too, plans what is left of those. Answers how many.
pub fn plan_many(app: &App, call: &Call, given: &ManyAudits) -> Result<usize, Failure> {
    let plan = app.act_on_organization(call, call.actor.organization.id, |tx| {
        let rows = looked_at(tx.conn, call, given)?;
        let new = rows.into_iter().filter(|row| row.standing != Standing::There);
        let left: Vec<ContractId> = new.map(|row| row.id).collect();
        Ok(Plan { planned: left.len(), left })
    })?;
    let each = Call::of(call.actor.clone());
    for id in &plan.left {
        app.act_on_contract(&each, *id, |tx| {
            if is_there(tx.conn, *id, &given.plan)? {
                return Ok(false);
            }
            plan_in(tx, call, *id, &given.plan)?;
            Ok(true)
        })?;
    }
    if !plan.left.is_empty() {
        idempotency::keep_instead(app, call, &Plan { planned: plan.planned, left: Vec::new() })?;
    }
    Ok(plan.planned)
}

fn looked_at(conn: &mut Conn, call: &Call, given: &ManyAudits) -> Result<Vec<ManyPreview>, Failure> {
    let (scope, day) = (call.scope(), given.plan.due_on);
    let (mut rows, mut errors, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (place, id) in given.contract_ids.iter().enumerate().filter(|(_, id)| seen.insert(**id)) {
        let mut wrong = |code, message: String| {
            errors.push(FieldError::new(format!("/contract_ids/{place}"), code, message));
        };
        let head = match db::contract::find(conn, &scope, *id) {
            Ok(head) => head,
            Err(DbError::NotFound) => {
                wrong("unknown", "該当する契約がありません。".to_owned());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if head.voided_on.is_some() {
            wrong("voided", format!("契約{}の登録は取り消されています。", head.number));
        } else if day < head.starts_on {
            let message = format!(
                "契約{}は{}に始まります。期限は、その日以降の日を入力してください。",
                head.number, head.starts_on
            );
            wrong("before_contract", message);
        }
        let standing = if is_there(conn, *id, &given.plan)? {
            Standing::There
        } else if day > head.last_day {
            Standing::AfterTheEnd
        } else {
            Standing::Planned
        };
        let at = audits_at(conn, &[*id])?.remove(id).unwrap_or_default();
        let alike = at.planned.into_iter().filter(|(kind, due)| *kind == given.plan.kind && *due != day);
        let others = alike.map(|(_, due)| due).collect();
        rows.push(ManyPreview { id: *id, number: head.number, title: head.title, standing, others });
    }
    Failure::unless_empty(errors)?;
    Ok(rows)
}

/// Whether the prime has an audit of that kind and day that is not cancelled.
fn is_there(conn: &mut Conn, contract: ContractId, plan: &AuditInput) -> Result<bool, DbError> {
    let rows = db::audit::of_contracts(conn, &[contract])?;
    let like: Vec<_> = rows
        .iter()
        .filter(|row| row.engagement_id.is_none() && row.kind == plan.kind && row.due_on == plan.due_on)
        .map(|row| row.id)
        .collect();
    let outcomes = db::audit::outcomes(conn, &like)?;
    Ok(like.iter().any(|id| !outcomes.cancelled.iter().any(|row| row.audit_id == *id)))
}
