//! What happened to an alert, in order: found, weighed anew, taken up, measured, assessed, ended.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Failure;
use super::view::{AlertView, Handler};
use crate::db;
use crate::domain::access::Scope;
use crate::domain::alert::{Assessment, Severity};
use crate::domain::id::UserId;
use crate::domain::text_enum::TextEnum;
use crate::service::page::MAX_LIMIT;
use crate::service::{App, Call, Page, ledger};
use crate::text_enum;

text_enum! {
    /// What happened to an alert; the words of its entries behind `alert.`.
    pub enum AlertHappening {
        Opened = "opened",
        /// It weighs otherwise than before.
        Updated = "updated",
        Acknowledged = "acknowledged",
        Measured = "measured",
        Assessed = "assessed",
        Resolved = "resolved",
    }
}

/// One of the things that happened to an alert.
#[derive(Debug, Clone, Serialize)]
pub struct AlertEvent {
    pub at: DateTime<Utc>,
    pub happening: AlertHappening,
    /// Null: the program itself, or not the caller's to know.
    pub by: Option<Handler>,
    #[serde(flatten)]
    pub said: Said,
}

/// What an entry about an alert says, of which each kind has its part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Said {
    pub severity: Option<Severity>,
    pub reason: Option<String>,
    pub accepted_until: Option<NaiveDate>,
    pub assessment: Option<Assessment>,
}

/// What happened to an alert that the caller has been shown, the earliest first; the latest of very many are left out.
/// A vendor reads what was found, and when it ended.
pub fn history(app: &App, call: &Call, alert: &AlertView) -> Result<Vec<AlertEvent>, Failure> {
    let page = Page { limit: MAX_LIMIT, after: None };
    let entries = match ledger::list(app, call, alert.id.cast(), &page) {
        Ok(found) => found.items,
        Err(Failure::NotFound) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let inside = !matches!(call.scope(), Scope::Vendor(_));
    let people: Vec<UserId> = entries.iter().filter_map(|entry| entry.actor).collect();
    let names = if inside { app.db.read_one(|conn| db::user::names(conn, &people))? } else { HashMap::new() };
    let mut events: Vec<AlertEvent> = Vec::new();
    for entry in entries.into_iter().filter(|entry| entry.subject == Some(alert.id.cast())) {
        let action = entry.action.as_deref().and_then(|action| action.strip_prefix("alert."));
        let Some(happening) = action.and_then(AlertHappening::parse) else { continue };
        let by = entry.actor.and_then(|id| names.get(&id).map(|name| Handler { id, name: name.clone() }));
        let said = entry.payload.and_then(|payload| serde_json::from_value(payload).ok()).unwrap_or_default();
        events.push(AlertEvent { at: entry.at, happening, by, said });
    }
    if let (Some(at), false) = (alert.resolved_at, events.iter().any(AlertEvent::is_end)) {
        let said = Said { reason: alert.resolution.clone(), ..Said::default() };
        events.push(AlertEvent { at, happening: AlertHappening::Resolved, by: None, said });
    }
    Ok(events)
}

impl AlertEvent {
    fn is_end(&self) -> bool {
        self.happening == AlertHappening::Resolved
    }
}
