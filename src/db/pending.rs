//! Changes of accounts that wait for a second administrator. A row leaves `asked` once, by a conditional UPDATE.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::schema::pending_changes;
use super::types::{from_json, to_json};
use super::{Conn, DbError};
use crate::domain::access::Role;
use crate::domain::contract::Instant;
use crate::domain::id::{ChangeId, OrganizationId, UserId};
use crate::text_enum;

text_enum! {
    /// What of an account is to change.
    pub enum ChangeKind {
        /// Roles to be added.
        Roles = "roles",
        Email = "email",
        /// A disabled account is to be usable again.
        Active = "active",
        /// A later last day.
        ExpiresOn = "expires_on",
        /// Someone is to stand in for the person.
        Deputy = "deputy",
    }
}

text_enum! {
    /// Where a change stands.
    pub enum ChangeState {
        /// It waits.
        Asked = "asked",
        InForce = "in_force",
        Rejected = "rejected",
        /// By who asked for it.
        Withdrawn = "withdrawn",
        /// Nobody decided in time.
        Expired = "expired",
        /// It has become impossible.
        Void = "void",
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Wanted {
    Roles { roles: Vec<Role> },
    Email { email: String },
    Active { active: bool },
    Deputy { deputy_id: UserId, starts_on: NaiveDate, ends_on: NaiveDate },
    ExpiresOn { expires_on: Option<NaiveDate> },
}

impl Wanted {
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Roles { .. } => ChangeKind::Roles,
            Self::Email { .. } => ChangeKind::Email,
            Self::Active { .. } => ChangeKind::Active,
            Self::ExpiresOn { .. } => ChangeKind::ExpiresOn,
            Self::Deputy { .. } => ChangeKind::Deputy,
        }
    }

    /// As it stands in its column and in the ledger: all but an address, which can be erased.
    pub fn without_address(&self) -> Result<serde_json::Value, DbError> {
        match self {
            Self::Email { .. } => Ok(serde_json::json!({})),
            other => serde_json::to_value(other).map_err(|e| DbError::BrokenRow(e.to_string())),
        }
    }

    /// The address that is wanted.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Email { email } => Some(email),
            _ => None,
        }
    }

    /// Who gains by it beside the person whose account it is.
    pub fn deputy(&self) -> Option<UserId> {
        match self {
            Self::Deputy { deputy_id, .. } => Some(*deputy_id),
            _ => None,
        }
    }
}

/// A change as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = pending_changes)]
pub struct PendingRow {
    pub id: ChangeId,
    pub organization_id: OrganizationId,
    pub user_id: UserId,
    pub kind: ChangeKind,
    wanted: String,
    email: Option<String>,
    /// Goes before what is hashed for the ledger.
    pub salt: String,
    pub asked_by: UserId,
    pub asked_at: NaiveDateTime,
    /// Business time; None: not without an approval.
    pub takes_effect_at: Option<NaiveDateTime>,
    /// Business time.
    pub expires_at: NaiveDateTime,
    pub state: ChangeState,
    /// None in an end: the program itself.
    pub ended_by: Option<UserId>,
    pub ended_at: Option<NaiveDateTime>,
    pub reason: Option<String>,
}

impl PendingRow {
    /// A change that is asked for now.
    pub fn asked(
        (id, salt): (ChangeId, String),
        (organization_id, user_id): (OrganizationId, UserId),
        wanted: &Wanted,
        asked_by: UserId,
        asked_at: Instant,
        takes_effect_at: Option<Instant>,
        expires_at: Instant,
    ) -> Result<Self, DbError> {
        Ok(Self {
            id,
            organization_id,
            user_id,
            kind: wanted.kind(),
            wanted: to_json(&wanted.without_address()?)?,
            email: wanted.address().map(str::to_owned),
            salt,
            asked_by,
            asked_at: asked_at.naive_utc(),
            takes_effect_at: takes_effect_at.map(|at| at.naive_utc()),
            expires_at: expires_at.naive_utc(),
            state: ChangeState::Asked,
            ended_by: None,
            ended_at: None,
            reason: None,
        })
    }

    /// What is wanted.
    pub fn wanted(&self) -> Result<Wanted, DbError> {
        if self.kind == ChangeKind::Email {
            return Ok(Wanted::Email { email: self.email.clone().unwrap_or_default() });
        }
        from_json(&self.wanted)
    }

    /// Whether its time has come: to take effect, or to expire.
    pub fn is_due(&self, now: Instant) -> bool {
        let now = now.naive_utc();
        self.state == ChangeState::Asked
            && (self.expires_at <= now || self.takes_effect_at.is_some_and(|at| at <= now))
    }
}

