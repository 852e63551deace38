//! Plain looks at a case: who stands where, and what the contract's rules let them do.

use chrono::{DateTime, NaiveDate};
use itaku::clock::Clock as _;
use itaku::domain::chain::{Engagement, Source};
use itaku::domain::contract::Terms;
use itaku::domain::id::{EngagementId, OrganizationId};
use serde_json::{Value, json};

use super::{Case, Model, Place, d};

impl Case<'_> {
    pub(super) fn today(&self) -> NaiveDate {
        self.app.clock.today()
    }

    pub(super) fn now(&self) -> Model<'_> {
        Model { facts: &self.facts, known_at: DateTime::<chrono::Utc>::MAX_UTC }
    }

    pub(super) fn engagement(&self, id: EngagementId) -> &Engagement {
        self.facts.engagements.iter().find(|e| e.id == id).unwrap()
    }

    pub(super) fn number_of(&self, vendor: OrganizationId) -> usize {
        self.people.vendors.iter().position(|(id, _)| *id == vendor).unwrap()
    }

    /// The vendors from the engagement up to the prime.
    pub(super) fn path(&self, id: EngagementId) -> Vec<OrganizationId> {
        let mut path = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at {
            path.push(self.engagement(id).vendor.id);
            at = self.engagement(id).parent_id;
        }
        path
    }

    pub(super) fn sees(&self, vendor: usize, id: EngagementId) -> bool {
        self.path(id).contains(&self.people.vendors[vendor].0)
    }

    pub(super) fn terms(&self) -> &Terms {
        let latest = self.facts.terms.iter().max_by_key(|fact| (fact.effective_on, fact.stamp.seq));
        &latest.unwrap().terms
    }

    pub(super) fn last_day(&self) -> NaiveDate {
        self.now().last_day().unwrap()
    }

    /// Terminated before its start.
    pub(super) fn never_runs(&self) -> bool {
        self.last_day() < self.terms().starts_on
    }

    /// (the engagement if it is there, its parent, its vendor); None: the prime itself.
    pub(super) fn resolve(&self, place: Place) -> (Option<EngagementId>, Option<EngagementId>, usize) {
        let all = &self.facts.engagements;
        match place {
            Place::Engagement(n) => {
                let it = &all[n % all.len()];
                (Some(it.id), it.parent_id, self.number_of(it.vendor.id))
            }
            Place::Under(n, vendor) => {
                let parent = all[n % all.len()].id;
                let vendor = vendor % self.people.vendors.len();
                let there = all
                    .iter()
                    .find(|e| e.parent_id == Some(parent) && e.vendor.id == self.people.vendors[vendor].0);
                (there.map(|e| e.id), Some(parent), vendor)
            }
        }
    }

    pub(super) fn place_body(&self, place: Place) -> Value {
        let (there, parent, vendor) = self.resolve(place);
        match place {
            Place::Engagement(_) => json!({"engagement_id": there}),
            Place::Under(..) => {
                json!({"parent_engagement_id": parent, "vendor_id": self.people.vendors[vendor].0})
            }
        }
    }

    /// Whether one who sees `seen` may point there: not the prime's own place, and nobody under itself.
    pub(super) fn may_stand(&self, place: Place, seen: impl Fn(EngagementId) -> bool) -> bool {
        let (there, parent, vendor) = self.resolve(place);
        let Some(parent) = parent else { return false };
        match place {
            Place::Engagement(_) => there.is_some_and(seen),
            Place::Under(..) => seen(parent) && !self.path(parent).contains(&self.people.vendors[vendor].0),
        }
    }

    /// The contract's rules for an application on its days.
    pub(super) fn rules(&self, parent: EngagementId, from: i64, to: i64) -> bool {
        let (today, tier) = (self.today(), self.engagement(parent).tier);
        // The consent above may lie ahead: it holds on the first day on which one below could.
        let stands = tier == 1 || self.now().consented(parent, d(from).max(today));
        from <= to
            && !self.never_runs()
            && today <= self.last_day()
            && tier < 3
            && stands
            && d(from) >= self.terms().starts_on
            && d(to) <= self.last_day()
            && d(to) >= today
    }

    /// What a vendor itself last said of each engagement, where that has no end.
    pub(super) fn open_uses(&self, vendor: usize) -> Vec<(EngagementId, NaiveDate)> {
        let source = Source::Declared(self.people.vendors[vendor].0);
        let gone = |origin| self.said.iter().any(|said| said.origin == origin && said.retracted);
        let mut open = Vec::new();
        for engagement in &self.facts.engagements {
            let mine = self
                .facts
                .statements
                .iter()
                .filter(|s| s.engagement_id == engagement.id && s.source == source);
            if let Some(last) = mine.filter(|s| !gone(s.origin)).max_by_key(|s| s.stamp.seq)
                && last.ended_on.is_none()
            {
                open.push((engagement.id, last.started_on));
            }
        }
        open
    }
}
