//! Opening either database by URL: readers and one writer on SQLite, one pool on PostgreSQL.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{ManageConnection, Pool, PooledConnection};
use diesel::{Connection, RunQueryDsl as _, SqliteConnection, sql_query};

use super::address::bounded;
use super::watch::Watch;
use super::writer::{Company, Writer};
use super::{Backend, Conn, DbError, pooler, speaks_of_damage, watchdog};

/// How long one waits for another process's lock, in milliseconds.
const WAIT_FOR_OTHERS: &str = "PRAGMA busy_timeout = 10000";
/// Nobody waits for ever: a web worker's statement, or a row that another transaction holds.
pub(super) const PATIENCE: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'";
/// Errors without a kind of their own are told apart by their words; only a superuser or one who was granted it may
/// choose the language.
const IN_ENGLISH: &str =
    "DO $$ BEGIN PERFORM set_config('lc_messages', 'C', false); EXCEPTION WHEN OTHERS THEN NULL; END $$";

/// The path of an embedded database's URL; None: the URL is of another kind.
pub fn file_of(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path))
}

/// The file holds personal data: it is made for its owner alone, whatever the umask (SQLite gives its log the same
/// mode), and one that others can read is closed to them. What can't be done is told, and stops nothing.
fn private(path: &str) {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    if path.starts_with("file:") || path == ":memory:" {
        return;
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    // Where there is no folder, or no right to it, opening says so.
    if made.is_ok() {
        return;
    }
    for path in [path.to_owned(), format!("{path}-wal"), format!("{path}-shm")] {
        let Ok(about) = std::fs::metadata(&path) else { continue };
        let rights = about.permissions().mode();
        if rights.trailing_zeros() >= 6 {
            continue;
        }
        let rights = format!("{:o}", rights & 0o777);
        match std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)) {
            Ok(()) => {
                tracing::warn!(event = "file_was_open", path, rights, "others could read it; closed to them");
            }
            Err(error) => tracing::warn!(event = "file_is_open", path, rights, %error, "others can read it"),
        }
    }
}

/// How long a connection of the pool is waited for. To a server: long enough that a frozen one is noticed and given up
/// ([`watchdog`]), and an answer is still given within five seconds.
const fn turn(backend: Backend) -> Duration {
    match backend {
        Backend::Sqlite => Duration::from_secs(5),
        Backend::Postgresql => Duration::from_secs(4),
    }
}

/// A connection of the pool.
pub struct Held {
    /// Goes before the connection does. None: embedded, or its socket could not be told.
    watch: Option<watchdog::Watch>,
    conn: Conn,
}

impl From<Held> for Conn {
    fn from(held: Held) -> Self {
        held.conn
    }
}

/// One that was taken from the pool.
pub(super) struct Reader(PooledConnection<Manager>);

impl Reader {
    fn watched(&self, tell: impl FnOnce(&watchdog::Watch)) {
        if let Some(watch) = &self.0.watch {
            tell(watch);
        }
    }
}

impl Deref for Reader {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.0.conn
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0.conn
    }
}

/// Makes connections of the kind that the URL names.
pub struct Manager {
    backend: Backend,
    target: String,
    read_only: bool,
    /// What a failure of the machine's power took would not be missed.
    fleeting: bool,
}

impl Manager {
    fn new(url: &str) -> Result<Self, DbError> {
        if let Some(path) = file_of(url) {
            Ok(Self { backend: Backend::Sqlite, target: path.to_owned(), read_only: false, fleeting: false })
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let target = bounded(url);
            Ok(Self { backend: Backend::Postgresql, target, read_only: false, fleeting: false })
        } else {
            Err(DbError::Setup("a database URL begins with sqlite: or postgres://".to_owned()))
        }
    }

    /// For one who must change nothing, not even the journal's mode.
    fn reading_only(url: &str) -> Result<Self, DbError> {
        let mut manager = Self::new(url)?;
        manager.read_only = true;
        Ok(manager)
    }

