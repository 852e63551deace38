//! What of an alert is shown, to whom.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::db::alert::{AlertFilter, AlertOrder, AlertRow, ContractLabel};
use crate::db::{self, Conn, DbError};
use crate::domain::access::{Actor, Scope};
use crate::domain::alert::{AlertKind, AlertState, Assessment, Reader, Severity};
use crate::domain::chain::Cause;
use crate::domain::id::{AlertId, ContractId, EngagementId, OrganizationId, UserId};
use crate::domain::settings::Settings;
use crate::service::page::{Total, keyed};
use crate::service::{App, Call, Page, Paged};

/// An inclusive run of days.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertDays {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// A person by name.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Handler {
    pub id: UserId,
    pub name: String,
}

/// An alert.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertView {
    pub id: AlertId,
    pub kind: AlertKind,
    /// The kind on screen.
    pub title: String,
    pub severity: Severity,
    pub state: AlertState,
    pub contract_id: Option<ContractId>,
    pub contract_number: Option<String>,
    pub contract_title: Option<String>,
    /// 委託元, for an overseer, who sees those of all agencies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agency_name: Option<String>,
    pub engagement_id: Option<EngagementId>,
    /// Stable: at most one unresolved alert per kind and subject.
    pub subject: String,
    pub cause: Option<Cause>,
    /// The agency's own; null for vendors.
    pub assessment: Option<Assessment>,
    pub assessment_reason: Option<String>,
    pub message: String,
    /// The rule's name and version.
    pub rule: String,
    /// Of the rule.
    pub rule_version: i32,
    /// The text the rule rests on.
    pub basis: String,
    /// What is asked of the caller; where that is nothing, who acts.
    pub next_step: String,
    pub due_on: Option<NaiveDate>,
    /// The uncovered days it speaks of; of a limit of the contract the days of the use as stated, those to come
    /// too; empty for other kinds.
    pub days: Vec<AlertDays>,
    pub opened_on: NaiveDate,
    pub opened_at: DateTime<Utc>,
    pub acknowledged_by: Option<Handler>,
    /// What was recorded as done; null for vendors.
    pub measure: Option<String>,
    pub measured_by: Option<Handler>,
    /// The excess is accepted up to and including this day.
    pub accepted_until: Option<NaiveDate>,
    pub resolved_on: Option<NaiveDate>,
    pub resolved_at: Option<DateTime<Utc>>,
    /// Why it ended.
    pub resolution: Option<String>,
    /// The vendors that should have heard of it and could not: they have no people and no contact address. For the
    /// agency's side.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub untold: Vec<Untold>,
    pub version: i64,
}

/// A vendor that could not be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Untold {
    pub id: OrganizationId,
    pub name: String,
}

/// The alerts that the caller can know of, in the order asked for; a cursor of the other order is refused.
pub fn list(app: &App, call: &Call, filter: &AlertFilter, page: &Page) -> Result<Paged<AlertView>, Failure> {
    app.db.read(|conn| {
        let rows = match filter.order {
            AlertOrder::Newest => db::alert::list(conn, call.scope(), filter, page.after_id()?, page.rows())?,
            AlertOrder::Gravest => {
                db::alert::gravest(conn, call.scope(), filter, page.after_keyed()?, page.rows())?
            }
            AlertOrder::Due => {
                db::alert::by_due_day(conn, call.scope(), filter, page.after_keyed()?, page.rows())?
            }
        };
        let key = |row: &AlertRow| match filter.order {
            AlertOrder::Newest => row.id.to_string(),
            AlertOrder::Gravest => keyed(row.severity, row.id),
            AlertOrder::Due => keyed(row.due_on.unwrap_or_default(), row.id),
        };
        let cut = Paged::cut(page, rows, key, |row| row);
        Ok(Paged { items: show(conn, &call.actor, cut.items)?, next_cursor: cut.next_cursor })
    })
}

/// How many that is in all.
pub fn count(app: &App, call: &Call, filter: &AlertFilter) -> Result<Total, Failure> {
    let count = |conn: &mut Conn| db::alert::count_listed(conn, call.scope(), filter, Total::BOUND);
    Ok(Total::of(app.db.read_one::<_, DbError>(count)?))
}

/// One alert.
pub fn find(app: &App, call: &Call, id: AlertId) -> Result<AlertView, Failure> {
    app.db.read(|conn| one(conn, &call.actor, id))
}

/// One alert, inside a transaction.
pub(super) fn one(conn: &mut Conn, actor: &Actor, id: AlertId) -> Result<AlertView, Failure> {
    let row = db::alert::find(conn, actor.scope(), id)?;
    show(conn, actor, vec![row])?.pop().ok_or(Failure::NotFound)
}

