//! 検査の計画.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::places;
use crate::domain::access::Permission;
use crate::domain::audit::AuditKind;
use crate::domain::chain::NodeState;
use crate::service::audit::{self, AuditInput};
use crate::service::{App, Call, Failure, contract};

const LABELS: &Labels = &[
    ("kind", "種類"),
    ("engagement_id", "検査を受ける事業者"),
    ("due_on", "期限"),
    ("every_months", "繰り返し"),
    ("auditor", "検査を行う人"),
    ("unannounced", "予告なし"),
];

pub fn routes() -> Vec<PageRoute> {
    form("/contracts/{id}/audits/new", LABELS).needs(Permission::PlanAudit, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let (primes, below): (Vec<_>, Vec<_>) =
        places(app, call, contract.id)?.into_iter().partition(|place| place.tier == 1);
    let prime = primes.first().map_or("受託者", |place| place.name.as_str());
    let never = [NodeState::Refused, NodeState::Withdrawn];
    let options: Vec<Value> = below
        .iter()
        .filter(|place| !never.contains(&place.state))
        .map(|place| json!({ "value": place.id, "label": format!("第{}層 {}", place.tier, place.name) }))
        .collect();
    let context = json!({
        "prime": format!("{prime}{}", ours("（受託者）")),
        "places": options,
        "kinds": words::choices::<AuditKind>("audit"),
        "contract": contract,
    });
    Ok(page("audit/new.html", "検査を計画する", context).under_audits(&call.actor, &contract))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: AuditInput = visit.input()?;
    let audit = audit::plan(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("/audits/{}?done=planned", audit.id)))
}
