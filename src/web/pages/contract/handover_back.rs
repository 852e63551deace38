//! 予定している引継ぎ of the agency, and several of them taken back in one act.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, check, form, page};
use super::super::visit::Visit;
use super::super::words;
use crate::domain::access::Permission;
use crate::service::contract::{self, ComingView, ManyWithdrawals};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("handover_ids", "取りやめる引継ぎ"), ("reason", "取りやめる理由")];

pub fn routes() -> Vec<PageRoute> {
    form("/contracts/handover/coming", LABELS).needs(Permission::HandOver, show, act)
}

fn placed(page: Page) -> Page {
    page.under("/contracts", "契約").under("/contracts/handover", "担当者をまとめて引き継ぐ")
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let every = visit.form.mark("_again") == Some("all");
    let values = visit.form.values();
    let is_chosen = |it: &ComingView| {
        let id = it.id.to_string();
        every || values.iter().any(|(name, value)| name.starts_with("handover_ids/") && *value == id)
    };
    let rows: Vec<Value> = contract::coming_handovers(app, call)?
        .iter()
        .map(|it| json!({ "it": it, "on": is_chosen(it) }))
        .collect();
    Ok(placed(page("contract/handover_coming.html", "予定している引継ぎ", json!({ "rows": rows }))))
}

fn described(one: &ComingView) -> String {
    let name = one.officer_name.as_deref().unwrap_or_default();
    format!("{}{} {name}: {} {}", one.from, ours("から"), one.number, one.title)
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: ManyWithdrawals = visit.input()?;
    let coming = contract::coming_handovers(app, call)?;
    let chosen: Vec<String> =
        coming.iter().filter(|it| given.handover_ids.contains(&it.id)).map(described).collect();
    let told = ours(&format!("{}件", words::count(chosen.len())));
    let answers = [
        ("取りやめる引継ぎ", format!("{told}\n{}", chosen.join("\n"))),
        ("取りやめる理由", given.reason.clone()),
    ];
    let title = "引継ぎを取りやめてよいか確かめる";
    if let Some(asked) = check(visit, title, "引継ぎを取りやめる", &answers) {
        return Ok(asked);
    }
    let withdrawn = contract::withdraw_handovers(app, call, &given)?;
    let words = format!(
        "予定していた{}件の引継ぎを取りやめました。担当者は、この引継ぎがないときの人のままです。",
        words::count(withdrawn)
    );
    let context = json!({ "words": words });
    Ok(placed(page("contract/moved.html", "引継ぎを取りやめました", context)).into())
}
