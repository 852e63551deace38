//! The register of organizations: agencies, vendors, and the operator of the installation.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::schema::{engagements, ledger_chains, organization_names, organizations};
use super::sight::{SEEN_BELOW, SEEN_FROM};
use super::{Conn, DbError};
use crate::domain::access::{OrganizationKind, Scope};
use crate::domain::contract::Instant;
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::id::OrganizationId;
use crate::domain::lookalike::skeleton;
use crate::domain::text::{company_key, search_key};

/// An organization as registered.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = organizations)]
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub kind: OrganizationKind,
    /// Agencies only.
    pub code: Option<String>,
    pub name: String,
    pub corporate_number: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub address: Option<String>,
    pub contact_email: Option<String>,
    /// The vendor that it turned out to be.
    pub merged_into: Option<OrganizationId>,
    /// Goes before what is hashed for the ledger.
    pub salt: String,
    pub created_at: NaiveDateTime,
    pub version: i64,
}

/// An organization to be registered.
#[derive(Debug, Clone)]
pub struct NewOrganization<'a> {
    pub id: OrganizationId,
    pub kind: OrganizationKind,
    pub code: Option<&'a str>,
    pub name: &'a str,
    pub corporate_number: Option<CorporateNumber>,
    pub country: &'a str,
    pub address: Option<&'a str>,
    pub contact_email: Option<&'a str>,
    /// Goes before what is hashed for the ledger.
    pub salt: &'a str,
}

/// What of the register is asked for.
#[derive(Debug, Clone, Default)]
pub struct OrganizationFilter {
    pub id: Option<OrganizationId>,
    pub kind: Option<OrganizationKind>,
    /// Part of a name, a code, or a corporate number.
    pub text: Option<String>,
    /// Those after it, in order of id.
    pub after: Option<OrganizationId>,
}

