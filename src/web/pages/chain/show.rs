//! 再委託: the chain of a contract on any day, by what was known at any instant.

use std::collections::HashMap;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};

use super::super::route::{Page, PageRoute, Wrong, look, page};
use super::super::visit::Visit;
use super::super::words;
use super::draw::{Drawing, nodes, turning_days};
use crate::clock::{local_instant, parse_instant};
use crate::domain::access::Permission;
use crate::domain::calendar::parse_day;
use crate::domain::chain::ApplicationStep;
use crate::domain::contract::ContractStatus;
use crate::domain::id::EngagementId;
use crate::service::application::{self, ApplicationStanding, ApplicationState, ApplicationView};
use crate::service::chain::{self, ChainView};
use crate::service::contract::{self, ContractView};
use crate::service::page::MAX_LIMIT;
use crate::service::{self, App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/contracts/{id}/chain").needs(Permission::ReadContract, show)]
}

/// When the chain is looked at.
#[derive(Default)]
struct When {
    as_of: Option<NaiveDate>,
    known_at: Option<DateTime<Utc>>,
    errors: Vec<Wrong>,
}

fn when(app: &App, visit: &Visit) -> When {
    let mut when = When::default();
    let mut wrong = |field: &str, label: &str| {
        when.errors.push(Wrong {
            field: field.to_owned(),
            label: label.to_owned(),
            message: "日付として読めません。2026-04-01、R8.4.1 のように入力してください。".to_owned(),
        });
    };
    if let Some(text) = visit.query("as_of") {
        when.as_of = parse_day(text);
        if when.as_of.is_none() {
            wrong("as_of", "いつの体制か");
        }
    }
    if let Some(text) = visit.query("known_at") {
        when.known_at = parse_instant(text).or_else(|| parse_day(text).map(|day| end_of(app, day)));
        if when.known_at.is_none() {
            wrong("known_at", "いつまでの記録で見るか");
        }
    }
    when
}

/// The last instant of a day.
fn end_of(app: &App, day: NaiveDate) -> DateTime<Utc> {
    let next = day.succ_opt().unwrap_or(day);
    local_instant(app.sources.clock.timezone(), next, NaiveTime::MIN) - Duration::microseconds(1)
}

/// This page on another day.
fn on(visit: &Visit, day: NaiveDate) -> String {
    let path = visit.address.split('?').next().unwrap_or_default();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("as_of", &day.to_string());
    query.extend_pairs(visit.query("known_at").map(|known| ("known_at", known)));
    format!("{path}?{}", query.finish())
}

/// The contract's applications that the person may know of, the newest first; of a past day, and as known at an instant,
/// those that had been filed by then, each as it stood.
fn applications(
    app: &App,
    call: &Call,
    contract: &ContractView,
    view: &ChainView,
    known_at: Option<DateTime<Utc>>,
) -> Result<Vec<Value>, Failure> {
    let whole = service::Page { limit: MAX_LIMIT, after: None };
    let all = application::list(app, call, contract.id, &whole)?.items;
    let names: HashMap<EngagementId, &str> =
        nodes(view).into_iter().map(|node| (node.engagement_id, node.vendor.name.as_str())).collect();
    let by_then =
        |on: NaiveDate, at: DateTime<Utc>| on <= view.as_of && known_at.is_none_or(|known| at <= known);
    let row = |it: &ApplicationView| {
        let came_to = it.steps.iter().rfind(|step| by_then(step.on, step.at)).map(|step| step.step);
        let state = came_to.map_or(ApplicationState::Applied, ApplicationState::after);
        let standing = ApplicationStanding::of(state, came_to == Some(ApplicationStep::Reviewed));
        json!({
            "id": it.id, "vendor": names.get(&it.engagement_id), "state": standing, "filed_on": it.filed_on,
            "supersedes": it.supersedes, "starts_on": it.content.get("starts_on"), "ends_on": it.content.get("ends_on"),
        })
    };
    let seen =
        |it: &&ApplicationView| names.contains_key(&it.engagement_id) && by_then(it.filed_on, it.filed_at);
    Ok(all.iter().rev().filter(seen).map(row).collect())
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let When { as_of, known_at, errors } = when(app, visit);
    let view = match chain::get(app, call, contract.id, as_of, known_at) {
        Ok(view) => Some(view),
        // The contract is there: it was not yet then.
        Err(Failure::NotFound) if known_at.is_some() => None,
        Err(failure) => return Err(failure),
    };
    let is_now = known_at.is_none() && as_of.is_none_or(|day| day == app.today());
    let drawn = view
        .as_ref()
        .map(|view| Drawing { app, call, contract: &contract, view, marked: None, acts: is_now }.draw());
    let days: Vec<_> = view.as_ref().map(turning_days).unwrap_or_default();
    let days: Vec<_> = days.into_iter().map(|day| json!({ "day": day, "href": on(visit, day) })).collect();
    let context = json!({
        "contract": contract,
        "tab": "chain",
        "chain": drawn,
        "days": days,
        "applications": view.as_ref().map(|view| applications(app, call, &contract, view, known_at)).transpose()?,
        "running": !matches!(contract.status, ContractStatus::Ended | ContractStatus::Voided),
        "known": known_at.map(|at| words::instant(app, at)),
        "now": is_now,
    });
    let shown = page("chain/show.html", "再委託の体制", context).under_contract(&contract);
    Ok(shown.filled(&visit.query).wrongly_asked(errors))
}
