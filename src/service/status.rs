//! How the house stands: for probes and for those who watch it.

use super::{App, Failure};
use crate::db::{self, DbError};

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Notices to be sent.
    pub queued: i64,
    /// Notices given up.
    pub failed: i64,
    /// Subjects the next sweep looks at.
    pub due: i64,
}

/// Whether the database answers and has the schema of this program.
pub fn database_is_ready(app: &App) -> Result<bool, Failure> {
    Ok(app.db.is_current()?)
}

/// Whether the database takes a write now: a full disk or a database that may only be read does not. A database that is
/// being written takes writes.
pub fn database_takes_writes(app: &App) -> bool {
    let now = app.sources.clock.machine_now();
    let written = app.db.write_unless_busy::<_, DbError>(|conn| db::status::write_something(conn, now));
    if let Err(error) = &written {
        tracing::error!(event = "not_writable", %error, "the database takes no writes");
    }
    written.is_ok()
}

/// What waits.
pub fn backlog(app: &App) -> Result<Backlog, Failure> {
    let today = app.today();
    let (queued, failed, due) = app.db.read_one(|conn| db::status::backlog(conn, today))?;
    Ok(Backlog { queued, failed, due })
}
