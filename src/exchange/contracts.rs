//! Contracts from files: itaku's own template, gBizINFO's procurement file in its two forms, the central procurement
//! portal's award file; told apart by content. Every row is taken, a duplicate, another party's of a joint contract,
//! another agency's, or bad with all its errors.

use std::collections::HashMap;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::cell::{RowReader, quote};
pub use super::table::Note;
use super::table::{self, Encoding, FileError, Row, RowError, Sheet};
use crate::domain::contract::{DataVolume, DeclarationInterval, Overseas, Policy};
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::text::number_key;
use crate::text_enum;

mod agencies;
mod codes;
mod differences;
mod gbizinfo;
mod joint;
mod published;
mod template;

pub use agencies::{Agencies, OwnNames};
pub use differences::Difference;
pub use template::{TemplateColumn, columns, template};

text_enum! {
    /// Which form a file of contracts has; of gBizINFO, a mirror's of its API and the site's own download.
    pub enum Origin {
        Template = "template",
        Gbizinfo = "gbizinfo",
        GbizinfoDownload = "gbizinfo-download",
        Portal = "portal",
    }
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
    /// The agencies as the file writes them. The template names none.
    pub agencies: Agencies,
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
    /// The row of another party of the joint contract that was taken from line `into`.
    Joined {
        line: u64,
        into: u64,
    },
    /// A row of other agencies; also one that is bad.
    Elsewhere {
        line: u64,
        agencies: String,
    },
    Bad {
        line: u64,
        errors: Vec<RowError>,
        /// Whose row it is, as far as it can be read.
        agencies: Agencies,
    },
}

/// A file of contracts: one outcome for every row, in order, headers left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFile {
    pub origin: Origin,
    pub encoding: Encoding,
    pub outcomes: Vec<Outcome>,
    pub notes: Vec<Note>,
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
            Outcome::Bad { line, errors, .. } => Some((*line, errors.as_slice())),
            _ => None,
        })
    }
}

/// The form of a file, with what its columns are called.
enum Form {
    Template(template::Columns),
    Gbizinfo(gbizinfo::Columns),
    Portal(Vec<String>),
}

impl Form {
    fn origin(&self) -> Origin {
        match self {
            Self::Template(_) => Origin::Template,
            Self::Gbizinfo(columns) => columns.origin,
            Self::Portal(_) => Origin::Portal,
        }
    }

    fn names(&self) -> &[String] {
        match self {
            Self::Template(columns) => columns.names(),
            Self::Gbizinfo(columns) => columns.names(),
            Self::Portal(names) => names,
        }
    }

    /// Whose row it is, also where it is bad.
    fn agencies(&self, row: &Row) -> Agencies {
        match self {
            Self::Template(_) => Agencies::default(),
            Self::Gbizinfo(columns) => columns.agencies(row),
            Self::Portal(_) => published::portal_agencies(row),
        }
    }
}

/// Reads a file of contracts in any of the forms. `today` bounds the days accepted.
pub fn read(bytes: &[u8], today: NaiveDate) -> Result<ContractFile, FileError> {
    let sheet = table::open(bytes)?;
    let (form, place) = recognize(&sheet)?;
    let width = form.names().len();
    let table = sheet.into_table(place, width)?;
    let mut seen = Seen { notes: table.note_above().into_iter().collect(), ..Seen::default() };
    let first = matches!(form, Form::Portal(_)).then_some(Ok(table.first));
    let mut outcomes = Vec::new();
    for row in first.into_iter().chain(table.rest) {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.line;
                outcomes.push(Outcome::Bad { line, errors: vec![error], agencies: Agencies::default() });
                continue;
            }
        };
        if row.is_total() {
            seen.notes.push(row.note_total());
            continue;
        }
        let mut reader = RowReader::new(&row, form.names());
        let contract = match &form {
            Form::Template(columns) => template::contract(&mut reader, columns, today),
            Form::Gbizinfo(columns) => gbizinfo::contract(&mut reader, columns, today),
            Form::Portal(_) => published::portal(&mut reader, &row, today),
        };
        let errors = reader.into_errors();
        let outcome = match contract {
            Some(contract) if errors.is_empty() => seen.judge(&row, contract, &mut outcomes),
            _ => Outcome::Bad { line: row.line, errors, agencies: form.agencies(&row) },
        };
        outcomes.push(outcome);
    }
    seen.notes.extend(joint::notes(&outcomes));
    seen.notes.sort_by_key(|note| note.line);
    Ok(ContractFile {
        origin: form.origin(),
        encoding: table.encoding,
        outcomes,
        notes: seen.notes,
        numbers_confirmed: false,
    })
}

/// The form of a file, and the place of its first row.
fn recognize(sheet: &Sheet) -> Result<(Form, usize), FileError> {
    let is_header = |cells: &[&str]| gbizinfo::told(cells).is_some() || template::looks_like(cells);
    if let Some(place) = sheet.header(is_header) {
        let cells = sheet.header_cells(place);
        let form = match gbizinfo::told(&cells) {
            Some(origin) => Form::Gbizinfo(gbizinfo::Columns::of(&cells, origin)?),
            None => Form::Template(template::Columns::of(&cells)?),
        };
        return Ok((form, place));
    }
    let first = sheet.first();
    if published::looks_like_portal(&first) {
        return Ok((Form::Portal(published::portal_names()), 0));
    }
    let columns = sheet.width(0);
    Err(FileError::UnknownForm { first: quote(first.first().copied().unwrap_or_default()), columns })
}

/// The rows taken so far.
#[derive(Default)]
struct Seen {
    rows: HashMap<String, u64>,
    numbers: HashMap<String, Place>,
    /// Published contracts without other parties, by all but the company.
    alike: HashMap<String, u64>,
    notes: Vec<Note>,
}

/// Where a contract was taken: its line, and its place among the outcomes.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    at: usize,
}

impl Seen {
    fn judge(&mut self, row: &Row, contract: ImportedContract, outcomes: &mut [Outcome]) -> Outcome {
        let line = row.line;
        let key = normalized(row);
        if let Some(of) = self.rows.get(&key) {
            return Outcome::Duplicate { line, of: *of };
        }
        let number = number_key(&contract.number);
        if let Some(first) = self.numbers.get(&number).copied() {
            if let Some(Outcome::Taken { contract: taken, .. }) = outcomes.get_mut(first.at)
                && let Some(outcome) = joint::meet(line, first.line, &contract, taken)
            {
                self.rows.insert(key, first.line);
                return outcome;
            }
            let message = format!(
                "契約番号{}は{}行目と同じですが、ほかの欄の内容が異なります。番号を改めるか、どちらかの行を除いてください。",
                quote(&contract.number),
                first.line
            );
            let errors = vec![RowError::whole(line, "duplicate_number", message)];
            return Outcome::Bad { line, errors, agencies: contract.agencies };
        }
        if let Some(alike) = joint::alike(&contract) {
            match self.alike.get(&alike) {
                Some(other) => self.notes.push(joint::looks_joint(line, *other)),
                None => {
                    self.alike.insert(alike, line);
                }
            }
        }
        self.rows.insert(key, line);
        self.numbers.insert(number, Place { line, at: outcomes.len() });
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

/// 16 hexadecimal digits of SHA-256.
fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes())).chars().take(16).collect()
}

#[cfg(test)]
mod tests;
