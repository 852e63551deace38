//! On which day each subject must be looked at again: what makes a sweep cost as much as is due, not as much as is
//! stored.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::schema::due::dsl;
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::id::{Id, OrganizationId, SubjectId};

/// The subject kind of contracts.
pub const CONTRACT: &str = "contract";

/// What is to be looked at, and since when it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub subject_id: SubjectId,
    pub agency_id: OrganizationId,
    pub check_on: NaiveDate,
}

/// Says when a subject must be looked at again; None: not until something is recorded about it.
pub fn set<T: 'static>(
    conn: &mut Conn,
    subject_kind: &str,
    subject_id: Id<T>,
    agency_id: OrganizationId,
    check_on: Option<NaiveDate>,
) -> Result<(), DbError> {
    let subject_id: SubjectId = subject_id.cast();
    let Some(check_on) = check_on else {
        diesel::delete(dsl::due.find((subject_kind, subject_id))).execute(conn)?;
        return Ok(());
    };
    let moved = diesel::update(dsl::due.find((subject_kind, subject_id)))
        .set(dsl::check_on.eq(check_on))
        .execute(conn)?;
    if moved == 0 { insert(conn, subject_kind, subject_id, agency_id, check_on) } else { Ok(()) }
}

/// As [`set`], for a subject that nothing was due for.
pub fn insert<T: 'static>(
    conn: &mut Conn,
    subject_kind: &str,
    subject_id: Id<T>,
    agency_id: OrganizationId,
    check_on: NaiveDate,
) -> Result<(), DbError> {
    let subject_id: SubjectId = subject_id.cast();
    directly!(conn, |own| diesel::insert_into(dsl::due)
        .values((
            dsl::subject_kind.eq(subject_kind),
            dsl::subject_id.eq(subject_id),
            dsl::agency_id.eq(agency_id),
            dsl::check_on.eq(check_on),
        ))
        .execute(own))?;
    Ok(())
}

/// The day on which a subject is due.
pub fn check_on<T: 'static>(
    conn: &mut Conn,
    subject_kind: &str,
    subject_id: Id<T>,
) -> Result<Option<NaiveDate>, DbError> {
    let subject_id: SubjectId = subject_id.cast();
    Ok(dsl::due.find((subject_kind, subject_id)).select(dsl::check_on).first(conn).optional()?)
}

/// Everything of an agency is looked at anew: its settings or closed days changed, in this transaction and before. What
/// others are reckoning by the old ones is waited for, so that their next day does not go over this one.
///
/// Subjects that nothing is due for have no row; for contracts that is so only while they have nothing left to
/// say, so those are put in as well.
pub fn touch_agency(conn: &mut Conn, agency_id: OrganizationId, today: NaiveDate) -> Result<(), DbError> {
    use super::schema::contracts;
    super::setting::hold_alone(conn, agency_id)?;
    diesel::update(dsl::due.filter(dsl::agency_id.eq(agency_id)).filter(dsl::check_on.gt(today)))
        .set(dsl::check_on.eq(today))
        .execute(conn)?;
    let silent = contracts::table
        .filter(contracts::agency_id.eq(agency_id).and(contracts::voided_on.is_null()))
        .filter(diesel::dsl::not(diesel::dsl::exists(
            dsl::due.filter(dsl::subject_kind.eq(CONTRACT)).filter(dsl::subject_id.eq(contracts::id)),
        )))
        .select((
            CONTRACT.into_sql::<diesel::sql_types::Text>(),
            contracts::id,
            contracts::agency_id,
            today.into_sql::<diesel::sql_types::Date>(),
        ));
    diesel::insert_into(dsl::due)
        .values(silent)
        .into_columns((dsl::subject_kind, dsl::subject_id, dsl::agency_id, dsl::check_on))
        .execute(conn)?;
    Ok(())
}

/// Everything of every agency is looked at anew: the holidays changed. Answers with the agencies.
pub fn touch_all(conn: &mut Conn, today: NaiveDate) -> Result<Vec<OrganizationId>, DbError> {
    use super::schema::organizations;
    let agencies: Vec<OrganizationId> =
        organizations::table.filter(organizations::kind.eq("agency")).select(organizations::id).load(conn)?;
    for agency in &agencies {
        touch_agency(conn, *agency, today)?;
    }
    Ok(agencies)
}

/// The next `n` subjects of a kind that are due on `day`, ordered by their day and id; `after`: the last of the
/// batch before.
pub fn due_batch(
    conn: &mut Conn,
    subject_kind: &str,
    day: NaiveDate,
    after: Option<(NaiveDate, SubjectId)>,
    n: i64,
) -> Result<Vec<Due>, DbError> {
    let mut query = dsl::due
        .filter(dsl::subject_kind.eq(subject_kind))
        .filter(dsl::check_on.le(day))
        .order((dsl::check_on, dsl::subject_id))
        .select((dsl::subject_id, dsl::agency_id, dsl::check_on))
        .limit(n)
        .into_boxed();
    if let Some((check_on, id)) = after {
        query = query
            .filter(dsl::check_on.gt(check_on).or(dsl::check_on.eq(check_on).and(dsl::subject_id.gt(id))));
    }
    let rows: Vec<(SubjectId, OrganizationId, NaiveDate)> = query.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(subject_id, agency_id, check_on)| Due { subject_id, agency_id, check_on })
        .collect())
}

/// The next `n` contracts of all agencies whose registration stands, in order of id.
pub fn contracts_after(conn: &mut Conn, after: Option<SubjectId>, n: i64) -> Result<Vec<SubjectId>, DbError> {
    use super::schema::contracts;
    let standing = contracts::table.filter(contracts::voided_on.is_null());
    let mut query = standing.order(contracts::id).select(contracts::id).limit(n).into_boxed();
    if let Some(after) = after {
        query = query.filter(contracts::id.gt(after));
    }
    Ok(query.load(conn)?)
}
