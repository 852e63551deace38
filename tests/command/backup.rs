//! The drill of every test run: a backup made under writes, restored, verified; damaged copies refused; what stands in
//! the way refused. On both databases.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use serde_json::{Value, json};

use super::damage::within;
use super::dice::Dice;
use super::house::{Demo, itaku, status, words};

/// A database that goes with the test: a name in the folder, or one on the server.
enum Place {
    File(PathBuf),
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

impl Place {
    fn server() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("ITAKU_TEST_POSTGRES").expect("tests/run starts a PostgreSQL");
        let name = format!("itaku_backup_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::establish(&server).unwrap();
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        Self::Server { server, name }
    }

    fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Server { server, name } => format!("{}/{name}", server.rsplit_once('/').unwrap().0),
        }
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = itaku(arguments);
        command.env("ITAKU__DATABASE__URL", self.url()).env("PATH", std::env::var_os("PATH").unwrap());
        within(120, &mut command)
    }

    /// The ids of all organizations, and how many rows every table of the ledger and of facts has.
    fn content(&self) -> (Vec<String>, Vec<i64>) {
        #[derive(diesel::QueryableByName)]
        struct Id {
            #[diesel(sql_type = Text)]
            id: String,
        }
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            rows: i64,
        }
        let ids = "SELECT id FROM organizations ORDER BY id";
        let tables =
            ["ledger_chains", "ledger_entries", "ledger_names", "contracts", "consents", "alerts", "users"];
        let counts = tables.map(|table| format!("SELECT count(*) AS rows FROM {table}"));
        match self {
            Self::File(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                let ids: Vec<Id> = diesel::sql_query(ids).load(&mut conn).unwrap();
                let counts =
                    counts.map(|count| diesel::sql_query(count).get_result::<Count>(&mut conn).unwrap().rows);
                (ids.into_iter().map(|row| row.id).collect(), counts.to_vec())
            }
            Self::Server { .. } => {
                let mut conn = PgConnection::establish(&self.url()).unwrap();
                let ids: Vec<Id> = diesel::sql_query(ids).load(&mut conn).unwrap();
                let counts =
                    counts.map(|count| diesel::sql_query(count).get_result::<Count>(&mut conn).unwrap().rows);
                (ids.into_iter().map(|row| row.id).collect(), counts.to_vec())
            }
        }
    }
}

fn drill(folder: &Path, from: &Place, to: &Place) -> PathBuf {
    let demo = Arc::new(Mutex::new(Demo::start(&["--database", &from.url()])));
    let token = demo.lock().unwrap().token("system_admin");
    let base = demo.lock().unwrap().url("/api/v1/organizations");
    let (kept, stop) = (Arc::new(Mutex::new(Vec::<String>::new())), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (kept, stop) = (Arc::clone(&kept), Arc::clone(&stop));
        std::thread::spawn(move || {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let body = json!({"kind": "vendor", "name": format!("架空{n}社"), "country": "JP", "address": format!("架空市{n}")});
                let request = super::house::agent().post(&base);
                let mut answer =
                    request.header("Authorization", format!("Bearer {token}")).send_json(&body).unwrap();
                let made: Value = answer.body_mut().read_json().unwrap();
                assert_eq!(answer.status().as_u16(), 201, "{made}");
                kept.lock().unwrap().push(made["id"].as_str().unwrap().to_owned());
                // Within what one person may do.
                std::thread::sleep(std::time::Duration::from_millis(25));
            }
        })
    };
    while kept.lock().unwrap().len() < 5 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let before = kept.lock().unwrap().clone();
    let file = folder.join("one.backup");
    let path = file.to_str().unwrap();
    let made = from.run(&["backup", path, "--json"]);
    assert_eq!(status(&made), 0, "{}", words(&made));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    while kept.lock().unwrap().len() < before.len() + 5 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    let twice = from.run(&["backup", path]);
    assert_eq!(status(&twice), 1);
    assert!(words(&twice).contains("すでにあります"), "{}", words(&twice));

    let restored = to.run(&["restore", path, "--json"]);
    assert_eq!(status(&restored), 0, "{}", words(&restored));
    let restored: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!(restored["restored"]["ledger"], made["ledger"]);
    assert_eq!(status(&to.run(&["verify"])), 0);
    let (ids, counts) = to.content();
    assert!(before.iter().all(|id| ids.contains(id)), "an acknowledged write is missing");
    let entries = i64::try_from(made["ledger"]["entries"].as_u64().unwrap()).unwrap();
    assert!(counts[1] == entries && counts.iter().all(|rows| *rows > 0), "{counts:?}");
    assert!(from.content().0.len() > ids.len(), "nothing was written after the backup began");
    assert_eq!(demo.lock().unwrap().stop("-TERM"), 0);

    let again = to.run(&["restore", path]);
    assert_eq!(status(&again), 1, "it is not empty any more");
    assert_eq!(to.content(), (ids, counts), "and is as it was");
    // One restored is a database like any other.
    let next = folder.join("two.backup");
    assert_eq!(status(&to.run(&["backup", next.to_str().unwrap()])), 0);
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
    file
}

