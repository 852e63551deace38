//! Verification: every hash recomputed, every link, length, head and name compared, in one pass over rows that
//! come in order. Memory does not grow with the ledger. What a whole recomputed chain would hide from it,
//! receipts and signed heads outside the database show.

use std::collections::BTreeSet;

use chrono::Timelike as _;
use serde::Serialize;
use serde_json::Value;

use super::{
    canonical::parse_canonical,
    entry::{Entry, NO_HASH, names},
    rebuild::{Incomplete, table},
};
use crate::{
    domain::{
        contract::Instant,
        id::{EntryId, OrganizationId, SubjectId},
    },
    text_enum,
};

/// A chain as the table of chains has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRow {
    pub id: SubjectId,
    pub organization_id: OrganizationId,
    /// How many entries it has.
    pub seq: i64,
    /// `hash` of the last.
    pub head: String,
    /// `at` of the last.
    pub last_at: Instant,
}

/// A row of the table of names, with the place of the entry it points at; `None` where there is no such entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRow {
    pub place: Option<(SubjectId, i64)>,
    pub entry_id: EntryId,
    pub subject_id: SubjectId,
}

/// A row that could not be read as what it should be, with as much of its place as could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub chain_id: Option<SubjectId>,
    pub seq: Option<i64>,
    pub entry_id: Option<EntryId>,
    pub why: String,
}

/// What was found whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub chains: u64,
    pub entries: u64,
    /// Rows of facts and projections that are as the entries say.
    pub rows: u64,
}

text_enum! {
    /// What is wrong with the first bad entry.
    pub enum Fault {
        Unreadable = "unreadable",
        /// The columns do not give the stored hash.
        Altered = "altered",
        /// `prev_hash` is not the hash of the entry before.
        BrokenLink = "broken_link",
        /// Entries are missing before this one.
        Gap = "gap",
        /// A place that was already passed.
        OutOfOrder = "out_of_order",
        /// `at` is not later than that of the entry before.
        Time = "time",
        /// `at` is finer than a microsecond, which the hash would not show.
        TimeUnit = "time_unit",
        /// Another tenant than the chain's.
        Organization = "organization",
        Payload = "payload",
        NameMissing = "name_missing",
        /// A name that the entry does not name, or of an entry that is not there.
        NameExtra = "name_extra",
        /// The chain's row counts more entries than there are.
        MissingTail = "missing_tail",
        /// The chain's row counts fewer.
        Length = "length",
        Head = "head",
        LastAt = "last_at",
        NoChainRow = "no_chain_row",
        NoEntries = "no_entries",
        /// The payload lacks what the facts of its entry need.
        Incomplete = "incomplete",
        /// A row of facts that is not as its entries say.
        RowChanged = "row_changed",
        RowMissing = "row_missing",
        /// A row that no entry brought about.
        RowAdded = "row_added",
        /// A row that stands with another contract or organization than its entries say.
        RowMoved = "row_moved",
        /// A row whose contract or organization has no chain.
        NoChain = "no_chain",
    }
}

impl Fault {
    /// The fault in the words of whoever reads the report.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Unreadable => "記録を読み取れません",
            Self::Altered => "記録の内容がハッシュと一致しません（改変）",
            Self::BrokenLink => "直前の記録とのつながりが切れています",
            Self::Gap => "この記録の前に欠落があります",
            Self::OutOfOrder => "記録の順序が入れ替わっているか、重複しています",
            Self::Time => "記録時刻が直前の記録より後になっていません",
            Self::TimeUnit => "記録時刻がマイクロ秒より細かい値を含みます",
            Self::Organization => "記録の所属機関が台帳の所属機関と異なります",
            Self::Payload => "記録の内容が正準形ではありません",
            Self::NameMissing => "索引に、記録が示す対象がありません",
            Self::NameExtra => "索引に、記録が示していない対象があります",
            Self::MissingTail => "台帳の末尾の記録が欠落しています",
            Self::Length => "台帳に登録された件数より記録が多くなっています",
            Self::Head => "台帳に登録された先頭ハッシュが最後の記録と一致しません",
            Self::LastAt => "台帳に登録された最終時刻が最後の記録と一致しません",
            Self::NoChainRow => "台帳の登録がない記録です",
            Self::NoEntries => "記録のない台帳が登録されています",
            Self::Incomplete => "記録に、事実を照合するための項目がありません",
            Self::RowChanged => "登録内容が台帳の記録と一致しません（改変）",
            Self::RowMissing => "台帳に記録された登録内容がありません（削除）",
            Self::RowAdded => "台帳に記録のない登録内容があります（追加）",
            Self::RowMoved => "登録内容が、台帳の記録とは別の契約・組織に付いています（移動）",
            Self::NoChain => "登録内容があるのに、その契約・組織の台帳がありません",
        }
    }
}

