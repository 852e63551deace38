//! Nobody is kept out, and nobody is flooded: the attack's cases by name (docs/decisions/0021).

use std::collections::BTreeMap;

use chrono::Duration;
use itaku::domain::access::Role;
use itaku::domain::text_enum::TextEnum;
use itaku::notice::context::Mail;
use itaku::notice::{NoticeKind, context};
use itaku::schedule::deliver::deliver_by;
use serde_json::{Value, json};

use crate::stage::{Stage, used, used_under};
use crate::support::{Answer, Person, TestApp, both, id};

const PASSWORD: &str = "馬と電池とホチキス正しい";
const WRONG: &str = "川と鉛筆とトランプ涼しい";
const STRANGER: &str = "203.0.113.9";
const ELSEWHERE: &str = "198.51.100.7";

/// Someone with a password.
fn member(app: &TestApp, code: &str, email: &str) -> Person {
    let agency = app.agency(code);
    let body = json!({"email": email, "name": "架空 太郎", "organization_id": agency, "roles": ["officer"], "password": PASSWORD});
    let made = app.post(&app.admin(), "/users", body).must(201);
    Person { id: id(&made), email: email.to_owned(), organization: agency, token: String::new() }
}

fn at(address: &str) -> std::net::SocketAddr {
    format!("{address}:40000").parse().unwrap()
}

/// A login through the API from an address.
fn try_token(app: &TestApp, from: &str, body: &Value) -> Answer {
    app.send(app.request(None, "POST", "/auth/token").peer_addr(at(from)).set_json(body))
}

fn wrong(app: &TestApp, from: &str, email: &str) -> Answer {
    try_token(app, from, &json!({"email": email, "password": WRONG}))
}

/// A login in a browser that may bring cookies, as `name=value`.
fn browser(
    app: &TestApp,
    from: &str,
    cookies: &str,
    email: &str,
    password: &str,
) -> actix_web::test::TestRequest {
    let request = app.visit(None, "POST", "/login", &[("email", email), ("password", password)]);
    request.insert_header(("Cookie", cookies)).peer_addr(at(from))
}

fn enter(app: &TestApp, from: &str, cookies: &str, email: &str, password: &str) -> Answer {
    app.send(browser(app, from, cookies, email, password))
}

/// A cookie that an answer gives, as a browser brings it back; with its attributes.
fn cookie(answer: &Answer, name: &str) -> Option<(String, String)> {
    let all = answer.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"));
    all.filter_map(|(_, value)| value.split_once(';'))
        .find(|(pair, _)| pair.starts_with(&format!("{name}=")))
        .map(|(pair, flags)| (pair.to_owned(), flags.to_owned()))
}

/// The cookie of a browser from which the person has signed in.
fn known(app: &TestApp, email: &str) -> String {
    let entered = enter(app, ELSEWHERE, "", email, PASSWORD);
    assert_eq!(entered.status, 303, "{}", entered.body);
    cookie(&entered, "__Host-itaku-device").unwrap().0
}

fn waits(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 429, "{}", answer.body);
    answer.header("retry-after").unwrap().parse().unwrap()
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

