//! Who is told of an alert, and the mail each of them gets: one message a person, however many parts they play.

use std::collections::{BTreeMap, HashMap};

use super::super::Failure;
use super::{place_of, rule_version};
use crate::db::alert::AlertRow;
use crate::db::facts::ContractFacts;
use crate::db::{self, Tx};
use crate::domain::access::Role;
use crate::domain::alert::{AlertKind, Audience, Finding, Reader, Severity, Step, cause_text};
use crate::domain::chain::Cause;
use crate::domain::id::{AlertId, ContractId, OrganizationId, UserId};
use crate::domain::settings::Settings;
use crate::domain::text_enum::TextEnum;
use crate::notice::context::{AlertMail, ContractRef, Day};
use crate::notice::{About, Draft, Mail, NoticeKind, Recipient};
use crate::service::reach::{self, Readers};

/// What of an alert is told.
#[derive(Clone, Copy)]
pub(super) struct Concerning<'a> {
    pub id: AlertId,
    /// Under what the mail stands in the outbox; None: under the alert's id.
    pub subject: Option<&'a str>,
    pub kind: AlertKind,
    pub severity: Severity,
    pub cause: Option<Cause>,
    pub due_on: Option<chrono::NaiveDate>,
    pub message: &'a str,
    /// Who sees it in their own list.
    pub vendor_id: Option<OrganizationId>,
}

impl<'a> Concerning<'a> {
    pub fn finding(id: AlertId, found: &'a Finding) -> Self {
        let Finding { kind, severity, cause, due_on, message, vendor_id, .. } = found;
        Self {
            id,
            subject: None,
            kind: *kind,
            severity: *severity,
            cause: *cause,
            due_on: *due_on,
            message,
            vendor_id: *vendor_id,
        }
    }

    pub fn row(row: &'a AlertRow) -> Self {
        let AlertRow { id, kind, severity, cause, due_on, message, vendor_id, .. } = row;
        Self {
            id: *id,
            subject: None,
            kind: *kind,
            severity: *severity,
            cause: *cause,
            due_on: *due_on,
            message,
            vendor_id: *vendor_id,
        }
    }
}

/// What the mails of one agency share.
pub(super) struct Letterhead<'a> {
    pub agency_id: OrganizationId,
    pub agency: &'a str,
    pub contract: Option<(ContractId, ContractRef)>,
    pub settings: &'a Settings,
    pub my_number: bool,
}

impl Letterhead<'_> {
    /// Writes the mail of a step to one recipient into the outbox, or into their digest; `reads`: as whom they read it.
    pub fn send(
        &self,
        tx: &mut Tx<'_>,
        about: &Concerning<'_>,
        step: &str,
        (recipient, reads): (Recipient, &[Reader]),
        path: String,
        urgent: bool,
    ) -> Result<bool, Failure> {
        let draft = self.draft(tx, about, step, (recipient, reads), path)?.urgent(urgent);
        Ok(db::notice::enqueue_on(tx.conn, tx.sources, tx.today, &draft)?)
    }

    fn draft(
        &self,
        tx: &Tx<'_>,
        about: &Concerning<'_>,
        step: &str,
        (recipient, reads): (Recipient, &[Reader]),
        path: String,
    ) -> Result<Draft, Failure> {
        let mail = self.mail(about, tx.today, path, reads)?;
        let concerns = About {
            organization_id: self.agency_id,
            subject_kind: "alert".to_owned(),
            subject_id: about.subject.map_or_else(|| about.id.to_string(), str::to_owned),
            step: step.to_owned(),
        };
        let draft = Draft::new(concerns, recipient, &Mail::Alert(mail))
            .map_err(|e| Failure::Internal(e.to_string()))?;
        let draft = draft.of_contract(self.contract.as_ref().map(|(id, _)| *id));
        // A sweep tells each step once; acts may be many.
        Ok(draft.joined(tx.author.is_some()))
    }

    /// The link is a path: the delivery puts the public address before it.
    fn mail(
        &self,
        about: &Concerning<'_>,
        today: chrono::NaiveDate,
        link: String,
        reads: &[Reader],
    ) -> Result<AlertMail, Failure> {
        let no_rule = || Failure::Internal(format!("no rule for alerts of kind {}", about.kind));
        let rule = about.kind.rule().ok_or_else(no_rule)?;
        let version = rule.on(today).ok_or_else(no_rule)?;
        Ok(AlertMail {
            kind: NoticeKind::parse(about.kind.as_str()).ok_or_else(no_rule)?,
            title: self.settings.in_own_words(rule.name),
            agency: self.agency.to_owned(),
            contract: self.contract.as_ref().map(|(_, contract)| contract.clone()),
            message: about.message.to_owned(),
            contact: None,
            severity: about.severity.label().to_owned(),
            cause: about.cause.map(|cause| self.settings.in_own_words(cause_text(cause))),
            due: about.due_on.map(Day::of),
            rule: format!("{}（第{}版）", self.settings.in_own_words(rule.name), version.version),
            basis: version.basis(self.my_number).to_owned(),
            next_step: self.settings.in_own_words(about.kind.ask(version.version, reads).text),
            link,
        })
    }
}

