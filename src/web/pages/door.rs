//! From a browser to a page: cookie, proof of the form, guard, and every failure as a page of its own.

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_DISPOSITION, HOST, HeaderMap, LOCATION, ORIGIN, RETRY_AFTER};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Resource};
use serde_json::json;

use super::super::app::families;
use super::super::body::{Sender, Unread, refuse_encoded};
use super::super::server::House;
use super::super::trace::{self, Trace};
use super::factor::FACTORS;
use super::frame::{Frame, render};
use super::route::{HOME, Handler, Outcome, Page, PageRoute, page};
use super::sent;
use super::visit::Visit;
use super::{account, again};
use crate::domain::access::Actor;
use crate::service::guard::{self, Asks};
use crate::service::guessing::Origin;
use crate::service::idempotency::Key;
use crate::service::session::{self, Door};
use crate::service::{Call, Failure, fresh};

/// The field in which a form proves whose it is.
pub const PROOF: &str = "_proof";

/// Puts the routes into the server's table.
pub fn routes(config: &mut ServiceConfig, routes: Vec<PageRoute>) {
    for family in families(routes, |route| route.path, resource) {
        config.service(family.default_service(web::to(super::not_found_here)));
    }
}

fn resource(path: &str, routes: Vec<PageRoute>) -> Resource {
    let mut resource = web::resource(path).default_service(web::to(super::not_found_here));
    for route in routes {
        let route = Arc::new(route);
        let methods = if route.changes { vec![web::post()] } else { vec![web::get(), web::head()] };
        for method in methods {
            let route = Arc::clone(&route);
            resource = resource.route(method.to(
                move |house: Data<House>, request: HttpRequest, payload: web::Payload| {
                    answer(house, Arc::clone(&route), request, payload.into_inner())
                },
            ));
        }
    }
    resource
}

/// From a visit to its page: who comes, and from where, is settled by the head alone. Only then is a form read.
async fn answer(
    house: Data<House>,
    route: Arc<PageRoute>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let stranger = Frame::of_nobody(&house);
    if let Err(why) = refuse_encoded(request.headers()) {
        return unread(&house, &stranger, why);
    }
    let cookie = request.cookie(cookie_name(house.secure)).map(|cookie| cookie.value().to_owned());
    let visit = Visit { origin: origin(&house, &route, &request), ..sent::head(&request, &route) };
    let trace = trace::begin(&request, route.path.to_owned());
    if !route.changes {
        let (worker, known) = (house.clone(), Arc::clone(&trace));
        return shown(&house, visit, &trace, move |visit| {
            let actor = match admit(&worker, &route, cookie.as_deref(), &known) {
                Ok(actor) => actor,
                Err(failure) => return (Frame::of_nobody(&worker), Err(failure)),
            };
            run(&worker, &route, actor, None, visit)
        })
        .await;
    }
    if !is_ours(request.headers()) {
        return refuse(&house, &stranger, &elsewhere(), None);
    }
    let admitted = if house.app.reads_at_once() {
        admit(&house, &route, cookie.as_deref(), &trace)
    } else {
        let (worker, route, known) = (house.clone(), Arc::clone(&route), Arc::clone(&trace));
        let asked = web::block(move || admit(&worker, &route, cookie.as_deref(), &known)).await;
        asked.unwrap_or_else(|error| Err(Failure::Internal(error.to_string())))
    };
    // Whoever may not is told so, and nothing is read of what they send.
    if let Ok(Some(actor)) = &admitted
        && route.permission().is_some_and(|permission| !actor.may(permission))
    {
        let (worker, actor) = (house.clone(), actor.clone());
        return shown(&house, visit, &trace, move |visit| run(&worker, &route, Some(actor), None, visit))
            .await;
    }
    match admitted {
        Ok(actor) => act(house, route, request, payload, (actor, trace), visit).await,
        Err(Failure::Unauthorized) if route.can_return && !route.takes_file => {
            kept(&house, &request, payload, visit).await
        }
        Err(failure) => refuse(&house, &stranger, &failure, Some(&visit)),
    }
}

/// A form of someone whose session is over: what was typed waits in the login. It is a stranger's, and no larger.
async fn kept(house: &House, request: &HttpRequest, mut payload: Payload, visit: Visit) -> HttpResponse {
    let stranger = Frame::of_nobody(house);
    if let Some(retry_after) = house.limiter.origin(request).wait {
        return refuse(house, &stranger, &Failure::TooMany { retry_after }, None);
    }
    let sender = Sender::stranger(house.limiter.caller(request));
    let read = house.intake.take(request, &mut payload, sender, house.intake.bounds.stranger_form).await;
    let form = read.ok().and_then(|body| sent::form(request, &body.bytes).ok()).unwrap_or_default();
    refuse(house, &stranger, &Failure::Unauthorized, Some(&Visit { form, ..visit }))
}

