//! Chains told act by act.

use super::*;

pub(super) fn id<T>(n: u128) -> Id<T> {
    Id::from_uuid(uuid::Uuid::from_u128(n))
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn range(from: &str, to: &str) -> DayRange {
    DayRange::new(day(from), day(to)).unwrap()
}

pub(super) fn running(from: &str) -> OpenRange {
    OpenRange { from: day(from), to: None }
}

pub(super) fn closed(from: &str, to: &str) -> OpenRange {
    OpenRange { from: day(from), to: Some(day(to)) }
}

pub(super) fn end_of_day(text: &str) -> Instant {
    day(text).and_hms_opt(23, 59, 59).unwrap().and_utc()
}

pub(super) fn terms(from: NaiveDate, to: NaiveDate, policy: Policy) -> Terms {
    Terms {
        title: "見本データ入力業務".into(),
        fiscal_year: 2026,
        amount_yen: 10_000_000,
        signed_on: from,
        starts_on: from,
        ends_on: to,
        scope: "入力".into(),
        data: vec![],
        subcontracting: Subcontracting {
            policy,
            max_tier: None,
            max_ratio_percent: None,
            overseas: Overseas::Prohibited,
            minor_limit_yen: (policy == Policy::MinorExempt).then_some(100),
        },
        declaration_interval: DeclarationInterval::None,
        return_due_days: 14,
        unit_price: None,
        department: None,
    }
}

pub(super) const A: u128 = 1;
pub(super) const B: u128 = 2;
pub(super) const C: u128 = 3;

pub(super) fn asked(starts_on: NaiveDate, ends_on: NaiveDate) -> Asked {
    Asked { starts_on, ends_on, amount_yen: 1 }
}

/// A chain told act by act, each with the next `seq`, at the instant last set.
pub(super) struct Story {
    pub(super) facts: ChainFacts,
    pub(super) seq: i64,
    pub(super) at: Instant,
}

impl Story {
    /// 2026-04-01…2027-03-31, A the prime.
    pub(super) fn new() -> Self {
        let mut story = Self::of(terms(day("2026-04-01"), day("2027-03-31"), Policy::ConsentRequired));
        story.engage(A, None);
        story
    }

    /// With B under A and C under B.
    pub(super) fn of_three() -> Self {
        let mut story = Self::new();
        story.engage(B, Some(A));
        story.engage(C, Some(B));
        story
    }

    pub(super) fn of(terms: Terms) -> Self {
        let at = terms.starts_on.and_hms_opt(9, 0, 0).unwrap().and_utc();
        let stamp = Stamp { seq: 1, at };
        let facts = ChainFacts {
            contract_id: id(9_000),
            agency_id: id(9_001),
            terms: vec![TermsFact { effective_on: terms.starts_on, terms, stamp }],
            terminations: vec![],
            engagements: vec![],
            applications: vec![],
            consents: vec![],
            revocations: vec![],
            statements: vec![],
            retractions: vec![],
            merges: vec![],
        };
        Self { facts, seq: 1, at }
    }

    pub(super) fn on(&mut self, text: &str) -> &mut Self {
        self.at = day(text).and_hms_opt(9, 0, 0).unwrap().and_utc();
        self
    }

    pub(super) fn stamp(&mut self) -> Stamp {
        self.seq += 1;
        Stamp { seq: self.seq, at: self.at }
    }

    pub(super) fn engage(&mut self, n: u128, parent: Option<u128>) {
        let above = |p| self.facts.engagements.iter().find(|e| e.id == id(p)).map_or(0, |e| e.tier);
        let tier = parent.map_or(0, above) + 1;
        let name = format!("見本事業者{n}");
        let vendor = Vendor { id: id(100 + n), name, corporate_number: None, country: "JP".into() };
        let stamp = self.stamp();
        self.facts.engagements.push(Engagement { id: id(n), parent_id: parent.map(id), vendor, tier, stamp });
    }

    pub(super) fn apply(&mut self, n: u128, from: NaiveDate, to: NaiveDate) -> usize {
        let (stamp, number) = (self.stamp(), 500 + self.facts.applications.len() as u128);
        let (engagement_id, applicant_id) = (id(n), id(100));
        let events = vec![];
        let (id, filed_on, asked) = (id(number), stamp.at.date_naive(), asked(from, to));
        let filed = Application { id, engagement_id, applicant_id, filed_on, asked, stamp, events };
        self.facts.applications.push(filed);
        self.facts.applications.len() - 1
    }

    pub(super) fn step(&mut self, application: usize, step: ApplicationStep) {
        let stamp = self.stamp();
        let on = stamp.at.date_naive();
        let event = ApplicationEvent { step, on, corrected: None, reply_by: None, stamp };
        self.facts.applications[application].events.push(event);
    }

    /// 補正: the application is for these days from now on.
    pub(super) fn correct(&mut self, application: usize, from: NaiveDate, to: NaiveDate) {
        self.step(application, ApplicationStep::Resubmitted);
        let event = self.facts.applications[application].events.last_mut().unwrap();
        event.corrected = Some(asked(from, to));
    }

    pub(super) fn consent_days(
        &mut self,
        n: u128,
        valid_from: NaiveDate,
        valid_until: NaiveDate,
        supersedes: bool,
    ) {
        let (stamp, number) = (self.stamp(), 700 + self.facts.consents.len() as u128);
        self.facts.consents.push(Consent {
            id: id(number),
            engagement_id: id(n),
            application_id: Some(id(number)),
            decided_on: stamp.at.date_naive(),
            valid_from,
            valid_until,
            supersedes,
            amount_yen: 1,
            country: "JP".into(),
            data: vec![],
            stamp,
        });
    }

    pub(super) fn consent(&mut self, n: u128, from: &str, until: &str) {
        self.consent_days(n, day(from), day(until), false);
    }

    pub(super) fn revoke(&mut self, n: u128, effective_on: &str) {
        let stamp = self.stamp();
        self.facts.revocations.push(Revocation {
            engagement_id: id(n),
            effective_on: day(effective_on),
            stamp,
        });
    }

    pub(super) fn state(
        &mut self,
        n: u128,
        source: Source,
        origin: StatementOrigin,
        started: NaiveDate,
        ended: Option<NaiveDate>,
    ) {
        let stamp = self.stamp();
        self.facts.statements.push(Statement {
            engagement_id: id(n),
            source,
            origin,
            started_on: started,
            ended_on: ended,
            country: None,
            amount_yen: None,
            data: vec![],
            stamp,
        });
    }

    /// Declared by A in a declaration of its own.
    pub(super) fn declare(&mut self, n: u128, started: &str, ended: Option<&str>) -> StatementOrigin {
        let origin = StatementOrigin::Declaration(id(800 + self.facts.statements.len() as u128));
        self.state(n, Source::Declared(id(100 + A)), origin, day(started), ended.map(day));
        origin
    }

    pub(super) fn observe(&mut self, n: u128, started: &str, ended: Option<&str>) -> StatementOrigin {
        let origin = StatementOrigin::Observation(id(800 + self.facts.statements.len() as u128));
        self.state(n, Source::Audit, origin, day(started), ended.map(day));
        origin
    }

    pub(super) fn retract(&mut self, origin: StatementOrigin) {
        let stamp = self.stamp();
        self.facts.retractions.push(Retraction { origin, stamp });
    }

    pub(super) fn terminate(&mut self, effective_on: &str) {
        let stamp = self.stamp();
        self.facts.terminations.push(Termination { effective_on: day(effective_on), stamp });
    }

    pub(super) fn uncovered(&self, n: u128) -> Vec<(DayRange, Cause)> {
        self.facts.now().coverage(id(n)).unwrap().uncovered.clone()
    }

    pub(super) fn state_of(&self, n: u128, as_of: &str) -> NodeState {
        self.facts.now().state(id(n), day(as_of))
    }
}