    pub(super) fn open(&self) -> Result<Held, DbError> {
        let embedded = |conn| Held { watch: None, conn: Conn::Sqlite(conn) };
        match self.backend {
            Backend::Sqlite if self.read_only => read_sqlite(&self.target).map(embedded),
            Backend::Sqlite => {
                let mut conn = SqliteConnection::establish(&self.target).map_err(unavailable)?;
                // Either keeps the file whole; the second waits for the disk at every commit.
                let durability =
                    if self.fleeting { "PRAGMA synchronous = NORMAL" } else { "PRAGMA synchronous = FULL" };
                // One statement each, in this order: the first must already wait for another process's lock.
                for pragma in
                    [WAIT_FOR_OTHERS, "PRAGMA journal_mode = WAL", durability, "PRAGMA foreign_keys = ON"]
                {
                    conn.batch_execute(pragma).map_err(|e| out_of_order(e.to_string()))?;
                }
                Ok(embedded(conn))
            }
            Backend::Postgresql => {
                let (mut conn, watch) = watchdog::open(&self.target).map_err(unavailable)?;
                // Who verifies reads everything once, and it takes what it takes.
                if let Some(watch) = watch.as_ref().filter(|_| self.read_only) {
                    watch.is_patient();
                }
                let manner = if self.read_only { "SET default_transaction_read_only = on" } else { PATIENCE };
                conn.batch_execute(&format!(
                    "SET TIME ZONE 'UTC'; SET client_min_messages = warning; {manner}; {IN_ENGLISH}"
                ))
                .map_err(|e| DbError::Unavailable(e.to_string()))?;
                Ok(Held { watch, conn: Conn::Postgresql(conn) })
            }
        }
    }
}

