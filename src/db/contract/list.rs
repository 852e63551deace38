//! Lists of contracts, by what they are narrowed to and in which order; and how many run.

use chrono::NaiveDate;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Date};

use super::narrow::{Narrow, narrowed};
use super::{AGENCIES, ContractHead, ContractLine, Line, line};
use crate::db::counted::counted;
use crate::db::schema::{alerts, contracts, engagements, organizations, users};
use crate::db::types::directly;
use crate::db::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::calendar::fiscal_year_range;
use crate::domain::contract::ContractStatus;
use crate::domain::id::{ContractId, OrganizationId};

/// What a list of contracts is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContractFilter {
    pub narrow: Narrow,
    pub status: Option<ContractStatus>,
    pub vendor_id: Option<OrganizationId>,
    /// Only those with an unresolved alert.
    pub alerting: bool,
    /// Only those whose last day is this one or before.
    pub ends_by: Option<NaiveDate>,
    /// Only those that have not ended, begun or not.
    pub unended: bool,
    /// Only those that run in this 年度, entrust personal data, and have no on-site audit planned or done in it.
    pub without_on_site: Option<i32>,
}

// The words of the partial index, which a bound value would not meet.
diesel::postfix_operator!(Alerting, " > 0");

/// In which order a list is, and the last row of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractOrder {
    /// The newest first.
    Newest { after: Option<ContractId> },
    /// 契約番号, by its key.
    Number { descending: bool, after: Option<(String, ContractId)> },
    /// By all terms and terminations known.
    LastDay { descending: bool, after: Option<(NaiveDate, ContractId)> },
    /// 契約金額.
    Amount { descending: bool, after: Option<(i64, ContractId)> },
}

/// No on-site audit counts, planned within days and the contract, or done within them; as `domain::audit::has_on_site`.
const ON_SITE: &str = "NOT EXISTS (SELECT 1 FROM audits a LEFT JOIN audit_completions d ON d.audit_id = a.id \
    WHERE a.contract_id = contracts.id AND a.kind = 'on_site' \
    AND NOT EXISTS (SELECT 1 FROM audit_cancellations x WHERE x.audit_id = a.id) \
    AND ((a.due_on BETWEEN ";

/// Narrows a boxed query of contracts, joined to others or not, to what is asked for.
macro_rules! matching {
    ($query:ident, $scope:expr, $filter:expr, $today:expr) => {
        narrowed!($query, $filter.narrow, $scope);
        // One that was registered by mistake is found by asking for such.
        $query = if $filter.status == Some(ContractStatus::Voided) {
            $query.filter(contracts::voided_on.is_not_null())
        } else {
            $query.filter(contracts::voided_on.is_null())
        };
        match $filter.status {
            Some(ContractStatus::Upcoming) => {
                $query = $query.filter(
                    contracts::starts_on.gt($today).and(contracts::last_day.ge(contracts::starts_on)),
                );
            }
            Some(ContractStatus::Running) => {
                $query = $query.filter(contracts::starts_on.le($today).and(contracts::last_day.ge($today)));
            }
            Some(ContractStatus::Ended) => {
                $query = $query
                    .filter(contracts::last_day.lt($today).or(contracts::last_day.lt(contracts::starts_on)));
            }
            Some(ContractStatus::Voided) | None => {}
        }
        if let Some(vendor) = $filter.vendor_id {
            $query = $query.filter(contracts::vendor_id.eq(vendor));
            if let Scope::Vendor(own) = *$scope {
                $query = $query.filter(contracts::vendor_id.eq(own));
            }
        }
        if let Some(day) = $filter.ends_by {
            $query = $query.filter(contracts::last_day.le(day));
        }
        if $filter.unended {
            $query = $query.filter(contracts::last_day.ge($today));
        }
        if $filter.alerting {
            $query = match *$scope {
                Scope::Vendor(own) => $query.filter(diesel::dsl::exists(
                    alerts::table
                        .filter(alerts::contract_id.eq(contracts::id.nullable()))
                        .filter(alerts::vendor_id.eq(own))
                        .filter(alerts::state.ne("resolved")),
                )),
                _ => $query.filter(Alerting::new(contracts::open_alerts)),
            };
        }
        if let Some(year) = $filter.without_on_site {
            let (first, last) = fiscal_year_range(year.clamp(1, 9998));
            $query = $query
                .filter(contracts::entrusts_data.eq(true))
                .filter(contracts::starts_on.le(last).and(contracts::last_day.ge(first)))
                .filter(contracts::starts_on.le(contracts::last_day))
                .filter(contracts::learned_on.le(last))
                .filter(
                    sql::<Bool>(ON_SITE)
                        .bind::<Date, _>(first)
                        .sql(" AND ")
                        .bind::<Date, _>(last)
                        .sql(" AND a.due_on <= contracts.last_day) OR d.done_on BETWEEN ")
                        .bind::<Date, _>(first)
                        .sql(" AND ")
                        .bind::<Date, _>(last)
                        .sql("))"),
                );
        }
    };
}

