//! Login, refresh, revocation, delays, invitations and resets.

use chrono::Duration;
use itaku::db::lease::forget_attempts;
use itaku::db::session::attempts;
use itaku::db::{DbError, user};
use itaku::domain::access::Role;
use itaku::domain::input::{Mode, parse};
use itaku::service::guessing::{Attempt, Origin};
use itaku::service::{Failure, guessing, hashing, session};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, both};

const PASSWORD: &str = "馬と電池とホチキス正しい";
const OTHER: &str = "川と鉛筆とトランプ涼しい";

/// Someone with a password.
fn with_password(app: &TestApp, email: &str) -> Person {
    let agency = app.agency("S1");
    let body = json!({"email": email, "name": "架空 太郎", "organization_id": agency, "roles": ["officer"], "password": PASSWORD});
    let made = app.post(&app.admin(), "/users", body).must(201);
    let tokens = log_in(app, email, PASSWORD);
    Person {
        id: crate::support::id(&made),
        email: email.to_owned(),
        organization: agency,
        token: access(&tokens),
    }
}

fn log_in(app: &TestApp, email: &str, password: &str) -> Value {
    app.anyone("/auth/token", json!({"email": email, "password": password})).must(200)
}

fn access(tokens: &Value) -> String {
    tokens["access_token"].as_str().unwrap().to_owned()
}

fn is_in(app: &TestApp, token: &str) -> bool {
    let answer = app.send(app.request(Some(token), "GET", "/me"));
    assert!(matches!(answer.status, 200 | 401), "{answer:?}");
    answer.status == 200
}

