//! The demonstration's story, told up to several days and held to what it promises: what every page has to show.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use serde_json::Value;

use super::house::{Demo, agent, itaku};

/// The story up to a day, asked through the API in the name of each role.
struct Told {
    demo: Demo,
    today: NaiveDate,
    tokens: BTreeMap<String, String>,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn fiscal_year(day: NaiveDate) -> i32 {
    if day.month() >= 4 { day.year() } else { day.year() - 1 }
}

/// How many there are of each word.
fn count<'a>(items: &'a [Value], key: &str) -> BTreeMap<&'a str, usize> {
    items.iter().fold(BTreeMap::new(), |mut counts, item| {
        *counts.entry(text(&item[key])).or_default() += 1;
        counts
    })
}

/// A node of a chain and all below it.
fn nodes(root: &Value) -> Vec<&Value> {
    let below = root["children"].as_array().unwrap().iter().flat_map(nodes);
    std::iter::once(root).chain(below).collect()
}

/// A contract's id, by its number.
fn id(contracts: &[Value], number: &str) -> String {
    text(&contracts.iter().find(|c| c["number"] == number).unwrap()["id"]).to_owned()
}

impl Told {
    fn up_to(today: &str, database: &[&str]) -> Self {
        let demo = Demo::start_on(today, database);
        let roles: Vec<String> =
            demo.info["logins"].as_array().unwrap().iter().map(|l| text(&l["role"]).to_owned()).collect();
        let tokens = roles.into_iter().map(|role| (role.clone(), demo.token(&role))).collect();
        Self { demo, today: today.parse().unwrap(), tokens }
    }

    fn get(&self, role: &str, path: &str) -> Value {
        let request = agent().get(self.demo.url(&format!("/api/v1{path}")));
        let mut answer =
            request.header("Authorization", format!("Bearer {}", self.tokens[role])).call().unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{role} {path}");
        answer.body_mut().read_json().unwrap()
    }

