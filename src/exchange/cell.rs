//! Cells → values, with every error of a row collected in the users' words.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, Weekday};
use unicode_normalization::UnicodeNormalization;

use super::table::{Row, RowError};
use crate::domain::calendar::{fiscal_year, fiscal_year_range, parse_day, parse_fiscal_year, wareki};
use crate::domain::characters::{Lines, clean, is_blank};
use crate::domain::corporate_number::{CorporateNumber, NotACorporateNumber};
use crate::domain::limits::{FIRST_YEAR, MAX_PERSONS, MAX_YEN};
use crate::domain::placeholder::{NoName, no_name, no_title};
use crate::domain::text::{self, NotWhole, contains_my_number, search_key};

/// What is wrong with a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellError {
    pub code: &'static str,
    pub message: String,
}

/// A value, or why the cell holds none.
pub type Cell<T> = Result<T, CellError>;

/// An error with a stable code and words for people.
pub fn wrong<T>(code: &'static str, message: String) -> Cell<T> {
    Err(CellError { code, message })
}

/// One row being read: hands out cells by name and keeps what was wrong with them.
pub struct RowReader<'a> {
    row: &'a Row,
    /// What each column is called in messages.
    names: &'a [String],
    errors: Vec<RowError>,
}

impl<'a> RowReader<'a> {
    /// Reads `row`, whose columns are called `names`.
    pub fn new(row: &'a Row, names: &'a [String]) -> Self {
        Self { row, names, errors: Vec::new() }
    }

    /// The cell of a column without the spaces around it; empty where the file has no such column.
    pub fn text(&self, column: usize) -> &'a str {
        self.row.cells.get(column).map_or("", |cell| cell.trim())
    }

    /// The value of a cell that may be empty.
    pub fn optional<T>(&mut self, column: usize, parse: impl FnOnce(&str) -> Cell<T>) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        match stands_for_nothing(text).and_then(|()| parse(text)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(column, error.code, error.message);
                None
            }
        }
    }

    /// The value of a cell that must not be empty.
    pub fn required<T>(&mut self, column: usize, parse: impl FnOnce(&str) -> Cell<T>) -> Option<T> {
        if self.text(column).is_empty() {
            self.refuse(column, "required", "空欄です。必ず入力してください。".to_owned());
        }
        self.optional(column, parse)
    }

    /// Records what is wrong with a cell.
    pub fn refuse(&mut self, column: usize, code: &'static str, message: String) {
        let column = self.names.get(column).cloned().unwrap_or_else(|| format!("{}列目", column + 1));
        self.errors.push(RowError { line: self.row.line, column, code, message });
    }

    /// What was wrong with the row.
    pub fn into_errors(self) -> Vec<RowError> {
        self.errors
    }
}

/// Refuses what says of a value only where it stands, and what a spreadsheet shows in the place of a value.
fn stands_for_nothing(text: &str) -> Cell<()> {
    const DITTO: [&str; 9] = ["同上", "同右", "上に同じ", "上記と同じ", "〃", "″", "仝", "々", "\""];
    const EXCEL: [&str; 7] = ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"];
    let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    if DITTO.iter().any(|word| *word == text || *word == plain) {
        return wrong(
            "ditto",
            format!("{}は読み取れません。上の行と同じ値を入力してください。", quote(text)),
        );
    }
    let filled = plain.len() >= 3 && plain.bytes().all(|b| b == b'#');
    if filled || EXCEL.contains(&plain.as_str()) {
        let message = format!(
            "{}は、Excelが値を表示できなかったときの記号です。Excelで列の幅または式を直し、値が見える状態で保存し直してください。",
            quote(text)
        );
        return wrong("excel_error", message);
    }
    Ok(())
}

/// Refuses a number that Excel wrote as 9.00E+12: the digits it cut off are in no cell any more.
fn unrounded(text: &str) -> Cell<()> {
    let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let rounded = plain.split_once(['E', 'e']).is_some_and(|(number, power)| {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        digits(whole) && digits(fraction) && power.strip_prefix('+').is_some_and(digits)
    });
    if !rounded {
        return Ok(());
    }
    let message = format!(
        "{}は、Excelが長い数字を指数で表したもので、下の桁が失われています。元の番号や数を確かめ、列の表示形式を「文字列」（金額は「数値」）にしてから入力し直してください。",
        quote(text)
    );
    wrong("excel_exponent", message)
}

