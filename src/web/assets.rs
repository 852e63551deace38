//! Style and script of our own, embedded in the binary. The address holds the content's hash, so that a browser may
//! keep a file for ever and still never shows an old one.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Embedded;

struct Asset {
    name: String,
    /// The first 16 hexadecimal digits of the content's SHA-256.
    hash: String,
    kind: &'static str,
    content: Bytes,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    Embedded::iter()
        .filter_map(|name| {
            let file = Embedded::get(&name)?;
            let mut hash = hex::encode(file.metadata.sha256_hash());
            hash.truncate(16);
            Some(Asset {
                kind: kind(&name),
                name: name.into_owned(),
                hash,
                content: Bytes::from(file.data.into_owned()),
            })
        })
        .collect()
});

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// The address of a file under `static/`.
pub fn address(name: &str) -> String {
    let hash = ASSETS.iter().find(|asset| asset.name == name).map_or("0", |asset| asset.hash.as_str());
    format!("/static/{hash}/{name}")
}

/// Puts the files into the server's table.
pub fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/static/{hash}/{name}").route(web::get().to(serve)).route(web::head().to(serve)),
    );
}

async fn serve(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (hash, name) = path.into_inner();
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash) else {
        return super::pages::not_found(&request);
    };
    let tag = format!("\"{}\"", asset.hash);
    let kept = request.headers().get(IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    // A proxy that compressed the answer may have made the tag weak.
    let unchanged = kept.is_some_and(|kept| kept.trim_start_matches("W/") == tag);
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .content_type(asset.kind)
        .insert_header((ETAG, tag))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    if unchanged { response.finish() } else { response.body(asset.content.clone()) }
}
