//! Texts that stand where a name should and name nothing: 「同上」 of a list on paper, a dash, 「未定」, a number.

use unicode_normalization::UnicodeNormalization;

/// Words for "the same", "none" and "not known", as offices write them in lists; after NFKC, without spaces.
const WORDS: &[&str] = &[
    "同上",
    "同前",
    "同左",
    "上に同じ",
    "左に同じ",
    "上記に同じ",
    "上記",
    "前記",
    "仝",
    "仝上",
    "未定",
    "未決定",
    "調整中",
    "不明",
    "なし",
    "無し",
    "無",
    "無記入",
    "未記入",
    "空欄",
    "該当なし",
    "該当無し",
    "特になし",
    "特に無し",
    "n/a",
    "na",
    "none",
    "null",
    "nil",
    "nan",
    "tbd",
    "tba",
    "unknown",
    "undefined",
    "#n/a",
    "#ref!",
    "#value!",
    "#name?",
];

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoName {
    /// It refers to another line, or says that there is none.
    Placeholder,
    /// It has neither letter nor digit.
    SignsOnly,
    /// It is a 法人番号, or a number as long.
    BareNumber,
}

impl NoName {
    /// The stable code of the problem.
    pub fn code(self) -> &'static str {
        match self {
            Self::Placeholder => "placeholder",
            Self::SignsOnly => "signs_only",
            Self::BareNumber => "bare_number",
        }
    }

    /// In the users' words; `what`: what should stand there, such as 名称.
    pub fn message(self, what: &str) -> String {
        match self {
            Self::Placeholder => {
                format!(
                    "{what}ではなく、「同上」「未定」などの代わりの語です。{what}そのものを入力してください。"
                )
            }
            Self::SignsOnly => format!("記号だけで、文字がありません。{what}を入力してください。"),
            Self::BareNumber => format!("番号だけです。番号は番号の欄に、ここには{what}を入力してください。"),
        }
    }
}

/// Why a text can't be the name of a company or an agency; None: it may be.
pub fn no_name(text: &str) -> Option<NoName> {
    let plain = plain(text);
    let bare = plain.trim_start_matches("法人番号").trim_start_matches(':').trim_start_matches('t');
    let digits = bare.chars().filter(|c| !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}'));
    if digits.clone().count() == 13 && digits.clone().all(|c| c.is_ascii_digit()) {
        return Some(NoName::BareNumber);
    }
    no_title(text)
}

/// Why a text can't be the title of a contract; None: it may be.
pub fn no_title(text: &str) -> Option<NoName> {
    let plain = plain(text);
    let core = plain.trim_matches(|c: char| matches!(c, '(' | ')' | '「' | '」' | '。' | '.'));
    if WORDS.contains(&core) {
        return Some(NoName::Placeholder);
    }
    // 〃 and 々 are signs of repetition; ー alone and ○ are none of a name.
    let says = |c: char| c.is_alphanumeric() && !matches!(c, '々' | '〃' | '〻' | 'ー' | '〇' | '仝');
    (!plain.is_empty() && !plain.chars().any(says)).then_some(NoName::SignsOnly)
}

fn plain(text: &str) -> String {
    text.nfkc().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n10_what_names_nothing_is_no_name() {
        for (text, why) in [
            ("同上", NoName::Placeholder),
            ("（同上）", NoName::Placeholder),
            ("未　定", NoName::Placeholder),
            ("Ｎ／Ａ", NoName::Placeholder),
            ("なし", NoName::Placeholder),
            ("〃", NoName::SignsOnly),
            ("々", NoName::SignsOnly),
            ("-", NoName::SignsOnly),
            ("ー", NoName::SignsOnly),
            ("―――", NoName::SignsOnly),
            ("？", NoName::SignsOnly),
            ("○○", NoName::SignsOnly),
            ("9000000000000", NoName::BareNumber),
            ("９００００００００００００", NoName::BareNumber),
            ("9-0000-0000-0000", NoName::BareNumber),
            ("T9000000000000", NoName::BareNumber),
            ("法人番号 9000000000000", NoName::BareNumber),
        ] {
            assert_eq!(no_name(text), Some(why), "{text}");
        }
        for text in [
            "株式会社架空",
            "同上商事",
            "なしの木株式会社",
            "777",
            "（同）未定堂",
            "架空 太郎",
            "A",
            "Ω",
            "一",
            "無印架空",
        ] {
            assert_eq!(no_name(text), None, "{text}");
        }
        assert_eq!(no_title("9000000000000"), None, "a title may be a number of another kind");
        assert_eq!(no_title("〃"), Some(NoName::SignsOnly));
    }
}
