//! 年度の検査計画: the audits due in a year, or in all, across contracts; and one audit by itself.

use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{AuditResult, AuditView, one};
use crate::db::audit::{AuditFilter, AuditState};
use crate::db::contract::{ContractFilter, Narrow};
use crate::db::{self, Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::audit::{AuditKind, every_day};
use crate::domain::calendar::{fiscal_year, fiscal_year_range};
use crate::domain::days::DayRange;
use crate::domain::id::{AuditId, ContractId, EngagementId, OrganizationId};
use crate::domain::limits::{FIRST_YEAR, LAST_YEAR};
use crate::service::case::Case;
use crate::service::contract::NarrowQuery;
use crate::service::page::{Total, keyed};
use crate::service::{App, Call, Failure, Page, Paged};

/// The audits of which 年度 are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditYears {
    /// That of today.
    #[default]
    Current,
    Of(i32),
    All,
}

impl FromStr for AuditYears {
    type Err = std::num::ParseIntError;

    /// A year, or `all`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::Of) }
    }
}

impl AuditYears {
    /// The year meant (None: all), and its days.
    fn span(self, today: NaiveDate) -> Result<(Option<i32>, DayRange), Failure> {
        let year = match self {
            Self::Current => fiscal_year(today),
            Self::Of(year) if (FIRST_YEAR..=LAST_YEAR).contains(&year) => year,
            Self::Of(_) => {
                let message = format!("年度は{FIRST_YEAR}から{LAST_YEAR}までの西暦で指定してください。");
                return Err(Failure::field("/fiscal_year", "range", message));
            }
            Self::All => return Ok((None, every_day())),
        };
        let (from, to) = fiscal_year_range(year);
        Ok((Some(year), DayRange { from, to }))
    }
}

/// What the list of audits is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    pub years: AuditYears,
    pub state: Option<AuditState>,
    /// A vendor's own places only.
    pub own: bool,
    /// Of which contracts.
    pub narrow: NarrowQuery,
}

/// An audit in the list of a 年度.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct YearAuditView {
    pub id: AuditId,
    pub contract_id: ContractId,
    pub contract_number: String,
    pub contract_title: String,
    /// 委託元, for an overseer, who sees those of all agencies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agency_name: Option<String>,
    /// Null: the prime's place.
    pub engagement_id: Option<EngagementId>,
    /// Whose place is inspected.
    pub vendor_name: String,
    pub kind: AuditKind,
    pub due_on: NaiveDate,
    /// The contract's responsible officer; for the agency's side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub officer_name: Option<String>,
    /// Still to be done, and the due day has passed.
    pub overdue: bool,
    /// It recurs every so many months; of an unannounced one for the agency's side only.
    pub every_months: Option<i32>,
    /// 予告なし; for the agency's side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unannounced: Option<bool>,
    pub done_on: Option<NaiveDate>,
    pub result: Option<AuditResult>,
    /// How many findings were recorded.
    pub findings: i64,
    /// How many of them nobody has recorded as put right.
    pub unconfirmed: i64,
    pub cancelled_on: Option<NaiveDate>,
}

/// The audits due in a 年度, with what its header says of the whole year, whatever the page and the state asked
/// for.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditYearView {
    /// Null: of all.
    pub fiscal_year: Option<i32>,
    /// Done, or still to be done; neither the cancelled ones nor those due after their contract's end.
    pub planned: i64,
    pub done: i64,
    pub overdue: i64,
    /// Contracts that run in the year, entrust personal data, and have no on-site audit planned or done in it; for the
    /// agency's side, of one year.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub without_on_site: Option<i64>,
    /// By due day.
    pub items: Vec<YearAuditView>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// The audits by due day: all of an agency; a vendor's own places and those below them, or its own only.
