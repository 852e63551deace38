//! An agency's own words (用語): on its own pages and on its vendors' about its contracts; never in what people entered.

use diesel::connection::SimpleConnection;
use itaku::db::{Conn, DbError};
use itaku::domain::access::Role;
use serde_json::json;

use super::{location, text};
use crate::stage::{self, Stage};
use crate::support::{Answer, TestApp, both};

#[track_caller]
fn says(page: &Answer, words: &[&str]) {
    assert_eq!(page.status, 200, "{}", page.body);
    for one in words {
        assert!(text(page).contains(one), "{one} is missing: {}", page.body);
    }
    assert!(!text(page).contains(['\u{fdd2}', '\u{fdd3}']), "{}", page.body);
}

#[track_caller]
fn keeps_silent(page: &Answer, words: &[&str]) {
    for one in words {
        assert!(!text(page).contains(one), "{one} is told: {}", page.body);
    }
}

/// Its text without what people called things.
fn without(page: &Answer, names: &[&str]) -> Answer {
    let bare = names.iter().fold(text(page).to_owned(), |page, name| page.replace(name, ""));
    Answer { body: bare.into(), ..page.clone() }
}

fn set(app: &TestApp, s: &Stage<'_>) {
    let admin = app.person(s.agency, &[Role::AgencyAdmin]);
    let words =
        json!({"承認": "承<諾>", "審査": "書面確認", "受託者": "受注者", "再委託先": "下請負者", "p": "x"});
    app.patch(&admin, "/settings", json!({ "words": words })).must(200);
}

const OURS: [&str; 4] = ["承認", "審査", "受託者", "再委託先"];

both! {
    fn a_contracts_pages_speak_its_agencys_words_on_both_sides(app: TestApp) {
        let s = Stage::new(app);
        set(app, &s);
        let title = "承認審査システム（受託者）の運用";
        let k = s.contract_with(&json!({ "title": title }));
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let operator = itaku::service::organization::ensure_system(&app.app).unwrap();
        let overseer = app.person(operator, &[Role::Overseer]);
        let (officer, vendor, overseer) = (app.tab(&s.officer), app.tab(&s.a.user), app.tab(&overseer));
        let paths = ["", "/chain", "/declarations", "/audits", "/ledger"].map(|part| format!("/contracts/{}{part}", k.id));
        for (place, path) in paths.into_iter().chain([format!("/applications/{id}")]).enumerate() {
            for (side, tab) in [("officer", &officer), ("vendor", &vendor), ("overseer", &overseer)] {
                let page = tab.open(&path);
                // What it is called stays what it is called.
                says(&page, &[title]);
                let (_, main) = text(&page).split_once("<main").unwrap();
                let main = Answer { body: main.to_owned().into(), ..page.clone() };
                keeps_silent(&without(&main, &[title]), &OURS);
                if place == 1 {
                    says(&page, &["受注者", "承&lt;諾&gt;", "下請負者"]);
                }
                let menu = text(&page).split_once("<main").unwrap().0;
                assert_eq!(menu.contains(">承&lt;諾&gt;申請<"), side == "officer", "{side} {path}: {menu}");
            }
        }
        // The forms, what is looked at once more, and what is wrong.
        let form = vendor.open(&format!("/contracts/{}/applications/new", k.id));
        says(&form, &["再委託の承&lt;諾&gt;を申請する"]);
        let checked = vendor.submit(&format!("/contracts/{}/declarations/new", k.id), &[
            ("period/from", "2026-04-01"), ("period/to", "2026-04-01"), ("none", "true"),
        ]);
        says(&checked, &["報告する内容を確かめる"]);
        keeps_silent(&without(&checked, &[title]), &OURS);
        let wrong = vendor.submit(&format!("/contracts/{}/declarations/new", k.id), &[("period/from", "2026-04-01"), ("period/to", "2026-04-01")]);
        assert!(wrong.status == 422 && text(&wrong).contains("下請負者を入力するか"), "{}", wrong.body);
        k.review(&id);
        let approver = app.tab(&s.approver);
        says(&approver.open(&format!("/applications/{id}/decision")), &["承&lt;諾&gt;する", "不承&lt;諾&gt;とする"]);
        k.decide(&id, &json!({})).must(200);
        says(&vendor.open(&format!("/applications/{id}")), &["承&lt;諾&gt;されました"]);
    }

    fn what_is_no_agencys_speaks_the_programs_words(app: TestApp) {
        let s = Stage::new(app);
        set(app, &s);
        let k = s.contract();
        k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        says(&app.tab(&s.a.user).open("/applications"), &["審査中", "承認申請"]);
        let officer = app.tab(&s.officer);
        says(&officer.open("/applications"), &["書面確認中", "承&lt;諾&gt;申請"]);
        says(&officer.open("/consents"), &["承&lt;諾&gt;の一覧"]);
        let refused = officer.open("/contracts/01990000-0000-7000-8000-000000000000");
        assert!(refused.status == 404 && text(&refused).contains(">承&lt;諾&gt;申請<"), "{}", refused.body);
        // Another agency has set none.
        let other = app.tab(&app.person(app.agency("W2"), &[Role::Officer]));
        says(&other.open("/applications"), &["承認申請"]);
        // The page about words says which ones it means.
        let admin = app.tab(&app.person(s.agency, &[Role::AgencyAdmin]));
        says(&admin.open("/settings/words"), &["もとの用語「承認」", "value=\"承&lt;諾&gt;\"", "value=\"審査\""]);
    }

    fn settings_are_read_for_pages_that_speak_an_agencys_words_only(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (officer, vendor) = (app.tab(&s.officer), app.tab(&s.a.user));
        let gone = app.app.db.write::<_, DbError>(|conn| {
            let rename = "ALTER TABLE agency_settings RENAME TO agency_settings_elsewhere";
            match conn {
                Conn::Sqlite(conn) => conn.batch_execute(rename)?,
                Conn::Postgresql(conn) => conn.batch_execute(rename)?,
            }
            Ok(())
        });
        gone.unwrap();
        for path in ["/account", "/contracts", "/applications", "/declarations"] {
            says(&vendor.open(path), &["<h1>"]);
        }
        assert_eq!(vendor.open(&format!("/contracts/{}", k.id)).status, 500);
        assert_eq!(officer.open("/contracts").status, 500);
        // What leads on has no words, and neither has a file.
        assert_eq!(officer.open("/contracts/import-template.csv").status, 200);
        assert_eq!(location(&officer.submit("/logout", &[])), "/login");
        assert_eq!(stage::text(&s.get(&s.officer, "/me").must(200), "id"), s.officer.id.to_string());
    }
}
