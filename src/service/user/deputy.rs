//! Who stands in for whom, and when.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::pending::{self, ChangeKind, PendingRef};
use super::{administered, administers};
use crate::db::pending::Wanted;
use crate::db::user::{DeputyRow, UserRow};
use crate::db::{self, DbError, Tx};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::contract::Instant;
use crate::domain::id::{ChangeId, Id, OrganizationId, UserId, of};
use crate::domain::input::FieldError;
use crate::domain::settings::OwnDeputies;
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

input! {
    /// 代理の終了: a last day earlier than the one that was named.
    pub struct DeputyEnd {
        /// Yesterday: from today on nobody stands in.
        ends_on: NaiveDate => day(),
        reason: String => prose(1, 1_000),
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
    /// Not empty: nobody stands in before a second administrator has approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingRef>,
}

impl From<DeputyRow> for DeputyView {
    fn from(row: DeputyRow) -> Self {
        let DeputyRow { id, user_id, deputy_id, starts_on, ends_on } = row;
        Self { id, user_id, deputy_id, starts_on, ends_on, pending: Vec::new() }
    }
}

/// Names who stands in for a person of one's own organization.
pub fn appoint_deputy(
    app: &App,
    call: &Call,
    id: UserId,
    input: &DeputyInput,
) -> Result<DeputyView, Failure> {
    let person = administered(app, call, id)?;
    check_deputy(app, call, &person, input)?;
    if input.deputy_id == call.actor.user_id {
        let message = "自分を代理に指定して役割を増やすことはできません。ほかの管理者に依頼してください。";
        return Err(Failure::conflict("own_account", message));
    }
    appoint(app, call, &person, input, false)
}

/// What an appointment is refused for, before anything is written.
pub fn check_appointment(app: &App, call: &Call, id: UserId, input: &DeputyInput) -> Result<(), Failure> {
    let person = app.db.read_one(|conn| db::user::find(conn, id))?;
    check_deputy(app, call, &person, input)
}

fn check_deputy(app: &App, call: &Call, person: &UserRow, input: &DeputyInput) -> Result<(), Failure> {
    if person.organization_id != call.actor.organization.id && !administers(call, person.organization_id) {
        return Err(Failure::NotFound);
    }
    if input.deputy_id == person.id {
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
    Ok(())
}

/// Whether the appointment waits for an administrator: who stands in for someone who decides, decides.
fn appoint(
    app: &App,
    call: &Call,
    person: &UserRow,
    input: &DeputyInput,
    asks: bool,
) -> Result<DeputyView, Failure> {
    let (own, id) = (call.actor.organization.id, person.id);
    app.act_on_organization(call, own, |tx| {
        if asks || app.strict && pending::is_guarded(tx.conn, id, tx.today)? {
            let DeputyInput { deputy_id, starts_on, ends_on } = *input;
            let asked = Wanted::Deputy { deputy_id, starts_on, ends_on };
            pending::ask(app, tx, call, person, &asked)?;
            let mut waiting =
                pending::refs(app, tx.conn, &[person.id])?.remove(&person.id).unwrap_or_default();
            waiting.retain(|change| change.kind == ChangeKind::Deputy);
            let Some(change) = waiting.last() else {
                return Err(Failure::Internal("a change that was asked for does not wait".to_owned()));
            };
            return Ok(DeputyView {
                id: change.id.cast(),
                user_id: id,
                deputy_id,
                starts_on,
                ends_on,
                pending: waiting,
            });
        }
        Ok(write_deputy(tx, own, id, input, None)?.0.into())
    })
}

/// What the caller may do about who stands in for them: by the setting of the agency; of others nobody stands in.
pub fn own_way(app: &App, call: &Call) -> Result<OwnDeputies, Failure> {
    if call.actor.organization.kind != OrganizationKind::Agency {
        return Ok(OwnDeputies::None);
    }
    let agency = call.actor.organization.id;
    Ok(app.db.read_one::<_, DbError>(|conn| db::setting::find(conn, agency))?.0.own_deputies)
}

/// Appoints who stands in for the caller, or asks an administrator for it, as the agency's setting has it.
pub fn appoint_own(app: &App, call: &Call, input: &DeputyInput) -> Result<DeputyView, Failure> {
    let way = own_way(app, call)?;
    if way == OwnDeputies::None {
        let message = "この機関では、代理を指定できるのは管理者だけです。管理者に依頼してください。";
        return Err(Failure::Forbidden(message.to_owned()));
    }
    let person = app.db.read_one(|conn| db::user::find(conn, call.actor.user_id))?;
    check_deputy(app, call, &person, input)?;
    appoint(app, call, &person, input, way == OwnDeputies::Ask)
}

/// Brings an appointment for the caller forward, as [`end_deputy`].
pub fn end_own(app: &App, call: &Call, id: Id<()>, input: &DeputyEnd) -> Result<DeputyView, Failure> {
    if deputy(app, call, id)?.user_id != call.actor.user_id {
        return Err(Failure::NotFound);
    }
    end_deputy(app, call, id, input)
}

/// Who stands in, with the names.
#[derive(Debug, Clone)]
pub struct Standing {
    pub deputy: DeputyView,
    /// For whom.
    pub person: String,
    /// Who.
    pub stands_in: String,
}

/// Who stands or will stand in for the caller, and for whom the caller does; by the first day.
pub fn own_deputies(app: &App, call: &Call) -> Result<Vec<Standing>, Failure> {
    let (me, organization, today) = (call.actor.user_id, call.actor.organization.id, app.today());
    app.db.read(|conn| {
        let rows = db::user::deputies_about(conn, organization, me, today)?;
        let people: Vec<UserId> = rows.iter().flat_map(|row| [row.user_id, row.deputy_id]).collect();
        let names = db::user::names(conn, &people)?;
        let name = |id: UserId| names.get(&id).cloned().unwrap_or_default();
        let standing = |row: DeputyRow| Standing {
            person: name(row.user_id),
            stands_in: name(row.deputy_id),
            deputy: row.into(),
        };
        Ok(rows.into_iter().map(standing).collect())
    })
}

/// The people of the caller's organization whose accounts can be used, but themselves: id, name and roles.
pub fn colleagues(app: &App, call: &Call) -> Result<Vec<(UserId, String, Vec<Role>)>, Failure> {
    let (me, organization, today) = (call.actor.user_id, call.actor.organization.id, app.today());
    app.db.read(|conn| {
        let mut people = db::user::list(conn, Some(organization), db::user::Which::All, None, i64::MAX)?;
        people.retain(|row| row.id != me && row.is_usable(today));
        let ids: Vec<UserId> = people.iter().map(|row| row.id).collect();
        let mut roles = db::user::roles(conn, &ids)?;
        let one = |row: UserRow| (row.id, row.name, roles.remove(&row.id).unwrap_or_default());
        Ok(people.into_iter().map(one).collect())
    })
}

/// Writes who stands in, with its entry, and answers when that was. `change`: the one that waited for a second
/// administrator and does it.
pub(super) fn write_deputy(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    user: UserId,
    input: &DeputyInput,
    change: Option<ChangeId>,
) -> Result<(DeputyRow, Instant), Failure> {
    let DeputyInput { deputy_id, starts_on, ends_on } = *input;
    let mut payload = Map::from_iter([
        ("deputy_id".to_owned(), json!(deputy_id)),
        ("starts_on".to_owned(), json!(starts_on)),
        ("ends_on".to_owned(), json!(ends_on)),
    ]);
    payload.extend(change.map(|change| ("change_id".to_owned(), json!(change))));
    let recorded = tx.record("user.deputy_appointed", user, &payload)?;
    let row = DeputyRow { id: recorded.row_id().cast(), user_id: user, deputy_id, starts_on, ends_on };
    db::user::insert_deputy(tx.conn, organization, &row, recorded.stamp.at)?;
    tracing::info!(event = "deputy_appointed", user = %user, deputy = %deputy_id, "deputy appointed");
    Ok((row, recorded.stamp.at))
}

/// Brings the last day of an appointment forward, with the reason. What was done in the other's place stays; a longer
/// period is another appointment, which may need a second administrator.
pub fn end_deputy(app: &App, call: &Call, id: Id<()>, input: &DeputyEnd) -> Result<DeputyView, Failure> {
    let own = call.actor.organization.id;
    app.act_on_organization(call, own, |tx| {
        let (mut row, organization) = db::user::find_deputy(tx.conn, id)?;
        if organization != own {
            return Err(Failure::NotFound);
        }
        let before = row.ends_on;
        if before < tx.today {
            return Err(Failure::conflict("over", "この代理の期間は、すでに終わっています。"));
        }
        if input.ends_on >= before {
            let message = format!(
                "いまの最終日（{before}）より前の日を入力してください。期間を延ばすときは、新しく代理を指定してください。"
            );
            return Err(Failure::field("/ends_on", "not_earlier", message));
        }
        if tx.today.pred_opt().is_some_and(|yesterday| input.ends_on < yesterday) {
            let message = "昨日より前の日にはできません。今日から代理でなくすときは、昨日の日付を入力してください。";
            return Err(Failure::field("/ends_on", "past", message));
        }
        row.ends_on = input.ends_on;
        let payload = json!({
            "appointment_id": id, "deputy_id": row.deputy_id, "starts_on": row.starts_on, "ends_on": row.ends_on,
            "before": {"ends_on": before}, "reason": input.reason,
        });
        tx.record("user.deputy_ended", row.user_id, &payload)?;
        db::user::end_deputy(tx.conn, id, row.ends_on)?;
        tracing::info!(event = "deputy_ended", user = %row.user_id, deputy = %row.deputy_id, "deputy ended");
        Ok(row.into())
    })
}

/// One appointment of the caller's own organization.
pub fn deputy(app: &App, call: &Call, id: Id<()>) -> Result<DeputyView, Failure> {
    let (row, organization) = app.db.read_one(|conn| db::user::find_deputy(conn, id))?;
    if organization == call.actor.organization.id { Ok(row.into()) } else { Err(Failure::NotFound) }
}

/// In whose place the caller decides, where the role of an approver is not their own; it stands in the entry of what
/// they decide.
pub fn decides_for(tx: &mut Tx<'_>, call: &Call) -> Result<Vec<UserId>, DbError> {
    db::user::stands_in_as(tx.conn, call.actor.user_id, Role::Approver, tx.today)
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
