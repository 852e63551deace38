//! The corporate-number register as imported: every row told once, and the latest record of each number. Public
//! reference data, the same for every tenant.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::schema::{contracts, engagements, organizations, register_events, register_records};
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::access::OrganizationKind;
use crate::domain::id::{ContractId, OrganizationId, SubjectId};

/// Values bound in one statement at most: far below what either database takes.
const CHUNK: usize = 500;

/// A row of the register as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = register_events)]
pub struct RegisterEvent {
    pub id: SubjectId,
    pub corporate_number: String,
    /// SHA-256 of the normalized row.
    pub fingerprint: String,
    /// 処理区分.
    pub process: String,
    pub updated_on: NaiveDate,
    pub changed_on: NaiveDate,
    pub name: String,
    pub address: String,
    pub closed_on: Option<NaiveDate>,
    pub close_cause: Option<String>,
    pub successor: Option<String>,
    /// JSON: what else the row says.
    pub detail: String,
    pub recorded_at: NaiveDateTime,
}

/// The latest record of a number.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = register_records, treat_none_as_null = true)]
pub struct RegisterRecord {
    pub corporate_number: String,
    pub name: String,
    pub name_key: String,
    /// 法人種別.
    pub kind: String,
    pub address: String,
    pub updated_on: NaiveDate,
    pub changed_on: NaiveDate,
    pub closed_on: Option<NaiveDate>,
    pub close_cause: Option<String>,
    pub successor: Option<String>,
}

/// Which of these fingerprints are known.
pub fn known_fingerprints(conn: &mut Conn, fingerprints: &[&str]) -> Result<HashSet<String>, DbError> {
    let mut known = HashSet::new();
    for chunk in fingerprints.chunks(CHUNK) {
        let found = register_events::table.filter(register_events::fingerprint.eq_any(chunk));
        known.extend(found.select(register_events::fingerprint).load::<String>(conn)?);
    }
    Ok(known)
}

/// The records of these numbers.
pub fn records(conn: &mut Conn, numbers: &[&str]) -> Result<HashMap<String, RegisterRecord>, DbError> {
    let mut found = HashMap::new();
    for chunk in numbers.chunks(CHUNK) {
        let rows = register_records::table.filter(register_records::corporate_number.eq_any(chunk));
        let rows: Vec<RegisterRecord> = rows.select(RegisterRecord::as_select()).load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.corporate_number.clone(), row)));
    }
    Ok(found)
}

