//! The list of contracts.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::super::words;
use crate::domain::access::{OrganizationKind, Permission};
use crate::domain::contract::ContractStatus;
use crate::service::contract::{self, ContractQuery, ContractView};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/contracts").needs(Permission::ReadContract, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (fiscal_year, mut wrong) = visit.query_year("fiscal_year");
    let (ends_by, unread) = visit.query_day(("ends_by", "この日までに終わる"));
    wrong.extend(unread);
    let query = ContractQuery {
        q: visit.query("q").map(str::to_owned),
        fiscal_year,
        status: visit.query_word("status"),
        vendor_id: visit.query_word("vendor_id"),
        alerting: visit.query("alert") == Some("open"),
        ends_by,
        sort: visit.query_word("sort").unwrap_or_default(),
    };
    let contracts = contract::list(app, call, &query, &visit.page()?)?;
    let context = json!({
        "contracts": contracts.items.iter().map(row).collect::<Vec<_>>(),
        "pager": visit.pager(&contracts),
        "narrowed": visit.is_narrowed(),
        // Who entrusts, for those who see more than one agency.
        "agencies": call.actor.organization.kind != OrganizationKind::Agency,
        // A vendor further down must not learn from a search who else stands there.
        "q_label": ours(if call.actor.organization.kind == OrganizationKind::Vendor { "番号・件名" } else { "番号・件名・事業者（再委託先も）" }),
        "statuses": words::choices::<ContractStatus>("contract"),
        "sorts": [
            { "value": "ends", "label": "終了の近い順" },
            { "value": "-ends", "label": "終了の遠い順" },
            { "value": "number", "label": "契約番号順" },
            { "value": "-amount", "label": "金額の大きい順" },
        ],
    });
    Ok(page("contract/list.html", "契約", context).filled(&visit.query).wrongly_asked(wrong))
}

/// What a row shows: little enough that a page of them costs little.
fn row(contract: &ContractView) -> Value {
    let (status, tone) =
        words::word("contract", contract.status.as_str()).unwrap_or(("", words::Tone::Quiet));
    json!({
        "id": contract.id, "number": contract.number, "title": contract.title, "agency": contract.agency_name,
        "vendor": contract.vendor_name.as_deref().unwrap_or("—"), "from": contract.starts_on, "to": contract.last_day,
        "status": ours(status), "tone": tone.class(), "alerts": contract.open_alerts.unwrap_or(0),
    })
}
