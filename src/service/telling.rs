//! Telling people by mail of what was done on a contract: a row of the outbox for each, in the same transaction.

use std::collections::{BTreeMap, BTreeSet};

use super::Failure;
use super::alert::officers;
use super::case::Case;
use super::reach::{self, Readers};
use crate::db::{self, Tx};
use crate::domain::access::Role;
use crate::domain::id::{OrganizationId, UserId};
use crate::notice::{About, Draft, Mail, Recipient};

/// Who is told.
#[derive(Debug, Clone, Default)]
pub struct Addressees {
    officer: bool,
    /// Those who hold the role of an approver, but for these people; None: no approver.
    approvers_but: Option<Vec<UserId>>,
    vendors: Vec<OrganizationId>,
    user: Option<UserId>,
}

impl Addressees {
    /// The contract's responsible officer, and the department's address.
    pub fn officer() -> Self {
        Self { officer: true, ..Self::default() }
    }

    /// The same, and another person of the agency.
    pub fn officer_and(user: Option<UserId>) -> Self {
        Self { officer: true, user, ..Self::default() }
    }

    /// The agency's approvers and who stands in for them, but for these people.
    pub fn approvers_but(ids: impl IntoIterator<Item = UserId>) -> Self {
        Self { approvers_but: Some(ids.into_iter().collect()), ..Self::default() }
    }

    /// The people of these vendors.
    pub fn vendors(ids: impl IntoIterator<Item = OrganizationId>) -> Self {
        Self { vendors: ids.into_iter().collect(), ..Self::default() }
    }

    /// One person.
    pub fn user(id: UserId) -> Self {
        Self { user: Some(id), ..Self::default() }
    }
}

/// Writes a mail to each addressee into the outbox, once per step.
pub fn tell(
    tx: &mut Tx<'_>,
    case: &Case,
    to: &Addressees,
    subject_kind: &str,
    subject_id: &str,
    step: &str,
    mail: &Mail,
) -> Result<(), Failure> {
    let agency = case.facts.agency_id;
    let mut people: BTreeMap<UserId, String> = BTreeMap::new();
    let mut office = None;
    if to.officer {
        people.extend(officers(tx, agency, case.facts.officer_id.as_slice())?);
        if let Some(department) = &case.facts.department {
            office = db::setting::department_email(tx.conn, agency, department)?;
        }
    }
    if let Some(left_out) = &to.approvers_but {
        let approvers = db::user::reachable(tx.conn, agency, &[Role::Approver], tx.today)?;
        people.extend(approvers.into_iter().filter(|(id, _)| !left_out.contains(id)));
    }
    let (mut contacts, mut nobody) = (Vec::new(), Vec::new());
    for vendor in &to.vendors {
        match reach::readers(tx.conn, *vendor, tx.today)? {
            Readers::People(found) => people.extend(found),
            Readers::Contact(address) => contacts.push(address),
            Readers::Nobody => nobody.push(*vendor),
        }
    }
    if let Some(user) = to.user {
        let organization = tx.author.map_or(agency, |author| author.organization_id);
        people.extend(db::user::with_deputies(tx.conn, organization, &[user], tx.today)?);
    }
    let others = office.into_iter().chain(contacts);
    let others = others.filter(|other| !people.values().any(|own| own.eq_ignore_ascii_case(other)));
    let others: BTreeSet<String> = others.collect();
    let others = others.into_iter().map(|address| Recipient { address, user_id: None });
    let draft = |recipient: Recipient| {
        let about = About {
            organization_id: agency,
            subject_kind: subject_kind.to_owned(),
            subject_id: subject_id.to_owned(),
            step: step.to_owned(),
        };
        let draft = Draft::new(about, recipient, mail).map_err(|e| Failure::Internal(e.to_string()))?;
        Ok::<_, Failure>(draft.of_contract(Some(case.id())).joined(true))
    };
    let persons =
        people.iter().map(|(id, address)| Recipient { address: address.clone(), user_id: Some(*id) });
    for recipient in persons.chain(others) {
        db::notice::enqueue_on(tx.conn, tx.sources, tx.today, &draft(recipient)?)?;
    }
    for vendor in nobody {
        let draft = draft(Recipient { address: String::new(), user_id: None })?;
        db::notice::keep_unaddressed(tx.conn, tx.sources, tx.today, &draft, vendor)?;
    }
    Ok(())
}
