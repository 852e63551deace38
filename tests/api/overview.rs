//! What the first page counts, held to a model over the lists behind the numbers; and the lists across contracts held
//! to those of each contract.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::schema::notices;
use itaku::domain::access::Role;
use itaku::schedule::sweep::sweep;
use serde_json::{Value, json};

use crate::support::{Person, TestApp, both, day};
use crate::world::{Caller, House, Seat, World, with, word};

/// Every row of a list.
fn all(app: &TestApp, who: &Person, path: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let (mut cursor, joint) = (String::new(), if path.contains('?') { '&' } else { '?' });
    loop {
        let page = app.get(who, &format!("{path}{joint}limit=20{cursor}")).must(200);
        rows.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return rows };
        cursor = format!("&cursor={next}");
    }
}

fn ids<'a>(rows: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    rows.into_iter().map(|row| word(row, "id")).collect()
}

/// The audits of every year that the tests reach into.
fn audits(app: &TestApp, who: &Person, state: &str) -> Vec<Value> {
    (2025..2029).flat_map(|year| all(app, who, &format!("/audits?fiscal_year={year}{state}"))).collect()
}

fn on(row: &Value, name: &str) -> Option<NaiveDate> {
    row[name].as_str().map(day)
}

/// Counts over lists, as the overview says them.
struct Model<'a> {
    app: &'a TestApp,
    who: Person,
    today: NaiveDate,
}

impl Model<'_> {
    fn after(&self, days: u64) -> NaiveDate {
        self.today.checked_add_days(Days::new(days)).unwrap()
    }

    fn all(&self, path: &str) -> Vec<Value> {
        all(self.app, &self.who, path)
    }

    fn alerts(&self) -> Value {
        let open: Vec<Value> =
            self.all("/alerts").into_iter().filter(|alert| alert["state"] != "resolved").collect();
        let of = |severity: &str| open.iter().filter(|alert| alert["severity"] == severity).count();
        let due = |from: NaiveDate, to: NaiveDate| {
            open.iter()
                .filter(|alert| on(alert, "due_on").is_some_and(|day| from <= day && day <= to))
                .count()
        };
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for alert in &open {
            *kinds.entry(word(alert, "kind")).or_default() += 1;
        }
        json!({
            "critical": of("critical"), "warning": of("warning"), "info": of("info"),
            "overdue": due(NaiveDate::MIN, self.today.pred_opt().unwrap()),
            "due_soon": due(self.today, self.after(7)), "kinds": kinds,
        })
    }

    fn contracts(&self) -> Value {
        let running = self.all("/contracts?status=running");
        let ending = running.iter().filter(|it| on(it, "last_day").unwrap() <= self.after(60)).count();
        let by = self.after(60);
        assert_eq!(self.all(&format!("/contracts?status=running&sort=ends&ends_by={by}")).len(), ending);
        json!({"running": running.len(), "ending_soon": ending, "ending_by": by})
    }

    /// At the places of one vendor, or at all.
    fn audits(&self, of: Option<&str>) -> Value {
        let last_days: BTreeMap<String, NaiveDate> =
            self.all("/contracts").iter().map(|it| (word(it, "id"), on(it, "last_day").unwrap())).collect();
        let open: Vec<NaiveDate> = audits(self.app, &self.who, "")
            .iter()
            .filter(|audit| audit["done_on"].is_null() && audit["cancelled_on"].is_null())
            .filter(|audit| of.is_none_or(|name| audit["vendor_name"] == name))
            .filter(|audit| on(audit, "due_on").unwrap() <= last_days[&word(audit, "contract_id")])
            .map(|audit| on(audit, "due_on").unwrap())
            .collect();
        let overdue = open.iter().filter(|day| **day < self.today).count();
        let due_soon = open.iter().filter(|day| self.today <= **day && **day <= self.after(30)).count();
        // The lists that the first page leads to.
        for (state, count) in [("overdue", overdue), ("due_soon", due_soon)] {
            let list = self.all(&format!("/audits?fiscal_year=all&own=true&state={state}"));
            assert_eq!(list.len(), count, "{state} audits of {:?} on {}", of, self.today);
        }
        json!({ "overdue": overdue, "due_soon": due_soon })
    }

    fn applications(&self, state: &str) -> Vec<Value> {
        self.all(&format!("/applications?state={state}"))
    }

    fn findings(&self) -> usize {
        self.all(&format!("/tasks?kind=finding&until={}", self.today.pred_opt().unwrap())).len()
    }

    fn agency(&self, reads_notices: bool) -> Value {
        let last = |application: &Value| application["steps"].as_array().unwrap().last().cloned();
        let (reviewed, unreviewed): (Vec<Value>, Vec<Value>) = self
            .applications("applied")
            .into_iter()
            .partition(|it| last(it).is_some_and(|step| step["step"] == "reviewed"));
        let mut model = json!({
            "alerts": self.alerts(), "audits": self.audits(None), "contracts": self.contracts(),
            "findings_overdue": self.findings(),
            "applications": {
                "reviewed": reviewed.len(), "unreviewed": unreviewed.len(),
                "returned": self.applications("returned").len(),
            },
        });
        if reads_notices {
            model["notices_failed"] = json!(self.all("/notices?state=failed").len());
        }
        model
    }

    fn vendor(&self, name: &str) -> Value {
        let until = self.today.pred_opt().unwrap();
        let overdue = self.all(&format!("/tasks?kind=report&until={until}"));
        json!({
            "alerts": self.alerts(), "audits": self.audits(Some(name)), "contracts": self.contracts(),
            "applications": {
                "applied": self.applications("applied").len(), "returned": self.applications("returned").len(),
            },
            "declarations_overdue": overdue.len(), "findings_overdue": self.findings(),
        })
    }

    fn system(&self) -> Value {
        let users = self.all("/users");
        json!({
            "agencies": self.all("/organizations?kind=agency").len(),
            "vendors": self.all("/organizations?kind=vendor").len(),
            "users": users.iter().filter(|user| user["active"] == true).count(),
            "backup_overdue": false,
        })
    }

    fn of(&self, caller: &Caller<'_>) -> Value {
        let mut model = json!({"today": self.today});
        match (caller.seat, caller.role) {
            (Seat::Agency(_), _) => model["agency"] = self.agency(true),
            (Seat::Vendor(_, place), _) => model["vendor"] = self.vendor(&place.name),
            (Seat::Operator, Role::Overseer) => model["agency"] = self.agency(false),
            (Seat::Operator, _) => model["system"] = self.system(),
        }
        if matches!(caller.role, Role::AgencyAdmin | Role::VendorAdmin | Role::SystemAdmin) {
            let waiting = all(self.app, &self.who, "/pending-changes?state=asked").len();
            if waiting > 0 {
                model["changes_waiting"] = json!(waiting);
            }
        }
        model
    }
}

