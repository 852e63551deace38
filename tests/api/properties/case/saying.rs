//! What is said to be in use, by vendors and by others, and what is taken back.

use itaku::domain::chain::{Retraction, Source, StatementOrigin};
use itaku::domain::id::{EngagementId, OrganizationId};
use itaku::service::chain::ChainView;
use itaku::service::{Call, Failure, chain, declaration, observation};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::act::FIRST;
use super::looking::flat;
use super::{Act, Case, Outcome, Place, Said, d, input, merged};

impl Case<'_> {
    fn declaration(&self, call: &Call, said: Value) -> Result<declaration::DeclaredView, Failure> {
        let body = merged(json!({"period": {"from": d(0), "to": d(30)}}), said);
        declaration::declare(&self.app.app, call, self.contract, &input(&body)?)
    }

    pub(super) fn declare(&mut self, act: &Act, by: usize, uses: &[(Place, i64, Option<i64>)]) -> Outcome {
        let (by, call) = self.vendor(by, 0);
        let resolved: Vec<_> = uses.iter().map(|(place, ..)| self.resolve(*place)).collect();
        let twice = resolved.iter().enumerate().any(|(n, it)| resolved[..n].contains(it));
        let allowed = self.stands(by)
            && !twice
            && uses.iter().all(|(place, from, to)| {
                to.is_none_or(|to| *from <= to) && self.may_stand(*place, |id| self.sees(by, id))
            });
        let engagements: Vec<Value> = uses
            .iter()
            .map(|(place, from, to)| {
                merged(self.place_body(*place), json!({"started_on": d(*from), "ended_on": to.map(d)}))
            })
            .collect();
        let said = || self.declaration(call, json!({"engagements": engagements}));
        let Some(view) = self.expect(allowed, act, said)? else { return Ok(()) };
        let stamp = self.stamp();
        let origin = StatementOrigin::Declaration(view.id);
        let shown = chain::get(&self.app.app, &self.people.officer, self.contract, None, None).unwrap();
        let mut expected = Vec::new();
        for ((_, from, to), (_, parent, vendor)) in uses.iter().zip(&resolved) {
            let id = engagement_at(&shown, parent.unwrap(), self.people.vendors[*vendor].0);
            self.add_engagement(id, *parent, *vendor, stamp);
            self.add_statement(
                id,
                origin,
                Source::Declared(call.actor.organization.id),
                (d(*from), to.map(d)),
                stamp,
            );
            expected.push(id);
        }
        self.said.push(Said { origin, declarer: Some(by), retracted: false });
        let today = self.today();
        let past = || (FIRST..self.horizon).map(d).take_while(|day| *day <= today);
        expected.retain(|id| past().any(|day| self.now().cause(*id, day).is_some()));
        let unapproved: Vec<EngagementId> = view.unapproved.iter().map(|u| u.engagement_id).collect();
        prop_assert_eq!(unapproved, expected, "{:?}", act);
        Ok(())
    }

    pub(super) fn declare_none(&mut self, act: &Act, by: usize) -> Outcome {
        let (by, call) = self.vendor(by, 0);
        let allowed = self.stands(by) && self.open_uses(by).is_empty();
        if let Some(view) = self.expect(allowed, act, || self.declaration(call, json!({"none": true})))? {
            let origin = StatementOrigin::Declaration(view.id);
            self.stamp();
            self.said.push(Said { origin, declarer: Some(by), retracted: false });
        }
        Ok(())
    }

    pub(super) fn as_last_time(&mut self, act: &Act, by: usize) -> Outcome {
        let (by, call) = self.vendor(by, 0);
        let again =
            || self.declaration(call, json!({"as_last_time": true, "period": {"from": d(0), "to": d(0)}}));
        // There is a last time when a report of its own stands.
        let reported = self.said.iter().any(|said| said.declarer == Some(by) && !said.retracted);
        let Some(view) = self.expect(self.stands(by) && reported, act, again)? else { return Ok(()) };
        let origin = StatementOrigin::Declaration(view.id);
        let open = self.open_uses(by);
        let stamp = self.stamp();
        for (id, from) in open {
            self.add_statement(id, origin, Source::Declared(call.actor.organization.id), (from, None), stamp);
        }
        self.said.push(Said { origin, declarer: Some(by), retracted: false });
        Ok(())
    }

    pub(super) fn observe(
        &mut self,
        act: &Act,
        source: usize,
        place: Place,
        (from, to): (i64, Option<i64>),
    ) -> Outcome {
        let (word, source) =
            [("audit", Source::Audit), ("third_party", Source::ThirdParty), ("other", Source::Other)]
                [source % 3];
        let (_, parent, vendor) = self.resolve(place);
        let allowed = to.is_none_or(|to| from <= to) && self.may_stand(place, |_| true);
        let body = merged(
            self.place_body(place),
            json!({"source": word, "started_on": d(from), "ended_on": to.map(d)}),
        );
        let observe =
            || observation::observe(&self.app.app, &self.people.officer, self.contract, &input(&body)?);
        let Some(view) = self.expect(allowed, act, observe)? else { return Ok(()) };
        let stamp = self.stamp();
        let origin = StatementOrigin::Observation(view.id);
        self.add_engagement(view.engagement_id, parent, vendor, stamp);
        self.add_statement(view.engagement_id, origin, source, (d(from), to.map(d)), stamp);
        self.said.push(Said { origin, declarer: None, retracted: false });
        Ok(())
    }

    pub(super) fn retract(&mut self, act: &Act, which: usize, by: usize) -> Outcome {
        let count = self.said.len();
        if count == 0 {
            return Ok(());
        }
        let n = count - 1 - which % count;
        let (origin, declarer, retracted) =
            (self.said[n].origin, self.said[n].declarer, self.said[n].retracted);
        let (by, call) = self.vendor(by, declarer.unwrap_or(0));
        let reason = json!({"reason": "取り違え"});
        let done = match origin {
            StatementOrigin::Declaration(id) => {
                let allowed = declarer == Some(by) && !retracted;
                self.expect(allowed, act, || {
                    declaration::retract(&self.app.app, call, id, &input(&reason)?).map(drop)
                })?
            }
            StatementOrigin::Observation(id) => self.expect(!retracted, act, || {
                observation::retract(&self.app.app, &self.people.officer, id, &input(&reason)?).map(drop)
            })?,
        };
        if done.is_some() {
            let stamp = self.stamp();
            self.facts.retractions.push(Retraction { origin, stamp });
            self.said[n].retracted = true;
        }
        Ok(())
    }
}

fn engagement_at(chain: &ChainView, parent: EngagementId, vendor: OrganizationId) -> EngagementId {
    let all = flat(&chain.root);
    let parent = all.into_iter().find(|node| node.engagement_id == parent).unwrap();
    parent.children.iter().find(|node| node.vendor.id == vendor).unwrap().engagement_id
}
