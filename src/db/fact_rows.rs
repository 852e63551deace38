//! The rows of facts and projections as they stand, held to what the ledger's entries say they must be: chain by chain while
//! the ledger is read, in ranges of chains that together are every row of every table. Memory is that of the chains of
//! one range. Reads only.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Binary, Nullable, Text};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::schema::{holidays, organizations};
use super::{Conn, DbError, access_log, ledger};
use crate::domain::access::OrganizationKind;
use crate::domain::id::{OrganizationId, SubjectId};
use crate::ledger::entry::Entry;
use crate::ledger::rebuild::{
    self, Chain, Holidays, Kind, ORGANIZATIONS, Rebuilt, Row, Stored, TABLES, Table,
};
use crate::ledger::receipt::{KEY_REGISTERED, PublicKey};
use crate::ledger::verify::{BadEntry, BadRow, Fault};

/// Chains, and rows of theirs, that are held in memory at least before they are compared.
const CHAINS: usize = 256;
const ROWS: usize = 4_000;
/// Organizations compared at once.
const ORGANIZATIONS_AT_ONCE: i64 = 500;

/// Why the comparison ended: something is wrong, or the database is gone.
pub(super) enum Stop {
    Bad(Box<BadEntry>),
    Lost(DbError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Lost(error)
    }
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        Self::Lost(error.into())
    }
}

impl From<BadEntry> for Stop {
    fn from(bad: BadEntry) -> Self {
        Self::Bad(Box::new(bad))
    }
}

/// A row of facts that is wrong.
fn bad_row(
    what: Fault,
    chain: Option<SubjectId>,
    row: Option<&Row>,
    table: &Table,
    id: &str,
    column: Option<&'static str>,
) -> Stop {
    let bad = BadRow { table: table.name, id: Some(id.to_owned()), column };
    BadEntry::of_row(what, chain, row.map(|row| row.entry), bad).into()
}

/// The facts of the chains read so far that are not compared yet.
#[derive(Default)]
pub(super) struct Facts {
    open: Option<Chain>,
    rebuilt: Vec<Rebuilt>,
    rows: usize,
    /// The last chain compared.
    after: Option<SubjectId>,
    keys: Vec<PublicKey>,
    holidays: Option<Holidays>,
    compared: u64,
}

impl Facts {
    pub fn new(conn: &mut Conn) -> Result<Self, DbError> {
        let payloads = match ledger::payloads(conn, None, KEY_REGISTERED) {
            // An entry that can't be read is told where it stands, in its turn.
            Err(DbError::BrokenRow(_)) => Vec::new(),
            payloads => payloads?,
        };
        let keys = payloads.iter().filter_map(|payload| PublicKey::from_payload(payload).ok()).collect();
        Ok(Self { keys, ..Self::default() })
    }

