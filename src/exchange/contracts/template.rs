//! itaku's own template: one Japanese header row, every field of a contract.

use chrono::NaiveDate;

use super::{Agencies, ImportedContract, ImportedVendor, Origin};
use crate::domain::calendar::fiscal_year;
use crate::domain::contract::{DataCategory, DataVolume, DeclarationInterval, Overseas, Policy};
use crate::domain::limits::{
    MAX_COMPANY, MAX_DEPARTMENT, MAX_NUMBER, MAX_RETURN_DAYS, MAX_SCOPE, MAX_TIER, MAX_TITLE, MAX_UNIT_PRICE,
};
use crate::domain::text::search_key;
use crate::exchange::cell::{
    Cell, RowReader, amount, company_name, contract_title, corporate_number, day, fiscal_year_cell, line,
    lines, number_text, persons, small, word, wrong,
};
use crate::exchange::table::FileError;

const NUMBER: &str = "契約番号";
pub(super) const TITLE: &str = "件名";
pub(super) const FISCAL_YEAR: &str = "年度";
pub(super) const VENDOR_NUMBER: &str = "受託者法人番号";
pub(super) const VENDOR_NAME: &str = "受託者名";
pub(super) const AMOUNT: &str = "契約金額（円）";
pub(super) const UNIT_PRICE: &str = "単価";
pub(super) const SIGNED_ON: &str = "契約日";
pub(super) const STARTS_ON: &str = "開始日";
pub(super) const ENDS_ON: &str = "終了日";
pub(super) const SCOPE: &str = "業務範囲";
pub(super) const PERSONAL: &str = "個人情報人数";
pub(super) const MY_NUMBER: &str = "マイナンバー人数";
pub(super) const SENSITIVE: &str = "要配慮人数";
pub(super) const POLICY: &str = "再委託";
pub(super) const MINOR_LIMIT: &str = "軽微の上限額（円）";
pub(super) const TIERS: &str = "最大階層";
pub(super) const MAX_RATIO: &str = "再委託比率上限（％）";
pub(super) const OVERSEAS: &str = "国外取扱い";
pub(super) const INTERVAL: &str = "報告間隔";
pub(super) const RETURN_DUE: &str = "返却期限日数";
pub(super) const DEPARTMENT: &str = "担当部署";

/// What stands in the number's cell of the example row; such a row is not taken.
const EXAMPLE: &str = "記入例";

/// Column, whether a file must have it, and what the example row shows. Of the vendor's two columns a file
/// must have one. The example's 法人番号 passes the check and can belong to nobody.
const COLUMNS: [(&str, bool, &str); 22] = [
    (NUMBER, true, EXAMPLE),
    (TITLE, true, "架空申請書データ入力業務"),
    (FISCAL_YEAR, false, "2026"),
    (VENDOR_NUMBER, false, "9000000000000"),
    (VENDOR_NAME, false, "株式会社架空データ"),
    (AMOUNT, true, "12000000"),
    (UNIT_PRICE, false, ""),
    (SIGNED_ON, true, "2026-04-01"),
    (STARTS_ON, true, "2026-04-01"),
    (ENDS_ON, true, "2027-03-31"),
    (SCOPE, false, "申請書の受領、入力、返却"),
    (PERSONAL, false, "1000"),
    (MY_NUMBER, false, "200"),
    (SENSITIVE, false, "0"),
    (POLICY, false, "事前承認"),
    (MINOR_LIMIT, false, ""),
    (TIERS, false, "3"),
    (MAX_RATIO, false, "50"),
    (OVERSEAS, false, "禁止"),
    (INTERVAL, false, "毎月"),
    (RETURN_DUE, false, "14"),
    (DEPARTMENT, false, "架空課"),
];

pub(super) const POLICIES: &[(&str, Policy)] = &[
    ("禁止", Policy::Prohibited),
    ("事前承認", Policy::ConsentRequired),
    ("三要件つき事前承認", Policy::ConditionalConsent),
    ("届出のみ", Policy::NoticeOnly),
    ("軽微を除き承認", Policy::MinorExempt),
    ("個人情報なし", Policy::NoPersonalData),
];
pub(super) const OVERSEAS_WORDS: &[(&str, Overseas)] =
    &[("禁止", Overseas::Prohibited), ("事前承認", Overseas::ConsentRequired)];
pub(super) const INTERVALS: &[(&str, DeclarationInterval)] = &[
    ("なし", DeclarationInterval::None),
    ("毎月", DeclarationInterval::Monthly),
    ("四半期", DeclarationInterval::Quarterly),
    ("毎年", DeclarationInterval::Yearly),
];

