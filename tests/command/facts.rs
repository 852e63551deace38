//! Facts and projections changed behind the program's back, under a ledger that is whole: each change is found and named.
//! On the demonstration's year, with what it lacks added, on both databases.

mod change;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Nullable, Text};
use diesel::{PgConnection, SqliteConnection};
use itaku::db::Conn;
use itaku::db::ledger_rows::verify_all;
use itaku::ledger::rebuild::{self, ORGANIZATIONS, TABLES, Table};
use itaku::ledger::verify::{BadEntry, Fault, Verified};
use serde_json::{Value, json};

use super::dice::Dice;
use super::house::{Demo, agent, is_long, itaku, on, status, words};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

/// A database with a rich year in it, open for what no program does.
struct House {
    conn: Conn,
    _place: Place,
}

enum Place {
    Folder { _folder: tempfile::TempDir },
    Server { server: String, name: String },
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Server { server, name } = self {
            let mut conn = PgConnection::establish(server).unwrap();
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        }
    }
}

/// Withdraws the plan of one audit, which the year does not.
fn cancel_an_audit(demo: &Demo) {
    let token = demo.token_with_factor("auditor");
    let get = |path: &str| -> Value {
        let request = agent().get(demo.url(&format!("/api/v1{path}")));
        request
            .header("Authorization", format!("Bearer {token}"))
            .call()
            .unwrap()
            .body_mut()
            .read_json()
            .unwrap()
    };
    for contract in get("/contracts?limit=50")["items"].as_array().unwrap() {
        let audits = get(&format!("/contracts/{}/audits", contract["id"].as_str().unwrap()));
        let open = audits["items"].as_array().unwrap().iter().find(|audit| audit["done_on"].is_null());
        // One that is done is corrected: a finding is withdrawn where it had one, another takes its place.
        if let Some(done) =
            audits["items"].as_array().unwrap().iter().find(|audit| audit["done_on"].is_string())
        {
            let path = format!("/audits/{}/correct", done["id"].as_str().unwrap());
            let body = json!({
                "done_on": done["done_on"], "result": "findings", "note": "訂正後の所見", "reason": "書き誤り",
                "findings": [{"text": "鍵の管理簿", "severity": "軽微", "due_on": "2030-03-31"}],
            });
            let answer = demo.post(&token, &path, &body);
            assert!(answer.0 < 300 || answer.0 == 409, "{answer:?}");
            let found: Vec<&Value> =
                answer.1["findings"].as_array().into_iter().flatten().map(|it| &it["id"]).collect();
            if !found.is_empty() {
                let path = format!("/audits/{}/confirm", done["id"].as_str().unwrap());
                let body = json!({"finding_ids": found, "confirmed_on": done["done_on"], "note": "管理簿を確認した"});
                let answer = demo.post(&token, &path, &body);
                assert!(answer.0 < 300, "{answer:?}");
            }
        }
        if let Some(audit) = open {
            let path = format!("/audits/{}/cancel", audit["id"].as_str().unwrap());
            let answer = demo.post(&token, &path, &json!({"reason": "二重に登録した"}));
            assert!(answer.0 < 300, "{answer:?}");
            return;
        }
    }
    panic!("no audit is open");
}

/// Asks for changes that wait for a second administrator, which the year does not: one approved, one rejected with a
/// reason, two left.
fn ask_for_changes(demo: &Demo) {
    let (admin, operator) = (demo.token_with_factor("agency_admin"), demo.token_with_factor("system_admin"));
    let bearer = format!("Bearer {admin}");
    let get = |path: &str| -> Value {
        let request = agent().get(demo.url(&format!("/api/v1{path}"))).header("Authorization", &bearer);
        request.call().unwrap().body_mut().read_json().unwrap()
    };
    let agency = get("/me")["organization"]["id"].clone();
    let asked = |answer: (u16, Value)| -> String {
        assert!(answer.0 < 300, "{answer:?}");
        answer.1["pending"][0]["id"].as_str().unwrap().to_owned()
    };
    let person = |email: &str| {
        let body = json!({"email": email, "name": "架空 待人", "organization_id": agency, "roles": ["officer", "approver"]});
        asked(demo.post(&admin, "/users", &body))
    };
    let approved = person("approved@demo.example");
    assert_eq!(demo.post(&operator, &format!("/pending-changes/{approved}/approve"), &json!({})).0, 200);
    person("waiting@demo.example");
    let found =
        |role: &str| get(&format!("/users?role={role}"))["items"][0]["id"].as_str().unwrap().to_owned();
    let (officer, represented) = (found("officer"), found("approver"));
    let request = agent().patch(demo.url(&format!("/api/v1/users/{officer}")));
    let request = request.header("Authorization", &bearer).header("If-Match", "*");
    let mut answer = request.send_json(json!({"email": "another@demo.example"})).unwrap();
    let email = asked((answer.status().as_u16(), answer.body_mut().read_json().unwrap()));
    let no = json!({"reason": "本人の依頼ではないため"});
    assert_eq!(demo.post(&operator, &format!("/pending-changes/{email}/reject"), &no).0, 200);
    let deputy = json!({"deputy_id": officer, "starts_on": "2026-04-01", "ends_on": "2026-04-30"});
    asked(demo.post(&admin, &format!("/users/{represented}/deputies"), &deputy));
    // In the place of one who decides nothing somebody stands in at once; and no longer than until June.
    let long = json!({"deputy_id": represented, "starts_on": "2030-01-01", "ends_on": "2100-12-31"});
    let made = demo.post(&admin, &format!("/users/{officer}/deputies"), &long);
    assert_eq!(made.0, 201, "{made:?}");
    let end = json!({"ends_on": "2030-06-30", "reason": "書き誤り"});
    let ended = demo.post(&admin, &format!("/deputies/{}/end", made.1["id"].as_str().unwrap()), &end);
    assert_eq!(ended.0, 200, "{ended:?}");
}

