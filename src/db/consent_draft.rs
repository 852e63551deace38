//! Files of 既承認 drafted for an approver: of an agency, found in it alone.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::schema::consent_drafts::{self, dsl};
use super::{Conn, DbError};
use crate::domain::id::{ConsentDraftId, OrganizationId, UserId};
use crate::text_enum;

text_enum! {
    /// Where a draft stands.
    pub enum DraftState {
        /// Read and shown to whoever sent it; nobody else sees it.
        Prepared = "prepared",
        /// With the approvers.
        Waiting = "waiting",
        /// Every row was recorded.
        Recorded = "recorded",
        /// Nothing came of it.
        Withdrawn = "withdrawn",
    }
}

/// A draft without its content.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = consent_drafts)]
pub struct DraftRow {
    pub id: ConsentDraftId,
    pub agency_id: OrganizationId,
    /// Of the file.
    pub name: String,
    pub numbers_confirmed: bool,
    pub state: DraftState,
    pub drafted_by: UserId,
    pub drafted_at: NaiveDateTime,
    pub settled_by: Option<UserId>,
    pub settled_on: Option<NaiveDate>,
}

/// Keeps a file that was sent.
pub fn insert(conn: &mut Conn, row: &DraftRow, content: &[u8]) -> Result<(), DbError> {
    diesel::insert_into(dsl::consent_drafts)
        .values((
            dsl::id.eq(row.id),
            dsl::agency_id.eq(row.agency_id),
            dsl::name.eq(&row.name),
            dsl::content.eq(content),
            dsl::numbers_confirmed.eq(row.numbers_confirmed),
            dsl::state.eq(row.state),
            dsl::drafted_by.eq(row.drafted_by),
            dsl::drafted_at.eq(row.drafted_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// A draft of the agency that the person may know of: what was only prepared is its sender's.
pub fn find(
    conn: &mut Conn,
    agency: OrganizationId,
    person: UserId,
    id: ConsentDraftId,
) -> Result<(DraftRow, Vec<u8>), DbError> {
    Ok(dsl::consent_drafts
        .filter(dsl::id.eq(id).and(dsl::agency_id.eq(agency)))
        .filter(dsl::state.ne(DraftState::Prepared).or(dsl::drafted_by.eq(person)))
        .select((DraftRow::as_select(), dsl::content))
        .first(conn)?)
}

/// The latest drafts of the agency that the person may know of, of one state or of all.
pub fn list(
    conn: &mut Conn,
    agency: OrganizationId,
    person: UserId,
    state: Option<DraftState>,
    rows: i64,
) -> Result<Vec<DraftRow>, DbError> {
    let mut query = dsl::consent_drafts
        .filter(dsl::agency_id.eq(agency))
        .filter(dsl::state.ne(DraftState::Prepared).or(dsl::drafted_by.eq(person)))
        .order(dsl::id.desc())
        .limit(rows)
        .select(DraftRow::as_select())
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(dsl::state.eq(state));
    }
    Ok(query.load(conn)?)
}

/// How many wait for an approver of the agency.
pub fn waiting(conn: &mut Conn, agency: OrganizationId) -> Result<i64, DbError> {
    let found = dsl::consent_drafts.filter(dsl::agency_id.eq(agency).and(dsl::state.eq(DraftState::Waiting)));
    Ok(found.count().get_result(conn)?)
}

/// Moves a draft on, if it still stands where it was found; false: somebody was first.
pub fn settle(
    conn: &mut Conn,
    id: ConsentDraftId,
    from: DraftState,
    to: DraftState,
    by: Option<(UserId, NaiveDate)>,
) -> Result<bool, DbError> {
    let moved = diesel::update(dsl::consent_drafts.filter(dsl::id.eq(id).and(dsl::state.eq(from))))
        .set((
            dsl::state.eq(to),
            dsl::settled_by.eq(by.map(|(person, _)| person)),
            dsl::settled_on.eq(by.map(|(_, day)| day)),
        ))
        .execute(conn)?;
    Ok(moved == 1)
}
