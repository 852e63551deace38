//! Input from outside, parsed once: one declaration gives the struct, the parser that names every wrong field by
//! its JSON pointer, and the JSON Schema for the API's description.
//!
//! API bodies are read strictly (a number where a text belongs is an error); forms and files, whose values are all
//! text, are read leniently with the habits of the field: full-width digits, 和暦, commas in amounts.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::id::Id;
use super::text_enum::TextEnum;
use super::{calendar, corporate_number::CorporateNumber, text};

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

/// A struct declared by [`input!`](crate::input).
pub trait Input: Sized {
    /// Reads an object; None means that errors were added.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
    /// JSON Schema of the object.
    fn schema() -> Value;
    /// Checks that need several fields at once; pointers are relative to the object.
    fn check(&self, _errors: &mut Vec<FieldError>) {}
}

/// Parses a whole body: all field errors at once.
pub fn parse<T: Input>(body: &Value, mode: Mode) -> Result<T, Vec<FieldError>> {
    let mut errors = Vec::new();
    let parsed = read_object::<T>(body, "", mode, &mut errors);
    match parsed {
        Some(parsed) if errors.is_empty() => Ok(parsed),
        _ => Err(errors),
    }
}

fn read_object<T: Input>(value: &Value, at: &str, mode: Mode, errors: &mut Vec<FieldError>) -> Option<T> {
    let Value::Object(map) = value else {
        errors.push(FieldError::new(at, "type", "項目の組（オブジェクト）で指定してください。"));
        return None;
    };
    let before = errors.len();
    let parsed = T::read(&mut Fields { map, at, mode, errors });
    let parsed = parsed.filter(|_| errors.len() == before)?;
    let mut found = Vec::new();
    parsed.check(&mut found);
    let whole = found.is_empty();
    errors.extend(found.into_iter().map(|e| FieldError { pointer: format!("{at}{}", e.pointer), ..e }));
    whole.then_some(parsed)
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
        let pointer = format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"));
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
}

/// Text of one line; `Texts::multi_line` allows line breaks.
pub struct Text {
    min: usize,
    max: usize,
    multi_line: bool,
    verbatim: bool,
}

/// One line of `min..=max` characters, trimmed.
pub fn text(min: usize, max: usize) -> Text {
    Text { min, max, multi_line: false, verbatim: false }
}
/// Several lines of at most `max` characters.
pub fn prose(min: usize, max: usize) -> Text {
    Text { min, max, multi_line: true, verbatim: false }
}
/// Exactly as typed and of any content up to `max` characters: passwords and tokens.
pub fn verbatim(max: usize) -> Text {
    Text { min: 1, max, multi_line: true, verbatim: true }
}

impl Codec for Text {
    type Out = String;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<String> {
        let Value::String(given) = value else {
            return at.fail("type", "文字列で指定してください。");
        };
        let taken = if self.verbatim { given.as_str() } else { given.trim() };
        let length = taken.chars().count();
        if length < self.min.max(1) && self.min > 0 {
            return at.fail("required", "入力してください。");
        }
        if length > self.max {
            return at.fail(
                "too_long",
                format!("{}文字以内で入力してください（{length}文字あります）。", self.max),
            );
        }
        if self.verbatim {
            return Some(taken.to_owned());
        }
        let lines = if self.multi_line { text::Lines::Multi } else { text::Lines::Single };
        if let Err(unclean) = text::clean(taken, lines) {
            return at.fail(unclean.code(), unclean.to_string());
        }
        if text::contains_my_number(taken) {
            return at.fail(
                "my_number",
                "個人番号と思われる12桁の数字があります。この台帳には個人番号を記録できません。",
            );
        }
        Some(taken.to_owned())
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "minLength": self.min, "maxLength": self.max})
    }
}

