//! The outbox: a row for each mail to one recipient, written in the business transaction and sent later. Every
//! transition is a conditional UPDATE, and its row count says who made it.

use std::collections::HashMap;

use chrono::{Duration, NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::letter::{Written, letter};
use super::schema::{departments, notices, organizations, users};
use super::session::TokenPurpose;
use super::types::{directly, from_json, to_json};
use super::{Conn, DbError};
use crate::clock::Sources;
use crate::domain::access::OrganizationKind;
use crate::domain::contract::Instant;
use crate::domain::id::{ContractId, NoticeId, OrganizationId, UserId};
use crate::notice::{Draft, NoticeKind};
use crate::text_enum;

text_enum! {
    /// Where a notice stands.
    pub enum NoticeState {
        /// To be sent, or to be tried again.
        Queued = "queued",
        /// Handed over.
        Sent = "sent",
        /// 不達: given up.
        Failed = "failed",
        /// Came thick and fast: waits to be told in one mail with others.
        Held = "held",
        /// Waits for its recipient's digest.
        Digest = "digest",
        /// Its words went out in a digest, or in one mail with others.
        Digested = "digested",
        /// 宛先なし: it was for a vendor without people and without a contact address. Nobody was told.
        Unaddressed = "unaddressed",
    }
}

/// A notice as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = notices)]
pub struct NoticeRow {
    pub id: NoticeId,
    pub organization_id: OrganizationId,
    pub contract_id: Option<ContractId>,
    pub kind: NoticeKind,
    pub subject: String,
    pub step: String,
    /// A user's id; the address of a department, or of a vendor without people; [`unaddressed_to`] a vendor.
    pub recipient: String,
    pub address: String,
    pub context: String,
    pub state: NoticeState,
    pub attempts: i32,
    pub next_attempt_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub created_on: NaiveDate,
    pub sent_at: Option<NaiveDateTime>,
    pub last_error: Option<String>,
}

impl NoticeRow {
    /// The stored context.
    pub fn context(&self) -> Result<serde_json::Value, DbError> {
        from_json(&self.context)
    }

    /// Whose account it goes to; None: a department's address.
    pub fn user_id(&self) -> Option<UserId> {
        self.recipient.parse().ok()
    }
}

/// Writes a notice into the outbox, on the clock's business day. False: that (kind, subject, step, recipient) is
/// there already, and nothing was written.
pub fn enqueue(conn: &mut Conn, sources: &Sources, draft: &Draft) -> Result<bool, DbError> {
    enqueue_on(conn, sources, sources.clock.today(), draft)
}

/// As [`enqueue`], on the business day that is evaluated.
pub fn enqueue_on(
    conn: &mut Conn,
    sources: &Sources,
    today: NaiveDate,
    draft: &Draft,
) -> Result<bool, DbError> {
    enqueue_at(conn, sources, today, sources.clock.machine_now(), draft)
}

/// As [`enqueue_on`], at an instant of the machine's: that of what it tells of.
pub fn enqueue_at(
    conn: &mut Conn,
    sources: &Sources,
    today: NaiveDate,
    now: Instant,
    draft: &Draft,
) -> Result<bool, DbError> {
    let recipient =
        draft.recipient.user_id.map_or_else(|| draft.recipient.address.clone(), |id| id.to_string());
    if is_told(conn, draft.kind, &draft.about.subject_id, &draft.about.step, &recipient)? {
        return Ok(false);
    }
    let held =
        if draft.joins && !draft.in_digest { held_until(conn, draft, &recipient, now, today)? } else { None };
    let (state, next) = match held {
        _ if draft.in_digest => (NoticeState::Digest, None),
        Some(until) => (NoticeState::Held, Some(until)),
        None => (NoticeState::Queued, Some(now.naive_utc())),
    };
    // What waits for a digest is told in the digest's own letter.
    if state == NoticeState::Digest {
        insert(conn, sources, draft, &recipient, (state, next), (today, now))?;
    } else {
        let mail = Written {
            kind: draft.kind,
            organization_id: draft.about.organization_id,
            contract_id: draft.contract_id,
            user_id: draft.recipient.user_id,
            address: &draft.recipient.address,
        };
        let context = enveloped(conn, &mail, draft.context.clone(), today)?;
        let draft = Draft { context, ..draft.clone() };
        insert(conn, sources, &draft, &recipient, (state, next), (today, now))?;
    }
    Ok(true)
}

/// The context of a mail with what stands around it.
fn enveloped(
    conn: &mut Conn,
    mail: &Written<'_>,
    mut context: serde_json::Value,
    today: NaiveDate,
) -> Result<serde_json::Value, DbError> {
    let letter = serde_json::json!(letter(conn, mail, today)?);
    if let Some(context) = context.as_object_mut() {
        context.insert("letter".to_owned(), letter);
    }
    Ok(context)
}

/// The recipient of what could not be told to a vendor.
pub fn unaddressed_to(vendor: OrganizationId) -> String {
    format!("vendor:{vendor}")
}

/// Records that something could be told to nobody of a vendor: it has no people, and no contact address.
pub fn keep_unaddressed(
    conn: &mut Conn,
    sources: &Sources,
    today: NaiveDate,
    draft: &Draft,
    vendor: OrganizationId,
) -> Result<(), DbError> {
    let recipient = unaddressed_to(vendor);
    if is_told(conn, draft.kind, &draft.about.subject_id, &draft.about.step, &recipient)? {
        return Ok(());
    }
    let now = sources.clock.machine_now();
    insert(conn, sources, draft, &recipient, (NoticeState::Unaddressed, None), (today, now))
}

/// Writes the row; `next`: when it is to be sent.
fn insert(
    conn: &mut Conn,
    sources: &Sources,
    draft: &Draft,
    recipient: &str,
    (state, next): (NoticeState, Option<NaiveDateTime>),
    (today, now): (NaiveDate, Instant),
) -> Result<(), DbError> {
    directly!(conn, |own| diesel::insert_into(notices::table)
        .values((
            notices::id.eq(sources.new_id::<crate::domain::id::of::Notice>()),
            notices::organization_id.eq(draft.about.organization_id),
            notices::contract_id.eq(draft.contract_id),
            notices::kind.eq(draft.kind),
            notices::subject.eq(&draft.about.subject_id),
            notices::step.eq(&draft.about.step),
            notices::recipient.eq(recipient),
            notices::address.eq(&draft.recipient.address),
            notices::context.eq(to_json(&draft.context)?),
            notices::state.eq(state),
            notices::attempts.eq(0),
            notices::next_attempt_at.eq(next),
            notices::created_at.eq(now.naive_utc()),
            notices::created_on.eq(today),
        ))
        .execute(own))?;
    Ok(())
}

/// The vendors to whom some of these alerts could not be told, each with the alert.
pub fn untold(conn: &mut Conn, subjects: &[String]) -> Result<Vec<(String, OrganizationId)>, DbError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(String, String)> = notices::table
        .filter(notices::subject.eq_any(subjects.to_vec()))
        .filter(notices::state.eq(NoticeState::Unaddressed))
        .select((notices::subject, notices::recipient))
        .distinct()
        .load(conn)?;
    let vendor = |recipient: &str| recipient.strip_prefix("vendor:").and_then(|id| id.parse().ok());
    Ok(rows.into_iter().filter_map(|(subject, recipient)| Some((subject, vendor(&recipient)?))).collect())
}

