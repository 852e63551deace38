//! Second factors: the secret of an authenticator app, passkeys, recovery codes, and what waits for one of them.
//! All of it lives by the machine's clock.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{factor_challenges, passkeys, recovery_codes, totp_factors};
use super::{Conn, DbError};
use crate::domain::contract::Instant;
use crate::domain::id::{OrganizationId, PasskeyId, UserId};
use crate::text_enum;

/// The authenticator app of a person.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = totp_factors)]
pub struct TotpRow {
    /// Sealed; None: begun only.
    pub secret: Option<String>,
    pub confirmed_at: Option<NaiveDateTime>,
    /// The last step whose code was used.
    pub last_step: i64,
    /// Sealed; shown, and not confirmed yet.
    pub pending_secret: Option<String>,
    pub pending_at: Option<NaiveDateTime>,
}

/// What is known of a person's authenticator app.
pub fn totp(conn: &mut Conn, user: UserId) -> Result<Option<TotpRow>, DbError> {
    Ok(totp_factors::table.find(user).select(TotpRow::as_select()).first(conn).optional()?)
}

/// Keeps a secret that is shown and waits for its confirmation, in the place of one shown before.
pub fn begin_totp(
    conn: &mut Conn,
    user: UserId,
    organization: OrganizationId,
    sealed: &str,
    now: Instant,
) -> Result<(), DbError> {
    let pending = (totp_factors::pending_secret.eq(sealed), totp_factors::pending_at.eq(now.naive_utc()));
    if diesel::update(totp_factors::table.find(user)).set(pending).execute(conn)? == 0 {
        diesel::insert_into(totp_factors::table)
            .values((
                totp_factors::user_id.eq(user),
                totp_factors::organization_id.eq(organization),
                totp_factors::last_step.eq(0),
                pending,
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Puts the secret shown in force; `step` is that of the code which confirmed it. False: it is not the one any more.
pub fn confirm_totp(
    conn: &mut Conn,
    user: UserId,
    sealed: &str,
    step: i64,
    now: Instant,
) -> Result<bool, DbError> {
    let shown = totp_factors::table
        .filter(totp_factors::user_id.eq(user))
        .filter(totp_factors::pending_secret.eq(sealed));
    let confirmed = diesel::update(shown)
        .set((
            totp_factors::secret.eq(sealed),
            totp_factors::confirmed_at.eq(now.naive_utc()),
            totp_factors::last_step.eq(step),
            totp_factors::pending_secret.eq(None::<String>),
            totp_factors::pending_at.eq(None::<NaiveDateTime>),
        ))
        .execute(conn)?;
    Ok(confirmed == 1)
}

/// Uses a step's code up; false: it, or a later one, was used before, or the secret is another by now.
pub fn use_step(conn: &mut Conn, user: UserId, sealed: &str, step: i64) -> Result<bool, DbError> {
    let unused = totp_factors::table
        .filter(totp_factors::user_id.eq(user))
        .filter(totp_factors::secret.eq(sealed))
        .filter(totp_factors::last_step.lt(step));
    Ok(diesel::update(unused).set(totp_factors::last_step.eq(step)).execute(conn)? == 1)
}

/// Forgets a person's authenticator app; false: there was none in force.
pub fn remove_totp(conn: &mut Conn, user: UserId) -> Result<bool, DbError> {
    let in_force = totp(conn, user)?.is_some_and(|row| row.confirmed_at.is_some());
    diesel::delete(totp_factors::table.find(user)).execute(conn)?;
    Ok(in_force)
}

/// A passkey of a person.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = passkeys)]
pub struct PasskeyRow {
    pub id: PasskeyId,
    pub name: String,
    /// As the library writes it: JSON.
    pub credential: String,
    pub created_at: NaiveDateTime,
    pub used_at: Option<NaiveDateTime>,
}

/// A person's passkeys in order of id: few.
pub fn passkeys(conn: &mut Conn, user: UserId) -> Result<Vec<PasskeyRow>, DbError> {
    let mine = passkeys::table.filter(passkeys::user_id.eq(user)).order(passkeys::id);
    Ok(mine.select(PasskeyRow::as_select()).load(conn)?)
}

/// Keeps a new passkey. Not unique: somebody has registered it already.
pub fn insert_passkey(
    conn: &mut Conn,
    user: UserId,
    organization: OrganizationId,
    credential_id: &str,
    row: &PasskeyRow,
) -> Result<(), DbError> {
    diesel::insert_into(passkeys::table)
        .values((
            passkeys::id.eq(row.id),
            passkeys::organization_id.eq(organization),
            passkeys::user_id.eq(user),
            passkeys::credential_id.eq(credential_id),
            passkeys::name.eq(&row.name),
            passkeys::credential.eq(&row.credential),
            passkeys::created_at.eq(row.created_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Notes that a passkey was used, with the counter it showed; false: it was used meanwhile, or is gone.
pub fn use_passkey(
    conn: &mut Conn,
    row: &PasskeyRow,
    credential: &str,
    now: Instant,
) -> Result<bool, DbError> {
    let unchanged =
        passkeys::table.filter(passkeys::id.eq(row.id)).filter(passkeys::credential.eq(&row.credential));
    let used = diesel::update(unchanged)
        .set((passkeys::credential.eq(credential), passkeys::used_at.eq(now.naive_utc())))
        .execute(conn)?;
    Ok(used == 1)
}

/// Forgets one passkey of a person; false: there is no such one.
pub fn remove_passkey(conn: &mut Conn, user: UserId, id: PasskeyId) -> Result<bool, DbError> {
    let mine = passkeys::table.filter(passkeys::id.eq(id)).filter(passkeys::user_id.eq(user));
    Ok(diesel::delete(mine).execute(conn)? == 1)
}

/// Puts new recovery codes, by their hashes, in the place of all of a person's.
pub fn set_recovery_codes(
    conn: &mut Conn,
    user: UserId,
    organization: OrganizationId,
    hashes: &[String],
    now: Instant,
) -> Result<(), DbError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(conn)?;
    for hash in hashes {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::code_hash.eq(hash),
                recovery_codes::organization_id.eq(organization),
                recovery_codes::user_id.eq(user),
                recovery_codes::created_at.eq(now.naive_utc()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// How many of a person's recovery codes are left.
pub fn recovery_codes_left(conn: &mut Conn, user: UserId) -> Result<i64, DbError> {
    let unused = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user))
        .filter(recovery_codes::used_at.is_null());
    Ok(unused.count().get_result(conn)?)
}

/// Uses a person's recovery code up; false: it is none, or was used.
pub fn use_recovery_code(conn: &mut Conn, user: UserId, hash: &str, now: Instant) -> Result<bool, DbError> {
    let unused = recovery_codes::table
        .filter(recovery_codes::code_hash.eq(hash))
        .filter(recovery_codes::user_id.eq(user))
        .filter(recovery_codes::used_at.is_null());
    Ok(diesel::update(unused).set(recovery_codes::used_at.eq(now.naive_utc())).execute(conn)? == 1)
}

/// Forgets every factor of a person and their recovery codes; how many factors were in force.
pub fn remove_all(conn: &mut Conn, user: UserId) -> Result<usize, DbError> {
    let apps = usize::from(remove_totp(conn, user)?);
    let keys = diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user))).execute(conn)?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(conn)?;
    Ok(apps + keys)
}

text_enum! {
    /// What waits for a second factor.
    pub enum Purpose {
        /// A login whose password was right.
        Login = "login",
        /// A passkey to be registered.
        Registration = "registration",
        /// Someone signed in who shows once more who they are.
        Reauthentication = "reauthentication",
    }
}

/// Something that waits for a second factor.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = factor_challenges)]
pub struct ChallengeRow {
    pub user_id: UserId,
    /// What a passkey must answer to.
    pub state: Option<String>,
    pub expires_at: NaiveDateTime,
}

/// Begins to wait; only the hash of the token is kept.
pub fn insert_challenge(
    conn: &mut Conn,
    token_hash: &str,
    organization: OrganizationId,
    purpose: Purpose,
    row: &ChallengeRow,
) -> Result<(), DbError> {
    diesel::insert_into(factor_challenges::table)
        .values((
            factor_challenges::token_hash.eq(token_hash),
            factor_challenges::organization_id.eq(organization),
            factor_challenges::user_id.eq(row.user_id),
            factor_challenges::purpose.eq(purpose.as_str()),
            factor_challenges::state.eq(&row.state),
            factor_challenges::expires_at.eq(row.expires_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// What waits behind a token, if it still does.
pub fn challenge(
    conn: &mut Conn,
    token_hash: &str,
    purpose: Purpose,
    now: Instant,
) -> Result<Option<ChallengeRow>, DbError> {
    let waiting = factor_challenges::table
        .filter(factor_challenges::token_hash.eq(token_hash))
        .filter(factor_challenges::purpose.eq(purpose.as_str()))
        .filter(factor_challenges::expires_at.gt(now.naive_utc()));
    Ok(waiting.select(ChallengeRow::as_select()).first(conn).optional()?)
}

/// Takes a challenge away; false: somebody was first.
pub fn take_challenge(conn: &mut Conn, token_hash: &str) -> Result<bool, DbError> {
    Ok(diesel::delete(factor_challenges::table.find(token_hash)).execute(conn)? == 1)
}

/// What a passkey was asked counts once, right or wrong; false: it was answered before.
pub fn spend_state(conn: &mut Conn, token_hash: &str) -> Result<bool, DbError> {
    let asked = factor_challenges::table
        .filter(factor_challenges::token_hash.eq(token_hash))
        .filter(factor_challenges::state.is_not_null());
    Ok(diesel::update(asked).set(factor_challenges::state.eq(None::<String>)).execute(conn)? == 1)
}
