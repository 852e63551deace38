//! What has happened in the demonstration before one looks in: a year of two invented agencies, eight invented
//! companies and forty contracts, told through the same use cases that everyone uses, on the days on which it happens.

mod acts;
mod cases;
mod cast;
mod chains;
mod contracts;
mod inspections;
mod main_case;
mod office;
mod reports;
mod script;
mod stage;

use chrono::NaiveDate;
use serde_json::Value;

use crate::db;
use crate::domain::access::{Actor, ActorOrganization, OrganizationKind};
use crate::domain::input::{Input, Mode, parse};
use crate::service::{App, Call, Failure, user};

pub use cast::Person;
pub use script::first_day;

use script::{Days, Script};
use stage::Stage;

/// Tells the story, from the clock's day to `today`. Answers one person per role, the system's administrator aside.
pub fn tell(app: &App, admin: &Actor, password: &str, today: NaiveDate) -> Result<Vec<Person>, Failure> {
    let days = Days::up_to(today);
    let rows = contracts::rows()?;
    let cast = cast::enroll(app, &Call::of(admin.clone()), password)?;
    let logins = cast.logins();
    let mut script = Script::new(days);
    office::plan(&mut script);
    contracts::plan(&mut script, &rows);
    inspections::plan(&mut script, &rows);
    chains::plan(&mut script, &rows)?;
    main_case::plan(&mut script);
    cases::plan(&mut script);
    reports::plan(&mut script);
    script.play(&mut Stage::new(app, Call::of(admin.clone()), cast, rows, days))?;
    Ok(logins)
}

/// Reads a body as the API would.
fn body<T: Input>(value: &Value) -> Result<T, Failure> {
    parse(value, Mode::Strict).map_err(Failure::Invalid)
}

/// A part of the story that speaks of what it has not told yet.
fn untold(what: impl std::fmt::Display) -> Failure {
    Failure::Internal(format!("the demonstration's story: {what}"))
}

/// The administrator as an actor of the story.
pub fn administrator(app: &App, made: &user::UserView) -> Result<Actor, Failure> {
    let organization = app.db.read_one(|conn| db::organization::find(conn, made.organization_id))?.name;
    Ok(Actor {
        user_id: made.id,
        session_id: app.sources.new_id(),
        name: made.name.clone(),
        email: made.email.clone(),
        organization: ActorOrganization {
            id: made.organization_id,
            kind: OrganizationKind::System,
            name: organization,
        },
        roles: made.roles.clone(),
        must_change_password: false,
        authenticated_at: app.sources.clock.machine_now(),
        has_factor: false,
    })
}
