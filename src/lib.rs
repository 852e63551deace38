//! itaku (委託): a ledger with which public agencies oversee whom they entrust work and personal data to.
//!
//! One package, one binary. Arrows point down only: `web`, `cli`, `schedule` → `service` → `domain`, `ledger`,
//! `notice`, `db` → `domain`. `docs/ARCHITECTURE.md` is the map.

pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod domain;
pub mod exchange;
pub mod ledger;
pub mod notice;
pub mod schedule;
pub mod service;
pub mod web;
