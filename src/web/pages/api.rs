//! The API's description as a page, from the same document that programs read.

use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
pub(super) struct Description {
    groups: Vec<Group>,
}

/// The operations of one resource.
#[derive(Serialize)]
struct Group {
    name: String,
    anchor: String,
    operations: Vec<Operation>,
}

#[derive(Serialize)]
struct Operation {
    method: String,
    path: String,
    anchor: String,
    summary: String,
    /// Roles; empty: open to anyone.
    who: String,
    parameters: Vec<Field>,
    body: Vec<Field>,
    status: String,
    answer: Vec<Field>,
}

#[derive(Serialize)]
struct Field {
    /// With dots into objects and `[]` for each of a list.
    name: String,
    kind: String,
    required: bool,
    about: String,
}

/// Objects within objects are followed so deep: a chain's children are chains.
const DEPTH: usize = 4;

/// Every path with its methods, who may, and its fields.
pub(super) fn describe(document: &Value) -> Description {
    let schemas =
        document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut groups: Vec<Group> = Vec::new();
    for (path, methods) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let operation = read(path, method, operation, &schemas);
            let name = path.split('/').nth(3).unwrap_or_default().to_owned();
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(operation),
                None => groups.push(Group { anchor: format!("g-{name}"), name, operations: vec![operation] }),
            }
        }
    }
    Description { groups }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn read(path: &str, method: &str, operation: &Value, schemas: &Map<String, Value>) -> Operation {
    let parameters =
        operation.get("parameters").and_then(Value::as_array).into_iter().flatten().map(|p| Field {
            name: format!("{}（{}）", text(p, "/name"), place(text(p, "/in"))),
            kind: "文字列".to_owned(),
            required: p.get("required").and_then(Value::as_bool).unwrap_or_default(),
            about: text(p, "/description").to_owned(),
        });
    let mut body = Vec::new();
    if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
        Walk { schemas, out: &mut body }.fields("", schema, DEPTH);
    }
    let responses = operation.get("responses").and_then(Value::as_object);
    let success = responses.and_then(|all| all.iter().find(|(status, _)| status.starts_with('2')));
    let mut answer = Vec::new();
    if let Some(schema) = success.and_then(|(_, r)| r.pointer("/content/application~1json/schema")) {
        Walk { schemas, out: &mut answer }.fields("", schema, DEPTH);
    }
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        anchor: text(operation, "/operationId").to_owned(),
        summary: text(operation, "/summary").to_owned(),
        who: text(operation, "/description").trim_start_matches("役割: ").to_owned(),
        parameters: parameters.collect(),
        body,
        status: success.map(|(status, _)| status.clone()).unwrap_or_default(),
        answer,
    }
}

fn place(of: &str) -> &'static str {
    match of {
        "path" => "パス",
        "query" => "クエリ",
        _ => "ヘッダー",
    }
}

struct Walk<'a> {
    schemas: &'a Map<String, Value>,
    out: &'a mut Vec<Field>,
}

impl<'a> Walk<'a> {
    /// The schema itself, behind its name or its "or null".
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()) {
            return self.schemas.get(name).unwrap_or(schema);
        }
        let choices = ["oneOf", "anyOf"].iter().find_map(|word| schema.get(word)?.as_array());
        let real = choices.and_then(|all| all.iter().find(|s| text(s, "/type") != "null"));
        real.map_or(schema, |schema| self.resolve(schema))
    }

    fn fields(&mut self, prefix: &str, schema: &'a Value, depth: usize) {
        let schema = self.resolve(schema);
        // One view within another: the fields of both.
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return parts.iter().for_each(|part| self.fields(prefix, part, depth));
        }
        if let Some(items) = schema.get("items") {
            return self.fields(&format!("{prefix}[]"), items, depth);
        }
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            self.out.push(Field {
                kind: self.kind(field),
                required: required.contains(&name.as_str()),
                about: text(field, "/description").to_owned(),
                name: path.clone(),
            });
            if depth > 0 {
                self.fields(&path, field, depth - 1);
            }
        }
    }

    fn kind(&self, given: &'a Value) -> String {
        let schema = self.resolve(given);
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
        }
        let format = text(schema, "/format");
        match (plain_type(schema), format) {
            ("string", "date") => "日付（2026-04-01）".to_owned(),
            ("string", "date-time") => "時刻（UTC）".to_owned(),
            ("string", "uuid") => "識別子".to_owned(),
            ("string", "email") => "メールアドレス".to_owned(),
            ("string", _) => match schema.get("maxLength").and_then(Value::as_u64) {
                Some(most) => format!("文字列（{most}文字まで）"),
                None => "文字列".to_owned(),
            },
            ("integer", _) => "整数".to_owned(),
            ("boolean", _) => "true | false".to_owned(),
            ("array", _) => match schema.get("items") {
                Some(items) => format!("一覧: {}", self.kind(items)),
                None => "一覧".to_owned(),
            },
            _ => "項目の組".to_owned(),
        }
    }
}

/// `"string"`, also where the schema says `["string", "null"]`.
fn plain_type(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|n| *n != "null").unwrap_or_default()
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_by_path_and_recursion_ends() {
        let document = json!({
            "paths": {"/api/v1/things/{id}": {"post": {
                "summary": "登録", "description": "役割: officer", "operationId": "post_things",
                "parameters": [{"name": "id", "in": "path", "required": true}],
                "requestBody": {"content": {"application/json": {"schema": {
                    "type": "object", "required": ["name"],
                    "properties": {
                        "name": {"type": "string", "maxLength": 9},
                        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
                        "on": {"oneOf": [{"type": "null"}, {"type": ["string", "null"], "format": "date"}]}
                    }}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}
            }}},
            "components": {"schemas": {"Node": {"type": "object", "properties": {
                "word": {"type": "string", "enum": ["a", "b"]},
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}}}}
        });
        let description = describe(&document);
        let operation = &description.groups[0].operations[0];
        assert_eq!((operation.who.as_str(), operation.status.as_str()), ("officer", "201"));
        let find = |name: &str| operation.body.iter().find(|f| f.name == name).unwrap();
        assert!(find("name").required && !find("on").required);
        assert_eq!(find("name").kind, "文字列（9文字まで）");
        assert_eq!(find("data[].word").kind, "a | b");
        assert_eq!(find("on").kind, "日付（2026-04-01）");
        assert!(operation.answer.len() < 20);
    }
}
