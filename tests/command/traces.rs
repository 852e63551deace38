//! What a request leaves in the log and in the 閲覧記録 of the agency.

use std::fs::File;
use std::time::Duration;

use diesel::prelude::*;
use itaku::db::schema::access_log;
use itaku::db::{Db, DbError};
use serde_json::Value;

use super::house::{Demo, agent};

fn get(demo: &Demo, token: &str, path: &str) -> (u16, Value) {
    let request = agent().get(demo.url(&format!("/api/v1{path}")));
    let mut answer = request.header("Authorization", format!("Bearer {token}")).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or_default())
}

#[test]
fn the_log_tells_who_asked_about_what_and_the_agency_who_opened_its_contracts() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let file = File::create(&log).unwrap();
    let database = format!("sqlite:{}", folder.path().join("itaku.db").display());
    let mut demo =
        Demo::start_with(&["--database", &database], |command| command.env("RUST_LOG", "info").stderr(file));
    let (officer, auditor) = (demo.token("officer"), demo.token("auditor"));
    let me = get(&demo, &officer, "/me").1["id"].as_str().unwrap().to_owned();
    let contracts = get(&demo, &officer, "/contracts?limit=1").1;
    let contract = contracts["items"][0]["id"].as_str().unwrap().to_owned();
    let nobodys = "01890000-0000-7000-8000-00000000beef";
    assert_eq!(get(&demo, &officer, &format!("/contracts/{contract}/chain")).0, 200);
    assert_eq!(get(&demo, &officer, &format!("/contracts/{nobodys}")).0, 404);
    assert_eq!(get(&demo, &officer, "/contracts/none").0, 404);
    let opened =
        || get(&demo, &auditor, &format!("/access-log?user_id={me}")).1["items"].as_array().unwrap().clone();
    let rows = (0..50).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        Some(opened()).filter(|rows| !rows.is_empty())
    });
    let rows = rows.expect("written within seconds");
    assert_eq!((rows.len(), rows[0]["contract_id"].as_str()), (1, Some(contract.as_str())));
    assert_eq!(get(&demo, &officer, "/access-log").0, 403);

    // What was read in the last second is written at the end.
    assert_eq!(get(&demo, &auditor, &format!("/contracts/{contract}")).0, 200);
    assert_eq!(demo.stop("-TERM"), 0);
    let db = Db::open_read_only(&database).unwrap();
    let rows: i64 =
        db.read_one::<_, DbError>(|conn| Ok(access_log::table.count().get_result(conn)?)).unwrap();
    assert_eq!(rows, 2);
    let log = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let answered = |route: &str, status: u64| {
        let fits = |line: &&Value| {
            line["message"] == "answered" && line["route"] == route && line["status"] == status
        };
        lines.iter().find(fits).unwrap_or_else(|| panic!("{route} {status}: {log}"))
    };
    let chain = answered("/api/v1/contracts/{id}/chain", 200);
    assert_eq!(
        (chain["user"].as_str(), chain["subject"].as_str()),
        (Some(me.as_str()), Some(contract.as_str()))
    );
    assert!(answered("/api/v1/auth/token", 200).get("user").is_none());
    let foreign: Vec<&Value> = lines.iter().filter(|line| line["event"] == "foreign_id").collect();
    assert_eq!(foreign.len(), 1, "what is no identifier is no guess at one");
    assert_eq!(
        (foreign[0]["user"].as_str(), foreign[0]["subject"].as_str()),
        (Some(me.as_str()), Some(nobodys))
    );
}
