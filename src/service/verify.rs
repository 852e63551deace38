//! 検証: the whole ledger recomputed, and a receipt held against it. Needs the database alone; writes nothing.

use crate::db::integrity::Damage;
use crate::db::{self, Conn, Db, DbError};
use crate::ledger::receipt::{KEY_REGISTERED, PublicKey, Receipt, ReceiptFault, check};
use crate::ledger::verify::{BadEntry, Verified};

/// Looks at the database itself: file, structure, references. Nothing found: it is whole.
pub fn verify_structure(db: &Db) -> Result<Vec<Damage>, DbError> {
    db.read(db::integrity::check)
}

/// All of it on one snapshot, for a copy that is to be trusted: what was found whole, or the first thing that is not.
pub fn whole(conn: &mut Conn) -> Result<Result<Verified, String>, DbError> {
    if let Some(damage) = db::integrity::check(conn)?.first() {
        return Ok(Err(damage.to_string()));
    }
    Ok(db::ledger_rows::verify_all(conn)?.map_err(|bad| bad.to_string()))
}

/// Recomputes everything. The outer error: the database could not be read.
pub fn verify_ledger(db: &Db) -> Result<Result<Verified, BadEntry>, DbError> {
    db.read(db::ledger_rows::verify_all)
}

/// Why a receipt does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptProblem {
    #[error("受付票が示す記録は、台帳にありません")]
    NoEntry,
    #[error("受付票に署名した鍵は、台帳に公開されていません")]
    UnknownKey,
    #[error(transparent)]
    Fault(#[from] ReceiptFault),
}

/// Holds a receipt against the ledger, with the keys published in it.
pub fn verify_receipt(db: &Db, receipt: &Receipt) -> Result<Result<(), ReceiptProblem>, DbError> {
    db.read(|conn| {
        let payloads = db::ledger::payloads(conn, None, KEY_REGISTERED)?;
        let keys = payloads.iter().filter_map(|payload| PublicKey::from_payload(payload).ok());
        let Some(key) = keys.into_iter().find(|key| key.id() == receipt.key_id) else {
            return Ok(Err(ReceiptProblem::UnknownKey));
        };
        match db::ledger::entry(conn, receipt.entry) {
            Ok(entry) => Ok(check(receipt, &entry, &key).map_err(ReceiptProblem::from)),
            Err(DbError::NotFound) => Ok(Err(ReceiptProblem::NoEntry)),
            Err(error) => Err(error),
        }
    })
}
