//! Files of contracts: whole or not at all, what they bring with them, and the real ones.

use diesel::prelude::*;
use itaku::service::Page;
use itaku::service::contract::import::ImportOptions;
use itaku::service::contract::{self, ContractQuery};
use itaku::service::register::{RegisterSummary, import_register};
use itaku::{db, exchange};
use serde_json::json;

use crate::house::{NOBODY, code, on_both, register_row};

const GBIZINFO: &str = "date_of_order,title,amount,government_departments,joint_signatures,corporate_number";

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    on_both(|house| {
        let text = format!(
            "{GBIZINFO}\n\
             2026-03-02T00:00:00+09:00,架空調査,1000,架空省／例示省,\"架空株式会社,例示株式会社\",{NOBODY}\n\
             2026-03-02T00:00:00+09:00,架空調査,1000,架空省／例示省,\"架空株式会社,例示株式会社\",{NOBODY}\n\
             2910-04-01T00:00:00+09:00,件名,5,架空省,,{NOBODY}\n\
             2026-04-01T00:00:00+09:00,架空印刷,2000,架空省,,7000012050002\n"
        );
        let (all, skip) = (ImportOptions::default(), ImportOptions { skip_bad: true, dry_run: false });
        let refused = house.import(text.as_bytes(), all);
        assert_eq!((refused.written, refused.taken, refused.duplicates, refused.bad), (false, 2, 1, 1));
        assert_eq!(refused.problems[0].line, 4);
        assert!(house.list(&house.officer, &ContractQuery::default()).is_empty());
        let tried = house.import(text.as_bytes(), ImportOptions { dry_run: true, ..skip });
        assert!(house.list(&house.officer, &ContractQuery::default()).is_empty());
        let taken = house.import(text.as_bytes(), skip);
        assert_eq!((tried.taken, tried.new_vendors), (taken.taken, taken.new_vendors));
        assert_eq!((taken.written, taken.taken, taken.new_vendors, taken.warnings.len()), (true, 2, 1, 1));
        let again = house.import(text.as_bytes(), skip);
        assert_eq!((again.taken, again.duplicates, again.bad, again.new_vendors), (0, 3, 1, 0));
        let page = contract::list(
            &house.app,
            &house.officer,
            &ContractQuery { q: Some("架空調査".into()), ..Default::default() },
            &Page::default(),
        )
        .unwrap();
        let view = house.get(&house.officer, page.items[0].id).unwrap();
        assert_eq!((view.officer_id, view.period_assumed), (None, Some(true)));
        assert_eq!(view.joint_vendors.unwrap(), ["架空株式会社", "例示株式会社"]);
        assert_eq!(view.joint_agencies.unwrap(), ["架空省", "例示省"]);
        assert_eq!(view.vendor_id, Some(house.prime));
        house.projections_hold();
    });
}

#[test]
fn the_template_gives_every_term() {
    on_both(|house| {
        let text = String::from_utf8(exchange::contracts::template()).unwrap().replace("記入例", "T-1");
        assert_eq!(house.import(text.as_bytes(), ImportOptions::default()).taken, 1);
        let page =
            contract::list(&house.app, &house.officer, &ContractQuery::default(), &Page::default()).unwrap();
        let view = house.get(&house.officer, page.items[0].id).unwrap();
        assert_eq!(
            (view.number.as_str(), view.department.as_deref(), view.return_due_days),
            ("T-1", Some("架空課"), Some(14))
        );
        assert_eq!(view.data.unwrap().len(), 3);
        // The officer may register the same number neither by hand nor by file.
        assert_eq!(code(house.try_register("T-1", json!({}))), "number_taken");
        assert_eq!(house.import(text.as_bytes(), ImportOptions::default()).duplicates, 1);
    });
}

