//! How a change that waits ends: approved, rejected, taken back, or by its time.

use serde_json::{Map, Value, json};

use super::super::change::{Account, readdress, write_change};
use super::super::deputy::{DeputyInput, write_deputy};
use super::super::sorted;
use super::{PendingChangeView, current, refusal, telling, view_of, visible};
use crate::db::pending::{ChangeState, PendingRow, Wanted};
use crate::db::user::UserRow;
use crate::db::{self, ChainKey, Tx};
use crate::domain::access::Role;
use crate::domain::id::{ChangeId, OrganizationId, UserId};
use crate::ledger::entry::salted;
use crate::service::{App, Call, Failure, alert};

/// Those whose time has come are looked up so many at once.
const BATCH: i64 = 100;

/// Approves a change, which takes effect at once: it is not the asker's and not the caller's own. One that has become
/// impossible ends with the reason instead. Again it changes nothing.
pub fn approve(app: &App, call: &Call, id: ChangeId) -> Result<PendingChangeView, Failure> {
    let organization = current(app, call, id)?.organization_id;
    let (view, readdressed) = app.act_on_organization(call, organization, |tx| {
        let row = db::pending::find(tx.conn, id)?;
        let mut readdressed = None;
        if row.state != ChangeState::InForce {
            must_wait(&row)?;
            let wanted = row.wanted()?;
            if let Some(refused) = refusal(tx.conn, &call.actor, &row, &wanted, tx.today)? {
                tracing::warn!(event = "change_approval_refused", change = %id, user = %call.actor.user_id, "refused");
                return Err(refused);
            }
            tx.record("user.change_approved", row.user_id, &json!({ "change_id": id }))?;
            tracing::info!(event = "change_approved", change = %id, kind = %row.kind, user = %row.user_id, by = %call.actor.user_id, "approved");
            readdressed = put_in_force(app, tx, &row, &wanted, Some(call.actor.user_id))?;
        }
        let row = db::pending::find(tx.conn, id)?;
        Ok((view_of(app, tx.conn, call, row)?, readdressed))
    })?;
    if let Some(user) = readdressed {
        alert::address_corrected(app, user)?;
    }
    Ok(view)
}

/// Rejects a change: any other administrator, and the person whose account it is, who may know nothing of it.
pub fn reject(
    app: &App,
    call: &Call,
    id: ChangeId,
    reason: Option<&str>,
) -> Result<PendingChangeView, Failure> {
    let actor = &call.actor;
    end(app, call, id, ChangeState::Rejected, reason, |row| {
        if row.asked_by == actor.user_id {
            let message = "自分が求めた変更は、却下ではなく取り下げてください。";
            return Err(Failure::conflict("own_change", message));
        }
        Ok(())
    })
}

/// Takes back what one has asked for oneself.
pub fn withdraw(app: &App, call: &Call, id: ChangeId) -> Result<PendingChangeView, Failure> {
    let actor = &call.actor;
    end(app, call, id, ChangeState::Withdrawn, None, |row| {
        if row.asked_by != actor.user_id {
            let message =
                "取り下げられるのは、この変更を求めた人だけです。取りやめるときは却下してください。";
            return Err(Failure::conflict("not_own_change", message));
        }
        Ok(())
    })
}

fn end(
    app: &App,
    call: &Call,
    id: ChangeId,
    state: ChangeState,
    reason: Option<&str>,
    may: impl Fn(&PendingRow) -> Result<(), Failure>,
) -> Result<PendingChangeView, Failure> {
    let organization = current(app, call, id)?.organization_id;
    app.act_on_organization(call, organization, |tx| {
        let row = db::pending::find(tx.conn, id)?;
        visible(call, &row)?;
        if row.state != state {
            must_wait(&row)?;
            may(&row)?;
            ended(app, tx, &row, (state, Some(call.actor.user_id)), reason)?;
        }
        let row = db::pending::find(tx.conn, id)?;
        view_of(app, tx.conn, call, row)
    })
}

fn must_wait(row: &PendingRow) -> Result<(), Failure> {
    if row.state == ChangeState::Asked {
        return Ok(());
    }
    Err(Failure::conflict(
        "not_waiting",
        "この変更は、もう承認を待っていません。最新の状態を確認してください。",
    ))
}

