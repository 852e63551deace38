//! The contract's own facts, and its projection as of the day on which it was last rebuilt.

use chrono::NaiveDate;
use serde_json::json;

use super::row::{Cell, Row};
use super::said::{Incomplete, Said};
use super::{Cells, Chain};
use crate::domain::chain::ChainFacts;
use crate::domain::contract::{Termination, Terms, TermsFact};
use crate::domain::projection::{Handover, project, search_key};
use crate::domain::text::number_key;

/// What the projection is made of.
#[derive(Debug)]
pub(super) struct Contract {
    number: String,
    facts: ChainFacts,
    /// With the ids of their rows.
    handovers: Vec<(String, Handover)>,
    /// The day of the last act that rebuilt it.
    projected_on: NaiveDate,
    version: i64,
    /// The business day of its 登録の取消し.
    voided_on: Cell,
}

impl Contract {
    /// Puts the columns of the projection into the contract's row.
    pub fn project(self, chain: &mut Chain) {
        let open_alerts = i64::try_from(chain.unresolved.len()).unwrap_or(i64::MAX);
        let handovers: Vec<Handover> = self.handovers.iter().map(|(_, handover)| handover.clone()).collect();
        let Some(now) = project(&self.facts, &handovers, self.projected_on) else { return };
        let id = chain.id.to_string();
        let Ok(row) = chain.row("contracts", &id, "") else { return };
        let entrusts_data = now.terms.entrusts_data();
        let optional = |text: Option<&str>| text.map_or(Cell::Null, Cell::text);
        for (column, cell) in [
            ("officer_id", optional(now.officer_id.as_ref().map(crate::domain::id::Id::as_str))),
            ("search_key", Cell::text(search_key(&self.number, &now.terms.title))),
            ("title", Cell::text(now.terms.title)),
            ("fiscal_year", Cell::Number(i64::from(now.terms.fiscal_year))),
            ("amount_yen", Cell::Number(now.terms.amount_yen)),
            ("entrusts_data", Cell::Flag(entrusts_data)),
            ("starts_on", Cell::text(now.starts_on.to_string())),
            ("last_day", Cell::text(now.last_day.to_string())),
            ("department", optional(now.terms.department.as_deref())),
            ("open_alerts", Cell::Number(open_alerts)),
            ("voided_on", self.voided_on),
            ("version", Cell::Number(self.version)),
        ] {
            row.set(column, cell);
        }
    }

    fn touch(&mut self, said: &Said<'_>) -> Result<(), Incomplete> {
        self.projected_on = said.read("on")?;
        self.version = said.number("version")?;
        Ok(())
    }
}

fn of<'a>(chain: &'a mut Chain, said: &Said<'_>) -> Result<&'a mut Contract, Incomplete> {
    let action = &said.entry.action;
    chain.contract.as_mut().ok_or_else(|| Incomplete { member: action.clone() })
}

pub(super) fn registered(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let terms: Terms = said.read("terms")?;
    let number = said.text("number")?.to_owned();
    let mut facts = ChainFacts::empty(chain.id.cast(), chain.organization_id);
    let joint = if said.number("joint_vendors")? == 0 {
        Cell::Json(json!([]))
    } else {
        Cell::hashed(said.optional_text("joint_vendors_hash")?)
    };
    let id = chain.id.to_string();
    let cells: Cells = vec![
        ("id", Cell::text(id.clone())),
        ("agency_id", Cell::text(chain.organization_id.as_str())),
        ("number", Cell::text(number.clone())),
        ("number_key", Cell::text(number_key(&number))),
        ("vendor_id", said.cell("vendor_id")?),
        ("origin", said.cell("origin")?),
        ("period_assumed", said.cell("period_assumed")?),
        ("joint_vendors", joint),
        ("salt", Cell::salt(said.optional_text("salt_hash")?)),
        ("joint_agencies", said.cell("joint_agencies")?),
        ("created_by", said.cell("officer_id")?),
        ("created_at", Cell::At(said.entry.at)),
        ("learned_on", said.on()?),
        ("import_id", said.cell("import_id")?),
    ];
    chain.add(Row::new("contracts", id, said.entry.id, cells));
    let effective_on = said.within("terms")?.cell("starts_on")?;
    chain.fact(
        "contract_terms",
        said.row_id(),
        said,
        vec![
            ("effective_on", effective_on),
            ("kind", Cell::text("registered")),
            ("answers", Cell::Null),
            ("reason", Cell::Null),
            ("body", said.cell("terms")?),
        ],
    );
    facts.terms.push(TermsFact { effective_on: terms.starts_on, terms, stamp: said.stamp() });
    let mut handovers = Vec::new();
    if said.optional_text("officer_id")?.is_some() {
        let officer = Handover {
            officer_id: said.read("officer_id")?,
            starts_on: said.read("on")?,
            stamp: said.stamp(),
        };
        handovers.push((said.row_id(), officer));
        let cells = vec![
            ("officer_id", said.cell("officer_id")?),
            ("starts_on", said.on()?),
            ("withdrawn_on", Cell::Null),
        ];
        chain.fact("contract_officers", said.row_id(), said, cells);
    }
    chain.fact(
        "engagements",
        said.text("engagement_id")?,
        said,
        vec![("parent_id", Cell::Null), ("vendor_id", said.cell("vendor_id")?), ("tier", Cell::Number(1))],
    );
    let projected_on = said.read("on")?;
    chain.contract =
        Some(Contract { number, facts, handovers, projected_on, version: 1, voided_on: Cell::Null });
    Ok(())
}

