//! The contract's limits, judged on what is stated and consented up to today: subcontracting prohibited, tier,
//! ratio, work abroad, persons. While a use runs, its excess stands until it is corrected or accepted to a day; once
//! the use has ended, until a person has recorded what was done about it.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::view::{Outcome, View, name_of};
use super::{AlertFact, AlertKind, Finding, Severity};
use crate::domain::chain::{Engagement, Statement};
use crate::domain::contract::{DataCategory, DataVolume, HOME, Overseas, Policy, Terms};
use crate::domain::country;
use crate::domain::days::{DayRange, DaySet};
use crate::domain::ratio;
use crate::domain::text_enum::TextEnum;

pub(super) const WHY_GONE: &str = "是正され、又は契約の定めの範囲内になりました";
pub(super) const WHY_ANSWERED: &str = "使用が終わり、とった措置が記録されています";

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    let (Some(contract), Some(terms)) = (view.period(), view.terms()) else { return };
    for (engagement, _) in view.below() {
        for day in turning_days(view, contract, engagement) {
            out.look_again(Some(day));
        }
        let stated = begun(view, engagement);
        if stated.is_empty() {
            continue;
        }
        let used = Used { contract, terms, engagement, stated };
        place(view, out, &used);
        overseas(view, out, &used);
        volume(view, out, &used);
    }
    ratio(view, out, contract, terms);
}

/// An engagement that is in use, or was.
struct Used<'a> {
    contract: DayRange,
    terms: &'a Terms,
    engagement: &'a Engagement,
    /// The statements in force whose use has begun.
    stated: Vec<&'a Statement>,
}

fn begun<'a>(view: &View<'a>, engagement: &Engagement) -> Vec<&'a Statement> {
    let statements = view.known.statements(engagement.id).iter().copied();
    statements.filter(|statement| statement.started_on <= view.today).collect()
}

/// The days of a use as stated; one without an end goes on to the contract's last day.
fn days_of(contract: DayRange, statement: &Statement) -> Option<DayRange> {
    let silent_end = contract.to.max(statement.started_on);
    DayRange::new(statement.started_on, statement.ended_on.unwrap_or(silent_end))
}

/// Says the excess on these days while they run; when they are over, as long as nobody has recorded what was done
/// about them. An acceptance speaks of the days up to its end.
fn stand(view: &View<'_>, out: &mut Outcome, days: DaySet, finding: Finding) {
    let finding = Finding { days, ..finding };
    let runs = finding.days.contains(view.today);
    match view.unresolved(finding.kind, &finding.subject) {
        Some(alert) if !runs && alert.measure.is_some() => out.answer(alert, finding),
        None if !runs && finding.days.difference(&answered(view, &finding)).is_empty() => {}
        _ => out.push(finding),
    }
}

fn answered(view: &View<'_>, finding: &Finding) -> DaySet {
    let days = |alert: &AlertFact| match alert.accepted_until {
        Some(until) => alert.days.up_to(until),
        None => alert.days.clone(),
    };
    let measured = view.resolved(finding.kind, &finding.subject).filter(|alert| alert.measure.is_some());
    measured.fold(DaySet::new(), |all, alert| all.union(&days(alert)))
}

/// The days on which a statement or a consent begins to count or counts no more.
fn turning_days(view: &View<'_>, contract: DayRange, engagement: &Engagement) -> Vec<NaiveDate> {
    let uses = view.known.statements(engagement.id).iter().filter_map(|s| days_of(contract, s));
    let uses = uses.flat_map(|days| [Some(days.from), days.to.succ_opt()]);
    let consents = view.known.consents(engagement.id).iter().filter_map(|held| held.valid);
    let consents = consents.flat_map(|valid| [Some(valid.from), valid.to.succ_opt()]);
    uses.chain(consents).flatten().collect()
}

/// Prohibited altogether, or too deep.
fn place(view: &View<'_>, out: &mut Outcome, used: &Used<'_>) {
    let (severities, clause) = (&view.ctx.settings.severities, &used.terms.subcontracting);
    let (engagement, vendor) = (used.engagement, name_of(used.engagement));
    let days = used.stated.iter().filter_map(|statement| days_of(used.contract, statement)).collect();
    if clause.policy == Policy::Prohibited {
        let message =
            view.say("再委託を禁止する契約で、{vendor}の使用が報告されています", &[("vendor", &*vendor)]);
        let severity = severities.subcontracting_prohibited;
        stand(view, out, days, about(engagement, AlertKind::SubcontractingProhibited, severity, message));
    } else if let Some(limit) = clause.max_tier.filter(|limit| engagement.tier > *limit) {
        let places = [("vendor", &*vendor), ("limit", &*limit.to_string())];
        let message =
            view.say("{vendor}の使用が報告されていますが、契約で認める階層は第{limit}層までです", &places);
        stand(view, out, days, about(engagement, AlertKind::TierExceeded, severities.tier_exceeded, message));
    }
}

