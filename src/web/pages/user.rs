//! 利用者と権限: accounts, invitations, deputies.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
