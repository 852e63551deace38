//! The API's description, OpenAPI 3.1, from the routes as declared.

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::api;
use super::route::Route;
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::alert::{AlertKind, AlertState, Assessment, Severity};
use crate::domain::audit::AuditKind;
use crate::domain::chain::{ApplicationStep, Cause, NodeState};
use crate::domain::contract::{
    ContractOrigin, ContractStatus, DataCategory, DeclarationInterval, Overseas, Policy, TermsKind,
};
use crate::domain::id::Id;
use crate::domain::text_enum::TextEnum;
use crate::service::application::{ApplicationStanding, ApplicationState};
use crate::service::audit::AuditResult;
use crate::service::notice::{NoticeKind, NoticeState};
use crate::service::observation::ObservationSource;
use crate::service::task::TaskKind;

impl<T> PartialSchema for Id<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::Custom("uuid".to_owned())))
            .into()
    }
}

impl<T> ToSchema for Id<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
}

macro_rules! word_schema {
    ($($t:ident),+ $(,)?) => {$(
        impl PartialSchema for $t {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::new(Type::String))
                    .enum_values(Some(<$t as TextEnum>::ALL.iter().map(|v| v.as_str())))
                    .into()
            }
        }
        impl ToSchema for $t {
            fn name() -> std::borrow::Cow<'static, str> { stringify!($t).into() }
        }
    )+};
}

word_schema!(
    OrganizationKind,
    Role,
    AlertKind,
    AlertState,
    Assessment,
    Severity,
    AuditKind,
    TaskKind,
    TermsKind,
    Cause,
    NodeState,
    DataCategory,
    DeclarationInterval,
    Overseas,
    Policy,
    ContractOrigin,
    ContractStatus,
    NoticeKind,
    NoticeState,
    ApplicationStep,
    ApplicationStanding,
    ApplicationState,
    AuditResult,
    ObservationSource,
);

/// The whole document. `demo` adds the demonstration's routes.
pub fn document(demo: bool) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas: Map<String, Value> = Map::new();
    schemas.insert("Problem".to_owned(), serialize(&super::error::Problem::schema()));
    for route in api::routes(demo) {
        for (name, schema) in &route.components {
            schemas.insert(name.clone(), serialize(schema));
        }
        let entry = paths.entry(format!("/api/v1{}", route.path)).or_insert_with(|| json!({}));
        if let Value::Object(entry) = entry {
            entry.insert(route.method.as_str().to_lowercase(), operation(&route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "itaku",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "委託先と再委託を監督するための台帳。契約・承認・報告・確認を、機関と事業者のそれぞれの側から扱います。"
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        }
    })
}

fn serialize(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or(Value::Null)
}

/// A body left out is an empty object: where nothing in it is required, it may be.
fn is_required(schema: &Value) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty())
}

/// What a status means, wherever it is answered.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "本文を読み取れない（JSON でない、同じ名前の項目が2回ある）",
        401 => "ログインしていない、または認められない",
        403 => "役割の権限がない、または条件を満たさない",
        404 => "存在しない、または知ることができない",
        408 => "本文が時間内に届かない",
        409 => "規則に反する、または先に変更された",
        412 => "If-Match の版が古い",
        413 => "本文が大きすぎる",
        415 => "Content-Type または Content-Encoding を受け取れない",
        422 => "項目または検索条件の誤り（errors に位置と理由）",
        428 => "If-Match が必要",
        429 => "回数が多すぎる（Retry-After の秒数を待つ）",
        503 => "一時的に利用できない（Retry-After の秒数を待つ）",
        _ => "成功",
    }
}

fn responses(route: &Route) -> Map<String, Value> {
    let answer = |status: u16| {
        let content = if status == route.status.as_u16() {
            json!({"application/json": {"schema": serialize(&route.gives)}})
        } else {
            json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}})
        };
        let mut answer = json!({"description": meaning(status), "content": content});
        if let (429 | 503, Value::Object(answer)) = (status, &mut answer) {
            answer.insert("headers".to_owned(), json!({"Retry-After": {"schema": {"type": "integer"}}}));
        }
        (status.to_string(), answer)
    };
    route.statuses().into_iter().map(answer).collect()
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    parameters.extend(route.query.iter().map(|q| {
        json!({"name": q.name, "in": "query", "required": false, "description": q.about, "schema": {"type": "string"}})
    }));
    if route.method == actix_web::http::Method::PATCH {
        parameters.push(
            json!({"name": "If-Match", "in": "header", "required": true, "schema": {"type": "string"}}),
        );
    }
    if route.method == actix_web::http::Method::POST && route.permission().is_some() {
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false, "schema": {"type": "string", "maxLength": 255}}));
    }
    let mut operation = json!({
        "summary": route.summary,
        "operationId": format!("{}{}", route.method.as_str().to_lowercase(), route.path.replace(['/', '{', '}', '-'], "_")),
        "parameters": parameters,
        "responses": responses(route),
    });
    if let Value::Object(operation) = &mut operation {
        if let Some(schema) = &route.takes {
            operation.insert(
                "requestBody".to_owned(),
                json!({"required": is_required(schema), "content": {"application/json": {"schema": schema}}}),
            );
        }
        if let Some(permission) = route.permission() {
            let roles: Vec<_> = permission.roles().iter().map(|r| r.as_str()).collect();
            operation.insert("security".to_owned(), json!([{"bearer": []}]));
            operation.insert("description".to_owned(), json!(format!("役割: {}", roles.join(", "))));
        }
    }
    operation
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(true);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        found.retain(|reference| document.pointer(reference.trim_start_matches('#')).is_none());
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_name_stands_for_one_schema() {
        let mut seen: HashMap<String, Value> = HashMap::new();
        for (name, schema) in api::routes(true).into_iter().flat_map(|route| route.components) {
            let schema = serialize(&schema);
            let first = seen.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*first, schema, "{name} is described twice");
        }
    }
}
