//! A fresh login: some acts ask of who uses a session that they showed within the last minutes who they are, by the
//! password and the second factor. What was left open on a desk is then no way to another's account.

use chrono::Duration;

use super::guessing::Attempt;
use super::session::{DONE, Done};
use super::{App, Call, Failure, factor, session};
use crate::db;
use crate::domain::access::Actor;
use crate::input;

/// How long a login is fresh (trust.md, "Sessions").
const FRESH: Duration = Duration::minutes(10);

input! {
    /// Who one is, once more.
    pub struct Reauthentication {
        password: String => verbatim(1024),
        totp: Option<String> => optional(verbatim(64)),
    }
}

/// Refuses what asks for a fresh login where there is none.
pub fn require(app: &App, actor: &Actor) -> Result<(), Failure> {
    let since = app.sources.clock.machine_now() - actor.authenticated_at;
    if app.strict && since > FRESH { Err(Failure::Reauthenticate) } else { Ok(()) }
}

/// By what a person with a second factor shows it.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// A code of the authenticator app, or a recovery code; None: none was given.
    Code(Option<&'a str>),
    /// A passkey's answer, and the token under which it was asked for.
    Passkey { token: &'a str, answer: &'a str },
}

/// Makes the session that asks fresh again, by password and second factor.
pub fn renew(app: &App, call: &Call, password: &str, shown: Shown<'_>) -> Result<Done, Failure> {
    let actor = &call.actor;
    let attempt = Attempt::of_person(app, &actor.email, actor.user_id);
    let known = session::know(app, &actor.email, password, attempt)?;
    match (shown, factor::is_enrolled(app, known.user.id)?) {
        (Shown::Passkey { token, answer }, true) => factor::prove_again(app, &known.user, token, answer)?,
        (Shown::Code(Some(code)), true) => factor::prove(app, &known.user, code)?,
        (Shown::Code(None), true) => return Err(Failure::CodeRequired),
        (Shown::Code(None), false) => {}
        (_, false) => return Err(session::no_factor()),
    }
    let now = app.sources.clock.machine_now();
    app.db.write::<_, Failure>(|conn| {
        session::settle(conn, &known)?;
        db::session::set_authenticated(conn, call.actor.session_id, now)?;
        Ok(())
    })?;
    tracing::info!(event = "reauthenticated", user = %known.user.id, session = %call.actor.session_id, "fresh again");
    Ok(DONE)
}
