//! An account changed by those who administer it: what it is, what it may, where its mail goes.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::{UserView, administered, check_roles, email_taken, hashed, invite, pending, sorted, view};
use crate::db::contract::HeldFilter;
use crate::db::pending::Wanted;
use crate::db::session::EndReason;
use crate::db::user::UserRow;
use crate::db::{self, DbError, Tx};
use crate::domain::access::{Role, Scope};
use crate::domain::contract::Instant;
use crate::domain::id::{ChangeId, UserId};
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
        /// Whoever asks knows what hangs on the person, whose role is taken away all the same.
        confirmed: bool => or(flag(), false),
    }
    check |it, errors| {
        if it.roles.as_ref().is_some_and(Vec::is_empty) {
            errors.push(FieldError::new("/roles", "required", "役割を1つ以上指定してください。"));
        }
    }
}

/// Code of the refusal that [`UserChange::confirmed`] answers.
pub const STILL_NEEDED: &str = "still_needed";
/// Contracts named of those that hang on a person.
const NAMED: usize = 5;

/// An account as it is, or is to be.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub row: UserRow,
    pub roles: Vec<Role>,
}

/// Changes an account. Disabling it, and a change of roles, end its sessions in the same transaction. Another address
/// makes the links mailed to the one before worthless; who was still invited is invited anew, who had come in is told at
/// the one before. By what one administrator alone would come to decide in another's name waits for a second one.
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
        let row = db::user::find(tx.conn, id)?;
        version.covers(row.version)?;
        let roles = db::user::roles(tx.conn, &[id])?.remove(&id).unwrap_or_default();
        let before = Account { row, roles };
        let mut after = before.clone();
        after.row.email = input.email.clone().unwrap_or(after.row.email);
        after.row.name = input.name.clone().unwrap_or(after.row.name);
        after.row.active = input.active.unwrap_or(after.row.active);
        after.row.expires_on = if unlimited { None } else { input.expires_on.or(after.row.expires_on) };
        after.roles = input.roles.as_deref().map_or(after.roles, sorted);
        if input.expires_on.is_some_and(|last| last < tx.today) {
            return Err(Failure::field("/expires_on", "past", "有効期限は今日以後の日を指定してください。"));
        }
        if db::user::by_email(tx.conn, &after.row.email)?.is_some_and(|other| other.id != id) {
            return Err(email_taken());
        }
        let kind = db::organization::find(tx.conn, organization)?.kind;
        check_roles(kind, &after.roles)?;
        let waiting = if app.strict && id != call.actor.user_id {
            set_aside(tx, &before, &mut after)?
        } else {
            Vec::new()
        };
        check_change(tx, call, &before, &after)?;
        if !input.confirmed {
            ask_first(tx, &before, &after)?;
        }
        write_change(tx, &before, &mut after, None)?;
        let readdressed = after.row.email != before.row.email;
        if readdressed {
            readdress(app, tx, &before.row, &after.row)?;
        }
        for wanted in waiting {
            pending::ask(app, tx, call, &after.row, &wanted)?;
        }
        let version = after.row.version;
        Ok(((view(app, tx.conn, after.row, after.roles)?, version), readdressed))
    })?;
    if readdressed {
        alert::address_corrected(app, id)?;
    }
    Ok(changed)
}

/// What of a change a second administrator must approve, taken out of it: roles that decide or let others in; another
/// address of someone who has come in, or who decides; a longer or new life of an account that decides. What only takes
/// away is done at once.
fn set_aside(tx: &mut Tx<'_>, before: &Account, after: &mut Account) -> Result<Vec<Wanted>, DbError> {
    let guarded = pending::is_guarded(tx.conn, before.row.id, tx.today)?;
    let mut waiting = Vec::new();
    let granted = |role: &Role| role.needs_second() && !before.roles.contains(role);
    let roles: Vec<Role> = after.roles.iter().copied().filter(granted).collect();
    if !roles.is_empty() {
        after.roles.retain(|role| !granted(role));
        waiting.push(Wanted::Roles { roles });
    }
    let (old, new) = (&before.row, &mut after.row);
    if new.email != old.email && (guarded || old.password_hash.is_some()) {
        let email = std::mem::replace(&mut new.email, old.email.clone());
        waiting.push(Wanted::Email { email });
    }
    if guarded && new.active && !old.active {
        new.active = false;
        waiting.push(Wanted::Active { active: true });
    }
    let longer = match (old.expires_on, new.expires_on) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => new > old,
    };
    if guarded && longer {
        waiting.push(Wanted::ExpiresOn { expires_on: new.expires_on });
        new.expires_on = old.expires_on;
    }
    Ok(waiting)
}

/// The rules of separation: nobody changes their own roles or the life of their own account, and those who
/// administer don't vanish.
fn check_change(tx: &mut Tx<'_>, call: &Call, before: &Account, after: &Account) -> Result<(), Failure> {
    let (old, new) = (&before.row, &after.row);
    let own = old.id == call.actor.user_id;
    if own && (after.roles != before.roles || new.active != old.active || new.expires_on != old.expires_on) {
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
        let serves = before.roles.contains(&role) && old.is_usable(day);
        let will_serve = after.roles.contains(&role) && new.is_usable(day);
        if serves && !will_serve && !db::user::another_holds(tx.conn, old.organization_id, role, old.id, day)?
        {
            let message =
                format!("最後の{}です。先にほかの人を{}にしてください。", role.title(), role.title());
            return Err(Failure::conflict("last_admin", message));
        }
    }
    Ok(())
}

