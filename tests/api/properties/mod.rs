//! Random acts through the use cases: against the day-by-day model, in each side's view, at the same time, and swept
//! day by day. The same code on both databases; fewer cases where each takes a server's round trips.

use proptest::test_runner::{Config, TestRunner};

use crate::support::TestApp;

mod acts;
mod case;
mod isolation;
mod races;
mod sweeping;

/// Runs so many cases on the embedded database, or on the server.
fn runner(app: &TestApp, embedded: u32, server: u32) -> TestRunner {
    let cases = if app.app.config.database.url.starts_with("sqlite:") { embedded } else { server };
    TestRunner::new(Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() })
}

/// Every hash recomputed.
fn ledger_holds(app: &TestApp) {
    let verified = itaku::service::verify::verify_ledger(&app.app.db).unwrap();
    assert!(verified.is_ok(), "{verified:?}");
}
