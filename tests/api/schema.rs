//! The databases as they stand after migration: every business row has a tenant, both databases are alike, and
//! `src/db/schema.rs` tells the truth about them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::SqliteConnection;

use crate::support::TestApp;

/// Tables that hold no tenant's rows, and why.
const WITHOUT_TENANT: [(&str, &str); 6] = [
    ("login_attempts", "kept by the hash of an address that need not have an account"),
    ("leases", "which server does a job"),
    ("job_runs", "the last day a job was done"),
    ("holidays", "published for everyone"),
    ("register_records", "the public corporate-number register"),
    ("register_events", "the public corporate-number register's history"),
];

#[derive(Debug, QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    at_table: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    required: bool,
}

#[derive(Debug, QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// A step of SQLite's plan.
#[derive(Debug, QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// A line of PostgreSQL's.
#[derive(Debug, QueryableByName)]
struct Planned {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

type Columns = BTreeMap<String, BTreeMap<String, (String, bool)>>;

/// What both databases must have alike.
#[derive(Debug, PartialEq, Eq)]
struct Schema {
    /// Type as diesel names it and NOT NULL, by table and column.
    columns: Columns,
    /// `table(columns) [primary] [where …]`
    unique: BTreeSet<String>,
    /// `table(column) -> table(column)`
    foreign: BTreeSet<String>,
    /// `table(columns)`, of those that are not unique.
    indexes: BTreeSet<String>,
}

fn columns(rows: Vec<Column>) -> Columns {
    let mut columns = Columns::new();
    for Column { at_table, name, kind, required } in rows {
        let kind = match kind.to_lowercase().as_str() {
            "text" => "Text",
            "blob" | "bytea" => "Binary",
            "bigint" => "BigInt",
            "integer" => "Integer",
            "boolean" => "Bool",
            "date" => "Date",
            "timestamp" | "timestamp without time zone" => "Timestamp",
            other => panic!("{at_table}.{name} is {other}"),
        };
        columns.entry(at_table).or_default().insert(name, (kind.to_owned(), required));
    }
    columns
}

fn lines(rows: Vec<Line>) -> BTreeSet<String> {
    rows.into_iter().map(|row| row.line).collect()
}

fn of_sqlite() -> Schema {
    let app = TestApp::sqlite();
    let url = &app.app.config.database.url;
    let mut conn = SqliteConnection::establish(url.strip_prefix("sqlite:").unwrap()).unwrap();
    let tables = "(SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                  AND name NOT LIKE '\\_\\_diesel%' ESCAPE '\\') m";
    let index = |unique: u8| {
        format!(
            "SELECT m.name || '(' || (SELECT group_concat(name, ',') FROM (SELECT COALESCE(x.name, '?') AS name \
             FROM pragma_index_info(i.name) x ORDER BY x.seqno)) || ')' || CASE i.origin WHEN 'pk' THEN ' primary' \
             ELSE '' END || CASE i.partial WHEN 1 THEN ' partial' ELSE '' END AS line \
             FROM {tables} JOIN pragma_index_list(m.name) i WHERE i.\"unique\" = {unique}"
        )
    };
    let mut read = |sql: &str| lines(diesel::sql_query(sql).load(&mut conn).unwrap());
    let unique = read(&index(1));
    let indexes = read(&index(0));
    let foreign = read(&format!(
        "SELECT m.name || '(' || f.\"from\" || ') -> ' || f.\"table\" || '(' || f.\"to\" || ')' AS line \
         FROM {tables} JOIN pragma_foreign_key_list(m.name) f"
    ));
    let rows = diesel::sql_query(format!(
        "SELECT m.name AS at_table, c.name AS name, c.type AS kind, c.\"notnull\" <> 0 AS required \
         FROM {tables} JOIN pragma_table_info(m.name) c"
    ));
    Schema { columns: columns(rows.load(&mut conn).unwrap()), unique, foreign, indexes }
}

fn of_postgresql() -> Schema {
    let app = TestApp::postgresql();
    let mut conn = PgConnection::establish(&app.app.config.database.url).unwrap();
    let index = |unique: &str| {
        format!(
            "SELECT t.relname || '(' || (SELECT string_agg(COALESCE(a.attname, '?'), ',' ORDER BY k.place) \
             FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place) \
             LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND k.number > 0) || ')' \
             || CASE WHEN i.indisprimary THEN ' primary' ELSE '' END \
             || CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END AS line \
             FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
             WHERE n.nspname = 'public' AND t.relname NOT LIKE '\\_\\_diesel%' AND {unique} i.indisunique"
        )
    };
    let mut read = |sql: &str| lines(diesel::sql_query(sql).load(&mut conn).unwrap());
    let unique = read(&index(""));
    let indexes = read(&index("NOT"));
    let foreign = read(
        "SELECT t.relname || '(' || a.attname || ') -> ' || u.relname || '(' || b.attname || ')' AS line \
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class u ON u.oid = c.confrelid \
         CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k (mine, theirs) \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.mine \
         JOIN pg_attribute b ON b.attrelid = u.oid AND b.attnum = k.theirs WHERE c.contype = 'f'",
    );
    let rows = diesel::sql_query(
        "SELECT table_name::text AS at_table, column_name::text AS name, data_type::text AS kind, \
         is_nullable = 'NO' AS required FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'",
    );
    Schema { columns: columns(rows.load(&mut conn).unwrap()), unique, foreign, indexes }
}

/// Columns and primary keys as `src/db/schema.rs` declares them.
fn declared() -> (Columns, BTreeSet<String>) {
    let source = include_str!("../../src/db/schema.rs");
    let (mut tables, mut keys, mut within) = (Columns::new(), BTreeSet::new(), None::<String>);
    for line in source.lines().map(str::trim) {
        if let Some((column, kind)) = line.strip_suffix(',').and_then(|line| line.split_once(" -> ")) {
            let inner = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            let table = tables.entry(within.clone().unwrap()).or_default();
            table.insert(column.to_owned(), (inner.unwrap_or(kind).to_owned(), inner.is_none()));
        } else if let Some((name, key)) = line.strip_suffix(") {").and_then(|line| line.split_once(" (")) {
            keys.insert(format!("{name}({}) primary", key.replace(", ", ",")));
            within = Some(name.to_owned());
        }
    }
    (tables, keys)
}

#[track_caller]
fn check_tenants(schema: &Schema) {
    assert!(schema.columns.len() > 30, "{:?}", schema.columns.keys());
    for (table, columns) in &schema.columns {
        let tenant = |column: &&str| {
            columns.get(*column).is_some_and(|(_, required)| *required)
                && schema.foreign.contains(&format!("{table}({column}) -> organizations(id)"))
        };
        let has = ["agency_id", "organization_id"].iter().any(tenant);
        let needs = table != "organizations" && WITHOUT_TENANT.iter().all(|(name, _)| name != table);
        assert_eq!(has, needs, "{table}: has a tenant {has}, needs one {needs}");
        // What looks like a tenant is one.
        for column in ["agency_id", "organization_id"] {
            let there = columns.contains_key(column);
            assert!(!there || tenant(&column), "{table}.{column} is nullable or refers to nothing");
        }
    }
    for (name, _) in WITHOUT_TENANT {
        assert!(schema.columns.contains_key(name), "{name} is gone: strike it from the list");
    }
}

#[test]
fn every_table_has_a_tenant() {
    check_tenants(&of_sqlite());
    check_tenants(&of_postgresql());
}

#[test]
fn both_databases_are_alike() {
    let (sqlite, postgresql) = (of_sqlite(), of_postgresql());
    assert_eq!(sqlite.columns, postgresql.columns);
    assert_eq!(sqlite.unique, postgresql.unique);
    assert_eq!(sqlite.foreign, postgresql.foreign);
    assert_eq!(sqlite.indexes, postgresql.indexes);
    assert!(sqlite.unique.len() > sqlite.columns.len());
}

/// How each database counts what `/metrics` shows: the statements of `db::status`.
#[test]
fn the_backlog_is_counted_by_indexes() {
    let counted = [
        ("SELECT count(*) FROM notices WHERE state = 'queued'", "notices_due"),
        ("SELECT count(*) FROM notices WHERE state = 'failed'", "notices_"),
        ("SELECT count(*) FROM due WHERE check_on <= '2026-04-01'", "due_check_on"),
    ];
    let (sqlite, postgresql) = (TestApp::sqlite(), TestApp::postgresql());
    let file = sqlite.app.config.database.url.clone();
    let mut embedded = SqliteConnection::establish(file.strip_prefix("sqlite:").unwrap()).unwrap();
    let mut server = PgConnection::establish(&postgresql.app.config.database.url).unwrap();
    // With next to no rows it would rather read the whole table.
    diesel::sql_query("SET enable_seqscan = off").execute(&mut server).unwrap();
    for (statement, index) in counted {
        let steps: Vec<Step> =
            diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(&mut embedded).unwrap();
        assert!(steps.iter().any(|step| step.detail.contains(index)), "{statement}: {steps:?}");
        let plan: Vec<Planned> = diesel::sql_query(format!("EXPLAIN {statement}")).load(&mut server).unwrap();
        assert!(plan.iter().any(|step| step.line.contains(index)), "{statement}: {plan:?}");
    }
    let waiting =
        sqlite.app.db.read_one(|conn| itaku::db::status::backlog(conn, crate::support::day("2026-04-01")));
    assert_eq!(waiting.unwrap(), (0, 0, 0));
}

#[test]
fn the_programs_schema_is_the_databases() {
    let (tables, keys) = declared();
    let sqlite = of_sqlite();
    assert_eq!(tables, sqlite.columns);
    let primary: BTreeSet<String> =
        sqlite.unique.into_iter().filter(|line| line.ends_with(" primary")).collect();
    assert_eq!(keys, primary);
}

#[test]
fn a_row_that_is_not_given_in_time_is_no_defect_of_the_program() {
    use itaku::db::DbError;
    use itaku::db::schema::organizations;

    let app = TestApp::postgresql();
    let agency = app.agency("L1");
    let touch = |conn: &mut itaku::db::Conn| {
        diesel::update(organizations::table.find(agency))
            .set(organizations::version.eq(organizations::version))
            .execute(conn)
    };
    let refused = app.app.db.write::<_, DbError>(|conn| {
        touch(conn)?;
        Ok(app.app.db.write::<_, DbError>(|conn| {
            diesel::sql_query("SET LOCAL lock_timeout = '50ms'").execute(conn)?;
            Ok(touch(conn)?)
        }))
    });
    assert!(matches!(refused.unwrap(), Err(DbError::Unavailable(_))));
    let set = |name: &str| {
        let line = format!("SELECT current_setting('{name}') AS line");
        app.app
            .db
            .read::<_, DbError>(|conn| Ok(diesel::sql_query(line).get_result::<Line>(conn)?))
            .unwrap()
            .line
    };
    assert_eq!([set("statement_timeout"), set("lock_timeout")], ["30s", "10s"]);
}
