//! Alerts: evaluated in the transaction of every act on a contract and by the daily sweep, told to people, taken
//! up, measured and assessed by them.

mod act;
mod event;
mod history;
mod place;
mod telling;
mod vendor;
mod view;

use chrono::NaiveDate;

pub use act::{
    Acknowledge, Acknowledged, Assess, MOST_AT_ONCE, Resolve, acknowledge, acknowledge_all,
    acknowledge_matching, assess, open_matching, resolve,
};
pub(super) use event::organization_chain;
pub use event::{address_corrected, notice_failed, notice_sent, on_agency, title as notice_title};
pub use history::{AlertEvent, AlertHappening, history};
pub use place::{address as place_of, place};
pub(super) use telling::officers;
pub use vendor::{VendorChange, VendorChangeKind, name_recorded, vendor_changed, vendors_changed};
pub(super) use vendor::{tell_closed, tell_named_otherwise};
pub use view::{AlertView, Untold, count, find, list};

pub use crate::db::alert::{AlertFilter, AlertOrder};

use super::Failure;
use crate::db::alert::{AlertRow, NewAlert};
use crate::db::facts::ContractFacts;
use crate::db::{self, Tx};
use crate::domain::alert::{
    AlertFact, AlertKind, AlertState, Change, Context, Facts, Finding, evaluate, settle,
};
use crate::domain::contract::DataCategory;
use crate::domain::deadline::{Deadline, deadlines};
use crate::domain::id::{AlertId, ContractId, EngagementId, OrganizationId};
use crate::domain::settings::Settings;
use crate::ledger::entry::{salt_hash, salted};
use telling::{Concerning, Telling};

/// What an evaluation changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evaluated {
    pub opened: usize,
    pub resolved: usize,
    /// Further steps told of alerts that stood already.
    pub reminders: usize,
}

/// Brings a contract's alerts, its due day and the outbox to what the rules say of it on `tx.today`.
pub fn reevaluate(tx: &mut Tx<'_>, contract_id: ContractId) -> Result<(), Failure> {
    let voided_on = bring_contract_up_to_date(tx, contract_id)?.1;
    super::contract::refuse_voided(voided_on)
}

/// As [`reevaluate`], telling what changed; of a contract whose registration was taken back, nothing.
pub fn evaluate_contract(tx: &mut Tx<'_>, contract_id: ContractId) -> Result<Evaluated, Failure> {
    Ok(bring_contract_up_to_date(tx, contract_id)?.0)
}

/// Answers also with the day on which its registration was taken back.
fn bring_contract_up_to_date(
    tx: &mut Tx<'_>,
    contract_id: ContractId,
) -> Result<(Evaluated, Option<NaiveDate>), Failure> {
    // On the day on which other terms or another officer begin, the projection has to follow.
    let due = db::due::check_on(tx.conn, db::due::CONTRACT, contract_id)?;
    if due.is_some_and(|day| day <= tx.today)
        && let Some(version) = db::contract::reproject(tx.conn, contract_id, tx.today, false)?
    {
        let payload = serde_json::json!({ "version": version });
        by_the_program(tx, |tx| Ok(tx.record("contract.projected", contract_id, &payload)?))?;
    }
    let facts = db::facts::load(tx.conn, contract_id)?;
    if facts.voided_on.is_some() {
        return Ok((Evaluated::default(), facts.voided_on));
    }
    let rows = db::alert::of_contract(tx.conn, contract_id)?;
    let handovers = db::contract::handovers(tx.conn, contract_id)?;
    let handover = handovers.iter().map(|handover| handover.starts_on).filter(|day| *day > tx.today).min();
    let (evaluated, next, deadlines) = bring_up_to_date(tx, &facts, rows, handover)?;
    db::deadline::settle(tx, contract_id, facts.agency_id, &deadlines)?;
    db::due::set(tx.conn, db::due::CONTRACT, contract_id, facts.agency_id, next)?;
    Ok((evaluated, None))
}

/// The first evaluation of a contract, whose facts the caller has just written: nothing needs to be read again.
pub fn evaluate_new(tx: &mut Tx<'_>, facts: &ContractFacts) -> Result<(), Failure> {
    let (_, next, deadlines) = bring_up_to_date(tx, facts, Vec::new(), None)?;
    db::deadline::insert_all(tx, facts.chain.contract_id, facts.agency_id, &deadlines)?;
    if let Some(next) = next {
        db::due::insert(tx.conn, db::due::CONTRACT, facts.chain.contract_id, facts.agency_id, next)?;
    }
    Ok(())
}

