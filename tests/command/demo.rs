//! The demonstration as a whole: its logins, clock, mail, and what it leaves behind.

use std::path::Path;

use serde_json::{Value, json};

use super::house::{Demo, agent, itaku, on, status};

#[test]
fn openapi_is_what_the_server_serves() {
    let printed: Value =
        serde_json::from_slice(&itaku(&["openapi", "--demo"]).output().unwrap().stdout).unwrap();
    let demo = Demo::start(&["--empty"]);
    let served: Value = demo.get("/api/v1/openapi.json").body_mut().read_json().unwrap();
    assert_eq!(printed, served);
    let plain: Value = serde_json::from_slice(&itaku(&["openapi"]).output().unwrap().stdout).unwrap();
    assert!(plain["paths"]["/api/v1/demo/clock"].is_null(), "elsewhere the path does not exist");
}

#[test]
fn the_demonstration_is_ready_tells_its_logins_and_leaves_nothing() {
    let mut demo = Demo::start(&[]);
    let roles: Vec<_> =
        demo.info["logins"].as_array().unwrap().iter().map(|l| l["role"].as_str().unwrap()).collect();
    assert_eq!(
        roles,
        [
            "officer",
            "approver",
            "auditor",
            "agency_admin",
            "vendor_user",
            "vendor_admin",
            "overseer",
            "system_admin"
        ]
    );
    for role in roles {
        assert!(!demo.token(role).is_empty(), "{role}");
    }
    let mail = demo.info["mail_dir"].as_str().unwrap().to_owned();
    assert!(std::fs::read_dir(&mail).unwrap().count() > 0, "the story has told people something");

    let admin = demo.token("system_admin");
    let to = |day: &str| demo.post(&admin, "/demo/clock", &json!({"today": day}));
    let (earlier, problem) = to("2026-03-31");
    assert_eq!((earlier, &problem["errors"][0]["pointer"]), (422, &json!("/today")));
    let (moved, done) = to("2026-04-20");
    assert_eq!((moved, &done["today"]), (200, &json!("2026-04-20")));
    assert!(done["sweep"]["failed"] == 0 && done["delivered"]["sent"].as_i64() > Some(0), "{done}");
    let before = std::fs::read_dir(&mail).unwrap().count();
    assert_eq!(to("2026-04-20").1["delivered"]["sent"], 0, "the same day again sends nothing new");
    assert_eq!(std::fs::read_dir(&mail).unwrap().count(), before);
    let keyed = || {
        let request = agent().post(demo.url("/api/v1/demo/clock")).header("Idempotency-Key", "once");
        let request = request.header("Authorization", format!("Bearer {admin}"));
        request.send_json(json!({"today": "2026-05-20"})).unwrap().body_mut().read_json::<Value>().unwrap()
    };
    let once = keyed();
    assert!(once["sweep"]["checked"].as_i64() > Some(0), "{once}");
    assert_eq!(keyed(), once);
    assert_eq!(demo.post(&demo.token("officer"), "/demo/clock", &json!({"today": "2026-05-01"})).0, 403);

    assert_eq!(demo.stop("-INT"), 0);
    assert!(!Path::new(&mail).parent().unwrap().exists());
}

/// The tokens in the mails of a folder, once there are so many.
fn mailed_tokens(folder: &str, many: usize) -> Vec<String> {
    let begun = std::time::Instant::now();
    loop {
        let mut tokens = Vec::new();
        // A letter still being written has another name (`.part`); it may be empty, or renamed before it is read.
        let letters = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for letter in letters.filter(|path| path.extension().is_some_and(|it| it == "eml")) {
            let bytes = std::fs::read(letter).unwrap();
            let mail = mailparse::parse_mail(&bytes).unwrap();
            let text = mail.subparts[0].get_body().unwrap();
            let token = text.split_once("?token=").map(|(_, rest)| rest.split_whitespace().next().unwrap());
            tokens.extend(token.map(str::to_owned));
        }
        if tokens.len() >= many {
            return tokens;
        }
        assert!(begun.elapsed().as_secs() < 30, "{tokens:?}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_mailed_token_stands_in_no_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut demo = Demo::start_with(&["--empty"], |it| it.env("RUST_LOG", "itaku=trace,info").stderr(file));
    let mail = demo.info["mail_dir"].as_str().unwrap().to_owned();
    let admin = demo.token("system_admin");
    let me = agent().get(demo.url("/api/v1/me")).header("Authorization", format!("Bearer {admin}"));
    let me: Value = me.call().unwrap().body_mut().read_json().unwrap();
    let body = json!({"email": "shinki@example.jp", "name": "新規 一郎", "organization_id": me["organization"]["id"], "roles": ["overseer"]});
    assert_eq!(demo.post(&admin, "/users", &body).0, 201);
    let mut told = mailed_tokens(&mail, 1);
    demo.get(&format!("/invitation?token={}", told[0]));
    let set = |path: &str, token: &str, password: &str| {
        demo.post("", path, &json!({"token": token, "password": password})).0
    };
    assert_eq!(set("/auth/invitation/accept", &told[0], "short"), 422);
    assert_eq!(set("/auth/invitation/accept", &told[0], "架空の合言葉はこれです。"), 200);
    assert_eq!(demo.post("", "/auth/password-reset", &json!({"email": "shinki@example.jp"})).0, 200);
    told = mailed_tokens(&mail, 2);
    for token in &told {
        demo.get(&format!("/password-reset?token={token}"));
        set("/auth/password-reset/confirm", token, "架空の合言葉はあれです。");
    }
    assert_eq!(demo.stop("-TERM"), 0);
    let log = std::fs::read_to_string(&log).unwrap();
    for event in
        ["invitation_sent", "invitation_accepted", "password_reset_requested", "password_reset_confirmed"]
    {
        assert!(log.contains(event), "{event}");
    }
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|token| token.len() > 20 && !log.contains(token.as_str())));
}

