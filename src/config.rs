//! Settings: `config/default.toml`, then the file of `--config`, then the environment. An unknown key or a bad
//! value stops the start and is named; a secret's value never is.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;

use chrono::NaiveTime;
use chrono_tz::Tz;
use config::{Environment, File, FileFormat};
use serde::{Deserialize, Deserializer, de::Error as _};

pub mod strength;

const DEFAULTS: &str = include_str!("../config/default.toml");
const PREFIX: &str = "ITAKU";

/// Every setting of a server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The zone in which days begin.
    #[serde(deserialize_with = "timezone")]
    pub timezone: Tz,
    pub server: Server,
    pub database: Database,
    pub mail: Mail,
    pub auth: Auth,
    pub ledger: Ledger,
    pub scheduler: Scheduler,
    pub backup: Backup,
    pub limits: Limits,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// HOST:PORT; port 0 picks one.
    pub listen: String,
    /// Without a slash at its end.
    pub public_url: String,
    /// Whether a public address on another machine may be `http://`.
    pub allow_http: bool,
    /// HOST:PORT of `/metrics`; empty: not served.
    pub admin_listen: String,
    /// A list, or in the environment its members with commas between them.
    #[serde(deserialize_with = "addresses")]
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// Connections at most.
    pub connections: usize,
    /// Of one address, unless it is a trusted proxy's.
    pub connections_of_one: usize,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub connections: u32,
}

/// `[mail]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Empty: not set; whoever sends needs it.
    pub url: String,
    /// An address, with or without a name.
    pub from: String,
    pub timeout_seconds: u64,
}

/// `[auth]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub secret: String,
    /// Life of an access token.
    pub access_minutes: i64,
    /// Life of a session, from password to logout at the latest.
    pub session_hours: i64,
    /// Whether who holds a role at an agency or the operator, or administers a vendor, must have a second factor.
    pub second_factor_required: bool,
}

/// `[ledger]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    pub signing_key: String,
}

/// `[scheduler]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduler {
    pub enabled: bool,
    /// Local time of the daily sweep.
    #[serde(deserialize_with = "sweep_at")]
    pub sweep_at: NaiveTime,
}

/// `[backup]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Where the daily backup goes; empty: none is made.
    pub directory: String,
    /// Where it is copied to as well; empty: nowhere.
    pub second_directory: String,
    /// Local time of day.
    #[serde(deserialize_with = "backup_at")]
    pub at: NaiveTime,
    /// The newest of each of so many days, weeks and months is kept.
    pub keep_days: usize,
    pub keep_weeks: usize,
    pub keep_months: usize,
    /// So many days without a good one are too many.
    pub overdue_days: i64,
}

/// `[limits]`: each holds twenty seconds' worth.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// What strangers behind one address may send.
    pub strangers_per_second: NonZeroU32,
    /// What one signed-in person may do.
    pub acts_per_second: NonZeroU32,
    /// What one signed-in person may read.
    pub reads_per_second: NonZeroU32,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("access_minutes", &self.access_minutes).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

fn timezone<'de, D: Deserializer<'de>>(d: D) -> Result<Tz, D::Error> {
    let text = String::deserialize(d)?;
    text.parse().map_err(|_| D::Error::custom(format!("timezone: {text:?} is not a zone such as Asia/Tokyo")))
}

/// Nothing of the environment is guessed to be a number: a secret may look like one.
fn addresses<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<std::net::IpAddr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    let texts = match Given::deserialize(d)? {
        Given::List(texts) => texts,
        Given::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    let given = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    given
        .map(|text| {
            let wrong =
                |_| D::Error::custom(format!("server.trusted_proxies: {text:?} is not an IP address"));
            text.parse().map_err(wrong)
        })
        .collect()
}

fn time_of_day<'de, D: Deserializer<'de>>(key: &str, d: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(d)?;
    NaiveTime::parse_from_str(&text, "%H:%M")
        .map_err(|_| D::Error::custom(format!("{key}: {text:?} is not a time such as 06:00")))
}

