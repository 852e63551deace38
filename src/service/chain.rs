//! The chain of a contract as each side sees it, at any day and as known at any instant.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::case::Case;
use super::contract::DataVolumeView;
use super::{App, Call, Failure};
use crate::db::engagement_name::EngagementNameRow;
use crate::db::{self, Conn, DbError};
use crate::domain::chain::{Cause, Engagement, Known, NodeState, Source, Vendor};
use crate::domain::days::{DayRange, OpenRange};
use crate::domain::id::{ConsentId, ContractId, EngagementId, OrganizationId};

/// `GET /contracts/{id}/chain`.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChainView {
    pub as_of: NaiveDate,
    pub known_at: DateTime<Utc>,
    /// The prime; for a vendor its own node, the first of `roots`.
    pub root: Node,
    /// A vendor's nodes, where it stands on several branches.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub roots: Vec<Node>,
}

/// A vendor as the chain shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VendorView {
    pub id: OrganizationId,
    pub name: String,
    pub corporate_number: Option<String>,
    pub country: String,
}

/// Who stands above a vendor's own node: the name only.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ParentName {
    pub name: String,
}

/// Days, both inclusive; `to` null: still running on `as_of`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Days {
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
}

/// Uncovered days with their cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CausedDays {
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub cause: Cause,
}

/// A consent, after supersession and revocation.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConsentView {
    pub id: ConsentId,
    pub decided_on: NaiveDate,
    pub valid_from: NaiveDate,
    pub valid_until: NaiveDate,
    /// 既承認: decided on paper, entered here later.
    pub recorded: bool,
    /// The first day no longer covered, where it was revoked.
    pub revoked_from: Option<NaiveDate>,
    pub known_since: DateTime<Utc>,
}

/// What one source says of the use.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StatementView {
    /// declared, audit, `third_party`, other
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    pub started_on: NaiveDate,
    pub ended_on: Option<NaiveDate>,
    pub known_since: DateTime<Utc>,
}

/// A name under which a company was named (名義).
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OtherNameView {
    pub name: String,
    /// contract, application, consent, declaration, observation
    pub named_in: String,
    /// akin: a branch or another spelling; other: quite another name; same: a name that it had before.
    pub likeness: String,
    pub known_since: DateTime<Utc>,
}

/// An engagement with what hangs below it. Contracted, consented, declared and seen stand side by side.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Node {
    pub engagement_id: EngagementId,
    /// Null for the prime, and for the topmost node in a vendor's sight.
    pub parent_engagement_id: Option<EngagementId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<ParentName>,
    pub vendor: VendorView,
    pub tier: i32,
    /// The first day on which it, or anything below it, was applied for, consented to or said to be used; what is told
    /// ahead counts from the day on which it was told.
    pub since: NaiveDate,
    /// On `as_of`, by what had been filed and decided by then.
    pub state: NodeState,
    /// On `as_of`.
    pub covered: bool,
    /// On `as_of`.
    pub in_use: bool,
    /// Days in use and not covered, up to `as_of`.
    pub uncovered: Vec<Days>,
    /// The same after `as_of`, by what is known.
    pub projected: Vec<Days>,
    /// All of them with their causes.
    pub uncovered_causes: Vec<CausedDays>,
    pub data: Vec<DataVolumeView>,
    pub consents: Vec<ConsentView>,
    pub statements: Vec<StatementView>,
    /// The names under which it was named where they are not the one it is known by; the agency's side only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_names: Vec<OtherNameView>,
    #[schema(no_recursion)]
    pub children: Vec<Node>,
}

