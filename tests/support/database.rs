//! A database of its own for each test: a copy of one that was migrated once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use itaku::db::Db;
use sha2::{Digest, Sha256};

/// Goes with the test.
pub enum Database {
    Folder { _folder: tempfile::TempDir },
    Server { server: String, name: String },
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Server { server, name } = self {
            let mut conn = PgConnection::establish(server).unwrap();
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        }
    }
}

impl Database {
    /// A file of its own, and its URL.
    pub fn sqlite() -> (Self, String) {
        let folder = folder();
        let file = folder.path().join("itaku.db");
        std::fs::copy(sqlite_template(), &file).unwrap();
        (Self::Folder { _folder: folder }, format!("sqlite:{}", file.display()))
    }

    /// A database of its own on the server that the environment names, and its URL.
    pub fn postgresql() -> (Self, String) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("ITAKU_TEST_POSTGRES").expect(
            "ITAKU_TEST_POSTGRES names no PostgreSQL server: tests/run starts one and runs every test",
        );
        let template = postgresql_template(&server);
        let name = format!("itaku_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::establish(&server).unwrap();
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
        let url = at(&server, &name);
        (Self::Server { server, name }, url)
    }
}

/// A name that changes with the migrations.
fn schema_name(backend: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations").join(backend);
    let mut steps: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    steps.sort();
    let mut hash = Sha256::new();
    for step in steps {
        hash.update(std::fs::read(step.join("up.sql")).unwrap());
    }
    hex::encode(hash.finalize())[..16].to_owned()
}

fn migrated(url: &str) {
    let db = Db::open(url, 1).unwrap();
    db.migrate().unwrap();
    db.checkpoint().unwrap();
}

/// Memory rather than disk where there is any: these databases are gone in a second.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The migrated file that every test's database is a copy of; made by whoever comes first.
fn sqlite_template() -> PathBuf {
    let template = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.db", schema_name("sqlite")));
    if !template.exists() {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let file = folder.path().join("template.db");
        migrated(&format!("sqlite:{}", file.display()));
        std::fs::rename(file, &template).unwrap();
    }
    template
}

/// The migrated database that every test's is a copy of; marked as a template once it is whole.
fn postgresql_template(server: &str) -> String {
    let name = format!("itaku_template_{}", schema_name("postgresql"));
    let mut conn = PgConnection::establish(server).unwrap();
    conn.batch_execute("SELECT pg_advisory_lock(72301460)").unwrap();
    let whole = format!("SELECT 1 FROM pg_database WHERE datname = '{name}' AND datistemplate");
    if diesel::sql_query(whole).execute(&mut conn).unwrap() == 0 {
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        migrated(&at(server, &name));
        // Nobody may be connected to what is copied.
        conn.batch_execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'; \
             UPDATE pg_database SET datistemplate = true, datallowconn = false WHERE datname = '{name}'"
        ))
        .unwrap();
    }
    conn.batch_execute("SELECT pg_advisory_unlock(72301460)").unwrap();
    name
}

fn at(server: &str, database: &str) -> String {
    format!("{}/{database}", server.rsplit_once('/').unwrap().0)
}
