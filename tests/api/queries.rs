//! What an address asks: queries, pages and ids that mean nothing are refused, and every answer is one that is described.

use itaku::domain::access::Role;
use itaku::web::api::routes;
use serde_json::json;

use crate::hostile::{Complaints, rows};
use crate::support::{TestApp, both};
use crate::world::{NOTHING, World, filled, kind_of};

both! {
    fn pages_and_ids_that_no_answer_gave_are_refused(app: TestApp) {
        let admin = app.admin();
        for cursor in ["x", "%E3%81%82", "bm90IGFuIGlk", "____"] {
            assert_eq!(app.get(&admin, &format!("/organizations?cursor={cursor}")).errors(), [("/cursor".to_owned(), "unknown".to_owned())]);
        }
        for limit in ["0", "201", "-1", "many"] {
            assert_eq!(app.get(&admin, &format!("/users?limit={limit}")).errors(), [("/limit".to_owned(), "range".to_owned())]);
        }
        app.get(&admin, "/organizations/1").must(404);
        app.get(&admin, "/users/00000000-0000-7000-8000-00000000ffff").must(404);
        app.get(&admin, "/no/such/place").must(404);
        app.send(app.request(Some(&admin.token), "DELETE", "/users")).must(405);
        let long = app.request(Some(&admin.token), "POST", "/users").insert_header(("Idempotency-Key", "k".repeat(256)));
        app.send(long.set_json(json!({}))).must(422);
        let etag = app.request(Some(&admin.token), "PATCH", &format!("/users/{}", admin.id)).insert_header(("If-Match", "*"));
        app.send(etag.set_json(json!({}))).must(200);
    }

    fn a_day_in_a_query_has_the_form_and_the_years_of_every_other(app: TestApp) {
        let officer = app.person(app.agency("H9"), &[Role::Officer]);
        let chain = "/contracts/00000000-0000-7000-8000-00000000ffff/chain";
        for (given, code) in [("2910", "date"), ("26-06-01", "date"), ("2026-6-1", "date"), ("%2B262142-12-31", "date"), ("0026-06-01", "date_range"), ("2910-01-01", "date_range")] {
            let answer = app.get(&officer, &format!("{chain}?as_of={given}"));
            assert_eq!(answer.errors(), [("/as_of".to_owned(), code.to_owned())], "{given}");
        }
        app.get(&officer, &format!("{chain}?as_of=2026-06-01")).must(404);
    }

    fn queries_that_mean_nothing_are_refused_by_every_list(app: TestApp) {
        let world = World::new(app);
        let before = rows(app);
        let mut complaints = Complaints::default();
        let mut tried = 0;
        for route in routes(true).into_iter().filter(|route| route.method == "GET" && !route.query.is_empty()) {
            let caller = world.caller_for("GET", route.path);
            let id = kind_of(route.path).and_then(|kind| caller.own(&world, kind)).unwrap_or_default();
            let path = filled(route.path, &id);
            let subject = if path == "/ledger" { format!("subject={}&", world.a.contract) } else { String::new() };
            let mut ask = |query: &str, status: u16, error: Option<(&str, &str)>| {
                tried += 1;
                let path = format!("{path}?{subject}{query}");
                let answer = app.get(caller.person, &path);
                let error = error.map(|(pointer, code)| [(pointer.to_owned(), code.to_owned())]);
                if status == 200 {
                    if answer.status != 200 {
                        complaints.0.push(format!("{path}: {} {}", answer.status, answer.body));
                    }
                } else {
                    complaints.expect(&path, &answer, status, error.as_ref().map(<[_; 1]>::as_slice));
                }
            };
            for query in &route.query {
                ask(&format!("{}=a%00", query.name), 422, Some((&format!("/{}", query.name), "control_character")));
                match query.name {
                    "limit" => {
                        for limit in ["0", "201", "abc", "-1", "1.5", "99999999999999999999"] {
                            ask(&format!("limit={limit}"), 422, Some(("/limit", "range")));
                        }
                        ask("limit=200", 200, None);
                        ask("limit=1", 200, None);
                    }
                    "cursor" => {
                        for cursor in ["x", "____", "%E3%81%82", "YQ%3D%3D"] {
                            ask(&format!("cursor={cursor}"), 422, Some(("/cursor", "unknown")));
                        }
                        // "not an id", "-1", a zero byte and a name where a number stands: departments go by name.
                        let named = route.path == "/departments";
                        for cursor in ["bm90IGFuIGlk", "LTE3", "AGE", "MSBPUiAxPTE"] {
                            let fine = named && cursor != "AGE";
                            let numbered = matches!(route.path, "/ledger" | "/contracts/{id}/applications") || route.path.ends_with("/amendments") || route.path.ends_with("/handovers");
                            if fine || (numbered && cursor == "LTE3") {
                                ask(&format!("cursor={cursor}"), 200, None);
                            } else {
                                ask(&format!("cursor={cursor}"), 422, Some(("/cursor", "unknown")));
                            }
                        }
                    }
                    "q" | "department" | "vendor" => {
                        let long = "a".repeat(10_000);
                        for q in ["%25", "_", "%5C", "%27%3B%20--", "%3Cscript%3E", &long, "%E3%80%80"] {
                            ask(&format!("{}={q}", query.name), 200, None);
                        }
                    }
                    name => {
                        let pointer = format!("/{name}");
                        let code = match name {
                            "as_of" | "ends_by" | "day" | "from" | "until" => "date",
                            "known_at" => "instant",
                            "fiscal_year" | "without_on_site" => "type",
                            "subject" => "unknown",
                            id if id.ends_with("_id") => "unknown",
                            _ => "choice",
                        };
                        if name == "subject" {
                            continue;
                        }
                        let long = "9".repeat(5_000);
                        for value in ["x", "%E3%81%82", "2026-02-30", "12.5", &long] {
                            ask(&format!("{name}={value}"), 422, Some((&pointer, code)));
                        }
                    }
                }
            }
            ask("a=%ff", 422, Some(("/query/a", "unknown_query")));
            if route.query.iter().any(|query| query.name == "limit") {
                ask("limits=1&limit=1", 422, Some(("/query/limits", "unknown_query")));
            }
        }
        assert!(tried > 200, "{tried}");
        let officer = &world.a.officer;
        for (query, code) in [("", "required"), ("?subject=", "required"), ("?subject=x", "unknown"), ("?subject=%00", "control_character")] {
            let expected = [("/subject".to_owned(), code.to_owned())];
            complaints.expect(query, &app.get(officer, &format!("/ledger{query}")), 422, Some(&expected));
        }
        let days = ["-0001-01-01", "0000-01-01", "9999-12-31", "2910-01-01", "1900-01-01"];
        for day in days {
            let answer = app.get(officer, &format!("/contracts/{}/chain?as_of={day}", world.a.contract));
            if answer.status >= 500 {
                complaints.0.push(format!("as_of={day}: {}", answer.status));
            }
        }
        for at in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-04-19T00:00:00%2B09:00", "2026-04-19T24:00:00Z"] {
            let answer = app.get(officer, &format!("/contracts/{}/chain?known_at={at}", world.a.contract));
            if answer.status >= 500 {
                complaints.0.push(format!("known_at={at}: {}", answer.status));
            }
        }
        assert_eq!(rows(app), before);
        complaints.end();
    }

    // Whatever is asked wrongly, the answer is one of those that the description names, in the form it names.
    fn every_answer_is_one_that_is_described(app: TestApp) {
        let world = World::new(app);
        let document = itaku::web::openapi::document(true);
        let many = (0..9_000).map(|n| format!("{n}=1")).collect::<Vec<_>>().join("&");
        let mut wrong = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        // A logout would end the caller's session for all that come after.
        for route in routes(true).into_iter().filter(|route| !matches!(route.path, "/demo/clock" | "/auth/logout")) {
            let method = route.method.as_str();
            let pointer = format!("/paths/~1api~1v1{}/{}/responses", route.path.replace('/', "~1"), method.to_lowercase());
            let described = document.pointer(&pointer).unwrap().as_object().unwrap();
            let caller = world.caller_for(method, route.path);
            let own = kind_of(route.path).map(|kind| caller.own(&world, kind).unwrap_or(NOTHING.to_owned()));
            let path = filled(route.path, &own.unwrap_or_default());
            let nowhere = filled(route.path, NOTHING);
            let token = Some(caller.person.token.as_str());
            let admin = app.admin();
            let ask = |token: Option<&str>, path: &str| app.request(token, method, path);
            let json = ("Content-Type", "application/json");
            let mut requests = vec![
                ask(None, &path),
                ask(Some("x.y.z"), &path),
                ask(Some(&admin.token), &path).insert_header(json).set_payload("{}"),
                ask(Some(&world.b.officer.token), &nowhere).insert_header(json).set_payload("{}"),
                ask(token, &format!("{path}?no_such=1")),
                ask(token, &format!("{path}?{many}")),
                ask(token, &format!("{path}?limit=%zz&cursor=%ff")),
                ask(token, &path).insert_header(("Content-Encoding", "gzip")).set_payload("x"),
            ];
            for strange in ["%zz", "%ff", "%00", &"9".repeat(5_000)] {
                requests.push(ask(token, &filled(route.path, strange)).insert_header(json).set_payload("{}"));
            }
            if route.method != "GET" {
                let body = |text: &'static str| ask(token, &path).insert_header(json).set_payload(text);
                requests.extend([
                    body("{"),
                    body("[]"),
                    body("{\"a\": 1, \"a\": 1}"),
                    body("{}"),
                    body("{}").insert_header(("If-Match", "\"0\"")),
                    body("{}").insert_header(("If-Match", "nonsense")),
                    body("{}").insert_header(("Idempotency-Key", "")),
                    ask(token, &path).insert_header(("Content-Type", "text/plain")).set_payload("x"),
                    ask(token, &path).insert_header(json).set_payload(vec![b' '; 1024 * 1024 + 1]),
                    ask(token, &nowhere).insert_header(json).set_payload("{}"),
                ]);
            }
            for request in requests {
                let answer = app.send(request);
                seen.insert(answer.status);
                let kind = answer.header("content-type").unwrap_or_default().to_owned();
                let named = described.get(&answer.status.to_string());
                if named.is_none_or(|named| named.pointer("/content").and_then(|all| all.get(&kind)).is_none()) {
                    wrong.push(format!("{method} {path}: {} {kind}: {}", answer.status, answer.body));
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
        for status in [200, 400, 401, 403, 404, 412, 413, 415, 422, 428] {
            assert!(seen.contains(&status), "{status} never came: {seen:?}");
        }
        let elsewhere = app.send(app.request(None, "DELETE", "/users"));
        let allowed = elsewhere.header("allow").unwrap();
        assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
        elsewhere.must(405);
    }
}
