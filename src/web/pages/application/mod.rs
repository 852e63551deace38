//! 再委託承認申請, on both sides: filed, corrected, reviewed, sent back, decided, withdrawn.

mod choose;
mod content;
mod correct;
mod decide;
mod file;
mod list;
mod review;
mod safeguards;
mod show;

use serde_json::{Value, json};

use super::own::ours;
use super::route::{Labels, Outcome, Page, PageRoute, page};
use super::visit::Visit;
use super::words;
use crate::domain::contract::Overseas;
use crate::service::application;
use crate::service::application::briefing::{Briefing, briefing};
use crate::service::contract::ContractView;
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    [list::routes(), show::routes(), review::routes(), decide::routes(), correct::routes(), file::routes()]
        .concat()
}

/// What of an application the page of an act on it says: the application, and a title of its own.
fn of_act(
    app: &App,
    call: &Call,
    visit: &Visit,
    template: &'static str,
    title: &str,
) -> Result<(Briefing, Page), Failure> {
    let brief = briefing(app, call, visit.id("id")?)?;
    // The version that was looked at, wherever the form has been since.
    let current = brief.application.version.to_string();
    let seen = Some(visit.typed("seen_version")).filter(|typed| !typed.is_empty()).unwrap_or(&current);
    let context = json!({
        "brief": brief,
        "asked": content::rows(&brief.application.content),
        "seen_version": seen,
        "sent": visit.is_sent,
        "tier": words::tier(brief.tier),
    });
    let list = if brief.own { "申請" } else { "承認申請" };
    let shown = page(template, title, context)
        .under("/applications", list)
        .under(format!("/applications/{}", brief.application.id), heading(&brief))
        .in_words_of(brief.agency_id);
    Ok((brief, shown))
}

/// What the page of an application is called.
fn heading(brief: &Briefing) -> String {
    let kind = if brief.application.supersedes { "変更承認申請" } else { "再委託承認申請" };
    format!("{}: {}", ours(kind), brief.vendor.name)
}

/// Puts a value under a name of an object.
fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}

/// What stands under a name of an object; null: nothing.
fn part(object: &Value, name: &str) -> Value {
    object.get(name).cloned().unwrap_or_default()
}

/// What the contract forbids of the country is told at the field where it is given.
fn at_its_field(failure: Failure) -> Failure {
    match failure {
        Failure::Conflict { code: application::OVERSEAS, message } => {
            let more = format!("{message}作業を行う国を確かめてください。");
            Failure::field("/country", application::OVERSEAS, more)
        }
        other => other,
    }
}

/// What the form says at that field beforehand; nothing: it may be abroad.
fn overseas(contract: &ContractView) -> String {
    let clause = contract.subcontracting.as_ref();
    match clause.map(|clause| clause.overseas) {
        Some(Overseas::Prohibited) => ours("この契約では、国外での取扱いが禁止されています。"),
        Some(Overseas::ConsentRequired) => ours(
            "国外での取扱いには、事前の承認が必要です。国外のときは、その国の制度と安全管理措置を確かめて審査します。",
        ),
        None => String::new(),
    }
}

type Show = fn(&App, &Call, &Visit) -> Result<Page, Failure>;

/// Shows the form again to who was not the first, with what was typed, and takes it next time as made from the
/// application as it is now.
fn lost(
    app: &App,
    call: &Call,
    visit: &Visit,
    (show, labels): (Show, &Labels),
    failure: Failure,
) -> Result<Outcome, Failure> {
    if !matches!(failure, Failure::Conflict { .. }) {
        return Err(failure);
    }
    let mut shown = show(app, call, visit)?;
    let current = shown.context.pointer("/brief/application/version").map(ToString::to_string);
    set(&mut shown.context, "seen_version", json!(current));
    shown.with(failure, visit, labels)
}
