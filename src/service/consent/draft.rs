//! 既承認 of many contracts at once: an officer drafts them as one file, an approver records all of them in one decision.
//! A draft is a working paper: what it brings stands in the ledger once it is recorded.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value;

use super::import::{ConsentSummary, import_as};
use crate::db::consent_draft::{self, DraftRow};
use crate::db::{self, DbError};
use crate::domain::access::Role;
use crate::domain::contract::Instant;
use crate::domain::id::{ConsentDraftId, ContractId, UserId};
use crate::exchange::consents::{ConsentFile, ConsentRow, headers, read, template as csv_template};
use crate::service::{App, Call, Failure};

pub use crate::db::consent_draft::DraftState;

/// Drafts that the list shows, the latest first.
const LISTED: i64 = 100;

/// A draft.
#[derive(Debug, Clone)]
pub struct DraftView {
    pub id: ConsentDraftId,
    pub name: String,
    pub state: DraftState,
    pub drafted_by_name: Option<String>,
    pub drafted_at: Instant,
    pub settled_by_name: Option<String>,
    pub settled_on: Option<NaiveDate>,
    /// The caller drafted it.
    pub own: bool,
}

/// A row of a draft, as it is shown to who decides.
#[derive(Debug, Clone, Serialize)]
pub struct DraftedConsent {
    pub line: u64,
    pub contract_number: String,
    /// None: there is no such contract.
    pub contract_id: Option<ContractId>,
    pub contract_title: Option<String>,
    /// Empty: directly under the prime.
    pub parent: String,
    pub vendor: String,
    pub scope: String,
    pub amount_yen: Option<i64>,
    pub decided_on: String,
    pub document_number: String,
    pub valid_from: String,
    pub valid_until: String,
}

/// A draft with its rows, and with what recording it now would bring; None: it is settled.
#[derive(Debug, Clone)]
pub struct OpenDraft {
    pub draft: DraftView,
    pub rows: Vec<DraftedConsent>,
    pub summary: Option<ConsentSummary>,
}

/// The template to fill in.
pub fn template() -> Vec<u8> {
    csv_template()
}

/// The columns of the template: all, and those of them that may be left out.
pub fn columns() -> (Vec<&'static str>, Vec<&'static str>) {
    headers()
}

fn parsed(app: &App, content: &[u8], numbers_confirmed: bool) -> Result<ConsentFile, Failure> {
    let read = read(content, app.today());
    let mut file = read.map_err(|error| Failure::field("/file", "unreadable", error.to_string()))?;
    if numbers_confirmed {
        file.confirm_numbers();
    }
    Ok(file)
}

/// Keeps a file for its draft; nobody but the sender sees it yet.
pub fn prepare(
    app: &App,
    call: &Call,
    (name, content): (&str, &[u8]),
    numbers_confirmed: bool,
) -> Result<ConsentDraftId, Failure> {
    parsed(app, content, numbers_confirmed)?;
    let row = DraftRow {
        id: app.sources.new_id(),
        agency_id: call.actor.organization.id,
        name: name.chars().take(200).collect(),
        numbers_confirmed,
        state: DraftState::Prepared,
        drafted_by: call.actor.user_id,
        drafted_at: app.now().naive_utc(),
        settled_by: None,
        settled_on: None,
    };
    app.db.write::<_, DbError>(|conn| consent_draft::insert(conn, &row, content))?;
    Ok(row.id)
}

