//! People: who may make and change whom, separation, expiry, deputies.

use std::collections::BTreeSet;

use itaku::domain::access::Role;
use itaku::domain::id::{UserId, of};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, both, day, id};

fn new_user(organization: impl serde::Serialize, roles: &[&str]) -> Value {
    json!({"email": "shinki@example.jp", "name": "新規 一郎", "organization_id": organization, "roles": roles})
}

/// Their password is set: the invitation was accepted.
fn has_come_in(app: &TestApp, who: &Person) {
    app.app.db.write(|conn| itaku::db::user::set_password(conn, who.id, "set")).unwrap();
}

fn path(who: &Person) -> String {
    format!("/users/{}", who.id)
}

both! {
    fn administrators_make_accounts_in_their_own_organization(app: TestApp) {
        let (agency, vendor) = (app.agency("U1"), app.vendor("株式会社架空受託"));
        let (admin, vendor_admin) = (app.person(agency, &[Role::AgencyAdmin]), app.person(vendor, &[Role::VendorAdmin]));
        app.post(&admin, "/users", new_user(vendor, &["vendor_user"])).must(403);
        app.post(&vendor_admin, "/users", new_user(agency, &["officer"])).must(403);
        for other in [Role::Officer, Role::Approver, Role::Auditor] {
            app.post(&app.person(agency, &[other]), "/users", new_user(agency, &["officer"])).must(403);
        }
        let made = app.post(&admin, "/users", new_user(agency, &["approver", "officer", "officer"]));
        assert_eq!(made.etag(), "\"1\"");
        let made = made.must(201);
        assert_eq!(made["roles"], json!(["officer", "approver"]));
        let again = json!({"email": "SHINKI@example.jp", "name": "別人", "organization_id": vendor, "roles": ["vendor_user"]});
        assert_eq!(app.post(&vendor_admin, "/users", again).problem(409), "email_taken");
        let entry = &app.entries(made["id"].as_str().unwrap())[0];
        assert_eq!(entry.0, "user.registered");
        let payload = entry.1.to_string();
        assert!(!payload.contains("shinki") && !payload.contains("新規") && payload.contains("email_hash"), "{payload}");
    }

    fn wrong_fields_of_an_account_are_named(app: TestApp) {
        let agency = app.agency("U1");
        let admin = app.admin();
        let post = |body: Value| app.post(&admin, "/users", body).errors();
        let error = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        assert_eq!(post(new_user(agency, &["vendor_user"])), error("/roles", "not_allowed"));
        assert_eq!(post(new_user(agency, &[])), error("/roles", "required"));
        assert_eq!(post(new_user(agency, &["chief"])), error("/roles/0", "choice"));
        assert_eq!(post(new_user("00000000-0000-7000-8000-00000000ffff", &["officer"])), error("/organization_id", "unknown"));
        let with = |name: &str, value: Value| {
            let mut body = new_user(agency, &["officer"]);
            body[name] = value;
            post(body)
        };
        assert_eq!(with("expires_on", json!("2026-03-31")), error("/expires_on", "past"));
        assert_eq!(with("password", json!("shinki-shinki-42")), error("/password", "contains_name"));
        assert_eq!(with("email", json!("no address")), error("/email", "email"));
    }

    fn the_same_post_makes_one_account(app: TestApp) {
        let agency = app.agency("U1");
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        app.expect_every_notice();
        let post = |body: &Value| {
            let request = app.request(Some(&admin.token), "POST", "/users").insert_header(("Idempotency-Key", "k1"));
            request.set_json(body)
        };
        let body = new_user(agency, &["officer"]);
        let answers = app.send_at_once((0..10).map(|_| post(&body)).collect());
        let first = answers[0].clone().must(201);
        assert!(answers.iter().all(|a| a.status == 201 && a.body == first), "{answers:?}");
        assert_eq!(app.notice().kind, "invitation");
        let mut other = body;
        other["name"] = json!("別人");
        assert_eq!(app.send(post(&other)).errors(), [("/Idempotency-Key".to_owned(), "reused".to_owned())]);
    }

    fn an_account_is_seen_by_its_administrators_and_itself(app: TestApp) {
        let (agency, other) = (app.agency("U1"), app.agency("U2"));
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        let foreign = app.person(other, &[Role::AgencyAdmin]);
        for who in [&admin, &officer, &app.admin()] {
            assert_eq!(app.get(who, &path(&officer)).must(200)["email"], officer.email);
        }
        app.get(&foreign, &path(&officer)).must(404);
        app.get(&officer, &path(&admin)).must(404);
        app.patch_if(&foreign, &path(&officer), "\"1\"", json!({"active": false})).must(404);
        app.get(&officer, "/users").must(403);
        app.get(&admin, &format!("/users?organization_id={other}")).must(404);
        let own = app.get(&admin, "/users").must(200);
        let ids: Vec<&str> = own["items"].as_array().unwrap().iter().map(|u| u["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 2);
        assert!(ids.contains(&admin.id.as_str()) && ids.contains(&officer.id.as_str()));
        let first = app.get(&app.admin(), &format!("/users?organization_id={agency}&limit=1")).must(200);
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = app.get(&app.admin(), &format!("/users?organization_id={agency}&limit=1&cursor={cursor}")).must(200);
        assert_ne!(first["items"], second["items"]);
        assert_eq!(second["next_cursor"], Value::Null);
    }

    fn a_change_needs_the_version_that_was_read(app: TestApp) {
        let agency = app.agency("U1");
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        let request = app.request(Some(&admin.token), "PATCH", &path(&officer)).set_json(json!({"name": "改名 次郎"}));
        app.send(request).must(428);
        let etag = app.get(&admin, &path(&officer)).etag();
        let changed = app.patch_if(&admin, &path(&officer), &etag, json!({"name": "改名 次郎"}));
        assert_ne!(changed.etag(), etag);
        changed.must(200);
        assert_eq!(app.patch_if(&admin, &path(&officer), &etag, json!({"active": false})).problem(412), "stale");
        assert_eq!(app.get(&officer, "/me").must(200)["name"], "改名 次郎");
    }

    fn another_address_logs_in_and_the_links_to_the_one_before_are_spent(app: TestApp) {
        let agency = app.agency("U1");
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        let invited = id::<of::User>(&app.post(&admin, "/users", new_user(agency, &["officer"])).must(201));
        let link = app.notice().token();
        let patch = |who: UserId, body: Value| app.patch(&admin, &format!("/users/{who}"), body);
        assert_eq!(patch(invited, json!({"email": officer.email.to_uppercase()})).problem(409), "email_taken");
        for bad in ["\"a b\"@example.jp", "x@[127.0.0.1]", "x@example..jp"] {
            assert_eq!(patch(invited, json!({"email": bad})).errors(), [("/email".to_owned(), "email".to_owned())], "{bad}");
        }
        assert_eq!(patch(invited, json!({"expires_on": "2026-03-31"})).errors(), [("/expires_on".to_owned(), "past".to_owned())]);
        assert_eq!(patch(invited, json!({"email": "tadashii@example.jp"})).must(200)["email"], "tadashii@example.jp");
        let again = app.notice();
        assert_eq!((again.kind.as_str(), again.address.as_str()), ("invitation", "tadashii@example.jp"));
        let accept = |token: &str| app.anyone("/auth/invitation/accept", json!({"token": token, "password": "架空の合言葉はこれです。"}));
        assert_eq!(accept(&link).errors(), [("/token".to_owned(), "spent".to_owned())]);
        accept(&again.token()).must(200);
        app.anyone("/auth/token", json!({"email": "tadashii@example.jp", "password": "架空の合言葉はこれです。"})).must(200);
        // Someone at work goes on working.
        patch(officer.id, json!({"email": "betsu@example.jp"})).must(200);
        assert_eq!(app.get(&officer, "/me").must(200)["email"], "betsu@example.jp");
    }

    fn the_address_before_is_told_of_the_change_and_not_of_the_new_one(app: TestApp) {
        let agency = app.agency("U1");
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        has_come_in(app, &officer);
        app.expect_every_notice();
        app.patch(&admin, &path(&officer), json!({"name": "改名 次郎"})).must(200);
        assert!(app.notices().is_empty(), "the address stays");
        app.patch(&admin, &path(&officer), json!({"email": "betsu@example.jp"})).must(200);
        let mut told = app.notices();
        told.sort_by(|one, other| other.kind.cmp(&one.kind));
        let [told, new] = told.as_slice() else { panic!("{told:#?}") };
        assert_eq!((told.kind.as_str(), told.address.as_str()), ("email_changed", officer.email.as_str()));
        assert_eq!((new.kind.as_str(), new.address.as_str()), ("account_changed", "betsu@example.jp"));
        assert_eq!(told.context["day"]["on"], "2026-04-01");
        assert!(!told.context.to_string().contains("betsu"), "{}", told.context);
        app.patch(&admin, &path(&officer), json!({"email": "mukashi@example.jp"})).must(200);
        let mut told: Vec<String> = app.notices().into_iter().map(|notice| notice.address).collect();
        told.sort();
        assert_eq!(told, ["betsu@example.jp", "mukashi@example.jp"], "each change is told");
    }

    fn disabling_and_a_change_of_roles_end_every_session_at_once(app: TestApp) {
        let agency = app.agency("U1");
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        let twin = app.log_in(&officer);
        app.patch(&admin, &path(&officer), json!({"roles": ["officer"]})).must(200);
        app.get(&officer, "/me").must(200);
        app.patch(&admin, &path(&officer), json!({"roles": ["officer", "auditor"]})).must(200);
        app.get(&officer, "/me").must(401);
        app.get(&twin, "/me").must(401);
        let officer = app.log_in(&officer);
        assert_eq!(app.get(&officer, "/me").must(200)["roles"], json!(["officer", "auditor"]));
        app.patch(&admin, &path(&officer), json!({"active": false})).must(200);
        app.get(&officer, "/me").must(401);
        app.get(&app.log_in(&officer), "/me").must(401);
        app.patch(&admin, &path(&officer), json!({"active": true})).must(200);
        app.get(&officer, "/me").must(401);
        app.get(&app.log_in(&officer), "/me").must(200);
    }

    fn an_account_ends_after_its_last_business_day(app: TestApp) {
        let agency = app.agency("U1");
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        app.patch(&admin, &path(&officer), json!({"expires_on": "2026-04-02"})).must(200);
        app.move_to("2026-04-02");
        let officer = app.log_in(&officer);
        app.get(&officer, "/me").must(200);
        app.move_to("2026-04-03");
        let (admin, officer) = (app.log_in(&admin), app.log_in(&officer));
        app.get(&officer, "/me").must(401);
        let open = app.patch(&admin, &path(&officer), json!({"expires_on": null})).must(200);
        assert_eq!(open["expires_on"], Value::Null);
        app.get(&officer, "/me").must(200);
    }

    fn nobody_changes_their_own_roles_and_the_last_administrator_stays(app: TestApp) {
        let agency = app.agency("U1");
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        for change in [json!({"roles": ["agency_admin", "approver"]}), json!({"active": false}), json!({"expires_on": "2027-01-01"})] {
            assert_eq!(app.patch(&admin, &path(&admin), change).problem(409), "own_account");
        }
        app.patch(&admin, &path(&admin), json!({"name": "自分 で", "roles": ["agency_admin"]})).must(200);
        for change in [json!({"roles": ["officer"]}), json!({"active": false})] {
            assert_eq!(app.patch(&app.admin(), &path(&admin), change).problem(409), "last_admin");
        }
        let second = app.person(agency, &[Role::AgencyAdmin]);
        let without = || app.patch(&app.admin(), &path(&admin), json!({"active": false}));
        assert_eq!(without().problem(409), "last_admin", "who never came in administers nothing");
        has_come_in(app, &admin);
        has_come_in(app, &second);
        app.patch(&app.admin(), &path(&second), json!({"expires_on": "2026-04-01"})).must(200);
        assert_eq!(without().problem(409), "last_admin", "nor from tomorrow on who ends today");
        app.patch(&app.admin(), &path(&second), json!({"expires_on": null, "name": "二人目"})).must(200);
        app.patch(&second, &path(&admin), json!({"active": false})).must(200);
        assert_eq!(app.patch(&app.admin(), &path(&second), json!({"active": false})).problem(409), "last_admin");
        let root = app.admin();
        has_come_in(app, &root);
        let other_root = app.person(root.organization, &[Role::SystemAdmin]);
        app.patch(&root, &path(&other_root), json!({"roles": ["overseer"]})).must(200);
        let overseer = app.log_in(&other_root);
        app.patch_if(&overseer, &path(&root), "\"1\"", json!({"active": false})).must(403);
        let action = app.entries(second.id.as_str());
        assert!(app.entries(admin.id.as_str()).iter().any(|(a, p)| a == "user.changed" && p["active"] == false), "{action:?}");
    }

    fn a_deputy_holds_the_roles_lent_while_it_lasts(app: TestApp) {
        let agency = app.agency("U1");
        let (admin, approver) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Approver]));
        let officer = app.person(agency, &[Role::Officer]);
        let stranger = app.person(app.agency("U2"), &[Role::Officer]);
        let deputies = format!("/users/{}/deputies", approver.id);
        let body = |deputy: &Person, from: &str, to: &str| json!({"deputy_id": deputy.id, "starts_on": from, "ends_on": to});
        let errors = |deputy: &Person, from: &str, to: &str| app.post(&admin, &deputies, body(deputy, from, to)).errors()[0].clone();
        assert_eq!(errors(&stranger, "2026-04-02", "2026-04-03"), ("/deputy_id".to_owned(), "unknown".to_owned()));
        assert_eq!(errors(&approver, "2026-04-02", "2026-04-03"), ("/deputy_id".to_owned(), "same_person".to_owned()));
        assert_eq!(errors(&officer, "2026-04-02", "2026-04-01"), ("/ends_on".to_owned(), "order".to_owned()));
        assert_eq!(errors(&officer, "2026-03-01", "2026-03-31"), ("/ends_on".to_owned(), "past".to_owned()));
        assert_eq!(app.post(&admin, &deputies, body(&admin, "2026-04-02", "2026-04-03")).problem(409), "own_account");
        app.post(&officer, &deputies, body(&officer, "2026-04-02", "2026-04-03")).must(403);
        app.post(&admin, &deputies, body(&officer, "2026-04-02", "2026-04-03")).must(201);
        assert_eq!(app.get(&admin, &deputies).must(200)["items"].as_array().unwrap().len(), 1);
        let told = |on: &str| {
            let found = app.app.db.read_one(|conn| itaku::db::user::reachable(conn, agency, &[Role::Approver], day(on)));
            found.unwrap().into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>()
        };
        assert_eq!(told("2026-04-01"), BTreeSet::from([approver.id]));
        assert_eq!(told("2026-04-03"), BTreeSet::from([approver.id, officer.id]));
        for (on, roles) in [("2026-04-01", json!(["officer"])), ("2026-04-02", json!(["officer", "approver"])), ("2026-04-03", json!(["officer", "approver"])), ("2026-04-04", json!(["officer"]))] {
            app.move_to(on);
            assert_eq!(app.get(&app.log_in(&officer), "/me").must(200)["roles"], roles, "{on}");
        }
        app.move_to("2026-04-03");
        app.patch(&app.log_in(&admin), &path(&approver), json!({"active": false})).must(200);
        assert_eq!(app.get(&app.log_in(&officer), "/me").must(200)["roles"], json!(["officer"]), "nothing is lent by a disabled account");
    }

    fn the_first_account_is_made_without_a_session(app: TestApp) {
        let create = |email: &str, password: &str| {
            itaku::service::user::create_first(&app.app, email, "管理 太郎", &[Role::SystemAdmin], password)
        };
        create("root@example.jp", "みじかい").unwrap_err();
        let made = create("root@example.jp", "馬と電池とホチキス正しい").unwrap();
        app.anyone("/auth/token", json!({"email": "root@example.jp", "password": "馬と電池とホチキス正しい"})).must(200);
        assert!(create("ROOT@example.jp", "馬と電池とホチキス正しい").is_err());
        assert_eq!(app.entries(made.id.as_str())[0].0, "user.registered");
    }
}
