//! The JSON API under `/api/v1`: a capability a file, each a list of routes.

pub mod alert;
pub mod contract;
pub mod notice;
pub mod register;

use super::route::Route;

/// Every route of the API; `demo` adds those that exist only under `itaku demo`.
pub fn routes(demo: bool) -> Vec<Route> {
    let _ = demo;
    [alert::routes(), contract::routes(), notice::routes(), register::routes()].concat()
}