/// The vendors without any account, but with a contact address to which something was mailed: they are to be invited.
pub fn contacts_to_invite(conn: &mut Conn) -> Result<Vec<OrganizationId>, DbError> {
    let people = users::table.filter(users::organization_id.eq(organizations::id));
    let mailed = notices::table.filter(notices::recipient.nullable().eq(organizations::contact_email));
    Ok(organizations::table
        .filter(organizations::kind.eq(OrganizationKind::Vendor))
        .filter(organizations::contact_email.is_not_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(people)))
        .filter(diesel::dsl::exists(mailed))
        .order(organizations::id)
        .select(organizations::id)
        .load(conn)?)
}

/// The agency that wrote last to an address which is nobody's account, with the contract that it wrote about.
pub fn last_of_agency(
    conn: &mut Conn,
    address: &str,
) -> Result<Option<(OrganizationId, Option<ContractId>)>, DbError> {
    let last = notices::table
        .inner_join(organizations::table.on(organizations::id.eq(notices::organization_id)))
        .filter(organizations::kind.eq(OrganizationKind::Agency))
        .filter(notices::recipient.eq(address))
        .order(notices::id.desc())
        .select((notices::organization_id, notices::contract_id));
    Ok(last.first(conn).optional()?)
}

/// How many invitations have been mailed to an address since then.
pub fn invitations_to(conn: &mut Conn, address: &str, since: Instant) -> Result<i64, DbError> {
    Ok(notices::table
        .filter(notices::kind.eq(NoticeKind::Invitation))
        .filter(notices::address.eq(address))
        .filter(notices::created_at.gt(since.naive_utc()))
        .count()
        .get_result(conn)?)
}

