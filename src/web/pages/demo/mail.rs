//! The demonstration's mail in the browser.

use serde_json::{Value, json};

use super::super::door::own_address;
use super::super::route::{Page, PageRoute, look, page};
use super::super::visit::Visit;
use crate::domain::access::Permission;
use crate::service::demo::mail::{self, LetterView};
use crate::service::{App, Call, Failure};

const LIST: &str = "/demo/mail";

pub fn routes() -> Vec<PageRoute> {
    vec![
        look(LIST).needs(Permission::OwnAccount, list),
        look("/demo/mail/{id}").needs(Permission::OwnAccount, show),
    ]
}

fn list(app: &App, _: &Call, visit: &Visit) -> Result<Page, Failure> {
    let letters = mail::list(app, &visit.page()?)?;
    let context = match letters {
        None => json!({ "elsewhere": true }),
        Some(letters) => {
            let row = |letter: &LetterView| json!({ "id": letter.id, "to": letter.to, "subject": letter.subject, "day": letter.day });
            let rows: Vec<Value> = letters.items.iter().map(row).collect();
            json!({ "elsewhere": false, "letters": rows, "pager": visit.pager(&letters) })
        }
    };
    Ok(page("demo/mail.html", "デモで送られたメール", context))
}

fn show(app: &App, _: &Call, visit: &Visit) -> Result<Page, Failure> {
    let letter = mail::read(app, visit.id("id")?)?;
    let parts: Vec<Value> = parts(&letter.text, &app.config.server.public_url)
        .into_iter()
        .map(|(text, href)| json!({ "text": text, "href": href }))
        .collect();
    let context = json!({ "to": letter.to, "day": letter.day, "parts": parts });
    let title = if letter.subject.is_empty() { "（件名なし）".to_owned() } else { letter.subject };
    Ok(page("demo/letter.html", title, context).under(LIST, "デモで送られたメール"))
}

/// The text cut at its addresses; one that leads to this server comes with its path.
fn parts<'a>(text: &'a str, here: &str) -> Vec<(&'a str, Option<&'a str>)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, address, after)) = next_address(rest) {
        let path = address.strip_prefix(here).filter(|path| path.starts_with('/')).and_then(own_address);
        parts.extend([(before, None), (address, path)]);
        rest = after;
    }
    parts.push((rest, None));
    parts.retain(|(text, _)| !text.is_empty());
    parts
}

/// The next address of a text, what stands before it, and what after.
fn next_address(text: &str) -> Option<(&str, &str, &str)> {
    let at = ["http://", "https://"].iter().filter_map(|scheme| text.find(scheme)).min()?;
    let (before, rest) = text.split_at(at);
    let length = rest.find(|c: char| !c.is_ascii_graphic() || "<>\"'".contains(c)).unwrap_or(rest.len());
    let (address, after) = rest.split_at(length);
    Some((before, address, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leads_here_is_a_link() {
        let here = "http://127.0.0.1:8080";
        let text = "開く：http://127.0.0.1:8080/contracts/1?x=2\nほか https://example.jp/a http://127.0.0.1:8080.evil.example/ http://127.0.0.1:8080//evil 終";
        let expected = [
            ("開く：", None),
            ("http://127.0.0.1:8080/contracts/1?x=2", Some("/contracts/1?x=2")),
            ("\nほか ", None),
            ("https://example.jp/a", None),
            (" ", None),
            ("http://127.0.0.1:8080.evil.example/", None),
            (" ", None),
            ("http://127.0.0.1:8080//evil", None),
            (" 終", None),
        ];
        assert_eq!(parts(text, here), expected);
        assert_eq!(parts("", here), []);
    }
}
