//! Sweeping what is due, day by day through a year, leaves nothing that a full evaluation would change. A case is one
//! contract; fifty of them share an agency, its changes of settings and holidays, and a database.

use std::collections::BTreeMap;

use diesel::prelude::*;
use itaku::db::schema::due;
use itaku::db::{self, ChainKey, DbError};
use itaku::domain::access::{OrganizationKind, Role};
use itaku::domain::id::{ContractId, SubjectId};
use itaku::domain::input::{Input, Mode, parse};
use itaku::exchange::holidays::HolidayFile;
use itaku::schedule::sweep::{SweepReport, sweep};
use itaku::service::{Call, Failure, IfMatch, alert, audit, calendar, contract, setting};
use proptest::strategy::{Strategy as _, ValueTree as _};
use serde_json::{Value, json};

use super::case::{Case, Cast, REGISTERED, call, d};
use super::{halves, ledger_holds, runner};
use crate::support::TestApp;

mod year;
use year::{Change, Event, Plan, Year, year};

const CONTRACTS: usize = 50;
/// One year, from the day of registration.
const DAYS: i64 = 366;
/// On how many days of the year each contract is looked at whether or not anything is near.
const SAMPLES: i64 = 4;

/// What a full evaluation would have changed, and on which contract.
#[derive(Debug)]
struct Broken {
    contract: Option<usize>,
    why: String,
}

fn broken(contract: Option<usize>, why: impl Into<String>) -> Broken {
    Broken { contract, why: why.into() }
}

/// A full evaluation that leaves no trace.
enum Tried {
    Failed(Failure),
    /// What it changed.
    Seen(Option<String>),
}

impl From<DbError> for Tried {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Failure> for Tried {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What evaluating the contract now would change, in words; it is undone.
fn would_change(app: &TestApp, id: ContractId) -> Option<String> {
    let app = &app.app;
    let tried = app.db.write_tx::<(), Tried>(&app.sources, None, ChainKey::Existing(id.cast()), |tx| {
        let stale = db::contract::reproject(tx.conn, id, tx.today, false)?;
        let before = db::alert::of_contract(tx.conn, id)?;
        let done = alert::evaluate_contract(tx, id)?;
        let after = db::alert::of_contract(tx.conn, id)?;
        let same = stale.is_none() && before == after && done == alert::Evaluated::default();
        let difference = || format!("stale row: {stale:?}, {done:?}, before: {before:#?}, after: {after:#?}");
        Err(Tried::Seen((!same).then(difference)))
    });
    match tried {
        Err(Tried::Seen(seen)) => seen,
        Err(Tried::Failed(failure)) => Some(format!("{failure:?}")),
        Ok(()) => None,
    }
}

fn input<T: Input>(body: &Value) -> Result<T, Failure> {
    parse(body, Mode::Strict).map_err(Failure::Invalid)
}

/// The contracts of one agency through a year.
struct Agency<'a> {
    app: &'a TestApp,
    people: &'a Cast,
    admin: Call,
    cases: Vec<Case<'a>>,
}

impl<'a> Agency<'a> {
    fn new(app: &'a TestApp, people: &'a Cast, plans: &[Plan]) -> Self {
        let agency = people.officer.actor.organization.id;
        let case = |plan: &Plan| Case::lasting(app, people, plan.last, plan.interval);
        Self {
            app,
            people,
            admin: call(app, agency, OrganizationKind::Agency, &[Role::AgencyAdmin]),
            cases: plans.iter().map(case).collect(),
        }
    }

