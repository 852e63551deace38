//! The responsible officer handed over: one contract, or many at a 人事異動; and a handover that has not begun, taken back.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ContractView, change, page_by_seq};
use crate::db::contract::{ContractHead, HandoverRow, HeldFilter, held_ids, is_officer, officer_on};
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::access::Scope;
use crate::domain::id::{ContractId, Id, OrganizationId, UserId, of};
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
    /// A contract and who is responsible for it from the day on.
    pub struct Assignment {
        contract_id: ContractId => id::<of::Contract>(),
        /// Left out: whoever it is stays.
        officer_id: Option<UserId> => optional(id::<of::User>()),
    }
}

input! {
    /// 人事異動: the contracts of one officer, or of nobody (`unassigned`), to another, without `contract_ids` all that
    /// still run; or each to whom `assignments` says.
    pub struct BulkHandover {
        from_officer_id: Option<UserId> => optional(id::<of::User>()),
        unassigned: bool => or(flag(), false),
        officer_id: Option<UserId> => optional(id::<of::User>()),
        from: NaiveDate => day(),
        contract_ids: Option<Vec<ContractId>> => optional(list(id::<of::Contract>(), 10_000)),
        assignments: Option<Vec<Assignment>> => optional(list(nested::<Assignment>(), 10_000)),
    }
}

input! {
    /// A handover that has not begun, taken back.
    pub struct HandoverWithdrawal {
        /// That of the handover, as the history of the contract names it.
        handover_id: Id<()> => id::<()>(),
        reason: String => prose(1, 1_000),
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
    #[schema(value_type = String)]
    pub id: Id<()>,
    pub officer_id: UserId,
    pub officer_name: Option<String>,
    pub from: NaiveDate,
    pub recorded_at: DateTime<Utc>,
    /// The day on which it was taken back, before it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn_on: Option<NaiveDate>,
}

/// Somebody who is responsible for contracts that have not ended, or nobody.
#[derive(Debug, Clone)]
pub struct Holder {
    pub officer_id: Option<UserId>,
    pub contracts: i64,
}

/// A contract as a handover of many lists it.
#[derive(Debug, Clone, Serialize)]
pub struct HeldContract {
    pub id: ContractId,
    pub number: String,
    pub title: String,
    pub vendor_name: String,
    pub department: Option<String>,
    pub last_day: NaiveDate,
    /// Who will be responsible, and from when, by the handovers that have not begun.
    pub coming: Vec<(Option<String>, NaiveDate)>,
}

/// What is to be moved, before it is.
#[derive(Debug, Clone)]
pub struct Planned {
    pub contract_id: ContractId,
    pub number: String,
    pub title: String,
    /// Until then.
    pub before: Option<UserId>,
    pub officer_id: UserId,
}

fn check_officer(
    conn: &mut Conn,
    agency: OrganizationId,
    officer: UserId,
    day: NaiveDate,
    pointer: &str,
) -> Result<(), Failure> {
    if is_officer(conn, agency, officer, day)? {
        return Ok(());
    }
    let message = "引き継ぐ日にアカウントを使える、この機関の担当者を指定してください。";
    Err(Failure::field(pointer, "not_an_officer", message))
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
        check_officer(tx.conn, row.agency_id, given.officer_id, given.from.max(tx.today), "/officer_id")?;
        hand_over_in(tx, row, given.officer_id, given.from)
    })
}

/// A contract that a bulk handover moves.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Move {
    contract: ContractId,
    /// Responsible on the day without it; it moves only while that is so.
    before: Option<UserId>,
    officer: UserId,
}

/// What a bulk handover set out to do; kept as its answer under its `Idempotency-Key`, without `left` once it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    moved: usize,
    left: Vec<Move>,
}

/// `POST /contracts/handover`: which contracts move is settled first, then one transaction a contract. The same request
/// again, after a crash in between too, moves what is left of those and no other.
pub fn hand_over_all(app: &App, call: &Call, given: &BulkHandover) -> Result<Moved, Failure> {
    let plan =
        app.act_on_organization(call, call.actor.organization.id, |tx| plan(tx.conn, call, given, tx.today))?;
    // Without its key: each contract is an act of its own, and repeating one changes nothing.
    let each = Call::of(call.actor.clone());
    for Move { contract, before, officer } in &plan.left {
        change(app, &each, *contract, |tx, row| {
            let still = officer_on(tx.conn, *contract, given.from)? == *before;
            Ok(still && hand_over_in(tx, row, *officer, given.from)?)
        })?;
    }
    if !plan.left.is_empty() {
        idempotency::keep_instead(app, call, &Plan { moved: plan.moved, left: Vec::new() })?;
    }
    Ok(Moved { moved: plan.moved })
}

