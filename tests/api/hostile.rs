//! Input that must be refused clearly, or kept as the text it is; never a 500.

use actix_web::test::TestRequest;
use diesel::prelude::*;
use itaku::domain::access::Role;
use itaku::web::api::routes;
use itaku::web::route::Route;
use serde_json::{Value, json};

use crate::expected::sample;
use crate::support::{Answer, Person, TestApp, both};
use crate::world::{NOTHING, World, filled, kind_of, with};
use crate::wrongs::{Wrong, is_verbatim, of_a_wrong_type, wrongs};

both! {
    fn texts_that_can_do_harm_are_refused_or_kept_as_text(app: TestApp) {
        let admin = app.admin();
        let error = |name: serde_json::Value| {
            let errors = app.post(&admin, "/organizations", json!({"kind": "vendor", "name": name})).errors();
            assert_eq!(errors.len(), 1);
            assert_eq!(errors[0].0, "/name");
            errors[0].1.clone()
        };
        assert_eq!(error(json!("長".repeat(10_000))), "too_long");
        assert_eq!(error(json!("架空\r\nBcc: x@example.jp")), "line_break");
        assert_eq!(error(json!("架空\u{0}")), "control_character");
        assert_eq!(error(json!("架空\u{202e}")), "bidi_character");
        assert_eq!(error(json!(12)), "type");
        assert_eq!(error(json!(["架空"])), "type");
        assert_eq!(error(json!(" ")), "required");
        assert_eq!(error(json!("架空 1234-5678-9018")), "my_number");
        let script = "<script>alert('架空')</script>' OR 1=1; --";
        let made = app.post(&admin, "/organizations", json!({"kind": "vendor", "name": script})).must(201);
        assert_eq!(made["name"], script);
        let q = "%27%20OR%201%3D1%3B%20--";
        assert_eq!(app.get(&admin, &format!("/organizations?q={q}")).must(200)["items"].as_array().unwrap().len(), 1);
    }

    fn a_name_with_a_line_break_reaches_no_account(app: TestApp) {
        let agency = app.agency("H1");
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        let body = json!({"email": "a@example.jp\r\nBcc: b@example.jp", "name": "架空\n太郎", "organization_id": agency, "roles": ["officer"], "password": 12_345_678_901_234_i64});
        let expected = [("/email", "line_break"), ("/name", "line_break"), ("/password", "type")];
        assert_eq!(app.post(&admin, "/users", body).errors(), expected.map(|(p, c)| (p.to_owned(), c.to_owned())));
        assert!(app.notices().is_empty());
    }

    fn bodies_that_are_no_json_objects_are_refused(app: TestApp) {
        let admin = app.admin();
        let post = |kind: &'static str, body: Vec<u8>| {
            let request = app.request(Some(&admin.token), "POST", "/organizations");
            app.send(request.insert_header(("Content-Type", kind)).set_payload(body))
        };
        assert_eq!(post("application/json", b"{\"kind\": ".to_vec()).problem(400), "malformed");
        assert_eq!(post("application/json", b"\xff\xfe".to_vec()).problem(400), "malformed");
        assert_eq!(post("application/json", b"[]".to_vec()).problem(422), "invalid");
        assert_eq!(post("application/json", b"".to_vec()).problem(422), "invalid");
        assert_eq!(post("text/plain", b"{}".to_vec()).problem(415), "media_type");
        assert_eq!(post("application/json", vec![b' '; 1024 * 1024 + 1]).problem(413), "too_large");
        assert_eq!(post("application/json; charset=utf-8", b"{}".to_vec()).problem(422), "invalid");
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(post("application/json", deep.into_bytes()).problem(400), "malformed");
    }
}

// --- every route ---

/// A route that takes a body, who may use it, and where.
struct Door<'a> {
    route: Route,
    path: String,
    caller: Option<&'a Person>,
}

