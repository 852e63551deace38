//! 再委託状況報告 and 確認事項: who may say what, how the sources stand beside each other, receipts, retraction, and
//! what is owed.
#![expect(clippy::many_single_char_names, reason = "the vendors of the worked example are called so")]

use itaku::domain::id::{ContractId, EngagementId};
use itaku::ledger::receipt::{PublicKey, Receipt, check};
use itaku::schedule::sweep::sweep;
use itaku::service::Failure;
use itaku::service::verify::verify_receipt;
use serde_json::{Value, json};

use crate::stage::{Stage, days, nodes, text, used, used_under};
use crate::support::{TestApp, both, day};

fn tier_2(chain: &Value) -> String {
    text(&chain["root"]["children"][0], "engagement_id")
}

fn days_of_use(node: &Value) -> Vec<(String, Option<String>)> {
    let said = node["statements"].as_array().unwrap();
    said.iter().map(|s| (text(s, "started_on"), s["ended_on"].as_str().map(str::to_owned))).collect()
}

both! {
    fn a_declaration_is_receipted_and_the_receipt_holds_against_the_ledger(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        itaku::service::ledger::publish_key(&app.app).unwrap();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        s.told(&[]);
        let said = k.declare(&s.a, &[used(&b, "2026-04-01", None)]);
        assert_eq!(said["unapproved"], json!([]));
        let receipt: Receipt = serde_json::from_value(said["receipt"].clone()).unwrap();
        let entry = app.app.db.read_one(|conn| itaku::db::ledger::entry(conn, receipt.entry)).unwrap();
        assert_eq!((entry.action.as_str(), entry.subject_id.as_str()), ("declaration.filed", text(&said, "id").as_str()));
        let registered = app.app.db.read_one(|conn| itaku::db::ledger::payloads(conn, None, "signing_key.registered")).unwrap();
        let key = PublicKey::from_payload(&registered[0]).unwrap();
        assert_eq!(check(&receipt, &entry, &key), Ok(()));
        assert_eq!(verify_receipt(&app.app.db, &receipt).unwrap(), Ok(()));
        let forged = Receipt { seq: receipt.seq + 1, ..receipt.clone() };
        assert!(check(&forged, &entry, &key).is_err());
        let listed = s.items(&s.a.user, &format!("/contracts/{}/declarations", k.id));
        assert_eq!(listed[0]["receipt"], said["receipt"]);
        let told = s.told(&["declaration_receipt"]);
        assert_eq!(told, [("declaration_receipt".to_owned(), s.a.user.email.clone())]);
        let again = s.get(&s.a.user, &format!("/ledger/{}/receipt", receipt.entry)).must(200);
        assert_eq!((&again["hash"], &again["signature"]), (&said["receipt"]["hash"], &said["receipt"]["signature"]));
    }

    fn no_rule_of_the_contract_refuses_a_declaration(app: TestApp) {
        let s = Stage::new(app);
        let clause = json!({"policy": "prohibited", "max_tier": 1, "overseas": "prohibited"});
        let k = s.contract_with(&json!({"subcontracting": clause}));
        app.move_to("2026-06-01");
        let abroad = crate::stage::with(used_under(&k.root, &s.b, "2026-03-01", Some("2027-06-30")), &json!({"country": "VN"}));
        let said = k.declare(&s.a, &[abroad]);
        let b = tier_2(&k.chain(""));
        assert_eq!(said["unapproved"], json!([{"engagement_id": b, "uncovered": [{"from": "2026-03-01", "to": null}]}]));
        assert_eq!(s.alerts("subcontracting_prohibited").len(), 1);
        assert_eq!(s.alerts("overseas_handling").len(), 1);
        let told = s.told(&["unapproved_subcontractor"]);
        let mut expected: Vec<_> = [&s.officer, &s.approver, &s.auditor].map(|p| ("unapproved_subcontractor".to_owned(), p.email.clone())).to_vec();
        expected.sort();
        assert_eq!(told, expected);
        // A vendor under itself is no place on a chain.
        assert_eq!(k.try_declare(&s.b, json!({"engagements": [used_under(&b, &s.b, "2026-04-01", None)]})).problem(409), "vendor_on_path");
    }

    fn one_declares_for_oneself_and_what_is_below(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let c = k.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        let d = k.consent(&s.a, &k.root, &s.d, "2026-04-01", "2026-12-31");
        k.declare(&s.b, &[used(&b, "2026-04-01", None)]);
        k.declare(&s.a, &[used(&c, "2026-04-01", None)]);
        let try_one = |who, said: Value| k.try_declare(who, json!({"engagements": [said]})).status;
        assert_eq!(try_one(&s.c, used(&b, "2026-04-01", None)), 404);
        assert_eq!(try_one(&s.b, used(&d, "2026-04-01", None)), 404);
        assert_eq!(try_one(&s.b, used_under(&d, &s.e, "2026-04-01", None)), 404);
        assert_eq!(try_one(&s.e, used(&b, "2026-04-01", None)), 404);
        assert_eq!(try_one(&s.a, used(&b, "2026-04-02", Some("2026-04-01"))), 422);
        let twice = json!({"engagements": [used(&b, "2026-04-01", None), used_under(&k.root, &s.b, "2026-04-02", None)]});
        k.try_declare(&s.a, twice).must(422);
        k.try_declare(&s.a, json!({"none": true, "engagements": [used(&b, "2026-04-01", None)]})).must(422);
        k.try_declare(&s.a, json!({"engagements": []})).must(422);
        let new = used_under(&c, &s.e, "2026-04-01", None);
        assert_eq!(k.try_declare(&s.a, json!({"engagements": [new.clone(), new]})).status, 422);
        // A vendor already under that parent is that engagement.
        k.declare(&s.a, &[used_under(&k.root, &s.d, "2026-04-05", None)]);
        assert_eq!(nodes(&k.chain("")).len(), 4);
        assert_eq!(days_of_use(&k.node(&d, "")), [("2026-04-05".to_owned(), None)]);
        // Each side lists its own and those of the vendors below it.
        let listed = |who| s.items(who, &format!("/contracts/{}/declarations", k.id)).len();
        assert_eq!([&s.officer, &s.a.user, &s.b.user, &s.c.user, &s.d.user].map(listed), [3, 3, 1, 0, 0]);
        // C stands under B and D. What it declares below D, B does not hear of.
        let other = k.consent(&s.d, &d, &s.c, "2026-04-01", "2026-12-31");
        k.declare(&s.c, &[used_under(&other, &s.e, "2026-04-01", None)]);
        assert_eq!([&s.officer, &s.a.user, &s.b.user, &s.c.user, &s.d.user].map(listed), [4, 4, 1, 1, 1]);
    }

    fn sources_unite_and_each_replaces_only_its_own_statement_whole(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-07-01");
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-10", Some("2026-04-20"))]);
        let b = tier_2(&k.chain(""));
        k.declare(&s.b, &[used(&b, "2026-04-15", Some("2026-04-30"))]);
        assert_eq!(k.uncovered(&b), days(&[("2026-04-10", Some("2026-04-30"))]));
        k.observe("audit", used(&b, "2026-05-10", Some("2026-05-11")));
        k.observe("third_party", used(&b, "2026-05-20", Some("2026-05-21")));
        k.observe("other", used(&b, "2026-06-01", Some("2026-06-02")));
        k.observe("audit", used(&b, "2026-05-12", Some("2026-05-13")));
        k.declare(&s.a, &[used(&b, "2026-04-01", Some("2026-04-02"))]);
        let apart = [("2026-04-01", Some("2026-04-02")), ("2026-04-15", Some("2026-04-30")), ("2026-05-12", Some("2026-05-13")),
            ("2026-05-20", Some("2026-05-21")), ("2026-06-01", Some("2026-06-02"))];
        assert_eq!(k.uncovered(&b), days(&apart));
        let sources: Vec<String> = k.node(&b, "")["statements"].as_array().unwrap().iter().map(|x| text(x, "source")).collect();
        assert_eq!(sources.len(), 5);
        // Days removed stay in the alert that spoke of them.
        let alert = &s.items(&s.officer, "/alerts?kind=unapproved_subcontractor")[0];
        assert_eq!(alert["days"][0], json!({"from": "2026-04-01", "to": "2026-04-02"}));
        assert_eq!(alert["days"][1], json!({"from": "2026-04-10", "to": "2026-04-30"}));
        k.try_observe("rumour", used(&b, "2026-04-01", None)).must(422);
        let by = |who, status: u16| s.post(who, &format!("/contracts/{}/observations", k.id), crate::stage::with(used(&b, "2026-06-01", Some("2026-06-02")), &json!({"source": "other"}))).must(status);
        by(&s.officer, 201);
        by(&s.approver, 403);
        by(&s.a.user, 403);
    }

    fn none_stands_against_ones_own_open_use_only(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        k.try_declare(&s.a, json!({"none": true})).must(201);
        k.declare(&s.a, &[used(&b, "2026-04-01", None)]);
        assert_eq!(k.try_declare(&s.a, json!({"none": true})).problem(409), "open_use");
        k.try_declare(&s.b, json!({"none": true})).must(201);
        k.declare(&s.a, &[used(&b, "2026-04-01", Some("2026-04-30"))]);
        k.try_declare(&s.a, json!({"none": true})).must(201);
        k.observe("audit", used(&b, "2026-05-01", None));
        k.try_declare(&s.a, json!({"none": true})).must(201);
    }

    fn as_last_time_repeats_the_open_uses_and_the_draft_shows_them(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"declaration_interval": "quarterly"}));
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2027-03-31");
        let c = k.consent(&s.a, &k.root, &s.c, "2026-04-01", "2027-03-31");
        let draft = || s.get(&s.a.user, &format!("/contracts/{}/declarations/draft", k.id)).must(200);
        let first = draft();
        assert_eq!((&first["period"], &first["due_on"], &first["none"]), (&json!({"from": "2026-04-01", "to": "2026-06-30"}), &json!("2026-07-14"), &json!(true)));
        let not_yet = k.try_declare(&s.a, json!({"as_last_time": true})).errors();
        assert_eq!(not_yet, [("/as_last_time".to_owned(), "no_last_time".to_owned())]);
        let open = crate::stage::with(used(&b, "2026-04-01", None), &json!({"data": [{"category": "personal", "persons": 10}], "amount_yen": 7, "scope": "封入"}));
        app.move_to("2026-06-30");
        k.declare(&s.a, &[open, used(&c, "2026-04-01", Some("2026-05-31"))]);
        let next = draft();
        assert_eq!((&next["period"], &next["none"]), (&json!({"from": "2026-07-01", "to": "2026-09-30"}), &json!(false)));
        assert_eq!(next["engagements"], json!([{"engagement_id": b, "vendor_name": "架空乙入力株式会社", "started_on": "2026-04-01", "ended_on": null,
            "scope": "封入", "country": null, "amount_yen": 7, "data": [{"category": "personal", "persons": 10}]}]));
        assert_eq!((&first["declared_before"], &next["declared_before"]), (&json!(false), &json!(true)));
        app.move_to("2026-09-30");
        let again = json!({"period": {"from": "2026-07-01", "to": "2026-09-30"}, "as_last_time": true});
        let said = k.try_declare(&s.a, again.clone()).must(201);
        let listed = s.items(&s.a.user, &format!("/contracts/{}/declarations", k.id));
        let last = listed.iter().find(|d| d["id"] == said["id"]).unwrap();
        assert_eq!((&last["none"], last["engagements"].as_array().unwrap().len()), (&json!(false), 1));
        let entry = &app.entries(text(&said, "id").as_str())[0];
        let again_said = &entry.1["engagements"][0];
        assert_eq!((&again_said["amount_yen"], &again_said["data"][0]["persons"], &again_said["scope"]), (&json!(7), &json!(10), &json!("封入")));
        assert_eq!(draft()["period"]["from"], "2026-10-01");
        k.try_declare(&s.a, crate::stage::with(again, &json!({"engagements": [used(&b, "2026-04-01", None)]}))).must(422);
        // With nothing open it says 再委託なし.
        let early = json!({"period": {"from": "2026-07-01", "to": "2026-10-01"}, "as_last_time": true});
        assert_eq!(k.try_declare(&s.a, early).errors(), [("/period/to".to_owned(), "not_over".to_owned())]);
        let none = json!({"period": {"from": "2026-07-01", "to": "2026-09-30"}, "as_last_time": true});
        k.try_declare(&s.c, none.clone()).must(422);
        let first = k.try_declare(&s.c, json!({"none": true})).must(201);
        let second = k.try_declare(&s.c, none.clone()).must(201);
        let of_c = s.items(&s.c.user, &format!("/contracts/{}/declarations", k.id));
        assert_eq!((of_c.len(), &of_c[0]["none"]), (2, &json!(true)));
        // What was taken back is no last time.
        for said in [&first, &second] {
            s.post(&s.c.user, &format!("/declarations/{}/retract", text(said, "id")), json!({"reason": "誤り"})).must(200);
        }
        k.try_declare(&s.c, none).must(422);
    }

    fn a_declaration_is_owed_fourteen_days_after_the_period_by_all_with_a_consent_in_it(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"declaration_interval": "quarterly"}));
        let b = k.consent(&s.a, &k.root, &s.b, "2026-06-30", "2027-03-31");
        k.consent(&s.a, &k.root, &s.c, "2026-07-01", "2027-03-31");
        app.move_to("2026-06-30");
        k.declare(&s.a, &[used(&b, "2026-06-30", None)]);
        app.move_to("2026-07-14");
        sweep(&app.app, day("2026-07-14"), false).unwrap();
        assert_eq!(s.alerts("declaration_overdue"), []);
        app.move_to("2026-07-15");
        sweep(&app.app, day("2026-07-15"), false).unwrap();
        let overdue = s.items(&s.officer, "/alerts?kind=declaration_overdue");
        assert_eq!(overdue.len(), 1, "B owes it; A has declared, C had no consent yet: {overdue:#?}");
        assert!(overdue[0]["message"].as_str().unwrap().contains("架空乙入力株式会社"));
        assert_eq!(s.items(&s.b.user, "/alerts?kind=declaration_overdue").len(), 1);
        assert_eq!(s.items(&s.c.user, "/alerts"), Vec::<Value>::new());
        k.try_declare(&s.b, json!({"none": true})).must(201);
        assert_eq!(s.alerts("declaration_overdue")[0].0, "resolved");
    }

    fn nobody_reports_of_periods_that_have_not_begun(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"declaration_interval": "quarterly"}));
        let for_ever = json!({"period": {"from": "2026-04-01", "to": "2100-12-31"}, "none": true});
        k.try_declare(&s.a, for_ever).must(201);
        let draft = s.get(&s.a.user, &format!("/contracts/{}/declarations/draft", k.id)).must(200);
        assert_eq!(draft["period"]["from"], "2026-04-02", "up to the day of filing it is answered, what comes is not");
        app.move_to("2026-10-15");
        sweep(&app.app, day("2026-10-15"), false).unwrap();
        assert_eq!(s.alerts("declaration_overdue").len(), 1);
    }

    fn a_chain_ends_at_fifty_tiers(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let contract: ContractId = k.id.parse().unwrap();
        let author = itaku::db::Author { user_id: s.officer.id, organization_id: s.agency };
        // 49 tiers, as the rows have them.
        let chain = itaku::db::ChainKey::Existing(contract.cast());
        let deep = app.app.db.write_tx::<EngagementId, Failure>(&app.app.sources, Some(author), chain, |tx| {
            let mut parent_id: EngagementId = k.root.parse().unwrap();
            for tier in 2..=49 {
                let id: EngagementId = tx.new_id();
                let stamp = tx.record("test.engaged", id, &json!({}))?.stamp;
                let vendor_id = if tier % 2 == 0 { s.b.id } else { s.c.id };
                let new = itaku::db::chain::NewEngagement { contract_id: contract, parent_id, vendor_id, tier };
                itaku::db::chain::add_engagement(tx, id, new, stamp)?;
                parent_id = id;
            }
            Ok(parent_id)
        });
        k.declare(&s.a, &[used_under(deep.unwrap().as_str(), &s.d, "2026-04-01", None)]);
        let all = nodes(&k.chain(""));
        let deepest = all.iter().find(|node| node["tier"] == 50).unwrap();
        let under = used_under(&text(deepest, "engagement_id"), &s.e, "2026-04-01", None);
        let too_many = |at: &str| [(format!("{at}/parent_engagement_id"), "too_many_tiers".to_owned())];
        assert_eq!(k.try_declare(&s.a, json!({"engagements": [under.clone()]})).errors(), too_many("/engagements/0"));
        assert_eq!(k.try_observe("audit", under).errors(), too_many(""));
        let recorded = k.record(&text(deepest, "engagement_id"), &s.e, &json!({}));
        assert_eq!(recorded.errors(), too_many(""));
        assert_eq!(nodes(&k.chain("")).len(), 50);
    }

    fn what_was_said_by_mistake_is_taken_back_with_a_reason(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-06-01");
        let first = k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", Some("2026-04-30"))]);
        let b = tier_2(&k.chain(""));
        app.move_to("2026-06-02");
        let second = k.declare(&s.a, &[used(&b, "2026-05-01", Some("2026-05-31"))]);
        let seen = k.observe("audit", used(&b, "2026-05-20", None));
        app.move_to("2026-06-03");
        let retract = |who, what: &str, id: &Value| s.post(who, &format!("/{what}/{}/retract", id.as_str().unwrap()), json!({"reason": "取り違え"}));
        s.post(&s.a.user, &format!("/declarations/{}/retract", text(&second, "id")), json!({"reason": ""})).must(422);
        retract(&s.b.user, "declarations", &second["id"]).must(404);
        retract(&s.officer, "declarations", &second["id"]).must(403);
        retract(&s.a.user, "observations", &seen["id"]).must(403);
        let back = retract(&s.a.user, "declarations", &second["id"]).must(200);
        assert_eq!(back["retracted"], true);
        assert_eq!(retract(&s.a.user, "declarations", &second["id"]).problem(409), "retracted");
        assert_eq!(k.uncovered(&b), days(&[("2026-04-01", Some("2026-04-30")), ("2026-05-20", None)]), "what was said before counts again");
        assert_eq!(retract(&s.auditor, "observations", &seen["id"]).must(200)["retracted"], true);
        assert_eq!(retract(&s.officer, "observations", &seen["id"]).problem(409), "retracted");
        assert_eq!(k.uncovered(&b), days(&[("2026-04-01", Some("2026-04-30"))]));
        let then = k.node(&b, "?known_at=2026-06-02T23:00:00Z&as_of=2026-06-02");
        assert_eq!(then["uncovered"], days(&[("2026-05-01", None)]), "it stays in every earlier known_at");
        assert_eq!(s.items(&s.officer, &format!("/contracts/{}/observations", k.id))[0]["retracted"], true);
        retract(&s.a.user, "declarations", &first["id"]).must(200);
        assert_eq!(k.uncovered(&b), json!([]));
        assert_eq!(k.state(&b), "unapproved", "every engagement known is shown");
        let alert = &s.items(&s.officer, "/alerts?kind=unapproved_subcontractor")[0];
        assert_eq!(alert["days"].as_array().unwrap().len(), 1, "the alert keeps its days: {alert:#}");
    }
}
