//! `itaku demo`: a complete server with invented data, ready at once and gone without a trace.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use clap::Args;
use serde_json::json;

use super::{CliError, house, log, print_json, say};
use crate::clock::{Clock, DemoClock, Sources, SystemClock, SystemEntropy};
use crate::config::{Config, check_address, check_database_url};
use crate::db::Db;
use crate::domain::access::Role;
use crate::notice::transport::Transport;
use crate::schedule::Scheduler;
use crate::schedule::deliver::deliver;
use crate::schedule::sweep::sweep;
use crate::service::demo::{DeliveredView, Demonstration, SweptView, story};
use crate::service::{App, ledger, user};
use crate::web::openapi;
use crate::web::pages::{Login, Pages};
use crate::web::server::{House, serve};

#[derive(Debug, Args)]
pub struct Demo {
    /// Address to listen on; port 0 picks one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
    /// First day of its own clock, YYYY-MM-DD; today unless given.
    #[arg(long, value_name = "DATE", value_parser = super::day)]
    today: Option<NaiveDate>,
    #[arg(long, help = "No data, one system_admin")]
    empty: bool,
    /// An empty database to use and leave behind: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[arg(
        long,
        value_name = "URL",
        help = "Where mail goes: smtp://… or file:DIR; a folder of .eml files unless given"
    )]
    mail: Option<String>,
    #[arg(
        long,
        help = "With what guards accounts on: invitations only, second administrator, second factor, fresh login"
    )]
    strict: bool,
    #[arg(long, help = "When ready, print one line of JSON on stdout: url, database, mail_dir, logins")]
    json: bool,
}

impl Demo {
    pub fn run(&self) -> Result<(), CliError> {
        let _lines = log::start_server(if self.json { log::SERVER } else { log::COMMAND });
        check_address("--listen", &self.listen)?;
        if let Some(url) = &self.database {
            check_database_url("--database", url)?;
        }
        let public = house::listen("--listen", &self.listen)?;
        let address = public.local_addr()?;
        // A name that was given stays one: passkeys need it, and a browser keeps them by it.
        let url = match self.listen.rsplit_once(':') {
            Some(("localhost", _)) => format!("http://localhost:{}", address.port()),
            _ => format!("http://{address}"),
        };
        // Holds only what is made here; removed at the end, whatever the end.
        let folder = tempfile::Builder::new().prefix("itaku-demo-").tempdir()?;
        let config = self.config(&url, folder.path())?;
        let mail_dir = config.mail.url.strip_prefix("file:").map(PathBuf::from);
        if let Some(dir) = &mail_dir {
            crate::notice::folder::make(dir)?;
        }
        let transport = house::transport(&config).map_err(|error| CliError::Usage(error.to_string()))?;
        let db = match &self.database {
            Some(_) => open_empty(&config)?,
            None => Db::open_fleeting(&config.database.url, config.database.connections)?,
        };
        db.migrate()?;
        let today = self.today.unwrap_or_else(|| SystemClock(config.timezone).today());
        let begins = if self.empty { today } else { story::first_day(today) };
        let mut app = demonstration(config, db.clone(), begins, transport.clone())?;
        ledger::publish_key(&app)?;
        let logins = people(&app, (!self.empty).then_some(today))?;
        // What is told of the year before was done without.
        app.strict = self.strict;
        let scheduler = Scheduler::start(&app, transport)?;
        let ticking = super::serve::ticking(&app, Some(&scheduler));
        let pages = Pages::new(&openapi::document(true), Some(&logins)).map_err(CliError::failed)?;
        let database = app.config.database.url.clone();
        let house = House::new(app, pages, ticking).map_err(CliError::failed)?;
        let mut told = Ok(());
        let served = serve(house, public, None, || {
            told = self.tell(&url, &database, mail_dir.as_deref(), &logins);
        });
        scheduler.stop();
        db.checkpoint()?;
        drop(db);
        folder.close()?;
        told?;
        served.map_err(CliError::failed)
    }

