//! The chain as its component draws it: nodes from the top down, each with its facts in words. The tree is given as a
//! list of steps down and up, for a chain may be deeper than templates nest. On a past day only those are drawn who had
//! been heard of by then. In a large chain what is in order folds, under each node by itself.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::super::own::ours;
use crate::domain;
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

/// A chain of more nodes folds what is in order.
const FOLDS_ABOVE: usize = 30;

/// Deeper than this a node names who stands above it: the lines no longer lead the eye.
const NAMES_ABOVE_FROM: i32 = 4;

/// At most as many of those in use without a consent are named above the picture.
const MOST_NAMED: usize = 10;

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

/// Every node in sight, each below its parent.
pub fn nodes(view: &ChainView) -> Vec<&Node> {
    fn walk<'a>(node: &'a Node, into: &mut Vec<&'a Node>) {
        into.push(node);
        for child in &node.children {
            walk(child, into);
        }
    }
    let mut all = Vec::new();
    for root in roots(view) {
        walk(root, &mut all);
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
        let (there, later): (Vec<&Node>, Vec<&Node>) =
            nodes(self.view).into_iter().partition(|node| self.is_there(node));
        let all = nodes(self.view);
        let names =
            all.iter().map(|node| (node.vendor.id, node.vendor.name.as_str())).collect::<HashMap<_, _>>();
        let places = all.iter().map(|node| (node.engagement_id, node.vendor.name.as_str())).collect();
        let mut pen = Pen {
            drawing: self,
            names,
            places,
            folds: there.len() > FOLDS_ABOVE,
            steps: Vec::with_capacity(there.len()),
        };
        for root in roots(self.view).iter().filter(|root| self.is_there(root)) {
            pen.draw(root);
        }
        let steps = pen.steps;
        let running: Vec<&&Node> = there.iter().filter(|node| is_running(node)).collect();
        let first_few = running.iter().take(MOST_NAMED);
        let as_of = self.view.as_of;
        json!({
            "as_of": as_of,
            "today": as_of == self.app.today(),
            "steps": steps,
            "count": there.len(),
            "alone": there.first().filter(|_| there.len() == 1).map(|node| node.tier),
            "large": there.len() > FOLDS_ABOVE,
            "running": running.len(),
            "named": first_few.map(|node| json!({ "id": node.engagement_id, "name": node.vendor.name })).collect::<Vec<_>>(),
            "unnamed": running.len().saturating_sub(MOST_NAMED),
            "later": later.iter().map(|node| later_on(node)).collect::<Vec<_>>(),
        })
    }

    /// Whether it had been heard of by the day that is looked at. From today on everyone known has.
    fn is_there(&self, node: &Node) -> bool {
        self.view.as_of >= self.app.today() || node.since <= self.view.as_of
    }

    fn node(&self, node: &Node, above: Option<&str>, names: &HashMap<OrganizationId, &str>) -> Value {
        let days: Vec<Value> = node
            .uncovered_causes
            .iter()
            .filter(|it| self.is_told(it.from))
            .map(|it| self.uncovered(it))
            .collect();
        let consents = node.consents.iter().filter(|it| self.is_told(it.decided_on));
        let statements = node.statements.iter().filter(|it| {
            let told_on = self.app.sources.clock.day_of(it.known_since);
            self.is_told(it.started_on.min(told_on))
        });
        json!({
            "id": node.engagement_id,
            "name": node.vendor.name,
            "number": node.vendor.corporate_number,
            "abroad": (node.vendor.country != HOME).then(|| domain::country::name(&node.vendor.country)),
            "tier": words::tier(node.tier),
            "prime": node.tier == 1,
            "above": above,
            "top": node.parent.is_some(),
            "deep": node.tier > NAMES_ABOVE_FROM,
            "state": state(node, self.view.as_of),
            "exempt": is_exempt(node, self.view.as_of),
            "covered": node.covered,
            "in_use": node.in_use,
            "uncovered": days,
            "bad": is_running(node),
            "marked": self.marked == Some(node.engagement_id),
            "data": node.data,
            "consents": consents.map(|it| self.consent(it)).collect::<Vec<_>>(),
            "statements": statements.map(|it| self.statement(it, names)).collect::<Vec<_>>(),
            "other_names": node.other_names,
            "links": if self.acts { self.links(node) } else { Vec::new() },
        })
    }

    /// Whether what began or was decided on that day belongs to the picture: of a past day nothing that came after it.
    fn is_told(&self, day: NaiveDate) -> bool {
        self.view.as_of >= self.app.today() || day <= self.view.as_of
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
        let above = node
            .parent_engagement_id
            .and_then(|id| nodes(self.view).into_iter().find(|it| it.engagement_id == id));
        node.state != NodeState::Applied && above.is_some_and(|above| self.may_apply_below(above))
    }
}

