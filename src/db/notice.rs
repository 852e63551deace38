//! The outbox: a row for each mail to one recipient, written in the business transaction and sent later.

use diesel::prelude::*;

use super::schema::notices;
use super::types::to_json;
use super::{Conn, DbError};
use crate::clock::Sources;
use crate::domain::id::of;
use crate::notice::Draft;

/// Writes a notice into the outbox, on the clock's business day. False: that (kind, subject, step, recipient) is
/// there already, and nothing was written.
pub fn enqueue(conn: &mut Conn, sources: &Sources, draft: &Draft) -> Result<bool, DbError> {
    let recipient =
        draft.recipient.user_id.map_or_else(|| draft.recipient.address.clone(), |id| id.to_string());
    let told = notices::table
        .filter(notices::kind.eq(draft.kind.as_str()))
        .filter(notices::subject.eq(&draft.about.subject_id))
        .filter(notices::step.eq(&draft.about.step))
        .filter(notices::recipient.eq(&recipient));
    if diesel::select(diesel::dsl::exists(told)).get_result::<bool>(conn)? {
        return Ok(false);
    }
    let now = sources.clock.machine_now().naive_utc();
    diesel::insert_into(notices::table)
        .values((
            notices::id.eq(sources.new_id::<of::Notice>()),
            notices::organization_id.eq(draft.about.organization_id),
            notices::kind.eq(draft.kind.as_str()),
            notices::subject.eq(&draft.about.subject_id),
            notices::step.eq(&draft.about.step),
            notices::recipient.eq(&recipient),
            notices::address.eq(&draft.recipient.address),
            notices::context.eq(to_json(&draft.context)?),
            notices::state.eq("queued"),
            notices::attempts.eq(0),
            notices::next_attempt_at.eq(now),
            notices::created_at.eq(now),
            notices::created_on.eq(sources.clock.today()),
        ))
        .execute(conn)?;
    Ok(true)
}
