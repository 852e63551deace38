//! Days as inclusive ranges, and sets of days as sorted ranges.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The day before, or the first day there is.
pub(crate) fn day_before(day: NaiveDate) -> NaiveDate {
    day.pred_opt().unwrap_or(NaiveDate::MIN)
}

/// The days `from`…`to`, both inclusive, `from` ≤ `to`. Build one with [`DayRange::new`]: it keeps the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "OpenRange")]
pub struct DayRange {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// The text has no last day, or one before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a range of days needs a `to` that is not before its `from`")]
pub struct NotARange;

impl DayRange {
    /// None when `to` lies before `from`.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    pub fn contains(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }

    /// The days in both; None when there are none.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }
}

impl TryFrom<OpenRange> for DayRange {
    type Error = NotARange;
    fn try_from(range: OpenRange) -> Result<Self, NotARange> {
        range.to.and_then(|to| Self::new(range.from, to)).ok_or(NotARange)
    }
}

/// The days from `from` on, to an inclusive last day or still running (`to: null`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRange {
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
}

/// A set of days. In JSON the list of its ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<DayRange>", into = "Vec<DayRange>")]
pub struct DaySet {
    /// Sorted, disjoint and maximal: between two ranges lies at least one day.
    ranges: Vec<DayRange>,
}

impl DaySet {
    pub fn new() -> Self {
        Self::default()
    }

    /// The maximal runs of days, in order.
    pub fn ranges(&self) -> &[DayRange] {
        &self.ranges
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn first(&self) -> Option<NaiveDate> {
        self.ranges.first().map(|range| range.from)
    }

    pub fn last(&self) -> Option<NaiveDate> {
        self.ranges.last().map(|range| range.to)
    }

    pub fn contains(&self, day: NaiveDate) -> bool {
        let candidate = self.ranges.partition_point(|range| range.to < day);
        self.ranges.get(candidate).is_some_and(|range| range.contains(day))
    }

    /// The days in either.
    pub fn union(&self, other: &Self) -> Self {
        self.ranges.iter().chain(&other.ranges).copied().collect()
    }

    /// The days in both.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek().copied(), right.peek().copied()) {
            ranges.extend(a.intersection(b));
            if a.to <= b.to {
                left.next();
            } else {
                right.next();
            }
        }
        Self { ranges }
    }

    /// The days of this set that are not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// The days up to and including `day`.
    pub fn up_to(&self, day: NaiveDate) -> Self {
        self.within(NaiveDate::MIN, day)
    }

    /// The days later than `day`.
    pub fn after(&self, day: NaiveDate) -> Self {
        day.succ_opt().map_or_else(Self::new, |next| self.within(next, NaiveDate::MAX))
    }

    fn within(&self, from: NaiveDate, to: NaiveDate) -> Self {
        let limits = DayRange { from, to };
        Self { ranges: self.ranges.iter().filter_map(|range| range.intersection(&limits)).collect() }
    }

    fn complement(&self) -> Self {
        let starts = self.ranges.iter().map(|range| range.to.succ_opt());
        let ends = self.ranges.iter().map(|range| range.from.pred_opt());
        let gaps =
            std::iter::once(Some(NaiveDate::MIN)).chain(starts).zip(ends.chain([Some(NaiveDate::MAX)]));
        Self { ranges: gaps.filter_map(|(from, to)| DayRange::new(from?, to?)).collect() }
    }
}

impl FromIterator<DayRange> for DaySet {
    /// Ranges in any order; those that overlap or touch become one.
    fn from_iter<I: IntoIterator<Item = DayRange>>(ranges: I) -> Self {
        let mut sorted: Vec<DayRange> = ranges.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup_by(|next, last| {
            let touches = last.to.succ_opt().is_none_or(|day_after| next.from <= day_after);
            if touches {
                last.to = last.to.max(next.to);
            }
            touches
        });
        Self { ranges: sorted }
    }
}

impl From<Vec<DayRange>> for DaySet {
    fn from(ranges: Vec<DayRange>) -> Self {
        ranges.into_iter().collect()
    }
}

impl From<DaySet> for Vec<DayRange> {
    fn from(set: DaySet) -> Self {
        set.ranges
    }
}

