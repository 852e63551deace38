//! Contracts by who is responsible for them, also those for which nobody is; and who will be.

use chrono::NaiveDate;
use diesel::dsl::count_star;
use diesel::prelude::*;

use super::{AGENCIES, ContractHead, ContractLine, Line, line};
use crate::db::schema::{contract_officers, contracts, organizations, users};
use crate::db::{Conn, DbError, like_escaped};
use crate::domain::id::{ContractId, Id, OrganizationId, UserId};

/// The contracts of an agency that have not ended, of one officer or of none.
#[derive(Debug, Clone)]
pub struct HeldFilter<'a> {
    pub agency: OrganizationId,
    /// None: for which nobody is responsible.
    pub officer: Option<UserId>,
    pub today: NaiveDate,
    /// A normalized search key, part of number or title.
    pub key: Option<&'a str>,
    pub department: Option<&'a str>,
}

macro_rules! narrowed {
    ($query:expr, $filter:expr) => {{
        let filter: &HeldFilter<'_> = $filter;
        let mut query = $query
            .filter(contracts::agency_id.eq(filter.agency))
            .filter(contracts::last_day.ge(filter.today))
            .filter(contracts::voided_on.is_null())
            .into_boxed();
        query = match filter.officer {
            Some(officer) => query.filter(contracts::officer_id.eq(officer)),
            None => query.filter(contracts::officer_id.is_null()),
        };
        if let Some(key) = filter.key {
            let pattern = format!("%{}%", like_escaped(key));
            query = query.filter(contracts::search_key.like(pattern).escape('\\'));
        }
        if let Some(department) = filter.department {
            query = query.filter(contracts::department.eq(department));
        }
        query
    }};
}

/// The first of them, by number.
pub fn held(conn: &mut Conn, filter: &HeldFilter<'_>, rows: i64) -> Result<Vec<ContractLine>, DbError> {
    let query = narrowed!(joined!().select(line_columns!()), filter);
    let found: Vec<Line> = query.order((contracts::number_key, contracts::id)).limit(rows).load(conn)?;
    Ok(found.into_iter().map(line).collect())
}

/// How many they are.
pub fn count_held(conn: &mut Conn, filter: &HeldFilter<'_>) -> Result<i64, DbError> {
    Ok(narrowed!(contracts::table.select(count_star()), filter).first(conn)?)
}

/// All of them.
pub fn held_ids(conn: &mut Conn, filter: &HeldFilter<'_>) -> Result<Vec<ContractId>, DbError> {
    Ok(narrowed!(contracts::table.select(contracts::id), filter).order(contracts::id).load(conn)?)
}

/// How many contracts that have not ended each officer of the agency has; without an officer: those of nobody.
pub fn holders(
    conn: &mut Conn,
    agency: OrganizationId,
    today: NaiveDate,
) -> Result<Vec<(Option<UserId>, i64)>, DbError> {
    Ok(contracts::table
        .filter(contracts::agency_id.eq(agency).and(contracts::last_day.ge(today)))
        .filter(contracts::voided_on.is_null())
        .group_by(contracts::officer_id)
        .select((contracts::officer_id, count_star()))
        .load(conn)?)
}

/// Handovers that have not begun, of contracts that were in scope: by day.
pub fn coming_officers(
    conn: &mut Conn,
    ids: &[ContractId],
    today: NaiveDate,
) -> Result<Vec<(ContractId, UserId, NaiveDate)>, DbError> {
    Ok(contract_officers::table
        .filter(contract_officers::contract_id.eq_any(ids))
        .filter(contract_officers::starts_on.gt(today))
        .filter(contract_officers::withdrawn_on.is_null())
        .order((contract_officers::starts_on, contract_officers::seq))
        .select((contract_officers::contract_id, contract_officers::officer_id, contract_officers::starts_on))
        .load(conn)?)
}

/// A handover that has not begun, of a contract that stands.
#[derive(Debug, Clone, Queryable)]
pub struct ComingHandover {
    pub id: Id<()>,
    pub contract_id: ContractId,
    pub number: String,
    pub title: String,
    pub officer_id: UserId,
    pub starts_on: NaiveDate,
}

/// Those of an agency by day and number of the contract, at most `rows`.
pub fn coming_of(
    conn: &mut Conn,
    agency: OrganizationId,
    today: NaiveDate,
    rows: i64,
) -> Result<Vec<ComingHandover>, DbError> {
    Ok(contract_officers::table
        .inner_join(contracts::table.on(contracts::id.eq(contract_officers::contract_id)))
        .filter(contract_officers::agency_id.eq(agency).and(contract_officers::starts_on.gt(today)))
        .filter(contract_officers::withdrawn_on.is_null().and(contracts::voided_on.is_null()))
        .order((contract_officers::starts_on, contracts::number_key, contract_officers::id))
        .limit(rows)
        .select((
            contract_officers::id,
            contract_officers::contract_id,
            contracts::number,
            contracts::title,
            contract_officers::officer_id,
            contract_officers::starts_on,
        ))
        .load(conn)?)
}

/// How many contracts the person is to take over from a later day on.
pub fn count_coming_of(
    conn: &mut Conn,
    agency: OrganizationId,
    officer: UserId,
    today: NaiveDate,
) -> Result<i64, DbError> {
    let found = contract_officers::table
        .inner_join(contracts::table.on(contracts::id.eq(contract_officers::contract_id)))
        .filter(contract_officers::agency_id.eq(agency).and(contract_officers::officer_id.eq(officer)))
        .filter(contract_officers::starts_on.gt(today).and(contract_officers::withdrawn_on.is_null()))
        .filter(contracts::voided_on.is_null().and(contracts::last_day.ge(contract_officers::starts_on)));
    Ok(found.select(count_star()).first(conn)?)
}

/// The 担当部署 of the contract that the officer registered or took over last, of those that have one.
pub fn last_department(
    conn: &mut Conn,
    agency: OrganizationId,
    officer: UserId,
) -> Result<Option<String>, DbError> {
    let found = contracts::table
        .filter(contracts::agency_id.eq(agency).and(contracts::officer_id.eq(officer)))
        .filter(contracts::department.is_not_null().and(contracts::voided_on.is_null()))
        .order(contracts::id.desc())
        .select(contracts::department);
    Ok(found.first::<Option<String>>(conn).optional()?.flatten())
}
