//! Where guards are on: accounts begin by invitation, and a password that somebody else set opens nothing but the way
//! to another.

use itaku::domain::access::Role;
use itaku::service::user;
use serde_json::json;

use crate::support::browser::Tab;
use crate::support::{Person, TestApp, both};

const GIVEN: &str = "運用者が決めた合言葉です。";
const OWN: &str = "本人だけが知る合言葉です。";

/// An account as `itaku admin create-user` makes it, logged in with the password given.
fn given_a_password(app: &TestApp) -> Person {
    let roles = [Role::SystemAdmin];
    let made = user::create_first(&app.app, "first@example.jp", "架空 最初", &roles, GIVEN).unwrap();
    let (id, organization) = (made.id, made.organization_id);
    let mut who = Person { id, email: made.email, organization, token: String::new() };
    let credentials = json!({"email": who.email, "password": GIVEN});
    app.anyone("/auth/token", credentials).must(200)["access_token"]
        .as_str()
        .unwrap()
        .clone_into(&mut who.token);
    who
}

both_strict! {
    fn an_account_begins_by_invitation_only(app: TestApp) {
        let operator = app.admin();
        let mut body = json!({"email": "shinki@example.jp", "name": "新規 一郎", "organization_id": operator.organization, "roles": ["overseer"], "password": OWN});
        assert_eq!(app.post(&operator, "/users", body.clone()).errors(), [("/password".to_owned(), "invitation_only".to_owned())]);
        let tab = app.tab(&operator);
        let organization = operator.organization.to_string();
        let page = tab.open(&format!("/users/new?organization_id={organization}"));
        assert!(!page.body.as_str().unwrap().contains("name=\"password\""), "the page does not ask for one");
        let forced = tab.submit("/users/new", &[("organization_id", &organization), ("name", "新規 一郎"), ("email", "shinki@example.jp"), ("roles/0", "overseer"), ("password", OWN)]);
        assert_eq!(forced.status, 422);
        body.as_object_mut().unwrap().remove("password");
        app.expect_every_notice();
        app.post(&operator, "/users", body).must(201);
        let invitation = app.notice();
        app.anyone("/auth/invitation/accept", json!({"token": invitation.token(), "password": OWN})).must(200);
        let entered = app.anyone("/auth/token", json!({"email": "shinki@example.jp", "password": OWN})).must(200);
        let token = entered["access_token"].as_str().unwrap();
        app.send(app.request(Some(token), "GET", "/overview")).must(200);
    }

    fn a_password_that_somebody_else_set_opens_nothing_else(app: TestApp) {
        let who = given_a_password(app);
        app.get(&who, "/me").must(200);
        for (method, path) in [("GET", "/users"), ("POST", "/organizations"), ("GET", "/overview"), ("GET", "/me/sessions"), ("PATCH", "/users/x")] {
            let answer = app.send(app.request(Some(&who.token), method, path));
            assert_eq!(answer.problem(403), "password_change_required", "{method} {path}");
        }
        let change = |current: &str, new: &str| app.post(&who, "/me/password", json!({"current": current, "new": new}));
        assert_eq!(change(GIVEN, GIVEN).errors(), [("/new".to_owned(), "same_password".to_owned())]);
        assert_eq!(change("まちがった合言葉です。", OWN).errors(), [("/current".to_owned(), "wrong_password".to_owned())]);
        app.get(&who, "/users").must(403);
        change(GIVEN, OWN).must(200);
        app.get(&who, "/users").must(200);
        let again = app.anyone("/auth/token", json!({"email": who.email, "password": OWN})).must(200);
        let token = again["access_token"].as_str().unwrap();
        app.send(app.request(Some(token), "GET", "/users")).must(200);
    }

    fn every_page_leads_to_the_form_for_a_password_of_ones_own(app: TestApp) {
        let who = given_a_password(app);
        let cookie = app.browser(&who);
        let open = |path: &str| app.send(app.visit(Some(&cookie), "GET", path, &[]));
        for path in ["/home", "/users", "/account", "/users/new", "/organizations"] {
            let answer = open(path);
            assert_eq!((answer.status, answer.header("location")), (303, Some("/account/password")), "{path}");
        }
        let form = open("/account/password");
        let proof = form.proof();
        let page = form.must(200);
        assert!(page.as_str().unwrap().contains("あなたではない人が決めた"), "{page}");
        let tab = Tab::of(app, cookie.clone(), proof);
        let sent = tab.submit("/users/new", &[("name", "x")]);
        assert_eq!((sent.status, sent.header("location")), (303, Some("/account/password")));
        let wrong = tab.submit("/account/password", &[("current", GIVEN), ("new", "short"), ("again", "short")]);
        assert!(wrong.status == 422 && wrong.body.as_str().unwrap().contains("あなたではない人が決めた"), "{}", wrong.body);
        let done = tab.submit("/account/password", &[("current", GIVEN), ("new", OWN), ("again", OWN)]);
        assert_eq!((done.status, done.header("location")), (303, Some("/account?done=password")));
        assert_eq!(open("/users").status, 200);
    }

    fn a_reset_by_mail_sets_a_password_of_ones_own(app: TestApp) {
        let who = given_a_password(app);
        app.anyone("/auth/password-reset", json!({"email": who.email})).must(200);
        let token = app.notice().token();
        app.anyone("/auth/password-reset/confirm", json!({"token": token, "password": OWN})).must(200);
        let entered = app.anyone("/auth/token", json!({"email": who.email, "password": OWN})).must(200);
        app.send(app.request(entered["access_token"].as_str(), "GET", "/users")).must(200);
    }
}

both! {
    fn in_a_demonstration_that_was_not_asked_to_be_strict_all_stays_open(app: TestApp) {
        let who = given_a_password(app);
        app.get(&who, "/users").must(200);
        let body = json!({"email": "shinki@example.jp", "name": "新規 一郎", "organization_id": who.organization, "roles": ["overseer"], "password": OWN});
        app.post(&who, "/users", body).must(201);
        let entered = app.anyone("/auth/token", json!({"email": "shinki@example.jp", "password": OWN})).must(200);
        app.send(app.request(entered["access_token"].as_str(), "GET", "/overview")).must(200);
    }
}
