//! Random acts on one contract against the day-by-day model.

use proptest::prelude::*;

use super::case::{Case, Cast, REGISTERED, act, d};
use super::{halves, ledger_holds, runner};
use crate::support::TestApp;

halves! {
    fn acts_lead_to_what_the_day_by_day_model_says(new, cases = 1_000 embedded, 100 on the server) {
        let app = &new();
        let people = Cast::new(app);
        let strategy = (prop::collection::vec(act(), 10..30), -20..130_i64);
        let outcome = runner(cases).run(&strategy, |(acts, as_of)| {
            app.clock.set_day(d(REGISTERED));
            let mut case = Case::new(app, &people);
            for act in &acts {
                case.act(act)?;
            }
            case.look(d(as_of), None)?;
            case.look(app.app.today(), Some(app.app.now()))?;
            case.projections_hold()
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        ledger_holds(app);
    }
}
