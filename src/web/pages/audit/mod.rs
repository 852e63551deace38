//! 検査: the plan of a 年度, one contract's, planned, done, cancelled; 指摘.

mod act;
mod contract;
mod many;
mod one;
mod plan;
mod year;

use chrono::NaiveDate;
use serde::Serialize;

use super::own::ours;
use super::route::{Page, PageRoute};
use crate::domain::access::{Actor, OrganizationKind};
use crate::domain::chain::NodeState;
use crate::domain::id::{ContractId, EngagementId};
use crate::service::audit::{AuditResult, AuditView, FindingView};
use crate::service::chain::{self, ChainView, Node};
use crate::service::contract::ContractView;
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    [year::routes(), contract::routes(), plan::routes(), many::routes(), one::routes(), act::routes()]
        .concat()
}

/// What the pages of audits are called: a vendor reads here what was found at its places.
fn heading(actor: &Actor) -> &'static str {
    if actor.organization.kind == OrganizationKind::Vendor { "検査と指摘" } else { "検査" }
}

/// Where an audit stands: a code of the words `standing`. One still due when the contract ended is asked of nobody.
fn standing(
    result: Option<AuditResult>,
    cancelled_on: Option<NaiveDate>,
    overdue: bool,
    lapsed: bool,
) -> &'static str {
    match result {
        Some(result) => result.as_str(),
        None if cancelled_on.is_some() => "cancelled",
        None if overdue => "overdue",
        None if lapsed => "lapsed",
        None => "planned",
    }
}

fn standing_of(audit: &AuditView, contract: &ContractView, today: NaiveDate) -> &'static str {
    let lapsed = audit.due_on > contract.last_day;
    standing(audit.result, audit.cancelled_on, !lapsed && audit.due_on < today, lapsed)
}

/// Where a finding stands: a code of the words `finding`. Nobody has recorded that it is put right, it is late after its
/// 改善の期限.
fn standing_of_finding(finding: &FindingView, today: NaiveDate) -> &'static str {
    match finding.confirmed_on {
        Some(_) => "confirmed",
        None if finding.due_on < today => "late",
        None => "unconfirmed",
    }
}

/// Whether it can still be done or cancelled.
fn is_open(audit: &AuditView) -> bool {
    audit.done_on.is_none() && audit.cancelled_on.is_none()
}

/// A place on a contract's chain, as the pages call it.
#[derive(Debug, Clone, Serialize)]
struct Place {
    id: EngagementId,
    tier: i32,
    name: String,
    state: NodeState,
}

/// The places of a contract that the caller sees, each before those below it.
fn places(app: &App, call: &Call, contract: ContractId) -> Result<Vec<Place>, Failure> {
    fn walk(node: &Node, into: &mut Vec<Place>) {
        let place = Place {
            id: node.engagement_id,
            tier: node.tier,
            name: node.vendor.name.clone(),
            state: node.state,
        };
        into.push(place);
        for child in &node.children {
            walk(child, into);
        }
    }
    let ChainView { root, roots, .. } = match chain::get(app, call, contract, None, None) {
        Ok(seen) => seen,
        Err(Failure::NotFound) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let mut found = Vec::new();
    let tops = if roots.is_empty() { vec![root] } else { roots };
    for top in &tops {
        walk(top, &mut found);
    }
    Ok(found)
}

/// Whose place is inspected: the prime's where none is named.
fn inspected(places: &[Place], audit: &AuditView) -> String {
    let place = match audit.engagement_id {
        Some(id) => places.iter().find(|place| place.id == id),
        None => places.iter().find(|place| place.tier == 1),
    };
    place.map_or_else(|| ours("受託者"), |place| format!("{}（第{}層）", place.name, place.tier))
}

/// What an audit is called among others.
fn title(audit: &AuditView) -> String {
    format!("{}（期限 {}）", audit.kind.label(), audit.due_on)
}

impl Page {
    /// The page under a contract's audits.
    #[must_use]
    fn under_audits(self, actor: &Actor, contract: &ContractView) -> Self {
        let path = format!("/contracts/{}/audits", contract.id);
        self.under_contract(contract).under(path, heading(actor))
    }
}
