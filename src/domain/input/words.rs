//! Codecs of text: a line, several lines, exactly as typed, an address.

use serde_json::{Value, json};

use super::{At, Codec, FieldError};
use crate::domain::characters::{self, Lines};
use crate::domain::placeholder::{NoName, no_name, no_title};
use crate::domain::text::contains_my_number;

/// Text of one line or several.
pub struct Text {
    min: usize,
    max: usize,
    multi_line: bool,
    verbatim: bool,
    /// It holds an office's own numbers: twelve digits may be one of them.
    numbers: bool,
}

/// One line of `min..=max` characters, trimmed.
pub fn text(min: usize, max: usize) -> Text {
    Text { min, max, multi_line: false, verbatim: false, numbers: false }
}
/// Several lines of at most `max` characters.
pub fn prose(min: usize, max: usize) -> Text {
    Text { min, max, multi_line: true, verbatim: false, numbers: false }
}
/// Exactly as typed and of any content up to `max` characters: passwords and tokens.
pub fn verbatim(max: usize) -> Text {
    Text { min: 1, max, multi_line: true, verbatim: true, numbers: false }
}
/// One line with a number of an office's own, 契約番号 or 文書番号. One in ten of twelve digits has the check digit of a
/// 個人番号 by chance: who declares the field asks [`question_of_my_number`].
pub fn office_number(max: usize) -> Text {
    Text { numbers: true, ..text(1, max) }
}

/// What is asked of an office's own number that could be a 個人番号, unless it was confirmed that it is none; `confirmed`
/// names the field by which that is said.
pub fn question_of_my_number(
    (field, number): (&str, &str),
    (confirmed, is_confirmed): (&str, bool),
) -> Option<FieldError> {
    (!is_confirmed && contains_my_number(number)).then(|| {
        let message = format!(
            "個人番号（マイナンバー）と同じ形の12桁の数字があります。個人番号は記録できません。個人番号ではなく、この欄の番号であることを確かめたときは、その旨を指定してください（{confirmed}: true）。"
        );
        FieldError::new(format!("/{field}"), "looks_like_my_number", message)
    })
}

/// A line that names something: no 「同上」, no dash, no number in its place.
pub struct Named {
    text: Text,
    what: &'static str,
    why_not: fn(&str) -> Option<NoName>,
}

/// Name of a company or an agency.
pub fn company_name(max: usize) -> Named {
    Named { text: text(1, max), what: "名称", why_not: no_name }
}

/// 件名.
pub fn contract_title(max: usize) -> Named {
    Named { text: text(1, max), what: "件名", why_not: no_title }
}

impl Codec for Named {
    type Out = String;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<String> {
        let line = self.text.read(value, at)?;
        match (self.why_not)(&line) {
            None => Some(line),
            Some(why) => at.fail(why.code(), why.message(self.what)),
        }
    }
    fn schema(&self) -> Value {
        self.text.schema()
    }
}

impl Codec for Text {
    type Out = String;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<String> {
        let Value::String(given) = value else {
            return at.fail("type", "文字列で指定してください。");
        };
        let taken = if self.verbatim { given.as_str() } else { given.trim() };
        let length = taken.chars().count();
        if length < self.min.max(1) && self.min > 0 {
            return at.fail("required", "入力してください。");
        }
        if length > self.max {
            return at.fail(
                "too_long",
                format!("{}文字以内で入力してください（{length}文字あります）。", self.max),
            );
        }
        if self.verbatim {
            return Some(taken.to_owned());
        }
        if self.min > 0 && characters::is_blank(taken) {
            return at.fail("required", "見える文字がありません。入力してください。");
        }
        let lines = if self.multi_line { Lines::Multi } else { Lines::Single };
        if let Err(unclean) = characters::clean(taken, lines) {
            return at.fail(unclean.code(), unclean.to_string());
        }
        if !self.numbers && contains_my_number(taken) {
            return at.fail(
                "my_number",
                "個人番号と思われる12桁の数字があります。この台帳には個人番号を記録できません。",
            );
        }
        Some(taken.to_owned())
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "minLength": self.min, "maxLength": self.max})
    }
}

/// Names between dots, of which there is one at least, or the machine itself: an address in brackets is none, as no
/// mail can be written to it here.
fn is_host(host: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (host.contains('.') || host == "localhost") && host.split('.').all(is_name)
}

/// An e-mail address: one `@`, no quotes, spaces or control characters, at most 254 characters.
pub struct Email;
/// An e-mail address.
pub fn email() -> Email {
    Email
}
impl Codec for Email {
    type Out = String;
    fn read(&self, value: &Value, at: &mut At<'_>) -> Option<String> {
        let address = text(1, 254).read(value, at)?;
        let good = address.is_ascii()
            && email_address::EmailAddress::is_valid(&address)
            && address.rsplit_once('@').is_some_and(|(local, host)| !local.contains('"') && is_host(host));
        if good {
            Some(address)
        } else {
            at.fail("email", "メールアドレスの形（例 name@example.jp）で入力してください。")
        }
    }
    fn schema(&self) -> Value {
        json!({"type": "string", "format": "email", "maxLength": 254})
    }
}
