//! 再委託承認申請.

use crate::domain::access::Permission;
use crate::service::application::{self, QueueQuery};
use crate::web::route::{Plain, Route, act, create, get};

pub fn routes() -> Vec<Route> {
    vec![
        create("/contracts/{id}/applications", "再委託承認申請").needs(Permission::FileApplication).takes(
            |app, call, request, given| application::file(app, call, request.id("id")?, &given).map(Plain),
        ),
        get("/contracts/{id}/applications", "契約の申請一覧（古い順）")
            .paged()
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                application::list(app, call, request.id("id")?, &request.page()?).map(Plain)
            }),
        get("/applications", "申請の一覧（機関は受理した申請、事業者は提出した申請）")
            .query("state", "applied|returned|consented|refused|withdrawn")
            .query("reviewed", "true・false: 審査の記録の有無（機関のみ）")
            .query("sort", "並び順: newest（既定。新しい順）, due（審査・決裁・補正を待つものだけを、その期限の近い順に）")
            .narrowed()
            .paged()
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                let query = QueueQuery {
                    state: request.query_word("state")?,
                    reviewed: request.query_flag("reviewed")?,
                    narrow: super::contract::narrow(request)?,
                    sort: request.query_word("sort")?.unwrap_or_default(),
                };
                application::queue(app, call, &query, &request.page()?).map(Plain)
            }),
        get("/applications/{id}", "申請")
            .query("known_at", "この時刻までに記録された事実だけで見る（既定 現在）")
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                application::get(app, call, request.id("id")?, request.query_instant("known_at")?).map(Plain)
            }),
        act("/applications/{id}/review", "審査の記録").needs(Permission::ReviewApplication).takes(
            |app, call, request, given| application::review(app, call, request.id("id")?, &given).map(Plain),
        ),
        act("/applications/{id}/return", "補正依頼").needs(Permission::ReturnApplication).takes(
            |app, call, request, given| {
                application::ask_correction(app, call, request.id("id")?, &given).map(Plain)
            },
        ),
        act("/applications/{id}/send-back", "差戻し（担当者の審査へ）")
            .needs(Permission::DecideApplication)
            .takes(|app, call, request, given| {
                application::send_back(app, call, request.id("id")?, &given).map(Plain)
            }),
        act("/applications/{id}/resubmit", "補正").needs(Permission::FileApplication).takes(
            |app, call, request, given| {
                application::resubmit(app, call, request.id("id")?, &given).map(Plain)
            },
        ),
        act("/applications/{id}/decision", "決裁").needs(Permission::DecideApplication).takes(
            |app, call, request, given| application::decide(app, call, request.id("id")?, &given).map(Plain),
        ),
        act("/applications/{id}/withdraw", "取下げ").needs(Permission::FileApplication).takes(
            |app, call, request, given| {
                application::withdraw(app, call, request.id("id")?, &given).map(Plain)
            },
        ),
    ]
}
