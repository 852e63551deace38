//! What agencies set for themselves, and their departments.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::schema::{agency_settings, departments};
use super::types::{directly, from_json, to_json};
use super::{Conn, DbError};
use crate::domain::contract::Instant;
use crate::domain::id::OrganizationId;
use crate::domain::settings::Settings;

/// The key under which the rules of an agency are held: its settings, its closed days, the holidays.
fn rules_key(agency: OrganizationId) -> String {
    format!("itaku rules {agency}")
}

/// Keeps an agency's rules as they are until the transaction ends, so that what is reckoned from them stands. On the
/// embedded database one writer alone writes anyway.
pub fn hold(conn: &mut Conn, agency: OrganizationId) -> Result<(), DbError> {
    if let Conn::Postgresql(conn) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))")
            .bind::<Text, _>(rules_key(agency))
            .execute(conn)?;
    }
    Ok(())
}

/// Waits for those who [`hold`] an agency's rules and keeps others from it: what they have reckoned is seen now, what
/// comes later is reckoned by the rules as changed.
pub fn hold_alone(conn: &mut Conn, agency: OrganizationId) -> Result<(), DbError> {
    if let Conn::Postgresql(conn) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind::<Text, _>(rules_key(agency))
            .execute(conn)?;
    }
    Ok(())
}

/// An agency's settings and their version; the defaults and 0 while it has set nothing.
pub fn find(conn: &mut Conn, agency: OrganizationId) -> Result<(Settings, i64), DbError> {
    let query = agency_settings::table.find(agency).select((agency_settings::body, agency_settings::version));
    let row: Option<(String, i64)> = directly!(conn, |own| query.first(own)).optional()?;
    row.map_or_else(|| Ok((Settings::default(), 0)), |(body, version)| Ok((from_json(&body)?, version)))
}

/// Writes an agency's settings as `version`.
pub fn set(
    conn: &mut Conn,
    agency: OrganizationId,
    settings: &Settings,
    version: i64,
    now: Instant,
) -> Result<(), DbError> {
    let body = to_json(settings)?;
    let values = (
        agency_settings::body.eq(&body),
        agency_settings::version.eq(version),
        agency_settings::updated_at.eq(now.naive_utc()),
    );
    if diesel::update(agency_settings::table.find(agency)).set(values).execute(conn)? == 0 {
        diesel::insert_into(agency_settings::table)
            .values((
                agency_settings::agency_id.eq(agency),
                agency_settings::body.eq(&body),
                agency_settings::version.eq(version),
                agency_settings::updated_at.eq(now.naive_utc()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// A 担当部署.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = departments)]
pub struct Department {
    pub name: String,
    pub email: String,
    /// Stands in mail to vendors.
    pub telephone: Option<String>,
}

/// An agency's departments, in order of name.
pub fn departments(
    conn: &mut Conn,
    agency: OrganizationId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Department>, DbError> {
    let mut query = departments::table
        .filter(departments::agency_id.eq(agency))
        .order(departments::name)
        .select(Department::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(departments::name.gt(after.to_owned()));
    }
    Ok(query.load(conn)?)
}

/// The 担当部署 registered under that name, if one is.
pub fn department(
    conn: &mut Conn,
    agency: OrganizationId,
    name: &str,
) -> Result<Option<Department>, DbError> {
    Ok(departments::table.find((agency, name)).select(Department::as_select()).first(conn).optional()?)
}

/// The address of a 担当部署, where one is registered under that name.
pub fn department_email(
    conn: &mut Conn,
    agency: OrganizationId,
    name: &str,
) -> Result<Option<String>, DbError> {
    Ok(department(conn, agency, name)?.map(|it| it.email))
}

/// Writes a department; one of the same name is replaced.
pub fn set_department(conn: &mut Conn, agency: OrganizationId, row: &Department) -> Result<(), DbError> {
    let values = (departments::email.eq(&row.email), departments::telephone.eq(&row.telephone));
    let replaced = diesel::update(departments::table.find((agency, &row.name))).set(values).execute(conn)?;
    if replaced == 0 {
        diesel::insert_into(departments::table)
            .values((departments::agency_id.eq(agency), departments::name.eq(&row.name), values))
            .execute(conn)?;
    }
    Ok(())
}
