//! 承認未確認の再委託: days in use that no consent covers, and that no earlier alert has answered.

use chrono::NaiveDate;

use super::text::{cause, spell};
use super::view::{Outcome, View, name_of};
use super::{AlertFact, AlertKind, AlertState, Audience, Finding, Severity, Step};
use crate::domain::chain::{Cause, Coverage, Engagement};
use crate::domain::days::DaySet;

const KIND: AlertKind = AlertKind::UnapprovedSubcontractor;

pub(super) const WHY_GONE: &str = "承認を確認できない使用が現在なく、とった措置が記録されました";

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    for (engagement, coverage) in view.below() {
        let uncovered = coverage.uncovered_days();
        let so_far = uncovered.up_to(view.today);
        let running = so_far.contains(view.today);
        // A running use gives the alert a new day tomorrow, which stays in it whatever is stated later; and
        // the day after it ends the alert may resolve.
        let tomorrow = view.today.succ_opt().filter(|_| running);
        out.look_again(tomorrow.or_else(|| uncovered.after(view.today).first()));

        let subject = engagement.id.to_string();
        let answered =
            view.resolved(KIND, &subject).fold(DaySet::new(), |days, alert| days.union(&alert.days));
        let unanswered = so_far.difference(&answered);
        let alert = view.unresolved(KIND, &subject);
        let days = alert.map_or_else(DaySet::new, |alert| alert.days.clone()).union(&unanswered);
        if days.is_empty() {
            continue;
        }
        let cause = latest_cause(view, coverage).or_else(|| alert.and_then(|alert| alert.cause));
        let finding = found(view, engagement, days, running, cause);
        if let Some(alert) = alert.filter(|alert| !running && alert.measure.is_some()) {
            out.answer(alert, finding);
        } else {
            let step = step(view, out, alert, &finding.days);
            let opened_on = alert.map_or(view.today, |alert| alert.opened_on);
            out.push(told(view, finding, step, opened_on));
        }
    }
}

/// The cause of the latest uncovered day up to today.
fn latest_cause(view: &View<'_>, coverage: &Coverage) -> Option<Cause> {
    let begun = coverage.uncovered.iter().filter(|(range, _)| range.from <= view.today);
    begun.max_by_key(|(range, _)| range.from).map(|(_, cause)| *cause)
}

fn found(
    view: &View<'_>,
    engagement: &Engagement,
    days: DaySet,
    running: bool,
    why: Option<Cause>,
) -> Finding {
    let template = if view.my_number() {
        "{vendor}の使用について、{days}番号法第10条の許諾を確認できません"
    } else {
        "{vendor}の使用について、{days}契約に基づく承認を確認できません"
    };
    let places = [("vendor", &*name_of(engagement)), ("days", &*spell(&days, running.then_some(view.today)))];
    let mut message = view.say(template, &places);
    if let Some(why) = why {
        message.push_str(&view.say(&format!("（{}）", cause(why)), &[]));
    }
    Finding {
        engagement_id: Some(engagement.id),
        vendor_id: Some(engagement.vendor.id),
        cause: why,
        days,
        ..Finding::new(KIND, engagement.id.to_string(), Severity::Critical, message)
    }
}

/// What is told: of days after a gap, or of others that the alert did not speak of yet, at once like the first; and
/// the agency's administrators where nobody takes it up within the working days set, counted from what was told first
/// after they last heard of it.
fn step(view: &View<'_>, out: &mut Outcome, alert: Option<&AlertFact>, days: &DaySet) -> Step {
    let Some(alert) = alert else {
        out.look_again(Some(escalation_day(view, view.today)));
        return Step::Opened;
    };
    let since = match alert.told {
        Step::Again { since, .. } => since,
        told if told.is_escalation() => view.today,
        _ => alert.opened_on,
    };
    let spoken_of = |range| !alert.days.intersection(&Some(range).into()).is_empty();
    let anew = days.ranges().iter().any(|range| !spoken_of(*range));
    let told = if anew { Step::Again { on: view.today, since } } else { alert.told };
    if alert.state != AlertState::Open || told.is_escalation() {
        return told;
    }
    let due = escalation_day(view, since);
    if due <= view.today {
        let escalated = if told == Step::Opened { Step::Escalated } else { Step::EscalatedAgain(view.today) };
        if escalated > told {
            return escalated;
        }
    }
    // What was told anew today is escalated tomorrow at the earliest.
    out.look_again(view.today.succ_opt().map(|tomorrow| tomorrow.max(due)));
    told
}

fn escalation_day(view: &View<'_>, since: NaiveDate) -> NaiveDate {
    view.ctx.calendar.add_working_days(since, i64::from(view.ctx.settings.escalation_working_days))
}

fn told(view: &View<'_>, mut finding: Finding, step: Step, opened_on: NaiveDate) -> Finding {
    let escalated_on = match step {
        Step::Escalated => Some(escalation_day(view, opened_on)),
        Step::EscalatedAgain(day) => Some(day),
        _ => None,
    };
    if let Some(day) = escalated_on {
        finding.audience = vec![Audience::AgencyAdmin];
        finding.message.push_str(&view.reckoned(day));
    }
    Finding { step, ..finding }
}
