//! 検査・点検: planned, done, and the next one from the due day.

use itaku::domain::access::Role;
use itaku::schedule::sweep::sweep;
use serde_json::{Value, json};

use crate::stage::{Stage, text, with};
use crate::support::{TestApp, both, day};

both! {
    fn the_next_audit_is_scheduled_from_the_due_day_however_late_this_one_was(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let plan = |body: Value| s.post(&s.officer, &format!("/contracts/{}/audits", k.id), body);
        plan(json!({"kind": "on_site", "due_on": "2026-03-31"})).must(422);
        plan(json!({"kind": "raid", "due_on": "2026-08-31"})).must(422);
        let elsewhere = json!({"kind": "on_site", "due_on": "2026-08-31", "engagement_id": "00000000-0000-7000-8000-00000000ffff"});
        assert_eq!(plan(elsewhere).errors(), [("/engagement_id".to_owned(), "unknown".to_owned())]);
        let first = plan(json!({"kind": "on_site", "due_on": "2026-08-31", "every_months": 6, "auditor": "監査班"})).must(201);
        let complete = |who, id: &str, change: &Value| {
            let body = with(json!({"done_on": "2026-10-20", "result": "pass", "findings": []}), change);
            s.post(who, &format!("/audits/{id}/complete"), body)
        };
        app.move_to("2026-10-20");
        let id = text(&first, "id");
        complete(&s.approver, &id, &json!({})).must(403);
        complete(&s.a.user, &id, &json!({})).must(403);
        complete(&s.auditor, &id, &json!({"done_on": "2026-10-21"})).must(422);
        assert_eq!(complete(&s.auditor, &id, &json!({"done_on": "1950-10-20"})).errors(), [("/done_on".to_owned(), "before_contract".to_owned())]);
        complete(&s.auditor, &id, &json!({"result": "findings"})).must(422);
        let finding = json!({"text": "入退室の記録がない", "severity": "major", "due_on": "2026-10-19"});
        complete(&s.auditor, &id, &json!({"result": "findings", "findings": [finding]})).must(422);
        complete(&s.auditor, &id, &json!({"findings": [with(finding.clone(), &json!({"due_on": "2026-11-30"}))]})).must(422);
        let done = complete(&s.auditor, &id, &json!({"result": "findings", "findings": [with(finding, &json!({"due_on": "2026-11-30"}))]})).must(200);
        assert_eq!((&done["next_due_on"], &done["findings"][0]["text"]), (&json!("2027-02-28"), &json!("入退室の記録がない")));
        assert_eq!(complete(&s.auditor, &id, &json!({})).problem(409), "done");
        let listed = s.items(&s.officer, &format!("/contracts/{}/audits", k.id));
        let mut due: Vec<String> = listed.iter().map(|a| text(a, "due_on")).collect();
        due.sort();
        assert_eq!(due, ["2026-08-31", "2027-02-28"]);
        // From the first due day, not from the shortened one; and past the contract's end, where it is silent.
        let second = listed.iter().find(|a| a["due_on"] == "2027-02-28").map(|a| text(a, "id")).unwrap();
        app.move_to("2027-03-30");
        let done = complete(&s.auditor, &second, &json!({"done_on": "2027-03-30"})).must(200);
        assert_eq!(done["next_due_on"], "2027-08-31");
        app.move_to("2027-09-01");
        sweep(&app.app, day("2027-09-01"), true).unwrap();
        assert!(s.alerts("audit_overdue").iter().all(|(state, _)| state == "resolved"));
        let third = s.items(&s.officer, &format!("/contracts/{}/audits", k.id)).iter().find(|a| a["due_on"] == "2027-08-31").map(|a| text(a, "id")).unwrap();
        assert!(s.alerts("audit_due").iter().all(|(_, subject)| *subject != third));
    }

    fn an_audit_due_becomes_one_overdue_alert_and_done_resolves_it(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        assert_eq!(s.alerts("audit_missing").len(), 1, "a 年度 without an on-site audit");
        let body = json!({"kind": "on_site", "due_on": "2026-12-01"});
        let id = text(&s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), body).must(201), "id");
        assert_eq!(s.alerts("audit_missing")[0].0, "resolved");
        let on = |to: &str| { app.move_to(to); sweep(&app.app, day(to), false).unwrap(); };
        on("2026-09-01");
        assert_eq!(s.alerts("audit_due"), [], "91 days before");
        on("2026-09-02");
        assert_eq!(s.alerts("audit_due"), [("open".to_owned(), id.clone())]);
        for to in ["2026-11-01", "2026-11-24", "2026-12-01"] {
            on(to);
        }
        assert_eq!(s.alerts("audit_due"), [("open".to_owned(), id.clone())], "its steps are reminders");
        on("2026-12-02");
        assert_eq!(s.alerts("audit_due"), [("resolved".to_owned(), id.clone())]);
        assert_eq!(s.alerts("audit_overdue"), [("open".to_owned(), id.clone())]);
        let done = json!({"done_on": "2026-12-02", "result": "pass", "findings": []});
        let done = s.post(&s.officer, &format!("/audits/{id}/complete"), done).must(200);
        assert_eq!(done.get("next_due_on"), None, "it does not recur");
        assert_eq!(s.alerts("audit_overdue"), [("resolved".to_owned(), id)]);
    }

    fn an_audit_planned_by_mistake_is_cancelled_with_a_reason(app: TestApp) {
        let s = Stage::new(app);
        let stranger = app.person(app.agency("B1"), &[Role::Officer]);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let audits = format!("/contracts/{}/audits", k.id);
        let plan = |body: Value| text(&s.post(&s.officer, &audits, body).must(201), "id");
        let id = plan(json!({"kind": "on_site", "due_on": "2026-09-01", "every_months": 6, "engagement_id": b}));
        assert_eq!(s.alerts("audit_missing")[0].0, "resolved");
        app.move_to("2026-09-02");
        sweep(&app.app, day("2026-09-02"), false).unwrap();
        assert_eq!(s.alerts("audit_overdue"), [("open".to_owned(), id.clone())]);

        let cancel = |who, id: &str, body: Value| s.post(who, &format!("/audits/{id}/cancel"), body);
        let why = json!({"reason": "二重に登録した"});
        for who in [&s.approver, &s.a.user, &s.b.user] {
            cancel(who, &id, why.clone()).must(403);
        }
        cancel(&stranger, &id, why.clone()).must(404);
        assert_eq!(cancel(&s.officer, &id, json!({})).errors(), [("/reason".to_owned(), "required".to_owned())]);
        assert_eq!(s.alerts("audit_overdue"), [("open".to_owned(), id.clone())], "nothing was cancelled");
        let cancelled = cancel(&s.auditor, &id, why.clone()).must(200);
        let told = |view: &Value| (view["cancelled_on"].clone(), view["cancellation_reason"].clone(), view["done_on"].clone());
        let expected = (json!("2026-09-02"), json!("二重に登録した"), Value::Null);
        assert_eq!(told(&cancelled), expected);
        // It is due no more, for that reason; and its year has no on-site audit again.
        let alert = &s.items(&s.officer, "/alerts?kind=audit_overdue")[0];
        assert_eq!((&alert["state"], &alert["resolution"]), (&json!("resolved"), &json!("計画が取り消されました（理由：二重に登録した）")));
        let mut missing: Vec<_> = s.alerts("audit_missing").into_iter().map(|(state, _)| state).collect();
        missing.sort();
        assert_eq!(missing, ["open", "resolved"]);
        // No second time, and no completion; so no next one of the series.
        assert_eq!(cancel(&s.officer, &id, why.clone()).problem(409), "cancelled");
        let done = json!({"done_on": "2026-09-02", "result": "pass", "findings": []});
        assert_eq!(s.post(&s.officer, &format!("/audits/{id}/complete"), done.clone()).problem(409), "cancelled");
        assert_eq!(s.items(&s.officer, &audits).len(), 1);
        for who in [&s.officer, &s.a.user, &s.b.user] {
            let seen = s.items(who, &audits);
            assert_eq!((seen.len(), told(&seen[0])), (1, expected.clone()));
            let ledger = s.items(who, &format!("/ledger?subject={id}"));
            let actions: Vec<_> = ledger.iter().map(|entry| text(entry, "action")).filter(|action| action.starts_with("audit.")).collect();
            assert_eq!(actions, ["audit.planned", "audit.cancelled"]);
            let entry = ledger.iter().find(|entry| entry["action"] == "audit.cancelled").unwrap();
            assert_eq!(entry["payload"], json!({"audit_id": id, "engagement_id": b, "reason": "二重に登録した", "on": "2026-09-02", "unannounced": false}));
        }
        app.move_to("2027-03-05");
        sweep(&app.app, day("2027-03-05"), true).unwrap();
        assert_eq!(s.alerts("audit_overdue"), [("resolved".to_owned(), id)]);
        // What is done stays done.
        let other = plan(json!({"kind": "document", "due_on": "2027-03-31"}));
        s.post(&s.officer, &format!("/audits/{other}/complete"), json!({"done_on": "2027-03-05", "result": "pass", "findings": []})).must(200);
        assert_eq!(cancel(&s.officer, &other, why).problem(409), "done");
    }

    fn a_vendor_sees_the_audits_of_its_own_branch(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let c = k.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        k.consent(&s.a, &k.root, &s.d, "2026-04-01", "2026-12-31");
        for engagement in [Value::Null, json!(b), json!(c)] {
            let body = json!({"kind": "document", "due_on": "2026-09-30", "engagement_id": engagement, "auditor": "監査班"});
            s.post(&s.officer, &format!("/contracts/{}/audits", k.id), body).must(201);
        }
        let listed = |who| s.items(who, &format!("/contracts/{}/audits", k.id));
        assert_eq!([&s.officer, &s.a.user, &s.b.user, &s.c.user, &s.d.user].map(|who| listed(who).len()), [3, 3, 2, 1, 0]);
        let page = s.get(&s.c.user, &format!("/contracts/{}/audits?limit=1", k.id)).must(200);
        assert_eq!((page["items"].as_array().unwrap().len(), &page["next_cursor"]), (1, &Value::Null), "pages are cut from its own");
        let first = s.get(&s.b.user, &format!("/contracts/{}/audits?limit=1", k.id)).must(200);
        let next = format!("/contracts/{}/audits?limit=1&cursor={}", k.id, text(&first, "next_cursor"));
        let second = s.get(&s.b.user, &next).must(200);
        assert_eq!((second["items"].as_array().unwrap().len(), &second["next_cursor"]), (1, &Value::Null));
        assert_ne!(first["items"], second["items"]);
        assert_eq!(listed(&s.c.user)[0].get("auditor"), None);
        assert_eq!(listed(&s.officer)[0]["auditor"], "監査班");
        s.get(&s.e.user, &format!("/contracts/{}/audits", k.id)).must(404);
    }
}

