//! 担当者の引継ぎ: one contract, or all of a person at a 人事異動.

use serde_json::{Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, check, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use crate::domain::access::{Permission, Role};
use crate::domain::id::UserId;
use crate::service::contract::{self, BulkHandover, Handover};
use crate::service::user::{self, UserView};
use crate::service::{self, App, Call, Failure};

const LABELS: &Labels =
    &[("officer_id", "新しい担当者"), ("from_officer_id", "いまの担当者"), ("from", "引き継ぐ日")];

pub fn routes() -> Vec<PageRoute> {
    [
        form("/contracts/{id}/handover", LABELS).needs(Permission::HandOver, show, act),
        form("/contracts/handover", LABELS).needs(Permission::HandOver, show_all, act_all),
    ]
    .concat()
}

/// The officers of the agency, those who have left too.
fn officers(app: &App, call: &Call) -> Result<Vec<UserView>, Failure> {
    let mut all = Vec::new();
    let mut next = service::Page { limit: service::page::MAX_LIMIT, after: None };
    loop {
        let found = user::list(app, call, None, Some(Role::Officer), &next)?;
        all.extend(found.items);
        match found.next_cursor {
            Some(cursor) => next = service::Page::read(Some("200"), Some(&cursor))?,
            None => return Ok(all),
        }
    }
}

fn options<'a>(officers: impl Iterator<Item = &'a UserView>) -> Value {
    officers.map(|it| json!({ "value": it.id, "label": format!("{}（{}）", it.name, it.email) })).collect()
}

fn name(officers: &[UserView], id: UserId) -> String {
    officers.iter().find(|it| it.id == id).map(|it| it.name.clone()).unwrap_or_default()
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let history = contract::handovers(app, call, contract.id, &all)?.items;
    let officers = officers(app, call)?;
    let active = options(officers.iter().filter(|it| it.active));
    let context = json!({ "contract": contract, "officers": active, "history": history });
    let shown = page("contract/handover.html", "担当者の引継ぎ", context).under_contract(&contract);
    Ok(shown.filled(&json!({ "from": app.today() })))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: Handover = visit.input()?;
    let changed = contract::hand_over(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("{}?done=handed_over", address(&changed))))
}

fn show_all(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let officers = officers(app, call)?;
    let context = json!({
        "officers": options(officers.iter().filter(|it| it.active)),
        "everyone": options(officers.iter()),
    });
    let shown =
        page("contract/handover_all.html", "担当者をまとめて引き継ぐ", context).under("/contracts", "契約");
    Ok(shown.filled(&json!({ "from": app.today() })))
}

fn act_all(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: BulkHandover = visit.input()?;
    let officers = officers(app, call)?;
    let answers = [
        ("いまの担当者", name(&officers, given.from_officer_id)),
        ("新しい担当者", name(&officers, given.officer_id)),
        ("引き継ぐ日", words::day(given.from)),
        ("引き継ぐ契約", "この日にいまの担当者が受け持つ、終了していない契約すべて".to_owned()),
    ];
    if let Some(asked) = check(visit, "引き継ぐ内容を確かめる", "引き継ぐ", &answers) {
        return Ok(asked);
    }
    let moved = contract::hand_over_all(app, call, &given)?.moved;
    let words = format!("{moved}件の契約の担当者を引き継ぎました。");
    Ok(page("contract/moved.html", "担当者を引き継ぎました", json!({ "words": words }))
        .under("/contracts", "契約")
        .into())
}
