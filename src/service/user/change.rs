//! An account changed by those who administer it: what it is, what it may, where its mail goes.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::{UserView, administered, check_roles, email_taken, hashed, invite, sorted, view};
use crate::db::session::EndReason;
use crate::db::user::UserRow;
use crate::db::{self, Tx};
use crate::domain::access::Role;
use crate::domain::id::UserId;
use crate::domain::input::FieldError;
use crate::input;
use crate::notice::context::{AccountChange, Day, EmailChangedMail};
use crate::notice::{About, Draft, Mail, Recipient};
use crate::service::account::tell_changed;
use crate::service::{App, Call, Failure, IfMatch, alert};

input! {
    /// What of an account can be changed; `expires_on: null` takes the last day away.
    pub struct UserChange {
        email: Option<String> => optional(email()),
        name: Option<String> => optional(text(1, 100)),
        roles: Option<Vec<Role>> => optional(list(word::<Role>(), 8)),
        active: Option<bool> => optional(flag()),
        expires_on: Option<NaiveDate> => optional(day()),
    }
    check |it, errors| {
        if it.roles.as_ref().is_some_and(Vec::is_empty) {
            errors.push(FieldError::new("/roles", "required", "役割を1つ以上指定してください。"));
        }
    }
}

/// Changes an account. Disabling it, and a change of roles, end its sessions in the same transaction. Another address
/// makes the links mailed to the one before worthless; who was still invited is invited anew, who had come in is told at
/// the one before.
/// `unlimited`: the last day is taken away.
pub fn change(
    app: &App,
    call: &Call,
    id: UserId,
    version: &IfMatch,
    input: &UserChange,
    unlimited: bool,
) -> Result<(UserView, i64), Failure> {
    let organization = administered(app, call, id)?.organization_id;
    let (changed, readdressed) = app.act_on_organization(call, organization, |tx| {
        let before = db::user::find(tx.conn, id)?;
        version.covers(before.version)?;
        let held = db::user::roles(tx.conn, &[id])?.remove(&id).unwrap_or_default();
        let mut after = before.clone();
        after.email = input.email.clone().unwrap_or(after.email);
        after.name = input.name.clone().unwrap_or(after.name);
        after.active = input.active.unwrap_or(after.active);
        after.expires_on = if unlimited { None } else { input.expires_on.or(after.expires_on) };
        let roles = input.roles.as_deref().map_or_else(|| held.clone(), sorted);
        if input.expires_on.is_some_and(|last| last < tx.today) {
            return Err(Failure::field("/expires_on", "past", "有効期限は今日以後の日を指定してください。"));
        }
        if db::user::by_email(tx.conn, &after.email)?.is_some_and(|other| other.id != id) {
            return Err(email_taken());
        }
        check_change(tx, call, &before, &held, &after, &roles)?;
        write_change(tx, &before, &held, &mut after, &roles)?;
        if after.email != before.email {
            readdress(app, tx, &before, &after)?;
        }
        let version = after.version;
        Ok(((view(after.clone(), roles), version), after.email != before.email))
    })?;
    if readdressed {
        alert::address_corrected(app, id)?;
    }
    Ok(changed)
}

