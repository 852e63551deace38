//! An agency's own words (設定「用語」) on pages: each of the program's texts is told from what people have entered, so
//! that only the former are reworded. Templates come in two sets: as they are written, and with every text of theirs
//! between marks; what the code puts into a page's context is the program's only where it says so ([`ours`]).

use crate::domain::settings::Settings;

/// Around a text of the program's: characters that no text has (noncharacters of Unicode, refused wherever a text comes
/// in; what is only shown again goes through [`theirs`]). They never leave.
const OPEN: char = '\u{fdd2}';
const CLOSE: char = '\u{fdd3}';

/// A text of the program's, for a page's context or within a title.
pub fn ours(text: &str) -> String {
    format!("{OPEN}{text}{CLOSE}")
}

/// A text as somebody sent it, to be shown again: a mark in it is none of ours, and is seen as a sign nobody can read.
pub fn theirs(text: String) -> String {
    if text.contains([OPEN, CLOSE]) {
        return text.replace([OPEN, CLOSE], "\u{fffd}");
    }
    text
}

/// What stands over a page, or leads to it. A fixed text is the program's; one that was put together says itself what
/// of it is ([`ours`]).
pub trait Title {
    fn told(self) -> String;
}

impl Title for &str {
    fn told(self) -> String {
        ours(self)
    }
}

impl Title for String {
    fn told(self) -> String {
        self
    }
}

/// The words of one agency, as HTML has them. Words of ASCII alone are left out: they might be a page's markup.
pub fn for_pages(mut settings: Settings) -> Option<Settings> {
    let words = settings.words.into_iter().filter(|(word, _)| !word.is_ascii());
    settings.words = words.map(|(word, own)| (escaped(&word), escaped(&own))).collect();
    (!settings.words.is_empty()).then_some(settings)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            other => out.push(other),
        }
    }
    out
}

/// A page as it leaves: what stands between marks in the agency's words, and no marks.
pub fn finished(html: String, words: Option<&Settings>) -> String {
    if !html.contains([OPEN, CLOSE]) {
        return html;
    }
    let mut out = String::with_capacity(html.len());
    let (mut rest, mut is_ours) = (html.as_str(), false);
    while let Some(at) = rest.find([OPEN, CLOSE]) {
        let (piece, marked) = rest.split_at_checked(at).unwrap_or((rest, ""));
        match words.filter(|_| is_ours) {
            Some(words) => out.push_str(&words.in_own_words(piece)),
            None => out.push_str(piece),
        }
        is_ours = marked.starts_with(OPEN);
        rest = marked.strip_prefix([OPEN, CLOSE]).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// A template with its texts between marks: those that stand in it, and those that it hands to its components. A value
/// of a choice (`"value": "○"`) is no text, nor is what something is compared with.
pub fn marked(template: &str) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (text, tag) = rest.split_at_checked(at).unwrap_or((rest, ""));
        mark_text(text, &mut out);
        let end =
            ["{{", "{%", "{#"].iter().zip(["}}", "%}", "#}"]).find(|(begin, _)| tag.starts_with(**begin));
        let end = end.and_then(|(_, end)| tag.find(end)).map_or(1, |at| at + 2);
        let (tag, after) = tag.split_at_checked(end).unwrap_or((tag, ""));
        mark_literals(tag, &mut out);
        rest = after;
    }
    mark_text(rest, &mut out);
    out
}

/// Runs of other than ASCII characters.
fn mark_text(text: &str, out: &mut String) {
    let mut within = false;
    for c in text.chars() {
        if within == c.is_ascii() {
            out.push(if within { CLOSE } else { OPEN });
            within = !within;
        }
        out.push(c);
    }
    if within {
        out.push(CLOSE);
    }
}

/// Literals of a tag that are not of ASCII alone.
fn mark_literals(tag: &str, out: &mut String) {
    for (place, part) in tag.split('"').enumerate() {
        if place > 0 {
            out.push('"');
        }
        let before = out.trim_end_matches('"').trim_end();
        let is_value = before.ends_with("\"value\":") || before.ends_with("==") || before.ends_with("!=");
        if place % 2 == 1 && !part.is_ascii() && !is_value {
            out.push_str(&ours(part));
        } else {
            out.push_str(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agency() -> Settings {
        let words = [("承認", "承<諾>"), ("審査", "確認"), ("p", "x")];
        let words = words.map(|(word, own)| (word.to_owned(), own.to_owned())).into();
        for_pages(Settings { words, ..Settings::default() }).unwrap()
    }

    #[test]
    fn only_the_programs_texts_are_reworded() {
        let template = "<p id=\"審査\">承認と{{ name }}の承認{% if a == \"承認\" %}{{ <tag label=\"審査の結果\" options={[{\"value\": \"審査\"}]}/> }}{% endif %}";
        let page = marked(template).replace("{{ name }}", "株式会社承認");
        let told = finished(page.clone(), Some(&agency()));
        assert_eq!(
            told,
            "<p id=\"確認\">承&lt;諾&gt;と株式会社承認の承&lt;諾&gt;{% if a == \"承認\" %}{{ <tag label=\"確認の結果\" options={[{\"value\": \"審査\"}]}/> }}{% endif %}"
        );
        assert_eq!(finished(page, None), template.replace("{{ name }}", "株式会社承認"));
        let title = format!("{} 承認計画 {}", "審査会", ours("承認"));
        assert_eq!(finished(title.told(), Some(&agency())), "審査会 承認計画 承&lt;諾&gt;");
        assert_eq!(finished("審査".told(), Some(&agency())), "確認");
        assert!(for_pages(Settings::default()).is_none());
    }

    #[test]
    fn nobody_can_type_the_programs_marks() {
        let typed = theirs(ours("承認"));
        assert_eq!(typed, "\u{fffd}承認\u{fffd}");
        assert_eq!(finished(typed.clone(), Some(&agency())), typed);
        let forged = |c: char| {
            crate::domain::characters::clean(&format!("甲{c}"), crate::domain::characters::Lines::Multi)
        };
        assert!(forged(OPEN).is_err() && forged(CLOSE).is_err());
    }

    #[test]
    fn whatever_a_template_holds_it_stays_what_it_was() {
        for text in ["", "{", "{{", "{% \"あ", "あ{# \"承認\" #}い}}", "\"\"{{ \"\" }}あ", "{\"あ\"}"]
        {
            assert_eq!(finished(marked(text), None), text);
        }
    }
}
