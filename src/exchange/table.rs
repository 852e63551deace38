//! Bytes → text → rows: encodings as Japanese offices send them, CSV with the lines a person sees in an editor.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::cell::quote;
use crate::domain::text::{search_key, whole_number};
use crate::text_enum;

/// Largest file read.
pub const MAX_BYTES: usize = 20 * 1024 * 1024;
/// Most rows read after the first, which is a header in most files.
pub const MAX_ROWS: usize = 100_000;
/// Longest cell, in characters.
pub const MAX_CELL: usize = 10_000;

text_enum! {
    /// How a file's characters are written.
    pub enum Encoding { Utf8 = "utf-8", Utf8Bom = "utf-8-bom", Cp932 = "cp932" }
}

/// Why a file as a whole cannot be read, in the users' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("ファイルが空です。")]
    Empty,
    #[error("ファイルが大きすぎます（{0}バイト）。20MiBまで読み込めます。分割してください。")]
    TooLarge(usize),
    #[error("行数が多すぎます。100,000行まで読み込めます。分割してください。")]
    TooManyRows,
    #[error(
        "UTF-16のファイルは読み込めません。「CSV UTF-8」形式またはShift_JIS（CP932）のCSVで保存し直してください。"
    )]
    Utf16,
    #[error(
        "電子メール用の文字コード（JIS、ISO-2022-JP）のファイルは読み込めません。Excelなら「名前を付けて保存」で「CSV UTF-8」を選び、保存し直してください。"
    )]
    Jis,
    #[error("列がタブまたはセミコロンで区切られています。区切りはカンマにしてください。")]
    Delimiter,
    #[error("Excelブックなどの圧縮形式のファイルは読み込めません。CSV形式で保存し直してください。")]
    Archive,
    #[error("CSVではないデータが含まれています（{line}行目、先頭から{offset}バイト目）。")]
    Binary { offset: usize, line: u64 },
    #[error(
        "文字コードを判別できません。{line}行目（先頭から{offset}バイト目）がUTF-8としてもShift_JIS（CP932）としても読めません。"
    )]
    Encoding { offset: usize, line: u64 },
    #[error(
        "様式を判別できません。1行目は{first}で始まる{columns}列です。雛形のCSV、gBizINFOまたは調達ポータルの落札実績のCSVを指定してください。"
    )]
    UnknownForm { first: String, columns: usize },
    #[error("見出しに誤りがあります。{0}")]
    Columns(String),
}

impl FileError {
    /// The stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::TooLarge(_) => "file_too_large",
            Self::TooManyRows => "too_many_rows",
            Self::Utf16 => "utf16",
            Self::Jis => "iso_2022_jp",
            Self::Delimiter => "delimiter",
            Self::Archive => "archive",
            Self::Binary { .. } => "binary",
            Self::Encoding { .. } => "unknown_encoding",
            Self::UnknownForm { .. } => "unknown_form",
            Self::Columns(_) => "wrong_columns",
        }
    }
}

/// What stands in the place of a column where a row as a whole is meant.
pub const WHOLE_ROW: &str = "（行全体）";

/// What is wrong with one cell or one row.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RowError {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    /// The column's header, its position where the file has none, or （行全体）.
    pub column: String,
    /// Stable code of the cause.
    pub code: &'static str,
    /// What was found and what is expected, in Japanese.
    pub message: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}行目 {}: {}", self.line, self.column, self.message)
    }
}

impl RowError {
    /// An error about a row as a whole.
    pub fn whole(line: u64, code: &'static str, message: String) -> Self {
        Self { line, column: WHOLE_ROW.to_owned(), code, message }
    }
}

/// Something about a row that was understood in a way which a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub line: u64,
    pub message: String,
}

/// One row and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    /// As many as the first row of the file has.
    pub cells: Vec<String>,
}

/// A file's rows as they stand, of any width; at least one. Rows whose cells are all empty are not rows, nor is the
/// line `sep=,` by which Excel is told the delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    pub encoding: Encoding,
    /// Each with whether it opens a quotation that nothing closes.
    rows: Vec<(Row, bool)>,
}

/// Rows of one width from a first one on, which may be a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub encoding: Encoding,
    /// Lines that stand above the first row: a title, a day of printing.
    pub above: Vec<Row>,
    /// What the file's first row has, header or not.
    pub first: Row,
    /// Every later row, or what is wrong with its shape.
    pub rest: Vec<Result<Row, RowError>>,
}