/// A form of whom the guard has let in.
async fn act(
    house: Data<House>,
    route: Arc<PageRoute>,
    request: HttpRequest,
    mut payload: Payload,
    (actor, trace): (Option<Actor>, Arc<Trace>),
    mut visit: Visit,
) -> HttpResponse {
    let stranger = Frame::of_nobody(&house);
    let intake = &house.intake;
    let (sender, limit) = match &actor {
        Some(actor) => (Sender::Known(actor.user_id), intake.bounds.body),
        None => (Sender::stranger(house.limiter.caller(&request)), intake.bounds.stranger_form),
    };
    let (mut body, mut place) = (Bytes::new(), None);
    let mut room = None;
    if let Some(actor) = actor.as_ref().filter(|_| route.takes_file && sent::is_multipart(&request)) {
        let proven = |proof: &str| session::is_form_token(&house.app, actor.session_id, proof);
        match sent::with_file(intake, &request, payload, proven).await {
            Ok((form, file)) => (visit.form, visit.file) = (form, file),
            Err(Unread::TooLarge(_)) => visit.too_large = true,
            Err(why) => return unread(&house, &stranger, why),
        }
        if visit.file.is_some() {
            match intake.place_for_a_file().await {
                Ok(free) => place = Some(free),
                Err(why) => return unread(&house, &stranger, why),
            }
        }
    } else {
        let taken = match intake.take(&request, &mut payload, sender, limit).await {
            Ok(taken) => taken,
            Err(why) => return unread(&house, &stranger, why),
        };
        body = taken.bytes.clone();
        match sent::form(&request, &body) {
            Ok(form) => visit.form = form,
            Err(why) => return unread(&house, &stranger, why),
        }
        room = Some(taken);
    }
    let once = once(&house, &request, &visit, &body);
    let worker = house.clone();
    shown(&house, visit, &trace, move |visit| {
        let _room = (place, room);
        run(&worker, &route, actor, once, visit)
    })
    .await
}

/// Runs what makes the page, and shows it.
async fn shown(
    house: &House,
    visit: Visit,
    trace: &Arc<Trace>,
    work: impl FnOnce(&Visit) -> (Frame, Result<Outcome, Failure>) + Send + 'static,
) -> HttpResponse {
    let visit = Arc::new(visit);
    let (span, visited) = (tracing::Span::current(), Arc::clone(&visit));
    match web::block(move || span.in_scope(|| work(&visited))).await {
        Ok((frame, Ok(outcome))) => match trace.settled().await {
            Ok(()) => show(house, &frame, outcome),
            Err(failure) => refuse(house, &frame, &failure, Some(&visit)),
        },
        Ok((frame, Err(failure))) => refuse(house, &frame, &failure, Some(&visit)),
        Err(error) => refuse(house, &Frame::of_nobody(house), &Failure::Internal(error.to_string()), None),
    }
}

/// Whence a visit comes that needs no session, with what the browser was given by us.
fn origin(house: &House, route: &PageRoute, request: &HttpRequest) -> Origin {
    if !matches!(route.handler, Handler::Open(_)) {
        return Origin::default();
    }
    let given = |name| request.cookie(name).map(|cookie| cookie.value().to_owned());
    Origin {
        device: given(device_name(house.secure)),
        session: given(cookie_name(house.secure)),
        ..house.limiter.origin(request)
    }
}

/// A form that is sent twice (the second click, a reload) acts once.
fn once(house: &House, request: &HttpRequest, visit: &Visit, body: &Bytes) -> Option<Key> {
    let key = visit.form.mark("_once").filter(|key| key.len() <= 255)?;
    let route = format!("{} {}", request.method(), request.path());
    Some(Key::new(&house.app.config.auth.secret, route, key.to_owned(), body))
}

/// The guard: who comes, by the cookie. None: anyone may. Whether they may is told on a page that knows them (`run`).
fn admit(
    house: &House,
    route: &PageRoute,
    cookie: Option<&str>,
    trace: &Trace,
) -> Result<Option<Actor>, Failure> {
    if route.permission().is_none() {
        return Ok(None);
    }
    let actor = session::authenticate(&house.app, Door::Browser, cookie.ok_or(Failure::Unauthorized)?)?;
    trace.knows(&actor);
    house.limiter.take(actor.user_id, if route.changes { &Method::POST } else { &Method::GET })?;
    let own_password = !account::WITHOUT_OWN_PASSWORD.contains(&route.path);
    guard::require(&house.app, &actor, Asks { own_password, factor: !route.without_factor })?;
    Ok(Some(actor))
}

