//! What an agency sets for itself, and its departments.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{App, Call, Failure, IfMatch, Page, Paged, alert};
use crate::db::{self, DbError};
use crate::domain::id::OrganizationId;
use crate::domain::input::{FieldError, Fields, Input};
use crate::domain::settings::{LONGEST_TELEPHONE, Settings, check_telephone};
use crate::domain::text::contains_my_number;
use crate::input;

input! {
    /// 担当部署.
    pub struct DepartmentInput {
        name: String => text(1, 100),
        email: String => email(),
        /// Stands in mail to vendors; left out, the agency's own does.
        telephone: Option<String> => optional(text(0, LONGEST_TELEPHONE)),
    }
    check |it, errors| {
        if let Some(Err(message)) = it.telephone.as_deref().map(check_telephone) {
            errors.push(FieldError::new("/telephone", "telephone", format!("{message}。")));
        }
    }
}

/// A department and the address that is told beside the responsible officer.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DepartmentView {
    pub name: String,
    pub email: String,
    pub telephone: Option<String>,
}

impl From<db::setting::Department> for DepartmentView {
    fn from(row: db::setting::Department) -> Self {
        let db::setting::Department { name, email, telephone } = row;
        Self { name, email, telephone }
    }
}

/// An agency's settings, those left at their defaults too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingsView(pub Settings);

impl utoipa::PartialSchema for SettingsView {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::schema::Object::with_type(utoipa::openapi::schema::Type::Object).into()
    }
}

impl utoipa::ToSchema for SettingsView {}

/// The settings that are to change; the others stay. `severities` is merged, every other value replaced.
#[derive(Debug, Clone, Serialize)]
pub struct SettingsChange(Map<String, Value>);

impl Input for SettingsChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self(fields.object().clone()))
    }
    fn schema() -> Value {
        let names = as_object(&Settings::default());
        let properties: Map<String, Value> =
            names.iter().map(|(name, default)| (name.clone(), json!({"default": default}))).collect();
        json!({"type": "object", "title": "SettingsChange", "properties": properties, "additionalProperties": false})
    }
}

