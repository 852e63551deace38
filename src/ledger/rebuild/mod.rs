//! What the tables of facts and projections must hold, rebuilt from the ledger's payloads alone: an entry is folded into
//! the rows for which it stands, and what is stored is held to them. Nothing here reads a table; whoever does compares.

mod alert;
mod audit;
mod below;
mod contract;
mod organization;
mod people;
mod row;
mod said;
mod tables;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub use organization::organization;
pub use row::{Cell, Row, Stored};
pub use said::Incomplete;
pub use tables::{Kind, ORGANIZATIONS, OUTSIDE, TABLES, Table, table};

use super::entry::Entry;
use crate::domain::id::{OrganizationId, SubjectId};
use contract::Contract;
use said::Said;

/// How an entry changes the rows of its chain.
type Fold = fn(&mut Chain, &Said<'_>) -> Result<(), Incomplete>;

/// Every action, by name. A test holds the list to what the program records.
const FOLDS: &[(&str, Fold)] = &[
    ("alert.acknowledged", alert::acknowledged),
    ("alert.assessed", alert::assessed),
    ("alert.measured", alert::measured),
    ("alert.opened", alert::opened),
    ("alert.resolved", alert::resolved),
    ("alert.restated", alert::stated),
    ("alert.told", alert::told),
    ("alert.updated", alert::stated),
    ("application.consented", below::consented),
    ("application.filed", below::filed),
    ("application.refused", below::refused),
    ("application.resubmitted", below::resubmitted),
    ("application.returned", below::returned),
    ("application.reviewed", below::reviewed),
    ("application.sent_back", below::sent_back),
    ("application.withdrawn", below::withdrawn),
    ("audit.cancelled", audit::cancelled),
    ("audit.completed", audit::completed),
    ("audit.corrected", audit::corrected),
    ("audit.findings_confirmed", audit::confirmed),
    ("audit.planned", audit::planned),
    ("consent.recorded", below::recorded),
    ("consent.revoked", below::revoked),
    ("contract.amended", contract::amended),
    ("contract.amendment_withdrawn", contract::answered),
    ("contract.department_changed", contract::amended),
    ("contract.handed_over", contract::handed_over),
    ("contract.handover_withdrawn", contract::handover_withdrawn),
    ("contract.import_undone", contract::import_undone),
    ("contract.imported", contract::imported),
    ("contract.projected", contract::projected),
    ("contract.registered", contract::registered),
    ("contract.terminated", contract::terminated),
    ("contract.terms_corrected", contract::answered),
    ("contract.voided", contract::voided),
    ("declaration.filed", below::declared),
    ("declaration.retracted", below::retracted),
    ("department.set", people::department),
    ("engagement.named", below::named),
    ("holidays.imported", people::holidays),
    ("notice.resent", nothing),
    ("observation.recorded", below::observed),
    ("observation.retracted", below::retracted),
    // Organizations are rebuilt by themselves.
    ("organization.changed", nothing),
    ("organization.registered", people::registered_organization),
    ("settings.changed", people::settings),
    ("signing_key.registered", nothing),
    ("user.change_approved", nothing),
    ("user.change_asked", waiting::asked),
    ("user.change_expired", waiting::expired),
    ("user.change_rejected", waiting::rejected),
    ("user.change_void", waiting::void),
    ("user.change_withdrawn", waiting::withdrawn),
    ("user.changed", people::changed),
    ("user.deputy_appointed", people::deputy),
    ("user.deputy_ended", people::deputy_ended),
    ("user.factor_enrolled", nothing),
    ("user.factor_removed", nothing),
    ("user.factors_reset", nothing),
    ("user.invitation_accepted", people::password),
    ("user.invited", nothing),
    ("user.password_changed", people::password),
    ("user.password_reset", people::password),
    ("user.recovery_code_used", nothing),
    ("user.recovery_codes_renewed", nothing),
    ("user.registered", people::registered),
    ("user.sessions_ended", nothing),
    ("user.unblocked", nothing),
    ("vendor.merged", below::merged),
];

/// Whether the rebuilding knows what the action does to the tables.
pub fn knows(action: &str) -> bool {
    fold(action).is_some()
}

fn fold(action: &str) -> Option<Fold> {
    let place = FOLDS.binary_search_by(|(name, _)| name.cmp(&action)).ok()?;
    FOLDS.get(place).map(|(_, fold)| *fold)
}

/// An entry that stands for no row of its own.
#[expect(clippy::unnecessary_wraps, reason = "as every fold")]
fn nothing(_: &mut Chain, _: &Said<'_>) -> Result<(), Incomplete> {
    Ok(())
}

/// The holidays last imported, by the SHA-256 of their rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holidays {
    pub sha256: String,
    pub days: i64,
}

