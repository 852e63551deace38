//! What a file would bring, row by row, for a person to look at before it is taken in.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::{ImportOptions, ImportSummary, Plan, own_rows};
use crate::db::{self, Conn, DbError};
use crate::domain::id::OrganizationId;
use crate::domain::lookalike::{is_one_slip, skeleton};
use crate::domain::text::search_key;
use crate::exchange::contracts::{ContractFile, ImportedContract, Outcome};
use crate::service::{App, Failure};
use crate::text_enum;

text_enum! {
    /// What becomes of a row.
    pub enum Fate {
        /// 取り込む
        Taken = "taken",
        /// The agency has the contract.
        Registered = "registered",
        /// The file has the row twice.
        Repeated = "repeated",
        /// Another party of a joint contract in the file.
        Joined = "joined",
        /// Another agency's.
        Elsewhere = "elsewhere",
        Bad = "bad",
    }
}

/// A row of the file. What can't be read of a bad one is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookedRow {
    pub line: u64,
    pub fate: Fate,
    /// The line that has the same or the joint contract.
    pub of: Option<u64>,
    /// Whose it is, where it is another agency's.
    pub agency: Option<String>,
    pub number: Option<String>,
    pub title: Option<String>,
    /// As the file names it: by name, by number, or both.
    pub vendor: Option<String>,
    pub corporate_number: Option<String>,
    pub amount_yen: Option<i64>,
    pub signed_on: Option<NaiveDate>,
    pub starts_on: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
}

/// A vendor that would be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookedVendor {
    /// The line that names it first.
    pub line: u64,
    pub name: String,
    pub corporate_number: Option<String>,
    /// A vendor registered before, or another of the file's, whose name looks the same or is one letter apart: a slip of the
    /// hand would become a company.
    pub near: Option<String>,
}

/// What a file would bring.
#[derive(Debug, Clone)]
pub struct Look {
    /// Of a dry run.
    pub summary: ImportSummary,
    /// Every row, in order.
    pub rows: Vec<LookedRow>,
    /// By line.
    pub vendors: Vec<LookedVendor>,
}

/// Looks at a file for an agency; nothing is written.
pub fn look(
    app: &App,
    agency: OrganizationId,
    file: &ContractFile,
    all_agencies: bool,
) -> Result<Look, Failure> {
    let options = ImportOptions { dry_run: true, skip_bad: false, all_agencies };
    let file = &own_rows(app, agency, file, options)?;
    app.db.read(|conn| {
        let plan = Plan::make(conn, agency, file, app.today())?;
        let mut vendors: Vec<LookedVendor> = plan
            .vendors
            .new
            .values()
            .map(|vendor| LookedVendor {
                line: vendor.line,
                name: vendor.name.clone(),
                corporate_number: vendor.number.map(|number| number.to_string()),
                near: None,
            })
            .collect();
        vendors.sort_by_key(|vendor| vendor.line);
        find_near(conn, &mut vendors)?;
        Ok(Look { summary: plan.summary(file), rows: rows(&plan, file), vendors })
    })
}

/// Vendors whose names are compared.
const COMPARED: i64 = 20_000;

/// Names beside each new vendor the one it may be a slip of.
fn find_near(conn: &mut Conn, vendors: &mut [LookedVendor]) -> Result<(), DbError> {
    if vendors.is_empty() {
        return Ok(());
    }
    let mut known = db::organization::vendor_names(conn, COMPARED)?;
    for vendor in vendors {
        let looks = skeleton(&vendor.name);
        // 第1工場 and 第2工場 are two: a number is seldom a slip.
        let digits = |name: &str| search_key(name).chars().filter(char::is_ascii_digit).collect::<String>();
        let own = digits(&vendor.name);
        let near = known.iter().find(|(name, other)| {
            *name != vendor.name
                && !looks.is_empty()
                && (looks == *other || is_one_slip(&looks, other) && digits(name) == own)
        });
        vendor.near = near.map(|(name, _)| name.clone());
        known.push((vendor.name.clone(), looks));
    }
    Ok(())
}

fn rows(plan: &Plan<'_>, file: &ContractFile) -> Vec<LookedRow> {
    let stated: HashMap<u64, &ImportedContract> = file.taken().collect();
    let bad: HashSet<u64> = plan.problems.keys().copied().collect();
    let mut rows: Vec<LookedRow> = file
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Taken { line, contract } => {
                let fate = if bad.contains(line) {
                    Fate::Bad
                } else if plan.registered.contains(line) {
                    Fate::Registered
                } else {
                    Fate::Taken
                };
                row(*line, fate, None, Some(contract))
            }
            Outcome::Duplicate { line, of } => row(*line, Fate::Repeated, Some(*of), stated.get(of).copied()),
            Outcome::Joined { line, into } => {
                row(*line, Fate::Joined, Some(*into), stated.get(into).copied())
            }
            Outcome::Elsewhere { line, agencies } => {
                LookedRow { agency: Some(agencies.clone()), ..row(*line, Fate::Elsewhere, None, None) }
            }
            Outcome::Bad { line, .. } => row(*line, Fate::Bad, None, None),
        })
        .collect();
    rows.sort_by_key(|row| row.line);
    rows
}

fn row(line: u64, fate: Fate, of: Option<u64>, stated: Option<&ImportedContract>) -> LookedRow {
    // The row of another party has a company of its own.
    let vendor = stated.map(|contract| &contract.vendor).filter(|_| fate != Fate::Joined);
    LookedRow {
        line,
        fate,
        of,
        agency: None,
        number: stated.map(|contract| contract.number.clone()),
        title: stated.map(|contract| contract.title.clone()),
        vendor: vendor.and_then(|vendor| vendor.name.clone()),
        corporate_number: vendor.and_then(|vendor| vendor.corporate_number).map(|number| number.to_string()),
        amount_yen: stated.map(|contract| contract.amount_yen),
        signed_on: stated.map(|contract| contract.signed_on),
        starts_on: stated.map(|contract| contract.starts_on),
        ends_on: stated.map(|contract| contract.ends_on),
    }
}
