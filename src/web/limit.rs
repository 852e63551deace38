//! Who calls too often. Signed-in people have a budget each, for acts and for reading; strangers one by address for what they
//! send, never for pages to read. It slows machines down; the guard against guessing is the account's delay
//! (`service::guessing`), and a stranger's budget refuses no device that the account knows: a ministry has one address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::id::UserId;
use crate::service::guessing::Origin;
use crate::service::{App, Failure};

/// A budget holds so many seconds' worth.
const BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
/// A proxy that is not declared is warned of no oftener, in seconds.
const WARNED_EVERY: u64 = 3600;

/// The budgets of all.
pub struct Limiter {
    strangers: DefaultKeyedRateLimiter<IpAddr>,
    acts: DefaultKeyedRateLimiter<UserId>,
    reads: DefaultKeyedRateLimiter<UserId>,
    trusted: Vec<IpAddr>,
    clock: DefaultClock,
    begun: Instant,
    /// Seconds since `begun` of the last warning, and one: zero is none.
    warned: AtomicU64,
}

fn quota(per_second: NonZeroU32) -> Quota {
    Quota::per_second(per_second).allow_burst(per_second.saturating_mul(BURST))
}

impl Limiter {
    pub fn new(app: &App) -> Self {
        let limits = &app.config.limits;
        let each = [limits.strangers_per_second, limits.acts_per_second, limits.reads_per_second];
        Self::of(each, app.config.server.trusted_proxies.clone())
    }

    fn of([strangers, acts, reads]: [NonZeroU32; 3], trusted: Vec<IpAddr>) -> Self {
        Self {
            strangers: RateLimiter::keyed(quota(strangers)),
            acts: RateLimiter::keyed(quota(acts)),
            reads: RateLimiter::keyed(quota(reads)),
            trusted,
            clock: DefaultClock::default(),
            begun: Instant::now(),
            warned: AtomicU64::new(0),
        }
    }

    /// Whence something comes that needs no session; what is sent is taken from the address's budget, what is only read is
    /// not.
    pub fn origin(&self, request: &HttpRequest) -> Origin {
        let Some(address) = self.caller(request) else { return Origin::default() };
        let spent = if is_read(request.method()) { None } else { self.strangers.check_key(&address).err() };
        let wait = spent.map(|until| until.wait_time_from(self.clock.now()).as_secs() + 1);
        Origin { address: Some(address), wait, ..Origin::default() }
    }

    /// Takes one request from a signed-in person's budget.
    pub fn take(&self, user: UserId, method: &Method) -> Result<(), Failure> {
        let reads = is_read(method);
        let budget = if reads { &self.reads } else { &self.acts };
        budget.check_key(&user).map_err(|until| {
            tracing::warn!(event = "person_limited", %user, reads, "too many requests");
            Failure::TooMany { retry_after: until.wait_time_from(self.clock.now()).as_secs() + 1 }
        })
    }

    /// The address that is nearest to who calls.
    pub fn caller(&self, request: &HttpRequest) -> Option<IpAddr> {
        Some(caller(request.peer_addr()?.ip(), request.headers(), &self.trusted))
    }

    /// Warns, once an hour, of a proxy that is not declared: all who come through it share one address.
    pub fn watch(&self, request: &HttpRequest) {
        let Some(peer) = request.peer_addr() else { return };
        if self.trusted.contains(&peer.ip()) || !request.headers().contains_key(FORWARDED) {
            return;
        }
        let now = self.begun.elapsed().as_secs() + 1;
        let last = self.warned.load(Ordering::Relaxed);
        let due = last == 0 || now >= last + WARNED_EVERY;
        if due && self.warned.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::warn!(
                event = "proxy_not_declared",
                "X-Forwarded-For from an address that is not in server.trusted_proxies"
            );
        }
    }

    /// Forgets those whose budgets are full again.
    pub fn forget(&self) {
        self.strangers.retain_recent();
        self.strangers.shrink_to_fit();
        for people in [&self.acts, &self.reads] {
            people.retain_recent();
            people.shrink_to_fit();
        }
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The nearest address that is not one of our proxies: what lies further off, anyone may have written.
fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let lines: Vec<&str> = headers.get_all(FORWARDED).filter_map(|v| v.to_str().ok()).collect();
    let mut nearest = peer;
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Ok(address) = hop.trim().parse() else { break };
        nearest = address;
        if !trusted.contains(&address) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn seen(peer: &str, forwarded: &[&str]) -> IpAddr {
        let mut request = TestRequest::default();
        for line in forwarded {
            request = request.append_header(("X-Forwarded-For", *line));
        }
        caller(
            address(peer),
            request.to_http_request().headers(),
            &[address("10.0.0.1"), address("10.0.0.2")],
        )
    }

    #[test]
    fn only_our_proxies_are_believed() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), address("192.0.2.1"));
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), address("198.51.100.7"));
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), address("198.51.100.7"));
        assert_eq!(seen("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), address("198.51.100.7"));
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, nonsense"]), address("10.0.0.1"));
        assert_eq!(seen("10.0.0.1", &[]), address("10.0.0.1"));
    }

    fn limiter() -> Limiter {
        Limiter::of([20, 50, 500].map(|n| NonZeroU32::new(n).unwrap()), Vec::new())
    }

    fn from(ip: &str) -> TestRequest {
        TestRequest::default().peer_addr(format!("{ip}:1").parse().unwrap())
    }

    #[test]
    fn a_budget_runs_out_for_one_address_alone_and_never_for_reading() {
        let limiter = limiter();
        let waits =
            |ip: &str, method: Method| limiter.origin(&from(ip).method(method).to_http_request()).wait;
        let taken = (0..600).take_while(|_| waits("192.0.2.1", Method::POST).is_none()).count();
        assert!((400..600).contains(&taken), "{taken}");
        assert!(waits("192.0.2.1", Method::POST).is_some_and(|seconds| seconds >= 1));
        assert_eq!(waits("192.0.2.2", Method::POST), None);
        assert!((0..1000).all(|_| waits("192.0.2.1", Method::GET).is_none()));
    }

    #[test]
    fn a_person_acts_twenty_times_a_second_and_reads_more() {
        let limiter = limiter();
        let [one, other] = [1, 2].map(|n| crate::domain::id::Id::from_uuid(uuid::Uuid::from_u128(n)));
        let taken = (0..2000).take_while(|_| limiter.take(one, &Method::POST).is_ok()).count();
        assert!((1000..2000).contains(&taken), "{taken}: 50 seconds of 20");
        assert!(matches!(limiter.take(one, &Method::POST), Err(Failure::TooMany { retry_after: 1.. })));
        assert!(limiter.take(other, &Method::POST).is_ok());
        assert!((0..5000).all(|_| limiter.take(one, &Method::GET).is_ok()));
    }

    #[test]
    fn a_proxy_that_is_not_declared_is_warned_of_once() {
        let limiter = limiter();
        let plain = from("192.0.2.1").to_http_request();
        let forwarded =
            from("192.0.2.1").insert_header(("X-Forwarded-For", "198.51.100.7")).to_http_request();
        limiter.watch(&plain);
        assert_eq!(limiter.warned.load(Ordering::Relaxed), 0);
        limiter.watch(&forwarded);
        let first = limiter.warned.load(Ordering::Relaxed);
        assert!(first > 0);
        limiter.watch(&forwarded);
        assert_eq!(limiter.warned.load(Ordering::Relaxed), first);
    }
}
