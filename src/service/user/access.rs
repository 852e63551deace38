//! How someone gets in, as those who administer their account can help: a block of the login lifted, sessions ended.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::administered;
use crate::db::session::EndReason;
use crate::db::{self, DbError};
use crate::domain::id::UserId;
use crate::notice::context::AccountChange;
use crate::service::account::tell_changed;
use crate::service::session::{self, DONE, Done, SessionView};
use crate::service::{App, Call, Failure, Page, Paged, guessing};

/// Until when logins of an account are kept waiting, if they are now.
pub fn blocked_until(app: &App, call: &Call, id: UserId) -> Result<Option<DateTime<Utc>>, Failure> {
    let user = administered(app, call, id)?;
    Ok(app.db.read_one::<_, DbError>(|conn| guessing::blocked_until(app, conn, &user.email))?)
}

/// Forgets the wrong passwords of an account, whoever's: the person can try again at once.
pub fn unblock(app: &App, call: &Call, id: UserId) -> Result<Done, Failure> {
    let user = administered(app, call, id)?;
    let done = app.act_on_organization(call, user.organization_id, |tx| {
        guessing::lift(app, tx.conn, &user.email)?;
        guessing::lift_codes(app, tx.conn, id)?;
        tx.record("user.unblocked", id, &json!({}))?;
        Ok(DONE)
    })?;
    tracing::info!(event = "login_unblocked", user = %id, by = %call.actor.user_id, "block lifted");
    Ok(done)
}

/// The live sessions of an account.
pub fn sessions(app: &App, call: &Call, id: UserId, page: &Page) -> Result<Paged<SessionView>, Failure> {
    let user = administered(app, call, id)?;
    session::of(app, call, user.id, page)
}

/// Ends every session of an account; the person is told. One's own are ended on one's own page.
pub fn end_sessions(app: &App, call: &Call, id: UserId) -> Result<Done, Failure> {
    let user = administered(app, call, id)?;
    if id == call.actor.user_id {
        let message = "自分のログインは、「自分のアカウント」の「ログイン中の端末」で終了してください。";
        return Err(Failure::conflict("own_account", message));
    }
    let done = app.act_on_organization(call, user.organization_id, |tx| {
        let now = tx.sources.clock.machine_now();
        db::session::end_all(tx.conn, id, None, now, EndReason::EndedByAdministrator)?;
        tx.record("user.sessions_ended", id, &json!({}))?;
        tell_changed(app, tx.conn, &user, AccountChange::SessionsEnded)?;
        Ok(DONE)
    })?;
    tracing::info!(event = "sessions_ended", user = %id, by = %call.actor.user_id, "sessions ended");
    Ok(done)
}
