//! Before, at and after a decision: what the decider can do, what a check page says, what is asked for.

use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::schema::ledger_entries;
use itaku::domain::access::Role;
use itaku::notice::render::render;
use serde_json::{Value, json};

use crate::pages::{location, text as html};
use crate::stage::{self, Stage, content, review};
use crate::support::{Answer, TestApp, both};

const SENT_BACK: &str = "application_sent_back";
const WAITS: &str = "application_reviewed";

/// How many entries all ledgers have.
fn written(app: &TestApp) -> i64 {
    app.app.db.read_one::<_, DbError>(|conn| Ok(ledger_entries::table.count().get_result(conn)?)).unwrap()
}

#[track_caller]
fn says(page: &Answer, words: &[&str]) {
    for one in words {
        assert!(html(page).contains(one), "{one} is missing: {}", page.body);
    }
}

#[track_caller]
fn keeps_silent(page: &Answer, words: &[&str]) {
    for one in words {
        assert!(!html(page).contains(one), "{one} is told: {}", page.body);
    }
}

both! {
    fn n01_the_decider_sends_back_to_the_officer_and_asks_the_vendor_for_a_correction(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let at = |step: &str| format!("/applications/{id}/{step}");
        let reason = json!({"reason": "実績を確かめてください。"});
        assert_eq!(s.post(&s.approver, &at("send-back"), reason.clone()).problem(409), "not_reviewed");
        k.review(&id);
        s.told(&[WAITS, SENT_BACK]);
        let version = s.get(&s.approver, &at("")[..at("").len() - 1]).must(200)["version"].as_i64().unwrap();
        let page = app.tab(&s.approver).open(&format!("/applications/{id}"));
        says(&page, &["決裁待ち", "決裁する", "担当者に差し戻す", "補正を依頼する"]);
        says(&app.tab(&s.approver).open(&at("decision")), &[&at("send-back"), &at("return")]);
        // Who reviewed does not send back to himself.
        assert_eq!(s.post(&s.officer, &at("send-back"), reason.clone()).status, 403);
        let form = [("reason", "実績を確かめてください。"), ("seen_version", "1")];
        let late = app.tab(&s.approver).submit(&at("send-back"), &form);
        assert_eq!(late.status, 409);
        says(&late, &["ほかの人の審査や補正", "実績を確かめてください。</textarea>", &format!("name=\"seen_version\" value=\"{version}\"")]);
        let done = app.tab(&s.approver).submit(&at("send-back"), &form[..1]);
        assert_eq!(location(&done), format!("/applications/{id}?done=sent_back"));
        // The officer hears of it; the vendor neither by mail nor on the page.
        let mails: Vec<_> = app.notices().into_iter().filter(|mail| mail.kind == SENT_BACK).collect();
        assert_eq!(mails.iter().map(|mail| mail.address.as_str()).collect::<Vec<_>>(), [s.officer.email.as_str()]);
        let mail = render(SENT_BACK.parse().unwrap(), &mails[0].context).unwrap();
        assert!(mail.subject.contains("差し戻されました（契約番号 R8-1）"), "{}", mail.subject);
        for word in ["実績を確かめてください。", "決定の期限：令和8年4月15日", &format!("/applications/{id}")] {
            assert!(mail.text.contains(word), "{word}: {}", mail.text);
        }
        let page = app.tab(&s.officer).open(&format!("/applications/{id}"));
        says(&page, &["審査中", "差し戻されています", "実績を確かめてください。", "差し戻された審査", "審査をやり直す"]);
        keeps_silent(&page, &["決裁待ち"]);
        let seen = app.tab(&s.a.user).open(&format!("/applications/{id}"));
        says(&seen, &["審査中"]);
        keeps_silent(&seen, &["差戻し", "差し戻", "実績を確かめ", "決裁待ち"]);
        let steps = s.get(&s.a.user, &format!("/applications/{id}")).must(200)["steps"].clone();
        assert_eq!(steps, json!([]));
        let told = s.items(&s.a.user, &format!("/ledger?subject={id}"));
        assert!(told.iter().all(|entry| entry["action"] != "application.sent_back"), "{told:#?}");
        // Nothing is decided on the review that was sent back; another is told to who decides.
        assert_eq!(k.decide(&id, &json!({})).problem(409), "not_reviewed");
        k.review(&id);
        assert_eq!(s.told(&[WAITS]).len(), 1, "it waits anew");
        // 補正依頼, by the decider; he decides afterwards all the same.
        let points = json!({"points": "作業場所を書いてください。"});
        s.post(&s.auditor, &at("return"), points.clone()).must(403);
        s.post(&s.approver, &at("return"), points).must(200);
        assert_eq!(s.told(&["application_returned"]), [("application_returned".to_owned(), s.a.user.email.clone())]);
        says(&app.tab(&s.approver).open(&format!("/applications/{id}")), &["補正依頼中"]);
        s.post(&s.a.user, &at("resubmit"), content("2026-05-01", "2026-12-31")).must(200);
        s.post(&s.officer, &at("review"), review()).must(200);
        k.decide(&id, &json!({})).must(200);
    }

    fn n01_what_waits_for_the_decision_says_so_in_lists_and_on_the_chain(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (waits, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let (open, _) = k.apply(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31");
        k.review(&waits);
        let standing = |it: &Value| stage::text(it, "standing");
        let of = |who, path: &str| {
            let mut of: Vec<_> = s.items(who, path).iter().map(|it| (stage::text(it, "id"), standing(it))).collect();
            of.sort();
            of
        };
        let mut both_of = [(open.clone(), "applied".to_owned()), (waits.clone(), "awaiting_decision".to_owned())];
        both_of.sort();
        assert_eq!(of(&s.officer, "/applications"), both_of);
        let to_vendor: Vec<String> = of(&s.a.user, "/applications").into_iter().map(|it| it.1).collect();
        assert_eq!(to_vendor, ["applied", "applied"]);
        let tab = app.tab(&s.approver);
        for (query, there, missing) in [
            ("state=awaiting_decision", &waits, &open), ("state=applied&reviewed=true", &waits, &open),
            ("state=applied", &open, &waits), ("state=applied&reviewed=false", &open, &waits),
        ] {
            let page = tab.open(&format!("/applications?{query}"));
            says(&page, &[there]);
            keeps_silent(&page, &[&format!("/applications/{missing}")]);
        }
        says(&tab.open(&format!("/contracts/{}/chain", k.id)), &["決裁待ち"]);
        let vendor = app.tab(&s.a.user);
        keeps_silent(&vendor.open("/applications"), &["決裁待ち"]);
        keeps_silent(&vendor.open(&format!("/contracts/{}/chain", k.id)), &["決裁待ち"]);
        let page = vendor.open("/applications?state=applied");
        says(&page, &[&waits, &open]);
    }

    fn n04_what_the_last_press_would_refuse_the_first_says(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let place = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        k.declare(&s.a, &[stage::used(&place, "2026-04-01", None)]);
        let filed = k.apply(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31").0;
        k.review(&filed);
        let audit = json!({"kind": "on_site", "due_on": "2026-09-30"});
        let audit = stage::text(&s.post(&s.officer, &format!("/contracts/{}/audits", k.id), audit).must(201), "id");
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        app.notices();
        let (id, vendor, other) = (&k.id, s.b.id.to_string(), s.c.id.to_string());
        let on_paper = [
            ("parent_engagement_id", k.root.as_str()), ("vendor_id", other.as_str()), ("scope", "入力"), ("amount_yen", "5"), ("document_number", "架第1号"),
            ("persons/personal", "5"), ("decided_on", "2026-04-02"), ("valid_from", "2026-04-02"), ("valid_until", "2026-12-31"),
        ];
        let decided = [("decision", "consent"), ("reason", "必要"), ("valid_from", "2026-03-31"), ("valid_until", "2026-12-31")];
        let done = [("done_on", "2026-03-01"), ("result", "pass")];
        let amended = [("effective_on", "2025-04-01"), ("reason", "変更"), ("title", "架空の件名"), ("_version", "1")];
        let moved = [("from_officer_id", s.officer.id.as_str()), ("officer_id", s.approver.id.as_str()), ("from", "2026-04-01")];
        let why = ("reason", "誤り");
        let cases: [(_, String, &[(&str, &str)], u16, &str); 8] = [
            (&s.approver, format!("/contracts/{id}/consents/new"), &on_paper, 422, "までに決裁されたものだけを"),
            (&s.approver, format!("/contracts/{id}/void"), &[why], 409, "登録を取り消せません"),
            (&s.approver, format!("/contracts/{id}/terminate"), &[why, ("effective_on", "2020-01-01")], 422, "f-effective_on"),
            (&s.approver, format!("/engagements/{place}/revoke"), &[why, ("effective_on", "2026-03-01")], 422, "以降の日から行えます"),
            (&s.approver, format!("/applications/{filed}/decision"), &decided, 422, "さかのぼれません"),
            (&s.officer, format!("/audits/{audit}/complete"), &done, 422, "f-done_on"),
            (&s.officer, format!("/contracts/{id}/amend"), &amended, 422, "f-effective_on"),
            (&admin, "/contracts/handover".to_owned(), &moved, 422, "有効な担当者を指定"),
        ];
        let before = written(app);
        for (who, path, fields, status, words) in &cases {
            let page = app.tab(who).submit(path, fields);
            assert_eq!(page.status, *status, "{path}: {}", page.body);
            says(&page, &[words]);
            keeps_silent(&page, &["まだ送信していません"]);
            // The last press says the same.
            let sure: Vec<_> = fields.iter().copied().chain([("_sure", "1")]).collect();
            assert_eq!(app.tab(who).submit(path, &sure).status, *status, "{path}");
        }
        assert_eq!(written(app), before, "nothing is kept");
    }

    fn n04_a_check_page_keeps_nothing_and_names_the_contract(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let place = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let filed = k.apply(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31").0;
        k.review(&filed);
        let audit = json!({"kind": "on_site", "due_on": "2026-09-30"});
        let audit = stage::text(&s.post(&s.officer, &format!("/contracts/{}/audits", k.id), audit).must(201), "id");
        let id = &k.id;
        let why = ("reason", "誤り");
        let cases: [(_, String, &[(&str, &str)]); 5] = [
            (&s.approver, format!("/applications/{filed}/decision"), &[("decision", "refuse"), why]),
            (&s.approver, format!("/engagements/{place}/revoke"), &[why, ("effective_on", "2026-06-01")]),
            (&s.officer, format!("/audits/{audit}/cancel"), &[why]),
            (&s.officer, format!("/contracts/{id}/amend"), &[("effective_on", "2026-06-01"), why, ("title", "架空の件名"), ("_version", "2")]),
            (&s.approver, format!("/contracts/{id}/terminate"), &[why, ("effective_on", "2026-10-01")]),
        ];
        for (who, path, fields) in &cases {
            let version = s.get(&s.officer, &format!("/contracts/{id}")).must(200)["version"].to_string();
            let fields: Vec<_> = fields.iter().map(|it| if it.0 == "_version" { ("_version", version.as_str()) } else { *it }).collect();
            app.notices();
            let (before, tab) = (written(app), app.tab(who));
            let fields = [&fields[..], &[("_once", path.as_str())]].concat();
            let page = tab.submit(path, &fields);
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            says(&page, &["まだ送信していません", "<dt>契約</dt>", "R8-1 架空データ入力業務"]);
            assert_eq!(written(app), before, "{path}");
            assert_eq!(app.notices().len(), 0, "{path}: nobody is told of what is only looked at");
            let sure = [&fields[..], &[("_sure", "1")]].concat();
            location(&tab.submit(path, &sure));
            assert!(written(app) > before, "{path}");
            // Once: the same form again is answered as the first time, before and after its check page.
            let after = written(app);
            location(&tab.submit(path, &sure));
            assert_eq!(written(app), after, "{path}");
        }
    }

    fn n10b_what_the_contracts_data_demand_is_asked_for_and_a_blank_is_told(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"data": [{"category": "personal", "persons": 23_000}, {"category": "sensitive", "persons": 23_000}]}));
        let (path, vendor, other) = (format!("/contracts/{}/applications/new", k.id), app.tab(&s.a.user), s.b.id.to_string());
        let who = [
            ("parent_engagement_id", k.root.as_str()), ("vendor_id", other.as_str()), ("scope", "入力"), ("reason", "人手"), ("amount_yen", "50000"),
            ("starts_on", "2026-05-01"), ("ends_on", "2026-12-31"),
        ];
        let with = |more: &[(&'static str, &'static str)]| vendor.submit(&path, &[&who[..], more].concat());
        // On the step that asks for it, when it is left; and at the end, whatever was left out on the way.
        for (more, asked, later) in [
            (&[("_from", "data"), ("_again", "care")][..], &["f-persons/personal", "f-persons/sensitive", "f-work_places/0"][..], "f-safeguards/"),
            (&[][..], &["f-persons/personal", "f-persons/sensitive", "f-work_places/0"][..], "f-safeguards/"),
            (&[("persons/personal", "5"), ("persons/sensitive", "5"), ("work_places/0", "架空市1丁目")][..], &["f-safeguards/組織的安全管理措置"][..], "f-work_places/0"),
        ] {
            let page = with(more);
            assert_eq!(page.status, 422, "{more:?}");
            let asked: Vec<String> = asked.iter().map(|field| format!("href=\"#{field}\"")).collect();
            says(&page, &asked.iter().map(String::as_str).collect::<Vec<_>>());
            keeps_silent(&page, &[&format!("href=\"#{later}")]);
        }
        // Nothing is handled: that is said, and nothing else is asked. What is blank is told.
        let checked = with(&[("persons/personal", "0")]);
        assert_eq!(checked.status, 200, "{}", checked.body);
        says(&checked, &["個人情報 0人", "<dt>安全管理措置</dt><dd class=\"prose\">未入力", "<dt>作業場所</dt><dd class=\"prose\">未入力"]);
        let enough = [("persons/personal", "5"), ("persons/sensitive", "0"), ("work_places/0", "架空市1丁目"), ("safeguards/人的安全管理措置", "誓約書")];
        let filed = with(&[&enough[..], &[("_sure", "1")]].concat());
        let filed = location(&filed).trim_end_matches("?done=filed").to_owned();
        let page = app.tab(&s.approver).open(&filed);
        says(&page, &["<dt>さらに下の再委託の予定</dt><dd class=\"prose\">未入力", "誓約書"]);
        keeps_silent(&page, &["書かれていません。決裁の前に"]);
        // Through the API it may be left out; who decides is told.
        let blank = json!({"data": [], "safeguards": {}, "work_places": []});
        let id = stage::text(&k.try_apply(&s.a, &k.root, &s.c, &blank).must(201), "id");
        let page = app.tab(&s.approver).open(&format!("/applications/{id}"));
        says(&page, &[
            "申請に取り扱う個人情報の人数、うち要配慮個人情報の人数、作業場所、安全管理措置が書かれていません",
            "<dt>安全管理措置</dt><dd class=\"prose\">未入力", "<dt>取り扱う個人情報</dt><dd class=\"prose\">未入力", "<dt>作業場所</dt><dd class=\"prose\">未入力",
        ]);
        // The correction asks for it as well.
        s.post(&s.officer, &format!("/applications/{id}/return"), json!({"points": "人数"})).must(200);
        let page = vendor.submit(&format!("/applications/{id}/resubmit"), &[&who[2..], &[("country", "JP")]].concat());
        assert_eq!(page.status, 422);
        says(&page, &["href=\"#f-persons/sensitive\"", "href=\"#f-safeguards/組織的安全管理措置\""]);
    }
}
