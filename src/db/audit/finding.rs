//! 指摘 that nobody has recorded as put right, across contracts, by their 改善の期限.

use chrono::NaiveDate;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::year::at_places;
use crate::db::contract::Narrow;
use crate::db::contract::narrow::narrowed;
use crate::db::counted::counted;
use crate::db::schema::{audits, contracts, findings, organizations};
use crate::db::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::audit::AuditKind;
use crate::domain::id::{AuditId, ContractId, EngagementId, FindingId, OrganizationId, UserId};

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub struct OpenFindings<'a> {
    /// Due on that day or later.
    pub from: Option<NaiveDate>,
    /// Due on that day or before.
    pub until: Option<NaiveDate>,
    /// The last of the page before.
    pub after: Option<(NaiveDate, FindingId)>,
    /// At most.
    pub rows: i64,
    /// Of which contracts.
    pub narrow: &'a Narrow,
}

/// A finding with what stands beside it in a list across contracts.
#[derive(Debug, Clone, Queryable)]
pub struct ListedFinding {
    pub id: FindingId,
    pub audit_id: AuditId,
    pub text: String,
    /// 改善の期限
    pub due_on: NaiveDate,
    pub audit_kind: AuditKind,
    /// Null: at the prime's place.
    pub engagement_id: Option<EngagementId>,
    pub contract_id: ContractId,
    pub contract_number: String,
    pub contract_title: String,
    pub agency_id: OrganizationId,
    pub officer_id: Option<UserId>,
    pub prime_name: String,
}

/// Those in scope, a vendor's at its own places; a macro, because the types of joins can't be written.
macro_rules! found {
    ($scope:expr, $asked:expr) => {{
        let asked: &OpenFindings<'_> = $asked;
        let mut query = findings::table
            .inner_join(audits::table.on(audits::id.eq(findings::audit_id)))
            .inner_join(contracts::table.on(contracts::id.eq(findings::contract_id)))
            .inner_join(organizations::table.on(organizations::id.eq(contracts::vendor_id)))
            .filter(findings::confirmed_on.is_null().and(findings::withdrawn_on.is_null()))
            .filter(contracts::voided_on.is_null())
            .order((findings::due_on, findings::id))
            .limit(asked.rows)
            .into_boxed();
        match *$scope {
            Scope::Agency(id) => query = query.filter(findings::agency_id.eq(id)),
            Scope::Vendor(id) => {
                query = at_places!(query, id, "SELECT e.id FROM engagements e WHERE e.vendor_id = ", "");
            }
            Scope::Overseer | Scope::Program => {}
            Scope::Nothing => query = query.filter(sql::<Bool>("1 = 0")),
        }
        narrowed!(query, asked.narrow, $scope);
        if let Some(from) = asked.from {
            query = query.filter(findings::due_on.ge(from));
        }
        if let Some(until) = asked.until {
            query = query.filter(findings::due_on.le(until));
        }
        if let Some((day, id)) = asked.after {
            query = query.filter(findings::due_on.gt(day).or(findings::id.gt(id)));
        }
        query
    }};
}

/// Those in scope, by day and id.
pub fn open_findings(
    conn: &mut Conn,
    scope: &Scope,
    asked: &OpenFindings<'_>,
) -> Result<Vec<ListedFinding>, DbError> {
    let columns = (
        findings::id,
        findings::audit_id,
        findings::text,
        findings::due_on,
        audits::kind,
        audits::engagement_id,
        contracts::id,
        contracts::number,
        contracts::title,
        contracts::agency_id,
        contracts::officer_id,
        organizations::name,
    );
    Ok(found!(scope, asked).select(columns).load(conn)?)
}

/// How many of them, counted up to `rows`.
pub fn count_open_findings(conn: &mut Conn, scope: &Scope, asked: &OpenFindings<'_>) -> Result<i64, DbError> {
    counted(conn, found!(scope, asked).select(findings::id))
}
