//! Login, one's own account and sessions, and the two ways to a password that come by mail.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::door::own_address;
use super::form::Form;
use super::route::{HOME, Labels, Outcome, Page, PageRoute, look, page, send};
use super::visit::Visit;
use super::{second, words};
use crate::domain::access::Permission;
use crate::service::account::{self, PasswordChange, ResetRequest, TokenPassword, TokenPurpose};
use crate::service::session::{self, Arrived, Credentials, Entry};
use crate::service::{self, App, Call, Failure};

/// The form for another password.
pub(super) const PASSWORD: &str = "/account/password";
/// All that is open to someone whose password somebody else set.
pub(super) const WITHOUT_OWN_PASSWORD: &[&str] = &[PASSWORD, "/logout"];

const LABELS: &Labels = &[
    ("email", "メールアドレス"),
    ("password", "パスワード"),
    ("current", "現在のパスワード"),
    ("new", "新しいパスワード"),
    ("again", "確認のための入力"),
];

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/login").open(|_, visit| Ok(login(visit))),
        send("/login").open(log_in),
        send("/logout")
            .needs(Permission::OwnAccount, |app, call, _| {
                session::log_out(app, call)?;
                Ok(Outcome::Left("/login".to_owned()))
            })
            .without_factor(),
        look("/account").needs(Permission::OwnAccount, mine),
        look(PASSWORD).needs(Permission::OwnAccount, |_, call, _| Ok(own_password(call))).without_factor(),
        send(PASSWORD).needs(Permission::OwnAccount, change_password).without_factor(),
        send("/account/sessions/{id}/end")
            .needs(Permission::OwnAccount, |app, call, visit| {
                match session::end(app, call, visit.id("id")?) {
                    // Ended before: what was wanted is so.
                    Ok(_) | Err(Failure::NotFound) => Ok(Outcome::Moved("/account?done=session".to_owned())),
                    Err(failure) => Err(failure),
                }
            })
            .fresh(),
        look("/password-reset").open(|app, visit| by_mail(app, TokenPurpose::PasswordReset, visit)),
        send("/password-reset").open(ask_for_reset),
        send("/password-reset/confirm").open(|app, visit| redeem(app, TokenPurpose::PasswordReset, visit)),
        look("/invitation").open(|app, visit| by_mail(app, TokenPurpose::Invitation, visit)),
        send("/invitation").open(|app, visit| redeem(app, TokenPurpose::Invitation, visit)),
    ]
}

pub(super) fn login(visit: &Visit) -> Page {
    let next = visit.query("next").or(Some(visit.typed("next"))).and_then(own_address).unwrap_or_default();
    let kept = visit.form.mark("_kept").unwrap_or_default();
    let back = visit.form.mark("_back").and_then(own_address).unwrap_or_default();
    page("login.html", "ログイン", json!({ "next": next, "kept": kept, "back": back }))
}

/// Fields that are never kept for anyone.
pub(super) const SECRET: &[&str] =
    &["password", "current", "new", "again", "code", "totp", "token", "credential"];

/// Marks of a form that say where one stood in it.
const STOOD: &[&str] = &["_from", "_sure"];

/// The login that a form met whose session was over: what was typed waits in it. None: nothing was typed.
pub(super) fn interrupted(visit: &Visit) -> Option<Page> {
    let typed = visit
        .form
        .values()
        .iter()
        .filter(|(name, text)| !SECRET.contains(&name.as_str()) && !text.is_empty());
    let mut kept: Vec<(&str, &str)> = typed.map(|(name, text)| (name.as_str(), text.as_str())).collect();
    if !visit.can_return || kept.is_empty() {
        return None;
    }
    // Where it stood: the step of a form of several, or its check page.
    kept.extend(STOOD.iter().filter_map(|mark| Some((*mark, visit.form.mark(mark)?))));
    let kept = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    let asked = page("login.html", "ログイン", json!({ "next": HOME, "kept": kept, "back": visit.address }));
    Some(Page { status: StatusCode::UNAUTHORIZED, ..asked })
}

fn log_in(app: &App, visit: &Visit) -> Result<Outcome, Failure> {
    let entered =
        visit.input::<Credentials>().and_then(|given| session::log_in_browser(app, &given, &visit.origin));
    match entered {
        Ok(Arrived::In(entry)) => Ok(arrive(visit, entry)),
        Ok(Arrived::Second(offer)) => Ok(second::asked(visit, &offer).into()),
        Err(failure) => login(visit).with(failure, visit, LABELS),
    }
}

/// Where a login leads: to what was asked for before it, or to what had been typed.
pub(super) fn arrive(visit: &Visit, entry: Entry) -> Outcome {
    let back = visit.form.mark("_back").and_then(own_address);
    if let (Some(back), Some(kept)) = (back, visit.form.mark("_kept")) {
        let kept = url::form_urlencoded::parse(kept.as_bytes()).into_owned();
        let form = Form::read(kept.filter(|(name, _)| !SECRET.contains(&name.as_str())));
        // Sent from its check page it is looked at there once more; from a step, that step is shown.
        let again = match (form.mark("_sure"), form.mark("_from")) {
            (Some(_), _) => None,
            (None, from) => Some(from.unwrap_or("1").to_owned()),
        };
        let resumed = page("resume.html", "入力を続けてください", json!({ "back": back, "again": again }));
        return Outcome::Resumed(entry, Page { form, ..resumed });
    }
    Outcome::Entered(entry, own_address(visit.typed("next")).unwrap_or(HOME).to_owned())
}

