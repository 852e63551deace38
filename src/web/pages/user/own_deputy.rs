//! 代理 of one's own: asked for or appointed by the person, as the agency's setting has it.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Outcome, Page, PageRoute, check, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::deputy::{ENDING, LABELS, ended, ending_answers, ending_context};
use crate::domain::access::{OrganizationKind, Permission, Role};
use crate::domain::id::UserId;
use crate::domain::settings::OwnDeputies;
use crate::service::user::pending::ChangeKind;
use crate::service::user::{self, DeputyInput};
use crate::service::{App, Call, Failure};

const ACCOUNT: &str = "/account";

pub fn routes() -> Vec<PageRoute> {
    let new = form("/account/deputies/new", LABELS).needs(Permission::OwnAccount, show, act);
    let end = form("/account/deputies/{id}/end", ENDING).needs(Permission::OwnAccount, show_end, end);
    [new.into_iter().map(PageRoute::fresh).collect(), end].concat()
}

fn roles_of(roles: &[Role]) -> String {
    roles.iter().map(|role| role.title()).collect::<Vec<_>>().join("・")
}

/// Those the person holds themselves: who stands in for another does not hand that on.
fn own_roles(app: &App, call: &Call) -> Result<String, Failure> {
    Ok(roles_of(&user::find(app, call, call.actor.user_id)?.0.roles))
}

/// What the account's page says of 代理; null: nobody stands in for people of this kind of organization.
pub fn of_account(app: &App, call: &Call) -> Result<Value, Failure> {
    let way = user::own_way(app, call)?;
    let standing = user::own_deputies(app, call)?;
    let (me, today) = (call.actor.user_id, app.today());
    let row = |it: &user::Standing| {
        json!({
            "id": it.deputy.id, "person": it.person, "stands_in": it.stands_in, "starts_on": it.deputy.starts_on,
            "ends_on": it.deputy.ends_on, "begun": it.deputy.starts_on <= today,
        })
    };
    let (mine, others): (Vec<_>, Vec<_>) = standing.iter().partition(|it| it.deputy.user_id == me);
    let waiting: Vec<Value> = user::find(app, call, me)?
        .0
        .pending
        .iter()
        .filter(|change| change.kind == ChangeKind::Deputy)
        .map(|change| json!(change.id))
        .collect();
    let is_agency = call.actor.organization.kind == OrganizationKind::Agency;
    Ok(json!({
        "shown": is_agency, "way": way, "waiting": waiting,
        "mine": mine.into_iter().map(row).collect::<Vec<_>>(), "others": others.into_iter().map(row).collect::<Vec<_>>(),
    }))
}

fn show(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let way = user::own_way(app, call)?;
    let people: Vec<Value> = if way == OwnDeputies::None {
        Vec::new()
    } else {
        let all = user::colleagues(app, call)?;
        all.iter()
            .map(
                |(id, name, roles)| json!({ "value": id, "label": format!("{name}（{}）", roles_of(roles)) }),
            )
            .collect()
    };
    let own = own_roles(app, call)?;
    let context = json!({ "people": people, "way": way, "roles": own });
    Ok(page("user/own_deputy.html", title(way), context).under(ACCOUNT, "自分のアカウント"))
}

fn title(way: OwnDeputies) -> &'static str {
    if way == OwnDeputies::Appoint { "代理を指定する" } else { "代理を申し出る" }
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let way = user::own_way(app, call)?;
    let given: DeputyInput = visit.input()?;
    user::check_appointment(app, call, call.actor.user_id, &given)?;
    let deputy = user::colleagues(app, call)?.into_iter().find(|(id, _, _)| *id == given.deputy_id);
    let Some((_, name, roles)) = deputy else {
        return Err(Failure::field("/deputy_id", "unknown", "利用できる人を選んでください。"));
    };
    let effect = if way == OwnDeputies::Appoint {
        "指定すると、代理の期間中、代理をする人は上の役割も使えます。決裁などの役割の代理は、管理者の承認を待つことがあります。"
    } else {
        "申し出ると管理者に届き、管理者が承認すると効力が生じます。"
    };
    let answers = [
        ("代理をする人", format!("{name}（{}）", roles_of(&roles))),
        ("代理の期間", format!("{}〜{}", words::day(given.starts_on), words::day(given.ends_on))),
        ("使えるようになる役割", own_roles(app, call)?),
        ("この後", ours(effect)),
    ];
    if let Some(asked) = check(visit, "代理の内容を確かめる", title(way), &answers) {
        return Ok(asked);
    }
    let made = user::appoint_own(app, call, &given)?;
    let done = if made.pending.is_empty() { "deputy" } else { "deputy_asked" };
    Ok(Outcome::Moved(format!("{ACCOUNT}?done={done}")))
}

fn own_appointment(app: &App, call: &Call, visit: &Visit) -> Result<(user::DeputyView, UserId), Failure> {
    let deputy = user::one_deputy(app, call, visit.id("id")?)?;
    let me = call.actor.user_id;
    if deputy.user_id == me { Ok((deputy, me)) } else { Err(Failure::NotFound) }
}

fn show_end(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (deputy, _) = own_appointment(app, call, visit)?;
    let name = stands_in(app, call, deputy.deputy_id)?;
    let context = ending_context(app, &deputy, (&call.actor.name, &name), "/account/deputies", ACCOUNT);
    Ok(page("user/deputy_end.html", "代理をやめる・早める", context).under(ACCOUNT, "自分のアカウント"))
}

fn stands_in(app: &App, call: &Call, id: UserId) -> Result<String, Failure> {
    let known = user::own_deputies(app, call)?.into_iter().find(|it| it.deputy.deputy_id == id);
    Ok(known.map(|it| it.stands_in).unwrap_or_default())
}

fn end(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let (deputy, _) = own_appointment(app, call, visit)?;
    let given = ended(app, visit)?;
    let name = stands_in(app, call, deputy.deputy_id)?;
    let answers = ending_answers(&deputy, &given, (&call.actor.name, &name));
    if let Some(asked) = check(visit, "代理の終わりを確かめる", "この内容で変える", &answers)
    {
        return Ok(asked);
    }
    user::end_own(app, call, deputy.id, &given)?;
    Ok(Outcome::Moved(format!("{ACCOUNT}?done=deputy_ended")))
}