/// The chain on `as_of` (default today), by what was known at `known_at` (default now).
pub fn get(
    app: &App,
    call: &Call,
    id: ContractId,
    as_of: Option<NaiveDate>,
    known_at: Option<DateTime<Utc>>,
) -> Result<ChainView, Failure> {
    let (case, names) = app.db.read::<_, Failure>(|conn| {
        let case = Case::open(conn, call.scope(), id)?;
        let names = other_names(conn, &case)?;
        Ok((case, names))
    })?;
    let names: Vec<EngagementNameRow> =
        names.into_iter().filter(|name| known_at.is_none_or(|at| name.recorded_at.and_utc() <= at)).collect();
    let as_of = as_of.unwrap_or_else(|| app.today());
    let known = match known_at {
        Some(at) => case.facts.chain.known(at),
        None => case.facts.chain.now(),
    };
    let seen = Seen { app, case: &case, known: &known, names: &names, as_of };
    let mut roots: Vec<Node> = case.roots(&known).into_iter().map(|it| seen.node(it, true)).collect();
    if roots.is_empty() {
        // The contract, or the vendor's place on it, was not yet known then.
        return Err(Failure::NotFound);
    }
    let known_at = known_at.unwrap_or_else(|| app.now());
    if roots.len() == 1 {
        let root = roots.swap_remove(0);
        return Ok(ChainView { as_of, known_at, root, roots: Vec::new() });
    }
    let root = roots.first().cloned().ok_or(Failure::NotFound)?;
    Ok(ChainView { as_of, known_at, root, roots })
}

/// An engagement in sight as it stands today, with what hangs below it, and its contract.
pub fn place(app: &App, call: &Call, id: EngagementId) -> Result<(ContractId, Node), Failure> {
    let (case, names) = app.db.read::<_, Failure>(|conn| {
        let contract = db::chain::contract_of(conn, id)?;
        let case = Case::open(conn, call.scope(), contract)?;
        let names = other_names(conn, &case)?;
        Ok((case, names))
    })?;
    let known = case.facts.chain.now();
    let engagement = case.engagement(&known, id)?;
    let is_root = case.roots(&known).iter().any(|root| root.id == id);
    let seen = Seen { app, case: &case, known: &known, names: &names, as_of: app.today() };
    Ok((case.id(), seen.node(engagement, is_root)))
}

/// Those of the contract; a vendor is told none: they say what was seen of others.
fn other_names(conn: &mut Conn, case: &Case) -> Result<Vec<EngagementNameRow>, DbError> {
    if case.is_agency_side() { db::engagement_name::of_contract(conn, case.id()) } else { Ok(Vec::new()) }
}

/// A chain as one caller sees it on a day.
struct Seen<'a> {
    app: &'a App,
    case: &'a Case,
    known: &'a Known<'a>,
    names: &'a [EngagementNameRow],
    as_of: NaiveDate,
}

impl Seen<'_> {
    /// An engagement with what hangs below it; `top`: nothing above it is in sight.
    fn node(&self, engagement: &Engagement, top: bool) -> Node {
        let Self { case, known, as_of, .. } = *self;
        let id = engagement.id;
        let parent = engagement.parent_id.and_then(|id| known.engagement(id));
        let coverage = known.coverage(id);
        let (uncovered, projected) = coverage.map(|c| c.split(as_of)).unwrap_or_default();
        let causes = coverage.map(|c| c.uncovered.clone()).unwrap_or_default();
        let below = known.engagements().filter(|child| child.parent_id == Some(id));
        let children: Vec<Node> = below.map(|child| self.node(child, false)).collect();
        let own = since(self.app, known, engagement, |source| case.may_see(source));
        let since = children.iter().map(|child| child.since).fold(own, NaiveDate::min);
        Node {
            engagement_id: id,
            parent_engagement_id: engagement.parent_id.filter(|_| !(top && case.vendor().is_some())),
            parent: parent
                .filter(|_| top && case.vendor().is_some())
                .map(|parent| ParentName { name: parent.vendor.name.clone() }),
            vendor: (&engagement.vendor).into(),
            tier: engagement.tier,
            since,
            state: known.state(id, as_of),
            covered: coverage.is_some_and(|c| c.covered.contains(as_of)),
            in_use: coverage.is_some_and(|c| c.in_use.contains(as_of)),
            uncovered: uncovered.into_iter().map(|OpenRange { from, to }| Days { from, to }).collect(),
            projected: projected
                .into_iter()
                .map(|DayRange { from, to }| Days { from, to: Some(to) })
                .collect(),
            uncovered_causes: causes
                .into_iter()
                .map(|(DayRange { from, to }, cause)| CausedDays { from, to, cause })
                .collect(),
            data: volumes(known, engagement, as_of),
            consents: consents(known, id),
            statements: statements(case, known, id),
            other_names: self.names.iter().filter(|name| name.engagement_id == id).map(Into::into).collect(),
            children,
        }
    }
}

