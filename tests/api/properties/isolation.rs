//! Random chains of two agencies: each vendor sees its own places and those below, whole; of the rest nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use chrono::Duration;
use itaku::service::chain::ParentName;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::case::{REGISTERED, d};
use super::{halves, ledger_holds, runner};
use crate::stage::{nodes, text};
use crate::support::{Person, TestApp};

mod world;
use world::{Firm, Office, World, chain_of};

fn ids_of(body: &Value, key: &str) -> BTreeSet<String> {
    body["items"].as_array().unwrap().iter().map(|item| text(item, key)).collect()
}

/// The parts of the API that speak of one contract.
const PARTS: [&str; 5] = ["", "/chain", "/applications", "/declarations?limit=200", "/audits?limit=200"];

/// Someone who may not know of a contract finds nothing of it, whatever is asked.
fn knows_nothing(app: &TestApp, who: &Person, world: &World) -> Result<(), TestCaseError> {
    let contract = world.contract;
    finds_none_of(app, who, world, &PARTS)?;
    for subject in [contract.to_string(), world.spots[0].id.to_string(), world.audits[0].0.clone()] {
        prop_assert_eq!(app.get(who, &format!("/ledger?subject={subject}")).status, 404);
    }
    for (application, _) in &world.applications {
        prop_assert_eq!(app.get(who, &format!("/applications/{application}")).status, 404);
    }
    let alerts = app.get(who, &format!("/alerts?contract_id={contract}")).must(200);
    prop_assert_eq!(&alerts["items"], &json!([]));
    Ok(())
}

fn finds_none_of(app: &TestApp, who: &Person, world: &World, parts: &[&str]) -> Result<(), TestCaseError> {
    for part in parts {
        let path = format!("/contracts/{}{part}", world.contract);
        prop_assert_eq!(app.get(who, &path).status, 404, "{}", path);
    }
    Ok(())
}

/// What a vendor sees of a contract on which it stands; everything that came back. `all`: its alerts for the agency.
fn sees_its_own(
    app: &TestApp,
    firms: &[Firm],
    all: &Value,
    world: &World,
    me: usize,
) -> Result<String, TestCaseError> {
    let (own, who, contract) = (world.own(me), &firms[me].reader, world.contract);
    let answers: Vec<Value> =
        PARTS.iter().map(|part| app.get(who, &format!("/contracts/{contract}{part}")).must(200)).collect();
    let chain = nodes(&answers[1]);
    let shown: BTreeSet<String> = chain.iter().map(|node| text(node, "engagement_id")).collect();
    prop_assert_eq!(&shown, &world.ids(&own), "the chain of vendor {}", me);
    let roots = own.iter().filter(|n| world.spots[**n].vendor == me);
    for root in roots {
        let spot = world.spots[*root];
        let above = spot.parent.map(|n| firms[world.spots[n].vendor].name.clone());
        let node = chain.iter().find(|node| {
            node["engagement_id"] == json!(spot.id) && node["parent_engagement_id"] == Value::Null
        });
        let parent = node.map(|node| node["parent"].clone()).unwrap();
        let expected = above.map(|name| ParentName { name });
        prop_assert_eq!(parent, serde_json::to_value(expected).unwrap());
    }

    let mine = |spot: &usize| own.contains(spot);
    let applications: BTreeSet<String> =
        world.applications.iter().filter(|(_, n)| mine(n)).map(|(id, _)| id.clone()).collect();
    prop_assert_eq!(&ids_of(&answers[2], "id"), &applications);
    for (id, spot) in &world.applications {
        let status = app.get(who, &format!("/applications/{id}")).status;
        prop_assert_eq!(status, if mine(spot) { 200 } else { 404 });
    }
    let below = world.vendors(&own);
    let foreign = |spots: &[usize]| !spots.is_empty() && !spots.iter().any(mine);
    let declarations: BTreeSet<String> = world
        .declarations
        .iter()
        .filter(|(_, by, spots)| *by == me || (below.contains(by) && !foreign(spots)))
        .map(|(id, ..)| id.clone())
        .collect();
    prop_assert_eq!(&ids_of(&answers[3], "id"), &declarations);
    let is_prime = world.spots[0].vendor == me;
    let audits: BTreeSet<String> = world
        .audits
        .iter()
        .filter(|(_, n)| n.map_or(is_prime, |n| own.contains(&n)))
        .map(|(id, _)| id.clone())
        .collect();
    prop_assert_eq!(&ids_of(&answers[4], "id"), &audits);

    let ledger = app.get(who, &format!("/ledger?subject={contract}&limit=200")).must(200);
    let entries = ledger["items"].as_array().unwrap();
    for (seq, entry) in (1..).zip(entries) {
        prop_assert_eq!(&entry["seq"], &json!(seq));
    }
    let read: Vec<&Value> = entries.iter().filter(|entry| entry["payload"] != Value::Null).collect();
    let has =
        |action: &str, id: &str| read.iter().any(|e| e["action"] == action && e["subject"] == json!(id));
    for (id, _) in world.applications.iter().filter(|(_, n)| mine(n)) {
        prop_assert!(has("application.filed", id), "{} reads the filing of {}", me, id);
    }
    for (id, by, _) in &world.declarations {
        prop_assert!(*by != me || has("declaration.filed", id), "{} reads what it declared", me);
    }
    prop_assert!(read.iter().all(|entry| entry["action"] != "application.reviewed"));

    // Alerts about itself, and no others; that the agency has not decided is the agency's affair.
    let mine: BTreeSet<String> =
        world.spots.iter().filter(|s| s.vendor == me).map(|s| s.id.to_string()).collect();
    let about = |body: &Value| -> BTreeSet<String> {
        let of = body["items"].as_array().unwrap().iter().filter(|a| a["kind"] != "decision_waiting");
        let of = of.filter(|a| !world.hidden.contains(&text(a, "subject")));
        of.filter(|a| a["engagement_id"].as_str().is_some_and(|id| mine.contains(id)))
            .map(|a| text(a, "id"))
            .collect()
    };
    let seen = app.get(who, &format!("/alerts?contract_id={contract}&limit=200")).must(200);
    prop_assert_eq!(about(&seen), about(all));
    for alert in seen["items"].as_array().unwrap() {
        prop_assert!(
            alert["engagement_id"].is_null() || mine.contains(alert["engagement_id"].as_str().unwrap())
        );
    }
    let said: String = answers.iter().chain([&ledger, &seen]).map(Value::to_string).collect();
    for hidden in &world.hidden {
        prop_assert!(!said.contains(hidden), "{} hears of the unannounced audit {}", me, hidden);
        prop_assert_eq!(app.get(who, &format!("/audits/{hidden}")).status, 404);
        prop_assert_eq!(app.get(who, &format!("/ledger?subject={hidden}")).status, 404);
    }
    Ok(said)
}

