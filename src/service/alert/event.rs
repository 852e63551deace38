//! Alerts that no contract's facts raise stand on the agency's own chain: what they share, and those of mail that
//! could not be delivered. A vendor that changed is in [`super::vendor`].

use super::telling::{Concerning, Letterhead, Person, holders};
use super::{Failure, by_the_program, close, open, rule_version};
use crate::db::notice::NoticeRow;
use crate::db::{self, ChainKey, Conn, DbError, Tx};
use crate::domain::access::Role;
use crate::domain::alert::{AlertKind, Finding, Reader, Severity, Step};
use crate::domain::days::DaySet;
use crate::domain::id::{AlertId, NoticeId, OrganizationId, UserId};
use crate::domain::text_enum::TextEnum;
use crate::notice::{NoticeKind, Recipient};
use crate::service::App;

/// The chain of an organization's own entries, begun or to be begun with the next one.
pub fn organization_chain(conn: &mut Conn, id: OrganizationId) -> Result<ChainKey, DbError> {
    Ok(if db::organization::has_chain(conn, id)? {
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
    let chain = app.db.read_one(|conn| organization_chain(conn, id))?;
    match app.db.write_tx(&app.sources, None, chain, &work) {
        // Another server has begun the chain meanwhile.
        Err(Failure::TwinRequest) if matches!(chain, ChainKey::New { .. }) => {
            app.db.write_tx(&app.sources, None, ChainKey::Existing(id.cast()), &work)
        }
        answer => answer,
    }
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
    failed_no_more(app, notice.organization_id, notice.id, "再送し、送信されました")
}

/// A person has another address: the alerts that notices to the one before had failed are over, wherever they stand.
pub fn address_corrected(app: &App, user: UserId) -> Result<(), Failure> {
    for (notice, organization) in app.db.read_one(|conn| db::notice::failed_of(conn, user))? {
        failed_no_more(app, organization, notice, "宛先のメールアドレスが改められました")?;
    }
    Ok(())
}

fn failed_no_more(app: &App, agency_id: OrganizationId, notice: NoticeId, why: &str) -> Result<(), Failure> {
    let standing =
        |conn: &mut _| db::alert::unresolved(conn, agency_id, AlertKind::NoticeFailed, notice.as_str());
    if app.db.read_one(standing)?.is_none() {
        return Ok(());
    }
    on_agency(app, agency_id, |tx| match standing(tx.conn)? {
        Some(alert) => close(tx, alert.id, why),
        None => Ok(()),
    })
}

/// What a happening outside a contract says; it is told in the digest.
pub(super) fn event(kind: AlertKind, subject: String, severity: Severity, message: String) -> Finding {
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
pub(super) fn raise(
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
    let salt = standing.salt.as_deref().unwrap_or_default();
    tx.record("alert.updated", standing.id, &super::Recorded::of(&finding, version, salt))?;
    db::alert::update(tx.conn, standing.id, &finding, version)?;
    Ok(Some((standing.id, finding)))
}

/// Puts an alert into the digests of these people.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    id: AlertId,
    finding: &Finding,
    step: &str,
    people: Vec<Person>,
) -> Result<(), Failure> {
    let line = Line { subject: id.to_string(), step, link: format!("/alerts/{id}") };
    tell_line(tx, agency_id, id, finding, &line, people)
}

/// Under what a line stands in a digest, and where it leads.
pub(super) struct Line<'a> {
    /// An alert's id, with which the line goes when it is over; or another subject, which is told in any case.
    pub subject: String,
    pub step: &'a str,
    pub link: String,
}

/// Puts a line into the digests of these people.
pub(super) fn tell_line(
    tx: &mut Tx<'_>,
    agency_id: OrganizationId,
    id: AlertId,
    finding: &Finding,
    line: &Line<'_>,
    people: Vec<Person>,
) -> Result<(), Failure> {
    let settings = db::setting::find(tx.conn, agency_id)?.0;
    let agency = db::organization::find(tx.conn, agency_id)?.name;
    let head =
        Letterhead { agency_id, agency: &agency, contract: None, settings: &settings, my_number: false };
    let about = Concerning::finding(id, finding);
    let reads: &[Reader] =
        if finding.kind == AlertKind::NoticeFailed { &[Reader::AgencyAdmin] } else { &[Reader::Officer] };
    for (user_id, address) in people {
        let to = (Recipient { address, user_id: Some(user_id) }, reads);
        let about = Concerning { subject: Some(&line.subject), ..about };
        head.send(tx, &about, line.step, to, line.link.clone(), finding.urgent)?;
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
            NoticeKind::EmailChanged => "メールアドレスの変更",
            NoticeKind::AccountChanged => "アカウントの変更",
            NoticeKind::BackupOverdue => "バックアップの遅れ",
            NoticeKind::ChangeAsked => "承認を待つ利用者の変更",
            NoticeKind::ChangeEnded => "承認を待っていた利用者の変更の結果",
            NoticeKind::LoginFailures => "ログインの失敗の続発",
            NoticeKind::Collected => "まとめたお知らせ",
            NoticeKind::ApplicationFiled => "再委託承認申請の受付",
            NoticeKind::ApplicationReviewed => "決裁を待つ再委託承認申請",
            NoticeKind::ApplicationDecided => "再委託承認申請の結果",
            NoticeKind::ApplicationReturned => "再委託承認申請の補正依頼",
            NoticeKind::ApplicationSentBack => "再委託承認申請の差戻し",
            NoticeKind::ConsentRevoked => "承認の取消し",
            NoticeKind::DeclarationReceipt => "再委託状況報告の受付票",
            _ => "お知らせ",
        },
        |rule| rule.name,
    )
}
