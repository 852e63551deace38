//! The log: events on stderr, as JSON when nobody is looking. Never an e-mail address, a password, a token.

use std::io::{BufWriter, IsTerminal as _};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts the log of a command; `level` is what is told unless `RUST_LOG` says otherwise.
pub fn start(level: &str) {
    start_into(level, std::io::stderr);
}

/// Starts the log of a server. A thread of its own writes the lines: those who answer requests would wait for the disk
/// and for each other at every line (a seventh of a reading's time). Nothing is left out, whoever writes too much waits; the
/// last lines are written when the guard is dropped.
pub fn start_server(level: &str) -> WorkerGuard {
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(false).finish(BufWriter::new(std::io::stderr()));
    start_into(level, writer);
    guard
}

fn start_into(level: &str, writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A second start (tests) keeps the first.
    if std::io::stderr().is_terminal() {
        builder.try_init().unwrap_or_default();
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init()
            .unwrap_or_default();
    }
}

/// What a server tells.
pub const SERVER: &str = "info,actix_server=warn,actix_http=warn";
/// What a command of one act tells beside its own words.
pub const COMMAND: &str = "warn";
