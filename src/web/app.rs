//! The server's table: from the declared routes to actix. A request is read, guarded, handed to one blocking use
//! case, and its answer written; nothing here knows what a route does.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MATCH,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, Resource, Scope};
use serde_json::Value;

use super::api;
use super::body::{Body, Sender, Unread, refuse_encoded};
use super::error::{plain_problem, problem, unread};
use super::json;
use super::route::{Handler, Reply, Request, Route};
use super::server::House;
use super::trace::{self, Trace};
use crate::domain::access::Actor;
use crate::domain::input::{FieldError, MOST_ERRORS, nearest, pointer};
use crate::service::guard::{self, Asks};
use crate::service::guessing::Origin;
use crate::service::idempotency::Key;
use crate::service::session::{self, Door};
use crate::service::{App, Call, Failure, fresh};

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
}

fn resource(path: &str, routes: Vec<Route>) -> Resource {
    let allowed = routes.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", ");
    let mut resource = web::resource(path).default_service(web::to(move || {
        let allowed = allowed.clone();
        async move {
            let mut response = method_not_allowed().await;
            if let Ok(allowed) = HeaderValue::from_str(&allowed) {
                response.headers_mut().insert(ALLOW, allowed);
            }
            response
        }
    }));
    for route in routes {
        let route = Arc::new(route);
        let method = route.method.clone();
        resource = resource.route(web::method(method).to(
            move |house: Data<House>, request: HttpRequest, payload: web::Payload| {
                let route = Arc::clone(&route);
                request.extensions_mut().insert(Answered(Arc::clone(&route)));
                async move {
                    match answer(house, route, &request, payload.into_inner()).await {
                        Ok(reply) => write(reply),
                        Err(refusal) => refusal.told(),
                    }
                }
            },
        ));
    }
    resource
}

/// All that is open to someone whose password somebody else set.
const WITHOUT_OWN_PASSWORD: &[&str] = &["/me", "/me/password", "/auth/logout"];

#[expect(clippy::unused_async, reason = "a handler is one")]
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

/// Why a request was not run.
enum Refusal {
    Failure(Failure),
    Unread(Unread),
    MediaType,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Unread> for Refusal {
    fn from(why: Unread) -> Self {
        Self::Unread(why)
    }
}

impl Refusal {
    fn told(self) -> HttpResponse {
        match self {
            Self::Failure(failure) => problem(failure),
            Self::Unread(why) => unread(why),
            Self::MediaType => plain_problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media_type",
                "この形式は受け取れません",
                "Content-Type: application/json で送ってください。",
            ),
        }
    }
}

/// From a request to its answer: who asks is settled by its head alone. Only then is the body read, and only then is
/// what was asked looked at: a wrong body says nothing to a stranger, and a large one costs nothing.
async fn answer(
    house: Data<House>,
    route: Arc<Route>,
    http: &HttpRequest,
    mut payload: Payload,
) -> Result<Reply, Refusal> {
    refuse_encoded(http.headers())?;
    let origin = match route.permission() {
        None => house.limiter.origin(http),
        Some(_) => Origin::default(),
    };
    let trace = trace::begin(http, [API, route.path].concat());
    let bearer = bearer(http.headers());
    if route.method == Method::GET {
        let asked = asked(http, &route).map(|asked| Request { origin, ..asked });
        // A search reads every row, however short its page.
        let searches = asked.as_ref().is_ok_and(|asked| asked.query("q").is_some());
        let inline = route.brief && !searches && house.app.reads_at_once();
        let known = Arc::clone(&trace);
        let look = move || {
            let actor = admit(&house, &route, bearer.as_deref(), &known)?;
            perform(&house.app, &route, actor, None, &asked?).map_err(Refusal::from)
        };
        let reply = if inline { look() } else { away(look).await }?;
        trace.settled().await?;
        return Ok(reply);
    }
    let actor = match route.permission() {
        None => None,
        Some(_) if house.app.reads_at_once() => admit(&house, &route, bearer.as_deref(), &trace)?,
        Some(_) => {
            let (house, route) = (house.clone(), Arc::clone(&route));
            away(move || Ok(admit(&house, &route, bearer.as_deref(), &trace)?)).await?
        }
    };
    let bounds = &house.intake.bounds;
    let (sender, limit) = match &actor {
        Some(actor) => (Sender::Known(actor.user_id), bounds.body),
        None => (Sender::stranger(house.limiter.caller(http)), bounds.stranger),
    };
    let body = house.intake.take(http, &mut payload, sender, limit).await?;
    let idempotency = idempotency_key(&house.app.config.auth.secret, http, &body)?;
    let asked = Request { origin, ..asked(http, &route)? };
    let is_json = is_json(http.headers());
    away(move || {
        let asked = Request { body: content(&route, &body, is_json)?, ..asked };
        Ok(perform(&house.app, &route, actor, idempotency, &asked)?)
    })
    .await
}

