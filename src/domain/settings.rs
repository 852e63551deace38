//! What an agency sets for itself: days of warning, severities, closed days, its own words, the clauses it
//! checks. Every field has a default, an unknown one is refused.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

use super::alert::Severity;
use super::characters::{Lines, clean, is_blank};
use super::limits::{FIRST_YEAR, LAST_YEAR};
use crate::text_enum;

text_enum! {
    /// What a person may do about who stands in for them.
    pub enum OwnDeputies {
        /// Only administrators appoint.
        None = "none",
        /// The person asks, an administrator approves.
        Ask = "ask",
        /// The person appoints; who stands in for someone who decides still needs an administrator.
        Appoint = "appoint",
    }
}

/// The settings of one agency. Days are calendar days unless a field says working days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days before a consent's last day on which its end is announced.
    pub consent_expiring_days: Vec<i32>,
    /// Days before the contract's last day.
    pub contract_expiring_days: Vec<i32>,
    /// Days before an audit is due.
    pub audit_due_days: Vec<i32>,
    /// Days after a reporting period within which its 再委託状況報告 is due.
    pub declaration_grace_days: i32,
    /// Working days within which an application is decided, those in 補正 not counted.
    pub decision_working_days: i32,
    /// Working days before the start applied for by which it is decided.
    pub decision_before_start_days: i32,
    /// Working days after which an alert that nobody took up goes to the agency's administrators.
    pub escalation_working_days: i32,
    pub severities: Severities,
    /// The agency's own closed days, beside weekends and holidays.
    pub closed_days: Vec<NaiveDate>,
    /// What the agency is called in published files beside its name: names of its parts, former names, a 府省コード.
    pub published_names: Vec<String>,
    /// Whom mail to vendors names beside the contract's department, in place of the responsible officer: 契約監督係.
    pub desk: Option<String>,
    /// The telephone that mail to vendors names where the contract's department has none of its own.
    pub telephone: Option<String>,
    /// The agency's own word for one of the program's, such as 承認 → 承諾.
    pub words: BTreeMap<String, String>,
    /// What is checked in a contract between vendors, before a consent.
    pub clauses: Vec<Clause>,
    /// What a person may do about who stands in for them.
    pub own_deputies: OwnDeputies,
}

/// How grave a breach of the contract's limits is, where the agency decides that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Severities {
    pub subcontracting_prohibited: Severity,
    pub overseas_handling: Severity,
    pub tier_exceeded: Severity,
    pub ratio_exceeded: Severity,
    pub volume_exceeded: Severity,
}

/// One line of the clause checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its number, as the agency counts: unique in the list.
    pub number: String,
    pub text: String,
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// JSON pointer, such as `/audit_due_days/1`.
    pub pointer: String,
    /// Stable word for programs.
    pub code: &'static str,
    /// For people, in Japanese.
    pub message: String,
}

/// The ten that the guideline for public bodies asks of an entrusting contract (特定個人情報ガイドライン 第4-2-(1)).
const GUIDELINE_CLAUSES: [&str; 10] = [
    "秘密保持",
    "持出し禁止",
    "目的外利用禁止",
    "再委託の条件",
    "漏えい時の責任",
    "返却・廃棄",
    "従業者の明確化",
    "監督・教育",
    "遵守状況の報告",
    "実地調査",
];

const MOST_DAYS: i32 = 365;
const MOST_STEPS: usize = 10;
const MOST_CLOSED_DAYS: usize = 400;
const MOST_PUBLISHED_NAMES: usize = 100;
const LONGEST_PUBLISHED_NAME: usize = 100;
const MOST_WORDS: usize = 50;
const MOST_CLAUSES: usize = 50;
const LONGEST_DESK: usize = 100;
pub const LONGEST_TELEPHONE: usize = 50;
const LONGEST_WORD: usize = 40;
const LONGEST_CLAUSE: usize = 200;

