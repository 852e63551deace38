//! 承認待ちの変更: by which one administrator alone would come to decide in another's name, and which therefore wait for a
//! second administrator, or where there is none for a day in which everyone concerned has heard of it.

mod ask;
mod settle;
mod telling;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::administers;
pub use crate::db::pending::{ChangeKind, ChangeState, Wanted};
use crate::db::pending::{PendingFilter, PendingRow};
use crate::db::user::UserRow;
use crate::db::{self, Conn, DbError};
use crate::domain::access::{Actor, Role};
use crate::domain::id::{ChangeId, OrganizationId, UserId};
use crate::input;
use crate::service::page::MAX_LIMIT;
use crate::service::{App, Call, Failure, Page, Paged};

pub use ask::{ask, is_guarded, roles_waiting};
pub use settle::{approve, reject, settle_due, withdraw};

input! {
    /// Why a change is not to be.
    pub struct RejectionInput {
        reason: Option<String> => optional(prose(1, 500)),
    }
}

/// A change that waits, in the answer about the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PendingRef {
    pub id: ChangeId,
    #[schema(value_type = String)]
    pub kind: ChangeKind,
    /// Without an approval it takes effect then; left out: only by an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_effect_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_effect_on: Option<NaiveDate>,
}

impl PendingRef {
    pub fn of(app: &App, row: &PendingRow) -> Self {
        let takes_effect_at = row.takes_effect_at.map(|at| at.and_utc());
        let takes_effect_on = takes_effect_at.map(|at| app.sources.clock.day_of(at));
        Self { id: row.id, kind: row.kind, takes_effect_at, takes_effect_on }
    }
}

/// A change that waits or waited for a second administrator.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PendingChangeView {
    pub id: ChangeId,
    pub organization_id: OrganizationId,
    pub user_id: UserId,
    pub user_name: String,
    #[schema(value_type = String)]
    pub kind: ChangeKind,
    /// What is so now: `roles`, `email`, `active` or `expires_on`; null once it is decided, and of a deputy.
    #[schema(value_type = Object)]
    pub before: Value,
    /// What is wanted: all roles after it, `email`, `active`, `expires_on`, or who stands in from when until when.
    #[schema(value_type = Object)]
    pub after: Value,
    pub asked_by: UserId,
    pub asked_by_name: String,
    pub asked_at: DateTime<Utc>,
    /// Without an approval it takes effect then; null: only by an approval.
    pub takes_effect_at: Option<DateTime<Utc>>,
    pub takes_effect_on: Option<NaiveDate>,
    /// Undecided until then, it ends.
    pub expires_at: DateTime<Utc>,
    #[schema(value_type = String)]
    pub state: ChangeState,
    /// Who approved, rejected or withdrew it; null: nobody, or the program.
    pub ended_by: Option<UserId>,
    pub ended_by_name: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    /// Of the caller.
    pub may_approve: bool,
    pub may_reject: bool,
    pub may_withdraw: bool,
}

/// The views of changes that the caller may see.
fn views(
    app: &App,
    conn: &mut Conn,
    call: &Call,
    rows: Vec<PendingRow>,
) -> Result<Vec<PendingChangeView>, Failure> {
    let mut people: Vec<UserId> = Vec::new();
    for row in &rows {
        people.extend([Some(row.user_id), Some(row.asked_by), row.ended_by].into_iter().flatten());
        people.extend(row.wanted()?.deputy());
    }
    let names = db::user::names(conn, &people)?;
    rows.into_iter().map(|row| view(app, conn, call, row, &names)).collect()
}

fn view(
    app: &App,
    conn: &mut Conn,
    call: &Call,
    row: PendingRow,
    names: &HashMap<UserId, String>,
) -> Result<PendingChangeView, Failure> {
    let wanted = row.wanted()?;
    let name = |id: UserId| names.get(&id).cloned().unwrap_or_default();
    let user = db::user::find(conn, row.user_id)?;
    let waits = row.state == ChangeState::Asked;
    let (before, after) = match &wanted {
        Wanted::Roles { roles } => {
            let held = if waits {
                db::user::roles(conn, &[user.id])?.remove(&user.id).unwrap_or_default()
            } else {
                Vec::new()
            };
            let all = super::sorted(&[held.as_slice(), roles.as_slice()].concat());
            let standing_in = if waits { standing_in(conn, &user, app.today())? } else { Vec::new() };
            (json!({ "roles": held }), json!({ "roles": all, "deputies": standing_in }))
        }
        Wanted::Email { email } => (json!({ "email": user.email }), json!({ "email": email })),
        Wanted::Active { active } => (json!({ "active": user.active }), json!({ "active": active })),
        Wanted::ExpiresOn { expires_on } => {
            (json!({ "expires_on": user.expires_on }), json!({ "expires_on": expires_on }))
        }
        Wanted::Deputy { deputy_id, starts_on, ends_on, .. } => {
            let after = json!({
                "deputy_id": deputy_id, "deputy_name": name(*deputy_id), "starts_on": starts_on, "ends_on": ends_on,
            });
            (Value::Null, after)
        }
    };
    let takes_effect_at = row.takes_effect_at.map(|at| at.and_utc());
    let actor = &call.actor;
    let may_approve = waits && refusal(conn, actor, &row, &wanted, app.today())?.is_none();
    Ok(PendingChangeView {
        user_name: name(row.user_id),
        before: if waits { before } else { Value::Null },
        after,
        asked_by_name: name(row.asked_by),
        asked_at: row.asked_at.and_utc(),
        takes_effect_at,
        takes_effect_on: takes_effect_at.map(|at| app.sources.clock.day_of(at)),
        expires_at: row.expires_at.and_utc(),
        ended_by_name: row.ended_by.map(name),
        ended_at: row.ended_at.map(|at| at.and_utc()),
        may_approve,
        may_reject: waits && row.asked_by != actor.user_id,
        may_withdraw: waits && row.asked_by == actor.user_id,
        id: row.id,
        organization_id: row.organization_id,
        user_id: row.user_id,
        kind: row.kind,
        asked_by: row.asked_by,
        state: row.state,
        ended_by: row.ended_by,
        reason: row.reason,
    })
}

