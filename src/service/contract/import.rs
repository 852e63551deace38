//! Contracts from a file: all rows or none, unless bad ones may be left out; duplicates within the file and against
//! the ledger are recognized; each contract gets its own chain, all of them in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;

use super::register::{Registration, register_in};
use super::terms::{RETURN_DUE_DAYS, contradictions, questions};
use crate::db::organization::{NewOrganization, OrganizationRow};
use crate::db::register::Numbered;
use crate::db::{self, Author, ChainKey, Conn, DbError, Tx};
use crate::domain::access::OrganizationKind;
use crate::domain::company::{Likeness, NamedIn, is_placeholder, likeness, may_be_one, placeholder};
use crate::domain::contract::{ContractOrigin, DeclarationInterval, Overseas, Policy, Subcontracting, Terms};
use crate::domain::corporate_number::CorporateNumber;
use crate::domain::id::{ImportId, OrganizationId};
use crate::domain::text::{company_key, contains_my_number, number_key, same_company};
use crate::exchange::cell::quote;
use crate::exchange::contracts::{
    ContractFile, Difference, ImportedContract, ImportedVendor, Note, Origin, Outcome, OwnNames,
};
use crate::exchange::table::{RowError, WHOLE_ROW};
use crate::service::alert::organization_chain;
use crate::service::organization::{self, record_change};
use crate::service::register::Problem;
use crate::service::vendor::{CANDIDATES, OtherName, first_name, record_name};
use crate::service::{App, Failure, alert};

pub mod list;
mod look;

pub use look::{Fate, Look, LookedRow, LookedVendor, look};

/// Numbers looked up at once.
const CHUNK: usize = 500;

/// How a file is taken in.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// Nothing is written; the summary says what would be.
    pub dry_run: bool,
    /// Good rows are taken although others are bad.
    pub skip_bad: bool,
    /// The rows of other agencies are taken as the agency's own.
    pub all_agencies: bool,
}

/// Something a person should look at, though the row was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub line: u64,
    pub column: String,
    pub message: String,
}

impl From<&Note> for Warning {
    fn from(note: &Note) -> Self {
        Self { line: note.line, column: WHOLE_ROW.to_owned(), message: note.message.clone() }
    }
}

/// A 担当部署 that a file names and the agency has not registered: its contracts' mail goes to no department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownDepartment {
    pub name: String,
    /// The line that names it first.
    pub line: u64,
    pub contracts: usize,
}

/// Rows of a published file that are other agencies'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherAgency {
    /// As the file writes it; several with ／ between them.
    pub name: String,
    pub rows: usize,
}

/// What became of a file. `taken` + `duplicates` + `joined` + `elsewhere` + `bad` = `rows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportSummary {
    /// Whether anything was written: not in a dry run, not where a bad row stopped it, not where nothing was new.
    pub written: bool,
    /// By which it can be undone as one act; none where nothing was taken.
    pub run: Option<ImportId>,
    pub origin: String,
    pub encoding: String,
    pub rows: usize,
    /// Contracts written, or that would be.
    pub taken: usize,
    /// Rows that stand in the file already, or in the ledger.
    pub duplicates: usize,
    /// Rows of further parties of joint contracts, which are one contract each.
    pub joined: usize,
    /// Rows of other agencies, which are not taken.
    pub elsewhere: usize,
    /// Those agencies, the one with most rows first.
    pub other_agencies: Vec<OtherAgency>,
    pub bad: usize,
    /// Of the bad rows, those whose number has the form of a 個人番号: taken once someone says that it is none.
    pub numbers_in_question: usize,
    /// Vendors registered for them.
    pub new_vendors: usize,
    /// By the line that names them first.
    pub unknown_departments: Vec<UnknownDepartment>,
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
    import_for(app, author, agency, file, options)
}

