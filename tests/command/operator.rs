//! An operator's way from an empty database: migrations, the first account, sweep, delivery, imports, exports.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::house::{Demo, PASSWORD, agent, itaku, on, status, words};

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
    for (email, why) in
        [("a@example.jp", "二要素認証は登録されていません"), ("b@example.jp", "見つかりません")]
    {
        let nothing = on(&file, &["admin", "reset-second-factor", "--email", email]);
        assert!(status(&nothing) == 1 && words(&nothing).contains(why), "{}", words(&nothing));
    }

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
        "R8-新規,,,,架空入力株式会社,架空国,入力,約百万,10,,,2026-03-01,総務1号,2026-04-01,2026-09-30,,\r\n";
    let refused = import("consents", format!("{consents}{row}").as_bytes(), &["--approver", &approver]);
    assert_eq!(status(&refused), 1);
    assert_eq!(words(&refused).matches("国の名前として読めません").count(), 1, "{}", words(&refused));

    // A character that CP932 lacks stops no export: its code point stands in the cell, and where, beside the table.
    let plain = on(&file, &["export", "contracts", "--format", "csv", "--encoding", "cp932"]);
    assert_eq!((status(&plain), words(&plain).as_str()), (0, ""));
    assert_eq!(status(&import("contracts", template.replace("記入例", "R8-𠮷野").as_bytes(), &[])), 0);
    let notes = folder.path().join("notes.csv");
    let export = ["export", "contracts", "--format", "csv", "--encoding", "cp932"];
    let told = on(&file, &export);
    let kept = on(&file, &[&export[..], &["--notes", notes.to_str().unwrap()]].concat());
    for output in [&told, &kept] {
        assert_eq!(status(output), 0, "{}", words(output));
        let table = itaku::exchange::table::read(&output.stdout).unwrap();
        assert_eq!(table.encoding.as_str(), "cp932");
        let written =
            table.rest.iter().flatten().any(|row| row.cells.iter().any(|cell| cell == "R8-〔U+20BB7〕野"));
        assert!(written && words(output).contains("CP932 にない文字が1か所ありました"), "{}", words(output));
    }
    assert!(words(&told).contains("「契約番号」: 「𠮷」は CP932 にないため、〔U+20BB7〕と書きました。"));
    let notes = std::fs::read_to_string(notes).unwrap();
    assert!(notes.ends_with(",契約番号,𠮷,〔U+20BB7〕\r\n") && !words(&kept).contains("契約番号"), "{notes}");
}
