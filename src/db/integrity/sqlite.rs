//! SQLite: its own checks of the file, and the text of every table and index.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sqlite::SqliteConnection;

use super::{Damage, DamageKind, Line, MOST, differences, must_be_current};
use crate::db::{Backend, DbError, pool};

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
    Ok(found)
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
    lines(&mut pool::migrated_in_memory()?, STRUCTURE)
}
