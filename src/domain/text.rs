//! Text as people type it: keys that find and match it whatever the keyboard (never for display), whole numbers, and
//! 個人番号, which no text may contain.

use std::fmt::Write;

use unicode_normalization::UnicodeNormalization;

use super::characters::invisible;
use super::corporate_number::CorporateNumber;

/// Legal forms as they are abbreviated, after NFKC (which makes `(株)` of ㈱ and （株）, and 株式会社 of ㍿).
/// The longer of two that end alike stands first: what is left of a name without its form must not keep a part of it.
const LEGAL_FORMS: &[(&str, &str)] = &[
    ("(株)", "株式会社"),
    ("(有)", "有限会社"),
    ("(同)", "合同会社"),
    ("(名)", "合名会社"),
    ("(資)", "合資会社"),
    ("(一社)", "一般社団法人"),
    ("(一財)", "一般財団法人"),
    ("(公社)", "公益社団法人"),
    ("(公財)", "公益財団法人"),
    ("(社)", "社団法人"),
    ("(財)", "財団法人"),
    ("(社福)", "社会福祉法人"),
    ("(福)", "社会福祉法人"),
    ("(医)", "医療法人"),
    ("(学)", "学校法人"),
    ("(宗)", "宗教法人"),
    ("(特非)", "特定非営利活動法人"),
    ("(npo)", "特定非営利活動法人"),
    ("npo法人", "特定非営利活動法人"),
    ("(独)", "独立行政法人"),
    ("(協)", "協同組合"),
    ("(企)", "企業組合"),
];

/// The key under which a text is found: NFKC, lower case, no spaces, one hyphen for every dash and long-vowel
/// mark, legal forms written out, common variants of characters in names unified. A part of the text keeps a
/// part of the key, so that substrings can be searched. Idempotent.
pub fn search_key(text: &str) -> String {
    let plain: String = text.nfkc().filter(|c| !invisible(*c)).map(unified).collect();
    let mut key: String = plain.to_lowercase().nfkc().collect();
    for (short, long) in LEGAL_FORMS {
        if key.contains(short) {
            key = key.replace(short, long);
        }
    }
    key
}

/// The key under which names of companies are equal: [`search_key`] without punctuation. The place of the
/// legal form stays, because 株式会社甲 and 甲株式会社 are two companies.
pub fn company_key(name: &str) -> String {
    search_key(name)
        .chars()
        .filter(|c| !matches!(c, '・' | '.' | ',' | '、' | '。' | '\'' | '’' | '"' | '”'))
        .collect()
}

/// The key under which numbers of contracts and documents are equal and in order: [`search_key`] with each run of digits
/// as its count of digits (two places) and the digits, so that R8-2 stands before R8-10. What width, case, spaces or
/// the kind of dash make different is one number; 001 and 1 are two.
pub fn number_key(number: &str) -> String {
    let key = search_key(number);
    let mut out = String::with_capacity(key.len() + 8);
    let mut rest = key.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (run, after) = digits.split_at(end);
        let significant = run.trim_start_matches('0');
        out.push_str(before);
        let length = significant.len();
        let _ = write!(out, "{length:02}{significant}");
        if run.len() > length {
            // No key has a space of its own, and it stands before every other character.
            let zeros = run.len() - length;
            let _ = write!(out, " {zeros:02}");
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The key under which an e-mail address is unique.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Whether two spellings name the same company.
pub fn same_company(a: &str, b: &str) -> bool {
    let key = company_key(a);
    !key.is_empty() && key == company_key(b)
}

/// The name without its legal form, as a key: for looking whether a text mentions a company.
pub fn bare_name_key(name: &str) -> String {
    let key = company_key(name);
    LEGAL_FORMS.iter().fold(key, |key, (_, long)| key.replace(long, ""))
}

fn unified(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}' | '\u{2501}' | 'ー' => '-',
        '〜' => '~',
        '髙' => '高',
        '﨑' | '嵜' => '崎',
        '邊' | '邉' => '辺',
        '齋' => '斎',
        '齊' => '斉',
        '澤' => '沢',
        '濱' | '濵' => '浜',
        '國' => '国',
        '廣' => '広',
        '德' => '徳',
        '瀨' => '瀬',
        '𠮷' => '吉',
        '會' => '会',
        '學' => '学',
        '縣' => '県',
        '區' => '区',
        '醫' => '医',
        '齒' => '歯',
        '榮' => '栄',
        '總' => '総',
        '寶' => '宝',
        '圖' => '図',
        '藝' => '芸',
        '萬' => '万',
        '壽' => '寿',
        '櫻' => '桜',
        '實' => '実',
        '眞' => '真',
        '靜' => '静',
        '號' => '号',
        '鐵' => '鉄',
        '惠' => '恵',
        '彌' => '弥',
        '濟' => '済',
        '藏' => '蔵',
        '豐' => '豊',
        '團' => '団',
        '驛' => '駅',
        '黑' => '黒',
        '增' => '増',
        'ァ' => 'ア',
        'ィ' => 'イ',
        'ゥ' => 'ウ',
        'ェ' => 'エ',
        'ォ' => 'オ',
        'ッ' => 'ツ',
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ヮ' => 'ワ',
        'ヵ' => 'カ',
        'ヶ' => 'ケ',
        other => other,
    }
}

