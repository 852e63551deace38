//! The API through its real table of routes, every test on both databases.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod accounts;
mod applications;
mod audits;
mod chain;
mod declarations;
mod denials;
mod expected;
mod factors;
mod hostile;
mod idempotency;
mod imports;
mod ledger;
mod lists;
mod organizations;
mod overview;
mod pages;
mod properties;
mod schema;
mod sessions;
mod settings;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod world;
mod wrongs;
