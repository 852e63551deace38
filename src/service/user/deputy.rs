//! Who stands in for whom, and when.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::administered;
use crate::db::user::DeputyRow;
use crate::db::{self, DbError};
use crate::domain::id::{Id, UserId, of};
use crate::domain::input::FieldError;
use crate::input;
use crate::service::{App, Call, Failure, Page, Paged};

input! {
    /// Who stands in, and when; both days inclusive.
    pub struct DeputyInput {
        deputy_id: UserId => id::<of::User>(),
        starts_on: NaiveDate => day(),
        ends_on: NaiveDate => day(),
    }
    check |it, errors| {
        if it.ends_on < it.starts_on {
            errors.push(FieldError::new("/ends_on", "order", "終了日は開始日以後の日を指定してください。"));
        }
    }
}

/// A period in which someone stands in.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeputyView {
    #[schema(value_type = String)]
    pub id: Id<()>,
    pub user_id: UserId,
    pub deputy_id: UserId,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
}

impl From<DeputyRow> for DeputyView {
    fn from(row: DeputyRow) -> Self {
        let DeputyRow { id, user_id, deputy_id, starts_on, ends_on } = row;
        Self { id, user_id, deputy_id, starts_on, ends_on }
    }
}

/// Names who stands in for a person of one's own organization.
pub fn appoint_deputy(
    app: &App,
    call: &Call,
    id: UserId,
    input: &DeputyInput,
) -> Result<DeputyView, Failure> {
    let own = call.actor.organization.id;
    let person = administered(app, call, id)?;
    if input.deputy_id == id {
        return Err(Failure::field("/deputy_id", "same_person", "本人を代理にはできません。"));
    }
    if input.ends_on < app.today() {
        return Err(Failure::field("/ends_on", "past", "終了日は今日以後の日を指定してください。"));
    }
    app.db
        .read_one(|conn| db::user::find(conn, input.deputy_id))
        .ok()
        .filter(|deputy| deputy.organization_id == person.organization_id)
        .ok_or_else(|| Failure::field("/deputy_id", "unknown", "該当する利用者がありません。"))?;
    if input.deputy_id == call.actor.user_id {
        let message = "自分を代理に指定して役割を増やすことはできません。ほかの管理者に依頼してください。";
        return Err(Failure::conflict("own_account", message));
    }
    app.act_on_organization(call, own, |tx| {
        let DeputyInput { deputy_id, starts_on, ends_on } = *input;
        let payload = json!({"deputy_id": deputy_id, "starts_on": starts_on, "ends_on": ends_on});
        let recorded = tx.record("user.deputy_appointed", id, &payload)?;
        let row = DeputyRow { id: recorded.row_id().cast(), user_id: id, deputy_id, starts_on, ends_on };
        db::user::insert_deputy(tx.conn, own, &row, recorded.stamp.at)?;
        tracing::info!(event = "deputy_appointed", user = %id, deputy = %row.deputy_id, "deputy appointed");
        Ok(row.into())
    })
}

/// Who stood, stands or will stand in for a person.
pub fn deputies(app: &App, call: &Call, id: UserId, page: &Page) -> Result<Paged<DeputyView>, Failure> {
    let person = administered(app, call, id)?;
    let after = page.after_id()?;
    let rows = app.db.read_one::<_, DbError>(|conn| {
        db::user::deputies(conn, person.organization_id, id, after, page.rows())
    })?;
    Ok(Paged::cut(page, rows, |row| row.id.to_string(), DeputyView::from))
}
