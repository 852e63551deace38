//! Leases and days of the program's own jobs. A lease only saves work that several servers would do at once; that
//! nothing is told twice rests on the outbox's unique key.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::schema::{
    account_tokens, factor_challenges, job_runs, known_devices, leases, login_attempts, refresh_tokens,
    sessions,
};
use super::{Conn, DbError};
use crate::domain::contract::Instant;

/// Takes or prolongs a lease. False: another holder has it.
pub fn take(
    conn: &mut Conn,
    name: &str,
    holder: &str,
    now: Instant,
    until: Instant,
) -> Result<bool, DbError> {
    let taken = diesel::update(
        leases::table
            .filter(leases::name.eq(name))
            .filter(leases::holder.eq(holder).or(leases::expires_at.lt(now.naive_utc()))),
    )
    .set((leases::holder.eq(holder), leases::expires_at.eq(until.naive_utc())))
    .execute(conn)?;
    if taken == 1 {
        return Ok(true);
    }
    let exists: bool = diesel::select(diesel::dsl::exists(leases::table.find(name))).get_result(conn)?;
    if exists {
        return Ok(false);
    }
    diesel::insert_into(leases::table)
        .values((leases::name.eq(name), leases::holder.eq(holder), leases::expires_at.eq(until.naive_utc())))
        .execute(conn)?;
    Ok(true)
}

/// Gives a lease back.
pub fn release(conn: &mut Conn, name: &str, holder: &str) -> Result<(), DbError> {
    diesel::delete(leases::table.filter(leases::name.eq(name)).filter(leases::holder.eq(holder)))
        .execute(conn)?;
    Ok(())
}

/// The last day for which a job was done.
pub fn last_day(conn: &mut Conn, job: &str) -> Result<Option<NaiveDate>, DbError> {
    Ok(job_runs::table.find(job).select(job_runs::last_day).first(conn).optional()?)
}

/// A job was done for a day; an earlier one than recorded changes nothing. Not unique: another writes the first at
/// the same moment.
pub fn set_last_day(conn: &mut Conn, job: &str, day: NaiveDate) -> Result<(), DbError> {
    let earlier = job_runs::table.filter(job_runs::name.eq(job)).filter(job_runs::last_day.lt(day));
    if diesel::update(earlier).set(job_runs::last_day.eq(day)).execute(conn)? == 0
        && last_day(conn, job)?.is_none()
    {
        diesel::insert_into(job_runs::table)
            .values((job_runs::name.eq(job), job_runs::last_day.eq(day)))
            .execute(conn)?;
    }
    Ok(())
}

/// Forgets sessions and tokens that ended before `before`.
pub fn forget_sessions(conn: &mut Conn, before: Instant) -> Result<usize, DbError> {
    let old = sessions::table.filter(sessions::expires_at.lt(before.naive_utc()));
    let mut forgotten = diesel::delete(
        refresh_tokens::table.filter(refresh_tokens::session_id.eq_any(old.select(sessions::id))),
    )
    .execute(conn)?;
    forgotten += diesel::delete(old).execute(conn)?;
    forgotten +=
        diesel::delete(factor_challenges::table.filter(factor_challenges::expires_at.lt(before.naive_utc())))
            .execute(conn)?;
    forgotten +=
        diesel::delete(account_tokens::table.filter(account_tokens::expires_at.lt(before.naive_utc())))
            .execute(conn)?;
    Ok(forgotten)
}

/// Forgets devices that nobody has signed in from since `before`.
pub fn forget_devices(conn: &mut Conn, before: Instant) -> Result<usize, DbError> {
    let unused = known_devices::table.filter(known_devices::seen_at.lt(before.naive_utc()));
    Ok(diesel::delete(unused).execute(conn)?)
}

/// Forgets failed attempts whose delay ended before `before`.
pub fn forget_attempts(conn: &mut Conn, before: Instant) -> Result<usize, DbError> {
    let quiet = login_attempts::table.filter(login_attempts::blocked_until.lt(before.naive_utc()));
    Ok(diesel::delete(quiet).execute(conn)?)
}