/// Telling people of one contract's alerts: who they are is looked up once.
pub(super) struct Telling<'a> {
    facts: &'a ContractFacts,
    head: Letterhead<'a>,
    known: HashMap<Audience, Readers>,
}

impl<'a> Telling<'a> {
    pub fn new(facts: &'a ContractFacts, settings: &'a Settings, my_number: bool) -> Self {
        let contract = ContractRef { number: facts.number.clone(), title: facts.title.clone() };
        let head = Letterhead {
            agency_id: facts.agency_id,
            agency: &facts.agency_name,
            contract: Some((facts.chain.contract_id, contract)),
            settings,
            my_number,
        };
        Self { facts, head, known: HashMap::new() }
    }

    /// Tells a step of an alert to its audience.
    pub fn tell(
        &mut self,
        tx: &mut Tx<'_>,
        about: &Concerning<'_>,
        step: Step,
        audience: &[Audience],
        urgent: bool,
    ) -> Result<(), Failure> {
        let mut people: BTreeMap<UserId, (String, OrganizationId, Vec<Reader>)> = BTreeMap::new();
        let (mut contacts, mut nobody) = (BTreeMap::new(), Vec::new());
        for part in audience {
            let reader = reader(*part, about.vendor_id);
            let organization =
                if let Audience::Vendor(vendor) = part { *vendor } else { self.facts.agency_id };
            match (self.readers(tx, *part)?, part) {
                (Readers::People(found), _) => {
                    for (id, address) in found {
                        let known = people.entry(id).or_insert_with(|| (address, organization, Vec::new()));
                        known.2.push(reader);
                    }
                }
                (Readers::Contact(address), _) => {
                    contacts.insert(address, (organization, reader));
                }
                (Readers::Nobody, Audience::Vendor(vendor)) => nobody.push((*vendor, reader)),
                (Readers::Nobody, _) => {}
            }
        }
        let step = step.to_string();
        let office = if audience.contains(&Audience::Officer) { self.department(tx)? } else { None };
        let office =
            office.filter(|office| !people.values().any(|(own, ..)| own.eq_ignore_ascii_case(office)));
        if let Some(address) = office {
            let to = (Recipient { address, user_id: None }, &[Reader::Officer][..]);
            self.head.send(tx, about, &step, to, format!("/alerts/{}", about.id), urgent)?;
        }
        for (user_id, (address, organization, reads)) in people {
            contacts.retain(|contact, _| !contact.eq_ignore_ascii_case(&address));
            let to = (Recipient { address, user_id: Some(user_id) }, &reads[..]);
            let path = self.path(tx, about, organization);
            self.head.send(tx, about, &step, to, path, urgent)?;
        }
        for (address, (organization, reader)) in contacts {
            let to = (Recipient { address, user_id: None }, &[reader][..]);
            let path = self.path(tx, about, organization);
            self.head.send(tx, about, &step, to, path, urgent)?;
        }
        for (vendor, reader) in nobody {
            let to = (Recipient { address: String::new(), user_id: None }, &[reader][..]);
            let path = self.path(tx, about, vendor);
            let draft = self.head.draft(tx, about, &step, to, path)?;
            db::notice::keep_unaddressed(tx.conn, tx.sources, tx.today, &draft, vendor)?;
        }
        Ok(())
    }

