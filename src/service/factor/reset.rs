//! What an administrator does for someone whose factors are lost, or sealed with an `auth.secret` that is no more: all of
//! them are taken away, and the person enrols anew at the next login.

use serde_json::json;

use super::changed;
use crate::db;
use crate::domain::id::UserId;
use crate::service::session::{DONE, Done};
use crate::service::{App, Call, Failure, user};

/// Takes every factor of another away, with the recovery codes; their sessions end.
pub fn reset(app: &App, call: &Call, id: UserId) -> Result<Done, Failure> {
    let organization = user::administered(app, call, id)?.organization_id;
    if id == call.actor.user_id {
        let message = "自分の二要素認証は「自分のアカウント」で変更してください。";
        return Err(Failure::conflict("own_account", message));
    }
    app.act_on_organization(call, organization, |tx| {
        let person = db::user::find(tx.conn, id)?;
        let roles = db::user::roles(tx.conn, &[id])?.remove(&id).unwrap_or_default();
        // Together with a reset of the password by mail it would be the power to consent, or to let others in.
        if app.strict && roles.iter().any(|role| role.needs_second()) {
            let message = "決裁者と管理者の二要素認証は、1人の管理者だけでは解除できません。";
            return Err(Failure::conflict("second_administrator", message));
        }
        if db::factor::remove_all(tx.conn, id)? == 0 {
            return Err(super::none_yet());
        }
        tx.record("user.factors_reset", id, &json!({}))?;
        changed(app, tx, &person, None)?;
        tracing::warn!(event = "factors_reset", user = %id, by = %call.actor.user_id, "second factors reset");
        Ok(DONE)
    })
}
