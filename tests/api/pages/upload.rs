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
    }

    fn n30_a_second_tabs_file_does_not_take_the_firsts_place(app: TestApp) {
        let agency = app.agency("U6");
        let (sender, colleague) = (app.person(agency, &[Role::Officer]), app.person(agency, &[Role::Officer]));
        let tab = app.tab(&sender);
        let sent = |number: &str| {
            app.pass(Duration::seconds(1));
            location(&tab.upload("/contracts/import", &format!("{number}.csv"), &file(number))).to_owned()
        };
        let other = app.tab(&colleague).upload("/contracts/import", "他.csv", &file("R8-他"));
        let (first, second) = (sent("R8-一"), sent("R8-二"));
        assert!(text(&tab.open(&first)).contains("R8-一") && text(&tab.open(&second)).contains("R8-二"));
        assert!(text(&tab.submit(&first, &[])).contains("契約を取り込みました"));
        assert!(text(&tab.submit(&second, &[])).contains("契約を取り込みました"));
        assert_eq!(app.get(&sender, "/contracts").must(200)["items"].as_array().unwrap().len(), 2);
        // Five wait at most: of a sixth the oldest is forgotten, and nobody else's.
        let six: Vec<String> = (1..=6).map(|n| sent(&format!("R8-{n}"))).collect();
        told_at_the_field(&tab.open(&six[0]), 404, GONE);
        assert!(six[1..].iter().all(|path| tab.open(path).status == 200));
        assert_eq!((waiting(app), app.tab(&colleague).open(location(&other)).status), (6, 200));
    }

    fn n11_the_rows_are_shown_before_they_are_taken(app: TestApp) {
        let agency = app.agency("U7");
        let (sender, colleague) = (app.person(agency, &[Role::Officer]), app.person(agency, &[Role::Officer]));
        let tab = app.tab(&sender);
        let good = |n: usize| format!("V-{n},架空業務{n},例示商会{n},{n},2026-04-01,2026-04-01,2027-03-31\r\n");
        let header = "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日\r\n";
        let rows: String = (1..=120).map(good).collect();
        let content = format!("{header}{rows}{}V-121,架空業務,〃,5,2026-04-01,2026-04-01,2027-03-31\r\n合計,,,5,,,\r\n", good(1));
        let path = location(&tab.upload("/contracts/import", "契約.csv", content.as_bytes())).to_owned();
        let shown = tab.open(&path);
        for part in ["架空業務1</th>", "例示商会1</th>", "取り込む</td>", "〃", "合計の行なので", "全部の行（CSV）", "ほかに20件あります"] {
            assert!(text(&shown).contains(part), "{part}: {}", shown.body);
        }
        assert!(!text(&shown).contains("架空業務101</th>"));
        let next = tab.open(&format!("{path}?from=100"));
        assert!(text(&next).contains("架空業務101</th>") && text(&next).contains("2行目と同じ") && !text(&next).contains("架空業務100</th>"));
        let list = |name: &str| {
            let answer = tab.open(&format!("{path}/{name}.csv"));
            assert_eq!(answer.status, 200, "{name}");
            text(&answer).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(["rows", "vendors", "notices", "problems"].map(|name| list(name).len()), [123, 121, 2, 2]);
        assert_eq!(list("rows")[1], "2,取り込む,V-1,架空業務1,,例示商会1,1,2026-04-01,2026-04-01,2027-03-31");
        assert_eq!(list("vendors")[120], "121,,例示商会120,");
        assert!(list("problems")[1].starts_with("123,受託者名,"));
        let theirs = app.tab(&colleague);
        for name in ["rows", "vendors", "notices", "problems"] {
            assert_eq!(theirs.open(&format!("{path}/{name}.csv")).status, 404);
        }
    }

    fn n5_other_agencies_rows_are_named_on_the_page(app: TestApp) {
        let sender = app.person(app.agency("U8"), &[Role::Officer]);
        let tab = app.tab(&sender);
        let content = "date_of_order,title,amount,government_departments,joint_signatures,corporate_number\n\
            2026-03-02,架空調査,1000,例示省,,9000000000000\n2026-03-02,架空印刷,2000,例示省,,9000000000000\n";
        let path = location(&tab.upload("/contracts/import", "調達.csv", content.as_bytes())).to_owned();
        let shown = tab.open(&path);
        for part in ["例示省</th>", "2行</td>", "ほかの機関（例示省）", "新しく取り込む契約はありません", "?all=1"] {
            assert!(text(&shown).contains(part), "{part}: {}", shown.body);
        }
        assert!(text(&tab.open(&format!("{path}?all=1"))).contains("2件を取り込む"));
        assert_eq!(tab.submit(&path, &[]).status, 409, "nothing of the agency's own");
        let taken = tab.submit(&path, &[("all_agencies", "true")]);
        assert!(text(&taken).contains("2件の契約を取り込みました"), "{}", taken.body);
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
