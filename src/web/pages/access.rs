//! 閲覧記録: who opened which of the agency's contracts.

use serde_json::{Value, json};

use super::own::ours;
use super::route::{Page, PageRoute, look, page};
use super::visit::Visit;
use super::words;
use crate::domain::access::Permission;
use crate::service::access::{self, LookFilter, LookView, ONE_LOOK};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/access-log").needs(Permission::ReadAccessLog, list)]
}

/// What was opened, by the beginning of its pattern without what tells page and API apart; the first that fits.
const OPENED: &[(&str, &str)] = &[
    ("/contracts/{id}/chain", "再委託の体制"),
    ("/contracts/{id}/ledger", "変更履歴"),
    ("/contracts/{id}/declarations", "状況報告"),
    ("/contracts/{id}/audits", "検査"),
    ("/contracts/{id}/applications", "申請"),
    ("/contracts/{id}", "契約"),
    ("/applications/{id}", "申請"),
    ("/declarations/{id}", "状況報告"),
    ("/engagements/{id}", "再委託先"),
    ("/audits/{id}", "検査"),
    ("/alerts/{id}", "アラート"),
    ("/notices/{id}", "通知"),
    ("/ledger", "変更履歴"),
];

/// What was opened and by which way, in words.
fn opened(what: &str) -> String {
    let (path, way) = match what.strip_prefix("/api/v1") {
        Some(path) => (path, "API"),
        None => (what, "画面"),
    };
    let known = OPENED.iter().find(|(begins, _)| path.starts_with(begins));
    ours(&format!("{}（{way}）", known.map_or(path, |(_, words)| words)))
}

/// The looks without those that say the same again: one view of a matter reads several of its addresses, of which each
/// is a row of the record. Of one person, one contract and one word within ten minutes the latest stands.
fn folded(looks: &[LookView]) -> Vec<&LookView> {
    let mut shown: Vec<&LookView> = Vec::new();
    for look in looks {
        let is_said = |it: &&&LookView| {
            it.reader.id == look.reader.id
                && it.contract_id == look.contract_id
                && opened(&it.what) == opened(&look.what)
                && (it.at - look.at).num_seconds() < ONE_LOOK
        };
        if !shown.iter().any(|it| is_said(&it)) {
            shown.push(look);
        }
    }
    shown
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (day, wrong) = visit.query_day(("day", "記録した日"));
    let filter =
        LookFilter { day, user_id: visit.query_id("user_id")?, contract_id: visit.query_id("contract_id")? };
    let looks = access::list(app, call, &filter, &visit.page()?)?;
    let first = looks.items.first();
    let row = |look: &LookView| {
        json!({
            "look": look,
            "at": words::instant(app, look.at),
            "opened": opened(&look.what),
        })
    };
    let context = json!({
        "rows": folded(&looks.items).into_iter().map(row).collect::<Vec<Value>>(),
        "pager": visit.pager(&looks),
        "narrowed": visit.is_narrowed(),
        // Of whom, or of what, the list is: named by its first row.
        "reader": filter.user_id.and(first).map(|look| &look.reader.name),
        "contract": filter.contract_id.and(first).map(|look| json!({"number": look.contract_number, "title": look.contract_title})),
        "user_id": filter.user_id,
        "contract_id": filter.contract_id,
    });
    Ok(page("access/list.html", "閲覧記録", context).filled(&visit.query).wrongly_asked(wrong))
}
