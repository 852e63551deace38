//! Input that must be refused clearly, or kept as the text it is; never a 500.

use itaku::domain::access::Role;
use serde_json::json;

use crate::support::{TestApp, both};

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
        app.send(etag.set_json(json!({}))).must(412);
    }
}
