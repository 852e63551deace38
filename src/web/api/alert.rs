//! `/alerts`.

use crate::domain::access::Permission;
use crate::service::alert::{self, AlertFilter};
use crate::web::route::{Plain, Route, act, get};

/// The routes of alerts.
pub fn routes() -> Vec<Route> {
    vec![
        get("/alerts", "アラートの一覧（新しい順）")
            .query("state", "open, acknowledged, resolved")
            .query("kind", "種類")
            .query("severity", "critical, warning, info")
            .query("contract_id", "契約")
            .query("engagement_id", "体制上の位置")
            .query(
                "sort",
                "並び順: newest（既定）, gravest（重要度の高い順）, due（期限のあるものだけを、近い順に）",
            )
            .narrowed()
            .paged()
            .needs(Permission::ReadAlerts)
            .run(|app, call, request| {
                let filter = AlertFilter {
                    state: request.query_word("state")?,
                    kind: request.query_word("kind")?,
                    severity: request.query_word("severity")?,
                    contract_id: request.query_id("contract_id")?,
                    engagement_id: request.query_id("engagement_id")?,
                    narrow: super::contract::narrow(request)?.of(call),
                    order: request.query_word("sort")?.unwrap_or_default(),
                    ..AlertFilter::default()
                };
                alert::list(app, call, &filter, &request.page()?).map(Plain)
            }),
        get("/alerts/{id}", "アラート")
            .needs(Permission::ReadAlerts)
            .run(|app, call, request| alert::find(app, call, request.id("id")?).map(Plain)),
        act("/alerts/acknowledge", "アラートにまとめて着手する").needs(Permission::HandleAlerts).takes(
            |app, call, _, input: alert::Acknowledge| alert::acknowledge_all(app, call, &input).map(Plain),
        ),
        act("/alerts/{id}/acknowledge", "アラートに着手する")
            .needs(Permission::HandleAlerts)
            .run(|app, call, request| alert::acknowledge(app, call, request.id("id")?).map(Plain)),
        act("/alerts/{id}/resolve", "とった措置を記録する").needs(Permission::HandleAlerts).takes(
            |app, call, request, input: alert::Resolve| {
                alert::resolve(app, call, request.id("id")?, &input).map(Plain)
            },
        ),
        act("/alerts/{id}/assess", "判断を記録する").needs(Permission::HandleAlerts).takes(
            |app, call, request, input: alert::Assess| {
                alert::assess(app, call, request.id("id")?, &input).map(Plain)
            },
        ),
    ]
}
