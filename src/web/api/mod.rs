//! The JSON API under `/api/v1`: a capability a file, each a list of routes.

mod alert;
mod application;
mod audit;
mod auth;
mod chain;
mod contract;
mod declaration;
mod demo;
mod ledger;
mod notice;
mod observation;
mod organization;
mod register;
mod setting;
mod user;

use super::route::Route;

/// Every route of the API; `demo` adds those that exist only under `itaku demo`.
pub fn routes(demo: bool) -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(auth::routes());
    routes.extend(organization::routes());
    routes.extend(user::routes());
    routes.extend(setting::routes());
    routes.extend(register::routes());
    routes.extend(contract::routes());
    routes.extend(alert::routes());
    routes.extend(notice::routes());
    routes.extend(ledger::routes());
    if demo {
        routes.extend(self::demo::routes());
    }
    routes
}
