//! The JSON API under `/api/v1`: a capability a file, each a list of routes.

pub mod contract;
pub mod register;

use super::route::Route;

/// Every route of the API; `demo` adds those that exist only under `itaku demo`.
pub fn routes(demo: bool) -> Vec<Route> {
    let _ = demo;
    [contract::routes(), register::routes()].concat()
}
