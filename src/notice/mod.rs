//! Mail: what is to be told (a draft, written to the outbox by `db`), how it reads (templates), how it is built
//! and how it leaves. Nothing here knows the database or the clock.

pub mod context;
pub mod folder;
pub mod letter;
pub mod message;
pub mod render;
pub mod retry;
#[cfg(test)]
mod samples;
pub mod transport;

use serde_json::Value;

pub use context::Mail;

use crate::{
    domain::id::{ContractId, OrganizationId, UserId},
    text_enum,
};

text_enum! {
    /// What a mail is about: an alert's kind, or one of the other occasions. Stands in `X-Itaku-Kind`.
    pub enum NoticeKind {
        UnapprovedSubcontractor = "unapproved_subcontractor",
        SubcontractingProhibited = "subcontracting_prohibited",
        TierExceeded = "tier_exceeded",
        RatioExceeded = "ratio_exceeded",
        OverseasHandling = "overseas_handling",
        ConsentExpiring = "consent_expiring",
        EndNotReported = "end_not_reported",
        VolumeExceeded = "volume_exceeded",
        AuditDue = "audit_due",
        AuditOverdue = "audit_overdue",
        AuditMissing = "audit_missing",
        DeclarationOverdue = "declaration_overdue",
        DecisionWaiting = "decision_waiting",
        ContractExpiring = "contract_expiring",
        VendorChanged = "vendor_changed",
        NoticeFailed = "notice_failed",
        Digest = "digest",
        Invitation = "invitation",
        PasswordReset = "password_reset",
        EmailChanged = "email_changed",
        AccountChanged = "account_changed",
        LoginFailures = "login_failures",
        BackupOverdue = "backup_overdue",
        Collected = "collected",
        ChangeAsked = "change_asked",
        ChangeEnded = "change_ended",
        ApplicationFiled = "application_filed",
        ApplicationReviewed = "application_reviewed",
        ApplicationDecided = "application_decided",
        ApplicationReturned = "application_returned",
        ApplicationSentBack = "application_sent_back",
        ConsentRevoked = "consent_revoked",
        DeclarationReceipt = "declaration_receipt",
    }
}

/// What the notice room refuses.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// An alert's mail under a kind that is none, or a stored context of another shape than its kind's.
    #[error("the context does not fit a notice of kind {0}")]
    Context(NoticeKind),
    #[error("the context cannot be written as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A template is broken or uses what its context does not hold.
    #[error("the mail template {name}: {cause}")]
    Template { name: String, cause: String },
    /// Neither `smtp://`, `smtps://` nor `file:`. The address is not repeated: it may hold a password.
    #[error("a mail URL is smtp://host:port, smtps://host:port or file:DIRECTORY: {0}")]
    Url(&'static str),
    /// The address of the sender or the recipient is not one.
    #[error("the {0} address cannot be used for mail")]
    Address(&'static str),
    /// A header holds control characters.
    #[error("a control character in the header {0}")]
    Header(&'static str),
    #[error("the message cannot be built: {0}")]
    Message(String),
}

/// What a notice is about. With the kind, step and recipient it is unique: each step is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub organization_id: OrganizationId,
    /// Such as `alert`.
    pub subject_kind: String,
    pub subject_id: String,
    /// Such as `opened`, `30`, or the day of a digest.
    pub step: String,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub address: String,
    /// `None`: an address that is nobody's account, such as a department's.
    pub user_id: Option<UserId>,
}

/// A row for the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub kind: NoticeKind,
    pub about: About,
    pub recipient: Recipient,
    /// The serialized context, rendered at delivery.
    pub context: Value,
    /// The contract it concerns, for the agency's list of notices.
    pub contract_id: Option<ContractId>,
    /// Whether it waits for the recipient's digest of the day instead of being mailed at once.
    pub in_digest: bool,
    /// Whether it may be joined with others in one mail, where many come at once.
    pub joins: bool,
}

impl Draft {
    /// A mail to be sent at once.
    pub fn new(about: About, recipient: Recipient, mail: &Mail) -> Result<Self, NoticeError> {
        let kind = mail.kind();
        let context = mail.to_value()?;
        Mail::parse(kind, &context)?;
        Ok(Self { kind, about, recipient, context, contract_id: None, in_digest: false, joins: false })
    }

    /// The contract it concerns.
    pub fn of_contract(self, contract_id: Option<ContractId>) -> Self {
        Self { contract_id, ..self }
    }

    /// Whether it may be told in one mail with others: someone's acts brought it about, and they may be many.
    pub fn joined(self, joins: bool) -> Self {
        Self { joins, ..self }
    }

    /// At once, or in the digest.
    pub fn urgent(self, urgent: bool) -> Self {
        Self { in_digest: !urgent, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn a_draft_holds_what_its_template_needs() {
        let about = About {
            organization_id: Id::from_uuid(uuid::Uuid::nil()),
            subject_kind: "alert".into(),
            subject_id: "1".into(),
            step: "opened".into(),
        };
        let to = Recipient { address: "tanto@example.lg.jp".into(), user_id: None };
        for mail in samples::all() {
            let draft = Draft::new(about.clone(), to.clone(), &mail).unwrap();
            assert_eq!(Mail::parse(draft.kind, &draft.context).unwrap(), mail);
        }
        let alert = samples::alert(NoticeKind::AuditDue);
        let wrong = Mail::Alert(context::AlertMail { kind: NoticeKind::Digest, ..alert });
        assert!(matches!(Draft::new(about, to, &wrong), Err(NoticeError::Context(NoticeKind::Digest))));
    }
}