fn read(demo: &Demo, token: &str, path: &str) -> Value {
    let request = agent().get(demo.url(&format!("/api/v1{path}")));
    let request = request.header("Authorization", format!("Bearer {token}"));
    request.call().unwrap().body_mut().read_json().unwrap()
}

/// Two companies that were seen under one parent, and are one; a third below the first of them.
fn merge_vendors(demo: &Demo, token: &str) {
    let get = |path: &str| read(demo, token, path);
    let contract = get("/contracts?limit=1")["items"][0]["id"].as_str().unwrap().to_owned();
    let root = get(&format!("/contracts/{contract}/chain"))["root"]["engagement_id"].clone();
    let seen = |parent: &Value, name: &str| -> Value {
        let body = json!({"parent_engagement_id": parent, "vendor": {"name": name}, "started_on": "2026-04-01", "source": "other"});
        let answer = demo.post(token, &format!("/contracts/{contract}/observations"), &body);
        assert_eq!(answer.0, 201, "{answer:?}");
        answer.1["engagement_id"].clone()
    };
    let first = seen(&root, "架空統合前株式会社");
    seen(&first, "架空統合下請株式会社");
    seen(&root, "例示統合先株式会社");
    let vendor = |name: &str| {
        let found = get(&format!("/organizations?kind=vendor&q={}", encoded(name)));
        found["items"][0]["id"].as_str().unwrap().to_owned()
    };
    let path = format!("/vendors/{}/merge", vendor("架空統合前株式会社"));
    let merged =
        demo.post(token, &path, &json!({"into": vendor("例示統合先株式会社"), "reason": "同じ会社"}));
    assert_eq!(merged.0, 200, "{merged:?}");
}

