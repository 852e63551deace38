//! What the caller has to do, by due day.

use crate::domain::access::Permission;
use crate::service::task::{self, TaskQuery};
use crate::web::route::{Plain, Route, get};

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/tasks",
            "することの一覧（期限の順。申請の審査・決裁・補正、状況報告、検査、指摘の改善、契約の開始・終了、アラート）",
        )
        .query("kind", "decision|review|correction|unapproved|report|audit|finding|contract_start|contract_end|alert")
        .query("from", "この日以後が期限のもの")
        .query("until", "この日以前が期限のもの")
        .narrowed()
        .paged()
        .needs(Permission::ReadContract)
        .run(|app, call, request| {
            let query = TaskQuery {
                kind: request.query_word("kind")?,
                from: request.query_day("from")?,
                until: request.query_day("until")?,
                dated: false,
                narrow: super::contract::narrow(request)?,
            };
            task::list(app, call, &query, &request.page()?).map(Plain)
        }),
    ]
}