fn doors(world: &World) -> Vec<Door<'_>> {
    let taking =
        routes(true).into_iter().filter(|route| route.takes.is_some() && route.path != "/demo/clock");
    taking
        .map(|route| {
            let method = route.method.as_str();
            let caller = world.caller_for(method, route.path);
            let id = kind_of(route.path).map(|kind| caller.own(world, kind).unwrap_or(NOTHING.to_owned()));
            let path = filled(route.path, &id.unwrap_or_default());
            let person = route.permission().map(|_| caller.person);
            let route = Route { takes: route.takes.as_ref().map(not_null), ..route };
            Door { path, caller: person, route }
        })
        .collect()
}

impl Door<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.route.method, self.route.path)
    }

    fn request(&self, app: &TestApp) -> TestRequest {
        let request =
            app.request(self.caller.map(|p| p.token.as_str()), self.route.method.as_str(), &self.path);
        if self.route.method == "PATCH" { request.insert_header(("If-Match", "\"1\"")) } else { request }
    }

    fn raw(&self, app: &TestApp, kind: &str, body: Vec<u8>) -> Answer {
        app.send(self.request(app).insert_header(("Content-Type", kind)).set_payload(body))
    }

    fn json(&self, app: &TestApp, body: &Value) -> Answer {
        app.send(self.request(app).set_json(body))
    }

    fn schema(&self) -> &Value {
        self.route.takes.as_ref().unwrap()
    }

    /// Settings are read whole and judged by themselves.
    fn is_settings(&self) -> bool {
        self.route.path == "/settings"
    }
}

/// A schema without what it says of null.
fn not_null(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let plain = |(name, value): (&String, &Value)| match (name.as_str(), value) {
                ("type", Value::Array(kinds)) => (name.clone(), kinds[0].clone()),
                ("enum", Value::Array(words)) => {
                    (name.clone(), words.iter().filter(|word| !word.is_null()).cloned().collect())
                }
                _ => (name.clone(), not_null(value)),
            };
            Value::Object(fields.iter().map(plain).collect())
        }
        Value::Array(values) => values.iter().map(not_null).collect(),
        other => other.clone(),
    }
}

/// Where in a body objects with declared fields stand.
fn objects(schema: &Value, body: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(fields), true) = (schema["properties"].as_object(), body.is_object()) {
        found.push(at.to_owned());
        for (name, schema) in fields {
            found.extend(objects(schema, &body[name], &format!("{at}/{name}")));
        }
    } else if body[0].is_object() {
        found.extend(objects(&schema["items"], &body[0], &format!("{at}/0")));
    }
    found
}

/// What is wrong with the answers, all of them together.
#[derive(Default)]
pub struct Complaints(pub Vec<String>);

impl Complaints {
    /// The status and, of a 422, the fields named.
    pub fn expect(&mut self, what: &str, answer: &Answer, status: u16, errors: Option<&[(String, String)]>) {
        let problem = answer.header("content-type") == Some("application/problem+json");
        let field = |e: &Value, name: &str| e[name].as_str().unwrap_or_default().to_owned();
        let named = |e: &Value| (field(e, "pointer"), field(e, "code"));
        let mut found: Vec<_> = answer.body["errors"].as_array().into_iter().flatten().map(named).collect();
        found.sort();
        let worded =
            answer.body["errors"].as_array().into_iter().flatten().all(|e| !field(e, "message").is_empty());
        if answer.status != status || !problem || !worded || errors.is_some_and(|errors| errors != found) {
            self.0.push(format!(
                "{what}: {status} {errors:?} expected, {} {found:?} came: {}",
                answer.status,
                field(&answer.body, "detail")
            ));
        }
    }

    #[track_caller]
    pub fn end(self) {
        let first: Vec<_> = self.0.iter().take(60).cloned().collect();
        assert!(self.0.is_empty(), "{} wrong:\n{}", self.0.len(), first.join("\n"));
    }
}

