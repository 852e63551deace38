//! Everything known of one contract, loaded for the pure folds: one indexed query a table, the tree built in memory.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::schema::{
    application_steps, applications, audit_cancellations, audit_completions, audits, consents,
    contract_terminations, contract_terms, contracts, declarations, engagement_merges, engagements,
    organizations, retractions, revocations, statements,
};
use super::types::from_json;
use super::{Conn, DbError};
use crate::domain::audit::{AuditFact, AuditKind, Cancellation};
use crate::domain::chain::{
    Application, ApplicationEvent, ApplicationStep, ChainFacts, Consent, Engagement, PlaceMerge, Retraction,
    Revocation, Source, Statement, StatementOrigin, Vendor,
};
use crate::domain::contract::{Stamp, Termination, Terms, TermsFact};
use crate::domain::days::DayRange;
use crate::domain::declaration::DeclarationFact;
use crate::domain::id::{
    ApplicationId, AuditId, ConsentId, ContractId, DeclarationId, EngagementId, ObservationId,
    OrganizationId, UserId,
};

/// One contract with all its facts.
#[derive(Debug, Clone)]
pub struct ContractFacts {
    pub chain: ChainFacts,
    pub declarations: Vec<DeclarationFact>,
    pub audits: Vec<AuditFact>,
    /// The business day of registration.
    pub learned_on: NaiveDate,
    pub agency_id: OrganizationId,
    pub agency_name: String,
    pub number: String,
    pub title: String,
    /// The responsible officer today; None for an import that nobody took over.
    pub officer_id: Option<UserId>,
    pub department: Option<String>,
    pub prime_id: OrganizationId,
    /// When its registration was taken back: nothing is done on it any more.
    pub voided_on: Option<NaiveDate>,
}

fn stamp(seq: i64, at: NaiveDateTime) -> Stamp {
    Stamp { seq, at: at.and_utc() }
}

/// Loads a contract's facts. The caller has settled that it may.
pub fn load(conn: &mut Conn, id: ContractId) -> Result<ContractFacts, DbError> {
    let head = head(conn, id)?;
    let retracted = retractions(conn, id)?;
    let (agency_id, agency_name, number, title, officer_id, department, prime_id, (learned_on, voided_on)) =
        head;
    let chain = ChainFacts {
        contract_id: id,
        agency_id,
        terms: terms(conn, id)?,
        terminations: terminations(conn, id)?,
        engagements: self::engagements(conn, id)?,
        applications: self::applications(conn, id)?,
        consents: self::consents(conn, id)?,
        revocations: self::revocations(conn, id)?,
        statements: self::statements(conn, id)?,
        retractions: retracted,
        merges: merges(conn, id)?,
    };
    let declarations = self::declarations(conn, id, &chain.retractions)?;
    let mut audits = self::audits(conn, id)?;
    for audit in &mut audits {
        // Of a place that was merged into another: the other's.
        while let Some(merge) =
            chain.merges.iter().find(|merge| Some(merge.engagement_id) == audit.engagement_id)
        {
            audit.engagement_id = Some(merge.into);
        }
    }
    Ok(ContractFacts {
        chain,
        declarations,
        audits,
        learned_on,
        agency_id,
        agency_name,
        number,
        title,
        officer_id,
        department,
        prime_id,
        voided_on,
    })
}

type Head = (
    OrganizationId,
    String,
    String,
    String,
    Option<UserId>,
    Option<String>,
    OrganizationId,
    (NaiveDate, Option<NaiveDate>),
);

fn head(conn: &mut Conn, id: ContractId) -> Result<Head, DbError> {
    Ok(contracts::table
        .inner_join(organizations::table.on(organizations::id.eq(contracts::agency_id)))
        .filter(contracts::id.eq(id))
        .select((
            contracts::agency_id,
            organizations::name,
            contracts::number,
            contracts::title,
            contracts::officer_id,
            contracts::department,
            contracts::vendor_id,
            (contracts::learned_on, contracts::voided_on),
        ))
        .first(conn)?)
}

