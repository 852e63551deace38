//! A ledger that was tampered with.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::Value;

use super::house::{Demo, itaku, on, status, words};

/// A ledger with some entries, changed behind the program's back.
#[test]
fn verify_finds_every_kind_of_tampering() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole.db");
    let mut demo = Demo::start(&["--database", &format!("sqlite:{}", file.display())]);
    assert_eq!(demo.stop("-TERM"), 0);
    assert_eq!(status(&on(&file, &["verify"])), 0);
    let one = "(SELECT id FROM ledger_entries WHERE seq = 3 ORDER BY chain_id LIMIT 1)";
    let tampering = [
        ("altered", format!("UPDATE ledger_entries SET action = 'x.y' WHERE id = {one}")),
        ("altered", format!("UPDATE ledger_entries SET at = '2026-01-01 00:00:00' WHERE id = {one}")),
        ("payload", format!("UPDATE ledger_entries SET payload = '{{ }}' WHERE id = {one}")),
        ("gap", format!("DELETE FROM ledger_entries WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET at = 'yesterday' WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET at = replace(at, ' ', 'T') WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET subject_id = upper(subject_id) || ' ' WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET payload = CAST(x'ff' AS TEXT) WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_names SET organization_id = subject_id WHERE entry_id = {one}")),
        ("name_missing", format!("DELETE FROM ledger_names WHERE entry_id = {one}")),
        ("name_extra", format!("INSERT INTO ledger_names SELECT '00000000-0000-7000-8000-0000000000ff', id, organization_id FROM ledger_entries WHERE id = {one}")),
        ("name_extra", "INSERT INTO ledger_names SELECT id, '00000000-0000-7000-8000-0000000000ff', id FROM organizations LIMIT 1".to_owned()),
        ("length", "UPDATE ledger_chains SET seq = seq - 1".to_owned()),
        ("head", "UPDATE ledger_chains SET head = substr(head, 2) || '0'".to_owned()),
        ("last_at", "UPDATE ledger_chains SET last_at = '2030-01-01 00:00:00'".to_owned()),
        ("no_entries", "INSERT INTO ledger_chains SELECT 'ffffffff-0000-7000-8000-0000000000ff', id, 0, '', '2030-01-01 00:00:00' FROM organizations LIMIT 1".to_owned()),
        ("missing_tail", "DELETE FROM ledger_entries WHERE EXISTS (SELECT 1 FROM ledger_chains c WHERE c.id = chain_id AND c.seq = ledger_entries.seq AND c.seq > 1)".to_owned()),
    ];
    for (fault, statement) in tampering {
        let copy = folder.path().join("copy.db");
        std::fs::copy(&file, &copy).unwrap();
        let mut conn = SqliteConnection::establish(copy.to_str().unwrap()).unwrap();
        conn.batch_execute(&format!("PRAGMA foreign_keys = OFF; {statement}")).unwrap();
        drop(conn);
        let found = on(&copy, &["verify", "--json"]);
        assert_eq!(status(&found), 1, "{statement}");
        let told: Value = serde_json::from_slice(&found.stdout).unwrap();
        assert_eq!(told["bad"]["what"], fault, "{statement}: {told}");
    }
}

#[test]
fn a_database_that_is_gone_is_not_a_bad_entry() {
    let gone = itaku(&["verify", "--json"])
        .env("ITAKU__DATABASE__URL", "postgres://nobody@127.0.0.1:1/none")
        .output()
        .unwrap();
    assert_eq!((status(&gone), gone.stdout.len()), (1, 0));
    assert!(words(&gone).contains("unavailable"), "{}", words(&gone));
}