/// So many of one kind about one contract reach someone in [`ALIKE_WITHIN`] each by itself.
const ALIKE: usize = 3;
const ALIKE_WITHIN: Duration = Duration::minutes(10);
/// So many of all kinds in [`ANY_WITHIN`].
const ANY: usize = 8;
const ANY_WITHIN: Duration = Duration::minutes(1);
/// What is more waits so long for others, and for so long after the last that were told in one mail.
const GATHERED_FOR: Duration = Duration::minutes(1);
const GATHERED_EVERY: Duration = Duration::minutes(10);

/// Until when a notice is held back to be told in one mail with others; None: it goes by itself. Of another business day
/// than now's nothing is counted: a demonstration's days pass in seconds.
fn held_until(
    conn: &mut Conn,
    draft: &Draft,
    recipient: &str,
    now: Instant,
    today: NaiveDate,
) -> Result<Option<NaiveDateTime>, DbError> {
    let own = [NoticeState::Queued, NoticeState::Sent, NoticeState::Failed];
    let to = notices::table.filter(notices::recipient.eq(recipient));
    let lately: Vec<(NoticeKind, Option<ContractId>, NaiveDateTime)> = to
        .filter(notices::state.eq_any(own))
        .filter(notices::created_at.gt((now - ALIKE_WITHIN).naive_utc()))
        .filter(notices::created_on.eq(today))
        .select((notices::kind, notices::contract_id, notices::created_at))
        .order(notices::created_at.desc())
        .limit(100)
        .load(conn)?;
    let alike = lately.iter().filter(|(kind, of, _)| *kind == draft.kind && *of == draft.contract_id).count();
    let since = (now - ANY_WITHIN).naive_utc();
    let any = lately.iter().filter(|(_, _, at)| *at > since).count();
    if alike < ALIKE && any < ANY {
        return Ok(None);
    }
    let last =
        to.filter(notices::kind.eq(NoticeKind::Collected)).select(diesel::dsl::max(notices::created_at));
    let last: Option<NaiveDateTime> = last.first(conn)?;
    let soon = (now + GATHERED_FOR).naive_utc();
    Ok(Some(last.map_or(soon, |last| soon.max(last + GATHERED_EVERY))))
}

/// The notices to that person that were given up, each with its organization.
pub fn failed_of(conn: &mut Conn, user: UserId) -> Result<Vec<(NoticeId, OrganizationId)>, DbError> {
    Ok(notices::table
        .filter(notices::state.eq(NoticeState::Failed))
        .filter(notices::recipient.eq(user.to_string()))
        .select((notices::id, notices::organization_id))
        .load(conn)?)
}

/// Whether that recipient has been told that step of that subject, or will be.
pub fn is_told(
    conn: &mut Conn,
    kind: NoticeKind,
    subject: &str,
    step: &str,
    recipient: &str,
) -> Result<bool, DbError> {
    let told = notices::table
        .filter(notices::kind.eq(kind))
        .filter(notices::subject.eq(subject))
        .filter(notices::step.eq(step))
        .filter(notices::recipient.eq(recipient));
    let told = diesel::select(diesel::dsl::exists(told));
    Ok(directly!(conn, |own| told.get_result(own))?)
}

