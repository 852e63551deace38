//! `itaku serve`.

use std::sync::Arc;

use clap::Args;

use super::{CliError, Settings, house, log};
use crate::clock::Sources;
use crate::config::check_address;
use crate::schedule::Scheduler;
use crate::service::{App, ledger};
use crate::web::openapi;
use crate::web::pages::Pages;
use crate::web::server::{House, Ticking, serve};

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
    #[arg(
        long,
        value_name = "HOST:PORT",
        help = "Address to listen on instead of the setting server.listen"
    )]
    listen: Option<String>,
}

impl Serve {
    pub fn run(&self) -> Result<(), CliError> {
        let _lines = log::start_server(log::SERVER);
        let mut config = self.settings.load()?;
        if let Some(listen) = &self.listen {
            config.server.listen.clone_from(listen);
        }
        if self.listen.is_some() {
            check_address("--listen", &config.server.listen)?;
        }
        config.check_server()?;
        for doubt in config.doubts() {
            tracing::warn!(event = "insecure_setting", "{doubt}");
        }
        if config.lacks_proxy() {
            tracing::warn!(
                event = "proxy_not_declared",
                "server.public_url is https and server.listen this machine's own, but server.trusted_proxies is empty: all who come through a proxy count as one address"
            );
        }
        let signing_key = Arc::new(house::key(&config)?);
        let transport = house::transport(&config)?;
        let public = house::listen("server.listen", &config.server.listen)?;
        let admin = match config.server.admin_listen.as_str() {
            "" => None,
            address => Some(house::listen("server.admin_listen", address)?),
        };
        let db = house::open(&config.database.url, config.database.connections)?;
        let migrated = db.migrate()?;
        for name in &migrated.applied {
            tracing::info!(migration = name, "applied");
        }
        let sources = Sources::system(config.timezone);
        let app =
            App { db: db.clone(), sources, config: Arc::new(config), signing_key, demo: None, strict: true };
        ledger::publish_key(&app)?;
        let scheduler = if app.config.scheduler.enabled {
            Some(Scheduler::start(&app, transport).map_err(CliError::failed)?)
        } else {
            None
        };
        let ticking = ticking(&app, scheduler.as_ref());
        let pages = Pages::new(&openapi::document(false), None).map_err(CliError::failed)?;
        let house = House::new(app, pages, ticking).map_err(CliError::failed)?;
        let address = public.local_addr()?;
        let served = serve(house, public, admin, || tracing::info!(%address, "listening"));
        if let Some(scheduler) = scheduler {
            scheduler.stop();
        }
        db.checkpoint()?;
        served.map_err(CliError::failed)
    }
}

/// What `/readyz` asks; a server without a scheduler has none to wait for.
pub fn ticking(app: &App, scheduler: Option<&Scheduler>) -> Ticking {
    let clock = Arc::clone(&app.sources.clock);
    match scheduler.map(Scheduler::ticks) {
        Some(ticks) => Arc::new(move || ticks.is_ticking(clock.machine_now())),
        None => Arc::new(|| true),
    }
}
