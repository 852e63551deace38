//! The queue of the agency, and what a vendor filed itself.

use serde_json::{Value, json};

use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::super::{narrow, words};
use super::part;
use crate::domain::access::{OrganizationKind, Permission, Scope};
use crate::service::application::{
    self, ApplicationStanding, ApplicationState, ApplicationView, QueueQuery, QueueSort,
};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/applications").needs(Permission::ReadContract, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    let standing = standing(visit);
    let (state, reviewed) = standing.map(ApplicationStanding::asked).unzip();
    let (narrow, wrong) = visit.narrow();
    let sort: QueueSort = visit.query_word("sort").unwrap_or_default();
    let query = QueueQuery { state, reviewed: reviewed.flatten(), narrow, sort };
    let found = application::queue(app, call, &query, &visit.page()?)?;
    // Whether it was reviewed is the agency's own.
    let states = if is_vendor {
        words::choices::<ApplicationState>("application")
    } else {
        words::choices::<ApplicationStanding>("application")
    };
    let context = json!({
        "pager": visit.counted_pager(&found, || application::count(app, call, &query))?,
        "narrow": narrow::fields(app, call)?,
        "by_due": sort == QueueSort::Due,
        "now": app.today(),
        "applications": found.items.iter().map(row).collect::<Vec<_>>(),
        "narrowed": visit.is_narrowed(),
        "vendor": is_vendor,
        "overseer": call.scope() == Scope::Overseer,
        "states": states,
    });
    let title = if is_vendor { "申請" } else { "承認申請" };
    let mut asked = json!(visit.query);
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("state".to_owned(), json!(standing));
    }
    Ok(page("application/list.html", title, context).filled(&asked).wrongly_asked(wrong))
}

/// Which are asked for. An address may still say 決裁待ち as `state=applied&reviewed=true`.
fn standing(visit: &Visit) -> Option<ApplicationStanding> {
    match (visit.query_word("state"), visit.query_word("reviewed")) {
        (Some(ApplicationStanding::Applied) | None, Some(true)) => {
            Some(ApplicationStanding::AwaitingDecision)
        }
        (None, Some(false)) => Some(ApplicationStanding::Applied),
        (standing, _) => standing,
    }
}

fn row(view: &ApplicationView) -> Value {
    let last = view.steps.last().map(|step| json!({ "step": step.step, "on": step.on }));
    json!({
        "id": view.id, "application_number": view.number, "state": view.standing, "supersedes": view.supersedes, "filed_on": view.filed_on,
        "contract_id": view.contract_id, "contract": view.contract_title, "number": view.contract_number,
        "vendor": view.vendor_name, "tier": view.tier.map(words::tier), "agency": view.agency_name,
        "starts_on": part(&view.content, "starts_on"), "ends_on": part(&view.content, "ends_on"), "last": last,
        "due_on": view.due_on,
    })
}
