//! 検査: the plan of a 年度, one contract's, planned, done, cancelled; 指摘.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
