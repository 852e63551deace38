//! A file of contracts sent in a browser: read and shown, kept until it is confirmed, and then taken in.

use chrono::Duration;

use super::import::list::{List, csv};
use super::import::{ImportOptions, ImportSummary, Look, import_for, look};
use crate::db::{self, DbError};
use crate::domain::id::UploadId;
use crate::exchange::contracts::{ContractFile, TemplateColumn, columns, read, template as csv_template};
use crate::service::{App, Call, Failure};

/// How long a file waits to be confirmed.
pub const KEPT: Duration = Duration::hours(1);

/// What a file would bring.
#[derive(Debug, Clone)]
pub struct Preview {
    pub id: UploadId,
    pub name: String,
    /// Whether the rows of other agencies are taken too.
    pub all_agencies: bool,
    pub look: Look,
}

/// The template to fill in: CSV in UTF-8 with its header and one invented row.
pub fn template() -> Vec<u8> {
    csv_template()
}

/// What can stand in its columns.
pub fn template_columns() -> Vec<TemplateColumn> {
    columns()
}

fn parsed(app: &App, content: &[u8]) -> Result<ContractFile, Failure> {
    read(content, app.today()).map_err(|error| Failure::field("/file", "unreadable", error.to_string()))
}

/// Reads a file, and keeps it for its confirmation, beside the few that the person sent before: another tab's is not lost.
/// Nothing else is written. Answers with its id.
pub fn preview(app: &App, call: &Call, name: &str, content: &[u8]) -> Result<UploadId, Failure> {
    parsed(app, content)?;
    let id: UploadId = app.sources.new_id();
    let now = app.sources.clock.machine_now();
    app.db.write::<_, DbError>(|conn| db::upload::keep(conn, id, &call.actor, name, content, now))?;
    Ok(id)
}

/// One's own file that waits; what was taken in, is too old or somebody else's is not found.
fn kept(app: &App, call: &Call, id: UploadId) -> Result<(String, Vec<u8>), Failure> {
    let since = app.sources.clock.machine_now() - KEPT;
    Ok(app.db.read_one::<_, DbError>(|conn| db::upload::find(conn, id, call.actor.user_id, since))?)
}

/// What a file that waits would bring now.
pub fn look_at(app: &App, call: &Call, id: UploadId, all_agencies: bool) -> Result<Preview, Failure> {
    let (name, content) = kept(app, call, id)?;
    let file = parsed(app, &content)?;
    let look = look(app, call.actor.organization.id, &file, all_agencies)?;
    Ok(Preview { id, name, all_agencies, look })
}

/// One of the lists of what it would bring, whole, as CSV.
pub fn listed(
    app: &App,
    call: &Call,
    id: UploadId,
    all_agencies: bool,
    list: List,
) -> Result<Vec<u8>, Failure> {
    csv(&look_at(app, call, id, all_agencies)?.look, list)
}

/// What is said with the confirmation of a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Confirmation {
    /// Its good rows are taken although others are bad.
    pub skip_bad: bool,
    /// Numbers of twelve digits in it are none of persons.
    pub numbers_confirmed: bool,
    /// The rows of other agencies are taken too.
    pub all_agencies: bool,
}

/// Takes the file in. A second time there is nothing left to take.
pub fn confirm(app: &App, call: &Call, id: UploadId, given: Confirmation) -> Result<ImportSummary, Failure> {
    let (_, content) = kept(app, call, id)?;
    let file = ContractFile { numbers_confirmed: given.numbers_confirmed, ..parsed(app, &content)? };
    let Confirmation { skip_bad, all_agencies, .. } = given;
    let options = ImportOptions { dry_run: false, skip_bad, all_agencies };
    let summary = import_for(app, Some(call.author()), call.actor.organization.id, &file, options)?;
    if summary.written {
        app.db.write::<_, DbError>(|conn| db::upload::forget(conn, id))?;
    }
    Ok(summary)
}
