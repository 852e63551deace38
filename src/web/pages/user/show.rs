//! One account: what it is, and what can be done about it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::route::{Outcome, Page, PageRoute, joined, look, page, send};
use super::super::visit::Visit;
use super::super::words::{self, Tone};
use super::{address, employer, everyone};
use crate::domain::access::Permission;
use crate::domain::id::UserId;
use crate::service::user::{self, DeputyView, UserView};
use crate::service::{self, App, Call, Failure, factor};

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/users/{id}").needs(Permission::ReadUser, show),
        send("/users/{id}/invitation").needs(Permission::ManageUsers, |app, call, visit| {
            let id = visit.id("id")?;
            user::invite_again(app, call, id)?;
            Ok(Outcome::Moved(format!("{}?done=invited", address(id))))
        }),
        send("/users/{id}/unblock").needs(Permission::ManageUsers, |app, call, visit| {
            let id = visit.id("id")?;
            user::unblock(app, call, id)?;
            Ok(Outcome::Moved(format!("{}?done=unblocked", address(id))))
        }),
        send("/users/{id}/sessions/end")
            .needs(Permission::ManageUsers, |app, call, visit| {
                let id = visit.id("id")?;
                user::end_sessions(app, call, id)?;
                Ok(Outcome::Moved(format!("{}?done=sessions_ended", address(id))))
            })
            .fresh(),
    ]
}

/// Whether the account can be used, as a tag: its word and class.
pub fn state(app: &App, user: &UserView) -> Value {
    let (word, tone) = if !user.active {
        ("停止中", Tone::Quiet)
    } else if user.expires_on.is_some_and(|last| last < app.today()) {
        ("期限切れ", Tone::Careful)
    } else if user.invited {
        ("招待中", Tone::Busy)
    } else {
        ("利用できる", Tone::Good)
    };
    json!({ "word": word, "tone": tone.class() })
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (user, _) = user::find(app, call, visit.id("id")?)?;
    let actor = &call.actor;
    let own = user.id == actor.user_id;
    let employer = employer(app, call, user.organization_id)?;
    let is_usable = user.active && user.expires_on.is_none_or(|last| last >= app.today());
    let roles: Vec<&str> = user.roles.iter().map(|role| role.title()).collect();
    let mut context = json!({
        "user": user, "own": own, "organization": employer.name, "roles": roles, "state": state(app, &user),
        "since": words::instant(app, user.created_at),
        "can_invite": user.invited && is_usable && actor.may(Permission::ManageUsers),
        "can_reset": !own && actor.may(Permission::ManageUsers) && factor::is_enrolled(app, user.id)?,
        "can_depute": false, "access": null, "changes": super::pending::of_user(app, call, user.id)?,
    });
    if actor.may(Permission::ManageUsers) && !own {
        let page_of_all = service::Page { limit: service::page::MAX_LIMIT, after: None };
        let sessions = user::sessions(app, call, user.id, &page_of_all)?.items;
        let seen = sessions.iter().map(|session| session.seen_at).max();
        let blocked = user::blocked_until(app, call, user.id)?;
        let more = json!({ "access": {
            "sessions": sessions.len(), "seen": seen.map(|at| words::instant(app, at)),
            "blocked": blocked.map(|at| words::instant(app, at)),
        } });
        context = joined(context, more);
    }
    // Deputies are the agency's affair; who administers all organizations only sees accounts.
    if actor.may(Permission::ManageDeputies) && user.organization_id == actor.organization.id {
        let found = user::deputies(app, call, user.id, &visit.page()?)?;
        let deputies = deputies(app, call, &user, &found.items)?;
        let more = json!({ "can_depute": true, "pager": visit.pager(&found), "deputies": deputies });
        context = joined(context, more);
    }
    Ok(page("user/show.html", user.name.clone(), context).under("/users", "利用者"))
}

/// Who stands in for the person, by name.
fn deputies(app: &App, call: &Call, user: &UserView, found: &[DeputyView]) -> Result<Value, Failure> {
    if found.is_empty() {
        return Ok(json!([]));
    }
    let people = everyone(app, call, user.organization_id)?;
    let names: HashMap<UserId, &str> = people.iter().map(|one| (one.id, one.name.as_str())).collect();
    let today = app.today();
    let row = |deputy: &DeputyView| {
        let is_cancelled = deputy.ends_on < deputy.starts_on;
        let when = match (deputy.starts_on <= today, today <= deputy.ends_on) {
            _ if is_cancelled => ("取消し", Tone::Quiet),
            (true, true) => ("代理の期間中", Tone::Good),
            (false, _) => ("開始前", Tone::Busy),
            (_, false) => ("終了", Tone::Quiet),
        };
        json!({
            "id": deputy.id, "can_end": today <= deputy.ends_on,
            "name": names.get(&deputy.deputy_id), "starts_on": deputy.starts_on, "ends_on": deputy.ends_on,
            "state": { "word": when.0, "tone": when.1.class() },
        })
    };
    Ok(found.iter().map(row).collect())
}
