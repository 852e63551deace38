//! What was declared and what was seen: declarations, observations, their statements, retractions.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::contract::Narrow;
use super::contract::narrow::narrowed;
use super::counted::counted;
use super::facts::source_word;
use super::schema::{
    contracts, declarations, engagements, observations, organizations, retractions, statements,
};
use super::tx::Recorded;
use super::types::to_json;
use super::{Conn, DbError, Tx};
use crate::domain::access::Scope;
use crate::domain::chain::{Source, Statement, StatementOrigin};
use crate::domain::contract::Stamp;
use crate::domain::days::DayRange;
use crate::domain::id::{
    ContractId, DeclarationId, EngagementId, ObservationId, OrganizationId, SubjectId, UserId,
};

/// A declaration as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = declarations)]
pub struct DeclarationRow {
    pub id: DeclarationId,
    pub contract_id: ContractId,
    pub organization_id: OrganizationId,
    pub period_from: NaiveDate,
    pub period_to: NaiveDate,
    pub no_subcontracting: bool,
    pub receipt: String,
    pub recorded_at: NaiveDateTime,
}

/// An observation as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = observations)]
pub struct ObservationRow {
    pub id: ObservationId,
    pub engagement_id: EngagementId,
    pub source: String,
    pub note: Option<String>,
    pub recorded_at: NaiveDateTime,
}

/// A new declaration's own columns.
#[derive(Debug)]
pub struct NewDeclaration<'a> {
    pub id: DeclarationId,
    pub contract_id: ContractId,
    pub organization_id: OrganizationId,
    pub period: DayRange,
    pub none: bool,
    pub receipt: &'a crate::ledger::receipt::Receipt,
}

fn author(tx: &Tx<'_>) -> Result<UserId, DbError> {
    tx.author.map(|author| author.user_id).ok_or(DbError::NotFound)
}

/// The scopes stated in an organization's declarations on a contract.
pub fn scopes_declared(
    conn: &mut Conn,
    contract: ContractId,
    organization: OrganizationId,
) -> Result<HashMap<(DeclarationId, EngagementId), String>, DbError> {
    let rows: Vec<(Option<DeclarationId>, EngagementId, Option<String>)> = statements::table
        .filter(statements::contract_id.eq(contract))
        .filter(statements::source_organization_id.eq(organization))
        .select((statements::declaration_id, statements::engagement_id, statements::scope))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(id, engagement, scope)| Some(((id?, engagement), scope?))).collect())
}

