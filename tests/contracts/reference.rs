//! The reference data: the corporate-number register and the holidays.

use diesel::prelude::*;
use itaku::service::calendar;
use itaku::service::register::import_register;
use itaku::{db, exchange};
use serde_json::json;

use crate::house::{House, NOBODY, code, d, invented, on_both, register_row};

#[test]
fn the_register_is_told_once_and_names_stay() {
    on_both(|house| {
        house.register("2026-001", json!({}));
        let row = |process, name, on, closed| register_row(NOBODY, process, name, on, closed);
        let import = |text: &str| {
            import_register(&house.app, &exchange::register::read(text.as_bytes()).unwrap()).unwrap()
        };
        let renamed = row("11", "株式会社架空情報", "2026-04-02", ",");
        let first = import(&format!("{renamed}{renamed}"));
        assert_eq!((first.rows, first.taken, first.unchanged, first.renamed, first.alerts), (2, 1, 1, 1, 1));
        assert_eq!(
            {
                let again = import(&renamed);
                (again.taken, again.unchanged, again.alerts)
            },
            (0, 1, 0)
        );
        let closed = import(&row("21", "株式会社架空情報", "2026-04-03", "2026-04-03,01"));
        assert_eq!((closed.taken, closed.closed), (1, 1));
        let older = import(&row("12", "株式会社架空", "2026-01-03", ","));
        assert_eq!((older.taken, older.moved), (1, 1));
        let view = itaku::service::register::register_of(&house.app, &house.officer, house.prime).unwrap();
        let record = view.record.unwrap();
        assert_eq!(
            (record.name.as_str(), record.closed_on, view.history.len()),
            ("株式会社架空情報", Some(d("2026-04-03")), 3)
        );
        let name = house.app.db.read(|conn| db::organization::find(conn, house.prime)).unwrap().name;
        assert_eq!(name, "株式会社架空データ");
        let alerts: i64 = house
            .app
            .db
            .read(|conn| {
                use db::schema::alerts as a;
                let told = a::table.filter(a::kind.eq("vendor_changed").and(a::agency_id.eq(house.agency)));
                Ok::<_, db::DbError>(told.count().get_result(conn)?)
            })
            .unwrap();
        assert!(alerts >= 1);
    });
}

/// State, severity and resolution.
type Stood = (String, String, Option<String>);

/// State, severity and resolution of the agency's alerts of the kind, and what its officer's digest is to say.
fn vendor_alerts(house: &House) -> (Vec<Stood>, Vec<String>) {
    use db::schema::{alerts as a, notices as n};
    house
        .app
        .db
        .read(|conn| {
            let of = a::table.filter(a::kind.eq("vendor_changed").and(a::agency_id.eq(house.agency)));
            let alerts = of.order(a::id).select((a::state, a::severity, a::resolution)).load(conn)?;
            let lines = n::table.filter(n::kind.eq("vendor_changed")).order(n::id).select(n::context);
            Ok::<_, db::DbError>((alerts, lines.load(conn)?))
        })
        .unwrap()
}

