//! Whom a mail to a vendor reaches: its people; while it has none, the contact address that was recorded for it, whose
//! reader is then invited. Where there is neither, that nobody was told is kept, and said.

use chrono::NaiveDate;

use super::{App, Failure, user};
use crate::db::{self, Conn, DbError};
use crate::domain::access::Role;
use crate::domain::id::{OrganizationId, UserId};

/// Who reads what is for a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Accounts that can be used, or begun by their invitation, with their addresses; never empty.
    People(Vec<(UserId, String)>),
    /// The vendor's contact address.
    Contact(String),
    Nobody,
}

/// Who reads what is for a vendor on a business day.
pub fn readers(conn: &mut Conn, vendor: OrganizationId, today: NaiveDate) -> Result<Readers, DbError> {
    let people = db::user::reachable(conn, vendor, &[Role::VendorUser, Role::VendorAdmin], today)?;
    if !people.is_empty() {
        return Ok(Readers::People(people));
    }
    let contact = db::organization::find(conn, vendor)?.contact_email;
    Ok(contact.map_or(Readers::Nobody, Readers::Contact))
}

/// Of these vendors, those of whom nobody can be told anything.
pub fn nobody_of(
    conn: &mut Conn,
    vendors: impl IntoIterator<Item = OrganizationId>,
    today: NaiveDate,
) -> Result<Vec<OrganizationId>, DbError> {
    let mut nobody = Vec::new();
    for vendor in vendors {
        if readers(conn, vendor, today)? == Readers::Nobody {
            nobody.push(vendor);
        }
    }
    Ok(nobody)
}

/// Invites the reader of each contact address to which something was mailed, where the vendor has no account at all:
/// a mail leads to a page that opens after a login only. How many were invited.
pub fn invite_contacts(app: &App) -> Result<usize, Failure> {
    let mut invited = 0;
    for vendor in app.db.read_one(db::notice::contacts_to_invite)? {
        invited += usize::from(user::invite_contact(app, vendor)?);
    }
    Ok(invited)
}
