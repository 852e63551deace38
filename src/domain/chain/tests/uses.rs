//! What is in use: ends, sources, retractions; and the contract that ends under it.

use super::*;

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
