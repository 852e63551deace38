//! How the house stands: for probes and for those who watch it.

use super::{App, Failure, backup};
pub use crate::db::watch::Standing;
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
    /// Seconds since the last good backup; none: there is none.
    pub backup_age: Option<i64>,
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

/// Whether the ledger is the one that this server has seen and written, not an older one put in its place.
pub fn ledger_standing(app: &App) -> Result<Standing, Failure> {
    Ok(app.db.look()?)
}

/// What waits.
pub fn backlog(app: &App) -> Result<Backlog, Failure> {
    let today = app.today();
    app.db.read(|conn| {
        let (queued, failed, due) = db::status::backlog(conn, today)?;
        Ok(Backlog { queued, failed, due, backup_age: backup::age_seconds(app, conn)? })
    })
}
