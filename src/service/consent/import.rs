//! 既承認 from a file, when an office adopts itaku: all rows or none, in the name of an approver.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{RecordedConsentInput, record_in};
use crate::db::{self, Author, ChainKey, Conn, DbError, Tx};
use crate::domain::access::{Role, Scope};
use crate::domain::chain::Engagement;
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::id::{ContractId, OrganizationId};
use crate::domain::input::{FieldError, Mode, parse};
use crate::domain::text::same_company;
use crate::exchange::consents::{ConsentFile, ConsentRow, column_of};
use crate::exchange::table::RowError;
use crate::service::case::Case;
use crate::service::register::Problem;
use crate::service::{App, Failure, alert};

/// What became of a file. `taken` + `duplicates` + `bad` = `rows`.
#[derive(Debug, Clone, Serialize)]
pub struct ConsentSummary {
    pub written: bool,
    pub rows: usize,
    pub taken: usize,
    /// The same document for the same vendor is there already.
    pub duplicates: usize,
    pub bad: usize,
    pub problems: Vec<Problem>,
}

/// What became of a row.
enum Outcome {
    Taken,
    Duplicate,
}

/// Why a transaction was not kept: the file was only looked at, or rows were bad.
enum Undone {
    Looked(ConsentSummary),
    Failed(Failure),
}

impl From<DbError> for Undone {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes in a file for the agency of that code, in the name of one of its approvers.
pub fn import(
    app: &App,
    agency_code: &str,
    approver_email: &str,
    file: &ConsentFile,
    dry_run: bool,
) -> Result<ConsentSummary, Failure> {
    let (agency, author) = app.db.read::<_, Failure>(|conn| approver(conn, agency_code, approver_email))?;
    let done = app.db.write::<_, Undone>(|conn| {
        let mut problems: BTreeMap<u64, Vec<RowError>> = BTreeMap::new();
        for error in &file.bad {
            problems.entry(error.line).or_default().push(error.clone());
        }
        let (mut taken, mut duplicates) = (0, 0);
        for row in &file.rows {
            match take(app, conn, agency, author, row) {
                Ok(Outcome::Taken) => taken += 1,
                Ok(Outcome::Duplicate) => duplicates += 1,
                Err(failure) => {
                    problems.insert(row.line, row_errors(row, failure).map_err(Undone::Failed)?);
                }
            }
        }
        let summary = ConsentSummary {
            written: problems.is_empty() && !dry_run,
            rows: file.rows.len() + file.bad.len(),
            taken,
            duplicates,
            bad: problems.len(),
            problems: problems.values().flatten().map(Problem::from).collect(),
        };
        if summary.written { Ok(summary) } else { Err(Undone::Looked(summary)) }
    });
    match done {
        Ok(summary) | Err(Undone::Looked(summary)) => Ok(summary),
        Err(Undone::Failed(failure)) => Err(failure),
    }
}

fn approver(conn: &mut Conn, agency_code: &str, email: &str) -> Result<(OrganizationId, Author), Failure> {
    let agency = db::organization::by_code(conn, agency_code)?.ok_or_else(|| {
        Failure::field(
            "/agency",
            "unknown",
            format!("機関コード「{agency_code}」の機関は登録されていません。"),
        )
    })?;
    let user =
        db::user::by_email(conn, email)?.filter(|user| user.organization_id == agency.id && user.active);
    let unknown =
        || Failure::field("/approver", "unknown", "この機関の決裁者のメールアドレスを指定してください。");
    let user = user.ok_or_else(unknown)?;
    if !db::user::roles(conn, &[user.id])?.get(&user.id).is_some_and(|roles| roles.contains(&Role::Approver))
    {
        return Err(unknown());
    }
    Ok((agency.id, Author { user_id: user.id, organization_id: agency.id }))
}

fn take(
    app: &App,
    conn: &mut Conn,
    agency: OrganizationId,
    author: Author,
    row: &ConsentRow,
) -> Result<Outcome, Failure> {
    let contract = db::contract::by_number(conn, agency, &row.contract_number)?.ok_or_else(|| {
        Failure::field(
            "/contract_number",
            "unknown",
            format!("契約番号「{}」の契約は登録されていません。", row.contract_number),
        )
    })?;
    let mut tx = Tx::on(conn, &app.sources, Some(author), ChainKey::Existing(contract.cast()))?;
    let case = Case::open(tx.conn, Scope::Agency(agency), contract)?;
    let known = case.facts.chain.now();
    let parent = parent(known.engagements(), row)?;
    let mut input = row.input.clone();
    input.insert("parent_engagement_id".to_owned(), Value::String(parent.id.to_string()));
    let given: RecordedConsentInput =
        parse(&Value::Object(input), Mode::Lenient).map_err(Failure::Invalid)?;
    if is_there(tx.conn, contract, &case, parent, &given)? {
        return Ok(Outcome::Duplicate);
    }
    record_in(&mut tx, &case, &given, author.user_id)?;
    alert::reevaluate(&mut tx, contract)?;
    tx.close()?;
    Ok(Outcome::Taken)
}

/// The engagement that the row names as the one above: by number, else by name; neither: the prime.
fn parent<'a>(
    mut engagements: impl Iterator<Item = &'a Engagement>,
    row: &ConsentRow,
) -> Result<&'a Engagement, Failure> {
    let number = row.parent_corporate_number.parse::<CorporateNumber>().ok();
    let found = if row.parent_corporate_number.is_empty() && row.parent_name.is_empty() {
        engagements.find(|e| e.tier == 1)
    } else {
        engagements.find(|e| match (number, &e.vendor.corporate_number) {
            (Some(number), Some(known)) => known == number.as_str(),
            (Some(_), None) => false,
            (None, _) => same_company(&e.vendor.name, &row.parent_name),
        })
    };
    found.ok_or_else(|| {
        let message = "上位の事業者が、この契約の体制に見つかりません。上位の承認を先の行に置いてください。";
        Failure::field("/parent_name", "unknown", message)
    })
}

/// Whether the same document for the same vendor under that parent has been entered.
fn is_there(
    conn: &mut Conn,
    contract: ContractId,
    case: &Case,
    parent: &Engagement,
    given: &RecordedConsentInput,
) -> Result<bool, Failure> {
    let known = case.facts.chain.now();
    let bodies = db::chain::consent_bodies(conn, contract)?;
    let named = given.vendor.as_ref();
    let there = known
        .engagements()
        .filter(|e| e.parent_id == Some(parent.id))
        .filter(|e| named.is_some_and(|vendor| same_company(&vendor.name, &e.vendor.name)))
        .flat_map(|e| known.consents(e.id))
        .any(|held| {
            held.consent.valid_from == given.valid_from
                && bodies.get(&held.consent.id).and_then(|b| b.document_number.as_deref())
                    == Some(&given.document_number)
        });
    Ok(there)
}

/// What is wrong with a row; a failure that is not the row's own ends the import.
fn row_errors(row: &ConsentRow, failure: Failure) -> Result<Vec<RowError>, Failure> {
    match failure {
        Failure::Invalid(errors) => Ok(errors
            .into_iter()
            .map(|FieldError { pointer, message, .. }| RowError {
                line: row.line,
                column: column_of(&pointer).to_owned(),
                code: "invalid",
                message,
            })
            .collect()),
        Failure::Conflict { code, message } => Ok(vec![RowError::whole(row.line, code, message)]),
        other => Err(other),
    }
}
