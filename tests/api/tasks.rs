//! What is to be done in one order by due day; and every number on a page, held to the list that it leads to: after an
//! act, on a later day before the sweep, and after it.

use std::collections::BTreeSet;

use itaku::schedule::sweep::sweep;
use itaku::service::contract::import::{ImportOptions, import};
use serde_json::{Value, json};

use crate::stage::{Stage, text};
use crate::support::browser::{Tab, encoded};
use crate::support::{TestApp, both, day};
use crate::world::{Seat, World, word};

/// The address and the number of each link that says so many 件: `(href, number)`. What is counted to a bound only is
/// left out.
fn numbers(html: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for link in html.split("<a ").skip(1) {
        let Some((link, _)) = link.split_once("</a>") else { continue };
        let Some((_, href)) = link.split_once("href=\"") else { continue };
        let Some((href, shown)) = href.split_once('"') else { continue };
        let Some((_, shown)) = shown.split_once('>') else { continue };
        let mut text = String::new();
        let mut inside = true;
        for letter in shown.chars() {
            match letter {
                '<' => inside = false,
                '>' => inside = true,
                ',' => {}
                letter if inside => text.push(letter),
                _ => {}
            }
        }
        let Some((before, after)) = text.split_once('件') else { continue };
        let digits: String = before.chars().rev().take_while(char::is_ascii_digit).collect();
        let digits: String = digits.chars().rev().collect();
        if let Ok(number) = digits.parse()
            && !after.starts_with("以上")
        {
            found.push((href.replace("&amp;", "&"), number));
        }
    }
    found
}

/// The rows of a list on all its pages, and what its pager says that there are in all.
fn rows(tab: &Tab<'_>, path: &str) -> (usize, Option<usize>) {
    let (mut count, mut said, mut next) = (0, None, Some(path.to_owned()));
    while let Some(path) = next {
        let page = tab.open(&path);
        assert_eq!(page.status, 200, "{path}");
        let html = page.body.as_str().unwrap();
        let table =
            html.split("<table class=\"list\">").nth(1).and_then(|rest| rest.split("</table>").next());
        count += table.map_or(0, |table| table.split("<tbody>").nth(1).unwrap_or("").matches("<tr").count());
        if let Some((_, rest)) = html.split_once("を表示しています（全") {
            let digits = rest.split('件').next().unwrap().replace(',', "");
            said = Some(digits.parse().unwrap());
        }
        let more = html.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        next = more.map(|href| href.replace("&amp;", "&")).filter(|_| html.contains("次のページ"));
    }
    (count, said)
}

/// Every number on these pages is that of the list behind it; how many there were.
fn hold(tab: &Tab<'_>, who: &str, pages: &[String], moment: &str) -> BTreeSet<(String, usize)> {
    let mut seen = BTreeSet::new();
    for path in pages {
        let page = tab.open(path);
        assert_eq!(page.status, 200, "{who}: {path}");
        for (href, number) in numbers(page.body.as_str().unwrap()) {
            if seen.contains(&(href.clone(), number)) {
                continue;
            }
            let (count, said) = rows(tab, &href);
            assert_eq!(count, number, "{who}, {moment}: {path} says so of {href}");
            assert!(
                said.is_none_or(|said| said == count),
                "{who}, {moment}: the pager of {href} says {said:?}"
            );
            seen.insert((href, number));
        }
    }
    seen
}

fn pages(contract: &str, agency: bool) -> Vec<String> {
    let mut pages = vec![
        "/home".to_owned(),
        "/home?whose=all".to_owned(),
        "/contracts".to_owned(),
        "/audits".to_owned(),
        "/audits?fiscal_year=2027".to_owned(),
        "/audits?fiscal_year=2025".to_owned(),
        "/audits?fiscal_year=all".to_owned(),
        format!("/contracts/{contract}"),
        format!("/contracts/{contract}/audits"),
        format!("/contracts/{contract}/declarations"),
    ];
    if agency {
        pages.extend(["/tasks".to_owned(), "/alerts".to_owned(), "/declarations".to_owned()]);
    }
    pages
}

