//! The Cabinet Office's syukujitsu.csv: a header, then day (`2026/5/6`) and name; CP932 as published.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::cell::{RowReader, any_day, line, quote};
use super::table::{self, FileError, RowError};
use crate::domain::calendar::Calendar;

/// What a file of holidays says, and what was wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayFile {
    pub days: BTreeMap<NaiveDate, String>,
    /// The last year of those without a gap from the first: one mistyped day does not make its year known.
    pub last_year: i32,
    pub bad: Vec<RowError>,
}

/// Reads the file. One that names no holiday at all is refused.
pub fn read(bytes: &[u8]) -> Result<HolidayFile, FileError> {
    let sheet = table::open(bytes)?;
    let found = sheet.width(2);
    if found != 2 {
        return Err(FileError::Columns(format!(
            "国民の祝日のCSVは2列（月日、名称）です。1行目は{found}列です。"
        )));
    }
    let table = sheet.into_table(0, found)?;
    let names = ["国民の祝日・休日月日".to_owned(), "国民の祝日・休日名称".to_owned()];
    let header = table.first.cells.first().is_some_and(|cell| any_day(cell).is_err());
    let first = (!header).then_some(Ok(table.first));
    let (mut days, mut bad) = (BTreeMap::<NaiveDate, String>::new(), Vec::new());
    for row in first.into_iter().chain(table.rest) {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                bad.push(error);
                continue;
            }
        };
        let mut reader = RowReader::new(&row, &names);
        let day = reader.required(0, any_day);
        let name = reader.required(1, line(100));
        if let (Some(day), Some(name)) = (day, name) {
            match days.get(&day) {
                Some(other) if *other != name => {
                    let message = format!("{day}は先の行で{}とされています。", quote(other));
                    reader.refuse(0, "two_names", message);
                }
                _ => {
                    days.insert(day, name);
                }
            }
        }
        bad.extend(reader.into_errors());
    }
    match Calendar::last_known_year(&days) {
        Some(last_year) => Ok(HolidayFile { days, last_year, bad }),
        None => Err(FileError::Columns("祝日が1日も読み取れません。".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;

    use super::*;

    #[test]
    fn a_small_file_with_mistakes() {
        let text = "国民の祝日・休日月日,国民の祝日・休日名称\r\n2026/1/1,元日\r\n2026/2/30,例\r\n2026/1/1,例の日\r\n2027/1/1,\r\n2091/1/1,元日\r\n";
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(text);
        let file = read(&bytes).unwrap();
        assert_eq!((file.days.len(), file.last_year), (2, 2026));
        let bad: Vec<_> = file.bad.iter().map(|e| (e.line, e.code)).collect();
        assert_eq!(bad, [(3, "not_a_date"), (4, "two_names"), (5, "required")]);
        assert!(read("a,b\n".as_bytes()).is_err());
        assert!(read("a,b,c\n".as_bytes()).is_err());
        assert_eq!(read(b"2026/5/6,x\n").unwrap().days.len(), 1, "a file without its header");
    }

    #[test]
    fn the_days_built_in_are_those_published() {
        let Some(bytes) = crate::exchange::real_file("holidays/syukujitsu.csv") else { return };
        let file = read(&bytes).unwrap();
        assert_eq!((file.days.len(), file.bad.len(), file.last_year), (1_067, 0, 2027));
        let built_in = Calendar::built_in();
        let first = NaiveDate::from_ymd_opt(2018, 1, 1).unwrap();
        for day in first.iter_days().take_while(|day| day.year() <= 2027) {
            assert_eq!(built_in.holiday(day), file.days.get(&day).map(String::as_str), "{day}");
        }
        let imported = Calendar::new(file.days, file.last_year, std::collections::BTreeSet::new());
        assert!(imported.knows(1955) && imported.knows(2027) && !imported.knows(2028));
    }
}
