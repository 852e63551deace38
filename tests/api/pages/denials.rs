//! The pages' matrix, generated from the table of routes: every page and form × every kind of person, with what is
//! theirs and what is not.

use itaku::domain::access::Role;
use itaku::web::pages::all;
use itaku::web::pages::route::{Handler, PageRoute};

use crate::support::browser::Tab;
use crate::support::{Answer, TestApp, both};
use crate::world::{Caller, Kind, NOTHING, Seat, World, filled, kind_of};

/// The roles that a page is for; None: for anyone.
fn roles(route: &PageRoute) -> Option<&'static [Role]> {
    match &route.handler {
        Handler::Open(_) => None,
        Handler::Guarded(permission, _) => Some(permission.roles()),
    }
}

/// What the identifier in a page's path names; None: the path has none, or names a file of one's own just sent.
fn kind(path: &str) -> Option<Kind> {
    match path.split_once("/{")?.0 {
        "/vendors" => Some(Kind::Organization),
        "/account/sessions" => Some(Kind::Session),
        "/account/passkeys" => Some(Kind::Passkey),
        // Another person's deputy: tests/api/own_deputies.rs; another agency's file taken in: tests/contracts/void.rs; its
        // draft: tests/api/adoption.rs.
        "/account/deputies" | "/contracts/import" | "/contracts/imports" | "/consents/drafts" => None,
        _ => kind_of(path),
    }
}

fn call(tab: &Tab<'_>, route: &PageRoute, path: &str) -> Answer {
    if route.changes { tab.submit(path, &[]) } else { tab.open(path) }
}

fn text(answer: &Answer) -> &str {
    answer.body.as_str().unwrap_or_default()
}

/// What is wrong with the answers, all of them together.
#[derive(Default)]
struct Verdict {
    asked: usize,
    wrong: Vec<String>,
}

impl Verdict {
    fn expect(
        &mut self,
        caller: &Caller<'_>,
        route: &PageRoute,
        path: &str,
        answer: &Answer,
        statuses: &[u16],
    ) {
        self.asked += 1;
        if !statuses.contains(&answer.status) {
            let method = if route.changes { "POST" } else { "GET" };
            let title = text(answer)
                .split("<h1>")
                .nth(1)
                .and_then(|rest| rest.split('<').next())
                .unwrap_or("no page");
            let where_to = answer.header("location").unwrap_or_default();
            self.wrong.push(format!(
                "{}: {method} {path}: {} instead of {statuses:?}: {title} {where_to}",
                caller.name, answer.status
            ));
        }
    }

    #[track_caller]
    fn end(self, least: usize) {
        assert!(self.asked >= least, "only {} asked", self.asked);
        let wrong = self.wrong;
        assert!(wrong.is_empty(), "{} of {} answers:\n{}", wrong.len(), self.asked, wrong.join("\n"));
    }
}

