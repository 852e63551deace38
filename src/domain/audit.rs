//! 検査・点検: what is planned and done on a contract, recurrence from the due day, and the plan of a 年度.

use chrono::NaiveDate;

use super::calendar::{add_months, fiscal_year};
use super::contract::Stamp;
use super::id::{AuditId, EngagementId};
use crate::text_enum;

text_enum! {
    /// Kinds of audit.
    pub enum AuditKind {
        /// 実地検査
        OnSite = "on_site",
        /// 書面検査
        Document = "document",
        /// 自己点検
        SelfCheck = "self_check",
    }
}

impl AuditKind {
    /// The word on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::OnSite => "実地検査",
            Self::Document => "書面検査",
            Self::SelfCheck => "自己点検",
        }
    }
}

/// One audit, planned or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFact {
    pub id: AuditId,
    pub kind: AuditKind,
    /// Whose; None: the contract's prime.
    pub engagement_id: Option<EngagementId>,
    pub due_on: NaiveDate,
    /// The series repeats every so many months, ≥ 1. None: once.
    pub every_months: Option<i32>,
    /// Due day of the series' first audit: recurrence counts from it, so that a month's end does not drift.
    /// The own `due_on` where there is no series before it.
    pub first_due_on: NaiveDate,
    pub done_on: Option<NaiveDate>,
    pub planned: Stamp,
    pub done: Option<Stamp>,
}

impl AuditFact {
    /// Due day of the next in the series: counted from the due day, however late this one was done.
    pub fn next_due(&self) -> Option<NaiveDate> {
        due_days(self.first_due_on, self.every_months?).find(|day| *day > self.due_on)
    }
}

/// The due days of a series: the `k`-th is `k` × `every_months` after the first (31 January, 28 February,
/// 31 March). Ends at the calendar's edge; a step of no months gives the first only.
pub fn due_days(first: NaiveDate, every_months: i32) -> impl Iterator<Item = NaiveDate> {
    let later = (1..).map_while(move |k: i32| {
        let day = add_months(first, k.checked_mul(every_months)?);
        (every_months > 0 && day < NaiveDate::MAX).then_some(day)
    });
    std::iter::once(first).chain(later)
}

/// A line of the 年度 plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedAudit {
    pub due_on: NaiveDate,
    pub kind: AuditKind,
    pub engagement_id: Option<EngagementId>,
    /// None: not scheduled yet, it follows from its series.
    pub audit_id: Option<AuditId>,
    pub done_on: Option<NaiveDate>,
}

/// The contract's audits due in a 年度 and no later than its last day, scheduled or following from a series;
/// by due day.
pub fn plan(audits: &[AuditFact], year: i32, last_day: NaiveDate) -> Vec<PlannedAudit> {
    let in_plan = |day: NaiveDate| fiscal_year(day) == year && day <= last_day;
    let line = |audit: &AuditFact, due_on| PlannedAudit {
        due_on,
        kind: audit.kind,
        engagement_id: audit.engagement_id,
        audit_id: None,
        done_on: None,
    };
    let scheduled = audits.iter().filter(|audit| in_plan(audit.due_on)).map(|audit| PlannedAudit {
        audit_id: Some(audit.id),
        done_on: audit.done_on,
        ..line(audit, audit.due_on)
    });
    let latest = audits.iter().filter(|audit| !audits.iter().any(|other| follows(other, audit)));
    let following = latest.flat_map(|audit| {
        let days = audit.every_months.into_iter().flat_map(|months| due_days(audit.first_due_on, months));
        days.take_while(|day| *day <= last_day)
            .filter(|day| *day > audit.due_on && in_plan(*day))
            .map(|day| line(audit, day))
    });
    let mut lines: Vec<PlannedAudit> = scheduled.chain(following).collect();
    lines.sort_by_key(|line| (line.due_on, line.audit_id.is_none(), line.audit_id));
    lines
}

/// Whether `other` is a later audit of the same series.
fn follows(other: &AuditFact, audit: &AuditFact) -> bool {
    let series = |fact: &AuditFact| (fact.kind, fact.engagement_id, fact.first_due_on, fact.every_months);
    series(other) == series(audit) && (other.due_on, other.planned) > (audit.due_on, audit.planned)
}

