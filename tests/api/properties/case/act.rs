//! What can be done in a case, and how it is drawn.

use chrono::{Duration, NaiveDate};
use proptest::prelude::*;

/// The contract's first day; every day of a case counts from it.
pub fn d(offset: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 4, 1).unwrap() + Duration::days(offset)
}

/// The day on which each contract is registered: late enough for consents on paper.
pub const REGISTERED: i64 = 5;
/// Before it nobody speaks of any day.
pub const FIRST: i64 = -20;

/// Where an act points: modulo what there is.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    Engagement(usize),
    Under(usize, usize),
}

/// A step of a case. Numbers name people, engagements and applications modulo how many there are.
#[derive(Debug, Clone)]
pub enum Act {
    Day(i64),
    Apply {
        by: usize,
        place: Place,
        from: i64,
        to: i64,
        supersedes: bool,
    },
    Review {
        which: usize,
        by: usize,
    },
    Return {
        which: usize,
    },
    Resubmit {
        which: usize,
        by: usize,
        from: i64,
        to: i64,
    },
    Decide {
        which: usize,
        by: usize,
        consent: bool,
        from: Option<i64>,
        until: Option<i64>,
    },
    Withdraw {
        which: usize,
        by: usize,
    },
    Revoke {
        which: usize,
        on: i64,
    },
    Record {
        place: Place,
        decided: i64,
        from: i64,
        until: i64,
    },
    Declare {
        by: usize,
        uses: Vec<(Place, i64, Option<i64>)>,
    },
    DeclareNone {
        by: usize,
    },
    AsLastTime {
        by: usize,
    },
    Observe {
        source: usize,
        place: Place,
        from: i64,
        to: Option<i64>,
    },
    Retract {
        which: usize,
        by: usize,
    },
    Amend {
        on: i64,
        ends: i64,
    },
    Terminate {
        on: i64,
    },
    /// The chain on a day, as known some acts ago.
    Look {
        as_of: i64,
        back: usize,
        just_before: bool,
    },
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        3 => (0..8_usize, 0..5_usize).prop_map(|(parent, vendor)| Place::Under(parent, vendor)),
        2 => (0..8_usize).prop_map(Place::Engagement),
    ]
}

/// Days of a use or a consent, mostly within the contract's; now and then beyond, or the wrong way round.
fn span() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![
        4 => (0..50_i64).prop_flat_map(|from| (Just(from), from..60)),
        1 => (-3..60_i64, -1..50_i64).prop_map(|(from, length)| (from, from + length)),
    ]
}

/// Stands for whom an act comes from in practice: the vendor above, the applicant, the declarer; else the prime.
pub const USUAL: usize = 99;

fn vendor() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(USUAL), 1 => 0..5_usize]
}

pub fn act() -> impl Strategy<Value = Act> {
    let one_use = || {
        (place(), span(), any::<bool>())
            .prop_map(|(place, (from, to), open)| (place, from, (!open).then_some(to)))
    };
    let latest = || prop_oneof![3 => Just(0), 1 => 0..6_usize];
    let first_of_two = || prop_oneof![3 => Just(0), 1 => Just(1_usize)];
    let day_in = |weight| prop::option::weighted(weight, 0..70_i64);
    prop_oneof![
        5 => (1..7_i64).prop_map(Act::Day),
        12 => (vendor(), place(), span(), any::<bool>())
            .prop_map(|(by, place, (from, to), supersedes)| Act::Apply { by, place, from, to, supersedes }),
        10 => (latest(), first_of_two()).prop_map(|(which, by)| Act::Review { which, by }),
        1 => latest().prop_map(|which| Act::Return { which }),
        2 => (latest(), vendor(), span()).prop_map(|(which, by, (from, to))| Act::Resubmit { which, by, from, to }),
        12 => (latest(), first_of_two(), prop::bool::weighted(0.8), day_in(0.2), day_in(0.2))
            .prop_map(|(which, by, consent, from, until)| Act::Decide { which, by, consent, from, until }),
        1 => (latest(), vendor()).prop_map(|(which, by)| Act::Withdraw { which, by }),
        4 => (0..6_usize, 0..70_i64).prop_map(|(which, on)| Act::Revoke { which, on }),
        4 => (place(), -10..8_i64, 0..10_i64, 0..60_i64).prop_map(|(place, decided, wait, length)| Act::Record {
            place, decided, from: decided + wait, until: decided + wait + length - 1
        }),
        8 => (vendor(), prop::collection::vec(one_use(), 1..3)).prop_map(|(by, uses)| Act::Declare { by, uses }),
        1 => vendor().prop_map(|by| Act::DeclareNone { by }),
        1 => vendor().prop_map(|by| Act::AsLastTime { by }),
        4 => (0..3_usize, one_use()).prop_map(|(source, (place, from, to))| Act::Observe { source, place, from, to }),
        3 => (0..6_usize, vendor()).prop_map(|(which, by)| Act::Retract { which, by }),
        1 => (-2..70_i64, 20..90_i64).prop_map(|(on, ends)| Act::Amend { on, ends }),
        1 => (10..70_i64).prop_map(|on| Act::Terminate { on }),
        5 => (FIRST..130, 0..8_usize, any::<bool>())
            .prop_map(|(as_of, back, just_before)| Act::Look { as_of, back, just_before }),
    ]
}

impl Act {
    /// The same so many days later; a decision on paper stays before the registration.
    pub fn later(mut self, by: i64) -> Self {
        match &mut self {
            Self::Apply { from, to, .. } | Self::Resubmit { from, to, .. } => {
                *from += by;
                *to += by;
            }
            Self::Decide { from, until, .. } => {
                *from = from.map(|day| day + by);
                *until = until.map(|day| day + by);
            }
            Self::Record { from, until, .. } => {
                *from += by;
                *until += by;
            }
            Self::Observe { from, to, .. } => {
                *from += by;
                *to = to.map(|day| day + by);
            }
            Self::Declare { uses, .. } => {
                for (_, from, to) in uses {
                    *from += by;
                    *to = to.map(|day| day + by);
                }
            }
            Self::Amend { on, ends } => {
                *on += by;
                *ends += by;
            }
            Self::Revoke { on, .. } | Self::Terminate { on } | Self::Look { as_of: on, .. } => *on += by,
            Self::Day(_)
            | Self::Review { .. }
            | Self::Return { .. }
            | Self::Withdraw { .. }
            | Self::DeclareNone { .. }
            | Self::AsLastTime { .. }
            | Self::Retract { .. } => {}
        }
        self
    }
}
