//! The denial matrix, generated from the table of routes: every route × every kind of person, with what is theirs
//! and what is not.

use itaku::domain::access::Role;
use itaku::web::api::routes;
use itaku::web::route::Route;
use serde_json::json;

use crate::expected::{may, sample};
use crate::support::{Answer, TestApp, both};
use crate::world::{Caller, Kind, NOTHING, Seat, World, filled, kind_of};

/// Of the routes that someone's role may use, those that say no to all the same, whatever is named: the agency's
/// own matters on a contract that a vendor stands on.
fn is_inside(path: &str, caller: &Caller<'_>) -> bool {
    let Seat::Vendor(house, place) = caller.seat else { return false };
    let below = place.organization != house.prime.organization;
    // The terms and their history hold amounts and volumes, which are the prime's.
    matches!(path, "/contracts/{id}/observations" | "/contracts/{id}/handovers")
        || (below && path == "/contracts/{id}/amendments")
}

/// Every route of an ordinary server with its method.
fn ordinary() -> Vec<(String, Route)> {
    let routes = routes(true).into_iter().filter(|route| route.path != "/demo/clock");
    routes.map(|route| (route.method.to_string(), route)).collect()
}

/// One call with a body that the route takes.
fn call(app: &TestApp, world: &World, token: Option<&str>, route: &Route, path: &str) -> Answer {
    let request = app.request(token, route.method.as_str(), path);
    let request =
        if route.method == "PATCH" { request.insert_header(("If-Match", "\"1\"")) } else { request };
    if route.takes.is_some() {
        app.send(request.set_json(sample(world, route.path)))
    } else {
        app.send(request)
    }
}

/// What is wrong with the answers, all of them together.
#[derive(Default)]
struct Verdict {
    asked: usize,
    wrong: Vec<String>,
}

impl Verdict {
    fn expect(&mut self, what: &str, answer: &Answer, statuses: &[u16]) {
        self.asked += 1;
        if !statuses.contains(&answer.status) {
            self.wrong.push(format!("{what}: {} instead of {statuses:?}: {}", answer.status, answer.body));
        }
        if answer.status >= 400 && answer.header("content-type") != Some("application/problem+json") {
            self.wrong.push(format!("{what}: {} is no problem+json", answer.status));
        }
    }

    #[track_caller]
    fn end(self) {
        assert!(
            self.wrong.is_empty(),
            "{} of {} answers:\n{}",
            self.wrong.len(),
            self.asked,
            self.wrong.join("\n")
        );
    }
}

#[test]
fn permissions_are_the_contracts() {
    for route in routes(true) {
        let method = route.method.as_str();
        let mut granted = route.permission().map(|permission| permission.roles().to_vec());
        let mut expected = may(method, route.path).map(<[Role]>::to_vec);
        for roles in [&mut granted, &mut expected].into_iter().flatten() {
            roles.sort_unstable();
        }
        assert_eq!(granted, expected, "{method} {}", route.path);
    }
}

