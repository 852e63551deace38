//! 登録の取消し: what may stand in its way, and the fact itself.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::super::schema::{
    applications, audit_completions, consents, contract_voids, contracts, declarations, observations, users,
};
use super::super::tx::Recorded;
use super::super::{Conn, DbError, Tx};
use super::ContractHead;
use crate::domain::id::ContractId;

/// Contracts looked up at once.
const CHUNK: usize = 500;

/// What hangs on a contract, so that it can't have been registered by mistake alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hanging {
    Application,
    Consent,
    Declaration,
    Observation,
    Audit,
}

impl Hanging {
    /// On screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Application => "申請",
            Self::Consent => "既承認",
            Self::Declaration => "報告",
            Self::Observation => "確認事項",
            Self::Audit => "実施済みの検査",
        }
    }
}

/// Of these contracts, those on which something hangs, with its kinds. The caller has taken their chains, so that
/// nothing comes in between.
pub fn hanging(
    conn: &mut Conn,
    ids: &[ContractId],
) -> Result<BTreeMap<ContractId, BTreeSet<Hanging>>, DbError> {
    let mut found: BTreeMap<ContractId, BTreeSet<Hanging>> = BTreeMap::new();
    macro_rules! look {
        ($chunk:expr, $table:ident, $kind:ident) => {
            let rows: Vec<ContractId> = $table::table
                .filter($table::contract_id.eq_any($chunk))
                .select($table::contract_id)
                .distinct()
                .load(conn)?;
            for id in rows {
                found.entry(id).or_default().insert(Hanging::$kind);
            }
        };
    }
    for chunk in ids.chunks(CHUNK) {
        look!(chunk, applications, Application);
        look!(chunk, consents, Consent);
        look!(chunk, declarations, Declaration);
        look!(chunk, observations, Observation);
        look!(chunk, audit_completions, Audit);
    }
    Ok(found)
}

/// Takes a registration back: the row leaves every list, and its number is free. Its alerts have been ended.
pub fn void(
    tx: &mut Tx<'_>,
    contract: &ContractHead,
    reason: &str,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    diesel::insert_into(contract_voids::table)
        .values((
            contract_voids::id.eq(recorded.row_id()),
            contract_voids::contract_id.eq(contract.id),
            contract_voids::agency_id.eq(tx.organization_id),
            contract_voids::voided_on.eq(tx.today),
            contract_voids::reason.eq(reason),
            contract_voids::voided_by.eq(tx.author.map(|author| author.user_id)),
            contract_voids::seq.eq(stamp.seq),
            contract_voids::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    diesel::update(contracts::table.find(contract.id))
        .set((
            contracts::voided_on.eq(tx.today),
            contracts::open_alerts.eq(0),
            contracts::version.eq(contract.version + 1),
        ))
        .execute(tx.conn)?;
    super::super::deadline::forget(tx.conn, contract.id)?;
    super::super::due::set(tx.conn, super::super::due::CONTRACT, contract.id, contract.agency_id, None)
}

/// How a registration was taken back.
#[derive(Debug, Clone, Queryable)]
pub struct VoidRow {
    pub voided_on: NaiveDate,
    pub reason: String,
    /// None: the operator's command.
    pub by_name: Option<String>,
    pub recorded_at: NaiveDateTime,
}

/// How the registration of a contract that was found in scope was taken back; None: it stands.
pub fn void_of(conn: &mut Conn, contract: ContractId) -> Result<Option<VoidRow>, DbError> {
    let by = users::table.on(users::id.nullable().eq(contract_voids::voided_by));
    Ok(contract_voids::table
        .left_join(by)
        .filter(contract_voids::contract_id.eq(contract))
        .select((
            contract_voids::voided_on,
            contract_voids::reason,
            users::name.nullable(),
            contract_voids::recorded_at,
        ))
        .first(conn)
        .optional()?)
}
