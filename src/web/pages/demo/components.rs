//! Every component in every state, on one page of the demonstration: for who builds pages, and for the tests that
//! look at all of it at once.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::super::form::Form;
use super::super::route::{Outcome, Page, PageRoute, Wrong, look, page};
use super::super::visit::Visit;
use super::super::words;
use crate::domain::alert::{AlertState, Severity};
use crate::domain::chain::NodeState;
use crate::domain::contract::{ContractStatus, Policy};
use crate::domain::text_enum::TextEnum;
use crate::service::application::ApplicationStanding;
use crate::service::{App, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/demo/components").open(show)]
}

/// What a field looks like when it is wrong.
const WRONG: &[(&str, &str)] = &[
    ("text", "入力してください。"),
    ("day", "日付として読み取れません。"),
    ("area", "10,000文字以内で入力してください。"),
    ("choice", "選んでください。"),
    ("radio", "選んでください。"),
    ("boxes", "1つ以上選んでください。"),
    ("tick", "確認が必要です。"),
    ("file", "取り込むファイルを選んでください。"),
    ("persons/my_number", "個人情報の人数（全体）を超えています。"),
];

/// Every code of a set of words.
fn codes<E: TextEnum>(set: &str) -> Value {
    let codes: Vec<&str> = E::ALL.iter().map(|one| one.as_str()).collect();
    json!({ "set": set, "codes": codes })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
fn show(_: &App, visit: &Visit) -> Result<Outcome, Failure> {
    let sets = [
        codes::<NodeState>("node"),
        codes::<ApplicationStanding>("application"),
        codes::<AlertState>("alert"),
        codes::<Severity>("severity"),
        codes::<ContractStatus>("contract"),
    ];
    let context = json!({
        "state": visit.query("state").unwrap_or("empty"),
        "options": words::choices::<Policy>("policy"),
        "sets": sets,
        "pagers": [
            { "count": 0, "next": null, "first": null },
            { "count": 50, "next": "/demo/components?cursor=x", "first": null },
            { "count": 12, "next": null, "first": "/demo/components" },
        ],
        "data": [{ "category": "personal", "persons": 696_614 }, { "category": "my_number", "persons": 550_000 }],
    });
    let shown = page("demo/components.html", "部品の一覧", context);
    let known = json!({
        "text": "架空の件名", "day": "令和8年4月1日", "area": "一行目\n二行目", "choice": "prohibited", "radio": "prohibited",
        "boxes": ["prohibited", "notice_only"], "tick": true, "persons": {"personal": "１０００", "my_number": "2000"},
    });
    Ok(match visit.query("state") {
        Some("filled") => shown.filled(&known).into(),
        Some("wrong") => {
            let wrong = |(field, message): &(&str, &str)| Wrong {
                field: (*field).to_owned(),
                label: "項目".to_owned(),
                message: (*message).to_owned(),
            };
            let errors = WRONG.iter().map(wrong).collect();
            let form = Form::filled(&known);
            Outcome::Shown(Page { status: StatusCode::UNPROCESSABLE_ENTITY, errors, form, ..shown })
        }
        _ => shown.into(),
    })
}
