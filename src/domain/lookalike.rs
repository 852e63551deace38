//! Names that a reader takes for one another: 株式会社ロ一ド and ロード合同会社. Two such names are two companies or a
//! slip of the hand, or somebody who wants to be taken for another; a person decides, so it is only pointed out.

use unicode_normalization::UnicodeNormalization;

use super::text::bare_name_key;

/// What a name looks like: equal for two names that a hasty reader does not tell apart. It is [`bare_name_key`] (NFKC,
/// legal form, spaces, punctuation, dashes and variants of characters) of the name with letters of other scripts as
/// the Latin ones they look like, then with kanji as the kana and digits as the letters they look like. Empty where
/// the name has nothing but a legal form.
pub fn skeleton(name: &str) -> String {
    let latin: String = name.nfkc().map(as_latin).collect();
    let plain: String = bare_name_key(&latin).chars().map(as_plain).collect();
    plain.replace("rn", "m").replace("vv", "w")
}

/// Whether two [`skeleton`]s are one name but for one letter put in, left out or changed: 架空デー夕 typed for 架空データ is
/// more often a slip than another company. Of names of fewer than four letters one letter is too much.
pub fn is_one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() < 4 || long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let rest = |name: &[char]| name.get(same + 1..).map(<[char]>::to_vec).unwrap_or_default();
    if short.len() == long.len() {
        return rest(&short) == rest(&long);
    }
    short.get(same..).map(<[char]>::to_vec).unwrap_or_default() == rest(&long)
}

/// Cyrillic and Greek letters by their looks; capitals and small letters have different ones.
fn as_latin(c: char) -> char {
    match c {
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'У' | 'Υ' => 'Y',
        'Х' | 'Χ' => 'X',
        'Ζ' => 'Z',
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'п' | 'η' => 'n',
        'о' | 'ο' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'μ' => 'u',
        'ν' => 'v',
        'ѡ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        other => other,
    }
}

/// Kanji that look like kana, small kana like the large, digits like letters. Dashes and ー are `-` already.
fn as_plain(c: char) -> char {
    match c {
        '口' | '囗' => 'ロ',
        '力' | 'ヵ' => 'カ',
        '工' | 'ェ' => 'エ',
        '夕' => 'タ',
        '卜' => 'ト',
        '八' => 'ハ',
        '二' => 'ニ',
        '三' => 'ミ',
        '千' => 'チ',
        '才' | 'ォ' => 'オ',
        '一' | '丨' => '-',
        'へ' => 'ヘ',
        'べ' => 'ベ',
        'ぺ' => 'ペ',
        'り' => 'リ',
        'ァ' => 'ア',
        'ィ' => 'イ',
        'ゥ' => 'ウ',
        'ッ' => 'ツ',
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ヶ' => 'ケ',
        'ヮ' => 'ワ',
        '0' | '〇' | '○' | '◯' => 'o',
        '1' | 'i' | '|' => 'l',
        '土' => '士',
        '末' => '未',
        '已' | '巳' => '己',
        '曰' => '日',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_of_the_hand_is_one_letter() {
        for (a, b) in [
            ("架空データ", "架空データー"),
            ("架空データ", "架空デタ"),
            ("架空データ", "架空デーク"),
            ("架空データ", "架空データ"),
            ("加空データ", "架空データ"),
        ] {
            assert!(is_one_slip(a, b) && is_one_slip(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("架空データ", "架空テータ一"),
            ("架空", "加空"),
            ("架空データ", "データ架空"),
            ("架空データ", ""),
        ] {
            assert!(!is_one_slip(a, b) && !is_one_slip(b, a), "{a} {b}");
        }
    }
    use proptest::prelude::*;

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (a, b) in [
            ("ロード株式会社", "株式会社口一ド"),
            ("カネタ工業", "力ネ夕エ業"),
            ("株式会社ハニー", "(有)八二－"),
            ("ＡＣＭＥ株式会社", "АСМЕ合同会社"),
            ("OMEGA", "ΟΜΕGΑ"),
            ("io-data", "10 DATA".replace(' ', "-").as_str()),
            ("キャノンデータ", "キヤノンデ一タ"),
            ("modern", "modem"),
            ("葛城商会", "葛\u{e0100}城商会"),
            ("髙島データ", "高島デ—タ"),
            ("ヘルス企画", "へルス企画"),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{a} / {b}");
        }
        for (a, b) in [
            ("架空データ株式会社", "例示データ株式会社"),
            ("甲システム", "乙システム"),
            ("ソニー商会", "ンニー商会"),
            ("株式会社甲", "株式会社甲乙"),
        ] {
            assert_ne!(skeleton(a), skeleton(b), "{a} / {b}");
        }
        assert_eq!(skeleton("株式会社"), "");
    }

    proptest! {
        #[test]
        fn one_company_has_one_skeleton(name in "[ァ-ヶa-zA-Z0-9ー亜-件]{1,12}") {
            let spelled = format!("㈱{name}");
            let again = format!("（株） {name}");
            prop_assert_eq!(skeleton(&spelled), skeleton(&again));
        }
    }
}
