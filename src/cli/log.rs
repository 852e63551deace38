//! The log: events on stderr, as JSON when nobody is looking. Never an e-mail address, a password, a token.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts the log; `level` is what is told unless `RUST_LOG` says otherwise.
pub fn start(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
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
