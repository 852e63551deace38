//! 契約の登録.

use serde_json::{Value, json};

use super::super::organization::{looked_for, vendor_label};
use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, checked, form, joined, page};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use crate::domain::access::Permission;
use crate::domain::calendar::fiscal_year;
use crate::domain::contract::{DeclarationInterval, Overseas, Policy};
use crate::domain::text::contains_my_number;
use crate::domain::text_enum::TextEnum;
use crate::service::contract::{self, DataItem, NewContract, RETURN_DUE_DAYS, SubcontractingInput};
use crate::service::{self, App, Call, Failure, organization, setting};

pub const LABELS: &Labels = &[
    ("number", "契約番号"),
    ("number_confirmed", "契約番号の確認"),
    ("title", "件名"),
    ("fiscal_year", "年度"),
    ("vendor_id", "受託者"),
    ("amount_yen", "契約金額"),
    ("unit_price", "単価"),
    ("signed_on", "契約日"),
    ("starts_on", "契約期間の開始日"),
    ("ends_on", "契約期間の終了日"),
    ("scope", "委託する業務"),
    ("persons/personal", "個人情報（全体）"),
    ("persons/my_number", "うちマイナンバー"),
    ("persons/sensitive", "うち要配慮個人情報"),
    ("subcontracting/policy", "再委託の可否"),
    ("subcontracting/max_tier", "階層の上限"),
    ("subcontracting/max_ratio_percent", "金額の割合の上限"),
    ("subcontracting/overseas", "国外での取扱い"),
    ("subcontracting/minor_limit_yen", "軽微な業務の上限額"),
    ("declaration_interval", "再委託状況報告"),
    ("return_due_days", "返却・廃棄の期限"),
    ("department", "担当部署"),
    ("effective_on", "効力が生じる日"),
    ("reason", "理由"),
    ("seq", "契約条件"),
];

pub fn routes() -> Vec<PageRoute> {
    form("/contracts/new", LABELS).needs(Permission::RegisterContract, show, act)
}

/// Choices of the fields of terms.
pub fn choices(app: &App, call: &Call) -> Result<Value, Failure> {
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let departments = setting::departments(app, call, &all)?.items;
    let departments: Vec<Value> =
        departments.into_iter().map(|it| json!({ "value": it.name, "label": it.name })).collect();
    Ok(json!({
        "policies": words::choices::<Policy>("policy"),
        "overseas": words::choices::<Overseas>("overseas"),
        "intervals": words::choices::<DeclarationInterval>("interval"),
        "departments": departments,
    }))
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    // The department of the officer's own contracts; of an agency that has only one, that one.
    let mut department = contract::usual_department(app, call)?;
    let choices = choices(app, call)?;
    let all = choices.get("departments").and_then(Value::as_array).map(Vec::as_slice);
    if let (None, Some([only])) = (&department, all) {
        department = only.get("value").and_then(Value::as_str).map(str::to_owned);
    }
    let context = json!({
        "choices": choices,
        "vendors": looked_for(app, call, visit, "vendor_id")?,
        "number_in_question": contains_my_number(visit.typed("number")),
    });
    let usual = json!({
        "department": department,
        "fiscal_year": fiscal_year(app.today()),
        "vendor_id": visit.query("vendor_id"),
        "subcontracting": {"policy": Policy::ConsentRequired.as_str(), "overseas": Overseas::Prohibited.as_str()},
        "declaration_interval": DeclarationInterval::Quarterly.as_str(),
        "return_due_days": RETURN_DUE_DAYS,
    });
    Ok(page("contract/new.html", "契約の登録", context).under("/contracts", "契約").filled(&usual))
}

fn word<E: TextEnum>(set: &str, one: E) -> String {
    words::told(set, one.as_str())
}

/// Persons by category, in words.
fn data(data: &[DataItem]) -> String {
    let one = |it: &DataItem| format!("{} {}人", word("data", it.category), words::thousands(it.persons));
    data.iter().map(one).collect::<Vec<_>>().join("、")
}

/// The clause in words.
fn clause(given: &SubcontractingInput) -> String {
    let mut lines = vec![word("policy", given.policy)];
    lines.extend(given.minor_limit_yen.map(|yen| format!("軽微な業務は{}円まで", words::thousands(yen))));
    lines.push(given.max_tier.map_or("階層: 定めなし".to_owned(), |tier| format!("階層: 第{tier}層まで")));
    lines.extend(given.max_ratio_percent.map(|percent| format!("金額の割合: {percent}％まで")));
    lines.push(format!("国外での取扱い: {}", word("overseas", given.overseas)));
    lines.join("\n")
}

fn answers(given: &NewContract, vendor: &str) -> Vec<(&'static str, String)> {
    let confirmed =
        if given.number_confirmed { "12桁の数字は個人番号ではありません" } else { "" };
    vec![
        ("契約番号", given.number.clone()),
        ("契約番号の確認", confirmed.to_owned()),
        ("件名", given.title.clone()),
        ("年度", format!("{}年度", given.fiscal_year)),
        ("受託者", vendor.to_owned()),
        ("契約金額", format!("{}円", words::thousands(given.amount_yen))),
        ("単価（単価契約）", given.unit_price.clone().unwrap_or_default()),
        ("契約日", words::day(given.signed_on)),
        ("契約期間", format!("{}〜{}", words::day(given.starts_on), words::day(given.ends_on))),
        ("委託する業務", given.scope.clone()),
        ("取り扱う個人情報", if given.data.is_empty() { "なし".to_owned() } else { data(&given.data) }),
        ("再委託の条件", clause(&given.subcontracting)),
        ("再委託状況報告", word("interval", given.declaration_interval)),
        ("返却・廃棄の期限", format!("契約の終了から{}日", given.return_due_days)),
        ("担当部署", given.department.clone().unwrap_or_default()),
    ]
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: NewContract = visit.input()?;
    let unknown = || Failure::field("/vendor_id", "unknown", "該当する事業者がありません。");
    let vendor = organization::find(app, call, given.vendor_id).map_err(|_| unknown())?.0;
    let mut answers = answers(&given, &vendor_label(&vendor));
    let similar = organization::similar(app, call, &vendor)?;
    if !similar.is_empty() {
        let names: Vec<String> = similar.iter().map(organization::SimilarName::told).collect();
        answers.push(("よく似た名前の事業者", names.join("\n")));
    }
    let asked = contract::questions(&given.terms(), app.today());
    if visit.form.mark("_sure").is_none() {
        let page = checked(visit, "登録する内容を確かめる", "この内容で登録する", &answers);
        let cautions: Vec<String> = asked.iter().map(|text| ours(text)).collect();
        return Ok(Page { context: joined(page.context, json!({ "cautions": cautions })), ..page }.into());
    }
    let made = contract::register(app, call, &given)?;
    Ok(Outcome::Moved(format!("{}?done=contract", address(&made))))
}
