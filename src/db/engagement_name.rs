//! The names under which the companies of a chain were named where they are not the ones they are known by: 名義.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::engagement_names;
use super::tx::Recorded;
use super::{Conn, DbError, Tx};
use crate::domain::company::{Likeness, NamedIn};
use crate::domain::id::{ContractId, EngagementId};

/// A name as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = engagement_names)]
pub struct EngagementNameRow {
    pub engagement_id: EngagementId,
    /// Where it was named so first.
    pub named_in: NamedIn,
    /// How it stood to the name that the company was known by then.
    pub likeness: Likeness,
    pub name: String,
    pub recorded_at: NaiveDateTime,
}

/// A name to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewEngagementName<'a> {
    pub contract_id: ContractId,
    pub engagement_id: EngagementId,
    pub named_in: NamedIn,
    pub likeness: Likeness,
    pub name: &'a str,
    pub salt: &'a str,
}

/// Writes a name with the entry that tells of it.
pub fn add(tx: &mut Tx<'_>, new: NewEngagementName<'_>, recorded: &Recorded) -> Result<(), DbError> {
    diesel::insert_into(engagement_names::table)
        .values((
            engagement_names::id.eq(recorded.row_id()),
            engagement_names::contract_id.eq(new.contract_id),
            engagement_names::agency_id.eq(tx.organization_id),
            engagement_names::engagement_id.eq(new.engagement_id),
            engagement_names::named_in.eq(new.named_in),
            engagement_names::likeness.eq(new.likeness),
            engagement_names::name.eq(new.name),
            engagement_names::salt.eq(new.salt),
            engagement_names::seq.eq(recorded.stamp.seq),
            engagement_names::recorded_at.eq(recorded.stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Those of a contract, the oldest first. The caller has settled that it may.
pub fn of_contract(conn: &mut Conn, contract: ContractId) -> Result<Vec<EngagementNameRow>, DbError> {
    let found = engagement_names::table.filter(engagement_names::contract_id.eq(contract));
    let rows = found.order(engagement_names::seq).select(EngagementNameRow::as_select());
    Ok(rows.load(conn)?)
}
