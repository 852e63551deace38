//! A route, declared once: method, path, who may, what it takes and gives, and the use case it runs. The server's
//! table, the API's description and the denial matrix all come from these declarations.
//!
//! A route without a permission can't be built: `run` exists only after `needs`; `open` is for the few that need no
//! session.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::{Method, StatusCode};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::clock::parse_instant;
use crate::domain::access::Permission;
use crate::domain::contract::Instant;
use crate::domain::id::Id;
use crate::domain::input::{FieldError, Input, Mode, parse};
use crate::domain::text_enum::TextEnum;
use crate::input;
use crate::service::guessing::Origin;
use crate::service::{App, Call, Failure, IfMatch, Page};

/// What a request brought, before it is interpreted.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub path: HashMap<String, String>,
    pub query: HashMap<String, String>,
    /// The body as JSON; null when there was none.
    pub body: Value,
    pub if_match: Option<String>,
    /// Whence it comes; known of routes that need no session.
    pub origin: Origin,
}

impl Request {
    /// An identifier in the path; one that can't be one is not found.
    pub fn id<T>(&self, name: &str) -> Result<Id<T>, Failure> {
        self.path.get(name).and_then(|text| text.parse().ok()).ok_or(Failure::NotFound)
    }

    /// A query parameter that is there and not empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A day in the query.
    pub fn query_day(&self, name: &str) -> Result<Option<NaiveDate>, Failure> {
        // In the form and within the years of every other day.
        let read = |text: &str| {
            let asked = parse::<Asked>(&serde_json::json!({ "day": text }), Mode::Strict);
            asked.map(|asked| asked.day).map_err(|errors| {
                let named = |e: FieldError| FieldError { pointer: format!("/{name}"), ..e };
                Failure::Invalid(errors.into_iter().map(named).collect())
            })
        };
        self.query(name).map(read).transpose()
    }

    /// An instant in the query.
    pub fn query_instant(&self, name: &str) -> Result<Option<Instant>, Failure> {
        let read = |text: &str| {
            // A plus sign in a query arrives as a space.
            parse_instant(&text.replace(' ', "+")).ok_or_else(|| {
                Failure::field(
                    &format!("/{name}"),
                    "instant",
                    "時刻として読めません。2026-04-01T00:00:00Z の形で指定してください。",
                )
            })
        };
        self.query(name).map(read).transpose()
    }

    /// An identifier in the query.
    pub fn query_id<T>(&self, name: &str) -> Result<Option<Id<T>>, Failure> {
        let read = |text: &str| {
            text.parse()
                .map_err(|_| Failure::field(&format!("/{name}"), "unknown", "識別子が正しくありません。"))
        };
        self.query(name).map(read).transpose()
    }

    /// A whole number in the query.
    pub fn query_number(&self, name: &str) -> Result<Option<i32>, Failure> {
        let read = |text: &str| {
            text.parse().map_err(|_| Failure::field(&format!("/{name}"), "type", "整数で指定してください。"))
        };
        self.query(name).map(read).transpose()
    }

    /// One of an enum's words in the query.
    pub fn query_word<E: TextEnum>(&self, name: &str) -> Result<Option<E>, Failure> {
        let read = |text: &str| {
            E::parse(text).ok_or_else(|| {
                let words: Vec<_> = E::ALL.iter().map(|e| e.as_str()).collect();
                let message = format!("{} のいずれかを指定してください。", words.join("、"));
                Failure::field(&format!("/{name}"), "choice", message)
            })
        };
        self.query(name).map(read).transpose()
    }

    /// A query parameter that is `true` or `false`.
    pub fn query_flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        let wrong =
            |_| Failure::field(&format!("/{name}"), "choice", "true または false を指定してください。");
        self.query(name).map(str::parse).transpose().map_err(wrong)
    }

    /// The page asked for.
    pub fn page(&self) -> Result<Page, Failure> {
        Page::read(self.query("limit"), self.query("cursor"))
    }

    /// The versions that `If-Match` names: needed for a change.
    pub fn version(&self) -> Result<IfMatch, Failure> {
        self.if_match.as_deref().map(IfMatch::parse).ok_or(Failure::PreconditionRequired)
    }
}

input! {
    /// A day of a query.
    pub struct Asked {
        day: NaiveDate => day(),
    }
}

/// What a route answers.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub body: Vec<u8>,
    /// Version of the resource, for `ETag`.
    pub etag: Option<i64>,
}