/// The first thing found that should not be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", self.describe())]
pub struct BadEntry {
    pub chain_id: Option<SubjectId>,
    pub seq: Option<i64>,
    pub entry_id: Option<EntryId>,
    pub what: Fault,
    /// Why a row could not be read, or what a payload lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Box<str>>,
    /// The row of facts.
    #[serde(flatten)]
    pub row: Option<Box<BadRow>>,
}

/// Which row of facts is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRow {
    pub table: &'static str,
    /// None: the table as a whole.
    pub id: Option<String>,
    /// Where one is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<&'static str>,
}

impl BadEntry {
    fn of(entry: &Entry, what: Fault) -> Self {
        Self {
            chain_id: Some(entry.chain_id),
            seq: Some(entry.seq),
            entry_id: Some(entry.id),
            what,
            why: None,
            row: None,
        }
    }

    fn of_chain(chain_id: SubjectId, seq: i64, what: Fault) -> Self {
        Self { chain_id: Some(chain_id), seq: Some(seq), entry_id: None, what, why: None, row: None }
    }

    /// A payload that lacks a member.
    pub fn incomplete(entry: &Entry, missing: Incomplete) -> Self {
        Self { why: Some(missing.member.into()), ..Self::of(entry, Fault::Incomplete) }
    }

    /// A row of facts; `chain_id` and `entry_id` as far as one is known that speaks of it.
    pub fn of_row(what: Fault, chain_id: Option<SubjectId>, entry_id: Option<EntryId>, row: BadRow) -> Self {
        Self { chain_id, seq: None, entry_id, what, why: None, row: Some(Box::new(row)) }
    }

    fn of_name(row: &NameRow) -> Self {
        Self {
            chain_id: row.place.map(|(chain_id, _)| chain_id),
            seq: row.place.map(|(_, seq)| seq),
            entry_id: Some(row.entry_id),
            what: Fault::NameExtra,
            why: None,
            row: None,
        }
    }

    fn describe(&self) -> String {
        let mut text = self.what.describe().to_owned();
        let why = self.why.as_ref().map(|why| format!("（{why}）"));
        let row = self.row.as_deref().map(BadRow::describe);
        let chain = self.chain_id.map(|id| format!(" 台帳 {id}"));
        let seq = self.seq.map(|seq| format!(" 第 {seq} 号"));
        let entry = self.entry_id.map(|id| format!(" 記録 {id}"));
        [why, row, chain, seq, entry].into_iter().flatten().for_each(|part| text.push_str(&part));
        text
    }
}

impl BadRow {
    fn describe(&self) -> String {
        let title = table(self.table).map(|table| format!("{}の表 ", table.title)).unwrap_or_default();
        let id = self.id.as_ref().map(|id| format!(" 番号 {id}")).unwrap_or_default();
        let column = self.column.map(|column| format!(" 列 {column}")).unwrap_or_default();
        format!(" {title}{}{id}{column}", self.table)
    }
}

impl From<Unreadable> for BadEntry {
    fn from(row: Unreadable) -> Self {
        Self {
            chain_id: row.chain_id,
            seq: row.seq,
            entry_id: row.entry_id,
            what: Fault::Unreadable,
            why: Some(row.why.into()),
            row: None,
        }
    }
}

/// Verifies a whole ledger. `entries` come by (`chain_id`, `seq`), `chains` by `id`, `names` by their entry's
/// (`chain_id`, `seq`), those without an entry anywhere; identifiers in the order of their characters.
///
/// A row without an entry, an entry without a row: everything stored must be accounted for. `seen` is shown each entry
/// that holds, in their order, with its payload.
pub fn verify(
    entries: impl IntoIterator<Item = Result<Entry, Unreadable>>,
    chains: impl IntoIterator<Item = Result<ChainRow, Unreadable>>,
    names: impl IntoIterator<Item = Result<NameRow, Unreadable>>,
    mut seen: impl FnMut(&Entry, &Value) -> Result<(), BadEntry>,
) -> Result<Verified, BadEntry> {
    let mut walk = Walk {
        chains: chains.into_iter(),
        names: names.into_iter(),
        next_name: None,
        open: None,
        verified: Verified::default(),
        scratch: String::with_capacity(4096),
    };
    walk.advance_name()?;
    for entry in entries {
        let entry = entry?;
        let payload = walk.entry(&entry)?;
        seen(&entry, &payload)?;
    }
    walk.finish()
}

/// The chain being walked: its row, and the last entry seen.
struct Open {
    row: ChainRow,
    seq: i64,
    hash: String,
    at: Option<Instant>,
}

struct Walk<C, N> {
    chains: C,
    names: N,
    next_name: Option<NameRow>,
    open: Option<Open>,
    verified: Verified,
    scratch: String,
}

