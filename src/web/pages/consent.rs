//! 既承認: consents given on paper, entered here later; and all consents across contracts.

use serde_json::json;

use super::place::{Places, volumes};
use super::route::{Labels, Outcome, Page, PageRoute, check, form, joined, look, page};
use super::visit::Visit;
use super::words;
use crate::domain::access::Permission;
use crate::domain::id::ContractId;
use crate::domain::text::contains_my_number;
use crate::service::consent::list::Entered;
use crate::service::consent::{self, RecordedConsentInput};
use crate::service::{App, Call, Failure, contract};

const LABELS: &Labels = &[
    ("parent_engagement_id", "どの受託者の下か"),
    ("vendor_id", "再委託先の事業者"),
    ("vendor", "再委託先の事業者"),
    ("vendor/name", "名称（商号）"),
    ("vendor/corporate_number", "法人番号"),
    ("vendor/country", "所在する国"),
    ("vendor/address", "所在地"),
    ("distinct", "別の事業者"),
    ("scope", "業務の範囲"),
    ("amount_yen", "金額"),
    ("persons/personal", "個人情報の人数"),
    ("persons/my_number", "マイナンバーの人数"),
    ("persons/sensitive", "要配慮個人情報の人数"),
    ("country", "作業する国"),
    ("decided_on", "決裁日"),
    ("document_number", "文書番号"),
    ("document_number_confirmed", "文書番号の確認"),
    ("valid_from", "開始日"),
    ("valid_until", "終了日"),
    ("note", "備考"),
];

pub fn routes() -> Vec<PageRoute> {
    let mut routes = form("/contracts/{id}/consents/new", LABELS).needs(Permission::RecordConsent, show, act);
    routes.push(look("/consents").needs(Permission::ReadConsents, list));
    routes
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let id: ContractId = visit.id("id")?;
    let contract = contract::get(app, call, id)?;
    let in_question = contains_my_number(visit.typed("document_number"));
    let more = json!({ "contract": contract, "number_in_question": in_question });
    let context = joined(Places::open(app, call, id)?.context(), more);
    let known = json!({ "parent_engagement_id": visit.query("parent") });
    Ok(page("consent/new.html", "既承認の登録", context).under_contract(&contract).filled(&known))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let id: ContractId = visit.id("id")?;
    let places = Places::open(app, call, id)?;
    let given: RecordedConsentInput = visit.completed(|body| places.complete(body))?;
    let persons: Vec<_> = given.data.iter().map(|item| (item.category, item.persons)).collect();
    let answers = [
        ("どの受託者の下か", places.label(given.parent_engagement_id)),
        ("再委託先の事業者", places.vendor(given.vendor_id, given.vendor.as_ref())),
        ("業務の範囲", given.scope.clone()),
        ("金額", format!("{}円", words::thousands(given.amount_yen))),
        ("取り扱う個人情報", words::or_not_said(Some(&volumes(&persons)))),
        ("作業する国", given.country.as_deref().map(words::country).unwrap_or_default()),
        ("決裁日", words::day(given.decided_on)),
        ("文書番号", given.document_number.clone()),
        ("期間", format!("{}〜{}", words::day(given.valid_from), words::day(given.valid_until))),
        ("備考", words::or_not_said(given.note.as_deref())),
    ];
    let contract = contract::get(app, call, id)?;
    let over = contract::over_amount(contract.amount_yen, given.amount_yen);
    let answers = answers.into_iter().chain(over.map(|text| ("確かめてください", text))).collect::<Vec<_>>();
    if let Some(asked) = check(visit, "既承認として登録してよいか確かめる", "既承認として登録する", &answers)
    {
        return Ok(asked);
    }
    consent::record(app, call, id, &given)?;
    Ok(Outcome::Moved(format!("/contracts/{id}/chain?done=recorded")))
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let entered: Option<Entered> = visit.query_word("recorded");
    let consents = consent::list::list(app, call, entered, &visit.page()?)?;
    let context = json!({
        "consents": consents.items,
        "pager": visit.pager(&consents),
        "narrowed": visit.is_narrowed(),
    });
    Ok(page("consent/list.html", "承認の一覧", context).filled(&visit.query))
}