/// An answer whose resource has a version.
#[derive(Debug, Clone)]
pub struct Versioned<T> {
    pub value: T,
    pub version: i64,
}

impl<T> From<(T, i64)> for Versioned<T> {
    fn from((value, version): (T, i64)) -> Self {
        Self { value, version }
    }
}

/// What a use case's answer becomes.
pub trait Answer {
    /// Its JSON.
    type Body: Serialize;
    /// The JSON and the version, if it has one.
    fn split(self) -> (Self::Body, Option<i64>);
}

impl<T: Serialize> Answer for Versioned<T> {
    type Body = T;
    fn split(self) -> (T, Option<i64>) {
        (self.value, Some(self.version))
    }
}

/// A plain answer.
#[derive(Debug, Clone)]
pub struct Plain<T>(pub T);

impl<T: Serialize> Answer for Plain<T> {
    type Body = T;
    fn split(self) -> (T, Option<i64>) {
        (self.0, None)
    }
}

/// A use case without an actor.
pub type OpenWork = Arc<dyn Fn(&App, &Request) -> Result<Reply, Failure> + Send + Sync>;
/// A use case of a person who has the permission.
pub type GuardedWork = Arc<dyn Fn(&App, &Call, &Request) -> Result<Reply, Failure> + Send + Sync>;

/// How a request is handled, behind its guard.
#[derive(Clone)]
pub enum Handler {
    /// Without a session.
    Open(OpenWork),
    /// With an actor who has the permission.
    Guarded(Permission, GuardedWork),
}

/// A query parameter in the API's description.
#[derive(Debug, Clone)]
pub struct QueryParameter {
    pub name: &'static str,
    pub about: &'static str,
}

/// A route as declared.
#[derive(Clone)]
pub struct Route {
    pub method: Method,
    /// Below `/api/v1`, with `{name}` for identifiers.
    pub path: &'static str,
    pub summary: &'static str,
    pub query: Vec<QueryParameter>,
    /// JSON Schema of the body.
    pub takes: Option<Value>,
    pub gives: RefOr<Schema>,
    /// Named schemas that `gives` refers to.
    pub components: Vec<(String, RefOr<Schema>)>,
    pub status: StatusCode,
    /// As [`Draft::brief`] says.
    pub brief: bool,
    /// As [`Draft::fresh`] says.
    pub fresh: bool,
    /// As [`Draft::without_factor`] says.
    pub without_factor: bool,
    pub handler: Handler,
}

impl Route {
    /// Every status that it can answer, its success first. A defect (500) is none of them.
    pub fn statuses(&self) -> Vec<u16> {
        let is = |holds: bool, statuses: &'static [u16]| if holds { statuses } else { &[] };
        let reads_body = self.method != Method::GET;
        let names_something = self.takes.is_some()
            || self.path.contains('{')
            || self.query.iter().any(|query| query.name == "subject" || query.name.ends_with("_id"));
        let all = [
            &[self.status.as_u16(), 415, 422, 429, 503][..],
            is(self.permission().is_some(), &[401, 403]),
            // A wrong password, a token that is over.
            is(self.permission().is_none(), &[401, 403, 404, 409]),
            is(names_something, &[404]),
            is(reads_body, &[400, 408, 409, 413]),
            is(self.method == Method::PATCH, &[412, 428]),
        ]
        .concat();
        let mut found = Vec::with_capacity(all.len());
        for status in all {
            if !found.contains(&status) {
                found.push(status);
            }
        }
        found
    }

    /// The permission it needs; None: open to anyone.
    pub fn permission(&self) -> Option<Permission> {
        match &self.handler {
            Handler::Open(_) => None,
            Handler::Guarded(permission, _) => Some(*permission),
        }
    }
}

/// A route whose permission has not been named.
pub struct Draft {
    method: Method,
    path: &'static str,
    summary: &'static str,
    query: Vec<QueryParameter>,
    status: StatusCode,
    brief: bool,
    fresh: bool,
    without_factor: bool,
}

/// `GET path`.
pub fn get(path: &'static str, summary: &'static str) -> Draft {
    Draft::new(Method::GET, path, summary, StatusCode::OK)
}
/// `POST path` that acts on something: 200.
pub fn act(path: &'static str, summary: &'static str) -> Draft {
    Draft::new(Method::POST, path, summary, StatusCode::OK)
}
/// `POST path` that creates: 201.
pub fn create(path: &'static str, summary: &'static str) -> Draft {
    Draft::new(Method::POST, path, summary, StatusCode::CREATED)
}
/// `PATCH path`.
pub fn patch(path: &'static str, summary: &'static str) -> Draft {
    Draft::new(Method::PATCH, path, summary, StatusCode::OK)
}