/// Makes the page. What stands around it is told even where the page is refused.
fn run(
    house: &House,
    route: &PageRoute,
    actor: Option<Actor>,
    once: Option<Key>,
    visit: &Visit,
) -> (Frame, Result<Outcome, Failure>) {
    let app = &house.app;
    let nobody = Frame::of_nobody(house);
    let (permission, work) = match &route.handler {
        Handler::Open(work) => return (nobody, work(app, visit)),
        Handler::Guarded(permission, work) => (*permission, work),
    };
    let Some(actor) = actor else { return (nobody, Err(Failure::Unauthorized)) };
    let frame = match Frame::of(house, &actor, visit) {
        Ok(frame) => frame,
        Err(failure) => return (nobody, Err(failure)),
    };
    if !actor.may(permission) {
        tracing::warn!(event = "permission_refused", user = %actor.user_id, permission = %permission, "refused");
        return (frame, Err(Failure::Forbidden("この画面を使う権限がありません。必要なときは、所属する機関・会社の管理者に相談してください。".to_owned())));
    }
    let proof = visit.form.mark(PROOF).unwrap_or_default();
    // Of what was too large to be read the form is only shown again: there is no proof, and none is needed.
    let acts = route.changes && !(visit.too_large && route.can_return);
    if acts && !session::is_form_token(app, actor.session_id, proof) {
        tracing::warn!(event = "form_refused", user = %actor.user_id, "a form without its proof");
        return (frame, Err(elsewhere()));
    }
    let call = Call { actor, idempotency: once };
    let mut frame = frame;
    let answer = if route.fresh && fresh::require(app, &call.actor).is_err() {
        again::asked(app, &call, visit).map(Outcome::Shown)
    } else {
        work(app, &call, visit)
    };
    match frame.speak(app, &call.actor, &answer) {
        Ok(()) => (frame, answer),
        Err(failure) => (frame, Err(failure)),
    }
}

fn elsewhere() -> Failure {
    let words = "この画面からの送信であることを確かめられませんでした。前の画面を開き直して、もう一度お試しください。";
    Failure::Forbidden(words.to_owned())
}

/// Whether the browser says that the form stood on a page of ours.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("Sec-Fetch-Site") {
        return site == "same-origin";
    }
    let origin = text(ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, origin)| text(HOST.as_str()) == Some(origin))
}

/// `__Host-` binds the cookie to this host and to https; on http, which only the own machine speaks, it can't be.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-itaku" } else { "itaku" }
}

/// By this cookie an account knows a browser that has signed in before.
fn device_name(secure: bool) -> &'static str {
    if secure { "__Host-itaku-device" } else { "itaku-device" }
}

fn cookie(house: &House, value: String) -> Cookie<'static> {
    let build = Cookie::build(cookie_name(house.secure), value).path("/").http_only(true);
    build.same_site(SameSite::Lax).secure(house.secure).finish()
}

/// As long as browsers keep any.
fn device_cookie(house: &House, value: String) -> Cookie<'static> {
    let build = Cookie::build(device_name(house.secure), value).path("/").http_only(true);
    let build = build.same_site(SameSite::Lax).secure(house.secure);
    build.max_age(actix_web::cookie::time::Duration::days(400)).finish()
}

fn see(to: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, to));
    response
}

fn show(house: &House, frame: &Frame, outcome: Outcome) -> HttpResponse {
    match outcome {
        Outcome::Shown(page) => html(house, frame, &page, &[]),
        Outcome::Moved(to) => see(&to).finish(),
        Outcome::File { name, kind, content } => {
            let name = url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>();
            let kept_as = format!("attachment; filename*=UTF-8''{name}");
            HttpResponse::Ok().content_type(kind).insert_header((CONTENT_DISPOSITION, kept_as)).body(content)
        }
        Outcome::Entered(entry, to) => {
            see(&to).cookie(cookie(house, entry.session)).cookie(device_cookie(house, entry.device)).finish()
        }
        Outcome::Known(device, page) => {
            let mut response = html(house, frame, &page, &[]);
            // Without it the browser stays a stranger, and nothing worse.
            drop(response.add_cookie(&device_cookie(house, device)));
            response
        }
        Outcome::Resumed(entry, page) => {
            let visit = Visit::default();
            let frame = session::authenticate(&house.app, Door::Browser, &entry.session)
                .and_then(|actor| Frame::of(house, &actor, &visit));
            match frame {
                Ok(frame) => {
                    let mut response = html(house, &frame, &page, &[]);
                    // A cookie that can't be written is one that nobody gets: the login is asked for again.
                    drop(response.add_cookie(&cookie(house, entry.session)));
                    drop(response.add_cookie(&device_cookie(house, entry.device)));
                    response
                }
                Err(failure) => refuse(house, &Frame::of_nobody(house), &failure, None),
            }
        }
        Outcome::Left(to) => {
            let mut over = cookie(house, String::new());
            over.make_removal();
            see(&to).cookie(over).finish()
        }
    }
}

