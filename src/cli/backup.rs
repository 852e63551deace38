//! `itaku backup` and `itaku restore`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{CliError, Settings, house, log, print_json, say};
use crate::clock::Sources;
use crate::service::backup::{BackupFailure, make, restore};

#[derive(Debug, Args)]
pub struct Backup {
    /// The file to be made; one that is there is not overwritten.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
    /// Print what was made as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// A file made by itaku backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
    /// Print what was restored as one JSON object.
    #[arg(long)]
    json: bool,
}

impl From<BackupFailure> for CliError {
    fn from(failure: BackupFailure) -> Self {
        Self::failed(failure)
    }
}

impl Backup {
    pub fn run(&self) -> Result<(), CliError> {
        log::start(log::COMMAND);
        let config = self.settings.load()?;
        let url = &config.database.url;
        house::must_exist(url)?;
        let db = house::open(url, 1)?;
        let now = Sources::system(config.timezone).clock.machine_now();
        let made = make(&db, url, now, &self.file)?;
        if self.json {
            return print_json(&made);
        }
        say(&format!(
            "{}: {} のバックアップを作り、検証しました（台帳 {}、記録 {}、{} バイト）。",
            made.file.display(),
            house::named(url),
            made.ledger.chains,
            made.ledger.entries,
            made.bytes
        ));
        Ok(())
    }
}

impl Restore {
    pub fn run(&self) -> Result<(), CliError> {
        log::start(log::COMMAND);
        let config = self.settings.load()?;
        let url = &config.database.url;
        let restored = restore(url, &self.file)?;
        let named = house::named(url);
        if self.json {
            return print_json(&json!({"database": named, "restored": restored}));
        }
        say(&format!(
            "{named}: {} のバックアップを復元し、検証しました（台帳 {}、記録 {}）。",
            restored.made_at.with_timezone(&config.timezone).format("%Y-%m-%d %H:%M"),
            restored.ledger.chains,
            restored.ledger.entries
        ));
        Ok(())
    }
}
