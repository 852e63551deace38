//! When things happen: days counted from the last one, and what happens on them, in order.

use chrono::{Datelike, NaiveDate};

use super::stage::Stage;
use crate::domain::calendar::{Calendar, add_days, add_months};
use crate::service::Failure;

/// Whole months of history before the month of the last day.
const MONTHS: i32 = 12;
/// Before these last days things happen on one day of the week only: the days told are few, the start is quick.
const RECENT: i64 = 45;

/// The day on which the story begins: the first of the same month a year before.
pub fn first_day(today: NaiveDate) -> NaiveDate {
    Days::up_to(today).first
}

/// The story's days.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    pub first: NaiveDate,
    pub last: NaiveDate,
}

impl Days {
    pub fn up_to(today: NaiveDate) -> Self {
        let month = today.with_day(1).unwrap_or(today);
        Self { first: add_months(month, -MONTHS), last: today }
    }

    /// So many days after the last one; mostly a negative number.
    pub fn day(self, n: i64) -> NaiveDate {
        add_days(self.last, n)
    }

    /// The first day of a month, counted from that of the last day.
    pub fn month(self, n: i32) -> NaiveDate {
        add_months(self.last.with_day(1).unwrap_or(self.last), n)
    }

    /// Its last day.
    pub fn month_end(self, n: i32) -> NaiveDate {
        add_days(self.month(n + 1), -1)
    }

    /// The working day on which people get to what is due on a day: that day or one shortly before.
    fn worked_on(self, day: NaiveDate) -> NaiveDate {
        let since_tuesday = i64::from((day.weekday().num_days_from_monday() + 6) % 7);
        let mut worked = if day < self.day(-RECENT) { add_days(day, -since_tuesday) } else { day };
        let calendar = Calendar::built_in();
        while worked > self.first && !calendar.is_open(worked) {
            worked = add_days(worked, -1);
        }
        worked.clamp(self.first, self.last)
    }
}

type Act = Box<dyn FnOnce(&mut Stage<'_>) -> Result<(), Failure>>;

/// What happens, and when.
pub struct Script {
    pub days: Days,
    acts: Vec<(NaiveDate, Act)>,
}

impl Script {
    pub fn new(days: Days) -> Self {
        Self { days, acts: Vec::new() }
    }

    /// On a day; what lies after the last one has not happened yet.
    pub fn on(&mut self, day: NaiveDate, act: impl FnOnce(&mut Stage<'_>) -> Result<(), Failure> + 'static) {
        if day <= self.days.last {
            self.acts.push((day, Box::new(act)));
        }
    }

    /// So many days before the last one.
    pub fn ago(&mut self, n: i64, act: impl FnOnce(&mut Stage<'_>) -> Result<(), Failure> + 'static) {
        self.on(self.days.day(-n), act);
    }

    /// Everything in the order of its days; the clock goes on where something happens, and at last to the last day.
    pub fn play(mut self, stage: &mut Stage<'_>) -> Result<(), Failure> {
        // Stable: on one day, in the order written.
        self.acts.sort_by_key(|(day, _)| *day);
        for (day, act) in self.acts {
            stage.pass_to(self.days.worked_on(day))?;
            act(stage)?;
        }
        stage.pass_to(self.days.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_and_the_days_of_the_last_months_are_told() {
        for (today, first) in
            [("2026-04-01", "2025-04-01"), ("2028-02-29", "2027-02-01"), ("2026-12-31", "2025-12-01")]
        {
            assert_eq!(first_day(d(today)), d(first), "{today}");
        }
        assert_eq!(Days::up_to(d("2028-02-29")).month_end(-12), d("2027-02-28"));
    }

    #[test]
    fn people_work_on_open_days_and_never_later_than_due() {
        let days = Days::up_to(d("2027-01-31"));
        assert_eq!(
            days.worked_on(d("2026-08-13")),
            d("2026-08-11") - chrono::Days::new(1),
            "11 August is 山の日; then Monday"
        );
        assert_eq!(days.worked_on(d("2027-01-03")), d("2026-12-28"));
        assert_eq!(days.worked_on(d("2026-01-01")), d("2026-01-01"), "nothing is before the first day");
        let mut before = days.first;
        for n in (0..365).rev() {
            let worked = days.worked_on(days.day(-n));
            assert!(before <= worked && worked <= days.day(-n));
            before = worked;
        }
    }
}
