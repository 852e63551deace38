//! 検査・点検.

use crate::domain::access::Permission;
use crate::service::audit;
use crate::web::route::{Plain, Route, act, create, get};

pub fn routes() -> Vec<Route> {
    vec![
        create("/contracts/{id}/audits", "検査の計画")
            .needs(Permission::PlanAudit)
            .takes(|app, call, request, given| audit::plan(app, call, request.id("id")?, &given).map(Plain)),
        get("/contracts/{id}/audits", "検査の一覧")
            .paged()
            .needs(Permission::ReadContract)
            .run(|app, call, request| audit::list(app, call, request.id("id")?, &request.page()?).map(Plain)),
        get("/audits", "年度の検査（期限の順、契約をまたいで）")
            .query("fiscal_year", "期限の属する年度（既定 今日の年度）")
            .query("state", "open（未実施）, overdue（うち期限超過）, done, cancelled")
            .paged()
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                let (year, state) = (request.query_number("fiscal_year")?, request.query_word("state")?);
                audit::of_year(app, call, year, state, &request.page()?).map(Plain)
            }),
        get("/audits/{id}", "検査")
            .needs(Permission::ReadContract)
            .run(|app, call, request| audit::find(app, call, request.id("id")?).map(Plain)),
        act("/audits/{id}/complete", "検査の完了と指摘").needs(Permission::PlanAudit).takes(
            |app, call, request, given| audit::complete(app, call, request.id("id")?, &given).map(Plain),
        ),
        act("/audits/{id}/cancel", "検査の取消し（完了していないもの。周期のある検査はそこで終わる）")
            .needs(Permission::PlanAudit)
            .takes(|app, call, request, given| {
                audit::cancel(app, call, request.id("id")?, &given).map(Plain)
            }),
    ]
}
