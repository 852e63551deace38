//! The first page: what this is, and where to go from here.

use serde::Serialize;

use crate::domain::access::Role;

/// A way into the demonstration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// Of api.md.
    pub role: String,
    pub email: String,
    pub password: String,
    /// The role and the organization on screen.
    #[serde(skip_serializing)]
    pub title: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    title: &'a str,
    /// What the person does here.
    does: &'static str,
    email: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
pub(super) struct First<'a> {
    logins: Vec<Shown<'a>>,
}

/// What someone of this role does here.
fn does(role: Role) -> &'static str {
    match role {
        Role::Officer => "契約を登録し、届いた申請を審査し、アラートに対応します。",
        Role::Approver => "審査の済んだ申請を決裁します。承認の取消しと、契約の解除・終了の登録も行います。",
        Role::Auditor => "年度の検査を計画し、結果と指摘を記録します。",
        Role::AgencyAdmin => "機関の利用者と設定を管理し、担当者の引継ぎを行います。",
        Role::VendorUser => "再委託の承認を申請し、再委託の状況を報告して、受付票を受け取ります。",
        Role::VendorAdmin => "申請と報告に加えて、社内の利用者を管理します。",
        Role::Overseer => "すべての機関の契約とアラートを、読むだけで見渡します。",
        Role::SystemAdmin => "機関・事業者・利用者を登録します。契約の内容は見えません。",
    }
}

impl<'a> From<&'a Login> for Shown<'a> {
    fn from(login: &'a Login) -> Self {
        let does = login.role.parse().map_or("", does);
        Self { title: &login.title, does, email: &login.email, password: &login.password }
    }
}

pub(super) fn context(logins: Option<&[Login]>) -> First<'_> {
    First { logins: logins.unwrap_or_default().iter().map(Shown::from).collect() }
}
