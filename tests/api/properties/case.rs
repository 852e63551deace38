//! One contract under random acts: what each act must lead to by plain rules, and the facts that were acknowledged.

use chrono::{DateTime, Days, Duration, NaiveDate};
use diesel::prelude::*;
use itaku::clock::Clock as _;
use itaku::db::schema::{alerts, application_steps, applications, contracts, ledger_chains};
use itaku::db::{self, ChainKey, DbError};
use itaku::domain;
use itaku::domain::access::{Actor, ActorOrganization, OrganizationKind, Role};
use itaku::domain::alert::AlertState;
use itaku::domain::chain::{
    Application, ApplicationEvent, ApplicationStep, Asked, Cause, ChainFacts, Consent, Engagement,
    Retraction, Revocation, Source, Statement, StatementOrigin, Vendor,
};
use itaku::domain::contract::{
    DeclarationInterval, Instant, Overseas, Policy, Stamp, Subcontracting, Termination, Terms, TermsFact,
};
use itaku::domain::id::{ApplicationId, ContractId, EngagementId, OrganizationId, UserId};
use itaku::domain::input::{Input, Mode, parse};
use itaku::service::chain::{ChainView, Node};
use itaku::service::{Call, Failure, alert, application, chain, consent, contract, declaration, observation};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::support::TestApp;

#[path = "../../support/model.rs"]
mod model;
use model::Model;

/// The contract's first day; every day of a case counts from it.
pub fn d(offset: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 4, 1).unwrap() + Duration::days(offset)
}

/// The day on which each contract is registered: late enough for consents on paper.
pub const REGISTERED: i64 = 5;
/// Days outside of these nobody speaks of.
const FIRST: i64 = -20;
const LAST: i64 = 130;

/// Where an act points: modulo what there is.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    Engagement(usize),
    Under(usize, usize),
}

/// A step of a case. Numbers name people, engagements and applications modulo how many there are.
#[derive(Debug, Clone)]
pub enum Act {
    Day(i64),
    Apply {
        by: usize,
        place: Place,
        from: i64,
        to: i64,
        supersedes: bool,
    },
    Review {
        which: usize,
        by: usize,
    },
    Return {
        which: usize,
    },
    Resubmit {
        which: usize,
        by: usize,
        from: i64,
        to: i64,
    },
    Decide {
        which: usize,
        by: usize,
        consent: bool,
        from: Option<i64>,
        until: Option<i64>,
    },
    Withdraw {
        which: usize,
        by: usize,
    },
    Revoke {
        which: usize,
        on: i64,
    },
    Record {
        place: Place,
        decided: i64,
        from: i64,
        until: i64,
    },
    Declare {
        by: usize,
        uses: Vec<(Place, i64, Option<i64>)>,
    },
    DeclareNone {
        by: usize,
    },
    AsLastTime {
        by: usize,
    },
    Observe {
        source: usize,
        place: Place,
        from: i64,
        to: Option<i64>,
    },
    Retract {
        which: usize,
        by: usize,
    },
    Amend {
        on: i64,
        ends: i64,
    },
    Terminate {
        on: i64,
    },
    /// The chain on a day, as known some acts ago.
    Look {
        as_of: i64,
        back: usize,
        just_before: bool,
    },
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        3 => (0..8_usize, 0..5_usize).prop_map(|(parent, vendor)| Place::Under(parent, vendor)),
        2 => (0..8_usize).prop_map(Place::Engagement),
    ]
}

/// Days of a use or a consent, mostly within the contract's; now and then beyond, or the wrong way round.
fn span() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![
        4 => (0..50_i64).prop_flat_map(|from| (Just(from), from..60)),
        1 => (-3..60_i64, -1..50_i64).prop_map(|(from, length)| (from, from + length)),
    ]
}

/// Stands for whom an act comes from in practice: the vendor above, the applicant, the declarer; else the prime.
const USUAL: usize = 99;

fn vendor() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(USUAL), 1 => 0..5_usize]
}

pub fn act() -> impl Strategy<Value = Act> {
    let one_use = || {
        (place(), span(), any::<bool>())
            .prop_map(|(place, (from, to), open)| (place, from, (!open).then_some(to)))
    };
    let latest = || prop_oneof![3 => Just(0), 1 => 0..6_usize];
    let first_of_two = || prop_oneof![3 => Just(0), 1 => Just(1_usize)];
    let day_in = |weight| prop::option::weighted(weight, 0..70_i64);
    prop_oneof![
        5 => (1..7_i64).prop_map(Act::Day),
        12 => (vendor(), place(), span(), any::<bool>())
            .prop_map(|(by, place, (from, to), supersedes)| Act::Apply { by, place, from, to, supersedes }),
        10 => (latest(), first_of_two()).prop_map(|(which, by)| Act::Review { which, by }),
        1 => latest().prop_map(|which| Act::Return { which }),
        2 => (latest(), vendor(), span()).prop_map(|(which, by, (from, to))| Act::Resubmit { which, by, from, to }),
        12 => (latest(), first_of_two(), prop::bool::weighted(0.8), day_in(0.2), day_in(0.2))
            .prop_map(|(which, by, consent, from, until)| Act::Decide { which, by, consent, from, until }),
        1 => (latest(), vendor()).prop_map(|(which, by)| Act::Withdraw { which, by }),
        4 => (0..6_usize, 0..70_i64).prop_map(|(which, on)| Act::Revoke { which, on }),
        4 => (place(), -10..8_i64, 0..10_i64, 0..60_i64).prop_map(|(place, decided, wait, length)| Act::Record {
            place, decided, from: decided + wait, until: decided + wait + length - 1
        }),
        8 => (vendor(), prop::collection::vec(one_use(), 1..3)).prop_map(|(by, uses)| Act::Declare { by, uses }),
        1 => vendor().prop_map(|by| Act::DeclareNone { by }),
        1 => vendor().prop_map(|by| Act::AsLastTime { by }),
        4 => (0..3_usize, one_use()).prop_map(|(source, (place, from, to))| Act::Observe { source, place, from, to }),
        3 => (0..6_usize, vendor()).prop_map(|(which, by)| Act::Retract { which, by }),
        1 => (-2..70_i64, 20..90_i64).prop_map(|(on, ends)| Act::Amend { on, ends }),
        1 => (10..70_i64).prop_map(|on| Act::Terminate { on }),
        5 => (FIRST..LAST, 0..8_usize, any::<bool>())
            .prop_map(|(as_of, back, just_before)| Act::Look { as_of, back, just_before }),
    ]
}

