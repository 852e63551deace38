//! An account changed: address, name, and of others' accounts what they may and until when.

use serde_json::json;

use super::super::route::{Outcome, Page, PageRoute, Visit, form, page};
use super::{LABELS, address, employer, role_choices, role_meanings};
use crate::domain::access::Permission;
use crate::domain::id::UserId;
use crate::domain::input::FieldError;
use crate::service::user::{self, UserChange};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    form("/users/{id}/change", LABELS).needs(Permission::ManageUsers, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (user, version) = user::find(app, call, visit.id("id")?)?;
    let kind = employer(app, call, user.organization_id)?.kind;
    let context = json!({
        "user": user, "own": user.id == call.actor.user_id,
        "roles": role_choices(kind), "meanings": role_meanings(kind),
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
    let input = visit.input::<UserChange>();
    // An empty field says that nothing is to stand there; the use case takes it for one that was not sent.
    let given = |name: &str| visit.form.body().contains_key(name);
    let needed: &[(&str, &str)] = &[("name", "入力してください。"), ("email", "入力してください。")];
    let roles = ("roles", "役割を1つ以上指定してください。");
    let missing: Vec<FieldError> = needed
        .iter()
        .chain((!own).then_some(&roles))
        .filter(|(name, _)| !given(name))
        .map(|(name, words)| FieldError::new(format!("/{name}"), "required", *words))
        .collect();
    let input = match input {
        Ok(input) if missing.is_empty() => input,
        Ok(_) => return Err(Failure::Invalid(missing)),
        Err(Failure::Invalid(wrong)) => return Err(Failure::Invalid([missing, wrong].concat())),
        Err(other) => return Err(other),
    };
    let unlimited = !own && !given("expires_on");
    user::change(app, call, id, &visit.version(), &input, unlimited)?;
    Ok(Outcome::Moved(format!("{}?done=user_changed", address(id))))
}
