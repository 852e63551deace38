//! What a file of contracts brings, before and after it is taken in: issue 10, number 10.

use itaku::domain::access::Role;
use serde_json::json;

use crate::stage::{Stage, text};
use crate::support::{TestApp, both};

const HEADER: &str = "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日,担当部署\n";

both! {
    fn n10_a_file_is_shown_with_its_vendors_departments_and_what_is_there_already(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        app.post(&admin, "/departments", json!({"name": "架空管理課", "email": "kanri@example.jp"})).must(201);
        s.contract_with(&json!({"number": "T-1", "title": "登録済みの業務"}));
        let row = |number: &str, vendor: &str, amount: &str, department: &str| {
            format!("{number},架空業務{number},{vendor},{amount},2026-04-01,2026-04-01,2027-03-31,{department}\n")
        };
        let file = [
            HEADER.to_owned(),
            row("T-1", "架空甲データ株式会社", "5", "架空管理課"),
            row("T-2", "架空乙入力株式会社", "1000", "架空管理課"),
            row("T-3", "架空乙入カ株式会社", "1000", "架空菅理課"),
            row("T-4", "架空遠方株式会社", "1000", "架空菅理課"),
        ];
        let tab = app.tab(&s.officer);
        let blank = tab.open("/contracts/import");
        let blank = blank.body.as_str().unwrap();
        for word in ["書ける値", "禁止、事前承認、三要件つき事前承認、届出のみ、軽微を除き承認、個人情報なし", "なし、毎月、四半期、毎年", "登録されている担当部署: 架空管理課"] {
            assert!(blank.contains(word), "{word}: {blank}");
        }
        let sent = tab.upload("/contracts/import", "契約.csv", file.concat().as_bytes());
        let address = sent.header("location").unwrap().to_owned();
        let page = tab.open(&address);
        let page = page.body.as_str().unwrap();
        let part = |from: &str, to: &str| page.split_once(from).unwrap_or_else(|| panic!("{from}: {page}")).1.split_once(to).unwrap().0;
        let vendors = part("<h2>新しく登録する事業者</h2>", "<h2>登録されていない担当部署");
        assert!(vendors.contains("架空遠方株式会社") && vendors.contains("架空乙入カ株式会社"), "{vendors}");
        assert!(vendors.contains("架空乙入力株式会社") && vendors.matches("確かめる</span>").count() == 1, "the slip is named beside what it may be: {vendors}");
        let departments = part("<h2>登録されていない担当部署</h2>", "</table>");
        assert!(departments.contains("架空菅理課") && departments.contains("2件") && !departments.contains("架空管理課"), "{departments}");
        let there = part("<h2>すでに登録されている契約</h2>", "<h2 id=\"rows\">");
        assert!(there.contains("1件は取り込まず") && there.contains("件名") && there.contains("登録済みの業務"), "{there}");
        if let Some((_, rest)) = page.split_once("<h2>注意</h2>") {
            assert!(!rest.split_once("</table>").unwrap().0.contains("登録済み"), "{page}");
        }
        for title in ["架空業務T-2", "架空業務T-3", "架空業務T-4"] {
            assert!(page.contains(title), "{title}: {page}");
        }
        let taken = tab.submit(&address, &[]);
        let done = taken.body.as_str().unwrap();
        assert!(done.contains("3件の契約を取り込みました") && done.contains("担当者がまだいません"), "{done}");
        let found = s.items(&s.officer, "/contracts?q=T-3");
        assert!(done.contains(&format!("/contracts/{}", text(&found[0], "id"))) && done.contains("架空業務T-4") && !done.contains("登録済みの業務"), "{done}");
        // Home says it to everyone, the same number as the list.
        for who in [&s.officer, &admin] {
            let home = app.tab(who).open("/home");
            assert!(home.body.as_str().unwrap().contains("担当者のいない契約が3件あります"), "{}", home.body);
        }
        assert!(app.tab(&admin).open("/home").body.as_str().unwrap().contains("/contracts/handover?of=none"));
        assert!(app.tab(&admin).open("/contracts/handover?of=none").body.as_str().unwrap().contains("終了していない契約3件"));
        // Who may decide it is led there.
        let there = app.tab(&admin).open("/contracts/handover?of=none");
        let there = there.body.as_str().unwrap();
        assert!(there.contains("T-2") && there.contains("T-3") && there.contains("T-4") && !there.contains("T-1"), "{there}");
        let page = tab.open(&format!("/contracts/{}", text(&found[0], "id")));
        assert!(page.body.as_str().unwrap().contains("担当者全員に届きます"), "{}", page.body);
    }
}
