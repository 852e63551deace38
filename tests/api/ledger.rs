//! 変更履歴: whole for the agency and the overseer, each vendor its own branch, nothing for others.

use itaku::domain::access::Role;
use itaku::domain::id::OrganizationId;
use serde_json::{Value, json};

use crate::support::{Person, TestApp, both};

struct Stage {
    contract: String,
    officer: Person,
    auditor: Person,
    prime: Person,
    left: Person,
    right: Person,
    left_place: String,
    right_place: String,
}

fn stage(app: &TestApp) -> Stage {
    let agency = app.agency("A1");
    let [prime, left, right]: [OrganizationId; 3] =
        ["架空甲株式会社", "架空乙株式会社", "架空丙株式会社"].map(|name| app.vendor(name));
    let officer = app.person(agency, &[Role::Officer]);
    let approver = app.person(agency, &[Role::Approver]);
    let auditor = app.person(agency, &[Role::Auditor]);
    let user = app.person(prime, &[Role::VendorUser]);
    let made = app.post(&officer, "/contracts", json!({
        "number": "L-1", "title": "架空の業務", "fiscal_year": 2026, "vendor_id": prime, "amount_yen": 1_000_000,
        "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "架空の範囲",
        "data": [{"category": "personal", "persons": 10}],
        "subcontracting": {"policy": "consent_required", "max_tier": 3, "overseas": "prohibited"},
    }));
    let contract = made.must(201)["id"].as_str().unwrap().to_owned();
    let chain = app.get(&officer, &format!("/contracts/{contract}/chain")).must(200);
    let root = chain["root"]["engagement_id"].clone();
    let consented = |vendor: OrganizationId| {
        let filed = app.post(&user, &format!("/contracts/{contract}/applications"), json!({
            "parent_engagement_id": root, "vendor_id": vendor, "scope": "一部", "reason": "分担", "amount_yen": 100,
            "starts_on": "2026-04-01", "ends_on": "2027-03-31", "country": "JP", "data": [], "safeguards": {},
        }));
        let filed = filed.must(201);
        let id = filed["id"].as_str().unwrap();
        let review = json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "concern", "note": "内部の所見", "clauses": []});
        app.post(&officer, &format!("/applications/{id}/review"), review).must(200);
        app.post(
            &approver,
            &format!("/applications/{id}/decision"),
            json!({"decision": "consent", "reason": "可"}),
        )
        .must(200);
        filed["engagement_id"].as_str().unwrap().to_owned()
    };
    let (left_place, right_place) = (consented(left), consented(right));
    Stage {
        left: app.person(left, &[Role::VendorUser]),
        right: app.person(right, &[Role::VendorUser]),
        contract,
        officer,
        auditor,
        prime: user,
        left_place,
        right_place,
    }
}

fn entries(app: &TestApp, who: &Person, subject: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        // Small pages: what lies between them must not be lost.
        let page = app.get(who, &format!("/ledger?subject={subject}&limit=2{cursor}")).must(200);
        all.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().filter_map(|entry| entry["action"].as_str()).collect()
}

