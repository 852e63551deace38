//! `/notices`.

use crate::domain::access::Permission;
use crate::service::notice::{self, NoticeFilter};
use crate::web::route::{Plain, Route, act, get};

/// The routes of notices.
pub fn routes() -> Vec<Route> {
    vec![
        get("/notices", "通知の一覧（新しい順）")
            .query("state", "queued, sent, failed, held, digest, digested")
            .query("contract_id", "契約")
            .paged()
            .needs(Permission::ReadNotices)
            .run(|app, call, request| {
                let filter = NoticeFilter {
                    states: request.query_word("state")?.into_iter().collect(),
                    contract_id: request.query_id("contract_id")?,
                };
                notice::list(app, call, &filter, &request.page()?).map(Plain)
            }),
        get("/notices/{id}", "通知とその文面")
            .needs(Permission::ReadNotices)
            .run(|app, call, request| notice::read(app, call, request.id("id")?).map(Plain)),
        act("/notices/{id}/resend", "不達の通知を再送する")
            .needs(Permission::ResendNotice)
            .run(|app, call, request| notice::resend(app, call, request.id("id")?).map(Plain)),
    ]
}
