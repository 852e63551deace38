//! The days on which an engagement is covered, in use, and in use without being covered, with the cause.

use chrono::NaiveDate;

use super::own::Own;
use super::{ApplicationStep, Cause, Statement};
use crate::domain::contract::{DataCategory, Policy, Terms};
use crate::domain::days::{DayRange, DaySet, OpenRange, day_before};

/// One engagement's days, by what is known. They do not depend on a day of asking; [`Coverage::split`] does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Its own consent holds (or none is needed), so does every one above, and the contract runs.
    pub covered: DaySet,
    /// A statement in force says so; an end that nobody declared is the contract's last day.
    pub in_use: DaySet,
    /// In use and not covered: sorted, disjoint, adjacent ranges of one cause merged.
    pub uncovered: Vec<(DayRange, Cause)>,
    /// Its own consents after supersession and revocation; at tier 1 the contract itself.
    pub consented: DaySet,
    /// A statement in force has no end.
    pub open_use: bool,
}

impl Coverage {
    /// The uncovered days, whatever their cause.
    pub fn uncovered_days(&self) -> DaySet {
        self.uncovered.iter().map(|(range, _)| *range).collect()
    }

    /// `uncovered` and `projected` of the chain's answer: the intervals up to and including `as_of`, one that
    /// still runs on that day without an end; and those after it by what is known.
    pub fn split(&self, as_of: NaiveDate) -> (Vec<OpenRange>, Vec<DayRange>) {
        let days = self.uncovered_days();
        let so_far = days.up_to(as_of);
        let open =
            |range: &DayRange| OpenRange { from: range.from, to: (range.to < as_of).then_some(range.to) };
        (so_far.ranges().iter().map(open).collect(), days.after(as_of).into())
    }

    /// Tier 1: covered and in use while the contract runs.
    pub(super) fn of_prime(contract: &ContractDays) -> Self {
        let runs = DaySet::from(contract.period);
        Self { covered: runs.clone(), in_use: runs.clone(), consented: runs, ..Self::default() }
    }

    /// Below tier 1. `parent`: the days on which the parent is covered, so within the contract's period.
    pub(super) fn below(parent: &DaySet, own: &Own, contract: &ContractDays) -> Self {
        let consented: DaySet = own.consents.iter().filter_map(|held| held.valid).collect();
        let approved = consented.union(&contract.exempt(&own.statements));
        let covered = approved.intersection(parent);
        let in_use: DaySet = own.statements.iter().filter_map(|s| contract.days_of_use(s)).collect();
        let uncovered = causes(in_use.difference(&covered), &approved, own, contract.last_day);
        let open_use = own.statements.iter().any(|statement| statement.ended_on.is_none());
        Self { covered, in_use, uncovered, consented, open_use }
    }
}

/// Gives each uncovered day the first cause that fits it. `approved`: the days of its own consents and those
/// on which it needs none.
fn causes(
    uncovered: DaySet,
    approved: &DaySet,
    own: &Own,
    last_day: Option<NaiveDate>,
) -> Vec<(DayRange, Cause)> {
    if uncovered.is_empty() {
        return Vec::new();
    }
    let pending = own.applications.iter().filter(|filed| filed.is_pending()).map(|filed| filed.asked);
    let first_end = own.consents.iter().map(super::HeldConsent::over_after).min();
    let last_start = own.consents.iter().map(|held| held.consent.valid_from).max();
    let rules = [
        (Cause::ContractEnded, last_day.map(|last| uncovered.after(last)).unwrap_or_default()),
        (Cause::Parent, approved.clone()),
        (Cause::Undecided, pending.filter_map(|a| DayRange::new(a.starts_on, a.ends_on)).collect()),
        (Cause::Revoked, own.consents.iter().filter_map(super::HeldConsent::revoked_days).collect()),
        (Cause::Expired, first_end.map(|end| uncovered.after(end)).unwrap_or_default()),
        (
            Cause::BeforeConsent,
            last_start.map(|start| uncovered.up_to(day_before(start))).unwrap_or_default(),
        ),
    ];
    let refused = own
        .last_decided()
        .and_then(|filed| filed.closed)
        .is_some_and(|decision| decision.step == ApplicationStep::Refused);
    let otherwise = if refused { Cause::Refused } else { Cause::NoApplication };

    let mut left = uncovered;
    let mut explained: Vec<(DayRange, Cause)> = Vec::new();
    for (cause, days) in rules {
        explained.extend(left.intersection(&days).ranges().iter().map(|range| (*range, cause)));
        left = left.difference(&days);
    }
    explained.extend(left.ranges().iter().map(|range| (*range, otherwise)));
    explained.sort_unstable();
    explained
}

/// The days of the contract, by all terms and terminations known.
#[derive(Debug, Clone, Default)]
pub(super) struct ContractDays {
    /// None: nothing known, or terminated before its start.
    pub period: Option<DayRange>,
    /// Known also where `period` is empty.
    pub last_day: Option<NaiveDate>,
    /// Days on which no engagement needs a consent.
    free: DaySet,
    /// Days on which uses of at most this amount need none.
    minor: Vec<(DayRange, i64)>,
}

impl ContractDays {
    pub fn new(terms: Option<&Terms>, terminated_on: Option<NaiveDate>) -> Self {
        let last_day = terms.map(|t| terminated_on.map_or(t.ends_on, |day| t.ends_on.min(day_before(day))));
        let period = terms.zip(last_day).and_then(|(t, last)| DayRange::new(t.starts_on, last));
        Self { period, last_day, ..Self::default() }
    }

    /// Takes in the terms that rule the contract on the days `from`…`to`. 番号法10条 asks for the first agency's
    /// consent wherever マイナンバー is entrusted, whatever the contract says.
    pub fn rule(&mut self, from: NaiveDate, to: NaiveDate, terms: &Terms) {
        let ruled =
            DayRange::new(from, to).zip(self.period).and_then(|(days, period)| days.intersection(&period));
        let Some(days) = ruled else { return };
        if terms.data.iter().any(|volume| volume.category == DataCategory::MyNumber) {
            return;
        }
        match terms.subcontracting.policy {
            Policy::NoticeOnly | Policy::NoPersonalData => self.free = self.free.union(&Some(days).into()),
            Policy::MinorExempt => {
                self.minor.extend(terms.subcontracting.minor_limit_yen.map(|limit| (days, limit)));
            }
            Policy::Prohibited | Policy::ConsentRequired | Policy::ConditionalConsent => {}
        }
    }

    /// The days on which an engagement with these statements in force needs no consent. A use is minor when
    /// every statement names an amount within the limit; where nothing is said, nothing is exempt.
    fn exempt(&self, statements: &[&Statement]) -> DaySet {
        let amounts: Option<Vec<i64>> = statements.iter().map(|statement| statement.amount_yen).collect();
        let Some(greatest) = amounts.and_then(|amounts| amounts.into_iter().max()) else {
            return self.free.clone();
        };
        let minor: DaySet =
            self.minor.iter().filter(|(_, limit)| greatest <= *limit).map(|(days, _)| *days).collect();
        self.free.union(&minor)
    }

    /// A use whose end nobody declared ends with the contract; one that began after it is known for its first
    /// day only.
    fn days_of_use(&self, statement: &Statement) -> Option<DayRange> {
        let silent_end = || self.last_day.map_or(statement.started_on, |last| last.max(statement.started_on));
        DayRange::new(statement.started_on, statement.ended_on.unwrap_or_else(silent_end))
    }
}
