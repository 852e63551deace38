//! A contract to try the rules on: 甲 at tier 1, engagements by place from there on.

use chrono::NaiveDate;

use super::*;
use crate::domain::audit::{AuditKind, Cancellation};
use crate::domain::chain::{
    Application, ApplicationEvent, ApplicationStep, Asked, Consent, Engagement, Revocation, Source,
    Statement, StatementOrigin, Vendor,
};
use crate::domain::contract::{
    DataCategory, DataVolume, DeclarationInterval, Overseas, Policy, Stamp, Subcontracting, Termination,
    Terms, TermsFact,
};
use crate::domain::days::DayRange;
use crate::domain::id::Id;

pub(crate) const TOKYO: chrono_tz::Tz = chrono_tz::Asia::Tokyo;

pub(crate) fn d(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn range(from: &str, to: &str) -> DayRange {
    DayRange::new(d(from), d(to)).unwrap()
}

pub(crate) fn persons(category: DataCategory, persons: i64) -> Vec<DataVolume> {
    vec![DataVolume { category, persons }]
}

/// An id that nothing else of the scene has.
pub(crate) fn id<T>(number: i64) -> Id<T> {
    Id::from_uuid(uuid::Uuid::from_u128(u128::try_from(number).unwrap()))
}

#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub facts: ChainFacts,
    pub declarations: Vec<DeclarationFact>,
    pub audits: Vec<AuditFact>,
    pub learned_on: NaiveDate,
    pub calendar: Calendar,
    pub settings: Settings,
    pub store: Store,
    seq: i64,
}

impl Scene {
    /// Consent required, overseas prohibited, マイナンバー of 1,000 persons, ten million yen, nothing owed.
    pub fn new(from: &str, to: &str) -> Self {
        let terms = Terms {
            title: "入力業務".into(),
            fiscal_year: 2026,
            amount_yen: 10_000_000,
            signed_on: d(from),
            starts_on: d(from),
            ends_on: d(to),
            scope: "入力".into(),
            data: persons(DataCategory::MyNumber, 1_000),
            subcontracting: Subcontracting {
                policy: Policy::ConsentRequired,
                max_tier: None,
                max_ratio_percent: None,
                overseas: Overseas::Prohibited,
                minor_limit_yen: None,
            },
            declaration_interval: DeclarationInterval::None,
            return_due_days: 14,
            unit_price: None,
            department: None,
        };
        let mut scene = Self {
            facts: ChainFacts::empty(id(1), id(2)),
            declarations: Vec::new(),
            audits: Vec::new(),
            learned_on: d(from),
            calendar: Calendar::built_in(),
            settings: Settings::default(),
            store: Store::default(),
            seq: 10,
        };
        let stamp = scene.stamp();
        scene.facts.terms.push(TermsFact { effective_on: d(from), terms, stamp });
        scene.stand(None, 1, "甲");
        scene
    }

    pub fn stamp(&mut self) -> Stamp {
        self.seq += 1;
        let at =
            d("2026-01-01").and_hms_opt(0, 0, 0).unwrap().and_utc() + chrono::Duration::seconds(self.seq);
        Stamp { seq: self.seq, at }
    }

    pub fn chain(&self) -> ChainFacts {
        self.facts.clone()
    }

    pub fn terms(&mut self, change: impl FnOnce(&mut Terms)) {
        change(&mut self.facts.terms[0].terms);
    }

    pub fn amend(&mut self, effective_on: &str, change: impl FnOnce(&mut Terms)) {
        let mut terms = self.facts.terms.last().unwrap().terms.clone();
        change(&mut terms);
        let stamp = self.stamp();
        self.facts.terms.push(TermsFact { effective_on: d(effective_on), terms, stamp });
    }

    pub fn terminate(&mut self, effective_on: &str) {
        let stamp = self.stamp();
        self.facts.terminations.push(Termination { effective_on: d(effective_on), stamp });
    }

    fn stand(&mut self, parent_id: Option<EngagementId>, tier: i32, name: &str) {
        let stamp = self.stamp();
        let vendor = Vendor {
            id: id(1_000_000 + stamp.seq),
            name: name.into(),
            corporate_number: None,
            country: "JP".into(),
        };
        self.facts.engagements.push(Engagement {
            id: id(2_000_000 + stamp.seq),
            parent_id,
            vendor,
            tier,
            stamp,
        });
    }

