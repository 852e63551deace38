//! What somebody has to do on a contract by a day, as its facts have it: the applications that wait, the reports that
//! vendors owe, and the uses without a consent that they have to answer for. Of other things that are due (audits, a contract's days) the day stands in their own rows.

use chrono::NaiveDate;

use super::alert::{Context, Facts, decide_by};
use super::calendar::add_days;
use super::chain::{ApplicationStep, Cause, Engagement, FiledApplication, Known, Source, Statement};
use super::days::DayRange;
use super::declaration::{owed, reporting_periods, unreported};
use super::id::{ApplicationId, EngagementId, OrganizationId};
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
        /// A use goes on that no consent covers: whoever uses it applies, ends it, or puts its report right.
        Unapproved = "unapproved",
    }
}

/// Something to be done by a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub kind: DeadlineKind,
    /// Of an application.
    pub application_id: Option<ApplicationId>,
    /// Who applied, who reports, or who uses.
    pub vendor_id: OrganizationId,
    /// Whom the use without a consent is of.
    pub engagement_id: Option<EngagementId>,
    /// Of a report: from the first day of which nobody has reported to the end of its period.
    pub period: Option<DayRange>,
    /// Of a report: when the ledger knew that it is owed.
    pub known_on: Option<NaiveDate>,
    /// Of a use without a consent its first day as it runs now.
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
        let grace = ctx.settings.declaration_grace_days;
        for owed in owed(facts.chain, &known, period.days, grace, ctx.timezone) {
            let days = unreported(facts.declarations, owed.vendor.id, period.days);
            let Some(first) = days.ranges().first() else { continue };
            all.push(Deadline {
                kind: DeadlineKind::Report,
                application_id: None,
                vendor_id: owed.vendor.id,
                engagement_id: None,
                period: DayRange::new(first.from, period.days.to),
                known_on: Some(owed.known_on),
                due_on: owed.due_on,
            });
        }
    }
    let uses = known.engagements().filter_map(|place| unapproved(&known, place, ctx.today));
    all.extend(uses);
    all
}

/// A use that goes on today without a consent, of whoever is above: it can apply, report the end, or take back what it
/// reported by mistake. Not where the agency has an application to decide, nor where all that lacks is a consent further
/// up, which is that one's own. What only the agency has found out is the agency's.
fn unapproved(known: &Known<'_>, place: &Engagement, today: NaiveDate) -> Option<Deadline> {
    let parent = known.engagement(place.parent_id?)?;
    let coverage = known.coverage(place.id)?;
    let (_, cause) = coverage.uncovered.iter().find(|(days, _)| days.contains(today))?;
    if matches!(cause, Cause::Undecided | Cause::Parent) {
        return None;
    }
    let runs = |said: &&&Statement| {
        let is_declared = matches!(said.source, Source::Declared(_));
        is_declared && said.started_on <= today && said.ended_on.is_none_or(|end| today <= end)
    };
    let said_from = known.statements(place.id).iter().filter(runs).map(|said| said.started_on).min()?;
    let uncovered = coverage.uncovered_days();
    let since = uncovered.ranges().iter().find(|days| days.contains(today))?.from;
    Some(Deadline {
        kind: DeadlineKind::Unapproved,
        application_id: None,
        vendor_id: parent.vendor.id,
        engagement_id: Some(place.id),
        period: None,
        known_on: None,
        due_on: since.max(said_from),
    })
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
        engagement_id: None,
        period: None,
        known_on: None,
        due_on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::fixture::{Scene, TOKYO, d, range};
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
        let ctx = Context { today: d(today), calendar: &calendar, settings: &settings, timezone: TOKYO };
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
