//! The ticking clock of a server: the sweep at its local time and after downtime, the delivery every few seconds,
//! housekeeping. The sweep and the housekeeping stand under lease rows, each mail under its claim, so that any number
//! of servers may run; that nothing is told twice rests on the outbox's unique key, not on the leases.

pub mod backup;
mod collect;
pub mod deliver;
pub mod digest;
pub mod sweep;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime};

use crate::clock::Clock;
use crate::db;
use crate::domain::contract::Instant;
use crate::notice::message::Message;
use crate::notice::transport::Transport;
use crate::service::contract::upload;
use crate::service::{App, Failure, idempotency};

const DELIVER_EVERY: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_secs(15);
const CLEAN_EVERY: Duration = Duration::from_hours(1);
/// A sweep that failed in part is tried again after this.
const SWEEP_AGAIN: Duration = Duration::from_mins(5);
/// A thread that waits shows this often that it lives.
const PULSE_EVERY: Duration = Duration::from_secs(15);
/// A thread whose turn panicked goes on after this.
const AFTER_PANIC: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(30) };
/// Ended sessions and tokens are kept so long, for those who look into what happened.
const SESSIONS_KEPT: Days = Days::new(30);
/// Devices known to an account: a browser keeps what it was given no longer either.
const DEVICES_KEPT: Days = Days::new(400);
/// Failed logins: what is counted anew after a quiet day need not be kept longer. Anyone can make such rows.
const ATTEMPTS_KEPT: Days = Days::new(1);

/// Asked again and again by a job: whether to go on. Asking also shows that the job's thread lives.
pub(crate) type GoOn<'a> = dyn Fn() -> bool + 'a;

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

/// A thread's sign of life.
#[derive(Clone)]
struct Pulse {
    clock: Arc<dyn Clock>,
    last: Arc<AtomicI64>,
}

impl Pulse {
    fn beat(&self) {
        self.last.store(self.clock.machine_now().timestamp(), Ordering::Relaxed);
    }
}

/// When each thread of the scheduler last showed that it lives; for `/readyz`. Cheap to clone.
#[derive(Clone)]
pub struct Ticks {
    threads: Vec<Arc<AtomicI64>>,
    patience: chrono::Duration,
}

impl Ticks {
    /// Whether every thread has lately gone round, or on within its round.
    pub fn is_ticking(&self, now: Instant) -> bool {
        let oldest = (now - self.patience).timestamp();
        self.threads.iter().all(|last| last.load(Ordering::Relaxed) > oldest)
    }
}

/// The running scheduler of a server.
pub struct Scheduler {
    stop: Arc<Stop>,
    clock: Arc<dyn Clock>,
    ticks: Ticks,
    threads: Vec<JoinHandle<()>>,
}

impl Scheduler {
    /// Starts the threads. In the demonstration the day moves by hand, and with it the sweep.
    pub fn start(app: &App, transport: Transport) -> std::io::Result<Self> {
        let mut scheduler = Self::without_jobs(Arc::clone(&app.sources.clock), deliver::longest(app));
        let holder = app.sources.token();
        let served = app.clone();
        scheduler.spawn("deliver", move |go_on| {
            let send = |message: &Message| transport.send(message);
            report("deliver", deliver::deliver_while(&served, &send, go_on).map(drop));
            DELIVER_EVERY
        })?;
        let work = (app.clone(), holder.clone());
        scheduler.spawn("sweep", move |go_on| {
            if work.0.demo.is_some() { SWEEP_EVERY } else { sweep_turn(&work.0, &work.1, go_on) }
        })?;
        let work = (app.clone(), holder.clone());
        // A large database takes longer than any other job may be silent: readiness does not wait for it.
        scheduler.begin("backup", move |_| backup::turn(&work.0, &work.1))?;
        let work = (app.clone(), holder);
        scheduler.spawn("clean", move |_| {
            report("clean", leased(&work.0, "clean", &work.1, || clean(&work.0)));
            CLEAN_EVERY
        })?;
        Ok(scheduler)
    }

    /// `longest`: what one step of a job may take, a minute at least.
    fn without_jobs(clock: Arc<dyn Clock>, longest: chrono::Duration) -> Self {
        let patience = longest.max(chrono::Duration::minutes(1));
        let ticks = Ticks { threads: Vec::new(), patience };
        Self { stop: Arc::default(), clock, ticks, threads: Vec::new() }
    }

