//! From what the rules say to the changes of what is stored and told.

use super::{AlertFact, Audience, Finding, Step, Verdict};
use crate::domain::id::AlertId;

/// A change of the stored alerts, or something to tell. Applied on the context's business day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new alert; its step is told with it.
    Open(Finding),
    /// Severity, cause, due day, days or message are now those of the finding. Tells nobody.
    Update { id: AlertId, finding: Finding },
    /// Nothing supports it any more. The reason is Japanese.
    Resolve { id: AlertId, reason: String },
    /// A further step is told; the alert's `told` becomes it.
    Remind { id: AlertId, step: Step, audience: Vec<Audience>, urgent: bool },
}

/// Compares the verdict with what is stored. Applying the changes and settling again the same day gives none.
pub fn settle(existing: &[AlertFact], verdict: Verdict) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let closes = |alert: &AlertFact| verdict.closings.iter().any(|closing| closing.id == alert.id);
    for finding in verdict.findings {
        let standing =
            |alert: &&AlertFact| alert.is_unresolved() && alert.is_about(finding.kind, &finding.subject);
        let Some(alert) = existing.iter().find(standing) else {
            changes.push(Change::Open(finding));
            continue;
        };
        let reminder = (finding.step > alert.told && !closes(alert)).then(|| Change::Remind {
            id: alert.id,
            step: finding.step,
            audience: finding.audience.clone(),
            urgent: finding.urgent,
        });
        if differs(alert, &finding) {
            changes.push(Change::Update { id: alert.id, finding });
        }
        changes.extend(reminder);
    }
    let closings = verdict.closings.into_iter();
    changes.extend(closings.map(|closing| Change::Resolve { id: closing.id, reason: closing.reason }));
    changes
}

fn differs(alert: &AlertFact, finding: &Finding) -> bool {
    alert.severity != finding.severity
        || alert.cause != finding.cause
        || alert.due_on != finding.due_on
        || alert.days != finding.days
        || alert.message != finding.message
}
