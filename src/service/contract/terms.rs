//! What is entered of a contract's terms, and what must hold between its fields.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::calendar::{add_days, fiscal_year};
use crate::domain::contract::{
    DataCategory, DataVolume, DeclarationInterval, Overseas, Policy, Subcontracting, Terms,
};
use crate::domain::id::{OrganizationId, of};
use crate::domain::input::{FieldError, Nested, nested, or};
use crate::domain::limits::{
    MAX_DEPARTMENT, MAX_NUMBER, MAX_RETURN_DAYS, MAX_SCOPE, MAX_TIER, MAX_TITLE, MAX_UNIT_PRICE,
};
use crate::domain::text::thousands;
use crate::input;
use crate::service::case::check_volumes;

/// Days for giving data back unless the contract says otherwise.
pub const RETURN_DUE_DAYS: i32 = 14;

input! {
    /// How many persons' data of one category.
    pub struct DataItem {
        category: DataCategory => word::<DataCategory>(),
        persons: i64 => count(),
    }
}

input! {
    /// The clause on subcontracting.
    pub struct SubcontractingInput {
        policy: Policy => or(word(), Policy::ConsentRequired),
        max_tier: Option<i32> => optional(small(1, MAX_TIER)),
        max_ratio_percent: Option<i32> => optional(small(0, 100)),
        overseas: Overseas => or(word(), Overseas::Prohibited),
        minor_limit_yen: Option<i64> => optional(yen()),
    }
    check |it, errors| {
        match (it.policy, it.minor_limit_yen) {
            (Policy::MinorExempt, None) => errors.push(FieldError::new(
                "/minor_limit_yen", "required", "軽微な業務を除く場合は、その上限額を入力してください。")),
            (Policy::MinorExempt, Some(_)) | (_, None) => {}
            (_, Some(_)) => errors.push(FieldError::new(
                "/minor_limit_yen", "meaningless", "軽微な業務を除く場合（minor_exempt）だけ入力してください。")),
        }
    }
}

input! {
    /// 契約の登録.
    pub struct NewContract {
        number: String => office_number(MAX_NUMBER),
        /// The twelve digits in the number are no 個人番号: asked where they could be one.
        number_confirmed: bool => or(flag(), false),
        title: String => contract_title(MAX_TITLE),
        fiscal_year: i32 => fiscal_year(),
        vendor_id: OrganizationId => id::<of::Organization>(),
        /// Of a 単価契約 the expected total.
        amount_yen: i64 => yen(),
        /// 単価契約: the unit prices, in words.
        unit_price: Option<String> => optional(prose(1, MAX_UNIT_PRICE)),
        signed_on: NaiveDate => day(),
        starts_on: NaiveDate => day(),
        ends_on: NaiveDate => day(),
        scope: String => prose(1, MAX_SCOPE),
        data: Vec<DataItem> => list(nested::<DataItem>(), 20),
        subcontracting: SubcontractingInput => clause(),
        declaration_interval: DeclarationInterval => or(word(), DeclarationInterval::None),
        return_due_days: i32 => or(small(0, MAX_RETURN_DAYS), RETURN_DUE_DAYS),
        department: Option<String> => optional(text(1, MAX_DEPARTMENT)),
    }
    across |errors| {
        if let (Some(number), Some(confirmed)) = (&number, number_confirmed) {
            errors.extend(question_of_my_number(("number", number), ("number_confirmed", confirmed)));
        }
        if let (Some(starts_on), Some(ends_on)) = (starts_on, ends_on) {
            errors.extend(period_error(starts_on, ends_on));
        }
        if let (Some(year), Some(starts_on)) = (fiscal_year, starts_on) {
            errors.extend(year_error(year, starts_on));
        }
        if let Some(data) = &data {
            errors.extend(data_errors(&volumes(data)));
        }
    }
}

