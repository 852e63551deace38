//! What stands around every page: title, navigation by role, who is signed in; and the templates themselves, which
//! are part of the program, escape everything, and know no inline style or script.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use rust_embed::RustEmbed;
use serde::Serialize;
use serde_json::{Value, json};
use tera::{Context, Kwargs, State, Tera};

use super::super::assets;
use super::super::server::House;
use super::done;
use super::form::Form;
use super::own::{self, ours};
use super::route::{Outcome, Page, Words, Wrong};
use super::visit::Visit;
use super::words;
use crate::domain;
use crate::domain::access::{Actor, OrganizationKind, Permission};
use crate::domain::settings::Settings;
use crate::domain::text_enum::TextEnum;
use crate::service::{App, Failure, factor, session, setting};

/// Pages by their path under `pages/`, components and layout under `parts/`.
#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

static TERA: LazyLock<Result<Tera, String>> = LazyLock::new(|| load(str::to_owned));
/// For agencies with words of their own.
static MARKED: LazyLock<Result<Tera, String>> = LazyLock::new(|| load(own::marked));

fn load(read: fn(&str) -> String) -> Result<Tera, String> {
    let mut templates = Vec::new();
    for path in Templates::iter() {
        let Some(name) = path.strip_prefix("pages/").or_else(|| path.strip_prefix("parts/")) else {
            continue;
        };
        if templates.iter().any(|(known, _)| known == name) {
            return Err(format!("two templates are called {name}"));
        }
        let file = Templates::get(&path).ok_or_else(|| format!("{path} is gone"))?;
        let text = std::str::from_utf8(&file.data).map_err(|e| e.to_string())?;
        templates.push((name.to_owned(), read(text)));
    }
    let mut tera = Tera::new();
    tera.register_filter("day", day);
    tera.register_filter("thousands", thousands);
    tera.register_filter("word", word);
    tera.register_filter("tone", tone);
    tera.register_filter("country", country);
    tera.register_filter("typed_country", typed_country);
    tera.register_function("countries", countries);
    tera.add_raw_templates(templates).map_err(|error| error.to_string())?;
    Ok(tera)
}

/// `{{ contract.starts_on | day }}`: ISO and 和暦.
fn day(text: &str, _: Kwargs, _: &State) -> String {
    text.parse::<NaiveDate>().map_or_else(|_| text.to_owned(), words::day)
}

/// `{{ contract.amount_yen | thousands }}円`
fn thousands(number: i64, _: Kwargs, _: &State) -> String {
    words::thousands(number)
}

/// `{{ vendor.country | country }}`
fn country(code: &str, _: Kwargs, _: &State) -> String {
    words::country(code)
}

/// What a field of a country shows: its name where a code is known, else what was typed.
fn typed_country(text: &str, _: Kwargs, _: &State) -> String {
    domain::country::code(text).map_or_else(|| text.to_owned(), |code| domain::country::name(&code))
}

/// `{% for row in countries() %}`: all but Japan, by the rows of the syllabary: `{label, countries: [[code, name]]}`.
fn countries(_: Kwargs, _: &State) -> tera::Value {
    let rows =
        domain::country::abroad().map(|(label, countries)| json!({ "label": label, "countries": countries }));
    tera::Value::from_serializable(&rows.collect::<Vec<_>>())
}

fn meant(code: &str, kwargs: &Kwargs) -> tera::TeraResult<(&'static str, words::Tone)> {
    let set: &str = kwargs.must_get("of")?;
    words::word(set, code).ok_or_else(|| tera::Error::message(format!("{set} has no word for {code:?}")))
}

/// `{{ contract.status | word(of="contract") }}`
#[expect(clippy::needless_pass_by_value, reason = "the shape of a filter")]
fn word(code: &str, kwargs: Kwargs, _: &State) -> tera::TeraResult<String> {
    meant(code, &kwargs).map(|(text, _)| ours(text))
}

/// The class that shows how the word is meant.
#[expect(clippy::needless_pass_by_value, reason = "the shape of a filter")]
fn tone(code: &str, kwargs: Kwargs, _: &State) -> tera::TeraResult<String> {
    meant(code, &kwargs).map(|(_, tone)| tone.class().to_owned())
}

/// A template that can't be rendered: a defect of the program, found at the start or in a test.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PageError(String);

impl From<String> for PageError {
    fn from(why: String) -> Self {
        Self(why)
    }
}

