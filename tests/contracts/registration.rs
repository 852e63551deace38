//! A contract registered: what is refused, what is written, who sees what of it, and lists.

use diesel::prelude::*;
use itaku::db;
use itaku::domain::access::{Actor, ActorOrganization, OrganizationKind, Role};
use itaku::domain::contract::ContractStatus;
use itaku::domain::id::{ContractId, EngagementId, OrganizationId};
use itaku::service::contract::{self, ContractQuery, NarrowQuery};
use itaku::service::idempotency::Key;
use itaku::service::{Call, Failure, Page};
use serde_json::json;

use crate::house::{House, code, new_contract, on_both, pointer, refused};

#[test]
fn every_wrong_field_is_named_at_once() {
    on_both(|house| {
        assert_eq!(
            refused(house, json!({"amount_yen": -5, "ends_on": "2026-01-01"})),
            ["/amount_yen", "/ends_on"]
        );
        assert_eq!(refused(house, json!({"title": "", "fiscal_year": 2029})), ["/title", "/fiscal_year"]);
        assert_eq!(refused(house, json!({"title": "\u{200b}"})), ["/title"]);
        assert_eq!(refused(house, json!({"fiscal_year": 2910})), ["/fiscal_year"]);
        assert_eq!(
            refused(house, json!({"starts_on": "2026-02-30", "ends_on": "2020-01-01"})),
            ["/starts_on"]
        );
        assert_eq!(refused(house, json!({"amount_yen": 90_000_000_167_598_800_i64})), ["/amount_yen"]);
        assert_eq!(
            refused(
                house,
                json!({"data": [
                    {"category": "personal", "persons": 1}, {"category": "sensitive", "persons": 2}, {"category": "personal", "persons": 1}
                ]})
            ),
            ["/data/1/persons", "/data/2/category"]
        );
        assert_eq!(
            refused(house, json!({"subcontracting": {"max_tier": 11, "max_ratio_percent": 101}})),
            ["/subcontracting/max_tier", "/subcontracting/max_ratio_percent"]
        );
        assert_eq!(
            refused(house, json!({"subcontracting": {"policy": "minor_exempt"}})),
            ["/subcontracting/minor_limit_yen"]
        );
        assert_eq!(
            refused(house, json!({"return_due_days": 366, "number": "一\n二"})),
            ["/number", "/return_due_days"]
        );
        assert_eq!(pointer(house.try_register("1", json!({"vendor_id": house.agency}))), "/vendor_id");
        let nobody: OrganizationId = house.app.sources.new_id();
        assert_eq!(pointer(house.try_register("1", json!({"vendor_id": nobody}))), "/vendor_id");
    });
}

#[test]
fn a_registration_is_one_chain_with_its_facts() {
    on_both(|house| {
        let view = house.register("2026-001", json!({}));
        assert_eq!((view.officer_id, view.version), (Some(house.officer.actor.user_id), 1));
        assert_eq!(view, house.get(&house.officer, view.id).unwrap());
        assert_eq!(code(house.try_register("2026-001", json!({}))), "number_taken");
        contract::register(&house.app, &house.foreign, &new_contract(house, "2026-001", json!({}))).unwrap();
        house
            .app
            .db
            .read(|conn| {
                use db::schema::{engagements, ledger_chains, ledger_entries};
                let (seq, head): (i64, String) = ledger_chains::table
                    .filter(ledger_chains::id.eq(view.id))
                    .select((ledger_chains::seq, ledger_chains::head))
                    .first(conn)?;
                let entries: Vec<(i64, String, String)> = ledger_entries::table
                    .filter(ledger_entries::chain_id.eq(view.id))
                    .order(ledger_entries::seq)
                    .select((ledger_entries::seq, ledger_entries::hash, ledger_entries::action))
                    .load(conn)?;
                assert_eq!(entries[0].2, "contract.registered");
                assert_eq!(entries.last().map(|entry| (entry.0, entry.1.clone())), Some((seq, head)));
                let tiers: Vec<(i32, OrganizationId)> = engagements::table
                    .filter(engagements::contract_id.eq(view.id))
                    .select((engagements::tier, engagements::vendor_id))
                    .load(conn)?;
                assert_eq!(tiers, [(1, house.prime)]);
                assert!(db::due::check_on(conn, db::due::CONTRACT, view.id)?.is_some());
                Ok::<_, db::DbError>(())
            })
            .unwrap();
        house.projections_hold();
    });
}

#[test]
fn a_repeated_key_makes_one_contract() {
    on_both(|house| {
        let mut call = house.officer.clone();
        call.idempotency =
            Some(Key { route: "POST /contracts".into(), key: "k".into(), body_hash: "h".into() });
        let given = new_contract(house, "2026-009", json!({}));
        let one = contract::register(&house.app, &call, &given).unwrap();
        assert_eq!(one, contract::register(&house.app, &call, &given).unwrap());
        call.idempotency.as_mut().unwrap().body_hash = "other".into();
        assert_eq!(pointer(contract::register(&house.app, &call, &given)), "/Idempotency-Key");
    });
}

