//! `Idempotency-Key`: the key, the act and its answer are one commit, so that a repeated request acts once even
//! when the first answer was lost with its server.

use chrono::Duration;
use serde::{Serialize, de::DeserializeOwned};

use super::Failure;
use crate::db::{self, Tx};
use crate::domain::access::Actor;

/// How long an answer is kept, by the machine's clock.
pub const KEPT: Duration = Duration::hours(24);

/// The key of a request: per user and route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Method and path.
    pub route: String,
    /// As given by the client, 1 to 255 characters.
    pub key: String,
    /// SHA-256 of the body, hexadecimal.
    pub body_hash: String,
}

/// The kept answer of the same request, or None: the key is now this transaction's.
pub fn claim<T: DeserializeOwned>(tx: &mut Tx<'_>, actor: &Actor, key: &Key) -> Result<Option<T>, Failure> {
    let now = tx.sources.clock.machine_now();
    let kept = db::idempotency::find(tx.conn, actor.user_id, &key.route, &key.key, now - KEPT)?;
    let Some((body_hash, answer)) = kept else {
        db::idempotency::insert(tx.conn, actor, &key.route, &key.key, &key.body_hash, now)?;
        return Ok(None);
    };
    if body_hash != key.body_hash {
        return Err(Failure::field(
            "/Idempotency-Key",
            "reused",
            "この Idempotency-Key は、別の内容の要求ですでに使われています。",
        ));
    }
    serde_json::from_str(&answer).map(Some).map_err(|e| Failure::Internal(e.to_string()))
}

/// Keeps the answer.
pub fn keep<T: Serialize>(tx: &mut Tx<'_>, actor: &Actor, key: &Key, answer: &T) -> Result<(), Failure> {
    let answer = serde_json::to_string(answer).map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(db::idempotency::keep(tx.conn, actor.user_id, &key.route, &key.key, &answer)?)
}
