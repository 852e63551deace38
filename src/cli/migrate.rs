//! `itaku migrate`.

use clap::Args;
use serde_json::json;

use super::{CliError, Settings, log, print_json, say};
use crate::db::Db;

#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    settings: Settings,
    /// Print what was applied as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Migrate {
    pub fn run(&self) -> Result<(), CliError> {
        log::start(log::COMMAND);
        let config = self.settings.load()?;
        let done = Db::open(&config.database.url, 1)?.migrate()?;
        if self.json {
            return print_json(&json!({"applied": done.applied}));
        }
        if done.applied.is_empty() {
            say("The schema is current. 変更はありません。");
        }
        for name in &done.applied {
            say(&format!("applied {name}"));
        }
        Ok(())
    }
}
