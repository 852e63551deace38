//! What lists filter and sort contracts by, from the facts: the same where it is written and where it is verified.

use chrono::NaiveDate;

use super::chain::ChainFacts;
use super::contract::{Stamp, Terms};
use super::id::UserId;
use super::text;

/// A handover of the responsible officer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    pub officer_id: UserId,
    pub starts_on: NaiveDate,
    pub stamp: Stamp,
}

/// A contract on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    pub officer_id: Option<UserId>,
    pub starts_on: NaiveDate,
    pub last_day: NaiveDate,
    pub terms: Terms,
}

/// The responsible officer on a day: the latest handover that has begun. None: imported and not yet handed to anyone.
pub fn officer_on(handovers: &[Handover], day: NaiveDate) -> Option<UserId> {
    let begun = handovers.iter().filter(|handover| handover.starts_on <= day);
    begun.max_by_key(|handover| (handover.starts_on, handover.stamp)).map(|handover| handover.officer_id)
}

/// Period by everything known; the other terms are those of the day, or of the contract's day nearest to it. None: of a
/// contract without terms.
pub fn project(facts: &ChainFacts, handovers: &[Handover], today: NaiveDate) -> Option<Projection> {
    let known = facts.now();
    let latest = known.terms()?;
    let last_day = known.last_day().unwrap_or(latest.ends_on);
    let day = known.period().map_or(latest.starts_on, |period| today.clamp(period.from, period.to));
    let terms = known.terms_on(day).unwrap_or(latest).clone();
    let officer_id = officer_on(handovers, today);
    Some(Projection { officer_id, starts_on: latest.starts_on, last_day, terms })
}

/// What a contract is searched by: number and title.
pub fn search_key(number: &str, title: &str) -> String {
    // The space keeps the end of one from meeting the start of the other.
    format!("{} {}", text::search_key(number), text::search_key(title))
}