/// The columns of terms that the folds need.
#[derive(Queryable, Selectable)]
#[diesel(table_name = contract_terms)]
pub(super) struct TermsColumns {
    effective_on: NaiveDate,
    body: String,
    seq: i64,
    recorded_at: NaiveDateTime,
}

impl TermsColumns {
    pub(super) fn fact(self) -> Result<TermsFact, DbError> {
        Ok(TermsFact {
            effective_on: self.effective_on,
            terms: from_json::<Terms>(&self.body)?,
            stamp: stamp(self.seq, self.recorded_at),
        })
    }
}

pub(super) fn terms(conn: &mut Conn, id: ContractId) -> Result<Vec<TermsFact>, DbError> {
    let rows: Vec<TermsColumns> = contract_terms::table
        .filter(contract_terms::contract_id.eq(id))
        .select(TermsColumns::as_select())
        .load(conn)?;
    rows.into_iter().map(TermsColumns::fact).collect()
}

pub(super) fn terminations(conn: &mut Conn, id: ContractId) -> Result<Vec<Termination>, DbError> {
    use contract_terminations as t;
    let rows: Vec<(NaiveDate, i64, NaiveDateTime)> = t::table
        .filter(t::contract_id.eq(id))
        .select((t::effective_on, t::seq, t::recorded_at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(effective_on, seq, at)| Termination { effective_on, stamp: stamp(seq, at) })
        .collect())
}

type EngagementColumns = (
    EngagementId,
    Option<EngagementId>,
    i32,
    i64,
    NaiveDateTime,
    OrganizationId,
    String,
    Option<String>,
    String,
);

fn engagements(conn: &mut Conn, id: ContractId) -> Result<Vec<Engagement>, DbError> {
    use engagements as e;
    let rows: Vec<EngagementColumns> = e::table
        .inner_join(organizations::table.on(organizations::id.eq(e::vendor_id)))
        .filter(e::contract_id.eq(id))
        .select((
            e::id,
            e::parent_id,
            e::tier,
            e::seq,
            e::recorded_at,
            organizations::id,
            organizations::name,
            organizations::corporate_number,
            organizations::country,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, parent_id, tier, seq, at, vendor_id, name, corporate_number, country)| Engagement {
            id,
            parent_id,
            vendor: Vendor { id: vendor_id, name, corporate_number, country },
            tier,
            stamp: stamp(seq, at),
        })
        .collect())
}

fn merges(conn: &mut Conn, id: ContractId) -> Result<Vec<PlaceMerge>, DbError> {
    use engagement_merges as m;
    let rows: Vec<(EngagementId, EngagementId, i64, NaiveDateTime)> = m::table
        .filter(m::contract_id.eq(id))
        .select((m::id, m::into_id, m::seq, m::recorded_at))
        .load(conn)?;
    let fact = |(engagement_id, into, seq, at)| PlaceMerge { engagement_id, into, stamp: stamp(seq, at) };
    Ok(rows.into_iter().map(fact).collect())
}

fn applications(conn: &mut Conn, id: ContractId) -> Result<Vec<Application>, DbError> {
    use application_steps as s;
    use applications as a;
    let rows: Vec<(ApplicationId, EngagementId, OrganizationId, NaiveDate, String, i64, NaiveDateTime)> =
        a::table
            .filter(a::contract_id.eq(id))
            .select((a::id, a::engagement_id, a::applicant_id, a::filed_on, a::body, a::seq, a::recorded_at))
            .load(conn)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let steps: Vec<(ApplicationId, ApplicationStep, NaiveDate, String, i64, NaiveDateTime)> = s::table
        .filter(s::contract_id.eq(id))
        .order(s::seq)
        .select((s::application_id, s::step, s::on_day, s::body, s::seq, s::recorded_at))
        .load(conn)?;
    let mut events: HashMap<ApplicationId, Vec<ApplicationEvent>> = HashMap::new();
    for (application, step, on, body, seq, at) in steps {
        let corrected = (step == ApplicationStep::Resubmitted).then(|| from_json(&body)).transpose()?;
        let reply_by = match step {
            ApplicationStep::Returned => from_json::<Returned>(&body)?.reply_by,
            _ => None,
        };
        let event = ApplicationEvent { step, on, corrected, reply_by, stamp: stamp(seq, at) };
        events.entry(application).or_default().push(event);
    }
    rows.into_iter()
        .map(|(id, engagement_id, applicant_id, filed_on, body, seq, at)| {
            Ok(Application {
                id,
                engagement_id,
                applicant_id,
                filed_on,
                asked: from_json(&body)?,
                stamp: stamp(seq, at),
                events: events.remove(&id).unwrap_or_default(),
            })
        })
        .collect()
}

