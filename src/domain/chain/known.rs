//! A contract's chain as known at an instant: built once, then asked for any day.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::coverage::ContractDays;
use super::own::{Gathered, Own};
use super::{
    ApplicationStep, ChainFacts, Coverage, Engagement, FiledApplication, HeldConsent, NodeState, Statement,
    StatementOrigin,
};
use crate::domain::contract::{Instant, Stamp, Terms, TermsFact};
use crate::domain::days::{DayRange, day_before};
use crate::domain::id::EngagementId;

/// What was known of a chain at an instant. Its cost is about linear in the facts, paid when it is made.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// By (`effective_on`, stamp).
    terms: Vec<&'a TermsFact>,
    contract: ContractDays,
    /// Parents before children, siblings by stamp.
    nodes: Vec<Node<'a>>,
    places: HashMap<EngagementId, usize>,
}

#[derive(Debug, Clone)]
struct Node<'a> {
    engagement: &'a Engagement,
    own: Own<'a>,
    coverage: Coverage,
}

impl ChainFacts {
    /// The facts that the ledger had learned by `known_at`, inclusive.
    pub fn known(&self, known_at: Instant) -> Known<'_> {
        Known::new(self, |stamp| stamp.at <= known_at)
    }

    /// All facts.
    pub fn now(&self) -> Known<'_> {
        Known::new(self, |_| true)
    }
}

impl<'a> Known<'a> {
    fn new(facts: &'a ChainFacts, is_known: impl Fn(&Stamp) -> bool) -> Self {
        let mut terms: Vec<&TermsFact> = facts.terms.iter().filter(|fact| is_known(&fact.stamp)).collect();
        terms.sort_by_key(|fact| (fact.effective_on, fact.stamp));
        let terminations = facts.terminations.iter().filter(|fact| is_known(&fact.stamp));
        let contract = contract_days(&terms, terminations.map(|fact| fact.effective_on).min());

        let merged = merged(facts, &is_known);
        let mut gathered = gather(facts, &is_known, &merged);
        let retracted = retractions(facts, &is_known);
        let mut known = Self { terms, contract, nodes: Vec::new(), places: HashMap::new() };
        let standing = facts.engagements.iter().filter(|e| is_known(&e.stamp) && !merged.contains_key(&e.id));
        for engagement in in_order(standing.collect()) {
            let own = gathered.remove(&engagement.id).unwrap_or_default().fold(&retracted);
            let parent = engagement.parent_id.and_then(|id| known.coverage(id));
            let coverage = match parent {
                Some(parent) => Coverage::below(&parent.covered, &own, &known.contract),
                None => Coverage::of_prime(&known.contract),
            };
            known.places.insert(engagement.id, known.nodes.len());
            known.nodes.push(Node { engagement, own, coverage });
        }
        known
    }

    /// The days on which the contract runs, cut by terminations. None: terminated before its start, or nothing
    /// is known yet.
    pub fn period(&self) -> Option<DayRange> {
        self.contract.period
    }

    /// The contract's last day; before its start when it was terminated before that.
    pub fn last_day(&self) -> Option<NaiveDate> {
        self.contract.last_day
    }

