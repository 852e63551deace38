//! Nobody decides alone: what a second administrator must approve, who that is, and what happens where there is none.

use chrono::Duration;
use itaku::domain::access::Role::{self, *};
use itaku::domain::id::{OrganizationId, UserId};
use itaku::service::user;
use serde_json::{Value, json};

use crate::support::browser::Tab;
use crate::support::{Answer, Person, TestApp};

/// Someone who has come in.
fn person(app: &TestApp, organization: OrganizationId, roles: &[Role]) -> Person {
    let who = app.person(organization, roles);
    app.app.db.write(|conn| itaku::db::user::set_password(conn, who.id, "set")).unwrap();
    who
}

fn path(who: UserId) -> String {
    format!("/users/{who}")
}

/// The ids of what waits, as an answer about an account tells them.
fn waiting(account: &Value) -> Vec<String> {
    let all = account["pending"].as_array().cloned().unwrap_or_default();
    all.iter().map(|change| change["id"].as_str().unwrap().to_owned()).collect()
}

/// The one that waits.
#[track_caller]
fn one(account: &Value) -> String {
    let all = waiting(account);
    assert_eq!(all.len(), 1, "{account}");
    all[0].clone()
}

fn change(app: &TestApp, who: &Person, id: &str) -> Value {
    app.get(who, &format!("/pending-changes/{id}")).must(200)
}

fn act(app: &TestApp, who: &Person, id: &str, what: &str) -> Answer {
    app.post(who, &format!("/pending-changes/{id}/{what}"), json!({}))
}

fn roles(app: &TestApp, of: UserId) -> Value {
    app.get(&app.log_in(&app.admin()), &path(of)).must(200)["roles"].clone()
}

/// Addresses that were mailed since last asked, of one kind.
fn told(app: &TestApp, kind: &str) -> Vec<String> {
    let mut told: Vec<String> =
        app.notices().into_iter().filter(|notice| notice.kind == kind).map(|notice| notice.address).collect();
    told.sort();
    told
}

fn addresses(people: &[&Person]) -> Vec<String> {
    let mut all: Vec<String> = people.iter().map(|who| who.email.clone()).collect();
    all.sort();
    all
}

