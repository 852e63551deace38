//! Published files: what gBizINFO's and the portal's have in common, and the awards of the central procurement portal.

use chrono::NaiveDate;

use super::codes::{BID_METHODS, MINISTRIES, SEVERAL_WINNERS, label};
use super::{Agencies, ImportedContract, ImportedVendor, Origin, digest};
use crate::domain::calendar::{fiscal_year, fiscal_year_range};
use crate::domain::limits::{MAX_COMPANY, MAX_NUMBER, MAX_TITLE};
use crate::domain::text::search_key;
use crate::exchange::cell::{
    Cell, RowReader, amount, company_name, contract_title, corporate_number, day, line, number_text, quote,
    wrong,
};
use crate::exchange::table::Row;

/// The portal's columns; its files have no header.
const PORTAL: [&str; 8] = [
    "調達案件番号",
    "調達案件名称",
    "落札決定日",
    "落札価格",
    "府省コード",
    "入札方式コード",
    "商号又は名称",
    "法人番号",
];

/// Longest list of names in one cell, and longest name.
pub(super) const MAX_NAMES: usize = 5_000;
const MAX_NAME: usize = 300;
/// Longest number of a case.
const MAX_CASE: usize = 60;

pub(super) fn portal_names() -> Vec<String> {
    PORTAL.iter().enumerate().map(|(index, name)| format!("{}列目（{name}）", index + 1)).collect()
}

/// How many columns the portal's files have.
pub(super) const PORTAL_WIDTH: usize = PORTAL.len();

/// Eight columns, of which the fifth or the sixth holds a code of the portal.
pub(super) fn looks_like_portal(cells: &[&str]) -> bool {
    let Some(([_, _, _, _, ministry, method, _, _], beyond)) = cells.split_first_chunk::<PORTAL_WIDTH>()
    else {
        return false;
    };
    beyond.iter().all(|cell| cell.is_empty())
        && (label(MINISTRIES, ministry).is_some() || label(BID_METHODS, method).is_some())
}

/// Whose row it is, also where the row is bad elsewhere. Empty: it doesn't say.
pub(super) fn portal_agencies(row: &Row) -> Agencies {
    let code = row.cells.get(4).map(|cell| cell.trim()).unwrap_or_default();
    match MINISTRIES.iter().find(|(known, _)| *known == code) {
        Some((code, name)) => Agencies { names: vec![(*name).to_owned()], code: Some(code) },
        None => Agencies::default(),
    }
}

pub(super) fn portal(reader: &mut RowReader, row: &Row, today: NaiveDate) -> Option<ImportedContract> {
    let case = reader.required(0, number_text(MAX_CASE));
    let title = reader.required(1, contract_title(MAX_TITLE));
    let signed_on = reader.required(2, day(today));
    let amount_yen = reader.required(3, amount);
    let ministry = reader.required(4, |text| code(MINISTRIES, text));
    let method = reader.required(5, |text| code(BID_METHODS, text));
    let name = reader.required(6, company_name(MAX_COMPANY));
    let corporate_number = reader.optional(7, corporate_number);
    let several = SEVERAL_WINNERS.contains(&reader.text(5));
    let vendor = ImportedVendor { name: Some(name?), corporate_number };
    let case = case?;
    // Several winners of one case make several contracts: the winner tells them apart.
    let number = if several {
        let winner = corporate_number.map(|number| number.to_string());
        let winner = winner.or_else(|| vendor.name.as_deref().map(search_key)).unwrap_or_default();
        let number = format!("{case}-{winner}");
        // A number is no longer than others are.
        if number.chars().count() > MAX_NUMBER { format!("{case}-{}", digest(&winner)) } else { number }
    } else {
        case
    };
    let mut contract = one_day(Origin::Portal, number, title?, signed_on?, amount_yen?, vendor);
    ministry?;
    contract.agencies = portal_agencies(row);
    contract.bid_method = method;
    Some(contract)
}

/// A contract of which only the day of order or award is published.
pub(super) fn one_day(
    origin: Origin,
    number: String,
    title: String,
    on: NaiveDate,
    amount_yen: i64,
    vendor: ImportedVendor,
) -> ImportedContract {
    ImportedContract {
        origin,
        number,
        title,
        fiscal_year: fiscal_year(on),
        vendor,
        joint_vendors: Vec::new(),
        agencies: Agencies::default(),
        amount_yen,
        signed_on: on,
        starts_on: on,
        ends_on: fiscal_year_range(fiscal_year(on)).1,
        period_assumed: true,
        bid_method: None,
        scope: None,
        data: Vec::new(),
        policy: None,
        minor_limit_yen: None,
        max_tier: None,
        max_ratio_percent: None,
        overseas: None,
        declaration_interval: None,
        return_due_days: None,
        unit_price: None,
        department: None,
    }
}

fn code(table: &'static [(&'static str, &'static str)], text: &str) -> Cell<&'static str> {
    match label(table, text) {
        Some(label) => Ok(label),
        None => wrong("unknown_code", format!("{}は調達ポータルのコード表にありません。", quote(text))),
    }
}

/// Names between separators. A comma before Ltd, Inc and the like is part of a company's name.
pub(super) fn names(text: &str, separators: &[char]) -> Cell<Vec<String>> {
    line(MAX_NAMES)(text)?;
    let mut names: Vec<String> = Vec::new();
    for part in text.split(separators).map(str::trim).filter(|part| !part.is_empty()) {
        let key = search_key(part);
        let tail =
            ["ltd", "inc", "llc", "corp", "limited", "co.", "plc"].iter().any(|form| key.starts_with(form))
                && key.len() <= "limited.".len();
        match names.last_mut() {
            Some(name) if tail => *name = format!("{name}, {part}"),
            _ => names.push(part.to_owned()),
        }
    }
    match names.iter().find(|name| name.chars().count() > MAX_NAME) {
        Some(long) => wrong("too_long", format!("{}が{MAX_NAME}文字を超えています。", quote(long))),
        None if names.is_empty() => wrong("required", format!("{}に名称がありません。", quote(text))),
        None => Ok(names),
    }
}