#[test]
fn a_given_database_stays_and_one_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.db");
    let url = format!("sqlite:{}", file.display());
    let mut demo = Demo::start(&["--empty", "--database", &url]);
    assert_eq!(demo.stop("-TERM"), 0);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["demo.db"], "checkpointed into one file");
    let before = std::fs::read(&file).unwrap();
    let refused = itaku(&["demo", "--listen", "127.0.0.1:0", "--database", &url]).output().unwrap();
    assert_eq!(status(&refused), 1);
    assert_eq!(status(&on(&file, &["verify"])), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "verify leaves nothing");
    assert!(std::fs::read(&file).unwrap() == before, "neither touches it");
}

#[test]
fn a_strict_demonstration_lets_nobody_decide_alone_and_everyone_in() {
    let demo = Demo::start(&["--strict"]);
    for login in demo.info["logins"].as_array().unwrap() {
        let role = login["role"].as_str().unwrap();
        let token = demo.token(role);
        let all =
            agent().get(demo.url("/api/v1/overview")).header("Authorization", format!("Bearer {token}"));
        let seen: Value = all.call().unwrap().body_mut().read_json().unwrap();
        assert_ne!(seen["type"], "urn:itaku:problem:password_change_required", "{role}: {seen}");
    }
    let (admin, operator) = (demo.token_with_factor("agency_admin"), demo.token_with_factor("system_admin"));
    let get = |token: &str, path: &str| {
        let request = agent().get(demo.url(&format!("/api/v1{path}")));
        let mut answer = request.header("Authorization", format!("Bearer {token}")).call().unwrap();
        answer.body_mut().read_json::<Value>().unwrap()
    };
    let agency = get(&admin, "/me")["organization"]["id"].clone();
    let mut body = json!({"email": "shinki@example.jp", "name": "新規 一郎", "organization_id": agency, "roles": ["officer", "approver"], "password": "架空の合言葉はこれです。"});
    let (refused, problem) = demo.post(&admin, "/users", &body);
    assert_eq!((refused, &problem["errors"][0]["pointer"]), (422, &json!("/password")), "{problem}");
    body.as_object_mut().unwrap().remove("password");
    let (made, person) = demo.post(&admin, "/users", &body);
    assert_eq!((made, &person["roles"]), (201, &json!(["officer"])), "{person}");
    assert!(
        person["pending"][0]["takes_effect_on"].is_string(),
        "the agency has one administrator: {person}"
    );
    let change = format!("/pending-changes/{}", person["pending"][0]["id"].as_str().unwrap());
    assert_eq!(demo.post(&admin, &format!("{change}/approve"), &json!({})).0, 409);
    assert_eq!(get(&operator, "/pending-changes")["items"].as_array().unwrap().len(), 1);
    let (approved, done) = demo.post(&operator, &format!("{change}/approve"), &json!({}));
    assert_eq!((approved, &done["state"]), (200, &json!("in_force")), "{done}");
    let path = format!("/users/{}", person["id"].as_str().unwrap());
    assert_eq!(get(&admin, &path)["roles"], json!(["officer", "approver"]));
    // Another waits out its day.
    body["email"] = json!("tsugi@example.jp");
    let (_, person) = demo.post(&admin, "/users", &body);
    let to = |day: &str| demo.post(&operator, "/demo/clock", &json!({"today": day})).0;
    assert_eq!(to("2026-04-03"), 200);
    let path = format!("/users/{}", person["id"].as_str().unwrap());
    assert_eq!(get(&admin, &path)["roles"], json!(["officer", "approver"]));
}

#[test]
fn a_demonstration_that_is_not_strict_makes_people_as_before() {
    let demo = Demo::start(&[]);
    let admin = demo.token("agency_admin");
    let me = agent().get(demo.url("/api/v1/me")).header("Authorization", format!("Bearer {admin}"));
    let me: Value = me.call().unwrap().body_mut().read_json().unwrap();
    let body = json!({"email": "shinki@example.jp", "name": "新規 一郎", "organization_id": me["organization"]["id"], "roles": ["approver"], "password": "架空の合言葉はこれです。"});
    let (made, person) = demo.post(&admin, "/users", &body);
    assert_eq!((made, &person["roles"], &person["pending"]), (201, &json!(["approver"]), &Value::Null));
    let entered = demo
        .post(
            "",
            "/auth/token",
            &json!({"email": "shinki@example.jp", "password": "架空の合言葉はこれです。"}),
        )
        .1;
    let token = entered["access_token"].as_str().unwrap();
    let mine = agent().get(demo.url("/api/v1/overview")).header("Authorization", format!("Bearer {token}"));
    assert_eq!(mine.call().unwrap().status().as_u16(), 200);
}
