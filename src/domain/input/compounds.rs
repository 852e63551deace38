//! Codecs made of others: what may be left out, lists, objects within objects.

use serde_json::{Value, json};

use super::{At, Codec, Input, Names, read_object};
use crate::domain::characters::{Lines, Unclean, clean};
use crate::domain::text;

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
        let mut schema = self.0.schema();
        // Left out, it is not given: the codec's own default does not hold.
        if let Value::Object(fields) = &mut schema {
            fields.remove("default");
        }
        schema
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
        read_object(value, &at.pointer, at.mode, at.errors, Names::Judged)
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
        read_object(value, &at.pointer, at.mode, at.errors, Names::Shared)
    }
    fn schema(&self) -> Value {
        T::schema()
    }
    fn is_flat(&self) -> bool {
        true
    }
    fn flat_names(&self) -> Vec<&'static str> {
        T::names().unwrap_or_default()
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
        if !value.is_object() {
            return at.fail("type", "項目の組（オブジェクト）で指定してください。");
        }
        if depth(value) > MAX_DEPTH {
            return at.fail("too_deep", format!("入れ子は{MAX_DEPTH}段までにしてください。"));
        }
        let written = value.to_string();
        if written.len() > self.max_bytes {
            return at.fail("too_long", "長すぎます。");
        }
        if !whole_numbers(value) {
            return at.fail("number", "数は±9007199254740991までの整数で指定してください。");
        }
        if let Some(unclean) = unclean(value) {
            return at.fail(unclean.code(), unclean.to_string());
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

/// Levels of an object kept as given: half of what the ledger's canonical form takes, as it stands within a payload.
const MAX_DEPTH: usize = 32;
/// The largest whole number of the canonical form, 2^53 − 1.
const MAX_WHOLE: u64 = (1 << 53) - 1;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The first character that no text may have, in the names of fields and in the values.
fn unclean(value: &Value) -> Option<Unclean> {
    match value {
        Value::String(text) => clean(text, Lines::Multi).err(),
        Value::Array(values) => values.iter().find_map(unclean),
        Value::Object(map) => {
            map.iter().find_map(|(name, value)| clean(name, Lines::Single).err().or_else(|| unclean(value)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The ledger's canonical form knows integers of 53 bits only.
fn whole_numbers(value: &Value) -> bool {
    match value {
        Value::Number(n) => n.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_WHOLE),
        Value::Array(values) => values.iter().all(whole_numbers),
        Value::Object(map) => map.values().all(whole_numbers),
        _ => true,
    }
}