both! {
    fn n05_every_number_on_a_page_equals_its_list_at_three_moments(app: TestApp) {
        let world = World::new(app);
        let house = &world.a;
        let officer = |path: &str, body: Value| app.post(&app.log_in(&house.officer), path, body).must(201);
        for (number, to, data) in [("追加1", "2026-06-20", true), ("追加2", "2028-03-31", true), ("追加3", "2027-03-31", false)] {
            let data = if data { json!([{"category": "personal", "persons": 10}]) } else { json!([]) };
            officer("/contracts", json!({
                "number": number, "title": "架空小業務", "fiscal_year": 2026, "vendor_id": house.prime.organization,
                "amount_yen": 1000, "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": to, "scope": "入力",
                "data": data, "subcontracting": {"policy": "consent_required"}, "declaration_interval": "quarterly",
            }));
        }
        let filed = json!({
            "parent_engagement_id": house.prime.engagement, "vendor_id": house.deep.organization, "scope": "入力", "reason": "必要",
            "amount_yen": 1000, "starts_on": "2026-06-01", "ends_on": "2027-03-31", "country": "JP", "data": [],
        });
        app.post(&app.log_in(&house.prime.user), &format!("/contracts/{}/applications", house.contract), filed).must(201);
        // A finding at the sub's place, whose 改善の期限 passes.
        let plan = json!({"kind": "document", "due_on": "2026-06-30", "engagement_id": house.sub.engagement});
        let auditor = app.log_in(&house.auditor);
        let audit = text(&app.post(&auditor, &format!("/contracts/{}/audits", house.contract), plan).must(201), "id");
        let finding = json!({"text": "施錠の記録がない", "severity": "軽微", "due_on": "2026-07-10"});
        let done = json!({"done_on": app.app.today(), "result": "findings", "findings": [finding]});
        app.post(&auditor, &format!("/audits/{audit}/complete"), done).must(200);
        // Contracts of nobody, begun and not; 既承認 that wait for an approver.
        let file = "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日\nN-1,架空一,架空取込株式会社,1000,2026-04-01,2026-04-01,2026-06-30\nN-2,架空二,架空取込株式会社,1000,2026-04-01,2026-12-01,2027-03-31\n";
        let file = itaku::exchange::contracts::read(file.as_bytes(), app.app.today()).unwrap();
        assert_eq!(import(&app.app, None, "いろは", &file, ImportOptions::default()).unwrap().taken, 2);
        let drafts = "契約番号,上位法人番号,上位事業者名,法人番号,事業者名,国,業務範囲,金額（円）,個人情報人数,マイナンバー人数,要配慮人数,決裁日,文書番号,承認開始日,承認終了日\n追加2,,,,架空起案株式会社,日本,入力,1000,10,,,2026-04-01,架空第1号,2026-04-01,2026-12-31\n";
        let tab = app.tab(&house.officer);
        let draft = tab.upload("/consents/drafts/new", "既承認.csv", drafts.as_bytes()).header("location").unwrap().to_owned();
        assert_eq!(tab.submit(&format!("{draft}/submit"), &[]).status, 303);
        let mut met = BTreeSet::new();
        let mut look = |moment: &str| {
            for caller in world.callers() {
                let (house, agency) = match caller.seat {
                    Seat::Agency(house) => (house, true),
                    Seat::Vendor(house, _) => (house, false),
                    Seat::Operator if caller.name == "overseer" => (&world.a, true),
                    Seat::Operator => continue,
                };
                if house.agency != world.a.agency {
                    continue;
                }
                met.extend(hold(&app.tab(caller.person), &caller.name, &pages(&house.contract, agency), moment));
            }
        };
        look("after an act");
        for today in ["2026-07-21", "2027-02-15"] {
            app.move_to(today);
            look(&format!("on {today}, before the sweep"));
            sweep(&app.app, day(today), false).unwrap();
            look(&format!("on {today}, after the sweep"));
        }
        let nonzero = |start: &str| met.iter().any(|(href, number)| href.starts_with(start) && *number > 0);
        for list in [
            "/tasks?within=overdue", "/tasks?within=week", "/tasks?within=month", "/tasks?kind=report&within=overdue", "/alerts?severity=",
            "/alerts?kind=", "/audits?fiscal_year=2026&state=planned", "/contracts?without_on_site=2026", "/contracts?without_on_site=2027",
            "/contracts?status=running", "/applications?state=applied",
            "/tasks?kind=finding&within=overdue", "/contracts?officer=none&unended=true", "/consents/drafts?state=waiting",
        ] {
            assert!(nonzero(list), "{list} was more than nothing once: {met:#?}");
        }
    }

    // The number is of contracts, not of alerts that stand: no sweep, and of the next 年度 there are none.
    fn n05_contracts_without_an_inspection_are_counted_by_facts(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"ends_on": "2028-03-31"}));
        s.contract_with(&json!({"number": "R8-2"}));
        s.contract_with(&json!({"number": "R8-3", "data": []}));
        let without = |year: i32| s.get(&s.officer, &format!("/audits?fiscal_year={year}")).must(200)["without_on_site"].clone();
        assert_eq!((without(2026), without(2027), without(2028), without(2025)), (json!(2), json!(1), json!(0), json!(0)));
        let plan = |kind: &str, due: &str| {
            text(&s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), json!({"kind": kind, "due_on": due})).must(201), "id")
        };
        plan("document", "2027-02-01");
        assert_eq!(without(2026), json!(2), "only what is done on site counts");
        let audit = plan("on_site", "2027-02-01");
        assert_eq!((without(2026), without(2027)), (json!(1), json!(1)));
        s.post(&s.auditor, &format!("/audits/{audit}/cancel"), json!({"reason": "誤り"})).must(200);
        assert_eq!(without(2026), json!(2));
        plan("on_site", "2027-06-01");
        let listed = s.items(&s.officer, "/contracts?without_on_site=2027");
        assert_eq!((without(2027), listed.len()), (json!(0), 0));
        let numbers: Vec<String> = s.items(&s.officer, "/contracts?without_on_site=2026&sort=number").iter().map(|it| text(it, "number")).collect();
        assert_eq!(numbers, ["R8-1", "R8-2"]);
        assert_eq!(s.items(&s.a.user, "/contracts?without_on_site=2027").len(), 3, "it narrows nothing for a vendor");
    }

    fn n05_kinds_and_tiles_add_up(app: TestApp) {
        let world = World::new(app);
        app.move_to("2027-02-10");
        sweep(&app.app, day("2027-02-10"), false).unwrap();
        let alerts = app.get(&app.log_in(&world.a.officer), "/overview").must(200)["agency"]["alerts"].clone();
        let mut sums = std::collections::BTreeMap::new();
        for kind in alerts["kinds"].as_array().unwrap() {
            let of = kind["by_severity"].as_array().unwrap();
            assert_eq!(kind["count"], json!(of.iter().map(|it| it["count"].as_i64().unwrap()).sum::<i64>()));
            for one in of {
                *sums.entry(word(one, "severity")).or_insert(0) += one["count"].as_i64().unwrap();
            }
        }
        assert!(sums.len() > 1, "{alerts:#}");
        for severity in ["critical", "warning", "info"] {
            assert_eq!(alerts[severity], json!(sums.get(severity).copied().unwrap_or(0)), "{severity}");
        }
    }

    fn n11_one_list_of_what_is_to_be_done_by_due_day(app: TestApp) {
        let s = Stage::new(app);
        app.move_to("2026-04-06");
        let k = s.contract_with(&json!({"declaration_interval": "quarterly"}));
        let other = s.contract_with(&json!({"number": "R8-2", "title": "架空別業務", "ends_on": "2026-04-30", "department": "架空課", "data": []}));
        let late = s.contract_with(&json!({"number": "R8-3", "starts_on": "2026-05-01", "data": []}));
        s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), json!({"kind": "on_site", "due_on": "2026-04-20"})).must(201);
        let (application, _) = k.apply(&s.a, &k.root, &s.b, "2026-06-01", "2026-12-31");
        let tasks = |who, query: &str| -> Vec<(String, String)> {
            s.items(who, &encoded(&format!("/tasks{query}"))).iter().map(|it| (text(it, "kind"), text(it, "due_on"))).collect()
        };
        let row = |kind: &str, due: &str| (kind.to_owned(), due.to_owned());
        // Ten working days after the filing on 6 April.
        let soon = [row("review", "2026-04-20"), row("audit", "2026-04-20"), row("contract_end", "2026-04-30"), row("contract_start", "2026-05-01")];
        assert_eq!(tasks(&s.officer, "?until=2026-05-31"), soon);
        let all = tasks(&s.officer, "");
        assert!(all.starts_with(&soon) && all.contains(&row("report", "2026-07-14")), "{all:?}");
        assert!(all.is_sorted_by_key(|it| it.1.clone()), "{all:?}");
        // Cut anywhere, the same.
        let mut cut = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = s.get(&s.officer, &format!("/tasks?limit=1{cursor}")).must(200);
            cut.extend(page["items"].as_array().unwrap().iter().map(|it| (text(it, "kind"), text(it, "due_on"))));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(cut, all);
        s.get(&s.officer, "/tasks?cursor=x").must(422);
        k.review(&application);
        assert_eq!(tasks(&s.approver, "?kind=decision"), [row("decision", "2026-04-20")]);
        assert_eq!(tasks(&s.approver, "?kind=review"), []);
        // The home of who decides begins with it; an officer's has none.
        let home = |who| app.tab(who).open("/home").body.as_str().unwrap().to_owned();
        let decider = home(&s.approver);
        let (first, rest) = decider.split_once("決裁を待つ申請</h2>").unwrap();
        assert!(!first.contains("<table") && rest.contains("2026-04-20") && rest.contains("あと14日"), "{decider}");
        assert!(!home(&s.officer).contains("決裁を待つ申請</h2>"));
        // Another's settings move the day at once, before any sweep.
        let admin = app.person(s.agency, &[itaku::domain::access::Role::AgencyAdmin]);
        let change = app.request(Some(&app.log_in(&admin).token), "PATCH", "/settings").insert_header(("If-Match", "*"));
        app.send(change.set_json(json!({"decision_working_days": 5, "declaration_grace_days": 20}))).must(200);
        assert_eq!(tasks(&s.approver, "?kind=decision"), [row("decision", "2026-04-13")]);
        assert_eq!(tasks(&s.officer, "?kind=report&until=2026-07-31"), [row("report", "2026-07-20")]);
        // 担当者=私 is the officer's; nobody else is responsible for anything.
        assert_eq!(tasks(&s.officer, "?officer=me"), tasks(&s.officer, ""));
        assert_eq!(tasks(&s.auditor, "?officer=me"), []);
        assert_eq!(tasks(&s.officer, "?officer=none"), []);
        assert_eq!(tasks(&s.officer, "?department=架空課"), [row("contract_end", "2026-04-30")]);
        assert_eq!(tasks(&s.officer, "?q=架空別&kind=contract_end").len(), 1);
        // A vendor's own: its report, its inspection, no decision of the agency's.
        let of_vendor: BTreeSet<String> = tasks(&s.a.user, "").into_iter().map(|it| it.0).collect();
        assert!(of_vendor.contains("report") && of_vendor.contains("audit"), "{of_vendor:?}");
        assert!(!of_vendor.contains("decision") && !of_vendor.contains("review"));
        assert_eq!(tasks(&s.e.user, ""), []);
        s.post(&s.officer, &format!("/applications/{application}/return"), json!({"points": "金額"})).must(200);
        assert_eq!(tasks(&s.a.user, "?kind=correction"), [row("correction", "2026-06-01")]);
        assert_eq!(tasks(&s.approver, "?kind=decision"), []);
        for id in [&other.id, &late.id] {
            s.post(&s.approver, &format!("/contracts/{id}/void"), json!({"reason": "誤り"})).must(200);
        }
        assert_eq!(tasks(&s.officer, "?kind=contract_start"), []);
    }

    fn n11_a_vendors_home_says_of_each_contract_what_is_due_and_what_waits(app: TestApp) {
        let s = Stage::new(app);
        app.move_to("2026-04-06");
        let k = s.contract_with(&json!({"declaration_interval": "quarterly"}));
        s.contract_with(&json!({"number": "R8-2", "title": "架空別業務"}));
        k.apply(&s.a, &k.root, &s.b, "2026-06-01", "2026-12-31");
        let home = || app.tab(&s.a.user).open("/home").body.as_str().unwrap().to_owned();
        let first = home();
        for words in ["2026-07-14まで", "2026-04-01〜2026-06-30の分", "未提出", "架空乙入力株式会社への再委託の決定", "提出を待つものはありません"] {
            assert!(first.contains(words), "{words} in {first}");
        }
        app.move_to("2026-07-15");
        assert!(home().contains("期限超過"), "before any sweep");
        k.try_declare(&s.a, json!({"none": true, "engagements": []})).must(201);
        let after = home();
        assert!(after.contains("2026-10-14まで") && after.contains("提出済み：2026-06-30の分まで（2026-07-15提出）"), "{after}");
        // Filed before its period is over, a report answers for the days up to its filing; the rest is owed.
        app.move_to("2026-09-01");
        let ahead = json!({"period": {"from": "2026-07-01", "to": "2026-09-30"}, "none": true, "engagements": []});
        k.try_declare(&s.a, ahead).must(201);
        let after = home();
        assert!(after.contains("2026-09-02〜2026-09-30の分") && after.contains("提出済み：2026-09-01の分まで（2026-09-01提出）"), "{after}");
    }

    fn lists_of_an_overseer_say_whose_each_row_is(app: TestApp) {
        let s = Stage::new(app);
        app.move_to("2026-04-06");
        let k = s.contract();
        k.apply(&s.a, &k.root, &s.b, "2026-06-01", "2026-12-31");
        k.declare(&s.a, &[crate::stage::used_under(&k.root, &s.d, "2026-04-01", None)]);
        s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), json!({"kind": "on_site", "due_on": "2026-04-20"})).must(201);
        let overseer = app.person(app.admin().organization, &[itaku::domain::access::Role::Overseer]);
        let agency = text(&s.get(&s.officer, &format!("/contracts/{}", k.id)).must(200), "agency_name");
        let alert = text(&s.items(&s.officer, "/alerts?kind=unapproved_subcontractor")[0], "id");
        let open = |who, path: &str| app.tab(who).open(path).body.as_str().unwrap().to_owned();
        for path in ["/alerts", "/applications", "/audits?fiscal_year=2026", "/tasks"] {
            let shown = open(&overseer, path);
            assert!(shown.contains("<th scope=\"col\">委託元</th>") && shown.contains(&agency), "{path}: {shown}");
            assert!(!open(&s.officer, path).contains("<th scope=\"col\">委託元</th>"), "{path}");
        }
        assert!(open(&overseer, &format!("/alerts/{alert}")).contains(&agency));
        // One by itself says it too, to a vendor that works for several as well; its own people know.
        let audit = text(&s.items(&s.auditor, &format!("/contracts/{}/audits", k.id))[0], "id");
        let application = text(&s.items(&s.officer, "/applications")[0], "id");
        let declaration = text(&s.items(&s.officer, &format!("/contracts/{}/declarations", k.id))[0], "id");
        for path in [format!("/applications/{application}"), format!("/audits/{audit}"), format!("/declarations/{declaration}")] {
            let row = format!("<dt>委託元</dt><dd>{agency}</dd>");
            for who in [&overseer, &s.a.user] {
                let shown = open(who, &path);
                assert!(shown.contains(&row), "{path}: {shown}");
            }
            assert!(!open(&s.officer, &path).contains("<dt>委託元</dt>"), "{path}");
        }
        assert!(!open(&s.officer, &format!("/alerts/{alert}")).contains("<dt>委託元</dt>"));
        let home = open(&overseer, "/home");
        let (grave, tasks) = (home.find("重大なアラート</h3>").unwrap(), home.find("<h2>することの一覧").unwrap());
        assert!(grave < tasks && home.contains(&format!("委託元 {agency}")), "{home}");
        // An alert without a due day is never late: both numbers are of what has a day that passed.
        app.move_to("2026-04-08");
        let own = open(&s.officer, "/home");
        assert!(own.contains("期限を過ぎた、すること") && own.contains("期限を過ぎたアラート") && own.contains("機関全体のものです"), "{own}");
        assert!(!open(&s.officer, "/tasks?within=overdue").contains("期限なし（見つかった日）"));
    }
}
