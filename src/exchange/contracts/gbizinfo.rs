//! gBizINFO's procurement information: as the site gives it for download (調達情報, Japanese headers, further columns to
//! the right), and as a mirror gives what its API answers (English headers). One row of either has one number.

use chrono::NaiveDate;

use super::published::{names, one_day};
use super::{Agencies, ImportedContract, ImportedVendor, Origin, digest};
use crate::domain::limits::{MAX_COMPANY, MAX_TITLE};
use crate::domain::text::{company_key, search_key};
use crate::exchange::cell::{RowReader, amount, company_name, contract_title, corporate_number, day};
use crate::exchange::table::{FileError, Row};

/// What is read of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    SignedOn,
    Title,
    Amount,
    Agencies,
    Joint,
    Number,
    Name,
}

/// A field, whether a file must have it, the mirror's header, and those of the site's own download in its editions.
const FIELDS: [(Field, bool, &str, &[&str]); 7] = [
    (Field::SignedOn, true, "date_of_order", &["受注日"]),
    (Field::Title, true, "title", &["件名"]),
    (Field::Amount, true, "amount", &["落札価格", "金額"]),
    (Field::Agencies, true, "government_departments", &["組織名", "府省"]),
    (Field::Joint, false, "joint_signatures", &["連名", "共同受注者"]),
    (Field::Number, true, "corporate_number", &["法人番号"]),
    (Field::Name, false, "name", &["商号または名称", "商号又は名称", "法人名"]),
];

const AGENCY_SEPARATORS: [char; 2] = ['／', '/'];

/// Where a file has which field.
pub(super) struct Columns {
    pub(super) origin: Origin,
    /// The file's headers, in its order.
    names: Vec<String>,
    /// The places of [`FIELDS`].
    at: [Option<usize>; FIELDS.len()],
}

/// How many of the fields a header has, and where, in the mirror's words or the site's.
fn places(cells: &[&str], origin: Origin) -> [Option<usize>; FIELDS.len()] {
    FIELDS.map(|(_, _, english, japanese)| {
        cells.iter().position(|cell| match origin {
            Origin::GbizinfoDownload => japanese.iter().any(|name| search_key(name) == search_key(cell)),
            _ => *cell == english,
        })
    })
}

/// Whether a row is meant as a header of gBizINFO, and in whose words: it has most of the fields.
pub(super) fn told(cells: &[&str]) -> Option<Origin> {
    [Origin::Gbizinfo, Origin::GbizinfoDownload].into_iter().find(|origin| {
        places(cells, *origin).iter().zip(FIELDS).filter(|(at, (_, must, ..))| *must && at.is_some()).count()
            >= 4
    })
}

/// The header of a field.
pub(super) fn header(origin: Origin, template: &str) -> String {
    use super::template::{AMOUNT, SIGNED_ON, TITLE, VENDOR_NAME, VENDOR_NUMBER};
    let field = match (template, origin) {
        (SIGNED_ON, _) => Field::SignedOn,
        (TITLE, _) => Field::Title,
        (AMOUNT, _) => Field::Amount,
        (VENDOR_NAME, Origin::GbizinfoDownload) => Field::Name,
        // The mirror has no names: what is said of one is said at the number.
        (VENDOR_NAME | VENDOR_NUMBER, _) => Field::Number,
        _ => return String::new(),
    };
    let found = FIELDS.iter().find(|(known, ..)| *known == field);
    found.map_or_else(String::new, |(_, _, english, japanese)| match (origin, japanese) {
        (Origin::GbizinfoDownload, [first, ..]) => (*first).to_owned(),
        _ => (*english).to_owned(),
    })
}

impl Columns {
    /// Takes a header row; names the columns that are missing. Others are not looked at: the site adds some.
    pub(super) fn of(cells: &[&str], origin: Origin) -> Result<Self, FileError> {
        let at = places(cells, origin);
        let missing = FIELDS.iter().zip(at).filter(|((_, must, ..), at)| *must && at.is_none());
        let problems: String = missing
            .map(|((_, _, english, japanese), _)| match (origin, japanese) {
                (Origin::GbizinfoDownload, [first, ..]) => format!("「{first}」の列がありません。"),
                _ => format!("「{english}」の列がありません。"),
            })
            .collect();
        if problems.is_empty() {
            Ok(Self { origin, names: cells.iter().map(|cell| (*cell).to_owned()).collect(), at })
        } else {
            Err(FileError::Columns(problems))
        }
    }

    /// What each column is called.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of a column; past the last one where the file does not have it.
    fn at(&self, field: Field) -> usize {
        let place = FIELDS.iter().zip(self.at).find(|((known, ..), _)| *known == field);
        place.and_then(|(_, at)| at).unwrap_or(self.names.len())
    }

    /// Whose row it is, also where the row is bad elsewhere. Empty: it doesn't say.
    pub(super) fn agencies(&self, row: &Row) -> Agencies {
        let text = row.cells.get(self.at(Field::Agencies)).map(|cell| cell.trim()).unwrap_or_default();
        Agencies { names: names(text, &AGENCY_SEPARATORS).unwrap_or_default(), code: None }
    }
}

pub(super) fn contract(
    reader: &mut RowReader,
    columns: &Columns,
    today: NaiveDate,
) -> Option<ImportedContract> {
    let at = |field| columns.at(field);
    let signed_on = reader.required(at(Field::SignedOn), day(today));
    let title = reader.required(at(Field::Title), contract_title(MAX_TITLE));
    let amount_yen = reader.required(at(Field::Amount), amount);
    let agencies = reader.required(at(Field::Agencies), |text| names(text, &AGENCY_SEPARATORS));
    let joint_vendors = reader.optional(at(Field::Joint), |text| names(text, &[',', '，', '、', '／']));
    let joint_vendors = joint_vendors.unwrap_or_default();
    let number = reader.required(at(Field::Number), corporate_number);
    let name = reader.optional(at(Field::Name), company_name(MAX_COMPANY));
    let vendor = ImportedVendor { name, corporate_number: Some(number?) };
    let (title, signed_on, amount_yen, agencies) = (title?, signed_on?, amount_yen?, agencies?);
    // The parties of a joint contract have one number between them; other contracts alike in day, title, amount and
    // agency (unit prices, as those of taxis) are told apart by the company.
    let party = match number {
        Some(number) if joint_vendors.is_empty() => number.to_string(),
        _ => String::new(),
    };
    let of: Vec<String> = agencies.iter().map(|name| company_key(name)).collect();
    let substance = [signed_on.to_string(), search_key(&title), amount_yen.to_string(), of.join("/"), party]
        .join("\u{1f}");
    let mut contract =
        one_day(columns.origin, format!("gbiz-{}", digest(&substance)), title, signed_on, amount_yen, vendor);
    contract.agencies = Agencies { names: agencies, code: None };
    contract.joint_vendors = joint_vendors;
    Some(contract)
}
