//! 再委託承認申請: filed by a vendor, reviewed by an officer, sent back and corrected, decided by an approver,
//! withdrawn. Nothing decided is edited: a change is a superseding application.

mod ahead;
mod blanks;
pub mod briefing;
mod decide;
mod file;
mod review;
mod warnings;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::case::Case;
use super::contract::NarrowQuery;
use super::page::{Total, keyed, unknown_cursor};
use super::{App, Call, Failure, Page, Paged};
use crate::db::chain::{ApplicationRow, QueueFilter, QueueOrder, StepRow};
use crate::db::tx::Recorded;
use crate::db::types::from_json;
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::access::Scope;
pub use crate::domain::chain::{ApplicationStanding, ApplicationState};
use crate::domain::chain::{ApplicationStep, Known};
use crate::domain::deadline::DeadlineKind;
use crate::domain::id::{ApplicationId, ContractId, EngagementId, OrganizationId, UserId};
use crate::notice::context::{ApplicationRef, ContractRef, Day};
use crate::text_enum;

pub use ahead::{Ahead, abroad, ahead, bars};
pub use blanks::{demanded, refuse_blanks};
pub use decide::{Decision, DecisionInput, WithdrawInput, decide, withdraw};
pub(super) use file::breaches;
pub use file::{ApplicationInput, CorrectionInput, OVERSEAS, file, resubmit};
pub use review::{ReturnInput, ReviewInput, SendBackInput, ask_correction, review, send_back};

/// An application as shown. The review is the agency's own.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApplicationView {
    pub id: ApplicationId,
    /// 申請番号, as people name it to one another: the day of filing and six letters of the identifier.
    pub number: String,
    pub contract_id: ContractId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contract_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contract_title: Option<String>,
    /// 委託元; in the queue of an overseer, who sees those of all agencies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agency_name: Option<String>,
    pub engagement_id: EngagementId,
    /// Whom it is about, and on which tier; in the queue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vendor_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tier: Option<i32>,
    pub applicant_id: OrganizationId,
    pub state: ApplicationState,
    /// The state, with 決裁待ち beside 審査中; to a vendor, whom the review is not told, the state alone.
    pub standing: ApplicationStanding,
    pub supersedes: bool,
    pub filed_on: NaiveDate,
    pub filed_at: DateTime<Utc>,
    /// What was applied for, as last corrected by then.
    #[schema(value_type = Object)]
    pub content: Value,
    pub steps: Vec<StepView>,
    /// In the queue, while it waits: by when it should be decided, or corrected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_on: Option<NaiveDate>,
    pub version: i64,
}

/// A step of an application.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepView {
    pub step: ApplicationStep,
    pub on: NaiveDate,
    pub at: DateTime<Utc>,
    /// Who; shown to the agency's side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// 代理: it was decided in an approver's place.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub deputy: bool,
    /// In whose; shown to the agency's side.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub deputy_for: Vec<UserId>,
    #[schema(value_type = Object)]
    pub content: Value,
}

#[expect(clippy::needless_pass_by_value, reason = "the row becomes the view")]
fn step_view(step: StepRow, agency_side: bool) -> Result<StepView, Failure> {
    let mut content: Value = from_json(&step.body)?;
    let deputy_for: Vec<UserId> = content
        .as_object_mut()
        .and_then(|said| said.remove("deputy_for"))
        .and_then(|ids| serde_json::from_value(ids).ok())
        .unwrap_or_default();
    Ok(StepView {
        deputy: !deputy_for.is_empty(),
        deputy_for: if agency_side { deputy_for } else { Vec::new() },
        step: step.step,
        on: step.on_day,
        at: step.recorded_at.and_utc(),
        by: agency_side.then_some(step.by_user),
        content,
    })
}

/// Applications of a contract that the caller may see, oldest first.
pub fn list(
    app: &App,
    call: &Call,
    contract: ContractId,
    page: &Page,
) -> Result<Paged<ApplicationView>, Failure> {
    let after = page.after.as_deref().map(str::parse).transpose().map_err(|_| unknown_cursor())?;
    let (case, rows) = app.db.read::<_, Failure>(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        let places = case.places_in_sight();
        let rows = db::chain::applications_of(conn, contract, places.as_deref(), after, page.rows())?;
        Ok((case, rows))
    })?;
    let page = Paged::cut(page, rows, |(row, _)| row.seq.to_string(), |row| row);
    let show = |(row, steps)| Filed::new(row, steps).show(case.is_agency_side());
    let items = page.items.into_iter().map(show).collect::<Result<_, Failure>>()?;
    Ok(Paged { items, next_cursor: page.next_cursor })
}

text_enum! {
    /// In which order the queue is.
    #[derive(Default)]
    pub enum QueueSort {
        /// The newest first.
        #[default]
        Newest = "newest",
        /// Those that wait, by the day by which they should be decided or corrected.
        Due = "due",
    }
}

