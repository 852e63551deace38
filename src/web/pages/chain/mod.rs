//! 再委託の体制 of a contract, and the revocation of a consent.

pub mod draw;
mod revoke;
mod show;

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    [show::routes(), revoke::routes()].concat()
}
