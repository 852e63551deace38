//! One's own second factors: an authenticator app, passkeys, recovery codes; and what an administrator does for one whose
//! factors are lost.

use serde_json::{Value, json};

use super::route::{Labels, Outcome, Page, PageRoute, form, look, page, send};
use super::visit::Visit;
use super::words;
use crate::domain::access::Permission;
use crate::service::factor::{self, Codes, Confirmation, NewPasskey};
use crate::service::{App, Call, Failure};

/// Where one's factors are, and where who must have one is led.
pub const FACTORS: &str = "/account/factors";

const TITLE: &str = "二要素認証";
const LABELS: &Labels =
    &[("code", "認証アプリのコード"), ("name", "パスキーの名前"), ("credential", "パスキー")];

pub fn routes() -> Vec<PageRoute> {
    let own = Permission::OwnAccount;
    let before = vec![
        look(FACTORS).needs(own, mine),
        send("/account/totp/begin").needs(own, |app, call, _| {
            factor::begin_totp(app, call)?;
            Ok(Outcome::Moved("/account/totp".to_owned()))
        }),
    ];
    let totp = form("/account/totp", LABELS).needs(own, enrol, confirm);
    let passkey = form("/account/passkeys/new", LABELS).needs(own, new_passkey, register);
    let without = [before, totp, passkey].concat().into_iter().map(PageRoute::without_factor);
    let after = vec![
        send("/account/totp/remove").needs(own, |app, call, visit| {
            let removed = factor::remove_totp(app, call).map(|_| ());
            back(app, call, visit, removed, "factor_removed")
        }),
        send("/account/passkeys/{id}/remove").needs(own, |app, call, visit| {
            let removed = factor::remove_passkey(app, call, visit.id("id")?).map(|_| ());
            back(app, call, visit, removed, "factor_removed")
        }),
        send("/account/recovery-codes").needs(own, |app, call, visit| match factor::renew(app, call) {
            Ok(codes) => Ok(shown_once(&codes).into()),
            Err(failure) => mine(app, call, visit)?.with(failure, visit, LABELS),
        }),
        send("/users/{id}/factors/reset").needs(Permission::ManageUsers, |app, call, visit| {
            let id = visit.id("id")?;
            factor::reset(app, call, id)?;
            Ok(Outcome::Moved(format!("/users/{id}?done=factors_reset")))
        }),
    ];
    without.chain(after).map(PageRoute::fresh).collect()
}

fn mine(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let factors = factor::mine(app, call)?;
    let shown = |at| words::instant(app, at);
    let passkeys: Vec<Value> = factors
        .passkeys
        .into_iter()
        .map(|it| json!({ "id": it.id, "name": it.name, "since": shown(it.created_at), "used": it.used_at.map(shown) }))
        .collect();
    let context = json!({
        "totp_since": factors.totp_since.map(shown),
        "passkeys": passkeys,
        "left": factors.recovery_codes_left,
        "required": factors.required,
        "usable": factor::is_usable_here(app),
        "has_factor": call.actor.has_factor,
    });
    Ok(page("factor/show.html", TITLE, context).under("/account", "自分のアカウント"))
}

/// What was done, or why not, on the page of one's factors.
fn back(
    app: &App,
    call: &Call,
    visit: &Visit,
    done: Result<(), Failure>,
    name: &str,
) -> Result<Outcome, Failure> {
    match done {
        Ok(()) => Ok(Outcome::Moved(format!("{FACTORS}?done={name}"))),
        Err(failure @ Failure::Conflict { .. }) => mine(app, call, visit)?.with(failure, visit, LABELS),
        Err(failure) => Err(failure),
    }
}

fn under(page: Page) -> Page {
    page.under("/account", "自分のアカウント").under(FACTORS, TITLE)
}

fn enrol(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let Some(secret) = factor::pending_totp(app, call)? else {
        return Ok(under(page("factor/totp.html", "認証アプリの登録", json!({ "begun": false }))));
    };
    let letters: Vec<char> = secret.secret.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    let context = json!({
        "begun": true, "groups": groups, "address": secret.otpauth_url, "drawing": factor::draw(&secret.otpauth_url)?,
        "email": call.actor.email,
    });
    Ok(under(page("factor/totp.html", "認証アプリの登録", context)))
}

fn confirm(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let codes = factor::confirm_totp(app, call, &visit.input::<Confirmation>()?)?;
    Ok(enrolled(&codes))
}

fn new_passkey(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let context = if factor::is_usable_here(app) {
        let begun = factor::start(app, call)?;
        json!({ "usable": true, "token": begun.token, "options": begun.options.to_string() })
    } else {
        json!({ "usable": false })
    };
    Ok(under(page("factor/passkey.html", "パスキーの登録", context)))
}

fn register(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let codes = factor::register(app, call, &visit.input::<NewPasskey>()?)?;
    Ok(enrolled(&codes))
}

/// The first factor brings recovery codes, which are shown here and nowhere else.
fn enrolled(codes: &Codes) -> Outcome {
    if codes.recovery_codes.is_empty() {
        return Outcome::Moved(format!("{FACTORS}?done=factor"));
    }
    shown_once(codes).into()
}

fn shown_once(codes: &Codes) -> Page {
    under(page("factor/codes.html", "回復コード", json!({ "codes": codes.recovery_codes })))
}
