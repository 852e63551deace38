//! What stands on the contract's chain: places, applications and their steps, consents, revocations; what was declared and
//! what was seen.

use serde_json::{Value, json};

use super::Chain;
use super::row::Cell;
use super::said::{Incomplete, Said};
use crate::domain::chain::{ApplicationState, ApplicationStep};

/// The place that the entry names, where it names it first.
fn place(chain: &mut Chain, id: &str, place: &Said<'_>) -> Result<(), Incomplete> {
    if !chain.rows.contains_key(&("engagements", id.to_owned())) {
        chain.fact(
            "engagements",
            id,
            place,
            vec![
                ("parent_id", place.cell("parent_engagement_id")?),
                ("vendor_id", place.cell("vendor_id")?),
                ("tier", place.cell("tier")?),
            ],
        );
    }
    Ok(())
}

/// The name under which the company at a place was named.
pub(super) fn named(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    chain.fact(
        "engagement_names",
        said.row_id(),
        said,
        vec![
            ("engagement_id", said.cell("engagement_id")?),
            ("named_in", said.cell("named_in")?),
            ("likeness", said.cell("likeness")?),
            ("name", Cell::hashed(said.optional_text("name_hash")?)),
            ("salt", Cell::salt(said.optional_text("salt_hash")?)),
        ],
    );
    Ok(())
}

/// A vendor turned out to be another: its places are the other's, or one with the other's under the same parent.
pub(super) fn merged(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    for place in said.each("reassigned")? {
        let row = chain.row("engagements", place.text("engagement_id")?, "engagement_id")?;
        row.set("vendor_id", said.cell("vendor_id")?);
    }
    for place in said.each("moved")? {
        let row = chain.row("engagements", place.text("engagement_id")?, "engagement_id")?;
        row.set("parent_id", place.cell("parent_engagement_id")?);
    }
    for place in said.each("joined")? {
        let into = vec![("into_id", place.cell("into_engagement_id")?)];
        chain.fact("engagement_merges", place.text("engagement_id")?, said, into);
    }
    if said.read::<bool>("prime")? {
        let id = chain.id.to_string();
        chain.row("contracts", &id, "prime")?.set("vendor_id", said.cell("vendor_id")?);
    }
    Ok(())
}

pub(super) fn filed(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    place(chain, said.text("engagement_id")?, said)?;
    let applicant = said.entry.actor_organization_id;
    let id = said.text("application_id")?;
    chain.fact(
        "applications",
        id,
        said,
        vec![
            ("engagement_id", said.cell("engagement_id")?),
            ("applicant_id", applicant.map_or(Cell::Null, |id| Cell::text(id.as_str()))),
            ("applied_by", said.actor()),
            ("supersedes", said.cell("supersedes")?),
            ("filed_on", said.on()?),
            ("body", said.cell("content")?),
            ("state", Cell::text(ApplicationState::Applied.as_str())),
            ("version", Cell::Number(1)),
        ],
    );
    chain.scopes.insert(id.to_owned(), said.within("content")?.text("scope")?.to_owned());
    Ok(())
}

/// A step, and the state to which it brings the application.
fn step(chain: &mut Chain, said: &Said<'_>, step: ApplicationStep, body: Value) -> Result<(), Incomplete> {
    chain.fact(
        "application_steps",
        said.row_id(),
        said,
        vec![
            ("application_id", said.cell("application_id")?),
            ("step", Cell::text(step.as_str())),
            ("on_day", said.on()?),
            ("by_user", said.actor()),
            ("body", Cell::Json(body)),
        ],
    );
    let row = chain.row("applications", said.text("application_id")?, "application_id")?;
    row.set("state", Cell::text(ApplicationState::after(step).as_str()));
    row.count("version");
    Ok(())
}

pub(super) fn reviewed(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    step(chain, said, ApplicationStep::Reviewed, said.get("review")?.clone())
}

pub(super) fn sent_back(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    step(chain, said, ApplicationStep::SentBack, json!({"reason": said.get("reason")?}))
}

pub(super) fn returned(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let body = json!({"points": said.get("points")?, "reply_by": said.get("reply_by")?});
    step(chain, said, ApplicationStep::Returned, body)
}

pub(super) fn resubmitted(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let scope = said.within("content")?.text("scope")?;
    chain.scopes.insert(said.text("application_id")?.to_owned(), scope.to_owned());
    step(chain, said, ApplicationStep::Resubmitted, said.get("content")?.clone())
}

pub(super) fn refused(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    step(chain, said, ApplicationStep::Refused, said.get("given")?.clone())
}

pub(super) fn withdrawn(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    step(chain, said, ApplicationStep::Withdrawn, json!({"reason": said.get("reason")?}))
}