impl Default for Settings {
    fn default() -> Self {
        let clauses = GUIDELINE_CLAUSES.iter().zip(1..);
        Self {
            consent_expiring_days: vec![60, 30, 7],
            contract_expiring_days: vec![60, 30],
            audit_due_days: vec![90, 30, 7, 0],
            declaration_grace_days: 14,
            decision_working_days: 10,
            decision_before_start_days: 5,
            escalation_working_days: 3,
            severities: Severities::default(),
            closed_days: Vec::new(),
            published_names: Vec::new(),
            desk: None,
            telephone: None,
            words: BTreeMap::new(),
            clauses: clauses
                .map(|(text, number)| Clause { number: number.to_string(), text: (*text).to_owned() })
                .collect(),
            own_deputies: OwnDeputies::Ask,
        }
    }
}

impl Default for Severities {
    fn default() -> Self {
        Self {
            subcontracting_prohibited: Severity::Critical,
            overseas_handling: Severity::Critical,
            tier_exceeded: Severity::Warning,
            ratio_exceeded: Severity::Warning,
            volume_exceeded: Severity::Warning,
        }
    }
}

impl Settings {
    /// The text with each of the program's words replaced by the agency's own: in one pass from the left, the
    /// longest word first, so that what was put in is not replaced again. Only for the program's own texts,
    /// never for names.
    pub fn in_own_words(&self, text: &str) -> String {
        if self.words.is_empty() {
            return text.to_owned();
        }
        let longest_at = |rest: &str| {
            let here =
                self.words.iter().filter(|(word, _)| !word.is_empty() && rest.starts_with(word.as_str()));
            here.max_by_key(|(word, _)| word.len())
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let taken = if let Some((word, own)) = longest_at(rest) {
                out.push_str(own);
                word.len()
            } else {
                out.push(next);
                next.len_utf8()
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        out
    }

    /// All that is wrong, at once.
    pub fn validate(&self) -> Result<(), Vec<SettingError>> {
        let mut check = Check::default();
        check.steps("/consent_expiring_days", &self.consent_expiring_days);
        check.steps("/contract_expiring_days", &self.contract_expiring_days);
        check.steps("/audit_due_days", &self.audit_due_days);
        check.days("/declaration_grace_days", self.declaration_grace_days, 0);
        check.days("/decision_working_days", self.decision_working_days, 1);
        check.days("/decision_before_start_days", self.decision_before_start_days, 0);
        check.days("/escalation_working_days", self.escalation_working_days, 1);
        check.severities(&self.severities);
        check.list("/closed_days", &self.closed_days, MOST_CLOSED_DAYS);
        check.years("/closed_days", &self.closed_days);
        check.list("/published_names", &self.published_names, MOST_PUBLISHED_NAMES);
        for (place, name) in self.published_names.iter().enumerate() {
            check.text(format!("/published_names/{place}"), name, LONGEST_PUBLISHED_NAME);
        }
        if let Some(desk) = &self.desk {
            check.text("/desk".to_owned(), desk, LONGEST_DESK);
        }
        if let Some(telephone) = &self.telephone {
            check.text("/telephone".to_owned(), telephone, LONGEST_TELEPHONE);
            if let Err(message) = check_telephone(telephone) {
                check.say("/telephone", "telephone", message);
            }
        }
        check.words(&self.words);
        check.clauses(&self.clauses);
        if check.errors.is_empty() { Ok(()) } else { Err(check.errors) }
    }
}

/// Refuses what nobody could dial.
pub fn check_telephone(text: &str) -> Result<(), &'static str> {
    if text.chars().filter(|c| c.is_numeric()).count() < 4 {
        return Err("電話番号を、数字で入力してください（例: 03-0000-0000 内線1234）");
    }
    Ok(())
}

#[derive(Default)]
struct Check {
    errors: Vec<SettingError>,
}

impl Check {
    fn say(&mut self, pointer: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.errors.push(SettingError { pointer: pointer.into(), code, message: message.into() });
    }

