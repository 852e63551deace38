//! Pages for people.

mod access;
mod account;
mod again;
mod alert;
mod api;
mod application;
mod audit;
mod backup;
mod chain;
mod consent;
mod consent_draft;
mod contract;
mod declaration;
mod demo;
mod done;
mod door;
mod factor;
mod first;
pub mod form;
mod frame;
mod home;
mod ledger;
mod narrow;
mod notice;
mod observation;
mod organization;
mod own;
mod place;
pub mod route;
mod second;
mod sent;
mod setting;
mod task;
mod user;
pub mod visit;
mod words;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};

pub use door::PROOF;
pub use first::Login;
pub use frame::PageError;

use super::server::House;
use frame::{Frame, render};
use route::{PageRoute, page};

/// The pages that look the same to everyone, rendered once; a template that can't be rendered is found at the start.
#[derive(Clone)]
pub struct Pages {
    first: Bytes,
    /// Of the demonstration only.
    tour: Option<Bytes>,
    steps: Option<demo::tour::Tour>,
    api: Bytes,
    not_found: Bytes,
    /// Shown where a page itself can't be.
    broken: Bytes,
    openapi: Bytes,
}

fn fixed(
    template: &'static str,
    title: &str,
    demo: bool,
    context: impl Serialize,
) -> Result<Bytes, PageError> {
    let context = serde_json::to_value(context).map_err(|error| PageError::from(error.to_string()))?;
    render(&Frame::plain(demo), &page(template, title, context)).map(Bytes::from)
}

impl Pages {
    /// `document`: the API's description. `logins`: those of the demonstration; None outside it.
    pub fn new(document: &Value, logins: Option<&[Login]>) -> Result<Self, PageError> {
        let demo = logins.is_some();
        let steps = logins.map(demo::tour::Tour::new);
        let failure = |title: &str, detail: &str| {
            fixed("error.html", title, demo, json!({ "detail": detail, "known": false }))
        };
        Ok(Self {
            first: fixed("first.html", "はじめに", demo, first::context(logins))?,
            tour: steps
                .as_ref()
                .map(|steps| fixed("demo/tour.html", "6つの見どころ", demo, steps))
                .transpose()?,
            steps,
            api: fixed("api.html", "API の説明", demo, api::describe(document))?,
            not_found: failure("ページが見つかりません", "アドレスが正しいか確認してください。")?,
            broken: failure("処理中に問題が発生しました", "しばらく待ってから、もう一度お試しください。")?,
            openapi: Bytes::from(document.to_string()),
        })
    }
}

/// Every page that a person comes to, but those that are the same for all; `demo` adds those that exist only under
/// `itaku demo`.
pub fn all(demo: bool) -> Vec<PageRoute> {
    let mut routes = [
        access::routes(),
        account::routes(),
        again::routes(),
        alert::routes(),
        application::routes(),
        audit::routes(),
        backup::routes(),
        chain::routes(),
        consent::routes(),
        consent_draft::routes(),
        contract::routes(),
        declaration::routes(),
        factor::routes(),
        home::routes(),
        ledger::routes(),
        notice::routes(),
        observation::routes(),
        organization::routes(),
        second::routes(),
        setting::routes(),
        task::routes(),
        user::routes(),
    ]
    .concat();
    if demo {
        routes.extend(demo::routes());
    }
    routes
}

/// Puts the pages that look the same to everyone into the server's table.
pub fn fixed_routes(config: &mut ServiceConfig, demo: bool) {
    config
        .service(web::resource("/").route(web::get().to(first)).route(web::head().to(first)))
        .service(web::resource("/api").route(web::get().to(api_page)).route(web::head().to(api_page)))
        .service(
            web::resource("/api/v1/openapi.json")
                .route(web::get().to(openapi))
                .route(web::head().to(openapi))
                .default_service(web::to(only_get)),
        );
    if demo {
        config.service(web::resource("/demo/tour").route(web::get().to(tour)).route(web::head().to(tour)));
    }
}

/// Puts the others into the server's table.
pub fn routes(config: &mut ServiceConfig, demo: bool) {
    door::routes(config, all(demo));
}

fn html(status: StatusCode, page: &Bytes) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.clone())
}

async fn first(house: Data<House>) -> HttpResponse {
    html(StatusCode::OK, &house.pages.first)
}

async fn tour(house: Data<House>, request: HttpRequest) -> HttpResponse {
    house.pages.tour.as_ref().map_or_else(|| not_found(&request), |page| html(StatusCode::OK, page))
}

async fn api_page(house: Data<House>) -> HttpResponse {
    html(StatusCode::OK, &house.pages.api)
}

async fn openapi(house: Data<House>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(house.pages.openapi.clone())
}

async fn only_get() -> HttpResponse {
    super::app::method_not_allowed().await
}

/// The page for an address that leads nowhere.
pub fn not_found(request: &HttpRequest) -> HttpResponse {
    let page =
        request.app_data::<Data<House>>().map(|house| house.pages.not_found.clone()).unwrap_or_default();
    html(StatusCode::NOT_FOUND, &page)
}

/// As [`not_found`]: the method fits nothing here, which is the address of a form that was reloaded or typed in.
async fn not_found_here(request: HttpRequest) -> HttpResponse {
    not_found(&request)
}
