//! Puts the house together for a command: the database, the sources, the keys.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{CliError, Settings, log};
use crate::clock::Sources;
use crate::config::Config;
use crate::db::{Db, pool};
use crate::ledger::receipt::SigningKey;
use crate::notice::message::Sender;
use crate::notice::transport::Transport;
use crate::service::App;

/// The connections of a command of one act.
const FEW: u32 = 2;

/// The path of an embedded database.
pub fn file_of(url: &str) -> Option<&Path> {
    pool::file_of(url).map(Path::new)
}

/// Refuses an embedded database that is not there: opening would make it.
pub fn must_exist(url: &str) -> Result<(), CliError> {
    match file_of(url) {
        Some(path) if !path.exists() => Err(CliError::Failed(format!(
            "there is no database at {}: run `itaku migrate` first",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// The house of a command of one act, on a database that is there and current.
pub fn for_command(settings: &Settings) -> Result<App, CliError> {
    log::start(log::COMMAND);
    let config = settings.load()?;
    must_exist(&config.database.url)?;
    let db = Db::open(&config.database.url, FEW)?;
    if !db.is_current()? {
        return Err(CliError::Failed(
            "the database's schema is not current: run `itaku migrate` first".to_owned(),
        ));
    }
    let sources = Sources::system(config.timezone);
    // No command signs anything; a server checks its key before it starts.
    let key = if config.ledger.signing_key.is_empty() { throwaway_key(&sources) } else { key(&config)? };
    Ok(App { db, sources, config: Arc::new(config), signing_key: Arc::new(key), demo: None })
}

/// The key of the settings.
pub fn key(config: &Config) -> Result<SigningKey, CliError> {
    SigningKey::parse(&config.ledger.signing_key).map_err(|error| {
        CliError::Usage(format!("settings: ledger.signing_key (ITAKU__LEDGER__SIGNING_KEY): {error}"))
    })
}

fn throwaway_key(sources: &Sources) -> SigningKey {
    let mut bytes = [0u8; 32];
    sources.entropy.fill(&mut bytes);
    SigningKey::from_bytes(&bytes)
}

/// The way mail takes by the settings. There is none by default: mail that nobody gets would count as sent.
pub fn transport(config: &Config) -> Result<Transport, CliError> {
    if config.mail.url.is_empty() {
        return Err(CliError::Usage(
            "settings: mail.url (ITAKU__MAIL__URL): say where mail goes: smtps://…, smtp://… or file:DIRECTORY"
                .to_owned(),
        ));
    }
    Sender::parse(&config.mail.from)
        .map_err(|error| CliError::Usage(format!("settings: mail.from (ITAKU__MAIL__FROM): {error}")))?;
    Transport::from_url(&config.mail.url, Duration::from_secs(config.mail.timeout_seconds))
        .map_err(|error| CliError::Usage(format!("settings: mail.url (ITAKU__MAIL__URL): {error}")))
}

/// Listens on HOST:PORT.
pub fn listen(setting: &str, address: &str) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).map_err(|error| CliError::Failed(format!("{setting}: {address}: {error}")))
}
