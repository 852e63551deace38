//! `vendor_changed`: what the corporate-number register says of a company on an agency's chains. One alert a vendor
//! and agency, on the agency's own chain, whatever contract it came by.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::event::{Line, event, on_agency, organization_chain, raise, tell, tell_line};
use super::telling::{Person, officers};
use super::{Failure, close};
use crate::db::register::{ClosedVendor, RegisterRecord};
use crate::db::{self, Tx};
use crate::domain::alert::{AlertKind, AlertState, Finding, Severity};
use crate::domain::company::NamedIn;
use crate::domain::id::{AlertId, ContractId, EngagementId, OrganizationId, UserId};
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
        /// 登記記録の復活等
        Reopened = "reopened",
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

    /// What was told as closed is there again.
    pub fn reopening(vendor_id: OrganizationId, on: NaiveDate) -> Self {
        let detail = format!("法人番号公表サイトに、{on}の登記記録の復活等が掲載されました。");
        Self { vendor_id, kind: VendorChangeKind::Reopened, changed_on: on, detail }
    }

    /// What a record of a closed company says.
    fn recorded(vendor_id: OrganizationId, record: &RegisterRecord) -> Self {
        let by_merger = record.close_cause.as_deref() == Some(CloseCause::Merged.as_str());
        let on = record.closed_on.unwrap_or(record.changed_on);
        Self::closing(vendor_id, on, by_merger, record.successor.as_deref())
    }
}

/// What came of changes told to an agency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Became {
    /// Alerts opened, or brought to what is new.
    pub told: usize,
    pub resolved: usize,
}

/// From so many changes at once on, an agency's people get one line for all of them instead of one for each.
const GROUPED_FROM: usize = 10;

/// Tells an agency that a vendor of its chains changed; false when that is known already.
pub fn vendor_changed(app: &App, agency_id: OrganizationId, change: &VendorChange) -> Result<bool, Failure> {
    let became = vendors_changed(app, agency_id, std::slice::from_ref(change))?;
    Ok(became.told + became.resolved > 0)
}

/// Tells an agency what the register says of vendors of its chains, in one transaction on its chain: an alert for each
/// vendor, since each asks for something to be done; and people one line for each, or one for all where they are many.
pub fn vendors_changed(
    app: &App,
    agency_id: OrganizationId,
    changes: &[VendorChange],
) -> Result<Became, Failure> {
    on_agency(app, agency_id, |tx| {
        let (mut became, mut said) = (Became::default(), Vec::new());
        for change in changes {
            if change.kind == VendorChangeKind::Reopened {
                if let Some(ended) = reopened(tx, agency_id, change)? {
                    became.resolved += 1;
                    said.push(ended);
                }
            } else if let Some(told) = changed(tx, agency_id, change)? {
                became.told += 1;
                said.push(told);
            }
        }
        if said.len() < GROUPED_FROM {
            said.iter().try_for_each(|one| one.tell(tx, agency_id))?;
        } else {
            tell_together(tx, agency_id, &said)?;
        }
        Ok(became)
    })
}

/// What an alert says of a company that is no more.
const CLOSED: &str = "登記記録の閉鎖等があったとされています";
const MERGED: &str = "合併により消滅したとされています";

/// A change as it stands in an alert, before people hear of it.
struct Said {
    alert: AlertId,
    finding: Finding,
    kind: VendorChangeKind,
    step: String,
    people: Vec<Person>,
}

impl Said {
    fn tell(&self, tx: &mut Tx<'_>, agency_id: OrganizationId) -> Result<(), Failure> {
        // Of an alert that is over a digest says nothing: that it is over stands under a subject of its own.
        let subject = match self.kind {
            VendorChangeKind::Reopened => format!("{}:{}", self.alert, self.kind),
            _ => self.alert.to_string(),
        };
        let about = Line { subject, step: &self.step, link: format!("/alerts/{}", self.alert) };
        tell_line(tx, agency_id, self.alert, &self.finding, &about, self.people.clone())
    }
}

