//! What somebody has to do, in one order by due day: deadlines of applications and reports, audits, their findings, the
//! first and last days of contracts, and the alerts that speak of something else. Each source is read by its own index from where the
//! page before ended, and they are merged.

use chrono::NaiveDate;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::audit::{self, AuditFilter, AuditState, OpenFindings};
use super::contract::Narrow;
use super::contract::narrow::narrowed;
use super::deadline::DeadlineRow;
use super::schema::{alerts, contracts, deadlines, engagements};
use super::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::alert::{AlertKind, Severity};
use crate::domain::audit::{AuditKind, every_day};
use crate::domain::calendar::add_days;
use crate::domain::days::DayRange;
use crate::domain::deadline::DeadlineKind;
use crate::domain::id::{
    AlertId, AuditId, ContractId, EngagementId, FindingId, OrganizationId, SubjectId, UserId,
};
use crate::text_enum;

text_enum! {
    /// What is to be done; of one day in this order.
    pub enum TaskKind {
        /// 申請の決裁
        Decision = "decision",
        /// 申請の審査
        Review = "review",
        /// 申請の補正, by the vendor
        Correction = "correction",
        /// 承認を確認できない使用: apply, end it, or put the report right; by the vendor
        Unapproved = "unapproved",
        /// 状況報告
        Report = "report",
        /// 検査
        Audit = "audit",
        /// 指摘の改善, and 是正確認 by the agency
        Finding = "finding",
        /// 契約の開始
        ContractStart = "contract_start",
        /// 契約の終了
        ContractEnd = "contract_end",
        /// An alert of another kind than those that speak of the above.
        Alert = "alert",
    }
}

impl TaskKind {
    /// Those with rows of their own.
    fn deadline(self) -> Option<DeadlineKind> {
        match self {
            Self::Decision => Some(DeadlineKind::Decision),
            Self::Review => Some(DeadlineKind::Review),
            Self::Correction => Some(DeadlineKind::Correction),
            Self::Report => Some(DeadlineKind::Report),
            Self::Unapproved => Some(DeadlineKind::Unapproved),
            Self::Audit | Self::Finding | Self::ContractStart | Self::ContractEnd | Self::Alert => None,
        }
    }

    /// Whose task it is: an agency waits for a 補正, a vendor for the decision; of a use without a consent the agency has
    /// an alert.
    pub fn is_of(self, scope: &Scope) -> bool {
        match (scope, self) {
            (Scope::Nothing, _) | (Scope::Vendor(_), Self::Decision | Self::Review) => false,
            (Scope::Vendor(_), _) => true,
            (_, kind) => !matches!(kind, Self::Correction | Self::Unapproved),
        }
    }
}

/// Alerts that speak of what stands in the list by itself.
const SAID_ELSEWHERE: &[AlertKind] = &[
    AlertKind::AuditDue,
    AlertKind::AuditOverdue,
    AlertKind::DeclarationOverdue,
    AlertKind::DecisionWaiting,
    AlertKind::ContractExpiring,
];

// The words of the partial index, which a bound value would not meet.
diesel::postfix_operator!(Unresolved, " <> 'resolved'");

/// Which tasks are asked for.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// None: of every kind.
    pub kind: Option<TaskKind>,
    /// Due on that day or later.
    pub from: Option<NaiveDate>,
    /// Due on that day or before.
    pub until: Option<NaiveDate>,
    /// Without the alerts that have no due day.
    pub dated: bool,
    pub narrow: Narrow,
}

/// The contract that a task is about.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct TaskContract {
    pub id: ContractId,
    pub number: String,
    pub title: String,
    pub agency_id: OrganizationId,
    pub officer_id: Option<UserId>,
}

/// What a task is about, beside its contract.
#[derive(Debug, Clone)]
pub enum About {
    /// An application or a report.
    Deadline(DeadlineRow),
    Audit {
        id: AuditId,
        kind: AuditKind,
        engagement_id: Option<EngagementId>,
        prime_name: String,
    },
    Finding {
        id: FindingId,
        audit_id: AuditId,
        audit_kind: AuditKind,
        engagement_id: Option<EngagementId>,
        prime_name: String,
        text: String,
    },
    Contract,
    Alert {
        id: AlertId,
        kind: AlertKind,
        severity: Severity,
        message: String,
        agency_id: OrganizationId,
        /// The day is not one by which it is due, but the one on which it was found.
        found: bool,
    },
}

