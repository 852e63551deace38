//! How the command is called: exit status, help, templates.

use super::house::{itaku, status, words};

#[test]
fn a_wrong_call_is_2_and_help_is_0() {
    for arguments in [
        &["nonsense"][..],
        &[],
        &["export", "contracts"],
        &["import", "contracts", "x.csv"],
        &["admin", "create-user"],
        &["admin", "reset-second-factor"],
    ] {
        assert_eq!(status(&itaku(arguments).output().unwrap()), 2, "{arguments:?}");
    }
    let commands = [
        "demo", "serve", "migrate", "admin", "import", "export", "sweep", "deliver", "verify", "backup",
        "restore", "openapi",
    ];
    for command in commands {
        let help = itaku(&[command, "--help"]).output().unwrap();
        assert_eq!((status(&help), help.stderr.len()), (0, 0), "{command}");
    }
    let help = String::from_utf8(itaku(&["--help"]).output().unwrap().stdout).unwrap();
    assert!(commands.iter().all(|command| help.contains(&format!("\n  {command} "))), "{help}");
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
    let empty = itaku::exchange::consents::read(&consents, today).unwrap();
    assert_eq!((empty.rows.len(), empty.bad.len()), (0, 0));
}
