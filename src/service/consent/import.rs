//! 既承認 from a file, when an office adopts itaku: all rows or none, in the name of an approver.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{RecordedConsentInput, record_in};
use crate::db::{self, Author, ChainKey, Conn, DbError, Tx};
use crate::domain::access::{Role, Scope};
use crate::domain::chain::{Engagement, Known, Vendor};
use crate::domain::company::{Likeness, likeness, may_be_one};
use crate::domain::contract::DataCategory;
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::id::{ContractId, OrganizationId, UserId};
use crate::domain::input::{FieldError, Mode, parse};
use crate::domain::text::{number_key, same_company, thousands};
use crate::exchange::consents::{ConsentFile, ConsentRow, column_of};
use crate::exchange::table::RowError;
use crate::service::case::Case;
use crate::service::contract::import::Warning;
use crate::service::register::Problem;
use crate::service::vendor::InlineVendor;
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
    pub warnings: Vec<Warning>,
}

/// What became of a row.
enum Outcome {
    /// With what a person should look at.
    Taken(Vec<Warning>),
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
    let (agency, author) =
        app.db.read::<_, Failure>(|conn| approver(app, conn, agency_code, approver_email))?;
    import_as(app, (agency, author, None), file, dry_run, |_| Ok(()))
}

/// As [`import`], for an agency and a person that are known, and of a draft whose it is; `settle` is part of what is
/// written, and done only where something is.
pub(super) fn import_as(
    app: &App,
    (agency, author, drafted_by): (OrganizationId, Author, Option<UserId>),
    file: &ConsentFile,
    dry_run: bool,
    settle: impl Fn(&mut Conn) -> Result<(), Failure>,
) -> Result<ConsentSummary, Failure> {
    let done = app.db.write_long::<_, Undone>(|conn| {
        let mut problems: BTreeMap<u64, Vec<RowError>> = BTreeMap::new();
        for error in &file.bad {
            problems.entry(error.line).or_default().push(error.clone());
        }
        take_chains(conn, agency, file).map_err(Undone::Failed)?;
        let (mut taken, mut duplicates) = (0, 0);
        let mut warnings: Vec<Warning> = file.notes.iter().map(Warning::from).collect();
        for row in &file.rows {
            match take(app, conn, agency, (author, drafted_by), row) {
                Ok(Outcome::Taken(told)) => {
                    taken += 1;
                    warnings.extend(told);
                }
                Ok(Outcome::Duplicate) => duplicates += 1,
                Err(failure) => {
                    problems.insert(row.line, row_errors(row, failure).map_err(Undone::Failed)?);
                }
            }
        }
        warnings.sort_by_key(|warning| warning.line);
        let summary = ConsentSummary {
            written: problems.is_empty() && taken > 0 && !dry_run,
            rows: file.count(),
            taken,
            duplicates,
            bad: problems.len(),
            problems: problems.values().flatten().map(Problem::from).collect(),
            warnings,
        };
        if !summary.written {
            return Err(Undone::Looked(summary));
        }
        settle(conn).map_err(Undone::Failed)?;
        Ok(summary)
    });
    match done {
        Ok(summary) | Err(Undone::Looked(summary)) => Ok(summary),
        Err(Undone::Failed(failure)) => Err(failure),
    }
}

/// Takes the chains of all contracts that the file names, in order of id, and then the agency's, as every act on one
/// contract does: nobody waits in a circle.
fn take_chains(conn: &mut Conn, agency: OrganizationId, file: &ConsentFile) -> Result<(), Failure> {
    let mut contracts = BTreeSet::new();
    for row in &file.rows {
        contracts.extend(db::contract::by_number(conn, agency, &row.contract_number)?);
    }
    for contract in contracts {
        db::tx::hold(conn, contract.cast())?;
    }
    Ok(db::tx::hold(conn, agency.cast())?)
}

fn approver(
    app: &App,
    conn: &mut Conn,
    agency_code: &str,
    email: &str,
) -> Result<(OrganizationId, Author), Failure> {
    let agency = db::organization::by_code(conn, agency_code)?.ok_or_else(|| {
        Failure::field(
            "/agency",
            "unknown",
            format!("機関コード「{agency_code}」の機関は登録されていません。"),
        )
    })?;
    let user = db::user::by_email(conn, email)?
        .filter(|user| user.organization_id == agency.id && user.is_usable(app.today()));
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
    (author, drafted_by): (Author, Option<UserId>),
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
    let parent = parent(&known, row)?;
    let mut input = row.input.clone();
    input.insert("parent_engagement_id".to_owned(), Value::String(parent.id.to_string()));
    let given: RecordedConsentInput =
        parse(&Value::Object(input), Mode::Lenient).map_err(Failure::Invalid)?;
    if is_there(tx.conn, contract, &case, parent, &given)? {
        return Ok(Outcome::Duplicate);
    }
    record_in(&mut tx, &case, &given, (author.user_id, drafted_by))?;
    alert::reevaluate(&mut tx, contract)?;
    tx.close()?;
    Ok(Outcome::Taken(beyond_the_contract(&known, row, &given)))
}

