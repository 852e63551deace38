//! Random chains at random (`as_of`, `known_at`): the fold against the day-by-day model.

use std::cell::RefCell;
use std::collections::BTreeSet;

use chrono::Days;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::model::Model;
use super::*;

/// One act on a contract; indices are taken modulo what exists by then, days count from 2026-03-27.
#[derive(Debug, Clone)]
enum Act {
    Engage {
        parent: usize,
    },
    Apply {
        node: usize,
        from: u64,
        len: u64,
    },
    Step {
        application: usize,
        step: ApplicationStep,
    },
    Correct {
        application: usize,
        from: u64,
        len: u64,
    },
    /// `len` 0: one whose period had passed when it was decided.
    Consent {
        node: usize,
        from: u64,
        len: u64,
        supersedes: bool,
        paper: bool,
    },
    Revoke {
        node: usize,
        on: u64,
    },
    State {
        node: usize,
        source: u128,
        origin: u128,
        started: u64,
        len: Option<u64>,
        yen: Option<i64>,
    },
    Retract {
        source: u128,
        origin: u128,
    },
    Amend {
        effective: u64,
        from: u64,
        len: u64,
        policy: Policy,
        my_number: bool,
    },
    Terminate {
        on: u64,
    },
}

const LAST: u64 = 44;

fn at(offset: u64) -> NaiveDate {
    day("2026-03-27") + Days::new(offset)
}

fn act() -> impl Strategy<Value = Act> {
    let node = || 0usize..64;
    let start = || 0..LAST - 6;
    let yen = prop::option::of(prop::sample::select(vec![50i64, 100, 101]));
    prop_oneof![
        2 => node().prop_map(|parent| Act::Engage { parent }),
        3 => (node(), start(), 1u64..25).prop_map(|(node, from, len)| Act::Apply { node, from, len }),
        3 => (0usize..64, prop::sample::select(ApplicationStep::ALL))
            .prop_map(|(application, step)| Act::Step { application, step }),
        2 => (0usize..64, start(), 1u64..25)
            .prop_map(|(application, from, len)| Act::Correct { application, from, len }),
        6 => (node(), start(), 0u64..30, prop::bool::weighted(0.3), prop::bool::weighted(0.2))
            .prop_map(|(node, from, len, supersedes, paper)| Act::Consent { node, from, len, supersedes, paper }),
        2 => (node(), start()).prop_map(|(node, on)| Act::Revoke { node, on }),
        6 => (node(), 0u128..5, 0u128..4, start(), prop::option::of(1u64..30), yen)
            .prop_map(|(node, source, origin, started, len, yen)| Act::State { node, source, origin, started, len, yen }),
        1 => (0u128..5, 0u128..4).prop_map(|(source, origin)| Act::Retract { source, origin }),
        1 => (start(), 0u64..12, 15u64..32, prop::sample::select(Policy::ALL), any::<bool>())
            .prop_map(|(effective, from, len, policy, my_number)| Act::Amend { effective, from, len, policy, my_number }),
        1 => (0..LAST + 10).prop_map(|on| Act::Terminate { on }),
    ]
}

fn source_of(source: u128, origin: u128) -> (Source, StatementOrigin) {
    let observed = StatementOrigin::Observation(id(300 + origin));
    match source {
        0 => (Source::Audit, observed),
        1 => (Source::ThirdParty, observed),
        2 => (Source::Other, observed),
        n => (Source::Declared(id(100 + n)), StatementOrigin::Declaration(id(400 + n * 10 + origin))),
    }
}

fn amended(from: u64, len: u64, policy: Policy, my_number: bool) -> Terms {
    let mut terms = terms(at(from), at(from + len), policy);
    terms.data.extend(my_number.then_some(DataVolume { category: DataCategory::MyNumber, persons: 1 }));
    terms
}

/// An engagement below tier 1 (tier 1 is neither applied for, consented to, declared nor revoked).
fn below(story: &Story, node: usize) -> Option<u128> {
    let count = story.facts.engagements.len() - 1;
    (count > 0).then(|| 2 + (node % count.max(1)) as u128)
}

