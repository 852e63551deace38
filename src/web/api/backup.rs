//! `/backups`.

use crate::domain::access::Permission;
use crate::service::backup;
use crate::web::route::{Plain, Route, get};

/// The route of the scheduled backups.
pub fn routes() -> Vec<Route> {
    vec![
        get("/backups", "バックアップの状況（最後のもの、設定、これまでの記録）")
            .needs(Permission::ReadBackups)
            .run(|app, _, _| backup::standing(app).map(Plain)),
    ]
}
