//! Who is meant: names without a number, numbers without a name, branches, former names, and numbers of contracts that
//! differ in nothing but their spelling.

use itaku::domain::access::Role;
use itaku::exchange::{contracts, register};
use itaku::service::contract::import::{ImportOptions, ImportSummary, import};
use itaku::service::register::import_register;
use itaku::service::verify::verify_ledger;
use serde_json::{Value, json};

use crate::stage::{Contract, Stage, content, nodes, text, with};
use crate::support::{TestApp, both};

/// The example worked in the ordinance's explanation; two that pass the check and can belong to nobody.
const NUMBER: &str = "8700110005901";
const OTHER: &str = "9000000000000";
const THIRD: &str = "7000012050002";

const HEADER: &str = "契約番号,件名,受託者法人番号,受託者名,契約金額（円）,契約日,開始日,終了日\r\n";

fn take(app: &TestApp, rows: &[(&str, &str, &str)]) -> ImportSummary {
    let lines = rows.iter().map(|(number, vendor, name)| {
        format!("{number},架空業務,{vendor},{name},1000,2026-04-01,2026-04-01,2027-03-31\r\n")
    });
    let text = format!("{HEADER}{}", lines.collect::<String>());
    let file = contracts::read(text.as_bytes(), app.app.today()).unwrap();
    import(&app.app, None, "A1", &file, ImportOptions { skip_bad: true, ..ImportOptions::default() }).unwrap()
}

/// A row of the corporate-number register.
fn registered(app: &TestApp, number: &str, process: &str, name: &str) {
    let row = format!(
        "1,{number},{process},0,2026-03-01,2026-03-01,\"{name}\",,301,\"架空県\",\"例示市\",\"一丁目\",,99,999,0000000,,,,,,,2026-03-01,1,,,,,\"カクウ\",0\r\n"
    );
    let summary = import_register(&app.app, &register::read(row.as_bytes()).unwrap()).unwrap();
    assert_eq!((summary.taken, summary.bad), (1, 0));
}

/// The agency's contract of that number.
fn found(s: &Stage<'_>, number: &str) -> Value {
    let mut items = s.items(&s.officer, &format!("/contracts?q={number}"));
    items.retain(|item| item["number"] == number);
    assert_eq!(items.len(), 1, "{number}");
    items.remove(0)
}

fn vendor_of(s: &Stage<'_>, number: &str) -> String {
    text(&found(s, number), "vendor_name")
}

fn verified(app: &TestApp) {
    itaku::service::ledger::publish_key(&app.app).unwrap();
    if let Err(bad) = verify_ledger(&app.app.db).unwrap() {
        panic!("{bad}");
    }
}

/// A use of a vendor named in words under the prime.
#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn inline(k: &Contract<'_>, vendor: Value) -> Value {
    json!({"parent_engagement_id": k.root, "vendor": vendor, "started_on": "2026-04-01"})
}

fn apply(k: &Contract<'_>, more: &Value) -> crate::support::Answer {
    let body = with(content("2026-05-01", "2026-12-31"), more);
    k.stage.post(&k.stage.a.user, &format!("/contracts/{}/applications", k.id), body)
}

/// The names under which the companies of a chain were named otherwise.
fn other_names(k: &Contract<'_>) -> Vec<(String, String, String)> {
    let all = nodes(&k.chain(""));
    let names = all.iter().flat_map(|node| node["other_names"].as_array().cloned().unwrap_or_default());
    names.map(|it| (text(&it, "name"), text(&it, "named_in"), text(&it, "likeness"))).collect()
}

fn entries_of(app: &TestApp, vendor: &str) -> Vec<String> {
    app.entries(vendor).into_iter().map(|(action, _)| action).collect()
}

