//! 検査・点検.

use crate::domain::access::Permission;
use crate::service::audit::{self, AuditQuery, AuditYears};
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
            .query("fiscal_year", "期限の属する年度（既定 今日の年度）、または all")
            .query(
                "state",
                "open（未実施）, overdue（うち期限超過）, due_soon（うち30日以内）, done, planned（未実施と実施済み）, cancelled",
            )
            .narrowed_but_year()
            .query("own", "true: 受託者自身の検査だけ（再委託先の検査を除く）")
            .paged()
            .needs(Permission::ReadContract)
            .run(|app, call, request| {
                let years = match request.query("fiscal_year") {
                    Some("all") => AuditYears::All,
                    _ => request.query_number("fiscal_year")?.map_or(AuditYears::Current, AuditYears::Of),
                };
                // The year asked for is that of the due day, not the contract's.
                let narrow = super::contract::narrow_but_year(request)?;
                let (state, own) = (request.query_word("state")?, request.query_flag("own")?);
                let query = AuditQuery { years, state, own: own == Some(true), narrow };
                audit::of_year(app, call, &query, &request.page()?).map(Plain)
            }),
        get("/audits/{id}", "検査")
            .needs(Permission::ReadContract)
            .run(|app, call, request| audit::find(app, call, request.id("id")?).map(Plain)),
        act("/audits/{id}/complete", "検査の完了と指摘").needs(Permission::PlanAudit).takes(
            |app, call, request, given| audit::complete(app, call, request.id("id")?, &given).map(Plain),
        ),
        act("/audits/{id}/correct", "検査の結果の訂正（前の内容は変更履歴に残る）")
            .needs(Permission::PlanAudit)
            .takes(|app, call, request, given| {
                audit::correct(app, call, request.id("id")?, &given).map(Plain)
            }),
        act("/audits/{id}/confirm", "指摘の是正確認、又はその取消し").needs(Permission::PlanAudit).takes(
            |app, call, request, given| audit::confirm(app, call, request.id("id")?, &given).map(Plain),
        ),
        act("/audits/{id}/cancel", "検査の取消し（完了していないもの。周期のある検査はそこで終わる）")
            .needs(Permission::PlanAudit)
            .takes(|app, call, request, given| {
                audit::cancel(app, call, request.id("id")?, &given).map(Plain)
            }),
    ]
}
