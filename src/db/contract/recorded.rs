//! Contracts as recorded under their numbers, for an import to compare with.

use std::collections::HashMap;

use diesel::prelude::*;

use super::super::schema::{contract_terms, contracts, organizations};
use super::super::types::from_json;
use super::super::{Conn, DbError};
use crate::domain::contract::Terms;
use crate::domain::id::OrganizationId;
use crate::domain::text::number_key;

/// A contract of the agency.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub vendor_name: String,
    pub vendor_number: Option<String>,
    /// Every one recorded, the registration's first.
    pub terms: Vec<Terms>,
}

/// The agency's contracts with these numbers, by the keys of their numbers; few enough to be bound in one statement.
pub fn recorded(
    conn: &mut Conn,
    agency: OrganizationId,
    numbers: &[&str],
) -> Result<HashMap<String, Recorded>, DbError> {
    let rows: Vec<(String, String, Option<String>, String)> = contracts::table
        .inner_join(organizations::table.on(organizations::id.eq(contracts::vendor_id)))
        .inner_join(contract_terms::table.on(contract_terms::contract_id.eq(contracts::id)))
        .filter(contracts::agency_id.eq(agency))
        .filter(contracts::number_key.eq_any(numbers.iter().map(|number| number_key(number))))
        .filter(contracts::voided_on.is_null())
        .order((contracts::id, contract_terms::seq))
        .select((
            contracts::number_key,
            organizations::name,
            organizations::corporate_number,
            contract_terms::body,
        ))
        .load(conn)?;
    let mut found: HashMap<String, Recorded> = HashMap::new();
    for (key, vendor_name, vendor_number, body) in rows {
        let recorded =
            found.entry(key).or_insert_with(|| Recorded { vendor_name, vendor_number, terms: Vec::new() });
        recorded.terms.push(from_json(&body)?);
    }
    Ok(found)
}
