//! What the caller has to do, or to see done, in one order by due day; and where a vendor's contracts stand.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::chain::Days;
use super::contract::NarrowQuery;
use super::page::{Total, unknown_cursor};
use super::{App, Call, Failure, Page, Paged};
use crate::db::task::{About, Task, TaskFilter, TaskKey};
use crate::db::{self, Conn};
use crate::domain::access::Scope;
use crate::domain::alert::{AlertKind, Severity};
use crate::domain::audit::AuditKind;
use crate::domain::days::DayRange;
use crate::domain::id::{
    AlertId, ApplicationId, AuditId, ContractId, EngagementId, FindingId, OrganizationId, SubjectId, UserId,
};
use crate::domain::settings::Settings;
use crate::domain::text_enum::TextEnum;

pub use crate::db::task::TaskKind;

/// Which tasks, as asked.
#[derive(Debug, Clone, Default)]
pub struct TaskQuery {
    pub kind: Option<TaskKind>,
    /// Due on that day or later.
    pub from: Option<NaiveDate>,
    /// Due on that day or before.
    pub until: Option<NaiveDate>,
    /// Only what has a due day: an alert without one is never late.
    pub dated: bool,
    pub narrow: NarrowQuery,
}

impl TaskQuery {
    fn filter(&self, call: &Call) -> TaskFilter {
        TaskFilter {
            kind: self.kind,
            from: self.from,
            until: self.until,
            dated: self.dated,
            narrow: self.narrow.of(call),
        }
    }
}

/// Something to be done by a day.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskView {
    pub kind: TaskKind,
    pub due_on: NaiveDate,
    /// From today to the due day; less than 0: it has passed.
    pub days_left: i64,
    /// The day is not one by which it is due, but the one on which an alert without a due day was found.
    pub found: bool,
    /// Null: an alert that is about no contract.
    pub contract_id: Option<ContractId>,
    pub contract_number: Option<String>,
    pub contract_title: Option<String>,
    pub agency_name: Option<String>,
    /// The responsible officer; for the agency's side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub officer_name: Option<String>,
    /// Whom an application asks for; who is to report; whose place is inspected; who is used without a consent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vendor_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub application_id: Option<ApplicationId>,
    /// Who is used without a consent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub engagement_id: Option<EngagementId>,
    /// The review is asked for anew by who decides.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub sent_back: bool,
    /// Of a report.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub period: Option<Days>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit_id: Option<AuditId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit_kind: Option<AuditKind>,
    /// 指摘 of the audit, not yet recorded as put right.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finding_id: Option<FindingId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alert_id: Option<AlertId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alert_kind: Option<AlertKind>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub severity: Option<Severity>,
    /// What an alert is called on screen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// What an alert or a finding says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// The tasks that the caller may know of, the soonest due first; of one day by kind.
pub fn list(app: &App, call: &Call, query: &TaskQuery, page: &Page) -> Result<Paged<TaskView>, Failure> {
    let (scope, today, filter) = (call.scope(), app.today(), query.filter(call));
    let after = page.after.as_deref().map(key_of).transpose()?;
    app.db.read(|conn| {
        let rows = db::task::list(conn, &scope, &filter, today, after, page.rows())?;
        let cut = Paged::cut(page, rows, |task| text_of(task.key()), |task| task);
        Ok(Paged { items: views(conn, &scope, cut.items, today)?, next_cursor: cut.next_cursor })
    })
}

/// The kinds that are the caller's.
pub fn kinds(call: &Call) -> impl Iterator<Item = TaskKind> {
    let scope = call.scope();
    TaskKind::ALL.iter().copied().filter(move |kind| kind.is_of(&scope))
}

/// How many that is in all.
pub fn count(app: &App, call: &Call, query: &TaskQuery) -> Result<Total, Failure> {
    let (scope, today, filter) = (call.scope(), app.today(), query.filter(call));
    let count = |conn: &mut Conn| db::task::count(conn, &scope, &filter, today, Total::BOUND);
    Ok(Total::of(app.db.read::<_, Failure>(|conn| Ok(count(conn)?))?))
}

fn text_of((day, kind, id): TaskKey) -> String {
    format!("{day} {kind} {id}")
}

