//! The command as its users call it: exit status, stdout and stderr, the demonstration as a whole, its pages, and
//! a ledger that was tampered with.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "command/story.rs"]
mod story;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery 42";

fn itaku(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_itaku"));
    command.args(arguments).env_clear().env("RUST_LOG", "warn");
    command
}

fn on(database: &Path, arguments: &[&str]) -> Output {
    itaku(arguments)
        .env("ITAKU__DATABASE__URL", format!("sqlite:{}", database.display()))
        .env("ITAKU__MAIL__URL", format!("file:{}", database.with_extension("mail").display()))
        .output()
        .unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running demonstration, ended with the test.
struct Demo {
    child: Child,
    info: Value,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Demo {
    fn start(more: &[&str]) -> Self {
        Self::start_with(more, |command| command.stderr(Stdio::null()))
    }

    fn start_on(today: &str, more: &[&str]) -> Self {
        Self::start_as(today, more, |command| command.stderr(Stdio::null()))
    }

    fn start_with(more: &[&str], set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        Self::start_as("2026-04-01", more, set)
    }

    fn start_as(today: &str, more: &[&str], set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut arguments = vec!["demo", "--json", "--listen", "127.0.0.1:0", "--today", today];
        arguments.extend(more);
        let mut child = set(itaku(&arguments).stdout(Stdio::piped())).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, info: serde_json::from_str(&line).unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.info["url"].as_str().unwrap())
    }

    fn get(&self, path: &str) -> ureq::http::Response<ureq::Body> {
        agent().get(self.url(path)).call().unwrap()
    }

    fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = agent().post(self.url(&format!("/api/v1{path}")));
        let mut answer = request.header("Authorization", format!("Bearer {token}")).send_json(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or_default())
    }

    fn token(&self, role: &str) -> String {
        let login =
            self.info["logins"].as_array().unwrap().iter().find(|login| login["role"] == role).unwrap();
        let body = json!({"email": login["email"], "password": login["password"]});
        self.post("", "/auth/token", &body).1["access_token"].as_str().unwrap().to_owned()
    }

    /// Ends it as an operator would; the exit status.
    fn stop(&mut self, signal: &str) -> i32 {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn header<'a>(answer: &'a ureq::http::Response<ureq::Body>, name: &str) -> &'a str {
    answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[test]
fn a_wrong_call_is_2_and_help_is_0() {
    for arguments in [
        &["nonsense"][..],
        &[],
        &["export", "contracts"],
        &["import", "contracts", "x.csv"],
        &["admin", "create-user"],
    ] {
        assert_eq!(status(&itaku(arguments).output().unwrap()), 2, "{arguments:?}");
    }
    for command in
        ["demo", "serve", "migrate", "admin", "import", "export", "sweep", "deliver", "verify", "openapi"]
    {
        let help = itaku(&[command, "--help"]).output().unwrap();
        assert_eq!((status(&help), help.stderr.len()), (0, 0), "{command}");
    }
    let help = String::from_utf8(itaku(&["--help"]).output().unwrap().stdout).unwrap();
    assert!(!help.contains("backup") && !help.contains("restore"), "{help}");
}

#[test]
fn a_template_is_printed_without_a_file_or_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let printed = |what: &str, more: &[&str]| {
        let arguments = [&["import", what, "--template"], more].concat();
        itaku(&arguments).current_dir(folder.path()).output().unwrap()
    };
    for what in ["contracts", "consents"] {
        let output = printed(what, &[]);
        assert_eq!((status(&output), words(&output)), (0, String::new()), "{what}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("\u{feff}契約番号,") && text.ends_with("\r\n"), "{text}");
        for extra in ["x.csv", "--json", "--dry-run"] {
            assert_eq!(status(&printed(what, &[extra])), 2, "{what} {extra}");
        }
        for missing in [&["import", what][..], &["import", what, "x.csv"], &["import", what, "--agency", "A"]]
        {
            let output = itaku(missing).output().unwrap();
            assert!(status(&output) == 2 && words(&output).contains("--"), "{missing:?}: {}", words(&output));
        }
        let help = String::from_utf8(itaku(&["import", what, "--help"]).output().unwrap().stdout).unwrap();
        assert!(help.contains("--template") && help.contains("雛形"), "{help}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made by the way");
    // What is printed is what is read; the example row is refused as long as it is left in.
    let (contracts, consents) = (printed("contracts", &[]).stdout, printed("consents", &[]).stdout);
    let today = chrono::NaiveDate::from_ymd_opt(2026, 4, 1).unwrap();
    let left_in = itaku::exchange::contracts::read(&contracts, today).unwrap();
    assert_eq!((left_in.taken().count(), left_in.bad().count()), (0, 1));
    let filled_in = String::from_utf8(contracts).unwrap().replace("記入例", "R8-1");
    let read = itaku::exchange::contracts::read(filled_in.as_bytes(), today).unwrap();
    assert_eq!((read.taken().count(), read.bad().count()), (1, 0));
    let empty = itaku::exchange::consents::read(&consents).unwrap();
    assert_eq!((empty.rows.len(), empty.bad.len()), (0, 0));
}

#[test]
fn settings_that_are_unknown_or_bad_are_named() {
    for (key, value, named) in [
        ("ITAKU__SERVER__LISTENN", "x", "listenn"),
        ("ITAKU__SCHEDULER__SWEEP_AT", "25:00", "sweep_at"),
        ("ITAKU__AUTH__SECRET", "short", "ITAKU__AUTH__SECRET"),
        ("ITAKU__SERVER__LISTEN", "8080", "ITAKU__SERVER__LISTEN): \"8080\": HOST:PORT の形"),
        ("ITAKU__DATABASE__URL", "itaku.db", "例 sqlite:/var/lib/itaku/itaku.db"),
    ] {
        let output = itaku(&["serve"]).env(key, value).output().unwrap();
        assert_eq!(status(&output), 2, "{key}");
        assert!(words(&output).contains(named), "{}", words(&output));
    }
    let secret = "0123456789012345678901234567890123";
    let no_key = itaku(&["serve"]).env("ITAKU__AUTH__SECRET", secret).output().unwrap();
    assert!(words(&no_key).contains("ITAKU__LEDGER__SIGNING_KEY") && !words(&no_key).contains(secret));
    assert!(words(&no_key).contains("ITAKU__MAIL__URL"), "all at once: {}", words(&no_key));
    for (arguments, named) in [
        (&["demo", "--listen", "localhost"][..], "HOST:PORT の形で指定してください（例 127.0.0.1:8080）"),
        (&["demo", "--database", "demo.db"], "--database: sqlite:PATH"),
        (&["demo", "--today", "2026/11/10"], "YYYY-MM-DD の形で指定してください（例 2026-11-10）"),
        (&["sweep", "--date", "today"], "YYYY-MM-DD"),
        (&["export", "alerts", "--format", "csv", "--as-of", "x"], "YYYY-MM-DD"),
    ] {
        let output = itaku(arguments).output().unwrap();
        assert!(status(&output) == 2 && words(&output).contains(named), "{arguments:?}: {}", words(&output));
    }
    for (url, from, named) in [
        ("", "itaku@example.jp", "ITAKU__MAIL__URL"),
        ("smtp://itaku:secret@mail.example.jp", "itaku@example.jp", "ITAKU__MAIL__URL"),
        ("smtp://mail.example.jp", "no address", "ITAKU__MAIL__FROM"),
    ] {
        let output = itaku(&["serve"])
            .env("ITAKU__AUTH__SECRET", secret)
            .env("ITAKU__LEDGER__SIGNING_KEY", "5a".repeat(32))
            .env("ITAKU__MAIL__URL", url)
            .env("ITAKU__MAIL__FROM", from)
            .output()
            .unwrap();
        assert_eq!(status(&output), 2, "{url}");
        assert!(words(&output).contains(named) && !words(&output).contains("secret@"), "{}", words(&output));
    }
}

#[test]
fn what_is_not_there_or_taken_is_named_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("itaku.db");
    let said = |arguments: &[&str], file: &Path| {
        let output = on(file, arguments);
        assert_eq!(status(&output), 1, "{arguments:?}");
        words(&output)
    };
    for arguments in [&["verify"][..], &["export", "alerts", "--format", "csv"], &["sweep"]] {
        let why = said(arguments, &file);
        assert!(why.contains(file.to_str().unwrap()) && why.contains("--config FILE"), "{why}");
        assert_eq!(why.contains("itaku migrate"), arguments == ["sweep"], "{why}");
    }
    let nowhere = folder.path().join("none").join("itaku.db");
    assert!(said(&["migrate"], &nowhere).contains(nowhere.to_str().unwrap()));
    // A copy without its log, and a file of another kind.
    for content in [&b""[..], &[b'x'; 4096]] {
        std::fs::write(&file, content).unwrap();
        assert!(said(&["verify"], &file).contains("itaku の表がありません"));
    }
    let made = folder.path().join("made.db");
    for command in ["migrate", "verify"] {
        let done = on(&made, &[command]);
        assert!(status(&done) == 0 && words(&done).contains(made.to_str().unwrap()), "{}", words(&done));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let why = said(&["demo", "--empty", "--listen", &address], &made);
    assert!(why.contains("使用中です。--listen 127.0.0.1:0"), "{why}");
}

#[test]
fn an_environment_that_is_no_text_is_passed_by_or_named() {
    let no_text = OsStr::from_bytes(b"\xff\xfe");
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("itaku.db").display());
    let migrate = || {
        let mut command = itaku(&["migrate"]);
        command.env("ITAKU__DATABASE__URL", &url).env("SOMEONE_ELSES", no_text);
        command
    };
    assert_eq!(status(&migrate().output().unwrap()), 0);
    let ours = migrate().env("ITAKU__AUTH__SECRET", no_text).output().unwrap();
    assert_eq!(status(&ours), 2);
    assert!(words(&ours).contains("ITAKU__AUTH__SECRET"), "{}", words(&ours));
}

#[test]
fn migrate_create_a_user_sweep_deliver_export() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("itaku.db");
    let early = on(&file, &["sweep"]);
    assert_eq!(status(&early), 1);
    assert!(words(&early).contains("itaku migrate") && !file.exists(), "nothing is made by the way");

    let migrated = on(&file, &["migrate", "--json"]);
    assert!(String::from_utf8(migrated.stdout).unwrap().contains("0001"));
    let again = on(&file, &["migrate", "--json"]);
    assert_eq!(String::from_utf8(again.stdout).unwrap().trim(), r#"{"applied":[]}"#);

    let create = |role: &str, password: &str| {
        let mut child =
            itaku(&["admin", "create-user", "--email", "a@example.jp", "--name", "架空", "--role", role])
                .env("ITAKU__DATABASE__URL", format!("sqlite:{}", file.display()))
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
        // It may end before it reads.
        child.stdin.take().unwrap().write_all(password.as_bytes()).ok();
        child.wait_with_output().unwrap()
    };
    assert_eq!(status(&create("officer", PASSWORD)), 2, "an agency's people are not made here");
    assert_eq!(status(&create("system_admin", "")), 2);
    assert_eq!(status(&create("system_admin", "short\n")), 1);
    assert_eq!(status(&create("system_admin", &format!("{PASSWORD}\n"))), 0);
    let twice = create("system_admin", &format!("{PASSWORD}\n"));
    assert_eq!(status(&twice), 1);
    assert!(!words(&twice).contains(PASSWORD));

    let swept: Value =
        serde_json::from_slice(&on(&file, &["sweep", "--date", "2026-04-01", "--json"]).stdout).unwrap();
    assert_eq!((&swept["day"], &swept["failed"]), (&json!("2026-04-01"), &json!(0)));
    assert_eq!(status(&on(&file, &["sweep", "--all"])), 0, "today");
    for (more, why) in [
        (["--date", "2999-01-01", "--json"], "より先の日"),
        (["--date", "2026-04-02", "--json"], "より前の日"),
    ] {
        let refused = on(&file, &[&["sweep"][..], &more[..]].concat());
        assert_eq!((status(&refused), refused.stdout.len()), (2, 0), "{more:?}");
        assert!(words(&refused).contains(why), "{}", words(&refused));
    }
    assert_eq!(status(&on(&file, &["deliver", "--json"])), 0);
    assert_eq!(on(&file, &["export", "alerts", "--format", "json"]).stdout, b"[]\n");
    assert_eq!(status(&on(&file, &["export", "alerts", "--format", "xlsx"])), 2);
    assert_eq!(status(&on(&file, &["export", "alerts", "--format", "csv", "--agency", "NONE"])), 2);
    let csv = folder.path().join("contracts.csv");
    std::fs::write(&csv, itaku::exchange::contracts::template()).unwrap();
    let path = csv.to_str().unwrap();
    for more in [&["contracts", path][..], &["consents", path, "--approver", "x@example.jp"]] {
        let taken = on(&file, &[&["import"], more, &["--agency", "NONE"]].concat());
        assert!(status(&taken) != 0 && !words(&taken).is_empty(), "{more:?}");
    }
    assert!(words(&on(&file, &["import", "contracts", path, "--agency", "NONE"])).contains("NONE"));
    assert_eq!(status(&on(&file, &["verify"])), 0);
}

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
        for entry in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
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
fn pages_and_probes() {
    let demo = Demo::start(&["--empty"]);
    for path in ["/", "/api", "/nowhere"] {
        let mut page = demo.get(path);
        let csp = header(&page, "content-security-policy");
        assert_eq!(csp, "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
        assert_eq!(header(&page, "cache-control"), "no-store");
        assert!(!header(&page, "referrer-policy").is_empty() && !header(&page, "x-request-id").is_empty());
        assert_eq!(header(&page, "strict-transport-security"), "", "not over http");
        let html = page.body_mut().read_to_string().unwrap();
        assert!(html.contains("lang=\"ja\"") && html.matches("<h1").count() == 1, "{path}");
        assert!(html.contains("デモ") && html.contains("架空"), "every page says so");
        assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("<script"), "{path}");
    }
    let html = demo.get("/").body_mut().read_to_string().unwrap();
    let sheet = html.split('"').find(|text| text.ends_with("/itaku.css")).unwrap();
    let style = demo.get(sheet);
    assert!(
        header(&style, "cache-control").contains("immutable")
            && header(&style, "content-type").starts_with("text/css")
    );
    let kept = agent().get(demo.url(sheet)).header("If-None-Match", header(&style, "etag")).call().unwrap();
    assert_eq!(kept.status(), 304);
    assert_eq!(demo.get("/static/0000000000000000/itaku.css").status(), 404);

    assert_eq!(demo.get("/healthz").status(), 200);
    let mut ready = demo.get("/readyz");
    assert_eq!(ready.status(), 200, "{}", ready.body_mut().read_to_string().unwrap());
    assert_eq!(demo.get("/metrics").status(), 404, "never on the public address");
    let nowhere = demo.get("/api/v1/nowhere");
    assert_eq!(
        (nowhere.status().as_u16(), header(&nowhere, "content-type")),
        (404, "application/problem+json")
    );
    assert!(header(&nowhere, "content-security-policy").starts_with("default-src 'none'"));
    let wrong = agent().delete(demo.url("/api/v1/contracts")).call().unwrap();
    assert_eq!((wrong.status().as_u16(), header(&wrong, "content-type")), (405, "application/problem+json"));
    let huge = agent()
        .post(demo.url("/api/v1/auth/token"))
        .header("content-type", "application/json")
        .send(&vec![b' '; 1_100_000]);
    assert_eq!(huge.unwrap().status(), 413);
}

#[test]
fn strangers_who_call_too_often_are_asked_to_wait() {
    let demo = Demo::start(&["--empty"]);
    let admin = demo.token("system_admin");
    let stranger = |_: usize| {
        let agent = agent();
        (0..150)
            .map(|_| agent.get(demo.url("/api/v1/auth/nothing")).call().unwrap().status().as_u16())
            .collect::<Vec<_>>()
    };
    // Not routes: no budget is taken.
    assert!(stranger(0).iter().all(|status| *status == 404));
    let agent = agent();
    let refused = (0..2_000).find_map(|_| {
        let answer =
            agent.post(demo.url("/api/v1/auth/refresh")).send_json(json!({"refresh_token": "x"})).unwrap();
        (answer.status() == 429).then(|| header(&answer, "retry-after").to_owned())
    });
    assert!(refused.is_some_and(|wait| wait.parse::<u64>().unwrap() >= 1));
    let (moved, _) = demo.post(&admin, "/demo/clock", &json!({"today": "2026-04-02"}));
    assert_eq!(moved, 200, "those with a session go on");
}

/// A ledger with some entries, changed behind the program's back.
#[test]
fn verify_finds_every_kind_of_tampering() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole.db");
    let mut demo = Demo::start(&["--database", &format!("sqlite:{}", file.display())]);
    assert_eq!(demo.stop("-TERM"), 0);
    assert_eq!(status(&on(&file, &["verify"])), 0);
    let one = "(SELECT id FROM ledger_entries WHERE seq = 3 ORDER BY chain_id LIMIT 1)";
    let tampering = [
        ("altered", format!("UPDATE ledger_entries SET action = 'x.y' WHERE id = {one}")),
        ("altered", format!("UPDATE ledger_entries SET at = '2026-01-01 00:00:00' WHERE id = {one}")),
        ("payload", format!("UPDATE ledger_entries SET payload = '{{ }}' WHERE id = {one}")),
        ("gap", format!("DELETE FROM ledger_entries WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET at = 'yesterday' WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET at = replace(at, ' ', 'T') WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET subject_id = upper(subject_id) || ' ' WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_entries SET payload = CAST(x'ff' AS TEXT) WHERE id = {one}")),
        ("unreadable", format!("UPDATE ledger_names SET organization_id = subject_id WHERE entry_id = {one}")),
        ("name_missing", format!("DELETE FROM ledger_names WHERE entry_id = {one}")),
        ("name_extra", format!("INSERT INTO ledger_names SELECT '00000000-0000-7000-8000-0000000000ff', id, organization_id FROM ledger_entries WHERE id = {one}")),
        ("name_extra", "INSERT INTO ledger_names SELECT id, '00000000-0000-7000-8000-0000000000ff', id FROM organizations LIMIT 1".to_owned()),
        ("length", "UPDATE ledger_chains SET seq = seq - 1".to_owned()),
        ("head", "UPDATE ledger_chains SET head = substr(head, 2) || '0'".to_owned()),
        ("last_at", "UPDATE ledger_chains SET last_at = '2030-01-01 00:00:00'".to_owned()),
        ("no_entries", "INSERT INTO ledger_chains SELECT 'ffffffff-0000-7000-8000-0000000000ff', id, 0, '', '2030-01-01 00:00:00' FROM organizations LIMIT 1".to_owned()),
        ("missing_tail", "DELETE FROM ledger_entries WHERE EXISTS (SELECT 1 FROM ledger_chains c WHERE c.id = chain_id AND c.seq = ledger_entries.seq AND c.seq > 1)".to_owned()),
    ];
    for (fault, statement) in tampering {
        let copy = folder.path().join("copy.db");
        std::fs::copy(&file, &copy).unwrap();
        let mut conn = SqliteConnection::establish(copy.to_str().unwrap()).unwrap();
        conn.batch_execute(&format!("PRAGMA foreign_keys = OFF; {statement}")).unwrap();
        drop(conn);
        let found = on(&copy, &["verify", "--json"]);
        assert_eq!(status(&found), 1, "{statement}");
        let told: Value = serde_json::from_slice(&found.stdout).unwrap();
        assert_eq!(told["bad"]["what"], fault, "{statement}: {told}");
    }
}

