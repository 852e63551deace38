//! Mails that came thick and fast (`db::notice`, "held") reach a person in one, with a line for each: nothing is lost, and
//! nobody's mailbox is flooded by what another does.

use super::digest::{Contacts, Reader, contact, reader};
use super::{GoOn, caught};
use crate::db::notice::NoticeRow;
use crate::db::{self, Conn};
use crate::notice::context::{CollectedItem, CollectedMail};
use crate::notice::render::render;
use crate::notice::{About, Draft, Mail};
use crate::service::{App, Failure};

/// People looked up at once.
const BATCH: i64 = 100;
/// Lines of one mail; what is more goes into the next.
const LINES: i64 = 1000;

/// Writes the collected mail of everyone whose time has come.
pub(super) fn write_due(app: &App, go_on: &GoOn<'_>) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let now = app.sources.clock.machine_now();
        let people =
            app.db.read_one(|conn| db::notice::held_recipients(conn, now, after.as_deref(), BATCH))?;
        let Some(last) = people.last() else { return Ok(()) };
        after = Some(last.clone());
        for recipient in &people {
            if !go_on() {
                return Ok(());
            }
            match caught(|| app.db.write(|conn| write_one(app, conn, recipient))) {
                // Another server was first.
                Ok(()) | Err(Failure::Conflict { .. }) => {}
                Err(Failure::Unavailable(why)) => return Err(Failure::Unavailable(why)),
                Err(failure) => {
                    tracing::error!(%failure, detail = ?failure, "a collected mail could not be written");
                }
            }
        }
    }
}

/// One person's, in one transaction with the rows it tells.
fn write_one(app: &App, conn: &mut Conn, recipient: &str) -> Result<(), Failure> {
    let rows = db::notice::held_of(conn, recipient, LINES)?;
    let Some(first) = rows.first() else { return Ok(()) };
    let now = app.sources.clock.machine_now();
    for row in &rows {
        if !db::notice::mark_collected(conn, row.id, now)? {
            return Err(Failure::conflict("not_unique", "ほかの処理が先に行いました。"));
        }
    }
    // An account that ended is told nothing.
    let Some(reader) = reader(conn, first, app.today())? else { return Ok(()) };
    let mut contacts = Contacts::new();
    let items =
        rows.iter().map(|row| item(conn, &mut contacts, &reader, row)).collect::<Result<_, Failure>>()?;
    let mail = CollectedMail { organization: reader.organization, items, link: "/home".to_owned() };
    let about = About {
        organization_id: reader.organization_id,
        subject_kind: "collected".to_owned(),
        subject_id: recipient.to_owned(),
        step: first.id.to_string(),
    };
    let draft = Draft::new(about, reader.recipient, &Mail::Collected(mail))
        .map_err(|e| Failure::Internal(e.to_string()))?;
    db::notice::enqueue_at(conn, &app.sources, app.today(), now, &draft)?;
    tracing::info!(event = "mails_collected", notices = rows.len(), "mails joined into one");
    Ok(())
}

/// The line of a mail: the subject that it would have had, what an alert says, and where it leads.
fn item(
    conn: &mut Conn,
    contacts: &mut Contacts,
    reader: &Reader,
    row: &NoticeRow,
) -> Result<CollectedItem, Failure> {
    let context = row.context()?;
    let title = render(row.kind, &context).map_err(|e| Failure::Internal(e.to_string()))?.subject;
    let text = |value: Option<&serde_json::Value>| value.and_then(|it| it.as_str()).map(str::to_owned);
    let link = text(context.get("link")).or_else(|| text(context.pointer("/application/link")));
    Ok(CollectedItem {
        title,
        message: match (text(context.get("message")), text(context.get("next_step"))) {
            (Some(message), Some(step)) => Some(format!("{message}。{step}")),
            (message, _) => message,
        },
        contact: contact(conn, contacts, Some(reader), row)?,
        link: link.unwrap_or_else(|| "/home".to_owned()),
    })
}