both! {
    fn nobody_without_a_session_gets_in(app: TestApp) {
        let world = World::new(app);
        let officer = &world.callers()[0];
        let mut verdict = Verdict::default();
        for (method, route) in ordinary().iter().filter(|(_, route)| route.permission().is_some()) {
            let own = kind_of(route.path).and_then(|kind| officer.own(&world, kind)).unwrap_or(NOTHING.to_owned());
            for id in [own.as_str(), NOTHING, "x"] {
                let path = filled(route.path, id);
                for token in [None, Some(""), Some("x.y.z")] {
                    let what = format!("nobody: {method} {path}");
                    verdict.expect(&what, &call(app, &world, token, route, &path), &[401]);
                }
            }
        }
        verdict.end();
    }

    fn a_role_that_may_not_is_refused_whatever_it_names(app: TestApp) {
        let world = World::new(app);
        let mut verdict = Verdict::default();
        for caller in world.callers() {
            for (method, route) in ordinary() {
                if may(&method, route.path).is_none_or(|roles| roles.contains(&caller.role)) {
                    continue;
                }
                let mut ids = vec![NOTHING.to_owned(), "x".to_owned()];
                if let Some(kind) = kind_of(route.path) {
                    ids.extend(caller.own(&world, kind));
                    ids.extend(caller.foreign(&world, kind));
                } else {
                    ids.truncate(1);
                }
                for id in ids {
                    let path = filled(route.path, &id);
                    let answer = call(app, &world, Some(&caller.person.token), &route, &path);
                    verdict.expect(&format!("{}: {method} {path}", caller.name), &answer, &[403]);
                }
            }
        }
        verdict.end();
    }

    fn a_foreign_id_is_not_found(app: TestApp) {
        let world = World::new(app);
        let mut verdict = Verdict::default();
        for caller in world.callers() {
            for (method, route) in ordinary() {
                let allowed = may(&method, route.path).is_some_and(|roles| roles.contains(&caller.role));
                let Some(kind) = kind_of(route.path).filter(|_| allowed) else { continue };
                let mut ids = caller.foreign(&world, kind);
                ids.extend([NOTHING.to_owned(), "x".to_owned(), "%00".to_owned()]);
                for id in ids {
                    let path = filled(route.path, &id);
                    let answer = call(app, &world, Some(&caller.person.token), &route, &path);
                    verdict.expect(&format!("{}: {method} {path}", caller.name), &answer, &[404]);
                }
            }
        }
        verdict.end();
    }

    // The guard lets those through who may: a matrix of denials alone would hold for a server that denies all.
    fn those_who_may_get_in(app: TestApp) {
        let world = World::new(app);
        let mut verdict = Verdict::default();
        for caller in world.callers() {
            for (method, route) in ordinary() {
                if !may(&method, route.path).is_some_and(|roles| roles.contains(&caller.role)) {
                    continue;
                }
                let own = kind_of(route.path).map(|kind| caller.own(&world, kind));
                let Some(id) = own.unwrap_or(Some(String::new())) else { continue };
                let path = filled(route.path, &id);
                let contract = caller.own(&world, Kind::Contract).unwrap();
                let path = if path == "/ledger" { format!("/ledger?subject={contract}") } else { path };
                let what = format!("{}: {method} {path}", caller.name);
                // Some of these end the session that they come with.
                let token = app.log_in(caller.person).token;
                let request = app.request(Some(&token), &method, &path);
                if route.method == "PATCH" {
                    verdict.expect(&what, &app.send(request.set_json(json!({}))), &[428]);
                } else if route.takes.is_some() {
                    verdict.expect(&what, &app.send(request.set_json(json!([]))), &[422]);
                } else if is_inside(route.path, &caller) {
                    verdict.expect(&what, &app.send(request), &[403, 404]);
                } else if method == "GET" {
                    verdict.expect(&what, &app.send(request), &[200]);
                } else {
                    verdict.expect(&what, &app.send(request), &[200, 409]);
                }
            }
        }
        verdict.end();
    }

    fn the_demonstrations_clock_is_not_there(app: TestApp) {
        let admin = app.admin();
        app.post(&admin, "/demo/clock", json!({"today": "2026-06-01"})).must(404);
    }

    // Whatever a vendor reads, it never meets who stands beside it or above its parent, nor what the agency thinks.
    fn a_vendors_answers_hold_nothing_of_others(app: TestApp) {
        let world = World::new(app);
        let mut leaks = Vec::new();
        let mut read = 0;
        for caller in world.callers() {
            let Seat::Vendor(house, _) = caller.seat else { continue };
            let forbidden = caller.forbidden(&world);
            let mut paths: Vec<String> = Vec::new();
            for (method, route) in ordinary() {
                let allowed = may(&method, route.path).is_some_and(|roles| roles.contains(&caller.role));
                if method != "GET" || !allowed {
                    continue;
                }
                match kind_of(route.path).map(|kind| caller.own(&world, kind)) {
                    None if route.path == "/ledger" => {
                        let subjects = [Kind::Contract, Kind::Engagement, Kind::Organization, Kind::Application];
                        let subjects = subjects.into_iter().filter_map(|kind| caller.own(&world, kind));
                        paths.extend(subjects.map(|id| format!("/ledger?limit=200&subject={id}")));
                        let others = [&house.sub, &house.sibling, &house.deep];
                        let others = others.into_iter().filter_map(|place| place.application.clone());
                        paths.extend(others.map(|id| format!("/ledger?limit=200&subject={id}")));
                    }
                    None if route.query.iter().any(|query| query.name == "limit") => paths.push(format!("{}?limit=200", route.path)),
                    None => paths.push(route.path.to_owned()),
                    Some(Some(id)) => paths.push(filled(route.path, &id)),
                    Some(None) => {}
                }
            }
            paths.push("/organizations?limit=200&kind=vendor".to_owned());
            paths.push(format!("/organizations?q={}", "%E4%B9%99"));
            paths.push("/contracts?q=%E6%9E%B6%E7%A9%BA".to_owned());
            paths.push(format!("/contracts/{}/chain?as_of=2026-12-01", house.contract));
            for path in paths {
                let answer = app.get(caller.person, &path);
                // What it named itself comes back in no answer, refused or not.
                let text = answer.body.to_string();
                read += usize::from(answer.status == 200);
                // One's own ledger place says that entries of others exist, by their ids; receipts stay shut.
                let hashes_only = path.contains(&format!("subject={}", house.contract));
                for (why, word) in &forbidden {
                    let entry = [&house.sub, &house.sibling, &house.deep].iter().any(|p| p.entry.as_ref() == Some(word));
                    if text.contains(word.as_str()) && !(hashes_only && entry) {
                        leaks.push(format!("{} reads {why} ({word}) in {path}", caller.name));
                    }
                }
            }
        }
        assert!(read > 80, "{read} answers read");
        assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
    }
}
