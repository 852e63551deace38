//! 検査 of one contract, with what was found.

use serde_json::{Value, json};

use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::{heading, inspected, places, standing_of, standing_of_finding};
use crate::domain::access::Permission;
use crate::service::{App, Call, Failure, audit, contract};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/contracts/{id}/audits").needs(Permission::ReadContract, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let audits = audit::list(app, call, contract.id, &visit.page()?)?;
    let places = places(app, call, contract.id)?;
    let rows: Vec<Value> = audits
        .items
        .iter()
        .map(|audit| {
            let standing = standing_of(audit, &contract, app.today());
            json!({ "audit": audit, "place": inspected(&places, audit), "standing": standing })
        })
        .collect();
    let findings: Vec<Value> = audits
        .items
        .iter()
        .flat_map(|audit| {
            let of = move |finding| {
                let standing = standing_of_finding(finding, app.today());
                json!({ "audit": audit, "finding": finding, "standing": standing })
            };
            audit.findings.iter().map(of)
        })
        .collect();
    let heading = heading(&call.actor);
    let context = json!({
        "heading": heading,
        "rows": rows,
        "findings": findings,
        "pager": visit.pager(&audits),
        "contract": contract,
        "tab": "audits",
    });
    let title = format!("{heading}: {} {}", contract.number, contract.title);
    Ok(page("audit/contract.html", title, context).under_contract(&contract))
}
