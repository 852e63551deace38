//! 設定 of an agency and its 担当部署: a summary for everyone of the agency, and for its administrators a form a topic.

mod days;
mod department;
mod desk;
mod lists;
mod own_deputies;
mod severity;

use serde_json::{Value, json};

use super::route::{Labels, Outcome, Page, PageRoute, Words, look, page};
use super::visit::Visit;
use crate::domain::access::Permission;
use crate::domain::input::{FieldError, Mode, parse};
use crate::domain::settings::Settings;
use crate::service::setting::{self, SettingsChange, SettingsView};
use crate::service::{self, App, Call, Failure};

const SETTINGS: &str = "/settings";

pub fn routes() -> Vec<PageRoute> {
    let summary = vec![look(SETTINGS).needs(Permission::ReadSettings, summary)];
    let own_deputies = own_deputies::routes();
    let forms = [days::routes(), severity::routes(), lists::routes(), desk::routes(), own_deputies];
    [summary, forms.concat(), department::routes()].concat()
}

/// How many departments the summary shows; the others are on their own page.
const DEPARTMENTS: i64 = 10;

fn summary(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    let (SettingsView(settings), _) = setting::find(app, call)?;
    let first = service::Page { limit: DEPARTMENTS, after: None };
    let departments = setting::departments(app, call, &first)?;
    let context = json!({
        "ladders": ladders(&settings), "days": days(&settings), "severities": severities(&settings),
        "closed_days": settings.closed_days, "published_names": settings.published_names, "words": settings.words, "clauses": settings.clauses,
        "own_deputies": own_deputies::in_words(settings.own_deputies), "desk": settings.desk, "telephone": settings.telephone,
        "departments": departments.items, "more_departments": departments.next_cursor.is_some(),
        "organization": call.actor.organization.id,
    });
    Ok(Page { words: Words::Plain, ..page("setting/summary.html", "設定", context) })
}

/// The lists of days on which an end is announced: setting, label, days.
fn ladders(settings: &Settings) -> Value {
    let values =
        [&settings.consent_expiring_days, &settings.contract_expiring_days, &settings.audit_due_days];
    let rows = days::LADDERS.iter().zip(values);
    rows.map(|((name, label), days)| json!({ "name": name, "label": label, "days": listed(days) })).collect()
}

/// A list of days as it is written in its field.
fn listed(days: &[i32]) -> String {
    days.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")
}

/// The single numbers of days: setting, label, number, unit.
fn days(settings: &Settings) -> Value {
    let values = [
        settings.declaration_grace_days,
        settings.decision_working_days,
        settings.decision_before_start_days,
        settings.escalation_working_days,
    ];
    let rows = days::DAYS.iter().zip(values);
    rows.map(
        |((name, label, unit), days)| json!({ "name": name, "label": label, "days": days, "unit": unit }),
    )
    .collect()
}

/// What the agency decides the gravity of: setting, label, severity.
fn severities(settings: &Settings) -> Value {
    let given = json!(settings.severities);
    let rows = severity::BREACHES.iter();
    rows.map(|(name, label)| json!({ "name": name, "label": label, "severity": given.get(*name) })).collect()
}

/// A form of the settings as they stand.
fn of_settings(
    app: &App,
    call: &Call,
    template: &'static str,
    title: &str,
    shown: impl FnOnce(&Settings) -> (Value, Value),
) -> Result<Page, Failure> {
    let (SettingsView(settings), version) = setting::find(app, call)?;
    let (known, context) = shown(&settings);
    let page = page(template, title, context).under(SETTINGS, "設定").filled(&known).of_version(version);
    Ok(Page { words: Words::Plain, ..page })
}

/// Changes the settings. What is wrong with one is told at the field of the form that `place` names.
fn keep(
    app: &App,
    call: &Call,
    visit: &Visit,
    change: &Value,
    place: impl Fn(FieldError) -> FieldError,
) -> Result<Outcome, Failure> {
    let change: SettingsChange = parse(change, Mode::Strict).map_err(Failure::Invalid)?;
    match setting::change(app, call, &visit.version(), &change) {
        Ok(_) => Ok(Outcome::Moved(format!("{SETTINGS}?done=settings"))),
        Err(Failure::Invalid(errors)) => Err(Failure::Invalid(errors.into_iter().map(place).collect())),
        Err(other) => Err(other),
    }
}

/// Fields of settings' forms by their names, for summaries of errors.
fn labelled(labels: &'static Labels, name: &str) -> &'static str {
    labels.iter().find(|(known, _)| *known == name).map_or("", |(_, label)| label)
}