    /// As [`begin`](Self::begin), and readiness asks whether it still lives.
    fn spawn(
        &mut self,
        name: &'static str,
        turn: impl Fn(&GoOn<'_>) -> Duration + Send + 'static,
    ) -> std::io::Result<()> {
        let last = self.begin(name, turn)?;
        self.ticks.threads.push(last);
        Ok(())
    }

    /// Runs `turn` again and again; it says how long to wait for the next. One that panics is told in the log and
    /// does not end the thread. Answers when it last showed that it lives.
    fn begin(
        &mut self,
        name: &'static str,
        turn: impl Fn(&GoOn<'_>) -> Duration + Send + 'static,
    ) -> std::io::Result<Arc<AtomicI64>> {
        let stop = Arc::clone(&self.stop);
        let pulse = Pulse { clock: Arc::clone(&self.clock), last: Arc::default() };
        pulse.beat();
        let last = Arc::clone(&pulse.last);
        let run = move || {
            let go_on = || {
                pulse.beat();
                !stop.is_asked()
            };
            while go_on() {
                let wait = catch_unwind(AssertUnwindSafe(|| turn(&go_on))).unwrap_or_else(|_| {
                    tracing::error!(job = name, "a job of the scheduler panicked; it is tried again");
                    AFTER_PANIC
                });
                rest(&stop, &pulse, wait);
            }
        };
        self.threads.push(std::thread::Builder::new().name(format!("itaku-{name}")).spawn(run)?);
        Ok(last)
    }

    /// When its threads last showed that they live.
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

/// Waits for the next turn, or until asked to stop.
fn rest(stop: &Stop, pulse: &Pulse, wait: Duration) {
    let mut left = wait;
    while !left.is_zero() {
        let part = left.min(PULSE_EVERY);
        if stop.wait(part) {
            return;
        }
        pulse.beat();
        left = left.saturating_sub(part);
    }
}

/// Work on one thing of many: a panic in it is its failure, and the others have their turn.
fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Failure::Internal("it panicked".to_owned())))
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
    leased_for(app, name, holder, chrono::Duration::minutes(2), work)
}

/// As [`leased`], for a job that takes its time.
fn leased_for(
    app: &App,
    name: &str,
    holder: &str,
    time: chrono::Duration,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let now = app.sources.clock.machine_now();
    let until = now + time;
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
fn sweep_turn(app: &App, holder: &str, go_on: &GoOn<'_>) -> Duration {
    let today = app.today();
    let time = app.now().with_timezone(&app.config.timezone).time();
    let due = sweep::last_day(app).map(|last| is_due(last, today, time, app.config.scheduler.sweep_at));
    let mut again = SWEEP_EVERY;
    match due {
        Ok(false) => {}
        Ok(true) => {
            let swept = leased(app, "sweep", holder, || {
                let done = sweep::sweep_while(app, today, false, go_on)?;
                tracing::info!(event = "sweep", day = %done.day, checked = done.checked, opened = done.opened, resolved = done.resolved, reminders = done.reminders, digests = done.digests, failed = done.failed, whole = done.whole, "swept");
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
pub fn clean(app: &App) -> Result<(), Failure> {
    let now = app.sources.clock.machine_now();
    app.db.write_long(|conn| db::idempotency::purge(conn, now - idempotency::KEPT))?;
    app.db.write_long(|conn| db::upload::purge(conn, now - upload::KEPT))?;
    if let Some(before) = now.checked_sub_days(SESSIONS_KEPT) {
        app.db.write_long(|conn| db::lease::forget_sessions(conn, before))?;
    }
    if let Some(before) = now.checked_sub_days(ATTEMPTS_KEPT) {
        app.db.write_long(|conn| db::lease::forget_attempts(conn, before))?;
    }
    if let Some(before) = now.checked_sub_days(DEVICES_KEPT) {
        app.db.write_long(|conn| db::lease::forget_devices(conn, before))?;
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

    fn scheduler() -> (Scheduler, Arc<crate::clock::TestClock>) {
        let clock = Arc::new(crate::clock::TestClock::new("2026-11-10".parse().unwrap()));
        (Scheduler::without_jobs(Arc::clone(&clock) as Arc<dyn Clock>, chrono::Duration::zero()), clock)
    }

    #[test]
    fn a_turn_that_panics_does_not_end_its_thread_and_the_stop_is_seen_within_a_turn() {
        let (mut scheduler, _) = scheduler();
        let (sent, turns) = std::sync::mpsc::channel();
        assert!(matches!(
            caught(|| -> Result<(), Failure> { panic!("in one of many") }),
            Err(Failure::Internal(_))
        ));
        let times = AtomicI64::new(0);
        scheduler
            .spawn("test", move |go_on| {
                sent.send(()).ok();
                assert_ne!(times.fetch_add(1, Ordering::Relaxed), 0, "the first turn");
                while go_on() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Duration::from_hours(1)
            })
            .unwrap();
        turns.recv_timeout(Duration::from_secs(5)).unwrap();
        turns.recv_timeout(AFTER_PANIC + Duration::from_secs(10)).unwrap();
        scheduler.stop();
    }

    #[test]
    fn one_thread_that_hangs_is_seen_beside_others_that_tick() {
        let (mut scheduler, clock) = scheduler();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (sent, hanging) = std::sync::mpsc::channel();
        scheduler.spawn("quick", |_| Duration::from_millis(1)).unwrap();
        let released = Mutex::new(released);
        scheduler
            .spawn("hung", move |_| {
                sent.send(()).ok();
                released.lock().unwrap().recv().ok();
                Duration::from_millis(1)
            })
            .unwrap();
        hanging.recv_timeout(Duration::from_secs(5)).unwrap();
        let ticks = scheduler.ticks();
        assert!(ticks.is_ticking(clock.machine_now()));
        clock.pass(chrono::Duration::seconds(61));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!ticks.is_ticking(clock.machine_now()));
        drop(release);
        let begun = std::time::Instant::now();
        while !ticks.is_ticking(clock.machine_now()) && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(ticks.is_ticking(clock.machine_now()));
        scheduler.stop();
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
