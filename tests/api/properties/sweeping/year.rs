//! What happens in a year, and how it is drawn.

use itaku::domain::contract::DeclarationInterval;
use itaku::domain::text_enum::TextEnum;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::properties::case::{Act, REGISTERED, act, d};

/// Something that happens to one contract.
#[derive(Debug, Clone)]
pub enum Event {
    Chain(Act),
    Plan { due: i64, every: Option<i32> },
    Complete { which: usize },
    TakeUp { which: usize },
    Measure { which: usize, accepted: Option<i64> },
    HandOver { from: i64 },
}

/// A contract's terms, and what happens on which day.
#[derive(Debug, Clone)]
pub struct Plan {
    pub last: i64,
    pub interval: DeclarationInterval,
    pub events: Vec<(i64, Event)>,
}

/// What happens to all of an agency's contracts.
#[derive(Debug, Clone)]
pub enum Change {
    Settings(Value),
    Holidays(Vec<i64>),
}

#[derive(Debug, Clone)]
pub struct Year {
    pub plans: Vec<Plan>,
    pub changes: Vec<(i64, Change)>,
}

impl Year {
    /// The same without one change, or without one event of the only contract.
    pub fn with_one_less(&self) -> impl Iterator<Item = Self> + '_ {
        let changes = (0..self.changes.len()).map(|n| {
            let mut less = self.clone();
            less.changes.remove(n);
            less
        });
        let events = (0..self.plans[0].events.len()).map(|n| {
            let mut less = self.clone();
            less.plans[0].events.remove(n);
            less
        });
        changes.chain(events)
    }
}

fn event() -> impl Strategy<Value = Event> {
    let still = act()
        .prop_filter("the days pass by themselves", |act| !matches!(act, Act::Day(_) | Act::Look { .. }));
    prop_oneof![
        20 => still.prop_map(Event::Chain),
        2 => (0..120_i64, prop::option::of(1..7_i32)).prop_map(|(due, every)| Event::Plan { due, every }),
        1 => (0..4_usize).prop_map(|which| Event::Complete { which }),
        1 => (0..6_usize).prop_map(|which| Event::TakeUp { which }),
        2 => (0..6_usize, prop::option::of(0..60_i64))
            .prop_map(|(which, accepted)| Event::Measure { which, accepted }),
        1 => (0..40_i64).prop_map(|from| Event::HandOver { from }),
    ]
}

fn later(event: Event, by: i64) -> Event {
    match event {
        Event::Chain(act) => Event::Chain(act.later(by)),
        Event::Plan { due, every } => Event::Plan { due: due + by, every },
        Event::Measure { which, accepted } => {
            Event::Measure { which, accepted: accepted.map(|day| day + by + 30) }
        }
        Event::HandOver { from } => Event::HandOver { from: from + by },
        same @ (Event::Complete { .. } | Event::TakeUp { .. }) => same,
    }
}

/// A contract on which something happens in two months of the year, most of it in the first days.
fn plan() -> impl Strategy<Value = Plan> {
    let on = prop_oneof![3 => 0..10_i64, 2 => 0..60_i64];
    let interval = prop::sample::select(DeclarationInterval::ALL);
    let events = prop::collection::vec((on, event()), 5..13);
    (0..280_i64, 15..65_i64, interval, events).prop_map(|(begin, length, interval, events)| {
        let on_its_day = |(on, event)| (REGISTERED + begin + on, later(event, begin));
        let mut events: Vec<(i64, Event)> = events.into_iter().map(on_its_day).collect();
        events.sort_by_key(|(on, _)| *on);
        Plan { last: begin + length, interval, events }
    })
}

fn settings() -> impl Strategy<Value = Value> {
    let days = || 0..60_i32;
    prop_oneof![
        (11..90_i32).prop_map(|n| json!({"consent_expiring_days": [n, 10]})),
        (11..90_i32).prop_map(|n| json!({"contract_expiring_days": [n, 3]})),
        (11..90_i32).prop_map(|n| json!({"audit_due_days": [n, 8, 2]})),
        days().prop_map(|n| json!({"declaration_grace_days": n})),
        (1..20_i32).prop_map(|n| json!({"decision_working_days": n})),
        (0..12_i32).prop_map(|n| json!({"decision_before_start_days": n})),
        (1..8_i32).prop_map(|n| json!({"escalation_working_days": n})),
        any::<bool>().prop_map(
            |grave| json!({"severities": {"tier_exceeded": if grave { "critical" } else { "warning" }}})
        ),
        prop::collection::btree_set(0..400_i64, 1..40)
            .prop_map(|days| json!({"closed_days": days.into_iter().map(d).collect::<Vec<_>>()})),
    ]
}

pub fn year(contracts: usize) -> impl Strategy<Value = Year> {
    let holidays = prop::collection::btree_set(0..400_i64, 5..60)
        .prop_map(|days| Change::Holidays(days.into_iter().collect()));
    let change = prop_oneof![3 => settings().prop_map(Change::Settings), 1 => holidays];
    let changes = prop::collection::vec((REGISTERED + 10..REGISTERED + 340, change), 3..6);
    let plans = prop::collection::vec(plan(), contracts);
    (plans, changes).prop_map(|(plans, changes)| Year { plans, changes })
}
