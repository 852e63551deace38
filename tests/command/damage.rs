//! A file that was damaged: found by `verify`, said in words, never a panic or a hang.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use itaku::ledger::rebuild::TABLES;
use serde_json::Value;

use super::dice::Dice;
use super::house::{Demo, is_long, itaku, on, status, words};

/// Ends it where it does not end by itself.
pub fn within(seconds: u64, command: &mut std::process::Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(seconds) {
            child.kill().unwrap();
            panic!("it did not end within {seconds} s");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// A demonstration's year in a file that nobody uses any more, without a page or a block that is free.
pub fn story(folder: &Path) -> PathBuf {
    let file = folder.join("whole.db");
    let mut demo = Demo::start(&["--database", &format!("sqlite:{}", file.display())]);
    assert_eq!(demo.stop("-TERM"), 0);
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA journal_mode = DELETE; VACUUM").unwrap();
    file
}

#[derive(diesel::QueryableByName)]
struct PageRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    pageno: i64,
    #[diesel(sql_type = Text)]
    pagetype: String,
}

/// Whether every column of a table is under the ledger, to its last byte. Of the others (logins, jobs, mail, public registers, and the tables
/// with a column such as a password's hash) a byte of a row may say something that nothing else says, so nothing can find
/// it; their indexes are chosen from all the same.
fn covered(file: &Path, name: &str) -> bool {
    if name.starts_with("ledger_") || name == "sqlite_schema" {
        return true;
    }
    let Some(table) = TABLES.iter().find(|table| table.name == name) else { return false };
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let columns: Vec<Name> =
        diesel::sql_query(format!("SELECT name FROM pragma_table_info('{name}')")).load(&mut conn).unwrap();
    // Of a password the ledger knows that there is one.
    let known =
        |column: &str| column != "password_hash" && table.columns.iter().any(|(known, _)| *known == column);
    columns.iter().all(|column| known(&column.name))
}

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Bytes that are content: of B-tree pages everything but the gap between the cells' places and the cells, and what is free.
/// Left out: the file's own header behind its first words (counters and reserved bytes), pages of overflow (they may end
/// in slack), and leaves of tables that nothing else speaks of.
fn content(file: &Path) -> Content {
    let bytes = std::fs::read(file).unwrap();
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let pages: Vec<PageRow> =
        diesel::sql_query("SELECT name, pageno, pagetype FROM dbstat").load(&mut conn).unwrap();
    let tables: Vec<PageRow> = diesel::sql_query(
        "SELECT name, rootpage AS pageno, type AS pagetype FROM sqlite_schema WHERE rootpage IS NOT NULL",
    )
    .load(&mut conn)
    .unwrap();
    let kinds: HashMap<&str, &str> =
        tables.iter().map(|row| (row.name.as_str(), row.pagetype.as_str())).collect();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let mut places: Vec<usize> = (0..16).collect();
    let named = |page: &PageRow| (page.pageno, format!("{}, {}", page.name, page.pagetype));
    let pages_of = pages.iter().map(named).collect();
    for page in &pages {
        let start = usize::try_from(page.pageno - 1).unwrap() * size;
        let is_table = kinds.get(page.name.as_str()) == Some(&"table");
        // An inner page of a table without rowids holds rows as its leaves do.
        let says_alone = page.pagetype != "overflow" && is_table && !covered(file, &page.name);
        if says_alone || page.pagetype == "overflow" {
            continue;
        }
        let header = if page.pageno == 1 { 100 } else { 0 };
        let at = |offset: usize| {
            usize::from(u16::from_be_bytes([bytes[start + offset], bytes[start + offset + 1]]))
        };
        let (cells, content) = (at(header + 3), at(header + 5));
        let head = if page.pagetype == "internal" { 12 } else { 8 };
        places.extend(start + header..start + header + head + 2 * cells);
        // What is free in a page that VACUUM has made: blocks in a chain, and fragments that no chain tells of.
        let (mut free, mut block) = (Vec::new(), at(header + 1));
        while block != 0 {
            free.push(block..block + at(block + 2));
            block = at(block);
        }
        if bytes[start + header + 7] == 0 {
            let used = (content..size).filter(|offset| !free.iter().any(|block| block.contains(offset)));
            places.extend(used.map(|offset| start + offset));
        }
    }
    Content { places, pages: pages_of, page_size: size }
}

/// What can be changed in a file, and what stands where.
struct Content {
    places: Vec<usize>,
    /// By a page's number the table or index, and the kind of page.
    pages: HashMap<i64, String>,
    /// In bytes.
    page_size: usize,
}

impl Content {
    fn page(&self, at: usize) -> &str {
        &self.pages[&i64::try_from(at / self.page_size + 1).unwrap()]
    }
}

fn flipped(file: &Path, copy: &Path, at: usize, bit: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1 << bit;
    std::fs::write(copy, bytes).unwrap();
}

#[test]
fn two_hundred_changed_bytes_are_all_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = story(folder.path());
    let whole = on(&file, &["verify"]);
    assert_eq!(status(&whole), 0, "{}", words(&whole));
    let content = content(&file);
    let copy = folder.path().join("copy.db");
    let mut dice = Dice(8);
    let mut unseen = Vec::new();
    for _ in 0..if is_long() { 4000 } else { 200 } {
        let (at, bit) = (content.places[dice.below(content.places.len())], dice.below(8));
        flipped(&file, &copy, at, bit);
        let mut verify = itaku(&["verify", "--json"]);
        let found = within(60, verify.env("ITAKU__DATABASE__URL", format!("sqlite:{}", copy.display())));
        let said = words(&found);
        assert!(!said.contains("panicked") && found.status.code().is_some(), "byte {at}, bit {bit}: {said}");
        if status(&found) != 1 || said.trim().is_empty() {
            unseen.push(format!("{}: byte {at}, bit {bit}", content.page(at)));
        }
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
}

#[test]
fn a_structure_that_the_migrations_do_not_make_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = story(folder.path());
    let copy = folder.path().join("copy.db");
    let unwritten = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '''system''', '''anything''') WHERE name = 'organizations'";
    for (kind, place, statement) in [
        ("missing", "index contracts_officer", "DROP INDEX contracts_officer"),
        ("missing", "index alerts_one_unresolved", "DROP INDEX alerts_one_unresolved"),
        ("missing", "CHECK (kind IN ('agency', 'vendor', 'system'))", unwritten),
        (
            "unknown",
            "trigger busy",
            "CREATE TRIGGER busy AFTER INSERT ON consents BEGIN DELETE FROM alerts; END",
        ),
        ("unknown", "table more", "CREATE TABLE more (x)"),
        ("unknown", "ADDED", "ALTER TABLE consents ADD COLUMN ADDED"),
        (
            "reference",
            "contract_terms → contracts",
            "UPDATE contract_terms SET contract_id = 'none' WHERE id = (SELECT min(id) FROM contract_terms)",
        ),
        ("constraint", "alerts.state", "UPDATE alerts SET state = CAST(state AS BLOB)"),
        ("constraint", "contracts.created_at", "UPDATE contracts SET created_at = 1.5"),
        (
            "constraint",
            "organizations",
            "PRAGMA ignore_check_constraints = ON; UPDATE organizations SET kind = 'none' WHERE id = (SELECT min(id) FROM organizations)",
        ),
    ] {
        std::fs::copy(&file, &copy).unwrap();
        let mut conn = SqliteConnection::establish(copy.to_str().unwrap()).unwrap();
        conn.batch_execute(&format!("PRAGMA foreign_keys = OFF; {statement}")).unwrap();
        drop(conn);
        let found = on(&copy, &["verify", "--json"]);
        assert_eq!(status(&found), 1, "{statement}");
        let told: Value = serde_json::from_slice(&found.stdout).unwrap();
        let damage = told["damage"].as_array().unwrap();
        let named = |one: &Value| one["what"] == kind && one["place"].as_str().unwrap().contains(place);
        assert!(damage.iter().any(named), "{statement}: {told}");
    }
}