    pub fn engage(&mut self, parent: usize, name: &str) -> usize {
        let (parent, tier) = (self.facts.engagements[parent].id, self.facts.engagements[parent].tier);
        self.stand(Some(parent), tier + 1, name);
        self.facts.engagements.len() - 1
    }

    pub fn vendor(&self, place: usize) -> OrganizationId {
        self.facts.engagements[place].vendor.id
    }

    pub fn engagement(&self, place: usize) -> EngagementId {
        self.facts.engagements[place].id
    }

    pub fn consent(&mut self, place: usize, from: &str, to: &str) -> &mut Consent {
        let stamp = self.stamp();
        self.facts.consents.push(Consent {
            id: id(3_000_000 + stamp.seq),
            engagement_id: self.engagement(place),
            application_id: Some(id(9_000_000 + stamp.seq)),
            decided_on: d(from),
            valid_from: d(from),
            valid_until: d(to),
            supersedes: false,
            amount_yen: 1_000_000,
            country: "JP".into(),
            data: persons(DataCategory::MyNumber, 100),
            stamp,
        });
        self.facts.consents.last_mut().unwrap()
    }

    pub fn revoke(&mut self, place: usize, effective_on: &str) {
        let stamp = self.stamp();
        let engagement_id = self.engagement(place);
        self.facts.revocations.push(Revocation { engagement_id, effective_on: d(effective_on), stamp });
    }

    /// The vendor above states the use.
    pub fn state(&mut self, place: usize, from: &str, to: Option<&str>) -> &mut Statement {
        let stamp = self.stamp();
        let parent = self.facts.engagements[place].parent_id;
        let above = self.facts.engagements.iter().find(|e| Some(e.id) == parent).unwrap();
        self.facts.statements.push(Statement {
            engagement_id: self.engagement(place),
            source: Source::Declared(above.vendor.id),
            origin: StatementOrigin::Declaration(id(4_000_000 + stamp.seq)),
            started_on: d(from),
            ended_on: to.map(d),
            country: None,
            amount_yen: None,
            data: Vec::new(),
            stamp,
        });
        self.facts.statements.last_mut().unwrap()
    }

    pub fn apply(&mut self, place: usize, filed: &str, starts: &str) -> usize {
        let stamp = self.stamp();
        self.facts.applications.push(Application {
            id: id(5_000_000 + stamp.seq),
            engagement_id: self.engagement(place),
            applicant_id: self.vendor(0),
            filed_on: d(filed),
            asked: Asked {
                starts_on: d(starts),
                ends_on: d(starts) + chrono::Days::new(90),
                amount_yen: 1_000_000,
            },
            stamp,
            events: Vec::new(),
        });
        self.facts.applications.len() - 1
    }

    pub fn step(&mut self, application: usize, step: ApplicationStep, on: &str) {
        let stamp = self.stamp();
        let event = ApplicationEvent { step, on: d(on), corrected: None, reply_by: None, stamp };
        self.facts.applications[application].events.push(event);
    }

    pub fn declare(&mut self, organization_id: OrganizationId, from: &str, to: &str) {
        let stamp = self.stamp();
        self.declarations.push(DeclarationFact {
            id: id(6_000_000 + stamp.seq),
            organization_id,
            period: range(from, to),
            filed_on: d(to),
            none: true,
            stamp,
            retracted: None,
        });
    }

    pub fn audit(&mut self, kind: AuditKind, due_on: &str, every_months: Option<i32>) -> AuditId {
        let planned = self.stamp();
        let id = id(7_000_000 + planned.seq);
        let (due_on, engagement_id) = (d(due_on), None);
        let (done_on, done) = (None, None);
        let first_due_on = due_on;
        self.audits.push(AuditFact {
            id,
            kind,
            engagement_id,
            due_on,
            every_months,
            unannounced: false,
            first_due_on,
            done_on,
            planned,
            done,
            cancelled: None,
        });
        id
    }

    pub fn cancel(&mut self, place: usize, on: &str, reason: &str) {
        let stamp = self.stamp();
        let cancellation = Cancellation { on: d(on), reason: reason.into(), stamp };
        self.audits[place].cancelled = Some(cancellation);
    }

    pub fn complete(&mut self, place: usize, on: &str) {
        let stamp = self.stamp();
        self.audits[place].done_on = Some(d(on));
        self.audits[place].done = Some(stamp);
    }