/// A column of the template, for those who fill it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateColumn {
    pub name: &'static str,
    pub is_required: bool,
    /// The words that can stand there; empty: it is free.
    pub words: Vec<&'static str>,
    /// What the example row shows; empty: nothing.
    pub example: &'static str,
}

/// Every column in its order.
pub fn columns() -> Vec<TemplateColumn> {
    let words = |name: &str| match name {
        POLICY => POLICIES.iter().map(|(word, _)| *word).collect(),
        OVERSEAS => OVERSEAS_WORDS.iter().map(|(word, _)| *word).collect(),
        INTERVAL => INTERVALS.iter().map(|(word, _)| *word).collect(),
        _ => Vec::new(),
    };
    let column = |(name, is_required, example): &(&'static str, bool, &'static str)| TemplateColumn {
        name,
        is_required: *is_required,
        words: words(name),
        example,
    };
    COLUMNS.iter().map(column).collect()
}

/// The empty template as a file: UTF-8 with a byte order mark (so that spreadsheets read it), CR LF, the header
/// and one example row, which is refused by name when left in.
pub fn template() -> Vec<u8> {
    let row = |cells: Vec<&str>| cells.join(",") + "\r\n";
    let header = row(COLUMNS.iter().map(|(name, _, _)| *name).collect());
    let example = row(COLUMNS.iter().map(|(_, _, example)| *example).collect());
    format!("\u{feff}{header}{example}").into_bytes()
}

/// Where a file has which column.
pub(super) struct Columns {
    /// The file's headers, in its order.
    names: Vec<String>,
}

/// Whether a first row is meant as the template's header: it has at least two of its columns.
pub(super) fn looks_like(cells: &[&str]) -> bool {
    cells.iter().filter(|cell| known(cell).is_some()).count() >= 2
}

/// The column that a header names, whatever its width and spaces.
fn known(header: &str) -> Option<&'static str> {
    let key = search_key(header);
    COLUMNS.iter().map(|(name, _, _)| *name).find(|name| search_key(name) == key)
}

impl Columns {
    /// Takes a header row in any order; says which columns are missing, unknown or twice there.
    pub(super) fn of(cells: &[&str]) -> Result<Self, FileError> {
        let mut problems = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            match known(cell) {
                None if cell.is_empty() => problems.push(format!("{}列目に見出しがありません。", index + 1)),
                None => problems.push(format!("{}は雛形にない列です。", crate::exchange::cell::quote(cell))),
                Some(name) if names.iter().any(|n| n == name) => {
                    problems.push(format!("「{name}」が重複しています。"));
                }
                Some(_) => {}
            }
            names.push(known(cell).unwrap_or_default().to_owned());
        }
        let has = |name: &str| names.iter().any(|n| n == name);
        let missing = COLUMNS.iter().filter(|(name, required, _)| *required && !has(name));
        problems.extend(missing.map(|(name, _, _)| format!("「{name}」の列がありません。")));
        if !has(VENDOR_NUMBER) && !has(VENDOR_NAME) {
            problems.push(format!("「{VENDOR_NUMBER}」か「{VENDOR_NAME}」の列が必要です。"));
        }
        if problems.is_empty() { Ok(Self { names }) } else { Err(FileError::Columns(problems.concat())) }
    }

    /// What each column is called.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of a column; past the last one where the file does not have it.
    fn at(&self, name: &str) -> usize {
        self.names.iter().position(|n| n == name).unwrap_or(self.names.len())
    }
}

