//! What the agency decides by itself: consents on paper, revocations, other terms, an early end.

use itaku::domain::chain::{Consent, Revocation};
use itaku::domain::contract::{Termination, Terms, TermsFact};
use itaku::service::{consent, contract};
use proptest::prelude::*;
use serde_json::json;

use super::{Act, Case, Outcome, Place, REGISTERED, d, input, merged};

impl Case<'_> {
    pub(super) fn revoke(&mut self, act: &Act, which: usize, on: i64) -> Outcome {
        // Mostly of what holds a consent.
        let consents = &self.facts.consents;
        let id = match consents.len() {
            0 => self.facts.engagements[which % self.facts.engagements.len()].id,
            _ if which == 0 => self.facts.engagements[0].id,
            count => consents[which % count].engagement_id,
        };
        let held = self.facts.consents.iter().any(|consent| consent.engagement_id == id);
        let allowed = held && d(on) >= self.today();
        let body = json!({"reason": "不備", "effective_on": d(on)});
        let revoke = || consent::revoke(&self.app.app, &self.people.approver, id, &input(&body)?);
        let Some(view) = self.expect(allowed, act, revoke)? else { return Ok(()) };
        let cuts = (on..self.horizon).any(|day| self.now().consented(id, d(day)));
        prop_assert_eq!(view.changed, cuts, "{:?}", act);
        if cuts {
            let stamp = self.stamp();
            self.facts.revocations.push(Revocation { engagement_id: id, effective_on: d(on), stamp });
        }
        prop_assert_eq!(view.state, self.now().state(id, self.today()));
        Ok(())
    }

    pub(super) fn record(
        &mut self,
        act: &Act,
        place: Place,
        decided: i64,
        (from, until): (i64, i64),
    ) -> Outcome {
        // 既承認 is entered under its parent.
        let Place::Under(..) = place else { return Ok(()) };
        let (_, parent, vendor) = self.resolve(place);
        let in_time = self.never_runs() || (d(from) >= self.terms().starts_on && d(until) <= self.last_day());
        let allowed = decided <= REGISTERED
            && decided <= from
            && from <= until
            && in_time
            && self.may_stand(place, |_| true);
        let body = merged(
            self.place_body(place),
            json!({
                "scope": "入力", "amount_yen": 1, "country": "JP", "data": [], "decided_on": d(decided), "document_number": "第1号",
                "valid_from": d(from), "valid_until": d(until),
            }),
        );
        let record = || consent::record(&self.app.app, &self.people.approver, self.contract, &input(&body)?);
        let Some(view) = self.expect(allowed, act, record)? else { return Ok(()) };
        let stamp = self.stamp();
        self.add_engagement(view.engagement_id, parent, vendor, stamp);
        self.facts.consents.push(Consent {
            id: view.id,
            engagement_id: view.engagement_id,
            application_id: None,
            decided_on: d(decided),
            valid_from: d(from),
            valid_until: d(until),
            supersedes: false,
            amount_yen: 1,
            country: "JP".into(),
            data: vec![],
            stamp,
        });
        Ok(())
    }

    pub(super) fn amend(&mut self, act: &Act, on: i64, ends: i64) -> Outcome {
        let latest =
            self.facts.terms.iter().max_by_key(|fact| (fact.effective_on, fact.stamp.seq)).unwrap().clone();
        let terms = Terms { ends_on: d(ends), ..latest.terms.clone() };
        let allowed = d(on) >= latest.effective_on
            && terms != latest.terms
            && terms.starts_on <= terms.ends_on
            && d(on) <= terms.ends_on
            && !(terms.ends_on < self.today() && self.today() <= latest.terms.ends_on);
        let body = json!({"effective_on": d(on), "reason": "変更契約", "ends_on": d(ends)});
        let amend = || contract::amend(&self.app.app, &self.people.officer, self.contract, &input(&body)?);
        if let Some(view) = self.expect(allowed, act, amend)? {
            let stamp = self.stamp();
            self.facts.terms.push(TermsFact { effective_on: d(on), terms, stamp });
            prop_assert_eq!(view.last_day, self.last_day());
        }
        Ok(())
    }

    pub(super) fn terminate(&mut self, act: &Act, on: i64) -> Outcome {
        let allowed = d(on) >= self.terms().starts_on && d(on) <= self.last_day() && d(on) >= self.today();
        let body = json!({"reason": "解除", "effective_on": d(on)});
        let terminate =
            || contract::terminate(&self.app.app, &self.people.approver, self.contract, &input(&body)?);
        if let Some(view) = self.expect(allowed, act, terminate)? {
            let stamp = self.stamp();
            self.facts.terminations.push(Termination { effective_on: d(on), stamp });
            prop_assert_eq!(view.last_day, self.last_day());
        }
        Ok(())
    }
}