/// Rows looked at for a header: people put a title and a day of printing above it.
const LOOKED_AT: usize = 20;

impl Sheet {
    /// The first row's cells without the spaces around them.
    pub fn first(&self) -> Vec<&str> {
        self.rows.first().map(|(row, _)| trimmed(row)).unwrap_or_default()
    }

    /// The place of the first of the leading rows that is a header.
    pub fn header(&self, is_header: impl Fn(&[&str]) -> bool) -> Option<usize> {
        self.rows.iter().take(LOOKED_AT).position(|(row, _)| is_header(&trimmed(row)))
    }

    /// The header in that place: its cells without the spaces around them, and without the empty ones at the end that
    /// spreadsheets leave where a column once stood.
    pub fn header_cells(&self, place: usize) -> Vec<&str> {
        self.rows.get(place).map(|(row, _)| trimmed(row)).map(without_tail).unwrap_or_default()
    }

    /// How many columns the first row has, those of a spreadsheet's empty tail left out, but no fewer than `least`.
    pub fn width(&self, least: usize) -> usize {
        let Some((row, _)) = self.rows.first() else { return 0 };
        without_tail(trimmed(row)).len().max(row.cells.len().min(least))
    }

    /// The rows from `place` on, each of `width` columns. What stands in no column is empty, or the row is bad.
    pub fn into_table(self, place: usize, width: usize) -> Result<Table, FileError> {
        let encoding = self.encoding;
        let mut rows = self.rows.into_iter();
        let above = rows.by_ref().take(place).map(|(row, _)| row).collect();
        let (mut first, _) = rows.next().ok_or(FileError::Empty)?;
        if rows.len() > MAX_ROWS {
            return Err(FileError::TooManyRows);
        }
        first.cells.truncate(width);
        let of_first = first.line;
        let rest = rows.map(|(row, open)| shaped(row, width, of_first, open)).collect();
        Ok(Table { encoding, above, first, rest })
    }
}

impl Table {
    /// That lines above the first row were left out, if any were.
    pub fn note_above(&self) -> Option<Note> {
        let first = self.above.first()?;
        let shown = trimmed(first).into_iter().find(|cell| !cell.is_empty()).unwrap_or_default();
        let message =
            format!("見出しより上の{}行（{}など）は読んでいません。", self.above.len(), quote(shown));
        Some(Note { line: first.line, message })
    }
}

fn trimmed(row: &Row) -> Vec<&str> {
    row.cells.iter().map(|cell| cell.trim()).collect()
}

fn without_tail(mut cells: Vec<&str>) -> Vec<&str> {
    while cells.last().is_some_and(|cell| cell.is_empty()) {
        cells.pop();
    }
    cells
}

impl Row {
    /// Whether the row is a sum below others: 合計 or the like, and beside it nothing but numbers.
    pub fn is_total(&self) -> bool {
        const WORDS: [&str; 8] = ["合計", "小計", "総計", "総合計", "累計", "計", "合計額", "合計金額"];
        let mut cells = trimmed(self).into_iter().filter(|cell| !cell.is_empty());
        let is_word = |cell: &str| {
            let key = search_key(cell);
            WORDS.contains(&key.trim_matches(['(', ')', '[', ']', ':', '【', '】']))
        };
        let is_number = |cell: &str| {
            let plain: String = cell.nfkc().collect();
            whole_number(plain.trim().trim_end_matches(['件', '人', '名', '行'])).is_ok()
        };
        cells.next().is_some_and(is_word) && cells.all(is_number)
    }

    /// That the row, a sum, was left out.
    pub fn note_total(&self) -> Note {
        Note { line: self.line, message: "合計の行なので、数えていません。".to_owned() }
    }
}

/// Rows as read, and what was wrong with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T> {
    pub encoding: Encoding,
    pub rows: Vec<T>,
    pub bad: Vec<RowError>,
}

