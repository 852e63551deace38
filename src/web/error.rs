//! The one place where a failure becomes an HTTP answer: RFC 9457 problems. A 500 says nothing outside and
//! everything in the log.

use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::body::Unread;
use crate::domain::input::FieldError;
use crate::service::Failure;

/// `application/problem+json`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A stable URN for the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub errors: Vec<FieldError>,
}

/// Status, stable word and title of a failure.
fn kind(failure: &Failure) -> (StatusCode, &'static str, &'static str) {
    match failure {
        Failure::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "ログインが必要です"),
        Failure::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong_credentials", "ログインできません"),
        Failure::CodeRequired => (StatusCode::UNAUTHORIZED, "totp_required", "二要素認証のコードが必要です"),
        Failure::WrongCode => (StatusCode::UNAUTHORIZED, "wrong_totp", "コードが正しくありません"),
        Failure::FactorRequired => {
            (StatusCode::FORBIDDEN, "second_factor_required", "二要素認証の登録が必要です")
        }
        Failure::Reauthenticate => {
            (StatusCode::FORBIDDEN, "reauthentication_required", "もう一度本人の確認が必要です")
        }
        Failure::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "この操作の権限がありません"),
        Failure::PasswordChangeRequired => {
            (StatusCode::FORBIDDEN, "password_change_required", "パスワードの変更が必要です")
        }
        Failure::NotFound => (StatusCode::NOT_FOUND, "not_found", "見つかりません"),
        Failure::Conflict { code, .. } => (StatusCode::CONFLICT, code, "この操作はできません"),
        Failure::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "入力内容に誤りがあります"),
        Failure::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed", "要求を読み取れません"),
        Failure::Stale => (StatusCode::PRECONDITION_FAILED, "stale", "先に変更されています"),
        Failure::PreconditionRequired => {
            (StatusCode::PRECONDITION_REQUIRED, "if_match_required", "If-Match が必要です")
        }
        Failure::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many", "回数が多すぎます"),
        Failure::TwinRequest => (StatusCode::CONFLICT, "twin_request", "同じ要求を処理しています"),
        Failure::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "ただいま利用できません"),
        Failure::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "crowded", "混み合っています"),
        Failure::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "問題が発生しました"),
    }
}

/// The HTTP answer to a failure.
pub fn problem(failure: Failure) -> HttpResponse {
    let (status, word, title) = kind(&failure);
    match &failure {
        Failure::Internal(why) => tracing::error!(%why, "internal failure"),
        Failure::Unavailable(why) => tracing::error!(%why, "database unavailable"),
        _ => {}
    }
    let detail = failure.to_string();
    let mut response = HttpResponse::build(status);
    match &failure {
        Failure::TooMany { retry_after } => {
            response.insert_header((RETRY_AFTER, retry_after.to_string()));
        }
        Failure::Unavailable(_) | Failure::Crowded => {
            response.insert_header((RETRY_AFTER, "5"));
        }
        Failure::Unauthorized | Failure::WrongCredentials | Failure::CodeRequired | Failure::WrongCode => {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        _ => {}
    }
    let errors = if let Failure::Invalid(errors) = failure { errors } else { Vec::new() };
    write(response, status, word, title, detail, errors)
}

/// A body that was not taken in. What is left of it is not read, so the connection is of no more use.
pub fn unread(why: Unread) -> HttpResponse {
    let mut response = match why {
        Unread::Encoded => plain_problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_encoding",
            "圧縮された本文は受け取れません",
            "Content-Encoding を付けず、圧縮しないで送ってください。",
        ),
        Unread::TooLarge(limit) => plain_problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "要求が大きすぎます",
            &format!("{limit}バイトまで受け取れます。"),
        ),
        Unread::Late(within) => plain_problem(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "要求が届き終わりません",
            &format!("要求の本文を{}秒以内に送ってください。", within.as_secs()),
        ),
        Unread::Broken => problem(Failure::Malformed("要求の本文を読み取れません。".to_owned())),
        Unread::Crowded => problem(Failure::Crowded),
    };
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}

/// A problem that no use case told: 404 of no route, 405, 413, 415.
pub fn plain_problem(status: StatusCode, word: &str, title: &str, detail: &str) -> HttpResponse {
    write(HttpResponse::build(status), status, word, title, detail.to_owned(), Vec::new())
}

fn write(
    mut response: HttpResponseBuilder,
    status: StatusCode,
    word: &str,
    title: &str,
    detail: String,
    errors: Vec<FieldError>,
) -> HttpResponse {
    let problem = Problem {
        kind: format!("urn:itaku:problem:{word}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        errors,
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    response.content_type("application/problem+json").body(body)
}
