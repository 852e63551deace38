//! 再委託状況報告: the periods for which a contract asks for them, by when, and from whom.

use chrono::{Datelike, NaiveDate};

use super::calendar::{add_days, add_months, fiscal_year, fiscal_year_range};
use super::chain::{ChainFacts, Known, Vendor};
use super::contract::{DeclarationInterval, Stamp};
use super::days::{DayRange, DaySet};
use super::id::{DeclarationId, OrganizationId};

/// A declaration as received. What it says of engagements are the chain's statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclarationFact {
    pub id: DeclarationId,
    /// Who declared.
    pub organization_id: OrganizationId,
    pub period: DayRange,
    /// The business day on which it was filed.
    pub filed_on: NaiveDate,
    /// 「再委託なし」
    pub none: bool,
    pub stamp: Stamp,
    pub retracted: Option<Stamp>,
}

impl DeclarationFact {
    /// Whether it answers for the whole of a reporting period: one that had begun when it was filed, for nobody can
    /// report of days that are all to come.
    pub fn satisfies(&self, period: DayRange) -> bool {
        let covers = self.period.from <= period.from && period.to <= self.period.to;
        self.retracted.is_none() && covers && period.from <= self.filed_on
    }
}

/// A stretch for which a declaration is owed, clipped to the contract's days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportingPeriod {
    pub days: DayRange,
    /// Last day on which the declaration is in time.
    pub due_on: NaiveDate,
}

/// The contract's reporting periods in order: calendar months, quarters from April, or 年度, each clipped to
/// the contract. The interval is that of the terms on a period's first day, so a 変更契約 takes effect with the
/// next period; where none was owed, on its own day.
pub fn reporting_periods(
    chain: &ChainFacts,
    known: &Known<'_>,
    grace_days: i32,
) -> impl Iterator<Item = ReportingPeriod> {
    let changes: Vec<NaiveDate> = chain.terms.iter().map(|fact| fact.effective_on).collect();
    let interval =
        |day| known.terms_on(day).map_or(DeclarationInterval::None, |terms| terms.declaration_interval);
    let contract = known.period();
    let mut next = contract.map(|days| days.from);
    std::iter::from_fn(move || {
        let contract = contract?;
        loop {
            let from = next.filter(|day| *day <= contract.to)?;
            let Some(unit) = unit(interval(from), from) else {
                next = changes.iter().copied().filter(|day| *day > from).min();
                continue;
            };
            next = unit.to.succ_opt();
            let days = DayRange::new(from, unit.to.min(contract.to))?;
            return Some(ReportingPeriod { days, due_on: add_days(days.to, i64::from(grace_days)) });
        }
    })
}

/// The month, quarter or 年度 in which a day lies.
fn unit(interval: DeclarationInterval, day: NaiveDate) -> Option<DayRange> {
    let months = match interval {
        DeclarationInterval::None => return None,
        DeclarationInterval::Monthly => 1,
        DeclarationInterval::Quarterly => 3,
        DeclarationInterval::Yearly => {
            let (from, to) = fiscal_year_range(fiscal_year(day));
            return DayRange::new(from, to);
        }
    };
    let month = day.with_day(1)?;
    let into_quarter = i32::try_from(month.month0()).ok()? % months;
    let from = add_months(month, -into_quarter);
    DayRange::new(from, add_months(from, months).pred_opt()?)
}