/// Decodes a file: a byte order mark or valid UTF-8 → UTF-8, else CP932 (Windows-31J) where every byte is a
/// character of it. The mark is taken off.
pub fn decode(bytes: &[u8]) -> Result<(String, Encoding), FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::TooLarge(bytes.len()));
    }
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(FileError::Utf16);
    }
    // .xlsx is a ZIP archive; .xls begins with the signature of Microsoft's compound files.
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(FileError::Archive);
    }
    // The first escapes of JIS to two-byte characters and to katakana.
    if [b"\x1B$B", b"\x1B$@", b"\x1B(I"].iter().any(|mark| bytes.windows(3).any(|at| at == *mark)) {
        return Err(FileError::Jis);
    }
    // Old programs end a text with Ctrl+Z.
    let bytes = bytes.trim_ascii_end().strip_suffix(b"\x1A").unwrap_or(bytes);
    if let Some(offset) = bytes.iter().position(|b| *b == 0) {
        return Err(FileError::Binary { offset, line: line_at(bytes, offset) });
    }
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return match std::str::from_utf8(rest) {
            Ok(text) => Ok((text.to_owned(), Encoding::Utf8Bom)),
            Err(e) => Err(undecodable(bytes, e.valid_up_to() + 3)),
        };
    }
    let utf8_end = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok((text.to_owned(), Encoding::Utf8)),
        Err(e) => e.valid_up_to(),
    };
    // The reading that went further is the more telling one.
    cp932(bytes).map(|text| (text, Encoding::Cp932)).map_err(|end| undecodable(bytes, end.max(utf8_end)))
}

fn undecodable(bytes: &[u8], offset: usize) -> FileError {
    FileError::Encoding { offset, line: line_at(bytes, offset) }
}

/// The text, or the offset of the first byte that is no CP932.
fn cp932(bytes: &[u8]) -> Result<String, usize> {
    use encoding_rs::{DecoderResult, SHIFT_JIS};
    let mut decoder = SHIFT_JIS.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
    let mut text = String::with_capacity(room.unwrap_or(bytes.len() * 3));
    match decoder.decode_to_string_without_replacement(bytes, &mut text, true) {
        (DecoderResult::InputEmpty, _) => Ok(text),
        (DecoderResult::Malformed(bad, after), read) => Err(read - usize::from(bad) - usize::from(after)),
        (DecoderResult::OutputFull, read) => Err(read),
    }
}

fn line_at(bytes: &[u8], offset: usize) -> u64 {
    let mut lines = Lines { bytes, at: 0, line: 1 };
    lines.advance_to(offset)
}

/// Counts physical lines: CR LF, LF and a lone CR each end one.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the byte at `offset`; offsets only grow.
    fn advance_to(&mut self, offset: usize) -> u64 {
        while self.at < offset {
            match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (None, _) => break,
                (Some(b'\n'), _) => self.line += 1,
                (Some(b'\r'), next) if next != Some(&b'\n') => self.line += 1,
                _ => {}
            }
            self.at += 1;
        }
        self.line
    }

    /// The line of the first byte at or after `offset` that does not end a line: the parser's offset of a row
    /// lies before the line ends and blank lines that it skips.
    fn of_row(&mut self, offset: usize) -> u64 {
        let skipped = self.bytes.iter().skip(offset).take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.advance_to(offset + skipped)
    }
}

/// Reads a whole CSV file into rows of the width of its first, an empty tail of which is none.
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    let sheet = open(bytes)?;
    let width = sheet.width(0);
    sheet.into_table(0, width)
}

/// Reads a whole CSV file.
pub fn open(bytes: &[u8]) -> Result<Sheet, FileError> {
    let (text, encoding) = decode(bytes)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut lines = Lines { bytes: text.as_bytes(), at: 0, line: 1 };
    let mut rows: Vec<(Row, bool)> = Vec::new();
    let mut record = csv::StringRecord::new();
    // The text is UTF-8 in memory and rows may be ragged, so no read fails; one that did would end the file.
    while let Ok(true) = reader.read_record(&mut record) {
        let start = record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(usize::MAX));
        let end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() > MAX_ROWS + LOOKED_AT {
            return Err(FileError::TooManyRows);
        }
        let row = Row { line: lines.of_row(start), cells: record.iter().map(str::to_owned).collect() };
        if rows.is_empty() && delimits(&row) {
            continue;
        }
        let open = text.get(start..end).is_some_and(|raw| end >= text.len() && left_open(raw));
        rows.push((row, open));
    }
    match rows.first().map(|(row, _)| row.cells.as_slice()) {
        None => return Err(FileError::Empty),
        Some([only]) if only.contains(['\t', ';']) => return Err(FileError::Delimiter),
        Some(_) => {}
    }
    Ok(Sheet { encoding, rows })
}

