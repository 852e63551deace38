//! An account changed: address, name, and of others' accounts what they may and until when.

use serde_json::json;

use super::super::own::ours;
use super::super::route::{Outcome, Page, PageRoute, checked, form, joined, page};
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
    let mut input: UserChange = read(visit, &needed)?;
    input.confirmed = visit.form.mark("_sure").is_some();
    let unlimited = !own && input.expires_on.is_none();
    let changed = match user::change(app, call, id, &visit.version(), &input, unlimited) {
        Err(Failure::Conflict { code: user::STILL_NEEDED, message }) => {
            return hangs(app, call, id, visit, &message).map(Outcome::Shown);
        }
        changed => changed?.0,
    };
    let done = if changed.pending.is_empty() { "user_changed" } else { "change_asked" };
    Ok(Outcome::Moved(format!("{}?done={done}", address(id))))
}

/// What hangs on the person, before it is left to nobody.
fn hangs(app: &App, call: &Call, id: UserId, visit: &Visit, message: &str) -> Result<Page, Failure> {
    let (user, _) = user::find(app, call, id)?;
    let answers = [("利用者", user.name.clone())];
    let asked = checked(visit, "この人に残っている仕事を確かめる", "それでも変更する", &answers);
    let context = joined(asked.context, json!({ "cautions": [ours(message)] }));
    Ok(Page { context, ..asked }.under_user(&user))
}
