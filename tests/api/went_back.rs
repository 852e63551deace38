//! An older database under a running server is noticed, and nothing more is written to it.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::json;

use crate::support::{TestApp, both};

/// Changes the database behind the program's back, on a connection of its own.
fn behind(app: &TestApp, statement: &str) {
    let url = &app.app.config.database.url;
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let mut conn = SqliteConnection::establish(path).unwrap();
            conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = OFF").unwrap();
            conn.batch_execute(statement).unwrap();
        }
        None => PgConnection::establish(url).unwrap().batch_execute(statement).unwrap(),
    }
}

fn vendor(app: &TestApp, name: &str) -> u16 {
    let body = json!({"kind": "vendor", "name": name, "country": "JP", "address": "架空市1"});
    app.post(&app.admin(), "/organizations", body).status
}

both! {
    fn an_entry_that_is_gone_stops_the_writing(app: TestApp) {
        let ready = || app.send(actix_web::test::TestRequest::with_uri("/readyz"));
        assert_eq!(vendor(app, "架空一社"), 201);
        let before = ready();
        assert_eq!((before.status, &before.body["ledger"]), (200, &json!("ok")));
        for n in 0..100 {
            assert_eq!(vendor(app, &format!("架空第{n}社")), 201);
        }
        assert_eq!(ready().status, 200);
        assert_eq!(vendor(app, "架空三社"), 201);
        // As a dump of a moment ago would have left it.
        let chain = "(SELECT id FROM organizations WHERE name = '架空三社')";
        let last = format!(
            "DELETE FROM ledger_names WHERE entry_id IN (SELECT id FROM ledger_entries WHERE chain_id = {chain}); \
             DELETE FROM ledger_entries WHERE chain_id = {chain}"
        );
        behind(app, &last);
        let after = ready();
        assert_eq!((after.status, &after.body["ledger"]), (503, &json!("went_back")));
        assert_eq!(vendor(app, "架空四社"), 503);
        assert_eq!(app.get(&app.admin(), "/me").status, 200, "reading goes on");
        assert_eq!(ready().status, 503, "until it is restarted");
    }
}

#[test]
fn another_file_under_the_same_name_is_noticed() {
    let app = TestApp::sqlite();
    let ready = || app.send(actix_web::test::TestRequest::with_uri("/readyz"));
    assert_eq!(vendor(&app, "架空一社"), 201);
    let path = app.app.config.database.url.strip_prefix("sqlite:").unwrap().to_owned();
    let copy = format!("{path}.older");
    app.app.db.copy_into(copy.as_ref()).unwrap();
    assert_eq!(ready().status, 200);
    std::fs::rename(&copy, &path).unwrap();
    let after = ready();
    assert_eq!((after.status, &after.body["ledger"]), (503, &json!("replaced")));
    assert_eq!(vendor(&app, "架空二社"), 503);
}
