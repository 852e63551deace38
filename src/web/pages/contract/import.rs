//! 契約の取込み: a file is chosen, shown with every bad cell, and taken in once it is confirmed.

use actix_web::http::StatusCode;
use serde_json::json;

use super::super::route::{Labels, Outcome, Page, PageRoute, Wrong, form, look, page, send};
use super::super::visit::Visit;
use crate::domain::access::Permission;
use crate::service::contract::import::ImportSummary;
use crate::service::contract::upload::{self, Confirmation, Preview};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("file", "取り込むファイル")];
/// Problems shown; a file with more is mended and sent again.
const SHOWN: usize = 200;

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
    routes
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
fn show(_: &App, _: &Call, _: &Visit) -> Result<Page, Failure> {
    Ok(page("contract/import.html", "契約の取込み", json!({})).under("/contracts", "契約"))
}

fn sent(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let file = visit.file.as_ref().filter(|file| file.size > 0);
    let file =
        file.ok_or_else(|| Failure::field("/file", "required", "取り込むファイルを選んでください。"))?;
    let preview = upload::preview(app, call, &file.name, &file.content()?)?;
    Ok(Outcome::Moved(format!("/contracts/import/{}", preview.id)))
}

fn told(preview: &Preview, title: &str) -> Page {
    let Preview { id, name, summary } = preview;
    let problems: Vec<_> = summary.problems.iter().take(SHOWN).collect();
    let warnings: Vec<_> = summary.warnings.iter().take(SHOWN).collect();
    let context = json!({
        "id": id, "name": name, "summary": summary, "problems": problems, "warnings": warnings,
        "others_bad": summary.bad > summary.numbers_in_question,
        "more": summary.problems.len().saturating_sub(SHOWN), "more_warnings": summary.warnings.len().saturating_sub(SHOWN),
    });
    page("contract/import_preview.html", title, context)
        .under("/contracts", "契約")
        .under("/contracts/import", "契約の取込み")
}

fn again(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    match upload::look_again(app, call, visit.id("id")?) {
        Ok(preview) => Ok(told(&preview, "取り込む内容を確かめる").into()),
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
    let given = Confirmation {
        skip_bad: visit.typed("skip_bad") == "true",
        numbers_confirmed: visit.typed("numbers_confirmed") == "true",
    };
    let id = visit.id("id")?;
    let summary = match upload::confirm(app, call, id, given) {
        Ok(summary) => summary,
        Err(failure) => return choose_again(app, call, visit, failure),
    };
    if summary.written {
        return Ok(taken(&summary).into());
    }
    // Something has changed since it was shown: nothing was written.
    let preview = upload::look_again(app, call, id)?;
    Ok(Outcome::Shown(Page {
        status: StatusCode::CONFLICT, ..told(&preview, "取り込む内容を確かめる")
    }))
}

fn taken(summary: &ImportSummary) -> Page {
    page("contract/imported.html", "契約を取り込みました", json!({ "summary": summary }))
        .under("/contracts", "契約")
}
