//! People's accounts, their roles, and who stands in for whom.

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::schema::{deputies, user_roles, users};
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::access::Role;
use crate::domain::contract::Instant;
use crate::domain::id::{Id, OrganizationId, UserId};
use crate::domain::text::email_key;

/// Accounts that can be used on a business day.
macro_rules! usable {
    ($on:expr) => {
        users::active.eq(true).and(users::expires_on.is_null().or(users::expires_on.ge($on)))
    };
}

/// An account.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserRow {
    pub id: UserId,
    pub organization_id: OrganizationId,
    pub email: String,
    pub name: String,
    /// PHC string; None: an invitation that was not accepted yet.
    pub password_hash: Option<String>,
    /// Someone else knows it: whoever registered the account with it.
    pub password_set_by_other: bool,
    pub active: bool,
    /// The last business day on which the account can be used.
    pub expires_on: Option<NaiveDate>,
    /// Goes before what is hashed for the ledger.
    pub salt: String,
    pub created_at: NaiveDateTime,
    pub version: i64,
}

impl UserRow {
    /// Whether the account can be used on a business day.
    pub fn is_usable(&self, on: NaiveDate) -> bool {
        self.active && self.expires_on.is_none_or(|last| on <= last)
    }
}

/// Writes a new account without roles.
pub fn insert(conn: &mut Conn, row: &UserRow) -> Result<(), DbError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(row.id),
            users::organization_id.eq(row.organization_id),
            users::email.eq(&row.email),
            users::email_key.eq(email_key(&row.email)),
            users::name.eq(&row.name),
            users::password_hash.eq(&row.password_hash),
            users::password_set_by_other.eq(row.password_set_by_other),
            users::active.eq(row.active),
            users::expires_on.eq(row.expires_on),
            users::salt.eq(&row.salt),
            users::created_at.eq(row.created_at),
            users::version.eq(row.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// Writes address, name, activity and expiry anew, and counts the version up.
pub fn update(conn: &mut Conn, row: &UserRow) -> Result<(), DbError> {
    diesel::update(users::table.find(row.id))
        .set((
            users::email.eq(&row.email),
            users::email_key.eq(email_key(&row.email)),
            users::name.eq(&row.name),
            users::active.eq(row.active),
            users::expires_on.eq(row.expires_on),
            users::version.eq(users::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Sets the password that the person chose. Not a change of the account as others see it: the version stays.
pub fn set_password(conn: &mut Conn, id: UserId, hash: &str) -> Result<(), DbError> {
    diesel::update(users::table.find(id))
        .set((users::password_hash.eq(hash), users::password_set_by_other.eq(false)))
        .execute(conn)?;
    Ok(())
}

/// Puts a password in the place of the one whose hash was checked; false: it is no longer that one. Whoever changes it
/// meanwhile waits for this transaction, and sees what it did.
pub fn replace_password(conn: &mut Conn, id: UserId, checked: &str, hash: &str) -> Result<bool, DbError> {
    let unchanged = users::table.filter(users::id.eq(id)).filter(users::password_hash.eq(checked));
    Ok(diesel::update(unchanged).set(users::password_hash.eq(hash)).execute(conn)? == 1)
}

/// An account by id; the caller settles who may see it.
pub fn find(conn: &mut Conn, id: UserId) -> Result<UserRow, DbError> {
    Ok(users::table.find(id).select(UserRow::as_select()).first(conn)?)
}

/// The account with this address, in any case of letters.
pub fn by_email(conn: &mut Conn, email: &str) -> Result<Option<UserRow>, DbError> {
    // Typed at the login, this can be anything; PostgreSQL takes no zero byte, and no account has one.
    if email.contains('\0') {
        return Ok(None);
    }
    let found = users::table.filter(users::email_key.eq(email_key(email)));
    Ok(found.select(UserRow::as_select()).first(conn).optional()?)
}

/// Which accounts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those that can be used on that business day.
    Usable(NaiveDate),
    /// Of those, the ones of people who hold the role themselves.
    Holding(Role, NaiveDate),
}

/// Accounts in order of id, at most `limit`; `None`: of every organization.
pub fn list(
    conn: &mut Conn,
    organization_id: Option<OrganizationId>,
    which: Which,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<UserRow>, DbError> {
    let mut query = users::table.order(users::id).select(UserRow::as_select()).limit(limit).into_boxed();
    if let Some(organization_id) = organization_id {
        query = query.filter(users::organization_id.eq(organization_id));
    }
    match which {
        Which::All => {}
        Which::Usable(on) => query = query.filter(usable!(on)),
        Which::Holding(role, on) => {
            let held =
                user_roles::table.filter(user_roles::user_id.eq(users::id)).filter(user_roles::role.eq(role));
            query = query.filter(diesel::dsl::exists(held)).filter(usable!(on));
        }
    }
    if let Some(after) = after {
        query = query.filter(users::id.gt(after));
    }
    Ok(query.load(conn)?)
}

/// The names of these people.
pub fn names(conn: &mut Conn, ids: &[UserId]) -> Result<HashMap<UserId, String>, DbError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = users::table.filter(users::id.eq_any(ids)).select((users::id, users::name));
    Ok(rows.load::<(UserId, String)>(conn)?.into_iter().collect())
}

/// The names of those of these people who belong to the organization; None: to any.
pub fn names_within(
    conn: &mut Conn,
    organization_id: Option<OrganizationId>,
    ids: &[UserId],
) -> Result<HashMap<UserId, String>, DbError> {
    let mut query =
        users::table.filter(users::id.eq_any(ids.to_vec())).select((users::id, users::name)).into_boxed();
    if let Some(organization_id) = organization_id {
        query = query.filter(users::organization_id.eq(organization_id));
    }
    Ok(query.load::<(UserId, String)>(conn)?.into_iter().collect())
}

/// The roles that people hold themselves, in the order of [`Role`].
pub fn roles(conn: &mut Conn, ids: &[UserId]) -> Result<HashMap<UserId, Vec<Role>>, DbError> {
    let rows: Vec<(UserId, Role)> = user_roles::table
        .filter(user_roles::user_id.eq_any(ids.to_vec()))
        .select((user_roles::user_id, user_roles::role))
        .load(conn)?;
    let mut roles: HashMap<UserId, Vec<Role>> = HashMap::new();
    for (id, role) in rows {
        roles.entry(id).or_default().push(role);
    }
    for held in roles.values_mut() {
        held.sort_unstable();
    }
    Ok(roles)
}

/// Writes a person's roles anew.
pub fn set_roles(
    conn: &mut Conn,
    id: UserId,
    organization_id: OrganizationId,
    roles: &[Role],
) -> Result<(), DbError> {
    diesel::delete(user_roles::table.filter(user_roles::user_id.eq(id))).execute(conn)?;
    for role in roles {
        diesel::insert_into(user_roles::table)
            .values((
                user_roles::user_id.eq(id),
                user_roles::organization_id.eq(organization_id),
                user_roles::role.eq(*role),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// A person's roles on a business day: their own, and those of whom they stand in for. Nobody lends
/// [`Role::SystemAdmin`], nor anything while their own account can't be used.
pub fn roles_on(conn: &mut Conn, id: UserId, on: NaiveDate) -> Result<Vec<Role>, DbError> {
    let stood_in_for = deputies::table
        .inner_join(users::table.on(users::id.eq(deputies::user_id)))
        .filter(deputies::deputy_id.eq(id))
        .filter(deputies::starts_on.le(on))
        .filter(deputies::ends_on.ge(on))
        .filter(usable!(on))
        .select(deputies::user_id);
    let lent = user_roles::user_id.eq_any(stood_in_for).and(user_roles::role.ne(Role::SystemAdmin));
    let mut roles: Vec<Role> =
        user_roles::table.filter(user_roles::user_id.eq(id).or(lent)).select(user_roles::role).load(conn)?;
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}

/// Whether someone else in the organization holds the role, can use the account on that day, and has come in: an
/// invitation that nobody accepted administers nothing.
pub fn another_holds(
    conn: &mut Conn,
    organization_id: OrganizationId,
    role: Role,
    but: UserId,
    on: NaiveDate,
) -> Result<bool, DbError> {
    let others = users::table
        .inner_join(user_roles::table.on(user_roles::user_id.eq(users::id)))
        .filter(user_roles::organization_id.eq(organization_id))
        .filter(user_roles::role.eq(role))
        .filter(users::id.ne(but))
        .filter(users::password_hash.is_not_null())
        .filter(usable!(on));
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(conn)?)
}

/// Those of the organization who hold the role themselves, can use their account on that day, and have come in.
pub fn holders(
    conn: &mut Conn,
    organization_id: OrganizationId,
    role: Role,
    on: NaiveDate,
) -> Result<Vec<UserId>, DbError> {
    let holders = users::table
        .inner_join(user_roles::table.on(user_roles::user_id.eq(users::id)))
        .filter(user_roles::organization_id.eq(organization_id))
        .filter(user_roles::role.eq(role))
        .filter(users::password_hash.is_not_null())
        .filter(usable!(on))
        .order(users::id)
        .select(users::id);
    Ok(holders.load(conn)?)
}

/// The roles that stand behind an account, whether or not it can be used today: a person's own, and those of whom they
/// stand in for on the day or will later.
pub fn roles_behind(conn: &mut Conn, id: UserId, on: NaiveDate) -> Result<Vec<Role>, DbError> {
    let stood_in_for = deputies::table
        .filter(deputies::deputy_id.eq(id))
        .filter(deputies::ends_on.ge(on))
        .select(deputies::user_id);
    let lent = user_roles::user_id.eq_any(stood_in_for).and(user_roles::role.ne(Role::SystemAdmin));
    let behind = user_roles::table.filter(user_roles::user_id.eq(id).or(lent));
    Ok(behind.select(user_roles::role).load(conn)?)
}

/// Who is told by mail on a business day: id and address of everyone of the organization who then holds one of the
/// roles, themselves or as a deputy, and whose account can be used.
pub fn reachable(
    conn: &mut Conn,
    organization_id: OrganizationId,
    roles: &[Role],
    on: NaiveDate,
) -> Result<Vec<(UserId, String)>, DbError> {
    let mut people: BTreeMap<UserId, String> = BTreeMap::new();
    for role in roles {
        let holders = user_roles::table
            .inner_join(users::table.on(users::id.eq(user_roles::user_id)))
            .filter(user_roles::organization_id.eq(organization_id))
            .filter(user_roles::role.eq(role))
            .filter(usable!(on))
            .select((users::id, users::email));
        let holders: Vec<(UserId, String)> = directly!(conn, |own| holders.load(own))?;
        people.extend(holders);
    }
    let holders: Vec<UserId> = people.keys().copied().collect();
    people.extend(standing_in(conn, organization_id, &holders, on)?);
    Ok(people.into_iter().collect())
}

/// The people named, where their accounts can be used on a business day, and who stands in for them then; each
/// once, with the address, in order of id.
pub fn with_deputies(
    conn: &mut Conn,
    organization_id: OrganizationId,
    named: &[UserId],
    on: NaiveDate,
) -> Result<Vec<(UserId, String)>, DbError> {
    let mut people: BTreeMap<UserId, String> = BTreeMap::new();
    for id in named {
        let person = users::table.find(id).filter(usable!(on)).select((users::id, users::email));
        let person: Option<(UserId, String)> = directly!(conn, |own| person.first(own)).optional()?;
        people.extend(person);
    }
    people.extend(standing_in(conn, organization_id, named, on)?);
    Ok(people.into_iter().collect())
}

/// Who stands in for the people named on a business day and can use their account: few of an organization do at a
/// time.
fn standing_in(
    conn: &mut Conn,
    organization_id: OrganizationId,
    people: &[UserId],
    on: NaiveDate,
) -> Result<Vec<(UserId, String)>, DbError> {
    let all = deputies::table
        .inner_join(users::table.on(users::id.eq(deputies::deputy_id)))
        .filter(deputies::organization_id.eq(organization_id))
        .filter(deputies::starts_on.le(on))
        .filter(deputies::ends_on.ge(on))
        .filter(usable!(on))
        .select((deputies::user_id, (users::id, users::email)));
    let all: Vec<(UserId, (UserId, String))> = directly!(conn, |own| all.load(own))?;
    Ok(all.into_iter().filter(|(of, _)| people.contains(of)).map(|(_, deputy)| deputy).collect())
}

/// A period in which someone stands in.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deputies)]
pub struct DeputyRow {
    pub id: Id<()>,
    pub user_id: UserId,
    pub deputy_id: UserId,
    pub starts_on: NaiveDate,
    /// Inclusive.
    pub ends_on: NaiveDate,
}

/// An appointment, and whose it is.
pub fn find_deputy(conn: &mut Conn, id: Id<()>) -> Result<(DeputyRow, OrganizationId), DbError> {
    let found = deputies::table.find(id).select((DeputyRow::as_select(), deputies::organization_id));
    Ok(found.first(conn)?)
}

/// The appointments of the organization in which the person stands in or is stood in for, that have not ended on a day;
/// by the first day.
pub fn deputies_about(
    conn: &mut Conn,
    organization: OrganizationId,
    person: UserId,
    on: NaiveDate,
) -> Result<Vec<DeputyRow>, DbError> {
    Ok(deputies::table
        .filter(deputies::organization_id.eq(organization))
        .filter(deputies::user_id.eq(person).or(deputies::deputy_id.eq(person)))
        .filter(deputies::ends_on.ge(on).and(deputies::ends_on.ge(deputies::starts_on)))
        .order((deputies::starts_on, deputies::id))
        .select(DeputyRow::as_select())
        .load(conn)?)
}

/// Brings the last day of an appointment forward.
pub fn end_deputy(conn: &mut Conn, id: Id<()>, ends_on: NaiveDate) -> Result<(), DbError> {
    diesel::update(deputies::table.find(id)).set(deputies::ends_on.eq(ends_on)).execute(conn)?;
    Ok(())
}

/// For whom a person has a role on a business day, where they do not hold it themselves: those they stand in for. Empty:
/// it is their own.
pub fn stands_in_as(conn: &mut Conn, id: UserId, role: Role, on: NaiveDate) -> Result<Vec<UserId>, DbError> {
    let own = user_roles::table.filter(user_roles::user_id.eq(id)).filter(user_roles::role.eq(role));
    if diesel::select(diesel::dsl::exists(own)).get_result(conn)? {
        return Ok(Vec::new());
    }
    let holders = user_roles::table.filter(user_roles::role.eq(role)).select(user_roles::user_id);
    Ok(deputies::table
        .inner_join(users::table.on(users::id.eq(deputies::user_id)))
        .filter(deputies::deputy_id.eq(id))
        .filter(deputies::starts_on.le(on))
        .filter(deputies::ends_on.ge(on))
        .filter(usable!(on))
        .filter(deputies::user_id.eq_any(holders))
        .select(deputies::user_id)
        .distinct()
        .order(deputies::user_id)
        .load(conn)?)
}

/// Writes that someone stands in.
pub fn insert_deputy(
    conn: &mut Conn,
    organization_id: OrganizationId,
    row: &DeputyRow,
    now: Instant,
) -> Result<(), DbError> {
    diesel::insert_into(deputies::table)
        .values((
            deputies::id.eq(row.id),
            deputies::organization_id.eq(organization_id),
            deputies::user_id.eq(row.user_id),
            deputies::deputy_id.eq(row.deputy_id),
            deputies::starts_on.eq(row.starts_on),
            deputies::ends_on.eq(row.ends_on),
            deputies::created_at.eq(now.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Who stood, stands or will stand in for a person, in order of id.
pub fn deputies(
    conn: &mut Conn,
    organization_id: OrganizationId,
    user_id: UserId,
    after: Option<Id<()>>,
    limit: i64,
) -> Result<Vec<DeputyRow>, DbError> {
    let mut query = deputies::table
        .filter(deputies::organization_id.eq(organization_id))
        .filter(deputies::user_id.eq(user_id))
        .order(deputies::id)
        .select(DeputyRow::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(deputies::id.gt(after));
    }
    Ok(query.load(conn)?)
}
