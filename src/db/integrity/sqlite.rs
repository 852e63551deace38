//! SQLite: its own checks of the file, and the text of every table and index.

use std::fmt::Write as _;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::SqliteConnection;

use super::{Damage, DamageKind, Line, MOST, differences, must_be_current};
use crate::db::{Backend, DbError, migrations};

/// Statistics that SQLite keeps for its planner are nobody's structure.
const STRUCTURE: &str = "SELECT type || ' ' || name || ' ON ' || tbl_name || ' ' || coalesce(sql, '') AS line \
     FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY line";

pub(super) fn check(conn: &mut SqliteConnection) -> Result<Vec<Damage>, DbError> {
    // First the file: what is wrong there may keep the rest from being read, or send it round in circles.
    let told =
        lines(conn, &format!("SELECT integrity_check AS line FROM pragma_integrity_check LIMIT {MOST}"))?;
    let mut found: Vec<Damage> =
        told.into_iter().filter(|line| line != "ok").map(|line| Damage::new(kind_of(&line), line)).collect();
    if found.iter().any(Damage::is_fatal) {
        return Ok(found);
    }
    let applied = lines(conn, "SELECT version AS line FROM __diesel_schema_migrations")?;
    must_be_current(Backend::Sqlite, &applied)?;
    found.extend(differences(&wanted()?, &lines(conn, STRUCTURE)?));
    let references = format!(
        "SELECT \"table\" || ' → ' || parent || '（行 ' || coalesce(rowid, '?') || '）' AS line \
         FROM pragma_foreign_key_check LIMIT {MOST}"
    );
    let broken = lines(conn, &references)?;
    found.extend(broken.into_iter().map(|line| Damage::new(DamageKind::Reference, line)));
    for query in kept_as(conn)? {
        let strange = lines(conn, &query)?;
        found.extend(strange.into_iter().map(|line| Damage::new(DamageKind::Constraint, line)));
    }
    Ok(found)
}

/// A column as SQLite describes it.
#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    tbl: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
    #[diesel(sql_type = Bool)]
    is_key: bool,
}

impl Column {
    /// The kind of value that belongs in it, as `typeof` calls it.
    fn kind(&self) -> &'static str {
        match self.declared.as_str() {
            "BIGINT" | "INTEGER" | "BOOLEAN" => "integer",
            "BLOB" => "blob",
            _ => "text",
        }
    }
}

/// A query for each table, which names the values of another kind than their column's. SQLite keeps them, and a text that
/// is kept as bytes reads like the text and equals none: no list, search or count would find its row any more.
fn kept_as(conn: &mut SqliteConnection) -> Result<Vec<String>, DbError> {
    let columns: Vec<Column> = sql_query(
        "SELECT m.name AS tbl, c.name, c.type AS declared, c.pk > 0 AS is_key FROM sqlite_schema m \
         JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, c.cid",
    )
    .load(conn)?;
    let tables = columns.chunk_by(|one, next| one.tbl == next.tbl);
    let query = |columns: &[Column]| {
        let name = columns.first().map_or("", |column| &column.tbl);
        let keys: Vec<_> =
            columns.iter().filter(|c| c.is_key).map(|c| format!("quote(\"{}\")", c.name)).collect();
        let key = if keys.is_empty() { "rowid".to_owned() } else { keys.join(" || ' ' || ") };
        let mut cases = String::new();
        for column in columns {
            let (kind, column) = (column.kind(), &column.name);
            let _ = write!(cases, " WHEN typeof(\"{column}\") NOT IN ('null', '{kind}') THEN '{column}'");
        }
        format!(
            "SELECT '{name}.' || strange || '（' || key || '）' AS line FROM (SELECT CASE{cases} END AS strange, {key} AS key \
             FROM \"{name}\") WHERE strange IS NOT NULL LIMIT {MOST}"
        )
    };
    Ok(tables.map(query).collect())
}

/// What SQLite says of a row that its table would refuse is no damage to a page.
fn kind_of(line: &str) -> DamageKind {
    if line.starts_with("CHECK constraint failed") || line.starts_with("NULL value in") {
        DamageKind::Constraint
    } else {
        DamageKind::Structure
    }
}

fn lines(conn: &mut SqliteConnection, query: &str) -> Result<Vec<String>, DbError> {
    let rows: Vec<Line> = sql_query(query).load(conn)?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// The structure of a database that the migrations have just made.
fn wanted() -> Result<Vec<String>, DbError> {
    lines(&mut migrations::migrated_in_memory()?, STRUCTURE)
}
