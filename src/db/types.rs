//! The connection to either database, and how the domain's ids, words and instants stand in columns: ids and
//! words as text, instants as UTC timestamps.

use diesel::backend::Backend;
use diesel::deserialize::{FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Nullable, SingleValue, Text};

use super::DbError;
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::alert::{AlertKind, AlertState, Assessment, Severity};
use crate::domain::audit::AuditKind;
use crate::domain::chain::{ApplicationStep, Cause};
use crate::domain::contract::ContractOrigin;
use crate::domain::id::Id;

/// A connection to the embedded database or to PostgreSQL, chosen by URL.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// Embedded.
    Sqlite(diesel::SqliteConnection),
    /// A server.
    Postgresql(diesel::PgConnection),
}

/// Runs a query on the database's own connection. Through [`Conn`] its text is written anew each time; so, diesel writes
/// it once and knows the prepared statement by the query's type. For what every request reads.
macro_rules! directly {
    ($conn:expr, |$own:ident| $run:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($own) => $run,
            $crate::db::Conn::Postgresql($own) => $run,
        }
    };
}
pub(super) use directly;

/// Text columns for a type with `as_str(&self) -> &str` and `FromStr`; what the derives of diesel would write,
/// kept here so that the domain need not know diesel.
macro_rules! text_column {
    ($t:ty $(, $($generic:tt)*)?) => {
        impl<$($($generic)*)?> AsExpression<Text> for $t {
            type Expression = Bound<Text, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<$($($generic)*)?> AsExpression<Text> for &$t {
            type Expression = Bound<Text, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<$($($generic)*)?> AsExpression<Nullable<Text>> for $t {
            type Expression = Bound<Nullable<Text>, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<$($($generic)*)?> AsExpression<Nullable<Text>> for &$t {
            type Expression = Bound<Nullable<Text>, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<DB: Backend, $($($generic)*)?> ToSql<Text, DB> for $t
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.as_str(), out)
            }
        }
        impl<DB: Backend, $($($generic)*)?> ToSql<Nullable<Text>, DB> for $t
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.as_str(), out)
            }
        }
        impl<DB: Backend, $($($generic)*)?> FromSql<Text, DB> for $t
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as FromSql<Text, DB>>::from_sql(bytes)?;
                text.parse().map_err(|_| format!("unexpected value {text:?} in a column of {}", stringify!($t)).into())
            }
        }
        impl<DB: Backend, ST: SingleValue, $($($generic)*)?> Queryable<ST, DB> for $t
        where
            Self: FromSql<ST, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> diesel::deserialize::Result<Self> { Ok(row) }
        }
    };
}

text_column!(Id<T>, T: 'static);
text_column!(OrganizationKind);
text_column!(Role);
text_column!(AlertKind);
text_column!(AlertState);
text_column!(Assessment);
text_column!(Severity);
text_column!(AuditKind);
text_column!(crate::domain::deadline::DeadlineKind);
text_column!(ApplicationStep);
text_column!(Cause);
text_column!(ContractOrigin);
text_column!(crate::domain::contract::TermsKind);
text_column!(crate::domain::company::Likeness);
text_column!(crate::domain::company::NamedIn);
text_column!(crate::notice::NoticeKind);
text_column!(super::consent_draft::DraftState);
text_column!(super::notice::NoticeState);
text_column!(super::pending::ChangeKind);
text_column!(super::pending::ChangeState);

/// Reads a JSON column; text that does not fit is a broken row.
pub fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|e| DbError::BrokenRow(e.to_string()))
}

/// Writes a JSON column.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|e| DbError::BrokenRow(e.to_string()))
}
