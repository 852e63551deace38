//! Holidays imported.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{App, Failure, alert, organization};
use crate::db::{self, ChainKey};
use crate::domain::calendar::Calendar;
use crate::exchange::holidays::HolidayFile;

/// Holidays that every year has had since 1948, the first of the law (昭和23年法律178号): fewer are a part of one.
const FEWEST: usize = 9;

/// What an import of holidays did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HolidaySummary {
    /// Days the calendar now has.
    pub days: usize,
    pub first_day: Option<NaiveDate>,
    /// The last year whose holidays are known.
    pub last_year: i32,
    /// The years known before, the first and the last; None: none.
    pub before: Option<(i32, i32)>,
    /// Years that were known and are not any more, or have fewer holidays than before: only where that was asked for.
    pub lost_years: Vec<i32>,
}

/// The known years of a calendar, the first and the last.
fn span(calendar: &Calendar) -> Option<(i32, i32)> {
    let years = calendar.holidays_of_years();
    Some((*years.keys().next()?, *years.keys().next_back()?))
}

/// The years whose holidays the calendar knows and the new one doesn't, wholly or in part.
fn lost(known: &Calendar, new: &Calendar) -> Vec<i32> {
    let (known, new) = (known.holidays_of_years(), new.holidays_of_years());
    let kept = |year: &i32| new.get(year).copied().unwrap_or(0);
    let fewer = known.iter().filter(|(year, days)| kept(year) < **days).map(|(year, _)| *year);
    let parts = new.iter().filter(|(year, days)| !known.contains_key(year) && **days < FEWEST);
    fewer.chain(parts.map(|(year, _)| *year)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// 2018年から2022年まで、2026年.
fn in_words(years: &[i32]) -> String {
    let mut spans: Vec<(i32, i32)> = Vec::new();
    for year in years {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *year => *last = *year,
            _ => spans.push((*year, *year)),
        }
    }
    let told = |(first, last): (i32, i32)| match last - first {
        0 => format!("{first}年"),
        _ => format!("{first}年から{last}年まで"),
    };
    spans.into_iter().map(told).collect::<Vec<_>>().join("、")
}

/// Replaces the holidays by those of the file; every due day is reckoned anew. A file with a bad row is not taken: the
/// caller looks at `bad` first. One that would take holidays of years away, as an older edition or a part of one does, is
/// not taken either unless `force`d.
///
/// # Errors
/// `Malformed` with a bad row; `Conflict` where years would be lost.
pub fn import_holidays(app: &App, file: &HolidayFile, force: bool) -> Result<HolidaySummary, Failure> {
    if !file.bad.is_empty() {
        return Err(Failure::Malformed("誤りのある行があるため、取り込みませんでした。".to_owned()));
    }
    // They are every agency's: the entry stands in the operator's chain.
    let operator = organization::ensure_system(app)?;
    let new = Calendar::new(file.days.clone(), file.last_year, BTreeSet::new());
    let lines: Vec<String> = file.days.iter().map(|(day, name)| format!("{day},{name}")).collect();
    let payload = json!({
        "days": file.days.len(), "last_year": file.last_year, "sha256": hex::encode(Sha256::digest(lines.join("\n"))),
    });
    let summary =
        app.db.write_tx::<_, Failure>(&app.sources, None, ChainKey::Existing(operator.cast()), |tx| {
            let known = db::calendar::calendar(tx.conn, &[])?;
            let lost_years = lost(&known, &new);
            if !lost_years.is_empty() && !force {
                return Err(would_lose(&known, &new, &lost_years));
            }
            tx.record("holidays.imported", operator, &payload)?;
            db::calendar::replace_holidays(tx.conn, &file.days)?;
            for agency in db::due::touch_all(tx.conn, tx.today)? {
                alert::renew_deadlines(tx, agency)?;
            }
            let first_day = file.days.keys().next().copied();
            let (days, last_year, before) = (file.days.len(), file.last_year, span(&known));
            Ok(HolidaySummary { days, first_day, last_year, before, lost_years })
        })?;
    tracing::info!(
        event = "holidays_imported",
        days = summary.days,
        last_year = summary.last_year,
        lost_years = summary.lost_years.len(),
        "holidays imported"
    );
    Ok(summary)
}

fn would_lose(known: &Calendar, new: &Calendar, years: &[i32]) -> Failure {
    let told = |span: Option<(i32, i32)>| match span {
        Some((from, to)) => format!("{from}年から{to}年まで"),
        None => "なし".to_owned(),
    };
    Failure::conflict(
        "holidays_lost",
        format!(
            "このファイルでは、{}の祝日が足りなくなるため、取り込みませんでした（いまの暦は{}、ファイルは{}）。新しい版のファイルか確かめてください。それでも置き換えるときは --force を付けてください。",
            in_words(years),
            told(span(known)),
            told(span(new))
        ),
    )
}