/// Something to be done.
#[derive(Debug, Clone)]
pub struct Task {
    pub kind: TaskKind,
    pub due_on: NaiveDate,
    /// Tells those of one kind and day apart.
    pub id: SubjectId,
    /// None: an alert that is about none.
    pub contract: Option<TaskContract>,
    pub about: About,
}

/// Where a task stands in the list.
pub type TaskKey = (NaiveDate, TaskKind, SubjectId);

impl Task {
    /// Its place.
    pub fn key(&self) -> TaskKey {
        (self.due_on, self.kind, self.id)
    }

    /// Whose it is, of an alert without a contract too.
    pub fn agency(&self) -> Option<OrganizationId> {
        match (&self.contract, &self.about) {
            (Some(contract), _) => Some(contract.agency_id),
            (None, About::Alert { agency_id, .. }) => Some(*agency_id),
            (None, _) => None,
        }
    }
}

/// The part of a source that is read.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
    after: Option<(NaiveDate, SubjectId)>,
    rows: i64,
}

impl Window {
    fn of(kind: TaskKind, filter: &TaskFilter, after: Option<TaskKey>, rows: i64) -> Self {
        let (from, beyond) = match after {
            None => (None, None),
            Some((day, at, _)) if kind < at => (Some(add_days(day, 1)), None),
            Some((day, at, _)) if kind > at => (Some(day), None),
            Some((day, _, id)) => (Some(day), Some((day, id))),
        };
        let from = [from, filter.from].into_iter().flatten().max();
        Self { from, until: filter.until, after: beyond, rows }
    }
}

/// Restricts a boxed query to the days of a window and to its rows.
macro_rules! in_window {
    ($query:ident, $day:expr, $id:expr, $window:expr) => {
        if let Some(from) = $window.from {
            $query = $query.filter($day.ge(from));
        }
        if let Some(until) = $window.until {
            $query = $query.filter($day.le(until));
        }
        if let Some((day, id)) = $window.after {
            $query = $query.filter($day.gt(day).or($id.gt(id)));
        }
        $query = $query.order(($day, $id)).limit($window.rows);
    };
}

macro_rules! contract_columns {
    () => {
        (contracts::id, contracts::number, contracts::title, contracts::agency_id, contracts::officer_id)
    };
}

/// Deadlines of a kind.
macro_rules! deadlines_in {
    ($scope:expr, $filter:expr, $kind:expr, $window:expr) => {{
        let mut query = deadlines::table
            .inner_join(contracts::table.on(contracts::id.eq(deadlines::contract_id)))
            .filter(deadlines::kind.eq($kind))
            .into_boxed();
        match *$scope {
            Scope::Agency(id) => query = query.filter(deadlines::agency_id.eq(id)),
            Scope::Vendor(id) => query = query.filter(deadlines::vendor_id.eq(id)),
            Scope::Overseer | Scope::Program | Scope::Nothing => {}
        }
        narrowed!(query, $filter.narrow, $scope);
        in_window!(query, deadlines::due_on, deadlines::id, $window);
        query
    }};
}

/// Contracts by a day of theirs that is today or to come.
macro_rules! contracts_by {
    ($scope:expr, $filter:expr, $day:expr, $today:expr, $window:expr) => {{
        let mut query = contracts::table
            .filter(contracts::voided_on.is_null())
            .filter(contracts::starts_on.le(contracts::last_day))
            .filter($day.ge($today))
            .into_boxed();
        match *$scope {
            Scope::Agency(id) => query = query.filter(contracts::agency_id.eq(id)),
            Scope::Vendor(id) => {
                let on_chain = engagements::table.filter(engagements::vendor_id.eq(id));
                query = query.filter(contracts::id.eq_any(on_chain.select(engagements::contract_id)));
            }
            Scope::Overseer | Scope::Program | Scope::Nothing => {}
        }
        narrowed!(query, $filter.narrow, $scope);
        in_window!(query, $day, contracts::id, $window);
        query
    }};
}

/// Alerts that stand, by a day of theirs.
macro_rules! alerts_by {
    ($scope:expr, $filter:expr, $day:expr, $due:expr, $window:expr) => {{
        let mut query = alerts::table
            .left_join(contracts::table.on(contracts::id.nullable().eq(alerts::contract_id)))
            .filter(Unresolved::new(alerts::state))
            .filter(alerts::kind.ne_all(SAID_ELSEWHERE.to_vec()))
            .filter(contracts::voided_on.is_null())
            .into_boxed();
        query = if $due {
            query.filter(alerts::due_on.is_not_null())
        } else {
            query.filter(alerts::due_on.is_null())
        };
        match *$scope {
            Scope::Agency(id) => query = query.filter(alerts::agency_id.eq(id)),
            Scope::Vendor(id) => query = query.filter(alerts::vendor_id.eq(id)),
            Scope::Overseer | Scope::Program => {}
            Scope::Nothing => query = query.filter(sql::<Bool>("1 = 0")),
        }
        narrowed!(query, $filter.narrow, $scope);
        in_window!(query, $day, alerts::id, $window);
        query
    }};
}

