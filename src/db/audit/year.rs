//! Audits across contracts: those due in a stretch of days, and how many.

use chrono::NaiveDate;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::AuditRow;
use crate::db::contract::Narrow;
use crate::db::contract::narrow::narrowed;
use crate::db::counted::counted;
use crate::db::schema::{audit_cancellations, audit_completions, audits, contracts};
use crate::db::sight::{SEEN_BELOW, SEEN_FROM};
use crate::db::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::audit::SOON_DAYS;
use crate::domain::calendar::add_days;
use crate::domain::days::DayRange;
use crate::domain::id::{AuditId, OrganizationId, UserId};
use crate::text_enum;

text_enum! {
    /// Which of the audits are asked for.
    pub enum AuditState {
        /// To be done, overdue or not. One due after the contract's last day is asked of nobody.
        Open = "open",
        /// Of those, the ones whose due day has passed.
        Overdue = "overdue",
        /// To be done today or within [`SOON_DAYS`].
        DueSoon = "due_soon",
        Done = "done",
        /// Done or still to be done.
        Planned = "planned",
        Cancelled = "cancelled",
    }
}

/// Which audits are asked for.
#[derive(Debug, Clone)]
pub struct AuditFilter {
    /// In which their due day lies.
    pub days: DayRange,
    pub state: Option<AuditState>,
    /// At a vendor's own places only, not at those below them; for others it changes nothing.
    pub own: bool,
    /// Of which contracts.
    pub narrow: Narrow,
}

/// An audit with what stands beside it in a list across contracts.
#[derive(Debug, Clone, Queryable)]
pub struct ListedAudit {
    pub audit: AuditRow,
    pub contract_number: String,
    pub contract_title: String,
    pub prime_id: OrganizationId,
    pub prime_name: String,
    pub agency_id: OrganizationId,
    pub officer_id: Option<UserId>,
    pub officer_name: Option<String>,
    pub department: Option<String>,
    /// Of the contract.
    pub last_day: NaiveDate,
}

/// Audits with their contract and what became of them; macros, because the types of joins can't be written.
macro_rules! joined {
    () => {
        audits::table
            .inner_join(contracts::table.on(contracts::id.eq(audits::contract_id)))
            .left_join(audit_completions::table.on(audit_completions::audit_id.eq(audits::id)))
            .left_join(audit_cancellations::table.on(audit_cancellations::audit_id.eq(audits::id)))
    };
}

/// Audits at the engagements that the SQL between the two texts names, or, where they name none, of the contracts
/// whose prime the vendor is.
macro_rules! at_places {
    ($query:expr, $vendor:expr, $from:expr, $to:expr) => {
        $query.filter(
            sql::<Bool>("(audits.engagement_id IN (")
                .sql($from)
                .bind::<Text, _>($vendor)
                .sql($to)
                .sql(
                    ") OR (audits.engagement_id IS NULL AND audits.contract_id IN \
                     (SELECT e.contract_id FROM engagements e WHERE e.parent_id IS NULL AND e.vendor_id = ",
                )
                .bind::<Text, _>($vendor)
                .sql(")))"),
        )
    };
}

pub(super) use at_places;

/// Without the unannounced ones that are still to be done, or were never done.
macro_rules! announced {
    ($query:expr) => {
        $query.filter(audits::unannounced.eq(false).or(audit_completions::id.nullable().is_not_null()))
    };
}

/// Narrows a boxed query to what the scope may know of: for a vendor its places and, unless only its own are asked
/// for, those below them.
macro_rules! in_scope {
    ($query:expr, $scope:expr, $own:expr) => {
        match *$scope {
            Scope::Agency(id) => $query.filter(audits::agency_id.eq(id)),
            Scope::Vendor(id) if $own => {
                at_places!(announced!($query), id, "SELECT e.id FROM engagements e WHERE e.vendor_id = ", "")
            }
            Scope::Vendor(id) => {
                let below = format!("{SEEN_BELOW}SELECT s.id FROM seen s");
                at_places!(announced!($query), id, SEEN_FROM, &below)
            }
            Scope::Overseer | Scope::Program => $query,
            Scope::Nothing => $query.filter(sql::<Bool>("1 = 0")),
        }
    };
}

macro_rules! in_state {
    ($query:expr, $state:expr, $today:expr) => {
        match $state {
            AuditState::Open => $query
                .filter(audit_completions::id.nullable().is_null())
                .filter(audit_cancellations::id.nullable().is_null())
                .filter(audits::due_on.le(contracts::last_day)),
            AuditState::Overdue => $query
                .filter(audit_completions::id.nullable().is_null())
                .filter(audit_cancellations::id.nullable().is_null())
                .filter(audits::due_on.le(contracts::last_day))
                .filter(audits::due_on.lt($today)),
            AuditState::DueSoon => $query
                .filter(audit_completions::id.nullable().is_null())
                .filter(audit_cancellations::id.nullable().is_null())
                .filter(audits::due_on.le(contracts::last_day))
                .filter(audits::due_on.between($today, add_days($today, SOON_DAYS))),
            AuditState::Planned => $query.filter(audit_cancellations::id.nullable().is_null()).filter(
                audit_completions::id.nullable().is_not_null().or(audits::due_on.le(contracts::last_day)),
            ),
            AuditState::Done => $query.filter(audit_completions::id.nullable().is_not_null()),
            AuditState::Cancelled => $query.filter(audit_cancellations::id.nullable().is_not_null()),
        }
    };
}

/// Audits in scope by due day and id, of at most `rows`; `after`: the last of the page before.
pub fn list(
    conn: &mut Conn,
    scope: &Scope,
    filter: &AuditFilter,
    today: NaiveDate,
    after: Option<(NaiveDate, AuditId)>,
    rows: i64,
) -> Result<Vec<ListedAudit>, DbError> {
    use crate::db::schema::{organizations, users};
    let from = after.map_or(filter.days.from, |(day, _)| day.max(filter.days.from));
    let query = joined!()
        .inner_join(organizations::table.on(organizations::id.eq(contracts::vendor_id)))
        .left_join(users::table.on(users::id.nullable().eq(contracts::officer_id)))
        .filter(audits::due_on.between(from, filter.days.to))
        .filter(contracts::voided_on.is_null())
        .order((audits::due_on, audits::id))
        .limit(rows)
        .select((
            AuditRow::as_select(),
            contracts::number,
            contracts::title,
            contracts::vendor_id,
            organizations::name,
            contracts::agency_id,
            contracts::officer_id,
            users::name.nullable(),
            contracts::department,
            contracts::last_day,
        ))
        .into_boxed();
    let mut query = in_scope!(query, scope, filter.own);
    if let Some(state) = filter.state {
        query = in_state!(query, state, today);
    }
    narrowed!(query, filter.narrow, scope);
    if let Some((day, id)) = after {
        query = query.filter(audits::due_on.gt(day).or(audits::id.gt(id)));
    }
    Ok(query.load(conn)?)
}

/// How many audits in scope, counted up to a bound.
pub fn count(
    conn: &mut Conn,
    scope: &Scope,
    filter: &AuditFilter,
    today: NaiveDate,
    bound: i64,
) -> Result<i64, DbError> {
    let days = filter.days;
    let query = joined!()
        .filter(audits::due_on.between(days.from, days.to))
        .filter(contracts::voided_on.is_null())
        .select(audits::id)
        .limit(bound)
        .into_boxed();
    let mut query = in_scope!(query, scope, filter.own);
    if let Some(state) = filter.state {
        query = in_state!(query, state, today);
    }
    narrowed!(query, filter.narrow, scope);
    counted(conn, query)
}
