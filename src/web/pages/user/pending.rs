//! 承認待ちの変更: who asked for what, what is so now and would be then, and who can say yes or no.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, joined, look, page, send};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use crate::domain::access::{Permission, Role};
use crate::domain::id::{ChangeId, UserId};
use crate::service::user::pending::{self, ChangeKind, ChangeState, PendingChangeView, RejectionInput};
use crate::service::{self, App, Call, Failure};

const LABELS: &Labels = &[("reason", "却下する理由")];

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/pending-changes").needs(Permission::ManageUsers, list),
        look("/pending-changes/{id}").needs(Permission::ReadUser, show),
        send("/pending-changes/{id}/approve")
            .needs(Permission::ManageUsers, |app, call, visit| {
                let done = visit.id("id").and_then(|id| pending::approve(app, call, id));
                ended(app, call, visit, done, "change_approved")
            })
            .fresh(),
        send("/pending-changes/{id}/reject")
            .needs(Permission::ReadUser, |app, call, visit| {
                if visit.form.mark("_again").is_some() {
                    let shown = show(app, call, visit)?;
                    return Ok(Page { form: visit.form.clone(), ..shown }.into());
                }
                let id: ChangeId = visit.id("id")?;
                let done = visit
                    .input::<RejectionInput>()
                    .and_then(|given| pending::reject(app, call, id, given.reason.as_deref()));
                ended(app, call, visit, done, "change_rejected")
            })
            .returnable(),
        send("/pending-changes/{id}/withdraw").needs(Permission::ReadUser, |app, call, visit| {
            let done = visit.id("id").and_then(|id| pending::withdraw(app, call, id));
            ended(app, call, visit, done, "change_withdrawn")
        }),
    ]
}

/// Back to the change's page: with what was done, with what has become of it instead, or with what is wrong.
fn ended(
    app: &App,
    call: &Call,
    visit: &Visit,
    done: Result<PendingChangeView, Failure>,
    name: &str,
) -> Result<Outcome, Failure> {
    match done {
        Ok(change) => {
            let name = if change.state == ChangeState::Void { "change_void" } else { name };
            Ok(Outcome::Moved(format!("/pending-changes/{}?done={name}", change.id)))
        }
        Err(failure) => show(app, call, visit)?.with(failure, visit, LABELS),
    }
}

/// The change as pages say it.
pub fn told(app: &App, change: &PendingChangeView) -> Value {
    let more = json!({
        "title": ours(words::change_kind(change.kind)),
        "now": side(change.kind, &change.before),
        "then": side(change.kind, &change.after),
        "asked": words::instant(app, change.asked_at),
        "takes_effect": change.takes_effect_at.map(|at| words::instant(app, at)),
        "expires": words::instant(app, change.expires_at),
        "ended": change.ended_at.map(|at| words::instant(app, at)),
        "user_address": address(change.user_id),
    });
    joined(serde_json::to_value(change).unwrap_or_default(), more)
}

/// One side of a change; None: there is nothing on it.
fn side(kind: ChangeKind, value: &Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let day = |name: &str| value[name].as_str().and_then(|text| text.parse().ok()).map(words::day);
    Some(match kind {
        ChangeKind::Roles => {
            let codes = value["roles"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let titles: Vec<&str> =
                codes.filter_map(|code| code.parse::<Role>().ok()).map(Role::title).collect();
            if titles.is_empty() { "なし".to_owned() } else { titles.join("・") }
        }
        ChangeKind::Email => text("email"),
        ChangeKind::Active if value["active"] == json!(true) => "利用できる".to_owned(),
        ChangeKind::Active => "停止中".to_owned(),
        ChangeKind::ExpiresOn => day("expires_on").unwrap_or_else(|| "なし".to_owned()),
        ChangeKind::Deputy => {
            let (from, to) = (day("starts_on").unwrap_or_default(), day("ends_on").unwrap_or_default());
            format!("{}（{from}から{to}まで）", text("deputy_name"))
        }
    })
}

/// What waits of a person's account, for their page.
pub fn of_user(app: &App, call: &Call, user: UserId) -> Result<Vec<Value>, Failure> {
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let found = pending::list(app, call, Some(user), Some(ChangeState::Asked), &all)?;
    Ok(found.items.iter().map(|change| told(app, change)).collect())
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let all = visit.query("state") == Some("all");
    let state = (!all).then_some(ChangeState::Asked);
    let found = pending::list(app, call, None, state, &visit.page()?)?;
    let rows: Vec<Value> = found.items.iter().map(|change| told(app, change)).collect();
    let context = json!({ "changes": rows, "pager": visit.pager(&found), "all": all });
    Ok(page("user/pending_list.html", ours("承認待ちの変更"), context).under("/users", "利用者"))
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let change = pending::find(app, call, visit.id("id")?)?;
    let title = format!("{}（{}）", ours(words::change_kind(change.kind)), change.user_name);
    let own = change.user_id == call.actor.user_id;
    let context = json!({ "change": told(app, &change), "own": own });
    let shown = page("user/pending.html", title, context);
    if call.actor.may(Permission::ManageUsers) {
        return Ok(shown.under("/users", "利用者").under("/pending-changes", "承認待ちの変更"));
    }
    Ok(shown)
}