    /// The terms with the latest (`effective_on`, stamp), also when that day is still to come.
    pub fn terms(&self) -> Option<&'a Terms> {
        self.terms.last().map(|fact| &fact.terms)
    }

    /// The terms that hold on a day; before all of them, the registration's.
    pub fn terms_on(&self, day: NaiveDate) -> Option<&'a Terms> {
        let begun = self.terms.partition_point(|fact| fact.effective_on <= day);
        let holding = begun.checked_sub(1).and_then(|last| self.terms.get(last).copied());
        holding.or_else(|| registration(&self.terms)).map(|fact| &fact.terms)
    }

    /// The terms that hold on any of these days, each with its first day among them.
    pub fn terms_within(&self, days: DayRange) -> impl Iterator<Item = (NaiveDate, &'a Terms)> {
        let later = self.terms.iter().map(|fact| fact.effective_on);
        let mut firsts: Vec<NaiveDate> = later.filter(|day| days.from < *day && *day <= days.to).collect();
        firsts.dedup();
        let firsts = std::iter::once(days.from).chain(firsts);
        firsts.filter_map(|day| Some((day, self.terms_on(day)?)))
    }

    /// Every engagement known, parents before children, a sub-tree in one piece, siblings by stamp.
    pub fn engagements(&self) -> impl Iterator<Item = &'a Engagement> {
        self.nodes.iter().map(|node| node.engagement)
    }

    pub fn engagement(&self, id: EngagementId) -> Option<&'a Engagement> {
        self.node(id).map(|node| node.engagement)
    }

    /// The engagements above, the parent first, tier 1 last.
    pub fn ancestors(&self, id: EngagementId) -> impl Iterator<Item = &'a Engagement> {
        let above =
            |engagement: &'a Engagement| engagement.parent_id.and_then(|parent| self.engagement(parent));
        std::iter::successors(self.engagement(id).and_then(above), move |engagement| above(engagement))
    }

    /// None: not known.
    pub fn coverage(&self, id: EngagementId) -> Option<&Coverage> {
        self.node(id).map(|node| &node.coverage)
    }

    /// Where the engagement stands on a day, by what had been filed and decided by then; [`NodeState::Unapproved`] for
    /// one that is not known.
    pub fn state(&self, id: EngagementId, as_of: NaiveDate) -> NodeState {
        match self.node(id) {
            None => NodeState::Unapproved,
            Some(node) if node.engagement.parent_id.is_some() => node.own.state(as_of, self.last_day()),
            Some(_) if self.last_day().is_some_and(|last| as_of > last) => NodeState::Ended,
            Some(_) => NodeState::Consented,
        }
    }

    /// The engagement's consents by stamp, each after supersession and revocation.
    pub fn consents(&self, id: EngagementId) -> &[HeldConsent<'a>] {
        self.node(id).map(|node| node.own.consents.as_slice()).unwrap_or_default()
    }

    /// The engagement's applications by stamp of filing, each with the step that closed it.
    pub fn applications(&self, id: EngagementId) -> &[FiledApplication<'a>] {
        self.node(id).map(|node| node.own.applications.as_slice()).unwrap_or_default()
    }

    /// The application that the agency last consented to or refused, by stamp of that decision.
    pub fn last_decided(&self, id: EngagementId) -> Option<&FiledApplication<'a>> {
        self.node(id).and_then(|node| node.own.last_decided())
    }

    /// The statements in force about an engagement: of each source its latest that was not retracted.
    pub fn statements(&self, id: EngagementId) -> &[&'a Statement] {
        self.node(id).map(|node| node.own.statements.as_slice()).unwrap_or_default()
    }

    fn node(&self, id: EngagementId) -> Option<&Node<'a>> {
        self.places.get(&id).and_then(|place| self.nodes.get(*place))
    }
}

fn registration<'a>(terms: &[&'a TermsFact]) -> Option<&'a TermsFact> {
    terms.iter().copied().min_by_key(|fact| fact.stamp)
}

/// `terms` by (`effective_on`, stamp): each rules from its day to the day before the next one's, the
/// registration also before all of them.
fn contract_days(terms: &[&TermsFact], terminated_on: Option<NaiveDate>) -> ContractDays {
    let mut days = ContractDays::new(terms.last().map(|fact| &fact.terms), terminated_on);
    let (Some(earliest), Some(registration)) = (terms.first(), registration(terms)) else { return days };
    days.rule(NaiveDate::MIN, day_before(earliest.effective_on), &registration.terms);
    let ends = terms.iter().skip(1).map(|next| day_before(next.effective_on)).chain([NaiveDate::MAX]);
    for (fact, end) in terms.iter().zip(ends) {
        days.rule(fact.effective_on, end, &fact.terms);
    }
    days
}

