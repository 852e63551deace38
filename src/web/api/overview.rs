//! `/overview`.

use crate::domain::access::Permission;
use crate::service::overview;
use crate::web::route::{Plain, Route, get};

/// The route of the first page's counts.
pub fn routes() -> Vec<Route> {
    vec![
        get("/overview", "今日の状況（対応が必要なものの件数）")
            .needs(Permission::ReadOverview)
            .run(|app, call, _| overview::overview(app, call).map(Plain)),
    ]
}
