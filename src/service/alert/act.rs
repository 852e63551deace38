//! What people do with alerts: take them up, record what was done, say what they make of them.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::view::{AlertView, one};
use super::{Failure, close, reevaluate};
use crate::db::alert::{AlertFilter, AlertRow};
use crate::db::{self, ChainKey, DbError, Tx};
use crate::domain::alert::{AlertState, Assessment};
use crate::domain::id::{AlertId, Id, SubjectId, UserId};
use crate::input;
use crate::service::{App, Call};

/// An excess is accepted for a year at most.
const LONGEST_ACCEPTANCE: Days = Days::new(366);

input! {
    /// Several alerts taken up at once.
    pub struct Acknowledge {
        ids: Vec<AlertId> => list(id::<crate::domain::id::of::Alert>(), 200),
    }
}

input! {
    /// What was done about an alert.
    pub struct Resolve {
        reason: String => prose(1, 2000),
        /// For an excess of the contract's limits: accepted up to and including this day.
        accepted_until: Option<NaiveDate> => optional(day()),
    }
}

input! {
    /// What a person makes of an alert.
    pub struct Assess {
        assessment: Assessment => word::<Assessment>(),
        reason: String => prose(1, 2000),
    }
}

/// What a bulk act did.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Acknowledged {
    /// Taken up now.
    pub acknowledged: Vec<AlertId>,
    /// Taken up or resolved before.
    pub unchanged: Vec<AlertId>,
}

/// Takes an alert up; one that is taken up already stays as it is.
pub fn acknowledge(app: &App, call: &Call, id: AlertId) -> Result<AlertView, Failure> {
    on_alert(app, call, id, |tx, row| take_up(tx, row, call.actor.user_id))
}

/// Takes several up, each in a transaction of its own chain. Done again, it changes nothing.
pub fn acknowledge_all(app: &App, call: &Call, input: &Acknowledge) -> Result<Acknowledged, Failure> {
    let rows = app.db.read_one(|conn| db::alert::find_all(conn, call.scope(), &input.ids))?;
    let unknown = input.ids.iter().enumerate().filter(|(_, id)| !rows.iter().any(|row| row.id == **id));
    let unknown = unknown.map(|(place, _)| {
        crate::domain::input::FieldError::new(
            format!("/ids/{place}"),
            "unknown",
            "このアラートは見つかりません。",
        )
    });
    Failure::unless_empty(unknown.collect())?;
    let (open, other): (Vec<&AlertRow>, Vec<_>) = rows.iter().partition(|row| row.state == AlertState::Open);
    let ids = |rows: Vec<&AlertRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let answer = Acknowledged { acknowledged: ids(open), unchanged: ids(other) };
    // The key is settled first; what it stands for can be done again without harm, also after a crash in between.
    let answer = app.act_on_organization(call, call.actor.organization.id, |_| Ok(answer.clone()))?;
    let each = Call::of(call.actor.clone());
    for id in &answer.acknowledged {
        on_alert(app, &each, *id, |tx, row| take_up(tx, row, call.actor.user_id))?;
    }
    Ok(answer)
}

/// The alerts that nobody has taken up, of those that the filter names; None: it names others only.
fn open_of(filter: &AlertFilter) -> Option<AlertFilter> {
    let of_others = filter.state.is_some_and(|state| state != AlertState::Open);
    (!of_others).then(|| AlertFilter { state: Some(AlertState::Open), unresolved: false, ..filter.clone() })
}

/// How many alerts of a filter are to be taken up, and the latest of them: what comes after it was not seen.
pub fn open_matching(
    app: &App,
    call: &Call,
    filter: &AlertFilter,
) -> Result<(i64, Option<AlertId>), Failure> {
    let Some(open) = open_of(filter) else { return Ok((0, None)) };
    let scope = call.scope();
    Ok(app.db.read_one::<_, DbError>(|conn| {
        Ok((db::alert::count(conn, scope, &open)?, db::alert::latest_of(conn, scope, &open)?))
    })?)
}

/// Alerts taken up in one request at most; who has more presses again.
pub const MOST_AT_ONCE: i64 = 500;

