//! `itaku sweep`.

use chrono::NaiveDate;
use clap::Args;

use super::{CliError, Settings, house, print_json, say};
use crate::schedule::sweep::{SweepReport, refused, sweep_and_record};

#[derive(Debug, Args)]
pub struct Sweep {
    #[command(flatten)]
    settings: Settings,
    /// Business date to evaluate, YYYY-MM-DD; today unless given, never ahead of it, nor before the last day swept.
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
        let day = self.date.unwrap_or_else(|| app.today());
        if let Some(why) = refused(&app, day, self.all)? {
            return Err(CliError::Usage(why.to_string()));
        }
        let report = sweep_and_record(&app, day, self.all, &|| true)?;
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
