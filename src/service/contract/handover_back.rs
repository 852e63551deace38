//! Coming handovers taken back together: a 人事異動 that was put off.

use std::collections::HashSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::handover::{HandoverWithdrawal, withdraw_handover};
use crate::db::contract::{ComingHandover, coming_of};
use crate::db::{self, Conn, DbError};
use crate::domain::id::{ContractId, Id, UserId};
use crate::domain::input::FieldError;
use crate::input;
use crate::service::{App, Call, Failure, idempotency};

/// Coming handovers that are shown, and taken back in one act.
const MOST: usize = 1_000;

input! {
    /// Handovers that have not begun, taken back for one reason.
    pub struct ManyWithdrawals {
        handover_ids: Vec<Id<()>> => list(id::<()>(), MOST),
        reason: String => prose(1, 1_000),
    }
    check |it, errors| {
        if it.handover_ids.is_empty() {
            errors.push(FieldError::new("/handover_ids", "required", "取りやめる引継ぎを選んでください。"));
        }
    }
}

/// A handover that has not begun.
#[derive(Debug, Clone, Serialize)]
pub struct ComingView {
    pub id: Id<()>,
    pub contract_id: ContractId,
    pub number: String,
    pub title: String,
    pub officer_name: Option<String>,
    pub from: NaiveDate,
}

/// What an act set out to do; kept as its answer, without `left` once it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    withdrawn: usize,
    left: Vec<(ContractId, Id<()>)>,
}

/// The handovers of the caller's agency that have not begun, by day and number of the contract; of more than a thousand
/// the first.
pub fn coming_handovers(app: &App, call: &Call) -> Result<Vec<ComingView>, Failure> {
    let today = app.today();
    app.db.read(|conn| {
        let rows = coming(conn, call, today)?;
        let people: Vec<UserId> = rows.iter().map(|row| row.officer_id).collect();
        let names = db::user::names(conn, &people)?;
        let view = |row: ComingHandover| ComingView {
            id: row.id,
            contract_id: row.contract_id,
            number: row.number,
            title: row.title,
            officer_name: names.get(&row.officer_id).cloned(),
            from: row.starts_on,
        };
        Ok(rows.into_iter().map(view).collect())
    })
}

fn coming(conn: &mut Conn, call: &Call, today: NaiveDate) -> Result<Vec<ComingHandover>, DbError> {
    coming_of(conn, call.actor.organization.id, today, i64::try_from(MOST).unwrap_or(i64::MAX))
}

/// Takes them back: which they are is settled first, then one transaction a contract. One that somebody else has taken
/// back meanwhile stays so. The same request again, after a crash in between too, does what is left. Answers how many.
pub fn withdraw_handovers(app: &App, call: &Call, given: &ManyWithdrawals) -> Result<usize, Failure> {
    let plan = app.act_on_organization(call, call.actor.organization.id, |tx| {
        let known = coming(tx.conn, call, tx.today)?;
        let (mut left, mut errors, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (place, id) in given.handover_ids.iter().enumerate().filter(|(_, id)| seen.insert(**id)) {
            if let Some(row) = known.iter().find(|row| row.id == *id) {
                left.push((row.contract_id, *id));
            } else {
                let message = "この引継ぎは、すでに始まったか、取りやめられています。";
                errors.push(FieldError::new(format!("/handover_ids/{place}"), "unknown", message));
            }
        }
        Failure::unless_empty(errors)?;
        Ok(Plan { withdrawn: left.len(), left })
    })?;
    let each = Call::of(call.actor.clone());
    for (contract, id) in &plan.left {
        let one = HandoverWithdrawal { handover_id: *id, reason: given.reason.clone() };
        match withdraw_handover(app, &each, *contract, &one) {
            Ok(_) | Err(Failure::Conflict { code: "withdrawn", .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    if !plan.left.is_empty() {
        idempotency::keep_instead(app, call, &Plan { withdrawn: plan.withdrawn, left: Vec::new() })?;
    }
    Ok(plan.withdrawn)
}
