//! 再委託承認申請, on both sides: filed, corrected, reviewed, sent back, decided, withdrawn.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
