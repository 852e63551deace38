//! Backups: what one says of the ledger in it, and which of them are kept.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::text_enum;

text_enum! {
    /// Which database a backup is of.
    pub enum BackupOf {
        Sqlite = "sqlite",
        Postgresql = "postgresql",
    }
}

/// The ledger at one moment, in as few words as tell it from every other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerState {
    pub chains: u64,
    pub entries: u64,
    /// SHA-256, in hexadecimal, over a line `chain seq head` for each chain, in the order of their ids.
    pub heads_sha256: String,
}

/// How many of the past are kept: the newest of each of so many days, weeks and months that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    pub days: usize,
    pub weeks: usize,
    pub months: usize,
}

/// Which are kept, of backups made on these days, the newest first. The newest always is.
pub fn kept(made_on: &[NaiveDate], keep: Keep) -> Vec<bool> {
    let mut kept = vec![false; made_on.len()];
    if let Some(newest) = kept.first_mut() {
        *newest = true;
    }
    mark(made_on, &mut kept, keep.days, |day| (day.year(), day.ordinal()));
    mark(made_on, &mut kept, keep.weeks, |day| (day.iso_week().year(), day.iso_week().week()));
    mark(made_on, &mut kept, keep.months, |day| (day.year(), day.month()));
    kept
}

/// Marks the newest of each of the last `wanted` periods that have one.
fn mark(made_on: &[NaiveDate], kept: &mut [bool], wanted: usize, period: impl Fn(NaiveDate) -> (i32, u32)) {
    let mut seen = BTreeSet::new();
    for (day, kept) in made_on.iter().zip(kept) {
        if seen.len() == wanted {
            return;
        }
        if seen.insert(period(*day)) {
            *kept = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_back(from: &str, count: u64) -> Vec<NaiveDate> {
        let from: NaiveDate = from.parse().unwrap();
        (0..count).map(|n| from - chrono::Days::new(n)).collect()
    }

    #[test]
    fn the_newest_of_each_day_week_and_month_is_kept() {
        let made = days_back("2026-11-30", 400);
        let all = kept(&made, Keep { days: 14, weeks: 8, months: 12 });
        let left: Vec<String> =
            made.iter().zip(&all).filter(|(_, kept)| **kept).map(|(day, _)| day.to_string()).collect();
        // 30 November 2026 is a Monday: the first of its week.
        let expected = [
            "2026-11-30",
            "2026-11-29",
            "2026-11-28",
            "2026-11-27",
            "2026-11-26",
            "2026-11-25",
            "2026-11-24",
            "2026-11-23",
            "2026-11-22",
            "2026-11-21",
            "2026-11-20",
            "2026-11-19",
            "2026-11-18",
            "2026-11-17",
            "2026-11-15",
            "2026-11-08",
            "2026-11-01",
            "2026-10-31",
            "2026-10-25",
            "2026-10-18",
            "2026-09-30",
            "2026-08-31",
            "2026-07-31",
            "2026-06-30",
            "2026-05-31",
            "2026-04-30",
            "2026-03-31",
            "2026-02-28",
            "2026-01-31",
            "2025-12-31",
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn the_newest_is_kept_whatever_the_rule_and_several_of_a_day_are_one() {
        let none = Keep { days: 0, weeks: 0, months: 0 };
        assert_eq!(kept(&days_back("2026-11-30", 3), none), [true, false, false]);
        assert!(kept(&[], none).is_empty());
        let one_day = [days_back("2026-11-30", 1), days_back("2026-11-30", 2)].concat();
        assert_eq!(kept(&one_day, Keep { days: 2, ..none }), [true, false, true]);
    }
}
