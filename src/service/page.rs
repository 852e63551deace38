//! Keyset pages: a stable order, a cursor that says where the last page ended, never an offset.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Failure;

/// Rows of a page unless asked otherwise.
pub const DEFAULT_LIMIT: i64 = 50;
/// Rows of a page at most.
pub const MAX_LIMIT: i64 = 200;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// The sort key of the last row of the page before.
    pub after: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, after: None }
    }
}

impl Page {
    /// From `?limit=` and `?cursor=`.
    pub fn read(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Failure> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n)).ok_or_else(|| {
                Failure::field(
                    "/limit",
                    "range",
                    format!("limit は1から{MAX_LIMIT}までの整数で指定してください。"),
                )
            })?,
        };
        let after = cursor.map(decode).transpose()?;
        Ok(Self { limit, after })
    }

    /// The cursor read as an identifier: lists ordered by id.
    pub fn after_id<T>(&self) -> Result<Option<crate::domain::id::Id<T>>, Failure> {
        self.after.as_deref().map(str::parse).transpose().map_err(|_| unknown_cursor())
    }

    /// The cursor of a list ordered by something else first and by id among equals, as [`keyed`] wrote it.
    pub fn after_keyed<K: std::str::FromStr, T>(
        &self,
    ) -> Result<Option<(K, crate::domain::id::Id<T>)>, Failure> {
        let read = |key: &String| {
            let (first, id) = key.rsplit_once(' ')?;
            Some((first.parse().ok()?, id.parse().ok()?))
        };
        self.after.as_ref().map(|key| read(key).ok_or_else(unknown_cursor)).transpose()
    }

    /// Rows to load: one more than shown tells whether there is a next page.
    pub fn rows(&self) -> i64 {
        self.limit + 1
    }
}

/// The sort key of a row in a list ordered by something else first and by id among equals.
pub fn keyed<T>(first: impl std::fmt::Display, id: crate::domain::id::Id<T>) -> String {
    format!("{first} {id}")
}

fn decode(cursor: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unknown_cursor())?;
    let key = String::from_utf8(bytes).map_err(|_| unknown_cursor())?;
    if key.contains('\0') { Err(unknown_cursor()) } else { Ok(key) }
}

/// The answer to a cursor that no list gave.
pub fn unknown_cursor() -> Failure {
    Failure::field(
        "/cursor",
        "unknown",
        "cursor が正しくありません。前のページの next_cursor をそのまま指定してください。",
    )
}

/// So many rows are counted; of more, only that there are more is said.
pub const COUNTED: i64 = 1_000;

/// How many rows there are, as far as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Total {
    pub count: i64,
    /// There are that many, or more.
    pub more: bool,
}

impl Total {
    /// One more than [`COUNTED`]: to count up to.
    pub const BOUND: i64 = COUNTED + 1;

    /// Of what was counted up to [`Self::BOUND`].
    pub fn of(found: i64) -> Self {
        Self { count: found.min(COUNTED), more: found > COUNTED }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paged<T> {
    pub items: Vec<T>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

// By hand: the derive refers to the item by name and does not add it to the components.
impl<T: ToSchema> PartialSchema for Paged<T> {
    fn schema() -> RefOr<Schema> {
        let text_or_null = SchemaType::Array(vec![Type::String, Type::Null]);
        ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("items")
            .property(
                "next_cursor",
                ObjectBuilder::new()
                    .schema_type(text_or_null)
                    .description(Some("Where the next page begins; null on the last.")),
            )
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Paged<T> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T> Paged<T> {
    /// Cuts the extra row off; `key` is the sort key of a row.
    pub fn cut<R>(
        page: &Page,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> String,
        show: impl FnMut(R) -> T,
    ) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|row| URL_SAFE_NO_PAD.encode(key(row))) } else { None };
        Self { items: rows.into_iter().map(show).collect(), next_cursor }
    }
}
