//! An agency with its people, a contract, and facts written as the other rooms write them.

use std::cell::RefCell;

use chrono::NaiveDate;
use diesel::prelude::*;
use itaku::db::schema::{
    audit_completions, audits, declarations, departments, engagements, notices, statements,
};
use itaku::db::{Author, ChainKey, DbError, Tx};
use itaku::domain::access::Role;
use itaku::domain::id::{ContractId, EngagementId, Id, OrganizationId};
use itaku::notice::transport::SendError;
use itaku::schedule::deliver::{DeliverReport, deliver_by};
use itaku::schedule::sweep::{SweepReport, sweep};
use itaku::service::{Failure, alert};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, day};

/// The agency of the tests.
pub struct House<'a> {
    pub app: &'a TestApp,
    pub agency: OrganizationId,
    pub officer: Person,
    pub approver: Person,
    pub auditor: Person,
    pub admin: Person,
    pub prime: OrganizationId,
    pub prime_user: Person,
    pub sub: OrganizationId,
    pub sub_user: Person,
}

/// A mail as it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub to: String,
    pub kind: String,
    pub id: String,
    pub text: String,
}

pub fn read(message: &itaku::notice::message::Message) -> Sent {
    let bytes = message.bytes();
    let mail = mailparse::parse_mail(&bytes).unwrap();
    let header = |name| {
        let all = mailparse::MailHeaderMap::get_all_values(&mail.headers[..], name);
        assert_eq!(all.len(), 1, "{name}");
        all[0].clone()
    };
    let text = mail.subparts[0].get_body().unwrap();
    Sent { to: header("To"), kind: header("X-Itaku-Kind"), id: header("Message-ID"), text }
}

