//! The chain of a contract: who stands under whom, who is covered by consents, who is in use, and the days in
//! use that no consent covers, with their cause. Pure folds over one contract's facts at (`as_of`, `known_at`).

use chrono::NaiveDate;

use super::contract::{DataVolume, Stamp, Termination, TermsFact};
use super::id::{
    ApplicationId, ConsentId, ContractId, DeclarationId, EngagementId, ObservationId, OrganizationId,
};
use crate::text_enum;

mod coverage;
mod known;
mod own;
#[cfg(test)]
mod tests;

pub use coverage::Coverage;
pub use known::Known;
pub use own::{FiledApplication, HeldConsent};

/// A vendor as the chain shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    pub id: OrganizationId,
    pub name: String,
    pub corporate_number: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A vendor's place on the chain: an edge. Tier 1 has no parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engagement {
    pub id: EngagementId,
    pub parent_id: Option<EngagementId>,
    pub vendor: Vendor,
    /// 1 for the prime, parent's + 1 below.
    pub tier: i32,
    pub stamp: Stamp,
}

/// The part of an application's content that the folds need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct Asked {
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
    pub amount_yen: i64,
}

/// 再委託承認申請.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    pub id: ApplicationId,
    pub engagement_id: EngagementId,
    pub applicant_id: OrganizationId,
    /// The business day of filing.
    pub filed_on: NaiveDate,
    /// What it said when it was filed; a 補正 says it anew.
    pub asked: Asked,
    pub stamp: Stamp,
    /// What happened to it, in order of stamp.
    pub events: Vec<ApplicationEvent>,
}

text_enum! {
    /// Steps of an application after it was filed.
    pub enum ApplicationStep {
        /// 補正依頼
        Returned = "returned",
        /// 補正
        Resubmitted = "resubmitted",
        /// 審査
        Reviewed = "reviewed",
        /// 差戻し: the decider asks for another review
        SentBack = "sent_back",
        /// 承認
        Consented = "consented",
        /// 不承認
        Refused = "refused",
        /// 取下げ
        Withdrawn = "withdrawn",
    }
}

text_enum! {
    /// Where an application stands.
    pub enum ApplicationState {
        /// 審査中
        Applied = "applied",
        /// 補正依頼中
        Returned = "returned",
        /// 承認
        Consented = "consented",
        /// 不承認
        Refused = "refused",
        /// 取下げ
        Withdrawn = "withdrawn",
    }
}

impl ApplicationState {
    /// Where a step leads.
    pub fn after(step: ApplicationStep) -> Self {
        match step {
            ApplicationStep::Resubmitted | ApplicationStep::Reviewed | ApplicationStep::SentBack => {
                Self::Applied
            }
            ApplicationStep::Returned => Self::Returned,
            ApplicationStep::Consented => Self::Consented,
            ApplicationStep::Refused => Self::Refused,
            ApplicationStep::Withdrawn => Self::Withdrawn,
        }
    }
}

text_enum! {
    /// Where an application stands as the agency calls it: its state, where what was applied for may have been reviewed.
    pub enum ApplicationStanding {
        /// 審査中
        Applied = "applied",
        /// 決裁待ち: reviewed, and not decided
        AwaitingDecision = "awaiting_decision",
        /// 補正依頼中
        Returned = "returned",
        /// 承認
        Consented = "consented",
        /// 不承認
        Refused = "refused",
        /// 取下げ
        Withdrawn = "withdrawn",
    }
}

impl ApplicationStanding {
    /// Of a state, and whether it was reviewed since it was filed, corrected or sent back.
    pub fn of(state: ApplicationState, is_reviewed: bool) -> Self {
        match state {
            ApplicationState::Applied if is_reviewed => Self::AwaitingDecision,
            ApplicationState::Applied => Self::Applied,
            ApplicationState::Returned => Self::Returned,
            ApplicationState::Consented => Self::Consented,
            ApplicationState::Refused => Self::Refused,
            ApplicationState::Withdrawn => Self::Withdrawn,
        }
    }

    /// The state, and whether it was reviewed; None: whether it was does not matter.
    pub fn asked(self) -> (ApplicationState, Option<bool>) {
        match self {
            Self::Applied => (ApplicationState::Applied, Some(false)),
            Self::AwaitingDecision => (ApplicationState::Applied, Some(true)),
            Self::Returned => (ApplicationState::Returned, None),
            Self::Consented => (ApplicationState::Consented, None),
            Self::Refused => (ApplicationState::Refused, None),
            Self::Withdrawn => (ApplicationState::Withdrawn, None),
        }
    }
}