    fn days(&mut self, pointer: &str, days: i32, least: i32) {
        if !(least..=MOST_DAYS).contains(&days) {
            let message = format!("{least}から{MOST_DAYS}までの日数を入力してください");
            self.say(pointer, "out_of_range", message);
        }
    }

    fn steps(&mut self, pointer: &str, steps: &[i32]) {
        if steps.is_empty() {
            self.say(pointer, "required", "通知する日数を1つ以上入力してください");
        }
        self.list(pointer, steps, MOST_STEPS);
        for (place, days) in steps.iter().enumerate() {
            self.days(&format!("{pointer}/{place}"), *days, 0);
        }
    }

    /// Not too many, and none twice.
    fn list<T: Ord>(&mut self, pointer: &str, items: &[T], most: usize) {
        if items.len() > most {
            self.say(pointer, "too_many", format!("{most}件以内で入力してください"));
        }
        let mut seen = BTreeSet::new();
        for (place, item) in items.iter().enumerate() {
            if !seen.insert(item) {
                self.say(format!("{pointer}/{place}"), "duplicate", "同じ値が重複しています");
            }
        }
    }

    /// Within the years that are kept at all.
    fn years(&mut self, pointer: &str, days: &[NaiveDate]) {
        for (place, day) in days.iter().enumerate() {
            if !(FIRST_YEAR..=LAST_YEAR).contains(&day.year()) {
                let message = format!("{FIRST_YEAR}年から{LAST_YEAR}年までの日付を入力してください");
                self.say(format!("{pointer}/{place}"), "date_range", message);
            }
        }
    }

    fn severities(&mut self, severities: &Severities) {
        let all = [
            ("subcontracting_prohibited", severities.subcontracting_prohibited),
            ("overseas_handling", severities.overseas_handling),
            ("tier_exceeded", severities.tier_exceeded),
            ("ratio_exceeded", severities.ratio_exceeded),
            ("volume_exceeded", severities.volume_exceeded),
        ];
        for (name, severity) in all {
            if severity == Severity::Info {
                let message = "重大度はcritical又はwarningを指定してください";
                self.say(format!("/severities/{name}"), "not_allowed", message);
            }
        }
    }

    fn text(&mut self, pointer: String, text: &str, longest: usize) {
        if is_blank(text) {
            self.say(pointer, "required", "入力してください");
        } else if text.chars().count() > longest {
            self.say(pointer, "too_long", format!("{longest}文字以内で入力してください"));
        } else if let Err(unclean) = clean(text, Lines::Single) {
            self.say(pointer, unclean.code(), unclean.to_string());
        }
    }

    fn words(&mut self, words: &BTreeMap<String, String>) {
        if words.len() > MOST_WORDS {
            self.say("/words", "too_many", format!("{MOST_WORDS}件以内で入力してください"));
        }
        for (word, own) in words {
            // RFC 6901: `~` and `/` are written `~0` and `~1` in a pointer.
            let pointer = format!("/words/{}", word.replace('~', "~0").replace('/', "~1"));
            if word.trim().is_empty() || word.chars().count() > LONGEST_WORD {
                let message = format!("置き換える用語は{LONGEST_WORD}文字以内で入力してください");
                self.say(pointer.clone(), "bad_word", message);
            } else if let Err(unclean) = clean(word, Lines::Single) {
                self.say(pointer.clone(), unclean.code(), unclean.to_string());
            }
            self.text(pointer, own, LONGEST_WORD);
        }
    }

