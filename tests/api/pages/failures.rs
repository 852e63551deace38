//! Pages of what went wrong: in Japanese, in the layout, and nothing of the inside leaks; and what a login in between
//! keeps, and never keeps.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use itaku::db::{Conn, DbError};
use itaku::domain::access::Role;
use itaku::domain::id::OrganizationId;
use serde_json::json;

use super::{PASSWORD, cookie_of, text};
use crate::support::{Answer, TestApp, both, id};

/// The layout, one heading, and none of these words.
#[track_caller]
fn told(answer: &Answer, status: u16, heading: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let page = text(answer);
    for part in
        ["<html lang=\"ja\">", "<header class=\"top\">", "<main id=\"main\"", &format!("<h1>{heading}</h1>")]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("<h1").count(), 1, "{page}");
    for inside in [
        "contracts_elsewhere",
        "no such",
        "relation",
        "SELECT",
        "sqlite",
        "postgres",
        "locked",
        "connection",
        "panick",
        ".rs",
    ] {
        assert!(!page.contains(inside), "{inside}: {page}");
    }
}

fn run(app: &TestApp, statement: &str) {
    let done = app.app.db.write::<_, DbError>(|conn| {
        match conn {
            Conn::Sqlite(conn) => conn.batch_execute(statement)?,
            Conn::Postgresql(conn) => conn.batch_execute(statement)?,
        }
        Ok(())
    });
    done.unwrap();
}

/// An account with a password.
fn known(app: &TestApp, agency: OrganizationId, email: &str) {
    let body = json!({"email": email, "name": "架空 太郎", "organization_id": agency, "roles": ["officer"], "password": PASSWORD});
    app.post(&app.admin(), "/users", body).must(201);
}

both! {
    fn who_asks_too_often_is_asked_to_wait(app: TestApp) {
        let form = [("token", "x"), ("password", PASSWORD), ("again", PASSWORD)];
        let ask = |from: &str, method: &str, path: &str| {
            app.send(app.visit(None, method, path, &form).peer_addr(from.parse().unwrap()))
        };
        let send = |from: &str| ask(from, "POST", "/password-reset/confirm");
        let refused = (0..2_000).map(|_| send("192.0.2.9:1000")).find(|answer| answer.status != 422).unwrap();
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert!(text(&refused).contains("秒ほど待ってから"), "{}", refused.body);
        assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        assert_eq!(send("192.0.2.10:1000").status, 422, "another is served");
        assert_eq!(ask("192.0.2.9:1000", "GET", "/login").status, 200, "reading goes on");
    }

    fn a_password_is_not_guessed_on_the_page_either(app: TestApp) {
        let agency = app.agency("F1");
        known(app, agency, "mato@example.jp");
        let guess = || app.send(app.visit(None, "POST", "/login", &[("email", "mato@example.jp"), ("password", "違う合言葉と鉛筆とハサミ")]));
        let refused = (0..12).map(|_| guess()).find(|answer| answer.status != 401).unwrap();
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert!(text(&refused).contains("待ってから") && !text(&refused).contains("違う合言葉"), "{}", refused.body);
    }

    fn a_defect_is_told_without_its_inside(app: TestApp) {
        let tab = app.tab(&app.person(app.agency("F2"), &[Role::Officer]));
        run(app, "ALTER TABLE contracts RENAME TO contracts_elsewhere");
        let broken = tab.open("/contracts");
        told(&broken, 500, "処理中に問題が発生しました");
        assert!(text(&broken).contains("ホームへ"), "who is known stays known: {}", broken.body);
        assert_eq!(tab.open("/account").status, 200);
    }

    fn a_database_out_of_reach_is_told_with_when_to_come_back(app: TestApp) {
        let tab = app.tab(&app.person(app.agency("F3"), &[Role::Officer]));
        let url = app.app.config.database.url.clone();
        let refused = if app.app.is_embedded() {
            // Someone else writes and does not end.
            let mut other = SqliteConnection::establish(url.trim_start_matches("sqlite:")).unwrap();
            other.batch_execute("BEGIN IMMEDIATE").unwrap();
            tab.submit("/logout", &[])
        } else {
            let (_, name) = url.rsplit_once('/').unwrap();
            let mut server = PgConnection::establish(&std::env::var("ITAKU_TEST_POSTGRES").unwrap()).unwrap();
            let shut = format!(
                "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            );
            server.batch_execute(&shut).unwrap();
            tab.open("/home")
        };
        told(&refused, 503, "ただいま利用できません");
        assert_eq!(refused.header("retry-after"), Some("5"));
    }

    fn a_login_in_between_keeps_what_was_typed_but_no_password(app: TestApp) {
        let agency = app.agency("F4");
        known(app, agency, "tochu@example.jp");
        let secret = "秘密の合言葉と鉛筆とハサミ";
        let fields = [
            ("name", "新規 一郎"), ("email", "shinki@example.jp"), ("password", secret), ("current", secret), ("new", secret), ("again", secret),
        ];
        let met = app.send(app.visit(None, "POST", "/users/new", &fields));
        assert_eq!(met.status, 401, "{}", met.body);
        assert!(text(&met).contains("shinki%40example.jp") && text(&met).contains("name=\"_back\" value=\"/users/new\""), "{}", met.body);
        let quoted: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        assert!(!text(&met).contains(secret) && !text(&met).contains(&quoted), "{}", met.body);
        // Who logs in finds the rest again; a kept secret, however it came there, is not shown.
        let kept = format!("name=%E6%96%B0%E8%A6%8F&email=shinki%40example.jp&password={quoted}&again={quoted}");
        let log_in = [("email", "tochu@example.jp"), ("password", PASSWORD), ("_kept", kept.as_str()), ("_back", "/users/new")];
        let resumed = app.send(app.visit(None, "POST", "/login", &log_in));
        assert!(resumed.status == 200 && cookie_of(&resumed).is_some(), "{}", resumed.body);
        assert!(text(&resumed).contains("value=\"新規\"") && text(&resumed).contains("action=\"/users/new\""), "{}", resumed.body);
        assert!(!text(&resumed).contains(secret), "{}", resumed.body);
        // A wrong password is asked for anew, with what was kept.
        let again = app.send(app.visit(None, "POST", "/login", &[("email", "tochu@example.jp"), ("password", secret), ("_kept", "name=x"), ("_back", "/users/new")]));
        assert!(again.status == 401 && text(&again).contains("value=\"name=x\"") && !text(&again).contains(secret), "{}", again.body);
        // What changes a password is not sent again after a login.
        let change = app.send(app.visit(None, "POST", "/account/password", &fields));
        assert!(change.status == 303 && change.header("location").unwrap().starts_with("/login?next=%2Fhome"), "{change:?}");
        // A form that is only shown again (another row, back from the check) shows none either.
        let admin = app.tab(&app.person(agency, &[Role::AgencyAdmin]));
        let shown = admin.submit("/users/new", &[&fields[..], &[("_again", "1")]].concat());
        assert!(text(&shown).contains("shinki@example.jp") && !text(&shown).contains(secret), "{}", shown.body);
        let _: itaku::domain::id::UserId = id(&app.get(&app.admin(), "/me").must(200));
    }
}
