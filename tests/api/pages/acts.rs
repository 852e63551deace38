//! The browser's tests do every act by keyboard alone and again with JavaScript off; which acts there are, they read
//! from a list that is held here to the table of routes.

use itaku::web::pages::all;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/acts.json");

#[test]
fn the_browsers_tests_know_every_act() {
    let mut acts: Vec<&str> =
        all(true).iter().filter(|route| route.changes).map(|route| route.path).collect();
    acts.sort_unstable();
    let now = serde_json::to_string_pretty(&acts).unwrap() + "\n";
    let held = std::fs::read_to_string(LIST).unwrap_or_default();
    assert!(held == now, "tests/browser/acts.json is not the forms of the pages; it must hold:\n{now}");
}
