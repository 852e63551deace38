//! Files sent for import, between preview and confirmation: a few a person, one for each tab.

use diesel::prelude::*;

use super::schema::uploads::dsl;
use super::{Conn, DbError};
use crate::domain::access::Actor;
use crate::domain::contract::Instant;
use crate::domain::id::{UploadId, UserId};

/// Files that wait at most, of one person.
const MOST: i64 = 5;

/// Keeps a file beside those that the person sent before; of too many the oldest is forgotten.
pub fn keep(
    conn: &mut Conn,
    id: UploadId,
    actor: &Actor,
    name: &str,
    content: &[u8],
    now: Instant,
) -> Result<(), DbError> {
    let older: Vec<UploadId> = dsl::uploads
        .filter(dsl::user_id.eq(actor.user_id))
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .offset(MOST - 1)
        .limit(1_000)
        .select(dsl::id)
        .load(conn)?;
    diesel::delete(dsl::uploads.filter(dsl::id.eq_any(older))).execute(conn)?;
    diesel::insert_into(dsl::uploads)
        .values((
            dsl::id.eq(id),
            dsl::user_id.eq(actor.user_id),
            dsl::organization_id.eq(actor.organization.id),
            dsl::name.eq(name),
            dsl::content.eq(content),
            dsl::created_at.eq(now.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Name and content of a file that the person sent since `since`.
pub fn find(
    conn: &mut Conn,
    id: UploadId,
    user: UserId,
    since: Instant,
) -> Result<(String, Vec<u8>), DbError> {
    Ok(dsl::uploads
        .filter(dsl::id.eq(id).and(dsl::user_id.eq(user)).and(dsl::created_at.ge(since.naive_utc())))
        .select((dsl::name, dsl::content))
        .first(conn)?)
}

/// Forgets a file; false: it was not there.
pub fn forget(conn: &mut Conn, id: UploadId) -> Result<bool, DbError> {
    Ok(diesel::delete(dsl::uploads.find(id)).execute(conn)? > 0)
}

/// Forgets the files sent before `before`.
pub fn purge(conn: &mut Conn, before: Instant) -> Result<usize, DbError> {
    Ok(diesel::delete(dsl::uploads.filter(dsl::created_at.lt(before.naive_utc()))).execute(conn)?)
}
