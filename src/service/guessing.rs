//! Delays after failures, per address typed and never per computer: a ministry has one. Unknown addresses are
//! counted like known ones, so that the delay says nothing (trust.md, "Guessing").

use chrono::{Duration, NaiveDate};
use sha2::{Digest, Sha256};

use super::{App, Failure};
use crate::db::session::{self, Attempts};
use crate::db::user::email_key;
use crate::db::{Conn, DbError};
use crate::domain::contract::Instant;

/// From this failure on there is a delay: ten seconds, doubled each time.
const FIRST_DELAYED: i32 = 5;
/// From this one it is [`LONGEST_MINUTES`].
const LONGEST_FROM: i32 = 10;
const LONGEST_MINUTES: i64 = 15;
/// No more than this a day, whatever the delays.
const MOST_A_DAY: i32 = 960;
/// After such a quiet time failures are counted anew.
const FORGOTTEN_HOURS: i64 = 24;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Wrong passwords.
    Login,
    /// Wrong codes of a second factor, after the right password.
    Code,
    /// Requests for a password reset: each is a mail.
    Reset,
}

/// The key of an address: it can't be turned back without the server's secret.
pub fn key(app: &App, counter: Counter, email: &str) -> String {
    let what = match counter {
        Counter::Login => "login",
        Counter::Code => "code",
        Counter::Reset => "reset",
    };
    let mut hash = Sha256::new();
    for part in [what, &email_key(email), &app.config.auth.secret] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

/// Refuses while the delay runs.
pub fn check(app: &App, key: &str) -> Result<(), Failure> {
    let now = app.sources.clock.machine_now();
    match app.db.read_one::<_, DbError>(|conn| session::attempts(conn, key))? {
        Some(attempts) if attempts.blocked_until > now.naive_utc() => {
            tracing::warn!(event = "login_delayed", account = key, "delayed");
            let left = attempts.blocked_until - now.naive_utc();
            Err(Failure::TooMany { retry_after: u64::try_from(left.num_seconds()).unwrap_or(0) + 1 })
        }
        _ => Ok(()),
    }
}

/// Counts a failure.
pub fn failed(app: &App, key: &str) -> Result<(), Failure> {
    let count = || app.db.write::<_, DbError>(|conn| count_on(app, conn, key).map(|_| ()));
    match count() {
        // Two first failures at once on PostgreSQL: the other's row is there now.
        Err(DbError::NotUnique(_)) => Ok(count()?),
        done => Ok(done?),
    }
}

/// Counts one inside a transaction; answers whether a delay was running already.
pub fn count_on(app: &App, conn: &mut Conn, key: &str) -> Result<bool, DbError> {
    let now = app.sources.clock.machine_now();
    let before = session::attempts_to_count(conn, key)?;
    let blocked = before.as_ref().is_some_and(|a| a.blocked_until > now.naive_utc());
    session::set_attempts(conn, key, &next(before, now, app.sources.clock.day_of(now)))?;
    Ok(blocked)
}

/// One failure more at `now`, on the machine's `day`.
fn next(before: Option<Attempts>, now: Instant, day: NaiveDate) -> Attempts {
    let at = now.naive_utc();
    let quiet = Duration::hours(FORGOTTEN_HOURS);
    let before = before.filter(|a| a.blocked_until + quiet > at);
    let failures = before.as_ref().map_or(0, |a| a.failures).saturating_add(1);
    let day_failures = before.filter(|a| a.day == day).map_or(0, |a| a.day_failures).saturating_add(1);
    let delay = match failures {
        _ if day_failures >= MOST_A_DAY => quiet,
        LONGEST_FROM.. => Duration::minutes(LONGEST_MINUTES),
        FIRST_DELAYED.. => Duration::seconds(10 << (failures - FIRST_DELAYED)),
        _ => Duration::zero(),
    };
    Attempts { failures, blocked_until: at + delay, day, day_failures }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(times: i32, mut at: Instant, wait: bool) -> (Attempts, Instant) {
        let mut attempts = None;
        for _ in 0..times {
            let now = next(attempts, at, at.date_naive());
            if wait {
                at = at.max(now.blocked_until.and_utc());
            }
            attempts = Some(now);
        }
        (attempts.unwrap(), at)
    }

    #[test]
    fn the_delay_grows_to_fifteen_minutes() {
        let at: Instant = "2026-04-01T00:00:00Z".parse().unwrap();
        let delay = |n| (fail(n, at, false).0.blocked_until - at.naive_utc()).num_seconds();
        assert_eq!([1, 4, 5, 6, 9, 10, 11, 500].map(delay), [0, 0, 10, 20, 160, 900, 900, 900]);
    }

    #[test]
    fn a_patient_guesser_gets_few_a_day_and_never_more_than_the_most() {
        let at: Instant = "2026-04-01T00:00:00Z".parse().unwrap();
        let (_, end) = fail(120, at, true);
        assert!(end - at > Duration::hours(24), "{end}");
        let (most, _) = fail(MOST_A_DAY, at, false);
        assert_eq!(most.blocked_until, (at + Duration::hours(24)).naive_utc());
    }

    #[test]
    fn a_quiet_day_is_forgotten() {
        let at: Instant = "2026-04-01T00:00:00Z".parse().unwrap();
        let (many, _) = fail(12, at, false);
        let later = many.blocked_until.and_utc() + Duration::hours(FORGOTTEN_HOURS);
        assert_eq!(next(Some(many.clone()), later, later.date_naive()).failures, 1);
        assert_eq!(next(Some(many), later - Duration::seconds(1), at.date_naive()).failures, 13);
    }
}
