//! 事業者 and 機関: registered, shown with what the register says.

use serde_json::{Value, json};

use super::route::PageRoute;
use crate::domain::access::OrganizationKind;
use crate::service::page::MAX_LIMIT;
use crate::service::{App, Call, Failure, Page as Part, organization};

pub fn routes() -> Vec<PageRoute> {
    Vec::new()
}

/// The vendors that the person may list, for a field `vendor_id` to choose from: `[{value, label}]`, the own
/// organization left out. Empty where they are too many to look through: then a name or a 法人番号 is typed.
pub fn vendor_choices(app: &App, call: &Call) -> Result<Value, Failure> {
    let whole = Part { limit: MAX_LIMIT, after: None };
    let vendors = organization::list(app, call, None, Some(OrganizationKind::Vendor), &whole)?;
    if vendors.next_cursor.is_some() {
        return Ok(json!([]));
    }
    let mut vendors = vendors.items;
    vendors.retain(|vendor| vendor.id != call.actor.organization.id);
    vendors.sort_by(|a, b| a.name.cmp(&b.name));
    let option = |vendor: organization::OrganizationView| {
        let number =
            vendor.corporate_number.map(|number| format!("（法人番号 {number}）")).unwrap_or_default();
        json!({ "value": vendor.id, "label": format!("{}{number}", vendor.name) })
    };
    Ok(Value::Array(vendors.into_iter().map(option).collect()))
}
