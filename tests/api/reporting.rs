//! 再委託状況報告 as its vendor meets it: what is asked about before it is sent, what its receipt keeps, by when it is owed,
//! and what stands on the list where a use goes on without a consent. Issue 10, numbers 2, 3, 9 and 11.

use itaku::schedule::sweep::sweep;
use serde_json::{Value, json};

use crate::stage::{Contract, Side, Stage, text, used, used_under, with};
use crate::support::{Answer, TestApp, both, day};

fn words(answer: &Answer) -> &str {
    answer.body.as_str().unwrap()
}

/// The check page of a report of 4月〜6月 with these fields of its first use.
fn checked(app: &TestApp, who: &Side, k: &Contract<'_>, fields: &[(&str, &str)]) -> String {
    let fields: Vec<(String, &str)> =
        fields.iter().map(|(name, text)| (format!("engagements/0/{name}"), *text)).collect();
    let fields = fields.iter().map(|(name, text)| (name.as_str(), *text));
    let period = [("period/from", "2026-04-01"), ("period/to", "2026-06-30")];
    let all: Vec<(&str, &str)> = period.into_iter().chain(fields).collect();
    words(&app.tab(&who.user).submit(&format!("/contracts/{}/declarations/new", k.id), &all)).to_owned()
}

/// Kind, due day and whom it is about, of a vendor's tasks of a kind.
fn tasks(s: &Stage<'_>, who: &Side, kind: &str) -> Vec<(String, String)> {
    let all = s.items(&who.user, &format!("/tasks?kind={kind}"));
    all.iter()
        .map(|it| (text(it, "due_on"), it["vendor_name"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn row(due: &str, vendor: &str) -> (String, String) {
    (due.to_owned(), vendor.to_owned())
}

both! {
    fn n09_what_the_contract_does_not_allow_is_asked_about_before_a_report_is_sent(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-06-30");
        let vendor = s.b.id.to_string();
        let said = [
            ("vendor_id", vendor.as_str()), ("started_on", "2026-05-01"), ("country", "フィリピン"),
            ("amount_yen", "1,200,000"), ("persons/personal", "30"), ("scope", "架空の封入"),
        ];
        let page = checked(app, &s.a, &k, &said);
        for told in ["再委託先 1（架空乙入力株式会社）: 作業する国がフィリピンです。この契約では、国外での取扱いが禁止されています。", "事実であればこのまま報告してください"] {
            assert!(page.contains(told), "{told} in {page}");
        }
        let home: Vec<_> = said.iter().filter(|(name, _)| *name != "country").copied().collect();
        assert!(!checked(app, &s.a, &k, &home).contains("入力に誤りがないか"));
        let much: Vec<_> = home.iter().map(|(name, text)| (*name, if *name == "amount_yen" { "12,000,000" } else { *text })).collect();
        assert!(checked(app, &s.a, &k, &much).contains("再委託先 1: 再委託の金額（12,000,000円）が、契約金額（10,000,000円）を超えています。"));
        // What is forbidden already is not said again of terms to come.
        let dearer = json!({"effective_on": "2026-09-01", "reason": "増額", "amount_yen": 11_000_000});
        s.post(&s.officer, &format!("/contracts/{}/amendments", k.id), dearer).must(201);
        assert_eq!(checked(app, &s.a, &k, &said).matches("国外での取扱いが禁止されています").count(), 1);
        // It is taken all the same; the receipt keeps all of it.
        let over = json!({"country": "PH", "amount_yen": 1_200_000, "scope": "架空の封入", "data": [{"category": "personal", "persons": 30}]});
        let told = k.declare(&s.a, &[with(used_under(&k.root, &s.b, "2026-05-01", None), &over)]);
        assert_eq!(told["beyond"].as_array().unwrap().len(), 1, "{told:#}");
        assert_eq!(s.alerts("overseas_handling").len(), 1);
        let receipt = format!("/declarations/{}", text(&told, "id"));
        let whole = &s.get(&s.a.user, &receipt).must(200)["engagements"][0];
        let kept = |name: &str| &whole[name];
        assert_eq!((kept("country"), kept("amount_yen"), kept("scope"), &kept("data")[0]["persons"]), (&json!("PH"), &json!(1_200_000), &json!("架空の封入"), &json!(30)));
        assert_eq!(s.items(&s.officer, &format!("/contracts/{}/declarations", k.id))[0]["engagements"][0], *whole, "the agency reads the same");
        for who in [&s.a.user, &s.officer] {
            let page = app.tab(who).open(&receipt);
            for told in ["作業する国: フィリピン", "金額: 1,200,000円", "個人情報 30人", "業務の範囲: 架空の封入"] {
                assert!(words(&page).contains(told), "{told} in {}", page.body);
            }
        }
        // Where a consent is needed abroad, the country that it names is.
        let k = s.contract_with(&json!({"number": "R8-2", "subcontracting": {"policy": "consent_required", "max_tier": 2, "overseas": "consent_required"}}));
        let (application, place) = k.apply(&s.a, &k.root, &s.b, "2026-07-01", "2026-12-31");
        k.review(&application);
        k.decide(&application, &json!({})).must(200);
        let use_in = |country: &str| with(used(&place, "2026-06-30", None), &json!({"country": country}));
        let beyond = |country: &str| k.declare(&s.a, &[use_in(country)])["beyond"].clone();
        assert_eq!(beyond("PH"), json!(["再委託先 1（架空乙入力株式会社）: 国外（フィリピン）での取扱いの承認を確認できません。"]));
        assert_eq!(beyond("JP"), json!([]));
        let deep = k.declare(&s.b, &[used_under(&place, &s.c, "2026-06-30", None)]);
        assert_eq!(deep["beyond"], json!(["再委託先 1（架空丙企画株式会社）: この契約で認められる再委託は第2層までです。"]));
    }

    fn n09_a_report_that_leaves_out_what_was_in_use_is_asked_about_by_name(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-06-30");
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None), used_under(&k.root, &s.c, "2026-05-01", None), used_under(&k.root, &s.d, "2026-05-01", Some("2026-05-31"))]);
        let (b, c) = (s.b.id.to_string(), s.c.id.to_string());
        let page = checked(app, &s.a, &k, &[("vendor_id", &b), ("started_on", "2026-04-01")]);
        for told in ["前回の報告で使用中だった「架空丙企画株式会社」（2026-05-01", "使用は終わりましたか", "使用の終了日を入力してください", "引き続き使用中として扱います"] {
            assert!(page.contains(told), "{told} in {page}");
        }
        assert!(!page.contains("「架空丁計算株式会社」"), "its end was reported: {page}");
        let page = checked(app, &s.a, &k, &[("vendor_id", &c), ("started_on", "2026-05-01")]);
        assert!(page.contains("「架空乙入力株式会社」") && !page.contains("「架空丙企画株式会社」"), "{page}");
        // It is taken, says whom it leaves out, and their use goes on.
        let left = |said: &Value| said["left_out"].as_array().unwrap().iter().map(|it| text(it, "vendor_name")).collect::<Vec<_>>();
        let told = k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None)]);
        assert_eq!(left(&told), ["架空丙企画株式会社"]);
        let draft = s.get(&s.a.user, &format!("/contracts/{}/declarations/draft", k.id)).must(200);
        assert_eq!(draft["engagements"].as_array().unwrap().len(), 2);
        let ended = k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None), used_under(&k.root, &s.c, "2026-05-01", Some("2026-06-15"))]);
        assert_eq!(left(&ended), [""; 0]);
        assert_eq!(left(&k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None)])), [""; 0]);
        let again = json!({"as_last_time": true});
        assert_eq!(left(&k.try_declare(&s.a, again).must(201)), [""; 0]);
        // Another's report is its own.
        let of_b = k.declare(&s.b, &[used_under(crate::stage::nodes(&k.chain_of(&s.b))[0]["engagement_id"].as_str().unwrap(), &s.e, "2026-06-01", None)]);
        assert_eq!(left(&of_b), [""; 0]);
    }

    fn n11_a_use_without_a_consent_is_a_task_of_whoever_uses_it(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-05-01");
        let told = k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-20", None)]);
        let b = text(&told["unapproved"][0], "engagement_id");
        let of = |who: &Side| tasks(&s, who, "unapproved");
        let one = [row("2026-04-20", "架空乙入力株式会社")];
        assert_eq!(of(&s.a), one);
        assert_eq!((of(&s.b), of(&s.c)), (vec![], vec![]), "whoever is used is told by the alert");
        assert_eq!(s.items(&s.officer, "/tasks?kind=unapproved"), Vec::<Value>::new(), "the agency has the alert");
        for path in ["/home", "/tasks", "/tasks?within=overdue"] {
            let page = app.tab(&s.a.user).open(path);
            let said = "架空乙入力株式会社の使用に承認を確認できません。申請するか、終わった日を報告してください";
            assert!(words(&page).contains(said) && words(&page).contains("12日続いています"), "{path}: {}", page.body);
            assert!(words(&page).contains(&format!("href=\"/contracts/{}/chain\"", k.id)));
        }
        // While the agency has it to decide there is nothing to be done; a refusal leaves the use.
        let filed = k.try_apply(&s.a, &k.root, &s.b, &json!({"starts_on": "2026-04-20"})).must(201);
        assert_eq!(of(&s.a), []);
        let application = text(&filed, "id");
        k.review(&application);
        k.decide(&application, &json!({"decision": "refuse"})).must(200);
        assert_eq!(of(&s.a), one);
        // Its end was reported: from the day after there is none.
        k.declare(&s.a, &[used(&b, "2026-04-20", Some("2026-05-01"))]);
        assert_eq!(of(&s.a), one, "today it goes on");
        app.move_to("2026-05-02");
        sweep(&app.app, day("2026-05-02"), false).unwrap();
        assert_eq!(of(&s.a), []);
        // What runs out becomes one; what the agency alone has found out does not.
        let c = k.consent(&s.a, &k.root, &s.c, "2026-05-02", "2026-05-10");
        k.declare(&s.a, &[used(&c, "2026-05-02", None)]);
        k.observe("third_party", used_under(&k.root, &s.d, "2026-04-01", None));
        let under = used_under(&c, &s.e, "2026-05-03", None);
        k.declare(&s.c, &[under]);
        assert_eq!((of(&s.a), of(&s.c)), (vec![], vec![]), "from tomorrow on");
        app.move_to("2026-05-11");
        sweep(&app.app, day("2026-05-11"), false).unwrap();
        assert_eq!(of(&s.a), [row("2026-05-11", "架空丙企画株式会社")]);
        assert_eq!(of(&s.c), [row("2026-05-03", "架空戊印刷株式会社")]);
    }

    fn n02_what_the_ledger_learns_late_is_owed_from_then_on(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"declaration_interval": "quarterly"}));
        // Entered on the day on which a report would have been due: the grace runs from that day.
        app.move_to("2026-10-14");
        let late = s.contract_with(&json!({"number": "R8-2", "declaration_interval": "quarterly"}));
        let due_of = |who: &Side, k: &Contract<'_>| -> Vec<String> {
            let all = s.items(&who.user, "/tasks?kind=report");
            all.iter().filter(|it| it["contract_id"] == k.id.as_str()).map(|it| text(it, "due_on")).collect()
        };
        assert_eq!(due_of(&s.a, &late)[..2], ["2026-10-28", "2027-01-14"], "what fell due before is not asked for");
        let draft = |who: &Side, k: &Contract<'_>| {
            let draft = s.get(&who.user, &format!("/contracts/{}/declarations/draft", k.id)).must(200);
            (text(&draft["period"], "from"), text(&draft, "due_on"))
        };
        assert_eq!(draft(&s.a, &late), row("2026-07-01", "2026-10-28"), "and so says the form");
        // A consent on paper of April, entered in November, though the contract stood here since April.
        app.move_to("2026-11-01");
        let none = json!({"period": {"from": "2026-04-01", "to": "2026-09-30"}, "none": true});
        for k in [&k, &late] {
            k.try_declare(&s.a, none.clone()).must(201);
        }
        k.record(&k.root, &s.b, &json!({})).must(201);
        app.notices();
        assert_eq!(due_of(&s.b, &k)[..3], ["2026-11-15", "2026-11-15", "2027-01-14"]);
        assert_eq!(draft(&s.b, &k), row("2026-04-01", "2026-11-15"));
        let on = |date: &str| {
            app.move_to(date);
            sweep(&app.app, day(date), false).unwrap();
            (s.alerts("declaration_overdue").len(), s.told(&["declaration_overdue"]).len())
        };
        assert_eq!(on("2026-11-02"), (0, 0));
        // Another grace moves the days in its own transaction, as the rules have it.
        let admin = app.person(s.agency, &[itaku::domain::access::Role::AgencyAdmin]);
        let grace = |days: i32| {
            let change = app.request(Some(&app.log_in(&admin).token), "PATCH", "/settings").insert_header(("If-Match", "*"));
            app.send(change.set_json(json!({"declaration_grace_days": days}))).must(200);
            due_of(&s.b, &k)[..3].to_vec()
        };
        assert_eq!(grace(0), ["2026-11-02", "2026-11-02", "2026-12-31"], "the day after it became known");
        assert_eq!(grace(35), ["2026-11-04", "2026-12-06", "2027-02-04"], "the sooner due first");
        assert_eq!(grace(14), ["2026-11-15", "2026-11-15", "2027-01-14"]);
        assert_eq!(on("2026-11-15"), (0, 0));
        assert_eq!(on("2026-11-16").0, 1);
        let alert = &s.items(&s.officer, "/alerts?kind=declaration_overdue")[0];
        assert_eq!(text(alert, "due_on"), "2026-11-15");
        assert!(text(alert, "message").contains("2026-04-01から2026-06-30まで、2026-07-01から2026-09-30まで"), "{alert:#}");
        // Terms that asked for none, put right in November: asked for since then. A slip elsewhere moves nothing.
        let silent = s.contract_with(&json!({"number": "R8-3"}));
        app.move_to("2027-02-01");
        let correct = |what: Value| {
            let seq = s.items(&s.officer, &format!("/contracts/{}/amendments", silent.id))[0]["seq"].clone();
            let body = with(json!({"seq": seq, "reason": "書き誤り"}), &what);
            s.post(&s.officer, &format!("/contracts/{}/amendments/correct", silent.id), body).must(200);
        };
        correct(json!({"declaration_interval": "quarterly"}));
        assert_eq!(due_of(&s.a, &silent)[..1], ["2027-02-15"]);
        app.move_to("2027-02-10");
        correct(json!({"title": "架空データ入力業務（改）"}));
        assert_eq!(due_of(&s.a, &silent)[..1], ["2027-02-15"]);
    }

    fn n03_of_conditions_that_change_only_those_that_do_are_shown(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let change = json!({
            "effective_on": "2026-06-01", "reason": "契約の変更",
            "subcontracting": {"policy": "consent_required", "max_tier": 2, "overseas": "prohibited"},
            "data": [{"category": "personal", "persons": 9000}, {"category": "my_number", "persons": 7000}],
        });
        s.post(&s.officer, &format!("/contracts/{}/amendments", k.id), change).must(201);
        let page = app.tab(&s.officer).open(&format!("/contracts/{}", k.id));
        let listed = words(&page).split_once("契約条件の変更").unwrap().1;
        let listed = listed.split_once("</table>").unwrap().0;
        for told in ["再委託の階層の上限：第4層まで → 第2層まで", "取り扱う個人情報（うちマイナンバー）：8,000人 → 7,000人"] {
            assert!(listed.contains(told), "{told} in {listed}");
        }
        assert!(!listed.contains("国外での取扱い") && !listed.contains("9,000"), "{listed}");
        let history = app.tab(&s.officer).open(&format!("/contracts/{}/ledger", k.id));
        assert!(words(&history).contains("取り扱う個人情報（うちマイナンバー）: 8,000人 → 7,000人"), "{}", history.body);
    }
}