/// An e-mail address: one `@`, no spaces, no control characters, at most 254 characters.
pub struct Email;
/// An e-mail address.
pub fn email() -> Email {
    Email
}
impl Codec for Email {
    type Out = String;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<String> {
        let address = text(1, 254).read(value, at)?;
        let good = address.is_ascii()
            && email_address::EmailAddress::is_valid(&address)
            && address.split('@').nth(1).is_some_and(|host| host.contains('.') || host == "localhost");
        if good {
            Some(address)
        } else {
            at.fail("email", "メールアドレスの形（例 name@example.jp）で入力してください。")
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "format": "email", "maxLength": 254})
    }
}

/// A whole number within bounds.
pub struct Integer {
    min: i64,
    max: i64,
    yen: bool,
}
/// A whole number in `min..=max`.
pub fn integer(min: i64, max: i64) -> Integer {
    Integer { min, max, yen: false }
}
/// The largest amount taken: 10 兆円. More is a slip of the pen.
pub const MAX_YEN: i64 = 10_000_000_000_000;
/// Whole yen, 0 to [`MAX_YEN`].
pub fn yen() -> Integer {
    Integer { min: 0, max: MAX_YEN, yen: true }
}
/// Persons or records, 0 to 10 billion.
pub fn count() -> Integer {
    Integer { min: 0, max: 10_000_000_000, yen: false }
}
impl Codec for Integer {
    type Out = i64;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<i64> {
        let number = match (value, at.mode) {
            (Value::Number(n), _) => n.as_i64().or_else(|| n.as_u64().map(|_| i64::MAX)),
            (Value::String(s), Mode::Lenient) => text::whole_number(s),
            _ => None,
        };
        let Some(number) = number else { return at.fail("type", "整数で指定してください。") };
        if number < 0 && self.min >= 0 {
            return at.fail("negative", "0以上の整数で入力してください。");
        }
        if number < self.min || number > self.max {
            let message = if self.yen {
                format!("金額は{}円以下で入力してください（{number}円とあります）。", self.max)
            } else {
                format!("{}から{}までの整数で入力してください。", self.min, self.max)
            };
            return at.fail("range", message);
        }
        Some(number)
    }
    fn schema(&self) -> Value {
        json!({"type": "integer", "format": "int64", "minimum": self.min, "maximum": self.max})
    }
}

/// A whole number that fits 32 bits.
pub struct Small(Integer);
/// A whole number in `min..=max`.
pub fn small(min: i32, max: i32) -> Small {
    Small(integer(min.into(), max.into()))
}
impl Codec for Small {
    type Out = i32;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<i32> {
        self.0.read(value, at).and_then(|n| i32::try_from(n).ok())
    }
    fn schema(&self) -> Value {
        json!({"type": "integer", "format": "int32", "minimum": self.0.min, "maximum": self.0.max})
    }
}

/// True or false; forms send `on`, `true` or `1`.
pub struct Flag;
/// True or false.
pub fn flag() -> Flag {
    Flag
}
impl Codec for Flag {
    type Out = bool;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<bool> {
        match (value, at.mode) {
            (Value::Bool(b), _) => Some(*b),
            (Value::String(s), Mode::Lenient) => Some(matches!(s.as_str(), "on" | "true" | "1")),
            _ => at.fail("type", "true または false で指定してください。"),
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "boolean"})
    }
}

/// The days taken: before it nothing is kept, after it is a slip of the pen.
const FIRST_YEAR: i32 = 1947;
const LAST_YEAR: i32 = 2100;

/// A day; forms and files may write 和暦 and slashes.
pub struct Day;
/// A day.
pub fn day() -> Day {
    Day
}
impl Codec for Day {
    type Out = NaiveDate;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<NaiveDate> {
        let Value::String(given) = value else {
            return at.fail("type", "日付は \"2026-04-01\" の形の文字列で指定してください。");
        };
        let day = match at.mode {
            Mode::Strict if given.len() == 10 => NaiveDate::parse_from_str(given, "%Y-%m-%d").ok(),
            Mode::Strict => None,
            Mode::Lenient => calendar::parse_day(given),
        };
        match day {
            None => {
                at.fail("date", "日付として読めません。2026-04-01 の形で、実在する日を入力してください。")
            }
            Some(day) if !(FIRST_YEAR..=LAST_YEAR).contains(&chrono::Datelike::year(&day)) => at.fail(
                "date_range",
                format!("{FIRST_YEAR}年から{LAST_YEAR}年までの日付を入力してください（{day}とあります）。"),
            ),
            Some(day) => Some(day),
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "format": "date"})
    }
}

