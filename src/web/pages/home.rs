//! ホーム: what needs one today; each number leads to the list behind it.

use serde_json::json;

use super::route::{HOME, Page, PageRoute, Visit, look, page};
use crate::domain::access::Permission;
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look(HOME).needs(Permission::OwnAccount, home)]
}

fn home(_: &App, _: &Call, _: &Visit) -> Result<Page, Failure> {
    Ok(page("home.html", "ホーム", json!({})))
}
