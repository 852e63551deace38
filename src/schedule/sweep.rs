//! The daily sweep: evaluates what is due, one transaction a contract, then writes each person's digest. It can be
//! stopped anywhere and run again: what was done stays done, and nothing is told twice.

use chrono::NaiveDate;
use serde::Serialize;

use super::{GoOn, caught, digest};
use crate::db::{self, ChainKey, DbError};
use crate::domain::id::{ContractId, SubjectId};
use crate::service::access;
use crate::service::alert::{Evaluated, evaluate_contract};
use crate::service::{App, Failure, reach, user};

/// Contracts read at once.
const BATCH: i64 = 200;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// The business day evaluated.
    pub day: NaiveDate,
    /// Contracts evaluated.
    pub checked: usize,
    /// Contracts whose evaluation failed, and digests; the log says why.
    pub failed: usize,
    pub opened: usize,
    pub resolved: usize,
    pub reminders: usize,
    /// Digests written.
    pub digests: usize,
    /// False: it was asked to stop before its end.
    #[serde(skip)]
    pub whole: bool,
}

impl SweepReport {
    pub(super) fn goes_on(&mut self, go_on: &GoOn<'_>) -> bool {
        self.whole = go_on();
        self.whole
    }
}

/// Sweeps for a business day, what is due or everything, and records the day where nothing failed and all was done.
pub fn sweep(app: &App, day: NaiveDate, all: bool) -> Result<SweepReport, SweepError> {
    sweep_while(app, day, all, &|| true)
}

