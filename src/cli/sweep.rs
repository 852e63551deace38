//! `itaku sweep [--date YYYY-MM-DD] [--all] [--json]`.

use std::io::Write;

use chrono::NaiveDate;

use crate::schedule::sweep::{SweepReport, sweep};
use crate::service::{App, Failure};

/// Sweeps for a day (default: today) and prints the counts: one JSON object on stdout, or words on stderr. True
/// when every contract could be evaluated.
pub fn run(app: &App, date: Option<NaiveDate>, all: bool, json: bool) -> Result<bool, Failure> {
    let report = sweep(app, date.unwrap_or_else(|| app.today()), all)?;
    print(&report, json).map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(report.failed == 0)
}

fn print(report: &SweepReport, json: bool) -> std::io::Result<()> {
    if json {
        return writeln!(std::io::stdout(), "{}", serde_json::to_string(report)?);
    }
    let SweepReport { day, checked, failed, opened, resolved, reminders, digests } = report;
    writeln!(
        std::io::stderr(),
        "{day}: {checked} contracts checked, {opened} alerts opened, {resolved} resolved, {reminders} reminders, {digests} digests, {failed} failed"
    )
}
