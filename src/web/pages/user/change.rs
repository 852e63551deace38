//! An account changed: address, name, and of others' accounts what they may and until when.

use serde_json::json;

use super::super::route::{Outcome, Page, PageRoute, form, page};
use super::super::visit::Visit;
use super::{LABELS, NO_ROLE, address, employer, read, role_choices, role_meanings};
use crate::domain::access::Permission;
use crate::domain::id::UserId;
use crate::service::user::{self, UserChange, pending};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    form("/users/{id}/change", LABELS).needs(Permission::ManageUsers, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (mut user, version) = user::find(app, call, visit.id("id")?)?;
    let waiting = pending::roles_asked(app, user.id)?;
    // Ticked, they are not asked for anew; to take them back is another act.
    user.roles.extend(&waiting);
    let kind = employer(app, call, user.organization_id)?.kind;
    let context = json!({
        "user": user, "own": user.id == call.actor.user_id,
        "roles": role_choices(kind), "meanings": role_meanings(kind), "strict": app.strict,
        "waiting": waiting.iter().map(|role| role.title()).collect::<Vec<_>>(),
        "actives": [{ "value": "true", "label": "利用できる" }, { "value": "false", "label": "停止する" }],
    });
    Ok(page("user/change.html", "利用者を変更する", context)
        .under_user(&user)
        .filled(&user)
        .of_version(version))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let id: UserId = visit.id("id")?;
    let own = id == call.actor.user_id;
    // An empty field says that nothing is to stand there; the use case takes it for one that was not sent.
    let mut needed = vec![("name", "入力してください。"), ("email", "入力してください。")];
    needed.extend((!own).then_some(NO_ROLE));
    let input: UserChange = read(visit, &needed)?;
    let unlimited = !own && input.expires_on.is_none();
    let (changed, _) = user::change(app, call, id, &visit.version(), &input, unlimited)?;
    let done = if changed.pending.is_empty() { "user_changed" } else { "change_asked" };
    Ok(Outcome::Moved(format!("{}?done={done}", address(id))))
}
