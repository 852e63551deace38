//! A row as it must stand, and what a stored one has otherwise.

use serde_json::Value;

use super::tables::Table;
use crate::domain::contract::Instant;
use crate::domain::id::EntryId;
use crate::ledger::entry::{Entry, salt_hash, salted};
use crate::ledger::receipt::{PublicKey, Receipt, check};

/// What a column must hold. Days stand as `2026-04-01`, the form of the payloads and of both databases.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Text(String),
    Number(i64),
    Flag(bool),
    At(Instant),
    /// The same JSON, whatever the order of members.
    Json(Value),
    /// A text of which the ledger has the hash, salted with the row's `salt`; both erased is right.
    Hashed(String),
    /// A salt of which the ledger has the hash; erased is right.
    Salt(String),
    /// What is made of another column's text, which is held to the ledger itself.
    Derived {
        from: &'static str,
        by: fn(&str) -> String,
    },
    /// A receipt for the entry, signed with a published key.
    Receipt(Box<Entry>),
    /// Anything: the ledger knows that there is something, and deliberately not what.
    Something,
}

impl Cell {
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(yes) => Self::Flag(*yes),
            Value::Number(number) => number.as_i64().map_or_else(|| Self::Json(value.clone()), Self::Number),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(_) | Value::Object(_) => Self::Json(value.clone()),
        }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The hash of a text, or that there is none.
    pub fn hashed(hash: Option<&str>) -> Self {
        hash.map_or(Self::Null, |hash| Self::Hashed(hash.to_owned()))
    }

    /// The hash of a salt, or that there is none.
    pub fn salt(hash: Option<&str>) -> Self {
        hash.map_or(Self::Null, |hash| Self::Salt(hash.to_owned()))
    }
}

/// A row that must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub table: &'static str,
    /// As [`Table::identity`] has it.
    pub id: String,
    /// The entry that brought it about.
    pub entry: EntryId,
    cells: Vec<(&'static str, Cell)>,
}

impl Row {
    pub(super) fn new(
        table: &'static str,
        id: impl Into<String>,
        entry: EntryId,
        cells: Vec<(&'static str, Cell)>,
    ) -> Self {
        Self { table, id: id.into(), entry, cells }
    }

    pub(super) fn get(&self, column: &str) -> Option<&Cell> {
        self.cells.iter().find(|(name, _)| *name == column).map(|(_, cell)| cell)
    }

    pub(super) fn set(&mut self, column: &'static str, cell: Cell) {
        match self.cells.iter_mut().find(|(name, _)| *name == column) {
            Some((_, old)) => *old = cell,
            None => self.cells.push((column, cell)),
        }
    }

    /// Counts a column up.
    pub(super) fn count(&mut self, column: &'static str) {
        let before = if let Some(Cell::Number(number)) = self.get(column) { *number } else { 0 };
        self.set(column, Cell::Number(before.saturating_add(1)));
    }

    /// The first column in which a stored row is not this one. A salt comes before the texts that are hashed with it: where
    /// it was changed, none of them holds.
    pub fn differs(&self, table: &Table, stored: &Stored, keys: &[PublicKey]) -> Option<&'static str> {
        let wrong = |column: &&'static str| {
            let text = stored.get(table, column);
            // A column that the rebuilding forgot is never right.
            !self.get(column).is_some_and(|cell| self.holds(cell, text, table, stored, keys))
        };
        let names = || table.columns.iter().map(|(name, _)| *name);
        let salt = names().find(|name| *name == "salt");
        salt.into_iter().chain(names()).find(wrong)
    }

    fn holds(
        &self,
        cell: &Cell,
        text: Option<&str>,
        table: &Table,
        stored: &Stored,
        keys: &[PublicKey],
    ) -> bool {
        // A list that was erased has nothing in it.
        let erased = |text: Option<&str>| text.is_none_or(|text| text.is_empty() || text == "[]");
        let salt = stored.get(table, "salt");
        match (cell, text) {
            (Cell::Null, None) | (Cell::Something, Some(_)) => true,
            (Cell::Text(expected), Some(text)) => expected == text,
            (Cell::Number(expected), Some(text)) => expected.to_string() == text,
            (Cell::Flag(expected), Some(text)) => text == if *expected { "1" } else { "0" },
            (Cell::At(expected), Some(text)) => is_instant(*expected, text),
            (Cell::Json(expected), Some(text)) => is_json(expected, text),
            (Cell::Salt(hash), Some(text)) if !text.is_empty() => salt_hash(text) == *hash,
            // Erased with everything that was hashed with it, of which there was something.
            (Cell::Salt(_), _) => {
                let mut hashed =
                    self.cells.iter().filter(|(_, cell)| matches!(cell, Cell::Hashed(_))).peekable();
                hashed.peek().is_some() && hashed.all(|(name, _)| erased(stored.get(table, name)))
            }
            (Cell::Hashed(hash), text) => match (salt, text) {
                (Some(salt), Some(text)) if !salt.is_empty() => salted(salt, text) == *hash,
                _ => erased(salt) && erased(text),
            },
            (Cell::Derived { from, by }, Some(text)) => {
                let source = stored.get(table, from).unwrap_or_default();
                // What must be unique in its table cannot be empty: of an erased one it is the row's id.
                by(source) == text || (erased(salt) && source.is_empty() && text == self.id)
            }
            (Cell::Receipt(entry), Some(text)) => is_receipt(entry, text, keys),
            _ => false,
        }
    }
}

fn is_instant(expected: Instant, text: &str) -> bool {
    let at = expected.naive_utc();
    at.format("%F %T%.f").to_string() == text || at.format("%F %T%.6f").to_string() == text
}

