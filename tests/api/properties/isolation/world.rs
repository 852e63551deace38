//! Random chains: who stands on them, how they came to, and what was said and planned of them.

use std::collections::BTreeSet;

use itaku::domain::access::{OrganizationKind, Role};
use itaku::domain::id::{ContractId, EngagementId, OrganizationId};
use itaku::domain::input::{Input, Mode, parse};
use itaku::service::{Call, Failure, application, audit, chain, consent, contract, declaration, observation};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::properties::case::{call, d};
use crate::stage::text;
use crate::support::{Person, TestApp};

/// How a vendor came to stand there.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Recorded,
    DeclaredByParent,
    DeclaredByPrime,
    Observed,
    Applied,
    Consented,
}

#[derive(Debug, Clone)]
pub struct Edge {
    pub parent: usize,
    pub vendor: usize,
    pub way: Way,
    pub audited: bool,
    /// The newcomer declares that it has nobody.
    pub says_none: bool,
}

pub const VENDORS: usize = 5;

pub fn chain_of() -> impl Strategy<Value = (usize, Vec<Edge>)> {
    let way = prop_oneof![
        Just(Way::Recorded),
        Just(Way::DeclaredByParent),
        Just(Way::DeclaredByPrime),
        Just(Way::Observed),
        Just(Way::Applied),
        Just(Way::Consented),
    ];
    let edge = (0..8_usize, 0..VENDORS, way, any::<bool>(), any::<bool>()).prop_map(
        |(parent, vendor, way, audited, says_none)| Edge { parent, vendor, way, audited, says_none },
    );
    (0..VENDORS, prop::collection::vec(edge, 1..7))
}

/// An agency's people.
pub struct Office {
    pub organization: OrganizationId,
    pub officer: Call,
    pub approver: Call,
    pub reader: Person,
}

impl Office {
    pub fn new(app: &TestApp, code: &str) -> Self {
        let organization = app.agency(code);
        Self {
            organization,
            officer: call(app, organization, OrganizationKind::Agency, &[Role::Officer]),
            approver: call(app, organization, OrganizationKind::Agency, &[Role::Approver]),
            reader: app.person(organization, &[Role::Officer]),
        }
    }
}

pub struct Firm {
    pub id: OrganizationId,
    pub name: String,
    pub call: Call,
    pub reader: Person,
}

