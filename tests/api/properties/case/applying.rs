//! An application and what is done with it.

use itaku::domain::chain::{Application, ApplicationStep, Asked, Consent};
use itaku::service::application;
use proptest::prelude::*;
use serde_json::json;

use super::{Act, Case, Filed, Outcome, Place, content, d, input, merged};

impl Case<'_> {
    pub(super) fn apply(
        &mut self,
        act: &Act,
        by: usize,
        place: Place,
        (from, to): (i64, i64),
        supersedes: bool,
    ) -> Outcome {
        let (there, parent, vendor) = self.resolve(place);
        let above = parent.map_or(0, |parent| self.number_of(self.engagement(parent).vendor.id));
        let (by, call) = self.vendor(by, above);
        let allowed = self.may_stand(place, |id| self.sees(by, id))
            && parent.is_some_and(|parent| {
                self.sees(by, parent)
                    && (by == 0 || self.engagement(parent).vendor.id == self.people.vendors[by].0)
                    && self.rules(parent, from, to)
            })
            && !there.is_some_and(|id| {
                let pending = |n: &usize| matches!(self.filed[*n].state, "applied" | "returned");
                (0..self.filed.len()).filter(pending).any(|n| self.facts.applications[n].engagement_id == id)
            });
        let body =
            merged(merged(content(from, to), self.place_body(place)), json!({"supersedes": supersedes}));
        let file = || application::file(&self.app.app, call, self.contract, &input(&body)?);
        let Some(view) = self.expect(allowed, act, file)? else { return Ok(()) };
        prop_assert!(there.is_none_or(|id| id == view.engagement_id), "the same engagement");
        let stamp = self.stamp();
        self.add_engagement(view.engagement_id, parent, vendor, stamp);
        self.facts.applications.push(Application {
            id: view.id,
            engagement_id: view.engagement_id,
            applicant_id: call.actor.organization.id,
            filed_on: self.today(),
            asked: Asked { starts_on: d(from), ends_on: d(to), amount_yen: 1 },
            stamp,
            events: vec![],
        });
        self.filed.push(Filed {
            id: view.id,
            applicant: by,
            supersedes,
            state: "applied",
            handled_by: vec![],
            reviewed: false,
        });
        Ok(())
    }

    pub(super) fn on_application(
        &mut self,
        which: usize,
        work: impl FnOnce(&mut Self, usize) -> Outcome,
    ) -> Outcome {
        // The latest first: it is the one that something can still happen to.
        match self.filed.len() {
            0 => Ok(()),
            count => work(self, count - 1 - which % count),
        }
    }

    pub(super) fn review(&mut self, act: &Act, n: usize, by: usize) -> Outcome {
        let call = if by == 0 { &self.people.officer } else { &self.people.both };
        let filed = self.filed[n].clone();
        let body = json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok"});
        let review = || application::review(&self.app.app, call, filed.id, &input(&body)?);
        if self.expect(filed.state == "applied", act, review)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Reviewed, stamp);
            self.filed[n].reviewed = true;
            self.filed[n].handled_by.push(call.actor.user_id);
        }
        Ok(())
    }

    pub(super) fn send_back(&mut self, act: &Act, n: usize) -> Outcome {
        let filed = self.filed[n].clone();
        let back = || {
            application::ask_correction(
                &self.app.app,
                &self.people.officer,
                filed.id,
                &input(&json!({"points": "件数"}))?,
            )
        };
        if self.expect(filed.state == "applied", act, back)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Returned, stamp);
            self.filed[n].state = "returned";
        }
        Ok(())
    }

    pub(super) fn resubmit(&mut self, act: &Act, n: usize, by: usize, (from, to): (i64, i64)) -> Outcome {
        let filed = self.filed[n].clone();
        let (by, call) = self.vendor(by, filed.applicant);
        let parent = self.engagement(self.facts.applications[n].engagement_id).parent_id.unwrap();
        let allowed = by == filed.applicant && filed.state == "returned" && self.rules(parent, from, to);
        let again = || application::resubmit(&self.app.app, call, filed.id, &input(&content(from, to))?);
        if self.expect(allowed, act, again)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Resubmitted, stamp);
            self.facts.applications[n].events.last_mut().unwrap().corrected =
                Some(Asked { starts_on: d(from), ends_on: d(to), amount_yen: 1 });
            self.filed[n].state = "applied";
            self.filed[n].reviewed = false;
        }
        Ok(())
    }

    pub(super) fn decide(
        &mut self,
        act: &Act,
        n: usize,
        by: usize,
        consent: bool,
        (from, until): (Option<i64>, Option<i64>),
    ) -> Outcome {
        let call = if by == 0 { &self.people.approver } else { &self.people.both };
        let filed = self.filed[n].clone();
        let Application { asked, ref events, .. } = self.facts.applications[n];
        let Asked { starts_on, ends_on, .. } = events.iter().rev().find_map(|e| e.corrected).unwrap_or(asked);
        let (today, last) = (self.today(), self.last_day());
        let valid_from = from.map_or(starts_on.max(today), d);
        let valid_until = until.map_or(ends_on.min(last), d);
        let mut allowed =
            filed.state == "applied" && filed.reviewed && !filed.handled_by.contains(&call.actor.user_id);
        if consent {
            allowed &= !self.never_runs() && today <= last;
            allowed &= today <= valid_from && valid_from <= valid_until && valid_until <= last;
        }
        let word = if consent { "consent" } else { "refuse" };
        let body = json!({"decision": word, "reason": "確認", "valid_from": from.map(d), "valid_until": until.map(d)});
        let decide = || application::decide(&self.app.app, call, filed.id, &input(&body)?);
        if self.expect(allowed, act, decide)?.is_none() {
            return Ok(());
        }
        let stamp = self.stamp();
        self.filed[n].state = if consent { "consented" } else { "refused" };
        self.event(n, if consent { ApplicationStep::Consented } else { ApplicationStep::Refused }, stamp);
        if consent {
            self.facts.consents.push(Consent {
                id: self.app.app.sources.new_id(),
                engagement_id: self.facts.applications[n].engagement_id,
                application_id: Some(filed.id),
                decided_on: today,
                valid_from,
                valid_until,
                supersedes: filed.supersedes,
                amount_yen: 1,
                country: "JP".into(),
                data: vec![],
                stamp,
            });
        }
        Ok(())
    }

    pub(super) fn withdraw(&mut self, act: &Act, n: usize, by: usize) -> Outcome {
        let filed = self.filed[n].clone();
        let (by, call) = self.vendor(by, filed.applicant);
        let allowed = by == filed.applicant && matches!(filed.state, "applied" | "returned");
        let withdraw = || application::withdraw(&self.app.app, call, filed.id, &input(&json!({}))?);
        if self.expect(allowed, act, withdraw)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Withdrawn, stamp);
            self.filed[n].state = "withdrawn";
        }
        Ok(())
    }
}