/// One step of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationEvent {
    pub step: ApplicationStep,
    /// The business day of the step.
    pub on: NaiveDate,
    /// What the application says from this step on: of a 補正 only.
    pub corrected: Option<Asked>,
    /// 回答の期限: of a 補正依頼 only, where one was given.
    pub reply_by: Option<NaiveDate>,
    pub stamp: Stamp,
}

/// 承認 (from an application) or 既承認 (decided on paper, entered here).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub id: ConsentId,
    pub engagement_id: EngagementId,
    /// None: 既承認.
    pub application_id: Option<ApplicationId>,
    pub decided_on: NaiveDate,
    pub valid_from: NaiveDate,
    /// Last day, inclusive.
    pub valid_until: NaiveDate,
    /// The earlier consents of the same engagement end the day before this one's `valid_from`.
    pub supersedes: bool,
    pub amount_yen: i64,
    pub country: String,
    pub data: Vec<DataVolume>,
    pub stamp: Stamp,
}

/// 承認取消し: cuts every consent of the engagement decided before it from `effective_on` on: those with a smaller
/// `seq`, and 既承認 also when it is entered later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    pub engagement_id: EngagementId,
    pub effective_on: NaiveDate,
    pub stamp: Stamp,
}

/// Who says that an engagement is in use. A source replaces only its own statement about an engagement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The declaring organization.
    Declared(OrganizationId),
    /// 実地確認
    Audit,
    /// 第三者情報
    ThirdParty,
    /// その他
    Other,
}

/// What a statement came in: it is retracted with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatementOrigin {
    Declaration(DeclarationId),
    Observation(ObservationId),
}

/// A statement that an engagement is in use from a day, to a day or open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub engagement_id: EngagementId,
    pub source: Source,
    pub origin: StatementOrigin,
    pub started_on: NaiveDate,
    /// Last day of use. None: not declared; taken as the contract's last day.
    pub ended_on: Option<NaiveDate>,
    pub country: Option<String>,
    pub amount_yen: Option<i64>,
    /// Empty: nothing said of volumes.
    pub data: Vec<DataVolume>,
    pub stamp: Stamp,
}

/// A declaration or an observation taken back: its statements count no more from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retraction {
    pub origin: StatementOrigin,
    pub stamp: Stamp,
}

/// Two places that are one: the companies at them were merged. What is said of `engagement_id` counts for `into` from then
/// on; its children stand under `into`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceMerge {
    pub engagement_id: EngagementId,
    pub into: EngagementId,
    pub stamp: Stamp,
}

/// Everything known of one contract's chain. The order within the vectors does not matter; stamps order them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFacts {
    pub contract_id: ContractId,
    pub agency_id: OrganizationId,
    /// At least one; the first by stamp is the registration.
    pub terms: Vec<TermsFact>,
    pub terminations: Vec<Termination>,
    /// Exactly one at tier 1.
    pub engagements: Vec<Engagement>,
    pub applications: Vec<Application>,
    pub consents: Vec<Consent>,
    pub revocations: Vec<Revocation>,
    pub statements: Vec<Statement>,
    pub retractions: Vec<Retraction>,
    pub merges: Vec<PlaceMerge>,
}

impl ChainFacts {
    /// Of which nothing is known yet: to be filled in.
    pub fn empty(contract_id: ContractId, agency_id: OrganizationId) -> Self {
        Self {
            contract_id,
            agency_id,
            terms: Vec::new(),
            terminations: Vec::new(),
            engagements: Vec::new(),
            applications: Vec::new(),
            consents: Vec::new(),
            revocations: Vec::new(),
            statements: Vec::new(),
            retractions: Vec::new(),
            merges: Vec::new(),
        }
    }
}

text_enum! {
    /// Why a day in use is not covered. 「原因」
    pub enum Cause {
        /// 申請なし
        NoApplication = "no_application",
        /// 申請を審査中（機関の遅れ）
        Undecided = "undecided",
        /// 不承認
        Refused = "refused",
        /// 承認前の開始
        BeforeConsent = "before_consent",
        /// 承認期間の満了
        Expired = "expired",
        /// 上位の承認がない
        Parent = "parent",
        /// 承認取消し
        Revoked = "revoked",
        /// 契約の終了
        ContractEnded = "contract_ended",
    }
}

text_enum! {
    /// Where an engagement stands on a day.
    pub enum NodeState {
        Applied = "applied",
        Consented = "consented",
        Refused = "refused",
        Withdrawn = "withdrawn",
        Revoked = "revoked",
        Expired = "expired",
        Unapproved = "unapproved",
        Ended = "ended",
    }
}