impl From<Option<DayRange>> for DaySet {
    fn from(range: Option<DayRange>) -> Self {
        range.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn day(offset: u16) -> NaiveDate {
        // Across 29 February 2028.
        NaiveDate::from_ymd_opt(2028, 2, 10).unwrap() + chrono::Days::new(u64::from(offset))
    }

    fn range(from: u16, to: u16) -> DayRange {
        DayRange::new(day(from), day(to)).unwrap()
    }

    fn days(set: &DaySet) -> BTreeSet<NaiveDate> {
        set.ranges().iter().flat_map(|r| r.from.iter_days().take_while(|d| *d <= r.to)).collect()
    }

    fn is_canonical(set: &DaySet) -> bool {
        set.ranges().iter().all(|r| r.from <= r.to)
            && set.ranges().windows(2).all(|pair| pair[0].to.succ_opt().unwrap() < pair[1].from)
    }

    fn ranges() -> impl Strategy<Value = Vec<DayRange>> {
        prop::collection::vec((0u16..60, 0u16..9).prop_map(|(from, len)| range(from, from + len)), 0..8)
    }

    #[test]
    fn a_range_never_runs_backwards() {
        assert_eq!(DayRange::new(day(2), day(1)), None);
        assert!(range(1, 1).contains(day(1)));
        assert_eq!(range(1, 5).intersection(&range(5, 9)), Some(range(5, 5)));
        assert_eq!(range(1, 4).intersection(&range(5, 9)), None);
    }

    #[test]
    fn adjacent_ranges_are_one() {
        let set: DaySet = [range(5, 6), range(1, 2), range(3, 4), range(8, 9)].into_iter().collect();
        assert_eq!(set.ranges(), [range(1, 6), range(8, 9)]);
        assert_eq!((set.first(), set.last()), (Some(day(1)), Some(day(9))));
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let all: DaySet = DaySet::from(DayRange::new(NaiveDate::MIN, NaiveDate::MAX));
        assert_eq!(DaySet::new().complement(), all);
        assert!(all.difference(&all).is_empty());
        assert!(all.after(NaiveDate::MAX).is_empty());
        assert_eq!(all.union(&DaySet::from(Some(range(1, 2)))), all);
    }

    #[test]
    fn json_is_the_list_of_ranges() {
        let set: DaySet = [range(0, 1), range(3, 3)].into_iter().collect();
        let json = serde_json::json!([{"from": "2028-02-10", "to": "2028-02-11"}, {"from": "2028-02-13", "to": "2028-02-13"}]);
        assert_eq!(serde_json::to_value(&set).unwrap(), json);
        assert_eq!(serde_json::from_value::<DaySet>(json).unwrap(), set);
        let unsorted = r#"[{"from":"2028-02-13","to":"2028-02-13"},{"from":"2028-02-10","to":"2028-02-12"}]"#;
        assert_eq!(serde_json::from_str::<DaySet>(unsorted).unwrap(), DaySet::from(Some(range(0, 3))));
        assert!(serde_json::from_str::<DayRange>(r#"{"from":"2028-02-13","to":"2028-02-12"}"#).is_err());
        assert!(serde_json::from_str::<DayRange>(r#"{"from":"2028-02-13","to":null}"#).is_err());
        let running = OpenRange { from: day(0), to: None };
        assert_eq!(serde_json::to_string(&running).unwrap(), r#"{"from":"2028-02-10","to":null}"#);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn a_day_set_is_a_set_of_days(a in ranges(), b in ranges(), cut in 0u16..70) {
            let (set_a, set_b) = (DaySet::from(a.clone()), DaySet::from(b));
            let (days_a, days_b) = (days(&set_a), days(&set_b));
            let spelled: BTreeSet<_> = a.iter().flat_map(|r| r.from.iter_days().take_while(|d| *d <= r.to)).collect();
            prop_assert_eq!(&days_a, &spelled);
            let cut = day(cut);
            let results = [
                (set_a.union(&set_b), days_a.union(&days_b).copied().collect::<BTreeSet<_>>()),
                (set_a.intersection(&set_b), days_a.intersection(&days_b).copied().collect()),
                (set_a.difference(&set_b), days_a.difference(&days_b).copied().collect()),
                (set_a.up_to(cut), days_a.iter().copied().filter(|d| *d <= cut).collect()),
                (set_a.after(cut), days_a.iter().copied().filter(|d| *d > cut).collect()),
            ];
            for (set, expected) in results {
                prop_assert!(is_canonical(&set), "{:?}", set);
                prop_assert_eq!(days(&set), expected.clone());
                prop_assert_eq!(set.is_empty(), expected.is_empty());
                prop_assert_eq!((set.first(), set.last()), (expected.first().copied(), expected.last().copied()));
            }
            prop_assert_eq!(set_a.contains(cut), days_a.contains(&cut));
            let json = serde_json::to_string(&set_a).unwrap();
            prop_assert_eq!(serde_json::from_str::<DaySet>(&json).unwrap(), set_a);
        }
    }
}
