//! Looking only on the days that [`Verdict::next_check`] names, and after each recorded act, gives the same
//! alerts and the same reminders as looking at everything every day: on every other day a look changes nothing, so
//! both ways have the same alerts on the next.

use chrono::Days;
use proptest::prelude::*;

use super::fixture::{Scene, Store, id, persons};
use super::*;
use crate::domain::audit::AuditKind;
use crate::domain::chain::{ApplicationStep, Retraction};
use crate::domain::contract::{DataCategory, DeclarationInterval, Overseas, Policy};
use crate::domain::text_enum::TextEnum;

const DAYS: u16 = 380;
const FIRST: &str = "2026-03-20";

/// An act on a day: what, and three numbers that say of what and how.
type Act = (u16, u8, u16, u16, u16);

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0..DAYS, 0u8..24, 0u16..1000, 0u16..1000, 0u16..1000);
    prop::collection::vec(act, 4..36).prop_map(|mut acts| {
        acts.sort_by_key(|act| act.0);
        acts
    })
}

fn day(n: u16) -> NaiveDate {
    FIRST.parse::<NaiveDate>().unwrap() + Days::new(u64::from(n))
}

fn text(n: u16) -> String {
    day(n).to_string()
}

fn category(n: u16) -> DataCategory {
    DataCategory::ALL[usize::from(n) % DataCategory::ALL.len()]
}

fn country(n: u16) -> String {
    ["JP", "JP", "VN"][usize::from(n) % 3].into()
}

fn pick(n: u16, len: usize) -> usize {
    usize::from(n) % len
}

/// A contract's facts and its alerts.
struct World {
    scene: Scene,
    store: Store,
    next: Option<NaiveDate>,
    looks: usize,
}

impl World {
    fn new(start: u16, length: u16, learned: u16, kind: u16) -> Self {
        let mut scene = Scene::new(&text(start), &text(start + length));
        scene.learned_on = day(learned);
        scene.terms(|t| terms(t, kind, kind / 7, kind / 3));
        let b = scene.engage(0, "乙");
        let c = scene.engage(b, "丙");
        let e = scene.engage(0, "丁");
        scene.engage(c, "戊");
        scene.facts.engagements[4].vendor = scene.facts.engagements[e].vendor.clone();
        Self { scene, store: Store::default(), next: None, looks: 0 }
    }

    /// What a look would change.
    fn changes(&self, today: NaiveDate) -> (Vec<Change>, Option<NaiveDate>) {
        let verdict = self.scene.verdict(&self.store.alerts, today);
        let next = verdict.next_check;
        (settle(&self.store.alerts, verdict), next)
    }

    fn look(&mut self, today: NaiveDate) {
        self.looks += 1;
        let (changes, next) = self.changes(today);
        self.next = next;
        self.store.apply(changes, today);
    }

