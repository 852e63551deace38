//! The commands, one file each.

pub mod deliver;
pub mod sweep;
