//! What an entry says, read member by member. A member that the facts need and the payload lacks is told, not guessed.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::row::Cell;
use crate::domain::contract::Stamp;
use crate::ledger::entry::Entry;

/// The payload lacks what the facts of the entry need, or says it in another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// The member's name.
    pub member: String,
}

/// An entry, and the object within its payload that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub entry: &'a Entry,
    object: &'a Value,
}

impl<'a> Said<'a> {
    pub fn new(entry: &'a Entry, payload: &'a Value) -> Self {
        Self { entry, object: payload }
    }

    fn lacks<T>(name: &str) -> Result<T, Incomplete> {
        Err(Incomplete { member: name.to_owned() })
    }

    /// The member, if it is there at all; `null` is there.
    pub fn given(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    pub fn get(&self, name: &str) -> Result<&'a Value, Incomplete> {
        self.given(name).map_or_else(|| Self::lacks(name), Ok)
    }

    pub fn cell(&self, name: &str) -> Result<Cell, Incomplete> {
        self.get(name).map(Cell::of)
    }

    pub fn text(&self, name: &str) -> Result<&'a str, Incomplete> {
        self.get(name)?.as_str().map_or_else(|| Self::lacks(name), Ok)
    }

    /// None: `null`.
    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, Incomplete> {
        if self.get(name)?.is_null() { Ok(None) } else { self.text(name).map(Some) }
    }

    pub fn number(&self, name: &str) -> Result<i64, Incomplete> {
        self.get(name)?.as_i64().map_or_else(|| Self::lacks(name), Ok)
    }

    pub fn flag(&self, name: &str) -> Result<bool, Incomplete> {
        self.get(name)?.as_bool().map_or_else(|| Self::lacks(name), Ok)
    }

    /// As a type of the domain.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, Incomplete> {
        T::deserialize(self.get(name)?).map_or_else(|_| Self::lacks(name), Ok)
    }

    /// An object within it.
    pub fn within(&self, name: &str) -> Result<Self, Incomplete> {
        Ok(Self { object: self.get(name)?, ..*self })
    }

    /// The objects of a list.
    pub fn each(&self, name: &str) -> Result<Vec<Self>, Incomplete> {
        let Some(items) = self.get(name)?.as_array() else { return Self::lacks(name) };
        Ok(items.iter().map(|object| Self { object, ..*self }).collect())
    }

    /// The business day.
    pub fn on(&self) -> Result<Cell, Incomplete> {
        self.cell("on")
    }

    /// Who; NULL: the program.
    pub fn actor(&self) -> Cell {
        self.entry.actor_id.map_or(Cell::Null, |id| Cell::text(id.as_str()))
    }

    pub fn stamp(&self) -> Stamp {
        Stamp { seq: self.entry.seq, at: self.entry.at }
    }

    /// The id of the one row of a table that stands for the entry.
    pub fn row_id(&self) -> String {
        self.entry.id.to_string()
    }
}