both! {
    fn a_role_that_may_not_is_refused_whatever_it_names(app: TestApp) {
        let world = World::new(app);
        let mut verdict = Verdict::default();
        for caller in world.callers() {
            let tab = app.tab(caller.person);
            for route in all(false) {
                if roles(&route).is_none_or(|roles| roles.contains(&caller.role)) {
                    continue;
                }
                let mut ids = vec![NOTHING.to_owned()];
                if let Some(kind) = kind(route.path) {
                    ids.extend(caller.own(&world, kind));
                    ids.extend(caller.foreign(&world, kind).into_iter().take(1));
                }
                for id in ids {
                    let path = filled(route.path, &id);
                    verdict.expect(&caller, &route, &path, &call(&tab, &route, &path), &[403]);
                }
            }
        }
        verdict.end(500);
    }

    fn a_foreign_id_is_not_found(app: TestApp) {
        let world = World::new(app);
        let mut verdict = Verdict::default();
        for caller in world.callers() {
            let tab = app.tab(caller.person);
            for route in all(false) {
                let allowed = roles(&route).is_some_and(|roles| roles.contains(&caller.role));
                // A session that is no one's of mine counts as ended.
                let Some(kind) = kind(route.path).filter(|kind| allowed && *kind != Kind::Session) else { continue };
                let mut ids = caller.foreign(&world, kind);
                ids.extend([NOTHING.to_owned(), "x".to_owned(), "%00".to_owned()]);
                for id in ids {
                    let path = filled(route.path, &id);
                    verdict.expect(&caller, &route, &path, &call(&tab, &route, &path), &[404]);
                }
            }
        }
        verdict.end(500);
    }

    // A matrix of denials alone would hold for pages that deny all.
    fn those_who_may_see_their_pages_and_an_empty_form_does_no_harm(app: TestApp) {
        let world = World::new(app);
        let mut verdict = Verdict::default();
        for caller in world.callers() {
            let tab = app.tab(caller.person);
            for route in all(false) {
                let Some(roles) = roles(&route) else { continue };
                if !roles.contains(&caller.role) || route.path == "/logout" {
                    continue;
                }
                let own = kind(route.path).map(|kind| caller.own(&world, kind));
                // The history of an organization is its own affair.
                let own = if route.path == "/organizations/{id}/ledger" {
                    Some(Some(caller.person.organization.to_string()))
                } else {
                    own
                };
                let Some(id) = own.unwrap_or(Some(NOTHING.to_owned())) else { continue };
                let path = filled(route.path, &id);
                let answer = call(&tab, &route, &path);
                let statuses: &[u16] = match (route.changes, route.path) {
                    // Who stands below its applicant knows of an application and can't take it back.
                    (true, "/applications/{id}/withdraw") => &[200, 303, 403, 409, 422],
                    // A file that is not there is asked for again.
                    (_, path) if path.starts_with("/contracts/import/{id}") => &[404],
                    // Nothing was taken in from a file.
                    (_, path) if path.starts_with("/contracts/imports/{id}") => &[404],
                    // Nothing was drafted, and nobody stands in.
                    (_, path) if path.starts_with("/consents/drafts/{id}") => &[404],
                    (_, path) if path.starts_with("/account/deputies/{id}") => &[404],
                    (true, _) => &[200, 303, 409, 412, 422],
                    (false, _) => &[200],
                };
                verdict.expect(&caller, &route, &path, &answer, statuses);
                if !route.changes && answer.status == 200 && text(&answer).matches("<h1").count() > 1 {
                    verdict.wrong.push(format!("{path}: more than one h1"));
                }
            }
        }
        verdict.end(400);
    }

    // Whatever a vendor looks at, it never meets who stands beside it or above its parent, nor what the agency thinks.
    fn a_vendors_pages_hold_nothing_of_others(app: TestApp) {
        let world = World::new(app);
        let (mut leaks, mut seen) = (Vec::new(), 0);
        for caller in world.callers() {
            let Seat::Vendor(house, _) = caller.seat else { continue };
            let (tab, forbidden) = (app.tab(caller.person), caller.forbidden(&world));
            for route in all(false) {
                if route.changes || !roles(&route).is_some_and(|roles| roles.contains(&caller.role)) {
                    continue;
                }
                let own = kind(route.path).map(|kind| caller.own(&world, kind));
                let Some(id) = own.unwrap_or(Some(NOTHING.to_owned())) else { continue };
                let path = filled(route.path, &id);
                let answer = tab.open(&path);
                seen += usize::from(answer.status == 200);
                // The ledger says that entries of others exist, by their ids.
                let hashes_only = path.ends_with("/ledger");
                for (why, word) in &forbidden {
                    let entry = [&house.sub, &house.sibling, &house.deep].iter().any(|p| p.entry.as_ref() == Some(word));
                    if text(&answer).contains(word.as_str()) && !(hashes_only && entry) {
                        leaks.push(format!("{} sees {why} ({word}) on {path}", caller.name));
                    }
                }
            }
        }
        assert!(seen > 100, "{seen} pages seen");
        assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
    }
}
