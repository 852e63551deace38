//! A server of its own for each test, on either database: the real table of routes, a clock that stands until it is
//! moved, and the outbox to look into.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use actix_web::rt::SystemRunner;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use chrono::{Duration, NaiveDate};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use itaku::clock::{Sources, SystemEntropy, TestClock};
use itaku::config::Config;
use itaku::db::schema::notices;
use itaku::db::{ChainKey, Db, DbError, organization, user};
use itaku::domain::access::Role;
use itaku::domain::id::{OrganizationId, UserId};
use itaku::ledger::receipt::SigningKey;
use itaku::service::{self, App, Failure, session};
use itaku::web::pages::Pages;
use itaku::web::server::House;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One test per database from the same source: `both! { fn name(app: TestApp) { … } }`.
macro_rules! both {
    ($(fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn test($app: &TestApp) $body

            #[test]
            fn sqlite() {
                test(&TestApp::sqlite());
            }

            #[test]
            fn postgresql() {
                test(&TestApp::postgresql());
            }
        }
    )+};
}
pub(crate) use both;

/// The business day on which tests begin.
pub const FIRST_DAY: &str = "2026-04-01";

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The same for every test.
static PAGES: LazyLock<Pages> =
    LazyLock::new(|| Pages::new(&itaku::web::openapi::document(false), None).unwrap());

type Sent = Pin<Box<dyn Future<Output = Answer>>>;

/// A running program with a database of its own.
pub struct TestApp {
    pub app: App,
    pub clock: Arc<TestClock>,
    runner: SystemRunner,
    send: Box<dyn Fn(TestRequest) -> Sent>,
    admin: RefCell<Option<Person>>,
    read: RefCell<Vec<String>>,
    strict: Cell<bool>,
    /// Dropped last: the database goes when nobody is connected.
    _database: Database,
}

enum Database {
    Folder { _folder: tempfile::TempDir },
    Server { server: String, name: String },
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Server { server, name } = self {
            let mut conn = PgConnection::establish(server).unwrap();
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if self.strict.get() && !std::thread::panicking() {
            let unread = self.notices();
            assert!(unread.is_empty(), "notices that the test did not expect: {unread:#?}");
        }
    }
}

/// Someone with a session.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub organization: OrganizationId,
    pub token: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    /// The body, if the status is the one expected.
    #[track_caller]
    pub fn must(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        if status >= 400 {
            assert_eq!(self.header("content-type"), Some("application/problem+json"));
        }
        self.body
    }

    /// Pointer and code of each wrong field of a 422.
    #[track_caller]
    pub fn errors(self) -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let body = self.must(422);
        body["errors"].as_array().unwrap().iter().map(|e| (text(&e["pointer"]), text(&e["code"]))).collect()
    }

    /// The stable word of a problem.
    #[track_caller]
    pub fn problem(self, status: u16) -> String {
        self.must(status)["type"].as_str().unwrap().trim_start_matches("urn:itaku:problem:").to_owned()
    }
}

/// A mail in the outbox.
#[derive(Debug, Clone)]
pub struct Notice {
    pub id: String,
    pub kind: String,
    pub address: String,
    pub context: Value,
}

