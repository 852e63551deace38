//! Which characters a text may have: those that a reader sees, as every reader sees them. What breaks a line, a mail
//! header or the direction of writing, what is not seen, and what no standard gives a meaning are refused with the
//! place where they stand.

use icu_properties::props::{
    DefaultIgnorableCodePoint, Emoji, GeneralCategory, Ideographic, NoncharacterCodePoint,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Whether a text's lines may break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Names, titles, numbers: one line, no tab.
    Single,
    /// Reasons and notes: line feeds (alone or after a carriage return) and tabs are part of them.
    Multi,
}

/// Why a character is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    LineBreak,
    Control,
    /// It turns the direction of writing.
    Bidi,
    /// Unicode promises that it never will be a character; the pages mark their own texts with such.
    Noncharacter,
    /// 外字: everybody's own, so that each machine shows another sign, or none.
    PrivateUse,
    /// A variation selector that selects nothing.
    Variation,
    /// It takes no place, or looks like a space and is none: a reader can't tell the text from another.
    Invisible,
}

/// A character that a text must not have, and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclean {
    pub why: Why,
    pub character: char,
    /// Characters from the beginning of the text, from 1.
    pub place: usize,
}

impl Unclean {
    /// The stable code of the problem.
    pub fn code(self) -> &'static str {
        match self.why {
            Why::LineBreak => "line_break",
            Why::Control => "control_character",
            Why::Bidi => "bidi_character",
            Why::Noncharacter => "noncharacter",
            Why::PrivateUse => "private_use_character",
            Why::Variation => "variation_selector",
            Why::Invisible => "invisible_character",
        }
    }
}

impl std::fmt::Display for Unclean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (place, code) = (self.place, u32::from(self.character));
        match self.why {
            Why::LineBreak => write!(f, "改行は使えません（{place}文字目）。1行で入力してください。"),
            Why::Control => write!(f, "{place}文字目に、使えない制御文字（U+{code:04X}）があります。"),
            Why::Bidi => {
                write!(f, "{place}文字目に、文字の並び順を変える見えない文字（U+{code:04X}）があります。")
            }
            Why::Noncharacter => write!(f, "{place}文字目に、文字ではない符号（U+{code:04X}）があります。"),
            Why::PrivateUse => write!(
                f,
                "{place}文字目に、外字（U+{code:04X}）があります。ほかの端末では読めないので、別の字体か仮名に直してください。"
            ),
            Why::Variation => write!(
                f,
                "{place}文字目に、字体を選ぶ符号（U+{code:04X}）だけがあります。前の文字と合わせて入力し直してください。"
            ),
            Why::Invisible => {
                write!(f, "{place}文字目に、見えない文字（U+{code:04X}）があります。取り除いてください。")
            }
        }
    }
}

/// Refuses the first character that a text must not have. Japanese names need variation selectors (葛󠄀 is 葛 and
/// U+E0100), so they are taken directly behind an ideograph; where lines may break, those of emoji as well.
pub fn clean(text: &str, lines: Lines) -> Result<(), Unclean> {
    let multi = lines == Lines::Multi;
    let mut before = None;
    let mut chars = text.chars().enumerate().peekable();
    while let Some((index, c)) = chars.next() {
        let why = match c {
            ' '..='~' | 'ぁ'..='ゖ' | 'ァ'..='ヿ' | '一'..='鿿' => None,
            '\n' | '\t' if multi => None,
            '\r' if multi && chars.peek().is_some_and(|(_, next)| *next == '\n') => None,
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' if !multi => Some(Why::LineBreak),
            '\u{2028}' | '\u{2029}' => Some(Why::Control),
            c if c.is_control() => Some(Why::Control),
            c if bidi(c) => Some(Why::Bidi),
            c if selects(c) => (!selectable(before, c, multi)).then_some(Why::Variation),
            c => meaningless(c),
        };
        if let Some(why) = why {
            return Err(Unclean { why, character: c, place: index + 1 });
        }
        before = Some(c);
    }
    Ok(())
}

/// Whether nothing in the text is seen: it is empty, or of spaces and marks that take no place.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(invisible)
}

/// Spaces, controls and marks that take no place, or an empty one.
pub fn invisible(c: char) -> bool {
    c.is_whitespace() || c.is_control() || (!c.is_ascii() && (ignorable(c) || c == BRAILLE_BLANK))
}

/// Seen as a space, but counted among the symbols.
const BRAILLE_BLANK: char = '\u{2800}';

