//! Alerts, audits and the outbox as pages: who reads what, what is said where nothing was chosen, and each act.

use itaku::domain::access::Role;
use itaku::notice::transport::SendError;
use itaku::schedule::deliver::deliver_by;
use serde_json::json;

use crate::stage::{Stage, used_under};
use crate::support::{Answer, TestApp, both};

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads as a sentence where it is called")]
fn page(answer: Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    answer.body.as_str().unwrap().to_owned()
}

#[track_caller]
fn led(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").unwrap().to_owned()
}

/// What the first link or form to an address that begins so ends in.
#[track_caller]
fn after(text: &str, begin: &str) -> String {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
    rest.split(|c: char| !c.is_ascii_hexdigit() && c != '-').next().unwrap().to_owned()
}

both! {
    fn the_list_shows_what_stands_the_gravest_first_and_several_are_taken_up_at_once(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        k.observe("audit", used_under(&k.root, &s.b, "2026-04-01", None));
        let officer = app.tab(&s.officer);
        let list = page(officer.open("/alerts"), 200);
        let (grave, light) = (list.find("承認未確認の再委託</a>").unwrap(), list.find("年度内の実地検査の予定なし</a>").unwrap());
        assert!(grave < light && list.contains("架空データ入力業務"), "{list}");
        assert!(page(officer.open("/alerts?sort=newest&due=overdue"), 200).contains("条件に合うアラートはありません"));
        assert!(page(officer.open("/alerts?severity=critical"), 200).contains("1件を表示"));
        page(officer.open("/alerts?contract_id=x"), 404);

        let nothing = page(officer.submit("/alerts/acknowledge?severity=critical&state=open", &[]), 422);
        assert!(nothing.contains("着手するアラートを、一覧から選んでください") && nothing.contains("href=\"#f-ids\""), "{nothing}");
        assert!(nothing.contains("<option value=\"critical\" selected>") && !nothing.contains("年度内の実地検査の予定なし</a>"), "{nothing}");
        let all = page(officer.submit("/alerts/acknowledge", &[("_again", "all")]), 200);
        assert_eq!(all.matches(" checked>").count(), list.matches("type=\"checkbox\"").count(), "{all}");
        let id = after(&list, "href=\"/alerts/");
        let chosen = [("ids/3", id.as_str()), ("_once", "taken up once")];
        for _ in 0..2 {
            assert_eq!(led(&officer.submit("/alerts/acknowledge?state=open", &chosen)), "/alerts?state=open&done=acknowledged");
        }
        assert!(page(officer.open("/alerts?state=acknowledged"), 200).contains(&id));
        assert!(!page(officer.open("/alerts?state=open"), 200).contains(&id));
        let foreign = page(officer.submit("/alerts/acknowledge", &[("ids/0", "01990000-0000-7000-8000-000000000000")]), 422);
        assert!(foreign.contains("このアラートは見つかりません"), "{foreign}");
        // Nobody else chooses here.
        let overseer = app.person(itaku::service::organization::ensure_system(&app.app).unwrap(), &[Role::Overseer]);
        assert!(!page(app.tab(&overseer).open("/alerts"), 200).contains("type=\"checkbox\""));
    }

    fn an_alert_tells_its_rule_and_its_course_and_each_side_its_own(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-01", None)]);
        let found = s.items(&s.officer, "/alerts?kind=unapproved_subcontractor");
        let path = format!("/alerts/{}", found[0]["id"].as_str().unwrap());
        let officer = app.tab(&s.officer);
        let shown = page(officer.open(&path), 200);
        for words in ["番号法第10条", "第1版", "承認申請がない", "今日も続いています", "とった措置が記録されたとき", "見つかりました", "着手する"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert_eq!(led(&officer.submit(&format!("{path}/acknowledge"), &[])), format!("{path}?done=acknowledged"));
        let empty = page(officer.submit(&format!("{path}/assess"), &[("reason", "書き途中の理由")]), 422);
        assert!(empty.contains("書き途中の理由") && empty.contains("href=\"#f-assessment\""), "{empty}");
        let judged = [("assessment", "confirming"), ("reason", "先方に照会した")];
        assert_eq!(led(&officer.submit(&format!("{path}/assess"), &judged)), format!("{path}?done=assessed"));
        let measure = [("reason", "使用の停止を求めた"), ("accepted_until", "2026-05-01")];
        for sure in [&[][..], &[("_sure", "1")]] {
            let refused = page(officer.submit(&format!("{path}/resolve"), &[&measure[..], sure].concat()), 422);
            assert!(refused.contains("認めることができません"), "{refused}");
        }
        assert_eq!(led(&officer.submit(&format!("{path}/resolve"), &measure[..1])), format!("{path}?done=resolved"));
        let shown = page(officer.open(&path), 200);
        for words in ["先方に照会した", "使用の停止を求めた", "確認中", "着手", "措置の記録"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        // Whom it is about reads what was found, and nothing of what the agency makes of it.
        let vendor = page(app.tab(&s.b.user).open(&path), 200);
        assert!(vendor.contains("見つかりました") && vendor.contains("番号法第10条"), "{vendor}");
        for words in ["先方に照会した", "使用の停止を求めた", "確認中", "着手する"] {
            assert!(!vendor.contains(words), "{words}: {vendor}");
        }
        let (_, course) = vendor.split_once("class=\"timeline\"").unwrap();
        assert!(!course.contains("利用者"), "nor who does: {course}");
        page(app.tab(&s.c.user).open(&path), 404);
    }

    fn an_excess_is_accepted_to_a_day_after_it_was_looked_at_again(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"subcontracting": {"policy": "prohibited", "max_tier": 4, "overseas": "prohibited"}}));
        k.observe("audit", used_under(&k.root, &s.b, "2026-04-01", None));
        let found = s.items(&s.officer, "/alerts?kind=subcontracting_prohibited");
        let path = format!("/alerts/{}", found[0]["id"].as_str().unwrap());
        let officer = app.tab(&s.officer);
        let given = [("reason", "移行が終わるまで認める"), ("accepted_until", "Ｒ８.９.３０")];
        let asked = page(officer.submit(&format!("{path}/resolve"), &given), 200);
        assert!(asked.contains("2026-09-30") && asked.contains("まだ送信していません"), "{asked}");
        let sure = [given[0], given[1], ("_sure", "1")];
        assert_eq!(led(&officer.submit(&format!("{path}/resolve"), &sure)), format!("{path}?done=resolved"));
        let shown = page(officer.open(&path), 200);
        assert!(shown.contains("解消しています") && shown.contains("2026-09-30（令和8年9月30日）まで"), "{shown}");
    }

    fn an_audit_is_planned_done_with_findings_and_seen_by_those_below(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let engagement = k.consent(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let auditor = app.tab(&s.auditor);
        let new = format!("/contracts/{}/audits/new", k.id);
        assert!(page(auditor.open(&new), 200).contains("第2層 架空乙入力株式会社"));
        let wrong = page(auditor.submit(&new, &[("kind", "on_site"), ("due_on", "R8.13.1"), ("auditor", "検査班")]), 422);
        assert!(wrong.contains("検査班") && wrong.contains("R8.13.1") && wrong.contains("href=\"#f-due_on\""), "{wrong}");
        let plan = [("kind", "on_site"), ("engagement_id", engagement.as_str()), ("due_on", "Ｒ８.８.３１"), ("every_months", "１２"), ("auditor", "検査班"), ("_once", "planned once")];
        let path = led(&auditor.submit(&new, &plan));
        assert_eq!(led(&auditor.submit(&new, &plan)), path);
        let path = path.strip_suffix("?done=planned").unwrap();
        assert!(page(auditor.open("/audits"), 200).contains("2026-08-31 実地検査"));
        assert!(page(auditor.open("/audits?fiscal_year=2027"), 200).contains("まだ計画されていません"));

        app.move_to("2026-09-02");
        let auditor = app.tab(&s.auditor);
        assert!(page(auditor.open("/audits?state=overdue"), 200).contains("期限超過"));
        let complete = format!("{path}/complete");
        let found = [
            ("done_on", "2026-09-01"), ("result", "findings"), ("note", "内部の所見"),
            ("findings/0/text", "入退室の記録がない"), ("findings/0/severity", "重大"), ("findings/0/due_on", "2026-08-01"),
        ];
        let more = page(auditor.submit(&complete, &[&found[..], &[("_again", "1")]].concat()), 200);
        assert!(more.contains("f-findings/1/text") && more.contains("入退室の記録がない"), "{more}");
        let early = page(auditor.submit(&complete, &found), 422);
        assert!(early.contains("href=\"#f-findings/0/due_on\"") && early.contains("入退室の記録がない"), "{early}");
        let none = page(auditor.submit(&complete, &found[..3]), 422);
        assert!(none.contains("href=\"#f-findings\"") && none.contains("指摘を1件以上"), "{none}");
        let right = [&found[..5], &[("findings/0/due_on", "2026-10-31")]].concat();
        assert!(page(auditor.submit(&complete, &right), 200).contains("1. 入退室の記録がない（重大、改善の期限 2026-10-31"));
        let sure = [&right[..], &[("_sure", "1")]].concat();
        assert_eq!(led(&auditor.submit(&complete, &sure)), format!("{path}?done=completed"));
        let again = page(auditor.submit(&complete, &sure), 409);
        assert!(again.contains("すでに完了しています"), "{again}");
        let list = page(auditor.open(&format!("/contracts/{}/audits", k.id)), 200);
        assert!(list.contains("2027-08-31 実地検査") && list.contains("入退室の記録がない"), "{list}");

        let vendor = app.tab(&s.b.user);
        let shown = page(vendor.open(path), 200);
        assert!(shown.contains("入退室の記録がない") && shown.contains("検査と指摘"), "{shown}");
        assert!(!shown.contains("内部の所見") && !shown.contains("検査班"), "{shown}");
        assert!(page(vendor.open("/audits"), 200).contains("検査と指摘（2026年度）"));
        page(app.tab(&s.c.user).open(path), 404);
    }

    fn a_plan_is_taken_back_with_its_reason(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let officer = app.tab(&s.officer);
        let path = led(&officer.submit(&format!("/contracts/{}/audits/new", k.id), &[("kind", "document"), ("due_on", "2026-08-31")]));
        let path = path.strip_suffix("?done=planned").unwrap();
        let cancel = format!("{path}/cancel");
        page(officer.submit(&cancel, &[("reason", " ")]), 422);
        assert!(page(officer.submit(&cancel, &[("reason", "契約の取り違え")]), 200).contains("取り消してよいか"));
        let sure = [("reason", "契約の取り違え"), ("_sure", "1")];
        assert_eq!(led(&officer.submit(&cancel, &sure)), format!("{path}?done=cancelled"));
        let shown = page(officer.open(path), 200);
        assert!(shown.contains("取り消されています") && shown.contains("契約の取り違え") && !shown.contains("結果を記録する"), "{shown}");
        assert!(page(app.tab(&s.a.user).open(path), 200).contains("契約の取り違え"));
    }

    fn notices_are_read_as_worded_and_a_failed_one_is_sent_again_by_the_administrator(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let k = s.contract();
        k.observe("audit", used_under(&k.root, &s.b, "2026-04-01", None));
        let (officer, admin) = (app.tab(&s.officer), app.tab(&admin));
        let waiting = page(officer.open(&format!("/notices?state=waiting&contract_id={}", k.id)), 200);
        assert!(waiting.contains("承認未確認の再委託") && waiting.contains("架空データ入力業務"), "{waiting}");
        assert!(page(officer.open("/notices?state=failed"), 200).contains("届かなかった通知はありません"));
        deliver_by(&app.app, &|_| Err(SendError::Permanent { why: "550 no such user".to_owned() })).unwrap();
        let failed = page(admin.open("/notices?state=failed"), 200);
        let path = format!("/notices/{}", after(&failed, "href=\"/notices/"));
        let shown = page(admin.open(&path), 200);
        assert!(shown.contains("class=\"mail\"") && shown.contains("550 no such user") && shown.contains("もう一度送る"), "{shown}");
        let other = page(officer.open(&path), 200);
        assert!(!other.contains("もう一度送る</") && !other.contains("550 no such user"), "{other}");
        assert_eq!(officer.submit(&format!("{path}/resend"), &[]).status, 403);
        assert_eq!(led(&admin.submit(&format!("{path}/resend"), &[])), format!("{path}?done=resent"));
        let twice = page(admin.submit(&format!("{path}/resend"), &[]), 409);
        assert!(twice.contains("再送できるのは"), "{twice}");
    }
}
