//! 設定 in the browser: what is typed becomes the settings' own JSON, and what can't is told at its field, kept as typed.

use itaku::domain::access::Role;
use serde_json::{Value, json};

use super::{location, text};
use crate::support::browser::Tab;
use crate::support::{Answer, Person, TestApp, both};

struct Desk<'a> {
    app: &'a TestApp,
    admin: Person,
    tab: Tab<'a>,
}

fn desk<'a>(app: &'a TestApp, code: &str) -> Desk<'a> {
    let admin = app.person(app.agency(code), &[Role::AgencyAdmin]);
    Desk { app, tab: app.tab(&admin), admin }
}

impl Desk<'_> {
    fn settings(&self) -> Value {
        self.app.get(&self.admin, "/settings").must(200)
    }

    /// Sends a form of the settings as they stand.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let version = self.app.get(&self.admin, "/settings").etag().trim_matches('"').to_owned();
        let fields: Vec<(&str, &str)> =
            [("_version", version.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.tab.submit(path, &fields)
    }

    #[track_caller]
    fn keeps(&self, path: &str, fields: &[(&str, &str)]) {
        assert_eq!(location(&self.send(path, fields)), "/settings?done=settings");
        let summary = self.tab.open("/settings?done=settings");
        assert!(summary.status == 200 && text(&summary).contains("設定を変更しました"), "{}", summary.body);
    }

    /// The fields that the page says are wrong; all that was typed is still there.
    #[track_caller]
    fn refuses(&self, path: &str, fields: &[(&str, &str)], wrong: &[&str]) {
        let before = self.settings();
        let answer = self.send(path, fields);
        assert_eq!(answer.status, 422, "{}", answer.body);
        for field in wrong {
            assert!(
                text(&answer).contains(&format!("href=\"#f-{field}\""))
                    && text(&answer).contains(&format!("id=\"f-{field}\"")),
                "{field}: {}",
                answer.body
            );
        }
        for (_, typed) in fields {
            for line in typed.lines() {
                assert!(text(&answer).contains(line.trim()), "{line:?} is lost: {}", answer.body);
            }
        }
        assert_eq!(self.settings(), before);
    }
}

const DAYS: [(&str, &str); 7] = [
    ("consent_expiring_days", "９０、３０　７日前"),
    ("contract_expiring_days", "60, 30"),
    ("audit_due_days", "90,30,0"),
    ("declaration_grace_days", "２０"),
    ("decision_working_days", "10"),
    ("decision_before_start_days", "5"),
    ("escalation_working_days", "3日"),
];

fn days_but(field: &str, typed: &'static str) -> Vec<(&'static str, &'static str)> {
    DAYS.iter().map(|(name, days)| (*name, if *name == field { typed } else { days })).collect()
}

