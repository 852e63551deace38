//! Files sent in a browser: whose they are, how long they wait, and how large they may be.

use chrono::Duration;
use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::schema::uploads;
use itaku::domain::access::Role;
use itaku::schedule;
use serde_json::json;

use super::{location, text};
use crate::support::{Answer, TestApp, both};

const MIB: usize = 1024 * 1024;
const GONE: &str = "このファイルは取り込み済みか、確かめてから1時間を過ぎています。";

/// The template with its row made one to take in.
fn file(number: &str) -> Vec<u8> {
    let template = String::from_utf8(itaku::exchange::contracts::template()).unwrap();
    template.replace("記入例", number).into_bytes()
}

fn waiting(app: &TestApp) -> i64 {
    app.app.db.read_one::<_, DbError>(|conn| Ok(uploads::table.count().get_result(conn)?)).unwrap()
}

/// What is wrong stands at the field, and another file can be chosen there.
#[track_caller]
fn told_at_the_field(answer: &Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for part in ["<title>エラー: ", "href=\"#f-file\"", "id=\"f-file\"", "aria-invalid", message] {
        assert!(text(answer).contains(part), "{part}: {}", answer.body);
    }
}

both! {
    fn a_file_is_its_senders_and_is_taken_in_once(app: TestApp) {
        let agency = app.agency("U1");
        let (sender, colleague) = (app.person(agency, &[Role::Officer]), app.person(agency, &[Role::Officer]));
        let (tab, other) = (app.tab(&sender), app.tab(&colleague));
        let sent = tab.upload("/contracts/import", "契約.csv", &file("R8-取込"));
        let path = location(&sent).to_owned();
        assert!(text(&tab.open(&path)).contains("R8-取込") || tab.open(&path).status == 200);
        told_at_the_field(&other.open(&path), 404, GONE);
        told_at_the_field(&other.submit(&path, &[("skip_bad", "true")]), 404, GONE);
        assert_eq!(app.get(&sender, "/contracts").must(200)["items"], json!([]));
        let taken = tab.submit(&path, &[]);
        assert!(taken.status == 200 && text(&taken).contains("契約を取り込みました"), "{}", taken.body);
        assert_eq!(app.get(&sender, "/contracts").must(200)["items"][0]["number"], "R8-取込");
        // Taken in, it is gone.
        told_at_the_field(&tab.submit(&path, &[]), 404, GONE);
        told_at_the_field(&tab.open(&path), 404, GONE);
        assert_eq!(waiting(app), 0);
        // A file takes the place of the one before.
        let first = tab.upload("/contracts/import", "一.csv", &file("R8-一"));
        tab.upload("/contracts/import", "二.csv", &file("R8-二"));
        told_at_the_field(&tab.open(location(&first)), 404, GONE);
        assert_eq!(waiting(app), 1);
    }

    fn a_file_waits_an_hour(app: TestApp) {
        let sender = app.person(app.agency("U2"), &[Role::Officer]);
        let sent = app.tab(&sender).upload("/contracts/import", "契約.csv", &file("R8-遅"));
        let path = location(&sent);
        app.pass(Duration::minutes(59));
        assert_eq!(app.tab(&sender).open(path).status, 200);
        schedule::clean(&app.app).unwrap();
        assert_eq!(waiting(app), 1);
        app.pass(Duration::minutes(2));
        let late = app.tab(&sender);
        told_at_the_field(&late.open(path), 404, GONE);
        told_at_the_field(&late.submit(path, &[]), 404, GONE);
        assert_eq!(app.get(&app.log_in(&sender), "/contracts").must(200)["items"], json!([]));
        assert_eq!(waiting(app), 1, "refused before it is forgotten");
        schedule::clean(&app.app).unwrap();
        assert_eq!(waiting(app), 0);
    }

    fn a_file_has_a_size(app: TestApp) {
        let tab = app.tab(&app.person(app.agency("U3"), &[Role::Officer]));
        let send = |size: usize| tab.upload("/contracts/import", "大きい.csv", &vec![b'a'; size]);
        told_at_the_field(&send(20 * MIB + 1), 422, "20MiB");
        // More than is taken in at all: with its length said before, and without.
        told_at_the_field(&send(22 * MIB), 422, "20MBまで");
        let request = app.visit(Some(&tab.cookie), "GET", "/contracts/import", &[]).set_payload(vec![b'a'; 22 * MIB]);
        let request = request.method(actix_web::http::Method::POST);
        told_at_the_field(&app.send(request.insert_header(("Content-Type", "multipart/form-data; boundary=x"))), 422, "20MBまで");
        assert_eq!(waiting(app), 0);
        // A stranger, and someone who may not, hear nothing of that.
        let request = app.visit(None, "GET", "/contracts/import", &[]).set_payload(vec![b'a'; 22 * MIB]);
        let stranger = app.send(request.method(actix_web::http::Method::POST));
        assert!(location(&stranger).starts_with("/login"), "{}", stranger.body);
        let auditor = app.tab(&app.person(app.agency("U4"), &[Role::Auditor]));
        assert_eq!(auditor.upload("/contracts/import", "x.csv", &vec![b'a'; 22 * MIB]).status, 403);
        // Where no file is asked for, the limit is that of every form.
        let form = [("email", "x".repeat(2 * MIB))];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(tab.submit("/account/password", &form).status, 413);
    }
}
