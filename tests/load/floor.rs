//! The floor of the load check: what actix and diesel do on the same database with nothing in between, no session,
//! no permission, no ledger. It reads the rows and columns that itaku's own list and contract page read.
//!
//! `floor SQLITE_FILE` prints its address; it serves until it is killed.
//!
//! `GET /contracts?limit=50`, `GET /contracts/{id}`, `POST /contracts` (one bare row into a table of its own),
//! `GET /page?limit=50` (the list as HTML by a template of tera with nothing around it).

use actix_web::{App, HttpResponse, HttpServer, error, web};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error, Pool};
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

diesel::table! {
    contracts (id) {
        id -> Text,
        agency_id -> Text,
        number -> Text,
        vendor_id -> Text,
        officer_id -> Nullable<Text>,
        title -> Text,
        fiscal_year -> Integer,
        amount_yen -> BigInt,
        starts_on -> Date,
        last_day -> Date,
        department -> Nullable<Text>,
        open_alerts -> Integer,
        version -> BigInt,
        origin -> Text,
        period_assumed -> Bool,
        joint_vendors -> Text,
        joint_agencies -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    contract_terms (id) {
        id -> Text,
        contract_id -> Text,
        effective_on -> Date,
        body -> Text,
        seq -> BigInt,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    organizations (id) {
        id -> Text,
        name -> Text,
        corporate_number -> Nullable<Text>,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        name -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(contracts, contract_terms, organizations, users);

diesel::alias! {
    const AGENCIES: Alias<AgencyAlias> = organizations as agencies;
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

/// A row of a list, as itaku reads it.
#[derive(Queryable, Selectable, Serialize)]
#[diesel(table_name = contracts)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite))]
struct Head {
    id: String,
    agency_id: String,
    number: String,
    vendor_id: String,
    officer_id: Option<String>,
    title: String,
    fiscal_year: i32,
    amount_yen: i64,
    starts_on: chrono::NaiveDate,
    last_day: chrono::NaiveDate,
    department: Option<String>,
    open_alerts: i32,
    version: i64,
}

/// The names beside it: agency, prime, the prime's 法人番号, officer.
type Line = (Head, String, String, Option<String>, Option<String>);

/// What only the page of one contract has.
#[derive(Queryable, Selectable, Serialize)]
#[diesel(table_name = contracts)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite))]
struct Birth {
    origin: String,
    period_assumed: bool,
    joint_vendors: String,
    joint_agencies: String,
    created_at: chrono::NaiveDateTime,
}

#[derive(Queryable, Selectable, Serialize)]
#[diesel(table_name = contract_terms)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite))]
struct Terms {
    effective_on: chrono::NaiveDate,
    body: String,
    seq: i64,
    recorded_at: chrono::NaiveDateTime,
}

/// A line with them.
type Whole = (Head, String, String, Option<String>, Option<String>, Birth, Terms);

/// The joins of [`Line`].
macro_rules! lines {
    () => {
        contracts::table
            .inner_join(organizations::table.on(organizations::id.eq(contracts::vendor_id)))
            .inner_join(AGENCIES.on(AGENCIES.field(organizations::id).eq(contracts::agency_id)))
            .left_join(users::table.on(users::id.nullable().eq(contracts::officer_id)))
    };
}

/// The columns of [`Line`].
macro_rules! line {
    ($($more:expr),*) => {
        (
            Head::as_select(),
            AGENCIES.field(organizations::name),
            organizations::name,
            organizations::corporate_number,
            users::name.nullable(),
            $($more),*
        )
    };
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
    let rows: Vec<Line> = with(web::Data::new(db.0.clone()), move |conn| {
        lines!().order(contracts::id.desc()).limit(page.limit).select(line!()).load(conn)
    })
    .await?;
    Ok(HttpResponse::Ok().json(rows))
}

/// A list as HTML, with the columns of itaku's own.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="ja"><head><meta charset="utf-8"><title>契約</title></head><body><h1>契約</h1>
<table><thead><tr><th>番号</th><th>件名</th><th>受託者</th><th>契約金額</th><th>担当者・部署</th><th>期間</th><th>アラート</th></tr></thead><tbody>
{% for row in rows %}<tr><td>{{ row[0].number }}</td><th><a href="/contracts/{{ row[0].id }}">{{ row[0].title }}</a></th><td>{{ row[2] }}</td><td>{{ row[0].amount_yen }}円</td><td>{% if row[4] %}{{ row[4] }}{% endif %}{% if row[0].department %}<span>{{ row[0].department }}</span>{% endif %}</td><td>{{ row[0].starts_on }}<br>〜{{ row[0].last_day }}</td><td>{{ row[0].open_alerts }}件</td></tr>
{% endfor %}</tbody></table></body></html>"#;

async fn page(
    db: web::Data<Readers>,
    tera: web::Data<tera::Tera>,
    page: web::Query<Page>,
) -> actix_web::Result<HttpResponse> {
    let rows: Vec<Line> = with(web::Data::new(db.0.clone()), move |conn| {
        lines!().order(contracts::id.desc()).limit(page.limit).select(line!()).load(conn)
    })
    .await?;
    let mut context = tera::Context::new();
    context.insert("rows", &rows);
    let html = tera.render("page.html", &context).map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html))
}

async fn detail(db: web::Data<Readers>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    let rows: Vec<Whole> = with(web::Data::new(db.0.clone()), move |conn| {
        lines!()
            .inner_join(contract_terms::table.on(contract_terms::contract_id.eq(contracts::id)))
            .filter(contracts::id.eq(id.into_inner()))
            .select(line!(Birth::as_select(), Terms::as_select()))
            .load(conn)
    })
    .await?;
    Ok(HttpResponse::Ok().json(rows))
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
            .test_on_check_out(false)
            .connection_customizer(Box::new(Pragmas))
            .build(ConnectionManager::new(&file))
    };
    let (readers, writer) = (Readers(pool(16)?), Writer(pool(1)?));
    writer.0.get()?.batch_execute(
        "CREATE TABLE IF NOT EXISTS floor_contracts (id TEXT PRIMARY KEY NOT NULL, number TEXT NOT NULL UNIQUE, title TEXT NOT NULL, \
         fiscal_year INTEGER NOT NULL, vendor_id TEXT NOT NULL, amount_yen BIGINT NOT NULL, signed_on DATE NOT NULL, \
         starts_on DATE NOT NULL, ends_on DATE NOT NULL)",
    )?;
    let mut templates = tera::Tera::new();
    templates.add_raw_template("page.html", PAGE)?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(templates.clone()))
            .route("/page", web::get().to(page))
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