/// Asks before work is left to nobody: applications that no approver could decide any more, running contracts whose
/// officer would be gone. (The last administrator stays: [`check_change`].)
fn ask_first(tx: &mut Tx<'_>, before: &Account, after: &Account) -> Result<(), Failure> {
    let (old, new) = (&before.row, &after.row);
    let (today, agency) = (tx.today, old.organization_id);
    let days = [Some(today), today.succ_opt()];
    let keeps = |role| after.roles.contains(&role) && days.iter().flatten().all(|day| new.is_usable(*day));
    let loses = |role| before.roles.contains(&role) && old.is_usable(today) && !keeps(role);
    let mut hangs = Vec::new();
    if loses(Role::Approver) && is_last(tx, Role::Approver, old)? {
        let scope = Scope::Agency(agency);
        let waiting = db::overview::waiting_applications(tx.conn, &scope)?;
        let waiting = waiting.reviewed + waiting.unreviewed + waiting.returned;
        let (running, _) = db::contract::count_running(tx.conn, &scope, today, today)?;
        if waiting + running > 0 {
            hangs.push(format!(
                "ほかに決裁できる決裁者がいません（決裁前の申請{waiting}件、履行中の契約{running}件）。先にほかの人を決裁者にしてください。"
            ));
        }
    }
    if loses(Role::Officer) {
        let filter = HeldFilter { agency, officer: Some(old.id), today, key: None, department: None };
        let contracts = db::contract::held_ids(tx.conn, &filter)?;
        if !contracts.is_empty() {
            let labels = db::contract::labels(tx.conn, contracts.get(..NAMED).unwrap_or(&contracts))?;
            let mut numbers: Vec<&str> = labels.values().map(|(number, _)| number.as_str()).collect();
            numbers.sort_unstable();
            let others = if contracts.len() > NAMED { "ほか" } else { "" };
            hangs.push(format!(
                "担当している契約が{}件あります（{}{others}）。先に担当者を引き継いでください。",
                contracts.len(),
                numbers.join("、")
            ));
        }
        let coming = db::contract::count_coming_of(tx.conn, agency, old.id, today)?;
        if coming > 0 {
            hangs.push(format!(
                "これから引き継ぐことになっている契約が{coming}件あります。先にその引継ぎを取りやめるか、ほかの担当者を決めてください。"
            ));
        }
    }
    if hangs.is_empty() {
        return Ok(());
    }
    Err(Failure::conflict(STILL_NEEDED, hangs.concat()))
}

/// Whether nobody else of the organization can act in the role from tomorrow on.
fn is_last(tx: &mut Tx<'_>, role: Role, person: &UserRow) -> Result<bool, DbError> {
    let tomorrow = tx.today.succ_opt().unwrap_or(tx.today);
    Ok(!db::user::another_holds(tx.conn, person.organization_id, role, person.id, tomorrow)?)
}

/// Writes what is different, with its entry, and answers when that was; None: nothing is. `change`: the one that waited for
/// a second administrator and does it.
pub(super) fn write_change(
    tx: &mut Tx<'_>,
    before: &Account,
    after: &mut Account,
    change: Option<ChangeId>,
) -> Result<Option<Instant>, Failure> {
    let (old, new) = (&before.row, &mut after.row);
    let mut changes = Map::new();
    if new.email != old.email {
        changes.insert("email_hash".to_owned(), Value::String(hashed(new, &new.email)));
    }
    if new.name != old.name {
        changes.insert("name_hash".to_owned(), Value::String(hashed(new, &new.name)));
    }
    if new.active != old.active {
        changes.insert("active".to_owned(), Value::Bool(new.active));
    }
    if new.expires_on != old.expires_on {
        changes.insert("expires_on".to_owned(), json!(new.expires_on));
    }
    let roles_differ = after.roles != before.roles;
    if roles_differ {
        changes.insert("roles".to_owned(), json!(after.roles));
        db::user::set_roles(tx.conn, old.id, old.organization_id, &after.roles)?;
    }
    if changes.is_empty() {
        return Ok(None);
    }
    if let Some(change) = change {
        changes.insert("change_id".to_owned(), json!(change));
    }
    let now = tx.sources.clock.machine_now();
    if !new.active && old.active {
        db::session::end_all(tx.conn, old.id, None, now, EndReason::Disabled)?;
        tracing::info!(event = "user_disabled", user = %old.id, "account disabled");
    } else if roles_differ {
        db::session::end_all(tx.conn, old.id, None, now, EndReason::RolesChanged)?;
        tracing::info!(event = "roles_changed", user = %old.id, "roles changed");
    }
    let at = tx.record("user.changed", old.id, &changes)?.stamp.at;
    db::user::update(tx.conn, new)?;
    new.version += 1;
    Ok(Some(at))
}

/// What a new address brings with it.
pub(super) fn readdress(
    app: &App,
    tx: &mut Tx<'_>,
    before: &UserRow,
    after: &UserRow,
) -> Result<(), Failure> {
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
        link: format!("{}/login", app.config.server.public_url),
    });
    let recipient = Recipient { address: before.email.clone(), user_id: None };
    let draft = Draft::new(about, recipient, &mail).map_err(|e| Failure::Internal(e.to_string()))?;
    db::notice::enqueue(tx.conn, tx.sources, &draft)?;
    Ok(())
}