    fn config(&self, url: &str, folder: &std::path::Path) -> Result<Config, CliError> {
        // The environment is that of some server of the machine; a demonstration takes nothing from it.
        let mut config = Config::load(None, [])?;
        let sources = Sources::system(config.timezone);
        url.clone_into(&mut config.server.public_url);
        config.auth.secret = sources.token();
        config.ledger.signing_key = sources.token();
        config.database.url = match &self.database {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", folder.join("itaku.db").display()),
        };
        config.mail.url = match &self.mail {
            Some(url) => url.clone(),
            None => format!("file:{}", folder.join("mail").display()),
        };
        Ok(config)
    }

    fn tell(
        &self,
        url: &str,
        database: &str,
        mail_dir: Option<&std::path::Path>,
        logins: &[Login],
    ) -> Result<(), CliError> {
        if self.json {
            return print_json(
                &json!({"url": url, "database": database, "mail_dir": mail_dir, "logins": logins}),
            );
        }
        say("itaku demonstration: every agency, company and person in it is invented.");
        say("これはデモです。出てくる機関・会社・人はすべて架空です。終了は Ctrl+C。\n");
        say(&format!("  {url}\n"));
        for login in logins {
            say(&format!("  {:<14} {}  {}  {}", login.role, login.email, login.password, login.title));
        }
        if let Some(dir) = mail_dir {
            say(&format!("\n  mail: {}", dir.display()));
        }
        Ok(())
    }
}

/// Opens the database if there is nothing in it. One that holds something is not even touched.
fn open_empty(config: &Config) -> Result<Db, CliError> {
    let url = &config.database.url;
    let exists = house::file_of(url).is_none_or(std::path::Path::exists);
    if exists && !Db::open_read_only(url)?.is_empty().map_err(|error| house::unopened(url, error))? {
        return Err(CliError::Failed(
            "--database: it is not empty; the demonstration takes an empty one only".to_owned(),
        ));
    }
    house::open(url, config.database.connections)
}

fn demonstration(config: Config, db: Db, today: NaiveDate, transport: Transport) -> Result<App, CliError> {
    let clock = Arc::new(DemoClock::new(config.timezone, today));
    let turn = move |app: &App, day: NaiveDate| {
        let swept = sweep(app, day, false)?;
        let delivered = deliver(app, &transport)?;
        let sweep = SweptView {
            checked: swept.checked,
            failed: swept.failed,
            opened: swept.opened,
            resolved: swept.resolved,
            reminders: swept.reminders,
            digests: swept.digests,
        };
        let delivered =
            DeliveredView { sent: delivered.sent, retried: delivered.retried, failed: delivered.failed };
        Ok((sweep, delivered))
    };
    Ok(App {
        signing_key: Arc::new(house::key(&config)?),
        db,
        sources: Sources { clock: clock.clone(), entropy: Arc::new(SystemEntropy) },
        config: Arc::new(config),
        demo: Some(Arc::new(Demonstration::new(clock, Box::new(turn)))),
        strict: false,
    })
}

/// The administrator, and with a day to tell the story up to, one more login per role.
fn people(app: &App, story: Option<NaiveDate>) -> Result<Vec<Login>, CliError> {
    // Digits hold no one's name, which a password may not.
    let password: String =
        app.sources.token().bytes().take(20).map(|byte| char::from(b'0' + byte % 10)).collect();
    let login = |role: Role, email: &str, title: String| Login {
        role: role.to_string(),
        email: email.to_owned(),
        password: password.clone(),
        title,
    };
    let email = "system-admin@demo.example";
    let made = user::create_first(app, email, "架空 システム管理", &[Role::SystemAdmin], &password)?;
    let mut logins = Vec::new();
    if let Some(today) = story {
        let told = story::tell(app, &story::administrator(app, &made)?, &password, today)?;
        logins.extend(told.iter().map(|person| login(person.role, &person.email, person.title())));
    }
    logins.push(login(Role::SystemAdmin, email, Role::SystemAdmin.title().to_owned()));
    Ok(logins)
}
