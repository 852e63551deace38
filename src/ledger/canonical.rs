//! Canonical JSON: RFC 8785 restricted to what the ledger uses. Object members sorted by the UTF-16 code units
//! of their names, no insignificant white space, minimal escapes, integers of at most 53 bits only.

use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::LedgerError;

/// Deepest nesting taken; every common JSON reader goes deeper.
pub const MAX_DEPTH: usize = 64;
/// 2^53 − 1: RFC 8785 numbers are IEEE 754 doubles, exact up to here.
const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// The canonical text of a value.
pub fn canonical(value: &Value) -> Result<String, LedgerError> {
    let mut out = String::with_capacity(256);
    push_value(&mut out, value, 0)?;
    Ok(out)
}

/// The value of a text that is in canonical form; `None` for any other text.
pub(super) fn parse_canonical(text: &str, scratch: &mut String) -> Option<Value> {
    let value = serde_json::from_str(text).ok()?;
    scratch.clear();
    push_value(scratch, &value, 0).ok()?;
    (scratch == text).then_some(value)
}

fn push_value(out: &mut String, value: &Value, depth: usize) -> Result<(), LedgerError> {
    if depth > MAX_DEPTH {
        return Err(LedgerError::TooDeep);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => push_number(out, number)?,
        Value::String(text) => push_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_value(out, item, depth + 1)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| compare_names(a, b));
            out.push('{');
            for (i, (name, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_string(out, name);
                out.push(':');
                push_value(out, member, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// RFC 8785 §3.2.3: by UTF-16 code units, which differs from bytes only outside ASCII.
fn compare_names(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

fn push_number(out: &mut String, number: &Number) -> Result<(), LedgerError> {
    match number.as_i64() {
        Some(n) if (-MAX_INTEGER..=MAX_INTEGER).contains(&n) => {
            push_integer(out, n);
            Ok(())
        }
        _ => Err(LedgerError::Number(number.to_string())),
    }
}

pub(super) fn push_integer(out: &mut String, n: i64) {
    write!(out, "{n}").unwrap_or_default(); // writing into a String does not fail
}

/// RFC 8785 §3.2.2.2: only what JSON demands is escaped, the short form where there is one.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        text.chars().for_each(|c| push_char(out, c));
    } else {
        out.push_str(text);
    }
    out.push('"');
}

fn push_char(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_by_utf16_code_units() {
        // RFC 8785 §3.2.3's example, with integers and texts: U+1F600 sorts before U+FB33 in UTF-16.
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew", "1": "One",
            "\u{1f600}": "Smiley", "\u{80}": "Control", "\u{f6}": "Latin"
        });
        let text = canonical(&value).unwrap();
        let places: Vec<_> = ["Carriage", "One", "Control", "Latin", "Euro", "Smiley", "Hebrew"]
            .iter()
            .map(|word| text.find(word).unwrap())
            .collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn escapes_are_minimal() {
        let text = canonical(&json!("\u{0}\u{8}\t\n\u{c}\r\u{1f} \"\\/\u{7f}é\u{2028}委託")).unwrap();
        assert_eq!(text, "\"\\u0000\\b\\t\\n\\f\\r\\u001f \\\"\\\\/\u{7f}é\u{2028}委託\"");
    }

    #[test]
    fn only_exact_integers_are_taken() {
        assert_eq!(canonical(&json!([0, -1, 9_007_199_254_740_991_i64])).unwrap(), "[0,-1,9007199254740991]");
        for value in
            [json!(1.5), json!(1.0), json!(9_007_199_254_740_992_i64), json!(u64::MAX), json!([{"a": 0.1}])]
        {
            assert!(matches!(canonical(&value), Err(LedgerError::Number(_))), "{value}");
        }
    }

    #[test]
    fn nesting_has_a_floor() {
        let nest = |n: usize| (0..n).fold(json!(1), |inner, _| json!([inner]));
        assert!(canonical(&nest(MAX_DEPTH)).is_ok());
        assert!(matches!(canonical(&nest(MAX_DEPTH + 1)), Err(LedgerError::TooDeep)));
    }

    #[test]
    fn other_texts_of_the_same_value_are_not_canonical() {
        let mut scratch = String::new();
        assert!(parse_canonical(r#"{"a":1,"b":"é"}"#, &mut scratch).is_some());
        for text in [
            r#"{"b":"é","a":1}"#,
            r#"{"a": 1,"b":"é"}"#,
            r#"{"a":1,"b":"\u00e9"}"#,
            r#"{"a":1,"a":1,"b":"é"}"#,
            r#"{"a":1.0,"b":"é"}"#,
            r#"{"a":-0,"b":"é"}"#,
            r#"{"a":1,"b":"é"} "#,
            r#"{"a":1,"b":"é"},"x":{}"#,
            "",
        ] {
            assert!(parse_canonical(text, &mut scratch).is_none(), "{text}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_reads_back_as_the_value(value in any_value()) {
            let text = canonical(&value).unwrap();
            prop_assert_eq!(parse_canonical(&text, &mut String::new()), Some(value));
        }
    }
}
