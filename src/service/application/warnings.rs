//! What the decider of an application should be careful about, by the facts of today and the rules of the contract.
//! None of it forbids anything here: what is forbidden is refused where it is done.

use chrono::NaiveDate;
use serde::Serialize;

use super::blanks::{Handling, blanks};
use super::briefing::DecideBy;
use super::file::{Content, breaches};
use crate::db::engagement_name::EngagementNameRow;
use crate::db::register::RegisterRecord;
use crate::domain::alert::{Severity, fill};
use crate::domain::chain::{Engagement, Known};
use crate::domain::company::{Likeness, likeness};
use crate::domain::contract::{DataCategory, HOME, Overseas, Policy, Terms, persons};
use crate::domain::country;
use crate::domain::days::{DayRange, DaySet};
use crate::domain::id::ContractId;
use crate::domain::ratio::{self, Planned};
use crate::domain::settings::Settings;
use crate::domain::text::thousands;
use crate::service::organization::SimilarName;

/// The days before the decision is due from which it is warned.
const SOON: i64 = 2;

/// One thing to be careful about, in the agency's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Stable word for programs.
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    /// The contracts that it speaks of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<NamedContract>,
}

/// A contract that a warning speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedContract {
    pub id: ContractId,
    pub number: String,
}

/// What is looked at.
pub struct Look<'a> {
    pub known: &'a Known<'a>,
    pub engagement: &'a Engagement,
    pub content: &'a Content,
    /// How it handles data, as far as it says.
    pub handling: Handling<'a>,
    /// やむを得ない理由 is given.
    pub has_special_reason: bool,
    /// A 補正 was asked for and has not come.
    pub is_returned: bool,
    pub planned: &'a [Planned],
    /// How the corporate-number register has the vendor.
    pub registered: Option<&'a RegisterRecord>,
    /// The names it has, or had, there.
    pub names: &'a [String],
    /// The other names under which it was named on this contract.
    pub other_names: &'a [EngagementNameRow],
    /// Organizations whose names look like the vendor's.
    pub similar: &'a [SimilarName],
    /// The agency's other contracts in which a grave alert about the vendor stands.
    pub elsewhere: &'a [NamedContract],
    pub due: Option<DecideBy>,
    pub today: NaiveDate,
    pub settings: &'a Settings,
}

