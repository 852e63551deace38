//! The calendar that an agency works by.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use diesel::prelude::*;

use super::schema::holidays::dsl;
use super::{Conn, DbError, setting};
use crate::domain::calendar::Calendar;
use crate::domain::id::OrganizationId;

/// The holidays imported, else those built in; with the agency's own closed days.
pub fn calendar(conn: &mut Conn, agency_id: Option<OrganizationId>) -> Result<Calendar, DbError> {
    let days: BTreeMap<NaiveDate, String> =
        dsl::holidays.select((dsl::day, dsl::name)).load::<(NaiveDate, String)>(conn)?.into_iter().collect();
    let closed: BTreeSet<NaiveDate> = match agency_id {
        Some(id) => setting::load(conn, id)?.closed_days.into_iter().collect(),
        None => BTreeSet::new(),
    };
    let last = days.keys().next_back().map(|day| day.year());
    Ok(match last {
        Some(year) => Calendar::new(days, year, closed),
        None => Calendar::built_in().with_closed(closed),
    })
}
