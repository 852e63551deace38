//! What a form says: texts by the names of its fields, kept as they were typed, and the body a use case takes from
//! them. A field's name is its place in that body (`engagements/0/started_on`), so that what is wrong finds its field.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::own::theirs;
use crate::domain::contract::DataCategory;
use crate::domain::text::thousands;

/// Fields of a form at most; 500 uses of a declaration have fewer.
const MOST_FIELDS: usize = 10_000;
/// A name has at most as many parts: nobody nests deeper.
const DEEPEST: usize = 6;

/// Persons by category, as three fields: `persons/personal`, `persons/my_number`, `persons/sensitive` make a `data` list.
const PERSONS: &str = "persons";

/// A form as it was sent, or as it is shown filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Form {
    /// By name. Rows that were left blank are gone, and those after them moved up.
    values: BTreeMap<String, String>,
    /// What our own fields say (`_proof`, `_once`, `_version`, `_again`, `_sure`).
    #[serde(skip)]
    marks: BTreeMap<String, String>,
    #[serde(skip)]
    body: Map<String, Value>,
}

/// A form while it is put together.
#[derive(Debug)]
enum Node {
    Text(String),
    Branch(BTreeMap<String, Node>),
}

impl Form {
    /// From the fields as sent; of a name that comes twice the last counts.
    pub fn read(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let (mut marks, mut top) = (BTreeMap::new(), BTreeMap::new());
        for (name, text) in fields.into_iter().take(MOST_FIELDS) {
            if name.starts_with('_') {
                marks.insert(name, text);
            } else {
                put(&mut top, &name, text);
            }
        }
        Self { marks, ..Self::of(&top) }
    }

    fn of(top: &BTreeMap<String, Node>) -> Self {
        let mut form = Self::default();
        for (name, node) in top {
            if let Some(value) = form.take(name, node) {
                form.body.insert(name.clone(), value);
            }
        }
        fold_persons(&mut form.body);
        form
    }

    /// A form filled with what is known: a view, or an input, as JSON.
    pub fn filled(known: &Value) -> Self {
        let mut top = BTreeMap::new();
        flatten(known, "", &mut |name, text| put(&mut top, name, text));
        Self::of(&top)
    }

    /// Keeps the text of every field below `name`, and answers what the body says there; None: nothing.
    fn take(&mut self, name: &str, node: &Node) -> Option<Value> {
        match node {
            Node::Text(text) => {
                self.values.insert(name.to_owned(), theirs(text.clone()));
                (!text.trim().is_empty()).then(|| Value::String(text.clone()))
            }
            Node::Branch(parts) if parts.keys().all(|part| part.bytes().all(|b| b.is_ascii_digit())) => {
                let mut rows: Vec<(u32, &Node)> =
                    parts.iter().filter_map(|(part, node)| Some((part.parse().ok()?, node))).collect();
                rows.sort_by_key(|(place, _)| *place);
                let filled = rows.into_iter().filter(|(_, node)| !is_blank(node));
                let list: Vec<Value> = filled
                    .enumerate()
                    .filter_map(|(place, (_, node))| self.take(&format!("{name}/{place}"), node))
                    .collect();
                (!list.is_empty()).then_some(Value::Array(list))
            }
            Node::Branch(parts) => {
                let mut map = Map::new();
                for (part, node) in parts {
                    if let Some(value) = self.take(&format!("{name}/{part}"), node) {
                        map.insert(part.clone(), value);
                    }
                }
                fold_persons(&mut map);
                (!map.is_empty()).then_some(Value::Object(map))
            }
        }
    }

