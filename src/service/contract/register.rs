//! Registration: the contract, its first terms, its officer and the prime at tier 1, as one entry of a new chain.

use chrono::NaiveDate;
use serde::Serialize;

use super::terms::{NewContract, signed_too_late};
use super::{ContractView, show};
use crate::db::contract::{NewContractRow, NewTerms};
use crate::db::facts::ContractFacts;
use crate::db::types::to_json;
use crate::db::{self, ChainKey, Tx};
use crate::domain::access::ActorOrganization;
use crate::domain::chain::{ChainFacts, Engagement, Vendor};
use crate::domain::contract::{ContractOrigin, Stamp, Terms, TermsFact, TermsKind};
use crate::domain::id::{ContractId, EngagementId, ImportId, OrganizationId, UserId};
use crate::domain::text::contains_my_number;
use crate::ledger::entry::{salt_hash, salted};
use crate::service::{App, Call, Failure, alert};

/// A contract to be registered, from a form or from a file.
#[derive(Debug, Clone)]
pub struct Registration {
    /// New; also that of its chain.
    pub id: ContractId,
    /// Unique within the agency.
    pub number: String,
    /// A vendor that exists.
    pub vendor_id: OrganizationId,
    pub terms: Terms,
    /// Who registers it and becomes responsible; None: an import.
    pub officer: Option<UserId>,
    pub origin: ContractOrigin,
    /// The file gave one day only.
    pub period_assumed: bool,
    pub joint_vendors: Vec<String>,
    pub joint_agencies: Vec<String>,
    /// The file taken in that it comes with.
    pub import_id: Option<ImportId>,
    /// The number looks like a 個人番号, and someone confirmed that it is none.
    pub number_confirmed: bool,
}

/// What the ledger keeps of a registration. Joint vendors are counted and hashed, not named: one may be a person.
#[derive(Serialize)]
struct Registered<'a> {
    number: &'a str,
    /// Said where it was asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    number_confirmed: bool,
    vendor_id: OrganizationId,
    engagement_id: EngagementId,
    officer_id: Option<UserId>,
    origin: ContractOrigin,
    period_assumed: bool,
    joint_agencies: &'a [String],
    joint_vendors: usize,
    joint_vendors_hash: Option<String>,
    salt_hash: Option<String>,
    import_id: Option<ImportId>,
    terms: &'a Terms,
}

/// Registers a contract on its own new chain, whose tenant is the agency; answers with the prime's place on it and
/// the stamp of its facts. Evaluates no alerts.
pub fn register_in(tx: &mut Tx<'_>, new: &Registration) -> Result<(EngagementId, Stamp), Failure> {
    let engagement_id: EngagementId = tx.new_id();
    let salt = (!new.joint_vendors.is_empty()).then(|| tx.sources.token());
    let joint = to_json(&new.joint_vendors)?;
    let payload = Registered {
        number: &new.number,
        number_confirmed: new.number_confirmed,
        vendor_id: new.vendor_id,
        engagement_id,
        officer_id: new.officer,
        origin: new.origin,
        period_assumed: new.period_assumed,
        joint_agencies: &new.joint_agencies,
        joint_vendors: new.joint_vendors.len(),
        joint_vendors_hash: salt.as_deref().map(|salt| salted(salt, &joint)),
        salt_hash: salt.as_deref().map(salt_hash),
        import_id: new.import_id,
        terms: &new.terms,
    };
    let recorded = tx.record("contract.registered", new.id, &payload)?;
    let stamp = recorded.stamp;
    let row = NewContractRow {
        id: new.id,
        agency_id: tx.organization_id,
        number: &new.number,
        vendor_id: new.vendor_id,
        origin: new.origin,
        period_assumed: new.period_assumed,
        joint_vendors: &new.joint_vendors,
        salt: salt.as_deref(),
        joint_agencies: &new.joint_agencies,
        created_by: new.officer,
        created_at: stamp.at.naive_utc(),
        learned_on: tx.today,
        import_id: new.import_id,
        terms: &new.terms,
    };
    db::contract::insert(tx.conn, &row).map_err(|error| match error {
        taken if db::contract::is_number_taken(&taken) => Failure::conflict(
            "number_taken",
            format!("契約番号「{}」は、すでに登録されています。", new.number),
        ),
        error => error.into(),
    })?;
    let first = NewTerms {
        effective_on: new.terms.starts_on,
        kind: TermsKind::Registered,
        reason: None,
        answers: None,
        terms: &new.terms,
    };
    db::contract::add_terms(tx, new.id, &first, &recorded)?;
    if let Some(officer) = new.officer {
        db::contract::add_officer(tx, new.id, officer, tx.today, &recorded)?;
    }
    db::contract::add_prime(tx, new.id, engagement_id, new.vendor_id, stamp)?;
    Ok((engagement_id, stamp))
}

/// All that the ledger knows of a contract just registered: what loading it would give.
fn first_facts(
    new: &Registration,
    agency: &ActorOrganization,
    vendor: Vendor,
    (engagement_id, stamp): (EngagementId, Stamp),
    today: NaiveDate,
) -> ContractFacts {
    let first_terms = TermsFact { effective_on: new.terms.starts_on, terms: new.terms.clone(), stamp };
    let prime = Engagement { id: engagement_id, parent_id: None, vendor, tier: 1, stamp };
    ContractFacts {
        chain: ChainFacts {
            terms: vec![first_terms],
            engagements: vec![prime],
            ..ChainFacts::empty(new.id, agency.id)
        },
        declarations: Vec::new(),
        audits: Vec::new(),
        learned_on: today,
        agency_id: agency.id,
        agency_name: agency.name.clone(),
        number: new.number.clone(),
        title: new.terms.title.clone(),
        officer_id: new.officer,
        department: new.terms.department.clone(),
        prime_id: new.vendor_id,
        voided_on: None,
    }
}

