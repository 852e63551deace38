//! The program's fixed words as pages say them: what a code is called, and whether it is good or bad news. A code is
//! looked up by its own enum, so that a new one does not compile until it has its word here.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::own::ours;
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::alert::{AlertState, Assessment, Severity};
use crate::domain::audit::AuditKind;
use crate::domain::calendar::wareki;
use crate::domain::chain::{ApplicationStep, Cause, NodeState};
use crate::domain::company::{Likeness, NamedIn};
use crate::domain::contract::{
    ContractOrigin, ContractStatus, DataCategory, DeclarationInterval, HOME, Overseas, Policy, TermsKind,
};
use crate::domain::country;
pub use crate::domain::text::thousands;

/// How many, with the thousands apart.
pub fn count(rows: usize) -> String {
    thousands(i64::try_from(rows).unwrap_or(i64::MAX))
}
use crate::domain::text_enum::TextEnum;
use crate::service::App;
use crate::service::alert::AlertHappening;
use crate::service::application::ApplicationStanding;
use crate::service::audit::{AuditResult, AuditState};
use crate::service::notice::NoticeState;
use crate::service::observation::ObservationSource;
use crate::service::register::{CloseCause, Kind, Process};
use crate::service::task::TaskKind;
use crate::service::user::pending::{ChangeKind, ChangeState};

/// How a word is meant; a page shows it by colour and shape, beside the word itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Careful,
    Quiet,
    Busy,
    /// Nobody has begun; says nothing of how grave it is.
    Waiting,
}

impl Tone {
    /// The class of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Careful => "careful",
            Self::Quiet => "quiet-tone",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
        }
    }
}