both! {
    fn n01_a_placeholder_is_no_name(app: TestApp) {
        let s = Stage::new(app);
        let first = take(app, &[("N-1", NUMBER, ""), ("N-2", OTHER, ""), ("N-3", THIRD, "")]);
        assert_eq!((first.taken, first.bad), (3, 0), "{:?}", first.problems);
        assert_eq!(vendor_of(&s, "N-1"), format!("法人番号 {NUMBER}"));
        // By a file, with a row of a branch before that of the head office.
        let second = take(app, &[("N-4", NUMBER, "（株）架空データ　島田営業所"), ("N-5", NUMBER, "（株）架空データ")]);
        assert_eq!((second.taken, second.bad), (2, 0), "{:?}", second.problems);
        assert_eq!(vendor_of(&s, "N-1"), "（株）架空データ");
        // By the register.
        registered(app, OTHER, "01", "株式会社架空登記");
        assert_eq!(vendor_of(&s, "N-2"), "株式会社架空登記");
        // By a declaration, which is not refused.
        let k = s.contract();
        k.declare(&s.a, &[inline(&k, json!({"name": "架空申告株式会社", "corporate_number": THIRD}))]);
        assert_eq!(vendor_of(&s, "N-3"), "架空申告株式会社");
        assert_eq!(other_names(&k), vec![]);
        let third = text(&found(&s, "N-3"), "vendor_id");
        assert!(entries_of(app, &third).contains(&"organization.changed".to_owned()));
        // A name that was given stays: the next one is another's.
        assert_eq!(take(app, &[("N-6", THIRD, "株式会社別物")]).bad, 1);
        verified(app);
    }

    fn n01_a_name_never_refuses_what_is_declared_or_seen(app: TestApp) {
        let s = Stage::new(app);
        take(app, &[("N-1", NUMBER, "株式会社架空")]);
        let k = s.contract();
        let other = json!({"name": "株式会社別物", "corporate_number": NUMBER});
        k.declare(&s.a, &[inline(&k, other.clone())]);
        k.declare(&s.a, &[inline(&k, other.clone())]);
        k.observe("audit", inline(&k, json!({"name": "株式会社架空 大阪支店", "corporate_number": NUMBER})));
        let named = |name: &str, place: &str, likeness: &str| (name.to_owned(), place.to_owned(), likeness.to_owned());
        assert_eq!(other_names(&k), [named("株式会社別物", "declaration", "other"), named("株式会社架空 大阪支店", "observation", "akin")]);
        // The officer is told once, of the one that is another name.
        let alerts = s.items(&s.officer, "/alerts?kind=vendor_changed");
        assert_eq!(alerts.len(), 1);
        assert!(text(&alerts[0], "message").contains("株式会社別物"));
        // A vendor learns nothing of it; in an application the name is compared.
        assert!(nodes(&k.chain_of(&s.a)).iter().all(|node| node["other_names"].is_null()));
        assert_eq!(apply(&k, &json!({"parent_engagement_id": k.root, "vendor": other})).problem(409), "name_mismatch");
        verified(app);
    }

    fn n02_a_branch_and_a_new_legal_form_are_the_company(app: TestApp) {
        let s = Stage::new(app);
        let summary = take(app, &[
            ("N-1", NUMBER, "（株）架空"),
            ("N-2", NUMBER, "（株）架空　島田営業所"),
            ("N-3", NUMBER, "株式会社架空　代表取締役　例示太郎"),
            ("N-4", NUMBER, "有限会社架空"),
            ("N-5", NUMBER, "株式会社別物"),
            ("N-6", OTHER, "架空株式会社大阪支店"),
            ("N-7", OTHER, "架空株式会社名古屋支店"),
        ]);
        assert_eq!((summary.taken, summary.bad), (6, 1), "{:?}", summary.problems);
        let lines: Vec<u64> = summary.warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [3, 4, 5, 8]);
        for number in ["N-1", "N-2", "N-3", "N-4"] {
            assert_eq!(vendor_of(&s, number), "（株）架空", "{number}");
        }
        assert_eq!([vendor_of(&s, "N-6"), vendor_of(&s, "N-7")], ["架空株式会社"; 2]);
        // The branch stands on the contract as it was written.
        let id = text(&found(&s, "N-2"), "id");
        let chain = s.get(&s.officer, &format!("/contracts/{id}/chain")).must(200);
        assert_eq!(chain["root"]["other_names"][0]["name"], "（株）架空　島田営業所");
        // An application names a branch, too.
        let k = s.contract();
        let branch = json!({"name": "株式会社架空 大阪支店", "corporate_number": NUMBER});
        let filed = apply(&k, &json!({"parent_engagement_id": k.root, "vendor": branch})).must(201);
        assert_eq!(k.node(&text(&filed, "engagement_id"), "")["vendor"]["name"], "（株）架空");
        assert_eq!(other_names(&k).len(), 1);
        verified(app);
    }

    fn n03_a_number_is_one_whatever_its_width_case_and_dash(app: TestApp) {
        let s = Stage::new(app);
        let first = take(app, &[("R8-001", NUMBER, "株式会社架空"), ("Ｒ８－００１", NUMBER, "株式会社架空")]);
        assert_eq!((first.taken, first.duplicates, first.bad), (1, 1, 0));
        for number in ["Ｒ８－００１", "r8-001", "R8‐001"] {
            assert_eq!(take(app, &[(number, NUMBER, "株式会社架空")]).duplicates, 1, "{number}");
            let body = json!({"number": number, "title": "架空業務", "fiscal_year": 2026, "vendor_id": s.a.id, "amount_yen": 1,
                "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力", "data": [],
                "subcontracting": {"policy": "consent_required", "overseas": "prohibited"}, "declaration_interval": "none", "return_due_days": 14});
            assert_eq!(s.post(&s.officer, "/contracts", body).problem(409), "number_taken", "{number}");
        }
        s.contract_with(&json!({"number": "R8-1"}));
        for number in ["R8-10", "R8-2", "R8-002"] {
            s.contract_with(&json!({"number": number}));
        }
        // In order of their numbers, page by page.
        let mut numbers = Vec::new();
        let mut path = "/contracts?sort=number&limit=2".to_owned();
        loop {
            let page = s.get(&s.officer, &path).must(200);
            numbers.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "number")));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/contracts?sort=number&limit=2&cursor={cursor}");
        }
        assert_eq!(numbers, ["R8-1", "R8-001", "R8-2", "R8-002", "R8-10"]);
        verified(app);
    }

    fn n04_one_company_with_and_without_its_number(app: TestApp) {
        let s = Stage::new(app);
        let summary = take(app, &[
            ("N-1", "", "株式會社架空"),
            ("N-2", NUMBER, "（株）架空"),
            ("N-3", OTHER, "株式会社二社"),
            ("N-4", THIRD, "株式会社二社"),
            ("N-5", "", "㈱二社"),
        ]);
        assert_eq!((summary.taken, summary.bad, summary.new_vendors), (5, 0, 4), "{:?}", summary.problems);
        let lines: Vec<u64> = summary.warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [2, 6]);
        assert!(summary.warnings[0].message.contains(NUMBER) && summary.warnings[1].message.contains(OTHER));
        assert_eq!(found(&s, "N-1")["vendor_id"], found(&s, "N-2")["vendor_id"]);
        // In another run, the vendor is there.
        let again = take(app, &[("N-6", "", "株式会社架空")]);
        assert_eq!((again.new_vendors, again.warnings.len()), (0, 1));
        assert_eq!(found(&s, "N-6")["vendor_id"], found(&s, "N-1")["vendor_id"]);
        verified(app);
    }

    fn n20_a_company_declared_without_its_number_is_asked_for(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        k.declare(&s.a, &[inline(&k, json!({"name": "株式会社架空データ"}))]);
        let there = text(&nodes(&k.chain(""))[1], "engagement_id");
        assert_eq!(s.alerts("unapproved_subcontractor").len(), 1);
        let numbered = json!({"name": "（株）架空データ", "corporate_number": NUMBER});
        let under = json!({"parent_engagement_id": k.root, "vendor": numbered});
        let (pointer, code) = apply(&k, &under).errors().remove(0);
        assert_eq!((pointer.as_str(), code.as_str()), ("/vendor/name", "same_company"));
        // The place is said: the consent covers it, and the number is kept as it was written.
        let filed = apply(&k, &json!({"engagement_id": there, "vendor": numbered})).must(201);
        assert_eq!(filed["engagement_id"], there.as_str());
        assert_eq!(other_names(&k)[0].0, format!("（株）架空データ（法人番号 {NUMBER}）"));
        // The number is recorded with the company.
        let vendor = text(&k.node(&there, "")["vendor"], "id");
        let path = format!("/organizations/{vendor}");
        app.patch(&app.admin(), &path, json!({"corporate_number": NUMBER})).must(200);
        assert_eq!(k.node(&there, "")["vendor"]["corporate_number"], NUMBER);
        let taken = app.patch(&app.admin(), &path, json!({"corporate_number": OTHER})).errors();
        assert_eq!(taken[0].1, "recorded");
        // The other order: consented to with its number, then declared without.
        let (b, n) = (s.contract_with(&json!({"number": "R8-2"})), json!({"name": "例示株式会社", "corporate_number": OTHER}));
        let filed = apply(&b, &json!({"parent_engagement_id": b.root, "vendor": n})).must(201);
        let unnumbered = inline(&b, json!({"name": "例示（株）"}));
        let errors = b.try_declare(&s.a, json!({"none": false, "engagements": [unnumbered]})).errors();
        assert_eq!(errors[0], ("/engagements/0/vendor/name".to_owned(), "same_company".to_owned()));
        // It is said to be another company, and is one.
        b.declare(&s.a, &[with(unnumbered, &json!({"distinct": true}))]);
        assert_eq!(nodes(&b.chain("")).len(), 3);
        assert_ne!(nodes(&b.chain(""))[2]["engagement_id"], filed["engagement_id"]);
        verified(app);
    }

    fn n20_two_vendors_that_are_one_are_merged(app: TestApp) {
        let s = Stage::new(app);
        let (k, other) = (s.contract(), s.contract_with(&json!({"number": "R8-2"})));
        // Consented to with its number, declared without and said to be another; below the latter stands a third.
        let numbered = json!({"name": "（株）架空データ", "corporate_number": NUMBER});
        let filed = apply(&k, &json!({"parent_engagement_id": k.root, "vendor": numbered, "starts_on": "2026-04-01"})).must(201);
        k.review(&text(&filed, "id"));
        k.decide(&text(&filed, "id"), &json!({})).must(200);
        let there = text(&filed, "engagement_id");
        let unnumbered = with(inline(&k, json!({"name": "架空データ"})), &json!({"distinct": true}));
        k.declare(&s.a, &[unnumbered]);
        let all = nodes(&k.chain(""));
        let twin = text(all.iter().find(|node| node["vendor"]["name"] == "架空データ").unwrap(), "engagement_id");
        k.declare(&s.a, &[json!({"parent_engagement_id": twin, "vendor_id": s.c.id, "started_on": "2026-04-01"})]);
        // On the other contract only the one without a number.
        other.declare(&s.a, &[inline(&other, json!({"name": "架空データ"}))]);
        let (from, into) = (text(&k.node(&twin, "")["vendor"], "id"), text(&k.node(&there, "")["vendor"], "id"));
        let critical = |id: &str| s.alerts("unapproved_subcontractor").into_iter().filter(|(state, subject)| state == "open" && subject == id).count();
        assert_eq!((critical(&twin), critical(&there)), (1, 0));
        // Not the other way round, not with itself, not without a reason.
        let merge = |from: &str, body: Value| s.post(&s.officer, &format!("/vendors/{from}/merge"), body);
        assert_eq!(merge(&into, json!({"into": from, "reason": "同じ会社"})).problem(409), "numbered");
        assert_eq!(merge(&from, json!({"into": from, "reason": "同じ会社"})).errors()[0].1, "same");
        assert_eq!(merge(&from, json!({"into": into})).errors()[0].0, "/reason");
        s.post(&s.a.user, &format!("/vendors/{from}/merge"), json!({"into": into, "reason": "同じ会社"})).must(403);
        app.pass(chrono::TimeDelta::seconds(1));
        let before = app.app.now();
        app.pass(chrono::TimeDelta::seconds(1));
        let merged = merge(&from, json!({"into": into, "reason": "電話で確かめた"})).must(200);
        assert_eq!((merged["vendor"]["id"].as_str(), merged["contracts"].as_i64()), (Some(into.as_str()), Some(2)));
        // One place, the third below it, and both names.
        let all = nodes(&k.chain(""));
        let places: Vec<(String, String)> = all.iter().map(|n| (text(&n["vendor"], "name"), n["tier"].to_string())).collect();
        assert_eq!(places.iter().map(|(name, tier)| format!("{tier} {name}")).collect::<Vec<_>>(),
            ["1 架空甲データ株式会社", "2 （株）架空データ", "3 架空丙企画株式会社"]);
        assert_eq!(all[1]["engagement_id"], there.as_str());
        assert!(other_names(&k).contains(&("架空データ".to_owned(), "merge".to_owned(), "akin".to_owned())));
        assert_eq!(k.node(&there, "")["statements"].as_array().unwrap().len(), 1);
        assert_eq!((critical(&twin), critical(&there)), (0, 0), "it is consented to");
        // As it was known before, both stood there.
        let then = before.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        assert_eq!(nodes(&k.chain(&format!("?known_at={then}"))).len(), 4);
        // On the other contract the place is the other's, and its alert stands.
        let place = nodes(&other.chain(""))[1].clone();
        assert_eq!((text(&place["vendor"], "id"), critical(&text(&place, "engagement_id"))), (into.clone(), 1));
        // Again it changes nothing, and whoever is named by it is the other.
        assert_eq!(merge(&from, json!({"into": into, "reason": "もう一度"})).must(200)["contracts"], 0);
        let named = json!({"parent_engagement_id": other.root, "vendor_id": from, "started_on": "2026-04-01"});
        other.observe("audit", named);
        assert_eq!(nodes(&other.chain("")).len(), 2);
        assert_eq!(s.get(&s.officer, &format!("/organizations/{from}")).must(200)["merged_into"], into.as_str());
        verified(app);
    }

    fn n20_a_vendor_of_other_agencies_is_merged_by_the_operator_only(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        k.declare(&s.a, &[inline(&k, json!({"name": "例示データ"}))]);
        let from = text(&nodes(&k.chain(""))[1]["vendor"], "id");
        let second = app.person(app.agency("A2"), &[Role::Officer]);
        let body = json!({"into": s.b.id, "reason": "同じ会社"});
        let path = format!("/vendors/{from}/merge");
        assert_eq!(app.post(&app.log_in(&second), &path, body.clone()).problem(409), "elsewhere");
        app.post(&app.admin(), &path, body).must(200);
        assert_eq!(text(&nodes(&k.chain(""))[1]["vendor"], "id"), s.b.id.to_string());
        // 甲 stands above: it can't be its own subcontractor.
        k.declare(&s.a, &[inline(&k, json!({"name": "例示印刷"}))]);
        let all = nodes(&k.chain(""));
        let other = text(&all.iter().find(|node| node["vendor"]["name"] == "例示印刷").unwrap()["vendor"], "id");
        let refused = app.post(&app.admin(), &format!("/vendors/{other}/merge"), json!({"into": s.a.id, "reason": "同じ会社"}));
        assert_eq!(refused.problem(409), "vendor_on_path");
        verified(app);
    }

    fn n26_two_companies_of_one_name_are_listed(app: TestApp) {
        let s = Stage::new(app);
        let company = |address: &str| json!({"kind": "vendor", "name": "株式会社同名", "address": address, "distinct": true});
        let ids = ["架空市一丁目", "例示市二丁目"].map(|address| {
            text(&app.post(&app.admin(), "/organizations", company(address)).must(201), "id")
        });
        let k = s.contract();
        let named = |more: Value| inline(&k, with(json!({"name": "（株）同名"}), &more));
        // The agency's side is told who there is, a vendor only that there are several.
        let asked = k.try_observe("audit", named(json!({})));
        let message = asked.must(422)["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(ids.iter().all(|id| message.contains(id.as_str())) && message.contains("例示市二丁目"), "{message}");
        let body = json!({"none": false, "engagements": [named(json!({}))]});
        let message = k.try_declare(&s.a, body).must(422)["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("2件") && !message.contains("例示市"), "{message}");
        // The address says which.
        k.observe("audit", named(json!({"address": "例示市 二丁目"})));
        assert_eq!(nodes(&k.chain(""))[1]["vendor"]["id"], ids[1].as_str());
        // A file has none: the first is taken, and it is said.
        let summary = take(app, &[("N-1", "", "株式会社同名")]);
        assert_eq!((summary.taken, summary.new_vendors, summary.warnings.len()), (1, 0, 1));
        assert!(summary.warnings[0].message.contains("例示市二丁目"));
        verified(app);
    }

    fn n30_a_contract_over_several_years_is_found_in_each_and_has_unit_prices(app: TestApp) {
        let s = Stage::new(app);
        let years = json!({"number": "R8-9", "fiscal_year": 2026, "ends_on": "2029-03-31", "unit_price": "入力1件 12.5円\n検査1件 3円"});
        let k = s.contract_with(&years);
        s.contract_with(&json!({"number": "R8-10"}));
        let of = |year: i32| -> Vec<String> {
            s.items(&s.officer, &format!("/contracts?sort=number&fiscal_year={year}")).iter().map(|it| text(it, "number")).collect()
        };
        assert_eq!([of(2025), of(2026), of(2027), of(2028), of(2029), of(i32::MAX), of(i32::MIN)].map(|found| found.join(" ")),
            ["", "R8-9 R8-10", "R8-9", "R8-9", "", "", ""]);
        let path = format!("/contracts/{}", k.id);
        assert_eq!(s.get(&s.officer, &path).must(200)["unit_price"], "入力1件 12.5円\n検査1件 3円");
        // 変更契約 changes them, and leaves them where it says nothing of them.
        app.move_to("2026-06-01");
        let amended = |more: Value| with(json!({"effective_on": "2026-06-01", "reason": "単価の改定"}), &more);
        s.post(&s.officer, &format!("{path}/amendments"), amended(json!({"unit_price": "入力1件 13円"}))).must(201);
        s.post(&s.officer, &format!("{path}/amendments"), amended(json!({"amount_yen": 20_000_000}))).must(201);
        let now = s.get(&s.officer, &path).must(200);
        assert_eq!((now["unit_price"].as_str(), now["amount_yen"].as_i64()), (Some("入力1件 13円"), Some(20_000_000)));
        // By a file.
        let file = "契約番号,件名,受託者名,契約金額（円）,単価,契約日,開始日,終了日\r\nR8-11,架空業務,株式会社架空,1000,1件10円,2026-04-01,2026-04-01,2027-03-31\r\n";
        let file = contracts::read(file.as_bytes(), app.app.today()).unwrap();
        import(&app.app, None, "A1", &file, ImportOptions::default()).unwrap();
        let id = text(&found(&s, "R8-11"), "id");
        assert_eq!(s.get(&s.officer, &format!("/contracts/{id}")).must(200)["unit_price"], "1件10円");
        verified(app);
    }
}
