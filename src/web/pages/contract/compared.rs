//! Terms beside each other: what a change or a correction makes of them, in words. A field with parts is compared part by
//! part, so that nobody has to look for the difference of two blocks.

use super::super::words;
use crate::domain::contract::DataCategory;
use crate::domain::text_enum::TextEnum;
use crate::service::contract::{SubcontractingView, TermsView};

/// What differs between two terms: the field or its part, as it was and as it is.
pub fn compared(before: &TermsView, after: &TermsView) -> Vec<(&'static str, String, String)> {
    let pairs = said(before).into_iter().zip(said(after));
    let differing = pairs.filter(|((_, before), (_, after))| before != after);
    differing.map(|((label, before), (_, after))| (label, before, after)).collect()
}

/// Every field and part by its label; the same ones in the same order of all terms.
fn said(terms: &TermsView) -> Vec<(&'static str, String)> {
    let none = |text: Option<&String>| text.cloned().unwrap_or_else(|| "なし".to_owned());
    let mut all = vec![
        ("件名", terms.title.clone()),
        ("年度", format!("{}年度", terms.fiscal_year)),
        ("契約金額", yen(terms.amount_yen)),
        ("単価（単価契約）", none(terms.unit_price.as_ref())),
        ("契約日", words::day(terms.signed_on)),
        ("開始日", words::day(terms.starts_on)),
        ("終了日", words::day(terms.ends_on)),
        ("委託する業務", terms.scope.clone()),
    ];
    all.extend(DataCategory::ALL.iter().map(|category| (volume_label(*category), volume(terms, *category))));
    all.extend(clause(&terms.subcontracting));
    all.extend([
        ("再委託状況報告", words::told("interval", terms.declaration_interval.as_str())),
        ("返却・廃棄の期限", format!("契約の終了から{}日", terms.return_due_days)),
        ("担当部署", none(terms.department.as_ref())),
    ]);
    all
}

fn volume_label(category: DataCategory) -> &'static str {
    match category {
        DataCategory::Personal => "取り扱う個人情報（全体）",
        DataCategory::MyNumber => "取り扱う個人情報（うちマイナンバー）",
        DataCategory::Sensitive => "取り扱う個人情報（うち要配慮個人情報）",
    }
}

fn volume(terms: &TermsView, category: DataCategory) -> String {
    let found = terms.data.iter().find(|volume| volume.category == category);
    found.map_or_else(|| "なし".to_owned(), |volume| format!("{}人", words::thousands(volume.persons)))
}

/// The conditions of subcontracting, one by one.
fn clause(given: &SubcontractingView) -> Vec<(&'static str, String)> {
    let none = || "定めなし".to_owned();
    vec![
        ("再委託の可否", words::told("policy", given.policy.as_str())),
        ("軽微な業務の上限額", given.minor_limit_yen.map_or_else(none, yen)),
        ("再委託の階層の上限", given.max_tier.map_or_else(none, |tier| format!("第{tier}層まで"))),
        (
            "再委託の金額の割合の上限",
            given.max_ratio_percent.map_or_else(none, |percent| format!("{percent}％")),
        ),
        ("国外での取扱い", words::told("overseas", given.overseas.as_str())),
    ]
}

fn yen(amount: i64) -> String {
    format!("{}円", words::thousands(amount))
}

/// The same, as a check page says it.
pub fn told(before: &TermsView, after: &TermsView) -> Vec<(&'static str, String)> {
    let compared = compared(before, after);
    compared.into_iter().map(|(label, before, after)| (label, format!("{before} → {after}"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::web::pages::own;

    fn terms(change: impl FnOnce(&mut Value)) -> TermsView {
        let mut terms = json!({
            "title": "架空業務", "fiscal_year": 2026, "amount_yen": 1_000_000, "signed_on": "2026-04-01",
            "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力",
            "data": [{"category": "personal", "persons": 1000}, {"category": "my_number", "persons": 5}],
            "subcontracting": {"policy": "consent_required", "max_tier": 3, "overseas": "prohibited", "max_ratio_percent": 50},
            "declaration_interval": "quarterly", "return_due_days": 14,
        });
        change(&mut terms);
        serde_json::from_value(terms).unwrap()
    }

    fn differing(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let told = told(&terms(|_| ()), &terms(change));
        told.into_iter().map(|(label, text)| own::finished(format!("{label}: {text}"), None)).collect()
    }

    #[test]
    fn of_a_field_with_parts_only_the_parts_that_changed_are_told() {
        assert!(differing(|_| ()).is_empty());
        let tier = |terms: &mut Value| terms["subcontracting"]["max_tier"] = json!(2);
        assert_eq!(differing(tier), ["再委託の階層の上限: 第3層まで → 第2層まで"]);
        let open = |terms: &mut Value| {
            terms["subcontracting"]["max_tier"] = Value::Null;
            terms["subcontracting"]["max_ratio_percent"] = Value::Null;
        };
        assert_eq!(
            differing(open),
            ["再委託の階層の上限: 第3層まで → 定めなし", "再委託の金額の割合の上限: 50％ → 定めなし"]
        );
        let data = |terms: &mut Value| {
            terms["data"] =
                json!([{"category": "personal", "persons": 1000}, {"category": "sensitive", "persons": 20}]);
        };
        assert_eq!(
            differing(data),
            [
                "取り扱う個人情報（うちマイナンバー）: 5人 → なし",
                "取り扱う個人情報（うち要配慮個人情報）: なし → 20人"
            ]
        );
    }
}
