//! Every row of the ledger's tables as it stands, in batches, for verification: bytes first, meaning after, so that
//! a row that means nothing is told as such and does not end the reading. Reads only.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::str::FromStr;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::fact_rows::{Facts, Stop};
use super::{Conn, DbError};
use crate::domain::contract::Instant;
use crate::domain::id::{EntryId, Id, OrganizationId, SubjectId};
use crate::ledger::entry::Entry;
use crate::ledger::verify::{BadEntry, ChainRow, NameRow, Unreadable, Verified, verify};

/// Rows read at once.
const BATCH: i64 = 2_000;

type Bytes = Option<Vec<u8>>;

/// A row as bytes; the first of its columns say where it stands.
#[derive(QueryableByName)]
struct RawEntry {
    #[diesel(sql_type = Nullable<Binary>)]
    chain_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    seq: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    organization_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    at: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    actor_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    actor_organization_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    action: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    subject_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    payload: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    prev_hash: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    hash: Bytes,
}

#[derive(QueryableByName)]
struct RawChain {
    #[diesel(sql_type = Nullable<Binary>)]
    id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    organization_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    seq: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    head: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    last_at: Bytes,
}

#[derive(QueryableByName)]
struct RawName {
    #[diesel(sql_type = Nullable<Binary>)]
    chain_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    seq: Bytes,
    /// The tenant of the entry.
    #[diesel(sql_type = Nullable<Binary>)]
    tenant: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    entry_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    subject_id: Bytes,
    #[diesel(sql_type = Nullable<Binary>)]
    organization_id: Bytes,
}

/// Whether the ledger holds and the facts are as it says, or the first that is not. The outer error is the database's: it is
/// gone, not altered.
pub fn verify_all(conn: &mut Conn) -> Result<Result<Verified, BadEntry>, DbError> {
    let mut facts = Facts::new(conn)?;
    let source = Source { conn: RefCell::new(conn), lost: RefCell::new(None) };
    let outcome = verify(
        source.rows(entries_after, read_entry),
        source.rows(chains_after, read_chain),
        source.rows(names_after, read_name).chain(source.rows(orphans, read_name)),
        |entry, payload| {
            let answer = facts.entry(&mut source.conn.borrow_mut(), entry, payload);
            answer.map_err(|stop| source.stopped(stop))
        },
    );
    let outcome = outcome.and_then(|verified| {
        let rows = facts.finish(&mut source.conn.borrow_mut()).map_err(|stop| source.stopped(stop))?;
        Ok(Verified { rows, ..verified })
    });
    match source.lost.into_inner() {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}

/// One connection for three streams that advance by turns.
struct Source<'a> {
    conn: RefCell<&'a mut Conn>,
    /// Why the reading ended early.
    lost: RefCell<Option<DbError>>,
}

/// Where a stream stands: the place of the last row read.
#[derive(Clone)]
struct Cursor {
    chain_id: String,
    seq: i64,
}

/// Before every row.
const BEGINNING: Cursor = Cursor { chain_id: String::new(), seq: i64::MIN };

/// The next batch, and where it ends; None: there is nothing more.
type Load<R> = fn(&mut Conn, &Cursor) -> Result<(Vec<R>, Option<Cursor>), DbError>;

impl Source<'_> {
    /// What ends the pass, where it is not the database.
    fn stopped(&self, stop: Stop) -> BadEntry {
        match stop {
            Stop::Bad(bad) => *bad,
            Stop::Lost(error) => {
                *self.lost.borrow_mut() = Some(error);
                BadEntry::from(Unreadable { chain_id: None, seq: None, entry_id: None, why: String::new() })
            }
        }
    }

    fn rows<'s, R: 's, T: 's>(
        &'s self,
        load: Load<R>,
        read: fn(R) -> Option<Result<T, Unreadable>>,
    ) -> impl Iterator<Item = Result<T, Unreadable>> + 's {
        let mut buffer: VecDeque<R> = VecDeque::new();
        let mut cursor = Some(BEGINNING);
        std::iter::from_fn(move || {
            loop {
                while let Some(row) = buffer.pop_front() {
                    if let Some(row) = read(row) {
                        return Some(row);
                    }
                }
                let from = cursor.take()?;
                if self.lost.borrow().is_some() {
                    return None;
                }
                match load(&mut self.conn.borrow_mut(), &from) {
                    Ok((rows, next)) => {
                        buffer.extend(rows);
                        cursor = next;
                    }
                    Err(error) => {
                        *self.lost.borrow_mut() = Some(error);
                        return None;
                    }
                }
            }
        })
    }
}

