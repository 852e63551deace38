//! 検査・点検: due, overdue, and a 年度 without an on-site audit.

use chrono::NaiveDate;

use super::view::{Outcome, View, name_of};
use super::{AlertFact, AlertKind, Finding, Severity, Step};
use crate::domain::audit::{AuditFact, has_cancelled_on_site, has_on_site};
use crate::domain::calendar::{add_days, fiscal_year, fiscal_year_range};
use crate::domain::chain::Engagement;
use crate::domain::contract::Terms;
use crate::domain::days::DayRange;

/// From so many days before the due day on, it is a warning.
const WARNING_DAYS: i64 = 7;

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    let Some(contract) = view.period() else { return };
    for audit in view.facts.audits.iter().filter(|audit| audit.is_open() && audit.due_on <= contract.to) {
        if view.today <= audit.due_on {
            due(view, out, audit);
        } else {
            overdue(view, out, audit);
        }
    }
    missing(view, out, contract);
}

fn due(view: &View<'_>, out: &mut Outcome, audit: &AuditFact) {
    let step = out.step_before(audit.due_on, &view.ctx.settings.audit_due_days);
    let warning_from = add_days(audit.due_on, -WARNING_DAYS);
    out.look_again(Some(warning_from));
    let Some(step) = step else { return };
    let severity = if view.today >= warning_from { Severity::Warning } else { Severity::Info };
    let finding = about(view, audit, AlertKind::AuditDue, severity, "{vendor}の{audit}の期限は{day}です");
    out.push(Finding { step, ..finding });
}

fn overdue(view: &View<'_>, out: &mut Outcome, audit: &AuditFact) {
    let kind = AlertKind::AuditOverdue;
    let alert = view.unresolved(kind, audit.id.as_str());
    let opened_on = alert.map_or(view.today, |alert| alert.opened_on);
    let weeks = (view.today - opened_on).num_days() / 7;
    out.look_again(Some(add_days(opened_on, 7 * (weeks + 1))));
    let step = if weeks == 0 { Step::Opened } else { Step::Weekly(weeks) };
    let template = "{vendor}の{audit}について、期限（{day}）までの実施が登録されていません";
    out.push(Finding { step, ..about(view, audit, kind, Severity::Critical, template) });
}

/// The engagement's vendor is told, else the prime; of an unannounced audit neither.
fn about(view: &View<'_>, audit: &AuditFact, kind: AlertKind, severity: Severity, template: &str) -> Finding {
    let engagement: Option<&Engagement> =
        audit.engagement_id.and_then(|id| view.known.engagement(id)).or_else(|| view.prime());
    // Of one that is unannounced the vendor hears nothing.
    let vendor_id = engagement.map(|engagement| engagement.vendor.id).filter(|_| !audit.unannounced);
    let name = engagement.map(name_of).unwrap_or_default();
    let day = audit.due_on.to_string();
    let kind_of = audit.kind.label();
    let kind_of = if audit.unannounced { format!("{kind_of}（予告なし）") } else { kind_of.to_owned() };
    let places = [("vendor", &*name), ("audit", &*kind_of), ("day", &*day)];
    let finding = Finding {
        engagement_id: audit.engagement_id,
        vendor_id,
        audit_id: Some(audit.id),
        due_on: Some(audit.due_on),
        ..Finding::new(kind, audit.id.to_string(), severity, view.say(template, &places))
    };
    finding.tell(vendor_id)
}

fn missing(view: &View<'_>, out: &mut Outcome, contract: DayRange) {
    let first = fiscal_year(view.facts.learned_on.max(contract.from));
    let this_year = fiscal_year(view.today);
    out.look_again(Some(contract.from));
    if view.today < contract.to {
        out.look_again(Some(fiscal_year_range(this_year.saturating_add(1)).0));
    }
    for year in first..=this_year.min(fiscal_year(contract.to)) {
        let (from, to) = fiscal_year_range(year);
        let Some(runs) = DayRange::new(from, to).and_then(|days| days.intersection(&contract)) else {
            continue;
        };
        let data_entrusted = view.terms_in(runs).is_some_and(Terms::entrusts_data);
        if view.today < runs.from || !data_entrusted || has_on_site(view.facts.audits, year, contract.to) {
            continue;
        }
        let kind = AlertKind::AuditMissing;
        let subject = format!("{}:{year}", view.facts.chain.contract_id);
        // A past 年度 that was once answered is not asked for again; one not answered yet stays. A plan that was
        // cancelled afterwards is no answer, what a person recorded is.
        let cancelled = has_cancelled_on_site(view.facts.audits, year, contract.to);
        let answered = view.unresolved(kind, &subject).is_none()
            && view.resolved(kind, &subject).any(|alert| !cancelled || alert.measure.is_some());
        if year < this_year && answered {
            continue;
        }
        let places = [("year", &*year.to_string()), ("day", &*runs.to.to_string())];
        let message = view.say("{year}年度の実地検査（{day}まで）が計画も実施もされていません", &places);
        out.push(Finding {
            due_on: Some(runs.to),
            ..Finding::new(kind, subject, Severity::Warning, message)
        });
    }
}

/// Whether an `audit_missing` speaks of a 年度 that is over.
pub(super) fn is_past(subject: &str, today: NaiveDate) -> bool {
    let year = subject.rsplit(':').next().and_then(|year| year.parse::<i32>().ok());
    year.is_some_and(|year| year < fiscal_year(today))
}

pub(super) fn why_gone(view: &View<'_>, alert: &AlertFact) -> String {
    let audit = view.facts.audits.iter().find(|audit| audit.id.as_str() == alert.subject);
    if let Some(cancelled) = audit.and_then(|audit| audit.cancelled.as_ref()) {
        return view.say("計画が取り消されました（理由：{reason}）", &[("reason", &cancelled.reason)]);
    }
    let done = audit.is_some_and(|audit| audit.done_on.is_some());
    let why = match alert.kind {
        AlertKind::AuditMissing => "実地検査が計画若しくは実施され、又は対象でなくなりました",
        _ if done => "実施が登録されました",
        AlertKind::AuditDue if alert.due_on.is_some_and(|due| due < view.today) => {
            "期限を過ぎたため、期限超過のアラートに替わりました"
        }
        _ => "契約期間又は通知の設定が変わりました",
    };
    view.say(why, &[])
}
