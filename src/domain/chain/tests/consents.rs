//! What a consent covers: revoked, superseded, under a parent that is not covered.

use super::*;

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
