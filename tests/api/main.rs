//! The API through its real table of routes, every test on both databases.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

/// As `both!` of the support, with what guards accounts outside a demonstration on.
macro_rules! both_strict {
    ($(fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn test($app: &TestApp) $body

            #[test]
            fn sqlite() {
                test(&$crate::support::TestApp::sqlite_strict());
            }

            #[test]
            fn postgresql() {
                test(&$crate::support::TestApp::postgresql_strict());
            }
        }
    )+};
}

mod access;
mod accounts;
mod adoption;
mod amendments;
mod applications;
mod asks;
mod audits;
mod backups;
mod calm;
mod chain;
mod deciding;
mod declarations;
mod denials;
mod expected;
mod factors;
mod findings;
mod handovers;
mod hostile;
mod idempotency;
mod imports;
mod integrity;
mod kept_out;
mod ledger;
mod lists;
mod meant;
mod names;
mod narrowed;
mod organizations;
mod overview;
mod own_deputies;
mod own_password;
mod pages;
mod past_day;
mod previews;
mod properties;
mod queries;
mod registering;
mod reporting;
mod schema;
mod second;
mod sessions;
mod settings;
mod silent;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod tasks;
mod told;
mod unannounced;
mod unknown;
mod went_back;
mod world;
mod wrongs;