/// The vendors that owe a declaration for a period: those with a consented day in it; the prime while the
/// contract runs. In the chain's order, each once.
pub fn owed_by<'a>(known: &Known<'a>, period: DayRange) -> Vec<&'a Vendor> {
    let period = DaySet::from(Some(period));
    let mut vendors: Vec<&Vendor> = Vec::new();
    for engagement in known.engagements() {
        let consented =
            known.coverage(engagement.id).map(|coverage| coverage.consented.intersection(&period));
        let owes = consented.is_some_and(|days| !days.is_empty());
        if owes && vendors.iter().all(|vendor| vendor.id != engagement.vendor.id) {
            vendors.push(&engagement.vendor);
        }
    }
    vendors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::fixture::{Scene, d, range};

    fn periods(scene: &Scene) -> Vec<(String, String)> {
        let chain = scene.chain();
        let known = chain.now();
        let all = reporting_periods(&chain, &known, 14);
        all.map(|p| (format!("{}..{}", p.days.from, p.days.to), p.due_on.to_string())).collect()
    }

    fn expect(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(days, due)| ((*days).to_owned(), (*due).to_owned())).collect()
    }

    #[test]
    fn quarters_are_those_of_the_fiscal_year_clipped_to_the_contract() {
        let mut scene = Scene::new("2027-05-10", "2028-03-10");
        scene.terms(|t| t.declaration_interval = DeclarationInterval::Quarterly);
        assert_eq!(
            periods(&scene),
            expect(&[
                ("2027-05-10..2027-06-30", "2027-07-14"),
                ("2027-07-01..2027-09-30", "2027-10-14"),
                ("2027-10-01..2027-12-31", "2028-01-14"),
                ("2028-01-01..2028-03-10", "2028-03-24"),
            ])
        );
    }

    #[test]
    fn months_cross_29_february_and_years_end_in_march() {
        let mut scene = Scene::new("2028-01-31", "2028-03-31");
        scene.terms(|t| t.declaration_interval = DeclarationInterval::Monthly);
        assert_eq!(
            periods(&scene),
            expect(&[
                ("2028-01-31..2028-01-31", "2028-02-14"),
                ("2028-02-01..2028-02-29", "2028-03-14"),
                ("2028-03-01..2028-03-31", "2028-04-14"),
            ])
        );
        let mut scene = Scene::new("2027-03-31", "2028-04-01");
        scene.terms(|t| t.declaration_interval = DeclarationInterval::Yearly);
        assert_eq!(
            periods(&scene),
            expect(&[
                ("2027-03-31..2027-03-31", "2027-04-14"),
                ("2027-04-01..2028-03-31", "2028-04-14"),
                ("2028-04-01..2028-04-01", "2028-04-15"),
            ])
        );
        assert_eq!(periods(&Scene::new("2026-04-01", "2027-03-31")), expect(&[]), "none asked");
    }

    #[test]
    fn an_amended_interval_begins_with_the_next_period_and_from_none_on_its_day() {
        let mut scene = Scene::new("2026-04-01", "2026-10-31");
        scene.amend("2026-05-10", |t| t.declaration_interval = DeclarationInterval::Quarterly);
        scene.amend("2026-08-01", |t| t.declaration_interval = DeclarationInterval::Monthly);
        assert_eq!(
            periods(&scene),
            expect(&[
                ("2026-05-10..2026-06-30", "2026-07-14"),
                ("2026-07-01..2026-09-30", "2026-10-14"),
                ("2026-10-01..2026-10-31", "2026-11-14"),
            ])
        );
    }

    #[test]
    fn owed_by_whoever_had_a_consented_day_in_the_period() {
        let mut scene = Scene::new("2026-04-01", "2027-03-31");
        let b = scene.engage(0, "乙");
        let c = scene.engage(b, "丙");
        scene.engage(0, "丁");
        scene.consent(b, "2026-06-30", "2026-09-30");
        scene.consent(c, "2026-07-01", "2026-09-30");
        let chain = scene.chain();
        let known = chain.now();
        let names = |from, to| {
            let vendors = owed_by(&known, range(from, to));
            vendors.into_iter().map(|v| v.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("2026-04-01", "2026-06-29"), ["甲"]);
        assert_eq!(names("2026-04-01", "2026-06-30"), ["甲", "乙"]);
        assert_eq!(names("2026-07-01", "2026-09-30"), ["甲", "乙", "丙"]);
        assert_eq!(names("2026-10-01", "2026-12-31"), ["甲"]);
    }

    #[test]
    fn only_a_declaration_of_the_whole_period_answers_it() {
        let mut scene = Scene::new("2026-04-01", "2027-03-31");
        let organization = scene.vendor(0);
        scene.declare(organization, "2026-04-01", "2026-06-30");
        let mut fact = scene.declarations[0].clone();
        assert!(fact.satisfies(range("2026-04-10", "2026-06-30")));
        assert!(fact.satisfies(fact.period));
        assert!(!fact.satisfies(range("2026-03-31", "2026-06-30")));
        assert!(!fact.satisfies(range("2026-04-01", "2026-07-01")));
        let ahead = DeclarationFact {
            period: range("2026-04-01", "2100-12-31"),
            filed_on: d("2026-06-30"),
            ..fact.clone()
        };
        assert!(
            ahead.satisfies(fact.period) && ahead.satisfies(range("2026-06-30", "2026-07-31")),
            "running"
        );
        assert!(!ahead.satisfies(range("2026-07-01", "2026-09-30")), "not begun when it was filed");
        fact.retracted = Some(fact.stamp);
        assert!(!fact.satisfies(fact.period));
        assert_eq!(fact.period.from, d("2026-04-01"));
    }
}
