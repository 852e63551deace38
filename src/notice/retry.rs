//! When a mail that could not be handed over is tried again.

use chrono::TimeDelta;

use crate::domain::contract::Instant;

/// Waits after the first attempts; afterwards [`STEADY`].
const LADDER: [TimeDelta; 4] =
    [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(30), TimeDelta::hours(1)];
const STEADY: TimeDelta = TimeDelta::hours(2);
/// How long a notice is worth trying, from its creation.
const GIVE_UP: TimeDelta = TimeDelta::days(5);

/// The next attempt after `attempts` that failed for now; `None`: given up. 1, 5 and 30 minutes, an hour, then
/// every two hours, until five days after the notice was made.
pub fn next_attempt(attempts: u32, created_at: Instant, now: Instant) -> Option<Instant> {
    let Some(failed) = attempts.checked_sub(1) else { return Some(now) };
    let wait = usize::try_from(failed).ok().and_then(|n| LADDER.get(n)).copied().unwrap_or(STEADY);
    let next = now.checked_add_signed(wait)?;
    (next <= created_at.checked_add_signed(GIVE_UP)?).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_climbed_to_its_end() {
        let created: Instant = "2026-11-10T00:00:00Z".parse().unwrap();
        let (mut now, mut attempts, mut minutes) = (created, 1, Vec::new());
        while let Some(next) = next_attempt(attempts, created, now) {
            minutes.push((next - now).num_minutes());
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!(minutes[..6], [1, 5, 30, 60, 120, 120]);
        assert!(minutes[4..].iter().all(|wait| *wait == 120));
        assert!(
            now <= created + TimeDelta::days(5) && now > created + TimeDelta::days(5) - TimeDelta::hours(2)
        );
    }

    #[test]
    fn a_notice_never_tried_is_due_and_an_old_one_is_given_up() {
        let created: Instant = "2026-11-10T00:00:00Z".parse().unwrap();
        assert_eq!(next_attempt(0, created, created), Some(created));
        assert_eq!(next_attempt(1, created, created + TimeDelta::days(5)), None);
        assert_eq!(next_attempt(u32::MAX, created, created), Some(created + STEADY));
    }
}
