//! What lists across contracts are narrowed to by the contract that their rows are about.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Text};

use crate::db::{Conn, DbError};
use crate::domain::access::Scope;
use crate::domain::id::{OrganizationId, UserId};

/// Whose contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfficerIs {
    Person(UserId),
    /// Those for which nobody is responsible.
    Nobody,
}

/// Of which contracts; nothing named: of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrow {
    /// 担当者; the agency's side only.
    pub officer: Option<OfficerIs>,
    /// 担当部署, whole; the agency's side only.
    pub department: Option<String>,
    /// A normalized search key, part of the name of a company on the chain; the agency's side only.
    pub vendor: Option<String>,
    /// One that runs in that 年度, or is of it.
    pub fiscal_year: Option<i32>,
    /// A normalized search key, part of number, title or, on the agency's side, the name of a company on the chain.
    pub key: Option<String>,
}

/// Contracts on whose chain a company of that name stands; the prime holds a place, too.
pub(in crate::db) const NAMED: &str = "contracts.id IN (SELECT e.contract_id FROM engagements e \
     JOIN organizations o ON o.id = e.vendor_id WHERE o.search_key LIKE ";
/// Or one that had the name before.
pub(in crate::db) const OR_ONCE: &str =
    " ESCAPE '\\' OR o.id IN (SELECT n.organization_id FROM organization_names n WHERE n.search_key LIKE ";

/// A company of that name on the chain.
macro_rules! named {
    ($pattern:expr) => {{
        let like = diesel::dsl::sql::<diesel::sql_types::Bool>($crate::db::contract::narrow::NAMED);
        let like = like.bind::<diesel::sql_types::Text, _>($pattern.clone());
        let once = like.sql($crate::db::contract::narrow::OR_ONCE);
        once.bind::<diesel::sql_types::Text, _>($pattern).sql(" ESCAPE '\\'))")
    }};
}
pub(in crate::db) use named;

/// Narrows a boxed query, in which contracts stand, to those that a scope asks for.
macro_rules! narrowed {
    ($query:ident, $narrow:expr, $scope:expr) => {
        let allowed = $narrow.allowed($scope);
        match allowed.officer {
            Some($crate::db::contract::OfficerIs::Person(id)) => {
                $query = $query.filter(contracts::officer_id.eq(id));
            }
            Some($crate::db::contract::OfficerIs::Nobody) => {
                $query = $query.filter(contracts::id.is_not_null().and(contracts::officer_id.is_null()));
            }
            None => {}
        }
        if let Some(department) = allowed.department {
            $query = $query.filter(contracts::department.eq(department));
        }
        if let Some(key) = &allowed.vendor {
            let pattern = format!("%{}%", $crate::db::like_escaped(key));
            $query = $query.filter($crate::db::contract::narrow::named!(pattern));
        }
        if let Some(key) = &allowed.key {
            let pattern = format!("%{}%", $crate::db::like_escaped(key));
            let own = contracts::search_key.like(pattern.clone()).escape('\\');
            // To a vendor further down, who the prime is must not be found out by searching.
            $query = if allowed.by_companies {
                $query.filter(own.or($crate::db::contract::narrow::named!(pattern)))
            } else {
                $query.filter(own)
            };
        }
        if let Some(year) = allowed.fiscal_year {
            // A contract over several years is found in every year in which it runs.
            let (first, last) = $crate::domain::calendar::fiscal_year_range(year.clamp(1, 9998));
            let runs = contracts::starts_on.le(last).and(contracts::last_day.ge(first));
            $query = $query.filter(runs.or(contracts::fiscal_year.eq(year)));
        }
    };
}
pub(in crate::db) use narrowed;

/// What the scope may be narrowed by.
#[derive(Debug)]
pub(in crate::db) struct Allowed {
    pub officer: Option<OfficerIs>,
    pub department: Option<String>,
    pub vendor: Option<String>,
    pub fiscal_year: Option<i32>,
    pub key: Option<String>,
    /// The search key may meet the names of companies.
    pub by_companies: bool,
}

impl Narrow {
    /// A vendor learns nothing of the agency's own, nor who else stands on the chain, by what a list is narrowed to.
    pub(in crate::db) fn allowed(&self, scope: &Scope) -> Allowed {
        let by_companies = !matches!(scope, Scope::Vendor(_));
        let Self { officer, department, vendor, fiscal_year, key } = self.clone();
        Allowed {
            officer: officer.filter(|_| by_companies),
            department: department.filter(|_| by_companies),
            vendor: vendor.filter(|_| by_companies),
            fiscal_year,
            key,
            by_companies,
        }
    }
}

/// So many departments and officers are offered to choose from.
const OFFERED: i64 = 200;

/// The different words of a column of an agency's contracts, each found by its index alone. As a query of its own and
/// not a text, it is prepared once a connection: every list page asks it.
#[derive(Debug, Clone, Copy)]
struct WordsOf {
    column: &'static str,
    agency: OrganizationId,
}

impl Query for WordsOf {
    type SqlType = Text;
}

impl QueryId for WordsOf {
    type QueryId = ();
    // Known by its text: that of each column is another.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<Conn> for WordsOf {}

impl<DB: Backend> QueryFragment<DB> for WordsOf
where
    DB: HasSqlType<Text>,
    OrganizationId: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Self { column, agency } = self;
        out.push_sql(&format!(
            "WITH RECURSIVE words (word) AS (SELECT min({column}) FROM contracts WHERE agency_id = "
        ));
        out.push_bind_param::<Text, _>(agency)?;
        out.push_sql(&format!(
            " UNION ALL SELECT (SELECT min(c.{column}) FROM contracts c WHERE c.{column} > words.word AND c.agency_id = "
        ));
        out.push_bind_param::<Text, _>(agency)?;
        out.push_sql(&format!(
            ") FROM words WHERE words.word IS NOT NULL) SELECT word FROM words WHERE word IS NOT NULL LIMIT {OFFERED}"
        ));
        Ok(())
    }
}

/// Those users with their names.
#[derive(Debug, Clone, Copy)]
struct UsersOf(WordsOf);

impl Query for UsersOf {
    type SqlType = (Text, Text);
}

impl QueryId for UsersOf {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<Conn> for UsersOf {}

impl<DB: Backend> QueryFragment<DB> for UsersOf
where
    WordsOf: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT users.id, users.name FROM users WHERE users.id IN (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// The departments of an agency's contracts, in order.
pub fn departments(conn: &mut Conn, agency: OrganizationId) -> Result<Vec<String>, DbError> {
    Ok(WordsOf { column: "department", agency }.load(conn)?)
}

/// The officers of an agency's contracts with their names, in no order.
pub fn officers(conn: &mut Conn, agency: OrganizationId) -> Result<Vec<(UserId, String)>, DbError> {
    Ok(UsersOf(WordsOf { column: "officer_id", agency }).load(conn)?)
}