/// The people of all cases of one test.
pub struct Cast {
    /// Reviews, and may not decide.
    pub officer: Call,
    /// Reviews and decides, but never both.
    pub both: Call,
    pub approver: Call,
    /// 0 is the prime.
    pub vendors: Vec<(OrganizationId, Call)>,
}

/// A person as the session's row would say.
pub fn call(app: &TestApp, organization: OrganizationId, kind: OrganizationKind, roles: &[Role]) -> Call {
    let person = app.person(organization, roles);
    Call::of(Actor {
        user_id: person.id,
        session_id: app.app.sources.new_id(),
        name: String::new(),
        email: person.email,
        organization: ActorOrganization { id: organization, kind, name: String::new() },
        roles: roles.to_vec(),
    })
}

impl Cast {
    pub fn new(app: &TestApp) -> Self {
        let agency = app.agency("P1");
        let agency = |roles: &[Role]| call(app, agency, OrganizationKind::Agency, roles);
        let vendor = |name: &str| {
            let id = app.vendor(&format!("架空{name}有限会社"));
            (id, call(app, id, OrganizationKind::Vendor, &[Role::VendorUser]))
        };
        Self {
            officer: agency(&[Role::Officer]),
            both: agency(&[Role::Officer, Role::Approver]),
            approver: agency(&[Role::Approver]),
            vendors: ["甲", "乙", "丙", "丁", "戊"].map(vendor).into(),
        }
    }
}

/// Where an application stands, by the answers to what was done to it.
#[derive(Debug, Clone)]
struct Filed {
    id: ApplicationId,
    applicant: usize,
    supersedes: bool,
    state: &'static str,
    handled_by: Vec<UserId>,
    reviewed: bool,
}

/// A statement's origin, who may take it back, and whether that was done.
struct Said {
    origin: StatementOrigin,
    declarer: Option<usize>,
    retracted: bool,
}

/// One contract, and what is known of it by what was acknowledged.
pub struct Case<'a> {
    app: &'a TestApp,
    people: &'a Cast,
    pub contract: ContractId,
    facts: ChainFacts,
    filed: Vec<Filed>,
    said: Vec<Said>,
    seq: i64,
    moments: Vec<Instant>,
}

type Outcome = Result<(), TestCaseError>;

fn input<T: Input>(body: &Value) -> Result<T, Failure> {
    parse(body, Mode::Strict).map_err(Failure::Invalid)
}

fn content(from: i64, to: i64) -> Value {
    json!({"scope": "入力", "reason": "繁忙", "amount_yen": 1, "starts_on": d(from), "ends_on": d(to), "country": "JP",
           "data": [], "safeguards": {}})
}

fn merged(mut base: Value, over: Value) -> Value {
    let Value::Object(over) = over else { return base };
    base.as_object_mut().unwrap().extend(over);
    base
}

impl<'a> Case<'a> {
    /// A contract of 60 days, registered on its sixth.
    pub fn new(app: &'a TestApp, people: &'a Cast) -> Self {
        app.clock.pass(Duration::minutes(1));
        let prime = people.vendors[0].0;
        let body = json!({
            "number": crate::stage::number(), "title": "架空業務", "fiscal_year": 2026, "vendor_id": prime, "amount_yen": 1000,
            "signed_on": d(0), "starts_on": d(0), "ends_on": d(59), "scope": "入力", "data": [],
            "subcontracting": {"policy": "consent_required", "max_tier": 3, "overseas": "prohibited"},
        });
        let view = contract::register(&app.app, &people.officer, &input(&body).unwrap()).unwrap();
        let terms = Terms {
            title: "架空業務".into(),
            fiscal_year: 2026,
            amount_yen: 1000,
            signed_on: d(0),
            starts_on: d(0),
            ends_on: d(59),
            scope: "入力".into(),
            data: vec![],
            subcontracting: Subcontracting {
                policy: Policy::ConsentRequired,
                max_tier: Some(3),
                max_ratio_percent: None,
                overseas: Overseas::Prohibited,
                minor_limit_yen: None,
            },
            declaration_interval: DeclarationInterval::None,
            return_due_days: 14,
            department: None,
        };
        let mut case = Self {
            app,
            people,
            contract: view.id,
            facts: ChainFacts {
                contract_id: view.id,
                agency_id: view.agency_id,
                terms: vec![],
                terminations: vec![],
                engagements: vec![],
                applications: vec![],
                consents: vec![],
                revocations: vec![],
                statements: vec![],
                retractions: vec![],
            },
            filed: vec![],
            said: vec![],
            seq: 0,
            moments: vec![],
        };
        let stamp = case.stamp();
        case.facts.terms.push(TermsFact { effective_on: d(0), terms, stamp });
        let root = chain::get(&app.app, &people.officer, view.id, None, None).unwrap().root;
        case.add_engagement(root.engagement_id, None, 0, stamp);
        case
    }

