//! PostgreSQL: its constraints and indexes are all there and valid, its references hold, and, where the extension
//! `amcheck` is installed and may be used, every index agrees with its table.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;

use super::{Damage, DamageKind, Line, MOST, differences, must_be_current, shape};
use crate::db::{Backend, DbError, migrations};

/// Our own tables: those that the migrations make.
const OURS: &str = "n.nspname = current_schema() AND t.relname NOT LIKE '\\_\\_%'";

pub(super) fn check(conn: &mut PgConnection) -> Result<Vec<Damage>, DbError> {
    let applied = lines(conn, "SELECT version::text AS line FROM __diesel_schema_migrations")?;
    must_be_current(Backend::Postgresql, &applied)?;
    let mut embedded = migrations::migrated_in_memory()?;
    let mut found = differences(&shape::wanted(&mut embedded)?, &there(conn)?);
    found.extend(told(conn, DamageKind::Missing, &invalid())?);
    found.extend(told(conn, DamageKind::Unknown, &strange())?);
    for (kind, queries) in
        [(DamageKind::Reference, references(conn)?), (DamageKind::Constraint, conditions(conn)?)]
    {
        for query in queries {
            found.extend(told(conn, kind, &query)?);
        }
    }
    // Last: an index that it finds broken ends the transaction.
    for index in checkable(conn)? {
        if let Err(error) = sql_query(&index).execute(conn) {
            found.push(Damage::new(DamageKind::Structure, error.to_string()));
            break;
        }
    }
    Ok(found)
}

fn lines(conn: &mut PgConnection, query: &str) -> Result<Vec<String>, DbError> {
    let rows: Vec<Line> = sql_query(query).load(conn)?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

fn told(conn: &mut PgConnection, kind: DamageKind, query: &str) -> Result<Vec<Damage>, DbError> {
    Ok(lines(conn, query)?.into_iter().map(|line| Damage::new(kind, line)).collect())
}

/// The structure as it is, in the lines of [`shape`].
fn there(conn: &mut PgConnection) -> Result<Vec<String>, DbError> {
    let tables = format!("pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS}");
    let mut there = lines(
        conn,
        &format!(
            "SELECT t.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) \
             || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS line FROM {tables} \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE t.relkind IN ('r', 'p')"
        ),
    )?;
    there.extend(lines(
        conn,
        &format!(
            "SELECT CASE WHEN i.indisprimary THEN 'primary key' WHEN c.oid IS NOT NULL THEN 'unique' \
             WHEN i.indisunique THEN 'unique index ' || x.relname ELSE 'index ' || x.relname END || ' ' || t.relname || ' (' \
             || (SELECT string_agg(coalesce(a.attname, '?'), ',' ORDER BY k.place) \
             FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place) \
             LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND k.number > 0) || ')' \
             || CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END AS line FROM {tables} \
             JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid \
             LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = t.oid AND c.contype = 'u'"
        ),
    )?);
    there.extend(lines(
        conn,
        &format!(
            "SELECT 'foreign key ' || t.relname || ' (' || string_agg(a.attname, ',' ORDER BY k.place) || ') → ' || u.relname \
             || ' (' || string_agg(b.attname, ',' ORDER BY k.place) || ')' AS line FROM {tables} \
             JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'f' JOIN pg_class u ON u.oid = c.confrelid \
             CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (mine, theirs, place) \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.mine \
             JOIN pg_attribute b ON b.attrelid = u.oid AND b.attnum = k.theirs GROUP BY c.oid, t.relname, u.relname"
        ),
    )?);
    let checks = lines(
        conn,
        &format!(
            "SELECT t.relname || ' ' || pg_get_constraintdef(c.oid) AS line FROM {tables} \
             JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'c'"
        ),
    )?;
    there.extend(checks.iter().map(|line| {
        let (table, condition) = line.split_once(' ').unwrap_or_default();
        shape::check_line(table, condition)
    }));
    Ok(there)
}

/// Constraints and indexes that are there and hold nothing.
fn invalid() -> String {
    format!(
        "SELECT c.conname::text AS line FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid \
         JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} WHERE NOT c.convalidated \
         UNION ALL SELECT x.relname::text FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid \
         JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} JOIN pg_class x ON x.oid = i.indexrelid \
         WHERE NOT (i.indisvalid AND i.indisready AND i.indislive) \
         UNION ALL SELECT g.tgname || ' ON ' || t.relname FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid \
         JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} WHERE g.tgisinternal AND g.tgenabled <> 'O'"
    )
}

/// What would change rows by itself.
fn strange() -> String {
    format!(
        "SELECT 'trigger ' || g.tgname || ' ON ' || t.relname AS line FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid \
         JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} WHERE NOT g.tgisinternal \
         UNION ALL SELECT 'rule ' || r.rulename || ' ON ' || t.relname FROM pg_rewrite r JOIN pg_class t ON t.oid = r.ev_class \
         JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} WHERE t.relkind IN ('r', 'p')"
    )
}

/// A query for each reference, which names a row that refers to nothing.
fn references(conn: &mut PgConnection) -> Result<Vec<String>, DbError> {
    lines(
        conn,
        &format!(
            "SELECT format('SELECT %L || c.%I::text || %L AS line FROM %I.%I c WHERE c.%I IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM %I.%I p WHERE p.%I = c.%I) LIMIT {MOST}', t.relname || '.' || a.attname || ' → ' || u.relname || '（', \
             a.attname, '）', n.nspname, t.relname, a.attname, v.nspname, u.relname, b.attname, a.attname) AS line \
             FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} \
             JOIN pg_class u ON u.oid = c.confrelid JOIN pg_namespace v ON v.oid = u.relnamespace \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1] \
             JOIN pg_attribute b ON b.attrelid = u.oid AND b.attnum = c.confkey[1] \
             WHERE c.contype = 'f' AND cardinality(c.conkey) = 1"
        ),
    )
}

/// A query for each CHECK, which says so where a row breaks it.
fn conditions(conn: &mut PgConnection) -> Result<Vec<String>, DbError> {
    lines(
        conn,
        &format!(
            "SELECT format('SELECT %L::text AS line FROM %I.%I WHERE NOT (%s) LIMIT 1', c.conname || ' ON ' || t.relname, \
             n.nspname, t.relname, pg_get_expr(c.conbin, c.conrelid)) AS line FROM pg_constraint c \
             JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} \
             WHERE c.contype = 'c'"
        ),
    )
}

/// A statement for each index that `amcheck` can look at; none where it is not installed or not ours to use.
fn checkable(conn: &mut PgConnection) -> Result<Vec<String>, DbError> {
    let schema = lines(
        conn,
        "SELECT n.nspname::text AS line FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace \
         JOIN pg_proc f ON f.pronamespace = n.oid AND f.proname = 'bt_index_check' AND f.pronargs = 2 \
         WHERE e.extname = 'amcheck' AND has_function_privilege(f.oid, 'EXECUTE')",
    )?;
    let Some(schema) = schema.first() else { return Ok(Vec::new()) };
    let schema = schema.replace('"', "\"\"");
    lines(
        conn,
        &format!(
            "SELECT format('SELECT \"{schema}\".bt_index_check(%s::oid::regclass, true)', i.indexrelid) AS line FROM pg_index i \
             JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace AND {OURS} \
             JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'"
        ),
    )
}
