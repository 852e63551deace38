//! Second factors: enrolled, asked for, used up, lost; required of roles, and a fresh login for what is grave.

use std::collections::BTreeSet;

use chrono::Duration;
use diesel::prelude::*;
use itaku::db::schema::totp_factors;
use itaku::db::{DbError, factor, user};
use itaku::domain::access::Role;
use itaku::service::hashing;
use itaku::web::api::routes;
use itaku::web::pages::all;
use itaku::web::pages::route::Handler;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::support::{Answer, Person, TestApp, both};
use crate::world::filled;

const PASSWORD: &str = "馬と電池とホチキス正しい";
const OTHER: &str = "川と鉛筆とトランプ涼しい";
const NOTHING: &str = "01990000-0000-7000-8000-000000000000";

/// One test per database with every guard of accounts on.
macro_rules! guarded {
    ($(fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn test($app: &TestApp) $body

            #[test]
            fn sqlite() {
                test(&TestApp::sqlite_with_factors());
            }

            #[test]
            fn postgresql() {
                test(&TestApp::postgresql_with_factors());
            }
        }
    )+};
}

/// The code of a secret, some steps from now.
fn code(app: &TestApp, secret: &str, steps: i64) -> String {
    let at = app.app.sources.clock.machine_now().timestamp() + 30 * steps;
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate(u64::try_from(at).unwrap()).to_string()
}

/// Someone at an agency with a password.
fn with_password(app: &TestApp, roles: &[Role]) -> Person {
    let who = app.person(app.agency("F1"), roles);
    give_password(app, &who);
    who
}

fn give_password(app: &TestApp, who: &Person) {
    let hash = hashing::hash(&app.app.sources, PASSWORD).unwrap();
    app.app.db.write::<_, DbError>(|conn| user::set_password(conn, who.id, &hash)).unwrap();
}

