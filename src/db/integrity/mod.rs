//! Whether the database itself is whole, before anything is read out of it: its file or pages, its tables, indexes and
//! constraints as the migrations make them, and every reference. What the rows say is held by the ledger's own check.

mod postgresql;
mod shape;
mod sqlite;

use serde::Serialize;

use super::{Backend, Conn, DbError, migrations};
use crate::text_enum;

/// So many are told; a file that is broken is broken in many places.
const MOST: usize = 20;

text_enum! {
    /// What is wrong.
    pub enum DamageKind {
        /// Pages that can't be read as what they should be, or an index that does not agree with its table.
        Structure = "structure",
        /// A table, column, index or constraint that the migrations make and that is not there, or not valid.
        Missing = "missing",
        /// One that they don't make.
        Unknown = "unknown",
        /// A row that refers to one that is not there.
        Reference = "reference",
        /// A row that breaks a constraint of its table.
        Constraint = "constraint",
    }
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Damage {
    pub what: DamageKind,
    /// Where, in the database's own words.
    pub place: String,
}

impl Damage {
    fn new(what: DamageKind, place: impl Into<String>) -> Self {
        Self { what, place: place.into() }
    }

    /// Whether reading on would say nothing: pages are not what they should be.
    pub fn is_fatal(&self) -> bool {
        self.what == DamageKind::Structure
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.what {
            DamageKind::Structure => "データベースが壊れています",
            DamageKind::Missing => "データベースの構造が欠けています",
            DamageKind::Unknown => "データベースに、itaku のものではない構造があります",
            DamageKind::Reference => "参照先のない行があります",
            DamageKind::Constraint => "制約に反する行があります",
        };
        write!(f, "{what}: {}", self.place)
    }
}

/// What is wrong with the database, nothing if it is whole. The outer error: it could not be asked, or is not of this
/// program's schema.
pub fn check(conn: &mut Conn) -> Result<Vec<Damage>, DbError> {
    let found = match conn {
        Conn::Sqlite(c) => sqlite::check(c),
        Conn::Postgresql(c) => postgresql::check(c),
    };
    match found {
        Err(DbError::Damaged(why)) => Ok(vec![Damage::new(DamageKind::Structure, why)]),
        Ok(mut found) => {
            found.truncate(MOST);
            Ok(found)
        }
        Err(error) => Err(error),
    }
}

/// Refuses a schema of another version, of which nothing can be said: the tables are compared with this program's.
fn must_be_current(backend: Backend, applied: &[String]) -> Result<(), DbError> {
    let known = migrations::known_migrations(backend)?;
    let why = if applied.iter().any(|version| !known.contains(version)) {
        "データベースの構造が、このプログラムより新しい版のものです。新しい itaku を使ってください。"
    } else if known.iter().any(|version| !applied.contains(version)) {
        "データベースの構造が最新ではありません。先に itaku migrate を実行してください。"
    } else {
        return Ok(());
    };
    Err(DbError::Setup(why.to_owned()))
}

/// A line of what a database says of itself.
#[derive(Debug, diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

/// The differences between what should be there and what is.
fn differences(wanted: &[String], there: &[String]) -> Vec<Damage> {
    let missing = wanted.iter().filter(|line| !there.contains(line));
    let unknown = there.iter().filter(|line| !wanted.contains(line));
    let missing = missing.map(|line| Damage::new(DamageKind::Missing, line));
    missing.chain(unknown.map(|line| Damage::new(DamageKind::Unknown, line))).collect()
}
