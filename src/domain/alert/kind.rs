//! The words of alerts: kinds, severities, states, assessments, who is told, and the steps of telling.

use std::cmp::Ordering;

use chrono::NaiveDate;

use crate::domain::id::OrganizationId;
use crate::text_enum;

text_enum! {
    /// What an alert is about.
    pub enum AlertKind {
        UnapprovedSubcontractor = "unapproved_subcontractor",
        SubcontractingProhibited = "subcontracting_prohibited",
        TierExceeded = "tier_exceeded",
        RatioExceeded = "ratio_exceeded",
        OverseasHandling = "overseas_handling",
        ConsentExpiring = "consent_expiring",
        EndNotReported = "end_not_reported",
        VolumeExceeded = "volume_exceeded",
        DataNotReturned = "data_not_returned",
        AuditDue = "audit_due",
        AuditOverdue = "audit_overdue",
        AuditMissing = "audit_missing",
        FindingOverdue = "finding_overdue",
        DeclarationOverdue = "declaration_overdue",
        DecisionWaiting = "decision_waiting",
        ContractExpiring = "contract_expiring",
        SuspendedVendor = "suspended_vendor",
        VendorIncident = "vendor_incident",
        VendorChanged = "vendor_changed",
        PublicRecordMismatch = "public_record_mismatch",
        IncidentReportDue = "incident_report_due",
        IncidentReportOverdue = "incident_report_overdue",
        GuidanceReportDue = "guidance_report_due",
        GuidanceReportOverdue = "guidance_report_overdue",
        ObligationDue = "obligation_due",
        ObligationOverdue = "obligation_overdue",
        CapacityShort = "capacity_short",
        NoticeFailed = "notice_failed",
    }
}

text_enum! {
    /// How grave; in order.
    pub enum Severity { Info = "info", Warning = "warning", Critical = "critical" }
}

impl Severity {
    /// On screen and in mail.
    pub fn label(self) -> &'static str {
        match self {
            Self::Critical => "重大",
            Self::Warning => "注意",
            Self::Info => "情報",
        }
    }
}

text_enum! {
    /// Where an alert stands.
    pub enum AlertState {
        /// 未対応
        Open = "open",
        /// 対応中
        Acknowledged = "acknowledged",
        /// 解消
        Resolved = "resolved",
    }
}

text_enum! {
    /// What a person makes of an alert.
    pub enum Assessment {
        /// 疑い
        Suspected = "suspected",
        /// 確認中
        Confirming = "confirming",
        /// 該当
        Confirmed = "confirmed",
        /// 非該当
        NotApplicable = "not_applicable",
    }
}

/// Who is told. The service finds the people; deputies of a period stand in for the approvers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// The contract's responsible officer and the department's address.
    Officer,
    Approver,
    /// Who stands in for an approver today.
    Deputy,
    Auditor,
    AgencyAdmin,
    Vendor(OrganizationId),
}

impl AlertKind {
    /// Who is told on the agency's side; vendors depend on the case.
    pub fn audience(self) -> &'static [Audience] {
        use Audience::{AgencyAdmin, Approver, Auditor, Deputy, Officer};
        match self {
            Self::UnapprovedSubcontractor => &[Officer, Approver, Auditor],
            Self::SubcontractingProhibited
            | Self::TierExceeded
            | Self::RatioExceeded
            | Self::OverseasHandling
            | Self::VolumeExceeded
            | Self::SuspendedVendor
            | Self::VendorIncident
            | Self::CapacityShort => &[Officer, Approver],
            Self::AuditDue | Self::AuditMissing | Self::FindingOverdue => &[Auditor, Officer],
            Self::AuditOverdue => &[Auditor, Officer, Approver],
            Self::DecisionWaiting => &[Approver, Deputy],
            Self::NoticeFailed | Self::ObligationDue | Self::ObligationOverdue => &[AgencyAdmin],
            Self::ConsentExpiring
            | Self::EndNotReported
            | Self::DataNotReturned
            | Self::DeclarationOverdue
            | Self::ContractExpiring
            | Self::VendorChanged
            | Self::PublicRecordMismatch
            | Self::IncidentReportDue
            | Self::IncidentReportOverdue
            | Self::GuidanceReportDue
            | Self::GuidanceReportOverdue => &[Officer],
        }
    }

    /// Whether [`super::evaluate`] raises it, and so its silence resolves it. The others come from events.
    pub fn is_evaluated(self) -> bool {
        self.is_limit()
            || matches!(
                self,
                Self::UnapprovedSubcontractor
                    | Self::ConsentExpiring
                    | Self::EndNotReported
                    | Self::AuditDue
                    | Self::AuditOverdue
                    | Self::AuditMissing
                    | Self::DeclarationOverdue
                    | Self::DecisionWaiting
                    | Self::ContractExpiring
            )
    }

    /// A limit of the contract: its excess can be accepted with a reason and an end date.
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::SubcontractingProhibited
                | Self::TierExceeded
                | Self::RatioExceeded
                | Self::OverseasHandling
                | Self::VolumeExceeded
        )
    }
}

/// A step of telling: of one alert each is told once, and none after a later one. The order is that of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// "opened"
    Opened,
    /// "60": so many days before.
    Before(i32),
    /// "moved-2026-07-14", "moved-2026-07-14-30": the due day became another one, this, and `before` so many days before
    /// it stood announced then; the steps that follow are counted towards it.
    Moved { due_on: NaiveDate, before: Option<i32> },
    /// "due-2026-07-14": the declaration due on that day is missing too.
    Missed(NaiveDate),
    /// "weekly-3": so many weeks after it opened.
    Weekly(i64),
    /// "escalated"
    Escalated,
    /// "again-2026-10-01-2026-08-03": told anew on the first of these days, of days that the alert did not speak of
    /// before; since the second nobody has taken it up.
    Again { on: NaiveDate, since: NaiveDate },
    /// "escalated-2026-10-06": escalated on that day, after it was told anew.
    EscalatedAgain(NaiveDate),
}

