//! Contracts: the row with its projection, found in scope; the facts behind it are in [`facts`].

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::facts::TermsColumns;
use super::schema::{contract_terms, contracts, engagements, organizations, users};
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::access::{OrganizationKind, Scope};
use crate::domain::chain::{ChainFacts, Vendor};
use crate::domain::contract::{ContractOrigin, ContractStatus, Terms, TermsFact};
use crate::domain::id::{ContractId, ImportId, OrganizationId, UserId};
use crate::domain::projection::search_key;
use crate::domain::text::number_key;

mod facts;
mod imports;
pub(in crate::db) mod narrow;
mod recorded;
mod void;

pub use facts::{
    HandoverRow, NewTerms, TermsRow, add_officer, add_prime, add_termination, add_terms, facts,
    handover_rows, handovers, is_officer, officer_on, reproject, terms, withdraw_handover,
};
pub use imports::{
    ImportRow, add_import, find_import, list_imports, of_import, undo_import, voided_of_import,
};
pub use recorded::{Recorded, recorded};
pub use void::{Hanging, VoidRow, hanging, void, void_of};

/// A contract's row: whose it is, and its projection as of the day it was last rebuilt. What a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = contracts)]
pub struct ContractHead {
    pub id: ContractId,
    pub agency_id: OrganizationId,
    pub number: String,
    /// The prime.
    pub vendor_id: OrganizationId,
    pub officer_id: Option<UserId>,
    pub title: String,
    pub fiscal_year: i32,
    pub amount_yen: i64,
    /// Whether its terms name data of persons.
    pub entrusts_data: bool,
    pub starts_on: NaiveDate,
    /// By all terms and terminations known.
    pub last_day: NaiveDate,
    pub department: Option<String>,
    pub open_alerts: i32,
    /// When its registration was taken back.
    pub voided_on: Option<NaiveDate>,
    pub version: i64,
}

impl ContractHead {
    /// Where it stands on a day.
    pub fn status(&self, day: NaiveDate) -> ContractStatus {
        if self.voided_on.is_some() {
            return ContractStatus::Voided;
        }
        ContractStatus::on(day, self.starts_on, self.last_day)
    }
}

/// A contract's head with the names that stand beside it.
#[derive(Debug, Clone)]
pub struct ContractLine {
    pub contract: ContractHead,
    pub agency_name: String,
    pub vendor_name: String,
    pub vendor_corporate_number: Option<String>,
    pub officer_name: Option<String>,
}

diesel::alias! {
    const AGENCIES: Alias<AgencyAlias> = organizations as agencies;
}

/// Contracts with their prime, agency and officer; macros, because the types of joins can't be written.
macro_rules! joined {
    () => {
        contracts::table
            .inner_join(organizations::table.on(organizations::id.eq(contracts::vendor_id)))
            .inner_join(AGENCIES.on(AGENCIES.field(organizations::id).eq(contracts::agency_id)))
            .left_join(users::table.on(users::id.nullable().eq(contracts::officer_id)))
    };
}

macro_rules! line_columns {
    ($($more:expr),*) => {
        (
            ContractHead::as_select(),
            AGENCIES.field(organizations::name),
            organizations::name,
            organizations::corporate_number,
            users::name.nullable(),
            $($more),*
        )
    };
}

/// Narrows a boxed query to what the scope may know of.
macro_rules! in_scope {
    ($query:ident, $scope:expr) => {
        match *$scope {
            Scope::Agency(id) => $query = $query.filter(contracts::agency_id.eq(id)),
            Scope::Vendor(id) => {
                let on_chain = engagements::table.filter(engagements::vendor_id.eq(id));
                $query = $query.filter(contracts::id.eq_any(on_chain.select(engagements::contract_id)));
            }
            Scope::Overseer | Scope::Program => {}
            Scope::Nothing => $query = $query.filter(diesel::dsl::sql::<diesel::sql_types::Bool>("1 = 0")),
        }
    };
}

// After the macros, which they use.
mod held;
mod list;

pub use held::{
    ComingHandover, HeldFilter, coming_of, coming_officers, count_coming_of, count_held, held, held_ids,
    holders, last_department,
};
pub use list::{ContractFilter, ContractOrder, count_matching, count_running, list};
pub use narrow::{Narrow, OfficerIs, departments, officers};

