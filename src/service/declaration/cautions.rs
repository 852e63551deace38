//! What a vendor should look at once more before it reports: uses that it reported last time and now says nothing of, and
//! what the contract does not allow. None of it refuses a report (api.md); what is reported so opens an alert.

use chrono::NaiveDate;

use super::view::LeftOut;
use super::{Used, open_uses};
use crate::domain::chain::Known;
use crate::domain::contract::{HOME, Overseas};
use crate::domain::country;
use crate::domain::days::DayRange;
use crate::domain::id::{OrganizationId, SubjectId};
use crate::service::application::{OVERSEAS, breaches};

/// The uses that the organization's reports so far have without an end and this one leaves out. They go on counting: an end
/// is declared, never assumed. `before`: as known before this report.
pub(super) fn left_out(before: &Known<'_>, own: OrganizationId, uses: &[(Used, SubjectId)]) -> Vec<LeftOut> {
    let open = open_uses(before, own).into_iter();
    let silent = open.filter(|said| uses.iter().all(|(used, _)| used.place.id != said.engagement_id));
    silent
        .map(|said| LeftOut {
            engagement_id: said.engagement_id,
            vendor_name: before
                .engagement(said.engagement_id)
                .map(|place| place.vendor.name.clone())
                .unwrap_or_default(),
            started_on: said.started_on,
        })
        .collect()
}

/// Where a use goes beyond the contract, in words, of each as they were given. `after`: as known with this report.
pub(super) fn beyond(after: &Known<'_>, uses: &[(Used, SubjectId)]) -> Vec<String> {
    uses.iter().zip(1..).flat_map(|(one, place)| of_use(after, one, place)).collect()
}

fn of_use(after: &Known<'_>, (used, _): &(Used, SubjectId), place: usize) -> Vec<String> {
    let Some(engagement) = after.engagement(used.place.id) else { return Vec::new() };
    let said = &used.said;
    let Some(days) = days(after, said.started_on, said.ended_on) else { return Vec::new() };
    // As the rules read it: where no country is named, the vendor's own counts.
    let code = said.country.as_deref().unwrap_or(&engagement.vendor.country);
    let whom = format!("再委託先 {place}（{}）: ", engagement.vendor.name);
    let breaches = breaches(after, days, engagement.tier, code);
    let is_forbidden = breaches.iter().any(|(code, _)| *code == OVERSEAS);
    let mut found: Vec<String> = breaches
        .into_iter()
        .map(|(breach, message)| match breach {
            OVERSEAS => format!("{whom}作業する国が{}です。{message}", country::name(code)),
            _ => format!("{whom}{message}"),
        })
        .collect();
    let mut terms = after.terms_within(days);
    let asks_consent = terms.any(|(_, terms)| terms.subcontracting.overseas == Overseas::ConsentRequired);
    let consents = after.consents(engagement.id).iter().filter(|held| held.valid.is_some());
    let is_consented = consents.into_iter().any(|held| held.consent.country == code);
    if code != HOME && asks_consent && !is_forbidden && !is_consented {
        found.push(format!("{whom}国外（{}）での取扱いの承認を確認できません。", country::name(code)));
    }
    found
}

/// The days of a use as stated; one without an end goes on to the contract's last day.
fn days(after: &Known<'_>, from: NaiveDate, to: Option<NaiveDate>) -> Option<DayRange> {
    DayRange::new(from, to.or(after.last_day()).unwrap_or(from).max(from))
}
