//! Codecs of whole numbers.

use serde_json::{Value, json};

use super::{At, Codec, Mode};
use crate::domain::calendar::parse_fiscal_year;
use crate::domain::limits::{FIRST_YEAR, LAST_YEAR, MAX_PERSONS, MAX_YEN};
use crate::domain::text;

/// A whole number within bounds.
pub struct Integer {
    min: i64,
    max: i64,
    yen: bool,
}
/// A whole number in `min..=max`.
pub fn integer(min: i64, max: i64) -> Integer {
    Integer { min, max, yen: false }
}
/// Whole yen, 0 to [`MAX_YEN`].
pub fn yen() -> Integer {
    Integer { min: 0, max: MAX_YEN, yen: true }
}
/// Persons or records, 0 to 10 billion.
pub fn count() -> Integer {
    Integer { min: 0, max: MAX_PERSONS, yen: false }
}
impl Codec for Integer {
    type Out = i64;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<i64> {
        let number = match (value, at.mode) {
            (Value::Number(n), _) => n.as_i64().or_else(|| n.as_u64().map(|_| i64::MAX)),
            (Value::String(s), Mode::Lenient) => text::whole_number(s).ok(),
            _ => None,
        };
        let Some(number) = number else { return at.fail("type", "整数で指定してください。") };
        if number < 0 && self.min >= 0 {
            return at.fail("negative", "0以上の整数で入力してください。");
        }
        if number < self.min || number > self.max {
            let message = if self.yen {
                format!("金額は{}円以下で入力してください（{number}円とあります）。", self.max)
            } else {
                format!("{}から{}までの整数で入力してください。", self.min, self.max)
            };
            return at.fail("range", message);
        }
        Some(number)
    }
    fn schema(&self) -> Value {
        json!({"type": "integer", "format": "int64", "minimum": self.min, "maximum": self.max})
    }
}

/// A 年度, as offices write it.
pub struct FiscalYear(Small);
/// A 年度 between [`FIRST_YEAR`] and [`LAST_YEAR`]: the year in which it begins, in a form also 令和8年度 or R8.
pub fn fiscal_year() -> FiscalYear {
    FiscalYear(small(FIRST_YEAR, LAST_YEAR))
}
impl Codec for FiscalYear {
    type Out = i32;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<i32> {
        let Some(text) = value.as_str().filter(|_| at.mode == Mode::Lenient) else {
            return self.0.read(value, at);
        };
        match parse_fiscal_year(text) {
            Some(year) => self.0.read(&json!(year), at),
            None => at.fail("type", NOT_A_YEAR),
        }
    }
    fn schema(&self) -> Value {
        self.0.schema()
    }
}
/// Said of what can't be read as a 年度.
pub const NOT_A_YEAR: &str = "年度は 2026、R8、令和8年度 のように入力してください。";

/// A whole number that fits 32 bits.
pub struct Small(Integer);
/// A whole number in `min..=max`.
pub fn small(min: i32, max: i32) -> Small {
    Small(integer(min.into(), max.into()))
}
impl Codec for Small {
    type Out = i32;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<i32> {
        self.0.read(value, at).and_then(|n| i32::try_from(n).ok())
    }
    fn schema(&self) -> Value {
        json!({"type": "integer", "format": "int32", "minimum": self.0.min, "maximum": self.0.max})
    }
}
