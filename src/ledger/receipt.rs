//! 受付票: a signed statement that an entry stands in the ledger. Ed25519; the public keys are published as
//! ledger entries, so that a receipt is checked with the database alone.

use base64::{Engine as _, engine::general_purpose};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{LedgerError, entry::Entry};
use crate::domain::id::{EntryId, SubjectId};

/// `action` of the entry that publishes a public key.
pub const KEY_REGISTERED: &str = "signing_key.registered";

/// What the receiver keeps. As JSON an object of these members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub entry: EntryId,
    pub chain_id: SubjectId,
    pub seq: i64,
    /// The entry's hash.
    pub hash: String,
    /// base64url without padding of the 64 bytes of an Ed25519 signature over [`signed_text`]'s.
    pub signature: String,
    /// Which public key checks it, see [`PublicKey::id`].
    pub key_id: String,
}

/// Payload of an entry with action [`KEY_REGISTERED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRegistration {
    pub key_id: String,
    /// base64url without padding of the 32 bytes.
    pub public_key: String,
}

/// The bytes that are signed: six lines, each ended by a line feed.
pub fn signed_text(entry: EntryId, chain_id: SubjectId, seq: i64, hash: &str, key_id: &str) -> String {
    format!("itaku-receipt-1\n{entry}\n{chain_id}\n{seq}\n{hash}\n{key_id}\n")
}

/// The secret half. Its `Debug` shows the public key's id only.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

impl SigningKey {
    /// From a setting: 32 bytes as 64 hexadecimal digits or as base64 (either alphabet, padded or not).
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let text = text.trim();
        let bytes = if text.len() == 64 { hex::decode(text).ok() } else { decode_base64(text) };
        let bytes: [u8; 32] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(LedgerError::SigningKey)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// From 32 random bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(bytes))
    }

    /// The half that is published.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// What is entered in the ledger before the first receipt is signed with this key.
    pub fn registration(&self) -> KeyRegistration {
        let public = self.public();
        KeyRegistration {
            key_id: public.id(),
            public_key: general_purpose::URL_SAFE_NO_PAD.encode(public.0.as_bytes()),
        }
    }

    /// A receipt for an entry.
    pub fn receipt(&self, entry: &Entry) -> Receipt {
        let key_id = self.public().id();
        let text = signed_text(entry.id, entry.chain_id, entry.seq, &entry.hash, &key_id);
        let signature = self.0.sign(text.as_bytes());
        Receipt {
            entry: entry.id,
            chain_id: entry.chain_id,
            seq: entry.seq,
            hash: entry.hash.clone(),
            signature: general_purpose::URL_SAFE_NO_PAD.encode(signature.to_bytes()),
            key_id,
        }
    }
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    general_purpose::URL_SAFE_NO_PAD.decode(text).ok()
}

/// A published key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From the payload of an entry with action [`KEY_REGISTERED`].
    pub fn from_payload(payload: &str) -> Result<Self, LedgerError> {
        let registration: KeyRegistration =
            serde_json::from_str(payload).map_err(|_| LedgerError::PublicKey)?;
        let bytes: [u8; 32] = decode_base64(&registration.public_key)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(LedgerError::PublicKey)?;
        let key = Self(VerifyingKey::from_bytes(&bytes).map_err(|_| LedgerError::PublicKey)?);
        if key.id() == registration.key_id { Ok(key) } else { Err(LedgerError::PublicKey) }
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the key's 32 bytes.
    pub fn id(&self) -> String {
        let mut id = hex::encode(Sha256::digest(self.0.as_bytes()));
        id.truncate(16);
        id
    }
}

/// Why a receipt does not hold, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    #[error("受付票は別の鍵で署名されています")]
    OtherKey,
    #[error("受付票の署名の形式が正しくありません")]
    MalformedSignature,
    #[error("受付票の署名が内容と一致しません（受付票が改変されたか、偽造されたものです）")]
    BadSignature,
    #[error("照合した記録は、受付票が示す記録ではありません")]
    OtherEntry,
    #[error("記録の位置（台帳・順番）が受付票と異なります")]
    Moved,
    #[error("台帳の記録が、受付票の発行後に書き換えられています")]
    Rewritten,
    #[error("台帳の記録の内容が、その記録のハッシュと一致しません")]
    EntryAltered,
}

