//! The demonstration's own pages: its clock, its mail, its tour.

use super::route::PageRoute;

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}
