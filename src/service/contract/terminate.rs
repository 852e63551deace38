//! 解除・中途終了.

use chrono::NaiveDate;
use serde_json::json;

use super::{ContractView, change};
use crate::db;
use crate::domain::id::ContractId;
use crate::input;
use crate::service::{App, Call, Failure, user};

input! {
    /// 契約の解除・終了. `effective_on` is the first day on which the contract no longer runs.
    pub struct Terminate {
        reason: String => prose(1, 2_000),
        effective_on: NaiveDate => day(),
    }
}

/// `POST /contracts/{id}/terminate`. Again only for an earlier day.
pub fn terminate(app: &App, call: &Call, id: ContractId, given: &Terminate) -> Result<ContractView, Failure> {
    change(app, call, id, |tx, row| {
        let facts = db::contract::facts(tx.conn, id, row.agency_id)?;
        let wrong = |code, message: String| Err(Failure::field("/effective_on", code, message));
        if given.effective_on < row.starts_on {
            return wrong(
                "before_start",
                format!("契約の開始日（{}）以後の日を指定してください。", row.starts_on),
            );
        }
        if given.effective_on > row.last_day {
            return match facts.terminations.iter().map(|fact| fact.effective_on).min() {
                Some(day) => Err(Failure::conflict(
                    "already_terminated",
                    format!("この契約は、すでに{day}をもって終了とされています。"),
                )),
                None => wrong(
                    "after_end",
                    format!("契約は{}に終了します。それ以前の日を指定してください。", row.last_day),
                ),
            };
        }
        if given.effective_on < tx.today {
            return wrong("past", format!("本日（{}）以後の日を指定してください。", tx.today));
        }
        let mut payload =
            json!({"reason": given.reason, "effective_on": given.effective_on, "version": row.version + 1});
        let deputy_for = user::decides_for(tx, call)?;
        if let (false, Some(said)) = (deputy_for.is_empty(), payload.as_object_mut()) {
            said.insert("deputy_for".to_owned(), json!(deputy_for));
        }
        let recorded = tx.record("contract.terminated", id, &payload)?;
        db::contract::add_termination(tx, id, given.effective_on, &given.reason, &recorded)?;
        Ok(true)
    })
}