/// Registers an authenticator app, by a code of the step before this one; its secret, and the recovery codes.
fn enrol(app: &TestApp, who: &Person) -> (String, Vec<String>) {
    let secret = app.post(who, "/me/totp", json!({})).must(200)["secret"].as_str().unwrap().to_owned();
    let answer = app.post(who, "/me/totp/confirm", json!({"code": code(app, &secret, -1)})).must(200);
    let codes = answer["recovery_codes"].as_array().unwrap();
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

fn log_in(app: &TestApp, who: &Person, totp: Option<&str>) -> Answer {
    let mut body = json!({"email": who.email, "password": PASSWORD});
    if let Some(totp) = totp {
        body["totp"] = json!(totp);
    }
    app.anyone("/auth/token", body)
}

fn is_in(app: &TestApp, token: &str) -> bool {
    app.send(app.request(Some(token), "GET", "/me")).status == 200
}

/// The value of a hidden field of a page.
fn hidden(answer: &Answer, name: &str) -> String {
    let text = answer.body.as_str().unwrap();
    let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

both! {
    fn a_code_is_asked_for_and_works_once(app: TestApp) {
        let who = with_password(app, &[Role::Officer]);
        let elsewhere = log_in(app, &who, None).must(200);
        let wrong = json!({"code": "000000"});
        app.post(&who, "/me/totp/confirm", wrong.clone()).must(409);
        let begun = app.post(&who, "/me/totp", json!({})).must(200);
        assert!(begun["otpauth_url"].as_str().unwrap().starts_with("otpauth://totp/itaku:"));
        assert_eq!(app.post(&who, "/me/totp/confirm", wrong).errors(), [("/code".to_owned(), "wrong_code".to_owned())]);
        log_in(app, &who, None).must(200);
        let (secret, codes) = enrol(app, &who);
        assert_ne!(begun["secret"], json!(secret), "begun anew");
        assert_eq!(codes.len(), 10);
        assert!(!is_in(app, elsewhere["access_token"].as_str().unwrap()), "other sessions end");
        assert!(is_in(app, &who.token));

        assert_eq!(log_in(app, &who, None).problem(401), "totp_required");
        assert_eq!(log_in(app, &who, Some("12345")).problem(401), "wrong_totp");
        assert_eq!(log_in(app, &who, Some(&code(app, &secret, -1))).problem(401), "wrong_totp", "it was the confirmation");
        assert_eq!(log_in(app, &who, Some(&code(app, &secret, 3))).problem(401), "wrong_totp", "too early");
        // Full width and in two parts, as some write it down.
        let typed: String = code(app, &secret, 0).chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
        log_in(app, &who, Some(&format!(" {typed} "))).must(200);
        log_in(app, &who, Some(&code(app, &secret, 0))).must(401);
        log_in(app, &who, Some(&code(app, &secret, 1))).must(200);
        app.pass(Duration::seconds(60));
        log_in(app, &who, Some(&code(app, &secret, -1))).must(401);
        log_in(app, &who, Some(&code(app, &secret, 0))).must(200);
    }

    fn who_does_not_know_the_password_learns_nothing_of_factors(app: TestApp) {
        let (with, without) = (with_password(app, &[Role::Officer]), with_password_too(app));
        let (secret, _) = enrol(app, &with);
        let right = code(app, &secret, 0);
        let ask = |who: &Person, totp: Option<&str>| {
            let mut body = json!({"email": who.email, "password": OTHER});
            if let Some(totp) = totp {
                body["totp"] = json!(totp);
            }
            app.anyone("/auth/token", body).must(401)
        };
        let told = ask(&without, None);
        for (who, totp) in [(&without, Some("123456")), (&with, None), (&with, Some("123456")), (&with, Some(right.as_str()))] {
            assert_eq!(ask(who, totp), told);
        }
        log_in(app, &with, Some(&right)).must(200);
        // Nobody's code is ignored.
        assert_eq!(log_in(app, &without, Some("123456")).errors(), [("/totp".to_owned(), "no_factor".to_owned())]);
    }

    fn of_many_at_once_one_code_lets_one_in(app: TestApp) {
        let who = with_password(app, &[Role::Officer]);
        let (secret, codes) = enrol(app, &who);
        for totp in [code(app, &secret, 0), codes[0].clone()] {
            let body = json!({"email": who.email, "password": PASSWORD, "totp": totp});
            let all = (0..4).map(|_| app.request(None, "POST", "/auth/token").set_json(&body)).collect();
            let answers = app.send_at_once(all);
            assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
        }
    }

    fn a_recovery_code_works_once_and_a_new_set_replaces_the_old(app: TestApp) {
        let who = with_password(app, &[Role::Officer]);
        let (secret, codes) = enrol(app, &who);
        let who = Person { token: log_in(app, &who, Some(&codes[3])).must(200)["access_token"].as_str().unwrap().to_owned(), ..who };
        log_in(app, &who, Some(&codes[3])).must(401);
        log_in(app, &who, Some(&codes[4].to_lowercase().replace('-', " "))).must(200);
        assert_eq!(app.get(&who, "/me/factors").must(200)["recovery_codes_left"], 8);
        let renewed = app.post(&who, "/me/recovery-codes", json!({})).must(200);
        let renewed: Vec<&str> = renewed["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        assert_eq!(renewed.len(), 10);
        log_in(app, &who, Some(&codes[5])).must(401);
        log_in(app, &who, Some(renewed[0])).must(200);
        app.post(&who, "/me/totp/remove", json!({})).must(200);
        log_in(app, &who, None).must(200);
        log_in(app, &who, Some(renewed[1])).must(422);
        app.post(&who, "/me/recovery-codes", json!({})).must(409);
        app.post(&who, "/me/totp/remove", json!({})).must(409);

        // On the chain stands that it happened, and no secret.
        let admin = app.person(who.organization, &[Role::AgencyAdmin]);
        let entries = app.get(&admin, &format!("/ledger?limit=200&subject={}", who.id)).must(200);
        let text = entries.to_string();
        let actions: Vec<&str> = entries["items"].as_array().unwrap().iter().filter_map(|e| e["action"].as_str()).collect();
        for action in ["user.factor_enrolled", "user.recovery_code_used", "user.recovery_codes_renewed", "user.factor_removed"] {
            assert!(actions.contains(&action), "{action}: {actions:?}");
        }
        for secret in codes.iter().map(String::as_str).chain(renewed).chain([secret.as_str()]) {
            assert!(!text.contains(secret));
        }
    }

    fn wrong_codes_are_delayed_whatever_becomes_of_the_password(app: TestApp) {
        let who = with_password(app, &[Role::Officer]);
        let (secret, _) = enrol(app, &who);
        for _ in 0..5 {
            assert_eq!(log_in(app, &who, Some("000000")).problem(401), "wrong_totp");
            assert_eq!(log_in(app, &who, None).problem(401), "totp_required");
        }
        let delayed = || log_in(app, &who, Some(&code(app, &secret, 0)));
        assert_eq!(delayed().problem(429), "too_many");
        // A new password begins no new count, and asks for the code as before.
        give_password(app, &who);
        assert_eq!(delayed().problem(429), "too_many");
        app.pass(Duration::seconds(10));
        delayed().must(200);
    }

    fn a_secret_is_sealed_for_its_person(app: TestApp) {
        let (who, other) = (with_password(app, &[Role::Officer]), with_password_too(app));
        let (secret, codes) = enrol(app, &who);
        let (others, _) = enrol(app, &other);
        let kept = app.app.db.read_one(|conn| factor::totp(conn, who.id)).unwrap().unwrap().secret.unwrap();
        assert!(!kept.contains(&secret));
        // A row moved to another person opens nothing there; recovery codes hang on no secret of the server.
        app.app.db.write::<_, DbError>(|conn| {
            let moved = factor::totp(conn, other.id)?.unwrap().secret;
            diesel::update(totp_factors::table.find(who.id)).set(totp_factors::secret.eq(moved)).execute(conn)?;
            Ok(())
        }).unwrap();
        for totp in [code(app, &secret, 0), code(app, &others, 0)] {
            assert_eq!(log_in(app, &who, Some(&totp)).problem(401), "wrong_totp");
        }
        log_in(app, &who, Some(&codes[0])).must(200);
    }

    fn an_administrator_takes_lost_factors_away(app: TestApp) {
        let who = with_password(app, &[Role::Officer]);
        let admin = app.person(who.organization, &[Role::AgencyAdmin]);
        let reset = |id: &str| app.post(&admin, &format!("/users/{id}/factors/reset"), json!({}));
        reset(who.id.as_str()).must(409);
        enrol(app, &who);
        reset(admin.id.as_str()).must(409);
        let stranger = app.person(app.agency("F9"), &[Role::AgencyAdmin]);
        app.post(&stranger, &format!("/users/{}/factors/reset", who.id), json!({})).must(404);
        reset(who.id.as_str()).must(200);
        assert!(!is_in(app, &who.token));
        log_in(app, &who, None).must(200);
    }

    fn a_browser_is_asked_on_a_page_of_its_own(app: TestApp) {
        let who = with_password(app, &[Role::Officer]);
        let (secret, codes) = enrol(app, &who);
        let send = |path: &str, fields: &[(&str, &str)]| app.send(app.visit(None, "POST", path, fields));
        let begin = || send("/login", &[("email", &who.email), ("password", PASSWORD), ("next", "/account")]);
        let asked = begin();
        assert_eq!((asked.status, asked.header("set-cookie")), (200, None));
        let token = hidden(&asked, "token");
        // Half a login opens nothing.
        let tried = app.send(app.visit(Some(&token), "GET", "/account", &[]));
        assert_eq!(tried.header("location"), Some("/login?next=%2Faccount"));
        assert!(!is_in(app, &token));
        let wrong = send("/login/code", &[("token", &token), ("code", "000000"), ("next", "/account")]);
        assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
        let again = hidden(&wrong, "token");
        assert_ne!(again, token);
        let now = code(app, &secret, 0);
        assert_eq!(send("/login/code", &[("token", &token), ("code", &now)]).status, 409, "its token is over");
        let entered = send("/login/code", &[("token", &again), ("code", &now), ("next", "/account")]);
        assert_eq!((entered.status, entered.header("location")), (303, Some("/account")));
        assert!(entered.header("set-cookie").unwrap().contains("itaku="));
        assert_eq!(send("/login/code", &[("token", &again), ("code", &codes[0])]).status, 409);
        let late = hidden(&begin(), "token");
        app.pass(Duration::minutes(11));
        assert_eq!(send("/login/code", &[("token", &late), ("code", &codes[0])]).status, 409);
        // A password that is changed meanwhile takes the half login with it.
        let half = hidden(&begin(), "token");
        let who = app.log_in(&who);
        app.post(&who, "/me/password", json!({"current": PASSWORD, "new": OTHER})).must(200);
        assert_eq!(send("/login/code", &[("token", &half), ("code", &codes[0])]).status, 409);
    }

    // Without an authenticator nothing can be registered here; that it can, the browser's tests show.
    fn a_passkey_is_asked_for_here_and_made_up_by_nobody(app: TestApp) {
        let who = with_password(app, &[Role::Officer]);
        let tab = app.tab(&who);
        let page = tab.open("/account/passkeys/new");
        let text = page.body.as_str().unwrap();
        assert!(text.contains("&quot;rp&quot;:{&quot;id&quot;:&quot;itaku.example.jp&quot;"), "{text}");
        let made_up = json!({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "AAAA", "attestationObject": "AAAA"}, "extensions": {}});
        for credential in ["", "x", "{}", &made_up.to_string()] {
            let token = hidden(&tab.open("/account/passkeys/new"), "token");
            let sent = tab.submit("/account/passkeys/new", &[("token", &token), ("name", "試験"), ("credential", credential)]);
            assert!([409, 422].contains(&sent.status), "{credential}: {}", sent.status);
        }
        tab.submit(&format!("/account/passkeys/{NOTHING}/remove"), &[]);
        assert_eq!(app.get(&who, "/me/factors").must(200)["passkeys"], json!([]));
        app.post(&who, &format!("/me/passkeys/{NOTHING}/remove"), json!({})).must(404);
    }

    fn in_a_plain_demonstration_nothing_is_required(app: TestApp) {
        let who = with_password(app, &[Role::AgencyAdmin]);
        app.pass(Duration::minutes(11));
        assert_eq!(app.get(&who, "/me/factors").must(200)["required"], false);
        app.post(&who, "/me/totp", json!({})).must(200);
    }
}

/// Another one.
fn with_password_too(app: &TestApp) -> Person {
    let who = app.person(app.agency("F2"), &[Role::Officer]);
    give_password(app, &who);
    who
}

/// The routes of a side, by a flag of theirs.
fn flagged(api: bool, flag: &str) -> BTreeSet<String> {
    let of = |is: bool, method: &str, path: &str| is.then(|| format!("{method} {path}"));
    if api {
        let all = routes(false).into_iter();
        let is = |route: &itaku::web::route::Route| {
            if flag == "fresh" { route.fresh } else { route.without_factor }
        };
        return all.filter_map(|route| of(is(&route), route.method.as_str(), route.path)).collect();
    }
    let method = |changes| if changes { "POST" } else { "GET" };
    let is = |route: &itaku::web::pages::route::PageRoute| {
        if flag == "fresh" { route.fresh } else { route.without_factor }
    };
    all(false).into_iter().filter_map(|route| of(is(&route), method(route.changes), route.path)).collect()
}

fn set(routes: &[&str]) -> BTreeSet<String> {
    routes.iter().map(|route| (*route).to_owned()).collect()
}

// Written down a second time on purpose: who forgets one of them opens or closes a door.
#[test]
fn these_routes_ask_for_a_fresh_login() {
    let api = set(&[
        "PATCH /users/{id}",
        "POST /me/passkeys/{id}/remove",
        "POST /me/recovery-codes",
        "POST /me/sessions/{id}/end",
        "POST /me/totp",
        "POST /me/totp/confirm",
        "POST /me/totp/remove",
        "POST /pending-changes/{id}/approve",
        "POST /users",
        "POST /users/{id}/deputies",
        "POST /users/{id}/factors/reset",
        "POST /users/{id}/sessions/end",
    ]);
    assert_eq!(flagged(true, "fresh"), api);
    let pages = set(&[
        "POST /account/deputies/new",
        "POST /account/passkeys/new",
        "POST /account/passkeys/{id}/remove",
        "POST /account/recovery-codes",
        "POST /account/sessions/{id}/end",
        "POST /account/totp",
        "POST /account/totp/begin",
        "POST /account/totp/remove",
        "POST /pending-changes/{id}/approve",
        "POST /users/new",
        "POST /users/{id}/change",
        "POST /users/{id}/deputies/new",
        "POST /users/{id}/factors/reset",
        "POST /users/{id}/sessions/end",
    ]);
    assert_eq!(flagged(false, "fresh"), pages);
}

#[test]
fn these_routes_are_open_before_a_required_factor() {
    let api = set(&[
        "GET /me",
        "GET /me/factors",
        "POST /auth/logout",
        "POST /auth/reauthenticate",
        "POST /me/password",
        "POST /me/totp",
        "POST /me/totp/confirm",
    ]);
    assert_eq!(flagged(true, "without_factor"), api);
    let pages = set(&[
        "GET /account/factors",
        "GET /account/passkeys/new",
        "GET /account/password",
        "GET /account/totp",
        "POST /account/passkeys/new",
        "POST /account/password",
        "POST /account/reauthenticate",
        "POST /account/totp",
        "POST /account/totp/begin",
        "POST /logout",
    ]);
    assert_eq!(flagged(false, "without_factor"), pages);
}

/// Someone of an agency with a password and no factor yet, and the operator's administrator, who has one.
fn of_an_agency(app: &TestApp, roles: &[Role]) -> (Person, Person) {
    let operator = itaku::service::organization::ensure_system(&app.app).unwrap();
    let admin = app.person(operator, &[Role::SystemAdmin]);
    enrol(app, &admin);
    let body = json!({"kind": "agency", "name": "架空機関G1", "code": "G1"});
    let agency = crate::support::id(&app.post(&admin, "/organizations", body).must(201));
    let who = app.person(agency, roles);
    give_password(app, &who);
    (who, admin)
}

guarded! {
    fn who_must_have_a_factor_does_nothing_before(app: TestApp) {
        let (who, admin) = of_an_agency(app, &[Role::Officer]);
        for route in routes(false).into_iter().filter(|route| route.permission().is_some() && route.path != "/auth/logout") {
            let request = app.request(Some(&who.token), route.method.as_str(), &filled(route.path, NOTHING));
            let answer = app.send(request.set_json(json!({})));
            let is_refused = answer.status == 403 && answer.body["type"] == "urn:itaku:problem:second_factor_required";
            assert_eq!(is_refused, !route.without_factor, "{} {}: {answer:?}", route.method, route.path);
        }
        let who = app.log_in(&who);
        let tab = app.tab_at(&who, "/account/factors");
        for route in all(false).into_iter().filter(|route| !matches!(route.handler, Handler::Open(_)) && !route.without_factor) {
            let path = filled(route.path, NOTHING);
            let answer = if route.changes { tab.submit(&path, &[]) } else { tab.open(&path) };
            assert_eq!((answer.status, answer.header("location")), (303, Some("/account/factors")), "{path}");
        }
        let page = tab.open("/account/factors");
        let text = page.body.as_str().unwrap();
        assert!(text.contains("二要素認証の登録が必要です") && !text.contains("href=\"/contracts\""), "{text}");
        enrol(app, &who);
        app.get(&who, "/contracts").must(200);
        assert_eq!(tab.open("/home").header("location"), Some("/login?next=%2Fhome"), "other sessions end");
        app.post(&who, "/me/totp/remove", json!({})).problem(409);
        // Who only reports for a vendor needs none.
        let vendor = app.post(&admin, "/organizations", json!({"kind": "vendor", "name": "架空印刷株式会社"})).must(201);
        let vendor = crate::support::id(&vendor);
        app.get(&app.person(vendor, &[Role::VendorUser]), "/contracts").must(200);
        assert_eq!(app.get(&app.person(vendor, &[Role::VendorAdmin]), "/contracts").problem(403), "second_factor_required");
    }

    fn what_is_grave_asks_for_a_fresh_login(app: TestApp) {
        let (who, _) = of_an_agency(app, &[Role::AgencyAdmin]);
        let (secret, codes) = enrol(app, &who);
        let (admin, officer) = (who.clone(), app.person(who.organization, &[Role::Officer]));
        app.pass(Duration::minutes(10));
        app.post(&admin, &format!("/users/{}/factors/reset", officer.id), json!({})).must(409);
        app.pass(Duration::minutes(1));
        for route in routes(false).into_iter().filter(|route| route.fresh) {
            let request = app.request(Some(&admin.token), route.method.as_str(), &filled(route.path, NOTHING));
            let answer = app.send(request.insert_header(("If-Match", "\"1\"")).set_json(json!({})));
            assert_eq!(answer.problem(403), "reauthentication_required", "{}", route.path);
        }
        app.get(&admin, "/users").must(200);
        let again = |body: Value| app.post(&admin, "/auth/reauthenticate", body);
        assert_eq!(again(json!({"password": OTHER})).problem(401), "wrong_credentials");
        assert_eq!(again(json!({"password": PASSWORD})).problem(401), "totp_required");
        assert_eq!(again(json!({"password": PASSWORD, "totp": "000000"})).problem(401), "wrong_totp");
        again(json!({"password": PASSWORD, "totp": code(app, &secret, 0)})).must(200);
        app.post(&admin, &format!("/users/{}/factors/reset", officer.id), json!({})).must(409);

        // A form's answer asks, and one goes on with what was typed.
        let tab = app.tab(&admin);
        app.pass(Duration::minutes(11));
        let typed = [("name", "架空 新人"), ("email", "new@example.jp"), ("roles/0", "officer")];
        let asked = tab.submit("/users/new", &typed);
        assert_eq!(asked.status, 401);
        let text = asked.body.as_str().unwrap();
        assert!(text.contains("もう一度パスワードを入力してください"), "{text}");
        let kept = hidden(&asked, "_kept").replace("&amp;", "&");
        let waiting = [("_kept", kept.as_str()), ("_back", "/users/new"), ("_returns", "true")];
        let send = |more: &[(&str, &str)]| tab.submit("/account/reauthenticate", &[&waiting, more].concat());
        assert_eq!(send(&[("password", OTHER), ("totp", &codes[0])]).status, 401);
        let resumed = send(&[("password", PASSWORD), ("totp", &codes[0])]);
        let text = resumed.body.as_str().unwrap();
        assert!(resumed.status == 200 && text.contains("action=\"/users/new\"") && text.contains("value=\"架空 新人\""), "{text}");
        let shown = tab.submit("/users/new", &[&typed[..], &[("_again", "1")]].concat());
        assert!(shown.status == 200 && shown.body.as_str().unwrap().contains("架空 新人"));
        assert_ne!(tab.submit("/users/new", &typed).status, 401);
    }

    fn one_administrator_alone_takes_no_deciders_factor_away(app: TestApp) {
        let (who, _) = of_an_agency(app, &[Role::AgencyAdmin]);
        enrol(app, &who);
        for (role, alone) in [(Role::Approver, false), (Role::AgencyAdmin, false), (Role::Auditor, true)] {
            let person = app.person(who.organization, &[role]);
            enrol(app, &person);
            let answer = app.post(&who, &format!("/users/{}/factors/reset", person.id), json!({}));
            if alone {
                answer.must(200);
            } else {
                assert_eq!(answer.problem(409), "second_administrator");
                // The operator at the command line does, who has the database anyhow.
                let id = itaku::service::factor::reset_by_operator(&app.app, &person.email).unwrap();
                assert!(id == person.id && !is_in(app, &person.token));
                assert_eq!(app.get(&app.log_in(&person), "/users").problem(403), "second_factor_required");
            }
        }
    }
}