/// Writes an end: entry, row, log line, mail.
fn ended(
    app: &App,
    tx: &mut Tx<'_>,
    row: &PendingRow,
    (state, by): (ChangeState, Option<UserId>),
    reason: Option<&str>,
) -> Result<(), Failure> {
    let user = db::user::find(tx.conn, row.user_id)?;
    let mut payload = Map::from_iter([("change_id".to_owned(), json!(row.id))]);
    // The program's own words say nothing of anyone; what a person wrote may.
    match (by, reason) {
        (Some(_), Some(reason)) => payload.insert("reason_hash".to_owned(), json!(salted(&row.salt, reason))),
        (None, Some(reason)) => payload.insert("reason".to_owned(), json!(reason)),
        (_, None) => None,
    };
    let payload = Value::Object(payload);
    let at = match state {
        ChangeState::Rejected => tx.record("user.change_rejected", user.id, &payload)?,
        ChangeState::Withdrawn => tx.record("user.change_withdrawn", user.id, &payload)?,
        ChangeState::Expired => tx.record("user.change_expired", user.id, &payload)?,
        _ => tx.record("user.change_void", user.id, &payload)?,
    };
    db::pending::end(tx.conn, row.id, state, by, at.stamp.at, reason)?;
    telling::ended(app, tx, &user, row, state, by, reason)?;
    match state {
        ChangeState::Rejected => {
            tracing::info!(event = "change_rejected", change = %row.id, kind = %row.kind, user = %user.id, "rejected");
        }
        ChangeState::Withdrawn => {
            tracing::info!(event = "change_withdrawn", change = %row.id, kind = %row.kind, user = %user.id, "withdrawn");
        }
        ChangeState::Expired => {
            tracing::info!(event = "change_expired", change = %row.id, kind = %row.kind, user = %user.id, "nobody decided");
        }
        _ => {
            tracing::info!(event = "change_void", change = %row.id, kind = %row.kind, user = %user.id, "impossible by now");
        }
    }
    Ok(())
}

/// Why a change can't be any more; None: it can.
fn impossible(
    tx: &mut Tx<'_>,
    user: &UserRow,
    held: &[Role],
    wanted: &Wanted,
) -> Result<Option<&'static str>, Failure> {
    let usable = user.is_usable(tx.today);
    Ok(match wanted {
        Wanted::Active { .. } if user.active => Some("利用者は、すでに利用できるようになっています。"),
        Wanted::Active { .. } => None,
        Wanted::ExpiresOn { expires_on: Some(last) } if *last < tx.today => {
            Some("指定された有効期限の日を過ぎました。")
        }
        _ if !user.active => Some("利用者が停止されました。"),
        Wanted::ExpiresOn { expires_on } if *expires_on == user.expires_on => {
            Some("有効期限は、すでにその日になっています。")
        }
        Wanted::ExpiresOn { .. } => None,
        _ if !usable => Some("利用者の有効期限が切れました。"),
        Wanted::Roles { roles } if roles.iter().all(|role| held.contains(role)) => {
            Some("利用者は、すでにその役割を持っています。")
        }
        Wanted::Roles { .. } => None,
        Wanted::Email { email } if *email == user.email => Some("メールアドレスは、すでにそうなっています。"),
        Wanted::Email { email } => {
            let taken = db::user::by_email(tx.conn, email)?.is_some_and(|other| other.id != user.id);
            taken.then_some("メールアドレスが、ほかの利用者に使われました。")
        }
        Wanted::Deputy { ends_on, .. } if *ends_on < tx.today => Some("代理の最終日を過ぎました。"),
        Wanted::Deputy { deputy_id, .. } => {
            let deputy = db::user::find(tx.conn, *deputy_id)?;
            (!deputy.is_usable(tx.today)).then_some("代理をする人が停止されたか、有効期限が切れました。")
        }
    })
}