    /// The next entry of the ledger, which holds.
    pub fn entry(&mut self, conn: &mut Conn, entry: &Entry, payload: &Value) -> Result<(), Stop> {
        if self.open.as_ref().is_none_or(|open| open.id != entry.chain_id) {
            self.close();
            if self.rebuilt.len() >= CHAINS || self.rows >= ROWS {
                let last = self.rebuilt.last().map(|chain| chain.id);
                self.compare(conn, last)?;
            }
            self.open = Some(Chain::new(entry.chain_id, entry.organization_id));
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        Ok(open.take(entry, payload).map_err(|missing| BadEntry::incomplete(entry, missing))?)
    }

    /// After the last entry: what is left of the chains, the rows beyond all of them, and what stands on no one chain. The
    /// answer is how many rows are right.
    pub fn finish(mut self, conn: &mut Conn) -> Result<u64, Stop> {
        self.close();
        self.compare(conn, None)?;
        self.organizations(conn)?;
        self.holidays(conn)?;
        looks(conn)?;
        Ok(self.compared)
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut chain = open.finish();
        self.rows += chain.rows.len();
        self.holidays = chain.holidays.take().or(self.holidays.take());
        self.rebuilt.push(chain);
    }

    /// Compares every row that stands with a chain after the last one compared, up to `last`; None: to the end.
    fn compare(&mut self, conn: &mut Conn, last: Option<SubjectId>) -> Result<(), Stop> {
        let rebuilt = std::mem::take(&mut self.rebuilt);
        self.rows = 0;
        let range = Range { after: self.after, last };
        let mut by_table: HashMap<&str, HashMap<&str, (SubjectId, &Row)>> = HashMap::new();
        for chain in &rebuilt {
            for row in &chain.rows {
                by_table.entry(row.table).or_default().insert(&row.id, (chain.id, row));
            }
        }
        let chains: Vec<&str> = rebuilt.iter().map(|chain| chain.id.as_str()).collect();
        for table in TABLES {
            let mut expected = by_table.remove(table.name).unwrap_or_default();
            self.compare_table(conn, table, range, &chains, &mut expected)?;
        }
        let registered: Vec<OrganizationId> =
            rebuilt.iter().flat_map(|chain| chain.organizations.iter().copied()).collect();
        self.after = last;
        all_registered(conn, &registered)
    }

    fn compare_table(
        &mut self,
        conn: &mut Conn,
        table: &Table,
        range: Range,
        chains: &[&str],
        expected: &mut HashMap<&str, (SubjectId, &Row)>,
    ) -> Result<(), Stop> {
        for place in 0..table.chain.len() {
            // One more than can be right is enough to see that one is wrong.
            for stored in load(conn, table, place, range, expected.len() + 1)? {
                let id = stored.id(table);
                let home = table.chain.get(place).and_then(|column| stored.get(table, column));
                let chain = home.filter(|home| chains.contains(home));
                let Some((own, row)) = expected.remove(id.as_str()) else {
                    let fault = if chain.is_some() { Fault::RowAdded } else { Fault::NoChain };
                    let chain = chain.and_then(|chain| chain.parse().ok());
                    return Err(bad_row(fault, chain, None, table, &id, None));
                };
                if let Some(column) = row.differs(table, &stored, &self.keys) {
                    let moved = table.chain.contains(&column) && column != "id";
                    let fault = if moved { Fault::RowMoved } else { Fault::RowChanged };
                    return Err(bad_row(fault, Some(own), Some(row), table, &id, Some(column)));
                }
                self.compared += 1;
            }
        }
        let missing = expected.values().min_by_key(|(chain, row)| (*chain, &row.id));
        let Some((chain, row)) = missing else { return Ok(()) };
        let elsewhere = table.identity == ["id"] && is_there(conn, table, &row.id)?;
        let (fault, column) = if elsewhere {
            (Fault::RowMoved, table.chain.first().copied())
        } else {
            (Fault::RowMissing, None)
        };
        Err(bad_row(fault, Some(*chain), Some(row), table, &row.id, column))
    }

    /// Every organization by its registration, on whatever chain that stands, and its changes, on its own. An agency and
    /// the operator begin their own chain.
    fn organizations(&mut self, conn: &mut Conn) -> Result<(), Stop> {
        let mut after = String::new();
        loop {
            let rows = organizations_after(conn, &after)?;
            let ids: Vec<SubjectId> =
                rows.iter().filter_map(|row| row.id(&ORGANIZATIONS).parse().ok()).collect();
            let mut entries = ledger::of_organizations(conn, &ids)?;
            for stored in &rows {
                let id = stored.id(&ORGANIZATIONS);
                let own = entries.remove(id.as_str()).unwrap_or_default();
                let (registrations, changes): (Vec<Entry>, Vec<Entry>) =
                    own.into_iter().partition(|entry| entry.action == "organization.registered");
                let [registration] = registrations.as_slice() else {
                    return Err(bad_row(Fault::NoChain, None, None, &ORGANIZATIONS, &id, None));
                };
                let row = rebuild::organization(registration, &changes)
                    .map_err(|missing| BadEntry::incomplete(registration, missing))?;
                let chain = Some(registration.chain_id);
                if let Some(column) = row.differs(&ORGANIZATIONS, stored, &self.keys) {
                    return Err(bad_row(
                        Fault::RowChanged,
                        chain,
                        Some(&row),
                        &ORGANIZATIONS,
                        &id,
                        Some(column),
                    ));
                }
                let is_vendor = stored.get(&ORGANIZATIONS, "kind") == Some(OrganizationKind::Vendor.as_str());
                if !is_vendor && registration.chain_id.as_str() != id {
                    return Err(bad_row(Fault::NoChain, chain, Some(&row), &ORGANIZATIONS, &id, None));
                }
                self.compared += 1;
            }
            match rows.last() {
                Some(last) => after = last.id(&ORGANIZATIONS),
                None => return Ok(()),
            }
        }
    }

    fn holidays(&self, conn: &mut Conn) -> Result<(), Stop> {
        let rows: Vec<(NaiveDate, String)> =
            holidays::table.order(holidays::day).select((holidays::day, holidays::name)).load(conn)?;
        let holds = match &self.holidays {
            Some(imported) => {
                let lines: Vec<String> = rows.iter().map(|(day, name)| format!("{day},{name}")).collect();
                hex::encode(Sha256::digest(lines.join("\n"))) == imported.sha256
            }
            None => rows.is_empty(),
        };
        if holds {
            return Ok(());
        }
        let row = BadRow { table: "holidays", id: None, column: None };
        Err(BadEntry::of_row(Fault::RowChanged, None, None, row).into())
    }
}

/// The days of the agencies' access logs are as they were when they were closed.
fn looks(conn: &mut Conn) -> Result<(), Stop> {
    let Some(altered) = access_log::altered_days(conn)?.into_iter().next() else { return Ok(()) };
    let row = BadRow { table: "access_log", id: Some(altered.day.to_string()), column: None };
    Err(BadEntry::of_row(Fault::RowChanged, Some(altered.agency_id.cast()), None, row).into())
}

/// The organizations that the ledger knows are there.
fn all_registered(conn: &mut Conn, registered: &[OrganizationId]) -> Result<(), Stop> {
    for some in registered.chunks(500) {
        let there: Vec<OrganizationId> = organizations::table
            .filter(organizations::id.eq_any(some.to_vec()))
            .select(organizations::id)
            .load(conn)?;
        if let Some(missing) = some.iter().find(|id| !there.contains(id)) {
            let id = missing.as_str();
            return Err(bad_row(Fault::RowMissing, None, None, &ORGANIZATIONS, id, None));
        }
    }
    Ok(())
}

/// The chains after one, up to and including another.
#[derive(Clone, Copy)]
struct Range {
    after: Option<SubjectId>,
    last: Option<SubjectId>,
}

/// A row as one JSON array of its columns as text, with a last one that says whether any of them is of another type than
/// its column's, which SQLite allows and which no comparison of text would show.
#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Binary>)]
    line: Option<Vec<u8>>,
}

