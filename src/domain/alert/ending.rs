//! What comes to an end: consents, the contract, and uses whose end nobody reported.

use super::view::{Outcome, View, name_of};
use super::{AlertFact, AlertKind, Finding, Severity, Step};
use crate::domain::chain::{Coverage, Engagement};
use crate::domain::days::DayRange;
use crate::domain::id::OrganizationId;

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    // Also of a contract that was terminated on its first day, and so never ran.
    for (engagement, coverage) in view.below() {
        end_not_reported(view, out, (engagement, coverage));
    }
    let Some(contract) = view.period() else { return };
    for (engagement, coverage) in view.below() {
        consent_expiring(view, out, contract, (engagement, coverage));
    }
    contract_expiring(view, out, contract);
}

fn consent_expiring(
    view: &View<'_>,
    out: &mut Outcome,
    contract: DayRange,
    (engagement, coverage): (&Engagement, &Coverage),
) {
    let mut stretches = coverage.consented.ranges().iter().filter(|range| range.to >= view.today);
    let Some(ends_on) = stretches.next().map(|range| range.to) else { return };
    // The stretch after this one has its turn when this one is over.
    out.look_again(ends_on.succ_opt());
    let goes_on = ends_on.succ_opt().is_some_and(|next| coverage.covered.contains(next));
    if ends_on >= contract.to || goes_on || use_ended_by(coverage, ends_on) {
        return;
    }
    let announced = &view.ctx.settings.consent_expiring_days;
    let Some(step) = out.step_before(ends_on, announced) else { return };
    let last = announced.iter().copied().min().map(Step::Before);
    let severity = if Some(step) == last { Severity::Warning } else { Severity::Info };
    let places = [("vendor", &*name_of(engagement)), ("day", &*ends_on.to_string())];
    let message = view.say("{vendor}の再委託の承認期間は{day}までです", &places);
    let finding = Finding {
        engagement_id: Some(engagement.id),
        vendor_id: Some(engagement.vendor.id),
        due_on: Some(ends_on),
        step,
        ..Finding::new(AlertKind::ConsentExpiring, engagement.id.to_string(), severity, message)
    };
    out.push(finding.tell(applicant(view, engagement)));
}

/// The use was declared to end, and by that day.
fn use_ended_by(coverage: &Coverage, day: chrono::NaiveDate) -> bool {
    !coverage.open_use && coverage.in_use.last().is_some_and(|last| last <= day)
}

/// Who applied last; for a 既承認 the vendor above.
fn applicant(view: &View<'_>, engagement: &Engagement) -> Option<OrganizationId> {
    let filed = view.known.applications(engagement.id).last().map(|filed| filed.application.applicant_id);
    filed.or_else(|| view.parent_vendor(engagement.id))
}

fn end_not_reported(view: &View<'_>, out: &mut Outcome, (engagement, coverage): (&Engagement, &Coverage)) {
    let Some(last_day) = view.known.last_day().filter(|_| coverage.open_use) else { return };
    out.look_again(last_day.succ_opt());
    if view.today <= last_day {
        return;
    }
    let places = [("vendor", &*name_of(engagement)), ("day", &*last_day.to_string())];
    let message = view.say(
        "{vendor}の再委託について、契約の終了日（{day}）を過ぎましたが、終了の報告がありません",
        &places,
    );
    let finding = Finding {
        engagement_id: Some(engagement.id),
        vendor_id: Some(engagement.vendor.id),
        due_on: Some(last_day),
        ..Finding::new(AlertKind::EndNotReported, engagement.id.to_string(), Severity::Warning, message)
    };
    out.push(
        finding.tell([Some(engagement.vendor.id), view.parent_vendor(engagement.id)].into_iter().flatten()),
    );
}

fn contract_expiring(view: &View<'_>, out: &mut Outcome, contract: DayRange) {
    let Some(step) = out.step_before(contract.to, &view.ctx.settings.contract_expiring_days) else { return };
    let message = view.say("この契約は{day}に終了します", &[("day", &*contract.to.to_string())]);
    out.push(Finding {
        due_on: Some(contract.to),
        step,
        ..Finding::new(
            AlertKind::ContractExpiring,
            view.facts.chain.contract_id.to_string(),
            Severity::Info,
            message,
        )
    });
}

pub(super) fn why_gone(view: &View<'_>, alert: &AlertFact) -> &'static str {
    let passed = alert.due_on.is_some_and(|due| due < view.today);
    let coverage = view.below().find(|(engagement, _)| engagement.id.as_str() == alert.subject);
    let ended =
        coverage.is_some_and(|(_, coverage)| alert.due_on.is_some_and(|due| use_ended_by(coverage, due)));
    match alert.kind {
        AlertKind::ContractExpiring if view.is_over() => "契約が終了しました",
        AlertKind::ContractExpiring => "契約期間又は通知の設定が変わりました",
        AlertKind::EndNotReported if !view.is_over() => "契約期間が変わりました",
        AlertKind::EndNotReported => "終了が報告されたか、報告の対象でなくなりました",
        _ if ended => "再委託の終了が報告されました",
        _ if passed => "承認期間の末日を過ぎました",
        _ => "承認期間、契約期間又は通知の設定が変わりました",
    }
}
