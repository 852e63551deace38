//! Lists: every one is paged by a cursor, and pages cut anywhere give each row once, in the list's order.
#![expect(clippy::many_single_char_names, reason = "the vendors of the worked example are called so")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stage::{Contract, Side, Stage, text, used};
use crate::support::{Person, TestApp, both};

/// Answers with a list of their own that is not paged, and why.
const WHOLE: [(&str, &str, &str); 8] = [
    ("/backups", "runs", "the latest backups, of which a server keeps a few dozen"),
    ("/alerts/{id}", "untold", "the vendors of one alert that have no address, of which a chain has a few"),
    ("/me/factors", "passkeys", "one person's own, of which there are a few at most"),
    ("/contracts/{id}/declarations/draft", "engagements", "the uses still open, as a form to fill in"),
    ("/declarations/{id}", "engagements", "what one declaration said, as it was sent"),
    ("/users/{id}", "pending", "what of one account waits for a second administrator"),
    ("/organizations/{id}", "similar", "the first five whose names look alike"),
    ("/organizations/{id}/register", "history", "the latest two hundred records of one number"),
];

/// The properties of an answer, its named schema looked up; of one that holds others (`allOf`), theirs as well.
fn properties(document: &Value, schema: &Value) -> Value {
    let named = schema["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    let schema = named.unwrap_or(schema);
    let Some(parts) = schema["allOf"].as_array() else { return schema["properties"].clone() };
    let all = parts.iter().map(|part| properties(document, part));
    all.filter_map(|part| part.as_object().cloned()).flatten().collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn every_list_is_paged() {
    let document = itaku::web::openapi::document(true);
    let mut lists = BTreeSet::new();
    let mut whole = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(get) = methods.get("get") else { continue };
        let schema = &get["responses"]["200"]["content"]["application/json"]["schema"];
        assert_ne!(schema["type"], "array", "{path} answers a bare list");
        let answer = properties(&document, schema);
        let names: Vec<&str> =
            get["parameters"].as_array().into_iter().flatten().filter_map(|p| p["name"].as_str()).collect();
        let paged = names.contains(&"limit") && names.contains(&"cursor");
        let listed = answer.get("items").is_some() && answer.get("next_cursor").is_some();
        assert_eq!(paged, listed, "{path}: takes a page {paged}, gives one {listed}");
        if listed {
            lists.insert(path.clone());
            continue;
        }
        for (name, property) in answer.as_object().into_iter().flatten() {
            if property["type"] == "array" && properties(&document, &property["items"]).is_object() {
                whole.insert((path.trim_start_matches("/api/v1").to_owned(), name.clone()));
            }
        }
    }
    assert!(lists.len() > 15, "{lists:?}");
    for (path, name, _) in WHOLE {
        assert!(
            whole.remove(&(path.to_owned(), name.to_owned())),
            "{path} has no {name}: strike it from the list"
        );
    }
    // Parts of one thing: a chain's nodes, an alert's days, a step, a finding.
    let parts = ["roots", "days", "steps", "findings"];
    whole.retain(|(_, name)| !parts.contains(&name.as_str()));
    assert_eq!(whole, BTreeSet::new(), "a list that is not paged");
}

/// Every row of a list, by pages of `limit`.
fn walked(s: &Stage<'_>, who: &Person, path: &str, limit: usize) -> Vec<String> {
    let who = s.app.log_in(who);
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = s.app.get(&who, &format!("{path}?limit={limit}{cursor}")).must(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{path}");
        ids.extend(items.iter().map(|item| text(item, "id")));
        let Some(next) = page["next_cursor"].as_str() else { return ids };
        assert_eq!(items.len(), limit, "{path}: a page before the last is full");
        cursor = format!("&cursor={next}");
    }
}

/// Whatever the pages, the same rows in the same order; and how many they are.
fn counted(s: &Stage<'_>, k: &Contract<'_>, who: &Person, what: &str) -> usize {
    let path = format!("/contracts/{}/{what}", k.id);
    let whole = walked(s, who, &path, 200);
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len(), "each once");
    for limit in 1..=3 {
        assert_eq!(walked(s, who, &path, limit), whole, "{path} by {limit}");
    }
    let again = s.items(who, &path);
    assert_eq!(again.iter().map(|item| text(item, "id")).collect::<Vec<_>>(), whole, "one page by default");
    for wrong in ["?limit=0", "?limit=201", "?limit=x", "?cursor=x", "?cursor=eA"] {
        s.get(who, &format!("{path}{wrong}")).must(422);
    }
    whole.len()
}

both! {
    fn a_contracts_lists_are_cut_anywhere_and_hold_what_each_may_see(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let c = k.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        let d = k.consent(&s.a, &k.root, &s.d, "2026-04-01", "2026-12-31");
        for (who, parent, vendor) in [(&s.b, &b, &s.e), (&s.a, &k.root, &s.e), (&s.c, &c, &s.e)] {
            k.apply(who, parent, vendor, "2026-05-01", "2026-12-31");
        }
        let declare = |who: &Side, engagements: Value| {
            let body = json!({"period": {"from": "2026-04-01", "to": "2026-04-01"}, "none": engagements == json!([]), "engagements": engagements});
            s.post(&who.user, &format!("/contracts/{}/declarations", k.id), body).must(201);
        };
        declare(&s.a, json!([used(&b, "2026-04-01", None)]));
        declare(&s.a, json!([used(&d, "2026-04-01", None)]));
        declare(&s.b, json!([used(&c, "2026-04-01", None)]));
        declare(&s.c, json!([]));
        declare(&s.d, json!([]));
        for place in [Value::Null, json!(b), json!(c), json!(d), json!(d)] {
            let body = json!({"kind": "document", "due_on": "2026-09-30", "engagement_id": place});
            s.post(&s.officer, &format!("/contracts/{}/audits", k.id), body).must(201);
        }
        for source in ["audit", "third_party", "other"] {
            let seen = json!({"engagement_id": b, "started_on": "2026-04-01", "source": source});
            s.post(&s.auditor, &format!("/contracts/{}/observations", k.id), seen).must(201);
        }
        let see = |what: &str| [&s.officer, &s.a.user, &s.b.user, &s.c.user, &s.d.user].map(|who| counted(&s, &k, who, what));
        assert_eq!(see("applications"), [6, 6, 4, 2, 1]);
        assert_eq!(see("audits"), [5, 5, 2, 1, 2]);
        assert_eq!(see("declarations"), [5, 5, 2, 1, 1]);
        assert_eq!(counted(&s, &k, &s.officer, "observations"), 3);
        let filed = s.items(&s.officer, &format!("/contracts/{}/applications?limit=1", k.id));
        assert_eq!(filed[0]["engagement_id"], json!(b), "the oldest first");
    }

    fn an_agency_finds_a_company_wherever_it_stands_and_a_vendor_finds_nobody(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        k.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        let found = |who: &Person, q: &str| -> usize {
            let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
            s.items(who, &format!("/contracts?q={q}")).len()
        };
        for name in ["架空甲データ株式会社", "架空乙入力株式会社", "架空丙企画", "Ｒ８－１"] {
            assert_eq!(found(&s.officer, name), 1, "{name}");
        }
        assert_eq!(found(&s.officer, "架空丁計算株式会社"), 0, "on no chain");
        for who in [&s.a, &s.b, &s.c] {
            assert_eq!(found(&who.user, "R8-1"), 1);
            for name in ["架空甲データ", "架空乙入力", "架空丙企画"] {
                assert_eq!(found(&who.user, name), 0, "{name}");
            }
        }
    }
}
