//! 受付票: a declaration as it was received, its entry in the ledger, and what of it no consent covers.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::contract::agency_of;
use super::super::route::{Outcome, Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::timed;
use crate::domain::access::Permission;
use crate::domain::chain::Cause;
use crate::domain::id::{ContractId, EngagementId};
use crate::service::chain::{self, Node};
use crate::service::declaration;
use crate::service::{App, Call, Failure, contract};

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/declarations/{id}").needs(Permission::ReadContract, show),
        look("/declarations/{id}/receipt").needs(Permission::ReadContract, |app, call, visit| {
            let found = declaration::find(app, call, visit.id("id")?)?;
            let content = json_of(&found.declaration.receipt).into_bytes();
            Ok(Outcome::File { name: "受付票.json", kind: "application/json; charset=utf-8", content })
        }),
    ]
}

/// As `itaku verify --receipt` takes it.
fn json_of(receipt: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(receipt).unwrap_or_default()
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let found = declaration::find(app, call, visit.id("id")?)?;
    let declared = &found.declaration;
    let contract = contract::get(app, call, found.contract_id)?;
    let context = json!({
        "agency": agency_of(call, &contract),
        "declaration": timed(app, &found, declared.declared_at),
        "is_own": declared.organization_id == call.actor.organization.id,
        "uncovered": if declared.retracted { Vec::new() } else { uncovered(app, call, found.contract_id, &declared.engagements)? },
        "receipt": json_of(&declared.receipt),
    });
    Ok(page("declaration/receipt.html", "再委託状況報告 受付票", context)
        .under_contract(&contract)
        .under(format!("/contracts/{}/declarations", found.contract_id), "報告"))
}

/// The engagements declared that have an uncovered day up to today, with these days and their causes.
fn uncovered(
    app: &App,
    call: &Call,
    contract: ContractId,
    uses: &[declaration::DeclaredUse],
) -> Result<Vec<Value>, Failure> {
    if uses.is_empty() {
        return Ok(Vec::new());
    }
    let declared: HashSet<EngagementId> = uses.iter().map(|said| said.engagement_id).collect();
    let chain = chain::get(app, call, contract, None, None)?;
    let mut found = Vec::new();
    let tops = if chain.roots.is_empty() { vec![&chain.root] } else { chain.roots.iter().collect() };
    let mut open: Vec<&Node> = tops;
    let mut seen = HashSet::new();
    while let Some(node) = open.pop() {
        open.extend(node.children.iter().rev());
        // A vendor on two branches finds one below the other twice.
        if node.uncovered.is_empty()
            || !declared.contains(&node.engagement_id)
            || !seen.insert(node.engagement_id)
        {
            continue;
        }
        let causes: Vec<_> = node.uncovered_causes.iter().filter(|days| days.from <= app.today()).collect();
        let runs = node.uncovered.iter().any(|days| days.to.is_none());
        let waits = runs
            && node.uncovered_causes.iter().any(|it| it.to >= app.today() && it.cause == Cause::Undecided);
        found.push(json!({
            "vendor": node.vendor.name, "days": node.uncovered, "causes": causes, "runs": runs && !waits, "waits": waits,
        }));
    }
    Ok(found)
}
