//! ホーム: what needs one today; each number leads to the list behind it.

use serde_json::{Value, json};

use super::route::{HOME, Page, PageRoute, look, page};
use super::task::{self as tasks, Within};
use super::visit::Visit;
use crate::domain::access::{OrganizationKind, Permission, Scope};
use crate::domain::alert::Severity;
use crate::domain::contract::ContractStatus;
use crate::service::alert::{self, AlertFilter};
use crate::service::consent::draft;
use crate::service::contract::{self, ContractQuery, ContractSort, NarrowQuery, Whose};
use crate::service::task::{TaskKind, TaskQuery};
use crate::service::{self, App, Call, Failure, overview, task, user};

/// What is due first, the gravest alerts, and a vendor's contracts: so many of them.
const FEW: service::Page = service::Page { limit: 10, after: None };

pub fn routes() -> Vec<PageRoute> {
    vec![look(HOME).needs(Permission::OwnAccount, home)]
}

fn home(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let grave = if call.actor.may(Permission::ReadAlerts) {
        let filter =
            AlertFilter { unresolved: true, severity: Some(Severity::Critical), ..AlertFilter::default() };
        alert::list(app, call, &filter, &FEW)?.items
    } else {
        Vec::new()
    };
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    let reads = call.actor.may(Permission::ReadContract);
    let is_agency = call.actor.organization.kind == OrganizationKind::Agency;
    let unassigned = if is_agency && reads { contract::unassigned(app, call)? } else { 0 };
    let asks = unassigned > 0 && !call.actor.may(Permission::HandOver);
    let administrators = if asks { user::administrators(app, call)? } else { Vec::new() };
    let drafts = if call.actor.may(Permission::RecordConsent) { draft::waiting(app, call)? } else { 0 };
    let context = json!({
        "overview": overview::overview(app, call)?,
        "unassigned": unassigned,
        "administrators": administrators,
        "drafts": drafts,
        "grave": grave,
        "overseer": call.scope() == Scope::Overseer,
        "to_decide": to_decide(app, call)?,
        "todo": if reads { todo(app, call, visit)? } else { Value::Null },
        "contracts": if is_vendor && reads { contracts(app, call)? } else { Value::Null },
    });
    Ok(page("home.html", "ホーム", context))
}

/// What waits for the decision of who may decide: the oldest due first.
fn to_decide(app: &App, call: &Call) -> Result<Value, Failure> {
    if !call.actor.may(Permission::DecideApplication) {
        return Ok(Value::Null);
    }
    let query = TaskQuery { kind: Some(TaskKind::Decision), ..TaskQuery::default() };
    let found = task::list(app, call, &query, &FEW)?;
    let rows: Vec<Value> = found.items.iter().map(|one| tasks::row(one, false)).collect();
    Ok(json!({ "rows": rows, "more": found.next_cursor.is_some(), "total": task::count(app, call, &query)? }))
}

/// What is due first: of one's own contracts where one is responsible for any, else of all.
fn todo(app: &App, call: &Call, visit: &Visit) -> Result<Value, Failure> {
    let own = NarrowQuery { officer: Some(Whose::Me), ..NarrowQuery::default() };
    let of_own = ContractQuery { narrow: own.clone(), ..ContractQuery::default() };
    let one = service::Page { limit: 1, after: None };
    let is_officer = call.actor.organization.kind == OrganizationKind::Agency
        && call.actor.may(Permission::RegisterContract)
        && !contract::list(app, call, &of_own, &one)?.items.is_empty();
    let mine = is_officer && visit.query("whose") != Some("all");
    let narrow = if mine { own } else { NarrowQuery::default() };
    let officer = narrow.officer;
    let query = TaskQuery { until: Some(Within::Month.until(app.today())), narrow, ..TaskQuery::default() };
    let found = task::list(app, call, &query, &FEW)?;
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    Ok(json!({
        "tiles": tasks::tiles(app, call, officer)?,
        "rows": found.items.iter().map(|one| tasks::row(one, is_vendor)).collect::<Vec<_>>(),
        "more": found.next_cursor.is_some(),
        "mine": mine,
        "choose": is_officer,
        "all": if mine { "/tasks?officer=me" } else { "/tasks" },
        "agencies": call.actor.organization.kind != OrganizationKind::Agency,
        "is_vendor": is_vendor,
    }))
}

/// A vendor's running contracts, each with what it owes there and what waits for the agency.
fn contracts(app: &App, call: &Call) -> Result<Value, Failure> {
    let query = ContractQuery {
        status: Some(ContractStatus::Running),
        sort: ContractSort::Ends,
        ..ContractQuery::default()
    };
    let found = contract::list(app, call, &query, &FEW)?;
    let ids: Vec<_> = found.items.iter().map(|one| one.id).collect();
    let standings = task::standings(app, call, &ids)?;
    let items: Vec<Value> = found
        .items
        .iter()
        .zip(&standings)
        .map(|(contract, standing)| json!({ "contract": contract, "standing": standing }))
        .collect();
    Ok(
        json!({ "items": items, "more": found.next_cursor.is_some(), "total": contract::count(app, call, &query)? }),
    )
}
