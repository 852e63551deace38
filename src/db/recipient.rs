//! Who can be told: active people of an organization by role, who stands in for them, a department's address, and
//! the officer responsible on a day.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::schema::{contract_officers, contracts, departments, deputies, engagements, organizations, user_roles, users};
use super::{Conn, DbError};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::id::{ContractId, OrganizationId, UserId};

/// A person who can be told.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct Person {
    pub id: UserId,
    pub organization_id: OrganizationId,
    pub email: String,
}

/// People of an organization whose accounts are active on the day; with a role, or all.
pub fn active_in(
    conn: &mut Conn,
    organization_id: OrganizationId,
    role: Option<Role>,
    day: NaiveDate,
) -> Result<Vec<Person>, DbError> {
    let mut query = users::table
        .filter(users::organization_id.eq(organization_id))
        .filter(users::active.eq(true))
        .filter(users::expires_on.is_null().or(users::expires_on.ge(day)))
        .order(users::id)
        .select(Person::as_select())
        .into_boxed();
    if let Some(role) = role {
        let holders = user_roles::table
            .filter(user_roles::organization_id.eq(organization_id))
            .filter(user_roles::role.eq(role))
            .select(user_roles::user_id);
        query = query.filter(users::id.eq_any(holders));
    }
    Ok(query.load(conn)?)
}

/// Of these people, those whose accounts are active on the day.
pub fn active_among(conn: &mut Conn, ids: &[UserId], day: NaiveDate) -> Result<Vec<Person>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(users::table
        .filter(users::id.eq_any(ids.to_vec()))
        .filter(users::active.eq(true))
        .filter(users::expires_on.is_null().or(users::expires_on.ge(day)))
        .order(users::id)
        .select(Person::as_select())
        .load(conn)?)
}

/// Who stands in for any of these people on the day.
pub fn deputies_of(conn: &mut Conn, ids: &[UserId], day: NaiveDate) -> Result<Vec<Person>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let standing_in: Vec<UserId> = deputies::table
        .filter(deputies::user_id.eq_any(ids.to_vec()))
        .filter(deputies::starts_on.le(day))
        .filter(deputies::ends_on.ge(day))
        .select(deputies::deputy_id)
        .load(conn)?;
    active_among(conn, &standing_in, day)
}

/// The address of a 担当部署, where one is registered under that name.
pub fn department_address(conn: &mut Conn, agency_id: OrganizationId, name: &str) -> Result<Option<String>, DbError> {
    Ok(departments::table.find((agency_id, name)).select(departments::email).first(conn).optional()?)
}

/// Kind and name of an organization.
pub fn organization(conn: &mut Conn, id: OrganizationId) -> Result<(OrganizationKind, String), DbError> {
    Ok(organizations::table.find(id).select((organizations::kind, organizations::name)).first(conn)?)
}

/// The officer responsible for a contract on the day, and the day of the next handover after it.
pub fn officer_on(
    conn: &mut Conn,
    id: ContractId,
    day: NaiveDate,
) -> Result<(Option<UserId>, Option<NaiveDate>), DbError> {
    let rows: Vec<(UserId, NaiveDate)> = contract_officers::table
        .filter(contract_officers::contract_id.eq(id))
        .order((contract_officers::starts_on, contract_officers::seq))
        .select((contract_officers::officer_id, contract_officers::starts_on))
        .load(conn)?;
    let officer = rows.iter().rfind(|(_, from)| *from <= day).map(|(officer, _)| *officer);
    Ok((officer, rows.iter().map(|(_, from)| *from).find(|from| *from > day)))
}

/// Brings the projection to the officer of the day.
pub fn set_officer(conn: &mut Conn, id: ContractId, officer: UserId) -> Result<(), DbError> {
    diesel::update(contracts::table.find(id)).set(contracts::officer_id.eq(officer)).execute(conn)?;
    Ok(())
}

/// The responsible officers of an agency's contracts on whose chain the vendor stands.
pub fn officers_over(conn: &mut Conn, agency_id: OrganizationId, vendor_id: OrganizationId) -> Result<Vec<UserId>, DbError> {
    let officers: Vec<Option<UserId>> = engagements::table
        .inner_join(contracts::table.on(contracts::id.eq(engagements::contract_id)))
        .filter(engagements::vendor_id.eq(vendor_id))
        .filter(engagements::agency_id.eq(agency_id))
        .filter(contracts::officer_id.is_not_null())
        .select(contracts::officer_id)
        .distinct()
        .load(conn)?;
    Ok(officers.into_iter().flatten().collect())
}