/// Why a text is no whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotWhole {
    NotANumber,
    Fraction,
}

/// What stands after digits and multiplies them, the largest first.
const UNITS: &[(char, i64)] = &[('兆', 1_000_000_000_000), ('億', 100_000_000), ('万', 10_000)];

/// A whole number as offices write it: full-width digits, commas between thousands or nowhere, ¥ before or 円 after
/// it, 兆, 億 and 万 (12万, 1億2,000万, 1.5億), no fraction but zeros. What is beyond an `i64` is its bound: larger than
/// every limit.
pub fn whole_number(text: &str) -> Result<i64, NotWhole> {
    let plain: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    let plain = plain.trim_start_matches(['¥', '\\']);
    let plain = plain.strip_suffix('円').unwrap_or(plain);
    let (sign, plain) = match plain.strip_prefix(['-', '\u{2212}', '▲', '△']) {
        Some(rest) => (-1, rest),
        None => (1, plain),
    };
    if UNITS.iter().any(|(unit, _)| plain.contains(*unit)) {
        return in_units(plain).map(|number| sign * number);
    }
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, "0"));
    let digits = ungrouped(whole).filter(|_| all_digits(fraction)).ok_or(NotWhole::NotANumber)?;
    if fraction.bytes().any(|b| b != b'0') {
        return Err(NotWhole::Fraction);
    }
    Ok(sign * digits.parse::<i64>().unwrap_or(i64::MAX))
}

/// A number with 兆, 億 or 万 in it: each at most once, the larger first, digits before each; after the last, digits of
/// less than it or nothing.
fn in_units(text: &str) -> Result<i64, NotWhole> {
    let (mut rest, mut sum, mut above) = (text, 0_i64, None);
    for (unit, worth) in UNITS {
        let Some((before, after)) = rest.split_once(*unit) else { continue };
        let part = part_of(before, *worth)?;
        if above.is_some_and(|above| part >= above) {
            return Err(NotWhole::NotANumber);
        }
        (rest, sum, above) = (after, sum.saturating_add(part), Some(*worth));
    }
    if rest.is_empty() {
        return Ok(sum);
    }
    let digits = ungrouped(rest).and_then(|digits| digits.parse::<i64>().ok());
    let last =
        digits.filter(|number| above.is_none_or(|above| *number < above)).ok_or(NotWhole::NotANumber)?;
    Ok(sum.saturating_add(last))
}