fn as_object(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The settings with the change applied, or all that is wrong with it.
fn merge(settings: &Settings, change: &SettingsChange) -> Result<Settings, Vec<FieldError>> {
    let current = as_object(settings);
    let mut merged = current.clone();
    let mut errors = Vec::new();
    for (name, value) in &change.0 {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let Some(before) = current.get(name) else {
            errors.push(FieldError::new(pointer, "unknown", "この設定項目はありません。"));
            continue;
        };
        let mut alone = current.clone();
        alone.insert(name.clone(), taken(name, before, value));
        // One at a time, so that each wrong one is named.
        if serde_json::from_value::<Settings>(Value::Object(alone.clone())).is_err() {
            errors.push(FieldError::new(pointer, "type", "値の形が正しくありません。"));
        } else if matches!(name.as_str(), "words" | "clauses" | "published_names" | "desk" | "telephone")
            && contains_my_number(&value.to_string())
        {
            let message = "個人番号と思われる12桁の数字があります。この台帳には個人番号を記録できません。";
            errors.push(FieldError::new(pointer, "my_number", message));
        } else if let Some(value) = alone.remove(name) {
            merged.insert(name.clone(), value);
        }
    }
    let merged: Settings = serde_json::from_value(Value::Object(merged)).unwrap_or_else(|_| settings.clone());
    if let Err(found) = merged.validate() {
        errors.extend(found.into_iter().map(|e| FieldError::new(e.pointer, e.code, e.message)));
    }
    if errors.is_empty() { Ok(merged) } else { Err(errors) }
}

fn taken(name: &str, before: &Value, value: &Value) -> Value {
    match (name, before, value) {
        ("severities", Value::Object(before), Value::Object(value)) => {
            let mut all = before.clone();
            all.extend(value.clone());
            Value::Object(all)
        }
        _ => value.clone(),
    }
}

/// The own agency's settings and their version.
pub fn find(app: &App, call: &Call) -> Result<(SettingsView, i64), Failure> {
    let agency = call.actor.organization.id;
    let (settings, version) = app.db.read_one::<_, DbError>(|conn| db::setting::find(conn, agency))?;
    Ok((SettingsView(settings), version))
}

/// What an agency has set, for what is said in its words.
pub fn of_agency(app: &App, agency: OrganizationId) -> Result<Settings, Failure> {
    Ok(app.db.read_one::<_, DbError>(|conn| db::setting::find(conn, agency))?.0)
}

/// Changes the own agency's settings; everything of the agency is looked at anew today.
pub fn change(
    app: &App,
    call: &Call,
    version: &IfMatch,
    change: &SettingsChange,
) -> Result<(SettingsView, i64), Failure> {
    let agency = call.actor.organization.id;
    app.act_on_organization(call, agency, |tx| {
        let (before, current) = db::setting::find(tx.conn, agency)?;
        version.covers(current)?;
        let after = merge(&before, change).map_err(Failure::Invalid)?;
        if after == before {
            return Ok((SettingsView(before), current));
        }
        let (old, new) = (as_object(&before), as_object(&after));
        let changes: Map<String, Value> =
            new.into_iter().filter(|(name, value)| old.get(name) != Some(value)).collect();
        let at = tx.record("settings.changed", agency, &changes)?.stamp.at;
        db::setting::set(tx.conn, agency, &after, current + 1, at)?;
        db::due::touch_agency(tx.conn, agency, tx.today)?;
        alert::renew_deadlines(tx, agency)?;
        tracing::info!(event = "settings_changed", agency = %agency, by = %call.actor.user_id, "settings changed");
        Ok((SettingsView(after), current + 1))
    })
}

/// The own agency's departments in order of name.
pub fn departments(app: &App, call: &Call, page: &Page) -> Result<Paged<DepartmentView>, Failure> {
    let agency = call.actor.organization.id;
    let rows = app.db.read_one::<_, DbError>(|conn| {
        db::setting::departments(conn, agency, page.after.as_deref(), page.rows())
    })?;
    Ok(Paged::cut(page, rows, |row| row.name.clone(), DepartmentView::from))
}

/// Writes a department; one of the same name is replaced.
pub fn set_department(app: &App, call: &Call, input: &DepartmentInput) -> Result<DepartmentView, Failure> {
    let agency = call.actor.organization.id;
    app.act_on_organization(call, agency, |tx| {
        let DepartmentInput { name, email, telephone } = input.clone();
        let payload = json!({"name": name, "email": email, "telephone": telephone});
        tx.record("department.set", agency, &payload)?;
        let row = db::setting::Department { name, email, telephone };
        db::setting::set_department(tx.conn, agency, &row)?;
        Ok(row.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(change: Value) -> Result<Settings, Vec<(String, String)>> {
        let Value::Object(change) = change else { panic!("not an object") };
        merge(&Settings::default(), &SettingsChange(change))
            .map_err(|errors| errors.into_iter().map(|e| (e.pointer, e.code)).collect())
    }

    #[test]
    fn only_what_is_named_changes() {
        let after =
            merged(json!({"declaration_grace_days": 20, "severities": {"tier_exceeded": "critical"}}))
                .unwrap();
        let expected = json!({"declaration_grace_days": 20, "severities": {"tier_exceeded": "critical"}});
        assert_eq!(after, serde_json::from_value(expected).unwrap());
    }

    #[test]
    fn each_wrong_setting_is_named() {
        let errors = merged(json!({
            "declaration_grace_days": "20", "x/y": 1, "audit_due_days": [], "clauses": [{"number": "1", "text": "1234-5678-9018"}]
        }));
        let errors = errors.unwrap_err();
        let expected = [
            ("/audit_due_days", "required"),
            ("/clauses", "my_number"),
            ("/declaration_grace_days", "type"),
            ("/x~1y", "unknown"),
        ];
        let mut found: Vec<(&str, &str)> = errors.iter().map(|(p, c)| (p.as_str(), c.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}