    pub fn verdict(&self, alerts: &[AlertFact], today: NaiveDate) -> Verdict {
        let facts = Facts {
            chain: &self.facts,
            declarations: &self.declarations,
            audits: &self.audits,
            learned_on: self.learned_on,
        };
        evaluate(
            &facts,
            alerts,
            &Context { today, calendar: &self.calendar, settings: &self.settings, timezone: TOKYO },
        )
    }

    /// What a first look on that day says of one kind.
    pub fn found(&self, kind: AlertKind, today: &str) -> Vec<Finding> {
        let mut findings = self.verdict(&[], d(today)).findings;
        findings.retain(|finding| finding.kind == kind);
        findings
    }

    /// "warning 30" for the one finding of a kind on a first look that day; "" when there is none.
    pub fn said(&self, kind: AlertKind, today: &str) -> String {
        let findings = self.found(kind, today);
        assert!(findings.len() < 2, "{findings:?}");
        findings.first().map_or_else(String::new, |f| format!("{} {}", f.severity, f.step))
    }

    /// Checks [`Self::said`] day by day.
    pub fn table(&self, kind: AlertKind, rows: &[(&str, &str)]) {
        for (day, expected) in rows {
            assert_eq!(self.said(kind, day), *expected, "{kind} on {day}");
        }
    }

    /// Evaluates and stores; what came of it, in words.
    pub fn sweep(&mut self, today: &str) -> Vec<String> {
        let verdict = self.verdict(&self.store.alerts, d(today));
        let changes = settle(&self.store.alerts, verdict);
        self.store.apply(changes, d(today))
    }

    pub fn alert(&mut self, kind: AlertKind) -> &mut AlertFact {
        self.store.alerts.iter_mut().rfind(|alert| alert.kind == kind).unwrap()
    }
}

/// The stored alerts, and all that was told.
#[derive(Debug, Default, Clone)]
pub(crate) struct Store {
    pub alerts: Vec<AlertFact>,
    pub resolved: Vec<(AlertId, NaiveDate, String)>,
    pub told: Vec<(AlertKind, String, Step, NaiveDate)>,
}

impl Store {
    /// Does the changes as the service will, and says them.
    pub fn apply(&mut self, changes: Vec<Change>, today: NaiveDate) -> Vec<String> {
        changes.into_iter().map(|change| self.apply_one(change, today)).collect()
    }

    fn apply_one(&mut self, change: Change, today: NaiveDate) -> String {
        match change {
            Change::Open(found) => {
                let step = found.step;
                let said = format!("open {} {} {step}", found.kind, found.severity);
                let alert = AlertFact {
                    id: id(i64::try_from(self.alerts.len()).unwrap() + 1),
                    kind: found.kind,
                    subject: found.subject,
                    state: AlertState::Open,
                    severity: found.severity,
                    cause: found.cause,
                    message: found.message,
                    due_on: found.due_on,
                    opened_on: today,
                    days: found.days,
                    measure: None,
                    accepted_until: None,
                    told: step,
                };
                let twin =
                    |other: &AlertFact| other.is_unresolved() && other.is_about(alert.kind, &alert.subject);
                assert!(!self.alerts.iter().any(twin), "two unresolved of one subject: {alert:?}");
                self.told.push((alert.kind, alert.subject.clone(), step, today));
                self.alerts.push(alert);
                said
            }
            Change::Update { id, finding } => {
                let alert = self.get(id);
                alert.severity = finding.severity;
                alert.cause = finding.cause;
                alert.message = finding.message;
                alert.due_on = finding.due_on;
                alert.days = finding.days;
                format!("update {} {}", alert.kind, alert.severity)
            }
            Change::Resolve { id, reason } => {
                let alert = self.get(id);
                alert.state = AlertState::Resolved;
                let said = format!("resolve {}", alert.kind);
                self.resolved.push((id, today, reason));
                said
            }
            Change::Remind { id, step, urgent, .. } => {
                let alert = self.get(id);
                alert.told = step;
                let (kind, subject) = (alert.kind, alert.subject.clone());
                self.told.push((kind, subject, step, today));
                format!("remind {kind} {step}{}", if urgent { " urgent" } else { "" })
            }
        }
    }

    fn get(&mut self, id: AlertId) -> &mut AlertFact {
        self.alerts.iter_mut().find(|alert| alert.id == id).unwrap()
    }
}