impl Notice {
    /// The token in its link.
    pub fn token(&self) -> String {
        self.context["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned()
    }
}

/// A name that changes with the migrations.
fn schema_name(backend: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations").join(backend);
    let mut steps: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    steps.sort();
    let mut hash = Sha256::new();
    for step in steps {
        hash.update(std::fs::read(step.join("up.sql")).unwrap());
    }
    hex::encode(hash.finalize())[..16].to_owned()
}

fn migrated(url: &str) {
    let db = Db::open(url, 1).unwrap();
    db.migrate().unwrap();
    db.checkpoint().unwrap();
}

/// Memory rather than disk where there is any: these databases are gone in a second.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The migrated file that every test's database is a copy of; made by whoever comes first.
fn sqlite_template() -> PathBuf {
    let template = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.db", schema_name("sqlite")));
    if !template.exists() {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let file = folder.path().join("template.db");
        migrated(&format!("sqlite:{}", file.display()));
        std::fs::rename(file, &template).unwrap();
    }
    template
}

/// The migrated database that every test's is a copy of; marked as a template once it is whole.
fn postgresql_template(server: &str) -> String {
    let name = format!("itaku_template_{}", schema_name("postgresql"));
    let mut conn = PgConnection::establish(server).unwrap();
    conn.batch_execute("SELECT pg_advisory_lock(72301460)").unwrap();
    let whole = format!("SELECT 1 FROM pg_database WHERE datname = '{name}' AND datistemplate");
    if diesel::sql_query(whole).execute(&mut conn).unwrap() == 0 {
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        migrated(&at(server, &name));
        // Nobody may be connected to what is copied.
        conn.batch_execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'; \
             UPDATE pg_database SET datistemplate = true, datallowconn = false WHERE datname = '{name}'"
        ))
        .unwrap();
    }
    conn.batch_execute("SELECT pg_advisory_unlock(72301460)").unwrap();
    name
}

fn at(server: &str, database: &str) -> String {
    format!("{}/{database}", server.rsplit_once('/').unwrap().0)
}

impl TestApp {
    pub fn sqlite() -> Self {
        let folder = folder();
        let file = folder.path().join("itaku.db");
        std::fs::copy(sqlite_template(), &file).unwrap();
        Self::on(&format!("sqlite:{}", file.display()), Database::Folder { _folder: folder })
    }

    pub fn postgresql() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("ITAKU_TEST_POSTGRES").expect(
            "ITAKU_TEST_POSTGRES names no PostgreSQL server: tests/run starts one and runs every test",
        );
        let template = postgresql_template(&server);
        let name = format!("itaku_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::establish(&server).unwrap();
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
        Self::on(&at(&server, &name), Database::Server { server, name })
    }

