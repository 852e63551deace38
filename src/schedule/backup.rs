//! The scheduled backup: once a day at its time, at once when the day before was missed; and a mail where there is no good
//! one of late.

use std::time::Duration;

use super::{is_due, leased_for, report};
use crate::db;
use crate::service::backup::{is_scheduled, run, tell_overdue};
use crate::service::{App, Failure};

const JOB: &str = "backup";
const EVERY: Duration = Duration::from_mins(1);
/// One that failed is tried again after this.
const AGAIN: Duration = Duration::from_mins(30);
/// A large database takes its time, and one backup at a time is enough.
const LONGEST: chrono::Duration = chrono::Duration::hours(3);

/// Makes the backup that is due, if one is; how long to wait for the next look.
pub fn turn(app: &App, holder: &str) -> Duration {
    if !is_scheduled(app) || app.demo.is_some() {
        return EVERY;
    }
    let today = app.today();
    let time = app.now().with_timezone(&app.config.timezone).time();
    let last = app.db.read_one(|conn| db::lease::last_day(conn, JOB));
    let mut again = EVERY;
    match last {
        Ok(last) if is_due(last, today, time, app.config.backup.at) => {
            let done = leased_for(app, JOB, holder, LONGEST, || {
                run(app).map_err(|failure| Failure::Internal(failure.to_string()))?;
                Ok(app.db.write(|conn| db::lease::set_last_day(conn, JOB, today))?)
            });
            if done.is_err() {
                again = AGAIN;
                tracing::error!(event = "backup_failed", "no backup was made; it is tried again");
            }
            report(JOB, done);
        }
        Ok(_) => {}
        Err(error) => report(JOB, Err(error.into())),
    }
    // Under the same lease as the runs: of several servers one tells.
    let told = leased_for(app, JOB, holder, LONGEST, || {
        tell_overdue(app).map_err(|failure| Failure::Internal(failure.to_string()))
    });
    report(JOB, told);
    again
}
