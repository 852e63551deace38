//! The ticking clock of a server: the sweep at its local time and after downtime, the delivery every few seconds,
//! housekeeping. The sweep and the housekeeping stand under lease rows, each mail under its claim, so that any number
//! of servers may run; that nothing is told twice rests on the outbox's unique key, not on the leases.

pub mod deliver;
pub mod digest;
pub mod sweep;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime};

use crate::db;
use crate::domain::contract::Instant;
use crate::notice::message::Message;
use crate::notice::transport::Transport;
use crate::service::{App, Failure, idempotency};

const DELIVER_EVERY: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_secs(15);
const CLEAN_EVERY: Duration = Duration::from_hours(1);
/// A sweep that failed in part is tried again after this.
const SWEEP_AGAIN: Duration = Duration::from_mins(5);
/// Ended sessions and tokens are kept so long, for those who look into what happened.
const SESSIONS_KEPT: Days = Days::new(30);

/// A sign that it is time to stop, which also wakes those who wait for their next turn.
#[derive(Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn is_asked(&self) -> bool {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; true when asked to stop.
    fn wait(&self, time: Duration) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(asked, time, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// When the scheduler last went round; for `/readyz`. Cheap to clone.
#[derive(Clone, Default)]
pub struct Ticks(Arc<AtomicI64>);

impl Ticks {
    fn tick(&self, now: Instant) {
        self.0.store(now.timestamp_micros(), Ordering::Relaxed);
    }

    /// The machine's instant of the last round; None before the first.
    pub fn last(&self) -> Option<Instant> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            micros => DateTime::from_timestamp_micros(micros),
        }
    }

    /// Whether the last round is less than a minute ago.
    pub fn is_ticking(&self, now: Instant) -> bool {
        self.last().is_some_and(|last| now - last < chrono::Duration::minutes(1))
    }
}

/// The running scheduler of a server.
pub struct Scheduler {
    stop: Arc<Stop>,
    ticks: Ticks,
    threads: Vec<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts the threads. In the demonstration the day moves by hand, and with it the sweep.
    pub fn start(app: &App, transport: Transport) -> std::io::Result<Self> {
        let mut scheduler = Self { stop: Arc::default(), ticks: Ticks::default(), threads: Vec::new() };
        let holder = app.sources.token();
        let (served, ticks, stop) = (app.clone(), scheduler.ticks.clone(), Arc::clone(&scheduler.stop));
        scheduler.spawn("deliver", move || {
            ticks.tick(served.sources.clock.machine_now());
            let send = |message: &Message| transport.send(message);
            report("deliver", deliver::deliver_while(&served, &send, &|| !stop.is_asked()).map(drop));
            DELIVER_EVERY
        })?;
        let (work, ticks) = ((app.clone(), holder.clone()), scheduler.ticks.clone());
        scheduler.spawn("sweep", move || {
            ticks.tick(work.0.sources.clock.machine_now());
            if work.0.demo.is_some() { SWEEP_EVERY } else { sweep_turn(&work.0, &work.1) }
        })?;
        let work = (app.clone(), holder);
        scheduler.spawn("clean", move || {
            report("clean", leased(&work.0, "clean", &work.1, || clean(&work.0)));
            CLEAN_EVERY
        })?;
        Ok(scheduler)
    }

    /// Runs `turn` again and again; it says how long to wait for the next.
    fn spawn(&mut self, name: &str, turn: impl Fn() -> Duration + Send + 'static) -> std::io::Result<()> {
        let stop = Arc::clone(&self.stop);
        let run = move || while !stop.wait(turn()) {};
        self.threads.push(std::thread::Builder::new().name(format!("itaku-{name}")).spawn(run)?);
        Ok(())
    }

    /// When it last went round.
    pub fn ticks(&self) -> Ticks {
        self.ticks.clone()
    }

    /// Lets what is being done end, and stops.
    pub fn stop(self) {
        self.stop.ask();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the scheduler had panicked");
            }
        }
    }
}

fn report(job: &str, done: Result<(), Failure>) {
    if let Err(failure) = done {
        tracing::error!(job, %failure, detail = ?failure, "a job of the scheduler failed; it is tried again");
    }
}

/// Runs `work` under the lease of that name; does nothing when another server holds it. The lease is short, so that
/// a crash does not hold the job up; a job that outlasts it may run twice, which does no harm.
fn leased(
    app: &App,
    name: &str,
    holder: &str,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let now = app.sources.clock.machine_now();
    let until = now + chrono::Duration::minutes(2);
    let taken = app.db.write(|conn| db::lease::take(conn, name, holder, now, until));
    match taken {
        Ok(true) => {}
        Ok(false) | Err(db::DbError::NotUnique(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let done = work();
    app.db.write(|conn| db::lease::release(conn, name, holder))?;
    done
}

/// Sweeps when the day's sweep is due.
fn sweep_turn(app: &App, holder: &str) -> Duration {
    let today = app.today();
    let time = app.now().with_timezone(&app.config.timezone).time();
    let due = sweep::last_day(app).map(|last| is_due(last, today, time, app.config.scheduler.sweep_at));
    let mut again = SWEEP_EVERY;
    match due {
        Ok(false) => {}
        Ok(true) => {
            let swept = leased(app, "sweep", holder, || {
                let done = sweep::sweep_and_record(app, today)?;
                tracing::info!(event = "sweep", day = %done.day, checked = done.checked, opened = done.opened, resolved = done.resolved, reminders = done.reminders, digests = done.digests, failed = done.failed, "swept");
                if done.failed > 0 {
                    again = SWEEP_AGAIN;
                }
                Ok(())
            });
            report("sweep", swept);
        }
        Err(error) => report("sweep", Err(error.into())),
    }
    again
}

/// Whether a day is to be swept: at its time, or at once when the day before was missed. Days that were missed are
/// not made up for one by one: the sweep tells what is true today.
fn is_due(last: Option<NaiveDate>, today: NaiveDate, time: NaiveTime, sweep_at: NaiveTime) -> bool {
    match last {
        Some(last) if last >= today => false,
        Some(last) if today.pred_opt().is_some_and(|yesterday| last < yesterday) => true,
        _ => time >= sweep_at,
    }
}

/// Forgets what is kept for a time only.
fn clean(app: &App) -> Result<(), Failure> {
    let now = app.sources.clock.machine_now();
    app.db.write(|conn| db::idempotency::purge(conn, now - idempotency::KEPT))?;
    if let Some(before) = now.checked_sub_days(SESSIONS_KEPT) {
        app.db.write(|conn| db::lease::forget_sessions(conn, before))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_swept_at_its_time_and_a_missed_one_is_made_up_for_at_once() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let due = |last: Option<&str>, hour| is_due(last.map(day), day("2026-11-10"), at(hour), at(6));
        assert!(!due(Some("2026-11-10"), 7), "once a day");
        assert!(!due(Some("2026-11-09"), 5), "not before its time");
        assert!(due(Some("2026-11-09"), 6));
        assert!(due(Some("2026-11-05"), 5), "after downtime at once");
        assert!(!due(Some("2026-11-11"), 7), "a clock stepped back");
        assert!(!due(None, 5) && due(None, 6));
    }

    #[test]
    fn those_who_wait_are_woken_by_the_stop() {
        let stop = Arc::new(Stop::default());
        assert!(!stop.wait(Duration::from_millis(1)));
        let waiting = Arc::clone(&stop);
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_mins(1)));
        stop.ask();
        assert!(thread.join().unwrap());
    }
}