/// Text of one line that is a number of a contract or a document by its nature. Twelve digits may be one; whether they are
/// a 個人番号 is asked where it is taken in.
pub fn number_text(most: usize) -> impl Fn(&str) -> Cell<String> {
    move |text| {
        unrounded(text)?;
        cleaned(text, most, Lines::Single)
    }
}

/// What was found, short and harmless enough to be shown: a 個人番号 in the wrong cell is not repeated.
pub fn quote(found: &str) -> String {
    if contains_my_number(found) {
        return "（個人番号と思われる番号を含む値）".to_owned();
    }
    if is_blank(found) {
        return "（見える文字のない値）".to_owned();
    }
    let harmless = |c: char| clean(c.encode_utf8(&mut [0; 4]), Lines::Single).is_ok();
    let mut shown: String =
        found.chars().take(40).map(|c| if harmless(c) { c } else { '\u{fffd}' }).collect();
    if found.chars().nth(40).is_some() {
        shown.push('…');
    }
    format!("「{shown}」")
}

/// Text of one line, at most `most` characters, without 個人番号.
pub fn line(most: usize) -> impl Fn(&str) -> Cell<String> {
    move |text| free_text(text, most, Lines::Single)
}

/// Text that may have several lines, at most `most` characters, without 個人番号.
pub fn lines(most: usize) -> impl Fn(&str) -> Cell<String> {
    move |text| free_text(text, most, Lines::Multi)
}

/// Name of a company on one line: no 「同上」, no dash, no number in its place.
pub fn company_name(most: usize) -> impl Fn(&str) -> Cell<String> {
    move |text| named(line(most)(text)?, "名称", no_name)
}

/// Title of a contract on one line, likewise.
pub fn contract_title(most: usize) -> impl Fn(&str) -> Cell<String> {
    move |text| named(line(most)(text)?, "件名", no_title)
}

fn named(text: String, what: &str, why_not: fn(&str) -> Option<NoName>) -> Cell<String> {
    match why_not(&text) {
        None => Ok(text),
        Some(why) => wrong(why.code(), format!("{}は{}", quote(&text), why.message(what))),
    }
}

fn free_text(text: &str, most: usize, allowed: Lines) -> Cell<String> {
    let text = cleaned(text, most, allowed)?;
    if contains_my_number(&text) {
        // The text is not quoted: the number would stand in the message.
        return wrong(
            "my_number",
            "個人番号（マイナンバー）と思われる12桁の番号が含まれています。台帳には記録できません。"
                .to_owned(),
        );
    }
    Ok(text)
}

fn cleaned(text: &str, most: usize, allowed: Lines) -> Cell<String> {
    let length = text.chars().count();
    if length > most {
        return wrong("too_long", format!("{length}文字あります。{most}文字までにしてください。"));
    }
    if is_blank(text) {
        return wrong("required", "見える文字がありません。入力してください。".to_owned());
    }
    if let Err(problem) = clean(text, allowed) {
        return wrong(problem.code(), problem.to_string());
    }
    Ok(text.to_owned())
}

/// A day in any way of writing that the calendar reads, or as spreadsheets and gBizINFO write it; not before 1947 and
/// not after the tenth 年度 from that of `today`.
pub fn day(today: NaiveDate) -> impl Fn(&str) -> Cell<NaiveDate> {
    move |text| {
        let day = any_day(text)?;
        let last = last_fiscal_year(today);
        if day.year() < FIRST_YEAR || day > fiscal_year_range(last).1 {
            let message = format!(
                "{}は{}年の日付です。{FIRST_YEAR}年から{last}年度末（{}）までの日付を入力してください。",
                quote(text),
                day.year(),
                wareki(fiscal_year_range(last).1)
            );
            return wrong("date_out_of_range", message);
        }
        Ok(day)
    }
}

/// Japan's offset, in seconds: gBizINFO's instants are midnights there.
const JAPAN: i32 = 9 * 60 * 60;

