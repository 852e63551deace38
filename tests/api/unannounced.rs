//! 予告なし: nothing of an unannounced audit reaches a vendor before it is done. Issue 10, number 6.

use std::collections::BTreeMap;

use itaku::schedule::sweep::sweep;
use itaku::web::api;
use itaku::web::pages::all;
use serde_json::{Value, json};

use crate::stage::{Contract, Side, Stage, text};
use crate::support::{TestApp, both};

/// A day that stands nowhere else.
const DUE: &str = "2026-08-19";
/// What would give it away, beside its id.
const SIGNS: [&str; 5] = [DUE, "令和8年8月19日", "予告なし", "2027-08-19", "unannounced\":true"];

/// Every page and every resource that a vendor can open about a contract or about itself, from the tables of routes.
fn addresses(k: &Contract<'_>) -> Vec<(bool, String)> {
    let of_contract = |path: &str| path.starts_with("/contracts/{id}");
    let fill = |path: &str| path.replacen("{id}", &k.id, 1);
    let open = |path: &str| {
        !path.contains('{') || (of_contract(path) && !path.replacen("{id}", "", 1).contains('{'))
    };
    let pages = all(false).into_iter().filter(|route| !route.changes && open(route.path));
    let pages = pages.map(|route| (true, fill(route.path)));
    let api = api::routes(false).into_iter().filter(|route| route.method == "GET" && open(route.path));
    let api = api.map(|route| (false, fill(route.path)));
    let more = [
        "/audits?fiscal_year=all",
        "/audits?fiscal_year=all&state=due_soon&own=true",
        "/audits?fiscal_year=2027",
    ];
    let more = more.into_iter().flat_map(|path| [(true, path.to_owned()), (false, path.to_owned())]);
    pages.chain(api).chain(more).collect()
}

/// What a vendor reads everywhere, without what is new at each look.
fn seen(app: &TestApp, k: &Contract<'_>, side: &Side) -> BTreeMap<String, String> {
    let who = app.log_in(&side.user);
    let tab = app.tab(&side.user);
    let mut seen = BTreeMap::new();
    for (page, path) in addresses(k) {
        let answer = if page { tab.open(&path) } else { app.get(&who, &path) };
        let body = answer.body.as_str().map_or_else(|| answer.body.to_string(), str::to_owned);
        let body =
            body.lines().filter(|line| !line.contains("name=\"_once\"") && !line.contains("name=\"_proof\""));
        seen.insert(format!("{page} {path} {}", answer.status), body.collect::<Vec<_>>().join("\n"));
    }
    assert!(seen.len() > 60, "{}", seen.len());
    seen
}

/// The chain's length is no secret, nor who is signed in where; nothing of what was recorded may be.
fn is_of_the_moment(path: &str) -> bool {
    path.contains("ledger") || path.contains("/account") || path.contains("/me") || path.contains("sessions")
}

fn silent(app: &TestApp, ids: &[String]) {
    for mail in app.notices() {
        let vendor = mail.context["letter"]["contacts"].as_array().is_some_and(|it| !it.is_empty());
        let said = mail.context.to_string();
        let named = ids.iter().map(String::as_str).chain(SIGNS).find(|sign| said.contains(sign));
        assert!(!vendor || named.is_none(), "{named:?} in {} to {}: {said}", mail.kind, mail.address);
    }
}

both! {
    fn n06_nothing_of_an_unannounced_audit_reaches_a_vendor_before_it_is_done(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        app.move_to("2026-08-12");
        sweep(&app.app, "2026-08-12".parse().unwrap(), false).unwrap();
        app.notices();
        let sides = [&s.a, &s.b];
        let before: Vec<_> = sides.iter().map(|side| seen(app, &k, side)).collect();
        let plan = |engagement: Option<&str>| {
            let body = json!({"kind": "on_site", "due_on": DUE, "every_months": 12, "engagement_id": engagement, "unannounced": true});
            let planned = s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), body).must(201);
            assert_eq!(planned["unannounced"], true);
            text(&planned, "id")
        };
        let ids = [plan(None), plan(Some(&b)), plan(Some(&b))];
        let cancel = json!({"reason": "日程の都合"});
        s.post(&s.officer, &format!("/audits/{}/cancel", ids[2]), cancel).must(200);
        for day in ["2026-08-12", "2026-08-18", "2026-08-25", "2026-09-02"] {
            app.move_to(day);
            sweep(&app.app, day.parse().unwrap(), false).unwrap();
        }
        silent(app, &ids);
        // The agency hears that it is overdue, and that it is unannounced.
        let alerts = s.items(&s.auditor, "/alerts?kind=audit_overdue&state=open");
        assert_eq!(alerts.len(), 2, "{alerts:#?}");
        assert!(alerts.iter().all(|alert| text(alert, "message").contains("実地検査（予告なし）")));
        app.move_to("2026-08-12");
        for (side, before) in sides.iter().zip(&before) {
            let after = seen(app, &k, side);
            for (path, body) in &after {
                for sign in ids.iter().map(String::as_str).chain(SIGNS) {
                    assert!(!body.contains(sign), "{sign} stands in {path}:\n{body}");
                }
                if !is_of_the_moment(path) {
                    assert_eq!(Some(body), before.get(path), "{path} has changed");
                }
            }
            for id in &ids {
                let who = app.log_in(&side.user);
                for path in [format!("/audits/{id}"), format!("/ledger?subject={id}")] {
                    assert_eq!(app.get(&who, &path).status, 404, "{path}");
                }
                assert_eq!(app.tab(&side.user).open(&format!("/audits/{id}")).status, 404);
            }
        }
        // Done, it is there, but not when the next one comes; what was cancelled stays unsaid.
        app.move_to("2026-09-02");
        let done = json!({"done_on": "2026-09-01", "result": "pass"});
        let completed = s.post(&s.auditor, &format!("/audits/{}/complete", ids[1]), done.clone()).must(200);
        assert_eq!(completed["next_due_on"], "2027-08-19");
        let listed = s.items(&s.b.user, &format!("/contracts/{}/audits", k.id));
        let listed: Vec<(String, Value, Value)> =
            listed.iter().map(|it| (text(it, "id"), it["every_months"].clone(), it["unannounced"].clone())).collect();
        assert_eq!(listed, [(ids[1].clone(), Value::Null, Value::Null)]);
        let year = s.get(&s.a.user, "/audits?fiscal_year=all").must(200);
        assert_eq!((&year["planned"], &year["done"], year["items"].as_array().unwrap().len()), (&json!(1), &json!(1), 1));
        assert!(!year.to_string().contains("2027-08-19"), "{year:#}");
        let own = s.get(&s.b.user, &format!("/audits/{}", ids[1])).must(200);
        assert!(own["every_months"].is_null() && own["result"] == "pass", "{own:#}");
        assert_eq!(s.get(&s.b.user, &format!("/ledger?subject={}", ids[1])).status, 404, "its plan says when the next one comes");
        // What the agency wrote for itself of a result stays its own where it is corrected.
        let correction = json!({"done_on": "2026-09-01", "result": "pass", "note": "内部の所見", "reason": "追記"});
        s.post(&s.auditor, &format!("/audits/{}/correct", ids[1]), correction).must(200);
        let chain = s.get(&s.b.user, &format!("/ledger?subject={}&limit=200", k.id)).must(200).to_string();
        assert!(!chain.contains("内部の所見") && !chain.contains("audit.corrected"), "{chain}");
        itaku::service::ledger::publish_key(&app.app).unwrap();
        itaku::service::verify::verify_ledger(&app.app.db).unwrap().unwrap();
    }
}
