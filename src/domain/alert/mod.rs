//! Alerts: from a contract's facts and a business day to what must be said, and from that to the changes of
//! what is stored. Pure; the daily sweep and every recorded act go through the same two steps.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::audit::AuditFact;
use super::calendar::Calendar;
use super::chain::{Cause, ChainFacts};
use super::days::DaySet;
use super::declaration::DeclarationFact;
use super::id::{AlertId, ApplicationId, AuditId, EngagementId, OrganizationId};
use super::settings::Settings;

mod ask;
mod audits;
mod decisions;
mod declarations;
mod ending;
#[cfg(test)]
pub(crate) mod fixture;
mod kind;
mod limits;
mod rule;
mod settle;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod tests;
mod text;
mod unapproved;
mod view;

pub use ask::{Ask, Duty, Reader};
pub use decisions::{decide_before_start, decide_by, would_decide_by};
pub use kind::{AlertKind, AlertState, Assessment, Audience, NotAStep, Severity, Step};
pub use rule::{Rule, Version};
pub use settle::{Change, settle};
pub use text::{cause as cause_text, fill};

use view::{Outcome, View};

/// What is known of one contract.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub chain: &'a ChainFacts,
    pub declarations: &'a [DeclarationFact],
    pub audits: &'a [AuditFact],
    /// Business day on which the contract was registered here: what was missed before is not asked for.
    pub learned_on: NaiveDate,
}

/// The day, and what the agency has set.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub today: NaiveDate,
    /// With the agency's closed days.
    pub calendar: &'a Calendar,
    pub settings: &'a Settings,
    /// In which instants of the ledger become business days.
    pub timezone: Tz,
}

/// An alert of the contract as stored, resolved ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFact {
    pub id: AlertId,
    pub kind: AlertKind,
    /// See [`Finding::subject`].
    pub subject: String,
    pub state: AlertState,
    pub severity: Severity,
    pub cause: Option<Cause>,
    pub message: String,
    pub due_on: Option<NaiveDate>,
    /// Business day.
    pub opened_on: NaiveDate,
    /// See [`Finding::days`].
    pub days: DaySet,
    /// What a person recorded as done about it.
    pub measure: Option<String>,
    /// Of a resolved one: the excess is accepted up to and including this day.
    pub accepted_until: Option<NaiveDate>,
    /// The last step told.
    pub told: Step,
}

/// Something that holds today and must be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: AlertKind,
    /// Stable: an engagement, audit, application or contract id; `contract:vendor`, `contract:年度`,
    /// `engagement:category`. At most one unresolved alert for each kind and subject.
    pub subject: String,
    pub engagement_id: Option<EngagementId>,
    /// Whom it is about: stands in that vendor's own list. None: internal to the agency.
    pub vendor_id: Option<OrganizationId>,
    pub application_id: Option<ApplicationId>,
    pub audit_id: Option<AuditId>,
    pub severity: Severity,
    pub cause: Option<Cause>,
    pub due_on: Option<NaiveDate>,
    /// One neutral sentence in Japanese, in the agency's words.
    pub message: String,
    /// The uncovered days it speaks of; of a limit the days of the use in excess as stated, those to come too; empty
    /// for other kinds.
    pub days: DaySet,
    pub step: Step,
    /// Who is told of the step.
    pub audience: Vec<Audience>,
    /// Mailed at once; else in the day's digest.
    pub urgent: bool,
}

/// Why an alert ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub id: AlertId,
    /// In Japanese.
    pub reason: String,
}

/// What the rules say of a contract on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub findings: Vec<Finding>,
    /// Of unresolved alerts that no finding supports, or that are answered: then its finding says how the alert
    /// ends.
    pub closings: Vec<Closing>,
    /// The first day after today on which a rule could say something new if nothing is recorded meanwhile.
    pub next_check: Option<NaiveDate>,
}

/// Applies every rule. `existing`: all alerts of the contract, the resolved ones too.
pub fn evaluate(facts: &Facts<'_>, existing: &[AlertFact], ctx: &Context<'_>) -> Verdict {
    let view = View::new(facts, existing, ctx);
    let mut out = Outcome::new(ctx.today);
    for terms in &facts.chain.terms {
        out.look_again(Some(terms.effective_on));
    }
    unapproved::evaluate(&view, &mut out);
    ending::evaluate(&view, &mut out);
    limits::evaluate(&view, &mut out);
    audits::evaluate(&view, &mut out);
    declarations::evaluate(&view, &mut out);
    decisions::evaluate(&view, &mut out);
    let (findings, answered, next_check) = out.finish(&view);
    let supported = |alert: &AlertFact| {
        let found = || findings.iter().any(|found| alert.is_about(found.kind, &found.subject));
        !answered.contains(&alert.id) && found()
    };
    let gone = existing.iter().filter(|alert| alert.kind.is_evaluated() && alert.is_unresolved());
    let closings = gone
        .filter(|alert| !supported(alert))
        .map(|alert| Closing { id: alert.id, reason: why_gone(&view, alert, answered.contains(&alert.id)) })
        .collect();
    Verdict { findings, closings, next_check }
}

fn why_gone(view: &View<'_>, alert: &AlertFact, answered: bool) -> String {
    let why = match alert.kind {
        AlertKind::UnapprovedSubcontractor => unapproved::WHY_GONE,
        AlertKind::ConsentExpiring | AlertKind::EndNotReported | AlertKind::ContractExpiring => {
            ending::why_gone(view, alert)
        }
        AlertKind::AuditDue | AlertKind::AuditOverdue | AlertKind::AuditMissing => {
            return audits::why_gone(view, alert);
        }
        AlertKind::DeclarationOverdue => declarations::WHY_GONE,
        AlertKind::DecisionWaiting => decisions::why_gone(view, alert),
        _ if answered => limits::WHY_ANSWERED,
        _ => limits::WHY_GONE,
    };
    view.say(why, &[])
}

impl AlertFact {
    pub fn is_unresolved(&self) -> bool {
        self.state != AlertState::Resolved
    }

    pub fn is_about(&self, kind: AlertKind, subject: &str) -> bool {
        self.kind == kind && self.subject == subject
    }

    /// Whether a person's resolving closes it at once. Else its cause decides: the act records the measure,
    /// the alert counts as acknowledged, and it resolves when nothing supports it any more (for
    /// `unapproved_subcontractor` that may be the same moment).
    pub fn closes_when_resolved(&self, accepted_until: Option<NaiveDate>, today: NaiveDate) -> bool {
        if self.kind.is_limit() {
            return accepted_until.is_some_and(|day| day >= today);
        }
        if self.kind == AlertKind::AuditMissing {
            return audits::is_past(&self.subject, today);
        }
        !self.kind.is_evaluated()
    }
}

impl Finding {
    /// About the contract as a whole, told as opened, to whom the kind is told.
    fn new(kind: AlertKind, subject: impl Into<String>, severity: Severity, message: String) -> Self {
        Self {
            kind,
            subject: subject.into(),
            engagement_id: None,
            vendor_id: None,
            application_id: None,
            audit_id: None,
            severity,
            cause: None,
            due_on: None,
            message,
            days: DaySet::new(),
            step: Step::Opened,
            audience: kind.audience().to_vec(),
            urgent: severity == Severity::Critical,
        }
    }

    /// Tells these vendors too, each once.
    fn tell(mut self, vendors: impl IntoIterator<Item = OrganizationId>) -> Self {
        for vendor in vendors {
            if !self.audience.contains(&Audience::Vendor(vendor)) {
                self.audience.push(Audience::Vendor(vendor));
            }
        }
        self
    }
}