/// Opens a file for reading. Where a log stands beside it, someone is writing or has crashed: the file is opened as
/// one that can't be written, and the log stays as it is. Where there is none, the plain way leaves nothing behind.
fn read_sqlite(path: &str) -> Result<SqliteConnection, DbError> {
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let read_only = format!("file:{escaped}?mode=ro");
    let plain = format!("file:{escaped}?mode=rw");
    let address = if std::path::Path::new(&format!("{path}-wal")).exists() { read_only } else { plain };
    let open = |address: &str| -> Result<SqliteConnection, DbError> {
        let mut conn = SqliteConnection::establish(address).map_err(unavailable)?;
        for pragma in [WAIT_FOR_OTHERS, "PRAGMA query_only = ON", "SELECT count(*) FROM sqlite_master"] {
            conn.batch_execute(pragma).map_err(|e| out_of_order(e.to_string()))?;
        }
        Ok(conn)
    };
    // On a medium that takes no lock file nobody writes.
    open(&address).or_else(|error| open(&format!("file:{escaped}?immutable=1")).map_err(|_| error))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
pub(super) fn unavailable(error: diesel::ConnectionError) -> DbError {
    out_of_order(error.to_string())
}

/// A connection that can't be used: the file is broken, or it is out of reach.
fn out_of_order(why: String) -> DbError {
    if speaks_of_damage(&why) { DbError::Damaged(why) } else { DbError::Unavailable(why) }
}

impl ManageConnection for Manager {
    type Connection = Held;
    type Error = DbError;

    fn connect(&self) -> Result<Held, DbError> {
        self.open()
    }
    fn is_valid(&self, held: &mut Held) -> Result<(), DbError> {
        held.conn.batch_execute("SELECT 1").map_err(DbError::from)
    }
    /// Asked when a connection is given back.
    fn has_broken(&self, held: &mut Held) -> bool {
        if let Some(watch) = &held.watch {
            watch.rests();
        }
        // As diesel's own manager does: a panic may have left a transaction open. And who only reads leaves the file
        // as it was: the connection is closed in the reader's own thread, not by a pool that the program outruns.
        self.read_only
            || std::thread::panicking()
            || match &mut held.conn {
                Conn::Sqlite(c) => AnsiTransactionManager::is_broken_transaction_manager(c),
                Conn::Postgresql(c) => AnsiTransactionManager::is_broken_transaction_manager(c),
            }
    }
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    backend: Backend,
    readers: Pool<Manager>,
    /// None: the database is a server, and writers come from the pool.
    writer: Option<Arc<Writer>>,
    watch: Arc<Watch>,
    /// Nothing that is written is kept.
    rehearses: bool,
}

/// How a rehearsed transaction ends: always undone.
enum Rehearsed<E> {
    /// The work would have been refused.
    Refused(E),
    /// It would have been done.
    Through,
}

impl<E: From<DbError>> From<DbError> for Rehearsed<E> {
    fn from(error: DbError) -> Self {
        Self::Refused(error.into())
    }
}

impl Db {
    /// Opens the pools; fails when the database can't be reached.
    pub fn open(url: &str, readers: u32) -> Result<Self, DbError> {
        Self::open_as(url, readers, false)
    }

    /// Opens one that is gone with its process: no commit waits for the disk.
    pub fn open_fleeting(url: &str, readers: u32) -> Result<Self, DbError> {
        Self::open_as(url, readers, true)
    }

    fn open_as(url: &str, readers: u32, fleeting: bool) -> Result<Self, DbError> {
        let manager = || Manager::new(url).map(|manager| Manager { fleeting, ..manager });
        if let Some(path) = file_of(url) {
            private(path);
        }
        // The one connection that changes the journal mode of a new file must be alone.
        let first = manager()?.open()?;
        let backend = manager()?.backend;
        if let Conn::Postgresql(mut first) = first.into() {
            // Where no second one is to be had, the pool will say so.
            if let Ok(Conn::Postgresql(mut second)) = manager()?.open().map(Conn::from) {
                pooler::must_keep_sessions(&mut first, &mut second)?;
            }
        }
        let pool = Pool::builder()
            .max_size(readers)
            .min_idle(Some(1))
            .connection_timeout(turn(backend))
            .test_on_check_out(backend == Backend::Postgresql)
            .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
            .build(manager()?)
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        let writer = match backend {
            Backend::Sqlite => Some(Arc::new(Writer::new(manager()?))),
            Backend::Postgresql => None,
        };
        Ok(Self { backend, readers: pool, writer, watch: Arc::new(Watch::of(url)), rehearses: false })
    }

    /// Opens one connection that can change nothing. The writer is the reader, so that a write fails.
    pub fn open_read_only(url: &str) -> Result<Self, DbError> {
        let manager = Manager::reading_only(url)?;
        let backend = manager.backend;
        // The pool would say only that it has no connection, and only after five seconds.
        manager.open()?;
        let pool = Pool::builder()
            .max_size(1)
            .min_idle(Some(0))
            .connection_timeout(turn(backend))
            .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
            .build(manager)
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        Ok(Self { backend, readers: pool, writer: None, watch: Arc::default(), rehearses: false })
    }

    /// Whether nothing at all has been made in it.
    pub fn is_empty(&self) -> Result<bool, DbError> {
        #[derive(diesel::QueryableByName)]
        struct Made {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            made: i64,
        }
        let mut conn = self.reader()?;
        let made: Made = match &mut *conn {
            Conn::Sqlite(c) => sql_query("SELECT count(*) AS made FROM sqlite_master").get_result(c)?,
            Conn::Postgresql(c) => sql_query(
                "SELECT count(*) AS made FROM pg_catalog.pg_class WHERE relnamespace = current_schema()::regnamespace \
                 AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')",
            )
            .get_result(c)?,
        };
        Ok(made.made == 0)
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Whether a reader can be had without waiting.
    pub fn has_free_reader(&self) -> bool {
        self.readers.state().idle_connections > 0
    }

    pub(super) fn reader(&self) -> Result<Reader, DbError> {
        self.readers.get().map(Reader).map_err(|e| DbError::Unavailable(e.to_string()))
    }

    /// The same database, of which every write transaction is undone when its work is through: what would be refused is
    /// refused, by the rules and constraints themselves, and nothing is kept. A later transaction does not see what an
    /// earlier one wrote.
    #[must_use]
    pub fn rehearsing(&self) -> Self {
        Self { rehearses: true, ..self.clone() }
    }

    /// Several queries on one consistent snapshot; nothing can be written.
    pub fn read<T, E: From<DbError>>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        on_snapshot(self.reader()?, work)
    }

    /// As [`read`](Self::read), for a job that keeps the snapshot as long as it takes.
    pub fn read_long<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let reader = self.reader()?;
        reader.watched(watchdog::Watch::is_patient);
        on_snapshot(reader, work)
    }

    /// A single query, without a transaction around it.
    pub fn read_one<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&mut *self.reader()?)
    }

    /// A write transaction; it commits when `work` answers Ok. Used by `tx` and by the few tables that no chain
    /// guards (sessions, leases, reference data). Embedded, short ones that wait share a commit ([`writer`](super::writer)).
    pub fn write<T, E: From<DbError>>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        self.write_in(Company::Shared, work)
    }

    /// As [`write`](Self::write), for a job that may take long: no other act's answer waits for its commit.
    pub fn write_long<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_in(Company::Alone, work)
    }

    fn write_in<T, E: From<DbError>>(
        &self,
        company: Company,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        if !self.rehearses {
            return self.write_kept(company, work);
        }
        let mut answer = None;
        let ended = self.write_kept(company, |conn| {
            answer = Some(work(conn).map_err(Rehearsed::Refused)?);
            Err::<(), _>(Rehearsed::Through)
        });
        match (ended, answer) {
            (Err(Rehearsed::Refused(error)), _) => Err(error),
            (_, Some(answer)) => Ok(answer),
            (_, None) => Err(DbError::Setup("a rehearsal without its answer".to_owned()).into()),
        }
    }

    fn write_kept<T, E: From<DbError>>(
        &self,
        company: Company,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.watch.may_write()?;
        if let Some(writer) = &self.writer {
            return writer.write(company, work);
        }
        let mut conn = self.reader()?;
        if company == Company::Alone {
            conn.watched(watchdog::Watch::is_for_a_job);
        }
        begin_write(&mut conn)?;
        match work(&mut conn) {
            Ok(answer) => {
                commit(&mut conn)?;
                Ok(answer)
            }
            Err(error) => {
                rolled_back(&mut conn);
                Err(error)
            }
        }
    }

    /// As [`write`](Self::write), for what may as well be left out: where the embedded database is being written,
    /// here or by another process, `work` does not run and the answer is None at once.
    pub fn write_unless_busy<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        if self.rehearses || self.watch.may_write().is_err() {
            return Ok(None);
        }
        let Some(writer) = &self.writer else { return self.write(work).map(Some) };
        let begin_now = |conn: &mut Conn| {
            conn.batch_execute("PRAGMA busy_timeout = 0")?;
            let begun = begin_write(conn);
            conn.batch_execute(WAIT_FOR_OTHERS)?;
            begun
        };
        writer.write_unless_busy(begin_now, work)
    }

    /// Whether what is written is kept.
    pub(super) fn keeps(&self) -> bool {
        !self.rehearses
    }

    /// What this process has seen of the ledger.
    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// How many wait for the embedded writer.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.writer.as_ref().map_or(0, |writer| writer.waiting())
    }

    /// Runs `work` on a writing connection with no transaction around it.
    pub(super) fn with_writer<T>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        if let Some(writer) = &self.writer {
            return writer.with(work);
        }
        let mut conn = self.reader()?;
        conn.watched(watchdog::Watch::is_patient);
        work(&mut conn)
    }

    /// Folds SQLite's write-ahead log into its one file.
    pub fn checkpoint(&self) -> Result<(), DbError> {
        if self.backend == Backend::Sqlite {
            self.with_writer(|conn| Ok(conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?))?;
        }
        Ok(())
    }
}

