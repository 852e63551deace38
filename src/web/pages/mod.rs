//! Pages for people. Templates are part of the program, escape everything, and know no inline style or script.

mod api;
mod first;

use std::sync::LazyLock;

use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::Value;
use tera::{Context, Tera};

pub use first::Login;

use super::assets;
use super::server::House;

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../../templates/parts/layout.html")),
    ("fields.html", include_str!("../../../templates/parts/fields.html")),
    ("first.html", include_str!("../../../templates/pages/first.html")),
    ("api.html", include_str!("../../../templates/pages/api.html")),
    ("not_found.html", include_str!("../../../templates/pages/not_found.html")),
];

static TERA: LazyLock<Result<Tera, String>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.add_raw_templates(TEMPLATES.iter().copied()).map_err(|error| error.to_string())?;
    Ok(tera)
});

/// A template that can't be rendered: a defect of the program, found at the start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PageError(String);

/// The pages, rendered once: what they show does not change while the server runs.
pub struct Pages {
    first: Bytes,
    api: Bytes,
    not_found: Bytes,
    openapi: Bytes,
}

/// What the layout needs, and the page's own context.
#[derive(Serialize)]
struct Framed<'a, T> {
    style: &'a str,
    icon: &'a str,
    title: &'a str,
    demo: bool,
    #[serde(flatten)]
    page: T,
}

fn render(name: &str, title: &str, demo: bool, page: impl Serialize) -> Result<Bytes, PageError> {
    let tera = TERA.as_ref().map_err(|error| PageError(error.clone()))?;
    let framed = Framed {
        style: &assets::address("itaku.css"),
        icon: &assets::address("icon.svg"),
        title,
        demo,
        page,
    };
    let context = Context::from_serialize(&framed).map_err(|error| PageError(error.to_string()))?;
    tera.render(name, &context).map(Bytes::from).map_err(|error| PageError(format!("{name}: {error}")))
}

impl Pages {
    /// `document`: the API's description. `logins`: those of the demonstration; None outside it.
    pub fn new(document: &Value, logins: Option<&[Login]>) -> Result<Self, PageError> {
        let demo = logins.is_some();
        Ok(Self {
            first: render("first.html", "はじめに", demo, first::context(logins))?,
            api: render("api.html", "API の説明", demo, api::describe(document))?,
            not_found: render("not_found.html", "ページが見つかりません", demo, ())?,
            openapi: Bytes::from(document.to_string()),
        })
    }
}

/// Puts the pages into the server's table.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/").route(web::get().to(first)).route(web::head().to(first)))
        .service(web::resource("/api").route(web::get().to(api_page)).route(web::head().to(api_page)))
        .service(
            web::resource("/api/v1/openapi.json")
                .route(web::get().to(openapi))
                .default_service(web::to(only_get)),
        );
}

fn html(page: &Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.clone())
}

async fn first(house: Data<House>) -> HttpResponse {
    html(&house.pages.first)
}

async fn api_page(house: Data<House>) -> HttpResponse {
    html(&house.pages.api)
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
    HttpResponse::NotFound().content_type("text/html; charset=utf-8").body(page)
}