/// Whether an on-site audit is planned or done in a 年度 of a contract; nothing else counts, and one planned
/// for after the contract's last day does not either.
pub fn has_on_site(audits: &[AuditFact], year: i32, last_day: NaiveDate) -> bool {
    audits.iter().filter(|audit| audit.kind == AuditKind::OnSite).any(|audit| {
        let planned = fiscal_year(audit.due_on) == year && audit.due_on <= last_day;
        planned || audit.done_on.is_some_and(|day| fiscal_year(day) == year)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::fixture::{Scene, d};
    use crate::domain::calendar::tests::edge_day;
    use chrono::Datelike;
    use proptest::prelude::*;

    fn days(first: &str, months: i32, n: usize) -> Vec<String> {
        due_days(d(first), months).take(n).map(|day| day.to_string()).collect()
    }

    #[test]
    fn recurrence_keeps_the_months_end_across_29_february() {
        assert_eq!(days("2027-01-31", 1, 4), ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]);
        assert_eq!(days("2028-01-31", 1, 3), ["2028-01-31", "2028-02-29", "2028-03-31"]);
        assert_eq!(days("2028-02-29", 12, 5)[1..], ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]);
        assert_eq!(days("2026-12-31", 3, 3), ["2026-12-31", "2027-03-31", "2027-06-30"]);
        assert_eq!(days("2026-12-31", 0, 3), ["2026-12-31"]);
        assert_eq!(days("2026-12-31", i32::MAX, 3), ["2026-12-31"]);
    }

    #[test]
    fn the_next_audit_counts_from_the_due_day_not_the_late_completion() {
        let mut scene = Scene::new("2026-04-01", "2028-03-31");
        scene.audit(AuditKind::OnSite, "2027-02-15", Some(12));
        scene.complete(0, "2027-09-01");
        assert_eq!(scene.audits[0].next_due(), Some(d("2028-02-15")));
        scene.audits[0].every_months = None;
        assert_eq!(scene.audits[0].next_due(), None);
        let february = AuditFact {
            due_on: d("2027-02-28"),
            first_due_on: d("2027-01-31"),
            every_months: Some(1),
            ..scene.audits[0].clone()
        };
        assert_eq!(february.next_due(), Some(d("2027-03-31")));
    }

    #[test]
    fn the_plan_shows_scheduled_and_following_audits_up_to_the_last_day() {
        let mut scene = Scene::new("2026-04-01", "2027-12-31");
        scene.audit(AuditKind::Document, "2026-06-30", Some(6));
        scene.audit(AuditKind::OnSite, "2027-03-31", None);
        scene.audit(AuditKind::SelfCheck, "2027-04-01", None);
        let lines = |year| {
            let plan = plan(&scene.audits, year, d("2027-12-31"));
            plan.into_iter().map(|l| format!("{} {}", l.due_on, l.audit_id.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(lines(2026), ["2026-06-30 true", "2026-12-30 false", "2027-03-31 true"]);
        assert_eq!(lines(2027), ["2027-04-01 true", "2027-06-30 false", "2027-12-30 false"]);
        assert_eq!(plan(&scene.audits, 2027, d("2027-12-29")).len(), 2, "silent after the last day");
        let next = AuditFact { due_on: d("2026-12-30"), ..scene.audits[0].clone() };
        scene.audits.push(next);
        assert_eq!(plan(&scene.audits, 2026, d("2027-12-31")).len(), 3, "a scheduled one is not shown twice");
    }

    #[test]
    fn only_on_site_audits_of_the_year_count() {
        let mut scene = Scene::new("2026-04-01", "2028-03-31");
        scene.audit(AuditKind::Document, "2026-06-30", None);
        let last = d("2027-02-28");
        assert!(!has_on_site(&scene.audits, 2026, last));
        scene.audit(AuditKind::OnSite, "2027-03-01", None);
        assert!(!has_on_site(&scene.audits, 2026, last), "after the contract's last day");
        assert!(has_on_site(&scene.audits, 2026, d("2027-03-01")));
        scene.complete(1, "2026-04-01");
        assert!(has_on_site(&scene.audits, 2026, last), "done early, in the year");
        assert!(!has_on_site(&scene.audits, 2025, last));
    }

    /// The last day of a month, or the day itself where the month has it: by trying the days, without months' sums.
    fn by_hand(first: NaiveDate, months: i32) -> NaiveDate {
        let place = first.year() * 12 + first.month0().cast_signed() + months;
        let of =
            |day| NaiveDate::from_ymd_opt(place.div_euclid(12), place.rem_euclid(12).unsigned_abs() + 1, day);
        (1..=first.day()).rev().find_map(of).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

        #[test]
        fn a_series_keeps_its_day_across_29_february_and_the_ends_of_years(
            first in edge_day(), months in 1..=60i32, late in 0..500i64, place in 0..30i32,
        ) {
            let due: Vec<NaiveDate> = due_days(first, months).take(31).collect();
            let expected: Vec<NaiveDate> = (0..31).map(|k| by_hand(first, k * months)).collect();
            prop_assert_eq!(&due, &expected);
            // Done late or early, the next is counted from the due day.
            let mut scene = Scene::new("2015-04-01", "2200-03-31");
            scene.audit(AuditKind::OnSite, &first.to_string(), Some(months));
            let due_on = by_hand(first, place * months);
            scene.audits[0].due_on = due_on;
            scene.complete(0, &(due_on + chrono::Duration::days(late - 100)).to_string());
            prop_assert_eq!(scene.audits[0].next_due(), Some(by_hand(first, (place + 1) * months)));
        }

        #[test]
        fn the_plans_of_the_years_hold_each_due_day_once(
            first in edge_day(), months in 1..=30i32, last in edge_day(),
        ) {
            let mut scene = Scene::new("2015-04-01", "2200-03-31");
            scene.audit(AuditKind::Document, &first.to_string(), Some(months));
            let planned: Vec<(i32, NaiveDate)> = (2014..=2031)
                .flat_map(|year| plan(&scene.audits, year, last).into_iter().map(move |line| (year, line.due_on)))
                .collect();
            let fiscal = |day: NaiveDate| if day.month() < 4 { day.year() - 1 } else { day.year() };
            let expected: Vec<(i32, NaiveDate)> = (0..400)
                .map(|k| by_hand(first, k * months))
                .take_while(|day| *day <= last)
                .map(|day| (fiscal(day), day))
                .collect();
            prop_assert_eq!(planned, expected);
        }
    }
}
