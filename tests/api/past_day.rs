//! The chain's page on a past day, and of many: every word, colour and row is of the day asked for; what is in order folds.
#![expect(clippy::many_single_char_names, reason = "the vendors of the stage are called so")]

use itaku::domain::access::Role;
use itaku::service::export::Register;
use serde_json::{Value, json};

use crate::imports::put_out;
use crate::stage::{Stage, nodes, text, used, used_under};
use crate::support::{TestApp, both};

/// What stands between two marks of a page.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let start = page.find(from).unwrap_or_else(|| panic!("{from} in the page"));
    let rest = &page[start..];
    &rest[..rest.find(to).unwrap_or(rest.len())]
}

both! {
    fn n10a_a_past_day_says_nothing_of_later_days(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        app.move_to("2026-05-20");
        let (application, c) = k.apply(&s.b, &b, &s.c, "2026-07-01", "2026-12-31");
        app.move_to("2026-06-10");
        k.review(&application);
        k.decide(&application, &json!({})).must(200);
        app.move_to("2026-10-01");
        k.revoke(&b, "2026-10-01").must(200);
        app.move_to("2026-11-01");
        k.declare(&s.a, &[used_under(&k.root, &s.d, "2026-11-01", None)]);
        app.move_to("2026-11-15");
        let d = nodes(&k.chain("")).iter().find(|node| node["vendor"]["id"] == json!(s.d.id)).map(|node| text(node, "engagement_id")).unwrap();

        let on = |day: &str, id: &str| text(&k.node(id, &format!("?as_of={day}")), "state");
        assert_eq!(on("2026-05-19", &c), "unapproved", "not yet applied for");
        assert_eq!(on("2026-06-01", &c), "applied");
        assert_eq!(on("2026-06-10", &c), "consented");
        let since = |id: &str| text(&k.node(id, "?as_of=2026-06-01"), "since");
        assert_eq!([&k.root, &b, &c, &d].map(|id| since(id)), ["2026-04-01", "2026-04-01", "2026-05-20", "2026-11-01"]);

        let path = format!("/contracts/{}/chain", k.id);
        let tab = app.tab(&s.officer);
        let page = |query: &str| tab.open(&format!("{path}{query}")).body.as_str().unwrap_or_default().to_owned();
        let june = page("?as_of=2026-06-01");
        // Nor of what the contract has come to since.
        let head = between(&june, "<h1>", "<nav class=\"tabs\"");
        assert!(!head.contains("未解決のアラート") && !head.contains("履行中"), "{head}");
        assert!(between(&page(""), "<h1>", "<nav class=\"tabs\"").contains("未解決のアラート"));
        let place = |page: &str, id: &str| between(page, &format!("id=\"e-{id}\""), "</div>").to_owned();
        assert!(place(&june, &c).contains("申請中"), "{}", place(&june, &c));
        assert!(!place(&june, &c).contains("承認の期間"), "the consent came later");
        assert!(!june.contains(&format!("id=\"e-{d}\"")), "it came in November");
        assert!(between(&june, "この日より後に加わった先（1件）", "</details>").contains("架空丁計算株式会社"));
        let listed = between(&june, "この契約の申請", "</table>");
        assert!(listed.contains("申請中") || listed.contains("審査中"), "{listed}");
        let before = page("?as_of=2026-05-19");
        assert!(!before.contains(&format!("id=\"e-{c}\"")) && !between(&before, "<h3>申請</h3>", "<h3>").contains("架空丙企画"));

        // So does what is put out for that day.
        let rows = put_out(app, Register::Subcontracts, "2026-06-01");
        let told: Vec<_> = rows.iter().map(|row| (row["vendor"].as_str(), row["state"].as_str(), row["consent_until"].as_str())).collect();
        assert_eq!(told[1..], [("架空乙入力株式会社", "consented", "2026-09-30"), ("架空丙企画株式会社", "applied", "")]);
        assert_eq!(put_out(app, Register::Subcontracts, "2026-11-15").len(), 4);

        // Its own consent holds, the one above it does not: the badge and the sentence say one thing.
        let now = page("");
        assert!(now.contains(&format!("id=\"e-{d}\"")) && !now.contains("この日より後に加わった"));
        assert!(place(&now, &c).contains("承認（上位の承認なし）"), "{}", place(&now, &c));
        let july = place(&page("?as_of=2026-06-20"), &c);
        assert!(july.contains("承認（期間の開始前）") && july.contains("まだ始まっていません"), "{july}");
        // What ran on that day and has an end since is not told as running on.
        let early = place(&page("?as_of=2026-11-02"), &d);
        assert!(early.contains("この日も継続") && !early.contains("このままなら"), "{early}");
        assert!(place(&now, &d).contains("このままなら"));
    }

    fn n10a_a_vendor_learns_nothing_of_what_the_agency_saw(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-06-01");
        k.observe("audit", used_under(&k.root, &s.b, "2026-05-01", None));
        app.move_to("2026-07-01");
        let b = nodes(&k.chain("")).iter().find(|node| node["tier"] == 2).map(|node| text(node, "engagement_id")).unwrap();
        k.declare(&s.a, &[used(&b, "2026-06-15", None)]);
        let since = |chain: &Value| nodes(chain).iter().find(|node| node["tier"] == 2).map(|node| text(node, "since"));
        assert_eq!(since(&k.chain("")).as_deref(), Some("2026-05-01"));
        assert_eq!(since(&k.chain_of(&s.a)).as_deref(), Some("2026-06-15"));
    }

    fn n10d_a_large_chain_folds_what_is_in_order(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"subcontracting": {"policy": "notice_only", "max_tier": null, "overseas": "prohibited"},
            "data": [{"category": "personal", "persons": 9000}]}));
        let others: Vec<Value> = (1..=40)
            .map(|n| json!({"parent_engagement_id": k.root, "started_on": "2026-04-01", "vendor": {"name": format!("架空第{n}入力株式会社"), "country": "JP"}}))
            .collect();
        k.declare(&s.a, &others);
        let names = ["い", "ろ", "は", "に", "ほ", "へ"].map(|name| format!("架空{name}社"));
        let mut above = text(&nodes(&k.chain(""))[1], "engagement_id");
        for name in &names {
            let deeper = json!({"parent_engagement_id": above, "started_on": "2026-04-01", "vendor": {"name": name, "country": "JP"}});
            k.declare(&s.a, &[deeper]);
            above = nodes(&k.chain("")).iter().find(|node| node["vendor"]["name"] == json!(name)).map(|node| text(node, "engagement_id")).unwrap();
        }
        let path = format!("/contracts/{}/chain", k.id);
        let page = |tab: &crate::support::browser::Tab<'_>| tab.open(&path).body.as_str().unwrap_or_default().to_owned();
        let tab = app.tab(&s.officer);
        let calm = page(&tab);
        let folded = between(&calm, "<details class=\"fold\">", "<h3>申請</h3>");
        assert!(folded.contains("承認のない使用が続いていない再委託先 46件"), "{folded}");
        assert!(calm.contains("47件の体制です。承認のない使用が続いている先はありません。"));
        assert!(folded.contains("承認を要しない") && folded.contains("上位: 架空に社"), "{folded}");
        // Without the clause every use wants a consent: the last place is used without one, and the way down to it is open.
        let strict = s.contract_with(&json!({"number": "R8-2", "subcontracting": {"policy": "consent_required", "max_tier": null, "overseas": "prohibited"}}));
        let b = strict.consent(&s.a, &strict.root, &s.b, "2026-04-01", "2026-12-31");
        let c = strict.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        for n in 1..=30 {
            let vendor = app.vendor(&format!("架空番号{n}社"));
            let side = crate::stage::Side { id: vendor, user: app.person(vendor, &[Role::VendorUser]) };
            assert_eq!(strict.record(&strict.root, &side, &json!({"document_number": format!("架第{n}号"), "decided_on": "2026-04-01"})).status, 201);
        }
        strict.declare(&s.a, &[used_under(&c, &s.e, "2026-04-01", None)]);
        let grave = app.tab(&s.officer).open(&format!("/contracts/{}/chain", strict.id));
        let grave = grave.body.as_str().unwrap_or_default();
        let fold = grave.find("<details class=\"fold\">").unwrap();
        let e = nodes(&strict.chain("")).iter().find(|node| node["vendor"]["id"] == json!(s.e.id)).map(|node| text(node, "engagement_id")).unwrap();
        for open in [&b, &c, &e] {
            assert!(grave.find(&format!("id=\"e-{open}\"")).unwrap() < fold, "{open} stands open");
        }
        assert!(grave.contains("続いていない再委託先 30件"));
        assert!(between(grave, "件の体制です", "</p>").contains(&format!("href=\"#e-{e}\">架空戊印刷株式会社</a>")));
    }
}
