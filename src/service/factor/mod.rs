//! The second factor: an authenticator app or passkeys, and recovery codes for when they are lost. Asked at the login
//! after the password, and wherever who uses a session must show again who they are.

mod passkey;
mod recovery;
mod reset;
mod sealing;
mod step;
mod totp;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use unicode_normalization::UnicodeNormalization as _;

use super::account::tell_changed;
use super::guessing::Attempt;
use super::{App, Call, Failure};
use crate::db::session::EndReason;
use crate::db::user::UserRow;
use crate::db::{self, Author, Conn, DbError, Tx};
use crate::domain::access::Actor;
use crate::domain::id::{PasskeyId, SessionId, UserId};
use crate::notice::context::AccountChange;

pub use passkey::{NewPasskey, Registering, is_usable_here, register, remove as remove_passkey, start};
pub use recovery::{Codes, renew};
pub use reset::{reset, reset_by_operator};
pub use step::{Answer, Offer, again, begin, finish, offer_again, prove_again};
pub use totp::{
    Confirmation, Drawing, TotpSecret, begin as begin_totp, confirm as confirm_totp, draw,
    pending as pending_totp, remove as remove_totp,
};

/// A person's second factors.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FactorsView {
    /// Since when an authenticator app is in force; null: none.
    pub totp_since: Option<DateTime<Utc>>,
    pub passkeys: Vec<PasskeyView>,
    /// How many recovery codes have not been used.
    pub recovery_codes_left: i64,
    /// The person's roles need a second factor here.
    pub required: bool,
}

/// One of a person's passkeys.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PasskeyView {
    #[schema(value_type = String)]
    pub id: PasskeyId,
    /// As the person calls it.
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

/// One's own second factors.
pub fn mine(app: &App, call: &Call) -> Result<FactorsView, Failure> {
    let id = call.actor.user_id;
    let (totp, passkeys, left) = app.db.read::<_, DbError>(|conn| {
        let left = db::factor::recovery_codes_left(conn, id)?;
        Ok((db::factor::totp(conn, id)?, db::factor::passkeys(conn, id)?, left))
    })?;
    let passkeys = passkeys.into_iter().map(|row| PasskeyView {
        id: row.id,
        name: row.name,
        created_at: row.created_at.and_utc(),
        used_at: row.used_at.map(|at| at.and_utc()),
    });
    Ok(FactorsView {
        totp_since: totp.and_then(|row| row.confirmed_at).map(|at| at.and_utc()),
        passkeys: passkeys.collect(),
        recovery_codes_left: left,
        required: is_required(app) && call.actor.needs_factor(),
    })
}

/// Whether roles that need a second factor must have one here.
pub fn is_required(app: &App) -> bool {
    app.strict && app.config.auth.second_factor_required
}

/// Refuses everything to who must have a second factor and has none.
pub fn require(app: &App, actor: &Actor) -> Result<(), Failure> {
    if is_required(app) && actor.needs_factor() && !actor.has_factor {
        return Err(Failure::FactorRequired);
    }
    Ok(())
}

/// Whether a person has a second factor in force.
pub fn enrolled(conn: &mut Conn, user: UserId) -> Result<bool, DbError> {
    let app = db::factor::totp(conn, user)?.is_some_and(|row| row.confirmed_at.is_some());
    Ok(app || !db::factor::passkeys(conn, user)?.is_empty())
}

/// As [`enrolled`], in a reading of its own.
pub fn is_enrolled(app: &App, user: UserId) -> Result<bool, Failure> {
    Ok(app.db.read::<_, DbError>(|conn| enrolled(conn, user))?)
}

/// A code as typed: full-width digits, small letters, spaces and hyphens are all the same.
fn plain(typed: &str) -> String {
    typed.nfkc().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
}

/// One's own account, and in whose name the ledger is written.
fn own(app: &App, call: &Call) -> Result<(UserRow, Author), Failure> {
    let user = app.db.read_one::<_, DbError>(|conn| db::user::find(conn, call.actor.user_id))?;
    Ok((user, call.author()))
}

fn none_yet() -> Failure {
    Failure::conflict("no_factor", "二要素認証は登録されていません。")
}

/// Counts a try of a person's second factor, right or wrong: a right one clears it again.
fn attempt(app: &App, user: &UserRow) -> Result<Attempt, Failure> {
    let attempt = Attempt::of_code(app, user.id);
    attempt.begin(app, &user.email)?;
    Ok(attempt)
}

/// Takes a code of the authenticator app or a recovery code as the person's second factor, and uses it up.
pub fn prove(app: &App, user: &UserRow, typed: &str) -> Result<(), Failure> {
    let attempt = attempt(app, user)?;
    let code = plain(typed);
    let right = if recovery::looks_like(&code) {
        recovery::use_code(app, user, &code, &attempt)?
    } else {
        totp::use_code(app, user, &code, &attempt)?
    };
    if right {
        return Ok(());
    }
    tracing::warn!(event = "factor_refused", user = %user.id, "wrong code");
    Err(Failure::WrongCode)
}

/// What a change of a person's factors brings with it: their other sessions end, and they are told by mail.
fn changed(app: &App, tx: &mut Tx<'_>, user: &UserRow, but: Option<SessionId>) -> Result<(), Failure> {
    let now = tx.sources.clock.machine_now();
    db::session::end_all(tx.conn, user.id, but, now, EndReason::FactorChanged)?;
    tell_changed(app, tx.conn, user, AccountChange::Factor)
}

/// A factor was taken away: it must not have been the last where one is needed, and with the last one the recovery
/// codes go.
fn removed(
    app: &App,
    tx: &mut Tx<'_>,
    call: &Call,
    user: &UserRow,
    kind: &'static str,
) -> Result<(), Failure> {
    if !enrolled(tx.conn, user.id)? {
        if is_required(app) && call.actor.needs_factor() {
            let message = "二要素認証が必要な役割です。先に別の認証アプリかパスキーを登録してください。";
            return Err(Failure::conflict("last_factor", message));
        }
        db::factor::set_recovery_codes(
            tx.conn,
            user.id,
            user.organization_id,
            &[],
            tx.sources.clock.machine_now(),
        )?;
    }
    tx.record("user.factor_removed", user.id, &json!({ "kind": kind }))?;
    changed(app, tx, user, Some(call.actor.session_id))?;
    tracing::info!(event = "factor_removed", user = %user.id, kind, "second factor removed");
    Ok(())
}
