//! A pooler before PostgreSQL that gives each transaction another session (`PgBouncer` with `pool_mode = transaction` or
//! `statement`): what a connection has set, prepared or locked would be somebody else's. It is told at the start, not by
//! the acts that fail.

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;

use super::DbError;

/// So often it is tried: where others are served meanwhile, a session may go to one of them in between.
const ROUNDS: usize = 3;

const REFUSAL: &str = "データベースの前にあるプーラー（PgBouncer など）が、トランザクションごとに別のセッションを割り当てています（pool_mode が transaction か statement です）。itaku は、接続ごとの設定、準備した文、ロックをセッションに置くので、この設定では動きません。PgBouncer の pool_mode を session にするか、database.url で PostgreSQL に直接つないでください。";

/// Refuses when two connections are given one session, or one connection two.
pub(super) fn must_keep_sessions(first: &mut PgConnection, second: &mut PgConnection) -> Result<(), DbError> {
    for round in 0..ROUNDS {
        let name = format!("itaku_session_{}_{round}", std::process::id());
        // The first transaction of the first connection leaves a statement in its session.
        let prepared = first.batch_execute(&format!("PREPARE {name} AS SELECT 1"));
        // In a transaction, so that the session it is given stays taken.
        let begun = prepared.and_then(|()| second.batch_execute("BEGIN"));
        let own = begun.is_ok()
            && second.batch_execute(&format!("EXECUTE {name}")).is_err()
            && first.batch_execute(&format!("EXECUTE {name}")).is_ok();
        // Whoever has it now.
        second.batch_execute("ROLLBACK").ok();
        for either in [&mut *first, &mut *second] {
            either.batch_execute(&format!("DEALLOCATE {name}")).ok();
        }
        match begun.map_err(DbError::from) {
            // A pooler of statements closes a connection at its BEGIN, and no other.
            Err(DbError::Unavailable(why)) if first.batch_execute("SELECT 1").is_err() => {
                return Err(DbError::Unavailable(why));
            }
            Ok(()) if own => {}
            Ok(()) | Err(_) => return Err(DbError::Setup(REFUSAL.to_owned())),
        }
    }
    Ok(())
}
