//! `/ledger`.

use crate::domain::access::Permission::ReadLedger;
use crate::service::{Failure, ledger};
use crate::web::route::{Plain, Route, get};

/// The routes of the ledger.
pub fn routes() -> Vec<Route> {
    vec![
        get("/ledger", "変更履歴: 契約の履歴全体、または指定したものに触れる記録")
            .query("subject", "契約・組織などの識別子（必須）")
            .paged()
            .needs(ReadLedger)
            .run(|app, call, request| {
                let subject = request
                    .query_id("subject")?
                    .ok_or_else(|| Failure::field("/subject", "required", "subject を指定してください。"))?;
                ledger::list(app, call, subject, &request.page()?).map(Plain)
            }),
        get("/ledger/{entry}/receipt", "受付票（署名付き）")
            .needs(ReadLedger)
            .run(|app, call, request| ledger::receipt(app, call, request.id("entry")?).map(Plain)),
    ]
}
