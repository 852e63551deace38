//! `/demo/clock`: exists only under `itaku demo`.

use crate::domain::access::Permission::MoveDemoClock;
use crate::service::demo::{MoveClock, move_clock};
use crate::web::route::{Plain, Route, act};

/// The demonstration's routes.
pub fn routes() -> Vec<Route> {
    vec![
        act("/demo/clock", "日付を進める: その日の判定と通知を行ってから答える")
            .needs(MoveDemoClock)
            .takes(|app, call, _, input: MoveClock| move_clock(app, call, &input).map(Plain)),
    ]
}
