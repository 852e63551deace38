//! The server: the API, the pages and the probes on the public address, the metrics on their own; started,
//! drained and stopped as a whole.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App as Actix, HttpRequest, HttpResponse, HttpServer};
use serde_json::json;

use super::body::{Bounds, Intake};
use super::connection::{Connections, Most, open_files};
use super::error::plain_problem;
use super::limit::Limiter;
use super::metrics::Metrics;
use super::pages::{self, Pages};
use super::shield::shield;
use super::{app, assets};
use crate::service::access::Looks;
use crate::service::status::{self, Standing};
use crate::service::{App, Failure};

/// A client that sends its head slower than this is cut off.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client that was refused may go on sending what nobody reads, so that it hears why.
const LINGER: Duration = Duration::from_secs(1);
/// How long requests may still take after SIGTERM, in seconds.
const DRAIN: u64 = 15;
/// How long a look may wait to be written.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// What a probe waits for the database.
const PROBE: Duration = Duration::from_secs(2);
/// How long the answer of a probe's write is good.
const AGAIN: Duration = Duration::from_secs(3);
/// So long at most is written onto a ledger that went back.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// What every handler finds beside the use cases.
pub struct House {
    pub app: App,
    pub metrics: Metrics,
    pub limiter: Limiter,
    pub intake: Intake,
    connections: Arc<Connections>,
    pub pages: Pages,
    /// Who read what, until it is written.
    pub looks: Looks,
    /// Browsers reach it by https.
    pub secure: bool,
    ticking: Ticking,
    /// Whether the database took a write, and when that was tried last.
    written: Mutex<Option<(Instant, bool)>>,
}

/// Whether the scheduler still ticks.
pub type Ticking = Arc<dyn Fn() -> bool + Send + Sync>;

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the server: {0}")]
    Io(#[from] std::io::Error),
    #[error("the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("the pages: {0}")]
    Pages(#[from] pages::PageError),
    #[error(
        "このプロセスが開けるファイルの数が少なすぎます（設定された接続数には{needed}必要です）。ulimit -n か、systemd の LimitNOFILE を大きくしてください。"
    )]
    TooFewFiles { needed: usize },
}

impl House {
    pub fn new(app: App, pages: Pages, ticking: Ticking) -> Result<Self, ServeError> {
        Ok(Self {
            metrics: Metrics::new()?,
            limiter: Limiter::new(&app),
            intake: Intake::new(Bounds::default()),
            connections: Connections::new(most_connections(&app)?, app.config.server.trusted_proxies.clone()),
            secure: app.config.server.public_url.starts_with("https:"),
            pages,
            looks: Looks::default(),
            app,
            ticking,
            written: Mutex::new(None),
        })
    }
}

/// As many connections as the settings say, or as the process may have files open for.
fn most_connections(app: &App) -> Result<Most, ServeError> {
    let server = &app.config.server;
    let asked = Most { all: server.connections, each: server.connections_of_one };
    let database = usize::try_from(app.config.database.connections).unwrap_or(usize::MAX);
    let needed = asked.files(database);
    let files = open_files();
    let most = asked.within(files, database).ok_or(ServeError::TooFewFiles { needed })?;
    if most != asked {
        tracing::warn!(
            open_files = files,
            needed,
            connections = most.all,
            "fewer connections than are set: raise LimitNOFILE or ulimit -n"
        );
    }
    Ok(most)
}

/// Puts everything on the public address into the server's table.
pub fn public(config: &mut ServiceConfig, house: &Data<House>) {
    config
        .app_data(house.clone())
        .service(web::resource("/healthz").route(web::get().to(healthy)).route(web::head().to(healthy)))
        .service(web::resource("/readyz").route(web::get().to(ready)).route(web::head().to(ready)));
    pages::fixed_routes(config, house.app.demo.is_some());
    assets::routes(config);
    // Before the pages, which are many: what comes first is found first.
    app::api(config, &house.app);
    pages::routes(config, house.app.demo.is_some());
    config.default_service(web::to(nowhere));
}

async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

async fn ready(house: Data<House>) -> HttpResponse {
    let app = house.app.clone();
    let look = move || {
        let current = status::database_is_ready(&app)?;
        let ledger = if current { status::ledger_standing(&app)? } else { Standing::Ok };
        Ok::<_, Failure>((current, ledger))
    };
    let asked = tokio::time::timeout(PROBE, web::block(look)).await;
    let (reachable, current, ledger) = match asked {
        Ok(Ok(Ok((current, ledger)))) => (true, current, ledger),
        _ => (false, false, Standing::Ok),
    };
    let writable = current && writable(&house).await;
    let ticking = (house.ticking)();
    let good = current && writable && ticking && ledger == Standing::Ok;
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(json!({
        "database": reachable, "migrations": current, "writable": writable, "scheduler": ticking, "ledger": ledger,
    }))
}

