//! What stands around a mail that is written: who its reader is, why they get it, and whom they ask.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::schema::{contracts, departments, engagements, organizations, users};
use super::types::directly;
use super::{Conn, DbError};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::id::{ContractId, OrganizationId, UserId};
use crate::domain::settings::Settings;
use crate::notice::NoticeKind;
use crate::notice::letter::{Contact, Letter, Reading, Standing, unnamed, why};

/// Agencies whose desks stand in a mail about a vendor's account; a firm of many contracts has one mail, not a register.
const MOST_CONTACTS: i64 = 3;

/// A mail as far as what stands around it depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    pub kind: NoticeKind,
    /// Whose it is.
    pub organization_id: OrganizationId,
    pub contract_id: Option<ContractId>,
    pub user_id: Option<UserId>,
    pub address: &'a str,
}

/// Who reads a mail.
enum Reader {
    Person { name: String, organization: Organization, roles: Vec<Role> },
    Department { agency: String, name: String },
    Contact(Organization),
}

#[derive(Queryable)]
struct Organization {
    id: OrganizationId,
    name: String,
    kind: OrganizationKind,
}

/// What stands around a mail on a business day.
pub fn letter(conn: &mut Conn, mail: &Written<'_>, today: NaiveDate) -> Result<Letter, DbError> {
    let Some(reader) = reader(conn, mail, today)? else { return Ok(Letter::default()) };
    let vendor = match &reader {
        Reader::Person { organization, .. } | Reader::Contact(organization) => {
            Some(organization).filter(|it| it.kind == OrganizationKind::Vendor).map(|it| it.id)
        }
        Reader::Department { .. } => None,
    };
    let contacts = match (vendor, mail.contract_id) {
        (None, _) => Vec::new(),
        (Some(_), Some(contract)) => contact(conn, contract)?.into_iter().collect(),
        (Some(vendor), None) => contacts_of(conn, vendor, today)?,
    };
    let standing = match (vendor, mail.contract_id) {
        (Some(vendor), Some(contract)) => Some(standing(conn, vendor, contract)?),
        _ => None,
    };
    let settings = super::setting::find(conn, mail.organization_id)?.0;
    // An invitation, a new password say themselves why they were sent.
    let says_why = matches!(mail.kind, NoticeKind::Invitation | NoticeKind::PasswordReset);
    let why = |reading: Reading<'_>| (!says_why).then(|| settings.in_own_words(&why(&reading, standing)));
    Ok(match reader {
        Reader::Person { name, organization: Organization { name: firm, kind, .. }, roles } => Letter {
            why: why(Reading::Person { organization: &firm, kind, roles: &roles }),
            // Who was let in by a contact address has no name yet.
            person: Some(name).filter(|name| *name != unnamed(&firm)),
            organization: Some(firm),
            contacts,
        },
        Reader::Department { agency, name } => Letter {
            why: why(Reading::Department(&name)),
            person: None,
            organization: Some(format!("{agency}　{name}")),
            contacts,
        },
        Reader::Contact(organization) => Letter {
            why: why(Reading::Contact { organization: &organization.name }),
            person: None,
            organization: Some(organization.name),
            contacts,
        },
    })
}

fn reader(conn: &mut Conn, mail: &Written<'_>, today: NaiveDate) -> Result<Option<Reader>, DbError> {
    if let Some(id) = mail.user_id {
        let person = users::table
            .inner_join(organizations::table.on(organizations::id.eq(users::organization_id)))
            .filter(users::id.eq(id))
            .select((users::name, (organizations::id, organizations::name, organizations::kind)));
        let person: Option<(String, Organization)> = directly!(conn, |own| person.first(own)).optional()?;
        let Some((name, organization)) = person else { return Ok(None) };
        let roles = super::user::roles_on(conn, id, today)?;
        return Ok(Some(Reader::Person { name, organization, roles }));
    }
    if mail.kind == NoticeKind::EmailChanged {
        // The address is nobody's any more.
        return Ok(None);
    }
    let department = departments::table
        .inner_join(organizations::table.on(organizations::id.eq(departments::agency_id)))
        .filter(departments::agency_id.eq(mail.organization_id))
        .filter(departments::email.eq(mail.address))
        .order(departments::name)
        .select((organizations::name, departments::name));
    let department: Option<(String, String)> = department.first(conn).optional()?;
    if let Some((agency, name)) = department {
        return Ok(Some(Reader::Department { agency, name }));
    }
    let vendor = organizations::table
        .filter(organizations::kind.eq(OrganizationKind::Vendor))
        .filter(organizations::contact_email.eq(mail.address))
        .order(organizations::id)
        .select((organizations::id, organizations::name, organizations::kind));
    Ok(vendor.first(conn).optional()?.map(Reader::Contact))
}

fn standing(conn: &mut Conn, vendor: OrganizationId, contract: ContractId) -> Result<Standing, DbError> {
    let prime: OrganizationId = contracts::table.find(contract).select(contracts::vendor_id).first(conn)?;
    Ok(if prime == vendor { Standing::Prime } else { Standing::Below })
}

/// Whom a vendor asks about a contract.
pub fn contact(conn: &mut Conn, contract: ContractId) -> Result<Option<Contact>, DbError> {
    let row = contracts::table
        .inner_join(organizations::table.on(organizations::id.eq(contracts::agency_id)))
        .filter(contracts::id.eq(contract))
        .select((contracts::agency_id, organizations::name, contracts::department, contracts::officer_id));
    let row: Option<(OrganizationId, String, Option<String>, Option<UserId>)> = row.first(conn).optional()?;
    let Some((agency_id, agency, department, officer)) = row else { return Ok(None) };
    let Settings { desk, telephone, .. } = super::setting::find(conn, agency_id)?.0;
    let known = match &department {
        Some(name) => super::setting::department(conn, agency_id, name)?,
        None => None,
    };
    let (email, own_telephone) = known.map_or((None, None), |it| (Some(it.email), it.telephone));
    let person = match (desk, officer) {
        (Some(desk), _) => Some(desk),
        (None, Some(id)) => super::user::names(conn, &[id])?.remove(&id),
        (None, None) => None,
    };
    Ok(Some(Contact { agency, department, person, telephone: own_telephone.or(telephone), email }))
}

/// Whom a vendor asks where no contract is named: the agencies of its newest contracts.
fn contacts_of(conn: &mut Conn, vendor: OrganizationId, today: NaiveDate) -> Result<Vec<Contact>, DbError> {
    let agencies = engagements::table
        .inner_join(contracts::table.on(contracts::id.eq(engagements::contract_id)))
        .inner_join(organizations::table.on(organizations::id.eq(contracts::agency_id)))
        .filter(engagements::vendor_id.eq(vendor))
        .filter(contracts::voided_on.is_null())
        .filter(contracts::last_day.ge(today))
        .select((organizations::id, organizations::name))
        .distinct()
        .order(organizations::name)
        .limit(MOST_CONTACTS);
    let agencies: Vec<(OrganizationId, String)> = agencies.load(conn)?;
    agencies
        .into_iter()
        .map(|(id, agency)| {
            let Settings { desk, telephone, .. } = super::setting::find(conn, id)?.0;
            Ok(Contact { agency, department: None, person: desk, telephone, email: None })
        })
        .collect()
}
