//! `itaku sweep`.

use chrono::NaiveDate;
use clap::Args;

use super::{CliError, Settings, house, print_json, say};
use crate::schedule::sweep::{SweepError, SweepReport, sweep};

#[derive(Debug, Args)]
pub struct Sweep {
    #[command(flatten)]
    settings: Settings,
    /// Business date to evaluate, YYYY-MM-DD; today unless given, never ahead of it, nor before the last day swept.
    #[arg(long, value_name = "DATE", value_parser = super::day)]
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
        let day = self.date.unwrap_or_else(|| app.today());
        let report = sweep(&app, day, self.all).map_err(|error| match error {
            SweepError::Refused(why) => CliError::Usage(why.to_string()),
            SweepError::Failed(failure) => failure.into(),
        })?;
        if self.json {
            print_json(&report)?;
        } else {
            let SweepReport { day, checked, failed, opened, resolved, reminders, digests, whole: _ } = report;
            say(&format!(
                "{day}: {checked} contracts checked, {opened} alerts opened, {resolved} resolved, {reminders} reminders, {digests} digests, {failed} failed"
            ));
        }
        if report.failed == 0 {
            Ok(())
        } else {
            Err(CliError::Failed(format!("{} contracts or digests failed; the log says why", report.failed)))
        }
    }
}
