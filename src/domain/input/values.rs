//! Codecs of single values that are neither text nor numbers: flags, days, words of a list, identifiers, countries.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{At, Codec, Mode};
use crate::domain::calendar;
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::country;
use crate::domain::id::Id;
use crate::domain::limits::{FIRST_YEAR, LAST_YEAR};
use crate::domain::text_enum::TextEnum;

/// True or false; forms send `on`, `true` or `1`.
pub struct Flag;
/// True or false.
pub fn flag() -> Flag {
    Flag
}
impl Codec for Flag {
    type Out = bool;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<bool> {
        match (value, at.mode) {
            (Value::Bool(b), _) => Some(*b),
            (Value::String(s), Mode::Lenient) => Some(matches!(s.as_str(), "on" | "true" | "1")),
            _ => at.fail("type", "true または false で指定してください。"),
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "boolean"})
    }
}

/// A day; forms and files may write 和暦 and slashes.
pub struct Day;
/// A day.
pub fn day() -> Day {
    Day
}
impl Codec for Day {
    type Out = NaiveDate;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<NaiveDate> {
        let Value::String(given) = value else {
            return at.fail("type", "日付は \"2026-04-01\" の形の文字列で指定してください。");
        };
        let day = match at.mode {
            Mode::Strict if given.len() == 10 => NaiveDate::parse_from_str(given, "%Y-%m-%d").ok(),
            Mode::Strict => None,
            Mode::Lenient => calendar::parse_day(given),
        };
        match day {
            None => {
                at.fail("date", "日付として読めません。2026-04-01 の形で、実在する日を入力してください。")
            }
            Some(day) if !(FIRST_YEAR..=LAST_YEAR).contains(&chrono::Datelike::year(&day)) => at.fail(
                "date_range",
                format!("{FIRST_YEAR}年から{LAST_YEAR}年までの日付を入力してください（{day}とあります）。"),
            ),
            Some(day) => Some(day),
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "format": "date"})
    }
}

/// One of an enum's words.
pub struct Word<E>(std::marker::PhantomData<E>);
/// One of the words of `E`.
pub fn word<E: TextEnum>() -> Word<E> {
    Word(std::marker::PhantomData)
}
impl<E: TextEnum> Codec for Word<E> {
    type Out = E;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<E> {
        let Value::String(given) = value else {
            return at.fail("type", "文字列で指定してください。");
        };
        E::parse(given).or_else(|| {
            let words: Vec<_> = E::ALL.iter().map(|e| e.as_str()).collect();
            at.fail("choice", format!("{} のいずれかを指定してください。", words.join("、")))
        })
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "enum": E::ALL.iter().map(|e| e.as_str()).collect::<Vec<_>>()})
    }
}

/// An identifier. What it names is looked up later; one that names nothing is the use case's affair.
pub struct Identifier<T>(std::marker::PhantomData<fn() -> T>);
/// An identifier of a `T`.
pub fn id<T>() -> Identifier<T> {
    Identifier(std::marker::PhantomData)
}
impl<T> Codec for Identifier<T> {
    type Out = Id<T>;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<Id<T>> {
        let Value::String(given) = value else {
            return at.fail("type", "識別子（文字列）で指定してください。");
        };
        given.parse().ok().or_else(|| at.fail("unknown", "該当するものがありません。"))
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "format": "uuid"})
    }
}

/// 法人番号: 13 digits with the right check digit.
pub struct Corporate;
/// 法人番号.
pub fn corporate_number() -> Corporate {
    Corporate
}
impl Codec for Corporate {
    type Out = CorporateNumber;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<CorporateNumber> {
        let Value::String(given) = value else {
            return at.fail("type", "法人番号は文字列で指定してください。");
        };
        match given.parse::<CorporateNumber>() {
            Ok(number) => Some(number),
            Err(error) => at.fail("corporate_number", error.to_string()),
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": "^[0-9]{13}$"})
    }
}

/// ISO 3166-1 alpha-2, two capitals; in a form also in small letters, full width, or the country's name.
pub struct Country;
/// A country, default JP.
pub fn country() -> Country {
    Country
}
impl Codec for Country {
    type Out = String;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<String> {
        let is_code = |code: &str| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        let code = match (value.as_str(), at.mode) {
            (Some(code), Mode::Strict) => Some(code.to_owned()).filter(|code| is_code(code)),
            (Some(text), Mode::Lenient) => country::code(text),
            (None, _) => None,
        };
        if code.is_some() {
            return code;
        }
        let message = match at.mode {
            Mode::Strict => "国は2文字の国コード（例 JP）で指定してください。",
            Mode::Lenient => {
                "国の名前として読めません。一覧にある国の名前（例 日本、アメリカ合衆国）を選ぶか入力してください。"
            }
        };
        at.fail("country", message)
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "pattern": "^[A-Z]{2}$", "default": "JP"})
    }
    fn missing(&self) -> Option<String> {
        Some("JP".to_owned())
    }
}
