//! What each kind of mail says, typed. Stored as JSON in the outbox row and rendered at delivery. Every text is
//! final: words of the agency's choice, 和暦, links with the public address.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::letter::Contact;
use super::{NoticeError, NoticeKind};
use crate::domain::calendar::wareki;

/// A day as mail shows it: 令和8年11月10日（2026-11-10）.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    pub on: NaiveDate,
    /// 令和8年11月10日
    pub wareki: String,
}

impl Day {
    pub fn of(on: NaiveDate) -> Self {
        Self { on, wareki: wareki(on) }
    }
}

/// The contract a mail is about. Only the number may stand in a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractRef {
    pub number: String,
    pub title: String,
}

/// One alert, told at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMail {
    /// One of the kinds of alert.
    pub kind: NoticeKind,
    /// The kind in Japanese; stands in the subject.
    pub title: String,
    pub agency: String,
    pub contract: Option<ContractRef>,
    pub message: String,
    /// Whom a vendor asks about it, in a mail that tells of several things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// 重大・注意・情報; stands in the subject.
    pub severity: String,
    pub cause: Option<String>,
    pub due: Option<Day>,
    /// The rule's name and version.
    pub rule: String,
    /// The text the rule rests on.
    pub basis: String,
    pub next_step: String,
    pub link: String,
}

/// A person's list of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestMail {
    pub organization: String,
    pub day: Day,
    /// Most severe first; none is empty.
    pub groups: Vec<DigestGroup>,
    pub link: String,
}

/// The items of one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestGroup {
    pub severity: String,
    pub items: Vec<DigestItem>,
    /// What has no line of its own.
    pub more: Vec<DigestRest>,
}

/// Of one kind and gravity: how many more there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRest {
    /// The kind in Japanese.
    pub title: String,
    pub count: usize,
    /// The list of them.
    pub link: String,
}

/// One line of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestItem {
    pub title: String,
    pub contract: Option<ContractRef>,
    pub message: String,
    pub due: Option<Day>,
    /// What is asked of the reader.
    pub next_step: String,
    /// Whom a vendor asks about it.
    pub contact: Option<Contact>,
    pub link: String,
}

/// A link that carries a token: for a new password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMail {
    pub organization: String,
    pub link: String,
    /// The last day and time at which the link works.
    pub until: Day,
    /// `18:00`
    pub until_time: String,
}

/// To someone who is to use the program: who invites whom to what, so that it is known from a stranger's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationMail {
    /// Of whoever is invited.
    pub organization: String,
    /// 事業者: else of an agency or the operator.
    pub is_vendor: bool,
    /// Their name; None: whoever reads the contact address.
    pub person: Option<String>,
    /// What they log in with.
    pub login: String,
    /// What they may be, in words.
    #[serde(default)]
    pub roles: Vec<String>,
    pub by: Inviter,
    pub link: String,
    /// The last day and time at which the link works.
    pub until: Day,
    /// `18:00`
    pub until_time: String,
}

/// Who invites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Inviter {
    /// Someone who administers the people.
    Person { organization: String, name: String },
    /// An agency that has something to tell the firm.
    Agency { agency: String, contract: Option<ContractRef> },
    /// Whoever runs the program.
    Operator,
}

/// To the address before: another one takes its place. What the new one is, is not said there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChangedMail {
    pub organization: String,
    pub day: Day,
    pub link: String,
}

/// What of an account has changed, or was done with it, that its person must hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountChange {
    /// Another password.
    Password,
    /// Another address; the one before hears of it by [`EmailChangedMail`].
    Email,
    /// A second factor was added or taken away.
    Factor,
    /// A recovery code took the place of the second factor.
    RecoveryCode,
    /// An administrator ended the person's sessions.
    SessionsEnded,
}