input! {
    /// 変更契約: what changes, from which day, and why.
    pub struct Amendment {
        effective_on: NaiveDate => day(),
        reason: String => prose(1, 2_000),
        title: Option<String> => optional(contract_title(MAX_TITLE)),
        fiscal_year: Option<i32> => optional(fiscal_year()),
        amount_yen: Option<i64> => optional(yen()),
        unit_price: Option<String> => optional(prose(1, MAX_UNIT_PRICE)),
        signed_on: Option<NaiveDate> => optional(day()),
        starts_on: Option<NaiveDate> => optional(day()),
        ends_on: Option<NaiveDate> => optional(day()),
        scope: Option<String> => optional(prose(1, MAX_SCOPE)),
        data: Option<Vec<DataItem>> => optional(list(nested::<DataItem>(), 20)),
        subcontracting: Option<SubcontractingInput> => optional(nested::<SubcontractingInput>()),
        declaration_interval: Option<DeclarationInterval> => optional(word::<DeclarationInterval>()),
        return_due_days: Option<i32> => optional(small(0, MAX_RETURN_DAYS)),
        department: Option<String> => optional(text(1, MAX_DEPARTMENT)),
    }
}

input! {
    /// 変更契約の取消し, before it is in force.
    pub struct TermsWithdrawal {
        /// Its place in the contract's ledger.
        seq: i64 => count(),
        reason: String => prose(1, 2_000),
    }
}

input! {
    /// 訂正 of a slip in the terms as registered or changed: what is right, and why.
    pub struct TermsCorrection {
        /// The place in the contract's ledger of the terms that are corrected.
        seq: i64 => count(),
        reason: String => prose(1, 2_000),
        title: Option<String> => optional(contract_title(MAX_TITLE)),
        fiscal_year: Option<i32> => optional(fiscal_year()),
        amount_yen: Option<i64> => optional(yen()),
        unit_price: Option<String> => optional(prose(1, MAX_UNIT_PRICE)),
        signed_on: Option<NaiveDate> => optional(day()),
        starts_on: Option<NaiveDate> => optional(day()),
        ends_on: Option<NaiveDate> => optional(day()),
        scope: Option<String> => optional(prose(1, MAX_SCOPE)),
        data: Option<Vec<DataItem>> => optional(list(nested::<DataItem>(), 20)),
        subcontracting: Option<SubcontractingInput> => optional(nested::<SubcontractingInput>()),
        declaration_interval: Option<DeclarationInterval> => optional(word::<DeclarationInterval>()),
        return_due_days: Option<i32> => optional(small(0, MAX_RETURN_DAYS)),
    }
}

input! {
    /// What of a contract is no term of it: the department in charge.
    pub struct ContractPatch {
        department: Option<String> => optional(text(1, MAX_DEPARTMENT)),
    }
}

type Clause = crate::domain::input::Defaulted<Nested<SubcontractingInput>>;

/// The clause; left out, subcontracting needs consent and nothing may go abroad.
fn clause() -> Clause {
    or(
        nested(),
        SubcontractingInput {
            policy: Policy::ConsentRequired,
            max_tier: None,
            max_ratio_percent: None,
            overseas: Overseas::Prohibited,
            minor_limit_yen: None,
        },
    )
}

impl From<SubcontractingInput> for Subcontracting {
    fn from(given: SubcontractingInput) -> Self {
        Self {
            policy: given.policy,
            max_tier: given.max_tier,
            max_ratio_percent: given.max_ratio_percent,
            overseas: given.overseas,
            minor_limit_yen: given.minor_limit_yen,
        }
    }
}

impl NewContract {
    /// The terms that registration begins with.
    pub fn terms(&self) -> Terms {
        Terms {
            title: self.title.clone(),
            fiscal_year: self.fiscal_year,
            amount_yen: self.amount_yen,
            unit_price: self.unit_price.clone(),
            signed_on: self.signed_on,
            starts_on: self.starts_on,
            ends_on: self.ends_on,
            scope: self.scope.clone(),
            data: volumes(&self.data),
            subcontracting: self.subcontracting.clone().into(),
            declaration_interval: self.declaration_interval,
            return_due_days: self.return_due_days,
            department: self.department.clone(),
        }
    }
}

