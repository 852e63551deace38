//! 人事異動: contracts handed over by choice, split, in advance and back: issue 10, number 13.

use itaku::domain::access::Role;
use itaku::domain::id::OrganizationId;
use itaku::exchange::contracts;
use itaku::service::contract::import::{ImportOptions, import};
use itaku::service::verify::verify_ledger;
use serde_json::{Value, json};

use crate::stage::{Stage, number, text};
use crate::support::{Person, TestApp, both, id};

/// An officer who has come in.
fn come_in(app: &TestApp, agency: OrganizationId, email: &str) -> Person {
    let body = json!({"email": email, "name": email, "organization_id": agency, "roles": ["officer"], "password": "馬と電池とホチキス正しい"});
    let made = app.post(&app.admin(), "/users", body).must(201);
    Person { id: id(&made), email: email.to_owned(), organization: agency, token: String::new() }
}

both! {
    fn n13_contracts_are_chosen_split_told_before_and_taken_back(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let (next, other, invited) = (come_in(app, s.agency, "tsugi@example.jp"), come_in(app, s.agency, "betsu@example.jp"), app.person(s.agency, &[Role::Officer]));
        let numbers: Vec<String> = (0..4).map(|_| number()).collect();
        let made: Vec<_> = numbers.iter().map(|it| s.contract_with(&json!({"number": it}))).collect();
        let of_contract = |n: usize| made[n].id.as_str();
        let officer = |n: usize| s.get(&s.officer, &format!("/contracts/{}", of_contract(n))).must(200)["officer_id"].clone();
        let person = |who: &Person| json!(who.id);
        let tab = app.tab(&admin);
        let read = |path: &str| tab.open(path).body.as_str().unwrap().to_owned();
        // Whose, with counts.
        let page = read("/contracts/handover");
        assert!(page.contains(&format!("/contracts/handover?of={}", s.officer.id)) && page.contains("4件"), "{page}");
        let of = s.officer.id.to_string();
        let page = read(&format!("/contracts/handover?of={of}"));
        assert!(numbers.iter().all(|it| page.contains(it.as_str())) && page.contains("終了していない契約4件"), "{page}");
        assert!(page.contains("（招待中）"), "who has not come in is marked: {page}");
        let narrowed = read(&format!("/contracts/handover?of={of}&q={}", numbers[2]));
        assert!(narrowed.contains(&numbers[2]) && !narrowed.contains(&format!("{} ", numbers[0])), "{narrowed}");

        // Two people, one contract stays.
        let row = |n: usize, to: &str| [(format!("assignments/{n}/contract_id"), of_contract(n).to_owned()), (format!("assignments/{n}/officer_id"), to.to_owned())];
        let (a, b, c) = (next.id.to_string(), other.id.to_string(), invited.id.to_string());
        let fields = |rows: &[(usize, &str)], more: &[(&str, &str)]| {
            let mut all = vec![("of".to_owned(), of.clone()), ("from".to_owned(), "令和8年5月1日".to_owned())];
            all.extend(rows.iter().flat_map(|(n, to)| row(*n, to)));
            all.extend(more.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
            all
        };
        let send = |fields: &[(String, String)]| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            tab.submit("/contracts/handover", &fields)
        };
        let split = [(0, a.as_str()), (1, b.as_str()), (2, c.as_str()), (3, "")];
        let none = send(&fields(&[(0, ""), (1, "")], &[]));
        assert!(none.status == 422 && none.body.as_str().unwrap().contains("引き継ぐ契約がありません"), "{}", none.body);
        let filled = send(&fields(&[(0, &a), (1, "")], &[("officer_id", &b), ("_again", "fill")]));
        let filled = filled.body.as_str().unwrap();
        assert_eq!(filled.matches(&format!("<option value=\"{b}\" selected>")).count(), 4, "the choice and the three not chosen: {filled}");
        let asked = send(&fields(&split, &[]));
        let said = asked.body.as_str().unwrap();
        assert_eq!(asked.status, 200, "{said}");
        for word in ["あわせて3件", "（1件）", numbers[0].as_str(), numbers[2].as_str(), "引き継がない契約", "招待を受け入れていません", "2026-05-01"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!said.contains(&numbers[3]), "{said}");
        assert_eq!(officer(0), person(&s.officer), "nothing is done before it was looked at");
        let done = send(&fields(&split, &[("_sure", "1")]));
        assert!(done.body.as_str().unwrap().contains("3件の契約の引継ぎを登録しました。2026-05-01") && !done.body.as_str().unwrap().contains("引き継ぎました"), "{}", done.body);
        assert_eq!((officer(0), officer(3)), (person(&s.officer), person(&s.officer)), "it has not begun");

        // The coming one stands on the contract, and in the list of whose the contracts are.
        let mine = app.tab(&s.officer);
        let page = mine.open(&format!("/contracts/{}", of_contract(0)));
        let page = page.body.as_str().unwrap();
        assert!(page.contains("2026-05-01") && page.contains("（予定）") && !page.contains("handover/withdraw"), "{page}");
        let path = format!("/contracts/{}/handover/withdraw", of_contract(0));
        assert!(read(&format!("/contracts/{}", of_contract(0))).contains(&path));
        assert!(read(&format!("/contracts/handover?of={of}")).matches("（予定）").count() == 3);
        // A vendor sees nothing of it.
        let vendor = app.tab(&s.a.user).open(&format!("/contracts/{}", of_contract(0)));
        assert!(vendor.status == 200 && !vendor.body.as_str().unwrap().contains("（予定）"), "{}", vendor.body);
        // Who is to take contracts over is not lost without a word.
        let stop = app.patch(&admin, &format!("/users/{}", next.id), json!({"active": false})).must(409);
        assert!(text(&stop, "detail").contains("これから引き継ぐことになっている契約が1件"), "{stop:#}");

        // Taken back before its day.
        let history = || s.items(&admin, &format!("/contracts/{}/handovers", of_contract(0)));
        let handover = text(&history()[1], "id");
        let back = |more: &[(&str, &str)]| tab.submit(&path, &[&[("handover_id", handover.as_str()), ("reason", "発令の延期")], more].concat());
        let asked = back(&[]);
        assert!(asked.status == 200 && asked.body.as_str().unwrap().contains("取りやめてよいか") && asked.body.as_str().unwrap().contains(&numbers[0]), "{}", asked.body);
        assert_eq!(back(&[("_sure", "1")]).status, 303);
        assert_eq!(history()[1]["withdrawn_on"], json!("2026-04-01"));
        let body = json!({"handover_id": handover, "reason": "発令の延期"});
        assert_eq!(app.post(&admin, &format!("/contracts/{}/handover/withdraw", of_contract(0)), body).problem(409), "withdrawn");
        app.patch(&admin, &format!("/users/{}", next.id), json!({"active": false})).must(200);
        app.move_to("2026-05-01");
        itaku::schedule::sweep::sweep(&app.app, "2026-05-01".parse().unwrap(), false).unwrap();
        assert_eq!([officer(0), officer(1), officer(2), officer(3)], [person(&s.officer), person(&other), person(&invited), person(&s.officer)]);
        let admin = app.log_in(&admin);
        let begun = text(&s.items(&admin, &format!("/contracts/{}/handovers", of_contract(1)))[1], "id");
        let body = json!({"handover_id": begun, "reason": "誤り"});
        assert_eq!(app.post(&admin, &format!("/contracts/{}/handover/withdraw", of_contract(1)), body).problem(409), "begun");
        verify_ledger(&app.app.db).unwrap().unwrap();
    }

    fn n13_coming_handovers_are_listed_and_taken_back_together(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let next = come_in(app, s.agency, "tsugi@example.jp");
        let numbers: Vec<String> = (0..3).map(|_| number()).collect();
        let made: Vec<_> = numbers.iter().map(|it| s.contract_with(&json!({"number": it}))).collect();
        let tab = app.tab(&admin);
        let coming = "/contracts/handover/coming";
        assert!(tab.open(coming).body.as_str().unwrap().contains("予定している引継ぎはありません"));
        for contract in &made {
            let fields = [("officer_id", next.id.to_string()), ("from", "2026-05-01".to_owned()), ("_sure", "1".to_owned())];
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let done = tab.submit(&format!("/contracts/{}/handover", contract.id), &fields);
            assert!(done.header("location").unwrap().ends_with("done=handover_planned"), "{done:?}");
        }
        assert!(tab.open("/contracts/handover").body.as_str().unwrap().contains("予定している引継ぎ3件を見る"));
        // An officer is told whom to ask, by name, and has no way in.
        let mine = app.tab(&s.officer);
        let page = mine.open(&format!("/contracts/{}", made[0].id));
        let name = text(&app.get(&admin, "/me").must(200), "name");
        assert!(page.body.as_str().unwrap().contains(&format!("担当者を替えられるのは管理者（{name}）です")), "{}", page.body);
        assert_eq!(mine.open(coming).status, 403);
        let elsewhere = app.person(app.agency("A2"), &[Role::AgencyAdmin]);
        assert!(app.tab(&elsewhere).open(coming).body.as_str().unwrap().contains("予定している引継ぎはありません"));

        let shown = tab.open(coming);
        let shown = shown.body.as_str().unwrap();
        assert!(numbers.iter().all(|it| shown.contains(it.as_str())), "{shown}");
        let all: Vec<&str> = shown.split("name=\"handover_ids/").skip(1).map(|it| it.split("value=\"").nth(1).unwrap().split('"').next().unwrap()).collect();
        assert_eq!(all.len(), 3);
        let send = |tab: &crate::support::browser::Tab<'_>, more: &[(&str, &str)]| {
            let chosen = [("handover_ids/0", all[0]), ("handover_ids/1", all[1]), ("reason", "発令の延期")];
            tab.submit(coming, &[&chosen[..], more].concat())
        };
        let none = tab.submit(coming, &[("reason", "発令の延期")]);
        assert!(none.status == 422 && none.body.as_str().unwrap().contains("取りやめる引継ぎを選んでください"), "{}", none.body);
        assert_eq!(send(&tab, &[("_again", "all")]).body.as_str().unwrap().matches(" checked").count(), 3);
        assert_eq!(send(&app.tab(&elsewhere), &[("_sure", "1")]).status, 422, "another agency's are unknown");
        let asked = send(&tab, &[]);
        let told = asked.body.as_str().unwrap();
        assert!(told.contains(">2件") && told.contains(&numbers[0]) && told.contains(&numbers[1]) && !told.contains(&numbers[2]), "{told}");
        let withdrawn = || made.iter().filter(|it| s.items(&admin, &format!("/contracts/{}/handovers", it.id))[1].get("withdrawn_on").is_some()).count();
        assert_eq!(withdrawn(), 0, "nothing before it was looked at");
        for _ in 0..2 {
            let done = send(&tab, &[("_sure", "1"), ("_once", "a")]);
            assert!(done.body.as_str().unwrap().contains("予定していた2件の引継ぎを取りやめました"), "{}", done.body);
        }
        assert_eq!(withdrawn(), 2);
        assert_eq!(send(&tab, &[("_sure", "1")]).status, 422, "again by another form: they are gone");
        assert!(tab.open("/contracts/handover").body.as_str().unwrap().contains("予定している引継ぎ1件を見る"));
        verify_ledger(&app.app.db).unwrap().unwrap();
    }

    fn n13_contracts_of_nobody_are_handed_to_somebody(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let next = come_in(app, s.agency, "tsugi@example.jp");
        let file = "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日\nN-1,架空一,架空取込株式会社,1000,2026-04-01,2026-04-01,2027-03-31\nN-2,架空二,架空取込株式会社,1000,2026-04-01,2026-04-01,2027-03-31\n";
        let file = contracts::read(file.as_bytes(), app.app.today()).unwrap();
        assert_eq!(import(&app.app, None, "A1", &file, ImportOptions::default()).unwrap().taken, 2);
        let find = |n: &str| s.items(&s.officer, &format!("/contracts?q={n}"))[0].clone();
        let (one, two) = (text(&find("N-1"), "id"), text(&find("N-2"), "id"));
        assert_eq!(find("N-1").get("officer_id"), None);
        let tab = app.tab(&admin);
        let page = tab.open("/contracts/handover");
        assert!(page.body.as_str().unwrap().contains("担当者のいない契約") && page.body.as_str().unwrap().contains("of=none"), "{}", page.body);
        let page = tab.open("/contracts/handover?of=none");
        assert!(page.body.as_str().unwrap().contains("N-1") && page.body.as_str().unwrap().contains("N-2"), "{}", page.body);
        let to = next.id.to_string();
        let fields = [("of", "none"), ("from", "2026-04-01"), ("assignments/0/contract_id", &one), ("assignments/0/officer_id", &to), ("_sure", "1")];
        assert!(tab.submit("/contracts/handover", &fields).body.as_str().unwrap().contains("1件の契約"));
        assert_eq!((&find("N-1")["officer_id"], find("N-2").get("officer_id")), (&json!(next.id), None));
        // By the API: all that nobody has; whose they are is said in one way.
        let all = json!({"unassigned": true, "officer_id": next.id, "from": "2026-04-01"});
        let mut unclear: Value = all.clone();
        unclear["from_officer_id"] = json!(s.officer.id);
        app.post(&admin, "/contracts/handover", unclear).must(422);
        app.post(&admin, "/contracts/handover", json!({"officer_id": next.id, "from": "2026-04-01"})).must(422);
        let twice = json!({"from": "2026-04-01", "assignments": [{"contract_id": two, "officer_id": next.id}, {"contract_id": two, "officer_id": s.officer.id}]});
        assert_eq!(app.post(&admin, "/contracts/handover", twice).errors(), [("/assignments/1/officer_id".to_owned(), "twice".to_owned())]);
        assert_eq!(app.post(&admin, "/contracts/handover", all).must(200), json!({"moved": 1}));
        assert_eq!(find("N-2")["officer_id"], json!(next.id));
        // Nobody who can't be there on the day.
        app.patch(&admin, &format!("/users/{}", s.officer.id), json!({"expires_on": "2026-04-30", "confirmed": true})).must(200);
        let late = json!({"officer_id": s.officer.id, "from": "2026-05-01"});
        assert_eq!(app.post(&admin, &format!("/contracts/{two}/handover"), late).errors(), [("/officer_id".to_owned(), "not_an_officer".to_owned())]);
    }
}
