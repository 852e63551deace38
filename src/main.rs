//! Hands the arguments to `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    itaku::cli::run(std::env::args_os())
}
