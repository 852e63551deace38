//! What a backup needs of the database: a copy of the embedded file while it is being written, a snapshot that other
//! programs can read as well, the state of the ledger.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use sha2::{Digest as _, Sha256};

use super::schema::ledger_chains;
use super::{Backend, Conn, Db, DbError, migrations};
use crate::domain::backup::LedgerState;
use crate::domain::id::SubjectId;

/// Chains read at once.
const BATCH: i64 = 10_000;

/// Gathers the state of a ledger from its chains, which come in the order of their ids.
#[derive(Default)]
pub(super) struct Gathered {
    chains: u64,
    entries: u64,
    hash: Sha256,
}

impl Gathered {
    pub(super) fn add(&mut self, chain: &str, seq: i64, head: &str) {
        self.chains += 1;
        self.entries = self.entries.saturating_add(u64::try_from(seq).unwrap_or_default());
        self.hash.update(format!("{chain} {seq} {head}\n"));
    }

    pub(super) fn done(self) -> LedgerState {
        let heads_sha256 = hex::encode(self.hash.finalize());
        LedgerState { chains: self.chains, entries: self.entries, heads_sha256 }
    }
}

/// The state of the ledger.
pub fn ledger_state(conn: &mut Conn) -> Result<LedgerState, DbError> {
    let mut gathered = Gathered::default();
    let mut after: Option<SubjectId> = None;
    loop {
        let mut chains = ledger_chains::table
            .select((ledger_chains::id, ledger_chains::seq, ledger_chains::head))
            .order(ledger_chains::id)
            .limit(BATCH)
            .into_boxed();
        if let Some(after) = after {
            chains = chains.filter(ledger_chains::id.gt(after));
        }
        let rows: Vec<(SubjectId, i64, String)> = chains.load(conn)?;
        for (id, seq, head) in &rows {
            gathered.add(id.as_str(), *seq, head);
            after = Some(*id);
        }
        if rows.is_empty() {
            return Ok(gathered.done());
        }
    }
}

impl Db {
    /// Writes a copy of the embedded database, as it is at one moment, into a file that is not there or empty. Nobody who
    /// writes waits for it.
    pub fn copy_into(&self, file: &Path) -> Result<(), DbError> {
        let path = file.to_str().ok_or_else(|| DbError::Setup(format!("{}: not UTF-8", file.display())))?;
        self.read_one(|conn| match conn {
            Conn::Sqlite(c) => {
                sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(c)?;
                Ok(())
            }
            Conn::Postgresql(_) => {
                Err(DbError::Setup("only an embedded database is copied as a file".to_owned()))
            }
        })
    }
}

/// Lets others read what this transaction reads, as long as it lasts, and takes the limits of time off it.
pub fn export_snapshot(conn: &mut Conn) -> Result<String, DbError> {
    for limit in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
        sql_query(format!("SET LOCAL {limit} = 0")).execute(conn)?;
    }
    let snapshot = diesel::select(diesel::dsl::sql::<Text>("pg_export_snapshot()"));
    Ok(match conn {
        Conn::Postgresql(c) => snapshot.get_result(c)?,
        Conn::Sqlite(_) => String::new(),
    })
}

/// The schema in which the tables stand, and the major version of the server.
pub fn place_of_tables(conn: &mut Conn) -> Result<(String, i64), DbError> {
    match conn {
        Conn::Postgresql(c) => {
            let schema = diesel::select(diesel::dsl::sql::<Text>("current_schema()::text")).get_result(c)?;
            let version = "current_setting('server_version_num')::bigint / 10000";
            let version =
                diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(version)).get_result(c)?;
            Ok((schema, version))
        }
        Conn::Sqlite(_) => Ok(("main".to_owned(), 0)),
    }
}

/// The tables that the migrations make, and the one that says which were applied.
pub fn tables() -> Result<Vec<String>, DbError> {
    #[derive(QueryableByName)]
    struct Table {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let rows: Vec<Table> = sql_query(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .load(&mut migrations::migrated_in_memory()?)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// The last of this program's migrations, and whether a version is one of them.
pub fn schema_version(backend: Backend) -> Result<String, DbError> {
    Ok(migrations::known_migrations(backend)?.pop().unwrap_or_default())
}

/// Whether this program has made such a schema, now or in an earlier version.
pub fn knows_schema(backend: Backend, version: &str) -> Result<bool, DbError> {
    Ok(migrations::known_migrations(backend)?.iter().any(|known| known == version))
}

/// Drops what a restore has made that does not hold.
pub fn drop_tables(conn: &mut Conn) -> Result<(), DbError> {
    for table in tables()? {
        sql_query(format!("DROP TABLE IF EXISTS {table} CASCADE")).execute(conn)?;
    }
    Ok(())
}
