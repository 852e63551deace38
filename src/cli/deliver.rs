//! `itaku deliver [--json]`.

use std::io::Write;

use crate::notice::transport::Transport;
use crate::schedule::deliver::{DeliverReport, deliver};
use crate::service::{App, Failure};

/// Sends what is due in the outbox once and prints the counts: one JSON object on stdout, or words on stderr.
pub fn run(app: &App, transport: &Transport, json: bool) -> Result<DeliverReport, Failure> {
    let report = deliver(app, transport)?;
    let printed = if json {
        serde_json::to_string(&report)
            .map_err(std::io::Error::from)
            .and_then(|text| writeln!(std::io::stdout(), "{text}"))
    } else {
        let DeliverReport { sent, retried, failed } = report;
        writeln!(std::io::stderr(), "{sent} sent, {retried} to be tried again, {failed} given up")
    };
    printed.map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(report)
}
