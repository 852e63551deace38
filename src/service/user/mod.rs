//! People: accounts, roles, invitations; how an account is changed, who stands in for whom, and help with getting in.

mod access;
mod change;
mod deputy;
pub mod pending;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::account::{check_password, post_token, token_mail};
use super::session::{DONE, Done};
use super::{App, Call, Failure, Page, Paged, alert, hashing, organization};
use crate::db::organization::OrganizationRow;
use crate::db::pending::Wanted;
use crate::db::session::TokenPurpose;
use crate::db::user::{UserRow, Which};
use crate::db::{self, ChainKey, Conn, DbError, Tx};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::id::{OrganizationId, UserId, of};
use crate::domain::input::FieldError;
use crate::domain::limits::MAX_PERSON_NAME;
use crate::input;
use crate::ledger::entry::{salt_hash, salted};
use crate::notice::Mail;
use crate::notice::context::{ContractRef, Inviter};
use crate::notice::letter::unnamed;

pub use access::{blocked_until, end_sessions, sessions, unblock};
pub use change::{STILL_NEEDED, UserChange, change};
pub use deputy::{
    DeputyEnd, DeputyInput, DeputyView, Standing, appoint_deputy, appoint_own, check_appointment, colleagues,
    decides_for, deputies, deputy as one_deputy, end_deputy, end_own, own_deputies, own_way,
};
pub use pending::PendingRef;

input! {
    /// An account to be made.
    pub struct UserInput {
        email: String => email(),
        name: String => text(1, MAX_PERSON_NAME),
        organization_id: OrganizationId => id::<of::Organization>(),
        roles: Vec<Role> => list(word::<Role>(), 8),
        /// Left out: an invitation is mailed. Outside a demonstration accounts begin by invitation only.
        password: Option<String> => optional(verbatim(1024)),
        /// The last day on which the account can be used.
        expires_on: Option<NaiveDate> => optional(day()),
    }
    check |it, errors| {
        if it.roles.is_empty() {
            errors.push(FieldError::new("/roles", "required", "役割を1つ以上指定してください。"));
        }
    }
}

/// An account as its administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserView {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub organization_id: OrganizationId,
    /// Held by the person themselves.
    pub roles: Vec<Role>,
    pub active: bool,
    /// An invitation was mailed and not accepted yet.
    pub invited: bool,
    /// The last day on which the account can be used.
    pub expires_on: Option<NaiveDate>,
    pub created_at: DateTime<Utc>,
    /// What of the account waits for a second administrator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingRef>,
}

/// The account with what waits of it.
fn view(app: &App, conn: &mut Conn, row: UserRow, roles: Vec<Role>) -> Result<UserView, DbError> {
    let waiting = pending::refs(app, conn, &[row.id])?.remove(&row.id).unwrap_or_default();
    Ok(shown(row, roles, waiting))
}

fn shown(row: UserRow, roles: Vec<Role>, pending: Vec<PendingRef>) -> UserView {
    UserView {
        pending,
        id: row.id,
        email: row.email,
        name: row.name,
        organization_id: row.organization_id,
        roles,
        active: row.active,
        invited: row.password_hash.is_none(),
        expires_on: row.expires_on,
        created_at: row.created_at.and_utc(),
    }
}

/// A person's words as the ledger keeps them: the clear text can be erased, and the chain still verifies.
fn hashed(row: &UserRow, text: &str) -> String {
    salted(&row.salt, text)
}

fn sorted(roles: &[Role]) -> Vec<Role> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn check_roles(kind: OrganizationKind, roles: &[Role]) -> Result<(), Failure> {
    let strange: Vec<&str> = roles.iter().filter(|r| r.belongs_to() != kind).map(|r| r.as_str()).collect();
    if strange.is_empty() {
        return Ok(());
    }
    let message = format!("この組織の利用者には指定できない役割です（{}）。", strange.join("、"));
    Err(Failure::field("/roles", "not_allowed", message))
}

fn email_taken() -> Failure {
    Failure::conflict("email_taken", "このメールアドレスはすでに登録されています。")
}

/// What an account begins with.
#[derive(Debug, Clone, Copy)]
pub struct Enrolment<'a> {
    pub email: &'a str,
    pub name: &'a str,
    pub roles: &'a [Role],
    /// None: it can't log in until an invitation or a reset sets one.
    pub password_hash: Option<&'a str>,
    /// Whether the password is to be changed at the first login, for somebody else knows it. A demonstration shows every
    /// password to whoever opens it.
    pub password_set_by_other: bool,
    pub expires_on: Option<NaiveDate>,
}