#[test]
fn a_database_that_is_gone_is_not_a_bad_entry() {
    let gone = itaku(&["verify", "--json"])
        .env("ITAKU__DATABASE__URL", "postgres://nobody@127.0.0.1:1/none")
        .output()
        .unwrap();
    assert_eq!((status(&gone), gone.stdout.len()), (1, 0));
    assert!(words(&gone).contains("unavailable"), "{}", words(&gone));
}

#[test]
fn an_import_says_what_it_took_and_why_it_took_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.db");
    let mut demo = Demo::start(&["--database", &format!("sqlite:{}", file.display())]);
    let approver = demo.info["logins"].as_array().unwrap().iter().find(|l| l["role"] == "approver").unwrap();
    let approver = approver["email"].as_str().unwrap().to_owned();
    let me = agent()
        .get(demo.url("/api/v1/me"))
        .header("Authorization", format!("Bearer {}", demo.token("approver")))
        .call()
        .unwrap()
        .body_mut()
        .read_json::<Value>()
        .unwrap();
    let mine = format!("/api/v1/organizations/{}", me["organization"]["id"].as_str().unwrap());
    let agency: Value = agent()
        .get(demo.url(&mine))
        .header("Authorization", format!("Bearer {}", demo.token("approver")))
        .call()
        .unwrap()
        .body_mut()
        .read_json()
        .unwrap();
    let code = agency["code"].as_str().unwrap();
    assert_eq!(demo.stop("-TERM"), 0);

    let csv = folder.path().join("given.csv");
    let import = |what: &str, content: &[u8], more: &[&str]| {
        std::fs::write(&csv, content).unwrap();
        on(&file, &[&["import", what, csv.to_str().unwrap(), "--agency", code], more].concat())
    };
    let template = String::from_utf8(itaku::exchange::contracts::template()).unwrap();
    let filled = template.replace("記入例", "R8-新規");
    let header = template.lines().next().unwrap().to_owned();
    for (content, more, exit, said) in [
        (filled.as_bytes(), &[][..], 0, "取り込みました。"),
        (filled.as_bytes(), &[], 0, "新しく取り込むものはありません。"),
        (header.as_bytes(), &[], 0, "新しく取り込むものはありません。"),
        // The example row was left in; who asks for the bad to be skipped is served.
        (template.as_bytes(), &["--skip-bad"], 0, "取り込めた行はありません。"),
        (template.as_bytes(), &[], 1, "1件も取り込みませんでした"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", &[], 1, "CSV形式で保存し直してください"),
        (header.replace(',', "\t").as_bytes(), &[], 1, "区切りはカンマにしてください"),
    ] {
        let output = import("contracts", content, more);
        assert_eq!((status(&output), words(&output).contains(said)), (exit, true), "{}", words(&output));
    }
    let consents = String::from_utf8(itaku::exchange::consents::template()).unwrap();
    let row =
        "R8-新規,,,,架空入力株式会社,日本,入力,約百万,10,,,2026-03-01,総務1号,2026-04-01,2026-09-30,,\r\n";
    let refused = import("consents", format!("{consents}{row}").as_bytes(), &["--approver", &approver]);
    assert_eq!(status(&refused), 1);
    assert_eq!(words(&refused).matches("国コード（例 JP）").count(), 1, "{}", words(&refused));
}

#[test]
fn a_file_variable_that_is_empty_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("itaku.db");
    let mut migrate = itaku(&["migrate"]);
    migrate.env("ITAKU__DATABASE__URL", format!("sqlite:{}", file.display()));
    let made = migrate.env("ITAKU__AUTH__SECRET_FILE", "").output().unwrap();
    assert_eq!(status(&made), 0, "{}", words(&made));
}
