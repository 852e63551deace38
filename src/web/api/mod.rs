//! The JSON API under `/api/v1`: a capability a file, each a list of routes.

mod access;
mod alert;
mod application;
mod audit;
mod auth;
mod backup;
mod chain;
mod contract;
mod declaration;
mod demo;
mod ledger;
mod notice;
mod observation;
mod organization;
mod overview;
mod pending;
mod register;
mod setting;
mod task;
mod user;

use super::route::Route;

/// Every route of the API; `demo` adds those that exist only under `itaku demo`.
pub fn routes(demo: bool) -> Vec<Route> {
    let mut routes = [
        access::routes(),
        alert::routes(),
        application::routes(),
        audit::routes(),
        auth::routes(),
        backup::routes(),
        chain::routes(),
        contract::routes(),
        declaration::routes(),
        ledger::routes(),
        notice::routes(),
        observation::routes(),
        organization::routes(),
        overview::routes(),
        pending::routes(),
        register::routes(),
        setting::routes(),
        task::routes(),
        user::routes(),
    ]
    .concat();
    if demo {
        routes.extend(self::demo::routes());
    }
    routes
}
