//! A contract's terms (契約条件) as facts with two times, and the days on which it runs.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::text_enum;

/// A point in time, UTC. Instants of the ledger have whole microseconds.
pub type Instant = DateTime<Utc>;

/// When the ledger learned a fact: the instant, and the place of its entry in the contract's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Position in the contract's ledger, from 1. Orders facts; unique among facts of one kind.
    pub seq: i64,
    /// Never earlier than that of a smaller `seq`.
    pub at: Instant,
}

text_enum! {
    /// Categories of entrusted data. `personal` is the whole, the others are subsets of it; never added up.
    pub enum DataCategory {
        /// 個人情報
        Personal = "personal",
        /// 特定個人情報（マイナンバー）
        MyNumber = "my_number",
        /// 要配慮個人情報
        Sensitive = "sensitive",
    }
}

/// How many persons' data of one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataVolume {
    pub category: DataCategory,
    /// Persons, ≥ 0.
    pub persons: i64,
}

/// How many persons' data of the category; none, and said to be none, is the same.
pub fn persons(data: &[DataVolume], category: DataCategory) -> Option<i64> {
    let found = data.iter().find(|volume| volume.category == category && volume.persons > 0);
    found.map(|volume| volume.persons)
}

text_enum! {
    /// 再委託の可否 under the contract.
    pub enum Policy {
        /// 禁止
        Prohibited = "prohibited",
        /// 事前承認
        ConsentRequired = "consent_required",
        /// 三要件つき事前承認 (PPC Q3-9: named company with proof of capacity, periodic report, agreed)
        ConditionalConsent = "conditional_consent",
        /// 届出のみ
        NoticeOnly = "notice_only",
        /// 軽微な業務を除き承認 (up to `minor_limit_yen`)
        MinorExempt = "minor_exempt",
        /// 個人情報の取扱いなし
        NoPersonalData = "no_personal_data",
    }
}

/// The country whose other side is 国外.
pub const HOME: &str = "JP";

text_enum! {
    /// 国外での取扱い.
    pub enum Overseas { Prohibited = "prohibited", ConsentRequired = "consent_required" }
}

text_enum! {
    /// How often a 再委託状況報告 is owed.
    pub enum DeclarationInterval { None = "none", Monthly = "monthly", Quarterly = "quarterly", Yearly = "yearly" }
}

text_enum! {
    /// Where the ledger has a contract from.
    pub enum ContractOrigin {
        /// Entered by an officer.
        Registered = "registered",
        /// itaku's own template.
        Template = "template",
        /// gBizINFO's procurement file.
        Gbizinfo = "gbizinfo",
        /// The central procurement portal's award file.
        Portal = "portal",
    }
}

text_enum! {
    /// Where a contract stands on a day.
    pub enum ContractStatus {
        /// 開始前
        Upcoming = "upcoming",
        /// 履行中
        Running = "running",
        /// 終了
        Ended = "ended",
        /// 登録の取消し: it was registered by mistake.
        Voided = "voided",
    }
}

impl ContractStatus {
    /// Of a contract from `starts_on` to `last_day`; one that was terminated before its start has ended.
    pub fn on(day: NaiveDate, starts_on: NaiveDate, last_day: NaiveDate) -> Self {
        if last_day < day || last_day < starts_on {
            Self::Ended
        } else if starts_on > day {
            Self::Upcoming
        } else {
            Self::Running
        }
    }
}

/// The contract's clause on subcontracting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subcontracting {
    pub policy: Policy,
    /// Deepest tier allowed; the prime is tier 1. None: no limit.
    pub max_tier: Option<i32>,
    /// Tier 2's amounts against the contract's, percent; at or over it needs a special reason. None: no limit.
    pub max_ratio_percent: Option<i32>,
    pub overseas: Overseas,
    /// With [`Policy::MinorExempt`]: uses of at most this amount need no consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor_limit_yen: Option<i64>,
}

/// Everything a 変更契約 can change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub title: String,
    /// 年度: the year in which 1 April falls.
    pub fiscal_year: i32,
    /// Of a 単価契約 the expected total (予定総額).
    pub amount_yen: i64,
    /// 単価契約: the unit prices, in words. None: the amount is the whole price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
    pub signed_on: NaiveDate,
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    pub ends_on: NaiveDate,
    pub scope: String,
    pub data: Vec<DataVolume>,
    pub subcontracting: Subcontracting,
    pub declaration_interval: DeclarationInterval,
    /// Days after the end within which data must be returned or destroyed.
    pub return_due_days: i32,
    pub department: Option<String>,
}

impl Terms {
    /// Whether they name data of persons, which have to be looked after on site.
    pub fn entrusts_data(&self) -> bool {
        !self.data.is_empty()
    }
}

text_enum! {
    /// How terms came about.
    pub enum TermsKind {
        /// 契約の登録
        Registered = "registered",
        /// 変更契約
        Amended = "amended",
        /// 担当部署の変更, which is no change of the contract
        DepartmentChanged = "department_changed",
        /// A 変更契約 that was taken back before it was in force: the terms before hold on
        Withdrawn = "withdrawn",
        /// 訂正 of a slip
        Corrected = "corrected",
    }
}

/// Terms that hold from a day on. The first of a contract is its registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsFact {
    pub effective_on: NaiveDate,
    pub terms: Terms,
    pub stamp: Stamp,
}

/// 解除・終了: `effective_on` is the first day on which the contract no longer runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    pub effective_on: NaiveDate,
    pub stamp: Stamp,
}