pub(super) fn contract(
    reader: &mut RowReader,
    columns: &Columns,
    today: NaiveDate,
) -> Option<ImportedContract> {
    let at = |name| columns.at(name);
    let number = reader.required(at(NUMBER), own_number);
    let title = reader.required(at(TITLE), contract_title(MAX_TITLE));
    let year = reader.optional(at(FISCAL_YEAR), fiscal_year_cell(today));
    let vendor = vendor(reader, columns);
    let amount_yen = reader.required(at(AMOUNT), amount);
    let unit_price = reader.optional(at(UNIT_PRICE), lines(MAX_UNIT_PRICE));
    let signed_on = reader.required(at(SIGNED_ON), day(today));
    let starts_on = reader.required(at(STARTS_ON), day(today));
    let ends_on = reader.required(at(ENDS_ON), day(today));
    if let (Some(from), Some(to)) = (starts_on, ends_on)
        && to < from
    {
        reader.refuse(
            at(ENDS_ON),
            "ends_before_start",
            format!("終了日（{to}）が開始日（{from}）より前です。"),
        );
    }
    let scope = reader.optional(at(SCOPE), lines(MAX_SCOPE));
    let data = data(reader, columns);
    let policy = reader.optional(at(POLICY), word(POLICIES));
    let minor_limit_yen = minor_limit(reader, columns, policy);
    let max_tier = reader.optional(at(TIERS), at_least_one(MAX_TIER, "階層"));
    let max_ratio_percent = reader.optional(at(MAX_RATIO), small(100, "%"));
    let overseas = reader.optional(at(OVERSEAS), word(OVERSEAS_WORDS));
    let declaration_interval = reader.optional(at(INTERVAL), word(INTERVALS));
    let return_due_days = reader.optional(at(RETURN_DUE), small(MAX_RETURN_DAYS, "日"));
    let department = reader.optional(at(DEPARTMENT), line(MAX_DEPARTMENT));
    Some(ImportedContract {
        origin: Origin::Template,
        number: number?,
        title: title?,
        fiscal_year: year.or_else(|| starts_on.map(fiscal_year))?,
        vendor: vendor?,
        joint_vendors: Vec::new(),
        agencies: Agencies::default(),
        amount_yen: amount_yen?,
        unit_price,
        signed_on: signed_on?,
        starts_on: starts_on?,
        ends_on: ends_on?,
        period_assumed: false,
        bid_method: None,
        scope,
        data,
        policy,
        minor_limit_yen,
        max_tier,
        max_ratio_percent,
        overseas,
        declaration_interval,
        return_due_days,
        department,
    })
}

fn own_number(text: &str) -> Cell<String> {
    if text == EXAMPLE {
        return wrong("example_row", "雛形の記入例の行です。この行を削除してください。".to_owned());
    }
    number_text(MAX_NUMBER)(text)
}

fn vendor(reader: &mut RowReader, columns: &Columns) -> Option<ImportedVendor> {
    let (number_at, name_at) = (columns.at(VENDOR_NUMBER), columns.at(VENDOR_NAME));
    if reader.text(number_at).is_empty() && reader.text(name_at).is_empty() {
        let message = format!("「{VENDOR_NUMBER}」か「{VENDOR_NAME}」を入力してください。");
        reader.refuse(number_at.min(name_at), "required", message);
        return None;
    }
    let corporate_number = reader.optional(number_at, corporate_number);
    let name = reader.optional(name_at, company_name(MAX_COMPANY));
    Some(ImportedVendor { name, corporate_number })
}

/// 個人情報 is the whole; マイナンバー and 要配慮 are parts of it.
fn data(reader: &mut RowReader, columns: &Columns) -> Vec<DataVolume> {
    let whole = reader.optional(columns.at(PERSONAL), persons);
    let mut volumes: Vec<DataVolume> =
        whole.map(|persons| DataVolume { category: DataCategory::Personal, persons }).into_iter().collect();
    for (name, category) in [(MY_NUMBER, DataCategory::MyNumber), (SENSITIVE, DataCategory::Sensitive)] {
        let Some(persons) = reader.optional(columns.at(name), persons) else { continue };
        let whole_empty = reader.text(columns.at(PERSONAL)).is_empty();
        match whole {
            Some(whole) if persons > whole => {
                let message =
                    format!("{persons}人が「{PERSONAL}」の{whole}人を超えています。内数を入力してください。");
                reader.refuse(columns.at(name), "more_than_whole", message);
            }
            None if whole_empty && persons > 0 => {
                let message = format!("「{PERSONAL}」（全体の人数）も入力してください。");
                reader.refuse(columns.at(name), "whole_missing", message);
            }
            _ => volumes.push(DataVolume { category, persons }),
        }
    }
    volumes
}

/// The limit below which a use is minor: needed by that policy, meaningless with any other.
fn minor_limit(reader: &mut RowReader, columns: &Columns, policy: Option<Policy>) -> Option<i64> {
    let at = columns.at(MINOR_LIMIT);
    let limit = reader.optional(at, amount);
    let empty = reader.text(at).is_empty();
    match policy {
        Some(Policy::MinorExempt) if empty => {
            let message = format!("再委託が「軽微を除き承認」のときは「{MINOR_LIMIT}」も入力してください。");
            reader.refuse(columns.at(POLICY), "minor_limit_missing", message);
        }
        Some(policy) if policy != Policy::MinorExempt && !empty => {
            let message = "再委託が「軽微を除き承認」のときだけ入力してください。".to_owned();
            reader.refuse(at, "minor_limit_meaningless", message);
        }
        _ => {}
    }
    limit
}

fn at_least_one(most: i32, unit: &'static str) -> impl Fn(&str) -> Cell<i32> {
    move |text| match small(most, unit)(text)? {
        0 => wrong("too_small", "0は使えません。1以上で入力してください。".to_owned()),
        value => Ok(value),
    }
}