/// Sixty copies, each with one bit of one byte changed, and parts of it.
fn damaged_copies_are_refused(folder: &Path, backup: &Path, into: &Place) {
    let whole = std::fs::read(backup).unwrap();
    let copy = folder.join("copy.backup");
    let mut dice = Dice(60);
    let mut places: Vec<usize> = (0..57).map(|_| dice.below(whole.len())).collect();
    places.extend([0, 4095, whole.len() - 1]);
    for at in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << dice.below(8);
        std::fs::write(&copy, bytes).unwrap();
        let refused = into.run(&["restore", copy.to_str().unwrap()]);
        assert_eq!(status(&refused), 1, "byte {at}");
        assert!(words(&refused).contains("壊れて"), "{}", words(&refused));
        assert!(!words(&refused).contains("panicked"));
    }
    for length in [0, 10, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&copy, &whole[..length]).unwrap();
        assert_eq!(status(&into.run(&["restore", copy.to_str().unwrap()])), 1, "{length} bytes");
    }
}

#[test]
fn drill_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let from = Place::File(folder.path().join("from.db"));
    let to = Place::File(folder.path().join("to.db"));
    let backup = drill(folder.path(), &from, &to);
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!([mode(&backup), mode(&folder.path().join("to.db"))], [0o600, 0o600]);
    let place = folder.path().join("other.db");
    damaged_copies_are_refused(folder.path(), &backup, &Place::File(place.clone()));
    assert!(!place.exists(), "nothing is left of what was refused");
    // A log without its file would be taken for that of what is restored.
    std::fs::write(place.with_extension("db-wal"), "").unwrap();
    let path = backup.to_str().unwrap();
    let refused = Place::File(place).run(&["restore", path]);
    assert!(status(&refused) == 1 && words(&refused).contains("other.db-wal"), "{}", words(&refused));
    let server = Place::server();
    let refused = server.run(&["restore", path]);
    assert!(status(&refused) == 1 && words(&refused).contains("sqlite"), "{}", words(&refused));
    let nowhere = folder.path().join("none").join("x.backup");
    let refused = from.run(&["backup", nowhere.to_str().unwrap()]);
    assert!(status(&refused) == 1 && words(&refused).contains("フォルダがありません"), "{}", words(&refused));
    assert_eq!(status(&from.run(&["restore", nowhere.to_str().unwrap()])), 1);
    assert_eq!(status(&from.run(&["backup"])), 2);
}

#[test]
fn drill_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to, empty) = (Place::server(), Place::server(), Place::server());
    let backup = drill(folder.path(), &from, &to);
    damaged_copies_are_refused(folder.path(), &backup, &empty);
    let path = backup.to_str().unwrap();
    for arguments in [["backup", "more.backup"], ["restore", path]] {
        let mut without = itaku(&arguments);
        let place = if arguments[0] == "backup" { &from } else { &empty };
        without.env("ITAKU__DATABASE__URL", place.url()).env("PATH", "/nowhere").current_dir(folder.path());
        let refused = without.output().unwrap();
        assert_eq!(status(&refused), 1);
        assert!(words(&refused).contains("postgresql-client"), "{}", words(&refused));
    }
    assert!(!folder.path().join("more.backup").exists());
    let file = Place::File(folder.path().join("other.db"));
    let refused = file.run(&["restore", path]);
    assert!(status(&refused) == 1 && words(&refused).contains("postgresql"), "{}", words(&refused));
    assert_eq!(status(&empty.run(&["restore", path])), 0, "what was refused has left nothing");
}

/// A copy that was tampered with before it was made is no backup.
#[test]
fn what_does_not_verify_is_not_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = super::damage::story(folder.path());
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    conn.batch_execute("UPDATE ledger_entries SET action = 'x.y' WHERE seq = 3").unwrap();
    drop(conn);
    let backup = folder.path().join("x.backup");
    let refused = Place::File(file).run(&["backup", backup.to_str().unwrap()]);
    assert!(status(&refused) == 1 && words(&refused).contains("検証を通りません"), "{}", words(&refused));
    assert!(!backup.exists());
}
