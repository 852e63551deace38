//! How a company is named: beside its 法人番号 a name may be another spelling, a branch, a former name or a slip, and a
//! name made of the number is none.
//!
//! In the municipal files of contracts that are published, nine of ten names that are not the register's are branches or
//! other spellings of the same company (646 of 747 refusals in one of them).

use super::corporate_number::CorporateNumber;
use super::text::{bare_name_key, company_key, search_key};
use crate::text_enum;

/// What a company is called as long as nothing but its number is known.
pub fn placeholder(number: CorporateNumber) -> String {
    format!("法人番号 {number}")
}

/// Whether the name says no more than the number: it is never compared with one, and the first name takes its place.
pub fn is_placeholder(name: &str, number: Option<&str>) -> bool {
    number.is_some_and(|number| name.strip_prefix("法人番号 ") == Some(number))
}

text_enum! {
    /// How a name given beside a 法人番号 stands to one that the number is known by.
    pub enum Likeness {
        /// Quite another name.
        Other = "other",
        /// A branch, a representative's title, another legal form or spelling, or a joint venture that it leads.
        Akin = "akin",
        /// The same but for width, spaces, abbreviations and variants of characters.
        Same = "same",
    }
}

text_enum! {
    /// Where a company was named.
    pub enum NamedIn {
        /// 契約の登録
        Contract = "contract",
        /// 再委託承認申請
        Application = "application",
        /// 既承認
        Consent = "consent",
        /// 再委託状況報告
        Declaration = "declaration",
        /// 確認事項
        Observation = "observation",
        /// 事業者の統合
        Merge = "merge",
    }
}

impl Likeness {
    /// What it is called on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Other => "別の名称",
            Self::Akin => "支店・別の表記",
            Self::Same => "前の名称",
        }
    }
}

impl NamedIn {
    /// What it is called on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Contract => "契約の登録",
            Self::Application => "再委託承認申請",
            Self::Consent => "既承認",
            Self::Declaration => "再委託状況報告",
            Self::Observation => "確認事項",
            Self::Merge => "事業者の統合",
        }
    }
}

/// What parts of a company are called: endings of a name.
const BRANCHES: &[&str] = &[
    "支店",
    "支社",
    "支所",
    "支部",
    "支局",
    "支社長",
    "支店長",
    "営業所",
    "営業所長",
    "営業部",
    "営業本部",
    "事業所",
    "事業部",
    "事業本部",
    "事務所",
    "出張所",
    "出張所長",
    "センター",
    "オフィス",
    "本店",
    "本社",
    "本部",
    "工場",
    "研究所",
];

/// What those are called who sign for a company.
const TITLES: &[&str] = &[
    "代表取締役",
    "取締役",
    "代表社員",
    "代表理事",
    "理事長",
    "代表者",
    "社長",
    "会長",
    "支配人",
    "執行役員",
    "支店長",
    "支社長",
    "所長",
];

/// What a joint venture is called, which is published under the number of the company that leads it.
const JOINT: &[&str] = &["共同企業体", "共同事業体", "コンソーシアム", "jv"];

/// What stands for a character that a file's writer could not write.
const UNWRITTEN: &[char] = &['_', '〓', '■', '?'];

/// Letters before a branch's ending at most, where nothing separates it from the company's name: 名古屋, 北海道.
const PLACE_LETTERS: usize = 3;

/// How `given` stands to `known`; of one number. Symmetric.
pub fn likeness(known: &str, given: &str) -> Likeness {
    let (a, b) = (company_key(known), company_key(given));
    if a.is_empty() || b.is_empty() {
        return Likeness::Other;
    }
    if a == b {
        return Likeness::Same;
    }
    let joint = |key: &str| JOINT.iter().any(|word| key.contains(&search_key(word)));
    if joint(&a) || joint(&b) || same_but_unwritten(&a, &b) {
        return Likeness::Akin;
    }
    let (a, b) = (of_company(known), of_company(given));
    let whole = |name: &str| bare_name_key(name).chars().count() >= 2;
    if whole(&a) && whole(&b) && (is_prefix(&a, &b) || is_prefix(&b, &a) || are_branches(&a, &b)) {
        return Likeness::Akin;
    }
    Likeness::Other
}

