//! The digest: what is not urgent reaches a person in one mail a day, as it is when the mail is written.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::sweep::{SweepReport, by_another};
use super::{GoOn, caught};
use crate::db::notice::NoticeRow;
use crate::db::{self, Conn};
use crate::domain::access::OrganizationKind;
use crate::domain::alert::Severity;
use crate::domain::id::{AlertId, ContractId, OrganizationId};
use crate::domain::text_enum::TextEnum as _;
use crate::notice::context::{AlertMail, Day, DigestGroup, DigestItem, DigestMail, DigestRest};
use crate::notice::letter::Contact;
use crate::notice::{About, Draft, Mail, NoticeKind, Recipient};
use crate::service::{App, Failure};

/// People looked up at once.
const BATCH: i64 = 200;
/// Lines of one digest: more is not read, and a first import may bring thousands.
const LINES: usize = 50;

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
    let groups = groups(conn, &rows, reader.as_ref())?;
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
    pub is_vendor: bool,
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
    let organization = db::organization::find(conn, organization_id)?;
    let is_vendor = organization.kind == OrganizationKind::Vendor;
    Ok(Some(Reader { recipient, organization_id, organization: organization.name, is_vendor }))
}

/// The rows as lines, most severe first: of several steps of one alert the last, of an alert that is over none.
fn groups(conn: &mut Conn, rows: &[NoticeRow], reader: Option<&Reader>) -> Result<Vec<DigestGroup>, Failure> {
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
    let mut mails: Vec<AlertMail> = Vec::new();
    let mut contacts = Contacts::new();
    for row in current {
        let broken = |e: serde_json::Error| Failure::Internal(format!("notice {}: {e}", row.id));
        let mail: AlertMail = serde_json::from_value(row.context()?).map_err(broken)?;
        let contact = contact(conn, &mut contacts, reader, row)?;
        mails.push(AlertMail { contact, ..mail });
    }
    Ok(within(LINES, mails))
}

/// Whom a vendor asks about each contract, looked up once.
pub(super) type Contacts = HashMap<ContractId, Option<Contact>>;

/// Whom a vendor asks about what a row tells; an agency's people ask nobody.
pub(super) fn contact(
    conn: &mut Conn,
    known: &mut Contacts,
    reader: Option<&Reader>,
    row: &NoticeRow,
) -> Result<Option<Contact>, Failure> {
    let Some(id) = row.contract_id.filter(|_| reader.is_some_and(|reader| reader.is_vendor)) else {
        return Ok(None);
    };
    if let Some(contact) = known.get(&id) {
        return Ok(contact.clone());
    }
    let contact = db::letter::contact(conn, id)?;
    known.insert(id, contact.clone());
    Ok(contact)
}

/// So many lines at most, the gravest first and of each gravity in turn one of every kind; of the rest of a kind its number,
/// and where it is listed.
fn within(lines: usize, mails: Vec<AlertMail>) -> Vec<DigestGroup> {
    let mut kinds: BTreeMap<(Reverse<Severity>, NoticeKind), Vec<AlertMail>> = BTreeMap::new();
    for mail in mails {
        let gravity = Severity::ALL.iter().copied().find(|severity| severity.label() == mail.severity);
        kinds.entry((Reverse(gravity.unwrap_or(Severity::Info)), mail.kind)).or_default().push(mail);
    }
    let mut groups: Vec<DigestGroup> = Vec::new();
    let mut room = lines;
    for severity in [Severity::Critical, Severity::Warning, Severity::Info] {
        let of_severity = kinds.extract_if(.., |(Reverse(of), _), _| *of == severity);
        let waiting: Vec<Vec<AlertMail>> = of_severity.map(|(_, of_kind)| of_kind).collect();
        if waiting.is_empty() {
            continue;
        }
        let shown = in_turn(room, &waiting.iter().map(Vec::len).collect::<Vec<_>>());
        let mut group =
            DigestGroup { severity: severity.label().to_owned(), items: Vec::new(), more: Vec::new() };
        for (mut of_kind, shown) in waiting.into_iter().zip(shown) {
            let rest = of_kind.split_off(shown);
            room -= shown;
            if let Some(first) = rest.first() {
                let (kind, severity) = (first.kind.as_str(), severity.as_str());
                group.more.push(DigestRest {
                    title: first.title.clone(),
                    count: rest.len(),
                    link: format!("/alerts?kind={kind}&severity={severity}"),
                });
            }
            group.items.extend(of_kind.into_iter().map(|mail| {
                let AlertMail { title, contract, message, due, next_step, contact, link, .. } = mail;
                DigestItem { title, contract, message, due, next_step, contact, link }
            }));
        }
        groups.push(group);
    }
    groups
}

/// How many of each are taken, where `room` is given out one by one in turn.
fn in_turn(mut room: usize, of_each: &[usize]) -> Vec<usize> {
    let mut taken = vec![0; of_each.len()];
    while room > 0 {
        let before = room;
        for (taken, of_one) in taken.iter_mut().zip(of_each) {
            if *taken < *of_one && room > 0 {
                *taken += 1;
                room -= 1;
            }
        }
        if room == before {
            break;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(kind: NoticeKind, severity: Severity, n: usize) -> Vec<AlertMail> {
        let one = |n| AlertMail {
            kind,
            title: format!("{kind}の名"),
            agency: String::new(),
            contract: None,
            message: format!("{kind} {n}"),
            severity: severity.label().to_owned(),
            cause: None,
            due: None,
            rule: String::new(),
            basis: String::new(),
            next_step: String::new(),
            contact: None,
            link: "/alerts/1".to_owned(),
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn n27_the_gravest_come_first_each_kind_has_its_turn_and_the_rest_is_counted() {
        use NoticeKind::{AuditDue, AuditOverdue, ContractExpiring, DeclarationOverdue};
        let all = [
            mails(ContractExpiring, Severity::Info, 4),
            mails(AuditOverdue, Severity::Critical, 2),
            mails(AuditDue, Severity::Warning, 3000),
            mails(DeclarationOverdue, Severity::Warning, 3),
        ];
        let groups = within(50, all.concat());
        let shown: Vec<(&str, usize)> = groups.iter().map(|g| (g.severity.as_str(), g.items.len())).collect();
        assert_eq!(shown, [("重大", 2), ("注意", 48), ("情報", 0)]);
        let of_kind = |kind: &str| groups[1].items.iter().filter(|it| it.message.starts_with(kind)).count();
        assert_eq!((of_kind("audit_due"), of_kind("declaration_overdue")), (45, 3));
        assert_eq!(groups[1].items[0].message, "audit_due 0");
        let more: Vec<_> = groups.iter().flat_map(|g| &g.more).map(|m| (m.count, m.link.as_str())).collect();
        assert_eq!(
            more,
            [
                (2955, "/alerts?kind=audit_due&severity=warning"),
                (4, "/alerts?kind=contract_expiring&severity=info")
            ]
        );
        // What has room is told in full.
        let all = within(50, mails(AuditDue, Severity::Warning, 50));
        assert_eq!((all.len(), all[0].items.len(), all[0].more.len()), (1, 50, 0));
    }
}
