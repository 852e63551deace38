//! The worked example, each cause and state by hand, and the fold against the day-by-day model.

use chrono::{NaiveDate, TimeDelta};

use super::*;
use crate::domain;
use crate::domain::contract::{
    DataCategory, DeclarationInterval, Instant, Overseas, Policy, Subcontracting, Terms,
};
use crate::domain::days::{DayRange, DaySet, OpenRange};
use crate::domain::id::Id;
use crate::domain::text_enum::TextEnum;

mod causes;
mod consents;
#[path = "../../../tests/support/model.rs"]
mod model;
mod order;
mod property;
mod story;
mod uses;
mod worked_example;

use story::*;
