//! Alerts: found, stated anew, told, taken up, measured, assessed, resolved.

use super::Chain;
use super::row::{Cell, Row};
use super::said::{Incomplete, Said};
use crate::domain::alert::AlertState;

fn state(state: AlertState) -> Cell {
    Cell::text(state.as_str())
}

fn row<'a>(chain: &'a mut Chain, said: &Said<'_>) -> Result<&'a mut Row, Incomplete> {
    chain.row("alerts", said.entry.subject_id.as_str(), "subject_id")
}

pub(super) fn opened(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let contract = if chain.is_contract() { Cell::text(chain.id.as_str()) } else { Cell::Null };
    let id = said.entry.subject_id.to_string();
    chain.unresolved.insert(id.clone());
    let cells = vec![
        ("id", Cell::text(id.clone())),
        ("agency_id", Cell::text(chain.organization_id.as_str())),
        ("contract_id", contract),
        ("engagement_id", said.cell("engagement_id")?),
        ("vendor_id", said.cell("vendor_id")?),
        ("kind", said.cell("kind")?),
        ("subject", said.cell("subject")?),
        ("state", state(AlertState::Open)),
        ("assessment", Cell::Null),
        ("assessment_reason", Cell::Null),
        ("salt", Cell::salt(said.optional_text("salt_hash")?)),
        ("last_step", said.cell("step")?),
        ("opened_on", said.on()?),
        ("opened_at", Cell::At(said.entry.at)),
        ("acknowledged_by", Cell::Null),
        ("measure", Cell::Null),
        ("measured_by", Cell::Null),
        ("accepted_until", Cell::Null),
        ("resolved_on", Cell::Null),
        ("resolved_at", Cell::Null),
        ("resolution", Cell::Null),
    ];
    chain.add(Row::new("alerts", id, said.entry.id, cells));
    // Its version becomes 1.
    stated(chain, said)
}

/// What the rules find, as it is said when it opens and whenever it changes.
pub(super) fn stated(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = row(chain, said)?;
    for column in ["severity", "cause", "rule_version", "due_on", "days"] {
        row.set(column, said.cell(column)?);
    }
    row.set("message", Cell::hashed(said.optional_text("message_hash")?));
    row.count("version");
    Ok(())
}

pub(super) fn told(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = row(chain, said)?;
    row.set("last_step", said.cell("step")?);
    row.count("version");
    Ok(())
}

/// Takes it up, unless somebody has.
fn take_up(row: &mut Row, said: &Said<'_>) {
    if matches!(row.get("state"), Some(Cell::Text(state)) if state == AlertState::Open.as_str()) {
        row.set("state", state(AlertState::Acknowledged));
        row.set("acknowledged_by", said.actor());
        row.count("version");
    }
}

pub(super) fn acknowledged(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    take_up(row(chain, said)?, said);
    Ok(())
}

/// What was done counts as taking it up, unless it ends the alert at once.
pub(super) fn measured(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = row(chain, said)?;
    row.set("measure", said.cell("reason")?);
    row.set("measured_by", said.actor());
    row.set("accepted_until", said.cell("accepted_until")?);
    row.count("version");
    if !said.flag("closes")? {
        take_up(row, said);
    }
    Ok(())
}

pub(super) fn assessed(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = row(chain, said)?;
    row.set("assessment", said.cell("assessment")?);
    row.set("assessment_reason", said.cell("reason")?);
    row.count("version");
    take_up(row, said);
    Ok(())
}

pub(super) fn resolved(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = row(chain, said)?;
    row.set("state", state(AlertState::Resolved));
    row.set("resolution", said.cell("reason")?);
    row.set("resolved_on", said.on()?);
    row.set("resolved_at", Cell::At(said.entry.at));
    row.count("version");
    chain.unresolved.remove(said.entry.subject_id.as_str());
    Ok(())
}
