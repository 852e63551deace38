//! 受付票: an organization's declarations across contracts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Days, DeclaredUse};
use crate::db::statement::DeclarationRow;
use crate::db::types::from_json;
use crate::db::{self, Conn};
use crate::domain::id::{ContractId, DeclarationId, OrganizationId};
use crate::ledger::receipt::Receipt;
use crate::service::{App, Call, Failure, Page, Paged};

/// A declaration with its receipt and the contract it is about.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReceiptView {
    pub id: DeclarationId,
    pub contract_id: ContractId,
    pub contract_number: String,
    pub contract_title: String,
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

/// The declarations that a vendor made itself, or those on an agency's contracts; newest first.
pub fn mine(app: &App, call: &Call, page: &Page) -> Result<Paged<ReceiptView>, Failure> {
    let after = page.after_id()?;
    app.db.read(|conn| {
        let rows = db::statement::declarations(conn, &call.scope(), after, page.rows())?;
        let cut = Paged::cut(page, rows, |row| row.id.to_string(), |row| row);
        Ok(Paged { items: views(conn, cut.items)?, next_cursor: cut.next_cursor })
    })
}

/// One of them.
pub fn find(app: &App, call: &Call, id: DeclarationId) -> Result<ReceiptView, Failure> {
    app.db.read(|conn| {
        let row = db::statement::declaration(conn, &call.scope(), id)?;
        views(conn, vec![row])?.pop().ok_or(Failure::NotFound)
    })
}

/// A vendor sees none but its own here, and whom it declared was in its sight: nothing is left out.
fn views(conn: &mut Conn, rows: Vec<DeclarationRow>) -> Result<Vec<ReceiptView>, Failure> {
    let contracts: Vec<ContractId> = rows.iter().map(|row| row.contract_id).collect();
    let ids: Vec<DeclarationId> = rows.iter().map(|row| row.id).collect();
    let declarers: Vec<OrganizationId> = rows.iter().map(|row| row.organization_id).collect();
    let labels = db::contract::labels(conn, &contracts)?;
    let names = db::organization::names(conn, &declarers)?;
    let retracted = db::statement::retracted(conn, &contracts, &ids)?;
    let mut uses: HashMap<DeclarationId, Vec<DeclaredUse>> = HashMap::new();
    for said in db::statement::declared_uses(conn, &contracts, &ids)? {
        uses.entry(said.declaration_id).or_default().push(DeclaredUse {
            engagement_id: said.engagement_id,
            vendor_name: said.vendor_name,
            started_on: said.started_on,
            ended_on: said.ended_on,
        });
    }
    rows.into_iter()
        .map(|row| {
            let (contract_number, contract_title) = labels.get(&row.contract_id).cloned().unwrap_or_default();
            Ok(ReceiptView {
                id: row.id,
                contract_id: row.contract_id,
                contract_number,
                contract_title,
                organization_id: row.organization_id,
                organization_name: names.get(&row.organization_id).cloned().unwrap_or_default(),
                period: Days { from: row.period_from, to: Some(row.period_to) },
                none: row.no_subcontracting,
                declared_at: row.recorded_at.and_utc(),
                retracted: retracted.contains(&row.id),
                engagements: uses.remove(&row.id).unwrap_or_default(),
                receipt: from_json(&row.receipt)?,
            })
        })
        .collect()
}