/// A day in any way of writing: as the calendar reads it, as an instant, as a spreadsheet's number, in eight digits;
/// with a time behind it or the day of the week, which must be its own.
pub fn any_day(text: &str) -> Cell<NaiveDate> {
    let plain: String = text.nfkc().collect();
    let (plain, weekday) = without_weekday(plain.trim());
    let day = parse_day(plain)
        .or_else(|| instant(plain))
        .or_else(|| parse_day(without_time(plain)?))
        .or_else(|| eight_digits(plain))
        .or_else(|| serial(plain));
    let Some(day) = day else {
        let message = format!(
            "{}は日付として読めません。2026-04-01、2026/4/1、令和8年4月1日 のように実在する日を入力してください。",
            quote(text)
        );
        return wrong("not_a_date", message);
    };
    match weekday {
        Some(weekday) if weekday != day.weekday() => {
            let message = format!(
                "{}の曜日が合いません。{}は{}曜日です。日付か曜日を直してください。",
                quote(text),
                wareki(day),
                weekday_name(day.weekday())
            );
            wrong("weekday_mismatch", message)
        }
        _ => Ok(day),
    }
}

fn instant(text: &str) -> Option<NaiveDate> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    Some(instant.with_timezone(&FixedOffset::east_opt(JAPAN)?).date_naive())
}

const WEEKDAYS: [(char, Weekday); 7] = [
    ('月', Weekday::Mon),
    ('火', Weekday::Tue),
    ('水', Weekday::Wed),
    ('木', Weekday::Thu),
    ('金', Weekday::Fri),
    ('土', Weekday::Sat),
    ('日', Weekday::Sun),
];

fn weekday_name(day: Weekday) -> char {
    WEEKDAYS.iter().find(|(_, known)| *known == day).map_or('？', |(name, _)| *name)
}

/// The text without 「(水)」, 「(水曜日)」 or 「水曜日」 at its end, and which day of the week that is.
fn without_weekday(text: &str) -> (&str, Option<Weekday>) {
    let named = |name: &str| {
        let name = name.trim().trim_end_matches('祝').trim_end_matches(['・', '/']);
        let mut chars = name.trim_end_matches('日').trim_end_matches('曜').chars();
        // 「(日)」 alone has lost its only character to the trimming above.
        let first = chars.next().or_else(|| name.chars().next());
        let first = first.filter(|_| chars.next().is_none())?;
        WEEKDAYS.iter().find(|(known, _)| *known == first).map(|(_, day)| *day)
    };
    let bracketed = text.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    if let Some((before, weekday)) = bracketed.and_then(|(before, name)| Some((before, named(name)?))) {
        return (before.trim_end(), Some(weekday));
    }
    for (name, weekday) in WEEKDAYS {
        if let Some(before) = text.strip_suffix("曜日").and_then(|rest| rest.strip_suffix(name)) {
            return (before.trim_end(), Some(weekday));
        }
    }
    (text, None)
}

/// The text before a time of day: 2026/04/01 0:00, 2026-04-01T00:00:00.000.
fn without_time(text: &str) -> Option<&str> {
    let (day, time) = text.rsplit_once(['T', ' '])?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts =
        time.split(':').map(|part| (1..=2).contains(&part.len()).then(|| part.parse::<u32>().ok()).flatten());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let is_time = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    (is_time && fraction.bytes().all(|b| b.is_ascii_digit())).then(|| day.trim_end())
}

/// 20260401.
fn eight_digits(text: &str) -> Option<NaiveDate> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    NaiveDate::from_ymd_opt(i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?)
}

/// 46113: the days that Excel counts, where its first year is 1900 (day 60, the 29 February that 1900 did not have, lies
/// before all days taken).
fn serial(text: &str) -> Option<NaiveDate> {
    let is_number = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    let days: u64 = text.parse().ok().filter(|_| is_number)?;
    NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(days))
}

fn last_fiscal_year(today: NaiveDate) -> i32 {
    fiscal_year(today) + 10
}

