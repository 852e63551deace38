//! Identifiers: UUIDv7 in their usual 36 characters, a type of its own for each aggregate.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

/// An identifier of a `T`: 36 ASCII characters, `Copy`, ordered by time of creation to the millisecond.
pub struct Id<T> {
    text: [u8; 36],
    of: PhantomData<fn() -> T>,
}

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct NotAnId;

impl<T> Id<T> {
    /// Takes the id of a UUID made elsewhere (ids come from `clock::Entropy`).
    pub fn from_uuid(uuid: uuid::Uuid) -> Self {
        let mut text = [0u8; 36];
        uuid.hyphenated().encode_lower(&mut text);
        Self { text, of: PhantomData }
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The same identifier, read as one of another aggregate: for tables that speak of "a subject".
    pub fn cast<U>(self) -> Id<U> {
        Id { text: self.text, of: PhantomData }
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl<T> FromStr for Id<T> {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != 36 {
            return Err(NotAnId);
        }
        uuid::Uuid::try_parse(text).map(Self::from_uuid).map_err(|_| NotAnId)
    }
}
impl<T> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de, T> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! aggregates {
    ($($(#[$meta:meta])* $marker:ident, $alias:ident;)+) => {
        /// What an identifier can identify. The types have no values; they keep ids apart.
        pub mod of { $($(#[$meta])* #[derive(Debug)] pub enum $marker {})+ }
        $(#[doc = concat!("Identifier of a `", stringify!($marker), "`.")] pub type $alias = Id<of::$marker>;)+
    };
}

aggregates! {
    /// 機関 or 事業者.
    Organization, OrganizationId;
    /// A person's account.
    User, UserId;
    /// A change of an account that waits for a second administrator.
    Change, ChangeId;
    /// A login, from password to logout.
    Session, SessionId;
    /// A passkey of a person.
    Passkey, PasskeyId;
    /// 契約.
    Contract, ContractId;
    /// A vendor's place on one contract's chain.
    Engagement, EngagementId;
    /// 再委託承認申請.
    Application, ApplicationId;
    /// 承認 or 既承認.
    Consent, ConsentId;
    /// 再委託状況報告.
    Declaration, DeclarationId;
    /// 確認事項.
    Observation, ObservationId;
    /// 検査・点検.
    Audit, AuditId;
    /// 指摘.
    Finding, FindingId;
    /// アラート.
    Alert, AlertId;
    /// One look at a contract, as the access log has it.
    Look, LookId;
    /// A mail to one recipient.
    Notice, NoticeId;
    /// A file of contracts that was taken in.
    Import, ImportId;
    /// A file sent for import.
    Upload, UploadId;
    /// A file of 既承認 drafted for an approver.
    ConsentDraft, ConsentDraftId;
    /// A run of the daily backup.
    BackupRun, BackupRunId;
    /// An entry of the ledger.
    Entry, EntryId;
    /// Anything an entry, an alert or a due day may be about.
    Subject, SubjectId;
}
