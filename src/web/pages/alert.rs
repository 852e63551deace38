//! アラート: the list, one alert with its rule, and what is done about it.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
