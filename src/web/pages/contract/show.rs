//! One contract: 概要.

use serde_json::json;

use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::correct::changes;
use crate::domain::access::{Permission, Scope};
use crate::service::contract::{self, ContractView, HandoverView};
use crate::service::{self, App, Call, Failure, user};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/contracts/{id}").needs(Permission::ReadContract, overview)]
}

fn overview(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let title = format!("{} {}", contract.number, contract.title);
    // To a vendor below the prime, the terms are not told.
    let changes = if contract.amount_yen.is_some() { changes(app, call, contract.id)? } else { Vec::new() };
    let coming = coming(app, call, &contract)?;
    let own = matches!(call.scope(), Scope::Agency(_) | Scope::Overseer);
    // Whom to ask for a handover, told to those who change contracts and may not hand them over.
    let asks = call.actor.may(Permission::ChangeContract) && !call.actor.may(Permission::HandOver);
    let administrators = if asks { user::administrators(app, call)? } else { Vec::new() };
    let context = json!({
        "contract": contract, "tab": "", "coming": coming, "agency_side": own, "changes": changes,
        "asks": asks, "administrators": administrators, "contact": contract::contact(app, call, &contract)?,
    });
    Ok(page("contract/overview.html", title, context)
        .under("/contracts", "契約")
        .in_words_of(contract.agency_id))
}

/// Handovers of the responsible officer that have not begun; the agency's own affair.
pub(super) fn coming(app: &App, call: &Call, contract: &ContractView) -> Result<Vec<HandoverView>, Failure> {
    if matches!(call.scope(), Scope::Vendor(_)) {
        return Ok(Vec::new());
    }
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let mut coming = contract::handovers(app, call, contract.id, &all)?.items;
    coming.retain(|it| it.from > app.today() && it.withdrawn_on.is_none());
    coming.sort_by_key(|it| (it.from, it.recorded_at));
    Ok(coming)
}