fn sweep_at<'de, D: Deserializer<'de>>(d: D) -> Result<NaiveTime, D::Error> {
    time_of_day("scheduler.sweep_at", d)
}

fn backup_at<'de, D: Deserializer<'de>>(d: D) -> Result<NaiveTime, D::Error> {
    time_of_day("backup.at", d)
}

/// Refuses what is no HOST:PORT; `name` is how the user gave it.
pub fn check_address(name: &str, address: &str) -> Result<(), ConfigError> {
    let parts = address.rsplit_once(':').filter(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        !host.is_empty() && (bracketed || !host.contains(':')) && port.parse::<u16>().is_ok()
    });
    match parts {
        Some(_) => Ok(()),
        None => Err(ConfigError(format!(
            "{name}: {address:?}: HOST:PORT の形で指定してください（例 127.0.0.1:8080）。"
        ))),
    }
}

/// Refuses what names no database; `name` is how the user gave it. The URL may hold a password: it is not repeated.
pub fn check_database_url(name: &str, url: &str) -> Result<(), ConfigError> {
    let kinds = ["sqlite:", "postgres://", "postgresql://"];
    if kinds.iter().any(|kind| url.strip_prefix(kind).is_some_and(|rest| !rest.is_empty())) {
        return Ok(());
    }
    Err(ConfigError(format!(
        "{name}: sqlite:PATH か postgres://… の形で指定してください（例 sqlite:/var/lib/itaku/itaku.db）。"
    )))
}

