//! 再委託状況報告の未提出: what a vendor still owes, as one alert.

use super::view::{Outcome, View};
use super::{AlertKind, Finding, Severity, Step};
use crate::domain::chain::Vendor;
use crate::domain::declaration::{ReportingPeriod, owed_by, reporting_periods};

pub(super) const WHY_GONE: &str = "報告が提出されたか、報告の対象でなくなりました";

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    let grace = view.ctx.settings.declaration_grace_days;
    let mut missed: Vec<(&Vendor, Vec<ReportingPeriod>)> = Vec::new();
    for period in reporting_periods(view.facts.chain, &view.known, grace) {
        if period.due_on >= view.today {
            out.look_again(period.due_on.succ_opt());
            break;
        }
        if period.due_on < view.facts.learned_on {
            continue;
        }
        for vendor in owed_by(&view.known, period.days).into_iter().filter(|v| !declared(view, v, period)) {
            match missed.iter_mut().find(|(other, _)| other.id == vendor.id) {
                Some((_, periods)) => periods.push(period),
                None => missed.push((vendor, vec![period])),
            }
        }
    }
    for (vendor, periods) in missed {
        out.push(found(view, vendor, &periods));
    }
}

fn declared(view: &View<'_>, vendor: &Vendor, period: ReportingPeriod) -> bool {
    let mut own = view.facts.declarations.iter().filter(|fact| fact.organization_id == vendor.id);
    own.any(|fact| fact.satisfies(period.days))
}

fn found(view: &View<'_>, vendor: &Vendor, missed: &[ReportingPeriod]) -> Finding {
    let kind = AlertKind::DeclarationOverdue;
    let severity = if missed.len() > 1 && view.my_number() { Severity::Critical } else { Severity::Warning };
    let spelled = missed.iter().map(|p| format!("{}から{}まで", p.days.from, p.days.to)).collect::<Vec<_>>();
    let places = [("vendor", &*vendor.name), ("periods", &*spelled.join("、"))];
    let message = view.say("{vendor}の{periods}の再委託状況報告が提出されていません", &places);
    let subject = format!("{}:{}", view.facts.chain.contract_id, vendor.id);
    let finding = Finding {
        vendor_id: Some(vendor.id),
        due_on: missed.first().map(|period| period.due_on),
        step: missed.last().map_or(Step::Opened, |period| Step::Missed(period.due_on)),
        ..Finding::new(kind, subject, severity, message)
    };
    finding.tell([vendor.id])
}
