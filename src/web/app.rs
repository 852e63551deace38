//! The server's table: from the declared routes to actix. A request is read, guarded, handed to one blocking use
//! case, and its answer written; nothing here knows what a route does.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::ErrorPayloadTooLarge;
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH,
};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, Resource, Scope};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::api;
use super::error::{plain_problem, problem};
use super::limit::Limiter;
use super::route::{Handler, Reply, Request, Route};
use crate::domain::input::FieldError;
use crate::service::idempotency::Key;
use crate::service::session::{self, Door};
use crate::service::{App, Call, Failure, factor, fresh};

/// The largest body of a request; imports have a limit of their own.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// The route that answered: `shield` names it in log and metrics.
pub struct Answered(pub Arc<Route>);

/// Where the API stands.
pub const API: &str = "/api/v1";

/// Routes as actix finds them fastest, and in the right order. It tries one resource after the other: those of one first
/// segment stand in a scope of their own, which is passed over at once, and those of one path in one resource.
pub(super) fn families<R>(
    routes: Vec<R>,
    path: impl Fn(&R) -> &'static str,
    resource: impl Fn(&str, Vec<R>) -> Resource,
) -> Vec<Scope> {
    let mut families: BTreeMap<&'static str, BTreeMap<&'static str, Vec<R>>> = BTreeMap::new();
    for route in routes {
        let (family, rest) = split(path(&route));
        families.entry(family).or_default().entry(rest).or_default().push(route);
    }
    let scope = |(family, paths): (&'static str, BTreeMap<&'static str, Vec<R>>)| {
        let mut paths: Vec<_> = paths.into_iter().collect();
        // A fixed word before an identifier in the same place.
        paths.sort_by_key(|(path, _)| path.matches('{').count());
        let within = web::scope(family);
        paths.into_iter().fold(within, |within, (path, routes)| within.service(resource(path, routes)))
    };
    families.into_iter().map(scope).collect()
}

/// The first segment of a path, and the rest.
fn split(path: &'static str) -> (&'static str, &'static str) {
    let end = path.get(1..).and_then(|rest| rest.find('/')).map_or(path.len(), |at| at + 1);
    path.split_at_checked(end).unwrap_or((path, ""))
}

/// Puts the API's routes into the server's table.
pub fn api(config: &mut ServiceConfig, app: &App) {
    let routes = api::routes(app.demo.is_some());
    let families = families(routes, |route| route.path, resource).into_iter();
    let scope = families
        .fold(web::scope(API), |scope, family| scope.service(family.default_service(web::to(not_found))));
    config.service(scope.default_service(web::to(not_found)));
    config.app_data(web::PayloadConfig::new(BODY_LIMIT));
}

fn resource(path: &str, routes: Vec<Route>) -> Resource {
    let mut resource = web::resource(path).default_service(web::to(method_not_allowed));
    for route in routes {
        let route = Arc::new(route);
        let method = route.method.clone();
        resource = resource.route(web::method(method).to(
            move |app: Data<App>, request: HttpRequest, body: Body| {
                let route = Arc::clone(&route);
                request.extensions_mut().insert(Answered(Arc::clone(&route)));
                async move {
                    match body {
                        Body::Whole(body) => answer(app.into_inner(), route, &request, body).await,
                        Body::Unreadable(error) => unread(&error),
                        Body::Late => late(),
                    }
                }
            },
        ));
    }
    resource
}

/// How long a body may take to arrive: a megabyte over the slowest line in use.
const BODY_WITHIN: Duration = Duration::from_mins(1);

/// A body, taken in.
pub(super) enum Body {
    Whole(Bytes),
    /// Too large, or broken off.
    Unreadable(actix_web::Error),
    Late,
}

impl FromRequest for Body {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if matches!(payload, Payload::None) {
            return Box::pin(std::future::ready(Ok(Self::Whole(Bytes::new()))));
        }
        let length =
            request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if let Some(ReadToTheEnd(limit)) = request.app_data::<ReadToTheEnd>()
            && length.is_some_and(|length| length > *limit)
        {
            let mut rest = payload.take();
            let most = limit.saturating_mul(5);
            return Box::pin(async move {
                let past = tokio::time::timeout(BODY_WITHIN, pass_by(&mut rest, most)).await;
                past.map_or(Ok(Self::Late), |()| Ok(Self::Unreadable(ErrorPayloadTooLarge("too large"))))
            });
        }
        let whole = Bytes::from_request(request, payload);
        Box::pin(async move { Ok(within(BODY_WITHIN, whole).await) })
    }
}

/// Of a body larger than this the rest is read before the answer: a browser that is still sending would not hear it.
#[derive(Clone, Copy)]
pub(super) struct ReadToTheEnd(pub usize);

/// Reads and forgets, up to `most` bytes.
async fn pass_by(payload: &mut Payload, most: usize) {
    let mut read = 0_usize;
    while let Some(Ok(chunk)) = payload.next().await {
        read = read.saturating_add(chunk.len());
        if read > most {
            return;
        }
    }
}

/// Whether a body could not be taken in for its size.
pub(super) fn is_too_large(error: &actix_web::Error) -> bool {
    error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE
}

async fn within(time: Duration, whole: impl Future<Output = Result<Bytes, actix_web::Error>>) -> Body {
    match tokio::time::timeout(time, whole).await {
        Ok(Ok(bytes)) => Body::Whole(bytes),
        Ok(Err(error)) => Body::Unreadable(error),
        Err(_) => Body::Late,
    }
}

/// Whether the route needs no session, or makes and ends sessions: what strangers can call.
fn is_for_strangers(route: &Route) -> bool {
    matches!(route.handler, Handler::Open(_)) || route.path.starts_with("/auth/")
}