/// Writes a new organization.
pub fn insert(conn: &mut Conn, new: &NewOrganization<'_>, now: Instant) -> Result<(), DbError> {
    diesel::insert_into(organizations::table)
        .values((
            organizations::id.eq(new.id),
            organizations::kind.eq(new.kind),
            organizations::code.eq(new.code),
            organizations::name.eq(new.name),
            organizations::name_key.eq(company_key(new.name)),
            organizations::search_key.eq(search_key(new.name)),
            organizations::skeleton.eq(skeleton(new.name)),
            organizations::corporate_number.eq(new.corporate_number.map(|n| n.to_string())),
            organizations::country.eq(new.country),
            organizations::address.eq(new.address),
            organizations::contact_email.eq(new.contact_email),
            organizations::salt.eq(new.salt),
            organizations::created_at.eq(now.naive_utc()),
            organizations::version.eq(1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Writes what can change of an organization, if it has still the version `from`; false: it was changed meanwhile.
pub fn update(conn: &mut Conn, row: &OrganizationRow, from: i64) -> Result<bool, DbError> {
    let before = organizations::table.find(row.id).filter(organizations::version.eq(from));
    let before: Option<String> = before.select(organizations::search_key).first(conn).optional()?;
    if let Some(key) = before.filter(|key| *key != search_key(&row.name)) {
        diesel::insert_into(organization_names::table)
            .values((
                organization_names::organization_id.eq(row.id),
                organization_names::version.eq(from),
                organization_names::search_key.eq(key),
            ))
            .execute(conn)?;
    }
    let changed = diesel::update(organizations::table.find(row.id).filter(organizations::version.eq(from)))
        .set((
            organizations::name.eq(&row.name),
            organizations::name_key.eq(company_key(&row.name)),
            organizations::search_key.eq(search_key(&row.name)),
            organizations::skeleton.eq(skeleton(&row.name)),
            organizations::corporate_number.eq(&row.corporate_number),
            organizations::address.eq(&row.address),
            organizations::contact_email.eq(&row.contact_email),
            organizations::merged_into.eq(row.merged_into),
            organizations::version.eq(row.version),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// An organization by id, whoever asks: any registered one can be named in an application or a declaration.
pub fn find(conn: &mut Conn, id: OrganizationId) -> Result<OrganizationRow, DbError> {
    Ok(organizations::table.find(id).select(OrganizationRow::as_select()).first(conn)?)
}

/// The vendor whose contact address this is; of several the first.
pub fn vendor_of_contact(conn: &mut Conn, address: &str) -> Result<Option<OrganizationId>, DbError> {
    Ok(organizations::table
        .filter(organizations::kind.eq(OrganizationKind::Vendor))
        .filter(organizations::contact_email.eq(address))
        .order(organizations::id)
        .select(organizations::id)
        .first(conn)
        .optional()?)
}

/// Whether a vendor stands on a chain of another agency.
pub fn is_known_elsewhere(
    conn: &mut Conn,
    vendor: OrganizationId,
    agency: OrganizationId,
) -> Result<bool, DbError> {
    let others = engagements::table
        .filter(engagements::vendor_id.eq(vendor))
        .filter(engagements::agency_id.ne(agency));
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(conn)?)
}

/// The names of these organizations, whoever asks.
pub fn names(conn: &mut Conn, ids: &[OrganizationId]) -> Result<HashMap<OrganizationId, String>, DbError> {
    let rows = organizations::table.filter(organizations::id.eq_any(ids));
    let rows: Vec<(OrganizationId, String)> =
        rows.select((organizations::id, organizations::name)).load(conn)?;
    Ok(rows.into_iter().collect())
}

/// The names of these agencies for an overseer, who reads lists of all of them; for others, who know whose theirs are,
/// nothing.
pub fn names_for_overseer(
    conn: &mut Conn,
    scope: &Scope,
    agencies: &[OrganizationId],
) -> Result<HashMap<OrganizationId, String>, DbError> {
    if matches!(scope, Scope::Overseer) { names(conn, agencies) } else { Ok(HashMap::new()) }
}

/// The organization with this corporate number.
pub fn by_corporate_number(
    conn: &mut Conn,
    number: CorporateNumber,
) -> Result<Option<OrganizationRow>, DbError> {
    let found = organizations::table.filter(organizations::corporate_number.eq(number.as_str()));
    Ok(found.select(OrganizationRow::as_select()).first(conn).optional()?)
}

/// Every agency.
pub fn agencies(conn: &mut Conn) -> Result<Vec<OrganizationId>, DbError> {
    let agencies = organizations::table.filter(organizations::kind.eq(OrganizationKind::Agency));
    Ok(agencies.order(organizations::id).select(organizations::id).load(conn)?)
}

/// The agency with this code.
pub fn by_code(conn: &mut Conn, code: &str) -> Result<Option<OrganizationRow>, DbError> {
    let found = organizations::table.filter(organizations::code.eq(code));
    Ok(found.select(OrganizationRow::as_select()).first(conn).optional()?)
}

/// Vendors of that name without a corporate number, the oldest first, at most `limit`; `country` narrows.
pub fn unnumbered_vendors(
    conn: &mut Conn,
    name: &str,
    country: Option<&str>,
    limit: i64,
) -> Result<Vec<OrganizationRow>, DbError> {
    let mut query = organizations::table
        .filter(organizations::name_key.eq(company_key(name)))
        .filter(organizations::kind.eq(OrganizationKind::Vendor))
        .filter(organizations::corporate_number.is_null().and(organizations::merged_into.is_null()))
        .order(organizations::id)
        .limit(limit)
        .select(OrganizationRow::as_select())
        .into_boxed();
    if let Some(country) = country {
        query = query.filter(organizations::country.eq(country.to_owned()));
    }
    Ok(query.load(conn)?)
}

/// Vendors of that name with a corporate number, the oldest first, at most `limit`.
pub fn numbered_vendors(conn: &mut Conn, name: &str, limit: i64) -> Result<Vec<OrganizationRow>, DbError> {
    let found = organizations::table
        .filter(organizations::name_key.eq(company_key(name)))
        .filter(organizations::kind.eq(OrganizationKind::Vendor))
        .filter(organizations::corporate_number.is_not_null())
        .order(organizations::id)
        .limit(limit);
    Ok(found.select(OrganizationRow::as_select()).load(conn)?)
}

/// Organizations other than `id` whose names look like this one, the oldest first, at most `limit`; whoever asks.
pub fn similar(
    conn: &mut Conn,
    id: OrganizationId,
    name: &str,
    limit: i64,
) -> Result<Vec<OrganizationRow>, DbError> {
    let looks = skeleton(name);
    if looks.is_empty() {
        return Ok(Vec::new());
    }
    let found = organizations::table
        .filter(organizations::skeleton.eq(looks))
        .filter(organizations::id.ne(id))
        .filter(organizations::kind.ne(OrganizationKind::System))
        .order(organizations::id)
        .limit(limit);
    Ok(found.select(OrganizationRow::as_select()).load(conn)?)
}

/// Name and [`skeleton`] of vendors, by id; at most so many.
pub fn vendor_names(conn: &mut Conn, limit: i64) -> Result<Vec<(String, String)>, DbError> {
    let vendors = organizations::table.filter(organizations::kind.eq(OrganizationKind::Vendor));
    let named = vendors.select((organizations::name, organizations::skeleton));
    Ok(named.order(organizations::id).limit(limit).load(conn)?)
}

/// Whether the organization has a chain of its own in the ledger.
pub fn has_chain(conn: &mut Conn, id: OrganizationId) -> Result<bool, DbError> {
    let chain = ledger_chains::table.filter(ledger_chains::id.eq(id));
    Ok(diesel::select(diesel::dsl::exists(chain)).get_result(conn)?)
}

/// The register in order of id, at most `limit` rows. A vendor finds itself, the agencies it works for, and who
/// stands on its own engagements and on those below them.
pub fn list(
    conn: &mut Conn,
    scope: Scope,
    filter: &OrganizationFilter,
    limit: i64,
) -> Result<Vec<OrganizationRow>, DbError> {
    let mut query = organizations::table
        .order(organizations::id)
        .select(OrganizationRow::as_select())
        .limit(limit)
        .into_boxed();
    match scope {
        Scope::Nothing | Scope::Program => {}
        Scope::Agency(_) | Scope::Overseer => {
            query = query.filter(organizations::kind.ne(OrganizationKind::System));
        }
        Scope::Vendor(me) => {
            query = query.filter(
                sql::<Bool>("organizations.id IN (")
                    .sql(SEEN_FROM)
                    .bind::<Text, _>(me)
                    .sql(SEEN_BELOW)
                    .sql(
                        "SELECT e.vendor_id FROM engagements e JOIN seen s ON s.id = e.id \
                          UNION SELECT c.agency_id FROM contracts c JOIN seen s ON s.contract_id = c.id \
                          UNION SELECT o.id FROM organizations o WHERE o.id = ",
                    )
                    .bind::<Text, _>(me)
                    .sql(")"),
            );
        }
    }
    if let Some(id) = filter.id {
        query = query.filter(organizations::id.eq(id));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(organizations::kind.eq(kind));
    }
    if let Some(after) = filter.after {
        query = query.filter(organizations::id.gt(after));
    }
    if let Some(text) = &filter.text {
        let number = text.parse::<CorporateNumber>().map_or_else(|_| text.clone(), |n| n.to_string());
        let pattern = format!("%{}%", super::like_escaped(&search_key(text)));
        let once = organization_names::table
            .filter(organization_names::organization_id.eq(organizations::id))
            .filter(organization_names::search_key.like(pattern.clone()).escape('\\'));
        query = query.filter(
            organizations::search_key
                .like(pattern)
                .escape('\\')
                .or(diesel::dsl::exists(once))
                .or(organizations::code.assume_not_null().eq(text.clone()))
                .or(organizations::corporate_number.assume_not_null().eq(number)),
        );
    }
    Ok(query.load(conn)?)
}
