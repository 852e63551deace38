//! Random acts through the use cases: against the day-by-day model, in each side's view, at the same time, and swept
//! day by day. The same code on both databases; fewer cases where each takes a server's round trips.

use proptest::test_runner::{Config, TestRunner};

use crate::support::TestApp;

mod acts;
mod case;
mod isolation;
mod races;
mod sweeping;

/// A property on both databases, each in two halves, so that two cores share its cases; in the short form a fifth of them:
/// `halves! { fn name(new, cases = 1_000 embedded, 100 on the server) { … } }`.
macro_rules! halves {
    ($(fn $name:ident($new:ident, $cases:ident = $embedded:literal embedded, $server:literal on the server) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn test($new: fn() -> TestApp, $cases: u32) $body

            #[test]
            fn sqlite_1() {
                test(TestApp::sqlite, crate::properties::share_of($embedded));
            }

            #[test]
            fn sqlite_2() {
                test(TestApp::sqlite, crate::properties::share_of($embedded));
            }

            #[test]
            fn postgresql_1() {
                test(TestApp::postgresql, crate::properties::share_of($server));
            }

            #[test]
            fn postgresql_2() {
                test(TestApp::postgresql, crate::properties::share_of($server));
            }
        }
    )+};
}
use halves;

/// How many of the cases one half draws: all of its own in the long form (`tests/run --long`).
fn share_of(cases: u32) -> u32 {
    let is_long = std::env::var("ITAKU_LONG").is_ok_and(|long| !long.is_empty());
    cases / if is_long { 2 } else { 10 }
}

/// Each half draws its own cases; one that fails is shrunk and printed.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() })
}

/// Every hash recomputed, and every row as the entries say; the receipts by the key that a server publishes.
fn ledger_holds(app: &TestApp) {
    itaku::service::ledger::publish_key(&app.app).unwrap();
    let verified = itaku::service::verify::verify_ledger(&app.app.db).unwrap();
    assert!(verified.is_ok(), "{verified:?}");
}
