//! 閲覧記録: who opened which contract, whose the record is, and that a day that is over is sealed.

use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::access_log::altered_days;
use itaku::db::schema::access_log;
use itaku::domain::access::Role;
use itaku::schedule::sweep::sweep;
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::{Person, TestApp, both};

fn looks(app: &TestApp, who: &Person, query: &str) -> Vec<Value> {
    app.house.looks.flush(&app.app).unwrap();
    app.get(&app.log_in(who), &format!("/access-log{query}")).must(200)["items"].as_array().unwrap().clone()
}

fn what(looks: &[Value]) -> Vec<&str> {
    looks.iter().map(|look| look["what"].as_str().unwrap()).collect()
}

both! {
    fn one_view_of_a_matter_is_one_row_on_the_page(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.pass(chrono::Duration::minutes(11));
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let path = format!("/contracts/{}", k.id);
        for path in [path.clone(), format!("{path}/handover"), format!("{path}/handover/withdraw"), format!("{path}/chain")] {
            assert_eq!(app.tab(&admin).open(&path).status, 200, "{path}");
        }
        let by = format!("/access-log?user_id={}", admin.id);
        assert_eq!(looks(app, &s.auditor, &by["/access-log".len()..]).len(), 4, "the record itself keeps each");
        let rows = |by: &str| {
            let page = app.tab(&s.auditor).open(by);
            let body = page.body.as_str().unwrap();
            [body.matches(">契約（画面）</td>").count(), body.matches(">再委託の体制（画面）</td>").count()]
        };
        assert_eq!(rows(&by), [1, 1]);
        // Ten minutes later it is another look.
        app.pass(chrono::Duration::minutes(11));
        app.tab(&app.log_in(&admin)).open(&path);
        app.house.looks.flush(&app.app).unwrap();
        assert_eq!(rows(&by), [2, 1]);
    }

    fn who_opened_which_contract_is_its_agencys_to_read(app: TestApp) {
        let s = Stage::new(app);
        let (k, other) = (s.contract(), s.contract_with(&json!({"number": "R8-2"})));
        // The stage has looked at either chain once.
        app.pass(chrono::Duration::minutes(11));
        let officer = app.log_in(&s.officer);
        let path = format!("/contracts/{}", k.id);
        let later = || app.pass(chrono::Duration::seconds(1));
        // Twice is once; a list is no look; an act stands in the ledger.
        for path in [&path, &path, &format!("{path}/chain"), &"/contracts".to_owned()] {
            later();
            app.get(&officer, path).must(200);
        }
        later();
        app.tab(&s.a.user).open(&path);
        app.get(&app.log_in(&s.b.user), &path).must(404);
        let seen = looks(app, &s.auditor, "");
        assert_eq!(what(&seen)[..3], ["/contracts/{id}", "/api/v1/contracts/{id}/chain", "/api/v1/contracts/{id}"]);
        let reader = &seen[0]["reader"];
        assert_eq!((&reader["id"], &reader["organization"]), (&json!(s.a.user.id), &json!("架空甲データ株式会社")));
        assert!(!reader["name"].as_str().unwrap().is_empty());
        assert_eq!((seen.len(), &seen[1]["contract_id"]), (5, &json!(k.id)));
        // By what belongs to a contract too.
        let (application, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        for path in [format!("/applications/{application}"), format!("/contracts/{}", other.id)] {
            later();
            app.get(&officer, &path).must(200);
        }
        let seen = looks(app, &s.auditor, "");
        assert_eq!(what(&seen)[..2], ["/api/v1/contracts/{id}", "/api/v1/applications/{id}"]);
        for (query, rows) in [
            (format!("?contract_id={}", k.id), 5),
            (format!("?contract_id={}", other.id), 2),
            (format!("?user_id={}", s.a.user.id), 1),
            ("?day=2026-04-01".to_owned(), 7),
            ("?day=2026-04-02".to_owned(), 0),
        ] {
            assert_eq!(looks(app, &s.auditor, &query).len(), rows, "{query}");
        }
        let mut pages = Vec::new();
        let mut cursor = String::new();
        for _ in 0..4 {
            let page = app.get(&app.log_in(&s.auditor), &format!("/access-log?limit=2{cursor}")).must(200);
            pages.extend(page["items"].as_array().unwrap().clone());
            cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
        }
        assert_eq!(pages, looks(app, &s.auditor, ""));
        // Ten minutes later it is another look.
        app.pass(chrono::Duration::minutes(11));
        app.get(&app.log_in(&s.officer), &path).must(200);
        assert_eq!(looks(app, &s.auditor, "").len(), 8);

        let elsewhere = app.person(app.agency("A2"), &[Role::Auditor, Role::AgencyAdmin]);
        assert!(looks(app, &elsewhere, "").is_empty());
        for who in [&s.officer, &s.approver, &s.a.user] {
            app.get(&app.log_in(who), "/access-log").must(403);
        }
        let page = app.tab(&s.auditor).open("/access-log").body.as_str().unwrap().to_owned();
        assert!(page.contains("再委託の体制（API）") && page.contains("契約（画面）") && page.contains("架空甲データ株式会社"));
    }

    fn what_an_overseer_reads_is_written_before_it_is_answered(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let operator = itaku::service::organization::ensure_system(&app.app).unwrap();
        let overseer = app.person(operator, &[Role::Overseer]);
        let (token, tab) = (app.log_in(&overseer), app.tab(&overseer));
        let path = format!("/contracts/{}", k.id);
        app.get(&token, &path).must(200);
        assert_eq!(tab.open(&path).status, 200);
        // Nothing waits.
        let rows: i64 = app.app.db.read_one::<_, DbError>(|conn| Ok(access_log::table.count().get_result(conn)?)).unwrap();
        assert_eq!(rows, 2);
        let rename = |from: &str, to: &str| {
            let sql = format!("ALTER TABLE {from} RENAME TO {to}");
            app.app.db.write::<_, DbError>(|conn| Ok(diesel::connection::SimpleConnection::batch_execute(conn, &sql)?)).unwrap();
        };
        rename("access_log", "access_log_elsewhere");
        let chain = format!("{path}/chain");
        assert!(app.get(&token, &chain).status >= 500, "unwritten, it is not read");
        assert!(tab.open(&chain).status >= 500);
        // Who reads the own agency's is served; the look waits.
        app.get(&app.log_in(&s.officer), &path).must(200);
        assert!(app.house.looks.flush(&app.app).is_err());
        rename("access_log_elsewhere", "access_log");
        app.get(&token, &chain).must(200);
        // The overseer's three, and the officer's two: the stage's and this one.
        assert_eq!(looks(app, &s.auditor, "").len(), 5);
    }

    fn a_day_that_is_over_is_sealed_in_the_agencys_chain(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.get(&app.log_in(&s.officer), &format!("/contracts/{}", k.id)).must(200);
        app.get(&app.log_in(&s.a.user), &format!("/contracts/{}/chain", k.id)).must(200);
        app.house.looks.flush(&app.app).unwrap();
        app.move_to("2026-04-02");
        app.get(&app.log_in(&s.officer), &format!("/contracts/{}", k.id)).must(200);
        app.house.looks.flush(&app.app).unwrap();
        let closed = || {
            let payloads = app.app.db.read_one(|conn| itaku::db::ledger::payloads(conn, None, "access_log.closed")).unwrap();
            payloads.iter().map(|text| serde_json::from_str(text).unwrap()).collect::<Vec<Value>>()
        };
        for _ in 0..2 {
            sweep(&app.app, "2026-04-02".parse().unwrap(), false).unwrap();
            let sealed = closed();
            assert_eq!((sealed.len(), &sealed[0]["day"], &sealed[0]["rows"]), (1, &json!("2026-04-01"), &json!(3)));
        }
        let altered = || app.app.db.read_one(altered_days).unwrap().into_iter().map(|day| day.day.to_string()).collect::<Vec<_>>();
        assert!(altered().is_empty());
        let change = |sql: &str| {
            app.app.db.write::<_, DbError>(|conn| Ok(diesel::sql_query(sql).execute(conn)?)).unwrap();
        };
        // A row altered, moved to the day that still runs, and gone.
        change("UPDATE access_log SET what = '/contracts' WHERE day = '2026-04-01' AND what LIKE '%chain'");
        assert_eq!(altered(), ["2026-04-01"]);
        change("UPDATE access_log SET what = '/api/v1/contracts/{id}/chain' WHERE what = '/contracts'");
        assert!(altered().is_empty(), "as it was");
        change("UPDATE access_log SET day = '2026-03-01' WHERE day = '2026-04-01' AND what LIKE '%chain'");
        assert_eq!(altered(), ["2026-04-01", "2026-03-01"]);
        change("DELETE FROM access_log WHERE day <= '2026-04-01'");
        assert_eq!(altered(), ["2026-04-01"]);
        let bad = itaku::service::verify::verify_ledger(&app.app.db).unwrap().unwrap_err();
        assert_eq!(bad.row.map(|row| (row.table, row.id)), Some(("access_log", Some("2026-04-01".to_owned()))));
    }
}
