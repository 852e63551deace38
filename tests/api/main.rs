//! The API through its real table of routes, every test on both databases.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod accounts;
mod denials;
mod expected;
mod hostile;
mod idempotency;
mod ledger;
mod organizations;
mod schema;
mod sessions;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod world;
mod wrongs;
