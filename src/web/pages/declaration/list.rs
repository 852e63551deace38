//! Declarations: of one contract, with the agency's own observations beside them; and across contracts.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Page, PageRoute, look, page};
use super::super::task::{Within, row};
use super::super::visit::Visit;
use super::timed;
use crate::domain::access::{OrganizationKind, Permission};
use crate::service::page::MAX_LIMIT;
use crate::service::task::{self, TaskKind, TaskQuery};
use crate::service::{App, Call, Failure, Page as Part, contract, declaration, observation};

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/contracts/{id}/declarations").needs(Permission::ReadContract, of_contract),
        look("/declarations").needs(Permission::ReadContract, across),
    ]
}

fn of_contract(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let id = visit.id("id")?;
    let contract = contract::get(app, call, id)?;
    let declarations = declaration::list(app, call, id, &visit.page()?)?;
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    let draft = if is_vendor { Some(declaration::draft(app, call, id)?) } else { None };
    let observations = if is_vendor {
        Vec::new()
    } else {
        let latest = Part { limit: MAX_LIMIT, after: None };
        let seen = observation::list(app, call, id, &latest)?.items;
        seen.iter().map(|view| timed(app, view, view.recorded_at)).collect()
    };
    let context = json!({
        "contract": contract,
        "tab": "declarations",
        "pager": visit.pager(&declarations),
        "declarations": declarations.items.iter().map(|view| timed(app, view, view.declared_at)).collect::<Vec<_>>(),
        "own": call.actor.organization.id,
        "is_vendor": is_vendor,
        "draft": draft,
        "today": app.today(),
        "observations": observations,
    });
    let title = format!("{} {} {}", contract.number, contract.title, ours("報告"));
    Ok(page("declaration/contract.html", title, context).under_contract(&contract))
}

fn across(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    let (narrow, wrong) = visit.narrow();
    let title = if is_vendor { "報告と受付票" } else { "状況報告" };
    let mut context = json!({
        "is_vendor": is_vendor,
        "narrowed": visit.is_narrowed(),
        "narrow": super::super::narrow::fields(app, call)?,
        "states": [{ "value": "owed", "label": "未提出（期限の近い順）" }, { "value": "overdue", "label": "期限を過ぎて未提出" }],
    });
    let more = if let Some(state @ ("owed" | "overdue")) = visit.query("state") {
        let until = (state == "overdue").then(|| Within::Overdue.until(app.today()));
        let query = TaskQuery { kind: Some(TaskKind::Report), until, narrow, ..TaskQuery::default() };
        let owed = task::list(app, call, &query, &visit.page()?)?;
        json!({
            "owed": owed.items.iter().map(|one| row(one, is_vendor)).collect::<Vec<_>>(),
            "pager": visit.counted_pager(&owed, || task::count(app, call, &query))?,
        })
    } else {
        let declarations = declaration::mine(app, call, &narrow, &visit.page()?)?;
        let shown = |view: &DeclarationView| timed(app, view, view.declaration.declared_at);
        json!({
            "pager": visit.counted_pager(&declarations, || declaration::count(app, call, &narrow))?,
            "declarations": declarations.items.iter().map(shown).collect::<Vec<_>>(),
        })
    };
    if let (Some(context), Value::Object(more)) = (context.as_object_mut(), more) {
        context.extend(more);
    }
    Ok(page("declaration/list.html", title, context).filled(&visit.query).wrongly_asked(wrong))
}
