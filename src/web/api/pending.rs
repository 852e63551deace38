//! 承認待ちの変更: what of accounts waits for a second administrator.

use crate::domain::access::Permission;
use crate::service::user::pending::{self, RejectionInput};
use crate::web::route::{Plain, Route, act, get};

/// The routes of changes that wait.
pub fn routes() -> Vec<Route> {
    vec![
        get("/pending-changes", "承認待ちの変更の一覧")
            .query("user_id", "この利用者の変更だけ")
            .query("state", "asked（承認待ち）、in_force、rejected、withdrawn、expired、void")
            .paged()
            .needs(Permission::ManageUsers)
            .run(|app, call, request| {
                let (user, state) = (request.query_id("user_id")?, request.query_word("state")?);
                pending::list(app, call, user, state, &request.page()?).map(Plain)
            }),
        get("/pending-changes/{id}", "承認待ちの変更")
            .needs(Permission::ReadUser)
            .run(|app, call, request| pending::find(app, call, request.id("id")?).map(Plain)),
        act("/pending-changes/{id}/approve", "変更の承認（求めた人とは別の管理者）")
            .fresh()
            .needs(Permission::ManageUsers)
            .run(|app, call, request| pending::approve(app, call, request.id("id")?).map(Plain)),
        act("/pending-changes/{id}/reject", "変更の却下（別の管理者か本人）")
            .needs(Permission::ReadUser)
            .takes(|app, call, request, input: RejectionInput| {
                pending::reject(app, call, request.id("id")?, input.reason.as_deref()).map(Plain)
            }),
        act("/pending-changes/{id}/withdraw", "変更の取下げ（求めた人）")
            .needs(Permission::ReadUser)
            .run(|app, call, request| pending::withdraw(app, call, request.id("id")?).map(Plain)),
    ]
}