/// Whether two names without a number between them may be of one company: other spellings, another legal form, or a branch
/// beside its company. Not two branches, nor one name that merely begins with the other: without a number, these are as
/// often two companies.
pub fn may_be_one(a: &str, b: &str) -> bool {
    let (key, other) = (company_key(a), company_key(b));
    if key.is_empty() || other.is_empty() {
        return false;
    }
    if key == other || same_but_unwritten(&key, &other) {
        return true;
    }
    let (bare, other) = (bare_name_key(&of_company(a)), bare_name_key(&of_company(b)));
    let is_branch_of = |short: &str, long: &str| {
        long.strip_prefix(short).is_some_and(|rest| {
            BRANCHES.iter().any(|ending| rest.strip_suffix(&*search_key(ending)).is_some_and(is_place))
        })
    };
    bare.chars().count() >= 2
        && other.chars().count() >= 2
        && (bare == other || is_branch_of(&bare, &other) || is_branch_of(&other, &bare))
}

fn is_place(text: &str) -> bool {
    text.chars().count() <= PLACE_LETTERS
}

/// The name of the company in one that goes on with a branch or a representative; None: it does not, or it can't be told
/// where the company's name ends.
pub fn head_office(name: &str) -> Option<&str> {
    let is_apart = |(_, word): &(usize, &str)| is_branch(&company_key(word)) || has_title(&company_key(word));
    if let Some((start, _)) = words(name).skip(1).find(is_apart) {
        let head = name.get(..start)?.trim();
        return (!bare_name_key(head).is_empty()).then_some(head);
    }
    // 架空株式会社大阪支店: the legal form ends the name, where it does not begin it.
    let form = ["株式会社", "有限会社", "合同会社", "(株)", "（株）", "㈱", "(有)", "（有）", "㈲"];
    let ends = form.iter().filter_map(|form| name.find(form).filter(|at| *at > 0).map(|at| at + form.len()));
    let (head, rest) = name.split_at_checked(ends.min()?)?;
    let rest = company_key(rest);
    (is_branch(&rest) || has_title(&rest)).then_some(head)
}

/// The words of a text with where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_whitespace().map(move |word| (start(word), word))
}

/// The company's part of a name, as far as it can be told.
fn of_company(name: &str) -> String {
    head_office(name).unwrap_or(name).to_owned()
}

fn is_branch(key: &str) -> bool {
    BRANCHES.iter().any(|ending| key.ends_with(&search_key(ending)))
}

fn has_title(key: &str) -> bool {
    TITLES.iter().any(|title| key.contains(title))
}

/// Whether the one without its legal form begins the other. Two legal forms that differ make two companies, unless the
/// names are one: a 有限会社 becomes a 株式会社.
fn is_prefix(short: &str, long: &str) -> bool {
    let (bare, other) = (bare_name_key(short), bare_name_key(long));
    if bare == other {
        return true;
    }
    other.starts_with(&bare) && (form(short).is_none() || form(long).is_none() || form(short) == form(long))
}

/// The legal form of a name: what its key has more than its bare key.
fn form(name: &str) -> Option<String> {
    let (key, bare) = (company_key(name), bare_name_key(name));
    let form = key.replacen(&bare, "", 1);
    (form != key && !form.is_empty()).then_some(form)
}

/// Two branches of one company whose own name is not told apart from theirs: 株式会社架空大阪支店 and 株式会社架空名古屋支店.
fn are_branches(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) =
        (bare_name_key(a).chars().collect(), bare_name_key(b).chars().collect());
    let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let goes_on = |name: &[char]| {
        let rest: String = name.iter().skip(common).collect();
        BRANCHES.iter().any(|ending| rest.strip_suffix(&*search_key(ending)).is_some_and(is_place))
    };
    common >= 2 && goes_on(&a) && goes_on(&b)
}

