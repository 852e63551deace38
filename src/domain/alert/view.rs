//! What the rules share: the contract as known, the alerts that stand, and where findings and days to look
//! again are gathered.

use chrono::{Datelike, NaiveDate};

use super::text::fill;
use super::{AlertFact, AlertKind, Context, Facts, Finding, Step};
use crate::domain::calendar::add_days;
use crate::domain::chain::{Coverage, Engagement, Known};
use crate::domain::contract::{DataCategory, Terms};
use crate::domain::days::DayRange;
use crate::domain::id::{AlertId, EngagementId, OrganizationId};

pub(super) struct View<'a> {
    pub facts: &'a Facts<'a>,
    pub ctx: &'a Context<'a>,
    pub existing: &'a [AlertFact],
    pub known: Known<'a>,
    pub today: NaiveDate,
}

impl<'a> View<'a> {
    pub fn new(facts: &'a Facts<'a>, existing: &'a [AlertFact], ctx: &'a Context<'a>) -> Self {
        Self { facts, ctx, existing, known: facts.chain.now(), today: ctx.today }
    }

    /// A text of ours in the agency's words, its `{places}` filled in with what is left as it stands.
    pub fn say(&self, template: &str, places: &[(&str, &str)]) -> String {
        fill(&self.ctx.settings.in_own_words(template), places)
    }

    /// What to say beside a day reckoned in working days; empty where the holidays of its year are known.
    pub fn reckoned(&self, day: NaiveDate) -> String {
        let year = day.year();
        if self.ctx.calendar.knows(year) {
            return String::new();
        }
        format!("（{year}年の祝日は未登録のため、祝日を除かずに数えた期限です）")
    }

    pub fn period(&self) -> Option<DayRange> {
        self.known.period()
    }

    /// Whether the contract ran to its end before today, or never ran.
    pub fn is_over(&self) -> bool {
        self.known.last_day().is_some_and(|last| last < self.today)
    }

    /// The terms of today; before the contract its first, after it its last.
    pub fn terms(&self) -> Option<&'a Terms> {
        self.terms_in(self.period()?)
    }

    /// The terms of the day within these that is nearest to today.
    pub fn terms_in(&self, days: DayRange) -> Option<&'a Terms> {
        self.known.terms_on(self.today.clamp(days.from, days.to))
    }

    /// Whether the contract's data include マイナンバー.
    pub fn my_number(&self) -> bool {
        let has = |terms: &Terms| terms.data.iter().any(|data| data.category == DataCategory::MyNumber);
        self.terms().is_some_and(has)
    }

    /// Every engagement below tier 1.
    pub fn below(&self) -> impl Iterator<Item = (&'a Engagement, &Coverage)> {
        let engagements = self.known.engagements().filter(|engagement| engagement.parent_id.is_some());
        engagements.filter_map(|engagement| Some((engagement, self.known.coverage(engagement.id)?)))
    }

    /// The engagement of the prime.
    pub fn prime(&self) -> Option<&'a Engagement> {
        self.known.engagements().find(|engagement| engagement.parent_id.is_none())
    }

    /// The vendor above an engagement.
    pub fn parent_vendor(&self, id: EngagementId) -> Option<OrganizationId> {
        self.known.ancestors(id).next().map(|parent| parent.vendor.id)
    }

    pub fn unresolved(&self, kind: AlertKind, subject: &str) -> Option<&'a AlertFact> {
        self.existing.iter().find(|alert| alert.is_about(kind, subject) && alert.is_unresolved())
    }

    pub fn resolved(&self, kind: AlertKind, subject: &str) -> impl Iterator<Item = &'a AlertFact> {
        self.existing.iter().filter(move |alert| alert.is_about(kind, subject) && !alert.is_unresolved())
    }
}

/// 「乙株式会社（第2層）」
pub(super) fn name_of(engagement: &Engagement) -> String {
    format!("{}（第{}層）", engagement.vendor.name, engagement.tier)
}

pub(super) struct Outcome {
    today: NaiveDate,
    findings: Vec<Finding>,
    answered: Vec<AlertId>,
    next: Option<NaiveDate>,
}

impl Outcome {
    pub fn new(today: NaiveDate) -> Self {
        Self { today, findings: Vec::new(), answered: Vec::new(), next: None }
    }

    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The alert ends as this finding says.
    pub fn answer(&mut self, alert: &AlertFact, finding: Finding) {
        self.answered.push(alert.id);
        self.findings.push(finding);
    }

    /// A day on which the rule could say something else; those up to today have had their say.
    pub fn look_again(&mut self, day: Option<NaiveDate>) {
        let day = day.filter(|day| *day > self.today);
        self.next = [self.next, day].into_iter().flatten().min();
    }

    /// The most imminent of the announced days before a day, today or earlier; none once the day is past.
    pub fn step_before(&mut self, day: NaiveDate, announced: &[i32]) -> Option<Step> {
        for days in announced {
            self.look_again(Some(add_days(day, -i64::from(*days))));
        }
        self.look_again(day.succ_opt());
        let left = (day - self.today).num_days();
        let reached = announced.iter().copied().filter(|days| (0..=i64::from(*days)).contains(&left));
        reached.min().map(Step::Before)
    }

    /// The findings without what was accepted and still is, the alerts answered, the first day to look again.
    pub fn finish(mut self, view: &View<'_>) -> (Vec<Finding>, Vec<AlertId>, Option<NaiveDate>) {
        let mut findings = std::mem::take(&mut self.findings);
        findings.retain(|found| {
            let accepted = view.resolved(found.kind, &found.subject).filter_map(|alert| alert.accepted_until);
            let last = accepted.max().filter(|last| found.kind.is_limit() && *last >= view.today);
            self.look_again(last.and_then(|last| last.succ_opt()));
            last.is_none()
        });
        for kind in findings.iter().map(|found| found.kind) {
            self.look_again(kind.rule().and_then(|rule| rule.changes_after(self.today)));
        }
        (findings, self.answered, self.next)
    }
}