/// Every name that the register has or had for these numbers, the latest first.
pub fn names_of(conn: &mut Conn, numbers: &[&str]) -> Result<HashMap<String, Vec<String>>, DbError> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for (number, record) in records(conn, numbers)? {
        found.entry(number).or_default().push(record.name);
    }
    for chunk in numbers.chunks(CHUNK) {
        let rows: Vec<(String, String)> = register_events::table
            .filter(register_events::corporate_number.eq_any(chunk))
            .order(register_events::updated_on.desc())
            .select((register_events::corporate_number, register_events::name))
            .load(conn)?;
        for (number, name) in rows {
            let names = found.entry(number).or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    // A row that deletes, or one of a name withheld, has none.
    for names in found.values_mut() {
        names.retain(|name| !name.is_empty());
    }
    found.retain(|_, names| !names.is_empty());
    Ok(found)
}

/// Writes rows told for the first time.
pub fn insert_events(conn: &mut Conn, events: &[RegisterEvent]) -> Result<(), DbError> {
    match conn {
        // Embedded, a statement kept prepared is faster than one that grows with its rows.
        Conn::Sqlite(conn) => {
            for event in events {
                diesel::insert_into(register_events::table).values(event).execute(conn)?;
            }
        }
        Conn::Postgresql(conn) => {
            for chunk in events.chunks(CHUNK) {
                diesel::insert_into(register_events::table).values(chunk).execute(conn)?;
            }
        }
    }
    Ok(())
}

/// Writes records of numbers that had none.
pub fn insert_records(conn: &mut Conn, records: &[RegisterRecord]) -> Result<(), DbError> {
    match conn {
        Conn::Sqlite(conn) => {
            for record in records {
                diesel::insert_into(register_records::table).values(record).execute(conn)?;
            }
        }
        Conn::Postgresql(conn) => {
            for chunk in records.chunks(CHUNK) {
                diesel::insert_into(register_records::table).values(chunk).execute(conn)?;
            }
        }
    }
    Ok(())
}

/// Replaces the record of a number.
pub fn update_record(conn: &mut Conn, record: &RegisterRecord) -> Result<(), DbError> {
    diesel::update(register_records::table.find(&record.corporate_number)).set(record).execute(conn)?;
    Ok(())
}

/// The record of a number.
pub fn record(conn: &mut Conn, number: &str) -> Result<Option<RegisterRecord>, DbError> {
    Ok(register_records::table.find(number).select(RegisterRecord::as_select()).first(conn).optional()?)
}

/// What the register told of a number, newest first, at most `rows`.
pub fn events(conn: &mut Conn, number: &str, rows: i64) -> Result<Vec<RegisterEvent>, DbError> {
    let query = register_events::table.filter(register_events::corporate_number.eq(number));
    let order =
        (register_events::updated_on.desc(), register_events::changed_on.desc(), register_events::id.desc());
    Ok(query.order(order).limit(rows).select(RegisterEvent::as_select()).load(conn)?)
}

/// An organization as a number leads to it.
#[derive(Debug, Clone)]
pub struct Numbered {
    pub id: OrganizationId,
    pub kind: OrganizationKind,
    pub name: String,
    pub name_key: String,
}

/// The organizations of these numbers.
pub fn organizations_of(conn: &mut Conn, numbers: &[&str]) -> Result<HashMap<String, Numbered>, DbError> {
    let mut found = HashMap::new();
    for chunk in numbers.chunks(CHUNK) {
        let rows: Vec<(Option<String>, OrganizationId, OrganizationKind, String, String)> =
            organizations::table
                .filter(organizations::corporate_number.eq_any(chunk))
                .select((
                    organizations::corporate_number,
                    organizations::id,
                    organizations::kind,
                    organizations::name,
                    organizations::name_key,
                ))
                .load(conn)?;
        found.extend(rows.into_iter().filter_map(|(number, id, kind, name, name_key)| {
            Some((number?, Numbered { id, kind, name, name_key }))
        }));
    }
    Ok(found)
}

/// A vendor on a contract's chain that the register has as closed.
#[derive(Debug)]
pub struct ClosedVendor {
    pub vendor_id: OrganizationId,
    /// When the ledger learned of its place on the chain.
    pub since: NaiveDateTime,
    pub record: RegisterRecord,
}

/// The closed vendors on a contract's chain, one for each place; none once the contract is over on the day.
pub fn closed_on_chain(
    conn: &mut Conn,
    contract: ContractId,
    day: NaiveDate,
) -> Result<Vec<ClosedVendor>, DbError> {
    let number = register_records::corporate_number.nullable();
    let rows: Vec<(OrganizationId, NaiveDateTime, RegisterRecord)> =
        directly!(conn, |own| engagements::table
            .inner_join(contracts::table.on(contracts::id.eq(engagements::contract_id)))
            .inner_join(organizations::table.on(organizations::id.eq(engagements::vendor_id)))
            .inner_join(register_records::table.on(number.eq(organizations::corporate_number)))
            .filter(engagements::contract_id.eq(contract))
            .filter(contracts::last_day.ge(day).and(contracts::voided_on.is_null()))
            .filter(register_records::closed_on.is_not_null())
            .select((engagements::vendor_id, engagements::recorded_at, RegisterRecord::as_select()))
            .load(own))?;
    Ok(rows.into_iter().map(|(vendor_id, since, record)| ClosedVendor { vendor_id, since, record }).collect())
}

/// The agencies with a contract, running on the day, on whose chain the vendor stands.
pub fn agencies_of(
    conn: &mut Conn,
    vendor: OrganizationId,
    day: NaiveDate,
) -> Result<Vec<OrganizationId>, DbError> {
    let query = engagements::table
        .inner_join(contracts::table.on(contracts::id.eq(engagements::contract_id)))
        .filter(engagements::vendor_id.eq(vendor))
        .filter(contracts::starts_on.le(day).and(contracts::last_day.ge(day)))
        .filter(contracts::voided_on.is_null());
    Ok(query.select(engagements::agency_id).distinct().order(engagements::agency_id).load(conn)?)
}
