//! 確認事項: what an inspection or a third party found in use.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
