//! Two people at the same moment on one application or one chain: one of them is first, and the other hears of it.

use std::sync::Barrier;

use itaku::domain::access::{OrganizationKind, Role};
use itaku::domain::chain::NodeState;
use itaku::domain::id::{ApplicationId, ContractId, EngagementId, OrganizationId};
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
    subs: [OrganizationId; 2],
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
            subs: ["架空乙入力株式会社", "架空丙企画株式会社"].map(|name| app.vendor(name)),
        }
    }

    /// A new contract, with its prime's place.
    fn contract(&self, app: &App) -> (ContractId, EngagementId) {
        let body = json!({
            "number": crate::stage::number(), "title": "架空業務", "fiscal_year": 2026, "vendor_id": self.prime.actor.organization.id,
            "amount_yen": 1000, "signed_on": d(0), "starts_on": d(0), "ends_on": d(300), "scope": "入力", "data": [],
        });
        let contract = contract::register(app, &self.officer, &input(&body)).unwrap().id;
        (contract, chain::get(app, &self.prime, contract, None, None).unwrap().root.engagement_id)
    }

    fn file(
        &self,
        app: &App,
        (contract, root): (ContractId, EngagementId),
        sub: usize,
    ) -> Result<ApplicationView, Failure> {
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
                application::ask_correction(app, &self.officer, id, &input(&json!({"points": "件数"})))
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

/// Two decisions on one application: one is taken, and it alone is to be seen.
fn on_one_application(
    app: &App,
    people: &People,
    [one, other]: [Move; 2],
) -> Result<ContractId, TestCaseError> {
    let place = people.contract(app);
    // Applied for twice at once: one is taken.
    let filed = taken(at_once(|| people.file(app, place, 0), || people.file(app, place, 0)))?;
    people.review(app, filed.id);
    let both = at_once(|| people.make(app, 0, one, filed.id), || people.make(app, 1, other, filed.id));
    let done = taken(both)?;
    let shown = application::get(app, &people.officer, filed.id, None).unwrap();
    prop_assert_eq!(shown.state, done.state);
    prop_assert_eq!(shown.steps.len(), 2, "the review and one more");
    let node = chain::get(app, &people.officer, place.0, None, None).unwrap().root.children.remove(0);
    let consented = done.state == application::ApplicationState::Consented;
    prop_assert_eq!(node.consents.len(), usize::from(consented));
    prop_assert_eq!(node.state == NodeState::Consented, consented);
    prop_assert_eq!(node.engagement_id, filed.engagement_id);
    Ok(place.0)
}

/// Two decisions on two applications of one chain: both are taken, one after the other.
fn on_one_chain(app: &App, people: &People, [one, other]: [Move; 2]) -> Result<ContractId, TestCaseError> {
    let place = people.contract(app);
    let filed = [0, 1].map(|sub| people.file(app, place, sub).unwrap().id);
    for id in filed {
        people.review(app, id);
    }
    let both = at_once(|| people.make(app, 0, one, filed[0]), || people.make(app, 1, other, filed[1]));
    for answer in both {
        prop_assert!(answer.is_ok(), "{:?}", answer);
    }
    Ok(place.0)
}

halves! {
    fn two_decisions_at_once_on_one_chain_come_one_after_the_other(new, cases = 1_000 embedded, 1_000 on the server) {
        let app = &new();
        let people = People::new(app);
        let one = prop_oneof![3 => Just(Move::Consent), 2 => Just(Move::Refuse), 1 => Just(Move::Return), 1 => Just(Move::Withdraw)];
        let pair = (one.clone(), one).prop_filter("a vendor's withdrawal or a return against itself", |pair| {
            !matches!(pair, (Move::Return, Move::Withdraw) | (Move::Withdraw, Move::Return))
        });
        let outcome = runner(cases).run(&(pair, any::<bool>()), |((one, other), same)| {
            app.clock.pass(chrono::Duration::minutes(1));
            let decide = if same { on_one_application } else { on_one_chain };
            let contract = decide(&app.app, &people, [one, other])?;
            in_order(&app.app, &people, contract)
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        ledger_holds(app);
    }
}
