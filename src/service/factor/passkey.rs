//! Passkeys (WebAuthn) as a second factor. What was asked of one is kept in a row and never trusted to the browser; the
//! counter that one shows is kept, so that a copy of it is noticed.

use chrono::Duration;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude::{
    Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
    Uuid, Webauthn, WebauthnBuilder,
};

use super::changed;
use super::recovery::Codes;
use crate::db::factor::{ChallengeRow, PasskeyRow, Purpose};
use crate::db::user::UserRow;
use crate::db::{self, ChainKey, DbError};
use crate::domain::id::PasskeyId;
use crate::input;
use crate::service::session::{DONE, Done, token_hash};
use crate::service::{App, Call, Failure};

/// A registration that was begun waits so long.
const WAITS: Duration = Duration::minutes(10);
/// A person has at most as many.
const MOST: usize = 10;

input! {
    /// A new passkey: what it was asked under, its answer as JSON, and what the person calls it.
    pub struct NewPasskey {
        token: String => verbatim(200),
        credential: String => verbatim(20_000),
        name: String => text(1, 50),
    }
}

/// A registration begun: what the browser asks the passkey, and the token under which it waits.
#[derive(Debug, Clone, Serialize)]
pub struct Registering {
    pub token: String,
    pub options: Value,
}

/// The place for which passkeys are made: the server's public address. None: it has no name, or no browser would
/// let a passkey be used there (WebAuthn asks for a domain and, but on `localhost`, for https).
fn place(app: &App) -> Option<Webauthn> {
    let origin = Url::parse(&app.config.server.public_url).ok()?;
    let domain = origin.domain()?.to_owned();
    let safe = origin.scheme() == "https" || domain == "localhost" || domain.ends_with(".localhost");
    let builder = WebauthnBuilder::new(&domain, &origin).ok().filter(|_| safe)?;
    builder.rp_name("itaku 再委託管理台帳").build().ok()
}

/// Whether passkeys can be used at the server's public address.
pub fn is_usable_here(app: &App) -> bool {
    place(app).is_some()
}

fn no_place() -> Failure {
    let message = "このアドレスではパスキーを使えません。認証アプリを使ってください。";
    Failure::conflict("no_passkeys_here", message)
}

/// A passkey's answer that does not hold.
pub fn refused() -> Failure {
    let message = "パスキーを確かめられませんでした。もう一度お試しください。";
    Failure::conflict("passkey_refused", message)
}

fn read(row: &PasskeyRow) -> Result<Passkey, Failure> {
    serde_json::from_str(&row.credential).map_err(|error| Failure::Internal(format!("a passkey: {error}")))
}

fn written(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Internal(format!("a passkey: {error}")))
}

/// What is asked of one of these passkeys, and what its answer is held against.
pub fn ask(app: &App, rows: &[PasskeyRow]) -> Result<Option<(Value, String)>, Failure> {
    let Some(place) = place(app).filter(|_| !rows.is_empty()) else { return Ok(None) };
    let passkeys = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (options, state) = place
        .start_passkey_authentication(&passkeys)
        .map_err(|error| Failure::Internal(format!("a passkey's challenge: {error}")))?;
    Ok(Some((json!(options), written(&state)?)))
}

/// Takes a passkey's answer to what was asked, and keeps the counter that it shows.
pub fn prove(app: &App, user: &UserRow, state: &str, credential: &str) -> Result<(), Failure> {
    let attempt = super::attempt(app, user)?;
    let wrong = |why: String| {
        tracing::warn!(event = "factor_refused", user = %user.id, why, "wrong passkey");
        refused()
    };
    let place = place(app).ok_or_else(no_place)?;
    let state: PasskeyAuthentication = serde_json::from_str(state)
        .map_err(|error| Failure::Internal(format!("a passkey's state: {error}")))?;
    let given: PublicKeyCredential =
        serde_json::from_str(credential).map_err(|error| wrong(error.to_string()))?;
    let shown =
        place.finish_passkey_authentication(&given, &state).map_err(|error| wrong(error.to_string()))?;
    let now = app.sources.clock.machine_now();
    app.db.write::<_, Failure>(|conn| {
        for row in db::factor::passkeys(conn, user.id)? {
            let mut passkey = read(&row)?;
            if passkey.update_credential(&shown).is_none() {
                continue;
            }
            // Of two answers at once with the same counter one is a copy's.
            if !db::factor::use_passkey(conn, &row, &written(&passkey)?, now)? {
                break;
            }
            attempt.succeeded(conn)?;
            return Ok(());
        }
        Err(wrong("gone, or used meanwhile".to_owned()))
    })
}