/// Notices whose time to be sent has come, the longest waiting first.
pub fn sendable(conn: &mut Conn, now: Instant, n: i64) -> Result<Vec<NoticeId>, DbError> {
    let now = now.naive_utc();
    Ok(notices::table
        .filter(notices::state.eq(NoticeState::Queued))
        .filter(notices::next_attempt_at.le(now))
        .filter(notices::claimed_until.is_null().or(notices::claimed_until.lt(now)))
        .order((notices::next_attempt_at, notices::id))
        .select(notices::id)
        .limit(n)
        .load(conn)?)
}

/// Takes a notice for sending until `until`. None: another server has it, or it has been sent.
pub fn claim(
    conn: &mut Conn,
    id: NoticeId,
    now: Instant,
    until: Instant,
) -> Result<Option<NoticeRow>, DbError> {
    let now = now.naive_utc();
    let taken = diesel::update(
        notices::table
            .filter(notices::id.eq(id))
            .filter(notices::state.eq(NoticeState::Queued))
            .filter(notices::next_attempt_at.le(now))
            .filter(notices::claimed_until.is_null().or(notices::claimed_until.lt(now))),
    )
    .set((notices::claimed_until.eq(until.naive_utc()), notices::attempts.eq(notices::attempts + 1)))
    .execute(conn)?;
    if taken == 0 { Ok(None) } else { find(conn, id).map(Some) }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    Sent {
        at: Instant,
    },
    /// To be tried again.
    Later {
        at: Instant,
        why: String,
    },
    /// Given up.
    Failed {
        why: String,
    },
}

/// What is left of a context that held a token, once the mail is sent or given up.
const EMPTIED: &str = "{}";

