//! Codecs of whole numbers.

use serde_json::{Value, json};

use super::{At, Codec, Mode};
use crate::domain::calendar::parse_fiscal_year;
use crate::domain::limits::{FIRST_YEAR, LAST_YEAR, MAX_PERSONS, MAX_YEN};
use crate::domain::text::{self, NotWhole};

/// A whole number within bounds.
pub struct Integer {
    min: i64,
    max: i64,
    /// 円 or 人; of others none.
    unit: Option<&'static str>,
}
/// A whole number in `min..=max`.
pub fn integer(min: i64, max: i64) -> Integer {
    Integer { min, max, unit: None }
}
/// Whole yen, 0 to [`MAX_YEN`].
pub fn yen() -> Integer {
    Integer { min: 0, max: MAX_YEN, unit: Some("円") }
}
/// Persons or records, 0 to 10 billion.
pub fn count() -> Integer {
    Integer { min: 0, max: MAX_PERSONS, unit: Some("人") }
}
impl Integer {
    /// As it is typed, with what counts persons after it.
    fn typed(&self, typed: &str) -> Result<i64, NotWhole> {
        let counted = ['人', '名', '件'];
        let plain = typed.trim();
        let plain = if self.unit == Some("人") { plain.trim_end_matches(counted) } else { plain };
        text::whole_number(plain)
    }
}
impl Codec for Integer {
    type Out = i64;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<i64> {
        let number = match (value, at.mode) {
            (Value::Number(n), _) => {
                n.as_i64().or_else(|| n.as_u64().map(|_| i64::MAX)).ok_or(NotWhole::NotANumber)
            }
            (Value::String(s), Mode::Lenient) => self.typed(s),
            _ => Err(NotWhole::NotANumber),
        };
        let number = match (number, at.mode) {
            (Ok(number), _) => number,
            (Err(_), Mode::Strict) => return at.fail("type", "整数で指定してください。"),
            (Err(NotWhole::Fraction), Mode::Lenient) => {
                return at.fail("type", "小数は使えません。端数のない数を入力してください。");
            }
            (Err(NotWhole::NotANumber), Mode::Lenient) => {
                let unit = self.unit.unwrap_or_default();
                let example = if self.unit.is_some() {
                    format!("120000{unit}、120,000、12万")
                } else {
                    "12、１２".to_owned()
                };
                return at
                    .fail("type", format!("数として読めません。数字で入力してください（例 {example}）。"));
            }
        };
        if number < 0 && self.min >= 0 {
            return at.fail("negative", "0以上の整数で入力してください。");
        }
        if number < self.min || number > self.max {
            let (most, found) = (text::thousands(self.max), text::thousands(number));
            let message = match self.unit {
                Some("円") => format!("金額は{most}円以下で入力してください（{found}円とあります）。"),
                Some(unit) => format!("{most}{unit}以下で入力してください（{found}{unit}とあります）。"),
                None => format!("{}から{}までの整数で入力してください。", self.min, self.max),
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
