//! The commands: one file per subcommand.

pub mod deliver;
pub mod import;
pub mod sweep;
