//! The reference data: the corporate-number register and the holidays.

use diesel::prelude::*;
use itaku::service::calendar;
use itaku::service::register::import_register;
use itaku::{db, exchange};
use serde_json::json;

use crate::house::{NOBODY, d, on_both, register_row};

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

#[test]
fn imported_holidays_replace_the_ones_built_in() {
    on_both(|house| {
        let calendar = || house.app.db.read(|conn| db::calendar::calendar(conn, &[])).unwrap();
        assert!(!calendar().is_open(d("2026-05-06")) && calendar().knows(2027));
        let contract = house.register("2026-001", json!({})).id;
        let due = || house.app.db.read(|conn| db::due::check_on(conn, db::due::CONTRACT, contract)).unwrap();
        assert!(due() > Some(house.app.today()));
        let file = exchange::holidays::read("月日,名称\r\n2026/1/1,元日\r\n2026/6/1,架空の日\r\n".as_bytes())
            .unwrap();
        for _ in 0..2 {
            assert_eq!(calendar::import_holidays(&house.app, &file).unwrap().days, 2);
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
