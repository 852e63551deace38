//! One engagement's own facts, folded: consents after supersession and revocation, applications with their
//! decision, statements in force.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use super::{
    Application, ApplicationEvent, ApplicationStep, Asked, Consent, NodeState, Revocation, Source, Statement,
    StatementOrigin,
};
use crate::domain::contract::Stamp;
use crate::domain::days::{DayRange, day_before};

/// A consent as it holds after the supersessions and revocations that followed it.
#[derive(Debug, Clone)]
pub struct HeldConsent<'a> {
    pub consent: &'a Consent,
    /// The days on which it holds. None: none is left.
    pub valid: Option<DayRange>,
    /// The last day after every cut; it lies before `valid_from` when no day is left.
    pub ends_on: NaiveDate,
    /// The earliest `effective_on` of the revocations decided after it, whether or not it took a day.
    pub revoked_from: Option<NaiveDate>,
    /// A revocation made its end: without one it would have held longer.
    pub revoked: bool,
}

impl HeldConsent<'_> {
    /// The days as given, before any cut.
    pub fn original(&self) -> Option<DayRange> {
        DayRange::new(self.consent.valid_from, self.consent.valid_until)
    }

    /// Its end as the cause `expired` counts it: one cut away before it began ends where it would have begun.
    pub(super) fn over_after(&self) -> NaiveDate {
        self.ends_on.max(day_before(self.consent.valid_from))
    }

    /// The days that a revocation took from it or from what had followed it.
    pub(super) fn revoked_days(&self) -> Option<DayRange> {
        DayRange::new(self.consent.valid_from.max(self.revoked_from?), self.consent.valid_until)
    }
}

/// An application as known: what it says, and what was decided of it.
#[derive(Debug, Clone)]
pub struct FiledApplication<'a> {
    pub application: &'a Application,
    /// As last corrected by then.
    pub asked: Asked,
    /// The step that closed it: consented, refused or withdrawn. None: pending, 補正 included.
    pub closed: Option<&'a ApplicationEvent>,
}

impl FiledApplication<'_> {
    pub fn is_pending(&self) -> bool {
        self.closed.is_none()
    }

    /// When the agency consented or refused.
    fn decided(&self) -> Option<(Stamp, ApplicationStep)> {
        let closed = self.closed?;
        (closed.step != ApplicationStep::Withdrawn).then_some((closed.stamp, closed.step))
    }
}

/// What is known of one engagement itself, apart from its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Own<'a> {
    /// By stamp.
    pub consents: Vec<HeldConsent<'a>>,
    /// By stamp.
    pub applications: Vec<FiledApplication<'a>>,
    /// In force: one for each source.
    pub statements: Vec<&'a Statement>,
}

impl<'a> Own<'a> {
    /// The last application that the agency consented to or refused.
    pub fn last_decided(&self) -> Option<&FiledApplication<'a>> {
        self.applications.iter().filter(|filed| filed.decided().is_some()).max_by_key(|filed| filed.decided())
    }

    /// The state of an engagement below tier 1 on a day: what was decided or filed after it is no part of it.
    pub fn state(&self, as_of: NaiveDate, last_day: Option<NaiveDate>) -> NodeState {
        let contract_ended = last_day.is_some_and(|last| as_of > last);
        let given = || {
            let by_then = |held: &&HeldConsent<'_>| held.consent.decided_on <= as_of;
            self.consents.iter().filter(by_then).filter(|held| held.original().is_some())
        };
        let Some(end) = given().map(|held| held.ends_on).max() else {
            return self.state_of_application(as_of);
        };
        if given().any(|held| held.valid.is_some_and(|valid| valid.to >= as_of)) {
            if contract_ended { NodeState::Ended } else { NodeState::Consented }
        } else if given().any(|held| held.revoked && held.ends_on == end) {
            NodeState::Revoked
        } else if contract_ended || self.use_ended_before(as_of) {
            NodeState::Ended
        } else {
            NodeState::Expired
        }
    }

    fn state_of_application(&self, as_of: NaiveDate) -> NodeState {
        let filed = self.applications.iter().rfind(|filed| filed.application.filed_on <= as_of);
        match filed.map(|filed| filed.closed.filter(|event| event.on <= as_of).map(|event| event.step)) {
            Some(None) => NodeState::Applied,
            Some(Some(ApplicationStep::Refused)) => NodeState::Refused,
            Some(Some(ApplicationStep::Withdrawn)) => NodeState::Withdrawn,
            _ => NodeState::Unapproved,
        }
    }

    /// Every source that speaks of it declared an end, and before that day.
    fn use_ended_before(&self, day: NaiveDate) -> bool {
        !self.statements.is_empty() && self.statements.iter().all(|s| s.ended_on.is_some_and(|end| end < day))
    }
}

