//! One contract opened for one caller: its facts, and which of its engagements the caller may know of.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::Failure;
use super::vendor::{InlineVendor, NamedVendor, OtherName};
use crate::db::facts::ContractFacts;
use crate::db::organization::OrganizationRow;
use crate::db::{self, Conn, Tx};
use crate::domain::access::Scope;
use crate::domain::chain::{Engagement, Known, Source};
use crate::domain::contract::{DataVolume, Stamp};
use crate::domain::days::DayRange;
use crate::domain::id::{ContractId, EngagementId, OrganizationId};
use crate::domain::input::FieldError;

/// A contract with its facts, opened in a scope.
pub struct Case {
    pub facts: ContractFacts,
    scope: Scope,
}

impl Case {
    /// Loads the contract; not found when the scope may not know of it.
    pub fn open(conn: &mut Conn, scope: Scope, id: ContractId) -> Result<Self, Failure> {
        db::contract::find(conn, &scope, id)?;
        Ok(Self { facts: db::facts::load(conn, id)?, scope })
    }

    /// The contract.
    pub fn id(&self) -> ContractId {
        self.facts.chain.contract_id
    }

    /// The vendor that looks, if one does.
    pub fn vendor(&self) -> Option<OrganizationId> {
        match self.scope {
            Scope::Vendor(id) => Some(id),
            Scope::Agency(_) | Scope::Overseer | Scope::Nothing | Scope::Program => None,
        }
    }

    /// Whether the agency's own matters may be shown.
    pub fn is_agency_side(&self) -> bool {
        self.vendor().is_none()
    }

    /// A vendor sees what was declared; what the agency saw is the agency's.
    pub fn may_see(&self, source: Source) -> bool {
        self.is_agency_side() || matches!(source, Source::Declared(_))
    }

    /// The topmost engagements in sight: the prime's for the agency's side, a vendor's own for a vendor.
    pub fn roots<'a>(&self, known: &Known<'a>) -> Vec<&'a Engagement> {
        match self.vendor() {
            None => known.engagements().filter(|e| e.tier == 1).collect(),
            Some(id) => known.engagements().filter(|e| e.vendor.id == id).collect(),
        }
    }

    /// Every engagement in sight: the roots and what hangs below them.
    pub fn sight(&self, known: &Known<'_>) -> HashSet<EngagementId> {
        let mut seen: HashSet<EngagementId> = self.roots(known).iter().map(|e| e.id).collect();
        // Parents come before children.
        for engagement in known.engagements() {
            if engagement.parent_id.is_some_and(|parent| seen.contains(&parent)) {
                seen.insert(engagement.id);
            }
        }
        seen
    }

    /// The engagements that a vendor may know of; None: the agency's side knows all.
    pub fn places_in_sight(&self) -> Option<Vec<EngagementId>> {
        self.vendor().map(|_| self.sight(&self.facts.chain.now()).into_iter().collect())
    }

    /// An engagement in sight; not found otherwise, whether or not it exists.
    pub fn engagement<'a>(&self, known: &Known<'a>, id: EngagementId) -> Result<&'a Engagement, Failure> {
        let engagement = known.engagement(id).ok_or(Failure::NotFound)?;
        if self.is_agency_side() || self.sight(known).contains(&id) {
            Ok(engagement)
        } else {
            Err(Failure::NotFound)
        }
    }
}

/// Refuses a vendor under itself: it must not stand on the path from `parent` to the root.
pub fn refuse_cycle(known: &Known<'_>, parent: &Engagement, vendor: OrganizationId) -> Result<(), Failure> {
    let on_path = parent.vendor.id == vendor || known.ancestors(parent.id).any(|e| e.vendor.id == vendor);
    if on_path {
        return Err(Failure::conflict(
            "vendor_on_path",
            "この事業者は、上位の受託者としてすでに体制に入っています。自社の下に自社を置くことはできません。",
        ));
    }
    Ok(())
}

/// What stands beside an engagement's id: refused where it names another parent or vendor. Answers the name in words
/// where it is not the one that the vendor is known by.
pub fn named_beside(
    tx: &mut Tx<'_>,
    engagement: &Engagement,
    parent: Option<EngagementId>,
    named: &NamedVendor<'_>,
) -> Result<Option<OtherName>, Failure> {
    let at = named.at;
    let vendor = &engagement.vendor;
    let is_another =
        |it: &InlineVendor| it.beside(&vendor.name, vendor.corporate_number.as_deref(), named.names).is_err();
    let others = [
        ("parent_engagement_id", parent.is_some() && parent != engagement.parent_id),
        ("vendor_id", named.id.is_some_and(|id| id != vendor.id)),
        ("vendor", named.inline.is_some_and(is_another)),
    ];
    let errors = others.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| {
        let message = "engagement_id の示す再委託先と食い違っています。どちらか一方だけを指定してください。";
        FieldError::new(format!("{at}/{field}"), "contradiction", message)
    });
    Failure::unless_empty(errors.collect())?;
    let Some(inline) = named.inline else { return Ok(None) };
    let row = db::organization::find(tx.conn, engagement.vendor.id)?;
    Ok(inline.beside_id(tx, row, named.names, "engagement_id", at)?.1)
}

