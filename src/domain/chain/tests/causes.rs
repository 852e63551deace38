//! Each cause and state by hand.

use super::*;

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
fn a_state_is_of_its_day() {
    let mut story = Story::of_three();
    story.on("2026-06-01");
    let application = story.apply(B, day("2026-07-01"), day("2026-12-31"));
    story.on("2026-06-20").step(application, ApplicationStep::Consented);
    story.consent(B, "2026-07-01", "2026-12-31");
    story.on("2026-08-01").revoke(B, "2026-09-01");
    assert_eq!(story.state_of(B, "2026-05-31"), NodeState::Unapproved, "not yet applied for");
    assert_eq!(story.state_of(B, "2026-06-19"), NodeState::Applied);
    assert_eq!(story.state_of(B, "2026-06-20"), NodeState::Consented, "it begins later");
    assert_eq!(story.state_of(B, "2026-08-31"), NodeState::Consented);
    assert_eq!(story.state_of(B, "2026-09-01"), NodeState::Revoked);
}