both! {
    fn a_thousand_wrong_passwords_by_a_stranger_keep_nobody_out(app: TestApp) {
        let who = member(app, "K1", "taro@example.jp");
        let device = known(app, &who.email);
        app.expect_every_notice();
        let mut tried = 0;
        let mut answers = Vec::new();
        while answers.len() < 1000 {
            let answer = wrong(app, STRANGER, &who.email);
            // The small delays are waited for; the block is knocked at.
            if answer.status == 429 && tried < 10 {
                app.pass(Duration::seconds(waits(&answer)));
            } else {
                tried += usize::from(answer.status == 401);
                answers.push(answer);
            }
        }
        assert_eq!((count(&answers, 401), count(&answers, 429)), (10, 990), "what is refused is not a guess");
        assert_eq!(enter(app, STRANGER, &device, &who.email, PASSWORD).status, 303, "the known browser at once, wherever it is");
        let new = enter(app, ELSEWHERE, "", &who.email, PASSWORD);
        let left = waits(&new);
        assert!((1..=901).contains(&left), "refused attempts don't lengthen the block: {left}");
        app.pass(Duration::seconds(left));
        assert_eq!(enter(app, ELSEWHERE, "", &who.email, PASSWORD).status, 303, "a new one within 15 minutes");
        let told = app.notice();
        assert_eq!((told.kind.as_str(), &told.address), ("login_failures", &who.email));
        assert!(!told.context.to_string().contains("token="), "no link in it logs anyone in");
    }

    fn one_strangers_address_does_not_take_the_whole_window(app: TestApp) {
        let who = member(app, "K2", "taro@example.jp");
        let fill = |from: &str| {
            let mut tried = 0;
            loop {
                let answer = wrong(app, from, &who.email);
                if answer.status == 401 {
                    tried += 1;
                } else if waits(&answer) > 200 {
                    return tried;
                } else {
                    app.pass(Duration::seconds(waits(&answer)));
                }
            }
        };
        assert_eq!(fill(STRANGER), 10);
        for window in 0..3 {
            app.pass(Duration::minutes(15));
            assert_eq!(fill(STRANGER), 5, "{window}: a share");
            app.pass(Duration::seconds(10));
            let new = enter(app, ELSEWHERE, "", &who.email, PASSWORD);
            assert_eq!(new.status, 303, "{window}: another's tries are left: {}", new.body);
        }
    }

    fn a_thousand_resets_by_a_stranger_leave_the_person_theirs(app: TestApp) {
        let who = member(app, "K3", "taro@example.jp");
        app.expect_every_notice();
        let ask = |from: &str| app.request(None, "POST", "/auth/password-reset").peer_addr(at(from)).set_json(json!({"email": who.email}));
        let confirm = |token: &str| app.anyone("/auth/password-reset/confirm", json!({"token": token, "password": WRONG}));
        let mut strangers = Vec::new();
        for _ in 0..10 {
            strangers.extend(app.send_at_once((0..100).map(|n| ask(&format!("203.0.113.{n}"))).collect()));
        }
        assert_eq!(count(&strangers, 200), 1000);
        let first = app.notice();
        assert_eq!((first.kind.as_str(), &first.address), ("password_reset", &who.email));
        app.pass(Duration::minutes(15));
        app.send(ask(ELSEWHERE)).must(200);
        let own = app.notice();
        // A stranger's next does not take it away.
        app.pass(Duration::minutes(15));
        app.send(ask(STRANGER)).must(200);
        app.notice();
        confirm(&own.token()).must(200);
        assert_eq!(app.notice().kind, "account_changed");
        confirm(&first.token()).must(422);
    }

    fn the_mails_page_makes_a_browser_known(app: TestApp) {
        let who = member(app, "K4", "taro@example.jp");
        app.anyone("/auth/password-reset", json!({"email": who.email})).must(200);
        let token = app.notice().token();
        let form = [("token", token.as_str()), ("password", WRONG), ("again", WRONG)];
        let set = app.send(app.visit(None, "POST", "/password-reset/confirm", &form));
        assert_eq!(set.status, 200, "{}", set.body);
        let (device, flags) = cookie(&set, "__Host-itaku-device").unwrap();
        for flag in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=34560000"] {
            assert!(flags.contains(flag), "{flags}");
        }
        for _ in 0..10 {
            let answer = try_token(app, STRANGER, &json!({"email": who.email, "password": PASSWORD}));
            if answer.status == 429 {
                app.pass(Duration::seconds(waits(&answer)));
            }
        }
        assert_eq!(enter(app, STRANGER, &device, &who.email, WRONG).status, 303);
    }

    fn a_device_is_known_to_its_account_alone_and_has_a_count_of_its_own(app: TestApp) {
        let (who, other) = (member(app, "K5", "taro@example.jp"), member(app, "K6", "hana@example.jp"));
        let device = known(app, &who.email);
        let fail = |cookies: &str, email: &str| enter(app, ELSEWHERE, cookies, email, WRONG).status;
        assert_eq!((0..5).map(|_| fail(&device, &who.email)).collect::<Vec<_>>(), [401; 5]);
        assert_eq!(fail(&device, &who.email), 429, "it is delayed as anyone");
        assert_eq!(enter(app, ELSEWHERE, "", &who.email, PASSWORD).status, 303, "but delays nobody else");
        // What no account has given is worth nothing, and is not taken over.
        let planted = enter(app, ELSEWHERE, "__Host-itaku-device=planted", &other.email, PASSWORD);
        assert!(!cookie(&planted, "__Host-itaku-device").unwrap().0.contains("planted"));
        // Of an account it has not signed in to, it is a stranger.
        for _ in 0..5 {
            fail("", &other.email);
        }
        assert_eq!(enter(app, ELSEWHERE, &device, &other.email, PASSWORD).status, 429);
        app.pass(Duration::minutes(15));
        let shared = enter(app, ELSEWHERE, &device, &other.email, PASSWORD);
        assert_eq!(cookie(&shared, "__Host-itaku-device").unwrap().0, device, "one machine, two people");
    }

    fn a_program_that_shows_an_earlier_refresh_token_is_no_stranger(app: TestApp) {
        let who = member(app, "K7", "taro@example.jp");
        let right = json!({"email": who.email, "password": PASSWORD});
        let earlier = try_token(app, ELSEWHERE, &right).must(200)["refresh_token"].clone();
        for _ in 0..5 {
            wrong(app, STRANGER, &who.email);
        }
        try_token(app, ELSEWHERE, &right).must(429);
        let mut shown = right.clone();
        shown["device_token"] = earlier;
        try_token(app, ELSEWHERE, &shown).must(200);
        shown["device_token"] = json!("never issued");
        try_token(app, ELSEWHERE, &shown).must(429);
    }

    fn right_logins_behind_a_noisy_address_succeed(app: TestApp) {
        let people: Vec<Person> = (0..6).map(|n| member(app, &format!("N{n}"), &format!("n{n}@example.jp"))).collect();
        let devices: Vec<String> = people.iter().map(|who| known(app, &who.email)).collect();
        let noise = || {
            let body = json!({"email": people[0].email, "password": WRONG});
            app.request(None, "POST", "/auth/token").peer_addr(at(STRANGER)).set_json(body)
        };
        for _ in 0..5 {
            app.send(noise()).must(401);
        }
        let mut answers = Vec::new();
        for n in 0..10 {
            let mut requests: Vec<_> = (0..100).map(|_| noise()).collect();
            for (who, device) in people.iter().zip(&devices) {
                requests.insert(n * 7, browser(app, STRANGER, device, &who.email, PASSWORD));
            }
            answers.extend(app.send_at_once(requests));
        }
        assert_eq!((count(&answers, 303), count(&answers, 429)), (60, 1000), "every right one of a known browser, and no other");
        app.pass(Duration::minutes(15));
        // A new browser behind the same address gets its turn.
        let came_in = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            enter(app, STRANGER, "", &people[0].email, PASSWORD).status == 303
        });
        assert!(came_in);
        let page = app.send(app.visit(None, "GET", "/login", &[]).peer_addr(at(STRANGER)));
        assert_eq!(page.status, 200, "reading is never limited by address");
    }

    fn what_strangers_do_does_not_keep_a_person_from_changing_the_password(app: TestApp) {
        let who = member(app, "K8", "taro@example.jp");
        let token = try_token(app, ELSEWHERE, &json!({"email": who.email, "password": PASSWORD})).must(200)["access_token"].clone();
        let who = Person { token: token.as_str().unwrap().to_owned(), ..who };
        for _ in 0..5 {
            wrong(app, STRANGER, &who.email);
        }
        wrong(app, STRANGER, &who.email).must(429);
        app.post(&who, "/me/password", json!({"current": PASSWORD, "new": WRONG})).must(200);
    }

    fn an_administrator_lifts_a_block(app: TestApp) {
        let who = member(app, "K9", "taro@example.jp");
        let (admin, foreign) = (app.person(who.organization, &[Role::AgencyAdmin]), app.person(app.agency("K10"), &[Role::AgencyAdmin]));
        let block = || {
            for _ in 0..5 {
                wrong(app, STRANGER, &who.email).must(401);
            }
            assert_eq!(enter(app, ELSEWHERE, "", &who.email, PASSWORD).status, 429);
        };
        let path = format!("/users/{}/unblock", who.id);
        block();
        app.post(&foreign, &path, json!({})).must(404);
        app.post(&admin, &path, json!({})).must(200);
        assert_eq!(enter(app, ELSEWHERE, "", &who.email, PASSWORD).status, 303);
        assert!(app.entries(who.id.as_str()).iter().any(|(action, _)| action == "user.unblocked"));
        block();
        let tab = app.tab(&admin);
        let shown = tab.open(&format!("/users/{}", who.id));
        assert!(shown.body.as_str().unwrap().contains("ログインの制限を解除する"), "{}", shown.body);
        assert_eq!(tab.submit(&path, &[]).header("location").unwrap(), format!("/users/{}?done=unblocked", who.id));
        assert_eq!(enter(app, ELSEWHERE, "", &who.email, PASSWORD).status, 303);
        assert!(!tab.open(&format!("/users/{}", who.id)).body.as_str().unwrap().contains("制限を解除する"));
        app.post(&app.admin(), &path, json!({})).must(200);
    }

    fn a_login_ends_the_session_that_the_browser_had(app: TestApp) {
        let (who, other) = (member(app, "K11", "taro@example.jp"), member(app, "K12", "hana@example.jp"));
        let session = |answer: &Answer| cookie(answer, "__Host-itaku").unwrap().0;
        let is_in = |cookies: &str| app.send(app.visit(None, "GET", "/account", &[]).insert_header(("Cookie", cookies))).status == 200;
        let first = session(&enter(app, ELSEWHERE, "", &who.email, PASSWORD));
        let elsewhere = session(&enter(app, ELSEWHERE, "", &who.email, PASSWORD));
        enter(app, ELSEWHERE, &first, &who.email, WRONG);
        assert!(is_in(&first), "one that fails ends nothing");
        let second = session(&enter(app, ELSEWHERE, &first, &who.email, PASSWORD));
        assert!(!is_in(&first) && is_in(&second) && is_in(&elsewhere));
        let third = session(&enter(app, ELSEWHERE, &second, &other.email, PASSWORD));
        assert!(!is_in(&second) && is_in(&third) && is_in(&elsewhere), "another person's too");
    }

    fn an_administrator_ends_the_sessions_of_their_people(app: TestApp) {
        let agency = app.agency("K13");
        let (admin, who) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        let foreign = app.person(app.agency("K14"), &[Role::AgencyAdmin]);
        let path = |rest: &str| format!("/users/{}/{rest}", who.id);
        app.expect_every_notice();
        for stranger in [&foreign, &app.person(app.vendor("架空データ株式会社"), &[Role::VendorAdmin])] {
            app.get(stranger, &path("sessions")).must(404);
            app.post(stranger, &path("sessions/end"), json!({})).must(404);
        }
        let listed = app.get(&admin, &path("sessions")).must(200);
        assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["current"]), (1, &json!(false)));
        app.post(&admin, &path("sessions/end"), json!({})).must(200);
        app.get(&who, "/me").must(401);
        assert_eq!(app.get(&admin, &path("sessions")).must(200)["items"], json!([]));
        let told = app.notice();
        assert_eq!((told.kind.as_str(), &told.address, &told.context["what"]), ("account_changed", &who.email, &json!("sessions_ended")));
        assert_eq!(app.post(&admin, &format!("/users/{}/sessions/end", admin.id), json!({})).problem(409), "own_account");
        let again = app.log_in(&who);
        let tab = app.tab(&admin);
        assert_eq!(tab.submit(&path("sessions/end"), &[]).header("location").unwrap(), format!("/users/{}?done=sessions_ended", who.id));
        app.get(&again, "/me").must(401);
        app.notice();
    }

    fn invitations_have_a_ceiling(app: TestApp) {
        let agency = app.agency("K15");
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        let new = |n: usize| app.post(&admin, "/users", json!({"email": format!("shin{n}@example.jp"), "name": "架空 新人", "organization_id": agency, "roles": ["officer"]}));
        let path = format!("/users/{}/invitation", id::<itaku::domain::id::of::User>(&new(0).must(201)));
        for _ in 0..4 {
            app.post(&admin, &path, json!({})).must(200);
        }
        assert_eq!(app.post(&admin, &path, json!({})).problem(409), "too_many_invitations");
        for n in 1..46 {
            new(n).must(201);
        }
        assert_eq!(new(46).problem(409), "too_many_invitations", "50 by one person");
        assert_eq!(app.notices().len(), 50);
        app.pass(Duration::hours(24) + Duration::minutes(1));
        app.post(&app.log_in(&admin), &path, json!({})).must(200);
    }

    fn three_hundred_declarations_make_at_most_ten_mails_a_person(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let mut sent: BTreeMap<String, usize> = BTreeMap::new();
        // The officer hears of what is new at once.
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None)]);
        let b = crate::stage::text(&k.chain("")["root"]["children"][0], "engagement_id");
        for _ in 1..300 {
            k.declare(&s.a, &[used(&b, "2026-04-01", None)]);
        }
        let written = app.notices();
        let deliver = |sent: &mut BTreeMap<String, usize>| {
            let counted = std::cell::RefCell::new(std::mem::take(sent));
            deliver_by(&app.app, &|message| {
                let bytes = message.bytes();
                let mail = mailparse::parse_mail(&bytes).unwrap();
                let to = mailparse::MailHeaderMap::get_first_value(&mail.headers[..], "To").unwrap();
                *counted.borrow_mut().entry(to).or_default() += 1;
                Ok(())
            }).unwrap();
            *sent = counted.into_inner();
        };
        deliver(&mut sent);
        assert!(app.notices().is_empty(), "what is held back waits for more");
        app.pass(Duration::minutes(1));
        deliver(&mut sent);
        assert!(!sent.is_empty() && sent.values().all(|mails| *mails <= 10), "{sent:?}");
        // Nothing is lost: every receipt has gone out by itself or has its line.
        let receipts = written.iter().filter(|notice| notice.kind == "declaration_receipt").count();
        assert!(receipts >= 300, "{receipts}");
        assert_eq!(in_state(app, "held"), 0);
        let lines: usize = app.notices().iter().map(|notice| {
            let Mail::Collected(mail) = Mail::parse(NoticeKind::parse(&notice.kind).unwrap(), &notice.context).unwrap() else { panic!("{notice:?}") };
            mail.items.iter().filter(|item: &&context::CollectedItem| item.link.starts_with('/') || item.link.starts_with("http")).count()
        }).sum();
        let singly = in_state(app, "sent") - collected(app);
        assert_eq!(lines + singly + in_state(app, "digest"), written.len(), "{sent:?}");
    }
}

/// How many rows of the outbox are in a state.
fn in_state(app: &TestApp, state: &str) -> usize {
    use diesel::prelude::*;
    use itaku::db::schema::notices;
    let rows = |conn: &mut itaku::db::Conn| {
        Ok::<i64, itaku::db::DbError>(
            notices::table.filter(notices::state.eq(state)).count().get_result(conn)?,
        )
    };
    usize::try_from(app.app.db.read_one(rows).unwrap()).unwrap()
}

/// How many mails told of others.
fn collected(app: &TestApp) -> usize {
    use diesel::prelude::*;
    use itaku::db::schema::notices;
    let told = |conn: &mut itaku::db::Conn| {
        Ok::<i64, itaku::db::DbError>(
            notices::table.filter(notices::kind.eq("collected")).count().get_result(conn)?,
        )
    };
    usize::try_from(app.app.db.read_one(told).unwrap()).unwrap()
}
