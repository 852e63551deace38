//! 安全管理措置 in a form: a field each for what is a text, and what else was said, which stays.

use serde_json::{Map, Value, json};

use super::content::{self, SAFEGUARDS};

/// The names under which the form asks for 安全管理措置: its own, and those that were given otherwise.
pub fn names(content: &Value) -> Vec<String> {
    let mut names: Vec<String> = SAFEGUARDS.iter().map(|name| (*name).to_owned()).collect();
    if let Some(given) = content.get("safeguards").and_then(Value::as_object) {
        let others = given.iter().filter(|(name, said)| !names.contains(name) && is_asked(name, said));
        let others: Vec<String> = others.map(|(name, _)| name.clone()).collect();
        names.extend(others);
    }
    names
}

/// Whether a field of the form can hold it: a text, under a name that is one place.
fn is_asked(name: &str, said: &Value) -> bool {
    let plain = !name.is_empty() && !name.contains('/') && !name.bytes().all(|b| b.is_ascii_digit());
    plain && said.is_string()
}

/// What was said of 安全管理措置 that the form has no field for: nested, or no text. It was said through the API, and
/// stays as it was said.
fn beyond_fields(content: &Value) -> Map<String, Value> {
    let given = content.get("safeguards").and_then(Value::as_object).into_iter().flatten();
    let beyond = given.filter(|(name, said)| !is_asked(name, said) && !said.is_null());
    beyond.map(|(name, said)| (name.clone(), said.clone())).collect()
}

/// Puts what the form has no field for back into what it says.
pub fn keep(body: &mut Map<String, Value>, content: &Value) {
    let beyond = beyond_fields(content);
    if beyond.is_empty() {
        return;
    }
    let said = body.entry("safeguards").or_insert_with(|| json!({}));
    if let Value::Object(said) = said {
        said.extend(beyond);
    }
}

/// The same as the form shows it beside its fields; empty: there is nothing.
pub fn told(content: &Value) -> Vec<Value> {
    let beyond = beyond_fields(content);
    if beyond.is_empty() { Vec::new() } else { content::row(&json!({ "safeguards": beyond }), "safeguards") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_field_stays_as_it_was_said() {
        let before = json!({ "safeguards": {
            "入退室": "記録", "端末": {"台数": 3, "持出し": false}, "区域/甲": "施錠", "7": "x", "無": null,
        } });
        assert_eq!(names(&before).get(SAFEGUARDS.len()..), Some(&["入退室".to_owned()][..]));
        assert_eq!(told(&before).len(), 1);
        assert!(told(&json!({ "safeguards": {"入退室": "記録"} })).is_empty());
        let mut body = Map::from_iter([("safeguards".to_owned(), json!({"入退室": "鍵", "端末": "なし"}))]);
        keep(&mut body, &before);
        let expected =
            json!({"入退室": "鍵", "端末": {"台数": 3, "持出し": false}, "区域/甲": "施錠", "7": "x"});
        assert_eq!(body.get("safeguards"), Some(&expected));
        let mut blank = Map::new();
        keep(&mut blank, &json!({}));
        assert!(blank.is_empty());
    }
}
