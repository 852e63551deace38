//! 既承認 from a file: itaku's own template, one row a consent given on paper. Headers, days, amounts and numbers of persons
//! are understood as in a file of contracts; the rules of the fields are those of the API.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::cell::{
    Cell, RowReader, amount, company_name, corporate_number, day, line, lines, number_text, persons, quote,
    wrong,
};
use super::table::{self, FileError, Note, Row, RowError};
use crate::domain::country;
use crate::domain::limits::{MAX_COMPANY, MAX_NUMBER, MAX_SCOPE};
use crate::domain::text::search_key;

/// 文書番号, in characters.
const MAX_DOCUMENT: usize = 200;

/// A column of the template: its header, and the field of the input it fills.
const COLUMNS: [(&str, &str); 15] = [
    ("契約番号", "contract_number"),
    ("上位法人番号", "parent_corporate_number"),
    ("上位事業者名", "parent_name"),
    ("法人番号", "vendor/corporate_number"),
    ("事業者名", "vendor/name"),
    ("国", "country"),
    ("業務範囲", "scope"),
    ("金額（円）", "amount_yen"),
    ("個人情報人数", "personal"),
    ("マイナンバー人数", "my_number"),
    ("要配慮人数", "sensitive"),
    ("決裁日", "decided_on"),
    ("文書番号", "document_number"),
    ("承認開始日", "valid_from"),
    ("承認終了日", "valid_until"),
];
/// Columns that may be left out.
const OPTIONAL: [(&str, &str); 2] = [("上位再委託ID", "parent_engagement_id"), ("備考", "note")];

/// A row, as the input of 既承認 wants it; parent and contract are named as people name them.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsentRow {
    pub line: u64,
    pub contract_number: String,
    /// Which of the places of the company above is meant, where it has several; empty: the one it has.
    pub parent_engagement_id: String,
    /// Empty: directly under the prime.
    pub parent_corporate_number: String,
    /// Empty: directly under the prime.
    pub parent_name: String,
    /// Fields of the input but the parent's id.
    pub input: Map<String, Value>,
}

/// A file of 既承認.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsentFile {
    pub rows: Vec<ConsentRow>,
    pub bad: Vec<RowError>,
    pub notes: Vec<Note>,
}

impl ConsentFile {
    /// How many rows it has, the bad ones too.
    pub fn count(&self) -> usize {
        self.rows.len() + self.bad.iter().map(|error| error.line).collect::<BTreeSet<_>>().len()
    }
}

/// The column that fills a field, for errors that name the field by pointer.
pub fn column_of(pointer: &str) -> &'static str {
    let field = pointer.trim_start_matches('/');
    let field = match field {
        // One column fills the country of the work and of the company.
        "vendor/country" => "country",
        _ if field.starts_with("data") => "personal",
        _ => field,
    };
    COLUMNS
        .iter()
        .chain(&OPTIONAL)
        .find(|(_, name)| *name == field)
        .map_or("（行全体）", |(header, _)| header)
}

/// The template: its header row, in UTF-8 with BOM.
pub fn template() -> Vec<u8> {
    format!("\u{feff}{}\r\n", headers().0.join(",")).into_bytes()
}

/// The headers of the template: all, and those of them that may be left out.
pub fn headers() -> (Vec<&'static str>, Vec<&'static str>) {
    let all = COLUMNS.iter().chain(&OPTIONAL).map(|(header, _)| *header).collect();
    (all, OPTIONAL.iter().map(|(header, _)| *header).collect())
}

/// The column that a header names, whatever its width and spaces.
fn known(header: &str) -> Option<(&'static str, &'static str)> {
    let key = search_key(header);
    COLUMNS.iter().chain(&OPTIONAL).find(|(name, _)| search_key(name) == key).copied()
}

/// Where a file has which column.
struct Columns {
    /// The template's headers, in the file's order.
    names: Vec<String>,
    fields: Vec<&'static str>,
}