/// As [`import`], for an agency that is known.
pub(super) fn import_for(
    app: &App,
    author: Option<Author>,
    agency: OrganizationId,
    file: &ContractFile,
    options: ImportOptions,
) -> Result<ImportSummary, Failure> {
    let file = &own_rows(app, agency, file, options)?;
    if options.dry_run {
        return app.db.read(|conn| Ok(Plan::make(conn, agency, file, app.today())?.summary(file)));
    }
    app.db.write_long(|conn| {
        let plan = Plan::make(conn, agency, file, app.today())?;
        let mut summary = plan.summary(file);
        if plan.problems.is_empty() || options.skip_bad {
            summary.written = !plan.taken.is_empty();
            summary.run = plan.carry_out(app, conn, author, agency, contract_origin(file.origin))?;
        }
        Ok(summary)
    })
}

/// The file as the agency takes it: a published one holds the rows of all agencies.
fn own_rows(
    app: &App,
    agency: OrganizationId,
    file: &ContractFile,
    options: ImportOptions,
) -> Result<ContractFile, Failure> {
    let (row, settings) = app.db.read_one::<_, DbError>(|conn| {
        Ok((db::organization::find(conn, agency)?, db::setting::find(conn, agency)?.0))
    })?;
    let own = OwnNames::new(&row.name, row.code.as_deref(), &settings.published_names);
    Ok(file.clone().of_agency(&own, options.all_agencies))
}

/// What is to be written for a file.
struct Plan<'a> {
    taken: Vec<(&'a ImportedContract, VendorKey, Option<OtherName>)>,
    duplicates: usize,
    /// The lines whose contracts the agency has.
    registered: HashSet<u64>,
    /// By line.
    problems: BTreeMap<u64, Vec<RowError>>,
    vendors: Vendors,
    warnings: Vec<Warning>,
    /// The day on which the file is taken in.
    today: NaiveDate,
    /// Someone said that the numbers like 個人番号 are none.
    numbers_confirmed: bool,
    /// Rows whose number is asked about.
    in_question: usize,
    /// The agency's 担当部署 as registered.
    departments: HashSet<String>,
    /// Those of contracts taken that are not among them, by the line that names them first.
    unknown_departments: BTreeMap<u64, (String, usize)>,
}

/// Said of a number that has the form of a 個人番号.
const NUMBER_IN_QUESTION: &str = "個人番号（マイナンバー）と同じ形の12桁の番号です。個人番号は記録できません。契約番号であることを確かめたときは、その旨を指定して取り込んでください。";

/// Whether a number has the form of a 個人番号. One that we made ourselves has none by meaning.
fn in_question(contract: &ImportedContract) -> bool {
    !matches!(contract.origin, Origin::Gbizinfo | Origin::GbizinfoDownload)
        && contains_my_number(&contract.number)
}

/// How a file's vendor is told from others: by number, else by the key of its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum VendorKey {
    Number(CorporateNumber),
    Name(String),
}

/// Whether a row's name and number mean one company.
enum Recognized {
    AsNamed,
    /// They do, by a name that is not the present one.
    Otherwise(Likeness, String),
    /// The number is another company's.
    Another(String),
}

/// The vendors of a file.
#[derive(Default)]
struct Vendors {
    known: HashMap<VendorKey, OrganizationId>,
    /// What the known ones with a number are called here; those with a name at all.
    names: HashMap<CorporateNumber, String>,
    /// Those of a number that have no name yet.
    nameless: HashMap<CorporateNumber, OrganizationId>,
    /// The numbers under which the file, or the register of vendors, has a name, by the name's key.
    numbered: HashMap<String, BTreeSet<CorporateNumber>>,
    /// Names of which there are several vendors without a number, by the name's key, with their addresses.
    several: HashMap<String, Vec<String>>,
    /// Every name that the corporate-number register has or had for a number, the latest first.
    register: HashMap<String, Vec<String>>,
    /// Numbers that belong to an agency.
    agencies: HashSet<CorporateNumber>,
    /// To be registered: the line that names it first, and the name it gets.
    new: BTreeMap<VendorKey, NewVendor>,
}

struct NewVendor {
    line: u64,
    origin: Origin,
    name: String,
    /// Neither the file nor the register says its name.
    nameless: bool,
    number: Option<CorporateNumber>,
}

