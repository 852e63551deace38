//! What changes of a contract after its registration: terms, its end, its officer.

use itaku::db;
use itaku::domain::contract::ContractStatus;
use itaku::domain::id::ContractId;
use itaku::service::contract;
use itaku::service::{Failure, IfMatch, Page};
use serde_json::{Value, json};

use crate::house::{code, d, input, on_both, pointer};

#[test]
fn terms_change_by_amendment_only() {
    on_both(|house| {
        let app = &house.app;
        let id = house.register("2026-001", json!({})).id;
        let amend = |body: Value| contract::amend(app, &house.officer, id, &input(body));
        assert_eq!(pointer(amend(json!({"effective_on": "2026-06-01", "reason": "x"}))), "");
        assert_eq!(
            pointer(amend(json!({"effective_on": "2026-03-01", "reason": "x", "amount_yen": 1}))),
            "/effective_on"
        );
        assert_eq!(
            pointer(amend(json!({"effective_on": "2026-06-01", "reason": "x", "ends_on": "2026-03-01"}))),
            "/ends_on"
        );
        let view = amend(json!({"effective_on": "2026-06-01", "reason": "増額", "amount_yen": 150_000_000, "ends_on": "2027-05-31"})).unwrap();
        // The period is what is known; the amount is still today's.
        assert_eq!((view.amount_yen, view.last_day, view.version), (Some(120_000_000), d("2027-05-31"), 2));
        house.projections_hold();
        house.clock.set_day(d("2026-06-01"));
        app.db.write(|conn| db::contract::reproject(conn, id, app.today(), false)).unwrap();
        assert_eq!(house.get(&house.officer, id).unwrap().amount_yen, Some(150_000_000));
        let patch = |version, body: Value| {
            contract::patch(app, &house.officer, id, &IfMatch::These(vec![version]), &input(body))
        };
        assert!(matches!(patch(1, json!({"department": "新課"})), Err(Failure::Stale)));
        let version = house.get(&house.officer, id).unwrap().version;
        assert_eq!(
            patch(version, json!({"department": "新課"})).unwrap().department.as_deref(),
            Some("新課")
        );
        let all = contract::amendments(app, &house.officer, id, &Page::default()).unwrap().items;
        assert_eq!(
            all.iter().map(|item| item.reason.as_deref()).collect::<Vec<_>>(),
            [None, Some("増額"), None]
        );
        assert_eq!((all[0].terms.amount_yen, all[2].terms.amount_yen), (120_000_000, 150_000_000));
        assert!(matches!(
            contract::amend(
                app,
                &house.foreign,
                id,
                &input(json!({"effective_on": "2026-06-02", "reason": "x", "amount_yen": 1}))
            ),
            Err(Failure::NotFound)
        ));
        house.projections_hold();
    });
}

#[test]
fn a_department_holds_from_today_also_in_terms_to_come() {
    on_both(|house| {
        let app = &house.app;
        let id = house.register("2026-001", json!({"department": "一課"})).id;
        let amend = |body: Value| contract::amend(app, &house.officer, id, &input(body)).unwrap();
        amend(json!({"effective_on": "2026-07-01", "reason": "増額", "amount_yen": 150_000_000}));
        amend(json!({"effective_on": "2026-10-01", "reason": "移管", "department": "三課"}));
        house.clock.set_day(d("2026-06-01"));
        let version = house.get(&house.officer, id).unwrap().version;
        let patched = contract::patch(
            app,
            &house.officer,
            id,
            &IfMatch::These(vec![version]),
            &input(json!({"department": "二課"})),
        );
        assert_eq!(patched.unwrap().department.as_deref(), Some("二課"));
        let terms = |on: &str| {
            let facts = app.db.read(|conn| db::contract::facts(conn, id, house.agency)).unwrap();
            let terms = facts.now().terms_on(d(on)).unwrap().clone();
            (terms.department.unwrap(), terms.amount_yen)
        };
        let held = |department: &str, amount: i64| (department.to_owned(), amount);
        assert_eq!(terms("2026-05-31"), held("一課", 120_000_000));
        assert_eq!(terms("2026-06-01"), held("二課", 120_000_000));
        assert_eq!(terms("2026-07-01"), held("二課", 150_000_000));
        assert_eq!(terms("2026-10-01"), held("三課", 150_000_000), "agreed with one of its own");
        house.projections_hold();
        // An amendment before it is not barred by it, and does not undo it.
        let other = house.register("2026-002", json!({"department": "一課"})).id;
        let version = house.get(&house.officer, other).unwrap().version;
        contract::patch(
            app,
            &house.officer,
            other,
            &IfMatch::These(vec![version]),
            &input(json!({"department": "二課"})),
        )
        .unwrap();
        let given = json!({"effective_on": "2026-05-01", "reason": "減額", "amount_yen": 1});
        let view = contract::amend(app, &house.officer, other, &input(given)).unwrap();
        assert_eq!((view.amount_yen, view.department.as_deref()), (Some(1), Some("二課")));
        house.projections_hold();
    });
}

