//! `/access-log`.

use crate::domain::access::Permission;
use crate::service::access::{self, LookFilter};
use crate::web::route::{Plain, Route, get};

/// The routes of the access log.
pub fn routes() -> Vec<Route> {
    vec![
        get("/access-log", "閲覧記録: 自機関の契約を誰がいつ開いたか（新しい順）")
            .query("day", "記録した日")
            .query("user_id", "開いた人")
            .query("contract_id", "契約")
            .paged()
            .needs(Permission::ReadAccessLog)
            .run(|app, call, request| {
                let filter = LookFilter {
                    day: request.query_day("day")?,
                    user_id: request.query_id("user_id")?,
                    contract_id: request.query_id("contract_id")?,
                };
                access::list(app, call, &filter, &request.page()?).map(Plain)
            }),
    ]
}