fn perform(story: &mut Story, act: &Act) {
    match *act {
        Act::Engage { parent } => {
            let count = story.facts.engagements.len();
            let parent = &story.facts.engagements[parent % count];
            if parent.tier < 5 {
                let parent = (1..=count as u128).find(|n| id(*n) == parent.id);
                story.engage(count as u128 + 1, parent);
            }
        }
        Act::Apply { node, from, len } => {
            if let Some(n) = below(story, node) {
                story.apply(n, at(from), at(from + len));
            }
        }
        Act::Step { application, step } => {
            let count = story.facts.applications.len();
            if count > 0 {
                story.step(application % count, step);
            }
        }
        Act::Correct { application, from, len } => {
            let count = story.facts.applications.len();
            if count > 0 {
                story.correct(application % count, at(from), at(from + len));
            }
        }
        Act::Consent { node, from, len, supersedes, paper } => {
            if let Some(n) = below(story, node) {
                story.consent_days(n, at(from), at((from + len).saturating_sub(1)), supersedes);
                let consent = story.facts.consents.last_mut().unwrap();
                consent.application_id = consent.application_id.filter(|_| !paper);
            }
        }
        Act::Revoke { node, on } => {
            if let Some(n) = below(story, node) {
                story.revoke(n, &at(on).to_string());
            }
        }
        Act::State { node, source, origin, started, len, yen } => {
            if let Some(n) = below(story, node) {
                let (source, origin) = source_of(source, origin);
                story.state(n, source, origin, at(started), len.map(|len| at(started + len - 1)));
                story.facts.statements.last_mut().unwrap().amount_yen = yen;
            }
        }
        Act::Retract { source, origin } => story.retract(source_of(source, origin).1),
        Act::Amend { effective, from, len, policy, my_number } => {
            let stamp = story.stamp();
            let terms = amended(from, len, policy, my_number);
            story.facts.terms.push(TermsFact { effective_on: at(effective), terms, stamp });
        }
        Act::Terminate { on } => story.terminate(&at(on).to_string()),
    }
}

/// The order within the vectors must not matter.
fn shuffle(facts: &mut ChainFacts, by: usize) {
    fn turn<T>(items: &mut [T], by: usize) {
        if !items.is_empty() {
            items.rotate_left(by % items.len());
        }
        if by % 2 == 1 {
            items.reverse();
        }
    }
    turn(&mut facts.terms, by);
    turn(&mut facts.terminations, by);
    turn(&mut facts.engagements, by);
    turn(&mut facts.consents, by);
    turn(&mut facts.revocations, by);
    turn(&mut facts.statements, by);
    turn(&mut facts.retractions, by);
    turn(&mut facts.applications, by);
    for application in &mut facts.applications {
        turn(&mut application.events, by);
    }
}

prop_compose! {
    /// The facts, the day of asking, and an instant at which a part of them was known.
    fn chain()(
        first in (4u64..8, 18u64..30, prop::sample::select(Policy::ALL), prop::bool::weighted(0.2)),
        engagements in prop::collection::vec(0usize..64, 1..6),
        acts in prop::collection::vec((act(), prop::bool::ANY), 4..40),
        as_of in 0..LAST,
        known in 0u64..50,
        turn in 0usize..100,
    ) -> (ChainFacts, NaiveDate, Instant) {
        let (from, len, policy, my_number) = first;
        let mut story = Story::of(amended(from, len, policy, my_number));
        story.engage(A, None);
        for parent in engagements {
            perform(&mut story, &Act::Engage { parent });
        }
        let start = story.at;
        for (act, later) in &acts {
            // Some facts share an instant, as those of one transaction do.
            story.at += TimeDelta::hours(i64::from(*later));
            perform(&mut story, act);
        }
        let hours = u64::try_from((story.at - start).num_hours()).unwrap();
        let known_at = start + TimeDelta::hours(i64::try_from(hours - (known * hours / 100)).unwrap());
        shuffle(&mut story.facts, turn);
        (story.facts, at(as_of), known_at)
    }
}

