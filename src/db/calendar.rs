//! The holidays as imported, and the calendar that an agency works by.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::prelude::*;

use super::schema::holidays;
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::calendar::Calendar;

/// The calendar of an agency with these closed days of its own: the holidays imported, or those built in while none
/// are.
pub fn calendar(conn: &mut Conn, closed: &[NaiveDate]) -> Result<Calendar, DbError> {
    let rows = holidays::table.order(holidays::day).select((holidays::day, holidays::name));
    let days: Vec<(NaiveDate, String)> = directly!(conn, |own| rows.load(own))?;
    let days: BTreeMap<NaiveDate, String> = days.into_iter().collect();
    let closed = closed.iter().copied().collect();
    Ok(match Calendar::last_known_year(&days) {
        Some(last) => Calendar::new(days, last, closed),
        None => Calendar::built_in().with_closed(closed),
    })
}

/// Puts these holidays in the place of those imported before.
pub fn replace_holidays(conn: &mut Conn, days: &BTreeMap<NaiveDate, String>) -> Result<(), DbError> {
    diesel::delete(holidays::table).execute(conn)?;
    for (day, name) in days {
        diesel::insert_into(holidays::table)
            .values((holidays::day.eq(day), holidays::name.eq(name)))
            .execute(conn)?;
    }
    Ok(())
}
