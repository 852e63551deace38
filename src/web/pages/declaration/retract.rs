//! A declaration taken back.

use serde_json::json;

use super::super::route::{Labels, Outcome, Page, PageRoute, form, page};
use super::super::visit::Visit;
use super::{address, timed};
use crate::domain::access::Permission;
use crate::service::declaration::{self, RetractionInput};
use crate::service::{App, Call, Failure, contract};

const LABELS: &Labels = &[("reason", "理由")];

pub fn routes() -> Vec<PageRoute> {
    form("/declarations/{id}/retract", LABELS).needs(Permission::Declare, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let declared = declaration::find(app, call, visit.id("id")?)?;
    let context = json!({ "declaration": timed(app, &declared, declared.declaration.declared_at) });
    let contract = contract::get(app, call, declared.contract_id)?;
    Ok(page("declaration/retract.html", "報告の取消し", context)
        .under_contract(&contract)
        .under(address(declared.declaration.id), "受付票"))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: RetractionInput = visit.input()?;
    let retracted = declaration::retract(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("{}?done=retracted", address(retracted.id))))
}