/// The overview with its kinds as the model writes them.
fn said(mut overview: Value) -> Value {
    for part in ["agency", "vendor"] {
        if let Some(kinds) = overview[part]["alerts"]["kinds"].as_array() {
            let kinds: BTreeMap<String, Value> =
                kinds.iter().map(|it| (word(it, "kind"), it["count"].clone())).collect();
            overview[part]["alerts"]["kinds"] = json!(kinds);
        } else {
            overview.as_object_mut().unwrap().remove(part);
        }
    }
    overview
}

/// Applications in every state that waits, contracts before and after their days, audits of all sorts.
fn crowd(app: &TestApp, house: &House, number: usize) {
    let officer = app.log_in(&house.officer);
    let prime = app.log_in(&house.prime.user);
    let applied: Vec<String> = (0..5)
        .map(|place| {
            let vendor = json!({"kind": "vendor", "name": format!("架空追加{number}{place}株式会社")});
            let vendor = word(&app.post(&officer, "/organizations", vendor).must(201), "id");
            let body = json!({
                "parent_engagement_id": house.prime.engagement, "vendor_id": vendor, "scope": "入力", "reason": "必要",
                "amount_yen": 1000, "starts_on": "2026-06-01", "ends_on": "2027-03-31", "country": "JP", "data": [],
            });
            word(&app.post(&prime, &format!("/contracts/{}/applications", house.contract), body).must(201), "id")
        })
        .collect();
    let review = |id: &str| {
        let body = json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok"});
        app.post(&officer, &format!("/applications/{id}/review"), body).must(200);
    };
    let send_back = |id: &str| {
        app.post(&officer, &format!("/applications/{id}/return"), json!({"points": "金額"})).must(200);
    };
    for id in &applied[1..5] {
        review(id);
    }
    // The second waits for the decision; the others were sent back, and of these one came again, one is reviewed again.
    for id in &applied[2..5] {
        send_back(id);
    }
    for id in &applied[3..5] {
        let body = json!({
            "scope": "入力", "reason": "必要", "amount_yen": 900, "starts_on": "2026-06-01", "ends_on": "2027-03-31",
            "country": "JP", "data": [],
        });
        app.post(&prime, &format!("/applications/{id}/resubmit"), body).must(200);
    }
    review(&applied[4]);
    let contract = |number: String, starts_on: &str, ends_on: &str| {
        let body = json!({
            "number": number, "title": "架空小業務", "fiscal_year": 2026, "vendor_id": house.prime.organization,
            "amount_yen": 1000, "signed_on": "2026-04-01", "starts_on": starts_on, "ends_on": ends_on, "scope": "入力",
            "data": [], "subcontracting": {"policy": "consent_required"}, "declaration_interval": "quarterly",
        });
        word(&app.post(&officer, "/contracts", body).must(201), "id")
    };
    for (place, (from, to)) in
        [("2026-04-01", "2026-05-31"), ("2026-04-01", "2026-07-31"), ("2026-09-01", "2027-08-31")]
            .iter()
            .enumerate()
    {
        contract(format!("小{number}{place}"), from, to);
    }
    let plan = |more: Value| {
        let path = format!("/contracts/{}/audits", house.contract);
        let body = with(json!({"kind": "document"}), more);
        word(&app.post(&officer, &path, body).must(201), "id")
    };
    plan(json!({"due_on": "2026-05-10"}));
    plan(json!({"due_on": "2026-05-31", "engagement_id": house.deep.engagement}));
    // Due after the contract's end: asked of nobody.
    plan(json!({"due_on": "2027-06-30"}));
    let cancelled = plan(json!({"due_on": "2026-05-12", "engagement_id": house.sub.engagement}));
    app.post(&officer, &format!("/audits/{cancelled}/cancel"), json!({"reason": "誤り"})).must(200);
}

