//! From what the rules say to the changes of what is stored and told.

use super::{AlertFact, AlertKind, Audience, Finding, Step, Verdict};
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
        let step = step(alert, &finding);
        let reminder = step.filter(|_| !closes(alert)).map(|step| Change::Remind {
            id: alert.id,
            step,
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

/// The step of the finding that is to be told of a standing alert; None: it was told.
///
/// A reminder counts towards a due day. Where that becomes another one, it is told anew, also within the step that was
/// told before: nearer, there is less time than people think; further off, the steps begin again.
fn step(alert: &AlertFact, finding: &Finding) -> Option<Step> {
    let moved_to = finding.due_on.filter(|due| alert.due_on.is_some_and(|before| before != *due));
    let step = match (finding.step, moved_to, alert.told) {
        (Step::Before(days), Some(due_on), _) => return Some(Step::Moved { due_on, before: Some(days) }),
        // Outside the outbox's memory: a step of the day before may have been told under the same name.
        (Step::Before(days), None, Step::Moved { due_on, .. }) => Step::Moved { due_on, before: Some(days) },
        (Step::Opened, Some(due_on), _) if is_ahead(finding.kind) => {
            return (alert.due_on > Some(due_on)).then_some(Step::Moved { due_on, before: None });
        }
        (step, ..) => step,
    };
    (step > alert.told).then_some(step)
}

/// Whether alerts of the kind speak of a day to come without steps towards it.
fn is_ahead(kind: AlertKind) -> bool {
    kind == AlertKind::AuditMissing
}

fn differs(alert: &AlertFact, finding: &Finding) -> bool {
    alert.severity != finding.severity
        || alert.cause != finding.cause
        || alert.due_on != finding.due_on
        || alert.days != finding.days
        || alert.message != finding.message
}
