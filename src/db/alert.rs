//! Alerts as stored: rows, the contract's own for the rules, and lists in scope.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::contract::narrow::named;
use super::contract::{Narrow, OfficerIs};
use super::counted::counted;
use super::schema::{alerts, contract_terms, contracts};
use super::types::{directly, from_json, to_json};
use super::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::alert::{AlertFact, AlertKind, AlertState, Assessment, Finding, Severity, Step};
use crate::domain::calendar::fiscal_year_range;
use crate::domain::chain::Cause;
use crate::domain::contract::{DataCategory, Instant, Terms};
use crate::domain::days::DaySet;
use crate::domain::id::{AlertId, ContractId, EngagementId, OrganizationId, UserId};
use crate::text_enum;

/// An alert as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = alerts)]
pub struct AlertRow {
    pub id: AlertId,
    pub agency_id: OrganizationId,
    pub contract_id: Option<ContractId>,
    pub engagement_id: Option<EngagementId>,
    /// Whom it is about, where that organization may see it.
    pub vendor_id: Option<OrganizationId>,
    pub kind: AlertKind,
    pub subject: String,
    pub severity: Severity,
    pub state: AlertState,
    pub cause: Option<Cause>,
    pub assessment: Option<Assessment>,
    pub assessment_reason: Option<String>,
    pub message: String,
    /// Goes before the message where it is hashed for the ledger; None: erased.
    pub salt: Option<String>,
    pub rule_version: i32,
    pub due_on: Option<NaiveDate>,
    /// JSON of a [`DaySet`].
    pub days: String,
    pub last_step: Option<String>,
    pub opened_on: NaiveDate,
    pub opened_at: NaiveDateTime,
    pub acknowledged_by: Option<UserId>,
    pub measure: Option<String>,
    pub measured_by: Option<UserId>,
    pub accepted_until: Option<NaiveDate>,
    pub resolved_on: Option<NaiveDate>,
    pub resolved_at: Option<NaiveDateTime>,
    pub resolution: Option<String>,
    pub version: i64,
}

impl AlertRow {
    /// What the rules know of it.
    pub fn fact(&self) -> Result<AlertFact, DbError> {
        let told = self.last_step.as_deref().map_or(Ok(Step::Opened), str::parse);
        Ok(AlertFact {
            id: self.id,
            kind: self.kind,
            subject: self.subject.clone(),
            state: self.state,
            severity: self.severity,
            cause: self.cause,
            message: self.message.clone(),
            due_on: self.due_on,
            opened_on: self.opened_on,
            days: self.days()?,
            measure: self.measure.clone(),
            accepted_until: self.accepted_until,
            told: told.map_err(|_| DbError::BrokenRow(format!("step of alert {}", self.id)))?,
        })
    }

    /// The uncovered days it speaks of.
    pub fn days(&self) -> Result<DaySet, DbError> {
        from_json(&self.days)
    }
}

/// An alert to be opened.
pub struct NewAlert<'a> {
    pub id: AlertId,
    pub agency_id: OrganizationId,
    pub contract_id: Option<ContractId>,
    pub finding: &'a Finding,
    /// Goes before the message where it is hashed for the ledger.
    pub salt: &'a str,
    pub rule_version: i32,
    pub opened_on: NaiveDate,
    pub opened_at: Instant,
}

/// Opens an alert. A second unresolved one of the same kind and subject is refused as not unique.
pub fn insert(conn: &mut Conn, new: &NewAlert<'_>) -> Result<(), DbError> {
    let found = new.finding;
    directly!(conn, |own| diesel::insert_into(alerts::table)
        .values((
            alerts::id.eq(new.id),
            alerts::agency_id.eq(new.agency_id),
            alerts::contract_id.eq(new.contract_id),
            alerts::engagement_id.eq(found.engagement_id),
            alerts::vendor_id.eq(found.vendor_id),
            alerts::kind.eq(found.kind),
            alerts::subject.eq(&found.subject),
            alerts::severity.eq(found.severity),
            alerts::state.eq(AlertState::Open),
            alerts::cause.eq(found.cause),
            alerts::message.eq(&found.message),
            alerts::salt.eq(new.salt),
            alerts::rule_version.eq(new.rule_version),
            alerts::due_on.eq(found.due_on),
            alerts::days.eq(to_json(&found.days)?),
            alerts::last_step.eq(found.step.to_string()),
            alerts::opened_on.eq(new.opened_on),
            alerts::opened_at.eq(new.opened_at.naive_utc()),
            alerts::version.eq(1),
        ))
        .execute(own))?;
    Ok(())
}

