//! 変更履歴 and 受付票: a contract's whole chain in order, or the entries that name something; each side in its own
//! view. What others did on a vendor's contract it sees as hashes: enough to check that nothing is missing.

mod before;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use before::{Change, changes};

use super::page::unknown_cursor;
use super::{App, Call, Failure, Page, Paged};
use crate::clock::parse_instant;
use crate::db::ledger::Place;
use crate::db::{self, Conn, DbError};
use crate::domain::access::{ActorOrganization, Role, Scope};
use crate::domain::contract::Instant;
use crate::domain::id::{AlertId, ContractId, EngagementId, EntryId, OrganizationId, SubjectId, UserId, of};
use crate::ledger::entry::{Entry, instant_text};
use crate::ledger::receipt::{KEY_REGISTERED, PublicKey, Receipt};

/// The agency's own: told to no vendor, whatever it is about.
const DELIBERATION: [&str; 6] = [
    "application.reviewed",
    "application.sent_back",
    "observation.recorded",
    "audit.completed",
    "audit.corrected",
    "engagement.named",
];
/// The agency's own where the audit is unannounced: its plan says when the next one of the series comes, also once it is
/// done.
const OF_A_PLAN: [&str; 2] = ["audit.planned", "audit.cancelled"];
/// What concerns the contract as a whole, and so its prime.
const OF_THE_WHOLE: [&str; 8] = [
    "contract.registered",
    "contract.amended",
    "contract.amendment_withdrawn",
    "contract.terms_corrected",
    "contract.terminated",
    "audit.planned",
    "audit.cancelled",
    "audit.findings_confirmed",
];
/// Of an alert a vendor reads what the rule found; how the agency deals with it is the agency's own.
const FOUND: [&str; 2] = ["alert.opened", "alert.updated"];

/// An entry. Of another's entry a vendor sees the place and the hashes only.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EntryView {
    pub entry: EntryId,
    /// The contract, or the organization for what belongs to none.
    pub chain: SubjectId,
    /// From 1 within the chain, without gaps.
    pub seq: i64,
    pub at: DateTime<Utc>,
    /// Null: the program itself, or not to be seen.
    pub actor: Option<UserId>,
    pub actor_organization: Option<OrganizationId>,
    pub action: Option<String>,
    pub subject: Option<SubjectId>,
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
    pub prev_hash: String,
    pub hash: String,
}

/// 受付票: a signed statement that an entry stands in the ledger.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReceiptView {
    pub entry: EntryId,
    pub chain_id: SubjectId,
    pub seq: i64,
    pub hash: String,
    /// base64url of an Ed25519 signature; `docs/ledger-format.md` says of what.
    pub signature: String,
    /// Which published key checks it.
    pub key_id: String,
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        let Receipt { entry, chain_id, seq, hash, signature, key_id } = receipt;
        Self { entry, chain_id, seq, hash, signature, key_id }
    }
}

/// A contract's or organization's id: its whole chain in order. Any other: the entries that name it, by time.
pub fn list(app: &App, call: &Call, subject: SubjectId, page: &Page) -> Result<Paged<EntryView>, Failure> {
    app.db.read(|conn| {
        if db::ledger::can_read_chain(conn, call.scope(), subject)? {
            chain(conn, call.scope(), subject, page)
        } else {
            naming(conn, call.scope(), subject, page)
        }
    })
}

fn chain(conn: &mut Conn, scope: Scope, id: SubjectId, page: &Page) -> Result<Paged<EntryView>, Failure> {
    let after = match &page.after {
        None => 0,
        Some(seq) => seq.parse().map_err(|_| unknown_cursor())?,
    };
    let entries = db::ledger::of_chain(conn, id, after, page.rows())?;
    placed(conn, scope, page, entries)
}

/// A contract's or organization's whole chain, the last entry first.
pub fn newest(app: &App, call: &Call, chain: SubjectId, page: &Page) -> Result<Paged<EntryView>, Failure> {
    let before = page.after.as_ref().map(|seq| seq.parse().map_err(|_| unknown_cursor())).transpose()?;
    app.db.read(|conn| {
        if !db::ledger::can_read_chain(conn, call.scope(), chain)? {
            return Err(Failure::NotFound);
        }
        let entries = db::ledger::of_chain_backwards(conn, chain, before, page.rows())?;
        placed(conn, call.scope(), page, entries)
    })
}

/// The organization whose whole chain the caller may read: its own; an overseer any.
pub fn organization(app: &App, call: &Call, id: OrganizationId) -> Result<ActorOrganization, Failure> {
    app.db.read(|conn| {
        if !db::ledger::can_read_chain(conn, call.scope(), id.cast())? {
            return Err(Failure::NotFound);
        }
        let row = db::organization::find(conn, id)?;
        Ok(ActorOrganization { id: row.id, kind: row.kind, name: row.name })
    })
}