fn views(app: &App, call: &Call, rows: Vec<DraftRow>) -> Result<Vec<DraftView>, Failure> {
    let people: Vec<UserId> =
        rows.iter().flat_map(|row| [Some(row.drafted_by), row.settled_by]).flatten().collect();
    let names = app.db.read_one::<_, DbError>(|conn| db::user::names(conn, &people))?;
    let view = |row: DraftRow| DraftView {
        id: row.id,
        name: row.name,
        state: row.state,
        drafted_by_name: names.get(&row.drafted_by).cloned(),
        drafted_at: row.drafted_at.and_utc(),
        settled_by_name: row.settled_by.and_then(|id| names.get(&id).cloned()),
        settled_on: row.settled_on,
        own: row.drafted_by == call.actor.user_id,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// The latest drafts of the agency, of one state or of all; those only prepared are their sender's.
pub fn list(app: &App, call: &Call, state: Option<DraftState>) -> Result<Vec<DraftView>, Failure> {
    let (agency, person) = (call.actor.organization.id, call.actor.user_id);
    let rows =
        app.db.read_one::<_, DbError>(|conn| consent_draft::list(conn, agency, person, state, LISTED))?;
    views(app, call, rows)
}

/// How many drafts wait for the approvers of the caller's agency.
pub fn waiting(app: &App, call: &Call) -> Result<i64, Failure> {
    let agency = call.actor.organization.id;
    Ok(app.db.read_one::<_, DbError>(|conn| consent_draft::waiting(conn, agency))?)
}

fn find(app: &App, call: &Call, id: ConsentDraftId) -> Result<(DraftRow, ConsentFile), Failure> {
    let (agency, person) = (call.actor.organization.id, call.actor.user_id);
    let (row, content) =
        app.db.read_one::<_, DbError>(|conn| consent_draft::find(conn, agency, person, id))?;
    let file = parsed(app, &content, row.numbers_confirmed)?;
    Ok((row, file))
}

fn is_settled(row: &DraftRow) -> bool {
    matches!(row.state, DraftState::Recorded | DraftState::Withdrawn)
}

/// A draft, looked at as it would be recorded now; nothing is kept of that.
pub fn open(app: &App, call: &Call, id: ConsentDraftId) -> Result<OpenDraft, Failure> {
    let (row, file) = find(app, call, id)?;
    let summary = if is_settled(&row) {
        None
    } else {
        let who = (row.agency_id, call.author(), Some(row.drafted_by));
        Some(import_as(app, who, &file, true, |_| Ok(()))?)
    };
    let rows = rows(app, &row, &file)?;
    let draft = views(app, call, vec![row])?.pop().ok_or(Failure::NotFound)?;
    Ok(OpenDraft { draft, rows, summary })
}

fn rows(app: &App, draft: &DraftRow, file: &ConsentFile) -> Result<Vec<DraftedConsent>, Failure> {
    app.db.read(|conn| {
        let mut found = Vec::new();
        for row in &file.rows {
            found.push(db::contract::by_number(conn, draft.agency_id, &row.contract_number)?);
        }
        let ids: Vec<ContractId> = found.iter().copied().flatten().collect();
        let labels: HashMap<ContractId, (String, String)> = db::contract::labels(conn, &ids)?;
        let shown = |(row, id): (&ConsentRow, &Option<ContractId>)| {
            let text =
                |name: &str| row.input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let vendor = |name: &str| {
                row.input
                    .get("vendor")
                    .and_then(|it| it.get(name))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let number = vendor("corporate_number");
            let vendor = vendor("name");
            DraftedConsent {
                line: row.line,
                contract_number: row.contract_number.clone(),
                contract_id: *id,
                contract_title: id.and_then(|id| labels.get(&id)).map(|(_, title)| title.clone()),
                parent: row.parent_name.clone(),
                vendor: if number.is_empty() {
                    vendor.to_owned()
                } else {
                    format!("{vendor}（法人番号 {number}）")
                },
                scope: text("scope"),
                amount_yen: row
                    .input
                    .get("amount_yen")
                    .and_then(|it| it.as_str().map_or(it.as_i64(), |text| text.parse().ok())),
                decided_on: text("decided_on"),
                document_number: text("document_number"),
                valid_from: text("valid_from"),
                valid_until: text("valid_until"),
            }
        };
        Ok(file.rows.iter().zip(&found).map(shown).collect())
    })
}

fn settled_already() -> Failure {
    let message = "この起案は、すでに登録されたか、取り下げられています。画面を開き直してください。";
    Failure::conflict("settled", message)
}

fn refuse_bad(summary: &ConsentSummary) -> Result<(), Failure> {
    if summary.bad > 0 {
        let message =
            format!("誤りのある行が{}行あります。ファイルを直して、もう一度送ってください。", summary.bad);
        return Err(Failure::conflict("bad_rows", message));
    }
    if summary.taken == 0 {
        let message = "新しく登録する承認がありません。すべての行が、すでに登録されています。";
        return Err(Failure::conflict("nothing_new", message));
    }
    Ok(())
}

/// Hands a draft of one's own to the approvers; one with a bad row stays.
pub fn submit(app: &App, call: &Call, id: ConsentDraftId) -> Result<(), Failure> {
    let (row, file) = find(app, call, id)?;
    if row.state == DraftState::Waiting {
        return Ok(());
    }
    if row.state != DraftState::Prepared {
        return Err(settled_already());
    }
    let who = (row.agency_id, call.author(), Some(row.drafted_by));
    refuse_bad(&import_as(app, who, &file, true, |_| Ok(()))?)?;
    let moved = app.db.write::<_, DbError>(|conn| {
        consent_draft::settle(conn, id, DraftState::Prepared, DraftState::Waiting, None)
    })?;
    if moved { Ok(()) } else { Err(settled_already()) }
}

/// Takes a draft back: its drafter, or an approver who does not record it.
pub fn withdraw(app: &App, call: &Call, id: ConsentDraftId) -> Result<(), Failure> {
    let (row, _) = find(app, call, id)?;
    if row.state == DraftState::Withdrawn {
        return Ok(());
    }
    if is_settled(&row) {
        return Err(settled_already());
    }
    if row.drafted_by != call.actor.user_id && !call.actor.is(Role::Approver) {
        let message = "起案を取り下げられるのは、起案した人と決裁者です。";
        return Err(Failure::Forbidden(message.to_owned()));
    }
    let by = Some((call.actor.user_id, app.today()));
    let moved = app
        .db
        .write::<_, DbError>(|conn| consent_draft::settle(conn, id, row.state, DraftState::Withdrawn, by))?;
    if moved { Ok(()) } else { Err(settled_already()) }
}

/// Records every consent of a draft in the name of the approver: all of them, or none. Answers how many; a second time
/// none.
pub fn record(app: &App, call: &Call, id: ConsentDraftId) -> Result<usize, Failure> {
    let (row, file) = find(app, call, id)?;
    if row.state == DraftState::Recorded {
        return Ok(0);
    }
    if is_settled(&row) {
        return Err(settled_already());
    }
    let by = Some((call.actor.user_id, app.today()));
    let who = (row.agency_id, call.author(), Some(row.drafted_by));
    let summary = import_as(app, who, &file, false, |conn| {
        let moved = consent_draft::settle(conn, id, row.state, DraftState::Recorded, by)?;
        if moved { Ok(()) } else { Err(settled_already()) }
    })?;
    if !summary.written {
        refuse_bad(&summary)?;
    }
    Ok(summary.taken)
}
