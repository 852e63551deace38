//! 日付を進める: the demonstration's business day, moved by hand, with the sweep and the delivery of the day
//! arrived at.

pub mod mail;
pub mod story;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{App, Call, Failure, idempotency};
use crate::clock::DemoClock;
use crate::input;

input! {
    /// Where to move the business day.
    pub struct MoveClock {
        today: NaiveDate => day(),
    }
}

/// What the day brought.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MovedView {
    pub today: NaiveDate,
    pub sweep: SweptView,
    pub delivered: DeliveredView,
}

/// What the sweep did.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SweptView {
    /// Contracts evaluated.
    pub checked: usize,
    /// Contracts whose evaluation failed.
    pub failed: usize,
    pub opened: usize,
    pub resolved: usize,
    pub reminders: usize,
    /// Digests written.
    pub digests: usize,
}

/// What the delivery did.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveredView {
    pub sent: usize,
    /// To be tried again.
    pub retried: usize,
    /// Given up.
    pub failed: usize,
}

/// Sweeps for a day and delivers once; given by whoever starts the demonstration.
pub type Turn = dyn Fn(&App, NaiveDate) -> Result<(SweptView, DeliveredView), Failure> + Send + Sync;

/// What makes a server a demonstration.
pub struct Demonstration {
    clock: Arc<DemoClock>,
    turn: Box<Turn>,
    /// One move at a time: an answer speaks of its own day.
    moving: Mutex<()>,
}

impl Demonstration {
    pub fn new(clock: Arc<DemoClock>, turn: Box<Turn>) -> Self {
        Self { clock, turn, moving: Mutex::new(()) }
    }
}

/// Moves the business day; answers after that day's sweep and delivery.
pub fn move_clock(app: &App, call: &Call, to: &MoveClock) -> Result<MovedView, Failure> {
    let demo = app.demo.as_ref().ok_or(Failure::NotFound)?;
    // A twin waits here and finds the answer kept.
    let _alone = demo.moving.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(moved) = idempotency::kept(app, call)? {
        return Ok(moved);
    }
    if !demo.clock.set(to.today) {
        return Err(Failure::field("/today", "past", "いまの日付より前の日には戻せません。"));
    }
    let (sweep, delivered) = (demo.turn)(app, to.today)?;
    let moved = MovedView { today: to.today, sweep, delivered };
    app.act_on_organization(call, call.actor.organization.id, |_| Ok(moved.clone()))
}
