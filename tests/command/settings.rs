//! Settings, files and addresses that are wrong, missing or taken: named, with a way out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::house::{itaku, on, status, words};

/// Both by chance, once.
const SECRET: &str = "34e44708c721e652290a964110463e4d991ebe89e45a0fb1fddb77e12a7178b4";
const KEY: &str = "8624b6fcac1fba68684f0e18949051172afe287671e757c0b5ecd15a1fc78e45";

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
    let secret = SECRET;
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
            .env("ITAKU__LEDGER__SIGNING_KEY", KEY)
            .env("ITAKU__MAIL__URL", url)
            .env("ITAKU__MAIL__FROM", from)
            .output()
            .unwrap();
        assert_eq!(status(&output), 2, "{url}");
        assert!(words(&output).contains(named) && !words(&output).contains("secret@"), "{}", words(&output));
    }
}

#[test]
fn what_anyone_would_guess_or_hear_is_refused_at_the_start() {
    let refused = |changed: &[(&str, &str)]| {
        let mut command = itaku(&["serve"]);
        command.env("ITAKU__AUTH__SECRET", SECRET).env("ITAKU__LEDGER__SIGNING_KEY", KEY);
        // Nothing listens where the settings were taken: that there is no such folder ends it.
        command
            .env("ITAKU__DATABASE__URL", "sqlite:/nowhere/at/all/itaku.db")
            .env("ITAKU__MAIL__URL", "file:/nowhere");
        command.env("ITAKU__SERVER__LISTEN", "127.0.0.1:0");
        let output = command.envs(changed.iter().copied()).output().unwrap();
        (status(&output), words(&output))
    };
    let (exit, told) = refused(&[]);
    assert!(exit == 1 && told.contains("/nowhere/at/all") && !told.contains("insecure_setting"), "{told}");
    let (repeated, row) = ("ab12".repeat(16), "5a".repeat(32));
    for (name, value, why) in [
        ("ITAKU__AUTH__SECRET", "a".repeat(64), "too few different characters"),
        ("ITAKU__AUTH__SECRET", "0123456789abcdefghijklmnopqrstuvwxyz".to_owned(), "follow one another"),
        (
            "ITAKU__AUTH__SECRET",
            "the secret of our office 2026-04-01".to_owned(),
            "a word that everyone tries",
        ),
        ("ITAKU__AUTH__SECRET", repeated, "too few different characters"),
        ("ITAKU__LEDGER__SIGNING_KEY", row, "too few different characters"),
        ("ITAKU__SERVER__PUBLIC_URL", "http://itaku.example.lg.jp".to_owned(), "ITAKU__SERVER__ALLOW_HTTP"),
    ] {
        let (exit, told) = refused(&[(name, &value)]);
        assert!(exit == 2 && told.contains(name) && told.contains(why), "{name}: {told}");
        assert!(name.contains("URL") || !told.contains(&value), "no secret is repeated: {told}");
    }
    let open = "http://itaku.example.lg.jp";
    let (exit, told) = refused(&[
        ("ITAKU__SERVER__PUBLIC_URL", open),
        ("ITAKU__SERVER__ALLOW_HTTP", "true"),
        ("ITAKU__MAIL__URL", "smtp://mail.example.lg.jp"),
        ("RUST_LOG", "warn"),
    ]);
    assert!(exit == 1 && told.matches("insecure_setting").count() == 2, "warned of: {told}");
}

#[test]
fn files_are_their_owners_alone_however_it_is_started() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("itaku.db");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let binary = env!("CARGO_BIN_EXE_itaku");
    let migrate = |umask: &str| {
        let run = format!("umask {umask}; exec '{binary}' migrate");
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &run])
            .env_clear()
            .env("ITAKU__DATABASE__URL", format!("sqlite:{}", file.display()));
        shell.output().unwrap()
    };
    assert_eq!(status(&migrate("000")), 0);
    assert_eq!(mode(&file), 0o600, "made so under any umask");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = migrate("022");
    assert_eq!((status(&again), mode(&file)), (0, 0o600), "closed again");
    assert!(words(&again).contains("file_was_open"), "{}", words(&again));
    let demo = super::house::Demo::start(&[]);
    let database = demo.info["database"].as_str().unwrap().trim_start_matches("sqlite:").to_owned();
    for path in [database.clone(), format!("{database}-wal"), format!("{database}-shm")] {
        assert_eq!(mode(Path::new(&path)), 0o600, "{path}");
    }
    let mail = Path::new(demo.info["mail_dir"].as_str().unwrap()).to_owned();
    assert_eq!(mode(&mail), 0o700);
    let letters = || std::fs::read_dir(&mail).unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let written = || letters().find(|path| path.extension().is_some_and(|it| it == "eml"));
    let letter = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        written()
    });
    assert_eq!(mode(&letter.unwrap()), 0o600);
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
fn a_file_variable_that_is_empty_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("itaku.db");
    let mut migrate = itaku(&["migrate"]);
    migrate.env("ITAKU__DATABASE__URL", format!("sqlite:{}", file.display()));
    let made = migrate.env("ITAKU__AUTH__SECRET_FILE", "").output().unwrap();
    assert_eq!(status(&made), 0, "{}", words(&made));
}