/// The fold agrees with the model on every engagement and day; gives the causes and states that occurred.
fn check(
    facts: &ChainFacts,
    as_of: NaiveDate,
    known_at: Instant,
) -> Result<(Vec<Cause>, Vec<NodeState>), TestCaseError> {
    let (known, model) = (facts.known(known_at), Model { facts, known_at });
    let (mut causes, mut states) = (Vec::new(), Vec::new());
    prop_assert_eq!(known.last_day(), model.last_day());
    let expected = facts.engagements.iter().filter(|engagement| engagement.stamp.at <= known_at).count();
    prop_assert_eq!(known.engagements().count(), expected);
    for engagement in known.engagements() {
        let (id, coverage) = (engagement.id, known.coverage(engagement.id).unwrap());
        let below = engagement.parent_id.is_some();
        let (so_far, projected) = coverage.split(as_of);
        for day in (0..LAST + 30).map(at) {
            let cause =
                coverage.uncovered.iter().find(|(range, _)| range.contains(day)).map(|(_, cause)| *cause);
            prop_assert_eq!(coverage.covered.contains(day), model.covered(id, day), "covered {} {}", id, day);
            prop_assert_eq!(coverage.in_use.contains(day), model.in_use(id, day), "in use {} {}", id, day);
            prop_assert_eq!(cause, model.cause(id, day), "cause {} {}", id, day);
            if below {
                prop_assert_eq!(
                    coverage.consented.contains(day),
                    model.consented(id, day),
                    "consented {} {}",
                    id,
                    day
                );
            }
            let shown = so_far.iter().any(|r| r.from <= day && day <= r.to.unwrap_or(as_of));
            prop_assert_eq!(shown, day <= as_of && cause.is_some(), "shown {} {}", id, day);
            let ahead = projected.iter().any(|range| range.contains(day));
            prop_assert_eq!(ahead, day > as_of && cause.is_some(), "projected {} {}", id, day);
            causes.extend(cause);
        }
        let open = so_far.iter().filter(|range| range.to.is_none()).count();
        prop_assert_eq!(open == 1, coverage.uncovered_days().contains(as_of), "running {}", id);
        for pair in coverage.uncovered.windows(2) {
            let ((first, cause), (second, next)) = (pair[0], pair[1]);
            prop_assert!(first.to < second.from);
            prop_assert!(cause != next || first.to.succ_opt().unwrap() < second.from, "not merged");
        }
        prop_assert_eq!(known.state(id, as_of), model.state(id, as_of), "state of {} on {}", id, as_of);
        states.push(known.state(id, as_of));
    }
    Ok((causes, states))
}

#[test]
fn the_fold_agrees_with_the_day_by_day_model() {
    let seen = RefCell::new((BTreeSet::new(), BTreeSet::new()));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) };
    let result = TestRunner::new(config).run(&chain(), |(facts, as_of, known_at)| {
        let (causes, states) = check(&facts, as_of, known_at)?;
        let mut seen = seen.borrow_mut();
        seen.0.extend(causes);
        seen.1.extend(states);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let (causes, states) = seen.into_inner();
    assert!(Cause::ALL.iter().all(|cause| causes.contains(cause)), "the chains never showed all: {causes:?}");
    assert!(
        NodeState::ALL.iter().all(|state| states.contains(state)),
        "the chains never showed all: {states:?}"
    );
}

/// The facts as if everything had been said of `into` from the start.
fn said_of(facts: &ChainFacts, merged: EngagementId, into: EngagementId) -> ChainFacts {
    let mut facts = facts.clone();
    let place = |id: &mut EngagementId| {
        if *id == merged {
            *id = into;
        }
    };
    facts.engagements.retain(|engagement| engagement.id != merged);
    facts.consents.iter_mut().for_each(|fact| place(&mut fact.engagement_id));
    facts.revocations.iter_mut().for_each(|fact| place(&mut fact.engagement_id));
    facts.statements.iter_mut().for_each(|fact| place(&mut fact.engagement_id));
    facts.applications.iter_mut().for_each(|fact| place(&mut fact.engagement_id));
    facts
}

#[test]
fn a_merged_place_is_as_if_all_had_been_said_of_the_other() {
    let pairs = RefCell::new(0);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) };
    let result = TestRunner::new(config).run(&chain(), |(facts, as_of, known_at)| {
        let leaf = |id: EngagementId| facts.engagements.iter().all(|e| e.parent_id != Some(id));
        let siblings = |e: &Engagement, other: &Engagement| e.parent_id == other.parent_id && e.id < other.id;
        for into in &facts.engagements {
            for merged in facts.engagements.iter().filter(|other| siblings(into, other) && leaf(other.id)) {
                *pairs.borrow_mut() += 1;
                let mut facts = facts.clone();
                let stamp = Stamp { seq: i64::MAX, at: known_at };
                facts.merges.push(PlaceMerge { engagement_id: merged.id, into: into.id, stamp });
                let expected = said_of(&facts, merged.id, into.id);
                let (known, model) = (facts.known(known_at), Model { facts: &expected, known_at });
                prop_assert!(known.engagement(merged.id).is_none());
                let Some(coverage) = known.coverage(into.id) else { continue };
                for day in (0..LAST + 30).map(at) {
                    prop_assert_eq!(coverage.covered.contains(day), model.covered(into.id, day));
                    let cause = coverage.uncovered.iter().find(|(range, _)| range.contains(day));
                    prop_assert_eq!(cause.map(|(_, cause)| *cause), model.cause(into.id, day));
                }
                prop_assert_eq!(known.state(into.id, as_of), model.state(into.id, as_of));
                // Before the merge was known, both stood.
                let before = known_at - TimeDelta::microseconds(1);
                let then = facts.known(before);
                prop_assert_eq!(then.engagement(merged.id).is_some(), merged.stamp.at <= before);
            }
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    assert!(pairs.into_inner() > 100);
}
