//! Working days, fiscal years (年度), months, and the Japanese calendar (和暦) in and out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use unicode_normalization::UnicodeNormalization;

mod published;

/// The days on which an agency is open. Closed are Saturdays, Sundays, national holidays, 29 December to
/// 3 January (行政機関の休日に関する法律1条) and the agency's own closed days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    holidays: Arc<BTreeMap<NaiveDate, String>>,
    last_known_year: i32,
    closed: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// A calendar of these national holidays, complete up to the end of `last_known_year`, and an agency's own
    /// closed days. The first year known is that of the earliest holiday.
    pub fn new(
        holidays: BTreeMap<NaiveDate, String>,
        last_known_year: i32,
        closed: BTreeSet<NaiveDate>,
    ) -> Self {
        Self { holidays: Arc::new(holidays), last_known_year, closed }
    }

    /// The holidays built in: published for 2018 to 2027. No closed days of an agency's own.
    pub fn built_in() -> Self {
        static BUILT_IN: LazyLock<Calendar> = LazyLock::new(Calendar::published);
        BUILT_IN.clone()
    }

    fn published() -> Self {
        let days = published::PUBLISHED.iter().flat_map(|(year, days)| {
            days.iter().filter_map(|(month, day, name)| {
                Some((NaiveDate::from_ymd_opt(*year, *month, *day)?, (*name).to_owned()))
            })
        });
        let last = published::PUBLISHED.last().map_or(0, |(year, _)| *year);
        Self::new(days.collect(), last, BTreeSet::new())
    }

    /// The last year up to which holidays are known without a gap from the first: one mistyped day does not make its
    /// year known. None: no holidays.
    pub fn last_known_year(holidays: &BTreeMap<NaiveDate, String>) -> Option<i32> {
        let years: BTreeSet<i32> = holidays.keys().map(Datelike::year).collect();
        let first = *years.first()?;
        years.iter().zip(first..).take_while(|(year, next)| *year == next).last().map(|(year, _)| *year)
    }

    /// How many national holidays each known year has.
    pub fn holidays_of_years(&self) -> BTreeMap<i32, usize> {
        let mut years = BTreeMap::new();
        for year in self.holidays.keys().map(Datelike::year).filter(|year| *year <= self.last_known_year) {
            *years.entry(year).or_default() += 1;
        }
        years
    }

    /// The same calendar with an agency's own closed days instead of the present ones.
    pub fn with_closed(self, closed: BTreeSet<NaiveDate>) -> Self {
        Self { closed, ..self }
    }

    /// The name of the national holiday that falls on the day.
    #[cfg(test)]
    pub(crate) fn holiday(&self, day: NaiveDate) -> Option<&str> {
        self.holidays.get(&day).map(String::as_str)
    }

    /// Whether the holidays of that year are known. Days of a year not known are reckoned without holidays,
    /// and whoever shows them says so.
    pub fn knows(&self, year: i32) -> bool {
        self.holidays.keys().next().is_some_and(|first| first.year() <= year && year <= self.last_known_year)
    }

    /// Whether the agency works on that day.
    pub fn is_open(&self, day: NaiveDate) -> bool {
        let year_end = matches!((day.month(), day.day()), (12, 29..=31) | (1, 1..=3));
        !(matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
            || year_end
            || self.holidays.contains_key(&day)
            || self.closed.contains(&day))
    }

    /// The `n`-th open day after `day`, or before it when `n` is negative; `day` itself never counts, and for 0
    /// it is the answer, open or not. Ends at the calendar's edge.
    pub fn add_working_days(&self, day: NaiveDate, n: i64) -> NaiveDate {
        let mut left = n.unsigned_abs();
        let mut at = day;
        while left > 0 {
            let next = if n > 0 { at.succ_opt() } else { at.pred_opt() };
            let Some(next) = next else { break };
            at = next;
            left -= u64::from(self.is_open(at));
        }
        at
    }

    /// Open days after `from_exclusive` up to and including `to_inclusive`; negative, counted the other way,
    /// when `to_inclusive` is earlier. The inverse of [`Self::add_working_days`].
    pub fn working_days_between(&self, from_exclusive: NaiveDate, to_inclusive: NaiveDate) -> i64 {
        let open = |first: NaiveDate, days: i64| {
            let days = usize::try_from(days).unwrap_or(0);
            let count = first.iter_days().take(days).filter(|d| self.is_open(*d)).count();
            i64::try_from(count).unwrap_or(i64::MAX)
        };
        let distance = (to_inclusive - from_exclusive).num_days();
        if distance >= 0 {
            from_exclusive.succ_opt().map_or(0, |first| open(first, distance))
        } else {
            -open(to_inclusive, -distance)
        }
    }
}

