//! 変更契約 as it is listed and checked, taken back before it is in force, and a slip corrected by a recorded 訂正.

use serde_json::{Value, json};

use crate::stage::{Contract, Stage, text};
use crate::support::{TestApp, both};

/// Kind, day of effect and amount of each version, in the order recorded.
fn versions(s: &Stage<'_>, k: &Contract<'_>) -> Vec<(String, String, i64)> {
    let all = s.items(&s.officer, &format!("/contracts/{}/amendments", k.id));
    let row = |it: &Value| {
        (text(it, "kind"), text(it, "effective_on"), it["terms"]["amount_yen"].as_i64().unwrap())
    };
    all.iter().map(row).collect()
}

fn seq(s: &Stage<'_>, k: &Contract<'_>, at: usize) -> i64 {
    s.items(&s.officer, &format!("/contracts/{}/amendments", k.id))[at]["seq"].as_i64().unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn amend(s: &Stage<'_>, k: &Contract<'_>, on: &str, what: Value) {
    let mut body = json!({"effective_on": on, "reason": "契約の変更"});
    body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    s.post(&s.officer, &format!("/contracts/{}/amendments", k.id), body).must(201);
}

fn act(s: &Stage<'_>, k: &Contract<'_>, what: &str, body: Value) -> crate::support::Answer {
    s.post(&s.officer, &format!("/contracts/{}/amendments/{what}", k.id), body)
}

both! {
    fn n03_a_coming_change_is_listed_with_before_and_after_and_can_be_taken_back(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        app.move_to("2026-05-01");
        amend(&s, &k, "2026-07-01", json!({"amount_yen": 20_000_000, "ends_on": "2026-12-31"}));
        let page = |who| app.tab(who).open(&format!("/contracts/{}", k.id)).body.as_str().unwrap().to_owned();
        let shown = page(&s.officer);
        for words in ["契約条件の変更", "これから効力が生じる", "契約金額：10,000,000円 → 20,000,000円", "amendments/withdraw?seq="] {
            assert!(shown.contains(words), "{words} in {shown}");
        }
        let of_prime = page(&s.a.user);
        assert!(of_prime.contains("10,000,000円 → 20,000,000円") && !of_prime.contains("amendments/withdraw"));
        let listed = s.items(&s.officer, &format!("/contracts/{}/amendments", k.id));
        assert_eq!((&listed[1]["coming"], &listed[1]["before"]["amount_yen"], &listed[0]["before"]), (&json!(true), &json!(10_000_000), &Value::Null));
        // A department named meanwhile stays.
        let patch = app.request(Some(&app.log_in(&s.officer).token), "PATCH", &format!("/contracts/{}", k.id)).insert_header(("If-Match", "*"));
        app.send(patch.set_json(json!({"department": "架空課"}))).must(200);
        amend(&s, &k, "2026-09-01", json!({"amount_yen": 30_000_000}));
        let first = seq(&s, &k, 1);
        assert_eq!(act(&s, &k, "withdraw", json!({"seq": first, "reason": "誤り"})).problem(409), "followed");
        let second = s.items(&s.officer, &format!("/contracts/{}/amendments", k.id)).iter().rfind(|it| it["kind"] == "amended").unwrap()["seq"].clone();
        for seq in [second, json!(first)] {
            act(&s, &k, "withdraw", json!({"seq": seq, "reason": "合意の撤回"})).must(200);
            assert_eq!(act(&s, &k, "withdraw", json!({"seq": seq, "reason": "x"})).errors(), [("/seq".to_owned(), "unknown".to_owned())]);
        }
        let now = s.get(&s.officer, &format!("/contracts/{}", k.id)).must(200);
        assert_eq!((&now["last_day"], &now["amount_yen"]), (&json!("2027-03-31"), &json!(10_000_000)));
        assert!(page(&s.officer).contains("取消し済み") && !page(&s.officer).contains("これから効力が生じる</span>"));
        // A correction is one act: what it brings along into the days of withdrawn changes is none.
        let registered = seq(&s, &k, 0);
        let tab = app.tab(&s.officer);
        let form = format!("/contracts/{}/amendments/correct?seq={registered}", k.id);
        let shown = tab.open(&form).body.as_str().unwrap().to_owned();
        let version = shown.split("name=\"_version\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let registered_seq = registered.to_string();
        let fields = [("_version", version.as_str()), ("_once", "n03-carried"), ("seq", registered_seq.as_str()), ("reason", "誤字"), ("scope", "架空の入力と点検")];
        let asked = tab.submit(&format!("/contracts/{}/amendments/correct", k.id), &fields).body.as_str().unwrap().to_owned();
        assert!(asked.contains("あわせて訂正するもの") && !asked.contains("2026-07-01"), "{asked}");
        act(&s, &k, "correct", json!({"seq": registered, "reason": "誤字", "scope": "架空の入力と点検"})).must(200);
        let carried = s.items(&s.officer, &format!("/contracts/{}/amendments", k.id));
        assert!(carried.iter().any(|it| it["kind"] == "corrected" && it["effective_on"] == "2026-07-01" && it["carried"] == true && it["coming"] == false));
        let listed = page(&s.officer);
        assert!(!listed.contains("これから効力が生じる</span>"), "{listed}");
        app.move_to("2026-10-01");
        let later = s.get(&s.officer, &format!("/contracts/{}", k.id)).must(200);
        assert_eq!((&later["amount_yen"], &later["department"]), (&json!(10_000_000), &json!("架空課")));
        // A day before is free again.
        amend(&s, &k, "2026-06-01", json!({"amount_yen": 11_000_000}));
        let in_force = s.items(&s.officer, &format!("/contracts/{}/amendments", k.id)).iter().rfind(|it| it["kind"] == "amended").unwrap()["seq"].clone();
        assert_eq!(act(&s, &k, "withdraw", json!({"seq": in_force, "reason": "x"})).problem(409), "in_force");
        assert_eq!(act(&s, &k, "withdraw", json!({"seq": seq(&s, &k, 0), "reason": "x"})).problem(409), "in_force");
        s.post(&s.approver, &format!("/contracts/{}/amendments/withdraw", k.id), json!({"seq": 1, "reason": "x"})).must(403);
    }

    fn n03_a_slip_is_corrected_from_its_day_on_and_in_what_follows(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        amend(&s, &k, "2026-06-01", json!({"ends_on": "2026-12-31"}));
        app.move_to("2026-07-01");
        let registered = seq(&s, &k, 0);
        let right = json!({"seq": registered, "reason": "桁の誤り", "amount_yen": 1_000_000, "starts_on": "2026-03-15", "fiscal_year": 2025, "signed_on": "2026-03-01"});
        act(&s, &k, "correct", right).must(200);
        let row = |kind: &str, on: &str, yen: i64| (kind.to_owned(), on.to_owned(), yen);
        assert_eq!(versions(&s, &k), [
            row("registered", "2026-04-01", 10_000_000), row("amended", "2026-06-01", 10_000_000),
            row("corrected", "2026-04-01", 1_000_000), row("corrected", "2026-03-15", 1_000_000), row("corrected", "2026-06-01", 1_000_000),
        ]);
        let now = s.get(&s.officer, &format!("/contracts/{}", k.id)).must(200);
        assert_eq!(
            (&now["amount_yen"], &now["starts_on"], &now["ends_on"], &now["fiscal_year"]),
            (&json!(1_000_000), &json!("2026-03-15"), &json!("2026-12-31"), &json!(2025)), "the change of the end stays"
        );
        assert_eq!(act(&s, &k, "correct", json!({"seq": registered, "reason": "x", "amount_yen": 1_000_000})).errors(), [(String::new(), "nothing_changed".to_owned())]);
        assert_eq!(act(&s, &k, "correct", json!({"seq": 999, "reason": "x", "amount_yen": 5})).errors(), [("/seq".to_owned(), "unknown".to_owned())]);
        let wrong = act(&s, &k, "correct", json!({"seq": registered, "reason": "x", "ends_on": "2020-01-01"}));
        assert_eq!(wrong.errors()[0].0, "/ends_on");
        // A correction of the change itself.
        act(&s, &k, "correct", json!({"seq": seq(&s, &k, 1), "reason": "誤記", "ends_on": "2027-01-31"})).must(200);
        assert_eq!(s.get(&s.officer, &format!("/contracts/{}", k.id)).must(200)["last_day"], json!("2027-01-31"));
        let page = app.tab(&s.officer).open(&format!("/contracts/{}", k.id));
        let page = page.body.as_str().unwrap();
        assert!(page.contains("訂正") && page.contains("契約金額：10,000,000円 → 1,000,000円"), "{page}");
    }

    fn n03_the_check_page_names_the_contract_and_says_before_and_after_and_which_consents_outlive_it(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        k.consent(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let tab = app.tab(&s.officer);
        let path = format!("/contracts/{}/amend", k.id);
        let form = tab.open(&path);
        let version = form.body.as_str().unwrap().split("name=\"_version\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let fields = [
            ("_version", version.as_str()), ("_once", "n03-once"), ("effective_on", "2026-06-01"), ("reason", "期間の短縮"), ("ends_on", "2026-10-31"),
            ("amount_yen", "9000000"),
        ];
        let asked = tab.submit(&path, &fields);
        let asked = asked.body.as_str().unwrap();
        for words in [
            "R8-1 架空データ入力業務", "10,000,000円 → 9,000,000円", "2027-03-31（令和9年3月31日） → 2026-10-31（令和8年10月31日）",
            "架空乙入力株式会社（2026-12-31まで承認）",
        ] {
            assert!(asked.contains(words), "{words} in {asked}");
        }
        // The page that takes a change back, and the one that corrects, name the contract too.
        for page in ["withdraw", "correct"] {
            let shown = tab.open(&format!("/contracts/{}/amendments/{page}", k.id));
            assert_eq!(shown.status, 200);
            assert!(shown.body.as_str().unwrap().contains("架空データ入力業務"));
        }
    }
}
