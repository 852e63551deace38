//! What is done for someone whose factors are lost, or sealed with an `auth.secret` that is no more: all of them are taken
//! away, and the person enrols anew at the next login.

use serde_json::json;

use super::changed;
use crate::db::user::UserRow;
use crate::db::{self, ChainKey, DbError, Tx};
use crate::domain::id::UserId;
use crate::service::session::{DONE, Done};
use crate::service::user::pending;
use crate::service::{App, Call, Failure, guessing, user};

/// Takes every factor of another away, with the recovery codes; their sessions end.
pub fn reset(app: &App, call: &Call, id: UserId) -> Result<Done, Failure> {
    let organization = user::administered(app, call, id)?.organization_id;
    if id == call.actor.user_id {
        let message = "自分の二要素認証は「自分のアカウント」で変更してください。";
        return Err(Failure::conflict("own_account", message));
    }
    let done = app.act_on_organization(call, organization, |tx| {
        let person = db::user::find(tx.conn, id)?;
        // Together with a new password by mail it would be the power to consent, or to let others in.
        if app.strict && pending::is_guarded(tx.conn, id, tx.today)? {
            let message = "決裁者と管理者の二要素認証は、1人の管理者だけでは解除できません。回復コードも使えないときは、運用者に連絡してください。";
            return Err(Failure::conflict("second_administrator", message));
        }
        take_away(app, tx, &person)?;
        Ok(DONE)
    })?;
    tracing::warn!(event = "factors_reset", user = %id, by = %call.actor.user_id, "second factors reset");
    Ok(done)
}

/// As [`reset`], by the operator at the command line, for whom no administrator can help alone: no session stands behind
/// it. Answers whose they were.
pub fn reset_by_operator(app: &App, email: &str) -> Result<UserId, Failure> {
    let person = app.db.read_one::<_, DbError>(|conn| db::user::by_email(conn, email))?;
    let person = person.ok_or(Failure::NotFound)?;
    let chain = ChainKey::Existing(person.organization_id.cast());
    app.db.write_tx(&app.sources, None, chain, |tx| take_away(app, tx, &person))?;
    tracing::warn!(event = "factors_reset", user = %person.id, "second factors reset at the command line");
    Ok(person.id)
}

fn take_away(app: &App, tx: &mut Tx<'_>, person: &UserRow) -> Result<(), Failure> {
    if db::factor::remove_all(tx.conn, person.id)? == 0 {
        return Err(super::none_yet());
    }
    guessing::lift_codes(app, tx.conn, person.id)?;
    tx.record("user.factors_reset", person.id, &json!({}))?;
    changed(app, tx, person, None)
}
