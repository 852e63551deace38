//! The only room that knows SQL, or which database it is: pool, transactions, finders and writers, one file per
//! aggregate. Every finder of tenant data takes a [`Scope`](crate::domain::access::Scope).

pub mod access_log;
mod address;
pub mod alert;
pub mod audit;
pub mod backup;
pub mod backup_run;
pub mod calendar;
pub mod chain;
pub mod consent_draft;
pub mod contract;
mod counted;
pub mod deadline;
pub mod due;
pub mod engagement_name;
mod fact_rows;
pub mod factor;
pub mod facts;
pub mod history;
pub mod idempotency;
pub mod integrity;
pub mod lease;
pub mod ledger;
pub mod ledger_rows;
pub mod letter;
pub mod migrations;
pub mod notice;
pub mod organization;
pub mod overview;
pub mod pending;
pub mod pool;
mod pooler;
pub mod postgres_tools;
pub mod register;
pub mod schema;
pub mod session;
pub mod setting;
mod sight;
pub mod statement;
pub mod status;
pub mod task;
pub mod tx;
pub mod types;
pub mod upload;
pub mod user;
pub mod watch;
mod watchdog;
mod writer;
#[cfg(test)]
mod writer_tests;

pub use migrations::Migrated;
pub use pool::Db;
pub use tx::{Author, ChainKey, Tx};
pub use types::Conn;

/// What can go wrong between the program and its database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No such row, or not in scope.
    #[error("no such row")]
    NotFound,
    /// A unique constraint refused a second row; the constraint's name or columns.
    #[error("not unique: {0}")]
    NotUnique(String),
    /// The database can't be reached, is full, or is busy beyond patience.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The file or its pages are not what they should be.
    #[error("database damaged: {0}")]
    Damaged(String),
    /// A stored value that the program can't read.
    #[error("unreadable row: {0}")]
    BrokenRow(String),
    /// The URL or the migrations are not usable.
    #[error("{0}")]
    Setup(String),
    /// Anything else: a defect of the program.
    #[error("query failed: {0}")]
    Query(diesel::result::Error),
    /// An entry that can't be brought into canonical form: a defect of the program.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::LedgerError),
}

impl From<diesel::result::Error> for DbError {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind as Kind, Error};
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(Kind::UniqueViolation, info) => {
                Self::NotUnique(info.constraint_name().unwrap_or(info.message()).to_owned())
            }
            Error::DatabaseError(
                Kind::ClosedConnection
                | Kind::UnableToSendCommand
                | Kind::SerializationFailure
                | Kind::ReadOnlyTransaction,
                info,
            ) => Self::Unavailable(info.message().to_owned()),
            Error::DatabaseError(Kind::Unknown, ref info) if out_of_reach(info.message()) => {
                Self::Unavailable(info.message().to_owned())
            }
            Error::DatabaseError(_, ref info) if speaks_of_damage(info.message()) => {
                Self::Damaged(info.message().to_owned())
            }
            Error::DeserializationError(e) => Self::BrokenRow(e.to_string()),
            other => Self::Query(other),
        }
    }
}

/// Messages that speak of the disk, the connection or a crowd, not of the statement. A connection that broke has a
/// kind of its own; of these diesel tells neither SQLSTATE nor result code, so their words must do: SQLite's are always
/// English, PostgreSQL's where the connection could choose (`pool`), else those of a Japanese server are known too.
fn out_of_reach(message: &str) -> bool {
    const SIGNS: [&str; 20] = [
        "database is locked",
        "database table is locked",
        "disk is full",
        "disk I/O error",
        "unable to open database",
        "readonly database",
        "connection to server",
        "deadlock detected",
        "デッドロックを検出しました",
        "due to lock timeout",
        "ロックのタイムアウトのため",
        "due to statement timeout",
        "ステートメントのタイムアウトのため",
        "terminating connection",
        "接続を終了しています",
        "could not extend file",
        "を拡張できませんでした",
        "could not write to file",
        "を書き出せませんでした",
        "No space left on device",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}

/// Messages of a database whose pages are broken.
fn speaks_of_damage(message: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "malformed",
        "file is not a database",
        "unsupported file format",
        "invalid page in block",
        "could not read block",
        "missing chunk number",
        "unexpected chunk",
        "invalid memory alloc request size",
        "compressed pglz data is corrupt",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}

/// What tells two databases apart; used where SQL must differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Embedded.
    Sqlite,
    /// A server.
    Postgresql,
}

/// A text for `LIKE … ESCAPE '\'` in which nothing is a wildcard.
pub fn like_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;

    #[derive(diesel::QueryableByName)]
    struct CompileOption {
        #[diesel(sql_type = diesel::sql_types::Text)]
        compile_options: String,
    }

    /// What `.cargo/config.toml` says; docs/decisions/0016.
    #[test]
    fn the_embedded_database_is_compiled_as_decided() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("options.db").display()), 1).unwrap();
        let options: Vec<CompileOption> = db
            .read_one::<_, DbError>(|conn| Ok(diesel::sql_query("PRAGMA compile_options").load(conn)?))
            .unwrap();
        let options: Vec<&str> = options.iter().map(|option| option.compile_options.as_str()).collect();
        for wanted in ["ENABLE_QPSG", "DEFAULT_MEMSTATUS=0", "THREADSAFE=2", "STMTJRNL_SPILL=16777216"] {
            assert!(options.contains(&wanted), "{wanted} among {options:?}");
        }
        assert!(!options.contains(&"ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
    }
}
