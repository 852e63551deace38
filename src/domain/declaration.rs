//! 再委託状況報告: the periods for which a contract asks for them, by when, and from whom.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use super::calendar::{add_days, add_months, fiscal_year, fiscal_year_range};
use super::chain::{ChainFacts, HeldConsent, Known, Vendor};
use super::contract::{DeclarationInterval, Instant, Stamp, TermsFact};
use super::days::{DayRange, DaySet};
use super::id::{DeclarationId, EngagementId, OrganizationId};

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
    /// The days that it reports of: those of its period up to the day of filing, for nobody can report of what is to
    /// come. None: it was taken back, or speaks of no day that had come.
    pub fn reported(&self) -> Option<DayRange> {
        let range = DayRange::new(self.period.from, self.period.to.min(self.filed_on));
        range.filter(|_| self.retracted.is_none())
    }
}

/// The days of a period of which a vendor has not reported yet.
pub fn unreported(declarations: &[DeclarationFact], vendor: OrganizationId, period: DayRange) -> DaySet {
    let own = declarations.iter().filter(|fact| fact.organization_id == vendor);
    let reported: DaySet = own.filter_map(DeclarationFact::reported).collect();
    DaySet::from(Some(period)).difference(&reported)
}

/// A stretch for which a declaration is owed, clipped to the contract's days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportingPeriod {
    pub days: DayRange,
    /// Last day on which the declaration is in time, where the ledger knew of it before: see [`owed`].
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

/// A declaration that a vendor owes for a period.
#[derive(Debug, Clone, Copy)]
pub struct Owed<'a> {
    pub vendor: &'a Vendor,
    /// The day on which the ledger knew that it is owed.
    pub known_on: NaiveDate,
    /// Last day on which it is in time: see [`due_on`].
    pub due_on: NaiveDate,
}

/// Who owes a declaration for a period, and by when. `timezone`: that of the business days.
pub fn owed<'a>(
    chain: &ChainFacts,
    known: &Known<'a>,
    period: DayRange,
    grace_days: i32,
    timezone: Tz,
) -> Vec<Owed<'a>> {
    let agreed = agreed_at(chain, known, period);
    let of_vendor = |vendor: &'a Vendor| {
        let places = known.engagements().filter(|place| place.vendor.id == vendor.id);
        let known_at = places.filter_map(|place| match place.parent_id {
            None => Some(agreed),
            Some(_) => consented_at(known, place.id, period).map(|at| at.max(agreed)),
        });
        let known_on = known_at.min().unwrap_or(agreed).with_timezone(&timezone).date_naive();
        Owed { vendor, known_on, due_on: due_on(period.to, known_on, grace_days) }
    };
    owed_by(known, period).into_iter().map(of_vendor).collect()
}

/// The period's end and the grace; of what the ledger came to know only on that day or later (既承認, or terms agreed on
/// paper, entered afterwards) the grace runs from that day, and is one day at least: nobody is late with what nobody
/// could have asked for.
pub fn due_on(period_end: NaiveDate, known_on: NaiveDate, grace_days: i32) -> NaiveDate {
    let usual = add_days(period_end, i64::from(grace_days));
    if usual > known_on { usual } else { add_days(known_on, i64::from(grace_days.max(1))) }
}

/// When the ledger first knew terms by which the contract runs through the period and asks for reports as it does now.
/// What else of them is changed or corrected later moves nothing.
fn agreed_at(chain: &ChainFacts, known: &Known<'_>, period: DayRange) -> Instant {
    let interval = known.terms_on(period.from).map(|terms| terms.declaration_interval);
    let mut told: Vec<&TermsFact> = chain.terms.iter().collect();
    told.sort_by_key(|fact| fact.stamp);
    let mut by_day: Vec<&TermsFact> = Vec::new();
    let mut last = Instant::MIN_UTC;
    for fact in told {
        by_day.push(fact);
        by_day.sort_by_key(|fact| (fact.effective_on, fact.stamp));
        last = fact.stamp.at;
        let rules = by_day.iter().rfind(|fact| fact.effective_on <= period.from).or(by_day.first());
        let asks = rules.map(|fact| fact.terms.declaration_interval) == interval;
        let runs = |fact: &&TermsFact| fact.terms.starts_on <= period.from && period.to <= fact.terms.ends_on;
        if asks && by_day.last().is_some_and(runs) {
            break;
        }
    }
    last
}