    // --- what was acknowledged ---

    /// The act's own instant: time passes between acts, so the first entry of each is written now.
    fn stamp(&mut self) -> Stamp {
        self.seq += 1;
        let at = self.app.clock.now();
        self.moments.push(at);
        Stamp { seq: self.seq, at }
    }

    fn add_engagement(
        &mut self,
        id: EngagementId,
        parent: Option<EngagementId>,
        vendor: usize,
        stamp: Stamp,
    ) {
        if self.facts.engagements.iter().any(|e| e.id == id) {
            return;
        }
        let tier = parent.map_or(1, |parent| self.engagement(parent).tier + 1);
        let vendor = Vendor {
            id: self.people.vendors[vendor].0,
            name: String::new(),
            corporate_number: None,
            country: "JP".into(),
        };
        self.facts.engagements.push(Engagement { id, parent_id: parent, vendor, tier, stamp });
    }

    fn add_statement(
        &mut self,
        id: EngagementId,
        origin: StatementOrigin,
        source: Source,
        days: (NaiveDate, Option<NaiveDate>),
        stamp: Stamp,
    ) {
        self.facts.statements.push(Statement {
            engagement_id: id,
            source,
            origin,
            started_on: days.0,
            ended_on: days.1,
            country: None,
            amount_yen: None,
            data: vec![],
            stamp,
        });
    }

    fn event(&mut self, which: usize, step: ApplicationStep, stamp: Stamp) {
        let on = self.today();
        self.facts.applications[which].events.push(ApplicationEvent { step, on, corrected: None, stamp });
    }

    // --- plain looks at it ---

    fn today(&self) -> NaiveDate {
        self.app.clock.today()
    }

