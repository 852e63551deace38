//! Wrong values for every field of a body, generated from the JSON Schema that its route is declared with.

use serde_json::{Value, json};

/// Several lines are allowed in these; in every other text a line break is refused.
const PROSE: [&str; 11] = [
    "scope",
    "reason",
    "note",
    "text",
    "points",
    "conditions",
    "selection_reason",
    "further_subcontracting",
    "special_reason",
    "remark",
    "unit_price",
];

/// 個人番号 that check: twelve digits, the last by the rule.
const MY_NUMBERS: [&str; 3] = ["123456789018", "1234-5678-9018", "番号は１２３４５６７８９０１８です"];

/// One wrong value in an otherwise right body.
#[derive(Debug)]
pub struct Wrong {
    pub pointer: String,
    pub value: Value,
    pub code: &'static str,
}

/// Taken exactly as typed, so that nothing in them is refused but their type and length.
pub fn is_verbatim(path: &str, name: &str) -> bool {
    matches!(
        name,
        "password" | "refresh_token" | "token" | "current" | "new" | "totp" | "credential" | "device_token"
    ) || (name == "code" && path != "/organizations")
        || (name == "email" && path.starts_with("/auth/"))
}

/// Every wrong value for a text.
fn texts(path: &str, name: &str, schema: &Value, pointer: &str, found: &mut Vec<Wrong>) {
    let mut wrong = |value: Value, code| found.push(Wrong { pointer: pointer.to_owned(), value, code });
    let long = "長".repeat(10_000);
    let most = usize::try_from(schema["maxLength"].as_u64().unwrap()).unwrap();
    for value in [json!(12), json!(true), json!(["x"]), json!({"x": "y"})] {
        wrong(value, "type");
    }
    wrong(json!("長".repeat(most + 1)), "too_long");
    if most < 10_000 {
        wrong(json!(long), "too_long");
    }
    if is_verbatim(path, name) {
        return;
    }
    wrong(json!("架空架空架空\u{0}"), "control_character");
    wrong(json!("架空架空架空\u{202e}"), "bidi_character");
    wrong(json!("架空架空架空\u{fdd2}"), "noncharacter");
    wrong(json!("架空架空架空\u{e0041}"), "invisible_character");
    wrong(json!("架空架空架空\u{e000}"), "private_use_character");
    if !PROSE.contains(&name) {
        wrong(json!("架空架空\r\nBcc:x"), "line_break");
        wrong(json!("架空架空架\ny"), "line_break");
    }
    for number in MY_NUMBERS.into_iter().filter(|number| number.chars().count() <= most) {
        // A number of a contract or a document may look like one by chance: it is asked.
        let code =
            if ["number", "document_number"].contains(&name) { "looks_like_my_number" } else { "my_number" };
        wrong(json!(number), code);
    }
}

/// Every wrong value for the field at `pointer`, and for what stands in it.
pub fn wrongs(path: &str, name: &str, schema: &Value, sample: &Value, pointer: &str, found: &mut Vec<Wrong>) {
    let mut wrong = |value: Value, code| found.push(Wrong { pointer: pointer.to_owned(), value, code });
    let long = "長".repeat(10_000);
    match schema["type"].as_str() {
        Some("string") if schema.get("enum").is_some() => {
            wrong(json!(12), "type");
            wrong(json!("no_such_word"), "choice");
            wrong(json!(long), "choice");
        }
        Some("string") if schema["format"] == "uuid" => {
            wrong(json!(12), "type");
            for text in ["x", "1 OR 1=1", "01890000-0000-7000-8000-00000000fff", "\u{0}"] {
                wrong(json!(text), "unknown");
            }
        }
        Some("string") if schema["format"] == "date" => {
            wrong(json!(20_260_401), "type");
            wrong(json!("2910-01-01"), "date_range");
            for text in
                ["2026-02-30", "2026/04/01", "令和8年4月1日", "2026-04-01T00:00:00Z", "+12026-04-01", &long]
            {
                wrong(json!(text), "date");
            }
        }
        Some("string") if schema["pattern"] == "^[0-9]{13}$" => {
            wrong(json!(7_000_012_050_002_i64), "type");
            for text in ["8000012050002", "700001205000", "x", &long] {
                wrong(json!(text), "corporate_number");
            }
        }
        Some("string") if schema["pattern"] == "^[A-Z]{2}$" => {
            for value in [json!(12), json!("JPN"), json!("jp"), json!("日本"), json!("J\u{0}"), json!(long)]
            {
                wrong(value, "country");
            }
        }
        Some("string") => texts(path, name, schema, pointer, found),
        Some("integer") => {
            for value in [json!("12"), json!(1.5), json!(1e30), json!(true), json!([1])] {
                wrong(value, "type");
            }
            wrong(json!(-1), "negative");
            wrong(json!(90_000_000_167_598_800_i64), "range");
            wrong(json!(i64::MIN), "negative");
            wrong(json!(u64::MAX), "range");
        }
        Some("boolean") => {
            for value in [json!("true"), json!(1), json!([])] {
                wrong(value, "type");
            }
        }
        Some("array") => {
            for value in [json!("x"), json!({}), json!(1)] {
                wrong(value, "type");
            }
            let most = usize::try_from(schema["maxItems"].as_u64().unwrap()).unwrap();
            if most <= 500 {
                wrong(json!(vec![sample[0].clone(); most + 1]), "too_many");
            }
            assert!(!sample[0].is_null(), "{path}: no sample at {pointer}/0");
            wrongs(path, name, &schema["items"], &sample[0], &format!("{pointer}/0"), found);
        }
        Some("object") => {
            if !pointer.is_empty() {
                for value in [json!("x"), json!([]), json!(1)] {
                    wrong(value, "type");
                }
            }
            let Some(fields) = schema["properties"].as_object() else {
                wrong(json!({"a": 1.5}), "number");
                wrong(json!({"a": ["1234-5678-9018"]}), "my_number");
                wrong(json!({"a": long.repeat(2)}), "too_long");
                return;
            };
            for (name, schema) in fields {
                // Another way to say the same, or a new field: the sample has it.
                assert!(!sample[name].is_null(), "{path}: no sample at {pointer}/{name}");
                wrongs(path, name, schema, &sample[name], &format!("{pointer}/{name}"), found);
            }
        }
        other => panic!("{path}: {pointer} is {other:?}"),
    }
}

/// The field's value of a type that it never has.
pub fn of_a_wrong_type(schema: &Value) -> Value {
    if schema["type"] == "string" { json!(12) } else { json!("x") }
}
