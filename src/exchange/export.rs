//! Tables out: CSV and JSON, a row at a time. CSV has one header row, no units in numbers, and no cell that a
//! spreadsheet would run.

use std::io::{self, Write};

use chrono::NaiveDate;
use serde_json::{Map, Value};

/// A column: its name for programs and its heading for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub key: &'static str,
    pub heading: &'static str,
}

/// What stands in a place of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Number(i64),
    Day(NaiveDate),
    Flag(bool),
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<NaiveDate> for Cell {
    fn from(day: NaiveDate) -> Self {
        Self::Day(day)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Empty, Into::into)
    }
}

impl Cell {
    /// As it stands in a CSV file.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => defused(text),
            Self::Number(number) => number.to_string(),
            Self::Day(day) => day.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Empty => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) => Value::from(*number),
            Self::Day(day) => Value::from(day.to_string()),
            Self::Flag(flag) => Value::from(*flag),
            Self::Empty => Value::Null,
        }
    }
}

/// What spreadsheets take for a formula gets an apostrophe before it.
fn defused(text: &str) -> String {
    const FORMULA: [char; 10] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r'];
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

/// How a CSV file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// With a byte order mark, without which spreadsheets guess wrong.
    Utf8,
    /// Windows-31J.
    Cp932,
}

/// A character that the encoding lacks: its code point stands in the file instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}行目「{heading}」: 「{character}」は CP932 にないため、{}と書きました。", code_point(*.character))]
pub struct Unmappable {
    /// From 1, the header being the first.
    pub line: u64,
    pub heading: &'static str,
    pub character: char,
}

impl Unmappable {
    /// The columns of a list of them.
    pub const COLUMNS: &'static [Column] = &[
        Column { key: "line", heading: "行" },
        Column { key: "column", heading: "列" },
        Column { key: "character", heading: "文字" },
        Column { key: "written", heading: "書いた符号" },
    ];

    /// Its row there.
    pub fn row(&self) -> [Cell; 4] {
        [
            i64::try_from(self.line).unwrap_or(i64::MAX).into(),
            self.heading.into(),
            self.character.to_string().into(),
            code_point(self.character).into(),
        ]
    }
}

/// 〔U+9AD9〕: how a character is written that the encoding lacks.
fn code_point(character: char) -> String {
    format!("〔U+{:04X}〕", u32::from(character))
}

fn is_lacking(character: char) -> bool {
    !character.is_ascii() && encoding_rs::SHIFT_JIS.encode(character.encode_utf8(&mut [0; 4])).2
}

/// As CP932 can have it.
fn spelled_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_lacking(c) { out.push_str(&code_point(c)) } else { out.push(c) }
    }
    out
}

/// The characters of a row that CP932 lacks, each once a cell.
pub fn unmappable(columns: &[Column], row: &[Cell], line: u64) -> Vec<Unmappable> {
    let mut found = Vec::new();
    for (column, cell) in columns.iter().zip(row) {
        let Cell::Text(text) = cell else { continue };
        let mut told = Vec::new();
        for character in text.chars().filter(|c| is_lacking(*c)) {
            if !told.contains(&character) {
                told.push(character);
                found.push(Unmappable { line, heading: column.heading, character });
            }
        }
    }
    found
}