/// One of an enum's words.
pub struct Word<E>(std::marker::PhantomData<E>);
/// One of the words of `E`.
pub fn word<E: TextEnum>() -> Word<E> {
    Word(std::marker::PhantomData)
}
impl<E: TextEnum> Codec for Word<E> {
    type Out = E;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<E> {
        let Value::String(given) = value else {
            return at.fail("type", "文字列で指定してください。");
        };
        E::parse(given).or_else(|| {
            let words: Vec<_> = E::ALL.iter().map(|e| e.as_str()).collect();
            at.fail("choice", format!("{} のいずれかを指定してください。", words.join("、")))
        })
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "enum": E::ALL.iter().map(|e| e.as_str()).collect::<Vec<_>>()})
    }
}

/// An identifier. What it names is looked up later; one that names nothing is the use case's affair.
pub struct Identifier<T>(std::marker::PhantomData<fn() -> T>);
/// An identifier of a `T`.
pub fn id<T>() -> Identifier<T> {
    Identifier(std::marker::PhantomData)
}
impl<T> Codec for Identifier<T> {
    type Out = Id<T>;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<Id<T>> {
        let Value::String(given) = value else {
            return at.fail("type", "識別子（文字列）で指定してください。");
        };
        given.parse().ok().or_else(|| at.fail("unknown", "該当するものがありません。"))
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "format": "uuid"})
    }
}