impl Firm {
    pub fn new(app: &TestApp, name: String) -> Self {
        let id = app.vendor(&name);
        let call = call(app, id, OrganizationKind::Vendor, &[Role::VendorUser]);
        let reader = Person {
            id: call.actor.user_id,
            email: call.actor.email.clone(),
            organization: id,
            token: String::new(),
        };
        Self { id, name, reader: app.log_in(&reader), call }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Spot {
    pub id: EngagementId,
    pub parent: Option<usize>,
    pub vendor: usize,
    /// Holds a consent today.
    pub consented: bool,
}

/// A contract, and what was put on it.
pub struct World {
    pub contract: ContractId,
    pub spots: Vec<Spot>,
    /// Id and spot of each.
    pub applications: Vec<(String, usize)>,
    /// Id, declaring vendor, spots.
    pub declarations: Vec<(String, usize, Vec<usize>)>,
    /// Id and spot; None: the contract as a whole.
    pub audits: Vec<(String, Option<usize>)>,
    /// Unannounced audits: no vendor hears of them.
    pub hidden: Vec<String>,
}

pub fn input<T: Input>(body: &Value) -> Result<T, Failure> {
    parse(body, Mode::Strict).map_err(Failure::Invalid)
}

impl World {
    pub fn new(app: &TestApp, office: &Office, firms: &[Firm], (prime, edges): &(usize, Vec<Edge>)) -> Self {
        let it = &app.app;
        let body = json!({
            "number": crate::stage::number(), "title": "架空業務", "fiscal_year": 2026, "vendor_id": firms[*prime].id, "amount_yen": 1000,
            "signed_on": d(0), "starts_on": d(0), "ends_on": d(300), "scope": "入力",
            "data": [{"category": "personal", "persons": 10}],
        });
        let contract = contract::register(it, &office.officer, &input(&body).unwrap()).unwrap().id;
        let root = chain::get(it, &office.officer, contract, None, None).unwrap().root.engagement_id;
        let mut world = Self {
            contract,
            spots: vec![Spot { id: root, parent: None, vendor: *prime, consented: true }],
            applications: vec![],
            declarations: vec![],
            audits: vec![],
            hidden: vec![],
        };
        for edge in edges {
            let parent = edge.parent % world.spots.len();
            let taken = world.spots.iter().any(|s| s.parent == Some(parent) && s.vendor == edge.vendor);
            if taken || world.upwards(parent).any(|n| world.spots[n].vendor == edge.vendor) {
                continue;
            }
            world.put(app, office, firms, edge, parent);
        }
        world.plan(app, office, None);
        world
    }

    pub fn put(&mut self, app: &TestApp, office: &Office, firms: &[Firm], edge: &Edge, parent: usize) {
        let it = &app.app;
        let above = self.spots[parent];
        let place = json!({"parent_engagement_id": above.id, "vendor_id": firms[edge.vendor].id});
        let with = |more: Value| crate::stage::with(place.clone(), &more);
        let needs_application = matches!(edge.way, Way::Applied | Way::Consented);
        let way = if needs_application && !above.consented { Way::DeclaredByParent } else { edge.way };
        let spot = self.spots.len();
        match way {
            Way::Recorded => {
                let body = with(
                    json!({"scope": "入力", "amount_yen": 1, "country": "JP", "data": [], "decided_on": d(0),
                    "document_number": "第1号", "valid_from": d(0), "valid_until": d(200)}),
                );
                let id = consent::record(it, &office.approver, self.contract, &input(&body).unwrap())
                    .unwrap()
                    .engagement_id;
                self.spots.push(Spot { id, parent: Some(parent), vendor: edge.vendor, consented: true });
            }
            Way::Observed => {
                let body = with(json!({"source": "audit", "started_on": d(1)}));
                let id = observation::observe(it, &office.officer, self.contract, &input(&body).unwrap())
                    .unwrap()
                    .engagement_id;
                self.spots.push(Spot { id, parent: Some(parent), vendor: edge.vendor, consented: false });
            }
            Way::DeclaredByParent | Way::DeclaredByPrime => {
                let prime = self.spots[0].vendor;
                let by = if matches!(way, Way::DeclaredByPrime) { prime } else { above.vendor };
                let said = declare(
                    app,
                    &firms[by],
                    self.contract,
                    &json!({"engagements": [with(json!({"started_on": d(1)}))]}),
                );
                // Uncovered since: named in the answer.
                let id = said["unapproved"][0]["engagement_id"].as_str().unwrap().parse().unwrap();
                self.spots.push(Spot { id, parent: Some(parent), vendor: edge.vendor, consented: false });
                self.declarations.push((text(&said, "id"), by, vec![spot]));
            }
            Way::Applied | Way::Consented => {
                let body = with(
                    json!({"scope": "入力", "reason": "繁忙", "amount_yen": 1, "starts_on": d(0), "ends_on": d(200),
                    "country": "JP", "data": [], "safeguards": {}}),
                );
                let firm = &firms[above.vendor];
                let filed = application::file(it, &firm.call, self.contract, &input(&body).unwrap()).unwrap();
                let consented = matches!(way, Way::Consented);
                if consented {
                    let review =
                        json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok"});
                    application::review(it, &office.officer, filed.id, &input(&review).unwrap()).unwrap();
                    let decision = json!({"decision": "consent", "reason": "確認"});
                    application::decide(it, &office.approver, filed.id, &input(&decision).unwrap()).unwrap();
                }
                self.applications.push((filed.id.to_string(), spot));
                self.spots.push(Spot {
                    id: filed.engagement_id,
                    parent: Some(parent),
                    vendor: edge.vendor,
                    consented,
                });
            }
        }
        if edge.audited {
            self.plan(app, office, Some(spot));
        }
        if edge.says_none && !self.declarations.iter().any(|(_, by, _)| *by == edge.vendor) {
            let said = declare(app, &firms[edge.vendor], self.contract, &json!({"none": true}));
            self.declarations.push((text(&said, "id"), edge.vendor, vec![]));
        }
    }

    pub fn plan(&mut self, app: &TestApp, office: &Office, spot: Option<usize>) {
        let place = spot.map(|n| self.spots[n].id);
        let plan = |due_on: chrono::NaiveDate, unannounced: bool| {
            let body = json!({"kind": "document", "due_on": due_on, "engagement_id": place, "unannounced": unannounced});
            let plan = audit::plan(&app.app, &office.officer, self.contract, &input(&body).unwrap());
            plan.unwrap().id.to_string()
        };
        let announced = plan(d(40), false);
        self.audits.push((announced, spot));
        if self.audits.len() % 2 == 1 {
            self.hidden.push(plan(d(41), true));
        }
    }

    /// A spot and those above it.
    pub fn upwards(&self, spot: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(spot), |n| self.spots[*n].parent)
    }

    /// The spots of a vendor and those below.
    pub fn own(&self, vendor: usize) -> BTreeSet<usize> {
        let own = |spot: &usize| self.upwards(*spot).any(|n| self.spots[n].vendor == vendor);
        (0..self.spots.len()).filter(own).collect()
    }

    /// The spots above a vendor's own that are not its own.
    pub fn above(&self, vendor: usize) -> BTreeSet<usize> {
        let own = self.own(vendor);
        own.iter().flat_map(|n| self.upwards(*n)).filter(|n| !own.contains(n)).collect()
    }

    pub fn ids(&self, spots: &BTreeSet<usize>) -> BTreeSet<String> {
        spots.iter().map(|n| self.spots[*n].id.to_string()).collect()
    }

    pub fn vendors(&self, spots: &BTreeSet<usize>) -> BTreeSet<usize> {
        spots.iter().map(|n| self.spots[*n].vendor).collect()
    }
}

pub fn declare(app: &TestApp, firm: &Firm, contract: ContractId, said: &Value) -> Value {
    let body = crate::stage::with(json!({"period": {"from": d(0), "to": d(30)}}), said);
    let view = declaration::declare(&app.app, &firm.call, contract, &input(&body).unwrap()).unwrap();
    serde_json::to_value(view).unwrap()
}
