use super::Failure;
use crate::db::Tx;
use crate::domain::id::ContractId;
pub fn reevaluate(_tx: &mut Tx<'_>, _id: ContractId) -> Result<(), Failure> { Ok(()) }

use crate::domain::id::OrganizationId;
use super::App;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorChangeKind { Closed, Merged, Renamed }
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorChange { pub vendor_id: OrganizationId, pub kind: VendorChangeKind, pub changed_on: chrono::NaiveDate, pub detail: String }
pub fn vendor_changed(_app: &App, _agency_id: OrganizationId, _change: &VendorChange) -> Result<bool, Failure> { Ok(false) }