/// So many times `worth`; a fraction must come out whole.
fn part_of(text: &str, worth: i64) -> Result<i64, NotWhole> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = ungrouped(whole).filter(|_| all_digits(fraction)).ok_or(NotWhole::NotANumber)?;
    let fraction = fraction.trim_end_matches('0');
    let scale = u32::try_from(fraction.len()).ok().and_then(|places| 10_i64.checked_pow(places));
    let scale = scale.filter(|scale| worth % scale == 0).ok_or(NotWhole::Fraction)?;
    let parts = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().unwrap_or(0) };
    let whole = digits.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(worth);
    Ok(whole.saturating_add(parts * (worth / scale)))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Digits without the commas, which stand between thousands or not at all.
fn ungrouped(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped = rest.is_empty() || (first.len() <= 3 && rest.iter().all(|group| group.len() == 3));
    (grouped && all_digits(first) && rest.iter().all(|group| all_digits(group)))
        .then(|| text.replace(',', ""))
}

/// Whether the text contains a 個人番号: twelve digits whose last is the right check digit, full- or half-width,
/// in one piece or in equal groups of 1, 3, 4 or 6 between hyphens or spaces. Part of a longer number, a 法人番号
/// above all, is none.
pub fn contains_my_number(text: &str) -> bool {
    // No character stands for more than two digits: most texts need no closer look.
    if text.chars().filter(|c| c.is_numeric()).count() < 6 {
        return false;
    }
    let text: Vec<char> = text.nfkc().collect();
    digit_runs(&text).iter().any(|run| {
        (0..run.len()).any(|start| {
            run.get(start..).is_some_and(|from_here| {
                twelve_digits(from_here).is_some_and(|(digits, groups)| {
                    let before = start.checked_sub(1).and_then(|i| run.get(i));
                    stands_alone(from_here, groups)
                        && !before.is_some_and(|group| corporate(group, &digits))
                        && my_number_check(&digits)
                })
            })
        })
    })
}

/// Digits in one piece, and what stands between them and the piece before them in the same run.
struct Group {
    digits: Vec<u32>,
    before: Option<Separator>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Hyphen,
    Space,
}

/// Runs of digit groups with at most three hyphens or spaces between one group and the next.
fn digit_runs(text: &[char]) -> Vec<Vec<Group>> {
    let mut runs: Vec<Vec<Group>> = Vec::new();
    let mut gap: Option<(usize, Separator)> = None;
    let mut in_group = false;
    for c in text {
        let hyphen = unified(*c) == '-';
        if let Some(digit) = c.to_digit(10) {
            let run = match runs.last_mut() {
                Some(run) if in_group || gap.is_some() => run,
                _ => {
                    runs.push(Vec::new());
                    gap = None;
                    in_group = false;
                    let Some(run) = runs.last_mut() else { break };
                    run
                }
            };
            match run.last_mut() {
                Some(group) if in_group => group.digits.push(digit),
                _ => run.push(Group { digits: vec![digit], before: gap.map(|(_, separator)| separator) }),
            }
            (in_group, gap) = (true, None);
        } else if hyphen || matches!(c, ' ' | '\t') {
            let (length, so_far) = gap.unwrap_or((0, Separator::Space));
            let separator = if hyphen { Separator::Hyphen } else { so_far };
            gap = (length < 3 && (in_group || gap.is_some())).then_some((length + 1, separator));
            in_group = false;
        } else {
            (in_group, gap) = (false, None);
        }
    }
    runs
}

/// Twelve digits made of the first groups: one, or equal ones with the same separator between them. Also tells
/// how many groups.
fn twelve_digits(groups: &[Group]) -> Option<(Vec<u32>, usize)> {
    let size = groups.first()?.digits.len();
    let count = match size {
        1 | 3 | 4 | 6 | 12 => 12 / size,
        _ => return None,
    };
    let taken = groups.get(..count)?;
    let separator = taken.get(1).map(|group| group.before);
    let alike = taken.iter().all(|g| g.digits.len() == size)
        && taken.iter().skip(1).all(|g| Some(g.before) == separator);
    alike.then(|| (taken.iter().flat_map(|g| g.digits.iter().copied()).collect(), count))
}

