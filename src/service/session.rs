//! Logins: from a password to a session, a session read anew at every request, refresh tokens that work once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::guessing::{Attempt, Origin};
use super::{App, Call, Failure, Page, Paged, factor, hashing, token_signature};
use crate::db::session::EndReason;
use crate::db::user::UserRow;
use crate::db::{self, Conn, DbError};
use crate::domain::access::{Actor, ActorOrganization};
use crate::domain::contract::Instant;
use crate::domain::id::{SessionId, UserId};
use crate::input;

/// A session's row is touched no oftener.
const TOUCH_AFTER: Duration = Duration::seconds(60);
/// Behind longer writes it is not touched; so late, they are waited for.
const TOUCH_WAITS_AFTER: Duration = Duration::minutes(5);
/// A session that nobody used for so long has ended (trust.md, "Sessions").
const IDLE: Duration = Duration::minutes(30);

/// Sessions seen since then live. The row may be as much behind as it is touched seldom: nobody is sent away early.
fn seen_after(now: Instant) -> Instant {
    now - IDLE - TOUCH_AFTER
}

input! {
    /// Who wants in.
    pub struct Credentials {
        email: String => verbatim(254),
        password: String => verbatim(1024),
        /// A code of the authenticator app, or a recovery code. Needed of who has a second factor, refused of who has none.
        totp: Option<String> => optional(verbatim(64)),
        /// A refresh token of an earlier login, used up or not: who shows one is no stranger to the account, and others'
        /// wrong passwords don't delay them.
        device_token: Option<String> => optional(verbatim(200)),
    }
}

input! {
    /// A refresh token as it was given.
    pub struct Refresh {
        refresh_token: String => verbatim(200),
    }
}

/// What a login gives.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tokens {
    pub access_token: String,
    /// `Bearer`
    pub token_type: String,
    /// Seconds.
    pub expires_in: i64,
    /// Works once.
    pub refresh_token: String,
}

/// What a browser's login gives: the values of its two cookies.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Lives as long as the session may.
    pub session: String,
    /// By this the browser is known for the account from now on.
    pub device: String,
}

/// A login that goes on.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionView {
    pub id: SessionId,
    pub created_at: DateTime<Utc>,
    /// To the minute.
    pub seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// The one that asks.
    pub current: bool,
}

/// What was asked has been done.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Done {
    pub done: bool,
}

/// It has been done.
pub const DONE: Done = Done { done: true };

/// Where a session's token is shown. A browser's cookie opens no API, and the API's token no page (api.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Api,
    Browser,
}

/// All that a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    sid: SessionId,
    exp: i64,
    /// It is the cookie's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    browser: bool,
}

/// What the tables keep of a token.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// Who asks: read from the session's row at this request, so that an end takes effect at once.
pub fn authenticate(app: &App, door: Door, token: &str) -> Result<Actor, Failure> {
    let now = app.sources.clock.machine_now();
    let id = read_token(app, door, token, now)?;
    let today = app.today();
    let found = app
        .db
        .read_one::<_, DbError>(|conn| db::session::live_with_roles(conn, id, now, seen_after(now), today))?;
    let (live, roles, has_factor) = found.ok_or(Failure::Unauthorized)?;
    if !live.active || live.expires_on.is_some_and(|last| last < today) {
        return Err(Failure::Unauthorized);
    }
    let unseen = now.naive_utc() - live.seen_at;
    if unseen >= TOUCH_AFTER {
        touch(app, id, now, unseen >= TOUCH_WAITS_AFTER);
    }
    Ok(Actor {
        user_id: live.user_id,
        session_id: id,
        name: live.user_name,
        email: live.email,
        organization: ActorOrganization {
            id: live.organization_id,
            kind: live.organization_kind,
            name: live.organization_name,
        },
        roles,
        must_change_password: app.strict && live.password_set_by_other,
        authenticated_at: live.authenticated_at.and_utc(),
        has_factor,
    })
}

/// A disk that takes no more writes must not end the reading, nor a long write elsewhere hold every request up.
fn touch(app: &App, id: SessionId, now: Instant, waits: bool) {
    let touch = |conn: &mut Conn| db::session::touch(conn, id, now);
    let touched = if waits { app.db.write(touch).map(Some) } else { app.db.write_unless_busy(touch) };
    if let Err::<_, DbError>(error) = touched {
        tracing::warn!(%error, "a session could not be touched");
    }
}

