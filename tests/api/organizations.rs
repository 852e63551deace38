//! The register: who may register, names and numbers, and what a vendor sees of it.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use itaku::db::schema::{contracts, engagements, ledger_entries, register_records};
use itaku::db::{ChainKey, DbError, organization};
use itaku::domain::access::Role;
use itaku::domain::id::{ContractId, EngagementId, OrganizationId};
use itaku::domain::input::{Mode, parse};
use itaku::ledger::entry::salted;
use itaku::service::Failure;
use itaku::service::vendor::{InlineVendor, NamedVendor, Names};
use serde_json::{Value, json};

use crate::stage::{Stage, text, with};
use crate::support::{Answer, TestApp, both, day, id};

/// The example worked in the ordinance's explanation.
const NUMBER: &str = "8700110005901";

fn vendor(name: &str) -> Value {
    json!({"kind": "vendor", "name": name})
}

fn numbered(name: &str) -> Value {
    json!({"kind": "vendor", "name": name, "corporate_number": NUMBER})
}

fn names(answer: Answer) -> Vec<String> {
    let body = answer.must(200);
    body["items"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap().to_owned()).collect()
}

/// A contract's row and its engagements: (vendor, place of the parent).
fn chain(app: &TestApp, number: &str, agency: OrganizationId, nodes: &[(OrganizationId, Option<usize>)]) {
    let at: NaiveDateTime = day("2026-04-01").into();
    let contract: ContractId = app.app.sources.new_id();
    let ids: Vec<EngagementId> = nodes.iter().map(|_| app.app.sources.new_id()).collect();
    let written = app.app.db.write::<_, DbError>(|conn| {
        diesel::insert_into(contracts::table)
            .values((
                contracts::id.eq(contract),
                contracts::agency_id.eq(agency),
                contracts::number.eq(number),
                contracts::number_key.eq(number),
                contracts::vendor_id.eq(nodes[0].0),
                contracts::origin.eq("entered"),
                contracts::period_assumed.eq(false),
                (contracts::joint_vendors.eq("[]"), contracts::joint_agencies.eq("[]")),
                contracts::created_at.eq(at),
                contracts::learned_on.eq(at.date()),
                contracts::title.eq("架空業務"),
                (contracts::fiscal_year.eq(2026), contracts::amount_yen.eq(1)),
                (contracts::starts_on.eq(at.date()), contracts::last_day.eq(day("2027-03-31"))),
                contracts::search_key.eq(""),
                (contracts::open_alerts.eq(0), contracts::version.eq(1), contracts::entrusts_data.eq(true)),
            ))
            .execute(conn)?;
        for (place, (vendor, parent)) in nodes.iter().enumerate() {
            diesel::insert_into(engagements::table)
                .values((
                    engagements::id.eq(ids[place]),
                    engagements::contract_id.eq(contract),
                    engagements::agency_id.eq(agency),
                    engagements::parent_id.eq(parent.map(|p| ids[p])),
                    engagements::vendor_id.eq(vendor),
                    engagements::tier.eq(1),
                    engagements::seq.eq(1),
                    engagements::recorded_at.eq(at),
                ))
                .execute(conn)?;
        }
        Ok(())
    });
    written.unwrap();
}

