//! The corporate-number register's daily file (国税庁法人番号公表サイト, 差分データ): 30 columns, no header, CP932 or
//! UTF-8. A header row, as some extracts carry it, is skipped.

use chrono::NaiveDate;

use super::cell::{Cell, RowReader, corporate_number, line, quote, wrong};
use super::table::{self, FileError, Rows};
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::text_enum::TextEnum;
use crate::text_enum;

text_enum! {
    /// 処理区分: why the register published the row.
    pub enum Process {
        /// 新規
        New = "01",
        /// 商号又は名称の変更
        Renamed = "11",
        /// 国内所在地の変更
        Moved = "12",
        /// 国外所在地の変更
        MovedAbroad = "13",
        /// 登記記録の閉鎖等
        Closed = "21",
        /// 登記記録の復活等
        Reopened = "22",
        /// 吸収合併
        Merged = "71",
        /// 吸収合併無効
        MergerVoid = "72",
        /// 商号の登記の抹消
        NameErased = "81",
        /// 削除
        Deleted = "99",
    }
}

text_enum! {
    /// 法人種別.
    pub enum Kind {
        /// 国の機関
        State = "101",
        /// 地方公共団体
        Local = "201",
        /// 株式会社
        Kabushiki = "301",
        /// 有限会社
        Yugen = "302",
        /// 合名会社
        Gomei = "303",
        /// 合資会社
        Goshi = "304",
        /// 合同会社
        Godo = "305",
        /// その他の設立登記法人
        OtherRegistered = "399",
        /// 外国会社等
        Foreign = "401",
        /// その他
        Other = "499",
    }
}

text_enum! {
    /// 登記記録の閉鎖等の事由.
    pub enum CloseCause {
        /// 清算の結了等
        Liquidated = "01",
        /// 合併による解散等
        Merged = "11",
        /// 登記官による閉鎖
        ByRegistrar = "21",
        /// その他の清算の結了等
        OtherLiquidation = "31",
    }
}

/// A row of the register. Names and addresses are as published: characters beyond JIS stand as ＿ or only in
/// the image whose id the row carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRow {
    /// The line of the file.
    pub line: u64,
    pub corporate_number: CorporateNumber,
    pub process: Process,
    /// 訂正区分: the row corrects an earlier one.
    pub correct: bool,
    /// 更新年月日.
    pub updated_on: NaiveDate,
    /// 変更年月日: the day on which the change happened.
    pub changed_on: NaiveDate,
    /// Empty only where the row deletes.
    pub name: String,
    /// None only where the row deletes.
    pub kind: Option<Kind>,
    /// Prefecture, city and street in one, or the address abroad.
    pub address: String,
    pub closed_on: Option<NaiveDate>,
    pub close_cause: Option<CloseCause>,
    /// 承継先法人番号.
    pub successor: Option<CorporateNumber>,
    /// 最新履歴.
    pub latest: bool,
    pub en_name: Option<String>,
    pub furigana: Option<String>,
    /// 検索対象除外.
    pub hidden: bool,
}

/// The register's own names of its columns.
const COLUMNS: [&str; 30] = [
    "一連番号",
    "法人番号",
    "処理区分",
    "訂正区分",
    "更新年月日",
    "変更年月日",
    "商号又は名称",
    "商号又は名称イメージID",
    "法人種別",
    "国内所在地（都道府県）",
    "国内所在地（市区町村）",
    "国内所在地（丁目番地等）",
    "国内所在地イメージID",
    "都道府県コード",
    "市区町村コード",
    "郵便番号",
    "国外所在地",
    "国外所在地イメージID",
    "登記記録の閉鎖等年月日",
    "登記記録の閉鎖等の事由",
    "承継先法人番号",
    "変更事由の詳細",
    "法人番号指定年月日",
    "最新履歴",
    "商号又は名称（英語表記）",
    "国内所在地（都道府県）（英語表記）",
    "国内所在地（市区町村丁目番地等）（英語表記）",
    "国外所在地（英語表記）",
    "フリガナ",
    "検索対象除外",
];
const NUMBER: usize = 1;
/// Longest text of the register, as its specification gives it, and room to spare.
const MAX_TEXT: usize = 1_000;

