//! Alerts that no contract's facts raise: a vendor changed in the corporate-number register, a mail that could not
//! be delivered. They stand on the agency's own chain.

use chrono::NaiveDate;

use super::telling::{Concerning, Letterhead, Person, holders, officers};
use super::{Failure, by_the_program, close, open, rule_version};
use crate::db::notice::NoticeRow;
use crate::db::{self, ChainKey, Tx};
use crate::domain::access::Role;
use crate::domain::alert::{AlertKind, Finding, Severity, Step};
use crate::domain::days::DaySet;
use crate::domain::id::{AlertId, OrganizationId};
use crate::domain::text_enum::TextEnum;
use crate::notice::{NoticeKind, Recipient};
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

/// The chain of an organization's own entries, begun or to be begun with the next one.
fn organization_chain(app: &App, id: OrganizationId) -> Result<ChainKey, Failure> {
    let begun = app.db.read_one(|conn| db::organization::has_chain(conn, id))?;
    Ok(if begun {
        ChainKey::Existing(id.cast())
    } else {
        ChainKey::New { id: id.cast(), organization_id: id }
    })
}

/// Writes on an organization's own chain in the program's name.
pub fn on_agency<T>(
    app: &App,
    id: OrganizationId,
    work: impl Fn(&mut Tx<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let chain = organization_chain(app, id)?;
    match app.db.write_tx(&app.sources, None, chain, &work) {
        // Another server has begun the chain meanwhile.
        Err(Failure::Conflict { code: "not_unique", .. }) if matches!(chain, ChainKey::New { .. }) => {
            app.db.write_tx(&app.sources, None, ChainKey::Existing(id.cast()), &work)
        }
        answer => answer,
    }
}

/// Tells an agency that a vendor of its chains changed; false when that is known already.
pub fn vendor_changed(app: &App, agency_id: OrganizationId, change: &VendorChange) -> Result<bool, Failure> {
    on_agency(app, agency_id, |tx| {
        let vendor = db::organization::find(tx.conn, change.vendor_id)?.name;
        let (severity, what) = match change.kind {
            VendorChangeKind::Closed => (Severity::Warning, "登記記録の閉鎖等があったとされています"),
            VendorChangeKind::Merged => (Severity::Warning, "合併により消滅したとされています"),
            VendorChangeKind::Renamed => (Severity::Info, "商号又は名称が変更されています"),
        };
        let detail = change.detail.trim_end_matches('。');
        let separator = if detail.is_empty() { "" } else { "。" };
        let message = format!(
            "{vendor}は、法人番号の登録情報によると、{}に{what}{separator}{detail}",
            change.changed_on
        );
        let finding = event(AlertKind::VendorChanged, change.vendor_id.to_string(), severity, message);
        let Some((id, finding)) = raise(tx, agency_id, finding)? else { return Ok(false) };
        let ids = db::contract::officers_over(tx.conn, agency_id, change.vendor_id)?;
        let people = officers(tx, agency_id, &ids)?;
        tell(tx, agency_id, id, &finding, &format!("{}-{}", change.kind, change.changed_on), people)?;
        Ok(true)
    })
}

/// A notice was given up: raises the alert at the agency, inside a transaction on its chain, and tells its
/// administrators in their digest, never at the address that failed. False when it stands already.
pub fn notice_failed(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    notice: &NoticeRow,
) -> Result<bool, Failure> {
    by_the_program(tx, |tx| {
        let message = format!(
            "通知「{}」を送信できませんでした。通知の一覧で宛先を確認してください",
            title(notice.kind)
        );
        let finding = event(AlertKind::NoticeFailed, notice.id.to_string(), Severity::Warning, message);
        let Some((id, finding)) = raise(tx, agency_id, finding)? else { return Ok(false) };
        let mut people = holders(tx, agency_id, &[Role::AgencyAdmin])?;
        people.retain(|(_, address)| !address.eq_ignore_ascii_case(&notice.address));
        tell(tx, agency_id, id, &finding, "opened", people)?;
        Ok(true)
    })
}

/// A notice went out: the alert that it had failed, if there is one, is over.
pub fn notice_sent(app: &App, notice: &NoticeRow) -> Result<(), Failure> {
    let agency_id = notice.organization_id;
    let standing =
        |conn: &mut _| db::alert::unresolved(conn, agency_id, AlertKind::NoticeFailed, notice.id.as_str());
    if app.db.read_one(standing)?.is_none() {
        return Ok(());
    }
    on_agency(app, agency_id, |tx| match standing(tx.conn)? {
        Some(alert) => close(tx, alert.id, "再送し、送信されました"),
        None => Ok(()),
    })
}

fn event(kind: AlertKind, subject: String, severity: Severity, message: String) -> Finding {
    Finding {
        kind,
        subject,
        engagement_id: None,
        vendor_id: None,
        application_id: None,
        audit_id: None,
        severity,
        cause: None,
        due_on: None,
        message,
        days: DaySet::new(),
        step: Step::Opened,
        audience: Vec::new(),
        urgent: false,
    }
}

/// Opens the alert, or brings the one that stands to what is new; None when it says the same.
fn raise(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    finding: Finding,
) -> Result<Option<(AlertId, Finding)>, Failure> {
    let Some(standing) = db::alert::unresolved(tx.conn, agency_id, finding.kind, &finding.subject)? else {
        let id = open(tx, agency_id, None, &finding)?;
        return Ok(Some((id, finding)));
    };
    if standing.message == finding.message {
        return Ok(None);
    }
    // A graver word said before is not taken back by a lighter one.
    let finding = Finding { severity: finding.severity.max(standing.severity), ..finding };
    let version = rule_version(finding.kind, tx.today);
    tx.record("alert.updated", standing.id, &super::Recorded::of(&finding, version))?;
    db::alert::update(tx.conn, standing.id, &finding, version)?;
    Ok(Some((standing.id, finding)))
}

fn tell(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    id: AlertId,
    finding: &Finding,
    step: &str,
    people: Vec<Person>,
) -> Result<(), Failure> {
    let settings = db::setting::find(tx.conn, agency_id)?.0;
    let agency = db::organization::find(tx.conn, agency_id)?.name;
    let head =
        Letterhead { agency_id, agency: &agency, contract: None, settings: &settings, my_number: false };
    let about = Concerning::finding(id, finding);
    for (user_id, address) in people {
        let recipient = Recipient { address, user_id: Some(user_id) };
        head.send(tx, &about, step, recipient, format!("/alerts/{id}"), finding.urgent)?;
    }
    Ok(())
}

/// What a notice is called on screen.
pub fn title(kind: NoticeKind) -> &'static str {
    let rule = AlertKind::parse(kind.as_str()).and_then(AlertKind::rule);
    rule.map_or_else(
        || match kind {
            NoticeKind::Digest => "本日のお知らせ",
            NoticeKind::Invitation => "利用のご案内",
            NoticeKind::PasswordReset => "パスワードの再設定",
            NoticeKind::ApplicationFiled => "再委託承認申請の受付",
            NoticeKind::ApplicationDecided => "再委託承認申請の結果",
            NoticeKind::ApplicationReturned => "再委託承認申請の補正依頼",
            NoticeKind::ConsentRevoked => "承認の取消し",
            NoticeKind::DeclarationReceipt => "再委託状況報告の受付票",
            _ => "お知らせ",
        },
        |rule| rule.name,
    )
}
