//! 事業者 and 機関: registered, shown with what the register says.

use serde_json::{Value, json};

use super::route::{Labels, Outcome, Page, PageRoute, check_gravely, form, look, page};
use super::visit::Visit;
use super::words;
use crate::domain::access::{OrganizationKind, Permission, Role};
use crate::domain::id::OrganizationId;
use crate::domain::text::same_company;
use crate::service::contract::ContractQuery;
use crate::service::organization::{OrganizationChange, OrganizationView};
use crate::service::page::MAX_LIMIT;
use crate::service::vendor::{self, MergeInput};
use crate::service::{App, Call, Failure, Page as Part, contract, organization, register};

/// Contracts shown on a vendor's page; the rest is behind a link.
const SHOWN: i64 = 10;

const LABELS: &Labels = &[
    ("name", "名称"),
    ("code", "機関コード"),
    ("corporate_number", "法人番号"),
    ("country", "所在する国"),
    ("address", "所在地"),
    ("contact_email", "連絡先のメールアドレス"),
    ("distinct", "同じ名称の別の事業者"),
];

const MERGE: &Labels =
    &[("vendor_q", "名前・法人番号でさがす"), ("into", "統合先の事業者"), ("reason", "理由")];

pub fn routes() -> Vec<PageRoute> {
    let vendors = |app: &App, call: &Call, visit: &Visit| list(app, call, visit, Side::Vendor);
    let agencies = |app: &App, call: &Call, visit: &Visit| list(app, call, visit, Side::Agency);
    let mut routes = vec![
        look("/vendors").needs(Permission::ReadOrganizations, vendors),
        look("/organizations").needs(Permission::ReadOrganizations, agencies),
        look("/vendors/{id}").needs(Permission::ReadOrganizations, show),
        look("/organizations/{id}").needs(Permission::ReadOrganizations, show),
    ];
    routes.extend(form("/vendors/new", LABELS).needs(
        Permission::RegisterOrganization,
        |_, _, _| Ok(blank(Side::Vendor)),
        |app, call, visit| register_one(app, call, visit, Side::Vendor),
    ));
    routes.extend(form("/organizations/new", LABELS).needs(
        Permission::ChangeOrganization,
        |_, _, _| Ok(blank(Side::Agency)),
        |app, call, visit| register_one(app, call, visit, Side::Agency),
    ));
    routes.extend(form("/vendors/{id}/merge", MERGE).needs(
        Permission::RegisterOrganization,
        show_merge,
        merge,
    ));
    let edits = [
        ("/vendors/{id}/edit", Permission::RecordVendor),
        ("/organizations/{id}/edit", Permission::ChangeOrganization),
    ];
    for (path, permission) in edits {
        routes.extend(form(path, LABELS).needs(permission, known, change));
    }
    routes
}

/// Which half of the register.
#[derive(Clone, Copy)]
enum Side {
    Agency,
    Vendor,
}

impl Side {
    fn of(organization: &OrganizationView) -> Self {
        match organization.kind {
            OrganizationKind::Vendor => Self::Vendor,
            OrganizationKind::Agency | OrganizationKind::System => Self::Agency,
        }
    }

    fn kind(self) -> OrganizationKind {
        match self {
            Self::Agency => OrganizationKind::Agency,
            Self::Vendor => OrganizationKind::Vendor,
        }
    }

    /// The address of the list.
    fn address(self) -> &'static str {
        match self {
            Self::Agency => "/organizations",
            Self::Vendor => "/vendors",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Agency => "機関",
            Self::Vendor => "事業者",
        }
    }
}

fn list(app: &App, call: &Call, visit: &Visit, side: Side) -> Result<Page, Failure> {
    let organizations = organization::list(app, call, visit.query("q"), Some(side.kind()), &visit.page()?)?;
    let context = json!({
        "organizations": organizations.items,
        "pager": visit.pager(&organizations),
        "narrowed": visit.is_narrowed(),
        "address": side.address(),
        "what": side.title(),
        "has_both": call.actor.is(Role::SystemAdmin),
    });
    Ok(page("organization/list.html", side.title(), context).filled(&visit.query))
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let id: OrganizationId = visit.id("id")?;
    let (organization, _) = organization::find(app, call, id)?;
    let side = Side::of(&organization);
    let register = register::register_of(app, call, id)?;
    let other_name = register.record.as_ref().map(|record| &record.name);
    let other_name = other_name.filter(|name| !same_company(name, &organization.name)).cloned();
    let contracts = match side {
        Side::Vendor if call.actor.may(Permission::ReadContract) => {
            let query = ContractQuery { vendor_id: Some(id), ..ContractQuery::default() };
            Some(contract::list(app, call, &query, &Part { limit: SHOWN, after: None })?)
        }
        Side::Vendor | Side::Agency => None,
    };
    let history: Vec<Value> = register
        .history
        .iter()
        .map(|event| json!({ "event": event, "at": words::instant(app, event.recorded_at) }))
        .collect();
    let similar: Vec<String> = match side {
        Side::Vendor => organization::similar(app, call, &organization)?,
        Side::Agency => Vec::new(),
    }
    .iter()
    .map(organization::SimilarName::told)
    .collect();
    let into = match organization.merged_into {
        Some(into) => Some(organization::find(app, call, into)?.0),
        None => None,
    };
    let title = organization.name.clone();
    // Also those in which it stands further down.
    let name: String = url::form_urlencoded::byte_serialize(organization.name.as_bytes()).collect();
    let context = json!({
        "organization": organization,
        "address": side.address(),
        "record": register.record,
        "other_name": other_name,
        "into": into,
        "similar": similar,
        "history": history,
        "contracts": contracts,
        "named": format!("/contracts?q={name}"),
    });
    Ok(page("organization/show.html", title, context).under(side.address(), side.title()))
}