impl Amendment {
    /// The terms with the changes applied.
    pub fn apply(self, base: &Terms) -> Terms {
        Terms {
            title: self.title.unwrap_or_else(|| base.title.clone()),
            fiscal_year: self.fiscal_year.unwrap_or(base.fiscal_year),
            amount_yen: self.amount_yen.unwrap_or(base.amount_yen),
            unit_price: self.unit_price.or_else(|| base.unit_price.clone()),
            signed_on: self.signed_on.unwrap_or(base.signed_on),
            starts_on: self.starts_on.unwrap_or(base.starts_on),
            ends_on: self.ends_on.unwrap_or(base.ends_on),
            scope: self.scope.unwrap_or_else(|| base.scope.clone()),
            data: self.data.map_or_else(|| base.data.clone(), |data| volumes(&data)),
            subcontracting: self.subcontracting.map_or_else(|| base.subcontracting.clone(), Into::into),
            declaration_interval: self.declaration_interval.unwrap_or(base.declaration_interval),
            return_due_days: self.return_due_days.unwrap_or(base.return_due_days),
            department: self.department.or_else(|| base.department.clone()),
        }
    }
}

impl TermsCorrection {
    /// The terms put right.
    pub fn apply(self, wrong: &Terms) -> Terms {
        let right = Amendment {
            effective_on: wrong.starts_on,
            reason: self.reason,
            title: self.title,
            fiscal_year: self.fiscal_year,
            amount_yen: self.amount_yen,
            unit_price: self.unit_price,
            signed_on: self.signed_on,
            starts_on: self.starts_on,
            ends_on: self.ends_on,
            scope: self.scope,
            data: self.data,
            subcontracting: self.subcontracting,
            declaration_interval: self.declaration_interval,
            return_due_days: self.return_due_days,
            department: None,
        };
        right.apply(wrong)
    }
}

/// What of the terms contradicts itself, or the day on which they are entered.
pub fn contradictions(terms: &Terms, today: NaiveDate) -> Vec<FieldError> {
    let period = period_error(terms.starts_on, terms.ends_on);
    let year = year_error(terms.fiscal_year, terms.starts_on);
    let signed = signed_too_late(terms.signed_on, today);
    period.into_iter().chain(year).chain(signed).chain(data_errors(&terms.data)).collect()
}

/// A contract may be entered before it is signed, for a 年度 to come; not years before.
pub fn signed_too_late(signed_on: NaiveDate, today: NaiveDate) -> Option<FieldError> {
    (signed_on > add_days(today, SIGNED_AHEAD)).then(|| {
        let message = format!("契約日（{signed_on}）が1年以上先の日です。年を確かめてください。");
        FieldError::new("/signed_on", "far_ahead", message)
    })
}

/// How many days ahead a contract's signing may lie.
const SIGNED_AHEAD: i64 = 366;
/// Contracts of more years than these are asked about.
const MANY_YEARS: i32 = 10;

/// What is asked where a subcontract costs more than the whole contract, whose amount may not be known to who asks. One
/// at unit prices has no amount to compare with.
pub fn over_amount(whole_yen: Option<i64>, part_yen: i64) -> Option<String> {
    let whole = whole_yen.filter(|whole| *whole > 0 && part_yen > *whole)?;
    let (part, whole) = (thousands(part_yen), thousands(whole));
    Some(format!("再委託の金額（{part}円）が、契約金額（{whole}円）を超えています。桁を確かめてください。"))
}

/// Where a part handles more persons than the contract entrusts, or a category that it does not: often a slip, asked about.
pub fn over_persons(whole: Option<&[DataVolumeView]>, part: &[DataVolume]) -> Vec<String> {
    let Some(whole) = whole.filter(|whole| !whole.is_empty()) else { return Vec::new() };
    let over = part.iter().filter_map(|said| {
        let entrusted = whole.iter().find(|it| it.category == said.category).map_or(0, |it| it.persons);
        let label = match said.category {
            DataCategory::Personal => "個人情報",
            DataCategory::MyNumber => "マイナンバー",
            DataCategory::Sensitive => "要配慮個人情報",
        };
        (said.persons > entrusted).then(|| {
            let (part, whole) = (thousands(said.persons), thousands(entrusted));
            format!("{label}の人数（{part}人）が、契約で委託するもの（{whole}人）を超えています。桁を確かめてください。")
        })
    });
    over.collect()
}

