//! 契約の取込み: a file is chosen, shown row by row with the vendors it brings, what to look at and every bad cell, and
//! taken in once it is confirmed.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, Wrong, form, look, page, send};
use super::super::visit::Visit;
use crate::domain::access::Permission;
use crate::domain::text::thousands;
use crate::service::contract;
use crate::service::contract::import::list::List;
use crate::service::contract::import::{Fate, ImportSummary, LookedRow, Warning};
use crate::service::contract::upload::{self, Confirmation, Preview};
use crate::service::{self, App, Call, Failure, setting};

const LABELS: &Labels = &[("file", "取り込むファイル")];
/// Of problems, notices and vendors shown; all of them are in the files that can be kept.
const SHOWN: usize = 100;
/// Rows on a page.
const ROWS: usize = 100;

pub fn routes() -> Vec<PageRoute> {
    let upload = form("/contracts/import", LABELS).needs(Permission::RegisterContract, show, sent);
    let mut routes: Vec<PageRoute> = upload.into_iter().map(PageRoute::with_file).collect();
    routes.push(look("/contracts/import/{id}").needs(Permission::RegisterContract, again));
    routes.push(send("/contracts/import/{id}").needs(Permission::RegisterContract, confirm));
    routes.push(look("/contracts/import-template.csv").needs(Permission::RegisterContract, |_, _, _| {
        Ok(Outcome::File {
            name: "契約取込み様式.csv",
            kind: "text/csv; charset=utf-8",
            content: upload::template(),
        })
    }));
    routes.push(
        look("/contracts/import/{id}/rows.csv").needs(Permission::RegisterContract, |app, call, visit| {
            kept(app, call, visit, List::Rows, "取込みの全部の行.csv")
        }),
    );
    routes.push(
        look("/contracts/import/{id}/vendors.csv").needs(Permission::RegisterContract, |app, call, visit| {
            kept(app, call, visit, List::Vendors, "新しく登録する事業者.csv")
        }),
    );
    routes.push(
        look("/contracts/import/{id}/notices.csv").needs(Permission::RegisterContract, |app, call, visit| {
            kept(app, call, visit, List::Notices, "取込みの注意.csv")
        }),
    );
    routes.push(
        look("/contracts/import/{id}/problems.csv")
            .needs(Permission::RegisterContract, |app, call, visit| {
                kept(app, call, visit, List::Problems, "取込みの誤り.csv")
            }),
    );
    routes
}

fn show(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let columns: Vec<Value> = upload::template_columns()
        .into_iter()
        .map(|it| {
            json!({ "name": it.name, "required": it.is_required, "words": it.words.join("、"), "example": it.example })
        })
        .collect();
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let departments: Vec<String> =
        setting::departments(app, call, &all)?.items.into_iter().map(|it| it.name).collect();
    let context = json!({ "columns": columns, "departments": departments.join("、") });
    Ok(page("contract/import.html", "契約の取込み", context).under("/contracts", "契約"))
}

fn sent(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let file = visit.file.as_ref().filter(|file| file.size > 0);
    let file =
        file.ok_or_else(|| Failure::field("/file", "required", "取り込むファイルを選んでください。"))?;
    let id = upload::preview(app, call, &file.name, &file.content()?)?;
    Ok(Outcome::Moved(format!("/contracts/import/{id}")))
}

/// Whether the rows of other agencies are asked for too.
fn all_agencies(visit: &Visit) -> bool {
    visit.query("all") == Some("1") || visit.typed("all_agencies") == "true"
}

fn kept(app: &App, call: &Call, visit: &Visit, list: List, name: &'static str) -> Result<Outcome, Failure> {
    let content = upload::listed(app, call, visit.id("id")?, all_agencies(visit), list)?;
    Ok(Outcome::File { name, kind: "text/csv; charset=utf-8", content })
}

