//! The corporate-number register imported: every row told once, the latest record of each number kept, and the
//! agencies told whose vendors are closed, merged or renamed. An organization's own name is never overwritten: what
//! a contract was made under stays, until a person records the new one; one known by no more than its number gets its
//! first name.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::alert::{VendorChange, VendorChangeKind, name_recorded, on_agency, vendors_changed};
use super::organization::record_change;
use super::{App, Call, Failure};
use crate::db::organization::OrganizationRow;
use crate::db::register::{Numbered, RegisterEvent, RegisterRecord};
use crate::db::{self, Conn, DbError};
use crate::domain::access::OrganizationKind;
use crate::domain::alert::AlertKind;
use crate::domain::company::is_placeholder;
use crate::domain::id::OrganizationId;
use crate::domain::text::company_key;
use crate::exchange::register::RegisterRow;
use crate::exchange::table::{RowError, Rows};

/// The register's codes.
pub use crate::exchange::register::{CloseCause, Kind, Process};

/// Rows written in one transaction.
const BATCH: usize = 5_000;
/// Longest history shown.
const SHOWN: i64 = 200;

/// What an import of the register did. `taken` + `unchanged` + `bad` = `rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RegisterSummary {
    pub rows: usize,
    /// Rows told for the first time.
    pub taken: usize,
    /// Rows known already.
    pub unchanged: usize,
    pub bad: usize,
    /// Of the rows taken, those of 訂正区分 1: they publish an event of earlier days anew, and count as nothing else.
    pub corrected: usize,
    /// Of the others: 新規.
    pub new: usize,
    /// 商号又は名称の変更.
    pub renamed: usize,
    /// 所在地の変更.
    pub moved: usize,
    /// 登記記録の閉鎖等, other than by a merger.
    pub closed: usize,
    /// Ended by a merger.
    pub merged: usize,
    /// 吸収合併: of the company that took another in, and goes on.
    pub absorbing: usize,
    /// 登記記録の復活等.
    pub reopened: usize,
    /// Everything else: 吸収合併無効, 抹消, 削除.
    pub other: usize,
    /// Alerts that this import opened.
    pub alerts: usize,
    /// Alerts that it ended.
    pub resolved: usize,
    pub problems: Vec<Problem>,
}

/// A bad row, in the user's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub line: u64,
    pub column: String,
    /// Stable word for programs.
    pub code: &'static str,
    pub cause: String,
}

impl From<&RowError> for Problem {
    fn from(error: &RowError) -> Self {
        Self {
            line: error.line,
            column: error.column.clone(),
            code: error.code,
            cause: error.message.clone(),
        }
    }
}

/// Takes in a daily file of the register; the same rows again change nothing.
pub fn import_register(app: &App, file: &Rows<RegisterRow>) -> Result<RegisterSummary, Failure> {
    let bad: HashSet<u64> = file.bad.iter().map(|error| error.line).collect();
    let mut summary = RegisterSummary {
        rows: file.rows.len() + bad.len(),
        bad: bad.len(),
        problems: file.bad.iter().map(Problem::from).collect(),
        ..RegisterSummary::default()
    };
    let prints: Vec<String> = file.rows.iter().map(fingerprint).collect();
    let rows: Vec<(&RegisterRow, &str)> = file.rows.iter().zip(prints.iter().map(String::as_str)).collect();
    // The alerts come first: should the program stop between, the next run tells the same change again and finds
    // it open; the other way round it would never be told. And all of an agency's together: of a day on which the
    // register closes thousands it hears once.
    let (found, unnamed) = app.db.read::<_, DbError>(|conn| {
        let fresh = fresh(conn, &rows)?;
        Ok((changes(conn, &fresh, app.today())?, unnamed(conn, &fresh)?))
    })?;
    for (id, name) in &unnamed {
        on_agency(app, *id, |tx| {
            let before = db::organization::find(tx.conn, *id)?;
            if is_placeholder(&before.name, before.corporate_number.as_deref()) {
                record_change(tx, &before, OrganizationRow { name: name.clone(), ..before.clone() })?;
            }
            Ok(())
        })?;
    }
    let mut of_agencies: BTreeMap<OrganizationId, Vec<VendorChange>> = BTreeMap::new();
    for (agency, change) in found {
        of_agencies.entry(agency).or_default().push(change);
    }
    for (agency, changes) in &of_agencies {
        let became = vendors_changed(app, *agency, changes)?;
        summary.alerts += became.told;
        summary.resolved += became.resolved;
    }
    for batch in rows.chunks(BATCH) {
        take(app, batch, &mut summary)?;
    }
    summary.unchanged = file.rows.len() - summary.taken;
    Ok(summary)
}