fn mine(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let me = account::me(call);
    let page_of_all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let shown = |at| words::instant(app, at);
    let sessions = session::mine(app, call, &page_of_all)?.items;
    let sessions: Vec<Value> = sessions
        .into_iter()
        .map(|s| {
            json!({ "id": s.id, "began": shown(s.created_at), "seen": shown(s.seen_at), "until": shown(s.expires_at), "current": s.current })
        })
        .collect();
    let roles: Vec<&str> = me.roles.iter().map(|role| role.title()).collect();
    let context = json!({
        "me": { "name": me.name, "email": me.email, "organization": me.organization.name, "roles": roles.join("・") },
        "sessions": sessions,
        "has_factor": call.actor.has_factor,
        "deputies": super::user::deputies_of_account(app, call)?,
    });
    Ok(page("account.html", "自分のアカウント", context))
}

/// The form on a page of its own.
fn own_password(call: &Call) -> Page {
    let actor = &call.actor;
    let context = json!({ "me": { "email": actor.email }, "forced": actor.must_change_password });
    page("own_password.html", "自分のパスワードを決める", context)
}

fn change_password(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let changed = repeated(visit, "new")
        .and_then(|()| visit.input::<PasswordChange>())
        .and_then(|given| account::change_password(app, call, &given));
    match changed {
        Ok(_) => Ok(Outcome::Moved("/account?done=password".to_owned())),
        Err(failure) if call.actor.must_change_password => own_password(call).with(failure, visit, LABELS),
        Err(failure) => mine(app, call, visit)?.with(failure, visit, LABELS),
    }
}

/// A new password is typed twice.
fn repeated(visit: &Visit, field: &str) -> Result<(), Failure> {
    if visit.typed(field) == visit.typed("again") {
        return Ok(());
    }
    Err(Failure::field("/again", "differs", "確認のための入力が、新しいパスワードと一致しません。"))
}

/// The page that a link in a mail leads to; without its token, the page to ask for one.
fn by_mail(app: &App, purpose: TokenPurpose, visit: &Visit) -> Result<Page, Failure> {
    let token = visit.query("token").unwrap_or_else(|| visit.typed("token"));
    let (title, action) = match purpose {
        TokenPurpose::Invitation => ("パスワードを決めて利用を始める", "/invitation"),
        TokenPurpose::PasswordReset => ("新しいパスワードを決める", "/password-reset/confirm"),
    };
    let shown = match (purpose, token) {
        (TokenPurpose::PasswordReset, "") => ask(),
        (TokenPurpose::Invitation, "") => {
            let words = "招待メールにあるリンクから開いてください。リンクの期限が切れているときは、招待した管理者に再送を頼んでください。";
            page("done.html", title, json!({ "words": words }))
        }
        _ => {
            let invited = match purpose {
                TokenPurpose::Invitation => account::invited(app, token)?,
                TokenPurpose::PasswordReset => None,
            };
            page("new_password.html", title, json!({ "token": token, "action": action, "invited": invited }))
        }
    };
    Ok(shown)
}

fn ask() -> Page {
    page("reset.html", "パスワードの再設定", json!({}))
}

fn ask_for_reset(app: &App, visit: &Visit) -> Result<Outcome, Failure> {
    let asked =
        visit.input::<ResetRequest>().and_then(|given| account::request_reset(app, &given, &visit.origin));
    if let Err(failure) = asked {
        return ask().with(failure, visit, LABELS);
    }
    let words = "登録のあるメールアドレスであれば、再設定の案内を送りました。案内は15分に1通までで、その間に重ねて申し込んだときは、先に届いた案内をお使いください。1時間以内にメールのリンクを開いてください。届かないときは、迷惑メールの振分けと、入力したアドレスを確認し、15分後にもう一度お申し込みください。";
    Ok(page("done.html", "再設定を受け付けました", json!({ "words": words })).into())
}

fn redeem(app: &App, purpose: TokenPurpose, visit: &Visit) -> Result<Outcome, Failure> {
    let given = repeated(visit, "password").and_then(|()| {
        // The login name stands there for the browser's keeper of passwords.
        visit.completed::<TokenPassword>(|body| {
            body.remove("username");
        })
    });
    let invited = match (&given, purpose) {
        (Ok(given), TokenPurpose::Invitation) => account::invited(app, &given.token)?,
        _ => None,
    };
    let redeemed = given.and_then(|given| {
        account::redeem(app, purpose, &given, &visit.origin).map(|device| (device, given.password))
    });
    let (device, password) = match redeemed {
        Ok(done) => done,
        Err(failure) => return by_mail(app, purpose, visit)?.with(failure, visit, LABELS),
    };
    if let Some(invited) = invited {
        // Who has just set the password need not type it again. Where that fails, the login says why.
        let credentials = Credentials { email: invited.email, password, totp: None, device_token: None };
        if let Ok(Arrived::In(entry)) = session::log_in_browser(app, &credentials, &visit.origin) {
            return Ok(Outcome::Entered(entry, format!("{HOME}?done=welcome")));
        }
    }
    let words = "パスワードを設定しました。ログインしてください。";
    let done = page("done.html", "パスワードを設定しました", json!({ "words": words }));
    Ok(Outcome::Known(device, done))
}