type Word = (&'static str, Tone);
type LookUp = fn(&str) -> Option<Word>;

/// What has words, by the name that a template calls it.
const SETS: &[(&str, LookUp)] = &[
    ("node", |code| read(code, node)),
    ("place", place),
    ("cause", |code| read(code, |cause| (self::cause(cause), Tone::Bad))),
    ("application", |code| read(code, application)),
    ("step", |code| read(code, |step| (self::step(step), Tone::Quiet))),
    ("alert", |code| read(code, alert)),
    ("severity", |code| read(code, severity)),
    ("happening", |code| read(code, |step| (happening(step), Tone::Quiet))),
    ("assessment", |code| read(code, assessment)),
    ("contract", |code| read(code, contract)),
    ("policy", |code| read(code, |policy| (self::policy(policy), Tone::Quiet))),
    ("overseas", |code| read(code, overseas)),
    ("interval", |code| read(code, |interval| (self::interval(interval), Tone::Quiet))),
    ("data", |code| read(code, |data| (self::data(data), Tone::Quiet))),
    ("origin", |code| read(code, |origin| (self::origin(origin), Tone::Quiet))),
    ("encoding", encoding),
    ("audit", |code| read(code, |kind: AuditKind| (kind.label(), Tone::Quiet))),
    ("terms", |code| read(code, |kind| (terms(kind), Tone::Quiet))),
    ("task", |code| read(code, |kind| (task(kind), Tone::Quiet))),
    ("audits", |code| read(code, |state| (audits(state), Tone::Quiet))),
    ("standing", standing),
    ("finding", finding),
    ("result", |code| read(code, result)),
    ("observation", |code| read(code, |source| (observation(source), Tone::Quiet))),
    ("notice", |code| read(code, notice)),
    ("organization", |code| read(code, |kind| (organization(kind), Tone::Quiet))),
    ("role", |code| read(code, |role: Role| (role.title(), Tone::Quiet))),
    ("register_process", |code| read(code, register_process)),
    ("register_kind", |code| read(code, |kind| (register_kind(kind), Tone::Quiet))),
    ("register_close", |code| read(code, |cause| (register_close(cause), Tone::Quiet))),
    ("change", |code| read(code, change)),
    ("change_kind", |code| read(code, |kind| (change_kind(kind), Tone::Quiet))),
    ("named_in", |code| read(code, |place: NamedIn| (place.label(), Tone::Quiet))),
    ("likeness", |code| read(code, |likeness: Likeness| (likeness.label(), Tone::Quiet))),
    ("source", source),
    ("check", check),
];

fn read<E: FromStr>(code: &str, word: impl Fn(E) -> Word) -> Option<Word> {
    code.parse().ok().map(word)
}

/// The word of a code and its tone; None: no such set or code.
pub fn word(set: &str, code: &str) -> Option<Word> {
    SETS.iter().find(|(name, _)| *name == set).and_then(|(_, look_up)| look_up(code))
}

/// What a code is called, for what the code of a page puts together; of one that is not known nothing.
pub fn told(set: &str, code: &str) -> String {
    word(set, code).map(|(text, _)| ours(text)).unwrap_or_default()
}

/// The choices of a field, in the enum's own order: `[{value, label}]`.
pub fn choices<E: TextEnum>(set: &str) -> Value {
    let option = |one: &E| {
        let code = one.as_str();
        json!({ "value": code, "label": ours(word(set, code).map_or(code, |(text, _)| text)) })
    };
    Value::Array(E::ALL.iter().map(option).collect())
}

/// A country by its name; one abroad is told as such.
pub fn country(code: &str) -> String {
    let name = country::name(code);
    if code == HOME { name } else { format!("{name}（国外）") }
}

/// What stands where nothing was entered.
pub fn not_said() -> String {
    ours("未入力")
}

/// A text, or that there is none.
pub fn or_not_said(text: Option<&str>) -> String {
    text.filter(|text| !text.trim().is_empty()).map_or_else(not_said, ToOwned::to_owned)
}

/// A day as pages show it: ISO and 和暦.
pub fn day(day: NaiveDate) -> String {
    format!("{day}（{}）", wareki(day))
}

/// An instant in the installation's time zone.
pub fn instant(app: &App, at: DateTime<Utc>) -> String {
    at.with_timezone(&app.sources.clock.timezone()).format("%Y-%m-%d %H:%M").to_string()
}

/// Where on the chain: every tier below the first by its number, which is how a contract limits them too.
pub fn tier(tier: i32) -> String {
    match tier {
        1 => ours("受託者"),
        deeper => ours(&format!("第{deeper}層の再委託先")),
    }
}

fn node(state: NodeState) -> Word {
    match state {
        NodeState::Applied => ("申請中", Tone::Busy),
        NodeState::Consented => ("承認", Tone::Good),
        NodeState::Refused => ("不承認", Tone::Bad),
        NodeState::Withdrawn => ("取下げ", Tone::Quiet),
        NodeState::Revoked => ("承認取消し", Tone::Bad),
        NodeState::Expired => ("承認期間満了", Tone::Careful),
        NodeState::Unapproved => ("承認を確認できない", Tone::Bad),
        NodeState::Ended => ("終了", Tone::Quiet),
    }
}

/// How a place on the chain stands where its own state alone would say too much or too little.
fn place(code: &str) -> Option<Word> {
    match code {
        "ahead" => Some(("承認（期間の開始前）", Tone::Busy)),
        "parent" => Some(("承認（上位の承認なし）", Tone::Bad)),
        "exempt" => Some(("承認を要しない", Tone::Quiet)),
        _ => None,
    }
}

/// What of an account is to change, for what the code of a page puts together.
pub fn change_kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Roles => "役割の追加",
        ChangeKind::Email => "メールアドレスの変更",
        ChangeKind::Active => "利用の再開",
        ChangeKind::ExpiresOn => "有効期限の変更",
        ChangeKind::Deputy => "代理の指定",
    }
}

fn change(state: ChangeState) -> Word {
    match state {
        ChangeState::Asked => ("承認待ち", Tone::Busy),
        ChangeState::InForce => ("効力発生", Tone::Good),
        ChangeState::Rejected => ("却下", Tone::Quiet),
        ChangeState::Withdrawn => ("取下げ", Tone::Quiet),
        ChangeState::Expired => ("期限切れ", Tone::Quiet),
        ChangeState::Void => ("取りやめ", Tone::Quiet),
    }
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::NoApplication => "承認申請がない",
        Cause::Undecided => "申請を審査中（機関の決定待ち）",
        Cause::Refused => "不承認",
        Cause::BeforeConsent => "承認前の開始",
        Cause::Expired => "承認期間の満了",
        Cause::Parent => "上位の承認がない",
        Cause::Revoked => "承認取消し",
        Cause::ContractEnded => "契約の終了後",
    }
}

fn application(standing: ApplicationStanding) -> Word {
    match standing {
        ApplicationStanding::Applied => ("審査中", Tone::Busy),
        ApplicationStanding::AwaitingDecision => ("決裁待ち", Tone::Careful),
        ApplicationStanding::Returned => ("補正依頼中", Tone::Careful),
        ApplicationStanding::Consented => ("承認", Tone::Good),
        ApplicationStanding::Refused => ("不承認", Tone::Quiet),
        ApplicationStanding::Withdrawn => ("取下げ", Tone::Quiet),
    }
}

