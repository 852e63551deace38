//! One's own account: who one is, the password, and the two tokens that come by mail: invitation and reset.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::guessing::{self, Attempt, Origin};
use super::session::{DONE, Done, remember, token_hash};
use super::{App, Call, Failure, hashing, idempotency};
use crate::clock::Sources;
use crate::config::Config;
use crate::db::session::EndReason;
pub use crate::db::session::TokenPurpose;
use crate::db::user::UserRow;
use crate::db::{self, Author, ChainKey, Conn, DbError};
use crate::domain::access::{ActorOrganization, OrganizationKind, Role};
use crate::domain::contract::Instant;
use crate::domain::id::UserId;
use crate::domain::password;
use crate::input;
use crate::notice::context::{
    AccountChange, AccountChangedMail, Day, InvitationMail, Inviter, LoginFailuresMail, TokenMail,
};
use crate::notice::letter::unnamed;
use crate::notice::{About, Draft, Mail, Recipient};

input! {
    /// A new password, and the one it replaces.
    pub struct PasswordChange {
        current: String => verbatim(1024),
        new: String => verbatim(1024),
    }
}

input! {
    /// Whose password is forgotten.
    pub struct ResetRequest {
        email: String => verbatim(254),
    }
}

input! {
    /// A token that came by mail, and the password it sets.
    pub struct TokenPassword {
        token: String => verbatim(200),
        password: String => verbatim(1024),
    }
}

/// The person behind a session.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Me {
    pub id: UserId,
    pub name: String,
    pub email: String,
    #[schema(value_type = Object)]
    pub organization: ActorOrganization,
    /// Those of whom one stands in for today are among them.
    pub roles: Vec<Role>,
}

/// The person behind a session.
pub fn me(call: &Call) -> Me {
    let actor = call.actor.clone();
    Me {
        id: actor.user_id,
        name: actor.name,
        email: actor.email,
        organization: actor.organization,
        roles: actor.roles,
    }
}

/// What is wrong with a new password, told at `pointer`.
pub fn check_password(
    pointer: &str,
    password: &str,
    email: &str,
    name: &str,
    organization: &str,
) -> Result<(), Failure> {
    let local = email.split('@').next().unwrap_or_default();
    password::check(password, &[local, name, organization])
        .map_err(|problem| Failure::field(pointer, problem.code(), problem.to_string()))
}

/// Changes one's own password; every other session ends.
pub fn change_password(app: &App, call: &Call, given: &PasswordChange) -> Result<Done, Failure> {
    let actor = &call.actor;
    // The same request again: by now its `current` is the old password.
    if let Some(done) = idempotency::kept(app, call)? {
        return Ok(done);
    }
    check_password("/new", &given.new, &actor.email, &actor.name, &actor.organization.name)?;
    let attempt = Attempt::of_person(app, &actor.email, actor.user_id);
    attempt.check(app)?;
    let user = app.db.read_one::<_, DbError>(|conn| db::user::find(conn, actor.user_id))?;
    let wrong = || Failure::field("/current", "wrong_password", "現在のパスワードが正しくありません。");
    let place = hashing::place()?;
    let right = place.verify(&given.current, user.password_hash.as_deref());
    // Whoever set the one before would go on knowing it.
    if right && user.password_set_by_other && given.new == given.current {
        return Err(Failure::field("/new", "same_password", "現在のパスワードとは別のものにしてください。"));
    }
    let Some(checked) = user.password_hash.clone().filter(|_| right) else {
        attempt.failed(app, &actor.email)?;
        tracing::warn!(event = "password_change_refused", user = %user.id, "wrong current password");
        return Err(wrong());
    };
    let hash = place.hash(&app.sources, &given.new)?;
    drop(place);
    app.act(call, ChainKey::Existing(user.organization_id.cast()), |tx| {
        let now = tx.sources.clock.machine_now();
        if !db::user::replace_password(tx.conn, user.id, &checked, &hash)? {
            return Err(wrong());
        }
        db::user::set_password(tx.conn, user.id, &hash)?;
        db::session::end_all(tx.conn, user.id, Some(actor.session_id), now, EndReason::PasswordChanged)?;
        db::session::spend_tokens(tx.conn, user.id, None, now)?;
        attempt.succeeded(tx.conn)?;
        tx.record("user.password_changed", user.id, &json!({}))?;
        tell_changed(app, tx.conn, &user, AccountChange::Password)?;
        Ok(DONE)
    })?;
    tracing::info!(event = "password_changed", user = %user.id, "password changed");
    Ok(DONE)
}

/// A request for a reset is answered after so long, whatever was done for it.
const RESET_TAKES: std::time::Duration = std::time::Duration::from_millis(150);

