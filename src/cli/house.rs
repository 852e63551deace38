//! Puts the house together for a command: the database, the sources, the keys.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{CliError, Settings, log};
use crate::clock::Sources;
use crate::config::Config;
use crate::db::{Db, DbError, pool};
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

/// How a person knows a database: the file's full path, or host/name; never the password.
pub fn named(url: &str) -> String {
    if let Some(path) = file_of(url) {
        return std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    }
    let Ok(url) = url::Url::parse(url) else { return "PostgreSQL".to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path())
}

/// Refuses an embedded database that is not there: opening would make it.
pub fn must_exist(url: &str) -> Result<(), CliError> {
    match file_of(url) {
        Some(path) if !path.exists() => Err(CliError::Failed(format!(
            "{} にデータベースがありません。別の場所なら --config FILE か ITAKU__DATABASE__URL で指定してください。",
            named(url)
        ))),
        _ => Ok(()),
    }
}

/// Opens a database; of an embedded one that can't be opened says where it was looked for.
pub fn open(url: &str, connections: u32) -> Result<Db, CliError> {
    Db::open(url, connections).map_err(|error| unopened(url, error))
}

/// Why a database can't be opened or read, with its path.
pub fn unopened(url: &str, error: DbError) -> CliError {
    match error {
        DbError::Unavailable(why) if file_of(url).is_some() => CliError::Failed(format!(
            "{} を開けません（{why}）。フォルダがあるか、この利用者が読み書きできるかを確かめてください。",
            named(url)
        )),
        DbError::Damaged(why) => {
            CliError::Failed(format!("{}: データベースが壊れています（{why}）。", named(url)))
        }
        other => other.into(),
    }
}

/// The house of a command of one act that writes, on a database that is there and current.
pub fn for_command(settings: &Settings) -> Result<App, CliError> {
    let config = start(settings)?;
    must_exist(&config.database.url).map_err(|error| {
        CliError::Failed(format!("{error}新しく作るなら、先に itaku migrate を実行してください。"))
    })?;
    with(config)
}

/// The same for a command that only reads: a new database would have nothing for it.
pub fn for_reading(settings: &Settings) -> Result<App, CliError> {
    let config = start(settings)?;
    must_exist(&config.database.url)?;
    with(config)
}

fn start(settings: &Settings) -> Result<Config, CliError> {
    log::start(log::COMMAND);
    settings.load()
}

fn with(config: Config) -> Result<App, CliError> {
    let db = open(&config.database.url, FEW)?;
    if !db.is_current()? {
        return Err(CliError::Failed(
            "データベースの構造が最新ではありません。先に itaku migrate を実行してください。".to_owned(),
        ));
    }
    let sources = Sources::system(config.timezone);
    // No command signs anything; a server checks its key before it starts.
    let key = if config.ledger.signing_key.is_empty() { throwaway_key(&sources) } else { key(&config)? };
    Ok(App { db, sources, config: Arc::new(config), signing_key: Arc::new(key), demo: None, strict: true })
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

/// The way mail takes by the settings.
pub fn transport(config: &Config) -> Result<Transport, CliError> {
    config.check_mail()?;
    Sender::parse(&config.mail.from)
        .map_err(|error| CliError::Usage(format!("settings: mail.from (ITAKU__MAIL__FROM): {error}")))?;
    Transport::from_url(&config.mail.url, Duration::from_secs(config.mail.timeout_seconds))
        .map_err(|error| CliError::Usage(format!("settings: mail.url (ITAKU__MAIL__URL): {error}")))
}

/// Listens on HOST:PORT.
pub fn listen(setting: &str, address: &str) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse if setting == "server.admin_listen" => {
            CliError::Failed(format!("{setting}: {address} は使用中です。"))
        }
        ErrorKind::AddrInUse => CliError::Failed(format!(
            "{setting}: {address} は使用中です。--listen 127.0.0.1:0 で空きポートを選べます。"
        )),
        _ => CliError::Failed(format!("{setting}: {address}: {error}")),
    })
}