/// Records an attempt; after the last one a token is kept no longer. False: the claim had passed to another server
/// meanwhile.
pub fn record(
    conn: &mut Conn,
    row: &NoticeRow,
    claimed_until: Instant,
    attempt: &Attempt,
) -> Result<bool, DbError> {
    let (state, next, sent, why) = match attempt {
        Attempt::Sent { at } => (NoticeState::Sent, None, Some(at.naive_utc()), None),
        Attempt::Later { at, why } => (NoticeState::Queued, Some(at.naive_utc()), None, Some(why)),
        Attempt::Failed { why } => (NoticeState::Failed, None, None, Some(why)),
    };
    let is_last = state != NoticeState::Queued;
    let changed = diesel::update(
        notices::table
            .filter(notices::id.eq(row.id))
            .filter(notices::state.eq(NoticeState::Queued))
            .filter(notices::claimed_until.eq(claimed_until.naive_utc())),
    )
    .set((
        (is_last && TokenPurpose::of_mail(row.kind).is_some()).then(|| notices::context.eq(EMPTIED)),
        notices::state.eq(state),
        notices::next_attempt_at.eq(next),
        notices::sent_at.eq(sent),
        notices::last_error.eq(why),
        notices::claimed_until.eq(None::<NaiveDateTime>),
    ))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Puts a failed notice back into the queue, to an address taken anew and with a new context if one is given; the
/// ladder begins again. False: it had not failed.
pub fn requeue(
    conn: &mut Conn,
    row: &NoticeRow,
    address: &str,
    context: Option<serde_json::Value>,
    (today, now): (NaiveDate, Instant),
) -> Result<bool, DbError> {
    let now = now.naive_utc();
    let mail = Written {
        kind: row.kind,
        organization_id: row.organization_id,
        contract_id: row.contract_id,
        user_id: row.user_id(),
        address,
    };
    let context = context.map(|context| enveloped(conn, &mail, context, today)).transpose()?;
    let context = context.as_ref().map(to_json).transpose()?;
    let changed = diesel::update(
        notices::table.filter(notices::id.eq(row.id)).filter(notices::state.eq(NoticeState::Failed)),
    )
    .set((
        context.map(|context| notices::context.eq(context)),
        notices::state.eq(NoticeState::Queued),
        notices::address.eq(address),
        notices::attempts.eq(0),
        notices::next_attempt_at.eq(now),
        notices::created_at.eq(now),
        notices::last_error.eq(None::<String>),
    ))
    .execute(conn)?;
    Ok(changed == 1)
}

/// A notice by id; the caller has settled that it may.
pub fn find(conn: &mut Conn, id: NoticeId) -> Result<NoticeRow, DbError> {
    Ok(notices::table.find(id).select(NoticeRow::as_select()).first(conn)?)
}

/// A notice of one organization.
pub fn find_of(conn: &mut Conn, organization_id: OrganizationId, id: NoticeId) -> Result<NoticeRow, DbError> {
    Ok(notices::table
        .filter(notices::id.eq(id))
        .filter(notices::organization_id.eq(organization_id))
        .select(NoticeRow::as_select())
        .first(conn)?)
}

/// What of an organization's notices is listed.
#[derive(Debug, Clone, Default)]
pub struct NoticeFilter {
    /// In one of these states; none named: in any.
    pub states: Vec<NoticeState>,
    pub contract_id: Option<ContractId>,
}

/// An organization's notices, the latest first.
pub fn list(
    conn: &mut Conn,
    organization_id: OrganizationId,
    filter: &NoticeFilter,
    before: Option<NoticeId>,
    n: i64,
) -> Result<Vec<NoticeRow>, DbError> {
    let mut query = notices::table
        .filter(notices::organization_id.eq(organization_id))
        .order(notices::id.desc())
        .select(NoticeRow::as_select())
        .limit(n)
        .into_boxed();
    if !filter.states.is_empty() {
        query = query.filter(notices::state.eq_any(filter.states.clone()));
    }
    if let Some(contract_id) = filter.contract_id {
        query = query.filter(notices::contract_id.eq(contract_id));
    }
    if let Some(before) = before {
        query = query.filter(notices::id.lt(before));
    }
    Ok(query.load(conn)?)
}

/// The names behind recipients: users by id, departments and vendors by address, or by the vendor's own.
pub fn recipient_names(
    conn: &mut Conn,
    organization_id: OrganizationId,
    rows: &[NoticeRow],
) -> Result<std::collections::HashMap<String, String>, DbError> {
    let ids: Vec<UserId> = rows.iter().filter_map(NoticeRow::user_id).collect();
    let people = super::user::names(conn, &ids)?;
    let addresses: Vec<&str> =
        rows.iter().filter(|row| row.user_id().is_none()).map(|row| row.address.as_str()).collect();
    let offices: Vec<(String, String)> = departments::table
        .filter(departments::agency_id.eq(organization_id))
        .filter(departments::email.eq_any(addresses))
        .select((departments::email, departments::name))
        .load(conn)?;
    let addresses = rows.iter().filter(|row| row.user_id().is_none()).map(|row| Some(row.address.as_str()));
    let contacts: Vec<(Option<String>, String)> = organizations::table
        .filter(organizations::kind.eq(OrganizationKind::Vendor))
        .filter(organizations::contact_email.eq_any(addresses.collect::<Vec<_>>()))
        .select((organizations::contact_email, organizations::name))
        .load(conn)?;
    let contacts = contacts.into_iter().filter_map(|(address, name)| Some((address?, name)));
    let vendors = rows.iter().filter_map(|row| row.recipient.strip_prefix("vendor:")?.parse().ok());
    let vendors = super::organization::names(conn, &vendors.collect::<Vec<OrganizationId>>())?;
    let vendors = vendors.into_iter().map(|(id, name)| (unaddressed_to(id), name));
    let people = people.into_iter().map(|(id, name)| (id.to_string(), name));
    Ok(contacts.chain(vendors).chain(people).chain(offices).collect())
}

/// A few of those who have something waiting for their digest, in order of recipient.
pub fn digest_recipients(conn: &mut Conn, after: Option<&str>, n: i64) -> Result<Vec<String>, DbError> {
    recipients(conn, NoticeState::Digest, None, after, n)
}

/// A few of those for whom something held back is to be told now, in order of recipient.
pub fn held_recipients(
    conn: &mut Conn,
    now: Instant,
    after: Option<&str>,
    n: i64,
) -> Result<Vec<String>, DbError> {
    recipients(conn, NoticeState::Held, Some(now), after, n)
}

/// Whose notices stand so; `due`: those only whose time had come by then.
fn recipients(
    conn: &mut Conn,
    state: NoticeState,
    due: Option<Instant>,
    after: Option<&str>,
    n: i64,
) -> Result<Vec<String>, DbError> {
    let mut query = notices::table
        .filter(notices::state.eq(state))
        .select(notices::recipient)
        .distinct()
        .order(notices::recipient)
        .limit(n)
        .into_boxed();
    if let Some(due) = due {
        query = query.filter(notices::next_attempt_at.le(due.naive_utc()));
    }
    if let Some(after) = after {
        query = query.filter(notices::recipient.gt(after.to_owned()));
    }
    Ok(query.load(conn)?)
}

/// What is held back for one recipient, in order of writing.
pub fn held_of(conn: &mut Conn, recipient: &str, n: i64) -> Result<Vec<NoticeRow>, DbError> {
    Ok(notices::table
        .filter(notices::state.eq(NoticeState::Held))
        .filter(notices::recipient.eq(recipient))
        .order(notices::id)
        .select(NoticeRow::as_select())
        .limit(n)
        .load(conn)?)
}

/// Marks a row as told in the mail written at that instant. False: another server did.
pub fn mark_collected(conn: &mut Conn, id: NoticeId, at: Instant) -> Result<bool, DbError> {
    told_elsewhere(conn, id, NoticeState::Held, at)
}

/// What waits for one recipient's digest, in order of writing.
pub fn digest_of(conn: &mut Conn, recipient: &str) -> Result<Vec<NoticeRow>, DbError> {
    Ok(notices::table
        .filter(notices::state.eq(NoticeState::Digest))
        .filter(notices::recipient.eq(recipient))
        .order(notices::id)
        .select(NoticeRow::as_select())
        .load(conn)?)
}

/// Marks a row as told in the digest written at that instant. False: another sweep did.
pub fn mark_digested(conn: &mut Conn, id: NoticeId, at: Instant) -> Result<bool, DbError> {
    told_elsewhere(conn, id, NoticeState::Digest, at)
}

fn told_elsewhere(conn: &mut Conn, id: NoticeId, from: NoticeState, at: Instant) -> Result<bool, DbError> {
    let waiting = notices::table.filter(notices::id.eq(id)).filter(notices::state.eq(from));
    let changed = diesel::update(waiting)
        .set((
            notices::state.eq(NoticeState::Digested),
            notices::sent_at.eq(at.naive_utc()),
            notices::next_attempt_at.eq(None::<NaiveDateTime>),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The organizations whose words went out in the digest that was written for a recipient at that instant.
pub fn digested_for(
    conn: &mut Conn,
    recipient: &str,
    at: NaiveDateTime,
) -> Result<Vec<OrganizationId>, DbError> {
    Ok(notices::table
        .filter(notices::recipient.eq(recipient))
        .filter(notices::state.eq(NoticeState::Digested))
        .filter(notices::sent_at.eq(at))
        .select(notices::organization_id)
        .distinct()
        .order(notices::organization_id)
        .load(conn)?)
}

/// The business days on which these notices were written.
pub fn days(conn: &mut Conn, ids: &[NoticeId]) -> Result<HashMap<NoticeId, NaiveDate>, DbError> {
    let rows = notices::table.filter(notices::id.eq_any(ids.to_vec()));
    let rows: Vec<(NoticeId, NaiveDate)> = rows.select((notices::id, notices::created_on)).load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Whether someone is sending a notice right now.
pub fn any_on_its_way(conn: &mut Conn, now: Instant) -> Result<bool, DbError> {
    let claimed = notices::table
        .filter(notices::state.eq(NoticeState::Queued))
        .filter(notices::next_attempt_at.le(now.naive_utc()))
        .filter(notices::claimed_until.ge(now.naive_utc()));
    Ok(diesel::select(diesel::dsl::exists(claimed)).get_result(conn)?)
}
