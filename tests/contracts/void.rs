//! 登録の取消し: what was registered by mistake leaves everything but its own page and the ledger; so does everything
//! that a file brought. What something hangs on stays.

use diesel::prelude::*;
use itaku::db;
use itaku::domain::access::{OrganizationKind, Scope};
use itaku::domain::contract::ContractStatus;
use itaku::domain::id::ContractId;
use itaku::exchange::export::Cell;
use itaku::schedule::sweep::sweep;
use itaku::service::alert::{self, AlertFilter};
use itaku::service::contract::import::ImportOptions;
use itaku::service::contract::{self, ContractQuery, ContractView, NarrowQuery, Undone};
use itaku::service::export::{Register, export};
use itaku::service::{Failure, Page, audit, observation, overview, setting};
use serde_json::json;

use crate::house::{House, NOBODY, code, d, input, on_both};

fn void(house: &House, id: ContractId) -> Result<ContractView, Failure> {
    contract::void(&house.app, &house.officer, id, &input(json!({"reason": "受託者の誤り"})))
}

/// Numbers of contracts in the export of each register.
fn exported(house: &House, number: &str) -> usize {
    let registers = [Register::Contracts, Register::Subcontracts, Register::Alerts, Register::Audits];
    let mut rows = 0;
    for register in registers {
        let scope = Scope::Agency(house.agency);
        export::<Failure>(&house.app, register, scope, house.app.today(), &mut |cells: &[Cell]| {
            rows += usize::from(format!("{cells:?}").contains(number));
            Ok(())
        })
        .unwrap();
    }
    rows
}

fn alerts(house: &House, filter: &AlertFilter) -> usize {
    alert::list(&house.app, &house.officer, filter, &Page::default()).unwrap().items.len()
}

#[test]
fn n08_a_registration_taken_back_leaves_everything_but_its_page_and_its_number_is_free() {
    on_both(|house| {
        let app = &house.app;
        let kept = house.register("架空-2", json!({})).id;
        let id = house.register("架空-1", json!({"amount_yen": 777})).id;
        let plan = json!({"kind": "document", "due_on": "2026-04-10"});
        audit::plan(app, &house.officer, id, &input(plan)).unwrap();
        let vendor = house.vendor(house.prime);
        house.clock.set_day(d("2026-08-20"));
        assert_eq!(sweep(app, d("2026-08-20"), true).unwrap().checked, 2);
        let before = house.get(&house.officer, id).unwrap();
        assert!(before.open_alerts.unwrap() > 1, "{before:?}");
        let own = || AlertFilter { contract_id: Some(id), ..AlertFilter::default() };
        let (open, of_it) = (alerts(house, &AlertFilter::default()), alerts(house, &own()));
        assert!(of_it > 1 && open > of_it, "{of_it} of {open}");
        assert!(exported(house, "架空-1") > 3);
        let counted = |house: &House| overview::overview(app, &house.officer).unwrap();
        let agency = |house: &House| serde_json::to_value(counted(house)).unwrap()["agency"].clone();
        let was = agency(house);
        assert_eq!(was["contracts"]["running"], 2, "{was:#}");

        let foreign = contract::void(app, &house.foreign, id, &input(json!({"reason": "x"})));
        assert!(matches!(foreign, Err(Failure::NotFound)));
        let voided = void(house, id).unwrap();
        assert_eq!((voided.status, voided.voided_on), (ContractStatus::Voided, Some(d("2026-08-20"))));
        assert_eq!(voided.void_reason.as_deref(), Some("受託者の誤り"));
        assert_eq!(voided.voided_by_name.as_deref(), Some("例示 花子"));
        assert_eq!((voided.open_alerts, voided.version), (Some(0), before.version + 1));
        assert_eq!(code(void(house, id)), "already_voided");

        // Its page, not the reason, to the vendor that stood on it.
        let seen = house.get(&vendor, id).unwrap();
        assert_eq!(
            (seen.status, seen.void_reason, seen.voided_by_name),
            (ContractStatus::Voided, None, None)
        );

        let listed = |query: ContractQuery| house.list(&house.officer, &query);
        assert_eq!(listed(ContractQuery::default()), ["架空-2"]);
        assert_eq!(house.list(&vendor, &ContractQuery::default()), ["架空-2"]);
        assert!(
            listed(ContractQuery {
                narrow: NarrowQuery { q: Some("架空-1".into()), ..Default::default() },
                ..Default::default()
            })
            .is_empty()
        );
        assert!(
            listed(ContractQuery {
                alerting: true,
                narrow: NarrowQuery { fiscal_year: Some(2026), ..Default::default() },
                ..Default::default()
            }) == ["架空-2"]
        );
        let gone = ContractQuery { status: Some(ContractStatus::Voided), ..Default::default() };
        assert_eq!(listed(gone), ["架空-1"]);
        assert_eq!(exported(house, "架空-1"), 0);
        assert_eq!(alerts(house, &AlertFilter::default()), open - of_it);
        assert_eq!(alerts(house, &own()), of_it, "its own page keeps them");
        let now = agency(house);
        assert_eq!(now["contracts"]["running"], 1, "{now:#}");
        assert_eq!(now["audits"]["overdue"], 0, "{now:#}");

        // Nothing is done on it any more, and nothing brings it back.
        let terminate = json!({"reason": "x", "effective_on": "2026-12-01"});
        assert_eq!(code(contract::terminate(app, &house.officer, id, &input(terminate))), "voided");
        let amend = json!({"effective_on": "2026-12-01", "reason": "x", "amount_yen": 1});
        assert_eq!(code(contract::amend(app, &house.officer, id, &input(amend))), "voided");
        let plan = json!({"kind": "document", "due_on": "2026-12-10"});
        assert_eq!(code(audit::plan(app, &house.officer, id, &input(plan))), "voided");
        let hand = json!({"officer_id": house.second, "from": "2026-09-01"});
        assert_eq!(code(contract::hand_over(app, &house.officer, id, &input(hand))), "voided");
        let all = json!({"from_officer_id": house.officer.actor.user_id, "officer_id": house.second, "from": "2026-09-01"});
        assert_eq!(contract::hand_over_all(app, &house.officer, &input(all)).unwrap().moved, 1);
        let (_, version) = setting::find(app, &house.officer).unwrap();
        let change = json!({"declaration_grace_days": 3});
        let version = itaku::service::IfMatch::These(vec![version]);
        setting::change(app, &house.officer, &version, &input(change)).unwrap();
        house.clock.set_day(d("2026-08-21"));
        assert_eq!(sweep(app, d("2026-08-21"), true).unwrap().checked, 1);
        assert_eq!(house.get(&house.officer, id).unwrap().open_alerts, Some(0));

        let again = house.register("架空-1", json!({})).id;
        assert_ne!(again, id);
        assert_eq!(code(house.try_register("架空-1", json!({}))), "number_taken");
        assert_eq!(listed(ContractQuery::default()), ["架空-1", "架空-2"]);
        assert!(house.get(&house.officer, kept).is_ok());
        house.projections_hold();
    });
}