fn take(app: &App, rows: &[(&RegisterRow, &str)], summary: &mut RegisterSummary) -> Result<(), Failure> {
    let taken = app.db.write_long::<_, DbError>(|conn| {
        let fresh = fresh(conn, rows)?;
        write(app, conn, &fresh)?;
        Ok(fresh)
    })?;
    for (row, _) in &taken {
        summary.taken += 1;
        let count = match (row.process, row.close_cause) {
            _ if row.correct => &mut summary.corrected,
            (Process::New, _) => &mut summary.new,
            (Process::Renamed, _) => &mut summary.renamed,
            (Process::Moved | Process::MovedAbroad, _) => &mut summary.moved,
            (Process::Closed, Some(CloseCause::Merged)) => &mut summary.merged,
            (Process::Closed, _) => &mut summary.closed,
            (Process::Merged, _) => &mut summary.absorbing,
            (Process::Reopened, _) => &mut summary.reopened,
            (Process::MergerVoid | Process::NameErased | Process::Deleted, _) => &mut summary.other,
        };
        *count += 1;
    }
    Ok(())
}

/// The organizations that were known by no more than their number, each with the name that the register has.
fn unnamed(conn: &mut Conn, fresh: &Fresh<'_>) -> Result<Vec<(OrganizationId, String)>, DbError> {
    let latest = latest(fresh);
    let numbers: Vec<&str> = latest.keys().copied().collect();
    let mut found = Vec::new();
    for (number, organization) in db::register::organizations_of(conn, &numbers)? {
        let Some(row) = latest.get(number.as_str()).filter(|row| !row.name.is_empty()) else { continue };
        if is_placeholder(&organization.name, Some(&number)) {
            found.push((organization.id, row.name.clone()));
        }
    }
    found.sort();
    Ok(found)
}

/// A row without the number of its line: republished unchanged, it is the same.
fn fingerprint(row: &RegisterRow) -> String {
    let text = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let parts = [
        row.corporate_number.to_string(),
        row.process.to_string(),
        row.updated_on.to_string(),
        row.changed_on.to_string(),
        row.name.clone(),
        row.address.clone(),
        text(row.closed_on),
        row.close_cause.map(|cause| cause.to_string()).unwrap_or_default(),
        row.successor.map(|number| number.to_string()).unwrap_or_default(),
        detail(row),
    ];
    hex::encode(Sha256::digest(parts.join("\u{1f}").as_bytes()))
}

/// What a row says beyond the columns of its own.
fn detail(row: &RegisterRow) -> String {
    serde_json::json!({
        "kind": row.kind.map(Kind::as_str),
        "correct": row.correct,
        "latest": row.latest,
        "hidden": row.hidden,
        "en_name": row.en_name,
        "furigana": row.furigana,
    })
    .to_string()
}

type Fresh<'a> = Vec<(&'a RegisterRow, &'a str)>;

/// The rows not told before, each once.
fn fresh<'a>(conn: &mut Conn, rows: &[(&'a RegisterRow, &'a str)]) -> Result<Fresh<'a>, DbError> {
    let prints: Vec<&str> = rows.iter().map(|(_, print)| *print).collect();
    let mut known = db::register::known_fingerprints(conn, &prints)?;
    Ok(rows.iter().filter(|(_, print)| known.insert((*print).to_owned())).copied().collect())
}

fn write(app: &App, conn: &mut Conn, fresh: &Fresh<'_>) -> Result<(), DbError> {
    let now = app.now().naive_utc();
    let events: Vec<RegisterEvent> = fresh
        .iter()
        .map(|(row, print)| RegisterEvent {
            id: app.sources.new_id(),
            corporate_number: row.corporate_number.to_string(),
            fingerprint: (*print).to_owned(),
            process: row.process.to_string(),
            updated_on: row.updated_on,
            changed_on: row.changed_on,
            name: row.name.clone(),
            address: row.address.clone(),
            closed_on: row.closed_on,
            close_cause: row.close_cause.map(|cause| cause.to_string()),
            successor: row.successor.map(|number| number.to_string()),
            detail: detail(row),
            recorded_at: now,
        })
        .collect();
    db::register::insert_events(conn, &events)?;
    let numbers: Vec<&str> = fresh.iter().map(|(row, _)| row.corporate_number.as_str()).collect();
    let known = db::register::records(conn, &numbers)?;
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for (number, row) in latest(fresh) {
        match known.get(number) {
            None => added.push(record(row, None)),
            Some(old) if supersedes(row, old) => changed.push(record(row, Some(old))),
            Some(_) => {}
        }
    }
    db::register::insert_records(conn, &added)?;
    changed.iter().try_for_each(|record| db::register::update_record(conn, record))
}