/// Where the row's amount or its persons are more than the contract's own of the day on which the consent begins.
fn beyond_the_contract(known: &Known<'_>, row: &ConsentRow, given: &RecordedConsentInput) -> Vec<Warning> {
    let Some(terms) = known.terms_on(given.valid_from).or_else(|| known.terms()) else { return Vec::new() };
    let mut found = Vec::new();
    let mut compare = |pointer: &str, what: &str, unit: &str, stated: i64, whole: i64| {
        if stated > whole {
            let message = format!(
                "{what}の{}{unit}が、契約の{}{unit}を超えています。桁や単位を確かめてください。",
                thousands(stated),
                thousands(whole)
            );
            found.push(Warning { line: row.line, column: column_of(pointer).to_owned(), message });
        }
    };
    compare("/amount_yen", "金額", "円", given.amount_yen, terms.amount_yen);
    for stated in &given.data {
        let (pointer, what) = match stated.category {
            DataCategory::Personal => ("/personal", "個人情報"),
            DataCategory::MyNumber => ("/my_number", "マイナンバー"),
            DataCategory::Sensitive => ("/sensitive", "要配慮個人情報"),
        };
        let whole = terms.data.iter().find(|whole| whole.category == stated.category);
        compare(pointer, what, "人", stated.persons, whole.map_or(0, |whole| whole.persons));
    }
    found
}

/// The engagement that the row names as the one above, by its id, number and name, as far as they are given; none of
/// them: the prime. One that stands in several places must be told apart.
fn parent<'a>(known: &Known<'a>, row: &ConsentRow) -> Result<&'a Engagement, Failure> {
    let ConsentRow { parent_engagement_id, parent_corporate_number, parent_name, .. } = row;
    let mut found: Vec<&Engagement> = known.engagements().collect();
    if parent_engagement_id.is_empty() && parent_corporate_number.is_empty() && parent_name.is_empty() {
        found.retain(|e| e.tier == 1);
    }
    if !parent_engagement_id.is_empty() {
        found.retain(|e| e.id.as_str() == parent_engagement_id);
        if found.is_empty() {
            let message = "この契約の体制に、この再委託IDはありません。";
            return Err(Failure::field("/parent_engagement_id", "unknown", message));
        }
    }
    if !parent_corporate_number.is_empty() {
        let number = parent_corporate_number.parse::<CorporateNumber>().map_err(|error| {
            Failure::field("/parent_corporate_number", "corporate_number", error.to_string())
        })?;
        found.retain(|e| e.vendor.corporate_number.as_deref() == Some(number.as_str()));
    }
    if !parent_name.is_empty() {
        let named = |e: &&Engagement| same_company(&e.vendor.name, parent_name);
        let akin = |e: &&Engagement| {
            if parent_corporate_number.is_empty() {
                may_be_one(&e.vendor.name, parent_name)
            } else {
                likeness(&e.vendor.name, parent_name) != Likeness::Other
            }
        };
        let is_other = !found.iter().any(akin) && !parent_corporate_number.is_empty();
        if let Some(other) = found.first().filter(|_| is_other) {
            let message = format!(
                "法人番号{parent_corporate_number}の事業者は「{}」です。名称または番号を確かめてください。",
                other.vendor.name
            );
            return Err(Failure::field("/parent_name", "name_mismatch", message));
        }
        if found.iter().any(named) {
            found.retain(named);
        } else {
            found.retain(akin);
        }
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let message =
                "上位の事業者が、この契約の体制に見つかりません。上位の承認を先の行に置いてください。";
            Err(Failure::field("/parent_name", "unknown", message))
        }
        several => {
            let places: Vec<String> = several.iter().map(|e| described(known, e)).collect();
            let message = format!(
                "上位の事業者は、この契約の体制の{}か所にあります。「上位再委託ID」の列に、どれかを入力してください：{}",
                several.len(),
                places.join("、")
            );
            Err(Failure::field("/parent_name", "ambiguous", message))
        }
    }
}

fn described(known: &Known<'_>, engagement: &Engagement) -> String {
    let above = known.ancestors(engagement.id).next().map_or("", |parent| parent.vendor.name.as_str());
    format!("「{above}」の下（{}）", engagement.id)
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
        .filter(|e| named.is_some_and(|vendor| is_vendor(vendor, &e.vendor)))
        .flat_map(|e| known.consents(e.id))
        .any(|held| {
            held.consent.valid_from == given.valid_from
                && bodies
                    .get(&held.consent.id)
                    .and_then(|b| b.document_number.as_deref())
                    .is_some_and(|number| number_key(number) == number_key(&given.document_number))
        });
    Ok(there)
}

/// By 法人番号 where the row has one, else by name.
fn is_vendor(named: &InlineVendor, vendor: &Vendor) -> bool {
    match named.corporate_number {
        Some(number) => vendor.corporate_number.as_deref() == Some(number.as_str()),
        None => same_company(&named.name, &vendor.name),
    }
}

/// What is wrong with a row; a failure that is not the row's own ends the import.
fn row_errors(row: &ConsentRow, failure: Failure) -> Result<Vec<RowError>, Failure> {
    match failure {
        Failure::Invalid(errors) => {
            let mut told = Vec::new();
            for FieldError { pointer, message, .. } in errors {
                let column = column_of(&pointer).to_owned();
                let error = RowError { line: row.line, column, code: "invalid", message };
                // One column may fill two fields.
                if !told.contains(&error) {
                    told.push(error);
                }
            }
            Ok(told)
        }
        Failure::Conflict { code: code @ "name_mismatch", message } => {
            let column = column_of("/vendor/name").to_owned();
            Ok(vec![RowError { line: row.line, column, code, message }])
        }
        Failure::Conflict { code, message } => Ok(vec![RowError::whole(row.line, code, message)]),
        other => Err(other),
    }
}
