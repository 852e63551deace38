//! A page's route, declared once like the API's: path, who may, and what it shows or does. The server's table and the
//! tests' matrices (who is refused, which form needs its proof) come from these declarations.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::access::Permission;
use crate::domain::id::Id;
use crate::domain::input::{FieldError, Input, Mode, parse};
use crate::service::{App, Call, Failure};

/// What a browser brought.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Path and query, as asked.
    pub address: String,
    pub path: HashMap<String, String>,
    pub query: HashMap<String, String>,
    /// The fields of the form, as texts.
    pub form: Map<String, Value>,
}

impl Visit {
    /// An identifier in the path; one that can't be one is not found.
    pub fn id<T>(&self, name: &str) -> Result<Id<T>, Failure> {
        self.path.get(name).and_then(|text| text.parse().ok()).ok_or(Failure::NotFound)
    }

    /// A query parameter that is there and not empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A field of the form as it was typed.
    pub fn typed(&self, name: &str) -> &str {
        self.form.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The form as a use case's input: full-width digits, 和暦 and the like are understood.
    pub fn input<I: Input>(&self) -> Result<I, Failure> {
        parse(&Value::Object(self.form.clone()), Mode::Lenient).map_err(Failure::Invalid)
    }
}

/// A page to be shown.
#[derive(Debug, Clone)]
pub struct Page {
    pub template: &'static str,
    pub title: String,
    pub status: StatusCode,
    /// Wrong fields: the page lists them on top, each linked to its field.
    pub errors: Vec<Wrong>,
    pub context: Value,
}

/// A wrong field on a page.
#[derive(Debug, Clone, Serialize)]
pub struct Wrong {
    /// The name of the field; empty: no field's.
    pub field: String,
    /// The field as the page calls it.
    pub label: String,
    pub message: String,
}

/// What a page calls its fields, by their names.
pub type Labels = [(&'static str, &'static str)];

impl Wrong {
    fn of(error: FieldError, labels: &Labels) -> Self {
        let field = error.pointer.trim_start_matches('/').to_owned();
        let label = labels.iter().find(|(name, _)| *name == field).map_or("", |(_, label)| label).to_owned();
        Self { field, label, message: error.message }
    }
}

/// A page of a template.
pub fn page(template: &'static str, title: impl Into<String>, context: Value) -> Page {
    Page { template, title: title.into(), status: StatusCode::OK, errors: Vec::new(), context }
}

impl Page {
    /// The page with what was wrong: of fields, or of the act as a whole. Any other failure stays one.
    pub fn with(self, failure: Failure, labels: &Labels) -> Result<Outcome, Failure> {
        let (status, errors) = match failure {
            Failure::Invalid(errors) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                errors.into_iter().map(|error| Wrong::of(error, labels)).collect(),
            ),
            Failure::WrongCredentials => (StatusCode::UNAUTHORIZED, whole(&failure)),
            Failure::Conflict { .. } => (StatusCode::CONFLICT, whole(&failure)),
            Failure::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, whole(&failure)),
            other => return Err(other),
        };
        Ok(Outcome::Shown(Self { status, errors, ..self }))
    }
}

fn whole(failure: &Failure) -> Vec<Wrong> {
    vec![Wrong { field: String::new(), label: String::new(), message: failure.to_string() }]
}

/// What a visit ends in.
#[derive(Debug, Clone)]
pub enum Outcome {
    Shown(Page),
    /// See another address of ours: what was done is not done again by the back button.
    Moved(String),
    /// A session has begun; its cookie, and where to go.
    Entered(String, String),
    /// The session is over; where to go.
    Left(String),
}

impl From<Page> for Outcome {
    fn from(page: Page) -> Self {
        Self::Shown(page)
    }
}

/// Of someone who need not be known.
pub type OpenWork = Arc<dyn Fn(&App, &Visit) -> Result<Outcome, Failure> + Send + Sync>;
/// Of a person who has the permission.
pub type GuardedWork = Arc<dyn Fn(&App, &Call, &Visit) -> Result<Outcome, Failure> + Send + Sync>;

/// How a visit is handled, behind its guard.
#[derive(Clone)]
pub enum Handler {
    Open(OpenWork),
    Guarded(Permission, GuardedWork),
}

/// A route of a page (GET) or of a form (POST).
#[derive(Clone)]
pub struct PageRoute {
    pub path: &'static str,
    /// It changes something: POST, behind the proof that the form is ours.
    pub changes: bool,
    pub handler: Handler,
}

/// A route whose permission has not been named.
pub struct Draft {
    path: &'static str,
    changes: bool,
}

/// A page to look at.
pub fn look(path: &'static str) -> Draft {
    Draft { path, changes: false }
}

/// A form sent.
pub fn send(path: &'static str) -> Draft {
    Draft { path, changes: true }
}

impl Draft {
    /// For anyone.
    pub fn open<O: Into<Outcome>>(
        self,
        work: impl Fn(&App, &Visit) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> PageRoute {
        let handler = Handler::Open(Arc::new(move |app, visit| work(app, visit).map(Into::into)));
        PageRoute { path: self.path, changes: self.changes, handler }
    }

    /// For those who may.
    pub fn needs<O: Into<Outcome>>(
        self,
        permission: Permission,
        work: impl Fn(&App, &Call, &Visit) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> PageRoute {
        let work: GuardedWork = Arc::new(move |app, call, visit| work(app, call, visit).map(Into::into));
        PageRoute { path: self.path, changes: self.changes, handler: Handler::Guarded(permission, work) }
    }
}