both! {
    fn a_login_says_who_one_is(app: TestApp) {
        let who = with_password(app, "Taro@Example.jp");
        let tokens = log_in(app, " tARO@example.JP ", PASSWORD);
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(1800)));
        let me = app.get(&who, "/me").must(200);
        let agency = json!({"id": who.organization, "kind": "agency", "name": "架空機関S1"});
        assert_eq!(me, json!({"id": who.id, "name": "架空 太郎", "email": "Taro@Example.jp", "organization": agency, "roles": ["officer"]}));
    }

    fn an_unknown_account_is_refused_like_a_wrong_password(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let wrong = app.anyone("/auth/token", json!({"email": who.email, "password": OTHER}));
        let unknown = app.anyone("/auth/token", json!({"email": "nobody@example.jp", "password": OTHER}));
        assert_eq!(wrong.body, unknown.body);
        assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
        assert_eq!((wrong.problem(401), unknown.problem(401)), ("wrong_credentials".to_owned(), "wrong_credentials".to_owned()));
        app.send(app.request(None, "GET", "/me")).must(401);
        app.send(app.request(Some("not.a.token"), "GET", "/me")).must(401);
    }

    fn a_token_of_another_key_or_algorithm_is_worth_nothing(app: TestApp) {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        use hmac::{Hmac, KeyInit as _, Mac as _};
        use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
        use sha2::Sha512;

        let who = with_password(app, "taro@example.jp");
        let body = |token: &str| token.split('.').nth(1).unwrap().to_owned();
        let claims = json!({"sid": app.get(&who, "/me/sessions").must(200)["items"][0]["id"], "exp": 4_000_000_000_i64});
        let secret = app.app.config.auth.secret.as_bytes();
        let forged = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(b"another").unwrap()).unwrap();
        assert!(!is_in(app, &forged));
        // By hand, for the library signs nothing but HS256 here.
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "HS512"})), part(&claims));
        let signed = Hmac::<Sha512>::new_from_slice(secret).unwrap().chain_update(&message).finalize().into_bytes();
        let other = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed));
        assert!(!is_in(app, &other));
        assert!(!is_in(app, &format!("eyJhbGciOiJub25lIn0.{}.", body(&forged))));
        assert!(is_in(app, &encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret).unwrap()).unwrap()));
    }

    fn an_access_token_ends_after_half_an_hour_and_a_session_after_twelve(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let mut tokens = log_in(app, &who.email, PASSWORD);
        app.pass(Duration::minutes(30) - Duration::seconds(1));
        assert!(is_in(app, &access(&tokens)));
        app.pass(Duration::seconds(1));
        assert!(!is_in(app, &access(&tokens)));
        for _ in 0..23 {
            tokens = app.anyone("/auth/refresh", json!({"refresh_token": tokens["refresh_token"]})).must(200);
            assert!(is_in(app, &access(&tokens)));
            app.pass(Duration::minutes(30));
        }
        app.anyone("/auth/refresh", json!({"refresh_token": tokens["refresh_token"]})).must(401);
    }

    fn a_session_that_nobody_uses_ends_after_half_an_hour(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let (used, idle) = (log_in(app, &who.email, PASSWORD), log_in(app, &who.email, PASSWORD));
        let again = |tokens: &Value| app.anyone("/auth/refresh", json!({"refresh_token": tokens["refresh_token"]}));
        app.pass(Duration::minutes(29));
        assert!(is_in(app, &access(&used)));
        app.pass(Duration::minutes(2));
        again(&idle).must(401);
        let used = again(&used).must(200);
        app.pass(Duration::seconds(1799));
        assert!(is_in(app, &access(&used)), "an access token lives as long as is promised");
        app.send(app.request(Some(&access(&used)), "GET", "/me/sessions")).must(200)["items"].as_array().map(Vec::len).filter(|n| *n == 1).unwrap();
    }

    fn a_password_changed_during_a_login_is_the_password_no_more(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let other = hashing::hash(&app.app.sources, OTHER).unwrap();
        let logging_in = app.app.db.write::<_, DbError>(|conn| {
            user::set_password(conn, who.id, &other)?;
            let app = app.app.clone();
            let given = json!({"email": who.email, "password": PASSWORD});
            let given: session::Credentials = parse(&given, Mode::Strict).unwrap();
            let logging_in = std::thread::spawn(move || session::log_in(&app, &given, &Origin::default()));
            // By then it has checked the password of before, and waits to write.
            std::thread::sleep(std::time::Duration::from_secs(2));
            Ok(logging_in)
        }).unwrap();
        assert!(matches!(logging_in.join().unwrap(), Err(Failure::WrongCredentials)));
        log_in(app, &who.email, OTHER);
    }

    fn failures_at_once_are_all_counted_and_forgotten_after_a_quiet_day(app: TestApp) {
        let email = "nobody@example.jp";
        let key = guessing::account_key(&app.app, email);
        let failing: Vec<_> = (0..8).map(|_| {
            let (app, attempt) = (app.app.clone(), Attempt::from(&app.app, email, &Origin::default()).unwrap());
            std::thread::spawn(move || attempt.failed(&app, email).unwrap())
        }).collect();
        for one in failing {
            one.join().unwrap();
        }
        let counted = app.app.db.read_one(|conn| attempts(conn, &key)).unwrap().unwrap();
        assert_eq!(counted.failures, 8);
        let forget = || {
            let before = app.app.sources.clock.machine_now() - Duration::days(1);
            app.app.db.write::<_, DbError>(|conn| forget_attempts(conn, before)).unwrap()
        };
        app.pass(Duration::hours(24));
        assert_eq!(forget(), 0, "the delay has not been over for a day");
        app.pass(Duration::minutes(2));
        assert_eq!(forget(), 2, "of the account, and of the address");
    }

    fn a_reset_takes_as_long_for_an_address_that_nobody_has(app: TestApp) {
        with_password(app, "taro@example.jp");
        for email in ["taro@example.jp", "nobody@example.jp"] {
            let begun = std::time::Instant::now();
            app.anyone("/auth/password-reset", json!({"email": email})).must(200);
            assert!(begun.elapsed() >= std::time::Duration::from_millis(150), "{email}");
        }
    }

    fn a_refresh_token_that_comes_twice_ends_the_session(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let first = log_in(app, &who.email, PASSWORD);
        let second = app.anyone("/auth/refresh", json!({"refresh_token": first["refresh_token"]})).must(200);
        assert!(is_in(app, &access(&second)));
        app.anyone("/auth/refresh", json!({"refresh_token": first["refresh_token"]})).must(401);
        assert!(!is_in(app, &access(&first)) && !is_in(app, &access(&second)));
        app.anyone("/auth/refresh", json!({"refresh_token": second["refresh_token"]})).must(401);
        assert!(is_in(app, &who.token), "other sessions go on");
        app.anyone("/auth/refresh", json!({"refresh_token": "never issued"})).must(401);
    }

    fn of_many_at_once_one_refresh_wins(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let tokens = log_in(app, &who.email, PASSWORD);
        let body = json!({"refresh_token": tokens["refresh_token"]});
        let all = (0..8).map(|_| app.request(None, "POST", "/auth/refresh").set_json(&body)).collect();
        let answers = app.send_at_once(all);
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
        assert!(!is_in(app, &access(&tokens)));
    }

    fn a_logout_and_an_end_from_elsewhere_take_effect_at_once(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let elsewhere = log_in(app, &who.email, PASSWORD);
        let sessions = app.get(&who, "/me/sessions").must(200);
        let items = sessions["items"].as_array().unwrap();
        assert_eq!(items.iter().filter(|s| s["current"] == true).count(), 1);
        let other = items.iter().find(|s| s["current"] == false).unwrap()["id"].as_str().unwrap();
        let path = format!("/me/sessions/{other}/end");
        let stranger = app.person(who.organization, &[Role::AgencyAdmin]);
        app.post(&stranger, &path, json!({})).must(404);
        app.post(&who, &path, json!({})).must(200);
        assert!(!is_in(app, &access(&elsewhere)));
        app.post(&who, &path, json!({})).must(404);
        app.post(&who, "/auth/logout", json!({})).must(200);
        assert!(!is_in(app, &who.token));
    }

    fn failures_bring_a_delay_for_known_and_unknown_alike(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        for email in ["taro@example.jp", "nobody@example.jp"] {
            let wrong = || app.anyone("/auth/token", json!({"email": email.to_uppercase(), "password": OTHER}));
            for _ in 0..5 {
                wrong().must(401);
            }
            let right = || app.anyone("/auth/token", json!({"email": email, "password": PASSWORD}));
            assert_eq!(right().header("retry-after"), Some("11"));
            right().must(429);
            app.pass(Duration::seconds(10));
            for seconds in [20, 40, 80, 160, 900] {
                wrong().must(401);
                let delayed = wrong();
                assert_eq!(delayed.header("retry-after").unwrap(), (seconds + 1).to_string());
                assert_eq!(delayed.problem(429), "too_many");
                app.pass(Duration::seconds(seconds));
            }
        }
        log_in(app, &who.email, PASSWORD);
        app.anyone("/auth/token", json!({"email": who.email, "password": OTHER})).must(401);
        log_in(app, &who.email, PASSWORD);
        assert_eq!(app.notices().iter().filter(|notice| notice.kind == "login_failures").count(), 1, "nobody has no mail");
    }

    fn changing_the_password_ends_the_other_sessions(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        let elsewhere = access(&log_in(app, &who.email, PASSWORD));
        let change = |current: &str, new: &str| app.post(&who, "/me/password", json!({"current": current, "new": new}));
        assert_eq!(change(OTHER, OTHER).errors(), [("/current".to_owned(), "wrong_password".to_owned())]);
        assert_eq!(change(PASSWORD, "みじかい").errors(), [("/new".to_owned(), "too_short".to_owned())]);
        assert_eq!(change(PASSWORD, "taro-taro-taro").errors(), [("/new".to_owned(), "contains_name".to_owned())]);
        assert!(is_in(app, &elsewhere));
        app.expect_every_notice();
        change(PASSWORD, OTHER).must(200);
        let told = app.notice();
        assert_eq!((told.kind.as_str(), told.address.as_str()), ("account_changed", who.email.as_str()));
        assert!(is_in(app, &who.token) && !is_in(app, &elsewhere));
        app.anyone("/auth/token", json!({"email": who.email, "password": PASSWORD})).must(401);
        log_in(app, &who.email, OTHER);
        let entries = app.entries(who.id.as_str());
        assert_eq!(entries.last().unwrap().0, "user.password_changed");
    }

    fn a_reset_works_once_within_the_hour_and_says_nothing_of_accounts(app: TestApp) {
        let who = with_password(app, "taro@example.jp");
        app.expect_every_notice();
        let ask = |email: &str| app.anyone("/auth/password-reset", json!({"email": email})).must(200);
        let confirm = |token: &str, password: &str| {
            app.anyone("/auth/password-reset/confirm", json!({"token": token, "password": password}))
        };
        assert_eq!(ask("nobody@example.jp"), ask("TARO@example.jp"));
        let first = app.notice();
        assert_eq!((first.kind.as_str(), first.address.as_str()), ("password_reset", "taro@example.jp"));
        assert!(first.context["link"].as_str().unwrap().starts_with("https://itaku.example.jp/password-reset?token="));
        ask("taro@example.jp");
        assert!(app.notices().is_empty(), "one in a quarter of an hour");
        app.pass(Duration::minutes(15));
        ask("taro@example.jp");
        let second = app.notice();
        let spent = [("/token".to_owned(), "spent".to_owned())];
        assert_eq!(confirm(&first.token(), "短い").errors(), [("/password".to_owned(), "too_short".to_owned())], "a later one does not take it away");
        assert_eq!(confirm(&second.token(), "短い").errors(), [("/password".to_owned(), "too_short".to_owned())]);
        assert_eq!(app.anyone("/auth/invitation/accept", json!({"token": second.token(), "password": OTHER})).errors(), spent);
        confirm(&second.token(), OTHER).must(200);
        let told = app.notice();
        assert_eq!((told.kind.as_str(), &told.context["what"]), ("account_changed", &json!("password")));
        assert!(!is_in(app, &who.token));
        log_in(app, &who.email, OTHER);
        for used in [&first, &second] {
            assert_eq!(confirm(&used.token(), OTHER).errors(), spent);
        }
        ask("taro@example.jp");
        let late = app.notice();
        app.pass(Duration::hours(1));
        assert_eq!(confirm(&late.token(), OTHER).errors(), spent);
    }

    fn a_mailbox_is_not_flooded_with_resets(app: TestApp) {
        with_password(app, "taro@example.jp");
        for _ in 0..20 {
            app.anyone("/auth/password-reset", json!({"email": "taro@example.jp"})).must(200);
        }
        assert_eq!(app.notices().len(), 1);
    }

    fn an_invitation_works_once_within_a_week(app: TestApp) {
        let agency = app.agency("S1");
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        app.expect_every_notice();
        let body = json!({"email": "hanako@example.jp", "name": "架空 花子", "organization_id": agency, "roles": ["approver"]});
        let made = app.post(&admin, "/users", body).must(201);
        assert_eq!(made["invited"], true);
        let first = app.notice();
        assert_eq!((first.kind.as_str(), first.address.as_str()), ("invitation", "hanako@example.jp"));
        let path = format!("/users/{}/invitation", made["id"].as_str().unwrap());
        app.post(&admin, &path, json!({})).must(200);
        let second = app.notice();
        let accept = |token: &str| app.anyone("/auth/invitation/accept", json!({"token": token, "password": PASSWORD}));
        accept(&first.token()).must(422);
        app.pass(Duration::days(7));
        accept(&second.token()).must(422);
        let admin = app.log_in(&admin);
        app.post(&admin, &path, json!({})).must(200);
        let third = app.notice();
        accept(&third.token()).must(200);
        accept(&third.token()).must(422);
        log_in(app, "hanako@example.jp", PASSWORD);
        assert_eq!(app.post(&admin, &path, json!({})).problem(409), "accepted");
        let actions: Vec<String> = app.entries(made["id"].as_str().unwrap()).into_iter().map(|e| e.0).collect();
        assert_eq!(actions, ["user.registered", "user.invited", "user.invited", "user.invited", "user.invitation_accepted"]);
    }
}
