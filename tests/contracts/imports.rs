//! Files of contracts: whole or not at all, what they bring with them, and the real ones.

use diesel::prelude::*;
use itaku::service::Page;
use itaku::service::contract::import::ImportOptions;
use itaku::service::contract::{self, ContractQuery, NarrowQuery};
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
        let all = ImportOptions { all_agencies: true, ..ImportOptions::default() };
        let skip = ImportOptions { skip_bad: true, ..all };
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
        assert!(!again.written, "nothing was new");
        let page = contract::list(
            &house.app,
            &house.officer,
            &ContractQuery {
                narrow: NarrowQuery { q: Some("架空調査".into()), ..Default::default() },
                ..Default::default()
            },
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
        let options = ImportOptions { all_agencies: true, ..ImportOptions::default() };
        let import = |title, on| house.import(text(title, on).as_bytes(), options);
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

const SKIP: ImportOptions = ImportOptions { dry_run: false, skip_bad: true, all_agencies: false };
const ALL: ImportOptions = ImportOptions { dry_run: false, skip_bad: false, all_agencies: true };
/// Rows of further parties in the real files: counted apart from the program, in Python.
const JOINED: (usize, usize) = (126, 5);

/// What the page shows of the one contract that has this title.
fn one(house: &crate::house::House, title: &str) -> contract::ContractView {
    let query = ContractQuery {
        narrow: NarrowQuery { q: Some(title.into()), ..Default::default() },
        ..Default::default()
    };
    let page = contract::list(&house.app, &house.officer, &query, &Page::default()).unwrap();
    assert_eq!(page.items.len(), 1, "{title}");
    house.get(&house.officer, page.items[0].id).unwrap()
}

#[test]
fn n5_only_the_agencys_own_rows_of_a_published_file_are_taken() {
    on_both(|house| {
        let text = format!(
            "{GBIZINFO}\n\
             2026-03-02T00:00:00+09:00,自らの調査,1000,架空市／例示省,,{NOBODY}\n\
             2026-03-02T00:00:00+09:00,局の調査,2000,架空市　架空局,,{NOBODY}\n\
             2026-03-02T00:00:00+09:00,省の調査,3000,例示省,,{NOBODY}\n\
             2026-03-02T00:00:00+09:00,省の調査,3000,例示省,,{NOBODY}\n\
             2910-03-02T00:00:00+09:00,省の誤り,x,例示省,,{NOBODY}\n\
             2026-03-02T00:00:00+09:00,庁の調査,4000,例示庁,,{NOBODY}\n"
        );
        let first = house.import(text.as_bytes(), ImportOptions::default());
        assert_eq!((first.written, first.taken, first.elsewhere, first.bad), (true, 1, 5, 0));
        let named: Vec<_> =
            first.other_agencies.iter().map(|other| (other.name.as_str(), other.rows)).collect();
        assert_eq!(named, [("例示省", 3), ("例示庁", 1), ("架空市　架空局", 1)]);
        assert_eq!(
            one(house, "自らの調査").joint_agencies.unwrap(),
            ["例示省"],
            "its own name is none beside it"
        );
        // A name that the agency declared is its own.
        house.declare_names(&["架空市 架空局", "L1"]);
        let second = house.import(text.as_bytes(), ImportOptions::default());
        assert_eq!((second.taken, second.duplicates, second.elsewhere), (1, 1, 4));
        // The portal tells agencies by their codes: its own (K1), a declared one (L1), another.
        let row = |case: &str, code: &str| {
            format!(
                "\"{case}\",\"架空業務\",\"2026-03-31\",\"5.00\",\"{code}\",\"8002010\",\"株式会社架空データ\",\"{NOBODY}\"\r\n"
            )
        };
        let portal = [row("1", "K1"), row("2", "L1"), row("3", "R1")].concat();
        let portal = house.import(portal.as_bytes(), ImportOptions::default());
        assert_eq!((portal.taken, portal.elsewhere), (2, 1));
        assert_eq!((portal.other_agencies[0].name.as_str(), portal.other_agencies.len()), ("経済産業省", 1));
        // All of them, on request: the bad row of another agency then counts.
        let refused = house.import(text.as_bytes(), ALL);
        assert_eq!((refused.written, refused.taken, refused.elsewhere, refused.bad), (false, 2, 0, 1));
        house.projections_hold();
    });
}

#[test]
fn n6_a_joint_contract_is_one_whose_parties_stand_beside_each_other() {
    on_both(|house| {
        let (other, third) = ("7000012050002", "8700110005901");
        let text = format!(
            "{GBIZINFO}\n\
             2026-03-02T00:00:00+09:00,共同の事業,20300000000,架空市,\"例示印刷株式会社,架空製本株式会社\",{NOBODY}\n\
             2026-03-02T00:00:00+09:00,共同の事業,20300000000,架空市,\"株式会社架空データ,架空製本株式会社\",{other}\n\
             2026-03-02T00:00:00+09:00,共同の事業,20300000000,架空市,\"株式会社架空データ,例示印刷株式会社\",{third}\n\
             2026-03-02T00:00:00+09:00,共同の事業,20300000000,架空市,\"架空製本株式会社,株式会社架空データ\",{other}\n\
             2026-03-02T00:00:00+09:00,共同の事業,5,架空市,例示印刷株式会社,{NOBODY}\n\
             2026-03-02T00:00:00+09:00,単価の契約,0,架空市,,{NOBODY}\n\
             2026-03-02T00:00:00+09:00,単価の契約,0,架空市,,{other}\n"
        );
        let first = house.import(text.as_bytes(), ImportOptions::default());
        assert_eq!((first.taken, first.joined, first.duplicates, first.new_vendors), (4, 3, 0, 1));
        let told: Vec<_> =
            first.warnings.iter().map(|w| (w.line, w.message.chars().take(4).collect::<String>())).collect();
        assert_eq!(told, [(2, "3行目、".to_owned()), (8, "受託者の".to_owned()), (8, "7行目と".to_owned())]);
        let query = ContractQuery {
            narrow: NarrowQuery { q: Some("共同の事業".into()), ..Default::default() },
            ..Default::default()
        };
        let page = contract::list(&house.app, &house.officer, &query, &Page::default()).unwrap();
        let views: Vec<_> =
            page.items.iter().map(|line| house.get(&house.officer, line.id).unwrap()).collect();
        let mut amounts: Vec<_> = views.iter().map(|view| view.amount_yen.unwrap()).collect();
        amounts.sort_unstable();
        assert_eq!(amounts, [5, 20_300_000_000], "the whole once, another share by itself");
        let joint = views.into_iter().find(|view| view.amount_yen == Some(20_300_000_000)).unwrap();
        assert_eq!(
            (joint.vendor_id, joint.joint_vendors.unwrap()),
            (Some(house.prime), vec!["例示印刷株式会社".to_owned(), "架空製本株式会社".to_owned()])
        );
        // The file of another party, published by itself, brings the same contract.
        let alone = format!(
            "{GBIZINFO}\n2026-03-02T00:00:00+09:00,共同の事業,20300000000,架空市,\"株式会社架空データ,例示印刷株式会社\",{third}\n"
        );
        let alone = house.import(alone.as_bytes(), ImportOptions::default());
        assert_eq!((alone.written, alone.taken, alone.duplicates), (false, 0, 1));
    });
}

#[test]
fn n7_gbizinfos_own_download_is_taken_as_it_is() {
    on_both(|house| {
        let download = format!(
            "\u{feff}\"法人番号\",\"商号または名称\",\"登記住所\",\"受注日\",\"件名\",\"落札価格\",\"組織名\",\"備考\",\"資格審査\",\"更新日\"\r\n\
             \"{NOBODY}\",\"株式会社架空データ\",\"架空県例示市\",\"2026-03-02\",\"架空調査\",\"1000\",\"架空市\",\"\",\"A\",\"2026-04-01\"\r\n\
             \"{NOBODY}\",\"株式会社架空データ\",\"架空県例示市\",\"2026-03-02\",\"架空調査\",\"1000\",\"架空市\",\"\",\"A\",\"2026-04-02\"\r\n\
             \"7000012050002\",\"例示印刷株式会社\",\"\",\"2026/03/02\",\"架空印刷\",\"2,000\",\"架空市\",\"備考\",\"\",\"\"\r\n\
             \"7000012050002\",\"例示印刷株式会社\",\"\",\"2026/02/30\",\"架空印刷\",\"x\",\"架空市\",\"備考\",\"\",\"\"\r\n"
        );
        let first = house.import(download.as_bytes(), SKIP);
        assert_eq!(
            (first.origin.as_str(), first.taken, first.duplicates, first.bad),
            ("gbizinfo-download", 2, 1, 1)
        );
        assert_eq!((first.new_vendors, first.warnings.len()), (1, 0), "the name is told");
        let wrong: Vec<_> = first.problems.iter().map(|p| (p.line, p.column.as_str())).collect();
        assert_eq!(wrong, [(5, "受注日"), (5, "落札価格")]);
        let view = one(house, "架空印刷");
        assert_eq!(
            (view.vendor_name.as_deref(), view.amount_yen, view.period_assumed),
            (Some("例示印刷株式会社"), Some(2_000), Some(true))
        );
        assert_eq!(view.joint_agencies, Some(vec![]));
        // The mirror's form of the same row is the same contract.
        let mirror = format!("{GBIZINFO}\n2026-03-02T00:00:00+09:00,架空調査,1000,架空市,,{NOBODY}\n");
        let mirror = house.import(mirror.as_bytes(), ImportOptions::default());
        assert_eq!(
            (mirror.origin.as_str(), mirror.taken, mirror.duplicates, mirror.warnings.len()),
            ("gbizinfo", 0, 1, 0)
        );
        // What is missing is named.
        let without = "法人番号,商号または名称,登記住所,受注日,件名,落札価格,備考\r\n".as_bytes();
        let error = exchange::contracts::read(without, house.app.today()).unwrap_err();
        assert_eq!(error.to_string(), "見出しに誤りがあります。「組織名」の列がありません。");
    });
}

#[test]
fn n11_what_excel_leaves_is_understood_and_said() {
    on_both(|house| {
        let text = "sep=,\r\n令和8年度委託契約一覧,,,,,,,,,,\r\n,,,,,,,,,,\r\n\
            契約番号,件名,受託者名,契約金額（円）,契約日,開始日,終了日,再委託比率上限（％）,,,\r\n\
            E-1,架空業務一,例示商会,\"1,000\",20260401,46113,2027/03/31 0:00,50%,,,\r\n\
            E-2,架空業務二,例示商会,2000,2026-04-01T00:00:00,令和8年4月1日（水）,2027年3月31日(水曜日),,,,\r\n\
            合計,,,\"3,000\",,,,,,,\r\n\x1a";
        let first = house.import(text.as_bytes(), ImportOptions::default());
        assert_eq!((first.rows, first.taken, first.bad, &first.problems), (2, 2, 0, &vec![]));
        let lines: Vec<u64> = first.warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [2, 7], "{:?}", first.warnings);
        for title in ["架空業務一", "架空業務二"] {
            let view = one(house, title);
            let days = (view.signed_on.unwrap(), view.starts_on, view.ends_on.unwrap());
            assert_eq!(
                days,
                ("2026-04-01".parse().unwrap(), "2026-04-01".parse().unwrap(), "2027-03-31".parse().unwrap())
            );
        }
        let header = "契約番号,件名,受託者法人番号,受託者名,契約金額（円）,契約日,開始日,終了日,再委託比率上限（％）\r\n";
        let row = |number: &str, vendor: &str, ratio: &str, day: &str| {
            format!("{number},架空業務,{vendor},例示商会,5,{day},2026-04-01,2027-03-31,{ratio}\r\n")
        };
        let wrong = [
            header.to_owned(),
            row("F-1", "9.00E+12", "", "2026-04-01"),
            row("F-2", "T9000000000000", "", "2026-04-01"),
            row("F-3", "", "0.5", "2026-04-01"),
            row("F-4", "", "", "2026-04-01（木）"),
            row("2.02611E+11", "", "", "同上"),
            row("F-6", "", "", "2026-04-01"),
        ]
        .concat();
        let taken = house.import(wrong.as_bytes(), SKIP);
        let codes: Vec<_> = taken.problems.iter().map(|p| (p.line, p.code)).collect();
        let expected = [
            (2, "excel_exponent"),
            (3, "invoice_number"),
            (4, "excel_share"),
            (5, "weekday_mismatch"),
            (6, "excel_exponent"),
            (6, "ditto"),
        ];
        assert_eq!((codes, taken.written, taken.taken), (expected.to_vec(), true, 1));
        // A second run takes nothing, and says so.
        let again = house.import(wrong.as_bytes(), SKIP);
        assert_eq!((again.written, again.taken, again.duplicates, again.bad), (false, 0, 1, 5));
        let (jis, _, _) = encoding_rs::ISO_2022_JP.encode(text);
        let error = exchange::contracts::read(&jis, house.app.today()).unwrap_err();
        assert!(error.to_string().contains("CSV UTF-8"), "{error}");
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
        // Joined: 49 and 3 contracts that several parties share, one row a party.
        for (path, rows, joined) in
            [("procurement_202004.csv", 3_290, JOINED.0), ("procurement_202011.csv", 73, JOINED.1)]
        {
            let Some(bytes) = real(&format!("gbiz_procurement/{path}")) else { return };
            let started = std::time::Instant::now();
            let own = house.import(&bytes, ImportOptions { skip_bad: true, ..ImportOptions::default() });
            assert_eq!(
                (own.written, own.taken, own.bad, own.elsewhere),
                (false, 0, 0, rows),
                "none is 架空市's"
            );
            let options = ImportOptions { skip_bad: true, all_agencies: true, ..ImportOptions::default() };
            let first = house.import(&bytes, options);
            println!(
                "{path}: {} taken, {} duplicates, {} joined, {} bad, {} vendors in {:?}",
                first.taken,
                first.duplicates,
                first.joined,
                first.bad,
                first.new_vendors,
                started.elapsed()
            );
            assert_eq!((first.rows, first.joined), (rows, joined));
            let lines: std::collections::BTreeSet<u64> =
                first.problems.iter().map(|problem| problem.line).collect();
            assert_eq!(lines.len(), first.bad);
            let again = house.import(&bytes, options);
            assert_eq!((again.taken, again.bad, again.new_vendors), (0, first.bad, 0));
        }
        house.projections_hold();
    });
}