impl AccountChange {
    fn title(self) -> &'static str {
        match self {
            Self::Password => "パスワードが変更されました",
            Self::Email => "メールアドレスが変更されました",
            Self::Factor => "二要素認証の設定が変更されました",
            Self::RecoveryCode => "回復コードでログインしました",
            Self::SessionsEnded => "ログインが管理者により終了されました",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Password => "パスワードが変更されました。ほかの端末でのログインは終了しています。",
            Self::Email => {
                "登録されているメールアドレスが、このメールの届いたアドレスに変更されました。今後のログインとお知らせには、このアドレスを使います。"
            }
            Self::Factor => "二要素認証（認証アプリ・パスキー・回復コード）の設定が変更されました。",
            Self::RecoveryCode => {
                "二要素認証の代わりに回復コードを使ったログインがありました。使った回復コードは、もう使えません。"
            }
            Self::SessionsEnded => {
                "管理者が、ログイン中のすべての端末のログインを終了しました。続けて使うときは、もう一度ログインしてください。"
            }
        }
    }
}

/// To the person: something of their account has changed. No link in it logs anyone in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChangedMail {
    pub what: AccountChange,
    /// Stands in the subject.
    pub title: String,
    pub message: String,
    pub organization: String,
    pub day: Day,
    /// `18:00`
    pub time: String,
    pub link: String,
}

impl AccountChangedMail {
    pub fn new(what: AccountChange, organization: String, day: Day, time: String, link: String) -> Self {
        let (title, message) = (what.title().to_owned(), what.message().to_owned());
        Self { what, title, message, organization, day, time, link }
    }
}

/// To the person: someone keeps trying passwords on their account. No link in it logs anyone in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFailuresMail {
    pub organization: String,
    pub day: Day,
    /// `18:00`
    pub time: String,
    pub link: String,
}

/// To the system's administrators: there is no good backup of late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOverdueMail {
    /// The day of the last good one; none: there never was one.
    pub last: Option<Day>,
    /// So many days are too many.
    pub days: i64,
    pub link: String,
}

/// Mails that came thick and fast, told in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedMail {
    pub organization: String,
    /// In order of writing; never empty.
    pub items: Vec<CollectedItem>,
    pub link: String,
}

/// One of the mails that were joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedItem {
    /// The subject that its own mail would have had.
    pub title: String,
    /// What it says beyond that, in a line.
    pub message: Option<String>,
    /// Whom a vendor asks about it.
    pub contact: Option<Contact>,
    pub link: String,
}

/// A day and a time of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub day: Day,
    /// `18:00`
    pub time: String,
}

/// What every mail about a change that waits for a second administrator says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRef {
    pub organization: String,
    /// Whose account it is.
    pub person: String,
    /// It is the reader's.
    pub own: bool,
    /// 役割の追加（決裁者）…; a new address is not said.
    pub what: String,
    pub asked_by: String,
    pub asked: Moment,
    pub link: String,
}

/// To everyone concerned: a change waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeAskedMail {
    pub change: ChangeRef,
    /// Without an approval it takes effect then; None: only by an approval.
    pub takes_effect: Option<Moment>,
    /// Undecided until then, it ends.
    pub expires: Moment,
}

/// How a change that waited has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    InForce,
    Rejected,
    Withdrawn,
    Expired,
    Void,
}

/// To everyone concerned: what has become of a change that waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEndedMail {
    pub change: ChangeRef,
    pub outcome: ChangeOutcome,
    /// Who approved, rejected or withdrew it; None: nobody.
    pub by: Option<String>,
    pub reason: Option<String>,
}

/// What every mail about an application says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationRef {
    pub agency: String,
    pub contract: ContractRef,
    /// The agency's word: 承認, 承諾…
    pub consent_word: String,
    pub applicant: String,
    /// The vendor applied for.
    pub vendor: String,
    /// 第2層, 第3層, …
    pub tier_word: String,
    pub starts: Day,
    pub ends: Day,
    pub link: String,
}

/// To the agency: an application came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledMail {
    pub application: ApplicationRef,
    /// By when it should be decided.
    pub decide_by: Option<Day>,
    /// It was sent back for correction before, and has come back.
    #[serde(default)]
    pub again: bool,
}