/// `POST /contracts`.
pub fn register(app: &App, call: &Call, given: &NewContract) -> Result<ContractView, Failure> {
    let agency = call.actor.organization.id;
    let new = Registration {
        id: app.sources.new_id(),
        number: given.number.clone(),
        vendor_id: given.vendor_id,
        terms: given.terms(),
        officer: Some(call.actor.user_id),
        origin: ContractOrigin::Registered,
        period_assumed: false,
        joint_vendors: Vec::new(),
        joint_agencies: Vec::new(),
        import_id: None,
        number_confirmed: given.number_confirmed && contains_my_number(&given.number),
    };
    let chain = ChainKey::New { id: new.id.cast(), organization_id: agency };
    Failure::unless_empty(signed_too_late(given.signed_on, app.today()).into_iter().collect())?;
    app.act(call, chain, |tx| {
        let vendor = db::contract::vendor(tx.conn, new.vendor_id)?
            .ok_or_else(|| Failure::field("/vendor_id", "unknown", "この事業者は登録されていません。"))?;
        let registered = register_in(tx, &new)?;
        let facts = first_facts(&new, &call.actor.organization, vendor, registered, tx.today);
        alert::evaluate_new(tx, &facts)?;
        Ok(show(tx.conn, &call.scope(), new.id, tx.today)?)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{Sources, SystemEntropy, TestClock};
    use crate::db::organization::NewOrganization;
    use crate::db::user::UserRow;
    use crate::db::{Db, DbError};
    use crate::domain::access::OrganizationKind;
    use crate::domain::contract::{
        DataCategory, DataVolume, DeclarationInterval, Overseas, Policy, Subcontracting,
    };

    fn new_contract(id: ContractId, vendor_id: OrganizationId, officer: UserId) -> Registration {
        let day = |text: &str| text.parse().unwrap();
        Registration {
            id,
            number: "R8-1".to_owned(),
            vendor_id,
            terms: Terms {
                title: "架空業務".to_owned(),
                fiscal_year: 2026,
                amount_yen: 1_000,
                unit_price: None,
                signed_on: day("2026-03-25"),
                starts_on: day("2026-04-01"),
                ends_on: day("2027-03-31"),
                scope: "架空の入力".to_owned(),
                data: vec![DataVolume { category: DataCategory::MyNumber, persons: 10 }],
                subcontracting: Subcontracting {
                    policy: Policy::ConsentRequired,
                    max_tier: Some(3),
                    max_ratio_percent: None,
                    overseas: Overseas::Prohibited,
                    minor_limit_yen: None,
                },
                declaration_interval: DeclarationInterval::Quarterly,
                return_due_days: 14,
                department: Some("架空課".to_owned()),
            },
            officer: Some(officer),
            origin: ContractOrigin::Registered,
            period_assumed: false,
            joint_vendors: Vec::new(),
            joint_agencies: Vec::new(),
            import_id: None,
            number_confirmed: false,
        }
    }

    #[test]
    fn what_is_evaluated_first_is_what_loading_it_gives() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("first.db").display()), 1).unwrap();
        db.migrate().unwrap();
        let clock = Arc::new(TestClock::new("2026-04-02".parse().unwrap()));
        let sources = Sources { clock, entropy: Arc::new(SystemEntropy) };
        let agency = ActorOrganization {
            id: sources.new_id(),
            kind: OrganizationKind::Agency,
            name: "架空市".to_owned(),
        };
        let vendor = Vendor {
            id: sources.new_id(),
            name: "架空データ株式会社".to_owned(),
            corporate_number: Some("7000012050002".to_owned()),
            country: "JP".to_owned(),
        };
        let officer: UserId = sources.new_id();
        let new = new_contract(sources.new_id(), vendor.id, officer);
        let organization = |id, kind, name, number: Option<&str>| NewOrganization {
            id,
            kind,
            code: (kind == OrganizationKind::Agency).then_some("K1"),
            name,
            corporate_number: number.map(|number| number.parse().unwrap()),
            country: "JP",
            address: None,
            contact_email: None,
            salt: "salt",
        };
        let (first, loaded) = db
            .write::<_, Failure>(|conn| {
                let now = sources.clock.now();
                let of_agency = organization(agency.id, agency.kind, &agency.name, None);
                let number = vendor.corporate_number.as_deref();
                let of_vendor = organization(vendor.id, OrganizationKind::Vendor, &vendor.name, number);
                for made in [of_agency, of_vendor] {
                    db::organization::insert(conn, &made, now)?;
                }
                let person = UserRow {
                    id: officer,
                    organization_id: agency.id,
                    email: "tanto@example.jp".to_owned(),
                    name: "例示 花子".to_owned(),
                    password_hash: None,
                    password_set_by_other: false,
                    active: true,
                    expires_on: None,
                    salt: "salt".to_owned(),
                    created_at: now.naive_utc(),
                    version: 1,
                };
                db::user::insert(conn, &person)?;
                let chain = ChainKey::New { id: new.id.cast(), organization_id: agency.id };
                let mut tx = Tx::on(conn, &sources, None, chain)?;
                let registered = register_in(&mut tx, &new)?;
                let known = db::contract::vendor(tx.conn, vendor.id)?.ok_or(DbError::NotFound)?;
                let first = first_facts(&new, &agency, known, registered, tx.today);
                let loaded = db::facts::load(tx.conn, new.id)?;
                tx.close()?;
                Ok((first, loaded))
            })
            .unwrap();
        assert_eq!(format!("{first:#?}"), format!("{loaded:#?}"));
    }
}
