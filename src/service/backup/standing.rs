//! How the scheduled backups stand: for their page, for the first page of the system's administrators, for those who
//! watch, and for the mail that says that there is none.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::BackupFailure;
use super::run::operator;
use crate::db::backup_run::{self, BackupRunRow};
use crate::db::{self, Conn};
use crate::domain::access::Role;
use crate::domain::id::BackupRunId;
use crate::notice::context::{BackupOverdueMail, Day};
use crate::notice::{About, Draft, Mail, Recipient};
use crate::service::{App, Failure};

/// Runs shown.
const SHOWN: i64 = 30;

/// A run as the system's administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BackupRunView {
    pub id: BackupRunId,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    /// Null: nothing was made.
    pub file: Option<String>,
    pub bytes: Option<i64>,
    pub sha256: Option<String>,
    /// Entries of the ledger in it.
    pub entries: Option<i64>,
    /// Whether it lies in the second place as well.
    pub second: bool,
    /// When the rule let go of it.
    pub removed_at: Option<DateTime<Utc>>,
    pub error: Option<String>,
}

/// How the backups stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BackupView {
    /// Whether this server makes them by itself.
    pub scheduled: bool,
    pub directory: String,
    /// Empty: none.
    pub second_directory: String,
    /// Local time of day.
    pub at: String,
    pub keep_days: usize,
    pub keep_weeks: usize,
    pub keep_months: usize,
    /// So many days without a good one are too many.
    pub overdue_days: i64,
    pub last_good: Option<BackupRunView>,
    /// Whole hours since.
    pub age_hours: Option<i64>,
    /// There is no good one of late.
    pub overdue: bool,
    /// The newest first.
    pub runs: Vec<BackupRunView>,
}

fn view(row: BackupRunRow) -> BackupRunView {
    BackupRunView {
        id: row.id,
        started_at: row.started_at.and_utc(),
        ended_at: row.ended_at.and_utc(),
        file: row.file,
        bytes: row.bytes,
        sha256: row.sha256,
        entries: row.entries,
        second: row.second,
        removed_at: row.removed_at.map(|at| at.and_utc()),
        error: row.error,
    }
}

/// What is asked of the table: the last good one, and whether that is too long ago.
struct Lately {
    last_good: Option<BackupRunRow>,
    overdue: bool,
}

fn lately(app: &App, conn: &mut Conn) -> Result<Lately, Failure> {
    let operator = crate::service::organization::system_id()?;
    let last_good = backup_run::standing(conn, operator)?.into_iter().next();
    let since = match &last_good {
        Some(run) => Some(run.started_at),
        // Where every run has failed, it counts from the first.
        None => backup_run::first_started(conn, operator)?,
    };
    let patience = Duration::days(app.config.backup.overdue_days);
    let now = app.sources.clock.machine_now();
    let overdue = is_scheduled(app) && since.is_some_and(|since| now - since.and_utc() > patience);
    Ok(Lately { last_good, overdue })
}

/// Whether this server makes backups by itself.
pub fn is_scheduled(app: &App) -> bool {
    !app.config.backup.directory.is_empty()
}

/// Whether there is no good backup of late, where there should be one.
pub fn is_overdue(app: &App, conn: &mut Conn) -> Result<bool, Failure> {
    Ok(lately(app, conn)?.overdue)
}

/// Seconds since the last good one was begun.
pub fn age_seconds(app: &App, conn: &mut Conn) -> Result<Option<i64>, Failure> {
    let now = app.sources.clock.machine_now();
    let last = lately(app, conn)?.last_good;
    Ok(last.map(|run| (now - run.started_at.and_utc()).num_seconds()))
}

/// How the backups stand.
pub fn standing(app: &App) -> Result<BackupView, Failure> {
    let settings = &app.config.backup;
    let now = app.sources.clock.machine_now();
    app.db.read(|conn| {
        let Lately { last_good, overdue } = lately(app, conn)?;
        let operator = crate::service::organization::system_id()?;
        let runs = backup_run::latest(conn, operator, SHOWN)?;
        Ok(BackupView {
            scheduled: is_scheduled(app),
            directory: settings.directory.clone(),
            second_directory: settings.second_directory.clone(),
            at: settings.at.format("%H:%M").to_string(),
            keep_days: settings.keep_days,
            keep_weeks: settings.keep_weeks,
            keep_months: settings.keep_months,
            overdue_days: settings.overdue_days,
            age_hours: last_good.as_ref().map(|run| (now - run.started_at.and_utc()).num_hours()),
            last_good: last_good.map(view),
            overdue,
            runs: runs.into_iter().map(view).collect(),
        })
    })
}

/// Mails the system's administrators that there is no good backup of late, once a day.
pub fn tell_overdue(app: &App) -> Result<(), BackupFailure> {
    // Before the first account there is nobody to tell.
    let Ok(operator) = operator(app) else { return Ok(()) };
    let today = app.today();
    let told = app.db.write(|conn| {
        let Lately { last_good, overdue } = lately(app, conn)?;
        if overdue {
            let last = last_good.map(|run| local_day(app, &run));
            remind(app, conn, operator, today, last)?;
        }
        Ok::<_, Failure>(overdue)
    });
    match told {
        Ok(true) => tracing::error!(event = "backup_overdue", "there is no good backup of late"),
        Ok(false) => {}
        Err(failure) => return super::refused(failure.to_string()),
    }
    Ok(())
}

fn local_day(app: &App, run: &BackupRunRow) -> NaiveDate {
    run.started_at.and_utc().with_timezone(&app.config.timezone).date_naive()
}

fn remind(
    app: &App,
    conn: &mut Conn,
    operator: crate::domain::id::OrganizationId,
    today: NaiveDate,
    last: Option<NaiveDate>,
) -> Result<(), Failure> {
    let mail = Mail::BackupOverdue(BackupOverdueMail {
        last: last.map(Day::of),
        days: app.config.backup.overdue_days,
        link: format!("{}/backups", app.config.server.public_url),
    });
    for (id, address) in db::user::reachable(conn, operator, &[Role::SystemAdmin], today)? {
        let about = About {
            organization_id: operator,
            subject_kind: "backup".to_owned(),
            subject_id: "backup".to_owned(),
            step: today.to_string(),
        };
        let recipient = Recipient { address, user_id: Some(id) };
        let draft = Draft::new(about, recipient, &mail).map_err(|e| Failure::Internal(e.to_string()))?;
        db::notice::enqueue_on(conn, &app.sources, today, &draft)?;
    }
    Ok(())
}
