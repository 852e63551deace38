//! `vendor_changed`: what the corporate-number register says of a company on an agency's chains. One alert a vendor
//! and agency, on the agency's own chain, whatever contract it came by.

use chrono::NaiveDate;

use super::event::{event, on_agency, organization_chain, raise, tell};
use super::telling::officers;
use super::{Failure, close};
use crate::db::register::{ClosedVendor, RegisterRecord};
use crate::db::{self, Tx};
use crate::domain::alert::{AlertKind, AlertState, Severity};
use crate::domain::company::NamedIn;
use crate::domain::id::{ContractId, EngagementId, OrganizationId};
use crate::exchange::register::CloseCause;
use crate::service::App;
use crate::text_enum;

text_enum! {
    /// What the corporate-number register says of a vendor.
    pub enum VendorChangeKind {
        /// 登記記録の閉鎖等
        Closed = "closed",
        /// 合併による消滅
        Merged = "merged",
        /// 商号又は名称の変更
        Renamed = "renamed",
    }
}

/// A change of a vendor in the register.
#[derive(Debug, Clone)]
pub struct VendorChange {
    pub vendor_id: OrganizationId,
    pub kind: VendorChangeKind,
    pub changed_on: NaiveDate,
    /// What exactly, in Japanese: the successor, the new name.
    pub detail: String,
}

impl VendorChange {
    /// The end of a company; `successor`: the number of the one that it was merged into, where it was.
    pub fn closing(
        vendor_id: OrganizationId,
        on: NaiveDate,
        by_merger: bool,
        successor: Option<&str>,
    ) -> Self {
        let (kind, detail) = if by_merger {
            let into =
                successor.map(|number| format!("承継先の法人番号は{number}です。")).unwrap_or_default();
            let detail = format!("法人番号公表サイトに、{on}の合併による解散等が掲載されました。{into}");
            (VendorChangeKind::Merged, detail)
        } else {
            let detail = format!("法人番号公表サイトに、{on}の登記記録の閉鎖等が掲載されました。");
            (VendorChangeKind::Closed, detail)
        };
        Self { vendor_id, kind, changed_on: on, detail }
    }

    /// What a record of a closed company says.
    fn recorded(vendor_id: OrganizationId, record: &RegisterRecord) -> Self {
        let by_merger = record.close_cause.as_deref() == Some(CloseCause::Merged.as_str());
        let on = record.closed_on.unwrap_or(record.changed_on);
        Self::closing(vendor_id, on, by_merger, record.successor.as_deref())
    }
}

/// Tells an agency that a vendor of its chains changed; false when that is known already.
pub fn vendor_changed(app: &App, agency_id: OrganizationId, change: &VendorChange) -> Result<bool, Failure> {
    on_agency(app, agency_id, |tx| changed(tx, agency_id, change))
}

/// As [`vendor_changed`], in a transaction on the agency's chain.
fn changed(tx: &mut Tx<'_>, agency_id: OrganizationId, change: &VendorChange) -> Result<bool, Failure> {
    let vendor = db::organization::find(tx.conn, change.vendor_id)?.name;
    let (severity, what) = match change.kind {
        VendorChangeKind::Closed => (Severity::Warning, "登記記録の閉鎖等があったとされています"),
        VendorChangeKind::Merged => (Severity::Warning, "合併により消滅したとされています"),
        VendorChangeKind::Renamed => (Severity::Info, "商号又は名称が変更されています"),
    };
    let detail = change.detail.trim_end_matches('。');
    let separator = if detail.is_empty() { "" } else { "。" };
    let message =
        format!("{vendor}は、法人番号の登録情報によると、{}に{what}{separator}{detail}", change.changed_on);
    let finding = event(AlertKind::VendorChanged, change.vendor_id.to_string(), severity, message);
    let Some((id, finding)) = raise(tx, agency_id, finding)? else { return Ok(false) };
    let ids = db::contract::officers_over(tx.conn, agency_id, change.vendor_id)?;
    let people = officers(tx, agency_id, &ids)?;
    tell(tx, agency_id, id, &finding, &format!("{}-{}", change.kind, change.changed_on), people)?;
    Ok(true)
}

