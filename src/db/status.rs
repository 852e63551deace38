//! What operators watch: how much waits.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::lease;
use super::notice::NoticeState;
use super::schema::{due, notices};
use super::{Conn, DbError};
use crate::domain::contract::Instant;

/// The row that a probe writes.
const PROBE: &str = "probe";

/// Writes a row that says nothing. Two servers may write the first at once: one of them is refused, which shows as much.
pub fn write_something(conn: &mut Conn, now: Instant) -> Result<(), DbError> {
    match lease::take(conn, PROBE, PROBE, now, now) {
        Ok(_) | Err(DbError::NotUnique(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Notices waiting, notices given up, subjects due on `today`.
pub fn backlog(conn: &mut Conn, today: NaiveDate) -> Result<(i64, i64, i64), DbError> {
    let in_state = |state: NoticeState| notices::table.filter(notices::state.eq(state)).count();
    let queued = in_state(NoticeState::Queued).get_result(conn)?;
    let failed = in_state(NoticeState::Failed).get_result(conn)?;
    let due = due::table.filter(due::check_on.le(today)).count().get_result(conn)?;
    Ok((queued, failed, due))
}
