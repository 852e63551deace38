//! Two people at the same moment on one application or one chain: one of them is first, and the other hears of it.

use std::sync::Barrier;

use itaku::domain::access::{OrganizationKind, Role};
use itaku::domain::chain::NodeState;
use itaku::domain::id::{ApplicationId, ContractId, OrganizationId};
use itaku::domain::input::{Input, Mode, parse};
use itaku::service::application::{self, ApplicationView};
use itaku::service::{App, Call, Failure, chain, contract};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::case::{call, d};
use super::{halves, ledger_holds, runner};
use crate::support::TestApp;

#[derive(Debug, Clone, Copy)]
enum Move {
    Consent,
    Refuse,
    Return,
    Withdraw,
}

struct People {
    officer: Call,
    approvers: [Call; 2],
    prime: Call,
    subs: [OrganizationId; 3],
}

fn input<T: Input>(body: &Value) -> T {
    parse(body, Mode::Strict).unwrap()
}

impl People {
    fn new(app: &TestApp) -> Self {
        let agency = app.agency("R1");
        let inside = |roles: &[Role]| call(app, agency, OrganizationKind::Agency, roles);
        let prime = app.vendor("架空甲データ株式会社");
        Self {
            officer: inside(&[Role::Officer]),
            approvers: [inside(&[Role::Approver]), inside(&[Role::Approver])],
            prime: call(app, prime, OrganizationKind::Vendor, &[Role::VendorUser]),
            subs: ["架空乙入力株式会社", "架空丙企画株式会社", "架空丁印刷株式会社"]
                .map(|name| app.vendor(name)),
        }
    }

    fn contract(&self, app: &TestApp) -> ContractId {
        let body = json!({
            "number": crate::stage::number(), "title": "架空業務", "fiscal_year": 2026, "vendor_id": self.prime.actor.organization.id,
            "amount_yen": 1000, "signed_on": d(0), "starts_on": d(0), "ends_on": d(300), "scope": "入力", "data": [],
        });
        contract::register(&app.app, &self.officer, &input(&body)).unwrap().id
    }

    fn file(&self, app: &App, contract: ContractId, sub: usize) -> Result<ApplicationView, Failure> {
        let root = chain::get(app, &self.prime, contract, None, None)?.root.engagement_id;
        let body = json!({"parent_engagement_id": root, "vendor_id": self.subs[sub], "scope": "入力", "reason": "繁忙",
            "amount_yen": 1, "starts_on": d(0), "ends_on": d(200), "country": "JP", "data": [], "safeguards": {}});
        application::file(app, &self.prime, contract, &input(&body))
    }

    fn review(&self, app: &App, id: ApplicationId) {
        let body = json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok"});
        application::review(app, &self.officer, id, &input(&body)).unwrap();
    }

    fn make(&self, app: &App, who: usize, what: Move, id: ApplicationId) -> Result<ApplicationView, Failure> {
        match what {
            Move::Consent | Move::Refuse => {
                let word = if matches!(what, Move::Consent) { "consent" } else { "refuse" };
                let body = json!({"decision": word, "reason": "確認"});
                application::decide(app, &self.approvers[who], id, &input(&body))
            }
            Move::Return => {
                application::send_back(app, &self.officer, id, &input(&json!({"points": "件数"})))
            }
            Move::Withdraw => application::withdraw(app, &self.prime, id, &input(&json!({}))),
        }
    }
}

/// Both at once, in threads of their own.
fn at_once<T: Send>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T + Send) -> [T; 2] {
    let barrier = Barrier::new(2);
    let barrier = &barrier;
    std::thread::scope(|scope| {
        let first = scope.spawn(move || {
            barrier.wait();
            one()
        });
        let second = scope.spawn(move || {
            barrier.wait();
            other()
        });
        [first.join().unwrap(), second.join().unwrap()]
    })
}

/// The one that was taken; the other was told of a conflict.
fn taken(answers: [Result<ApplicationView, Failure>; 2]) -> Result<ApplicationView, TestCaseError> {
    match answers {
        [Ok(view), Err(Failure::Conflict { .. })] | [Err(Failure::Conflict { .. }), Ok(view)] => Ok(view),
        others => Err(TestCaseError::fail(format!("{others:?}"))),
    }
}

/// The contract's entries follow on one another, each later than the one before.
fn in_order(app: &App, people: &People, contract: ContractId) -> Result<(), TestCaseError> {
    let page = itaku::service::Page { limit: 200, ..Default::default() };
    let entries = itaku::service::ledger::list(app, &people.officer, contract.cast(), &page).unwrap().items;
    for (place, pair) in (1..).zip(entries.windows(2)) {
        prop_assert_eq!(pair[0].seq, place);
        prop_assert_eq!(&pair[0].hash, &pair[1].prev_hash);
        prop_assert!(pair[0].at < pair[1].at);
    }
    Ok(())
}

halves! {
    fn of_two_at_once_one_is_first_and_the_other_hears_of_it(new, cases = 1_000 embedded, 1_000 on the server) {
        let app = &new();
        let people = People::new(app);
        let (people, it) = (&people, &app.app);
        let one = prop_oneof![3 => Just(Move::Consent), 2 => Just(Move::Refuse), 1 => Just(Move::Return), 1 => Just(Move::Withdraw)];
        let pair = (one.clone(), one).prop_filter("a vendor's withdrawal or a return against itself", |pair| {
            !matches!(pair, (Move::Return, Move::Withdraw) | (Move::Withdraw, Move::Return))
        });
        let outcome = runner(cases).run(&(pair, any::<bool>()), |((one, other), refuse)| {
            app.clock.pass(chrono::Duration::minutes(1));
            let contract = people.contract(app);
            // The same vendor applied for twice: one is taken.
            let filed = taken(at_once(|| people.file(it, contract, 0), || people.file(it, contract, 0)))?;
            people.review(it, filed.id);
            // Two decisions on that application: one is taken.
            let done = taken(at_once(|| people.make(it, 0, one, filed.id), || people.make(it, 1, other, filed.id)))?;
            let shown = application::get(it, &people.officer, filed.id).unwrap();
            prop_assert_eq!(shown.state, done.state);
            prop_assert_eq!(shown.steps.len(), 2, "the review and one more");
            let node = chain::get(it, &people.officer, contract, None, None).unwrap().root.children.remove(0);
            let consented = done.state == application::ApplicationState::Consented;
            prop_assert_eq!(node.consents.len(), usize::from(consented));
            prop_assert_eq!(node.state == NodeState::Consented, consented);
            prop_assert_eq!(node.engagement_id, filed.engagement_id);
            // Two decisions on two applications of the chain: both are taken, one after the other.
            let next = [1, 2].map(|sub| people.file(it, contract, sub).unwrap().id);
            next.iter().for_each(|id| people.review(it, *id));
            let second = if refuse { Move::Refuse } else { Move::Consent };
            for answer in at_once(|| people.make(it, 0, Move::Consent, next[0]), || people.make(it, 1, second, next[1])) {
                prop_assert!(answer.is_ok(), "{:?}", answer);
            }
            in_order(it, people, contract)
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        ledger_holds(app);
    }
}
