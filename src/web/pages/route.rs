//! A page's route, declared once like the API's: path, who may, and what it shows or does. The server's table and the
//! tests' matrices (who is refused, which form needs its proof) come from these declarations.

use std::sync::Arc;

use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::form::Form;
use super::own::{Title, ours};
use super::visit::Visit;
use crate::domain::access::Permission;
use crate::domain::id::{ContractId, OrganizationId};
use crate::domain::input::FieldError;
use crate::service::session::Entry;
use crate::service::{App, Call, Failure, idempotency};

/// Where one arrives after the login.
pub const HOME: &str = "/home";

/// A page to be shown.
#[derive(Debug, Clone)]
pub struct Page {
    pub template: &'static str,
    pub title: String,
    pub status: StatusCode,
    /// Wrong fields: the page lists them on top, each linked to its field.
    pub errors: Vec<Wrong>,
    /// What stands in the page's form.
    pub form: Form,
    /// The version of what the form changes.
    pub version: Option<i64>,
    /// So many seconds later it may be tried again.
    pub wait: Option<u64>,
    /// The pages above this one: address and title.
    pub trail: Vec<(String, String)>,
    pub words: Words,
    pub context: Value,
    /// A long list beside the context ([`Page::with_rows`]).
    pub rows: Option<Rows>,
}

/// The rows of a list as templates read them, under a name.
#[derive(Debug, Clone)]
pub struct Rows {
    pub name: &'static str,
    /// Or why they could not be read so.
    pub values: Result<tera::Value, String>,
}

/// Whose words a page speaks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Words {
    /// Those of the person's own agency, if it is one.
    #[default]
    Own,
    /// Those of the agency whose contract it is about.
    Of(OrganizationId),
    /// The program's, on a page about words.
    Plain,
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

/// Fields that are chosen from a few, by the last part of their names.
const CHOSEN: &[&str] = &[
    "answer",
    "assessment",
    "decision",
    "declaration_interval",
    "deputy_id",
    "facilities",
    "from_officer_id",
    "kind",
    "management",
    "officer_id",
    "overseas",
    "policy",
    "result",
    "source",
    "supersedes",
    "technique",
    "training",
];

/// What a page calls its fields, by their names.
pub type Labels = [(&'static str, &'static str)];

impl Wrong {
    fn of(error: FieldError, form: &Form, labels: &Labels) -> Self {
        let field = form.field_of(&error.pointer);
        let plain: Vec<&str> = field.split('/').filter(|part| part.parse::<u32>().is_err()).collect();
        let plain = plain.join("/");
        let label = labels.iter().find(|(name, _)| *name == plain).map_or("", |(_, label)| label).to_owned();
        // Nothing is typed into a choice.
        let chosen =
            error.code == "required" && plain.rsplit('/').next().is_some_and(|it| CHOSEN.contains(&it));
        let message = if chosen { "選んでください。".to_owned() } else { error.message };
        Self { field, label, message }
    }

    /// With the program's words marked as such.
    pub fn marked(&self) -> Self {
        Self { field: self.field.clone(), label: ours(&self.label), message: ours(&self.message) }
    }

    /// What is wrong with a field that is no row's.
    pub fn at(field: &str, message: impl Into<String>, labels: &Labels) -> Self {
        Self::of(FieldError::new(format!("/{field}"), "", message), &Form::default(), labels)
    }
}

/// A context with more in it.
pub fn joined(context: Value, more: Value) -> Value {
    match (context, more) {
        (Value::Object(mut context), Value::Object(more)) => {
            context.extend(more);
            Value::Object(context)
        }
        (context, _) => context,
    }
}

/// A page of a template.
pub fn page(template: &'static str, title: impl Title, context: Value) -> Page {
    Page {
        template,
        title: title.told(),
        status: StatusCode::OK,
        errors: Vec::new(),
        form: Form::default(),
        version: None,
        wait: None,
        trail: Vec::new(),
        words: Words::default(),
        context,
        rows: None,
    }
}