/// From the roots down. What hangs on nothing known is left out, so a cycle cannot hold the walk.
fn in_order(mut engagements: Vec<&Engagement>) -> Vec<&Engagement> {
    // Those of one entry have one stamp: their order must not hang on how they were read.
    engagements.sort_by_key(|engagement| std::cmp::Reverse((engagement.stamp, engagement.id)));
    let mut ordered = Vec::with_capacity(engagements.len());
    let mut children: HashMap<Option<EngagementId>, Vec<&Engagement>> = HashMap::new();
    for engagement in engagements {
        children.entry(engagement.parent_id).or_default().push(engagement);
    }
    let mut waiting = children.remove(&None).unwrap_or_default();
    while let Some(engagement) = waiting.pop() {
        ordered.push(engagement);
        waiting.extend(children.remove(&Some(engagement.id)).unwrap_or_default());
    }
    ordered
}

/// The places that were merged into others, each with the one where what is said of it counts.
fn merged(facts: &ChainFacts, is_known: impl Fn(&Stamp) -> bool) -> HashMap<EngagementId, EngagementId> {
    let mut merges: Vec<_> = facts.merges.iter().filter(|fact| is_known(&fact.stamp)).collect();
    merges.sort_by_key(|fact| (fact.stamp, fact.engagement_id));
    let mut one_with: HashMap<EngagementId, EngagementId> = HashMap::new();
    for merge in merges {
        let into = one_with.get(&merge.into).copied().unwrap_or(merge.into);
        for target in one_with.values_mut().filter(|target| **target == merge.engagement_id) {
            *target = into;
        }
        if into != merge.engagement_id {
            one_with.insert(merge.engagement_id, into);
        }
    }
    one_with
}

fn gather<'a>(
    facts: &'a ChainFacts,
    is_known: impl Fn(&Stamp) -> bool,
    merged: &HashMap<EngagementId, EngagementId>,
) -> HashMap<EngagementId, Gathered<'a>> {
    let mut gathered: HashMap<EngagementId, Gathered<'a>> = HashMap::new();
    let place = |id: EngagementId| merged.get(&id).copied().unwrap_or(id);
    for consent in facts.consents.iter().filter(|fact| is_known(&fact.stamp)) {
        gathered.entry(place(consent.engagement_id)).or_default().consents.push(consent);
    }
    for revocation in facts.revocations.iter().filter(|fact| is_known(&fact.stamp)) {
        gathered.entry(place(revocation.engagement_id)).or_default().revocations.push(revocation);
    }
    for statement in facts.statements.iter().filter(|fact| is_known(&fact.stamp)) {
        gathered.entry(place(statement.engagement_id)).or_default().statements.push(statement);
    }
    for application in facts.applications.iter().filter(|fact| is_known(&fact.stamp)) {
        let events = || application.events.iter().filter(|event| is_known(&event.stamp));
        let closed = events().filter(|event| closes(event.step)).max_by_key(|event| event.stamp);
        let corrections = events().filter_map(|event| Some((event.stamp, event.corrected?)));
        let corrected = corrections.max_by_key(|(stamp, _)| *stamp);
        let asked = corrected.map_or(application.asked, |(_, asked)| asked);
        let filed = FiledApplication { application, asked, closed };
        gathered.entry(place(application.engagement_id)).or_default().applications.push(filed);
    }
    gathered
}

fn closes(step: ApplicationStep) -> bool {
    matches!(step, ApplicationStep::Consented | ApplicationStep::Refused | ApplicationStep::Withdrawn)
}

/// The latest retraction of each origin.
fn retractions(facts: &ChainFacts, is_known: impl Fn(&Stamp) -> bool) -> HashMap<StatementOrigin, Stamp> {
    let mut latest: HashMap<StatementOrigin, Stamp> = HashMap::new();
    for retraction in facts.retractions.iter().filter(|fact| is_known(&fact.stamp)) {
        let stamp = latest.entry(retraction.origin).or_insert(retraction.stamp);
        *stamp = (*stamp).max(retraction.stamp);
    }
    latest
}
