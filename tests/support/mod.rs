//! A server of its own for each test, on either database: the real table of routes, a clock that stands until it is
//! moved, and the outbox to look into.

mod answer;
pub mod browser;
pub mod database;
pub mod outbox;
mod people;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use actix_web::middleware::from_fn;
use actix_web::rt::SystemRunner;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use chrono::{Duration, NaiveDate};
use itaku::clock::{Sources, SystemEntropy, TestClock};
use itaku::config::Config;
use itaku::db::Db;
use itaku::ledger::receipt::SigningKey;
use itaku::service::App;
use itaku::web::pages::Pages;
use itaku::web::server::House;
use itaku::web::shield::shield;
use serde_json::Value;

pub use answer::{Answer, id};
use database::Database;
pub use people::Person;

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
    /// What the server's handlers find.
    pub house: Data<House>,
    /// Dropped last: the database goes when nobody is connected.
    _database: Database,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if self.strict.get() && !std::thread::panicking() {
            let unread = self.notices();
            assert!(unread.is_empty(), "notices that the test did not expect: {unread:#?}");
        }
    }
}

impl TestApp {
    pub fn sqlite() -> Self {
        Self::on(Database::sqlite(), false, false)
    }

    pub fn postgresql() -> Self {
        Self::on(Database::postgresql(), false, false)
    }

    /// As under `itaku serve` and `itaku demo --strict`, but that nobody needs a second factor.
    pub fn sqlite_strict() -> Self {
        Self::on(Database::sqlite(), true, false)
    }

    /// As under `itaku serve` and `itaku demo --strict`, but that nobody needs a second factor.
    pub fn postgresql_strict() -> Self {
        Self::on(Database::postgresql(), true, false)
    }

    /// As under `itaku serve` and `itaku demo --strict`.
    pub fn sqlite_with_factors() -> Self {
        Self::on(Database::sqlite(), true, true)
    }

    /// As under `itaku serve` and `itaku demo --strict`.
    pub fn postgresql_with_factors() -> Self {
        Self::on(Database::postgresql(), true, true)
    }

    /// With settings of its own.
    pub fn sqlite_with(settings: &[(&str, &str)]) -> Self {
        Self::set(Database::sqlite(), (false, false), settings)
    }

    fn on(place: (Database, String), strict: bool, factors: bool) -> Self {
        Self::set(place, (strict, factors), &[])
    }

    fn set(
        (database, url): (Database, String),
        (strict, factors): (bool, bool),
        more: &[(&str, &str)],
    ) -> Self {
        let settings = [
            ("ITAKU__AUTH__SECOND_FACTOR_REQUIRED", if factors { "true" } else { "false" }),
            ("ITAKU__DATABASE__URL", url.as_str()),
            ("ITAKU__AUTH__SECRET", "a secret of the tests, long enough to sign"),
            ("ITAKU__SERVER__PUBLIC_URL", "https://itaku.example.jp"),
            // Thousands of wrong values are one person's here, and more than a fast machine gives back in time.
            ("ITAKU__LIMITS__ACTS_PER_SECOND", "1000"),
        ];
        let config = Config::load(
            None,
            settings.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        )
        .unwrap();
        let clock = Arc::new(TestClock::new(day(FIRST_DAY)));
        let app = App {
            db: Db::open(&url, 4).unwrap(),
            sources: Sources {
                clock: Arc::clone(&clock) as Arc<dyn itaku::clock::Clock>,
                entropy: Arc::new(SystemEntropy),
            },
            config: Arc::new(config),
            signing_key: Arc::new(SigningKey::parse(&"11".repeat(32)).unwrap()),
            demo: None,
            strict,
        };
        let runner = actix_web::rt::System::new();
        let house = House::new(app.clone(), PAGES.clone(), Arc::new(|| true)).unwrap();
        let house = Data::new(house);
        let shared = house.clone();
        let service = runner.block_on(init_service(
            actix_web::App::new()
                .wrap(from_fn(shield))
                .configure(move |config| itaku::web::server::public(config, &shared)),
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
            house,
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
}
