//! 検査: every contract with personal data is inspected on site once in each 年度, announced before the year begins;
//! one is not, and one inspection has lapsed. A few are checked on paper, or check themselves.

use chrono::NaiveDate;
use serde_json::json;

use super::contracts::Row;
use super::script::{Days, Script};
use super::stage::Stage;
use super::{body, untold};
use crate::domain::access::Permission;
use crate::domain::calendar::{add_days, fiscal_year, fiscal_year_range};
use crate::domain::id::AuditId;
use crate::service::{Failure, Page, audit};

/// The contract whose inspection lapsed so many days before the last one.
const LAPSED: &str = "DEMO-007";
const LAPSED_AGO: i64 = 12;
/// The contract for which nobody planned any for this 年度.
const FORGOTTEN: &str = "DEMO-107";
/// Planned so many days before the 年度 begins, or the inspection is due.
const PLANNED_BEFORE: i64 = 17;
/// Done so many days before it is due.
const DONE_BEFORE: i64 = 2;
/// Findings are put right within so many days.
const PUT_RIGHT: i64 = 30;

/// An inspection to be planned.
#[derive(Clone, Copy)]
struct Inspection {
    number: &'static str,
    kind: &'static str,
    planned_on: NaiveDate,
    due_on: NaiveDate,
    /// None: it lapses.
    done_on: Option<NaiveDate>,
    found: Option<&'static str>,
}

pub fn plan(script: &mut Script, rows: &[Row]) {
    let with_data = rows.iter().filter(|row| row.persons > 0);
    for (place, row) in (0_i64..).zip(with_data) {
        let first = fiscal_year(row.starts_on(script.days).max(script.days.first));
        let last = fiscal_year(row.last_day(script.days));
        for year in first..=last {
            let forgotten = row.number == FORGOTTEN && year == fiscal_year(script.days.last);
            if let Some(inspection) = on_site(script.days, row, year, place).filter(|_| !forgotten) {
                inspect(script, inspection);
            }
        }
    }
    for (number, kind) in [
        ("DEMO-001", "document"),
        ("DEMO-015", "self_check"),
        ("DEMO-101", "document"),
        ("DEMO-006", "self_check"),
    ] {
        beside(script, number, kind);
    }
}

/// One in the days of a 年度 on which the contract runs, spread over them by its place in the table.
fn on_site(days: Days, row: &Row, year: i32, place: i64) -> Option<Inspection> {
    let (first, last) = fiscal_year_range(year);
    let from = first.max(row.starts_on(days)).max(days.first);
    let to = last.min(row.last_day(days));
    let planned_on = row.registered_on(days).max(add_days(first, -PLANNED_BEFORE));
    let lapsed_on = days.day(-LAPSED_AGO);
    let lapses = row.number == LAPSED && year == fiscal_year(lapsed_on);
    let spread = add_days(from, (to - from).num_days() * (3 + place * 7 % 16) / 20);
    let due_on = if lapses { lapsed_on } else { spread.max(add_days(planned_on, PLANNED_BEFORE)).min(to) };
    let findings = [
        "入退室の記録に退室時刻の記載がない日があった（デモ）",
        "従業者の教育の実施記録に受講者の署名がなかった（デモ）",
        "可搬媒体の管理簿に返却日の記入漏れがあった（デモ）",
    ];
    let found = (place % 4 == 0).then(|| findings.iter().copied().nth(usize::try_from(place / 4 % 3).ok()?));
    (from <= to).then_some(Inspection {
        number: row.number,
        kind: "on_site",
        planned_on,
        due_on,
        done_on: (!lapses).then(|| add_days(due_on, -DONE_BEFORE)),
        found: found.flatten(),
    })
}

/// One of another kind, done last 年度, and one to be done in this.
fn beside(script: &mut Script, number: &'static str, kind: &'static str) {
    let days = script.days;
    let (this_year, year_end) = fiscal_year_range(fiscal_year(days.last));
    let last_due = add_days(this_year, -7);
    let planned_on = days.first.max(add_days(last_due, -60));
    let found = (kind == "document").then_some("再委託先との契約書に返却・廃棄の条項がなかった（デモ）");
    let done_on = Some(add_days(last_due, -5));
    inspect(script, Inspection { number, kind, planned_on, due_on: last_due, done_on, found });
    let due_on = days.day(25).min(year_end);
    let planned_on = days.day(-20).max(days.first);
    inspect(script, Inspection { number, kind, planned_on, due_on, done_on: None, found: None });
}

fn inspect(script: &mut Script, it: Inspection) {
    script.on(it.planned_on, move |stage| stage.plan_audit(&it));
    // What is due on the last day is still to be done.
    if let Some(done_on) = it.done_on.filter(|_| it.due_on < script.days.last) {
        script.on(done_on.max(it.planned_on), move |stage| stage.complete_audit(&it));
    }
}

impl Stage<'_> {
    fn plan_audit(&mut self, it: &Inspection) -> Result<(), Failure> {
        let by = self.call(self.office(it.number)?.auditor(), Permission::PlanAudit)?;
        let input = body(&json!({"kind": it.kind, "due_on": it.due_on, "auditor": by.actor.name}))?;
        audit::plan(self.app, by, self.contract(it.number)?, &input).map(drop)
    }

    fn complete_audit(&mut self, it: &Inspection) -> Result<(), Failure> {
        let by = self.call(self.office(it.number)?.auditor(), Permission::PlanAudit)?;
        let done_on = self.today();
        let findings: Vec<_> = it
            .found
            .iter()
            .map(|text| json!({"text": text, "severity": "軽微", "due_on": add_days(done_on, PUT_RIGHT)}))
            .collect();
        let result = if findings.is_empty() { "pass" } else { "findings" };
        let input = body(&json!({
            "done_on": done_on, "result": result, "findings": findings,
            "note": "作業場所、媒体の管理、従業者の教育の記録を確認した（デモ）",
        }))?;
        audit::complete(self.app, by, self.planned(it)?, &input).map(drop)
    }

    fn planned(&self, it: &Inspection) -> Result<AuditId, Failure> {
        let by = self.call(self.office(it.number)?.auditor(), Permission::ReadContract)?;
        let audits = audit::list(self.app, by, self.contract(it.number)?, &Page::default())?.items;
        let planned = audits.iter().find(|audit| audit.kind.as_str() == it.kind && audit.due_on == it.due_on);
        Ok(planned.ok_or_else(|| untold(format_args!("no audit on {}", it.number)))?.id)
    }
}
