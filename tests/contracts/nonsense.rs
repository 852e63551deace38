//! What can't be meant is refused where it is entered, whatever the way in; what often is a slip is asked.

use itaku::domain::input::{Mode, parse};
use itaku::exchange;
use itaku::service::contract::import::{ImportOptions, import};
use itaku::service::contract::{self, ContractQuery, NarrowQuery};
use itaku::service::organization::OrganizationInput;
use itaku::service::vendor::InlineVendor;
use itaku::service::{Failure, Page};
use serde_json::{Value, json};

use crate::house::{House, d, input, new_contract, on_both, pointer, refused};

const NAMES: [&str; 6] = ["同上", "〃", "-", "未定", "9000000000000", "Ｔ９００００００００００００"];

#[test]
fn n10_a_name_that_names_nothing_is_refused_everywhere() {
    on_both(|house| {
        for name in NAMES {
            let organization: Value = json!({"kind": "vendor", "name": name});
            let errors = parse::<OrganizationInput>(&organization, Mode::Strict).unwrap_err();
            assert_eq!(errors[0].pointer, "/name", "{name}");
            let errors = parse::<InlineVendor>(&json!({"name": name}), Mode::Lenient).unwrap_err();
            assert_eq!(errors[0].pointer, "/name", "{name}");
        }
        for title in ["〃", "同上", "-"] {
            assert_eq!(refused(house, json!({"title": title})), ["/title"]);
        }
        // 外字 anywhere.
        assert_eq!(refused(house, json!({"scope": "髙\u{e000}"})), ["/scope"]);
        let header = "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日\r\n";
        let row = |number: &str, title: &str, name: &str| {
            format!("{number},{title},{name},1000,2026-04-01,2026-04-01,2027-03-31\r\n")
        };
        let mut text = header.to_owned();
        for (index, name) in NAMES.iter().enumerate() {
            text.push_str(&row(&format!("N-{index}"), "架空業務", name));
        }
        text.push_str(&row("N-7", "〃", "架空商事株式会社"));
        text.push_str(&row("N-8", "外字\u{e001}", "架空商事株式会社"));
        let summary = house.import(text.as_bytes(), ImportOptions::default());
        assert_eq!((summary.bad, summary.taken, summary.written), (8, 0, false));
        let columns: Vec<&str> = summary.problems.iter().map(|problem| problem.column.as_str()).collect();
        assert_eq!(
            columns,
            ["受託者名", "受託者名", "受託者名", "受託者名", "受託者名", "受託者名", "件名", "件名"]
        );
        assert!(summary.problems[0].cause.contains("同上"), "{:?}", summary.problems[0]);
    });
}

fn amend(house: &House, id: itaku::domain::id::ContractId, body: Value) -> Result<(), Failure> {
    contract::amend(&house.app, &house.officer, id, &input(body)).map(drop)
}

