//! One audit with its findings.

use serde_json::{Value, json};

use super::super::contract::agency_of;
use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::super::words;
use super::{heading, inspected, is_open, places, standing_of, standing_of_finding, title};
use crate::domain::access::{OrganizationKind, Permission};
use crate::service::{App, Call, Failure, audit, contract};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/audits/{id}").needs(Permission::ReadContract, show)]
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let audit = audit::find(app, call, visit.id("id")?)?;
    let contract = contract::get(app, call, audit.contract_id)?;
    let findings = audit.findings.iter();
    let findings: Vec<Value> = findings
        .map(|it| json!({ "finding": it, "standing": standing_of_finding(it, app.today()) }))
        .collect();
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    let context = json!({
        "findings": findings,
        "heading": heading(&call.actor),
        "agency": agency_of(call, &contract),
        "contact": contract::contact(app, call, &contract)?,
        "asked": is_vendor && audit.findings.iter().any(|it| it.confirmed_on.is_none()),
        "place": inspected(&places(app, call, contract.id)?, &audit),
        "standing": standing_of(&audit, &contract, app.today()),
        "open": is_open(&audit),
        "planned_at": words::instant(app, audit.planned_at),
        "audit": audit,
        "contract": contract,
    });
    Ok(page("audit/show.html", title(&audit), context).under_audits(&call.actor, &contract))
}
