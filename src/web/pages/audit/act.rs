//! The result of an audit with its findings; a plan taken back.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, check, check_gravely, form, page};
use super::super::visit::Visit;
use super::super::words;
use super::{inspected, is_open, places, standing_of_finding, title};
use crate::domain::access::Permission;
use crate::service::audit::{
    self, AuditResult, CancellationInput, CompletionInput, ConfirmationInput, CorrectionInput, FindingInput,
};
use crate::service::{App, Call, Failure, contract};

const RESULT: &Labels = &[
    ("done_on", "検査を行った日"),
    ("result", "結果"),
    ("note", "所見"),
    ("findings", "指摘"),
    ("findings/text", "指摘の内容"),
    ("findings/severity", "指摘の重さ"),
    ("findings/due_on", "改善の期限"),
];
const CORRECTION: &Labels = &[
    ("done_on", "検査を行った日"),
    ("result", "結果"),
    ("note", "所見"),
    ("findings", "指摘"),
    ("findings/text", "指摘の内容"),
    ("findings/severity", "指摘の重さ"),
    ("findings/due_on", "改善の期限"),
    ("reason", "訂正の理由"),
];
const CONFIRMATION: &Labels = &[
    ("finding_ids", "指摘"),
    ("confirmed_on", "是正を確認した日"),
    ("note", "確認した内容"),
    ("withdrawn", "確認の取消し"),
];
const CANCELLATION: &Labels = &[("reason", "取り消す理由")];

pub fn routes() -> Vec<PageRoute> {
    let complete = form("/audits/{id}/complete", RESULT).needs(Permission::PlanAudit, result, complete);
    let cancel = form("/audits/{id}/cancel", CANCELLATION).needs(Permission::PlanAudit, cancellation, cancel);
    let correct = form("/audits/{id}/correct", CORRECTION).needs(Permission::PlanAudit, correction, correct);
    let confirm = form("/audits/{id}/confirm", CONFIRMATION);
    let confirm = confirm.needs(Permission::PlanAudit, confirmation, confirm_findings);
    [complete, correct, confirm, cancel].concat()
}

/// A form about an audit: what it is, under its own page.
fn about(
    app: &App,
    call: &Call,
    visit: &Visit,
    template: &'static str,
    heading: &str,
    more: &Value,
) -> Result<Page, Failure> {
    let audit = audit::find(app, call, visit.id("id")?)?;
    let contract = contract::get(app, call, audit.contract_id)?;
    let context = json!({
        "place": inspected(&places(app, call, contract.id)?, &audit),
        "open": is_open(&audit),
        "audit": audit,
        "contract": contract,
        "more": more,
    });
    let page = page(template, heading, context).under_audits(&call.actor, &contract);
    Ok(page.under(format!("/audits/{}", audit.id), title(&audit)))
}

fn result(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let rows: Vec<usize> = (0..=visit.form.rows("findings")).collect();
    let more = json!({ "results": words::choices::<AuditResult>("result"), "rows": rows });
    about(app, call, visit, "audit/complete.html", "検査の結果を記録する", &more)
}

fn complete(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: CompletionInput = visit.input()?;
    let findings = listed(&given.findings);
    let result = words::told("result", given.result.as_str());
    let answers = [
        ("検査を行った日", words::day(given.done_on)),
        ("結果", result),
        ("所見", given.note.clone().unwrap_or_default()),
        ("指摘", findings),
    ];
    if let Some(asked) = check(visit, "検査の結果を確かめる", "結果を記録する", &answers) {
        return Ok(asked);
    }
    let audit = audit::complete(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("/audits/{}?done=completed", audit.id)))
}

/// The findings as they are looked at once more.
fn listed(findings: &[FindingInput]) -> String {
    let mut listed = String::new();
    for (place, finding) in (1..).zip(findings) {
        let (text, severity, due_on) = (&finding.text, &finding.severity, words::day(finding.due_on));
        // Writing into a text can't fail.
        let _ = writeln!(listed, "{place}. {text}（{severity}、改善の期限 {due_on}）");
    }
    listed
}