/// What was wanted, done; the entry is that of any change of an account, with the change's id. Answers whose address is
/// another now.
fn put_in_force(
    app: &App,
    tx: &mut Tx<'_>,
    row: &PendingRow,
    wanted: &Wanted,
    by: Option<UserId>,
) -> Result<Option<UserId>, Failure> {
    let before = db::user::find(tx.conn, row.user_id)?;
    let held = db::user::roles(tx.conn, &[before.id])?.remove(&before.id).unwrap_or_default();
    if let Some(why) = impossible(tx, &before, &held, wanted)? {
        ended(app, tx, row, (ChangeState::Void, None), Some(why))?;
        return Ok(None);
    }
    let mut after = Account { row: before.clone(), roles: held.clone() };
    let mut at = None;
    match wanted {
        Wanted::Roles { roles } => after.roles = sorted(&[held.as_slice(), roles.as_slice()].concat()),
        Wanted::Email { email } => after.row.email.clone_from(email),
        Wanted::Active { active } => after.row.active = *active,
        Wanted::ExpiresOn { expires_on } => after.row.expires_on = *expires_on,
        Wanted::Deputy { deputy_id, starts_on, ends_on } => {
            let input = DeputyInput { deputy_id: *deputy_id, starts_on: *starts_on, ends_on: *ends_on };
            at = Some(write_deputy(tx, row.organization_id, before.id, &input, Some(row.id))?.1);
        }
    }
    let account = Account { row: before, roles: held };
    // Before the address is another: who could have said no hears of it where they read.
    telling::ended(app, tx, &account.row, row, ChangeState::InForce, by, None)?;
    at = at.or(write_change(tx, &account, &mut after, Some(row.id))?);
    // An end stands at the instant of the entry that brought it about.
    let at = at.ok_or_else(|| Failure::Internal("a change that changes nothing".to_owned()))?;
    let readdressed = after.row.email != account.row.email;
    if readdressed {
        readdress(app, tx, &account.row, &after.row)?;
    }
    db::pending::end(tx.conn, row.id, ChangeState::InForce, by, at, None)?;
    tracing::info!(event = "change_in_force", change = %row.id, kind = %row.kind, user = %account.row.id, alone = by.is_none(), "in force");
    Ok(readdressed.then_some(account.row.id))
}

/// Puts one change in force whose wait is over, or ends it: nobody decided, it has become impossible, or who asked for it
/// administers nothing any more.
pub(super) fn settle(app: &App, id: ChangeId, organization: OrganizationId) -> Result<(), Failure> {
    let chain = ChainKey::Existing(organization.cast());
    let readdressed = app.db.write_tx::<_, Failure>(&app.sources, None, chain, |tx| {
        let row = db::pending::find(tx.conn, id)?;
        let now = tx.sources.clock.now();
        if !row.is_due(now) {
            return Ok(None);
        }
        if row.takes_effect_at.is_none_or(|at| at > now.naive_utc()) {
            ended(app, tx, &row, (ChangeState::Expired, None), None)?;
            return Ok(None);
        }
        if !asker_administers(tx, &row)? {
            let why = "この変更を求めた人が、管理者でなくなりました。";
            ended(app, tx, &row, (ChangeState::Void, None), Some(why))?;
            return Ok(None);
        }
        put_in_force(app, tx, &row, &row.wanted()?, None)
    })?;
    if let Some(user) = readdressed {
        alert::address_corrected(app, user)?;
    }
    Ok(())
}

fn asker_administers(tx: &mut Tx<'_>, row: &PendingRow) -> Result<bool, Failure> {
    let asker = db::user::find(tx.conn, row.asked_by)?;
    let role = if asker.organization_id == row.organization_id {
        db::organization::find(tx.conn, row.organization_id)?.kind.administrator()
    } else {
        Role::SystemAdmin
    };
    Ok(asker.is_usable(tx.today) && db::user::roles_on(tx.conn, asker.id, tx.today)?.contains(&role))
}

/// As [`settle`], every change whose time has come, each in a transaction of its own; of those that failed the first
/// failure. How often it is called changes nothing but when the others see it.
pub fn settle_due(app: &App) -> Result<(), Failure> {
    let due = app.db.read_one(|conn| db::pending::due(conn, app.now(), BATCH))?;
    let mut failed = Ok(());
    for (id, organization) in due {
        if let Err(failure) = settle(app, id, organization) {
            tracing::error!(change = %id, %failure, detail = ?failure, "a change that is due could not be settled; it is tried again");
            failed = failed.and(Err(failure));
        }
    }
    failed
}