fn about(engagement: &Engagement, kind: AlertKind, severity: Severity, message: String) -> Finding {
    Finding {
        engagement_id: Some(engagement.id),
        ..Finding::new(kind, engagement.id.to_string(), severity, message)
    }
}

/// Stated in use abroad, where that is prohibited or no consent names the country. Where a statement names none, the
/// vendor's own counts.
fn overseas(view: &View<'_>, out: &mut Outcome, used: &Used<'_>) {
    let consents = view.known.consents(used.engagement.id).iter().filter(|held| held.valid.is_some());
    let consented: BTreeSet<&str> = match used.terms.subcontracting.overseas {
        Overseas::Prohibited => BTreeSet::new(),
        Overseas::ConsentRequired => consents.map(|held| held.consent.country.as_str()).collect(),
    };
    let own = used.engagement.vendor.country.as_str();
    let used_in = |statement: &Statement| statement.country.as_deref().unwrap_or(own).to_owned();
    let abroad = |statement: &&&Statement| {
        let code = used_in(statement);
        code != HOME && !consented.contains(&*code)
    };
    let countries: BTreeSet<String> = used.stated.iter().filter(abroad).map(|it| used_in(it)).collect();
    if countries.is_empty() {
        return;
    }
    let template = match used.terms.subcontracting.overseas {
        Overseas::Prohibited => {
            "{vendor}について、契約が禁止する国外（{countries}）での取扱いが報告されています"
        }
        Overseas::ConsentRequired => "{vendor}について、国外（{countries}）での取扱いの承認を確認できません",
    };
    let days = used.stated.iter().filter(abroad).filter_map(|it| days_of(used.contract, it)).collect();
    let countries = countries.iter().map(|code| country::name(code)).collect::<Vec<_>>().join("、");
    let message = view.say(template, &[("vendor", &*name_of(used.engagement)), ("countries", &*countries)]);
    let severity = view.ctx.settings.severities.overseas_handling;
    stand(view, out, days, about(used.engagement, AlertKind::OverseasHandling, severity, message));
}

/// More persons stated than the consents allow that held when the statement last spoke of use. Consents side by
/// side add up; a category on which either side is silent is not judged.
fn volume(view: &View<'_>, out: &mut Outcome, used: &Used<'_>) {
    for category in DataCategory::ALL {
        let excess = |statement: &Statement| {
            let said = persons(&statement.data, *category)?;
            let days = days_of(used.contract, statement)?;
            let end = days.to.min(view.today).max(days.from);
            let consents = view.known.consents(used.engagement.id).iter();
            let held = consents.filter(|held| held.valid.is_some_and(|valid| valid.contains(end)));
            let allowed =
                held.filter_map(|held| persons(&held.consent.data, *category)).reduce(i64::saturating_add)?;
            (said > allowed).then_some((said, allowed, days))
        };
        let found: Vec<(i64, i64, DayRange)> = used.stated.iter().filter_map(|it| excess(it)).collect();
        let Some((said, allowed, _)) = found.iter().max() else { continue };
        let template = "{vendor}の{category}について、報告された人数（{said}人）が承認した人数（{allowed}人）を超えています";
        let places = [
            ("vendor", &*name_of(used.engagement)),
            ("category", label(*category)),
            ("said", &*said.to_string()),
            ("allowed", &*allowed.to_string()),
        ];
        let severity = view.ctx.settings.severities.volume_exceeded;
        let message = view.say(template, &places);
        let finding = about(used.engagement, AlertKind::VolumeExceeded, severity, message);
        let subject = format!("{}:{category}", used.engagement.id);
        let days = found.iter().map(|(_, _, days)| *days).collect();
        stand(view, out, days, Finding { subject, ..finding });
    }
}

/// Persons of a category, where the list names it.
fn persons(data: &[DataVolume], category: DataCategory) -> Option<i64> {
    data.iter().filter(|volume| volume.category == category).map(|volume| volume.persons).max()
}

fn label(category: DataCategory) -> &'static str {
    match category {
        DataCategory::Personal => "個人情報",
        DataCategory::MyNumber => "特定個人情報",
        DataCategory::Sensitive => "要配慮個人情報",
    }
}

/// Tier 2 against the contract's amount, by what has begun. The money is the contract's as long as that runs.
fn ratio(view: &View<'_>, out: &mut Outcome, contract: DayRange, terms: &Terms) {
    let Some(reached) = ratio::reached(&view.known, terms, view.today, &[]) else { return };
    out.look_again(contract.to.succ_opt());
    let places = [
        ("total", &*reached.total_yen.to_string()),
        ("amount", &*terms.amount_yen.to_string()),
        ("limit", &*reached.limit_percent.to_string()),
    ];
    let template =
        "再委託の金額の合計（{total}円）が、契約金額（{amount}円）に対する上限（{limit}％）に達しています";
    let severity = view.ctx.settings.severities.ratio_exceeded;
    let subject = view.facts.chain.contract_id.to_string();
    let finding = Finding::new(AlertKind::RatioExceeded, subject, severity, view.say(template, &places));
    stand(view, out, Some(contract).into(), finding);
}
