//! Passwords into Argon2id hashes and back to yes or no. At most four at once: each takes 19 MiB and a core.

use std::sync::{Condvar, Mutex, PoisonError};
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
/// How long one waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);

struct Gate {
    taken: Mutex<usize>,
    freed: Condvar,
}

static GATE: Gate = Gate { taken: Mutex::new(0), freed: Condvar::new() };

/// A place in which to hash; free again when dropped.
pub struct Place(&'static Gate);

/// Waits for a place; none within five seconds: too many at once.
pub fn place() -> Result<Place, Failure> {
    enter(&GATE, PATIENCE)
}

fn enter(gate: &'static Gate, patience: Duration) -> Result<Place, Failure> {
    let taken = gate.taken.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut taken, waited) = gate
        .freed
        .wait_timeout_while(taken, patience, |taken| *taken >= PLACES)
        .unwrap_or_else(PoisonError::into_inner);
    if waited.timed_out() {
        tracing::warn!(event = "hashing_crowded", "no place to hash a password");
        return Err(Failure::TooMany { retry_after: 1 });
    }
    *taken += 1;
    Ok(Place(gate))
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(1);
        self.0.freed.notify_one();
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

    #[test]
    fn the_fifth_waits_and_is_then_sent_away() {
        static CROWDED: Gate = Gate { taken: Mutex::new(0), freed: Condvar::new() };
        let wait = Duration::from_millis(20);
        let mut places: Vec<Place> = (0..PLACES).map(|_| enter(&CROWDED, wait).unwrap()).collect();
        assert!(matches!(enter(&CROWDED, wait), Err(Failure::TooMany { retry_after: 1 })));
        places.pop();
        assert!(enter(&CROWDED, wait).is_ok());
    }
}
