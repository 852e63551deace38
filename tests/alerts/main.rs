//! Alerts, what is told of them, the sweep and the delivery; every test on both databases.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
#![expect(dead_code, reason = "the support is shared")]

mod delivery;
mod events;
mod handling;
mod house;
#[path = "../support/mod.rs"]
mod support;
mod sweeping;
