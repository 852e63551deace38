//! Sessions, their refresh tokens, the tokens of invitations and password resets, known
//! devices, and failed attempts to log in. All of it lives by the machine's clock; of a token only the hash is kept.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::schema::{
    account_tokens, deputies, factor_challenges, known_devices, login_attempts, organizations, passkeys,
    refresh_tokens, sessions, totp_factors, user_roles, users,
};
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::contract::Instant;
use crate::domain::id::{OrganizationId, SessionId, UserId};
use crate::notice::NoticeKind;
use crate::text_enum;

/// What every request reads: the session, its person and their organization.
#[derive(Debug, Clone, Queryable)]
pub struct LiveSession {
    pub user_id: UserId,
    pub user_name: String,
    pub email: String,
    pub active: bool,
    pub expires_on: Option<NaiveDate>,
    pub organization_id: OrganizationId,
    pub organization_kind: OrganizationKind,
    pub organization_name: String,
    pub seen_at: NaiveDateTime,
    pub password_set_by_other: bool,
    /// When who uses it last showed who they are.
    pub authenticated_at: NaiveDateTime,
}

/// The columns of [`LiveSession`] from its three tables; a macro, because the types of joins can't be written.
macro_rules! live_columns {
    () => {
        (
            users::id,
            users::name,
            users::email,
            users::active,
            users::expires_on,
            organizations::id,
            organizations::kind,
            organizations::name,
            sessions::seen_at,
            users::password_set_by_other,
            sessions::authenticated_at,
        )
    };
}

/// Sessions that have neither ended nor expired and were seen lately enough, with their people.
macro_rules! live_sessions {
    ($id:expr, $now:expr, $seen_after:expr) => {
        sessions::table
            .inner_join(users::table.on(users::id.eq(sessions::user_id)))
            .inner_join(organizations::table.on(organizations::id.eq(users::organization_id)))
            .filter(sessions::id.eq($id))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt($now.naive_utc()))
            .filter(sessions::seen_at.gt($seen_after.naive_utc()))
    };
}

/// A session that has neither ended nor expired at `now` and was seen after `seen_after`.
pub fn live(
    conn: &mut Conn,
    id: SessionId,
    now: Instant,
    seen_after: Instant,
) -> Result<Option<LiveSession>, DbError> {
    Ok(live_sessions!(id, now, seen_after).select(live_columns!()).first(conn).optional()?)
}

/// As [`live`], with the roles of its person on a business day and whether they have a second factor: one query for all
/// but those who stand in for others.
pub fn live_with_roles(
    conn: &mut Conn,
    id: SessionId,
    now: Instant,
    seen_after: Instant,
    on: NaiveDate,
) -> Result<Option<(LiveSession, Vec<Role>, bool)>, DbError> {
    let lent = diesel::dsl::exists(deputies::table.filter(deputies::deputy_id.eq(users::id)));
    let totp = totp_factors::table.filter(totp_factors::user_id.eq(users::id));
    let totp = diesel::dsl::exists(totp.filter(totp_factors::confirmed_at.is_not_null()));
    let passkey = diesel::dsl::exists(passkeys::table.filter(passkeys::user_id.eq(users::id)));
    let query = live_sessions!(id, now, seen_after)
        .left_join(user_roles::table.on(user_roles::user_id.eq(users::id)))
        .select((live_columns!(), lent, totp.or(passkey), user_roles::role.nullable()));
    let rows: Vec<(LiveSession, bool, bool, Option<Role>)> = directly!(conn, |own| query.load(own))?;
    let mut roles: Vec<Role> = rows.iter().filter_map(|(_, _, _, role)| *role).collect();
    let Some((live, stands_in, has_factor, _)) = rows.into_iter().next() else { return Ok(None) };
    if stands_in {
        roles = super::user::roles_on(conn, live.user_id, on)?;
    }
    roles.sort_unstable();
    Ok(Some((live, roles, has_factor)))
}

/// A session as its person sees it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    pub id: SessionId,
    pub created_at: NaiveDateTime,
    pub seen_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
}

