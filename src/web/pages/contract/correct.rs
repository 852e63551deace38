//! Changes of a contract that are not in force yet taken back, and slips in its terms corrected.

use serde_json::{Value, json};

use super::super::route::{Outcome, Page, PageRoute, check, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::amend::{answers, differing};
use super::register::{LABELS, choices};
use super::{address, compared};
use crate::domain::access::Permission;
use crate::domain::contract::TermsKind;
use crate::domain::id::ContractId;
use crate::service::contract::{
    self, AmendmentView, ContractView, CorrectionAsked, TermsCorrection, TermsView,
};
use crate::service::{self, App, Call, Failure, idempotency};

pub fn routes() -> Vec<PageRoute> {
    [
        form("/contracts/{id}/amendments/withdraw", LABELS).needs(
            Permission::ChangeContract,
            show_withdrawal,
            withdraw,
        ),
        form("/contracts/{id}/amendments/correct", LABELS).needs(
            Permission::ChangeContract,
            show_correction,
            correct,
        ),
    ]
    .concat()
}

/// Every version of the terms, as recorded.
fn all(app: &App, call: &Call, id: ContractId) -> Result<Vec<AmendmentView>, Failure> {
    let most = service::Page { limit: service::page::MAX_LIMIT, after: None };
    Ok(contract::amendments(app, call, id, &most)?.items)
}

/// What of the terms is listed on the contract's own page: what changed them, the latest first.
pub fn changes(app: &App, call: &Call, id: ContractId) -> Result<Vec<Value>, Failure> {
    let all = all(app, call, id)?;
    let last = last_coming(&all).map(|it| it.seq);
    let shown = all.iter().rev().filter(|it| it.kind != TermsKind::Registered && !it.carried);
    Ok(shown.map(|it| change(it, last)).collect())
}

fn change(view: &AmendmentView, last_coming: Option<i64>) -> Value {
    let differing = view.before.as_ref().map(|before| compared::compared(before, &view.terms));
    json!({
        "seq": view.seq, "kind": view.kind, "effective_on": view.effective_on, "reason": view.reason,
        "coming": view.coming, "withdrawn": view.withdrawn,
        "can_withdraw": last_coming == Some(view.seq),
        "can_correct": view.kind == TermsKind::Amended && !view.withdrawn,
        "rows": differing.unwrap_or_default(),
    })
}

/// The change that can be taken back: of those to come, the last.
fn last_coming(all: &[AmendmentView]) -> Option<&AmendmentView> {
    let coming = all.iter().filter(|it| it.kind == TermsKind::Amended && it.coming);
    coming.max_by_key(|it| (it.effective_on, it.seq))
}

/// The version that is named in the form or the address; none named: `usual`.
fn chosen<'a>(
    visit: &Visit,
    all: &'a [AmendmentView],
    usual: Option<&'a AmendmentView>,
) -> Option<&'a AmendmentView> {
    let named = Some(visit.typed("seq")).filter(|text| !text.is_empty()).or_else(|| visit.query("seq"));
    match named {
        Some(text) => text.parse::<i64>().ok().and_then(|seq| all.iter().find(|it| it.seq == seq)),
        None => usual,
    }
}

fn show_withdrawal(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let all = all(app, call, contract.id)?;
    let last = last_coming(&all);
    let one = chosen(visit, &all, last).map(|it| change(it, last.map(|last| last.seq)));
    let context = json!({ "contract": contract, "one": one });
    Ok(page("contract/withdraw.html", "変更契約の取消し", context).under_contract(&contract))
}

fn withdraw(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given = visit.input()?;
    let withdrawn = contract::withdraw_amendment(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("{}?done=amendment_withdrawn", address(&withdrawn))))
}

/// The terms that a form of correction begins with: those that hold from the day of what is corrected on.
fn standing<'a>(all: &'a [AmendmentView], it: &AmendmentView) -> Option<&'a TermsView> {
    let same_day = all.iter().filter(|other| other.effective_on == it.effective_on);
    same_day.max_by_key(|other| other.seq).map(|other| &other.terms)
}

/// What is corrected: the version chosen, and the terms as they stand from its day on.
fn to_correct(visit: &Visit, all: &[AmendmentView]) -> Option<(AmendmentView, Value)> {
    let correctable =
        |it: &&AmendmentView| matches!(it.kind, TermsKind::Registered | TermsKind::Amended) && !it.withdrawn;
    let usual = all.iter().rfind(correctable);
    let it = chosen(visit, all, usual).filter(correctable)?;
    Some((it.clone(), serde_json::to_value(standing(all, it)?).unwrap_or_default()))
}

fn show_correction(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let all = all(app, call, contract.id)?;
    let found = to_correct(visit, &all);
    let terms = found.as_ref().map(|(_, terms)| terms.clone()).unwrap_or_default();
    let context = json!({
        "contract": contract, "choices": choices(app, call)?,
        "one": found.map(|(it, _)| json!({ "seq": it.seq, "kind": it.kind, "effective_on": it.effective_on })),
    });
    Ok(page("contract/correct.html", "契約条件の訂正", context)
        .under_contract(&contract)
        .filled(&terms)
        .of_version(contract.version))
}

fn correct(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    if visit.form.mark("_sure").is_some()
        && let Some(corrected) = idempotency::kept::<ContractView>(app, call)?
    {
        return Ok(moved(&corrected));
    }
    // What was changed meanwhile would look like changed back.
    visit.version().covers(contract.version)?;
    let all = all(app, call, contract.id)?;
    let (it, shown) = to_correct(visit, &all).ok_or_else(|| {
        Failure::field(
            "/seq",
            "unknown",
            "訂正する契約条件がありません。契約のページから選び直してください。",
        )
    })?;
    let given: TermsCorrection = differing(visit, &shown)?;
    let CorrectionAsked { before, after, asked, along } =
        contract::correction_asked(app, call, contract.id, &given)?;
    let what =
        format!("{}から効力のある{}", words::day(it.effective_on), words::told("terms", it.kind.as_str()));
    let first = vec![("訂正する契約条件", what), ("訂正の理由", given.reason.clone())];
    let mut answers = answers(first, (&before, &after), &asked)?;
    let along: Vec<String> = along.into_iter().map(|day| format!("{}から", words::day(day))).collect();
    let along = if along.is_empty() {
        "ありません。この契約条件の訂正だけを記録します。".to_owned()
    } else {
        format!("{}効力のある契約条件にも同じ誤りがあるため、あわせて訂正を記録します。", along.join("、"))
    };
    answers.push(("あわせて訂正するもの", along));
    if let Some(asked) = check(visit, "訂正する内容を確かめる", "訂正する", &answers) {
        return Ok(asked);
    }
    Ok(moved(&contract::correct_terms(app, call, contract.id, &given)?))
}

fn moved(corrected: &ContractView) -> Outcome {
    Outcome::Moved(format!("{}?done=terms_corrected", address(corrected)))
}