/// One line for everyone concerned: how many changed, and in which way.
fn tell_together(tx: &mut Tx<'_>, agency_id: OrganizationId, said: &[Said]) -> Result<(), Failure> {
    let Some(first) = said.first() else { return Ok(()) };
    let words = [
        (VendorChangeKind::Closed, "登記記録の閉鎖等"),
        (VendorChangeKind::Merged, "合併による消滅"),
        (VendorChangeKind::Renamed, "商号又は名称の変更"),
        (VendorChangeKind::Reopened, "登記記録の復活等"),
    ];
    let counted = words.map(|(kind, word)| (word, said.iter().filter(|one| one.kind == kind).count()));
    let counted = counted.iter().filter(|(_, count)| *count > 0);
    let counted = counted.map(|(word, count)| format!("{word}{count}件")).collect::<Vec<_>>().join("、");
    let message = format!(
        "法人番号の登録情報によると、契約の体制にある事業者について{counted}の掲載がありました。アラートの一覧で1件ずつ確認してください"
    );
    let severity = said.iter().map(|one| one.finding.severity).max().unwrap_or(Severity::Info);
    let finding = event(AlertKind::VendorChanged, String::new(), severity, message);
    let people: BTreeMap<UserId, String> = said.iter().flat_map(|one| one.people.clone()).collect();
    let about = Line {
        subject: format!("register:{agency_id}"),
        step: &format!("{}:{}", first.alert, first.step),
        link: format!("/alerts?kind={}", AlertKind::VendorChanged),
    };
    tell_line(tx, agency_id, first.alert, &finding, &about, people.into_iter().collect())
}

/// The closure that was told is over: ends its alert, saying so. None: none stands, or it speaks of another name only.
fn reopened(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    change: &VendorChange,
) -> Result<Option<Said>, Failure> {
    let standing =
        db::alert::unresolved(tx.conn, agency_id, AlertKind::VendorChanged, change.vendor_id.as_str())?;
    let speaks_of_it = |message: &str| [CLOSED, MERGED].iter().any(|words| message.contains(words));
    let Some(alert) = standing.filter(|alert| speaks_of_it(&alert.message)) else { return Ok(None) };
    let detail = change.detail.trim_end_matches('。');
    close(tx, alert.id, detail)?;
    let vendor = db::organization::find(tx.conn, change.vendor_id)?.name;
    let message = format!("{vendor}について、{detail}。閉鎖等のアラートは解消しました");
    let finding = event(AlertKind::VendorChanged, change.vendor_id.to_string(), Severity::Info, message);
    said(tx, agency_id, alert.id, finding, change).map(Some)
}

fn said(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    alert: AlertId,
    finding: Finding,
    change: &VendorChange,
) -> Result<Said, Failure> {
    let ids = db::contract::officers_over(tx.conn, agency_id, change.vendor_id)?;
    let people = officers(tx, agency_id, &ids)?;
    let step = format!("{}-{}", change.kind, change.changed_on);
    Ok(Said { alert, finding, kind: change.kind, step, people })
}

/// Opens the alert of a change, or brings it to what is new, in a transaction on the agency's chain; None: that is known
/// already.
fn changed(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    change: &VendorChange,
) -> Result<Option<Said>, Failure> {
    let vendor = db::organization::find(tx.conn, change.vendor_id)?.name;
    let (severity, what) = match change.kind {
        VendorChangeKind::Closed => (Severity::Warning, CLOSED),
        VendorChangeKind::Merged => (Severity::Warning, MERGED),
        VendorChangeKind::Renamed => (Severity::Info, "商号又は名称が変更されています"),
        VendorChangeKind::Reopened => (Severity::Info, "登記記録の復活等があったとされています"),
    };
    let detail = change.detail.trim_end_matches('。');
    let separator = if detail.is_empty() { "" } else { "。" };
    let message =
        format!("{vendor}は、法人番号の登録情報によると、{}に{what}{separator}{detail}", change.changed_on);
    let finding = event(AlertKind::VendorChanged, change.vendor_id.to_string(), severity, message);
    let Some((id, finding)) = raise(tx, agency_id, finding)? else { return Ok(None) };
    said(tx, agency_id, id, finding, change).map(Some)
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
        if let Some(said) = changed(&mut own, agency_id, change)? {
            said.tell(&mut own, agency_id)?;
        }
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
