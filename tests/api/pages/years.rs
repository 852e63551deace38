//! 年度 as offices write it, wherever a page takes one.

use serde_json::json;

use super::text;
use crate::stage::Stage;
use crate::support::{TestApp, both};

/// As a browser puts it into an address.
fn asked(path: &str, year: &str) -> String {
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("fiscal_year", year).finish();
    format!("{path}?{query}")
}

both! {
    fn a_list_is_narrowed_to_a_year_in_any_writing(app: TestApp) {
        let s = Stage::new(app);
        s.contract_with(&json!({"title": "架空の本年度業務"}));
        let tab = app.tab(&s.officer);
        for year in ["2026", "２０２６", "2026年度", "R8", "Ｒ８", "令和8年度", "令和 ８ 年"] {
            let page = tab.open(&asked("/contracts", year));
            assert!(page.status == 200 && text(&page).contains("架空の本年度業務"), "{year}: {}", page.body);
            let plan = tab.open(&asked("/audits", year));
            assert!(plan.status == 200 && text(&plan).contains("2026年度"), "{year}: {}", plan.body);
        }
        let before = tab.open(&asked("/contracts", "令和7年度"));
        assert!(before.status == 200 && !text(&before).contains("架空の本年度業務"), "{}", before.body);
        assert!(text(&tab.open(&asked("/audits", "R7"))).contains("2025年度"));
        for (path, year) in [("/contracts", "来年"), ("/contracts", "8"), ("/audits", "来年"), ("/audits", "1868")] {
            let page = tab.open(&asked(path, year));
            assert_eq!(page.status, 422, "{path} {year}");
            let says = text(&page);
            assert!(says.contains("<title>エラー: ") && says.contains("令和8年度 のように"), "{}", page.body);
        }
        let typed = tab.open(&asked("/contracts", "来年"));
        assert!(text(&typed).contains("value=\"来年\"") && text(&typed).contains("href=\"#f-fiscal_year\""), "{}", typed.body);
    }

    fn a_contract_is_registered_with_its_year_in_any_writing(app: TestApp) {
        let s = Stage::new(app);
        let vendor = s.a.id.to_string();
        let tab = app.tab(&s.officer);
        let form = |year: &'static str| [
            ("number", "R8-年度"), ("title", "架空の年度業務"), ("fiscal_year", year), ("vendor_id", vendor.as_str()), ("amount_yen", "1,000"),
            ("signed_on", "R8.4.1"), ("starts_on", "R8.4.1"), ("ends_on", "令和9年3月31日"), ("scope", "入力"),
            ("subcontracting/policy", "consent_required"), ("subcontracting/overseas", "prohibited"),
        ].to_vec();
        let wrong = tab.submit("/contracts/new", &form("来年"));
        assert!(wrong.status == 422 && text(&wrong).contains("href=\"#f-fiscal_year\"") && text(&wrong).contains("令和8年度 のように"), "{}", wrong.body);
        let checked = tab.submit("/contracts/new", &form("令和８年度"));
        assert!(checked.status == 200 && text(&checked).contains("2026年度"), "{}", checked.body);
        let done = tab.submit("/contracts/new", &[form("令和８年度"), vec![("_sure", "1")]].concat());
        assert_eq!(done.status, 303, "{}", done.body);
        assert_eq!(s.get(&s.officer, "/contracts").must(200)["items"][0]["fiscal_year"], 2026);
        // JSON has a number.
        let body = json!({"fiscal_year": "令和8年度"});
        let errors = s.post(&s.officer, "/contracts", body).errors();
        assert!(errors.contains(&("/fiscal_year".to_owned(), "type".to_owned())), "{errors:?}");
    }
}
