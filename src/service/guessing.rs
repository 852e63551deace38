//! How often someone may be wrong (trust.md, "Guessing"): counted by account and, within it, by who tries. A device that
//! has signed in to the account before has a count of its own; strangers share one, which delays strangers alone, so that
//! nobody is kept out by them. Never by address alone: a ministry has one. Unknown accounts are counted like known ones,
//! so that a delay says nothing. What is refused while a delay runs is not a guess and is not counted.

use std::net::IpAddr;

use chrono::{Duration, NaiveDate};
use sha2::{Digest, Sha256};

use super::session::token_hash;
use super::{App, Failure, account};
use crate::db::session::{self, Attempts, Counted};
use crate::db::{self, Conn, DbError};
use crate::domain::contract::Instant;
use crate::domain::id::UserId;
use crate::domain::text::email_key;

/// From this failure of a window on there is a delay: ten seconds, doubled each time.
const FIRST_DELAYED: i32 = 5;
/// At so many the window is over and a block begins: ten tries in a quarter of an hour are 960 a day (trust.md).
const MOST: i32 = 10;
/// Where strangers have been blocked lately, what one of their addresses may take of a window: another's tries are left.
const SHARE: i32 = 5;
/// How long failures are counted together, and how long a block lasts.
const WINDOW: Duration = Duration::minutes(15);
/// So long after a block the shares hold.
const CROWDED: Duration = Duration::hours(24);
/// From so many failures of strangers in a day on the person is told, once a day.
const TOLD_FROM: i32 = MOST;

/// Whence someone asks to be let in: what the request shows of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The nearest address that is no proxy of ours.
    pub address: Option<IpAddr>,
    /// What a browser that signed in before was given, as it came.
    pub device: Option<String>,
    /// The value of the session's cookie that the browser still has.
    pub session: Option<String>,
    /// The address has used its budget up: strangers behind it are asked to wait so many seconds.
    pub wait: Option<u64>,
}

/// Who tries, and under which keys it is counted. A key can't be turned back without the server's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    account: String,
    by: By,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    /// Someone known for this account: a device, or the person in their session.
    Known(String),
    /// Anyone; the key of the account with their address.
    Stranger(String),
}