fn html(house: &House, frame: &Frame, page: &Page, headers: &[(&str, String)]) -> HttpResponse {
    let mut response = HttpResponse::build(page.status);
    if let Some(seconds) = page.wait {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    for (name, value) in headers {
        response.insert_header((*name, value.as_str()));
    }
    match render(frame, page) {
        Ok(text) => response.content_type("text/html; charset=utf-8").body(text),
        Err(error) => {
            tracing::error!(why = %error, "internal failure");
            HttpResponse::InternalServerError()
                .content_type("text/html; charset=utf-8")
                .body(house.pages.broken.clone())
        }
    }
}

/// A failure as a page that says what to do. Who is not known is asked to log in and comes back: to the page, or to
/// what had been typed into its form.
fn refuse(house: &House, frame: &Frame, failure: &Failure, visit: Option<&Visit>) -> HttpResponse {
    let (status, title) = match failure {
        Failure::Unauthorized => {
            if let Some(page) = visit.and_then(account::interrupted) {
                return html(house, frame, &page, &[]);
            }
            // A button pressed is not pressed again after a login.
            let address = visit.filter(|visit| !visit.is_sent).map_or(HOME, |visit| &visit.address);
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("next", address).finish();
            return see(&format!("/login?{query}")).finish();
        }
        Failure::PasswordChangeRequired => return see(account::PASSWORD).finish(),
        Failure::FactorRequired => return see(FACTORS).finish(),
        Failure::Forbidden(_) => (StatusCode::FORBIDDEN, "この操作はできません"),
        Failure::NotFound => (StatusCode::NOT_FOUND, "ページが見つかりません"),
        Failure::Malformed(_) | Failure::Invalid(_) => {
            (StatusCode::BAD_REQUEST, "送信された内容を読み取れません")
        }
        Failure::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "しばらくお待ちください"),
        Failure::Unavailable(why) => {
            tracing::error!(%why, "database unavailable");
            (StatusCode::SERVICE_UNAVAILABLE, "ただいま利用できません")
        }
        Failure::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "混み合っています"),
        Failure::Internal(why) => {
            tracing::error!(%why, "internal failure");
            (StatusCode::INTERNAL_SERVER_ERROR, "処理中に問題が発生しました")
        }
        _ => (StatusCode::CONFLICT, "この操作はできません"),
    };
    let wait = match failure {
        Failure::TooMany { retry_after } => Some(retry_after.to_string()),
        Failure::Unavailable(_) | Failure::Crowded => Some("5".to_owned()),
        _ => None,
    };
    let headers: Vec<(&str, String)> =
        wait.into_iter().map(|seconds| (RETRY_AFTER.as_str(), seconds)).collect();
    let detail = match failure {
        // A link or a button whose values no form of ours has: the first one says what is wrong.
        Failure::Invalid(errors) => errors.first().map_or_else(String::new, |error| error.message.clone()),
        other => other.to_string(),
    };
    let context = json!({ "detail": detail, "known": frame.is_known(), "home": HOME });
    html(house, frame, &Page { status, ..page("error.html", title, context) }, &headers)
}

/// What was sent and not taken in, as a page. What is left of it is not read, so the connection is of no more use.
fn unread(house: &House, frame: &Frame, why: Unread) -> HttpResponse {
    let failure = match why {
        Unread::Crowded => Failure::Crowded,
        _ => Failure::Malformed(
            "送信された内容が大きすぎるか、途中で切れたか、読み取れない形式です。もう一度お試しください。"
                .to_owned(),
        ),
    };
    let mut response = refuse(house, frame, &failure, None);
    match why {
        Unread::Encoded => *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Unread::TooLarge(_) => *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE,
        Unread::Late(_) => *response.status_mut() = StatusCode::REQUEST_TIMEOUT,
        Unread::Broken | Unread::Crowded => {}
    }
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}

/// An address to go to after the login: one of ours, else none.
pub fn own_address(text: &str) -> Option<&str> {
    let inside = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
    (inside && text.is_ascii() && !text.contains(|c: char| c.is_ascii_control())).then_some(text)
}
