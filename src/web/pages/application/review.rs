//! 審査, by an officer; 差戻し, by who decides; 補正依頼, by either.

use serde_json::{Map, Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, form};
use super::super::visit::Visit;
use super::super::words;
use super::show::sent_back;
use super::{lost, of_act, part, set};
use crate::domain::access::Permission;
use crate::domain::chain::ApplicationStep;
use crate::service::application::{self, ApplicationView, ReturnInput, ReviewInput, SendBackInput};
use crate::service::setting;
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[
    ("facilities", "設備"),
    ("technique", "技術"),
    ("training", "従業者の教育"),
    ("management", "管理の体制"),
    ("note", "所見"),
    ("clauses/remark", "備考"),
];
const RETURN: &Labels = &[("points", "補正してほしい点"), ("reply_by", "回答の期限")];

const SEND_BACK: &Labels = &[("reason", "差戻しの理由")];

pub fn routes() -> Vec<PageRoute> {
    [
        form("/applications/{id}/review", LABELS).needs(Permission::ReviewApplication, show, act),
        form("/applications/{id}/return", RETURN).needs(Permission::ReturnApplication, ask, ask_correction),
        form("/applications/{id}/send-back", SEND_BACK).needs(Permission::DecideApplication, back, send_back),
    ]
    .concat()
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (brief, mut shown) = of_act(app, call, visit, "application/review.html", "審査を記録する")?;
    let (settings, _) = setting::find(app, call)?;
    let clauses: Vec<Value> = settings
        .0
        .clauses
        .iter()
        .map(|clause| json!({ "number": clause.number, "text": clause.text }))
        .collect();
    let verdicts =
        ["ok", "concern"].map(|code| json!({ "value": code, "label": words::told("check", code) }));
    let known = again(&brief.application, &clauses);
    set(&mut shown.context, "sent_back", json!(sent_back(app, &brief)));
    set(&mut shown.context, "clauses", Value::Array(clauses));
    set(&mut shown.context, "verdicts", json!(verdicts));
    Ok(shown.filled(&known))
}

/// What the last review said, for the one that takes its place; its clauses by their numbers.
fn again(view: &ApplicationView, clauses: &[Value]) -> Value {
    let Some(last) = view.steps.iter().rfind(|step| step.step == ApplicationStep::Reviewed) else {
        return json!({});
    };
    let mut known = last.content.clone();
    let before = part(&known, "clauses");
    let answered = |clause: &Value| {
        let same = |it: &&Value| it.get("number") == clause.get("number");
        let answer = before.as_array().and_then(|rows| rows.iter().find(same));
        let said = |name: &str| answer.map(|it| part(it, name)).unwrap_or_default();
        json!({
            "number": part(clause, "number"), "text": part(clause, "text"),
            "answer": said("answer"), "remark": said("remark"),
        })
    };
    let clauses = clauses.iter().map(answered).collect();
    set(&mut known, "clauses", clauses);
    known
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: ReviewInput = visit.completed(all_stand)?;
    match application::review(app, call, visit.id("id")?, &given) {
        Ok(view) => Ok(Outcome::Moved(format!("/applications/{}?done=reviewed", view.id))),
        Err(failure) => lost(app, call, visit, (show, LABELS), failure),
    }
}

/// Where it was said that all clauses stand, those not answered otherwise do.
fn all_stand(body: &mut Map<String, Value>) {
    if body.remove("all_stand").is_none() {
        return;
    }
    let Some(Value::Array(clauses)) = body.get_mut("clauses") else { return };
    for clause in clauses.iter_mut().filter_map(Value::as_object_mut) {
        clause.entry("answer").or_insert_with(|| json!("○"));
    }
}

fn ask(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    Ok(of_act(app, call, visit, "application/return.html", "補正を依頼する")?.1)
}

fn ask_correction(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: ReturnInput = visit.input()?;
    match application::ask_correction(app, call, visit.id("id")?, &given) {
        Ok(view) => Ok(Outcome::Moved(format!("/applications/{}?done=returned", view.id))),
        Err(failure) => lost(app, call, visit, (ask, RETURN), failure),
    }
}

fn back(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    Ok(of_act(app, call, visit, "application/send_back.html", "担当者に差し戻す")?.1)
}

fn send_back(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: SendBackInput = visit.input()?;
    match application::send_back(app, call, visit.id("id")?, &given) {
        Ok(view) => Ok(Outcome::Moved(format!("/applications/{}?done=sent_back", view.id))),
        Err(failure) => lost(app, call, visit, (back, SEND_BACK), failure),
    }
}
