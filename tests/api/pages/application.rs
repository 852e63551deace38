//! Pages of applications and of the chain: what each side reads on them, and who is told what when two act at once.

use itaku::db;
use itaku::service::Failure;
use serde_json::{Value, json};

use super::{location, text};
use crate::stage::{self, Stage, used_under};
use crate::support::{Answer, TestApp, both, day};

/// What stands in a hidden field of a page.
fn hidden<'a>(page: &'a Answer, name: &str) -> &'a str {
    let (_, rest) = text(page).split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_default();
    rest.split_once('"').unwrap_or_default().0
}

fn says(page: &Answer, words: &[&str]) {
    for one in words {
        assert!(text(page).contains(one), "{one} is missing: {}", page.body);
    }
}

fn keeps_silent(page: &Answer, words: &[&str]) {
    for one in words {
        assert!(!text(page).contains(one), "{one} is told: {}", page.body);
    }
}

/// Of a form: names and what is typed.
type Fields<'a> = &'a [(&'a str, &'a str)];

both! {
    fn the_decider_reads_on_one_page_what_to_be_careful_about(app: TestApp) {
        let s = Stage::new(app);
        let terms = json!({"subcontracting": {"policy": "conditional_consent", "max_tier": 4, "overseas": "consent_required", "max_ratio_percent": 50}});
        let k = s.contract_with(&terms);
        let asked = json!({
            "country": "PH", "amount_yen": 6_000_000, "special_reason": "国内に見つからないため", "starts_on": "2026-04-10",
            "data": [{"category": "personal", "persons": 9001}, {"category": "sensitive", "persons": 1}],
        });
        let filed = k.try_apply(&s.a, &k.root, &s.b, &asked).must(201);
        let id = stage::text(&filed, "id");
        k.review(&id);
        let (address, approver) = (format!("/applications/{id}"), app.tab(&s.approver));
        let page = approver.open(&address);
        says(&page, &[
            "三要件つきの契約", "国外（フィリピン）での取扱いを含みます", "6,000,000円", "やむを得ない理由を確かめてください",
            "個人情報の人数（9,001人）", "要配慮個人情報の人数（1人）が、契約で委託するもの（取扱いなし）", "要員が少ない", "今回の申請",
        ]);
        keeps_silent(&page, &["決定の期限（2026-", "マイナンバーを取り扱う再委託です", "開始予定日"]);
        // Its start and its deadline have gone by; use without consent is known.
        app.move_to("2026-04-20");
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-05", None)]);
        let approver = app.tab(&s.approver);
        let page = approver.open(&address);
        says(&page, &[
            "決定の期限（2026-04-03）を過ぎています", "開始予定日（2026-04-10）を過ぎています", "承認を確認できない使用の日があります: 2026-04-05〜2026-04-20",
        ]);
        let vendor = app.tab(&s.a.user);
        let page = vendor.open(&address);
        says(&page, &["架空乙入力株式会社", "これから", "申請を取り下げる", "6,000,000円", "決定の期限"]);
        keeps_silent(&page, &["三要件つきの契約", "要員が少ない", "審査を記録", "決裁する", "契約金額の50"]);
        // Decided, there is nothing to be careful about any more.
        k.decide(&id, &json!({"conditions": "月ごとに報告する"})).must(200);
        let page = approver.open(&address);
        says(&page, &["月ごとに報告する", "必要性を確認した"]);
        keeps_silent(&page, &["三要件つきの契約", "決裁する</a>"]);
    }

    fn a_company_that_the_register_has_closed_and_a_parent_without_consent_are_told(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-09-30");
        let vendor = json!({"name": "架空新規株式会社", "corporate_number": "7000012050002"});
        let change = json!({"parent_engagement_id": b, "vendor": vendor, "vendor_id": null});
        let filed = k.try_apply(&s.b, &b, &s.c, &change).must(201);
        let record = db::register::RegisterRecord {
            corporate_number: "7000012050002".to_owned(), name: "株式会社架空別物".to_owned(), name_key: String::new(),
            kind: "301".to_owned(), address: String::new(), updated_on: day("2026-04-01"), changed_on: day("2026-04-01"),
            closed_on: Some(day("2026-03-31")), close_cause: None, successor: None,
        };
        app.app.db.write::<_, Failure>(|conn| Ok(db::register::insert_records(conn, std::slice::from_ref(&record))?)).unwrap();
        let address = format!("/applications/{}", stage::text(&filed, "id"));
        let page = app.tab(&s.approver).open(&address);
        says(&page, &["登記は2026-03-31に閉鎖", "次の日にありません", "2026-10-01〜2026-12-31", "マイナンバーを取り扱う再委託です"]);
        keeps_silent(&page, &["再委託が始まる日"]);
        k.revoke(&b, "2026-04-01").must(200);
        says(&app.tab(&s.approver).open(&address), &["架空乙入力株式会社の承認が、再委託が始まる日（2026-05-01）にありません"]);
    }

    fn what_a_form_has_no_field_for_is_not_lost_in_a_correction(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let said = json!({"入退室": "記録", "端末": {"台数": 3, "持出し": false}, "区域": ["甲", "乙"], "鍵/保管": "金庫"});
        let filed = k.try_apply(&s.a, &k.root, &s.b, &json!({ "safeguards": said })).must(201);
        let id = stage::text(&filed, "id");
        let send_back = [("points", "入退室の方法を書いてください")];
        location(&app.tab(&s.officer).submit(&format!("/applications/{id}/return"), &send_back));
        let (vendor, path) = (app.tab(&s.a.user), format!("/applications/{id}/resubmit"));
        let form = vendor.open(&path);
        says(&form, &["name=\"safeguards/入退室\"", "端末 台数: 3", "端末 持出し: なし", "区域: 乙", "鍵/保管: 金庫", "そのまま提出されます"]);
        keeps_silent(&form, &["name=\"safeguards/端末"]);
        let fields = [
            ("scope", "データ入力の一部"), ("reason", "繁忙期のため"), ("amount_yen", "1000000"), ("starts_on", "2026-05-01"), ("ends_on", "2026-12-31"),
            ("persons/personal", "500"), ("persons/my_number", "0"), ("work_places/0", "架空市1丁目"), ("safeguards/入退室", "ICカード"), ("country", "JP"),
        ];
        says(&vendor.submit(&path, &fields), &["入退室: ICカード", "端末 台数: 3"]);
        let sure: Vec<_> = fields.into_iter().chain([("_sure", "1")]).collect();
        assert_eq!(location(&vendor.submit(&path, &sure)), format!("/applications/{id}?done=resubmitted"));
        let kept = s.get(&s.officer, &format!("/applications/{id}")).must(200)["content"]["safeguards"].clone();
        assert_eq!(kept, json!({"入退室": "ICカード", "端末": {"台数": 3, "持出し": false}, "区域": ["甲", "乙"], "鍵/保管": "金庫"}));
        // Nor where the next application begins with what this one said.
        k.review(&id);
        k.decide(&id, &json!({})).must(200);
        let engagement = stage::text(&filed, "engagement_id");
        let begun = vendor.open(&format!("/contracts/{}/applications/new?engagement={engagement}", k.id));
        assert_eq!(begun.status, 200, "{}", begun.body);
        let next = [&fields[..], &[("engagement_id", engagement.as_str()), ("supersedes", "true"), ("_sure", "1")]].concat();
        let made = vendor.submit(&format!("/contracts/{}/applications/new", k.id), &next);
        let made = location(&made).trim_end_matches("?done=filed").to_owned();
        assert_eq!(s.get(&s.officer, &made).must(200)["content"]["safeguards"], kept);
    }

    fn a_day_that_can_not_be_consented_to_is_told_before_it_is_looked_at_once_more(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        k.review(&id);
        let (tab, path) = (app.tab(&s.approver), format!("/applications/{id}/decision"));
        let decide = |from: &str, until: &str| {
            let given = [("decision", "consent"), ("reason", "必要"), ("valid_from", from), ("valid_until", until)];
            tab.submit(&path, &given)
        };
        for (from, until, field) in [
            ("2026-03-31", "2026-12-31", "valid_from"), ("2026-05-01", "2027-04-01", "valid_until"), ("2026-06-01", "2026-05-31", "valid_until"),
        ] {
            let page = decide(from, until);
            assert_eq!(page.status, 422, "{from} {until}");
            says(&page, &[&format!("href=\"#f-{field}\""), &format!("value=\"{from}\""), "必要</textarea>"]);
        }
        says(&decide("R8.5.1", "2026-12-31"), &["承認してよいか確かめる", "令和8年5月1日"]);
    }

    fn a_grave_alert_in_another_contract_is_told_to_the_decider(app: TestApp) {
        let s = Stage::new(app);
        let (k, other) = (s.contract(), s.contract_with(&json!({"number": "R8-2"})));
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let (unrelated, _) = k.apply(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31");
        let told = |id: &str| text(&app.tab(&s.officer).open(&format!("/applications/{id}"))).to_owned();
        assert!(!told(&id).contains("重大なアラートがあります"));
        other.declare(&s.a, &[used_under(&other.root, &s.b, "2026-04-01", None)]);
        assert!(told(&id).contains("ほかの契約（R8-2）に重大なアラートがあります"), "{}", told(&id));
        assert!(!told(&unrelated).contains("重大なアラートがあります"));
        keeps_silent(&app.tab(&s.a.user).open(&format!("/applications/{id}")), &["重大なアラートがあります"]);
    }

    fn what_changed_stands_field_by_field(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let place = json!({"engagement_id": b, "parent_engagement_id": null, "vendor_id": null, "supersedes": true, "amount_yen": 2_500_000});
        let filed = k.try_apply(&s.a, &k.root, &s.b, &place).must(201);
        let id = stage::text(&filed, "id");
        let page = app.tab(&s.approver).open(&format!("/applications/{id}"));
        says(&page, &["変更承認申請: 架空乙入力株式会社", "2026-04-01の承認との違い", "1,000,000円", "2,500,000円", "ほかの項目は同じです"]);
        keeps_silent(&page, &["補正の前"]);
        // Corrected, both are told apart; what a consent on paper did not say is not compared.
        let officer = app.tab(&s.officer);
        let points = [("points", "金額の内訳を書いてください"), ("reply_by", "Ｒ８.４.30")];
        let sent = officer.submit(&format!("/applications/{id}/return"), &points);
        assert_eq!(location(&sent), format!("/applications/{id}?done=returned"));
        let vendor = app.tab(&s.a.user);
        says(&vendor.open(&format!("/applications/{id}")), &["金額の内訳を書いてください", "補正する", "令和8年4月30日"]);
        let form = vendor.open(&format!("/applications/{id}/resubmit"));
        says(&form, &["金額の内訳を書いてください", "value=\"2,500,000\"", "value=\"500\"", "データ入力の一部"]);
        let fields = [
            ("scope", "データ入力の一部"), ("reason", "繁忙期のため"), ("amount_yen", "２，０００，０００"), ("starts_on", "令和8年5月1日"),
            ("ends_on", "2026/12/31"), ("persons/personal", "500"), ("persons/my_number", "500"), ("work_places/0", "架空市1丁目"), ("safeguards/入退室", "記録"), ("country", "jp"),
        ];
        let checked = vendor.submit(&format!("/applications/{id}/resubmit"), &fields);
        says(&checked, &["2,000,000円", "令和8年12月31日", "補正して提出する"]);
        let sure: Vec<_> = fields.into_iter().chain([("_sure", "1")]).collect();
        let done = vendor.submit(&format!("/applications/{id}/resubmit"), &sure);
        assert_eq!(location(&done), format!("/applications/{id}?done=resubmitted"));
        let page = app.tab(&s.approver).open(&format!("/applications/{id}"));
        says(&page, &["補正の前（2026-04-01）との違い", "2026-04-01の承認との違い", "1,000,000円", "2,500,000円", "2,000,000円"]);
        // Nobody asks for it twice.
        says(&vendor.open(&format!("/applications/{id}/resubmit")), &["補正は依頼されていません"]);
    }

    fn who_can_not_decide_hears_it_before_typing_and_who_comes_second_keeps_the_form(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let path = format!("/applications/{id}/decision");
        let approver = app.tab(&s.approver);
        let page = approver.open(&path);
        says(&page, &["審査がまだ記録されていません"]);
        keeps_silent(&page, &["name=\"reason\""]);
        k.review(&id);
        let page = approver.open(&path);
        says(&page, &["name=\"reason\"", "value=\"2026-05-01\"", "value=\"2026-12-31\""]);
        let seen = hidden(&page, "seen_version").to_owned();
        // Meanwhile another officer reviews it again.
        k.review(&id);
        let form = |seen: &str| [("decision", "consent".to_owned()), ("valid_from", "R8.5.1".to_owned()), ("valid_until", "2026-12-31".to_owned()), ("reason", "必要と認める".to_owned()), ("seen_version", seen.to_owned()), ("_sure", "1".to_owned())];
        let send = |seen: &str| {
            let fields = form(seen);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            approver.submit(&path, &fields)
        };
        let second = send(&seen);
        assert_eq!(second.status, 409, "{}", second.body);
        says(&second, &["ほかの人の審査や補正が加わっています", "必要と認める</textarea>", "value=\"R8.5.1\"", "<title>エラー: "]);
        let now = hidden(&second, "seen_version").to_owned();
        assert_ne!(now, seen);
        assert_eq!(location(&send(&now)), format!("/applications/{id}?done=decided"));
        // The other approver has the page still open.
        let late = send(&now);
        assert_eq!(late.status, 409);
        says(&late, &["すでに決裁されています", "必要と認める</textarea>"]);
        for what in ["review", "return"] {
            says(&app.tab(&s.officer).open(&format!("/applications/{id}/{what}")), &["いまは"]);
        }
        says(&app.tab(&s.a.user).open(&format!("/applications/{id}/withdraw")), &["取り下げられません"]);
    }

    fn an_application_is_filed_step_by_step(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let path = format!("/contracts/{}/applications/new", k.id);
        let vendor = app.tab(&s.a.user);
        let page = vendor.open(&path);
        says(&page, &["架空甲データ株式会社（受託者）", "name=\"vendor/name\""]);
        keeps_silent(&page, &["name=\"scope\""]);
        let root = hidden(&page, "parent_engagement_id").to_owned();
        assert_eq!(root, k.root);
        // Going on with nothing said is stopped at the step; going back is not.
        let start = [("parent_engagement_id", root.as_str()), ("_from", "who"), ("_again", "what")];
        let wrong = vendor.submit(&path, &start);
        assert_eq!(wrong.status, 422);
        says(&wrong, &["再委託先の事業者を指定してください", "name=\"vendor/name\""]);
        keeps_silent(&wrong, &["name=\"scope\""]);
        let named = [("parent_engagement_id", root.as_str()), ("vendor/name", "架空己発送株式会社")];
        let next: Vec<_> = named.into_iter().chain([("_from", "who"), ("_again", "what")]).collect();
        let page = vendor.submit(&path, &next);
        says(&page, &["name=\"scope\"", "type=\"hidden\" name=\"vendor/name\" value=\"架空己発送株式会社\""]);
        let what = [("scope", "発送"), ("reason", "人手"), ("amount_yen", "１００，０００")];
        let bad: Vec<_> = named.into_iter().chain(what).chain([("starts_on", "R9.13.1"), ("ends_on", "2026-12-31"), ("_from", "data"), ("_again", "care")]).collect();
        let wrong = vendor.submit(&path, &bad);
        assert_eq!(wrong.status, 422);
        says(&wrong, &["name=\"starts_on\" type=\"text\" value=\"R9.13.1\"", "日付として読めません"]);
        let all = named.into_iter().chain(what).chain([("starts_on", "R8.5.1"), ("ends_on", "2026-12-31"), ("persons/personal", "１０")]);
        let care = [("persons/my_number", "0"), ("work_places/0", "架空市1丁目"), ("safeguards/組織的安全管理措置", "責任者を置く")];
        let all: Vec<_> = all.chain(care).collect();
        let checked = vendor.submit(&path, &all);
        says(&checked, &["申請の内容を確かめる", "架空己発送株式会社", "100,000円", "個人情報 10人", "令和8年5月1日"]);
        let sure: Vec<_> = all.iter().copied().chain([("_sure", "1"), ("_once", "同じ画面")]).collect();
        let first = vendor.submit(&path, &sure);
        assert!(location(&first).ends_with("?done=filed"), "{first:?}");
        assert_eq!(location(&vendor.submit(&path, &sure)), location(&first), "the second click");
        says(&vendor.open(location(&first)), &["申請を提出しました", "これから"]);
        // An application for one that waits is refused in words, with everything still there.
        let again = vendor.submit(&path, &all.iter().copied().chain([("_sure", "1")]).collect::<Vec<_>>());
        assert_eq!(again.status, 409);
        says(&again, &["審査しています", "value=\"架空己発送株式会社\"", "type=\"hidden\" name=\"starts_on\" value=\"R8.5.1\""]);
        // Nobody files below another's branch.
        let sub = app.tab(&s.b.user);
        assert_eq!(sub.open(&path).status, 404);
    }

    fn a_vendor_reads_its_own_branch_only(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        k.consent(&s.a, &k.root, &s.d, "2026-04-01", "2026-12-31");
        // The prime files for a tier that it does not itself stand above.
        let (id, _) = k.apply(&s.a, &b, &s.c, "2026-04-01", "2026-12-31");
        let (prime, sibling) = ("架空甲データ株式会社", "架空丁計算株式会社");
        for who in [&s.b, &s.c] {
            let tab = app.tab(&who.user);
            for path in [format!("/applications/{id}"), format!("/contracts/{}/chain", k.id)] {
                let page = tab.open(&path);
                assert_eq!(page.status, 200, "{path}");
                keeps_silent(&page, &[sibling]);
                if who.id == s.c.id {
                    keeps_silent(&page, &[prime]);
                    says(&page, &["架空乙入力株式会社"]);
                }
            }
        }
        for what in ["resubmit", "withdraw"] {
            let page = app.tab(&s.b.user).open(&format!("/applications/{id}/{what}"));
            says(&page, &["申請した事業者だけが"]);
            keeps_silent(&page, &["class=\"form\""]);
        }
        for path in [format!("/applications/{id}"), format!("/applications/{id}/withdraw")] {
            assert_eq!(app.tab(&s.d.user).open(&path).status, 404, "{path}");
        }
        let root = app.tab(&s.a.user).open(&format!("/contracts/{}/chain", k.id));
        says(&root, &["この下の再委託を申請する", sibling]);
        says(&app.tab(&s.officer).open(&format!("/contracts/{}/chain", k.id)), &[prime, sibling, "第3層の再委託先", "表で見る"]);
    }

    fn the_chain_is_looked_at_on_any_day_and_a_consent_revoked(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let below = k.apply(&s.b, &b, &s.c, "2026-04-01", "2026-12-31").1;
        let path = format!("/contracts/{}/chain", k.id);
        let approver = app.tab(&s.approver);
        says(&approver.open(&path), &["承認を取り消す", "2026-04-01〜2026-12-31"]);
        let wrong = approver.open(&format!("{path}?as_of=x&known_at=2026-04-01"));
        assert_eq!(wrong.status, 422);
        says(&wrong, &["href=\"#f-as_of\"", "value=\"x\"", "<title>エラー: "]);
        says(&approver.open(&format!("{path}?known_at=R8.3.31")), &["まだ台帳に記録されていませんでした"]);
        says(&approver.open(&format!("{path}?as_of=2027/3/31&known_at=2026-04-01")), &["令和9年3月31日", "承認期間満了"]);

        let form = format!("/engagements/{b}/revoke");
        says(&approver.open(&form), &["架空乙入力株式会社", "架空丙企画株式会社（第3層の再委託先）"]);
        let empty = approver.submit(&form, &[("effective_on", "R8.3.1"), ("reason", "")]);
        assert_eq!(empty.status, 422);
        let past = [("effective_on", "R8.3.1"), ("reason", "体制の不備"), ("_sure", "1")];
        let page = approver.submit(&form, &past);
        assert_eq!(page.status, 422);
        says(&page, &["以降の日から", "value=\"R8.3.1\"", "体制の不備</textarea>"]);
        let given = [("effective_on", "R8.6.1"), ("reason", "体制の不備")];
        says(&approver.submit(&form, &given), &["承認を取り消してよいか確かめる", "令和8年6月1日", "架空丙企画株式会社", "careful-button"]);
        let sure: Vec<_> = given.into_iter().chain([("_sure", "1")]).collect();
        assert_eq!(location(&approver.submit(&form, &sure)), format!("{path}?done=revoked"));
        says(&approver.open(&path), &["2026-06-01から取消し"]);
        let after: Vec<_> = [("effective_on", "2027-03-01"), ("reason", "重ねて"), ("_sure", "1")].into();
        assert_eq!(location(&approver.submit(&form, &after)), format!("{path}?done=nothing_revoked"));
        // One that holds no consent says so, and so does the prime.
        for id in [&below, &k.root] {
            says(&approver.open(&format!("/engagements/{id}/revoke")), &["取消しはできません"]);
        }
        assert_eq!(app.tab(&s.officer).open(&form).status, 403);
    }

    fn the_queue_names_whom_an_application_is_about(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        for tab in [app.tab(&s.officer), app.tab(&s.a.user)] {
            says(&tab.open("/applications"), &["申請は"]);
        }
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let queued = s.get(&s.officer, "/applications").must(200);
        let (name, tier): (&Value, &Value) = (&queued["items"][0]["vendor_name"], &queued["items"][0]["tier"]);
        assert_eq!((name, tier), (&json!("架空乙入力株式会社"), &json!(2)));
        for tab in [app.tab(&s.officer), app.tab(&s.a.user)] {
            let page = tab.open("/applications?state=applied");
            says(&page, &["架空乙入力株式会社", "再委託先", &format!("/applications/{id}")]);
            says(&tab.open("/applications?state=refused"), &["条件に合う申請はありません"]);
        }
        keeps_silent(&app.tab(&s.b.user).open("/applications"), &["架空乙入力株式会社</a>"]);
    }

    // The form refuses what the filing refuses, a step earlier; and tells by when it should be decided.
    fn what_the_contract_refuses_is_told_on_the_step_that_asks_for_it(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"subcontracting": {
            "policy": "consent_required", "max_tier": 2, "overseas": "prohibited", "max_ratio_percent": 50,
        }}));
        let path = format!("/contracts/{}/applications/new", k.id);
        let vendor = app.tab(&s.a.user);
        let leave = |change: &[(&str, &str)]| {
            let mut fields = vec![
                ("parent_engagement_id", k.root.as_str()), ("vendor_id", s.b.id.as_str()), ("scope", "入力"), ("reason", "繁忙期"),
                ("amount_yen", "1000000"), ("starts_on", "2026-05-01"), ("ends_on", "2026-12-31"), ("_from", "data"), ("_again", "care"),
                ("persons/personal", "500"), ("persons/my_number", "0"), ("work_places/0", "架空市"), ("safeguards/人的安全管理措置", "誓約書"),
            ];
            fields.retain(|(name, _)| change.iter().all(|(other, _)| other != name));
            vendor.submit(&path, &[&fields, change].concat())
        };
        // Its fields are on the page, the others behind it.
        let asks = |page: &Answer, field: &str| text(page).contains(&format!("id=\"f-{field}\""));
        // What is typed otherwise, where the API finds it wrong (nowhere: as a whole), and a field of the step shown.
        let cases: [(Fields, &str, &str); 5] = [
            (&[("ends_on", "2027-04-01")], "/ends_on", "ends_on"),
            (&[("starts_on", "2026-03-31")], "/starts_on", "starts_on"),
            (&[("amount_yen", "5000000")], "/special_reason", "special_reason"),
            (&[("country", "PH")], "", "country"),
            (&[("special_reason", "国内にない"), ("amount_yen", "5000000"), ("ends_on", "x")], "/ends_on", "ends_on"),
        ];
        for (change, pointer, field) in cases {
            let page = leave(change);
            assert_eq!(page.status, 422, "{change:?}");
            assert!(asks(&page, field), "{change:?}: {}", page.body);
            assert!(!asks(&page, "safeguards/組織的安全管理措置"), "{change:?}");
            let yen = change.iter().find(|(name, _)| *name == "amount_yen").map_or("1000000", |(_, yen)| yen);
            says(&page, &["入力内容を確認してください", &format!("value=\"{yen}\"")]);
            let mut body = json!({});
            for (name, value) in change {
                body[*name] = value.parse::<i64>().map_or_else(|_| json!(value), |yen| json!(yen));
            }
            let filed = k.try_apply(&s.a, &k.root, &s.b, &body);
            if pointer.is_empty() {
                says(&page, &["href=\"#f-country\"", "国外での取扱いが禁止されています。作業を行う国を確かめてください。"]);
                assert_eq!(filed.problem(409), "overseas");
            } else {
                assert_eq!(filed.errors()[0].0, pointer, "{change:?}");
            }
        }
        // A reason is given: it goes on, and is looked at as a whole on the next.
        let page = leave(&[("amount_yen", "5000000"), ("special_reason", "国内にない")]);
        assert_eq!(page.status, 200);
        assert!(asks(&page, "safeguards/組織的安全管理措置"));
        let checked = leave(&[("_again", ""), ("_from", "care")]);
        says(&checked, &["2026-04-15", "まで（申請から10営業日）", "再委託先を直す"]);
        keeps_silent(&checked, &["開始までに決裁されない"]);
        let late = leave(&[("_again", ""), ("_from", "care"), ("starts_on", "2026-04-06")]);
        says(&late, &["開始までに決裁されないことがあります", "R8-1 架空データ入力業務"]);
        // Deeper than the contract allows: told before anything is typed.
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        says(&app.tab(&s.b.user).open(&format!("{path}?parent={b}")), &["この契約では申請できません", "第2層まで"]);
        keeps_silent(&vendor.open(&path), &["この契約では申請できません"]);
    }
}
