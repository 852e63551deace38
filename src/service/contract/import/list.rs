//! The lists of what a file would bring as CSV: every row, the new vendors, what to look at, and what is wrong.

use super::{Fate, Look, LookedRow};
use crate::exchange::export::{Cell, Column, Encoding, TableWriter};
use crate::service::Failure;

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    Rows,
    Vendors,
    Notices,
    Problems,
}

const ROWS: &[Column] = &[
    Column { key: "line", heading: "行" },
    Column { key: "fate", heading: "扱い" },
    Column { key: "number", heading: "契約番号" },
    Column { key: "title", heading: "件名" },
    Column { key: "corporate_number", heading: "受託者法人番号" },
    Column { key: "vendor", heading: "受託者名" },
    Column { key: "amount_yen", heading: "契約金額（円）" },
    Column { key: "signed_on", heading: "契約日" },
    Column { key: "starts_on", heading: "開始日" },
    Column { key: "ends_on", heading: "終了日" },
];
const VENDORS: &[Column] = &[
    Column { key: "line", heading: "行" },
    Column { key: "corporate_number", heading: "法人番号" },
    Column { key: "name", heading: "事業者名" },
    Column { key: "near", heading: "よく似た名前の事業者" },
];
const TOLD: &[Column] = &[
    Column { key: "line", heading: "行" },
    Column { key: "column", heading: "列" },
    Column { key: "message", heading: "内容" },
];

impl LookedRow {
    /// What becomes of the row, in words.
    pub fn in_words(&self) -> String {
        let of = self.of.unwrap_or_default();
        match self.fate {
            Fate::Taken => "取り込む".to_owned(),
            Fate::Registered => "登録済み".to_owned(),
            Fate::Repeated => format!("{of}行目と同じ"),
            Fate::Joined => format!("{of}行目の契約の共同受託者"),
            Fate::Elsewhere => format!("ほかの機関（{}）", self.agency.as_deref().unwrap_or_default()),
            Fate::Bad => "誤り".to_owned(),
        }
    }
}

/// A list whole, in UTF-8 with a byte order mark.
pub fn csv(look: &Look, list: List) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    written(&mut out, look, list)
        .map_err(|error| Failure::Internal(format!("a list of an import: {error}")))?;
    Ok(out)
}

fn written(out: &mut Vec<u8>, look: &Look, list: List) -> std::io::Result<()> {
    let line = |line: u64| Cell::from(i64::try_from(line).unwrap_or(i64::MAX));
    let columns = match list {
        List::Rows => ROWS,
        List::Vendors => VENDORS,
        List::Notices | List::Problems => TOLD,
    };
    let mut table = TableWriter::csv(out, Encoding::Utf8, columns)?;
    match list {
        List::Rows => look.rows.iter().try_for_each(|row| {
            table.row(&[
                line(row.line),
                row.in_words().into(),
                row.number.clone().into(),
                row.title.clone().into(),
                row.corporate_number.clone().into(),
                row.vendor.clone().into(),
                row.amount_yen.into(),
                row.signed_on.into(),
                row.starts_on.into(),
                row.ends_on.into(),
            ])
        }),
        List::Vendors => look.vendors.iter().try_for_each(|vendor| {
            table.row(&[
                line(vendor.line),
                vendor.corporate_number.clone().into(),
                vendor.name.clone().into(),
                vendor.near.clone().into(),
            ])
        }),
        List::Notices => look.summary.warnings.iter().try_for_each(|warning| {
            table.row(&[line(warning.line), warning.column.clone().into(), warning.message.clone().into()])
        }),
        List::Problems => look.summary.problems.iter().try_for_each(|problem| {
            table.row(&[line(problem.line), problem.column.clone().into(), problem.cause.clone().into()])
        }),
    }
}
