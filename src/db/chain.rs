//! The chain's facts as written: engagements, applications and their steps, consents, revocations.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::contract::Narrow;
use super::contract::narrow::narrowed;
use super::counted::counted;
use super::organization::OrganizationRow;
use super::schema::{
    application_steps, applications, consents, contracts, deadlines, engagement_merges, engagements,
    organizations, revocations,
};
use super::tx::Recorded;
use super::types::to_json;
use super::{Conn, DbError, Tx};
use crate::domain::access::Scope;
use crate::domain::chain::{ApplicationState, ApplicationStep, Consent};
use crate::domain::contract::Stamp;
use crate::domain::id::{ApplicationId, ConsentId, ContractId, EngagementId, OrganizationId, UserId};

/// Of an application that is applied: reviewed since it was filed, last corrected or last sent back to the officer.
pub(super) const REVIEWED: &str = "EXISTS (SELECT 1 FROM application_steps s WHERE s.application_id = applications.id \
    AND s.step = 'reviewed' AND NOT EXISTS (SELECT 1 FROM application_steps c \
    WHERE c.application_id = applications.id AND c.step IN ('resubmitted', 'sent_back') AND c.seq > s.seq))";

/// A new place on the chain.
#[derive(Debug, Clone, Copy)]
pub struct NewEngagement {
    pub contract_id: ContractId,
    pub parent_id: EngagementId,
    pub vendor_id: OrganizationId,
    pub tier: i32,
}

/// Writes an engagement under the id chosen for it.
pub fn add_engagement(
    tx: &mut Tx<'_>,
    id: EngagementId,
    new: NewEngagement,
    stamp: Stamp,
) -> Result<(), DbError> {
    diesel::insert_into(engagements::table)
        .values((
            engagements::id.eq(id),
            engagements::contract_id.eq(new.contract_id),
            engagements::agency_id.eq(tx.organization_id),
            engagements::parent_id.eq(Some(new.parent_id)),
            engagements::vendor_id.eq(new.vendor_id),
            engagements::tier.eq(new.tier),
            engagements::seq.eq(stamp.seq),
            engagements::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// The contract of an engagement.
pub fn contract_of(conn: &mut Conn, id: EngagementId) -> Result<ContractId, DbError> {
    Ok(engagements::table.find(id).select(engagements::contract_id).first(conn)?)
}

/// The company at an engagement.
pub fn vendor_of(conn: &mut Conn, id: EngagementId) -> Result<OrganizationRow, DbError> {
    let joined =
        engagements::table.inner_join(organizations::table.on(organizations::id.eq(engagements::vendor_id)));
    Ok(joined.filter(engagements::id.eq(id)).select(OrganizationRow::as_select()).first(conn)?)
}

/// Places of a company that turned out to be another: those that are the other's from now on, those that stand under
/// another place, and those that are one with another.
#[derive(Debug, Default)]
pub struct MergedPlaces {
    pub reassigned: Vec<EngagementId>,
    /// Each with its parent.
    pub moved: Vec<(EngagementId, EngagementId)>,
    /// Each with the one that it is one with.
    pub joined: Vec<(EngagementId, EngagementId)>,
    /// The contract's own party.
    pub prime: bool,
}

/// Writes them: the contract's places are `vendor`'s.
pub fn merge_places(
    tx: &mut Tx<'_>,
    contract: ContractId,
    vendor: OrganizationId,
    places: &MergedPlaces,
    stamp: Stamp,
) -> Result<(), DbError> {
    for id in &places.reassigned {
        diesel::update(engagements::table.find(id))
            .set(engagements::vendor_id.eq(vendor))
            .execute(tx.conn)?;
    }
    for (id, parent) in &places.moved {
        diesel::update(engagements::table.find(id))
            .set(engagements::parent_id.eq(Some(*parent)))
            .execute(tx.conn)?;
    }
    for (id, into) in &places.joined {
        diesel::insert_into(engagement_merges::table)
            .values((
                engagement_merges::id.eq(id),
                engagement_merges::contract_id.eq(contract),
                engagement_merges::agency_id.eq(tx.organization_id),
                engagement_merges::into_id.eq(into),
                engagement_merges::seq.eq(stamp.seq),
                engagement_merges::recorded_at.eq(stamp.at.naive_utc()),
            ))
            .execute(tx.conn)?;
    }
    if places.prime {
        diesel::update(contracts::table.find(contract))
            .set(contracts::vendor_id.eq(vendor))
            .execute(tx.conn)?;
    }
    Ok(())
}

/// The contracts on whose chain a vendor stands, each with its agency, in order of id.
pub fn contracts_of(
    conn: &mut Conn,
    vendor: OrganizationId,
) -> Result<Vec<(ContractId, OrganizationId)>, DbError> {
    let merged = engagement_merges::table.select(engagement_merges::id);
    let places = engagements::table
        .filter(engagements::vendor_id.eq(vendor).and(engagements::id.ne_all(merged)))
        .select((engagements::contract_id, engagements::agency_id))
        .distinct()
        .order(engagements::contract_id);
    Ok(places.load(conn)?)
}

/// Vendor's name and tier of engagements, for lists across contracts; those asked for were in scope.
pub fn places(
    conn: &mut Conn,
    ids: &[EngagementId],
) -> Result<std::collections::HashMap<EngagementId, (String, i32)>, DbError> {
    let rows: Vec<(EngagementId, String, i32)> = engagements::table
        .inner_join(organizations::table.on(organizations::id.eq(engagements::vendor_id)))
        .filter(engagements::id.eq_any(ids))
        .select((engagements::id, organizations::name, engagements::tier))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, name, tier)| (id, (name, tier))).collect())
}

