//! Opening either database by URL: readers and one writer on SQLite, one pool on PostgreSQL; migrations.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{ManageConnection, Pool, PooledConnection};
use diesel::{Connection, PgConnection, RunQueryDsl as _, SqliteConnection, sql_query};
use diesel_migrations::{EmbeddedMigrations, HarnessWithOutput, MigrationHarness, embed_migrations};

use super::{Backend, Conn, DbError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRESQL: EmbeddedMigrations = embed_migrations!("migrations/postgresql");

/// Makes connections of the kind that the URL names.
pub struct Manager {
    backend: Backend,
    target: String,
    read_only: bool,
}

impl Manager {
    fn new(url: &str) -> Result<Self, DbError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            Ok(Self {
                backend: Backend::Sqlite,
                target: path.trim_start_matches("//").to_owned(),
                read_only: false,
            })
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self { backend: Backend::Postgresql, target: url.to_owned(), read_only: false })
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

    fn open(&self) -> Result<Conn, DbError> {
        match self.backend {
            Backend::Sqlite if self.read_only => read_sqlite(&self.target).map(Conn::Sqlite),
            Backend::Sqlite => {
                let mut conn = SqliteConnection::establish(&self.target).map_err(unavailable)?;
                // One statement each, in this order: the first must already wait for another process's lock.
                for pragma in [
                    "PRAGMA busy_timeout = 10000",
                    "PRAGMA journal_mode = WAL",
                    "PRAGMA synchronous = FULL",
                    "PRAGMA foreign_keys = ON",
                ] {
                    conn.batch_execute(pragma).map_err(|e| DbError::Unavailable(e.to_string()))?;
                }
                Ok(Conn::Sqlite(conn))
            }
            Backend::Postgresql => {
                let mut conn = PgConnection::establish(&self.target).map_err(unavailable)?;
                let read_only = if self.read_only { "; SET default_transaction_read_only = on" } else { "" };
                conn.batch_execute(&format!(
                    "SET TIME ZONE 'UTC'; SET client_min_messages = warning{read_only}"
                ))
                .map_err(|e| DbError::Unavailable(e.to_string()))?;
                Ok(Conn::Postgresql(conn))
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
        for pragma in
            ["PRAGMA busy_timeout = 10000", "PRAGMA query_only = ON", "SELECT count(*) FROM sqlite_master"]
        {
            conn.batch_execute(pragma).map_err(|e| DbError::Unavailable(e.to_string()))?;
        }
        Ok(conn)
    };
    // On a medium that takes no lock file nobody writes.
    open(&address).or_else(|error| open(&format!("file:{escaped}?immutable=1")).map_err(|_| error))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn unavailable(error: diesel::ConnectionError) -> DbError {
    DbError::Unavailable(error.to_string())
}

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = DbError;

    fn connect(&self) -> Result<Conn, DbError> {
        self.open()
    }
    fn is_valid(&self, conn: &mut Conn) -> Result<(), DbError> {
        conn.batch_execute("SELECT 1").map_err(DbError::from)
    }
    fn has_broken(&self, conn: &mut Conn) -> bool {
        // As diesel's own manager does: a panic may have left a transaction open. And who only reads leaves the file
        // as it was: the connection is closed in the reader's own thread, not by a pool that the program outruns.
        self.read_only
            || std::thread::panicking()
            || match conn {
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
    writer: Pool<Manager>,
}

/// What a migration run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Names of the migrations applied now, in order; empty: the schema was current.
    pub applied: Vec<String>,
}

impl Db {
    /// Opens the pools; fails when the database can't be reached.
    pub fn open(url: &str, readers: u32) -> Result<Self, DbError> {
        let build = |size: u32| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(1))
                .connection_timeout(Duration::from_secs(5))
                .test_on_check_out(matches!(Manager::new(url)?.backend, Backend::Postgresql))
                .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
                .build(Manager::new(url)?)
                .map_err(|e| DbError::Unavailable(e.to_string()))
        };
        // The one connection that changes the journal mode of a new file must be alone.
        Manager::new(url)?.open()?;
        let backend = Manager::new(url)?.backend;
        let pool = build(readers)?;
        let writer = if backend == Backend::Sqlite { build(1)? } else { pool.clone() };
        Ok(Self { backend, readers: pool, writer })
    }

    /// Opens one connection that can change nothing. The writer is the reader, so that a write fails.
    pub fn open_read_only(url: &str) -> Result<Self, DbError> {
        let manager = Manager::reading_only(url)?;
        let backend = manager.backend;
        let pool = Pool::builder()
            .max_size(1)
            .min_idle(Some(0))
            .connection_timeout(Duration::from_secs(5))
            .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
            .build(manager)
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        Ok(Self { backend, readers: pool.clone(), writer: pool })
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

    fn reader(&self) -> Result<PooledConnection<Manager>, DbError> {
        self.readers.get().map_err(|e| DbError::Unavailable(e.to_string()))
    }

    /// Several queries on one consistent snapshot; nothing can be written.
    pub fn read<T, E: From<DbError>>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut conn = self.reader()?;
        begin(&mut conn, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let answer = work(&mut conn);
        rollback(&mut conn);
        answer
    }

    /// A single query, without a transaction around it.
    pub fn read_one<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&mut *self.reader()?)
    }

    /// A write transaction; it commits when `work` answers Ok. Used by `tx` and by the few tables that no chain
    /// guards (sessions, leases, reference data).
    pub fn write<T, E: From<DbError>>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut conn = self.writer.get().map_err(|e| DbError::Unavailable(e.to_string()))?;
        begin(&mut conn, "BEGIN IMMEDIATE", "BEGIN")?;
        match work(&mut conn) {
            Ok(answer) => {
                commit(&mut conn)?;
                Ok(answer)
            }
            Err(error) => {
                rollback(&mut conn);
                Err(error)
            }
        }
    }

    /// Brings the schema up to date.
    pub fn migrate(&self) -> Result<Migrated, DbError> {
        let mut conn = self.writer.get().map_err(|e| DbError::Unavailable(e.to_string()))?;
        let applied = match &mut *conn {
            Conn::Sqlite(c) => run_migrations(c, SQLITE),
            Conn::Postgresql(c) => {
                // Servers starting together take turns.
                c.batch_execute("SELECT pg_advisory_lock(7230146)").map_err(DbError::from)?;
                let done = run_migrations(c, POSTGRESQL);
                c.batch_execute("SELECT pg_advisory_unlock(7230146)").map_err(DbError::from)?;
                done
            }
        };
        applied.map(|applied| Migrated { applied }).map_err(|e| DbError::Setup(e.to_string()))
    }

    /// Whether every migration of this program has been applied.
    pub fn is_current(&self) -> Result<bool, DbError> {
        let mut conn = self.reader()?;
        let pending = match &mut *conn {
            Conn::Sqlite(c) => c.has_pending_migration(SQLITE),
            Conn::Postgresql(c) => c.has_pending_migration(POSTGRESQL),
        };
        pending.map(|pending| !pending).map_err(|e| DbError::Unavailable(e.to_string()))
    }

    /// Folds SQLite's write-ahead log into its one file.
    pub fn checkpoint(&self) -> Result<(), DbError> {
        if self.backend == Backend::Sqlite {
            let mut conn = self.writer.get().map_err(|e| DbError::Unavailable(e.to_string()))?;
            conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        Ok(())
    }
}

type MigrationError = Box<dyn std::error::Error + Send + Sync>;

fn run_migrations<C, DB>(conn: &mut C, source: EmbeddedMigrations) -> Result<Vec<String>, MigrationError>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB> + Connection<Backend = DB>,
    EmbeddedMigrations: diesel::migration::MigrationSource<DB>,
{
    let mut quiet = HarnessWithOutput::new(conn, std::io::sink());
    let applied = quiet.run_pending_migrations(source)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

fn begin(conn: &mut Conn, sqlite: &str, postgresql: &str) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, sqlite),
        Conn::Postgresql(c) => AnsiTransactionManager::begin_transaction_sql(c, postgresql),
    }
    .map_err(DbError::from)
}

fn commit(conn: &mut Conn) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
        Conn::Postgresql(c) => AnsiTransactionManager::commit_transaction(c),
    }
    .map_err(DbError::from)
}

fn rollback(conn: &mut Conn) {
    let ended = match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::rollback_transaction(c),
        Conn::Postgresql(c) => AnsiTransactionManager::rollback_transaction(c),
    };
    if let Err(error) = ended {
        // The pool throws a connection away whose transaction is still open.
        tracing::warn!(%error, "rollback failed");
    }
}
