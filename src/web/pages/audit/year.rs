//! The audits of a 年度 across contracts.

use serde_json::{Value, json};

use super::super::route::{Page, PageRoute, Visit, look, page};
use super::super::words;
use super::{heading, standing};
use crate::domain::access::Permission;
use crate::domain::alert::AlertKind;
use crate::domain::limits::{FIRST_YEAR, LAST_YEAR};
use crate::service::audit::{self, AuditState, AuditYearView};
use crate::service::{App, Call, Failure, Paged};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/audits").needs(Permission::ReadContract, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let state: Option<AuditState> = visit.query_word("state");
    let (year, wrong) = visit.query_year("fiscal_year");
    let plan = audit::of_year(app, call, year, state, &visit.page()?)?;
    let AuditYearView { fiscal_year, planned, done, overdue, without_on_site, items, next_cursor } = plan;
    let today = app.today();
    let rows: Vec<Value> = items
        .iter()
        .map(|audit| {
            let open = audit.done_on.is_none() && audit.cancelled_on.is_none();
            let lapsed = open && !audit.overdue && audit.due_on < today;
            let standing = standing(audit.result, audit.cancelled_on, audit.overdue, lapsed);
            json!({ "audit": audit, "standing": standing })
        })
        .collect();
    let of_year = |year: i32| {
        let within = (FIRST_YEAR..=LAST_YEAR).contains(&year);
        within.then(|| json!({ "year": year, "path": format!("/audits?fiscal_year={year}") }))
    };
    let heading = heading(&call.actor);
    let context = json!({
        "heading": heading,
        "year": fiscal_year,
        "before": of_year(fiscal_year - 1),
        "after": of_year(fiscal_year + 1),
        "planned": planned,
        "done_count": done,
        "overdue": overdue,
        "without_on_site": without_on_site,
        "missing": format!("/alerts?kind={}", AlertKind::AuditMissing),
        "rows": rows,
        "pager": visit.pager(&Paged { items, next_cursor }),
        "narrowed": state.is_some(),
        "states": words::choices::<AuditState>("audits"),
    });
    Ok(page("audit/year.html", format!("{heading} {fiscal_year}年度"), context)
        .filled(&visit.query)
        .wrongly_asked(wrong))
}