/// A way through the pages.
#[derive(Debug, Clone, Serialize)]
struct Way {
    path: &'static str,
    title: Cow<'static, str>,
}

const fn way(path: &'static str, title: &'static str) -> Way {
    Way { path, title: Cow::Borrowed(title) }
}

/// Every way, in order, with what one needs to see it and the kinds of organization whose way it is.
const WAYS: &[(Permission, &[OrganizationKind], Way)] = {
    use OrganizationKind::{Agency, System, Vendor};
    &[
        (Permission::OwnAccount, &[Agency, Vendor, System], way("/home", "ホーム")),
        (Permission::ReadContract, &[Agency, Vendor, System], way("/tasks", "することの一覧")),
        (Permission::ReadContract, &[Agency, System], way("/contracts", "契約")),
        (Permission::ReadContract, &[Vendor], way("/contracts", "私の契約")),
        (Permission::ReadContract, &[Agency, System], way("/applications", "承認申請")),
        (Permission::ReadContract, &[Vendor], way("/applications", "申請")),
        (Permission::ReadContract, &[Agency, System], way("/declarations", "状況報告")),
        (Permission::ReadContract, &[Vendor], way("/declarations", "報告と受付票")),
        (Permission::ReadAlerts, &[Agency, Vendor, System], way("/alerts", "アラート")),
        (Permission::ReadContract, &[Agency, System], way("/audits", "検査")),
        (Permission::ReadContract, &[Vendor], way("/audits", "検査と指摘")),
        (Permission::ReadConsents, &[Agency, System], way("/consents", "承認の一覧")),
        (Permission::ReadOrganizations, &[Agency, System], way("/vendors", "事業者")),
        (Permission::ChangeOrganization, &[System], way("/organizations", "機関")),
        (Permission::ReadNotices, &[Agency], way("/notices", "送信履歴")),
        (Permission::ReadAccessLog, &[Agency], way("/access-log", "閲覧記録")),
        (Permission::ManageUsers, &[Agency, System], way("/users", "利用者と権限")),
        (Permission::ManageUsers, &[Vendor], way("/users", "社内の利用者")),
        (Permission::ReadBackups, &[System], way("/backups", "バックアップ")),
        (Permission::ReadSettings, &[Agency], way("/settings", "設定")),
    ]
};

/// Who is signed in, as the page's head says it.
#[derive(Debug, Clone, Serialize)]
struct Who {
    name: String,
    organization: String,
    roles: String,
}

/// What stands around a page.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    demo: bool,
    /// The business day, where it can be moved by hand.
    today: Option<NaiveDate>,
    /// Where the clock's form leads unless told otherwise.
    tomorrow: Option<NaiveDate>,
    who: Option<Who>,
    /// Today, for what is printed.
    printed: Option<NaiveDate>,
    /// What the signed-in person may, for links that lead to an act.
    may: Vec<&'static str>,
    ways: Vec<Way>,
    /// The way that leads to where one is.
    here: String,
    /// 承認, as one of the program's words.
    consent: String,
    /// The words in which the page speaks.
    #[serde(skip)]
    words: Option<Settings>,
    /// Stands in every form of this session.
    proof: String,
    /// Stands in the forms of this page: sent twice, a form acts once.
    once: String,
    /// What has just been done.
    done: Option<String>,
    /// The address of this page, for what leads back to it.
    address: String,
    /// The step of the demonstration's tour that leads here.
    tour: Option<Value>,
}

impl Frame {
    /// Around what is shown to anyone.
    pub fn plain(demo: bool) -> Self {
        Self {
            demo,
            today: None,
            tomorrow: None,
            who: None,
            printed: None,
            may: Vec::new(),
            ways: Vec::new(),
            here: String::new(),
            consent: ours("承認"),
            words: None,
            proof: String::new(),
            once: String::new(),
            done: None,
            address: String::new(),
            tour: None,
        }
    }

    /// Around what is shown to someone who is not known.
    pub fn of_nobody(house: &House) -> Self {
        Self::plain(house.app.demo.is_some())
    }