/// What [`hand_over_all`] would move now, without moving it; refuses what it would refuse.
pub fn handover_preview(app: &App, call: &Call, given: &BulkHandover) -> Result<Vec<Planned>, Failure> {
    app.db.read(|conn| {
        let moves = plan(conn, call, given, app.today())?.left;
        let ids: Vec<ContractId> = moves.iter().map(|it| it.contract).collect();
        let mut labels = db::contract::labels(conn, &ids)?;
        let planned = |Move { contract, before, officer }: Move| {
            let (number, title) = labels.remove(&contract).unwrap_or_default();
            Planned { contract_id: contract, number, title, before, officer_id: officer }
        };
        Ok(moves.into_iter().map(planned).collect())
    })
}

/// Says whose contracts go to whom in one way only.
fn check_ways(it: &BulkHandover) -> Result<(), Failure> {
    let mut errors = Vec::new();
    let mut wrong =
        |field: &str, code: &str, message: &str| errors.push(FieldError::new(field, code, message));
    if it.assignments.is_some() {
        let others = it.from_officer_id.is_some() || it.unassigned;
        if others || it.officer_id.is_some() || it.contract_ids.is_some() {
            let message =
                "契約ごとに指定するときは、いまの担当者・新しい担当者・契約を別に指定することはできません。";
            wrong("/assignments", "order", message);
        }
        return Failure::unless_empty(errors);
    }
    if it.from_officer_id.is_none() && !it.unassigned {
        wrong("/from_officer_id", "required", "入力してください。");
    }
    if it.from_officer_id.is_some() && it.unassigned {
        let message = "担当者のいない契約か、ひとりの担当者の契約か、どちらかを指定してください。";
        wrong("/unassigned", "order", message);
    }
    if it.officer_id.is_none() {
        wrong("/officer_id", "required", "入力してください。");
    }
    Failure::unless_empty(errors)
}

fn plan(conn: &mut Conn, call: &Call, given: &BulkHandover, today: NaiveDate) -> Result<Plan, Failure> {
    check_ways(given)?;
    let agency = call.actor.organization.id;
    let wanted = wanted(conn, call, given, today)?;
    let (mut left, mut seen, mut known_officers) = (Vec::new(), HashSet::new(), HashSet::new());
    for (contract, officer, pointer) in wanted {
        if known_officers.insert(officer) {
            check_officer(conn, agency, officer, given.from.max(today), &pointer)?;
        }
        if !seen.insert(contract) {
            if given.assignments.is_some() {
                return Err(Failure::field(&pointer, "twice", "同じ契約が2回指定されています。"));
            }
            continue;
        }
        let before = officer_on(conn, contract, given.from)?;
        let is_meant = given.assignments.is_some() || before == given.from_officer_id;
        if is_meant && before != Some(officer) {
            left.push(Move { contract, before, officer });
        }
    }
    Ok(Plan { moved: left.len(), left })
}

/// Which contract to whom, and where the request says so.
fn wanted(
    conn: &mut Conn,
    call: &Call,
    given: &BulkHandover,
    today: NaiveDate,
) -> Result<Vec<(ContractId, UserId, String)>, Failure> {
    let scope = call.scope();
    if let Some(assignments) = &given.assignments {
        let at = |(place, it): (usize, &Assignment)| {
            (it.contract_id, it.officer_id, format!("/assignments/{place}"))
        };
        let all: Vec<_> = assignments.iter().enumerate().map(at).collect();
        known(conn, &scope, all.iter().map(|(id, _, at)| (*id, format!("{at}/contract_id"))))?;
        let chosen =
            all.into_iter().filter_map(|(id, officer, at)| Some((id, officer?, format!("{at}/officer_id"))));
        return Ok(chosen.collect());
    }
    let Some(officer) = given.officer_id else { return Ok(Vec::new()) };
    // Of somebody who can't be responsible nothing is moved, nor looked up.
    check_officer(conn, call.actor.organization.id, officer, given.from.max(today), "/officer_id")?;
    let ids = if let Some(ids) = &given.contract_ids {
        known(
            conn,
            &scope,
            ids.iter().enumerate().map(|(place, id)| (*id, format!("/contract_ids/{place}"))),
        )?;
        ids.clone()
    } else {
        let agency = call.actor.organization.id;
        let filter =
            HeldFilter { agency, officer: given.from_officer_id, today, key: None, department: None };
        held_ids(conn, &filter)?
    };
    Ok(ids.into_iter().map(|id| (id, officer, "/officer_id".to_owned())).collect())
}