/// To those who can decide: an application was reviewed and waits for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedMail {
    pub application: ApplicationRef,
    /// By when it should be decided.
    pub decide_by: Option<Day>,
    /// It was sent back for correction before, and has come back.
    pub again: bool,
}

/// To the applicant: the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedMail {
    pub application: ApplicationRef,
    pub outcome: Outcome,
    pub reason: String,
    /// It was decided in the approver's place.
    #[serde(default)]
    pub deputy: bool,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Outcome {
    Consent { valid_from: Day, valid_until: Day, conditions: Option<String> },
    Refuse,
}

/// To the applicant: 補正依頼.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedMail {
    pub application: ApplicationRef,
    /// What is to be corrected.
    pub points: String,
    pub reply_by: Option<Day>,
}

/// To whoever reviewed, and to the officer: 差戻し.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBackMail {
    pub application: ApplicationRef,
    /// What is to be reviewed anew.
    pub reason: String,
    /// By when it should be decided.
    pub decide_by: Option<Day>,
}

/// To the vendors concerned: 承認取消し.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedMail {
    pub agency: String,
    pub contract: ContractRef,
    pub consent_word: String,
    pub vendor: String,
    /// The first day that is no longer covered.
    pub effective: Day,
    pub reason: String,
    /// It was decided in the approver's place.
    #[serde(default)]
    pub deputy: bool,
    pub link: String,
}

/// To the vendor: 受付票 of a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptMail {
    pub agency: String,
    pub contract: ContractRef,
    pub consent_word: String,
    pub from: Day,
    pub to: Day,
    /// Empty: 再委託なし.
    pub engagements: Vec<DeclaredEngagement>,
    pub receipt: crate::ledger::receipt::Receipt,
    pub link: String,
}

/// A line of a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredEngagement {
    pub vendor: String,
    pub started: Day,
    pub ended: Option<Day>,
    /// With its unit.
    pub amount: Option<String>,
    /// By its name, where it was given.
    pub country: Option<String>,
    /// A day up to today is not covered by a consent.
    pub uncovered: bool,
}

/// A mail with its content.
#[derive(Debug, Clone, PartialEq)]
pub enum Mail {
    Alert(AlertMail),
    Digest(DigestMail),
    Invitation(InvitationMail),
    PasswordReset(TokenMail),
    EmailChanged(EmailChangedMail),
    AccountChanged(AccountChangedMail),
    LoginFailures(LoginFailuresMail),
    BackupOverdue(BackupOverdueMail),
    Collected(CollectedMail),
    ChangeAsked(ChangeAskedMail),
    ChangeEnded(ChangeEndedMail),
    ApplicationFiled(FiledMail),
    ApplicationReviewed(ReviewedMail),
    ApplicationDecided(DecidedMail),
    ApplicationReturned(ReturnedMail),
    ApplicationSentBack(SentBackMail),
    ConsentRevoked(RevokedMail),
    DeclarationReceipt(ReceiptMail),
}