/// 承認: the step, and the consent, whose scope is what the application says by then.
pub(super) fn consented(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    step(chain, said, ApplicationStep::Consented, said.get("given")?.clone())?;
    let scope = chain.scopes.get(said.text("application_id")?).cloned();
    let body = json!({
        "scope": scope, "reason": said.get("reason")?, "conditions": said.get("conditions")?,
        "document_number": null, "note": null,
    });
    chain.fact(
        "consents",
        said.text("consent_id")?,
        said,
        vec![
            ("engagement_id", said.cell("engagement_id")?),
            ("application_id", said.cell("application_id")?),
            ("decided_on", said.on()?),
            ("decided_by", said.actor()),
            ("valid_from", said.cell("valid_from")?),
            ("valid_until", said.cell("valid_until")?),
            ("supersedes", said.cell("supersedes")?),
            ("amount_yen", said.cell("amount_yen")?),
            ("country", said.cell("country")?),
            ("data", said.cell("data")?),
            ("body", Cell::Json(body)),
        ],
    );
    Ok(())
}

/// 既承認.
pub(super) fn recorded(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    place(chain, said.text("engagement_id")?, said)?;
    let body = json!({
        "scope": said.get("scope")?, "reason": null, "conditions": null,
        "document_number": said.get("document_number")?, "note": said.get("note")?,
    });
    chain.fact(
        "consents",
        said.text("consent_id")?,
        said,
        vec![
            ("engagement_id", said.cell("engagement_id")?),
            ("application_id", Cell::Null),
            ("decided_on", said.cell("decided_on")?),
            ("decided_by", said.actor()),
            ("valid_from", said.cell("valid_from")?),
            ("valid_until", said.cell("valid_until")?),
            ("supersedes", Cell::Flag(false)),
            ("amount_yen", said.cell("amount_yen")?),
            ("country", said.cell("country")?),
            ("data", said.cell("data")?),
            ("body", Cell::Json(body)),
        ],
    );
    Ok(())
}

pub(super) fn revoked(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    chain.fact(
        "revocations",
        said.row_id(),
        said,
        vec![
            ("engagement_id", said.cell("engagement_id")?),
            ("effective_on", said.cell("effective_on")?),
            ("reason", said.cell("reason")?),
            ("revoked_by", said.actor()),
        ],
    );
    Ok(())
}

pub(super) fn declared(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let period = said.within("period")?;
    chain.fact(
        "declarations",
        said.text("declaration_id")?,
        said,
        vec![
            ("organization_id", said.cell("organization_id")?),
            ("period_from", period.cell("from")?),
            ("period_to", period.cell("to")?),
            ("filed_on", said.on()?),
            ("no_subcontracting", said.cell("none")?),
            ("declared_by", said.actor()),
            ("receipt", Cell::Receipt(Box::new(said.entry.clone()))),
        ],
    );
    for used in said.each("engagements")? {
        statement(
            chain,
            &used,
            [
                ("source", Cell::text("declared")),
                ("source_organization_id", said.cell("organization_id")?),
                ("declaration_id", said.cell("declaration_id")?),
                ("observation_id", Cell::Null),
            ],
        )?;
    }
    Ok(())
}

pub(super) fn observed(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let used = said.within("observed")?;
    chain.fact(
        "observations",
        said.text("observation_id")?,
        said,
        vec![
            ("engagement_id", used.cell("engagement_id")?),
            ("source", said.cell("source")?),
            ("note", said.cell("note")?),
            ("observed_by", said.actor()),
        ],
    );
    statement(
        chain,
        &used,
        [
            ("source", said.cell("source")?),
            ("source_organization_id", Cell::Null),
            ("declaration_id", Cell::Null),
            ("observation_id", said.cell("observation_id")?),
        ],
    )
}

/// What is said of one place, and the place itself where it is new.
fn statement(
    chain: &mut Chain,
    used: &Said<'_>,
    origin: [(&'static str, Cell); 4],
) -> Result<(), Incomplete> {
    if !used.get("new")?.is_null() {
        place(chain, used.text("engagement_id")?, &used.within("new")?)?;
    }
    let mut cells = vec![
        ("engagement_id", used.cell("engagement_id")?),
        ("started_on", used.cell("started_on")?),
        ("ended_on", used.cell("ended_on")?),
        ("scope", used.cell("scope")?),
        ("country", used.cell("country")?),
        ("amount_yen", used.cell("amount_yen")?),
        ("data", used.cell("data")?),
    ];
    cells.extend(origin);
    chain.fact("statements", used.text("statement_id")?, used, cells);
    Ok(())
}

/// Of a declaration or an observation.
pub(super) fn retracted(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let optional = |name: &str| said.given(name).map_or(Cell::Null, Cell::of);
    chain.fact(
        "retractions",
        said.row_id(),
        said,
        vec![
            ("declaration_id", optional("declaration_id")),
            ("observation_id", optional("observation_id")),
            ("reason", said.cell("reason")?),
            ("retracted_by", said.actor()),
        ],
    );
    Ok(())
}
