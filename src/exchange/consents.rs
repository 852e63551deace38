//! 既承認 from a file: itaku's own template, one row a consent given on paper. The cells are read as a form is, so the
//! rules of the fields are those of the API.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::table::{self, FileError, RowError};

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
    let headers: Vec<&str> = COLUMNS.iter().chain(&OPTIONAL).map(|(header, _)| *header).collect();
    format!("\u{feff}{}\r\n", headers.join(",")).into_bytes()
}

/// Reads the file. Every column of the template but the optional ones must be there; others are refused by name.
pub fn read(bytes: &[u8]) -> Result<ConsentFile, FileError> {
    let table = table::read(bytes)?;
    let headers: Vec<&str> = table.first.cells.iter().map(|cell| cell.trim()).collect();
    let known = |header: &str| {
        COLUMNS.iter().chain(&OPTIONAL).find(|(name, _)| *name == header).map(|(_, field)| *field)
    };
    if let Some(unknown) = headers.iter().find(|header| known(header).is_none()) {
        return Err(FileError::Columns(format!("「{unknown}」という列は、既承認の様式にありません。")));
    }
    if let Some((missing, _)) = COLUMNS.iter().find(|(header, _)| !headers.contains(header)) {
        return Err(FileError::Columns(format!("「{missing}」の列がありません。")));
    }
    let mut file = ConsentFile { rows: Vec::new(), bad: Vec::new() };
    for row in table.rest {
        match row {
            Ok(row) => {
                let cells: HashMap<&str, &str> = headers
                    .iter()
                    .zip(&row.cells)
                    .filter_map(|(header, cell)| known(header).map(|field| (field, cell.trim())))
                    .collect();
                file.rows.push(read_row(row.line, &cells));
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

fn read_row(line: u64, cells: &HashMap<&str, &str>) -> ConsentRow {
    let cell = |field: &str| cells.get(field).copied().unwrap_or_default();
    let mut input = Map::new();
    for field in [
        "country",
        "scope",
        "amount_yen",
        "decided_on",
        "document_number",
        "valid_from",
        "valid_until",
        "note",
    ] {
        if !cell(field).is_empty() {
            input.insert(field.to_owned(), cell(field).into());
        }
    }
    let mut vendor = json!({"name": cell("vendor/name"), "country": if cell("country").is_empty() { "JP" } else { cell("country") }});
    if let (false, Value::Object(vendor)) = (cell("vendor/corporate_number").is_empty(), &mut vendor) {
        vendor.insert("corporate_number".to_owned(), cell("vendor/corporate_number").into());
    }
    input.insert("vendor".to_owned(), vendor);
    let data: Vec<Value> = ["personal", "my_number", "sensitive"]
        .iter()
        .filter(|category| !cell(category).is_empty())
        .map(|category| json!({"category": category, "persons": cell(category)}))
        .collect();
    input.insert("data".to_owned(), Value::Array(data));
    ConsentRow {
        line,
        contract_number: cell("contract_number").to_owned(),
        parent_engagement_id: cell("parent_engagement_id").to_owned(),
        parent_corporate_number: cell("parent_corporate_number").to_owned(),
        parent_name: cell("parent_name").to_owned(),
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

    #[test]
    fn a_row_fills_the_fields_of_the_input() {
        let read = read(&file("A-1,,,,架空入力株式会社,,入力の一部,\"1,000\",10,,,令和8年3月1日,総務1号,2026/4/1,2026/9/30,,\r\n")).unwrap();
        assert!(read.bad.is_empty());
        let row = &read.rows[0];
        assert_eq!((row.line, row.contract_number.as_str()), (2, "A-1"));
        assert_eq!(row.input["vendor"]["name"], "架空入力株式会社");
        assert_eq!(row.input["data"], json!([{"category": "personal", "persons": "10"}]));
        assert_eq!(row.input["decided_on"], "令和8年3月1日");
    }

    #[test]
    fn a_missing_and_an_unknown_column_are_named() {
        assert!(
            matches!(read("契約番号\r\nA\r\n".as_bytes()), Err(FileError::Columns(why)) if why.contains("上位法人番号"))
        );
        assert!(
            matches!(read("金額\r\nA\r\n".as_bytes()), Err(FileError::Columns(why)) if why.contains("金額"))
        );
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
