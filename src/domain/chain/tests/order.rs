//! Where no consent is needed, and the order and cost of a large chain.

use super::*;

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