impl Columns {
    /// Every column of the template but the optional ones must be there, once; others are refused by name.
    fn of(headers: &[&str]) -> Result<Self, FileError> {
        let (mut names, mut fields, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (index, header) in headers.iter().enumerate() {
            match known(header) {
                None if header.is_empty() => {
                    problems.push(format!("{}列目に見出しがありません。", index + 1));
                }
                None => problems.push(format!("{}という列は、既承認の様式にありません。", quote(header))),
                Some((name, field)) => {
                    if fields.contains(&field) {
                        problems.push(format!("「{name}」が重複しています。"));
                    }
                    names.push(name.to_owned());
                    fields.push(field);
                }
            }
        }
        let missing = COLUMNS.iter().filter(|(_, field)| !fields.contains(field));
        problems.extend(missing.map(|(name, _)| format!("「{name}」の列がありません。")));
        if problems.is_empty() {
            Ok(Self { names, fields })
        } else {
            Err(FileError::Columns(problems.concat()))
        }
    }

    /// The place of a field's column; past the last one where the file does not have it.
    fn at(&self, field: &str) -> usize {
        self.fields.iter().position(|known| *known == field).unwrap_or(self.fields.len())
    }
}

/// Reads the file. `today` bounds the days accepted.
pub fn read(bytes: &[u8], today: NaiveDate) -> Result<ConsentFile, FileError> {
    let sheet = table::open(bytes)?;
    let is_header = |cells: &[&str]| cells.iter().filter(|cell| known(cell).is_some()).count() >= 2;
    let place = sheet.header(is_header).unwrap_or(0);
    let columns = Columns::of(&sheet.header_cells(place))?;
    let table = sheet.into_table(place, columns.names.len())?;
    let mut file = ConsentFile { rows: Vec::new(), bad: Vec::new(), notes: Vec::new() };
    file.notes.extend(table.note_above());
    for row in table.rest {
        match row {
            Ok(row) if row.is_total() => file.notes.push(row.note_total()),
            Ok(row) => {
                let mut reader = RowReader::new(&row, &columns.names);
                let read = read_row(&mut reader, &row, &columns, today);
                let errors = reader.into_errors();
                if errors.is_empty() {
                    file.rows.push(read);
                } else {
                    file.bad.extend(errors);
                }
            }
            Err(error) => file.bad.push(error),
        }
    }
    Ok(file)
}

impl ConsentFile {
    /// Whoever sent it says that document numbers of twelve digits are none of persons.
    pub fn confirm_numbers(&mut self) {
        for row in &mut self.rows {
            row.input.insert("document_number_confirmed".to_owned(), "true".into());
        }
    }
}

/// A cell as the input has it: what is understood here is put in the API's own way of writing.
fn cell(reader: &mut RowReader, columns: &Columns, field: &'static str, today: NaiveDate) -> Option<String> {
    let at = columns.at(field);
    let shown = |value: Cell<i64>| value.map(|value| value.to_string());
    match field {
        "amount_yen" => reader.required(at, |text| shown(amount(text))),
        "personal" | "my_number" | "sensitive" => reader.optional(at, |text| shown(persons(text))),
        "decided_on" | "valid_from" | "valid_until" => {
            reader.required(at, |text| day(today)(text).map(|day| day.to_string()))
        }
        "vendor/corporate_number" | "parent_corporate_number" => {
            reader.optional(at, |text| corporate_number(text).map(|number| number.to_string()))
        }
        "contract_number" => reader.required(at, number_text(MAX_NUMBER)),
        "document_number" => reader.required(at, number_text(MAX_DOCUMENT)),
        "vendor/name" => reader.required(at, company_name(MAX_COMPANY)),
        "parent_name" => reader.optional(at, line(MAX_COMPANY)),
        "country" => reader.optional(at, country),
        "scope" => reader.required(at, lines(MAX_SCOPE)),
        _ => reader.optional(at, lines(MAX_SCOPE)),
    }
}

/// A country's two letters, in any width and case, or its name.
fn country(text: &str) -> Cell<String> {
    let wrongly = || {
        let message =
            format!("{}は国の名前として読めません。日本 や JP のように入力してください。", quote(text));
        wrong("country", message)
    };
    country::code(text).map_or_else(wrongly, Ok)
}

fn read_row(reader: &mut RowReader, row: &Row, columns: &Columns, today: NaiveDate) -> ConsentRow {
    let mut read = |field: &'static str| cell(reader, columns, field, today);
    let mut input = Map::new();
    for field in ["scope", "amount_yen", "decided_on", "document_number", "valid_from", "valid_until", "note"]
    {
        if let Some(text) = read(field) {
            input.insert(field.to_owned(), text.into());
        }
    }
    let country = read("country");
    let mut vendor = Map::new();
    vendor.insert("name".to_owned(), read("vendor/name").unwrap_or_default().into());
    vendor.insert("country".to_owned(), country.clone().unwrap_or_else(|| "JP".to_owned()).into());
    if let Some(number) = read("vendor/corporate_number") {
        vendor.insert("corporate_number".to_owned(), number.into());
    }
    if let Some(country) = country {
        input.insert("country".to_owned(), country.into());
    }
    input.insert("vendor".to_owned(), Value::Object(vendor));
    let mut data = Vec::new();
    for category in ["personal", "my_number", "sensitive"] {
        if let Some(persons) = read(category) {
            data.push(json!({"category": category, "persons": persons}));
        }
    }
    input.insert("data".to_owned(), Value::Array(data));
    ConsentRow {
        line: row.line,
        contract_number: read("contract_number").unwrap_or_default(),
        parent_engagement_id: read("parent_engagement_id").unwrap_or_default(),
        parent_corporate_number: read("parent_corporate_number").unwrap_or_default(),
        parent_name: read("parent_name").unwrap_or_default(),
        input,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rows: &str) -> Vec<u8> {
        let mut bytes = template();
        bytes.extend(rows.as_bytes());
        bytes
    }

    fn read_text(text: &str) -> Result<ConsentFile, FileError> {
        read(text.as_bytes(), "2026-04-01".parse().unwrap())
    }

    #[test]
    fn a_row_fills_the_fields_of_the_input() {
        let bytes = file(
            "A-1,,,,架空入力株式会社,,入力の一部,\"1,000\",10,,,令和8年3月1日,総務1号,2026/4/1,2026/9/30,,\r\n",
        );
        let read = read(&bytes, "2026-04-01".parse().unwrap()).unwrap();
        assert!(read.bad.is_empty());
        let row = &read.rows[0];
        assert_eq!((row.line, row.contract_number.as_str()), (2, "A-1"));
        assert_eq!(row.input["vendor"], json!({"name": "架空入力株式会社", "country": "JP"}));
        assert_eq!(row.input["data"], json!([{"category": "personal", "persons": "10"}]));
        assert_eq!(
            (&row.input["decided_on"], &row.input["amount_yen"]),
            (&json!("2026-03-01"), &json!("1000"))
        );
    }

    #[test]
    fn n29_what_a_file_of_contracts_may_have_is_understood() {
        let header = String::from_utf8(template())
            .unwrap()
            .trim_start_matches('\u{feff}')
            .trim_end()
            .replace("金額（円）", "金額(円)")
            .replace("個人情報人数", " 個人情報 人数");
        let row = |cells: &str| format!("{cells},,\r\n");
        let text = [
            "sep=,\r\n既承認の一覧,,,\r\n".to_owned(),
            format!("{header},,\r\n"),
            row("A-1,,,,架空入力株式会社,ＪＰ,入力,\"1,000円\",\"１，０００人\",,,20260301,総務1号,46113,2026/09/30 0:00,,"),
            row("A-1,,,,同上,JP,〃,5,,,,2026-03-01,総務1号,2026-04-01,2026-09-30,,"),
            row("A-1,,,9.00E+12,架空入力株式会社,JP,入力,#N/A,,,,2026年3月1日（月）,総務1号,2026-04-01,2026-09-30,,"),
            row("合計,,,,,,,1005,1000,,,,,,,,"),
        ]
        .concat();
        let read = read_text(&text).unwrap();
        assert_eq!((read.rows.len(), read.count()), (1, 3));
        let input = &read.rows[0].input;
        assert_eq!(input["data"], json!([{"category": "personal", "persons": "1000"}]));
        assert_eq!(
            [&input["amount_yen"], &input["valid_from"], &input["valid_until"]],
            ["1000", "2026-04-01", "2026-09-30"]
        );
        let bad: Vec<_> = read.bad.iter().map(|e| (e.line, e.column.as_str(), e.code)).collect();
        let expected = [
            (5, "業務範囲", "ditto"),
            (5, "事業者名", "ditto"),
            (6, "金額（円）", "excel_error"),
            (6, "決裁日", "weekday_mismatch"),
            (6, "法人番号", "excel_exponent"),
        ];
        assert_eq!(bad, expected);
        assert_eq!(read.notes.iter().map(|note| note.line).collect::<Vec<_>>(), [2, 7]);
    }

    #[test]
    fn a_missing_and_an_unknown_column_are_named() {
        assert!(
            matches!(read_text("契約番号,国\r\nA\r\n"), Err(FileError::Columns(why)) if why.contains("上位法人番号"))
        );
        assert!(matches!(read_text("金額\r\nA\r\n"), Err(FileError::Columns(why)) if why.contains("金額")));
    }

    #[test]
    fn an_error_at_a_pointer_names_its_column() {
        assert_eq!(column_of("/valid_from"), "承認開始日");
        assert_eq!(column_of("/vendor/corporate_number"), "法人番号");
        assert_eq!(column_of("/data/0/persons"), "個人情報人数");
        assert_eq!(column_of("/vendor/country"), "国");
        assert_eq!(column_of("/nowhere"), "（行全体）");
    }
}