    fn clauses(&mut self, clauses: &[Clause]) {
        if clauses.len() > MOST_CLAUSES {
            self.say("/clauses", "too_many", format!("{MOST_CLAUSES}件以内で入力してください"));
        }
        let mut numbers = BTreeSet::new();
        for (place, clause) in clauses.iter().enumerate() {
            self.text(format!("/clauses/{place}/number"), &clause.number, LONGEST_WORD);
            self.text(format!("/clauses/{place}/text"), &clause.text, LONGEST_CLAUSE);
            if !numbers.insert(&clause.number) {
                self.say(format!("/clauses/{place}/number"), "duplicate", "同じ番号が重複しています");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(settings: &Settings) -> Vec<(String, &'static str)> {
        let errors = settings.validate().err().unwrap_or_default();
        errors.into_iter().map(|e| (e.pointer, e.code)).collect()
    }

    #[test]
    fn nothing_said_is_the_default_and_an_unknown_key_is_refused() {
        let empty: Settings = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, Settings::default());
        assert_eq!(empty.validate(), Ok(()));
        assert_eq!(empty.clauses.len(), 10);
        assert_eq!(empty.clauses[9], Clause { number: "10".into(), text: "実地調査".into() });
        assert!(serde_json::from_str::<Settings>(r#"{"audit_days": [1]}"#).is_err());
        assert!(serde_json::from_str::<Settings>(r#"{"severities": {"tier": "info"}}"#).is_err());
        let text = serde_json::to_string(&empty).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), empty);
    }

    #[test]
    fn every_error_is_named_at_once() {
        let settings = Settings {
            consent_expiring_days: vec![],
            audit_due_days: vec![7, 366, 7],
            decision_working_days: 0,
            severities: Severities { tier_exceeded: Severity::Info, ..Severities::default() },
            closed_days: vec![NaiveDate::default(), NaiveDate::default()],
            published_names: vec!["架空省".into(), " ".into()],
            words: [("承認/許可".to_owned(), "a\nb".to_owned()), ("審\u{fdd3}査".to_owned(), "b".to_owned())]
                .into(),
            clauses: vec![
                Clause { number: "1".into(), text: "x".repeat(201) },
                Clause { number: "1".into(), text: " ".into() },
            ],
            ..Settings::default()
        };
        assert_eq!(
            pointers(&settings),
            [
                ("/consent_expiring_days", "required"),
                ("/audit_due_days/2", "duplicate"),
                ("/audit_due_days/1", "out_of_range"),
                ("/decision_working_days", "out_of_range"),
                ("/severities/tier_exceeded", "not_allowed"),
                ("/closed_days/1", "duplicate"),
                ("/published_names/1", "required"),
                ("/words/審\u{fdd3}査", "noncharacter"),
                ("/words/承認~1許可", "line_break"),
                ("/clauses/0/text", "too_long"),
                ("/clauses/1/text", "required"),
                ("/clauses/1/number", "duplicate"),
            ]
            .map(|(pointer, code)| (pointer.to_owned(), code))
        );
    }

    #[test]
    fn the_edges_of_ranges_are_allowed() {
        let settings = Settings {
            consent_expiring_days: vec![0, 365],
            declaration_grace_days: 0,
            decision_before_start_days: 0,
            decision_working_days: 1,
            escalation_working_days: 365,
            clauses: vec![],
            ..Settings::default()
        };
        assert_eq!(settings.validate(), Ok(()));
        let beyond = Settings { consent_expiring_days: vec![-1], ..Settings::default() };
        assert_eq!(pointers(&beyond), [("/consent_expiring_days/0".to_owned(), "out_of_range")]);
    }

    #[test]
    fn an_agencys_words_are_put_in_once_the_longest_first() {
        let words = [("承認", "承諾"), ("承諾", "許諾"), ("再委託承認申請", "再委託承諾願")];
        let words = words.map(|(word, own)| (word.to_owned(), own.to_owned())).into();
        let settings = Settings { words, ..Settings::default() };
        assert_eq!(settings.in_own_words("再委託承認申請の承認と承諾"), "再委託承諾願の承諾と許諾");
        assert_eq!(Settings::default().in_own_words("承認"), "承認");
    }
}