both! {
    fn a_contracts_id_gives_its_whole_chain_in_order(app: TestApp) {
        let stage = stage(app);
        let chain = entries(app, &stage.officer, &stage.contract);
        let numbers: Vec<i64> = chain.iter().map(|entry| entry["seq"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=i64::try_from(chain.len()).unwrap()).collect::<Vec<_>>());
        assert!(chain.windows(2).all(|pair| pair[1]["prev_hash"] == pair[0]["hash"]));
        assert_eq!(actions(&chain)[0], "contract.registered");
        let about = entries(app, &stage.officer, &stage.left_place);
        assert!(about.len() >= 3 && about.iter().all(|e| e.to_string().contains(&stage.left_place)), "{about:#?}");
        assert_eq!(entries(app, &stage.auditor, &stage.contract).len(), chain.len());
        assert_eq!(app.get(&stage.officer, "/ledger").errors(), [("/subject".to_owned(), "required".to_owned())]);
        assert_eq!(app.get(&stage.officer, &format!("/ledger?subject={}&cursor=eA", stage.contract)).errors()[0].0, "/cursor");
    }

    fn a_vendor_reads_its_own_branch_and_others_as_hashes(app: TestApp) {
        let stage = stage(app);
        let whole = entries(app, &stage.officer, &stage.contract);
        for vendor in [&stage.left, &stage.right, &stage.prime] {
            let seen = entries(app, vendor, &stage.contract);
            assert_eq!(seen.len(), whole.len());
            assert!(seen.iter().zip(&whole).all(|(a, b)| a["hash"] == b["hash"] && a["prev_hash"] == b["prev_hash"]));
            assert!(!actions(&seen).contains(&"application.reviewed"), "the agency's own");
            assert!(!json!(seen).to_string().contains("内部の所見"));
            for hidden in seen.iter().filter(|entry| entry["payload"].is_null()) {
                assert!(["actor", "actor_organization", "action", "subject"].iter().all(|key| hidden[key].is_null()));
            }
        }
        let left = entries(app, &stage.left, &stage.contract);
        assert!(actions(&left).contains(&"application.consented"));
        assert!(!json!(left).to_string().contains(&stage.right_place), "nothing of the sibling");
        let prime = entries(app, &stage.prime, &stage.contract);
        assert!(json!(prime).to_string().contains(&stage.right_place) && actions(&prime).contains(&"contract.registered"));
        app.get(&stage.left, &format!("/ledger?subject={}", stage.right_place)).must(404);
        assert!(!entries(app, &stage.left, &stage.left_place).is_empty());
        assert!(!entries(app, &stage.left, stage.left.organization.as_str()).is_empty(), "its own organization's chain");
    }

    fn others_know_of_nothing(app: TestApp) {
        let stage = stage(app);
        let foreign = app.agency("A2");
        let foreign = app.person(foreign, &[Role::Officer, Role::Auditor]);
        let firm = app.vendor("架空丁株式会社");
        let stranger = app.person(firm, &[Role::VendorAdmin]);
        let entry = entries(app, &stage.officer, &stage.contract)[0]["entry"].as_str().unwrap().to_owned();
        for who in [&foreign, &stranger] {
            for subject in [stage.contract.as_str(), &stage.left_place, stage.officer.organization.as_str(), stage.left.organization.as_str()] {
                app.get(who, &format!("/ledger?subject={subject}")).must(404);
            }
            app.get(who, &format!("/ledger/{entry}/receipt")).must(404);
        }
        let overseer = app.person(app.admin().organization, &[Role::Overseer]);
        assert!(entries(app, &overseer, &stage.contract).len() > 4);
        app.get(&app.admin(), &format!("/ledger?subject={}", stage.contract)).must(403);
    }

    fn a_receipt_is_given_for_what_one_reads_in_full(app: TestApp) {
        let stage = stage(app);
        itaku::service::ledger::publish_key(&app.app).unwrap();
        itaku::service::ledger::publish_key(&app.app).unwrap();
        let seen = entries(app, &stage.left, &stage.contract);
        for entry in &seen {
            let path = format!("/ledger/{}/receipt", entry["entry"].as_str().unwrap());
            if entry["payload"].is_null() {
                app.get(&stage.left, &path).must(404);
                continue;
            }
            let receipt = serde_json::from_value(app.get(&stage.left, &path).must(200)).unwrap();
            assert_eq!(itaku::service::verify::verify_receipt(&app.app.db, &receipt).unwrap(), Ok(()));
        }
        let verified = itaku::service::verify::verify_ledger(&app.app.db).unwrap().unwrap();
        assert!(verified.entries >= 10 && verified.chains >= 5);
    }

    fn the_pages_tell_it_in_words_and_others_branches_as_hashes(app: TestApp) {
        let stage = stage(app);
        let path = format!("/contracts/{}/ledger", stage.contract);
        let page = app.tab(&stage.officer).open(&path);
        let words = page.body.as_str().unwrap();
        for said in ["契約を登録した", "再委託の承認を申請した", "申請を審査した", "申請を承認した", "内部の所見", "架空乙株式会社", "架空の業務", "2026-04-01（令和8年4月1日）"] {
            assert!(words.contains(said), "{said}: {words}");
        }
        let last = words.find("申請を承認した").unwrap();
        assert!(last < words.find("契約を登録した").unwrap(), "the last first");
        let seen = app.tab(&stage.left).open(&path);
        let seen = seen.body.as_str().unwrap();
        assert!(seen.contains("内容は表示しません") && seen.contains("申請を承認した"), "{seen}");
        for hidden in ["内部の所見", "申請を審査した", "架空丙株式会社", &stage.right_place] {
            assert!(!seen.contains(hidden), "{hidden}: {seen}");
        }
        let whole = entries(app, &stage.officer, &stage.contract);
        assert!(whole.iter().all(|entry| seen.contains(entry["hash"].as_str().unwrap())), "every hash");

        let own = |who: &Person| format!("/organizations/{}/ledger", who.organization);
        let page = app.tab(&stage.left).open(&own(&stage.left));
        assert!(page.status == 200 && page.body.as_str().unwrap().contains("利用者を登録した"), "{}", page.body);
        assert_eq!(app.tab(&stage.left).open(&own(&stage.right)).status, 404);
        assert_eq!(app.tab(&stage.officer).open(&own(&stage.left)).status, 404);
        let overseer = app.tab(&app.person(app.admin().organization, &[Role::Overseer]));
        assert_eq!(overseer.open(&own(&stage.officer)).status, 200);
        assert_eq!(overseer.open(&path).status, 200);
        let stranger = app.tab(&app.person(app.agency("A3"), &[Role::Officer]));
        assert_eq!((stranger.open(&path).status, stranger.open(&own(&stage.officer)).status), (404, 404));
        assert_eq!(app.tab(&app.admin()).open(&path).status, 403);
    }

    fn n18_a_state_said_anew_tells_what_changed(app: TestApp) {
        let stage = stage(app);
        let path = format!("/contracts/{}/amendments", stage.contract);
        let dearer = json!({"effective_on": "2026-06-01", "reason": "増額", "amount_yen": 2_000_000});
        app.post(&stage.officer, &path, dearer).must(201);
        let longer = json!({"effective_on": "2026-07-01", "reason": "延長", "ends_on": "2027-06-30"});
        app.post(&stage.officer, &path, longer).must(201);
        let page = app.tab(&stage.officer).open(&format!("/contracts/{}/ledger", stage.contract));
        let words = page.body.as_str().unwrap();
        assert!(words.contains("金額（円）: 1,000,000 → 2,000,000"), "{words}");
        assert!(words.contains("最後の日: 2027-03-31（令和9年3月31日） → 2027-06-30（令和9年6月30日）"), "{words}");
        let amended = words.split("<li>").find(|part| part.contains("変更契約を登録した")).unwrap();
        let (read, checked) = amended.split_once("照合用の値").unwrap();
        assert!(!read.contains("架空の範囲"), "what did not change is not repeated: {read}");
        assert!(checked.contains("1つ前のハッシュ"));
        assert!(app.tab(&stage.officer).open("/home").body.as_str().unwrap().contains("印刷する"));
    }
}
