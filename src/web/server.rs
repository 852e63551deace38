//! The server: the API, the pages and the probes on the public address, the metrics on their own; started,
//! drained and stopped as a whole.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App as Actix, HttpRequest, HttpResponse, HttpServer};
use serde_json::json;

use super::error::plain_problem;
use super::limit::Limiter;
use super::metrics::Metrics;
use super::pages::{self, Pages};
use super::shield::shield;
use super::{app, assets};
use crate::service::{App, status};

/// A client that sends its head slower than this is cut off.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long requests may still take after SIGTERM, in seconds.
const DRAIN: u64 = 15;
/// What a probe waits for the database.
const PROBE: Duration = Duration::from_secs(2);

/// What every handler finds beside the use cases.
pub struct House {
    pub app: App,
    pub metrics: Metrics,
    pub limiter: Data<Limiter>,
    pub pages: Pages,
    /// Browsers reach it by https.
    pub secure: bool,
    ticking: Ticking,
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
}

impl House {
    pub fn new(app: App, pages: Pages, ticking: Ticking) -> Result<Self, ServeError> {
        Ok(Self {
            metrics: Metrics::new()?,
            limiter: Data::new(Limiter::new(&app)),
            secure: app.config.server.public_url.starts_with("https:"),
            pages,
            app,
            ticking,
        })
    }
}

/// Puts everything on the public address into the server's table.
pub fn public(config: &mut ServiceConfig, house: &Data<House>) {
    config
        .app_data(house.clone())
        .app_data(house.limiter.clone())
        .app_data(Data::new(house.app.clone()))
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
    let asked = tokio::time::timeout(PROBE, web::block(move || status::database_is_ready(&app))).await;
    let (reachable, current) = match asked {
        Ok(Ok(Ok(current))) => (true, current),
        _ => (false, false),
    };
    let ticking = (house.ticking)();
    let status =
        if reachable && current && ticking { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status)
        .json(json!({"database": reachable, "migrations": current, "scheduler": ticking}))
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
        let server = HttpServer::new(move || {
            let house = shared.clone();
            Actix::new()
                .wrap(Compress::default())
                .wrap(from_fn(shield))
                .configure(move |config| public(config, &house))
        })
        .workers(workers)
        .client_request_timeout(HEAD_WITHIN)
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
        actix_web::rt::spawn(stop_on_signal(handles)?);
        ready();
        Ok(server.await?)
    })
}

async fn tidy(house: Data<House>) {
    loop {
        tokio::time::sleep(Duration::from_mins(1)).await;
        house.limiter.forget();
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
