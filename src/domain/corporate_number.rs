//! 法人番号: thirteen digits with a check digit, by the rule that the National Tax Agency publishes. A slip between
//! 0 and 9 passes it, so names are matched as well.

use std::{fmt, str::FromStr};

use unicode_normalization::UnicodeNormalization;

/// A corporate number whose check digit is right: 13 ASCII digits, `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorporateNumber([u8; 13]);

/// Why a text is not a corporate number, in the users' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotACorporateNumber {
    #[error("法人番号が空です。13桁の数字を入力してください。")]
    Empty,
    #[error("法人番号は13桁の数字です。数字以外の文字「{0}」が含まれています。")]
    NotADigit(char),
    #[error("法人番号は13桁の数字です。入力は{0}桁です。")]
    Length(usize),
    #[error(
        "法人番号の検査用数字（先頭の1桁）が合いません。入力は{found}、正しくは{expected}です。番号を確かめてください。"
    )]
    CheckDigit { found: u8, expected: u8 },
}

impl CorporateNumber {
    /// The 13 digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Whether thirteen digits in one piece within the text, full- or half-width, are a corporate number.
pub fn is_told_in(text: &str) -> bool {
    let text: String = text.nfkc().collect();
    let mut pieces = text.split(|c: char| !c.is_ascii_digit());
    pieces.any(|piece| piece.len() == 13 && piece.parse::<CorporateNumber>().is_ok())
}

/// First digit = 9 − (Σ Pn·Qn mod 9): Pn the n-th of the other twelve from the right, Qn 1 for odd n, 2 for even.
fn check_digit(body: &[u8]) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .zip([1u32, 2].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    9 - u8::try_from(sum % 9).unwrap_or(0)
}

/// Hyphens and dashes as input methods write them between groups of digits.
fn separates(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | 'ー')
}

impl FromStr for CorporateNumber {
    type Err = NotACorporateNumber;

    /// Reads a number as people type it: full-width digits, hyphens and spaces between groups are understood.
    fn from_str(text: &str) -> Result<Self, NotACorporateNumber> {
        let text: String = text.nfkc().filter(|c| !separates(*c)).collect();
        if let Some(other) = text.chars().find(|c| !c.is_ascii_digit()) {
            return Err(NotACorporateNumber::NotADigit(other));
        }
        if text.is_empty() {
            return Err(NotACorporateNumber::Empty);
        }
        let digits: [u8; 13] =
            text.as_bytes().try_into().map_err(|_| NotACorporateNumber::Length(text.len()))?;
        let [first, body @ ..] = &digits;
        let (found, expected) = (first - b'0', check_digit(body));
        if found == expected {
            Ok(Self(digits))
        } else {
            Err(NotACorporateNumber::CheckDigit { found, expected })
        }
    }
}

impl fmt::Display for CorporateNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CorporateNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for CorporateNumber {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for CorporateNumber {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_within_a_name_is_found() {
        assert!(is_told_in("架空商事（法人番号 ８７００１１０００５９０１）"));
        assert!(
            !is_told_in("架空8700110005902") && !is_told_in("18700110005901") && !is_told_in("架空第2工場")
        );
    }
    use proptest::prelude::*;

    /// Twelve digits with the right one before them.
    fn complete(body: &str) -> String {
        format!("{}{body}", check_digit(body.as_bytes()))
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        // The published example: the body 700110005901 has the check digit 8.
        for text in ["8700110005901", "８７００１１０００５９０１", " 8-7001-1000-5901 ", "8−7001−1000−5901"]
        {
            assert_eq!(text.parse::<CorporateNumber>().unwrap().as_str(), "8700110005901", "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let why = |text: &str| text.parse::<CorporateNumber>().unwrap_err();
        assert_eq!(why(" "), NotACorporateNumber::Empty);
        assert_eq!(why("870011000590"), NotACorporateNumber::Length(12));
        assert_eq!(why("T8700110005901"), NotACorporateNumber::NotADigit('T'));
        assert_eq!(why("7700110005901"), NotACorporateNumber::CheckDigit { found: 7, expected: 8 });
        assert_eq!(
            why("7700110005901").to_string(),
            "法人番号の検査用数字（先頭の1桁）が合いません。入力は7、正しくは8です。番号を確かめてください。"
        );
        assert!(why("12345").to_string().contains("入力は5桁"));
    }

    #[test]
    fn json_is_the_digits() {
        let number: CorporateNumber = serde_json::from_str("\"8700110005901\"").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"8700110005901\"");
        assert!(serde_json::from_str::<CorporateNumber>("\"8700110005902\"").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn one_wrong_digit_is_noticed_except_between_zero_and_nine(body in "[0-9]{12}", at in 0usize..13, digit in 0u8..10) {
            let right = complete(&body);
            let mut wrong = right.clone().into_bytes();
            let before = wrong[at] - b'0';
            wrong[at] = digit + b'0';
            let wrong = String::from_utf8(wrong).unwrap();
            let slip_of_nine = at > 0 && before.abs_diff(digit) == 9;
            prop_assert!(right.parse::<CorporateNumber>().is_ok());
            prop_assert_eq!(wrong.parse::<CorporateNumber>().is_ok(), before == digit || slip_of_nine);
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,20}") {
            let _ = text.parse::<CorporateNumber>();
        }
    }
}
