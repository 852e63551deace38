//! The daily sweep: evaluates what is due, one transaction a contract, then writes each person's digest. It can be
//! stopped anywhere and run again: what was done stays done, and nothing is told twice.

use chrono::NaiveDate;
use serde::Serialize;

use super::digest;
use crate::db::{self, ChainKey, DbError};
use crate::domain::id::{ContractId, SubjectId};
use crate::service::alert::{Evaluated, evaluate_contract};
use crate::service::{App, Failure};

/// Contracts read at once.
const BATCH: i64 = 200;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// The business day evaluated.
    pub day: NaiveDate,
    /// Contracts evaluated.
    pub checked: usize,
    /// Contracts whose evaluation failed; the log says why.
    pub failed: usize,
    pub opened: usize,
    pub resolved: usize,
    pub reminders: usize,
    /// Digests written.
    pub digests: usize,
}

/// Sweeps for a business day: what is due, or everything.
pub fn sweep(app: &App, day: NaiveDate, all: bool) -> Result<SweepReport, Failure> {
    let mut report = SweepReport { day, ..SweepReport::default() };
    if all {
        let mut after = None;
        while let Some(last) = everything(app, after, &mut report)? {
            after = Some(last);
        }
    } else {
        let mut after = None;
        while let Some(last) = due(app, after, &mut report)? {
            after = Some(last);
        }
    }
    report.digests = digest::write_all(app, day)?;
    Ok(report)
}

/// One batch of all contracts; answers where it ended.
fn everything(
    app: &App,
    after: Option<SubjectId>,
    report: &mut SweepReport,
) -> Result<Option<SubjectId>, Failure> {
    let ids = app.db.read_one(|conn| db::due::contracts_after(conn, after, BATCH))?;
    for id in &ids {
        count(report, evaluate(app, id.cast(), report.day))?;
    }
    Ok(ids.last().copied())
}

/// One batch of what is due. The cursor passes by those whose evaluation failed.
fn due(
    app: &App,
    after: Option<(NaiveDate, SubjectId)>,
    report: &mut SweepReport,
) -> Result<Option<(NaiveDate, SubjectId)>, Failure> {
    let batch =
        app.db.read_one(|conn| db::due::due_batch(conn, db::due::CONTRACT, report.day, after, BATCH))?;
    for row in &batch {
        count(report, evaluate_due(app, row.subject_id.cast(), report.day))?;
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

/// Sweeps and records the day where nothing failed.
pub fn sweep_and_record(app: &App, day: NaiveDate) -> Result<SweepReport, Failure> {
    let report = sweep(app, day, false)?;
    if report.failed == 0 {
        app.db.write(|conn| db::lease::set_last_day(conn, JOB, day))?;
    }
    Ok(report)
}