/// The rules of separation: nobody changes their own roles or the life of their own account, and those who
/// administer don't vanish.
fn check_change(
    tx: &mut Tx<'_>,
    call: &Call,
    before: &UserRow,
    held: &[Role],
    after: &UserRow,
    roles: &[Role],
) -> Result<(), Failure> {
    let kind = db::organization::find(tx.conn, before.organization_id)?.kind;
    check_roles(kind, roles)?;
    let own = before.id == call.actor.user_id;
    if own && (roles != held || after.active != before.active || after.expires_on != before.expires_on) {
        let message =
            "自分の役割・有効期限の変更と、自分の停止はできません。ほかの管理者に依頼してください。";
        return Err(Failure::conflict("own_account", message));
    }
    // Tomorrow too: one whose last day is today is no one to leave it to.
    let days = [Some(tx.today), tx.today.succ_opt()];
    for (role, day) in [Role::AgencyAdmin, Role::SystemAdmin]
        .into_iter()
        .flat_map(|role| days.iter().flatten().map(move |day| (role, *day)))
    {
        let serves = held.contains(&role) && before.is_usable(day);
        let will_serve = roles.contains(&role) && after.is_usable(day);
        if serves
            && !will_serve
            && !db::user::another_holds(tx.conn, before.organization_id, role, before.id, day)?
        {
            let message =
                format!("最後の{}です。先にほかの人を{}にしてください。", role.title(), role.title());
            return Err(Failure::conflict("last_admin", message));
        }
    }
    Ok(())
}

fn write_change(
    tx: &mut Tx<'_>,
    before: &UserRow,
    held: &[Role],
    after: &mut UserRow,
    roles: &[Role],
) -> Result<(), Failure> {
    let mut changes = Map::new();
    if after.email != before.email {
        changes.insert("email_hash".to_owned(), Value::String(hashed(after, &after.email)));
    }
    if after.name != before.name {
        changes.insert("name_hash".to_owned(), Value::String(hashed(after, &after.name)));
    }
    if after.active != before.active {
        changes.insert("active".to_owned(), Value::Bool(after.active));
    }
    if after.expires_on != before.expires_on {
        changes.insert("expires_on".to_owned(), json!(after.expires_on));
    }
    if roles != held {
        changes.insert("roles".to_owned(), json!(roles));
        db::user::set_roles(tx.conn, before.id, before.organization_id, roles)?;
    }
    if changes.is_empty() {
        return Ok(());
    }
    let now = tx.sources.clock.machine_now();
    if !after.active && before.active {
        db::session::end_all(tx.conn, before.id, None, now, EndReason::Disabled)?;
        tracing::info!(event = "user_disabled", user = %before.id, "account disabled");
    } else if roles != held {
        db::session::end_all(tx.conn, before.id, None, now, EndReason::RolesChanged)?;
        tracing::info!(event = "roles_changed", user = %before.id, "roles changed");
    }
    tx.record("user.changed", before.id, &changes)?;
    db::user::update(tx.conn, after)?;
    after.version += 1;
    Ok(())
}

/// What a new address brings with it.
fn readdress(app: &App, tx: &mut Tx<'_>, before: &UserRow, after: &UserRow) -> Result<(), Failure> {
    db::session::spend_tokens(tx.conn, after.id, None, tx.sources.clock.machine_now())?;
    if after.password_hash.is_some() {
        tell_old_address(app, tx, before, after.version)?;
        tell_changed(app, tx.conn, after, AccountChange::Email)?;
    } else if after.is_usable(tx.today) {
        invite(app, tx, after.id)?;
    }
    tracing::info!(event = "email_changed", user = %before.id, "address changed");
    Ok(())
}

/// Whoever took the account over must not do so unseen. The address is no account's any more: its mail belongs to none.
fn tell_old_address(app: &App, tx: &mut Tx<'_>, before: &UserRow, version: i64) -> Result<(), Failure> {
    let about = About {
        organization_id: before.organization_id,
        subject_kind: "user".to_owned(),
        subject_id: before.id.to_string(),
        step: version.to_string(),
    };
    let mail = Mail::EmailChanged(EmailChangedMail {
        organization: db::organization::find(tx.conn, before.organization_id)?.name,
        day: Day::of(tx.today),
        link: format!("{}/", app.config.server.public_url),
    });
    let recipient = Recipient { address: before.email.clone(), user_id: None };
    let draft = Draft::new(about, recipient, &mail).map_err(|e| Failure::Internal(e.to_string()))?;
    db::notice::enqueue(tx.conn, tx.sources, &draft)?;
    Ok(())
}
