//! Contracts from a file: all rows or none, unless bad ones may be left out; duplicates within the file and against
//! the ledger are recognized; each contract gets its own chain, all of them in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::register::{Registration, register_in};
use super::terms::{RETURN_DUE_DAYS, contradictions};
use crate::db::organization::NewOrganization;
use crate::db::register::Numbered;
use crate::db::{self, Author, ChainKey, Conn, Tx};
use crate::domain::access::OrganizationKind;
use crate::domain::contract::{ContractOrigin, DeclarationInterval, Overseas, Policy, Subcontracting, Terms};
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::id::OrganizationId;
use crate::domain::text::company_key;
use crate::exchange::contracts::{ContractFile, ImportedContract, ImportedVendor, Origin, Outcome};
use crate::exchange::table::RowError;
use crate::service::register::Problem;
use crate::service::{App, Failure, organization};

/// Most tiers, and most days for giving data back, that a contract can have.
const MAX_TIER: i32 = 10;
const MAX_RETURN_DAYS: i32 = 365;

/// How a file is taken in.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// Nothing is written; the summary says what would be.
    pub dry_run: bool,
    /// Good rows are taken although others are bad.
    pub skip_bad: bool,
}

/// Something a person should look at, though the row was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub line: u64,
    pub message: String,
}

/// What became of a file. `taken` + `duplicates` + `bad` = `rows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportSummary {
    /// Whether anything was written: not in a dry run, and not where a bad row stopped it.
    pub written: bool,
    pub origin: String,
    pub encoding: String,
    pub rows: usize,
    /// Contracts written, or that would be.
    pub taken: usize,
    /// Rows that stand in the file already, or in the ledger.
    pub duplicates: usize,
    pub bad: usize,
    /// Vendors registered for them.
    pub new_vendors: usize,
    /// Everything wrong, by line.
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
}

/// Takes in a file for the agency of that code. The contracts have no responsible officer until they are handed to
/// one; those that still run are looked at by the next sweep.
pub fn import(
    app: &App,
    author: Option<Author>,
    agency_code: &str,
    file: &ContractFile,
    options: ImportOptions,
) -> Result<ImportSummary, Failure> {
    let agency = app.db.read(|conn| db::organization::by_code(conn, agency_code))?;
    let agency = agency.filter(|agency| agency.kind == OrganizationKind::Agency).map(|agency| agency.id);
    let agency = agency.ok_or_else(|| {
        Failure::field(
            "/agency",
            "unknown",
            format!("機関コード「{agency_code}」の機関は登録されていません。"),
        )
    })?;
    if options.dry_run {
        return app.db.read(|conn| Ok(Plan::make(conn, agency, file)?.summary(file)));
    }
    app.db.write(|conn| {
        let plan = Plan::make(conn, agency, file)?;
        let mut summary = plan.summary(file);
        if plan.problems.is_empty() || options.skip_bad {
            plan.carry_out(app, conn, author, agency)?;
            summary.written = true;
        }
        Ok(summary)
    })
}

/// What is to be written for a file.
struct Plan<'a> {
    taken: Vec<(&'a ImportedContract, VendorKey)>,
    duplicates: usize,
    /// By line.
    problems: BTreeMap<u64, Vec<RowError>>,
    vendors: Vendors<'a>,
}

/// How a file's vendor is told from others: by number, else by the key of its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum VendorKey {
    Number(CorporateNumber),
    Name(String),
}

impl VendorKey {
    /// None never occurs: the reader refuses a row with neither.
    fn of(vendor: &ImportedVendor) -> Option<Self> {
        match (vendor.corporate_number, &vendor.name) {
            (Some(number), _) => Some(Self::Number(number)),
            (None, Some(name)) => Some(Self::Name(company_key(name))),
            (None, None) => None,
        }
    }
}

/// The vendors of a file.
#[derive(Default)]
struct Vendors<'a> {
    known: HashMap<VendorKey, OrganizationId>,
    /// Numbers that belong to an agency.
    agencies: HashSet<CorporateNumber>,
    /// To be registered: the line that names it first, and the name it gets.
    new: BTreeMap<VendorKey, NewVendor<'a>>,
}

struct NewVendor<'a> {
    line: u64,
    name: String,
    /// Neither the file nor the register says its name.
    nameless: bool,
    given: &'a ImportedVendor,
}

