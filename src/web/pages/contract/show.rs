//! One contract: 概要.

use serde_json::json;

use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::correct::changes;
use crate::domain::access::Permission;
use crate::service::contract;
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/contracts/{id}").needs(Permission::ReadContract, overview)]
}

fn overview(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let title = format!("{} {}", contract.number, contract.title);
    // To a vendor below the prime, the terms are not told.
    let changes = if contract.amount_yen.is_some() { changes(app, call, contract.id)? } else { Vec::new() };
    let context = json!({ "contract": contract, "tab": "", "changes": changes });
    Ok(page("contract/overview.html", title, context)
        .under("/contracts", "契約")
        .in_words_of(contract.agency_id))
}