/// A chain on its way to the page: which steps have been drawn.
struct Pen<'a> {
    drawing: &'a Drawing<'a>,
    names: HashMap<OrganizationId, &'a str>,
    places: HashMap<EngagementId, &'a str>,
    folds: bool,
    steps: Vec<Value>,
}

impl<'a> Pen<'a> {
    /// The node, then those below it: who wants a look in the open, the others folded.
    fn draw(&mut self, node: &'a Node) {
        let above = node.parent_engagement_id.and_then(|id| self.places.get(&id).copied());
        let above = above.or(node.parent.as_ref().map(|parent| parent.name.as_str()));
        self.steps.push(json!({ "node": self.drawing.node(node, above, &self.names) }));
        let there = node.children.iter().filter(|child| self.drawing.is_there(child));
        let (open, folded): (Vec<&Node>, Vec<&Node>) =
            there.partition(|child| !self.folds || self.wants_a_look(child));
        if open.is_empty() && folded.is_empty() {
            self.steps.push(json!({ "leaf": true }));
            return;
        }
        self.steps.push(json!({ "down": true }));
        for child in open {
            self.draw(child);
        }
        if !folded.is_empty() {
            let count: usize = folded.iter().map(|child| self.count(child)).sum();
            let past = folded.iter().map(|child| self.count_past(child)).sum::<usize>();
            self.steps.push(json!({ "fold": { "count": count, "past": past } }));
            for child in folded {
                self.draw(child);
            }
            self.steps.push(json!({ "unfold": true }));
        }
        self.steps.push(json!({ "up": true }));
    }

    /// It or someone below it is used without a consent on that day, or is whom the picture is about.
    fn wants_a_look(&self, node: &Node) -> bool {
        let itself = is_running(node) || self.drawing.marked == Some(node.engagement_id);
        itself || self.below(node).any(|child| self.wants_a_look(child))
    }

    fn below<'n>(&self, node: &'n Node) -> impl Iterator<Item = &'n Node> {
        node.children.iter().filter(|child| self.drawing.is_there(child))
    }

    fn count(&self, node: &Node) -> usize {
        1 + self.below(node).map(|child| self.count(child)).sum::<usize>()
    }

    /// Who was used without a consent before.
    fn count_past(&self, node: &Node) -> usize {
        usize::from(!node.uncovered.is_empty())
            + self.below(node).map(|child| self.count_past(child)).sum::<usize>()
    }
}

/// In use without a consent on the day that is looked at.
fn is_running(node: &Node) -> bool {
    node.uncovered.iter().any(|days| days.to.is_none())
}

/// One that came onto the chain after the day that is looked at.
fn later_on(node: &Node) -> Value {
    json!({ "name": node.vendor.name, "tier": words::tier(node.tier), "since": node.since })
}

fn holds_on(node: &Node, day: NaiveDate) -> bool {
    node.consents.iter().any(|held| held.valid_from <= day && day <= held.valid_until)
}

/// Covered although no consent of its own holds: the contract asks for none.
fn is_exempt(node: &Node, day: NaiveDate) -> bool {
    node.tier > 1 && node.covered && !holds_on(node, day)
}

/// The set of words and the code in it. The prime holds a contract, not a consent.
fn state(node: &Node, as_of: NaiveDate) -> Value {
    let (of, code) = match (node.tier, node.state) {
        (1, NodeState::Ended) => ("contract", ContractStatus::Ended.as_str()),
        (1, _) if node.covered => ("contract", ContractStatus::Running.as_str()),
        (1, _) => ("contract", ContractStatus::Upcoming.as_str()),
        (_, NodeState::Unapproved) if is_exempt(node, as_of) => ("place", "exempt"),
        (_, NodeState::Consented) if !node.covered && holds_on(node, as_of) => ("place", "parent"),
        (_, NodeState::Consented) if !node.covered => ("place", "ahead"),
        (_, state) => ("node", state.as_str()),
    };
    json!({ "of": of, "code": code })
}

/// The days on which something changed, the latest first: looked at, they tell how it came.
pub fn turning_days(view: &ChainView) -> Vec<NaiveDate> {
    let mut days = BTreeSet::new();
    for node in nodes(view) {
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
