//! `itaku sweep`.

use chrono::NaiveDate;
use clap::Args;

use super::{CliError, Settings, house, print_json, say};
use crate::schedule::sweep::{SweepReport, sweep};

#[derive(Debug, Args)]
pub struct Sweep {
    #[command(flatten)]
    settings: Settings,
    /// Business date to evaluate, YYYY-MM-DD; today unless given.
    #[arg(long, value_name = "DATE")]
    date: Option<NaiveDate>,
    /// Evaluate everything, not only what is due.
    #[arg(long)]
    all: bool,
    /// Print the counts as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Sweep {
    pub fn run(&self) -> Result<(), CliError> {
        let app = house::for_command(&self.settings)?;
        let report = sweep(&app, self.date.unwrap_or_else(|| app.today()), self.all)?;
        if self.json {
            print_json(&report)?;
        } else {
            let SweepReport { day, checked, failed, opened, resolved, reminders, digests } = report;
            say(&format!(
                "{day}: {checked} contracts checked, {opened} alerts opened, {resolved} resolved, {reminders} reminders, {digests} digests, {failed} failed"
            ));
        }
        if report.failed == 0 {
            Ok(())
        } else {
            Err(CliError::Failed(format!("{} contracts could not be evaluated", report.failed)))
        }
    }
}
