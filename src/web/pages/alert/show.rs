//! One alert: what was found, by which rule, what to do, and what has been done.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::super::words;
use super::title;
use super::way::{ends, measuring, ways};
use crate::domain::access::{OrganizationKind, Permission};
use crate::domain::alert::AlertKind;
use crate::domain::days::{DayRange, DaySet};
use crate::domain::id::EngagementId;
use crate::service::alert::{self, AlertView};
use crate::service::chain::{self, CausedDays, Node};
use crate::service::{App, Call, Failure, contract};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/alerts/{id}").needs(Permission::ReadAlerts, show)]
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let alert = alert::find(app, call, visit.id("id")?)?;
    let events = alert::history(app, call, &alert)?;
    let events: Vec<Value> =
        events.iter().map(|event| json!({ "when": words::instant(app, event.at), "event": event })).collect();
    let steps: Vec<Value> = ways(&alert, &call.actor)
        .into_iter()
        .map(|way| json!({ "label": ours(way.label), "path": way.path }))
        .collect();
    let context = json!({
        "days": days(app, call, &alert)?,
        "limit": alert.kind.is_limit(),
        "ends": ours(ends(alert.kind)),
        "measuring": ours(measuring(alert.kind)),
        "steps": steps,
        "events": events,
        "now": app.today(),
        "alert": alert,
    });
    let shown = page("alert/show.html", title(&alert), context).under("/alerts", "アラート");
    Ok(match alert.contract_id.filter(|_| call.actor.organization.kind != OrganizationKind::Agency) {
        Some(id) => shown.in_words_of(contract::get(app, call, id)?.agency_id),
        None => shown,
    })
}

/// The days an alert speaks of, each run with the causes that are known of it: `[{from, to, causes}]`.
fn days(app: &App, call: &Call, alert: &AlertView) -> Result<Vec<Value>, Failure> {
    let told: DaySet = alert.days.iter().filter_map(|days| DayRange::new(days.from, days.to)).collect();
    let mut left = told.clone();
    let mut rows = Vec::new();
    for caused in causes(app, call, alert)? {
        let Some(range) = DayRange::new(caused.from, caused.to) else { continue };
        let range: DaySet = std::iter::once(range).collect();
        rows.extend(told.intersection(&range).ranges().iter().map(|days| (*days, Some(caused.cause))));
        left = left.difference(&range);
    }
    rows.extend(left.ranges().iter().map(|days| (*days, None)));
    rows.sort_by_key(|(days, _)| days.from);
    let row = |(days, cause): (DayRange, _)| json!({ "from": days.from, "to": days.to, "cause": cause });
    Ok(rows.into_iter().map(row).collect())
}

/// The causes by which the days of an unapproved use are uncovered, as the chain knows them now.
fn causes(app: &App, call: &Call, alert: &AlertView) -> Result<Vec<CausedDays>, Failure> {
    let (Some(contract), Some(place)) = (alert.contract_id, alert.engagement_id) else {
        return Ok(Vec::new());
    };
    if alert.kind != AlertKind::UnapprovedSubcontractor {
        return Ok(Vec::new());
    }
    let seen = match chain::get(app, call, contract, None, None) {
        Ok(seen) => seen,
        Err(Failure::NotFound) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let found = std::iter::once(&seen.root).chain(&seen.roots).find_map(|root| at(root, place));
    Ok(found.map(|node| node.uncovered_causes.clone()).unwrap_or_default())
}

fn at(node: &Node, place: EngagementId) -> Option<&Node> {
    if node.engagement_id == place {
        return Some(node);
    }
    node.children.iter().find_map(|child| at(child, place))
}