/// Reads a daily file. Rows are in the file's order; a number may occur several times.
pub fn read(bytes: &[u8]) -> Result<Rows<RegisterRow>, FileError> {
    let sheet = table::open(bytes)?;
    // The last columns of the first row may be empty: they are columns all the same.
    let found = sheet.width(COLUMNS.len());
    if found != COLUMNS.len() {
        return Err(FileError::Columns(format!(
            "法人番号公表サイトのCSVは{}列です。1行目は{found}列です。",
            COLUMNS.len()
        )));
    }
    let table = sheet.into_table(0, found)?;
    let names: Vec<String> =
        COLUMNS.iter().enumerate().map(|(index, name)| format!("{}列目（{name}）", index + 1)).collect();
    let header = table.first.cells.get(NUMBER).map(|cell| cell.trim()) == COLUMNS.get(NUMBER).copied();
    let first = (!header).then_some(Ok(table.first));
    let mut found = Rows { encoding: table.encoding, rows: Vec::new(), bad: Vec::new() };
    for row in first.into_iter().chain(table.rest) {
        match row {
            Err(error) => found.bad.push(error),
            Ok(row) => {
                let mut reader = RowReader::new(&row, &names);
                let parsed = register_row(&mut reader, row.line);
                let errors = reader.into_errors();
                match parsed {
                    Some(parsed) if errors.is_empty() => found.rows.push(parsed),
                    _ => found.bad.extend(errors),
                }
            }
        }
    }
    Ok(found)
}

fn register_row(reader: &mut RowReader, line_number: u64) -> Option<RegisterRow> {
    let corporate_number_ = reader.required(NUMBER, corporate_number);
    let process = reader.required(2, code::<Process>);
    let correct = reader.required(3, flag);
    let updated_on = reader.required(4, iso_day);
    let changed_on = reader.required(5, iso_day);
    let deleted = process == Some(Process::Deleted);
    let (name, kind) = if deleted {
        (reader.optional(6, line(MAX_TEXT)).or(Some(String::new())), reader.optional(8, code::<Kind>))
    } else {
        (reader.required(6, line(MAX_TEXT)), reader.required(8, code::<Kind>))
    };
    let inside: Vec<String> = (9..=11).filter_map(|column| reader.optional(column, line(MAX_TEXT))).collect();
    let outside = reader.optional(16, line(MAX_TEXT));
    let closed_on = reader.optional(18, iso_day);
    let close_cause = reader.optional(19, code::<CloseCause>);
    let successor = reader.optional(20, corporate_number);
    let latest = reader.required(23, flag);
    let en_name = reader.optional(24, line(MAX_TEXT));
    let furigana = reader.optional(28, line(MAX_TEXT));
    let hidden = reader.required(29, flag);
    Some(RegisterRow {
        line: line_number,
        corporate_number: corporate_number_?,
        process: process?,
        correct: correct?,
        updated_on: updated_on?,
        changed_on: changed_on?,
        name: name?,
        kind,
        address: if inside.is_empty() { outside.unwrap_or_default() } else { inside.concat() },
        closed_on,
        close_cause,
        successor,
        latest: latest?,
        en_name,
        furigana,
        hidden: hidden?,
    })
}

fn code<T: TextEnum>(text: &str) -> Cell<T> {
    let known: Vec<&str> = T::ALL.iter().map(|value| value.as_str()).collect();
    match T::parse(text) {
        Some(value) => Ok(value),
        None => wrong(
            "unknown_code",
            format!("{}は使われないコードです。{} のいずれかが必要です。", quote(text), known.join("・")),
        ),
    }
}

fn flag(text: &str) -> Cell<bool> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => wrong("not_a_flag", format!("{}は0でも1でもありません。", quote(text))),
    }
}

