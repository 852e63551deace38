//! 事業者 and 機関: registered, shown with what the register says.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
