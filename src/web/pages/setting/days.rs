//! Days of warning and of deciding, as they are typed: `60, 30, 7`, in any width of digits and commas.

use serde_json::{Map, Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, form, joined};
use super::super::visit::Visit;
use super::{keep, listed, of_settings};
use crate::domain::access::Permission;
use crate::domain::input::FieldError;
use crate::domain::text::whole_number;
use crate::service::{App, Call, Failure};

/// Days before an end on which it is announced.
pub(super) const LADDERS: &Labels = &[
    ("consent_expiring_days", "承認の期限の何日前に知らせるか"),
    ("contract_expiring_days", "契約の終わりの何日前に知らせるか"),
    ("audit_due_days", "検査の期限の何日前に知らせるか"),
];

/// Single numbers of days, with their units.
pub(super) const DAYS: &[(&str, &str, &str)] = &[
    ("declaration_grace_days", "対象期間の後、状況報告を待つ日数", "日"),
    ("decision_working_days", "申請を受けてから決定するまでの期限", "営業日"),
    ("decision_before_start_days", "再委託の開始予定の何営業日前までに決定するか", "営業日"),
    ("escalation_working_days", "着手されないアラートを管理者に知らせるまで", "営業日"),
];

#[expect(clippy::indexing_slicing, reason = "in a constant: the compiler evaluates it")]
const LABELS: &Labels = &[LADDERS[0], LADDERS[1], LADDERS[2], label(0), label(1), label(2), label(3)];

#[expect(clippy::indexing_slicing, reason = "in a constant: the compiler evaluates it")]
const fn label(place: usize) -> (&'static str, &'static str) {
    (DAYS[place].0, DAYS[place].1)
}

pub fn routes() -> Vec<PageRoute> {
    form("/settings/days", LABELS).needs(Permission::ChangeSettings, show, act)
}

fn show(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/days.html", "期限とお知らせの日数", |settings| {
        let ladders = json!({
            "consent_expiring_days": listed(&settings.consent_expiring_days),
            "contract_expiring_days": listed(&settings.contract_expiring_days),
            "audit_due_days": listed(&settings.audit_due_days),
        });
        let known = joined(json!(settings), ladders);
        let of = |name: &str| known.get(name).cloned().unwrap_or_default();
        let known: Map<String, Value> =
            LABELS.iter().map(|(name, _)| ((*name).to_owned(), of(name))).collect();
        (Value::Object(known), json!({ "ladders": super::ladders(settings), "days": super::days(settings) }))
    })
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let (mut change, mut errors) = (Map::new(), Vec::new());
    let ladders = LADDERS.iter().map(|(name, _)| (*name, ladder(visit.typed(name)).map(|days| json!(days))));
    let single = DAYS.iter().map(|(name, ..)| (*name, number(visit.typed(name)).map(|days| json!(days))));
    for (name, read) in ladders.chain(single) {
        match read {
            Ok(value) => drop(change.insert(name.to_owned(), value)),
            Err(message) => errors.push(FieldError::new(format!("/{name}"), "number", message)),
        }
    }
    Failure::unless_empty(errors)?;
    // A wrong day of a list is told at the list's field.
    keep(app, call, visit, &Value::Object(change), |error| {
        let mut parts = error.pointer.split('/').skip(1);
        let (name, place) = (parts.next().unwrap_or_default(), parts.next());
        let place = place.and_then(|place| place.parse::<usize>().ok());
        let message = match place {
            Some(place) => format!("{}番目の日数: {}", place + 1, error.message),
            None => error.message,
        };
        FieldError { pointer: format!("/{name}"), message, ..error }
    })
}

/// `60, 30, 7`: numbers between commas or spaces; None typed is an empty list, for the settings to judge.
fn ladder(text: &str) -> Result<Vec<i64>, String> {
    let apart = |c: char| c.is_whitespace() || matches!(c, ',' | '，' | '、' | '､' | '・' | '/' | '／');
    text.split(apart).filter(|part| !part.is_empty()).map(number).collect()
}

fn number(text: &str) -> Result<i64, String> {
    let plain = text.trim().trim_end_matches(['日', '前']);
    if text.trim().is_empty() {
        return Err("日数を入力してください。".to_owned());
    }
    whole_number(plain)
        .map_err(|_| format!("「{}」を日数として読めません。整数で入力してください。", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_any_width() {
        assert_eq!(ladder("60, 30, 7"), Ok(vec![60, 30, 7]));
        assert_eq!(ladder("６０、３０　７日前"), Ok(vec![60, 30, 7]));
        assert_eq!(ladder("９０，30,,0 "), Ok(vec![90, 30, 0]));
        assert_eq!(ladder(" "), Ok(vec![]));
        assert!(ladder("60, 一週間").unwrap_err().contains("「一週間」"));
        assert_eq!(number("１４"), Ok(14));
        assert!(number("").is_err() && number("1.5").is_err());
    }
}
