//! What an application would meet if it were filed now, told to the vendor while it is still writing. Nothing is
//! recorded; what only the filing itself can show (a company's number that is not in the register) is not told.

use chrono::NaiveDate;
use serde::Serialize;

use super::file::{
    ApplicationInput, CorrectionInput, breaches, may_apply_under, parent, planned, refuse_pending, rules,
};
use super::warnings::vendor_abroad;
use crate::db;
use crate::domain::alert;
use crate::domain::contract::HOME;
use crate::domain::days::DayRange;
use crate::domain::id::{ApplicationId, ContractId, EngagementId};
use crate::service::case::{Case, refuse_cycle};
use crate::service::vendor::must_be_vendor;
use crate::service::{App, Call, Failure};

/// By when the agency wants to have decided, by its own settings.
#[derive(Debug, Clone, Serialize)]
pub struct Ahead {
    /// The last day for the decision, if it is filed today and the work is to start on the day applied for.
    pub decide_by: NaiveDate,
    /// So many working days before the start at the latest.
    pub days_before: i32,
    /// That day is reckoned from the filing, so many working days after it; None: from the start.
    pub days_after: Option<i32>,
    /// The last day before the start has gone by: the start may come before the decision.
    pub late: bool,
    /// What is to be looked at where the vendor itself is abroad and the contract forbids work there.
    pub abroad: Option<String>,
}

/// What the clause on subcontracting forbids below a place from today to the contract's end, in words.
pub fn bars(
    app: &App,
    call: &Call,
    contract: ContractId,
    parent: EngagementId,
) -> Result<Vec<String>, Failure> {
    app.db.read(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let parent = case.engagement(&known, parent)?;
        let Some(period) = known.period() else { return Ok(Vec::new()) };
        let from = app.today().clamp(period.from, period.to);
        let found = breaches(&known, DayRange { from, to: period.to }, parent.tier + 1, HOME);
        Ok(found.into_iter().map(|(_, message)| message).collect())
    })
}

/// What the application would meet; refused as [`super::file`] would refuse it.
pub fn ahead(
    app: &App,
    call: &Call,
    contract: ContractId,
    given: &ApplicationInput,
) -> Result<Ahead, Failure> {
    let today = app.today();
    app.db.read(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let parent = parent(&case, &known, given)?;
        may_apply_under(&case, call, parent)?;
        let there = known.engagements().find(|it| match given.engagement_id {
            Some(id) => it.id == id,
            None => it.parent_id == Some(parent.id) && Some(it.vendor.id) == given.vendor_id,
        });
        let named = match (there, given.vendor_id) {
            (None, Some(id)) => Some(must_be_vendor(conn, id, "/vendor_id")?),
            _ => None,
        };
        let vendor = there.map(|it| it.vendor.id).or(given.vendor_id);
        vendor.map_or(Ok(()), |vendor| refuse_cycle(&known, parent, vendor))?;
        let typed = given.vendor.as_ref();
        let typed_number = typed.and_then(|it| it.corporate_number).map(|number| number.to_string());
        let to_be = match (&named, typed) {
            (Some(row), _) => Some((Some(row.id), row.name.as_str(), row.corporate_number.as_deref())),
            (None, Some(typed)) => Some((None, typed.name.as_str(), typed_number.as_deref())),
            (None, None) => None,
        };
        if let Some(vendor) = to_be.filter(|_| there.is_none()) {
            given.named_vendor().refuse_same_company(&known, parent, vendor)?;
        }
        let country = there.map(|it| it.vendor.country.as_str());
        let country = country.or(named.as_ref().map(|row| row.country.as_str()));
        let country = country.or(given.vendor.as_ref().map(|inline| inline.country.as_str()));
        let own_country = country.unwrap_or(HOME);
        let content = given.content.in_country(own_country);
        // No place yet: an identifier that no other application has.
        let place = there.map_or(EngagementId::from_uuid(uuid::Uuid::nil()), |it| it.id);
        refuse_pending(&known, place)?;
        let planned = planned(conn, contract, place, given.supersedes, content.amount_yen)?;
        rules(&known, parent, &content, &planned, today)?;
        let (settings, _) = db::setting::find(conn, case.facts.agency_id)?;
        let calendar = db::calendar::calendar(conn, &settings.closed_days)?;
        let before_start = alert::decide_before_start(content.starts_on, &calendar, &settings);
        let decide_by = alert::would_decide_by(today, content.starts_on, &calendar, &settings);
        let days = DayRange { from: content.starts_on, to: content.ends_on };
        let country = content.country.as_deref().unwrap_or(HOME);
        Ok(Ahead {
            decide_by,
            days_before: settings.decision_before_start_days,
            days_after: (decide_by < before_start).then_some(settings.decision_working_days),
            late: before_start < today,
            abroad: vendor_abroad(&known, days, own_country, country),
        })
    })
}

/// As [`Ahead::abroad`], of a 補正.
pub fn abroad(
    app: &App,
    call: &Call,
    id: ApplicationId,
    given: &CorrectionInput,
) -> Result<Option<String>, Failure> {
    app.db.read(|conn| {
        let contract = db::chain::contract_of_application(conn, id)?;
        let case = Case::open(conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let (row, _) = db::chain::find_application(conn, id)?;
        let own = case.engagement(&known, row.engagement_id)?.vendor.country.as_str();
        let days = DayRange { from: given.starts_on, to: given.ends_on };
        Ok(vendor_abroad(&known, days, own, given.country.as_deref().unwrap_or(own)))
    })
}
