//! The list of accounts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use crate::domain::access::{Permission, Role};
use crate::domain::id::OrganizationId;
use crate::service::user::{self, Listed};
use crate::service::{App, Call, Failure, organization};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/users").needs(Permission::ManageUsers, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let asked: Option<OrganizationId> = visit.query_word("organization_id");
    let usable = visit.query("usable") == Some("true");
    let listed = if usable { Listed::Usable } else { Listed::All };
    let users = user::list(app, call, asked, listed, &visit.page()?)?;
    let everywhere = call.actor.is(Role::SystemAdmin);
    let ids: BTreeSet<OrganizationId> =
        users.items.iter().map(|user| user.organization_id).chain(asked).collect();
    let names = organization::names(app, &ids.into_iter().collect::<Vec<_>>())?;
    let name = |id: OrganizationId| names.get(&id).cloned().unwrap_or_default();
    let rows: Vec<Value> = users
        .items
        .iter()
        .map(|user| {
            let roles: Vec<&str> = user.roles.iter().map(|role| role.title()).collect();
            json!({
                "id": user.id, "name": user.name, "email": user.email, "roles": roles,
                "state": super::show::state(app, user), "expires_on": user.expires_on,
                "organization_id": user.organization_id, "organization": name(user.organization_id),
                "own": user.id == call.actor.user_id, "waiting": !user.pending.is_empty(),
            })
        })
        .collect();
    let title = match asked.filter(|_| everywhere) {
        Some(id) => format!("{}{}", name(id), ours("の利用者")),
        None if everywhere => ours("利用者"),
        None => format!("{}{}", call.actor.organization.name, ours("の利用者")),
    };
    let context = json!({
        "users": rows, "pager": visit.pager(&users), "everywhere": everywhere, "asked": asked, "usable": usable,
        "own_organization": call.actor.organization.id,
    });
    Ok(page("user/list.html", title, context))
}