/// `rows`: every alert the contract has; `handover`: the first day after today on which another officer begins.
/// Answers also with the next day on which to look at the contract, and with what somebody has to do on it by a day.
fn bring_up_to_date(
    tx: &mut Tx<'_>,
    facts: &ContractFacts,
    rows: Vec<AlertRow>,
    handover: Option<NaiveDate>,
) -> Result<(Evaluated, Option<NaiveDate>, Vec<Deadline>), Failure> {
    // Of others the register can tell nothing.
    if facts.chain.engagements.iter().any(|engagement| engagement.vendor.corporate_number.is_some()) {
        tell_closed(tx, facts.agency_id, facts.chain.contract_id)?;
    }
    db::setting::hold(tx.conn, facts.agency_id)?;
    let settings = db::setting::find(tx.conn, facts.agency_id)?.0;
    let calendar = db::calendar::calendar(tx.conn, &settings.closed_days)?;
    let existing = rows.iter().map(AlertRow::fact).collect::<Result<Vec<AlertFact>, _>>()?;
    let timezone = tx.sources.clock.timezone();
    let ctx = Context { today: tx.today, calendar: &calendar, settings: &settings, timezone };
    let verdict = evaluate(&known(facts), &existing, &ctx);
    let deadlines = deadlines(&known(facts), &ctx);
    let next = [verdict.next_check, handover].into_iter().flatten().min();
    let changes = settle(&existing, verdict);

    let evaluated =
        by_the_program(tx, |tx| Applying { facts, settings: &settings, rows }.apply(tx, changes))?;
    Ok((evaluated, next, deadlines))
}

fn known(facts: &ContractFacts) -> Facts<'_> {
    Facts {
        chain: &facts.chain,
        declarations: &facts.declarations,
        audits: &facts.audits,
        learned_on: facts.learned_on,
    }
}

/// Reckons anew by when an agency's applications should be decided, in the transaction that changes the days by which it
/// is reckoned: what lists say of them does not wait for the sweep.
pub fn renew_deadlines(tx: &mut Tx<'_>, agency: OrganizationId) -> Result<(), Failure> {
    let settings = db::setting::find(tx.conn, agency)?.0;
    let calendar = db::calendar::calendar(tx.conn, &settings.closed_days)?;
    for contract in db::deadline::contracts_with_applications(tx.conn, agency)? {
        let facts = db::facts::load(tx.conn, contract)?;
        let timezone = tx.sources.clock.timezone();
        let ctx = Context { today: tx.today, calendar: &calendar, settings: &settings, timezone };
        db::deadline::settle(tx, contract, agency, &deadlines(&known(&facts), &ctx))?;
    }
    Ok(db::deadline::set_grace(tx.conn, agency, settings.declaration_grace_days)?)
}

/// Entries written inside are the program's own, whoever's act brought them about.
fn by_the_program<T>(
    tx: &mut Tx<'_>,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let author = tx.author.take();
    let answer = work(tx);
    tx.author = author;
    answer
}

/// The rule's version on the day; rules know every kind that is raised.
fn rule_version(kind: AlertKind, today: NaiveDate) -> i32 {
    kind.rule().and_then(|rule| rule.on(today)).map_or(1, |version| version.version)
}

/// Whether any of the contract's terms speak of マイナンバー.
fn has_my_number(facts: &ContractFacts) -> bool {
    let terms = facts.chain.terms.iter().map(|fact| &fact.terms);
    terms.flat_map(|terms| &terms.data).any(|data| data.category == DataCategory::MyNumber)
}

/// The words of an alert in the ledger. Its message may name a person, so it stands there as a hash.
#[derive(serde::Serialize)]
struct Recorded<'a> {
    kind: AlertKind,
    subject: &'a str,
    severity: crate::domain::alert::Severity,
    cause: Option<crate::domain::chain::Cause>,
    due_on: Option<NaiveDate>,
    days: &'a crate::domain::days::DaySet,
    engagement_id: Option<crate::domain::id::EngagementId>,
    vendor_id: Option<crate::domain::id::OrganizationId>,
    rule_version: i32,
    message_hash: String,
    /// The step told with it, and the hash of what goes before the message where it is hashed: said when it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt_hash: Option<String>,
}

impl<'a> Recorded<'a> {
    fn of(found: &'a Finding, rule_version: i32, salt: &str) -> Self {
        Self {
            kind: found.kind,
            subject: &found.subject,
            severity: found.severity,
            cause: found.cause,
            due_on: found.due_on,
            days: &found.days,
            engagement_id: found.engagement_id,
            vendor_id: found.vendor_id,
            rule_version,
            message_hash: salted(salt, &found.message),
            step: None,
            salt_hash: None,
        }
    }

    fn opening(found: &'a Finding, rule_version: i32, salt: &str) -> Self {
        let (step, salt_hash) = (Some(found.step.to_string()), Some(salt_hash(salt)));
        Self { step, salt_hash, ..Self::of(found, rule_version, salt) }
    }
}

