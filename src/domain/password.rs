//! What a password must be: 12 to 128 characters exactly as typed, none of the common ones, nothing that repeats itself, no
//! name of the person, the organization or the product in it. No rules about kinds of characters, no expiry.

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
    #[error("同じ文字や並びの繰り返しは推測されやすいため使えません。別のものにしてください。")]
    Repeated,
    #[error("氏名・組織名・メールアドレスの一部を含むパスワードは使えません。別のものにしてください。")]
    Name,
    #[error(
        "「{0}」を含むパスワードは、このシステムの名前や用語から推測されやすいため使えません。別のものにしてください。"
    )]
    Product(&'static str),
}

impl Problem {
    /// The stable code of the problem.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::Common => "common_password",
            Self::Repeated => "repeated",
            Self::Product(_) => "product_word",
            Self::Name => "contains_name",
        }
    }
}

/// Words of this product and its trade, as keys: the first that come to mind of someone who sees its login.
const PRODUCT: &[&str] = &["itaku", "saiitaku", "委託", "台帳"];

/// Published ones and well-known patterns (the file names its sources); folded, of at least 12 characters each.
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
    if repeats(&folded) {
        return Err(Problem::Repeated);
    }
    match PRODUCT.iter().find(|word| key.contains(*word)) {
        Some(word) => Err(Problem::Product(word)),
        None => Ok(()),
    }
}

/// Whether a text is one piece said twice or more, the last time perhaps not to its end: `aaaaaaaaaaaa`, `abcabcabcabc`.
fn repeats(text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let is_period = |period: usize| text.iter().zip(text.iter().skip(period)).all(|(one, next)| one == next);
    (1..=text.len() / 2).any(is_period)
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
        assert_eq!(check("馬           1", &[]), Ok(()), "spaces count");
        let long: String = ('一'..).take(128).collect();
        assert_eq!(check(&long, &[]), Ok(()));
        assert_eq!(check(&"あ".repeat(129), &[]), Err(Problem::TooLong(129)));
    }

    #[test]
    fn the_list_is_well_formed_and_refused_in_any_case_and_width() {
        assert!(COMMON.len() >= 3_500, "{}", COMMON.len());
        for entry in COMMON.iter() {
            assert!(entry.chars().count() >= 12, "{entry} is refused for its length already");
            assert_eq!(entry.nfkc().collect::<String>().to_lowercase(), *entry);
            assert_eq!(check(&entry.to_uppercase(), &[]), Err(Problem::Common));
        }
        assert_eq!(check("ＰＡＳＳＷＯＲＤ１２３４", &[]), Err(Problem::Common));
    }

    #[test]
    fn what_repeats_itself_is_refused() {
        for password in [
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "123412341234",
            "ＡａＡａＡａＡａＡａＡａ",
            "架空の話架空の話架空の話",
            "kyohakyohakyo",
        ] {
            assert_eq!(check(password, &[]), Err(Problem::Repeated), "{password}");
        }
        assert_eq!(check("abcdabcdefgh", &[]), Ok(()), "a piece twice is not the whole");
    }

    #[test]
    fn words_of_the_product_are_refused_by_name() {
        for (password, word) in [
            ("Itaku-kanri-2026", "itaku"),
            ("ＩＴＡＫＵの秘密の鍵です", "itaku"),
            ("再委託管理だいちょう", "委託"),
        ] {
            let password = format!("{password}88");
            let refused = check(&password, &[]);
            assert_eq!(refused, Err(Problem::Product(word)), "{password}");
            assert!(refused.unwrap_err().to_string().contains(word));
        }
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
            "kakuu-kakuu-kaku-2",
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
