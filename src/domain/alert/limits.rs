//! The contract's limits, judged on what is stated and consented up to today: subcontracting prohibited, tier,
//! ratio, work abroad, persons.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::view::{Outcome, View, name_of};
use super::{AlertKind, Finding, Severity};
use crate::domain::chain::{Engagement, HeldConsent, Statement};
use crate::domain::contract::{DataCategory, DataVolume, Overseas, Policy, Terms};
use crate::domain::days::DayRange;
use crate::domain::text_enum::TextEnum;

pub(super) const WHY_GONE: &str = "是正され、又は契約の定めの範囲内になりました";

const HOME: &str = "JP";

pub(super) fn evaluate(view: &View<'_>, out: &mut Outcome) {
    let (Some(contract), Some(terms)) = (view.period(), view.terms()) else { return };
    for (engagement, _) in view.below() {
        for day in turning_days(view, engagement) {
            out.look_again(Some(day));
        }
        let statements = begun(view, engagement);
        if statements.is_empty() {
            continue;
        }
        place(view, out, terms, engagement);
        overseas(view, out, terms, engagement, &statements);
        volume(view, out, contract, engagement, &statements);
    }
    ratio(view, out, terms);
}

/// The statements in force whose use has begun.
fn begun<'a>(view: &View<'a>, engagement: &Engagement) -> Vec<&'a Statement> {
    let statements = view.known.statements(engagement.id).iter().copied();
    statements.filter(|statement| statement.started_on <= view.today).collect()
}

/// The days on which a statement or a consent begins to count or counts no more.
fn turning_days(view: &View<'_>, engagement: &Engagement) -> Vec<NaiveDate> {
    let uses = view.known.statements(engagement.id).iter();
    let uses = uses.flat_map(|s| [Some(s.started_on), s.ended_on.and_then(|day| day.succ_opt())]);
    let consents = view.known.consents(engagement.id).iter().filter_map(|held| held.valid);
    let consents = consents.flat_map(|valid| [Some(valid.from), valid.to.succ_opt()]);
    uses.chain(consents).flatten().collect()
}

/// Prohibited altogether, or too deep.
fn place(view: &View<'_>, out: &mut Outcome, terms: &Terms, engagement: &Engagement) {
    let severities = &view.ctx.settings.severities;
    let vendor = name_of(engagement);
    if terms.subcontracting.policy == Policy::Prohibited {
        let message =
            view.say("再委託を禁止する契約で、{vendor}の使用が報告されています", &[("vendor", &*vendor)]);
        let severity = severities.subcontracting_prohibited;
        out.push(about(engagement, AlertKind::SubcontractingProhibited, severity, message));
    } else if let Some(limit) = terms.subcontracting.max_tier.filter(|limit| engagement.tier > *limit) {
        let places = [("vendor", &*vendor), ("limit", &*limit.to_string())];
        let message =
            view.say("{vendor}の使用が報告されていますが、契約で認める階層は第{limit}層までです", &places);
        out.push(about(engagement, AlertKind::TierExceeded, severities.tier_exceeded, message));
    }
}

fn about(engagement: &Engagement, kind: AlertKind, severity: Severity, message: String) -> Finding {
    Finding {
        engagement_id: Some(engagement.id),
        ..Finding::new(kind, engagement.id.to_string(), severity, message)
    }
}

/// Stated in use abroad, where that is prohibited or no consent names the country.
fn overseas(
    view: &View<'_>,
    out: &mut Outcome,
    terms: &Terms,
    engagement: &Engagement,
    stated: &[&Statement],
) {
    let consents = view.known.consents(engagement.id).iter().filter(|held| held.valid.is_some());
    let consented: BTreeSet<&str> = match terms.subcontracting.overseas {
        Overseas::Prohibited => BTreeSet::new(),
        Overseas::ConsentRequired => consents.map(|held| held.consent.country.as_str()).collect(),
    };
    let countries = stated.iter().filter_map(|statement| statement.country.as_deref());
    let abroad: BTreeSet<&str> =
        countries.filter(|country| *country != HOME && !consented.contains(country)).collect();
    if abroad.is_empty() {
        return;
    }
    let template = match terms.subcontracting.overseas {
        Overseas::Prohibited => {
            "{vendor}について、契約が禁止する国外（{countries}）での取扱いが報告されています"
        }
        Overseas::ConsentRequired => "{vendor}について、国外（{countries}）での取扱いの承認を確認できません",
    };
    let countries = abroad.into_iter().collect::<Vec<_>>().join("、");
    let message = view.say(template, &[("vendor", &*name_of(engagement)), ("countries", &*countries)]);
    let severity = view.ctx.settings.severities.overseas_handling;
    out.push(about(engagement, AlertKind::OverseasHandling, severity, message));
}

