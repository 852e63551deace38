//! The chain as shown against the model, and what is kept beside the facts against the facts.

use chrono::{DateTime, Days, Duration, NaiveDate};
use diesel::prelude::*;
use itaku::db::schema::{alerts, application_steps, applications, contracts};
use itaku::db::{self, ChainKey, DbError};
use itaku::domain::alert::AlertState;
use itaku::domain::chain::{ApplicationStep, Cause};
use itaku::domain::contract::Instant;
use itaku::domain::id::{ApplicationId, EngagementId};
use itaku::service::chain::Node;
use itaku::service::{Failure, alert, chain};
use proptest::prelude::*;

use super::act::FIRST;
use super::{Case, Model, Outcome, d};

impl Case<'_> {
    pub(super) fn look_back(&self, as_of: i64, back: usize, just_before: bool) -> Outcome {
        let place = self.moments.len() - 1 - back % self.moments.len();
        if back == 0 {
            return self.look(d(as_of), None);
        }
        let at = self.moments[place];
        self.look(d(as_of), Some(if just_before && place > 0 { at - Duration::microseconds(1) } else { at }))
    }

    /// The chain's answer is the model's, node by node and day by day.
    pub fn look(&self, as_of: NaiveDate, known_at: Option<Instant>) -> Outcome {
        let shown =
            chain::get(&self.app.app, &self.people.officer, self.contract, Some(as_of), known_at).unwrap();
        let known_at = known_at.unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
        let model = Model { facts: &self.facts, known_at };
        let nodes = flat(&shown.root);
        let mut ids: Vec<EngagementId> = nodes.iter().map(|node| node.engagement_id).collect();
        let known = self.facts.engagements.iter().filter(|e| e.stamp.at <= known_at);
        let mut expected: Vec<EngagementId> = known.map(|e| e.id).collect();
        ids.sort();
        expected.sort();
        prop_assert_eq!(ids, expected, "the engagements known at {}", known_at);
        for node in nodes {
            let id = node.engagement_id;
            let about = format!("engagement {id} of tier {}, as of {as_of}, known at {known_at}", node.tier);
            prop_assert_eq!(node.parent_engagement_id, self.engagement(id).parent_id, "{}", about);
            prop_assert_eq!(node.covered, model.covered(id, as_of), "covered: {}", about);
            prop_assert_eq!(node.in_use, model.in_use(id, as_of), "in use: {}", about);
            prop_assert_eq!(node.state, model.state(id, as_of), "state: {}", about);
            let causes: Vec<(NaiveDate, Cause)> = (FIRST..self.horizon)
                .map(d)
                .filter_map(|day| model.cause(id, day).map(|cause| (day, cause)))
                .collect();
            let bare: Vec<(NaiveDate, ())> = causes.iter().map(|(day, _)| (*day, ())).collect();
            let (before, after): (Vec<_>, Vec<_>) = bare.into_iter().partition(|(day, ())| *day <= as_of);
            let uncovered: Vec<_> =
                runs(&before).into_iter().map(|(from, to, ())| (from, (to < as_of).then_some(to))).collect();
            let projected: Vec<_> = runs(&after).into_iter().map(|(from, to, ())| (from, Some(to))).collect();
            let days = |spans: &[itaku::service::chain::Days]| {
                spans.iter().map(|s| (s.from, s.to)).collect::<Vec<_>>()
            };
            prop_assert_eq!(days(&node.uncovered), uncovered, "uncovered: {}", about);
            prop_assert_eq!(days(&node.projected), projected, "projected: {}", about);
            let shown: Vec<_> = node.uncovered_causes.iter().map(|c| (c.from, c.to, c.cause)).collect();
            prop_assert_eq!(shown, runs(&causes), "causes: {}", about);
        }
        Ok(())
    }

    /// Everything that is kept beside the facts is what the facts make of it, on the day's evaluation.
    pub fn projections_hold(&self) -> Outcome {
        let app = &self.app.app;
        let chain = ChainKey::Existing(self.contract.cast());
        let evaluated = app.db.write_tx::<_, Failure>(&app.sources, None, chain, |tx| {
            alert::evaluate_contract(tx, self.contract)?;
            alert::evaluate_contract(tx, self.contract)
        });
        let again = evaluated.unwrap();
        prop_assert_eq!(
            (again.opened, again.resolved, again.reminders),
            (0, 0, 0),
            "a second evaluation changes nothing"
        );
        let stale = app
            .db
            .write::<_, DbError>(|conn| db::contract::reproject(conn, self.contract, app.today(), false));
        prop_assert!(stale.unwrap().is_none(), "the contract's row stood otherwise");
        let (count, open) = app
            .db
            .read_one::<(i32, i64), DbError>(|conn| {
                let open = alerts::table
                    .filter(alerts::contract_id.eq(self.contract))
                    .filter(alerts::state.ne(AlertState::Resolved));
                let row = contracts::table.find(self.contract).select(contracts::open_alerts);
                Ok((row.first(conn)?, open.count().get_result(conn)?))
            })
            .unwrap();
        prop_assert_eq!(i64::from(count), open, "open alerts");
        let (states, steps) = app
            .db
            .read::<_, DbError>(|conn| {
                let of = applications::table.filter(applications::contract_id.eq(self.contract));
                let states: Vec<(ApplicationId, String)> =
                    of.select((applications::id, applications::state)).load(conn)?;
                let steps: Vec<(ApplicationId, ApplicationStep)> = application_steps::table
                    .filter(application_steps::contract_id.eq(self.contract))
                    .order(application_steps::seq)
                    .select((application_steps::application_id, application_steps::step))
                    .load(conn)?;
                Ok((states, steps))
            })
            .unwrap();
        prop_assert_eq!(states.len(), self.filed.len());
        for (id, state) in states {
            let mut folded = "applied";
            for (_, step) in steps.iter().filter(|(of, _)| *of == id) {
                folded = match step {
                    ApplicationStep::Returned => "returned",
                    ApplicationStep::Resubmitted => "applied",
                    ApplicationStep::Reviewed | ApplicationStep::SentBack => folded,
                    closing => closing.as_str(),
                };
            }
            let acknowledged = self.filed.iter().find(|filed| filed.id == id).map(|filed| filed.state);
            prop_assert_eq!((state.as_str(), Some(folded)), (folded, acknowledged));
        }
        Ok(())
    }
}

pub(super) fn flat(node: &Node) -> Vec<&Node> {
    std::iter::once(node).chain(node.children.iter().flat_map(flat)).collect()
}

/// Days with a mark, in order, as runs of neighbours with the same mark.
fn runs<T: Copy + PartialEq>(days: &[(NaiveDate, T)]) -> Vec<(NaiveDate, NaiveDate, T)> {
    let mut runs: Vec<(NaiveDate, NaiveDate, T)> = Vec::new();
    for (day, mark) in days {
        match runs.last_mut() {
            Some(last) if last.1 + Days::new(1) == *day && last.2 == *mark => last.1 = *day,
            _ => runs.push((*day, *day, *mark)),
        }
    }
    runs
}
