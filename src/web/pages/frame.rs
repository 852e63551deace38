//! What stands around every page: title, navigation by role, who is signed in; and the templates themselves, which
//! are part of the program, escape everything, and know no inline style or script.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;
use tera::{Context, Tera};

use super::super::assets;
use super::super::server::House;
use super::route::{Page, Wrong};
use crate::domain::access::{Actor, Permission};
use crate::service::{Failure, session};

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../../templates/parts/layout.html")),
    ("fields.html", include_str!("../../../templates/parts/fields.html")),
    ("form.html", include_str!("../../../templates/parts/form.html")),
    ("first.html", include_str!("../../../templates/pages/first.html")),
    ("api.html", include_str!("../../../templates/pages/api.html")),
    ("error.html", include_str!("../../../templates/pages/error.html")),
    ("login.html", include_str!("../../../templates/pages/login.html")),
    ("account.html", include_str!("../../../templates/pages/account.html")),
    ("reset.html", include_str!("../../../templates/pages/reset.html")),
    ("new_password.html", include_str!("../../../templates/pages/new_password.html")),
    ("done.html", include_str!("../../../templates/pages/done.html")),
];

static TERA: LazyLock<Result<Tera, String>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.add_raw_templates(TEMPLATES.iter().copied()).map_err(|error| error.to_string())?;
    Ok(tera)
});

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
    title: &'static str,
}

/// Every way, with what one needs to see it.
const WAYS: &[(Permission, Way)] =
    &[(Permission::OwnAccount, Way { path: "/account", title: "自分のアカウント" })];

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
    who: Option<Who>,
    ways: Vec<Way>,
    /// Stands in every form of this session.
    proof: String,
}

impl Frame {
    /// Around what is shown to anyone.
    pub fn plain(demo: bool) -> Self {
        Self { demo, who: None, ways: Vec::new(), proof: String::new() }
    }

    /// Around what is shown to someone who is not known.
    pub fn of_nobody(house: &House) -> Self {
        Self::plain(house.app.demo.is_some())
    }

    /// Around what a person sees.
    pub fn of(house: &House, actor: &Actor) -> Result<Self, Failure> {
        let roles: Vec<&str> = actor.roles.iter().map(|role| role.title()).collect();
        let who = Who {
            name: actor.name.clone(),
            organization: actor.organization.name.clone(),
            roles: roles.join("・"),
        };
        let ways = WAYS.iter().filter(|(permission, _)| actor.may(*permission)).map(|(_, way)| way.clone());
        Ok(Self {
            who: Some(who),
            ways: ways.collect(),
            proof: session::form_token(&house.app, actor.session_id)?,
            ..Self::of_nobody(house)
        })
    }

    /// Whether someone is signed in.
    pub fn is_known(&self) -> bool {
        self.who.is_some()
    }
}

/// What the layout needs, and the page's own context.
#[derive(Serialize)]
struct Framed<'a> {
    style: &'a str,
    icon: &'a str,
    title: &'a str,
    errors: &'a [Wrong],
    #[serde(flatten)]
    frame: &'a Frame,
    #[serde(flatten)]
    page: &'a Value,
}

/// The page's HTML.
pub fn render(frame: &Frame, page: &Page) -> Result<String, PageError> {
    let tera = TERA.as_ref().map_err(|error| PageError(error.clone()))?;
    let framed = Framed {
        style: &assets::address("itaku.css"),
        icon: &assets::address("icon.svg"),
        title: &page.title,
        errors: &page.errors,
        frame,
        page: &page.context,
    };
    let context = Context::from_serialize(&framed).map_err(|error| PageError(error.to_string()))?;
    tera.render(page.template, &context).map_err(|error| PageError(format!("{}: {error}", page.template)))
}
