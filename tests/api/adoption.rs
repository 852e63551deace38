//! The day an agency adopts itaku: paper consents and inspections of many contracts in one act each: issue 10, number 14.

use itaku::domain::access::Role;
use itaku::service::verify::verify_ledger;
use serde_json::json;

use crate::stage::{Stage, number, text};
use crate::support::{Answer, TestApp, both};

const HEADER: &str = "契約番号,上位法人番号,上位事業者名,法人番号,事業者名,国,業務範囲,金額（円）,個人情報人数,マイナンバー人数,要配慮人数,決裁日,文書番号,承認開始日,承認終了日\n";

fn said(answer: &Answer) -> &str {
    answer.body.as_str().unwrap()
}

both! {
    fn n14_consents_on_paper_are_drafted_by_an_officer_and_recorded_by_an_approver_in_one_decision(app: TestApp) {
        let s = Stage::new(app);
        let numbers: Vec<String> = (0..3).map(|_| number()).collect();
        let made: Vec<_> = numbers.iter().map(|it| s.contract_with(&json!({"number": it}))).collect();
        let row = |contract: &str, document: &str| {
            format!("{contract},,,,架空乙入力株式会社,日本,入力,1000,10,,,2026-04-01,{document},2026-04-01,2026-12-31\n")
        };
        let (officer, approver) = (app.tab(&s.officer), app.tab(&s.approver));
        let colleague = app.person(s.agency, &[Role::Officer]);
        let stranger = app.person(app.agency("A2"), &[Role::Officer, Role::Approver]);
        let send = |content: &str| officer.upload("/consents/drafts/new", "既承認.csv", content.as_bytes()).header("location").unwrap().to_owned();
        let offered = officer.open("/consents/drafts/new");
        assert!(said(&offered).contains("契約番号、上位法人番号、上位事業者名") && said(&offered).contains("決裁日が契約の登録日より後の行は、誤りになります"), "{}", offered.body);
        assert!(said(&officer.open("/consents")).contains("登録するのは決裁者です") && said(&approver.open("/consents")).contains("「再委託」の画面から行えます"));
        // A bad row is told by its line, and nothing goes on.
        let bad = send(&format!("{HEADER}{}{}", row(&numbers[0], "架空第1号"), row("無い契約", "架空第2号")));
        let page = officer.open(&bad);
        assert!(said(&page).contains("無い契約") && said(&page).contains("登録されていません") && !said(&page).contains("起案して決裁者に回す"), "{}", page.body);
        let refused = officer.submit(&format!("{bad}/submit"), &[]);
        assert!(refused.status == 409 && said(&refused).contains("誤りのある行が1行"), "{}", refused.body);

        let rows: String = numbers.iter().enumerate().map(|(n, it)| row(it, &format!("架空第{n}号"))).collect();
        let draft = send(&format!("{HEADER}{rows}"));
        let page = officer.open(&draft);
        for word in [numbers[0].as_str(), numbers[2].as_str(), "架空データ入力業務", "架空乙入力株式会社", "架空第1号", "3件"] {
            assert!(said(&page).contains(word), "{word}: {}", page.body);
        }
        // Not handed on yet: nobody else sees it; never another agency.
        for other in [&colleague, &s.approver, &stranger] {
            assert_eq!(app.tab(other).open(&draft).status, 404);
        }
        assert_eq!(officer.submit(&format!("{draft}/record"), &[]).status, 403, "an officer does not decide");
        assert_eq!(officer.submit(&format!("{draft}/submit"), &[]).status, 303);
        assert_eq!(app.tab(&stranger).open(&draft).status, 404);
        assert_eq!(app.tab(&stranger).submit(&format!("{draft}/record"), &[]).status, 404);
        assert_eq!(app.tab(&colleague).submit(&format!("{draft}/withdraw"), &[]).status, 403);
        let consents = || s.items(&s.approver, "/consents?recorded=late");
        assert_eq!(consents().len(), 0);
        let listed = approver.open("/consents/drafts");
        assert!(said(&listed).contains("決裁待ち") && !said(&listed).contains(&bad), "{}", listed.body);
        assert!(said(&approver.open("/home")).contains("既承認の起案が1件、決裁を待っています"));
        let page = approver.open(&draft);
        assert!(said(&page).contains("登録する内容を確かめる") && said(&page).contains("3件すべて"), "{}", page.body);
        let waiting = approver.open("/consents/drafts?state=waiting");
        assert!(said(&waiting).contains(&draft) && !said(&waiting).contains(&bad), "{}", waiting.body);
        // The first press says what the second does, and does nothing.
        let asked = approver.submit(&format!("{draft}/record"), &[]);
        for word in ["まだ送信していません", "登録する既承認</dt><dd class=\"prose\">3件", "架空乙入力株式会社（3件）", "起案した人", &format!("{} 架空データ入力業務", numbers[1])] {
            assert!(asked.status == 200 && said(&asked).contains(word), "{word}: {}", asked.body);
        }
        assert_eq!(consents().len(), 0, "nothing before it was looked at");
        let back = approver.submit(&format!("{draft}/record"), &[("_again", "1")]);
        assert!(back.status == 200 && said(&back).contains("登録する内容を確かめる"), "{}", back.body);
        for _ in 0..2 {
            let sure = approver.submit(&format!("{draft}/record"), &[("_sure", "1")]);
            assert_eq!(sure.status, 303, "pressed twice, done once");
        }
        assert_eq!(consents().len(), 3);
        let chain = s.get(&s.officer, &format!("/contracts/{}/chain", made[1].id)).must(200);
        assert_eq!(chain["root"]["children"][0]["state"], json!("consented"), "{chain:#}");
        let entry = app.entries(&text(&consents()[0], "id"));
        assert_eq!(entry[0].1["drafted_by"], json!(s.officer.id));
        let done = approver.open(&draft);
        assert!(said(&done).contains("登録済み") && !said(&done).contains("登録する内容を確かめる"), "{}", done.body);
        assert_eq!(approver.submit(&format!("{draft}/withdraw"), &[]).status, 409);
        // What is there already is no new draft.
        let again = send(&format!("{HEADER}{rows}"));
        assert!(said(&officer.open(&again)).contains("すでに登録されているもの</dt><dd>3件"), "{}", officer.open(&again).body);
        assert_eq!(officer.submit(&format!("{again}/submit"), &[]).status, 409);
        verify_ledger(&app.app.db).unwrap().unwrap();
    }

    fn n14_an_inspection_is_planned_for_many_contracts_in_one_act(app: TestApp) {
        let s = Stage::new(app);
        let numbers: Vec<String> = (0..3).map(|_| number()).collect();
        let made: Vec<_> = numbers.iter().map(|it| s.contract_with(&json!({"number": it}))).collect();
        s.post(&s.auditor, &format!("/contracts/{}/audits", made[0].id), json!({"kind": "on_site", "due_on": "2026-09-30"})).must(201);
        let tab = app.tab(&s.auditor);
        let page = tab.open("/audits/many");
        assert!(numbers.iter().all(|it| said(&page).contains(it.as_str())), "{}", page.body);
        let of = |more: &[(&str, &str)]| {
            let ids: Vec<(String, String)> = made.iter().enumerate().map(|(n, it)| (format!("contract_ids/{n}"), it.id.clone())).collect();
            let mut all: Vec<(&str, &str)> = ids.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
            all.extend([("kind", "on_site"), ("due_on", "R8.9.30"), ("every_months", "12")]);
            all.extend(more);
            tab.submit("/audits/many", &all)
        };
        let none = tab.submit("/audits/many", &[("kind", "on_site"), ("due_on", "R8.9.30")]);
        assert!(none.status == 422 && said(&none).contains("契約を選んでください"), "{}", none.body);
        let early = of(&[("due_on", "2026-03-01")]);
        assert!(early.status == 422 && said(&early).contains(&format!("契約{}は2026-04-01に始まります", numbers[0])), "{}", early.body);
        let all = of(&[("_again", "all")]);
        assert_eq!(said(&all).matches(" checked").count(), 4, "three contracts and the kind: {}", all.body);
        let asked = of(&[]);
        let planned = said(&asked).split_once("計画する契約</dt>").unwrap().1.split_once("</div>").unwrap().0;
        assert!(planned.contains("2件") && planned.contains(&numbers[1]) && planned.contains(&numbers[2]) && !planned.contains(&numbers[0]), "{planned}");
        assert!(said(&asked).contains("同じ検査の計画がある契約"), "{}", asked.body);
        let audits = |n: usize| s.items(&s.auditor, &format!("/contracts/{}/audits", made[n].id));
        assert_eq!(audits(1).len(), 0, "nothing before it was looked at");
        for _ in 0..2 {
            let done = of(&[("_sure", "1"), ("_once", "a")]);
            assert!(said(&done).contains("2件の契約に検査を計画しました"), "{}", done.body);
        }
        assert_eq!([audits(0).len(), audits(1).len(), audits(2).len()], [1, 1, 1]);
        assert_eq!((&audits(1)[0]["due_on"], &audits(1)[0]["every_months"]), (&json!("2026-09-30"), &json!(12)));
        assert!(said(&of(&[("_sure", "1")])).contains("0件の契約"), "again by another form: nothing is doubled");
        // What is planned for another day, and what was done last, stand beside the contract and on the check page.
        let audit = text(&audits(2)[0], "id");
        s.post(&s.auditor, &format!("/audits/{audit}/complete"), json!({"done_on": "2026-04-01", "result": "pass"})).must(200);
        let page = tab.open("/audits/many");
        assert!(said(&page).contains("実地検査 2026-09-30まで") && said(&page).contains("実地検査 2026-04-01</span></td>"), "{}", page.body);
        let doubled = of(&[("due_on", "2026-10-31")]);
        let (_, row) = said(&doubled).split_once("うち、別の期限の計画がすでにある契約</dt>").unwrap();
        let row = row.split_once("</div>").unwrap().0;
        assert!(row.contains("3件") && row.contains(&format!("{} 架空データ入力業務 （2026-09-30）", numbers[0])) && row.contains("2027-09-30"), "{row}");
        assert!(said(&doubled).contains("検査が2つになります"), "{}", doubled.body);
        let other = of(&[("due_on", "2026-10-31"), ("kind", "document")]);
        assert!(!said(&other).contains("検査が2つになります"), "of another kind there is none: {}", other.body);
        // By who is responsible and by department.
        let own = format!("/audits/many?officer={}", s.officer.id);
        assert!(numbers.iter().all(|it| said(&tab.open(&own)).contains(it.as_str())));
        assert!(said(&tab.open("/audits/many?officer=none")).contains("当てはまる履行中の契約はありません"));
        assert!(said(&tab.open("/audits/many?department=%E7%84%A1%E3%81%84%E8%AA%B2")).contains("当てはまる履行中の契約はありません"));
        verify_ledger(&app.app.db).unwrap().unwrap();
    }
}