pub(super) async fn method_not_allowed() -> HttpResponse {
    plain_problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "この方法では利用できません",
        "この場所では、その HTTP メソッドは使えません。",
    )
}

async fn not_found() -> HttpResponse {
    problem(Failure::NotFound)
}

/// A body that could not be taken in: too large, or broken off.
fn unread(error: &actix_web::Error) -> HttpResponse {
    if is_too_large(error) {
        let detail = format!("{BODY_LIMIT}バイトまで受け取れます。");
        return plain_problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "要求が大きすぎます", &detail);
    }
    problem(Failure::Malformed("要求の本文を読み取れません。".to_owned()))
}

/// The rest is not waited for, so the connection is of no more use.
fn late() -> HttpResponse {
    let detail = format!("要求の本文を{}秒以内に送ってください。", BODY_WITHIN.as_secs());
    let mut response =
        plain_problem(StatusCode::REQUEST_TIMEOUT, "too_slow", "要求が届き終わりません", &detail);
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}

async fn answer(app: Arc<App>, route: Arc<Route>, http: &HttpRequest, body: Bytes) -> HttpResponse {
    if let Some(limiter) = http.app_data::<Data<Limiter>>().filter(|_| is_for_strangers(&route))
        && let Err(failure) = limiter.take(http)
    {
        return problem(failure);
    }
    let bearer = bearer(http.headers());
    let idempotency = match idempotency_key(&app.config.auth.secret, http, &body) {
        Ok(key) => key,
        Err(failure) => return problem(failure),
    };
    let request = read(http, &route, &body);
    // A search reads every row, however short its page.
    let searches = request.as_ref().is_ok_and(|request| request.query("q").is_some());
    let done = if route.brief && !searches && app.is_embedded() {
        Ok(run(&app, &route, request, bearer.as_deref(), idempotency))
    } else {
        let span = tracing::Span::current();
        web::block(move || span.in_scope(|| run(&app, &route, request, bearer.as_deref(), idempotency))).await
    };
    match done {
        Ok(Ok(reply)) => write(reply),
        Ok(Err(Refusal::Failure(failure))) => problem(failure),
        Ok(Err(Refusal::MediaType)) => plain_problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            "この形式は受け取れません",
            "Content-Type: application/json で送ってください。",
        ),
        Err(error) => problem(Failure::Internal(error.to_string())),
    }
}

/// Why a request was not run.
enum Refusal {
    Failure(Failure),
    MediaType,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The guard: who asks is settled before what is asked is looked at, and a wrong body says nothing to a stranger.
fn run(
    app: &App,
    route: &Route,
    request: Result<Request, Refusal>,
    bearer: Option<&str>,
    idempotency: Option<Key>,
) -> Result<Reply, Refusal> {
    match &route.handler {
        Handler::Open(work) => Ok(work(app, &request?)?),
        Handler::Guarded(permission, work) => {
            let actor = session::authenticate(app, Door::Api, bearer.ok_or(Failure::Unauthorized)?)?;
            if !route.without_factor {
                factor::require(app, &actor)?;
            }
            if !actor.may(*permission) {
                tracing::warn!(event = "permission_refused", user = %actor.user_id, permission = %permission, "refused");
                return Err(Failure::Forbidden("この操作の権限がありません。".to_owned()).into());
            }
            if route.fresh {
                fresh::require(app, &actor)?;
            }
            let call = Call { actor, idempotency };
            Ok(work(app, &call, &request?)?)
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn read(http: &HttpRequest, route: &Route, body: &Bytes) -> Result<Request, Refusal> {
    let path = http.match_info().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let query = web::Query::<HashMap<String, String>>::from_query(http.query_string())
        .map_err(|_| Failure::Malformed("URL の ? 以降を読み取れません。".to_owned()))?
        .into_inner();
    let zero = query.iter().filter(|(_, value)| value.contains('\0'));
    let zero = zero.map(|(name, _)| {
        FieldError::new(format!("/{name}"), "control_character", "使えない文字（制御文字）があります。")
    });
    Failure::unless_empty(zero.collect())?;
    let if_match = http.headers().get(IF_MATCH).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = if route.takes.is_none() { Value::Null } else { json(http, body)? };
    Ok(Request { path, query, body, if_match })
}

fn json(http: &HttpRequest, body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let kind = http.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::MediaType);
    }
    serde_json::from_slice(body).map_err(|e| {
        Failure::Malformed(format!("JSON として読み取れません（{}行{}文字目）。", e.line(), e.column()))
            .into()
    })
}

fn idempotency_key(secret: &str, http: &HttpRequest, body: &Bytes) -> Result<Option<Key>, Failure> {
    if http.method() != actix_web::http::Method::POST {
        return Ok(None);
    }
    let Some(value) = http.headers().get("Idempotency-Key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|k| (1..=255).contains(&k.len())).ok_or_else(|| {
        Failure::field(
            "/Idempotency-Key",
            "format",
            "Idempotency-Key は255文字以内の英数字で指定してください。",
        )
    })?;
    Ok(Some(Key::new(secret, format!("{} {}", http.method(), http.path()), key.to_owned(), body)))
}

fn write(reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::build(reply.status);
    response.content_type("application/json").insert_header((CACHE_CONTROL, "no-store"));
    if let Some(version) = reply.etag {
        response.insert_header((ETAG, format!("\"{version}\"")));
    }
    response.body(reply.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let short = Duration::from_millis(5);
        assert!(matches!(within(short, std::future::pending()).await, Body::Late));
        assert!(matches!(within(short, async { Ok(Bytes::new()) }).await, Body::Whole(_)));
        let answer = late();
        assert_eq!((answer.status().as_u16(), answer.head().connection_type()), (408, ConnectionType::Close));
    }
}