/// Every one of these is a contract in scope that stands.
fn known(
    conn: &mut Conn,
    scope: &Scope,
    ids: impl Iterator<Item = (ContractId, String)>,
) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for (id, pointer) in ids {
        match db::contract::find(conn, scope, id) {
            Ok(found) if found.voided_on.is_some() => {
                let message = format!("契約{}の登録は取り消されています。", found.number);
                errors.push(FieldError::new(pointer, "voided", message));
            }
            Ok(_) => {}
            Err(DbError::NotFound) => {
                errors.push(FieldError::new(pointer, "unknown", "該当する契約がありません。"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Failure::unless_empty(errors)
}

/// Takes a handover back before its day; who was responsible without it is so again.
pub fn withdraw_handover(
    app: &App,
    call: &Call,
    id: ContractId,
    given: &HandoverWithdrawal,
) -> Result<ContractView, Failure> {
    change(app, call, id, |tx, row| {
        let rows = db::contract::handover_rows(tx.conn, id)?;
        let found = rows.into_iter().find(|it| it.id == given.handover_id);
        let Some(HandoverRow { handover, withdrawn_on, .. }) = found else {
            return Err(Failure::field("/handover_id", "unknown", "該当する引継ぎがありません。"));
        };
        if withdrawn_on.is_some() {
            return Err(Failure::conflict("withdrawn", "この引継ぎは、すでに取りやめられています。"));
        }
        if handover.starts_on <= tx.today {
            let message =
                "この引継ぎは、すでに始まっています。担当者を戻すときは、あらためて引き継いでください。";
            return Err(Failure::conflict("begun", message));
        }
        let payload = json!({
            "handover_id": given.handover_id, "officer_id": handover.officer_id, "from": handover.starts_on,
            "reason": given.reason, "version": row.version + 1,
        });
        tx.record("contract.handover_withdrawn", id, &payload)?;
        db::contract::withdraw_handover(tx.conn, given.handover_id, tx.today)?;
        Ok(true)
    })
}

/// Who is responsible for how many contracts of the agency that have not ended; those of nobody, too.
pub fn holders(app: &App, call: &Call) -> Result<Vec<Holder>, Failure> {
    let (agency, today) = (call.actor.organization.id, app.today());
    let rows = app.db.read_one(|conn| db::contract::holders(conn, agency, today))?;
    Ok(rows.into_iter().map(|(officer_id, contracts)| Holder { officer_id, contracts }).collect())
}

/// How many contracts of the caller's agency that have not ended nobody is responsible for.
pub fn unassigned(app: &App, call: &Call) -> Result<i64, Failure> {
    let (agency, today) = (call.actor.organization.id, app.today());
    let filter = HeldFilter { agency, officer: None, today, key: None, department: None };
    Ok(app.db.read_one(|conn| db::contract::count_held(conn, &filter))?)
}

/// The 担当部署 that a contract of the caller's most likely has: that of their latest.
pub fn usual_department(app: &App, call: &Call) -> Result<Option<String>, Failure> {
    let (agency, officer) = (call.actor.organization.id, call.actor.user_id);
    Ok(app.db.read_one(|conn| db::contract::last_department(conn, agency, officer))?)
}

/// The contracts of an officer (None: of nobody) that have not ended, narrowed by number or title and by 担当部署: how many,
/// and the first `rows` by number.
pub fn held(
    app: &App,
    call: &Call,
    officer: Option<UserId>,
    (q, department): (Option<&str>, Option<&str>),
    rows: i64,
) -> Result<(i64, Vec<HeldContract>), Failure> {
    let (agency, today) = (call.actor.organization.id, app.today());
    let key = q.map(crate::domain::text::search_key).filter(|key| !key.is_empty());
    let filter = HeldFilter { agency, officer, today, key: key.as_deref(), department };
    app.db.read(|conn| {
        let total = db::contract::count_held(conn, &filter)?;
        let lines = db::contract::held(conn, &filter, rows)?;
        let ids: Vec<ContractId> = lines.iter().map(|line| line.contract.id).collect();
        let coming = db::contract::coming_officers(conn, &ids, today)?;
        let people: Vec<UserId> = coming.iter().map(|(_, officer, _)| *officer).collect();
        let names = db::user::names(conn, &people)?;
        let mut by_contract: HashMap<ContractId, Vec<_>> = HashMap::new();
        for (id, officer, from) in coming {
            by_contract.entry(id).or_default().push((names.get(&officer).cloned(), from));
        }
        let row = |line: db::contract::ContractLine| HeldContract {
            id: line.contract.id,
            number: line.contract.number,
            title: line.contract.title,
            vendor_name: line.vendor_name,
            department: line.contract.department,
            last_day: line.contract.last_day,
            coming: by_contract.remove(&line.contract.id).unwrap_or_default(),
        };
        Ok((total, lines.into_iter().map(row).collect()))
    })
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
        let rows = db::contract::handover_rows(conn, id)?;
        let people: Vec<UserId> = rows.iter().map(|row| row.handover.officer_id).collect();
        let names = db::user::names(conn, &people)?;
        Ok((rows, names))
    })?;
    page_by_seq(
        page,
        rows,
        |row| row.handover.stamp.seq,
        |row| HandoverView {
            id: row.id,
            officer_id: row.handover.officer_id,
            officer_name: names.get(&row.handover.officer_id).cloned(),
            from: row.handover.starts_on,
            recorded_at: row.handover.stamp.at,
            withdrawn_on: row.withdrawn_on,
        },
    )
}
