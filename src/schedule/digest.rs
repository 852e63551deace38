//! The digest: what is not urgent reaches a person in one mail a day, as it is when the mail is written.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;

use super::sweep::{SweepReport, by_another};
use super::{GoOn, caught};
use crate::db::notice::NoticeRow;
use crate::db::{self, Conn};
use crate::domain::alert::Severity;
use crate::domain::id::{AlertId, OrganizationId};
use crate::notice::context::{AlertMail, Day, DigestGroup, DigestItem, DigestMail};
use crate::notice::{About, Draft, Mail, NoticeKind, Recipient};
use crate::service::{App, Failure};

/// People looked up at once.
const BATCH: i64 = 200;

/// Writes the day's digest of everyone for whom something waits, and counts into the report. What came after a
/// person's digest of the day waits for the next. One that can't be written does not keep the others from theirs.
pub(super) fn write_all(app: &App, report: &mut SweepReport, go_on: &GoOn<'_>) -> Result<(), Failure> {
    let day = report.day;
    let mut after: Option<String> = None;
    loop {
        let people = app.db.read_one(|conn| db::notice::digest_recipients(conn, after.as_deref(), BATCH))?;
        let Some(last) = people.last() else { return Ok(()) };
        after = Some(last.clone());
        for recipient in &people {
            if !report.goes_on(go_on) {
                return Ok(());
            }
            match caught(|| app.db.write(|conn| write_one(app, conn, recipient, day))) {
                Ok(true) => report.digests += 1,
                Ok(false) => {}
                Err(failure) if by_another(&failure) => {}
                Err(Failure::Unavailable(why)) => return Err(Failure::Unavailable(why)),
                Err(failure) => {
                    tracing::error!(%failure, detail = ?failure, "a digest could not be written");
                    report.failed += 1;
                }
            }
        }
    }
}

/// One person's digest, in one transaction with the rows it tells.
fn write_one(app: &App, conn: &mut Conn, recipient: &str, day: NaiveDate) -> Result<bool, Failure> {
    let step = day.to_string();
    if db::notice::is_told(conn, NoticeKind::Digest, recipient, &step, recipient)? {
        return Ok(false);
    }
    let rows = db::notice::digest_of(conn, recipient)?;
    let Some(first) = rows.first() else { return Ok(false) };
    let reader = reader(conn, first, day)?;
    let now = app.sources.clock.machine_now();
    for row in &rows {
        if !db::notice::mark_digested(conn, row.id, now)? {
            return Err(Failure::conflict("not_unique", "ほかの処理が先に行いました。"));
        }
    }
    let groups = groups(conn, &rows)?;
    // An account that ended is told nothing; nor is anyone told of what is over.
    let Some(reader) = reader.filter(|_| !groups.is_empty()) else { return Ok(false) };
    let mail = DigestMail {
        organization: reader.organization,
        day: Day::of(day),
        groups,
        link: "/alerts".to_owned(),
    };
    let about = About {
        organization_id: reader.organization_id,
        subject_kind: "digest".to_owned(),
        subject_id: recipient.to_owned(),
        step,
    };
    let draft = Draft::new(about, reader.recipient, &Mail::Digest(mail))
        .map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(db::notice::enqueue_at(conn, &app.sources, day, now, &draft)?)
}

/// Who reads a mail that tells of several things.
pub(super) struct Reader {
    pub recipient: Recipient,
    pub organization_id: OrganizationId,
    pub organization: String,
}

/// Who reads it now: an active person with their own organization, a department, or the contact of a vendor. None: nobody
/// any more.
pub(super) fn reader(conn: &mut Conn, row: &NoticeRow, day: NaiveDate) -> Result<Option<Reader>, Failure> {
    let (recipient, organization_id) = match row.user_id() {
        None => {
            let recipient = Recipient { address: row.address.clone(), user_id: None };
            let vendor = db::organization::vendor_of_contact(conn, &row.address)?;
            (recipient, vendor.unwrap_or(row.organization_id))
        }
        Some(user_id) => {
            let user = db::user::find(conn, user_id)?;
            if !user.is_usable(day) {
                return Ok(None);
            }
            (Recipient { address: user.email, user_id: Some(user_id) }, user.organization_id)
        }
    };
    let organization = db::organization::find(conn, organization_id)?.name;
    Ok(Some(Reader { recipient, organization_id, organization }))
}

/// The rows as lines, most severe first: of several steps of one alert the last, of an alert that is over none.
fn groups(conn: &mut Conn, rows: &[NoticeRow]) -> Result<Vec<DigestGroup>, Failure> {
    let mut latest: BTreeMap<&str, &NoticeRow> = BTreeMap::new();
    for row in rows {
        latest.insert(&row.subject, row);
    }
    let ids: Vec<AlertId> = latest.keys().filter_map(|subject| subject.parse().ok()).collect();
    let over: HashSet<String> =
        db::alert::resolved_among(conn, &ids)?.into_iter().map(|id| id.to_string()).collect();
    let mut current: Vec<&NoticeRow> =
        latest.into_values().filter(|row| !over.contains(&row.subject)).collect();
    current.sort_by_key(|row| row.id);
    let mut items: Vec<(String, DigestItem)> = Vec::new();
    for row in current {
        let broken = |e: serde_json::Error| Failure::Internal(format!("notice {}: {e}", row.id));
        let mail: AlertMail = serde_json::from_value(row.context()?).map_err(broken)?;
        let AlertMail { title, contract, message, due, link, severity, .. } = mail;
        items.push((severity, DigestItem { title, contract, message, due, link }));
    }
    let groups = [Severity::Critical, Severity::Warning, Severity::Info].map(|severity| {
        let severity = severity.label().to_owned();
        let items = items.iter().filter(|(of, _)| *of == severity).map(|(_, item)| item.clone()).collect();
        DigestGroup { severity, items }
    });
    Ok(groups.into_iter().filter(|group| !group.items.is_empty()).collect())
}
