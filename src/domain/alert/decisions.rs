//! 承認申請の処理待ち: applications that the agency should have decided.

use chrono::NaiveDate;

use super::view::{Outcome, View, name_of};
use super::{AlertFact, AlertKind, Finding, Severity};
use crate::domain::calendar::Calendar;
use crate::domain::chain::{ApplicationEvent, ApplicationStep, FiledApplication};
use crate::domain::settings::Settings;

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    for engagement in view.known.engagements() {
        let pending = view.known.applications(engagement.id).iter().filter(|filed| filed.is_pending());
        for filed in pending {
            let application = filed.application;
            // While returned, only the applicant can bring it back.
            let Some(due_on) = decide_by(filed, view.ctx.calendar, view.ctx.settings) else { continue };
            out.look_again(Some(due_on));
            if view.today < due_on {
                continue;
            }
            let places = [
                ("vendor", &*name_of(engagement)),
                ("filed", &*application.filed_on.to_string()),
                ("start", &*filed.asked.starts_on.to_string()),
            ];
            let template = "{vendor}の再委託承認申請（{filed}申請、{start}開始予定）が決定されていません";
            let message = format!("{}{}", view.say(template, &places), view.reckoned(due_on));
            out.push(Finding {
                engagement_id: Some(engagement.id),
                application_id: Some(application.id),
                due_on: Some(due_on),
                ..Finding::new(
                    AlertKind::DecisionWaiting,
                    application.id.to_string(),
                    Severity::Warning,
                    message,
                )
            });
        }
    }
}

/// By when the agency should decide: the earlier of so many working days after filing, the days in 補正 not counted,
/// and so many before the start; one filed late, on the day of filing. None while returned.
pub fn decide_by(
    filed: &FiledApplication<'_>,
    calendar: &Calendar,
    settings: &Settings,
) -> Option<NaiveDate> {
    let application = filed.application;
    let mut left = i64::from(settings.decision_working_days);
    let mut counted_to = application.filed_on;
    for (returned, resubmitted) in pauses(&application.events) {
        let spent = calendar.working_days_between(counted_to, returned).min(left).max(0);
        if spent == left {
            break;
        }
        left -= spent;
        counted_to = resubmitted?;
    }
    if is_returned(&application.events) {
        return None;
    }
    let by_filing = calendar.add_working_days(counted_to, left);
    let by_start = decide_before_start(filed.asked.starts_on, calendar, settings);
    Some(by_filing.min(by_start).max(application.filed_on))
}

/// As [`decide_by`], of an application that would be filed today.
pub fn would_decide_by(
    today: NaiveDate,
    starts_on: NaiveDate,
    calendar: &Calendar,
    settings: &Settings,
) -> NaiveDate {
    let by_filing = calendar.add_working_days(today, i64::from(settings.decision_working_days));
    by_filing.min(decide_before_start(starts_on, calendar, settings)).max(today)
}

/// The last day for a decision before work that starts on a day.
pub fn decide_before_start(starts_on: NaiveDate, calendar: &Calendar, settings: &Settings) -> NaiveDate {
    calendar.add_working_days(starts_on, -i64::from(settings.decision_before_start_days))
}

/// From each return to the resubmission that followed it, if one did.
fn pauses(events: &[ApplicationEvent]) -> Vec<(NaiveDate, Option<NaiveDate>)> {
    let mut pauses: Vec<(NaiveDate, Option<NaiveDate>)> = Vec::new();
    for event in events {
        let running = pauses.last_mut().filter(|(_, end)| end.is_none());
        match (event.step, running) {
            (ApplicationStep::Returned, None) => pauses.push((event.on, None)),
            (ApplicationStep::Resubmitted, Some((_, end))) => *end = Some(event.on),
            _ => {}
        }
    }
    pauses
}

fn is_returned(events: &[ApplicationEvent]) -> bool {
    pauses(events).last().is_some_and(|(_, end)| end.is_none())
}

pub(super) fn why_gone(view: &View<'_>, alert: &AlertFact) -> &'static str {
    let application = view.facts.chain.applications.iter().find(|a| a.id.as_str() == alert.subject);
    let events = application.map(|application| application.events.as_slice()).unwrap_or_default();
    let has = |step| events.iter().any(|event| event.step == step);
    if has(ApplicationStep::Consented) || has(ApplicationStep::Refused) {
        "申請が決定されました"
    } else if has(ApplicationStep::Withdrawn) {
        "申請が取り下げられました"
    } else if is_returned(events) {
        "補正を依頼しました"
    } else {
        "処理の期限が変わりました"
    }
}
