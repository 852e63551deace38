//! 変更契約: new terms from a day on. Nothing recorded is edited; the terms before stay what they were.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::terms::{Amendment, ContractPatch, TermsView, contradictions};
use super::{ContractView, Sight, change, page_by_seq};
use crate::db::contract::TermsRow;
use crate::db::{self, DbError, Tx};
use crate::domain::contract::Terms;
use crate::domain::id::ContractId;
use crate::service::{App, Call, Failure, Page, Paged};

/// What the ledger keeps of new terms.
#[derive(Serialize)]
struct Amended<'a> {
    effective_on: NaiveDate,
    reason: Option<&'a str>,
    terms: &'a Terms,
}

/// The terms that a change begins from: those with the latest day of effect.
fn latest(tx: &mut Tx<'_>, id: ContractId) -> Result<TermsRow, Failure> {
    let terms = db::contract::terms(tx.conn, id)?;
    let latest = terms.into_iter().max_by_key(|row| (row.fact.effective_on, row.fact.stamp));
    latest.ok_or_else(|| DbError::BrokenRow(format!("contract {id} without terms")).into())
}

fn keep(
    tx: &mut Tx<'_>,
    id: ContractId,
    action: &str,
    effective_on: NaiveDate,
    reason: Option<&str>,
    terms: &Terms,
) -> Result<bool, Failure> {
    let stamp = tx.record(action, id, &Amended { effective_on, reason, terms })?.stamp;
    db::contract::add_terms(tx, id, effective_on, reason, terms, stamp)?;
    Ok(true)
}

/// `POST /contracts/{id}/amendments`. The day of effect is not before that of the terms last agreed, so that a change
/// is never applied underneath a later one.
pub fn amend(app: &App, call: &Call, id: ContractId, given: &Amendment) -> Result<ContractView, Failure> {
    change(app, call, id, |tx, _| {
        let base = latest(tx, id)?.fact;
        let terms = given.clone().apply(&base.terms);
        if given.effective_on < base.effective_on {
            let message = format!(
                "{}から効力のある契約条件がすでに登録されています。その日以後の日を指定してください。",
                base.effective_on
            );
            return Err(Failure::field("/effective_on", "before_latest", message));
        }
        if terms == base.terms {
            return Err(Failure::field("", "nothing_changed", "変更する項目を1つ以上指定してください。"));
        }
        let mut errors = contradictions(&terms);
        if given.effective_on > terms.ends_on.max(base.terms.ends_on) {
            let message = "契約期間の終了より後の日です。";
            errors.push(crate::domain::input::FieldError::new("/effective_on", "after_end", message));
        }
        Failure::unless_empty(errors)?;
        keep(tx, id, "contract.amended", given.effective_on, Some(&given.reason), &terms)
    })
}

/// `PATCH /contracts/{id}`: the department in charge, which is the agency's own affair and no change of the contract.
pub fn patch(
    app: &App,
    call: &Call,
    id: ContractId,
    version: i64,
    given: &ContractPatch,
) -> Result<ContractView, Failure> {
    change(app, call, id, |tx, row| {
        if row.version != version {
            return Err(Failure::Stale);
        }
        let base = latest(tx, id)?.fact;
        let Some(department) =
            given.department.clone().filter(|name| base.terms.department.as_ref() != Some(name))
        else {
            return Ok(false);
        };
        let terms = Terms { department: Some(department), ..base.terms };
        keep(tx, id, "contract.department_changed", base.effective_on, None, &terms)
    })
}

/// Terms as recorded: the registration, then each change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AmendmentView {
    pub effective_on: NaiveDate,
    /// Why it was changed; null: the registration, or a change of department.
    pub reason: Option<String>,
    pub recorded_at: DateTime<Utc>,
    pub terms: TermsView,
}

/// `GET /contracts/{id}/amendments`: for the agency and the prime.
pub fn amendments(
    app: &App,
    call: &Call,
    id: ContractId,
    page: &Page,
) -> Result<Paged<AmendmentView>, Failure> {
    let scope = call.scope();
    let rows = app.db.read(|conn| {
        let contract = db::contract::find(conn, &scope, id)?;
        match Sight::of(&scope, contract.vendor_id) {
            Sight::Below => Err(DbError::NotFound),
            Sight::Agency | Sight::Prime => db::contract::terms(conn, id),
        }
    })?;
    page_by_seq(
        page,
        rows,
        |row| row.fact.stamp.seq,
        |row| AmendmentView {
            effective_on: row.fact.effective_on,
            reason: row.reason,
            recorded_at: row.fact.stamp.at,
            terms: (&row.fact.terms).into(),
        },
    )
}
