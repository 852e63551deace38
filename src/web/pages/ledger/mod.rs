//! 変更履歴 of a contract or an organization: who recorded what and when, the last first, with the hashes that show
//! that nothing is missing.

mod action;
mod payload;

use std::collections::HashMap;

use serde_json::{Value, json};

use super::route::{Page, PageRoute, Visit, joined, look, page};
use super::words;
use crate::domain::access::{OrganizationKind, Permission, Role};
use crate::domain::id::{Id, OrganizationId, SubjectId};
use crate::service::ledger::{self, EntryView};
use crate::service::{App, Call, Failure, contract, organization, setting};

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/contracts/{id}/ledger").needs(Permission::ReadLedger, of_contract),
        look("/organizations/{id}/ledger").needs(Permission::ReadLedger, of_organization),
    ]
}

fn of_contract(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    // The words of the agency whose contract it is.
    let own = setting::own_word(app, contract.agency_id, "承認")?;
    let entries = entries(app, call, visit, contract.id.cast(), &own)?;
    let context = joined(entries, json!({ "contract": contract }));
    let title = format!("変更履歴（{} {}）", contract.number, contract.title);
    Ok(page("ledger/contract.html", title, context).under_contract(&contract))
}

/// Of one's own organization; an overseer's of any.
fn of_organization(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let id: OrganizationId = visit.id("id")?;
    let own = &call.actor.organization;
    let (name, word) = if id == own.id {
        let is_agency = own.kind == OrganizationKind::Agency;
        let word = if is_agency { setting::own_word(app, id, "承認")? } else { "承認".to_owned() };
        (own.name.clone(), word)
    } else if call.actor.is(Role::Overseer) {
        (organization::find(app, call, id)?.0.name, "承認".to_owned())
    } else {
        return Err(Failure::NotFound);
    };
    let entries = entries(app, call, visit, id.cast(), &word)?;
    let context = joined(entries, json!({ "organization": { "id": id, "name": name } }));
    Ok(page("ledger/organization.html", format!("{name}の変更履歴"), context))
}

/// A page of a chain: its entries in words. `consent`: the agency's word for 承認.
fn entries(app: &App, call: &Call, visit: &Visit, chain: SubjectId, consent: &str) -> Result<Value, Failure> {
    let found = ledger::newest(app, call, chain, &visit.page()?)?;
    let names = ledger::names(app, call, &found.items)?;
    let rows: Vec<Value> = found.items.iter().map(|entry| row(app, entry, &names, consent)).collect();
    let hidden = found.items.iter().any(|entry| entry.action.is_none());
    Ok(json!({ "entries": rows, "pager": visit.pager(&found), "hidden": hidden, "tab": "ledger" }))
}

fn row(app: &App, entry: &EntryView, names: &HashMap<SubjectId, String>, consent: &str) -> Value {
    let name = |id: Option<SubjectId>| id.and_then(|id| names.get(&id));
    let row = json!({
        "seq": entry.seq, "at": words::instant(app, entry.at), "entry": entry.entry,
        "hash": entry.hash, "short": entry.hash.get(..12), "prev_hash": entry.prev_hash, "whole": false,
    });
    let Some(action) = &entry.action else { return row };
    let told = action::words(action).map_or_else(|| action.clone(), |words| words.replace("承認", consent));
    // What is about the chain as a whole says so by standing in it.
    let about = name(entry.subject.filter(|subject| *subject != entry.chain)).cloned();
    let about = about.or_else(|| payload::about(entry.payload.as_ref()?, names));
    let more = json!({
        "whole": true, "words": told, "about": about, "by_program": entry.actor.is_none(),
        "person": name(entry.actor.map(Id::cast)), "organization": name(entry.actor_organization.map(Id::cast)),
        "link": entry.subject.and_then(|subject| action::address(action, subject)),
        "rows": payload::rows(entry.payload.as_ref(), names),
    });
    joined(row, more)
}
