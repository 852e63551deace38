//! Who calls too often: a budget an address for the routes that need no session. Not the guard against guessing,
//! which is the delay of the account: a ministry has one address.

use std::net::IpAddr;
use std::num::NonZeroU32;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::service::Failure;

// The compiler unwraps these; nothing is left that could fail.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(50).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(200).unwrap();
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The budgets of all addresses.
pub struct Limiter {
    budgets: DefaultKeyedRateLimiter<IpAddr>,
    trusted: Vec<IpAddr>,
    clock: DefaultClock,
}

impl Limiter {
    /// `trusted`: proxies whose `X-Forwarded-For` is believed.
    pub fn new(trusted: Vec<IpAddr>) -> Self {
        let quota = Quota::per_second(PER_SECOND).allow_burst(BURST);
        Self { budgets: RateLimiter::keyed(quota), trusted, clock: DefaultClock::default() }
    }

    /// Takes one request from the caller's budget.
    pub fn take(&self, request: &HttpRequest) -> Result<(), Failure> {
        let Some(caller) = self.caller(request) else { return Ok(()) };
        self.budgets.check_key(&caller).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Failure::TooMany { retry_after: wait.as_secs() + 1 }
        })
    }

    /// The address that is nearest to who calls.
    pub fn caller(&self, request: &HttpRequest) -> Option<IpAddr> {
        Some(caller(request.peer_addr()?.ip(), request.headers(), &self.trusted))
    }

    /// Forgets the addresses whose budgets are full again.
    pub fn forget(&self) {
        self.budgets.retain_recent();
        self.budgets.shrink_to_fit();
    }
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

    #[test]
    fn a_budget_runs_out_for_one_address_alone() {
        let limiter = Limiter::new(Vec::new());
        let from =
            |ip: &str| TestRequest::default().peer_addr(format!("{ip}:1").parse().unwrap()).to_http_request();
        let taken = (0..400).take_while(|_| limiter.take(&from("192.0.2.1")).is_ok()).count();
        assert!((200..400).contains(&taken), "{taken}");
        assert!(matches!(limiter.take(&from("192.0.2.1")), Err(Failure::TooMany { retry_after: 1.. })));
        assert!(limiter.take(&from("192.0.2.2")).is_ok());
    }
}