/// Offices, firms, and the chains on which they have come to stand, one after another.
struct Block<'a> {
    offices: &'a [Office; 2],
    firms: Vec<Firm>,
    /// With the office whose each is.
    worlds: Vec<(usize, World)>,
}

impl<'a> Block<'a> {
    fn new(app: &TestApp, offices: &'a [Office; 2], number: u32) -> Self {
        let firm = |letter| Firm::new(app, format!("架空第{number}号{letter}事業所"));
        let firms = ["甲", "乙", "丙", "丁", "戊"].into_iter().map(firm).collect();
        Self { offices, firms, worlds: vec![] }
    }

    /// What everyone sees of the latest chain, and of all of them in lists.
    fn isolated(&self, app: &TestApp) -> Result<(), TestCaseError> {
        let (mine, world) = self.worlds.last().unwrap();
        knows_nothing(app, &self.offices[1 - mine].reader, world)?;
        self.office_sees_all(app, &self.offices[*mine], world)?;
        let alerts = format!("/alerts?contract_id={}&limit=200", world.contract);
        let alerts = app.get(&self.offices[*mine].reader, &alerts).must(200);
        let (outside, inside): (Vec<usize>, Vec<usize>) =
            (0..self.firms.len()).partition(|me| world.own(*me).is_empty());
        for me in &inside {
            let said = sees_its_own(app, &self.firms, &alerts, world, *me)?;
            self.says_no_more(&said, *me, std::slice::from_ref(world))?;
            self.lists_its_own(app, *me)?;
        }
        // One of those outside is asked for everything, each in its turn.
        let asked = outside.get(self.worlds.len() % outside.len().max(1));
        for me in &outside {
            if Some(me) == asked {
                knows_nothing(app, &self.firms[*me].reader, world)?;
                self.lists_its_own(app, *me)?;
            } else {
                finds_none_of(app, &self.firms[*me].reader, world, &PARTS[..2])?;
            }
        }
        Ok(())
    }

