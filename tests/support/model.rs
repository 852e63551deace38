//! A second opinion on coverage: each day, each engagement, by plain loops over all facts, sharing no code with
//! the fold in `itaku::domain::chain`. Slow on purpose.
//!
//! Whoever includes it with `#[path]` has `domain` (itaku's) in scope in the including module.

use chrono::NaiveDate;

use super::domain::chain::{
    Application, ApplicationStep, Asked, Cause, ChainFacts, Consent, Engagement, NodeState, Revocation,
    Statement,
};
use super::domain::contract::{DataCategory, Instant, Policy, Terms, TermsFact};
use super::domain::id::EngagementId;

/// Whether the agency revoked after it had consented. What is entered from paper was signed before the contract came
/// into this ledger, and nothing is revoked here before that; any other consent is given when it is entered.
fn is_later(revocation: &Revocation, consent: &Consent) -> bool {
    let signed_on_paper = consent.application_id.is_none();
    signed_on_paper || consent.stamp.seq < revocation.stamp.seq
}

/// The chain at `known_at`, judged day by day.
pub struct Model<'a> {
    pub facts: &'a ChainFacts,
    pub known_at: Instant,
}

impl<'a> Model<'a> {
    pub fn covered(&self, id: EngagementId, day: NaiveDate) -> bool {
        let mut place = self.engagement(id);
        while let Some(parent) = place.parent_id {
            if !self.approved(place.id, day) {
                return false;
            }
            place = self.engagement(parent);
        }
        self.runs(day)
    }

    pub fn in_use(&self, id: EngagementId, day: NaiveDate) -> bool {
        if self.engagement(id).parent_id.is_none() {
            return self.runs(day);
        }
        for statement in self.statements(id) {
            let ended = match (statement.ended_on, self.last_day()) {
                (Some(end), _) => end,
                (None, Some(last)) if last >= statement.started_on => last,
                (None, _) => statement.started_on,
            };
            if statement.started_on <= day && day <= ended {
                return true;
            }
        }
        false
    }

    /// Its own consents on a day, after supersession and revocation.
    pub fn consented(&self, id: EngagementId, day: NaiveDate) -> bool {
        self.consents(id).iter().any(|consent| consent.valid_from <= day && day <= self.end_of(consent))
    }

    /// None: the day is not uncovered.
    pub fn cause(&self, id: EngagementId, day: NaiveDate) -> Option<Cause> {
        if !self.in_use(id, day) || self.covered(id, day) {
            return None;
        }
        if self.last_day().is_some_and(|last| day > last) {
            return Some(Cause::ContractEnded);
        }
        if self.approved(id, day) {
            return Some(Cause::Parent);
        }
        for application in self.applications(id) {
            let pending = self.outcome(application).is_none();
            let asked = self.asked(application);
            if pending && asked.starts_on <= day && day <= asked.ends_on {
                return Some(Cause::Undecided);
            }
        }
        let consents = self.consents(id);
        for consent in &consents {
            for revocation in &self.facts.revocations {
                if revocation.engagement_id == id
                    && revocation.stamp.at <= self.known_at
                    && is_later(revocation, consent)
                    && day >= revocation.effective_on
                    && consent.valid_from <= day
                    && day <= consent.valid_until
                {
                    return Some(Cause::Revoked);
                }
            }
        }
        // A consent that was cut away before it began ends where it would have begun.
        if consents.iter().any(|consent| self.end_of(consent) < day && consent.valid_from <= day) {
            return Some(Cause::Expired);
        }
        if consents.iter().any(|consent| consent.valid_from > day) {
            return Some(Cause::BeforeConsent);
        }
        let mut last: Option<(i64, ApplicationStep)> = None;
        for application in self.applications(id) {
            let Some((seq, step)) = self.outcome(application) else { continue };
            if step != ApplicationStep::Withdrawn && last.is_none_or(|(latest, _)| seq > latest) {
                last = Some((seq, step));
            }
        }
        match last {
            Some((_, ApplicationStep::Refused)) => Some(Cause::Refused),
            _ => Some(Cause::NoApplication),
        }
    }