/// A table being written.
pub enum TableWriter<W: Write> {
    Csv { out: W, encoding: Encoding },
    Json { out: W, columns: &'static [Column], begun: bool },
}

impl<W: Write> TableWriter<W> {
    /// Begins a CSV file with its header row.
    pub fn csv(mut out: W, encoding: Encoding, columns: &'static [Column]) -> io::Result<Self> {
        if encoding == Encoding::Utf8 {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let mut writer = Self::Csv { out, encoding };
        let header: Vec<Cell> = columns.iter().map(|column| Cell::from(column.heading)).collect();
        writer.row(&header)?;
        Ok(writer)
    }

    /// Begins a JSON array of objects.
    pub fn json(out: W, columns: &'static [Column]) -> Self {
        Self::Json { out, columns, begun: false }
    }

    /// Writes a row.
    pub fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        match self {
            Self::Csv { out, encoding } => {
                let mut line =
                    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
                line.write_record(cells.iter().map(Cell::text))?;
                let bytes = line.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
                match encoding {
                    Encoding::Utf8 => out.write_all(&bytes),
                    Encoding::Cp932 => {
                        let text = String::from_utf8_lossy(&bytes);
                        let (encoded, _, lacking) = encoding_rs::SHIFT_JIS.encode(&text);
                        if lacking {
                            return out.write_all(&encoding_rs::SHIFT_JIS.encode(&spelled_out(&text)).0);
                        }
                        out.write_all(&encoded)
                    }
                }
            }
            Self::Json { out, columns, begun } => {
                let fields: Map<String, Value> = columns
                    .iter()
                    .zip(cells)
                    .map(|(column, cell)| (column.key.to_owned(), cell.json()))
                    .collect();
                let before: &[u8] = if *begun { b",\n" } else { b"[\n" };
                *begun = true;
                out.write_all(before)?;
                serde_json::to_writer(out, &fields).map_err(io::Error::from)
            }
        }
    }

    /// Ends the file.
    pub fn end(self) -> io::Result<()> {
        match self {
            Self::Csv { mut out, .. } => out.flush(),
            Self::Json { mut out, begun, .. } => {
                out.write_all(if begun { b"\n]\n" } else { b"[]\n" })?;
                out.flush()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] =
        &[Column { key: "name", heading: "名称" }, Column { key: "persons", heading: "人数" }];

    fn written(encoding: Encoding, rows: &[[Cell; 2]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut table = TableWriter::csv(&mut out, encoding, COLUMNS).unwrap();
        for row in rows {
            table.row(row).unwrap();
        }
        table.end().unwrap();
        out
    }

    #[test]
    fn csv_has_a_mark_a_header_and_quotes_where_they_are_needed() {
        let out = written(Encoding::Utf8, &[["架空,\"甲\"\n".into(), 940_i64.into()]]);
        assert_eq!(String::from_utf8(out).unwrap(), "\u{feff}名称,人数\r\n\"架空,\"\"甲\"\"\n\",940\r\n");
        let out = written(Encoding::Cp932, &[["髙橋①".into(), Cell::Empty]]);
        assert_eq!(encoding_rs::SHIFT_JIS.decode(&out).0, "名称,人数\r\n髙橋①,\r\n");
    }

    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        for text in ["=1+1", "+1", "-1", "@x", "＝1", "＋1", "－1", "＠x", "\tx", "\rx"] {
            assert_eq!(Cell::from(text).text(), format!("'{text}"));
        }
        assert_eq!(Cell::from("甲=乙").text(), "甲=乙");
        assert_eq!(Cell::from(-1_i64).text(), "-1");
    }

    #[test]
    fn what_cp932_lacks_is_told_by_line_and_column() {
        let found = unmappable(COLUMNS, &["𠮷野家😀😀".into(), Cell::Number(1)], 7);
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "7行目「名称」: 「𠮷」は CP932 にないため、〔U+20BB7〕と書きました。",
                "7行目「名称」: 「😀」は CP932 にないため、〔U+1F600〕と書きました。"
            ]
        );
        let out = written(Encoding::Cp932, &[["𠮷野家".into(), Cell::Number(1)]]);
        assert_eq!(encoding_rs::SHIFT_JIS.decode(&out).0, "名称,人数\r\n〔U+20BB7〕野家,1\r\n");
        assert!(unmappable(COLUMNS, &["株式会社 髙島㈱①～".into(), Cell::Number(1)], 2).is_empty());
    }

    #[test]
    fn json_is_an_array_of_objects() {
        let mut out = Vec::new();
        let mut table = TableWriter::json(&mut out, COLUMNS);
        table.row(&["=甲".into(), 3_i64.into()]).unwrap();
        table.row(&[Cell::Empty, Cell::Flag(true)]).unwrap();
        table.end().unwrap();
        let read: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, serde_json::json!([{"name": "=甲", "persons": 3}, {"name": null, "persons": true}]));
        let mut none = Vec::new();
        TableWriter::json(&mut none, COLUMNS).end().unwrap();
        assert_eq!(none, b"[]\n");
    }
}