/// A setting that stops the start; says which.
#[derive(Debug, thiserror::Error)]
#[error("settings: {0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Reads the settings; `file` is that of `--config`, `environment` usually the process's.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(path) = file {
            builder = builder.add_source(File::from(path).format(FileFormat::Toml));
        }
        let environment = with_secret_files(environment)?;
        let source = Environment::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__")
            .ignore_empty(true)
            .source(Some(environment));
        let mut config: Self = builder
            .add_source(source)
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|e| ConfigError(e.to_string()))?;
        // Paths are put after it.
        config.server.public_url = config.server.public_url.trim_end_matches('/').to_owned();
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let url = url::Url::parse(&self.server.public_url);
        if !url.is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some()) {
            return Err(ConfigError(format!(
                "server.public_url: {:?} is not an http(s) address",
                self.server.public_url
            )));
        }
        check_address("server.listen (ITAKU__SERVER__LISTEN)", &self.server.listen)?;
        if !self.server.admin_listen.is_empty() {
            check_address("server.admin_listen (ITAKU__SERVER__ADMIN_LISTEN)", &self.server.admin_listen)?;
        }
        check_database_url("database.url (ITAKU__DATABASE__URL)", &self.database.url)?;
        if !(1..=120).contains(&self.mail.timeout_seconds) {
            return Err(ConfigError("mail.timeout_seconds: from 1 to 120".to_owned()));
        }
        if !(1..=200).contains(&self.database.connections) {
            return Err(ConfigError("database.connections: from 1 to 200".to_owned()));
        }
        if !(16..=20_000).contains(&self.server.connections) {
            return Err(ConfigError("server.connections: from 16 to 20000".to_owned()));
        }
        if !(8..=self.server.connections).contains(&self.server.connections_of_one) {
            return Err(ConfigError("server.connections_of_one: from 8 to server.connections".to_owned()));
        }
        if self.backup.directory.is_empty() && !self.backup.second_directory.is_empty() {
            return Err(ConfigError("backup.second_directory: give backup.directory as well".to_owned()));
        }
        if !self.backup.directory.is_empty() && self.backup.directory == self.backup.second_directory {
            return Err(ConfigError(
                "backup.second_directory: another place than backup.directory".to_owned(),
            ));
        }
        if !(1..=365).contains(&self.backup.overdue_days) {
            return Err(ConfigError("backup.overdue_days: from 1 to 365".to_owned()));
        }
        if !(30..=720).contains(&self.auth.access_minutes) {
            return Err(ConfigError("auth.access_minutes: from 30 to 720".to_owned()));
        }
        if !(1..=24).contains(&self.auth.session_hours) {
            return Err(ConfigError("auth.session_hours: from 1 to 24".to_owned()));
        }
        Ok(())
    }

    /// Whether it looks as if a proxy stood in front that is not declared: browsers come by https, the program listens to its own
    /// machine alone, and no proxy is believed.
    pub fn lacks_proxy(&self) -> bool {
        let host = self.server.listen.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let own = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        own && self.server.public_url.starts_with("https:") && self.server.trusted_proxies.is_empty()
    }

    /// What only a server needs: the secrets and a way for mail. Everything that is missing is told at once.
    pub fn check_server(&self) -> Result<(), ConfigError> {
        let mut missing = Vec::new();
        if self.auth.secret.len() < 32 {
            missing.push("auth.secret (ITAKU__AUTH__SECRET): give at least 32 random characters".to_owned());
        } else if let Some(why) = strength::why_weak(&self.auth.secret) {
            missing.push(format!(
                "auth.secret (ITAKU__AUTH__SECRET): {why}; give random characters, such as `openssl rand -hex 32` prints"
            ));
        }
        let wanted = "32 random bytes as hexadecimal, such as `openssl rand -hex 32` prints";
        if self.ledger.signing_key.is_empty() {
            missing.push(format!("ledger.signing_key (ITAKU__LEDGER__SIGNING_KEY): give {wanted}"));
        } else if let Some(why) = strength::why_weak(&self.ledger.signing_key) {
            missing.push(format!("ledger.signing_key (ITAKU__LEDGER__SIGNING_KEY): {why}; give {wanted}"));
        }
        if self.is_in_clear() && !self.server.allow_http {
            missing.push(
                "server.public_url (ITAKU__SERVER__PUBLIC_URL): over http:// passwords go in clear; give the https:// address of \
                 the proxy in front, or, in a closed network only, set server.allow_http (ITAKU__SERVER__ALLOW_HTTP) to true"
                    .to_owned(),
            );
        }
        missing.extend(self.check_mail().err().map(|ConfigError(why)| why));
        if missing.is_empty() { Ok(()) } else { Err(ConfigError(missing.join("\nsettings: "))) }
    }

    /// Whether browsers elsewhere reach the server without TLS.
    fn is_in_clear(&self) -> bool {
        let url = url::Url::parse(&self.server.public_url).ok();
        url.filter(|url| url.scheme() == "http")
            .is_some_and(|url| url.host_str().is_some_and(|host| !strength::is_this_machine(host)))
    }

    /// What a server may be started with, but had better not be.
    pub fn doubts(&self) -> Vec<&'static str> {
        let in_clear = (self.is_in_clear() && self.server.allow_http)
            .then_some("server.public_url: passwords and sessions go in clear over http://");
        let open =
            [strength::why_mail_is_open(&self.mail.url), strength::why_database_is_open(&self.database.url)];
        in_clear.into_iter().chain(open.into_iter().flatten()).collect()
    }

    /// What whoever sends needs. There is no default: mail that nobody gets would count as sent.
    pub fn check_mail(&self) -> Result<(), ConfigError> {
        if self.mail.url.is_empty() {
            return Err(ConfigError(
                "mail.url (ITAKU__MAIL__URL): say where mail goes: smtps://…, smtp://… or file:DIRECTORY"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// `ITAKU__AUTH__SECRET_FILE=/path` stands for `ITAKU__AUTH__SECRET=<content of the file>`.
fn with_secret_files(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<HashMap<String, String>, ConfigError> {
    let mut taken = HashMap::new();
    for (key, value) in environment {
        if !key.starts_with("ITAKU__") {
            continue;
        }
        match key.strip_suffix("_FILE") {
            // As every empty variable: not set.
            Some(_) if value.is_empty() => {}
            Some(name) => {
                let text = std::fs::read_to_string(&value)
                    .map_err(|e| ConfigError(format!("{key}: {value} can't be read: {e}")))?;
                taken.insert(name.to_owned(), text.trim_end().to_owned());
            }
            None => {
                taken.insert(key, value);
            }
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(None, pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn defaults_stand_and_the_environment_goes_over_them() {
        let config = load(&[
            ("ITAKU__DATABASE__URL", "postgres://localhost/x"),
            ("ITAKU__SCHEDULER__ENABLED", "false"),
            ("ITAKU__AUTH__SECRET", "0123456789012345678901234567890123"),
            ("ITAKU__LEDGER__SIGNING_KEY", "12e5"),
            ("ITAKU__DATABASE__CONNECTIONS", "4"),
            ("ITAKU__SERVER__TRUSTED_PROXIES", "10.0.0.1, ::1"),
            ("ITAKU__TIMEZONE", "Asia/Tokyo"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(config.database.url, "postgres://localhost/x");
        assert!(!config.scheduler.enabled);
        assert_eq!((config.ledger.signing_key.as_str(), config.database.connections), ("12e5", 4));
        assert_eq!(config.server.trusted_proxies.len(), 2);
        assert_eq!(config.auth.secret, "0123456789012345678901234567890123");
        assert_eq!(config.scheduler.sweep_at, NaiveTime::from_hms_opt(6, 0, 0).unwrap());
    }

    #[test]
    fn an_unknown_key_or_a_bad_value_is_named() {
        let unknown = load(&[("ITAKU__SERVER__LISTENN", "x")]).unwrap_err().to_string();
        assert!(unknown.contains("listenn"), "{unknown}");
        let bad = load(&[("ITAKU__SCHEDULER__SWEEP_AT", "25:00")]).unwrap_err().to_string();
        assert!(bad.contains("sweep_at"), "{bad}");
        let zone = load(&[("ITAKU__TIMEZONE", "Mars/Olympus")]).unwrap_err().to_string();
        assert!(zone.contains("Mars/Olympus"), "{zone}");
        for seconds in ["0", "121", "86400"] {
            let endless = load(&[("ITAKU__MAIL__TIMEOUT_SECONDS", seconds)]).unwrap_err().to_string();
            assert!(endless.contains("mail.timeout_seconds"), "{endless}");
        }
        for address in ["", "8080", "localhost", ":8080", "::1:8080", "127.0.0.1:80800", "http://x:1"] {
            assert!(check_address("--listen", address).is_err(), "{address}");
        }
        for address in ["127.0.0.1:0", "[::1]:8080", "localhost:80"] {
            assert!(check_address("--listen", address).is_ok(), "{address}");
        }
        for url in ["itaku.db", "sqlite:", "mysql://u:geheim@h/d"] {
            let refused = load(&[("ITAKU__DATABASE__URL", url)]).unwrap_err().to_string();
            let told = refused.contains("ITAKU__DATABASE__URL") && refused.contains("例 sqlite:/var");
            assert!(told && !refused.contains("geheim"), "{refused}");
        }
        let link = load(&[("ITAKU__SERVER__PUBLIC_URL", "https://itaku.example.jp//")]).unwrap();
        assert_eq!(link.server.public_url, "https://itaku.example.jp");
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "a secret that is long enough to be one\n").unwrap();
        let config = load(&[("ITAKU__AUTH__SECRET_FILE", path.to_str().unwrap())]).unwrap();
        assert_eq!(config.auth.secret, "a secret that is long enough to be one");
        assert!(load(&[("ITAKU__AUTH__SECRET_FILE", "/nowhere/at/all")]).is_err());
        let unset = load(&[("ITAKU__AUTH__SECRET_FILE", ""), ("ITAKU__MAIL__URL_FILE", "")]).unwrap();
        assert_eq!((unset.auth.secret.as_str(), unset.mail.url.as_str()), ("", ""));
        let missing = unset.check_server().unwrap_err().to_string();
        for name in ["ITAKU__AUTH__SECRET", "ITAKU__LEDGER__SIGNING_KEY", "ITAKU__MAIL__URL"] {
            assert!(missing.contains(name), "all at once: {missing}");
        }
    }
}