/// Whom applications ask for; those asked for were in scope.
pub fn applied_for(
    conn: &mut Conn,
    ids: &[ApplicationId],
) -> Result<std::collections::HashMap<ApplicationId, String>, DbError> {
    let rows: Vec<(ApplicationId, String)> = applications::table
        .inner_join(engagements::table.on(engagements::id.eq(applications::engagement_id)))
        .inner_join(organizations::table.on(organizations::id.eq(engagements::vendor_id)))
        .filter(applications::id.eq_any(ids.to_vec()))
        .select((applications::id, organizations::name))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Those of applications whose last step is 差戻し.
pub fn sent_back(
    conn: &mut Conn,
    ids: &[ApplicationId],
) -> Result<std::collections::HashSet<ApplicationId>, DbError> {
    let steps: Vec<(ApplicationId, ApplicationStep)> = application_steps::table
        .filter(application_steps::application_id.eq_any(ids.to_vec()))
        .order(application_steps::seq)
        .select((application_steps::application_id, application_steps::step))
        .load(conn)?;
    let last: std::collections::HashMap<ApplicationId, ApplicationStep> = steps.into_iter().collect();
    let sent_back = last.into_iter().filter(|(_, step)| *step == ApplicationStep::SentBack);
    Ok(sent_back.map(|(id, _)| id).collect())
}

/// The applications that a vendor filed on contracts and that are not decided, oldest first.
pub fn undecided(
    conn: &mut Conn,
    applicant: OrganizationId,
    contracts: &[ContractId],
) -> Result<Vec<ApplicationRow>, DbError> {
    Ok(applications::table
        .filter(applications::contract_id.eq_any(contracts.to_vec()))
        .filter(applications::applicant_id.eq(applicant))
        .filter(applications::state.eq_any(["applied", "returned"]))
        .order(applications::id)
        .select(ApplicationRow::as_select())
        .load(conn)?)
}

/// An application as stored; `body` is what was filed: a 補正 stands among the steps.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = applications)]
pub struct ApplicationRow {
    pub id: ApplicationId,
    pub contract_id: ContractId,
    pub agency_id: OrganizationId,
    pub engagement_id: EngagementId,
    pub applicant_id: OrganizationId,
    pub applied_by: UserId,
    pub supersedes: bool,
    pub filed_on: NaiveDate,
    pub body: String,
    pub state: String,
    pub version: i64,
    pub seq: i64,
    pub recorded_at: NaiveDateTime,
}

/// A step of an application as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = application_steps)]
pub struct StepRow {
    pub application_id: ApplicationId,
    pub step: ApplicationStep,
    pub on_day: NaiveDate,
    pub by_user: UserId,
    pub body: String,
    pub seq: i64,
    pub recorded_at: NaiveDateTime,
}

/// Writes an application as filed.
pub fn add_application(conn: &mut Conn, row: &ApplicationRow) -> Result<(), DbError> {
    diesel::insert_into(applications::table)
        .values((
            applications::id.eq(row.id),
            applications::contract_id.eq(row.contract_id),
            applications::agency_id.eq(row.agency_id),
            applications::engagement_id.eq(row.engagement_id),
            applications::applicant_id.eq(row.applicant_id),
            applications::applied_by.eq(row.applied_by),
            applications::supersedes.eq(row.supersedes),
            applications::filed_on.eq(row.filed_on),
            applications::body.eq(&row.body),
            applications::state.eq(&row.state),
            applications::version.eq(row.version),
            applications::seq.eq(row.seq),
            applications::recorded_at.eq(row.recorded_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Who acts; a step or a revocation is a person's, never the program's.
fn author(tx: &Tx<'_>) -> Result<UserId, DbError> {
    tx.author.map(|author| author.user_id).ok_or(DbError::NotFound)
}

/// Writes a step and the state it leads to.
pub fn add_step(
    tx: &mut Tx<'_>,
    application: &ApplicationRow,
    step: ApplicationStep,
    body: &impl serde::Serialize,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    let by = author(tx)?;
    diesel::insert_into(application_steps::table)
        .values((
            application_steps::id.eq(recorded.row_id()),
            application_steps::application_id.eq(application.id),
            application_steps::contract_id.eq(application.contract_id),
            application_steps::agency_id.eq(application.agency_id),
            application_steps::step.eq(step),
            application_steps::on_day.eq(tx.today),
            application_steps::by_user.eq(by),
            application_steps::body.eq(to_json(body)?),
            application_steps::seq.eq(stamp.seq),
            application_steps::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    diesel::update(applications::table.find(application.id))
        .set((
            applications::state.eq(ApplicationState::after(step).as_str()),
            applications::version.eq(applications::version + 1),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// The contract of an application.
pub fn contract_of_application(conn: &mut Conn, id: ApplicationId) -> Result<ContractId, DbError> {
    Ok(applications::table.find(id).select(applications::contract_id).first(conn)?)
}

/// One application with its steps. The caller settles whether it may.
pub fn find_application(
    conn: &mut Conn,
    id: ApplicationId,
) -> Result<(ApplicationRow, Vec<StepRow>), DbError> {
    let row = applications::table.find(id).select(ApplicationRow::as_select()).first(conn)?;
    with_steps(conn, vec![row])?.pop().ok_or(DbError::NotFound)
}

/// Applications of one contract with their steps, oldest first, of at most `rows`; `places` narrows to those
/// engagements, `after` is the `seq` of the last of the page before.
pub fn applications_of(
    conn: &mut Conn,
    contract: ContractId,
    places: Option<&[EngagementId]>,
    after: Option<i64>,
    rows: i64,
) -> Result<Vec<(ApplicationRow, Vec<StepRow>)>, DbError> {
    let mut query = applications::table.filter(applications::contract_id.eq(contract)).into_boxed();
    if let Some(places) = places {
        query = query.filter(applications::engagement_id.eq_any(places.to_vec()));
    }
    if let Some(after) = after {
        query = query.filter(applications::seq.gt(after));
    }
    let rows = query.order(applications::seq).limit(rows).select(ApplicationRow::as_select()).load(conn)?;
    with_steps(conn, rows)
}

/// Which applications are asked for.
#[derive(Debug, Clone, Default)]
pub struct QueueFilter {
    pub state: Option<ApplicationState>,
    /// Only those that were, or were not, reviewed since they were filed, corrected or sent back; of `applied` ones.
    pub reviewed: Option<bool>,
    /// On which contracts.
    pub narrow: Narrow,
}

/// In which order applications are listed, and the last row of the page before.
#[derive(Debug, Clone, Copy)]
pub enum QueueOrder {
    /// The newest first.
    Newest { after: Option<ApplicationId> },
    /// Those that wait, by the day by which something is to be done about them.
    Due { after: Option<(NaiveDate, ApplicationId)> },
}

/// Narrows a boxed query of applications with their contracts. A vendor's own queue holds what it filed itself.
macro_rules! queued {
    ($query:ident, $scope:expr, $filter:expr) => {
        match *$scope {
            Scope::Agency(id) => $query = $query.filter(applications::agency_id.eq(id)),
            Scope::Vendor(id) => $query = $query.filter(applications::applicant_id.eq(id)),
            Scope::Overseer | Scope::Program => {}
            Scope::Nothing => $query = $query.filter(sql::<Bool>("1 = 0")),
        }
        if let Some(state) = $filter.state {
            $query = $query.filter(applications::state.eq(state.as_str()));
        }
        match $filter.reviewed {
            None => {}
            Some(true) => $query = $query.filter(sql::<Bool>(REVIEWED)),
            Some(false) => $query = $query.filter(sql::<Bool>("NOT ").sql(REVIEWED)),
        }
        narrowed!($query, $filter.narrow, $scope);
    };
}

macro_rules! with_contracts {
    () => {
        applications::table.inner_join(contracts::table.on(contracts::id.eq(applications::contract_id)))
    };
}

macro_rules! with_deadlines {
    () => {
        with_contracts!()
            .inner_join(deadlines::table.on(deadlines::application_id.eq(applications::id.nullable())))
    };
}

/// The queue: applications in scope with their steps, of at most `rows`.
pub fn queue(
    conn: &mut Conn,
    scope: &Scope,
    filter: &QueueFilter,
    order: QueueOrder,
    rows: i64,
) -> Result<Vec<(ApplicationRow, Vec<StepRow>)>, DbError> {
    let found = match order {
        QueueOrder::Newest { after } => {
            let mut query = with_contracts!().limit(rows).into_boxed();
            queued!(query, scope, filter);
            if let Some(after) = after {
                query = query.filter(applications::id.lt(after));
            }
            query.order(applications::id.desc()).select(ApplicationRow::as_select()).load(conn)?
        }
        QueueOrder::Due { after } => {
            let mut query = with_deadlines!().limit(rows).into_boxed();
            queued!(query, scope, filter);
            if let Some((day, id)) = after {
                query = query.filter(deadlines::due_on.ge(day));
                query = query.filter(deadlines::due_on.gt(day).or(applications::id.gt(id)));
            }
            let query = query.order((deadlines::due_on, applications::id));
            query.select(ApplicationRow::as_select()).load(conn)?
        }
    };
    with_steps(conn, found)
}

/// Applications in scope that wait for the decision, or else for the review, the oldest first, of at most `rows`.
pub fn waiting(
    conn: &mut Conn,
    scope: &Scope,
    reviewed: bool,
    rows: i64,
) -> Result<Vec<(ApplicationRow, Vec<StepRow>)>, DbError> {
    let Scope::Agency(agency) = *scope else { return Ok(Vec::new()) };
    let query = applications::table
        .filter(applications::agency_id.eq(agency))
        .filter(applications::state.eq(ApplicationState::Applied.as_str()))
        .order(applications::id)
        .limit(rows)
        .select(ApplicationRow::as_select())
        .into_boxed();
    let query = if reviewed {
        query.filter(sql::<Bool>(REVIEWED))
    } else {
        query.filter(sql::<Bool>("NOT ").sql(REVIEWED))
    };
    let found = query.load(conn)?;
    with_steps(conn, found)
}

/// How many applications in scope, counted up to a bound; `waiting`: only those about which something is to be done.
pub fn count_queue(
    conn: &mut Conn,
    scope: &Scope,
    filter: &QueueFilter,
    waiting: bool,
    bound: i64,
) -> Result<i64, DbError> {
    if waiting {
        let mut query = with_deadlines!().select(applications::id).limit(bound).into_boxed();
        queued!(query, scope, filter);
        counted(conn, query)
    } else {
        let mut query = with_contracts!().select(applications::id).limit(bound).into_boxed();
        queued!(query, scope, filter);
        counted(conn, query)
    }
}

fn with_steps(
    conn: &mut Conn,
    rows: Vec<ApplicationRow>,
) -> Result<Vec<(ApplicationRow, Vec<StepRow>)>, DbError> {
    let ids: Vec<ApplicationId> = rows.iter().map(|row| row.id).collect();
    let steps: Vec<StepRow> = application_steps::table
        .filter(application_steps::application_id.eq_any(&ids))
        .order(application_steps::seq)
        .select(StepRow::as_select())
        .load(conn)?;
    let mut by_application = std::collections::HashMap::<ApplicationId, Vec<StepRow>>::new();
    for step in steps {
        by_application.entry(step.application_id).or_default().push(step);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let steps = by_application.remove(&row.id).unwrap_or_default();
            (row, steps)
        })
        .collect())
}

/// What a consent says beside the facts of the folds.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct ConsentBody {
    pub scope: String,
    pub reason: Option<String>,
    pub conditions: Option<String>,
    /// 既承認 only.
    pub document_number: Option<String>,
    pub note: Option<String>,
}

/// Writes a consent.
pub fn add_consent(
    tx: &mut Tx<'_>,
    contract: ContractId,
    consent: &Consent,
    decided_by: UserId,
    body: &ConsentBody,
) -> Result<(), DbError> {
    diesel::insert_into(consents::table)
        .values((
            consents::id.eq(consent.id),
            consents::contract_id.eq(contract),
            consents::agency_id.eq(tx.organization_id),
            consents::engagement_id.eq(consent.engagement_id),
            consents::application_id.eq(consent.application_id),
            consents::decided_on.eq(consent.decided_on),
            consents::decided_by.eq(decided_by),
            consents::valid_from.eq(consent.valid_from),
            consents::valid_until.eq(consent.valid_until),
            consents::supersedes.eq(consent.supersedes),
            consents::amount_yen.eq(consent.amount_yen),
            consents::country.eq(&consent.country),
            consents::data.eq(to_json(&consent.data)?),
            consents::body.eq(to_json(body)?),
            consents::seq.eq(consent.stamp.seq),
            consents::recorded_at.eq(consent.stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// A consent with what stands beside it in a list across contracts.
#[derive(Debug, Clone, Queryable)]
pub struct ListedConsent {
    pub id: ConsentId,
    pub contract_id: ContractId,
    pub contract_number: String,
    pub contract_title: String,
    pub engagement_id: EngagementId,
    pub tier: i32,
    pub vendor_name: String,
    /// None: 既承認.
    pub application_id: Option<ApplicationId>,
    pub decided_on: NaiveDate,
    pub valid_from: NaiveDate,
    pub valid_until: NaiveDate,
    /// JSON, a [`ConsentBody`].
    pub body: String,
    pub recorded_at: NaiveDateTime,
}

/// Consents in scope, newest first, of at most `rows`; `late`: those entered after they were decided on paper. Vendors
/// have no list across contracts.
pub fn list_consents(
    conn: &mut Conn,
    scope: &Scope,
    late: bool,
    after: Option<ConsentId>,
    rows: i64,
) -> Result<Vec<ListedConsent>, DbError> {
    let mut query = consents::table
        .inner_join(contracts::table.on(contracts::id.eq(consents::contract_id)))
        .inner_join(engagements::table.on(engagements::id.eq(consents::engagement_id)))
        .inner_join(organizations::table.on(organizations::id.eq(engagements::vendor_id)))
        .order(consents::id.desc())
        .limit(rows)
        .select((
            consents::id,
            contracts::id,
            contracts::number,
            contracts::title,
            engagements::id,
            engagements::tier,
            organizations::name,
            consents::application_id,
            consents::decided_on,
            consents::valid_from,
            consents::valid_until,
            consents::body,
            consents::recorded_at,
        ))
        .into_boxed();
    query = match *scope {
        Scope::Agency(id) => query.filter(consents::agency_id.eq(id)),
        Scope::Overseer | Scope::Program => query,
        Scope::Vendor(_) | Scope::Nothing => return Ok(Vec::new()),
    };
    if late {
        query = query.filter(consents::application_id.is_null());
    }
    if let Some(after) = after {
        query = query.filter(consents::id.lt(after));
    }
    Ok(query.load(conn)?)
}

/// Scope, conditions and document of a contract's consents.
pub fn consent_bodies(
    conn: &mut Conn,
    contract: ContractId,
) -> Result<std::collections::HashMap<ConsentId, ConsentBody>, DbError> {
    let rows: Vec<(ConsentId, String)> = consents::table
        .filter(consents::contract_id.eq(contract))
        .select((consents::id, consents::body))
        .load(conn)?;
    rows.into_iter().map(|(id, body)| Ok((id, super::types::from_json(&body)?))).collect()
}

/// Writes a revocation.
pub fn add_revocation(
    tx: &mut Tx<'_>,
    contract: ContractId,
    engagement: EngagementId,
    effective_on: NaiveDate,
    reason: &str,
    recorded: &Recorded,
) -> Result<(), DbError> {
    let Recorded { stamp, .. } = recorded;
    let by = author(tx)?;
    diesel::insert_into(revocations::table)
        .values((
            revocations::id.eq(recorded.row_id()),
            revocations::contract_id.eq(contract),
            revocations::agency_id.eq(tx.organization_id),
            revocations::engagement_id.eq(engagement),
            revocations::effective_on.eq(effective_on),
            revocations::reason.eq(reason),
            revocations::revoked_by.eq(by),
            revocations::seq.eq(stamp.seq),
            revocations::recorded_at.eq(stamp.at.naive_utc()),
        ))
        .execute(tx.conn)?;
    Ok(())
}
