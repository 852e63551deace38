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

/// What stands in a hidden field of a page.
fn hidden<'a>(page: &'a Answer, name: &str) -> &'a str {
    let (_, rest) = html(page).split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_default();
    rest.split_once('"').unwrap_or_default().0
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

/// A form's fields.
type Sent<'a> = &'a [(&'a str, &'a str)];

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
        let form = app.tab(&s.officer).open(&at("review"));
        says(&form, &["差し戻されています", "実績を確かめてください。</p><p class=\"when\">2026-04-01 ", "利用者"]);
        says(&app.tab(&s.officer).open("/tasks"), &["差戻し後の審査"]);
        let page = app.tab(&s.approver).open(&format!("/applications/{id}"));
        says(&page, &["差し戻されたため、審査をもう一度記録してください"]);
        keeps_silent(&page, &["審査がまだ記録されていません"]);
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
        app.move_to("2026-04-02");
        says(&app.tab(&s.approver).open(&format!("/contracts/{}/chain", k.id)), &["決裁待ち"]);
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
        let (id, other) = (&k.id, s.c.id.to_string());
        let on_paper = [
            ("parent_engagement_id", k.root.as_str()), ("vendor_id", other.as_str()), ("scope", "入力"), ("amount_yen", "5"), ("document_number", "架第1号"),
            ("persons/personal", "5"), ("decided_on", "2026-04-02"), ("valid_from", "2026-04-02"), ("valid_until", "2026-12-31"),
        ];
        let decided = [("decision", "consent"), ("reason", "必要"), ("valid_from", "2026-03-31"), ("valid_until", "2026-12-31")];
        let done = [("done_on", "2026-03-01"), ("result", "pass")];
        let amended = [("effective_on", "2025-04-01"), ("reason", "変更"), ("title", "架空の件名"), ("_version", "1")];
        let moved = [("officer_id", s.approver.id.as_str()), ("from", "2026-04-01")];
        let why = ("reason", "誤り");
        let cases: [(_, _, Sent<'_>, u16, &str); 8] = [
            (&s.approver, format!("/contracts/{id}/consents/new"), &on_paper, 422, "までに決裁されたものだけを"),
            (&s.approver, format!("/contracts/{id}/void"), &[why], 409, "登録を取り消せません"),
            (&s.approver, format!("/contracts/{id}/terminate"), &[why, ("effective_on", "2020-01-01")], 422, "f-effective_on"),
            (&s.approver, format!("/engagements/{place}/revoke"), &[why, ("effective_on", "2026-03-01")], 422, "以降の日から行えます"),
            (&s.approver, format!("/applications/{filed}/decision"), &decided, 422, "さかのぼれません"),
            (&s.officer, format!("/audits/{audit}/complete"), &done, 422, "f-done_on"),
            (&s.officer, format!("/contracts/{id}/amend"), &amended, 422, "f-effective_on"),
            (&admin, format!("/contracts/{id}/handover"), &moved, 422, "この機関の担当者を指定"),
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
            "申請に、取り扱う個人情報の人数、要配慮個人情報の人数、作業場所、安全管理措置が書かれていません。決裁の前に、補正を依頼してください。",
            "<dt>安全管理措置</dt><dd class=\"prose\">未入力", "<dt>取り扱う個人情報</dt><dd class=\"prose\">未入力", "<dt>作業場所</dt><dd class=\"prose\">未入力",
        ]);
        // The correction asks for it as well.
        s.post(&s.officer, &format!("/applications/{id}/return"), json!({"points": "人数"})).must(200);
        let page = vendor.submit(&format!("/applications/{id}/resubmit"), &[&who[2..], &[("country", "JP")]].concat());
        assert_eq!(page.status, 422);
        says(&page, &["補正では変えられません", &format!("/applications/{id}/withdraw")]);
        let asked = app.tab(&s.approver).open(&format!("/applications/{id}"));
        says(&asked, &["安全管理措置が書かれていません。"]);
        keeps_silent(&asked, &["決裁の前に、補正を依頼してください"]);
        // None of a category is as if it were not named.
        let none = json!({"data": [{"category": "personal", "persons": 5}, {"category": "my_number", "persons": 0}, {"category": "sensitive", "persons": 0}]});
        let id = stage::text(&k.try_apply(&s.a, &k.root, &s.d, &none).must(201), "id");
        keeps_silent(&app.tab(&s.approver).open(&format!("/applications/{id}")), &["マイナンバーを取り扱う再委託です", "人数（0人）"]);
        says(&page, &["href=\"#f-persons/sensitive\"", "href=\"#f-safeguards/組織的安全管理措置\""]);
    }

    fn n09_countries_amounts_and_tiers_are_said_as_people_say_them(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"data": [], "subcontracting": {
            "policy": "consent_required", "max_tier": 4, "overseas": "prohibited", "max_ratio_percent": 50,
        }}));
        let (path, vendor, other) = (format!("/contracts/{}/applications/new", k.id), app.tab(&s.a.user), s.b.id.to_string());
        let who = [("parent_engagement_id", k.root.as_str()), ("vendor_id", other.as_str()), ("scope", "入力"), ("reason", "人手")];
        let days = [("starts_on", "2026-05-01"), ("ends_on", "2026-12-31")];
        let with = |more: &[(&'static str, &'static str)]| vendor.submit(&path, &[&who[..], &days[..], more].concat());
        // A country is chosen, Japan first; what the contract forbids stands at the field, before and after.
        let step = with(&[("amount_yen", "12万"), ("_from", "what"), ("_again", "data")]);
        says(&step, &[
            "<select id=\"f-country\" name=\"country\"", "再委託先の所在する国と同じ</option>\n<option value=\"JP\">日本</option>",
            "<optgroup label=\"ハ行\">", "<option value=\"PH\">フィリピン</option>", "国外での取扱いが禁止されています", "value=\"12万\"",
        ]);
        let abroad = with(&[("amount_yen", "12万"), ("country", "PH"), ("_from", "data"), ("_again", "care")]);
        assert_eq!(abroad.status, 422);
        says(&abroad, &["href=\"#f-country\"", "作業を行う国を確かめてください", "<option value=\"PH\" selected>フィリピン</option>"]);
        says(&with(&[("amount_yen", "12万"), ("country", "日本")]), &["120,000円", "<dd class=\"prose\">日本</dd>"]);
        // What is no number is said in the clerk's words.
        let wrong = with(&[("amount_yen", "およそ百万"), ("_from", "what"), ("_again", "data")]);
        says(&wrong, &["数として読めません。数字で入力してください（例 120000円、120,000、12万）。"]);
        let much = with(&[("amount_yen", "5百万"), ("_from", "what"), ("_again", "data")]);
        says(&much, &["数として読めません"]);
        let much = with(&[("amount_yen", "500万")]);
        says(&much, &["再委託の金額の合計（5,000,000円）が契約金額の50％以上になります。"]);
        // Of a report the country is typed, by its name, from a list.
        let report = format!("/contracts/{}/declarations/new", k.id);
        says(&vendor.open(&report), &["list=\"countries\"", "<datalist id=\"countries\"><option value=\"日本\"></option><option value=\"アイスランド\">"]);
        let said = [
            ("period/from", "2026-04-01"), ("period/to", "2026-04-01"), ("engagements/0/vendor/name", "架空国外株式会社"),
            ("engagements/0/vendor/country", "米国"), ("engagements/0/started_on", "2026-04-01"), ("engagements/0/country", "ﾌｨﾘﾋﾟﾝ"), ("engagements/0/amount_yen", "1,200円"),
        ];
        says(&vendor.submit(&report, &said), &["アメリカ合衆国（米国）（国外）", "作業する国: フィリピン（国外）", "1,200円"]);
        let nowhere: Vec<_> = said.into_iter().map(|(name, text)| if text == "米国" { (name, "どこか") } else { (name, text) }).collect();
        says(&vendor.submit(&report, &nowhere), &["国の名前として読めません", "value=\"どこか\""]);
        location(&vendor.submit(&report, &[&said[..], &[("_sure", "1")]].concat()));
        let chain = k.chain("");
        let child = &chain["root"]["children"][0];
        assert_eq!((&child["vendor"]["country"], &child["tier"]), (&json!("US"), &json!(2)));
        says(&app.tab(&s.officer).open(&format!("/contracts/{}/chain", k.id)), &["第2層の再委託先", "所在地: 国外（アメリカ合衆国（米国））"]);
        says(&app.tab(&s.officer).open("/vendors"), &["アメリカ合衆国（米国）（国外）", ">日本</td>"]);
        // A vendor abroad that is to work in Japan: asked about before it is filed, and told to who decides. Both read the
        // same day for the decision, the earlier of the two.
        let foreign = [
            &who[..1], &who[2..], &days[..],
            &[("vendor/name", "ホーチミン入力社"), ("vendor/country", "ベトナム"), ("country", "JP"), ("amount_yen", "120000")],
        ].concat();
        let caution = "再委託先の所在地は国外（ベトナム）です。契約は国外での取扱いを禁じています。";
        says(&vendor.submit(&path, &foreign), &[caution, "2026-04-15", "まで（申請から10営業日）"]);
        let filed = vendor.submit(&path, &[&foreign[..], &[("_sure", "1")]].concat());
        let filed = location(&filed).trim_end_matches("?done=filed").to_owned();
        says(&vendor.open(&filed), &["決定の期限は2026-04-15"]);
        says(&app.tab(&s.approver).open(&filed), &[caution, "決定の期限 2026-04-15"]);
        // Tiers by their number, at any depth.
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let c = k.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        k.consent(&s.c, &c, &s.d, "2026-04-01", "2026-12-31");
        let page = app.tab(&s.officer).open("/consents");
        says(&page, &["第2層の再委託先", "第3層の再委託先", "第4層の再委託先"]);
        keeps_silent(&page, &["再々委託先"]);
    }

    fn n10e_a_refusal_has_no_period(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        k.review(&id);
        let (path, tab) = (format!("/applications/{id}/decision"), app.tab(&s.approver));
        // The form's own defaults come with it, and conditions typed before one thought better of it.
        let fields = [
            ("decision", "refuse"), ("reason", "体制が足りない"), ("valid_from", "2026-05-01"), ("valid_until", "2026-12-31"), ("conditions", "月ごとの報告"),
        ];
        let checked = tab.submit(&path, &fields);
        says(&checked, &["不承認としてよいか確かめる", "体制が足りない"]);
        keeps_silent(&checked, &["<dt>最初の日</dt>", "<dt>最後の日</dt>", "<dt>条件</dt>"]);
        location(&tab.submit(&path, &[&fields[..], &[("_sure", "1")]].concat()));
        let view = s.get(&s.officer, &format!("/applications/{id}")).must(200);
        let said = view["steps"].as_array().unwrap().last().unwrap()["content"].clone();
        assert_eq!((&said["valid_from"], &said["valid_until"], &said["conditions"]), (&Value::Null, &Value::Null, &Value::Null));
        for who in [&s.officer, &s.a.user] {
            let page = app.tab(who).open(&format!("/applications/{id}"));
            says(&page, &["不承認", "体制が足りない"]);
            keeps_silent(&page, &["<dt>期間</dt>", "月ごとの報告"]);
        }
        // A default is no period where none is left.
        app.move_to("2027-03-01");
        let early = k.try_apply(&s.a, &k.root, &s.c, &json!({"starts_on": "2027-03-01", "ends_on": "2027-03-05"})).must(201);
        let early = stage::text(&early, "id");
        app.move_to("2027-03-10");
        k.review(&early);
        keeps_silent(&app.tab(&s.approver).open(&format!("/applications/{early}/decision")), &["value=\"2027-03-10\"", "value=\"2027-03-05\""]);
    }

    fn n10e_a_receipt_asks_for_what_can_still_be_done(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        // In use from the first day, consented to from the eleventh: the gap has ended.
        app.move_to("2026-04-11");
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-11", "2026-12-31");
        let receipt = |uses: &[Value]| {
            let id = stage::text(&k.declare(&s.a, uses), "id");
            app.tab(&s.a.user).open(&format!("/declarations/{id}"))
        };
        let ended = receipt(&[stage::used(&b, "2026-04-01", None)]);
        says(&ended, &["確認できない期間があります", "申請などの手続きは必要ありません"]);
        keeps_silent(&ended, &["申請してください", "審査中です"]);
        // One that nobody applied for goes on.
        let runs = receipt(&[stage::used(&b, "2026-04-01", None), stage::used_under(&k.root, &s.c, "2026-04-05", None)]);
        says(&runs, &["のないまま使用が続いています", "終了日を報告"]);
        keeps_silent(&runs, &["手続きは必要ありません", "審査中です"]);
        // Applied for, it waits.
        let chain = k.chain("");
        let c = chain["root"]["children"].as_array().unwrap().iter().find(|node| node["vendor"]["id"] == json!(s.c.id)).unwrap();
        let c = stage::text(c, "engagement_id");
        let place = json!({"engagement_id": c, "parent_engagement_id": null, "vendor_id": null});
        k.try_apply(&s.a, &k.root, &s.c, &place).must(201);
        let waits = receipt(&[stage::used(&b, "2026-04-01", None), stage::used(&c, "2026-04-05", None)]);
        says(&waits, &["申請は審査中です", "終了日を報告"]);
        keeps_silent(&waits, &["使用が続いています"]);
    }

    fn n10c_after_a_login_one_stands_where_one_was(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"data": []}));
        let path = format!("/contracts/{}/applications/new", k.id);
        let other = s.b.id.to_string();
        let who = [("parent_engagement_id", k.root.as_str()), ("vendor_id", other.as_str())];
        let what = [("scope", "入力"), ("reason", "人手"), ("amount_yen", "12万"), ("_from", "what"), ("_again", "data")];
        let (email, password) = ("tochu@example.jp", "馬と電池とホチキス正しい");
        let person = json!({"email": email, "name": "架空 太郎", "organization_id": s.a.id, "roles": ["vendor_user"], "password": password});
        app.post(&app.admin(), "/users", person).must(201);
        let resume = |fields: &[(&str, &str)]| {
            // Nobody is signed in any more.
            let login = app.send(app.visit(None, "POST", &path, fields));
            assert_eq!(login.status, 401, "{}", login.body);
            let kept = hidden(&login, "_kept").replace("&amp;", "&");
            let given = [("email", email), ("password", password), ("_kept", kept.as_str()), ("_back", path.as_str())];
            app.send(app.visit(None, "POST", "/login", &given))
        };
        let on = resume(&[&who[..], &what[..]].concat());
        assert_eq!(on.status, 200, "{}", on.body);
        assert_eq!(hidden(&on, "_again"), "what", "the step that was filled in, not the one after it");
        // The button of that page leads there, with all that was typed.
        let tab = app.tab(&s.a.user);
        let back = tab.submit(&path, &[&who[..], &what[..3], &[("_again", "what")]].concat());
        assert_eq!(back.status, 200);
        says(&back, &["id=\"f-amount_yen\"", "value=\"12万\""]);
        keeps_silent(&back, &["id=\"f-starts_on\""]);
        // From the check page one comes to the check page.
        let days = [("starts_on", "2026-05-01"), ("ends_on", "2026-12-31"), ("_sure", "1")];
        let sure = resume(&[&who[..], &what[..3], &days[..]].concat());
        keeps_silent(&sure, &["name=\"_again\""]);
        let checked = tab.submit(&path, &[&who[..], &what[..3], &days[..2]].concat());
        says(&checked, &["まだ送信していません", "120,000円"]);
    }

    fn n17_an_application_has_a_number_a_receipt_a_person_and_the_next_one(app: TestApp) {
        let s = Stage::new(app);
        let (k, other) = (s.contract(), s.contract_with(&json!({"number": "R8-2"})));
        let person = stage::text(&s.get(&s.a.user, "/me").must(200), "name");
        let over = json!({"data": [{"category": "personal", "persons": 9001}, {"category": "my_number", "persons": 5}]});
        let first = k.try_apply(&s.a, &k.root, &s.b, &json!({})).must(201);
        let (id, number) = (stage::text(&first, "id"), stage::text(&first, "number"));
        assert!(number.starts_with("20260401-") && number.len() == 15, "{number}");
        app.move_to("2026-04-02");
        let second = k.try_apply(&s.a, &k.root, &s.c, &json!({})).must(201);
        let (second, second_number) = (stage::text(&second, "id"), stage::text(&second, "number"));
        assert!(second_number.starts_with("20260402-") && second_number[9..] != number[9..], "{second_number} {number}");
        // The applicant: number, day, receipt; the receipt is the signed one of the entry.
        let vendor = app.tab(&s.a.user);
        let page = vendor.open(&format!("/applications/{id}"));
        says(&page, &[&number, "<h2>受付</h2>", "受付票を保存する", &person]);
        let receipt = vendor.open(&format!("/applications/{id}/receipt"));
        assert_eq!(receipt.status, 200);
        let receipt: Value = serde_json::from_str(html(&receipt)).unwrap_or_else(|_| receipt.body.clone());
        let filed = app.entries(&id).into_iter().next().unwrap();
        assert_eq!(filed.0, "application.filed");
        assert!(receipt["signature"].as_str().is_some_and(|it| !it.is_empty()) && receipt["entry"].is_string(), "{receipt:#}");
        assert_eq!(app.tab(&s.d.user).open(&format!("/applications/{id}/receipt")).status, 404);
        // The agency reads who of the applicant it was.
        let officer = app.tab(&s.officer);
        says(&officer.open(&format!("/applications/{id}")), &[&number, &format!("（担当 {person}）")]);
        says(&officer.open("/applications"), &[&number, &second_number]);
        // All clauses stand but those said otherwise.
        let form = officer.open(&format!("/applications/{id}/review"));
        says(&form, &["name=\"all_stand\"", "すべて定めがある（○）"]);
        let said = [
            ("facilities", "ok"), ("technique", "ok"), ("training", "ok"), ("management", "ok"), ("all_stand", "true"),
            ("clauses/0/number", "1"), ("clauses/0/text", "秘密保持"), ("clauses/1/number", "2"), ("clauses/1/text", "持出し"), ("clauses/1/answer", "×"), ("clauses/1/remark", "紙は対象外"),
        ];
        let done = officer.submit(&format!("/applications/{id}/review"), &said);
        // One goes on to what waits for the same person: the officer to what nobody reviewed, the decider to what was.
        let done = officer.open(location(&done));
        says(&done, &[&format!("href=\"/applications/{second}\">次の申請へ（{second_number}）")]);
        let view = s.get(&s.officer, &format!("/applications/{id}")).must(200);
        let clauses = &view["steps"][0]["content"]["clauses"];
        assert_eq!((&clauses[0]["answer"], &clauses[1]["answer"], &clauses[1]["remark"]), (&json!("○"), &json!("×"), &json!("紙は対象外")));
        k.review(&second);
        let approver = app.tab(&s.approver);
        let refuse = [("decision", "refuse"), ("reason", "体制"), ("_sure", "1")];
        let done = approver.submit(&format!("/applications/{id}/decision"), &refuse);
        says(&approver.open(location(&done)), &[&format!("/applications/{second}"), "次の申請へ"]);
        let done = approver.submit(&format!("/applications/{second}/decision"), &refuse);
        says(&approver.open(location(&done)), &["ほかに待っている申請はありません"]);
        keeps_silent(&approver.open(&format!("/applications/{second}")), &["次の申請へ", "ほかに待っている"]);
        // More persons than the contract's are pointed out to who applies; examples stand at the safeguards.
        let path = format!("/contracts/{}/applications/new", k.id);
        let vendor_id = s.d.id.to_string();
        let fields = [
            ("parent_engagement_id", k.root.as_str()), ("vendor_id", vendor_id.as_str()), ("scope", "入力"), ("reason", "人手"), ("amount_yen", "5"),
            ("starts_on", "2026-05-01"), ("ends_on", "2026-12-31"), ("persons/personal", "9001"), ("persons/my_number", "5"),
            ("work_places/0", "架空市"), ("safeguards/人的安全管理措置", "誓約書"),
        ];
        says(&vendor.submit(&path, &fields), &["個人情報の人数（9,001人）が、契約で委託するもの（9,000人）を超えています"]);
        let care = vendor.submit(&path, &[&fields[..], &[("_from", "data"), ("_again", "care")]].concat());
        says(&care, &["例: 従事者は6名", "例: 入退室を記録する"]);
        // A contract in a warning is a link.
        other.declare(&s.a, &[stage::used_under(&other.root, &s.e, "2026-04-01", None)]);
        let grave = k.try_apply(&s.a, &k.root, &s.e, &over).must(201);
        let page = app.tab(&s.officer).open(&format!("/applications/{}", stage::text(&grave, "id")));
        says(&page, &["ほかの契約（R8-2）に重大なアラート", &format!("<a href=\"/contracts/{}\">R8-2</a>", other.id)]);
    }
}
