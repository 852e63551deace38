//! Files taken in and registers put out, beside what the API says of the same contracts.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use itaku::domain::access::Scope;
use itaku::exchange::export::Cell;
use itaku::exchange::{consents, contracts, register};
use itaku::service::Failure;
use itaku::service::consent::import::{ConsentSummary, import as import_consents};
use itaku::service::contract::import::{ImportOptions, ImportSummary, import};
use itaku::service::export::{Register, export};
use itaku::service::register::import_register;
use serde_json::{Value, json};

use crate::stage::{Stage, text};
use crate::support::{TestApp, both, day};

/// The example worked in the ordinance's explanation; two that pass the check and can belong to nobody.
const NUMBER: &str = "8700110005901";
const OTHER: &str = "9000000000000";
const THIRD: &str = "7000012050002";

const HEADER: &str = "契約番号,件名,受託者法人番号,受託者名,契約金額（円）,契約日,開始日,終了日,担当部署\r\n";

fn row(number: &str, vendor: &str, name: &str, amount: &str) -> String {
    format!("{number},架空業務,{vendor},{name},\"{amount}\",2026-04-01,2026-04-01,2027-03-31,架空課\r\n")
}

fn take(app: &TestApp, rows: &[String]) -> ImportSummary {
    let file = contracts::read(format!("{HEADER}{}", rows.concat()).as_bytes(), app.app.today()).unwrap();
    let options = ImportOptions { skip_bad: true, ..ImportOptions::default() };
    let summary = import(&app.app, None, "A1", &file, options).unwrap();
    assert_eq!(
        summary.taken + summary.duplicates + summary.joined + summary.elsewhere + summary.bad,
        summary.rows
    );
    summary
}

type Places<'a> = Vec<(u64, &'a str)>;

/// Line and column of each problem and each warning.
fn said(summary: &ImportSummary) -> (Places<'_>, Places<'_>) {
    let bad = summary.problems.iter().map(|p| (p.line, p.column.as_str())).collect();
    (bad, summary.warnings.iter().map(|w| (w.line, w.column.as_str())).collect())
}

/// A company that is no more.
fn closed_in_the_register(app: &TestApp, number: &str, name: &str) {
    let row = format!(
        "1,{number},21,0,2026-02-01,2026-01-31,\"{name}\",,301,\"架空県\",\"例示市\",\"一丁目\",,99,999,0000000,,,2026-01-31,01,,,2026-02-01,1,,,,,\"カクウ\",0\r\n"
    );
    let summary = import_register(&app.app, &register::read(row.as_bytes()).unwrap()).unwrap();
    assert_eq!((summary.closed, summary.bad), (1, 0));
}

/// A number that had another name before.
fn renamed_in_the_register(app: &TestApp, number: &str, before: &str, now: &str) {
    let row = |process: &str, name: &str, on: &str, latest: u8| {
        format!(
            "1,{number},{process},0,{on},{on},\"{name}\",,301,\"架空県\",\"例示市\",\"一丁目\",,99,999,0000000,,,,,,,2026-04-01,{latest},,,,,\"カクウ\",0\r\n"
        )
    };
    let file = format!("{}{}", row("01", before, "2020-04-01", 0), row("11", now, "2026-03-01", 1));
    let summary = import_register(&app.app, &register::read(file.as_bytes()).unwrap()).unwrap();
    assert_eq!((summary.taken, summary.bad), (2, 0));
}

pub fn put_out(app: &TestApp, what: Register, as_of: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    let shown = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Day(day) => day.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Empty => String::new(),
    };
    let as_of: NaiveDate = day(as_of);
    export::<Failure>(&app.app, what, Scope::Program, as_of, &mut |cells| {
        let keys = what.columns().iter().map(|column| column.key.to_owned());
        rows.push(keys.zip(cells.iter().map(shown)).collect());
        Ok(())
    })
    .unwrap();
    rows
}