/// The part of a 補正依頼 that the folds need.
#[derive(serde::Deserialize)]
struct Returned {
    reply_by: Option<NaiveDate>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = consents)]
struct ConsentRow {
    id: ConsentId,
    engagement_id: EngagementId,
    application_id: Option<ApplicationId>,
    decided_on: NaiveDate,
    valid_from: NaiveDate,
    valid_until: NaiveDate,
    supersedes: bool,
    amount_yen: i64,
    country: String,
    data: String,
    seq: i64,
    recorded_at: NaiveDateTime,
}

fn consents(conn: &mut Conn, id: ContractId) -> Result<Vec<Consent>, DbError> {
    let rows: Vec<ConsentRow> =
        consents::table.filter(consents::contract_id.eq(id)).select(ConsentRow::as_select()).load(conn)?;
    rows.into_iter()
        .map(|row| {
            Ok(Consent {
                id: row.id,
                engagement_id: row.engagement_id,
                application_id: row.application_id,
                decided_on: row.decided_on,
                valid_from: row.valid_from,
                valid_until: row.valid_until,
                supersedes: row.supersedes,
                amount_yen: row.amount_yen,
                country: row.country,
                data: from_json(&row.data)?,
                stamp: stamp(row.seq, row.recorded_at),
            })
        })
        .collect()
}

fn revocations(conn: &mut Conn, id: ContractId) -> Result<Vec<Revocation>, DbError> {
    use revocations as r;
    let rows: Vec<(EngagementId, NaiveDate, i64, NaiveDateTime)> = r::table
        .filter(r::contract_id.eq(id))
        .select((r::engagement_id, r::effective_on, r::seq, r::recorded_at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(engagement_id, effective_on, seq, at)| Revocation {
            engagement_id,
            effective_on,
            stamp: stamp(seq, at),
        })
        .collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = statements)]
struct StatementRow {
    engagement_id: EngagementId,
    source: String,
    source_organization_id: Option<OrganizationId>,
    declaration_id: Option<DeclarationId>,
    observation_id: Option<ObservationId>,
    started_on: NaiveDate,
    ended_on: Option<NaiveDate>,
    country: Option<String>,
    amount_yen: Option<i64>,
    data: String,
    seq: i64,
    recorded_at: NaiveDateTime,
}

/// The word of a source in its column.
pub fn source_word(source: Source) -> &'static str {
    match source {
        Source::Declared(_) => "declared",
        Source::Audit => "audit",
        Source::ThirdParty => "third_party",
        Source::Other => "other",
    }
}

fn source(word: &str, organization: Option<OrganizationId>) -> Result<Source, DbError> {
    match (word, organization) {
        ("declared", Some(organization)) => Ok(Source::Declared(organization)),
        ("audit", _) => Ok(Source::Audit),
        ("third_party", _) => Ok(Source::ThirdParty),
        ("other", _) => Ok(Source::Other),
        _ => Err(DbError::BrokenRow(format!("source {word:?}"))),
    }
}

fn origin(
    declaration: Option<DeclarationId>,
    observation: Option<ObservationId>,
) -> Result<StatementOrigin, DbError> {
    match (declaration, observation) {
        (Some(id), None) => Ok(StatementOrigin::Declaration(id)),
        (None, Some(id)) => Ok(StatementOrigin::Observation(id)),
        _ => Err(DbError::BrokenRow("a statement comes in one declaration or one observation".to_owned())),
    }
}

