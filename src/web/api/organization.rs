//! The register of organizations.

use crate::domain::access::Permission;
use crate::service::organization::{self, OrganizationChange, OrganizationInput};
use crate::service::vendor::{self, MergeInput};
use crate::web::route::{Plain, Route, Versioned, act, create, get, patch};

/// The routes of organizations.
pub fn routes() -> Vec<Route> {
    vec![
        create("/organizations", "組織の登録").needs(Permission::RegisterOrganization).takes(
            |app, call, _, input: OrganizationInput| {
                organization::register(app, call, &input).map(Versioned::from)
            },
        ),
        get("/organizations", "組織の一覧")
            .query("q", "名称の一部、機関コード、法人番号")
            .query("kind", "agency または vendor")
            .paged()
            .needs(Permission::ReadOrganizations)
            .run(|app, call, request| {
                let kind = request.query_word("kind")?;
                organization::list(app, call, request.query("q"), kind, &request.page()?).map(Plain)
            }),
        get("/organizations/{id}", "組織")
            .needs(Permission::ReadOrganizations)
            .run(|app, call, request| organization::find(app, call, request.id("id")?).map(Versioned::from)),
        act("/vendors/{id}/merge", "事業者の統合").needs(Permission::RegisterOrganization).takes(
            |app, call, request, input: MergeInput| {
                vendor::merge(app, call, request.id("id")?, &input).map(Plain)
            },
        ),
        patch(
            "/organizations/{id}",
            "組織の変更（担当者と管理者は、事業者の登録情報どおりの名称と、連絡先だけ）",
        )
        .needs(Permission::RecordVendor)
        .takes(|app, call, request, input: OrganizationChange| {
            let id = request.id("id")?;
            organization::find(app, call, id)?;
            organization::change(app, call, id, &request.version()?, &input).map(Versioned::from)
        }),
    ]
}
