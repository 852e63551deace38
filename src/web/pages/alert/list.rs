//! The list of alerts, and several of them taken up at once.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::super::form::Form;
use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, look, page, send};
use super::super::visit::Visit;
use super::super::{narrow, words};
use super::kinds;
use crate::domain::access::{Permission, Scope};
use crate::domain::alert::{AlertState, Severity};
use crate::domain::calendar::add_days;
use crate::service::alert::{self, Acknowledge, AlertFilter, AlertOrder};
use crate::service::contract;
use crate::service::overview::ALERT_DAYS;
use crate::service::{App, Call, Failure};

const LIST: &str = "/alerts";
const BULK: &str = "/alerts/acknowledge";
const MATCHING: &str = "/alerts/acknowledge-matching";
const LABELS: &Labels = &[("ids", "着手するアラート")];

pub fn routes() -> Vec<PageRoute> {
    vec![
        look(LIST).needs(Permission::ReadAlerts, list),
        look(BULK).needs(Permission::HandleAlerts, list),
        send(BULK).needs(Permission::HandleAlerts, acknowledge),
        look(MATCHING).needs(Permission::HandleAlerts, matching),
        send(MATCHING).needs(Permission::HandleAlerts, acknowledge_matching),
    ]
}

/// The list, also where the form on it was sent.
fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let here = Visit { address: visit.address.replacen(BULK, LIST, 1), ..visit.clone() };
    let filter = filter(call, visit, app.today())?;
    let about = filter.contract_id.map(|id| contract::get(app, call, id)).transpose()?;
    let alerts = alert::list(app, call, &filter, &visit.page()?)?;
    let open: Vec<String> = alerts
        .items
        .iter()
        .filter(|alert| alert.state == AlertState::Open)
        .map(|alert| alert.id.to_string())
        .collect();
    let chosen: Vec<String> = match visit.form.mark("_again") {
        Some("all") => open.clone(),
        _ => visit.form.values().values().cloned().collect(),
    };
    let kinds: Vec<Value> =
        kinds().map(|(code, name)| json!({ "value": code, "label": ours(name) })).collect();
    // Where the page holds all that are open there is nothing more to offer.
    let whole = alerts.next_cursor.is_none() && visit.query("cursor").is_none();
    let more = if whole || open.is_empty() { 0 } else { alert::open_matching(app, call, &filter)?.0 };
    let context = json!({
        "open": open.len(),
        "more": more,
        "matching": here.turned(None).replacen(LIST, MATCHING, 1),
        "alerts": alerts.items,
        "first": open.first(),
        "pick": !open.is_empty() && call.actor.may(Permission::HandleAlerts),
        "chosen": chosen,
        "bulk": here.address.replacen(LIST, BULK, 1),
        "pager": here.counted_pager(&alerts, || alert::count(app, call, &filter))?,
        "narrow": narrow::fields(app, call)?,
        "overseer": call.scope() == Scope::Overseer,
        "order": order(filter.order),
        "narrowed": visit.is_narrowed(),
        "about": about,
        "kinds": kinds,
        "severities": words::choices::<Severity>("severity"),
        "states": states(),
        "dues": [
            { "value": "overdue", "label": "期限を過ぎたもの" },
            { "value": "soon", "label": format!("{ALERT_DAYS}日以内のもの") },
        ],
        "now": app.today(),
    });
    let wrong = visit.narrow().1;
    Ok(page("alert/list.html", "アラート", context).filled(&visit.query).wrongly_asked(wrong))
}

/// The order of the list, in words.
fn order(order: AlertOrder) -> &'static str {
    match order {
        AlertOrder::Gravest => "重要度の高い順（同じ重要度では新しい順）",
        AlertOrder::Newest => "見つかった日の新しい順",
        AlertOrder::Due => "期限の近い順（期限のあるもの）",
    }
}

fn filter(call: &Call, visit: &Visit, today: NaiveDate) -> Result<AlertFilter, Failure> {
    let state = visit.query_word("state");
    let (due_from, due_until) = match visit.query("due") {
        Some("overdue") => (None, today.pred_opt()),
        Some("soon") => (Some(today), Some(add_days(today, ALERT_DAYS))),
        _ => (None, None),
    };
    Ok(AlertFilter {
        state,
        unresolved: state.is_none() && visit.query("state") != Some("all"),
        due_from,
        due_until,
        kind: visit.query_word("kind"),
        severity: visit.query_word("severity"),
        contract_id: visit.query_id("contract_id")?,
        engagement_id: visit.query_id("engagement_id")?,
        narrow: visit.narrow().0.of(call),
        order: visit.query_word("sort").unwrap_or(AlertOrder::Gravest),
    })
}

/// One state, or all; none named: those that stand.
fn states() -> Value {
    let mut states = words::choices::<AlertState>("alert");
    if let Some(states) = states.as_array_mut() {
        states.push(json!({ "value": "all", "label": "すべて（解消したものも）" }));
    }
    states
}

/// Takes up what was chosen and goes back to the list as it was narrowed; or shows it with what is missing.
fn acknowledge(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    if visit.form.mark("_again").is_some() {
        return list(app, call, visit).map(Outcome::Shown);
    }
    match take_up(app, call, visit) {
        Ok(()) => {
            let list = visit.turned(visit.query("cursor")).replacen(BULK, LIST, 1);
            let sign = if list.contains('?') { '&' } else { '?' };
            Ok(Outcome::Moved(format!("{list}{sign}done=acknowledged")))
        }
        Err(failure) => {
            let shown = list(app, call, visit)?;
            // What stands in the page's form is what the list is narrowed to.
            let narrowed: Form = shown.form.clone();
            Ok(match shown.with(failure, visit, LABELS)? {
                Outcome::Shown(page) => Outcome::Shown(Page { form: narrowed, ..page }),
                other => other,
            })
        }
    }
}

fn take_up(app: &App, call: &Call, visit: &Visit) -> Result<(), Failure> {
    let given: Acknowledge = visit.input()?;
    if given.ids.is_empty() {
        let message = "着手するアラートを、一覧から選んでください。";
        return Err(Failure::field("/ids", "required", message));
    }
    alert::acknowledge_all(app, call, &given).map(drop)
}

/// How many alerts the list as it is narrowed still has open, before all of them are taken up.
fn matching(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let back = visit.turned(None).replacen(MATCHING, LIST, 1);
    let (open, newest) = alert::open_matching(app, call, &filter(call, visit, app.today())?)?;
    let context = json!({
        "open": open, "last": newest, "most": alert::MOST_AT_ONCE, "at_once": open.min(alert::MOST_AT_ONCE),
        "action": visit.turned(None), "list": back, "narrowed": visit.is_narrowed(),
    });
    Ok(page("alert/acknowledge.html", "条件に合うアラートに着手する", context).under(back, "アラート"))
}

/// Takes up what the page spoke of, and shows what is left of it, if anything is.
fn acknowledge_matching(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    // Whoever has not seen how many there are sees it first.
    let Ok(last) = visit.typed("up_to").parse() else { return Ok(Outcome::Moved(visit.turned(None))) };
    let filter = filter(call, visit, app.today())?;
    alert::acknowledge_matching(app, call, &filter, last)?;
    let left = alert::open_matching(app, call, &filter)?.0;
    let to = visit.turned(None);
    let to = if left > 0 { to } else { to.replacen(MATCHING, LIST, 1) };
    let sign = if to.contains('?') { '&' } else { '?' };
    Ok(Outcome::Moved(format!("{to}{sign}done=acknowledged")))
}
