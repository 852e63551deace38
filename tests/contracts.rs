//! Contracts, the corporate-number register, holidays and imports through the use cases, on both databases.

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::NaiveDate;
    use diesel::prelude::*;
    use itaku::clock::{Sources, SystemEntropy, TestClock};
    use itaku::config::Config;
    use itaku::db::{self, ChainKey, Db, Tx};
    use itaku::domain::access::{Actor, ActorOrganization, OrganizationKind, Role, Scope};
    use itaku::domain::contract::ContractStatus;
    use itaku::domain::id::{ContractId, EngagementId, OrganizationId, UserId};
    use itaku::domain::input::{Mode, parse};
    use itaku::exchange;
    use itaku::ledger::receipt::SigningKey;
    use itaku::service::contract::import::{ImportOptions, ImportSummary, import};
    use itaku::service::contract::{self, ContractQuery, ContractView, NewContract};
    use itaku::service::idempotency::Key;
    use itaku::service::register::import_register;
    use itaku::service::{App, Call, Failure, IfMatch, Page, calendar};
    use serde_json::{Value, json};

    /// Passes the check and can belong to nobody.
    const NOBODY: &str = "9000000000000";

    /// An installation of its own, with two agencies and three vendors.
    struct House {
        app: App,
        clock: Arc<TestClock>,
        agency: OrganizationId,
        prime: OrganizationId,
        below: OrganizationId,
        officer: Call,
        second: UserId,
        foreign: Call,
        _folder: tempfile::TempDir,
    }

    fn d(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// One on each database; without `ITAKU_TEST_POSTGRES` only on the embedded one, except under CI.
    fn on_both(test: impl Fn(&House)) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        test(&House::new(&url, folder));
        let Ok(server) = std::env::var("ITAKU_TEST_POSTGRES") else {
            assert!(std::env::var_os("CI").is_none(), "ITAKU_TEST_POSTGRES is not set");
            return;
        };
        let mut admin = diesel::PgConnection::establish(&server).unwrap();
        let name = format!(
            "contracts_{}",
            Sources::system(chrono_tz::Asia::Tokyo).token().replace('-', "_").to_lowercase()
        );
        diesel::sql_query(format!("CREATE DATABASE \"{name}\"")).execute(&mut admin).unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let house = House::new(&format!("{base}/{name}"), tempfile::tempdir().unwrap());
        test(&house);
        drop(house);
        let _ = diesel::sql_query(format!("DROP DATABASE \"{name}\" WITH (FORCE)")).execute(&mut admin);
    }

    impl House {
        fn new(url: &str, folder: tempfile::TempDir) -> Self {
            let clock = Arc::new(TestClock::new(d("2026-04-01")));
            let db = Db::open(url, 2).unwrap();
            db.migrate().unwrap();
            let app = App {
                db,
                sources: Sources { clock: clock.clone(), entropy: Arc::new(SystemEntropy) },
                config: Arc::new(Config::load(None, Vec::new()).unwrap()),
                signing_key: Arc::new(SigningKey::parse(&"01".repeat(32)).unwrap()),
                demo: None,
            };
            let agency = organization(&app, OrganizationKind::Agency, "架空市", Some("K1"), None);
            let other = organization(&app, OrganizationKind::Agency, "例示県", Some("R1"), None);
            let prime =
                organization(&app, OrganizationKind::Vendor, "株式会社架空データ", None, Some(NOBODY));
            let below = organization(&app, OrganizationKind::Vendor, "有限会社例示入力", None, None);
            let officer = person(
                &app,
                agency,
                OrganizationKind::Agency,
                &[Role::Officer, Role::Approver, Role::AgencyAdmin],
            );
            let second = person(&app, agency, OrganizationKind::Agency, &[Role::Officer]).actor.user_id;
            let foreign = person(
                &app,
                other,
                OrganizationKind::Agency,
                &[Role::Officer, Role::Approver, Role::AgencyAdmin],
            );
            Self { app, clock, agency, prime, below, officer, second, foreign, _folder: folder }
        }

        fn vendor(&self, organization: OrganizationId) -> Call {
            person(&self.app, organization, OrganizationKind::Vendor, &[Role::VendorUser])
        }

        fn register(&self, number: &str, more: Value) -> ContractView {
            self.try_register(number, more).unwrap()
        }

        fn try_register(&self, number: &str, more: Value) -> Result<ContractView, Failure> {
            // Ids are ordered by the machine's milliseconds.
            self.clock.pass(chrono::Duration::milliseconds(2));
            contract::register(&self.app, &self.officer, &new_contract(self, number, more))
        }

        fn get(&self, call: &Call, id: ContractId) -> Result<ContractView, Failure> {
            contract::get(&self.app, call, id)
        }

        fn list(&self, call: &Call, query: &ContractQuery) -> Vec<String> {
            let page = contract::list(&self.app, call, query, &Page::default()).unwrap();
            page.items.into_iter().map(|view| view.number).collect()
        }

        /// The row as a fresh projection of the facts would have it is the row as it stands.
        fn projections_hold(&self) {
            let ids: Vec<ContractId> = self
                .app
                .db
                .read(|conn| {
                    let filter = db::contract::ContractFilter::default();
                    let lines =
                        db::contract::list(conn, &Scope::Program, &filter, self.app.today(), None, 10_000)?;
                    Ok::<_, db::DbError>(lines.into_iter().map(|line| line.contract.id).collect())
                })
                .unwrap();
            assert!(!ids.is_empty());
            for id in ids {
                let stale = self
                    .app
                    .db
                    .write(|conn| db::contract::reproject(conn, id, self.app.today(), false))
                    .unwrap();
                assert!(!stale, "{id}");
            }
        }

        fn import(&self, text: &[u8], options: ImportOptions) -> ImportSummary {
            let file = exchange::contracts::read(text, self.app.today()).unwrap();
            let summary = import(&self.app, None, "K1", &file, options).unwrap();
            assert_eq!(summary.taken + summary.duplicates + summary.bad, summary.rows);
            summary
        }
    }

    fn organization(
        app: &App,
        kind: OrganizationKind,
        name: &str,
        code: Option<&str>,
        number: Option<&str>,
    ) -> OrganizationId {
        let id: OrganizationId = app.sources.new_id();
        let chain = ChainKey::New { id: id.cast(), organization_id: id };
        app.db
            .write(|conn| {
                let new = db::organization::NewOrganization {
                    id,
                    kind,
                    code,
                    name,
                    country: "JP",
                    address: None,
                    contact_email: None,
                    salt: "salt",
                    corporate_number: number.map(|number| number.parse().unwrap()),
                };
                db::organization::insert(conn, &new, app.now())?;
                let mut tx = Tx::on(conn, &app.sources, None, chain)?;
                tx.record("organization.registered", id, &json!({"kind": kind}))?;
                tx.close()
            })
            .unwrap();
        id
    }

    fn person(app: &App, organization: OrganizationId, kind: OrganizationKind, roles: &[Role]) -> Call {
        let id: UserId = app.sources.new_id();
        let email = format!("{id}@example.jp");
        app.db
            .write(|conn| {
                db::user::insert(
                    conn,
                    &db::user::UserRow {
                        id,
                        organization_id: organization,
                        email: email.clone(),
                        name: "例示 花子".to_owned(),
                        password_hash: None,
                        active: true,
                        expires_on: None,
                        salt: "salt".to_owned(),
                        created_at: app.now().naive_utc(),
                        version: 1,
                    },
                )?;
                for role in roles {
                    diesel::insert_into(db::schema::user_roles::table)
                        .values((
                            db::schema::user_roles::user_id.eq(id),
                            db::schema::user_roles::organization_id.eq(organization),
                            db::schema::user_roles::role.eq(role),
                        ))
                        .execute(conn)?;
                }
                Ok::<_, db::DbError>(())
            })
            .unwrap();
        Call::of(Actor {
            user_id: id,
            session_id: app.sources.new_id(),
            name: "例示 花子".to_owned(),
            email,
            organization: ActorOrganization { id: organization, kind, name: "架空".to_owned() },
            roles: roles.to_vec(),
        })
    }

    #[expect(clippy::needless_pass_by_value, reason = "built where it is used")]
    fn body(house: &House, number: &str, more: Value) -> Value {
        let mut body = json!({
            "number": number, "title": "源泉徴収票データ入力業務", "fiscal_year": 2026, "vendor_id": house.prime,
            "amount_yen": 120_000_000, "signed_on": "2026-03-25", "starts_on": "2026-04-01", "ends_on": "2027-03-31",
            "scope": "申告書類のデータ入力",
            "data": [{"category": "personal", "persons": 700_000}, {"category": "my_number", "persons": 550_000}],
            "subcontracting": {"policy": "consent_required", "max_tier": 4, "max_ratio_percent": 50, "overseas": "prohibited"},
            "declaration_interval": "quarterly", "return_due_days": 14,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn new_contract(house: &House, number: &str, more: Value) -> NewContract {
        parse(&body(house, number, more), Mode::Strict).unwrap()
    }

    /// Pointers of what a body is refused for.
    fn refused(house: &House, more: Value) -> Vec<String> {
        let errors = parse::<NewContract>(&body(house, "x", more), Mode::Strict).unwrap_err();
        errors.into_iter().map(|error| error.pointer).collect()
    }

    fn pointer<T: std::fmt::Debug>(answer: Result<T, Failure>) -> String {
        match answer {
            Err(Failure::Invalid(errors)) => errors[0].pointer.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn code<T: std::fmt::Debug>(answer: Result<T, Failure>) -> &'static str {
        match answer {
            Err(Failure::Conflict { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "built where it is used")]
    fn input<T: itaku::domain::input::Input>(body: Value) -> T {
        parse(&body, Mode::Strict).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

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
            contract::register(&house.app, &house.foreign, &new_contract(house, "2026-001", json!({})))
                .unwrap();
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
            let named = ContractQuery { q: Some("架空データ".into()), ..Default::default() };
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
                let parent: EngagementId =
                    e::table.filter(e::contract_id.eq(id)).select(e::id).first(conn)?;
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
            assert_eq!(seen(ContractQuery { q: Some("100%_".into()), ..Default::default() }), ["N-3"]);
            assert_eq!(seen(ContractQuery { q: Some("%".into()), ..Default::default() }), ["N-3"]);
            assert_eq!(seen(ContractQuery { fiscal_year: Some(2027), ..Default::default() }), ["F-1"]);
            let status = |status| ContractQuery { status: Some(status), ..Default::default() };
            assert_eq!(seen(status(ContractStatus::Upcoming)), ["F-1"]);
            assert_eq!(seen(status(ContractStatus::Running)).len(), 7);
            assert_eq!(seen(status(ContractStatus::Ended)).len(), 0);
            let mut page = Page { limit: 3, after: None };
            let mut found = Vec::new();
            loop {
                let got =
                    contract::list(&house.app, &house.officer, &ContractQuery::default(), &page).unwrap();
                found.extend(got.items.into_iter().map(|view| view.number));
                house.register(&format!("late-{}", found.len()), json!({}));
                let Some(cursor) = got.next_cursor else { break };
                page = Page::read(Some("3"), Some(&cursor)).unwrap();
            }
            assert_eq!(found, ["F-1", "N-6", "N-5", "N-4", "N-3", "N-2", "N-1", "N-0"]);
        });
    }

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
            assert_eq!(
                (view.amount_yen, view.last_day, view.version),
                (Some(120_000_000), d("2027-05-31"), 2)
            );
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
            let ids: Vec<ContractId> =
                (0..3).map(|n| house.register(&format!("N-{n}"), json!({})).id).collect();
            let hand = |id, body: Value| contract::hand_over(app, &house.officer, id, &input(body));
            assert_eq!(
                pointer(hand(
                    ids[0],
                    json!({"officer_id": house.foreign.actor.user_id, "from": "2026-04-01"})
                )),
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
            assert_eq!(
                pointer(contract::hand_over_all(app, &house.officer, &input(unknown))),
                "/contract_ids/1"
            );
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

    const GBIZINFO: &str =
        "date_of_order,title,amount,government_departments,joint_signatures,corporate_number";

    #[test]
    fn a_file_is_taken_whole_or_not_at_all() {
        on_both(|house| {
            let text = format!(
                "{GBIZINFO}\n\
                 2026-03-02T00:00:00+09:00,架空調査,1000,架空省／例示省,\"架空株式会社,例示株式会社\",{NOBODY}\n\
                 2026-03-02T00:00:00+09:00,架空調査,1000,架空省／例示省,\"架空株式会社,例示株式会社\",{NOBODY}\n\
                 2910-04-01T00:00:00+09:00,件名,5,架空省,,{NOBODY}\n\
                 2026-04-01T00:00:00+09:00,架空印刷,2000,架空省,,7000012050002\n"
            );
            let (all, skip) = (ImportOptions::default(), ImportOptions { skip_bad: true, dry_run: false });
            let refused = house.import(text.as_bytes(), all);
            assert_eq!((refused.written, refused.taken, refused.duplicates, refused.bad), (false, 2, 1, 1));
            assert_eq!(refused.problems[0].line, 4);
            assert!(house.list(&house.officer, &ContractQuery::default()).is_empty());
            let tried = house.import(text.as_bytes(), ImportOptions { dry_run: true, ..skip });
            assert!(house.list(&house.officer, &ContractQuery::default()).is_empty());
            let taken = house.import(text.as_bytes(), skip);
            assert_eq!((tried.taken, tried.new_vendors), (taken.taken, taken.new_vendors));
            assert_eq!(
                (taken.written, taken.taken, taken.new_vendors, taken.warnings.len()),
                (true, 2, 1, 1)
            );
            let again = house.import(text.as_bytes(), skip);
            assert_eq!((again.taken, again.duplicates, again.bad, again.new_vendors), (0, 3, 1, 0));
            let page = contract::list(
                &house.app,
                &house.officer,
                &ContractQuery { q: Some("架空調査".into()), ..Default::default() },
                &Page::default(),
            )
            .unwrap();
            let view = house.get(&house.officer, page.items[0].id).unwrap();
            assert_eq!((view.officer_id, view.period_assumed), (None, Some(true)));
            assert_eq!(view.joint_vendors.unwrap(), ["架空株式会社", "例示株式会社"]);
            assert_eq!(view.joint_agencies.unwrap(), ["架空省", "例示省"]);
            assert_eq!(view.vendor_id, Some(house.prime));
            house.projections_hold();
        });
    }

    #[test]
    fn the_template_gives_every_term() {
        on_both(|house| {
            let text = String::from_utf8(exchange::contracts::template()).unwrap().replace("記入例", "T-1");
            assert_eq!(house.import(text.as_bytes(), ImportOptions::default()).taken, 1);
            let page =
                contract::list(&house.app, &house.officer, &ContractQuery::default(), &Page::default())
                    .unwrap();
            let view = house.get(&house.officer, page.items[0].id).unwrap();
            assert_eq!(
                (view.number.as_str(), view.department.as_deref(), view.return_due_days),
                ("T-1", Some("架空課"), Some(14))
            );
            assert_eq!(view.data.unwrap().len(), 3);
            // The officer may register the same number neither by hand nor by file.
            assert_eq!(code(house.try_register("T-1", json!({}))), "number_taken");
            assert_eq!(house.import(text.as_bytes(), ImportOptions::default()).duplicates, 1);
        });
    }

    #[test]
    fn the_register_is_told_once_and_names_stay() {
        on_both(|house| {
            house.register("2026-001", json!({}));
            let row = |process: &str, name: &str, on: &str, closed: &str| {
                format!(
                    "1,{NOBODY},{process},0,{on},{on},\"{name}\",,301,\"架空県\",\"例示市\",\"一丁目\",,99,999,0000000,,,{closed},,,2026-04-01,1,,,,,\"カクウ\",0\r\n"
                )
            };
            let import = |text: &str| {
                import_register(&house.app, &exchange::register::read(text.as_bytes()).unwrap()).unwrap()
            };
            let renamed = row("11", "株式会社架空情報", "2026-04-02", ",");
            let first = import(&format!("{renamed}{renamed}"));
            assert_eq!(
                (first.rows, first.taken, first.unchanged, first.renamed, first.alerts),
                (2, 1, 1, 1, 1)
            );
            assert_eq!(
                {
                    let again = import(&renamed);
                    (again.taken, again.unchanged, again.alerts)
                },
                (0, 1, 0)
            );
            let closed = import(&row("21", "株式会社架空情報", "2026-04-03", "2026-04-03,01"));
            assert_eq!((closed.taken, closed.closed), (1, 1));
            let older = import(&row("12", "株式会社架空", "2026-01-03", ","));
            assert_eq!((older.taken, older.moved), (1, 1));
            let view =
                itaku::service::register::register_of(&house.app, &house.officer, house.prime).unwrap();
            let record = view.record.unwrap();
            assert_eq!(
                (record.name.as_str(), record.closed_on, view.history.len()),
                ("株式会社架空情報", Some(d("2026-04-03")), 3)
            );
            let name = house.app.db.read(|conn| db::organization::find(conn, house.prime)).unwrap().name;
            assert_eq!(name, "株式会社架空データ");
            let alerts: i64 = house
                .app
                .db
                .read(|conn| {
                    Ok::<_, db::DbError>(
                        db::schema::alerts::table
                            .filter(
                                db::schema::alerts::kind
                                    .eq("vendor_changed")
                                    .and(db::schema::alerts::agency_id.eq(house.agency)),
                            )
                            .count()
                            .get_result(conn)?,
                    )
                })
                .unwrap();
            assert!(alerts >= 1);
        });
    }

    #[test]
    fn imported_holidays_replace_the_ones_built_in() {
        on_both(|house| {
            let calendar = || house.app.db.read(|conn| db::calendar::calendar(conn, &[])).unwrap();
            assert!(!calendar().is_open(d("2026-05-06")) && calendar().knows(2027));
            let file =
                exchange::holidays::read("月日,名称\r\n2026/1/1,元日\r\n2026/6/1,架空の日\r\n".as_bytes())
                    .unwrap();
            for _ in 0..2 {
                assert_eq!(calendar::import_holidays(&house.app, &file).unwrap().days, 2);
            }
            let told: i64 = house
                .app
                .db
                .read(|conn| {
                    use db::schema::ledger_entries;
                    let told = ledger_entries::table.filter(ledger_entries::action.eq("holidays.imported"));
                    Ok::<_, db::DbError>(told.count().get_result(conn)?)
                })
                .unwrap();
            assert_eq!(told, 2);
            assert!(
                calendar().is_open(d("2026-05-06"))
                    && !calendar().is_open(d("2026-06-01"))
                    && !calendar().knows(2027)
            );
        });
    }

    fn real(path: &str) -> Option<Vec<u8>> {
        let Some(folder) = std::env::var_os("ITAKU_REAL_DATA") else {
            assert!(std::env::var_os("CI").is_none(), "ITAKU_REAL_DATA is not set: {path} was not read");
            eprintln!("ITAKU_REAL_DATA is not set: {path} was not read");
            return None;
        };
        Some(std::fs::read(std::path::Path::new(&folder).join(path)).unwrap())
    }

    #[test]
    fn the_real_files_add_up_and_a_second_run_takes_none() {
        on_both(|house| {
            for path in ["diff_20210714.csv", "diff_20260819.csv", "diff_20260820.csv"] {
                let Some(bytes) = real(&format!("nta_houjin/{path}")) else { return };
                let file = exchange::register::read(&bytes).unwrap();
                let started = std::time::Instant::now();
                let first = import_register(&house.app, &file).unwrap();
                println!("{path}: {first:?} in {:?}", started.elapsed());
                assert_eq!(first.taken + first.unchanged + first.bad, first.rows);
                assert!(first.taken > 0 && first.renamed > 0 && first.merged > 0);
                let again = import_register(&house.app, &file).unwrap();
                assert_eq!((again.taken, again.unchanged), (0, first.rows - first.bad));
            }
            for (path, rows) in [("procurement_202004.csv", 3_290), ("procurement_202011.csv", 73)] {
                let Some(bytes) = real(&format!("gbiz_procurement/{path}")) else { return };
                let started = std::time::Instant::now();
                let first = house.import(&bytes, ImportOptions { skip_bad: true, dry_run: false });
                println!(
                    "{path}: {} taken, {} duplicates, {} bad, {} vendors in {:?}",
                    first.taken,
                    first.duplicates,
                    first.bad,
                    first.new_vendors,
                    started.elapsed()
                );
                assert_eq!(first.rows, rows);
                let lines: std::collections::BTreeSet<u64> =
                    first.problems.iter().map(|problem| problem.line).collect();
                assert_eq!(lines.len(), first.bad);
                let again = house.import(&bytes, ImportOptions { skip_bad: true, dry_run: false });
                assert_eq!((again.taken, again.bad, again.new_vendors), (0, first.bad, 0));
            }
            house.projections_hold();
        });
    }
}
