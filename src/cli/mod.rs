//! The command: one file a subcommand. Exit status 0 done, 1 the thing asked for did not hold or failed, 2 the
//! call was wrong. Human text goes to stderr, data to stdout.

mod admin;
mod backup;
mod deliver;
mod demo;
mod export;
mod house;
mod import;
mod log;
mod migrate;
mod openapi;
mod serve;
mod sweep;
mod verify;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError};
use crate::db::DbError;
use crate::service::Failure;

/// Why a command ended without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The call was wrong: exit status 2.
    #[error("{0}")]
    Usage(String),
    /// It did not hold or failed: exit status 1.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// Says why, and with which exit status.
    fn tell(&self) -> ExitCode {
        say(&format!("itaku: {self}"));
        ExitCode::from(if matches!(self, Self::Usage(_)) { 2 } else { 1 })
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<DbError> for CliError {
    fn from(error: DbError) -> Self {
        Self::failed(error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Internal(why) | Failure::Unavailable(why) => Self::Failed(why),
            Failure::Invalid(errors) => {
                let told: Vec<_> = errors.iter().map(|e| format!("{}: {}", e.pointer, e.message)).collect();
                Self::Failed(told.join("\n"))
            }
            other => Self::failed(other),
        }
    }
}

/// A ledger with which public agencies oversee whom they entrust work and personal data to.
///
/// 委託と再委託を監督するための台帳です。
#[derive(Debug, Parser)]
#[command(name = "itaku", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a complete demonstration with invented data on a new embedded database.
    ///
    /// 実演: 架空のデータで、すべてが動く状態をすぐに試せます。
    Demo(demo::Demo),
    /// Migrate the database, then serve HTTP and run the scheduler and the mailer.
    ///
    /// サーバーを起動します。
    Serve(serve::Serve),
    /// Bring the database's schema up to date and say what was done.
    ///
    /// データベースの構造を最新にします。
    Migrate(migrate::Migrate),
    /// Accounts that nobody inside can create.
    ///
    /// 最初の管理者を登録します。
    Admin(admin::Admin),
    /// Import contracts, consents given on paper, the corporate-number register or holidays from a file.
    ///
    /// 契約・既承認・法人番号の登録簿・祝日をファイルから取り込みます。
    Import(import::Import),
    /// Put out contracts, subcontracts, alerts or audits as CSV or JSON on stdout.
    ///
    /// 契約・再委託・アラート・検査の一覧を出力します。
    Export(export::Export),
    /// Evaluate the rules for a business date, open and resolve alerts, queue notices.
    ///
    /// 指定した日の判定を行い、アラートと通知を作ります。
    Sweep(sweep::Sweep),
    /// Send what is due in the outbox once.
    ///
    /// 送信待ちの通知を一度だけ送ります。
    Deliver(deliver::Deliver),
    /// Recompute every hash of the ledger; exit 1 and the first bad entry when something was altered.
    ///
    /// 変更履歴のすべてのハッシュを計算し直し、改変・欠落・入替えがないことを確かめます。
    Verify(verify::Verify),
    /// Make a consistent, verified backup of the database while the server runs.
    ///
    /// サーバーを動かしたまま、検証済みのバックアップを作ります。
    Backup(backup::Backup),
    /// Verify a backup and restore it into an empty place.
    ///
    /// バックアップを検証し、空の場所に復元します。
    Restore(backup::Restore),
    #[command(
        about = "Print the OpenAPI 3.1 document that /api/v1/openapi.json serves",
        long_about = "Print the OpenAPI 3.1 document that /api/v1/openapi.json serves.\n\nAPI の説明（OpenAPI 3.1）を出力します。"
    )]
    Openapi(openapi::Openapi),
}

/// Where the settings come from.
#[derive(Debug, Args)]
pub struct Settings {
    #[arg(
        long,
        value_name = "FILE",
        help = "Settings over the built-in ones (TOML); the environment (ITAKU__SECTION__KEY) goes over both"
    )]
    config: Option<PathBuf>,
}

impl Settings {
    fn load(&self) -> Result<Config, CliError> {
        load(self.config.as_deref())
    }
}

fn load(file: Option<&Path>) -> Result<Config, CliError> {
    Ok(Config::load(file, environment()?)?)
}

/// The environment as far as it is ours. What other programs keep there may be no text at all.
fn environment() -> Result<Vec<(String, String)>, CliError> {
    let ours = std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value)));
    ours.filter(|(key, _)| key.starts_with("ITAKU__"))
        .map(|(key, value)| match value.into_string() {
            Ok(value) => Ok((key, value)),
            Err(_) => Err(CliError::Usage(format!("settings: {key}: its value is not UTF-8"))),
        })
        .collect()
}

/// A day on the command line.
fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "YYYY-MM-DD の形で指定してください（例 2026-11-10）".to_owned())
}

/// Writes a line of data to stdout.
fn print_line(text: &str) -> Result<(), CliError> {
    print_bytes(format!("{text}\n").as_bytes())
}

/// Writes data to stdout as it is. A reader that has gone away is no failure of ours.
fn print_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    print_line(&serde_json::to_string(value).map_err(CliError::failed)?)
}

/// Human text.
fn say(text: &str) {
    // Nobody reads stderr when it is closed.
    writeln!(std::io::stderr().lock(), "{text}").unwrap_or_default();
}

/// Runs a command line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version go to stdout and are no errors.
            error.print().unwrap_or_default();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    let done = match cli.command {
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Admin(command) => command.run(),
        Command::Import(command) => return command.run(),
        Command::Export(command) => command.run(),
        Command::Sweep(command) => command.run(),
        Command::Deliver(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
        Command::Openapi(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.tell(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_subcommand_has_help_in_both_languages() {
        fn walk(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
                let about =
                    sub.get_long_about().or(sub.get_about()).map(ToString::to_string).unwrap_or_default();
                assert!(about.is_ascii() || !about.is_empty(), "{}", sub.get_name());
                assert!(!about.is_ascii(), "{} says nothing in Japanese", sub.get_name());
                let help = sub.clone().render_long_help().to_string();
                assert!(!help.contains('`') && !help.contains("<file:"), "{help}");
                walk(sub);
            }
        }
        let command = Cli::command();
        command.clone().debug_assert();
        walk(&command);
    }
}