impl<'a> Plan<'a> {
    fn make(
        conn: &mut Conn,
        agency: OrganizationId,
        file: &'a ContractFile,
        today: NaiveDate,
    ) -> Result<Self, Failure> {
        let present = present(conn, agency, file)?;
        let mut plan = Self {
            taken: Vec::new(),
            duplicates: 0,
            registered: HashSet::new(),
            problems: file.bad().map(|(line, errors)| (line, errors.to_vec())).collect(),
            vendors: Vendors::load(conn, file)?,
            warnings: Vec::new(),
            today,
            numbers_confirmed: file.numbers_confirmed,
            in_question: 0,
            departments: db::setting::departments(conn, agency, None, i64::MAX)?
                .into_iter()
                .map(|department| department.name)
                .collect(),
            unknown_departments: BTreeMap::new(),
        };
        for outcome in &file.outcomes {
            match outcome {
                Outcome::Taken { line, contract } => match present.get(&number_key(&contract.number)) {
                    Some(differences) => {
                        plan.duplicates += 1;
                        plan.registered.insert(*line);
                        plan.warnings.extend(differences.iter().map(|difference| differs(*line, difference)));
                    }
                    None => plan.judge(*line, contract),
                },
                Outcome::Duplicate { .. } => plan.duplicates += 1,
                Outcome::Joined { .. } | Outcome::Elsewhere { .. } | Outcome::Bad { .. } => {}
            }
        }
        Ok(plan)
    }

    fn judge(&mut self, line: u64, contract: &'a ImportedContract) {
        let mut errors = beyond_limits(line, contract, self.today);
        if in_question(contract) && !self.numbers_confirmed {
            self.in_question += 1;
            errors.push(RowError {
                line,
                column: contract.origin.number_column(),
                code: "looks_like_my_number",
                message: NUMBER_IN_QUESTION.to_owned(),
            });
        }
        let key = self.vendors.key(&contract.vendor);
        if contract.vendor.corporate_number.is_some_and(|number| self.vendors.agencies.contains(&number)) {
            let message = "この法人番号は機関として登録されているため、受託者にできません。".to_owned();
            errors.push(RowError::whole(line, "vendor_is_agency", message));
        }
        let column = contract.origin.vendor_name_column();
        let mut other_name = None;
        let mut warnings = Vec::new();
        let mut warn = |message| warnings.push(Warning { line, column: column.clone(), message });
        match self.vendors.recognize(&contract.vendor) {
            Recognized::AsNamed => {}
            Recognized::Otherwise(likeness, message) => {
                other_name = contract.vendor.name.clone().map(|name| OtherName { name, likeness });
                warn(message);
            }
            Recognized::Another(message) => {
                errors.push(RowError { line, column: column.clone(), code: "name_mismatch", message });
            }
        }
        self.vendors.same_name(&contract.vendor, key.as_ref()).into_iter().for_each(warn);
        match key {
            Some(key) if errors.is_empty() => {
                self.warnings.extend(warnings);
                let asked = questions(&terms(contract), self.today).into_iter();
                self.warnings.extend(asked.map(|message| Warning {
                    line,
                    column: contract.origin.number_column(),
                    message,
                }));
                self.vendors.meet(line, &key, contract);
                self.look_up_department(line, contract);
                self.taken.push((contract, key, other_name));
            }
            _ => {
                self.problems.insert(line, errors);
            }
        }
    }

    fn look_up_department(&mut self, line: u64, contract: &ImportedContract) {
        let Some(name) = contract.department.as_ref().filter(|name| !self.departments.contains(*name)) else {
            return;
        };
        if let Some((_, contracts)) = self.unknown_departments.values_mut().find(|(known, _)| known == name) {
            *contracts += 1;
        } else {
            self.unknown_departments.insert(line, (name.clone(), 1));
        }
    }

