//! One audit planned for many contracts at once.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, checked, form, joined, page};
use super::super::visit::Visit;
use super::super::words;
use super::heading;
use crate::domain::access::Permission;
use crate::domain::audit::AuditKind;
use crate::domain::contract::ContractStatus;
use crate::service::audit::{self, ManyAudits, Standing};
use crate::service::contract::{self, ContractQuery, ContractSort, NarrowQuery};
use crate::service::{self, App, Call, Failure};

const LABELS: &Labels = &[
    ("contract_ids", "契約"),
    ("kind", "種類"),
    ("due_on", "期限"),
    ("every_months", "繰り返し"),
    ("auditor", "検査を行う人"),
    ("unannounced", "予告なし"),
];

pub fn routes() -> Vec<PageRoute> {
    form("/audits/many", LABELS).needs(Permission::PlanAudit, show, act)
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let q = visit.query("q").unwrap_or_else(|| visit.typed("q")).to_owned();
    let query = ContractQuery {
        narrow: NarrowQuery { q: Some(q.clone()).filter(|q| !q.is_empty()), ..NarrowQuery::default() },
        status: Some(ContractStatus::Running),
        sort: ContractSort::Number,
        ..ContractQuery::default()
    };
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let found = contract::list(app, call, &query, &all)?;
    let every = visit.form.mark("_again") == Some("all");
    let chosen: Vec<&str> = visit
        .form
        .values()
        .iter()
        .filter(|(name, _)| name.starts_with("contract_ids/"))
        .map(|(_, id)| id.as_str())
        .collect();
    let rows: Vec<Value> = found
        .items
        .iter()
        .map(|it| {
            json!({
                "id": it.id, "number": it.number, "title": it.title, "vendor": it.vendor_name,
                "department": it.department, "last_day": it.last_day,
                "on": every || chosen.contains(&it.id.as_str()),
            })
        })
        .collect();
    let context = json!({
        "rows": rows, "more": found.next_cursor.is_some(), "q": q, "kinds": words::choices::<AuditKind>("audit"),
    });
    Ok(page("audit/many.html", "検査をまとめて計画する", context).under("/audits", heading(&call.actor)))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: ManyAudits = visit.completed(|body| {
        body.remove("q");
    })?;
    if visit.form.mark("_sure").is_none() {
        let rows = audit::preview_many(app, call, &given)?;
        let of = |standing: Standing| {
            let lines: Vec<String> = rows
                .iter()
                .filter(|row| row.standing == standing)
                .map(|row| format!("{} {}", row.number, row.title))
                .collect();
            let told = ours(&format!("{}件", lines.len()));
            if lines.is_empty() { String::new() } else { format!("{told}\n{}", lines.join("\n")) }
        };
        let late = of(Standing::AfterTheEnd);
        let plan = &given.plan;
        let answers = [
            ("種類", words::told("audit", plan.kind.as_str())),
            ("期限", words::day(plan.due_on)),
            ("繰り返し", plan.every_months.map(|months| format!("{months}か月ごと")).unwrap_or_default()),
            ("検査を行う人", plan.auditor.clone().unwrap_or_default()),
            ("予告", if plan.unannounced { "予告なし（事業者には表示しません）" } else { "" }.to_owned()),
            ("検査を受ける事業者", ours("それぞれの契約の受託者")),
            ("計画する契約", of(Standing::Planned)),
            ("計画する契約（期限が契約の終了より後）", late.clone()),
            ("同じ検査の計画がある契約（計画しません）", of(Standing::There)),
        ];
        let asked = checked(visit, "計画する内容を確かめる", "計画する", &answers);
        let mut cautions = Vec::new();
        if !late.is_empty() {
            cautions.push(ours(
                "期限が契約の終了より後の契約があります。終わった契約の検査は、期限が来ても求められません。",
            ));
        }
        if rows.iter().all(|row| row.standing == Standing::There) {
            cautions.push(ours("選んだ契約のすべてに同じ検査の計画があります。計画しても何も変わりません。"));
        }
        let context = joined(asked.context, json!({ "cautions": cautions }));
        return Ok(Page { context, ..asked }.into());
    }
    let planned = audit::plan_many(app, call, &given)?;
    let words = format!(
        "{}件の契約に検査を計画しました。",
        words::thousands(i64::try_from(planned).unwrap_or(i64::MAX))
    );
    Ok(page("contract/moved.html", "検査を計画しました", json!({ "words": words }))
        .under("/audits", heading(&call.actor))
        .into())
}
