//! Lists of contracts, by what they are narrowed to and in which order; and how many run.

use chrono::NaiveDate;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::{AGENCIES, ContractHead, ContractLine, Line, line};
use crate::db::schema::{alerts, contracts, engagements, organizations, users};
use crate::db::types::directly;
use crate::db::{Conn, DbError, like_escaped};
use crate::domain::access::Scope;
use crate::domain::calendar::fiscal_year_range;
use crate::domain::contract::ContractStatus;
use crate::domain::id::{ContractId, OrganizationId};

/// What a list of contracts is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContractFilter {
    /// A normalized search key, part of number, title or the name of a company on the chain.
    pub key: Option<String>,
    pub fiscal_year: Option<i32>,
    pub status: Option<ContractStatus>,
    pub vendor_id: Option<OrganizationId>,
    /// Only those with an unresolved alert.
    pub alerting: bool,
    /// Only those whose last day is this one or before.
    pub ends_by: Option<NaiveDate>,
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

/// Contracts on whose chain a company of that name stands; the prime holds a place, too.
const NAMED: &str = "contracts.id IN (SELECT e.contract_id FROM engagements e \
     JOIN organizations o ON o.id = e.vendor_id WHERE o.search_key LIKE ";
/// Or one that had the name before.
const OR_ONCE: &str =
    " ESCAPE '\\' OR o.id IN (SELECT n.organization_id FROM organization_names n WHERE n.search_key LIKE ";

/// A page of contracts.
pub fn list(
    conn: &mut Conn,
    scope: &Scope,
    filter: &ContractFilter,
    order: &ContractOrder,
    today: NaiveDate,
    rows: i64,
) -> Result<Vec<ContractLine>, DbError> {
    macro_rules! lines {
        () => {
            joined!().select(line_columns!()).limit(rows)
        };
    }
    if let (Scope::Agency(agency), ContractOrder::Newest { after }, true) =
        (scope, order, *filter == ContractFilter::default())
    {
        // The list as it opens; no identifier is greater than the last.
        let before = after.unwrap_or(ContractId::from_uuid(uuid::Uuid::max()));
        let found: Vec<Line> = directly!(conn, |own| {
            let within = contracts::agency_id.eq(agency).and(contracts::id.lt(before));
            let within = within.and(contracts::voided_on.is_null());
            lines!().order(contracts::id.desc()).filter(within).load(own)
        })?;
        return Ok(found.into_iter().map(line).collect());
    }
    let mut query = lines!().into_boxed();
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
    if let Some(key) = &filter.key {
        let pattern = format!("%{}%", like_escaped(key));
        let own = contracts::search_key.like(pattern.clone()).escape('\\');
        // To a vendor further down, who the prime is must not be found out by searching.
        query = if let Scope::Vendor(_) = scope {
            query.filter(own)
        } else {
            let once = sql::<Bool>(NAMED).bind::<Text, _>(pattern.clone()).sql(OR_ONCE);
            query.filter(own.or(once.bind::<Text, _>(pattern).sql(" ESCAPE '\\'))")))
        };
    }
    if let Some(year) = filter.fiscal_year {
        // A contract over several years is found in every year in which it runs.
        let (first, last) = fiscal_year_range(year.clamp(1, 9998));
        let runs = contracts::starts_on.le(last).and(contracts::last_day.ge(first));
        query = query.filter(contracts::fiscal_year.eq(year).or(runs));
    }
    // One that was registered by mistake is found by asking for such.
    query = if filter.status == Some(ContractStatus::Voided) {
        query.filter(contracts::voided_on.is_not_null())
    } else {
        query.filter(contracts::voided_on.is_null())
    };
    match filter.status {
        Some(ContractStatus::Upcoming) => {
            query = query
                .filter(contracts::starts_on.gt(today).and(contracts::last_day.ge(contracts::starts_on)));
        }
        Some(ContractStatus::Running) => {
            query = query.filter(contracts::starts_on.le(today).and(contracts::last_day.ge(today)));
        }
        Some(ContractStatus::Ended) => {
            query =
                query.filter(contracts::last_day.lt(today).or(contracts::last_day.lt(contracts::starts_on)));
        }
        Some(ContractStatus::Voided) | None => {}
    }
    if let Some(vendor) = filter.vendor_id {
        query = query.filter(contracts::vendor_id.eq(vendor));
        if let Scope::Vendor(own) = *scope {
            query = query.filter(contracts::vendor_id.eq(own));
        }
    }
    if let Some(day) = filter.ends_by {
        query = query.filter(contracts::last_day.le(day));
    }
    if filter.alerting {
        query = match *scope {
            Scope::Vendor(own) => query.filter(diesel::dsl::exists(
                alerts::table
                    .filter(alerts::contract_id.eq(contracts::id.nullable()))
                    .filter(alerts::vendor_id.eq(own))
                    .filter(alerts::state.ne("resolved")),
            )),
            _ => query.filter(Alerting::new(contracts::open_alerts)),
        };
    }
    Ok(query.load::<Line>(conn)?.into_iter().map(line).collect())
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