/// Takes up the alerts of a filter up to one, the oldest first, each in a transaction of its own chain; how many. Done
/// again, it takes up what is left.
pub fn acknowledge_matching(
    app: &App,
    call: &Call,
    filter: &AlertFilter,
    up_to: AlertId,
) -> Result<usize, Failure> {
    let Some(open) = open_of(filter) else { return Ok(0) };
    let scope = call.scope();
    let ids = app.db.read_one(|conn| db::alert::ids_up_to(conn, scope, &open, up_to, MOST_AT_ONCE))?;
    let each = Call::of(call.actor.clone());
    for id in &ids {
        on_alert(app, &each, *id, |tx, row| take_up(tx, row, call.actor.user_id))?;
    }
    Ok(ids.len())
}

fn take_up(tx: &mut Tx<'_>, row: &AlertRow, by: UserId) -> Result<(), Failure> {
    if row.state == AlertState::Open {
        tx.record("alert.acknowledged", row.id, &serde_json::json!({}))?;
        db::alert::acknowledge(tx.conn, row.id, by)?;
    }
    Ok(())
}

/// Records what was done. Whether that ends the alert at once depends on its kind; else it ends by itself when its
/// cause is gone, which may be in the same transaction.
pub fn resolve(app: &App, call: &Call, id: AlertId, input: &Resolve) -> Result<AlertView, Failure> {
    let by = call.actor.user_id;
    on_alert(app, call, id, |tx, row| {
        if row.state == AlertState::Resolved {
            return Err(Failure::conflict("resolved", "このアラートはすでに解消しています。"));
        }
        check_acceptance(row, input.accepted_until, tx.today)?;
        let closes = row.fact()?.closes_when_resolved(input.accepted_until, tx.today);
        let payload = serde_json::json!({
            "reason": input.reason, "accepted_until": input.accepted_until, "closes": closes,
        });
        tx.record("alert.measured", row.id, &payload)?;
        db::alert::measure(tx.conn, row.id, by, &input.reason, input.accepted_until)?;
        if closes {
            close(tx, row.id, &input.reason)
        } else {
            Ok(db::alert::acknowledge(tx.conn, row.id, by)?)
        }
    })
}

fn check_acceptance(row: &AlertRow, until: Option<NaiveDate>, today: NaiveDate) -> Result<(), Failure> {
    let Some(until) = until else { return Ok(()) };
    if !row.kind.is_limit() {
        let message = "このアラートは、期限を定めて認めることができません。";
        return Err(Failure::field("/accepted_until", "not_allowed", message));
    }
    let last = today.checked_add_days(LONGEST_ACCEPTANCE).unwrap_or(today);
    if until < today || until > last {
        let message = format!("{today}から{last}までの日を指定してください。");
        return Err(Failure::field("/accepted_until", "range", message));
    }
    Ok(())
}

/// Records what a person makes of the alert: it counts as taken up.
pub fn assess(app: &App, call: &Call, id: AlertId, input: &Assess) -> Result<AlertView, Failure> {
    on_alert(app, call, id, |tx, row| {
        let payload = serde_json::json!({"assessment": input.assessment, "reason": input.reason});
        tx.record("alert.assessed", row.id, &payload)?;
        db::alert::assess(tx.conn, row.id, input.assessment, &input.reason)?;
        Ok(db::alert::acknowledge(tx.conn, row.id, call.actor.user_id)?)
    })
}

/// Acts on an alert in a transaction of its chain, evaluates its contract anew, and shows what it is then.
fn on_alert(
    app: &App,
    call: &Call,
    id: AlertId,
    work: impl Fn(&mut Tx<'_>, &AlertRow) -> Result<(), Failure>,
) -> Result<AlertView, Failure> {
    let row = app.db.read_one(|conn| db::alert::find(conn, call.scope(), id))?;
    let chain: SubjectId = row.contract_id.map_or_else(|| row.agency_id.cast(), Id::cast);
    // Not `act_on_contract`: the answer shows what the evaluation made of it.
    app.act(call, ChainKey::Existing(chain), |tx| {
        let row = db::alert::find(tx.conn, call.scope(), id)?;
        work(tx, &row)?;
        if let Some(contract_id) = row.contract_id {
            reevaluate(tx, contract_id)?;
        }
        one(tx.conn, &call.actor, id)
    })
}