/// 年度: the year in which its 1 April falls.
pub fn fiscal_year(day: NaiveDate) -> i32 {
    if day.month() >= 4 { day.year() } else { day.year() - 1 }
}

/// First and last day of a 年度: 1 April and 31 March. Years beyond the calendar give its edge.
pub fn fiscal_year_range(year: i32) -> (NaiveDate, NaiveDate) {
    let edge = if year < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
    let first = NaiveDate::from_ymd_opt(year, 4, 1).unwrap_or(edge);
    let last = NaiveDate::from_ymd_opt(year.saturating_add(1), 3, 31).unwrap_or(edge);
    (first, last)
}

/// The same day `n` months later (earlier when negative), or the month's last day where it has no such day.
pub fn add_months(day: NaiveDate, n: i32) -> NaiveDate {
    let months = Months::new(n.unsigned_abs());
    if n >= 0 {
        day.checked_add_months(months).unwrap_or(NaiveDate::MAX)
    } else {
        day.checked_sub_months(months).unwrap_or(NaiveDate::MIN)
    }
}

/// An era: its name, its letter, and its first day.
struct Era {
    name: &'static str,
    letter: char,
    first: (i32, u32, u32),
}

/// Newest first. 明治 begins where the Gregorian calendar came into force (明治6年1月1日 = 1873-01-01), because
/// days before it were written in another calendar; its year 1 is 1868.
const ERAS: &[Era] = &[
    Era { name: "令和", letter: 'R', first: (2019, 5, 1) },
    Era { name: "平成", letter: 'H', first: (1989, 1, 8) },
    Era { name: "昭和", letter: 'S', first: (1926, 12, 25) },
    Era { name: "大正", letter: 'T', first: (1912, 7, 30) },
    Era { name: "明治", letter: 'M', first: (1873, 1, 1) },
];
const MEIJI_YEAR_ONE: i32 = 1868;

impl Era {
    fn first_day(&self) -> NaiveDate {
        let (year, month, day) = self.first;
        NaiveDate::from_ymd_opt(year, month, day).unwrap_or(NaiveDate::MIN)
    }

    fn year_one(&self) -> i32 {
        if self.letter == 'M' { MEIJI_YEAR_ONE } else { self.first.0 }
    }

    /// The era in which a day lies.
    fn of(day: NaiveDate) -> Option<&'static Self> {
        ERAS.iter().find(|era| era.first_day() <= day)
    }
}

/// The day in 和暦: 令和8年4月1日, 令和元年5月1日. Days before 明治6年 are written with the western year.
pub fn wareki(day: NaiveDate) -> String {
    let (month, date) = (day.month(), day.day());
    let Some(era) = Era::of(day) else {
        return format!("{}年{month}月{date}日", day.year());
    };
    match day.year() - era.year_one() + 1 {
        1 => format!("{}元年{month}月{date}日", era.name),
        year => format!("{}{year}年{month}月{date}日", era.name),
    }
}

/// Reads a day as people write it: 2026-04-01, 2026/4/1, 2026.4.1, 2026年4月1日, 令和8年4月1日, 令和元年5月1日,
/// R8.4.1, Ｒ８．４．１. Western years have four digits. Impossible days, and days that do not lie in the era
/// they name (平成31年5月1日), are refused.
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let text: String = text.nfkc().filter(|c| !c.is_whitespace()).map(plain_hyphen).collect();
    let era = ERAS.iter().find_map(|era| {
        let rest = text.strip_prefix(era.name).or_else(|| {
            let mut chars = text.chars();
            let letter = chars.next()?.to_ascii_uppercase();
            (letter == era.letter).then_some(chars.as_str())
        })?;
        Some((era, rest))
    });
    let (year, month, date) = split(era.map_or(text.as_str(), |(_, rest)| rest))?;
    let (month, date) = (number(month, 2)?, number(date, 2)?);
    let Some((era, _)) = era else {
        let year = (year.len() == 4).then(|| number(year, 4)).flatten()?;
        return NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, date);
    };
    let year = if year == "元" { 1 } else { number(year, 2).filter(|y| *y >= 1)? };
    let year = era.year_one().checked_add(i32::try_from(year).ok()? - 1)?;
    let day = NaiveDate::from_ymd_opt(year, month, date)?;
    Era::of(day).filter(|of| of.letter == era.letter).map(|_| day)
}

/// Reads a 年度 as people write it: 2026, 2026年度, R8, 令和8年度, full-width digits too. The year in which the era
/// changed is written both ways: 平成31年度 is 令和元年度.
pub fn parse_fiscal_year(text: &str) -> Option<i32> {
    let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    let plain = plain.strip_suffix("年度").or_else(|| plain.strip_suffix('年')).unwrap_or(&plain);
    let within = ["12月31日", "4月1日"].iter().find_map(|day| parse_day(&format!("{plain}年{day}")));
    within.map(fiscal_year)
}

