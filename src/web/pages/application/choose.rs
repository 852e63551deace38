//! Where on the chain a vendor may file an application, to choose from.

use serde_json::{Value, json};

use super::super::chain::draw::{Drawing, nodes};
use super::super::route::{Page, page};
use super::super::words;
use crate::service::chain::{ChainView, Node};
use crate::service::contract::ContractView;
use crate::service::{App, Call};

/// The nodes below which the person's organization may apply.
pub fn parents<'a>(app: &App, call: &Call, contract: &ContractView, view: &'a ChainView) -> Vec<&'a Node> {
    let drawing = Drawing { app, call, contract, view, marked: None, acts: false };
    nodes(view).into_iter().filter(|node| drawing.may_apply_below(node)).collect()
}

/// The page on which one of them is chosen; none: it says why.
pub fn choose(contract: &ContractView, parents: &[&Node]) -> Page {
    let place = |node: &&Node| -> Value {
        json!({ "id": node.engagement_id, "name": node.vendor.name, "tier": words::tier(node.tier) })
    };
    let context = json!({ "contract": contract, "places": parents.iter().map(place).collect::<Vec<_>>() });
    page("application/choose.html", "再委託の承認を申請する", context).under_contract(contract)
}