/// Writes an alert and its entry; what is told of it is the caller's.
fn open(
    tx: &mut Tx<'_>,
    agency_id: crate::domain::id::OrganizationId,
    contract_id: Option<ContractId>,
    finding: &Finding,
) -> Result<AlertId, Failure> {
    let id = tx.new_id();
    let rule_version = rule_version(finding.kind, tx.today);
    let salt = tx.sources.token();
    let recorded = tx.record("alert.opened", id, &Recorded::opening(finding, rule_version, &salt))?;
    let (opened_on, opened_at) = (tx.today, recorded.stamp.at);
    db::alert::insert(
        tx.conn,
        &NewAlert { id, agency_id, contract_id, finding, salt: &salt, rule_version, opened_on, opened_at },
    )?;
    Ok(id)
}

/// Ends an alert, with its entry.
fn close(tx: &mut Tx<'_>, id: AlertId, reason: &str) -> Result<(), Failure> {
    let recorded = tx.record("alert.resolved", id, &serde_json::json!({ "reason": reason }))?;
    Ok(db::alert::resolve(tx.conn, id, reason, tx.today, recorded.stamp.at)?)
}

/// Ends every alert of a contract that stands, in the program's own name.
pub fn end_all(tx: &mut Tx<'_>, contract: ContractId, reason: &str) -> Result<(), Failure> {
    let rows = db::alert::of_contract(tx.conn, contract)?;
    by_the_program(tx, |tx| {
        let standing = rows.iter().filter(|row| row.state != AlertState::Resolved);
        standing.map(|row| row.id).try_for_each(|id| close(tx, id, reason))
    })
}

/// Ends the alerts about a place that is no more, since it is one with another: what they say is said of the other.
pub(super) fn close_of_place(
    tx: &mut Tx<'_>,
    contract: ContractId,
    place: EngagementId,
    reason: &str,
) -> Result<(), Failure> {
    for alert in db::alert::unresolved_of_place(tx.conn, contract, place)? {
        close(tx, alert, reason)?;
    }
    Ok(())
}

/// The changes of one contract's alerts being applied.
struct Applying<'a> {
    facts: &'a ContractFacts,
    settings: &'a Settings,
    rows: Vec<AlertRow>,
}

impl Applying<'_> {
    fn apply(mut self, tx: &mut Tx<'_>, changes: Vec<Change>) -> Result<Evaluated, Failure> {
        let unresolved = self.rows.iter().filter(|row| row.state != AlertState::Resolved).count();
        let mut done = Evaluated::default();
        let mut telling = Telling::new(self.facts, self.settings, has_my_number(self.facts));
        for change in changes {
            match change {
                Change::Open(finding) => {
                    let id = open(tx, self.facts.agency_id, Some(self.facts.chain.contract_id), &finding)?;
                    let about = Concerning::finding(id, &finding);
                    telling.tell(tx, &about, finding.step, &finding.audience, finding.urgent)?;
                    done.opened += 1;
                }
                Change::Update { id, finding } => self.update(tx, id, &finding)?,
                Change::Resolve { id, reason } => {
                    close(tx, id, &reason)?;
                    done.resolved += 1;
                }
                Change::Remind { id, step, audience, urgent } => {
                    let row = self.rows.iter().find(|row| row.id == id).ok_or_else(|| unknown(id))?;
                    telling.tell(tx, &Concerning::row(row), step, &audience, urgent)?;
                    tx.record("alert.told", id, &serde_json::json!({ "step": step.to_string() }))?;
                    db::alert::set_step(tx.conn, id, step)?;
                    done.reminders += 1;
                }
            }
        }
        let count = (unresolved + done.opened).saturating_sub(done.resolved);
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        db::alert::set_open_count(tx.conn, self.facts.chain.contract_id, count)?;
        Ok(done)
    }

    /// The ledger hears of it under another name where it weighs otherwise, not only of further days or in other words.
    fn update(&mut self, tx: &mut Tx<'_>, id: AlertId, finding: &Finding) -> Result<(), Failure> {
        let row = self.rows.iter_mut().find(|row| row.id == id).ok_or_else(|| unknown(id))?;
        let rule_version = rule_version(finding.kind, tx.today);
        let salt = row.salt.as_deref().unwrap_or_default();
        let said = Recorded::of(finding, rule_version, salt);
        let weighs_otherwise = row.severity != finding.severity || row.cause != finding.cause;
        tx.record(if weighs_otherwise { "alert.updated" } else { "alert.restated" }, id, &said)?;
        db::alert::update(tx.conn, id, finding, rule_version)?;
        // A reminder that follows speaks of the alert as it is now.
        row.severity = finding.severity;
        row.cause = finding.cause;
        row.due_on = finding.due_on;
        row.message.clone_from(&finding.message);
        Ok(())
    }
}

fn unknown(id: AlertId) -> Failure {
    Failure::Internal(format!("a change of alert {id}, which was not loaded"))
}
