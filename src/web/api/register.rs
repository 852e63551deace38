//! What the corporate-number register says of an organization.

use crate::domain::access::Permission;
use crate::service::register;
use crate::web::route::{Plain, Route, get};

/// The routes of the register.
pub fn routes() -> Vec<Route> {
    vec![
        get("/organizations/{id}/register", "法人番号公表サイトの記録と履歴")
            .needs(Permission::ReadOrganizations)
            .run(|app, call, request| register::register_of(app, call, request.id("id")?).map(Plain)),
    ]
}
