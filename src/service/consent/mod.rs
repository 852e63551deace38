//! Consents outside an application: 承認取消し, and 既承認 (decided on paper before the contract was registered here).

pub mod draft;
pub mod import;
pub mod list;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::db::chain::ConsentBody;
use crate::db::{self, DbError, Tx};
use crate::domain::chain::{Consent, NodeState};
use crate::domain::company::NamedIn;
use crate::domain::id::{ConsentId, ContractId, EngagementId, OrganizationId, UserId, of};
use crate::domain::input::FieldError;
use crate::domain::text::contains_my_number;
use crate::input;
use crate::notice::Mail;
use crate::notice::context::{Day, RevokedMail};
use crate::service::case::{Case, check_volumes, check_within, place_under};
use crate::service::contract::{DataItem, volumes};
use crate::service::telling::{self, Addressees};
use crate::service::vendor::{InlineVendor, NamedVendor, Names, record_name};
use crate::service::{App, Call, Failure, application, user};

input! {
    /// 承認取消し.
    pub struct RevocationInput {
        reason: String => prose(1, 10_000),
        /// The first day no longer covered.
        effective_on: NaiveDate => day(),
    }
}

input! {
    /// 既承認.
    pub struct RecordedConsentInput {
        parent_engagement_id: EngagementId => id::<of::Engagement>(),
        vendor_id: Option<OrganizationId> => optional(id::<of::Organization>()),
        vendor: Option<InlineVendor> => optional(nested::<InlineVendor>()),
        /// Not the company of the same name that is there already.
        distinct: bool => or(flag(), false),
        scope: String => prose(1, 10_000),
        amount_yen: i64 => yen(),
        /// Where the work is done; left out, the vendor's own country.
        country: Option<String> => optional(country()),
        data: Vec<DataItem> => list(nested::<DataItem>(), 10),
        decided_on: NaiveDate => day(),
        /// 文書番号
        document_number: String => office_number(200),
        /// The twelve digits in it are no 個人番号: asked where they could be one.
        document_number_confirmed: bool => or(flag(), false),
        valid_from: NaiveDate => day(),
        valid_until: NaiveDate => day(),
        note: Option<String> => optional(prose(0, 10_000)),
    }
    check |it, errors| {
        errors.extend(crate::domain::input::question_of_my_number(
            ("document_number", &it.document_number),
            ("document_number_confirmed", it.document_number_confirmed),
        ));
        if it.valid_from < it.decided_on {
            errors.push(FieldError::new("/valid_from", "before_decision", "承認の開始日は、決裁日以降の日を入力してください。"));
        }
        if it.valid_until < it.valid_from {
            errors.push(FieldError::new("/valid_until", "before_start", "承認の終了日は、開始日以降の日を入力してください。"));
        }
        if it.vendor_id.is_none() && it.vendor.is_none() {
            errors.push(FieldError::new("/vendor_id", "required", "再委託先の事業者を指定してください。"));
        }
        check_volumes(&volumes(&it.data), "/data", errors);
    }
}

/// An engagement after its consent changed.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EngagementView {
    pub engagement_id: EngagementId,
    pub contract_id: ContractId,
    pub state: NodeState,
    /// Whether this call changed anything.
    pub changed: bool,
}

/// A consent recorded.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordedConsentView {
    pub id: ConsentId,
    pub engagement_id: EngagementId,
    /// Always true: 既承認.
    pub recorded: bool,
    pub decided_on: NaiveDate,
    pub valid_from: NaiveDate,
    pub valid_until: NaiveDate,
}