/// Runs one of two texts of the same query with the cursor's place and the batch's size.
macro_rules! by_backend {
    ($conn:expr, $sqlite:expr, $postgresql:expr, $cursor:expr) => {
        match $conn {
            Conn::Sqlite(c) => sql_query($sqlite)
                .bind::<Text, _>(&$cursor.chain_id)
                .bind::<BigInt, _>($cursor.seq)
                .bind::<BigInt, _>(BATCH)
                .load(c),
            Conn::Postgresql(c) => sql_query($postgresql)
                .bind::<Text, _>(&$cursor.chain_id)
                .bind::<BigInt, _>($cursor.seq)
                .bind::<BigInt, _>(BATCH)
                .load(c),
        }
    };
}

fn entries_after(conn: &mut Conn, from: &Cursor) -> Result<(Vec<RawEntry>, Option<Cursor>), DbError> {
    let rows: Vec<RawEntry> = by_backend!(
        conn,
        "SELECT CAST(chain_id AS BLOB) AS chain_id, CAST(CAST(seq AS TEXT) AS BLOB) AS seq, CAST(id AS BLOB) AS id, \
         CAST(organization_id AS BLOB) AS organization_id, CAST(at AS BLOB) AS at, CAST(actor_id AS BLOB) AS actor_id, \
         CAST(actor_organization_id AS BLOB) AS actor_organization_id, CAST(action AS BLOB) AS action, \
         CAST(subject_id AS BLOB) AS subject_id, CAST(payload AS BLOB) AS payload, \
         CAST(prev_hash AS BLOB) AS prev_hash, CAST(hash AS BLOB) AS hash \
         FROM ledger_entries WHERE (chain_id, seq) > (?, ?) ORDER BY ledger_entries.chain_id, ledger_entries.seq LIMIT ?",
        "SELECT convert_to(chain_id, 'UTF8') AS chain_id, convert_to(seq::text, 'UTF8') AS seq, convert_to(id, 'UTF8') AS id, \
         convert_to(organization_id, 'UTF8') AS organization_id, \
         convert_to(to_char(at, 'YYYY-MM-DD HH24:MI:SS.US'), 'UTF8') AS at, convert_to(actor_id, 'UTF8') AS actor_id, \
         convert_to(actor_organization_id, 'UTF8') AS actor_organization_id, convert_to(action, 'UTF8') AS action, \
         convert_to(subject_id, 'UTF8') AS subject_id, convert_to(payload, 'UTF8') AS payload, \
         convert_to(prev_hash, 'UTF8') AS prev_hash, convert_to(hash, 'UTF8') AS hash \
         FROM ledger_entries WHERE (chain_id, seq) > ($1, $2) ORDER BY ledger_entries.chain_id, ledger_entries.seq LIMIT $3",
        from
    )?;
    let next = rows.last().and_then(|row| Cursor::at(row.chain_id.as_ref(), row.seq.as_ref()));
    Ok((rows, next))
}

fn chains_after(conn: &mut Conn, from: &Cursor) -> Result<(Vec<RawChain>, Option<Cursor>), DbError> {
    // The second bind says whether this is the beginning: an empty id is no reason to be passed over.
    let rows: Vec<RawChain> = by_backend!(
        conn,
        "SELECT CAST(id AS BLOB) AS id, CAST(organization_id AS BLOB) AS organization_id, \
         CAST(CAST(seq AS TEXT) AS BLOB) AS seq, CAST(head AS BLOB) AS head, CAST(last_at AS BLOB) AS last_at \
         FROM ledger_chains WHERE ledger_chains.id > ? OR ? < 0 ORDER BY ledger_chains.id LIMIT ?",
        "SELECT convert_to(id, 'UTF8') AS id, convert_to(organization_id, 'UTF8') AS organization_id, \
         convert_to(seq::text, 'UTF8') AS seq, convert_to(head, 'UTF8') AS head, \
         convert_to(to_char(last_at, 'YYYY-MM-DD HH24:MI:SS.US'), 'UTF8') AS last_at \
         FROM ledger_chains WHERE ledger_chains.id > $1 OR $2 < 0 ORDER BY ledger_chains.id LIMIT $3",
        from
    )?;
    let next = rows.last().and_then(|row| Cursor::at(row.id.as_ref(), None));
    Ok((rows, next))
}

