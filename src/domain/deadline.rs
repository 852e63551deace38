//! What somebody has to do on a contract by a day, as its facts have it: the applications that wait, and the reports
//! that vendors owe. Of other things that are due (audits, a contract's days) the day stands in their own rows.

use chrono::NaiveDate;

use super::alert::{Context, Facts, decide_by};
use super::calendar::add_days;
use super::chain::{ApplicationStep, FiledApplication};
use super::days::DayRange;
use super::declaration::{owed_by, reporting_periods, unreported};
use super::id::{ApplicationId, OrganizationId};
use crate::text_enum;

/// Reports due within so many days are told of: more than a year and the longest grace, so that the next one is always
/// among them. The rules look at the contract again on the day after each due day.
const AHEAD: i64 = 400;

text_enum! {
    /// What is to be done.
    pub enum DeadlineKind {
        /// 審査 of an application, by the day on which it should be decided.
        Review = "review",
        /// 決裁, likewise.
        Decision = "decision",
        /// 補正 by the applicant, by the day that the agency gave, or else before the work is to begin.
        Correction = "correction",
        /// 再委託状況報告.
        Report = "report",
    }
}

/// Something to be done by a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub kind: DeadlineKind,
    /// None: a report.
    pub application_id: Option<ApplicationId>,
    /// Who applied, or who reports.
    pub vendor_id: OrganizationId,
    /// Of a report: from the first day of which nobody has reported to the end of its period.
    pub period: Option<DayRange>,
    pub due_on: NaiveDate,
}

/// Everything that somebody has to do on the contract by a day, overdue or to come.
pub fn deadlines(facts: &Facts<'_>, ctx: &Context<'_>) -> Vec<Deadline> {
    let known = facts.chain.now();
    let pending = known
        .engagements()
        .flat_map(|place| known.applications(place.id))
        .filter(|filed| filed.is_pending())
        .map(|filed| of_application(filed, ctx));
    let mut all: Vec<Deadline> = pending.collect();
    let until = add_days(ctx.today, AHEAD);
    for period in reporting_periods(facts.chain, &known, ctx.settings.declaration_grace_days) {
        if period.due_on > until {
            break;
        }
        if period.due_on < facts.learned_on {
            continue;
        }
        for vendor in owed_by(&known, period.days) {
            let days = unreported(facts.declarations, vendor.id, period.days);
            let Some(first) = days.ranges().first() else { continue };
            all.push(Deadline {
                kind: DeadlineKind::Report,
                application_id: None,
                vendor_id: vendor.id,
                period: DayRange::new(first.from, period.days.to),
                due_on: period.due_on,
            });
        }
    }
    all
}

fn of_application(filed: &FiledApplication<'_>, ctx: &Context<'_>) -> Deadline {
    let application = filed.application;
    let last = application.events.last().map(|event| event.step);
    let returned = application.events.iter().rfind(|event| event.step == ApplicationStep::Returned);
    let reply_by = returned.and_then(|event| event.reply_by);
    let (kind, due_on) = match decide_by(filed, ctx.calendar, ctx.settings) {
        None => {
            (DeadlineKind::Correction, reply_by.unwrap_or(filed.asked.starts_on).max(application.filed_on))
        }
        // Nothing but a step that asks for another review can follow a review before the decision.
        Some(day) if last == Some(ApplicationStep::Reviewed) => (DeadlineKind::Decision, day),
        Some(day) => (DeadlineKind::Review, day),
    };
    Deadline {
        kind,
        application_id: Some(application.id),
        vendor_id: application.applicant_id,
        period: None,
        due_on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::fixture::{Scene, d, range};
    use crate::domain::calendar::Calendar;
    use crate::domain::contract::DeclarationInterval;
    use crate::domain::settings::Settings;

    fn reports(scene: &Scene, today: &str) -> Vec<(OrganizationId, DayRange, NaiveDate)> {
        let (chain, settings, calendar) = (scene.chain(), Settings::default(), Calendar::built_in());
        let facts = Facts {
            chain: &chain,
            declarations: &scene.declarations,
            audits: &scene.audits,
            learned_on: d("2026-04-01"),
        };
        let ctx = Context { today: d(today), calendar: &calendar, settings: &settings };
        let all = deadlines(&facts, &ctx);
        all.into_iter().filter_map(|it| Some((it.vendor_id, it.period?, it.due_on))).collect()
    }

    #[test]
    fn a_report_is_owed_until_every_day_of_its_period_is_reported() {
        let mut scene = Scene::new("2026-04-01", "2026-12-31");
        scene.terms(|terms| terms.declaration_interval = DeclarationInterval::Quarterly);
        let prime = scene.vendor(0);
        let due = |from: &str, to: &str, due: &str| (prime, range(from, to), d(due));
        let later =
            [due("2026-07-01", "2026-09-30", "2026-10-14"), due("2026-10-01", "2026-12-31", "2027-01-14")];
        let mut all = vec![due("2026-04-01", "2026-06-30", "2026-07-14")];
        all.extend(later);
        assert_eq!(reports(&scene, "2026-05-01"), all);
        scene.declare(prime, "2026-04-01", "2026-05-31");
        all[0] = due("2026-06-01", "2026-06-30", "2026-07-14");
        assert_eq!(reports(&scene, "2026-06-15"), all, "in part");
        scene.declare(prime, "2026-06-01", "2026-06-30");
        scene.declarations.iter_mut().for_each(|it| it.filed_on = d("2026-07-01"));
        assert_eq!(reports(&scene, "2027-06-15"), later, "what nobody reported stays owed");
    }

    #[test]
    fn what_is_due_in_years_is_not_told_of_yet() {
        let mut scene = Scene::new("2026-04-01", "2036-03-31");
        scene.terms(|terms| terms.declaration_interval = DeclarationInterval::Yearly);
        let due: Vec<String> =
            reports(&scene, "2026-04-01").iter().map(|(_, _, due)| due.to_string()).collect();
        assert_eq!(due, ["2027-04-14"]);
    }
}