    fn now(&self) -> Model<'_> {
        Model { facts: &self.facts, known_at: DateTime::<chrono::Utc>::MAX_UTC }
    }

    fn engagement(&self, id: EngagementId) -> &Engagement {
        self.facts.engagements.iter().find(|e| e.id == id).unwrap()
    }

    fn number_of(&self, vendor: OrganizationId) -> usize {
        self.people.vendors.iter().position(|(id, _)| *id == vendor).unwrap()
    }

    /// The vendors from the engagement up to the prime.
    fn path(&self, id: EngagementId) -> Vec<OrganizationId> {
        let mut path = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at {
            path.push(self.engagement(id).vendor.id);
            at = self.engagement(id).parent_id;
        }
        path
    }

    fn sees(&self, vendor: usize, id: EngagementId) -> bool {
        self.path(id).contains(&self.people.vendors[vendor].0)
    }

    fn terms(&self) -> &Terms {
        let latest = self.facts.terms.iter().max_by_key(|fact| (fact.effective_on, fact.stamp.seq));
        &latest.unwrap().terms
    }

    fn last_day(&self) -> NaiveDate {
        self.now().last_day().unwrap()
    }

    /// Terminated before its start.
    fn never_runs(&self) -> bool {
        self.last_day() < self.terms().starts_on
    }

    /// (the engagement if it is there, its parent, its vendor); None: the prime itself.
    fn resolve(&self, place: Place) -> (Option<EngagementId>, Option<EngagementId>, usize) {
        let all = &self.facts.engagements;
        match place {
            Place::Engagement(n) => {
                let it = &all[n % all.len()];
                (Some(it.id), it.parent_id, self.number_of(it.vendor.id))
            }
            Place::Under(n, vendor) => {
                let parent = all[n % all.len()].id;
                let vendor = vendor % self.people.vendors.len();
                let there = all
                    .iter()
                    .find(|e| e.parent_id == Some(parent) && e.vendor.id == self.people.vendors[vendor].0);
                (there.map(|e| e.id), Some(parent), vendor)
            }
        }
    }

    fn place_body(&self, place: Place) -> Value {
        let (there, parent, vendor) = self.resolve(place);
        match place {
            Place::Engagement(_) => json!({"engagement_id": there}),
            Place::Under(..) => {
                json!({"parent_engagement_id": parent, "vendor_id": self.people.vendors[vendor].0})
            }
        }
    }

    /// Whether one who sees `seen` may point there: not the prime's own place, and nobody under itself.
    fn may_stand(&self, place: Place, seen: impl Fn(EngagementId) -> bool) -> bool {
        let (there, parent, vendor) = self.resolve(place);
        let Some(parent) = parent else { return false };
        match place {
            Place::Engagement(_) => there.is_some_and(seen),
            Place::Under(..) => seen(parent) && !self.path(parent).contains(&self.people.vendors[vendor].0),
        }
    }

    /// The contract's rules for an application on its days.
    fn rules(&self, parent: EngagementId, from: i64, to: i64) -> bool {
        let (today, tier) = (self.today(), self.engagement(parent).tier);
        let stands = tier == 1 || self.now().consented(parent, today);
        from <= to
            && !self.never_runs()
            && today <= self.last_day()
            && tier < 3
            && stands
            && d(from) >= self.terms().starts_on
            && d(to) <= self.last_day()
            && d(to) >= today
    }

    /// What a vendor itself last said of each engagement, where that has no end.
    fn open_uses(&self, vendor: usize) -> Vec<(EngagementId, NaiveDate)> {
        let source = Source::Declared(self.people.vendors[vendor].0);
        let gone = |origin| self.said.iter().any(|said| said.origin == origin && said.retracted);
        let mut open = Vec::new();
        for engagement in &self.facts.engagements {
            let mine = self
                .facts
                .statements
                .iter()
                .filter(|s| s.engagement_id == engagement.id && s.source == source);
            if let Some(last) = mine.filter(|s| !gone(s.origin)).max_by_key(|s| s.stamp.seq)
                && last.ended_on.is_none()
            {
                open.push((engagement.id, last.started_on));
            }
        }
        open
    }

    // --- acting ---

    /// Length of the contract's ledger.
    fn length(&self) -> i64 {
        let id = self.contract.as_str().to_owned();
        let query = ledger_chains::table.filter(ledger_chains::id.eq(id)).select(ledger_chains::seq);
        self.app.app.db.read_one::<i64, DbError>(|conn| Ok(query.first(conn)?)).unwrap()
    }

    /// Acts, and holds the answer against what the rules say. None: refused, as expected, and nothing written.
    fn expect<T>(
        &self,
        allowed: bool,
        act: &Act,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<Option<T>, TestCaseError> {
        let before = self.length();
        match work() {
            Ok(answer) => {
                prop_assert!(allowed, "{act:?} was taken on {}, the rules refuse it", self.today());
                Ok(Some(answer))
            }
            Err(
                Failure::NotFound | Failure::Forbidden(_) | Failure::Conflict { .. } | Failure::Invalid(_),
            ) if !allowed => {
                prop_assert_eq!(self.length(), before, "{:?} was refused and wrote an entry", act);
                Ok(None)
            }
            Err(failure) => Err(TestCaseError::fail(format!("{act:?} on {}: {failure:?}", self.today()))),
        }
    }

    pub fn act(&mut self, act: &Act) -> Outcome {
        self.app.clock.pass(Duration::minutes(1));
        match act {
            Act::Day(days) => {
                let to = self.today() + Duration::days(*days);
                if to <= d(100) {
                    self.app.clock.set_day(to);
                }
                Ok(())
            }
            Act::Look { as_of, back, just_before } => self.look_back(*as_of, *back, *just_before),
            Act::Apply { by, place, from, to, supersedes } => {
                self.apply(act, *by, *place, (*from, *to), *supersedes)
            }
            Act::Review { which, by } => self.on_application(*which, |case, n| case.review(act, n, *by)),
            Act::Return { which } => self.on_application(*which, |case, n| case.send_back(act, n)),
            Act::Resubmit { which, by, from, to } => {
                self.on_application(*which, |case, n| case.resubmit(act, n, *by, (*from, *to)))
            }
            Act::Decide { which, by, consent, from, until } => {
                self.on_application(*which, |case, n| case.decide(act, n, *by, *consent, (*from, *until)))
            }
            Act::Withdraw { which, by } => self.on_application(*which, |case, n| case.withdraw(act, n, *by)),
            Act::Revoke { which, on } => self.revoke(act, *which, *on),
            Act::Record { place, decided, from, until } => {
                self.record(act, *place, *decided, (*from, *until))
            }
            Act::Declare { by, uses } => self.declare(act, *by, uses),
            Act::DeclareNone { by } => self.declare_none(act, *by),
            Act::AsLastTime { by } => self.as_last_time(act, *by),
            Act::Observe { source, place, from, to } => self.observe(act, *source, *place, (*from, *to)),
            Act::Retract { which, by } => self.retract(act, *which, *by),
            Act::Amend { on, ends } => self.amend(act, *on, *ends),
            Act::Terminate { on } => self.terminate(act, *on),
        }
    }

    fn vendor(&self, n: usize, usual: usize) -> (usize, &'a Call) {
        let n = if n == USUAL { usual } else { n };
        (n, &self.people.vendors[n].1)
    }

    fn stands(&self, vendor: usize) -> bool {
        self.facts.engagements.iter().any(|e| e.vendor.id == self.people.vendors[vendor].0)
    }

    fn apply(
        &mut self,
        act: &Act,
        by: usize,
        place: Place,
        (from, to): (i64, i64),
        supersedes: bool,
    ) -> Outcome {
        let (there, parent, vendor) = self.resolve(place);
        let above = parent.map_or(0, |parent| self.number_of(self.engagement(parent).vendor.id));
        let (by, call) = self.vendor(by, above);
        let allowed = self.may_stand(place, |id| self.sees(by, id))
            && parent.is_some_and(|parent| {
                self.sees(by, parent)
                    && (by == 0 || self.engagement(parent).vendor.id == self.people.vendors[by].0)
                    && self.rules(parent, from, to)
            })
            && !there.is_some_and(|id| {
                let pending = |n: &usize| matches!(self.filed[*n].state, "applied" | "returned");
                (0..self.filed.len()).filter(pending).any(|n| self.facts.applications[n].engagement_id == id)
            });
        let body =
            merged(merged(content(from, to), self.place_body(place)), json!({"supersedes": supersedes}));
        let file = || application::file(&self.app.app, call, self.contract, &input(&body)?);
        let Some(view) = self.expect(allowed, act, file)? else { return Ok(()) };
        prop_assert!(there.is_none_or(|id| id == view.engagement_id), "the same engagement");
        let stamp = self.stamp();
        self.add_engagement(view.engagement_id, parent, vendor, stamp);
        self.facts.applications.push(Application {
            id: view.id,
            engagement_id: view.engagement_id,
            applicant_id: call.actor.organization.id,
            filed_on: self.today(),
            asked: Asked { starts_on: d(from), ends_on: d(to), amount_yen: 1 },
            stamp,
            events: vec![],
        });
        self.filed.push(Filed {
            id: view.id,
            applicant: by,
            supersedes,
            state: "applied",
            handled_by: vec![],
            reviewed: false,
        });
        Ok(())
    }

    fn on_application(&mut self, which: usize, work: impl FnOnce(&mut Self, usize) -> Outcome) -> Outcome {
        // The latest first: it is the one that something can still happen to.
        match self.filed.len() {
            0 => Ok(()),
            count => work(self, count - 1 - which % count),
        }
    }

    fn review(&mut self, act: &Act, n: usize, by: usize) -> Outcome {
        let call = if by == 0 { &self.people.officer } else { &self.people.both };
        let filed = self.filed[n].clone();
        let body = json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok"});
        let review = || application::review(&self.app.app, call, filed.id, &input(&body)?);
        if self.expect(filed.state == "applied", act, review)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Reviewed, stamp);
            self.filed[n].reviewed = true;
            self.filed[n].handled_by.push(call.actor.user_id);
        }
        Ok(())
    }

    fn send_back(&mut self, act: &Act, n: usize) -> Outcome {
        let filed = self.filed[n].clone();
        let back = || {
            application::send_back(
                &self.app.app,
                &self.people.officer,
                filed.id,
                &input(&json!({"points": "件数"}))?,
            )
        };
        if self.expect(filed.state == "applied", act, back)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Returned, stamp);
            self.filed[n].state = "returned";
        }
        Ok(())
    }

    fn resubmit(&mut self, act: &Act, n: usize, by: usize, (from, to): (i64, i64)) -> Outcome {
        let filed = self.filed[n].clone();
        let (by, call) = self.vendor(by, filed.applicant);
        let parent = self.engagement(self.facts.applications[n].engagement_id).parent_id.unwrap();
        let allowed = by == filed.applicant && filed.state == "returned" && self.rules(parent, from, to);
        let again = || application::resubmit(&self.app.app, call, filed.id, &input(&content(from, to))?);
        if self.expect(allowed, act, again)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Resubmitted, stamp);
            self.facts.applications[n].events.last_mut().unwrap().corrected =
                Some(Asked { starts_on: d(from), ends_on: d(to), amount_yen: 1 });
            self.filed[n].state = "applied";
            self.filed[n].reviewed = false;
        }
        Ok(())
    }

    fn decide(
        &mut self,
        act: &Act,
        n: usize,
        by: usize,
        consent: bool,
        (from, until): (Option<i64>, Option<i64>),
    ) -> Outcome {
        let call = if by == 0 { &self.people.approver } else { &self.people.both };
        let filed = self.filed[n].clone();
        let Application { asked, ref events, .. } = self.facts.applications[n];
        let Asked { starts_on, ends_on, .. } = events.iter().rev().find_map(|e| e.corrected).unwrap_or(asked);
        let (today, last) = (self.today(), self.last_day());
        let valid_from = from.map_or(starts_on.max(today), d);
        let valid_until = until.map_or(ends_on.min(last), d);
        let mut allowed =
            filed.state == "applied" && filed.reviewed && !filed.handled_by.contains(&call.actor.user_id);
        if consent {
            allowed &= !self.never_runs() && today <= last;
            allowed &= today <= valid_from && valid_from <= valid_until && valid_until <= last;
        }
        let word = if consent { "consent" } else { "refuse" };
        let body = json!({"decision": word, "reason": "確認", "valid_from": from.map(d), "valid_until": until.map(d)});
        let decide = || application::decide(&self.app.app, call, filed.id, &input(&body)?);
        if self.expect(allowed, act, decide)?.is_none() {
            return Ok(());
        }
        let stamp = self.stamp();
        self.filed[n].state = if consent { "consented" } else { "refused" };
        self.event(n, if consent { ApplicationStep::Consented } else { ApplicationStep::Refused }, stamp);
        if consent {
            self.facts.consents.push(Consent {
                id: self.app.app.sources.new_id(),
                engagement_id: self.facts.applications[n].engagement_id,
                application_id: Some(filed.id),
                decided_on: today,
                valid_from,
                valid_until,
                supersedes: filed.supersedes,
                amount_yen: 1,
                country: "JP".into(),
                data: vec![],
                stamp,
            });
        }
        Ok(())
    }

    fn withdraw(&mut self, act: &Act, n: usize, by: usize) -> Outcome {
        let filed = self.filed[n].clone();
        let (by, call) = self.vendor(by, filed.applicant);
        let allowed = by == filed.applicant && matches!(filed.state, "applied" | "returned");
        let withdraw = || application::withdraw(&self.app.app, call, filed.id, &input(&json!({}))?);
        if self.expect(allowed, act, withdraw)?.is_some() {
            let stamp = self.stamp();
            self.event(n, ApplicationStep::Withdrawn, stamp);
            self.filed[n].state = "withdrawn";
        }
        Ok(())
    }

    fn revoke(&mut self, act: &Act, which: usize, on: i64) -> Outcome {
        // Mostly of what holds a consent.
        let consents = &self.facts.consents;
        let id = match consents.len() {
            0 => self.facts.engagements[which % self.facts.engagements.len()].id,
            _ if which == 0 => self.facts.engagements[0].id,
            count => consents[which % count].engagement_id,
        };
        let held = self.facts.consents.iter().any(|consent| consent.engagement_id == id);
        let allowed = held && d(on) >= self.today();
        let body = json!({"reason": "不備", "effective_on": d(on)});
        let revoke = || consent::revoke(&self.app.app, &self.people.approver, id, &input(&body)?);
        let Some(view) = self.expect(allowed, act, revoke)? else { return Ok(()) };
        let cuts = (on..LAST).any(|day| self.now().consented(id, d(day)));
        prop_assert_eq!(view.changed, cuts, "{:?}", act);
        if cuts {
            let stamp = self.stamp();
            self.facts.revocations.push(Revocation { engagement_id: id, effective_on: d(on), stamp });
        }
        prop_assert_eq!(view.state, self.now().state(id, self.today()));
        Ok(())
    }

    fn record(&mut self, act: &Act, place: Place, decided: i64, (from, until): (i64, i64)) -> Outcome {
        // 既承認 is entered under its parent.
        let Place::Under(..) = place else { return Ok(()) };
        let (_, parent, vendor) = self.resolve(place);
        let in_time = self.never_runs() || (d(from) >= self.terms().starts_on && d(until) <= self.last_day());
        let allowed = decided <= REGISTERED
            && decided <= from
            && from <= until
            && in_time
            && self.may_stand(place, |_| true);
        let body = merged(
            self.place_body(place),
            json!({
                "scope": "入力", "amount_yen": 1, "country": "JP", "data": [], "decided_on": d(decided), "document_number": "第1号",
                "valid_from": d(from), "valid_until": d(until),
            }),
        );
        let record = || consent::record(&self.app.app, &self.people.approver, self.contract, &input(&body)?);
        let Some(view) = self.expect(allowed, act, record)? else { return Ok(()) };
        let stamp = self.stamp();
        self.add_engagement(view.engagement_id, parent, vendor, stamp);
        self.facts.consents.push(Consent {
            id: view.id,
            engagement_id: view.engagement_id,
            application_id: None,
            decided_on: d(decided),
            valid_from: d(from),
            valid_until: d(until),
            supersedes: false,
            amount_yen: 1,
            country: "JP".into(),
            data: vec![],
            stamp,
        });
        Ok(())
    }

    fn declaration(&self, call: &Call, said: Value) -> Result<declaration::DeclaredView, Failure> {
        let body = merged(json!({"period": {"from": d(0), "to": d(30)}}), said);
        declaration::declare(&self.app.app, call, self.contract, &input(&body)?)
    }

    fn declare(&mut self, act: &Act, by: usize, uses: &[(Place, i64, Option<i64>)]) -> Outcome {
        let (by, call) = self.vendor(by, 0);
        let resolved: Vec<_> = uses.iter().map(|(place, ..)| self.resolve(*place)).collect();
        let twice = resolved.iter().enumerate().any(|(n, it)| resolved[..n].contains(it));
        let allowed = self.stands(by)
            && !twice
            && uses.iter().all(|(place, from, to)| {
                to.is_none_or(|to| *from <= to) && self.may_stand(*place, |id| self.sees(by, id))
            });
        let engagements: Vec<Value> = uses
            .iter()
            .map(|(place, from, to)| {
                merged(self.place_body(*place), json!({"started_on": d(*from), "ended_on": to.map(d)}))
            })
            .collect();
        let said = || self.declaration(call, json!({"engagements": engagements}));
        let Some(view) = self.expect(allowed, act, said)? else { return Ok(()) };
        let stamp = self.stamp();
        let origin = StatementOrigin::Declaration(view.id);
        let shown = chain::get(&self.app.app, &self.people.officer, self.contract, None, None).unwrap();
        let mut expected = Vec::new();
        for ((_, from, to), (_, parent, vendor)) in uses.iter().zip(&resolved) {
            let id = engagement_at(&shown, parent.unwrap(), self.people.vendors[*vendor].0);
            self.add_engagement(id, *parent, *vendor, stamp);
            self.add_statement(
                id,
                origin,
                Source::Declared(call.actor.organization.id),
                (d(*from), to.map(d)),
                stamp,
            );
            expected.push(id);
        }
        self.said.push(Said { origin, declarer: Some(by), retracted: false });
        let today = self.today();
        expected
            .retain(|id| (FIRST..LAST).any(|day| d(day) <= today && self.now().cause(*id, d(day)).is_some()));
        let unapproved: Vec<EngagementId> = view.unapproved.iter().map(|u| u.engagement_id).collect();
        prop_assert_eq!(unapproved, expected, "{:?}", act);
        Ok(())
    }

    fn declare_none(&mut self, act: &Act, by: usize) -> Outcome {
        let (by, call) = self.vendor(by, 0);
        let allowed = self.stands(by) && self.open_uses(by).is_empty();
        if let Some(view) = self.expect(allowed, act, || self.declaration(call, json!({"none": true})))? {
            let origin = StatementOrigin::Declaration(view.id);
            self.stamp();
            self.said.push(Said { origin, declarer: Some(by), retracted: false });
        }
        Ok(())
    }

    fn as_last_time(&mut self, act: &Act, by: usize) -> Outcome {
        let (by, call) = self.vendor(by, 0);
        let again = || self.declaration(call, json!({"as_last_time": true}));
        let Some(view) = self.expect(self.stands(by), act, again)? else { return Ok(()) };
        let origin = StatementOrigin::Declaration(view.id);
        let open = self.open_uses(by);
        let stamp = self.stamp();
        for (id, from) in open {
            self.add_statement(id, origin, Source::Declared(call.actor.organization.id), (from, None), stamp);
        }
        self.said.push(Said { origin, declarer: Some(by), retracted: false });
        Ok(())
    }

    fn observe(&mut self, act: &Act, source: usize, place: Place, (from, to): (i64, Option<i64>)) -> Outcome {
        let (word, source) =
            [("audit", Source::Audit), ("third_party", Source::ThirdParty), ("other", Source::Other)]
                [source % 3];
        let (_, parent, vendor) = self.resolve(place);
        let allowed = to.is_none_or(|to| from <= to) && self.may_stand(place, |_| true);
        let body = merged(
            self.place_body(place),
            json!({"source": word, "started_on": d(from), "ended_on": to.map(d)}),
        );
        let observe =
            || observation::observe(&self.app.app, &self.people.officer, self.contract, &input(&body)?);
        let Some(view) = self.expect(allowed, act, observe)? else { return Ok(()) };
        let stamp = self.stamp();
        let origin = StatementOrigin::Observation(view.id);
        self.add_engagement(view.engagement_id, parent, vendor, stamp);
        self.add_statement(view.engagement_id, origin, source, (d(from), to.map(d)), stamp);
        self.said.push(Said { origin, declarer: None, retracted: false });
        Ok(())
    }

    fn retract(&mut self, act: &Act, which: usize, by: usize) -> Outcome {
        let count = self.said.len();
        if count == 0 {
            return Ok(());
        }
        let n = count - 1 - which % count;
        let (origin, declarer, retracted) =
            (self.said[n].origin, self.said[n].declarer, self.said[n].retracted);
        let (by, call) = self.vendor(by, declarer.unwrap_or(0));
        let reason = json!({"reason": "取り違え"});
        let done = match origin {
            StatementOrigin::Declaration(id) => {
                let allowed = declarer == Some(by) && !retracted;
                self.expect(allowed, act, || {
                    declaration::retract(&self.app.app, call, id, &input(&reason)?).map(drop)
                })?
            }
            StatementOrigin::Observation(id) => self.expect(!retracted, act, || {
                observation::retract(&self.app.app, &self.people.officer, id, &input(&reason)?).map(drop)
            })?,
        };
        if done.is_some() {
            let stamp = self.stamp();
            self.facts.retractions.push(Retraction { origin, stamp });
            self.said[n].retracted = true;
        }
        Ok(())
    }

    fn amend(&mut self, act: &Act, on: i64, ends: i64) -> Outcome {
        let latest =
            self.facts.terms.iter().max_by_key(|fact| (fact.effective_on, fact.stamp.seq)).unwrap().clone();
        let terms = Terms { ends_on: d(ends), ..latest.terms.clone() };
        let allowed = d(on) >= latest.effective_on
            && terms != latest.terms
            && terms.starts_on <= terms.ends_on
            && d(on) <= terms.ends_on.max(latest.terms.ends_on);
        let body = json!({"effective_on": d(on), "reason": "変更契約", "ends_on": d(ends)});
        let amend = || contract::amend(&self.app.app, &self.people.officer, self.contract, &input(&body)?);
        if let Some(view) = self.expect(allowed, act, amend)? {
            let stamp = self.stamp();
            self.facts.terms.push(TermsFact { effective_on: d(on), terms, stamp });
            prop_assert_eq!(view.last_day, self.last_day());
        }
        Ok(())
    }

    fn terminate(&mut self, act: &Act, on: i64) -> Outcome {
        let allowed = d(on) >= self.terms().starts_on && d(on) <= self.last_day() && d(on) >= self.today();
        let body = json!({"reason": "解除", "effective_on": d(on)});
        let terminate =
            || contract::terminate(&self.app.app, &self.people.approver, self.contract, &input(&body)?);
        if let Some(view) = self.expect(allowed, act, terminate)? {
            let stamp = self.stamp();
            self.facts.terminations.push(Termination { effective_on: d(on), stamp });
            prop_assert_eq!(view.last_day, self.last_day());
        }
        Ok(())
    }

    // --- looking ---

    fn look_back(&self, as_of: i64, back: usize, just_before: bool) -> Outcome {
        let place = self.moments.len() - 1 - back % self.moments.len();
        if back == 0 {
            return self.look(d(as_of), None);
        }
        let at = self.moments[place];
        self.look(d(as_of), Some(if just_before && place > 0 { at - Duration::microseconds(1) } else { at }))
    }

    /// The chain's answer is the model's, node by node and day by day.
    pub fn look(&self, as_of: NaiveDate, known_at: Option<Instant>) -> Outcome {
        let shown =
            chain::get(&self.app.app, &self.people.officer, self.contract, Some(as_of), known_at).unwrap();
        let known_at = known_at.unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
        let model = Model { facts: &self.facts, known_at };
        let nodes = flat(&shown.root);
        let mut ids: Vec<EngagementId> = nodes.iter().map(|node| node.engagement_id).collect();
        let known = self.facts.engagements.iter().filter(|e| e.stamp.at <= known_at);
        let mut expected: Vec<EngagementId> = known.map(|e| e.id).collect();
        ids.sort();
        expected.sort();
        prop_assert_eq!(ids, expected, "the engagements known at {}", known_at);
        for node in nodes {
            let id = node.engagement_id;
            let about = format!("engagement {id} of tier {}, as of {as_of}, known at {known_at}", node.tier);
            prop_assert_eq!(node.parent_engagement_id, self.engagement(id).parent_id, "{}", about);
            prop_assert_eq!(node.covered, model.covered(id, as_of), "covered: {}", about);
            prop_assert_eq!(node.in_use, model.in_use(id, as_of), "in use: {}", about);
            prop_assert_eq!(node.state, model.state(id, as_of), "state: {}", about);
            let causes: Vec<(NaiveDate, Cause)> = (FIRST..LAST)
                .map(d)
                .filter_map(|day| model.cause(id, day).map(|cause| (day, cause)))
                .collect();
            let bare: Vec<(NaiveDate, ())> = causes.iter().map(|(day, _)| (*day, ())).collect();
            let (before, after): (Vec<_>, Vec<_>) = bare.into_iter().partition(|(day, ())| *day <= as_of);
            let uncovered: Vec<_> =
                runs(&before).into_iter().map(|(from, to, ())| (from, (to < as_of).then_some(to))).collect();
            let projected: Vec<_> = runs(&after).into_iter().map(|(from, to, ())| (from, Some(to))).collect();
            let days = |spans: &[itaku::service::chain::Days]| {
                spans.iter().map(|s| (s.from, s.to)).collect::<Vec<_>>()
            };
            prop_assert_eq!(days(&node.uncovered), uncovered, "uncovered: {}", about);
            prop_assert_eq!(days(&node.projected), projected, "projected: {}", about);
            let shown: Vec<_> = node.uncovered_causes.iter().map(|c| (c.from, c.to, c.cause)).collect();
            prop_assert_eq!(shown, runs(&causes), "causes: {}", about);
        }
        Ok(())
    }

    /// Everything that is kept beside the facts is what the facts make of it, on the day's evaluation.
    pub fn projections_hold(&self) -> Outcome {
        let app = &self.app.app;
        let chain = ChainKey::Existing(self.contract.cast());
        let evaluated = app.db.write_tx::<_, Failure>(&app.sources, None, chain, |tx| {
            alert::evaluate_contract(tx, self.contract)?;
            alert::evaluate_contract(tx, self.contract)
        });
        let again = evaluated.unwrap();
        prop_assert_eq!(
            (again.opened, again.resolved, again.reminders),
            (0, 0, 0),
            "a second evaluation changes nothing"
        );
        let stale = app
            .db
            .write::<_, DbError>(|conn| db::contract::reproject(conn, self.contract, app.today(), false));
        prop_assert!(!stale.unwrap(), "the contract's row stood otherwise");
        let (count, open) = app
            .db
            .read_one::<(i32, i64), DbError>(|conn| {
                let open = alerts::table
                    .filter(alerts::contract_id.eq(self.contract))
                    .filter(alerts::state.ne(AlertState::Resolved));
                let row = contracts::table.find(self.contract).select(contracts::open_alerts);
                Ok((row.first(conn)?, open.count().get_result(conn)?))
            })
            .unwrap();
        prop_assert_eq!(i64::from(count), open, "open alerts");
        let (states, steps) = app
            .db
            .read::<_, DbError>(|conn| {
                let of = applications::table.filter(applications::contract_id.eq(self.contract));
                let states: Vec<(ApplicationId, String)> =
                    of.select((applications::id, applications::state)).load(conn)?;
                let steps: Vec<(ApplicationId, ApplicationStep)> = application_steps::table
                    .filter(application_steps::contract_id.eq(self.contract))
                    .order(application_steps::seq)
                    .select((application_steps::application_id, application_steps::step))
                    .load(conn)?;
                Ok((states, steps))
            })
            .unwrap();
        prop_assert_eq!(states.len(), self.filed.len());
        for (id, state) in states {
            let mut folded = "applied";
            for (_, step) in steps.iter().filter(|(of, _)| *of == id) {
                folded = match step {
                    ApplicationStep::Returned => "returned",
                    ApplicationStep::Resubmitted => "applied",
                    ApplicationStep::Reviewed => folded,
                    closing => closing.as_str(),
                };
            }
            let acknowledged = self.filed.iter().find(|filed| filed.id == id).map(|filed| filed.state);
            prop_assert_eq!((state.as_str(), Some(folded)), (folded, acknowledged));
        }
        Ok(())
    }
}

fn flat(node: &Node) -> Vec<&Node> {
    std::iter::once(node).chain(node.children.iter().flat_map(flat)).collect()
}

fn engagement_at(chain: &ChainView, parent: EngagementId, vendor: OrganizationId) -> EngagementId {
    let all = flat(&chain.root);
    let parent = all.into_iter().find(|node| node.engagement_id == parent).unwrap();
    parent.children.iter().find(|node| node.vendor.id == vendor).unwrap().engagement_id
}

/// Days with a mark, in order, as runs of neighbours with the same mark.
fn runs<T: Copy + PartialEq>(days: &[(NaiveDate, T)]) -> Vec<(NaiveDate, NaiveDate, T)> {
    let mut runs: Vec<(NaiveDate, NaiveDate, T)> = Vec::new();
    for (day, mark) in days {
        match runs.last_mut() {
            Some(last) if last.1 + Days::new(1) == *day && last.2 == *mark => last.1 = *day,
            _ => runs.push((*day, *day, *mark)),
        }
    }
    runs
}
