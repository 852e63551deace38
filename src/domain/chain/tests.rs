//! The worked example, each cause and state by hand, and the fold against the day-by-day model.

use chrono::{NaiveDate, TimeDelta};

use super::*;
use crate::domain;
use crate::domain::contract::{
    DataCategory, DeclarationInterval, Instant, Overseas, Policy, Subcontracting, Terms,
};
use crate::domain::days::{DayRange, DaySet, OpenRange};
use crate::domain::id::Id;
use crate::domain::text_enum::TextEnum;

#[path = "../../../tests/support/model.rs"]
mod model;
mod property;

fn id<T>(n: u128) -> Id<T> {
    Id::from_uuid(uuid::Uuid::from_u128(n))
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn range(from: &str, to: &str) -> DayRange {
    DayRange::new(day(from), day(to)).unwrap()
}

fn running(from: &str) -> OpenRange {
    OpenRange { from: day(from), to: None }
}

fn closed(from: &str, to: &str) -> OpenRange {
    OpenRange { from: day(from), to: Some(day(to)) }
}

fn end_of_day(text: &str) -> Instant {
    day(text).and_hms_opt(23, 59, 59).unwrap().and_utc()
}

fn terms(from: NaiveDate, to: NaiveDate, policy: Policy) -> Terms {
    Terms {
        title: "見本データ入力業務".into(),
        fiscal_year: 2026,
        amount_yen: 10_000_000,
        signed_on: from,
        starts_on: from,
        ends_on: to,
        scope: "入力".into(),
        data: vec![],
        subcontracting: Subcontracting {
            policy,
            max_tier: None,
            max_ratio_percent: None,
            overseas: Overseas::Prohibited,
            minor_limit_yen: (policy == Policy::MinorExempt).then_some(100),
        },
        declaration_interval: DeclarationInterval::None,
        return_due_days: 14,
        department: None,
    }
}

const A: u128 = 1;
const B: u128 = 2;
const C: u128 = 3;

/// A chain told act by act, each with the next `seq`, at the instant last set.
fn asked(starts_on: NaiveDate, ends_on: NaiveDate) -> Asked {
    Asked { starts_on, ends_on, amount_yen: 1 }
}

struct Story {
    facts: ChainFacts,
    seq: i64,
    at: Instant,
}

impl Story {
    /// 2026-04-01…2027-03-31, A the prime.
    fn new() -> Self {
        let mut story = Self::of(terms(day("2026-04-01"), day("2027-03-31"), Policy::ConsentRequired));
        story.engage(A, None);
        story
    }

    /// With B under A and C under B.
    fn of_three() -> Self {
        let mut story = Self::new();
        story.engage(B, Some(A));
        story.engage(C, Some(B));
        story
    }

    fn of(terms: Terms) -> Self {
        let at = terms.starts_on.and_hms_opt(9, 0, 0).unwrap().and_utc();
        let stamp = Stamp { seq: 1, at };
        let facts = ChainFacts {
            contract_id: id(9_000),
            agency_id: id(9_001),
            terms: vec![TermsFact { effective_on: terms.starts_on, terms, stamp }],
            terminations: vec![],
            engagements: vec![],
            applications: vec![],
            consents: vec![],
            revocations: vec![],
            statements: vec![],
            retractions: vec![],
        };
        Self { facts, seq: 1, at }
    }

    fn on(&mut self, text: &str) -> &mut Self {
        self.at = day(text).and_hms_opt(9, 0, 0).unwrap().and_utc();
        self
    }

    fn stamp(&mut self) -> Stamp {
        self.seq += 1;
        Stamp { seq: self.seq, at: self.at }
    }

    fn engage(&mut self, n: u128, parent: Option<u128>) {
        let above = |p| self.facts.engagements.iter().find(|e| e.id == id(p)).map_or(0, |e| e.tier);
        let tier = parent.map_or(0, above) + 1;
        let name = format!("見本事業者{n}");
        let vendor = Vendor { id: id(100 + n), name, corporate_number: None, country: "JP".into() };
        let stamp = self.stamp();
        self.facts.engagements.push(Engagement { id: id(n), parent_id: parent.map(id), vendor, tier, stamp });
    }

    fn apply(&mut self, n: u128, from: NaiveDate, to: NaiveDate) -> usize {
        let (stamp, number) = (self.stamp(), 500 + self.facts.applications.len() as u128);
        let (engagement_id, applicant_id) = (id(n), id(100));
        let events = vec![];
        let (id, filed_on, asked) = (id(number), from, asked(from, to));
        let filed = Application { id, engagement_id, applicant_id, filed_on, asked, stamp, events };
        self.facts.applications.push(filed);
        self.facts.applications.len() - 1
    }

    fn step(&mut self, application: usize, step: ApplicationStep) {
        let stamp = self.stamp();
        let on = stamp.at.date_naive();
        let event = ApplicationEvent { step, on, corrected: None, stamp };
        self.facts.applications[application].events.push(event);
    }

    /// 補正: the application is for these days from now on.
    fn correct(&mut self, application: usize, from: NaiveDate, to: NaiveDate) {
        self.step(application, ApplicationStep::Resubmitted);
        let event = self.facts.applications[application].events.last_mut().unwrap();
        event.corrected = Some(asked(from, to));
    }

    fn consent_days(&mut self, n: u128, valid_from: NaiveDate, valid_until: NaiveDate, supersedes: bool) {
        let (stamp, number) = (self.stamp(), 700 + self.facts.consents.len() as u128);
        self.facts.consents.push(Consent {
            id: id(number),
            engagement_id: id(n),
            application_id: Some(id(number)),
            decided_on: stamp.at.date_naive(),
            valid_from,
            valid_until,
            supersedes,
            amount_yen: 1,
            country: "JP".into(),
            data: vec![],
            stamp,
        });
    }

    fn consent(&mut self, n: u128, from: &str, until: &str) {
        self.consent_days(n, day(from), day(until), false);
    }

    fn revoke(&mut self, n: u128, effective_on: &str) {
        let stamp = self.stamp();
        self.facts.revocations.push(Revocation {
            engagement_id: id(n),
            effective_on: day(effective_on),
            stamp,
        });
    }

    fn state(
        &mut self,
        n: u128,
        source: Source,
        origin: StatementOrigin,
        started: NaiveDate,
        ended: Option<NaiveDate>,
    ) {
        let stamp = self.stamp();
        self.facts.statements.push(Statement {
            engagement_id: id(n),
            source,
            origin,
            started_on: started,
            ended_on: ended,
            country: None,
            amount_yen: None,
            data: vec![],
            stamp,
        });
    }

    /// Declared by A in a declaration of its own.
    fn declare(&mut self, n: u128, started: &str, ended: Option<&str>) -> StatementOrigin {
        let origin = StatementOrigin::Declaration(id(800 + self.facts.statements.len() as u128));
        self.state(n, Source::Declared(id(100 + A)), origin, day(started), ended.map(day));
        origin
    }

    fn observe(&mut self, n: u128, started: &str, ended: Option<&str>) -> StatementOrigin {
        let origin = StatementOrigin::Observation(id(800 + self.facts.statements.len() as u128));
        self.state(n, Source::Audit, origin, day(started), ended.map(day));
        origin
    }

    fn retract(&mut self, origin: StatementOrigin) {
        let stamp = self.stamp();
        self.facts.retractions.push(Retraction { origin, stamp });
    }

    fn terminate(&mut self, effective_on: &str) {
        let stamp = self.stamp();
        self.facts.terminations.push(Termination { effective_on: day(effective_on), stamp });
    }

    fn uncovered(&self, n: u128) -> Vec<(DayRange, Cause)> {
        self.facts.now().coverage(id(n)).unwrap().uncovered.clone()
    }

    fn state_of(&self, n: u128, as_of: &str) -> NodeState {
        self.facts.now().state(id(n), day(as_of))
    }
}

/// domain.md, "Worked example".
fn worked_example() -> ChainFacts {
    let mut story = Story::of_three();
    story.on("2026-04-20").consent(B, "2026-05-01", "2026-12-31");
    story.on("2026-05-01").declare(B, "2026-05-01", None);
    story.on("2026-05-15").consent(C, "2026-06-01", "2027-03-31");
    story.on("2026-05-20").declare(C, "2026-05-20", None);
    story.on("2026-11-01").revoke(B, "2026-11-10");
    story.on("2027-01-20").declare(C, "2026-05-20", Some("2027-01-15"));
    story.facts
}

#[test]
fn worked_example_as_of_and_known_on_31_january() {
    let facts = worked_example();
    let known = facts.known(end_of_day("2027-01-31"));
    let (b, c) = (known.coverage(id(B)).unwrap(), known.coverage(id(C)).unwrap());
    let c_so_far = vec![closed("2026-05-20", "2026-05-31"), closed("2026-11-10", "2027-01-15")];
    assert_eq!(c.split(day("2027-01-31")), (c_so_far, vec![]));
    let b_ahead = vec![range("2027-02-01", "2027-03-31")];
    assert_eq!(b.split(day("2027-01-31")), (vec![running("2026-11-10")], b_ahead));
    assert_eq!(
        c.uncovered,
        [
            (range("2026-05-20", "2026-05-31"), Cause::BeforeConsent),
            (range("2026-11-10", "2027-01-15"), Cause::Parent)
        ]
    );
    assert_eq!(
        b.uncovered,
        [
            (range("2026-11-10", "2026-12-31"), Cause::Revoked),
            (range("2027-01-01", "2027-03-31"), Cause::Expired)
        ]
    );
    assert_eq!(known.state(id(B), day("2027-01-31")), NodeState::Revoked);
    assert_eq!(known.state(id(C), day("2027-01-31")), NodeState::Consented);
    assert!(b.open_use && !c.open_use);
}

#[test]
fn worked_example_as_of_and_known_on_31_october() {
    let facts = worked_example();
    let known = facts.known(end_of_day("2026-10-31"));
    let ahead = vec![range("2027-01-01", "2027-03-31")];
    let (b, c) = (known.coverage(id(B)).unwrap(), known.coverage(id(C)).unwrap());
    let as_of = day("2026-10-31");
    assert_eq!(c.split(as_of), (vec![closed("2026-05-20", "2026-05-31")], ahead.clone()));
    assert_eq!(b.split(as_of), (vec![], ahead));
    assert_eq!(b.uncovered, [(range("2027-01-01", "2027-03-31"), Cause::Expired)]);
    assert_eq!(c.uncovered.last(), Some(&(range("2027-01-01", "2027-03-31"), Cause::Parent)));
    assert_eq!(known.state(id(B), as_of), NodeState::Consented);
}

#[test]
fn worked_example_mixes_its_two_times() {
    let facts = worked_example();
    // As of 31 January, as known on 31 October: C's end was not declared, the revocation not known.
    let known = facts.known(end_of_day("2026-10-31"));
    let (so_far, ahead) = known.coverage(id(C)).unwrap().split(day("2027-01-31"));
    assert_eq!(so_far, [closed("2026-05-20", "2026-05-31"), running("2027-01-01")]);
    assert_eq!(ahead, [range("2027-02-01", "2027-03-31")]);
    // As of 31 October, as known in the end: the revocation is ahead.
    let now = facts.now();
    assert_eq!(
        now.coverage(id(B)).unwrap().split(day("2026-10-31")),
        (vec![], vec![range("2026-11-10", "2027-03-31")])
    );
}

#[test]
fn worked_example_after_the_contract() {
    let facts = worked_example();
    let now = facts.now();
    let b = now.coverage(id(B)).unwrap();
    assert_eq!(b.split(day("2027-03-31")), (vec![running("2026-11-10")], vec![]));
    assert_eq!(b.split(day("2027-04-01")), (vec![closed("2026-11-10", "2027-03-31")], vec![]));
    assert!(b.open_use, "end_not_reported");
    assert_eq!(now.state(id(A), day("2027-04-01")), NodeState::Ended);
    assert_eq!(now.state(id(B), day("2027-04-01")), NodeState::Revoked);
    assert_eq!(now.state(id(C), day("2027-04-01")), NodeState::Ended);
}

#[test]
fn the_instant_of_learning_is_inclusive() {
    let facts = worked_example();
    let learned = facts.revocations[0].stamp.at;
    assert!(facts.known(learned).consents(id(B))[0].revoked);
    assert!(!facts.known(learned - TimeDelta::microseconds(1)).consents(id(B))[0].revoked);
    let before = facts.known(facts.terms[0].stamp.at - TimeDelta::microseconds(1));
    assert_eq!((before.period(), before.last_day(), before.engagements().count()), (None, None, 0));
    assert!(before.terms().is_none() && before.terms_on(day("2026-04-01")).is_none());
    assert!(before.coverage(id(B)).is_none());
}

#[test]
fn tier_1_is_covered_while_the_contract_runs() {
    let mut story = Story::new();
    let year = DaySet::from(Some(range("2026-04-01", "2027-03-31")));
    let coverage = story.facts.now().coverage(id(A)).unwrap().clone();
    assert_eq!((coverage.covered, coverage.in_use, coverage.uncovered), (year.clone(), year, vec![]));
    story.terminate("2026-10-01");
    story.terminate("2026-09-01");
    let cut = DaySet::from(Some(range("2026-04-01", "2026-08-31")));
    assert_eq!(story.facts.now().coverage(id(A)).unwrap().in_use, cut);
    assert_eq!(story.state_of(A, "2026-08-31"), NodeState::Consented);
    assert_eq!(story.state_of(A, "2026-09-01"), NodeState::Ended);
}

#[test]
fn cause_no_application_then_undecided_refused_and_withdrawn() {
    let mut story = Story::of_three();
    story.declare(B, "2026-05-01", Some("2026-06-30"));
    let all = range("2026-05-01", "2026-06-30");
    assert_eq!(story.uncovered(B), [(all, Cause::NoApplication)]);
    assert_eq!(story.state_of(B, "2026-05-01"), NodeState::Unapproved);

    let first = story.apply(B, day("2026-06-01"), day("2026-12-31"));
    story.step(first, ApplicationStep::Returned);
    story.step(first, ApplicationStep::Resubmitted);
    let (before, applied) = (range("2026-05-01", "2026-05-31"), range("2026-06-01", "2026-06-30"));
    assert_eq!(story.uncovered(B), [(before, Cause::NoApplication), (applied, Cause::Undecided)]);
    assert_eq!(story.state_of(B, "2026-05-01"), NodeState::Applied);

    story.step(first, ApplicationStep::Refused);
    assert_eq!(story.uncovered(B), [(all, Cause::Refused)]);
    assert_eq!(story.state_of(B, "2026-05-01"), NodeState::Refused);

    let second = story.apply(B, day("2026-06-01"), day("2026-12-31"));
    assert_eq!(story.uncovered(B), [(before, Cause::Refused), (applied, Cause::Undecided)]);
    story.step(second, ApplicationStep::Withdrawn);
    assert_eq!(story.uncovered(B), [(all, Cause::Refused)], "a withdrawal is no decision");
    assert_eq!(story.state_of(B, "2026-05-01"), NodeState::Withdrawn);
    assert_eq!(story.facts.now().last_decided(id(B)).unwrap().application.id, story.facts.applications[0].id);
}

#[test]
fn what_an_application_said_is_chosen_by_what_was_known() {
    let mut story = Story::of_three();
    story.declare(B, "2026-05-01", Some("2026-06-30"));
    let application = story.apply(B, day("2026-06-01"), day("2026-06-30"));
    story.step(application, ApplicationStep::Returned);
    story.at += chrono::Duration::days(1);
    let before = story.at - chrono::Duration::microseconds(1);
    story.correct(application, day("2026-05-01"), day("2026-05-31"));
    // Read in any order, the latest correction by stamp counts.
    story.facts.applications[application].events.reverse();
    let (may, june) = (range("2026-05-01", "2026-05-31"), range("2026-06-01", "2026-06-30"));
    assert_eq!(story.uncovered(B), [(may, Cause::Undecided), (june, Cause::NoApplication)]);
    let then = story.facts.known(before);
    let uncovered = &then.coverage(id(B)).unwrap().uncovered;
    assert_eq!(*uncovered, [(may, Cause::NoApplication), (june, Cause::Undecided)], "as it was filed");
    assert_eq!(then.applications(id(B))[0].asked, asked(june.from, june.to));
    assert_eq!(story.facts.now().applications(id(B))[0].asked, asked(may.from, may.to));
}

#[test]
fn causes_before_consent_expired_and_contract_ended() {
    let mut story = Story::of_three();
    story.consent(B, "2026-06-01", "2026-12-31");
    story.declare(B, "2026-03-01", Some("2027-04-30"));
    assert_eq!(
        story.uncovered(B),
        [
            (range("2026-03-01", "2026-05-31"), Cause::BeforeConsent),
            (range("2027-01-01", "2027-03-31"), Cause::Expired),
            (range("2027-04-01", "2027-04-30"), Cause::ContractEnded),
        ]
    );
    assert_eq!(story.state_of(B, "2026-04-01"), NodeState::Consented, "it begins later");
    assert_eq!(story.state_of(B, "2026-12-31"), NodeState::Consented);
    assert_eq!(story.state_of(B, "2027-01-01"), NodeState::Expired);
    assert_eq!(story.state_of(B, "2027-04-01"), NodeState::Ended);
}

#[test]
fn a_use_declared_ended_is_ended_not_expired() {
    let mut story = Story::of_three();
    story.consent(B, "2026-06-01", "2026-08-31");
    assert_eq!(story.state_of(B, "2026-09-01"), NodeState::Expired);
    story.declare(B, "2026-06-01", Some("2026-08-31"));
    assert_eq!(story.state_of(B, "2026-08-31"), NodeState::Consented);
    assert_eq!(story.state_of(B, "2026-09-01"), NodeState::Ended);
    story.observe(B, "2026-06-01", None);
    assert_eq!(story.state_of(B, "2026-09-01"), NodeState::Expired);
}

#[test]
fn a_parent_uncovers_what_hangs_below_the_same_day() {
    let mut story = Story::of_three();
    story.consent(B, "2026-04-01", "2026-08-31");
    story.consent(C, "2026-04-01", "2027-03-31");
    story.declare(C, "2026-07-01", None);
    assert_eq!(story.uncovered(C), [(range("2026-09-01", "2027-03-31"), Cause::Parent)]);
    story.revoke(B, "2026-08-01");
    assert_eq!(story.uncovered(C), [(range("2026-08-01", "2027-03-31"), Cause::Parent)]);
    assert_eq!(story.uncovered(B), [], "B is not in use");
}

#[test]
fn the_earliest_revocation_wins_and_a_later_consent_starts_anew() {
    let mut story = Story::of_three();
    story.consent(B, "2026-04-01", "2026-12-31");
    story.declare(B, "2026-04-01", None);
    story.revoke(B, "2027-02-01");
    assert_eq!(story.state_of(B, "2027-01-01"), NodeState::Expired, "a day after the end changes nothing");
    story.revoke(B, "2026-08-01");
    story.revoke(B, "2026-07-01");
    story.revoke(B, "2026-09-01");
    let revoked = (range("2026-07-01", "2026-12-31"), Cause::Revoked);
    let expired = (range("2027-01-01", "2027-03-31"), Cause::Expired);
    assert_eq!(story.uncovered(B), [revoked, expired]);
    assert_eq!(story.state_of(B, "2026-06-30"), NodeState::Consented);
    assert_eq!(story.state_of(B, "2026-07-01"), NodeState::Revoked);
    assert_eq!(story.state_of(B, "2027-06-01"), NodeState::Revoked);

    story.consent(B, "2026-10-01", "2026-12-31");
    assert_eq!(story.uncovered(B), [(range("2026-07-01", "2026-09-30"), Cause::Revoked), expired]);
    assert_eq!(story.state_of(B, "2026-08-01"), NodeState::Consented);
    assert_eq!(story.state_of(B, "2027-01-01"), NodeState::Expired);
}

#[test]
fn a_consent_on_paper_entered_after_a_revocation_is_cut_like_those_before_it() {
    let mut story = Story::of_three();
    story.consent(B, "2026-04-01", "2026-12-31");
    story.declare(B, "2026-04-01", Some("2026-12-31"));
    story.revoke(B, "2026-07-01");
    let revoked = [(range("2026-07-01", "2026-12-31"), Cause::Revoked)];
    assert_eq!(story.uncovered(B), revoked);
    story.consent(B, "2026-04-01", "2026-12-31");
    assert_eq!(story.uncovered(B), [], "a decision of today starts anew");
    story.facts.consents[1].application_id = None;
    assert_eq!(story.uncovered(B), revoked, "one decided on paper before the contract was entered does not");
    assert_eq!(story.state_of(B, "2026-07-01"), NodeState::Revoked);
}

#[test]
fn a_consent_revoked_before_it_began() {
    let mut story = Story::of_three();
    story.consent(B, "2026-06-01", "2026-08-31");
    story.revoke(B, "2026-05-15");
    story.declare(B, "2026-05-01", Some("2026-09-30"));
    assert_eq!(
        story.uncovered(B),
        [
            (range("2026-05-01", "2026-05-31"), Cause::BeforeConsent),
            (range("2026-06-01", "2026-08-31"), Cause::Revoked),
            (range("2026-09-01", "2026-09-30"), Cause::Expired),
        ]
    );
    assert_eq!(story.state_of(B, "2026-05-01"), NodeState::Revoked);
}

#[test]
fn a_superseding_consent_ends_the_earlier_ones_only() {
    let mut story = Story::of_three();
    story.consent(B, "2026-04-01", "2027-03-31");
    story.consent_days(B, day("2026-07-01"), day("2026-09-30"), true);
    story.consent(B, "2026-12-01", "2026-12-31");
    story.declare(B, "2026-04-01", Some("2026-12-31"));
    assert_eq!(story.uncovered(B), [(range("2026-10-01", "2026-11-30"), Cause::Expired)]);
    let now = story.facts.now();
    let valid: Vec<_> = now.consents(id(B)).iter().filter_map(|held| held.valid).collect();
    assert_eq!(
        valid,
        [
            range("2026-04-01", "2026-06-30"),
            range("2026-07-01", "2026-09-30"),
            range("2026-12-01", "2026-12-31")
        ]
    );
}

#[test]
fn consents_unite() {
    let mut story = Story::of_three();
    story.consent(B, "2026-04-01", "2026-06-30");
    story.consent(B, "2026-07-01", "2026-09-30");
    let now = story.facts.now();
    assert_eq!(now.coverage(id(B)).unwrap().consented.ranges(), [range("2026-04-01", "2026-09-30")]);
}

#[test]
fn sources_unite_and_a_retraction_brings_back_the_statement_before() {
    let mut story = Story::of_three();
    let in_use = |story: &Story| story.facts.now().coverage(id(B)).unwrap().in_use.ranges().to_vec();
    story.declare(B, "2026-05-01", Some("2026-05-31"));
    let second = story.declare(B, "2026-06-01", Some("2026-06-30"));
    assert_eq!(in_use(&story), [range("2026-06-01", "2026-06-30")], "replaced whole");
    let seen = story.observe(B, "2026-09-01", Some("2026-09-30"));
    assert_eq!(in_use(&story), [range("2026-06-01", "2026-06-30"), range("2026-09-01", "2026-09-30")]);
    story.retract(second);
    assert_eq!(in_use(&story), [range("2026-05-01", "2026-05-31"), range("2026-09-01", "2026-09-30")]);
    story.retract(seen);
    assert_eq!(in_use(&story), [range("2026-05-01", "2026-05-31")]);
    assert_eq!(story.facts.now().statements(id(B)).len(), 1);
}

#[test]
fn a_terminated_contract_ends_the_use_nobody_ended() {
    let mut story = Story::of_three();
    story.consent(B, "2026-04-01", "2027-03-31");
    story.declare(B, "2026-05-01", None);
    story.terminate("2026-07-01");
    assert_eq!(story.uncovered(B), []);
    assert_eq!(story.facts.now().coverage(id(B)).unwrap().in_use.last(), Some(day("2026-06-30")));
    story.observe(B, "2026-08-01", None);
    story.declare(C, "2026-06-15", Some("2026-07-15"));
    assert_eq!(story.uncovered(B), [(range("2026-08-01", "2026-08-01"), Cause::ContractEnded)]);
    assert_eq!(
        story.uncovered(C),
        [
            (range("2026-06-15", "2026-06-30"), Cause::NoApplication),
            (range("2026-07-01", "2026-07-15"), Cause::ContractEnded)
        ]
    );
    assert_eq!(story.state_of(B, "2026-07-01"), NodeState::Ended);
    story.terminate("2026-03-01");
    let now = story.facts.now();
    assert_eq!((now.period(), now.last_day()), (None, Some(day("2026-02-28"))));
    assert!(now.coverage(id(A)).unwrap().in_use.is_empty());
}

#[test]
fn an_amended_end_counts_from_when_it_is_known() {
    let mut story = Story::of_three();
    story.on("2026-10-01");
    let stamp = story.stamp();
    let longer = terms(day("2026-04-01"), day("2027-09-30"), Policy::ConsentRequired);
    story.facts.terms.insert(0, TermsFact { effective_on: day("2027-01-01"), terms: longer, stamp });
    let before = story.facts.known(end_of_day("2026-09-30"));
    assert_eq!(before.period(), Some(range("2026-04-01", "2027-03-31")));
    let now = story.facts.now();
    assert_eq!(now.period(), Some(range("2026-04-01", "2027-09-30")));
    assert_eq!(now.terms().unwrap().ends_on, day("2027-09-30"));
    assert_eq!(now.terms_on(day("2026-12-31")).unwrap().ends_on, day("2027-03-31"));
    assert_eq!(now.terms_on(day("2027-01-01")).unwrap().ends_on, day("2027-09-30"));
    assert_eq!(now.terms_on(day("2020-01-01")).unwrap().ends_on, day("2027-03-31"));
}

#[test]
fn where_notice_is_enough_no_consent_is_asked_but_for_my_number() {
    for policy in [Policy::NoticeOnly, Policy::NoPersonalData] {
        let mut story = Story::of(terms(day("2026-04-01"), day("2027-03-31"), policy));
        story.engage(A, None);
        story.engage(B, Some(A));
        story.engage(C, Some(B));
        story.declare(C, "2026-05-01", Some("2026-05-31"));
        assert_eq!(story.uncovered(C), []);
        let volume = DataVolume { category: DataCategory::MyNumber, persons: 1 };
        story.facts.terms[0].terms.data.push(volume);
        assert_eq!(story.uncovered(C), [(range("2026-05-01", "2026-05-31"), Cause::NoApplication)]);
    }
}

#[test]
fn minor_work_is_exempt_up_to_its_limit() {
    let mut story = Story::of(terms(day("2026-04-01"), day("2027-03-31"), Policy::MinorExempt));
    story.engage(A, None);
    story.engage(B, Some(A));
    story.engage(C, Some(B));
    story.declare(B, "2026-05-01", Some("2026-05-31"));
    story.declare(C, "2026-05-01", Some("2026-05-31"));
    let may = range("2026-05-01", "2026-05-31");
    assert_eq!(story.uncovered(B), [(may, Cause::NoApplication)], "no amount was said");
    story.facts.statements[0].amount_yen = Some(100);
    assert_eq!(story.uncovered(B), []);
    story.facts.statements[0].amount_yen = Some(101);
    story.facts.statements[1].amount_yen = Some(1);
    assert_eq!(story.uncovered(B), [(may, Cause::NoApplication)]);
    assert_eq!(story.uncovered(C), [(may, Cause::Parent)], "C needs none itself");
}

#[test]
fn engagements_come_parents_first_siblings_by_stamp() {
    let mut story = Story::of_three();
    story.engage(4, Some(A));
    story.engage(5, Some(B));
    story.engage(6, Some(C));
    story.facts.engagements.reverse();
    // What hangs on nothing known, or on itself, is left out.
    story.engage(7, Some(99));
    story.engage(8, Some(8));
    let now = story.facts.now();
    let order: Vec<EngagementId> = now.engagements().map(|e| e.id).collect();
    assert_eq!(order, [A, B, C, 6, 5, 4].map(id));
    let above: Vec<EngagementId> = now.ancestors(id(6)).map(|e| e.id).collect();
    assert_eq!(above, [C, B, A].map(id));
    assert_eq!(now.engagement(id(6)).unwrap().tier, 4);
}

#[test]
fn hundreds_of_engagements_are_cheap() {
    let mut story = Story::new();
    for n in 2..=2_000 {
        story.engage(n, Some(n / 2));
        story.consent(n, "2026-05-01", "2026-12-31");
        story.declare(n, "2026-04-15", None);
    }
    let started = std::time::Instant::now();
    assert_eq!(story.uncovered(2_000).len(), 2);
    assert!(started.elapsed().as_secs() < 2, "{:?}", started.elapsed());
}