    /// Where a reader of the organization finds the alert. Another vendor than the one it is about has no page of it: it
    /// is led to where it does what is asked.
    fn path(&self, tx: &Tx<'_>, about: &Concerning<'_>, organization: OrganizationId) -> String {
        if organization == self.facts.agency_id || about.vendor_id == Some(organization) {
            format!("/alerts/{}", about.id)
        } else {
            let contract = self.facts.chain.contract_id;
            let version = rule_version(about.kind, tx.today);
            let duty = about.kind.ask(version, &[Reader::VendorAbove]).duty;
            let address = duty.and_then(|duty| place_of(duty, about.id, Some(contract), ""));
            address.unwrap_or_else(|| format!("/contracts/{contract}"))
        }
    }

    fn department(&self, tx: &mut Tx<'_>) -> Result<Option<String>, Failure> {
        let Some(name) = &self.facts.department else { return Ok(None) };
        Ok(db::setting::department_email(tx.conn, self.facts.agency_id, name)?)
    }

    fn readers(&mut self, tx: &mut Tx<'_>, part: Audience) -> Result<Readers, Failure> {
        if let Some(readers) = self.known.get(&part) {
            return Ok(readers.clone());
        }
        let agency = self.facts.agency_id;
        let people = |people: Vec<Person>| {
            if people.is_empty() { Readers::Nobody } else { Readers::People(people) }
        };
        let readers = match part {
            Audience::Officer => people(officers(tx, agency, self.facts.officer_id.as_slice())?),
            // Deputies are told with those for whom they stand in.
            Audience::Approver | Audience::Deputy => people(holders(tx, agency, &[Role::Approver])?),
            Audience::Auditor => people(holders(tx, agency, &[Role::Auditor])?),
            Audience::AgencyAdmin => people(holders(tx, agency, &[Role::AgencyAdmin])?),
            Audience::Vendor(vendor) => reach::readers(tx.conn, vendor, tx.today)?,
        };
        self.known.insert(part, readers.clone());
        Ok(readers)
    }
}

/// As whom a part of an audience reads an alert about a vendor.
fn reader(part: Audience, about: Option<OrganizationId>) -> Reader {
    match part {
        Audience::Officer => Reader::Officer,
        Audience::Approver | Audience::Deputy => Reader::Approver,
        Audience::Auditor => Reader::Auditor,
        Audience::AgencyAdmin => Reader::AgencyAdmin,
        Audience::Vendor(vendor) if about == Some(vendor) => Reader::Vendor,
        Audience::Vendor(_) => Reader::VendorAbove,
    }
}

/// Someone's account, and their address.
pub type Person = (UserId, String);

/// These officers where one of them is active, else every active officer of the agency; with their deputies.
pub fn officers(tx: &mut Tx<'_>, agency_id: OrganizationId, ids: &[UserId]) -> Result<Vec<Person>, Failure> {
    let responsible = db::user::with_deputies(tx.conn, agency_id, ids, tx.today)?;
    if responsible.iter().any(|(id, _)| ids.contains(id)) {
        return Ok(responsible);
    }
    holders(tx, agency_id, &[Role::Officer])
}

/// The active holders of a role, with their deputies.
pub(super) fn holders(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    roles: &[Role],
) -> Result<Vec<Person>, Failure> {
    Ok(db::user::reachable(tx.conn, organization_id, roles, tx.today)?)
}
