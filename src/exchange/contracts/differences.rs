//! Where a file's contract says something else than the terms recorded under its number. What the file leaves out is
//! not compared.

use std::fmt::Display;

use super::template::{
    AMOUNT, DEPARTMENT, ENDS_ON, FISCAL_YEAR, INTERVAL, INTERVALS, MAX_RATIO, MINOR_LIMIT, MY_NUMBER,
    OVERSEAS, OVERSEAS_WORDS, PERSONAL, POLICIES, POLICY, RETURN_DUE, SCOPE, SENSITIVE, SIGNED_ON, STARTS_ON,
    TIERS, TITLE, UNIT_PRICE, VENDOR_NAME, VENDOR_NUMBER,
};
use super::{ImportedContract, Origin, gbizinfo, published};
use crate::domain::contract::{DataCategory, Terms};
use crate::exchange::cell::quote;

/// A cell that says something else than what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As in the file.
    pub column: String,
    pub stated: String,
    pub recorded: String,
}

impl Origin {
    /// The column of the vendor's name.
    pub fn vendor_name_column(self) -> String {
        self.column(VENDOR_NAME, 6)
    }

    /// What the column of the contract's own number is called; where the file has none, the whole row.
    pub fn number_column(self) -> String {
        match self {
            Self::Template => "契約番号".to_owned(),
            Self::Portal => "1列目（調達案件番号）".to_owned(),
            Self::Gbizinfo | Self::GbizinfoDownload => crate::exchange::table::WHOLE_ROW.to_owned(),
        }
    }

    /// The column of the vendor's 法人番号.
    pub fn vendor_number_column(self) -> String {
        self.column(VENDOR_NUMBER, 7)
    }

    /// How the form calls a column of the template, which the portal has in the place `portal`, from 0.
    fn column(self, template: &str, portal: usize) -> String {
        match self {
            Self::Template => template.to_owned(),
            Self::Gbizinfo | Self::GbizinfoDownload => gbizinfo::header(self, template),
            Self::Portal => published::portal_names().into_iter().nth(portal).unwrap_or_default(),
        }
    }
}

impl ImportedContract {
    /// What it states otherwise than the terms do.
    pub fn differences(&self, terms: &Terms) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut compare = |column: String, stated: Option<String>, recorded: String| {
            if let Some(stated) = stated.filter(|stated| *stated != recorded) {
                let quoted = |text: &str| if text.is_empty() { "なし".to_owned() } else { quote(text) };
                found.push(Difference { column, stated: quoted(&stated), recorded: quoted(&recorded) });
            }
        };
        let shown = |value: &dyn Display| value.to_string();
        let own = |template: &str| template.to_owned();
        compare(self.origin.column(TITLE, 1), Some(self.title.clone()), terms.title.clone());
        compare(self.origin.column(AMOUNT, 3), Some(shown(&self.amount_yen)), shown(&terms.amount_yen));
        compare(self.origin.column(SIGNED_ON, 2), Some(shown(&self.signed_on)), shown(&terms.signed_on));
        if self.origin != Origin::Template {
            return found;
        }
        compare(own(FISCAL_YEAR), Some(shown(&self.fiscal_year)), shown(&terms.fiscal_year));
        compare(own(UNIT_PRICE), self.unit_price.clone(), terms.unit_price.clone().unwrap_or_default());
        compare(own(STARTS_ON), Some(shown(&self.starts_on)), shown(&terms.starts_on));
        compare(own(ENDS_ON), Some(shown(&self.ends_on)), shown(&terms.ends_on));
        compare(own(SCOPE), self.scope.clone(), terms.scope.clone());
        for (name, category) in [
            (PERSONAL, DataCategory::Personal),
            (MY_NUMBER, DataCategory::MyNumber),
            (SENSITIVE, DataCategory::Sensitive),
        ] {
            let persons = |data: &[crate::domain::contract::DataVolume]| {
                data.iter()
                    .find(|volume| volume.category == category)
                    .map(|volume| volume.persons.to_string())
            };
            compare(own(name), persons(&self.data), persons(&terms.data).unwrap_or_default());
        }
        let clause = &terms.subcontracting;
        let number = |value: Option<i64>| value.map(|value| value.to_string());
        compare(own(POLICY), self.policy.map(|p| word_of(POLICIES, p)), word_of(POLICIES, clause.policy));
        let limit = number(clause.minor_limit_yen).unwrap_or_default();
        compare(own(MINOR_LIMIT), number(self.minor_limit_yen), limit);
        let tier = number(clause.max_tier.map(Into::into)).unwrap_or_default();
        compare(own(TIERS), number(self.max_tier.map(Into::into)), tier);
        let ratio = number(clause.max_ratio_percent.map(Into::into)).unwrap_or_default();
        compare(own(MAX_RATIO), number(self.max_ratio_percent.map(Into::into)), ratio);
        let overseas = word_of(OVERSEAS_WORDS, clause.overseas);
        compare(own(OVERSEAS), self.overseas.map(|o| word_of(OVERSEAS_WORDS, o)), overseas);
        let interval = word_of(INTERVALS, terms.declaration_interval);
        compare(own(INTERVAL), self.declaration_interval.map(|i| word_of(INTERVALS, i)), interval);
        let due = number(Some(terms.return_due_days.into())).unwrap_or_default();
        compare(own(RETURN_DUE), number(self.return_due_days.map(Into::into)), due);
        compare(own(DEPARTMENT), self.department.clone(), terms.department.clone().unwrap_or_default());
        found
    }
}

/// How the template writes a value.
fn word_of<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> String {
    words.iter().find(|(_, known)| *known == value).map(|(word, _)| (*word).to_owned()).unwrap_or_default()
}
