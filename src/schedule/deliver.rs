//! The delivery: claims what is due in the outbox, sends it outside any transaction, records what became of it. A
//! crash between sending and recording sends the same message once more, under the same Message-ID.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::db;
use crate::db::notice::{Attempt, NoticeRow};
use crate::domain::access::OrganizationKind;
use crate::domain::id::OrganizationId;
use crate::notice::NoticeKind;
use crate::notice::message::{Message, Sender};
use crate::notice::render::render;
use crate::notice::retry::next_attempt;
use crate::notice::transport::{SendError, Transport};
use crate::service::account::{self, TokenPurpose};
use crate::service::{App, Failure, alert, user};

/// How a message is handed over.
pub type Send<'a> = dyn Fn(&Message) -> Result<(), SendError> + 'a;

/// Notices looked up at once.
const BATCH: i64 = 100;
/// A claim outlasts so many time-outs of the transport: one that hangs ends well before it passes to another server.
const TIMEOUTS: u64 = 6;
/// How long a delivery waits for those that other servers are sending.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a delivery did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeliverReport {
    pub sent: usize,
    /// To be tried again.
    pub retried: usize,
    /// Given up.
    pub failed: usize,
}

/// Sends what is due once; when it answers, nothing that was due is still on its way elsewhere, within patience.
pub fn deliver(app: &App, transport: &Transport) -> Result<DeliverReport, Failure> {
    let report = deliver_by(app, &|message| transport.send(message))?;
    let begun = std::time::Instant::now();
    while begun.elapsed() < PATIENCE
        && app.db.read_one(|conn| db::notice::any_on_its_way(conn, machine_now(app)))?
    {
        std::thread::sleep(Duration::from_millis(25));
    }
    Ok(report)
}

fn machine_now(app: &App) -> crate::domain::contract::Instant {
    app.sources.clock.machine_now()
}

/// Sends what is due once, by any means.
pub fn deliver_by(app: &App, send: &Send<'_>) -> Result<DeliverReport, Failure> {
    deliver_while(app, send, &|| true)
}

/// Sends what is due once, as long as it may go on: asked before each notice.
pub(super) fn deliver_while(
    app: &App,
    send: &Send<'_>,
    go_on: &super::GoOn<'_>,
) -> Result<DeliverReport, Failure> {
    // What has waited long enough is told with what is due; one that fails is told in the log and tried again.
    drop(user::pending::settle_due(app));
    let sender = Sender::parse(&app.config.mail.from).map_err(|e| Failure::Internal(e.to_string()))?;
    super::collect::write_due(app, go_on)?;
    let mut report = DeliverReport::default();
    loop {
        let due = app.db.read_one(|conn| db::notice::sendable(conn, machine_now(app), BATCH))?;
        let mut taken = 0;
        for id in due {
            if !go_on() {
                return Ok(report);
            }
            let now = machine_now(app);
            let until = now + longest(app);
            let Some(row) = app.db.write(|conn| db::notice::claim(conn, id, now, until))? else { continue };
            taken += 1;
            let attempt = attempt(app, &sender, &row, send);
            if record(app, &row, until, &attempt)? {
                match attempt {
                    Attempt::Sent { .. } => report.sent += 1,
                    Attempt::Later { .. } => report.retried += 1,
                    Attempt::Failed { .. } => report.failed += 1,
                }
            }
        }
        if taken == 0 {
            return Ok(report);
        }
    }
}

/// How long a claim lasts, and with it what one notice may take: a minute at least.
pub(super) fn longest(app: &App) -> chrono::Duration {
    let seconds = app.config.mail.timeout_seconds.saturating_mul(TIMEOUTS).max(60);
    chrono::Duration::seconds(i64::try_from(seconds).unwrap_or(3600))
}

