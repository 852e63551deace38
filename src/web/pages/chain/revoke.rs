//! 承認取消し.

use serde_json::{Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, check_gravely, form, page};
use super::super::visit::Visit;
use super::super::words;
use crate::domain::access::Permission;
use crate::service::chain::{self, Node};
use crate::service::consent::{self, RevocationInput};
use crate::service::contract::{self, ContractView};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("effective_on", "効力を失う最初の日"), ("reason", "理由")];

pub fn routes() -> Vec<PageRoute> {
    form("/engagements/{id}/revoke", LABELS).needs(Permission::RevokeConsent, show, act)
}

fn place(app: &App, call: &Call, visit: &Visit) -> Result<(ContractView, Node), Failure> {
    let (contract, node) = chain::place(app, call, visit.id("id")?)?;
    Ok((contract::get(app, call, contract)?, node))
}

/// Everyone below, who is uncovered with it.
fn below(node: &Node) -> Vec<String> {
    let own = |child: &Node| format!("{}（{}）", child.vendor.name, words::tier(child.tier));
    node.children.iter().flat_map(|child| [vec![own(child)], below(child)].concat()).collect()
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (contract, node) = place(app, call, visit)?;
    let consents: Vec<Value> = node
        .consents
        .iter()
        .filter(|held| held.valid_until >= app.today().max(held.valid_from))
        .map(|held| json!({ "from": held.valid_from, "until": held.valid_until, "recorded": held.recorded }))
        .collect();
    let context = json!({
        "contract": contract, "id": node.engagement_id, "name": node.vendor.name, "tier": words::tier(node.tier),
        "in_use": node.in_use, "consents": consents, "below": below(&node),
    });
    let shown = page("chain/revoke.html", "承認の取消し", context)
        .under_contract(&contract)
        .under(format!("/contracts/{}/chain", contract.id), "再委託");
    Ok(shown.filled(&json!({ "effective_on": app.today() })))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: RevocationInput = visit.input()?;
    let (contract, node) = place(app, call, visit)?;
    let answers = [
        ("契約", format!("{} {}", contract.number, contract.title)),
        ("再委託先", node.vendor.name.clone()),
        ("効力を失う最初の日", words::day(given.effective_on)),
        ("理由", given.reason.clone()),
        ("同じ日から効力を失う下位の再委託先", below(&node).join("\n")),
    ];
    if let Some(asked) = check_gravely(visit, "承認を取り消してよいか確かめる", "承認を取り消す", &answers)
    {
        return Ok(asked);
    }
    let done = consent::revoke(app, call, node.engagement_id, &given)?;
    let code = if done.changed { "revoked" } else { "nothing_revoked" };
    Ok(Outcome::Moved(format!("/contracts/{}/chain?done={code}", done.contract_id)))
}