both! {
    fn the_audits_of_a_year_stand_in_order_of_their_days(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let other = s.contract_with(&json!({"number": "R8-第二", "title": "架空第二業務"}));
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let plan = |contract: &str, due_on: &str, more: &Value| {
            let body = with(json!({"kind": "document", "due_on": due_on}), more);
            text(&s.post(&s.officer, &format!("/contracts/{contract}/audits"), body).must(201), "id")
        };
        let done = plan(&k.id, "2026-09-30", &json!({"every_months": 12}));
        let late = plan(&other.id, "2026-06-30", &json!({"kind": "on_site"}));
        let same_day = plan(&other.id, "2026-09-30", &json!({}));
        let below = plan(&k.id, "2027-03-31", &json!({"engagement_id": b}));
        let gone = plan(&k.id, "2026-07-31", &json!({}));
        app.move_to("2026-09-01");
        s.post(&s.officer, &format!("/audits/{gone}/cancel"), json!({"reason": "誤り"})).must(200);
        let finding = json!({"text": "施錠", "severity": "軽微", "due_on": "2026-10-31"});
        s.post(&s.officer, &format!("/audits/{done}/complete"), json!({"done_on": "2026-09-01", "result": "findings", "findings": [finding]})).must(200);

        let ids = |path: &str| s.items(&s.officer, path).iter().map(|it| text(it, "id")).collect::<Vec<_>>();
        let mut twins = [done.clone(), same_day.clone()];
        twins.sort();
        let [first, second] = twins;
        let whole = vec![late.clone(), gone.clone(), first, second, below.clone()];
        assert_eq!(ids("/audits"), whole, "today's year");
        assert_eq!(ids("/audits?fiscal_year=2026"), whole);
        for limit in 1..=3 {
            let (mut walked, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = s.get(&s.officer, &format!("/audits?limit={limit}{cursor}")).must(200);
                walked.extend(page["items"].as_array().unwrap().iter().map(|it| text(it, "id")));
                assert_eq!((&page["planned"], &page["done"], &page["overdue"]), (&json!(4), &json!(1), &json!(1)));
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(walked, whole, "by {limit}");
        }
        assert_eq!(ids("/audits?state=open"), [late.clone(), same_day, below.clone()]);
        assert_eq!(ids("/audits?state=overdue"), [late]);
        assert_eq!(ids("/audits?state=done"), std::slice::from_ref(&done));
        assert_eq!(ids("/audits?state=cancelled"), [gone]);
        assert_eq!(ids("/audits?fiscal_year=2025"), [""; 0]);
        let year = s.get(&s.officer, "/audits?fiscal_year=2027").must(200);
        assert_eq!((&year["fiscal_year"], &year["planned"], year["items"].as_array().unwrap().len()), (&json!(2027), &json!(0), 1), "the next of the series is due after the contract's end");
        let year = s.get(&s.officer, "/audits").must(200);
        assert_eq!(year["without_on_site"], 1, "the other contract has one planned");
        assert_eq!(year["items"][0]["vendor_name"], "架空甲データ株式会社", "none named: the prime's");
        assert_eq!((&year["items"][0]["contract_title"], &year["items"][0]["overdue"]), (&json!("架空第二業務"), &json!(true)));
        let shown = year["items"].as_array().unwrap().iter().find(|it| it["id"] == done.as_str()).unwrap();
        assert_eq!((&shown["findings"], &shown["result"], &shown["overdue"]), (&json!(1), &json!("findings"), &json!(false)));

        let year = s.get(&s.b.user, "/audits").must(200);
        assert_eq!((&year["planned"], year["items"].as_array().unwrap().len(), year.get("without_on_site")), (&json!(1), 1, None));
        assert_eq!((&year["items"][0]["id"], &year["items"][0]["vendor_name"]), (&json!(below), &json!("架空乙入力株式会社")));
        s.get(&s.b.user, &format!("/audits/{done}")).must(404);
        s.get(&s.b.user, &format!("/audits/{below}")).must(200);
        s.get(&s.c.user, &format!("/audits/{below}")).must(404);
        for wrong in ["fiscal_year=1800", "fiscal_year=99999999", "fiscal_year=x", "state=late", "cursor=eA", "limit=0"] {
            s.get(&s.officer, &format!("/audits?{wrong}")).must(422);
        }
    }
}