/// Writes an account with its roles and its entry, on the organization's chain.
pub fn enroll(
    tx: &mut Tx<'_>,
    organization: &OrganizationRow,
    new: &Enrolment<'_>,
) -> Result<UserView, Failure> {
    check_roles(organization.kind, new.roles)?;
    if db::user::by_email(tx.conn, new.email)?.is_some() {
        return Err(email_taken());
    }
    let mut row = UserRow {
        id: tx.new_id(),
        organization_id: organization.id,
        email: new.email.to_owned(),
        name: new.name.to_owned(),
        password_hash: new.password_hash.map(str::to_owned),
        password_set_by_other: new.password_set_by_other,
        active: true,
        expires_on: new.expires_on,
        salt: tx.sources.token(),
        created_at: NaiveDateTime::default(),
        version: 1,
    };
    let roles = sorted(new.roles);
    let payload = json!({
        "organization_id": organization.id, "roles": roles, "expires_on": row.expires_on,
        "email_hash": hashed(&row, &row.email), "name_hash": hashed(&row, &row.name),
        "salt_hash": salt_hash(&row.salt), "invited": row.password_hash.is_none(),
        "password_set_by_other": row.password_set_by_other,
    });
    row.created_at = tx.record("user.registered", row.id, &payload)?.stamp.at.naive_utc();
    db::user::insert(tx.conn, &row)?;
    db::user::set_roles(tx.conn, row.id, organization.id, &roles)?;
    Ok(shown(row, roles, Vec::new()))
}

/// Makes an account; without a password an invitation is mailed. Roles that decide or let others in wait for a second
/// administrator. Answers it and its version.
pub fn create(app: &App, call: &Call, input: &UserInput) -> Result<(UserView, i64), Failure> {
    if !call.actor.is(Role::SystemAdmin) && input.organization_id != call.actor.organization.id {
        return Err(Failure::Forbidden("ほかの組織の利用者は登録できません。".to_owned()));
    }
    let organization =
        app.db.read_one(|conn| db::organization::find(conn, input.organization_id)).map_err(|error| {
            match error {
                DbError::NotFound => {
                    Failure::field("/organization_id", "unknown", "該当する組織がありません。")
                }
                other => other.into(),
            }
        })?;
    check_roles(organization.kind, &input.roles)?;
    if input.expires_on.is_some_and(|last| last < app.today()) {
        return Err(Failure::field("/expires_on", "past", "有効期限は今日以後の日を指定してください。"));
    }
    let hash = match &input.password {
        None => None,
        Some(_) if app.strict => {
            let message = "利用者は招待でだけ始まります。パスワードは指定せず、本人に招待メールから決めてもらってください。";
            return Err(Failure::field("/password", "invitation_only", message));
        }
        Some(password) => {
            check_password("/password", password, &input.email, &input.name, &organization.name)?;
            Some(hashing::hash(&app.sources, password)?)
        }
    };
    let made = app.act_on_organization(call, organization.id, |tx| {
        // Roles that decide or let others in are given by two.
        let (waiting, given): (Vec<Role>, Vec<Role>) =
            sorted(&input.roles).into_iter().partition(|role| app.strict && role.needs_second());
        let new = Enrolment {
            email: &input.email,
            name: &input.name,
            roles: &given,
            password_hash: hash.as_deref(),
            password_set_by_other: hash.is_some() && app.demo.is_none(),
            expires_on: input.expires_on,
        };
        let made = enroll(tx, &organization, &new)?;
        if hash.is_none() {
            invite(app, tx, made.id)?;
        }
        if waiting.is_empty() {
            return Ok(made);
        }
        let row = db::user::find(tx.conn, made.id)?;
        pending::ask(app, tx, call, &row, &Wanted::Roles { roles: waiting })?;
        Ok(view(app, tx.conn, row, made.roles)?)
    })?;
    tracing::info!(event = "user_registered", user = %made.id, by = %call.actor.user_id, "account made");
    Ok((made, 1))
}

input! {
    /// Whom the operator lets in at the command line.
    pub struct PersonInput {
        email: String => email(),
        name: String => text(1, 100),
    }
}

