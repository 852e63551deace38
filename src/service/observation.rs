//! 確認事項: what an inspection or a third party found in use. Kept apart from what was declared, never merged.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::case::Case;
use super::chain::Days;
use super::declaration::{RetractionInput, UseInput, payload_of, place_of};
use super::vendor::record_name;
use super::{App, Call, Failure, Page, Paged};
use crate::db::{self, DbError};
use crate::domain::access::Scope;
use crate::domain::chain::{Source, StatementOrigin};
use crate::domain::company::NamedIn;
use crate::domain::days::OpenRange;
use crate::domain::id::{ContractId, EngagementId, ObservationId, SubjectId};
use crate::input;
use crate::text_enum;

text_enum! {
    /// Where an observation comes from.
    pub enum ObservationSource {
        /// 実地確認
        Audit = "audit",
        /// 第三者情報
        ThirdParty = "third_party",
        /// その他
        Other = "other",
    }
}

impl ObservationSource {
    fn source(self) -> Source {
        match self {
            Self::Audit => Source::Audit,
            Self::ThirdParty => Source::ThirdParty,
            Self::Other => Source::Other,
        }
    }
}

input! {
    /// An observation: the fields of a use, and where it comes from.
    pub struct ObservationInput {
        used: UseInput => flattened::<UseInput>(),
        source: ObservationSource => word::<ObservationSource>(),
        note: Option<String> => optional(prose(0, 10_000)),
    }
}

/// An observation with what it says.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ObservationView {
    pub id: ObservationId,
    pub contract_id: ContractId,
    pub engagement_id: EngagementId,
    pub vendor_name: String,
    pub source: ObservationSource,
    pub started_on: Option<NaiveDate>,
    pub ended_on: Option<NaiveDate>,
    pub note: Option<String>,
    pub recorded_at: DateTime<Utc>,
    pub retracted: bool,
    /// The engagement's uncovered days up to today.
    pub uncovered: Vec<Days>,
}

/// Records what was seen.
pub fn observe(
    app: &App,
    call: &Call,
    contract: ContractId,
    given: &ObservationInput,
) -> Result<ObservationView, Failure> {
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let (place, other_name) = place_of(tx, &case, &known, &given.used, "")?;
        let id: ObservationId = tx.new_id();
        let statement_id: SubjectId = tx.new_id();
        let payload = json!({
            "observation_id": id, "source": given.source, "observed": payload_of(&place, &given.used, statement_id), "note": given.note,
        });
        let stamp = tx.record("observation.recorded", id, &payload)?.stamp;
        place.settle(tx, stamp)?;
        let source = given.source.source();
        db::statement::add_observation(tx, id, contract, place.id, source, given.note.as_deref(), stamp)?;
        let statement = given.used.statement(place.id, source, StatementOrigin::Observation(id), stamp);
        db::statement::add_statement(tx, statement_id, contract, &statement, given.used.scope.as_deref())?;
        if let Some(other) = &other_name {
            record_name(tx, contract, place.id, NamedIn::Observation, other)?;
        }
        one(tx.conn, call, contract, id, tx.today)
    })
}

/// Takes a mistaken observation back; it counts no more.
pub fn retract(
    app: &App,
    call: &Call,
    id: ObservationId,
    given: &RetractionInput,
) -> Result<ObservationView, Failure> {
    let contract = app.db.read_one::<_, DbError>(|conn| db::statement::contract_of_observation(conn, id))?;
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        let origin = StatementOrigin::Observation(id);
        if case.facts.chain.retractions.iter().any(|r| r.origin == origin) {
            return Err(Failure::conflict("retracted", "この確認事項は、すでに取り消されています。"));
        }
        let payload = json!({"observation_id": id, "reason": given.reason});
        let recorded = tx.record("observation.retracted", id, &payload)?;
        db::statement::add_retraction(tx, contract, origin, &given.reason, &recorded)?;
        one(tx.conn, call, contract, id, tx.today)
    })
}

/// One observation. A vendor does not know that there is one.
pub fn find(app: &App, call: &Call, id: ObservationId) -> Result<ObservationView, Failure> {
    let today = app.today();
    app.db.read(|conn| {
        let contract = db::statement::contract_of_observation(conn, id)?;
        let found = one(conn, call, contract, id, today)?;
        if matches!(call.scope(), Scope::Vendor(_)) { Err(Failure::NotFound) } else { Ok(found) }
    })
}

/// Observations on a contract. They are the agency's; a vendor has no list of them.
pub fn list(
    app: &App,
    call: &Call,
    contract: ContractId,
    page: &Page,
) -> Result<Paged<ObservationView>, Failure> {
    let today = app.today();
    app.db.read(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        if !case.is_agency_side() {
            return Err(Failure::Forbidden("確認事項は機関の担当者だけが見られます。".to_owned()));
        }
        let rows = db::statement::observations_of(conn, contract, page.after_id()?, page.rows())?;
        let views =
            rows.into_iter().map(|row| view(&case, row, today)).collect::<Result<Vec<_>, Failure>>()?;
        Ok(Paged::cut(page, views, |view| view.id.to_string(), |view| view))
    })
}

fn one(
    conn: &mut db::Conn,
    call: &Call,
    contract: ContractId,
    id: ObservationId,
    today: NaiveDate,
) -> Result<ObservationView, Failure> {
    let case = Case::open(conn, call.scope(), contract)?;
    let row = db::statement::find_observation(conn, id)?;
    view(&case, row, today)
}

fn view(
    case: &Case,
    row: db::statement::ObservationRow,
    today: NaiveDate,
) -> Result<ObservationView, Failure> {
    let known = case.facts.chain.now();
    let origin = StatementOrigin::Observation(row.id);
    let said = case.facts.chain.statements.iter().find(|s| s.origin == origin);
    let (uncovered, _) = known.coverage(row.engagement_id).map(|c| c.split(today)).unwrap_or_default();
    Ok(ObservationView {
        id: row.id,
        contract_id: case.id(),
        engagement_id: row.engagement_id,
        vendor_name: known.engagement(row.engagement_id).map(|e| e.vendor.name.clone()).unwrap_or_default(),
        source: row.source.parse().map_err(Failure::Internal)?,
        started_on: said.map(|s| s.started_on),
        ended_on: said.and_then(|s| s.ended_on),
        note: row.note,
        recorded_at: row.recorded_at.and_utc(),
        retracted: case.facts.chain.retractions.iter().any(|r| r.origin == origin),
        uncovered: uncovered.into_iter().map(|OpenRange { from, to }| Days { from, to }).collect(),
    })
}
