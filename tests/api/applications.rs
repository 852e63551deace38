//! Applying, reviewing, returning, deciding, revoking, withdrawing, and 既承認.
#![expect(clippy::many_single_char_names, reason = "the vendors of the worked example are called so")]

use itaku::domain::access::Role;
use serde_json::{Value, json};

use crate::stage::{Stage, content, days, review, text, used, used_under, with};
use crate::support::{Person, TestApp, both};

const MAILS: [&str; 4] =
    ["application_filed", "application_decided", "application_returned", "consent_revoked"];
// Of what waits for the approver: `told.rs`.

fn told(kind: &str, people: &[&Person]) -> Vec<(String, String)> {
    let mut told: Vec<_> = people.iter().map(|p| (kind.to_owned(), p.email.clone())).collect();
    told.sort();
    told
}

fn decision(stage: &Stage<'_>, who: &Person, application: &str) -> crate::support::Answer {
    let body = json!({"decision": "consent", "reason": "確認した"});
    stage.post(who, &format!("/applications/{application}/decision"), body)
}

both! {
    fn an_application_is_filed_reviewed_and_decided_and_the_right_people_hear_of_it_once(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let second = app.person(s.a.id, &[Role::VendorAdmin]);
        s.told(&MAILS);
        let filed = k.try_apply(&s.a, &k.root, &s.b, &json!({})).must(201);
        assert_eq!((&filed["state"], &filed["filed_on"], &filed["supersedes"]), (&json!("applied"), &json!("2026-04-01"), &json!(false)));
        assert_eq!(filed["applicant_id"], json!(s.a.id));
        let mailed: Vec<_> = app.notices().into_iter().filter(|it| MAILS.contains(&it.kind.as_str())).collect();
        assert_eq!((mailed.len(), mailed[0].kind.as_str(), &mailed[0].address), (1, "application_filed", &s.officer.email));
        assert_eq!(mailed[0].context["decide_by"]["on"], "2026-04-15", "ten working days");
        let (id, engagement) = (text(&filed, "id"), text(&filed, "engagement_id"));
        assert_eq!(k.state(&engagement), "applied");

        assert_eq!(k.decide(&id, &json!({})).problem(409), "not_reviewed");
        let reviewed = k.review(&id);
        assert_eq!((&reviewed["state"], &reviewed["steps"][0]["step"]), (&json!("applied"), &json!("reviewed")));
        let seen = s.get(&s.a.user, &format!("/applications/{id}")).must(200);
        assert_eq!(seen["steps"], json!([]), "the review is the agency's own");

        let decided = k.decide(&id, &json!({"conditions": "施錠した部屋で行う"})).must(200);
        assert_eq!(decided["state"], "consented");
        assert_eq!(s.told(&MAILS), told("application_decided", &[&s.a.user, &second]));
        let node = k.node(&engagement, "?as_of=2026-05-01");
        assert_eq!((&node["state"], &node["covered"], &node["in_use"], &node["tier"]), (&json!("consented"), &json!(true), &json!(false), &json!(2)));
        let consent = &node["consents"][0];
        assert_eq!((&consent["decided_on"], &consent["valid_from"], &consent["valid_until"], &consent["recorded"]),
            (&json!("2026-04-01"), &json!("2026-05-01"), &json!("2026-12-31"), &json!(false)));
        assert_eq!(k.decide(&id, &json!({"decision": "refuse"})).problem(409), "decided");
        s.post(&s.officer, &format!("/applications/{id}/review"), review()).must(409);
        s.post(&s.a.user, &format!("/applications/{id}/withdraw"), json!({})).must(409);
        assert_eq!(s.told(&MAILS), []);
    }

    fn what_is_kept_as_given_fits_the_ledger(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let nested = |levels: usize| (1..levels).fold(json!({"末端": 1}), |inner, _| json!({"段": inner}));
        let refused = |safeguards: Value| k.try_apply(&s.a, &k.root, &s.b, &json!({"safeguards": safeguards})).errors();
        let at = |code: &str| vec![("/safeguards".to_owned(), code.to_owned())];
        for levels in [33, 80] {
            assert_eq!(refused(nested(levels)), at("too_deep"), "{levels}");
        }
        for number in [9_007_199_254_740_992_i64, -9_007_199_254_740_993] {
            assert_eq!(refused(json!({"件数": [number]})), at("number"));
        }
        let most = json!({"safeguards": {"件数": [9_007_199_254_740_991_i64], "段": nested(31)}});
        k.try_apply(&s.a, &k.root, &s.b, &most).must(201);
    }

    fn today_is_the_first_possible_day_of_a_consent(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (first, b) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let (second, c) = k.apply(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31");
        k.review(&first);
        k.review(&second);
        app.move_to("2026-05-15");
        let early = k.decide(&first, &json!({"valid_from": "2026-05-14"})).errors();
        assert_eq!(early, [("/valid_from".to_owned(), "before_decision".to_owned())]);
        k.decide(&first, &json!({"valid_from": "2027-01-01"})).must(422);
        k.decide(&first, &json!({"valid_until": "2027-04-01"})).must(422);
        assert_eq!(k.state(&b), "applied", "nothing was decided");
        k.decide(&first, &json!({"valid_from": "2026-05-15", "valid_until": "2026-05-20"})).must(200);
        k.decide(&second, &json!({})).must(200);
        let valid = |e: &str| { let c = &k.node(e, "")["consents"][0]; (text(c, "valid_from"), text(c, "valid_until")) };
        assert_eq!(valid(&b), ("2026-05-15".to_owned(), "2026-05-20".to_owned()));
        assert_eq!(valid(&c), ("2026-05-15".to_owned(), "2026-12-31".to_owned()), "the period applied for, from today at the earliest");
        assert!(k.node(&b, "")["covered"].as_bool().unwrap());
        assert!(!k.node(&b, "?as_of=2026-05-14")["covered"].as_bool().unwrap());
        assert_eq!(text(&k.node(&b, "?as_of=2026-05-21"), "state"), "expired");
    }

    fn who_filed_or_reviewed_does_not_decide(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let two = app.person(s.agency, &[Role::Officer, Role::Approver]);
        let (id, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        s.post(&two, &format!("/applications/{id}/review"), review()).must(200);
        decision(&s, &two, &id).must(403);
        k.review(&id);
        decision(&s, &two, &id).must(403);
        decision(&s, &s.officer, &id).must(403);
        decision(&s, &s.a.user, &id).must(403);
        // A review that a correction overtook still binds the reviewer, and counts no more.
        s.post(&s.officer, &format!("/applications/{id}/return"), json!({"points": "件数"})).must(200);
        s.post(&s.a.user, &format!("/applications/{id}/resubmit"), content("2026-06-01", "2026-12-31")).must(200);
        assert_eq!(k.decide(&id, &json!({})).problem(409), "not_reviewed");
        k.review(&id);
        decision(&s, &two, &id).must(403);
        decision(&s, &s.approver, &id).must(200);
    }

    fn an_application_is_sent_back_corrected_and_reviewed_anew(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (id, engagement) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        k.review(&id);
        let at = |step: &str| format!("/applications/{id}/{step}");
        assert_eq!(s.post(&s.a.user, &at("resubmit"), content("2026-06-01", "2026-12-31")).problem(409), "not_returned");
        s.post(&s.officer, &at("return"), json!({"points": "件数", "reply_by": "2026-03-31"})).must(422);
        s.told(&MAILS);
        let returned = s.post(&s.officer, &at("return"), json!({"points": "件数を書いてください", "reply_by": "2026-04-10"})).must(200);
        assert_eq!(returned["state"], "returned");
        assert_eq!(s.told(&MAILS), told("application_returned", &[&s.a.user]));
        assert_eq!(k.state(&engagement), "applied", "it still waits");
        assert_eq!(k.decide(&id, &json!({})).problem(409), "returned");
        s.post(&s.officer, &at("review"), review()).must(409);
        s.post(&s.officer, &at("return"), json!({"points": "再度"})).must(409);
        let seen = s.get(&s.a.user, &format!("/applications/{id}")).must(200);
        assert_eq!(seen["steps"][0]["content"]["points"], "件数を書いてください");
        assert_eq!(seen["steps"][0].get("by"), None);
        // By the day that the agency gave, not by the start of the work; both sides see it, and that it is past.
        let due: Vec<Value> = s.items(&s.a.user, "/tasks?kind=correction").iter().map(|it| it["due_on"].clone()).collect();
        assert_eq!(due, [json!("2026-04-10")]);
        let page = |who: &Person| app.tab(who).open(&format!("/applications/{id}")).body;
        for (day, is_over) in [("2026-04-10", false), ("2026-04-11", true)] {
            app.move_to(day);
            for who in [&s.officer, &s.a.user] {
                let page = page(who);
                let page = page.as_str().unwrap();
                assert_eq!(page.matches("回答の期限: ").count(), 2, "asked for, and how it came: {page}");
                assert_eq!(page.contains("超過</span>"), is_over, "{day}: {page}");
            }
        }

        s.post(&s.b.user, &at("resubmit"), content("2026-06-01", "2026-12-31")).must(403);
        s.post(&s.a.user, &at("resubmit"), content("2026-06-01", "2027-04-01")).must(422);
        s.post(&s.a.user, &at("resubmit"), content("2026-06-01", "2026-11-30")).must(200);
        assert_eq!(s.told(&MAILS), told("application_filed", &[&s.officer]));
        k.review(&id);
        let decided = k.decide(&id, &json!({})).must(200);
        assert_eq!(decided["content"]["starts_on"], "2026-06-01");
        let consent = &k.node(&engagement, "")["consents"][0];
        assert_eq!((&consent["valid_from"], &consent["valid_until"]), (&json!("2026-06-01"), &json!("2026-11-30")), "as corrected");
    }

    fn an_earlier_known_at_reads_an_application_as_it_was_then(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (id, b) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let causes = |query: &str| {
            let node = k.node(&b, query);
            let spans = node["uncovered_causes"].as_array().unwrap();
            spans.iter().map(|s| format!("{}..{} {}", text(s, "from"), text(s, "to"), text(s, "cause"))).collect::<Vec<_>>()
        };
        app.move_to("2026-05-10");
        k.declare(&s.a, &[used(&b, "2026-05-01", None)]);
        s.post(&s.officer, &format!("/applications/{id}/return"), json!({"points": "期間"})).must(200);
        s.told(&MAILS);
        app.move_to("2026-05-11");
        let corrected = with(content("2026-06-01", "2026-11-30"), &json!({"scope": "改めた範囲", "amount_yen": 2_000_000}));
        s.post(&s.a.user, &format!("/applications/{id}/resubmit"), corrected).must(200);
        let as_filed = ["2026-05-01..2026-12-31 undecided", "2027-01-01..2027-03-31 no_application"];
        let as_corrected = ["2026-05-01..2026-05-31 no_application", "2026-06-01..2026-11-30 undecided", "2026-12-01..2027-03-31 no_application"];
        // 09:00 in Tokyo: recorded at 2026-05-11T00:00:00Z.
        assert_eq!(causes("?known_at=2026-05-10T23:59:59.999999Z"), as_filed);
        assert_eq!(causes("?known_at=2026-05-11T00:00:00Z"), as_corrected);
        assert_eq!(causes(""), as_corrected);

        let seen = |who, query: &str| s.get(who, &format!("/applications/{id}{query}"));
        let then = seen(&s.officer, "?known_at=2026-05-10T23:59:59Z").must(200);
        let now = seen(&s.officer, "").must(200);
        let said = |view: &Value| ["starts_on", "ends_on", "scope", "amount_yen"].map(|key| view["content"][key].clone());
        assert_eq!(said(&then), [json!("2026-05-01"), json!("2026-12-31"), json!("データ入力の一部"), json!(1_000_000)]);
        assert_eq!(said(&now), [json!("2026-06-01"), json!("2026-11-30"), json!("改めた範囲"), json!(2_000_000)]);
        let stands = |view: &Value| (text(view, "state"), view["steps"].as_array().unwrap().len(), view["version"].as_i64().unwrap());
        assert_eq!((stands(&then), stands(&now)), (("returned".to_owned(), 1, 2), ("applied".to_owned(), 2, 3)));
        assert_eq!(stands(&seen(&s.officer, "?known_at=2026-04-01T12:00:00Z").must(200)), ("applied".to_owned(), 0, 1));
        assert_eq!(seen(&s.a.user, "?known_at=2026-05-10T23:59:59Z").must(200)["content"], then["content"]);
        seen(&s.officer, "?known_at=2026-03-31T23:59:59Z").must(404);
        seen(&s.c.user, "?known_at=2026-05-10T23:59:59Z").must(404);
        seen(&s.officer, "?known_at=yesterday").must(422);
        // The mail speaks of what is applied for now.
        let mail = app.notices().into_iter().find(|notice| notice.kind == "application_filed").unwrap();
        assert_eq!(mail.context["application"]["starts"]["on"], "2026-06-01");
        k.review(&id);
        k.decide(&id, &json!({})).must(200);
        let decided = seen(&s.officer, "?known_at=2026-05-10T23:59:59Z").must(200);
        assert_eq!((stands(&decided), said(&decided)), (stands(&then), said(&then)), "whatever comes later");
    }

    fn a_refused_or_withdrawn_application_leaves_its_engagement_uncovered(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (refused, b) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        let (withdrawn, c) = k.apply(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31");
        k.review(&refused);
        s.told(&MAILS);
        k.decide(&refused, &json!({"decision": "refuse"})).must(200);
        assert_eq!(s.told(&MAILS), told("application_decided", &[&s.a.user]));
        s.post(&s.c.user, &format!("/applications/{withdrawn}/withdraw"), json!({})).must(403);
        s.post(&s.d.user, &format!("/applications/{withdrawn}/withdraw"), json!({})).must(404);
        let gone = s.post(&s.a.user, &format!("/applications/{withdrawn}/withdraw"), json!({"reason": "計画の変更"})).must(200);
        assert_eq!(gone["state"], "withdrawn");
        assert_eq!((k.state(&b).as_str(), k.state(&c).as_str()), ("refused", "withdrawn"));
        for step in ["review", "return", "decision"] {
            let body = match step {
                "review" => review(),
                "return" => json!({"points": "x"}),
                _ => json!({"decision": "consent", "reason": "x"}),
            };
            let who = if step == "decision" { &s.approver } else { &s.officer };
            assert_eq!(s.post(who, &format!("/applications/{withdrawn}/{step}"), body).status, 409, "{step}");
        }
        app.move_to("2026-05-10");
        k.declare(&s.a, &[used(&b, "2026-05-01", None), used(&c, "2026-05-02", Some("2026-05-05"))]);
        assert_eq!(k.uncovered(&b), days(&[("2026-05-01", None)]));
        assert_eq!(k.uncovered(&c), days(&[("2026-05-02", Some("2026-05-05"))]));
        assert_eq!(k.causes(&b), ["2026-05-01..2027-03-31 refused"]);
        assert_eq!(k.causes(&c), ["2026-05-02..2026-05-05 no_application"]);
        // Applied for again: the same engagement.
        let (again, same) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-12-31");
        assert_eq!(same, b);
        assert_eq!(k.causes(&b), ["2026-05-01..2026-12-31 undecided", "2027-01-01..2027-03-31 refused"]);
        k.review(&again);
        k.decide(&again, &json!({})).must(200);
        assert_eq!(k.causes(&b), ["2026-05-01..2026-05-09 before_consent", "2027-01-01..2027-03-31 expired"]);
        // A returned application can be withdrawn too.
        let (third, _) = k.apply(&s.a, &k.root, &s.e, "2026-06-01", "2026-12-31");
        s.post(&s.officer, &format!("/applications/{third}/return"), json!({"points": "x"})).must(200);
        s.post(&s.a.user, &format!("/applications/{third}/withdraw"), json!({})).must(200);
    }

    fn n15_the_parent_holds_a_consent_on_the_childs_first_day_its_ancestors_need_not(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let (first, b) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-08-31");
        let starting = |who, parent: &str, vendor, from: &str| k.try_apply(who, parent, vendor, &json!({"starts_on": from, "ends_on": "2027-03-31"}));
        let refused = |answer: crate::support::Answer| {
            let body = answer.must(409);
            assert_eq!(body["type"], "urn:itaku:problem:parent_without_consent", "{body:#}");
            text(&body, "detail")
        };
        let none = refused(starting(&s.b, &b, &s.c, "2026-06-01"));
        assert!(none.contains("架空乙入力株式会社") && none.contains("承認がありません"), "{none}");
        k.review(&first);
        k.decide(&first, &json!({})).must(200);
        // The parent's consent lies ahead: what begins with it is applied for before, what begins earlier is not.
        let early = refused(starting(&s.b, &b, &s.c, "2026-04-30"));
        assert!(early.contains("承認は2026-05-01からです"), "{early}");
        let late = refused(starting(&s.b, &b, &s.c, "2026-09-01"));
        assert!(late.contains("承認は2026-08-31まで") && late.contains("2026-09-01"), "{late}");
        let c = text(&starting(&s.b, &b, &s.c, "2026-05-01").must(201), "engagement_id");
        let list = s.items(&s.officer, &format!("/contracts/{}/applications", k.id));
        let id = text(list.last().unwrap(), "id");
        k.review(&id);
        k.decide(&id, &json!({})).must(200);
        let child = k.node(&c, "?as_of=2026-05-01");
        assert_eq!((&child["covered"], &child["state"]), (&json!(true), &json!("consented")), "consented in time, covered from its first day");
        assert_eq!(child["consents"][0]["valid_until"], "2027-03-31", "beyond its parent's, not beyond the contract's");
        // A first day gone by counts as today, for no consent reaches back.
        app.move_to("2026-05-02");
        starting(&s.b, &b, &s.d, "2026-04-01").must(201);
        // After B's consent ends, C still holds its own: D may be applied for under it, though nothing there is covered.
        app.move_to("2026-09-01");
        refused(starting(&s.b, &b, &s.e, "2026-06-01"));
        let d = text(&starting(&s.c, &c, &s.d, "2026-09-01").must(201), "engagement_id");
        assert_eq!(k.node(&d, "")["tier"], 4);
        assert!(!k.node(&c, "")["covered"].as_bool().unwrap());
        assert_eq!(k.state(&c), "consented");
        k.try_apply(&s.a, &k.root, &s.d, &json!({"ends_on": "2027-04-01"})).must(422);
        k.try_apply(&s.a, &k.root, &s.d, &json!({"starts_on": "2026-03-31"})).must(422);
        k.try_apply(&s.a, &k.root, &s.d, &json!({"ends_on": "2026-08-31"})).must(422);
        app.move_to("2027-04-01");
        assert_eq!(starting(&s.a, &k.root, &s.e, "2026-06-01").problem(409), "contract_ended");
    }

    fn a_vendor_stands_nowhere_under_itself_and_on_two_branches_if_it_likes(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let today = ("2026-04-01", "2026-12-31");
        assert_eq!(k.try_apply(&s.a, &k.root, &s.a, &json!({})).problem(409), "vendor_on_path");
        let b = k.consent(&s.a, &k.root, &s.b, today.0, today.1);
        let c = k.consent(&s.b, &b, &s.c, today.0, today.1);
        for vendor in [&s.a, &s.b, &s.c] {
            assert_eq!(k.try_apply(&s.c, &c, vendor, &json!({})).problem(409), "vendor_on_path");
        }
        let d = k.consent(&s.a, &k.root, &s.d, today.0, today.1);
        let again = k.consent(&s.d, &d, &s.c, today.0, today.1);
        assert_ne!(again, c);
        let chain = k.chain_of(&s.c);
        let roots: Vec<String> = chain["roots"].as_array().unwrap().iter().map(|n| text(n, "engagement_id")).collect();
        assert_eq!(roots, [c, again]);
        assert_eq!(chain["root"], chain["roots"][0]);
        // The prime may apply for every tier of its chain, a vendor for the tier below itself only, nobody elsewhere.
        k.try_apply(&s.a, &b, &s.e, &json!({})).must(201);
        k.try_apply(&s.b, &roots[0], &s.e, &json!({})).must(403);
        k.try_apply(&s.b, &d, &s.e, &json!({})).must(404);
        k.try_apply(&s.e, &d, &s.b, &json!({})).must(404);
    }

    fn the_contracts_clause_is_kept(app: TestApp) {
        let s = Stage::new(app);
        let clause = |number: &str, clause: Value| s.contract_with(&json!({"number": number, "subcontracting": clause}));
        let prohibited = clause("1", json!({"policy": "prohibited", "overseas": "prohibited"}));
        assert_eq!(prohibited.try_apply(&s.a, &prohibited.root, &s.b, &json!({})).problem(409), "prohibited");
        let shallow = clause("2", json!({"policy": "consent_required", "max_tier": 2, "overseas": "consent_required"}));
        let b = shallow.consent(&s.a, &shallow.root, &s.b, "2026-04-01", "2026-12-31");
        assert_eq!(shallow.try_apply(&s.b, &b, &s.c, &json!({})).problem(409), "too_deep");
        shallow.try_apply(&s.a, &shallow.root, &s.c, &json!({"country": "VN"})).must(201);
        let here = clause("3", json!({"policy": "consent_required", "overseas": "prohibited"}));
        assert_eq!(here.try_apply(&s.a, &here.root, &s.b, &json!({"country": "VN"})).problem(409), "overseas");
        assert_eq!(here.try_apply(&s.a, &here.root, &s.b, &json!({"whole_scope": true})).problem(409), "whole_scope");
        // Where no country is said, it is the vendor's own.
        let abroad = json!({"country": null, "vendor_id": null, "vendor": {"name": "架空海外入力社", "country": "VN"}});
        assert_eq!(here.try_apply(&s.a, &here.root, &s.b, &abroad).problem(409), "overseas");
        assert_eq!(shallow.try_apply(&s.a, &shallow.root, &s.b, &abroad).must(201)["content"]["country"], "VN");
        let recorded = text(&shallow.record(&shallow.root, &s.b, &abroad).must(201), "engagement_id");
        shallow.declare(&s.a, &[used(&recorded, "2026-04-01", None)]);
        assert_eq!(s.alerts("overseas_handling"), [], "consented to where it is");
        here.try_apply(&s.a, &here.root, &s.b, &json!({"vendor_id": "00000000-0000-7000-8000-00000000ffff"})).must(422);
        here.try_apply(&s.a, &here.root, &s.b, &json!({"vendor_id": s.agency})).must(422);
        let (pending, _) = here.apply(&s.a, &here.root, &s.b, "2026-05-01", "2026-12-31");
        assert_eq!(here.try_apply(&s.a, &here.root, &s.b, &json!({})).problem(409), "pending");
        // The clause became stricter before the decision.
        let change = json!({"effective_on": "2026-04-01", "reason": "変更契約", "subcontracting": {"policy": "prohibited"}});
        s.post(&s.officer, &format!("/contracts/{}/amendments", here.id), change).must(201);
        here.review(&pending);
        assert_eq!(here.decide(&pending, &json!({})).problem(409), "prohibited");
        here.decide(&pending, &json!({"decision": "refuse"})).must(200);
    }

    fn the_terms_of_the_days_concerned_decide(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"starts_on": "2026-04-15"}));
        let change = json!({"effective_on": "2026-10-01", "reason": "変更契約", "subcontracting": {"policy": "prohibited"}});
        s.post(&s.officer, &format!("/contracts/{}/amendments", k.id), change).must(201);
        let over = json!({"starts_on": "2026-04-15", "ends_on": "2026-10-01"});
        assert_eq!(k.try_apply(&s.a, &k.root, &s.b, &over).problem(409), "prohibited", "on the last of its days");
        let (application, b) = k.apply(&s.a, &k.root, &s.b, "2026-04-15", "2026-09-30");
        k.review(&application);
        assert_eq!(k.decide(&application, &json!({"valid_until": "2026-10-01"})).problem(409), "prohibited");
        let early = k.decide(&application, &json!({"valid_from": "2026-04-14"})).errors();
        assert_eq!(early, [("/valid_from".to_owned(), "outside_contract".to_owned())]);
        k.decide(&application, &json!({})).must(200);
        let consent = &k.node(&b, "")["consents"][0];
        assert_eq!((&consent["valid_from"], &consent["valid_until"]), (&json!("2026-04-15"), &json!("2026-09-30")));
    }

    fn what_stands_beside_an_engagement_names_the_same(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        let c = k.consent(&s.b, &b, &s.c, "2026-04-01", "2026-12-31");
        let same = json!({"engagement_id": c, "parent_engagement_id": b, "vendor": {"name": "架空丙企画㈱"}});
        let apply = |change: &Value| k.try_apply(&s.b, &b, &s.c, &with(same.clone(), change));
        let wrong = |fields: &[&str]| fields.iter().map(|field| (format!("/{field}"), "contradiction".to_owned())).collect::<Vec<_>>();
        assert_eq!(apply(&json!({"vendor": {"name": "架空丁計算株式会社"}})).errors(), wrong(&["vendor"]));
        let other = json!({"vendor_id": s.d.id, "vendor": {"name": "架空丁計算株式会社"}});
        assert_eq!(apply(&other).errors(), wrong(&["vendor_id", "vendor"]));
        apply(&json!({})).must(201);
        let declared = |change: &Value| {
            let used = with(with(used(&c, "2026-04-01", None), &same), change);
            k.try_declare(&s.a, json!({"engagements": [used]}))
        };
        let at = |field: &str| [(format!("/engagements/0/{field}"), "contradiction".to_owned())];
        assert_eq!(declared(&json!({"parent_engagement_id": k.root})).errors(), at("parent_engagement_id"));
        assert_eq!(declared(&json!({"vendor_id": s.d.id})).errors(), at("vendor_id"));
        declared(&json!({"vendor_id": s.c.id})).must(201);
        // Nor do an id and words that name two vendors go together.
        let two = json!({"vendor": {"name": "架空丁計算株式会社"}});
        assert_eq!(k.try_apply(&s.a, &k.root, &s.e, &two).errors(), wrong(&["vendor"]));
        assert_eq!(k.record(&k.root, &s.e, &two).errors(), wrong(&["vendor"]));
    }

    fn tier_twos_amounts_reach_the_ratio_only_with_a_reason(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract_with(&json!({"subcontracting": {"policy": "consent_required", "max_ratio_percent": 50, "overseas": "prohibited"}}));
        let amount = |vendor, yen: i64, more: &Value| {
            k.try_apply(&s.a, &k.root, vendor, &with(json!({"amount_yen": yen, "starts_on": "2026-04-01"}), more))
        };
        let missing = vec![("/special_reason".to_owned(), "required".to_owned())];
        assert_eq!(amount(&s.b, 5_000_000, &json!({})).errors(), missing, "at it");
        assert_eq!(amount(&s.b, 5_000_000, &json!({"special_reason": "  "})).errors(), missing, "a blank is no reason");
        let first = amount(&s.b, 4_999_999, &json!({})).must(201);
        assert_eq!(amount(&s.c, 1, &json!({})).errors(), missing, "together with what is pending");
        amount(&s.c, 1, &json!({"special_reason": "ほかに扱える者がいない"})).must(201);
        k.review(&text(&first, "id"));
        k.decide(&text(&first, "id"), &json!({})).must(200);
        assert_eq!(amount(&s.b, 1, &json!({})).errors(), missing, "together with what it was consented already");
        // Tier 3 does not count; a superseding application of the same vendor replaces its own amount.
        k.try_apply(&s.b, &text(&first, "engagement_id"), &s.d, &json!({"amount_yen": 4_000_000})).must(201);
        amount(&s.b, 4_999_998, &json!({"supersedes": true})).must(201);
    }

    fn consents_unite_and_one_that_supersedes_ends_the_old_the_day_before(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-06-30");
        let same = k.consent(&s.a, &k.root, &s.b, "2026-07-01", "2026-12-31");
        assert_eq!(same, b);
        k.declare(&s.a, &[used(&b, "2026-04-01", None)]);
        assert_eq!(k.causes(&b), ["2027-01-01..2027-03-31 expired"]);
        let change = json!({"starts_on": "2026-06-01", "ends_on": "2026-09-30", "supersedes": true});
        let filed = k.try_apply(&s.a, &k.root, &s.b, &change).must(201);
        assert_eq!((&filed["supersedes"], text(&filed, "engagement_id")), (&json!(true), b.clone()));
        k.review(&text(&filed, "id"));
        k.decide(&text(&filed, "id"), &json!({})).must(200);
        let node = k.node(&b, "");
        let valid: Vec<(String, String)> = node["consents"].as_array().unwrap().iter().map(|c| (text(c, "valid_from"), text(c, "valid_until"))).collect();
        let expected = [("2026-04-01", "2026-05-31"), ("2026-07-01", "2026-05-31"), ("2026-06-01", "2026-09-30")];
        assert_eq!(valid, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
        assert_eq!(k.causes(&b), ["2026-10-01..2027-03-31 expired"]);
        // By the engagement's own id, the same place.
        let by_id = with(content("2026-10-01", "2027-03-31"), &json!({"engagement_id": b}));
        let again = s.post(&s.a.user, &format!("/contracts/{}/applications", k.id), by_id).must(201);
        assert_eq!(text(&again, "engagement_id"), b);
    }

    fn a_revocation_cuts_what_was_decided_so_far(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let b = k.consent(&s.a, &k.root, &s.b, "2026-04-01", "2026-12-31");
        k.declare(&s.a, &[used(&b, "2026-04-01", None)]);
        app.move_to("2026-06-01");
        k.revoke(&b, "2026-05-31").must(422);
        assert_eq!(k.revoke(&k.root, "2026-06-10").problem(409), "prime");
        s.post(&s.officer, &format!("/engagements/{b}/revoke"), json!({"reason": "x", "effective_on": "2026-07-01"})).must(403);
        s.told(&MAILS);
        let late = k.revoke(&b, "2027-01-01").must(200);
        assert_eq!((&late["changed"], &late["state"]), (&json!(false), &json!("consented")), "a day after the end changes nothing");
        assert_eq!(s.told(&MAILS), []);
        let cut = k.revoke(&b, "2026-08-01").must(200);
        assert_eq!((&cut["changed"], &cut["state"]), (&json!(true), &json!("consented")), "today it still holds");
        assert_eq!(s.told(&MAILS), told("consent_revoked", &[&s.a.user, &s.b.user]));
        assert_eq!(k.revoke(&b, "2026-09-01").must(200)["changed"], false, "the earliest day wins");
        assert_eq!(k.revoke(&b, "2026-07-01").must(200)["changed"], true);
        assert_eq!(k.causes(&b), ["2026-07-01..2026-12-31 revoked", "2027-01-01..2027-03-31 expired"]);
        let consent = &k.node(&b, "")["consents"][0];
        assert_eq!((&consent["valid_until"], &consent["revoked_from"]), (&json!("2026-06-30"), &json!("2026-07-01")));
        app.move_to("2026-07-01");
        assert_eq!(k.state(&b), "revoked");
        assert_eq!(s.alerts("unapproved_subcontractor"), [], "nobody has evaluated the new day");
        itaku::schedule::sweep::sweep(&app.app, crate::support::day("2026-07-01"), false).unwrap();
        assert_eq!(s.alerts("unapproved_subcontractor"), [("open".to_owned(), b.clone())]);
        // A later consent starts anew.
        let again = k.consent(&s.a, &k.root, &s.b, "2026-07-15", "2027-03-31");
        assert_eq!(again, b);
        assert_eq!(k.causes(&b), ["2026-07-01..2026-07-14 revoked"]);
        let (_, c) = k.apply(&s.a, &k.root, &s.c, "2026-08-01", "2026-12-31");
        assert_eq!(k.revoke(&c, "2026-08-01").problem(409), "no_consent");
    }

    fn a_consent_on_paper_holds_as_decided_and_is_known_from_today(app: TestApp) {
        let s = Stage::new(app);
        let registered = "2026-06-01";
        let elsewhere = app.person(app.agency("A2"), &[itaku::domain::access::Role::Auditor]);
        app.move_to(registered);
        let k = s.contract();
        app.move_to("2026-06-02");
        let errors = |change: Value| k.record(&k.root, &s.b, &change).errors();
        let at = |pointer: &str| pointer.to_owned();
        assert_eq!(errors(json!({"decided_on": "2026-06-02", "valid_from": "2026-06-02"})), [(at("/decided_on"), at("after_registration"))]);
        assert_eq!(errors(json!({"decided_on": "2026-04-02"})), [(at("/valid_from"), at("before_decision"))]);
        assert_eq!(errors(json!({"valid_from": "2026-03-31"})), [(at("/valid_from"), at("outside_contract"))]);
        assert_eq!(errors(json!({"valid_until": "2027-04-01"})), [(at("/valid_until"), at("outside_contract"))]);
        assert_eq!(errors(json!({"document_number": ""})).len(), 1);
        s.post(&s.officer, &format!("/contracts/{}/consents", k.id), json!({})).must(403);
        k.declare(&s.a, &[used_under(&k.root, &s.b, "2026-04-10", None)]);
        let recorded = k.record(&k.root, &s.b, &json!({})).must(201);
        assert_eq!((&recorded["recorded"], &recorded["valid_from"]), (&json!(true), &json!("2026-04-01")));
        let b = text(&recorded, "engagement_id");
        assert_eq!(k.uncovered(&b), json!([]), "it heals the days before it was entered");
        assert_eq!(k.causes(&b), ["2027-01-01..2027-03-31 expired"]);
        let before = k.node(&b, "?known_at=2026-06-02T00:00:00Z&as_of=2026-06-01");
        assert_eq!(before["uncovered"], days(&[("2026-04-10", None)]), "but was not known then");
        let consent = &k.node(&b, "")["consents"][0];
        assert_eq!((&consent["recorded"], &consent["decided_on"]), (&json!(true), &json!("2026-03-20")), "marked for ever");
        assert_eq!(k.record(&b, &s.b, &json!({})).problem(409), "vendor_on_path");
        // Who goes through what was entered late finds it, and nobody else's.
        let late = s.items(&s.auditor, "/consents?recorded=late");
        let shown = (&late[0]["engagement_id"], &late[0]["recorded_on"], &late[0]["late_days"], &late[0]["document_number"]);
        assert_eq!((late.len(), shown), (1, (&json!(b), &json!("2026-06-02"), &json!(62), &json!("架第12号"))));
        k.consent(&s.a, &k.root, &s.c, "2026-06-02", "2026-12-31");
        assert_eq!((s.items(&s.approver, "/consents?recorded=late").len(), s.items(&s.officer, "/consents").len()), (1, 2));
        assert_eq!(s.get(&s.auditor, "/consents?recorded=early").errors(), [(at("/recorded"), at("choice"))]);
        s.get(&s.a.user, "/consents").must(403);
        assert_eq!(app.get(&app.log_in(&elsewhere), "/consents").must(200)["items"], json!([]));
        // It is revoked like any other.
        assert_eq!(k.revoke(&b, "2026-06-10").must(200)["changed"], true);
        // Another one of before, entered after it, does not undo it.
        k.record(&k.root, &s.b, &json!({"document_number": "架第13号", "decided_on": "2026-06-01", "valid_from": "2026-06-01"})).must(201);
        assert_eq!(k.causes(&b), ["2026-06-10..2026-12-31 revoked", "2027-01-01..2027-03-31 expired"]);
    }
}