/// The first account, by the operator at the command line: no session stands behind it.
pub fn create_first(
    app: &App,
    email: &str,
    name: &str,
    roles: &[Role],
    password: &str,
) -> Result<UserView, Failure> {
    let id = organization::ensure_system(app)?;
    let organization = app.db.read_one(|conn| db::organization::find(conn, id))?;
    check_password("/password", password, email, name, &organization.name)?;
    let hash = hashing::hash(&app.sources, password)?;
    let made = app.db.write_tx(&app.sources, None, ChainKey::Existing(id.cast()), |tx| {
        enroll(
            tx,
            &organization,
            &Enrolment {
                email,
                name,
                roles,
                password_hash: Some(&hash),
                password_set_by_other: app.demo.is_none(),
                expires_on: None,
            },
        )
    })?;
    tracing::info!(event = "user_registered", user = %made.id, "account made at the command line");
    Ok(made)
}

/// Makes the first account of a vendor, of whoever reads its contact address, and mails the invitation: they let the
/// others in. False: the address is another account's, or the vendor has an account by now.
pub fn invite_contact(app: &App, vendor: OrganizationId) -> Result<bool, Failure> {
    alert::on_agency(app, vendor, |tx| {
        let organization = db::organization::find(tx.conn, vendor)?;
        let Some(email) = organization.contact_email.clone() else { return Ok(false) };
        let has_people = !db::user::list(tx.conn, Some(vendor), Which::All, None, 1)?.is_empty();
        if has_people || db::user::by_email(tx.conn, &email)?.is_some() {
            return Ok(false);
        }
        let name = unnamed(&organization.name);
        let new = Enrolment {
            email: &email,
            name: &name,
            roles: &[Role::VendorUser, Role::VendorAdmin],
            password_hash: None,
            password_set_by_other: false,
            expires_on: None,
        };
        let made = enroll(tx, &organization, &new)?;
        invite(app, tx, made.id)?;
        Ok(true)
    })
}

fn invite(app: &App, tx: &mut Tx<'_>, id: UserId) -> Result<(), Failure> {
    let user = db::user::find(tx.conn, id)?;
    check_ceiling(tx, &user)?;
    let token = tx.sources.token();
    let mail = invitation(app, tx, &user, &token)?;
    post_token(tx.conn, tx.sources, &user, &mail, &token)
}

/// Invitations that reach one address in a day, and that one person has mailed in a day: nobody's mailbox is flooded in our name.
const TO_ONE_A_DAY: i64 = 5;
const BY_ONE_A_DAY: usize = 50;

fn check_ceiling(tx: &mut Tx<'_>, user: &UserRow) -> Result<(), Failure> {
    let since = tx.sources.clock.machine_now() - chrono::Duration::hours(24);
    if db::notice::invitations_to(tx.conn, &user.email, since)? >= TO_ONE_A_DAY {
        let message = format!(
            "同じメールアドレスへの招待は、1日に{TO_ONE_A_DAY}通までです。届かないときは、アドレスを確かめてください。"
        );
        return Err(Failure::conflict("too_many_invitations", message));
    }
    let Some(author) = tx.author else { return Ok(()) };
    let since = tx.sources.clock.now() - chrono::Duration::hours(24);
    let chain = user.organization_id.cast();
    if db::ledger::lately(tx.conn, chain, author.user_id, "user.invited", since)? >= BY_ONE_A_DAY {
        let message = format!(
            "1人が送れる招待は、1日に{BY_ONE_A_DAY}通までです。残りは明日にするか、ほかの管理者に頼んでください。"
        );
        return Err(Failure::conflict("too_many_invitations", message));
    }
    Ok(())
}

/// A new invitation for someone who has accepted none yet; the link of the one before stops working.
pub fn invitation(app: &App, tx: &mut Tx<'_>, user: &UserRow, token: &str) -> Result<Mail, Failure> {
    if user.password_hash.is_some() {
        return Err(Failure::conflict("accepted", "この利用者はすでに招待を受けています。"));
    }
    if !user.is_usable(tx.today) {
        return Err(Failure::conflict("not_usable", "この利用者は停止中か、有効期限が切れています。"));
    }
    let by = Some(inviter(tx, user)?);
    let mail = token_mail(tx.conn, tx.sources, &app.config, user, TokenPurpose::Invitation, (token, by))?;
    tx.record("user.invited", user.id, &json!({}))?;
    tracing::info!(event = "invitation_sent", user = %user.id, "invitation mailed");
    Ok(mail)
}

/// Who invites: who asks for it; else the agency whose mail reached the address that is invited.
fn inviter(tx: &mut Tx<'_>, user: &UserRow) -> Result<Inviter, Failure> {
    if let Some(author) = tx.author {
        let organization = db::organization::find(tx.conn, author.organization_id)?.name;
        let name = db::user::find(tx.conn, author.user_id)?.name;
        return Ok(Inviter::Person { organization, name });
    }
    let Some((agency, contract)) = db::notice::last_of_agency(tx.conn, &user.email)? else {
        return Ok(Inviter::Operator);
    };
    let label = match contract {
        Some(id) => db::contract::labels(tx.conn, &[id])?.remove(&id),
        None => None,
    };
    let contract = label.map(|(number, title)| ContractRef { number, title });
    Ok(Inviter::Agency { agency: db::organization::find(tx.conn, agency)?.name, contract })
}