/// Brings an alert to what the rules find now.
pub fn update(conn: &mut Conn, id: AlertId, found: &Finding, rule_version: i32) -> Result<(), DbError> {
    diesel::update(alerts::table.find(id))
        .set((
            alerts::severity.eq(found.severity),
            alerts::cause.eq(found.cause),
            alerts::due_on.eq(found.due_on),
            alerts::days.eq(to_json(&found.days)?),
            alerts::message.eq(&found.message),
            alerts::rule_version.eq(rule_version),
            alerts::version.eq(alerts::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// The last step told.
pub fn set_step(conn: &mut Conn, id: AlertId, step: Step) -> Result<(), DbError> {
    diesel::update(alerts::table.find(id))
        .set((alerts::last_step.eq(step.to_string()), alerts::version.eq(alerts::version + 1)))
        .execute(conn)?;
    Ok(())
}

/// Ends an alert.
pub fn resolve(
    conn: &mut Conn,
    id: AlertId,
    reason: &str,
    on: NaiveDate,
    at: Instant,
) -> Result<(), DbError> {
    diesel::update(alerts::table.find(id))
        .set((
            alerts::state.eq(AlertState::Resolved),
            alerts::resolution.eq(reason),
            alerts::resolved_on.eq(on),
            alerts::resolved_at.eq(at.naive_utc()),
            alerts::version.eq(alerts::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Someone has taken it up.
pub fn acknowledge(conn: &mut Conn, id: AlertId, by: UserId) -> Result<(), DbError> {
    diesel::update(alerts::table.filter(alerts::id.eq(id)).filter(alerts::state.eq(AlertState::Open)))
        .set((
            alerts::state.eq(AlertState::Acknowledged),
            alerts::acknowledged_by.eq(by),
            alerts::version.eq(alerts::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// What a person recorded as done, and until when the excess is accepted.
pub fn measure(
    conn: &mut Conn,
    id: AlertId,
    by: UserId,
    measure: &str,
    accepted_until: Option<NaiveDate>,
) -> Result<(), DbError> {
    diesel::update(alerts::table.find(id))
        .set((
            alerts::measure.eq(measure),
            alerts::measured_by.eq(by),
            alerts::accepted_until.eq(accepted_until),
            alerts::version.eq(alerts::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// What a person makes of it.
pub fn assess(conn: &mut Conn, id: AlertId, assessment: Assessment, reason: &str) -> Result<(), DbError> {
    diesel::update(alerts::table.find(id))
        .set((
            alerts::assessment.eq(assessment),
            alerts::assessment_reason.eq(reason),
            alerts::version.eq(alerts::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Every alert of a contract, the resolved ones too. The caller has settled that it may.
pub fn of_contract(conn: &mut Conn, id: ContractId) -> Result<Vec<AlertRow>, DbError> {
    Ok(alerts::table
        .filter(alerts::contract_id.eq(id))
        .order(alerts::id)
        .select(AlertRow::as_select())
        .load(conn)?)
}

// The words of the partial index, which a bound value would not meet.
diesel::postfix_operator!(Unresolved, " <> 'resolved'");

/// The unresolved alert of a kind and subject at an agency.
pub fn unresolved(
    conn: &mut Conn,
    agency_id: OrganizationId,
    kind: AlertKind,
    subject: &str,
) -> Result<Option<AlertRow>, DbError> {
    Ok(alerts::table
        .filter(alerts::agency_id.eq(agency_id))
        .filter(alerts::kind.eq(kind))
        .filter(alerts::subject.eq(subject))
        .filter(Unresolved::new(alerts::state))
        .select(AlertRow::as_select())
        .first(conn)
        .optional()?)
}

/// State and opening of the latest alert of a kind and subject at an agency.
pub fn latest(
    conn: &mut Conn,
    agency_id: OrganizationId,
    kind: AlertKind,
    subject: &str,
) -> Result<Option<(AlertState, NaiveDateTime)>, DbError> {
    Ok(alerts::table
        .filter(alerts::agency_id.eq(agency_id))
        .filter(alerts::kind.eq(kind))
        .filter(alerts::subject.eq(subject))
        .order(alerts::id.desc())
        .select((alerts::state, alerts::opened_at))
        .first(conn)
        .optional()?)
}

/// The agencies at which an alert of a kind and subject is unresolved.
pub fn agencies_alerted(
    conn: &mut Conn,
    kind: AlertKind,
    subject: &str,
) -> Result<Vec<OrganizationId>, DbError> {
    Ok(alerts::table
        .filter(alerts::kind.eq(kind))
        .filter(alerts::subject.eq(subject))
        .filter(alerts::state.ne(AlertState::Resolved))
        .select(alerts::agency_id)
        .load(conn)?)
}

/// Of these alerts, those that are resolved.
pub fn resolved_among(conn: &mut Conn, ids: &[AlertId]) -> Result<Vec<AlertId>, DbError> {
    Ok(alerts::table
        .filter(alerts::id.eq_any(ids.to_vec()))
        .filter(alerts::state.eq(AlertState::Resolved))
        .select(alerts::id)
        .load(conn)?)
}

/// Counts a contract's unresolved alerts in its projection.
pub fn set_open_count(conn: &mut Conn, id: ContractId, count: i32) -> Result<(), DbError> {
    diesel::update(contracts::table.filter(contracts::id.eq(id)).filter(contracts::open_alerts.ne(count)))
        .set(contracts::open_alerts.eq(count))
        .execute(conn)?;
    Ok(())
}

/// Not of a contract whose registration was taken back.
pub(super) const OF_STANDING: &str =
    "NOT EXISTS (SELECT 1 FROM contracts v WHERE v.id = alerts.contract_id AND v.voided_on IS NOT NULL)";

/// What of the alerts is listed.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    pub state: Option<AlertState>,
    /// Only those that stand, taken up or not.
    pub unresolved: bool,
    /// Due on that day or later.
    pub due_from: Option<NaiveDate>,
    /// Due on that day or earlier.
    pub due_until: Option<NaiveDate>,
    pub kind: Option<AlertKind>,
    pub severity: Option<Severity>,
    pub contract_id: Option<ContractId>,
    pub engagement_id: Option<EngagementId>,
    /// About which contracts.
    pub narrow: Narrow,
    pub order: AlertOrder,
}

text_enum! {
    /// In which order alerts are listed.
    #[derive(Default)]
    pub enum AlertOrder {
        #[default]
        Newest = "newest",
        /// The gravest first, and of those the latest.
        Gravest = "gravest",
        /// Those that are due, the soonest first.
        Due = "due",
    }
}

/// Restricts a boxed query to what the scope can know of.
macro_rules! in_scope {
    ($query:expr, $scope:expr) => {
        match $scope {
            Scope::Agency(id) => $query.filter(alerts::agency_id.eq(id)),
            Scope::Vendor(id) => $query.filter(alerts::vendor_id.eq(id)),
            Scope::Overseer | Scope::Program => $query,
            Scope::Nothing => $query.filter(alerts::id.eq("")),
        }
    };
}

/// An alert in scope.
pub fn find(conn: &mut Conn, scope: Scope, id: AlertId) -> Result<AlertRow, DbError> {
    let query = alerts::table.filter(alerts::id.eq(id)).select(AlertRow::as_select()).into_boxed();
    Ok(in_scope!(query, scope).first(conn)?)
}

/// The alerts about a place on a contract's chain that are not resolved.
pub fn unresolved_of_place(
    conn: &mut Conn,
    contract: ContractId,
    place: EngagementId,
) -> Result<Vec<AlertId>, DbError> {
    let found = alerts::table
        .filter(alerts::contract_id.eq(contract).and(alerts::engagement_id.eq(place)))
        .filter(Unresolved::new(alerts::state))
        .order(alerts::id);
    Ok(found.select(alerts::id).load(conn)?)
}

/// Of these alerts, those in scope.
pub fn find_all(conn: &mut Conn, scope: Scope, ids: &[AlertId]) -> Result<Vec<AlertRow>, DbError> {
    let query =
        alerts::table.filter(alerts::id.eq_any(ids.to_vec())).select(AlertRow::as_select()).into_boxed();
    Ok(in_scope!(query, scope).load(conn)?)
}

/// The numbers of an agency's other contracts in which an alert of the gravest kind about a company stands; few.
pub fn grave_elsewhere(
    conn: &mut Conn,
    agency: OrganizationId,
    vendor: OrganizationId,
    but: ContractId,
) -> Result<Vec<(ContractId, String)>, DbError> {
    let query = alerts::table
        .inner_join(contracts::table.on(alerts::contract_id.eq(contracts::id.nullable())))
        .filter(alerts::agency_id.eq(agency).and(alerts::vendor_id.eq(vendor)))
        .filter(alerts::severity.eq(Severity::Critical))
        .filter(Unresolved::new(alerts::state))
        .filter(contracts::id.ne(but));
    let query = query.select((contracts::number_key, contracts::id, contracts::number)).distinct();
    let found: Vec<(String, ContractId, String)> = query.order(contracts::number_key).limit(5).load(conn)?;
    Ok(found.into_iter().map(|(_, id, number)| (id, number)).collect())
}

/// The contract that an alert is about, in a subquery.
macro_rules! its_contract {
    ($query:ident, $($more:expr),+) => {
        let its = contracts::table.filter(contracts::id.nullable().eq(alerts::contract_id));
        $query = $query.filter(diesel::dsl::exists(its$(.filter($more))+));
    };
}

/// Narrows a boxed query of alerts to those about some contracts; a join would not do for those about none.
macro_rules! about_contracts {
    ($query:expr, $narrow:expr, $scope:expr) => {{
        let mut query = $query;
        let allowed = $narrow.allowed(&$scope);
        match allowed.officer {
            Some(OfficerIs::Person(id)) => {
                its_contract!(query, contracts::officer_id.eq(id));
            }
            Some(OfficerIs::Nobody) => {
                its_contract!(query, contracts::officer_id.is_null());
            }
            None => {}
        }
        if let Some(department) = allowed.department {
            its_contract!(query, contracts::department.eq(department));
        }
        if let Some(key) = &allowed.vendor {
            let pattern = format!("%{}%", super::like_escaped(key));
            its_contract!(query, named!(pattern));
        }
        if let Some(key) = &allowed.key {
            let pattern = format!("%{}%", super::like_escaped(key));
            let own = contracts::search_key.like(pattern.clone()).escape('\\');
            if allowed.by_companies {
                its_contract!(query, own.or(named!(pattern)));
            } else {
                its_contract!(query, own);
            }
        }
        if let Some(year) = allowed.fiscal_year {
            let (first, last) = fiscal_year_range(year.clamp(1, 9998));
            let runs = contracts::starts_on.le(last).and(contracts::last_day.ge(first));
            its_contract!(query, runs.or(contracts::fiscal_year.eq(year)));
        }
        query
    }};
}

/// Narrows a boxed query to what is asked for.
macro_rules! narrowed {
    ($query:expr, $filter:expr, $scope:expr) => {{
        let mut query = $query;
        if let Some(state) = $filter.state {
            query = query.filter(alerts::state.eq(state));
        }
        if $filter.unresolved {
            query = query.filter(Unresolved::new(alerts::state));
        }
        if let Some(day) = $filter.due_from {
            query = query.filter(alerts::due_on.ge(day));
        }
        if let Some(day) = $filter.due_until {
            query = query.filter(alerts::due_on.le(day));
        }
        if let Some(kind) = $filter.kind {
            query = query.filter(alerts::kind.eq(kind));
        }
        if let Some(severity) = $filter.severity {
            query = query.filter(alerts::severity.eq(severity));
        }
        query = match $filter.contract_id {
            Some(contract_id) => query.filter(alerts::contract_id.eq(contract_id)),
            // Of a contract registered by mistake only its own page tells.
            None => query.filter(sql::<Bool>(OF_STANDING)),
        };
        if let Some(engagement_id) = $filter.engagement_id {
            query = query.filter(alerts::engagement_id.eq(engagement_id));
        }
        about_contracts!(query, $filter.narrow, $scope)
    }};
}

/// How many alerts in scope, counted up to a bound; in the order of due days, only those that are due.
pub fn count_listed(conn: &mut Conn, scope: Scope, filter: &AlertFilter, bound: i64) -> Result<i64, DbError> {
    let query = alerts::table.select(alerts::id).limit(bound).into_boxed();
    let mut query = narrowed!(in_scope!(query, scope), filter, scope);
    if filter.order == AlertOrder::Due {
        query = query.filter(alerts::due_on.is_not_null());
    }
    counted(conn, query)
}

/// Alerts in scope that are due, the soonest first; `after`: the last of the page before.
pub fn by_due_day(
    conn: &mut Conn,
    scope: Scope,
    filter: &AlertFilter,
    after: Option<(NaiveDate, AlertId)>,
    n: i64,
) -> Result<Vec<AlertRow>, DbError> {
    let query = alerts::table.select(AlertRow::as_select()).limit(n).into_boxed();
    let mut query = narrowed!(in_scope!(query, scope), filter, scope);
    query = query.filter(alerts::due_on.is_not_null()).order((alerts::due_on, alerts::id));
    if let Some((day, id)) = after {
        query = query.filter(alerts::due_on.ge(day));
        query = query.filter(alerts::due_on.gt(day).or(alerts::id.nullable().gt(id)));
    }
    Ok(query.load(conn)?)
}

/// Alerts in scope, the latest first, whatever order the filter names.
pub fn list(
    conn: &mut Conn,
    scope: Scope,
    filter: &AlertFilter,
    before: Option<AlertId>,
    n: i64,
) -> Result<Vec<AlertRow>, DbError> {
    let query = alerts::table.order(alerts::id.desc()).select(AlertRow::as_select()).limit(n).into_boxed();
    let mut query = narrowed!(in_scope!(query, scope), filter, scope);
    if let Some(before) = before {
        query = query.filter(alerts::id.lt(before));
    }
    Ok(query.load(conn)?)
}

/// How many alerts in scope.
pub fn count(conn: &mut Conn, scope: Scope, filter: &AlertFilter) -> Result<i64, DbError> {
    let query = alerts::table.select(diesel::dsl::count_star()).into_boxed();
    Ok(narrowed!(in_scope!(query, scope), filter, scope).first(conn)?)
}

/// The latest of the alerts in scope.
pub fn latest_of(conn: &mut Conn, scope: Scope, filter: &AlertFilter) -> Result<Option<AlertId>, DbError> {
    let query = alerts::table.order(alerts::id.desc()).select(alerts::id).limit(1).into_boxed();
    Ok(narrowed!(in_scope!(query, scope), filter, scope).first(conn).optional()?)
}

/// The first of the alerts in scope, the oldest first, none after `up_to`.
pub fn ids_up_to(
    conn: &mut Conn,
    scope: Scope,
    filter: &AlertFilter,
    up_to: AlertId,
    n: i64,
) -> Result<Vec<AlertId>, DbError> {
    let query = alerts::table.filter(alerts::id.le(up_to)).order(alerts::id).select(alerts::id).limit(n);
    Ok(narrowed!(in_scope!(query.into_boxed(), scope), filter, scope).load(conn)?)
}

/// Alerts in scope, the gravest first, and of those the latest; `after`: the last of the page before.
pub fn gravest(
    conn: &mut Conn,
    scope: Scope,
    filter: &AlertFilter,
    after: Option<(Severity, AlertId)>,
    n: i64,
) -> Result<Vec<AlertRow>, DbError> {
    let mut found = Vec::new();
    let mut left = n;
    let last = after.map(|(severity, _)| severity);
    for severity in [Severity::Critical, Severity::Warning, Severity::Info] {
        let asked = filter.severity.is_none_or(|only| only == severity);
        if !asked || last.is_some_and(|last| severity > last) || left <= 0 {
            continue;
        }
        let of_severity = AlertFilter { severity: Some(severity), ..filter.clone() };
        let before = after.filter(|(last, _)| *last == severity).map(|(_, id)| id);
        found.extend(list(conn, scope, &of_severity, before, left)?);
        left = n - i64::try_from(found.len()).unwrap_or(n);
    }
    Ok(found)
}

/// What a list says of the contracts its alerts are about.
#[derive(Debug, Clone)]
pub struct ContractLabel {
    pub number: String,
    pub title: String,
    /// Whether any of its terms speak of マイナンバー.
    pub my_number: bool,
}

/// The labels of the rows' contracts; the rows were in scope.
pub fn contract_labels(
    conn: &mut Conn,
    rows: &[AlertRow],
) -> Result<HashMap<ContractId, ContractLabel>, DbError> {
    let ids: HashSet<ContractId> = rows.iter().filter_map(|row| row.contract_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<ContractId> = ids.into_iter().collect();
    let terms: Vec<(ContractId, String)> = contract_terms::table
        .filter(contract_terms::contract_id.eq_any(&ids))
        .select((contract_terms::contract_id, contract_terms::body))
        .load(conn)?;
    let mut my_number = HashSet::new();
    for (id, body) in terms {
        if from_json::<Terms>(&body)?.data.iter().any(|data| data.category == DataCategory::MyNumber) {
            my_number.insert(id);
        }
    }
    let label =
        |(id, (number, title))| (id, ContractLabel { number, title, my_number: my_number.contains(&id) });
    Ok(super::contract::labels(conn, &ids)?.into_iter().map(label).collect())
}
