//! How many rows a query finds, counted by the database: a bounded count of a list reads no row into memory.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;

use super::{Conn, DbError};

/// The number of rows of a query, which its own limit bounds.
///
/// # Errors
/// What the database says.
pub(super) fn counted<Q>(conn: &mut Conn, query: Q) -> Result<i64, DbError>
where
    Counted<Q>: diesel::query_dsl::LoadQuery<'static, Conn, i64>,
{
    Ok(Counted(query).get_result(conn)?)
}

/// `SELECT count(*)` of another query.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct Counted<Q>(Q);

impl<Q> Query for Counted<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<Conn> for Counted<Q> {}

impl<Q, DB: diesel::backend::Backend> QueryFragment<DB> for Counted<Q>
where
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS found");
        Ok(())
    }
}