both! {
    fn days_are_understood_as_offices_write_them(app: TestApp) {
        let desk = desk(app, "S1");
        desk.keeps("/settings/days", &DAYS);
        let settings = desk.settings();
        assert_eq!((&settings["consent_expiring_days"], &settings["declaration_grace_days"]), (&json!([90, 30, 7]), &json!(20)));
        for (field, typed) in [
            ("consent_expiring_days", "60, 来月"), ("consent_expiring_days", ""), ("audit_due_days", "30, 400"), ("audit_due_days", "7, 7"),
            ("decision_working_days", "0"), ("declaration_grace_days", "-1"), ("escalation_working_days", "すぐ"),
        ] {
            desk.refuses("/settings/days", &days_but(field, typed), &[field]);
        }
        assert!(text(&desk.tab.open("/settings/days")).contains("value=\"90, 30, 7\""));
        let stale = desk.tab.submit("/settings/days", &[&DAYS[..], &[("_version", "0")]].concat());
        assert!(stale.status == 412 && text(&stale).contains("先に変更しました"), "{}", stale.body);
    }

    fn lists_come_from_lines_and_rows(app: TestApp) {
        let desk = desk(app, "S2");
        desk.keeps("/settings/closed-days", &[("closed_days", "R8.12.29\n\n令和8年12月30日\n2026/12/31")]);
        assert_eq!(desk.settings()["closed_days"], json!(["2026-12-29", "2026-12-30", "2026-12-31"]));
        desk.refuses("/settings/closed-days", &[("closed_days", "2026-12-29\n年末\n2026-02-30")], &["closed_days"]);
        desk.refuses("/settings/closed-days", &[("closed_days", "2026-12-29\n\nR8.12.29")], &["closed_days"]);
        desk.keeps("/settings/closed-days", &[("closed_days", "")]);
        assert_eq!(desk.settings()["closed_days"], json!([]));

        desk.keeps("/settings/words", &[("words/0/word", "承認"), ("words/0/own", "承諾"), ("words/1/word", ""), ("words/1/own", "")]);
        assert_eq!(desk.settings()["words"], json!({"承認": "承諾"}));
        desk.refuses("/settings/words", &[("words/0/word", "承認"), ("words/0/own", "承諾"), ("words/1/word", "承認"), ("words/1/own", "許諾")], &["words/1/word"]);
        desk.refuses("/settings/words", &[("words/0/word", "承認"), ("words/0/own", "")], &["words/0/own"]);
        desk.refuses("/settings/words", &[("words/0/word", "審査"), ("words/0/own", "査閲"), ("words/1/own", "許諾")], &["words/1/word"]);
        desk.refuses("/settings/words", &[("words/0/word", "審査"), ("words/0/own", "1234-5678-9018")], &["words/0/own"]);

        desk.keeps("/settings/clauses", &[("clauses/0/number", "１"), ("clauses/0/text", "秘密保持"), ("clauses/3/number", "別紙2"), ("clauses/3/text", "返却")]);
        assert_eq!(desk.settings()["clauses"], json!([{"number": "１", "text": "秘密保持"}, {"number": "別紙2", "text": "返却"}]));
        desk.refuses("/settings/clauses", &[("clauses/0/number", "1"), ("clauses/0/text", "甲"), ("clauses/1/number", "1"), ("clauses/1/text", "")], &["clauses/1/number", "clauses/1/text"]);
        desk.refuses("/settings/clauses", &[("clauses/0/number", "1"), ("clauses/0/text", "甲"), ("clauses/1/number", "2"), ("clauses/1/text", "1234-5678-9018")], &["clauses/1/text"]);
        // Another row is shown, nothing is kept.
        let more = desk.send("/settings/clauses", &[("clauses/0/number", "1"), ("clauses/0/text", "甲乙丙"), ("_again", "1")]);
        assert!(more.status == 200 && text(&more).contains("甲乙丙") && text(&more).contains("name=\"clauses/1/text\""), "{}", more.body);
        assert_eq!(desk.settings()["clauses"][0]["text"], "秘密保持");
        desk.keeps("/settings/clauses", &[("clauses/0/number", ""), ("clauses/0/text", "")]);
        assert_eq!(desk.settings()["clauses"], json!([]));
    }

    fn gravity_and_departments_are_set(app: TestApp) {
        let desk = desk(app, "S3");
        let all = ["subcontracting_prohibited", "overseas_handling", "tier_exceeded", "ratio_exceeded", "volume_exceeded"];
        let names: Vec<String> = all.iter().map(|name| format!("severities/{name}")).collect();
        let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "critical")).collect();
        desk.keeps("/settings/severities", &fields);
        assert_eq!(desk.settings()["severities"]["tier_exceeded"], "critical");
        desk.refuses("/settings/severities", &fields[..4], &["severities/volume_exceeded"]);
        let info = [&fields[..4], &[("severities/volume_exceeded", "info")]].concat();
        assert_eq!(desk.send("/settings/severities", &info).status, 422);

        let wrong = desk.tab.submit("/settings/departments/new", &[("name", "架空課"), ("email", "x")]);
        assert!(wrong.status == 422 && text(&wrong).contains("href=\"#f-email\"") && text(&wrong).contains("架空課"), "{}", wrong.body);
        let done = desk.tab.submit("/settings/departments/new", &[("name", "架空課 & 室"), ("email", "ka@example.jp")]);
        let list = desk.tab.open(location(&done));
        assert!(text(&list).contains("架空課 &amp; 室") && text(&list).contains("ka@example.jp"), "{}", list.body);
        let (_, rest) = text(&list).split_once("href=\"/settings/departments/new?").unwrap();
        let again = desk.tab.open(&format!("/settings/departments/new?{}", rest.split_once('"').unwrap().0.replace("&amp;", "&")));
        assert!(text(&again).contains("value=\"架空課 &amp; 室\"") && text(&again).contains("value=\"ka@example.jp\""), "{}", again.body);

        let officer = app.tab(&app.person(desk.admin.organization, &[Role::Officer]));
        let summary = officer.open("/settings");
        assert!(summary.status == 200 && !text(&summary).contains("/settings/days"), "{}", summary.body);
        assert_eq!(officer.open("/settings/days").status, 403);
        let ledger = desk.tab.open(&format!("/organizations/{}/ledger", desk.admin.organization));
        assert!(text(&ledger).contains("設定を変更した") && text(&ledger).contains("担当部署を登録した"), "{}", ledger.body);
    }
}
