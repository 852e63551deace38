//! Audits: planned, one after the other in a series; done, with what was found; cancelled.

use super::Chain;
use super::row::Cell;
use super::said::{Incomplete, Said};

/// The first of a series is its own; one that comes after another stands behind it.
pub(super) fn planned(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let (series, place, first_due_on) = match said.optional_text("after")? {
        None => (said.cell("audit_id")?, Cell::Number(1), said.cell("due_on")?),
        Some(before) => {
            let before = chain.row("audits", before, "after")?;
            let of = |column: &str| before.get(column).cloned().unwrap_or(Cell::Null);
            let place = if let Cell::Number(place) = of("place") { place.saturating_add(1) } else { 0 };
            (of("series_id"), Cell::Number(place), of("first_due_on"))
        }
    };
    chain.fact(
        "audits",
        said.text("audit_id")?,
        said,
        vec![
            ("engagement_id", said.cell("engagement_id")?),
            ("series_id", series),
            ("place", place),
            ("kind", said.cell("kind")?),
            ("first_due_on", first_due_on),
            ("due_on", said.cell("due_on")?),
            ("every_months", said.cell("every_months")?),
            ("unannounced", said.cell("unannounced")?),
            ("auditor", Cell::hashed(said.optional_text("auditor_hash")?)),
            ("salt", Cell::salt(said.optional_text("salt_hash")?)),
            ("planned_by", said.actor()),
        ],
    );
    Ok(())
}

pub(super) fn completed(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    chain.fact(
        "audit_completions",
        said.row_id(),
        said,
        vec![
            ("audit_id", said.cell("audit_id")?),
            ("done_on", said.cell("done_on")?),
            ("result", said.cell("result")?),
            ("note", said.cell("note")?),
            ("corrected_on", Cell::Null),
            ("correction", Cell::Null),
            ("completed_by", said.actor()),
        ],
    );
    for (place, found) in (1..).zip(said.each("findings")?) {
        finding(chain, said, &found, Cell::Number(place))?;
    }
    Ok(())
}

fn finding(chain: &mut Chain, said: &Said<'_>, found: &Said<'_>, place: Cell) -> Result<(), Incomplete> {
    chain.fact(
        "findings",
        found.text("finding_id")?,
        said,
        vec![
            ("audit_id", said.cell("audit_id")?),
            ("place", place),
            ("text", found.cell("text")?),
            ("severity", found.cell("severity")?),
            ("due_on", found.cell("due_on")?),
            ("withdrawn_on", Cell::Null),
            ("confirmed_on", Cell::Null),
            ("confirmation", Cell::Null),
            ("confirmed_by", Cell::Null),
        ],
    );
    Ok(())
}

/// 訂正 of a result: the row says what is right, the entry also what stood there.
pub(super) fn corrected(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let row = chain.row("audit_completions", said.text("completion_id")?, "completion_id")?;
    for column in ["done_on", "result", "note"] {
        row.set(column, said.cell(column)?);
    }
    row.set("corrected_on", said.on()?);
    row.set("correction", said.cell("reason")?);
    let withdrawn: Vec<String> = said.read("withdrawn")?;
    for id in withdrawn {
        chain.row("findings", &id, "withdrawn")?.set("withdrawn_on", said.on()?);
    }
    for found in said.each("findings")? {
        finding(chain, said, &found, found.cell("place")?)?;
    }
    Ok(())
}

/// 是正確認 of findings, or its withdrawal: then no day is said.
pub(super) fn confirmed(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let withdrawn = said.optional_text("confirmed_on")?.is_none();
    let (day, words) = (said.cell("confirmed_on")?, said.cell("note")?);
    let findings: Vec<String> = said.read("finding_ids")?;
    for id in findings {
        let row = chain.row("findings", &id, "finding_ids")?;
        row.set("confirmed_on", day.clone());
        row.set("confirmation", if withdrawn { Cell::Null } else { words.clone() });
        row.set("confirmed_by", if withdrawn { Cell::Null } else { said.actor() });
    }
    Ok(())
}

pub(super) fn cancelled(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    chain.fact(
        "audit_cancellations",
        said.row_id(),
        said,
        vec![
            ("audit_id", said.cell("audit_id")?),
            ("cancelled_on", said.on()?),
            ("reason", said.cell("reason")?),
            ("cancelled_by", said.actor()),
        ],
    );
    Ok(())
}
