//! Entries: what they hold, how they are sealed into a chain, and which subjects they name.

use std::collections::BTreeSet;

use chrono::{DurationRound as _, NaiveDate, SecondsFormat, TimeDelta};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    LedgerError,
    canonical::{canonical, push_integer, push_string},
};
use crate::domain::{
    contract::Instant,
    id::{EntryId, OrganizationId, SubjectId, UserId},
};

/// The version of the format, hashed with every entry.
pub const FORMAT: &str = "itaku-ledger-1";
/// `prev_hash` of the first entry of a chain.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One entry, as stored: never updated, never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    /// The contract, or the organization for what belongs to none.
    pub chain_id: SubjectId,
    /// The tenant: the contract's agency, or the organization itself. The same throughout a chain.
    pub organization_id: OrganizationId,
    /// From 1 within the chain, without gaps.
    pub seq: i64,
    /// Whole microseconds, later than the entry before.
    pub at: Instant,
    /// `None`: the system.
    pub actor_id: Option<UserId>,
    pub actor_organization_id: Option<OrganizationId>,
    /// What was done, such as `contract.registered`.
    pub action: String,
    pub subject_id: SubjectId,
    /// Canonical JSON.
    pub payload: String,
    /// `hash` of the entry before, [`NO_HASH`] for the first.
    pub prev_hash: String,
    /// Lower-case hexadecimal SHA-256, see [`Entry::computed_hash`].
    pub hash: String,
}

/// A person's words as a payload keeps them: lower-case hexadecimal SHA-256 over the salt, a zero byte and the text.
/// The salt stands outside the ledger, so that both can be erased and the chain still verifies.
pub fn salted(salt: &str, text: &str) -> String {
    hex::encode(Sha256::digest(format!("{salt}\0{text}")))
}

/// The hash of a salt by itself: tells a salt that was changed, and of an erased one nothing.
pub fn salt_hash(salt: &str) -> String {
    salted(salt, "")
}

/// What an entry says, in canonical form by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(String);

impl Payload {
    /// Takes anything that serializes without floating-point numbers.
    pub fn new(value: &impl Serialize) -> Result<Self, LedgerError> {
        Ok(Self(canonical(&serde_json::to_value(value)?)?))
    }

