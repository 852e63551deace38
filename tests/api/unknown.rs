//! What nobody declared is never dropped: a misspelt field would otherwise be a leaver who stays, a use that runs on.

use serde_json::{Value, json};

use crate::stage::{Stage, content, text, used_under, with};
use crate::support::{TestApp, both};

/// Places of a request's schema that are objects and take fields that they do not name.
fn open_objects(schema: &Value, at: &str, found: &mut Vec<String>) {
    let is_object = schema["type"] == "object"
        || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("object")));
    if is_object && schema["additionalProperties"] != json!(false) {
        found.push(at.to_owned());
    }
    match schema {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| open_objects(value, &format!("{at}/{name}"), found));
        }
        Value::Array(values) => values.iter().for_each(|value| open_objects(value, at, found)),
        _ => {}
    }
}

#[test]
fn n09_every_body_of_the_description_is_closed() {
    let document = itaku::web::openapi::document(true);
    let (mut bodies, mut found) = (0, Vec::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            bodies += usize::from(schema.is_object());
            open_objects(schema, path, &mut found);
        }
    }
    assert!(bodies > 40, "{bodies} bodies");
    // An agency's own forms: what they hold is theirs.
    found.retain(|at| !at.ends_with("/safeguards") && !at.ends_with("/clauses/items"));
    assert_eq!(found, Vec::<String>::new());
}

both! {
    fn n09_a_misspelt_field_is_refused_with_its_pointer_and_nothing_is_done(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let unknown = |pointer: &str| [(pointer.to_owned(), "unknown_field".to_owned())];
        let admin = app.admin();
        let path = format!("/users/{}", s.officer.id);
        let changed = |path: &str, body: Value| {
            let request = app.request(Some(&admin.token), "PATCH", path).insert_header(("If-Match", "*"));
            app.send(request.set_json(body))
        };
        assert_eq!(changed(&path, json!({"actve": false})).errors(), unknown("/actve"));
        assert_eq!(app.get(&admin, &path).must(200)["active"], json!(true));

        let place = json!({"parent_engagement_id": k.root, "vendor_id": s.b.id, "contry": "US"});
        let asked = with(content("2026-05-01", "2026-12-31"), &place);
        let answer = s.post(&s.a.user, &format!("/contracts/{}/applications", k.id), asked);
        assert_eq!(answer.errors(), unknown("/contry"));
        assert!(s.items(&s.officer, &format!("/contracts/{}/applications", k.id)).is_empty());

        let clause = json!({"policy": "consent_required", "max_teir": 1, "overseas": "prohibited"});
        let body = json!({
            "number": "R8-9", "title": "架空業務", "fiscal_year": 2026, "vendor_id": s.a.id, "amount_yen": 1, "signed_on": "2026-04-01",
            "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力", "data": [], "subcontracting": clause,
            "declaration_interval": "none", "return_due_days": 14,
        });
        assert_eq!(s.post(&s.officer, "/contracts", body).errors(), unknown("/subcontracting/max_teir"));

        let slip = with(used_under(&k.root, &s.b, "2026-04-01", None), &json!({"ended": "2026-04-02"}));
        let report = json!({"period": {"from": "2026-04-01", "to": "2026-04-01"}, "none": false, "engagements": [slip]});
        let answer = s.post(&s.a.user, &format!("/contracts/{}/declarations", k.id), report);
        assert_eq!(answer.errors(), unknown("/engagements/0/ended"));
        assert!(s.items(&s.officer, &format!("/contracts/{}/declarations", k.id)).is_empty());

        let path = format!("/contracts/{}", k.id);
        let request = app.request(Some(&app.log_in(&s.officer).token), "PATCH", &path).insert_header(("If-Match", "*"));
        let answer = app.send(request.set_json(json!({"amount_yen": 5})));
        assert_eq!(answer.errors(), unknown("/amount_yen"));
        assert_eq!(s.get(&s.officer, &path).must(200)["amount_yen"], json!(10_000_000));
        let voided = s.post(&s.approver, &format!("{path}/void"), json!({"reason": "誤り", "sure": true}));
        assert_eq!(voided.errors(), unknown("/sure"));

        for query in ["stat=open", "state=open&kinds=x"] {
            let errors = s.get(&s.officer, &format!("/alerts?{query}")).errors();
            let name = query.rsplit('&').next().unwrap().split('=').next().unwrap();
            assert_eq!(errors.iter().map(|error| error.0.clone()).collect::<Vec<_>>(), [format!("/query/{name}")]);
        }
    }

    fn n08_a_contract_is_taken_back_through_the_api_and_verifies(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let path = format!("/contracts/{}", k.id);
        s.post(&s.officer, &format!("{path}/void"), json!({"reason": "x"})).must(403);
        s.post(&s.a.user, &format!("{path}/void"), json!({"reason": "x"})).must(403);
        let voided = s.post(&s.approver, &format!("{path}/void"), json!({"reason": "二重の登録"})).must(200);
        assert_eq!((&voided["status"], &voided["void_reason"]), (&json!("voided"), &json!("二重の登録")));
        assert_eq!(s.post(&s.approver, &format!("{path}/void"), json!({"reason": "x"})).problem(409), "already_voided");
        assert!(s.items(&s.officer, "/contracts").is_empty() && s.items(&s.a.user, "/contracts").is_empty());
        let seen = s.get(&s.a.user, &path).must(200);
        assert_eq!((&seen["status"], &seen["void_reason"]), (&json!("voided"), &Value::Null));
        let tab = app.tab(&s.approver);
        let page = tab.open(&path);
        assert!(page.body.as_str().unwrap().contains("登録は取り消されています"), "{}", page.body);
        let again = s.contract();
        assert_ne!(again.id, k.id);
        let filed = again.try_apply(&s.a, &again.root, &s.b, &json!({})).must(201);
        assert_eq!(s.post(&s.approver, &format!("/contracts/{}/void", again.id), json!({"reason": "x"})).problem(409), "in_use");
        assert_eq!(text(&filed, "state"), "applied");
    }

    // A slip of three digits: the part costs more than the whole.
    fn n10_a_part_dearer_than_the_whole_is_told_to_who_applies_and_who_decides(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let filed = k.try_apply(&s.a, &k.root, &s.b, &json!({"amount_yen": 6_000_006_397_i64})).must(201);
        let id = text(&filed, "id");
        k.review(&id);
        let page = app.tab(&s.approver).open(&format!("/applications/{id}"));
        let told = "申請の金額（6,000,006,397円）が、契約金額（10,000,000円）を超えています";
        assert!(page.body.as_str().unwrap().contains(told), "{}", page.body);
        let filed = k.try_apply(&s.a, &k.root, &s.c, &json!({"amount_yen": 10_000_000})).must(201);
        let id = text(&filed, "id");
        k.review(&id);
        let page = app.tab(&s.approver).open(&format!("/applications/{id}"));
        assert!(!page.body.as_str().unwrap().contains("契約金額（10,000,000円）を超えています"));
    }
}