/// The form, with what is recorded filled in.
fn correction(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let audit = audit::find(app, call, visit.id("id")?)?;
    let shown = if visit.is_sent { visit.form.rows("findings") } else { audit.findings.len() };
    let rows: Vec<usize> = (0..=shown).collect();
    let more = json!({ "results": words::choices::<AuditResult>("result"), "rows": rows });
    let findings: Vec<Value> = audit
        .findings
        .iter()
        .map(|f| json!({ "text": f.text, "severity": f.severity, "due_on": f.due_on }))
        .collect();
    let recorded =
        json!({ "done_on": audit.done_on, "result": audit.result, "note": audit.note, "findings": findings });
    let page = about(app, call, visit, "audit/correct.html", "検査の結果を訂正する", &more)?;
    Ok(page.filled(&recorded))
}

fn correct(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: CorrectionInput = visit.input()?;
    let answers = [
        ("検査を行った日", words::day(given.done_on)),
        ("結果", words::told("result", given.result.as_str())),
        ("所見", given.note.clone().unwrap_or_default()),
        ("指摘", listed(&given.findings)),
        ("訂正の理由", given.reason.clone()),
    ];
    if let Some(asked) = check(visit, "訂正する内容を確かめる", "結果を訂正する", &answers)
    {
        return Ok(asked);
    }
    let audit = audit::correct(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("/audits/{}?done=corrected", audit.id)))
}

/// 是正確認: the findings to choose from, those not confirmed yet first.
fn confirmation(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let audit = audit::find(app, call, visit.id("id")?)?;
    let mut findings: Vec<_> = audit.findings.iter().collect();
    findings.sort_by_key(|finding| finding.confirmed_on.is_some());
    let options: Vec<Value> = findings
        .into_iter()
        .map(|f| {
            let standing = words::told("finding", standing_of_finding(f, app.today()));
            let label =
                format!("{}（{}、改善の期限 {}、{standing}）", f.text, f.severity, words::day(f.due_on));
            json!({ "value": f.id, "label": label })
        })
        .collect();
    let more = json!({ "findings": options });
    let page = about(app, call, visit, "audit/confirm.html", "指摘の是正の確認を記録する", &more)?;
    Ok(page.filled(&json!({ "confirmed_on": app.today() })))
}

fn confirm_findings(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: ConfirmationInput = visit.input()?;
    let found = audit::find(app, call, visit.id("id")?)?;
    let chosen = found.findings.iter().filter(|finding| given.finding_ids.contains(&finding.id));
    let chosen: Vec<&str> = chosen.map(|finding| finding.text.as_str()).collect();
    let (title, button, label) = if given.withdrawn {
        ("是正の確認を取り消してよいか確かめる", "確認を取り消す", "取り消す理由")
    } else {
        ("是正の確認の内容を確かめる", "是正の確認を記録する", "確認した内容")
    };
    let answers = [
        ("指摘", chosen.join("\n")),
        ("是正を確認した日", given.confirmed_on.map(words::day).unwrap_or_default()),
        (label, given.note.clone().unwrap_or_default()),
    ];
    if let Some(asked) = check(visit, title, button, &answers) {
        return Ok(asked);
    }
    let audit = audit::confirm(app, call, visit.id("id")?, &given)?;
    let done = if given.withdrawn { "unconfirmed" } else { "confirmed" };
    Ok(Outcome::Moved(format!("/audits/{}?done={done}", audit.id)))
}

fn cancellation(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    about(app, call, visit, "audit/cancel.html", "検査の計画を取り消す", &json!({}))
}

fn cancel(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: CancellationInput = visit.input()?;
    let answers = [("取り消す理由", given.reason.clone())];
    let asked = check_gravely(visit, "検査の計画を取り消してよいか確かめる", "計画を取り消す", &answers);
    if let Some(asked) = asked {
        return Ok(asked);
    }
    let audit = audit::cancel(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("/audits/{}?done=cancelled", audit.id)))
}