/// Rows of every table but those of sessions, which reading renews.
pub fn rows(app: &TestApp) -> Vec<(String, i64)> {
    let url = app.app.config.database.url.clone();
    let tables = include_str!("../../src/db/schema.rs").lines().filter_map(|line| {
        let (name, _) = line.trim().strip_suffix(") {")?.split_once(" (")?;
        // What an overseer may read leaves a row there.
        Some(name.to_owned()).filter(|name| name != "access_log")
    });
    let count = |table: &str| format!("SELECT count(*) AS rows FROM {table}");
    let mut counts = Vec::new();
    for table in tables {
        let counted: Vec<Counted> = if let Some(file) = url.strip_prefix("sqlite:") {
            let mut conn = diesel::SqliteConnection::establish(file).unwrap();
            diesel::sql_query(count(&table)).load(&mut conn).unwrap()
        } else {
            let mut conn = diesel::PgConnection::establish(&url).unwrap();
            diesel::sql_query(count(&table)).load(&mut conn).unwrap()
        };
        counts.push((table, counted[0].rows));
    }
    assert!(counts.len() > 30);
    counts
}

#[derive(diesel::QueryableByName)]
struct Counted {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    rows: i64,
}

/// The pointers of the settings that an error may stand at: the field's own or below it.
fn stands_at(answer: &Answer, pointer: &str) -> bool {
    let errors = answer.body["errors"].as_array().into_iter().flatten();
    let pointers: Vec<&str> = errors.map(|e| e["pointer"].as_str().unwrap()).collect();
    !pointers.is_empty() && pointers.iter().all(|p| *p == pointer || p.starts_with(&format!("{pointer}/")))
}

