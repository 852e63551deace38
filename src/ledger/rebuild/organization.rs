//! Organizations. A vendor named on a contract is registered on that contract's chain and changed on its own.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::row::{Cell, Row};
use super::said::{Incomplete, Said};
use crate::domain::lookalike::skeleton;
use crate::domain::text::{company_key, search_key};
use crate::ledger::entry::Entry;

/// The row of an organization from the entry of its registration and those of its changes, in their order.
pub fn organization(registration: &Entry, changes: &[Entry]) -> Result<Row, Incomplete> {
    let id = registration.subject_id.to_string();
    let payload = parsed(registration)?;
    let said = Said::new(registration, &payload);
    let created_at = said.read::<DateTime<Utc>>("created_at")?;
    let cells = vec![
        ("id", Cell::text(id.clone())),
        ("kind", said.cell("kind")?),
        ("code", said.cell("code")?),
        ("name_key", Cell::Derived { from: "name", by: company_key }),
        ("search_key", Cell::Derived { from: "name", by: search_key }),
        ("skeleton", Cell::Derived { from: "name", by: skeleton }),
        ("corporate_number", said.cell("corporate_number")?),
        ("country", said.cell("country")?),
        ("salt", Cell::salt(said.optional_text("salt_hash")?)),
        ("created_at", Cell::At(created_at)),
    ];
    let mut row = Row::new("organizations", id, registration.id, cells);
    identified(&mut row, &said)?;
    for change in changes {
        identified(&mut row, &Said::new(change, &parsed(change)?))?;
    }
    Ok(row)
}

fn parsed(entry: &Entry) -> Result<Value, Incomplete> {
    serde_json::from_str(&entry.payload).map_err(|_| Incomplete { member: "payload".to_owned() })
}

/// Name, address and contact, as every entry says them; the first makes the version 1.
fn identified(row: &mut Row, said: &Said<'_>) -> Result<(), Incomplete> {
    for (column, hash) in [("name", "name_hash"), ("address", "address_hash")] {
        let cell = match said.given(hash) {
            Some(_) => Cell::hashed(said.optional_text(hash)?),
            None => said.cell(column)?,
        };
        row.set(column, cell);
    }
    row.set("contact_email", Cell::hashed(said.optional_text("contact_email_hash")?));
    row.count("version");
    Ok(())
}