/// Whether the database takes writes: asked once in a few seconds, however many probes come.
async fn writable(house: &Data<House>) -> bool {
    let known =
        house.written.lock().unwrap_or_else(PoisonError::into_inner).filter(|(at, _)| at.elapsed() < AGAIN);
    if let Some((_, writable)) = known {
        return writable;
    }
    let app = house.app.clone();
    let asked = tokio::time::timeout(PROBE, web::block(move || status::database_takes_writes(&app))).await;
    let writable = matches!(asked, Ok(Ok(true)));
    *house.written.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), writable));
    writable
}

async fn nowhere(request: HttpRequest) -> HttpResponse {
    if request.path().starts_with("/api/") {
        return plain_problem(StatusCode::NOT_FOUND, "not_found", "見つかりません", "見つかりません。");
    }
    pages::not_found(&request)
}

async fn metrics(house: Data<House>) -> HttpResponse {
    let app = house.app.clone();
    let Ok(Ok(backlog)) = web::block(move || status::backlog(&app)).await else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    match house.metrics.text(&backlog) {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// Serves until SIGTERM or SIGINT, then drains. `ready` runs once the sockets are being listened on.
pub fn serve(
    house: House,
    public_socket: TcpListener,
    admin_socket: Option<TcpListener>,
    ready: impl FnOnce(),
) -> Result<(), ServeError> {
    actix_web::rt::System::new().block_on(async move {
        let house = Data::new(house);
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let shared = house.clone();
        let connections = Arc::clone(&house.connections);
        let server = HttpServer::new(move || {
            let house = shared.clone();
            Actix::new()
                .wrap(Compress::default())
                .wrap(from_fn(shield))
                .configure(move |config| public(config, &house))
        })
        .workers(workers)
        .on_connect(move |stream, data| {
            if let Some(held) = connections.enter(stream) {
                data.insert(held);
            }
        })
        .client_request_timeout(HEAD_WITHIN)
        .client_disconnect_timeout(LINGER)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(DRAIN)
        .disable_signals()
        .listen(public_socket)?
        .run();
        let mut handles = vec![server.handle()];
        if let Some(socket) = admin_socket {
            let shared = house.clone();
            let admin = HttpServer::new(move || {
                Actix::new()
                    .app_data(shared.clone())
                    .wrap(from_fn(shield))
                    .route("/metrics", web::get().to(metrics))
            })
            .workers(1)
            .disable_signals()
            .listen(socket)?
            .run();
            handles.push(admin.handle());
            actix_web::rt::spawn(admin);
        }
        actix_web::rt::spawn(tidy(house.clone()));
        actix_web::rt::spawn(watch(house.clone()));
        actix_web::rt::spawn(write_looks(house.clone()));
        actix_web::rt::spawn(stop_on_signal(handles)?);
        ready();
        let ended = server.await;
        record_looks(house).await;
        Ok(ended?)
    })
}

async fn write_looks(house: Data<House>) {
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        record_looks(house.clone()).await;
    }
}

/// Writes what was read to the agencies' 閲覧記録; what can't be written now is written later.
async fn record_looks(house: Data<House>) {
    let written = web::block(move || house.looks.flush(&house.app)).await;
    if let Ok(Err(failure)) = written {
        tracing::error!(event = "access_log_waits", %failure, "looks at contracts can't be recorded; they are kept");
    }
}

async fn tidy(house: Data<House>) {
    loop {
        tokio::time::sleep(Duration::from_mins(1)).await;
        house.limiter.forget();
    }
}

/// Looks again and again whether the ledger is still the one written to, also where nobody asks for readiness. What it
/// finds stops the writing and stands in the log; a database that is out of reach is looked at when it is back.
async fn watch(house: Data<House>) {
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let app = house.app.clone();
        web::block(move || status::ledger_standing(&app)).await.ok();
    }
}

/// actix would cut requests off at SIGINT; both drain here.
fn stop_on_signal(handles: Vec<ServerHandle>) -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        // The public server last: its end is the program's.
        for handle in handles.into_iter().rev() {
            handle.stop(true).await;
        }
    })
}