    fn on(url: &str, database: Database) -> Self {
        let settings = [
            ("ITAKU__DATABASE__URL", url),
            ("ITAKU__AUTH__SECRET", "a secret of the tests, long enough to sign"),
            ("ITAKU__SERVER__PUBLIC_URL", "https://itaku.example.jp"),
        ];
        let config =
            Config::load(None, settings.map(|(key, value)| (key.to_owned(), value.to_owned()))).unwrap();
        let clock = Arc::new(TestClock::new(day(FIRST_DAY)));
        let app = App {
            db: Db::open(url, 4).unwrap(),
            sources: Sources {
                clock: Arc::clone(&clock) as Arc<dyn itaku::clock::Clock>,
                entropy: Arc::new(SystemEntropy),
            },
            config: Arc::new(config),
            signing_key: Arc::new(SigningKey::parse(&"11".repeat(32)).unwrap()),
            demo: None,
        };
        let runner = actix_web::rt::System::new();
        let house = House::new(app.clone(), PAGES.clone(), Arc::new(|| true)).unwrap();
        let house = Data::new(house);
        let service = runner.block_on(init_service(
            actix_web::App::new().configure(move |config| itaku::web::server::public(config, &house)),
        ));
        let service = Rc::new(service);
        let send = Box::new(move |request: TestRequest| {
            let service = Rc::clone(&service);
            Box::pin(async move {
                let response = call_service(&*service, request.to_request()).await;
                let status = response.status().as_u16();
                let headers = response.headers().iter();
                let headers = headers.map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect();
                let body = read_body(response).await;
                let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
                Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_else(|_| text()) }
            }) as Sent
        });
        Self {
            app,
            clock,
            runner,
            send,
            admin: RefCell::new(None),
            read: RefCell::new(Vec::new()),
            strict: Cell::new(false),
            _database: database,
        }
    }

    // --- time ---

    /// 09:00 of a day, on both clocks; sessions of the days before are over, so everyone logs in anew.
    pub fn move_to(&self, to: &str) {
        self.clock.set_day(day(to));
    }

    pub fn pass(&self, time: Duration) {
        self.clock.pass(time);
    }

    // --- requests ---

    /// A request below `/api/v1`.
    #[expect(clippy::unused_self, reason = "reads as the other requests do")]
    pub fn request(&self, token: Option<&str>, method: &str, path: &str) -> TestRequest {
        let method = actix_web::http::Method::from_bytes(method.as_bytes()).unwrap();
        let request = TestRequest::with_uri(&format!("/api/v1{path}")).method(method);
        match token {
            Some(token) => request.insert_header(("Authorization", format!("Bearer {token}"))),
            None => request,
        }
    }

    pub fn send(&self, request: TestRequest) -> Answer {
        self.runner.block_on((self.send)(request))
    }

    /// All at the same time; the answers in the order of the requests.
    pub fn send_at_once(&self, requests: Vec<TestRequest>) -> Vec<Answer> {
        self.runner.block_on(async {
            let running: Vec<_> =
                requests.into_iter().map(|request| actix_web::rt::spawn((self.send)(request))).collect();
            let mut answers = Vec::new();
            for one in running {
                answers.push(one.await.unwrap());
            }
            answers
        })
    }

    pub fn get(&self, who: &Person, path: &str) -> Answer {
        self.send(self.request(Some(&who.token), "GET", path))
    }

    pub fn post(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.send(self.request(Some(&who.token), "POST", path).set_json(body))
    }

    /// With the version that the resource has now.
    pub fn patch(&self, who: &Person, path: &str, body: Value) -> Answer {
        let etag = self.get(who, path).etag();
        self.patch_if(who, path, &etag, body)
    }

    pub fn patch_if(&self, who: &Person, path: &str, etag: &str, body: Value) -> Answer {
        let request = self.request(Some(&who.token), "PATCH", path);
        self.send(request.insert_header(("If-Match", etag)).set_json(body))
    }

    /// Without a session.
    pub fn anyone(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(None, "POST", path).set_json(body))
    }

    // --- people ---

    /// The one `system_admin` that every test has.
    pub fn admin(&self) -> Person {
        if let Some(admin) = self.admin.borrow().clone() {
            return admin;
        }
        let operator = service::organization::ensure_system(&self.app).unwrap();
        let admin = self.person(operator, &[Role::SystemAdmin]);
        *self.admin.borrow_mut() = Some(admin.clone());
        admin
    }

    pub fn agency(&self, code: &str) -> OrganizationId {
        let body = json!({"kind": "agency", "name": format!("架空機関{code}"), "code": code});
        id(&self.post(&self.admin(), "/organizations", body).must(201))
    }

    pub fn vendor(&self, name: &str) -> OrganizationId {
        id(&self.post(&self.admin(), "/organizations", json!({"kind": "vendor", "name": name})).must(201))
    }

    /// A new account with a session, without the time that a password takes.
    pub fn person(&self, organization: OrganizationId, roles: &[Role]) -> Person {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let email = format!("p{number}@example.jp");
        let name = format!("利用者{number}");
        let chain = ChainKey::Existing(organization.cast());
        let made = self.app.db.write_tx(&self.app.sources, None, chain, |tx| {
            let row = organization::find(tx.conn, organization)?;
            let new = service::user::Enrolment {
                email: &email,
                name: &name,
                roles,
                password_hash: None,
                expires_on: None,
            };
            service::user::enroll(tx, &row, &new)
        });
        let id = made.unwrap().id;
        self.log_in(&Person { id, email, organization, token: String::new() })
    }

    /// The same person with a new session.
    pub fn log_in(&self, who: &Person) -> Person {
        let tokens = self.app.db.write::<_, Failure>(|conn| {
            let row = user::find(conn, who.id)?;
            session::open(&self.app, conn, &row)
        });
        Person { token: tokens.unwrap().1.access_token, ..who.clone() }
    }

    /// The value of a browser's cookie in a new session of the person.
    pub fn browser(&self, who: &Person) -> String {
        let begun = self.app.db.write::<_, Failure>(|conn| {
            let row = user::find(conn, who.id)?;
            session::open_browser(&self.app, conn, &row)
        });
        begun.unwrap().1
    }

    /// A browser in which the person is signed in.
    pub fn tab(&self, who: &Person) -> Tab<'_> {
        let cookie = self.browser(who);
        let page = self.send(self.visit(Some(&cookie), "GET", "/account", &[]));
        let text = page.body.as_str().unwrap_or_default();
        let (_, rest) = text.split_once("name=\"_proof\" value=\"").unwrap();
        let proof = rest.split_once('"').unwrap().0.to_owned();
        Tab { app: self, cookie, proof }
    }

    /// A request for a page, as a browser on a page of ours sends it.
    pub fn visit(
        &self,
        cookie: Option<&str>,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
    ) -> TestRequest {
        self.visit_anyhow(cookie, method, path, form).insert_header(("Sec-Fetch-Site", "same-origin"))
    }

    /// A request for a page by who does not say where it comes from.
    #[expect(clippy::unused_self, reason = "reads as the other requests do")]
    pub fn visit_anyhow(
        &self,
        cookie: Option<&str>,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
    ) -> TestRequest {
        let method = actix_web::http::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = TestRequest::with_uri(path);
        if method == actix_web::http::Method::POST {
            request = request.set_form(form);
        }
        if let Some(cookie) = cookie {
            request = request.insert_header(("Cookie", format!("__Host-itaku={cookie}")));
        }
        request.method(method)
    }

    // --- mail ---

    /// From now on a notice that the test does not read is a failure.
    pub fn expect_every_notice(&self) {
        self.strict.set(true);
    }

    /// What has come into the outbox since last asked.
    pub fn notices(&self) -> Vec<Notice> {
        let rows: Vec<(String, String, String, String)> = self
            .app
            .db
            .read_one::<_, DbError>(|conn| {
                Ok(notices::table
                    .order((notices::created_at, notices::id))
                    .select((notices::id, notices::kind, notices::address, notices::context))
                    .load(conn)?)
            })
            .unwrap();
        let mut read = self.read.borrow_mut();
        let new: Vec<Notice> = rows
            .into_iter()
            .filter(|row| !read.contains(&row.0))
            .map(|(id, kind, address, context)| Notice {
                id,
                kind,
                address,
                context: serde_json::from_str(&context).unwrap(),
            })
            .collect();
        read.extend(new.iter().map(|notice| notice.id.clone()));
        new
    }

    /// The one notice since last asked.
    #[track_caller]
    pub fn notice(&self) -> Notice {
        let mut new = self.notices();
        assert_eq!(new.len(), 1, "{new:#?}");
        new.remove(0)
    }

    /// Action and payload of the entries that name an id, in order.
    pub fn entries(&self, subject: &str) -> Vec<(String, Value)> {
        use itaku::db::schema::{ledger_entries, ledger_names};
        let rows: Vec<(String, String)> = self
            .app
            .db
            .read_one::<_, DbError>(|conn| {
                Ok(ledger_names::table
                    .inner_join(ledger_entries::table.on(ledger_entries::id.eq(ledger_names::entry_id)))
                    .filter(ledger_names::subject_id.eq(subject.to_owned()))
                    .order((ledger_entries::chain_id, ledger_entries::seq))
                    .select((ledger_entries::action, ledger_entries::payload))
                    .load(conn)?)
            })
            .unwrap();
        rows.into_iter().map(|(action, payload)| (action, serde_json::from_str(&payload).unwrap())).collect()
    }
}

/// The `id` of an answer.
pub fn id<T>(body: &Value) -> itaku::domain::id::Id<T> {
    body["id"].as_str().unwrap().parse().unwrap()
}

/// A signed-in browser.
pub struct Tab<'a> {
    app: &'a TestApp,
    pub cookie: String,
    /// What stands in its forms.
    pub proof: String,
}

impl Tab<'_> {
    /// Opens a page.
    pub fn open(&self, path: &str) -> Answer {
        self.app.send(self.app.visit(Some(&self.cookie), "GET", path, &[]))
    }

    /// Sends a form with its proof.
    pub fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form: Vec<(&str, &str)> =
            [("_proof", self.proof.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.app.send(self.app.visit(Some(&self.cookie), "POST", path, &form))
    }
}