/// Gives up the first mail of an agency.
fn fail_a_notice(app: &TestApp, house: &House) {
    app.app
        .db
        .write::<_, DbError>(|conn| {
            let id: String = notices::table
                .filter(notices::organization_id.eq(house.agency))
                .order(notices::id)
                .select(notices::id)
                .first(conn)?;
            diesel::update(notices::table.find(id)).set(notices::state.eq("failed")).execute(conn)?;
            Ok(())
        })
        .unwrap();
}

both! {
    fn every_number_is_that_of_the_list_behind_it(app: TestApp) {
        let world = World::new(app);
        crowd(app, &world.a, 1);
        crowd(app, &world.b, 2);
        fail_a_notice(app, &world.a);
        let mut numbers = BTreeSet::new();
        for today in ["2026-05-01", "2026-07-20", "2027-02-10", "2027-07-20"] {
            app.move_to(today);
            sweep(&app.app, day(today), false).unwrap();
            for caller in world.callers() {
                let who = app.log_in(caller.person);
                let model = Model { app, who, today: day(today) };
                let overview = app.get(&model.who, "/overview").must(200);
                let texts = overview.to_string();
                numbers.extend(["due_soon", "overdue", "ending_soon", "reviewed", "notices_failed"].into_iter().filter(|name| {
                    texts.split(&format!("\"{name}\":")).skip(1).any(|rest| !rest.starts_with('0'))
                }));
                assert_eq!(said(overview), model.of(&caller), "{} on {today}", caller.name);
            }
        }
        assert_eq!(numbers.len(), 5, "each was more than nothing once: {numbers:?}");
    }

    fn the_gravest_kinds_come_first_in_the_agencys_words(app: TestApp) {
        let world = World::new(app);
        app.move_to("2026-12-05");
        sweep(&app.app, day("2026-12-05"), false).unwrap();
        let officer = app.log_in(&world.a.officer);
        let overview = app.get(&officer, "/overview").must(200);
        let kinds = overview["agency"]["alerts"]["kinds"].as_array().unwrap();
        let place = |kind: &Value| ["critical", "warning", "info"].iter().position(|it| kind["severity"] == *it).unwrap();
        assert!(kinds.len() > 1 && kinds.is_sorted_by_key(place), "{kinds:#?}");
        let titles: BTreeMap<String, String> = all(app, &officer, "/alerts").iter().map(|it| (word(it, "kind"), word(it, "title"))).collect();
        for kind in kinds {
            assert_eq!(word(kind, "title"), titles[&word(kind, "kind")]);
        }
    }

    fn lists_across_contracts_hold_what_those_of_each_contract_hold(app: TestApp) {
        let world = World::new(app);
        crowd(app, &world.a, 1);
        for caller in world.callers().into_iter().filter(|caller| caller.role != Role::SystemAdmin) {
            let who = app.log_in(caller.person);
            let contracts: Vec<String> = all(app, &who, "/contracts").iter().map(|it| word(it, "id")).collect();
            let of_each = |what: &str| -> Vec<Value> {
                contracts.iter().flat_map(|id| all(app, &who, &format!("/contracts/{id}/{what}"))).collect()
            };
            let listed = audits(app, &who, "");
            let each = of_each("audits");
            assert_eq!(ids(&listed), ids(&each), "{}: audits", caller.name);
            assert_eq!(listed.len(), each.len());
            for audit in &listed {
                let id = word(audit, "id");
                let whole = each.iter().find(|it| it["id"] == id.as_str()).unwrap();
                for name in ["contract_id", "engagement_id", "kind", "due_on", "every_months", "done_on", "result", "cancelled_on"] {
                    assert_eq!(audit[name], whole[name], "{name}");
                }
                assert_eq!(audit["findings"], json!(whole["findings"].as_array().unwrap().len()));
                assert_eq!(app.get(&who, &format!("/audits/{id}")).must(200), *whole, "{}", caller.name);
            }
            let own = |it: &&Value| match caller.seat {
                Seat::Vendor(_, place) => it["organization_id"] == json!(place.organization),
                _ => true,
            };
            let listed = all(app, &who, "/declarations");
            assert!(listed.iter().map(|it| word(it, "id")).rev().is_sorted(), "newest first");
            let each = of_each("declarations");
            assert_eq!(ids(&listed), ids(each.iter().filter(own)), "{}: declarations", caller.name);
            for declaration in &listed {
                let id = word(declaration, "id");
                let whole = each.iter().find(|it| it["id"] == id.as_str()).unwrap();
                for name in ["organization_id", "period", "none", "declared_at", "retracted", "receipt"] {
                    assert_eq!(declaration[name], whole[name], "{name}");
                }
                let uses = |it: &Value| it["engagements"].as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>();
                assert_eq!(uses(declaration), uses(whole));
                assert_eq!(app.get(&who, &format!("/declarations/{id}")).must(200), *declaration);
            }
        }
    }

    fn a_retracted_receipt_says_so_and_whose_it_is(app: TestApp) {
        let world = World::new(app);
        let id = world.a.sub.declaration.clone().unwrap();
        app.post(&world.a.sub.user, &format!("/declarations/{id}/retract"), json!({"reason": "誤り"})).must(200);
        let seen = app.get(&world.a.officer, &format!("/declarations/{id}")).must(200);
        assert_eq!(seen["retracted"], true);
        assert_eq!(seen["organization_name"], json!(world.a.sub.name));
        assert_eq!(seen["contract_number"], "契約いろは");
        assert_eq!(seen["engagements"][0]["vendor_name"], json!(world.a.deep.name));
        // Who stands above reads it on the contract; the receipt is the declarer's own.
        app.get(&world.a.prime.user, &format!("/declarations/{id}")).must(404);
    }
}