/// As [`sweep`], as long as it may go on: asked before each contract and each digest.
pub fn sweep_while(
    app: &App,
    day: NaiveDate,
    all: bool,
    go_on: &GoOn<'_>,
) -> Result<SweepReport, SweepError> {
    if let Some(refused) = refused(app, day, all)? {
        return Err(refused.into());
    }
    drop(user::pending::settle_due(app));
    let report = evaluate_all(app, day, all, go_on)?;
    if report.failed == 0 && report.whole {
        match app.db.write(|conn| db::lease::set_last_day(conn, JOB, day)) {
            // Another sweep of the same moment has recorded it.
            Ok(()) | Err(DbError::NotUnique(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(report)
}

fn evaluate_all(app: &App, day: NaiveDate, all: bool, go_on: &GoOn<'_>) -> Result<SweepReport, Failure> {
    let mut report = SweepReport { day, whole: true, ..SweepReport::default() };
    if all {
        let mut after = None;
        while let Some(last) = everything(app, after, &mut report, go_on)? {
            after = Some(last);
        }
    } else {
        let mut after = None;
        while let Some(last) = due(app, after, &mut report, go_on)? {
            after = Some(last);
        }
    }
    if report.whole {
        digest::write_all(app, &mut report, go_on)?;
        // Whoever reads of it at a vendor's contact address can't open it yet.
        if let Err(failure) = reach::invite_contacts(app) {
            tracing::error!(%failure, detail = ?failure, "a vendor's contact could not be invited");
            report.failed += 1;
        }
    }
    // The days are those of the looks, whatever day is swept.
    if let Err(failure) = access::close_days(app) {
        tracing::error!(why = %failure, "a day of the access log could not be closed");
        report.failed += 1;
    }
    Ok(report)
}

/// One batch of all contracts; answers where it ended.
fn everything(
    app: &App,
    after: Option<SubjectId>,
    report: &mut SweepReport,
    go_on: &GoOn<'_>,
) -> Result<Option<SubjectId>, Failure> {
    let ids = app.db.read_one(|conn| db::due::contracts_after(conn, after, BATCH))?;
    for id in &ids {
        if !report.goes_on(go_on) {
            return Ok(None);
        }
        count(report, caught(|| evaluate(app, id.cast(), report.day)))?;
    }
    Ok(ids.last().copied())
}

/// One batch of what is due. The cursor passes by those whose evaluation failed.
fn due(
    app: &App,
    after: Option<(NaiveDate, SubjectId)>,
    report: &mut SweepReport,
    go_on: &GoOn<'_>,
) -> Result<Option<(NaiveDate, SubjectId)>, Failure> {
    let batch =
        app.db.read_one(|conn| db::due::due_batch(conn, db::due::CONTRACT, report.day, after, BATCH))?;
    for row in &batch {
        if !report.goes_on(go_on) {
            return Ok(None);
        }
        count(report, caught(|| evaluate_due(app, row.subject_id.cast(), report.day)))?;
    }
    Ok(batch.last().map(|row| (row.check_on, row.subject_id)))
}

fn evaluate(app: &App, id: ContractId, day: NaiveDate) -> Result<Option<Evaluated>, Failure> {
    app.db.write_tx(&app.sources, None, ChainKey::Existing(id.cast()), |tx| {
        tx.today = day;
        evaluate_contract(tx, id).map(Some)
    })
}

/// Nothing where another sweep, or someone's act, has done it meanwhile.
fn evaluate_due(app: &App, id: ContractId, day: NaiveDate) -> Result<Option<Evaluated>, Failure> {
    app.db.write_tx(&app.sources, None, ChainKey::Existing(id.cast()), |tx| {
        let still_due =
            db::due::check_on(tx.conn, db::due::CONTRACT, id)?.is_some_and(|check_on| check_on <= day);
        if !still_due {
            return Ok(None);
        }
        tx.today = day;
        evaluate_contract(tx, id).map(Some)
    })
}

/// One contract that can't be evaluated does not keep the others from being looked at; a database that is gone does.
fn count(report: &mut SweepReport, evaluated: Result<Option<Evaluated>, Failure>) -> Result<(), Failure> {
    match evaluated {
        Ok(None) => {}
        Ok(Some(done)) => {
            report.checked += 1;
            report.opened += done.opened;
            report.resolved += done.resolved;
            report.reminders += done.reminders;
        }
        Err(Failure::Unavailable(why)) => return Err(Failure::Unavailable(why)),
        Err(failure) => {
            tracing::error!(%failure, detail = ?failure, "a contract could not be evaluated");
            report.failed += 1;
        }
    }
    Ok(())
}

/// Whether the unique key refused what another server has written.
pub(super) fn by_another(failure: &Failure) -> bool {
    matches!(failure, Failure::Conflict { code: "not_unique", .. })
}

/// The sweep's day among the jobs.
pub const JOB: &str = "sweep";

/// The last day that was swept.
pub fn last_day(app: &App) -> Result<Option<NaiveDate>, DbError> {
    app.db.read_one(|conn| db::lease::last_day(conn, JOB))
}

/// Why a day is not swept. What is evaluated for a day takes its alerts to that day: one ahead would spend alerts and
/// reminders before their time and put off the looking, one behind would undo what later days have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{day} は今日（{today}）より先の日です。判定は、その日になってから行えます。")]
    Ahead { day: NaiveDate, today: NaiveDate },
    #[error("{day} は、判定が済んだ {last} より前の日です。さかのぼって判定することはできません。")]
    Swept { day: NaiveDate, last: NaiveDate },
    #[error(
        "すべてを見る判定は、今日（{today}）についてだけ行えます。{day} より後の判定を取り消すことになるためです。"
    )]
    AllBehind { day: NaiveDate, today: NaiveDate },
}

/// Why there was no sweep, or not a whole one.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<DbError> for SweepError {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Refused(refused) => Self::conflict("day_refused", refused.to_string()),
            SweepError::Failed(failure) => failure,
        }
    }
}

/// What keeps a day from being swept: today may be, and a day not before the last one swept, where only what has not
/// been evaluated since is due.
fn refused(app: &App, day: NaiveDate, all: bool) -> Result<Option<Refused>, DbError> {
    let today = app.today();
    if day > today {
        return Ok(Some(Refused::Ahead { day, today }));
    }
    if let Some(last) = last_day(app)?.filter(|last| day < *last) {
        return Ok(Some(Refused::Swept { day, last }));
    }
    Ok((all && day < today).then_some(Refused::AllBehind { day, today }))
}