#[test]
fn n08_a_contract_on_which_something_hangs_is_terminated_not_taken_back() {
    on_both(|house| {
        let app = &house.app;
        let audited = house.register("架空-1", json!({})).id;
        let plan = json!({"kind": "document", "due_on": "2026-04-10"});
        let planned = audit::plan(app, &house.officer, audited, &input(plan)).unwrap().id;
        house.clock.set_day(d("2026-04-10"));
        let done = json!({"done_on": "2026-04-10", "result": "pass", "findings": []});
        audit::complete(app, &house.officer, planned, &input(done)).unwrap();
        match void(house, audited) {
            Err(Failure::Conflict { code: "in_use", message }) => {
                assert!(message.contains("実施済みの検査"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        let observed = house.register("架空-2", json!({})).id;
        let root = app.db.read(|conn| db::facts::load(conn, observed)).unwrap().chain.engagements[0].id;
        let used = json!({
            "parent_engagement_id": root, "vendor_id": house.below, "started_on": "2026-04-05", "source": "audit",
        });
        observation::observe(app, &house.officer, observed, &input(used)).unwrap();
        assert_eq!(code(void(house, observed)), "in_use");
        let untouched = house.get(&house.officer, observed).unwrap();
        assert_eq!((untouched.status, untouched.voided_on), (ContractStatus::Running, None));
        assert_eq!(house.officer.actor.organization.kind, OrganizationKind::Agency);
    });
}

const GBIZINFO: &str = "date_of_order,title,amount,government_departments,joint_signatures,corporate_number";

fn undo(house: &House, run: itaku::domain::id::ImportId) -> Result<Undone, Failure> {
    let author = Some(house.officer.author());
    contract::undo_import(&house.app, author, &house.officer.scope(), run, "機関の誤り")
}

#[test]
fn n08_a_file_taken_in_is_undone_as_one_act_or_not_at_all() {
    on_both(|house| {
        let text = format!(
            "{GBIZINFO}\n\
             2026-03-02T00:00:00+09:00,架空調査,1000,架空市,,{NOBODY}\n\
             2026-04-01T00:00:00+09:00,架空印刷,2000,架空市,,{NOBODY}\n\
             2026-04-01T00:00:00+09:00,架空製本,3000,架空市,,{NOBODY}\n"
        );
        let summary = house.import(text.as_bytes(), ImportOptions::default());
        let run = summary.run.unwrap();
        assert_eq!(summary.taken, 3);
        let tried =
            house.import(text.as_bytes(), ImportOptions { dry_run: true, ..ImportOptions::default() });
        assert_eq!((tried.run, tried.duplicates), (None, 3));
        assert_eq!(house.import(text.as_bytes(), ImportOptions::default()).run, None, "nothing was taken");

        let seen = contract::imports(&house.app, &house.officer.scope(), &Page::default()).unwrap().items;
        assert_eq!((seen.len(), seen[0].contracts, seen[0].voided, seen[0].undone_on), (1, 3, 0, None));
        assert!(
            contract::imports(&house.app, &house.foreign.scope(), &Page::default()).unwrap().items.is_empty()
        );
        let foreign = contract::undo_import(&house.app, None, &house.foreign.scope(), run, "x");
        assert!(matches!(foreign, Err(Failure::NotFound)));

        let page =
            contract::list(&house.app, &house.officer, &ContractQuery::default(), &Page::default()).unwrap();
        let of = |title: &str| page.items.iter().find(|it| it.title == title).unwrap().clone();
        let (first, printed) = (of("架空調査"), of("架空印刷"));
        assert_eq!(house.get(&house.officer, first.id).unwrap().import_id, Some(run));
        void(house, first.id).unwrap();
        let root =
            house.app.db.read(|conn| db::facts::load(conn, printed.id)).unwrap().chain.engagements[0].id;
        let used = json!({
            "parent_engagement_id": root, "vendor_id": house.below, "started_on": "2026-04-01", "source": "audit",
        });
        let seen = observation::observe(&house.app, &house.officer, printed.id, &input(used)).unwrap().id;
        match undo(house, run) {
            Err(Failure::Conflict { code: "in_use", message }) => {
                assert!(message.contains(&printed.number) && message.contains("確認事項"), "{message}");
                assert!(!message.contains(&of("架空製本").number), "{message}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(house.list(&house.officer, &ContractQuery::default()).len(), 2, "all or none");

        // What hangs on one for ever keeps the file from being undone; another file is.
        observation::retract(&house.app, &house.officer, seen, &input(json!({"reason": "誤り"}))).unwrap();
        assert_eq!(code(undo(house, run)), "in_use");
        let other = text.replace("架空", "例示").replace("例示市", "架空市");
        let summary = house.import(other.as_bytes(), ImportOptions::default());
        let second = summary.run.unwrap();
        let ids = house.app.db.read(|conn| db::contract::of_import(conn, second, None)).unwrap();
        void(house, ids[0].id).unwrap();
        let undone = undo(house, second).unwrap();
        assert_eq!((undone.voided, undone.voided_before), (2, 1));
        assert_eq!(code(undo(house, second)), "already_undone");
        let (view, left) = contract::import_run(&house.app, &house.officer.scope(), second, 10).unwrap();
        assert_eq!((view.voided, view.undone_on, left.len()), (3, Some(house.app.today()), 0));
        assert_eq!(view.undo_reason.as_deref(), Some("機関の誤り"));
        assert_eq!(house.list(&house.officer, &ContractQuery::default()).len(), 2);
        assert_eq!(exported(house, "例示製本"), 0);
        let entries = house.app.db.read(|conn| {
            use db::schema::ledger_entries as e;
            let of = |action: &str| e::table.filter(e::action.eq(action.to_owned())).count();
            Ok::<(i64, i64, i64), db::DbError>((
                of("contract.imported").get_result(conn)?,
                of("contract.import_undone").get_result(conn)?,
                of("contract.voided").get_result(conn)?,
            ))
        });
        assert_eq!(entries.unwrap(), (2, 1, 4));
        // Its numbers are free: the same file is taken once more.
        let again = house.import(other.as_bytes(), ImportOptions::default());
        assert_eq!((again.taken, again.duplicates, again.new_vendors), (3, 0, 0));
        house.projections_hold();
    });
}