    fn office_sees_all(&self, app: &TestApp, office: &Office, world: &World) -> Result<(), TestCaseError> {
        let who = &office.reader;
        let chain = app.get(who, &format!("/contracts/{}/chain", world.contract)).must(200);
        prop_assert_eq!(nodes(&chain).len(), world.spots.len());
        for (part, count) in [
            ("declarations?limit=200", world.declarations.len()),
            ("audits?limit=200", world.audits.len() + world.hidden.len()),
            ("applications", world.applications.len()),
        ] {
            let body = app.get(who, &format!("/contracts/{}/{part}", world.contract)).must(200);
            prop_assert_eq!(body["items"].as_array().unwrap().len(), count, "{}", part);
        }
        let prime = world.spots[0].vendor;
        let listed =
            app.get(who, &format!("/contracts?limit=200&vendor_id={}", self.firms[prime].id)).must(200);
        let own = self.worlds.iter().filter(|(of, world)| {
            self.offices[*of].organization == office.organization && world.spots[0].vendor == prime
        });
        let own: BTreeSet<String> = own.map(|(_, world)| world.contract.to_string()).collect();
        prop_assert_eq!(ids_of(&listed, "id"), own);
        Ok(())
    }

    /// A firm's lists speak of all chains on which it stands, and of nothing else.
    fn lists_its_own(&self, app: &TestApp, me: usize) -> Result<(), TestCaseError> {
        let firm = &self.firms[me];
        let (mut contracts, mut organizations, mut applications) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (office, world) in &self.worlds {
            let own = world.own(me);
            if own.is_empty() {
                continue;
            }
            contracts.insert(world.contract.to_string());
            organizations.insert(self.offices[*office].organization.to_string());
            organizations.insert(firm.id.to_string());
            organizations.extend(world.vendors(&own).iter().map(|n| self.firms[*n].id.to_string()));
            // The queue: what it filed itself.
            let above = |spot: usize| world.spots[spot].parent.map(|n| world.spots[n].vendor);
            let filed = world.applications.iter().filter(|(_, spot)| above(*spot) == Some(me));
            applications.extend(filed.map(|(id, _)| id.clone()));
        }
        let lists = ["contracts", "applications", "organizations"]
            .map(|list| app.get(&firm.reader, &format!("/{list}?limit=200")).must(200));
        prop_assert_eq!(ids_of(&lists[0], "id"), contracts);
        prop_assert_eq!(ids_of(&lists[1], "id"), applications);
        if !organizations.is_empty() {
            prop_assert_eq!(ids_of(&lists[2], "id"), organizations);
        }
        let worlds: Vec<&World> = self.worlds.iter().map(|(_, world)| world).collect();
        self.says_no_more(&lists.map(|list| list.to_string()).concat(), me, &worlds)
    }

    /// Not one word of what the firm may not know of by these chains.
    fn says_no_more(
        &self,
        said: &str,
        me: usize,
        worlds: &[impl std::borrow::Borrow<World>],
    ) -> Result<(), TestCaseError> {
        let mut known = BTreeSet::from([me]);
        for world in worlds.iter().map(std::borrow::Borrow::borrow) {
            let (own, above) = (world.own(me), world.above(me));
            known.extend(world.vendors(&own));
            known.extend(world.vendors(&above));
            let hidden = (0..world.spots.len()).filter(|n| !own.contains(n) && !above.contains(n));
            for n in hidden {
                prop_assert!(!said.contains(world.spots[n].id.as_str()), "{} hears of place {}", me, n);
            }
        }
        for (n, other) in self.firms.iter().enumerate().filter(|(n, _)| !known.contains(n)) {
            let heard = said.contains(other.id.as_str()) || said.contains(&other.name);
            prop_assert!(!heard, "{} hears of {}", me, n);
        }
        Ok(())
    }
}

/// Chains of one block: its firms come to know one another, so another begins.
const CHAINS: usize = 10;

halves! {
    fn each_side_sees_its_own_and_nothing_else(new, cases = 1_000 embedded, 100 on the server) {
        let app = &new();
        app.clock.set_day(d(REGISTERED));
        let offices = [Office::new(app, "I1"), Office::new(app, "I2")];
        // Readers' sessions would be over on another day; all of it happens on one.
        let offices = offices.map(|office| Office { reader: app.log_in(&office.reader), ..office });
        let blocks = Cell::new(1);
        let block = RefCell::new(Block::new(app, &offices, 1));
        let outcome = runner(cases).run(&(0..2_usize, chain_of()), |(mine, chain)| {
            app.clock.pass(Duration::milliseconds(5));
            let mut block = block.borrow_mut();
            if block.worlds.len() == CHAINS {
                blocks.set(blocks.get() + 1);
                *block = Block::new(app, &offices, blocks.get());
            }
            let world = World::new(app, &offices[mine], &block.firms, &chain);
            block.worlds.push((mine, world));
            block.isolated(app)
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        ledger_holds(app);
    }
}