both! {
    fn a_number_is_believed_only_with_its_companys_name(app: TestApp) {
        let s = Stage::new(app);
        let known = json!({"kind": "vendor", "name": "株式会社架空", "corporate_number": NUMBER});
        app.post(&app.admin(), "/organizations", known).must(201);
        renamed_in_the_register(app, OTHER, "株式会社旧名", "株式会社新名");
        let k = s.contract();
        let inline = |name: &str| json!({"parent_engagement_id": k.root, "vendor": {"name": name, "corporate_number": OTHER}, "started_on": "2026-04-01"});
        let summary = take(app, &[
            row("N-1", NUMBER, "㈱架空", "1,000"),
            row("N-2", NUMBER, "株式会社別物", "1000"),
            row("N-3", OTHER, "株式会社旧名", "1000"),
            row("N-4", OTHER, "株式会社別物", "1000"),
            row("N-5", THIRD, "株式会社初出", "1000"),
            row("N-6", THIRD, "株式会社二番", "1000"),
            row("N-7", "", "株式会社無番", "3,5"),
        ]);
        let name = "受託者名";
        assert_eq!(said(&summary), (vec![(3, name), (5, name), (7, name), (8, "契約金額（円）")], vec![(4, name)]));
        assert!(summary.problems[0].cause.contains("株式会社架空") && summary.warnings[0].message.contains("株式会社新名"));
        // Known by now, and by the name it had before as well.
        k.observe("third_party", inline("株式会社旧名"));
    }

    fn a_known_number_with_other_content_is_a_duplicate_that_says_so(app: TestApp) {
        let s = Stage::new(app);
        let first = [row("N-1", NUMBER, "株式会社架空", "1000"), row("N-2", "", "株式会社無番", "2000")];
        assert_eq!(take(app, &first).taken, 2);
        let same = take(app, &first);
        assert_eq!((same.duplicates, said(&same)), (2, (vec![], vec![])));
        let other = take(app, &[row("N-1", OTHER, "株式会社別", "1500"), row("N-2", "", "株式会社無番", "2000")]);
        let expected = vec![(2, "契約金額（円）"), (2, "受託者法人番号")];
        assert_eq!((other.taken, other.duplicates, said(&other)), (0, 2, (vec![], expected)));
        assert!(other.warnings[0].message.contains("1500") && other.warnings[0].message.contains("1000"));
        // What was changed by 変更契約 since was so when the file was taken.
        let id = text(&s.items(&s.officer, "/contracts?q=N-1")[0], "id");
        let amendment = json!({"effective_on": "2026-06-01", "reason": "増額", "amount_yen": 3000});
        s.post(&s.officer, &format!("/contracts/{id}/amendments"), amendment).must(201);
        assert_eq!(said(&take(app, &first)), (vec![], vec![]));
    }

    fn one_set_of_limits_for_files_and_the_api(app: TestApp) {
        let s = Stage::new(app);
        let header = HEADER.replace("担当部署", "業務範囲,最大階層,返却期限日数,個人情報人数");
        let taken = |more: &str| {
            let row = row("N-1", "", "株式会社無番", "1000").replace("架空課", more);
            let file = contracts::read(format!("{header}{row}").as_bytes(), app.app.today()).unwrap();
            file.taken().count() == 1
        };
        let scope = |length: usize| "業".repeat(length);
        assert!(taken(&format!("{},10,365,10000000000", scope(10_000))));
        for (scope_length, more) in [(10_001, ",10,365,1"), (1, ",11,365,1"), (1, ",10,366,1"), (1, ",10,365,10000000001")] {
            assert!(!taken(&format!("{}{more}", scope(scope_length))), "{more}");
        }
        let body = json!({"scope": scope(10_000), "subcontracting": {"max_tier": 10}, "return_due_days": 365, "data": [{"category": "personal", "persons": 10_000_000_000_i64}]});
        s.contract_with(&body);
    }

    fn a_consent_on_paper_finds_its_parent_and_its_twin(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let place = |answer: Value| text(&answer, "engagement_id");
        let b = place(k.record(&k.root, &s.b, &json!({})).must(201));
        let d = place(k.record(&k.root, &s.d, &json!({})).must(201));
        let twins = [place(k.record(&b, &s.c, &json!({})).must(201)), place(k.record(&d, &s.c, &json!({})).must(201))];
        let header = String::from_utf8(consents::template()).unwrap();
        let line = |vendor: &str, name: &str, amount: &str, id: &str| {
            format!("R8-1,,架空丙企画株式会社,{vendor},{name},JP,入力,\"{amount}\",,,,2026-03-20,架第1号,2026-04-01,2026-12-31,{id},\r\n")
        };
        let take = |rows: &[String]| -> Result<ConsentSummary, Failure> {
            let file = consents::read(format!("{header}{}", rows.concat()).as_bytes(), app.app.today()).unwrap();
            import_consents(&app.app, "A1", &s.approver.email, &file, false)
        };
        let bad = take(&[line("", "架空己印刷株式会社", "100", ""), line("", "架空己印刷株式会社", "3,5", &twins[0])]).unwrap();
        let columns: Vec<(u64, &str)> = bad.problems.iter().map(|p| (p.line, p.column.as_str())).collect();
        assert_eq!((bad.written, columns), (false, vec![(2, "上位事業者名"), (3, "金額（円）")]));
        assert!(twins.iter().all(|twin| bad.problems[0].cause.contains(twin)), "{}", bad.problems[0].cause);
        // Two companies of one name are told apart by their numbers.
        let rows = [line(NUMBER, "架空己印刷株式会社", "1,000円", &twins[1]), line(OTHER, "架空己印刷株式会社", "1000", &twins[1])];
        let good = take(&rows).unwrap();
        assert_eq!((good.written, good.taken, good.duplicates), (true, 2, 0), "{:?}", good.problems);
        assert_eq!(take(&rows).unwrap().duplicates, 2);
        // A company that the register has as closed is told in the act that brings it in.
        let told = || s.items(&s.officer, "/alerts?kind=vendor_changed").len();
        closed_in_the_register(app, THIRD, "株式会社架空閉鎖");
        assert_eq!(told(), 0);
        assert_eq!(take(&[line(THIRD, "株式会社架空閉鎖", "1000", &twins[1])]).unwrap().taken, 1);
        assert_eq!(told(), 1);
        let admin = app.admin();
        app.patch(&admin, &format!("/users/{}", s.approver.id), json!({"expires_on": "2026-04-01", "confirmed": true})).must(200);
        app.move_to("2026-04-02");
        assert!(matches!(take(&rows), Err(Failure::Invalid(errors)) if errors[0].pointer == "/approver"));
    }

    fn n29_consents_above_the_contract_are_told(app: TestApp) {
        let s = Stage::new(app);
        s.contract_with(&json!({"amount_yen": 12_000_000, "data": [{"category": "personal", "persons": 1_000}]}));
        let header = String::from_utf8(consents::template()).unwrap().replace("金額（円）", "金額(円)");
        let line = |amount: &str, persons: &str, document: &str| {
            format!("R8-1,,,,架空己印刷株式会社,JP,入力,\"{amount}\",\"{persons}\",,,2026/3/20,{document},2026/4/1（水）,2026/12/31,,,,\r\n")
        };
        let take = |rows: &[String], dry_run: bool| {
            let text = format!("{},,\r\n{}", header.trim_end(), rows.concat());
            let file = consents::read(text.as_bytes(), app.app.today()).unwrap();
            import_consents(&app.app, "A1", &s.approver.email, &file, dry_run).unwrap()
        };
        let rows = [line("12,000,000円", "1,000人", "架第1号"), line("12,000,001", "1,001人", "架第2号")];
        for dry_run in [true, false] {
            let told = take(&rows, dry_run);
            assert_eq!((told.written, told.taken, told.bad), (!dry_run, 2, 0), "{:?}", told.problems);
            let places: Vec<_> = told.warnings.iter().map(|w| (w.line, w.column.as_str())).collect();
            assert_eq!(places, [(3, "金額（円）"), (3, "個人情報人数")]);
            assert!(told.warnings[0].message.contains("12,000,001円が、契約の12,000,000円"), "{}", told.warnings[0].message);
        }
        let again = take(&rows, false);
        assert_eq!((again.written, again.taken, again.duplicates), (false, 0, 2));
        let ditto = take(&["R8-1,,,,同上,JP,入力,5,,,,2026/3/20,〃,2026/4/1,2026/12/31,,,,\r\n".to_owned()], false);
        let columns: Vec<_> = ditto.problems.iter().map(|p| p.column.as_str()).collect();
        assert_eq!((ditto.written, columns), (false, vec!["文書番号", "事業者名"]));
    }

    fn an_export_speaks_of_one_day_by_all_that_is_known(app: TestApp) {
        let s = Stage::new(app);
        app.move_to("2026-06-01");
        let k = s.contract_with(&json!({"department": "旧課"}));
        app.move_to("2026-06-05");
        let audit = json!({"kind": "on_site", "due_on": "2026-12-01"});
        let audit = text(&s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), audit).must(201), "id");
        let amendment = json!({"effective_on": "2026-07-01", "reason": "増額", "amount_yen": 20_000_000, "title": "架空改業務"});
        s.post(&s.officer, &format!("/contracts/{}/amendments", k.id), amendment).must(201);
        let path = format!("/contracts/{}", k.id);
        app.patch(&app.log_in(&s.officer), &path, json!({"department": "新課"})).must(200);
        k.record(&k.root, &s.b, &json!({})).must(201);
        app.move_to("2026-06-10");
        s.post(&s.auditor, &format!("/audits/{audit}/complete"), json!({"done_on": "2026-06-10", "result": "pass"})).must(200);
        app.move_to("2026-07-02");
        let contract = |as_of: &str| put_out(app, Register::Contracts, as_of).pop().map(|row| {
            ["title", "amount_yen", "department", "status", "open_alerts"].map(|key| row[key].clone())
        });
        let stood = |title: &str, amount: &str, department: &str, alerts: &str| Some([title, amount, department, "running", alerts].map(str::to_owned));
        assert_eq!(contract("2026-03-31"), None, "neither known nor signed");
        assert_eq!(contract("2026-05-01"), stood("架空データ入力業務", "10000000", "旧課", "0"), "running, though it was registered later");
        assert_eq!(contract("2026-06-02"), stood("架空データ入力業務", "10000000", "旧課", "1"));
        assert_eq!(contract("2026-06-05"), stood("架空データ入力業務", "10000000", "新課", "0"));
        assert_eq!(contract("2026-07-02"), stood("架空改業務", "20000000", "新課", "0"));
        let missing = |as_of: &str| {
            let rows = put_out(app, Register::Alerts, as_of);
            rows.iter().find(|row| row["kind"] == "audit_missing").map(|row| (row["state"].clone(), row["resolved_on"].clone()))
        };
        assert_eq!(missing("2026-05-31"), None);
        assert_eq!(missing("2026-06-04"), Some(("open".to_owned(), String::new())));
        assert_eq!(missing("2026-06-05"), Some(("resolved".to_owned(), "2026-06-05".to_owned())));
        let done = |as_of: &str| put_out(app, Register::Audits, as_of).pop().map(|row| row["done_on"].clone());
        assert_eq!([done("2026-06-04"), done("2026-06-09"), done("2026-06-10")], [None, Some(String::new()), Some("2026-06-10".to_owned())]);
        let place = put_out(app, Register::Subcontracts, "2026-06-05").into_iter().find(|row| row["tier"] == "2").unwrap();
        assert_eq!((place["recorded"].as_str(), place["recorded_on"].as_str(), place["contract_title"].as_str()), ("true", "2026-06-05", "架空データ入力業務"));
    }
}
