//! What opens, who is told how often, and what a sweep does again, late, or twice at once.

use chrono::{Duration, NaiveDate};
use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::due::{CONTRACT, due_batch};
use itaku::db::schema::{deputies, notices};
use itaku::domain::access::Role;
use itaku::schedule::sweep::{self, Refused, SweepError, sweep, sweep_while};
use itaku::service::App;
use serde_json::json;

use crate::house::{House, pairs};
use crate::support::{TestApp, both, day};

const KIND: &str = "unapproved_subcontractor";

both! {
    fn an_uncovered_use_is_one_alert_and_one_mail_a_person(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        let engagement = house.declare(contract, "2026-05-01", None);
        let alert = house.one_alert(KIND);
        assert_eq!(alert["engagement_id"], json!(engagement));
        assert_eq!(alert["contract_number"], json!("R8-1"));
        assert_eq!((&alert["severity"], &alert["state"], &alert["cause"]), (&json!("critical"), &json!("open"), &json!("no_application")));
        assert_eq!(alert["days"], json!([{"from": "2026-05-01", "to": "2026-05-20"}]));
        assert!(alert["message"].as_str().unwrap().contains("番号法第10条"));
        assert!(alert["basis"].as_str().unwrap().contains("番号法第10条"));
        let mails = house.deliver();
        assert!(mails.iter().all(|m| m.text.contains(&format!("https://itaku.example.jp/alerts/{}", alert["id"].as_str().unwrap()))));
        let mut to: Vec<_> = mails.into_iter().map(|m| (m.kind, m.to)).collect();
        to.sort();
        assert_eq!(to, pairs(KIND, &[&house.officer, &house.approver, &house.auditor]));
        let shown = app.get(&app.log_in(&house.officer), &format!("/contracts/{contract}")).must(200);
        assert_eq!(shown["open_alerts"], json!(1));
        // Another day of the same use: the same alert, longer; nobody is told again.
        house.sweep("2026-05-21");
        assert_eq!(house.one_alert(KIND)["days"][0]["to"], json!("2026-05-21"));
        assert_eq!(house.told(), []);
        let entries = app.entries(alert["id"].as_str().unwrap());
        assert_eq!(entries.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["alert.opened", "alert.restated"]);
    }

    fn nobody_takes_it_up_and_the_administrators_are_told_once(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        // A Wednesday: three working days later is Monday.
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        house.told();
        house.sweep("2026-05-24");
        assert_eq!(house.told(), []);
        let report = house.sweep("2026-05-25");
        assert_eq!(report.reminders, 1);
        assert_eq!(house.told(), pairs(KIND, &[&house.admin]));
        house.sweep("2026-05-26");
        assert_eq!(house.told(), []);
    }

    fn what_is_taken_up_is_not_escalated(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        house.told();
        let alert = house.one_alert(KIND);
        house.post(&house.officer, &format!("/alerts/{}/acknowledge", alert["id"].as_str().unwrap()), json!({})).must(200);
        house.sweep("2026-06-10");
        assert_eq!(house.told(), []);
    }

    fn one_person_with_two_roles_gets_one_mail_and_a_deputy_theirs(app: TestApp) {
        let house = House::new(app);
        let both = app.person(house.agency, &[Role::Approver, Role::Auditor]);
        let deputy = app.person(house.agency, &[Role::Officer]);
        let at = app.app.now().naive_utc();
        app.app.db.write::<_, DbError>(|conn| {
            diesel::insert_into(deputies::table).values((
                deputies::id.eq("d1"), deputies::organization_id.eq(house.agency), deputies::user_id.eq(house.approver.id),
                deputies::deputy_id.eq(deputy.id), deputies::starts_on.eq(day("2026-05-20")), deputies::ends_on.eq(day("2026-05-20")),
                deputies::created_at.eq(at),
            )).execute(conn)?;
            Ok(())
        }).unwrap();
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        assert_eq!(house.told(), pairs(KIND, &[&house.officer, &house.approver, &house.auditor, &both, &deputy]));
        let second = house.contract("R8-2");
        app.move_to("2026-05-21");
        house.declare(second, "2026-05-01", None);
        assert_eq!(house.told(), pairs(KIND, &[&house.officer, &house.approver, &house.auditor, &both]));
    }

    fn an_officer_who_has_left_is_replaced_by_all_and_the_department_is_told(app: TestApp) {
        let house = House::new(app);
        let other = app.person(house.agency, &[Role::Officer]);
        let contract = house.contract("R8-1");
        house.department("税務課", "zeimu@example.lg.jp");
        let officer = app.log_in(&house.officer);
        app.patch(&officer, &format!("/contracts/{contract}"), json!({"department": "税務課"})).must(200);
        app.patch(&app.log_in(&house.admin), &format!("/users/{}", house.officer.id), json!({"active": false, "confirmed": true})).must(200);
        app.notices();
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let mut expected = pairs(KIND, &[&other, &house.approver, &house.auditor]);
        expected.push((KIND.to_owned(), "zeimu@example.lg.jp".to_owned()));
        expected.sort();
        assert_eq!(house.told(), expected);
    }

    fn what_is_not_urgent_comes_in_one_digest_a_day(app: TestApp) {
        let house = House::new(app);
        house.contract("R8-1");
        house.contract("R8-2");
        // 90 days before both audits.
        let report = house.sweep("2026-11-17");
        assert_eq!((report.opened, report.digests), (2, 3));
        let mails = house.deliver();
        let mut to: Vec<_> = mails.iter().map(|m| (m.kind.clone(), m.to.clone())).collect();
        to.sort();
        assert_eq!(to, pairs("digest", &[&house.officer, &house.auditor, &house.prime_user]));
        for number in ["R8-1", "R8-2"] {
            assert!(mails.iter().all(|m| m.text.contains(number)), "{mails:#?}");
        }
        assert!(mails.iter().all(|m| m.text.contains("https://itaku.example.jp/alerts/")));
        // The same day again, at any hour.
        let before = house.count_notices();
        let again = house.sweep("2026-11-17");
        assert_eq!((again.checked, again.opened, again.digests), (0, 0, 0));
        let all = sweep(&app.app, day("2026-11-17"), true).unwrap();
        assert_eq!((all.checked, all.opened, all.resolved, all.reminders, all.digests), (2, 0, 0, 0, 0));
        assert_eq!((house.told(), house.count_notices()), (vec![], before));
        // A day without news has no digest.
        assert_eq!(house.sweep("2026-11-18").digests, 0);
    }

    fn n27_a_digest_has_fifty_lines_and_counts_the_rest(app: TestApp) {
        let house = House::new(app);
        for n in 1..=53 {
            house.contract(&format!("R8-{n}"));
        }
        assert_eq!(house.sweep("2026-11-17").opened, 53);
        let mails = house.deliver();
        let mail = mails.iter().find(|mail| mail.to == house.officer.email).unwrap();
        assert_eq!(mail.text.matches("（R8-").count(), 50, "{}", mail.text);
        assert!(mail.text.contains("：ほかに3件あります。"), "{}", mail.text);
        // The rest is counted with a link, which lists all that stand.
        let link = mail.text.lines().find_map(|line| line.trim().strip_prefix("https://itaku.example.jp/alerts?")).unwrap();
        let listed = app.get(&app.log_in(&house.officer), &format!("/alerts?{link}&limit=100")).must(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 53, "{link}");
        // Each row is told, also those without a line of their own.
        let waiting: i64 = app.app.db.read_one::<_, DbError>(|conn| Ok(notices::table.filter(notices::state.eq("digest")).count().get_result(conn)?)).unwrap();
        assert_eq!(waiting, 0);
        assert_eq!(house.sweep("2026-11-18").digests, 0);
    }

    fn after_downtime_the_sweep_tells_what_is_true_today(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        let audit = house.audit(contract, "2026-09-10");
        house.sweep("2026-08-12");
        assert_eq!(house.told().len(), 3);
        // 30 and 7 days before and the due day itself passed while nothing ran.
        let report = house.sweep("2026-09-15");
        assert_eq!((report.opened, report.resolved), (1, 1));
        let told = house.told();
        let mut expected = pairs("audit_overdue", &[&house.officer, &house.auditor, &house.approver, &house.prime_user]);
        expected.sort();
        assert_eq!(told, expected, "the reminders that are past are not sent");
        assert_eq!(house.one_alert("audit_overdue")["due_on"], json!("2026-09-10"));
        house.sweep("2026-09-16");
        assert_eq!(house.told(), []);
        assert_eq!(house.sweep("2026-09-22").reminders, 1);
        assert_eq!(house.told(), expected, "weekly");
        app.move_to("2026-09-23");
        house.complete(contract, audit, "2026-09-23");
        let alert = house.one_alert("audit_overdue");
        assert_eq!((&alert["state"], &alert["resolved_on"]), (&json!("resolved"), &json!("2026-09-23")));
        assert!(alert["resolution"].as_str().unwrap().contains("実施"));
    }

    fn what_ended_before_the_digest_is_left_out_of_it(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-09-05");
        // Opened by an act after the day's sweep, and over before the next.
        let audit = house.audit(contract, "2026-09-10");
        assert_eq!(house.one_alert("audit_due")["state"], json!("open"));
        house.complete(contract, audit, "2026-09-05");
        assert_eq!(house.sweep("2026-09-06").digests, 0);
        assert_eq!(house.told(), []);
        let waiting: i64 = app.app.db.read_one::<_, DbError>(|conn| Ok(notices::table.filter(notices::state.eq("digest")).count().get_result(conn)?)).unwrap();
        assert_eq!(waiting, 0);
    }

    fn two_sweeps_at_once_tell_everything_once(app: TestApp) {
        let house = House::new(app);
        for number in 1..=12 {
            house.contract(&format!("R8-{number}"));
        }
        app.move_to("2026-11-17");
        let at_once = |app: &App| {
            let app = app.clone();
            std::thread::spawn(move || sweep(&app, day("2026-11-17"), false).unwrap())
        };
        let reports = [at_once(&app.app), at_once(&app.app), at_once(&app.app)].map(|thread| thread.join().unwrap());
        assert_eq!(reports.iter().map(|r| r.failed).sum::<usize>(), 0);
        assert_eq!(reports.iter().map(|r| r.opened).sum::<usize>(), 12);
        assert_eq!(reports.iter().map(|r| r.digests).sum::<usize>(), 3);
        assert_eq!(house.told(), pairs("digest", &[&house.officer, &house.auditor, &house.prime_user]));
    }

    fn a_day_ahead_or_behind_the_last_swept_is_refused(app: TestApp) {
        app.move_to("2026-05-20");
        let house = House::new(app);
        house.contract("R8-1");
        let due = || app.app.db.read_one(|conn| due_batch(conn, CONTRACT, NaiveDate::MAX, None, 9)).unwrap();
        let before = due();
        let swept = |on: &str, all| match sweep(&app.app, day(on), all) {
            Err(SweepError::Refused(refused)) => Err(refused),
            other => Ok(other.unwrap().failed),
        };
        assert!(matches!(swept("2026-05-21", false), Err(Refused::Ahead { .. })));
        assert!(matches!(swept("2026-05-21", true), Err(Refused::Ahead { .. })));
        assert!(matches!(swept("2026-05-19", true), Err(Refused::AllBehind { .. })));
        assert_eq!((due(), sweep::last_day(&app.app).unwrap()), (before, None), "nothing was evaluated");
        assert_eq!((swept("2026-05-19", false), swept("2026-05-20", true), swept("2026-05-20", false)), (Ok(0), Ok(0), Ok(0)));
        assert!(matches!(swept("2026-05-19", false), Err(Refused::Swept { .. })));
        app.move_to("2026-05-19");
        assert!(swept("2026-05-19", false).is_err(), "a clock stepped back");
    }

    fn a_sweep_asked_to_stop_ends_between_two_contracts_and_its_day_is_still_to_be_swept(app: TestApp) {
        let house = House::new(app);
        for number in 1..=3 {
            house.contract(&format!("R8-{number}"));
        }
        app.move_to("2026-11-17");
        let asked = std::cell::Cell::new(0);
        let twice = || asked.replace(asked.get() + 1) < 2;
        let run = |go_on: &dyn Fn() -> bool| sweep_while(&app.app, day("2026-11-17"), false, go_on).unwrap();
        let part = run(&twice);
        assert_eq!((part.whole, part.checked, part.digests), (false, 2, 0));
        assert_eq!(sweep::last_day(&app.app).unwrap(), None);
        let rest = run(&|| true);
        assert_eq!((rest.whole, rest.checked, rest.digests), (true, 1, 3));
        assert_eq!(sweep::last_day(&app.app).unwrap(), Some(day("2026-11-17")));
    }

    fn a_digest_that_cannot_be_written_does_not_keep_others_from_theirs(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-09-05");
        house.audit(contract, "2026-09-10");
        app.app.db.write::<_, DbError>(|conn| {
            let theirs = notices::table.filter(notices::recipient.eq(house.officer.id.to_string()));
            Ok(diesel::update(theirs).set(notices::context.eq("{")).execute(conn)?)
        }).unwrap();
        app.move_to("2026-09-06");
        let report = sweep(&app.app, day("2026-09-06"), false).unwrap();
        assert_eq!((report.failed, report.digests), (1, 2));
        let mut to: Vec<_> = house.deliver().into_iter().map(|mail| mail.to).collect();
        to.sort();
        let mut expected = vec![house.auditor.email.clone(), house.prime_user.email.clone()];
        expected.sort();
        assert_eq!(to, expected);
    }

    fn what_is_reckoned_while_settings_change_is_reckoned_by_the_new_ones(app: TestApp) {
        let house = House::new(app);
        house.contract("R8-1");
        let today = "2026-11-01";
        assert_eq!(house.sweep(today).opened, 0);
        let changed = serde_json::from_value(json!({"audit_due_days": [120]})).unwrap();
        let evaluating = app.app.db.write::<_, DbError>(|conn| {
            itaku::db::setting::set(conn, house.agency, &changed, 1, app.app.now())?;
            itaku::db::due::touch_agency(conn, house.agency, day(today))?;
            let app = app.app.clone();
            let evaluating = std::thread::spawn(move || sweep(&app, day(today), true).unwrap());
            std::thread::sleep(std::time::Duration::from_millis(700));
            assert!(!evaluating.is_finished(), "it waits for the change");
            Ok(evaluating)
        }).unwrap();
        assert_eq!(evaluating.join().unwrap().opened, 1);
    }

    fn imported_holidays_move_the_days_that_are_waited_for(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-01");
        house.declare(contract, "2026-04-20", Some("2026-04-30"));
        assert_eq!(house.told(), pairs(KIND, &[&house.officer, &house.approver, &house.auditor]));
        // Three working days to the administrator: 11 May by the holidays built in, 6 May by these.
        let file = itaku::exchange::holidays::read("月日,名称\r\n2026/1/1,元日\r\n".as_bytes()).unwrap();
        itaku::service::calendar::import_holidays(&app.app, &file, true).unwrap();
        house.sweep("2026-05-02");
        assert_eq!(house.told(), []);
        house.sweep("2026-05-06");
        assert_eq!(house.told(), pairs(KIND, &[&house.admin]));
    }

    fn changed_settings_are_looked_at_the_same_day(app: TestApp) {
        let house = House::new(app);
        house.contract("R8-1");
        assert_eq!(house.sweep("2026-11-01").opened, 0);
        app.app.db.write::<_, DbError>(|conn| itaku::db::due::touch_agency(conn, house.agency, day("2026-11-01"))).unwrap();
        assert_eq!(house.sweep("2026-11-01").checked, 1);
        app.app.db.write::<_, DbError>(|conn| itaku::db::due::touch_all(conn, day("2026-11-02"))).unwrap();
        app.pass(Duration::days(1));
        assert_eq!(sweep(&app.app, day("2026-11-02"), false).unwrap().checked, 1);
    }
}
