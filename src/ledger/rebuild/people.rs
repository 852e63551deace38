//! What stands on an organization's chain: people, their roles and deputies, the agency's settings and departments.

use serde_json::{Map, Value};

use super::row::{Cell, Row};
use super::said::{Incomplete, Said};
use super::{Chain, Holidays, waiting};
use crate::domain::settings::Settings;
use crate::domain::text::email_key;

pub(super) fn registered(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let id = said.entry.subject_id.to_string();
    let password = if said.flag("invited")? { Cell::Null } else { Cell::Something };
    let cells = vec![
        ("id", Cell::text(id.clone())),
        ("organization_id", said.cell("organization_id")?),
        ("email", Cell::hashed(said.optional_text("email_hash")?)),
        ("email_key", Cell::Derived { from: "email", by: email_key }),
        ("name", Cell::hashed(said.optional_text("name_hash")?)),
        ("password_hash", password),
        ("password_set_by_other", Cell::Flag(said.flag("password_set_by_other")?)),
        ("active", Cell::Flag(true)),
        ("expires_on", said.cell("expires_on")?),
        ("salt", Cell::salt(said.optional_text("salt_hash")?)),
        ("created_at", Cell::At(said.entry.at)),
        ("version", Cell::Number(1)),
    ];
    chain.add(Row::new("users", id, said.entry.id, cells));
    roles(chain, said)
}

/// Only what changed is said.
pub(super) fn changed(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = chain.row("users", said.entry.subject_id.as_str(), "subject_id")?;
    for (member, column) in [("email_hash", "email"), ("name_hash", "name")] {
        if said.given(member).is_some() {
            row.set(column, Cell::hashed(said.optional_text(member)?));
        }
    }
    for column in ["active", "expires_on"] {
        if let Some(value) = said.given(column) {
            row.set(column, Cell::of(value));
        }
    }
    row.count("version");
    if said.given("roles").is_some() {
        roles(chain, said)?;
    }
    waiting::in_force(chain, said)
}

/// The roles as they are from now on.
fn roles(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let user = said.entry.subject_id;
    let of_user = chain.rows.range(("user_roles", user.to_string())..);
    let held: Vec<_> = of_user
        .map(|(key, _)| key.clone())
        .take_while(|(table, id)| *table == "user_roles" && id.starts_with(user.as_str()))
        .collect();
    for key in held {
        chain.rows.remove(&key);
    }
    let roles: Vec<String> = said.read("roles")?;
    for role in roles {
        let cells = vec![
            ("user_id", Cell::text(user.as_str())),
            ("organization_id", Cell::text(chain.organization_id.as_str())),
            ("role", Cell::text(role.clone())),
        ];
        chain.add(Row::new("user_roles", format!("{user} {role}"), said.entry.id, cells));
    }
    Ok(())
}

/// A password was set; which one is nobody's to know, by its hash neither.
pub(super) fn password(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = chain.row("users", said.entry.subject_id.as_str(), "subject_id")?;
    row.set("password_hash", Cell::Something);
    row.set("password_set_by_other", Cell::Flag(false));
    Ok(())
}

pub(super) fn deputy(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let cells = vec![
        ("id", Cell::text(said.row_id())),
        ("organization_id", Cell::text(chain.organization_id.as_str())),
        ("user_id", Cell::text(said.entry.subject_id.as_str())),
        ("deputy_id", said.cell("deputy_id")?),
        ("starts_on", said.cell("starts_on")?),
        ("ends_on", said.cell("ends_on")?),
        ("created_at", Cell::At(said.entry.at)),
    ];
    chain.add(Row::new("deputies", said.row_id(), said.entry.id, cells));
    waiting::in_force(chain, said)
}

/// The last day of an appointment brought forward.
pub(super) fn deputy_ended(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    chain
        .row("deputies", said.text("appointment_id")?, "appointment_id")?
        .set("ends_on", said.cell("ends_on")?);
    Ok(())
}

/// Only what changed is said; what was never set is at its default.
pub(super) fn settings(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let wrong = |member: &str| Incomplete { member: member.to_owned() };
    let defaults = || match serde_json::to_value(Settings::default()) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let mut all = chain.settings.take().unwrap_or_else(defaults);
    let names: Vec<String> = all.keys().cloned().collect();
    for name in names {
        if let Some(value) = said.given(&name) {
            all.insert(name, value.clone());
        }
    }
    let body = serde_json::from_value::<Settings>(Value::Object(all.clone())).and_then(serde_json::to_value);
    let body = body.map_err(|_| wrong("settings"))?;
    chain.settings = Some(all);
    let agency = chain.organization_id.to_string();
    if !chain.rows.contains_key(&("agency_settings", agency.clone())) {
        let cells = vec![("agency_id", Cell::text(agency.clone()))];
        chain.add(Row::new("agency_settings", agency.clone(), said.entry.id, cells));
    }
    let row = chain.row("agency_settings", &agency, "settings")?;
    row.set("body", Cell::Json(body));
    row.set("updated_at", Cell::At(said.entry.at));
    row.count("version");
    Ok(())
}

pub(super) fn department(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let agency = chain.organization_id;
    let cells = vec![
        ("agency_id", Cell::text(agency.as_str())),
        ("name", said.cell("name")?),
        ("email", said.cell("email")?),
        ("telephone", said.cell("telephone")?),
    ];
    chain.add(Row::new("departments", format!("{agency} {}", said.text("name")?), said.entry.id, cells));
    Ok(())
}

pub(super) fn holidays(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    chain.holidays = Some(Holidays { sha256: said.text("sha256")?.to_owned(), days: said.number("days")? });
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "as every fold")]
pub(super) fn registered_organization(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    chain.organizations.push(said.entry.subject_id.cast());
    Ok(())
}
