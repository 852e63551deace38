//! The responsible officer handed over: one contract, or many at a 人事異動.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ContractView, change, page_by_seq};
use crate::db::contract::{ContractHead, is_officer, officer_on, running_of_officer};
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::access::Scope;
use crate::domain::id::{ContractId, OrganizationId, UserId, of};
use crate::domain::input::FieldError;
use crate::input;
use crate::service::{App, Call, Failure, Page, Paged, idempotency};

input! {
    /// 担当者の引継ぎ: who is responsible from which day on.
    pub struct Handover {
        officer_id: UserId => id::<of::User>(),
        from: NaiveDate => day(),
    }
}

input! {
    /// 人事異動: the contracts of one officer to another. Without `contract_ids`, all that still run.
    pub struct BulkHandover {
        from_officer_id: UserId => id::<of::User>(),
        officer_id: UserId => id::<of::User>(),
        from: NaiveDate => day(),
        contract_ids: Option<Vec<ContractId>> => optional(list(id::<of::Contract>(), 10_000)),
    }
}

/// How many contracts were moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Moved {
    pub moved: usize,
}

/// A handover as shown; the first is the registering officer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HandoverView {
    pub officer_id: UserId,
    pub officer_name: Option<String>,
    pub from: NaiveDate,
    pub recorded_at: DateTime<Utc>,
}

fn check_officer(
    conn: &mut Conn,
    agency: OrganizationId,
    officer: UserId,
    today: NaiveDate,
) -> Result<(), Failure> {
    if is_officer(conn, agency, officer, today)? {
        return Ok(());
    }
    Err(Failure::field("/officer_id", "not_an_officer", "この機関の有効な担当者を指定してください。"))
}

/// True when the officer of that day was someone else until now.
fn hand_over_in(
    tx: &mut Tx<'_>,
    contract: &ContractHead,
    officer: UserId,
    from: NaiveDate,
) -> Result<bool, Failure> {
    let id = contract.id;
    if officer_on(tx.conn, id, from)? == Some(officer) {
        return Ok(false);
    }
    let payload = json!({"officer_id": officer, "from": from, "version": contract.version + 1});
    let recorded = tx.record("contract.handed_over", id, &payload)?;
    db::contract::add_officer(tx, id, officer, from, &recorded)?;
    Ok(true)
}

/// `POST /contracts/{id}/handover`.
pub fn hand_over(app: &App, call: &Call, id: ContractId, given: &Handover) -> Result<ContractView, Failure> {
    change(app, call, id, |tx, row| {
        check_officer(tx.conn, row.agency_id, given.officer_id, tx.today)?;
        hand_over_in(tx, row, given.officer_id, given.from)
    })
}

/// What a bulk handover set out to do; kept as its answer under its `Idempotency-Key`, without `left` once it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    moved: usize,
    left: Vec<ContractId>,
}

/// `POST /contracts/handover`: which contracts move is settled first, then one transaction a contract. The same request
/// again, after a crash in between too, moves what is left of those and no other.
pub fn hand_over_all(app: &App, call: &Call, given: &BulkHandover) -> Result<Moved, Failure> {
    let plan =
        app.act_on_organization(call, call.actor.organization.id, |tx| plan(tx.conn, call, given, tx.today))?;
    // Without its key: each contract is an act of its own, and repeating one changes nothing.
    let each = Call::of(call.actor.clone());
    for id in &plan.left {
        change(app, &each, *id, |tx, row| {
            let still = officer_on(tx.conn, *id, given.from)? == Some(given.from_officer_id);
            Ok(still && hand_over_in(tx, row, given.officer_id, given.from)?)
        })?;
    }
    if !plan.left.is_empty() {
        idempotency::keep_instead(app, call, &Plan { moved: plan.moved, left: Vec::new() })?;
    }
    Ok(Moved { moved: plan.moved })
}

fn plan(conn: &mut Conn, call: &Call, given: &BulkHandover, today: NaiveDate) -> Result<Plan, Failure> {
    let agency = call.actor.organization.id;
    check_officer(conn, agency, given.officer_id, today)?;
    let contracts = match &given.contract_ids {
        Some(ids) => known(conn, &call.scope(), ids).map(|()| ids.clone())?,
        None => running_of_officer(conn, agency, given.from_officer_id, today)?,
    };
    let (mut left, mut seen) = (Vec::new(), HashSet::new());
    if given.officer_id != given.from_officer_id {
        for id in contracts {
            if seen.insert(id) && officer_on(conn, id, given.from)? == Some(given.from_officer_id) {
                left.push(id);
            }
        }
    }
    Ok(Plan { moved: left.len(), left })
}

/// Every one of these is a contract in scope.
fn known(conn: &mut Conn, scope: &Scope, ids: &[ContractId]) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        match db::contract::find(conn, scope, *id) {
            Ok(_) => {}
            Err(DbError::NotFound) => {
                errors.push(FieldError::new(
                    format!("/contract_ids/{place}"),
                    "unknown",
                    "該当する契約がありません。",
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Failure::unless_empty(errors)
}

/// `GET /contracts/{id}/handovers`: the agency's own affair.
pub fn handovers(
    app: &App,
    call: &Call,
    id: ContractId,
    page: &Page,
) -> Result<Paged<HandoverView>, Failure> {
    let scope = call.scope();
    let (rows, names) = app.db.read(|conn| {
        if matches!(scope, Scope::Vendor(_)) {
            return Err(DbError::NotFound);
        }
        db::contract::find(conn, &scope, id)?;
        let rows = db::contract::handovers(conn, id)?;
        let people: Vec<UserId> = rows.iter().map(|row| row.officer_id).collect();
        let names = db::user::names(conn, &people)?;
        Ok((rows, names))
    })?;
    page_by_seq(
        page,
        rows,
        |row| row.stamp.seq,
        |row| HandoverView {
            officer_id: row.officer_id,
            officer_name: names.get(&row.officer_id).cloned(),
            from: row.starts_on,
            recorded_at: row.stamp.at,
        },
    )
}