fn read(table: &Table, line: Line) -> Result<Stored, Stop> {
    let columns: Option<Vec<Option<String>>> = line.line.and_then(|line| serde_json::from_slice(&line).ok());
    let Some(mut columns) = columns else {
        let row = BadRow { table: table.name, id: None, column: None };
        return Err(BadEntry::of_row(Fault::Unreadable, None, None, row).into());
    };
    let odd = columns.pop().flatten().is_some_and(|odd| odd != "0");
    let stored = Stored(columns);
    if odd {
        return Err(bad_row(Fault::RowChanged, None, None, table, &stored.id(table), None));
    }
    Ok(stored)
}

fn selected(conn: &Conn, table: &Table) -> String {
    let columns = table.columns.iter();
    match conn {
        Conn::Sqlite(_) => {
            let texts = columns.clone().map(|(name, _)| format!("CAST({name} AS TEXT)"));
            let odd = columns.map(|(name, kind)| {
                let right = if matches!(kind, Kind::Number | Kind::Flag) { "integer" } else { "text" };
                format!("typeof({name}) NOT IN ('{right}', 'null')")
            });
            let texts = texts.collect::<Vec<_>>().join(", ");
            let odd = odd.collect::<Vec<_>>().join(" OR ");
            format!(
                "SELECT CAST(json_array({texts}, CAST(({odd}) AS TEXT)) AS BLOB) AS line FROM {}",
                table.name
            )
        }
        Conn::Postgresql(_) => {
            let texts = columns.map(|(name, kind)| match kind {
                Kind::Text | Kind::Number => format!("{name}::text"),
                Kind::Flag => format!("{name}::int::text"),
                Kind::Day => format!("to_char({name}, 'YYYY-MM-DD')"),
                Kind::At => format!("to_char({name}, 'YYYY-MM-DD HH24:MI:SS.US')"),
            });
            let texts = texts.collect::<Vec<_>>().join(", ");
            format!(
                "SELECT convert_to(json_build_array({texts}, '0'::text)::text, 'UTF8') AS line FROM {}",
                table.name
            )
        }
    }
}