/// The order of members is the writer's; anything else that the text could have beside its value would show in its length.
fn is_json(expected: &Value, text: &str) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return false };
    value == *expected && value.to_string().len() == text.len()
}

fn is_receipt(entry: &Entry, text: &str, keys: &[PublicKey]) -> bool {
    let Ok(receipt) = serde_json::from_str::<Receipt>(text) else { return false };
    let key = keys.iter().find(|key| key.id() == receipt.key_id);
    let same = serde_json::to_value(&receipt).is_ok_and(|value| is_json(&value, text));
    same && key.is_some_and(|key| check(&receipt, entry, key).is_ok())
}

/// A row as it stands: its columns as text, in the order of [`Table::columns`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored(pub Vec<Option<String>>);

impl Stored {
    pub fn get(&self, table: &Table, column: &str) -> Option<&str> {
        let place = table.columns.iter().position(|(name, _)| *name == column)?;
        self.0.get(place)?.as_deref()
    }

    /// As [`Row::id`].
    pub fn id(&self, table: &Table) -> String {
        let parts = table.identity.iter().map(|column| self.get(table, column).unwrap_or_default());
        parts.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tables::{Kind, Table};
    use super::*;

    use crate::ledger::entry::tests::{draft, id};
    use crate::ledger::entry::{Draft, NO_HASH, Payload, seal};
    use crate::ledger::receipt::SigningKey;

    const TABLE: Table = Table {
        name: "people",
        title: "",
        identity: &["id"],
        chain: &["id"],
        columns: &[("id", Kind::Text), ("name", Kind::Text), ("name_key", Kind::Text), ("salt", Kind::Text)],
    };

    fn row(cells: Vec<(&'static str, Cell)>) -> Row {
        Row::new("people", "1", id(1), cells)
    }

    fn stored(columns: &[Option<&str>]) -> Stored {
        Stored(columns.iter().map(|column| column.map(str::to_owned)).collect())
    }

    #[test]
    fn words_are_held_to_their_hash_or_erased_with_their_salt() {
        let key = |text: &str| text.to_lowercase();
        let person = row(vec![
            ("id", Cell::text("1")),
            ("name", Cell::Hashed(salted("s", "Ann"))),
            ("name_key", Cell::Derived { from: "name", by: key }),
            ("salt", Cell::Salt(salt_hash("s"))),
        ]);
        let differs = |columns: [Option<&str>; 4]| person.differs(&TABLE, &stored(&columns), &[]);
        assert_eq!(differs([Some("1"), Some("Ann"), Some("ann"), Some("s")]), None);
        assert_eq!(differs([Some("1"), Some("Ann"), Some("ann"), Some("t")]), Some("salt"));
        assert_eq!(differs([Some("1"), Some("Ben"), Some("ben"), Some("s")]), Some("name"));
        assert_eq!(differs([Some("1"), Some("Ann"), Some("ben"), Some("s")]), Some("name_key"));
        assert_eq!(differs([Some("1"), Some(""), Some(""), Some("")]), None, "erased");
        assert_eq!(differs([Some("1"), None, Some("1"), None]), None, "erased, and unique still");
        assert_eq!(differs([Some("1"), Some(""), Some(""), Some("s")]), Some("name"), "half erased");
        assert_eq!(differs([Some("1"), Some("Ann"), Some("ann"), None]), Some("salt"), "half erased");
        assert_eq!(
            differs([Some("1"), Some(""), Some("ann"), Some("")]),
            Some("name_key"),
            "its key tells it"
        );
    }

    #[test]
    fn a_salt_without_hashed_words_is_not_erased_and_a_forgotten_column_is_never_right() {
        let bare = row(vec![("id", Cell::text("1")), ("salt", Cell::Salt(salt_hash("s")))]);
        let columns = [Some("1"), None, None, Some("")];
        assert_eq!(bare.differs(&TABLE, &stored(&columns), &[]), Some("salt"));
        let columns = [Some("1"), None, None, Some("s")];
        assert_eq!(bare.differs(&TABLE, &stored(&columns), &[]), Some("name"));
    }

    #[test]
    fn json_is_held_to_its_value_whatever_the_order_of_members() {
        let value = json!({"a": [1, "é"], "b": null});
        for right in [r#"{"a":[1,"é"],"b":null}"#, r#"{"b":null,"a":[1,"é"]}"#] {
            assert!(is_json(&value, right), "{right}");
        }
        for wrong in [
            r#"{"a":[1,"é"], "b":null}"#,
            r#"{"a":[1,"\u00e9"],"b":null}"#,
            r#"{"a":[1,"é"],"b":null,"b":null}"#,
            r#"{"a":[1,"e"],"b":null}"#,
            r#"{"a":[1,"é"]}"#,
            "",
        ] {
            assert!(!is_json(&value, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_receipt_is_of_its_entry_by_a_published_key() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let entry = seal(draft(), NO_HASH);
        let other = seal(Draft { payload: Payload::new(&json!({})).unwrap(), ..draft() }, NO_HASH);
        let text = serde_json::to_string(&key.receipt(&entry)).unwrap();
        assert!(is_receipt(&entry, &text, &[key.public()]));
        assert!(!is_receipt(&entry, &text, &[]), "a key that nobody published");
        assert!(!is_receipt(&other, &text, &[key.public()]));
        assert!(!is_receipt(&entry, &text.replace("\"seq\":1", "\"seq\":2"), &[key.public()]));
        assert!(!is_receipt(&entry, "{}", &[key.public()]));
    }
}