/// The place of the vendor that is named, under a parent; the vendor; and the name that it was given, where that is not
/// the one it is known by.
pub fn place_under(
    tx: &mut Tx<'_>,
    known: &Known<'_>,
    contract: ContractId,
    parent: &Engagement,
    named: &NamedVendor<'_>,
) -> Result<(Place, OrganizationRow, Option<OtherName>), Failure> {
    let (vendor, other) = named.find(tx)?;
    refuse_cycle(known, parent, vendor.id)?;
    named.refuse_same_company(
        known,
        parent,
        (Some(vendor.id), &vendor.name, vendor.corporate_number.as_deref()),
    )?;
    let place = engagement_under(tx, known, contract, parent, vendor.id, named.at)?;
    Ok((place, vendor, other))
}

/// Tiers of a chain at most, the prime's counted. No contract goes near it: it bounds what is walked tier by tier,
/// and the answer that shows it nests two levels a tier where readers of JSON often stop at 128.
const DEEPEST: i32 = 50;

/// The engagement of a vendor under a parent: the one that is there, or a new one; `at` is where in the body.
fn engagement_under(
    tx: &mut Tx<'_>,
    known: &Known<'_>,
    contract: ContractId,
    parent: &Engagement,
    vendor: OrganizationId,
    at: &str,
) -> Result<Place, Failure> {
    let there = known.engagements().find(|e| e.parent_id == Some(parent.id) && e.vendor.id == vendor);
    if let Some(engagement) = there {
        return Ok(Place { id: engagement.id, new: None });
    }
    if parent.tier >= DEEPEST {
        let message =
            format!("再委託の階層は第{DEEPEST}層まで登録できます。上位の受託者を確かめてください。");
        return Err(Failure::field(&format!("{at}/parent_engagement_id"), "too_many_tiers", message));
    }
    let new = db::chain::NewEngagement {
        contract_id: contract,
        parent_id: parent.id,
        vendor_id: vendor,
        tier: parent.tier + 1,
    };
    Ok(Place { id: tx.new_id(), new: Some(new) })
}

/// A place on the chain: there, or to be written with the entry that names it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub id: EngagementId,
    pub new: Option<db::chain::NewEngagement>,
}

impl Place {
    /// Writes the engagement if it is new.
    pub fn settle(self, tx: &mut Tx<'_>, stamp: Stamp) -> Result<(), Failure> {
        match self.new {
            Some(new) => Ok(db::chain::add_engagement(tx, self.id, new, stamp)?),
            None => Ok(()),
        }
    }
}

/// Refuses a first day before the contract's and a last day after it; each day with where it is in the body.
pub fn check_within(
    period: DayRange,
    first: (&str, NaiveDate),
    last: (&str, NaiveDate),
    errors: &mut Vec<FieldError>,
) {
    if first.1 < period.from {
        let message = format!("契約の開始日（{}）以降の日を入力してください。", period.from);
        errors.push(FieldError::new(first.0, "outside_contract", message));
    }
    if last.1 > period.to {
        let message = format!("契約の終了日（{}）までの日を入力してください。", period.to);
        errors.push(FieldError::new(last.0, "outside_contract", message));
    }
}

/// Volumes at most once a category, subsets no larger than the whole.
pub fn check_volumes(data: &[DataVolume], pointer: &str, errors: &mut Vec<FieldError>) {
    use crate::domain::contract::DataCategory::Personal;
    let whole = data.iter().find(|v| v.category == Personal).map(|v| v.persons);
    for (place, volume) in data.iter().enumerate() {
        if data.iter().take(place).any(|earlier| earlier.category == volume.category) {
            errors.push(FieldError::new(
                format!("{pointer}/{place}/category"),
                "duplicate",
                "同じ区分が2回あります。区分ごとに1件にまとめてください。",
            ));
        } else if volume.category != Personal && whole.is_some_and(|whole| volume.persons > whole) {
            errors.push(FieldError::new(
                format!("{pointer}/{place}/persons"),
                "more_than_whole",
                "個人情報の人数（全体）を超えています。内訳は全体以下で入力してください。",
            ));
        }
    }
}
