//! 指摘 until their life comes: 未確認 past their 改善の期限, and 是正確認 recorded by the auditor. Issue 10, number 7.

use serde_json::{Value, json};

use crate::stage::{Stage, text};
use crate::support::{Answer, TestApp, both};

fn words(answer: &Answer) -> &str {
    answer.body.as_str().unwrap()
}

/// Day and words of each finding's confirmation.
fn confirmed(audit: &Value) -> Vec<(Value, Value)> {
    let findings = audit["findings"].as_array().unwrap().iter();
    findings.map(|it| (it["confirmed_on"].clone(), it["confirmation"].clone())).collect()
}

both! {
    fn n07_findings_are_tasks_of_the_agency_and_of_who_has_to_put_them_right(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let plan = json!({"kind": "on_site", "due_on": "2026-04-30", "unannounced": true});
        let id = text(&s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), plan).must(201), "id");
        let tasks = |who| s.items(who, "/tasks?kind=finding");
        assert_eq!(tasks(&s.a.user), Vec::<Value>::new());
        let finding = |said: &str, due: &str| json!({"text": said, "severity": "軽微", "due_on": due});
        let found = [finding("持出しの記録がない", "2026-05-20"), finding("施錠の記録がない", "2026-04-20")];
        let done = json!({"done_on": "2026-04-01", "result": "findings", "findings": found});
        let audit = s.post(&s.auditor, &format!("/audits/{id}/complete"), done).must(200);
        let due = |rows: &[Value]| -> Vec<(String, String, i64)> {
            rows.iter().map(|it| (text(it, "message"), text(it, "due_on"), it["days_left"].as_i64().unwrap())).collect()
        };
        let both = vec![
            ("施錠の記録がない".to_owned(), "2026-04-20".to_owned(), 19),
            ("持出しの記録がない".to_owned(), "2026-05-20".to_owned(), 49),
        ];
        for who in [&s.officer, &s.auditor, &s.a.user] {
            assert_eq!(due(&tasks(who)), both, "the soonest first");
            assert_eq!(tasks(who)[0]["audit_id"], json!(id));
        }
        assert_eq!(tasks(&s.b.user), Vec::<Value>::new(), "none of its places");
        assert_eq!(s.items(&s.officer, "/tasks?kind=finding&until=2026-04-30").len(), 1);
        let read = |who, path: &str| words(&app.tab(who).open(path)).to_owned();
        app.move_to("2026-04-25");
        for (who, act) in [(&s.officer, "是正確認"), (&s.auditor, "是正確認"), (&s.a.user, "改善")] {
            let home = read(who, "/home");
            let row = format!("架空甲データ株式会社の実地検査の指摘の{act}");
            assert!(home.contains(&row) && home.contains("施錠の記録がない") && home.contains("5日超過"), "before any sweep: {home}");
            let count = if act == "改善" { "改善の期限を過ぎた自社への指摘" } else { "改善の期限を過ぎた指摘" };
            let count = format!(r#"<a href="/tasks?kind=finding&within=overdue"><strong>1<span class="unit">件</span></strong>{count}"#);
            assert!(home.contains(&count) || home.contains(&count.replace('&', "&amp;")), "{home}");
            assert!(read(who, "/tasks?kind=finding&within=overdue").contains(&format!("/audits/{id}")));
        }
        // Confirmed, it is nobody's any more; taken back, it is again; withdrawn by a correction, it never was.
        let finding_id = audit["findings"].as_array().unwrap().iter().find(|it| it["due_on"] == "2026-04-20").map(|it| text(it, "id")).unwrap();
        let confirm = |body: Value| s.post(&s.auditor, &format!("/audits/{id}/confirm"), body).must(200);
        confirm(json!({"finding_ids": [finding_id], "confirmed_on": "2026-04-24", "note": "写し"}));
        assert_eq!(due(&tasks(&s.a.user)).len(), 1);
        confirm(json!({"finding_ids": [finding_id], "withdrawn": true, "note": "別の検査の記録だった"}));
        assert_eq!(due(&tasks(&s.a.user)).len(), 2);
        let right = json!({"done_on": "2026-04-01", "result": "pass", "findings": [], "reason": "誤り"});
        s.post(&s.auditor, &format!("/audits/{id}/correct"), right).must(200);
        assert_eq!((tasks(&s.a.user).len(), tasks(&s.officer).len()), (0, 0));
    }

    fn n07_findings_say_whether_they_were_put_right_and_the_auditor_records_it(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let plan = json!({"kind": "on_site", "due_on": "2026-04-30"});
        let id = text(&s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), plan).must(201), "id");
        let at = |step: &str| format!("/audits/{id}/{step}");
        let early = json!({"finding_ids": [id], "confirmed_on": "2026-04-01"});
        assert_eq!(s.post(&s.auditor, &at("confirm"), early).problem(409), "not_done");
        let finding = |said: &str| json!({"text": said, "severity": "軽微", "due_on": "2026-04-20"});
        let done = json!({"done_on": "2026-04-01", "result": "findings", "findings": [finding("施錠の記録がない"), finding("持出しの記録がない")]});
        let audit = s.post(&s.auditor, &at("complete"), done).must(200);
        let ids: Vec<String> = audit["findings"].as_array().unwrap().iter().map(|it| text(it, "id")).collect();
        assert_eq!(confirmed(&audit), vec![(Value::Null, Value::Null); 2]);
        let page = |who| words(&app.tab(who).open(&format!("/audits/{id}"))).to_owned();
        assert!(page(&s.a.user).matches(">未確認</span>").count() == 2 && !page(&s.a.user).contains("期限超過"));
        // Its page says what is asked of the vendor, and whom to tell: the same as its contract's.
        let asked = page(&s.a.user);
        assert!(asked.contains("次にすること") && asked.contains("問合せ先: "), "{asked}");
        assert!(words(&app.tab(&s.a.user).open(&format!("/contracts/{}", k.id))).contains("問合せ先"));
        assert!(!page(&s.officer).contains("問合せ先"));
        app.move_to("2027-04-21");
        assert_eq!(page(&s.a.user).matches(r#"<span class="tag bad">未確認・期限超過</span>"#).count(), 2);
        let of_contract = words(&app.tab(&s.officer).open(&format!("/contracts/{}/audits", k.id))).to_owned();
        assert_eq!(of_contract.matches("未確認・期限超過").count(), 2);
        // What can't be, and who may not.
        let body = |day: &str| json!({"finding_ids": [ids[0]], "confirmed_on": day, "note": "写しを確認した"});
        for (body, pointer) in [
            (body("2026-03-31"), "/confirmed_on"),
            (body("2027-04-22"), "/confirmed_on"),
            (json!({"finding_ids": [ids[0]]}), "/confirmed_on"),
            (json!({"finding_ids": [], "confirmed_on": "2026-05-01"}), "/finding_ids"),
            (json!({"finding_ids": [k.root], "confirmed_on": "2026-05-01"}), "/finding_ids/0"),
            (json!({"finding_ids": [ids[0]], "withdrawn": true}), "/note"),
        ] {
            assert_eq!(s.post(&s.auditor, &at("confirm"), body).must(422)["errors"][0]["pointer"], pointer);
        }
        s.post(&s.approver, &at("confirm"), body("2026-05-01")).must(403);
        let audit = s.post(&s.auditor, &at("confirm"), body("2026-05-01")).must(200);
        assert_eq!(confirmed(&audit), [(json!("2026-05-01"), json!("写しを確認した")), (Value::Null, Value::Null)]);
        let shown = page(&s.a.user);
        assert!(shown.contains(r#"<span class="tag good">是正確認</span>"#) && shown.contains("写しを確認した"), "{shown}");
        let year = s.get(&s.officer, "/audits?fiscal_year=2026").must(200);
        assert_eq!((&year["items"][0]["findings"], &year["items"][0]["unconfirmed"]), (&json!(2), &json!(1)));
        // The vendor reads the entry. A slip is taken back, and what stands is what the ledger says.
        let chain = s.get(&s.a.user, &format!("/ledger?subject={}&limit=200", k.id)).must(200).to_string();
        assert!(chain.contains("audit.findings_confirmed") && chain.contains("写しを確認した"), "{chain}");
        // In the browser, by way of the page on which it is looked at once more.
        let tab = app.tab(&s.auditor);
        let form = at("confirm");
        assert!(words(&tab.open(&form)).contains("持出しの記録がない（軽微、改善の期限"));
        let shown = words(&tab.open(&form)).to_owned();
        assert!(shown.contains("value=\"2027-04-21\"") && !shown.contains("是正を確認した日<span class=\"optional\">"), "{shown}");
        let fields = [("finding_ids/0", ids[1].as_str()), ("confirmed_on", "R8.5.2"), ("note", "現地で確認した")];
        let asked = tab.submit(&form, &fields);
        assert!(asked.status == 200 && words(&asked).contains("是正の確認の内容を確かめる"), "{}", words(&asked));
        let sure = [&fields[..], &[("_sure", "1")]].concat();
        assert_eq!(tab.submit(&form, &sure).status, 303);
        let audit = s.get(&s.auditor, &format!("/audits/{id}")).must(200);
        assert_eq!(confirmed(&audit)[1], (json!("2026-05-02"), json!("現地で確認した")));
        let back = json!({"finding_ids": [ids[1]], "withdrawn": true, "note": "別の検査の記録だった"});
        let audit = s.post(&s.officer, &at("confirm"), back).must(200);
        assert_eq!(confirmed(&audit)[1], (Value::Null, Value::Null));
        // A finding that stays in a correction stays confirmed.
        let right = json!({"done_on": "2026-04-01", "result": "findings", "reason": "追記", "findings": [finding("施錠の記録がない"), finding("鍵の管理簿がない")]});
        let audit = s.post(&s.auditor, &at("correct"), right).must(200);
        assert_eq!(confirmed(&audit), [(json!("2026-05-01"), json!("写しを確認した")), (Value::Null, Value::Null)]);
        let gone = json!({"finding_ids": [ids[1]], "confirmed_on": "2026-05-03"});
        assert_eq!(s.post(&s.auditor, &at("confirm"), gone).must(422)["errors"][0]["pointer"], "/finding_ids/0");
        itaku::service::ledger::publish_key(&app.app).unwrap();
        itaku::service::verify::verify_ledger(&app.app.db).unwrap().unwrap();
    }
}
