//! A small ledger kept as its three tables, and everything a hand in the database could do to it.

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ledger::entry::{
    Draft, Payload, seal,
    tests::{draft, id},
};

/// The ledger's own tables alone.
fn verify(
    entries: impl IntoIterator<Item = Result<Entry, Unreadable>>,
    chains: impl IntoIterator<Item = Result<ChainRow, Unreadable>>,
    names: impl IntoIterator<Item = Result<NameRow, Unreadable>>,
) -> Result<Verified, BadEntry> {
    super::verify(entries, chains, names, |_, _| Ok(()))
}

/// `SplitMix64`: repeatable choices from one seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(n).unwrap()).unwrap()
    }
    fn id<T>(&mut self) -> crate::domain::id::Id<T> {
        id(u128::from(self.roll()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tables {
    entries: Vec<Entry>,
    chains: Vec<ChainRow>,
    names: Vec<(EntryId, SubjectId)>,
}

impl Tables {
    fn random(dice: &mut Dice) -> Self {
        let mut tables = Self { entries: Vec::new(), chains: Vec::new(), names: Vec::new() };
        for _ in 0..=dice.below(4) {
            let (chain_id, organization_id) = (dice.id(), dice.id());
            tables.chains.push(ChainRow {
                id: chain_id,
                organization_id,
                seq: 0,
                head: NO_HASH.into(),
                last_at: draft().at,
            });
            for _ in 0..=dice.below(6) {
                tables.append(chain_id, dice);
            }
        }
        tables
    }

    /// What `db` does: one entry more, its names, the chain's row.
    fn append(&mut self, chain_id: SubjectId, dice: &mut Dice) {
        let row = self.chains.iter_mut().find(|row| row.id == chain_id).unwrap();
        let entry = forge(row, dice);
        (row.seq, row.head, row.last_at) = (entry.seq, entry.hash.clone(), entry.at);
        self.add(entry);
    }

    fn add(&mut self, entry: Entry) {
        let payload = serde_json::from_str(&entry.payload).unwrap();
        self.names.extend(names(&payload, entry.subject_id).into_iter().map(|name| (entry.id, name)));
        self.entries.push(entry);
    }

    /// The tables read back in order, as `db` reads them.
    fn verify(&self) -> Result<Verified, BadEntry> {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| (entry.chain_id, entry.seq));
        let mut chains = self.chains.clone();
        chains.sort_by_key(|row| row.id);
        let mut names: Vec<_> = self
            .names
            .iter()
            .map(|(entry_id, subject_id)| NameRow {
                place: entries.iter().find(|e| e.id == *entry_id).map(|e| (e.chain_id, e.seq)),
                entry_id: *entry_id,
                subject_id: *subject_id,
            })
            .collect();
        names.sort_by_key(|row| row.place);
        verify(entries.into_iter().map(Ok), chains.into_iter().map(Ok), names.into_iter().map(Ok))
    }
}

/// The next entry of a chain, properly sealed.
fn forge(row: &ChainRow, dice: &mut Dice) -> Entry {
    let payload = json!({
        "text": format!("内容 {}", dice.below(10)), "n": dice.below(100),
        "others": (0..dice.below(3)).map(|_| dice.id::<()>()).collect::<Vec<_>>(),
    });
    let draft = Draft {
        id: dice.id(),
        chain_id: row.id,
        organization_id: row.organization_id,
        seq: row.seq + 1,
        at: row.last_at + TimeDelta::microseconds(1 + i64::try_from(dice.below(1000)).unwrap()),
        actor_id: (dice.below(2) == 0).then(|| dice.id()),
        actor_organization_id: (dice.below(2) == 0).then(|| dice.id()),
        action: format!("action.{}", dice.below(4)),
        subject_id: dice.id(),
        payload: Payload::new(&payload).unwrap(),
    };
    seal(draft, &row.head)
}

const EDITS: usize = 15;

fn edit_entry(entry: &mut Entry, other: &Entry, column: usize, dice: &mut Dice) {
    let shift = TimeDelta::microseconds([-1, 1, 3_600_000_000][dice.below(3)]);
    match column {
        0 => entry.id = dice.id(),
        1 => entry.chain_id = if dice.below(2) == 0 { dice.id() } else { other.chain_id },
        2 => entry.organization_id = dice.id(),
        3 => entry.seq += [-2, -1, 1, 2, i64::MAX / 2][dice.below(5)],
        4 => entry.at += shift,
        5 => entry.at += TimeDelta::nanoseconds(1),
        6 => entry.actor_id = if entry.actor_id.is_some() { None } else { Some(dice.id()) },
        7 => entry.actor_organization_id = Some(dice.id()),
        8 => entry.action.push('x'),
        9 => entry.subject_id = dice.id(),
        10 => entry.payload = entry.payload.replace("内容", "内用"),
        11 => entry.payload.push(' '),
        12 => entry.payload = other.payload.clone(),
        13 => entry.prev_hash = other.hash.clone(),
        _ => entry.hash = other.hash.clone(),
    }
}

fn edit_chain(row: &mut ChainRow, other: &Entry, dice: &mut Dice) {
    match dice.below(5) {
        0 => row.id = dice.id(),
        1 => row.organization_id = dice.id(),
        2 => row.seq += [-1, 1][dice.below(2)],
        3 => row.head = other.hash.clone(),
        _ => row.last_at += TimeDelta::nanoseconds([-1, 1, 1000][dice.below(3)]),
    }
}

/// One act of a hand that does not recompute the chain's row.
fn mutate(tables: &mut Tables, dice: &mut Dice) {
    let (i, j) = (dice.below(tables.entries.len()), dice.below(tables.entries.len()));
    let other = tables.entries[j].clone();
    match dice.below(12) {
        0..=3 => edit_entry(&mut tables.entries[i], &other, dice.below(EDITS), dice),
        4 => {
            let k = dice.below(tables.chains.len());
            edit_chain(&mut tables.chains[k], &other, dice);
        }
        5 => {
            let gone = tables.entries.remove(i);
            if dice.below(2) == 0 {
                tables.names.retain(|(entry_id, _)| *entry_id != gone.id);
            }
        }
        6 => {
            // A row put in: at the end properly sealed, or a copy of another under a new id.
            let k = dice.below(tables.chains.len());
            let row = tables.chains[k].clone();
            let entry = if dice.below(2) == 0 { forge(&row, dice) } else { Entry { id: dice.id(), ..other } };
            tables.add(entry);
        }
        7 => {
            // Two places exchanged.
            tables.entries[i].seq = other.seq;
            tables.entries[i].chain_id = other.chain_id;
            (tables.entries[j].seq, tables.entries[j].chain_id) = {
                let row = &tables.entries[i];
                let original =
                    tables.chains.iter().find(|chain| chain.organization_id == row.organization_id);
                (row.seq + 1, original.map_or(row.chain_id, |chain| chain.id))
            };
        }
        8 => {
            let (a, b) = (tables.entries[i].payload.clone(), tables.entries[j].payload.clone());
            (tables.entries[i].payload, tables.entries[j].payload) = (b, a);
        }
        9 => {
            // The tail cut off, names and all.
            let chain_id = tables.entries[i].chain_id;
            let keep = tables.entries[i].seq - 1;
            let gone = |entry: &Entry| entry.chain_id == chain_id && entry.seq > keep;
            let ids: Vec<_> = tables.entries.iter().filter(|e| gone(e)).map(|e| e.id).collect();
            tables.entries.retain(|entry| !gone(entry));
            tables.names.retain(|(entry_id, _)| !ids.contains(entry_id));
        }
        10 => {
            let k = dice.below(tables.chains.len());
            if dice.below(2) == 0 {
                tables.chains.remove(k);
            } else {
                tables.chains.push(ChainRow { id: dice.id(), ..tables.chains[k].clone() });
            }
        }
        _ => mutate_names(tables, &other, dice),
    }
}

fn mutate_names(tables: &mut Tables, other: &Entry, dice: &mut Dice) {
    let k = dice.below(tables.names.len());
    match dice.below(6) {
        0 => tables.names[k].0 = other.id,
        1 => tables.names[k].0 = dice.id(),
        2 => tables.names[k].1 = dice.id(),
        3 => {
            tables.names.remove(k);
        }
        4 => tables.names.push((other.id, dice.id())),
        _ => tables.names.push(tables.names[k]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// 256 ledgers × 48 mutations: 12,288, less the few that happen to change nothing.
    #[test]
    fn every_mutation_is_found_and_the_untouched_copy_verifies(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let whole = Tables::random(&mut dice);
        let expected =
            Verified { chains: whole.chains.len() as u64, entries: whole.entries.len() as u64, rows: 0 };
        prop_assert_eq!(whole.verify(), Ok(expected));
        let mut tried = 0;
        while tried < 48 {
            let mut touched = whole.clone();
            mutate(&mut touched, &mut dice);
            if touched != whole {
                prop_assert!(touched.verify().is_err(), "{:#?}", touched);
                tried += 1;
            }
        }
    }
}

/// Two chains of four entries, in order of id.
fn two_chains() -> Tables {
    let mut dice = Dice(1);
    let mut tables = Tables { entries: Vec::new(), chains: Vec::new(), names: Vec::new() };
    for n in [0xc1, 0xc2] {
        let at = draft().at;
        let row =
            ChainRow { id: id(n), organization_id: id(0xa1), seq: 0, head: NO_HASH.into(), last_at: at };
        tables.chains.push(row);
        (0..4).for_each(|_| tables.append(id(n), &mut dice));
    }
    tables
}

fn fault(change: impl FnOnce(&mut Tables)) -> (Fault, Option<i64>) {
    let mut tables = two_chains();
    change(&mut tables);
    let bad = tables.verify().unwrap_err();
    (bad.what, bad.seq)
}

/// An entry sealed anew, as one who knows the format would.
fn reseal(entry: &mut Entry) {
    entry.hash = entry.computed_hash(&mut String::new());
}

#[test]
fn faults_are_named() {
    assert_eq!(two_chains().verify(), Ok(Verified { chains: 2, entries: 8, rows: 0 }));
    assert_eq!(fault(|t| t.entries[1].action.push('x')), (Fault::Altered, Some(2)));
    assert_eq!(fault(|t| t.entries[1].subject_id = id(1)), (Fault::Altered, Some(2)));
    assert_eq!(
        fault(|t| {
            t.entries[1].action.push('x');
            reseal(&mut t.entries[1]);
        }),
        (Fault::BrokenLink, Some(3))
    );
    assert_eq!(fault(|t| drop(t.entries.remove(1))), (Fault::NameExtra, None));
    assert_eq!(
        fault(|t| {
            let gone = t.entries.remove(1).id;
            t.names.retain(|(entry_id, _)| *entry_id != gone);
        }),
        (Fault::Gap, Some(3))
    );
    assert_eq!(fault(|t| t.entries[2].seq = 0), (Fault::OutOfOrder, Some(0)));
    assert_eq!(
        fault(|t| {
            t.entries[1].at = t.entries[0].at;
            reseal(&mut t.entries[1]);
        }),
        (Fault::Time, Some(2))
    );
    assert_eq!(fault(|t| t.entries[1].at += TimeDelta::nanoseconds(1)), (Fault::TimeUnit, Some(2)));
    assert_eq!(fault(|t| t.chains[0].organization_id = id(1)), (Fault::Organization, Some(1)));
    assert_eq!(fault(|t| t.entries[1].payload.push('\n')), (Fault::Payload, Some(2)));
    assert_eq!(fault(|t| t.names = t.names.split_off(1)), (Fault::NameMissing, Some(1)));
    assert_eq!(fault(|t| t.names[0].1 = id(1)), (Fault::NameExtra, Some(1)));
    assert_eq!(fault(|t| t.names.push((id(1), id(1)))), (Fault::NameExtra, None));
    assert_eq!(
        fault(|t| {
            let gone = t.entries.pop().unwrap().id;
            t.names.retain(|(entry_id, _)| *entry_id != gone);
        }),
        (Fault::MissingTail, Some(3))
    );
    assert_eq!(fault(|t| t.chains[0].seq = 3), (Fault::Length, Some(4)));
    assert_eq!(fault(|t| t.chains[1].head = NO_HASH.into()), (Fault::Head, Some(4)));
    assert_eq!(fault(|t| t.chains[1].last_at += TimeDelta::nanoseconds(1)), (Fault::LastAt, Some(4)));
    for k in [0, 1] {
        assert_eq!(fault(|t| drop(t.chains.remove(k))), (Fault::NoChainRow, Some(1)));
    }
    for n in [0xc0, 0xc3] {
        assert_eq!(
            fault(|t| t.chains.push(ChainRow { id: id(n), ..t.chains[0].clone() })).0,
            Fault::NoEntries
        );
    }
}

#[test]
fn an_unreadable_row_of_any_table_is_a_bad_entry() {
    let bad = Unreadable {
        chain_id: Some(id(0xc1)),
        seq: Some(2),
        entry_id: None,
        why: "at: not an instant".into(),
    };
    let reports = [
        verify([Err(bad.clone())], [], []),
        verify([], [Err(bad.clone())], []),
        verify([], [], [Err(bad.clone())]),
    ];
    for report in reports {
        let report = report.unwrap_err();
        assert_eq!((report.what, report.seq), (Fault::Unreadable, Some(2)));
        assert_eq!(
            report.to_string(),
            format!("記録を読み取れません（at: not an instant） 台帳 {} 第 2 号", id::<()>(0xc1))
        );
    }
}

#[test]
fn rows_out_of_order_are_a_fault_of_the_reader_and_said() {
    let tables = two_chains();
    let mut entries = tables.entries.clone();
    entries.rotate_left(4);
    let mut chains = tables.chains.clone();
    chains.reverse();
    let report = verify(entries.into_iter().map(Ok), chains.into_iter().map(Ok), []);
    assert!(report.is_err());
}