/// 年度: 2026, 令和8年度, R8; in the same bounds as days.
pub fn fiscal_year_cell(today: NaiveDate) -> impl Fn(&str) -> Cell<i32> {
    move |text| {
        let last = last_fiscal_year(today);
        match parse_fiscal_year(text) {
            Some(year) if (FIRST_YEAR..=last).contains(&year) => Ok(year),
            Some(year) => wrong(
                "fiscal_year_out_of_range",
                format!(
                    "{}は{year}年度です。{FIRST_YEAR}年度から{last}年度までを入力してください。",
                    quote(text)
                ),
            ),
            None => wrong(
                "not_a_fiscal_year",
                format!(
                    "{}は年度として読めません。2026 や 令和8年度 のように入力してください。",
                    quote(text)
                ),
            ),
        }
    }
}

/// Yen: commas between thousands, 円, ¥ and full-width digits understood; no fraction but zeros; 0 to 10兆円.
pub fn amount(text: &str) -> Cell<i64> {
    whole_number(text, text, MAX_YEN, "円", "金額は半角または全角の数字で、円単位で")
}

/// A number of persons: 人, 名 and 件 after it understood.
pub fn persons(text: &str) -> Cell<i64> {
    let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    whole_number(text, plain.trim_end_matches(['人', '名', '件']), MAX_PERSONS, "人", "人数は数字で")
}

/// A small whole number up to `most`, with a unit that may follow it.
pub fn small(most: i32, unit: &'static str) -> impl Fn(&str) -> Cell<i32> {
    move |text| {
        let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
        let plain = plain.strip_suffix(unit).unwrap_or(&plain);
        if let (Some(percent), "%") = (share(plain), unit) {
            let message = format!(
                "{}は、Excelが{percent}％を割合で表したものです。{percent} と入力してください。",
                quote(text)
            );
            return wrong("excel_share", message);
        }
        let value = whole_number(text, plain, i64::from(most), unit, "数字で")?;
        Ok(i32::try_from(value).unwrap_or(most))
    }
}

/// 0.5 as percent: 50. None: not below one, or no whole percent.
fn share(text: &str) -> Option<u32> {
    let fraction = text.strip_prefix("0.").or_else(|| text.strip_prefix('.'))?.trim_end_matches('0');
    let digits = (1..=2).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| format!("{fraction:0<2}").parse().ok()).flatten()
}

fn whole_number(found: &str, plain: &str, most: i64, unit: &str, how: &str) -> Cell<i64> {
    unrounded(plain)?;
    let found = quote(found);
    match text::whole_number(plain) {
        Err(NotWhole::NotANumber) => {
            wrong("not_a_number", format!("{found}は数として読めません。{how}入力してください。"))
        }
        Err(NotWhole::Fraction) => {
            wrong("fraction", format!("{found}には小数があります。整数で入力してください。"))
        }
        Ok(value) if value < 0 => {
            wrong("negative", format!("{found}は負の数です。0以上で入力してください。"))
        }
        Ok(value) if value > most => wrong(
            "too_large",
            format!("{found}は上限の{}{unit}を超えています。桁を確かめてください。", thousands(most)),
        ),
        Ok(value) => Ok(value),
    }
}