/// Begins a session.
pub fn insert(
    conn: &mut Conn,
    id: SessionId,
    user: UserId,
    organization: OrganizationId,
    now: Instant,
    expires_at: Instant,
) -> Result<(), DbError> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::organization_id.eq(organization),
            sessions::user_id.eq(user),
            sessions::created_at.eq(now.naive_utc()),
            sessions::seen_at.eq(now.naive_utc()),
            sessions::authenticated_at.eq(now.naive_utc()),
            sessions::expires_at.eq(expires_at.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Notes that the session was used.
pub fn touch(conn: &mut Conn, id: SessionId, now: Instant) -> Result<(), DbError> {
    diesel::update(sessions::table.find(id)).set(sessions::seen_at.eq(now.naive_utc())).execute(conn)?;
    Ok(())
}

/// Notes that who uses the session has just shown who they are.
pub fn set_authenticated(conn: &mut Conn, id: SessionId, now: Instant) -> Result<(), DbError> {
    diesel::update(sessions::table.find(id))
        .set(sessions::authenticated_at.eq(now.naive_utc()))
        .execute(conn)?;
    Ok(())
}

text_enum! {
    /// Why a session ended.
    pub enum EndReason {
        Logout = "logout",
        /// Its browser began another.
        Replaced = "replaced",
        /// Ended by its person from another session.
        Ended = "ended",
        /// Ended by who administers the account.
        EndedByAdministrator = "ended_by_administrator",
        RefreshReplayed = "refresh_replayed",
        PasswordChanged = "password_changed",
        RolesChanged = "roles_changed",
        Disabled = "disabled",
        FactorChanged = "factor_changed",
    }
}

/// Ends one session of a person; false: there is no such live one.
pub fn end(
    conn: &mut Conn,
    user: UserId,
    id: SessionId,
    now: Instant,
    reason: EndReason,
) -> Result<bool, DbError> {
    let live = sessions::table
        .filter(sessions::id.eq(id))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::ended_at.is_null());
    let ended = diesel::update(live)
        .set((sessions::ended_at.eq(now.naive_utc()), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?;
    Ok(ended == 1)
}

/// Ends a session, whosever it is: its browser has begun another. False: there is no such live one.
pub fn replace(conn: &mut Conn, id: SessionId, now: Instant) -> Result<bool, DbError> {
    let live = sessions::table.filter(sessions::id.eq(id)).filter(sessions::ended_at.is_null());
    let ended = diesel::update(live)
        .set((sessions::ended_at.eq(now.naive_utc()), sessions::end_reason.eq(EndReason::Replaced.as_str())))
        .execute(conn)?;
    Ok(ended == 1)
}

/// Ends every session of a person, but for one, and every login that waits for its second step; how many sessions.
pub fn end_all(
    conn: &mut Conn,
    user: UserId,
    but: Option<SessionId>,
    now: Instant,
    reason: EndReason,
) -> Result<usize, DbError> {
    diesel::delete(factor_challenges::table.filter(factor_challenges::user_id.eq(user))).execute(conn)?;
    let live: Vec<SessionId> = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::ended_at.is_null())
        .select(sessions::id)
        .load(conn)?;
    let ending: Vec<SessionId> = live.into_iter().filter(|id| Some(*id) != but).collect();
    Ok(diesel::update(sessions::table.filter(sessions::id.eq_any(ending)))
        .set((sessions::ended_at.eq(now.naive_utc()), sessions::end_reason.eq(reason.as_str())))
        .execute(conn)?)
}

/// A person's live sessions in order of id.
pub fn list(
    conn: &mut Conn,
    user: UserId,
    now: Instant,
    seen_after: Instant,
    after: Option<SessionId>,
    limit: i64,
) -> Result<Vec<SessionRow>, DbError> {
    let mut query = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.naive_utc()))
        .filter(sessions::seen_at.gt(seen_after.naive_utc()))
        .order(sessions::id)
        .select(SessionRow::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(sessions::id.gt(after));
    }
    Ok(query.load(conn)?)
}