/// More persons stated than the consents allow that held when the statement last spoke of use. Consents side by
/// side add up; a category on which either side is silent is not judged.
fn volume(
    view: &View<'_>,
    out: &mut Outcome,
    contract: DayRange,
    engagement: &Engagement,
    stated: &[&Statement],
) {
    for category in DataCategory::ALL {
        let excess = stated.iter().filter_map(|statement| {
            let said = persons(&statement.data, *category)?;
            let end = statement.ended_on.unwrap_or(contract.to).min(view.today).max(statement.started_on);
            let held = view
                .known
                .consents(engagement.id)
                .iter()
                .filter(|h| h.valid.is_some_and(|v| v.contains(end)));
            let allowed =
                held.filter_map(|held| persons(&held.consent.data, *category)).reduce(i64::saturating_add)?;
            (said > allowed).then_some((said, allowed))
        });
        let Some((said, allowed)) = excess.max() else { continue };
        let template = "{vendor}の{category}について、報告された人数（{said}人）が承認した人数（{allowed}人）を超えています";
        let places = [
            ("vendor", &*name_of(engagement)),
            ("category", label(*category)),
            ("said", &*said.to_string()),
            ("allowed", &*allowed.to_string()),
        ];
        let severity = view.ctx.settings.severities.volume_exceeded;
        let finding = about(engagement, AlertKind::VolumeExceeded, severity, view.say(template, &places));
        out.push(Finding { subject: format!("{}:{category}", engagement.id), ..finding });
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

/// Tier 2 against the contract's amount: for each engagement what was consented, or what a source states where
/// that is more.
fn ratio(view: &View<'_>, out: &mut Outcome, terms: &Terms) {
    let Some(limit) = terms.subcontracting.max_ratio_percent.filter(|_| terms.amount_yen > 0) else { return };
    let tier_2 = view.below().filter(|(engagement, _)| engagement.tier == 2);
    let total: i128 = tier_2
        .map(|(engagement, _)| {
            let consents = view.known.consents(engagement.id).iter().filter(|held| counts(view, held));
            let consented: i128 = consents.map(|held| i128::from(held.consent.amount_yen)).sum();
            let stated =
                begun(view, engagement).into_iter().filter_map(|statement| statement.amount_yen).max();
            consented.max(stated.map_or(0, i128::from))
        })
        .sum();
    let amount = i128::from(terms.amount_yen);
    if total == 0 || total * 100 < i128::from(limit) * amount {
        return;
    }
    let places =
        [("total", &*total.to_string()), ("amount", &*amount.to_string()), ("limit", &*limit.to_string())];
    let template =
        "再委託の金額の合計（{total}円）が、契約金額（{amount}円）に対する上限（{limit}％）に達しています";
    let severity = view.ctx.settings.severities.ratio_exceeded;
    let message = view.say(template, &places);
    out.push(Finding::new(
        AlertKind::RatioExceeded,
        view.facts.chain.contract_id.to_string(),
        severity,
        message,
    ));
}

/// A consent's amount counts from its first day, and goes on counting when its days are over, for the money is
/// spent; not when a revocation or a superseding consent has ended it.
fn counts(view: &View<'_>, held: &HeldConsent<'_>) -> bool {
    held.valid.is_some_and(|valid| {
        valid.from <= view.today && (view.today <= valid.to || valid.to == held.consent.valid_until)
    })
}
