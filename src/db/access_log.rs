//! 閲覧記録: who opened which contract, by agency. Rows are only added, each on the day on which it is written, so that
//! a day that is over stays as it is: its number of rows and their SHA-256 are an entry of the agency's chain.

use std::fmt::Write as _;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::schema::{
    access_log, alerts, applications, audits, contracts, declarations, engagements, ledger_entries, notices,
    observations,
};
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::id::{ContractId, LookId, OrganizationId, SubjectId, UserId};

/// Rows read at once for a digest.
const BATCH: i64 = 1_000;

/// The action of the entry that closes a day.
pub const CLOSED: &str = "access_log.closed";

/// One look.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = access_log)]
pub struct LookRow {
    pub id: LookId,
    /// Whose contract it is.
    pub agency_id: OrganizationId,
    pub contract_id: ContractId,
    pub user_id: UserId,
    /// For whom the reader acts.
    pub organization_id: OrganizationId,
    /// The pattern of the address that was asked for.
    pub what: String,
    pub at: NaiveDateTime,
    /// The business day on which the row was written.
    pub day: NaiveDate,
}

/// Which looks are asked for.
#[derive(Debug, Clone, Default)]
pub struct LookFilter {
    pub day: Option<NaiveDate>,
    pub user_id: Option<UserId>,
    pub contract_id: Option<ContractId>,
}

/// What the agency's chain keeps of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedDay {
    pub day: NaiveDate,
    pub rows: i64,
    /// Hexadecimal SHA-256 over the day's rows in order of id: for each the line that [`line`] makes.
    pub sha256: String,
}

/// The contract that something belongs to, and whose it is; `family` is the first word of its address. None: it belongs
/// to none.
pub fn contract_of(
    conn: &mut Conn,
    family: &str,
    subject: SubjectId,
) -> Result<Option<(ContractId, OrganizationId)>, DbError> {
    macro_rules! of {
        ($table:ident) => {
            $table::table
                .find(subject)
                .select($table::contract_id.nullable())
                .first::<Option<ContractId>>(conn)
                .optional()?
                .flatten()
        };
    }
    let contract: Option<ContractId> = match family {
        "contracts" => Some(subject.cast()),
        "applications" => of!(applications),
        "engagements" => of!(engagements),
        "declarations" => of!(declarations),
        "observations" => of!(observations),
        "audits" => of!(audits),
        "alerts" => of!(alerts),
        "notices" => of!(notices),
        "ledger" => {
            let entry = ledger_entries::table.find(subject).select(ledger_entries::chain_id);
            let chain: Option<SubjectId> = entry.first(conn).optional()?;
            Some(chain.unwrap_or(subject).cast())
        }
        _ => None,
    };
    let Some(contract) = contract else { return Ok(None) };
    let whose = contracts::table.find(contract).select((contracts::id, contracts::agency_id));
    Ok(whose.first(conn).optional()?)
}

/// Adds rows.
pub fn insert(conn: &mut Conn, rows: &[LookRow]) -> Result<(), DbError> {
    for row in rows {
        directly!(conn, |own| diesel::insert_into(access_log::table).values(row.clone()).execute(own))?;
    }
    Ok(())
}

/// An agency's looks, the latest first.
pub fn list(
    conn: &mut Conn,
    agency: OrganizationId,
    filter: &LookFilter,
    before: Option<(NaiveDateTime, LookId)>,
    limit: i64,
) -> Result<Vec<LookRow>, DbError> {
    let mut query = access_log::table
        .filter(access_log::agency_id.eq(agency))
        .order((access_log::at.desc(), access_log::id.desc()))
        .limit(limit)
        .select(LookRow::as_select())
        .into_boxed();
    if let Some(day) = filter.day {
        query = query.filter(access_log::day.eq(day));
    }
    if let Some(user) = filter.user_id {
        query = query.filter(access_log::user_id.eq(user));
    }
    if let Some(contract) = filter.contract_id {
        query = query.filter(access_log::contract_id.eq(contract));
    }
    if let Some((at, id)) = before {
        query = query.filter(access_log::at.lt(at).or(access_log::at.eq(at).and(access_log::id.lt(id))));
    }
    Ok(query.load(conn)?)
}

/// The agencies with rows, and the days on which they have some, after `after` and before `today`.
pub fn days(
    conn: &mut Conn,
    agency: OrganizationId,
    after: Option<NaiveDate>,
    today: NaiveDate,
) -> Result<Vec<NaiveDate>, DbError> {
    let mut query = access_log::table
        .filter(access_log::agency_id.eq(agency))
        .filter(access_log::day.lt(today))
        .select(access_log::day)
        .distinct()
        .order(access_log::day)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(access_log::day.gt(after));
    }
    Ok(query.load(conn)?)
}

/// A day as it stands: how many rows, and their digest.
pub fn digest(conn: &mut Conn, agency: OrganizationId, day: NaiveDate) -> Result<ClosedDay, DbError> {
    let (mut hash, mut rows, mut after) = (Sha256::new(), 0, None::<LookId>);
    loop {
        let mut query = access_log::table
            .filter(access_log::agency_id.eq(agency))
            .filter(access_log::day.eq(day))
            .order(access_log::id)
            .limit(BATCH)
            .select(LookRow::as_select())
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(access_log::id.gt(after));
        }
        let found: Vec<LookRow> = query.load(conn)?;
        for row in &found {
            hash.update(line(row));
            rows += 1;
        }
        match found.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(ClosedDay { day, rows, sha256: hex::encode(hash.finalize()) }),
        }
    }
}

/// What a row adds to its day's digest: its fields with tabs between them, ended by a line feed.
fn line(row: &LookRow) -> String {
    let mut line = String::with_capacity(256);
    let at = row.at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
    let LookRow { id, contract_id, user_id, organization_id, what, .. } = row;
    // Writing to a text does not fail.
    let _ = writeln!(line, "{id}\t{contract_id}\t{user_id}\t{organization_id}\t{what}\t{at}");
    line
}

/// A day whose rows are not those that the chain tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlteredDay {
    pub agency_id: OrganizationId,
    pub day: NaiveDate,
}

/// Every day of every agency held against the entries that closed it: rows altered, removed or put in since, and rows
/// on a day before the last one closed that no entry tells of.
pub fn altered_days(conn: &mut Conn) -> Result<Vec<AlteredDay>, DbError> {
    let entries: Vec<(OrganizationId, String)> = ledger_entries::table
        .filter(ledger_entries::action.eq(CLOSED))
        .order((ledger_entries::organization_id, ledger_entries::seq))
        .select((ledger_entries::organization_id, ledger_entries::payload))
        .load(conn)?;
    let mut wrong = Vec::new();
    for group in entries.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((agency, _)) = group.first() else { continue };
        let mut told = Vec::new();
        for (_, payload) in group {
            told.push(super::types::from_json::<ClosedDay>(payload)?);
        }
        for closed in &told {
            if digest(conn, *agency, closed.day)? != *closed {
                wrong.push(AlteredDay { agency_id: *agency, day: closed.day });
            }
        }
        let Some(last) = told.iter().map(|closed| closed.day).max() else { continue };
        for day in days(conn, *agency, None, last)? {
            if !told.iter().any(|closed| closed.day == day) {
                wrong.push(AlteredDay { agency_id: *agency, day });
            }
        }
    }
    Ok(wrong)
}