/// Whether the two differ only in characters that one of the writers could not write.
fn same_but_unwritten(a: &str, b: &str) -> bool {
    let unwritten = |c: &char| UNWRITTEN.contains(c);
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    a.len() == b.len()
        && !a.iter().all(unwritten)
        && !b.iter().all(unwritten)
        && a.iter().zip(&b).all(|(a, b)| a == b || unwritten(a) || unwritten(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_a_title_and_another_spelling_are_akin() {
        for (known, given) in [
            ("（株）架空", "（株）架空　島田営業所"),
            ("株式会社架空", "株式会社架空大阪支店"),
            ("架空株式会社", "架空（株）　代表取締役　例示　太郎"),
            ("株式会社架空大阪支店", "株式会社架空名古屋支店"),
            ("株式会社架空　島田営業所", "株式会社架空　掛川センター"),
            ("架空データ", "株式会社架空データ"),
            ("有限会社架空データ", "株式会社架空データ"),
            ("株式会社架空データ", "架空データ株式会社"),
            ("株式会社葛城＿商会", "株式会社葛城乃商会"),
            ("株式会社架空", "架空・例示特定建設工事共同企業体"),
            ("株式会社架空", "架空データＪＶ"),
        ] {
            assert_eq!(likeness(known, given), Likeness::Akin, "{known} / {given}");
            assert_eq!(likeness(given, known), Likeness::Akin, "{given} / {known}");
        }
        for (known, given) in [("株式會社架空", "㈱架空"), ("架空ヶ丘（協）", "架空ケ丘協同組合")]
        {
            assert_eq!(likeness(known, given), Likeness::Same, "{known} / {given}");
        }
        for (known, given) in [
            ("株式会社架空", "株式会社例示"),
            ("日本架空株式会社大阪支店", "日本例示株式会社大阪支店"),
            ("株式会社日本放送大阪支店", "株式会社日本電工名古屋支店"),
            ("株式会社架", "株式会社架空"),
            ("有限会社架空", "株式会社架空データ"),
            ("株式会社架空", "＿＿＿＿＿＿"),
            ("", "株式会社架空"),
        ] {
            assert_eq!(likeness(known, given), Likeness::Other, "{known} / {given}");
        }
    }

    #[test]
    fn without_a_number_less_is_one() {
        for (a, b) in [
            ("株式会社架空データ", "（株）架空データ"),
            ("架空データ", "株式会社架空データ"),
            ("株式会社架空", "株式会社架空大阪支店"),
            ("株式会社架空", "架空（株）　島田営業所"),
        ] {
            assert!(may_be_one(a, b) && may_be_one(b, a), "{a} / {b}");
        }
        for (a, b) in [
            ("架空第1号丁事業所", "架空第1号戊事業所"),
            ("株式会社架空", "株式会社架空データ"),
            ("架空データＪＶ", "例示共同企業体"),
            ("", "株式会社架空"),
        ] {
            assert!(!may_be_one(a, b) && !may_be_one(b, a), "{a} / {b}");
        }
    }

    #[test]
    fn the_head_offices_name_is_what_stands_before_the_branch() {
        for (name, head) in [
            ("（株）架空　島田営業所", Some("（株）架空")),
            ("株式会社 架空 大阪支店", Some("株式会社 架空")),
            ("架空株式会社大阪支店", Some("架空株式会社")),
            ("架空株式会社　代表取締役　例示太郎", Some("架空株式会社")),
            ("株式会社架空大阪支店", None),
            ("株式会社 大阪支店", None),
            ("架空センター", None),
            ("架空株式会社", None),
            ("", None),
        ] {
            assert_eq!(head_office(name), head, "{name}");
        }
    }

    #[test]
    fn a_placeholder_is_the_number_and_nothing_else() {
        let number: CorporateNumber = "7000012050002".parse().unwrap();
        assert!(is_placeholder(&placeholder(number), Some(number.as_str())));
        assert!(!is_placeholder("架空データ", Some(number.as_str())));
        assert!(!is_placeholder(&placeholder(number), None));
    }
}
