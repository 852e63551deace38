//! Changes of accounts that wait for a second administrator: asked for, and what became of them.

use super::Chain;
use super::row::{Cell, Row};
use super::said::{Incomplete, Said};
use crate::domain::contract::Instant;

const TABLE: &str = "pending_changes";

pub(super) fn asked(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let id = said.text("change_id")?;
    let takes_effect: Option<Instant> = said.read("takes_effect_at")?;
    let cells = vec![
        ("id", Cell::text(id)),
        ("organization_id", Cell::text(chain.organization_id.as_str())),
        ("user_id", Cell::text(said.entry.subject_id.as_str())),
        ("kind", said.cell("kind")?),
        ("wanted", said.cell("wanted")?),
        ("email", Cell::hashed(said.optional_text("email_hash")?)),
        ("salt", Cell::salt(said.optional_text("salt_hash")?)),
        ("asked_by", said.actor()),
        ("asked_at", Cell::At(said.entry.at)),
        ("takes_effect_at", takes_effect.map_or(Cell::Null, Cell::At)),
        ("expires_at", Cell::At(said.read("expires_at")?)),
        ("state", Cell::text("asked")),
        ("ended_by", Cell::Null),
        ("ended_at", Cell::Null),
        ("reason", Cell::Null),
    ];
    chain.add(Row::new(TABLE, id, said.entry.id, cells));
    Ok(())
}

pub(super) fn expired(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    ended(chain, said, "expired", Cell::Null)
}

pub(super) fn rejected(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    ended(chain, said, "rejected", said.actor())
}

/// Also where someone approved what had become impossible: the program ended it.
pub(super) fn void(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    ended(chain, said, "void", Cell::Null)
}

pub(super) fn withdrawn(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    ended(chain, said, "withdrawn", said.actor())
}

/// An entry of an account that was asked for before has put that in force.
pub(super) fn in_force(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    if said.given("change_id").is_none() {
        return Ok(());
    }
    ended(chain, said, "in_force", said.actor())
}

fn ended(chain: &mut Chain, said: &Said<'_>, state: &'static str, by: Cell) -> Result<(), Incomplete> {
    let row = chain.row(TABLE, said.text("change_id")?, "change_id")?;
    row.set("state", Cell::text(state));
    row.set("ended_by", by);
    row.set("ended_at", Cell::At(said.entry.at));
    // What a person wrote stands as a hash, the program's own words in clear.
    if said.given("reason_hash").is_some() {
        row.set("reason", Cell::hashed(said.optional_text("reason_hash")?));
    } else if said.given("reason").is_some() {
        row.set("reason", said.cell("reason")?);
    }
    Ok(())
}
