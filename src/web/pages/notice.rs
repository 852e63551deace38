//! 送信履歴: who will be told, what was sent, what failed.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
