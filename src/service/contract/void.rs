//! 登録の取消し: of a contract that was registered by mistake, or of everything that a file brought. Nothing is
//! deleted: the ledger and the contract's own page say what happened, and its number is free again.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::json;

use super::{ContractView, show};
use crate::db::contract::{ContractHead, Hanging, ImportRow};
use crate::db::{self, Author, ChainKey, Conn, DbError, Tx};
use crate::domain::access::Scope;
use crate::domain::contract::ContractOrigin;
use crate::domain::id::{ContractId, ImportId, OrganizationId};
use crate::input;
use crate::service::{App, Call, Failure, Page, Paged, alert};

/// Contracts named in a refusal.
const NAMED: usize = 10;

input! {
    /// 登録の取消し of a contract that was registered by mistake.
    pub struct Void {
        reason: String => prose(1, 2_000),
    }
}

/// Refuses an act on a contract whose registration was taken back.
pub fn refuse_voided(voided_on: Option<NaiveDate>) -> Result<(), Failure> {
    match voided_on {
        None => Ok(()),
        Some(day) => Err(Failure::conflict(
            "voided",
            format!("この契約の登録は{day}に取り消されているため、手続はできません。"),
        )),
    }
}

/// `POST /contracts/{id}/void`.
pub fn void(app: &App, call: &Call, id: ContractId, given: &Void) -> Result<ContractView, Failure> {
    let scope = call.scope();
    app.act(call, ChainKey::Existing(id.cast()), |tx| {
        let row = db::contract::find(tx.conn, &scope, id)?;
        if let Some(day) = row.voided_on {
            let message = format!("この契約の登録は、すでに{day}に取り消されています。");
            return Err(Failure::conflict("already_voided", message));
        }
        refuse_hanging(tx.conn, std::slice::from_ref(&row))?;
        void_in(tx, &row, &given.reason, None)?;
        Ok(show(tx.conn, &scope, id, tx.today)?)
    })
}

/// Refuses where something hangs on one of the contracts, and names those.
fn refuse_hanging(conn: &mut Conn, rows: &[ContractHead]) -> Result<(), Failure> {
    let ids: Vec<ContractId> = rows.iter().map(|row| row.id).collect();
    let hanging = db::contract::hanging(conn, &ids)?;
    if hanging.is_empty() {
        return Ok(());
    }
    let kinds = |id: &ContractId| {
        let kinds = hanging.get(id).into_iter().flatten();
        kinds.map(|kind: &Hanging| kind.title()).collect::<Vec<_>>().join("・")
    };
    let advice = "誤りのない契約であれば、変更契約の登録や解除・終了によってください。";
    if let [one] = rows {
        let message = format!("この契約には{}があるため、登録を取り消せません。{advice}", kinds(&one.id));
        return Err(Failure::conflict("in_use", message));
    }
    let named = rows.iter().filter(|row| hanging.contains_key(&row.id)).take(NAMED);
    let named: Vec<String> = named.map(|row| format!("「{}」（{}）", row.number, kinds(&row.id))).collect();
    let more = hanging.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("ほか{more}件") } else { String::new() };
    let message = format!(
        "次の契約には申請などがあるため、取込みを取り消せません: {}{more}。ほかの契約は、1件ずつ登録を取り消すことができます。",
        named.join("、")
    );
    Err(Failure::conflict("in_use", message))
}

/// Takes one registration back, on its own chain, which the transaction has taken.
fn void_in(
    tx: &mut Tx<'_>,
    row: &ContractHead,
    reason: &str,
    import_id: Option<ImportId>,
) -> Result<(), Failure> {
    alert::end_all(tx, row.id, "契約の登録が取り消されました")?;
    let payload = json!({"reason": reason, "import_id": import_id, "version": row.version + 1});
    let recorded = tx.record("contract.voided", row.id, &payload)?;
    Ok(db::contract::void(tx, row, reason, &recorded)?)
}

