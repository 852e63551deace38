//! Around every request: its id, its line in the log, its place in the metrics, and the headers every answer has.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, web::Data};
use tracing::{Instrument as _, info_span};

use super::app::{API, Answered};
use super::connection::Held;
use super::server::House;
use super::trace;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const PAGE_POLICY: &str =
    "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The outermost layer.
pub async fn shield(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let house = request.app_data::<Data<House>>().cloned();
    let id = house.as_ref().map(|house| house.app.sources.new_id::<()>().to_string()).unwrap_or_default();
    let method = label(request.method());
    let span = info_span!("request", id = %id);
    if let Some(house) = &house {
        house.limiter.watch(request.request());
    }
    let started = Instant::now();
    let working = request.conn_data::<Held>().map(Held::work);
    let mut response = next.call(request).instrument(span).await?;
    drop(working);
    let took = started.elapsed();
    let status = response.status().as_u16();
    let route = pattern(response.request());
    let trace = trace::of(response.request());
    let (user, subject) = trace.as_ref().map(|trace| (trace.user(), trace.named())).unwrap_or_default();
    // Outside the span: the library reads a span's fields back from their text for each line.
    tracing::info!(
        id,
        method,
        route,
        status,
        milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        user = told(&user),
        subject = told(&subject),
        "answered"
    );
    if let Some(trace) = trace {
        trace.end(response.status());
    }
    if let Some(house) = &house {
        house.metrics.count(method, &route, status, took);
    }
    let secure = house.is_some_and(|house| house.secure);
    put_on(response.headers_mut(), &id, secure);
    Ok(response)
}

/// A field of the log's line, left out where there is nothing to tell.
fn told(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The pattern, not the path: a path may hold a secret.
fn pattern(request: &HttpRequest) -> String {
    if let Some(Answered(route)) = request.extensions().get() {
        return [API, route.path].concat();
    }
    request.match_pattern().unwrap_or_else(|| "unmatched".to_owned())
}

/// A method as log and metrics name it: a stranger may invent any number of them.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

fn put_on(headers: &mut HeaderMap, id: &str, secure: bool) {
    let html = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = if html { PAGE_POLICY } else { API_POLICY };
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if secure {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_headers() {
        let kinds =
            [("text/html; charset=utf-8", PAGE_POLICY), ("application/json", API_POLICY), ("", API_POLICY)];
        for (kind, policy) in kinds {
            let mut headers = HeaderMap::new();
            if !kind.is_empty() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            put_on(&mut headers, "id", true);
            let said = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
            assert_eq!(said(&CONTENT_SECURITY_POLICY), Some(policy));
            assert!(
                ["object-src", "default-src 'none'"].iter().any(|word| policy.contains(word)),
                "no plug-in"
            );
            assert_eq!(said(&STRICT_TRANSPORT_SECURITY), Some("max-age=31536000; includeSubDomains"));
            assert_eq!(said(&X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
            assert_eq!(said(&REFERRER_POLICY), Some("same-origin"));
            assert_eq!((said(&CACHE_CONTROL), said(&REQUEST_ID)), (Some("no-store"), Some("id")));
        }
    }

    #[test]
    fn invented_methods_share_one_name() {
        assert_eq!(label(&Method::PATCH), "PATCH");
        for invented in ["BREW", "get", "PROPFIND"] {
            assert_eq!(label(&Method::from_bytes(invented.as_bytes()).unwrap()), "OTHER");
        }
    }
}