    pub fn state(&self, id: EngagementId, as_of: NaiveDate) -> NodeState {
        let over = self.last_day().is_some_and(|last| as_of > last);
        if self.engagement(id).parent_id.is_none() {
            return if over { NodeState::Ended } else { NodeState::Consented };
        }
        let mut consents: Vec<&Consent> = Vec::new();
        for consent in self.consents(id) {
            if consent.valid_from <= consent.valid_until && consent.decided_on <= as_of {
                consents.push(consent);
            }
        }
        if consents.is_empty() {
            return self.state_of_last_application(id, as_of);
        }
        for consent in &consents {
            let end = self.end_of(consent);
            if consent.valid_from <= end && as_of <= end {
                return if over { NodeState::Ended } else { NodeState::Consented };
            }
        }
        let last_end = consents.iter().map(|consent| self.end_of(consent)).max();
        for consent in &consents {
            // Without the revocation it would have held longer.
            if Some(self.end_of(consent)) == last_end
                && self.end_of(consent) < self.end_but_for_revocation(consent)
            {
                return NodeState::Revoked;
            }
        }
        let statements = self.statements(id);
        let silent_or_later = statements.iter().any(|s| s.ended_on.is_none_or(|end| end >= as_of));
        if over || (!statements.is_empty() && !silent_or_later) {
            NodeState::Ended
        } else {
            NodeState::Expired
        }
    }

    fn state_of_last_application(&self, id: EngagementId, as_of: NaiveDate) -> NodeState {
        let mut last: Option<&Application> = None;
        for application in self.applications(id) {
            if application.filed_on > as_of {
                continue;
            }
            if last.is_none_or(|latest| application.stamp.seq > latest.stamp.seq) {
                last = Some(application);
            }
        }
        let Some(last) = last else { return NodeState::Unapproved };
        let closed_by_then = |(seq, step): (i64, ApplicationStep)| {
            let on = last.events.iter().find(|event| event.stamp.seq == seq).map(|event| event.on);
            on.is_some_and(|on| on <= as_of).then_some(step)
        };
        match self.outcome(last).and_then(closed_by_then) {
            None => NodeState::Applied,
            Some(ApplicationStep::Refused) => NodeState::Refused,
            Some(ApplicationStep::Withdrawn) => NodeState::Withdrawn,
            _ => NodeState::Unapproved,
        }
    }

    pub fn last_day(&self) -> Option<NaiveDate> {
        let mut last = self.final_terms()?.ends_on;
        for termination in &self.facts.terminations {
            if termination.stamp.at <= self.known_at && termination.effective_on <= last {
                last = termination.effective_on.pred_opt().unwrap();
            }
        }
        Some(last)
    }

