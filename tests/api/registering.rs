//! A contract registered by hand: issue 10, number 16.

use itaku::domain::access::Role;
use serde_json::json;

use crate::stage::{Stage, number, text};
use crate::support::{TestApp, both};

both! {
    fn n16_a_form_knows_the_department_explains_its_terms_and_warns_of_my_number_with_an_exemption(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        for name in ["架空管理課", "架空総務課"] {
            app.post(&admin, "/departments", json!({"name": name, "email": "ka@example.jp"})).must(201);
        }
        let tab = app.tab(&s.officer);
        let form = || tab.open("/contracts/new").body.as_str().unwrap().to_owned();
        assert!(!form().contains("value=\"架空総務課\" selected"), "{}", form());
        s.contract_with(&json!({"number": number(), "department": "架空総務課"}));
        let page = form();
        assert!(page.contains("value=\"架空総務課\" selected"), "{page}");
        for word in ["三つを満たすときの承認", "軽微な業務の上限額", "5. 報告・返却・担当部署", "番号法第10条第1項"] {
            assert!(page.contains(word), "{word}: {page}");
        }
        let its = number();
        let vendor = s.a.id.to_string();
        let send = |policy: &str, my_number: &str, more: &[(&str, &str)]| {
            let mut fields = vec![
                ("number", its.as_str()), ("title", "架空業務"), ("fiscal_year", "2026"), ("vendor_id", &vendor), ("amount_yen", "1000"),
                ("signed_on", "R8.4.1"), ("starts_on", "R8.4.1"), ("ends_on", "R9.3.31"), ("scope", "入力"), ("persons/personal", "100"),
                ("persons/my_number", my_number), ("subcontracting/policy", policy), ("subcontracting/overseas", "prohibited"),
                ("declaration_interval", "none"), ("return_due_days", "14"),
            ];
            fields.extend(more);
            tab.submit("/contracts/new", &fields)
        };
        let warned = |policy: &str, my_number: &str| {
            let asked = send(policy, my_number, &[("subcontracting/minor_limit_yen", if policy == "minor_exempt" { "500" } else { "" })]);
            assert_eq!(asked.status, 200, "{}", asked.body);
            asked.body.as_str().unwrap().contains("委託元の許諾が必要です（番号法第10条第1項）")
        };
        assert!(warned("notice_only", "10") && warned("minor_exempt", "10"));
        assert!(!warned("notice_only", "") && !warned("consent_required", "10"));
        let made = send("notice_only", "10", &[("_sure", "1")]);
        assert_eq!(made.status, 303, "asked, not refused: {}", made.body);
        assert_eq!(text(&s.items(&s.officer, &format!("/contracts?q={its}"))[0], "number"), its);
    }
}