/// Which applications, as asked.
#[derive(Debug, Clone, Default)]
pub struct QueueQuery {
    pub state: Option<ApplicationState>,
    /// Whether it was reviewed; for the agency's side only.
    pub reviewed: Option<bool>,
    pub narrow: NarrowQuery,
    pub sort: QueueSort,
}

impl QueueQuery {
    fn filter(&self, call: &Call) -> QueueFilter {
        let agency_side = !matches!(call.scope(), Scope::Vendor(_));
        QueueFilter {
            state: self.state,
            // Whether it was reviewed is the agency's own.
            reviewed: self.reviewed.filter(|_| agency_side),
            narrow: self.narrow.of(call),
        }
    }
}

/// How many applications that is in all.
pub fn count(app: &App, call: &Call, query: &QueueQuery) -> Result<Total, Failure> {
    let (scope, filter, waiting) = (call.scope(), query.filter(call), query.sort == QueueSort::Due);
    let count = |conn: &mut Conn| db::chain::count_queue(conn, &scope, &filter, waiting, Total::BOUND);
    Ok(Total::of(app.db.read_one::<_, DbError>(count)?))
}

/// The queue across contracts: the agency's, or what a vendor filed. A cursor of the other order is refused.
pub fn queue(
    app: &App,
    call: &Call,
    query: &QueueQuery,
    page: &Page,
) -> Result<Paged<ApplicationView>, Failure> {
    let (scope, filter) = (call.scope(), query.filter(call));
    let agency_side = !matches!(scope, Scope::Vendor(_));
    let order = match query.sort {
        QueueSort::Newest => QueueOrder::Newest { after: page.after_id()? },
        QueueSort::Due => QueueOrder::Due { after: page.after_keyed()? },
    };
    let (rows, labels, places, due, agencies) = app.db.read::<_, Failure>(|conn| {
        let rows = db::chain::queue(conn, &scope, &filter, order, page.rows())?;
        let contracts: Vec<ContractId> = rows.iter().map(|(row, _)| row.contract_id).collect();
        let places: Vec<EngagementId> = rows.iter().map(|(row, _)| row.engagement_id).collect();
        let ids: Vec<ApplicationId> = rows.iter().map(|(row, _)| row.id).collect();
        let due = db::deadline::of_applications(conn, &ids)?;
        let agencies: Vec<OrganizationId> = rows.iter().map(|(row, _)| row.agency_id).collect();
        let agencies = db::organization::names_for_overseer(conn, &scope, &agencies)?;
        Ok((rows, db::contract::labels(conn, &contracts)?, db::chain::places(conn, &places)?, due, agencies))
    })?;
    let views = rows
        .into_iter()
        .map(|(row, steps)| {
            let (number, title) = labels.get(&row.contract_id).cloned().unzip();
            // By when the agency should decide is its own; by when to correct, the applicant's.
            let due = due.get(&row.id).filter(|due| agency_side || due.kind == DeadlineKind::Correction);
            let due_on = due.map(|due| due.due_on);
            let (vendor_name, tier) = places.get(&row.engagement_id).cloned().unzip();
            let agency_name = agencies.get(&row.agency_id).cloned();
            Ok(ApplicationView {
                contract_number: number,
                contract_title: title,
                agency_name,
                vendor_name,
                tier,
                due_on,
                ..Filed::new(row, steps).show(agency_side)?
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let key = |view: &ApplicationView| match (query.sort, view.due_on) {
        (QueueSort::Due, Some(day)) => keyed(day, view.id),
        _ => view.id.to_string(),
    };
    Ok(Paged::cut(page, views, key, |view| view))
}

/// One application, if the caller may know of it, by what was known at `known_at` (default now).
pub fn get(
    app: &App,
    call: &Call,
    id: ApplicationId,
    known_at: Option<DateTime<Utc>>,
) -> Result<ApplicationView, Failure> {
    app.db.read(|conn| {
        let contract = db::chain::contract_of_application(conn, id)?;
        let case = Case::open(conn, call.scope(), contract)?;
        let (row, steps) = find_row(conn, &case, id)?;
        let filed = match known_at {
            Some(at) => Filed::known(row, steps, at).ok_or(Failure::NotFound)?,
            None => Filed::new(row, steps),
        };
        filed.show(case.is_agency_side())
    })
}

/// An application with its steps; the row's body is what the last 補正 among them says.
struct Filed {
    row: ApplicationRow,
    steps: Vec<StepRow>,
}

impl Filed {
    /// From the row and all its steps, in their order.
    fn new(mut row: ApplicationRow, steps: Vec<StepRow>) -> Self {
        if let Some(corrected) = steps.iter().rfind(|s| s.step == ApplicationStep::Resubmitted) {
            row.body.clone_from(&corrected.body);
        }
        Self { row, steps }
    }

    /// As the ledger knew it at an instant, inclusive; None: not filed by then.
    fn known(mut row: ApplicationRow, mut steps: Vec<StepRow>, at: DateTime<Utc>) -> Option<Self> {
        let all = steps.len();
        steps.retain(|step| step.recorded_at.and_utc() <= at);
        let state = steps.last().map_or(ApplicationState::Applied, |step| ApplicationState::after(step.step));
        state.as_str().clone_into(&mut row.state);
        // Each step raised it by one.
        row.version -= i64::try_from(all - steps.len()).unwrap_or(0);
        (row.recorded_at.and_utc() <= at).then(|| Self::new(row, steps))
    }

    fn state(&self) -> Result<ApplicationState, Failure> {
        self.row.state.parse().map_err(Failure::Internal)
    }

    /// The review, and what is asked of it, is the agency's own.
    fn show(self, agency_side: bool) -> Result<ApplicationView, Failure> {
        let state = self.state()?;
        let standing = ApplicationStanding::of(state, agency_side && !self.reviewers().is_empty());
        let Self { row, steps } = self;
        let own = [ApplicationStep::Reviewed, ApplicationStep::SentBack];
        let shown = steps.into_iter().filter(|s| agency_side || !own.contains(&s.step));
        let steps = shown.map(|s| step_view(s, agency_side)).collect::<Result<_, Failure>>()?;
        Ok(ApplicationView {
            id: row.id,
            number: number(row.id, row.filed_on),
            contract_id: row.contract_id,
            contract_number: None,
            contract_title: None,
            agency_name: None,
            engagement_id: row.engagement_id,
            vendor_name: None,
            tier: None,
            applicant_id: row.applicant_id,
            state,
            standing,
            supersedes: row.supersedes,
            filed_on: row.filed_on,
            filed_at: row.recorded_at.and_utc(),
            content: from_json(&row.body)?,
            steps,
            due_on: None,
            version: row.version,
        })
    }

    /// Who reviewed it since the last correction or 差戻し.
    fn reviewers(&self) -> Vec<UserId> {
        let anew = [ApplicationStep::Resubmitted, ApplicationStep::SentBack];
        let from = self.steps.iter().rposition(|s| anew.contains(&s.step)).map_or(0, |at| at + 1);
        let since = self.steps.iter().skip(from);
        since.filter(|s| s.step == ApplicationStep::Reviewed).map(|s| s.by_user).collect()
    }

    /// How often a step was taken.
    fn times(&self, step: ApplicationStep) -> usize {
        self.steps.iter().filter(|taken| taken.step == step).count()
    }

    /// Whether a person reviewed it at any time or filed it.
    fn is_handled_by(&self, user: UserId) -> bool {
        self.row.applied_by == user
            || self.steps.iter().any(|s| s.step == ApplicationStep::Reviewed && s.by_user == user)
    }

    /// Writes a step and the state it leads to.
    fn step(
        &self,
        tx: &mut Tx<'_>,
        step: ApplicationStep,
        said: &impl Serialize,
        recorded: &Recorded,
    ) -> Result<(), Failure> {
        Ok(db::chain::add_step(tx, &self.row, step, said, recorded)?)
    }

    /// Whoever acts has looked at it as it stands. Not by `If-Match`, which is of changes (PATCH), required there and
    /// answered by 412: these are acts (POST), whose caller may leave it out, and who was not the first has lost a race
    /// (409). What was seen is part of what is decided: it stands in the body, so that under one `Idempotency-Key`
    /// another version is another body. And it is kept through every showing of the form, where `_version` is that of
    /// the page as it is shown.
    fn must_be_as_seen(&self, version: Option<i64>) -> Result<(), Failure> {
        if version.is_none_or(|seen| seen == self.row.version) {
            return Ok(());
        }
        let message = "この申請には、画面を開いた後に、ほかの人の審査や補正が加わっています。最新の内容を確かめてから、もう一度送信してください。";
        Err(Failure::conflict("changed", message))
    }

    /// Open for review and decision.
    fn must_be_open(&self) -> Result<(), Failure> {
        match self.state()? {
            ApplicationState::Applied => Ok(()),
            ApplicationState::Returned => {
                Err(Failure::conflict("returned", "補正を依頼しています。補正が届いてから進めてください。"))
            }
            ApplicationState::Consented | ApplicationState::Refused => {
                Err(Failure::conflict("decided", "この申請は、すでに決裁されています。"))
            }
            ApplicationState::Withdrawn => {
                Err(Failure::conflict("withdrawn", "この申請は、取り下げられています。"))
            }
        }
    }
}

fn find(conn: &mut Conn, case: &Case, id: ApplicationId) -> Result<Filed, Failure> {
    let (row, steps) = find_row(conn, case, id)?;
    Ok(Filed::new(row, steps))
}

fn find_row(
    conn: &mut Conn,
    case: &Case,
    id: ApplicationId,
) -> Result<(ApplicationRow, Vec<StepRow>), Failure> {
    let (row, steps) = db::chain::find_application(conn, id)?;
    case.engagement(&case.facts.chain.now(), row.engagement_id)?;
    Ok((row, steps))
}

/// Acts on an application: opens the contract in the caller's scope, hands both over, shows what became of it.
fn act(
    app: &App,
    call: &Call,
    id: ApplicationId,
    work: impl Fn(&mut Tx<'_>, &Case, &Filed) -> Result<(), Failure>,
) -> Result<ApplicationView, Failure> {
    let contract = app.db.read_one::<_, DbError>(|conn| db::chain::contract_of_application(conn, id))?;
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        let filed = find(tx.conn, &case, id)?;
        work(tx, &case, &filed)?;
        find(tx.conn, &case, id)?.show(case.is_agency_side())
    })
}

/// What every mail about an application says of it.
fn mail_reference(
    app: &App,
    tx: &mut Tx<'_>,
    case: &Case,
    known: &Known<'_>,
    row: &ApplicationRow,
    vendor: &str,
    tier: i32,
) -> Result<ApplicationRef, Failure> {
    let content: file::Content = from_json(&row.body)?;
    let applicant = known
        .engagements()
        .find(|e| e.vendor.id == row.applicant_id)
        .map(|e| e.vendor.name.clone())
        .unwrap_or_default();
    let (settings, _) = db::setting::find(tx.conn, case.facts.agency_id)?;
    Ok(ApplicationRef {
        agency: case.facts.agency_name.clone(),
        contract: contract_reference(case),
        consent_word: settings.in_own_words("承認"),
        applicant,
        vendor: vendor.to_owned(),
        tier_word: tier_word(tier),
        starts: Day::of(content.starts_on),
        ends: Day::of(content.ends_on),
        link: format!("{}/applications/{}", app.config.server.public_url, row.id),
    })
}

/// 申請番号. It counts nothing: whoever has one learns nothing of how many others there are.
fn number(id: ApplicationId, filed_on: NaiveDate) -> String {
    /// Crockford's: no letter looks like a digit or another letter.
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let text = id.as_str();
    let tail = text.get(text.len().saturating_sub(8)..).unwrap_or_default();
    let bits = u32::from_str_radix(tail, 16).unwrap_or_default();
    let letter = |place: u32| {
        let at = usize::try_from((bits >> (5 * place)) & 31).unwrap_or_default();
        LETTERS.get(at).map_or('0', |letter| char::from(*letter))
    };
    let letters: String = (0..6).rev().map(letter).collect();
    format!("{}-{letters}", filed_on.format("%Y%m%d"))
}

/// 受付票 of an application: that its filing stands in the ledger, signed; for whoever may read it in full.
///
/// # Errors
/// `NotFound` for an application out of sight, and for one whose filing the caller does not read in full.
pub fn receipt(app: &App, call: &Call, id: ApplicationId) -> Result<super::ledger::ReceiptView, Failure> {
    get(app, call, id, None)?;
    let entry = app.db.read_one::<_, DbError>(|conn| db::ledger::filing(conn, id.cast()))?;
    super::ledger::receipt(app, call, entry)
}

/// The application that waits longest for the caller, but for one: for who decides, a reviewed one that is his to decide;
/// for who reviews, one that nobody has reviewed. None: nothing waits.
pub fn next(app: &App, call: &Call, but: ApplicationId) -> Result<Option<ApplicationView>, Failure> {
    use crate::domain::access::Permission;
    let decides = call.actor.may(Permission::DecideApplication);
    if !decides && !call.actor.may(Permission::ReviewApplication) {
        return Ok(None);
    }
    let user = call.actor.user_id;
    let found = app.db.read::<_, Failure>(|conn| {
        let waiting = db::chain::waiting(conn, &call.scope(), decides, NEXT_AMONG)?;
        let mut filed = waiting.into_iter().map(|(row, steps)| Filed::new(row, steps));
        Ok(filed.find(|it| it.row.id != but && (!decides || !it.is_handled_by(user))))
    })?;
    found.map(|filed| filed.show(true)).transpose()
}

/// So many that wait longest are looked through for one that is the caller's.
const NEXT_AMONG: i64 = 50;

/// By its number, as pages name it.
fn tier_word(tier: i32) -> String {
    format!("第{tier}層")
}

/// The contract as a mail names it.
pub fn contract_reference(case: &Case) -> ContractRef {
    ContractRef { number: case.facts.number.clone(), title: case.facts.title.clone() }
}