    fn summary(&self, file: &ContractFile) -> ImportSummary {
        let nameless = self.vendors.new.values().filter(|vendor| vendor.nameless);
        let mut warnings: Vec<Warning> = nameless
            .map(|vendor| Warning {
                line: vendor.line,
                column: vendor.origin.vendor_number_column(),
                message: format!(
                    "受託者の名称が分からないため「{}」として登録します。法人番号の登録情報を取り込んでから、名称を改めてください。",
                    vendor.name
                ),
            })
            .collect();
        warnings.extend(self.warnings.iter().cloned());
        warnings.extend(file.notes.iter().map(Warning::from));
        warnings.sort_by_key(|warning| warning.line);
        let mut others: BTreeMap<&str, usize> = BTreeMap::new();
        let mut joined = 0;
        for outcome in &file.outcomes {
            match outcome {
                Outcome::Elsewhere { agencies, .. } => *others.entry(agencies).or_default() += 1,
                Outcome::Joined { .. } => joined += 1,
                _ => {}
            }
        }
        let elsewhere = others.values().sum();
        let mut other_agencies: Vec<OtherAgency> =
            others.into_iter().map(|(name, rows)| OtherAgency { name: name.to_owned(), rows }).collect();
        other_agencies.sort_by_key(|other| std::cmp::Reverse(other.rows));
        ImportSummary {
            written: false,
            run: None,
            origin: file.origin.to_string(),
            encoding: file.encoding.to_string(),
            rows: file.outcomes.len(),
            taken: self.taken.len(),
            duplicates: self.duplicates,
            joined,
            elsewhere,
            other_agencies,
            bad: self.problems.len(),
            numbers_in_question: self.in_question,
            new_vendors: self.vendors.new.len(),
            unknown_departments: self
                .unknown_departments
                .iter()
                .map(|(line, (name, contracts))| UnknownDepartment {
                    name: name.clone(),
                    line: *line,
                    contracts: *contracts,
                })
                .collect(),
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
        origin: ContractOrigin,
    ) -> Result<Option<ImportId>, Failure> {
        if self.taken.is_empty() && self.vendors.named().is_empty() {
            return Ok(None);
        }
        let run = app.sources.new_id();
        let brought = i32::try_from(self.taken.len()).unwrap_or(i32::MAX);
        let chain = organization_chain(conn, agency)?;
        let mut tx = Tx::on(conn, &app.sources, author, chain)?;
        self.vendors.register(&mut tx)?;
        if self.taken.is_empty() {
            tx.close()?;
            return Ok(None);
        }
        let payload = json!({"import_id": run, "origin": origin, "contracts": brought});
        let recorded = tx.record("contract.imported", run, &payload)?;
        db::contract::add_import(&mut tx, run, origin, brought, &recorded)?;
        tx.close()?;
        let today = app.today();
        for (contract, key, other_name) in self.taken {
            let lost = || Failure::Internal("a vendor of the file was not registered".to_owned());
            let vendor_id = self.vendors.known.get(&key).copied().ok_or_else(lost)?;
            let new = registration(app, contract, vendor_id, run);
            let chain = ChainKey::New { id: new.id.cast(), organization_id: agency };
            let mut tx = Tx::on(conn, &app.sources, author, chain)?;
            let (place, _) = register_in(&mut tx, &new)?;
            if let Some(other) = &other_name {
                record_name(&mut tx, new.id, place, NamedIn::Contract, other)?;
            }
            if contract.vendor.corporate_number.is_some() {
                alert::tell_closed(&mut tx, agency, new.id)?;
            }
            db::due::set(tx.conn, db::due::CONTRACT, new.id, agency, Some(today))?;
            tx.close()?;
        }
        Ok(Some(run))
    }
}

impl Vendors {
    fn load(conn: &mut Conn, file: &ContractFile) -> Result<Self, Failure> {
        let mut found = Self::default();
        let numbers = numbers(file);
        let numbers: Vec<&str> = numbers.iter().map(CorporateNumber::as_str).collect();
        found.register = db::register::names_of(conn, &numbers)?;
        for (number, Numbered { id, kind, name, .. }) in db::register::organizations_of(conn, &numbers)? {
            let Ok(number) = number.parse::<CorporateNumber>() else { continue };
            if kind == OrganizationKind::Vendor {
                found.known.insert(VendorKey::Number(number), id);
                if is_placeholder(&name, Some(number.as_str())) {
                    found.nameless.insert(number, id);
                } else {
                    found.names.insert(number, name);
                }
            } else {
                found.agencies.insert(number);
            }
        }
        let named: HashSet<&str> = file
            .taken()
            .filter(|(_, contract)| contract.vendor.corporate_number.is_none())
            .filter_map(|(_, contract)| contract.vendor.name.as_deref())
            .collect();
        for (_, contract) in file.taken() {
            if let (Some(number), Some(name)) = (contract.vendor.corporate_number, &contract.vendor.name) {
                found.numbered.entry(company_key(name)).or_default().insert(number);
            }
        }
        for name in named {
            let key = company_key(name);
            let unnumbered = db::organization::unnumbered_vendors(conn, name, None, CANDIDATES)?;
            if let [first, _, ..] = unnumbered.as_slice() {
                found.known.insert(VendorKey::Name(key.clone()), first.id);
                let addresses = unnumbered.iter().map(|row| row.address.clone().unwrap_or_default());
                found.several.insert(key, addresses.collect());
            } else if let [only] = unnumbered.as_slice() {
                found.known.insert(VendorKey::Name(key), only.id);
            } else {
                for row in db::organization::numbered_vendors(conn, name, CANDIDATES)? {
                    let number = row.corporate_number.as_deref().map(str::parse::<CorporateNumber>);
                    let Some(Ok(number)) = number else { continue };
                    found.numbered.entry(key.clone()).or_default().insert(number);
                    found.known.insert(VendorKey::Number(number), row.id);
                    found.names.insert(number, row.name);
                }
            }
        }
        Ok(found)
    }

