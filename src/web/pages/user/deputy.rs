//! 代理: who stands in for a person, from when until when.

use serde_json::{Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, form, page};
use super::super::visit::Visit;
use super::{address, everyone};
use crate::domain::access::Permission;
use crate::domain::id::UserId;
use crate::service::user::{self, DeputyEnd, DeputyInput, UserView};
use crate::service::{App, Call, Failure};

const LABELS: &Labels =
    &[("deputy_id", "代理をする人"), ("starts_on", "代理の初日"), ("ends_on", "代理の最終日")];

const ENDING: &Labels = &[("ends_on", "代理の最終日"), ("reason", "早める理由")];

pub fn routes() -> Vec<PageRoute> {
    form("/users/{id}/deputies/new", LABELS).needs(Permission::ManageDeputies, show, act)
}

/// An appointment brought to an end: it only takes away.
pub fn endings() -> Vec<PageRoute> {
    form("/deputies/{id}/end", ENDING).needs(Permission::ManageDeputies, ending, end)
}

fn ending(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let deputy = user::one_deputy(app, call, visit.id("id")?)?;
    let (person, _) = user::find(app, call, deputy.user_id)?;
    let (stands_in, _) = user::find(app, call, deputy.deputy_id)?;
    let context = json!({
        "deputy": deputy, "user": person, "stands_in": stands_in.name, "over": deputy.ends_on < app.today(),
    });
    Ok(page("user/deputy_end.html", "代理の最終日を早める", context).under_user(&person))
}

fn end(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let ended = user::end_deputy(app, call, visit.id("id")?, &visit.input::<DeputyEnd>()?)?;
    Ok(Outcome::Moved(format!("{}?done=deputy_ended", address(ended.user_id))))
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (user, _) = user::find(app, call, visit.id("id")?)?;
    if user.organization_id != call.actor.organization.id {
        return Err(Failure::NotFound);
    }
    // Nobody stands in for themselves, nor gives themselves more roles; who can't come in can't stand in.
    let can_stand_in = |one: &&UserView| {
        one.id != user.id
            && one.id != call.actor.user_id
            && one.active
            && one.expires_on.is_none_or(|last| last >= app.today())
    };
    let people: Vec<Value> = everyone(app, call, user.organization_id)?
        .iter()
        .filter(can_stand_in)
        .map(|one| {
            let roles: Vec<&str> = one.roles.iter().map(|role| role.title()).collect();
            json!({ "value": one.id, "label": format!("{}（{}）", one.name, roles.join("・")) })
        })
        .collect();
    let roles: Vec<&str> = user.roles.iter().map(|role| role.title()).collect();
    let context = json!({ "user": user, "people": people, "roles": roles });
    Ok(page("user/deputy.html", "代理を指定する", context).under_user(&user))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let id: UserId = visit.id("id")?;
    let made = user::appoint_deputy(app, call, id, &visit.input::<DeputyInput>()?)?;
    let done = if made.pending.is_empty() { "deputy" } else { "change_asked" };
    Ok(Outcome::Moved(format!("{}?done={done}", address(id))))
}
