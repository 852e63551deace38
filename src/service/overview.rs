//! What needs the caller today: counts for the first page after login, each that of a list behind it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::alert::Untold;
use super::{App, Call, Failure, backup, reach};
use crate::db::audit::{AuditFilter, AuditState};
use crate::db::contract::Narrow;
use crate::db::overview::AlertTally;
use crate::db::task::{TaskFilter, TaskKind};
use crate::db::{self, Conn};
use crate::domain::access::{OrganizationKind, Permission, Role, Scope};
use crate::domain::alert::{AlertKind, Severity};
use crate::domain::audit::every_day;
use crate::domain::calendar::add_days;
use crate::domain::id::OrganizationId;
use crate::domain::settings::Settings;

/// An alert is due soon within so many days, today not counted.
pub const ALERT_DAYS: i64 = 7;
/// A contract ends soon.
const ENDING_DAYS: i64 = 60;

/// What needs the caller today; a part for each side the caller is on.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OverviewView {
    pub today: NaiveDate,
    /// For an agency's people, and for the overseer of all agencies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agency: Option<AgencyOverview>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vendor: Option<VendorOverview>,
    /// For `system_admin`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub system: Option<SystemOverview>,
    /// Changes of accounts that wait for a second administrator; for those who administer people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changes_waiting: Option<i64>,
}

/// What needs an agency.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AgencyOverview {
    pub alerts: AlertCounts,
    pub applications: ApplicationCounts,
    pub audits: AuditCounts,
    /// 指摘 past their 改善の期限 that nobody has recorded as put right: those of `/tasks?kind=finding` due before today.
    pub findings_overdue: i64,
    pub contracts: ContractCounts,
    /// Notices given up; for those who may read them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notices_failed: Option<i64>,
    /// Vendors that could not be told of an unresolved alert, and still have neither people nor a contact address: nobody
    /// was told.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub untold: Vec<Untold>,
}

/// What needs a vendor.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VendorOverview {
    /// About itself.
    pub alerts: AlertCounts,
    /// Its own.
    pub applications: ApplicationsFiled,
    /// At its own places; what is inspected below them is not counted.
    pub audits: AuditCounts,
    /// 指摘 at its own places past their 改善の期限: those of `/tasks?kind=finding` due before today.
    pub findings_overdue: i64,
    /// On whose chain it stands or stood.
    pub contracts: ContractCounts,
    /// Reports that it owes and whose day has passed: those of `/tasks?kind=report` due before today.
    pub declarations_overdue: i64,
}

/// The installation.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SystemOverview {
    pub agencies: i64,
    pub vendors: i64,
    /// Accounts that can be used today.
    pub users: i64,
    /// Backups are made every day, and there is no good one of late.
    pub backup_overdue: bool,
}

/// Unresolved alerts.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertCounts {
    pub critical: i64,
    pub warning: i64,
    pub info: i64,
    /// Whose due day has passed.
    pub overdue: i64,
    /// Due today or within seven days.
    pub due_soon: i64,
    /// The gravest kinds first, then the most frequent; none is empty.
    pub kinds: Vec<AlertKindCount>,
}

/// The unresolved alerts of a kind.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertKindCount {
    pub kind: AlertKind,
    /// The kind on screen.
    pub title: String,
    /// The gravest among them.
    pub severity: Severity,
    pub count: i64,
    /// How many of each severity, the gravest first; none is empty.
    pub by_severity: Vec<SeverityCount>,
}

/// The unresolved alerts of a kind and severity.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SeverityCount {
    pub severity: Severity,
    pub count: i64,
}

/// Applications as the agency sees them.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApplicationCounts {
    /// Not reviewed since they were filed or last corrected.
    pub unreviewed: i64,
    /// Reviewed: they wait for the decision.
    pub reviewed: i64,
    /// Sent back: they wait for the applicant.
    pub returned: i64,
}

/// Applications as their applicant sees them; whether they were reviewed is the agency's own.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApplicationsFiled {
    /// With the agency.
    pub applied: i64,
    /// To be corrected.
    pub returned: i64,
}

/// Audits still to be done.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditCounts {
    pub overdue: i64,
    /// Due today or within thirty days.
    pub due_soon: i64,
}

/// Contracts.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ContractCounts {
    pub running: i64,
    /// Of those, the ones whose last day is within sixty days.
    pub ending_soon: i64,
    /// The day sixty days on.
    pub ending_by: NaiveDate,
}