/// The line `sep=,`, also where a program quoted it.
fn delimits(row: &Row) -> bool {
    let text = row.cells.join(",");
    text.trim().trim_end_matches(',').eq_ignore_ascii_case("sep=")
}

/// Whether the last row of a file opens a quotation that nothing closes, and so swallowed the lines after it.
fn left_open(raw: &str) -> bool {
    let quotes = raw.bytes().filter(|b| *b == b'"').count();
    quotes % 2 == 1 && (raw.trim_start().starts_with('"') || raw.contains(",\""))
}

fn shaped(mut row: Row, width: usize, first: u64, open: bool) -> Result<Row, RowError> {
    let line = row.line;
    if open {
        let message =
            "引用符（\"）が閉じられていないため、ここからファイルの終わりまでが1行として読まれます。"
                .to_owned();
        return Err(RowError::whole(line, "unclosed_quote", message));
    }
    if row.cells.iter().skip(width).all(|cell| cell.trim().is_empty()) {
        row.cells.truncate(width);
    }
    if row.cells.len() != width {
        let message = format!("列の数が{}です。{first}行目と同じ{width}列にしてください。", row.cells.len());
        return Err(RowError::whole(line, "column_count", message));
    }
    for (index, cell) in row.cells.iter().enumerate() {
        let length = cell.chars().count();
        if length > MAX_CELL {
            let message = format!("{length}文字あります。1つの欄は{MAX_CELL}文字までです。");
            return Err(RowError { line, column: format!("{}列目", index + 1), code: "too_long", message });
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cp932_bytes(text: &str) -> Vec<u8> {
        let (bytes, _, lossy) = encoding_rs::SHIFT_JIS.encode(text);
        assert!(!lossy);
        bytes.into_owned()
    }

    #[test]
    fn encodings_are_told_apart() {
        let text = "件名,㈱架空①髙,ｶﾅ～－\r\n";
        assert_eq!(decode(text.as_bytes()).unwrap(), (text.to_owned(), Encoding::Utf8));
        assert_eq!(
            decode(format!("\u{feff}{text}").as_bytes()).unwrap(),
            (text.to_owned(), Encoding::Utf8Bom)
        );
        assert_eq!(decode(&cp932_bytes(text)).unwrap(), (text.to_owned(), Encoding::Cp932));
        assert_eq!(decode(b"\xFF\xFEa\0"), Err(FileError::Utf16));
        assert_eq!(decode(b"\xFE\xFF\0a"), Err(FileError::Utf16));
        assert_eq!(decode(b"PK\x03\x04rest"), Err(FileError::Archive));
        let (jis, _, _) = encoding_rs::ISO_2022_JP.encode(text);
        assert_eq!(decode(&jis), Err(FileError::Jis));
        assert_eq!(decode("件名\r\n\x1a".as_bytes()).unwrap().0, "件名\r\n");
        assert_eq!(decode(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0"), Err(FileError::Archive));
        assert_eq!(decode(b"a,b\nc\0"), Err(FileError::Binary { offset: 5, line: 2 }));
        assert_eq!(decode(&vec![b'a'; MAX_BYTES + 1]), Err(FileError::TooLarge(MAX_BYTES + 1)));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_offset_and_line() {
        let mut bytes = cp932_bytes("件名\r\n委託\r\n");
        bytes.extend(b"ab\xFF");
        assert_eq!(decode(&bytes), Err(FileError::Encoding { offset: 14, line: 3 }));
        assert_eq!(decode(b"\xEF\xBB\xBFab\n\xE3\x81"), Err(FileError::Encoding { offset: 6, line: 2 }));
        let cut = [cp932_bytes("件名\n").as_slice(), b"\x81"].concat();
        assert_eq!(decode(&cut), Err(FileError::Encoding { offset: 5, line: 2 }));
        assert!(decode(&cut).unwrap_err().to_string().contains("2行目（先頭から5バイト目）"));
    }

    fn lines(text: &str) -> Vec<u64> {
        let table = read(text.as_bytes()).unwrap();
        let rest = table.rest.iter().map(|row| match row {
            Ok(row) => row.line,
            Err(error) => error.line,
        });
        std::iter::once(table.first.line).chain(rest).collect()
    }

    #[test]
    fn lines_are_those_an_editor_shows() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["", "a,b", "1,\"x", "y\"", "", ",", "2,z", "3,w", ""].join(end);
            assert_eq!(lines(&text), [2, 3, 7, 8], "{end:?}");
        }
    }

    #[test]
    fn rows_of_the_wrong_shape_are_errors_by_line() {
        let long = "長".repeat(MAX_CELL + 1);
        let table = read(format!("a,b\n1\n1,2,3\n1,{long}\n1,2\n1,\"2\n3,4\n").as_bytes()).unwrap();
        let found: Vec<_> = table
            .rest
            .iter()
            .map(|row| row.as_ref().map_or_else(|e| (e.line, e.code), |row| (row.line, "ok")))
            .collect();
        assert_eq!(
            found,
            [(2, "column_count"), (3, "column_count"), (4, "too_long"), (5, "ok"), (6, "unclosed_quote")]
        );
        let Err(error) = &table.rest[0] else { panic!() };
        assert_eq!(error.to_string(), "2行目 （行全体）: 列の数が1です。1行目と同じ2列にしてください。");
    }

    #[test]
    fn other_delimiters_are_named() {
        for text in ["契約番号\t件名\nA\tB\n", "契約番号;件名\n1,2\n"] {
            assert_eq!(read(text.as_bytes()).unwrap_err(), FileError::Delimiter, "{text}");
        }
        assert!(read("契約番号,件名\nA,\"x\ty\"\n".as_bytes()).is_ok());
    }

    #[test]
    fn what_spreadsheets_leave_around_a_table_is_no_part_of_it() {
        let sheet = open("sep=,\r\n令和8年度 契約一覧,,,,\r\n\r\n番号 ,件名,金額,,\r\nA,甲,1,,\r\nB,乙,2,,x\r\n合計,,\"1,234\",,\r\n\x1a".as_bytes()).unwrap();
        assert_eq!(sheet.first(), ["令和8年度 契約一覧", "", "", "", ""]);
        let place = sheet.header(|cells| cells.contains(&"件名")).unwrap();
        assert_eq!(sheet.header_cells(place), ["番号", "件名", "金額"]);
        let table = sheet.into_table(place, 3).unwrap();
        assert_eq!((table.above.len(), table.above[0].line, table.first.line), (1, 2, 4));
        let rest: Vec<_> = table.rest.iter().map(|row| row.as_ref().map_err(|e| (e.line, e.code))).collect();
        assert_eq!(rest[0].unwrap().cells, ["A", "甲", "1"]);
        assert_eq!(rest[1], Err((6, "column_count")));
        assert!(rest[2].unwrap().is_total() && !rest[0].unwrap().is_total());
        assert_eq!(open(b"\"sep=,\"\na,b\n").unwrap().first(), ["a", "b"]);
        assert_eq!(open(b"sep=;\na;b\n").unwrap_err(), FileError::Delimiter);
        let total = |cells: &[&str]| {
            Row { line: 1, cells: cells.iter().map(|c| (*c).to_owned()).collect() }.is_total()
        };
        assert!(total(&["【合　計】", "", "１２件", "12,000円"]) && total(&["", "小計", "5"]));
        assert!(!total(&["合計", "架空業務", "5"]) && !total(&["計算業務", "5"]) && !total(&["5"]));
    }

    #[test]
    fn limits_hold() {
        assert_eq!(read(b"").unwrap_err(), FileError::Empty);
        assert_eq!(read(b"\r\n,,\r\n").unwrap_err(), FileError::Empty);
        assert_eq!(read("a\n".repeat(MAX_ROWS + 1).as_bytes()).unwrap().rest.len(), MAX_ROWS);
        assert_eq!(read("a\n".repeat(MAX_ROWS + 2).as_bytes()).unwrap_err(), FileError::TooManyRows);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec(prop::collection::vec("[あ-んa-z\",\r\n ]{1,8}", 3), 1..8)) {
            prop_assume!(rows.iter().all(|row| row.iter().any(|cell| !cell.trim().is_empty())));
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let table = open(&writer.into_inner().unwrap()).unwrap().into_table(0, 3).unwrap();
            let rest = table.rest.into_iter().map(|row| row.unwrap().cells);
            let back: Vec<_> = std::iter::once(table.first.cells).chain(rest).collect();
            prop_assert_eq!(back, rows);
        }
    }
}