    /// A field as it was typed; empty where there is none.
    pub fn typed(&self, name: &str) -> &str {
        self.values.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What one of our own fields says.
    pub fn mark(&self, name: &str) -> Option<&str> {
        self.marks.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The same form, sent once more from its check page.
    #[must_use]
    pub fn looked_at(&self) -> Self {
        let mut form = self.clone();
        form.marks.insert("_sure".to_owned(), "1".to_owned());
        form
    }

    /// Every field with its text.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// How many rows a list of the form has.
    pub fn rows(&self, name: &str) -> usize {
        let prefix = format!("{name}/");
        let places =
            self.values.keys().filter_map(|key| key.strip_prefix(&prefix)?.split('/').next()?.parse().ok());
        places.max().map_or(0, |last: usize| last + 1)
    }

    /// What a use case takes.
    pub fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    /// The field that a pointer into the body speaks of.
    pub fn field_of(&self, pointer: &str) -> String {
        let mut name: Vec<String> = Vec::new();
        let mut at = Some(Value::Object(self.body.clone()));
        let mut parts = pointer.split('/').skip(1);
        while let Some(part) = parts.next() {
            let within = at.as_ref().and_then(|value| value.get(part)).cloned();
            if part == "data" && (within.is_none() || within.as_ref().is_some_and(Value::is_array)) {
                let place = parts.next().and_then(|place| place.parse::<usize>().ok());
                let row = within.as_ref().and_then(|rows| rows.get(place.unwrap_or(0)));
                let category = row.and_then(|row| row.get("category")).and_then(Value::as_str);
                name.push(PERSONS.to_owned());
                name.push(category.unwrap_or(DataCategory::Personal.as_str()).to_owned());
                break;
            }
            name.push(part.to_owned());
            at = match at {
                Some(Value::Array(rows)) => {
                    part.parse().ok().and_then(|place: usize| rows.get(place).cloned())
                }
                _ => within,
            };
        }
        name.join("/")
    }
}

fn put(top: &mut BTreeMap<String, Node>, name: &str, text: String) {
    let parts: Vec<&str> = name.split('/').collect();
    let Some((last, path)) = parts.split_last().filter(|_| parts.len() <= DEEPEST) else { return };
    let mut at = top;
    for part in path {
        let next = at.entry((*part).to_owned()).or_insert_with(|| Node::Branch(BTreeMap::new()));
        match next {
            Node::Branch(parts) => at = parts,
            // A name that is a field and a group at once is none of our forms'.
            Node::Text(_) => return,
        }
    }
    at.insert((*last).to_owned(), Node::Text(text));
}

fn is_blank(node: &Node) -> bool {
    match node {
        Node::Text(text) => text.trim().is_empty(),
        Node::Branch(parts) => parts.values().all(is_blank),
    }
}

/// The three counts of persons become the list that every input of volumes takes.
fn fold_persons(map: &mut Map<String, Value>) {
    let Some(Value::Object(counts)) = map.get(PERSONS) else { return };
    let row = |category: &DataCategory| {
        let persons = counts.get(category.as_str())?;
        Some(json!({ "category": category.as_str(), PERSONS: persons }))
    };
    let rows =
        [DataCategory::Personal, DataCategory::MyNumber, DataCategory::Sensitive].iter().filter_map(row);
    let rows: Vec<Value> = rows.collect();
    map.remove(PERSONS);
    map.insert("data".to_owned(), Value::Array(rows));
}

/// Every text of a JSON value by its name; `data` lists as the three counts.
fn flatten(value: &Value, name: &str, put: &mut impl FnMut(&str, String)) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}/{part}") };
    match value {
        Value::Null => {}
        Value::String(text) => put(name, text.clone()),
        Value::Bool(_) | Value::Number(_) => put(name, value.to_string()),
        Value::Array(rows) => {
            for (place, row) in rows.iter().enumerate() {
                flatten(row, &below(&place.to_string()), put);
            }
        }
        Value::Object(map) => {
            for (part, value) in map {
                match value {
                    Value::Array(rows) if part == "data" => {
                        for row in rows {
                            if let (Some(category), Some(persons)) =
                                (row["category"].as_str(), row.get(PERSONS))
                            {
                                put(&below(&format!("{PERSONS}/{category}")), as_written(persons));
                            }
                        }
                    }
                    Value::Number(_) if part.ends_with("_yen") => put(&below(part), as_written(value)),
                    _ => flatten(value, &below(part), put),
                }
            }
        }
    }
}

/// Money and persons as offices write them, with commas; they are read as they stand there.
fn as_written(number: &Value) -> String {
    number.as_i64().map_or_else(|| number.to_string(), thousands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::read(fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn names_are_places_in_the_body() {
        let form = form(&[
            ("_proof", "p"),
            ("number", "R8-1"),
            ("department", " "),
            ("subcontracting/policy", "prohibited"),
            ("roles/3", "officer"),
            ("roles/7", "auditor"),
            ("persons/personal", "１０"),
            ("persons/my_number", ""),
        ]);
        let expected = json!({
            "number": "R8-1", "subcontracting": {"policy": "prohibited"}, "roles": ["officer", "auditor"],
            "data": [{"category": "personal", "persons": "１０"}],
        });
        assert_eq!(Value::Object(form.body().clone()), expected);
        assert_eq!(
            (form.mark("_proof"), form.typed("department"), form.typed("roles/1")),
            (Some("p"), " ", "auditor")
        );
        assert_eq!(form.field_of("/data/0/persons"), "persons/personal");
        assert_eq!(form.field_of("/subcontracting/max_tier"), "subcontracting/max_tier");
        assert_eq!(form.field_of(""), "");
    }

    #[test]
    fn blank_rows_are_dropped_and_the_others_move_up() {
        let form = form(&[
            ("engagements/0/started_on", ""),
            ("engagements/0/persons/personal", ""),
            ("engagements/2/started_on", "R8.4.1"),
            ("engagements/2/persons/my_number", "5"),
            ("engagements/10/started_on", "R8.5.1"),
        ]);
        assert_eq!(form.typed("engagements/0/started_on"), "R8.4.1");
        assert_eq!(form.typed("engagements/1/started_on"), "R8.5.1");
        assert_eq!(form.rows("engagements"), 2);
        assert_eq!(form.field_of("/engagements/0/data/0/persons"), "engagements/0/persons/my_number");
        assert_eq!(form.field_of("/engagements/1/data"), "engagements/1/persons/personal");
    }

    #[test]
    fn what_is_known_fills_the_form_that_says_it_again() {
        let known = json!({
            "number": "R8-1", "amount_yen": 5_000, "none": true, "department": null,
            "data": [{"category": "personal", "persons": 23_000}, {"category": "my_number", "persons": 4}],
            "engagements": [{"started_on": "2026-04-01"}],
        });
        let form = Form::filled(&known);
        assert_eq!(
            (form.typed("amount_yen"), form.typed("none"), form.typed("persons/personal")),
            ("5,000", "true", "23,000")
        );
        let again = Form::read(form.values().clone());
        assert_eq!(again.body(), form.body());
    }

    #[test]
    fn strange_names_do_no_harm() {
        let deep = "a/".repeat(2_000);
        let form = form(&[
            ("a", "1"),
            ("a/b", "2"),
            (deep.as_str(), "3"),
            ("", "4"),
            ("/", "5"),
            ("0", "6"),
            ("c/00", "7"),
            ("c/0", "8"),
        ]);
        assert_eq!(form.typed("a"), "1");
        assert_eq!(form.field_of("/data/99999999999999999999/persons"), "persons/personal");
    }
}