/// One engagement's known facts as they came.
#[derive(Debug, Default)]
pub(super) struct Gathered<'a> {
    pub consents: Vec<&'a Consent>,
    pub revocations: Vec<&'a Revocation>,
    pub applications: Vec<FiledApplication<'a>>,
    pub statements: Vec<&'a Statement>,
}

impl<'a> Gathered<'a> {
    /// `retracted`: the latest retraction of each origin.
    pub fn fold(mut self, retracted: &HashMap<StatementOrigin, Stamp>) -> Own<'a> {
        self.applications.sort_by_key(|filed| filed.application.stamp);
        Own {
            consents: held(self.consents, self.revocations),
            applications: self.applications,
            statements: in_force(self.statements, retracted),
        }
    }
}

/// Goes from the last consent to the first, so that every cut by a later fact is already known.
fn held<'a>(mut consents: Vec<&'a Consent>, mut revocations: Vec<&'a Revocation>) -> Vec<HeldConsent<'a>> {
    consents.sort_by_key(|consent| consent.stamp);
    revocations.sort_by_key(|revocation| revocation.stamp);
    let first_of_all = revocations.iter().map(|revocation| revocation.effective_on).min();
    let mut later_revocations = revocations.into_iter().rev().peekable();
    let (mut revoked_from, mut superseded_from) = (None, None);
    let mut held = Vec::with_capacity(consents.len());
    for consent in consents.into_iter().rev() {
        while let Some(later) = later_revocations.next_if(|r| r.stamp.seq > consent.stamp.seq) {
            revoked_from = Some(earliest(revoked_from, later.effective_on));
        }
        // 既承認 was decided before the contract was registered here, so before any revocation, whenever entered.
        let revoked_from = if consent.application_id.is_none() { first_of_all } else { revoked_from };
        let given =
            superseded_from.map_or(consent.valid_until, |day| consent.valid_until.min(day_before(day)));
        let cut = revoked_from.map(day_before).filter(|last| *last < given);
        let ends_on = cut.unwrap_or(given);
        held.push(HeldConsent {
            consent,
            valid: DayRange::new(consent.valid_from, ends_on),
            ends_on,
            revoked_from,
            revoked: cut.is_some(),
        });
        if consent.supersedes {
            superseded_from = Some(earliest(superseded_from, consent.valid_from));
        }
    }
    held.reverse();
    held
}

fn earliest(so_far: Option<NaiveDate>, day: NaiveDate) -> NaiveDate {
    so_far.map_or(day, |earlier| earlier.min(day))
}

/// For each source its latest statement that was not retracted after it was made.
fn in_force<'a>(
    statements: Vec<&'a Statement>,
    retracted: &HashMap<StatementOrigin, Stamp>,
) -> Vec<&'a Statement> {
    let mut latest: BTreeMap<Source, &'a Statement> = BTreeMap::new();
    for statement in statements {
        if retracted.get(&statement.origin).is_some_and(|retraction| *retraction > statement.stamp) {
            continue;
        }
        let standing = latest.entry(statement.source).or_insert(statement);
        if statement.stamp >= standing.stamp {
            *standing = statement;
        }
    }
    latest.into_values().collect()
}
