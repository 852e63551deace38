//! What somebody has to do on a contract by a day, as it stands in rows, for lists in order of due days.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use super::schema::deadlines;
use super::types::directly;
use super::{Conn, DbError, Tx};
use crate::domain::days::DayRange;
use crate::domain::deadline::{Deadline, DeadlineKind};
use crate::domain::id::{ApplicationId, ContractId, EngagementId, OrganizationId, SubjectId};

/// A deadline as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deadlines)]
pub struct DeadlineRow {
    pub id: SubjectId,
    pub kind: DeadlineKind,
    pub application_id: Option<ApplicationId>,
    pub vendor_id: OrganizationId,
    pub engagement_id: Option<EngagementId>,
    pub period_from: Option<NaiveDate>,
    pub period_to: Option<NaiveDate>,
    pub known_on: Option<NaiveDate>,
    pub due_on: NaiveDate,
}

impl DeadlineRow {
    fn deadline(&self) -> Deadline {
        Deadline {
            kind: self.kind,
            application_id: self.application_id,
            vendor_id: self.vendor_id,
            engagement_id: self.engagement_id,
            period: self.period(),
            known_on: self.known_on,
            due_on: self.due_on,
        }
    }

    /// Of a report.
    pub fn period(&self) -> Option<DayRange> {
        DayRange::new(self.period_from?, self.period_to?)
    }
}

/// Brings a contract's rows to these; those that stand already keep their ids.
pub fn settle(
    tx: &mut Tx<'_>,
    contract: ContractId,
    agency: OrganizationId,
    now: &[Deadline],
) -> Result<(), DbError> {
    let stored: Vec<DeadlineRow> = directly!(tx.conn, |own| deadlines::table
        .filter(deadlines::contract_id.eq(contract))
        .select(DeadlineRow::as_select())
        .load(own))?;
    let gone = stored.iter().filter(|row| !now.contains(&row.deadline())).map(|row| row.id);
    let gone: Vec<SubjectId> = gone.collect();
    if !gone.is_empty() {
        diesel::delete(deadlines::table.filter(deadlines::id.eq_any(gone))).execute(tx.conn)?;
    }
    let known: Vec<Deadline> = stored.iter().map(DeadlineRow::deadline).collect();
    let new = now.iter().filter(|deadline| !known.contains(deadline));
    new.into_iter().try_for_each(|deadline| insert(tx, contract, agency, deadline))
}

/// Writes the first rows of a contract.
pub fn insert_all(
    tx: &mut Tx<'_>,
    contract: ContractId,
    agency: OrganizationId,
    now: &[Deadline],
) -> Result<(), DbError> {
    now.iter().try_for_each(|deadline| insert(tx, contract, agency, deadline))
}

fn insert(
    tx: &mut Tx<'_>,
    contract: ContractId,
    agency: OrganizationId,
    deadline: &Deadline,
) -> Result<(), DbError> {
    let id: SubjectId = tx.new_id();
    directly!(tx.conn, |own| diesel::insert_into(deadlines::table)
        .values((
            deadlines::id.eq(id),
            deadlines::contract_id.eq(contract),
            deadlines::agency_id.eq(agency),
            deadlines::kind.eq(deadline.kind),
            deadlines::application_id.eq(deadline.application_id),
            deadlines::vendor_id.eq(deadline.vendor_id),
            deadlines::engagement_id.eq(deadline.engagement_id),
            deadlines::period_from.eq(deadline.period.map(|days| days.from)),
            deadlines::period_to.eq(deadline.period.map(|days| days.to)),
            deadlines::known_on.eq(deadline.known_on),
            deadlines::due_on.eq(deadline.due_on),
        ))
        .execute(own))?;
    Ok(())
}

/// Forgets those of a contract whose registration was taken back.
pub fn forget(conn: &mut Conn, contract: ContractId) -> Result<(), DbError> {
    diesel::delete(deadlines::table.filter(deadlines::contract_id.eq(contract))).execute(conn)?;
    Ok(())
}

/// The contracts of an agency on which an application waits.
pub fn contracts_with_applications(
    conn: &mut Conn,
    agency: OrganizationId,
) -> Result<Vec<ContractId>, DbError> {
    Ok(deadlines::table
        .filter(deadlines::agency_id.eq(agency))
        .filter(deadlines::application_id.is_not_null())
        .select(deadlines::contract_id)
        .distinct()
        .order(deadlines::contract_id)
        .load(conn)?)
}

/// Moves an agency's reports to the days by which they are due with so many days of grace, as
/// [`crate::domain::declaration::due_on`] has it.
pub fn set_grace(conn: &mut Conn, agency: OrganizationId, days: i32) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(conn) => {
            let moved = diesel::sql_query(
                "UPDATE deadlines SET due_on = CASE WHEN date(period_to, ?1 || ' days') > known_on \
                 THEN date(period_to, ?1 || ' days') ELSE date(known_on, max(?1, 1) || ' days') END \
                 WHERE kind = 'report' AND agency_id = ?2",
            );
            moved.bind::<Integer, _>(days).bind::<Text, _>(agency).execute(conn)?;
        }
        Conn::Postgresql(conn) => {
            let moved = diesel::sql_query(
                "UPDATE deadlines SET due_on = CASE WHEN period_to + $1 > known_on \
                 THEN period_to + $1 ELSE known_on + GREATEST($1, 1) END \
                 WHERE kind = 'report' AND agency_id = $2",
            );
            moved.bind::<Integer, _>(days).bind::<Text, _>(agency).execute(conn)?;
        }
    }
    Ok(())
}

/// What is to be done about applications.
pub fn of_applications(
    conn: &mut Conn,
    ids: &[ApplicationId],
) -> Result<HashMap<ApplicationId, DeadlineRow>, DbError> {
    let ids: Vec<Option<ApplicationId>> = ids.iter().copied().map(Some).collect();
    let rows: Vec<DeadlineRow> = deadlines::table
        .filter(deadlines::application_id.eq_any(ids))
        .select(DeadlineRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|row| Some((row.application_id?, row))).collect())
}

/// The reports that a vendor owes on contracts, the soonest due first.
pub fn reports_of(
    conn: &mut Conn,
    vendor: OrganizationId,
    contracts: &[ContractId],
) -> Result<Vec<(ContractId, DeadlineRow)>, DbError> {
    Ok(deadlines::table
        .filter(deadlines::contract_id.eq_any(contracts.to_vec()))
        .filter(deadlines::vendor_id.eq(vendor).and(deadlines::kind.eq(DeadlineKind::Report)))
        .order((deadlines::due_on, deadlines::id))
        .select((deadlines::contract_id, DeadlineRow::as_select()))
        .load(conn)?)
}