/// Renders and sends one notice, outside any transaction. A link that works no more is not sent.
fn attempt(app: &App, sender: &Sender, row: &NoticeRow, send: &Send<'_>) -> Attempt {
    let life = TokenPurpose::of_mail(row.kind).map(account::life);
    if life.is_some_and(|life| machine_now(app) >= row.created_at.and_utc() + life) {
        return Attempt::Failed { why: "リンクの有効期限が切れました。".to_owned() };
    }
    let message = match message(app, sender, row) {
        Ok(message) => message,
        Err(why) => {
            tracing::error!(notice = %row.id, %why, "a notice can't be written as a mail");
            return Attempt::Failed { why };
        }
    };
    let handed_over = send(&message);
    let now = machine_now(app);
    match handed_over {
        Ok(()) => Attempt::Sent { at: now },
        Err(SendError::Permanent { why }) => Attempt::Failed { why },
        Err(SendError::Transient { why }) => {
            let attempts = u32::try_from(row.attempts).unwrap_or(u32::MAX);
            match next_attempt(attempts, row.created_at.and_utc(), now) {
                Some(at) => Attempt::Later { at, why },
                None => Attempt::Failed { why },
            }
        }
    }
}

fn message(app: &App, sender: &Sender, row: &NoticeRow) -> Result<Message, String> {
    let mut context = row.context().map_err(|e| e.to_string())?;
    make_absolute(&mut context, &app.config.server.public_url);
    let rendered = render(row.kind, &context).map_err(|e| e.to_string())?;
    let date = row.created_at.and_utc();
    Message::build(row.id, row.kind, sender, &row.address, date, &rendered).map_err(|e| e.to_string())
}

/// Links that are paths get the public address before them.
fn make_absolute(value: &mut Value, public_url: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(link) if key == "link" && link.starts_with('/') => {
                        *link = format!("{public_url}{link}");
                    }
                    value => make_absolute(value, public_url),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| make_absolute(value, public_url)),
        _ => {}
    }
}

/// Records an attempt; one that was given up raises its alert in the same transaction. False: the claim had passed
/// to another server.
fn record(
    app: &App,
    row: &NoticeRow,
    until: crate::domain::contract::Instant,
    attempt: &Attempt,
) -> Result<bool, Failure> {
    if !matches!(attempt, Attempt::Failed { .. }) {
        let recorded = app.db.write(|conn| db::notice::record(conn, row, until, attempt))?;
        if recorded && matches!(attempt, Attempt::Sent { .. }) {
            alert::notice_sent(app, row)?;
        }
        return Ok(recorded);
    }
    tracing::warn!(event = "notice_failed", notice = %row.id, kind = %row.kind, "a notice was given up");
    let agencies = app.db.read_one(|conn| agencies(conn, row))?;
    let Some((first, others)) = agencies.split_first() else {
        return app.db.write(|conn| db::notice::record(conn, row, until, attempt)).map_err(Failure::from);
    };
    let recorded = alert::on_agency(app, *first, |tx| {
        let recorded = db::notice::record(tx.conn, row, until, attempt)?;
        if recorded {
            alert::notice_failed(tx, *first, row)?;
        }
        Ok(recorded)
    })?;
    for agency in others.iter().filter(|_| recorded) {
        alert::on_agency(app, *agency, |tx| alert::notice_failed(tx, *agency, row))?;
    }
    Ok(recorded)
}

/// The agencies that must know: the one whose notice it is; of a vendor's digest or collected mail
/// those whose words it carried.
fn agencies(conn: &mut db::Conn, row: &NoticeRow) -> Result<Vec<OrganizationId>, Failure> {
    // It goes to an address that was given up, perhaps because nothing is delivered there any more.
    if row.kind == NoticeKind::EmailChanged {
        return Ok(Vec::new());
    }
    if db::organization::find(conn, row.organization_id)?.kind == OrganizationKind::Agency {
        return Ok(vec![row.organization_id]);
    }
    if !matches!(row.kind, NoticeKind::Digest | NoticeKind::Collected) {
        return Ok(Vec::new());
    }
    Ok(db::notice::digested_for(conn, &row.recipient, row.created_at)?)
}