/// What needs the caller today, at one moment.
pub fn overview(app: &App, call: &Call) -> Result<OverviewView, Failure> {
    let (scope, today, actor) = (call.scope(), app.today(), &call.actor);
    app.db.read(|conn| {
        let (mut agency, mut vendor) = (None, None);
        // Whose first role still waits for a second administrator sees nothing of the cases.
        let sees = if actor.may(Permission::ReadContract) { scope } else { Scope::Nothing };
        match sees {
            Scope::Agency(_) | Scope::Overseer => {
                let words = match scope {
                    Scope::Agency(id) => db::setting::find(conn, id)?.0,
                    _ => Settings::default(),
                };
                let waiting = db::overview::waiting_applications(conn, &scope)?;
                let notices_failed = actor
                    .may(Permission::ReadNotices)
                    .then(|| db::overview::failed_notices(conn, actor.organization.id))
                    .transpose()?;
                agency = Some(AgencyOverview {
                    alerts: alerts(conn, &scope, &words, today)?,
                    applications: ApplicationCounts {
                        unreviewed: waiting.unreviewed,
                        reviewed: waiting.reviewed,
                        returned: waiting.returned,
                    },
                    audits: audits(conn, &scope, today)?,
                    findings_overdue: overdue(conn, &scope, TaskKind::Finding, today)?,
                    contracts: contracts(conn, &scope, today)?,
                    notices_failed,
                    untold: untold(conn, &scope, today)?,
                });
            }
            Scope::Vendor(_) => {
                let alerts = alerts(conn, &scope, &Settings::default(), today)?;
                let declarations_overdue = overdue(conn, &scope, TaskKind::Report, today)?;
                let waiting = db::overview::waiting_applications(conn, &scope)?;
                vendor = Some(VendorOverview {
                    alerts,
                    applications: ApplicationsFiled {
                        applied: waiting.unreviewed + waiting.reviewed,
                        returned: waiting.returned,
                    },
                    audits: audits(conn, &scope, today)?,
                    findings_overdue: overdue(conn, &scope, TaskKind::Finding, today)?,
                    contracts: contracts(conn, &scope, today)?,
                    declarations_overdue,
                });
            }
            Scope::Nothing | Scope::Program => {}
        }
        let system = actor.is(Role::SystemAdmin).then(|| system(app, conn, today)).transpose()?;
        let own = (!actor.is(Role::SystemAdmin)).then_some(actor.organization.id);
        let changes_waiting = actor
            .may(Permission::ManageUsers)
            .then(|| db::pending::waiting(conn, own))
            .transpose()?
            .filter(|count| *count > 0);
        Ok(OverviewView { today, agency, vendor, system, changes_waiting })
    })
}

/// The tasks of a kind whose day has passed.
fn overdue(conn: &mut Conn, scope: &Scope, kind: TaskKind, today: NaiveDate) -> Result<i64, Failure> {
    let until = Some(add_days(today, -1));
    let filter = TaskFilter { kind: Some(kind), until, ..TaskFilter::default() };
    Ok(db::task::count(conn, scope, &filter, today, i64::MAX)?)
}

fn alerts(
    conn: &mut Conn,
    scope: &Scope,
    words: &Settings,
    today: NaiveDate,
) -> Result<AlertCounts, Failure> {
    let soon = add_days(today, ALERT_DAYS);
    let mut counts = AlertCounts::default();
    let mut by_kind: BTreeMap<AlertKind, BySeverity> = BTreeMap::new();
    for tally in db::overview::unresolved_alerts(conn, scope)? {
        let AlertTally { kind, severity, due_on, count } = tally;
        *match severity {
            Severity::Critical => &mut counts.critical,
            Severity::Warning => &mut counts.warning,
            Severity::Info => &mut counts.info,
        } += count;
        match due_on {
            Some(day) if day < today => counts.overdue += count,
            Some(day) if day <= soon => counts.due_soon += count,
            _ => {}
        }
        let by_severity = by_kind.entry(kind).or_default();
        *by_severity.entry(std::cmp::Reverse(severity)).or_default() += count;
    }
    counts.kinds = by_kind.into_iter().filter_map(|(kind, found)| kind_count(kind, &found, words)).collect();
    counts.kinds.sort_by_key(|known| (std::cmp::Reverse((known.severity, known.count)), known.kind));
    Ok(counts)
}

/// How many, the gravest first.
type BySeverity = BTreeMap<std::cmp::Reverse<Severity>, i64>;

fn kind_count(kind: AlertKind, found: &BySeverity, words: &Settings) -> Option<AlertKindCount> {
    let title = kind.rule().map_or_else(|| kind.to_string(), |rule| words.in_own_words(rule.name));
    let count = |(severity, count): (&std::cmp::Reverse<Severity>, &i64)| SeverityCount {
        severity: severity.0,
        count: *count,
    };
    let by_severity: Vec<SeverityCount> = found.iter().map(count).collect();
    let severity = by_severity.first()?.severity;
    Some(AlertKindCount { kind, title, severity, count: found.values().sum(), by_severity })
}

fn audits(conn: &mut Conn, scope: &Scope, today: NaiveDate) -> Result<AuditCounts, Failure> {
    let mut count = |state| {
        let narrow = Narrow::default();
        let filter = AuditFilter { days: every_day(), state: Some(state), own: true, narrow };
        db::audit::count(conn, scope, &filter, today, i64::MAX)
    };
    Ok(AuditCounts { overdue: count(AuditState::Overdue)?, due_soon: count(AuditState::DueSoon)? })
}

fn untold(conn: &mut Conn, scope: &Scope, today: NaiveDate) -> Result<Vec<Untold>, Failure> {
    let vendors = db::overview::untold_vendors(conn, scope)?;
    let nobody = reach::nobody_of(conn, vendors, today)?;
    let names = db::organization::names(conn, &nobody)?;
    let untold = |id: OrganizationId| Some(Untold { id, name: names.get(&id)?.clone() });
    Ok(nobody.into_iter().filter_map(untold).collect())
}

fn contracts(conn: &mut Conn, scope: &Scope, today: NaiveDate) -> Result<ContractCounts, Failure> {
    let until = add_days(today, ENDING_DAYS);
    let (running, ending_soon) = db::contract::count_running(conn, scope, today, until)?;
    Ok(ContractCounts { running, ending_soon, ending_by: until })
}

fn system(app: &App, conn: &mut Conn, today: NaiveDate) -> Result<SystemOverview, Failure> {
    Ok(SystemOverview {
        agencies: db::overview::organizations_of(conn, OrganizationKind::Agency)?,
        vendors: db::overview::organizations_of(conn, OrganizationKind::Vendor)?,
        users: db::overview::usable_accounts(conn, today)?,
        backup_overdue: backup::is_overdue(app, conn)?,
    })
}
