//! The audits of a 年度, or of all, across contracts.

use serde_json::{Value, json};

use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use super::super::{narrow, words};
use super::{heading, standing};
use crate::domain::access::{OrganizationKind, Permission, Scope};
use crate::domain::calendar;
use crate::domain::limits::{FIRST_YEAR, LAST_YEAR};
use crate::service::audit::{self, AuditQuery, AuditState, AuditYearView, AuditYears};
use crate::service::contract::NarrowQuery;
use crate::service::{App, Call, Failure, Paged};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/audits").needs(Permission::ReadContract, list)]
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (year, wrong) = if visit.query("fiscal_year") == Some("all") {
        (AuditYears::All, Vec::new())
    } else {
        let (year, wrong) = visit.query_year("fiscal_year");
        (year.map_or(AuditYears::Current, AuditYears::Of), wrong)
    };
    let own = visit.query("own") == Some("true");
    // The year asked for is that of the due day, not the contract's.
    let narrow = NarrowQuery { fiscal_year: None, ..visit.narrow().0 };
    let query = AuditQuery { years: year, state: visit.query_word("state"), own, narrow };
    let plan = audit::of_year(app, call, &query, &visit.page()?)?;
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
    let beside = |step: i32| {
        let year = fiscal_year.unwrap_or_else(|| calendar::fiscal_year(today)) + step;
        let within = (FIRST_YEAR..=LAST_YEAR).contains(&year);
        within.then(|| json!({ "year": year, "path": format!("/audits?fiscal_year={year}") }))
    };
    let years = fiscal_year.map_or_else(|| "すべての年度".to_owned(), |year| format!("{year}年度"));
    let heading = heading(&call.actor);
    let context = json!({
        "heading": heading,
        "year": fiscal_year,
        "years": years,
        // Of all years, the way back is to today's.
        "before": fiscal_year.and_then(|_| beside(-1)),
        "now": fiscal_year.is_none().then(|| beside(0)),
        "after": fiscal_year.and_then(|_| beside(1)),
        "planned": planned,
        "done_count": done,
        "overdue": overdue,
        "without_on_site": without_on_site,
        "missing": fiscal_year.map(|year| format!("/contracts?without_on_site={year}")),
        "rows": rows,
        "pager": visit.counted_pager(&Paged { items, next_cursor }, || audit::count(app, call, &query))?,
        "narrow": narrow::fields(app, call)?,
        "narrowed": visit.query.iter().any(|(name, text)| {
            !text.is_empty() && !matches!(name.as_str(), "fiscal_year" | "cursor" | "done" | "tour")
        }),
        "overseer": call.scope() == Scope::Overseer,
        "vendor": call.actor.organization.kind == OrganizationKind::Vendor,
        "states": words::choices::<AuditState>("audits"),
    });
    Ok(page("audit/year.html", format!("{heading} {years}"), context)
        .filled(&visit.query)
        .wrongly_asked(wrong))
}
