//! The chain, revocation and 既承認.

use crate::domain::access::Permission;
use crate::service::{chain, consent};
use crate::web::route::{Plain, Route, act, create, get};

pub fn routes() -> Vec<Route> {
    vec![
        get("/contracts/{id}/chain", "再委託の体制")
            .query("as_of", "この日の状態（既定 今日）")
            .query("known_at", "この時刻までに記録された事実だけで見る（既定 現在）")
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                let (as_of, known_at) = (request.query_day("as_of")?, request.query_instant("known_at")?);
                chain::get(app, call, request.id("id")?, as_of, known_at).map(Plain)
            }),
        act("/engagements/{id}/revoke", "承認の取消し").needs(Permission::RevokeConsent).takes(
            |app, call, request, given| consent::revoke(app, call, request.id("id")?, &given).map(Plain),
        ),
        get("/consents", "承認の一覧（新しい順）")
            .query("recorded", "late: 既承認（紙で決裁した後に登録したもの）だけ")
            .paged()
            .needs(Permission::ReadConsents)
            .run(|app, call, request| {
                consent::list::list(app, call, request.query_word("recorded")?, &request.page()?).map(Plain)
            }),
        create("/contracts/{id}/consents", "既承認の登録").needs(Permission::RecordConsent).takes(
            |app, call, request, given| consent::record(app, call, request.id("id")?, &given).map(Plain),
        ),
    ]
}
