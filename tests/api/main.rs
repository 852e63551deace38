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
mod backups;
mod chain;
mod declarations;
mod denials;
mod expected;
mod hostile;
mod idempotency;
mod imports;
mod integrity;
mod ledger;
mod lists;
mod names;
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
mod went_back;
mod world;
mod wrongs;
