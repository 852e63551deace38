//! The demonstration's own pages: its clock, its mail, its tour.

mod components;
mod mail;
pub mod tour;

use serde_json::json;

use super::done::Brought;
use super::door::own_address;
use super::route::{HOME, Labels, Outcome, Page, PageRoute, form, page};
use super::visit::Visit;
use crate::domain::access::Permission;
use crate::service::demo::{MoveClock, MovedView, move_clock};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("today", "進める日")];
const CLOCK: &str = "/demo/clock";

pub fn routes() -> Vec<PageRoute> {
    // Whoever tries the program moves its day; the API leaves that to its administrator.
    let clock = form(CLOCK, LABELS).needs(Permission::OwnAccount, show, act);
    [clock, components::routes(), mail::routes(), tour::routes()].concat()
}

/// Where the form stood; from its own page one goes home.
fn back(visit: &Visit) -> &str {
    let asked = visit.query("back").unwrap_or_else(|| visit.typed("back"));
    own_address(asked).filter(|address| !address.starts_with(CLOCK)).unwrap_or(HOME)
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
fn show(app: &App, _: &Call, visit: &Visit) -> Result<Page, Failure> {
    let page = page("demo/clock.html", "デモの日付を進める", json!({ "back": back(visit) }));
    Ok(page.filled(&json!({ "today": app.today() })))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let to: MoveClock = visit.input()?;
    let MovedView { sweep, delivered, .. } = move_clock(app, call, &to)?;
    let brought = Brought {
        opened: sweep.opened,
        resolved: sweep.resolved,
        sent: delivered.sent,
        unsent: delivered.retried + delivered.failed,
    };
    Ok(Outcome::Moved(told(back(visit), &brought.name())))
}

/// An address that says what was done.
fn told(address: &str, done: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "done");
    let mut told = url::form_urlencoded::Serializer::new(String::new());
    let query = told.extend_pairs(kept).append_pair("done", done).finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_was_done_last_only() {
        assert_eq!(told("/home", "x"), "/home?done=x");
        assert_eq!(
            told("/alerts?state=open&done=old&q=%E7%94%B2", "x"),
            "/alerts?state=open&q=%E7%94%B2&done=x"
        );
    }
}
