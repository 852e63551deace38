//! One application on one page: what is asked, what it changes, the officer's opinion, warnings, the chain with the
//! newcomer in it, and how it came.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::super::chain::draw::Drawing;
use super::super::contract::agency_of;
use super::super::own::ours;
use super::super::route::{Outcome, Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::super::words;
use super::{content, heading, part};
use crate::domain::access::Permission;
use crate::domain::chain::ApplicationStep;
use crate::service::application::briefing::{Briefing, EarlierKind, briefing};
use crate::service::application::{self, ApplicationView, StepView};
use crate::service::{App, Call, Failure, chain, contract};

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/applications/{id}").needs(Permission::ReadContract, show),
        look("/applications/{id}/receipt").needs(Permission::ReadContract, |app, call, visit| {
            let receipt = application::receipt(app, call, visit.id("id")?)?;
            let content = serde_json::to_string_pretty(&receipt).unwrap_or_default().into_bytes();
            Ok(Outcome::File { name: "受付票.json", kind: "application/json; charset=utf-8", content })
        }),
    ]
}

/// What waits next, where something was just done with this one.
fn next(app: &App, call: &Call, visit: &Visit, brief: &Briefing) -> Result<Option<Value>, Failure> {
    let done = ["reviewed", "returned", "sent_back", "decided"];
    if !visit.query("done").is_some_and(|it| done.contains(&it)) {
        return Ok(None);
    }
    let next = application::next(app, call, brief.application.id)?;
    Ok(Some(json!({ "id": next.as_ref().map(|it| it.id), "number": next.map(|it| it.number) })))
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let brief = briefing(app, call, visit.id("id")?)?;
    let view = &brief.application;
    let contract = contract::get(app, call, view.contract_id)?;
    let chain = chain::get(app, call, view.contract_id, None, None)?;
    let marked = Some(view.engagement_id);
    let drawn = Drawing { app, call, contract: &contract, view: &chain, marked, acts: false }.draw();
    let may = |permission| call.actor.may(permission);
    let context = json!({
        "brief": brief,
        "contract": contract,
        "agency": agency_of(call, &contract),
        "tier": words::tier(brief.tier),
        "country": words::country(&brief.vendor.country),
        "filed": words::instant(app, view.filed_at),
        "asked": content::rows(&view.content),
        "earlier": earlier(&brief),
        "review": review(&brief),
        "chain": drawn,
        "history": history(app, &brief),
        "sent_back": sent_back(app, &brief),
        "next": next(app, call, visit, &brief)?,
        "points": last(view, ApplicationStep::Returned).map(|step| points(app, step)),
        "outcome": outcome(view),
        "reviews": may(Permission::ReviewApplication),
        "decides": may(Permission::DecideApplication),
        "returns": may(Permission::ReturnApplication),
        "files": may(Permission::FileApplication) && brief.own,
        "agency_side": contract.open_alerts.is_some(),
    });
    let list = if brief.own { "申請" } else { "承認申請" };
    Ok(page("application/show.html", heading(&brief), context)
        .under("/applications", list)
        .in_words_of(brief.agency_id))
}

fn last(view: &ApplicationView, step: ApplicationStep) -> Option<&StepView> {
    view.steps.iter().rfind(|it| it.step == step)
}

/// What a 補正依頼 asks for; `over`: the day by which it asks to be answered is past.
fn points(app: &App, step: &StepView) -> Value {
    let reply_by = reply_by(step);
    let over = reply_by.and_then(|day| day.parse::<NaiveDate>().ok()).is_some_and(|day| day < app.today());
    json!({ "points": part(&step.content, "points"), "reply_by": reply_by, "over": over })
}

/// 回答の期限 of a 補正依頼.
fn reply_by(step: &StepView) -> Option<&str> {
    step.content.get("reply_by")?.as_str()
}

/// What the decider asked when it was sent back, while no other review has been recorded.
pub(super) fn sent_back(app: &App, brief: &Briefing) -> Option<Value> {
    let step = brief.application.steps.last().filter(|step| step.step == ApplicationStep::SentBack)?;
    Some(json!({
        "reason": part(&step.content, "reason"), "when": words::instant(app, step.at), "by": name(brief, step),
    }))
}

/// The decision, or that it was withdrawn.
fn outcome(view: &ApplicationView) -> Option<Value> {
    let closed = [ApplicationStep::Consented, ApplicationStep::Refused, ApplicationStep::Withdrawn];
    let step = view.steps.last().filter(|step| closed.contains(&step.step))?;
    Some(json!({ "on": step.on, "content": step.content, "deputy": step.deputy }))
}

/// What stood before, with the fields in which the application differs from it.
fn earlier(brief: &Briefing) -> Vec<Value> {
    let one = |it: &crate::service::application::briefing::Earlier| {
        json!({
            "corrected": it.kind == EarlierKind::Corrected,
            "on": it.on,
            "rows": content::differences(&it.content, &brief.application.content),
        })
    };
    brief.earlier.iter().map(one).collect()
}

/// The officer's last review, with who made it; `stale`: the application was corrected after it; `sent_back`: another
/// was asked for.
fn review(brief: &Briefing) -> Option<Value> {
    let view = &brief.application;
    let step = last(view, ApplicationStep::Reviewed)?;
    let corrected = last(view, ApplicationStep::Resubmitted);
    let sent_back = last(view, ApplicationStep::SentBack);
    let points = ["facilities", "technique", "training", "management"].map(|point| {
        let label = match point {
            "facilities" => "設備",
            "technique" => "技術",
            "training" => "従業者の教育",
            _ => "管理の体制",
        };
        json!({ "label": ours(label), "verdict": part(&step.content, point) })
    });
    Some(json!({
        "on": step.on, "by": name(brief, step), "points": points, "note": part(&step.content, "note"),
        "clauses": part(&step.content, "clauses"), "stale": corrected.is_some_and(|it| it.at > step.at),
        "sent_back": sent_back.is_some_and(|it| it.at > step.at),
    }))
}

fn name<'a>(brief: &'a Briefing, step: &StepView) -> Option<&'a str> {
    step.by.and_then(|by| brief.names.get(&by)).map(String::as_str)
}

/// From the filing to the last step.
fn history(app: &App, brief: &Briefing) -> Vec<Value> {
    let filed = json!({
        "what": ours("申請"), "when": words::instant(app, brief.application.filed_at), "by": brief.applicant_name,
    });
    let step = |step: &StepView| {
        let at = |key: &str| step.content.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = match step.step {
            ApplicationStep::Returned => at("points"),
            ApplicationStep::Reviewed => at("note"),
            ApplicationStep::SentBack
            | ApplicationStep::Consented
            | ApplicationStep::Refused
            | ApplicationStep::Withdrawn => at("reason"),
            ApplicationStep::Resubmitted => None,
        };
        let vendors = matches!(step.step, ApplicationStep::Resubmitted | ApplicationStep::Withdrawn);
        let by = if vendors { brief.applicant_name.as_deref() } else { name(brief, step) };
        let what = words::told("step", step.step.as_str());
        json!({
            "what": what, "when": words::instant(app, step.at), "by": by.unwrap_or(&brief.agency_name), "text": text,
            "reply_by": reply_by(step),
            "deputy": step.deputy,
            "deputy_for": step.deputy_for.iter().filter_map(|id| brief.names.get(id)).collect::<Vec<_>>(),
        })
    };
    std::iter::once(filed).chain(brief.application.steps.iter().map(step)).collect()
}
