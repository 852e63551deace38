//! Keys of requests that must act once, with the answer kept.

use diesel::prelude::*;

use super::schema::idempotency_keys::dsl;
use super::{Conn, DbError};
use crate::domain::access::Actor;
use crate::domain::contract::Instant;
use crate::domain::id::UserId;

/// Hash of the body and answer of a key used since `since`.
pub fn look_up(
    conn: &mut Conn,
    user: UserId,
    route: &str,
    key: &str,
    since: Instant,
) -> Result<Option<(String, String)>, DbError> {
    Ok(dsl::idempotency_keys
        .find((user, route, key))
        .filter(dsl::created_at.ge(since.naive_utc()))
        .select((dsl::body_hash, dsl::answer))
        .first(conn)
        .optional()?)
}

/// As [`look_up`], for who may claim it: an older one is forgotten.
pub fn find(
    conn: &mut Conn,
    user: UserId,
    route: &str,
    key: &str,
    since: Instant,
) -> Result<Option<(String, String)>, DbError> {
    let row = dsl::idempotency_keys
        .find((user, route, key))
        .select((dsl::body_hash, dsl::answer, dsl::created_at))
        .first::<(String, String, chrono::NaiveDateTime)>(conn)
        .optional()?;
    match row {
        Some((_, _, created_at)) if created_at < since.naive_utc() => {
            diesel::delete(dsl::idempotency_keys.find((user, route, key))).execute(conn)?;
            Ok(None)
        }
        row => Ok(row.map(|(hash, answer, _)| (hash, answer))),
    }
}

/// Claims a key; a twin's claim fails as not unique once this one has committed.
pub fn insert(
    conn: &mut Conn,
    actor: &Actor,
    route: &str,
    key: &str,
    body_hash: &str,
    now: Instant,
) -> Result<(), DbError> {
    diesel::insert_into(dsl::idempotency_keys)
        .values((
            dsl::user_id.eq(actor.user_id),
            dsl::organization_id.eq(actor.organization.id),
            dsl::route.eq(route),
            dsl::key.eq(key),
            dsl::body_hash.eq(body_hash),
            dsl::answer.eq(""),
            dsl::created_at.eq(now.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps the answer of a claimed key.
pub fn keep(conn: &mut Conn, user: UserId, route: &str, key: &str, answer: &str) -> Result<(), DbError> {
    diesel::update(dsl::idempotency_keys.find((user, route, key)))
        .set(dsl::answer.eq(answer))
        .execute(conn)?;
    Ok(())
}

/// Forgets the keys made before `before`.
pub fn purge(conn: &mut Conn, before: Instant) -> Result<usize, DbError> {
    Ok(diesel::delete(dsl::idempotency_keys.filter(dsl::created_at.lt(before.naive_utc()))).execute(conn)?)
}
