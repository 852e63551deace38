//! `write_tx`: the one way to change what the ledger speaks of. Its first statement takes the chain, which
//! serializes the writers of one contract on both databases; everything after it sees what the ones before it did.

use chrono::{Duration, NaiveDate};
use diesel::prelude::*;
use serde::Serialize;

use super::schema::{ledger_chains, ledger_entries, ledger_names};
use super::types::directly;
use super::{Conn, Db, DbError};
use crate::clock::Sources;
use crate::domain::contract::{Instant, Stamp};
use crate::domain::id::{EntryId, Id, OrganizationId, SubjectId, UserId};
use crate::ledger::entry::{Draft, Entry, NO_HASH, Payload, names, seal};

/// In whose name a transaction writes. None: the program itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    pub user_id: UserId,
    pub organization_id: OrganizationId,
}

/// The chain that a transaction writes on.
#[derive(Debug, Clone, Copy)]
pub enum ChainKey {
    /// A chain that has entries.
    Existing(SubjectId),
    /// The first entry of a contract or an organization is written now.
    New { id: SubjectId, organization_id: OrganizationId },
}

/// A write transaction on one chain.
pub struct Tx<'a> {
    /// The connection inside the transaction.
    pub conn: &'a mut Conn,
    /// The business day.
    pub today: NaiveDate,
    /// Clock and chance.
    pub sources: &'a Sources,
    /// In whose name.
    pub author: Option<Author>,
    /// The chain's tenant.
    pub organization_id: OrganizationId,
    chain_id: SubjectId,
    seq: i64,
    head: String,
    last_at: Instant,
    /// The chain's length as its row has it; None: a new chain without its row.
    stored: Option<i64>,
    /// The last entry of this transaction; its hash is the head.
    last: Option<EntryId>,
}

impl Db {
    /// Runs `work` on the chain in one transaction: all of it is kept, or nothing.
    pub fn write_tx<T, E: From<DbError>>(
        &self,
        sources: &Sources,
        author: Option<Author>,
        chain: ChainKey,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (answer, last) = self.write(|conn| {
            let mut tx = Tx::on(conn, sources, author, chain)?;
            let answer = work(&mut tx)?;
            let last = tx.last.take().map(|id| (id, tx.head.clone()));
            tx.close()?;
            Ok::<_, E>((answer, last))
        })?;
        if let Some((id, hash)) = last.filter(|_| self.keeps()) {
            self.watch().saw(id, hash);
        }
        Ok(answer)
    }
}

impl<'a> Tx<'a> {
    /// Takes a chain within a write transaction that is already open: a job that writes many chains at once. Each
    /// must be [closed](Self::close).
    pub fn on(
        conn: &'a mut Conn,
        sources: &'a Sources,
        author: Option<Author>,
        chain: ChainKey,
    ) -> Result<Self, DbError> {
        let (chain_id, organization_id, seq, head, last_at, stored) = match chain {
            ChainKey::Existing(id) => {
                let (organization_id, seq, head, last_at): (
                    OrganizationId,
                    i64,
                    String,
                    chrono::NaiveDateTime,
                ) = diesel::update(ledger_chains::table.find(id))
                    .set(ledger_chains::seq.eq(ledger_chains::seq))
                    .returning((
                        ledger_chains::organization_id,
                        ledger_chains::seq,
                        ledger_chains::head,
                        ledger_chains::last_at,
                    ))
                    .get_result(conn)?;
                (id, organization_id, seq, head, last_at.and_utc(), Some(seq))
            }
            ChainKey::New { id, organization_id } => {
                (id, organization_id, 0, NO_HASH.to_owned(), Instant::UNIX_EPOCH, None)
            }
        };
        Ok(Self {
            conn,
            today: sources.clock.today(),
            sources,
            author,
            organization_id,
            chain_id,
            seq,
            head,
            last_at,
            stored,
            last: None,
        })
    }

    /// The row of a new chain, with its first entry in it: most chains of a day are never written again that day.
    fn insert_chain(&mut self, first: &Entry) -> Result<(), DbError> {
        directly!(self.conn, |own| diesel::insert_into(ledger_chains::table)
            .values((
                ledger_chains::id.eq(self.chain_id),
                ledger_chains::organization_id.eq(self.organization_id),
                ledger_chains::seq.eq(first.seq),
                ledger_chains::head.eq(&first.hash),
                ledger_chains::last_at.eq(first.at.naive_utc()),
            ))
            .execute(own))?;
        self.stored = Some(first.seq);
        Ok(())
    }

    /// A new identifier.
    pub fn new_id<T>(&self) -> Id<T> {
        self.sources.new_id()
    }