impl Draft {
    fn new(method: Method, path: &'static str, summary: &'static str, status: StatusCode) -> Self {
        let query = Vec::new();
        Self { method, path, summary, query, status, brief: false, fresh: false, without_factor: false }
    }

    /// A query parameter.
    pub fn query(mut self, name: &'static str, about: &'static str) -> Self {
        self.query.push(QueryParameter { name, about });
        self
    }

    /// By which contracts a list across contracts can be narrowed.
    pub fn narrowed(self) -> Self {
        self.narrowed_but_year().query("fiscal_year", "契約の年度")
    }

    /// As [`Self::narrowed`], where the query's year is another.
    pub fn narrowed_but_year(self) -> Self {
        self.query("q", "契約番号・件名・事業者名（機関側は再委託先を含む）の一部")
            .query("officer", "契約の担当者（機関側のみ）: me（自分）・none（担当者なし）・利用者のID")
            .query("department", "契約の担当部署（機関側のみ）")
            .query("vendor", "体制にある事業者の名称の一部（機関側のみ）")
    }

    /// The parameters of every list.
    pub fn paged(self) -> Self {
        self.query("limit", "件数（1〜200、既定50）").query("cursor", "前のページの next_cursor")
    }

    /// It reads one page by an index and writes nothing: on the embedded database that takes less time than a change
    /// of thread, so it runs where the request came in.
    pub fn brief(self) -> Self {
        Self { brief: true, ..self }
    }

    /// It asks that the caller showed within the last minutes who they are.
    pub fn fresh(self) -> Self {
        Self { fresh: true, ..self }
    }

    /// Who must have a second factor and has none yet may still use it.
    pub fn without_factor(self) -> Self {
        Self { without_factor: true, ..self }
    }

    /// Who may.
    pub fn needs(self, permission: Permission) -> Guarded {
        Guarded { draft: self, permission }
    }

    /// Open to anyone, reading a body.
    pub fn open<I: Input, O: Answer>(
        self,
        work: impl Fn(&App, &Request, I) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Route
    where
        O::Body: ToSchema,
    {
        let status = self.status;
        let handler = Handler::Open(Arc::new(move |app, request| {
            reply(status, work(app, request, parse(&request.body, Mode::Strict).map_err(Failure::Invalid)?)?)
        }));
        self.build::<O::Body>(Some(I::schema()), handler)
    }

    fn build<B: ToSchema>(self, takes: Option<Value>, handler: Handler) -> Route {
        let mut components = Vec::new();
        B::schemas(&mut components);
        Route {
            method: self.method,
            path: self.path,
            summary: self.summary,
            query: self.query,
            takes,
            gives: B::schema(),
            components,
            status: self.status,
            brief: self.brief,
            fresh: self.fresh,
            without_factor: self.without_factor,
            handler,
        }
    }
}

/// A route with its permission.
pub struct Guarded {
    draft: Draft,
    permission: Permission,
}

impl Guarded {
    /// Without a body.
    pub fn run<O: Answer>(
        self,
        work: impl Fn(&App, &Call, &Request) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Route
    where
        O::Body: ToSchema,
    {
        let status = self.draft.status;
        let handler = Handler::Guarded(
            self.permission,
            Arc::new(move |app, call, request| reply(status, work(app, call, request)?)),
        );
        self.draft.build::<O::Body>(None, handler)
    }

    /// With a body.
    pub fn takes<I: Input, O: Answer>(
        self,
        work: impl Fn(&App, &Call, &Request, I) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Route
    where
        O::Body: ToSchema,
    {
        let status = self.draft.status;
        let handler = Handler::Guarded(
            self.permission,
            Arc::new(move |app, call, request| {
                let input = parse(&request.body, Mode::Strict).map_err(Failure::Invalid)?;
                reply(status, work(app, call, request, input)?)
            }),
        );
        self.draft.build::<O::Body>(Some(I::schema()), handler)
    }
}

fn reply<O: Answer>(status: StatusCode, answer: O) -> Result<Reply, Failure> {
    let (body, etag) = answer.split();
    let body = serde_json::to_vec(&body).map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(Reply { status, body, etag })
}
