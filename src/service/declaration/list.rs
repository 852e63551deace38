//! Lists of declarations: those on a contract, and an organization's across contracts (受付票).

use std::collections::HashMap;

use super::{DeclarationView, DeclaredUse, ReceiptView};
use crate::db::statement::{DeclarationRow, InSight};
use crate::db::{self, Conn, DbError};
use crate::domain::chain::{Known, StatementOrigin};
use crate::domain::id::{ContractId, DeclarationId, OrganizationId};
use crate::service::case::Case;
use crate::service::contract::NarrowQuery;
use crate::service::page::Total;
use crate::service::{App, Call, Failure, Page, Paged};

/// Declarations on a contract: all for the agency's side; a vendor's own and those of the vendors below it, unless
/// they speak of another branch only.
pub fn list(
    app: &App,
    call: &Call,
    contract: ContractId,
    page: &Page,
) -> Result<Paged<DeclarationView>, Failure> {
    app.db.read(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let in_sight = case.vendor().map(|own| {
            let sight = case.sight(&known);
            let seen = || known.engagements().filter(|e| sight.contains(&e.id));
            InSight {
                own,
                places: seen().map(|e| e.id).collect(),
                vendors: seen().map(|e| e.vendor.id).collect(),
            }
        });
        let after = page.after_id()?;
        let rows = db::statement::declarations_of(conn, contract, in_sight.as_ref(), after, page.rows())?;
        let views = of_contract(conn, &case, &known, &rows)?;
        Ok(Paged::cut(page, views, |view| view.id.to_string(), |view| view))
    })
}

/// A contract's declarations, in the caller's sight.
pub(super) fn of_contract(
    conn: &mut Conn,
    case: &Case,
    known: &Known<'_>,
    rows: &[DeclarationRow],
) -> Result<Vec<DeclarationView>, Failure> {
    let ids: Vec<DeclarationId> = rows.iter().map(|row| row.id).collect();
    let sight = case.sight(known);
    let mut uses = uses_of(conn, &[case.id()], &ids)?;
    let view = |row: &DeclarationRow| {
        let origin = StatementOrigin::Declaration(row.id);
        let declarer = known.engagements().find(|e| e.vendor.id == row.organization_id);
        let retracted = case.facts.chain.retractions.iter().any(|r| r.origin == origin);
        let mut said = uses.remove(&row.id).unwrap_or_default();
        said.retain(|one| case.is_agency_side() || sight.contains(&one.engagement_id));
        let name = declarer.map(|e| e.vendor.name.clone()).unwrap_or_default();
        DeclarationView::of(row, name, retracted, said)
    };
    rows.iter().map(view).collect()
}

/// What declarations say, by declaration.
fn uses_of(
    conn: &mut Conn,
    contracts: &[ContractId],
    ids: &[DeclarationId],
) -> Result<HashMap<DeclarationId, Vec<DeclaredUse>>, DbError> {
    let mut uses: HashMap<DeclarationId, Vec<DeclaredUse>> = HashMap::new();
    for row in db::statement::declared_uses(conn, contracts, ids)? {
        uses.entry(row.declaration_id).or_default().push(row.try_into()?);
    }
    Ok(uses)
}

/// The declarations that a vendor made itself, or those on an agency's contracts; newest first.
pub fn mine(
    app: &App,
    call: &Call,
    narrow: &NarrowQuery,
    page: &Page,
) -> Result<Paged<ReceiptView>, Failure> {
    let after = page.after_id()?;
    app.db.read(|conn| {
        let rows = db::statement::declarations(conn, &call.scope(), &narrow.of(call), after, page.rows())?;
        let cut = Paged::cut(page, rows, |row| row.id.to_string(), |row| row);
        Ok(Paged { items: views(conn, cut.items)?, next_cursor: cut.next_cursor })
    })
}

/// How many that is in all.
pub fn count(app: &App, call: &Call, narrow: &NarrowQuery) -> Result<Total, Failure> {
    let (scope, narrow) = (call.scope(), narrow.of(call));
    let count = |conn: &mut Conn| db::statement::count_declarations(conn, &scope, &narrow, Total::BOUND);
    Ok(Total::of(app.db.read_one::<_, DbError>(count)?))
}

/// One of them.
pub fn find(app: &App, call: &Call, id: DeclarationId) -> Result<ReceiptView, Failure> {
    app.db.read(|conn| {
        let row = db::statement::declaration(conn, &call.scope(), id)?;
        views(conn, vec![row])?.pop().ok_or(Failure::NotFound)
    })
}

/// A vendor sees none but its own here, and whom it declared was in its sight: nothing is left out.
fn views(conn: &mut Conn, rows: Vec<DeclarationRow>) -> Result<Vec<ReceiptView>, Failure> {
    let contracts: Vec<ContractId> = rows.iter().map(|row| row.contract_id).collect();
    let ids: Vec<DeclarationId> = rows.iter().map(|row| row.id).collect();
    let declarers: Vec<OrganizationId> = rows.iter().map(|row| row.organization_id).collect();
    let labels = db::contract::labels(conn, &contracts)?;
    let names = db::organization::names(conn, &declarers)?;
    let retracted = db::statement::retracted(conn, &contracts, &ids)?;
    let mut uses = uses_of(conn, &contracts, &ids)?;
    rows.into_iter()
        .map(|row| {
            let (contract_number, contract_title) = labels.get(&row.contract_id).cloned().unwrap_or_default();
            let name = names.get(&row.organization_id).cloned().unwrap_or_default();
            let uses = uses.remove(&row.id).unwrap_or_default();
            let declaration = DeclarationView::of(&row, name, retracted.contains(&row.id), uses)?;
            Ok(ReceiptView { contract_id: row.contract_id, contract_number, contract_title, declaration })
        })
        .collect()
}
