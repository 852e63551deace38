//! することの一覧: what one has to do, or to see done, by due day.

use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use super::own::ours;
use super::route::{Page, PageRoute, look, page};
use super::visit::Visit;
use super::{narrow, words};
use crate::domain::access::{OrganizationKind, Permission};
use crate::domain::audit::AuditKind;
use crate::domain::calendar::{add_days, add_months};
use crate::service::contract::{NarrowQuery, Whose};
use crate::service::task::{self, TaskKind, TaskQuery, TaskView};
use crate::service::{App, Call, Failure};
use crate::text_enum;

pub fn routes() -> Vec<PageRoute> {
    vec![look("/tasks").needs(Permission::ReadContract, list)]
}

text_enum! {
    /// By when.
    pub enum Within {
        /// The due day has passed.
        Overdue = "overdue",
        /// Up to this week's Sunday, what is overdue too.
        Week = "week",
        /// Up to the end of this month, what is overdue too.
        Month = "month",
    }
}

impl Within {
    /// The last due day meant.
    pub fn until(self, today: NaiveDate) -> NaiveDate {
        match self {
            Self::Overdue => add_days(today, -1),
            Self::Week => add_days(today, 6 - i64::from(today.weekday().num_days_from_monday())),
            Self::Month => add_days(add_months(today.with_day(1).unwrap_or(today), 1), -1),
        }
    }

    fn label(self, today: NaiveDate) -> String {
        let day = self.until(today);
        match self {
            Self::Overdue => "期限を過ぎた、すること".to_owned(),
            Self::Week => format!("今週（{}月{}日まで）", day.month(), day.day()),
            Self::Month => format!("今月（{}月{}日まで）", day.month(), day.day()),
        }
    }
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let today = app.today();
    let (narrow, wrong) = visit.narrow();
    let within: Option<Within> = visit.query_word("within");
    let query = TaskQuery {
        kind: visit.query_word("kind"),
        from: None,
        until: within.map(|within| within.until(today)),
        dated: within == Some(Within::Overdue),
        narrow,
    };
    let found = task::list(app, call, &query, &visit.page()?)?;
    let is_vendor = call.actor.organization.kind == OrganizationKind::Vendor;
    let kinds: Vec<Value> = task::kinds(call)
        .map(|kind| json!({ "value": kind, "label": words::told("task", kind.as_str()) }))
        .collect();
    let withins: Vec<Value> = [Within::Overdue, Within::Week, Within::Month]
        .iter()
        .map(|within| json!({ "value": within, "label": within.label(today) }))
        .collect();
    let context = json!({
        "rows": found.items.iter().map(|one| row(one, is_vendor)).collect::<Vec<_>>(),
        "pager": visit.counted_pager(&found, || task::count(app, call, &query))?,
        "narrowed": visit.is_narrowed(),
        "narrow": narrow::fields(app, call)?,
        "kinds": kinds,
        "withins": withins,
        "is_vendor": is_vendor,
    });
    Ok(page("task/list.html", "することの一覧", context).filled(&visit.query).wrongly_asked(wrong))
}

/// How far a due day is, in words, and how they are meant.
fn left(view: &TaskView) -> (String, words::Tone) {
    use words::Tone::{Bad, Careful, Quiet};
    match (view.kind, view.days_left) {
        _ if view.found => ("期限なし（見つかった日）".to_owned(), Quiet),
        (TaskKind::Unapproved, days) => (format!("{}日続いています", 1 - days), Bad),
        (TaskKind::ContractStart | TaskKind::ContractEnd, 0) => ("今日".to_owned(), Careful),
        (_, 0) => ("今日まで".to_owned(), Careful),
        (_, days) if days < 0 => (format!("{}日超過", -days), Bad),
        (_, days) if days <= 7 => (format!("あと{days}日"), Careful),
        (_, days) => (format!("あと{days}日"), Quiet),
    }
}

/// A row of the list: what is to be done, and where.
pub fn row(view: &TaskView, is_vendor: bool) -> Value {
    let vendor = view.vendor_name.clone().unwrap_or_default();
    let contract = view.contract_id.map(|id| format!("/contracts/{id}")).unwrap_or_default();
    let application = view.application_id.map(|id| format!("/applications/{id}")).unwrap_or_default();
    let (what, path) = match view.kind {
        TaskKind::Decision | TaskKind::Review | TaskKind::Correction => {
            (format!("{vendor}への再委託の申請"), application)
        }
        TaskKind::Report => {
            let period = view.period.as_ref().map(|days| {
                format!("{}〜{}の状況報告", days.from, days.to.map(|day| day.to_string()).unwrap_or_default())
            });
            let period = period.unwrap_or_default();
            if is_vendor {
                (period, format!("{contract}/declarations/new"))
            } else {
                (format!("{vendor}：{period}"), format!("{contract}/declarations"))
            }
        }
        TaskKind::Audit => {
            let kind = view.audit_kind.map(AuditKind::label).unwrap_or_default();
            (format!("{vendor}の{kind}"), view.audit_id.map(|id| format!("/audits/{id}")).unwrap_or_default())
        }
        TaskKind::Finding => {
            let kind = view.audit_kind.map(AuditKind::label).unwrap_or_default();
            let act = if is_vendor { "改善" } else { "是正確認" };
            let what = format!("{vendor}の{kind}の指摘の{act}");
            (what, view.audit_id.map(|id| format!("/audits/{id}")).unwrap_or_default())
        }
        TaskKind::Unapproved => (
            format!("{vendor}の使用に承認を確認できません。申請するか、終わった日を報告してください"),
            format!("{contract}/chain"),
        ),
        TaskKind::ContractStart => ("契約が始まる日".to_owned(), contract.clone()),
        TaskKind::ContractEnd => ("契約が終わる日".to_owned(), contract.clone()),
        TaskKind::Alert => (
            view.title.clone().unwrap_or_default(),
            view.alert_id.map(|id| format!("/alerts/{id}")).unwrap_or_default(),
        ),
    };
    let (left, tone) = left(view);
    json!({
        "kind": view.kind, "sent_back": view.sent_back, "what": ours(&what), "path": path, "due_on": view.due_on, "left": left, "tone": tone.class(),
        "contract": contract_path(view), "number": view.contract_number, "title": view.contract_title,
        "agency": view.agency_name, "officer": view.officer_name, "severity": view.severity, "message": view.message,
    })
}

fn contract_path(view: &TaskView) -> Option<String> {
    view.contract_id.map(|id| format!("/contracts/{id}"))
}

/// The tiles of the first page: how many are overdue, due this week and this month; each leads to its list.
pub fn tiles(app: &App, call: &Call, officer: Option<Whose>) -> Result<Vec<Value>, Failure> {
    let today = app.today();
    let whose = if officer.is_some() { "&officer=me" } else { "" };
    [Within::Overdue, Within::Week, Within::Month]
        .iter()
        .map(|within| {
            let narrow = NarrowQuery { officer, ..NarrowQuery::default() };
            let dated = *within == Within::Overdue;
            let query = TaskQuery { until: Some(within.until(today)), dated, narrow, ..TaskQuery::default() };
            let total = task::count(app, call, &query)?;
            let path = format!("/tasks?within={within}{whose}");
            let tone = if *within == Within::Overdue { "bad" } else { "" };
            Ok(json!({ "path": path, "label": within.label(today), "total": total, "tone": tone }))
        })
        .collect()
}
