//! A declaration being filed: what was said last time is copied in, and said again with one button where nothing changed.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::super::own::ours;
use super::super::place::Places;
use super::super::route::{Labels, Outcome, Page, PageRoute, checked, form, joined, page};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use crate::domain::access::Permission;
use crate::domain::id::ContractId;
use crate::service::contract::{self, ContractView};
use crate::service::declaration::{self, DeclarationInput, DeclaredUse, DeclaredView, LeftOut};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[
    ("period/from", "対象期間の初日"),
    ("period/to", "対象期間の末日"),
    ("as_last_time", "変更なし"),
    ("none", "再委託なし"),
    ("engagements", "再委託先"),
    ("engagements/engagement_id", "再委託先"),
    ("engagements/parent_engagement_id", "どの受託者の下か"),
    ("engagements/vendor_id", "事業者"),
    ("engagements/vendor", "事業者"),
    ("engagements/vendor/name", "名称（商号）"),
    ("engagements/vendor/corporate_number", "法人番号"),
    ("engagements/vendor/country", "所在する国"),
    ("engagements/vendor/address", "所在地"),
    ("engagements/distinct", "別の事業者"),
    ("engagements/started_on", "使用の開始日"),
    ("engagements/ended_on", "使用の終了日"),
    ("engagements/scope", "業務の範囲"),
    ("engagements/country", "作業する国"),
    ("engagements/amount_yen", "金額"),
    ("engagements/persons/personal", "個人情報の人数"),
    ("engagements/persons/my_number", "マイナンバーの人数"),
    ("engagements/persons/sensitive", "要配慮個人情報の人数"),
];