    fn live(&mut self, year: &Year) -> Result<(), Broken> {
        let mut total = SweepReport::default();
        for day in REGISTERED..REGISTERED + DAYS {
            self.app.clock.set_day(d(day));
            let due = self.due(day);
            let report = sweep(&self.app.app, d(day), false).unwrap();
            if (report.failed, report.checked) != (0, due.values().filter(|on| **on <= day).count()) {
                return Err(broken(None, format!("{due:?}: {report:?}")));
            }
            total.checked += report.checked;
            total.opened += report.opened + report.resolved + report.reminders;
            self.look(year, day, &due)?;
            for (n, plan) in year.plans.iter().enumerate() {
                for (_, event) in plan.events.iter().filter(|(on, _)| *on == day) {
                    self.happen(n, event).map_err(|why| broken(Some(n), why))?;
                }
            }
            for (_, change) in year.changes.iter().filter(|(on, _)| *on == day) {
                self.change(change);
            }
        }
        if year.plans.len() == CONTRACTS {
            assert!(total.opened > CONTRACTS, "nothing came about by time alone: {total:?}");
            assert!(total.checked < CONTRACTS * 366 / 3, "as much as is stored, not as is due: {total:?}");
        }
        self.end()
    }

    /// The days on which contracts are due, of those that are so by the day after.
    fn due(&self, day: i64) -> BTreeMap<SubjectId, i64> {
        let soon = due::table.filter(due::check_on.le(d(day + 1))).select((due::subject_id, due::check_on));
        let rows = self
            .app
            .app
            .db
            .read_one::<Vec<(SubjectId, chrono::NaiveDate)>, DbError>(|conn| Ok(soon.load(conn)?));
        rows.unwrap().into_iter().map(|(id, on)| (id, (on - d(0)).num_days())).collect()
    }

    /// A full evaluation, after the sweep: of every third after a change of the agency's, of each on the eve of its day,
    /// and now and then.
    fn look(&self, year: &Year, day: i64, due: &BTreeMap<SubjectId, i64>) -> Result<(), Broken> {
        let changed = year.changes.iter().any(|(on, _)| *on == day - 1);
        for (n, case) in (0..).zip(&self.cases) {
            let eve = due.get(&case.contract.cast()) == Some(&(day + 1));
            let sampled = (day + 17 * n) % (DAYS / SAMPLES) == 0;
            let changed = changed && (n % 3 == day % 3 || self.cases.len() == 1);
            if changed || eve || sampled {
                self.look_at(usize::try_from(n).unwrap(), day)?;
            }
        }
        Ok(())
    }

    fn look_at(&self, n: usize, day: i64) -> Result<(), Broken> {
        match would_change(self.app, self.cases[n].contract) {
            None => Ok(()),
            Some(difference) => Err(broken(Some(n), format!("on day {day}, {}: {difference}", d(day)))),
        }
    }

    /// The real full sweep on the last day, and everything kept beside the facts.
    fn end(&self) -> Result<(), Broken> {
        for n in 0..self.cases.len() {
            self.look_at(n, REGISTERED + DAYS - 1)?;
        }
        let all = sweep(&self.app.app, d(REGISTERED + DAYS - 1), true).unwrap();
        let did = (all.checked, all.failed, all.opened, all.resolved, all.reminders);
        if did != (self.cases.len(), 0, 0, 0, 0) {
            return Err(broken(None, format!("the full sweep: {all:?}")));
        }
        for (n, case) in self.cases.iter().enumerate() {
            case.projections_hold().map_err(|error| broken(Some(n), error.to_string()))?;
        }
        ledger_holds(self.app);
        Ok(())
    }

