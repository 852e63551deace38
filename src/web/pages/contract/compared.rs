//! Terms beside each other: what a change or a correction makes of them, in words.

use super::super::words;
use super::register::{clause_of, data_of};
use crate::service::contract::TermsView;

/// What differs between two terms: the field, as it was and as it is.
pub fn compared(before: &TermsView, after: &TermsView) -> Vec<(&'static str, String, String)> {
    let yen = |amount: i64| format!("{}円", words::thousands(amount));
    let none = |text: Option<&String>| text.cloned().unwrap_or_else(|| "なし".to_owned());
    let said = |terms: &TermsView| {
        [
            ("件名", terms.title.clone()),
            ("年度", format!("{}年度", terms.fiscal_year)),
            ("契約金額", yen(terms.amount_yen)),
            ("単価（単価契約）", none(terms.unit_price.as_ref())),
            ("契約日", words::day(terms.signed_on)),
            ("開始日", words::day(terms.starts_on)),
            ("終了日", words::day(terms.ends_on)),
            ("委託する業務", terms.scope.clone()),
            ("取り扱う個人情報", data_of(&terms.data)),
            ("再委託の条件", clause_of(&terms.subcontracting)),
            ("再委託状況報告", words::told("interval", terms.declaration_interval.as_str())),
            ("返却・廃棄の期限", format!("契約の終了から{}日", terms.return_due_days)),
            ("担当部署", none(terms.department.as_ref())),
        ]
    };
    let pairs = said(before).into_iter().zip(said(after));
    let differing = pairs.filter(|((_, before), (_, after))| before != after);
    differing.map(|((label, before), (_, after))| (label, before, after)).collect()
}

/// The same, as a check page says it.
pub fn told(before: &TermsView, after: &TermsView) -> Vec<(&'static str, String)> {
    let compared = compared(before, after);
    compared.into_iter().map(|(label, before, after)| (label, format!("{before} → {after}"))).collect()
}