pub fn routes() -> Vec<PageRoute> {
    form("/contracts/{id}/declarations/new", LABELS).needs(Permission::Declare, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let id: ContractId = visit.id("id")?;
    let contract = contract::get(app, call, id)?;
    let draft = declaration::draft(app, call, id)?;
    let today = app.today();
    // What has not begun can't be reported yet.
    let owed = draft.period.as_ref().is_some_and(|period| period.from <= today);
    let known = match (&draft.period, owed) {
        (Some(period), true) => json!({ "from": period.from, "to": period.to }),
        _ => {
            json!({ "from": contract.starts_on, "to": today.min(contract.last_day).max(contract.starts_on) })
        }
    };
    let rows = if visit.is_sent { visit.form.rows("engagements") } else { draft.engagements.len() };
    let context = json!({
        "contract": contract,
        "draft": draft,
        "owed": owed,
        "over": draft.period.as_ref().and_then(|period| period.to).is_some_and(|to| to <= today),
        "rows": rows_to_show(visit, rows),
    });
    let context = joined(Places::open(app, call, id)?.context(), context);
    let copied: Vec<Value> = draft.engagements.iter().map(copy).collect();
    let copied = json!({ "period": known, "engagements": copied });
    Ok(page("declaration/new.html", "再委託状況報告", context).under_contract(&contract).filled(&copied))
}

/// A use as the form's fields hold it.
fn copy(last: &DeclaredUse) -> Value {
    let mut fields = json!(last);
    if let Value::Object(fields) = &mut fields {
        fields.remove("vendor_name");
    }
    fields
}

/// Those that are filled, or one to begin with; another where it was asked for.
fn rows_to_show(visit: &Visit, filled: usize) -> usize {
    match visit.form.mark("_again") {
        Some("row") => filled + 1,
        _ => filled.max(1),
    }
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let id: ContractId = visit.id("id")?;
    let places = Places::open(app, call, id)?;
    let given: DeclarationInput = visit.completed(|body| complete(body, &places))?;
    // Nothing was typed where nothing has changed: there is nothing to be looked at once more.
    if !given.as_last_time {
        let answers = answers(&given, &places);
        let answers: Vec<(&str, String)> =
            answers.iter().map(|(label, text)| (label.as_str(), text.clone())).collect();
        if visit.form.mark("_sure").is_none() {
            let contract = contract::get(app, call, id)?;
            let checked = checked(visit, "報告する内容を確かめる", "報告する", &answers);
            // As it would be taken: what it leaves out, and what of it the contract does not allow.
            let would = app.rehearse(|app| declaration::declare(app, call, id, &given))?;
            let cautions = cautions(&given, &would, &contract, app.today());
            let checked =
                Page { context: joined(checked.context, json!({ "cautions": cautions })), ..checked };
            return Ok(Outcome::Shown(checked.under_contract(&contract)));
        }
    }
    let declared = declaration::declare(app, call, id, &given)?;
    Ok(Outcome::Moved(format!("{}?done=declared", address(declared.id))))
}

/// What looks like a slip of the pen. No rule of the contract refuses a report (api.md), so it is asked about only.
fn cautions(
    given: &DeclarationInput,
    would: &DeclaredView,
    contract: &ContractView,
    today: NaiveDate,
) -> Vec<String> {
    let mut cautions: Vec<String> = would.left_out.iter().map(left_out).collect();
    cautions.extend(would.beyond.iter().map(|text| ours(text)));
    if let Some(rest) = today.succ_opt().filter(|next| *next <= given.period.to) {
        let (rest, to) = (words::day(rest.max(given.period.from)), words::day(given.period.to));
        cautions.push(ours(&format!(
            "報告したことになるのは今日までの日です。{rest}から{to}までは、その日が過ぎてから改めて報告してください。"
        )));
    }
    for (place, said) in given.engagements.iter().enumerate() {
        let (row, from) = (place + 1, words::day(said.started_on));
        if said.started_on > given.period.to {
            let to = words::day(given.period.to);
            cautions.push(ours(&format!(
                "再委託先 {row}: 使用の開始日（{from}）が、対象期間の末日（{to}）より後です。"
            )));
        }
        if said.started_on > contract.last_day {
            let last = words::day(contract.last_day);
            cautions.push(ours(&format!(
                "再委託先 {row}: 使用の開始日（{from}）が、契約の終了日（{last}）より後です。"
            )));
        }
        let over = contract::over_amount(contract.amount_yen, said.amount_yen.unwrap_or(0));
        let more = contract::over_persons(contract.data.as_deref(), &said.volumes());
        let slips = over.into_iter().chain(more);
        cautions.extend(slips.map(|text| ours(&format!("再委託先 {row}: {text}"))));
    }
    if !would.beyond.is_empty() {
        cautions.push(ours(
            "契約と違っていても、事実であればこのまま報告してください。報告は受け付け、委託元に知らせます。",
        ));
    }
    cautions
}

/// What is asked of a use that the last report had and this one does not: whether it has ended, and how to tell it.
fn left_out(one: &LeftOut) -> String {
    let (name, from) = (&one.vendor_name, words::day(one.started_on));
    ours(&format!(
        "前回の報告で使用中だった「{name}」（{from}から）が、この報告にありません。使用は終わりましたか。終わったときは、「入力に戻る」から再委託先の欄を増やして{name}を選び、使用の終了日を入力してください。このまま報告すると、引き続き使用中として扱います。"
    ))
}

/// The parts that a blank form lacks, so that what is missing is named by its own field.
fn complete(body: &mut Map<String, Value>, places: &Places) {
    body.entry("period").or_insert_with(|| json!({}));
    let Some(Value::Array(uses)) = body.get_mut("engagements") else { return };
    for said in uses.iter_mut().filter_map(Value::as_object_mut) {
        places.complete(said);
    }
}

fn answers(given: &DeclarationInput, places: &Places) -> Vec<(String, String)> {
    let period = format!("{}〜{}", words::day(given.period.from), words::day(given.period.to));
    let mut answers = vec![("対象期間".to_owned(), period)];
    if given.none {
        answers.push(("再委託".to_owned(), "なし".to_owned()));
    }
    let uses = given.engagements.iter().zip(1..);
    answers.extend(uses.map(|(said, place)| (format!("再委託先 {place}"), places.describe(said))));
    answers
}
