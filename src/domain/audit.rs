//! 検査・点検: what is planned and done on a contract, recurrence from the due day, and what counts in a 年度.

use chrono::NaiveDate;

use super::calendar::{add_months, fiscal_year, fiscal_year_range};
use super::contract::Stamp;
use super::days::DayRange;
use super::id::{AuditId, EngagementId};
use super::limits::{FIRST_YEAR, LAST_YEAR};
use crate::text_enum;

/// An audit is due soon within so many days, today not counted.
pub const SOON_DAYS: i64 = 30;

/// The days on which an audit can be due.
pub fn every_day() -> DayRange {
    // The first year's January belongs to the 年度 before it.
    DayRange { from: fiscal_year_range(FIRST_YEAR - 1).0, to: fiscal_year_range(LAST_YEAR).1 }
}

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
    /// 予告なし: told to no vendor before it is done.
    pub unannounced: bool,
    pub done_on: Option<NaiveDate>,
    pub planned: Stamp,
    pub done: Option<Stamp>,
    pub cancelled: Option<Cancellation>,
}

/// 取消し of a plan made by mistake. A series ends with the audit of it that was cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// The business day.
    pub on: NaiveDate,
    pub reason: String,
    pub stamp: Stamp,
}

impl AuditFact {
    /// Whether it is still to be done.
    pub fn is_open(&self) -> bool {
        self.done_on.is_none() && self.cancelled.is_none()
    }

    /// Due day of the next in the series: counted from the due day, however late this one was done.
    pub fn next_due(&self) -> Option<NaiveDate> {
        next_due(self.first_due_on, self.every_months?, self.due_on)
    }
}

/// The first due day of a series after one of its due days.
pub fn next_due(first: NaiveDate, every_months: i32, after: NaiveDate) -> Option<NaiveDate> {
    due_days(first, every_months).find(|day| *day > after)
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

/// Whether an on-site audit is planned or done in a 年度 of a contract; nothing else counts, and one that was
/// cancelled or is planned for after the contract's last day does not either.
pub fn has_on_site(audits: &[AuditFact], year: i32, last_day: NaiveDate) -> bool {
    on_site(audits).filter(|audit| audit.cancelled.is_none()).any(|audit| {
        is_planned_in(audit, year, last_day) || audit.done_on.is_some_and(|day| fiscal_year(day) == year)
    })
}

/// Whether an on-site audit planned in a 年度 of a contract was cancelled.
pub fn has_cancelled_on_site(audits: &[AuditFact], year: i32, last_day: NaiveDate) -> bool {
    on_site(audits).any(|audit| audit.cancelled.is_some() && is_planned_in(audit, year, last_day))
}

fn on_site(audits: &[AuditFact]) -> impl Iterator<Item = &AuditFact> {
    audits.iter().filter(|audit| audit.kind == AuditKind::OnSite)
}

fn is_planned_in(audit: &AuditFact, year: i32, last_day: NaiveDate) -> bool {
    fiscal_year(audit.due_on) == year && audit.due_on <= last_day
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
        scene.audit(AuditKind::OnSite, "2027-12-01", None);
        assert!(has_on_site(&scene.audits, 2027, d("2028-03-31")));
        scene.cancel(2, "2027-05-01", "誤り");
        assert!(!has_on_site(&scene.audits, 2027, d("2028-03-31")));
        assert!(has_cancelled_on_site(&scene.audits, 2027, d("2028-03-31")));
        assert!(!has_cancelled_on_site(&scene.audits, 2026, d("2028-03-31")));
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
    }
}
