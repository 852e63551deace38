//! A visit: what a browser brought to a page, and the readers of it.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _};
use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::form::Form;
use super::route::Wrong;
use crate::domain::calendar::{parse_day, parse_fiscal_year};
use crate::domain::id::Id;
use crate::domain::input::{Input, Mode, NOT_A_YEAR, parse};
use crate::domain::limits::{FIRST_YEAR, LAST_YEAR};
use crate::service::contract::NarrowQuery;
use crate::service::guessing::Origin;
use crate::service::page::Total;
use crate::service::{self, Failure, IfMatch};

/// What a browser brought.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Path and query, as asked.
    pub address: String,
    /// A form was sent.
    pub is_sent: bool,
    /// What was sent can be shown again without acting (`_again`).
    pub can_return: bool,
    pub path: HashMap<String, String>,
    pub query: HashMap<String, String>,
    pub form: Form,
    /// The file that came with the form.
    pub file: Option<File>,
    /// What was sent was more than is taken in, and was not read: there is no form, and nothing to be done.
    pub too_large: bool,
    /// Whence it comes; known of routes that need no session.
    pub origin: Origin,
}

/// A file as sent. It waits on the disk, in a file that has no name and is gone with the visit.
#[derive(Debug, Clone)]
pub struct File {
    pub name: String,
    /// In bytes.
    pub size: usize,
    pub spool: Arc<std::fs::File>,
}

impl File {
    /// What it says.
    pub fn content(&self) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::with_capacity(self.size);
        let mut spool = self.spool.as_ref();
        let read = spool.rewind().and_then(|()| spool.read_to_end(&mut content));
        read.map_err(|error| Failure::Internal(format!("a file that was sent: {error}")))?;
        Ok(content)
    }
}

impl Visit {
    /// An identifier in the path; one that can't be one is not found.
    pub fn id<T>(&self, name: &str) -> Result<Id<T>, Failure> {
        self.path.get(name).and_then(|text| text.parse().ok()).ok_or(Failure::NotFound)
    }

    /// A query parameter that is there and not empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A field of the form as it was typed.
    pub fn typed(&self, name: &str) -> &str {
        self.form.typed(name)
    }

    /// The form as a use case's input: full-width digits, 和暦 and the like are understood.
    pub fn input<I: Input>(&self) -> Result<I, Failure> {
        self.completed(|_| ())
    }

    /// As [`Self::input`], of a body to which the page adds what its form has no field for.
    pub fn completed<I: Input>(&self, complete: impl FnOnce(&mut Map<String, Value>)) -> Result<I, Failure> {
        let mut body = self.form.body().clone();
        complete(&mut body);
        parse(&Value::Object(body), Mode::Lenient).map_err(Failure::Invalid)
    }

    /// The version of what was changed, as the form showed it.
    pub fn version(&self) -> IfMatch {
        IfMatch::parse(self.form.mark("_version").unwrap_or_default())
    }

    /// Which page of a list is asked for.
    pub fn page(&self) -> Result<service::Page, Failure> {
        service::Page::read(None, self.query("cursor"))
    }

    /// A query parameter that is one of an enum's words; an unknown one narrows nothing.
    pub fn query_word<E: std::str::FromStr>(&self, name: &str) -> Option<E> {
        self.query(name).and_then(|text| text.parse().ok())
    }

    /// A query parameter that is an identifier; one that can't be one is not found.
    pub fn query_id<T>(&self, name: &str) -> Result<Option<Id<T>>, Failure> {
        self.query(name).map(|text| text.parse().map_err(|_| Failure::NotFound)).transpose()
    }

    /// A 年度 in the query as offices write it. What can't be read as one narrows nothing and is told.
    pub fn query_year(&self, name: &str) -> (Option<i32>, Vec<Wrong>) {
        let message = format!("{NOT_A_YEAR}いまの表示は、入力された年度のものではありません。");
        let known = FIRST_YEAR..=LAST_YEAR;
        self.query_read((name, "年度"), message, |text| {
            parse_fiscal_year(text).filter(|year| known.contains(year))
        })
    }

    /// A day in the query, likewise.
    pub fn query_day(&self, (name, label): (&str, &str)) -> (Option<NaiveDate>, Vec<Wrong>) {
        let message = "日付として読めません。2026-04-01、R8.4.1、令和8年4月1日 のように入力してください。いまの表示は、この条件でしぼり込まれていません。";
        self.query_read((name, label), message.to_owned(), parse_day)
    }

    /// Of which contracts a list is asked for, with what of that can't be read.
    pub fn narrow(&self) -> (NarrowQuery, Vec<Wrong>) {
        let (fiscal_year, wrong) = self.query_year("fiscal_year");
        let text = |name: &str| self.query(name).map(str::to_owned);
        let narrow = NarrowQuery {
            q: text("q"),
            officer: self.query_word("officer"),
            department: text("department"),
            vendor: text("vendor"),
            fiscal_year,
        };
        (narrow, wrong)
    }

    fn query_read<T>(
        &self,
        (name, label): (&str, &str),
        message: String,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> (Option<T>, Vec<Wrong>) {
        let Some(text) = self.query(name) else { return (None, Vec::new()) };
        match read(text) {
            Some(value) => (Some(value), Vec::new()),
            None => (None, vec![Wrong { field: name.to_owned(), label: label.to_owned(), message }]),
        }
    }

    /// Whether a list is narrowed to a part.
    pub fn is_narrowed(&self) -> bool {
        self.query.iter().any(|(name, value)| {
            !matches!(name.as_str(), "cursor" | "done" | "sort" | "tour") && !value.is_empty()
        })
    }

    /// This address with another cursor; none: the first page.
    pub fn turned(&self, cursor: Option<&str>) -> String {
        let (path, query) = self.address.split_once('?').unwrap_or((&self.address, ""));
        let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, value)| {
            !matches!(name.as_ref(), "cursor" | "done" | "tour") && !value.is_empty()
        });
        let mut turned = url::form_urlencoded::Serializer::new(String::new());
        turned.extend_pairs(kept);
        turned.extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        match turned.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// As [`Self::pager`], with how many rows there are on all its pages; they are counted where this page is not all.
    pub fn counted_pager<T>(
        &self,
        paged: &service::Paged<T>,
        count: impl FnOnce() -> Result<Total, Failure>,
    ) -> Result<Value, Failure> {
        let mut turns = self.pager(paged);
        if paged.next_cursor.is_some() || self.query("cursor").is_some() {
            let total = json!(count()?);
            turns.as_object_mut().and_then(|turns| turns.insert("total".to_owned(), total));
        }
        Ok(turns)
    }

    /// What a list's page needs to be turned: `{count, more, next, first}`.
    pub fn pager<T>(&self, paged: &service::Paged<T>) -> Value {
        let next = paged.next_cursor.as_deref().map(|cursor| self.turned(Some(cursor)));
        let first = self.query("cursor").map(|_| self.turned(None));
        json!({ "count": paged.items.len(), "next": next, "first": first })
    }
}
