//! The second step of a login: a code, or a passkey.

use actix_web::http::StatusCode;
use serde_json::json;

use super::account::{arrive, login};
use super::door::own_address;
use super::form::Form;
use super::route::{Labels, Outcome, Page, PageRoute, Wrong, look, page, send};
use super::visit::Visit;
use crate::service::factor::{self, Answer, Offer};
use crate::service::{App, Failure, session};

pub const LABELS: &Labels = &[("code", "コード")];

pub fn routes() -> Vec<PageRoute> {
    vec![
        // Reloaded or typed in: there is nothing to show without the password before it.
        look("/login/code").open(|_, _| Ok(Outcome::Moved("/login".to_owned()))),
        send("/login/code").open(enter),
    ]
}

/// The page that asks for the second factor; where the login leads travels with it.
pub fn asked(visit: &Visit, offer: &Offer) -> Page {
    let next = visit.query("next").or(Some(visit.typed("next"))).and_then(own_address).unwrap_or_default();
    let kept = visit.form.mark("_kept").unwrap_or_default();
    let back = visit.form.mark("_back").and_then(own_address).unwrap_or_default();
    page(
        "login_code.html",
        "二要素認証",
        json!({ "next": next, "kept": kept, "back": back, "offer": shown(offer) }),
    )
}

/// An offer as the pages need it.
pub fn shown(offer: &Offer) -> serde_json::Value {
    let options = offer.passkey.as_ref().map(ToString::to_string);
    json!({ "token": offer.token, "totp": offer.totp, "options": options })
}

fn enter(app: &App, visit: &Visit) -> Result<Outcome, Failure> {
    let given = visit.input::<Answer>();
    let failure = match given.and_then(|given| session::log_in_second(app, &given, &visit.origin)) {
        Ok(entry) => return Ok(arrive(visit, entry)),
        Err(failure) => failure,
    };
    // Offered once more; where the time is over one begins anew.
    if let Some(offer) = factor::again(app, visit.typed("token"))? {
        return told(asked(visit, &offer), "code", failure, visit);
    }
    let begun = login(visit).with(failure, visit, LABELS)?;
    Ok(emptied(begun))
}

/// The page with what was wrong; of a code, at its field. Nothing that was typed stands in it again.
pub fn told(page: Page, field: &str, failure: Failure, visit: &Visit) -> Result<Outcome, Failure> {
    let outcome = match failure {
        Failure::WrongCode | Failure::CodeRequired => {
            let errors = vec![Wrong::at(field, failure.to_string(), LABELS)];
            Page { status: StatusCode::UNAUTHORIZED, errors, ..page }.into()
        }
        other => page.with(other, visit, LABELS)?,
    };
    Ok(emptied(outcome))
}

fn emptied(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Shown(page) => Outcome::Shown(Page { form: Form::default(), ..page }),
        other => other,
    }
}
