//! Who one is, asked once more before an act that needs a fresh login; one goes on with what was typed.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::account::SECRET;
use super::door::own_address;
use super::form::Form;
use super::route::{Labels, Outcome, Page, PageRoute, Wrong, page, send};
use super::second::shown;
use super::visit::Visit;
use crate::domain::access::Permission;
use crate::domain::input::{FieldError, Mode, parse};
use crate::service::fresh::{self, Reauthentication, Shown};
use crate::service::{App, Call, Failure, factor};

const LABELS: &Labels = &[("password", "パスワード"), ("totp", "コード")];

pub fn routes() -> Vec<PageRoute> {
    vec![send("/account/reauthenticate").needs(Permission::OwnAccount, renew).without_factor()]
}

/// The page that a form meets whose person must show again who they are: what was typed waits in it.
pub fn asked(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let typed = visit.form.values().iter().filter(|(name, _)| !SECRET.contains(&name.as_str()));
    let kept = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(typed).finish();
    ask(app, call, &json!({ "kept": kept, "back": visit.address, "returns": visit.can_return }))
}

fn ask(app: &App, call: &Call, waiting: &Value) -> Result<Page, Failure> {
    let offer = factor::offer_again(app, call)?;
    let context =
        json!({ "waiting": waiting, "offer": offer.as_ref().map(shown), "email": call.actor.email });
    let asked = page("again.html", "もう一度パスワードを入力してください", context);
    Ok(Page { status: StatusCode::UNAUTHORIZED, ..asked })
}

fn renew(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let mark = |name: &str| visit.form.mark(name).unwrap_or_default();
    let back = own_address(mark("_back")).unwrap_or("/account").to_owned();
    let returns = mark("_returns") == "true";
    match shown_again(app, call, visit) {
        Ok(()) => {
            let kept = url::form_urlencoded::parse(mark("_kept").as_bytes()).into_owned();
            let form = Form::read(kept.filter(|(name, _)| !SECRET.contains(&name.as_str())));
            let resumed = page(
                "again_done.html",
                "本人であることを確かめました",
                json!({ "back": back, "returns": returns }),
            );
            Ok(Page { form, ..resumed }.into())
        }
        Err(failure) => {
            let waiting = json!({ "kept": mark("_kept"), "back": back, "returns": returns });
            let asked = ask(app, call, &waiting)?;
            let at = |field: &str, message: String| Page {
                errors: vec![Wrong::at(field, message, LABELS)],
                ..asked.clone()
            };
            match failure {
                Failure::WrongCredentials => {
                    Ok(at("password", "パスワードが正しくありません。".to_owned()).into())
                }
                Failure::WrongCode | Failure::CodeRequired => Ok(at("totp", failure.to_string()).into()),
                other => match asked.clone().with(other, visit, LABELS)? {
                    Outcome::Shown(page) => Ok(Page { form: Form::default(), ..page }.into()),
                    other => Ok(other),
                },
            }
        }
    }
}

fn shown_again(app: &App, call: &Call, visit: &Visit) -> Result<(), Failure> {
    let typed = |name: &str| Some(visit.typed(name)).filter(|text| !text.trim().is_empty());
    let Some(password) = typed("password") else {
        return Err(Failure::Invalid(vec![FieldError::new("/password", "required", "入力してください。")]));
    };
    let mut given = json!({ "password": password });
    if let (Some(totp), Some(given)) = (typed("totp"), given.as_object_mut()) {
        given.insert("totp".to_owned(), json!(totp));
    }
    let given: Reauthentication = parse(&given, Mode::Strict).map_err(Failure::Invalid)?;
    let shown = match (typed("token"), typed("credential")) {
        (Some(token), Some(answer)) => Shown::Passkey { token, answer },
        _ => Shown::Code(given.totp.as_deref()),
    };
    fresh::renew(app, call, &given.password, shown).map(|_| ())
}