fn key(app: &App, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts.iter().chain([&app.config.auth.secret.as_str()]) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

/// The key of an account, for the address typed.
pub fn account_key(app: &App, email: &str) -> String {
    key(app, &["login", &email_key(email)])
}

impl Attempt {
    /// Of someone who wants in. A stranger whose address has used its budget up is refused here.
    pub fn from(app: &App, email: &str, origin: &Origin) -> Result<Self, Failure> {
        let known = match origin.device.as_deref().filter(|shown| shown.len() <= 200) {
            Some(shown) => {
                let hash = token_hash(shown);
                let device = app.db.read_one::<_, DbError>(|conn| session::known_as(conn, email, &hash))?;
                device.map(|device| key(app, &["device", &email_key(email), &device]))
            }
            None => None,
        };
        let by = match (known, origin.wait) {
            (Some(device), _) => By::Known(device),
            (None, Some(retry_after)) => return Err(Failure::TooMany { retry_after }),
            (None, None) => {
                let address = origin.address.map(|address| address.to_string()).unwrap_or_default();
                By::Stranger(key(app, &["address", &email_key(email), &address]))
            }
        };
        Ok(Self { account: account_key(app, email), by })
    }

    /// Of a person in their own session, who is asked once more: what strangers do does not touch it.
    pub fn of_person(app: &App, email: &str, user: UserId) -> Self {
        Self { account: account_key(app, email), by: By::Known(key(app, &["person", user.as_str()])) }
    }

    /// Of a person whose password was right, who is asked for a second factor. Nobody else comes to it, so no stranger can use
    /// it up; and it has an account of its own, which a new password by mail does not clear.
    pub fn of_code(app: &App, user: UserId) -> Self {
        let key = key(app, &["code", user.as_str()]);
        Self { account: key.clone(), by: By::Known(key) }
    }

    /// Counts a try before it is looked at, so that of many at once none is free; what is right clears the count.
    pub fn begin(&self, app: &App, email: &str) -> Result<(), Failure> {
        self.check(app)?;
        let count = || {
            app.db.write::<_, Failure>(|conn| {
                let now = app.sources.clock.machine_now();
                for (key, counted, _) in self.counters(app, conn)? {
                    let before = session::attempts_to_count(conn, key, &self.account, counted, now)?;
                    if before.is_some_and(|attempts| attempts.blocked_until > now.naive_utc()) {
                        return Ok(false);
                    }
                }
                self.count(app, conn, email)?;
                Ok(true)
            })
        };
        let counted = match count() {
            // Two first ones at once on PostgreSQL: the other's row is there now.
            Err(Failure::Conflict { .. }) => count()?,
            done => done?,
        };
        if counted { Ok(()) } else { self.check(app) }
    }

    /// Nothing shows that the account has been used from here before.
    pub fn is_strange(&self) -> bool {
        matches!(self.by, By::Stranger(_))
    }

    /// What log lines call the account.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The counters that count for it, each with how many it allows in a window now.
    fn counters(&self, app: &App, conn: &mut Conn) -> Result<Vec<(&str, Counted, i32)>, DbError> {
        let address = match &self.by {
            By::Known(key) => return Ok(vec![(key, Counted::Known, MOST)]),
            By::Stranger(address) => address,
        };
        let now = app.sources.clock.machine_now().naive_utc();
        let all = session::attempts(conn, &self.account)?;
        let crowded = all.and_then(|all| all.crowded_until).is_some_and(|until| until > now);
        let share = if crowded { SHARE } else { MOST };
        Ok(vec![(&self.account, Counted::Strangers, MOST), (address, Counted::Address, share)])
    }

    /// Refuses while a delay runs.
    pub fn check(&self, app: &App) -> Result<(), Failure> {
        let now = app.sources.clock.machine_now().naive_utc();
        let until = app.db.read::<_, DbError>(|conn| {
            let mut until = now;
            for (key, _, _) in self.counters(app, conn)? {
                until = until.max(session::attempts(conn, key)?.map_or(now, |a| a.blocked_until));
            }
            Ok(until)
        })?;
        if until <= now {
            return Ok(());
        }
        tracing::warn!(
            event = "login_delayed",
            account = self.account,
            strange = self.is_strange(),
            "delayed"
        );
        let left = (until - now).num_seconds();
        Err(Failure::TooMany { retry_after: u64::try_from(left).unwrap_or(0) + 1 })
    }

    /// Counts a failure; of strangers' many the person is told by mail.
    pub fn failed(&self, app: &App, email: &str) -> Result<(), Failure> {
        let count = || app.db.write::<_, Failure>(|conn| self.count(app, conn, email));
        match count() {
            // Two first failures at once on PostgreSQL: the other's row is there now.
            Err(Failure::Conflict { .. }) => count(),
            done => done,
        }
    }

    fn count(&self, app: &App, conn: &mut Conn, email: &str) -> Result<(), Failure> {
        let now = app.sources.clock.machine_now();
        let day = app.sources.clock.day_of(now);
        for (key, counted, most) in self.counters(app, conn)? {
            let before = session::attempts_to_count(conn, key, &self.account, counted, now)?;
            let after = next(before, now, day, most);
            session::set_attempts(conn, key, &after)?;
            if counted == Counted::Strangers && after.day_failures >= TOLD_FROM {
                let user = db::user::by_email(conn, email)?.filter(|user| user.is_usable(app.today()));
                if let Some(user) = user {
                    account::tell_failures(app, conn, &user, day)?;
                }
            }
        }
        Ok(())
    }

    /// The password was right: a known device begins anew. The strangers' count goes on, or a person who logs in often
    /// would give strangers more tries.
    pub fn succeeded(&self, conn: &mut Conn) -> Result<(), DbError> {
        match &self.by {
            By::Known(key) => session::clear_attempts(conn, key),
            By::Stranger(_) => Ok(()),
        }
    }
}

/// Whether a reset may be mailed to the address typed: one in a quarter of an hour, whoever asks and however often. Who asks
/// meanwhile has a mail that still works. Two first ones at once are a conflict on PostgreSQL.
pub fn may_mail_reset(app: &App, conn: &mut Conn, email: &str) -> Result<bool, DbError> {
    let now = app.sources.clock.machine_now();
    let key = key(app, &["reset", &email_key(email)]);
    let account = account_key(app, email);
    let before = session::attempts_to_count(conn, &key, &account, Counted::Reset, now)?;
    if before.is_some_and(|before| before.blocked_until > now.naive_utc()) {
        return Ok(false);
    }
    let mailed = Attempts {
        failures: 0,
        counted_from: now.naive_utc(),
        blocked_until: (now + WINDOW).naive_utc(),
        crowded_until: None,
        day: app.sources.clock.day_of(now),
        day_failures: 0,
    };
    session::set_attempts(conn, &key, &mailed)?;
    Ok(true)
}

/// Until when strangers are kept waiting for an account, if they are now.
pub fn blocked_until(app: &App, conn: &mut Conn, email: &str) -> Result<Option<Instant>, DbError> {
    let now = app.sources.clock.machine_now();
    let until = session::blocked_until(conn, &account_key(app, email))?.map(|until| until.and_utc());
    Ok(until.filter(|until| *until > now))
}

/// Forgets every wrong code of a person.
pub fn lift_codes(app: &App, conn: &mut Conn, user: UserId) -> Result<(), DbError> {
    session::clear_account(conn, &key(app, &["code", user.as_str()]))
}

/// Forgets every failure on an account, whoever's.
pub fn lift(app: &App, conn: &mut Conn, email: &str) -> Result<(), DbError> {
    session::clear_account(conn, &account_key(app, email))
}

/// One failure more at `now`, on the machine's `day`; `most` of them in a window begin a block.
fn next(before: Option<Attempts>, now: Instant, day: NaiveDate, most: i32) -> Attempts {
    let at = now.naive_utc();
    let day_failures =
        before.as_ref().filter(|a| a.day == day).map_or(0, |a| a.day_failures).saturating_add(1);
    let crowded = before.as_ref().and_then(|a| a.crowded_until).filter(|until| *until > at);
    // A window is over after its time, and with the block that ended it.
    let running = before.filter(|a| {
        let was_full = a.failures >= most && a.blocked_until <= at;
        let timed_out = a.counted_from + WINDOW <= at && a.blocked_until <= at;
        !was_full && !timed_out
    });
    let failures = running.as_ref().map_or(0, |a| a.failures).saturating_add(1);
    let counted_from = running.map_or(at, |a| a.counted_from);
    let delay = match failures {
        _ if failures >= most => WINDOW,
        FIRST_DELAYED.. => Duration::seconds(10 << (failures - FIRST_DELAYED).min(8)),
        _ => Duration::zero(),
    };
    let crowded_until = if failures >= MOST { Some(at + CROWDED) } else { crowded };
    Attempts { failures, counted_from, blocked_until: at + delay, crowded_until, day, day_failures }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 24 * 3600;

    fn start() -> Instant {
        "2026-04-01T00:00:00Z".parse().unwrap()
    }

    fn fail(before: Option<Attempts>, at: Instant) -> Attempts {
        next(before, at, at.date_naive(), MOST)
    }

    #[test]
    fn the_delay_grows_to_fifteen_minutes_and_the_next_window_begins_anew() {
        let mut at = start();
        let mut attempts = None;
        let mut delays = Vec::new();
        for _ in 0..11 {
            let after = fail(attempts, at);
            delays.push((after.blocked_until - at.naive_utc()).num_seconds());
            at = at.max(after.blocked_until.and_utc());
            attempts = Some(after);
        }
        assert_eq!(delays, [0, 0, 0, 0, 10, 20, 40, 80, 160, 900, 0]);
    }

    #[test]
    fn guesses_that_were_on_their_way_when_the_block_began_are_counted() {
        let at = start();
        let many = (0..13).fold(None, |before, _| Some(fail(before, at))).unwrap();
        assert_eq!((many.failures, many.blocked_until), (13, (at + WINDOW).naive_utc()));
        assert_eq!(many.day_failures, 13);
    }

    #[test]
    fn a_window_is_forgotten_after_a_quarter_of_an_hour() {
        let at = start();
        let four = (0..4).fold(None, |before, _| Some(fail(before, at)));
        assert_eq!(fail(four.clone(), at + WINDOW - Duration::seconds(1)).failures, 5);
        assert_eq!(fail(four, at + WINDOW).failures, 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// However a guesser waits: in any 24 hours no more than 960.
        #[test]
        fn nobody_guesses_more_than_the_most_of_a_day(pauses in prop::collection::vec((0_i64..1000, 1_usize..20), 5..60)) {
            let mut at = start();
            let mut attempts: Option<Attempts> = None;
            let mut guesses: Vec<Instant> = Vec::new();
            let mut turns = pauses.iter().cycle();
            while (at - start()).num_seconds() < 2 * DAY {
                let (pause, burst) = turns.next().unwrap();
                for _ in 0..*burst {
                    at = attempts.as_ref().map_or(at, |a| at.max(a.blocked_until.and_utc()));
                    guesses.push(at);
                    attempts = Some(fail(attempts, at));
                }
                at += Duration::seconds(*pause);
            }
            for (n, first) in guesses.iter().enumerate() {
                let within = guesses.partition_point(|one| *one - *first < Duration::seconds(DAY)) - n;
                prop_assert!(within <= 960, "{within}");
            }
        }
    }

    #[test]
    fn the_hastiest_and_the_most_patient_stay_under_it() {
        for in_a_window in [4, 9, 10] {
            let (mut at, mut attempts, mut guesses) = (start(), None::<Attempts>, 0);
            while (at - start()).num_seconds() < DAY {
                let window = at;
                for _ in 0..in_a_window {
                    at = attempts.as_ref().map_or(at, |a| at.max(a.blocked_until.and_utc()));
                    attempts = Some(fail(attempts, at));
                    guesses += 1;
                }
                at = at.max(window + WINDOW);
            }
            assert!((300..=960).contains(&guesses), "{in_a_window}: {guesses}");
        }
    }
}
