//! The chain's answer: the worked example, tier 1, the contract's end, the two times, and each vendor's own view.
#![expect(clippy::many_single_char_names, reason = "the vendors of the worked example are called so")]

use itaku::schedule::sweep::sweep;
use serde_json::{Value, json};

use crate::stage::{Side, Stage, days, nodes, text, used, used_under};
use crate::support::{TestApp, both, day};

fn ids(chain: &Value) -> Vec<String> {
    nodes(chain).iter().map(|node| text(node, "engagement_id")).collect()
}

both! {
    fn the_worked_example(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-04-20");
        let b = k.consent(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        app.move_to("2026-05-01");
        k.declare(&s.a, &[used(&b, "2026-05-01", None)]);
        app.move_to("2026-05-15");
        let c = k.consent(&s.b, &b, &s.c, "2026-06-01", "2027-03-31");
        app.move_to("2026-05-20");
        let said = k.declare(&s.b, &[used(&c, "2026-05-20", None)]);
        assert_eq!(said["unapproved"], json!([{"engagement_id": c, "uncovered": [{"from": "2026-05-20", "to": null}]}]));
        assert_eq!(k.node(&c, "")["projected"], days(&[("2026-05-21", Some("2026-05-31")), ("2027-01-01", Some("2027-03-31"))]), "it continues the next day");
        app.move_to("2026-11-01");
        k.revoke(&b, "2026-11-10").must(200);
        app.move_to("2027-01-20");
        k.declare(&s.b, &[used(&c, "2026-05-20", Some("2027-01-15"))]);

        app.move_to("2027-01-31");
        assert_eq!(k.uncovered(&c), days(&[("2026-05-20", Some("2026-05-31")), ("2026-11-10", Some("2027-01-15"))]));
        assert_eq!(k.uncovered(&b), days(&[("2026-11-10", None)]));
        let then = "?as_of=2026-10-31&known_at=2026-10-31T14:59:59Z";
        assert_eq!(k.node(&c, then)["uncovered"], days(&[("2026-05-20", Some("2026-05-31"))]));
        assert_eq!(k.node(&b, then)["uncovered"], json!([]));
        for engagement in [&b, &c] {
            assert_eq!(k.node(engagement, then)["projected"], days(&[("2027-01-01", Some("2027-03-31"))]));
        }
        assert_eq!(k.causes(&c), ["2026-05-20..2026-05-31 before_consent", "2026-11-10..2027-01-15 parent"]);
        assert_eq!(k.causes(&b), ["2026-11-10..2026-12-31 revoked", "2027-01-01..2027-03-31 expired"]);

        app.move_to("2027-04-01");
        sweep(&app.app, day("2027-04-01"), false).unwrap();
        assert_eq!(k.uncovered(&b), days(&[("2026-11-10", Some("2027-03-31"))]));
        assert_eq!(k.node(&b, "")["projected"], json!([]));
        assert_eq!(s.alerts("end_not_reported"), [("open".to_owned(), b)]);
    }

    fn tier_1_is_covered_and_in_use_while_the_contract_runs(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"starts_on": "2026-04-10"}));
        let on = |day: &str| { let n = k.node(&k.root, &format!("?as_of={day}")); (n["covered"].clone(), n["in_use"].clone(), text(&n, "state"), n["uncovered"].clone(), n["projected"].clone()) };
        let is = |runs: bool, state: &str| (json!(runs), json!(runs), state.to_owned(), json!([]), json!([]));
        assert_eq!(on("2026-04-09"), is(false, "consented"));
        assert_eq!(on("2026-04-10"), is(true, "consented"));
        assert_eq!(on("2027-03-31"), is(true, "consented"));
        assert_eq!(on("2027-04-01"), is(false, "ended"));
        let root = k.chain("")["root"].clone();
        assert_eq!((&root["parent_engagement_id"], &root["tier"], &root["vendor"]["name"]), (&Value::Null, &json!(1), &json!("架空甲データ株式会社")));
        assert_eq!(root["data"], json!([{"category": "personal", "persons": 9000}, {"category": "my_number", "persons": 8000}]));
        let body = json!({"none": false, "engagements": [used(&k.root, "2026-04-10", None)]});
        assert_eq!(k.try_declare(&s.a, body).errors(), [("/engagements/0/engagement_id".to_owned(), "prime".to_owned())]);
        k.try_observe("audit", used(&k.root, "2026-04-10", None)).must(422);
        assert_eq!(k.revoke(&k.root, "2026-05-01").problem(409), "prime");
    }

    fn a_use_that_nobody_ended_ends_with_the_contract(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None), used_under(&k.root, &s.c, "2026-04-01", Some("2026-10-10"))]);
        let place_of = |vendor: &Side| {
            let all = nodes(&k.chain(""));
            text(all.iter().find(|node| node["vendor"]["id"] == json!(vendor.id)).unwrap(), "engagement_id")
        };
        let [b, c] = [&s.b, &s.c].map(place_of);
        assert_eq!(k.node(&b, "")["projected"], days(&[("2026-04-02", Some("2027-03-31"))]));
        app.move_to("2026-06-01");
        let request = |day: &str| k.terminate(day);
        s.post(&s.officer, &format!("/contracts/{}/terminate", k.id), json!({"reason": "x", "effective_on": "2026-09-01"})).must(403);
        request("2026-05-31").must(422);
        request("2027-04-01").must(422);
        request("2026-10-01").must(200);
        request("2026-09-01").must(200);
        assert_eq!(request("2026-09-15").problem(409), "already_terminated");
        assert_eq!(k.node(&b, "")["projected"], days(&[("2026-06-02", Some("2026-08-31"))]), "the day before it takes effect");
        assert_eq!(k.causes(&c), ["2026-04-01..2026-08-31 no_application", "2026-09-01..2026-10-10 contract_ended"], "days that a statement names");
        app.move_to("2026-09-01");
        sweep(&app.app, day("2026-09-01"), false).unwrap();
        assert_eq!((k.state(&k.root).as_str(), k.node(&k.root, "")["covered"].clone()), ("ended", json!(false)));
        assert_eq!(s.alerts("end_not_reported"), [("open".to_owned(), b.clone())], "not for the one whose end was named");
        assert_eq!(k.uncovered(&b), days(&[("2026-04-01", Some("2026-08-31"))]));
        assert_eq!(k.uncovered(&c), days(&[("2026-04-01", None)]));
        k.observe("audit", used(&b, "2026-09-10", None));
        assert_eq!(k.causes(&b), ["2026-04-01..2026-08-31 no_application", "2026-09-10..2026-09-10 contract_ended"]);
        k.declare(&s.a, &[used(&b, "2026-04-01", Some("2026-08-20"))]);
        assert_eq!(s.alerts("end_not_reported")[0].0, "open", "what was seen has no end yet");
        k.observe("audit", used(&b, "2026-08-21", Some("2026-08-25")));
        assert_eq!(s.alerts("end_not_reported")[0].0, "resolved");
    }

    fn an_amended_period_counts_from_when_it_is_known(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None)]);
        let b = ids(&k.chain(""))[1].clone();
        app.move_to("2026-06-01");
        let longer = json!({"effective_on": "2027-04-01", "reason": "期間の延長", "ends_on": "2027-06-30"});
        s.post(&s.officer, &format!("/contracts/{}/amendments", k.id), longer).must(201);
        assert_eq!(k.node(&b, "")["projected"], days(&[("2026-06-02", Some("2027-06-30"))]));
        let then = k.node(&b, "?known_at=2026-05-31T23:59:59Z");
        assert_eq!(then["projected"], days(&[("2026-06-02", Some("2027-03-31"))]));
        s.get(&s.officer, &format!("/contracts/{}/chain?known_at=2026-03-31T00:00:00Z", k.id)).must(404);
        for wrong in ["as_of=2026-13-01", "known_at=yesterday"] {
            s.get(&s.officer, &format!("/contracts/{}/chain?{wrong}", k.id)).must(422);
        }
    }

    fn a_vendor_sees_its_own_node_and_what_hangs_below(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let stranger = app.person(app.vendor("架空己有限会社"), &[itaku::domain::access::Role::VendorUser]);
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let d = k.consent(&s.a, &k.root, &s.d, "2026-04-01", "2026-12-31");
        let c = k.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        let e = k.consent(&s.c, &c, &s.e, "2026-04-01", "2026-12-31");
        assert_eq!(ids(&k.chain_of(&s.a)), [&k.root, &b, &c, &e, &d].map(Clone::clone));
        assert_eq!(ids(&k.chain_of(&s.b)), [&b, &c, &e].map(Clone::clone));
        assert_eq!(ids(&k.chain_of(&s.d)), [d.as_str()]);
        let seen = k.chain_of(&s.c);
        assert_eq!(ids(&seen), [&c, &e].map(Clone::clone));
        assert_eq!((&seen["root"]["parent"], &seen["root"]["parent_engagement_id"]), (&json!({"name": "架空乙入力株式会社"}), &Value::Null));
        assert_eq!(seen["root"]["children"][0]["parent_engagement_id"], json!(c));
        assert_eq!(seen.get("roots"), None);
        let said = seen.to_string();
        for hidden in [d.as_str(), b.as_str(), k.root.as_str(), s.a.id.as_str(), s.d.id.as_str(), "架空甲データ株式会社", "架空丁計算株式会社"] {
            assert!(!said.contains(hidden), "{hidden}");
        }
        // What the agency saw is the agency's; what was declared is shown.
        k.observe("third_party", used(&c, "2026-04-01", None));
        k.declare(&s.b, &[used(&c, "2026-04-01", None)]);
        assert_eq!(k.chain_of(&s.c)["root"]["statements"].as_array().unwrap().len(), 1);
        assert_eq!(k.node(&c, "")["statements"].as_array().unwrap().len(), 2);
        s.get(&s.c.user, &format!("/contracts/{}/observations", k.id)).must(403);
        // Whoever ever stood on the chain keeps reading and declaring.
        app.move_to("2027-02-01");
        assert_eq!(ids(&k.chain_of(&s.c)), [&c, &e].map(Clone::clone));
        k.declare(&s.c, &[used(&e, "2026-05-01", Some("2026-12-31"))]);
        s.get(&stranger, &format!("/contracts/{}/chain", k.id)).must(404);
        // Others' entries are places and hashes.
        let ledger = s.items(&s.d.user, &format!("/ledger?subject={}", k.id));
        let seqs: Vec<i64> = ledger.iter().map(|entry| entry["seq"].as_i64().unwrap()).collect();
        assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
        for entry in &ledger {
            let shown = entry["payload"] != Value::Null;
            for key in ["actor", "action", "subject"] {
                assert!(shown || entry[key] == Value::Null, "{entry}");
            }
            assert!(entry["hash"].is_string() && !entry.to_string().contains(c.as_str()));
        }
        assert!(ledger.iter().any(|entry| entry["action"] == "application.consented"), "its own");
    }
}