#[test]
fn n16_the_register_takes_a_closure_back_and_a_correction_says_nothing_new() {
    on_both(|house| {
        house.register("2026-001", json!({}));
        let row = |process, name, on, closed| register_row(NOBODY, process, name, on, closed);
        let corrected = |text: String| text.replacen(",0,", ",1,", 1);
        let import = |text: &str| {
            import_register(&house.app, &exchange::register::read(text.as_bytes()).unwrap()).unwrap()
        };
        let name = "株式会社架空データ";
        let again = import(&corrected(row("11", "株式会社架空旧称", "2025-04-02", ",")));
        assert_eq!((again.taken, again.corrected, again.renamed, again.alerts), (1, 1, 0, 0));
        let again = import(&corrected(row("12", name, "2025-05-02", ",")));
        assert_eq!((again.corrected, again.moved, again.alerts), (1, 0, 0));
        // 吸収合併 is of the company that goes on.
        let absorbing = import(&row("71", name, "2026-04-01", ","));
        assert_eq!((absorbing.absorbing, absorbing.merged, absorbing.alerts), (1, 0, 0));
        let closed = import(&row("21", name, "2026-04-02", "2026-04-02,21"));
        assert_eq!((closed.closed, closed.alerts), (1, 1));
        let again = import(&corrected(row("21", name, "2026-04-02", "2026-04-02,21")));
        assert_eq!((again.closed, again.corrected, again.alerts), (0, 1, 0), "told already");
        let (alerts, lines) = vendor_alerts(house);
        assert_eq!((alerts.len(), alerts[0].0.as_str(), alerts[0].1.as_str()), (1, "open", "warning"));
        assert_eq!(lines.len(), 1);
        let there = import(&row("22", name, "2026-04-03", ","));
        assert_eq!((there.reopened, there.alerts, there.resolved), (1, 0, 1));
        let (alerts, lines) = vendor_alerts(house);
        assert_eq!(alerts[0].0, "resolved");
        let said = "法人番号公表サイトに、2026-04-03の登記記録の復活等が掲載されました";
        assert_eq!(alerts[0].2.as_deref(), Some(said));
        assert!(
            lines.len() == 2 && lines.iter().any(|line| line.contains(said) && line.contains("解消しました")),
            "{lines:?}"
        );
        let view = itaku::service::register::register_of(&house.app, &house.officer, house.prime).unwrap();
        assert_eq!(view.record.unwrap().closed_on, None);
        // Nothing evaluated afterwards opens it again; a closure that nobody told before is told, corrected or not.
        house.register("2026-002", json!({}));
        assert_eq!(vendor_alerts(house).0.len(), 1);
        let anew = import(&corrected(row("21", name, "2026-04-04", "2026-04-04,01")));
        assert_eq!((anew.corrected, anew.alerts), (1, 1));
        // A new name stays told when the company was never closed.
        let alerts = vendor_alerts(house).0;
        assert_eq!((alerts.len(), alerts[1].0.as_str()), (2, "open"));
    });
}

#[test]
fn n16_a_day_on_which_thousands_are_closed_makes_one_line() {
    on_both(|house| {
        let numbers: Vec<String> = (0..12).map(|n| invented(700_000_000_000 + n)).collect();
        for (n, number) in numbers.iter().enumerate() {
            let vendor = house.company(&format!("架空第{n}株式会社"), number);
            house.register(&format!("2026-{n}"), json!({ "vendor_id": vendor }));
        }
        let rows = |process: &str, on: &str, closed: &str| -> String {
            let row = |(n, number): (usize, &String)| {
                register_row(number, process, &format!("架空第{n}株式会社"), on, closed)
            };
            numbers.iter().enumerate().map(row).collect()
        };
        let import = |text: &str| {
            import_register(&house.app, &exchange::register::read(text.as_bytes()).unwrap()).unwrap()
        };
        let moved = import(&rows("12", "2026-04-01", ","));
        assert_eq!((moved.moved, moved.alerts), (12, 0), "a city's new wards concern nobody");
        let closed = import(&rows("21", "2026-04-02", "2026-04-02,21"));
        assert_eq!((closed.closed, closed.alerts), (12, 12));
        let (alerts, lines) = vendor_alerts(house);
        assert_eq!((alerts.len(), lines.len()), (12, 1), "{lines:?}");
        assert!(
            lines[0].contains("登記記録の閉鎖等12件") && lines[0].contains("/alerts?kind=vendor_changed")
        );
        assert_eq!(import(&rows("21", "2026-04-02", "2026-04-02,21")).unchanged, 12);
        assert_eq!(vendor_alerts(house).1.len(), 1);
        let there = import(&rows("22", "2026-04-03", ","));
        assert_eq!((there.reopened, there.resolved), (12, 12));
        let (_, lines) = vendor_alerts(house);
        let there = lines.iter().filter(|line| line.contains("登記記録の復活等12件")).count();
        assert_eq!((lines.len(), there), (2, 1), "{lines:?}");
    });
}

