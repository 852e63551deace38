//! 代理: who stands in for a person, from when until when.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, check, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::{address, everyone};
use crate::domain::access::Permission;
use crate::domain::id::UserId;
use crate::service::user::{self, DeputyEnd, DeputyInput, DeputyView, UserView};
use crate::service::{App, Call, Failure};

pub(super) const LABELS: &Labels =
    &[("deputy_id", "代理をする人"), ("starts_on", "代理の初日"), ("ends_on", "代理の最終日")];

pub(super) const ENDING: &Labels = &[("ends_on", "代理の最終日"), ("reason", "早める理由")];

pub fn routes() -> Vec<PageRoute> {
    form("/users/{id}/deputies/new", LABELS).needs(Permission::ManageDeputies, show, act)
}

/// An appointment brought to an end: it only takes away.
pub fn endings() -> Vec<PageRoute> {
    form("/deputies/{id}/end", ENDING).needs(Permission::ManageDeputies, ending, end)
}

/// What the page of an end needs; the form's action begins with `base`.
pub(super) fn ending_context(
    app: &App,
    deputy: &DeputyView,
    (person, stands_in): (&str, &str),
    base: &str,
    back: &str,
) -> Value {
    json!({
        "deputy": deputy, "person": person, "stands_in": stands_in, "over": deputy.ends_on < app.today(),
        "begun": deputy.starts_on <= app.today(), "action": format!("{base}/{}/end", deputy.id), "back": back,
    })
}

/// The end as the form has it: a day, or at once, which leaves yesterday as the last day.
pub(super) fn ended(app: &App, visit: &Visit) -> Result<DeputyEnd, Failure> {
    visit.completed(|body| {
        if body.remove("at_once").is_some()
            && let Some(yesterday) = app.today().pred_opt()
        {
            body.insert("ends_on".to_owned(), json!(yesterday));
        }
    })
}

pub(super) fn ending_answers(
    deputy: &DeputyView,
    given: &DeputyEnd,
    (person, stands_in): (&str, &str),
) -> Vec<(&'static str, String)> {
    let after = if given.ends_on < deputy.starts_on {
        ours("代理を取り消します（始まりません）")
    } else {
        format!("{}〜{}", words::day(deputy.starts_on), words::day(given.ends_on))
    };
    vec![
        ("代理をしてもらう人", person.to_owned()),
        ("代理をする人", stands_in.to_owned()),
        ("いまの期間", format!("{}〜{}", words::day(deputy.starts_on), words::day(deputy.ends_on))),
        ("変更後", after),
        ("理由", given.reason.clone()),
    ]
}

fn ending(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let deputy = user::one_deputy(app, call, visit.id("id")?)?;
    let (person, _) = user::find(app, call, deputy.user_id)?;
    let (stands_in, _) = user::find(app, call, deputy.deputy_id)?;
    let back = address(person.id);
    let context = ending_context(app, &deputy, (&person.name, &stands_in.name), "/deputies", &back);
    Ok(page("user/deputy_end.html", "代理の最終日を早める", context).under_user(&person))
}

fn end(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let deputy = user::one_deputy(app, call, visit.id("id")?)?;
    let given = ended(app, visit)?;
    let (person, _) = user::find(app, call, deputy.user_id)?;
    let (stands_in, _) = user::find(app, call, deputy.deputy_id)?;
    let answers = ending_answers(&deputy, &given, (&person.name, &stands_in.name));
    if let Some(asked) = check(visit, "代理の終わりを確かめる", "この内容で変える", &answers)
    {
        return Ok(asked);
    }
    let ended = user::end_deputy(app, call, deputy.id, &given)?;
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
    let given: DeputyInput = visit.input()?;
    let (person, _) = user::find(app, call, id)?;
    user::check_appointment(app, call, id, &given)?;
    let (deputy, _) = user::find(app, call, given.deputy_id)?;
    let roles: Vec<&str> = person.roles.iter().map(|role| role.title()).collect();
    let answers = [
        ("代理をしてもらう人", person.name.clone()),
        ("代理をする人", deputy.name),
        ("代理の期間", format!("{}〜{}", words::day(given.starts_on), words::day(given.ends_on))),
        ("使えるようになる役割", roles.join("・")),
    ];
    if let Some(asked) = check(visit, "代理の内容を確かめる", "代理を指定する", &answers) {
        return Ok(asked);
    }
    let made = user::appoint_deputy(app, call, id, &given)?;
    let done = if made.pending.is_empty() { "deputy" } else { "change_asked" };
    Ok(Outcome::Moved(format!("{}?done={done}", address(id))))
}