type Line = (ContractHead, String, String, Option<String>, Option<String>);

fn line(row: Line) -> ContractLine {
    let (contract, agency_name, vendor_name, vendor_corporate_number, officer_name) = row;
    ContractLine { contract, agency_name, vendor_name, vendor_corporate_number, officer_name }
}

/// The contract, when the scope may know of it; also one whose registration was taken back.
pub fn find(conn: &mut Conn, scope: &Scope, id: ContractId) -> Result<ContractHead, DbError> {
    let mut query =
        contracts::table.select(ContractHead::as_select()).filter(contracts::id.eq(id)).into_boxed();
    in_scope!(query, scope);
    Ok(query.first(conn)?)
}

/// The contract of an agency by its number, whatever its width, case and dashes.
pub fn by_number(
    conn: &mut Conn,
    agency: OrganizationId,
    number: &str,
) -> Result<Option<ContractId>, DbError> {
    let query = contracts::table
        .filter(contracts::agency_id.eq(agency).and(contracts::number_key.eq(number_key(number))))
        .filter(contracts::voided_on.is_null());
    Ok(query.select(contracts::id).first(conn).optional()?)
}

/// Number and title of contracts, for lists across contracts; those asked for were in scope.
pub fn labels(conn: &mut Conn, ids: &[ContractId]) -> Result<HashMap<ContractId, (String, String)>, DbError> {
    let query = contracts::table.filter(contracts::id.eq_any(ids));
    let rows: Vec<(ContractId, String, String)> =
        query.select((contracts::id, contracts::number, contracts::title)).load(conn)?;
    Ok(rows.into_iter().map(|(id, number, title)| (id, (number, title))).collect())
}

/// What the registration fixed for ever of a contract.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = contracts)]
pub struct ContractBirth {
    pub origin: ContractOrigin,
    /// The file it came from gave one day only.
    pub period_assumed: bool,
    /// JSON: names of the other parties on the vendor's side.
    pub joint_vendors: String,
    /// JSON: names of the agencies as the file wrote them.
    pub joint_agencies: String,
    /// The file taken in that it came with.
    pub import_id: Option<ImportId>,
    pub created_at: NaiveDateTime,
}

/// A contract in full, when the scope may know of it.
#[derive(Debug, Clone)]
pub struct WholeContract {
    pub line: ContractLine,
    pub birth: ContractBirth,
    /// Every version, in no order.
    pub terms: Vec<TermsFact>,
}

impl WholeContract {
    /// The terms in force on a day, or on the contract's day nearest to it.
    pub fn terms_in_force(&self, day: NaiveDate) -> Result<Terms, DbError> {
        let head = &self.line.contract;
        let day = if head.starts_on <= head.last_day {
            day.clamp(head.starts_on, head.last_day)
        } else {
            head.starts_on
        };
        let facts = ChainFacts { terms: self.terms.clone(), ..ChainFacts::empty(head.id, head.agency_id) };
        let known = facts.now();
        known.terms_on(day).cloned().ok_or_else(|| facts::without_terms(head.id))
    }
}

type WholeLine = (ContractHead, String, String, Option<String>, Option<String>, ContractBirth, TermsColumns);

/// The contract with its names and terms, when the scope may know of it: one statement, hence one moment.
pub fn find_whole(conn: &mut Conn, scope: &Scope, id: ContractId) -> Result<WholeContract, DbError> {
    macro_rules! whole {
        () => {
            joined!()
                .inner_join(contract_terms::table.on(contract_terms::contract_id.eq(contracts::id)))
                .filter(contracts::id.eq(id))
                .select(line_columns!(ContractBirth::as_select(), TermsColumns::as_select()))
        };
    }
    let rows: Vec<WholeLine> = if let Scope::Agency(agency) = *scope {
        // The most asked of all.
        directly!(conn, |own| whole!().filter(contracts::agency_id.eq(agency)).load(own))?
    } else {
        let mut query = whole!().into_boxed();
        in_scope!(query, scope);
        query.load(conn)?
    };
    let mut whole: Option<WholeContract> = None;
    for (contract, agency, vendor, number, officer, birth, terms) in rows {
        let terms = terms.fact()?;
        if let Some(whole) = &mut whole {
            whole.terms.push(terms);
        } else {
            let line = line((contract, agency, vendor, number, officer));
            whole = Some(WholeContract { line, birth, terms: vec![terms] });
        }
    }
    whole.ok_or(DbError::NotFound)
}

