//! The floor of the load check: what actix and diesel do on the same database with nothing in between, no session,
//! no permission, no ledger. `floor SQLITE_FILE` prints its address; it serves until it is killed.
//!
//! `GET /contracts?limit=50`, `GET /contracts/{id}`, `POST /contracts` (one bare row into a table of its own).

use actix_web::{App, HttpResponse, HttpServer, error, web};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error, Pool};
use serde::{Deserialize, Serialize};

diesel::table! {
    contracts (id) {
        id -> Text,
        number -> Text,
        title -> Text,
        fiscal_year -> Integer,
        vendor_id -> Text,
        amount_yen -> BigInt,
        starts_on -> Date,
        last_day -> Date,
    }
}

diesel::table! {
    floor_contracts (id) {
        id -> Text,
        number -> Text,
        title -> Text,
        fiscal_year -> Integer,
        vendor_id -> Text,
        amount_yen -> BigInt,
        signed_on -> Date,
        starts_on -> Date,
        ends_on -> Date,
    }
}

#[derive(Queryable, Selectable, Serialize)]
#[diesel(table_name = contracts)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite))]
struct Contract {
    id: String,
    number: String,
    title: String,
    fiscal_year: i32,
    vendor_id: String,
    amount_yen: i64,
    starts_on: chrono::NaiveDate,
    last_day: chrono::NaiveDate,
}

/// What the create check posts; the fields a contract has beside these are ignored.
#[derive(Deserialize, Insertable)]
#[diesel(table_name = floor_contracts)]
struct NewContract {
    #[serde(skip)]
    id: String,
    number: String,
    title: String,
    fiscal_year: i32,
    vendor_id: String,
    amount_yen: i64,
    signed_on: chrono::NaiveDate,
    starts_on: chrono::NaiveDate,
    ends_on: chrono::NaiveDate,
}

#[derive(Deserialize)]
struct Page {
    limit: i64,
}

type Db = Pool<ConnectionManager<SqliteConnection>>;

#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<SqliteConnection, Error> for Pragmas {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), Error> {
        for pragma in ["busy_timeout = 5000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"]
        {
            conn.batch_execute(&format!("PRAGMA {pragma}")).map_err(Error::QueryError)?;
        }
        Ok(())
    }
}

/// Runs one query on a thread for blocking work.
async fn with<T: Send + 'static>(
    db: web::Data<Db>,
    query: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
) -> actix_web::Result<T> {
    web::block(move || {
        let mut conn = db.get().map_err(|e| e.to_string())?;
        query(&mut conn).map_err(|e| e.to_string())
    })
    .await?
    .map_err(error::ErrorInternalServerError)
}

async fn list(db: web::Data<Readers>, page: web::Query<Page>) -> actix_web::Result<HttpResponse> {
    let rows = with(web::Data::new(db.0.clone()), move |conn| {
        contracts::table.order(contracts::id).limit(page.limit).select(Contract::as_select()).load(conn)
    })
    .await?;
    Ok(HttpResponse::Ok().json(rows))
}

async fn detail(db: web::Data<Readers>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    let row = with(web::Data::new(db.0.clone()), move |conn| {
        contracts::table.find(id.into_inner()).select(Contract::as_select()).first(conn)
    })
    .await?;
    Ok(HttpResponse::Ok().json(row))
}

async fn create(db: web::Data<Writer>, body: web::Json<NewContract>) -> actix_web::Result<HttpResponse> {
    let id = uuid::Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)).to_string();
    let row = NewContract { id: id.clone(), ..body.into_inner() };
    with(web::Data::new(db.0.clone()), move |conn| {
        conn.immediate_transaction(|conn| {
            diesel::insert_into(floor_contracts::table).values(row).execute(conn)
        })
    })
    .await?;
    Ok(HttpResponse::Created().json(serde_json::json!({ "id": id })))
}

#[derive(Clone)]
struct Readers(Db);
#[derive(Clone)]
struct Writer(Db);

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: floor SQLITE_FILE")?;
    let pool = |size| {
        Pool::builder()
            .max_size(size)
            .connection_customizer(Box::new(Pragmas))
            .build(ConnectionManager::new(&file))
    };
    let (readers, writer) = (Readers(pool(16)?), Writer(pool(1)?));
    writer.0.get()?.batch_execute(
        "CREATE TABLE IF NOT EXISTS floor_contracts (id TEXT PRIMARY KEY NOT NULL, number TEXT NOT NULL UNIQUE, title TEXT NOT NULL, \
         fiscal_year INTEGER NOT NULL, vendor_id TEXT NOT NULL, amount_yen BIGINT NOT NULL, signed_on DATE NOT NULL, \
         starts_on DATE NOT NULL, ends_on DATE NOT NULL)",
    )?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(readers.clone()))
            .app_data(web::Data::new(writer.clone()))
            .route("/contracts", web::get().to(list))
            .route("/contracts", web::post().to(create))
            .route("/contracts/{id}", web::get().to(detail))
    })
    .bind(("127.0.0.1", 0))?;
    for address in server.addrs() {
        println!("http://{address}");
    }
    server.run().await?;
    Ok(())
}
