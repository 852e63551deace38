//! 利用者と権限: accounts, invitations, deputies.

mod change;
mod deputy;
mod list;
mod new;
mod own_deputy;
mod pending;
mod show;

use serde_json::Value;

use super::own::ours;
use super::route::{Labels, Page, PageRoute};
use super::visit::Visit;
use super::words;
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::id::{OrganizationId, UserId};
use crate::domain::input::{FieldError, Input};
use crate::domain::text_enum::TextEnum;
use crate::service::user::{self, UserView};
use crate::service::{self, App, Call, Failure, organization};

const LABELS: &Labels = &[
    ("email", "メールアドレス"),
    ("name", "氏名"),
    ("organization_id", "組織"),
    ("roles", "役割"),
    ("active", "利用の可否"),
    ("expires_on", "有効期限"),
];

pub use own_deputy::of_account as deputies_of_account;

pub fn routes() -> Vec<PageRoute> {
    let acts = [new::routes(), change::routes(), deputy::routes()].concat();
    let fresh = acts.into_iter().map(PageRoute::fresh).collect();
    [list::routes(), show::routes(), fresh, deputy::endings(), own_deputy::routes(), pending::routes()]
        .concat()
}

/// The address of a person's page.
fn address(id: UserId) -> String {
    format!("/users/{id}")
}

impl Page {
    /// The page under a person's.
    fn under_user(self, user: &UserView) -> Self {
        self.under("/users", "利用者").under(address(user.id), user.name.clone())
    }
}

/// The organization of a form: its kind says which roles its people can hold.
struct Employer {
    id: OrganizationId,
    kind: OrganizationKind,
    name: String,
}

fn employer(app: &App, call: &Call, id: OrganizationId) -> Result<Employer, Failure> {
    let own = &call.actor.organization;
    if id == own.id {
        return Ok(Employer { id, kind: own.kind, name: own.name.clone() });
    }
    let (found, _) = organization::find(app, call, id)?;
    Ok(Employer { id, kind: found.kind, name: found.name })
}

/// The roles that people of such an organization can hold, as choices of a field.
fn role_choices(kind: OrganizationKind) -> Value {
    let words = words::choices::<Role>("role");
    let belongs = |choice: &Value| {
        let role = choice["value"].as_str().and_then(|code| code.parse::<Role>().ok());
        role.is_some_and(|role| role.belongs_to() == kind)
    };
    Value::Array(words.as_array().into_iter().flatten().filter(|choice| belongs(choice)).cloned().collect())
}

/// Everyone of an organization whom the caller administers.
fn everyone(app: &App, call: &Call, organization: OrganizationId) -> Result<Vec<UserView>, Failure> {
    let mut everyone = Vec::new();
    let mut page = service::Page { limit: service::page::MAX_LIMIT, after: None };
    loop {
        let found = user::list(app, call, Some(organization), user::Listed::All, &page)?;
        everyone.extend(found.items);
        match found.next_cursor {
            None => return Ok(everyone),
            Some(cursor) => page = service::Page::read(Some(&page.limit.to_string()), Some(&cursor))?,
        }
    }
}

/// The form as an input, in which these fields must stand, with the words for one that does not. Everything wrong is
/// told at once.
fn read<I: Input>(visit: &Visit, needed: &[(&str, &str)]) -> Result<I, Failure> {
    let input = visit.input::<I>();
    let absent = needed.iter().filter(|(name, _)| !visit.form.body().contains_key(*name));
    let mut wrong: Vec<FieldError> =
        absent.map(|(name, words)| FieldError::new(format!("/{name}"), "required", *words)).collect();
    match input {
        Ok(input) if wrong.is_empty() => Ok(input),
        Ok(_) => Err(Failure::Invalid(wrong)),
        Err(Failure::Invalid(more)) => {
            let is_new = |error: &FieldError| wrong.iter().all(|known| known.pointer != error.pointer);
            let more: Vec<FieldError> = more.into_iter().filter(is_new).collect();
            wrong.extend(more);
            Err(Failure::Invalid(wrong))
        }
        Err(other) => Err(other),
    }
}

/// What is said where no role is ticked.
const NO_ROLE: (&str, &str) = ("roles", "役割を1つ以上選んでください。");

/// What each role is for, for those who give it: role, its word, what it may.
fn role_meanings(kind: OrganizationKind) -> Value {
    let meanings = Role::ALL.iter().filter(|role| role.belongs_to() == kind);
    Value::Array(
        meanings
            .map(|role| serde_json::json!({ "role": role.title(), "may": ours(meaning(*role)) }))
            .collect(),
    )
}

fn meaning(role: Role) -> &'static str {
    match role {
        Role::Officer => "契約の登録、申請の審査、実地確認の記録、検査の計画、アラートの対応",
        Role::Approver => "申請の決裁、承認の取消し、契約の終了、アラートの対応",
        Role::Auditor => "検査の計画と結果の登録、実地確認の記録、アラートの対応",
        Role::AgencyAdmin => "利用者と代理の管理、担当者の引継ぎ、設定の変更、送信履歴",
        Role::VendorUser => "申請と状況報告",
        Role::VendorAdmin => "申請と状況報告、社内の利用者の管理",
        Role::Overseer => "すべての機関の閲覧（登録や変更はできません）",
        Role::SystemAdmin => "組織と利用者の管理（契約は見られません）",
    }
}
