//! Sweeping what is due, day by day, leaves nothing that a full evaluation would change.

use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::alert::AlertRow;
use itaku::db::schema::alerts;
use itaku::schedule::sweep::sweep;
use proptest::prelude::*;

use super::case::{Act, Case, Cast, REGISTERED, act, d};
use super::{ledger_holds, runner};
use crate::support::TestApp;

const CONTRACTS: usize = 4;
const DAYS: i64 = 65;

fn alerts_of(app: &TestApp) -> Vec<String> {
    let query = || alerts::table.order(alerts::id).select(AlertRow::as_select());
    let rows = app.app.db.read_one::<Vec<AlertRow>, DbError>(|conn| Ok(query().load(conn)?)).unwrap();
    rows.iter().map(|row| format!("{row:?}")).collect()
}

/// Acts of so many days: on which day, on which contract.
fn acts() -> impl Strategy<Value = Vec<(i64, usize, Act)>> {
    let still = act()
        .prop_filter("the days pass by themselves", |act| !matches!(act, Act::Day(_) | Act::Look { .. }));
    // Most of it in the first days, so that there is something to watch.
    let on = prop_oneof![3 => REGISTERED..REGISTERED + 10, 2 => REGISTERED..REGISTERED + DAYS];
    prop::collection::vec((on, 0..CONTRACTS, still), 60..100)
}

fn due_is_all(new: fn() -> TestApp, embedded: u32, server: u32) {
    let mut runner = runner(&new(), embedded, server);
    let outcome = runner.run(&acts(), |acts| {
        let app = new();
        let people = Cast::new(&app);
        app.clock.set_day(d(REGISTERED));
        let mut cases: Vec<Case<'_>> = (0..CONTRACTS).map(|_| Case::new(&app, &people)).collect();
        let mut changes = 0;
        for day in REGISTERED..REGISTERED + DAYS {
            app.clock.set_day(d(day));
            let due = sweep(&app.app, d(day), false).unwrap();
            changes += due.opened + due.resolved + due.reminders;
            let after_due = alerts_of(&app);
            let all = sweep(&app.app, d(day), true).unwrap();
            prop_assert_eq!((due.failed, all.failed, all.checked), (0, 0, CONTRACTS));
            prop_assert_eq!((all.opened, all.resolved, all.reminders), (0, 0, 0), "on {}", d(day));
            prop_assert_eq!(alerts_of(&app), after_due, "on {}", d(day));
            for (_, contract, act) in acts.iter().filter(|(on, ..)| *on == day) {
                cases[*contract].act(act)?;
            }
        }
        prop_assert!(changes > 0, "nothing came about by time alone");
        for case in &cases {
            case.projections_hold()?;
        }
        ledger_holds(&app);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn what_is_due_is_all_that_changes_sqlite() {
    due_is_all(TestApp::sqlite, 8, 0);
}

#[test]
fn what_is_due_is_all_that_changes_postgresql() {
    due_is_all(TestApp::postgresql, 0, 1);
}
