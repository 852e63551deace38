//! The chain as its component draws it: nodes from the top down, each with its facts in words. The tree is given as a
//! list in which every node says how many levels end with it, for a chain may be deeper than templates nest.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::super::own::ours;
use crate::domain::access::Permission;
use crate::domain::chain::NodeState;
use crate::domain::contract::{ContractStatus, HOME};
use crate::domain::id::{EngagementId, OrganizationId};
use crate::service::chain::{CausedDays, ChainView, ConsentView, Node, StatementView};
use crate::service::contract::ContractView;
use crate::service::{App, Call};
use crate::web::pages::words;

/// Days on which something changed, at most as many are offered.
const MOST_DAYS: usize = 24;

/// How a chain is drawn.
pub struct Drawing<'a> {
    pub app: &'a App,
    pub call: &'a Call,
    pub contract: &'a ContractView,
    pub view: &'a ChainView,
    /// The newcomer.
    pub marked: Option<EngagementId>,
    /// With links to what can be done about a node.
    pub acts: bool,
}

/// Every node in sight, each below its parent; with how many levels above it end with it.
pub fn nodes(view: &ChainView) -> Vec<(&Node, usize)> {
    fn walk<'a>(node: &'a Node, closes: usize, into: &mut Vec<(&'a Node, usize)>) {
        into.push((node, if node.children.is_empty() { closes } else { 0 }));
        for (place, child) in node.children.iter().enumerate() {
            let is_last = place + 1 == node.children.len();
            walk(child, if is_last { closes + 1 } else { 0 }, into);
        }
    }
    let mut all = Vec::new();
    for root in roots(view) {
        walk(root, 0, &mut all);
    }
    all
}

/// The topmost nodes in sight.
pub fn roots(view: &ChainView) -> &[Node] {
    if view.roots.is_empty() { std::slice::from_ref(&view.root) } else { &view.roots }
}

