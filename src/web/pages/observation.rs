//! 確認事項: what an inspection or a third party found in use.

use serde_json::json;

use super::place::{self, Places};
use super::route::{Labels, Outcome, Page, PageRoute, check, form, joined, page};
use super::visit::Visit;
use super::words;
use crate::domain::access::Permission;
use crate::domain::id::ContractId;
use crate::service::declaration::RetractionInput;
use crate::service::observation::{self, ObservationInput, ObservationSource};
use crate::service::{App, Call, Failure, contract};

const LABELS: &Labels = place::LABELS;

pub fn routes() -> Vec<PageRoute> {
    [
        form("/contracts/{id}/observations/new", LABELS).needs(Permission::Observe, show, act),
        form("/observations/{id}/retract", &[("reason", "理由")]).needs(Permission::Observe, ask, retract),
    ]
    .concat()
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let id: ContractId = visit.id("id")?;
    let contract = contract::get(app, call, id)?;
    let sources = words::choices::<ObservationSource>("observation");
    let context =
        joined(Places::open(app, call, id)?.context(), json!({ "contract": contract, "sources": sources }));
    let known = json!({ "engagement_id": visit.query("engagement") });
    Ok(page("observation/new.html", "確認事項の記録", context).under_contract(&contract).filled(&known))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let id: ContractId = visit.id("id")?;
    let places = Places::open(app, call, id)?;
    let given: ObservationInput = visit.completed(|body| places.complete(body))?;
    let answers = [
        ("情報源", words::told("observation", given.source.as_str())),
        ("確認した使用", places.describe(&given.used)),
        ("確認の内容", words::or_not_said(given.note.as_deref())),
    ];
    if let Some(asked) = check(visit, "記録する内容を確かめる", "記録する", &answers) {
        return Ok(asked);
    }
    observation::observe(app, call, id, &given)?;
    Ok(Outcome::Moved(format!("/contracts/{id}/declarations?done=observed#observations")))
}

fn ask(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let observed = observation::find(app, call, visit.id("id")?)?;
    let contract = contract::get(app, call, observed.contract_id)?;
    let at = words::instant(app, observed.recorded_at);
    Ok(page("observation/retract.html", "確認事項の取消し", json!({ "observation": observed, "at": at }))
        .under_contract(&contract)
        .under(format!("/contracts/{}/declarations", contract.id), "報告"))
}

fn retract(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: RetractionInput = visit.input()?;
    let retracted = observation::retract(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!(
        "/contracts/{}/declarations?done=retracted#observations",
        retracted.contract_id
    )))
}