#[test]
fn each_side_sees_its_own() {
    on_both(|house| {
        let id = house.register("2026-001", json!({"department": "架空課"})).id;
        house.register("2026-002", json!({"vendor_id": house.below}));
        let (prime, below) = (house.vendor(house.prime), house.vendor(house.below));
        assert!(matches!(house.get(&below, id), Err(Failure::NotFound)));
        stand_below(house, id);
        let seen = serde_json::to_value(house.get(&below, id).unwrap()).unwrap();
        let keys: Vec<&str> = seen.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "agency_id",
                "agency_name",
                "declaration_interval",
                "id",
                "last_day",
                "number",
                "return_due_days",
                "starts_on",
                "status",
                "subcontracting",
                "title",
                "version"
            ]
        );
        assert_eq!(
            seen["subcontracting"],
            json!({"policy": "consent_required", "max_tier": 4, "overseas": "prohibited"})
        );
        let own = house.get(&prime, id).unwrap();
        assert_eq!((own.amount_yen, own.officer_id, own.open_alerts), (Some(120_000_000), None, None));
        assert!(matches!(house.get(&house.foreign, id), Err(Failure::NotFound)));
        assert_eq!(house.list(&house.foreign, &ContractQuery::default()), Vec::<String>::new());
        assert_eq!(house.list(&house.officer, &ContractQuery::default()), ["2026-002", "2026-001"]);
        assert_eq!(house.list(&prime, &ContractQuery::default()), ["2026-001"]);
        assert_eq!(house.list(&below, &ContractQuery::default()), ["2026-002", "2026-001"]);
        // Who the prime is can't be found out by searching, filtering or asking for the alerts.
        let named = ContractQuery {
            narrow: NarrowQuery { q: Some("架空データ".into()), ..Default::default() },
            ..Default::default()
        };
        assert_eq!(house.list(&house.officer, &named), ["2026-001"]);
        assert_eq!(house.list(&below, &named), Vec::<String>::new());
        let of_prime = ContractQuery { vendor_id: Some(house.prime), ..Default::default() };
        assert_eq!(house.list(&below, &of_prime), Vec::<String>::new());
        assert_eq!(house.list(&prime, &of_prime), ["2026-001"]);
        let page = Page::default();
        assert!(matches!(contract::amendments(&house.app, &below, id, &page), Err(Failure::NotFound)));
        assert!(matches!(contract::handovers(&house.app, &prime, id, &page), Err(Failure::NotFound)));
        assert_eq!(contract::amendments(&house.app, &prime, id, &page).unwrap().items.len(), 1);
        let nothing = Call::of(Actor {
            roles: vec![Role::SystemAdmin],
            organization: ActorOrganization {
                kind: OrganizationKind::System,
                ..house.officer.actor.organization.clone()
            },
            ..house.officer.actor.clone()
        });
        assert!(matches!(house.get(&nothing, id), Err(Failure::NotFound)));
        assert_eq!(house.list(&nothing, &ContractQuery::default()), Vec::<String>::new());
        let overseer = Call::of(Actor { roles: vec![Role::Overseer], ..nothing.actor });
        assert_eq!(house.list(&overseer, &ContractQuery::default()).len(), 2);
    });
}

fn stand_below(house: &House, id: ContractId) {
    use db::schema::engagements as e;
    house
        .app
        .db
        .write(|conn| {
            let parent: EngagementId = e::table.filter(e::contract_id.eq(id)).select(e::id).first(conn)?;
            diesel::insert_into(e::table)
                .values((
                    e::id.eq(house.app.sources.new_id::<itaku::domain::id::of::Engagement>()),
                    e::contract_id.eq(id),
                    e::agency_id.eq(house.agency),
                    e::parent_id.eq(parent),
                    e::vendor_id.eq(house.below),
                    e::tier.eq(2),
                    e::seq.eq(2_i64),
                    e::recorded_at.eq(house.app.now().naive_utc()),
                ))
                .execute(conn)?;
            Ok::<_, db::DbError>(())
        })
        .unwrap();
}

#[test]
fn lists_are_narrowed_and_their_pages_stable() {
    on_both(|house| {
        for n in 0..7 {
            house.register(
                &format!("N-{n}"),
                json!({"title": if n == 3 { "１００％_確認業務" } else { "別の業務" }}),
            );
        }
        house.register("F-1", json!({"starts_on": "2026-05-01", "fiscal_year": 2027}));
        let seen = |query| house.list(&house.officer, &query);
        assert_eq!(
            seen(ContractQuery {
                narrow: NarrowQuery { q: Some("100%_".into()), ..Default::default() },
                ..Default::default()
            }),
            ["N-3"]
        );
        assert_eq!(
            seen(ContractQuery {
                narrow: NarrowQuery { q: Some("%".into()), ..Default::default() },
                ..Default::default()
            }),
            ["N-3"]
        );
        assert_eq!(
            seen(ContractQuery {
                narrow: NarrowQuery { fiscal_year: Some(2027), ..Default::default() },
                ..Default::default()
            }),
            ["F-1"]
        );
        let status = |status| ContractQuery { status: Some(status), ..Default::default() };
        assert_eq!(seen(status(ContractStatus::Upcoming)), ["F-1"]);
        assert_eq!(seen(status(ContractStatus::Running)).len(), 7);
        assert_eq!(seen(status(ContractStatus::Ended)).len(), 0);
        let mut page = Page { limit: 3, after: None };
        let mut found = Vec::new();
        loop {
            let got = contract::list(&house.app, &house.officer, &ContractQuery::default(), &page).unwrap();
            found.extend(got.items.into_iter().map(|view| view.number));
            house.register(&format!("late-{}", found.len()), json!({}));
            let Some(cursor) = got.next_cursor else { break };
            page = Page::read(Some("3"), Some(&cursor)).unwrap();
        }
        assert_eq!(found, ["F-1", "N-6", "N-5", "N-4", "N-3", "N-2", "N-1", "N-0"]);
    });
}