impl Page {
    /// The rows of a long list, under a name, turned into what templates read in one go: as a part of the context each
    /// row would be made, copied and turned once more, which costs a page of fifty as much as its query.
    #[must_use]
    pub fn with_rows<T: Serialize>(self, name: &'static str, rows: &[T]) -> Self {
        let values = tera::Value::try_from_serializable(&rows).map_err(|error| error.to_string());
        Self { rows: Some(Rows { name, values }), ..self }
    }

    /// The page under another.
    #[must_use]
    pub fn under(mut self, path: impl Into<String>, title: impl Title) -> Self {
        self.trail.push((path.into(), title.told()));
        self
    }

    /// The page in the words of an agency.
    #[must_use]
    pub fn in_words_of(self, agency: OrganizationId) -> Self {
        Self { words: Words::Of(agency), ..self }
    }

    /// The page with its form filled with what is known.
    #[must_use]
    pub fn filled(self, known: &impl Serialize) -> Self {
        let known = serde_json::to_value(known).unwrap_or_default();
        Self { form: Form::filled(&known), ..self }
    }

    /// The page whose form changes this version.
    #[must_use]
    pub fn of_version(self, version: i64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The page of a question that could not be read whole.
    #[must_use]
    pub fn wrongly_asked(self, errors: Vec<Wrong>) -> Self {
        if errors.is_empty() {
            return self;
        }
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, errors, ..self }
    }

    /// The page with what was typed and what was wrong: of fields, or of the act as a whole. Any other failure stays one.
    pub fn with(self, failure: Failure, visit: &Visit, labels: &Labels) -> Result<Outcome, Failure> {
        let wait = if let Failure::TooMany { retry_after } = failure { Some(retry_after) } else { None };
        let (status, errors) = match failure {
            Failure::Invalid(errors) => {
                (StatusCode::UNPROCESSABLE_ENTITY, wrongs(errors, &visit.form, labels))
            }
            Failure::WrongCredentials => (StatusCode::UNAUTHORIZED, whole(&failure.to_string())),
            Failure::Conflict { .. } => (StatusCode::CONFLICT, whole(&failure.to_string())),
            Failure::Stale => (StatusCode::PRECONDITION_FAILED, whole(&failure.to_string())),
            Failure::TooMany { retry_after } => (StatusCode::TOO_MANY_REQUESTS, whole(&later(retry_after))),
            other => return Err(other),
        };
        Ok(Outcome::Shown(Self { status, errors, wait, form: visit.form.clone(), ..self }))
    }
}

fn wrongs(errors: Vec<FieldError>, form: &Form, labels: &Labels) -> Vec<Wrong> {
    if errors.iter().any(|error| error.pointer == "/Idempotency-Key") {
        return whole(
            "この画面の内容は、すでに一度送信されています。別のものとして送る場合は、内容を確かめてもう一度送信してください。",
        );
    }
    errors.into_iter().map(|error| Wrong::of(error, form, labels)).collect()
}

/// When to try again, in words.
fn later(seconds: u64) -> String {
    let wait = if seconds < 60 { format!("{seconds}秒") } else { format!("{}分", seconds.div_ceil(60)) };
    format!(
        "続けて何度も送信されたため、いまは受け付けられません。{wait}ほど待ってから、もう一度お試しください。"
    )
}

fn whole(message: &str) -> Vec<Wrong> {
    vec![Wrong { field: String::new(), label: String::new(), message: message.to_owned() }]
}

/// What a visit ends in.
#[derive(Debug, Clone)]
pub enum Outcome {
    Shown(Page),
    /// A file to keep.
    File {
        name: &'static str,
        kind: &'static str,
        content: Vec<u8>,
    },
    /// See another address of ours: what was done is not done again by the back button.
    Moved(String),
    /// A session has begun; its cookies, and where to go.
    Entered(Entry, String),
    /// A session has begun; its cookies, and the page with which one goes on.
    Resumed(Entry, Page),
    /// Who was here is no stranger; the device's cookie, and a page.
    Known(String, Page),
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
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of a page by itself")]
pub struct PageRoute {
    pub path: &'static str,
    /// It changes something: POST, behind the proof that the form is ours.
    pub changes: bool,
    /// Its form brings a file.
    pub takes_file: bool,
    /// It shows what was sent to it again without acting, when asked so by `_again`.
    pub can_return: bool,
    /// It asks that the person showed within the last minutes who they are.
    pub fresh: bool,
    /// Who must have a second factor and has none yet may still use it.
    pub without_factor: bool,
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
        self.handled(Handler::Open(Arc::new(move |app, visit| work(app, visit).map(Into::into))))
    }

