//! 再委託状況報告の未提出: what a vendor still owes, as one alert.

use chrono::NaiveDate;

use super::view::{Outcome, View};
use super::{AlertKind, Finding, Severity, Step};
use crate::domain::chain::Vendor;
use crate::domain::days::DaySet;
use crate::domain::declaration::{owed, reporting_periods, unreported};

pub(super) const WHY_GONE: &str = "報告が提出されたか、報告の対象でなくなりました";

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    let grace = view.ctx.settings.declaration_grace_days;
    let mut missed: Vec<(&Vendor, Vec<Missed>)> = Vec::new();
    for period in reporting_periods(view.facts.chain, &view.known, grace) {
        if period.due_on >= view.today {
            out.look_again(period.due_on.succ_opt());
            break;
        }
        if period.due_on < view.facts.learned_on {
            continue;
        }
        for owed in owed(view.facts.chain, &view.known, period.days, grace, view.ctx.timezone) {
            let (vendor, due_on) = (owed.vendor, owed.due_on);
            let days = unreported(view.facts.declarations, vendor.id, period.days);
            if days.is_empty() {
                continue;
            }
            if due_on >= view.today {
                out.look_again(due_on.succ_opt());
                continue;
            }
            let owed = Missed { due_on, days };
            match missed.iter_mut().find(|(other, _)| other.id == vendor.id) {
                Some((_, periods)) => periods.push(owed),
                None => missed.push((vendor, vec![owed])),
            }
        }
    }
    for (vendor, periods) in missed {
        out.push(found(view, vendor, &periods));
    }
}

/// What of a period is owed.
struct Missed {
    due_on: NaiveDate,
    /// Not reported of; never empty.
    days: DaySet,
}

fn found(view: &View<'_>, vendor: &Vendor, missed: &[Missed]) -> Finding {
    let kind = AlertKind::DeclarationOverdue;
    let severity = if missed.len() > 1 && view.my_number() { Severity::Critical } else { Severity::Warning };
    let ranges = missed.iter().flat_map(|owed| owed.days.ranges());
    let spelled = ranges.map(|days| format!("{}から{}まで", days.from, days.to)).collect::<Vec<_>>();
    let places = [("vendor", &*vendor.name), ("periods", &*spelled.join("、"))];
    let message = view.say("{vendor}の{periods}の再委託状況報告が提出されていません", &places);
    let subject = format!("{}:{}", view.facts.chain.contract_id, vendor.id);
    let finding = Finding {
        vendor_id: Some(vendor.id),
        due_on: missed.iter().map(|owed| owed.due_on).min(),
        step: missed.iter().map(|owed| owed.due_on).max().map_or(Step::Opened, Step::Missed),
        ..Finding::new(kind, subject, severity, message)
    };
    finding.tell([vendor.id])
}