    /// How the vendor is told from others. One without a number is the one company that has its name with a number, in the
    /// file or here. None never occurs: the reader refuses a row with neither.
    fn key(&self, vendor: &ImportedVendor) -> Option<VendorKey> {
        let name = match (vendor.corporate_number, &vendor.name) {
            (Some(number), _) => return Some(VendorKey::Number(number)),
            (None, name) => company_key(name.as_deref()?),
        };
        let is_known = self.known.contains_key(&VendorKey::Name(name.clone()));
        let mut numbered = self.numbered.get(&name).into_iter().flatten();
        match (numbered.next(), numbered.next()) {
            (Some(only), None) if !is_known => Some(VendorKey::Number(*only)),
            _ => Some(VendorKey::Name(name)),
        }
    }

    /// What a person should look at where a name without a number is not one vendor's alone.
    fn same_name(&self, vendor: &ImportedVendor, key: Option<&VendorKey>) -> Vec<String> {
        let (None, Some(name)) = (vendor.corporate_number, &vendor.name) else { return Vec::new() };
        let mut said = Vec::new();
        match key {
            Some(VendorKey::Number(number)) => said.push(format!(
                "法人番号の記載がないため、同じ名称の事業者（法人番号{number}）の契約として登録します。別の事業者のときは、法人番号を記入してください。"
            )),
            Some(VendorKey::Name(key)) => {
                if let Some(addresses) = self.several.get(key) {
                    let address = |text: &String| if text.is_empty() { "所在地の登録なし".to_owned() } else { quote(text) };
                    said.push(format!(
                        "同じ名称の、法人番号のない事業者が{}件登録されています（{}）。最初に登録されたものの契約として登録します。",
                        addresses.len(),
                        addresses.iter().map(address).collect::<Vec<_>>().join("、"),
                    ));
                }
                if let Some(numbered) = self.numbered.get(key) {
                    let numbers: Vec<&str> = numbered.iter().map(CorporateNumber::as_str).collect();
                    said.push(format!(
                        "{}には、法人番号のある同じ名称の事業者（{}）があります。法人番号のない別の事業者として登録します。同じ事業者であれば、法人番号を記入してください。",
                        quote(name),
                        numbers.join("、"),
                    ));
                }
            }
            None => {}
        }
        said
    }

