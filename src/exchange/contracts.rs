//! Contracts from files: itaku's own template, gBizINFO's procurement file, the central procurement portal's
//! award file; told apart by content. Every row is taken, a duplicate, or bad with all its errors.

use std::collections::HashMap;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::cell::{RowReader, quote};
use super::table::{self, Encoding, FileError, Row, RowError};
use crate::domain::contract::{DataVolume, DeclarationInterval, Overseas, Policy};
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::text::number_key;
use crate::text_enum;

mod codes;
mod differences;
mod published;
mod template;

pub use differences::Difference;
pub use template::template;

text_enum! {
    /// Which form a file of contracts has.
    pub enum Origin { Template = "template", Gbizinfo = "gbizinfo", Portal = "portal" }
}

/// A company as a file names it: by name, by number, or both; never by neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedVendor {
    pub name: Option<String>,
    pub corporate_number: Option<CorporateNumber>,
}

/// A contract as a file states it. What the file left out is `None` or empty; the defaults are the service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedContract {
    pub origin: Origin,
    /// 契約番号: the template's own; else derived, the same for the same row.
    pub number: String,
    pub title: String,
    pub fiscal_year: i32,
    pub vendor: ImportedVendor,
    /// Other parties on the vendor's side, by name.
    pub joint_vendors: Vec<String>,
    /// The agencies as the file writes them, one each. The template names none.
    pub agencies: Vec<String>,
    pub amount_yen: i64,
    /// 単価契約: the unit prices, in words.
    pub unit_price: Option<String>,
    pub signed_on: NaiveDate,
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    pub ends_on: NaiveDate,
    /// The file gives one day only: the period is from it to the end of its 年度.
    pub period_assumed: bool,
    /// 入札方式, of the portal.
    pub bid_method: Option<&'static str>,
    pub scope: Option<String>,
    pub data: Vec<DataVolume>,
    pub policy: Option<Policy>,
    /// With `Policy::MinorExempt`.
    pub minor_limit_yen: Option<i64>,
    pub max_tier: Option<i32>,
    pub max_ratio_percent: Option<i32>,
    pub overseas: Option<Overseas>,
    pub declaration_interval: Option<DeclarationInterval>,
    pub return_due_days: Option<i32>,
    pub department: Option<String>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Taken {
        line: u64,
        contract: Box<ImportedContract>,
    },
    /// The same row, but for width and spaces, was taken from line `of`.
    Duplicate {
        line: u64,
        of: u64,
    },
    Bad {
        line: u64,
        errors: Vec<RowError>,
    },
}

/// A file of contracts: one outcome for every row, in order, headers left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFile {
    pub origin: Origin,
    pub encoding: Encoding,
    pub outcomes: Vec<Outcome>,
    /// Whoever sent it says that numbers of twelve digits are none of persons.
    pub numbers_confirmed: bool,
}

impl ContractFile {
    /// The contracts taken, with their lines.
    pub fn taken(&self) -> impl Iterator<Item = (u64, &ImportedContract)> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Taken { line, contract } => Some((*line, contract.as_ref())),
            _ => None,
        })
    }

    /// The duplicates: (line, line of the row taken).
    pub fn duplicates(&self) -> impl Iterator<Item = (u64, u64)> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Duplicate { line, of } => Some((*line, *of)),
            _ => None,
        })
    }

    /// The bad rows: their lines and everything wrong with them.
    pub fn bad(&self) -> impl Iterator<Item = (u64, &[RowError])> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Bad { line, errors } => Some((*line, errors.as_slice())),
            _ => None,
        })
    }
}

/// The form of a file, with what its columns are called.
enum Form {
    Template(template::Columns),
    Gbizinfo,
    Portal,
}

/// Reads a file of contracts in any of the three forms. `today` bounds the days accepted.
pub fn read(bytes: &[u8], today: NaiveDate) -> Result<ContractFile, FileError> {
    let table = table::read(bytes)?;
    let form = recognize(&table.first)?;
    let (origin, names) = match &form {
        Form::Template(columns) => (Origin::Template, columns.names().to_vec()),
        Form::Gbizinfo => (Origin::Gbizinfo, published::gbizinfo_names()),
        Form::Portal => (Origin::Portal, published::portal_names()),
    };
    let first = matches!(form, Form::Portal).then_some(Ok(table.first));
    let mut seen = Seen::default();
    let outcomes = first
        .into_iter()
        .chain(table.rest)
        .map(|row| {
            let row = match row {
                Ok(row) => row,
                Err(error) => return Outcome::Bad { line: error.line, errors: vec![error] },
            };
            let mut reader = RowReader::new(&row, &names);
            let contract = match &form {
                Form::Template(columns) => template::contract(&mut reader, columns, today),
                Form::Gbizinfo => published::gbizinfo(&mut reader, &row, today),
                Form::Portal => published::portal(&mut reader, today),
            };
            let errors = reader.into_errors();
            match contract {
                Some(contract) if errors.is_empty() => seen.judge(&row, contract),
                _ => Outcome::Bad { line: row.line, errors },
            }
        })
        .collect();
    Ok(ContractFile { origin, encoding: table.encoding, outcomes, numbers_confirmed: false })
}

fn recognize(first: &Row) -> Result<Form, FileError> {
    let cells: Vec<&str> = first.cells.iter().map(|cell| cell.trim()).collect();
    if cells == published::GBIZINFO {
        return Ok(Form::Gbizinfo);
    }
    if template::looks_like(&cells) {
        return template::Columns::of(&cells).map(Form::Template);
    }
    if published::looks_like_portal(&cells) {
        return Ok(Form::Portal);
    }
    let first = quote(cells.first().copied().unwrap_or_default());
    Err(FileError::UnknownForm { first, columns: cells.len() })
}

/// The rows taken so far.
#[derive(Default)]
struct Seen {
    rows: HashMap<String, u64>,
    numbers: HashMap<String, u64>,
}

impl Seen {
    fn judge(&mut self, row: &Row, contract: ImportedContract) -> Outcome {
        let line = row.line;
        let key = normalized(row);
        if let Some(of) = self.rows.get(&key) {
            return Outcome::Duplicate { line, of: *of };
        }
        let number = number_key(&contract.number);
        if let Some(other) = self.numbers.get(&number) {
            let message = format!(
                "契約番号{}は{other}行目と同じですが、ほかの欄の内容が異なります。番号を改めるか、どちらかの行を除いてください。",
                quote(&contract.number)
            );
            return Outcome::Bad { line, errors: vec![RowError::whole(line, "duplicate_number", message)] };
        }
        self.rows.insert(key, line);
        self.numbers.insert(number, line);
        Outcome::Taken { line, contract: Box::new(contract) }
    }
}

/// A row without differences of width and of spaces around cells. U+001F stands between cells: no cell may
/// contain it.
fn normalized(row: &Row) -> String {
    let cells: Vec<String> =
        row.cells.iter().map(|cell| cell.nfkc().collect::<String>().trim().to_owned()).collect();
    cells.join("\u{1f}")
}

/// The number of a contract that has none in its file: 16 hexadecimal digits of SHA-256 over the row.
fn derived_number(prefix: &str, row: &Row) -> String {
    format!("{prefix}-{}", digest(&normalized(row)))
}

/// 16 hexadecimal digits of SHA-256.
fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes())).chars().take(16).collect()
}

#[cfg(test)]
mod tests;