    fn act(&mut self, (n, what, a, b, c): Act) {
        let scene = &mut self.scene;
        let place = 1 + pick(a, scene.facts.engagements.len() - 1);
        let (today, soon) = (text(n), |k: u16| text(n + k));
        match what {
            0 | 1 => {
                scene.apply(place, &today, &soon(b % 60));
            }
            2..=4 => self.application_step(n, what, a, b, c),
            5 => {
                let consent = scene.consent(place, &soon(b % 40), &soon(b % 40 + c % 200));
                consent.amount_yen = i64::from(c) * 5_000;
                consent.country = country(b);
                consent.data = persons(category(a), i64::from(b));
                consent.supersedes = c.is_multiple_of(4);
            }
            6 => scene.revoke(place, &soon(b % 30)),
            7..=10 => {
                let from = (n + b % 60).saturating_sub(30);
                let to = (!c.is_multiple_of(3)).then(|| text(from + c % 120));
                let statement = scene.state(place, &text(from), to.as_deref());
                statement.country = (c.is_multiple_of(5)).then(|| country(c));
                statement.amount_yen = (c.is_multiple_of(2)).then_some(i64::from(b) * 5_000);
                statement.data = persons(category(b), i64::from(c));
            }
            11 => {
                let stamp = scene.stamp();
                let Some(last) = scene.facts.statements.len().checked_sub(1) else { return };
                let origin = scene.facts.statements[pick(a, last + 1)].origin;
                scene.facts.retractions.push(Retraction { origin, stamp });
            }
            12 | 13 => {
                let kind = AuditKind::ALL[pick(a, 3)];
                scene.audit(
                    kind,
                    &text((n + b % 200).saturating_sub(10)),
                    (c.is_multiple_of(2)).then_some(i32::from(1 + c % 12)),
                );
                let engagement = scene.engagement(place);
                scene.audits.last_mut().unwrap().engagement_id = (b.is_multiple_of(2)).then_some(engagement);
            }
            14 => self.complete_audit(n, a),
            15 | 16 => {
                let organization = scene.vendor(pick(a, 4));
                let from = n.saturating_sub(b % 120);
                scene.declare(organization, &text(from), &text(from + c % 130));
                scene.declarations.last_mut().unwrap().filed_on = day(n);
            }
            17 => scene.amend(&soon(a % 60), |t| {
                terms(t, a, b, c);
                t.ends_on = if c.is_multiple_of(3) { day(n + b % 300).max(t.starts_on) } else { t.ends_on };
            }),
            18 if a.is_multiple_of(3) => scene.terminate(&soon(b % 60)),
            19 => {
                let closed = (0..b % 30).map(|k| day(n + k * 3)).collect();
                scene.calendar = scene.calendar.clone().with_closed(closed);
            }
            20 => settings(&mut scene.settings, a, b, c),
            21..=23 => self.person(n, what, a, b),
            _ => {}
        }
    }

    fn application_step(&mut self, n: u16, what: u8, a: u16, b: u16, c: u16) {
        let scene = &mut self.scene;
        if scene.facts.applications.is_empty() {
            return;
        }
        let application = pick(a, scene.facts.applications.len());
        let place = scene.facts.engagements.iter();
        let engagement = scene.facts.applications[application].engagement_id;
        let place = place.clone().position(|e| e.id == engagement).unwrap();
        let step = match (what, b % 3) {
            (2, _) => ApplicationStep::Returned,
            (3, _) => ApplicationStep::Resubmitted,
            (_, 0) => ApplicationStep::Refused,
            (_, 1) => ApplicationStep::Withdrawn,
            _ => ApplicationStep::Consented,
        };
        scene.step(application, step, &text(n));
        if step == ApplicationStep::Consented {
            scene.consent(place, &text(n), &text(n + c % 200)).amount_yen = 1_000_000;
        }
    }

    fn complete_audit(&mut self, n: u16, a: u16) {
        let scene = &mut self.scene;
        let open: Vec<usize> = (0..scene.audits.len()).filter(|k| scene.audits[*k].is_open()).collect();
        if open.is_empty() {
            return;
        }
        let place = open[pick(a, open.len())];
        if a.is_multiple_of(4) {
            scene.cancel(place, &text(n), "誤り");
            return;
        }
        scene.complete(place, &text(n.saturating_sub(a % 5)));
        let done = scene.audits[place].clone();
        let next = id(8_000_000 + i64::try_from(scene.audits.len()).unwrap());
        let following = done.next_due();
        scene.audits.extend(following.map(|due_on| AuditFact {
            id: next,
            due_on,
            done_on: None,
            done: None,
            ..done
        }));
    }

