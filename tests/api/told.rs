//! Who is told of what, and when: issue 9, part C.

use itaku::domain::access::Role;
use itaku::notice::render::render;
use serde_json::{Value, json};

use crate::stage::{Stage, content, review, text};
use crate::support::{Person, TestApp, both};

const WAITS: &str = "application_reviewed";

fn told(people: &[&Person]) -> Vec<(String, String)> {
    let mut told: Vec<_> = people.iter().map(|p| (WAITS.to_owned(), p.email.clone())).collect();
    told.sort();
    told
}

both! {
    fn n13_the_approver_is_told_when_a_reviewed_application_waits_and_again_when_it_comes_back(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let second = app.person(s.agency, &[Role::Approver]);
        let both = app.person(s.agency, &[Role::Officer, Role::Approver]);
        let deputy = app.person(s.agency, &[Role::Officer]);
        let stands_in = json!({"deputy_id": deputy.id, "starts_on": "2026-04-01", "ends_on": "2026-04-30"});
        app.post(&admin, &format!("/users/{}/deputies", second.id), stands_in).must(201);
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let at = |step: &str| format!("/applications/{id}/{step}");
        assert_eq!(s.told(&[WAITS]), [], "not reviewed yet");
        s.post(&both, &at("review"), review()).must(200);
        let mails: Vec<_> = app.notices().into_iter().filter(|mail| mail.kind == WAITS).collect();
        let mut to: Vec<_> = mails.iter().map(|mail| (mail.kind.clone(), mail.address.clone())).collect();
        to.sort();
        assert_eq!(to, told(&[&s.approver, &second, &deputy]), "who reviewed does not decide");
        let mail = render(WAITS.parse().unwrap(), &mails[0].context).unwrap();
        assert!(mail.subject.contains("決裁を待っています（契約番号 R8-1）"), "{}", mail.subject);
        for word in ["審査が済みました。決裁をお願いします", "架空乙入力株式会社（再委託）", "令和8年4月15日（2026-04-15）", &format!("/applications/{id}")] {
            assert!(mail.text.contains(word), "{word}: {}", mail.text);
        }
        k.review(&id);
        assert_eq!(s.told(&[WAITS]), [], "it waits already");
        s.post(&s.officer, &at("return"), json!({"points": "人数"})).must(200);
        s.post(&s.a.user, &at("resubmit"), content("2026-06-01", "2026-12-31")).must(200);
        assert_eq!(s.told(&[WAITS]), [], "the review comes first");
        k.review(&id);
        let again = app.notices().into_iter().find(|mail| mail.kind == WAITS && mail.address == second.email).unwrap();
        let mail = render(WAITS.parse().unwrap(), &again.context).unwrap();
        assert!(mail.text.contains("補正を依頼していた") && mail.text.contains("2026-06-01"), "{}", mail.text);
        k.decide(&id, &json!({})).must(200);
        assert_eq!(s.told(&[WAITS]), []);
    }

    fn n13_a_role_on_which_work_hangs_is_taken_away_only_by_whoever_knows(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let path = |of: &Person| format!("/users/{}", of.id);
        let asked = |of: &Person, change: &Value| {
            let body = app.patch(&admin, &path(of), change.clone()).must(409);
            assert!(text(&body, "type").ends_with("still_needed"), "{body:#}");
            text(&body, "detail")
        };
        let k = s.contract();
        k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let stop = json!({"active": false});
        for change in [&stop, &json!({"roles": ["auditor"]}), &json!({"expires_on": "2026-04-01"})] {
            let said = asked(&s.approver, change);
            assert!(said.contains("決裁前の申請1件、履行中の契約1件"), "{said}");
            let said = asked(&s.officer, change);
            assert!(said.contains("担当している契約が1件あります（R8-1）"), "{said}");
        }
        app.patch(&admin, &path(&s.officer), json!({"expires_on": "2027-03-31", "name": "架空 異動"})).must(200);
        app.get(&app.log_in(&s.officer), "/me").must(200);
        // Another who has come in can decide; one who was only invited can't.
        let other = app.person(s.agency, &[Role::Approver]);
        assert!(asked(&s.approver, &stop).contains("ほかに決裁できる決裁者がいません"));
        app.app.db.write::<_, itaku::db::DbError>(|conn| itaku::db::user::set_password(conn, other.id, "架空")).unwrap();
        app.patch(&admin, &path(&s.approver), stop.clone()).must(200);
        assert_eq!(app.patch(&admin, &path(&other), stop.clone()).problem(409), "still_needed");
        app.patch(&admin, &path(&other), json!({"active": false, "confirmed": true})).must(200);
        // Nothing hangs on an officer whose contracts were handed over.
        let next = app.person(s.agency, &[Role::Officer]);
        let over = json!({"officer_id": next.id, "from": "2026-04-01"});
        app.post(&admin, &format!("/contracts/{}/handover", k.id), over).must(200);
        app.patch(&admin, &path(&s.officer), stop).must(200);
        // In the browser it is asked once more, and done by the second button.
        let tab = app.tab(&admin);
        let form = format!("/users/{}/change", next.id);
        let page = tab.open(&form);
        let version = page.body.as_str().unwrap().split_once("name=\"_version\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        let fields = [("_version", version.as_str()), ("name", "架空 次"), ("email", &next.email), ("roles/0", "officer"), ("active", "false")];
        let shown = tab.submit(&form, &fields);
        let said = shown.body.as_str().unwrap();
        assert!(shown.status == 200 && said.contains("担当している契約が1件あります（R8-1）") && said.contains("それでも変更する"), "{said}");
        app.get(&app.log_in(&next), "/me").must(200);
        let sure = [&fields[..], &[("_sure", "1")]].concat();
        assert_eq!(tab.submit(&form, &sure).status, 303);
        app.get(&app.log_in(&next), "/me").must(401);
    }

    fn n14_a_due_day_moved_nearer_is_told(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let sweep = |on: &str| {
            app.move_to(on);
            itaku::schedule::sweep::sweep(&app.app, on.parse().unwrap(), false).unwrap();
            let digests = app.notices().into_iter().filter(|mail| mail.kind == "digest" && mail.address == s.officer.email);
            digests.map(|mail| mail.context.to_string()).collect::<Vec<_>>().concat()
        };
        assert!(sweep("2026-12-05").contains("承認期間は2026-12-31までです"));
        let silent = sweep("2026-12-06");
        assert!(!silent.contains("承認期間"), "{silent}");
        k.revoke(&b, "2026-12-26").must(200);
        let told = sweep("2026-12-07");
        assert!(told.contains("承認期間は2026-12-25までです"), "{told}");
        assert!(!sweep("2026-12-08").contains("承認期間"));
        assert!(sweep("2026-12-18").contains("承認期間は2026-12-25までです"), "seven days before the new day");
        let alert = text(&s.items(&s.officer, "/alerts?kind=consent_expiring")[0], "id");
        let actions = app.entries(&alert);
        let steps: Vec<_> = actions.iter().filter(|(action, _)| action == "alert.told").map(|(_, said)| text(said, "step")).collect();
        assert!(steps.contains(&"moved-2026-12-25-30".to_owned()) && steps.contains(&"moved-2026-12-25-7".to_owned()), "{steps:?}");
    }

    fn n21_a_report_counts_up_to_the_day_of_filing(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"declaration_interval": "yearly"}));
        let year = json!({"period": {"from": "2026-04-01", "to": "2027-03-31"}, "none": true});
        k.try_declare(&s.a, year.clone()).must(201);
        let path = format!("/contracts/{}/declarations/draft", k.id);
        let owed = s.get(&s.a.user, &path).must(200);
        assert_eq!((&owed["period"], &owed["due_on"]), (&json!({"from": "2026-04-02", "to": "2027-03-31"}), &json!("2027-04-14")));
        let sweep = |on: &str| {
            app.move_to(on);
            itaku::schedule::sweep::sweep(&app.app, on.parse().unwrap(), false).unwrap();
            s.alerts("declaration_overdue").into_iter().map(|(state, _)| state).collect::<Vec<_>>()
        };
        assert_eq!(sweep("2027-04-14"), [""; 0]);
        assert_eq!(sweep("2027-04-15"), ["open"]);
        let alert = &s.items(&s.officer, "/alerts?kind=declaration_overdue")[0];
        assert!(text(alert, "message").contains("2026-04-02から2027-03-31まで"), "{alert:#}");
        k.try_declare(&s.a, json!({"period": {"from": "2026-04-02", "to": "2027-03-31"}, "none": true})).must(201);
        assert_eq!(s.alerts("declaration_overdue")[0].0, "resolved");
    }
}
