//! Holidays imported.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{App, Failure, organization};
use crate::db::{self, ChainKey, DbError};
use crate::exchange::holidays::HolidayFile;

/// What an import of holidays did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HolidaySummary {
    /// Days the calendar now has.
    pub days: usize,
    pub first_day: Option<NaiveDate>,
    /// The last year whose holidays are known.
    pub last_year: i32,
}

/// Replaces the holidays by those of the file; every due day is reckoned anew. A file with a bad row is not taken:
/// the caller looks at `bad` first.
pub fn import_holidays(app: &App, file: &HolidayFile) -> Result<HolidaySummary, Failure> {
    if !file.bad.is_empty() {
        return Err(Failure::Malformed("誤りのある行があるため、取り込みませんでした。".to_owned()));
    }
    // They are every agency's: the entry stands in the operator's chain.
    let operator = organization::ensure_system(app)?;
    let lines: Vec<String> = file.days.iter().map(|(day, name)| format!("{day},{name}")).collect();
    let payload = json!({
        "days": file.days.len(), "last_year": file.last_year, "sha256": hex::encode(Sha256::digest(lines.join("\n"))),
    });
    app.db.write_tx::<_, DbError>(&app.sources, None, ChainKey::Existing(operator.cast()), |tx| {
        tx.record("holidays.imported", operator, &payload)?;
        db::calendar::replace_holidays(tx.conn, &file.days)?;
        db::due::touch_all(tx.conn, tx.today)
    })?;
    let first_day = file.days.keys().next().copied();
    tracing::info!(
        event = "holidays_imported",
        days = file.days.len(),
        last_year = file.last_year,
        "holidays imported"
    );
    Ok(HolidaySummary { days: file.days.len(), first_day, last_year: file.last_year })
}
