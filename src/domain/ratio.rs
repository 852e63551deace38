//! 再委託金額の割合: how much of the contract's amount tier 2 takes. The application's door and the alert reckon
//! alike.

use chrono::NaiveDate;

use super::chain::{HeldConsent, Known};
use super::contract::Terms;
use super::id::EngagementId;

/// An application that is not decided yet.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// Its place; it need not be known yet.
    pub engagement_id: EngagementId,
    pub amount_yen: i64,
    /// A consent to it takes the place of the earlier ones.
    pub supersedes: bool,
}

/// Tier 2's amounts are at or over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub total_yen: i128,
    pub limit_percent: i32,
}

/// Whether tier 2's amounts reach the limit of these terms on a day: for each engagement the sum of its consents
/// that count, or what a source states by then where that is more. With applications planned, those of tier 2 are
/// added, and what is consented for later days counts too. None also where there is no limit, where nothing is
/// taken, and where the contract's amount is 0, that is not fixed: there is no ratio to it.
pub fn reached(known: &Known<'_>, terms: &Terms, day: NaiveDate, planned: &[Planned]) -> Option<Reached> {
    let limit_percent = terms.subcontracting.max_ratio_percent.filter(|_| terms.amount_yen > 0)?;
    let new = planned.iter().filter(|it| known.engagement(it.engagement_id).is_none());
    let of_new: i128 = new.map(|it| i128::from(it.amount_yen)).sum();
    let tier_2 = known.engagements().filter(|engagement| engagement.tier == 2);
    let total_yen = of_new + tier_2.map(|it| taken(known, it.id, day, planned)).sum::<i128>();
    let is_reached =
        total_yen > 0 && total_yen * 100 >= i128::from(limit_percent) * i128::from(terms.amount_yen);
    is_reached.then_some(Reached { total_yen, limit_percent })
}

fn taken(known: &Known<'_>, id: EngagementId, day: NaiveDate, planned: &[Planned]) -> i128 {
    let own = || planned.iter().filter(|it| it.engagement_id == id);
    let replaced = own().any(|it| it.supersedes);
    let ahead = !planned.is_empty();
    let consents = known.consents(id).iter().filter(|held| !replaced && counts(held, day, ahead));
    let consented: i128 = consents.map(|held| i128::from(held.consent.amount_yen)).sum();
    let applied: i128 = own().map(|it| i128::from(it.amount_yen)).sum();
    let begun = known.statements(id).iter().filter(|statement| statement.started_on <= day);
    let stated = begun.filter_map(|statement| statement.amount_yen).max().map_or(0, i128::from);
    (consented + applied).max(stated)
}

/// A consent's amount counts from its first day, or at once when looking `ahead`, and goes on counting when its days
/// are over, for the money is spent; not when a revocation or a superseding consent has ended it. Looking ahead, the
/// superseding one has taken its place already.
fn counts(held: &HeldConsent<'_>, day: NaiveDate, ahead: bool) -> bool {
    held.valid.is_some_and(|valid| {
        let uncut = valid.to == held.consent.valid_until;
        let still_holds = day <= valid.to && (held.revoked || !ahead);
        (ahead || valid.from <= day) && (uncut || still_holds)
    })
}
