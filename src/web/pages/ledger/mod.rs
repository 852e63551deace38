//! 変更履歴 of a contract or an organization: who recorded what and when, the last first, with the hashes that show
//! that nothing is missing.

mod action;
mod payload;

use std::collections::HashMap;

use serde_json::{Value, json};

use super::own::ours;
use super::route::{Page, PageRoute, joined, look, page};
use super::visit::Visit;
use super::words;
use crate::domain::access::{ActorOrganization, Permission};
use crate::domain::id::{Id, OrganizationId, SubjectId};
use crate::service::ledger::{self, Change, EntryView};
use crate::service::{App, Call, Failure, contract};

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/contracts/{id}/ledger").needs(Permission::ReadLedger, of_contract),
        look("/organizations/{id}/ledger").needs(Permission::ReadLedger, of_organization),
    ]
}

fn of_contract(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let entries = entries(app, call, visit, contract.id.cast())?;
    let context = joined(entries, json!({ "contract": contract }));
    let title = format!("{}（{} {}）", ours("変更履歴"), contract.number, contract.title);
    Ok(page("ledger/contract.html", title, context).under_contract(&contract))
}

fn of_organization(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let id: OrganizationId = visit.id("id")?;
    let ActorOrganization { name, .. } = ledger::organization(app, call, id)?;
    let entries = entries(app, call, visit, id.cast())?;
    let context = joined(entries, json!({ "organization": { "id": id, "name": name } }));
    Ok(page("ledger/organization.html", format!("{name}{}", ours("の変更履歴")), context))
}

/// A page of a chain: its entries in words.
fn entries(app: &App, call: &Call, visit: &Visit, chain: SubjectId) -> Result<Value, Failure> {
    let found = ledger::newest(app, call, chain, &visit.page()?)?;
    let names = ledger::names(app, call, &found.items)?;
    let changes = ledger::changes(app, call, &found.items)?;
    let row = |entry: &EntryView| row(app, call, entry, changes.get(&entry.entry), &names);
    let rows: Vec<Value> = found.items.iter().map(row).collect();
    let hidden = found.items.iter().any(|entry| entry.action.is_none());
    Ok(json!({ "entries": rows, "pager": visit.pager(&found), "hidden": hidden, "tab": "ledger" }))
}

fn row(
    app: &App,
    call: &Call,
    entry: &EntryView,
    change: Option<&Change>,
    names: &HashMap<SubjectId, String>,
) -> Value {
    let name = |id: Option<SubjectId>| id.and_then(|id| names.get(&id));
    let row = json!({
        "seq": entry.seq, "at": words::instant(app, entry.at), "entry": entry.entry,
        "hash": entry.hash, "short": entry.hash.get(..12), "prev_hash": entry.prev_hash, "whole": false,
    });
    let Some(action) = &entry.action else { return row };
    let told = action::words(action).map_or_else(|| action.clone(), ours);
    // What is about the chain as a whole says so by standing in it.
    let about = name(entry.subject.filter(|subject| *subject != entry.chain)).cloned();
    let about = about.or_else(|| payload::about(entry.payload.as_ref()?, names));
    let (rows, checked) = payload::rows(entry.payload.as_ref(), change, names);
    let more = json!({
        "whole": true, "words": told, "about": about, "by_program": entry.actor.is_none(),
        "person": name(entry.actor.map(Id::cast)), "organization": name(entry.actor_organization.map(Id::cast)),
        "link": entry.subject.and_then(|subject| action::address(&call.actor, action, subject)),
        "rows": rows, "checked": checked,
    });
    joined(row, more)
}