fn step(step: ApplicationStep) -> &'static str {
    match step {
        ApplicationStep::Returned => "補正依頼",
        ApplicationStep::Resubmitted => "補正",
        ApplicationStep::Reviewed => "審査",
        ApplicationStep::SentBack => "差戻し",
        ApplicationStep::Consented => "承認",
        ApplicationStep::Refused => "不承認",
        ApplicationStep::Withdrawn => "取下げ",
    }
}

fn alert(state: AlertState) -> Word {
    match state {
        AlertState::Open => ("未対応", Tone::Waiting),
        AlertState::Acknowledged => ("対応中", Tone::Busy),
        AlertState::Resolved => ("解消", Tone::Good),
    }
}

fn happening(step: AlertHappening) -> &'static str {
    match step {
        AlertHappening::Opened => "見つかりました",
        AlertHappening::Updated => "重要度又は原因が変わりました",
        AlertHappening::Acknowledged => "着手",
        AlertHappening::Measured => "措置の記録",
        AlertHappening::Assessed => "判断の記録",
        AlertHappening::Resolved => "解消",
    }
}

fn severity(severity: Severity) -> Word {
    let tone = match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Careful,
        Severity::Info => Tone::Quiet,
    };
    (severity.label(), tone)
}

fn assessment(assessment: Assessment) -> Word {
    match assessment {
        Assessment::Suspected => ("疑い", Tone::Careful),
        Assessment::Confirming => ("確認中", Tone::Busy),
        Assessment::Confirmed => ("該当", Tone::Bad),
        Assessment::NotApplicable => ("非該当", Tone::Quiet),
    }
}

fn contract(status: ContractStatus) -> Word {
    match status {
        ContractStatus::Upcoming => ("開始前", Tone::Busy),
        ContractStatus::Running => ("履行中", Tone::Good),
        ContractStatus::Ended => ("終了", Tone::Quiet),
        ContractStatus::Voided => ("登録取消し", Tone::Quiet),
    }
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Prohibited => "再委託を禁止",
        Policy::ConsentRequired => "事前の承認が必要",
        Policy::ConditionalConsent => "三要件つきの事前の承認が必要",
        Policy::NoticeOnly => "届出のみ",
        Policy::MinorExempt => "軽微な業務を除き承認が必要",
        Policy::NoPersonalData => "個人情報の取扱いなし",
    }
}

fn overseas(overseas: Overseas) -> Word {
    match overseas {
        Overseas::Prohibited => ("禁止", Tone::Quiet),
        Overseas::ConsentRequired => ("事前の承認が必要", Tone::Quiet),
    }
}

fn interval(interval: DeclarationInterval) -> &'static str {
    match interval {
        DeclarationInterval::None => "求めない",
        DeclarationInterval::Monthly => "毎月",
        DeclarationInterval::Quarterly => "四半期ごと",
        DeclarationInterval::Yearly => "毎年度",
    }
}

fn data(category: DataCategory) -> &'static str {
    match category {
        DataCategory::Personal => "個人情報",
        DataCategory::MyNumber => "うちマイナンバー",
        DataCategory::Sensitive => "うち要配慮個人情報",
    }
}

fn origin(origin: ContractOrigin) -> &'static str {
    match origin {
        ContractOrigin::Registered => "担当者が登録",
        ContractOrigin::Template => "取込（様式）",
        ContractOrigin::Gbizinfo => "取込（gBizINFO の調達情報）",
        ContractOrigin::Portal => "取込（調達ポータルの落札実績）",
    }
}

fn result(result: AuditResult) -> Word {
    match result {
        AuditResult::Pass => ("適正", Tone::Good),
        AuditResult::Findings => ("指摘あり", Tone::Careful),
    }
}

/// Which of a 年度's audits are asked for.
fn audits(state: AuditState) -> &'static str {
    match state {
        AuditState::Open => "未実施（期限超過を含む）",
        AuditState::Overdue => "期限超過",
        AuditState::DueSoon => "30日以内に期限",
        AuditState::Done => "実施済み",
        AuditState::Planned => "未実施と実施済み",
        AuditState::Cancelled => "取消し",
    }
}

/// How the characters of a file are written.
fn encoding(code: &str) -> Option<Word> {
    match code {
        "utf-8" | "utf-8-bom" => Some(("文字コード UTF-8", Tone::Quiet)),
        "cp932" => Some(("文字コード Shift_JIS", Tone::Quiet)),
        _ => None,
    }
}

/// Where a finding stands.
fn finding(code: &str) -> Option<Word> {
    match code {
        "confirmed" => Some(("是正確認", Tone::Good)),
        "unconfirmed" => Some(("未確認", Tone::Waiting)),
        "late" => Some(("未確認・期限超過", Tone::Bad)),
        _ => None,
    }
}