#[test]
fn imported_holidays_replace_the_ones_built_in() {
    on_both(|house| {
        let calendar = || house.app.db.read(|conn| db::calendar::calendar(conn, &[])).unwrap();
        assert!(!calendar().is_open(d("2026-05-06")) && calendar().knows(2027));
        let contract = house.register("2026-001", json!({})).id;
        let due = || house.app.db.read(|conn| db::due::check_on(conn, db::due::CONTRACT, contract)).unwrap();
        assert!(due() > Some(house.app.today()));
        let part = exchange::holidays::read("月日,名称\r\n2026/1/1,元日\r\n2026/6/1,架空の日\r\n".as_bytes())
            .unwrap();
        for _ in 0..2 {
            assert_eq!(calendar::import_holidays(&house.app, &part, true).unwrap().days, 2);
            assert_eq!(due(), Some(house.app.today()), "what is reckoned in working days is looked at anew");
        }
        let told: i64 = house
            .app
            .db
            .read(|conn| {
                use db::schema::ledger_entries;
                let told = ledger_entries::table.filter(ledger_entries::action.eq("holidays.imported"));
                Ok::<_, db::DbError>(told.count().get_result(conn)?)
            })
            .unwrap();
        assert_eq!(told, 2);
        assert!(
            calendar().is_open(d("2026-05-06"))
                && !calendar().is_open(d("2026-06-01"))
                && !calendar().knows(2027)
        );
    });
}

/// A file with `each` holidays of every year.
fn holidays(years: std::ops::RangeInclusive<i32>, each: u32) -> exchange::holidays::HolidayFile {
    let rows: Vec<String> =
        years.flat_map(|year| (1..=each).map(move |day| format!("{year}/6/{day},架空の日\r\n"))).collect();
    exchange::holidays::read(rows.concat().as_bytes()).unwrap()
}

#[test]
fn n12_an_older_edition_takes_no_years_away_unsaid() {
    on_both(|house| {
        let last = || {
            let calendar = house.app.db.read(|conn| db::calendar::calendar(conn, &[])).unwrap();
            (2017..=2032).rev().find(|year| calendar.knows(*year)).unwrap()
        };
        let newer = calendar::import_holidays(&house.app, &holidays(1955..=2028, 25), false).unwrap();
        assert_eq!((newer.before, newer.last_year, newer.lost_years.len()), (Some((2018, 2027)), 2028, 0));
        let refused = calendar::import_holidays(&house.app, &holidays(1955..=2022, 25), false);
        let Err(itaku::service::Failure::Conflict { code: "holidays_lost", message }) = refused else {
            panic!("{refused:?}")
        };
        for part in [
            "2023年から2028年まで",
            "いまの暦は1955年から2028年まで",
            "ファイルは1955年から2022年まで",
            "--force",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(last(), 2028);
        let forced = calendar::import_holidays(&house.app, &holidays(1955..=2022, 25), true).unwrap();
        assert_eq!(
            (forced.lost_years, forced.before, last()),
            ((2023..=2028).collect(), Some((1955, 2028)), 2022)
        );
        // The same again, and one with more.
        assert!(calendar::import_holidays(&house.app, &holidays(1955..=2022, 25), false).is_ok());
        assert!(calendar::import_holidays(&house.app, &holidays(1955..=2029, 25), false).is_ok());
        assert_eq!(last(), 2029);
    });
}

#[test]
fn n30_a_file_of_two_lines_does_not_replace_the_calendar() {
    on_both(|house| {
        let known = || {
            let calendar = house.app.db.read(|conn| db::calendar::calendar(conn, &[])).unwrap();
            (1950..=2035).filter(|year| calendar.knows(*year)).count()
        };
        calendar::import_holidays(&house.app, &holidays(1955..=2027, 25), false).unwrap();
        assert_eq!(known(), 73);
        for (years, each) in
            [(2027..=2027, 2), (2028..=2028, 2), (1955..=2027, 24), (1956..=2027, 25), (1955..=2028, 8)]
        {
            assert_eq!(
                code(calendar::import_holidays(&house.app, &holidays(years, each), false)),
                "holidays_lost"
            );
        }
        // All known years whole, and a new one of which the file has a part.
        let mut part = holidays(1955..=2027, 25);
        part.days.insert(d("2028-01-01"), "元日".to_owned());
        part.last_year = 2028;
        let refused = calendar::import_holidays(&house.app, &part, false);
        assert_eq!((code(refused), known()), ("holidays_lost", 73));
    });
}
