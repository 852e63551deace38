//! What operators watch: how much waits.

use chrono::NaiveDate;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::{due, notices};
use super::{Conn, DbError};

/// Notices waiting, notices given up, subjects due on `today`.
pub fn backlog(conn: &mut Conn, today: NaiveDate) -> Result<(i64, i64, i64), DbError> {
    // Literals, not binds: the indexes on these states are partial.
    let queued = notices::table.filter(sql::<Bool>("state = 'queued'")).count().get_result(conn)?;
    let failed = notices::table.filter(sql::<Bool>("state = 'failed'")).count().get_result(conn)?;
    let due = due::table.filter(due::check_on.le(today)).count().get_result(conn)?;
    Ok((queued, failed, due))
}
