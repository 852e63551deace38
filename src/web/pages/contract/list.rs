//! The list of contracts.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::super::route::{Page, PageRoute, Visit, Wrong, look, page};
use super::super::words;
use crate::domain::access::{OrganizationKind, Permission};
use crate::domain::calendar::{fiscal_year, parse_day};
use crate::domain::contract::ContractStatus;
use crate::service::contract::{self, ContractQuery, ContractView};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/contracts").needs(Permission::ReadContract, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let year = visit.query("fiscal_year").map(year);
    let query = ContractQuery {
        q: visit.query("q").map(str::to_owned),
        fiscal_year: year.flatten(),
        status: visit.query_word("status"),
        vendor_id: visit.query_word("vendor_id"),
        alerting: visit.query("alert") == Some("open"),
        sort: visit.query_word("sort").unwrap_or_default(),
    };
    let contracts = contract::list(app, call, &query, &visit.page()?)?;
    let context = json!({
        "contracts": contracts.items.iter().map(row).collect::<Vec<_>>(),
        "pager": visit.pager(&contracts),
        "narrowed": visit.is_narrowed(),
        // Who entrusts, for those who see more than one agency.
        "agencies": call.actor.organization.kind != OrganizationKind::Agency,
        "statuses": words::choices::<ContractStatus>("contract"),
        "sorts": [
            { "value": "ends", "label": "終了の近い順" },
            { "value": "-ends", "label": "終了の遠い順" },
            { "value": "number", "label": "契約番号順" },
            { "value": "-amount", "label": "金額の大きい順" },
        ],
    });
    let shown = page("contract/list.html", "契約", context).filled(&visit.query);
    if year == Some(None) {
        let message =
            "年度は 2026、R8、令和8年度 のように入力してください。いまは、すべての年度を表示しています。";
        let wrong =
            Wrong {
                field: "fiscal_year".to_owned(), label: "年度".to_owned(), message: message.to_owned()
            };
        return Ok(Page { status: StatusCode::UNPROCESSABLE_ENTITY, errors: vec![wrong], ..shown });
    }
    Ok(shown)
}

/// What a row shows: little enough that a page of them costs little.
fn row(contract: &ContractView) -> Value {
    let (status, tone) =
        words::word("contract", contract.status.as_str()).unwrap_or(("", words::Tone::Quiet));
    json!({
        "id": contract.id, "number": contract.number, "title": contract.title, "agency": contract.agency_name,
        "vendor": contract.vendor_name.as_deref().unwrap_or("—"), "from": contract.starts_on, "to": contract.last_day,
        "status": status, "tone": tone.class(), "alerts": contract.open_alerts.unwrap_or(0),
    })
}

/// A 年度 as offices write it.
fn year(text: &str) -> Option<i32> {
    let plain = text.trim().trim_end_matches("年度").trim_end_matches('年');
    let of_april = |year: &str| parse_day(&format!("{year}年4月1日")).map(fiscal_year);
    of_april(plain).or_else(|| parse_day(&format!("{plain}.4.1")).map(fiscal_year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_read_as_offices_write_it() {
        for text in ["2026", "２０２６", "2026年度", "R8", "Ｒ８", "令和8", "令和8年度", " 令和８年 "]
        {
            assert_eq!(year(text), Some(2026), "{text}");
        }
        for text in ["来年", "x", "R", "8", "99999"] {
            assert_eq!(year(text), None, "{text}");
        }
    }
}