/// The names of the next batch of entries; an entry without one gives a row without a subject.
fn names_after(conn: &mut Conn, from: &Cursor) -> Result<(Vec<RawName>, Option<Cursor>), DbError> {
    let rows: Vec<RawName> = by_backend!(
        conn,
        "SELECT CAST(e.chain_id AS BLOB) AS chain_id, CAST(CAST(e.seq AS TEXT) AS BLOB) AS seq, \
         CAST(e.organization_id AS BLOB) AS tenant, CAST(n.entry_id AS BLOB) AS entry_id, \
         CAST(n.subject_id AS BLOB) AS subject_id, CAST(n.organization_id AS BLOB) AS organization_id \
         FROM (SELECT id, chain_id, seq, organization_id FROM ledger_entries WHERE (chain_id, seq) > (?, ?) \
         ORDER BY chain_id, seq LIMIT ?) e LEFT JOIN ledger_names n ON n.entry_id = e.id ORDER BY e.chain_id, e.seq",
        "SELECT convert_to(e.chain_id, 'UTF8') AS chain_id, convert_to(e.seq::text, 'UTF8') AS seq, \
         convert_to(e.organization_id, 'UTF8') AS tenant, convert_to(n.entry_id, 'UTF8') AS entry_id, \
         convert_to(n.subject_id, 'UTF8') AS subject_id, convert_to(n.organization_id, 'UTF8') AS organization_id \
         FROM (SELECT id, chain_id, seq, organization_id FROM ledger_entries WHERE (chain_id, seq) > ($1, $2) \
         ORDER BY chain_id, seq LIMIT $3) e LEFT JOIN ledger_names n ON n.entry_id = e.id ORDER BY e.chain_id, e.seq",
        from
    )?;
    let next = rows.last().and_then(|row| Cursor::at(row.chain_id.as_ref(), row.seq.as_ref()));
    Ok((rows, next))
}

/// Names of entries that are not there. One is enough to say so.
fn orphans(conn: &mut Conn, from: &Cursor) -> Result<(Vec<RawName>, Option<Cursor>), DbError> {
    let rows: Vec<RawName> = by_backend!(
        conn,
        "SELECT NULL AS chain_id, NULL AS seq, NULL AS tenant, CAST(n.entry_id AS BLOB) AS entry_id, \
         CAST(n.subject_id AS BLOB) AS subject_id, CAST(n.organization_id AS BLOB) AS organization_id \
         FROM ledger_names n LEFT JOIN ledger_entries e ON e.id = n.entry_id \
         WHERE e.id IS NULL AND ? = '' AND ? < 0 LIMIT min(1, ?)",
        "SELECT NULL::bytea AS chain_id, NULL::bytea AS seq, NULL::bytea AS tenant, convert_to(n.entry_id, 'UTF8') AS entry_id, \
         convert_to(n.subject_id, 'UTF8') AS subject_id, convert_to(n.organization_id, 'UTF8') AS organization_id \
         FROM ledger_names n LEFT JOIN ledger_entries e ON e.id = n.entry_id \
         WHERE e.id IS NULL AND $1 = '' AND $2 < 0 LIMIT least(1, $3)",
        from
    )?;
    Ok((rows, None))
}

impl Cursor {
    /// After a row. None where its place can't be read: that row is a bad one, and nothing follows it.
    fn at(chain_id: Option<&Vec<u8>>, seq: Option<&Vec<u8>>) -> Option<Self> {
        let chain_id = std::str::from_utf8(chain_id?).ok()?.to_owned();
        let seq = match seq {
            Some(seq) => std::str::from_utf8(seq).ok()?.parse().ok()?,
            None => 0,
        };
        Some(Self { chain_id, seq })
    }
}

fn text(column: &'static str, bytes: Bytes) -> Result<String, String> {
    let bytes = bytes.ok_or_else(|| format!("{column}: 値がありません"))?;
    String::from_utf8(bytes).map_err(|_| format!("{column}: UTF-8 ではありません"))
}

/// An identifier in exactly its 36 lower-case characters: another spelling of it is not what was written.
fn id<T>(column: &'static str, bytes: Bytes) -> Result<Id<T>, String> {
    let text = text(column, bytes)?;
    let id = Id::from_str(&text).ok().filter(|id: &Id<T>| id.as_str() == text);
    id.ok_or_else(|| format!("{column}: 識別子ではありません"))
}

