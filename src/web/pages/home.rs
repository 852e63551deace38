//! ホーム: what needs one today; each number leads to the list behind it.

use serde_json::{Value, json};

use super::route::{HOME, Page, PageRoute, look, page};
use super::visit::Visit;
use crate::domain::access::{OrganizationKind, Permission};
use crate::domain::alert::{AlertKind, Severity};
use crate::domain::contract::ContractStatus;
use crate::service::alert::{self, AlertFilter};
use crate::service::consent::draft;
use crate::service::contract::{self, ContractQuery, ContractSort};
use crate::service::{self, App, Call, Failure, overview};

/// The gravest alerts, the declarations that a vendor owes, and its contracts: so many of them.
const SHOWN: i64 = 10;

pub fn routes() -> Vec<PageRoute> {
    vec![look(HOME).needs(Permission::OwnAccount, home)]
}

fn home(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let few = service::Page { limit: SHOWN, after: None };
    let grave = if call.actor.may(Permission::ReadAlerts) {
        let filter =
            AlertFilter { unresolved: true, severity: Some(Severity::Critical), ..AlertFilter::default() };
        alert::list(app, call, &filter, &few)?.items
    } else {
        Vec::new()
    };
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    let owed = if is_vendor && call.actor.may(Permission::ReadAlerts) && call.actor.may(Permission::Declare) {
        let kind = Some(AlertKind::DeclarationOverdue);
        let filter = AlertFilter { unresolved: true, kind, ..AlertFilter::default() };
        alert::list(app, call, &filter, &few)?.items
    } else {
        Vec::new()
    };
    let contracts = if is_vendor && call.actor.may(Permission::ReadContract) {
        let query = ContractQuery {
            status: Some(ContractStatus::Running),
            sort: ContractSort::Ends,
            ..ContractQuery::default()
        };
        let found = contract::list(app, call, &query, &few)?;
        json!({ "items": found.items, "more": found.next_cursor.is_some() })
    } else {
        Value::Null
    };
    let overview = overview::overview(app, call)?;
    let is_agency = call.actor.organization.kind == OrganizationKind::Agency;
    let unassigned = if is_agency && call.actor.may(Permission::ReadContract) {
        contract::unassigned(app, call)?
    } else {
        0
    };
    let drafts = if call.actor.may(Permission::RecordConsent) { draft::waiting(app, call)? } else { 0 };
    let context = json!({ "overview": overview, "unassigned": unassigned, "drafts": drafts, "grave": grave, "owed": owed, "contracts": contracts });
    Ok(page("home.html", "ホーム", context))
}
