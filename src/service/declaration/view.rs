//! Declarations as they are shown.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::db::DbError;
use crate::db::statement::{DeclarationRow, DeclaredUseRow};
use crate::db::types::from_json;
use crate::domain::contract::DataVolume;
use crate::domain::id::{ContractId, DeclarationId, EngagementId, OrganizationId};
use crate::ledger::receipt::Receipt;
use crate::service::Failure;
use crate::service::chain::Days;
use crate::service::contract::DataVolumeView;

/// An engagement of a declaration with an uncovered day up to today.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Unapproved {
    pub engagement_id: EngagementId,
    pub uncovered: Vec<Days>,
}

/// A use reported before without an end, of which the declaration says nothing: it goes on counting as in use.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeftOut {
    pub engagement_id: EngagementId,
    pub vendor_name: String,
    pub started_on: NaiveDate,
}

/// The answer to a declaration.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeclaredView {
    pub id: DeclarationId,
    /// 受付票: signed, checked by `itaku verify --receipt`.
    #[schema(value_type = Object)]
    pub receipt: Receipt,
    pub unapproved: Vec<Unapproved>,
    /// What was in use by the organization's reports before, and is left out here.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Where a use goes beyond what the contract allows, in words.
    #[serde(default)]
    pub beyond: Vec<String>,
    pub message: String,
}

/// A declaration in a list.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeclarationView {
    pub id: DeclarationId,
    /// Who declared.
    pub organization_id: OrganizationId,
    pub organization_name: String,
    pub period: Days,
    pub none: bool,
    pub declared_at: DateTime<Utc>,
    pub retracted: bool,
    pub engagements: Vec<DeclaredUse>,
    #[schema(value_type = Object)]
    pub receipt: Receipt,
}

/// A declaration across contracts, with the one it is about.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReceiptView {
    pub contract_id: ContractId,
    pub contract_number: String,
    pub contract_title: String,
    #[serde(flatten)]
    pub declaration: DeclarationView,
}

/// What a declaration says of one engagement, whole.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeclaredUse {
    pub engagement_id: EngagementId,
    pub vendor_name: String,
    pub started_on: NaiveDate,
    pub ended_on: Option<NaiveDate>,
    pub scope: Option<String>,
    pub country: Option<String>,
    pub amount_yen: Option<i64>,
    pub data: Vec<DataVolumeView>,
}

/// The last declaration copied in: the next period owed and the uses still open.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DraftView {
    pub period: Option<Days>,
    pub due_on: Option<NaiveDate>,
    pub none: bool,
    /// Something was declared before: 「変更なし」 can be said.
    pub declared_before: bool,
    pub engagements: Vec<DeclaredUse>,
}

impl DeclarationView {
    /// Of a row, with what its other tables say of it.
    pub(super) fn of(
        row: &DeclarationRow,
        organization_name: String,
        retracted: bool,
        engagements: Vec<DeclaredUse>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            id: row.id,
            organization_id: row.organization_id,
            organization_name,
            period: Days { from: row.period_from, to: Some(row.period_to) },
            none: row.no_subcontracting,
            declared_at: row.recorded_at.and_utc(),
            retracted,
            engagements,
            receipt: from_json(&row.receipt)?,
        })
    }
}

impl TryFrom<DeclaredUseRow> for DeclaredUse {
    type Error = DbError;

    fn try_from(row: DeclaredUseRow) -> Result<Self, DbError> {
        let data: Vec<DataVolume> = from_json(&row.data)?;
        Ok(Self {
            engagement_id: row.engagement_id,
            vendor_name: row.vendor_name,
            started_on: row.started_on,
            ended_on: row.ended_on,
            scope: row.scope,
            country: row.country,
            amount_yen: row.amount_yen,
            data: data.iter().map(Into::into).collect(),
        })
    }
}
