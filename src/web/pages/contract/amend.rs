//! 変更契約, and the department in charge.

use serde_json::{Map, Value, json};

use super::super::form::Form;
use super::super::route::{Labels, Outcome, Page, PageRoute, check, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use super::compared;
use super::register::{LABELS, choices};
use crate::domain::access::Permission;
use crate::domain::input::{Input, Mode, parse};
use crate::service::contract::{self, Amendment, ContractPatch, ContractView, TermsView};
use crate::service::{App, Call, Failure, idempotency};

const DEPARTMENT: &Labels = &[("department", "担当部署")];

pub fn routes() -> Vec<PageRoute> {
    [
        form("/contracts/{id}/amend", LABELS).needs(Permission::ChangeContract, show, act),
        form("/contracts/{id}/department", DEPARTMENT).needs(
            Permission::ChangeContract,
            show_department,
            set_department,
        ),
    ]
    .concat()
}

/// What of the contract's terms can be changed, as the form names it.
fn terms(contract: &ContractView) -> Value {
    json!({
        "title": contract.title, "fiscal_year": contract.fiscal_year, "amount_yen": contract.amount_yen,
        "unit_price": contract.unit_price,
        "signed_on": contract.signed_on, "starts_on": contract.starts_on, "ends_on": contract.ends_on,
        "scope": contract.scope, "data": contract.data, "subcontracting": contract.subcontracting,
        "declaration_interval": contract.declaration_interval, "return_due_days": contract.return_due_days,
    })
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let context = json!({ "contract": contract, "choices": choices(app, call)? });
    Ok(page("contract/amend.html", "変更契約の登録", context)
        .under_contract(&contract)
        .filled(&terms(&contract))
        .of_version(contract.version))
}

/// Only what differs from the terms as shown is a change: terms agreed for a later day keep what they say of the rest.
pub fn differing<I: Input>(visit: &Visit, shown: &Value) -> Result<I, Failure> {
    let shown = Form::filled(shown);
    let kept = |name: &str, value: &Value| shown.body().get(name) == Some(value);
    let body: Map<String, Value> = visit
        .form
        .body()
        .iter()
        .filter(|(name, value)| !kept(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    parse(&Value::Object(body), Mode::Lenient).map_err(Failure::Invalid)
}

/// What a check page says of new terms: what changes from what to what, and what to make sure of.
pub fn answers(
    first: Vec<(&'static str, String)>,
    (before, after): (&TermsView, &TermsView),
    asked: &[String],
) -> Result<Vec<(&'static str, String)>, Failure> {
    let differing = compared::told(before, after);
    if differing.is_empty() {
        return Err(Failure::field("", "nothing_changed", "変更する項目を1つ以上、書き換えてください。"));
    }
    let mut answers = first;
    answers.extend(differing);
    if !asked.is_empty() {
        answers.push(("確かめてください", asked.join("\n")));
    }
    Ok(answers)
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    if visit.form.mark("_sure").is_some()
        && let Some(amended) = idempotency::kept::<ContractView>(app, call)?
    {
        return Ok(moved(&amended));
    }
    // What was changed meanwhile would look like changed back.
    visit.version().covers(contract.version)?;
    let given: Amendment = differing(visit, &terms(&contract))?;
    let (before, after, asked) = contract::questions_of(app, call, contract.id, &given)?;
    let first =
        vec![("効力が生じる日", words::day(given.effective_on)), ("変更の理由", given.reason.clone())];
    let answers = answers(first, (&before, &after), &asked)?;
    if let Some(asked) = check(visit, "変更する内容を確かめる", "変更契約を登録する", &answers)
    {
        return Ok(asked);
    }
    let amended = contract::amend(app, call, contract.id, &given)?;
    Ok(moved(&amended))
}

fn moved(amended: &ContractView) -> Outcome {
    Outcome::Moved(format!("{}?done=amended", address(amended)))
}

fn show_department(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let context = json!({ "contract": contract, "choices": choices(app, call)? });
    let shown = page("contract/department.html", "担当部署を改める", context).under_contract(&contract);
    Ok(shown.filled(&json!({ "department": contract.department })).of_version(contract.version))
}

fn set_department(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: ContractPatch = visit.input()?;
    if given.department.is_none() {
        return Err(Failure::field("/department", "required", "担当部署を入力してください。"));
    }
    let changed = contract::patch(app, call, visit.id("id")?, &visit.version(), &given)?;
    Ok(Outcome::Moved(format!("{}?done=department", address(&changed))))
}
