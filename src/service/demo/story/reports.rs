//! 再委託状況報告 as they come in: early in each month every company tells what it owes of the months before; one
//! has kept silent of late.

use chrono::{Datelike, NaiveDate};
use serde_json::json;

use super::body;
use super::cast::{Firm, Who};
use super::contracts::Row;
use super::script::{Days, Script};
use super::stage::Stage;
use crate::domain::access::Permission;
use crate::domain::calendar::add_days;
use crate::domain::contract::DeclarationInterval;
use crate::domain::settings::Settings;
use crate::service::{Failure, declaration};

/// The company that kept silent, and on which contract.
const SILENT: (&str, Firm) = ("DEMO-006", Firm::Ki);
/// Day of the month.
const REPORTED_ON: i64 = 9;

pub fn plan(script: &mut Script) {
    let silent_since = last_overdue(script.days);
    for month in -12..=0 {
        let told_to = script.days.month_end(month - 1);
        script.on(add_days(script.days.month(month), REPORTED_ON - 1), move |stage| {
            for row in stage.rows().to_vec() {
                if is_due(&row, stage.days, told_to) {
                    stage.report(&row, told_to, silent_since)?;
                }
            }
            Ok(())
        });
    }
}

/// The end of the latest month whose report is overdue on the last day.
fn last_overdue(days: Days) -> NaiveDate {
    let grace = i64::from(Settings::default().declaration_grace_days);
    let latest = days.month_end(-1);
    if add_days(latest, grace) < days.last { latest } else { days.month_end(-2) }
}

/// Whether something may be owed of the month that has ended.
fn is_due(row: &Row, days: Days, told_to: NaiveDate) -> bool {
    let runs = row.starts_on(days) <= told_to && row.registered_on(days) <= told_to;
    let ended = row.ends_on(days) <= told_to;
    runs && match row.interval {
        DeclarationInterval::None => false,
        DeclarationInterval::Monthly => true,
        DeclarationInterval::Quarterly => ended || told_to.month().is_multiple_of(3),
        DeclarationInterval::Yearly => ended || told_to.month() == 3,
    }
}

impl Stage<'_> {
    fn report(&mut self, row: &Row, told_to: NaiveDate, silent_since: NaiveDate) -> Result<(), Failure> {
        let contract = self.contract(row.number)?;
        for firm in self.reporting(row) {
            if (row.number, firm) == SILENT && told_to >= silent_since {
                continue;
            }
            let by = self.call(Who::At(firm), Permission::Declare)?;
            let draft = declaration::draft(self.app, by, contract)?;
            let owed = draft.period.and_then(|period| Some((period.from, period.to?)));
            let Some((from, to)) = owed else { continue };
            if to > told_to {
                continue;
            }
            let to = to.max(told_to.min(row.ends_on(self.days)));
            let input = body(&json!({
                "period": {"from": from, "to": to}, "none": draft.none, "as_last_time": !draft.none,
            }))?;
            declaration::declare(self.app, by, contract, &input)?;
        }
        Ok(())
    }
}
