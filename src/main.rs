//! Hands the arguments to `cli`.

use std::process::ExitCode;

/// Less time than the system's allocator, as much memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    itaku::cli::run(std::env::args_os())
}