/// Writes a change that was asked for.
pub fn insert(conn: &mut Conn, row: &PendingRow) -> Result<(), DbError> {
    diesel::insert_into(pending_changes::table)
        .values((
            pending_changes::id.eq(row.id),
            pending_changes::organization_id.eq(row.organization_id),
            pending_changes::user_id.eq(row.user_id),
            pending_changes::kind.eq(row.kind),
            pending_changes::wanted.eq(&row.wanted),
            pending_changes::email.eq(&row.email),
            pending_changes::salt.eq(&row.salt),
            pending_changes::asked_by.eq(row.asked_by),
            pending_changes::asked_at.eq(row.asked_at),
            pending_changes::takes_effect_at.eq(row.takes_effect_at),
            pending_changes::expires_at.eq(row.expires_at),
            pending_changes::state.eq(row.state),
        ))
        .execute(conn)?;
    Ok(())
}

/// A change by id; the caller settles who may see it.
pub fn find(conn: &mut Conn, id: ChangeId) -> Result<PendingRow, DbError> {
    Ok(pending_changes::table.find(id).select(PendingRow::as_select()).first(conn)?)
}

/// What is asked of these people's accounts and not yet decided, in order of id.
pub fn open_of(conn: &mut Conn, people: &[UserId]) -> Result<Vec<PendingRow>, DbError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    Ok(pending_changes::table
        .filter(pending_changes::user_id.eq_any(people.to_vec()))
        .filter(pending_changes::state.eq(ChangeState::Asked))
        .order(pending_changes::id)
        .select(PendingRow::as_select())
        .load(conn)?)
}

/// Which changes a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct PendingFilter {
    /// None: of every organization.
    pub organization_id: Option<OrganizationId>,
    pub user_id: Option<UserId>,
    pub state: Option<ChangeState>,
    pub after: Option<ChangeId>,
}

/// Changes in order of id, at most `limit`.
pub fn list(conn: &mut Conn, filter: &PendingFilter, limit: i64) -> Result<Vec<PendingRow>, DbError> {
    let mut query = pending_changes::table
        .order(pending_changes::id)
        .select(PendingRow::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(organization_id) = filter.organization_id {
        query = query.filter(pending_changes::organization_id.eq(organization_id));
    }
    if let Some(user_id) = filter.user_id {
        query = query.filter(pending_changes::user_id.eq(user_id));
    }
    if let Some(state) = filter.state {
        query = query.filter(pending_changes::state.eq(state));
    }
    if let Some(after) = filter.after {
        query = query.filter(pending_changes::id.gt(after));
    }
    Ok(query.load(conn)?)
}

/// How many wait in an organization; None: in all.
pub fn waiting(conn: &mut Conn, organization_id: Option<OrganizationId>) -> Result<i64, DbError> {
    let mut query =
        pending_changes::table.filter(pending_changes::state.eq(ChangeState::Asked)).count().into_boxed();
    if let Some(organization_id) = organization_id {
        query = query.filter(pending_changes::organization_id.eq(organization_id));
    }
    Ok(query.get_result(conn)?)
}

/// Those whose time has come, with the chain they stand on, the oldest first.
pub fn due(conn: &mut Conn, now: Instant, limit: i64) -> Result<Vec<(ChangeId, OrganizationId)>, DbError> {
    let now = now.naive_utc();
    let takes_effect = pending_changes::takes_effect_at.assume_not_null().le(now);
    Ok(pending_changes::table
        .filter(pending_changes::state.eq(ChangeState::Asked))
        .filter(takes_effect.or(pending_changes::expires_at.le(now)))
        .order(pending_changes::id)
        .limit(limit)
        .select((pending_changes::id, pending_changes::organization_id))
        .load(conn)?)
}

/// Ends a change that waits; false: it waited no more.
pub fn end(
    conn: &mut Conn,
    id: ChangeId,
    state: ChangeState,
    by: Option<UserId>,
    at: Instant,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    let waiting = pending_changes::table
        .filter(pending_changes::id.eq(id))
        .filter(pending_changes::state.eq(ChangeState::Asked));
    let ended = diesel::update(waiting)
        .set((
            pending_changes::state.eq(state),
            pending_changes::ended_by.eq(by),
            pending_changes::ended_at.eq(at.naive_utc()),
            pending_changes::reason.eq(reason),
        ))
        .execute(conn)?;
    Ok(ended == 1)
}