/// Tells the agency of companies on the chain of a contract not over that the register has as closed: on the agency's
/// own chain, in the transaction of the contract's. What was told since a company stands there, or stands unresolved,
/// is not told again.
///
/// Before the agency's rules are held: who changes them has the agency's chain and waits for those who hold them.
pub fn tell_closed(tx: &mut Tx<'_>, agency_id: OrganizationId, contract: ContractId) -> Result<(), Failure> {
    let mut untold = Vec::new();
    for closed in db::register::closed_on_chain(tx.conn, contract, tx.today)? {
        let ClosedVendor { vendor_id, since, record } = closed;
        let last = db::alert::latest(tx.conn, agency_id, AlertKind::VendorChanged, vendor_id.as_str())?;
        let is_told = last.is_some_and(|(state, at)| state != AlertState::Resolved || at >= since);
        if !is_told {
            untold.push(VendorChange::recorded(vendor_id, &record));
        }
    }
    if untold.is_empty() {
        return Ok(());
    }
    let chain = organization_chain(tx.conn, agency_id)?;
    let at = tx.last_at();
    let mut own = Tx::on(tx.conn, tx.sources, None, chain)?;
    // What is told of a place is later than the place, whatever this server's clock says.
    own.after(at);
    own.today = tx.today;
    for change in &untold {
        changed(&mut own, agency_id, change)?;
    }
    Ok(own.close()?)
}

/// A company on a contract's chain was named quite otherwise than it is known by: tells the agency, on its own chain, in
/// the transaction of the contract's. What the agency has been told already is not told again.
pub fn tell_named_otherwise(
    tx: &mut Tx<'_>,
    contract: ContractId,
    place: EngagementId,
    named_in: NamedIn,
    name: &str,
) -> Result<(), Failure> {
    let agency_id = tx.organization_id;
    let vendor = db::chain::vendor_of(tx.conn, place)?;
    let number = db::contract::labels(tx.conn, &[contract])?.remove(&contract).map(|(number, _)| number);
    let said = format!(
        "{}は、契約{}の{}では「{name}」と記載されています。名称と法人番号を確かめてください",
        vendor.name,
        number.as_deref().unwrap_or_default(),
        named_in.label(),
    );
    let subject = vendor.id.to_string();
    let standing = db::alert::unresolved(tx.conn, agency_id, AlertKind::VendorChanged, &subject)?;
    // What stands already is about the same company: it is not taken back, but added to.
    let message = match standing.map(|alert| alert.message) {
        Some(standing) if standing.contains(&said) => return Ok(()),
        Some(standing) => format!("{standing}。{said}"),
        None => said,
    };
    let chain = organization_chain(tx.conn, agency_id)?;
    let at = tx.last_at();
    let mut own = Tx::on(tx.conn, tx.sources, None, chain)?;
    own.after(at);
    own.today = tx.today;
    let finding = event(AlertKind::VendorChanged, subject, Severity::Warning, message);
    if let Some((id, finding)) = raise(&mut own, agency_id, finding)? {
        let ids = db::contract::officers_over(own.conn, agency_id, vendor.id)?;
        let people = officers(&mut own, agency_id, &ids)?;
        tell(&mut own, agency_id, id, &finding, &format!("named-{place}"), people)?;
    }
    Ok(own.close()?)
}

/// The name that the register has was recorded here: the alerts that it had changed are over.
pub fn name_recorded(app: &App, vendor_id: OrganizationId) -> Result<(), Failure> {
    let kind = AlertKind::VendorChanged;
    let agencies = app.db.read_one(|conn| db::alert::agencies_alerted(conn, kind, vendor_id.as_str()))?;
    for agency_id in agencies {
        on_agency(app, agency_id, |tx| {
            match db::alert::unresolved(tx.conn, agency_id, kind, vendor_id.as_str())? {
                Some(alert) => close(tx, alert.id, "登録情報の名称が記録されました"),
                None => Ok(()),
            }
        })?;
    }
    Ok(())
}