impl<'a> Plan<'a> {
    fn make(conn: &mut Conn, agency: OrganizationId, file: &'a ContractFile) -> Result<Self, Failure> {
        let numbers: Vec<&str> = file.taken().map(|(_, contract)| contract.number.as_str()).collect();
        let present = db::contract::known_numbers(conn, agency, &numbers)?;
        let mut plan = Self {
            taken: Vec::new(),
            duplicates: 0,
            problems: file.bad().map(|(line, errors)| (line, errors.to_vec())).collect(),
            vendors: Vendors::load(conn, file)?,
        };
        let names = registered_names(conn, file)?;
        for outcome in &file.outcomes {
            match outcome {
                Outcome::Taken { contract, .. } if present.contains(&contract.number) => plan.duplicates += 1,
                Outcome::Taken { line, contract } => plan.judge(*line, contract, &names),
                Outcome::Duplicate { .. } => plan.duplicates += 1,
                Outcome::Bad { .. } => {}
            }
        }
        Ok(plan)
    }

    fn judge(&mut self, line: u64, contract: &'a ImportedContract, names: &HashMap<String, String>) {
        let mut errors = beyond_limits(line, contract);
        let key = VendorKey::of(&contract.vendor);
        if contract.vendor.corporate_number.is_some_and(|number| self.vendors.agencies.contains(&number)) {
            let message = "この法人番号は機関として登録されているため、受託者にできません。".to_owned();
            errors.push(RowError::whole(line, "vendor_is_agency", message));
        }
        match key {
            Some(key) if errors.is_empty() => {
                self.vendors.meet(line, &key, &contract.vendor, names);
                self.taken.push((contract, key));
            }
            _ => {
                self.problems.insert(line, errors);
            }
        }
    }

    fn summary(&self, file: &ContractFile) -> ImportSummary {
        let nameless = self.vendors.new.values().filter(|vendor| vendor.nameless);
        let mut warnings: Vec<Warning> = nameless
            .map(|vendor| Warning {
                line: vendor.line,
                message: format!(
                    "受託者の名称が分からないため「{}」として登録します。法人番号の登録情報を取り込んでから、名称を改めてください。",
                    vendor.name
                ),
            })
            .collect();
        warnings.sort_by_key(|warning| warning.line);
        ImportSummary {
            written: false,
            origin: file.origin.to_string(),
            encoding: file.encoding.to_string(),
            rows: file.outcomes.len(),
            taken: self.taken.len(),
            duplicates: self.duplicates,
            bad: self.problems.len(),
            new_vendors: self.vendors.new.len(),
            problems: self.problems.values().flatten().map(Problem::from).collect(),
            warnings,
        }
    }

    fn carry_out(
        mut self,
        app: &App,
        conn: &mut Conn,
        author: Option<Author>,
        agency: OrganizationId,
    ) -> Result<(), Failure> {
        self.vendors.register(app, conn, author, agency)?;
        let today = app.today();
        for (contract, key) in self.taken {
            let lost = || Failure::Internal("a vendor of the file was not registered".to_owned());
            let vendor_id = self.vendors.known.get(&key).copied().ok_or_else(lost)?;
            let new = registration(app, contract, vendor_id);
            let chain = ChainKey::New { id: new.id.cast(), organization_id: agency };
            let mut tx = Tx::on(conn, &app.sources, author, chain)?;
            register_in(&mut tx, &new)?;
            db::due::set(tx.conn, db::due::CONTRACT, new.id, agency, Some(today))?;
            tx.close()?;
        }
        Ok(())
    }
}

impl<'a> Vendors<'a> {
    fn load(conn: &mut Conn, file: &ContractFile) -> Result<Self, Failure> {
        let mut found = Self::default();
        let numbers = numbers(file);
        let numbers: Vec<&str> = numbers.iter().map(CorporateNumber::as_str).collect();
        for (number, Numbered { id, kind, .. }) in db::register::organizations_of(conn, &numbers)? {
            let Ok(number) = number.parse::<CorporateNumber>() else { continue };
            if kind == OrganizationKind::Vendor {
                found.known.insert(VendorKey::Number(number), id);
            } else {
                found.agencies.insert(number);
            }
        }
        let named: HashSet<&str> = file
            .taken()
            .filter(|(_, contract)| contract.vendor.corporate_number.is_none())
            .filter_map(|(_, contract)| contract.vendor.name.as_deref())
            .collect();
        for name in named {
            if let Some(row) = db::organization::unnumbered_vendor(conn, name, None)? {
                found.known.insert(VendorKey::Name(company_key(name)), row.id);
            }
        }
        Ok(found)
    }

    /// Notes a vendor that is not registered yet.
    fn meet(
        &mut self,
        line: u64,
        key: &VendorKey,
        given: &'a ImportedVendor,
        names: &HashMap<String, String>,
    ) {
        if self.known.contains_key(key) {
            return;
        }
        self.new.entry(key.clone()).or_insert_with(|| {
            let number = given.corporate_number.map(|number| number.to_string()).unwrap_or_default();
            let name = names.get(&number).filter(|name| !name.is_empty()).or(given.name.as_ref());
            NewVendor {
                line,
                nameless: name.is_none(),
                name: name.cloned().unwrap_or_else(|| format!("法人番号 {number}")),
                given,
            }
        });
    }