both! {
    fn whole_bodies_of_the_wrong_form_are_refused_by_every_route(app: TestApp) {
        let world = World::new(app);
        let before = rows(app);
        let mut complaints = Complaints::default();
        let whole = [(String::new(), "type".to_owned())];
        for door in doors(&world) {
            let name = door.name();
            for body in ["[]", "\"x\"", "12", "true", "null", "[{}]"] {
                let answer = door.raw(app, "application/json", body.as_bytes().to_vec());
                complaints.expect(&format!("{name} {body}"), &answer, 422, Some(&whole));
            }
            let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
            for body in [&b"{"[..], b"{\"a\": }", b"\xff\xfe", b"a=b", b"{}{}", b"{\"a\": 1e999}", b"{\"a\":1,\"a\":1}", b"{\"b\":[{\"a\":1,\"a\":2}]}", deep.as_bytes()] {
                let answer = door.raw(app, "application/json", body.to_vec());
                complaints.expect(&format!("{name} {}", String::from_utf8_lossy(&body[..body.len().min(9)])), &answer, 400, None);
            }
            for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"] {
                complaints.expect(&format!("{name} as {kind}"), &door.raw(app, kind, b"{}".to_vec()), 415, None);
            }
            let long = door.raw(app, "application/json", vec![b' '; 1024 * 1024 + 1]);
            complaints.expect(&format!("{name} too large"), &long, 413, None);

            let mut required: Vec<(String, String)> = door.schema()["required"].as_array().into_iter().flatten()
                .map(|name| (format!("/{}", name.as_str().unwrap()), "required".to_owned())).collect();
            required.sort();
            if !required.is_empty() {
                for body in [&b"{}"[..], b""] {
                    let answer = door.raw(app, "application/json", body.to_vec());
                    complaints.expect(&format!("{name} {}", String::from_utf8_lossy(body)), &answer, 422, Some(&required));
                }
            }
        }
        assert_eq!(rows(app), before);
        complaints.end();
    }

    fn each_wrong_field_is_named_by_every_route(app: TestApp) {
        let world = World::new(app);
        let before = rows(app);
        let mut complaints = Complaints::default();
        let mut tried = 0;
        for door in doors(&world).into_iter().filter(|door| !door.is_settings()) {
            let body = sample(&world, door.route.path);
            let mut all = Vec::new();
            wrongs(door.route.path, "", door.schema(), &body, "", &mut all);
            for Wrong { pointer, value, code } in all {
                let mut hostile = body.clone();
                *hostile.pointer_mut(&pointer).unwrap() = value.clone();
                let answer = door.json(app, &hostile);
                let shown: String = value.to_string().chars().take(30).collect();
                let what = format!("{} {pointer} = {shown}", door.name());
                complaints.expect(&what, &answer, 422, Some(&[(pointer, code.to_owned())]));
                tried += 1;
            }
        }
        assert!(tried > 1000, "{tried} wrong values tried");
        complaints.end();
        assert_eq!(rows(app), before);
    }

    fn a_field_that_nobody_declared_is_named_wherever_it_stands(app: TestApp) {
        let world = World::new(app);
        let before = rows(app);
        let mut complaints = Complaints::default();
        let mut tried = 0;
        for door in doors(&world).into_iter().filter(|door| !door.is_settings()) {
            let body = sample(&world, door.route.path);
            for within in objects(door.schema(), &body, "") {
                let mut strange = body.clone();
                strange.pointer_mut(&within).unwrap()["no_such_field"] = json!(1);
                let errors = [(format!("{within}/no_such_field"), "unknown_field".to_owned())];
                let what = format!("{} {within}", door.name());
                complaints.expect(&what, &door.json(app, &strange), 422, Some(&errors));
                tried += 1;
            }
        }
        assert!(tried > 40, "{tried} objects tried");
        assert_eq!(rows(app), before);
        complaints.end();
        let officer = &world.a.officer;
        let slip = with(sample(&world, "/contracts"), json!({"titel": "架空"}));
        let told = app.post(officer, "/contracts", slip).must(422);
        assert!(told["errors"][0]["message"].as_str().unwrap().contains("title ではありませんか"), "{told}");
    }

    fn all_wrong_fields_are_named_at_once(app: TestApp) {
        let world = World::new(app);
        let before = rows(app);
        for door in doors(&world).into_iter().filter(|door| !door.is_settings()) {
            let fields = door.schema()["properties"].as_object().unwrap();
            let body: serde_json::Map<_, _> = fields.iter().map(|(name, schema)| (name.clone(), of_a_wrong_type(schema))).collect();
            let mut pointers: Vec<String> = door.json(app, &Value::Object(body)).errors().into_iter().map(|e| e.0).collect();
            pointers.sort();
            let mut expected: Vec<String> = fields.keys().map(|name| format!("/{name}")).collect();
            expected.sort();
            assert_eq!(pointers, expected, "{}", door.name());
        }
        assert_eq!(rows(app), before);
    }

    fn each_wrong_setting_is_named(app: TestApp) {
        let world = World::new(app);
        let admin = &world.a.admin;
        let etag = app.get(admin, "/settings").etag();
        let settings = app.get(admin, "/settings").must(200);
        let before = rows(app);
        for name in settings.as_object().unwrap().keys() {
            for value in [json!("x"), json!(-1), json!(1.5), json!(90_000_000_167_598_800_i64), json!([null]), json!(["2910-01-01x"]), json!({"": "\u{0}"}), json!(null)] {
                // A list of names, in which a day is one, too.
                if name == "published_names" && value[0].is_string() {
                    continue;
                }
                // A desk is called as it likes; none is set where null is.
                if (name == "desk" && value.is_string()) || (["desk", "telephone"].contains(&name.as_str()) && value.is_null()) {
                    continue;
                }
                let answer = app.patch_if(admin, "/settings", &etag, json!({name: value}));
                assert_eq!(answer.status, 422, "{name} = {value}: {}", answer.body);
                assert!(stands_at(&answer, &format!("/{name}")), "{name} = {value}: {}", answer.body);
            }
        }
        assert_eq!(app.patch_if(admin, "/settings", &etag, json!({"no_such": 1})).errors(), [("/no_such".to_owned(), "unknown".to_owned())]);
        assert_eq!(rows(app), before);
    }

    // Identifiers in a body of what does not exist, or of what the caller may not know of, go nowhere. A vendor of
    // the register may be named by anyone.
    fn ids_of_another_tenant_in_a_body_write_nothing(app: TestApp) {
        let world = World::new(app);
        let other = &world.b;
        let before = rows(app);
        let mut complaints = Vec::new();
        let mut tried = 0;
        for door in doors(&world) {
            let body = sample(&world, door.route.path);
            let mut all = Vec::new();
            if !door.is_settings() {
                wrongs(door.route.path, "", door.schema(), &body, "", &mut all);
            }
            for Wrong { pointer, code, .. } in all.into_iter().filter(|wrong| wrong.value == "1 OR 1=1" && wrong.code == "unknown") {
                let name = pointer.trim_end_matches("/0").rsplit('/').next().unwrap().to_owned();
                let foreign = match name.as_str() {
                    "engagement_id" | "parent_engagement_id" => other.sub.engagement.clone(),
                    "officer_id" | "from_officer_id" | "deputy_id" => other.officer.id.to_string(),
                    // A contract has its handovers, an audit its findings: an id from elsewhere is none of them.
                    "contract_ids" | "contract_id" | "handover_id" => other.contract.clone(),
                    "ids" | "finding_ids" => other.sub.alert.clone().unwrap(),
                    // An agency is no vendor, and another's is nobody's own.
                    "vendor_id" | "organization_id" | "into" => other.agency.to_string(),
                    _ => panic!("whose is {pointer} of {}? ({code})", door.name()),
                };
                for id in [foreign.as_str(), NOTHING] {
                    let mut hostile = body.clone();
                    *hostile.pointer_mut(&pointer).unwrap() = json!(id);
                    // Only the one that is asked about names anything.
                    if name == "parent_engagement_id" || name == "vendor_id" {
                        let within = pointer.rsplit_once('/').unwrap().0;
                        if let Some(Value::Object(fields)) = hostile.pointer_mut(within) {
                            fields.remove("engagement_id");
                        }
                    }
                    let answer = door.json(app, &hostile);
                    // From which officer: nothing of theirs is to be handed over.
                    let harmless = name == "from_officer_id" && answer.body["moved"] == 0;
                    if !(matches!(answer.status, 403 | 404 | 409 | 422) || harmless) {
                        complaints.push(format!("{} {pointer} = {id}: {}", door.name(), answer.status));
                    }
                    tried += 1;
                }
            }
        }
        assert!(tried > 20, "{tried} identifiers tried");
        assert_eq!(complaints, Vec::<String>::new());
        assert_eq!(rows(app), before);
    }

    // Zero bytes where anything is taken as typed: PostgreSQL keeps none.
    fn zero_bytes_break_nothing(app: TestApp) {
        let world = World::new(app);
        for door in doors(&world).into_iter().filter(|door| door.caller.is_none() || door.route.path == "/me/password" || door.route.path == "/users") {
            let body = sample(&world, door.route.path);
            for name in body.as_object().unwrap().keys().filter(|name| is_verbatim(door.route.path, name)) {
                for text in ["\u{0}", "x\u{0}@example.jp", "十二文字より長い合言葉です\u{0}", "'; DROP TABLE users; --"] {
                    let mut hostile = body.clone();
                    hostile[name] = json!(text);
                    let answer = door.json(app, &hostile);
                    assert!(answer.status < 500, "{} {name}: {}", door.name(), answer.body);
                }
            }
        }
    }

    // Script is text: kept as it is, or refused; never a defect. Last, since what is kept changes the world.
    fn script_is_text_everywhere(app: TestApp) {
        let world = World::new(app);
        let script = "<script>alert('架空')</script>\"'; DROP TABLE users; -- {{ 1 + 1 }} %s ${x} 🏛";
        for door in doors(&world) {
            if door.is_settings() || door.route.path.starts_with("/contracts/{id}/terminate") {
                continue;
            }
            let body = sample(&world, door.route.path);
            let mut all = Vec::new();
            wrongs(door.route.path, "", door.schema(), &body, "", &mut all);
            let texts: std::collections::BTreeSet<String> = all.into_iter().filter(|wrong| wrong.code == "too_long").map(|wrong| wrong.pointer).collect();
            for pointer in texts {
                let mut hostile = body.clone();
                *hostile.pointer_mut(&pointer).unwrap() = json!(script);
                let answer = door.json(app, &hostile);
                assert!(answer.status < 500, "{} {pointer}: {}", door.name(), answer.body);
            }
        }
        let title = json!({"number": "<b>1</b>", "title": script, "scope": script});
        let mut contract = sample(&world, "/contracts");
        contract.as_object_mut().unwrap().extend(title.as_object().unwrap().clone());
        let made = app.post(&world.a.officer, "/contracts", contract).must(201);
        assert_eq!((&made["title"], &made["number"]), (&json!(script), &json!("<b>1</b>")));
    }
}
