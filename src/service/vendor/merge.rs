//! 統合: a vendor registered without a 法人番号 turned out to be another that is registered too. Its places on every chain
//! become the other's; where both stand under the same parent, the two places are one from then on.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{OtherName, must_be_vendor, record_name};
use crate::db::chain::MergedPlaces;
use crate::db::organization::OrganizationRow;
use crate::db::{self, Conn, Tx};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::chain::{Engagement, Known};
use crate::domain::company::{Likeness, NamedIn, likeness};
use crate::domain::id::{ContractId, EngagementId, OrganizationId, of};
use crate::domain::text::same_company;
use crate::input;
use crate::service::organization::{OrganizationView, record_change};
use crate::service::{App, Call, Failure, alert, organization};

input! {
    /// 事業者の統合.
    pub struct MergeInput {
        /// The vendor that it is.
        into: OrganizationId => id::<of::Organization>(),
        reason: String => prose(1, 2_000),
    }
}

/// What a merge did.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MergedView {
    /// The vendor that it is.
    pub vendor: OrganizationView,
    /// On whose chains it stood.
    pub contracts: usize,
}

/// `POST /vendors/{id}/merge`. First the vendor itself is marked, so that whoever is named by it from then on is the other;
/// then each contract, in a transaction of its own. The same call again goes on where one before was cut off.
///
/// # Errors
///
/// 409: it has a 法人番号 (two numbers are two companies), people with accounts, or stands on a chain above or below the
/// other, or on another agency's chain, which only the operator may change.
pub fn merge(app: &App, call: &Call, id: OrganizationId, given: &MergeInput) -> Result<MergedView, Failure> {
    // What a vendor may not know of is not found; whoever may merge sees every vendor.
    organization::find(app, call, id)?;
    let contracts = app.act_on_organization(call, id, |tx| mark(tx, call, id, given))?;
    for contract in &contracts {
        app.act_on_contract(&Call::of(call.actor.clone()), *contract, |tx| {
            merge_in(tx, *contract, id, given)
        })?;
    }
    let vendor = organization::find(app, call, given.into)?.0;
    Ok(MergedView { vendor, contracts: contracts.len() })
}

/// Marks the vendor, if nothing stands in the way on any of the chains where it stands; answers these.
fn mark(
    tx: &mut Tx<'_>,
    call: &Call,
    id: OrganizationId,
    given: &MergeInput,
) -> Result<Vec<ContractId>, Failure> {
    let before = db::organization::find(tx.conn, id)?;
    if before.kind != OrganizationKind::Vendor {
        return Err(Failure::NotFound);
    }
    let into = must_be_vendor(tx.conn, given.into, "/into")?;
    if into.id == id && before.merged_into.is_none() {
        return Err(Failure::field("/into", "same", "同じ事業者です。統合先の事業者を選んでください。"));
    }
    if before.merged_into.is_some_and(|other| other != into.id) {
        return Err(Failure::conflict("merged", "この事業者は、すでに別の事業者に統合されています。"));
    }
    if before.corporate_number.is_some() {
        return Err(Failure::conflict(
            "numbered",
            "法人番号のある事業者は統合できません。法人番号の違う事業者は別の法人です。合併などの承継は、登録情報から取り込まれます。",
        ));
    }
    if !db::user::list(tx.conn, Some(id), db::user::Which::All, None, 1)?.is_empty() {
        return Err(Failure::conflict(
            "has_users",
            "この事業者には利用者が登録されています。統合する事業者と統合先を入れ替えられないか確かめてください。",
        ));
    }
    let places = db::chain::contracts_of(tx.conn, id)?;
    let own = call.actor.organization.id;
    if !call.actor.is(Role::SystemAdmin) && places.iter().any(|(_, agency)| *agency != own) {
        return Err(Failure::conflict(
            "elsewhere",
            "この事業者は、ほかの機関の契約の体制にも入っています。統合はシステム管理者に依頼してください。",
        ));
    }
    let contracts: Vec<ContractId> = places.into_iter().map(|(contract, _)| contract).collect();
    for contract in &contracts {
        refuse_on_path(tx.conn, *contract, id, into.id)?;
    }
    record_change(tx, &before, OrganizationRow { merged_into: Some(into.id), ..before.clone() })?;
    Ok(contracts)
}