/// Dashes that people's input methods write for a hyphen.
fn plain_hyphen(c: char) -> char {
    if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}') { '-' } else { c }
}

/// Year, month and day between separators of one kind.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let separators: [&[char; 2]; 4] = [&['年', '月'], &['-', '-'], &['/', '/'], &['.', '.']];
    separators.into_iter().find_map(|[first, second]| {
        let (year, rest) = text.split_once(*first)?;
        let (month, date) = rest.split_once(*second)?;
        let date = if *first == '年' { date.strip_suffix('日')? } else { date };
        Some((year, month, date))
    })
}

/// One to `most` ASCII digits and nothing else.
fn number(text: &str, most: usize) -> Option<u32> {
    let digits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The day `n` calendar days later (earlier when negative), held at the calendar's edge.
pub fn add_days(day: NaiveDate, n: i64) -> NaiveDate {
    let days = Days::new(n.unsigned_abs());
    if n >= 0 {
        day.checked_add_days(days).unwrap_or(NaiveDate::MAX)
    } else {
        day.checked_sub_days(days).unwrap_or(NaiveDate::MIN)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn d(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn any_day() -> impl Strategy<Value = NaiveDate> {
        (0..40_000i64).prop_map(|n| add_days(d("1930-01-01"), n))
    }

    /// A day within a week of 29 February, a year's end or a 年度's end; now and then any other.
    pub fn edge_day() -> impl Strategy<Value = NaiveDate> {
        let edge = (2016..=2030i32, 0..3usize, -7..=7i64).prop_map(|(year, edge, by)| {
            let (month, day) = [(3, 1), (1, 1), (4, 1)][edge];
            add_days(NaiveDate::from_ymd_opt(year, month, day).unwrap(), by)
        });
        prop_oneof![4 => edge, 1 => near_day()]
    }

    /// A day between 2017 and 2029: across what is known and what is not.
    fn near_day() -> impl Strategy<Value = NaiveDate> {
        (0..4_700i64).prop_map(|n| add_days(d("2017-01-01"), n))
    }

    #[test]
    fn closed_days_are_weekends_holidays_year_end_and_the_agencys_own() {
        let c = Calendar::built_in().with_closed([d("2026-06-15")].into());
        for closed in ["2026-04-04", "2026-04-05", "2026-05-06", "2026-12-29", "2027-01-03", "2026-06-15"] {
            assert!(!c.is_open(d(closed)), "{closed}");
        }
        for open in ["2026-04-01", "2026-05-07", "2026-12-28", "2027-01-04", "2026-06-16"] {
            assert!(c.is_open(d(open)), "{open}");
        }
        assert_eq!(c.holiday(d("2026-09-22")), Some("休日"));
        assert_eq!(
            (2017..=2028).filter(|y| c.knows(*y)).collect::<Vec<_>>(),
            (2018..=2027).collect::<Vec<_>>()
        );
        assert!(!Calendar::new(BTreeMap::new(), 2030, BTreeSet::new()).knows(2026));
    }

    #[test]
    fn working_days_across_february_and_the_turn_of_the_year() {
        let c = Calendar::built_in();
        assert_eq!(c.add_working_days(d("2024-02-28"), 2), d("2024-03-01"));
        assert_eq!(c.add_working_days(d("2026-12-28"), 1), d("2027-01-04"));
        assert_eq!(c.add_working_days(d("2027-01-04"), -1), d("2026-12-28"));
        assert_eq!(c.add_working_days(d("2026-05-02"), 0), d("2026-05-02"));
        assert_eq!(c.working_days_between(d("2026-05-01"), d("2026-05-08")), 2);
        assert_eq!(c.add_working_days(NaiveDate::MAX, 3), NaiveDate::MAX);
    }

    #[test]
    fn a_fiscal_year_is_read_as_offices_write_it() {
        for text in ["2026", "２０２６", "2026年度", "R8", "r8", "Ｒ８", "令和8", "令和8年度", " 令和 ８ 年 "]
        {
            assert_eq!(parse_fiscal_year(text), Some(2026), "{text}");
        }
        for text in ["令和元年度", "平成31年度", "H31"] {
            assert_eq!(parse_fiscal_year(text), Some(2019), "{text}");
        }
        for text in ["", "来年", "x", "R", "8", "99999", "R8.4", "2026年4月", "平成32年度"] {
            assert_eq!(parse_fiscal_year(text), None, "{text}");
        }
    }

    #[test]
    fn fiscal_years_and_months() {
        assert_eq!((fiscal_year(d("2026-03-31")), fiscal_year(d("2026-04-01"))), (2025, 2026));
        assert_eq!(fiscal_year_range(2026), (d("2026-04-01"), d("2027-03-31")));
        assert_eq!(fiscal_year_range(i32::MAX).1, NaiveDate::MAX);
        assert_eq!(add_months(d("2024-01-31"), 1), d("2024-02-29"));
        assert_eq!(add_months(d("2026-03-31"), -1), d("2026-02-28"));
        assert_eq!(add_months(d("2026-03-31"), i32::MIN), NaiveDate::MIN);
    }

    #[test]
    fn eras_change_on_their_day() {
        for (iso, text) in [
            ("2026-04-01", "令和8年4月1日"),
            ("2019-05-01", "令和元年5月1日"),
            ("2019-04-30", "平成31年4月30日"),
            ("1989-01-08", "平成元年1月8日"),
            ("1989-01-07", "昭和64年1月7日"),
            ("1926-12-25", "昭和元年12月25日"),
            ("1926-12-24", "大正15年12月24日"),
            ("1912-07-29", "明治45年7月29日"),
            ("1873-01-01", "明治6年1月1日"),
            ("1872-12-31", "1872年12月31日"),
        ] {
            assert_eq!(wareki(d(iso)), text);
            assert_eq!(parse_day(text), Some(d(iso)));
        }
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        for (text, iso) in [
            ("2026-04-01", "2026-04-01"),
            ("2026/4/1", "2026-04-01"),
            ("2026.4.1", "2026-04-01"),
            ("2026年4月1日", "2026-04-01"),
            ("２０２６／０４／０１", "2026-04-01"),
            (" 令和 8年 4月 1日　", "2026-04-01"),
            ("令和元年5月1日", "2019-05-01"),
            ("R8.4.1", "2026-04-01"),
            ("r8/4/1", "2026-04-01"),
            ("Ｒ８．４．１", "2026-04-01"),
            ("㋿8年4月1日", "2026-04-01"),
            ("H31.4.30", "2019-04-30"),
            ("S64-1-7", "1989-01-07"),
            ("2026−4−1", "2026-04-01"),
        ] {
            assert_eq!(parse_day(text), Some(d(iso)), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-02-29",
            "2026/13/1",
            "26/4/1",
            "2026/4-1",
            "2026年4月1",
            "R0.4.1",
            "R-1.4.1",
            "H31.5.1",
            "平成31年5月1日",
            "令和元年4月30日",
            "明治5年1月1日",
            "S65.1.1",
            "2026-4-1-1",
            "2026-+4-1",
            "X8.4.1",
            "令和8",
            "元年4月1日",
            "20260401",
            "R8.4.100",
        ] {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn every_way_of_writing_is_read_back(day in any_day()) {
            let (y, m, dd) = (day.year(), day.month(), day.day());
            for text in [day.to_string(), format!("{y}/{m}/{dd}"), format!("{y}年{m}月{dd}日"), wareki(day)] {
                prop_assert_eq!(parse_day(&text), Some(day));
            }
        }

        #[test]
        fn reading_never_panics(text in "[0-9０-９元年月日令和平成RHS./\\-−　]{0,14}") {
            let _ = parse_day(&text);
        }

        #[test]
        fn counting_undoes_adding(day in edge_day(), n in prop_oneof![-12i64..12, -300i64..300], own in prop::collection::btree_set(near_day(), 0..20)) {
            let c = Calendar::built_in().with_closed(own);
            let there = c.add_working_days(day, n);
            prop_assert_eq!(c.working_days_between(day, there), n);
            prop_assert!(n == 0 || c.is_open(there));
        }

        #[test]
        fn counting_agrees_with_looking_at_each_day(a in edge_day(), b in edge_day()) {
            let c = Calendar::built_in();
            let (low, high) = (a.min(b), a.max(b));
            let each = low.iter_days().take_while(|x| *x <= high).filter(|x| c.is_open(*x) && *x != a).count();
            prop_assert_eq!(c.working_days_between(a, b).unsigned_abs(), each as u64);
            prop_assert_eq!(c.working_days_between(a, b) < 0, b < a && each > 0);
        }

        #[test]
        fn a_day_lies_in_its_fiscal_year(day in prop_oneof![any_day(), edge_day()]) {
            let (first, last) = fiscal_year_range(fiscal_year(day));
            prop_assert!(first <= day && day <= last);
            prop_assert_eq!(last.succ_opt(), Some(fiscal_year_range(fiscal_year(day) + 1).0));
        }

        #[test]
        fn months_keep_the_day_or_end_the_month(day in prop_oneof![any_day(), edge_day()], n in -600i32..600) {
            let there = add_months(day, n);
            let months = |x: NaiveDate| x.year() * 12 + x.month0().cast_signed();
            prop_assert_eq!(months(there) - months(day), n);
            prop_assert!(there.day() == day.day() || (there.day() < day.day() && there.succ_opt().unwrap().day() == 1));
        }
    }
}