/// Whether the caller administers the people of an organization.
fn administers(call: &Call, organization: OrganizationId) -> bool {
    let actor = &call.actor;
    let in_own = actor.is(Role::AgencyAdmin) || actor.is(Role::VendorAdmin);
    actor.is(Role::SystemAdmin) || (in_own && organization == actor.organization.id)
}

/// An account that the caller administers.
pub fn administered(app: &App, call: &Call, id: UserId) -> Result<UserRow, Failure> {
    let row = app.db.read_one(|conn| db::user::find(conn, id))?;
    if administers(call, row.organization_id) { Ok(row) } else { Err(Failure::NotFound) }
}

/// Mails an invitation again; the link of the one before stops working.
pub fn invite_again(app: &App, call: &Call, id: UserId) -> Result<Done, Failure> {
    let organization = administered(app, call, id)?.organization_id;
    app.act_on_organization(call, organization, |tx| {
        invite(app, tx, id)?;
        Ok(DONE)
    })
}

/// An account that the caller administers, or their own, and its version; what is due of it is done first.
pub fn find(app: &App, call: &Call, id: UserId) -> Result<(UserView, i64), Failure> {
    let load = |conn: &mut Conn| {
        let row = db::user::find(conn, id)?;
        let roles = db::user::roles(conn, &[id])?.remove(&id).unwrap_or_default();
        Ok::<_, DbError>((row, roles, db::pending::open_of(conn, &[id])?))
    };
    let (mut row, mut roles, mut waiting) = app.db.read_one(load)?;
    if id != call.actor.user_id && !administers(call, row.organization_id) {
        return Err(Failure::NotFound);
    }
    if waiting.iter().any(|change| change.is_due(app.now())) {
        pending::settle_due(app)?;
        (row, roles, waiting) = app.db.read_one(load)?;
    }
    let version = row.version;
    let waiting = waiting.iter().map(|change| PendingRef::of(app, change)).collect();
    Ok((shown(row, roles, waiting), version))
}

/// Administrators that are named at most.
const ADMINISTRATORS: i64 = 10;

/// Who administers the caller's agency, by name: whom to ask for what one may not do oneself.
pub fn administrators(app: &App, call: &Call) -> Result<Vec<String>, Failure> {
    let (agency, which) = (call.actor.organization.id, Which::Holding(Role::AgencyAdmin, app.today()));
    let rows = app
        .db
        .read_one::<_, DbError>(|conn| db::user::list(conn, Some(agency), which, None, ADMINISTRATORS))?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Which of the accounts are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listed {
    #[default]
    All,
    /// That can be used today.
    Usable,
    /// Of those who hold the role themselves and can use their account today: who can be chosen for something.
    Holding(Role),
}

/// The accounts of an organization; without one named, of the caller's own (a system administrator's: of all).
pub fn list(
    app: &App,
    call: &Call,
    organization: Option<OrganizationId>,
    listed: Listed,
    page: &Page,
) -> Result<Paged<UserView>, Failure> {
    let everywhere = call.actor.is(Role::SystemAdmin);
    let organization = organization.or((!everywhere).then_some(call.actor.organization.id));
    if organization.is_some_and(|id| !administers(call, id)) {
        return Err(Failure::NotFound);
    }
    let after = page.after_id()?;
    let which = match listed {
        Listed::All => Which::All,
        Listed::Usable => Which::Usable(app.today()),
        Listed::Holding(role) => Which::Holding(role, app.today()),
    };
    let (rows, mut roles, mut waiting) = app.db.read_one(|conn| {
        let rows = db::user::list(conn, organization, which, after, page.rows())?;
        let ids: Vec<UserId> = rows.iter().map(|row| row.id).collect();
        Ok::<_, DbError>((rows, db::user::roles(conn, &ids)?, pending::refs(app, conn, &ids)?))
    })?;
    Ok(Paged::cut(
        page,
        rows,
        |row| row.id.to_string(),
        |row| {
            let held = roles.remove(&row.id).unwrap_or_default();
            let waits = waiting.remove(&row.id).unwrap_or_default();
            shown(row, held, waits)
        },
    ))
}