/// Mails a link to set a new password, if the account exists and can be used. The answer is the same if not, and
/// takes as long.
pub fn request_reset(app: &App, given: &ResetRequest, origin: &Origin) -> Result<Done, Failure> {
    if let Some(retry_after) = origin.wait {
        return Err(Failure::TooMany { retry_after });
    }
    let begun = std::time::Instant::now();
    let answer = reset_if_known(app, given);
    std::thread::sleep(RESET_TAKES.saturating_sub(begun.elapsed()));
    answer
}

fn reset_if_known(app: &App, given: &ResetRequest) -> Result<Done, Failure> {
    let today = app.today();
    let ask = || {
        app.db.write::<_, Failure>(|conn| {
            let may_mail = guessing::may_mail_reset(app, conn, &given.email)?;
            let user = db::user::by_email(conn, &given.email)?.filter(|u| u.is_usable(today));
            let token = app.sources.token();
            if let Some(user) = user.filter(|_| may_mail) {
                let purpose = TokenPurpose::PasswordReset;
                let mail = token_mail(conn, &app.sources, &app.config, &user, purpose, (&token, None))?;
                post_token(conn, &app.sources, &user, &mail, &token)?;
                tracing::info!(event = "password_reset_requested", user = %user.id, "reset mailed");
            }
            Ok(DONE)
        })
    };
    match ask() {
        // Two first requests at once on PostgreSQL.
        Err(Failure::Conflict { .. }) => ask(),
        answer => answer,
    }
}

/// Whom an invitation is for, as its page says it.
#[derive(Debug, Clone, Serialize)]
pub struct Invited {
    pub name: String,
    /// By which they log in.
    pub email: String,
    pub organization: String,
}

/// Whom the token of an invitation is for; None: it is used, too old, or none.
pub fn invited(app: &App, token: &str) -> Result<Option<Invited>, Failure> {
    let now = app.sources.clock.machine_now();
    Ok(app.db.read_one::<_, DbError>(|conn| {
        let found = db::session::token_user(conn, &token_hash(token), TokenPurpose::Invitation, now)?;
        let Some(id) = found else { return Ok(None) };
        let user = db::user::find(conn, id)?;
        let organization = db::organization::find(conn, user.organization_id)?.name;
        Ok(Some(Invited { name: user.name, email: user.email, organization }))
    })?)
}

/// Sets a password with a token from a mail, once; every session ends. Who has the mail is no stranger: what a browser is
/// known by from now on is answered, and nobody's failures count any more.
pub fn redeem(
    app: &App,
    purpose: TokenPurpose,
    given: &TokenPassword,
    origin: &Origin,
) -> Result<String, Failure> {
    let now = app.sources.clock.machine_now();
    let today = app.today();
    let token = token_hash(&given.token);
    let found = app.db.read::<_, DbError>(|conn| {
        let Some(id) = db::session::token_user(conn, &token, purpose, now)? else { return Ok(None) };
        let user = db::user::find(conn, id)?;
        let organization = db::organization::find(conn, user.organization_id)?;
        Ok(Some((user, organization)))
    })?;
    let spent = || {
        let message =
            "この案内は使えません。期限が切れたか、すでに使われています。もう一度お申し込みください。";
        Failure::field("/token", "spent", message)
    };
    if let Some(retry_after) = origin.wait.filter(|_| found.is_none()) {
        return Err(Failure::TooMany { retry_after });
    }
    let (user, organization) = found.filter(|(user, _)| user.is_usable(today)).ok_or_else(spent)?;
    check_password("/password", &given.password, &user.email, &user.name, &organization.name)?;
    let hash = hashing::hash(&app.sources, &given.password)?;
    let author = Author { user_id: user.id, organization_id: user.organization_id };
    let chain = ChainKey::Existing(user.organization_id.cast());
    let device = app.db.write_tx(&app.sources, Some(author), chain, |tx| {
        if !db::session::use_token(tx.conn, &token, now)? {
            return Err(spent());
        }
        db::session::spend_tokens(tx.conn, user.id, None, now)?;
        db::user::set_password(tx.conn, user.id, &hash)?;
        db::session::end_all(tx.conn, user.id, None, now, EndReason::PasswordChanged)?;
        guessing::lift(app, tx.conn, &user.email)?;
        let action = match purpose {
            TokenPurpose::Invitation => "user.invitation_accepted",
            TokenPurpose::PasswordReset => "user.password_reset",
        };
        tx.record(action, user.id, &json!({}))?;
        if purpose == TokenPurpose::PasswordReset {
            tell_changed(app, tx.conn, &user, AccountChange::Password)?;
        }
        remember(app, tx.conn, &user, origin)
    })?;
    match purpose {
        TokenPurpose::Invitation => {
            tracing::info!(event = "invitation_accepted", user = %user.id, "password set");
        }
        TokenPurpose::PasswordReset => {
            tracing::info!(event = "password_reset_confirmed", user = %user.id, "password set");
        }
    }
    Ok(device)
}

