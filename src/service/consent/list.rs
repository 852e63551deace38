//! Consents across contracts: above all those entered late (既承認), which an auditor goes through.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::db::chain::{ConsentBody, ListedConsent};
use crate::db::types::from_json;
use crate::db::{self, DbError};
use crate::domain::id::{ConsentId, ContractId, EngagementId};
use crate::service::{App, Call, Failure, Page, Paged};
use crate::text_enum;

text_enum! {
    /// Which consents are listed.
    pub enum Entered {
        /// 既承認: entered here after they were decided on paper.
        Late = "late",
    }
}

/// A consent in a list.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConsentLine {
    pub id: ConsentId,
    pub contract_id: ContractId,
    pub contract_number: String,
    pub contract_title: String,
    pub engagement_id: EngagementId,
    pub tier: i32,
    pub vendor_name: String,
    /// 既承認.
    pub recorded: bool,
    pub decided_on: NaiveDate,
    /// The business day on which it was entered here.
    pub recorded_on: NaiveDate,
    /// Days from the first day on which it holds to the one on which it was entered; 0 when it was entered in time.
    pub late_days: i64,
    pub valid_from: NaiveDate,
    pub valid_until: NaiveDate,
    /// 文書番号, of a 既承認.
    pub document_number: Option<String>,
    pub note: Option<String>,
}

/// `GET /consents`, the latest entered first.
pub fn list(
    app: &App,
    call: &Call,
    entered: Option<Entered>,
    page: &Page,
) -> Result<Paged<ConsentLine>, Failure> {
    let (scope, after, late) = (call.scope(), page.after_id()?, entered == Some(Entered::Late));
    let lines = app.db.read_one::<_, DbError>(|conn| {
        let rows = db::chain::list_consents(conn, &scope, late, after, page.rows())?;
        rows.into_iter().map(|row| line(app, row)).collect()
    })?;
    Ok(Paged::cut(page, lines, |line: &ConsentLine| line.id.to_string(), |line| line))
}

fn line(app: &App, row: ListedConsent) -> Result<ConsentLine, DbError> {
    let recorded_on = app.sources.clock.day_of(row.recorded_at.and_utc());
    let body: ConsentBody = from_json(&row.body)?;
    Ok(ConsentLine {
        id: row.id,
        contract_id: row.contract_id,
        contract_number: row.contract_number,
        contract_title: row.contract_title,
        engagement_id: row.engagement_id,
        tier: row.tier,
        vendor_name: row.vendor_name,
        recorded: row.application_id.is_none(),
        decided_on: row.decided_on,
        recorded_on,
        late_days: (recorded_on - row.valid_from).num_days().max(0),
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        document_number: body.document_number,
        note: body.note,
    })
}