/// What of the terms can be meant, and often is a slip: asked before they are registered.
pub fn questions(terms: &Terms, today: NaiveDate) -> Vec<String> {
    let mut asked = Vec::new();
    let own = fiscal_year(terms.starts_on);
    if terms.fiscal_year != own {
        asked.push(format!(
            "年度は{}年度ですが、開始日（{}）は{own}年度です。",
            terms.fiscal_year, terms.starts_on
        ));
    }
    if terms.signed_on > today {
        asked.push(format!("契約日（{}）が今日（{today}）より先の日です。", terms.signed_on));
    }
    if terms.signed_on > terms.ends_on {
        asked.push(format!("契約日（{}）が終了日（{}）より後です。", terms.signed_on, terms.ends_on));
    }
    if fiscal_year(terms.ends_on) - own > MANY_YEARS {
        asked.push(format!(
            "契約期間が{MANY_YEARS}年を超えています（{}〜{}）。",
            terms.starts_on, terms.ends_on
        ));
    }
    let is_exempt = matches!(
        terms.subcontracting.policy,
        Policy::NoticeOnly | Policy::MinorExempt | Policy::NoPersonalData
    );
    let numbers = terms.data.iter().filter(|it| it.category == DataCategory::MyNumber).map(|it| it.persons);
    if is_exempt && numbers.sum::<i64>() > 0 {
        // 番号法10条1項: whoever is entrusted needs the consent of whoever entrusted first, at every tier.
        asked.push(
            "マイナンバーを取り扱いますが、再委託の承認を要しない場合のある条件です。個人番号利用事務等の再委託には、金額や業務によらず、委託元の許諾が必要です（番号法第10条第1項）。"
                .to_owned(),
        );
    }
    asked
}

/// Volumes as the domain has them.
pub fn volumes(data: &[DataItem]) -> Vec<DataVolume> {
    data.iter().map(|item| DataVolume { category: item.category, persons: item.persons }).collect()
}

fn period_error(starts_on: NaiveDate, ends_on: NaiveDate) -> Option<FieldError> {
    (ends_on < starts_on).then(|| {
        FieldError::new("/ends_on", "before_start", format!("終了日が開始日（{starts_on}）より前です。"))
    })
}

/// A contract may be let a year before or after the 年度 whose budget pays for it, not more.
fn year_error(year: i32, starts_on: NaiveDate) -> Option<FieldError> {
    let own = fiscal_year(starts_on);
    ((year - own).abs() > 1).then(|| {
        FieldError::new(
            "/fiscal_year",
            "far_from_start",
            format!("開始日は{own}年度です。年度を確認してください。"),
        )
    })
}

fn data_errors(data: &[DataVolume]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check_volumes(data, "/data", &mut errors);
    errors
}

/// The clause on subcontracting, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SubcontractingView {
    pub policy: Policy,
    pub max_tier: Option<i32>,
    pub overseas: Overseas,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ratio_percent: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor_limit_yen: Option<i64>,
}

/// How many persons' data of one category, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DataVolumeView {
    pub category: DataCategory,
    pub persons: i64,
}

/// The terms, as shown to those who may see all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TermsView {
    pub title: String,
    pub fiscal_year: i32,
    /// Of a 単価契約 the expected total.
    pub amount_yen: i64,
    /// 単価契約: the unit prices, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
    pub signed_on: NaiveDate,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
    pub scope: String,
    pub data: Vec<DataVolumeView>,
    pub subcontracting: SubcontractingView,
    pub declaration_interval: DeclarationInterval,
    pub return_due_days: i32,
    pub department: Option<String>,
}

impl From<&Subcontracting> for SubcontractingView {
    fn from(clause: &Subcontracting) -> Self {
        Self {
            policy: clause.policy,
            max_tier: clause.max_tier,
            overseas: clause.overseas,
            max_ratio_percent: clause.max_ratio_percent,
            minor_limit_yen: clause.minor_limit_yen,
        }
    }
}

impl From<&DataVolume> for DataVolumeView {
    fn from(volume: &DataVolume) -> Self {
        Self { category: volume.category, persons: volume.persons }
    }
}

impl From<&Terms> for TermsView {
    fn from(terms: &Terms) -> Self {
        Self {
            title: terms.title.clone(),
            fiscal_year: terms.fiscal_year,
            amount_yen: terms.amount_yen,
            unit_price: terms.unit_price.clone(),
            signed_on: terms.signed_on,
            starts_on: terms.starts_on,
            ends_on: terms.ends_on,
            scope: terms.scope.clone(),
            data: terms.data.iter().map(Into::into).collect(),
            subcontracting: (&terms.subcontracting).into(),
            declaration_interval: terms.declaration_interval,
            return_due_days: terms.return_due_days,
            department: terms.department.clone(),
        }
    }
}