/// Of a 変更契約 and of a change of department.
pub(super) fn amended(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let is_of_department = said.entry.action == "contract.department_changed";
    terms(chain, said, if is_of_department { "department_changed" } else { "amended" }, Cell::Null)
}

/// Of terms taken back or corrected.
pub(super) fn answered(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let is_withdrawal = said.entry.action == "contract.amendment_withdrawn";
    terms(chain, said, if is_withdrawal { "withdrawn" } else { "corrected" }, said.cell("answers")?)
}

fn terms(chain: &mut Chain, said: &Said<'_>, kind: &str, answers: Cell) -> Result<(), Incomplete> {
    chain.fact(
        "contract_terms",
        said.row_id(),
        said,
        vec![
            ("effective_on", said.cell("effective_on")?),
            ("kind", Cell::text(kind)),
            ("answers", answers),
            ("reason", said.cell("reason")?),
            ("body", said.cell("terms")?),
        ],
    );
    let fact = TermsFact {
        effective_on: said.read("effective_on")?,
        terms: said.read("terms")?,
        stamp: said.stamp(),
    };
    let contract = of(chain, said)?;
    contract.facts.terms.push(fact);
    contract.touch(said)
}

pub(super) fn terminated(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let cells = vec![("effective_on", said.cell("effective_on")?), ("reason", said.cell("reason")?)];
    chain.fact("contract_terminations", said.row_id(), said, cells);
    let fact = Termination { effective_on: said.read("effective_on")?, stamp: said.stamp() };
    let contract = of(chain, said)?;
    contract.facts.terminations.push(fact);
    contract.touch(said)
}

/// 登録の取消し. The projection stays as it was: nothing shows it any more.
pub(super) fn voided(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let cells =
        vec![("voided_on", said.on()?), ("reason", said.cell("reason")?), ("voided_by", said.actor())];
    chain.fact("contract_voids", said.row_id(), said, cells);
    let contract = of(chain, said)?;
    contract.voided_on = said.on()?;
    contract.version = said.number("version")?;
    Ok(())
}

/// A file taken in, on the agency's own chain.
pub(super) fn imported(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let id = said.text("import_id")?.to_owned();
    let cells: Cells = vec![
        ("id", Cell::text(id.clone())),
        ("agency_id", Cell::text(chain.organization_id.as_str())),
        ("origin", said.cell("origin")?),
        ("contracts", said.cell("contracts")?),
        ("imported_by", said.actor()),
        ("imported_on", said.on()?),
        ("undone_on", Cell::Null),
        ("undone_by", Cell::Null),
        ("undo_reason", Cell::Null),
        ("seq", Cell::Number(said.entry.seq)),
        ("recorded_at", Cell::At(said.entry.at)),
    ];
    chain.add(Row::new("contract_imports", id, said.entry.id, cells));
    Ok(())
}

pub(super) fn import_undone(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let (on, by, reason) = (said.on()?, said.actor(), said.cell("reason")?);
    let row = chain.row("contract_imports", said.text("import_id")?, "import_id")?;
    row.set("undone_on", on);
    row.set("undone_by", by);
    row.set("undo_reason", reason);
    Ok(())
}

pub(super) fn handed_over(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let cells = vec![
        ("officer_id", said.cell("officer_id")?),
        ("starts_on", said.cell("from")?),
        ("withdrawn_on", Cell::Null),
    ];
    chain.fact("contract_officers", said.row_id(), said, cells);
    let handover =
        Handover { officer_id: said.read("officer_id")?, starts_on: said.read("from")?, stamp: said.stamp() };
    let contract = of(chain, said)?;
    contract.handovers.push((said.row_id(), handover));
    contract.touch(said)
}

/// A handover that had not begun, taken back.
pub(super) fn handover_withdrawn(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    let (on, id) = (said.on()?, said.text("handover_id")?.to_owned());
    chain.row("contract_officers", &id, "handover_id")?.set("withdrawn_on", on);
    let contract = of(chain, said)?;
    contract.handovers.retain(|(row, _)| *row != id);
    contract.touch(said)
}

/// Other terms or another officer recorded before have begun.
pub(super) fn projected(chain: &mut Chain, said: &Said<'_>) -> Result<(), Incomplete> {
    of(chain, said)?.touch(said)
}