fn read_token(app: &App, door: Door, token: &str, now: Instant) -> Result<SessionId, Failure> {
    let claims = verified(&app.config.auth.secret, token).ok_or(Failure::Unauthorized)?;
    let fits = claims.browser == (door == Door::Browser);
    if fits && now.timestamp() < claims.exp { Ok(claims.sid) } else { Err(Failure::Unauthorized) }
}

/// What every token of ours begins with: `{"typ":"JWT","alg":"HS256"}` as base64url.
const TOKEN_HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";

/// What a token says that we signed. One with any other header is none of ours, whatever algorithm it names.
fn verified(secret: &str, token: &str) -> Option<Claims> {
    let (message, signature) = token.rsplit_once('.')?;
    let claims = message.strip_prefix(TOKEN_HEADER)?.strip_prefix('.')?;
    if !token_signature::is_signed(secret, message, signature).ok()? {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

fn signing_key(app: &App) -> Result<EncodingKey, Failure> {
    token_signature::signing_key(&app.config.auth.secret)
        .map_err(|e| Failure::Internal(format!("the secret of tokens: {e}")))
}

fn signed(app: &App, claims: &Claims) -> Result<String, Failure> {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &signing_key(app)?)
        .map_err(|e| Failure::Internal(format!("a session's token: {e}")))
}

/// What a form of this session is about: no token says the same, for each begins with [`TOKEN_HEADER`].
fn form_words(id: SessionId) -> String {
    format!("form {id}")
}

/// The proof that a form was made for this session: it stands in every form that changes something.
pub fn form_token(app: &App, id: SessionId) -> Result<String, Failure> {
    jsonwebtoken::crypto::sign(form_words(id).as_bytes(), &signing_key(app)?, Algorithm::HS256)
        .map_err(|e| Failure::Internal(format!("a form's token: {e}")))
}

/// Whether a form was made for this session.
pub fn is_form_token(app: &App, id: SessionId, given: &str) -> bool {
    token_signature::is_signed(&app.config.auth.secret, &form_words(id), given).unwrap_or(false)
}

fn tokens(app: &App, session: SessionId, refresh_token: String, now: Instant) -> Result<Tokens, Failure> {
    let life = Duration::minutes(app.config.auth.access_minutes);
    let access_token = signed(app, &Claims { sid: session, exp: (now + life).timestamp(), browser: false })?;
    Ok(Tokens {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: life.num_seconds(),
        refresh_token,
    })
}

/// Address and password, and a code of who has a second factor, against a session. Unknown, disabled and not yet
/// accepted accounts are refused in the same words and the same time as a wrong password; that a code is needed is told
/// only to who knew the password (decision 0023).
pub fn log_in(app: &App, given: &Credentials, origin: &Origin) -> Result<Tokens, Failure> {
    let origin = Origin { device: given.device_token.clone(), ..origin.clone() };
    let known = know(app, &given.email, &given.password, Attempt::from(app, &given.email, &origin)?)?;
    match (&given.totp, factor::is_enrolled(app, known.user.id)?) {
        (Some(code), true) => factor::prove(app, &known.user, code)?,
        (None, true) => return Err(Failure::CodeRequired),
        (Some(_), false) => return Err(no_factor()),
        (None, false) => {}
    }
    enter(app, &known, |conn, user| open(app, conn, user))
}

/// Nobody's code is ignored: who gives one believes that it was asked for.
pub fn no_factor() -> Failure {
    let message = "このアカウントには二要素認証が登録されていません。totp を付けずにログインしてください。";
    Failure::field("/totp", "no_factor", message)
}

/// Where a browser's login has come to.
#[derive(Debug, Clone)]
pub enum Arrived {
    /// Signed in.
    In(Entry),
    /// The password was right, and the second factor is to come.
    Second(factor::Offer),
}

/// As [`log_in`], for a browser, which asks for the second factor on a page of its own. The session that it had before,
/// whosever, ends.
pub fn log_in_browser(app: &App, given: &Credentials, origin: &Origin) -> Result<Arrived, Failure> {
    let known = know(app, &given.email, &given.password, Attempt::from(app, &given.email, origin)?)?;
    if factor::is_enrolled(app, known.user.id)? {
        let offer = factor::begin(app, &known.user)?;
        // After it: whoever changes the password meanwhile finds either this to fail or that to take away.
        app.db.write(|conn| settle(conn, &known))?;
        return Ok(Arrived::Second(offer));
    }
    if given.totp.is_some() {
        return Err(no_factor());
    }
    enter(app, &known, |conn, user| enter_browser(app, conn, user, origin)).map(Arrived::In)
}

/// The second step of a browser's login.
pub fn log_in_second(app: &App, given: &factor::Answer, origin: &Origin) -> Result<Entry, Failure> {
    let user = factor::finish(app, given)?;
    let (session, entry) = app.db.write::<_, Failure>(|conn| enter_browser(app, conn, &user, origin))?;
    tracing::info!(event = "login", user = %user.id, session = %session, "logged in");
    Ok(entry)
}

/// Begins a session in a browser, which is known from now on and loses the session it had.
fn enter_browser(
    app: &App,
    conn: &mut Conn,
    user: &UserRow,
    origin: &Origin,
) -> Result<(SessionId, Entry), Failure> {
    let device = remember(app, conn, user, origin)?;
    replace(app, conn, origin)?;
    let (id, session) = open_browser(app, conn, user)?;
    Ok((id, Entry { session, device }))
}

/// The browser is known for the account from now on, under what it has or is given now. What no browser of ours has is not
/// taken over: someone may have put it there.
pub fn remember(app: &App, conn: &mut Conn, user: &UserRow, origin: &Origin) -> Result<String, Failure> {
    let device = match &origin.device {
        Some(device) if db::session::is_device(conn, &token_hash(device))? => device.clone(),
        _ => app.sources.token(),
    };
    let now = app.sources.clock.machine_now();
    db::session::know_device(conn, user.id, user.organization_id, &token_hash(&device), now)?;
    Ok(device)
}

/// Ends the session whose cookie the browser still has: it is about to get another.
fn replace(app: &App, conn: &mut Conn, origin: &Origin) -> Result<(), Failure> {
    let claims = origin.session.as_deref().and_then(|token| verified(&app.config.auth.secret, token));
    if let Some(id) = claims.filter(|claims| claims.browser).map(|claims| claims.sid)
        && db::session::replace(conn, id, app.sources.clock.machine_now())?
    {
        tracing::info!(event = "session_replaced", session = %id, "another login in the browser");
    }
    Ok(())
}

/// Someone whose password was right.
pub struct Known {
    pub user: UserRow,
    /// The hash it was checked against, and the one to keep.
    checked: String,
    hash: String,
    attempt: Attempt,
}

/// Checks a password, in the same time whatever is wrong.
pub fn know(app: &App, email: &str, password: &str, attempt: Attempt) -> Result<Known, Failure> {
    attempt.check(app)?;
    let place =
        if attempt.is_strange() { hashing::strangers_place(attempt.account())? } else { hashing::place()? };
    // Again: those who waited for the place with this one may have failed meanwhile.
    attempt.check(app)?;
    let user = app.db.read_one::<_, DbError>(|conn| db::user::by_email(conn, email))?;
    let hash = user.as_ref().and_then(|u| u.password_hash.as_deref());
    let right = place.verify(password, hash);
    let today = app.today();
    let user = user.filter(|u| right && u.is_usable(today));
    let Some((user, checked)) = user.and_then(|u| u.password_hash.clone().map(|hash| (u, hash))) else {
        attempt.failed(app, email)?;
        let (account, strange) = (attempt.account(), attempt.is_strange());
        tracing::warn!(event = "login_failed", account, strange, "login refused");
        return Err(Failure::WrongCredentials);
    };
    let hash =
        if hashing::is_outdated(&checked) { place.hash(&app.sources, password)? } else { checked.clone() };
    Ok(Known { user, checked, hash, attempt })
}

/// Settles in a transaction that the password which was checked still is the person's, and keeps it as it is hashed
/// today.
pub fn settle(conn: &mut Conn, known: &Known) -> Result<(), Failure> {
    // Changed since it was checked: then it is not the password any more.
    if !db::user::replace_password(conn, known.user.id, &known.checked, &known.hash)? {
        return Err(Failure::WrongCredentials);
    }
    known.attempt.succeeded(conn)?;
    Ok(())
}

/// Begins a session of someone known.
fn enter<T>(
    app: &App,
    known: &Known,
    begun: impl Fn(&mut Conn, &UserRow) -> Result<(SessionId, T), Failure>,
) -> Result<T, Failure> {
    let (session, opened) = app.db.write::<_, Failure>(|conn| {
        settle(conn, known)?;
        begun(conn, &known.user)
    })?;
    tracing::info!(event = "login", user = %known.user.id, session = %session, "logged in");
    Ok(opened)
}

/// Begins a session of someone who has shown who they are.
pub fn open(app: &App, conn: &mut Conn, user: &UserRow) -> Result<(SessionId, Tokens), Failure> {
    let now = app.sources.clock.machine_now();
    let (id, _) = begin(app, conn, user)?;
    let refresh = app.sources.token();
    db::session::insert_refresh(conn, &token_hash(&refresh), id, user.organization_id, now)?;
    Ok((id, tokens(app, id, refresh, now)?))
}

/// As [`open`], for a browser.
pub fn open_browser(app: &App, conn: &mut Conn, user: &UserRow) -> Result<(SessionId, String), Failure> {
    let (sid, until) = begin(app, conn, user)?;
    Ok((sid, signed(app, &Claims { sid, exp: until.timestamp(), browser: true })?))
}

/// The session's row; answers also when it ends at the latest.
fn begin(app: &App, conn: &mut Conn, user: &UserRow) -> Result<(SessionId, Instant), Failure> {
    let now = app.sources.clock.machine_now();
    let id: SessionId = app.sources.new_id();
    let until = now + Duration::hours(app.config.auth.session_hours);
    db::session::insert(conn, id, user.id, user.organization_id, now, until)?;
    Ok((id, until))
}

/// New tokens for a refresh token, once. A token that comes a second time was stolen from one side or the other:
/// the whole session ends.
pub fn refresh(app: &App, given: &Refresh, origin: &Origin) -> Result<Tokens, Failure> {
    let now = app.sources.clock.machine_now();
    let today = app.today();
    let hash = token_hash(&given.refresh_token);
    // Who has one is no stranger.
    if let Some(retry_after) = origin.wait
        && !app.db.read_one::<_, DbError>(|conn| db::session::is_refresh(conn, &hash))?
    {
        return Err(Failure::TooMany { retry_after });
    }
    // A replay must be kept, so it is an answer of the transaction and not its failure.
    let answer = app.db.write::<_, Failure>(|conn| {
        let Some((id, fresh)) = db::session::use_refresh(conn, &hash, now)? else { return Ok(None) };
        let Some(live) = db::session::live(conn, id, now, seen_after(now))? else { return Ok(None) };
        if !fresh {
            db::session::end(conn, live.user_id, id, now, EndReason::RefreshReplayed)?;
            tracing::warn!(event = "refresh_replayed", user = %live.user_id, session = %id, "session ended");
            return Ok(None);
        }
        if !live.active || live.expires_on.is_some_and(|last| last < today) {
            return Ok(None);
        }
        let next = app.sources.token();
        // The new access token lives as long as is promised.
        db::session::touch(conn, id, now)?;
        db::session::insert_refresh(conn, &token_hash(&next), id, live.organization_id, now)?;
        tokens(app, id, next, now).map(Some)
    })?;
    answer.ok_or(Failure::Unauthorized)
}

/// Ends the session that asks.
pub fn log_out(app: &App, call: &Call) -> Result<Done, Failure> {
    finish(app, call, call.actor.session_id, EndReason::Logout)?;
    tracing::info!(event = "logout", user = %call.actor.user_id, session = %call.actor.session_id, "logged out");
    Ok(DONE)
}

/// Ends one of one's own sessions.
pub fn end(app: &App, call: &Call, id: SessionId) -> Result<Done, Failure> {
    if !finish(app, call, id, EndReason::Ended)? {
        return Err(Failure::NotFound);
    }
    tracing::info!(event = "session_ended", user = %call.actor.user_id, session = %id, "session ended");
    Ok(DONE)
}

fn finish(app: &App, call: &Call, id: SessionId, reason: EndReason) -> Result<bool, Failure> {
    let now = app.sources.clock.machine_now();
    Ok(app.db.write::<_, DbError>(|conn| db::session::end(conn, call.actor.user_id, id, now, reason))?)
}

/// One's own live sessions.
pub fn mine(app: &App, call: &Call, page: &Page) -> Result<Paged<SessionView>, Failure> {
    of(app, call, call.actor.user_id, page)
}

/// Someone's live sessions; the caller has settled that they may be seen.
pub(super) fn of(app: &App, call: &Call, user: UserId, page: &Page) -> Result<Paged<SessionView>, Failure> {
    let now = app.sources.clock.machine_now();
    let after = page.after_id()?;
    let rows = app.db.read_one::<_, DbError>(|conn| {
        db::session::list(conn, user, now, seen_after(now), after, page.rows())
    })?;
    Ok(Paged::cut(
        page,
        rows,
        |row| row.id.to_string(),
        |row| SessionView {
            id: row.id,
            created_at: row.created_at.and_utc(),
            seen_at: row.seen_at.and_utc(),
            expires_at: row.expires_at.and_utc(),
            current: row.id == call.actor.session_id,
        },
    ))
}