/// 法人番号: 13 digits with the right check digit.
pub struct Corporate;
/// 法人番号.
pub fn corporate_number() -> Corporate {
    Corporate
}
impl Codec for Corporate {
    type Out = CorporateNumber;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<CorporateNumber> {
        let Value::String(given) = value else {
            return at.fail("type", "法人番号は文字列で指定してください。");
        };
        match given.parse::<CorporateNumber>() {
            Ok(number) => Some(number),
            Err(error) => at.fail("corporate_number", error.to_string()),
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": "^[0-9]{13}$"})
    }
}

/// ISO 3166-1 alpha-2, two capitals.
pub struct Country;
/// A country, default JP.
pub fn country() -> Country {
    Country
}
impl Codec for Country {
    type Out = String;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<String> {
        match value.as_str() {
            Some(code) if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) => {
                Some(code.to_owned())
            }
            _ => at.fail("country", "国は2文字の国コード（例 JP）で指定してください。"),
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": "^[A-Z]{2}$", "default": "JP"})
    }
    fn missing(&self) -> Option<String> {
        Some("JP".to_owned())
    }
}

/// A field that may be left out.
pub struct Optional<C>(C);
/// A field that may be left out or null.
pub fn optional<C: Codec>(codec: C) -> Optional<C> {
    Optional(codec)
}
impl<C: Codec> Codec for Optional<C> {
    type Out = Option<C::Out>;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<Self::Out> {
        self.0.read(value, at).map(Some)
    }
    fn schema(&self) -> Value {
        self.0.schema()
    }
    fn missing(&self) -> Option<Self::Out> {
        Some(None)
    }
}

/// A field with a default.
pub struct Defaulted<C: Codec>(C, C::Out);
/// A field that has `value` when it is left out.
pub fn or<C: Codec>(codec: C, value: C::Out) -> Defaulted<C> {
    Defaulted(codec, value)
}
impl<C: Codec> Codec for Defaulted<C>
where
    C::Out: Clone,
{
    type Out = C::Out;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<C::Out> {
        self.0.read(value, at)
    }
    fn schema(&self) -> Value {
        self.0.schema()
    }
    fn missing(&self) -> Option<C::Out> {
        Some(self.1.clone())
    }
}

/// A list of at most `max` values.
pub struct List<C> {
    each: C,
    max: usize,
}
/// A list of at most `max` values; left out, it is empty.
pub fn list<C: Codec>(each: C, max: usize) -> List<C> {
    List { each, max }
}
impl<C: Codec> Codec for List<C> {
    type Out = Vec<C::Out>;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<Self::Out> {
        let Value::Array(values) = value else {
            return at.fail("type", "一覧（配列）で指定してください。");
        };
        if values.len() > self.max {
            return at.fail("too_many", format!("{}件以内で指定してください。", self.max));
        }
        let mut taken = Vec::with_capacity(values.len());
        let mut whole = true;
        for (index, value) in values.iter().enumerate() {
            let mut inner =
                At { pointer: format!("{}/{index}", at.pointer), mode: at.mode, errors: at.errors };
            match self.each.read(value, &mut inner) {
                Some(value) => taken.push(value),
                None => whole = false,
            }
        }
        whole.then_some(taken)
    }
    fn schema(&self) -> Value {
        json!({"type": "array", "items": self.each.schema(), "maxItems": self.max})
    }
    fn missing(&self) -> Option<Self::Out> {
        Some(Vec::new())
    }
}

/// An object within the object.
pub struct Nested<T>(std::marker::PhantomData<T>);
/// An object of its own declaration.
pub fn nested<T: Input>() -> Nested<T> {
    Nested(std::marker::PhantomData)
}
impl<T: Input> Codec for Nested<T> {
    type Out = T;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<T> {
        read_object(value, &at.pointer, at.mode, at.errors)
    }
    fn schema(&self) -> Value {
        T::schema()
    }
}

/// Another declaration's fields, standing in the same object.
pub struct Flattened<T>(std::marker::PhantomData<T>);
/// The fields of another declaration beside one's own.
pub fn flattened<T: Input>() -> Flattened<T> {
    Flattened(std::marker::PhantomData)
}
impl<T: Input> Codec for Flattened<T> {
    type Out = T;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<T> {
        read_object(value, &at.pointer, at.mode, at.errors)
    }
    fn schema(&self) -> Value {
        T::schema()
    }
    fn is_flat(&self) -> bool {
        true
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
    properties.insert(name.to_owned(), schema);
    if codec.missing().is_none() {
        required.push(Value::String(name.to_owned()));
    }
}

/// Any JSON object of limited size: kept as given, never interpreted.
pub struct Freeform {
    max_bytes: usize,
}
/// An object kept as given; left out, it is empty.
pub fn freeform(max_bytes: usize) -> Freeform {
    Freeform { max_bytes }
}
impl Codec for Freeform {
    type Out = Value;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<Value> {
        let written = value.to_string();
        if !value.is_object() {
            return at.fail("type", "項目の組（オブジェクト）で指定してください。");
        }
        if written.len() > self.max_bytes {
            return at.fail("too_long", "長すぎます。");
        }
        if !whole_numbers(value) {
            return at.fail("number", "数は整数で指定してください。");
        }
        if text::contains_my_number(&written) {
            return at.fail(
                "my_number",
                "個人番号と思われる12桁の数字があります。この台帳には個人番号を記録できません。",
            );
        }
        Some(value.clone())
    }
    fn schema(&self) -> Value {
        json!({"type": "object", "additionalProperties": true})
    }
    fn missing(&self) -> Option<Value> {
        Some(json!({}))
    }
}

/// The ledger's canonical form knows integers only.
fn whole_numbers(value: &Value) -> bool {
    match value {
        Value::Number(n) => n.as_i64().is_some(),
        Value::Array(values) => values.iter().all(whole_numbers),
        Value::Object(map) => map.values().all(whole_numbers),
        _ => true,
    }
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
            fn schema() -> serde_json::Value {
                use $crate::domain::input::*;
                let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
                $(describe(stringify!($field), &$codec, &mut properties, &mut required);)*
                serde_json::json!({"type": "object", "title": stringify!($name), "properties": properties, "required": required})
            }
            $(fn check(&self, $errors: &mut Vec<$crate::domain::input::FieldError>) { let $it = self; $check })?
        }
    };
}
