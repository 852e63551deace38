//! `itaku deliver`.

use clap::Args;

use super::{CliError, Settings, house, print_json, say};
use crate::schedule::deliver::{DeliverReport, deliver};

#[derive(Debug, Args)]
pub struct Deliver {
    #[command(flatten)]
    settings: Settings,
    /// Print the counts as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Deliver {
    pub fn run(&self) -> Result<(), CliError> {
        let app = house::for_command(&self.settings)?;
        let report = deliver(&app, &house::transport(&app.config)?)?;
        if self.json {
            return print_json(&report);
        }
        let DeliverReport { sent, retried, failed } = report;
        say(&format!("{sent} sent, {retried} to be tried again, {failed} given up"));
        Ok(())
    }
}
