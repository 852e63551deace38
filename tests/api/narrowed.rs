//! Lists across contracts: narrowed by 担当者, department, vendor, year and text; in a stable order that is said; with
//! how many rows there are in all.

use itaku::domain::access::Role;
use itaku::schedule::sweep::sweep;
use serde_json::{Value, json};

use crate::stage::{Stage, text};
use crate::support::browser::encoded;
use crate::support::{Person, TestApp, both, day};

/// The contracts' numbers of a list's rows, each once.
fn numbers(s: &Stage<'_>, who: &Person, path: &str) -> Vec<String> {
    let rows = s.items(who, &encoded(path));
    let number =
        |it: &Value| it["contract_number"].as_str().or(it["number"].as_str()).unwrap_or("").to_owned();
    let mut found: Vec<String> = rows.iter().map(number).collect();
    found.sort();
    found.dedup();
    found
}

both! {
    fn n12_every_list_is_narrowed_by_whose_contracts_they_are(app: TestApp) {
        let s = Stage::new(app);
        app.move_to("2026-04-06");
        let first = s.contract_with(&json!({"declaration_interval": "quarterly", "department": "架空一課"}));
        let other = app.person(s.agency, &[Role::Officer]);
        let body = json!({"number": "R8-2", "title": "架空別業務", "declaration_interval": "quarterly", "department": "架空二課"});
        let second = s.contract_with(&body);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        s.post(&admin, &format!("/contracts/{}/handover", second.id), json!({"officer_id": other.id, "from": "2026-04-06"})).must(200);
        let late = json!({"number": "R8-3", "title": "架空旧業務", "fiscal_year": 2027, "starts_on": "2027-04-01", "ends_on": "2028-03-31", "signed_on": "2026-04-01"});
        s.contract_with(&late);
        for (k, vendor) in [(&first, &s.b), (&second, &s.c)] {
            k.apply(&s.a, &k.root, vendor, "2026-06-01", "2026-12-31");
            s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), json!({"kind": "document", "due_on": "2026-07-01"})).must(201);
            let period = json!({"period": {"from": "2026-04-01", "to": "2026-04-05"}, "none": true, "engagements": []});
            k.try_declare(&s.a, period).must(201);
        }
        app.move_to("2026-07-20");
        sweep(&app.app, day("2026-07-20"), false).unwrap();
        let lists = ["/contracts", "/applications", "/declarations", "/audits?fiscal_year=all", "/alerts?state=open", "/tasks"];
        for list in lists {
            let with = |query: &str| format!("{list}{}{query}", if list.contains('?') { '&' } else { '?' });
            let both = numbers(&s, &s.officer, &with("limit=200"));
            assert!(both.contains(&"R8-1".to_owned()) && both.contains(&"R8-2".to_owned()), "{list}: {both:?}");
            for (query, only) in [
                ("department=架空一課", "R8-1"), ("department=架空二課", "R8-2"), ("vendor=乙入力", "R8-1"), ("vendor=丙企画", "R8-2"),
                ("q=架空別", "R8-2"), ("q=R8-1", "R8-1"),
            ] {
                assert_eq!(numbers(&s, &s.officer, &with(query)), [only], "{list} {query}");
            }
            let of_other = format!("officer={}", other.id);
            assert_eq!(numbers(&s, &s.officer, &with(&of_other)), ["R8-2"], "{list}");
            assert_eq!(numbers(&s, &other, &with("officer=me")), ["R8-2"], "{list}");
            assert_eq!(numbers(&s, &s.officer, &with("officer=none")), Vec::<String>::new(), "{list}");
            assert_eq!(numbers(&s, &s.officer, &with("department=x")), Vec::<String>::new(), "{list}");
            s.get(&s.officer, &with("officer=x")).must(422);
            // What is the agency's own narrows nothing for a vendor.
            assert_eq!(numbers(&s, &s.a.user, &with("department=x&officer=none&vendor=x")), numbers(&s, &s.a.user, list), "{list}");
        }
        for list in ["/contracts", "/applications", "/declarations", "/alerts", "/tasks"] {
            assert!(!numbers(&s, &s.officer, &format!("{list}?fiscal_year=2026&limit=200")).contains(&"R8-3".to_owned()), "{list}");
        }
        assert_eq!(numbers(&s, &s.officer, "/contracts?fiscal_year=2027"), ["R8-3"]);
        // The pages take the same, say their order, and offer whom there is to choose.
        let tab = app.tab(&s.officer);
        for (path, order) in [
            ("/contracts?sort=ends", "終了の近い順に並んでいます"), ("/applications?sort=due", "期限の近い順に並んでいます"),
            ("/declarations?state=owed", "提出の期限の近い順に並んでいます"), ("/audits?fiscal_year=2026", "期限の早い順に並んでいます"),
            ("/alerts?sort=due", "期限の近い順（期限のあるもの）に並んでいます"), ("/tasks", "期限の順に並べています"),
        ] {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = tab.open(&encoded(&format!("{path}{join}department=架空二課")));
            let html = page.body.as_str().unwrap();
            assert!(page.status == 200 && html.contains(order), "{path}: {html}");
            assert!(html.contains("架空別業務") && !html.contains("R8-1"), "{path}: {html}");
            assert!(html.contains(">自分が担当</option>") && html.contains(">架空一課</option>"), "{path}");
        }
        let shown = tab.open("/contracts").body.as_str().unwrap().to_owned();
        for words in ["10,000,000円", "契約金額", "担当者・部署"] {
            assert!(shown.contains(words), "{words}");
        }
        assert!(!app.tab(&s.a.user).open("/contracts").body.as_str().unwrap().contains("担当者・部署"));
    }

    fn n12_applications_and_alerts_stand_by_due_day_wherever_they_are_cut(app: TestApp) {
        let s = Stage::new(app);
        app.move_to("2026-04-06");
        let k = s.contract();
        let vendors = [&s.b, &s.c, &s.d, &s.e];
        for (vendor, from) in vendors.iter().zip(["2026-06-01", "2026-04-20", "2026-05-01", "2026-04-14"]) {
            k.apply(&s.a, &k.root, vendor, from, "2026-12-31");
        }
        let walked = |who: &Person, path: &str, limit: usize| -> Vec<(String, String)> {
            let (mut rows, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = s.get(who, &format!("{path}&limit={limit}{cursor}")).must(200);
                rows.extend(page["items"].as_array().unwrap().iter().map(|it| (text(it, "due_on"), text(it, "id"))));
                let Some(next) = page["next_cursor"].as_str() else { return rows };
                cursor = format!("&cursor={next}");
            }
        };
        let whole = walked(&s.officer, "/applications?sort=due", 200);
        let days: Vec<&str> = whole.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(days, ["2026-04-07", "2026-04-13", "2026-04-20", "2026-04-20"]);
        for limit in 1..=3 {
            assert_eq!(walked(&s.officer, "/applications?sort=due", limit), whole, "by {limit}");
        }
        s.get(&s.officer, &format!("/applications?sort=due&cursor={}", text(&s.get(&s.officer, "/applications?limit=1").must(200), "next_cursor"))).must(422);
        // By when the agency should decide is not a vendor's to know.
        let of_vendor = s.items(&s.a.user, "/applications");
        assert!(of_vendor.len() == 4 && of_vendor.iter().all(|it| it["due_on"].is_null()), "{of_vendor:#?}");
        k.review(&whole[0].1);
        k.decide(&whole[0].1, &json!({"valid_from": "2026-04-14", "valid_until": "2026-12-31"})).must(200);
        assert_eq!(walked(&s.officer, "/applications?sort=due", 2), whole[1..]);
        app.move_to("2026-05-07");
        sweep(&app.app, day("2026-05-07"), false).unwrap();
        let alerts = walked(&s.officer, "/alerts?sort=due&state=open", 200);
        assert!(alerts.len() > 2 && alerts.is_sorted(), "{alerts:?}");
        for limit in 1..=2 {
            assert_eq!(walked(&s.officer, "/alerts?sort=due&state=open", limit), alerts, "by {limit}");
        }
    }

    fn n12_a_list_says_how_many_rows_it_has_in_all(app: TestApp) {
        let s = Stage::new(app);
        for number in 1..=52 {
            s.contract_with(&json!({"number": format!("多{number:03}"), "data": [], "department": if number > 50 { "架空課" } else { "架空多課" }}));
        }
        let tab = app.tab(&s.officer);
        let html = |path: &str| tab.open(&encoded(path)).body.as_str().unwrap().to_owned();
        let first = html("/contracts");
        assert!(first.contains("50件を表示しています（全52件）"), "{first}");
        let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
        assert!(html(&next).contains("2件を表示しています（全52件、最後のページ）"));
        assert!(html("/contracts?department=架空課").contains("全2件を表示しています"));
        assert!(html("/tasks?kind=contract_end").contains("50件を表示しています（全52件）"));
    }
}

#[test]
fn n12_rows_are_counted_to_a_bound() {
    use itaku::service::page::{COUNTED, Total};
    assert_eq!(Total::of(COUNTED), Total { count: 1_000, more: false });
    assert_eq!(Total::of(Total::BOUND), Total { count: 1_000, more: true });
}
