//! Passwords into Argon2id hashes and back to yes or no. At most four at once: each takes 19 MiB and a core.
//! Strangers leave room: whoever floods the login keeps no known person out.

use std::collections::BTreeSet;
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::Failure;
use crate::clock::Sources;

/// OWASP's least for Argon2id: 19 MiB, two passes, one lane.
const PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// A hash of today's parameters that no password has: an unknown account takes as long as a known one.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// How many hash at once.
const PLACES: usize = 4;
/// Of these strangers get so many at most, and only while nobody known waits.
const STRANGERS_PLACES: usize = 3;
/// How many strangers wait at once: each waiting one holds a thread.
const STRANGERS_WAITING: usize = 64;
/// How long one waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Crowd {
    taken: usize,
    by_strangers: usize,
    known_waiting: usize,
    strangers_waiting: usize,
    /// The accounts that strangers are trying: one at a time each, so that none gets more tries by hurrying.
    accounts: BTreeSet<String>,
}

impl Crowd {
    fn lets_in(&self, stranger: Option<&str>) -> bool {
        self.taken < PLACES
            && stranger.is_none_or(|account| {
                self.by_strangers < STRANGERS_PLACES
                    && self.known_waiting == 0
                    && !self.accounts.contains(account)
            })
    }

    fn waiting(&mut self, stranger: Option<&str>) -> &mut usize {
        if stranger.is_some() { &mut self.strangers_waiting } else { &mut self.known_waiting }
    }
}

#[derive(Default)]
struct Gate {
    crowd: Mutex<Crowd>,
    freed: Condvar,
}

static GATE: LazyLock<Gate> = LazyLock::new(Gate::default);

/// A place in which to hash; free again when dropped.
pub struct Place {
    gate: &'static Gate,
    stranger: Option<String>,
}

/// Waits for a place, before every stranger; none within five seconds: too many at once.
pub fn place() -> Result<Place, Failure> {
    enter(&GATE, None, PATIENCE)
}

/// As [`place`], for someone unknown who wants in to an account.
pub fn strangers_place(account: &str) -> Result<Place, Failure> {
    enter(&GATE, Some(account), PATIENCE)
}

fn enter(gate: &'static Gate, stranger: Option<&str>, patience: Duration) -> Result<Place, Failure> {
    let crowded = || {
        tracing::warn!(
            event = "hashing_crowded",
            strange = stranger.is_some(),
            "no place to hash a password"
        );
        Failure::TooMany { retry_after: 1 }
    };
    let mut crowd = gate.crowd.lock().unwrap_or_else(PoisonError::into_inner);
    if stranger.is_some() && crowd.strangers_waiting >= STRANGERS_WAITING {
        return Err(crowded());
    }
    *crowd.waiting(stranger) += 1;
    let (mut crowd, waited) = gate
        .freed
        .wait_timeout_while(crowd, patience, |crowd| !crowd.lets_in(stranger))
        .unwrap_or_else(PoisonError::into_inner);
    *crowd.waiting(stranger) -= 1;
    if waited.timed_out() {
        // A known one who gives up was in the way of strangers.
        gate.freed.notify_all();
        return Err(crowded());
    }
    crowd.taken += 1;
    if let Some(account) = stranger {
        crowd.by_strangers += 1;
        crowd.accounts.insert(account.to_owned());
    }
    // Who waited for this one to be let in may go on.
    gate.freed.notify_all();
    Ok(Place { gate, stranger: stranger.map(str::to_owned) })
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut crowd = self.gate.crowd.lock().unwrap_or_else(PoisonError::into_inner);
        crowd.taken = crowd.taken.saturating_sub(1);
        if let Some(account) = &self.stranger {
            crowd.by_strangers = crowd.by_strangers.saturating_sub(1);
            crowd.accounts.remove(account);
        }
        // Not everyone waits for the same.
        self.gate.freed.notify_all();
    }
}