/// Checks a receipt against the entry that the ledger holds under its id. The signature comes first: an altered
/// receipt must not accuse the ledger.
pub fn check(receipt: &Receipt, entry: &Entry, key: &PublicKey) -> Result<(), ReceiptFault> {
    if receipt.key_id != key.id() {
        return Err(ReceiptFault::OtherKey);
    }
    let signature: Signature = general_purpose::URL_SAFE_NO_PAD
        .decode(&receipt.signature)
        .ok()
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or(ReceiptFault::MalformedSignature)?;
    let text = signed_text(receipt.entry, receipt.chain_id, receipt.seq, &receipt.hash, &receipt.key_id);
    key.0.verify_strict(text.as_bytes(), &signature).map_err(|_| ReceiptFault::BadSignature)?;
    if entry.id != receipt.entry {
        return Err(ReceiptFault::OtherEntry);
    }
    if entry.chain_id != receipt.chain_id || entry.seq != receipt.seq {
        return Err(ReceiptFault::Moved);
    }
    if entry.hash != receipt.hash {
        return Err(ReceiptFault::Rewritten);
    }
    if entry.computed_hash(&mut String::new()) != entry.hash {
        return Err(ReceiptFault::EntryAltered);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{
        NO_HASH, Payload, seal,
        tests::{draft, id},
    };

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    #[test]
    fn a_receipt_survives_json_and_holds() {
        let entry = seal(draft(), NO_HASH);
        let text = serde_json::to_string(&key().receipt(&entry)).unwrap();
        let receipt: Receipt = serde_json::from_str(&text).unwrap();
        let public = PublicKey::from_payload(Payload::new(&key().registration()).unwrap().as_str()).unwrap();
        assert_eq!(check(&receipt, &entry, &public), Ok(()));
    }

    #[test]
    fn every_fault_has_its_name() {
        let entry = seal(draft(), NO_HASH);
        let good = key().receipt(&entry);
        let fault = |change: &dyn Fn(&mut Receipt, &mut Entry)| {
            let (mut receipt, mut entry) = (good.clone(), entry.clone());
            change(&mut receipt, &mut entry);
            check(&receipt, &entry, &key().public()).unwrap_err()
        };
        assert_eq!(fault(&|r, _| r.key_id = "0".repeat(16)), ReceiptFault::OtherKey);
        assert_eq!(fault(&|r, _| r.signature.truncate(80)), ReceiptFault::MalformedSignature);
        assert_eq!(fault(&|r, _| r.seq += 1), ReceiptFault::BadSignature);
        assert_eq!(fault(&|r, _| r.entry = id(1)), ReceiptFault::BadSignature);
        assert_eq!(fault(&|r, _| r.chain_id = id(1)), ReceiptFault::BadSignature);
        assert_eq!(fault(&|r, _| r.hash = NO_HASH.into()), ReceiptFault::BadSignature);
        assert_eq!(fault(&|_, e| e.id = id(1)), ReceiptFault::OtherEntry);
        assert_eq!(fault(&|_, e| e.seq = 2), ReceiptFault::Moved);
        assert_eq!(fault(&|_, e| e.chain_id = id(1)), ReceiptFault::Moved);
        assert_eq!(fault(&|_, e| e.action.push('!')), ReceiptFault::EntryAltered);
        let rewritten = |_: &mut Receipt, e: &mut Entry| {
            e.action.push('!');
            e.hash = e.computed_hash(&mut String::new());
        };
        assert_eq!(fault(&rewritten), ReceiptFault::Rewritten);
        let other = SigningKey::from_bytes(&[8; 32]);
        let forged = Receipt { key_id: good.key_id.clone(), ..other.receipt(&entry) };
        assert_eq!(check(&forged, &entry, &key().public()), Err(ReceiptFault::BadSignature));
    }

    #[test]
    fn keys_are_read_in_every_usual_form() {
        let bytes: [u8; 32] = std::array::from_fn(|i| 0xff - u8::try_from(i).unwrap());
        let expected = SigningKey::from_bytes(&bytes).public();
        for text in [
            hex::encode(bytes),
            hex::encode_upper(bytes) + "\n",
            general_purpose::STANDARD.encode(bytes),
            general_purpose::STANDARD_NO_PAD.encode(bytes),
            general_purpose::URL_SAFE.encode(bytes),
            general_purpose::URL_SAFE_NO_PAD.encode(bytes),
        ] {
            assert_eq!(SigningKey::parse(&text).unwrap().public(), expected, "{text}");
        }
        for text in
            ["", "secret", &"0".repeat(62), &"g".repeat(64), &general_purpose::STANDARD.encode([1; 31])]
        {
            assert!(matches!(SigningKey::parse(text), Err(LedgerError::SigningKey)), "{text}");
        }
        assert!(!format!("{:?}", key()).contains("07"));
    }

    #[test]
    fn a_public_key_under_another_id_is_refused() {
        let registration = KeyRegistration { key_id: "0".repeat(16), ..key().registration() };
        assert!(PublicKey::from_payload(&serde_json::to_string(&registration).unwrap()).is_err());
        assert!(PublicKey::from_payload("{}").is_err());
    }
}