impl Look<'_> {
    /// All of them, the gravest first.
    pub fn all(&self) -> Vec<Warning> {
        let mut found = Vec::new();
        let Some(period) = self.known.period().filter(|period| self.today <= period.to) else {
            self.say(
                &mut found,
                "contract_ended",
                Severity::Critical,
                "この契約は終了しています。承認はできません。",
                &[],
            );
            return found;
        };
        // A consent holds from today at the earliest, and within the contract.
        let from = self.content.starts_on.max(self.today).clamp(period.from, period.to);
        let days = DayRange { from, to: self.content.ends_on.clamp(from, period.to) };
        for (code, message) in breaches(self.known, days, self.engagement.tier, &self.content.country) {
            found.push(Warning { code, severity: Severity::Critical, message, contracts: Vec::new() });
        }
        self.days(&mut found, period);
        if let Some(message) =
            vendor_abroad(self.known, days, &self.engagement.vendor.country, &self.content.country)
        {
            self.say(&mut found, "vendor_abroad", Severity::Warning, &message, &[]);
        }
        self.parent(&mut found, days);
        self.used(&mut found);
        self.money(&mut found, days);
        self.above_parent(&mut found);
        if let Some(terms) = self.known.terms_on(from) {
            self.amount(&mut found, terms);
            self.clause(&mut found, terms);
            self.volumes(&mut found, terms);
            self.blanks(&mut found, terms);
        }
        self.company(&mut found);
        self.deadline(&mut found);
        found.sort_by_key(|warning| std::cmp::Reverse(warning.severity));
        found
    }

    fn say(
        &self,
        found: &mut Vec<Warning>,
        code: &'static str,
        severity: Severity,
        template: &str,
        places: &[(&str, &str)],
    ) {
        let message = fill(&self.settings.in_own_words(template), places);
        found.push(Warning { code, severity, message, contracts: Vec::new() });
    }

    fn days(&self, found: &mut Vec<Warning>, period: DayRange) {
        let (starts, ends) = (self.content.starts_on, self.content.ends_on);
        if starts < period.from || period.to < ends {
            let places = [("days", &*span(starts, ends)), ("period", &*span(period.from, period.to))];
            let template = "申請の期間（{days}）が、契約の期間（{period}）の外にかかっています。承認できるのは契約の期間の中だけです。";
            self.say(found, "period", Severity::Warning, template, &places);
        }
        if ends < self.today {
            let template = if self.is_returned {
                "申請の終了日（{day}）が過ぎています。承認は決裁した日より前にさかのぼりません。"
            } else {
                "申請の終了日（{day}）が過ぎています。承認は決裁した日より前にさかのぼりません。期間の補正を依頼してください。"
            };
            self.say(found, "over", Severity::Critical, template, &[("day", &ends.to_string())]);
        } else if starts < self.today {
            let template = "開始予定日（{day}）を過ぎています。承認は決裁した日より前にさかのぼらないので、その前に使用があれば、承認のない使用として残ります。";
            self.say(found, "late", Severity::Warning, template, &[("day", &starts.to_string())]);
        }
    }

    /// What is consented to below counts only while all above it is.
    fn parent(&self, found: &mut Vec<Warning>, days: DayRange) {
        let parent = self.engagement.parent_id.and_then(|id| self.known.engagement(id));
        let Some(parent) = parent.filter(|parent| parent.tier > 1) else { return };
        let Some(coverage) = self.known.coverage(parent.id) else { return };
        let name = ("name", &*parent.vendor.name);
        // As it was asked for when the application was filed: that consent may have been revoked since.
        if !coverage.consented.contains(days.from) {
            let template = "上位の{name}の承認が、再委託が始まる日（{day}）にありません。";
            self.say(found, "parent", Severity::Critical, template, &[name, ("day", &days.from.to_string())]);
        }
        let gaps = DaySet::from(Some(days)).difference(&coverage.covered);
        if !gaps.is_empty() {
            let template = "上位の{name}の承認が、申請の期間のうち次の日にありません。承認しても、これらの日は有効になりません: {days}";
            self.say(found, "parent_period", Severity::Warning, template, &[name, ("days", &spans(&gaps))]);
        }
    }

    fn used(&self, found: &mut Vec<Warning>) {
        let Some(coverage) = self.known.coverage(self.engagement.id) else { return };
        let days = coverage.uncovered_days().up_to(self.today);
        if !days.is_empty() {
            let template = "この再委託先には、承認を確認できない使用の日があります: {days}";
            self.say(found, "used", Severity::Critical, template, &[("days", &spans(&days))]);
        }
    }

    fn money(&self, found: &mut Vec<Warning>, days: DayRange) {
        if self.engagement.tier != 2 {
            return;
        }
        let mut terms = self.known.terms_within(days).map(|(_, terms)| terms);
        let reached = terms.find_map(|terms| ratio::reached(self.known, terms, self.today, self.planned));
        let Some(reached) = reached else { return };
        let total = thousands(i64::try_from(reached.total_yen).unwrap_or(i64::MAX));
        let limit = reached.limit_percent.to_string();
        let template = if self.has_special_reason {
            "再委託の金額の合計（審査中のものを含めて{total}円）が、契約金額の{limit}％以上になります。やむを得ない理由を確かめてください。"
        } else {
            "再委託の金額の合計（審査中のものを含めて{total}円）が、契約金額の{limit}％以上になります。やむを得ない理由は書かれていません。"
        };
        self.say(found, "ratio", Severity::Warning, template, &[("total", &total), ("limit", &limit)]);
    }

    /// No part costs more than the whole. A contract at unit prices has no amount to compare with.
    fn amount(&self, found: &mut Vec<Warning>, terms: &Terms) {
        if 0 < terms.amount_yen && terms.amount_yen < self.content.amount_yen {
            let (asked, most) = (thousands(self.content.amount_yen), thousands(terms.amount_yen));
            let template = "申請の金額（{asked}円）が、契約金額（{most}円）を超えています。桁の誤りでないか確かめてください。";
            self.say(found, "amount", Severity::Warning, template, &[("asked", &asked), ("most", &most)]);
        }
    }

    /// Nor does one more than what its parent was consented for.
    fn above_parent(&self, found: &mut Vec<Warning>) {
        let parent = self.engagement.parent_id.and_then(|id| self.known.engagement(id));
        let Some(parent) = parent.filter(|parent| parent.tier > 1) else { return };
        let held = self.known.consents(parent.id).iter().filter(|held| held.valid.is_some());
        let Some(most) = held.map(|held| held.consent.amount_yen).max() else { return };
        if 0 < most && most < self.content.amount_yen {
            let (asked, most) = (thousands(self.content.amount_yen), thousands(most));
            let template = "申請の金額（{asked}円）が、上位の{name}が承認を受けた金額（{most}円）を超えています。桁の誤りでないか確かめてください。";
            let places = [("asked", &*asked), ("most", &*most), ("name", &*parent.vendor.name)];
            self.say(found, "amount_above", Severity::Warning, template, &places);
        }
    }

    fn clause(&self, found: &mut Vec<Warning>, terms: &Terms) {
        let has_my_number = persons(&self.content.data, DataCategory::MyNumber).is_some();
        if has_my_number {
            let template = "マイナンバーを取り扱う再委託です。何層目でも、最初の委託元の承認が必要です（番号法第10条第1項・第2項の許諾）。";
            self.say(found, "my_number", Severity::Info, template, &[]);
        }
        let clause = &terms.subcontracting;
        if self.content.country != HOME && clause.overseas == Overseas::ConsentRequired {
            let template =
                "国外（{country}）での取扱いを含みます。国外の制度と安全管理措置を確かめてください。";
            self.say(
                found,
                "overseas_consent",
                Severity::Warning,
                template,
                &[("country", &country::name(&self.content.country))],
            );
        }
        let template = match clause.policy {
            Policy::ConditionalConsent => {
                "三要件つきの契約です。再委託先の名称と能力の証明、定期の報告、合意を確かめてください。"
            }
            Policy::NoticeOnly | Policy::NoPersonalData if !has_my_number => {
                "この契約では、再委託の承認は条件になっていません。"
            }
            Policy::MinorExempt
                if clause.minor_limit_yen.is_some_and(|limit| self.content.amount_yen <= limit)
                    && !has_my_number =>
            {
                "金額が、承認のいらない軽微な業務の範囲です。"
            }
            _ => return,
        };
        self.say(found, "policy", Severity::Info, template, &[]);
    }

    /// More persons than the contract entrusts, or a category that it does not have.
    fn volumes(&self, found: &mut Vec<Warning>, terms: &Terms) {
        for volume in self.content.data.iter().filter(|volume| volume.persons > 0) {
            let entrusted = persons(&terms.data, volume.category);
            if entrusted.is_some_and(|most| volume.persons <= most) || terms.data.is_empty() {
                continue;
            }
            let label = match volume.category {
                DataCategory::Personal => "個人情報",
                DataCategory::MyNumber => "マイナンバー",
                DataCategory::Sensitive => "要配慮個人情報",
            };
            let asked = thousands(volume.persons);
            let most =
                entrusted.map_or_else(|| "取扱いなし".to_owned(), |most| format!("{}人", thousands(most)));
            let places = [("label", label), ("asked", &*asked), ("most", &*most)];
            let template = "{label}の人数（{asked}人）が、契約で委託するもの（{most}）を超えています。";
            self.say(found, "volume", Severity::Warning, template, &places);
        }
    }

    /// What the data entrusted demand, and the application does not say.
    fn blanks(&self, found: &mut Vec<Warning>, terms: &Terms) {
        let names = blanks(&terms.data, self.handling).into_iter().map(|blank| match &*blank.pointer {
            "/persons/personal" => "取り扱う個人情報の人数",
            "/persons/my_number" => "マイナンバーの人数",
            "/persons/sensitive" => "要配慮個人情報の人数",
            "/work_places/0" => "作業場所",
            _ => "安全管理措置",
        });
        let names: Vec<&str> = names.collect();
        if !names.is_empty() {
            // What was asked for already is not asked for again.
            let template = if self.is_returned {
                "個人情報を委託している契約ですが、申請に、{fields}が書かれていません。"
            } else {
                "個人情報を委託している契約ですが、申請に、{fields}が書かれていません。決裁の前に、補正を依頼してください。"
            };
            self.say(found, "blank", Severity::Warning, template, &[("fields", &names.join("、"))]);
        }
    }

    fn company(&self, found: &mut Vec<Warning>) {
        if !self.elsewhere.is_empty() {
            let template = "この事業者について、ほかの契約（{contracts}）に重大なアラートがあります。";
            let numbers: Vec<&str> = self.elsewhere.iter().map(|it| it.number.as_str()).collect();
            self.say(found, "elsewhere", Severity::Warning, template, &[("contracts", &numbers.join("、"))]);
            if let Some(said) = found.last_mut() {
                said.contracts = self.elsewhere.to_vec();
            }
        }
        if let Some(closed) = self.registered.and_then(|record| record.closed_on) {
            let template = "法人番号公表サイトでは、この事業者の登記は{day}に閉鎖されています。承継した法人を確かめてください。";
            self.say(found, "company_closed", Severity::Critical, template, &[("day", &closed.to_string())]);
        }
        let vendor = &self.engagement.vendor.name;
        let is_other = self.names.iter().all(|name| likeness(name, vendor) == Likeness::Other);
        if let Some(registered) = self.names.first().filter(|_| is_other) {
            let template = "法人番号公表サイトの名称は「{name}」です。名称または番号を確かめてください。";
            self.say(found, "company_name", Severity::Warning, template, &[("name", registered)]);
        }
        if !self.other_names.is_empty() {
            let names: Vec<String> = self.other_names.iter().map(|it| format!("「{}」", it.name)).collect();
            let template = "この事業者は、この契約では{names}とも記載されています。";
            let is_other = self.other_names.iter().any(|it| it.likeness == Likeness::Other);
            let severity = if is_other { Severity::Warning } else { Severity::Info };
            self.say(found, "other_name", severity, template, &[("names", &names.join("、"))]);
        }
        if !self.similar.is_empty() {
            let names: Vec<String> = self.similar.iter().map(SimilarName::told).collect();
            let template =
                "よく似た名前の事業者が登録されています: {names}。取り違えていないか確かめてください。";
            self.say(found, "similar_name", Severity::Warning, template, &[("names", &names.join("、"))]);
        }
    }

    fn deadline(&self, found: &mut Vec<Warning>) {
        let Some(due) = self.due else { return };
        let (day, left) = (due.on.to_string(), due.working_days_left.to_string());
        if due.over {
            let template = "決定の期限（{day}）を過ぎています。";
            self.say(found, "deadline", Severity::Critical, template, &[("day", &day)]);
        } else if due.working_days_left <= SOON {
            let template = "決定の期限は{day}です（開庁日であと{left}日）。";
            self.say(found, "deadline", Severity::Warning, template, &[("day", &day), ("left", &left)]);
        }
    }
}

/// Where the vendor itself is abroad, and is to work in Japan because the contract forbids it elsewhere. Work abroad is
/// refused by itself.
pub(super) fn vendor_abroad(
    known: &Known<'_>,
    days: DayRange,
    vendor_country: &str,
    country: &str,
) -> Option<String> {
    let mut terms = known.terms_within(days);
    let is_forbidden = terms.any(|(_, terms)| terms.subcontracting.overseas == Overseas::Prohibited);
    if vendor_country == HOME || country != HOME || !is_forbidden {
        return None;
    }
    let name = country::name(vendor_country);
    Some(format!(
        "再委託先の所在地は国外（{name}）です。契約は国外での取扱いを禁じています。作業を行う国と作業場所を確かめてください。"
    ))
}

fn span(from: NaiveDate, to: NaiveDate) -> String {
    if from == to { from.to_string() } else { format!("{from}〜{to}") }
}

fn spans(days: &DaySet) -> String {
    days.ranges().iter().map(|range| span(range.from, range.to)).collect::<Vec<_>>().join("、")
}