pub fn of_year(app: &App, call: &Call, query: &AuditQuery, page: &Page) -> Result<AuditYearView, Failure> {
    let (scope, today) = (call.scope(), app.today());
    let (year, days) = query.years.span(today)?;
    let after = page.after_keyed()?;
    let agency_side = !matches!(scope, Scope::Vendor(_));
    app.db.read(|conn| {
        let narrow = query.narrow.of(call);
        let asked = AuditFilter { days, state: query.state, own: query.own, narrow };
        let mut count = |state| {
            let narrow = Narrow::default();
            let of_state = AuditFilter { days, state: Some(state), own: query.own, narrow };
            db::audit::count(conn, &scope, &of_state, today, i64::MAX)
        };
        let (planned, overdue) = (count(AuditState::Planned)?, count(AuditState::Overdue)?);
        let done = count(AuditState::Done)?;
        let without_on_site = match (&scope, year) {
            (Scope::Vendor(_), _) | (_, None) => None,
            (_, Some(year)) => {
                let without = ContractFilter { without_on_site: Some(year), ..ContractFilter::default() };
                Some(db::contract::count_matching(conn, &scope, &without, today, i64::MAX)?)
            }
        };
        let rows = db::audit::list(conn, &scope, &asked, today, after, page.rows())?;
        let cut = Paged::cut(page, rows, |row| keyed(row.audit.due_on, row.audit.id), |row| row);
        let ids: Vec<AuditId> = cut.items.iter().map(|row| row.audit.id).collect();
        let places: Vec<EngagementId> = cut.items.iter().filter_map(|row| row.audit.engagement_id).collect();
        let became = db::audit::outcomes(conn, &ids)?;
        let names = db::audit::vendor_names(conn, &places)?;
        let agencies: Vec<OrganizationId> = cut.items.iter().map(|row| row.agency_id).collect();
        let agencies = db::organization::names_for_overseer(conn, &scope, &agencies)?;
        let inside = !matches!(scope, Scope::Vendor(_));
        let items = cut.items.into_iter().map(|row| {
            let audit = row.audit;
            let done = became.done.iter().find(|done| done.audit_id == audit.id);
            let cancelled = became.cancelled.iter().find(|cancelled| cancelled.audit_id == audit.id);
            let is_open = done.is_none() && cancelled.is_none() && audit.due_on <= row.last_day;
            let place = audit.engagement_id.and_then(|id| names.iter().find(|(place, _)| *place == id));
            let found = || became.findings.iter().filter(|finding| finding.audit_id == audit.id);
            let unconfirmed = found().filter(|finding| finding.confirmed_on.is_none()).count();
            let found = found().count();
            Ok(YearAuditView {
                id: audit.id,
                contract_id: audit.contract_id,
                contract_number: row.contract_number,
                contract_title: row.contract_title,
                agency_name: agencies.get(&row.agency_id).cloned(),
                engagement_id: audit.engagement_id,
                vendor_name: place.map_or(row.prime_name, |(_, name)| name.clone()),
                kind: audit.kind,
                due_on: audit.due_on,
                officer_name: row.officer_name.filter(|_| agency_side),
                overdue: is_open && audit.due_on < today,
                every_months: audit.every_months.filter(|_| inside || !audit.unannounced),
                unannounced: inside.then_some(audit.unannounced),
                done_on: done.map(|done| done.done_on),
                result: done.map(|done| done.result.parse()).transpose().map_err(Failure::Internal)?,
                findings: i64::try_from(found).unwrap_or(i64::MAX),
                unconfirmed: i64::try_from(unconfirmed).unwrap_or(i64::MAX),
                cancelled_on: cancelled.map(|cancelled| cancelled.cancelled_on),
            })
        });
        let items = items.collect::<Result<Vec<_>, Failure>>()?;
        let next_cursor = cut.next_cursor;
        Ok(AuditYearView { fiscal_year: year, planned, done, overdue, without_on_site, items, next_cursor })
    })
}

/// How many audits the list has in all.
pub fn count(app: &App, call: &Call, query: &AuditQuery) -> Result<Total, Failure> {
    let (scope, today, narrow) = (call.scope(), app.today(), query.narrow.of(call));
    let asked = AuditFilter { days: query.years.span(today)?.1, state: query.state, own: query.own, narrow };
    let count = |conn: &mut Conn| db::audit::count(conn, &scope, &asked, today, Total::BOUND);
    Ok(Total::of(app.db.read_one::<_, DbError>(count)?))
}

/// One audit, if the caller may know of it.
pub fn find(app: &App, call: &Call, id: AuditId) -> Result<AuditView, Failure> {
    app.db.read(|conn| {
        let row = db::audit::find(conn, id)?;
        let unannounced = row.unannounced;
        let case = Case::open(conn, call.scope(), row.contract_id)?;
        let known = case.facts.chain.now();
        match row.engagement_id {
            Some(place) => drop(case.engagement(&known, place)?),
            None if case.vendor().is_some_and(|vendor| vendor != case.facts.prime_id) => {
                return Err(Failure::NotFound);
            }
            None => {}
        }
        let view = one(conn, row, case.is_agency_side())?;
        if unannounced && !case.is_agency_side() && view.done_on.is_none() {
            return Err(Failure::NotFound);
        }
        Ok(view)
    })
}