    /// For those who may.
    pub fn needs<O: Into<Outcome>>(
        self,
        permission: Permission,
        work: impl Fn(&App, &Call, &Visit) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> PageRoute {
        let work: GuardedWork = Arc::new(move |app, call, visit| work(app, call, visit).map(Into::into));
        self.handled(Handler::Guarded(permission, work))
    }

    fn handled(self, handler: Handler) -> PageRoute {
        PageRoute {
            path: self.path,
            changes: self.changes,
            takes_file: false,
            can_return: false,
            fresh: false,
            without_factor: false,
            handler,
        }
    }
}

impl PageRoute {
    /// The permission it needs; None: open to anyone.
    pub fn permission(&self) -> Option<Permission> {
        match &self.handler {
            Handler::Open(_) => None,
            Handler::Guarded(permission, _) => Some(*permission),
        }
    }

    /// With a file.
    #[must_use]
    pub fn with_file(self) -> Self {
        Self { takes_file: true, ..self }
    }

    /// For who showed within the last minutes who they are; others are asked, and go on from there. Of a form's two
    /// routes it is the one that acts.
    #[must_use]
    pub fn fresh(self) -> Self {
        Self { fresh: self.changes, ..self }
    }

    /// What was sent to it can be shown again without acting: it looks at `_again` itself.
    #[must_use]
    pub fn returnable(self) -> Self {
        Self { can_return: true, ..self }
    }

