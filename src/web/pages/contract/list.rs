//! The list of contracts.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;

use super::super::own::ours;
use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::super::{narrow, words};
use crate::domain::access::{OrganizationKind, Permission};
use crate::domain::contract::ContractStatus;
use crate::domain::id::ContractId;
use crate::service::contract::{self, ContractQuery, ContractSort, ContractView};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/contracts").needs(Permission::ReadContract, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (narrow, mut wrong) = visit.narrow();
    let (without_on_site, unread) = visit.query_year("without_on_site");
    wrong.extend(unread);
    let (ends_by, unread) = visit.query_day(("ends_by", "この日までに終わる"));
    wrong.extend(unread);
    let query = ContractQuery {
        narrow,
        status: visit.query_word("status"),
        vendor_id: visit.query_word("vendor_id"),
        alerting: visit.query("alert") == Some("open"),
        ends_by,
        unended: visit.query("unended") == Some("true"),
        without_on_site,
        sort: visit.query_word("sort").unwrap_or_default(),
    };
    let contracts = contract::list(app, call, &query, &visit.page()?)?;
    let context = json!({
        "pager": visit.counted_pager(&contracts, || contract::count(app, call, &query))?,
        "narrowed": visit.is_narrowed(),
        "narrow": narrow::fields(app, call)?,
        "without_on_site": query.without_on_site,
        "unended": query.unended,
        "order": sorts().into_iter().find(|(sort, _)| *sort == query.sort).map(|(_, words)| words),
        "amounts": call.actor.organization.kind != OrganizationKind::Vendor,
        // Who entrusts, for those who see more than one agency.
        "agencies": call.actor.organization.kind != OrganizationKind::Agency,
        "statuses": words::choices::<ContractStatus>("contract"),
        // The first is that of the list as it opens; whose amount is greater is not a vendor's to learn.
        "sorts": sorts()
            .iter()
            .skip(1)
            .filter(|(sort, _)| *sort != ContractSort::AmountDown || call.actor.organization.kind != OrganizationKind::Vendor)
            .map(|(sort, words)| json!({ "value": sort, "label": words }))
            .collect::<Vec<_>>(),
    });
    let rows: Vec<Row<'_>> = contracts.items.iter().map(row).collect();
    let page = page("contract/list.html", "契約", context).with_rows("contracts", &rows);
    Ok(page.filled(&visit.query).wrongly_asked(wrong))
}

/// The orders offered, in words.
fn sorts() -> [(ContractSort, &'static str); 5] {
    [
        (ContractSort::Newest, "登録の新しい順"),
        (ContractSort::Ends, "終了の近い順"),
        (ContractSort::EndsDown, "終了の遠い順"),
        (ContractSort::Number, "契約番号順"),
        (ContractSort::AmountDown, "金額の大きい順"),
    ]
}

/// What a row shows: little enough that a page of them costs little.
#[derive(Serialize)]
struct Row<'a> {
    id: ContractId,
    number: &'a str,
    title: &'a str,
    agency: &'a str,
    vendor: &'a str,
    from: NaiveDate,
    to: NaiveDate,
    status: String,
    tone: &'static str,
    alerts: i32,
    amount: Option<i64>,
    officer: Option<&'a str>,
    department: Option<&'a str>,
}

fn row(contract: &ContractView) -> Row<'_> {
    let (status, tone) =
        words::word("contract", contract.status.as_str()).unwrap_or(("", words::Tone::Quiet));
    Row {
        id: contract.id,
        number: &contract.number,
        title: &contract.title,
        agency: &contract.agency_name,
        vendor: contract.vendor_name.as_deref().unwrap_or("—"),
        from: contract.starts_on,
        to: contract.last_day,
        status: ours(status),
        tone: tone.class(),
        alerts: contract.open_alerts.unwrap_or(0),
        amount: contract.amount_yen,
        officer: contract.officer_name.as_deref(),
        department: contract.department.as_deref(),
    }
}