fn key_of(text: &str) -> Result<TaskKey, Failure> {
    fn read<T: FromStr>(text: Option<&str>) -> Result<T, Failure> {
        text.and_then(|text| text.parse().ok()).ok_or_else(unknown_cursor)
    }
    let mut parts = text.splitn(3, ' ');
    let day = read::<NaiveDate>(parts.next())?;
    let kind = read::<TaskKind>(parts.next())?;
    Ok((day, kind, read::<SubjectId>(parts.next())?))
}

/// What is said of tasks beside their rows.
struct Names {
    agencies: HashMap<OrganizationId, String>,
    officers: HashMap<UserId, String>,
    vendors: HashMap<OrganizationId, String>,
    applied_for: HashMap<ApplicationId, String>,
    sent_back: HashSet<ApplicationId>,
    places: HashMap<EngagementId, (String, i32)>,
    settings: HashMap<OrganizationId, Settings>,
}

impl Names {
    fn of(conn: &mut Conn, scope: &Scope, tasks: &[Task]) -> Result<Self, Failure> {
        let inside = !matches!(scope, Scope::Vendor(_));
        let contracts = || tasks.iter().filter_map(|task| task.contract.as_ref());
        let agencies: Vec<OrganizationId> = tasks.iter().filter_map(Task::agency).collect();
        let officers: Vec<UserId> =
            contracts().filter_map(|contract| contract.officer_id).filter(|_| inside).collect();
        let (mut vendors, mut applications, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut settings = HashMap::new();
        for task in tasks {
            match &task.about {
                About::Deadline(row) => {
                    vendors.push(row.vendor_id);
                    applications.extend(row.application_id);
                    places.extend(row.engagement_id);
                }
                About::Audit { engagement_id, .. } | About::Finding { engagement_id, .. } => {
                    places.extend(*engagement_id);
                }
                About::Alert { agency_id, .. } if !settings.contains_key(agency_id) => {
                    settings.insert(*agency_id, db::setting::find(conn, *agency_id)?.0);
                }
                About::Contract | About::Alert { .. } => {}
            }
        }
        Ok(Self {
            agencies: db::organization::names(conn, &agencies)?,
            officers: db::user::names(conn, &officers)?,
            vendors: db::organization::names(conn, &vendors)?,
            applied_for: db::chain::applied_for(conn, &applications)?,
            // A vendor hears nothing of it.
            sent_back: if inside { db::chain::sent_back(conn, &applications)? } else { HashSet::new() },
            places: db::chain::places(conn, &places)?,
            settings,
        })
    }
}

impl Names {
    /// Whose place an audit is of.
    fn inspected(&self, place: Option<EngagementId>, prime: String) -> String {
        place.and_then(|place| self.places.get(&place)).map_or(prime, |(name, _)| name.clone())
    }
}

fn views(
    conn: &mut Conn,
    scope: &Scope,
    tasks: Vec<Task>,
    today: NaiveDate,
) -> Result<Vec<TaskView>, Failure> {
    let names = Names::of(conn, scope, &tasks)?;
    Ok(tasks.into_iter().map(|task| view(task, &names, today)).collect())
}

fn view(task: Task, names: &Names, today: NaiveDate) -> TaskView {
    let contract = task.contract.as_ref();
    let plain = TaskView {
        kind: task.kind,
        due_on: task.due_on,
        days_left: (task.due_on - today).num_days(),
        found: false,
        contract_id: contract.map(|it| it.id),
        contract_number: contract.map(|it| it.number.clone()),
        contract_title: contract.map(|it| it.title.clone()),
        agency_name: task.agency().and_then(|id| names.agencies.get(&id).cloned()),
        officer_name: contract.and_then(|it| names.officers.get(&it.officer_id?).cloned()),
        vendor_name: None,
        application_id: None,
        engagement_id: None,
        sent_back: false,
        period: None,
        audit_id: None,
        audit_kind: None,
        finding_id: None,
        alert_id: None,
        alert_kind: None,
        severity: None,
        title: None,
        message: None,
    };
    match task.about {
        About::Contract => plain,
        About::Deadline(row) => TaskView {
            vendor_name: match (row.application_id, row.engagement_id) {
                (Some(id), _) => names.applied_for.get(&id).cloned(),
                (None, Some(place)) => names.places.get(&place).map(|(name, _)| name.clone()),
                (None, None) => names.vendors.get(&row.vendor_id).cloned(),
            },
            engagement_id: row.engagement_id,
            application_id: row.application_id,
            sent_back: row.application_id.is_some_and(|id| names.sent_back.contains(&id)),
            period: row.period().map(|days| Days { from: days.from, to: Some(days.to) }),
            ..plain
        },
        About::Audit { id, kind, engagement_id, prime_name } => TaskView {
            vendor_name: Some(names.inspected(engagement_id, prime_name)),
            audit_id: Some(id),
            audit_kind: Some(kind),
            ..plain
        },
        About::Finding { id, audit_id, audit_kind, engagement_id, prime_name, text } => TaskView {
            vendor_name: Some(names.inspected(engagement_id, prime_name)),
            audit_id: Some(audit_id),
            audit_kind: Some(audit_kind),
            finding_id: Some(id),
            message: Some(text),
            ..plain
        },
        About::Alert { id, kind, severity, message, agency_id, found } => TaskView {
            alert_id: Some(id),
            alert_kind: Some(kind),
            severity: Some(severity),
            title: kind.rule().map(|rule| match names.settings.get(&agency_id) {
                Some(settings) => settings.in_own_words(rule.name),
                None => rule.name.to_owned(),
            }),
            message: Some(message),
            found,
            ..plain
        },
    }
}

/// Where one of a vendor's contracts stands: what it owes there, what it has reported last, what waits for the agency.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StandingView {
    /// The reports it owes, the soonest due first.
    pub reports: Vec<OwedReport>,
    /// The days that the last report answers for, up to its filing, if it was not taken back; null: none.
    pub reported: Option<Reported>,
    /// Applications that the agency has to decide.
    pub waiting: Vec<WaitingApplication>,
    /// Applications that were sent back to be corrected.
    pub returned: Vec<WaitingApplication>,
}

