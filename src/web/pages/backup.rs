//! バックアップ: the last good one, how they are made and kept, and how one is restored.

use serde_json::{Value, json};

use super::route::{Page, PageRoute, look, page};
use super::visit::Visit;
use super::words;
use crate::domain::access::Permission;
use crate::service::backup::{self, BackupRunView};
use crate::service::{App, Call, Failure};

pub fn routes() -> Vec<PageRoute> {
    vec![look("/backups").needs(Permission::ReadBackups, show)]
}

/// A run with its instants as the pages say them.
fn timed(app: &App, run: &BackupRunView) -> Value {
    json!({
        "run": run,
        "started": words::instant(app, run.started_at),
        "removed": run.removed_at.map(|at| words::instant(app, at)),
    })
}

fn show(app: &App, _: &Call, _: &Visit) -> Result<Page, Failure> {
    let backup = backup::standing(app)?;
    let runs: Vec<Value> = backup.runs.iter().map(|run| timed(app, run)).collect();
    let last = backup.last_good.as_ref().map(|run| timed(app, run));
    Ok(page("backup.html", "バックアップ", json!({ "backup": backup, "runs": runs, "last": last })))
}