/// The first day on which an engagement itself was applied for, consented to or said to be used by a source that `counts`;
/// what is told ahead counts from the day on which it was told. The prime is there with its contract.
pub(super) fn since(
    app: &App,
    known: &Known<'_>,
    engagement: &Engagement,
    counts: impl Fn(Source) -> bool,
) -> NaiveDate {
    let (id, day_of) = (engagement.id, |at| app.sources.clock.day_of(at));
    if let Some(terms) = known.terms().filter(|_| engagement.tier == 1) {
        return terms.signed_on.min(terms.starts_on);
    }
    let filed = known.applications(id).iter().map(|filed| filed.application.filed_on);
    let consented = known.consents(id).iter().map(|held| held.consent.decided_on);
    let said = known.statements(id).iter().filter(|said| counts(said.source));
    let used = said.map(|said| said.started_on.min(day_of(said.stamp.at)));
    filed.chain(consented).chain(used).min().unwrap_or_else(|| day_of(engagement.stamp.at))
}

impl From<&Vendor> for VendorView {
    fn from(vendor: &Vendor) -> Self {
        let Vendor { id, name, corporate_number, country } = vendor.clone();
        Self { id, name, corporate_number, country }
    }
}

impl From<&EngagementNameRow> for OtherNameView {
    fn from(row: &EngagementNameRow) -> Self {
        Self {
            name: row.name.clone(),
            named_in: row.named_in.to_string(),
            likeness: row.likeness.to_string(),
            known_since: row.recorded_at.and_utc(),
        }
    }
}

/// What the engagement may hold on a day: the contract's volumes for the prime, below those of the consent that holds on
/// it, else of the last one decided by then, else what was last stated.
fn volumes(known: &Known<'_>, engagement: &Engagement, as_of: NaiveDate) -> Vec<DataVolumeView> {
    let consents = known.consents(engagement.id);
    let holding = consents.iter().rfind(|held| held.valid.is_some_and(|days| days.contains(as_of)));
    let decided = || consents.iter().rfind(|held| held.consent.decided_on <= as_of);
    let consented = holding.or_else(decided).map(|held| held.consent.data.as_slice());
    let statements = known.statements(engagement.id);
    let stated = statements.iter().max_by_key(|said| (said.started_on <= as_of, said.stamp));
    let stated = stated.map(|said| said.data.as_slice());
    let data = if engagement.tier == 1 {
        known.terms_on(as_of).map(|terms| terms.data.as_slice())
    } else {
        consented.filter(|data| !data.is_empty()).or(stated)
    };
    data.unwrap_or_default().iter().map(Into::into).collect()
}

fn consents(known: &Known<'_>, id: EngagementId) -> Vec<ConsentView> {
    known
        .consents(id)
        .iter()
        .map(|held| ConsentView {
            id: held.consent.id,
            decided_on: held.consent.decided_on,
            valid_from: held.consent.valid_from,
            valid_until: held.ends_on,
            recorded: held.consent.application_id.is_none(),
            revoked_from: held.revoked_from.filter(|_| held.revoked),
            known_since: held.consent.stamp.at,
        })
        .collect()
}

fn statements(case: &Case, known: &Known<'_>, id: EngagementId) -> Vec<StatementView> {
    known
        .statements(id)
        .iter()
        .filter(|s| case.may_see(s.source))
        .map(|s| StatementView {
            source: db::facts::source_word(s.source).to_owned(),
            organization_id: match s.source {
                Source::Declared(organization) => Some(organization),
                Source::Audit | Source::ThirdParty | Source::Other => None,
            },
            started_on: s.started_on,
            ended_on: s.ended_on,
            known_since: s.stamp.at,
        })
        .collect()
}