    fn items(&self, role: &str, path: &str) -> Vec<Value> {
        let mut items: Vec<Value> = Vec::new();
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut cursor = String::new();
        loop {
            let mut page = self.get(role, &format!("{path}{sign}limit=200{cursor}"));
            items.append(page["items"].as_array_mut().unwrap());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The organizations and contracts, and a year of history.
    fn check_contracts(&self) -> Vec<Value> {
        for (kind, many) in [("agency", 2), ("vendor", 8)] {
            let all = self.items("system_admin", &format!("/organizations?kind={kind}"));
            assert_eq!(all.len(), many, "{kind}");
            assert!(
                all.iter().all(|o| text(&o["name"]).starts_with("架空") && o["corporate_number"].is_null())
            );
        }
        let contracts = self.items("overseer", "/contracts");
        assert_eq!(contracts.len(), 40);
        assert_eq!(self.items("officer", "/contracts").len(), 28, "most at the city");
        let states = count(&contracts, "status");
        assert!(states["running"] >= 30 && states["upcoming"] >= 2 && states["ended"] >= 4, "{states:?}");
        let agencies_of_vendor: BTreeSet<_> = contracts
            .iter()
            .filter(|c| text(&c["vendor_name"]).contains('甲'))
            .map(|c| text(&c["agency_name"]))
            .collect();
        assert_eq!(agencies_of_vendor.len(), 2, "vendors are shared");
        let departments: BTreeSet<_> = contracts.iter().map(|c| text(&c["department"])).collect();
        assert_eq!(departments.len(), 3);
        let first = self.items("officer", &format!("/ledger?subject={}", id(&contracts, "DEMO-001")));
        let began: NaiveDate = text(&first[0]["at"])[..10].parse().unwrap();
        assert!((self.today - began).num_days() >= 364, "a year of history");
        contracts
    }

    /// Tier four, one use without consent, and every state a place can be in.
    fn check_chains(&self, contracts: &[Value]) {
        let (mut deepest, mut running, mut states) = (0, Vec::new(), BTreeSet::new());
        for contract in contracts {
            let chain = self.get("overseer", &format!("/contracts/{}/chain", text(&contract["id"])));
            for node in nodes(&chain["root"]) {
                deepest = deepest.max(node["tier"].as_i64().unwrap());
                states.insert(text(&node["state"]).to_owned());
                if node["uncovered"].as_array().unwrap().iter().any(|days| days["to"].is_null()) {
                    running.push((text(&contract["number"]).to_owned(), node["tier"].as_i64().unwrap()));
                }
            }
        }
        assert_eq!(deepest, 4);
        assert_eq!(running, [("DEMO-001".to_owned(), 4)], "one use without consent, on tier four");
        for state in ["applied", "consented", "refused", "withdrawn", "revoked", "unapproved", "ended"] {
            assert!(states.contains(state), "{state} in {states:?}");
        }
        let late = self.items("auditor", "/consents?recorded=late");
        assert_eq!(late.len(), 1);
        assert!(late[0]["late_days"].as_i64() > Some(0));
    }

    fn check_alerts(&self) {
        let alerts = self.items("overseer", "/alerts");
        let unresolved: Vec<Value> = alerts.iter().filter(|a| a["state"] != "resolved").cloned().collect();
        let kinds = count(&unresolved, "kind");
        for kind in [
            "unapproved_subcontractor",
            "decision_waiting",
            "audit_overdue",
            "audit_missing",
            "declaration_overdue",
            "end_not_reported",
        ] {
            assert_eq!(kinds.get(kind), Some(&1), "{kind} in {kinds:?}");
            let alert = unresolved.iter().find(|alert| alert["kind"] == kind).unwrap();
            assert_eq!(alert["state"], "open", "{kind}");
        }
        assert!(kinds["consent_expiring"] >= 1, "{kinds:?}");
        let expected = ["consent_expiring", "contract_expiring", "audit_due"];
        assert_eq!(kinds.keys().filter(|kind| !expected.contains(kind)).count(), 6, "{kinds:?}");
        let critical: BTreeSet<_> =
            unresolved.iter().filter(|a| a["severity"] == "critical").map(|a| text(&a["kind"])).collect();
        assert_eq!(critical, BTreeSet::from(["audit_overdue", "unapproved_subcontractor"]));
        for assessment in ["confirmed", "not_applicable"] {
            let answered = alerts.iter().find(|alert| alert["assessment"] == assessment).unwrap();
            assert!(answered["state"] == "resolved" && answered["measure"].is_string(), "{answered}");
        }
    }

    /// Every state, and of those that wait: ready to be decided, not yet reviewed, forgotten.
    fn check_applications(&self) {
        let all = self.items("officer", "/applications");
        let states = count(&all, "state");
        for state in ["applied", "returned", "consented", "refused", "withdrawn"] {
            assert!(states.contains_key(state), "{state} in {states:?}");
        }
        let reviewed = |application: &&Value| {
            application["steps"].as_array().unwrap().iter().any(|step| step["step"] == "reviewed")
        };
        let waiting = || all.iter().filter(|application| application["state"] == "applied");
        assert_eq!((waiting().count(), waiting().filter(reviewed).count()), (3, 1));
        assert!(
            all.iter().any(|application| {
                application["supersedes"] == true && application["state"] == "consented"
            })
        );
        assert!(!self.items("vendor_admin", "/applications").is_empty());
    }

    fn check_statements(&self, contracts: &[Value]) {
        let of_all = |what: &str| -> Vec<Value> {
            let paths = contracts.iter().map(|c| format!("/contracts/{}/{what}", text(&c["id"])));
            paths.flat_map(|path| self.items("overseer", &path)).collect()
        };
        let declared = of_all("declarations");
        assert!(declared.len() > 80, "{}", declared.len());
        assert!(declared.iter().any(|d| d["none"] == true) && declared.iter().any(|d| d["none"] == false));
        assert_eq!(declared.iter().filter(|d| d["retracted"] == true).count(), 1);
        let observed = of_all("observations");
        assert!(observed.iter().any(|o| o["source"] == "audit" && o["retracted"] == false));
        assert!(observed.iter().any(|o| o["source"] == "third_party" && o["retracted"] == true));

        let audits = of_all("audits");
        let year = fiscal_year(self.today);
        for kind in ["on_site", "document", "self_check"] {
            for (of, which) in [(year, "this 年度"), (year - 1, "the last")] {
                let planned = audits.iter().any(|audit| {
                    audit["kind"] == kind && fiscal_year(text(&audit["due_on"]).parse().unwrap()) == of
                });
                assert!(planned, "{kind} in {which}");
            }
        }
        let with = |result: &str| audits.iter().filter(|audit| audit["result"] == result).count();
        assert!(with("pass") >= 10 && with("findings") >= 3);
        assert!(audits.iter().any(|audit| audit["done_on"].is_null()));
    }

    fn check_offices(&self, contracts: &[Value]) {
        let of = |number, what| {
            self.items("officer", &format!("/contracts/{}/{what}", id(contracts, number))).len()
        };
        assert_eq!((of("DEMO-010", "amendments"), of("DEMO-013", "handovers")), (2, 2));
        let terminated = contracts.iter().find(|c| c["number"] == "DEMO-025").unwrap();
        assert_eq!(terminated["status"], "ended");
        for role in ["agency_admin", "vendor_admin"] {
            let people = self.items(role, "/users");
            assert_eq!(people.iter().filter(|person| person["invited"] == true).count(), 1, "{role}");
        }
        let people = self.items("agency_admin", "/users");
        let approver = people.iter().find(|person| person["email"] == "approver@demo.example").unwrap();
        let deputies = self.items("agency_admin", &format!("/users/{}/deputies", text(&approver["id"])));
        let today = self.today.to_string();
        assert!(deputies.iter().any(|d| text(&d["starts_on"]) <= &*today && &*today <= text(&d["ends_on"])));
        assert_eq!(self.get("agency_admin", "/settings")["closed_days"].as_array().unwrap().len(), 3);
        assert_eq!(self.items("agency_admin", "/departments").len(), 2);
    }

    fn check_ledger(&self) {
        let verified = itaku(&["verify"])
            .env("ITAKU__DATABASE__URL", text(&self.demo.info["database"]))
            .output()
            .unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

fn holds(today: &str, database: &[&str]) {
    let told = Told::up_to(today, database);
    let contracts = told.check_contracts();
    told.check_chains(&contracts);
    told.check_alerts();
    told.check_applications();
    told.check_statements(&contracts);
    told.check_offices(&contracts);
    told.check_ledger();
}

macro_rules! told_up_to {
    ($($name:ident $today:literal),+) => {$(
        #[test]
        fn $name() {
            holds($today, &[]);
        }
    )+};
}

told_up_to! {
    as_a_new_fiscal_year_begins "2026-04-01",
    on_a_sunday_in_january "2027-01-31",
    on_a_leap_day "2028-02-29",
    on_the_last_day_of_the_year "2026-12-31",
    in_summer "2026-08-20"
}

/// On the server that the tests are given, where there is one.
#[test]
fn on_the_other_database() {
    use diesel::connection::SimpleConnection as _;
    use diesel::{Connection as _, PgConnection};

    let Ok(server) = std::env::var("ITAKU_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "ITAKU_TEST_POSTGRES is not set");
        return;
    };
    let name = format!("itaku_story_{}", std::process::id());
    let mut admin = PgConnection::establish(&server).unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let base = server.rsplit_once('/').unwrap().0;
    holds("2026-07-15", &["--database", &format!("{base}/{name}")]);
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
}
