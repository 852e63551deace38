//! The command as its users call it: exit status, stdout and stderr, the demonstration as a whole, its pages, and
//! a ledger that was tampered with.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod backup;
mod calls;
mod damage;
mod demo;
mod dice;
mod doors;
mod facts;
mod house;
mod operator;
mod pages;
mod settings;
mod story;
mod traces;
mod verify;
