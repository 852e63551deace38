//! What the first page counts: by indexes, in the scope of who looks, never by loading lists.

use chrono::NaiveDate;
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::chain::REVIEWED;
use super::schema::{alerts, applications, notices, organizations, users};
use super::{Conn, DbError};
use crate::domain::access::{OrganizationKind, Scope};
use crate::domain::alert::{AlertKind, Severity};
use crate::domain::id::OrganizationId;

// The words of the partial indexes, which a bound value would not meet.
diesel::postfix_operator!(Unresolved, " <> 'resolved'");
diesel::postfix_operator!(GivenUp, " = 'failed'");
diesel::postfix_operator!(Unaddressed, " = 'unaddressed'");

/// How many unresolved alerts of a kind and severity are due on a day.
#[derive(Debug, Clone, Queryable)]
pub struct AlertTally {
    pub kind: AlertKind,
    pub severity: Severity,
    /// None: they have none.
    pub due_on: Option<NaiveDate>,
    pub count: i64,
}

/// The unresolved alerts in scope, counted.
pub fn unresolved_alerts(conn: &mut Conn, scope: &Scope) -> Result<Vec<AlertTally>, DbError> {
    let columns = (alerts::kind, alerts::severity, alerts::due_on);
    let query = alerts::table
        .filter(Unresolved::new(alerts::state))
        .filter(sql::<Bool>(super::alert::OF_STANDING))
        .group_by(columns)
        .select((alerts::kind, alerts::severity, alerts::due_on, count_star()))
        .into_boxed();
    let query = match *scope {
        Scope::Agency(id) => query.filter(alerts::agency_id.eq(id)),
        Scope::Vendor(id) => query.filter(alerts::vendor_id.eq(id)),
        Scope::Overseer | Scope::Program => query,
        Scope::Nothing => return Ok(Vec::new()),
    };
    Ok(query.load(conn)?)
}

/// Applications that wait for someone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingApplications {
    /// Reviewed since they were filed or last corrected: they wait for the decision.
    pub reviewed: i64,
    /// Not yet reviewed.
    pub unreviewed: i64,
    /// They wait for the applicant's 補正.
    pub returned: i64,
}

/// Applications in scope that wait; a vendor's are those that it filed.
pub fn waiting_applications(conn: &mut Conn, scope: &Scope) -> Result<WaitingApplications, DbError> {
    let mut count = |state: &str, reviewed: Option<bool>| {
        let query =
            applications::table.filter(applications::state.eq(state)).select(count_star()).into_boxed();
        let query = match *scope {
            Scope::Agency(id) => query.filter(applications::agency_id.eq(id)),
            Scope::Vendor(id) => query.filter(applications::applicant_id.eq(id)),
            Scope::Overseer | Scope::Program => query,
            Scope::Nothing => return Ok(0),
        };
        let query = match reviewed {
            None => query,
            Some(true) => query.filter(sql::<Bool>(REVIEWED)),
            Some(false) => query.filter(sql::<Bool>("NOT ").sql(REVIEWED)),
        };
        Ok::<i64, DbError>(query.first(conn)?)
    };
    Ok(WaitingApplications {
        reviewed: count("applied", Some(true))?,
        unreviewed: count("applied", Some(false))?,
        returned: count("returned", None)?,
    })
}

/// The notices of an organization that were given up.
pub fn failed_notices(conn: &mut Conn, organization_id: OrganizationId) -> Result<i64, DbError> {
    Ok(notices::table
        .filter(notices::organization_id.eq(organization_id))
        .filter(GivenUp::new(notices::state))
        .select(count_star())
        .first(conn)?)
}

/// The vendors that could not be told of an alert in scope that is unresolved; at most [`UNTOLD`].
pub fn untold_vendors(conn: &mut Conn, scope: &Scope) -> Result<Vec<OrganizationId>, DbError> {
    let query = notices::table
        .inner_join(alerts::table.on(alerts::id.eq(notices::subject)))
        .filter(Unaddressed::new(notices::state))
        .filter(Unresolved::new(alerts::state))
        .select(notices::recipient)
        .distinct()
        .order(notices::recipient)
        .limit(UNTOLD)
        .into_boxed();
    let query = match *scope {
        Scope::Agency(id) => query.filter(notices::organization_id.eq(id)),
        Scope::Overseer | Scope::Program => query,
        Scope::Vendor(_) | Scope::Nothing => return Ok(Vec::new()),
    };
    let vendors: Vec<String> = query.load(conn)?;
    Ok(vendors.iter().filter_map(|it| it.strip_prefix("vendor:")?.parse().ok()).collect())
}

/// Vendors named at most.
const UNTOLD: i64 = 20;

/// How many organizations of a kind are registered.
pub fn organizations_of(conn: &mut Conn, kind: OrganizationKind) -> Result<i64, DbError> {
    Ok(organizations::table.filter(organizations::kind.eq(kind)).select(count_star()).first(conn)?)
}

/// How many accounts can be used on a business day.
pub fn usable_accounts(conn: &mut Conn, today: NaiveDate) -> Result<i64, DbError> {
    Ok(users::table
        .filter(users::active.eq(true))
        .filter(users::expires_on.is_null().or(users::expires_on.ge(today)))
        .select(count_star())
        .first(conn)?)
}
