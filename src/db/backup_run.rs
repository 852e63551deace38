//! The scheduled backups: what each run made, or why it made nothing.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::backup_runs;
use super::{Conn, DbError};
use crate::domain::contract::Instant;
use crate::domain::id::{BackupRunId, OrganizationId};

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = backup_runs)]
pub struct BackupRunRow {
    pub id: BackupRunId,
    /// The operator's.
    pub organization_id: OrganizationId,
    pub started_at: NaiveDateTime,
    pub ended_at: NaiveDateTime,
    /// The file's name in the folder of the settings; None: nothing was made.
    pub file: Option<String>,
    pub bytes: Option<i64>,
    pub sha256: Option<String>,
    /// How many entries the ledger in it has.
    pub entries: Option<i64>,
    /// Whether it lies in the second place as well.
    pub second: bool,
    /// When the rule let go of it.
    pub removed_at: Option<NaiveDateTime>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Writes a run down.
pub fn insert(conn: &mut Conn, row: &BackupRunRow) -> Result<(), DbError> {
    diesel::insert_into(backup_runs::table)
        .values((
            backup_runs::id.eq(row.id),
            backup_runs::organization_id.eq(row.organization_id),
            backup_runs::started_at.eq(row.started_at),
            backup_runs::ended_at.eq(row.ended_at),
            backup_runs::file.eq(&row.file),
            backup_runs::bytes.eq(row.bytes),
            backup_runs::sha256.eq(&row.sha256),
            backup_runs::entries.eq(row.entries),
            backup_runs::second.eq(row.second),
            backup_runs::removed_at.eq(row.removed_at),
            backup_runs::error.eq(&row.error),
        ))
        .execute(conn)?;
    Ok(())
}

/// The last runs, the newest first.
pub fn latest(
    conn: &mut Conn,
    organization_id: OrganizationId,
    limit: i64,
) -> Result<Vec<BackupRunRow>, DbError> {
    Ok(backup_runs::table
        .filter(backup_runs::organization_id.eq(organization_id))
        .order(backup_runs::id.desc())
        .limit(limit)
        .select(BackupRunRow::as_select())
        .load(conn)?)
}

/// What is there, the newest first: made, and not let go of.
pub fn standing(conn: &mut Conn, organization_id: OrganizationId) -> Result<Vec<BackupRunRow>, DbError> {
    Ok(backup_runs::table
        .filter(backup_runs::organization_id.eq(organization_id))
        .filter(backup_runs::file.is_not_null())
        .filter(backup_runs::removed_at.is_null())
        .order(backup_runs::id.desc())
        .select(BackupRunRow::as_select())
        .load(conn)?)
}

/// When the first run was, good or not.
pub fn first_started(
    conn: &mut Conn,
    organization_id: OrganizationId,
) -> Result<Option<NaiveDateTime>, DbError> {
    Ok(backup_runs::table
        .filter(backup_runs::organization_id.eq(organization_id))
        .order(backup_runs::id)
        .select(backup_runs::started_at)
        .first(conn)
        .optional()?)
}

/// The rule has let go of one.
pub fn removed(conn: &mut Conn, id: BackupRunId, at: Instant) -> Result<(), DbError> {
    diesel::update(backup_runs::table.find(id))
        .set(backup_runs::removed_at.eq(at.naive_utc()))
        .execute(conn)?;
    Ok(())
}