fn iso_day(text: &str) -> Cell<NaiveDate> {
    match text.parse() {
        Ok(day) => Ok(day),
        Err(_) => wrong(
            "not_a_date",
            format!("{}は日付として読めません。2026-04-01 の形の実在する日が必要です。", quote(text)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::real_file;
    use crate::exchange::table::Encoding;

    /// An invented company whose number can belong to nobody.
    const ROW: &str = "1,9000000000000,01,0,2026-04-02,2026-04-01,\"株式会社架空＿\",00012345,301,\"架空県\",\"例示市\",\"一丁目１番１号\",,99,999,0000000,,,,,,,2026-04-01,1,,,,,\"カクウ\",0";

    fn with(column: usize, value: &str) -> String {
        let mut cells: Vec<&str> = ROW.split(',').collect();
        cells[column] = value;
        cells.join(",")
    }

    #[test]
    fn a_row_with_an_image_and_a_missing_character() {
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(ROW);
        let read = read(&bytes).unwrap();
        assert_eq!((read.encoding, read.bad.len()), (Encoding::Cp932, 0));
        let row = &read.rows[0];
        assert_eq!(
            (row.process, row.kind, row.correct, row.latest, row.hidden),
            (Process::New, Some(Kind::Kabushiki), false, true, false)
        );
        assert_eq!(
            (row.name.as_str(), row.address.as_str()),
            ("株式会社架空＿", "架空県例示市一丁目１番１号")
        );
        assert_eq!(row.furigana.as_deref(), Some("カクウ"));
    }

    #[test]
    fn every_mistake_is_named() {
        let text = [
            COLUMNS.join(","),
            with(1, "1000000000000"),
            with(2, "02"),
            with(4, "2026-02-30"),
            with(6, ""),
            with(20, "12"),
            with(29, "x"),
            with(2, "99"),
            "1,2".to_owned(),
        ]
        .join("\r\n");
        let read = read(text.as_bytes()).unwrap();
        let bad: Vec<_> = read.bad.iter().map(|e| (e.line, e.code)).collect();
        assert_eq!(
            bad,
            [
                (2, "corporate_number"),
                (3, "unknown_code"),
                (4, "not_a_date"),
                (5, "required"),
                (6, "corporate_number"),
                (7, "not_a_flag"),
                (9, "column_count"),
            ]
        );
        assert_eq!(read.bad[3].column, "7列目（商号又は名称）");
        assert_eq!(read.rows.len(), 1);
        assert!(super::read(b"a,b\n").is_err());
    }

    #[test]
    fn every_row_of_the_real_register_is_read() {
        for (path, encoding, rows) in [
            ("diff_20210714.csv", Encoding::Utf8, None),
            ("diff_20260819.csv", Encoding::Cp932, Some(2_254)),
            ("diff_20260820.csv", Encoding::Cp932, Some(1_991)),
            ("vendor_master_dev.csv", Encoding::Utf8Bom, Some(998)),
        ] {
            let Some(bytes) = real_file(&format!("nta_houjin/{path}")) else { continue };
            let read = read(&bytes).unwrap();
            assert_eq!((read.encoding, &read.bad), (encoding, &Vec::new()), "{path}");
            assert_eq!(read.rows.len(), rows.unwrap_or(read.rows.len()), "{path}");
            assert!(read.rows.iter().any(|row| row.process == Process::Merged));
            assert!(read.rows.iter().all(|row| !row.address.is_empty() && row.kind.is_some()), "{path}");
            println!("{path}: {} rows", read.rows.len());
        }
    }

    /// What docs/rules.md says of the codes, by the days on which they were seen.
    #[test]
    fn n16_what_the_codes_of_the_real_register_mean() {
        // Rows, of them 訂正; 吸収合併; closed by a merger, of them with a successor; 復活.
        for (path, expected) in [
            ("diff_20210714.csv", [2_772, 1_493, 42, 30, 30, 5]),
            ("diff_20260819.csv", [2_254, 709, 33, 17, 16, 14]),
            ("diff_20260820.csv", [1_991, 661, 17, 18, 18, 1]),
        ] {
            let Some(bytes) = real_file(&format!("nta_houjin/{path}")) else { continue };
            let rows = read(&bytes).unwrap().rows;
            let count = |is: &dyn Fn(&RegisterRow) -> bool| rows.iter().filter(|row| is(row)).count();
            let merged = |row: &RegisterRow| row.close_cause == Some(CloseCause::Merged);
            let counts = [
                rows.len(),
                count(&|row| row.correct),
                count(&|row| row.process == Process::Merged),
                count(&merged),
                count(&|row| merged(row) && row.successor.is_some()),
                count(&|row| row.process == Process::Reopened),
            ];
            assert_eq!(counts, expected, "{path}");
            let share = counts[1] * 100 / counts[0];
            assert!((31..=56).contains(&share), "{path}: {share} % of the rows publish an old event anew");
            // Process 71 is of the absorbing company: it goes on. The absorbed one comes as 21 with cause 11.
            let goes_on = |row: &RegisterRow| row.closed_on.is_none() && row.successor.is_none();
            assert!(rows.iter().filter(|row| row.process == Process::Merged).all(goes_on), "{path}");
            assert!(rows.iter().filter(|row| row.process == Process::Reopened).all(goes_on), "{path}");
            let is_closed = |row: &RegisterRow| row.closed_on.is_some() && row.close_cause.is_some();
            assert!(rows.iter().all(|row| is_closed(row) == (row.process == Process::Closed)), "{path}");
        }
    }

    #[test]
    fn every_number_of_the_real_registers_is_right() {
        for path in ["jpgovs.csv", "localgovs.csv"] {
            let Some(bytes) = real_file(&format!("nta_houjin/{path}")) else { continue };
            let table = table::read(&bytes).unwrap();
            for row in &table.rest {
                let row = row.as_ref().unwrap();
                row.cells[0]
                    .parse::<CorporateNumber>()
                    .unwrap_or_else(|e| panic!("{path} {}: {e}", row.line));
            }
        }
    }
}
