//! An agency's settings and departments.

use crate::domain::access::Permission;
use crate::service::setting::{self, DepartmentInput, SettingsChange};
use crate::web::route::{Plain, Route, Versioned, create, get, patch};

/// The routes of settings.
pub fn routes() -> Vec<Route> {
    vec![
        get("/settings", "機関の設定")
            .needs(Permission::ReadSettings)
            .run(|app, call, _| setting::find(app, call).map(Versioned::from)),
        patch("/settings", "機関の設定の変更").needs(Permission::ChangeSettings).takes(
            |app, call, request, input: SettingsChange| {
                setting::change(app, call, &request.version()?, &input).map(Versioned::from)
            },
        ),
        get("/departments", "担当部署の一覧")
            .paged()
            .needs(Permission::ReadSettings)
            .run(|app, call, request| setting::departments(app, call, &request.page()?).map(Plain)),
        create("/departments", "担当部署の登録").needs(Permission::ChangeSettings).takes(
            |app, call, _, input: DepartmentInput| setting::set_department(app, call, &input).map(Plain),
        ),
    ]
}