/// A change of a contract taken back, and a slip corrected.
fn change_terms(demo: &Demo, token: &str) {
    let get = |path: &str| read(demo, token, path);
    let contract = get("/contracts?sort=-ends&limit=1")["items"][0].clone();
    let path = format!("/contracts/{}/amendments", contract["id"].as_str().unwrap());
    let change = json!({"effective_on": contract["last_day"], "reason": "誤り", "amount_yen": 5});
    let changed = demo.post(token, &path, &change);
    assert_eq!(changed.0, 201, "{changed:?}");
    let all = get(&path);
    let seq = |kind: &str| {
        let of = all["items"].as_array().unwrap().iter().rfind(|it| it["kind"] == kind).unwrap();
        of["seq"].clone()
    };
    let back = json!({"seq": seq("amended"), "reason": "誤り"});
    let withdrawn = demo.post(token, &format!("{path}/withdraw"), &back);
    assert_eq!(withdrawn.0, 200, "{withdrawn:?}");
    let right = json!({"seq": seq("registered"), "reason": "誤記", "scope": "架空の入力"});
    let corrected = demo.post(token, &format!("{path}/correct"), &right);
    assert_eq!(corrected.0, 200, "{corrected:?}");
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn told(url: &str, folder: &Path) {
    let mut demo = Demo::start(&["--strict", "--database", url]);
    cancel_an_audit(&demo);
    ask_for_changes(&demo);
    let officer = demo.token_with_factor("officer");
    merge_vendors(&demo, &officer);
    change_terms(&demo, &officer);
    assert_eq!(demo.stop("-TERM"), 0);
    // What the year does not have: holidays from a file, and contracts without an officer, one of several vendors.
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let holidays = file(
        "holidays.csv",
        "国民の祝日・休日月日,国民の祝日・休日名称\n2026/1/1,元日\n2026/5/3,憲法記念日\n",
    );
    let contracts = file(
        "contracts.csv",
        "date_of_order,title,amount,government_departments,joint_signatures,corporate_number\n\
         2026-03-02T00:00:00+09:00,架空調査,1000,架空省／例示省,\"架空株式会社,例示株式会社\",7000012050002\n\
         2026-04-01T00:00:00+09:00,架空印刷,2000,架空省,,7000012050002\n",
    );
    for import in [
        vec!["holidays", holidays.as_str(), "--force"],
        vec!["contracts", contracts.as_str(), "--agency", "DEMO-1", "--all-agencies"],
    ] {
        let arguments: Vec<&str> = std::iter::once("import").chain(import).collect();
        let mut command = itaku(&arguments);
        command
            .env("ITAKU__DATABASE__URL", url)
            .env("ITAKU__MAIL__URL", format!("file:{}", folder.display()));
        let done = command.output().unwrap();
        assert_eq!(status(&done), 0, "{}", words(&done));
    }
    undo_an_import(&file, url, folder);
}

/// A file taken in by mistake, and taken back.
fn undo_an_import(file: &impl Fn(&str, &str) -> String, url: &str, folder: &Path) {
    let contracts = file(
        "mistake.csv",
        "date_of_order,title,amount,government_departments,joint_signatures,corporate_number\n\
         2026-04-01T00:00:00+09:00,架空誤登録,3000,架空市,,7000012050002\n",
    );
    let run = |arguments: &[&str]| -> Value {
        let mut command = itaku(arguments);
        command
            .env("ITAKU__DATABASE__URL", url)
            .env("ITAKU__MAIL__URL", format!("file:{}", folder.display()));
        let done = command.output().unwrap();
        assert_eq!(status(&done), 0, "{}", words(&done));
        serde_json::from_slice(&done.stdout).unwrap()
    };
    let taken = run(&["import", "contracts", &contracts, "--agency", "DEMO-1", "--all-agencies", "--json"]);
    let id = taken["run"].as_str().unwrap();
    let undone = run(&["import", "undo", id, "--json"]);
    assert_eq!(undone["voided"], 1, "{undone}");
}

impl House {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let file = folder.path().join("itaku.db");
        told(&format!("sqlite:{}", file.display()), folder.path());
        let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        conn.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
        Self { conn: Conn::Sqlite(conn), _place: Place::Folder { _folder: folder } }
    }

    fn postgresql() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("ITAKU_TEST_POSTGRES").unwrap();
        let name = format!("itaku_facts_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::establish(&server).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let place = Place::Server { server, name };
        let folder = tempfile::tempdir().unwrap();
        told(&url, folder.path());
        let mut conn = PgConnection::establish(&url).unwrap();
        // No foreign key stands in the way of who has the database.
        conn.batch_execute("SET session_replication_role = replica").unwrap();
        Self { conn: Conn::Postgresql(conn), _place: place }
    }

    fn run(&mut self, sql: &str) -> QueryResult<usize> {
        match &mut self.conn {
            Conn::Sqlite(conn) => sql_query(sql).execute(conn),
            Conn::Postgresql(conn) => sql_query(sql).execute(conn),
        }
    }

    fn lines(&mut self, sql: &str) -> Vec<Option<String>> {
        let lines: Vec<Line> = match &mut self.conn {
            Conn::Sqlite(conn) => sql_query(sql).load(conn).unwrap(),
            Conn::Postgresql(conn) => sql_query(sql).load(conn).unwrap(),
        };
        lines.into_iter().map(|line| line.line).collect()
    }

    fn verify(&mut self) -> Result<Verified, BadEntry> {
        verify_all(&mut self.conn).unwrap()
    }

    /// The fault of what the statements leave behind; nothing of it stays.
    fn fault_after(&mut self, statements: &[&str]) -> Result<Verified, BadEntry> {
        self.run("BEGIN").unwrap();
        for statement in statements {
            self.run(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        let found = self.verify();
        self.run("ROLLBACK").unwrap();
        found
    }
}

/// Both databases from the same source; the year is told once on each.
fn all(house: &mut House) {
    every_change_is_found_and_named(house);
    every_chain_that_is_deleted_is_missed(house);
    a_consent_that_nobody_gave_is_found(house);
    what_was_erased_is_right_and_what_was_half_erased_is_not(house);
    holidays_are_held_to_their_import(house);
}

#[test]
fn facts_are_held_to_the_ledger_on_sqlite() {
    all(&mut House::sqlite());
}

#[test]
fn facts_are_held_to_the_ledger_on_postgresql() {
    all(&mut House::postgresql());
}

fn all_tables() -> Vec<&'static Table> {
    TABLES.iter().chain(rebuild::table(ORGANIZATIONS.name)).collect()
}

fn every_change_is_found_and_named(house: &mut House) {
    let whole = house.verify();
    assert!(whole.as_ref().is_ok_and(|whole| whole.rows > 500 && whole.entries > 500), "{whole:?}");
    for table in all_tables() {
        let rows = house.lines(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {}", table.name));
        assert_ne!(rows, [Some("0".to_owned())], "nothing of {} is tried", table.name);
    }
    let mut dice = Dice::new();
    let (mut done, mut of_table) = (0, std::collections::BTreeMap::<&str, usize>::new());
    while done < if is_long() { 2_000 } else { 300 } {
        house.run("BEGIN").unwrap();
        if let Some(change) = house.change(&mut dice) {
            let found = house.verify();
            let told = found.as_ref().err().is_some_and(|bad| change.is_told_by(bad));
            assert!(told, "{change:#?}\nwas told as {found:#?}");
            done += 1;
            *of_table.entry(change.table).or_default() += 1;
        }
        house.run("ROLLBACK").unwrap();
    }
    assert_eq!(house.verify(), whole, "nothing of it stayed");
    assert_eq!(of_table.len(), all_tables().len(), "{of_table:?}");
}

fn every_chain_that_is_deleted_is_missed(house: &mut House) {
    let chains = house.lines("SELECT id AS line FROM ledger_chains ORDER BY id");
    assert!(chains.len() > 40);
    for chain in chains.into_iter().flatten() {
        let found = house.fault_after(&[
            &format!("DELETE FROM ledger_names WHERE entry_id IN (SELECT id FROM ledger_entries WHERE chain_id = '{chain}')"),
            &format!("DELETE FROM ledger_entries WHERE chain_id = '{chain}'"),
            &format!("DELETE FROM ledger_chains WHERE id = '{chain}'"),
        ]);
        let bad = found.unwrap_err();
        assert!(bad.row.is_some(), "{chain}: {bad:?}");
    }
    let bad = house
        .fault_after(&["DELETE FROM ledger_names", "DELETE FROM ledger_entries", "DELETE FROM ledger_chains"])
        .unwrap_err();
    assert_eq!(bad.what, Fault::NoChain, "an empty ledger beside rows: {bad:?}");
}

fn a_consent_that_nobody_gave_is_found(house: &mut House) {
    let unapproved = "SELECT engagement_id AS line FROM alerts WHERE kind = 'unapproved_subcontractor' AND state <> 'resolved'";
    let place = house.lines(unapproved)[0].clone().unwrap();
    let id = "01990000-0000-7000-8000-0000000000aa";
    let consent = format!(
        "INSERT INTO consents SELECT '{id}', e.contract_id, e.agency_id, e.id, NULL, c.decided_on, c.decided_by, '2020-01-01', '2039-12-31', \
         c.supersedes, c.amount_yen, c.country, c.data, c.body, e.seq, e.recorded_at FROM engagements e, (SELECT * FROM consents LIMIT 1) c WHERE e.id = '{place}'"
    );
    let bad = house
        .fault_after(&[&consent, &format!("DELETE FROM alerts WHERE engagement_id = '{place}'")])
        .unwrap_err();
    let row = bad.row.clone().unwrap();
    assert_eq!((bad.what, row.table, row.id.as_deref()), (Fault::RowAdded, "consents", Some(id)));
    let bad =
        house.fault_after(&[&format!("DELETE FROM alerts WHERE engagement_id = '{place}'")]).unwrap_err();
    assert_eq!((bad.what, bad.row.unwrap().table), (Fault::RowMissing, "alerts"));
}

fn what_was_erased_is_right_and_what_was_half_erased_is_not(house: &mut House) {
    let erased = [
        "UPDATE users SET email = '', email_key = id, name = '', salt = ''",
        "UPDATE audits SET auditor = NULL, salt = NULL",
        "UPDATE alerts SET message = '', salt = NULL",
        "UPDATE organizations SET name = '', name_key = '', search_key = '', skeleton = '', address = NULL, contact_email = NULL, salt = '' \
         WHERE kind = 'vendor' AND corporate_number IS NULL",
    ];
    for statement in erased {
        assert!(house.fault_after(&[statement]).is_ok(), "{statement}");
    }
    assert!(house.fault_after(&erased).is_ok());
    for (statement, column) in [
        ("UPDATE users SET email = '', salt = ''", "salt"),
        ("UPDATE users SET name = ''", "name"),
        ("UPDATE alerts SET message = ''", "message"),
        ("UPDATE alerts SET salt = NULL", "salt"),
        ("UPDATE organizations SET name = '', salt = '' WHERE kind = 'agency'", "salt"),
    ] {
        let bad = house.fault_after(&[statement]).unwrap_err();
        assert_eq!(bad.row.and_then(|row| row.column), Some(column), "{statement}");
    }
}

fn holidays_are_held_to_their_import(house: &mut House) {
    for statement in [
        "UPDATE holidays SET name = 'x' WHERE day = '2026-01-01'",
        "DELETE FROM holidays WHERE day = '2026-05-03'",
        "INSERT INTO holidays VALUES ('2026-06-01', '架空の日')",
    ] {
        let bad = house.fault_after(&[statement]).unwrap_err();
        assert_eq!((bad.what, bad.row.unwrap().table), (Fault::RowChanged, "holidays"), "{statement}");
    }
}

/// As the command tells it.
#[test]
fn the_command_names_the_row_in_words_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole.db");
    told(&format!("sqlite:{}", file.display()), folder.path());
    let whole = on(&file, &["verify", "--json"]);
    assert_eq!(status(&whole), 0, "{}", words(&whole));
    let verified: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert!(verified["verified"]["rows"].as_u64().unwrap() > 500, "{verified}");
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    conn.batch_execute(
        "UPDATE consents SET valid_until = '2039-12-31' WHERE id = (SELECT min(id) FROM consents)",
    )
    .unwrap();
    let id: Vec<Line> = sql_query("SELECT min(id) AS line FROM consents").load(&mut conn).unwrap();
    drop(conn);
    let found = on(&file, &["verify", "--json"]);
    assert_eq!(status(&found), 1);
    let told: Value = serde_json::from_slice(&found.stdout).unwrap();
    let bad = &told["bad"];
    assert_eq!(
        (&told["holds"], &bad["what"], &bad["table"]),
        (&false.into(), &"row_changed".into(), &"consents".into())
    );
    assert_eq!((bad["id"].as_str(), bad["column"].as_str()), (id[0].line.as_deref(), Some("valid_until")));
    let said = words(&on(&file, &["verify"]));
    assert!(
        said.contains("改変") && said.contains("承認の表 consents") && said.contains("列 valid_until"),
        "{said}"
    );
}

/// A table or a column that is in neither list is one that nobody has decided on.
#[test]
fn every_table_and_column_is_held_to_the_ledger_or_outside_it_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.db");
    let migrated = on(&file, &["migrate"]);
    assert_eq!(status(&migrated), 0, "{}", words(&migrated));
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let tables = "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'";
    let tables: Vec<Line> = sql_query(tables).load(&mut conn).unwrap();
    for name in tables.into_iter().filter_map(|line| line.line) {
        let outside = rebuild::OUTSIDE.iter().find(|(table, _)| *table == name);
        let Some(table) = rebuild::table(&name) else {
            assert!(
                outside.is_some_and(|(_, why)| !why.is_empty()),
                "{name}: neither in TABLES nor in OUTSIDE of ledger/rebuild/tables.rs"
            );
            continue;
        };
        assert!(outside.is_none(), "{name} is in both lists");
        let columns: Vec<Line> = sql_query(format!("SELECT name AS line FROM pragma_table_info('{name}')"))
            .load(&mut conn)
            .unwrap();
        let mut stored: Vec<String> = columns.into_iter().filter_map(|line| line.line).collect();
        let mut held: Vec<String> = table.columns.iter().map(|(column, _)| (*column).to_owned()).collect();
        stored.sort();
        held.sort();
        assert_eq!(held, stored, "the columns of {name} in ledger/rebuild/tables.rs");
    }
}

/// Every action that the program records is one that the rebuilding knows.
#[test]
fn every_action_is_folded() {
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service"), &mut texts);
    let mut known = 0;
    for text in texts.iter().flat_map(|text| text.split(".record(").skip(1)) {
        let Some(action) = text.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        assert!(rebuild::knows(action), "{action}: not among FOLDS of ledger/rebuild/mod.rs");
        known += 1;
    }
    assert!(known > 25, "the sources are not read");
}