    /// Writes an entry: what was done, to what, in which words, and on which business day. The answer's stamp goes on the
    /// facts it stands for.
    pub fn record<T>(
        &mut self,
        action: &str,
        subject: Id<T>,
        payload: &impl Serialize,
    ) -> Result<Recorded, DbError> {
        let at = self.sources.clock.now().max(self.last_at + Duration::microseconds(1));
        let entry = seal(
            Draft {
                id: self.new_id(),
                chain_id: self.chain_id,
                organization_id: self.organization_id,
                seq: self.seq + 1,
                at,
                actor_id: self.author.map(|a| a.user_id),
                actor_organization_id: self.author.map(|a| a.organization_id),
                action: action.to_owned(),
                subject_id: subject.cast(),
                payload: Payload::on(payload, self.today)?,
            },
            &self.head,
        );
        if self.stored.is_none() {
            self.insert_chain(&entry)?;
        }
        self.insert_entry(&entry)?;
        self.seq = entry.seq;
        self.last_at = entry.at;
        self.last = Some(entry.id);
        self.head.clone_from(&entry.hash);
        Ok(Recorded { stamp: Stamp { seq: entry.seq, at: entry.at }, entry })
    }

    fn insert_entry(&mut self, entry: &Entry) -> Result<(), DbError> {
        directly!(self.conn, |own| diesel::insert_into(ledger_entries::table)
            .values((
                ledger_entries::id.eq(entry.id),
                ledger_entries::chain_id.eq(entry.chain_id),
                ledger_entries::organization_id.eq(entry.organization_id),
                ledger_entries::seq.eq(entry.seq),
                ledger_entries::at.eq(entry.at.naive_utc()),
                ledger_entries::actor_id.eq(entry.actor_id),
                ledger_entries::actor_organization_id.eq(entry.actor_organization_id),
                ledger_entries::action.eq(&entry.action),
                ledger_entries::subject_id.eq(entry.subject_id),
                ledger_entries::payload.eq(&entry.payload),
                ledger_entries::prev_hash.eq(&entry.prev_hash),
                ledger_entries::hash.eq(&entry.hash),
            ))
            .execute(own))?;
        let payload: serde_json::Value =
            serde_json::from_str(&entry.payload).map_err(crate::ledger::LedgerError::from)?;
        let named: Vec<_> = names(&payload, entry.subject_id)
            .into_iter()
            .map(|subject| {
                (
                    ledger_names::subject_id.eq(subject),
                    ledger_names::entry_id.eq(entry.id),
                    ledger_names::organization_id.eq(entry.organization_id),
                )
            })
            .collect();
        match self.conn {
            // Embedded, a statement kept prepared is faster; over a connection, one round trip is.
            Conn::Sqlite(conn) => {
                for name in named {
                    diesel::insert_into(ledger_names::table).values(name).execute(conn)?;
                }
            }
            Conn::Postgresql(conn) => {
                diesel::insert_into(ledger_names::table).values(named).execute(conn)?;
            }
        }
        Ok(())
    }

    /// Its entries come after an instant of another chain.
    pub fn after(&mut self, at: Instant) {
        self.last_at = self.last_at.max(at);
    }

    /// The instant of the last entry; before the first one of this transaction, that of the chain's last.
    pub fn last_at(&self) -> Instant {
        self.last_at
    }

    /// Writes the chain's length and head; without it the transaction must not commit.
    pub fn close(self) -> Result<(), DbError> {
        if self.stored.is_some_and(|stored| stored != self.seq) {
            diesel::update(ledger_chains::table.find(self.chain_id))
                .set((
                    ledger_chains::seq.eq(self.seq),
                    ledger_chains::head.eq(&self.head),
                    ledger_chains::last_at.eq(self.last_at.naive_utc()),
                ))
                .execute(self.conn)?;
        }
        Ok(())
    }
}

/// Takes a chain, and writes nothing on it: a job that goes on to several takes them in one order first.
pub fn hold(conn: &mut Conn, chain: SubjectId) -> Result<(), DbError> {
    diesel::update(ledger_chains::table.find(chain))
        .set(ledger_chains::seq.eq(ledger_chains::seq))
        .execute(conn)?;
    Ok(())
}

/// An entry just written.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// For the facts that the entry stands for.
    pub stamp: Stamp,
    /// The entry itself: a receipt is given for it.
    pub entry: Entry,
}

impl Recorded {
    /// The id of the one row that stands for the entry in a table of facts: the entry's own, so that the row can be held
    /// to it.
    pub fn row_id(&self) -> SubjectId {
        self.entry.id.cast()
    }
}
