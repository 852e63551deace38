//! The daily backup: made at its time, copied, kept by the rule; told of where there is none.

use std::path::Path;
use std::sync::Arc;

use itaku::db;
use itaku::schedule::backup::turn;
use itaku::service::App;
use itaku::service::backup::{BackupView, run, standing, tell_overdue};

use crate::support::{TestApp, both};

/// The app with a place for its backups, and one for their copies.
fn with_places(test: &TestApp, first: &Path, second: &Path) -> App {
    let mut app = test.app.clone();
    let mut config = (*app.config).clone();
    config.backup.directory = first.display().to_string();
    config.backup.second_directory = second.display().to_string();
    (config.backup.keep_days, config.backup.keep_weeks, config.backup.keep_months) = (2, 0, 0);
    app.config = Arc::new(config);
    app
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn seen(app: &App) -> BackupView {
    standing(app).unwrap()
}

both! {
    fn it_is_made_copied_and_kept_by_the_rule(app: TestApp) {
        app.admin();
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        for place in [&first, &second] {
            std::fs::create_dir(place).unwrap();
        }
        // Neither is ours.
        for name in ["itaku-20200101-030000.backup", "notes.txt"] {
            std::fs::write(first.join(name), "someone's").unwrap();
        }
        let daily = with_places(app, &first, &second);
        for day in ["2026-04-06", "2026-04-07", "2026-04-08"] {
            app.move_to(day);
            run(&daily).unwrap();
        }
        let kept = ["itaku-20260407-090000.backup", "itaku-20260408-090000.backup"];
        assert_eq!(files(&second), kept);
        assert_eq!(files(&first), [&["itaku-20200101-030000.backup"][..], &kept, &["notes.txt"]].concat());
        for name in kept {
            assert_eq!(std::fs::read(first.join(name)).unwrap(), std::fs::read(second.join(name)).unwrap());
        }
        let view = seen(&daily);
        let last = view.last_good.as_ref().unwrap();
        assert_eq!((last.file.as_deref(), last.second, view.overdue), (Some(kept[1]), true, false));
        assert_eq!(view.runs.iter().filter(|run| run.removed_at.is_some()).count(), 1);

        // Without the second place there is still the first; without both there is none, and the last good one stays.
        std::fs::rename(&second, folder.path().join("away")).unwrap();
        app.move_to("2026-04-09");
        run(&daily).unwrap();
        let last = seen(&daily).last_good.unwrap();
        assert!(!last.second && last.error.unwrap().contains("second"));
        std::fs::rename(&first, folder.path().join("gone")).unwrap();
        app.move_to("2026-04-10");
        assert!(run(&daily).is_err());
        let view = seen(&daily);
        assert!(view.runs[0].file.is_none() && view.runs[0].error.as_ref().unwrap().contains("first"));
        assert_eq!(view.last_good.unwrap().file.unwrap(), "itaku-20260409-090000.backup");
        assert_eq!(files(&folder.path().join("gone")).len(), 4);
    }

    fn it_has_its_time_and_its_absence_is_told_once_a_day(app: TestApp) {
        let admin = app.admin();
        let folder = tempfile::tempdir().unwrap();
        let daily = with_places(app, folder.path(), Path::new(""));
        turn(&app.app, "here");
        assert_eq!(files(folder.path()).len(), 0, "no place, no backup");
        app.move_to("2026-04-06");
        turn(&daily, "here");
        turn(&daily, "here");
        assert_eq!(files(folder.path()).len(), 1, "once a day");
        app.move_to("2026-04-07");
        app.app
            .db
            .write(|conn| db::lease::take(conn, "backup", "there", daily.now(), daily.now() + chrono::Duration::hours(3)))
            .unwrap();
        turn(&daily, "here");
        assert_eq!(files(folder.path()).len(), 1, "another server is at it");
        assert!(app.notices().is_empty());

        app.pass(chrono::Duration::hours(49));
        for _ in 0..2 {
            tell_overdue(&daily).unwrap();
        }
        assert!(seen(&daily).overdue);
        let told = app.notice();
        assert_eq!((told.kind.as_str(), told.address), ("backup_overdue", admin.email));
        assert_eq!(told.context["last"]["on"], "2026-04-06");
        assert!(told.context["link"].as_str().unwrap().ends_with("/backups"));
        app.move_to("2026-04-10");
        tell_overdue(&daily).unwrap();
        assert_eq!(app.notices().len(), 1, "and the next day again");
        tell_overdue(&app.app).unwrap();
        assert!(!seen(&app.app).overdue, "where none are made none is missed");
    }
}

/// The page of the system's administrators, before the first backup, with one, and when there is none of late.
#[test]
fn the_page_says_how_they_stand_and_the_first_page_when_they_dont() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let app = TestApp::sqlite_with(&[("ITAKU__BACKUP__DIRECTORY", place)]);
    let tab = || app.tab(&app.admin());
    let page = |path: &str| {
        let answer = tab().open(path);
        assert_eq!(answer.status, 200, "{path}");
        answer.body.as_str().unwrap().to_owned()
    };
    assert!(page("/backups").contains("最初のバックアップは、次の03:00に取ります"));
    run(&app.app).unwrap();
    let shown = page("/backups");
    for words in ["itaku-20260401-090000.backup", "0時間前", "取得・検証済み", place, "itaku restore"]
    {
        assert!(shown.contains(words), "{words}");
    }
    assert!(!page("/home").contains("バックアップが取れていません"));
    let told = app.get(&app.admin(), "/backups").must(200);
    assert_eq!((told["overdue"].as_bool(), told["age_hours"].as_i64()), (Some(false), Some(0)));
    app.pass(chrono::Duration::hours(49));
    for path in ["/backups", "/home"] {
        assert!(page(path).contains("バックアップが取れていません"), "{path}");
    }
    let others = TestApp::sqlite();
    let tab = others.tab(&others.admin());
    assert!(tab.open("/backups").body.as_str().unwrap().contains("毎日のバックアップは設定されていません"));
}