/// Writes a declaration; its statements follow.
pub fn add_declaration(tx: &mut Tx<'_>, new: &NewDeclaration<'_>, stamp: Stamp) -> Result<(), DbError> {
    let by = author(tx)?;
    diesel::insert_into(declarations::table)
        .values((
            declarations::id.eq(new.id),
            declarations::contract_id.eq(new.contract_id),
            declarations::agency_id.eq(tx.organization_id),
            declarations::organization_id.eq(new.organization_id),
            declarations::period_from.eq(new.period.from),
            declarations::period_to.eq(new.period.to),
            declarations::filed_on.eq(tx.today),
            declarations::no_subcontracting.eq(new.none),
            declarations::declared_by.eq(by),
            declarations::receipt.eq(to_json(new.receipt)?),
            declarations::seq.eq(stamp.seq),
            declarations::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Writes an observation; its statement follows.
pub fn add_observation(
    tx: &mut Tx<'_>,
    id: ObservationId,
    contract: ContractId,
    engagement: EngagementId,
    source: Source,
    note: Option<&str>,
    stamp: Stamp,
) -> Result<(), DbError> {
    let by = author(tx)?;
    diesel::insert_into(observations::table)
        .values((
            observations::id.eq(id),
            observations::contract_id.eq(contract),
            observations::agency_id.eq(tx.organization_id),
            observations::engagement_id.eq(engagement),
            observations::source.eq(source_word(source)),
            observations::note.eq(note),
            observations::observed_by.eq(by),
            observations::seq.eq(stamp.seq),
            observations::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Writes what was said of one engagement.
pub fn add_statement(
    tx: &mut Tx<'_>,
    id: SubjectId,
    contract: ContractId,
    statement: &Statement,
    scope: Option<&str>,
) -> Result<(), DbError> {
    let organization = match statement.source {
        Source::Declared(organization) => Some(organization),
        Source::Audit | Source::ThirdParty | Source::Other => None,
    };
    let (declaration, observation) = split(statement.origin);
    diesel::insert_into(statements::table)
        .values((
            statements::id.eq(id),
            statements::contract_id.eq(contract),
            statements::agency_id.eq(tx.organization_id),
            statements::engagement_id.eq(statement.engagement_id),
            statements::source.eq(source_word(statement.source)),
            statements::source_organization_id.eq(organization),
            statements::declaration_id.eq(declaration),
            statements::observation_id.eq(observation),
            statements::started_on.eq(statement.started_on),
            statements::ended_on.eq(statement.ended_on),
            statements::scope.eq(scope),
            statements::country.eq(statement.country.as_deref()),
            statements::amount_yen.eq(statement.amount_yen),
            statements::data.eq(to_json(&statement.data)?),
            statements::seq.eq(statement.stamp.seq),
            statements::recorded_at.eq(statement.stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

fn split(origin: StatementOrigin) -> (Option<DeclarationId>, Option<ObservationId>) {
    match origin {
        StatementOrigin::Declaration(id) => (Some(id), None),
        StatementOrigin::Observation(id) => (None, Some(id)),
    }
}

/// Takes a declaration or an observation back.
pub fn add_retraction(
    tx: &mut Tx<'_>,
    contract: ContractId,
    origin: StatementOrigin,
    reason: &str,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    let by = author(tx)?;
    let (declaration, observation) = split(origin);
    diesel::insert_into(retractions::table)
        .values((
            retractions::id.eq(recorded.row_id()),
            retractions::contract_id.eq(contract),
            retractions::agency_id.eq(tx.organization_id),
            retractions::declaration_id.eq(declaration),
            retractions::observation_id.eq(observation),
            retractions::reason.eq(reason),
            retractions::retracted_by.eq(by),
            retractions::seq.eq(stamp.seq),
            retractions::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Contract and declaring organization of a declaration.
pub fn find_declaration(conn: &mut Conn, id: DeclarationId) -> Result<DeclarationRow, DbError> {
    Ok(declarations::table.find(id).select(DeclarationRow::as_select()).first(conn)?)
}

/// The contract of an observation.
pub fn contract_of_observation(conn: &mut Conn, id: ObservationId) -> Result<ContractId, DbError> {
    Ok(observations::table.find(id).select(observations::contract_id).first(conn)?)
}

/// What of a contract's declarations a vendor may know of: its own, and those of the vendors at its places and
/// below, unless they speak of another branch only.
#[derive(Debug)]
pub struct InSight {
    pub own: OrganizationId,
    /// Its places and those below them.
    pub places: Vec<EngagementId>,
    /// The vendors at these places.
    pub vendors: Vec<OrganizationId>,
}

/// Declarations on a contract, newest first, of at most `rows`.
pub fn declarations_of(
    conn: &mut Conn,
    contract: ContractId,
    in_sight: Option<&InSight>,
    after: Option<DeclarationId>,
    rows: i64,
) -> Result<Vec<DeclarationRow>, DbError> {
    let mut query = declarations::table.filter(declarations::contract_id.eq(contract)).into_boxed();
    if let Some(InSight { own, places, vendors }) = in_sight {
        let about_places = statements::table
            .filter(statements::contract_id.eq(contract))
            .filter(statements::engagement_id.eq_any(places.clone()))
            .select(statements::declaration_id);
        query = query.filter(declarations::organization_id.eq_any(vendors.clone())).filter(
            declarations::organization_id
                .eq(*own)
                .or(declarations::no_subcontracting.eq(true))
                .or(declarations::id.nullable().eq_any(about_places).assume_not_null()),
        );
    }
    if let Some(after) = after {
        query = query.filter(declarations::id.lt(after));
    }
    Ok(query.order(declarations::id.desc()).limit(rows).select(DeclarationRow::as_select()).load(conn)?)
}

/// Observations on a contract, newest first, of at most `rows`.
pub fn observations_of(
    conn: &mut Conn,
    contract: ContractId,
    after: Option<ObservationId>,
    rows: i64,
) -> Result<Vec<ObservationRow>, DbError> {
    let mut query = observations::table.filter(observations::contract_id.eq(contract)).into_boxed();
    if let Some(after) = after {
        query = query.filter(observations::id.lt(after));
    }
    Ok(query.order(observations::id.desc()).limit(rows).select(ObservationRow::as_select()).load(conn)?)
}

/// One observation. The caller settles whether it may.
pub fn find_observation(conn: &mut Conn, id: ObservationId) -> Result<ObservationRow, DbError> {
    Ok(observations::table.find(id).select(ObservationRow::as_select()).first(conn)?)
}

/// Narrows a boxed query to the scope: an agency's contracts, what a vendor declared itself.
macro_rules! in_scope {
    ($query:expr, $scope:expr) => {
        match *$scope {
            Scope::Agency(id) => $query.filter(declarations::agency_id.eq(id)),
            Scope::Vendor(id) => $query.filter(declarations::organization_id.eq(id)),
            Scope::Overseer | Scope::Program => $query,
            Scope::Nothing => $query.filter(declarations::id.eq("")),
        }
    };
}

/// Declarations with their contracts; a macro, because the types of joins can't be written.
macro_rules! with_contracts {
    () => {
        declarations::table.inner_join(contracts::table.on(contracts::id.eq(declarations::contract_id)))
    };
}

/// How many declarations across contracts, counted up to a bound.
pub fn count_declarations(
    conn: &mut Conn,
    scope: &Scope,
    narrow: &Narrow,
    bound: i64,
) -> Result<i64, DbError> {
    let query = with_contracts!().select(declarations::id).limit(bound).into_boxed();
    let mut query = in_scope!(query, scope);
    narrowed!(query, narrow, scope);
    counted(conn, query)
}

/// Declarations across contracts, newest first, of at most `rows`.
pub fn declarations(
    conn: &mut Conn,
    scope: &Scope,
    narrow: &Narrow,
    after: Option<DeclarationId>,
    rows: i64,
) -> Result<Vec<DeclarationRow>, DbError> {
    let query = with_contracts!().order(declarations::id.desc()).limit(rows).into_boxed();
    let mut query = in_scope!(query, scope);
    narrowed!(query, narrow, scope);
    if let Some(after) = after {
        query = query.filter(declarations::id.lt(after));
    }
    Ok(query.select(DeclarationRow::as_select()).load(conn)?)
}

/// One of them.
pub fn declaration(conn: &mut Conn, scope: &Scope, id: DeclarationId) -> Result<DeclarationRow, DbError> {
    let query = declarations::table.filter(declarations::id.eq(id)).into_boxed();
    Ok(in_scope!(query, scope).select(DeclarationRow::as_select()).first(conn)?)
}

/// The periods of which a vendor has reported on contracts, and when, by their ends. What was taken back is left out.
pub fn last_reports(
    conn: &mut Conn,
    vendor: OrganizationId,
    contracts: &[ContractId],
) -> Result<Vec<(ContractId, NaiveDate, NaiveDate, NaiveDate)>, DbError> {
    Ok(declarations::table
        .left_join(retractions::table.on(retractions::declaration_id.eq(declarations::id.nullable())))
        .filter(declarations::contract_id.eq_any(contracts.to_vec()))
        .filter(declarations::organization_id.eq(vendor))
        .filter(retractions::id.nullable().is_null())
        .order((declarations::period_to, declarations::id))
        .select((
            declarations::contract_id,
            declarations::period_from,
            declarations::period_to,
            declarations::filed_on,
        ))
        .load(conn)?)
}

/// Of the declarations on these contracts, those that were taken back.
pub fn retracted(
    conn: &mut Conn,
    contracts: &[ContractId],
    ids: &[DeclarationId],
) -> Result<HashSet<DeclarationId>, DbError> {
    let rows: Vec<Option<DeclarationId>> = retractions::table
        .filter(retractions::contract_id.eq_any(contracts))
        .filter(retractions::declaration_id.eq_any(ids.iter().copied().map(Some).collect::<Vec<_>>()))
        .select(retractions::declaration_id)
        .load(conn)?;
    Ok(rows.into_iter().flatten().collect())
}

/// What a declaration says of one engagement.
#[derive(Debug, Clone, Queryable)]
pub struct DeclaredUseRow {
    pub declaration_id: DeclarationId,
    pub engagement_id: EngagementId,
    pub vendor_name: String,
    pub started_on: NaiveDate,
    pub ended_on: Option<NaiveDate>,
    pub scope: Option<String>,
    pub country: Option<String>,
    pub amount_yen: Option<i64>,
    /// JSON of volumes.
    pub data: String,
}

/// What these declarations on these contracts say, in the chain's order.
pub fn declared_uses(
    conn: &mut Conn,
    contracts: &[ContractId],
    ids: &[DeclarationId],
) -> Result<Vec<DeclaredUseRow>, DbError> {
    Ok(statements::table
        .inner_join(engagements::table.on(engagements::id.eq(statements::engagement_id)))
        .inner_join(organizations::table.on(organizations::id.eq(engagements::vendor_id)))
        .filter(statements::contract_id.eq_any(contracts))
        .filter(statements::declaration_id.eq_any(ids.iter().copied().map(Some).collect::<Vec<_>>()))
        .order((engagements::tier, engagements::seq, engagements::id))
        .select((
            statements::declaration_id.assume_not_null(),
            statements::engagement_id,
            organizations::name,
            statements::started_on,
            statements::ended_on,
            statements::scope,
            statements::country,
            statements::amount_yen,
            statements::data,
        ))
        .load(conn)?)
}