fn run(conn: &mut Conn, sql: String) -> Result<Vec<Line>, DbError> {
    Ok(match conn {
        Conn::Sqlite(conn) => sql_query(sql).load(conn)?,
        Conn::Postgresql(conn) => sql_query(sql).load(conn)?,
    })
}

/// The rows of a table whose chain, by the column at that place, is in the range. The ids are identifiers by their type, so
/// they can stand in the text of the query.
fn load(
    conn: &mut Conn,
    table: &Table,
    place: usize,
    range: Range,
    most: usize,
) -> Result<Vec<Stored>, Stop> {
    let Some(home) = table.chain.get(place) else { return Ok(Vec::new()) };
    let mut conditions: Vec<String> =
        table.chain.iter().take(place).map(|before| format!("{before} IS NULL")).collect();
    conditions.extend(range.after.map(|after| format!("{home} > '{after}'")));
    conditions.extend(range.last.map(|last| format!("{home} <= '{last}'")));
    if conditions.is_empty() {
        conditions.push(format!("{home} IS NOT NULL"));
    }
    let mut sql = selected(conn, table);
    write!(sql, " WHERE {} LIMIT {most}", conditions.join(" AND ")).unwrap_or_default();
    run(conn, sql)?.into_iter().map(|line| read(table, line)).collect()
}

fn organizations_after(conn: &mut Conn, after: &str) -> Result<Vec<Stored>, Stop> {
    let mut sql = selected(conn, &ORGANIZATIONS);
    let end = format!(" ORDER BY id LIMIT {ORGANIZATIONS_AT_ONCE}");
    let lines: Vec<Line> = match conn {
        Conn::Sqlite(conn) => {
            sql.push_str(" WHERE id > ?");
            sql_query(sql + &end).bind::<Text, _>(after).load(conn)?
        }
        Conn::Postgresql(conn) => {
            sql.push_str(" WHERE id > $1");
            sql_query(sql + &end).bind::<Text, _>(after).load(conn)?
        }
    };
    lines.into_iter().map(|line| read(&ORGANIZATIONS, line)).collect()
}

/// Whether a row of that id stands with any chain.
fn is_there(conn: &mut Conn, table: &Table, id: &str) -> Result<bool, DbError> {
    let sql = selected(conn, table);
    let lines: Vec<Line> = match conn {
        Conn::Sqlite(conn) => sql_query(sql + " WHERE id = ?").bind::<Text, _>(id).load(conn)?,
        Conn::Postgresql(conn) => sql_query(sql + " WHERE id = $1").bind::<Text, _>(id).load(conn)?,
    };
    Ok(!lines.is_empty())
}