    /// Takes up or resolves an alert.
    fn person(&mut self, n: u16, what: u8, a: u16, b: u16) {
        let store = &mut self.store;
        let mut standing: Vec<&mut AlertFact> =
            store.alerts.iter_mut().filter(|x| x.is_unresolved()).collect();
        standing.sort_by(|x, y| (x.kind, &x.subject).cmp(&(y.kind, &y.subject)));
        if standing.is_empty() {
            return;
        }
        let place = pick(a, standing.len());
        let alert = &mut *standing[place];
        let accepted = (b.is_multiple_of(2)).then(|| day(n + b % 50));
        alert.state = AlertState::Acknowledged;
        if what > 21 {
            alert.measure = Some("対応した".into());
            if alert.closes_when_resolved(accepted, day(n)) {
                alert.state = AlertState::Resolved;
                alert.accepted_until = accepted;
                let id = alert.id;
                store.resolved.push((id, day(n), "担当者".into()));
            }
        }
    }
}

fn terms(t: &mut crate::domain::contract::Terms, a: u16, b: u16, c: u16) {
    let policies =
        [Policy::ConsentRequired, Policy::ConsentRequired, Policy::Prohibited, Policy::MinorExempt];
    t.subcontracting.policy = policies[pick(a, 4)];
    t.subcontracting.minor_limit_yen = Some(1_000_000);
    t.subcontracting.max_tier = (b.is_multiple_of(2)).then_some(2);
    t.subcontracting.max_ratio_percent = (c.is_multiple_of(2)).then_some(40);
    t.subcontracting.overseas = Overseas::ALL[pick(a + b, 2)];
    t.declaration_interval = DeclarationInterval::ALL[pick(b + c, 4)];
    t.data = if c.is_multiple_of(5) { Vec::new() } else { persons(category(c), 500) };
}

fn settings(settings: &mut Settings, a: u16, b: u16, c: u16) {
    settings.consent_expiring_days = vec![i32::from(b % 90), 10];
    settings.contract_expiring_days = vec![i32::from(c % 120), 30];
    settings.audit_due_days = vec![i32::from(a % 100), 7, 3];
    settings.declaration_grace_days = i32::from(c % 30);
    settings.decision_working_days = 1 + i32::from(b % 20);
    settings.decision_before_start_days = i32::from(a % 8);
    settings.escalation_working_days = 1 + i32::from(c % 6);
    settings.severities.tier_exceeded =
        if a.is_multiple_of(2) { Severity::Critical } else { Severity::Warning };
}

fn run(world: &mut World, acts: &[Act]) -> Result<(), TestCaseError> {
    let mut acts = acts.iter().peekable();
    let from = (world.scene.learned_on - day(0)).num_days();
    world.next = Some(world.scene.learned_on);
    for n in u16::try_from(from).unwrap()..DAYS {
        let today = day(n);
        if world.next.is_some_and(|next| next <= today) {
            world.look(today);
        } else {
            let (changes, _) = world.changes(today);
            prop_assert!(changes.is_empty(), "{} is no day to look, but: {:#?}", today, changes);
        }
        let mut acted = false;
        while let Some(act) = acts.next_if(|act| act.0 <= n) {
            world.act((n, act.1, act.2, act.3, act.4));
            world.look(today);
            acted = true;
        }
        if acted {
            let (again, _) = world.changes(today);
            prop_assert!(again.is_empty(), "a second look on {} says {:#?}", today, again);
        }
    }
    Ok(())
}

// Two halves, so that two cores share them: a thousand cases of more than a year each.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn the_sweep_of_what_is_due_equals_full_evaluation_on_short_contracts(
        start in 0u16..90, length in 20u16..200, learned in 0u16..30, kind in 0u16..1000, acts in acts(),
    ) {
        run(&mut World::new(start, length, learned, kind), &acts)?;
    }

    #[test]
    fn the_sweep_of_what_is_due_equals_full_evaluation_on_long_contracts(
        start in 0u16..90, length in 200u16..420, learned in 0u16..30, kind in 0u16..1000, acts in acts(),
    ) {
        run(&mut World::new(start, length, learned, kind), &acts)?;
    }
}

#[test]
fn a_quiet_contract_is_looked_at_on_few_days() {
    let mut world = World::new(12, 364, 12, 1);
    run(&mut world, &[]).unwrap();
    assert!(!world.store.alerts.is_empty());
    assert!(world.looks < 20, "{} looks", world.looks);
}