/// A number with commas between thousands.
fn thousands(value: i64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// 法人番号.
pub fn corporate_number(text: &str) -> Cell<CorporateNumber> {
    unrounded(text)?;
    let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    if plain
        .strip_prefix(['T', 't'])
        .is_some_and(|rest| rest.len() == 13 && rest.bytes().all(|b| b.is_ascii_digit()))
    {
        let message = format!(
            "{}は、Tで始まる適格請求書発行事業者の登録番号です。法人なら、Tを除いた13桁を入力してください。個人事業者には法人番号がないので、空欄にしてください。",
            quote(text)
        );
        return wrong("invoice_number", message);
    }
    text.parse().or_else(|e: NotACorporateNumber| wrong("corporate_number", format!("{}: {e}", quote(text))))
}

/// One of the words of a list; the message names them.
pub fn word<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&str) -> Cell<T> {
    move |text| {
        let key = search_key(text);
        if let Some((_, value)) = words.iter().find(|(word, _)| search_key(word) == key) {
            return Ok(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let known = known.join("・");
        wrong("unknown_word", format!("{}は使えません。{known} のいずれかを入力してください。", quote(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::MAX_TITLE;
    use proptest::prelude::*;

    const TODAY: &str = "2026-04-01";

    fn today() -> NaiveDate {
        TODAY.parse().unwrap()
    }

    fn code<T: std::fmt::Debug>(cell: Cell<T>) -> &'static str {
        cell.unwrap_err().code
    }

    #[test]
    fn amounts_as_offices_write_them() {
        for (text, yen) in [
            ("252201600", 252_201_600),
            ("31389000.00", 31_389_000),
            ("１，２３４，５６７円", 1_234_567),
            ("¥1,000", 1_000),
            ("￥ 1,000 円", 1_000),
            ("10,000,000,000,000", MAX_YEN),
            ("0", 0),
            ("-0", 0),
        ] {
            assert_eq!(amount(text), Ok(yen), "{text}");
        }
        for (text, why) in [
            ("90000000167598800", "too_large"),
            ("99999999999999999999999", "too_large"),
            ("10000000000001", "too_large"),
            ("-500", "negative"),
            ("▲500", "negative"),
            ("100.5", "fraction"),
            ("1,23", "not_a_number"),
            (",123", "not_a_number"),
            ("500千円", "not_a_number"),
            ("1e6", "not_a_number"),
            ("12.", "not_a_number"),
            ("円", "not_a_number"),
        ] {
            assert_eq!(code(amount(text)), why, "{text}");
        }
        let message = amount("90,000,000,167,598,800").unwrap_err().message;
        assert_eq!(
            message,
            "「90,000,000,167,598,800」は上限の10,000,000,000,000円を超えています。桁を確かめてください。"
        );
    }

    #[test]
    fn days_within_reason() {
        let read = day(today());
        assert_eq!(read("2019-05-01T00:00:00+09:00"), Ok("2019-05-01".parse().unwrap()));
        assert_eq!(read("2019-04-30T15:00:00Z"), Ok("2019-05-01".parse().unwrap()));
        assert_eq!(read("Ｒ８．４．１"), Ok(today()));
        assert!(read("1947-01-01").is_ok() && read("2037-03-31").is_ok());
        for text in ["2910-04-01T00:00:00+09:00", "2091-01-01", "1946-12-31", "2037-04-01"] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code, "date_out_of_range");
            assert!(error.message.contains(text), "{}", error.message);
        }
        assert!(read("2910-04-01").unwrap_err().message.contains("2910年の日付です。1947年から2036年度"));
        assert_eq!(code(read("2026-02-29")), "not_a_date");
        assert_eq!(code(read("未定")), "not_a_date");
    }

    #[test]
    fn days_as_spreadsheets_write_them() {
        let read = day(today());
        for text in [
            "20260401",
            "２０２６０４０１",
            "46113",
            "2026/04/01 0:00",
            "2026/4/1 00:00:00",
            "2026-04-01T00:00:00",
            "2026-04-01T00:00:00.000",
            "2026年4月1日（水）",
            "令和8年4月1日(水曜日)",
            "R8.4.1 水曜日",
        ] {
            assert_eq!(read(text), Ok(today()), "{text}");
        }
        assert_eq!(read("2026/4/29（水・祝）"), Ok("2026-04-29".parse().unwrap()));
        assert_eq!(read("2026/4/5（日）"), Ok("2026-04-05".parse().unwrap()));
        let error = read("令和8年4月1日（木）").unwrap_err();
        assert_eq!(error.code, "weekday_mismatch");
        assert!(error.message.contains("令和8年4月1日は水曜日です"), "{}", error.message);
        for text in [
            "20260431",
            "2026/4/1 25:00",
            "2026/4/1 0:0:0:0",
            "4611",
            "2026/4/1（祝）",
            "46113.5",
            "2026-04-01T",
        ] {
            assert_eq!(code(read(text)), "not_a_date", "{text}");
        }
        assert_eq!(code(read("99999")), "date_out_of_range");
    }

    #[test]
    fn what_excel_did_is_said_in_the_clerks_words() {
        assert_eq!(code(corporate_number("9.00E+12")), "excel_exponent");
        assert_eq!(code(amount("1.2e+07")), "excel_exponent");
        assert_eq!(code(number_text(10)("2.02611E+11")), "excel_exponent");
        assert!(number_text(10)("1E5").is_ok());
        let error = corporate_number("Ｔ9000000000000").unwrap_err();
        assert_eq!(error.code, "invoice_number");
        assert!(error.message.contains("Tを除いた13桁"), "{}", error.message);
        for (text, percent) in [("0.5", 50), ("０．５", 50), (".05", 5), ("0.500", 50), ("0.33", 33)] {
            let error = small(100, "%")(text).unwrap_err();
            assert_eq!(error.code, "excel_share", "{text}");
            assert!(error.message.contains(&format!("{percent} と入力")), "{}", error.message);
        }
        assert_eq!(code(small(100, "%")("0.333")), "fraction");
        assert_eq!(code(small(100, "日")("0.5")), "fraction");
        let row = Row {
            line: 2,
            cells: ["同上", "〃", "#N/A", "####", "#1", "同上課"].map(str::to_owned).to_vec(),
        };
        let mut reader = RowReader::new(&row, &[]);
        let taken: Vec<bool> = (0..6).map(|column| reader.optional(column, line(10)).is_some()).collect();
        assert_eq!(taken, [false, false, false, false, true, true]);
        let codes: Vec<_> = reader.into_errors().into_iter().map(|error| error.code).collect();
        assert_eq!(codes, ["ditto", "ditto", "excel_error", "excel_error"]);
    }

    #[test]
    fn fiscal_years_in_both_calendars() {
        let read = fiscal_year_cell(today());
        for text in ["2026", "２０２６年度", "令和8年度", "R8", "令和 8 年"] {
            assert_eq!(read(text), Ok(2026), "{text}");
        }
        assert_eq!(read("令和元年度"), Ok(2019));
        assert_eq!(read("平成31年度"), Ok(2019));
        assert_eq!(read("平成30年度"), Ok(2018));
        assert_eq!(code(read("2091")), "fiscal_year_out_of_range");
        assert_eq!(code(read("今年")), "not_a_fiscal_year");
    }

    #[test]
    fn texts_are_checked_and_a_my_number_is_not_repeated() {
        let read = line(MAX_TITLE);
        assert_eq!(code(read(&"長".repeat(1_001))), "too_long");
        assert_eq!(code(read("一\n二")), "line_break");
        assert_eq!(code(read("a\u{202e}b")), "bidi_character");
        assert_eq!(code(read("a\u{fdd2}b")), "noncharacter");
        assert_eq!(code(read("\u{3164}")), "required");
        assert!(read("\u{e000}田").unwrap_err().message.starts_with("1文字目に、外字（U+E000）"));
        assert!(lines(10)("一\r\n二").is_ok());
        let error = read("番号 1234 5678 9018").unwrap_err();
        assert_eq!(error.code, "my_number");
        assert!(!error.message.contains("1234"));
        let misplaced = corporate_number("1234-5678-9018").unwrap_err().message;
        assert!(misplaced.contains("12桁") && !misplaced.contains("5678"), "{misplaced}");
        assert_eq!(quote("\u{200b}"), "（見える文字のない値）");
        assert_eq!(quote(&"あ\n".repeat(30)), format!("「{}…」", "あ\u{fffd}".repeat(20)));
    }

    #[test]
    fn persons_words_and_small_numbers() {
        assert_eq!(persons("１，２００人"), Ok(1_200));
        assert_eq!(code(persons("-1")), "negative");
        assert_eq!(small(100, "%")("５０％"), Ok(50));
        assert_eq!(code(small(100, "%")("101")), "too_large");
        let read = word(&[("禁止", 1), ("事前承認", 2)]);
        assert_eq!(read(" 事前 承認"), Ok(2));
        assert_eq!(
            read("可").unwrap_err().message,
            "「可」は使えません。禁止・事前承認 のいずれかを入力してください。"
        );
        assert!(corporate_number("8700110005902").unwrap_err().message.contains("検査用数字"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn amounts_are_read_with_and_without_commas(value in 0..=MAX_YEN) {
            prop_assert_eq!(amount(&value.to_string()), Ok(value));
            prop_assert_eq!(amount(&format!("{}.00円", thousands(value))), Ok(value));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,20}") {
            let _ = (amount(&text), persons(&text), day(today())(&text), fiscal_year_cell(today())(&text), line(5)(&text));
        }
    }
}