/// Issues a refresh token.
pub fn insert_refresh(
    conn: &mut Conn,
    token_hash: &str,
    session: SessionId,
    organization: OrganizationId,
    now: Instant,
) -> Result<(), DbError> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(token_hash),
            refresh_tokens::organization_id.eq(organization),
            refresh_tokens::session_id.eq(session),
            refresh_tokens::issued_at.eq(now.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// The session of a refresh token, and whether this call is the one that used it up.
pub fn use_refresh(
    conn: &mut Conn,
    token_hash: &str,
    now: Instant,
) -> Result<Option<(SessionId, bool)>, DbError> {
    let used = diesel::update(
        refresh_tokens::table
            .filter(refresh_tokens::token_hash.eq(token_hash))
            .filter(refresh_tokens::used_at.is_null()),
    )
    .set(refresh_tokens::used_at.eq(now.naive_utc()))
    .execute(conn)?;
    let session =
        refresh_tokens::table.find(token_hash).select(refresh_tokens::session_id).first(conn).optional()?;
    Ok(session.map(|session| (session, used == 1)))
}

/// Whether such a refresh token was ever issued.
pub fn is_refresh(conn: &mut Conn, token_hash: &str) -> Result<bool, DbError> {
    Ok(diesel::select(diesel::dsl::exists(refresh_tokens::table.find(token_hash))).get_result(conn)?)
}

text_enum! {
    /// What a token that was mailed is good for.
    pub enum TokenPurpose {
        Invitation = "invitation",
        PasswordReset = "password_reset",
    }
}

impl TokenPurpose {
    /// Of the token that a mail of this kind carries.
    pub fn of_mail(kind: NoticeKind) -> Option<Self> {
        match kind {
            NoticeKind::Invitation => Some(Self::Invitation),
            NoticeKind::PasswordReset => Some(Self::PasswordReset),
            _ => None,
        }
    }
}

/// Writes a token that is mailed. Earlier invitations no longer work. Earlier resets do, as long as they live: or a stranger
/// who asks for the next one would take the person's own away.
pub fn insert_token(
    conn: &mut Conn,
    token_hash: &str,
    user: UserId,
    organization: OrganizationId,
    purpose: TokenPurpose,
    now: Instant,
    expires_at: Instant,
) -> Result<(), DbError> {
    if purpose == TokenPurpose::Invitation {
        spend_tokens(conn, user, Some(purpose), now)?;
    }
    diesel::insert_into(account_tokens::table)
        .values((
            account_tokens::token_hash.eq(token_hash),
            account_tokens::organization_id.eq(organization),
            account_tokens::user_id.eq(user),
            account_tokens::purpose.eq(purpose.as_str()),
            account_tokens::created_at.eq(now.naive_utc()),
            account_tokens::expires_at.eq(expires_at.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whose token it is, if it still works.
pub fn token_user(
    conn: &mut Conn,
    token_hash: &str,
    purpose: TokenPurpose,
    now: Instant,
) -> Result<Option<UserId>, DbError> {
    Ok(account_tokens::table
        .filter(account_tokens::token_hash.eq(token_hash))
        .filter(account_tokens::purpose.eq(purpose.as_str()))
        .filter(account_tokens::used_at.is_null())
        .filter(account_tokens::expires_at.gt(now.naive_utc()))
        .select(account_tokens::user_id)
        .first(conn)
        .optional()?)
}

/// Uses a token up; false: someone was first.
pub fn use_token(conn: &mut Conn, token_hash: &str, now: Instant) -> Result<bool, DbError> {
    let fresh = account_tokens::table
        .filter(account_tokens::token_hash.eq(token_hash))
        .filter(account_tokens::used_at.is_null());
    Ok(diesel::update(fresh).set(account_tokens::used_at.eq(now.naive_utc())).execute(conn)? == 1)
}

/// Every token mailed to a person stops working; with a purpose, only those.
pub fn spend_tokens(
    conn: &mut Conn,
    user: UserId,
    purpose: Option<TokenPurpose>,
    now: Instant,
) -> Result<(), DbError> {
    let purposes: Vec<&str> = match purpose {
        Some(purpose) => vec![purpose.as_str()],
        None => vec![TokenPurpose::Invitation.as_str(), TokenPurpose::PasswordReset.as_str()],
    };
    let fresh = account_tokens::table
        .filter(account_tokens::user_id.eq(user))
        .filter(account_tokens::purpose.eq_any(purposes))
        .filter(account_tokens::used_at.is_null());
    diesel::update(fresh).set(account_tokens::used_at.eq(now.naive_utc())).execute(conn)?;
    Ok(())
}

/// Keeps that a device has signed in to an account, under the hash of what it was given.
pub fn know_device(
    conn: &mut Conn,
    user: UserId,
    organization: OrganizationId,
    device_hash: &str,
    now: Instant,
) -> Result<(), DbError> {
    let known = known_devices::table.find((user, device_hash));
    let seen = known_devices::seen_at.eq(now.naive_utc());
    if diesel::update(known).set(seen).execute(conn)? == 0 {
        diesel::insert_into(known_devices::table)
            .values((
                known_devices::user_id.eq(user),
                known_devices::organization_id.eq(organization),
                known_devices::device_hash.eq(device_hash),
                known_devices::created_at.eq(now.naive_utc()),
                known_devices::seen_at.eq(now.naive_utc()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Whether a browser has what we gave it: someone has signed in with it.
pub fn is_device(conn: &mut Conn, device_hash: &str) -> Result<bool, DbError> {
    let known = known_devices::table.filter(known_devices::device_hash.eq(device_hash));
    Ok(diesel::select(diesel::dsl::exists(known)).get_result(conn)?)
}

/// As what the account of an address knows the one that shows this: a browser, or a program with a refresh token of a
/// session of before. None: it is a stranger to that account.
pub fn known_as(conn: &mut Conn, email: &str, shown_hash: &str) -> Result<Option<String>, DbError> {
    let Some(user) = super::user::by_email(conn, email)? else { return Ok(None) };
    let browser = known_devices::table.find((user.id, shown_hash)).select(known_devices::device_hash);
    if let Some(browser) = browser.first(conn).optional()? {
        return Ok(Some(browser));
    }
    let session: Option<SessionId> = refresh_tokens::table
        .inner_join(sessions::table.on(sessions::id.eq(refresh_tokens::session_id)))
        .filter(refresh_tokens::token_hash.eq(shown_hash))
        .filter(sessions::user_id.eq(user.id))
        .select(sessions::id)
        .first(conn)
        .optional()?;
    Ok(session.map(|id| id.to_string()))
}

text_enum! {
    /// Whose failures a row counts.
    pub enum Counted {
        /// All that are unknown to the account.
        Strangers = "strangers",
        /// Those of them behind one address.
        Address = "address",
        /// A device that has signed in before.
        Known = "known",
        /// Mails for a new password.
        Reset = "reset",
    }
}

/// Failed attempts on one account, by one sort of asker.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = login_attempts)]
pub struct Attempts {
    /// In the window that began at `counted_from`.
    pub failures: i32,
    pub counted_from: NaiveDateTime,
    pub blocked_until: NaiveDateTime,
    /// Until then one address has only a share.
    pub crowded_until: Option<NaiveDateTime>,
    /// The machine's day that `day_failures` counts.
    pub day: NaiveDate,
    pub day_failures: i32,
}

/// The failed attempts under a key.
pub fn attempts(conn: &mut Conn, key: &str) -> Result<Option<Attempts>, DbError> {
    Ok(login_attempts::table.find(key).select(Attempts::as_select()).first(conn).optional()?)
}

/// As [`attempts`], for who counts on: another who counts waits for this transaction's end. Where nothing is counted yet a row
/// is put there for [`set_attempts`]; of two who do so at once on PostgreSQL one fails as not unique, and counts again.
pub fn attempts_to_count(
    conn: &mut Conn,
    key: &str,
    account_key: &str,
    counted: Counted,
    now: Instant,
) -> Result<Option<Attempts>, DbError> {
    let taken = diesel::update(login_attempts::table.find(key))
        .set(login_attempts::failures.eq(login_attempts::failures))
        .execute(conn)?;
    if taken == 1 {
        return attempts(conn, key);
    }
    diesel::insert_into(login_attempts::table)
        .values((
            login_attempts::key.eq(key),
            login_attempts::account_key.eq(account_key),
            login_attempts::counted.eq(counted.as_str()),
            login_attempts::failures.eq(0),
            login_attempts::counted_from.eq(now.naive_utc()),
            login_attempts::blocked_until.eq(now.naive_utc()),
            login_attempts::day.eq(now.date_naive()),
            login_attempts::day_failures.eq(0),
        ))
        .execute(conn)?;
    Ok(None)
}

/// Writes the failed attempts under a key that was taken by [`attempts_to_count`].
pub fn set_attempts(conn: &mut Conn, key: &str, attempts: &Attempts) -> Result<(), DbError> {
    diesel::update(login_attempts::table.find(key))
        .set((
            login_attempts::failures.eq(attempts.failures),
            login_attempts::counted_from.eq(attempts.counted_from),
            login_attempts::blocked_until.eq(attempts.blocked_until),
            login_attempts::crowded_until.eq(attempts.crowded_until),
            login_attempts::day.eq(attempts.day),
            login_attempts::day_failures.eq(attempts.day_failures),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets the failed attempts under a key.
pub fn clear_attempts(conn: &mut Conn, key: &str) -> Result<(), DbError> {
    diesel::delete(login_attempts::table.find(key)).execute(conn)?;
    Ok(())
}

/// Forgets every failed attempt on an account.
pub fn clear_account(conn: &mut Conn, account_key: &str) -> Result<(), DbError> {
    let all = login_attempts::table.filter(login_attempts::account_key.eq(account_key));
    diesel::delete(all).execute(conn)?;
    Ok(())
}

/// Until when someone who would log in to an account is kept waiting at the longest.
pub fn blocked_until(conn: &mut Conn, account_key: &str) -> Result<Option<NaiveDateTime>, DbError> {
    Ok(login_attempts::table
        .filter(login_attempts::account_key.eq(account_key))
        .filter(login_attempts::counted.ne(Counted::Reset.as_str()))
        .select(diesel::dsl::max(login_attempts::blocked_until))
        .first(conn)?)
}
