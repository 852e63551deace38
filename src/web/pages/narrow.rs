//! The fields by which lists across contracts are narrowed to some of them.

use serde_json::{Value, json};

use super::own::ours;
use crate::domain::access::{OrganizationKind, Scope};
use crate::service::contract;
use crate::service::{App, Call, Failure};

/// What the fields are called and what they offer, for `<narrow_fields>`.
pub fn fields(app: &App, call: &Call) -> Result<Value, Failure> {
    let offered = contract::offered(app, call)?;
    let own = matches!(call.scope(), Scope::Agency(_));
    let mut officers = vec![
        json!({ "value": "me", "label": "自分が担当" }),
        json!({ "value": "none", "label": "担当者なし" }),
    ];
    let others = offered.officers.iter().filter(|(id, _)| *id != call.actor.user_id);
    officers.extend(others.map(|(id, name)| json!({ "value": id, "label": name })));
    let departments: Vec<Value> =
        offered.departments.iter().map(|name| json!({ "value": name, "label": name })).collect();
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    Ok(json!({
        "agency": own,
        "vendor": is_vendor,
        "officers": officers,
        "departments": departments,
        // A vendor further down must not learn from a search who else stands there.
        "q_label": ours(if is_vendor { "契約番号・件名" } else { "契約番号・件名・事業者（再委託先も）" }),
    }))
}