#[test]
fn a_termination_only_moves_forward() {
    on_both(|house| {
        let app = &house.app;
        let id = house.register("2026-001", json!({})).id;
        let end = |day: &str| {
            contract::terminate(
                app,
                &house.officer,
                id,
                &input(json!({"reason": "履行不能", "effective_on": day})),
            )
        };
        house.clock.set_day(d("2026-05-01"));
        for day in ["2026-03-31", "2026-04-30", "2027-04-01"] {
            assert_eq!(pointer(end(day)), "/effective_on", "{day}");
        }
        assert_eq!(end("2026-10-01").unwrap().last_day, d("2026-09-30"));
        assert_eq!(code(end("2026-10-01")), "already_terminated");
        let view = end("2026-05-01").unwrap();
        assert_eq!((view.last_day, view.status), (d("2026-04-30"), ContractStatus::Ended));
        assert_eq!(view.ends_on, Some(d("2027-03-31")));
        house.projections_hold();
    });
}

#[test]
fn the_officer_is_handed_over_alone_and_in_bulk() {
    on_both(|house| {
        let app = &house.app;
        let (first, second) = (house.officer.actor.user_id, house.second);
        let ids: Vec<ContractId> = (0..3).map(|n| house.register(&format!("N-{n}"), json!({})).id).collect();
        let hand = |id, body: Value| contract::hand_over(app, &house.officer, id, &input(body));
        assert_eq!(
            pointer(hand(ids[0], json!({"officer_id": house.foreign.actor.user_id, "from": "2026-04-01"}))),
            "/officer_id"
        );
        assert_eq!(
            hand(ids[0], json!({"officer_id": second, "from": "2026-04-10"})).unwrap().officer_id,
            Some(first)
        );
        let on = |id, day| app.db.read(|conn| db::contract::officer_on(conn, id, d(day))).unwrap();
        assert_eq!((on(ids[0], "2026-04-09"), on(ids[0], "2026-04-10")), (Some(first), Some(second)));
        let bulk = json!({"from_officer_id": first, "officer_id": second, "from": "2026-04-10"});
        let all = || contract::hand_over_all(app, &house.officer, &input(bulk.clone())).unwrap().moved;
        assert_eq!((all(), all()), (2, 0));
        let unknown = json!({"from_officer_id": first, "officer_id": second, "from": "2026-04-10", "contract_ids": [ids[0], first]});
        assert_eq!(pointer(contract::hand_over_all(app, &house.officer, &input(unknown))), "/contract_ids/1");
        assert_eq!(
            contract::handovers(app, &house.officer, ids[1], &Page::default()).unwrap().items.len(),
            2
        );
        house.clock.set_day(d("2026-04-10"));
        for id in ids {
            app.db.write(|conn| db::contract::reproject(conn, id, app.today(), false)).unwrap();
            assert_eq!(house.get(&house.officer, id).unwrap().officer_id, Some(second));
        }
        house.projections_hold();
    });
}
