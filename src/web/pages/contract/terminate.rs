//! 解除・終了.

use serde_json::json;

use super::super::route::{Labels, Outcome, Page, PageRoute, check_gravely, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use crate::domain::access::Permission;
use crate::service::contract::{self, Terminate};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("effective_on", "終了とする日"), ("reason", "理由")];

pub fn routes() -> Vec<PageRoute> {
    form("/contracts/{id}/terminate", LABELS).needs(Permission::TerminateContract, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let context = json!({ "contract": contract });
    Ok(page("contract/terminate.html", "契約の解除・終了", context).under_contract(&contract))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: Terminate = visit.input()?;
    let answers =
        [("契約が効力を失う最初の日", words::day(given.effective_on)), ("理由", given.reason.clone())];
    if let Some(asked) = check_gravely(visit, "契約を終了してよいか確かめる", "契約を終了する", &answers)
    {
        return Ok(asked);
    }
    let contract = contract::terminate(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("{}?done=terminated", address(&contract))))
}
