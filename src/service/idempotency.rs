//! `Idempotency-Key`: the key, the act and its answer are one commit, so that a repeated request acts once even
//! when the first answer was lost with its server.

use chrono::Duration;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{App, Call, Failure};
use crate::db::{self, DbError, Tx};
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
    /// SHA-256 of the server's secret and the body, hexadecimal: a body may hold a password.
    pub body_hash: String,
}

impl Key {
    /// Of a request to `route` with this body.
    pub fn new(secret: &str, route: String, key: String, body: &[u8]) -> Self {
        let body = Sha256::new().chain_update(secret).chain_update([0]).chain_update(body);
        Self { route, key, body_hash: hex::encode(body.finalize()) }
    }
}

/// The answer kept of the same request, for acts that a repetition must not even begin.
pub fn kept<T: DeserializeOwned>(app: &App, call: &Call) -> Result<Option<T>, Failure> {
    let Some(key) = &call.idempotency else { return Ok(None) };
    let since = app.sources.clock.machine_now() - KEPT;
    let found = app.db.read_one::<_, DbError>(|conn| {
        db::idempotency::look_up(conn, call.actor.user_id, &key.route, &key.key, since)
    })?;
    found.map(|found| same(key, found)).transpose()
}

/// Puts another answer in the place of the one kept, when an act of several transactions has come to its end.
pub fn keep_instead<T: Serialize>(app: &App, call: &Call, answer: &T) -> Result<(), Failure> {
    let Some(key) = &call.idempotency else { return Ok(()) };
    let answer = serde_json::to_string(answer).map_err(|e| Failure::Internal(e.to_string()))?;
    let user = call.actor.user_id;
    Ok(app.db.write::<_, DbError>(|conn| db::idempotency::keep(conn, user, &key.route, &key.key, &answer))?)
}

fn same<T: DeserializeOwned>(key: &Key, (body_hash, answer): (String, String)) -> Result<T, Failure> {
    if body_hash != key.body_hash {
        return Err(Failure::field(
            "/Idempotency-Key",
            "reused",
            "この Idempotency-Key は、別の内容の要求ですでに使われています。",
        ));
    }
    serde_json::from_str(&answer).map_err(|e| Failure::Internal(e.to_string()))
}

/// The kept answer of the same request, or None: the key is now this transaction's.
pub fn claim<T: DeserializeOwned>(tx: &mut Tx<'_>, actor: &Actor, key: &Key) -> Result<Option<T>, Failure> {
    let now = tx.sources.clock.machine_now();
    let kept = db::idempotency::find(tx.conn, actor.user_id, &key.route, &key.key, now - KEPT)?;
    let Some(kept) = kept else {
        db::idempotency::insert(tx.conn, actor, &key.route, &key.key, &key.body_hash, now)?;
        return Ok(None);
    };
    same(key, kept).map(Some)
}

/// Keeps the answer.
pub fn keep<T: Serialize>(tx: &mut Tx<'_>, actor: &Actor, key: &Key, answer: &T) -> Result<(), Failure> {
    let answer = serde_json::to_string(answer).map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(db::idempotency::keep(tx.conn, actor.user_id, &key.route, &key.key, &answer)?)
}