fn told(preview: &Preview, visit: &Visit) -> Page {
    let Preview { id, name, all_agencies, look } = preview;
    let summary = &look.summary;
    let from = visit.query("from").and_then(|from| from.parse::<usize>().ok()).unwrap_or(0);
    let from = if from < look.rows.len() { from } else { 0 };
    let rows: Vec<Value> = look.rows.iter().skip(from).take(ROWS).map(row).collect();
    let base = format!("/contracts/import/{id}");
    let query = if *all_agencies { "?all=1" } else { "" };
    // What a row of a contract that is there says otherwise is not taken: it stands by itself.
    let is_registered =
        |line: u64| look.rows.iter().any(|row| row.line == line && row.fate == Fate::Registered);
    let registered = look.rows.iter().filter(|row| row.fate == Fate::Registered).count();
    let (differing, warnings): (Vec<&Warning>, Vec<&Warning>) =
        summary.warnings.iter().partition(|warning| is_registered(warning.line));
    let next = (from + ROWS < look.rows.len())
        .then(|| format!("{base}?{}from={}#rows", if *all_agencies { "all=1&" } else { "" }, from + ROWS));
    let first = (from > 0).then(|| format!("{base}{query}#rows"));
    let context = json!({
        "others_bad": summary.bad > summary.numbers_in_question,
        "base": base, "query": query, "name": name, "all_agencies": all_agencies,
        "summary": {
            "encoding": summary.encoding, "rows": summary.rows, "taken": summary.taken, "duplicates": summary.duplicates,
            "joined": summary.joined, "elsewhere": summary.elsewhere, "bad": summary.bad, "new_vendors": summary.new_vendors,
            "numbers_in_question": summary.numbers_in_question,
        },
        "rows": rows, "pager": { "count": rows.len(), "next": next, "first": first },
        "problems": summary.problems.iter().take(SHOWN).collect::<Vec<_>>(),
        "more_problems": summary.problems.len().saturating_sub(SHOWN),
        "warnings": warnings.iter().take(SHOWN).collect::<Vec<_>>(),
        "more_warnings": warnings.len().saturating_sub(SHOWN),
        "registered": registered,
        "differing": differing.iter().take(SHOWN).collect::<Vec<_>>(),
        "more_differing": differing.len().saturating_sub(SHOWN),
        "unknown_departments": summary.unknown_departments,
        "vendors": look.vendors.iter().take(SHOWN).collect::<Vec<_>>(),
        "more_vendors": look.vendors.len().saturating_sub(SHOWN),
        "other_agencies": summary.other_agencies.iter().take(SHOWN).collect::<Vec<_>>(),
    });
    page("contract/import_preview.html", "取り込む内容を確かめる", context)
        .under("/contracts", "契約")
        .under("/contracts/import", "契約の取込み")
}

/// What a row shows; what can't be read of it is a dash.
fn row(row: &LookedRow) -> Value {
    let dash = |text: Option<String>| text.unwrap_or_else(|| "—".to_owned());
    let number = row.corporate_number.as_ref().map(|number| format!("法人番号 {number}"));
    json!({
        "line": row.line, "fate": row.in_words(), "number": dash(row.number.clone()), "title": dash(row.title.clone()),
        "vendor": dash(row.vendor.clone().or(number)),
        "amount": dash(row.amount_yen.map(|yen| format!("{}円", thousands(yen)))),
        "signed_on": dash(row.signed_on.map(|day| day.to_string())),
    })
}

fn again(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    match upload::look_at(app, call, visit.id("id")?, all_agencies(visit)) {
        Ok(preview) => Ok(told(&preview, visit).into()),
        Err(failure) => choose_again(app, call, visit, failure),
    }
}

/// Where the file can't be taken, or is not there any more, another one can be chosen at once.
fn choose_again(app: &App, call: &Call, visit: &Visit, failure: Failure) -> Result<Outcome, Failure> {
    let shown = show(app, call, visit)?;
    if !matches!(failure, Failure::NotFound) {
        return shown.with(failure, visit, LABELS);
    }
    let message =
        "このファイルは取り込み済みか、確かめてから1時間を過ぎています。もう一度ファイルを選んでください。";
    let errors = vec![Wrong::at("file", message, LABELS)];
    Ok(Page { status: StatusCode::NOT_FOUND, errors, ..shown }.into())
}

fn confirm(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let all_agencies = all_agencies(visit);
    let given = Confirmation {
        skip_bad: visit.typed("skip_bad") == "true",
        numbers_confirmed: visit.typed("numbers_confirmed") == "true",
        all_agencies,
    };
    let id = visit.id("id")?;
    let summary = match upload::confirm(app, call, id, given) {
        Ok(summary) => summary,
        Err(failure) => return choose_again(app, call, visit, failure),
    };
    if summary.written {
        return Ok(taken(app, call, &summary)?.into());
    }
    // Something has changed since it was shown: nothing was written.
    let preview = upload::look_at(app, call, id, all_agencies)?;
    Ok(Outcome::Shown(Page { status: StatusCode::CONFLICT, ..told(&preview, visit) }))
}

/// What was taken in, with the list of it.
fn taken(app: &App, call: &Call, summary: &ImportSummary) -> Result<Page, Failure> {
    let shown = i64::try_from(SHOWN).unwrap_or(i64::MAX);
    let contracts = match summary.run {
        Some(run) => contract::import_run(app, &call.scope(), run, shown)?.1,
        None => Vec::new(),
    };
    let contracts: Vec<Value> =
        contracts.iter().map(|it| json!({ "id": it.id, "number": it.number, "title": it.title })).collect();
    let more = summary.taken.saturating_sub(contracts.len());
    let context = json!({ "summary": summary, "contracts": contracts, "more": more });
    Ok(page("contract/imported.html", "契約を取り込みました", context).under("/contracts", "契約"))
}