/// Tasks in scope in the order of their key, of at most `rows`; `after`: the last of the page before.
pub fn list(
    conn: &mut Conn,
    scope: &Scope,
    filter: &TaskFilter,
    today: NaiveDate,
    after: Option<TaskKey>,
    rows: i64,
) -> Result<Vec<Task>, DbError> {
    use crate::domain::text_enum::TextEnum;
    let mut found = Vec::new();
    for &kind in TaskKind::ALL {
        if kind.is_of(scope) && filter.kind.is_none_or(|only| only == kind) {
            let window = Window::of(kind, filter, after, rows);
            found.extend(of_kind(conn, scope, filter, today, kind, window)?);
        }
    }
    found.sort_by_key(Task::key);
    found.truncate(usize::try_from(rows).unwrap_or(0));
    Ok(found)
}

/// How many tasks in scope, counted up to a bound.
pub fn count(
    conn: &mut Conn,
    scope: &Scope,
    filter: &TaskFilter,
    today: NaiveDate,
    bound: i64,
) -> Result<i64, DbError> {
    use crate::domain::text_enum::TextEnum;
    let mut found = 0;
    for &kind in TaskKind::ALL {
        if kind.is_of(scope) && filter.kind.is_none_or(|only| only == kind) && found < bound {
            let window = Window::of(kind, filter, None, bound - found);
            found += count_of(conn, scope, filter, today, kind, window)?;
        }
    }
    Ok(found)
}

fn of_kind(
    conn: &mut Conn,
    scope: &Scope,
    filter: &TaskFilter,
    today: NaiveDate,
    kind: TaskKind,
    window: Window,
) -> Result<Vec<Task>, DbError> {
    if let Some(of) = kind.deadline() {
        let query = deadlines_in!(scope, filter, of, window);
        let rows: Vec<(DeadlineRow, TaskContract)> =
            query.select((DeadlineRow::as_select(), contract_columns!())).load(conn)?;
        let task = |(row, contract): (DeadlineRow, TaskContract)| Task {
            kind,
            due_on: row.due_on,
            id: row.id,
            contract: Some(contract),
            about: About::Deadline(row),
        };
        return Ok(rows.into_iter().map(task).collect());
    }
    let of_contract = |contract: TaskContract, due_on: NaiveDate| Task {
        kind,
        due_on,
        id: contract.id.cast(),
        contract: Some(contract),
        about: About::Contract,
    };
    match kind {
        TaskKind::ContractStart => {
            let query = contracts_by!(scope, filter, contracts::starts_on, today, window);
            let rows: Vec<(TaskContract, NaiveDate)> =
                query.select((contract_columns!(), contracts::starts_on)).load(conn)?;
            Ok(rows.into_iter().map(|(contract, day)| of_contract(contract, day)).collect())
        }
        TaskKind::ContractEnd => {
            let query = contracts_by!(scope, filter, contracts::last_day, today, window);
            let rows: Vec<(TaskContract, NaiveDate)> =
                query.select((contract_columns!(), contracts::last_day)).load(conn)?;
            Ok(rows.into_iter().map(|(contract, day)| of_contract(contract, day)).collect())
        }
        TaskKind::Audit => {
            let Some(asked) = audits(filter, window) else { return Ok(Vec::new()) };
            let after = window.after.map(|(day, id)| (day, id.cast()));
            let rows = audit::list(conn, scope, &asked, today, after, window.rows)?;
            Ok(rows.into_iter().map(of_audit).collect())
        }
        TaskKind::Finding => {
            let rows = audit::open_findings(conn, scope, &findings(filter, &window))?;
            Ok(rows.into_iter().map(of_finding).collect())
        }
        _ => alerts_of(conn, scope, filter, window),
    }
}

fn of_audit(row: audit::ListedAudit) -> Task {
    let audit = row.audit;
    Task {
        kind: TaskKind::Audit,
        due_on: audit.due_on,
        id: audit.id.cast(),
        contract: Some(TaskContract {
            id: audit.contract_id,
            number: row.contract_number,
            title: row.contract_title,
            agency_id: row.agency_id,
            officer_id: row.officer_id,
        }),
        about: About::Audit {
            id: audit.id,
            kind: audit.kind,
            engagement_id: audit.engagement_id,
            prime_name: row.prime_name,
        },
    }
}