impl<'a> House<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        let agency = app.agency("A1");
        let (prime, sub) = (app.vendor("架空データ株式会社"), app.vendor("架空入力有限会社"));
        Self {
            app,
            agency,
            officer: app.person(agency, &[Role::Officer]),
            approver: app.person(agency, &[Role::Approver]),
            auditor: app.person(agency, &[Role::Auditor]),
            admin: app.person(agency, &[Role::AgencyAdmin]),
            prime,
            prime_user: app.person(prime, &[Role::VendorUser]),
            sub,
            sub_user: app.person(sub, &[Role::VendorUser]),
        }
    }

    /// A contract of the fiscal year 2026 with an on-site audit planned, so that nothing is missing.
    pub fn contract(&self, number: &str) -> ContractId {
        let body = json!({
            "number": number, "title": "架空データ入力業務", "fiscal_year": 2026, "vendor_id": self.prime,
            "amount_yen": 10_000_000, "signed_on": "2026-04-01", "starts_on": "2026-04-01",
            "ends_on": "2027-03-31", "scope": "入力", "data": [{"category": "my_number", "persons": 800}, {"category": "personal", "persons": 800}],
            "subcontracting": {"policy": "consent_required", "max_tier": 3, "overseas": "prohibited"},
            "declaration_interval": "none", "return_due_days": 14,
        });
        let contract = crate::support::id(&self.post(&self.officer, "/contracts", body).must(201));
        self.audit(contract, "2027-02-15");
        contract
    }

    pub fn on_contract<T>(
        &self,
        contract: ContractId,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> T {
        let author = Author { user_id: self.officer.id, organization_id: self.agency };
        let app = &self.app.app;
        app.db
            .write_tx::<_, Failure>(&app.sources, Some(author), ChainKey::Existing(contract.cast()), |tx| {
                let answer = work(tx)?;
                alert::reevaluate(tx, contract)?;
                Ok(answer)
            })
            .unwrap()
    }

    pub fn audit(&self, contract: ContractId, due_on: &str) -> Id<itaku::domain::id::of::Audit> {
        let due_on = day(due_on);
        self.on_contract(contract, |tx| {
            let id = tx.new_id();
            let stamp = tx.record("audit.planned", id, &json!({}))?.stamp;
            diesel::insert_into(audits::table)
                .values((
                    (
                        audits::id.eq(id),
                        audits::contract_id.eq(contract),
                        audits::agency_id.eq(self.agency),
                        audits::series_id.eq(id.to_string()),
                        audits::place.eq(1),
                        audits::kind.eq("on_site"),
                        audits::unannounced.eq(false),
                        audits::first_due_on.eq(due_on),
                    ),
                    (
                        audits::due_on.eq(due_on),
                        audits::planned_by.eq(self.officer.id),
                        audits::seq.eq(stamp.seq),
                        audits::recorded_at.eq(stamp.at.naive_utc()),
                    ),
                ))
                .execute(tx.conn)?;
            Ok(id)
        })
    }

    pub fn complete(&self, contract: ContractId, audit: Id<itaku::domain::id::of::Audit>, done_on: &str) {
        let done_on = day(done_on);
        self.on_contract(contract, |tx| {
            let stamp = tx.record("audit.completed", audit, &json!({}))?.stamp;
            diesel::insert_into(audit_completions::table)
                .values((
                    audit_completions::id.eq(tx.new_id::<()>().to_string()),
                    audit_completions::audit_id.eq(audit),
                    audit_completions::contract_id.eq(contract),
                    audit_completions::agency_id.eq(self.agency),
                    audit_completions::done_on.eq(done_on),
                    audit_completions::result.eq("pass"),
                    audit_completions::completed_by.eq(self.auditor.id),
                    audit_completions::seq.eq(stamp.seq),
                    audit_completions::recorded_at.eq(stamp.at.naive_utc()),
                ))
                .execute(tx.conn)?;
            Ok(())
        });
    }

    /// The prime declares the subcontractor in use, without a consent.
    pub fn declare(&self, contract: ContractId, from: &str, to: Option<&str>) -> EngagementId {
        let (from, to): (NaiveDate, Option<NaiveDate>) = (day(from), to.map(day));
        self.on_contract(contract, |tx| {
            let declaration = tx.new_id::<itaku::domain::id::of::Declaration>();
            let stamp = tx.record("declaration.made", declaration, &json!({}))?.stamp;
            let at = stamp.at.naive_utc();
            let known: Option<EngagementId> = engagements::table
                .filter(engagements::contract_id.eq(contract))
                .filter(engagements::vendor_id.eq(self.sub))
                .select(engagements::id)
                .first(tx.conn)
                .optional()?;
            let engagement = if let Some(id) = known {
                id
            } else {
                let prime: EngagementId = engagements::table
                    .filter(engagements::contract_id.eq(contract))
                    .filter(engagements::tier.eq(1))
                    .select(engagements::id)
                    .first(tx.conn)?;
                let id: EngagementId = tx.new_id();
                diesel::insert_into(engagements::table)
                    .values((
                        engagements::id.eq(id),
                        engagements::contract_id.eq(contract),
                        engagements::agency_id.eq(self.agency),
                        engagements::parent_id.eq(prime),
                        engagements::vendor_id.eq(self.sub),
                        engagements::tier.eq(2),
                        engagements::seq.eq(stamp.seq),
                        engagements::recorded_at.eq(at),
                    ))
                    .execute(tx.conn)?;
                id
            };
            diesel::insert_into(declarations::table)
                .values((
                    declarations::id.eq(declaration),
                    declarations::contract_id.eq(contract),
                    declarations::agency_id.eq(self.agency),
                    declarations::organization_id.eq(self.prime),
                    declarations::period_from.eq(from),
                    declarations::period_to.eq(to.unwrap_or(from)),
                    declarations::filed_on.eq(tx.today),
                    declarations::no_subcontracting.eq(false),
                    declarations::declared_by.eq(self.prime_user.id),
                    declarations::receipt.eq("{}"),
                    declarations::seq.eq(stamp.seq),
                    declarations::recorded_at.eq(at),
                ))
                .execute(tx.conn)?;
            diesel::insert_into(statements::table)
                .values((
                    (
                        statements::id.eq(tx.new_id::<()>().to_string()),
                        statements::contract_id.eq(contract),
                        statements::agency_id.eq(self.agency),
                        statements::engagement_id.eq(engagement),
                        statements::source.eq("declared"),
                        statements::source_organization_id.eq(self.prime),
                        statements::declaration_id.eq(declaration),
                    ),
                    (
                        statements::started_on.eq(from),
                        statements::ended_on.eq(to),
                        statements::data.eq("[]"),
                        statements::seq.eq(stamp.seq),
                        statements::recorded_at.eq(at),
                    ),
                ))
                .execute(tx.conn)?;
            Ok(engagement)
        })
    }

    pub fn department(&self, name: &str, email: &str) {
        self.app
            .app
            .db
            .write::<_, DbError>(|conn| {
                diesel::insert_into(departments::table)
                    .values((
                        departments::agency_id.eq(self.agency),
                        departments::name.eq(name),
                        departments::email.eq(email),
                    ))
                    .execute(conn)?;
                Ok(())
            })
            .unwrap();
    }

    /// 09:00 of a day, the day's sweep, nothing sent yet.
    pub fn sweep(&self, on: &str) -> SweepReport {
        self.app.move_to(on);
        let report = sweep(&self.app.app, day(on), false).unwrap();
        assert_eq!(report.failed, 0);
        report
    }

    /// Delivers to a server that takes everything.
    pub fn deliver(&self) -> Vec<Sent> {
        let sent = RefCell::new(Vec::new());
        self.deliver_to(&|mail| {
            sent.borrow_mut().push(mail);
            Ok(())
        });
        sent.into_inner()
    }

    pub fn deliver_to(&self, server: &dyn Fn(Sent) -> Result<(), SendError>) -> DeliverReport {
        deliver_by(&self.app.app, &|message| server(read(message))).unwrap()
    }

    /// Kind and recipient of what was delivered now, in order.
    pub fn told(&self) -> Vec<(String, String)> {
        let mut told: Vec<_> = self.deliver().into_iter().map(|mail| (mail.kind, mail.to)).collect();
        told.sort();
        told
    }

    pub fn alerts(&self, query: &str) -> Vec<Value> {
        let who = self.app.log_in(&self.officer);
        let body = self.app.get(&who, &format!("/alerts{query}")).must(200);
        body["items"].as_array().unwrap().clone()
    }

    pub fn one_alert(&self, kind: &str) -> Value {
        let mut found = self.alerts(&format!("?kind={kind}"));
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    pub fn post(&self, who: &Person, path: &str, body: Value) -> crate::support::Answer {
        self.app.post(&self.app.log_in(who), path, body)
    }

    pub fn count_notices(&self) -> i64 {
        self.app.app.db.read_one::<_, DbError>(|conn| Ok(notices::table.count().get_result(conn)?)).unwrap()
    }
}

/// The expected pairs of kind and recipient, in order.
pub fn pairs(kind: &str, people: &[&Person]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = people.iter().map(|p| (kind.to_owned(), p.email.clone())).collect();
    pairs.sort();
    pairs
}
