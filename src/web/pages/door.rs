//! From a browser to a page: cookie, proof of the form, guard, and every failure as a page of its own.

use std::collections::HashMap;
use std::sync::Arc;

use actix_multipart::Multipart;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::error::PayloadError;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_TYPE, HOST, HeaderMap, LOCATION, ORIGIN, RETRY_AFTER,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Resource};
use futures_util::StreamExt as _;
use serde_json::json;

use super::super::app::{Body, ReadToTheEnd, families, is_too_large};
use super::super::server::House;
use super::factor::FACTORS;
use super::form::Form;
use super::frame::{Frame, render};
use super::route::{File, HOME, Handler, Outcome, Page, PageRoute, Visit, page};
use super::{account, again};
use crate::service::idempotency::Key;
use crate::service::session::{self, Door};
use crate::service::{Call, Failure, factor, fresh};

/// The field in which a form proves whose it is.
pub const PROOF: &str = "_proof";

/// The largest form that brings a file: a file of 20 MiB and its fields.
const FILE_LIMIT: usize = 21 * 1024 * 1024;

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
        if route.takes_file {
            resource =
                resource.app_data(web::PayloadConfig::new(FILE_LIMIT)).app_data(ReadToTheEnd(FILE_LIMIT));
        }
        for method in methods {
            let route = Arc::clone(&route);
            resource =
                resource.route(method.to(move |house: Data<House>, request: HttpRequest, body: Body| {
                    answer(house, Arc::clone(&route), request, body)
                }));
        }
    }
    resource
}

async fn answer(house: Data<House>, route: Arc<PageRoute>, request: HttpRequest, body: Body) -> HttpResponse {
    let stranger = Frame::of_nobody(&house);
    if matches!(route.handler, Handler::Open(_))
        && let Err(failure) = house.limiter.take(&request)
    {
        return refuse(&house, &stranger, &failure, None);
    }
    let sent = match body {
        Body::Whole(body) => read(&request, &route, &body).await.map(|visit| (visit, body)),
        Body::Unreadable(error) if route.takes_file && is_too_large(&error) => {
            let visit = read(&request, &route, &Bytes::new()).await;
            visit.map(|visit| (Visit { too_large: true, ..visit }, Bytes::new()))
        }
        Body::Unreadable(_) | Body::Late => Err(Failure::Malformed(
            "送信された内容が大きすぎるか、途中で切れています。もう一度お試しください。".to_owned(),
        )),
    };
    let (visit, body) = match sent {
        Ok(sent) => sent,
        Err(failure) => return refuse(&house, &stranger, &failure, None),
    };
    if route.changes && !is_ours(request.headers()) {
        return refuse(&house, &stranger, &elsewhere(), None);
    }
    let cookie = request.cookie(cookie_name(house.secure)).map(|cookie| cookie.value().to_owned());
    let once = once(&house, &request, &visit, &body);
    let (worker, visit) = (house.clone(), Arc::new(visit));
    let (span, visited) = (tracing::Span::current(), Arc::clone(&visit));
    let work = move || span.in_scope(|| run(&worker, &route, cookie.as_deref(), once, &visited));
    match web::block(work).await {
        Ok((frame, Ok(outcome))) => show(&house, &frame, outcome),
        Ok((frame, Err(failure))) => refuse(&house, &frame, &failure, Some(&visit)),
        Err(error) => refuse(&house, &stranger, &Failure::Internal(error.to_string()), None),
    }
}

/// A form that is sent twice (the second click, a reload) acts once.
fn once(house: &House, request: &HttpRequest, visit: &Visit, body: &Bytes) -> Option<Key> {
    let key = visit.form.mark("_once").filter(|key| key.len() <= 255)?;
    let route = format!("{} {}", request.method(), request.path());
    Some(Key::new(&house.app.config.auth.secret, route, key.to_owned(), body))
}