    fn final_terms(&self) -> Option<&'a Terms> {
        let mut found: Option<&TermsFact> = None;
        for fact in &self.facts.terms {
            let later = |than: &TermsFact| {
                fact.effective_on > than.effective_on
                    || (fact.effective_on == than.effective_on && fact.stamp.seq > than.stamp.seq)
            };
            if fact.stamp.at <= self.known_at && found.is_none_or(later) {
                found = Some(fact);
            }
        }
        found.map(|fact| &fact.terms)
    }

    pub fn runs(&self, day: NaiveDate) -> bool {
        let Some(terms) = self.final_terms() else { return false };
        terms.starts_on <= day && self.last_day().is_some_and(|last| day <= last)
    }

    fn terms_on(&self, day: NaiveDate) -> Option<&'a Terms> {
        let known = || self.facts.terms.iter().filter(|fact| fact.stamp.at <= self.known_at);
        let mut found: Option<&TermsFact> = None;
        for fact in known().filter(|fact| fact.effective_on <= day) {
            let key = (fact.effective_on, fact.stamp.seq);
            if found.is_none_or(|than| key > (than.effective_on, than.stamp.seq)) {
                found = Some(fact);
            }
        }
        found.or_else(|| known().min_by_key(|fact| fact.stamp.seq)).map(|fact| &fact.terms)
    }

    /// Its own consent holds on the day, or the contract runs and asks for none.
    fn approved(&self, id: EngagementId, day: NaiveDate) -> bool {
        if self.consented(id, day) {
            return true;
        }
        let Some(terms) = self.terms_on(day) else { return false };
        if !self.runs(day) || terms.data.iter().any(|volume| volume.category == DataCategory::MyNumber) {
            return false;
        }
        match terms.subcontracting.policy {
            Policy::NoticeOnly | Policy::NoPersonalData => true,
            Policy::MinorExempt => {
                let Some(limit) = terms.subcontracting.minor_limit_yen else { return false };
                let statements = self.statements(id);
                !statements.is_empty()
                    && statements.iter().all(|s| s.amount_yen.is_some_and(|yen| yen <= limit))
            }
            _ => false,
        }
    }

    fn end_but_for_revocation(&self, consent: &Consent) -> NaiveDate {
        let mut end = consent.valid_until;
        for other in self.consents(consent.engagement_id) {
            if other.supersedes && other.stamp.seq > consent.stamp.seq {
                end = end.min(other.valid_from.pred_opt().unwrap());
            }
        }
        end
    }

    fn end_of(&self, consent: &Consent) -> NaiveDate {
        let mut end = self.end_but_for_revocation(consent);
        for revocation in &self.facts.revocations {
            if revocation.engagement_id == consent.engagement_id
                && revocation.stamp.at <= self.known_at
                && is_later(revocation, consent)
            {
                end = end.min(revocation.effective_on.pred_opt().unwrap());
            }
        }
        end
    }

    fn engagement(&self, id: EngagementId) -> &'a Engagement {
        self.facts.engagements.iter().find(|engagement| engagement.id == id).unwrap()
    }

    fn consents(&self, id: EngagementId) -> Vec<&'a Consent> {
        let known = |consent: &&Consent| consent.engagement_id == id && consent.stamp.at <= self.known_at;
        self.facts.consents.iter().filter(known).collect()
    }

    fn applications(&self, id: EngagementId) -> Vec<&'a Application> {
        let known = |filed: &&Application| filed.engagement_id == id && filed.stamp.at <= self.known_at;
        self.facts.applications.iter().filter(known).collect()
    }

    /// What an application said by then: its last correction's word, else that of its filing.
    fn asked(&self, application: &Application) -> Asked {
        let mut said = (application.stamp.seq, application.asked);
        for event in &application.events {
            if let Some(corrected) = event.corrected
                && event.stamp.at <= self.known_at
                && event.stamp.seq > said.0
            {
                said = (event.stamp.seq, corrected);
            }
        }
        said.1
    }

    /// The last step that closed an application, with its `seq`.
    fn outcome(&self, application: &Application) -> Option<(i64, ApplicationStep)> {
        let mut outcome: Option<(i64, ApplicationStep)> = None;
        for event in &application.events {
            let open = [
                ApplicationStep::Returned,
                ApplicationStep::Resubmitted,
                ApplicationStep::Reviewed,
                ApplicationStep::SentBack,
            ];
            if event.stamp.at <= self.known_at
                && !open.contains(&event.step)
                && outcome.is_none_or(|(seq, _)| event.stamp.seq > seq)
            {
                outcome = Some((event.stamp.seq, event.step));
            }
        }
        outcome
    }

    /// In force: not retracted later, and no later such statement of the same source.
    fn statements(&self, id: EngagementId) -> Vec<&'a Statement> {
        let stands = |statement: &Statement| {
            statement.engagement_id == id
                && statement.stamp.at <= self.known_at
                && !self.facts.retractions.iter().any(|retraction| {
                    retraction.origin == statement.origin
                        && retraction.stamp.at <= self.known_at
                        && retraction.stamp.seq > statement.stamp.seq
                })
        };
        let mut in_force = Vec::new();
        for statement in self.facts.statements.iter().filter(|statement| stands(statement)) {
            let replaced = self.facts.statements.iter().any(|other| {
                stands(other) && other.source == statement.source && other.stamp.seq > statement.stamp.seq
            });
            if !replaced {
                in_force.push(statement);
            }
        }
        in_force
    }
}