    /// As [`new`](Self::new), with the business day on which it is said as the member `on`: what happened near midnight, or
    /// was told later than it was begun, leaves no doubt about its day.
    pub fn on(value: &impl Serialize, day: NaiveDate) -> Result<Self, LedgerError> {
        let mut value = serde_json::to_value(value)?;
        if let Value::Object(members) = &mut value {
            members.insert("on".to_owned(), serde_json::to_value(day)?);
        }
        Ok(Self(canonical(&value)?))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An entry before it has its place in the chain of hashes. Fields as in [`Entry`].
#[derive(Debug, Clone)]
pub struct Draft {
    pub id: EntryId,
    pub chain_id: SubjectId,
    pub organization_id: OrganizationId,
    pub seq: i64,
    /// Cut to whole microseconds when sealed.
    pub at: Instant,
    pub actor_id: Option<UserId>,
    pub actor_organization_id: Option<OrganizationId>,
    pub action: String,
    pub subject_id: SubjectId,
    pub payload: Payload,
}

/// Puts a draft behind the entry whose hash is `prev_hash` ([`NO_HASH`] for the first of a chain).
pub fn seal(draft: Draft, prev_hash: &str) -> Entry {
    let mut entry = Entry {
        id: draft.id,
        chain_id: draft.chain_id,
        organization_id: draft.organization_id,
        seq: draft.seq,
        at: draft.at.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(draft.at),
        actor_id: draft.actor_id,
        actor_organization_id: draft.actor_organization_id,
        action: draft.action,
        subject_id: draft.subject_id,
        payload: draft.payload.0,
        prev_hash: prev_hash.to_owned(),
        hash: String::new(),
    };
    entry.hash = entry.computed_hash(&mut String::new());
    entry
}

impl Entry {
    /// The hash that the entry's other columns give: SHA-256 over the canonical JSON of all of them and the
    /// format's version. `scratch` is overwritten; reusing it saves an allocation an entry.
    pub fn computed_hash(&self, scratch: &mut String) -> String {
        scratch.clear();
        self.push_json(scratch, None);
        hex::encode(Sha256::digest(scratch.as_bytes()))
    }

    /// The entry as one line of an exported chain: canonical JSON of every column and the format's version.
    pub fn line(&self) -> String {
        let mut out = String::with_capacity(1024);
        self.push_json(&mut out, Some(&self.hash));
        out
    }

    /// Writes the members in their canonical order. The payload stands as the JSON it is, not as a text, and
    /// is canonical already.
    fn push_json(&self, out: &mut String, hash: Option<&str>) {
        out.push_str("{\"action\":");
        push_string(out, &self.action);
        push_id(out, "actor_id", self.actor_id.as_ref().map(crate::domain::id::Id::as_str));
        push_id(
            out,
            "actor_organization_id",
            self.actor_organization_id.as_ref().map(crate::domain::id::Id::as_str),
        );
        push_text(out, "at", &instant_text(self.at));
        push_text(out, "chain_id", self.chain_id.as_str());
        push_text(out, "format", FORMAT);
        if let Some(hash) = hash {
            push_text(out, "hash", hash);
        }
        push_text(out, "id", self.id.as_str());
        push_text(out, "organization_id", self.organization_id.as_str());
        out.push_str(",\"payload\":");
        out.push_str(&self.payload);
        push_text(out, "prev_hash", &self.prev_hash);
        out.push_str(",\"seq\":");
        push_integer(out, self.seq);
        push_text(out, "subject_id", self.subject_id.as_str());
        out.push('}');
    }
}

/// RFC 3339 in UTC with exactly six fractional digits.
pub fn instant_text(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn push_text(out: &mut String, name: &str, text: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    push_string(out, text);
}

fn push_id(out: &mut String, name: &str, id: Option<&str>) {
    if let Some(id) = id {
        push_text(out, name, id);
    } else {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":null");
    }
}

/// Every identifier an entry names: its subject, and each text in its payload that is exactly an identifier
/// (36 characters, lower case). Kept in a table of its own for look-up, and recomputed by `verify`.
pub fn names(payload: &Value, subject: SubjectId) -> BTreeSet<SubjectId> {
    let mut found = BTreeSet::from([subject]);
    collect(payload, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<SubjectId>) {
    match value {
        Value::String(text) if text.len() == 36 => {
            found.extend(text.parse::<SubjectId>().ok().filter(|id| id.as_str() == text));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        _ => {}
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// An identifier that says in its digits that it is one of a test's.
    pub fn id<T>(n: u128) -> crate::domain::id::Id<T> {
        crate::domain::id::Id::from_uuid(uuid::Uuid::from_u128(
            0x0190_0000_0000_7000_8000_0000_0000_0000 | (n & 0x0fff_ffff_ffff),
        ))
    }

    pub fn draft() -> Draft {
        Draft {
            id: id(0x11),
            chain_id: id(0xc1),
            organization_id: id(0xa1),
            seq: 1,
            at: "2026-04-01T00:00:00.123456789Z".parse().unwrap(),
            actor_id: Some(id(0x51)),
            actor_organization_id: None,
            action: "contract.registered".into(),
            subject_id: id(0xc1),
            payload: Payload::new(&json!({"number": "試行-1", "vendor_id": id::<()>(0xb1)})).unwrap(),
        }
    }

    /// Written by hand from the format's description, with the general canonical form.
    fn expected_value(entry: &Entry) -> Value {
        json!({
            "format": "itaku-ledger-1",
            "id": entry.id, "chain_id": entry.chain_id, "organization_id": entry.organization_id,
            "seq": entry.seq, "at": "2026-04-01T00:00:00.123456Z", "actor_id": entry.actor_id,
            "actor_organization_id": entry.actor_organization_id, "action": entry.action,
            "subject_id": entry.subject_id,
            "payload": serde_json::from_str::<Value>(&entry.payload).unwrap(),
            "prev_hash": entry.prev_hash,
        })
    }

    #[test]
    fn the_hash_covers_the_canonical_object_of_all_other_columns() {
        let entry = seal(Draft { action: "a \"quoted\"\naction".into(), ..draft() }, NO_HASH);
        let mut value = expected_value(&entry);
        assert_eq!(entry.hash, hex::encode(Sha256::digest(canonical(&value).unwrap().as_bytes())));
        value["hash"] = json!(entry.hash);
        assert_eq!(entry.line(), canonical(&value).unwrap());
    }

    #[test]
    fn sealing_cuts_to_microseconds() {
        assert_eq!(instant_text(seal(draft(), NO_HASH).at), "2026-04-01T00:00:00.123456Z");
        assert_eq!(instant_text("2026-04-01T00:00:00Z".parse().unwrap()), "2026-04-01T00:00:00.000000Z");
    }

    #[test]
    fn names_are_the_subject_and_every_identifier_in_the_payload() {
        let payload = json!({
            "a": id::<()>(1), "b": [{"c": id::<()>(2)}, id::<()>(2)], "d": format!("{} ", id::<()>(3)),
            "e": id::<()>(0xabc).as_str().to_uppercase(), "019000000000700080000000000000ff": 1,
            "f": "0190000000007000800000000000000f", "g": "{90000000-0000-7000-8000-00000000000}"
        });
        assert_eq!(names(&payload, id(9)), BTreeSet::from([id(1), id(2), id(9)]));
    }

    #[test]
    fn payloads_with_fractions_are_refused() {
        assert!(matches!(Payload::new(&json!({"ratio": 0.5})), Err(LedgerError::Number(_))));
    }
}
