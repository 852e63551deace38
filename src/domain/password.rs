//! What a password must be: 12 to 128 characters exactly as typed, none of the common ones, no name of the
//! person or organization in it. No rules about kinds of characters, no expiry.

use std::{collections::HashSet, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;

use super::text::{bare_name_key, search_key};

/// Fewest and most characters of a password.
pub const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// Why a password is refused, in the users' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("パスワードは12文字以上にしてください。入力は{0}文字です。")]
    TooShort(usize),
    #[error("パスワードは128文字以下にしてください。入力は{0}文字です。")]
    TooLong(usize),
    #[error("よく使われるパスワードは推測されやすいため使えません。別のものにしてください。")]
    Common,
    #[error("氏名・組織名・メールアドレスの一部を含むパスワードは使えません。別のものにしてください。")]
    Name,
}

impl Problem {
    /// The stable code of the problem.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::Common => "common_password",
            Self::Name => "contains_name",
        }
    }
}

/// Our own list, made of well-known patterns; folded, of at least 12 characters each.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#')).collect()
});

/// Checks a password against the rules. `context` holds what belongs to the account: the e-mail address's part
/// before the @, the names of the person and of the organization. Nothing is trimmed or normalized in what is
/// stored; only the comparison is blind to width, case and spaces.
pub fn check(password: &str, context: &[&str]) -> Result<(), Problem> {
    let length = password.chars().count();
    if length < *LENGTH.start() {
        return Err(Problem::TooShort(length));
    }
    if length > *LENGTH.end() {
        return Err(Problem::TooLong(length));
    }
    let folded: String = password.nfkc().collect::<String>().to_lowercase();
    if COMMON.contains(folded.as_str()) {
        return Err(Problem::Common);
    }
    let key = search_key(password);
    if context.iter().flat_map(|text| names(text)).any(|name| key.contains(&name)) {
        return Err(Problem::Name);
    }
    Ok(())
}

/// The names in a text, whole and in parts, as keys. Words too short to say anything are left out: under four
/// letters, or a single character of a name written in kanji or kana.
fn names(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).map(bare_name_key);
    let whole = [bare_name_key(text), search_key(text)];
    whole
        .into_iter()
        .chain(parts)
        .filter(|name| name.chars().count() >= if name.is_ascii() { 4 } else { 2 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn length_counts_characters_as_typed() {
        assert_eq!(check("十一文字のみじかい語句", &[]), Err(Problem::TooShort(11)));
        assert_eq!(check("十二文字ある合い言葉です", &[]), Ok(()));
        assert_eq!(check("           1", &[]), Ok(()), "spaces count");
        assert_eq!(check(&"あ".repeat(128), &[]), Ok(()));
        assert_eq!(check(&"あ".repeat(129), &[]), Err(Problem::TooLong(129)));
    }

    #[test]
    fn the_list_is_well_formed_and_refused_in_any_case_and_width() {
        assert!(COMMON.len() >= 300, "{}", COMMON.len());
        for entry in COMMON.iter() {
            assert!(entry.chars().count() >= 12, "{entry} is refused for its length already");
            assert_eq!(entry.nfkc().collect::<String>().to_lowercase(), *entry);
            assert_eq!(check(&entry.to_uppercase(), &[]), Err(Problem::Common));
        }
        assert_eq!(check("ＰＡＳＳＷＯＲＤ１２３４", &[]), Err(Problem::Common));
    }

    #[test]
    fn names_of_person_and_organization_are_refused() {
        let context = ["kaku.taro", "架空 太郎", "株式会社例示データ", "Kakuu City Office"];
        for password in [
            "KAKU-taro-2026-04",
            "taro1234567890",
            "架空のとても長い合い言葉",
            "ひみつの太郎のことばです",
            "例示ﾃﾞｰﾀ1234567890",
            "kakuu-kakuu-kakuu",
            "xxｋａｋｕｕ cityxx12",
        ] {
            assert_eq!(check(password, &context), Err(Problem::Name), "{password}");
        }
        assert_eq!(check("馬と電池とホチキス正しい", &context), Ok(()));
        assert_eq!(
            check("a-long-phrase-of-words", &["a", "on", "王", ""]),
            Ok(()),
            "short words say nothing"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn a_name_anywhere_is_found(before in "[0-9]{6,10}", after in "[0-9]{6,10}", name in "[a-z]{4,12}") {
            let password = format!("{before}{name}{after}");
            prop_assert_eq!(check(&password, &[&name.to_uppercase()]), Err(Problem::Name));
            prop_assert_eq!(check(&password, &[]), Ok(()));
        }
    }
}