#[test]
fn a_closed_company_brought_in_by_a_file_is_told_at_once() {
    const CLOSED: &str = "7000012050002";
    on_both(|house| {
        let record = register_row(CLOSED, "21", "株式会社架空印刷", "2026-01-31", "2026-01-31,01");
        let record = exchange::register::read(record.as_bytes()).unwrap();
        assert_eq!(import_register(&house.app, &record).unwrap().closed, 1);
        let text = |title: &str, on: &str| {
            format!("{GBIZINFO}\n{on}T00:00:00+09:00,{title},2000,架空省,,{CLOSED}\n")
        };
        let import = |title, on| house.import(text(title, on).as_bytes(), ImportOptions::default());
        let told = || {
            house
                .app
                .db
                .read(|conn| {
                    use db::schema::{alerts, ledger_entries, notices};
                    let alert: Vec<(String, String)> = alerts::table
                        .filter(alerts::kind.eq("vendor_changed"))
                        .select((alerts::message, alerts::state))
                        .load(conn)?;
                    let mails = notices::table.filter(notices::kind.eq("vendor_changed"));
                    let mails: i64 = mails.count().get_result(conn)?;
                    let entries = ledger_entries::table
                        .filter(ledger_entries::action.eq("alert.opened"))
                        .filter(ledger_entries::chain_id.eq(house.agency.to_string()));
                    let entries: i64 = entries.count().get_result(conn)?;
                    Ok::<_, db::DbError>((alert, mails, entries))
                })
                .unwrap()
        };
        assert_eq!(import("終わった業務", "2025-04-02").taken, 1);
        assert_eq!(told(), (vec![], 0, 0), "it is over");
        assert_eq!(import("架空印刷", "2026-03-30").taken, 1);
        assert_eq!(told().0, vec![], "the 年度 before ends with March");
        assert_eq!(import("架空印刷", "2026-04-01").taken, 1);
        let (alerts, mails, entries) = told();
        assert_eq!((alerts.len(), mails, entries), (1, 2, 1), "one alert; both officers");
        assert!(alerts[0].0.contains("2026-01-31") && alerts[0].1 == "open", "{alerts:?}");
        assert_eq!(import("架空製本", "2026-04-01").taken, 1);
        assert_eq!(told(), (alerts, mails, entries), "once");
    });
}

fn real(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("ITAKU_REAL_DATA") else {
        assert!(std::env::var_os("CI").is_none(), "ITAKU_REAL_DATA is not set: {path} was not read");
        eprintln!("ITAKU_REAL_DATA is not set: {path} was not read");
        return None;
    };
    Some(std::fs::read(std::path::Path::new(&folder).join(path)).unwrap())
}

#[test]
fn the_real_files_add_up_and_a_second_run_takes_none() {
    on_both(|house| {
        // Of each day: 新規, 名称, 所在地, 閉鎖, 合併による消滅, 吸収合併, 復活, and what is published anew (n16).
        let days = [
            ("diff_20210714.csv", [523, 91, 451, 158, 30, 22, 4, 1_493]),
            // Seven of its corrections were taken in with the first day.
            ("diff_20260819.csv", [542, 86, 587, 293, 14, 12, 11, 702]),
            ("diff_20260820.csv", [498, 61, 490, 247, 18, 16, 0, 661]),
        ];
        for (path, counts) in days {
            let Some(bytes) = real(&format!("nta_houjin/{path}")) else { return };
            let file = exchange::register::read(&bytes).unwrap();
            let started = std::time::Instant::now();
            let first = import_register(&house.app, &file).unwrap();
            println!("{path}: {first:?} in {:?}", started.elapsed());
            assert_eq!(first.taken + first.unchanged + first.bad, first.rows);
            let RegisterSummary {
                new, renamed, moved, closed, merged, absorbing, reopened, corrected, ..
            } = first;
            assert_eq!(
                [new, renamed, moved, closed, merged, absorbing, reopened, corrected],
                counts,
                "{path}"
            );
            assert_eq!((first.other, first.alerts), (0, 0));
            let again = import_register(&house.app, &file).unwrap();
            assert_eq!((again.taken, again.unchanged), (0, first.rows - first.bad));
        }
        for (path, rows) in [("procurement_202004.csv", 3_290), ("procurement_202011.csv", 73)] {
            let Some(bytes) = real(&format!("gbiz_procurement/{path}")) else { return };
            let started = std::time::Instant::now();
            let first = house.import(&bytes, ImportOptions { skip_bad: true, dry_run: false });
            println!(
                "{path}: {} taken, {} duplicates, {} bad, {} vendors in {:?}",
                first.taken,
                first.duplicates,
                first.bad,
                first.new_vendors,
                started.elapsed()
            );
            assert_eq!(first.rows, rows);
            let lines: std::collections::BTreeSet<u64> =
                first.problems.iter().map(|problem| problem.line).collect();
            assert_eq!(lines.len(), first.bad);
            let again = house.import(&bytes, ImportOptions { skip_bad: true, dry_run: false });
            assert_eq!((again.taken, again.bad, again.new_vendors), (0, first.bad, 0));
        }
        house.projections_hold();
    });
}