/// A contract about to be written.
#[derive(Debug, Clone)]
pub struct NewContractRow<'a> {
    pub id: ContractId,
    pub agency_id: OrganizationId,
    pub number: &'a str,
    pub vendor_id: OrganizationId,
    pub origin: ContractOrigin,
    pub period_assumed: bool,
    pub joint_vendors: &'a [String],
    /// Goes before the joint vendors' names where they are hashed for the ledger; None where there are none.
    pub salt: Option<&'a str>,
    pub joint_agencies: &'a [String],
    pub created_by: Option<UserId>,
    pub created_at: NaiveDateTime,
    pub learned_on: NaiveDate,
    pub import_id: Option<ImportId>,
    pub terms: &'a crate::domain::contract::Terms,
}

/// Writes the row; its projection is that of its first terms. A number that the agency has is
/// [`DbError::NotUnique`].
pub fn insert(conn: &mut Conn, new: &NewContractRow<'_>) -> Result<(), DbError> {
    directly!(conn, |own| diesel::insert_into(contracts::table)
        .values((
            (
                contracts::id.eq(new.id),
                contracts::agency_id.eq(new.agency_id),
                contracts::number.eq(new.number),
                contracts::number_key.eq(number_key(new.number)),
                contracts::vendor_id.eq(new.vendor_id),
                contracts::origin.eq(new.origin),
                contracts::period_assumed.eq(new.period_assumed),
                contracts::joint_vendors.eq(super::types::to_json(&new.joint_vendors)?),
                contracts::salt.eq(new.salt),
                contracts::joint_agencies.eq(super::types::to_json(&new.joint_agencies)?),
                contracts::created_by.eq(new.created_by),
                contracts::created_at.eq(new.created_at),
                contracts::learned_on.eq(new.learned_on),
                contracts::import_id.eq(new.import_id),
            ),
            (
                contracts::officer_id.eq(new.created_by),
                contracts::title.eq(&new.terms.title),
                contracts::fiscal_year.eq(new.terms.fiscal_year),
                contracts::amount_yen.eq(new.terms.amount_yen),
                contracts::entrusts_data.eq(new.terms.entrusts_data()),
                contracts::starts_on.eq(new.terms.starts_on),
                contracts::last_day.eq(new.terms.ends_on),
                contracts::department.eq(&new.terms.department),
                contracts::search_key.eq(search_key(new.number, &new.terms.title)),
                contracts::open_alerts.eq(0),
                contracts::version.eq(1_i64),
            ),
        ))
        .execute(own))?;
    Ok(())
}

/// A vendor as it stands on a chain; None: there is no such vendor.
pub fn vendor(conn: &mut Conn, id: OrganizationId) -> Result<Option<Vendor>, DbError> {
    let query = organizations::table
        .filter(organizations::id.eq(id).and(organizations::kind.eq(OrganizationKind::Vendor)))
        .select((organizations::name, organizations::corporate_number, organizations::country));
    let found: Option<(String, Option<String>, String)> =
        directly!(conn, |own| query.first(own)).optional()?;
    Ok(found.map(|(name, corporate_number, country)| Vendor { id, name, corporate_number, country }))
}

/// Whether the error says that the agency already has a contract of this number.
pub fn is_number_taken(error: &DbError) -> bool {
    matches!(error, DbError::NotUnique(what) if what.contains("contracts") && what.contains("number"))
}

/// The responsible officers of an agency's contracts on whose chain the vendor stands.
pub fn officers_over(
    conn: &mut Conn,
    agency_id: OrganizationId,
    vendor_id: OrganizationId,
) -> Result<Vec<UserId>, DbError> {
    let officers: Vec<Option<UserId>> = engagements::table
        .inner_join(contracts::table.on(contracts::id.eq(engagements::contract_id)))
        .filter(engagements::vendor_id.eq(vendor_id))
        .filter(engagements::agency_id.eq(agency_id))
        .filter(contracts::officer_id.is_not_null())
        .filter(contracts::voided_on.is_null())
        .select(contracts::officer_id)
        .distinct()
        .load(conn)?;
    Ok(officers.into_iter().flatten().collect())
}
