//! What needs a second administrator, and how it is asked for.

use chrono::{Duration, NaiveDate};
use serde_json::json;

use super::telling;
use crate::db::pending::{PendingRow, Wanted};
use crate::db::user::UserRow;
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::access::{Actor, OrganizationKind, Role};
use crate::domain::id::{ChangeId, UserId};
use crate::ledger::entry::{salt_hash, salted};
use crate::service::{App, Call, Failure};

/// Where nobody else can approve it, a change takes effect after so much business time: a day in which everyone
/// concerned can say no.
const WAIT: Duration = Duration::hours(24);
/// A change that nobody decides ends after so much business time.
const LIFE: Duration = Duration::days(14);

/// Whether whoever has this account decides in another's name, or is to: their own roles, those of whom they stand in
/// for, and those that wait for a second administrator.
pub fn is_guarded(conn: &mut Conn, user: UserId, today: NaiveDate) -> Result<bool, DbError> {
    let behind = db::user::roles_behind(conn, user, today)?;
    Ok(behind.into_iter().any(Role::needs_second) || !roles_waiting(conn, user)?.is_empty())
}

/// The roles that wait for a second administrator.
pub fn roles_waiting(conn: &mut Conn, user: UserId) -> Result<Vec<Role>, DbError> {
    let mut waiting = Vec::new();
    for row in db::pending::open_of(conn, &[user])? {
        if let Wanted::Roles { roles } = row.wanted()? {
            waiting.extend(roles);
        }
    }
    Ok(waiting)
}

/// Keeps a change of an account until a second administrator has approved it, and tells everyone concerned. What is
/// asked already is not asked again. Answers whether it was new.
pub fn ask(
    app: &App,
    tx: &mut Tx<'_>,
    call: &Call,
    user: &UserRow,
    wanted: &Wanted,
) -> Result<bool, Failure> {
    let Some(wanted) = not_yet_asked(tx, user, wanted)? else { return Ok(false) };
    let actor = &call.actor;
    let kind = db::organization::find(tx.conn, user.organization_id)?.kind;
    let second = has_second(tx.conn, (user, kind), actor, &wanted, tx.today)?;
    let now = tx.sources.clock.now();
    let takes_effect_at = (!second).then(|| now + WAIT);
    let expires_at = now + LIFE;
    let (id, salt): (ChangeId, String) = (tx.new_id(), tx.sources.token());
    let payload = json!({
        "change_id": id, "kind": wanted.kind(), "wanted": wanted.without_address()?,
        "email_hash": wanted.address().map(|email| salted(&salt, email)), "salt_hash": salt_hash(&salt),
        "takes_effect_at": takes_effect_at, "expires_at": expires_at,
    });
    let asked_at = tx.record("user.change_asked", user.id, &payload)?.stamp.at;
    let of = (user.organization_id, user.id);
    let asker = actor.user_id;
    let row = PendingRow::asked((id, salt), of, &wanted, asker, asked_at, takes_effect_at, expires_at)?;
    db::pending::insert(tx.conn, &row)?;
    telling::asked(app, tx, user, &row)?;
    tracing::info!(event = "change_asked", change = %id, kind = %row.kind, user = %user.id, by = %actor.user_id, alone = !second, "a change waits for a second administrator");
    Ok(true)
}

/// What of it does not wait already; None: nothing. Two that contradict each other don't wait side by side.
fn not_yet_asked(tx: &mut Tx<'_>, user: &UserRow, wanted: &Wanted) -> Result<Option<Wanted>, Failure> {
    let mut left = wanted.clone();
    for row in db::pending::open_of(tx.conn, &[user.id])? {
        let known = row.wanted()?;
        if known == left {
            return Ok(None);
        }
        if let (Wanted::Roles { roles: known }, Wanted::Roles { roles }) = (&known, &mut left) {
            roles.retain(|role| !known.contains(role));
        }
        if row.kind == left.kind() && matches!(left, Wanted::Email { .. } | Wanted::ExpiresOn { .. }) {
            let message = "この利用者の同じ項目の変更が、すでに承認を待っています。先にその変更を取り下げるか、決まるのを待ってください。";
            return Err(Failure::conflict("change_waiting", message));
        }
    }
    Ok(Some(left).filter(|left| !matches!(left, Wanted::Roles { roles } if roles.is_empty())))
}

/// Whether someone other than who asks and who gains by it can approve: another administrator of the organization; for
/// one whose people only the operator administers, another of the operator's.
fn has_second(
    conn: &mut Conn,
    (user, kind): (&UserRow, OrganizationKind),
    actor: &Actor,
    wanted: &Wanted,
    today: NaiveDate,
) -> Result<bool, DbError> {
    let concerned = [Some(actor.user_id), Some(user.id), wanted.deputy()];
    let is_other = |id: &UserId| !concerned.contains(&Some(*id));
    let own = db::user::holders(conn, user.organization_id, kind.administrator(), today)?;
    if own.iter().any(is_other) {
        return Ok(true);
    }
    if actor.organization.id == user.organization_id {
        return Ok(false);
    }
    // Who administers people of another organization is of the operator's.
    let operators = db::user::holders(conn, actor.organization.id, Role::SystemAdmin, today)?;
    Ok(operators.iter().any(is_other))
}