    /// Also for who must have a second factor and has none yet.
    #[must_use]
    pub fn without_factor(self) -> Self {
        Self { without_factor: true, ..self }
    }
}

/// A form on a page of its own. GET shows it; POST acts, and shows it again with what was typed where that was wrong.
/// What is asked for with `_again` (another row, back from the check, after a login in between) is only shown again.
pub struct FormDraft {
    path: &'static str,
    labels: &'static Labels,
}

/// A form on a page of its own, and what it calls its fields.
pub fn form(path: &'static str, labels: &'static Labels) -> FormDraft {
    FormDraft { path, labels }
}

impl FormDraft {
    /// For those who may. `show` gives the page with its form as it is found; `act` says where it leads.
    pub fn needs(
        self,
        permission: Permission,
        show: impl Fn(&App, &Call, &Visit) -> Result<Page, Failure> + Send + Sync + 'static,
        act: impl Fn(&App, &Call, &Visit) -> Result<Outcome, Failure> + Send + Sync + 'static,
    ) -> Vec<PageRoute> {
        let Self { path, labels } = self;
        let show = Arc::new(show);
        let first = Arc::clone(&show);
        let looked_at = look(path).needs(permission, move |app, call, visit| first(app, call, visit));
        let sent = send(path).needs(permission, move |app, call, visit| {
            let again = || show(app, call, visit).map(|page| Page { form: visit.form.clone(), ..page });
            if visit.too_large {
                let message = "ファイルが大きすぎます。20MBまで送れます。行を分けて、いくつかのファイルにしてください。";
                let errors = vec![Wrong::at("file", message, labels)];
                return again()
                    .map(|page| Page { status: StatusCode::UNPROCESSABLE_ENTITY, errors, ..page }.into());
            }
            if visit.form.mark("_again").is_some() {
                return again().map(Outcome::Shown);
            }
            let done = match act(app, call, visit) {
                Ok(Outcome::Shown(page)) if page.template == CHECK => {
                    refused(app, call, visit, &act).map(|refused| refused.unwrap_or(Outcome::Shown(page)))
                }
                done => done,
            };
            match done {
                Ok(Outcome::Shown(page)) if page.template == CHECK => Ok(placed(page, again()?).into()),
                Ok(outcome) => Ok(outcome),
                Err(failure) => again()?.with(failure, visit, labels),
            }
        });
        vec![looked_at, PageRoute { can_return: true, ..sent }]
    }
}

/// The page on which what was typed is looked at once more.
const CHECK: &str = "check.html";

/// What the last press would be refused for, told before one looks at the answers once more: the act is done as it will
/// be then, and not kept. None: it would be done, or it was done already and is answered as the first time.
fn refused(
    app: &App,
    call: &Call,
    visit: &Visit,
    act: &impl Fn(&App, &Call, &Visit) -> Result<Outcome, Failure>,
) -> Result<Option<Outcome>, Failure> {
    if idempotency::kept::<Value>(app, call)?.is_some() {
        return Ok(None);
    }
    let sure = Visit { form: visit.form.looked_at(), ..visit.clone() };
    match app.rehearse(|app| act(app, &Call::of(call.actor.clone()), &sure))? {
        // The form again, with what is wrong.
        Outcome::Shown(page) if !page.status.is_success() => Ok(Some(Outcome::Shown(page))),
        _ => Ok(None),
    }
}

/// The check page under the pages above its form, in their words; where it is about a contract, that is named first.
fn placed(checked: Page, form: Page) -> Page {
    let trail = if checked.trail.is_empty() { form.trail } else { checked.trail };
    let words = if checked.words == Words::Own { form.words } else { checked.words };
    let mut context = checked.context;
    let contract = trail.iter().rfind(|(path, _)| is_contract(path));
    let rows = context.get_mut("rows").and_then(Value::as_array_mut);
    if let (Some((_, title)), Some(rows)) = (contract, rows) {
        let label = json!(ours("契約"));
        if !rows.iter().any(|row| row.get("label") == Some(&label)) {
            rows.insert(0, json!({ "label": label, "text": title }));
        }
    }
    Page { trail, words, context, ..checked }
}

/// Whether it is the address of a contract's own page.
fn is_contract(path: &str) -> bool {
    path.strip_prefix("/contracts/").is_some_and(|id| id.parse::<ContractId>().is_ok())
}

/// A page on which what was typed is looked at once more before it is done: rows of a name and what stands there.
/// None: it was looked at, go on. It acts for the form that it shows: come back to and sent again, it acts once.
pub fn check(visit: &Visit, title: &str, button: &str, answers: &[(&str, String)]) -> Option<Outcome> {
    visit.form.mark("_sure").is_none().then(|| Outcome::Shown(checked(visit, title, button, answers)))
}

/// The same before what can't be undone, or ends somebody's right: its button looks so.
pub fn check_gravely(
    visit: &Visit,
    title: &str,
    button: &str,
    answers: &[(&str, String)],
) -> Option<Outcome> {
    if visit.form.mark("_sure").is_some() {
        return None;
    }
    let mut page = checked(visit, title, button, answers);
    if let Some(context) = page.context.as_object_mut() {
        context.insert("careful".to_owned(), json!(true));
    }
    Some(Outcome::Shown(page))
}

/// That page.
pub fn checked(visit: &Visit, title: &str, button: &str, answers: &[(&str, String)]) -> Page {
    let rows: Vec<Value> = answers
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| json!({ "label": ours(label), "text": text }))
        .collect();
    let path = visit.address.clone();
    // In an order of their own: the same answers make the same form.
    let sent: Vec<Value> = visit.form.values().iter().map(|(name, text)| json!([name, text])).collect();
    let once = visit.form.mark("_once").unwrap_or_default();
    let context =
        json!({ "rows": rows, "action": path, "button": ours(button), "sent": sent, "form_once": once });
    let checked = page(CHECK, title, context);
    let version = visit.form.mark("_version").and_then(|text| text.parse().ok());
    Page { form: visit.form.clone(), version, ..checked }
}
