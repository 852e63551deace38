//! One contract under random acts: what each act must lead to by plain rules, and the facts that were acknowledged.

use chrono::{Duration, NaiveDate};
use diesel::prelude::*;
use itaku::clock::Clock as _;
use itaku::db::DbError;
use itaku::db::schema::ledger_chains;
use itaku::domain;
use itaku::domain::chain::{
    ApplicationEvent, ApplicationStep, ChainFacts, Engagement, Source, Statement, StatementOrigin, Vendor,
};
use itaku::domain::contract::{
    DeclarationInterval, Instant, Overseas, Policy, Stamp, Subcontracting, Terms, TermsFact,
};
use itaku::domain::id::{ApplicationId, ContractId, EngagementId, UserId};
use itaku::domain::input::{Input, Mode, parse};
use itaku::service::{Call, Failure, chain, contract};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::support::TestApp;

mod act;
mod applying;
mod cast;
mod looking;
#[path = "../../../support/model.rs"]
mod model;
mod rules;
mod saying;
mod terms;

use act::USUAL;
pub use act::{Act, Place, REGISTERED, act, d};
pub use cast::{Cast, call};
use model::Model;

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
    /// The first day of which nobody speaks any more.
    horizon: i64,
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
        Self::lasting(app, people, 59, DeclarationInterval::None)
    }

    /// A contract up to a day, registered on its sixth.
    pub fn lasting(
        app: &'a TestApp,
        people: &'a Cast,
        last: i64,
        declaration_interval: DeclarationInterval,
    ) -> Self {
        app.clock.pass(Duration::minutes(1));
        let prime = people.vendors[0].0;
        let body = json!({
            "number": crate::stage::number(), "title": "架空業務", "fiscal_year": 2026, "vendor_id": prime, "amount_yen": 1000,
            "signed_on": d(0), "starts_on": d(0), "ends_on": d(last), "scope": "入力", "data": [],
            "declaration_interval": declaration_interval,
            "subcontracting": {"policy": "consent_required", "max_tier": 3, "overseas": "prohibited"},
        });
        let view = contract::register(&app.app, &people.officer, &input(&body).unwrap()).unwrap();
        let terms = Terms {
            title: "架空業務".into(),
            fiscal_year: 2026,
            amount_yen: 1000,
            signed_on: d(0),
            starts_on: d(0),
            ends_on: d(last),
            scope: "入力".into(),
            data: vec![],
            subcontracting: Subcontracting {
                policy: Policy::ConsentRequired,
                max_tier: Some(3),
                max_ratio_percent: None,
                overseas: Overseas::Prohibited,
                minor_limit_yen: None,
            },
            declaration_interval,
            return_due_days: 14,
            unit_price: None,
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
                merges: vec![],
            },
            filed: vec![],
            said: vec![],
            seq: 0,
            moments: vec![],
            horizon: last + 71,
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
        self.facts.applications[which].events.push(ApplicationEvent {
            step,
            on,
            corrected: None,
            reply_by: None,
            stamp,
        });
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
}