/// Grouped digits that go on with the same separator belong to a longer number.
fn stands_alone(from_here: &[Group], count: usize) -> bool {
    if count == 1 {
        return true;
    }
    let inner = from_here.get(1).and_then(|g| g.before);
    from_here.first().and_then(|g| g.before) != inner
        && from_here.get(count).is_none_or(|next| next.before != inner)
}

/// A 法人番号 written with its check digit apart: 8-700110005901.
fn corporate(before: &Group, digits: &[u32]) -> bool {
    let text: String =
        before.digits.iter().chain(digits).filter_map(|digit| char::from_digit(*digit, 10)).collect();
    before.digits.len() == 1 && text.parse::<CorporateNumber>().is_ok()
}

/// 11 − (Σ Pn·Qn mod 11), 0 where the remainder is 0 or 1; Pn the n-th of the other eleven from the right.
fn my_number_check(digits: &[u32]) -> bool {
    let Some((last, rest)) = digits.split_last() else { return false };
    let sum: u32 = rest.iter().rev().zip([2u32, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6]).map(|(p, q)| p * q).sum();
    let remainder = sum % 11;
    *last == if remainder <= 1 { 0 } else { 11 - remainder }
}

/// A number with its thousands apart.
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        out.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for (a, b) in [
            ("株式会社架空商事", "㈱架空商事"),
            ("株式会社架空商事", "（株） 架空商事"),
            ("株式会社架空商事", "㍿架空商事"),
            ("有限会社例示", "㈲例示"),
            ("例示合同会社", "例示（同）"),
            ("ＡＢＣサービス株式会社", "abcｻｰﾋﾞｽ株式会社"),
            ("データ・イチ株式会社", "デ－タイチ株式会社"),
            ("髙﨑システム", "高崎システム"),
            ("Ａ−Ｂ工業", "A-B工業"),
            ("葛\u{e0100}城商会", "葛城商会"),
            ("株式會社架空", "株式会社架空"),
            ("(一社)架空協会", "一般社団法人架空協会"),
            ("（一財）架空財団", "一般財団法人架空財団"),
            ("架空事業（協）", "架空事業協同組合"),
            ("架空ヶ丘フアイル株式会社", "架空ケ丘ファイル株式会社"),
        ] {
            assert!(same_company(a, b), "{a} / {b}: {} / {}", company_key(a), company_key(b));
        }
        for (a, b) in
            [("株式会社甲", "甲株式会社"), ("株式会社甲", "有限会社甲"), ("", " "), ("甲一", "甲ー")]
        {
            assert!(!same_company(a, b), "{a} / {b}");
        }
        assert!(search_key("令和８年度 ﾃﾞｰﾀ入力業務").contains(&search_key("データ入力")));
        assert_eq!(bare_name_key("（株）架空商事"), "架空商事");
        assert_eq!(bare_name_key("（一財）架空"), "架空");
    }

    #[test]
    fn a_number_is_one_whatever_its_width_case_and_dash_and_counts_up() {
        for same in ["Ｒ８－００１", "r8-001", "R8‐001", " R8 ー001"] {
            assert_eq!(number_key(same), number_key("R8-001"), "{same}");
        }
        for other in ["R8-01", "R8-1", "R8-0010", "R80-01", "R8001"] {
            assert_ne!(number_key(other), number_key("R8-001"), "{other}");
        }
        let mut numbers = ["R8-10", "R8-2", "R8-1", "R8-01", "R10-1", "第3号", "第20号", "R8-2-11", "R8-2-2"];
        numbers.sort_by_key(|number| number_key(number));
        assert_eq!(
            numbers,
            ["R8-1", "R8-01", "R8-2", "R8-2-2", "R8-2-11", "R8-10", "R10-1", "第3号", "第20号"]
        );
    }

    #[test]
    fn commas_stand_between_thousands_or_nowhere() {
        for (text, number) in [
            ("1,000", 1_000),
            ("１，０００円", 1_000),
            ("¥35", 35),
            ("▲5", -5),
            ("7.00", 7),
            ("12万", 120_000),
            ("１２万円", 120_000),
            ("1億2,000万", 120_000_000),
            ("1.5億", 150_000_000),
            ("12万3,456円", 123_456),
            ("2兆", 2_000_000_000_000),
            ("1万0001", 10_001),
            ("3000万", 30_000_000),
            ("99999999999999兆", i64::MAX),
        ] {
            assert_eq!(whole_number(text), Ok(number), "{text}");
        }
        for text in [
            "3,5",
            "1,00",
            ",100",
            "1000,",
            "",
            "円",
            "十",
            "万",
            "1万万",
            "1万2億",
            "万5",
            "1万10000",
            "1億10000万",
            "1.万",
            "一万",
        ] {
            assert_eq!(whole_number(text), Err(NotWhole::NotANumber), "{text}");
        }
        for text in ["3.5", "1.00005万"] {
            assert_eq!(whole_number(text), Err(NotWhole::Fraction), "{text}");
        }
    }

    /// Eleven digits with the check digit behind them, reckoned apart from the code under test.
    fn my_number(body: &str) -> String {
        let digits: Vec<i64> = body.bytes().map(|b| i64::from(b - b'0')).collect();
        let weight = |n: i64| if n <= 6 { n + 1 } else { n - 5 };
        let sum: i64 = digits.iter().rev().zip(1..=11).map(|(digit, n)| digit * weight(n)).sum();
        format!("{body}{}", if sum % 11 <= 1 { 0 } else { 11 - sum % 11 })
    }

    #[test]
    fn my_numbers_are_found_in_any_dress() {
        // 1234 5678 9018 is the number on printed samples.
        for text in [
            "123456789018",
            "番号は１２３４－５６７８－９０１８です",
            "1234 5678 9018",
            "1234　5678　9018",
            "123-456-789-018",
            "123456 789018",
            "1 2 3 4 5 6 7 8 9 0 1 8",
            "1234 - 5678 - 9018",
            "電話03-1234-5678 1234-5678-9018",
            "2026-04-01 123456789018",
            "(個人番号:123456789018)",
            "8 123456789018",
        ] {
            assert!(contains_my_number(text), "{text}");
        }
        for text in [
            "",
            "123456789017",
            "1123456789018",
            "1234567890180",
            "1234-5678-9018-1234",
            "1234 5678\n9018",
            "123,456,789,018円",
            "12345-6789018",
            "契約第1234号 5678 枚 9018",
        ] {
            assert!(!contains_my_number(text), "{text}");
        }
    }

    #[test]
    fn a_corporate_number_is_none_even_with_its_check_digit_apart() {
        // 123456789018 is a right 個人番号 as well as the body of a right 法人番号.
        let number = (1..=9)
            .map(|first| format!("{first}123456789018"))
            .find(|text| text.parse::<CorporateNumber>().is_ok())
            .unwrap();
        let (first, body) = number.split_at(1);
        for text in [
            &number,
            &format!("{first}-{body}"),
            &format!("{first}-1234-5678-9018"),
            &format!("{first} 1234-5678-9018"),
        ] {
            assert!(!contains_my_number(text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn exactly_one_last_digit_makes_a_my_number(body in "[0-9]{11}", before in "[あ-ん]{0,5}", after in "[あ-ん]{0,5}") {
            let right = my_number(&body);
            for last in 0..10 {
                let text = format!("{body}{last}");
                prop_assert_eq!(contains_my_number(&format!("{before}{text}{after}")), text == right);
            }
        }

        #[test]
        fn keys_are_idempotent_and_blind_to_width(text in "\\PC{0,24}") {
            let key = search_key(&text);
            prop_assert_eq!(search_key(&key), key.clone());
            prop_assert!(!key.chars().any(char::is_whitespace));
            let _ = (company_key(&text), contains_my_number(&text));
        }

        #[test]
        fn numbers_of_two_keys_are_two(a in "[a0 1]{0,6}-?[0-2]{0,5}", b in "[a0 1]{0,6}-?[0-2]{0,5}") {
            prop_assert_eq!(number_key(&a) == number_key(&b), search_key(&a) == search_key(&b));
        }
    }
}