/// A file of contracts that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportView {
    pub id: ImportId,
    pub agency_id: OrganizationId,
    pub origin: ContractOrigin,
    /// How many contracts it brought.
    pub contracts: i32,
    /// How many of them were taken back, singly or together.
    pub voided: i64,
    pub imported_at: DateTime<Utc>,
    pub imported_on: NaiveDate,
    /// None: the operator's command.
    pub imported_by_name: Option<String>,
    pub undone_on: Option<NaiveDate>,
    pub undone_by_name: Option<String>,
    pub undo_reason: Option<String>,
}

fn views(conn: &mut Conn, rows: Vec<ImportRow>) -> Result<Vec<ImportView>, DbError> {
    let people: Vec<_> = rows.iter().flat_map(|row| [row.imported_by, row.undone_by]).flatten().collect();
    let names = db::user::names(conn, &people)?;
    rows.into_iter()
        .map(|row| {
            Ok(ImportView {
                voided: db::contract::voided_of_import(conn, row.id)?,
                id: row.id,
                agency_id: row.agency_id,
                origin: row.origin,
                contracts: row.contracts,
                imported_at: row.recorded_at.and_utc(),
                imported_on: row.imported_on,
                imported_by_name: row.imported_by.and_then(|id| names.get(&id).cloned()),
                undone_on: row.undone_on,
                undone_by_name: row.undone_by.and_then(|id| names.get(&id).cloned()),
                undo_reason: row.undo_reason,
            })
        })
        .collect()
}

/// The files taken in, the latest first.
pub fn imports(app: &App, scope: &Scope, page: &Page) -> Result<Paged<ImportView>, Failure> {
    let before = page.after_id()?;
    let found = app.db.read(|conn| {
        let rows = db::contract::list_imports(conn, scope, before, page.rows())?;
        views(conn, rows)
    })?;
    Ok(Paged::cut(page, found, |view| view.id.to_string(), |view| view))
}

/// A file taken in, and number and title of the first of its contracts that stand.
pub fn import_run(
    app: &App,
    scope: &Scope,
    id: ImportId,
    rows: i64,
) -> Result<(ImportView, Vec<ContractHead>), Failure> {
    app.db.read(|conn| {
        let row = db::contract::find_import(conn, scope, id)?;
        let contracts = db::contract::of_import(conn, id, Some(rows))?;
        let view = views(conn, vec![row])?.pop().ok_or(Failure::NotFound)?;
        Ok((view, contracts))
    })
}

/// What undoing a file took back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Undone {
    pub run: ImportId,
    /// Contracts whose registration was taken back by it.
    pub voided: usize,
    /// Those that had been before.
    pub voided_before: i64,
}

/// Takes back every registration that a file brought, in one transaction: all of them or none. Vendors registered for
/// them stay: other contracts may name them by now.
///
/// The contracts' chains are taken in the order of their ids, and the agency's after them, as an act on a contract that
/// goes on to the agency's does.
pub fn undo_import(
    app: &App,
    author: Option<Author>,
    scope: &Scope,
    id: ImportId,
    reason: &str,
) -> Result<Undone, Failure> {
    app.db.write_long(|conn| {
        db::contract::find_import(conn, scope, id)?;
        for row in db::contract::of_import(conn, id, None)? {
            db::tx::hold(conn, row.id.cast())?;
        }
        // As they are now that nothing is written on them meanwhile.
        let rows = db::contract::of_import(conn, id, None)?;
        let import = db::contract::find_import(conn, scope, id)?;
        if let Some(day) = import.undone_on {
            let message = format!("この取込みは、すでに{day}に取り消されています。");
            return Err(Failure::conflict("already_undone", message));
        }
        refuse_hanging(conn, &rows)?;
        let voided_before = db::contract::voided_of_import(conn, id)?;
        for row in &rows {
            let mut tx = Tx::on(conn, &app.sources, author, ChainKey::Existing(row.id.cast()))?;
            void_in(&mut tx, row, reason, Some(id))?;
            tx.close()?;
        }
        let chain = ChainKey::Existing(import.agency_id.cast());
        let mut tx = Tx::on(conn, &app.sources, author, chain)?;
        let payload = json!({"import_id": id, "reason": reason, "contracts": rows.len()});
        tx.record("contract.import_undone", id, &payload)?;
        db::contract::undo_import(&mut tx, id, reason)?;
        tx.close()?;
        Ok(Undone { run: id, voided: rows.len(), voided_before })
    })
}