    /// Whether name and number mean one company. A slip of 0 and 9 passes the check digit, so a number that is known
    /// is not believed when the name is another's; one that the company had before is said, not refused.
    fn recognize(&self, given: &ImportedVendor) -> Recognized {
        let (Some(number), Some(name)) = (given.corporate_number, &given.name) else {
            return Recognized::AsNamed;
        };
        let met = self.new.get(&VendorKey::Number(number)).filter(|vendor| !vendor.nameless);
        let here = self.names.get(&number).or(met.map(|vendor| &vendor.name));
        let register = self.register.get(number.as_str()).map(Vec::as_slice).unwrap_or_default();
        let Some(known) = here.or(register.first()) else { return Recognized::AsNamed };
        if same_company(known, name) {
            return Recognized::AsNamed;
        }
        if register.iter().any(|registered| same_company(registered, name)) {
            let message = format!(
                "{}は、法人番号{number}の登録情報にある名称です。ここでは「{known}」として登録します。",
                quote(name)
            );
            return Recognized::Otherwise(Likeness::Same, message);
        }
        let mut alike = std::iter::once(known).chain(register).map(|known| likeness(known, name));
        if alike.any(|likeness| likeness == Likeness::Akin) {
            let message = format!(
                "{}は、法人番号{number}の事業者「{known}」の契約として登録します。記載された名義は契約に残します。",
                quote(name)
            );
            return Recognized::Otherwise(Likeness::Akin, message);
        }
        Recognized::Another(format!(
            "法人番号{number}の事業者は「{known}」です。{}ではありません。名称または番号を確かめてください。",
            quote(name)
        ))
    }

    /// Notes a vendor that is not registered yet, and the first name of one that had none.
    fn meet(&mut self, line: u64, key: &VendorKey, contract: &ImportedContract) {
        let given = &contract.vendor;
        let number = given.corporate_number;
        if let (Some(number), Some(name)) = (number, &given.name)
            && self.nameless.contains_key(&number)
            && !self.names.contains_key(&number)
        {
            let register = self.register.get(number.as_str()).map(Vec::as_slice).unwrap_or_default();
            self.names.insert(number, first_name(register, name));
        }
        if self.known.contains_key(key) {
            return;
        }
        let register = number.and_then(|number| self.register.get(number.as_str()));
        let register = register.map(Vec::as_slice).unwrap_or_default();
        if let Some(met) = self.new.get_mut(key) {
            // The head office may stand in a later row than its branch, and a name later than the number.
            if let Some(name) = &given.name
                && register.is_empty()
                && (met.nameless || is_shorter(name, &met.name))
            {
                met.name = first_name(&[], name);
                met.nameless = false;
            }
            return;
        }
        let name = match (&given.name, number) {
            (Some(name), Some(_)) => Some(first_name(register, name)),
            (Some(name), None) => Some(name.clone()),
            (None, _) => register.first().cloned(),
        };
        // Of a row without a number: the company that has its name with one.
        let number = match key {
            VendorKey::Number(number) => Some(*number),
            VendorKey::Name(_) => None,
        };
        let nameless = name.is_none();
        let name = name.or_else(|| number.map(placeholder)).unwrap_or_default();
        let new = NewVendor { line, origin: contract.origin, name, nameless, number };
        self.new.insert(key.clone(), new);
    }

    /// Those without a name so far that the file names.
    fn named(&self) -> Vec<(OrganizationId, String)> {
        let named = self.nameless.iter();
        named.filter_map(|(number, id)| Some((*id, self.names.get(number)?.clone()))).collect()
    }