    /// Registers what is new, in the agency's own chain.
    fn register(
        &mut self,
        app: &App,
        conn: &mut Conn,
        author: Option<Author>,
        agency: OrganizationId,
    ) -> Result<(), Failure> {
        if self.new.is_empty() {
            return Ok(());
        }
        let chain = if db::organization::has_chain(conn, agency)? {
            ChainKey::Existing(agency.cast())
        } else {
            ChainKey::New { id: agency.cast(), organization_id: agency }
        };
        let mut tx = Tx::on(conn, &app.sources, author, chain)?;
        for (key, vendor) in std::mem::take(&mut self.new) {
            let id: OrganizationId = tx.new_id();
            let number = vendor.given.corporate_number;
            let new = NewOrganization {
                id,
                kind: OrganizationKind::Vendor,
                code: None,
                name: &vendor.name,
                corporate_number: number,
                country: "JP",
                address: None,
                contact_email: None,
            };
            organization::insert(&mut tx, &new)?;
            self.known.insert(key, id);
        }
        Ok(tx.close()?)
    }
}

fn numbers(file: &ContractFile) -> Vec<CorporateNumber> {
    let numbers: HashSet<CorporateNumber> =
        file.taken().filter_map(|(_, contract)| contract.vendor.corporate_number).collect();
    numbers.into_iter().collect()
}

/// The names that the corporate-number register gives.
fn registered_names(conn: &mut Conn, file: &ContractFile) -> Result<HashMap<String, String>, Failure> {
    let numbers = numbers(file);
    let numbers: Vec<&str> = numbers.iter().map(CorporateNumber::as_str).collect();
    let records = db::register::records(conn, &numbers)?;
    Ok(records.into_iter().map(|(number, record)| (number, record.name)).collect())
}

/// What a file may say but a contract can't have.
fn beyond_limits(line: u64, contract: &ImportedContract) -> Vec<RowError> {
    let mut errors: Vec<RowError> = contradictions(&terms(contract))
        .into_iter()
        .map(|error| RowError::whole(line, "contradiction", error.message))
        .collect();
    if contract.max_tier.is_some_and(|tier| tier > MAX_TIER) {
        errors.push(RowError::whole(
            line,
            "too_large",
            format!("最大階層は{MAX_TIER}以下で入力してください。"),
        ));
    }
    if contract.return_due_days.is_some_and(|days| days > MAX_RETURN_DAYS) {
        let message = format!("返却期限日数は{MAX_RETURN_DAYS}日以下で入力してください。");
        errors.push(RowError::whole(line, "too_large", message));
    }
    errors
}

fn terms(contract: &ImportedContract) -> Terms {
    // A published file says nothing of the scope; what it says of the tender is kept beside the title.
    let scope = || match contract.bid_method {
        Some(method) => format!("{}\n入札方式：{method}", contract.title),
        None => contract.title.clone(),
    };
    Terms {
        title: contract.title.clone(),
        fiscal_year: contract.fiscal_year,
        amount_yen: contract.amount_yen,
        signed_on: contract.signed_on,
        starts_on: contract.starts_on,
        ends_on: contract.ends_on,
        scope: contract.scope.clone().unwrap_or_else(scope),
        data: contract.data.clone(),
        subcontracting: Subcontracting {
            policy: contract.policy.unwrap_or(Policy::ConsentRequired),
            max_tier: contract.max_tier,
            max_ratio_percent: contract.max_ratio_percent,
            overseas: contract.overseas.unwrap_or(Overseas::Prohibited),
            minor_limit_yen: contract.minor_limit_yen,
        },
        declaration_interval: contract.declaration_interval.unwrap_or(DeclarationInterval::None),
        return_due_days: contract.return_due_days.unwrap_or(RETURN_DUE_DAYS),
        department: contract.department.clone(),
    }
}

fn registration(app: &App, contract: &ImportedContract, vendor_id: OrganizationId) -> Registration {
    Registration {
        id: app.sources.new_id(),
        number: contract.number.clone(),
        vendor_id,
        terms: terms(contract),
        officer: None,
        origin: match contract.origin {
            Origin::Template => ContractOrigin::Template,
            Origin::Gbizinfo => ContractOrigin::Gbizinfo,
            Origin::Portal => ContractOrigin::Portal,
        },
        period_assumed: contract.period_assumed,
        joint_vendors: contract.joint_vendors.clone(),
        joint_agencies: contract.agencies.clone(),
    }
}
