//! The structure that both databases have alike, line by line: what a database of PostgreSQL is held against is read
//! from an embedded one that the migrations have just made. That the migrations make the same on both is a test.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sqlite::SqliteConnection;

use super::Line;
use crate::db::DbError;

/// `table.column type NOT NULL`, the type as PostgreSQL calls it.
const COLUMNS: &str = "SELECT m.name || '.' || c.name || ' ' || CASE lower(c.type) WHEN 'blob' THEN 'bytea' \
     WHEN 'timestamp' THEN 'timestamp without time zone' ELSE lower(c.type) END \
     || CASE WHEN c.\"notnull\" <> 0 THEN ' NOT NULL' ELSE '' END AS line \
     FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'";

/// `unique table (columns)`, `index name table (columns)`; partial ones with the literals of their condition.
const INDEXES: &str = "SELECT CASE WHEN i.origin = 'c' THEN CASE i.\"unique\" WHEN 1 THEN 'unique index ' ELSE 'index ' END \
     || i.name WHEN i.origin = 'pk' THEN 'primary key' ELSE 'unique' END || ' ' || m.name || ' (' \
     || (SELECT group_concat(name, ',') FROM (SELECT coalesce(x.name, '?') AS name \
     FROM pragma_index_info(i.name) x ORDER BY x.seqno)) || ')' || CASE i.partial WHEN 1 THEN ' partial' ELSE '' END AS line \
     FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'";

const FOREIGN: &str = "SELECT 'foreign key ' || m.name || ' (' || f.\"from\" || ') → ' || f.\"table\" || ' (' || f.\"to\" || ')' AS line \
     FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";

const TABLES: &str = "SELECT name || ' ' || sql AS line FROM sqlite_schema WHERE type = 'table' \
     AND name NOT LIKE '\\_\\_%' ESCAPE '\\'";

/// What should be there.
pub(super) fn wanted(conn: &mut SqliteConnection) -> Result<Vec<String>, DbError> {
    let mut wanted = Vec::new();
    for query in [COLUMNS, INDEXES, FOREIGN] {
        let rows: Vec<Line> = sql_query(query).load(conn)?;
        wanted.extend(rows.into_iter().map(|row| row.line));
    }
    let tables: Vec<Line> = sql_query(TABLES).load(conn)?;
    for Line { line } in tables {
        let (name, sql) = line.split_once(' ').unwrap_or_default();
        let checks = sql.split("CHECK (").skip(1);
        wanted.extend(checks.map(|rest| check_line(name, rest.lines().next().unwrap_or_default())));
    }
    Ok(wanted)
}

/// A CHECK is known by the words it allows: each database writes the rest in its own way.
pub(super) fn check_line(table: &str, condition: &str) -> String {
    let words: Vec<&str> = condition.split('\'').skip(1).step_by(2).collect();
    format!("check {table} ({})", words.join(","))
}