/// The row of each number that says how it stands now: one marked as the latest before those of its history, then
/// by day, then by the file's order.
fn latest<'a>(fresh: &Fresh<'a>) -> HashMap<&'a str, &'a RegisterRow> {
    let mut rows: HashMap<&str, &RegisterRow> = HashMap::new();
    let rank = |row: &RegisterRow| (row.latest, row.updated_on, row.changed_on, row.line);
    for (row, _) in fresh {
        let best = rows.entry(row.corporate_number.as_str()).or_insert(*row);
        if rank(row) > rank(best) {
            *best = *row;
        }
    }
    rows
}

/// Whether the row takes the place of the record. A row of a number's history never does.
fn supersedes(row: &RegisterRow, old: &RegisterRecord) -> bool {
    row.latest && (row.updated_on, row.changed_on) >= (old.updated_on, old.changed_on)
}

fn record(row: &RegisterRow, old: Option<&RegisterRecord>) -> RegisterRecord {
    // A row that deletes need not repeat the name.
    let name = if row.name.is_empty() {
        old.map(|old| old.name.clone()).unwrap_or_default()
    } else {
        row.name.clone()
    };
    let deleted = (row.process == Process::Deleted).then_some(row.changed_on);
    RegisterRecord {
        corporate_number: row.corporate_number.to_string(),
        name_key: company_key(&name),
        name,
        kind: row
            .kind
            .map(|kind| kind.to_string())
            .or_else(|| old.map(|old| old.kind.clone()))
            .unwrap_or_default(),
        address: row.address.clone(),
        updated_on: row.updated_on,
        changed_on: row.changed_on,
        closed_on: row.closed_on.or(deleted),
        close_cause: row.close_cause.map(|cause| cause.to_string()),
        successor: row.successor.map(|number| number.to_string()),
    }
}

/// What the fresh rows mean for registered vendors, once for each agency concerned: on whose running chains one
/// stands, or, of a company that is there again, who was told that it is closed.
fn changes(
    conn: &mut Conn,
    fresh: &Fresh<'_>,
    today: NaiveDate,
) -> Result<Vec<(OrganizationId, VendorChange)>, DbError> {
    let latest = latest(fresh);
    let numbers: Vec<&str> = latest.keys().copied().collect();
    let mut vendors = db::register::organizations_of(conn, &numbers)?;
    vendors.retain(|_, found| found.kind == OrganizationKind::Vendor);
    let known = db::register::records(conn, &numbers)?;
    let mut found = Vec::new();
    for (number, Numbered { id: vendor_id, name_key, .. }) in vendors {
        let Some(row) = latest.get(number.as_str()) else { continue };
        let old = known.get(&number);
        if old.is_some_and(|old| !supersedes(row, old)) {
            continue;
        }
        let Some(change) = change(row, old, vendor_id, &name_key) else { continue };
        let agencies = match change.kind {
            VendorChangeKind::Reopened => {
                db::alert::agencies_alerted(conn, AlertKind::VendorChanged, vendor_id.as_str())?
            }
            _ => db::register::agencies_of(conn, vendor_id, today)?,
        };
        for agency in agencies {
            found.push((agency, change.clone()));
        }
    }
    found.sort_by_key(|(agency, change)| (change.vendor_id, *agency));
    Ok(found)
}