fn on_snapshot<T, E: From<DbError>>(
    mut conn: Reader,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    begin_with(&mut conn, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let answer = work(&mut conn);
    rolled_back(&mut conn);
    answer
}

fn begin_with(conn: &mut Conn, sqlite: &str, postgresql: &str) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, sqlite),
        Conn::Postgresql(c) => AnsiTransactionManager::begin_transaction_sql(c, postgresql),
    }
    .map_err(DbError::from)
}

pub(super) fn begin_write(conn: &mut Conn) -> Result<(), DbError> {
    // Said, not left to the server's settings: what waited for a lock must then see what the other did.
    begin_with(conn, "BEGIN IMMEDIATE", "BEGIN ISOLATION LEVEL READ COMMITTED")
}

/// Begins a savepoint inside the transaction; [`commit`] and [`rollback`] end the innermost.
pub(super) fn begin_savepoint(conn: &mut Conn) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction(c),
        Conn::Postgresql(c) => AnsiTransactionManager::begin_transaction(c),
    }
    .map_err(DbError::from)
}

pub(super) fn commit(conn: &mut Conn) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
        Conn::Postgresql(c) => AnsiTransactionManager::commit_transaction(c),
    }
    .map_err(DbError::from)
}

pub(super) fn rollback(conn: &mut Conn) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::rollback_transaction(c),
        Conn::Postgresql(c) => AnsiTransactionManager::rollback_transaction(c),
    }
    .map_err(DbError::from)
}

/// How many transactions are open inside each other; None: nobody knows any more.
pub(super) fn depth(conn: &mut Conn) -> Option<u32> {
    let status = match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::transaction_manager_status_mut(c),
        Conn::Postgresql(c) => AnsiTransactionManager::transaction_manager_status_mut(c),
    };
    status.transaction_depth().ok().map(|depth| depth.map_or(0, std::num::NonZeroU32::get))
}

/// Rolls back what nobody asks about any more.
fn rolled_back(conn: &mut Conn) {
    if let Err(error) = rollback(conn) {
        // The pool throws a connection away whose transaction is still open.
        tracing::warn!(%error, "rollback failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_stands_after_the_scheme() {
        for (url, path) in [
            ("sqlite:itaku.db", "itaku.db"),
            ("sqlite:/var/itaku.db", "/var/itaku.db"),
            ("sqlite:///var/itaku.db", "/var/itaku.db"),
            ("sqlite:////var/itaku.db", "//var/itaku.db"),
        ] {
            assert_eq!(file_of(url), Some(path), "{url}");
        }
        assert_eq!(file_of("postgres://x/y"), None);
    }

    #[test]
    fn what_may_be_left_out_does_not_wait_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("busy.db").display());
        let (here, elsewhere) = (Db::open(&url, 1).unwrap(), Db::open(&url, 1).unwrap());
        let begun = std::time::Instant::now();
        let touch = || here.write_unless_busy::<_, DbError>(|_| Ok(())).unwrap();
        let while_written = |db: &Db| db.write::<_, DbError>(|_| Ok(touch())).unwrap();
        assert_eq!((while_written(&here), while_written(&elsewhere)), (None, None));
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(touch(), Some(()));
    }
}
