//! The chains on which all goes as it should, one place a line of the table beside this file: filed, reviewed,
//! consented, then declared in use. Days are counted back from the last one.

use super::acts::{Ask, Use};
use super::cast::Firm;
use super::contracts::{Row, cell, lines};
use super::script::{Days, Script};
use super::untold;
use crate::domain::calendar::add_days;
use crate::service::Failure;

const TABLE: &str = include_str!("chains.csv");

/// Days from filing to the review, to the decision, to the start applied for, and to the first declaration.
const REVIEWED: i64 = 3;
const DECIDED: i64 = 7;
pub const STARTED: i64 = 14;
const DECLARED: i64 = 24;
/// A use ends so many days before the contract, and is declared so many after it.
const ENDS_BEFORE: i64 = 3;
const END_DECLARED: i64 = 5;

/// A place that is applied for so many days before the last one and consented to.
pub struct Consented {
    pub ask: Ask,
    pub filed: i64,
}

pub fn plan(script: &mut Script, rows: &[Row]) -> Result<(), Failure> {
    for line in lines(TABLE) {
        let planned = place(script.days, rows, line).ok_or_else(|| untold(line))?;
        let (consented, row, ends) = planned;
        let used = in_use(script, consented);
        if ends {
            let ended_on = Some(add_days(row.ends_on(script.days), -ENDS_BEFORE));
            let (number, by) = (row.number, used.under);
            script.on(add_days(row.ends_on(script.days), END_DECLARED), move |stage| {
                stage.declare(number, by, Use { ended_on, ..used }).map(drop)
            });
        }
    }
    Ok(())
}

fn place(days: Days, rows: &[Row], line: &'static str) -> Option<(Consented, Row, bool)> {
    let cells: Vec<&str> = line.split(',').collect();
    let [number, under, firm, filed, yen, scope, until, ends] = cells.as_slice() else { return None };
    let row = rows.iter().find(|row| row.number == *number)?;
    let filed: i64 = cell(filed)?;
    let ends_on = if until.is_empty() { row.ends_on(days) } else { days.day(cell(until)?) };
    let ask = Ask {
        place: (row.number, cell::<Firm>(firm)?),
        under: cell(under)?,
        scope,
        yen: cell::<i64>(yen)? * 1_000,
        starts_on: days.day(STARTED - filed),
        ends_on,
        supersedes: false,
    };
    Some((Consented { ask, filed }, *row, !ends.is_empty()))
}

/// Filed, reviewed and consented to.
pub fn consented(script: &mut Script, Consented { ask, filed }: Consented) {
    script.ago(filed, move |stage| stage.file(&ask));
    script.ago(filed - REVIEWED, move |stage| stage.review(ask.place));
    script.ago(filed - DECIDED, move |stage| stage.consent(ask.place));
}

/// As [`consented`], and the company above declares the use from the day applied for.
pub fn in_use(script: &mut Script, place: Consented) -> Use {
    let Ask { place: (number, firm), under, starts_on, .. } = place.ask;
    let used = Use { firm, under, started_on: starts_on, ended_on: None };
    script.ago(place.filed - DECLARED, move |stage| stage.declare(number, under, used).map(drop));
    consented(script, place);
    used
}