fn show(conn: &mut Conn, actor: &Actor, rows: Vec<AlertRow>) -> Result<Vec<AlertView>, Failure> {
    let labels = db::alert::contract_labels(conn, &rows)?;
    let inside = !matches!(actor.scope(), Scope::Vendor(_));
    let handlers = if inside { db::user::names(conn, &handlers(&rows))? } else { HashMap::new() };
    let mut settings: HashMap<OrganizationId, Settings> = HashMap::new();
    for row in &rows {
        if let std::collections::hash_map::Entry::Vacant(place) = settings.entry(row.agency_id) {
            place.insert(db::setting::find(conn, row.agency_id)?.0);
        }
    }
    let by_default = Settings::default();
    let mut untold = if inside { untold(conn, &rows)? } else { HashMap::new() };
    let agencies: Vec<OrganizationId> = rows.iter().map(|row| row.agency_id).collect();
    let agencies = db::organization::names_for_overseer(conn, &actor.scope(), &agencies)?;
    rows.into_iter()
        .map(|row| {
            let untold = untold.remove(&row.id).unwrap_or_default();
            let words = settings.get(&row.agency_id).unwrap_or(&by_default);
            let label = row.contract_id.and_then(|id| labels.get(&id));
            let readers = Reader::of(actor, row.vendor_id);
            let agency_name = agencies.get(&row.agency_id).cloned();
            let view = shown(row, label, words, &handlers, &readers)?;
            Ok(if inside { AlertView { agency_name, untold, ..view } } else { outside(view) })
        })
        .collect()
}

/// Who could not be told of each alert.
fn untold(conn: &mut Conn, rows: &[AlertRow]) -> Result<HashMap<AlertId, Vec<Untold>>, Failure> {
    let subjects: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let found = db::notice::untold(conn, &subjects)?;
    let vendors: Vec<OrganizationId> = found.iter().map(|(_, vendor)| *vendor).collect();
    let names = db::organization::names(conn, &vendors)?;
    let mut untold: HashMap<AlertId, Vec<Untold>> = HashMap::new();
    for (subject, id) in found {
        if let (Ok(alert), Some(name)) = (subject.parse(), names.get(&id)) {
            untold.entry(alert).or_default().push(Untold { id, name: name.clone() });
        }
    }
    Ok(untold)
}

/// Who acknowledged or took measures.
fn handlers(rows: &[AlertRow]) -> Vec<UserId> {
    rows.iter().flat_map(|row| [row.acknowledged_by, row.measured_by]).flatten().collect()
}

fn shown(
    row: AlertRow,
    label: Option<&ContractLabel>,
    words: &Settings,
    handlers: &HashMap<UserId, String>,
    readers: &[Reader],
) -> Result<AlertView, Failure> {
    let days =
        row.days()?.ranges().iter().map(|range| AlertDays { from: range.from, to: range.to }).collect();
    let rule = row.kind.rule();
    let version =
        rule.and_then(|rule| rule.versions.iter().find(|version| version.version == row.rule_version));
    let title = rule.map_or_else(|| row.kind.to_string(), |rule| words.in_own_words(rule.name));
    let handler = |id: Option<UserId>| {
        id.and_then(|id| handlers.get(&id).map(|name| Handler { id, name: name.clone() }))
    };
    Ok(AlertView {
        id: row.id,
        kind: row.kind,
        rule: format!("{title}（第{}版）", row.rule_version),
        rule_version: row.rule_version,
        title,
        severity: row.severity,
        state: row.state,
        contract_id: row.contract_id,
        contract_number: label.map(|label| label.number.clone()),
        contract_title: label.map(|label| label.title.clone()),
        agency_name: None,
        engagement_id: row.engagement_id,
        subject: row.subject,
        cause: row.cause,
        assessment: row.assessment,
        assessment_reason: row.assessment_reason,
        message: row.message,
        basis: version.map_or("", |v| v.basis(label.is_some_and(|label| label.my_number))).to_owned(),
        next_step: words.in_own_words(row.kind.ask(row.rule_version, readers).text),
        due_on: row.due_on,
        days,
        opened_on: row.opened_on,
        opened_at: row.opened_at.and_utc(),
        acknowledged_by: handler(row.acknowledged_by),
        measure: row.measure,
        measured_by: handler(row.measured_by),
        accepted_until: row.accepted_until,
        resolved_on: row.resolved_on,
        resolved_at: row.resolved_at.map(|at| at.and_utc()),
        resolution: row.resolution,
        untold: Vec::new(),
        version: row.version,
    })
}

/// What the agency thinks and does about it is not the vendor's to read.
fn outside(view: AlertView) -> AlertView {
    AlertView {
        assessment: None,
        assessment_reason: None,
        acknowledged_by: None,
        measure: None,
        measured_by: None,
        // A person's own words where they closed it; else the program's.
        resolution: view.resolution.filter(|_| view.measure.is_none()),
        ..view
    }
}
