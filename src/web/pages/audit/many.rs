//! One audit planned for many contracts at once.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, checked, form, joined, page};
use super::super::visit::Visit;
use super::super::{narrow, words};
use super::heading;
use crate::domain::access::Permission;
use crate::domain::audit::AuditKind;
use crate::domain::contract::ContractStatus;
use crate::domain::id::ContractId;
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
    let said = |name: &str| visit.query(name).unwrap_or_else(|| visit.typed(name)).to_owned();
    let (q, officer, department) = (said("q"), said("officer"), said("department"));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let narrow = NarrowQuery {
        q: some(&q),
        officer: officer.parse().ok(),
        department: some(&department),
        ..NarrowQuery::default()
    };
    let query = ContractQuery {
        narrow,
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
    let ids: Vec<ContractId> = found.items.iter().map(|it| it.id).collect();
    let audits = audit::at_contracts(app, &ids)?;
    let told =
        |(kind, day): &(AuditKind, NaiveDate)| format!("{} {day}", words::told("audit", kind.as_str()));
    let rows: Vec<Value> = found
        .items
        .iter()
        .map(|it| {
            let at = audits.get(&it.id);
            let planned: Vec<String> = at.iter().flat_map(|at| &at.planned).map(told).collect();
            let last = at.and_then(|at| at.last.as_ref()).map(told);
            json!({
                "planned": planned, "last": last, "officer": it.officer_name,
                "id": it.id, "number": it.number, "title": it.title, "vendor": it.vendor_name,
                "department": it.department, "last_day": it.last_day,
                "on": every || chosen.contains(&it.id.as_str()),
            })
        })
        .collect();
    let context = json!({
        "rows": rows, "more": found.next_cursor.is_some(), "q": q, "officer": officer,
        "department": department, "narrow": narrow::fields(app, call)?,
        "narrowed": !(q.is_empty() && officer.is_empty() && department.is_empty()), "kinds": words::choices::<AuditKind>("audit"),
    });
    Ok(page("audit/many.html", "検査をまとめて計画する", context).under("/audits", heading(&call.actor)))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: ManyAudits = visit.completed(|body| {
        for own in ["q", "officer", "department"] {
            body.remove(own);
        }
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
        let again: Vec<String> = rows
            .iter()
            .filter(|row| row.standing != Standing::There && !row.others.is_empty())
            .map(|row| {
                let days: Vec<String> = row.others.iter().map(NaiveDate::to_string).collect();
                format!("{} {} {}", row.number, row.title, ours(&format!("（{}）", days.join("、"))))
            })
            .collect();
        let doubled = if again.is_empty() {
            String::new()
        } else {
            let told = ours(&format!("{}件", words::count(again.len())));
            format!("{told}\n{}", again.join("\n"))
        };
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
            ("うち、別の期限の計画がすでにある契約", doubled),
            ("同じ検査の計画がある契約（計画しません）", of(Standing::There)),
        ];
        let asked = checked(visit, "計画する内容を確かめる", "計画する", &answers);
        let mut cautions = Vec::new();
        if !late.is_empty() {
            cautions.push(ours(
                "期限が契約の終了より後の契約があります。終わった契約の検査は、期限が来ても求められません。",
            ));
        }
        if !again.is_empty() {
            cautions.push(ours(&format!(
                "同じ種類の検査が、別の期限ですでに計画されている契約が{}件あります。このまま計画すると、検査が2つになります。重ねて行わない契約は、入力に戻って選択を外してください。",
                words::count(again.len())
            )));
        }
        if rows.iter().all(|row| row.standing == Standing::There) {
            cautions.push(ours("選んだ契約のすべてに同じ検査の計画があります。計画しても何も変わりません。"));
        }
        let context = joined(asked.context, json!({ "cautions": cautions }));
        return Ok(Page { context, ..asked }.into());
    }
    let planned = audit::plan_many(app, call, &given)?;
    let words = format!("{}件の契約に検査を計画しました。", words::count(planned));
    Ok(page("contract/moved.html", "検査を計画しました", json!({ "words": words }))
        .under("/audits", heading(&call.actor))
        .into())
}