/// Refuses where the two stand above one another: a company is not its own subcontractor.
fn refuse_on_path(
    conn: &mut Conn,
    contract: ContractId,
    id: OrganizationId,
    into: OrganizationId,
) -> Result<(), Failure> {
    let facts = db::facts::load(conn, contract)?;
    let known = facts.chain.now();
    let of = |e: &Engagement| e.vendor.id == id || e.vendor.id == into;
    let above = known.engagements().filter(|e| of(e)).any(|e| known.ancestors(e.id).any(of));
    if !above {
        return Ok(());
    }
    let message = format!(
        "契約{}の体制では、この2つの事業者が上下に並んでいます。自社の下に自社を置くことはできないため、統合できません。",
        facts.number
    );
    Err(Failure::conflict("vendor_on_path", message))
}

/// The same on one contract, with an entry of its chain.
fn merge_in(
    tx: &mut Tx<'_>,
    contract: ContractId,
    id: OrganizationId,
    given: &MergeInput,
) -> Result<(), Failure> {
    let from = db::organization::find(tx.conn, id)?;
    let into = must_be_vendor(tx.conn, given.into, "/into")?;
    let facts = db::facts::load(tx.conn, contract)?;
    let known = facts.chain.now();
    let places = places(&known, id, into.id);
    if places.reassigned.is_empty() && places.joined.is_empty() {
        return Ok(());
    }
    let pairs = |pairs: &[(EngagementId, EngagementId)], other: &str| -> Vec<serde_json::Value> {
        pairs.iter().map(|(place, it)| json!({ "engagement_id": place, other: it })).collect()
    };
    let reassigned: Vec<_> =
        places.reassigned.iter().map(|place| json!({ "engagement_id": place })).collect();
    let payload = json!({
        "from_vendor_id": id, "vendor_id": into.id, "reason": given.reason, "prime": places.prime,
        "reassigned": reassigned,
        "moved": pairs(&places.moved, "parent_engagement_id"),
        "joined": pairs(&places.joined, "into_engagement_id"),
    });
    let stamp = tx.record("vendor.merged", contract, &payload)?.stamp;
    db::chain::merge_places(tx, contract, into.id, &places, stamp)?;
    if !same_company(&from.name, &into.name) {
        // A person said that they are one, whatever the names.
        let likeness = likeness(&into.name, &from.name).max(Likeness::Akin);
        let other = OtherName { name: from.name.clone(), likeness };
        let named = places.reassigned.iter().chain(places.joined.iter().map(|(_, into)| into));
        for place in named {
            record_name(tx, contract, *place, NamedIn::Merge, &other)?;
        }
    }
    for (place, _) in &places.joined {
        alert::close_of_place(tx, contract, *place, "同じ事業者の再委託先と統合されました")?;
    }
    Ok(())
}

/// What becomes of the places of a chain: those of `id` are `into`'s, but for those beside one of `into` under the same
/// parent, which are one with it; what stands under these stands under the other then, or is one with what stands there.
fn places(known: &Known<'_>, id: OrganizationId, into: OrganizationId) -> MergedPlaces {
    let mut places = MergedPlaces::default();
    let mut one_with: HashMap<EngagementId, EngagementId> = HashMap::new();
    // Who stands where from now on: parent and vendor.
    let mut stands: HashMap<(Option<EngagementId>, OrganizationId), EngagementId> = known
        .engagements()
        .filter(|e| e.vendor.id != id)
        .map(|e| ((e.parent_id, e.vendor.id), e.id))
        .collect();
    // Parents come before children.
    for engagement in known.engagements() {
        let is_merged = engagement.vendor.id == id;
        let vendor = if is_merged { into } else { engagement.vendor.id };
        let parent = engagement.parent_id.map(|parent| one_with.get(&parent).copied().unwrap_or(parent));
        let moves = parent != engagement.parent_id;
        if !is_merged && !moves {
            continue;
        }
        match stands.get(&(parent, vendor)) {
            Some(there) if *there != engagement.id => {
                places.joined.push((engagement.id, *there));
                one_with.insert(engagement.id, *there);
                continue;
            }
            _ => {}
        }
        stands.insert((parent, vendor), engagement.id);
        if is_merged {
            places.reassigned.push(engagement.id);
            places.prime |= engagement.parent_id.is_none();
        }
        if let (true, Some(parent)) = (moves, parent) {
            places.moved.push((engagement.id, parent));
        }
    }
    places
}
