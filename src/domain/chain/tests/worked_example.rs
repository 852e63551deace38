//! domain.md, "Worked example", at its two times.

use super::*;

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