    /// Registers what is new, in the agency's own chain.
    fn register(&mut self, tx: &mut Tx<'_>) -> Result<(), Failure> {
        for (id, name) in self.named() {
            let before = db::organization::find(tx.conn, id)?;
            record_change(tx, &before, OrganizationRow { name, ..before.clone() })?;
        }
        for (key, vendor) in std::mem::take(&mut self.new) {
            let id: OrganizationId = tx.new_id();
            let salt = tx.sources.token();
            let new = NewOrganization {
                id,
                kind: OrganizationKind::Vendor,
                code: None,
                name: &vendor.name,
                corporate_number: vendor.number,
                country: "JP",
                address: None,
                contact_email: None,
                salt: &salt,
            };
            organization::insert(tx, &new)?;
            self.known.insert(key, id);
        }
        Ok(())
    }
}

/// Whether the name is the other's beginning: that of the head office beside its branch's.
fn is_shorter(name: &str, other: &str) -> bool {
    let (name, other) = (company_key(name), company_key(other));
    name.len() < other.len() && other.starts_with(&name)
}

fn numbers(file: &ContractFile) -> Vec<CorporateNumber> {
    let numbers: HashSet<CorporateNumber> =
        file.taken().filter_map(|(_, contract)| contract.vendor.corporate_number).collect();
    numbers.into_iter().collect()
}

/// Those of the file's numbers that the agency has, by their keys, each with what the file says otherwise. What any of the recorded
/// terms say is no difference: a file imported before stays the same when the contract was changed since.
fn present(
    conn: &mut Conn,
    agency: OrganizationId,
    file: &ContractFile,
) -> Result<HashMap<String, Vec<Difference>>, Failure> {
    let stated: Vec<&ImportedContract> = file.taken().map(|(_, contract)| contract).collect();
    let mut present = HashMap::new();
    for chunk in stated.chunks(CHUNK) {
        let numbers: Vec<&str> = chunk.iter().map(|contract| contract.number.as_str()).collect();
        let mut recorded = db::contract::recorded(conn, agency, &numbers)?;
        for contract in chunk {
            let key = number_key(&contract.number);
            let Some(recorded) = recorded.remove(&key) else { continue };
            let of_terms = recorded.terms.iter().map(|terms| contract.differences(terms));
            let mut differences = of_terms.min_by_key(Vec::len).unwrap_or_default();
            differences.extend(other_vendor(contract, &recorded));
            present.insert(key, differences);
        }
    }
    Ok(present)
}

/// The vendor, where the file names another than the contract has.
fn other_vendor(contract: &ImportedContract, recorded: &db::contract::Recorded) -> Option<Difference> {
    let ImportedVendor { name, corporate_number } = &contract.vendor;
    let number = corporate_number.map(|number| number.to_string());
    // A joint contract may be recorded under any of its parties.
    if contract.joint_vendors.iter().any(|joint| same_company(joint, &recorded.vendor_name)) {
        return None;
    }
    match (number, name) {
        (Some(number), _) if recorded.vendor_number.as_ref() == Some(&number) => None,
        (None, Some(name)) if may_be_one(name, &recorded.vendor_name) => None,
        (Some(number), _) => Some(Difference {
            column: contract.origin.vendor_number_column(),
            stated: quote(&number),
            recorded: quote(recorded.vendor_number.as_ref().unwrap_or(&recorded.vendor_name)),
        }),
        (None, name) => Some(Difference {
            column: contract.origin.vendor_name_column(),
            stated: quote(name.as_deref().unwrap_or_default()),
            recorded: quote(&recorded.vendor_name),
        }),
    }
}

fn differs(line: u64, difference: &Difference) -> Warning {
    let Difference { column, stated, recorded } = difference;
    let message = format!(
        "この契約番号はすでに登録されていますが、登録済みの{recorded}と異なり{stated}とあります。登録済みの内容は変えていません。変更は変更契約として登録してください。"
    );
    Warning { line, column: column.clone(), message }
}

/// What a file may say but a contract can't have.
fn beyond_limits(line: u64, contract: &ImportedContract, today: NaiveDate) -> Vec<RowError> {
    contradictions(&terms(contract), today)
        .into_iter()
        .map(|error| RowError::whole(line, "contradiction", error.message))
        .collect()
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
        unit_price: contract.unit_price.clone(),
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

fn contract_origin(origin: Origin) -> ContractOrigin {
    match origin {
        Origin::Template => ContractOrigin::Template,
        Origin::Gbizinfo | Origin::GbizinfoDownload => ContractOrigin::Gbizinfo,
        Origin::Portal => ContractOrigin::Portal,
    }
}

fn registration(
    app: &App,
    contract: &ImportedContract,
    vendor_id: OrganizationId,
    run: ImportId,
) -> Registration {
    Registration {
        id: app.sources.new_id(),
        number: contract.number.clone(),
        vendor_id,
        terms: terms(contract),
        officer: None,
        origin: contract_origin(contract.origin),
        period_assumed: contract.period_assumed,
        joint_vendors: contract.joint_vendors.clone(),
        joint_agencies: contract.agencies.names.clone(),
        import_id: Some(run),
        number_confirmed: in_question(contract),
    }
}
