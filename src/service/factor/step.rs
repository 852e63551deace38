//! The second step: what waits between a right password and a session, or between a session and its next ten minutes.
//! The token of it opens nothing but this step.

use chrono::{Duration, NaiveDateTime};
use serde::Serialize;
use serde_json::Value;

use super::passkey;
use crate::db::factor::{ChallengeRow, Purpose};
use crate::db::user::UserRow;
use crate::db::{self, DbError};
use crate::domain::input::FieldError;
use crate::input;
use crate::service::session::token_hash;
use crate::service::{App, Call, Failure};

/// From the right password to the second factor at the latest.
const WAITS: Duration = Duration::minutes(10);

/// By what the second step can be done, and the token under which it waits.
#[derive(Debug, Clone, Serialize)]
pub struct Offer {
    pub token: String,
    /// By a code of the authenticator app.
    pub totp: bool,
    /// What a browser asks a passkey; None: the person has none, or none can be used at this address.
    pub passkey: Option<Value>,
}

input! {
    /// The second step of a login: a code, or a passkey's answer as JSON.
    pub struct Answer {
        token: String => verbatim(200),
        code: Option<String> => optional(verbatim(64)),
        credential: Option<String> => optional(verbatim(20_000)),
    }
    check |it, errors| {
        if it.code.is_none() && it.credential.is_none() {
            errors.push(FieldError::new("/code", "required", "入力してください。"));
        }
    }
}

/// The time for the second step is over, or it was done.
fn over() -> Failure {
    let message = "時間が過ぎました。もう一度、メールアドレスとパスワードからやり直してください。";
    Failure::conflict("login_over", message)
}

fn offer(app: &App, user: &UserRow, purpose: Purpose, until: NaiveDateTime) -> Result<Offer, Failure> {
    let (totp, passkeys) = app.db.read::<_, DbError>(|conn| {
        Ok((db::factor::totp(conn, user.id)?, db::factor::passkeys(conn, user.id)?))
    })?;
    let asked = passkey::ask(app, &passkeys)?;
    let (options, state) = asked.map_or((None, None), |(options, state)| (Some(options), Some(state)));
    let token = app.sources.token();
    let row = ChallengeRow { user_id: user.id, state, expires_at: until };
    app.db.write::<_, DbError>(|conn| {
        db::factor::insert_challenge(conn, &token_hash(&token), user.organization_id, purpose, &row)
    })?;
    Ok(Offer { token, totp: totp.is_some_and(|row| row.confirmed_at.is_some()), passkey: options })
}

/// Begins to wait for the second factor of someone whose password was right.
pub fn begin(app: &App, user: &UserRow) -> Result<Offer, Failure> {
    offer(app, user, Purpose::Login, (app.sources.clock.machine_now() + WAITS).naive_utc())
}

/// Offers it once more after a failure, no longer than it was offered at first; None: it is over.
pub fn again(app: &App, token: &str) -> Result<Option<Offer>, Failure> {
    let (now, hash) = (app.sources.clock.machine_now(), token_hash(token));
    let found = app.db.write::<_, DbError>(|conn| {
        let Some(row) = db::factor::challenge(conn, &hash, Purpose::Login, now)? else { return Ok(None) };
        db::factor::take_challenge(conn, &hash)?;
        Ok(Some((db::user::find(conn, row.user_id)?, row.expires_at)))
    })?;
    found.map(|(user, until)| offer(app, &user, Purpose::Login, until)).transpose()
}

/// Does the second step of a login: once a token. Answers whose it was.
pub fn finish(app: &App, given: &Answer) -> Result<UserRow, Failure> {
    let (now, hash) = (app.sources.clock.machine_now(), token_hash(&given.token));
    let found = app.db.read::<_, DbError>(|conn| {
        let Some(row) = db::factor::challenge(conn, &hash, Purpose::Login, now)? else { return Ok(None) };
        Ok(Some((db::user::find(conn, row.user_id)?, row)))
    })?;
    let (user, row) = found.filter(|(user, _)| user.is_usable(app.today())).ok_or_else(over)?;
    match (&given.credential, &given.code) {
        (Some(credential), _) => {
            let spent = app.db.write::<_, DbError>(|conn| db::factor::spend_state(conn, &hash))?;
            let state = row.state.filter(|_| spent).ok_or_else(passkey::refused)?;
            passkey::prove(app, &user, &state, credential)?;
        }
        (None, code) => super::prove(app, &user, code.as_deref().unwrap_or_default())?,
    }
    if !app.db.write::<_, DbError>(|conn| db::factor::take_challenge(conn, &hash))? {
        return Err(over());
    }
    Ok(user)
}

/// What of a second factor is offered to someone signed in who is to show again who they are; None: they have none.
pub fn offer_again(app: &App, call: &Call) -> Result<Option<Offer>, Failure> {
    let (user, _) = super::own(app, call)?;
    if !super::is_enrolled(app, user.id)? {
        return Ok(None);
    }
    let until = (app.sources.clock.machine_now() + WAITS).naive_utc();
    offer(app, &user, Purpose::Reauthentication, until).map(Some)
}

/// Takes a passkey's answer of someone signed in to what was asked of it under a token.
pub fn prove_again(app: &App, user: &UserRow, token: &str, credential: &str) -> Result<(), Failure> {
    let (now, hash) = (app.sources.clock.machine_now(), token_hash(token));
    let row = app.db.write::<_, DbError>(|conn| {
        let row = db::factor::challenge(conn, &hash, Purpose::Reauthentication, now)?;
        db::factor::take_challenge(conn, &hash)?;
        Ok(row)
    })?;
    let state = row.filter(|row| row.user_id == user.id).and_then(|row| row.state);
    passkey::prove(app, user, &state.ok_or_else(passkey::refused)?, credential)
}
