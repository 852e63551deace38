//! 再委託の体制 of a contract, and the revocation of a consent.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