    fn happen(&mut self, n: usize, event: &Event) -> Result<(), String> {
        let (app, officer, id) = (&self.app.app, &self.people.officer, self.cases[n].contract);
        let done = match event {
            Event::Chain(act) => return self.cases[n].act(act).map_err(|error| error.to_string()),
            Event::Plan { due, every } => {
                let body = json!({"kind": "on_site", "due_on": d(*due), "every_months": every});
                input(&body).and_then(|given| audit::plan(app, officer, id, &given)).map(drop)
            }
            Event::Complete { which } => {
                let page = itaku::service::Page { limit: 200, ..Default::default() };
                let audits = audit::list(app, officer, id, &page).unwrap().items;
                let Some(audit) = audits.get(which % audits.len().max(1)) else { return Ok(()) };
                let body = json!({"done_on": app.today(), "result": "pass", "findings": []});
                input(&body).and_then(|given| audit::complete(app, officer, audit.id, &given)).map(drop)
            }
            Event::TakeUp { which } => match self.standing(n, *which) {
                Some(alert) => alert::acknowledge(app, officer, alert).map(drop),
                None => Ok(()),
            },
            Event::Measure { which, accepted } => match self.standing(n, *which) {
                Some(alert) => {
                    let body = json!({"reason": "対応した", "accepted_until": accepted.map(d)});
                    input(&body).and_then(|given| alert::resolve(app, officer, alert, &given)).map(drop)
                }
                None => Ok(()),
            },
            Event::HandOver { from } => {
                let body = json!({"officer_id": self.people.both.actor.user_id, "from": d(*from)});
                input(&body).and_then(|given| contract::hand_over(app, officer, id, &given)).map(drop)
            }
        };
        match done {
            // What can't be done at the time is refused, and no matter here.
            Ok(()) | Err(Failure::NotFound | Failure::Conflict { .. } | Failure::Invalid(_)) => Ok(()),
            Err(failure) => Err(format!("{event:?}: {failure:?}")),
        }
    }

    /// One of a contract's alerts that stand.
    fn standing(&self, n: usize, which: usize) -> Option<itaku::domain::id::AlertId> {
        let of = |conn: &mut db::Conn| db::alert::of_contract(conn, self.cases[n].contract);
        let rows = self.app.app.db.read_one::<_, DbError>(of).unwrap();
        let mut standing: Vec<_> = rows.iter().filter(|row| row.fact().unwrap().is_unresolved()).collect();
        standing.sort_by_key(|row| (row.kind, &row.subject));
        standing.get(which % standing.len().max(1)).map(|row| row.id)
    }

    fn change(&self, change: &Change) {
        let app = &self.app.app;
        match change {
            Change::Settings(body) => {
                let (_, version) = setting::find(app, &self.admin).unwrap();
                setting::change(app, &self.admin, &IfMatch::These(vec![version]), &input(body).unwrap())
                    .unwrap();
            }
            Change::Holidays(days) => {
                let days: BTreeMap<_, _> = days.iter().map(|on| (d(*on), "架空の祝日".to_owned())).collect();
                let file = HolidayFile { days, last_year: 2027, bad: vec![] };
                calendar::import_holidays(app, &file, true).unwrap();
            }
        }
    }
}

fn live(new: fn() -> TestApp, year: &Year) -> Result<(), Broken> {
    let app = &new();
    let people = Cast::new(app);
    app.clock.set_day(d(REGISTERED));
    Agency::new(app, &people, &year.plans).live(year)
}

/// The contract that broke, alone, and without what it breaks without.
fn smallest(new: fn() -> TestApp, year: &Year, broken: Broken) -> (Year, Broken) {
    let Some(n) = broken.contract else { return (year.clone(), broken) };
    let alone = Year { plans: vec![year.plans[n].clone()], changes: year.changes.clone() };
    let Err(mut why) = live(new, &alone) else { return (year.clone(), broken) };
    let mut smallest = alone;
    loop {
        let less = smallest.with_one_less().find_map(|less| Some((live(new, &less).err()?, less)));
        let Some((still, less)) = less else { return (smallest, why) };
        (smallest, why) = (less, still);
    }
}

halves! {
    fn what_is_due_is_all_that_changes_in_a_year(new, cases = 1_000 embedded, 100 on the server) {
        let mut runner = runner(cases);
        for _ in 0..cases as usize / CONTRACTS {
            let year = year(CONTRACTS).new_tree(&mut runner).unwrap().current();
            if let Err(broken) = live(new, &year) {
                let (year, broken) = smallest(new, &year, broken);
                panic!("{}\n{year:#?}\n{:?}", broken.why, broken.contract);
            }
        }
    }
}
