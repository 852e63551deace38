//! Holidays imported.

use chrono::NaiveDate;
use serde::Serialize;

use super::{App, Failure};
use crate::db;
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
    app.db.write(|conn| {
        db::calendar::replace_holidays(conn, &file.days)?;
        db::due::touch_all(conn, app.today())
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