/// A chain being rebuilt, entry by entry in their order.
#[derive(Debug)]
pub struct Chain {
    pub id: SubjectId,
    pub organization_id: OrganizationId,
    rows: BTreeMap<(&'static str, String), Row>,
    /// Of a contract's chain.
    contract: Option<Contract>,
    /// The scope that each application says by now.
    scopes: BTreeMap<String, String>,
    /// Alerts that are not resolved.
    unresolved: BTreeSet<String>,
    settings: Option<Map<String, Value>>,
    /// Organizations registered on it.
    pub organizations: Vec<OrganizationId>,
    pub holidays: Option<Holidays>,
}

impl Chain {
    pub fn new(id: SubjectId, organization_id: OrganizationId) -> Self {
        Self {
            id,
            organization_id,
            rows: BTreeMap::new(),
            contract: None,
            scopes: BTreeMap::new(),
            unresolved: BTreeSet::new(),
            settings: None,
            organizations: Vec::new(),
            holidays: None,
        }
    }

    /// Folds the next entry in. An action that is not known changes no row.
    pub fn take(&mut self, entry: &Entry, payload: &Value) -> Result<(), Incomplete> {
        match fold(&entry.action) {
            Some(fold) => fold(self, &Said::new(entry, payload)),
            None => Ok(()),
        }
    }

    /// The rows that must be there, and no others of this chain.
    pub fn finish(mut self) -> Rebuilt {
        if let Some(contract) = self.contract.take() {
            contract.project(&mut self);
        }
        Rebuilt {
            id: self.id,
            rows: self.rows.into_values().collect(),
            organizations: self.organizations,
            holidays: self.holidays,
        }
    }

    fn is_contract(&self) -> bool {
        self.contract.is_some()
    }

    fn add(&mut self, row: Row) {
        self.rows.insert((row.table, row.id.clone()), row);
    }

    /// A fact of the contract: the cells given, and those that every fact has.
    fn fact(&mut self, table: &'static str, id: impl Into<String>, said: &Said<'_>, cells: Cells) {
        let id = id.into();
        let mut all = cells;
        all.extend([
            ("id", Cell::text(id.clone())),
            ("contract_id", Cell::text(self.id.as_str())),
            ("agency_id", Cell::text(self.organization_id.as_str())),
            ("seq", Cell::Number(said.entry.seq)),
            ("recorded_at", Cell::At(said.entry.at)),
        ]);
        self.add(Row::new(table, id, said.entry.id, all));
    }

    /// A row that an earlier entry brought about; `member` names it in the payload.
    fn row(&mut self, table: &'static str, id: &str, member: &str) -> Result<&mut Row, Incomplete> {
        let row = self.rows.get_mut(&(table, id.to_owned()));
        row.ok_or_else(|| Incomplete { member: member.to_owned() })
    }
}

type Cells = Vec<(&'static str, Cell)>;

/// A chain's rows as they must be.
#[derive(Debug)]
pub struct Rebuilt {
    pub id: SubjectId,
    pub rows: Vec<Row>,
    pub organizations: Vec<OrganizationId>,
    pub holidays: Option<Holidays>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_found_by_name() {
        assert!(FOLDS.is_sorted_by_key(|(name, _)| *name));
        assert!(knows("alert.told") && knows("user.registered") && !knows("user.unheard_of"));
    }
}
