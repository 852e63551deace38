//! Organizations. A vendor named on a contract is registered on that contract's chain and changed on its own, or on that
//! of a contract that told its name.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::row::{Cell, Row};
use super::said::{Incomplete, Said};
use crate::domain::lookalike::skeleton;
use crate::domain::text::{company_key, search_key};
use crate::ledger::entry::Entry;

/// The row of an organization from the entry of its registration and those of its changes, in any order.
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
        ("merged_into", Cell::Null),
        ("salt", Cell::salt(said.optional_text("salt_hash")?)),
        ("created_at", Cell::At(created_at)),
    ];
    let mut row = Row::new("organizations", id, registration.id, cells);
    identified(&mut row, &said)?;
    row.set("version", Cell::Number(1));
    // Its changes stand on several chains: the version that each leads to is their order, without a gap.
    let mut said_since = Vec::new();
    for change in changes {
        let payload = parsed(change)?;
        said_since.push((Said::new(change, &payload).number("version")?, change, payload));
    }
    said_since.sort_by_key(|(version, ..)| *version);
    for (place, (version, change, payload)) in said_since.iter().enumerate() {
        let said = Said::new(change, payload);
        if usize::try_from(*version) != Ok(place + 2) {
            return Err(Incomplete { member: "version".to_owned() });
        }
        identified(&mut row, &said)?;
        row.set("corporate_number", said.cell("corporate_number")?);
        row.set("merged_into", said.cell("merged_into")?);
        row.set("version", Cell::Number(*version));
    }
    Ok(row)
}

fn parsed(entry: &Entry) -> Result<Value, Incomplete> {
    serde_json::from_str(&entry.payload).map_err(|_| Incomplete { member: "payload".to_owned() })
}

/// Name, address and contact, as every entry says them.
fn identified(row: &mut Row, said: &Said<'_>) -> Result<(), Incomplete> {
    for (column, hash) in [("name", "name_hash"), ("address", "address_hash")] {
        let cell = match said.given(hash) {
            Some(_) => Cell::hashed(said.optional_text(hash)?),
            None => said.cell(column)?,
        };
        row.set(column, cell);
    }
    row.set("contact_email", Cell::hashed(said.optional_text("contact_email_hash")?));
    Ok(())
}