/// Runs on a thread that may wait.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let span = tracing::Span::current();
    let done = web::block(move || span.in_scope(work)).await;
    done.unwrap_or_else(|error| Err(Failure::Internal(error.to_string()).into()))
}

/// The guard: who asks, if they may; None: anyone may.
fn admit(
    house: &House,
    route: &Route,
    bearer: Option<&str>,
    trace: &Trace,
) -> Result<Option<Actor>, Failure> {
    let Some(permission) = route.permission() else { return Ok(None) };
    let actor = session::authenticate(&house.app, Door::Api, bearer.ok_or(Failure::Unauthorized)?)?;
    trace.knows(&actor);
    house.limiter.take(actor.user_id, &route.method)?;
    let own_password = !WITHOUT_OWN_PASSWORD.contains(&route.path);
    guard::require(&house.app, &actor, Asks { own_password, factor: !route.without_factor })?;
    if !actor.may(permission) {
        tracing::warn!(event = "permission_refused", user = %actor.user_id, permission = %permission, "refused");
        return Err(Failure::Forbidden("この操作の権限がありません。".to_owned()));
    }
    if route.fresh {
        fresh::require(&house.app, &actor)?;
    }
    Ok(Some(actor))
}

/// The use case, for whom the guard has let in.
fn perform(
    app: &App,
    route: &Route,
    actor: Option<Actor>,
    idempotency: Option<Key>,
    asked: &Request,
) -> Result<Reply, Failure> {
    match (&route.handler, actor) {
        (Handler::Open(work), _) => work(app, asked),
        (Handler::Guarded(_, work), Some(actor)) => work(app, &Call { actor, idempotency }, asked),
        (Handler::Guarded(..), None) => Err(Failure::Unauthorized),
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// What the head of a request asks. A name that the route does not declare is refused: who narrows a list by a name
/// that is none must not take the whole for the part.
fn asked(http: &HttpRequest, route: &Route) -> Result<Request, Failure> {
    let path = http.match_info().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let mut query = HashMap::new();
    let mut wrong = Vec::new();
    for (name, value) in url::form_urlencoded::parse(http.query_string().as_bytes()) {
        if !route.query.iter().any(|known| known.name == name) {
            wrong.push(unknown_name(&name, route));
        } else if value.contains('\0') {
            let message = "使えない文字（制御文字）があります。";
            wrong.push(FieldError::new(format!("/{name}"), "control_character", message));
        } else {
            query.insert(name.into_owned(), value.into_owned());
        }
        if wrong.len() >= MOST_ERRORS {
            break;
        }
    }
    Failure::unless_empty(wrong)?;
    let if_match = http.headers().get(IF_MATCH).and_then(|v| v.to_str().ok()).map(str::to_owned);
    Ok(Request { path, query, body: Value::Null, if_match, origin: Origin::default() })
}

fn unknown_name(name: &str, route: &Route) -> FieldError {
    let near = nearest(name, route.query.iter().map(|known| known.name));
    let hint = near.map(|near| format!("{near} ではありませんか。")).unwrap_or_default();
    FieldError::new(pointer("/query", name), "unknown_query", format!("この検索条件はありません。{hint}"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The body as JSON; null where the route takes none.
fn content(route: &Route, body: &Body, is_json: bool) -> Result<Value, Refusal> {
    if route.takes.is_none() {
        return Ok(Value::Null);
    }
    if body.bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    if !is_json {
        return Err(Refusal::MediaType);
    }
    Ok(json::read(&body.bytes)?)
}

fn idempotency_key(secret: &str, http: &HttpRequest, body: &Body) -> Result<Option<Key>, Failure> {
    if http.method() != Method::POST {
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
    Ok(Some(Key::new(secret, format!("{} {}", http.method(), http.path()), key.to_owned(), &body.bytes)))
}

fn write(reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::build(reply.status);
    response.content_type("application/json").insert_header((CACHE_CONTROL, "no-store"));
    if let Some(version) = reply.etag {
        response.insert_header((ETAG, format!("\"{version}\"")));
    }
    response.body(reply.body)
}
