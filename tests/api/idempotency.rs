//! `Idempotency-Key`: the same request acts once, however often and however much at once it arrives.

use chrono::Duration;
use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::schema::{contracts, declarations, idempotency_keys, ledger_entries, organizations};
use itaku::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestApp, both};
use crate::world::word;

const AT_ONCE: usize = 50;

fn keyed(app: &TestApp, who: &Person, path: &str, key: &str, body: &Value) -> Answer {
    let request = app.request(Some(&who.token), "POST", path).insert_header(("Idempotency-Key", key));
    app.send(request.set_json(body))
}

/// The one answer that fifty equal requests at once all get.
#[track_caller]
fn fifty(app: &TestApp, who: &Person, path: &str, body: &Value) -> Value {
    let one = || app.request(Some(&who.token), "POST", path).insert_header(("Idempotency-Key", "fifty"));
    let answers = app.send_at_once((0..AT_ONCE).map(|_| one().set_json(body)).collect());
    assert_eq!(answers.len(), AT_ONCE);
    let first = answers[0].clone();
    for answer in answers {
        assert_eq!((answer.status, &answer.body), (201, &first.body), "{path}");
        assert_eq!(answer.header("etag"), first.header("etag"));
    }
    first.body
}

fn count(app: &TestApp, table: &str) -> i64 {
    let counted = app.app.db.read_one::<_, DbError>(|conn| {
        Ok(match table {
            "organizations" => organizations::table.count().get_result(conn)?,
            "contracts" => contracts::table.count().get_result(conn)?,
            "declarations" => declarations::table.count().get_result(conn)?,
            "ledger_entries" => ledger_entries::table.count().get_result(conn)?,
            "idempotency_keys" => idempotency_keys::table.count().get_result(conn)?,
            other => panic!("{other}"),
        })
    });
    counted.unwrap()
}

fn contract(vendor: &str) -> Value {
    json!({
        "number": "1", "title": "架空業務", "fiscal_year": 2026, "vendor_id": vendor, "amount_yen": 1000,
        "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力",
    })
}