/// A report that is owed.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OwedReport {
    pub period: Days,
    pub due_on: NaiveDate,
    pub overdue: bool,
}

/// A report that was made.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reported {
    pub period: Days,
    pub filed_on: NaiveDate,
}

/// An application of the vendor's own that is not decided.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WaitingApplication {
    pub application_id: ApplicationId,
    pub vendor_name: String,
    pub filed_on: NaiveDate,
}

/// Where contracts in the caller's list stand for its vendor, in their order; for others nothing.
pub fn standings(app: &App, call: &Call, contracts: &[ContractId]) -> Result<Vec<StandingView>, Failure> {
    let (scope, today) = (call.scope(), app.today());
    let Scope::Vendor(own) = scope else { return Ok(Vec::new()) };
    app.db.read(|conn| {
        let mut all: HashMap<ContractId, StandingView> = HashMap::new();
        for (contract, row) in db::deadline::reports_of(conn, own, contracts)? {
            let Some(days) = row.period() else { continue };
            let period = Days { from: days.from, to: Some(days.to) };
            let owed = OwedReport { period, due_on: row.due_on, overdue: row.due_on < today };
            all.entry(contract).or_default().reports.push(owed);
        }
        for (contract, from, to, filed_on) in db::statement::last_reports(conn, own, contracts)? {
            // Of days that were to come when it was filed it does not answer; they are owed.
            let Some(days) = DayRange::new(from, to.min(filed_on)) else { continue };
            let standing = all.entry(contract).or_default();
            if standing.reported.as_ref().is_none_or(|last| last.period.to <= Some(days.to)) {
                let period = Days { from: days.from, to: Some(days.to) };
                standing.reported = Some(Reported { period, filed_on });
            }
        }
        let undecided = db::chain::undecided(conn, own, contracts)?;
        let ids: Vec<ApplicationId> = undecided.iter().map(|row| row.id).collect();
        let names = db::chain::applied_for(conn, &ids)?;
        for row in undecided {
            let waiting = WaitingApplication {
                application_id: row.id,
                vendor_name: names.get(&row.id).cloned().unwrap_or_default(),
                filed_on: row.filed_on,
            };
            let standing = all.entry(row.contract_id).or_default();
            if row.state == "returned" { &mut standing.returned } else { &mut standing.waiting }
                .push(waiting);
        }
        Ok(contracts.iter().map(|id| all.remove(id).unwrap_or_default()).collect())
    })
}