both_strict! {
    fn a_role_that_decides_is_granted_by_two(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves, officer) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]), person(app, agency, &[Officer]));
        app.notices();
        let answer = app.patch(&asks, &path(officer.id), json!({"roles": ["officer", "auditor", "approver"]})).must(200);
        assert_eq!(answer["roles"], json!(["officer", "auditor"]), "what decides nothing is granted at once");
        let id = one(&answer);
        assert_eq!(answer["pending"], json!([{"id": id, "kind": "roles"}]));
        assert_eq!(told(app, "change_asked"), addresses(&[&asks, &approves, &officer]));
        let officer = app.log_in(&officer);
        assert_eq!(app.get(&officer, "/me").must(200)["roles"], json!(["officer", "auditor"]));
        // The same again asks for nothing new.
        let again = app.patch(&asks, &path(officer.id), json!({"roles": ["officer", "auditor", "approver"]})).must(200);
        assert_eq!(one(&again), id);
        assert!(told(app, "change_asked").is_empty());
        assert_eq!(act(app, &asks, &id, "approve").problem(409), "not_second");
        act(app, &officer, &id, "approve").must(403);
        let seen = change(app, &approves, &id);
        assert_eq!((&seen["before"], &seen["after"]["roles"]), (&json!({"roles": ["officer", "auditor"]}), &json!(["officer", "approver", "auditor"])));
        assert_eq!((&seen["may_approve"], &seen["may_reject"], &seen["may_withdraw"]), (&json!(true), &json!(true), &json!(false)));
        assert_eq!(change(app, &asks, &id)["may_approve"], false);
        app.pass(Duration::days(2));
        let (asks, approves) = (app.log_in(&asks), app.log_in(&approves));
        user::pending::settle_due(&app.app).unwrap();
        assert_eq!(roles(app, officer.id), json!(["officer", "auditor"]), "where there are two, no time passes for the second");
        let done = act(app, &approves, &id, "approve").must(200);
        assert_eq!((&done["state"], &done["ended_by"]), (&json!("in_force"), &json!(approves.id)));
        assert_eq!(roles(app, officer.id), json!(["officer", "approver", "auditor"]));
        assert_eq!(told(app, "change_ended"), addresses(&[&asks, &officer]));
        app.get(&officer, "/me").must(401);
        let entries = app.entries(&id);
        let actions: Vec<&str> = entries.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(actions, ["user.change_asked", "user.change_approved", "user.changed"]);
        assert_eq!(entries[2].1, json!({"change_id": id, "on": "2026-04-03", "roles": ["officer", "approver", "auditor"]}));
        assert_eq!(waiting(&app.get(&asks, &path(officer.id)).must(200)), Vec::<String>::new());
    }

    fn two_who_approve_at_once_act_once(app: TestApp) {
        let agency = app.agency("N1");
        let [asks, second, third] = [(), (), ()].map(|()| person(app, agency, &[AgencyAdmin]));
        let officer = person(app, agency, &[Officer]);
        let id = one(&app.patch(&asks, &path(officer.id), json!({"roles": ["officer", "approver"]})).must(200));
        let approve = |who: &Person| app.request(Some(&who.token), "POST", &format!("/pending-changes/{id}/approve"));
        let answers = app.send_at_once(vec![approve(&second), approve(&third), approve(&second), approve(&third)]);
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.body["state"] == "in_force"), "{answers:?}");
        let changed = app.entries(&id).iter().filter(|(action, _)| action == "user.changed").count();
        assert_eq!((changed, roles(app, officer.id)), (1, json!(["officer", "approver"])));
        assert_eq!(act(app, &second, &id, "reject").problem(409), "not_waiting");
        assert_eq!(act(app, &asks, &id, "withdraw").problem(409), "not_waiting");
    }

    fn who_gains_by_it_or_asked_for_it_is_not_the_second(app: TestApp) {
        let agency = app.agency("N1");
        let [asks, other, third] = [(), (), ()].map(|()| person(app, agency, &[AgencyAdmin]));
        let id = one(&app.patch(&asks, &path(other.id), json!({"roles": ["agency_admin", "approver"]})).must(200));
        assert_eq!(act(app, &other, &id, "approve").problem(409), "not_second");
        assert_eq!(act(app, &app.admin(), &id, "approve").problem(409), "not_second", "the agency has a second of its own");
        act(app, &third, &id, "approve").must(200);
        // A deputy gains as well.
        let approver = person(app, agency, &[Approver]);
        let body = json!({"deputy_id": third.id, "starts_on": "2026-04-01", "ends_on": "2026-04-30"});
        let made = app.post(&asks, &format!("/users/{}/deputies", approver.id), body.clone()).must(201);
        let id = one(&made);
        assert_eq!(app.get(&asks, &format!("/users/{}/deputies", approver.id)).must(200)["items"], json!([]), "not before");
        assert_eq!(act(app, &third, &id, "approve").problem(409), "not_second");
        let other = app.log_in(&other);
        act(app, &other, &id, "approve").must(200);
        let deputies = app.get(&asks, &format!("/users/{}/deputies", approver.id)).must(200);
        assert_eq!((deputies["items"].as_array().unwrap().len(), &deputies["items"][0]["deputy_id"]), (1, &json!(third.id)));
        assert!(app.get(&third, "/me").must(200)["roles"].as_array().unwrap().contains(&json!("approver")));
        // Of someone who decides nothing it is done at once.
        let officer = person(app, agency, &[Officer]);
        let plain = app.post(&asks, &format!("/users/{}/deputies", officer.id), body).must(201);
        assert!(waiting(&plain).is_empty(), "{plain}");
    }

    fn who_administers_alone_waits_a_day_in_which_the_others_can_say_no(app: TestApp) {
        let agency = app.agency("N1");
        let (alone, officer) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[Officer]));
        let operator = app.admin();
        app.notices();
        let answer = app.patch(&alone, &path(officer.id), json!({"roles": ["officer", "approver"]})).must(200);
        let id = one(&answer);
        assert_eq!(answer["pending"][0]["takes_effect_on"], "2026-04-02");
        assert_eq!(told(app, "change_asked"), addresses(&[&alone, &officer, &operator]), "the operator's administrators hear of it");
        app.pass(Duration::hours(24) - Duration::seconds(1));
        user::pending::settle_due(&app.app).unwrap();
        let (alone, operator, officer) = (app.log_in(&alone), app.log_in(&operator), app.log_in(&officer));
        assert_eq!(app.get(&alone, &path(officer.id)).must(200)["roles"], json!(["officer"]));
        app.pass(Duration::seconds(1));
        user::pending::settle_due(&app.app).unwrap();
        user::pending::settle_due(&app.app).unwrap();
        assert_eq!(change(app, &operator, &id)["state"], "in_force");
        let entries = app.entries(&id);
        assert_eq!(entries.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["user.change_asked", "user.changed"]);
        assert_eq!(told(app, "change_ended"), addresses(&[&alone, &officer, &operator]));
        app.get(&officer, "/me").must(401);
        // The person says no.
        let other = person(app, agency, &[Officer]);
        let id = one(&app.patch(&alone, &path(other.id), json!({"roles": ["officer", "approver"]})).must(200));
        assert_eq!(act(app, &alone, &id, "reject").problem(409), "own_change");
        let body = json!({"reason": "身に覚えがありません。"});
        let rejected = app.post(&other, &format!("/pending-changes/{id}/reject"), body).must(200);
        assert_eq!((&rejected["state"], &rejected["reason"]), (&json!("rejected"), &json!("身に覚えがありません。")));
        let payload = app.entries(&id)[1].1.to_string();
        assert!(payload.contains("reason_hash") && !payload.contains("身に覚え"), "{payload}");
        app.pass(Duration::days(2));
        user::pending::settle_due(&app.app).unwrap();
        assert_eq!(app.get(&app.log_in(&alone), &path(other.id)).must(200)["roles"], json!(["officer"]));
    }

    fn a_read_of_the_account_finds_what_is_due_done(app: TestApp) {
        let agency = app.agency("N1");
        let (alone, officer) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[Officer]));
        app.patch(&alone, &path(officer.id), json!({"roles": ["officer", "approver"]})).must(200);
        app.pass(Duration::hours(25));
        let alone = app.log_in(&alone);
        assert_eq!(app.get(&alone, &path(officer.id)).must(200)["roles"], json!(["officer", "approver"]));
    }

    fn an_account_with_a_role_that_decides_begins_without_it(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]));
        app.notices();
        let body = |email: &str, roles: &[&str]| json!({"email": email, "name": "新規 一郎", "organization_id": agency, "roles": roles});
        let made = app.post(&asks, "/users", body("a@example.jp", &["approver"])).must(201);
        assert_eq!(made["roles"], json!([]));
        let id = one(&made);
        let mails = app.notices();
        let invitation = mails.iter().find(|notice| notice.kind == "invitation").unwrap().token();
        app.anyone("/auth/invitation/accept", json!({"token": invitation, "password": "本人だけが知る合言葉です。"})).must(200);
        let entered = app.anyone("/auth/token", json!({"email": "a@example.jp", "password": "本人だけが知る合言葉です。"})).must(200);
        let token = entered["access_token"].as_str();
        // Whose only role waits sees themselves and nothing of the cases.
        app.send(app.request(token, "GET", "/me")).must(200);
        let overview = app.send(app.request(token, "GET", "/overview")).must(200);
        assert!(overview["agency"].is_null(), "{overview}");
        for closed in ["/contracts", "/alerts", "/users", "/organizations", "/settings"] {
            app.send(app.request(token, "GET", closed)).must(403);
        }
        act(app, &approves, &id, "approve").must(200);
        let account = made["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(roles(app, account), json!(["approver"]));
        let mixed = app.post(&asks, "/users", body("b@example.jp", &["officer", "agency_admin"])).must(201);
        assert_eq!((&mixed["roles"], waiting(&mixed).len()), (&json!(["officer"]), 1));
        let plain = app.post(&asks, "/users", body("c@example.jp", &["officer", "auditor"])).must(201);
        assert!(waiting(&plain).is_empty());
    }

    fn the_first_administrator_of_an_agency_is_let_in_by_two_of_the_operator(app: TestApp) {
        let agency = app.agency("N1");
        let one_of_two = app.admin();
        app.app.db.write(|conn| itaku::db::user::set_password(conn, one_of_two.id, "set")).unwrap();
        let body = |email: &str| json!({"email": email, "name": "最初 一郎", "organization_id": agency, "roles": ["agency_admin"]});
        let made = app.post(&one_of_two, "/users", body("a@example.jp")).must(201);
        assert_eq!((&made["roles"], &made["pending"][0]["takes_effect_on"]), (&json!([]), &json!("2026-04-02")), "with one of the operator a day passes");
        act(app, &one_of_two, &one(&made), "withdraw").must(200);
        let other = person(app, one_of_two.organization, &[SystemAdmin]);
        let made = app.post(&one_of_two, "/users", body("b@example.jp")).must(201);
        let id = one(&made);
        assert_eq!(made["pending"], json!([{"id": id, "kind": "roles"}]));
        assert_eq!(act(app, &one_of_two, &id, "approve").problem(409), "not_second");
        act(app, &other, &id, "approve").must(200);
        assert_eq!(app.get(&other, &path(made["id"].as_str().unwrap().parse().unwrap())).must(200)["roles"], json!(["agency_admin"]));
        // An administrator of the operator likewise.
        let overseer = person(app, other.organization, &[Overseer]);
        let id = one(&app.patch(&other, &path(overseer.id), json!({"roles": ["overseer", "system_admin"]})).must(200));
        act(app, &one_of_two, &id, "approve").must(200);
    }

    fn anothers_address_is_changed_by_two_and_ones_own_alone(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves, officer) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]), person(app, agency, &[Officer]));
        app.notices();
        let answer = app.patch(&asks, &path(officer.id), json!({"email": "betsu@example.jp", "name": "改名 次郎"})).must(200);
        assert_eq!((&answer["email"], &answer["name"]), (&json!(officer.email), &json!("改名 次郎")));
        let id = one(&answer);
        let mails = app.notices();
        let mut to: Vec<&str> = mails.iter().filter(|notice| notice.kind == "change_asked").map(|notice| notice.address.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, addresses(&[&asks, &approves, &officer]), "at the address before");
        assert!(mails.iter().all(|notice| !notice.context.to_string().contains("betsu")), "{mails:?}");
        assert!(!app.entries(&id)[0].1.to_string().contains("betsu"), "hashed in the ledger");
        assert_eq!(app.patch(&asks, &path(officer.id), json!({"email": "mata@example.jp"})).problem(409), "change_waiting");
        act(app, &approves, &id, "approve").must(200);
        assert_eq!(app.get(&asks, &path(officer.id)).must(200)["email"], "betsu@example.jp");
        let kinds: Vec<String> = app.notices().into_iter().map(|notice| notice.kind).collect();
        assert!(kinds.contains(&"email_changed".to_owned()), "{kinds:?}");
        // One's own: nobody else is spoken for.
        let own = app.patch(&asks, &path(asks.id), json!({"email": "jibun@example.jp"})).must(200);
        assert!(waiting(&own).is_empty() && own["email"] == "jibun@example.jp", "{own}");
        // An invitation that nobody accepted goes anywhere, unless a role that decides comes with it.
        let invite = |email: &str, role: &str| app.post(&asks, "/users", json!({"email": email, "name": "新規 一郎", "organization_id": agency, "roles": [role]})).must(201);
        let to = |made: &Value, email: &str| app.patch(&asks, &format!("/users/{}", made["id"].as_str().unwrap()), json!({"email": email})).must(200);
        assert_eq!(to(&invite("c@example.jp", "officer"), "d@example.jp")["email"], "d@example.jp");
        let guarded = to(&invite("e@example.jp", "approver"), "f@example.jp");
        assert_eq!((&guarded["email"], waiting(&guarded).len()), (&json!("e@example.jp"), 2));
    }

    fn a_longer_or_new_life_of_an_account_that_decides_needs_two_and_its_end_none(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves, decider) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]), person(app, agency, &[Approver]));
        let patch = |body: Value| app.patch(&asks, &path(decider.id), body).must(200);
        let shorter = patch(json!({"expires_on": "2026-04-10"}));
        assert!(waiting(&shorter).is_empty() && shorter["expires_on"] == "2026-04-10");
        let longer = patch(json!({"expires_on": "2026-05-10"}));
        assert_eq!(longer["expires_on"], "2026-04-10");
        act(app, &approves, &one(&longer), "approve").must(200);
        assert_eq!(app.get(&asks, &path(decider.id)).must(200)["expires_on"], "2026-05-10");
        let endless = patch(json!({"expires_on": null}));
        act(app, &approves, &one(&endless), "reject").must(200);
        let stopped = patch(json!({"active": false}));
        assert!(waiting(&stopped).is_empty() && stopped["active"] == false);
        let back = patch(json!({"active": true}));
        assert_eq!(back["active"], false);
        act(app, &approves, &one(&back), "approve").must(200);
        assert_eq!(app.get(&asks, &path(decider.id)).must(200)["active"], true);
        let without = patch(json!({"roles": ["officer"]}));
        assert!(waiting(&without).is_empty() && without["roles"] == json!(["officer"]));
        // Who decides nothing is let in and out by one.
        assert!(waiting(&patch(json!({"active": false}))).is_empty());
        assert_eq!(patch(json!({"active": true, "expires_on": null}))["active"], true);
    }

    fn who_stands_in_for_a_decider_is_guarded_as_one(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]));
        let decider = person(app, agency, &[Approver]);
        let invited = app.person(agency, &[Officer]);
        let body = json!({"deputy_id": invited.id, "starts_on": "2026-05-01", "ends_on": "2026-05-31"});
        let id = one(&app.post(&asks, &format!("/users/{}/deputies", decider.id), body.clone()).must(201));
        assert_eq!(one(&app.post(&asks, &format!("/users/{}/deputies", decider.id), body).must(201)), id, "asked once");
        act(app, &approves, &id, "approve").must(200);
        let moved = app.patch(&asks, &path(invited.id), json!({"email": "yoso@example.jp"})).must(200);
        assert_eq!((&moved["email"], waiting(&moved).len()), (&json!(invited.email), 1), "not come in, and yet");
    }

    fn what_has_become_impossible_ends_with_its_reason(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]));
        let [stopped, taken] = [(), ()].map(|()| person(app, agency, &[Officer]));
        let role = one(&app.patch(&asks, &path(stopped.id), json!({"roles": ["officer", "approver"]})).must(200));
        app.patch(&asks, &path(stopped.id), json!({"active": false})).must(200);
        let ended = act(app, &approves, &role, "approve").must(200);
        assert_eq!((&ended["state"], &ended["ended_by"]), (&json!("void"), &Value::Null));
        assert!(ended["reason"].as_str().unwrap().contains("停止"), "{ended}");
        assert_eq!(app.entries(&role).last().unwrap().0, "user.change_void");
        let email = one(&app.patch(&asks, &path(taken.id), json!({"email": "hitotsu@example.jp"})).must(200));
        let body = json!({"email": "hitotsu@example.jp", "name": "先に来た人", "organization_id": agency, "roles": ["officer"]});
        app.post(&asks, "/users", body).must(201);
        assert_eq!(act(app, &approves, &email, "approve").must(200)["state"], "void");
        assert_eq!(app.get(&asks, &path(taken.id)).must(200)["email"], taken.email);
        assert_eq!(act(app, &approves, &email, "approve").problem(409), "not_waiting");
    }

    fn what_nobody_decides_ends_after_two_weeks(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves, officer) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]), person(app, agency, &[Officer]));
        let id = one(&app.patch(&asks, &path(officer.id), json!({"roles": ["officer", "approver"]})).must(200));
        app.move_to("2026-04-15");
        let approves = app.log_in(&approves);
        assert_eq!(act(app, &approves, &id, "approve").problem(409), "not_waiting");
        assert_eq!(change(app, &approves, &id)["state"], "expired");
        assert_eq!(roles(app, officer.id), json!(["officer"]));
    }

    fn a_wait_ends_with_the_administrator_who_began_it(app: TestApp) {
        let agency = app.agency("N1");
        let (alone, officer, other) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[Officer]), person(app, agency, &[Officer]));
        let id = one(&app.patch(&alone, &path(officer.id), json!({"roles": ["officer", "approver"]})).must(200));
        let next = one(&app.patch(&alone, &path(other.id), json!({"roles": ["agency_admin"]})).must(200));
        // The operator approves the successor before the day is over, and stops who asked.
        act(app, &app.admin(), &next, "approve").must(200);
        app.patch(&app.admin(), &path(alone.id), json!({"active": false})).must(200);
        app.pass(Duration::days(2));
        user::pending::settle_due(&app.app).unwrap();
        let operator = app.log_in(&app.admin());
        let ended = change(app, &operator, &id);
        assert!(ended["state"] == "void" && ended["reason"].as_str().unwrap().contains("管理者でなくなりました"), "{ended}");
    }

    fn a_vendors_people_are_administered_alike(app: TestApp) {
        let vendor = app.vendor("株式会社架空受託");
        let (admin, worker) = (person(app, vendor, &[VendorAdmin]), person(app, vendor, &[VendorUser]));
        let roles = app.patch(&admin, &path(worker.id), json!({"roles": ["vendor_user", "vendor_admin"]})).must(200);
        assert!(waiting(&roles).is_empty(), "a vendor decides nothing in an agency's name");
        let worker = app.log_in(&worker);
        let email = app.patch(&admin, &path(worker.id), json!({"email": "betsu@example.jp"})).must(200);
        assert_eq!(email["email"], worker.email);
        let id = one(&email);
        let stranger = person(app, app.vendor("架空乙有限会社"), &[VendorAdmin]);
        app.get(&stranger, &format!("/pending-changes/{id}")).must(404);
        act(app, &stranger, &id, "approve").must(404);
        assert_eq!(act(app, &worker, &id, "approve").problem(409), "not_second");
        act(app, &worker, &id, "reject").must(200);
        let listed = app.get(&admin, &format!("/pending-changes?user_id={}&state=rejected", worker.id)).must(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(app.get(&stranger, "/pending-changes").must(200)["items"], json!([]));
    }

    fn the_pages_ask_show_approve_and_reject(app: TestApp) {
        let agency = app.agency("N1");
        let (asks, approves, officer) = (person(app, agency, &[AgencyAdmin]), person(app, agency, &[AgencyAdmin]), person(app, agency, &[Officer]));
        let (mine, theirs, own) = (app.tab(&asks), app.tab(&approves), app.tab(&officer));
        let page = |tab: &Tab<'_>, path: &str| { let page = tab.open(path); assert_eq!(page.status, 200, "{path}: {}", page.body); page.body.as_str().unwrap().to_owned() };
        let sent = |answer: Answer| { assert_eq!(answer.status, 303, "{}", answer.body); answer.header("location").unwrap().to_owned() };
        let form = format!("/users/{}/change", officer.id);
        let version = |form: &str| form.split_once("name=\"_version\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        let shown = page(&mine, &form);
        assert!(shown.contains("別の管理者が承認してから"), "{shown}");
        let fields = |version: &str| [("_version", version.to_owned()), ("name", "架空 担当".to_owned()), ("email", officer.email.clone()), ("active", "true".to_owned()), ("roles/0", "officer".to_owned()), ("roles/1", "approver".to_owned())];
        let at = version(&shown);
        let filled = fields(&at);
        let filled: Vec<(&str, &str)> = filled.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(sent(mine.submit(&form, &filled)), format!("/users/{}?done=change_asked", officer.id));
        let again = page(&mine, &form);
        assert!(again.contains("いま承認を待っている役割: 決裁者") && again.contains("value=\"approver\" checked"), "{again}");
        let account = page(&theirs, &format!("/users/{}", officer.id));
        assert!(account.contains("承認待ち: 役割の追加") && account.contains("変更後: 担当者・決裁者"), "{account}");
        let link = account.split_once("href=\"/pending-changes/").unwrap().1.split_once('"').unwrap().0;
        let link = format!("/pending-changes/{link}");
        assert!(page(&theirs, "/home").contains("承認待ちの変更があります"));
        assert!(page(&theirs, "/pending-changes").contains(&link));
        let (me, them) = (page(&mine, &link), page(&theirs, &link));
        assert!(me.contains("取り下げる") && !me.contains("この変更を承認する"), "{me}");
        assert!(them.contains("この変更を承認する") && them.contains("この変更を却下する") && !them.contains("取り下げる"), "{them}");
        let refused = mine.submit(&format!("{link}/approve"), &[]);
        assert!(refused.status == 409 && refused.body.as_str().unwrap().contains("自分が求めた変更は承認できません"), "{}", refused.body);
        assert_eq!(own.open("/pending-changes").status, 403);
        assert!(page(&own, &link).contains("身に覚えがないとき"));
        let long = "あ".repeat(501);
        let wrong = own.submit(&format!("{link}/reject"), &[("reason", &long)]);
        assert!(wrong.status == 422 && wrong.body.as_str().unwrap().contains("href=\"#f-reason\""), "{}", wrong.body);
        assert_eq!(sent(theirs.submit(&format!("{link}/approve"), &[("_once", "one")])), format!("{link}?done=change_approved"));
        assert!(page(&theirs, &format!("{link}?done=change_approved")).contains("効力発生"));
        assert!(page(&theirs, "/pending-changes?state=all").contains("効力発生"));
        assert!(page(&theirs, "/pending-changes").contains("承認を待つ変更はありません"));
    }
}