/// Begins to register a passkey for oneself.
pub fn start(app: &App, call: &Call) -> Result<Registering, Failure> {
    let place = place(app).ok_or_else(no_place)?;
    let (user, _) = super::own(app, call)?;
    let rows = app.db.read_one::<_, DbError>(|conn| db::factor::passkeys(conn, user.id))?;
    if rows.len() >= MOST {
        let message = format!("パスキーは{MOST}個まで登録できます。使わないものを外してください。");
        return Err(Failure::conflict("too_many_passkeys", message));
    }
    let known =
        rows.iter().map(|row| read(row).map(|it| it.cred_id().clone())).collect::<Result<Vec<_>, _>>()?;
    let id = Uuid::parse_str(user.id.as_str()).map_err(|error| Failure::Internal(error.to_string()))?;
    let (options, state) = place
        .start_passkey_registration(id, &user.email, &user.name, Some(known))
        .map_err(|error| Failure::Internal(format!("a passkey's challenge: {error}")))?;
    let token = app.sources.token();
    let row = ChallengeRow {
        user_id: user.id,
        state: Some(written(&state)?),
        expires_at: (app.sources.clock.machine_now() + WAITS).naive_utc(),
    };
    app.db.write::<_, DbError>(|conn| {
        let hash = token_hash(&token);
        db::factor::insert_challenge(conn, &hash, user.organization_id, Purpose::Registration, &row)
    })?;
    Ok(Registering { token, options: json!(options) })
}

/// Registers a passkey for oneself; the first factor brings recovery codes with it. Other sessions end.
pub fn register(app: &App, call: &Call, given: &NewPasskey) -> Result<Codes, Failure> {
    let place = place(app).ok_or_else(no_place)?;
    let (user, author) = super::own(app, call)?;
    let (now, hash) = (app.sources.clock.machine_now(), token_hash(&given.token));
    let row = app.db.write::<_, DbError>(|conn| {
        let row = db::factor::challenge(conn, &hash, Purpose::Registration, now)?;
        db::factor::take_challenge(conn, &hash)?;
        Ok(row)
    })?;
    let state = row.filter(|row| row.user_id == user.id).and_then(|row| row.state).ok_or_else(refused)?;
    let state: PasskeyRegistration = serde_json::from_str(&state)
        .map_err(|error| Failure::Internal(format!("a passkey's state: {error}")))?;
    let made: RegisterPublicKeyCredential = serde_json::from_str(&given.credential).map_err(|_| refused())?;
    let passkey = place.finish_passkey_registration(&made, &state).map_err(|error| {
        tracing::warn!(event = "factor_refused", user = %user.id, %error, "a passkey was not registered");
        refused()
    })?;
    app.db.write_tx(&app.sources, Some(author), ChainKey::Existing(user.organization_id.cast()), |tx| {
        let first = !super::enrolled(tx.conn, user.id)?;
        let row = PasskeyRow {
            id: tx.new_id(),
            name: given.name.clone(),
            credential: written(&passkey)?,
            created_at: tx.sources.clock.machine_now().naive_utc(),
            used_at: None,
        };
        let credential_id = hex::encode(passkey.cred_id());
        db::factor::insert_passkey(tx.conn, user.id, user.organization_id, &credential_id, &row)?;
        tx.record("user.factor_enrolled", user.id, &json!({ "kind": "passkey" }))?;
        let recovery_codes = if first { super::recovery::issue(tx, &user)? } else { Vec::new() };
        changed(app, tx, &user, Some(call.actor.session_id))?;
        tracing::info!(event = "factor_enrolled", user = %user.id, kind = "passkey", "second factor enrolled");
        Ok(Codes { recovery_codes })
    })
}

/// Takes one of one's own passkeys away.
pub fn remove(app: &App, call: &Call, id: PasskeyId) -> Result<Done, Failure> {
    let (user, author) = super::own(app, call)?;
    app.db.write_tx(&app.sources, Some(author), ChainKey::Existing(user.organization_id.cast()), |tx| {
        if !db::factor::remove_passkey(tx.conn, user.id, id)? {
            return Err(Failure::NotFound);
        }
        super::removed(app, tx, call, &user, "passkey")?;
        Ok(DONE)
    })
}
