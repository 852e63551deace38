//! 再委託状況報告: filed, listed, retracted; 受付票.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