impl Place {
    /// The hash of a password, as a PHC string.
    pub fn hash(&self, sources: &Sources, password: &str) -> Result<String, Failure> {
        let mut salt = [0u8; 16];
        sources.entropy.fill(&mut salt);
        let broken = |e: &dyn std::fmt::Display| Failure::Internal(format!("argon2: {e}"));
        let parameters = Params::new(19_456, 2, 1, None).map_err(|e| broken(&e))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let hash: PasswordHash =
            argon2.hash_password_with_salt(password.as_bytes(), &salt).map_err(|e| broken(&e))?;
        Ok(hash.to_string())
    }

    /// Whether it is the password. Without a hash nothing is, and it takes as long to say so.
    pub fn verify(&self, password: &str, hash: Option<&str>) -> bool {
        let known = PasswordHash::new(hash.unwrap_or(NOBODYS));
        known.is_ok_and(|known| Argon2::default().verify_password(password.as_bytes(), &known).is_ok())
    }
}

/// Hashes in a place of its own.
pub fn hash(sources: &Sources, password: &str) -> Result<String, Failure> {
    place()?.hash(sources, password)
}

/// Whether a hash was made with other parameters than today's.
pub fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(PARAMETERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_and_carries_todays_parameters() {
        let sources = Sources::system(chrono_tz::Asia::Tokyo);
        let place = place().unwrap();
        let hash = place.hash(&sources, "馬と電池とホチキス正しい").unwrap();
        assert!(hash.starts_with(PARAMETERS), "{hash}");
        assert!(place.verify("馬と電池とホチキス正しい", Some(&hash)));
        assert!(!place.verify("馬と電池とホチキス正しく", Some(&hash)));
        assert!(!is_outdated(&hash));
        assert!(is_outdated(&hash.replace("t=2", "t=1")));
    }

    #[test]
    fn nobodys_hash_is_well_formed_and_fits_nothing() {
        assert!(!is_outdated(NOBODYS));
        assert_eq!(PasswordHash::new(NOBODYS).unwrap().hash.unwrap().as_bytes(), [0u8; 32]);
        assert!(!place().unwrap().verify("", None));
    }

    fn gate() -> &'static Gate {
        Box::leak(Box::default())
    }

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn the_fifth_waits_and_is_then_sent_away() {
        let gate = gate();
        let mut places: Vec<Place> = (0..PLACES).map(|_| enter(gate, None, SHORT).unwrap()).collect();
        assert!(matches!(enter(gate, None, SHORT), Err(Failure::TooMany { retry_after: 1 })));
        places.pop();
        assert!(enter(gate, None, SHORT).is_ok());
    }

    #[test]
    fn strangers_leave_a_place_free_and_try_an_account_one_at_a_time() {
        let gate = gate();
        let first = enter(gate, Some("a"), SHORT).unwrap();
        assert!(enter(gate, Some("a"), SHORT).is_err());
        let _others = ["b", "c"].map(|account| enter(gate, Some(account), SHORT).unwrap());
        assert!(enter(gate, Some("d"), SHORT).is_err());
        assert!(enter(gate, None, SHORT).is_ok(), "the fourth place is for those who are known");
        drop(first);
        assert!(enter(gate, Some("a"), SHORT).is_ok());
    }

    #[test]
    fn of_many_strangers_the_most_are_sent_away_at_once() {
        let gate = gate();
        let _all: Vec<Place> = (0..PLACES).map(|_| enter(gate, None, SHORT).unwrap()).collect();
        let patience = Duration::from_secs(2);
        let waiting: Vec<_> = (0..STRANGERS_WAITING)
            .map(|n| std::thread::spawn(move || enter(gate, Some(&n.to_string()), patience).is_ok()))
            .collect();
        while gate.crowd.lock().unwrap().strangers_waiting < STRANGERS_WAITING {
            std::thread::sleep(Duration::from_millis(1));
        }
        let begun = std::time::Instant::now();
        assert!(enter(gate, Some("one more"), patience).is_err());
        assert!(begun.elapsed() < patience / 2);
        assert!(waiting.into_iter().all(|one| !one.join().unwrap()), "and those who waited in vain");
    }
}
