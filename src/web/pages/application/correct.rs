//! 補正 and 取下げ, by the vendor that filed it.

use serde_json::json;

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, check, form};
use super::super::visit::Visit;
use super::super::words;
use super::content::{self, LABELS};
use super::{at_its_field, of_act, overseas, safeguards, set};
use crate::domain::access::Permission;
use crate::domain::chain::ApplicationStep;
use crate::service::application::briefing::briefing;
use crate::service::application::{self, CorrectionInput, WithdrawInput};
use crate::service::{App, Call, Failure, contract};

const WITHDRAW: &Labels = &[("reason", "取り下げる理由")];

pub fn routes() -> Vec<PageRoute> {
    [
        form("/applications/{id}/resubmit", LABELS).needs(Permission::FileApplication, show, act),
        form("/applications/{id}/withdraw", WITHDRAW).needs(Permission::FileApplication, ask, withdraw),
    ]
    .concat()
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (brief, mut shown) = of_act(app, call, visit, "application/resubmit.html", "申請を補正する")?;
    let view = &brief.application;
    let points = view.steps.iter().rfind(|step| step.step == ApplicationStep::Returned);
    set(&mut shown.context, "points", json!(points.map(|step| &step.content)));
    set(&mut shown.context, "safeguards", json!(safeguards::names(&view.content)));
    let demanded = application::demanded(app, call, view.contract_id)?;
    set(&mut shown.context, "demanded", json!(demanded));
    let contract = contract::get(app, call, view.contract_id)?;
    set(&mut shown.context, "overseas", json!(overseas(&contract)));
    set(&mut shown.context, "beyond", json!(safeguards::told(&view.content)));
    set(&mut shown.context, "returned", json!(view.state == application::ApplicationState::Returned));
    let mut shown = shown.filled(&view.content);
    let rows = |name: &str| if visit.is_sent { visit.form.rows(name) } else { shown.form.rows(name) } + 2;
    let (places, items) = (rows("work_places"), rows("data_items"));
    set(&mut shown.context, "places", json!(places));
    set(&mut shown.context, "items", json!(items));
    Ok(shown)
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let id = visit.id("id")?;
    let before = briefing(app, call, id)?;
    let given: CorrectionInput =
        visit.completed(|body| safeguards::keep(body, &before.application.content))?;
    application::refuse_blanks(app, call, before.application.contract_id, &given)?;
    let said = serde_json::to_value(&given).unwrap_or_default();
    let view = &before.application;
    let contract = [view.contract_number.as_deref(), view.contract_title.as_deref()];
    let place = [
        ("契約", contract.map(Option::unwrap_or_default).join(" ")),
        ("再委託先", format!("{}（{}）", before.vendor.name, words::tier(before.tier))),
    ];
    let terms = contract::get(app, call, view.contract_id)?;
    let over = contract::over_amount(terms.amount_yen, given.amount_yen);
    let more = contract::over_persons(terms.data.as_deref(), &given.volumes());
    let abroad = application::abroad(app, call, id, &given)?.as_deref().map(ours);
    let asked: Vec<String> = over.into_iter().chain(more).chain(abroad).collect();
    let asked = (!asked.is_empty()).then(|| ("確かめてください", asked.join("\n"))).into_iter().collect();
    let answers = [place.to_vec(), content::answers(&said), asked].concat();
    if let Some(asked) = check(visit, "補正した内容を確かめる", "補正して提出する", &answers)
    {
        return Ok(asked);
    }
    let view = application::resubmit(app, call, id, &given).map_err(at_its_field)?;
    Ok(Outcome::Moved(format!("/applications/{}?done=resubmitted", view.id)))
}

fn ask(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    Ok(of_act(app, call, visit, "application/withdraw.html", "申請を取り下げる")?.1)
}

fn withdraw(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: WithdrawInput = visit.input()?;
    let view = application::withdraw(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("/applications/{}?done=withdrawn", view.id)))
}
