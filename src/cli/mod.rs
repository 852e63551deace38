//! The commands: one file per subcommand.

pub mod import;
