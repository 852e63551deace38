//! 決裁, by an approver; who can't decide hears it before typing.

use chrono::NaiveDate;
use serde_json::json;

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, check, form};
use super::super::visit::Visit;
use super::super::words;
use super::{lost, of_act, set};
use crate::domain::access::Permission;
use crate::service::application::briefing::{Briefing, briefing};
use crate::service::application::{self, Decision, DecisionInput};
use crate::service::contract;
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[
    ("decision", "決定"),
    ("valid_from", "最初の日"),
    ("valid_until", "最後の日"),
    ("conditions", "条件"),
    ("reason", "理由"),
];

pub fn routes() -> Vec<PageRoute> {
    form("/applications/{id}/decision", LABELS).needs(Permission::DecideApplication, show, act)
}

/// The days applied for, as far as they can be consented to today.
fn days(app: &App, call: &Call, brief: &Briefing) -> Result<Option<(NaiveDate, NaiveDate)>, Failure> {
    let contract = contract::get(app, call, brief.application.contract_id)?;
    let day = |field: &str| {
        brief.application.content.get(field).and_then(|it| it.as_str()).and_then(|text| text.parse().ok())
    };
    let asked: Option<(NaiveDate, NaiveDate)> = day("starts_on").zip(day("ends_on"));
    Ok(asked
        .map(|(from, until)| (from.max(app.today()).max(contract.starts_on), until.min(contract.last_day))))
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (brief, mut shown) = of_act(app, call, visit, "application/decide.html", "決裁する")?;
    set(
        &mut shown.context,
        "decisions",
        json!([
            { "value": Decision::Consent.as_str(), "label": ours("承認する") },
            { "value": Decision::Refuse.as_str(), "label": ours("不承認とする") },
        ]),
    );
    // Where no day of the period applied for is left, the form begins without one.
    let days = days(app, call, &brief)?.filter(|(from, until)| from <= until);
    Ok(shown.filled(&json!({ "valid_from": days.map(|it| it.0), "valid_until": days.map(|it| it.1) })))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: DecisionInput = visit.input()?;
    let brief = briefing(app, call, visit.id("id")?)?;
    if let Some(asked) = asked(app, call, visit, &brief, &given)? {
        return Ok(asked);
    }
    match application::decide(app, call, brief.application.id, &given) {
        Ok(view) => Ok(Outcome::Moved(format!("/applications/{}?done=decided", view.id))),
        Err(failure) => lost(app, call, visit, (show, LABELS), failure),
    }
}

fn asked(
    app: &App,
    call: &Call,
    visit: &Visit,
    brief: &Briefing,
    given: &DecisionInput,
) -> Result<Option<Outcome>, Failure> {
    let consents = given.decision == Decision::Consent;
    let (what, title) = if consents {
        ("承認する", "承認してよいか確かめる")
    } else {
        ("不承認とする", "不承認としてよいか確かめる")
    };
    let known = days(app, call, brief)?;
    let day = |given: Option<NaiveDate>, known: Option<NaiveDate>| {
        given.or(known).filter(|_| consents).map(words::day).unwrap_or_default()
    };
    let view = &brief.application;
    let contract = [view.contract_number.as_deref(), view.contract_title.as_deref()];
    let answers = [
        ("契約", contract.map(Option::unwrap_or_default).join(" ")),
        ("再委託先", format!("{}（{}）", brief.vendor.name, words::tier(brief.tier))),
        ("決定", ours(what)),
        ("最初の日", day(given.valid_from, known.map(|it| it.0))),
        ("最後の日", day(given.valid_until, known.map(|it| it.1))),
        ("条件", given.conditions.clone().filter(|_| consents).unwrap_or_default()),
        ("理由", given.reason.clone()),
    ];
    Ok(check(visit, title, what, &answers))
}
