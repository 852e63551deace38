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
/// by due day. What was cancelled is not in it, and nothing follows from it.
pub fn plan(audits: &[AuditFact], year: i32, last_day: NaiveDate) -> Vec<PlannedAudit> {
    let in_plan = |day: NaiveDate| fiscal_year(day) == year && day <= last_day;
    let line = |audit: &AuditFact, due_on| PlannedAudit {
        due_on,
        kind: audit.kind,
        engagement_id: audit.engagement_id,
        audit_id: None,
        done_on: None,
    };
    let standing = |audit: &&AuditFact| audit.cancelled.is_none();
    let scheduled = audits.iter().filter(|audit| in_plan(audit.due_on)).filter(standing).map(|audit| {
        PlannedAudit { audit_id: Some(audit.id), done_on: audit.done_on, ..line(audit, audit.due_on) }
    });
    let latest = audits.iter().filter(|audit| !audits.iter().any(|other| follows(other, audit)));
    let following = latest.filter(standing).flat_map(|audit| {
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
    fn a_cancelled_audit_is_not_in_the_plan_and_ends_its_series() {
        let mut scene = Scene::new("2026-04-01", "2028-03-31");
        scene.audit(AuditKind::OnSite, "2026-06-30", Some(12));
        let other = scene.audit(AuditKind::OnSite, "2026-07-31", Some(12));
        scene.cancel(0, "2026-05-01", "重複");
        let lines = |year| plan(&scene.audits, year, d("2028-03-31"));
        assert_eq!(lines(2026).iter().map(|line| line.audit_id).collect::<Vec<_>>(), [Some(other)]);
        assert_eq!(lines(2027).iter().map(|line| line.due_on).collect::<Vec<_>>(), [d("2027-07-31")]);
        assert!(!scene.audits[0].is_open() && scene.audits[1].is_open());
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
}