fn statements(conn: &mut Conn, id: ContractId) -> Result<Vec<Statement>, DbError> {
    let rows: Vec<StatementRow> = statements::table
        .filter(statements::contract_id.eq(id))
        .select(StatementRow::as_select())
        .load(conn)?;
    rows.into_iter()
        .map(|row| {
            Ok(Statement {
                engagement_id: row.engagement_id,
                source: source(&row.source, row.source_organization_id)?,
                origin: origin(row.declaration_id, row.observation_id)?,
                started_on: row.started_on,
                ended_on: row.ended_on,
                country: row.country,
                amount_yen: row.amount_yen,
                data: from_json(&row.data)?,
                stamp: stamp(row.seq, row.recorded_at),
            })
        })
        .collect()
}

fn retractions(conn: &mut Conn, id: ContractId) -> Result<Vec<Retraction>, DbError> {
    use retractions as r;
    let rows: Vec<(Option<DeclarationId>, Option<ObservationId>, i64, NaiveDateTime)> = r::table
        .filter(r::contract_id.eq(id))
        .select((r::declaration_id, r::observation_id, r::seq, r::recorded_at))
        .load(conn)?;
    rows.into_iter()
        .map(|(declaration, observation, seq, at)| {
            Ok(Retraction { origin: origin(declaration, observation)?, stamp: stamp(seq, at) })
        })
        .collect()
}

fn declarations(
    conn: &mut Conn,
    id: ContractId,
    retractions: &[Retraction],
) -> Result<Vec<DeclarationFact>, DbError> {
    use declarations as d;
    type Columns = (DeclarationId, OrganizationId, NaiveDate, NaiveDate, NaiveDate, bool, i64, NaiveDateTime);
    let rows: Vec<Columns> = d::table
        .filter(d::contract_id.eq(id))
        .select((
            d::id,
            d::organization_id,
            d::period_from,
            d::period_to,
            d::filed_on,
            d::no_subcontracting,
            d::seq,
            d::recorded_at,
        ))
        .load(conn)?;
    rows.into_iter()
        .map(|(id, organization_id, from, to, filed_on, none, seq, at)| {
            let period = DayRange::new(from, to)
                .ok_or_else(|| DbError::BrokenRow("a period that ends before it begins".to_owned()))?;
            let retracted =
                retractions.iter().find(|r| r.origin == StatementOrigin::Declaration(id)).map(|r| r.stamp);
            Ok(DeclarationFact {
                id,
                organization_id,
                period,
                filed_on,
                none,
                stamp: stamp(seq, at),
                retracted,
            })
        })
        .collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audits)]
struct AuditRow {
    id: AuditId,
    engagement_id: Option<EngagementId>,
    kind: AuditKind,
    first_due_on: NaiveDate,
    due_on: NaiveDate,
    every_months: Option<i32>,
    unannounced: bool,
    seq: i64,
    recorded_at: NaiveDateTime,
}

fn audits(conn: &mut Conn, id: ContractId) -> Result<Vec<AuditFact>, DbError> {
    use audit_cancellations as x;
    use audit_completions as c;
    type Done = Option<(NaiveDate, i64, NaiveDateTime)>;
    type Cancelled = Option<(NaiveDate, String, i64, NaiveDateTime)>;
    let rows: Vec<(AuditRow, Done, Cancelled)> = audits::table
        .left_join(c::table.on(c::audit_id.eq(audits::id)))
        .left_join(x::table.on(x::audit_id.eq(audits::id)))
        .filter(audits::contract_id.eq(id))
        .select((
            AuditRow::as_select(),
            (c::done_on, c::seq, c::recorded_at).nullable(),
            (x::cancelled_on, x::reason, x::seq, x::recorded_at).nullable(),
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(row, done, cancelled)| AuditFact {
            id: row.id,
            kind: row.kind,
            engagement_id: row.engagement_id,
            due_on: row.due_on,
            every_months: row.every_months,
            first_due_on: row.first_due_on,
            unannounced: row.unannounced,
            done_on: done.map(|(on, _, _)| on),
            planned: stamp(row.seq, row.recorded_at),
            done: done.map(|(_, seq, at)| stamp(seq, at)),
            cancelled: cancelled.map(|(on, reason, seq, at)| Cancellation {
                on,
                reason,
                stamp: stamp(seq, at),
            }),
        })
        .collect())
}