both! {
    fn agencies_are_registered_by_the_system_and_vendors_by_officers_too(app: TestApp) {
        let agency = app.agency("A1");
        let officer = app.person(agency, &[Role::Officer]);
        let body = json!({"kind": "agency", "name": "架空第二局", "code": "A2"});
        app.post(&officer, "/organizations", body).must(403);
        app.post(&app.person(agency, &[Role::Approver]), "/organizations", vendor("合同会社架空")).must(403);
        let made = app.post(&officer, "/organizations", json!({"kind": "vendor", "name": "合同会社架空", "address": "架空市1-2", "contact_email": "info@example.jp"})).must(201);
        assert_eq!((&made["country"], &made["corporate_number"], &made["address"]), (&json!("JP"), &Value::Null, &json!("架空市1-2")));
        let entries = app.entries(made["id"].as_str().unwrap());
        assert_eq!(entries[0].0, "organization.registered");
        assert!(!entries[0].1.to_string().contains("info@example.jp"));
    }

    // A vendor without a 法人番号 may be a person: its name can be erased, the ledger's entries can't.
    fn the_ledger_names_a_vendor_in_clear_only_by_a_public_number(app: TestApp) {
        let officer = app.person(app.agency("A1"), &[Role::Officer]);
        let body = |name: &str, number: Option<&str>| json!({"kind": "vendor", "name": name, "corporate_number": number, "address": "架空市1-2"});
        let company = app.post(&officer, "/organizations", body("株式会社架空", Some(NUMBER))).must(201);
        let person = app.post(&officer, "/organizations", body("架空 太郎", None)).must(201);
        let registered = |made: &Value| app.entries(made["id"].as_str().unwrap())[0].1.clone();
        let told = |payload: &Value| [payload["name"].clone(), payload["address"].clone(), payload["corporate_number"].clone()];
        assert_eq!(told(&registered(&company)), [json!("株式会社架空"), json!("架空市1-2"), json!(NUMBER)]);
        assert_eq!(told(&registered(&person)), [Value::Null, Value::Null, Value::Null]);
        let inline = InlineVendor { name: "架空 花子".to_owned(), corporate_number: None, country: "JP".to_owned(), address: Some("架空市3".to_owned()) };
        let chain = ChainKey::Existing(officer.organization.cast());
        let named = NamedVendor { id: None, inline: Some(&inline), distinct: false, names: Names::Compared, at: "" };
        let inline = app.app.db.write_tx(&app.app.sources, None, chain, |tx| Ok::<_, Failure>(named.find(tx)?.0.id)).unwrap();
        assert_eq!(told(&app.entries(inline.as_str())[0].1), [Value::Null, Value::Null, Value::Null]);
        // A change is told alike.
        for made in [&company, &person] {
            let path = format!("/organizations/{}", made["id"].as_str().unwrap());
            app.patch(&app.admin(), &path, json!({"name": format!("{}改", made["name"].as_str().unwrap())})).must(200);
        }
        let changed = |made: &Value| app.entries(made["id"].as_str().unwrap())[1].clone();
        assert_eq!(changed(&company).1["name"], "株式会社架空改");
        assert_eq!((changed(&person).0.as_str(), &changed(&person).1["name"]), ("organization.changed", &Value::Null));
    }

    fn no_payload_tells_a_person_or_where_they_live(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        let person = json!({"name": "印章 花子", "address": "印章町1-2"});
        let inline = json!({"vendor_id": null, "vendor": person});
        let used = |place: Value| with(with(place, &inline), &json!({"started_on": "2026-04-01"}));
        k.try_apply(&s.a, &k.root, &s.b, &inline).must(201);
        k.declare(&s.a, &[used(json!({"parent_engagement_id": k.root}))]);
        k.observe("audit", used(json!({"parent_engagement_id": k.root})));
        k.record(&k.root, &s.b, &with(inline.clone(), &json!({"document_number": "架第99号"}))).must(201);
        let own = json!({"kind": "vendor", "name": "印章 次郎", "address": "印章町3", "contact_email": "insho@example.jp"});
        let made = s.post(&s.officer, "/organizations", own).must(201);
        let path = format!("/organizations/{}", text(&made, "id"));
        app.patch(&app.admin(), &path, json!({"name": "印章 三郎", "address": "印章町4"})).must(200);
        let clerk = json!({"email": "insho2@example.jp", "name": "印章 四郎", "organization_id": s.agency, "roles": ["officer"]});
        let clerk = app.post(&app.admin(), "/users", clerk).must(201);
        let change = json!({"name": "印章 五郎", "email": "insho3@example.jp"});
        app.patch(&app.admin(), &format!("/users/{}", text(&clerk, "id")), change).must(200);
        let audit = json!({"kind": "on_site", "due_on": "2026-12-01", "every_months": 12, "auditor": "印章 六郎"});
        let audit = s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), audit).must(201);
        s.post(&s.auditor, &format!("/audits/{}/complete", text(&audit, "id")), json!({"done_on": "2026-04-01", "result": "pass"})).must(200);
        let payloads: Vec<String> = app.app.db.read_one::<_, DbError>(|conn| Ok(ledger_entries::table.select(ledger_entries::payload).load(conn)?)).unwrap();
        let telling: Vec<&String> = payloads.iter().filter(|payload| payload.contains("印章") || payload.contains("insho")).collect();
        assert!(payloads.len() > 20 && telling.is_empty(), "{telling:#?}");
        // What is hashed can be shown to be the same text as long as the salt is kept.
        let salt = app.app.db.read_one(|conn| organization::find(conn, id(&made))).unwrap().salt;
        let entries = app.entries(&text(&made, "id"));
        let hashes = |payload: &Value| [payload["name_hash"].clone(), payload["address_hash"].clone()];
        assert_eq!(hashes(&entries[0].1), [salted(&salt, "印章 次郎"), salted(&salt, "印章町3")]);
        assert_eq!(hashes(&entries[1].1), [salted(&salt, "印章 三郎"), salted(&salt, "印章町4")]);
        let planned: Vec<Value> = app.entries(&text(&audit, "id")).into_iter().filter(|e| e.0 == "audit.planned").map(|e| e.1).collect();
        let series = [(planned[0]["every_months"].clone(), planned[0]["auditor_hash"].is_string()), (planned[1]["every_months"].clone(), planned[1]["auditor_hash"].is_string())];
        assert_eq!(series, [(json!(12), true), (json!(12), true)]);
    }

    fn wrong_fields_of_an_organization_are_named(app: TestApp) {
        let admin = app.admin();
        let errors = |body: Value| app.post(&admin, "/organizations", body).errors();
        let error = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        assert_eq!(errors(json!({"kind": "agency", "name": "架空局"})), error("/code", "required"));
        assert_eq!(errors(json!({"kind": "vendor", "name": "株式会社架空", "code": "V"})), error("/code", "not_allowed"));
        assert_eq!(errors(json!({"kind": "system", "name": "運営二号"})), error("/kind", "choice"));
        let wrong = json!({"kind": "vendor", "name": "株式会社架空", "corporate_number": "7700110005901"});
        assert_eq!(errors(wrong), error("/corporate_number", "corporate_number"));
        assert_eq!(errors(json!({"kind": "vendor", "name": "株式会社架空", "country": "Japan"})), error("/country", "country"));
        assert_eq!(errors(json!({})).len(), 2);
    }

    fn numbers_codes_and_unnumbered_names_are_taken_once(app: TestApp) {
        let admin = app.admin();
        app.agency("A1");
        let post = |body: Value| app.post(&admin, "/organizations", body);
        assert_eq!(post(json!({"kind": "agency", "name": "別の局", "code": "A1"})).problem(409), "code_taken");
        post(numbered("株式会社架空")).must(201);
        assert_eq!(post(numbered("株式会社別物")).problem(409), "corporate_number_taken");
        post(vendor("株式会社架空")).must(201);
        assert_eq!(post(vendor("㈱架空")).problem(409), "same_name");
        let mut distinct = vendor("（株）架空");
        distinct["distinct"] = json!(true);
        post(distinct).must(201);
        post(vendor("架空株式会社")).must(201);
    }

    fn a_name_that_the_register_does_not_know_is_a_warning(app: TestApp) {
        let written = app.app.db.write::<_, DbError>(|conn| {
            let record = (
                register_records::corporate_number.eq(NUMBER),
                register_records::name.eq("株式会社架空登記"),
                register_records::name_key.eq("x"),
                register_records::kind.eq("301"),
                register_records::address.eq("架空市"),
                register_records::updated_on.eq(day("2026-01-01")),
                register_records::changed_on.eq(day("2026-01-01")),
            );
            Ok(diesel::insert_into(register_records::table).values(record).execute(conn)?)
        });
        written.unwrap();
        let other = app.post(&app.admin(), "/organizations", numbered("株式会社架空")).must(201);
        assert!(other["warnings"][0].as_str().unwrap().contains("株式会社架空登記"));
    }

    fn the_register_is_searched_in_any_spelling(app: TestApp) {
        let officer = app.person(app.agency("A1"), &[Role::Officer]);
        app.post(&app.admin(), "/organizations", numbered("株式会社サンプルデータ")).must(201);
        app.vendor("合同会社百％");
        let find = |q: &str| names(app.get(&officer, &format!("/organizations?q={q}")));
        assert_eq!(find("%EF%BC%88%E6%A0%AA%EF%BC%89%EF%BD%BB%EF%BE%9D%EF%BE%8C%EF%BE%9F%EF%BE%99"), ["株式会社サンプルデータ"]);
        assert_eq!(find("8-7001-1000-5901"), ["株式会社サンプルデータ"]);
        assert_eq!(find("A1"), ["架空機関A1"]);
        assert_eq!(find("%25"), ["合同会社百％"]);
        assert_eq!(find("_"), Vec::<String>::new());
        assert_eq!(names(app.get(&officer, "/organizations?kind=agency")), ["架空機関A1"]);
        assert_eq!(names(app.get(&officer, "/organizations")).len(), 3);
        app.get(&officer, "/organizations?kind=shop").must(422);
    }

    fn a_vendor_sees_its_own_chains_only(app: TestApp) {
        let (first, second) = (app.agency("A1"), app.agency("A2"));
        let [prime, sub, below, sibling, elsewhere] = ["甲", "乙", "丙", "丁", "戊"].map(|n| app.vendor(&format!("株式会社架空{n}")));
        chain(app, "1", first, &[(prime, None), (sub, Some(0)), (below, Some(1)), (sibling, Some(0))]);
        chain(app, "2", second, &[(elsewhere, None), (sibling, Some(0))]);
        let seen = |vendor| -> BTreeSet<String> {
            names(app.get(&app.person(vendor, &[Role::VendorUser]), "/organizations")).into_iter().collect()
        };
        let expected = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).to_owned()).collect() };
        assert_eq!(seen(sub), expected(&["架空機関A1", "株式会社架空乙", "株式会社架空丙"]));
        assert_eq!(seen(below), expected(&["架空機関A1", "株式会社架空丙"]));
        assert_eq!(seen(sibling), expected(&["架空機関A1", "架空機関A2", "株式会社架空丁"]));
        assert_eq!(seen(prime).len(), 5);
        let user = app.person(sub, &[Role::VendorUser]);
        app.get(&user, &format!("/organizations/{below}")).must(200);
        app.get(&user, &format!("/organizations/{sibling}")).must(404);
        app.get(&user, &format!("/organizations/{second}")).must(404);
        assert_eq!(names(app.get(&user, "/organizations?limit=1")).len(), 1);
    }

    fn a_change_needs_the_system_and_the_version(app: TestApp) {
        let vendor = app.vendor("株式会社架空");
        let path = format!("/organizations/{vendor}");
        let officer = app.person(app.agency("A1"), &[Role::Officer]);
        assert_eq!(app.patch_if(&officer, &path, "\"1\"", json!({"name": "株式会社新架空"})).problem(409), "not_in_register");
        app.patch_if(&app.admin(), &path, "\"9\"", json!({"name": "株式会社新架空"})).must(412);
        app.patch_if(&app.admin(), "/organizations/00000000-0000-7000-8000-00000000ffff", "\"1\"", json!({})).must(404);
        app.patch(&app.admin(), &path, json!({"name": "株式会社新架空"})).must(200);
        let renamed = app.get(&officer, &path);
        assert_eq!(renamed.etag(), "\"2\"");
        assert_eq!(renamed.must(200)["name"], "株式会社新架空");
        assert_eq!(names(app.get(&officer, "/organizations?q=%E6%96%B0%E6%9E%B6%E7%A9%BA")), ["株式会社新架空"]);
    }

    fn a_vendor_named_inline_is_found_or_registered(app: TestApp) {
        let agency = app.agency("A1");
        let named = |body: Value| {
            let input: InlineVendor = parse(&body, Mode::Strict).unwrap();
            let chain = ChainKey::Existing(agency.cast());
            let named = NamedVendor { id: None, inline: Some(&input), distinct: false, names: Names::Compared, at: "" };
            app.app.db.write_tx(&app.app.sources, None, chain, |tx| Ok::<_, Failure>(named.find(tx)?.0.id))
        };
        let conflict = |body: Value| match named(body).unwrap_err() {
            Failure::Conflict { code, message } => (code, message),
            other => panic!("{other:?}"),
        };
        let numbered = named(json!({"name": "株式会社架空", "corporate_number": NUMBER})).unwrap();
        assert_eq!(named(json!({"name": "㈱架空", "corporate_number": NUMBER})).unwrap(), numbered);
        let (code, message) = conflict(json!({"name": "株式会社別物", "corporate_number": NUMBER}));
        assert_eq!(code, "name_mismatch");
        assert!(message.contains("株式会社架空"));
        let bare = named(json!({"name": "株式会社架空"})).unwrap();
        assert_ne!(bare, numbered);
        assert_eq!(named(json!({"name": "（株）架空"})).unwrap(), bare);
        assert_ne!(named(json!({"name": "株式会社架空", "country": "US"})).unwrap(), bare);
        assert_eq!(app.entries(bare.as_str())[0].0, "organization.registered");
        let has_chain = || app.app.db.read_one(|conn| itaku::db::organization::has_chain(conn, bare)).unwrap();
        assert!(!has_chain(), "it is registered on the other's chain");
        let user = json!({"email": "v@example.jp", "name": "架空 太郎", "organization_id": bare, "roles": ["vendor_user"]});
        let make = |n: usize| {
            let mut user = user.clone();
            user["email"] = json!(format!("v{n}@example.jp"));
            app.request(Some(&app.admin().token), "POST", "/users").set_json(user)
        };
        let answers = app.send_at_once((0..6).map(make).collect());
        assert!(answers.iter().all(|a| a.status == 201), "{answers:?}");
        assert!(has_chain(), "it begins with its first entry");
        let _: OrganizationId = id(&app.get(&app.admin(), &format!("/organizations/{bare}")).must(200));
    }

    fn a_refused_act_begins_no_chain(app: TestApp) {
        let chains = || {
            use itaku::db::schema::ledger_chains;
            let empty = ledger_chains::table.filter(ledger_chains::seq.eq(0)).count();
            app.app.db.read_one::<i64, DbError>(|conn| Ok(empty.get_result(conn)?)).unwrap()
        };
        app.post(&app.admin(), "/organizations", numbered("株式会社架空")).must(201);
        app.post(&app.admin(), "/organizations", numbered("株式会社別物")).must(409);
        let key = |body: Value| {
            let request = app.request(Some(&app.admin().token), "POST", "/organizations");
            app.send(request.insert_header(("Idempotency-Key", "once")).set_json(body))
        };
        let first = key(vendor("株式会社一度")).must(201);
        assert_eq!(key(vendor("株式会社一度")).must(201), first);
        assert_eq!(chains(), 0);
    }
}