/// Where an audit stands.
fn standing(code: &str) -> Option<Word> {
    match code {
        "planned" => Some(("予定", Tone::Busy)),
        "overdue" => Some(("期限超過", Tone::Bad)),
        "lapsed" => Some(("契約の終了後", Tone::Quiet)),
        "cancelled" => Some(("取消し", Tone::Quiet)),
        _ => word("result", code),
    }
}

fn observation(source: ObservationSource) -> &'static str {
    match source {
        ObservationSource::Audit => "実地確認",
        ObservationSource::ThirdParty => "第三者情報",
        ObservationSource::Other => "その他",
    }
}

/// Of a statement of use.
fn source(code: &str) -> Option<Word> {
    if code == "declared" {
        return Some(("事業者の報告", Tone::Quiet));
    }
    word("observation", code)
}

/// Of a review's four points.
fn check(code: &str) -> Option<Word> {
    match code {
        "ok" => Some(("適切", Tone::Good)),
        "concern" => Some(("懸念あり", Tone::Careful)),
        _ => None,
    }
}

fn notice(state: NoticeState) -> Word {
    match state {
        NoticeState::Queued => ("送信待ち", Tone::Busy),
        NoticeState::Sent => ("送信済み", Tone::Good),
        NoticeState::Failed => ("不達", Tone::Bad),
        NoticeState::Held | NoticeState::Digest => ("まとめて送る予定", Tone::Busy),
        NoticeState::Digested => ("まとめて送信済み", Tone::Good),
        NoticeState::Unaddressed => ("宛先なし", Tone::Bad),
    }
}

fn organization(kind: OrganizationKind) -> &'static str {
    match kind {
        OrganizationKind::Agency => "委託元（機関）",
        OrganizationKind::Vendor => "事業者",
        OrganizationKind::System => "システム運用者",
    }
}

/// How terms of a contract came about.
fn terms(kind: TermsKind) -> &'static str {
    match kind {
        TermsKind::Registered => "契約の登録",
        TermsKind::Amended => "変更契約",
        TermsKind::DepartmentChanged => "担当部署の変更",
        TermsKind::Withdrawn => "変更契約の取消し",
        TermsKind::Corrected => "訂正",
    }
}

/// What is to be done, for lists of it and what they are narrowed to.
fn task(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Decision => "申請の決裁",
        TaskKind::Review => "申請の審査",
        TaskKind::Correction => "申請の補正",
        TaskKind::Report => "状況報告",
        TaskKind::Unapproved => "承認のない使用",
        TaskKind::Audit => "検査",
        TaskKind::Finding => "指摘の改善",
        TaskKind::ContractStart => "契約の開始",
        TaskKind::ContractEnd => "契約の終了",
        TaskKind::Alert => "アラート",
    }
}

/// 処理区分 of the corporate-number register.
fn register_process(process: Process) -> Word {
    match process {
        Process::New => ("新規", Tone::Quiet),
        Process::Renamed => ("商号又は名称の変更", Tone::Busy),
        Process::Moved => ("国内所在地の変更", Tone::Quiet),
        Process::MovedAbroad => ("国外所在地の変更", Tone::Quiet),
        Process::Closed => ("登記記録の閉鎖等", Tone::Careful),
        Process::Reopened => ("登記記録の復活等", Tone::Busy),
        Process::Merged => ("吸収合併", Tone::Careful),
        Process::MergerVoid => ("吸収合併無効", Tone::Busy),
        Process::NameErased => ("商号の登記の抹消", Tone::Careful),
        Process::Deleted => ("削除", Tone::Careful),
    }
}

/// 法人種別.
fn register_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::State => "国の機関",
        Kind::Local => "地方公共団体",
        Kind::Kabushiki => "株式会社",
        Kind::Yugen => "有限会社",
        Kind::Gomei => "合名会社",
        Kind::Goshi => "合資会社",
        Kind::Godo => "合同会社",
        Kind::OtherRegistered => "その他の設立登記法人",
        Kind::Foreign => "外国会社等",
        Kind::Other => "その他",
    }
}

/// 登記記録の閉鎖等の事由.
fn register_close(cause: CloseCause) -> &'static str {
    match cause {
        CloseCause::Liquidated => "清算の結了等",
        CloseCause::Merged => "合併による解散等",
        CloseCause::ByRegistrar => "登記官による閉鎖",
        CloseCause::OtherLiquidation => "その他の清算の結了等",
    }
}
