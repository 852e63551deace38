//! `itaku verify`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{CliError, Settings, house, log, print_json, say};
use crate::db::integrity::Damage;
use crate::db::{Db, DbError};
use crate::ledger::receipt::Receipt;
use crate::ledger::verify::BadEntry;
use crate::service::verify::{verify_ledger, verify_receipt, verify_structure};

#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    settings: Settings,
    /// Also hold a receipt (JSON, as given for a declaration) against the ledger.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Print the outcome as one JSON object.
    #[arg(long)]
    json: bool,
}

/// The receipt itself, or the answer it came in.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReceiptFile {
    Bare(Receipt),
    Within { receipt: Receipt },
}

fn read(path: &Path) -> Result<Receipt, CliError> {
    let text =
        std::fs::read_to_string(path).map_err(|e| CliError::Usage(format!("{}: {e}", path.display())))?;
    match serde_json::from_str(&text) {
        Ok(ReceiptFile::Bare(receipt) | ReceiptFile::Within { receipt }) => Ok(receipt),
        Err(_) => Err(CliError::Usage(format!("{}: 受付票として読めません。", path.display()))),
    }
}

/// A copy made of a running server's file alone lacks what stood in its log, often every table.
fn unread(url: &str, error: DbError) -> CliError {
    const SIGNS: [&str; 5] =
        ["no such table", "no such column", "does not exist", "存在しません", "not a database"];
    let why = error.to_string();
    if matches!(error, DbError::Query(_) | DbError::Unavailable(_) | DbError::Damaged(_))
        && SIGNS.iter().any(|sign| why.contains(sign))
    {
        return CliError::Failed(format!(
            "{}: itaku の表がありません（{why}）。別のファイルか、動作中に写したか、壊れています。",
            house::named(url)
        ));
    }
    house::unopened(url, error)
}

impl Verify {
    pub fn run(&self) -> Result<(), CliError> {
        log::start(log::COMMAND);
        let config = self.settings.load()?;
        let receipt = self.receipt.as_deref().map(read).transpose()?;
        house::must_exist(&config.database.url)?;
        let url = &config.database.url;
        let db = Db::open_read_only(url).map_err(|error| unread(url, error))?;
        let named = house::named(url);
        let damage = verify_structure(&db).map_err(|error| unread(url, error))?;
        if damage.iter().any(Damage::is_fatal) {
            return self.damaged(&named, &damage, None);
        }
        let held = verify_ledger(&db);
        if !damage.is_empty() {
            // What is wrong there may be why the ledger can't be read.
            let bad = held.as_ref().ok().and_then(|held| held.as_ref().err());
            return self.damaged(&named, &damage, bad);
        }
        let verified = match held.map_err(|error| unread(url, error))? {
            Ok(verified) => verified,
            Err(bad) => {
                if self.json {
                    print_json(&json!({"holds": false, "bad": bad}))?;
                }
                return Err(CliError::Failed(bad.to_string()));
            }
        };
        if let Some(receipt) = &receipt
            && let Err(problem) = verify_receipt(&db, receipt)?
        {
            if self.json {
                print_json(&json!({"holds": false, "verified": verified, "receipt": problem.to_string()}))?;
            }
            return Err(CliError::Failed(problem.to_string()));
        }
        if self.json {
            return print_json(&json!({"holds": true, "verified": verified}));
        }
        say(&format!(
            "{named}: 変更履歴は正しく保たれ、登録内容はそのとおりです（台帳 {}、記録 {}、登録内容 {}）。",
            verified.chains, verified.entries, verified.rows
        ));
        if receipt.is_some() {
            say("受付票は台帳の記録と一致します。");
        }
        Ok(())
    }

    /// The database itself is not whole.
    fn damaged(&self, named: &str, damage: &[Damage], bad: Option<&BadEntry>) -> Result<(), CliError> {
        if self.json {
            match bad {
                Some(bad) => print_json(&json!({"holds": false, "damage": damage, "bad": bad}))?,
                None => print_json(&json!({"holds": false, "damage": damage}))?,
            }
        }
        let mut told: Vec<String> = damage.iter().map(ToString::to_string).collect();
        told.extend(bad.map(ToString::to_string));
        Err(CliError::Failed(format!("{named}:\n  {}", told.join("\n  "))))
    }
}
