//! Input from outside, parsed once: one declaration gives the struct, the parser that names every wrong field by
//! its JSON pointer, and the JSON Schema for the API's description.
//!
//! API bodies are read strictly (a number where a text belongs is an error); forms and files, whose values are all
//! text, are read leniently with the habits of the field: full-width digits, 和暦, commas in amounts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod compounds;
mod near;
mod numbers;
mod values;
mod words;

pub use compounds::{
    Defaulted, Flattened, Freeform, List, Nested, Optional, flattened, freeform, list, nested, optional, or,
};
pub use near::nearest;
pub use numbers::{FiscalYear, Integer, NOT_A_YEAR, Small, count, fiscal_year, integer, small, yen};
pub use values::{
    Corporate, Country, Day, Flag, Identifier, Word, corporate_number, country, day, flag, id, word,
};
pub use words::{
    Email, Named, Text, company_name, contract_title, email, office_number, prose, question_of_my_number,
    text, verbatim,
};

/// One wrong field, in the user's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// Stable word for programs.
    pub code: String,
    /// What is wrong and what is expected, in Japanese.
    pub message: String,
}

impl FieldError {
    /// An error at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), message: message.into() }
    }
}

/// Whether values arrive typed (JSON) or as text (forms, files).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// JSON of the API.
    Strict,
    /// Forms and files: empty text is "not given".
    Lenient,
}

/// Unknown names told at once; one who sends more sends something else.
pub const MOST_ERRORS: usize = 50;
/// So much of an unknown name is told.
const TOLD_OF_A_NAME: usize = 200;

/// The pointer of a name below another.
pub fn pointer(at: &str, name: &str) -> String {
    let name: String = name.chars().take(TOLD_OF_A_NAME).collect();
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A struct declared by [`input!`](crate::input).
pub trait Input: Sized {
    /// Reads an object; None means that errors were added.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
    /// JSON Schema of the object.
    fn schema() -> Value;
    /// The names of its fields; None: they are judged elsewhere.
    fn names() -> Option<Vec<&'static str>> {
        None
    }
    /// Checks that need several fields at once; pointers are relative to the object.
    fn check(&self, _errors: &mut Vec<FieldError>) {}
}

/// Parses a whole body: all field errors at once.
pub fn parse<T: Input>(body: &Value, mode: Mode) -> Result<T, Vec<FieldError>> {
    let mut errors = Vec::new();
    let parsed = read_object::<T>(body, "", mode, &mut errors, Names::Judged);
    match parsed {
        Some(parsed) if errors.is_empty() => Ok(parsed),
        _ => Err(errors),
    }
}

/// Whether the names in an object are held against the declaration: another one's fields may stand beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Judged,
    Shared,
}

fn read_object<T: Input>(
    value: &Value,
    at: &str,
    mode: Mode,
    errors: &mut Vec<FieldError>,
    names: Names,
) -> Option<T> {
    let Value::Object(map) = value else {
        errors.push(FieldError::new(at, "type", "項目の組（オブジェクト）で指定してください。"));
        return None;
    };
    let before = errors.len();
    // Forms and files bring along what is not ours.
    if mode == Mode::Strict && names == Names::Judged {
        refuse_unknown::<T>(map, at, errors);
    }
    let parsed = T::read(&mut Fields { map, at, mode, errors });
    let parsed = parsed.filter(|_| errors.len() == before)?;
    let mut found = Vec::new();
    parsed.check(&mut found);
    let whole = found.is_empty();
    errors.extend(found.into_iter().map(|e| FieldError { pointer: format!("{at}{}", e.pointer), ..e }));
    whole.then_some(parsed)
}

fn refuse_unknown<T: Input>(map: &Map<String, Value>, at: &str, errors: &mut Vec<FieldError>) {
    let Some(names) = T::names() else { return };
    let unknown = map.keys().filter(|name| !names.contains(&name.as_str()));
    errors.extend(unknown.take(MOST_ERRORS).map(|name| {
        let near = nearest(name, names.iter().copied());
        let hint = near.map(|near| format!("{near} ではありませんか。")).unwrap_or_default();
        FieldError::new(pointer(at, name), "unknown_field", format!("この項目はありません。{hint}"))
    }));
}

/// The fields of one object while it is read.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    at: &'a str,
    mode: Mode,
    errors: &'a mut Vec<FieldError>,
}

impl Fields<'_> {
    /// Reads the field by its codec; a missing one is the codec's affair.
    pub fn get<C: Codec>(&mut self, name: &str, codec: &C) -> Option<C::Out> {
        if codec.is_flat() {
            let whole = Value::Object(self.map.clone());
            return codec
                .read(&whole, &mut At { pointer: self.at.to_owned(), mode: self.mode, errors: self.errors });
        }
        let pointer = pointer(self.at, name);
        let value = self.map.get(name).filter(|v| !v.is_null());
        let value =
            value.filter(|v| self.mode == Mode::Strict || v.as_str().is_none_or(|s| !s.trim().is_empty()));
        match value {
            Some(value) => codec.read(value, &mut At { pointer, mode: self.mode, errors: self.errors }),
            None => codec.missing().or_else(|| {
                self.errors.push(FieldError::new(pointer, "required", "入力してください。"));
                None
            }),
        }
    }
}