/// Revokes every consent decided so far from a day on. A day after their end changes nothing.
pub fn revoke(
    app: &App,
    call: &Call,
    id: EngagementId,
    given: &RevocationInput,
) -> Result<EngagementView, Failure> {
    let contract = app.db.read_one::<_, DbError>(|conn| db::chain::contract_of(conn, id))?;
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let engagement = case.engagement(&known, id)?;
        if engagement.tier == 1 {
            return Err(Failure::conflict(
                "prime",
                "元請けの受託者の承認は取り消せません。契約の解除として登録してください。",
            ));
        }
        if given.effective_on < tx.today {
            let message = format!("取消しは今日（{}）以降の日から行えます。", tx.today);
            return Err(Failure::field("/effective_on", "past", message));
        }
        let held = known.consents(id);
        if held.is_empty() {
            return Err(Failure::conflict("no_consent", "この再委託先には、取り消す承認がありません。"));
        }
        let cuts = held.iter().any(|held| held.valid.is_some() && held.ends_on >= given.effective_on);
        if cuts {
            let deputy_for = user::decides_for(tx, call)?;
            let mut payload =
                json!({"engagement_id": id, "effective_on": given.effective_on, "reason": given.reason});
            if let (false, Some(said)) = (deputy_for.is_empty(), payload.as_object_mut()) {
                said.insert("deputy_for".to_owned(), json!(deputy_for));
            }
            let recorded = tx.record("consent.revoked", id, &payload)?;
            db::chain::add_revocation(tx, contract, id, given.effective_on, &given.reason, &recorded)?;
            let (settings, _) = db::setting::find(tx.conn, case.facts.agency_id)?;
            let mail = Mail::ConsentRevoked(RevokedMail {
                agency: case.facts.agency_name.clone(),
                contract: application::contract_reference(&case),
                consent_word: settings.in_own_words("承認"),
                vendor: engagement.vendor.name.clone(),
                effective: Day::of(given.effective_on),
                reason: given.reason.clone(),
                deputy: !deputy_for.is_empty(),
                link: format!("{}/contracts/{contract}/declarations/new", app.config.server.public_url),
            });
            let above = known.ancestors(id).next().map(|parent| parent.vendor.id);
            let to = Addressees::vendors([engagement.vendor.id].into_iter().chain(above));
            telling::tell(
                tx,
                &case,
                &to,
                "engagement",
                id.as_str(),
                &format!("revoked-{}", recorded.stamp.seq),
                &mail,
            )?;
        }
        let facts = db::facts::load(tx.conn, contract)?;
        let state = facts.chain.now().state(id, tx.today);
        Ok(EngagementView { engagement_id: id, contract_id: contract, state, changed: cuts })
    })
}

/// Enters a consent given on paper before the contract was registered here: valid as decided then, known from today.
pub fn record(
    app: &App,
    call: &Call,
    contract: ContractId,
    given: &RecordedConsentInput,
) -> Result<RecordedConsentView, Failure> {
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        record_in(tx, &case, given, (call.actor.user_id, None))
    })
}

/// As [`record`], within a transaction.
fn record_in(
    tx: &mut Tx<'_>,
    case: &Case,
    given: &RecordedConsentInput,
    (decided_by, drafted_by): (UserId, Option<UserId>),
) -> Result<RecordedConsentView, Failure> {
    let known = case.facts.chain.now();
    let parent = case.engagement(&known, given.parent_engagement_id)?;
    let mut errors = Vec::new();
    if given.decided_on > case.facts.learned_on {
        // Later decisions are made here, and never reach back.
        let message = format!(
            "この契約を登録した日（{}）までに決裁されたものだけを、既承認として登録できます。",
            case.facts.learned_on
        );
        errors.push(FieldError::new("/decided_on", "after_registration", message));
    }
    if let Some(period) = known.period() {
        let (first, last) = (("/valid_from", given.valid_from), ("/valid_until", given.valid_until));
        check_within(period, first, last, &mut errors);
    }
    Failure::unless_empty(errors)?;
    let named = NamedVendor {
        id: given.vendor_id,
        inline: given.vendor.as_ref(),
        distinct: given.distinct,
        names: Names::Compared,
        at: "",
    };
    let (place, vendor, other_name) = place_under(tx, &known, case.id(), parent, &named)?;
    let country = given.country.clone().unwrap_or(vendor.country);
    let given = RecordedConsentInput { country: Some(country.clone()), ..given.clone() };
    let id: ConsentId = tx.new_id();
    // The vendor by its id only: in words it may be a person.
    let payload = json!({
        "consent_id": id, "engagement_id": place.id, "parent_engagement_id": parent.id, "vendor_id": vendor.id,
        "tier": parent.tier + 1, "scope": given.scope, "amount_yen": given.amount_yen, "country": given.country,
        "data": given.data, "decided_on": given.decided_on, "document_number": given.document_number,
        "valid_from": given.valid_from, "valid_until": given.valid_until, "note": given.note,
        // Null where it was not asked.
        "document_number_confirmed": contains_my_number(&given.document_number).then_some(true),
        // Who drafted it for the approver; null where the approver entered it.
        "drafted_by": drafted_by,
    });
    let stamp = tx.record("consent.recorded", id, &payload)?.stamp;
    place.settle(tx, stamp)?;
    let consent = Consent {
        id,
        engagement_id: place.id,
        application_id: None,
        decided_on: given.decided_on,
        valid_from: given.valid_from,
        valid_until: given.valid_until,
        supersedes: false,
        amount_yen: given.amount_yen,
        country,
        data: volumes(&given.data),
        stamp,
    };
    let body = ConsentBody {
        scope: given.scope.clone(),
        reason: None,
        conditions: None,
        document_number: Some(given.document_number.clone()),
        note: given.note.clone(),
    };
    db::chain::add_consent(tx, case.id(), &consent, decided_by, &body)?;
    if let Some(other) = &other_name {
        record_name(tx, case.id(), place.id, NamedIn::Consent, other)?;
    }
    Ok(RecordedConsentView {
        id,
        engagement_id: place.id,
        recorded: true,
        decided_on: given.decided_on,
        valid_from: given.valid_from,
        valid_until: given.valid_until,
    })
}
