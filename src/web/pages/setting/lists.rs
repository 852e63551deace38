//! The settings that are lists: closed days and names in published files a line each, the agency's own words, the clauses of the checklist.

use serde_json::{Map, Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, form};
use super::super::visit::Visit;
use super::{keep, of_settings};
use crate::domain::access::Permission;
use crate::domain::calendar::parse_day;
use crate::domain::input::FieldError;
use crate::domain::text::contains_my_number;
use crate::service::{App, Call, Failure};

const CLOSED: &Labels = &[("closed_days", "閉庁日")];
const NAMES: &Labels = &[("published_names", "公表資料での名称")];
const WORDS: &Labels = &[("words/word", "もとの用語"), ("words/own", "機関の用語")];
const CLAUSES: &Labels = &[("clauses/number", "番号"), ("clauses/text", "条項")];

pub fn routes() -> Vec<PageRoute> {
    [
        form("/settings/closed-days", CLOSED).needs(Permission::ChangeSettings, show_closed, close),
        form("/settings/published-names", NAMES).needs(Permission::ChangeSettings, show_names, rename),
        form("/settings/words", WORDS).needs(Permission::ChangeSettings, show_words, reword),
        form("/settings/clauses", CLAUSES).needs(Permission::ChangeSettings, show_clauses, set_clauses),
    ]
    .concat()
}

/// Rows to show: those that are known or typed, and one more to fill in.
fn rows(visit: &Visit, list: &str, known: usize) -> usize {
    1 + if visit.is_sent { visit.form.rows(list) } else { known }
}

/// The rows of a list as they were typed, by field; a blank field is an empty text.
fn typed(visit: &Visit, list: &str, fields: [&str; 2]) -> Vec<[String; 2]> {
    let rows = visit.form.body().get(list).and_then(Value::as_array);
    let text = |row: &Value, field: &str| {
        row.get(field).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
    };
    rows.into_iter().flatten().map(|row| fields.map(|field| text(row, field))).collect()
}

// --- 閉庁日 ---

fn show_closed(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/closed_days.html", "機関の閉庁日", |settings| {
        let lines: Vec<String> = settings.closed_days.iter().map(ToString::to_string).collect();
        (json!({ "closed_days": lines.join("\n") }), json!({}))
    })
}

fn close(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let lines = visit.typed("closed_days").lines().map(str::trim).zip(1_usize..);
    let lines: Vec<(&str, usize)> = lines.filter(|(line, _)| !line.is_empty()).collect();
    let unread = lines.iter().filter(|(line, _)| parse_day(line).is_none());
    let unread: Vec<String> = unread.map(|(line, number)| format!("{number}行目「{line}」")).collect();
    if !unread.is_empty() {
        let message = format!(
            "{}を日付として読めません。1行に1日ずつ、実在する日を入力してください。",
            unread.join("、")
        );
        return Err(Failure::field("/closed_days", "date", message));
    }
    let days: Vec<_> = lines.iter().filter_map(|(line, _)| parse_day(line)).collect();
    keep(app, call, visit, &json!({ "closed_days": days }), |error| {
        let place = error.pointer.rsplit('/').next().and_then(|place| place.parse::<usize>().ok());
        let message = match place.and_then(|place| lines.get(place)) {
            Some((line, number)) => format!("{number}行目「{line}」: {}", error.message),
            None => error.message,
        };
        FieldError { pointer: "/closed_days".to_owned(), message, ..error }
    })
}

// --- 公表資料での名称 ---

fn show_names(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/published_names.html", "公表資料での名称", |settings| {
        (json!({ "published_names": settings.published_names.join("\n") }), json!({}))
    })
}

fn rename(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let names: Vec<&str> =
        visit.typed("published_names").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    keep(app, call, visit, &json!({ "published_names": names }), |error| {
        let place = error.pointer.rsplit('/').next().and_then(|place| place.parse::<usize>().ok());
        let message = match place.and_then(|place| names.get(place)) {
            Some(name) => format!("「{name}」: {}", error.message),
            None => error.message,
        };
        FieldError { pointer: "/published_names".to_owned(), message, ..error }
    })
}

// --- 用語 ---

fn show_words(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/words.html", "機関の用語", |settings| {
        let words: Vec<Value> =
            settings.words.iter().map(|(word, own)| json!({ "word": word, "own": own })).collect();
        let rows = rows(visit, "words", words.len());
        (json!({ "words": words }), json!({ "rows": rows }))
    })
}

fn reword(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let rows = typed(visit, "words", ["word", "own"]);
    let (mut words, mut errors) = (Map::new(), Vec::new());
    for (place, [word, own]) in rows.iter().enumerate() {
        if word.is_empty() {
            errors.push(FieldError::new(
                format!("/words/{place}/word"),
                "required",
                "もとの用語を入力してください。",
            ));
        } else if words.insert(word.clone(), json!(own)).is_some() {
            let message = format!("「{word}」は上の行にもあります。1つの用語は1行にしてください。");
            errors.push(FieldError::new(format!("/words/{place}/word"), "duplicate", message));
        }
    }
    Failure::unless_empty(errors)?;
    keep(app, call, visit, &json!({ "words": words }), |error| {
        let word =
            error.pointer.strip_prefix("/words/").map(|word| word.replace("~1", "/").replace("~0", "~"));
        let row = match &word {
            Some(word) => rows.iter().position(|[known, _]| known == word),
            None => rows.iter().position(|row| row.iter().any(|text| contains_my_number(text))),
        };
        let field = if error.code == "bad_word" { "word" } else { "own" };
        FieldError { pointer: row.map_or_else(String::new, |row| format!("/words/{row}/{field}")), ..error }
    })
}

// --- 条項 ---

fn show_clauses(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/clauses.html", "契約で確認する条項", |settings| {
        let rows = rows(visit, "clauses", settings.clauses.len());
        (json!({ "clauses": settings.clauses }), json!({ "rows": rows }))
    })
}

fn set_clauses(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let rows = typed(visit, "clauses", ["number", "text"]);
    let clauses: Vec<Value> =
        rows.iter().map(|[number, text]| json!({ "number": number, "text": text })).collect();
    keep(app, call, visit, &json!({ "clauses": clauses }), |error| {
        if error.pointer.matches('/').count() > 1 {
            return error;
        }
        let row = rows.iter().position(|row| row.iter().any(|text| contains_my_number(text)));
        let row = row.filter(|_| error.code == "my_number");
        FieldError { pointer: row.map_or_else(String::new, |row| format!("/clauses/{row}/text")), ..error }
    })
}