/// A page of a chain; the caller goes on from the place of its last entry.
fn placed(
    conn: &mut Conn,
    scope: Scope,
    page: &Page,
    entries: Vec<Entry>,
) -> Result<Paged<EntryView>, Failure> {
    let readable = readable(conn, scope, &entries)?;
    Ok(Paged::cut(
        page,
        entries,
        |entry| entry.seq.to_string(),
        |entry| {
            let whole = readable.contains(&entry.id);
            view(entry, whole)
        },
    ))
}

fn naming(
    conn: &mut Conn,
    scope: Scope,
    subject: SubjectId,
    page: &Page,
) -> Result<Paged<EntryView>, Failure> {
    let mut after = page.after.as_deref().map(read_place).transpose()?;
    let first = after.is_none();
    let mut found: Vec<Entry> = Vec::new();
    let wanted = usize::try_from(page.rows()).unwrap_or(0);
    // A vendor's entries are sifted after loading: another's branch must not even be counted.
    loop {
        let batch = db::ledger::naming(conn, scope, subject, after, page.rows())?;
        let more = batch.len() >= wanted;
        after = batch.last().map(|entry| (entry.at, entry.id));
        let readable = readable(conn, scope, &batch)?;
        found.extend(batch.into_iter().filter(|entry| readable.contains(&entry.id)));
        if !more || found.len() >= wanted {
            break;
        }
    }
    if first && found.is_empty() {
        return Err(Failure::NotFound);
    }
    found.truncate(wanted);
    let key = |entry: &Entry| format!("{} {}", instant_text(entry.at), entry.id);
    Ok(Paged::cut(page, found, key, |entry| view(entry, true)))
}

fn read_place(key: &str) -> Result<(Instant, EntryId), Failure> {
    let (at, id) = key.split_once(' ').ok_or_else(unknown_cursor)?;
    Ok((parse_instant(at).ok_or_else(unknown_cursor)?, id.parse().map_err(|_| unknown_cursor())?))
}

fn view(entry: Entry, whole: bool) -> EntryView {
    let payload = if whole { serde_json::from_str(&entry.payload).ok() } else { None };
    EntryView {
        entry: entry.id,
        chain: entry.chain_id,
        seq: entry.seq,
        at: entry.at,
        actor: entry.actor_id.filter(|_| whole),
        actor_organization: entry.actor_organization_id.filter(|_| whole),
        action: whole.then_some(entry.action),
        subject: whole.then_some(entry.subject_id),
        payload,
        prev_hash: entry.prev_hash,
        hash: entry.hash,
    }
}

/// Which of the entries the scope reads in full.
fn readable(conn: &mut Conn, scope: Scope, entries: &[Entry]) -> Result<HashSet<EntryId>, DbError> {
    let Scope::Vendor(me) = scope else { return Ok(entries.iter().map(|entry| entry.id).collect()) };
    let contracts: HashSet<ContractId> = entries
        .iter()
        .filter(|entry| entry.chain_id != me.cast())
        .map(|entry| entry.chain_id.cast())
        .collect();
    let contracts: Vec<ContractId> = contracts.into_iter().collect();
    let places = db::ledger::places(conn, &contracts)?;
    let branches: HashMap<ContractId, Branch> =
        contracts.iter().map(|contract| (*contract, Branch::of(me, *contract, &places))).collect();
    let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
    let names = db::ledger::names_of(conn, &ids)?;
    let told = told(conn, scope, entries)?;
    let nothing = HashSet::new();
    let may_read = |entry: &&Entry| {
        if entry.chain_id == me.cast() || entry.actor_organization_id == Some(me) {
            return true;
        }
        if entry.action.starts_with("alert.") {
            return FOUND.contains(&entry.action.as_str()) && told.contains(&entry.subject_id.cast());
        }
        if OF_A_PLAN.contains(&entry.action.as_str()) && is_unannounced(entry) {
            return false;
        }
        let Some(branch) = branches.get(&entry.chain_id.cast()) else { return false };
        branch.may_read(&entry.action, names.get(&entry.id).unwrap_or(&nothing))
    };
    Ok(entries.iter().filter(may_read).map(|entry| entry.id).collect())
}

/// Whether the entry of a plan says that the audit is unannounced; one that can't be read is nobody's.
fn is_unannounced(entry: &Entry) -> bool {
    let payload: Option<Value> = serde_json::from_str(&entry.payload).ok();
    payload.is_none_or(|payload| payload.get("unannounced").and_then(Value::as_bool) != Some(false))
}