fn optional_id<T>(column: &'static str, bytes: Bytes) -> Result<Option<Id<T>>, String> {
    bytes.map(|bytes| id(column, Some(bytes))).transpose()
}

fn number(column: &'static str, bytes: Bytes) -> Result<i64, String> {
    let text = text(column, bytes)?;
    let number = text.parse::<i64>().ok().filter(|n| n.to_string() == text);
    number.ok_or_else(|| format!("{column}: 整数ではありません"))
}

/// An instant as the database writes it, in no other spelling.
fn instant(column: &'static str, bytes: Bytes) -> Result<Instant, String> {
    let text = text(column, bytes)?;
    let read = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok();
    let read = read
        .filter(|at| at.format("%F %T%.f").to_string() == text || at.format("%F %T%.6f").to_string() == text);
    read.map(|at| at.and_utc()).ok_or_else(|| format!("{column}: 時刻ではありません"))
}

/// As much of a place as can be read.
fn place(
    chain_id: &Bytes,
    seq: &Bytes,
    entry_id: &Bytes,
) -> (Option<SubjectId>, Option<i64>, Option<EntryId>) {
    (id("", chain_id.clone()).ok(), number("", seq.clone()).ok(), id("", entry_id.clone()).ok())
}

#[expect(clippy::unnecessary_wraps, reason = "rows of names may be passed over, and all are read alike")]
fn read_entry(row: RawEntry) -> Option<Result<Entry, Unreadable>> {
    let (chain_id, seq, entry_id) = place(&row.chain_id, &row.seq, &row.id);
    let read = || -> Result<Entry, String> {
        Ok(Entry {
            id: id("id", row.id)?,
            chain_id: id("chain_id", row.chain_id)?,
            organization_id: id("organization_id", row.organization_id)?,
            seq: number("seq", row.seq)?,
            at: instant("at", row.at)?,
            actor_id: optional_id("actor_id", row.actor_id)?,
            actor_organization_id: optional_id("actor_organization_id", row.actor_organization_id)?,
            action: text("action", row.action)?,
            subject_id: id("subject_id", row.subject_id)?,
            payload: text("payload", row.payload)?,
            prev_hash: text("prev_hash", row.prev_hash)?,
            hash: text("hash", row.hash)?,
        })
    };
    Some(read().map_err(|why| Unreadable { chain_id, seq, entry_id, why: format!("ledger_entries.{why}") }))
}

#[expect(clippy::unnecessary_wraps, reason = "rows of names may be passed over, and all are read alike")]
fn read_chain(row: RawChain) -> Option<Result<ChainRow, Unreadable>> {
    let (chain_id, seq, _) = place(&row.id, &row.seq, &None);
    let read = || -> Result<ChainRow, String> {
        Ok(ChainRow {
            id: id("id", row.id)?,
            organization_id: id("organization_id", row.organization_id)?,
            seq: number("seq", row.seq)?,
            head: text("head", row.head)?,
            last_at: instant("last_at", row.last_at)?,
        })
    };
    Some(read().map_err(|why| Unreadable {
        chain_id,
        seq,
        entry_id: None,
        why: format!("ledger_chains.{why}"),
    }))
}

fn read_name(row: RawName) -> Option<Result<NameRow, Unreadable>> {
    if row.entry_id.is_none() && row.subject_id.is_none() {
        // The entry has no name at all, which `verify` sees for itself.
        return None;
    }
    let (chain_id, seq, entry_id) = place(&row.chain_id, &row.seq, &row.entry_id);
    let read = || -> Result<NameRow, String> {
        let organization: OrganizationId = id("organization_id", row.organization_id)?;
        let tenant: Option<OrganizationId> = optional_id("tenant", row.tenant)?;
        if tenant.is_some_and(|tenant| tenant != organization) {
            return Err("organization_id: 記録の所属機関と異なります".to_owned());
        }
        Ok(NameRow {
            place: chain_id.zip(seq),
            entry_id: id("entry_id", row.entry_id)?,
            subject_id: id("subject_id", row.subject_id)?,
        })
    };
    Some(read().map_err(|why| Unreadable { chain_id, seq, entry_id, why: format!("ledger_names.{why}") }))
}
