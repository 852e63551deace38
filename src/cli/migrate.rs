//! `itaku migrate`.

use clap::Args;
use serde_json::json;

use super::{CliError, Settings, house, log, print_json, say};

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
        let done = house::open(&config.database.url, 1)?.migrate()?;
        if self.json {
            return print_json(&json!({"applied": done.applied}));
        }
        let named = house::named(&config.database.url);
        if done.applied.is_empty() {
            say(&format!("{named}: the schema is current. 変更はありません。"));
        }
        for name in &done.applied {
            say(&format!("{named}: applied {name}"));
        }
        Ok(())
    }
}