fn blank(side: Side) -> Page {
    let title = format!("{}の登録", side.title());
    let is_agency = matches!(side, Side::Agency);
    let register = format!("{}を登録する", side.title());
    let context = json!({ "address": side.address(), "is_agency": is_agency, "register": register });
    page("organization/new.html", title, context).under(side.address(), side.title())
}

fn register_one(app: &App, call: &Call, visit: &Visit, side: Side) -> Result<Outcome, Failure> {
    let given = visit.completed(|body| {
        body.insert("kind".to_owned(), json!(side.kind()));
    })?;
    let (made, _) = organization::register(app, call, &given)?;
    let done = match side {
        Side::Agency => "agency",
        Side::Vendor => "vendor",
    };
    Ok(Outcome::Moved(format!("{}/{}?done={done}", side.address(), made.id)))
}

fn known(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (organization, version) = organization::find(app, call, visit.id("id")?)?;
    let side = Side::of(&organization);
    let own = format!("{}/{}", side.address(), organization.id);
    let context = json!({ "organization": organization, "own": own });
    Ok(page("organization/edit.html", "登録した内容の変更", context)
        .under(side.address(), side.title())
        .under(own, organization.name.clone())
        .filled(&organization)
        .of_version(version))
}

fn change(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: OrganizationChange = visit.input()?;
    if given.name.is_none() {
        return Err(Failure::field("/name", "required", "名称を入力してください。"));
    }
    let (changed, _) = organization::change(app, call, visit.id("id")?, &visit.version(), &given)?;
    Ok(Outcome::Moved(format!("{}/{}?done=organization", Side::of(&changed).address(), changed.id)))
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
    let option = |vendor: OrganizationView| {
        let number =
            vendor.corporate_number.map(|number| format!("（法人番号 {number}）")).unwrap_or_default();
        json!({ "value": vendor.id, "label": format!("{}{number}", vendor.name) })
    };
    Ok(Value::Array(vendors.into_iter().map(option).collect()))
}

/// Vendors to choose from for a field: those whose name or number holds what is typed as `vendor_q`, and the one that is
/// chosen: `{options: [{value, label}], more}`.
pub fn looked_for(app: &App, call: &Call, visit: &Visit, field: &str) -> Result<Value, Failure> {
    let wanted = Some(visit.typed("vendor_q").trim()).filter(|text| !text.is_empty());
    let all = Part { limit: MAX_LIMIT, after: None };
    let found = organization::list(app, call, wanted, Some(OrganizationKind::Vendor), &all)?;
    let mut options: Vec<Value> =
        found.items.iter().map(|it| json!({ "value": it.id, "label": vendor_label(it) })).collect();
    // The one chosen stays a choice, whatever is looked for next.
    let chosen = Some(visit.typed(field)).filter(|id| !id.is_empty()).or(visit.query(field));
    if let Some(id) = chosen.and_then(|id| id.parse().ok())
        && !found.items.iter().any(|it| it.id == id)
        && let Ok((it, _)) = organization::find(app, call, id)
    {
        options.insert(0, json!({ "value": it.id, "label": vendor_label(&it) }));
    }
    Ok(json!({ "options": options, "more": found.next_cursor.is_some() }))
}

/// A vendor as a choice is called: told apart by its number, else by its address.
pub fn vendor_label(vendor: &OrganizationView) -> String {
    match (&vendor.corporate_number, &vendor.address) {
        (Some(number), _) => format!("{}（{number}）", vendor.name),
        (None, Some(address)) => format!("{}（{address}）", vendor.name),
        (None, None) => vendor.name.clone(),
    }
}

fn show_merge(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let (vendor, _) = organization::find(app, call, visit.id("id")?)?;
    if vendor.kind != OrganizationKind::Vendor {
        return Err(Failure::NotFound);
    }
    let own = format!("/vendors/{}", vendor.id);
    let mut vendors = looked_for(app, call, visit, "into")?;
    if let Some(options) = vendors.get_mut("options").and_then(Value::as_array_mut) {
        options.retain(|option| option.get("value") != Some(&json!(vendor.id)));
    }
    let context = json!({ "organization": vendor, "own": own, "vendors": vendors });
    Ok(page("organization/merge.html", "事業者の統合", context)
        .under("/vendors", "事業者")
        .under(own, vendor.name))
}

fn merge(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: MergeInput = visit.input()?;
    let id = visit.id("id")?;
    let (from, _) = organization::find(app, call, id)?;
    let unknown = || Failure::field("/into", "unknown", "該当する事業者がありません。");
    let (into, _) = organization::find(app, call, given.into).map_err(|_| unknown())?;
    let answers = [
        ("統合する事業者", vendor_label(&from)),
        ("統合先の事業者", vendor_label(&into)),
        ("理由", given.reason.clone()),
    ];
    if let Some(asked) = check_gravely(visit, "統合してよいか確かめる", "統合する", &answers) {
        return Ok(asked);
    }
    let merged = vendor::merge(app, call, id, &given)?;
    Ok(Outcome::Moved(format!("/vendors/{}?done=merged", merged.vendor.id)))
}