/// The alerts among the entries' subjects that the scope finds among its own.
fn told(conn: &mut Conn, scope: Scope, entries: &[Entry]) -> Result<HashSet<AlertId>, DbError> {
    let about = entries.iter().filter(|entry| FOUND.contains(&entry.action.as_str()));
    let ids: Vec<AlertId> = about.map(|entry| entry.subject_id.cast()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    Ok(db::alert::find_all(conn, scope, &ids)?.into_iter().map(|row| row.id).collect())
}

/// A vendor's part of one contract's chain.
struct Branch {
    /// Its own places and all below them.
    own: HashSet<SubjectId>,
    /// Places that are neither its own nor above them.
    foreign: HashSet<SubjectId>,
    is_prime: bool,
}

impl Branch {
    fn of(me: OrganizationId, contract: ContractId, places: &[Place]) -> Self {
        let places: Vec<&Place> = places.iter().filter(|place| place.contract_id == contract).collect();
        let parents: HashMap<EngagementId, Option<EngagementId>> =
            places.iter().map(|place| (place.id, place.parent_id)).collect();
        let mine: HashSet<EngagementId> =
            places.iter().filter(|place| place.vendor_id == me).map(|place| place.id).collect();
        let upwards = |from: EngagementId| {
            std::iter::successors(Some(from), |id| parents.get(id).copied().flatten()).take(places.len())
        };
        let above: HashSet<EngagementId> = mine.iter().flat_map(|id| upwards(*id)).collect();
        let is_own = |place: &Place| upwards(place.id).any(|id| mine.contains(&id));
        let own: HashSet<SubjectId> = places.iter().filter(|p| is_own(p)).map(|p| p.id.cast()).collect();
        let foreign =
            places.iter().filter(|p| !is_own(p) && !above.contains(&p.id)).map(|p| p.id.cast()).collect();
        let is_prime = places.iter().any(|place| place.parent_id.is_none() && mine.contains(&place.id));
        Self { own, foreign, is_prime }
    }

    fn may_read(&self, action: &str, names: &HashSet<SubjectId>) -> bool {
        if DELIBERATION.contains(&action) || !self.foreign.is_disjoint(names) {
            return false;
        }
        !self.own.is_disjoint(names) || (self.is_prime && OF_THE_WHOLE.contains(&action))
    }
}

/// What the ids in entries of one chain are called: organizations, places on the chain by their vendor, people of the
/// caller's own organization (an overseer knows everyone's), alerts by their rule and whom they are about. Of entries that the caller does not read in full nothing
/// is looked up.
pub fn names(app: &App, call: &Call, entries: &[EntryView]) -> Result<HashMap<SubjectId, String>, Failure> {
    let mut ids: HashSet<SubjectId> = HashSet::new();
    for entry in entries {
        ids.extend(entry.subject);
        ids.extend(entry.actor.map(UserId::cast::<of::Subject>));
        ids.extend(entry.actor_organization.map(OrganizationId::cast::<of::Subject>));
        collect_ids(entry.payload.as_ref(), &mut ids);
    }
    let chains: HashSet<ContractId> = entries.iter().map(|entry| entry.chain.cast()).collect();
    let chains: Vec<ContractId> = chains.into_iter().collect();
    let within = (!call.actor.is(Role::Overseer)).then_some(call.actor.organization.id);
    let of_alert = |entry: &&EntryView| entry.action.as_deref().is_some_and(|it| it.starts_with("alert."));
    let alerts = entries.iter().filter(of_alert).filter_map(|entry| entry.subject);
    let alerts: HashSet<AlertId> = alerts.map(SubjectId::cast).collect();
    let alerts: Vec<AlertId> = alerts.into_iter().collect();
    Ok(app.db.read_one::<_, DbError>(|conn| {
        let people: Vec<UserId> = ids.iter().map(|id| id.cast()).collect();
        let people = db::user::names_within(conn, within, &people)?;
        let alerts = db::alert::find_all(conn, call.scope(), &alerts)?;
        let of_alerts: HashSet<EngagementId> =
            alerts.iter().filter_map(|alert| alert.engagement_id).collect();
        let is_named = |place: &&Place| ids.contains(&place.id.cast()) || of_alerts.contains(&place.id);
        let places: Vec<Place> = db::ledger::places(conn, &chains)?;
        let places: Vec<&Place> = places.iter().filter(is_named).collect();
        let organizations = ids.iter().map(|id| id.cast()).chain(places.iter().map(|place| place.vendor_id));
        let organizations = organizations.chain(alerts.iter().filter_map(|alert| alert.vendor_id));
        let organizations: Vec<OrganizationId> = organizations.collect();
        let organizations = db::organization::names(conn, &organizations)?;
        let of_vendor =
            |place: &&Place| Some((place.id.cast(), organizations.get(&place.vendor_id)?.clone()));
        let places: HashMap<SubjectId, String> = places.iter().filter_map(of_vendor).collect();
        let alerts: Vec<(SubjectId, String)> = alerts
            .iter()
            .filter_map(|alert| {
                let rule = alert.kind.rule()?.name;
                let place = alert.engagement_id.and_then(|id| places.get(&id.cast()));
                let about = place.or_else(|| organizations.get(&alert.vendor_id?));
                Some((
                    alert.id.cast(),
                    about.map_or_else(|| rule.to_owned(), |name| format!("{rule}（{name}）")),
                ))
            })
            .collect();
        let people = people.into_iter().map(|(id, name)| (id.cast(), name));
        let named = organizations.into_iter().map(|(id, name)| (id.cast(), name));
        Ok(people.chain(named).chain(places).chain(alerts).collect())
    })?)
}

/// Every id that stands in a payload.
fn collect_ids(payload: Option<&Value>, ids: &mut HashSet<SubjectId>) {
    match payload {
        Some(Value::String(text)) => ids.extend(text.parse::<SubjectId>().ok()),
        Some(Value::Array(values)) => values.iter().for_each(|value| collect_ids(Some(value), ids)),
        Some(Value::Object(map)) => map.values().for_each(|value| collect_ids(Some(value), ids)),
        _ => {}
    }
}

/// The receipt for an entry that the caller reads in full.
pub fn receipt(app: &App, call: &Call, id: EntryId) -> Result<ReceiptView, Failure> {
    let entry = app.db.read(|conn| {
        let entry = db::ledger::entry(conn, id)?;
        let one = std::slice::from_ref(&entry);
        let seen = db::ledger::can_read_chain(conn, call.scope(), entry.chain_id)?
            && readable(conn, call.scope(), one)?.contains(&id);
        if seen { Ok(entry) } else { Err(Failure::NotFound) }
    })?;
    Ok(app.signing_key.receipt(&entry).into())
}

/// Publishes the key that signs receipts, once.
pub fn publish_key(app: &App) -> Result<(), Failure> {
    let registration = app.signing_key.registration();
    let system = super::organization::ensure_system(app)?;
    app.db.write_tx(&app.sources, None, db::ChainKey::Existing(system.cast()), |tx| {
        let public = app.signing_key.public();
        let known = db::ledger::payloads(tx.conn, Some(system.cast()), KEY_REGISTERED)?;
        if !known.iter().any(|payload| PublicKey::from_payload(payload).is_ok_and(|key| key == public)) {
            tx.record(KEY_REGISTERED, system, &registration)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn id<T>(n: u128) -> Id<T> {
        Id::from_uuid(uuid::Uuid::from_u128(n))
    }

    /// 1 ← 2 ← 4, 1 ← 3; the vendor of place n is n + 10.
    fn branch(me: u128) -> Branch {
        let place = |n: u128, parent: Option<u128>| Place {
            contract_id: id(99),
            id: id(n),
            parent_id: parent.map(id),
            vendor_id: id(n + 10),
        };
        let elsewhere = Place { contract_id: id(98), ..place(5, None) };
        Branch::of(
            id(me),
            id(99),
            &[place(1, None), place(2, Some(1)), place(3, Some(1)), place(4, Some(2)), elsewhere],
        )
    }

    fn names(of: &[u128]) -> HashSet<SubjectId> {
        of.iter().map(|n| id(*n)).collect()
    }

    #[test]
    fn a_branch_is_ones_own_places_and_those_below() {
        let middle = branch(12);
        assert!(middle.may_read("application.filed", &names(&[2, 1])), "the parent applied for it");
        assert!(middle.may_read("application.filed", &names(&[4, 2])));
        assert!(!middle.may_read("application.filed", &names(&[3, 1])), "a sibling");
        assert!(!middle.may_read("declaration.filed", &names(&[2, 3])), "one entry about both");
        assert!(!middle.may_read("contract.amended", &names(&[])));
        assert!(!middle.may_read("consent.revoked", &names(&[1])), "its parent alone");
    }

    #[test]
    fn the_prime_reads_what_concerns_the_whole_but_no_deliberation() {
        let prime = branch(11);
        assert!(prime.may_read("contract.amended", &names(&[])));
        assert!(prime.may_read("consent.revoked", &names(&[4])));
        assert!(!prime.may_read("application.reviewed", &names(&[2])));
        assert!(!prime.may_read("contract.handed_over", &names(&[])));
    }
}
