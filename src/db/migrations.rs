//! The schema as this program's migrations make it: applying them, whether all are, and a database that they have just made.

use diesel::connection::SimpleConnection as _;
use diesel::migration::MigrationSource;
use diesel::{Connection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, HarnessWithOutput, MigrationHarness, embed_migrations};

use super::pool::{PATIENCE, unavailable};
use super::{Backend, Conn, Db, DbError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRESQL: EmbeddedMigrations = embed_migrations!("migrations/postgresql");

/// A migration takes what it takes, and waits for those of other servers.
const NO_HURRY: &str = "SET statement_timeout = 0; SET lock_timeout = 0";

/// What a migration run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Names of the migrations applied now, in order; empty: the schema was current.
    pub applied: Vec<String>,
}

impl Db {
    /// Brings the schema up to date.
    pub fn migrate(&self) -> Result<Migrated, DbError> {
        self.with_writer(|conn| {
            let applied = match conn {
                Conn::Sqlite(c) => run_migrations(c, SQLITE),
                Conn::Postgresql(c) => {
                    // Servers starting together take turns.
                    c.batch_execute(&format!("{NO_HURRY}; SELECT pg_advisory_lock(7230146)"))?;
                    let done = run_migrations(c, POSTGRESQL);
                    c.batch_execute(&format!("SELECT pg_advisory_unlock(7230146); {PATIENCE}"))?;
                    done
                }
            };
            applied.map(|applied| Migrated { applied }).map_err(|e| DbError::Setup(e.to_string()))
        })
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
}

/// The versions of this program's migrations, in order.
pub(super) fn known_migrations(backend: Backend) -> Result<Vec<String>, DbError> {
    fn versions<DB: diesel::backend::Backend>(
        source: &EmbeddedMigrations,
    ) -> Result<Vec<String>, MigrationError>
    where
        EmbeddedMigrations: MigrationSource<DB>,
    {
        let known = MigrationSource::<DB>::migrations(source)?;
        Ok(known.iter().map(|migration| migration.name().version().to_string()).collect())
    }
    match backend {
        Backend::Sqlite => versions::<diesel::sqlite::Sqlite>(&SQLITE),
        Backend::Postgresql => versions::<diesel::pg::Pg>(&POSTGRESQL),
    }
    .map_err(|error| DbError::Setup(error.to_string()))
}

/// A database in memory that the migrations have just made: what another one is held against.
pub(super) fn migrated_in_memory() -> Result<SqliteConnection, DbError> {
    let mut conn = SqliteConnection::establish(":memory:").map_err(unavailable)?;
    run_migrations(&mut conn, SQLITE).map_err(|error| DbError::Setup(error.to_string()))?;
    Ok(conn)
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
