//! Files of contracts that were taken in, each of which can be undone as one act.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::super::schema::{contract_imports, contracts};
use super::super::tx::Recorded;
use super::super::{Conn, DbError, Tx};
use super::ContractHead;
use crate::domain::access::Scope;
use crate::domain::contract::ContractOrigin;
use crate::domain::id::{ImportId, OrganizationId, UserId};

/// A file taken in.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = contract_imports)]
pub struct ImportRow {
    pub id: ImportId,
    pub agency_id: OrganizationId,
    pub origin: ContractOrigin,
    /// How many contracts it brought.
    pub contracts: i32,
    /// None: the operator's command.
    pub imported_by: Option<UserId>,
    pub imported_on: NaiveDate,
    pub undone_on: Option<NaiveDate>,
    pub undone_by: Option<UserId>,
    pub undo_reason: Option<String>,
    pub recorded_at: NaiveDateTime,
}

/// Writes a file taken in, on its agency's chain.
pub fn add_import(
    tx: &mut Tx<'_>,
    id: ImportId,
    origin: ContractOrigin,
    count: i32,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    diesel::insert_into(contract_imports::table)
        .values((
            contract_imports::id.eq(id),
            contract_imports::agency_id.eq(tx.organization_id),
            contract_imports::origin.eq(origin),
            contract_imports::contracts.eq(count),
            contract_imports::imported_by.eq(tx.author.map(|author| author.user_id)),
            contract_imports::imported_on.eq(tx.today),
            contract_imports::seq.eq(stamp.seq),
            contract_imports::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Says that it was undone.
pub fn undo_import(tx: &mut Tx<'_>, id: ImportId, reason: &str) -> Result<(), DbError> {
    diesel::update(contract_imports::table.find(id))
        .set((
            contract_imports::undone_on.eq(tx.today),
            contract_imports::undone_by.eq(tx.author.map(|author| author.user_id)),
            contract_imports::undo_reason.eq(reason),
        ))
        .execute(tx.conn)?;
    Ok(())
}

macro_rules! in_scope {
    ($query:expr, $scope:expr) => {
        match *$scope {
            Scope::Agency(id) => $query.filter(contract_imports::agency_id.eq(id)),
            Scope::Overseer | Scope::Program => $query,
            Scope::Vendor(_) | Scope::Nothing => return Err(DbError::NotFound),
        }
    };
}

/// The file taken in, when the scope may know of it.
pub fn find_import(conn: &mut Conn, scope: &Scope, id: ImportId) -> Result<ImportRow, DbError> {
    let query = contract_imports::table
        .filter(contract_imports::id.eq(id))
        .select(ImportRow::as_select())
        .into_boxed();
    Ok(in_scope!(query, scope).first(conn)?)
}

/// Files taken in, the latest first.
pub fn list_imports(
    conn: &mut Conn,
    scope: &Scope,
    before: Option<ImportId>,
    rows: i64,
) -> Result<Vec<ImportRow>, DbError> {
    let query = contract_imports::table
        .order(contract_imports::id.desc())
        .limit(rows)
        .select(ImportRow::as_select())
        .into_boxed();
    let mut query = in_scope!(query, scope);
    if let Some(before) = before {
        query = query.filter(contract_imports::id.lt(before));
    }
    Ok(query.load(conn)?)
}

/// The contracts that came with a file and whose registration stands, by id, of at most `rows`; the file was in scope.
pub fn of_import(conn: &mut Conn, id: ImportId, rows: Option<i64>) -> Result<Vec<ContractHead>, DbError> {
    let mut query = contracts::table
        .filter(contracts::import_id.eq(id).and(contracts::voided_on.is_null()))
        .order(contracts::id)
        .select(ContractHead::as_select())
        .into_boxed();
    if let Some(rows) = rows {
        query = query.limit(rows);
    }
    Ok(query.load(conn)?)
}

/// How many of the contracts that came with a file were taken back.
pub fn voided_of_import(conn: &mut Conn, id: ImportId) -> Result<i64, DbError> {
    let voided = contracts::table.filter(contracts::import_id.eq(id).and(contracts::voided_on.is_not_null()));
    Ok(voided.count().get_result(conn)?)
}
