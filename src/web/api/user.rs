//! People and who stands in for them.

use crate::domain::access::Permission;
use crate::service::factor;
use crate::service::user::{self, DeputyEnd, DeputyInput, UserChange, UserInput};
use crate::web::route::{Plain, Route, Versioned, act, create, get, patch};

/// The routes of accounts.
pub fn routes() -> Vec<Route> {
    vec![
        create("/users", "利用者の登録")
            .fresh()
            .needs(Permission::ManageUsers)
            .takes(|app, call, _, input: UserInput| user::create(app, call, &input).map(Versioned::from)),
        get("/users", "利用者の一覧")
            .query("organization_id", "組織")
            .query("role", "この役割を持ち、今日ログインできる利用者だけ（担当者や代理を選ぶとき）")
            .paged()
            .needs(Permission::ManageUsers)
            .run(|app, call, request| {
                let (organization, role) =
                    (request.query_id("organization_id")?, request.query_word("role")?);
                let listed = role.map_or(user::Listed::All, user::Listed::Holding);
                user::list(app, call, organization, listed, &request.page()?).map(Plain)
            }),
        get("/users/{id}", "利用者")
            .needs(Permission::ReadUser)
            .run(|app, call, request| user::find(app, call, request.id("id")?).map(Versioned::from)),
        patch("/users/{id}", "利用者の変更").fresh().needs(Permission::ManageUsers).takes(
            |app, call, request, input: UserChange| {
                let unlimited = request.body.get("expires_on").is_some_and(serde_json::Value::is_null);
                user::change(app, call, request.id("id")?, &request.version()?, &input, unlimited)
                    .map(Versioned::from)
            },
        ),
        act("/users/{id}/invitation", "招待を送り直す")
            .needs(Permission::ManageUsers)
            .run(|app, call, request| user::invite_again(app, call, request.id("id")?).map(Plain)),
        act("/users/{id}/unblock", "ログインの制限を解除する")
            .needs(Permission::ManageUsers)
            .run(|app, call, request| user::unblock(app, call, request.id("id")?).map(Plain)),
        get("/users/{id}/sessions", "利用者のログイン").paged().needs(Permission::ManageUsers).run(
            |app, call, request| user::sessions(app, call, request.id("id")?, &request.page()?).map(Plain),
        ),
        act("/users/{id}/sessions/end", "利用者のログインをすべて終える")
            .fresh()
            .needs(Permission::ManageUsers)
            .run(|app, call, request| user::end_sessions(app, call, request.id("id")?).map(Plain)),
        act("/users/{id}/factors/reset", "二要素認証を解除する（本人が登録し直します）")
            .fresh()
            .needs(Permission::ManageUsers)
            .run(|app, call, request| factor::reset(app, call, request.id("id")?).map(Plain)),
        create("/users/{id}/deputies", "代理の指定").fresh().needs(Permission::ManageDeputies).takes(
            |app, call, request, input: DeputyInput| {
                user::appoint_deputy(app, call, request.id("id")?, &input).map(Plain)
            },
        ),
        act("/deputies/{id}/end", "代理の最終日を早める（昨日にすると、今日から代理でなくなる）")
            .needs(Permission::ManageDeputies)
            .takes(|app, call, request, input: DeputyEnd| {
                user::end_deputy(app, call, request.id("id")?, &input).map(Plain)
            }),
        get("/users/{id}/deputies", "代理の一覧").paged().needs(Permission::ManageDeputies).run(
            |app, call, request| user::deputies(app, call, request.id("id")?, &request.page()?).map(Plain),
        ),
    ]
}