impl<C, N> Walk<C, N>
where
    C: Iterator<Item = Result<ChainRow, Unreadable>>,
    N: Iterator<Item = Result<NameRow, Unreadable>>,
{
    fn entry(&mut self, entry: &Entry) -> Result<Value, BadEntry> {
        if self.open.as_ref().is_none_or(|open| open.row.id != entry.chain_id) {
            let passed = self.close()?;
            if passed.is_some_and(|passed| passed > entry.chain_id) {
                return Err(BadEntry::of(entry, Fault::OutOfOrder));
            }
            self.open_chain(entry)?;
        }
        let payload = self.check_place(entry)?;
        let hash = entry.computed_hash(&mut self.scratch);
        let Some(open) = &mut self.open else {
            return Err(BadEntry::of(entry, Fault::NoChainRow));
        };
        let fault = if hash != entry.hash {
            Some(Fault::Altered)
        } else if entry.prev_hash != open.hash {
            Some(Fault::BrokenLink)
        } else if open.at.is_some_and(|last| entry.at <= last) {
            Some(Fault::Time)
        } else if entry.organization_id != open.row.organization_id {
            Some(Fault::Organization)
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(BadEntry::of(entry, fault));
        }
        (open.seq, open.hash, open.at) = (entry.seq, hash, Some(entry.at));
        self.check_names(entry, names(&payload, entry.subject_id))?;
        self.verified.entries += 1;
        Ok(payload)
    }

    /// Takes the chain's row, which must be the next one.
    fn open_chain(&mut self, entry: &Entry) -> Result<(), BadEntry> {
        let row = match self.chains.next().transpose()? {
            Some(row) if row.id == entry.chain_id => row,
            Some(row) if row.id < entry.chain_id => {
                return Err(BadEntry::of_chain(row.id, row.seq, Fault::NoEntries));
            }
            _ => return Err(BadEntry::of(entry, Fault::NoChainRow)),
        };
        self.open = Some(Open { row, seq: 0, hash: NO_HASH.to_owned(), at: None });
        self.verified.chains += 1;
        Ok(())
    }

    /// What must hold before the hash says anything: the next place, and columns that are hashed as they stand.
    fn check_place(&mut self, entry: &Entry) -> Result<Value, BadEntry> {
        let expected = self.open.as_ref().map_or(1, |open| open.seq.saturating_add(1));
        let fault = if entry.seq > expected {
            Fault::Gap
        } else if entry.seq < expected {
            Fault::OutOfOrder
        } else if !entry.at.nanosecond().is_multiple_of(1_000) {
            Fault::TimeUnit
        } else {
            match parse_canonical(&entry.payload, &mut self.scratch) {
                Some(payload) => return Ok(payload),
                None => Fault::Payload,
            }
        };
        Err(BadEntry::of(entry, fault))
    }

    /// Takes the rows of names of this entry, which must be the next ones.
    fn check_names(&mut self, entry: &Entry, mut expected: BTreeSet<SubjectId>) -> Result<(), BadEntry> {
        while let Some(row) = self.next_name.take_if(|row| row.place <= Some((entry.chain_id, entry.seq))) {
            let here = row.place == Some((entry.chain_id, entry.seq)) && row.entry_id == entry.id;
            if !here || !expected.remove(&row.subject_id) {
                return Err(BadEntry::of_name(&row));
            }
            self.advance_name()?;
        }
        if expected.is_empty() { Ok(()) } else { Err(BadEntry::of(entry, Fault::NameMissing)) }
    }

    fn advance_name(&mut self) -> Result<(), BadEntry> {
        self.next_name = self.names.next().transpose()?;
        Ok(())
    }

    /// Compares the chain just walked with its row; gives its id.
    fn close(&mut self) -> Result<Option<SubjectId>, BadEntry> {
        let Some(open) = self.open.take() else { return Ok(None) };
        let row = &open.row;
        let fault = if open.seq < row.seq {
            Some(Fault::MissingTail)
        } else if open.seq > row.seq {
            Some(Fault::Length)
        } else if open.hash != row.head {
            Some(Fault::Head)
        } else if open.at != Some(row.last_at) {
            Some(Fault::LastAt)
        } else {
            None
        };
        match fault {
            Some(fault) => Err(BadEntry::of_chain(row.id, open.seq, fault)),
            None => Ok(Some(row.id)),
        }
    }

    fn finish(mut self) -> Result<Verified, BadEntry> {
        self.close()?;
        if let Some(row) = self.chains.next().transpose()? {
            return Err(BadEntry::of_chain(row.id, row.seq, Fault::NoEntries));
        }
        match self.next_name {
            Some(row) => Err(BadEntry::of_name(&row)),
            None => Ok(self.verified),
        }
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