impl Mail {
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::Alert(mail) => mail.kind,
            Self::Digest(_) => NoticeKind::Digest,
            Self::Invitation(_) => NoticeKind::Invitation,
            Self::PasswordReset(_) => NoticeKind::PasswordReset,
            Self::EmailChanged(_) => NoticeKind::EmailChanged,
            Self::AccountChanged(_) => NoticeKind::AccountChanged,
            Self::LoginFailures(_) => NoticeKind::LoginFailures,
            Self::BackupOverdue(_) => NoticeKind::BackupOverdue,
            Self::Collected(_) => NoticeKind::Collected,
            Self::ChangeAsked(_) => NoticeKind::ChangeAsked,
            Self::ChangeEnded(_) => NoticeKind::ChangeEnded,
            Self::ApplicationFiled(_) => NoticeKind::ApplicationFiled,
            Self::ApplicationReviewed(_) => NoticeKind::ApplicationReviewed,
            Self::ApplicationDecided(_) => NoticeKind::ApplicationDecided,
            Self::ApplicationReturned(_) => NoticeKind::ApplicationReturned,
            Self::ApplicationSentBack(_) => NoticeKind::ApplicationSentBack,
            Self::ConsentRevoked(_) => NoticeKind::ConsentRevoked,
            Self::DeclarationReceipt(_) => NoticeKind::DeclarationReceipt,
        }
    }

    /// What stands in the outbox row.
    pub fn to_value(&self) -> Result<Value, NoticeError> {
        Ok(match self {
            Self::Alert(mail) => serde_json::to_value(mail),
            Self::Digest(mail) => serde_json::to_value(mail),
            Self::Invitation(mail) => serde_json::to_value(mail),
            Self::PasswordReset(mail) => serde_json::to_value(mail),
            Self::EmailChanged(mail) => serde_json::to_value(mail),
            Self::AccountChanged(mail) => serde_json::to_value(mail),
            Self::LoginFailures(mail) => serde_json::to_value(mail),
            Self::BackupOverdue(mail) => serde_json::to_value(mail),
            Self::Collected(mail) => serde_json::to_value(mail),
            Self::ChangeAsked(mail) => serde_json::to_value(mail),
            Self::ChangeEnded(mail) => serde_json::to_value(mail),
            Self::ApplicationFiled(mail) => serde_json::to_value(mail),
            Self::ApplicationReviewed(mail) => serde_json::to_value(mail),
            Self::ApplicationDecided(mail) => serde_json::to_value(mail),
            Self::ApplicationReturned(mail) => serde_json::to_value(mail),
            Self::ApplicationSentBack(mail) => serde_json::to_value(mail),
            Self::ConsentRevoked(mail) => serde_json::to_value(mail),
            Self::DeclarationReceipt(mail) => serde_json::to_value(mail),
        }?)
    }

    /// Reads a stored context as what its kind holds.
    pub fn parse(kind: NoticeKind, context: &Value) -> Result<Self, NoticeError> {
        fn read<T: DeserializeOwned>(kind: NoticeKind, context: &Value) -> Result<T, NoticeError> {
            T::deserialize(context).map_err(|_| NoticeError::Context(kind))
        }
        let mail = match kind {
            NoticeKind::Digest => Self::Digest(read(kind, context)?),
            NoticeKind::Invitation => Self::Invitation(read(kind, context)?),
            NoticeKind::PasswordReset => Self::PasswordReset(read(kind, context)?),
            NoticeKind::EmailChanged => Self::EmailChanged(read(kind, context)?),
            NoticeKind::AccountChanged => Self::AccountChanged(read(kind, context)?),
            NoticeKind::LoginFailures => Self::LoginFailures(read(kind, context)?),
            NoticeKind::BackupOverdue => Self::BackupOverdue(read(kind, context)?),
            NoticeKind::Collected => Self::Collected(read(kind, context)?),
            NoticeKind::ChangeAsked => Self::ChangeAsked(read(kind, context)?),
            NoticeKind::ChangeEnded => Self::ChangeEnded(read(kind, context)?),
            NoticeKind::ApplicationFiled => Self::ApplicationFiled(read(kind, context)?),
            NoticeKind::ApplicationReviewed => Self::ApplicationReviewed(read(kind, context)?),
            NoticeKind::ApplicationDecided => Self::ApplicationDecided(read(kind, context)?),
            NoticeKind::ApplicationReturned => Self::ApplicationReturned(read(kind, context)?),
            NoticeKind::ApplicationSentBack => Self::ApplicationSentBack(read(kind, context)?),
            NoticeKind::ConsentRevoked => Self::ConsentRevoked(read(kind, context)?),
            NoticeKind::DeclarationReceipt => Self::DeclarationReceipt(read(kind, context)?),
            _ => Self::Alert(read(kind, context)?),
        };
        if mail.kind() == kind { Ok(mail) } else { Err(NoticeError::Context(kind)) }
    }
}
