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
        for word in ["審査が済みました。決裁をお願いします", "架空乙入力株式会社（第2層）", "令和8年4月15日（2026-04-15）", &format!("/applications/{id}")] {
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

    fn n22_a_vendor_without_an_account_is_told_at_its_contact_address_and_invited_or_that_nobody_was_is_said(app: TestApp) {
        let s = Stage::new(app);
        let alone = app.vendor("架空無人株式会社");
        let other = app.person(app.agency("A2"), &[Role::Officer]);
        let k = s.contract_with(&json!({"vendor_id": alone, "declaration_interval": "monthly", "data": [{"category": "personal", "persons": 100}]}));
        let sweep = |on: &str| {
            app.move_to(on);
            itaku::schedule::sweep::sweep(&app.app, on.parse().unwrap(), false).unwrap();
            app.notices()
        };
        sweep("2026-05-15");
        let name = json!([{"id": alone, "name": "架空無人株式会社"}]);
        let alert = s.items(&s.officer, "/alerts?kind=declaration_overdue")[0].clone();
        assert_eq!(alert["untold"], name);
        assert_eq!(s.get(&s.officer, "/overview").must(200)["agency"]["untold"], name);
        let tab = app.tab(&s.officer);
        for path in ["/home".to_owned(), format!("/alerts/{}", text(&alert, "id"))] {
            let page = tab.open(&path);
            let page = page.body.as_str().unwrap();
            assert!(page.contains("利用者も連絡先のメールアドレスもな") && page.contains("架空無人株式会社"), "{path}: {page}");
        }
        let kept = s.items(&s.officer, &format!("/notices?contract_id={}", k.id));
        let kept = kept.iter().find(|notice| notice["state"] == "unaddressed").unwrap();
        assert_eq!((&kept["kind"], &kept["recipient"]["name"]), (&json!("declaration_overdue"), &json!("架空無人株式会社")));
        assert!(tab.open("/notices?state=unaddressed").body.as_str().unwrap().contains("宛先なし"));
        // Another agency hears nothing of it.
        assert_eq!(s.get(&other, "/overview").must(200)["agency"].get("untold"), None);
        // Once an address is recorded, the next step reaches it, and whoever reads it is invited.
        let contact = "madoguchi@example.jp";
        app.patch(&app.log_in(&app.admin()), &format!("/organizations/{alone}"), json!({"contact_email": contact})).must(200);
        assert_eq!(s.get(&s.officer, "/overview").must(200)["agency"].get("untold"), None);
        let mails: Vec<_> = sweep("2026-06-15").into_iter().filter(|mail| mail.address == contact).collect();
        let mut kinds: Vec<&str> = mails.iter().map(|mail| mail.kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["declaration_overdue", "digest", "invitation"]);
        let of = |kind: &str| mails.iter().find(|mail| mail.kind == kind).unwrap();
        let digest = &of("digest").context;
        assert_eq!(digest["organization"], "架空無人株式会社");
        assert!(digest.to_string().contains("2026-05-01から2026-05-31まで"), "{digest}");
        let people = app.get(&app.log_in(&app.admin()), &format!("/users?organization_id={alone}")).must(200);
        assert_eq!((&people["items"][0]["email"], &people["items"][0]["roles"]), (&json!(contact), &json!(["vendor_user", "vendor_admin"])));
        let accept = json!({"token": of("invitation").token(), "password": "森と時計とハンカチ明るい"});
        app.anyone("/auth/invitation/accept", accept).must(200);
        let later: Vec<_> = sweep("2026-07-15").into_iter().filter(|mail| mail.address == contact).map(|mail| mail.kind).collect();
        assert!(later.contains(&"digest".to_owned()) && !later.contains(&"invitation".to_owned()), "{later:?}");
    }

    fn n22_so_are_the_mails_about_an_act(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let alone = crate::stage::Side { id: app.vendor("架空無人株式会社"), user: s.b.user.clone() };
        let c = k.consent(&s.a, &k.root, &alone, "2026-04-01", "2026-12-31");
        app.notices();
        k.revoke(&c, "2026-05-01").must(200);
        let mut to: Vec<_> = app.notices().into_iter().filter(|mail| mail.kind == "consent_revoked").map(|mail| mail.address).collect();
        to.sort();
        assert_eq!(to, ["", s.a.user.email.as_str()], "kept as told to nobody");
        let kept = s.items(&s.officer, "/notices");
        let states: Vec<_> = kept.iter().filter(|it| it["kind"] == "consent_revoked").map(|it| text(it, "state")).collect();
        assert!(states.contains(&"unaddressed".to_owned()), "{states:?}");
    }

    fn n28_a_completed_audit_is_corrected_by_a_recorded_act(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let plan = json!({"kind": "on_site", "due_on": "2026-06-30"});
        let audit = text(&s.post(&s.officer, &format!("/contracts/{}/audits", k.id), plan).must(201), "id");
        let act = |what: &str, body: &Value| s.post(&s.auditor, &format!("/audits/{audit}/{what}"), body.clone());
        let finding = |text: &str| json!({"text": text, "severity": "軽微", "due_on": "2026-07-31"});
        let right = |done_on: &str, findings: &Value| json!({
            "done_on": done_on, "result": if findings == &json!([]) { "pass" } else { "findings" }, "note": "立会い2名",
            "findings": findings, "reason": "日付と指摘の書き誤り",
        });
        assert_eq!(act("correct", &right("2026-04-01", &json!([]))).problem(409), "not_done");
        app.move_to("2026-05-20");
        let done = json!({"done_on": "2026-05-12", "result": "findings", "note": "立会い2名", "findings": [finding("施錠"), finding("台帳")]});
        act("complete", &done).must(200);
        assert_eq!(act("correct", &right("2026-05-21", &json!([]))).errors(), [("/done_on".to_owned(), "future".to_owned())]);
        let contradiction = json!({"done_on": "2026-05-11", "result": "pass", "findings": [finding("施錠")], "reason": "x"});
        assert_eq!(act("correct", &contradiction).errors()[0].0, "/findings");
        assert_eq!(act("correct", &right("2026-05-12", &json!([finding("施錠"), finding("台帳")]))).problem(409), "unchanged");
        let before = s.get(&s.officer, &format!("/audits/{audit}")).must(200);
        let corrected = act("correct", &right("2026-05-11", &json!([finding("施錠"), finding("名簿")]))).must(200);
        let texts = |view: &Value| view["findings"].as_array().unwrap().iter().map(|f| text(f, "text")).collect::<Vec<_>>();
        assert_eq!((&corrected["done_on"], texts(&corrected)), (&json!("2026-05-11"), vec!["施錠".to_owned(), "名簿".to_owned()]));
        assert_eq!((&corrected["corrected_on"], &corrected["correction_reason"]), (&json!("2026-05-20"), &json!("日付と指摘の書き誤り")));
        assert_eq!(corrected["findings"][0]["id"], before["findings"][0]["id"], "what stands stays what it was");
        let entry = app.entries(&audit).into_iter().find(|(action, _)| action == "audit.corrected").unwrap().1;
        assert_eq!(entry["before"], json!({"done_on": "2026-05-12", "result": "findings", "note": "立会い2名"}));
        assert_eq!((entry["withdrawn"].as_array().unwrap().len(), entry["findings"].as_array().unwrap().len()), (1, 1));
        // The vendor sees what is right, and that it was corrected.
        let seen = s.get(&s.a.user, &format!("/audits/{audit}")).must(200);
        assert_eq!((texts(&seen).len(), &seen["corrected_on"], seen.get("note")), (2, &json!("2026-05-20"), None));
        let page = app.tab(&s.a.user).open(&format!("/audits/{audit}"));
        assert!(page.body.as_str().unwrap().contains("訂正されています") && page.body.as_str().unwrap().contains("名簿"));
        let pass = act("correct", &right("2026-05-11", &json!([]))).must(200);
        assert_eq!((&pass["result"], texts(&pass).len()), (&json!("pass"), 0));
        s.post(&s.approver, &format!("/audits/{audit}/correct"), right("2026-05-11", &json!([]))).must(403);
    }

    fn n28_an_appointment_is_ended_and_a_decision_by_a_deputy_is_marked(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let deputy = app.person(s.agency, &[Role::Officer]);
        let stranger = app.person(app.agency("A2"), &[Role::AgencyAdmin]);
        let stands_in = json!({"deputy_id": deputy.id, "starts_on": "2026-04-01", "ends_on": "2100-12-31"});
        let path = format!("/users/{}/deputies", s.approver.id);
        let appointment = text(&app.post(&admin, &path, stands_in).must(201), "id");
        let (own, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let (lent, e) = k.apply(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31");
        k.review(&own);
        k.review(&lent);
        app.notices();
        let decide = json!({"decision": "consent", "reason": "必要性を確認した"});
        k.decide(&own, &decide).must(200);
        let decided = s.post(&deputy, &format!("/applications/{lent}/decision"), decide).must(200);
        let last = decided["steps"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["deputy"], &last["deputy_for"], &last["by"]), (&json!(true), &json!([s.approver.id]), &json!(deputy.id)));
        let words: Vec<String> = app.notices().iter().filter(|mail| mail.kind == "application_decided")
            .map(|mail| render(mail.kind.parse().unwrap(), &mail.context).unwrap().text).collect();
        assert_eq!((words.len(), words.iter().filter(|text| text.contains("決裁者の代理による決定です")).count()), (2, 1));
        let entry = |of: &str| app.entries(of).into_iter().find(|(action, _)| action == "application.consented").unwrap().1;
        assert_eq!((entry(&lent)["given"]["deputy_for"].clone(), entry(&own)["given"].get("deputy_for").cloned()), (json!([s.approver.id]), None));
        let page = |who: &Person, id: &str| app.tab(who).open(&format!("/applications/{id}")).body.as_str().unwrap().to_owned();
        assert!(page(&s.officer, &lent).contains("の代理）") && page(&s.officer, &lent).contains(">代理</span>"));
        assert!(!page(&s.officer, &own).contains(">代理</span>"));
        // The vendor hears that it was a deputy, not whose.
        let seen = s.get(&s.a.user, &format!("/applications/{lent}")).must(200);
        let last = seen["steps"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["deputy"], last.get("deputy_for"), last["content"].get("deputy_for")), (&json!(true), None, None));
        let revoke = json!({"reason": "体制の不備", "effective_on": "2026-06-01"});
        s.post(&deputy, &format!("/engagements/{e}/revoke"), revoke).must(200);
        let revoked = app.entries(&e).into_iter().find(|(action, _)| action == "consent.revoked").unwrap().1;
        assert_eq!(revoked["deputy_for"], json!([s.approver.id]));
        // It can't run on until 2100.
        app.move_to("2026-05-10");
        let admin = app.log_in(&admin);
        let end = |on: &str| app.post(&admin, &format!("/deputies/{appointment}/end"), json!({"ends_on": on, "reason": "早く戻ったため"}));
        assert_eq!(end("2026-05-08").errors(), [("/ends_on".to_owned(), "past".to_owned())]);
        assert_eq!(end("2100-12-31").errors(), [("/ends_on".to_owned(), "not_earlier".to_owned())]);
        assert_eq!(end("2026-05-20").must(200)["ends_on"], "2026-05-20");
        assert_eq!(app.get(&app.log_in(&deputy), "/me").must(200)["roles"], json!(["officer", "approver"]));
        assert_eq!(end("2026-05-09").must(200)["ends_on"], "2026-05-09");
        assert_eq!(app.get(&app.log_in(&deputy), "/me").must(200)["roles"], json!(["officer"]), "from today on");
        assert_eq!(end("2026-05-09").problem(409), "over");
        let ended = app.entries(s.approver.id.as_str()).into_iter().filter(|(action, _)| action == "user.deputy_ended").count();
        assert_eq!(ended, 2);
        app.post(&app.log_in(&stranger), &format!("/deputies/{appointment}/end"), json!({"ends_on": "2026-05-09", "reason": "x"})).must(404);
    }

    fn n23_whoever_is_told_that_a_vendor_changed_can_record_it(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let made = json!({"kind": "vendor", "name": "架空旧称株式会社", "corporate_number": "7000012050002"});
        let vendor = text(&app.post(&app.admin(), "/organizations", made).must(201), "id");
        let k = s.contract_with(&json!({"vendor_id": vendor}));
        let row = "1,7000012050002,11,0,2026-04-01,2026-04-01,\"株式会社架空新称\",,301,\"架空県\",\"例示市\",\"一丁目\",,99,999,0000000,,,,,,,2026-04-01,1,,,,,\"カクウ\",0\r\n";
        let file = itaku::exchange::register::read(row.as_bytes()).unwrap();
        assert_eq!(itaku::service::register::import_register(&app.app, &file).unwrap().alerts, 1);
        let path = format!("/organizations/{vendor}");
        let change = |who: &Person, body: Value| app.patch(&app.log_in(who), &path, body);
        assert_eq!(change(&s.officer, json!({"name": "株式会社架空別称"})).problem(409), "not_in_register");
        assert_eq!(change(&s.officer, json!({"address": "架空市"})).problem(409), "not_yours");
        change(&s.approver, json!({"name": "株式会社架空新称"})).must(403);
        change(&s.officer, json!({"name": "株式会社架空新称"})).must(200);
        assert_eq!(s.items(&s.officer, "/alerts?kind=vendor_changed")[0]["state"], "resolved");
        for q in ["架空旧称", "架空新称"] {
            let found = |path: &str| s.items(&s.officer, &format!("{path}q={}", url::form_urlencoded::byte_serialize(q.as_bytes()).collect::<String>())).iter().map(|one| text(one, "id")).collect::<Vec<_>>();
            assert_eq!(found("/organizations?kind=vendor&").join(" "), vendor, "{q}");
            assert_eq!(found("/contracts?").join(" "), k.id, "{q}");
        }
        change(&admin, json!({"contact_email": "madoguchi@example.jp"})).must(200);
        assert_eq!(app.patch(&app.log_in(&s.officer), &format!("/organizations/{}", s.agency), json!({"name": "架空"})).problem(409), "not_a_vendor");
        // Where it stands on another agency's chain, its contact is not one agency's to change.
        let other = app.agency("A2");
        let officer = app.person(other, &[Role::Officer]);
        let body = json!({"number": "X-1", "title": "架空業務", "fiscal_year": 2026, "vendor_id": vendor, "amount_yen": 1, "signed_on": "2026-04-01",
            "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力", "data": [], "subcontracting": {"policy": "consent_required"}});
        app.post(&officer, "/contracts", body).must(201);
        assert_eq!(change(&s.officer, json!({"contact_email": "betsu@example.jp"})).problem(409), "known_elsewhere");
        let page = app.tab(&s.officer).open(&format!("/vendors/{vendor}"));
        assert!(page.body.as_str().unwrap().contains(&format!("/vendors/{vendor}/edit")));
    }
}
