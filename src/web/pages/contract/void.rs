//! 登録の取消し: of one contract, and of everything that a file brought.

use serde_json::json;

use super::super::route::{Labels, Outcome, Page, PageRoute, check_gravely, form, look, page};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use crate::domain::access::Permission;
use crate::service::contract::{self, ImportView, Void};
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("reason", "取り消す理由")];
/// Contracts of a file that its page shows.
const SHOWN: i64 = 100;

pub fn routes() -> Vec<PageRoute> {
    [
        vec![
            look("/contracts/imports").needs(Permission::ReadImports, list),
            look("/contracts/imports/{id}").needs(Permission::ReadImports, run),
        ],
        form("/contracts/imports/{id}/undo", LABELS).needs(Permission::VoidContract, show_undo, undo),
        form("/contracts/{id}/void", LABELS).needs(Permission::VoidContract, show, act),
    ]
    .concat()
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let context = json!({ "contract": contract });
    Ok(page("contract/void.html", "契約の登録の取消し", context).under_contract(&contract))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let given: Void = visit.input()?;
    let answers = [
        ("契約番号", contract.number.clone()),
        ("件名", contract.title.clone()),
        ("受託者", contract.vendor_name.clone().unwrap_or_default()),
        ("取り消す理由", given.reason.clone()),
    ];
    let asked = check_gravely(visit, "契約の登録を取り消してよいか確かめる", "登録を取り消す", &answers);
    if let Some(asked) = asked {
        return Ok(asked);
    }
    let voided = contract::void(app, call, contract.id, &given)?;
    Ok(Outcome::Moved(format!("{}?done=voided", address(&voided))))
}

impl Page {
    fn under_imports(self) -> Self {
        self.under("/contracts", "契約").under("/contracts/imports", "取り込んだ回の一覧")
    }
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let runs = contract::imports(app, &call.scope(), &visit.page()?)?;
    let row = |view: &ImportView| json!({ "when": words::instant(app, view.imported_at), "view": view });
    let context =
        json!({ "runs": runs.items.iter().map(row).collect::<Vec<_>>(), "pager": visit.pager(&runs) });
    Ok(page("contract/imports.html", "取り込んだ回の一覧", context).under("/contracts", "契約"))
}

fn run(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (run, contracts) = contract::import_run(app, &call.scope(), visit.id("id")?, SHOWN)?;
    let more = i64::from(run.contracts) - run.voided - SHOWN;
    let contracts: Vec<_> =
        contracts.iter().map(|it| json!({ "id": it.id, "number": it.number, "title": it.title })).collect();
    let context = json!({
        "when": words::instant(app, run.imported_at), "run": run, "contracts": contracts, "more": more.max(0),
    });
    Ok(page("contract/import_run.html", "契約の取込み（1回分）", context).under_imports())
}

fn show_undo(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (run, _) = contract::import_run(app, &call.scope(), visit.id("id")?, 0)?;
    let context = json!({ "standing": i64::from(run.contracts) - run.voided, "run": run });
    let address = format!("/contracts/imports/{}", run.id);
    let shown = page("contract/import_undo.html", "取込みの取消し", context).under_imports();
    Ok(shown.under(address, "契約の取込み（1回分）"))
}

fn undo(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let (run, _) = contract::import_run(app, &call.scope(), visit.id("id")?, 0)?;
    let address = format!("/contracts/imports/{}?done=import_undone", run.id);
    if visit.form.mark("_sure").is_some() && run.undone_on.is_some() {
        // Pressed twice, or come back to: it is done already, and nothing is done again.
        return Ok(Outcome::Moved(address));
    }
    let given: Void = visit.input()?;
    let standing = i64::from(run.contracts) - run.voided;
    let answers = [
        ("取り込んだ日時", words::instant(app, run.imported_at)),
        ("取り消す契約", format!("{}件", words::thousands(standing))),
        ("取り消す理由", given.reason.clone()),
    ];
    let asked = check_gravely(visit, "取込みを取り消してよいか確かめる", "取込みを取り消す", &answers);
    if let Some(asked) = asked {
        return Ok(asked);
    }
    contract::undo_import(app, Some(call.author()), &call.scope(), run.id, &given.reason)?;
    Ok(Outcome::Moved(address))
}