impl<'a> Fields<'a> {
    /// Adds errors whose pointers are relative to the object.
    pub fn add(&mut self, found: Vec<FieldError>) {
        let at = self.at;
        self.errors
            .extend(found.into_iter().map(|e| FieldError { pointer: format!("{at}{}", e.pointer), ..e }));
    }

    /// The object as it stands, for inputs whose fields are declared elsewhere.
    pub fn object(&self) -> &'a Map<String, Value> {
        self.map
    }
}

/// Where a value stands, and where its errors go.
pub struct At<'a> {
    pointer: String,
    mode: Mode,
    errors: &'a mut Vec<FieldError>,
}

impl At<'_> {
    fn fail<T>(&mut self, code: &str, message: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError::new(self.pointer.clone(), code, message));
        None
    }
}

/// How one field is read and described.
pub trait Codec {
    /// What it becomes.
    type Out;
    /// Reads a value that is there; None means that an error was added.
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<Self::Out>;
    /// JSON Schema of the value.
    fn schema(&self) -> Value;
    /// The value when the field is not given; None: it is required.
    fn missing(&self) -> Option<Self::Out> {
        None
    }
    /// Whether it reads the whole object in which it stands, not a field of its own.
    fn is_flat(&self) -> bool {
        false
    }
    /// The names that a flat one reads.
    fn flat_names(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Adds the names of a field: its own, or another declaration's.
pub fn list_name<C: Codec>(own: &'static str, codec: &C, names: &mut Vec<&'static str>) {
    if codec.is_flat() {
        names.extend(codec.flat_names());
    } else {
        names.push(own);
    }
}

/// What may be left out may also be null.
fn or_null(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    if let Some(kind) = fields.get("type").filter(|kind| kind.is_string()).cloned() {
        fields.insert("type".to_owned(), serde_json::json!([kind, "null"]));
    }
    if let Some(Value::Array(words)) = fields.get_mut("enum") {
        words.push(Value::Null);
    }
}

/// Adds a field to an object's schema: its own property, or another declaration's.
pub fn describe<C: Codec>(
    name: &str,
    codec: &C,
    properties: &mut Map<String, Value>,
    required: &mut Vec<Value>,
) {
    let mut schema = codec.schema();
    if codec.is_flat() {
        if let Some(Value::Object(fields)) = schema.get_mut("properties").map(Value::take) {
            properties.extend(fields);
        }
        if let Some(Value::Array(names)) = schema.get_mut("required").map(Value::take) {
            required.extend(names);
        }
        return;
    }
    if codec.missing().is_none() {
        required.push(Value::String(name.to_owned()));
    } else {
        or_null(&mut schema);
    }
    properties.insert(name.to_owned(), schema);
}

/// Declares an input: `input! { pub struct NewThing { name: String => text(1, 100), … } }`. The struct also
/// serializes, so that it can be kept or shown again as it was given. A second part `check |it, errors| { … }`
/// holds what needs several fields at once. `across |errors| { … }` before it does the same where the errors of other
/// fields must be told with it: there every field is an `Option`, None where it could not be read.
#[macro_export]
macro_rules! input {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* $field:ident : $ty:ty => $codec:expr),* $(,)? }
     $(across |$early:ident| $across:block)?
     $(check |$it:ident, $errors:ident| $check:block)?) => {
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Serialize)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty),* }
        impl $crate::domain::input::Input for $name {
            fn read(fields: &mut $crate::domain::input::Fields<'_>) -> Option<Self> {
                use $crate::domain::input::*;
                // All fields are read before the first missing one ends it: every error is told at once.
                $(let $field: Option<$ty> = fields.get(stringify!($field), &$codec);)*
                let _ = &fields;
                $({
                    let mut found: Vec<$crate::domain::input::FieldError> = Vec::new();
                    let $early = &mut found;
                    $across
                    fields.add(found);
                })?
                Some(Self { $($field: $field?),* })
            }
            fn names() -> Option<Vec<&'static str>> {
                use $crate::domain::input::*;
                let mut names = Vec::new();
                $(list_name(stringify!($field), &$codec, &mut names);)*
                Some(names)
            }
            fn schema() -> serde_json::Value {
                use $crate::domain::input::*;
                let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
                $(describe(stringify!($field), &$codec, &mut properties, &mut required);)*
                serde_json::json!({"type": "object", "title": stringify!($name), "properties": properties, "required": required, "additionalProperties": false})
            }
            $(fn check(&self, $errors: &mut Vec<$crate::domain::input::FieldError>) { let $it = self; $check })?
        }
    };
}