/// The guard. What stands around the page is told even where the page is refused.
fn run(
    house: &House,
    route: &PageRoute,
    cookie: Option<&str>,
    once: Option<Key>,
    visit: &Visit,
) -> (Frame, Result<Outcome, Failure>) {
    let app = &house.app;
    let nobody = Frame::of_nobody(house);
    let (permission, work) = match &route.handler {
        Handler::Open(work) => return (nobody, work(app, visit)),
        Handler::Guarded(permission, work) => (*permission, work),
    };
    let known = cookie
        .ok_or(Failure::Unauthorized)
        .and_then(|cookie| session::authenticate(app, Door::Browser, cookie));
    let actor = match known {
        Ok(actor) => actor,
        Err(failure) => return (nobody, Err(failure)),
    };
    let frame = match Frame::of(house, &actor, visit) {
        Ok(frame) => frame,
        Err(failure) => return (nobody, Err(failure)),
    };
    let proof = visit.form.mark(PROOF).unwrap_or_default();
    // Of what was too large to be read the form is only shown again: there is no proof, and none is needed.
    let acts = route.changes && !(visit.too_large && route.can_return);
    if acts && !session::is_form_token(app, actor.session_id, proof) {
        tracing::warn!(event = "form_refused", user = %actor.user_id, "a form without its proof");
        return (frame, Err(elsewhere()));
    }
    if !route.without_factor
        && let Err(failure) = factor::require(app, &actor)
    {
        return (frame, Err(failure));
    }
    if !actor.may(permission) {
        tracing::warn!(event = "permission_refused", user = %actor.user_id, permission = %permission, "refused");
        return (frame, Err(Failure::Forbidden("この画面を使う権限がありません。必要なときは、所属する機関・会社の管理者に相談してください。".to_owned())));
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

async fn read(request: &HttpRequest, route: &PageRoute, body: &Bytes) -> Result<Visit, Failure> {
    let path = request.match_info().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let (mut form, mut file) = (Form::default(), None);
    if !body.is_empty() {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/x-www-form-urlencoded") {
            form = Form::read(url::form_urlencoded::parse(body).into_owned());
        } else if route.takes_file && kind.starts_with("multipart/form-data") {
            (form, file) = parts(request, body).await.ok_or_else(unread)?;
        } else {
            return Err(unread());
        }
    }
    let address = request.uri().path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
    let is_sent = request.method() == Method::POST;
    Ok(Visit { address, is_sent, can_return: route.can_return, path, query, form, file, too_large: false })
}

fn unread() -> Failure {
    Failure::Malformed("この形式の送信は受け取れません。".to_owned())
}

/// The fields of a form that brings a file, and the file; None: it is broken.
async fn parts(request: &HttpRequest, body: &Bytes) -> Option<(Form, Option<File>)> {
    let whole = futures_util::stream::iter([Ok::<_, PayloadError>(body.clone())]);
    let mut parts = Multipart::new(request.headers(), whole);
    let (mut fields, mut file) = (Vec::new(), None);
    while let Some(part) = parts.next().await {
        let mut part = part.ok()?;
        let mut content = Vec::new();
        while let Some(chunk) = part.next().await {
            content.extend_from_slice(&chunk.ok()?);
        }
        let about = part.content_disposition()?;
        match about.get_filename() {
            Some("") => {}
            Some(name) => file = Some(File { name: name.to_owned(), content }),
            None => fields.push((about.get_name()?.to_owned(), String::from_utf8(content).ok()?)),
        }
    }
    Some((Form::read(fields), file))
}

/// `__Host-` binds the cookie to this host and to https; on http, which only the own machine speaks, it can't be.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-itaku" } else { "itaku" }
}

fn cookie(house: &House, value: String) -> Cookie<'static> {
    let build = Cookie::build(cookie_name(house.secure), value).path("/").http_only(true);
    build.same_site(SameSite::Lax).secure(house.secure).finish()
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
        Outcome::Entered(token, to) => see(&to).cookie(cookie(house, token)).finish(),
        Outcome::Resumed(token, page) => {
            let visit = Visit::default();
            let frame = session::authenticate(&house.app, Door::Browser, &token)
                .and_then(|actor| Frame::of(house, &actor, &visit));
            match frame {
                Ok(frame) => {
                    let mut response = html(house, &frame, &page, &[]);
                    // A cookie that can't be written is one that nobody gets: the login is asked for again.
                    drop(response.add_cookie(&cookie(house, token)));
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
        Failure::Internal(why) => {
            tracing::error!(%why, "internal failure");
            (StatusCode::INTERNAL_SERVER_ERROR, "処理中に問題が発生しました")
        }
        _ => (StatusCode::CONFLICT, "この操作はできません"),
    };
    let wait = match failure {
        Failure::TooMany { retry_after } => Some(retry_after.to_string()),
        Failure::Unavailable(_) => Some("5".to_owned()),
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

/// An address to go to after the login: one of ours, else none.
pub fn own_address(text: &str) -> Option<&str> {
    let inside = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
    (inside && text.is_ascii() && !text.contains(|c: char| c.is_ascii_control())).then_some(text)
}