both! {
    fn fifty_equal_posts_at_once_act_once(app: TestApp) {
        let agency = app.agency("I1");
        let officer = app.person(agency, &[Role::Officer]);
        let before = (count(app, "organizations"), count(app, "ledger_entries"));
        let vendor = fifty(app, &officer, "/organizations", &json!({"kind": "vendor", "name": "架空一社", "distinct": true}));
        assert_eq!((count(app, "organizations"), count(app, "ledger_entries")), (before.0 + 1, before.1 + 1));

        let made = fifty(app, &officer, "/contracts", &contract(&word(&vendor, "id")));
        assert_eq!(count(app, "contracts"), 1);

        let vendor_id = word(&vendor, "id").parse().unwrap();
        let declarant = app.person(vendor_id, &[Role::VendorUser]);
        let path = format!("/contracts/{}/declarations", word(&made, "id"));
        let chain = app.get(&officer, &format!("/contracts/{}/chain", word(&made, "id"))).must(200);
        let used = json!({
            "parent_engagement_id": word(&chain["root"], "engagement_id"), "vendor": {"name": "架空新社"},
            "started_on": "2026-04-01",
        });
        let (companies, notices) = (count(app, "organizations"), app.notices().len());
        let body = json!({"period": {"from": "2026-04-01", "to": "2026-04-30"}, "engagements": [used]});
        let declared = fifty(app, &declarant, &path, &body);
        assert_eq!(declared["unapproved"].as_array().unwrap().len(), 1);
        assert_eq!(count(app, "declarations"), 1);
        assert_eq!(count(app, "organizations"), companies + 1);
        // The receipt and the alert, each once a person.
        let mut told: Vec<_> = app.notices().into_iter().map(|notice| (notice.kind, notice.address)).collect();
        let all = told.len();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), all, "{told:?} after {notices}");
        assert!(all >= 2, "{told:?}");
    }

    fn another_body_is_refused_and_another_route_or_person_is_free(app: TestApp) {
        let agency = app.agency("I2");
        let (one, other) = (app.person(agency, &[Role::Officer]), app.person(agency, &[Role::Officer]));
        let body = json!({"kind": "vendor", "name": "架空社", "distinct": true});
        let first = keyed(app, &one, "/organizations", "k", &body).must(201);
        let entries = count(app, "ledger_entries");
        let changed = json!({"kind": "vendor", "name": "架空別社"});
        let refused = [("/Idempotency-Key".to_owned(), "reused".to_owned())];
        assert_eq!(keyed(app, &one, "/organizations", "k", &changed).errors(), refused);
        assert_eq!(keyed(app, &one, "/organizations", "k", &body).must(201), first);
        assert_eq!(count(app, "ledger_entries"), entries);

        let theirs = keyed(app, &other, "/organizations", "k", &body).must(201);
        assert_ne!(theirs["id"], first["id"]);
        let vendor = word(&first, "id");
        let made = keyed(app, &one, "/contracts", "k", &contract(&vendor)).must(201);
        assert_eq!(made["number"], "1");
        // Without a key it is a new request.
        let third = app.post(&one, "/organizations", body.clone()).must(201);
        assert_ne!(third["id"], first["id"]);
        // A new session is the same person.
        let again = app.log_in(&one);
        assert_eq!(keyed(app, &again, "/organizations", "k", &body).must(201), first);
    }

    fn only_what_was_done_is_kept(app: TestApp) {
        let agency = app.agency("I3");
        let officer = app.person(agency, &[Role::Officer]);
        let admin = app.admin();
        let mut body = contract("01890000-0000-7000-8000-00000000ffff");
        keyed(app, &officer, "/contracts", "k", &body).must(422);
        keyed(app, &officer, "/contracts", "k", &json!({})).must(422);
        assert_eq!(count(app, "idempotency_keys"), 0);
        let vendor = app.vendor("架空社");
        body["vendor_id"] = json!(vendor);
        let made = keyed(app, &officer, "/contracts", "k", &body).must(201);
        // A broken rule is not kept: when it is mended, the same request acts.
        let user = app.person(vendor, &[Role::VendorUser]);
        let place = format!("/contracts/{}", word(&made, "id"));
        let chain = app.get(&officer, &format!("{place}/chain")).must(200);
        let apply = json!({
            "parent_engagement_id": word(&chain["root"], "engagement_id"), "vendor": {"name": "架空下請社"},
            "scope": "入力", "reason": "必要", "amount_yen": 10, "starts_on": "2026-04-01", "ends_on": "2026-12-31",
        });
        let filed = app.post(&user, &format!("{place}/applications"), apply).must(201);
        let approver = app.person(agency, &[Role::Approver]);
        let application = format!("/applications/{}", word(&filed, "id"));
        let decision = json!({"decision": "consent", "reason": "適当"});
        let decide = || keyed(app, &approver, &format!("{application}/decision"), "d", &decision);
        assert_eq!(decide().problem(409), "not_reviewed");
        keyed(app, &user, &format!("{application}/review"), "k", &json!({})).must(403);
        let review = json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok"});
        app.post(&officer, &format!("{application}/review"), review).must(200);
        let decided = decide().must(200);
        assert_eq!(decided["state"], "consented");
        assert_eq!(decide().must(200), decided);
        keyed(app, &admin, "/organizations", &"k".repeat(255), &json!({"kind": "vendor", "name": "架空社二"})).must(201);
        keyed(app, &admin, "/organizations", &"k".repeat(256), &json!({"kind": "vendor", "name": "架空社三"})).must(422);
        keyed(app, &admin, "/organizations", "", &json!({"kind": "vendor", "name": "架空社三"})).must(422);
    }

    fn a_handover_of_many_moves_what_it_moved_and_no_more(app: TestApp) {
        let agency = app.agency("I5");
        let (one, other) = (app.person(agency, &[Role::Officer]), app.person(agency, &[Role::Officer]));
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        let vendor = app.vendor("架空社").to_string();
        let make = |number: &str| {
            let mut body = contract(&vendor);
            body["number"] = json!(number);
            word(&app.post(&one, "/contracts", body).must(201), "id")
        };
        let officer_of = |id: &str| word(&app.get(&admin, &format!("/contracts/{id}")).must(200), "officer_id");
        let (first, second) = (make("1"), make("2"));
        let body = json!({"from_officer_id": one.id, "officer_id": other.id, "from": "2026-04-01"});
        let move_all = || keyed(app, &admin, "/contracts/handover", "h", &body).must(200);
        assert_eq!(move_all(), json!({"moved": 2}));
        let third = make("3");
        let back = json!({"officer_id": one.id, "from": "2026-04-01"});
        app.post(&admin, &format!("/contracts/{first}/handover"), back).must(200);
        assert_eq!(move_all(), json!({"moved": 2}));
        assert_eq!(officer_of(&second), other.id.to_string());
        assert_eq!([officer_of(&first), officer_of(&third)], [one.id.to_string(), one.id.to_string()]);
        assert_eq!(app.post(&admin, "/contracts/handover", body.clone()).must(200), json!({"moved": 2}));
    }

    fn a_password_changed_twice_by_the_same_request_is_changed_once(app: TestApp) {
        let agency = app.agency("I6");
        let (old, new) = ("馬と電池とホチキス正しい", "川と鉛筆とトランプ涼しい");
        let body = json!({"email": "taro@example.jp", "name": "架空 太郎", "organization_id": agency, "roles": ["officer"], "password": old});
        let made = app.post(&app.admin(), "/users", body).must(201);
        let nobody = Person { id: crate::support::id(&made), email: String::new(), organization: agency, token: String::new() };
        let who = app.log_in(&nobody);
        let body = json!({"current": old, "new": new});
        let first = keyed(app, &who, "/me/password", "p", &body).must(200);
        assert_eq!(keyed(app, &who, "/me/password", "p", &body).must(200), first);
        let actions = app.entries(&who.id.to_string());
        assert_eq!(actions.iter().filter(|(action, _)| action == "user.password_changed").count(), 1);
        let wrong = json!({"current": old, "new": "山と封筒とピアノ静かな"});
        assert_eq!(keyed(app, &who, "/me/password", "p", &wrong).errors(), [("/Idempotency-Key".to_owned(), "reused".to_owned())]);
        app.anyone("/auth/token", json!({"email": "taro@example.jp", "password": new})).must(200);
    }

    fn a_key_is_kept_for_a_day(app: TestApp) {
        let admin = app.admin();
        let body = json!({"kind": "vendor", "name": "架空社", "distinct": true});
        let first = keyed(app, &admin, "/organizations", "k", &body).must(201);
        app.pass(Duration::hours(23));
        let admin = app.log_in(&admin);
        assert_eq!(keyed(app, &admin, "/organizations", "k", &body).must(201), first);
        app.pass(Duration::minutes(61));
        let admin = app.log_in(&admin);
        let later = keyed(app, &admin, "/organizations", "k", &body).must(201);
        assert_ne!(later["id"], first["id"]);
    }
}
