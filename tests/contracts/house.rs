//! An installation of its own, with two agencies and three vendors.

use std::sync::Arc;

use chrono::NaiveDate;
use diesel::prelude::*;
use itaku::clock::{Sources, SystemEntropy, TestClock};
use itaku::config::Config;
use itaku::db::{self, ChainKey, Db, Tx};
use itaku::domain::access::{Actor, ActorOrganization, OrganizationKind, Role, Scope};
use itaku::domain::corporate_number::CorporateNumber;
use itaku::domain::id::{ContractId, OrganizationId, UserId};
use itaku::domain::input::{Mode, parse};
use itaku::exchange;
use itaku::ledger::receipt::SigningKey;
use itaku::service::contract::import::{ImportOptions, ImportSummary, import};
use itaku::service::contract::{self, ContractQuery, ContractView, NewContract};
use itaku::service::{App, Call, Failure, Page};
use serde_json::{Value, json};

/// Passes the check and can belong to nobody.
pub const NOBODY: &str = "9000000000000";

/// An installation of its own, with two agencies and three vendors.
pub struct House {
    pub app: App,
    pub clock: Arc<TestClock>,
    pub agency: OrganizationId,
    pub prime: OrganizationId,
    pub below: OrganizationId,
    pub officer: Call,
    pub second: UserId,
    pub foreign: Call,
    _folder: tempfile::TempDir,
}

pub fn d(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// One on each database; without `ITAKU_TEST_POSTGRES` only on the embedded one, except under CI.
pub fn on_both(test: impl Fn(&House)) {
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
            strict: false,
        };
        let agency = organization(&app, OrganizationKind::Agency, "架空市", Some("K1"), None);
        let other = organization(&app, OrganizationKind::Agency, "例示県", Some("R1"), None);
        let prime = organization(&app, OrganizationKind::Vendor, "株式会社架空データ", None, Some(NOBODY));
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

    pub fn vendor(&self, organization: OrganizationId) -> Call {
        person(&self.app, organization, OrganizationKind::Vendor, &[Role::VendorUser])
    }

    /// Another company of that number.
    pub fn company(&self, name: &str, number: &str) -> OrganizationId {
        organization(&self.app, OrganizationKind::Vendor, name, None, Some(number))
    }

    pub fn register(&self, number: &str, more: Value) -> ContractView {
        self.try_register(number, more).unwrap()
    }

    pub fn try_register(&self, number: &str, more: Value) -> Result<ContractView, Failure> {
        // Ids are ordered by the machine's milliseconds.
        self.clock.pass(chrono::Duration::milliseconds(2));
        contract::register(&self.app, &self.officer, &new_contract(self, number, more))
    }

    pub fn get(&self, call: &Call, id: ContractId) -> Result<ContractView, Failure> {
        contract::get(&self.app, call, id)
    }

    pub fn list(&self, call: &Call, query: &ContractQuery) -> Vec<String> {
        let page = contract::list(&self.app, call, query, &Page::default()).unwrap();
        page.items.into_iter().map(|view| view.number).collect()
    }

    /// The row as a fresh projection of the facts would have it is the row as it stands.
    pub fn projections_hold(&self) {
        let ids: Vec<ContractId> = self
            .app
            .db
            .read(|conn| {
                let filter = db::contract::ContractFilter::default();
                let newest = db::contract::ContractOrder::Newest { after: None };
                let lines =
                    db::contract::list(conn, &Scope::Program, &filter, &newest, self.app.today(), 10_000)?;
                Ok::<_, db::DbError>(lines.into_iter().map(|line| line.contract.id).collect())
            })
            .unwrap();
        assert!(!ids.is_empty());
        for id in ids {
            let stale =
                self.app.db.write(|conn| db::contract::reproject(conn, id, self.app.today(), false)).unwrap();
            assert!(stale.is_none(), "{id}");
        }
    }

    /// The agency declares what it is called in published files.
    pub fn declare_names(&self, names: &[&str]) {
        let (_, version) = itaku::service::setting::find(&self.app, &self.officer).unwrap();
        let change = parse(&json!({ "published_names": names }), Mode::Strict).unwrap();
        let version = itaku::service::IfMatch::parse(&format!("\"{version}\""));
        itaku::service::setting::change(&self.app, &self.officer, &version, &change).unwrap();
    }

    pub fn import(&self, text: &[u8], options: ImportOptions) -> ImportSummary {
        let file = exchange::contracts::read(text, self.app.today()).unwrap();
        let summary = import(&self.app, None, "K1", &file, options).unwrap();
        let ImportSummary { taken, duplicates, joined, elsewhere, bad, .. } = summary;
        assert_eq!(taken + duplicates + joined + elsewhere + bad, summary.rows);
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
                    password_set_by_other: false,
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
        must_change_password: false,
        authenticated_at: app.sources.clock.machine_now(),
        has_factor: false,
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

pub fn new_contract(house: &House, number: &str, more: Value) -> NewContract {
    parse(&body(house, number, more), Mode::Strict).unwrap()
}

/// Pointers of what a body is refused for.
pub fn refused(house: &House, more: Value) -> Vec<String> {
    let errors = parse::<NewContract>(&body(house, "x", more), Mode::Strict).unwrap_err();
    errors.into_iter().map(|error| error.pointer).collect()
}

pub fn pointer<T: std::fmt::Debug>(answer: Result<T, Failure>) -> String {
    match answer {
        Err(Failure::Invalid(errors)) => errors[0].pointer.clone(),
        other => panic!("{other:?}"),
    }
}

pub fn code<T: std::fmt::Debug>(answer: Result<T, Failure>) -> &'static str {
    match answer {
        Err(Failure::Conflict { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "built where it is used")]
pub fn input<T: itaku::domain::input::Input>(body: Value) -> T {
    parse(&body, Mode::Strict).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// A company's number that was made up: these twelve digits with the check digit that fits them.
pub fn invented(digits: u64) -> String {
    let mut numbers = (1..=9).map(|check| format!("{check}{digits:012}"));
    numbers.find(|number| number.parse::<CorporateNumber>().is_ok()).unwrap()
}

/// A row of the corporate-number register; `closed`: the day and the cause, or a comma.
pub fn register_row(number: &str, process: &str, name: &str, on: &str, closed: &str) -> String {
    format!(
        "1,{number},{process},0,{on},{on},\"{name}\",,301,\"架空県\",\"例示市\",\"一丁目\",,99,999,0000000,,,{closed},,,2026-04-01,1,,,,,\"カクウ\",0\r\n"
    )
}
