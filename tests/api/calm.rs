//! Red for what is late or grave; how grave an alert is looks otherwise than where it stands; and several of them taken
//! up at once. Issue 10, numbers 8 and 10f.

use itaku::schedule::sweep::sweep;
use serde_json::{Value, json};

use crate::stage::{Stage, text};
use crate::support::{TestApp, both};

fn words(answer: &crate::support::Answer) -> &str {
    answer.body.as_str().unwrap()
}

both! {
    fn n08_an_information_is_calm_and_red_is_for_what_is_late_or_grave(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let audit = json!({"kind": "on_site", "due_on": "2026-10-01"});
        let audit = text(&s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), audit).must(201), "id");
        let row = |on: &str| {
            app.move_to(on);
            sweep(&app.app, on.parse().unwrap(), false).unwrap();
            let list = app.tab(&s.auditor).open("/alerts");
            let rows = words(&list).split("<tr>").skip(1).map(|row| row.split("</tr>").next().unwrap());
            let rows: Vec<&str> = rows.filter(|row| row.contains("検査・点検の期限")).collect();
            assert_eq!(rows.len(), 1, "{rows:#?}");
            rows[0].to_owned()
        };
        let info = row("2026-07-10");
        assert!(info.contains(r#"<span class="tag quiet-tone">情報</span>"#), "{info}");
        assert!(info.contains(r#"<span class="state waiting">未対応</span>"#), "{info}");
        assert!(!info.contains("bad") && !info.contains("late"), "{info}");
        let warning = row("2026-09-25");
        assert!(warning.contains(r#"<span class="tag careful">注意</span>"#) && !warning.contains("tag bad"), "{warning}");
        let grave = row("2026-10-02");
        assert!(grave.contains(r#"<span class="tag bad">重大</span>"#), "{grave}");
        assert!(grave.contains(r#"<span class="late">超過</span>"#), "{grave}");
        assert!(grave.contains(r#"<span class="state waiting">未対応</span>"#), "{grave}");
        let alert = s.items(&s.auditor, "/alerts?kind=audit_overdue").remove(0);
        assert_eq!(text(&alert, "subject"), audit);
        let page = app.tab(&s.auditor).open(&format!("/alerts/{}", text(&alert, "id")));
        assert!(words(&page).contains(r#"<span class="state waiting">未対応</span>"#));
        app.post(&app.log_in(&s.auditor), &format!("/alerts/{}/acknowledge", text(&alert, "id")), Value::Null).must(200);
        let page = app.tab(&s.auditor).open(&format!("/alerts/{}", text(&alert, "id")));
        assert!(words(&page).contains(r#"<span class="state busy">対応中</span>"#));
    }

    fn n10f_all_of_a_filter_are_taken_up_by_number_and_none_that_was_not_seen(app: TestApp) {
        let s = Stage::new(app);
        for number in 1..=52 {
            let k = s.contract_with(&json!({"number": format!("R8-1{number:02}"), "subcontracting": {"policy": "prohibited", "max_tier": 2, "overseas": "prohibited"}}));
            let seen = json!({"parent_engagement_id": k.root, "vendor_id": s.b.id, "started_on": "2026-04-01"});
            if number <= 11 {
                k.observe("audit", seen);
            }
        }
        let tab = app.tab(&s.officer);
        let missing = "/alerts/acknowledge-matching?kind=audit_missing";
        let shown = tab.open(missing);
        assert!(words(&shown).contains("未対応のアラートは52件です") && words(&shown).contains("52件に着手する"), "{}", words(&shown));
        let up_to = words(&shown).split_once(r#"name="up_to" value=""#).unwrap().1.split_once('"').unwrap().0.to_owned();
        // A page of the list says how many it holds, and offers the others too.
        let list = tab.open("/alerts?kind=audit_missing");
        let said = words(&list);
        assert!(said.contains("この画面の未対応50件を選ぶ") && said.contains("条件に合う未対応52件すべてに着手する"), "{said}");
        app.move_to("2026-04-02");
        let tab = app.tab(&s.officer);
        s.contract_with(&json!({"number": "R8-199"}));
        let done = tab.submit(missing, &[("up_to", &up_to)]);
        assert_eq!((done.status, done.header("location")), (303, Some("/alerts/acknowledge-matching?kind=audit_missing&done=acknowledged")));
        let open = s.items(&s.officer, "/alerts?kind=audit_missing&state=open");
        assert_eq!(open.len(), 1, "one more had come since: {open:#?}");
        assert_eq!(open[0]["contract_number"], "R8-199");
        let shown = tab.open(missing);
        assert!(words(&shown).contains("未対応のアラートは1件です"));
        let up_to = words(&shown).split_once(r#"name="up_to" value=""#).unwrap().1.split_once('"').unwrap().0.to_owned();
        let done = tab.submit(missing, &[("up_to", &up_to)]);
        assert_eq!(done.header("location"), Some("/alerts?kind=audit_missing&done=acknowledged"));
        assert!(words(&tab.open(missing)).contains("条件に合う未対応のアラートはありません"));
        assert!(words(&tab.open("/alerts/acknowledge-matching?state=acknowledged")).contains("ありません"));
        // Home names ten of the grave ones, and how many there are.
        let home = tab.open("/home");
        let grave = s.items(&s.officer, "/alerts?severity=critical&limit=200").len();
        assert!(grave > 10, "{grave}");
        assert!(words(&home).contains(&format!("重大なアラート{grave}件をすべて見る")), "{}", words(&home));
    }
}