impl Drawing<'_> {
    /// What the component takes.
    pub fn draw(&self) -> Value {
        let all = nodes(self.view);
        let names: HashMap<OrganizationId, &str> =
            all.iter().map(|(node, _)| (node.vendor.id, node.vendor.name.as_str())).collect();
        let places: HashMap<EngagementId, &str> =
            all.iter().map(|(node, _)| (node.engagement_id, node.vendor.name.as_str())).collect();
        let drawn = |(node, closes): &(&Node, usize)| {
            let above = node.parent_engagement_id.and_then(|id| places.get(&id).copied());
            let above = above.or(node.parent.as_ref().map(|parent| parent.name.as_str()));
            self.node(node, *closes, above, &names)
        };
        let as_of = self.view.as_of;
        json!({
            "as_of": as_of,
            "today": as_of == self.app.today(),
            "nodes": all.iter().map(drawn).collect::<Vec<_>>(),
        })
    }

    fn node(
        &self,
        node: &Node,
        closes: usize,
        above: Option<&str>,
        names: &HashMap<OrganizationId, &str>,
    ) -> Value {
        let days: Vec<Value> = node.uncovered_causes.iter().map(|it| self.uncovered(it)).collect();
        let is_bad = node.uncovered.iter().any(|days| days.to.is_none());
        json!({
            "id": node.engagement_id,
            "name": node.vendor.name,
            "number": node.vendor.corporate_number,
            "abroad": (node.vendor.country != HOME).then_some(&node.vendor.country),
            "tier": words::tier(node.tier),
            "prime": node.tier == 1,
            "above": above,
            "top": node.parent.is_some(),
            "state": state(node),
            "covered": node.covered,
            "in_use": node.in_use,
            "uncovered": days,
            "bad": is_bad,
            "marked": self.marked == Some(node.engagement_id),
            "data": node.data,
            "consents": node.consents.iter().map(|it| self.consent(it)).collect::<Vec<_>>(),
            "statements": node.statements.iter().map(|it| self.statement(it, names)).collect::<Vec<_>>(),
            "other_names": node.other_names,
            "links": if self.acts { self.links(node) } else { Vec::new() },
            "has_children": !node.children.is_empty(),
            "closes": closes,
        })
    }

    fn uncovered(&self, days: &CausedDays) -> Value {
        let as_of = self.view.as_of;
        json!({
            "from": days.from, "to": days.to, "cause": days.cause,
            "ahead": days.from > as_of,
            "running": days.from <= as_of && as_of < days.to,
        })
    }

    fn consent(&self, consent: &ConsentView) -> Value {
        json!({
            "decided_on": consent.decided_on, "from": consent.valid_from, "until": consent.valid_until,
            // Superseded before its first day: nothing of it is left.
            "empty": consent.valid_until < consent.valid_from,
            "recorded": consent.recorded, "revoked_from": consent.revoked_from,
            "known": words::instant(self.app, consent.known_since),
        })
    }

    fn statement(&self, statement: &StatementView, names: &HashMap<OrganizationId, &str>) -> Value {
        let by = statement.organization_id.and_then(|id| names.get(&id).copied());
        json!({
            "source": statement.source, "by": by, "from": statement.started_on, "to": statement.ended_on,
            "known": words::instant(self.app, statement.known_since),
        })
    }

    /// What the person may do about a node: `{href, text}`.
    fn links(&self, node: &Node) -> Vec<Value> {
        if matches!(self.contract.status, ContractStatus::Ended | ContractStatus::Voided) {
            return Vec::new();
        }
        let mut links = Vec::new();
        let mut add = |href: String, text: &str| links.push(json!({ "href": href, "text": ours(text) }));
        let new = |what: &str| {
            format!("/contracts/{}/applications/new?{what}={}", self.contract.id, node.engagement_id)
        };
        if self.call.actor.may(Permission::FileApplication) {
            if self.may_apply_below(node) {
                add(new("parent"), "この下の再委託を申請する");
            }
            if self.may_apply_for(node) {
                let text = if node.consents.is_empty() {
                    "承認を申請する"
                } else {
                    "変更・延長の承認を申請する"
                };
                add(new("engagement"), text);
            }
        }
        let holds =
            node.consents.iter().any(|held| held.valid_until >= self.app.today().max(held.valid_from));
        if self.call.actor.may(Permission::RevokeConsent) && node.tier > 1 && holds {
            add(format!("/engagements/{}/revoke", node.engagement_id), "承認を取り消す");
        }
        links
    }

    fn is_prime(&self) -> bool {
        self.view.root.tier == 1 && self.is_own(&self.view.root)
    }

    fn is_own(&self, node: &Node) -> bool {
        node.vendor.id == self.call.actor.organization.id
    }

    /// The vendor for the tier below itself, the prime for every tier; below one who is consented to today or will be.
    pub fn may_apply_below(&self, node: &Node) -> bool {
        let today = self.app.today();
        let holds = |held: &ConsentView| today.max(held.valid_from) <= held.valid_until;
        let stands = node.tier == 1 || node.consents.iter().any(holds);
        stands && (self.is_own(node) || self.is_prime())
    }

    /// For one that stands there already, unless an application waits.
    fn may_apply_for(&self, node: &Node) -> bool {
        let above = node.parent_engagement_id.and_then(|id| {
            nodes(self.view).into_iter().map(|(node, _)| node).find(|it| it.engagement_id == id)
        });
        node.state != NodeState::Applied && above.is_some_and(|above| self.may_apply_below(above))
    }
}

/// The set of words and the code in it. The prime holds a contract, not a consent.
fn state(node: &Node) -> Value {
    let (of, code) = match (node.tier, node.state) {
        (1, NodeState::Ended) => ("contract", ContractStatus::Ended.as_str()),
        (1, _) if node.covered => ("contract", ContractStatus::Running.as_str()),
        (1, _) => ("contract", ContractStatus::Upcoming.as_str()),
        (_, state) => ("node", state.as_str()),
    };
    json!({ "of": of, "code": code })
}

/// The days on which something changed, the latest first: looked at, they tell how it came.
pub fn turning_days(view: &ChainView) -> Vec<NaiveDate> {
    let mut days = BTreeSet::new();
    for (node, _) in nodes(view) {
        for held in node.consents.iter().filter(|held| held.valid_from <= held.valid_until) {
            days.extend([Some(held.valid_from), held.valid_until.succ_opt()].into_iter().flatten());
        }
        for said in &node.statements {
            days.insert(said.started_on);
            days.extend(said.ended_on.and_then(|end| end.succ_opt()));
        }
        days.extend(node.uncovered_causes.iter().flat_map(|it| [Some(it.from), it.to.succ_opt()]).flatten());
    }
    days.into_iter().rev().take(MOST_DAYS).collect()
}