both! {
    fn contracts_stand_in_the_order_asked_for_wherever_they_are_cut(app: TestApp) {
        let world = World::new(app);
        let house = &world.a;
        // Equal amounts and last days, so that the identifier decides.
        for (place, amount, to) in [(1, 500, "2026-12-31"), (2, 500, "2027-03-31"), (3, 9, "2026-12-31"), (4, 10_000, "2026-10-31"), (5, 500, "2026-12-31")] {
            let body = json!({
                "number": format!("R8 第{place}号"), "title": "架空小業務", "fiscal_year": 2026, "vendor_id": house.prime.organization,
                "amount_yen": amount, "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": to, "scope": "入力",
                "data": [], "subcontracting": {"policy": "consent_required"}, "declaration_interval": "none",
            });
            app.post(&house.officer, "/contracts", body).must(201);
        }
        let key = |it: &Value, order: &str| match order {
            "number" => word(it, "number"),
            "ends" => word(it, "last_day"),
            "amount" => format!("{:020}", it["amount_yen"].as_i64().unwrap()),
            _ => String::new(),
        };
        let walked = |who: &Person, query: &str, limit: usize| -> Vec<Value> {
            let (mut rows, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.get(who, &format!("/contracts?limit={limit}{query}{cursor}")).must(200);
                rows.extend(page["items"].as_array().unwrap().iter().cloned());
                let Some(next) = page["next_cursor"].as_str() else { return rows };
                cursor = format!("&cursor={next}");
            }
        };
        for (who, orders) in [
            (&house.officer, vec!["number", "ends", "amount"]),
            (&world.overseer, vec!["number", "ends", "amount"]),
            (&house.prime.user, vec!["number", "ends"]),
            (&house.sub.user, vec!["number", "ends"]),
        ] {
            for order in orders {
                for filter in ["", "&status=running", "&fiscal_year=2026"] {
                    let unsorted = walked(who, filter, 200);
                    let mut model: Vec<(String, String)> = unsorted.iter().map(|it| (key(it, order), word(it, "id"))).collect();
                    model.sort();
                    for limit in 1..=3 {
                        let seen = |sort: &str| -> Vec<(String, String)> {
                            let rows = walked(who, &format!("&sort={sort}{filter}"), limit);
                            rows.iter().map(|it| (key(it, order), word(it, "id"))).collect()
                        };
                        assert_eq!(seen(order), model, "{order} by {limit}");
                        let mut down = seen(&format!("-{order}"));
                        down.reverse();
                        assert_eq!(down, model, "-{order} by {limit}");
                    }
                }
            }
        }
        assert_eq!(walked(&house.officer, "&sort=newest", 2), walked(&house.officer, "", 200));
        // A cursor belongs to its order; the greater amount is nobody's to find out who may not read it.
        let cursor = |sort: &str| word(&app.get(&house.officer, &format!("/contracts?limit=1&sort={sort}")).must(200), "next_cursor");
        let (newest, ends) = (cursor("newest"), cursor("ends"));
        for (sort, cursor) in [("ends", &newest), ("-ends", &ends), ("number", &ends), ("newest", &ends)] {
            let wrong = app.get(&house.officer, &format!("/contracts?sort={sort}&cursor={cursor}")).errors();
            assert_eq!(wrong, [("/cursor".to_owned(), "other_order".to_owned())], "{sort}");
        }
        for sort in ["amount", "-amount", "vendor"] {
            let wrong = app.get(&house.prime.user, &format!("/contracts?sort={sort}")).errors();
            assert_eq!(wrong, [("/sort".to_owned(), "choice".to_owned())], "{sort}");
        }
    }

    fn a_notice_reads_as_mailed_but_for_what_is_its_recipients_alone(app: TestApp) {
        let world = World::new(app);
        let house = &world.a;
        let read = app.get(&house.officer, &format!("/notices/{}", house.notice)).must(200);
        assert_eq!(read["notice"]["id"], json!(house.notice));
        assert!(!word(&read, "subject").is_empty() && word(&read, "text").contains("架空業務いろは"), "{read:#}");
        assert_eq!(read["withheld"], Value::Null);
        let body = json!({"email": "new@example.jp", "name": "架空太郎", "organization_id": house.agency, "roles": ["officer"]});
        app.post(&house.admin, "/users", body).must(201);
        let invitation = app.notices().into_iter().find(|notice| notice.kind == "invitation").unwrap();
        let seen = app.get(&house.admin, &format!("/notices/{}", invitation.id)).must(200);
        assert!(!seen.to_string().contains(&invitation.token()), "{seen:#}");
        assert_eq!((&seen["text"], seen["withheld"].is_string(), &seen["subject"]), (&Value::Null, true, &json!("利用のご案内")));
        // Every one of them can be read, whatever it is about.
        for notice in all(app, &house.admin, "/notices") {
            app.get(&house.admin, &format!("/notices/{}", word(&notice, "id"))).must(200);
        }
        app.get(&world.b.officer, &format!("/notices/{}", house.notice)).must(404);
    }

    fn those_who_can_be_chosen_hold_the_role_and_can_log_in(app: TestApp) {
        let world = World::new(app);
        let house = &world.a;
        let second = app.person(house.agency, &[Role::Officer, Role::Auditor]);
        let names = |query: &str| ids(&all(app, &house.admin, &format!("/users{query}")));
        let expected: BTreeSet<String> = [house.officer.id, second.id].map(|id| id.to_string()).into();
        assert_eq!(names("?role=officer"), expected);
        assert_eq!(names("").len(), 5);
        let change = app.request(Some(&house.admin.token), "PATCH", &format!("/users/{}", second.id));
        app.send(change.insert_header(("If-Match", "\"1\"")).set_json(json!({"active": false}))).must(200);
        assert_eq!(names("?role=officer"), [house.officer.id.to_string()].into());
        assert_eq!(names("").len(), 5, "the list itself holds everyone");
        assert_eq!(ids(&all(app, &house.vendor_admin, "/users?role=vendor_user")), [house.prime.user.id.to_string()].into());
        app.get(&house.admin, "/users?role=x").must(422);
    }
}