macro_rules! lines {
    ($rows:expr) => {
        joined!().select(line_columns!()).limit($rows)
    };
}

/// A page of contracts.
pub fn list(
    conn: &mut Conn,
    scope: &Scope,
    filter: &ContractFilter,
    order: &ContractOrder,
    today: NaiveDate,
    rows: i64,
) -> Result<Vec<ContractLine>, DbError> {
    if let (Scope::Agency(agency), ContractOrder::Newest { after }, true) =
        (scope, order, *filter == ContractFilter::default())
    {
        // The list as it opens; no identifier is greater than the last.
        let before = after.unwrap_or(ContractId::from_uuid(uuid::Uuid::max()));
        let found: Vec<Line> = directly!(conn, |own| {
            let within = contracts::agency_id.eq(agency).and(contracts::id.lt(before));
            let within = within.and(contracts::voided_on.is_null());
            lines!(rows).order(contracts::id.desc()).filter(within).load(own)
        })?;
        return Ok(found.into_iter().map(line).collect());
    }
    let mut query = lines!(rows).into_boxed();
    in_scope!(query, scope);
    // Keyset: beyond the last row of the page before, by the column and by id among equals.
    macro_rules! ordered {
        ($column:expr, $descending:expr, $after:expr) => {
            if *$descending {
                query = query.order(($column.desc(), contracts::id.desc()));
                if let Some((value, id)) = $after.clone() {
                    let beyond = $column.lt(value.clone()).or(contracts::id.lt(id));
                    query = query.filter($column.le(value)).filter(beyond);
                }
            } else {
                query = query.order(($column, contracts::id));
                if let Some((value, id)) = $after.clone() {
                    let beyond = $column.gt(value.clone()).or(contracts::id.gt(id));
                    query = query.filter($column.ge(value)).filter(beyond);
                }
            }
        };
    }
    match order {
        ContractOrder::Newest { after } => {
            query = query.order(contracts::id.desc());
            if let Some(after) = after {
                query = query.filter(contracts::id.lt(after));
            }
        }
        ContractOrder::Number { descending, after } => ordered!(contracts::number_key, descending, after),
        ContractOrder::LastDay { descending, after } => ordered!(contracts::last_day, descending, after),
        ContractOrder::Amount { descending, after } => ordered!(contracts::amount_yen, descending, after),
    }
    matching!(query, scope, filter, today);
    Ok(query.load::<Line>(conn)?.into_iter().map(line).collect())
}

/// How many contracts in scope match, counted up to a bound.
pub fn count_matching(
    conn: &mut Conn,
    scope: &Scope,
    filter: &ContractFilter,
    today: NaiveDate,
    bound: i64,
) -> Result<i64, DbError> {
    let mut query = contracts::table.select(contracts::id).limit(bound).into_boxed();
    in_scope!(query, scope);
    matching!(query, scope, filter, today);
    counted(conn, query)
}

/// How many contracts in scope run today, and how many of them end by a day.
pub fn count_running(
    conn: &mut Conn,
    scope: &Scope,
    today: NaiveDate,
    until: NaiveDate,
) -> Result<(i64, i64), DbError> {
    let mut count = |until: Option<NaiveDate>| {
        let mut query = contracts::table
            .filter(contracts::starts_on.le(today).and(contracts::last_day.ge(today)))
            .filter(contracts::voided_on.is_null())
            .select(count_star())
            .into_boxed();
        in_scope!(query, scope);
        if let Some(until) = until {
            query = query.filter(contracts::last_day.le(until));
        }
        Ok::<i64, DbError>(query.first(conn)?)
    };
    Ok((count(None)?, count(Some(until))?))
}
