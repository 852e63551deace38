//! The ledger: entries in hash chains, their canonical form, their verification, the facts rebuilt from them, and the
//! signed receipts given for them. Free of SQL; `docs/ledger-format.md` describes the format for other programs.

pub mod canonical;
pub mod entry;
#[cfg(test)]
mod format_doc;
pub mod rebuild;
pub mod receipt;
pub mod verify;

/// What the ledger refuses.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The canonical form has integers of at most 53 bits only, so that every JSON reader agrees on them.
    #[error("a payload may hold integers between -(2^53 - 1) and 2^53 - 1 only, not {0}")]
    Number(String),
    /// Deeper than [`canonical::MAX_DEPTH`].
    #[error("a payload is nested too deeply")]
    TooDeep,
    /// The value cannot be written as JSON.
    #[error("a payload cannot be written as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// Not 32 bytes in hexadecimal or base64. The text itself is never repeated.
    #[error("a signing key is 32 bytes in hexadecimal or base64")]
    SigningKey,
    /// Not a public key as [`receipt::SigningKey::registration`] publishes it.
    #[error("not a published Ed25519 public key")]
    PublicKey,
}