fn of_finding(row: audit::ListedFinding) -> Task {
    Task {
        kind: TaskKind::Finding,
        due_on: row.due_on,
        id: row.id.cast(),
        contract: Some(TaskContract {
            id: row.contract_id,
            number: row.contract_number,
            title: row.contract_title,
            agency_id: row.agency_id,
            officer_id: row.officer_id,
        }),
        about: About::Finding {
            id: row.id,
            audit_id: row.audit_id,
            audit_kind: row.audit_kind,
            engagement_id: row.engagement_id,
            prime_name: row.prime_name,
            text: row.text,
        },
    }
}

/// The findings not yet put right of a window.
fn findings<'a>(filter: &'a TaskFilter, window: &Window) -> OpenFindings<'a> {
    let after = window.after.map(|(day, id)| (day, id.cast()));
    OpenFindings { from: window.from, until: window.until, after, rows: window.rows, narrow: &filter.narrow }
}

/// The audits still to be done of a window; None: it has no day.
fn audits(filter: &TaskFilter, window: Window) -> Option<AuditFilter> {
    let every = every_day();
    let from = window.from.map_or(every.from, |from| from.max(every.from));
    let days = DayRange::new(from, window.until.map_or(every.to, |until| until.min(every.to)))?;
    Some(AuditFilter { days, state: Some(AuditState::Open), own: true, narrow: filter.narrow.clone() })
}

fn alerts_of(
    conn: &mut Conn,
    scope: &Scope,
    filter: &TaskFilter,
    window: Window,
) -> Result<Vec<Task>, DbError> {
    type Row = ((AlertId, AlertKind, Severity, String, OrganizationId), Option<TaskContract>);
    macro_rules! columns {
        () => {
            (
                (alerts::id, alerts::kind, alerts::severity, alerts::message, alerts::agency_id),
                contract_columns!().nullable(),
            )
        };
    }
    let task = |((id, kind, severity, message, agency_id), contract): Row, due_on, found| Task {
        kind: TaskKind::Alert,
        due_on,
        id: id.cast(),
        contract,
        about: About::Alert { id, kind, severity, message, agency_id, found },
    };
    let query = alerts_by!(scope, filter, alerts::due_on, true, window);
    let due: Vec<(Row, Option<NaiveDate>)> = query.select((columns!(), alerts::due_on)).load(conn)?;
    let due = due.into_iter().filter_map(|(row, day)| Some(task(row, day?, false)));
    if filter.dated {
        return Ok(due.collect());
    }
    let query = alerts_by!(scope, filter, alerts::opened_on, false, window);
    let undated: Vec<(Row, NaiveDate)> = query.select((columns!(), alerts::opened_on)).load(conn)?;
    Ok(due.chain(undated.into_iter().map(|(row, day)| task(row, day, true))).collect())
}

fn count_of(
    conn: &mut Conn,
    scope: &Scope,
    filter: &TaskFilter,
    today: NaiveDate,
    kind: TaskKind,
    window: Window,
) -> Result<i64, DbError> {
    let counted = |ids: Vec<SubjectId>| i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if let Some(of) = kind.deadline() {
        return Ok(counted(deadlines_in!(scope, filter, of, window).select(deadlines::id).load(conn)?));
    }
    Ok(match kind {
        TaskKind::ContractStart => {
            let query = contracts_by!(scope, filter, contracts::starts_on, today, window);
            counted(query.select(contracts::id).load(conn)?)
        }
        TaskKind::ContractEnd => {
            let query = contracts_by!(scope, filter, contracts::last_day, today, window);
            counted(query.select(contracts::id).load(conn)?)
        }
        TaskKind::Audit => match audits(filter, window) {
            Some(asked) => audit::count(conn, scope, &asked, today, window.rows)?,
            None => 0,
        },
        TaskKind::Finding => audit::count_open_findings(conn, scope, &findings(filter, &window))?,
        _ => {
            let due = alerts_by!(scope, filter, alerts::due_on, true, window);
            let due = counted(due.select(alerts::id).load(conn)?);
            if filter.dated {
                return Ok(due);
            }
            let undated = alerts_by!(scope, filter, alerts::opened_on, false, window);
            due + counted(undated.select(alerts::id).load(conn)?)
        }
    })
}