/// How long a token works.
pub fn life(purpose: TokenPurpose) -> Duration {
    match purpose {
        TokenPurpose::Invitation => Duration::days(7),
        TokenPurpose::PasswordReset => Duration::hours(1),
    }
}

/// Writes a token and gives the mail that carries it; earlier tokens of the purpose work no more. `by`: who invites.
pub fn token_mail(
    conn: &mut Conn,
    sources: &Sources,
    config: &Config,
    user: &UserRow,
    purpose: TokenPurpose,
    (token, by): (&str, Option<Inviter>),
) -> Result<Mail, Failure> {
    let now = sources.clock.machine_now();
    let page = match purpose {
        TokenPurpose::Invitation => "invitation",
        TokenPurpose::PasswordReset => "password-reset",
    };
    let until = now + life(purpose);
    let (last_day, last_time) = minute(sources, until);
    let hash = token_hash(token);
    db::session::insert_token(conn, &hash, user.id, user.organization_id, purpose, now, until)?;
    let organization = db::organization::find(conn, user.organization_id)?;
    let link = format!("{}/{page}?token={token}", config.server.public_url);
    let held = db::user::roles(conn, &[user.id])?.remove(&user.id).unwrap_or_default();
    Ok(match purpose {
        TokenPurpose::Invitation => Mail::Invitation(InvitationMail {
            person: Some(user.name.clone()).filter(|name| *name != unnamed(&organization.name)),
            is_vendor: organization.kind == OrganizationKind::Vendor,
            organization: organization.name,
            login: user.email.clone(),
            roles: held.iter().map(|role| role.title().to_owned()).collect(),
            by: by.unwrap_or(Inviter::Operator),
            link,
            until: last_day,
            until_time: last_time,
        }),
        TokenPurpose::PasswordReset => Mail::PasswordReset(TokenMail {
            organization: organization.name,
            link,
            until: last_day,
            until_time: last_time,
        }),
    })
}

/// Mails a person that something of their account has changed: whoever took it over must not do so unseen.
pub fn tell_changed(app: &App, conn: &mut Conn, user: &UserRow, what: AccountChange) -> Result<(), Failure> {
    let sources = &app.sources;
    let organization = db::organization::find(conn, user.organization_id)?.name;
    let day = Day::of(sources.clock.today());
    let (_, time) = minute(sources, sources.clock.machine_now());
    let link = format!("{}/account", app.config.server.public_url);
    let mail = Mail::AccountChanged(AccountChangedMail::new(what, organization, day, time, link));
    // Each change is told.
    let step = sources.new_id::<()>().to_string();
    post(conn, sources, user, &mail, step)?;
    Ok(())
}

/// Mails a person that strangers keep failing to log in to their account: once on a day of the machine's.
pub(super) fn tell_failures(
    app: &App,
    conn: &mut Conn,
    user: &UserRow,
    day: chrono::NaiveDate,
) -> Result<(), Failure> {
    let sources = &app.sources;
    let organization = db::organization::find(conn, user.organization_id)?.name;
    let (day, time) = (Day::of(day), minute(sources, sources.clock.machine_now()).1);
    let step = day.on.to_string();
    let link = format!("{}/account", app.config.server.public_url);
    let mail = Mail::LoginFailures(LoginFailuresMail { organization, day, time, link });
    if post(conn, sources, user, &mail, step)? {
        tracing::warn!(event = "login_failures_told", user = %user.id, "many failures: the person is told");
    }
    Ok(())
}

/// A day and a time of it, as mail shows them.
fn minute(sources: &Sources, at: Instant) -> (Day, String) {
    let time = at.with_timezone(&sources.clock.timezone()).format("%H:%M").to_string();
    (Day::of(sources.clock.day_of(at)), time)
}

/// Puts the mail that carries a token into the outbox.
pub fn post_token(
    conn: &mut Conn,
    sources: &Sources,
    user: &UserRow,
    mail: &Mail,
    token: &str,
) -> Result<(), Failure> {
    // Each token is told once.
    post(conn, sources, user, mail, token_hash(token).chars().take(16).collect())?;
    Ok(())
}

/// Puts a mail to a person about their account into the outbox, once per step; false: it was there.
fn post(
    conn: &mut Conn,
    sources: &Sources,
    user: &UserRow,
    mail: &Mail,
    step: String,
) -> Result<bool, Failure> {
    let about = About {
        organization_id: user.organization_id,
        subject_kind: "user".to_owned(),
        subject_id: user.id.to_string(),
        step,
    };
    let recipient = Recipient { address: user.email.clone(), user_id: Some(user.id) };
    let draft = Draft::new(about, recipient, mail).map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(db::notice::enqueue(conn, sources, &draft)?)
}