/// Who stands in for a person now or later: they gain the roles that the person gains.
fn standing_in(conn: &mut Conn, user: &UserRow, today: NaiveDate) -> Result<Vec<String>, DbError> {
    let found = db::user::deputies(conn, user.organization_id, user.id, None, MAX_LIMIT)?;
    let ids: Vec<UserId> = found.iter().filter(|row| row.ends_on >= today).map(|row| row.deputy_id).collect();
    let mut names: Vec<String> = db::user::names(conn, &ids)?.into_values().collect();
    names.sort_unstable();
    Ok(names)
}

/// Why someone is not the second who approves; None: they are. They administer the organization's people, or where
/// nobody else of it does all people; they did not ask for it and gain nothing by it.
fn refusal(
    conn: &mut Conn,
    actor: &Actor,
    row: &PendingRow,
    wanted: &Wanted,
    today: NaiveDate,
) -> Result<Option<Failure>, DbError> {
    let no = |message: &str| Ok(Some(Failure::conflict("not_second", message)));
    if actor.user_id == row.asked_by {
        return no("自分が求めた変更は承認できません。ほかの管理者に依頼してください。");
    }
    if actor.user_id == row.user_id || Some(actor.user_id) == wanted.deputy() {
        return no("自分についての変更は承認できません。ほかの管理者に依頼してください。");
    }
    let role = db::organization::find(conn, row.organization_id)?.kind.administrator();
    if actor.organization.id == row.organization_id && actor.is(role) {
        return Ok(None);
    }
    let concerned = [Some(row.asked_by), Some(row.user_id), wanted.deputy()];
    let holders = db::user::holders(conn, row.organization_id, role, today)?;
    let others = holders.into_iter().any(|id| !concerned.contains(&Some(id)));
    if others || !actor.is(Role::SystemAdmin) {
        return no("この変更は、その組織の別の管理者が承認します。");
    }
    Ok(None)
}

/// Who may see a change: those who administer the organization's people, and the person whose account it is.
fn visible(call: &Call, row: &PendingRow) -> Result<(), Failure> {
    let sees = administers(call, row.organization_id) || row.user_id == call.actor.user_id;
    if sees { Ok(()) } else { Err(Failure::NotFound) }
}

/// One change.
pub fn find(app: &App, call: &Call, id: ChangeId) -> Result<PendingChangeView, Failure> {
    let row = current(app, call, id)?;
    app.db.read(|conn| view_of(app, conn, call, row.clone()))
}

/// A change as it stands, what is due done, if the caller may see it.
fn current(app: &App, call: &Call, id: ChangeId) -> Result<PendingRow, Failure> {
    let read = || app.db.read_one(|conn| db::pending::find(conn, id));
    let row = read()?;
    visible(call, &row)?;
    if row.is_due(app.now()) {
        settle::settle(app, id, row.organization_id)?;
        return Ok(read()?);
    }
    Ok(row)
}

fn view_of(app: &App, conn: &mut Conn, call: &Call, row: PendingRow) -> Result<PendingChangeView, Failure> {
    views(app, conn, call, vec![row])?.pop().ok_or(Failure::NotFound)
}

/// Changes of the people whom the caller administers; those of one person also for that person.
pub fn list(
    app: &App,
    call: &Call,
    user: Option<UserId>,
    state: Option<ChangeState>,
    page: &Page,
) -> Result<Paged<PendingChangeView>, Failure> {
    let actor = &call.actor;
    let own = user == Some(actor.user_id);
    let organization_id = (!actor.is(Role::SystemAdmin)).then_some(actor.organization.id);
    if !own && !administers(call, actor.organization.id) {
        return Err(Failure::NotFound);
    }
    let filter = PendingFilter { organization_id, user_id: user, state, after: page.after_id()? };
    let rows = app.db.read::<_, Failure>(|conn| {
        let rows = db::pending::list(conn, &filter, page.rows())?;
        views(app, conn, call, rows)
    })?;
    Ok(Paged::cut(page, rows, |row| row.id.to_string(), |row| row))
}

/// The roles of a person that wait, for a form about them.
pub fn roles_asked(app: &App, user: UserId) -> Result<Vec<Role>, Failure> {
    Ok(app.db.read_one(|conn| roles_waiting(conn, user))?)
}

/// What waits of these people's accounts, for the answers about them.
pub fn refs(
    app: &App,
    conn: &mut Conn,
    people: &[UserId],
) -> Result<HashMap<UserId, Vec<PendingRef>>, DbError> {
    let mut refs: HashMap<UserId, Vec<PendingRef>> = HashMap::new();
    for row in db::pending::open_of(conn, people)? {
        refs.entry(row.user_id).or_default().push(PendingRef::of(app, &row));
    }
    Ok(refs)
}