impl Step {
    fn place(self) -> (u8, i64, i64) {
        let number = |day: NaiveDate| (day - NaiveDate::MIN).num_days();
        match self {
            Self::Opened => (0, 0, 0),
            Self::Before(days) => (1, -i64::from(days), 0),
            Self::Moved { due_on, before: None } => (0, 0, 1 + number(due_on)),
            Self::Moved { due_on, before: Some(days) } => (1, -i64::from(days), 1 + number(due_on)),
            Self::Missed(day) => (2, number(day), 0),
            Self::Weekly(weeks) => (3, weeks, 0),
            Self::Escalated => (4, 0, 0),
            // Told anew on a day, it is not escalated on that day too.
            Self::EscalatedAgain(day) => (5, number(day), 0),
            Self::Again { on, since } => (5, number(on), 1 + number(since)),
        }
    }

    /// The administrators are told because nobody has taken the alert up.
    pub fn is_escalation(self) -> bool {
        matches!(self, Self::Escalated | Self::EscalatedAgain(_))
    }
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Before(days) => write!(f, "{days}"),
            Self::Moved { due_on, before: None } => write!(f, "moved-{due_on}"),
            Self::Moved { due_on, before: Some(days) } => write!(f, "moved-{due_on}-{days}"),
            Self::Missed(day) => write!(f, "due-{day}"),
            Self::Weekly(weeks) => write!(f, "weekly-{weeks}"),
            Self::Escalated => f.write_str("escalated"),
            Self::Again { on, since } => write!(f, "again-{on}-{since}"),
            Self::EscalatedAgain(day) => write!(f, "escalated-{day}"),
        }
    }
}

/// The text is not a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a step of telling")]
pub struct NotAStep;

impl std::str::FromStr for Step {
    type Err = NotAStep;
    fn from_str(text: &str) -> Result<Self, NotAStep> {
        let step = match text {
            "opened" => Some(Self::Opened),
            "escalated" => Some(Self::Escalated),
            _ => None,
        };
        let weekly = || text.strip_prefix("weekly-")?.parse().ok().map(Self::Weekly);
        let missed = || text.strip_prefix("due-")?.parse().ok().map(Self::Missed);
        let again = || {
            let days = text.strip_prefix("again-")?;
            let (on, since) = (days.get(..10)?, days.get(10..)?.strip_prefix('-')?);
            Some(Self::Again { on: on.parse().ok()?, since: since.parse().ok()? })
        };
        let escalated = || text.strip_prefix("escalated-")?.parse().ok().map(Self::EscalatedAgain);
        let before = || text.parse().ok().map(Self::Before);
        let moved = || {
            let moved = text.strip_prefix("moved-")?;
            let due_on = moved.get(..10)?.parse().ok()?;
            let before = match moved.get(10..)? {
                "" => None,
                days => Some(days.strip_prefix('-')?.parse().ok()?),
            };
            Some(Self::Moved { due_on, before })
        };
        step.or_else(weekly)
            .or_else(moved)
            .or_else(missed)
            .or_else(again)
            .or_else(escalated)
            .or_else(before)
            .ok_or(NotAStep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text_enum::TextEnum;

    #[test]
    fn steps_are_words_and_ordered_by_time() {
        let day = |text: &str| text.parse().unwrap();
        let steps = [
            (Step::Opened, "opened"),
            (Step::Moved { due_on: day("2026-12-31"), before: None }, "moved-2026-12-31"),
            (Step::Before(60), "60"),
            (Step::Moved { due_on: day("2026-12-31"), before: Some(60) }, "moved-2026-12-31-60"),
            (Step::Before(7), "7"),
            (Step::Before(0), "0"),
            (Step::Missed(day("2026-07-14")), "due-2026-07-14"),
            (Step::Missed(day("2026-10-14")), "due-2026-10-14"),
            (Step::Weekly(2), "weekly-2"),
            (Step::Weekly(10), "weekly-10"),
            (Step::Escalated, "escalated"),
            (Step::Again { on: day("2026-08-10"), since: day("2026-08-03") }, "again-2026-08-10-2026-08-03"),
            (Step::EscalatedAgain(day("2026-08-11")), "escalated-2026-08-11"),
            (Step::Again { on: day("2026-08-11"), since: day("2026-08-11") }, "again-2026-08-11-2026-08-11"),
        ];
        assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (step, text) in steps {
            assert_eq!((step.to_string().as_str(), text.parse()), (text, Ok(step)));
        }
        for text in [
            "",
            "soon",
            "weekly-",
            "due-2026-02-30",
            "1.5",
            "again-2026-08-10",
            "escalated-",
            "moved-",
            "moved-2026-08-10-",
        ] {
            assert_eq!(text.parse::<Step>(), Err(NotAStep), "{text}");
        }
    }

    #[test]
    fn severities_are_ordered_and_every_kind_tells_someone() {
        assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Critical);
        assert!(AlertKind::ALL.iter().all(|kind| !kind.audience().is_empty()));
        assert_eq!(AlertKind::ALL.iter().filter(|kind| kind.is_evaluated()).count(), 14);
    }
}