/// When the ledger first knew a consent for a day of the period.
fn consented_at(known: &Known<'_>, place: EngagementId, period: DayRange) -> Option<Instant> {
    let speaks =
        |held: &&HeldConsent<'_>| held.original().is_some_and(|days| days.intersection(&period).is_some());
    known.consents(place).iter().filter(speaks).map(|held| held.consent.stamp.at).min()
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
fn owed_by<'a>(known: &Known<'a>, period: DayRange) -> Vec<&'a Vendor> {
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
    use crate::domain::alert::fixture::{Scene, TOKYO, d, range};
    use crate::domain::contract::Terms;

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

    fn at(day: &str) -> Instant {
        d(day).and_hms_opt(3, 0, 0).unwrap().and_utc()
    }

    fn owed_on(scene: &Scene, from: &str, to: &str, grace: i32) -> Vec<(String, String)> {
        let chain = scene.chain();
        let all = owed(&chain, &chain.now(), range(from, to), grace, TOKYO);
        all.into_iter().map(|it| (it.vendor.name.clone(), it.due_on.to_string())).collect()
    }

    fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(vendor, due)| ((*vendor).to_owned(), (*due).to_owned())).collect()
    }

    #[test]
    fn of_a_consent_entered_late_the_grace_runs_from_that_day() {
        let mut scene = Scene::new("2026-04-01", "2027-03-31");
        scene.terms(|terms| terms.declaration_interval = DeclarationInterval::Quarterly);
        let b = scene.engage(0, "乙");
        scene.consent(b, "2026-04-01", "2026-12-31").stamp.at = at("2026-07-14");
        let first = |grace| owed_on(&scene, "2026-04-01", "2026-06-30", grace);
        assert_eq!(
            first(15),
            rows(&[("甲", "2026-07-15"), ("乙", "2026-07-15")]),
            "due after it became known"
        );
        assert_eq!(first(14), rows(&[("甲", "2026-07-14"), ("乙", "2026-07-28")]));
        assert_eq!(first(0), rows(&[("甲", "2026-06-30"), ("乙", "2026-07-15")]), "a day at least");
        // A renewal known later moves nothing of a period that the first speaks of.
        let mut scene = scene.clone();
        scene.consent(b, "2026-06-01", "2027-03-31").stamp.at = at("2026-12-01");
        assert_eq!(owed_on(&scene, "2026-04-01", "2026-06-30", 14)[1].1, "2026-07-28");
        assert_eq!(owed_on(&scene, "2027-01-01", "2027-03-31", 14)[1].1, "2027-04-14");
    }

    #[test]
    fn of_terms_entered_late_the_grace_runs_from_the_day_on_which_they_first_asked_so() {
        let mut scene = Scene::new("2026-04-01", "2026-12-31");
        let mut amend = |on: &str, known: &str, change: &dyn Fn(&mut Terms)| {
            scene.amend(on, change);
            scene.facts.terms.last_mut().unwrap().stamp.at = at(known);
            scene.clone()
        };
        let ask = amend("2026-04-01", "2026-10-01", &|terms| {
            terms.declaration_interval = DeclarationInterval::Quarterly;
        });
        let prime = |scene: &Scene, from: &str, to: &str| owed_on(scene, from, to, 14)[0].1.clone();
        assert_eq!(prime(&ask, "2026-04-01", "2026-06-30"), "2026-10-15");
        assert_eq!(prime(&ask, "2026-07-01", "2026-09-30"), "2026-10-14");
        let renamed = amend("2026-04-01", "2026-11-20", &|terms| terms.title = "別".into());
        assert_eq!(
            prime(&renamed, "2026-04-01", "2026-06-30"),
            "2026-10-15",
            "what else is put right moves nothing"
        );
        let longer = amend("2026-10-01", "2027-06-01", &|terms| terms.ends_on = d("2027-03-31"));
        assert_eq!(prime(&longer, "2026-10-01", "2026-12-31"), "2027-01-14");
        assert_eq!(
            prime(&longer, "2027-01-01", "2027-03-31"),
            "2027-06-15",
            "it ran so long only since then"
        );
    }

    #[test]
    fn n21_a_declaration_counts_up_to_the_day_of_filing_and_the_rest_is_owed() {
        let mut scene = Scene::new("2026-04-01", "2027-03-31");
        let vendor = scene.vendor(0);
        let year = range("2026-04-01", "2027-03-31");
        let mut file = |from: &str, to: &str, on: &str| {
            scene.declare(vendor, from, to);
            scene.declarations.last_mut().unwrap().filed_on = d(on);
            scene.declarations.clone()
        };
        let owed = |facts: &[DeclarationFact], period| unreported(facts, vendor, period).ranges().to_vec();
        let facts = file("2026-04-01", "2027-03-31", "2026-04-01");
        assert_eq!(owed(&facts, year), [range("2026-04-02", "2027-03-31")], "filed on the first day");
        assert_eq!(owed(&facts, range("2026-07-01", "2026-07-31")), [range("2026-07-01", "2026-07-31")]);
        let facts = file("2026-04-02", "2027-03-31", "2026-09-30");
        assert_eq!(owed(&facts, year), [range("2026-10-01", "2027-03-31")], "several reports unite");
        let facts = file("2026-10-02", "2027-03-31", "2027-03-31");
        assert_eq!(owed(&facts, year), [range("2026-10-01", "2026-10-01")], "a day left out is owed");
        let mut facts = file("2026-04-01", "2027-03-31", "2027-04-05");
        assert_eq!(owed(&facts, year), [], "filed afterwards, it answers for all");
        assert_eq!(owed(&facts, range("2026-03-31", "2026-04-30")), [range("2026-03-31", "2026-03-31")]);
        let stamp = facts[3].stamp;
        facts[3].retracted = Some(stamp);
        assert_eq!(owed(&facts, year), [range("2026-10-01", "2026-10-01")], "taken back");
        let ahead = DeclarationFact { period: range("2027-01-01", "2027-03-31"), ..facts[0].clone() };
        assert_eq!(ahead.reported(), None, "all to come");
        let other = scene.engage(0, "乙");
        assert_eq!(unreported(&facts, scene.vendor(other), year).ranges(), [year], "another's");
    }
}