#[test]
fn n10_days_that_cannot_be_meant_are_refused_and_slips_are_asked() {
    on_both(|house| {
        let app = &house.app;
        assert_eq!(pointer(house.try_register("架空-1", json!({"signed_on": "2099-03-25"}))), "/signed_on");
        // Signed and begun in a 年度 to come is registered ahead, and asked about.
        house.register("架空-2", json!({"signed_on": "2027-03-25", "starts_on": "2027-04-01", "ends_on": "2028-03-31", "fiscal_year": 2027}));
        let asked = |more: Value| contract::questions(&new_contract(house, "x", more).terms(), app.today());
        assert_eq!(asked(json!({})), Vec::<String>::new());
        let year = asked(json!({"fiscal_year": 2025}));
        assert!(year.len() == 1 && year[0].contains("2025年度") && year[0].contains("2026年度"), "{year:?}");
        assert!(asked(json!({"signed_on": "2026-04-02"}))[0].contains("今日"));
        assert_eq!(refused(house, json!({"fiscal_year": 2024})), ["/fiscal_year"]);

        let id = house.register("架空-3", json!({})).id;
        house.clock.set_day(d("2026-08-01"));
        let late = json!({"effective_on": "2026-10-01", "reason": "x", "ends_on": "2026-09-30"});
        assert_eq!(pointer(amend(house, id, late)), "/effective_on");
        let past = json!({"effective_on": "2026-06-01", "reason": "x", "ends_on": "2026-07-31"});
        assert_eq!(pointer(amend(house, id, past)), "/ends_on");
        let shorter = json!({"effective_on": "2026-08-01", "reason": "短縮", "ends_on": "2026-08-31", "amount_yen": 1_000});
        let asked = contract::questions_of(app, &house.officer, id, &input(shorter.clone())).unwrap().2;
        assert!(
            asked.len() == 2 && asked[0].contains("早まります") && asked[1].contains("10分の1"),
            "{asked:?}"
        );
        amend(house, id, shorter).unwrap();
        // Prolonged again, from a day beyond the end so far.
        amend(house, id, json!({"effective_on": "2026-09-01", "reason": "延長", "ends_on": "2027-03-31"}))
            .unwrap();
        house.projections_hold();
    });
}

/// The number on printed samples, with a right check digit.
const LIKE: &str = "123456789018";

#[test]
fn n25_a_number_like_a_persons_is_asked_about_and_taken_once_confirmed() {
    on_both(|house| {
        let app = &house.app;
        let errors = refused(house, json!({"number": LIKE}));
        assert_eq!(errors, ["/number"]);
        let view = house.register(LIKE, json!({"number": LIKE, "number_confirmed": true}));
        assert_eq!(view.number, LIKE);
        // In words, where no such number belongs, it stays refused.
        assert_eq!(
            refused(house, json!({"number_confirmed": true, "title": format!("業務 {LIKE}")})),
            ["/title"]
        );
        let said = app
            .db
            .read(|conn| itaku::db::ledger::payloads(conn, Some(view.id.cast()), "contract.registered"));
        assert!(said.unwrap()[0].contains("\"number_confirmed\":true"));
        let plain = house.register("架空-1", json!({"number_confirmed": true})).id;
        let said =
            app.db.read(|conn| itaku::db::ledger::payloads(conn, Some(plain.cast()), "contract.registered"));
        assert!(!said.unwrap()[0].contains("number_confirmed"), "it was not asked");

        let text = concat!(
            "契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日\r\n",
            "222222222222,架空業務,架空商事株式会社,1000,2026-04-01,2026-04-01,2027-03-31\r\n",
            "202611000008,架空業務,架空商事株式会社,1000,2026-04-01,2026-04-01,2027-03-31\r\n"
        );
        let mut file = exchange::contracts::read(text.as_bytes(), app.today()).unwrap();
        let asked = import(app, None, "K1", &file, ImportOptions::default()).unwrap();
        assert_eq!(
            (asked.written, asked.bad, asked.numbers_in_question),
            (false, 1, 1),
            "{:?}",
            asked.problems
        );
        assert_eq!((asked.problems[0].line, asked.problems[0].code), (3, "looks_like_my_number"));
        assert!(!asked.problems[0].cause.contains("202611000008"), "it is not repeated");
        file.numbers_confirmed = true;
        let taken = import(app, None, "K1", &file, ImportOptions::default()).unwrap();
        assert_eq!((taken.written, taken.taken, taken.bad), (true, 2, 0));
        let found = ContractQuery {
            narrow: NarrowQuery { q: Some("202611000008".into()), ..Default::default() },
            ..Default::default()
        };
        let page = contract::list(app, &house.officer, &found, &Page::default()).unwrap();
        let said = app.db.read(|conn| {
            itaku::db::ledger::payloads(conn, Some(page.items[0].id.cast()), "contract.registered")
        });
        assert!(said.unwrap()[0].contains("\"number_confirmed\":true"));
        house.projections_hold();
    });
}
