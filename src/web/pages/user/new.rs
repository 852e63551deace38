//! A new account: who, what they may, until when. Without a password, an invitation is mailed.

use serde_json::json;

use super::super::route::{Outcome, Page, PageRoute, form, page};
use super::super::visit::Visit;
use super::{LABELS, NO_ROLE, address, employer, read, role_choices, role_meanings};
use crate::domain::access::{Permission, Role};
use crate::domain::id::OrganizationId;
use crate::service::user::{self, UserInput};
use crate::service::{App, Call, Failure, organization};

pub fn routes() -> Vec<PageRoute> {
    form("/users/new", LABELS).needs(Permission::ManageUsers, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let asked: Option<OrganizationId> =
        visit.query_word("organization_id").or_else(|| visit.typed("organization_id").parse().ok());
    if asked.is_none() && call.actor.is(Role::SystemAdmin) {
        return which(app, call, visit);
    }
    let employer = employer(app, call, asked.unwrap_or(call.actor.organization.id))?;
    let context = json!({
        "organization": { "id": employer.id, "name": employer.name },
        "strict": app.strict, "roles": role_choices(employer.kind), "meanings": role_meanings(employer.kind),
    });
    Ok(page("user/new.html", "利用者を登録する", context).under("/users", "利用者"))
}

/// The administrator of all organizations says first whose person it is.
fn which(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let found = organization::list(app, call, visit.query("q"), None, &visit.page()?)?;
    let context = json!({ "organizations": found.items, "pager": visit.pager(&found), "narrowed": visit.is_narrowed() });
    Ok(page("user/which.html", "どの組織の利用者を登録しますか", context)
        .filled(&visit.query)
        .under("/users", "利用者"))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let (made, _) = user::create(app, call, &read::<UserInput>(visit, &[NO_ROLE])?)?;
    let done = if made.pending.is_empty() { "user" } else { "change_asked" };
    Ok(Outcome::Moved(format!("{}?done={done}", address(made.id))))
}