/// Marks, embeddings, overrides and isolates of the Unicode bidirectional algorithm.
fn bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `Default_Ignorable_Code_Point`: shown as nothing by whoever does not know better; fillers and tags among them.
fn ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn selects(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn selectable(before: Option<char>, selector: char, multi: bool) -> bool {
    before.is_some_and(|before| {
        let emoji = multi && matches!(selector, '\u{fe0e}' | '\u{fe0f}') && !before.is_ascii();
        CodePointSetData::new::<Ideographic>().contains(before)
            || (emoji && CodePointSetData::new::<Emoji>().contains(before))
    })
}

/// Why a character of no kind that has rules of its own is none for a reader.
fn meaningless(c: char) -> Option<Why> {
    if CodePointSetData::new::<NoncharacterCodePoint>().contains(c) {
        return Some(Why::Noncharacter);
    }
    match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::PrivateUse => Some(Why::PrivateUse),
        GeneralCategory::Format => Some(Why::Invisible),
        _ if ignorable(c) || c == BRAILLE_BLANK => Some(Why::Invisible),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str, lines: Lines) -> Option<(&'static str, usize)> {
        clean(text, lines).err().map(|unclean| (unclean.code(), unclean.place))
    }

    #[test]
    fn what_users_must_not_send_is_named_with_its_place() {
        for (text, lines, code, place) in [
            ("件名\r\nBcc: a@example.jp", Lines::Single, "line_break", 3),
            ("a\u{0}b", Lines::Multi, "control_character", 2),
            ("a\tb", Lines::Single, "control_character", 2),
            ("a\u{202e}b", Lines::Multi, "bidi_character", 2),
            ("a\rb", Lines::Multi, "control_character", 2),
            ("a\u{2028}b", Lines::Single, "line_break", 2),
            ("a\u{2028}b", Lines::Multi, "control_character", 2),
            // The marks of the pages, and the last of every plane.
            ("架空\u{fdd2}商事", Lines::Single, "noncharacter", 3),
            ("架空\u{10ffff}", Lines::Multi, "noncharacter", 3),
            ("\u{fffe}", Lines::Single, "noncharacter", 1),
            // Tags, joiners, a soft hyphen, a byte order mark within the text, annotations.
            ("架空\u{e0041}", Lines::Single, "invisible_character", 3),
            ("架\u{200d}空", Lines::Single, "invisible_character", 2),
            ("架\u{200b}空", Lines::Multi, "invisible_character", 2),
            ("data\u{ad}base", Lines::Single, "invisible_character", 5),
            ("架空\u{feff}", Lines::Single, "invisible_character", 3),
            ("架\u{fffb}", Lines::Single, "invisible_character", 2),
            // Fillers.
            ("架空\u{3164}", Lines::Single, "invisible_character", 3),
            ("架空\u{2800}", Lines::Single, "invisible_character", 3),
            ("\u{115f}架空", Lines::Single, "invisible_character", 1),
            ("架空\u{ffa0}", Lines::Single, "invisible_character", 3),
            ("架空\u{180e}", Lines::Single, "invisible_character", 3),
            // 外字 of CP932 (F040) and of planes beyond.
            ("\u{e000}田", Lines::Single, "private_use_character", 1),
            ("田\u{f0000}", Lines::Multi, "private_use_character", 2),
            // A selector behind no ideograph, or behind another selector.
            ("あ\u{e0100}", Lines::Single, "variation_selector", 2),
            ("葛\u{e0100}\u{e0101}", Lines::Single, "variation_selector", 3),
            ("☎\u{fe0f}", Lines::Single, "variation_selector", 2),
            ("1\u{fe0f}", Lines::Multi, "variation_selector", 2),
        ] {
            assert_eq!(found(text, lines), Some((code, place)), "{text:?}");
        }
        let told = clean("架空\u{200b}商事", Lines::Single).unwrap_err().to_string();
        assert_eq!(told, "3文字目に、見えない文字（U+200B）があります。取り除いてください。");
    }

    #[test]
    fn what_japanese_needs_is_taken() {
        for text in [
            "委託業務（第１期）",
            "葛\u{e0100}城市・辻\u{e0101}井",
            "神\u{fe00}社",
            "か\u{3099}んだ　㈱①髙﨑𠮷野家々〆〇ヶー〜～−",
            "ｶﾅ･ｻｰﾋﾞｽ",
            "Élan Ωμέγα Союз",
            "한국 주식회사",
            "𠀋\u{e0100}",
        ] {
            assert_eq!(clean(text, Lines::Single), Ok(()), "{text}");
        }
        assert_eq!(clean("一行目\r\n二行目\n\t三行目 ☎\u{fe0f}", Lines::Multi), Ok(()));
    }

    #[test]
    fn a_text_of_which_nothing_is_seen_is_blank() {
        for text in ["", "\u{3164}", "\u{2800}\u{3000}", "\u{180e}", "\u{115f}\u{ffa0}", "\u{200b} \u{feff}"]
        {
            assert!(is_blank(text), "{text:?}");
        }
        assert!(!is_blank("\u{200b}件") && !is_blank("ー"));
    }
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn a_clean_line_shows_all_that_it_has(text in "\\PC{0,6}[a-zあ-ん\r\n\t\u{202e}\u{0}\u{3164}]{0,8}") {
            if clean(&text, Lines::Single).is_ok() {
                let hidden = |c: char| c.is_control() || (invisible(c) && !c.is_whitespace() && !selects(c));
                prop_assert!(!text.chars().any(hidden), "{text:?}");
            }
        }
    }
}