/// A row's change, in a sentence; None: nothing that an agency has to act on. A row of 訂正区分 1 publishes an old event
/// anew: it says nothing, unless it is the first that says that the company is closed, or that it no longer is.
fn change(
    row: &RegisterRow,
    old: Option<&RegisterRecord>,
    vendor_id: OrganizationId,
    name_key: &str,
) -> Option<VendorChange> {
    let on = row.changed_on;
    let was_closed = old.is_some_and(|old| old.closed_on.is_some());
    match (row.process, row.close_cause) {
        (Process::Closed | Process::Deleted, _) if row.correct && was_closed => None,
        (Process::Closed, Some(CloseCause::Merged)) => {
            let successor = row.successor.map(|number| number.to_string());
            Some(VendorChange::closing(vendor_id, on, true, successor.as_deref()))
        }
        (Process::Closed | Process::Deleted, _) => Some(VendorChange::closing(vendor_id, on, false, None)),
        // Whatever published the row: how the company stands now is no longer closed.
        _ if row.process == Process::Reopened || was_closed && row.closed_on.is_none() => {
            Some(VendorChange::reopening(vendor_id, on))
        }
        (Process::Renamed, _) if !row.correct && company_key(&row.name) != name_key => Some(VendorChange {
            vendor_id,
            kind: VendorChangeKind::Renamed,
            changed_on: on,
            detail: format!(
                "法人番号公表サイトに、{on}の商号又は名称の変更が掲載されました。新しい名称は「{}」です。",
                row.name
            ),
        }),
        _ => None,
    }
}

/// An organization's name was changed: where it is now the one that the register has, the alerts that it had changed
/// are over. After the act, which stands whatever becomes of this.
pub fn tell_recorded(app: &App, id: OrganizationId) {
    let recorded = || {
        let is_registered = app.db.read_one::<_, DbError>(|conn| {
            let organization = db::organization::find(conn, id)?;
            let Some(number) = organization.corporate_number else { return Ok(false) };
            let record = db::register::record(conn, &number)?.filter(|record| record.closed_on.is_none());
            Ok(record.is_some_and(|record| record.name_key == company_key(&organization.name)))
        })?;
        if is_registered { name_recorded(app, id) } else { Ok(()) }
    };
    if let Err(failure) = recorded() {
        tracing::error!(event = "alert_not_closed", organization = %id, %failure, "alert not closed");
    }
}

/// The register's record of an organization, and what the register told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RegisterView {
    /// Null: no number, or not imported.
    pub record: Option<RegisterRecordView>,
    /// Newest first.
    pub history: Vec<RegisterEventView>,
}

/// How the register has a company now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RegisterRecordView {
    pub corporate_number: String,
    pub name: String,
    /// 法人種別, the register's code.
    pub kind: String,
    pub address: String,
    pub updated_on: NaiveDate,
    pub changed_on: NaiveDate,
    pub closed_on: Option<NaiveDate>,
    /// The register's code.
    pub close_cause: Option<String>,
    /// 承継先法人番号.
    pub successor: Option<String>,
}

/// A row of the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RegisterEventView {
    /// 処理区分, the register's code.
    pub process: String,
    pub updated_on: NaiveDate,
    pub changed_on: NaiveDate,
    pub name: String,
    pub address: String,
    pub closed_on: Option<NaiveDate>,
    pub close_cause: Option<String>,
    pub successor: Option<String>,
    /// When it was imported.
    pub recorded_at: DateTime<Utc>,
}

/// `GET /organizations/{id}/register`, of an organization that the caller may see.
pub fn register_of(app: &App, call: &Call, id: OrganizationId) -> Result<RegisterView, Failure> {
    let filter = db::organization::OrganizationFilter { id: Some(id), ..Default::default() };
    app.db.read(|conn| {
        let seen = db::organization::list(conn, call.scope(), &filter, 1)?;
        let Some(organization) = seen.into_iter().next() else { return Err(Failure::NotFound) };
        let Some(number) = organization.corporate_number else {
            return Ok(RegisterView { record: None, history: Vec::new() });
        };
        let record = db::register::record(conn, &number)?.map(Into::into);
        let history = db::register::events(conn, &number, SHOWN)?.into_iter().map(Into::into).collect();
        Ok(RegisterView { record, history })
    })
}

impl From<RegisterRecord> for RegisterRecordView {
    fn from(record: RegisterRecord) -> Self {
        Self {
            corporate_number: record.corporate_number,
            name: record.name,
            kind: record.kind,
            address: record.address,
            updated_on: record.updated_on,
            changed_on: record.changed_on,
            closed_on: record.closed_on,
            close_cause: record.close_cause,
            successor: record.successor,
        }
    }
}

impl From<RegisterEvent> for RegisterEventView {
    fn from(event: RegisterEvent) -> Self {
        Self {
            process: event.process,
            updated_on: event.updated_on,
            changed_on: event.changed_on,
            name: event.name,
            address: event.address,
            closed_on: event.closed_on,
            close_cause: event.close_cause,
            successor: event.successor,
            recorded_at: event.recorded_at.and_utc(),
        }
    }
}
