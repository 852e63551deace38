//! Time and chance, passed in: the only room that asks the wall clock and the system's randomness.
//!
//! Two clocks: **business** time for rules, recorded instants and expiry of accounts; the **machine's** for
//! sessions, leases, mail retries, invitations and idempotency. They differ only in tests and the demonstration.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, DurationRound, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use crate::domain::contract::Instant;
use crate::domain::id::Id;

/// Where instants come from.
pub trait Clock: Send + Sync {
    /// Business time.
    fn now(&self) -> Instant;
    /// The machine's time.
    fn machine_now(&self) -> Instant;
    /// The zone in which days begin (`ITAKU__TIMEZONE`).
    fn timezone(&self) -> Tz;
    /// The business day.
    fn today(&self) -> NaiveDate {
        self.day_of(self.now())
    }
    /// The day of an instant in the clock's zone.
    fn day_of(&self, at: Instant) -> NaiveDate {
        at.with_timezone(&self.timezone()).date_naive()
    }
}

/// Whole microseconds: what both databases keep.
fn wall() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the wall clock")]
    let now = Utc::now();
    now.duration_trunc(Duration::microseconds(1)).unwrap_or(now)
}

/// The wall clock, for both times.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(pub Tz);

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        wall()
    }
    fn machine_now(&self) -> Instant {
        wall()
    }
    fn timezone(&self) -> Tz {
        self.0
    }
}

/// The demonstration's business clock: 09:00 of a chosen day plus the time elapsed since it was chosen, never past
/// that day, strictly increasing.
pub struct DemoClock {
    timezone: Tz,
    state: Mutex<DemoState>,
}

struct DemoState {
    day: NaiveDate,
    chosen_at: Instant,
    last: Option<Instant>,
}

impl DemoClock {
    /// Starts at 09:00 of `day`.
    pub fn new(timezone: Tz, day: NaiveDate) -> Self {
        Self { timezone, state: Mutex::new(DemoState { day, chosen_at: wall(), last: None }) }
    }

    /// Moves to 09:00 of `day`; the same day again changes nothing. Returns false for an earlier day.
    pub fn set(&self, day: NaiveDate) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if day > state.day {
            state.day = day;
            state.chosen_at = wall();
        }
        day >= state.day
    }
}

/// The instant of a local time of day; a local time that a change of clocks skips is taken an hour later.
pub fn local_instant(timezone: Tz, day: NaiveDate, time: NaiveTime) -> Instant {
    let local = day.and_time(time);
    timezone
        .from_local_datetime(&local)
        .earliest()
        .or_else(|| timezone.from_local_datetime(&(local + Duration::hours(1))).earliest())
        .map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

impl Clock for DemoClock {
    fn now(&self) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
        let start = local_instant(self.timezone, state.day, nine);
        let tomorrow = state.day.succ_opt().unwrap_or(state.day);
        let end = local_instant(self.timezone, tomorrow, NaiveTime::MIN) - Duration::seconds(1);
        let mut now = (start + (wall() - state.chosen_at).max(Duration::zero())).min(end);
        if let Some(last) = state.last {
            now = now.max(last + Duration::microseconds(1));
        }
        state.last = Some(now);
        now
    }
    fn machine_now(&self) -> Instant {
        wall()
    }
    fn timezone(&self) -> Tz {
        self.timezone
    }
    // Not from `now()`: asking for the day must not spend instants.
    fn today(&self) -> NaiveDate {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).day
    }
}

/// A clock that stands until a test moves it; business and machine time move together unless set apart.
pub struct TestClock {
    timezone: Tz,
    now: Mutex<(Instant, Instant)>,
}

impl TestClock {
    /// Stands at 09:00 of `day` in Asia/Tokyo.
    pub fn new(day: NaiveDate) -> Self {
        let timezone = chrono_tz::Asia::Tokyo;
        let at = local_instant(timezone, day, NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default());
        Self { timezone, now: Mutex::new((at, at)) }
    }

    /// Moves both clocks to 09:00 of `day`.
    pub fn set_day(&self, day: NaiveDate) {
        let at = local_instant(self.timezone, day, NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default());
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = (at, at);
    }

    /// Lets time pass on both clocks.
    pub fn pass(&self, time: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.0 += time;
        now.1 += time;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).0
    }
    fn machine_now(&self) -> Instant {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).1
    }
    fn timezone(&self) -> Tz {
        self.timezone
    }
}

/// Where chance comes from: ids, tokens, salts.
pub trait Entropy: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}

/// Clock and chance together, as they travel through the rooms.
#[derive(Clone)]
pub struct Sources {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Sources {
    /// The wall clock and the system's randomness.
    pub fn system(timezone: Tz) -> Self {
        Self { clock: Arc::new(SystemClock(timezone)), entropy: Arc::new(SystemEntropy) }
    }

    /// A new UUIDv7 of the machine's time.
    pub fn new_id<T>(&self) -> Id<T> {
        let mut random = [0u8; 10];
        self.entropy.fill(&mut random);
        let millis = u64::try_from(self.clock.machine_now().timestamp_millis()).unwrap_or(0);
        Id::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// 32 random bytes as base64url: tokens and secrets.
    pub fn token(&self) -> String {
        use base64::Engine;
        let mut random = [0u8; 32];
        self.entropy.fill(&mut random);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random)
    }
}

/// Reads an instant as the API writes it.
pub fn parse_instant(text: &str) -> Option<Instant> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}
