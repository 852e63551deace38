//! JSON as the API takes it: a name stands once in its object, at any depth. Readers differ in which of two they
//! believe, and what one checked another would act on.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

use crate::service::Failure;

/// Reads a whole body.
pub fn read(body: &[u8]) -> Result<Value, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let whole = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    whole.map_err(|error| {
        let place = format!("{}行{}文字目", error.line(), error.column());
        Failure::Malformed(match error.classify() {
            // Nothing else is refused by the visitor itself.
            Category::Data => format!("JSON の中に、同じ名前の項目が2回あります（{place}）。"),
            _ => format!("JSON として読み取れません（{place}）。"),
        })
    })
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }
    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(Value::Number(it.into()))
    }
    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(Value::Number(it.into()))
    }
    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(Number::from_f64(it).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(Value::String(it.to_owned()))
    }
    fn visit_string<E>(self, it: String) -> Result<Value, E> {
        Ok(Value::String(it))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if all.contains_key(&name) {
                return Err(A::Error::custom("twice"));
            }
            let value = fields.next_value_seed(Self)?;
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_a_name_twice_is_read_as_ever() {
        for text in [
            r#"{"a": [1, -2, 2.5, "x", "\u3042", true, false, null], "b": {"a": {}}, "": ""}"#,
            r#"[{"a": 1}, {"a": 2}, {"a": {"a": 3}}]"#,
            "18446744073709551615",
            " null ",
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
        for text in ["", "{", "{}{}", "1e999", "[1,]", "{\"a\": }", "\u{feff}{}"] {
            let refused = read(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains("読み取れません"), "{text}: {refused}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_name_stands_once_at_any_depth() {
        for (text, place) in [
            (r#"{"a": 1, "a": 1}"#, "1行"),
            ("{\"a\": 1,\n \"\\u0061\": 2}", "2行"),
            ("[[{\"x\": {\n\n\"b\": 1, \"c\": 2, \"b\": null}}]]", "3行"),
        ] {
            let refused = read(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains("2回あります") && refused.contains(place), "{text}: {refused}");
        }
    }
}