    /// Around what a person sees.
    pub fn of(house: &House, actor: &Actor, visit: &Visit) -> Result<Self, Failure> {
        let app = &house.app;
        let roles: Vec<&str> = actor.roles.iter().map(|role| role.title()).collect();
        let who = Who {
            name: actor.name.clone(),
            organization: actor.organization.name.clone(),
            roles: roles.join("・"),
        };
        let kind = actor.organization.kind;
        // Every way would lead back to where a second factor is registered.
        let waits = factor::require(app, actor).is_err();
        let ways = WAYS
            .iter()
            .filter(|(permission, kinds, _)| !waits && actor.may(*permission) && kinds.contains(&kind))
            // A contract's page speaks its agency's words, but what leads from page to page does not change with it.
            .map(|(_, _, way)| match kind {
                OrganizationKind::Agency => Way { title: ours(&way.title).into(), ..way.clone() },
                OrganizationKind::Vendor | OrganizationKind::System => way.clone(),
            });
        let path = visit.address.split('?').next().unwrap_or_default();
        Ok(Self {
            today: app.demo.is_some().then(|| app.today()),
            tomorrow: app.demo.as_ref().and_then(|_| app.today().succ_opt()),
            who: Some(who),
            printed: Some(app.today()),
            may: <Permission as TextEnum>::ALL
                .iter()
                .filter(|p| actor.may(**p))
                .map(|p| p.as_str())
                .collect(),
            ways: ways.collect(),
            here: path.split('/').nth(1).map(|first| format!("/{first}")).unwrap_or_default(),
            proof: session::form_token(app, actor.session_id)?,
            once: app.sources.token(),
            done: visit.query("done").and_then(done::message).map(|words| ours(&words)),
            address: visit.address.clone(),
            tour: house.pages.steps.as_ref().and_then(|steps| steps.banner(visit)),
            ..Self::of_nobody(house)
        })
    }

    /// Speaks in the words that an answer asks for: read only where there is a page that has any.
    pub fn speak(
        &mut self,
        app: &App,
        actor: &Actor,
        answer: &Result<Outcome, Failure>,
    ) -> Result<(), Failure> {
        let words = match answer {
            Ok(Outcome::Shown(page)) => page.words,
            Ok(_) | Err(Failure::Unavailable(_)) => Words::Plain,
            Err(_) => Words::Own,
        };
        let agency = match words {
            Words::Of(agency) => agency,
            Words::Own if actor.organization.kind == OrganizationKind::Agency => actor.organization.id,
            Words::Own | Words::Plain => return Ok(()),
        };
        self.words = own::for_pages(setting::of_agency(app, agency)?);
        Ok(())
    }

    /// Whether someone is signed in.
    pub fn is_known(&self) -> bool {
        self.who.is_some()
    }
}

/// A form as the fields of a template look at it.
#[derive(Serialize)]
struct Filled<'a> {
    #[serde(flatten)]
    form: &'a Form,
    /// What is wrong with a field, by its name.
    wrong: HashMap<&'a str, &'a str>,
    version: Option<i64>,
}

/// What the layout needs, and the page's own context.
#[derive(Serialize)]
struct Framed<'a> {
    style: &'a str,
    /// What a passkey needs in the browser.
    passkey_script: &'a str,
    print_script: &'a str,
    reveal_script: &'a str,
    icon: &'a str,
    title: &'a str,
    errors: &'a [Wrong],
    form: Filled<'a>,
    trail: &'a [(String, String)],
    #[serde(flatten)]
    frame: &'a Frame,
    #[serde(flatten)]
    page: &'a Value,
}

/// The page's HTML.
pub fn render(frame: &Frame, page: &Page) -> Result<String, PageError> {
    let templates = if frame.words.is_some() { &MARKED } else { &TERA };
    let tera = templates.as_ref().map_err(|error| PageError(error.clone()))?;
    let errors: Vec<Wrong> = page.errors.iter().map(Wrong::marked).collect();
    let wrong = errors.iter().map(|wrong| (wrong.field.as_str(), wrong.message.as_str())).collect();
    let framed = Framed {
        style: &assets::address("itaku.css"),
        passkey_script: &assets::address("passkey.js"),
        print_script: &assets::address("print.js"),
        reveal_script: &assets::address("reveal.js"),
        icon: &assets::address("icon.svg"),
        title: &page.title,
        errors: &errors,
        form: Filled { form: &page.form, wrong, version: page.version },
        trail: &page.trail,
        frame,
        page: &page.context,
    };
    let mut context = Context::from_serialize(&framed).map_err(|error| PageError(error.to_string()))?;
    if let Some(rows) = &page.rows {
        context.insert_value(rows.name, rows.values.clone()?);
    }
    let html = tera.render(page.template, &context);
    let html = html.map_err(|error| PageError(format!("{}: {error}", page.template)))?;
    Ok(own::finished(html, frame.words.as_ref()))
}
